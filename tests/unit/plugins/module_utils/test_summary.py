# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import random
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._calendar import Calendar
from ansible_collections.backup.audit.plugins.module_utils._model import (
    COUNTING_KINDS,
    KINDS,
    STATUSES,
    Copy,
    RecoveryPoint,
    Workload,
)
from ansible_collections.backup.audit.plugins.module_utils._summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._times import DAY, SECOND, format_time, parse_time

NOW = parse_time("2026-11-21T06:49:00Z")
DB01: dict[str, Any] = {"id": "1", "name": "db01", "type": "vm", "platform": "vmware"}
_numbers = itertools.count()


def ago(days: float) -> int:
    return NOW - round(days * DAY * SECOND)


def shown(days: float) -> str:
    return format_time(ago(days))


def point(days: float = 1, **more: Any) -> RecoveryPoint:
    """A usable full backup of db01, so many days old."""
    facts = {"kind": "full", "status": "success", "usable": True, "workload": Workload(**DB01), **more}
    return RecoveryPoint(**{"id": f"p{next(_numbers)}", "created": ago(days), **facts})


def rows(points: Iterable[RecoveryPoint], **more: Any) -> list[dict[str, Any]]:
    summary = Summary("backup.example", "spp", NOW, Calendar(), **more)
    for each in points:
        summary.add(each)
    return summary.rows()


def row(*points: RecoveryPoint, **more: Any) -> dict[str, Any]:
    (only,) = rows(points, **more)
    return only


# What counts


def test_a_row_says_who_it_is_about() -> None:
    workload = Workload(**DB01, in_inventory=True, origin="vbr1")
    found = row(point(1, workload=workload))
    assert {name: found[name] for name in list(found)[:8]} == {
        "source": "backup.example",
        "origin": "vbr1",
        "product": "spp",
        "workload_id": "1",
        "workload_name": "db01",
        "workload_type": "vm",
        "platform": "vmware",
        "in_inventory": True,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_snapshots_logs_and_configuration_are_no_recovery_points(kind: str) -> None:
    found = row(point(2, kind=kind))
    counts = kind in COUNTING_KINDS
    assert found["recovery_points"] == (1 if counts else 0)
    assert found["newest"] == (shown(2) if counts or kind == "continuous" else None)
    assert found["newest_age_seconds"] == (2 * DAY if counts or kind == "continuous" else None)
    assert bool(found["gaps"]) is counts
    assert found["by_kind"] == {kind: 1}
    assert found["facets"]["immutable"]["unknown"] == (1 if counts else None)


def test_continuous_protection_counts_for_newest_and_oldest_only() -> None:
    found = row(point(5), point(9, kind="continuous"), point(0.5, kind="continuous"))
    assert found["recovery_points"] == found["facets"]["recovery_points"]["count"] == 1
    assert (found["newest"], found["oldest"]) == (shown(0.5), shown(9))
    assert found["facets"]["recovery_points"]["newest"] == shown(0.5)
    assert found["gaps"]["all"] == 5 * DAY


def test_only_usable_points_count_and_unusable_ones_are_shown_by_status() -> None:
    found = row(
        point(1),
        point(0.2, usable=False, status="failed"),
        point(0.1, usable=None, status="unknown"),
        point(3, usable=True, status="warning"),
    )
    assert found["recovery_points"] == 2
    assert (found["newest"], found["oldest"]) == (shown(1), shown(3))
    assert found["by_kind"] == {"full": 3}
    assert found["by_status"] == {"failed": 1, "success": 1, "unknown": 1, "warning": 1}
    points = found["facets"]["recovery_points"]
    assert (points["count"], points["unknown"], points["false"]) == (2, 1, 1)
    assert points["newest_unknown"] == points["oldest_unknown"] == shown(0.1)
    assert points["newest_false"] == shown(0.2)


def test_ages_are_whole_seconds_rounded_up() -> None:
    assert row(point(1, created=NOW - 10 * SECOND - 1))["newest_age_seconds"] == 11


def test_copies_are_no_further_points() -> None:
    copies = [Copy(location="a"), Copy(location="b"), Copy(location="b")]
    assert row(point(1, copies=copies))["recovery_points"] == 1


@pytest.mark.parametrize(("ahead", "counts"), [(0, True), (300 * SECOND, True), (300 * SECOND + 1, False)])
def test_points_dated_in_the_future_are_left_out_and_counted(ahead: int, counts: bool) -> None:
    found = row(point(3), point(created=NOW + ahead, verified=True, verified_at=NOW), history=True)
    assert found["recovery_points"] == (2 if counts else 1)
    assert found["in_future"] == (None if counts else 1)
    assert found["newest"] == format_time(NOW + ahead if counts else ago(3))
    assert found["facets"]["verified"]["count"] == (1 if counts else 0)
    assert found["facets"]["verified"]["tested_at"] == (format_time(NOW) if counts else None)
    assert sum(found["by_status"].values()) == (2 if counts else 1)


def test_only_those_beyond_the_tolerance_are_left_out() -> None:
    found = row(*(point(created=NOW + seconds * SECOND) for seconds in (299, 300, 301)))
    assert (found["recovery_points"], found["in_future"]) == (2, 1)
    assert found["newest"] == format_time(NOW + 300 * SECOND)


def test_a_row_of_nothing_but_the_future_has_no_points() -> None:
    found = row(point(-1), point(-2, kind="snapshot"))
    assert (found["recovery_points"], found["newest"], found["in_future"]) == (0, None, 2)
    assert found["gaps"] == found["calendar"] == found["by_kind"] == found["by_status"] == {}


# Unknown is neither true nor false


def test_gaps_and_runs_are_told_for_sure_and_as_they_may_be() -> None:
    found = row(point(1), point(2, usable=None), point(5), point(3, usable=False))
    assert found["gaps"]["7d"] == 4 * DAY
    assert found["calendar"]["days"] == 1
    assert found["possible"]["gaps"]["7d"] == 3 * DAY
    assert found["possible"]["calendar"]["days"] == 2
    assert row(point(1), point(3, usable=False))["possible"] is None


def test_a_kind_that_is_unknown_may_be_full() -> None:
    full = row(point(4), point(2, kind="synthetic_full"), point(1, kind="incremental"), point(3, kind="unknown"))
    facet = full["facets"]["full"]
    assert (facet["count"], facet["newest"], facet["oldest"]) == (2, shown(2), shown(4))
    assert (facet["unknown"], facet["newest_unknown"]) == (1, shown(3))
    assert facet["gaps"]["7d"] == 2 * DAY
    assert row(point(3, kind="unknown", usable=False))["facets"]["full"]["unknown"] is None


@pytest.mark.parametrize("name", ["verified", "checked", "offsite", "immutable", "encrypted"])
def test_the_facts_of_points(name: str) -> None:
    points = [point(1, **{name: None}), point(2, **{name: True}), point(3, **{name: True}), point(4, **{name: False})]
    facet = row(*points)["facets"][name]
    assert (facet["count"], facet["newest"], facet["oldest"]) == (2, shown(2), shown(3))
    assert (facet["unknown"], facet["newest_unknown"], facet["oldest_unknown"]) == (1, shown(1), shown(1))
    assert (facet["false"], facet["newest_false"]) == (1, shown(4))
    assert facet["estimated"] is facet["attested"] is None


@pytest.mark.parametrize("name", ["verified", "checked", "offsite", "immutable", "encrypted"])
def test_a_fact_of_what_is_perhaps_no_recovery_point_is_unknown(name: str) -> None:
    facet = row(point(1, usable=None, **{name: True}), point(2, usable=False, **{name: True}))["facets"][name]
    assert (facet["count"], facet["unknown"], facet["newest_unknown"]) == (0, 1, shown(1))
    assert row(point(1, usable=None, **{name: False}))["facets"][name]["false"] == 1


@pytest.mark.parametrize("origin", ["estimated", "attested"])
def test_what_is_estimated_or_attested_is_kept_apart(origin: str) -> None:
    vouched = {"immutable": True, origin: ("immutable",)}
    facet = row(point(1, **vouched), point(3, **vouched), point(2, immutable=True))["facets"]["immutable"]
    assert (facet["count"], facet["newest"], facet["unknown"]) == (1, shown(2), None)
    assert facet[origin] == {"count": 2, "newest": shown(1), "oldest": shown(3)}
    # Of what is perhaps no recovery point nothing is known, however it was said.
    unsure = row(point(1, usable=None, **vouched))["facets"]["immutable"]
    assert (unsure[origin], unsure["unknown"]) == (None, 1)


def test_what_is_estimated_to_be_missing_is_missing() -> None:
    facet = row(point(1, encrypted=False, estimated=("encrypted",)))["facets"]["encrypted"]
    assert (facet["false"], facet["estimated"], facet["count"]) == (1, None, 0)


def test_the_newest_test_is_not_always_that_of_the_newest_point() -> None:
    found = row(
        point(5, verified=True, verified_at=ago(1), checked=True, checked_at=ago(0.5)),
        point(2, verified=True, verified_at=ago(1.5)),
        point(1, verified=False, verified_at=ago(0.1)),
        point(0.5, verified=None),
    )["facets"]
    assert (found["verified"]["tested_at"], found["verified"]["tested_point"]) == (shown(1), shown(5))
    assert found["verified"]["newest"] == shown(2)
    assert (found["checked"]["tested_at"], found["checked"]["tested_point"]) == (shown(0.5), shown(5))


def test_a_verification_without_a_date_has_none() -> None:
    facet = row(point(1, verified=True), point(2, verified=True, verified_at=ago(1)))["facets"]["verified"]
    assert (facet["count"], facet["tested_at"]) == (2, shown(1))
    assert row(point(1, verified=True))["facets"]["verified"]["tested_at"] is None


def test_a_test_in_the_future_is_no_test_of_today() -> None:
    facet = row(point(1, verified=True, verified_at=ago(-1)), point(2, verified=True, verified_at=ago(1)))["facets"]
    assert facet["verified"]["tested_at"] == shown(1)
    assert row(point(1, verified=True, verified_at=ago(-1)))["facets"]["verified"]["tested_at"] is None


def test_the_test_of_a_point_that_was_dropped_goes_with_it() -> None:
    """A point met twice, tested only in one reading: the less favourable reading is believed."""
    found = row(
        point(9, verified=True, verified_at=ago(8)),
        point(1, id="twice", verified=True, verified_at=ago(0.5)),
        point(1, id="twice", verified=False),
    )["facets"]["verified"]
    assert (found["count"], found["tested_at"], found["tested_point"]) == (1, shown(8), shown(9))


# Malware


def test_malware_is_counted_by_state() -> None:
    found = row(
        point(1, malware="clean"),
        point(2, malware="infected"),
        point(3, malware="infected"),
        point(4, malware="suspicious"),
        point(5),
        point(6, malware="infected", usable=False),
        point(0.5, malware="infected", kind="snapshot"),
    )
    assert found["malware"] == {"clean": 1, "infected": 2, "suspicious": 1, "unknown": 1}
    assert found["malware_newest"] == {"clean": shown(1), "infected": shown(2), "suspicious": shown(4)}


def test_malware_in_what_is_perhaps_a_recovery_point_is_not_passed_over() -> None:
    found = row(point(1, malware="clean"), point(2, malware="infected", usable=None))
    assert found["malware"] == {"clean": 1, "infected": 1}
    assert found["malware_newest"]["infected"] == shown(2)
    assert row(point(1, malware="clean", usable=None))["malware"] == {"unknown": 1}


# Kinds, sizes, places


def test_kinds_are_told_apart_where_there_are_several() -> None:
    found = row(point(4), point(1, kind="incremental"), point(2, kind="snapshot"), point(3, kind="snapshot"))
    assert found["by_kind"] == {"full": 1, "incremental": 1, "snapshot": 2}
    assert sorted(found["kinds"]) == ["full", "incremental", "snapshot"]
    assert found["kinds"]["incremental"]["newest"] == shown(1)
    assert found["kinds"]["snapshot"]["gaps"]["all"] == 2 * DAY
    assert found["kinds"]["snapshot"]["calendar"]["days"] == 0
    assert "gaps" not in found["kinds"]["full"]


def test_a_row_of_one_kind_of_backup_does_not_say_it_twice() -> None:
    assert row(point(1), point(2))["kinds"] == {}
    assert sorted(row(point(1, kind="log"))["kinds"]) == ["log"]


def test_sizes() -> None:
    found = row(
        point(3, size_bytes=100),
        point(2, size_bytes=300),
        point(1, kind="incremental", size_bytes=7),
        point(0.5, usable=False, size_bytes=None),
    )
    assert found["size_bytes"] == 407
    assert (found["newest_size_bytes"], found["newest_kind"]) == (7, "incremental")
    assert found["median_size_bytes"] == {"full": 200, "incremental": 7}


def test_sizes_are_null_where_one_addend_is_unknown() -> None:
    found = row(point(3, size_bytes=100), point(2), point(1, kind="incremental", size_bytes=0))
    assert found["size_bytes"] is None
    assert found["newest_size_bytes"] == 0
    assert found["median_size_bytes"] == {"incremental": 0}
    found = row(point(3, size_bytes=100), point(2))
    assert found["newest_size_bytes"] is None
    assert row(point(1, usable=False, size_bytes=5))["size_bytes"] is None


def test_places_count_points_not_copies() -> None:
    found = row(
        point(3, copies=[Copy(location="disk1", location_type="disk"), Copy(location="disk1", location_type="disk")]),
        point(2, copies=[Copy(location="disk1", location_type="disk"), Copy(location="s3", location_type="object")]),
        point(1, copies=[Copy()]),
        point(0.5, usable=False, copies=[Copy(location="s3", location_type="object")]),
    )
    assert found["locations"] == [
        {"count": 1, "newest": shown(1)},
        {"location": "disk1", "location_type": "disk", "count": 2, "newest": shown(2)},
        {"location": "s3", "location_type": "object", "count": 1, "newest": shown(2)},
    ]
    assert found["locations_unknown"] is None


def test_points_whose_copies_the_product_does_not_list_are_counted_apart() -> None:
    found = row(point(1), point(2, copies=[]), point(3, copies=[Copy(location="a")]))
    assert found["locations"] == [{"location": "a", "count": 1, "newest": shown(3)}]
    assert found["locations_unknown"] == {"count": 1, "newest": shown(1)}
    assert row(point(2, copies=[]))["locations"] is None


# Workloads


def test_a_workload_without_points_is_a_row_with_none() -> None:
    summary = Summary("backup.example", "spp", NOW, Calendar())
    summary.workload(Workload(**DB01, in_inventory=True))
    (only,) = summary.rows()
    assert (only["recovery_points"], only["newest"], only["gaps"], only["locations"]) == (0, None, {}, None)
    assert only["facets"]["full"]["count"] == 0


def test_what_is_known_of_a_workload_is_completed_not_overruled() -> None:
    summary = Summary("backup.example", "spp", NOW, Calendar())
    first = summary.workload(Workload(id="1", type="vm", name="db01"))
    assert summary.workload(Workload(id="1", type="vm", name="other", platform="hyperv", in_inventory=False)) is first
    assert (first.name, first.platform, first.in_inventory) == ("db01", "hyperv", False)
    assert len(summary.rows()) == 1


def test_workloads_are_told_apart_by_type_id_and_origin() -> None:
    several = [
        Workload(id="1", type="vm"),
        Workload(id="1", type="database"),
        Workload(id="1", type="vm", origin="b"),
        Workload(id="2", type="vm", name="same"),
        Workload(id="3", type="vm", name="same"),
        Workload(type="vm", name="same"),
        # A name that looks like the id of another one is another workload.
        Workload(type="vm", name="1"),
        Workload(type="vm"),
    ]
    found = rows(point(1, workload=workload) for workload in several)
    assert len(found) == len(several)
    assert [each["recovery_points"] for each in found] == [1] * len(several)


def test_points_of_no_workload_that_can_be_found_form_one_row() -> None:
    found = rows([point(1, workload=Workload(type="vm")), point(2, workload=Workload(type="vm"))])
    assert [(each["workload_id"], each["workload_name"], each["recovery_points"]) for each in found] == [
        (None, None, 2)
    ]


def test_rows_are_sorted_by_name_type_id_and_origin() -> None:
    several = [
        Workload(id="2", name="b", type="vm"),
        Workload(id="1", name="b", type="vm"),
        Workload(id="3", name="b", type="database"),
        Workload(id="4", name="a", type="vm"),
        Workload(id="5", type="vm"),
    ]
    found = rows(point(1, workload=workload) for workload in several)
    assert [each["workload_id"] for each in found] == ["5", "4", "3", "1", "2"]


def test_a_history_is_made_only_where_it_was_asked_for() -> None:
    points = [point(2), point(1, kind="snapshot"), point(0, usable=False)]
    assert row(*points)["history"] is None
    assert row(*points, history=True)["history"] == "FSf"


# Points met more than once


def test_a_point_met_twice_counts_once() -> None:
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
        ({"days": 1}, {"days": 2}),
        ({"size_bytes": 9}, {"size_bytes": None}),
        ({"verified": True, "verified_at": ago(1)}, {"verified": True, "verified_at": ago(9)}),
        ({"verified": True, "verified_at": ago(1)}, {"verified": True}),
    ],
)
def test_of_two_readings_of_a_point_the_less_favourable_is_believed(
    better: dict[str, Any], worse: dict[str, Any]
) -> None:
    alone = row(point(**worse, id="a"))
    assert row(point(**better, id="a"), point(**worse, id="a")) == alone
    assert row(point(**worse, id="a"), point(**better, id="a")) == alone


# Whatever the order


FACT = st.sampled_from([True, False, None])
ANY_POINT = st.builds(
    RecoveryPoint,
    id=st.sampled_from([f"p{number}" for number in range(8)]),
    workload=st.sampled_from([1, 2]).map(lambda number: Workload(id=str(number), name=f"db{number}", type="vm")),
    created=st.sampled_from([ago(days) for days in (-1, 0, 0.5, 1, 6, 7, 8, 40, 400)]),
    kind=st.sampled_from(KINDS),
    status=st.sampled_from(STATUSES),
    usable=FACT,
    size_bytes=st.sampled_from([None, 0, 5, 9]),
    copies=st.sampled_from([None, [], [Copy(location="a")], [Copy(location="b", location_type="disk")]]),
    verified=FACT,
    verified_at=st.sampled_from([None, ago(-1), ago(0.1), ago(3)]),
    checked=FACT,
    checked_at=st.sampled_from([None, ago(0.2)]),
    encrypted=FACT,
    immutable=FACT,
    malware=st.sampled_from([None, "clean", "suspicious", "infected"]),
    estimated=st.sampled_from([(), ("immutable",), ("encrypted", "immutable")]),
    attested=st.sampled_from([(), ("offsite",)]),
)


@given(st.lists(ANY_POINT, max_size=20), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_any_order_gives_the_same_rows(points: list[RecoveryPoint], chance: random.Random) -> None:
    shuffled = list(points)
    chance.shuffle(shuffled)
    assert rows(shuffled, history=True) == rows(points, history=True)


@given(st.lists(ANY_POINT, max_size=12), st.integers(1, 12))
def test_reading_some_points_again_changes_nothing(points: list[RecoveryPoint], count: int) -> None:
    assert rows([*points, *points[:count]]) == rows(points)


@given(st.lists(ANY_POINT, max_size=12), st.sampled_from(sorted(COUNTING_KINDS)), st.sampled_from([0, 1, 9, 500]))
def test_one_more_usable_point_never_makes_it_worse(points: list[RecoveryPoint], kind: str, days: int) -> None:
    points = [each for each in points if each.workload.id == "1"]
    before = rows(points)
    (after,) = rows([*points, point(days, id="new", kind=kind, workload=Workload(id="1", name="db1", type="vm"))])
    earlier: dict[str, Any] = before[0] if before else {"recovery_points": 0, "gaps": {}, "calendar": {}}
    assert after["recovery_points"] == earlier["recovery_points"] + 1
    assert all(after["calendar"][name] >= run for name, run in earlier["calendar"].items())
    if earlier["gaps"] and days <= 400:
        # Within what was covered already a further point can only part a gap.
        assert after["gaps"]["7d"] <= max(earlier["gaps"]["7d"], days * DAY)
    assert parse_time(after["newest"]) >= ago(days)
    assert parse_time(after["oldest"]) <= ago(days)


@given(st.lists(ANY_POINT, max_size=15, unique_by=lambda each: each.id))
def test_every_point_is_counted_exactly_once(points: list[RecoveryPoint]) -> None:
    for each in rows(points):
        mine = [one for one in points if one.workload.id == each["workload_id"] and one.created <= NOW]
        assert sum(each["by_status"].values()) == len(mine)
        counting = [one for one in mine if one.kind in COUNTING_KINDS]
        assert each["recovery_points"] == sum(one.usable is True for one in counting)
        listed = [one for one in counting if one.usable is not False]
        assert sum(each["malware"].values()) == len(listed)
        for name in ("recovery_points", "full", "verified", "checked", "offsite", "immutable", "encrypted"):
            facet = each["facets"][name]
            vouched = sum((facet.get(origin) or {}).get("count", 0) for origin in ("estimated", "attested"))
            total = facet["count"] + (facet["unknown"] or 0) + (facet["false"] or 0) + vouched
            if name == "recovery_points":
                assert total == len(counting)
            elif name != "full":
                assert total == len(listed)


def test_a_point_costs_some_dozen_bytes() -> None:
    workload = Workload(**DB01)
    summary = Summary("backup.example", "spp", NOW, Calendar())
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
    assert summary.rows()[0]["recovery_points"] == count
