# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect import columns
from ansible_collections.backup.audit.plugins.module_utils._collect.columns import to_blocks, to_rows
from ansible_collections.backup.audit.plugins.module_utils._collect.result import SCHEMA, compress, open_result, seal
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["", "a", "b"]), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["", "a", "b", "c"]), VALUES, max_size=4), max_size=9)


@given(ROWS)
def test_rows_come_back_as_they_were(rows: list[dict[str, Any]]) -> None:
    assert list(to_rows(json.loads(json.dumps(to_blocks(rows))))) == rows


@given(ROWS, ROWS)
def test_different_rows_are_different_blocks(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """The digest covers the blocks: any change in a row changes the blocks."""
    assert (json.dumps(to_blocks(one)) == json.dumps(to_blocks(other))) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


def test_long_lists_are_cut_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "ROWS", 3)
    rows = [{"number": number, **({"odd": {"half": number // 2}} if number % 2 else {})} for number in range(8)]
    blocks = to_blocks(rows)
    assert [block[0] for block in blocks] == [3, 3, 2]
    assert list(to_rows(blocks)) == rows


def test_rows_that_stand_beside_blocks_are_taken_as_they_are() -> None:
    assert list(to_rows([*to_blocks([{"a": 1}]), {"b": 2}, *to_blocks([{}, {"c": {"d": 3}}])])) == [
        {"a": 1},
        {"b": 2},
        {},
        {"c": {"d": 3}},
    ]


@pytest.mark.parametrize(
    "block",
    [
        [],
        [1],
        [1, [["a"]], []],
        [1, [["a"]], [[]]],
        [2, [["a"]], [[1]]],
        [-1, [], []],
        [10**9, [], []],
        [1, [[]], [[1]]],
        [1, ["a"], 7],
        ["1", [["a"]], [[1]]],
        [1, [[["a"]]], [[1]]],
        [1, [[{}]], [[1]]],
        [1, [["a", None], ["b", "c"]], [[1]]],
    ],
)
def test_a_block_that_is_none_is_refused(block: Any) -> None:
    # An item that is not a row is serialized unchanged, so that the digest matches.
    with pytest.raises(DataError, match="contains an invalid row"):
        open_result(compress({"schema": SCHEMA, "workloads": [block]}))


def test_a_plain_row_that_gained_a_null_is_altered() -> None:
    sealed = seal({"schema": SCHEMA, "workloads": [{"workload_name": "db01"}]})
    added: tuple[dict[str, Any], ...] = ({"newest": None}, {"backup_types": {}})
    for more in added:
        with pytest.raises(DataError, match="altered"):
            open_result({**sealed, "workloads": [{"workload_name": "db01", **more}]})
