# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_time

NOW = parse_time("2026-11-21T06:49:00.25Z")
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NOW * 1000)


def point(days: float = 1, name: str | None = "db01", **more: Any) -> RecoveryPoint:
    created = NOW - round(days * DAY * SECOND)
    facts = {"kind": "full", "status": "success", "usable": True, "workload": Workload(name=name, type="vm"), **more}
    return RecoveryPoint(**{"id": f"p{next(_numbers)}", "created": created, **facts})


def build_read(*points: RecoveryPoint, **options: Any) -> dict[str, Any]:
    collector = Collector("backup.example", "spp", **options)
    for each in points:
        collector.add_point(each)
    return collector.result()


def names(read: dict[str, Any]) -> list[Any]:
    return [row.get("workload_name") for row in read["workloads"]]


def test_points_added_together_equal_points_added_one_by_one() -> None:
    """With a window and location attributes; some points are undated or have no size."""
    days = (1, 2, 5, 9, 40, 20_000)
    facts: list[dict[str, Any]] = [{"match": "disk", "offsite": True}]
    windows: list[dict[str, Any]] = [
        {},
        {"since": "8d"},
        {"until": "2d"},
        {"since": "1h"},
        {"workload_names": ["db*"]},
        {"workload_names": ["app"]},
    ]
    for options in windows:
        points = [
            point(day, id=f"{number:x}", size_bytes=None if day == 5 else day, copies=[Copy(location="disk")])
            for number, day in enumerate(days)
        ]
        sizes = [-1 if each.size_bytes is None else each.size_bytes for each in points]
        together = Collector("backup.example", "spp", location_attributes=facts, **options)
        like = dataclasses.replace(points[0])
        together.add_points(like, list(range(len(points))), [each.created for each in points], sizes)
        one_by_one = build_read(*points, location_attributes=facts, **options)
        assert together.result() == one_by_one


# Names


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], [None, "APP01", "app02", "db01", "db[prod]"]),
        (["db01"], ["db01"]),
        (["app*"], ["APP01", "app02"]),
        (["App01", "DB01"], ["APP01", "db01"]),
        (["app0?"], ["APP01", "app02"]),
        (["app0[2-9]"], ["app02"]),
        (["*"], ["APP01", "app02", "db01", "db[prod]"]),
        # A name with brackets matches itself, although it does not match as a pattern.
        (["DB[prod]"], ["db[prod]"]),
        (["db"], []),
        (["db01*"], ["db01"]),
    ],
)
def test_names_and_patterns_ignore_case(wanted: list[str], found: list[Any]) -> None:
    points = [point(name=name) for name in ("db01", "APP01", "app02", "db[prod]", None)]
    assert names(build_read(*points, workload_names=wanted)) == found


def test_names_also_select_workloads_without_points_and_counts() -> None:
    collector = Collector("backup.example", "spp", workload_names=["db*"])
    for name in ("db01", "app01"):
        collector.add_workload(Workload(name=name, type="vm"))
        collector.add_count(Workload(name=name, type="database"), 7)
    read = collector.result()
    assert names(read) == ["db01", "db01"]
    assert [(row["workload_type"], row.get("undated")) for row in read["workloads"]] == [("database", 7), ("vm", None)]


# The window


@pytest.mark.parametrize(
    ("window", "ages"),
    [
        ({}, [0.5, 1, 2, 3]),
        ({"since": "2d"}, [0.5, 1, 2]),
        ({"since": "47h"}, [0.5, 1]),
        ({"until": "1d"}, [1, 2, 3]),
        ({"since": "2d", "until": "1d"}, [1, 2]),
        ({"since": "2026-11-19T06:49:00.25Z"}, [0.5, 1, 2]),
        # A point is in the window if the second of its creation is.
        ({"since": "2026-11-19T06:49:00.99Z"}, [0.5, 1, 2]),
        ({"since": "2026-11-19T06:49:01Z"}, [0.5, 1]),
        ({"until": "2026-11-19T06:49:00Z"}, [2, 3]),
        ({"until": "2026-11-19T06:48:59.99Z"}, [3]),
        ({"since": "2026-11-19T08:49:00.25+02:00"}, [0.5, 1, 2]),
        ({"until": "2026-11-19"}, [3]),
    ],
)
def test_a_point_outside_of_the_window_is_not_read(window: dict[str, str], ages: list[float]) -> None:
    read = build_read(*(point(days, id=str(days)) for days in (0.5, 1, 2, 3)), keep_points=True, **window)
    assert sorted(float(each["id"]) for each in read["recovery_points"]) == ages
    assert read["totals"]["recovery_points"] == len(ages)
    assert set(read["selection"]) == set(window)


def test_the_selection_contains_the_window_as_times() -> None:
    read = build_read(since="30d", until="2026-11-20", selection={"workload_types": ["vm"]})
    assert read["selection"] == {
        "workload_types": ["vm"],
        "since": "2026-10-22T06:49:00Z",
        "until": "2026-11-20T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ({"since": "30 days"}, "since: '30 days' is not a valid duration"),
        ({"until": "yesterday"}, "until: 'yesterday' is not a valid duration"),
        ({"since": "2026-13-01"}, "since: "),
        ({"since": "2026-11"}, "since: "),
        ({"since": "2026-11-21T06:49:00"}, "since: '2026-11-21T06:49:00' is not a valid time: the time zone is"),
        ({"since": "1d", "until": "2d"}, "since: '1d' is not earlier than until ('2d')"),
        ({"since": "1d", "until": "1d"}, "since: '1d' is not earlier than until ('1d')"),
        ({"since": "2026-11-21T06:49:01Z"}, "since: '2026-11-21T06:49:01Z' is in the future (the server was read at"),
        ({"since": "999999w"}, "since: '999999w' is too long: the resulting time is before the year 1"),
    ],
)
def test_an_invalid_window_is_rejected_before_any_request(window: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as raised:
        Collector("backup.example", "spp", **window)
    assert message in raised.value.message
    assert raised.value.hint


def test_durations_are_relative_to_the_server_clock() -> None:
    collector = Collector("backup.example", "spp", since="1d")
    collector.skew_micros = 3600 * SECOND
    collector.start()
    assert collector.since == parse_time("2026-11-20T07:49:00Z")
    # By the local clock both are younger than a day.
    collector.add_point(point(23.5 / 24))
    collector.add_point(point(22.5 / 24))
    read = collector.result()
    assert read["server"]["time"] == "2026-11-21T07:49:00Z"
    assert read["server"]["clock_skew_seconds"] == 3600
    assert read["totals"]["recovery_points"] == 1
    assert read["workloads"][0]["newest_age_seconds"] == int(23.5 * 3600)
    assert read["read_at"] == "2026-11-21T06:49:00Z"


# The server


@pytest.mark.parametrize("reported", ["6745a759-2205", " 6745a759-2205\n"])
def test_the_identity_starts_with_the_product(reported: str) -> None:
    collector = Collector("backup.example", "spp")
    collector.set_identity(reported)
    assert collector.identity == "spp:6745a759-2205"
    assert collector.result()["server"]["identity"] == "spp:6745a759-2205"


@pytest.mark.parametrize(
    "reported", [None, "", " ", 0, 7, True, ["6745a759"], {"id": "6745a759"}, "00000000-0000-0000-0000-000000000000"]
)
def test_an_invalid_id_is_not_an_identity(reported: Any) -> None:
    collector = Collector("backup.example", "spp")
    collector.set_identity(reported)
    assert collector.identity is None
    assert "identity" not in collector.result()["server"]


def test_the_server_has_the_types_whose_inventory_the_product_can_report() -> None:
    assert build_read(inventory_types=["vm"])["server"]["inventory_types"] == ["vm"]


# Derived attributes


@pytest.mark.parametrize(
    ("until", "reported", "immutable"),
    [(NOW + 1, None, True), (NOW, None, False), (NOW - 1, None, False), (None, None, None), (NOW + 1, False, False)],
)
def test_a_point_is_immutable_until_its_lock_ends(
    until: int | None, reported: bool | None, immutable: bool | None
) -> None:
    made = point(immutable_until=until, immutable=reported)
    build_read(made)
    assert made.immutable is immutable


def test_declared_attributes_are_in_the_row() -> None:
    entries = [{"match": "s3-*", "offsite": True}]
    row = build_read(point(copies=[Copy(location="s3-x")]), location_attributes=entries)["workloads"][0]
    assert row["attributes"]["offsite"] == {"count": 0, "declared": 1}


# Result


def test_an_empty_read_is_complete_with_a_note() -> None:
    read = build_read()
    assert len(read.pop("sha256")) == 64
    assert read == {
        "schema": "backup.audit/read-result/2",
        "server": {"host": "backup.example", "product": "spp", "scope": {}},
        "read_at": "2026-11-21T06:49:00Z",
        "selection": {},
        "complete": True,
        "errors": [],
        "workloads": [],
        "points": [],
        "totals": {
            "workloads": 0,
            "without_recovery_points": 0,
            "recovery_points": 0,
            "points_listed": 0,
            "undated": 0,
            "in_future": 0,
        },
    }


def test_a_problem_makes_a_read_incomplete() -> None:
    collector = Collector("backup.example", "spp")
    collector.version = "10.1"
    collector.scope["inventory"] = False
    collector.add_problem(AuditError("two are missing", code="incomplete", request="GET /x"))
    read = collector.result()
    assert read["complete"] is False
    assert read["errors"] == [{"code": "incomplete", "message": "two are missing", "request": "GET /x"}]
    assert (read["server"]["version"], read["server"]["scope"]) == ("10.1", {"inventory": False})


def test_totals_add_up() -> None:
    collector = Collector("backup.example", "spp")
    collector.add_workload(Workload(name="empty", type="vm"))
    points = [point(1), point(2), point(1, name="app01"), point(-1), point(3, usable=False, status="failed")]
    for each in [*points, point(name="app01", created=0)]:
        collector.add_point(each)
    collector.add_count(Workload(name="counted", type="database"), 4)
    read = collector.result()
    assert read["totals"] == {
        "workloads": 4,
        # The type of counted points is unknown, so they may not be recovery points.
        "without_recovery_points": 1,
        "recovery_points": 3,
        # Failed, counted and undated points are included.
        "points_listed": 9,
        "undated": 5,
        "in_future": 1,
    }
    assert sum(row["recovery_points"] for row in read["workloads"]) == read["totals"]["recovery_points"]


def test_points_are_listed_once_by_name_and_time() -> None:
    points = [
        point(1, id="b", name="db01"),
        point(1, id="a", name="db01"),
        point(1, id="half", name="db01", created=NOW - DAY * SECOND + SECOND // 2),
        point(3, id="old", name="db01"),
        point(2, id="x", name="app01"),
        point(1, id="b", name="db01"),
    ]
    for order in (points, points[::-1]):
        listed = build_read(*order, keep_points=True)["recovery_points"]
        assert [each["id"] for each in listed] == ["x", "old", "a", "b", "half"]
    assert listed[0]["source"] == "backup.example"


def test_points_are_listed_only_on_request() -> None:
    assert "recovery_points" not in build_read(point())


def test_results_with_inferred_values_can_be_opened() -> None:
    """Adapters also infer fields that are not attributes."""
    names = (
        *("created_at", "completed_at", "size_bytes", "encrypted", "expires_at", "immutable", "immutable_until"),
        *("offsite", "restore_tested", "tested_at", "tested_by"),
    )
    read = build_read(point(encrypted=True, expires_at=NOW, restore_tested=True, tested_at=NOW, inferred=names))
    (block,) = open_result(read).blocks()
    assert {"encrypted", "restore_tested"} <= set(block.classes[0].facts.inferred)


def test_all_points_are_in_the_result() -> None:
    """Two days before and one day after the read, one without a plausible time, and two that were only counted."""
    collector = Collector("backup.example", "spp")
    for each in (point(2, size_bytes=9), point(-1), point(created=0)):
        collector.add_point(each)
    collector.add_count(Workload(name="zz", type="vm"), 2)
    (block,) = open_result(collector.result(compress=True)).blocks()
    assert block.counts == [1, 0]
    assert block.times == [parse_time("2026-11-19T06:49:00Z") // SECOND]
    assert block.sizes() == {0: 9}
    assert block.in_future == {0: 1}
    ((dated_badly, one), (counted, two)) = (block.undated[row][0] for row in (0, 1))
    facts = [block.classes[code].facts for code in (dated_badly, counted)]
    assert [(each.kind, each.usable) for each in facts] == [("full", None), ("unknown", True)]
    assert (one, two) == (1, 2)


def test_a_counted_workload_has_only_a_number() -> None:
    collector = Collector("backup.example", "spp")
    collector.add_count(Workload(id="1", name="db01", type="vm", in_inventory=True), 7)
    assert collector.result()["workloads"] == [
        {
            "source": "backup.example",
            "workload_id": "1",
            "workload_name": "db01",
            "workload_type": "vm",
            "in_inventory": True,
            "recovery_points": 0,
            "by_kind": {"unknown": 7},
            "by_status": {"unknown": 7},
            "attributes": {"recovery_points": {"count": 0, "unknown": 7}},
            "undated": 7,
        }
    ]


# Similar points


ALIKE_OPTIONS: list[dict[str, Any]] = [
    {},
    {"workload_names": ["db*"]},
    {"workload_names": ["other"]},
    {"since": "5d", "until": "2d"},
    {"keep_points": True},
    {
        "location_attributes": [
            {"match": "*", "offsite": True, "immutable": None, "encrypted": None, "location_type": None}
        ]
    },
]


@pytest.mark.parametrize("options", ALIKE_OPTIONS)
@pytest.mark.parametrize(
    "more", [{}, {"immutable_until": NOW + DAY * SECOND}, {"restore_tested": True, "tested_at": NOW}]
)
def test_points_added_by_template_equal_points_added_one_by_one(options: dict[str, Any], more: dict[str, Any]) -> None:
    tellings = [
        (f"a{days}", NOW - days * DAY * SECOND, days or None, NOW if days == 3 else None)
        for days in (0, 1, 1, 3, 4, 9, 30_000)
    ]
    copies = [Copy(location="here")]
    pattern = point(copies=copies, **more)
    by_pattern, one_by_one = (Collector("backup.example", "spp", **options) for _side in range(2))
    for ident, created, size, end in tellings:
        by_pattern.add_point_like(pattern, ident, created, size, end)
        made = point(id=ident, created=created, size_bytes=size, expires_at=end, **more)
        made.copies = [Copy(location="here")]
        one_by_one.add_point(made)
    assert by_pattern.result() == one_by_one.result()
    assert by_pattern.warnings == one_by_one.warnings


def test_a_template_is_rebuilt_after_its_workload_was_discarded() -> None:
    collector = Collector("backup.example", "spp")
    pattern = point()
    collector.add_point_like(pattern, "a", NOW, None)
    collector.discard([pattern.workload])
    collector.add_point_like(pattern, "b", NOW, None)
    assert collector.result()["totals"]["points_listed"] == 1
