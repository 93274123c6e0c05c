# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A read result that was changed after it was sealed is rejected, compressed or not."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._collect.result import IDENTITY, open_result
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_time

NOW = parse_time("2026-11-21T06:49:00Z")


def _build(*, compress: bool) -> dict[str, Any]:
    collector = Collector("backup.example", "spp", since="2026-01-01", selection={"workload_names": ["*"]})
    collector.version, collector.skew_micros, collector.scope = "1.2", 0, {"inventory": True}
    collector.set_identity("6745a759")
    collector.start()
    collector.read_at = NOW
    collector.add_problem(AuditError("two are missing", code="incomplete"))
    for number, name in enumerate(("db01", "db02", "Zürich")):
        workload = Workload(id=f"id-{number}", name=name, type="vm", in_inventory=True, origin="a")
        workload.platform, workload.vendor_platform = "vmware", "VMware"
        for day in range(3):
            collector.add_point(
                RecoveryPoint(
                    id=f"{number}/{day}",
                    workload=workload,
                    created=NOW - day * DAY * SECOND,
                    kind="full",
                    usable=True,
                    size_bytes=1000 + day,
                    copies=[Copy(location="disk1")],
                    immutable_until=NOW + DAY * SECOND,
                )
            )
    return collector.result(compress=compress)


PLAIN, COMPRESSED = _build(compress=False), _build(compress=True)


def _content(value: Any) -> list[Any]:
    opened = open_result(value)
    blocks = [
        (block.classes, block.counts, block.codes, block.times, block.moments, block.sizes())
        for block in opened.blocks()
    ]
    return [dict(opened.frame), list(opened.identities()), blocks]


WHOLE = _content(PLAIN)


def _leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from _leaves(inner, (*path, step))


def _is_covered(path: tuple[Any, ...]) -> bool:
    """Return whether the digest covers a field: everything except numbers that are derived from the points."""
    if path[0] == "workloads":
        return len(path) < 3 or path[2] in IDENTITY
    return path[0] not in ("totals", "http_requests")


COVERED = [path for path in _leaves(PLAIN) if _is_covered(path)]
NUMBERS = [path for path in _leaves(PLAIN) if not _is_covered(path)]


def test_generated_results_have_all_parts() -> None:
    found = {path[0] for path in COVERED}
    assert found == {
        *("schema", "server", "read_at", "selection", "complete", "errors", "workloads", "points", "sha256")
    }
    assert {path[2] for path in COVERED if path[0] == "workloads" and len(path) == 3} == set(IDENTITY)
    assert ("workloads", 0, "recovery_points") in NUMBERS


@pytest.mark.parametrize("member", ["points", "data"])
def test_a_flipped_bit_of_compressed_data_never_gives_another_result(member: str) -> None:
    """Each bit is flipped.

    Only a few are ignored: some bits of the zlib header and of the padding after its last block, and bits that make a
    reference point to another occurrence of the same bytes.
    """
    data = base64.b64decode(COMPRESSED[member][0])
    passed = 0
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            found = _content({**COMPRESSED, member: [base64.b64encode(flipped).decode("ascii")]})
        except DataError:
            continue
        assert found == WHOLE
        passed += 1
    assert passed < 24


def _replace(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(PLAIN)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed


VALUES: st.SearchStrategy[Any] = st.sampled_from([None, True, False, 0, 1, 10**9, "x", "pass", [], {}])


def _get(path: tuple[Any, ...]) -> Any:
    node = PLAIN
    for step in path:
        node = node[step]
    return node


@given(st.sampled_from(COVERED), VALUES)
def test_a_changed_field_of_a_sealed_result_is_rejected(path: tuple[Any, ...], value: Any) -> None:
    if json.dumps(_get(path)) == json.dumps(value):
        return
    with pytest.raises(DataError):
        open_result(_replace(path, value))


@given(st.sampled_from(NUMBERS), VALUES)
def test_a_changed_derived_number_has_no_effect(path: tuple[Any, ...], value: Any) -> None:
    assert _content(_replace(path, value)) == WHOLE


@pytest.mark.parametrize("path", COVERED, ids=str)
def test_a_removed_field_of_a_sealed_result_is_rejected(path: tuple[Any, ...]) -> None:
    changed = copy.deepcopy(PLAIN)
    node = changed
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    with pytest.raises(DataError):
        open_result(changed)


def test_both_forms_have_the_same_content() -> None:
    assert PLAIN["sha256"] == COMPRESSED["sha256"]
    assert _content(COMPRESSED) == WHOLE
    assert [len(rows) for rows in (WHOLE[1], WHOLE[2])] == [3, 1]
