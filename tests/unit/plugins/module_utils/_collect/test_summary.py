# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.periods import Calendar
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import COUNTING_KINDS, KINDS, Copy, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, format_time
from tests.unit.plugins.module_utils._collect.summary_rows import DB01, NOW, ago, point, row, rows, shown

# Points that count


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
    assert found["attributes"]["immutable"]["unknown"] == (1 if counts else None)


def test_continuous_protection_counts_for_newest_and_oldest_only() -> None:
    found = row(point(5), point(9, kind="continuous"), point(0.5, kind="continuous"))
    assert found["recovery_points"] == found["attributes"]["recovery_points"]["count"] == 1
    assert (found["newest"], found["oldest"]) == (shown(0.5), shown(9))
    assert found["attributes"]["recovery_points"]["newest"] == shown(0.5)
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
    points = found["attributes"]["recovery_points"]
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
    found = row(point(3), point(created=NOW + ahead, restore_tested=True, tested_at=NOW), history=True)
    assert found["recovery_points"] == (2 if counts else 1)
    assert found["in_future"] == (None if counts else 1)
    assert found["newest"] == format_time(NOW + ahead if counts else ago(3))
    assert found["attributes"]["restore_tested"]["count"] == (1 if counts else 0)
    assert found["attributes"]["restore_tested"]["tested_at"] == (format_time(NOW) if counts else None)
    assert sum(found["by_status"].values()) == (2 if counts else 1)


def test_only_those_beyond_the_tolerance_are_left_out() -> None:
    found = row(*(point(created=NOW + seconds * SECOND) for seconds in (299, 300, 301)))
    assert (found["recovery_points"], found["in_future"]) == (2, 1)
    assert found["newest"] == format_time(NOW + 300 * SECOND)


def test_a_row_of_nothing_but_the_future_has_no_points() -> None:
    found = row(point(-1), point(-2, kind="snapshot"))
    assert (found["recovery_points"], found["newest"], found["in_future"]) == (0, None, 2)
    assert found["gaps"] == found["calendar"] == found["by_kind"] == found["by_status"] == {}


# Kinds, sizes, locations


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
    summary.add_workload(Workload(**DB01, in_inventory=True))
    (only,) = summary.rows()
    assert (only["recovery_points"], only["newest"], only["gaps"], only["locations"]) == (0, None, {}, None)
    assert only["attributes"]["full"]["count"] == 0


def test_what_is_known_of_a_workload_is_completed_not_overruled() -> None:
    summary = Summary("backup.example", "spp", NOW, Calendar())
    first = summary.add_workload(Workload(id="1", type="vm", name="db01"))
    assert (
        summary.add_workload(Workload(id="1", type="vm", name="other", platform="hyperv", in_inventory=False)) is first
    )
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
        # A name that equals the id of another workload is a different workload.
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
