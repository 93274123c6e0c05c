# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary does not depend on the order of points or on duplicates."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    KINDS,
    STATUSES,
    Copy,
    RecoveryPoint,
    Workload,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_time
from tests.unit.plugins.module_utils._collect.summary_rows import (
    DB01,
    NOW,
    ago,
    build,
    contents,
    point,
    row,
    rows,
)


def read(points: Iterable[RecoveryPoint]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows, and the contents of the blocks by row."""
    found, blocks = build(points)
    return found, contents(blocks)


# Duplicate points


def test_a_point_listed_twice_counts_once() -> None:
    points = [point(1, id="a", size_bytes=5), point(1, id="a", size_bytes=5), point(2, id="b", size_bytes=7)]
    found = row(*points)
    assert (found["recovery_points"], found["size_bytes"], found["by_status"]) == (2, 12, {"success": 2})


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"usable": True}, {"usable": None}),
        ({"usable": None}, {"usable": False}),
        ({"kind": "full"}, {"kind": "snapshot"}),
        ({"immutable": True}, {"immutable": False}),
        ({"immutable": True}, {"immutable": None}),
        ({"malware": "clean"}, {"malware": "infected"}),
        ({"malware": None}, {"malware": "suspicious"}),
        ({"malware": "clean"}, {"malware": None}),
        ({"days": 1}, {"days": 2, "usable": None}),
        ({"size_bytes": 9}, {"size_bytes": None}),
        ({"restore_tested": True, "tested_at": ago(1)}, {"restore_tested": True, "tested_at": ago(9)}),
        ({"restore_tested": True, "tested_at": ago(1)}, {"restore_tested": True}),
    ],
)
def test_the_less_favorable_record_of_a_point_counts(better: dict[str, Any], worse: dict[str, Any]) -> None:
    alone = read([point(**worse, id="a")])
    assert read([point(**better, id="a"), point(**worse, id="a")]) == alone
    assert read([point(**worse, id="a"), point(**better, id="a")]) == alone


# Order of points


FACT = st.sampled_from([True, False, None])
ANY_POINT = st.builds(
    RecoveryPoint,
    id=st.sampled_from([f"p{number}" for number in range(8)]),
    workload=st.sampled_from([1, 2]).map(lambda number: Workload(id=str(number), name=f"db{number}", type="vm")),
    # Points in the future, undated points, and others.
    created=st.sampled_from([0, *(ago(days) for days in (-1, 0, 0.5, 1, 6, 7, 8, 40, 400))]),
    kind=st.sampled_from(KINDS),
    status=st.sampled_from(STATUSES),
    usable=FACT,
    size_bytes=st.sampled_from([None, 0, 5, 9]),
    copies=st.sampled_from([None, [], [Copy(location="a")], [Copy(location="b", location_type="disk")]]),
    restore_tested=FACT,
    tested_at=st.sampled_from([None, ago(-1), ago(0.1), ago(3)]),
    integrity_checked=FACT,
    checked_at=st.sampled_from([None, ago(0.2)]),
    encrypted=FACT,
    immutable=FACT,
    malware=st.sampled_from([None, "clean", "suspicious", "infected"]),
    inferred=st.sampled_from([(), ("immutable",), ("encrypted", "immutable")]),
    declared=st.sampled_from([(), ("offsite",)]),
)


@given(st.lists(ANY_POINT, max_size=20), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_any_order_gives_the_same_rows(points: list[RecoveryPoint], chance: random.Random) -> None:
    shuffled = list(points)
    chance.shuffle(shuffled)
    assert read(shuffled) == read(points)


@given(st.lists(ANY_POINT, max_size=12), st.integers(1, 12))
def test_repeated_points_have_no_effect(points: list[RecoveryPoint], count: int) -> None:
    assert read([*points, *points[:count]]) == read(points)


@given(st.lists(ANY_POINT, max_size=12), st.sampled_from(sorted(COUNTING_KINDS)), st.sampled_from([0, 1, 9, 500]))
def test_an_additional_usable_point_never_makes_a_result_worse(
    points: list[RecoveryPoint], kind: str, days: int
) -> None:
    points = [each for each in points if each.workload.id == "1"]
    before = rows(points)
    (after,) = rows([*points, point(days, id="new", kind=kind, workload=Workload(id="1", name="db1", type="vm"))])
    earlier: dict[str, Any] = before[0] if before else {"recovery_points": 0}
    assert after["recovery_points"] == earlier["recovery_points"] + 1
    assert parse_time(after["newest"]) >= ago(days)
    assert parse_time(after["oldest"]) <= ago(days)
    for name, attribute in earlier.get("attributes", {}).items():
        assert after["attributes"][name]["count"] >= attribute["count"]


@given(st.lists(ANY_POINT, max_size=15, unique_by=lambda each: each.id))
def test_every_point_is_counted_exactly_once(points: list[RecoveryPoint]) -> None:
    found, blocks = build(points)
    for each, content in zip(found, contents(blocks), strict=True):
        mine = [one for one in points if one.workload.id == each["workload_id"]]
        dated = [one for one in mine if 0 < one.created <= NOW]
        undated = [one for one in mine if one.created == 0]
        assert len(content["points"]) == len(dated)
        assert sum(count for _facts, count in content["undated"]) == each.get("undated", 0) == len(undated)
        assert content["in_future"] == each.get("in_future", 0) == len(mine) - len(dated) - len(undated)
        assert sum(each.get("by_status", {}).values()) == len(dated) + len(undated)
        # The collector sets usable to unknown if a point has no plausible time.
        usable = [one for one in dated + undated if one.usable is True]
        assert each["recovery_points"] == sum(one.kind in COUNTING_KINDS for one in usable)
        by_kind = sum(one.usable is not False for one in dated + undated)
        assert sum(each.get("by_kind", {}).values()) == by_kind
        possible = [one for one in dated if one.usable is not False]
        possible = [one for one in possible if one.kind in {*COUNTING_KINDS, "unknown"}]
        for name, attribute in each.get("attributes", {}).items():
            total = sum(attribute.get(part, 0) for part in ("count", "unknown", "inferred", "declared"))
            assert total <= len(possible) + len(undated), name
            # All points may be undated.
            assert ("newest" in attribute) is (attribute["count"] > 0) or undated


def test_memory_for_each_point() -> None:
    workload = Workload(**DB01)
    summary = Summary("backup.example", NOW)
    count = 200_000
    tracemalloc.start()
    try:
        for number in range(count):
            summary.add(
                RecoveryPoint(
                    id=str(number),
                    workload=workload,
                    created=NOW - number * SECOND,
                    kind="full",
                    usable=True,
                    size_bytes=1,
                )
            )
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / count < 60
    assert summary.build()[0][0]["recovery_points"] == count
