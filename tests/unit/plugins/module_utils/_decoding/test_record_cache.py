# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Equal records share one cached value; records that are only similar (1, 1.0, True) do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding import record_cache
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import PointTemplates, RecordCache

_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 2), st.sampled_from([0.0, 1.0, 1.5, "", "1", "true"]), st.just([1])
)


def canonical_key(record: Any) -> str:
    """Return a text that differs for all different records, also for 1, 1.0 and True."""
    return repr([record.get(name) for name in ("a", "b")])


@given(st.lists(st.dictionaries(st.sampled_from("abc"), _VALUES), max_size=30))
def test_different_records_have_different_keys(records: list[dict[str, Any]]) -> None:
    alike = RecordCache(("a", "b"), canonical_key)
    assert [alike.get(record) for record in records] == [canonical_key(record) for record in records]


def test_each_value_is_computed_once_from_its_record() -> None:
    seen: list[dict[str, Any]] = []

    def compute(record: Any) -> object:
        seen.append(dict(record))
        return object()

    alike = RecordCache(("a", "b"), compute)
    first = alike.get({"a": "x", "c": 1})
    assert alike.get({"a": "x", "c": 2}) is first
    assert alike.get({"a": "y"}) is not first
    assert seen == [{"a": "x", "b": None}, {"a": "y", "b": None}]


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_cache, "_MAX_ENTRIES", 10)
    alike = RecordCache(("a",), canonical_key)
    for number in range(100):
        assert alike.get({"a": number}) == canonical_key({"a": number})
        assert len(alike._value_caches["a",]._cache) <= 10


def test_the_cache_of_shapes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_cache, "_MAX_SHAPES", 10)
    alike = RecordCache(("a", "b"), canonical_key)
    for number in range(100):
        assert alike.get({"a": 1, f"c{number}": 2}) == canonical_key({"a": 1})
        assert len(alike._shapes) <= 10


def test_patterns_belong_to_one_owner() -> None:
    alike = PointTemplates(("kind", "place"))
    pattern = RecoveryPoint(id="x", workload=Workload(id="1"), created=0)
    record = {"kind": "Full", "place": None, "size": 1}
    assert alike.get(record, "1") is None
    alike.add(record, pattern, "1")
    assert alike.get({**record, "size": 2}, "1") is pattern
    assert alike.get(record, "2") is None
    assert alike.get(record) is None
    for odd in ({"kind": "Full"}, {"kind": 1, "place": "x"}, {"kind": True, "place": "x"}, {"kind": [], "place": "x"}):
        alike.add(odd, pattern, "1")
        assert alike.get(odd, "1") is None


def test_the_cache_of_patterns_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_cache, "_MAX_ENTRIES", 10)
    alike = PointTemplates(("kind", "place"))
    for number in range(100):
        record = {"kind": "Full", "place": str(number)}
        alike.add(record, RecoveryPoint(id="x", workload=Workload(id="1"), created=number))
        known = alike.get(record)
        assert known is not None
        assert known.created == number
        assert len(alike._cache) <= 10
