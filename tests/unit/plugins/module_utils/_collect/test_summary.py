# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import point_class
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import COUNTING_KINDS, KINDS, Copy, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, format_time
from tests.unit.plugins.module_utils._collect.summary_rows import (
    DB01,
    NOW,
    ago,
    build,
    contents,
    decode,
    point,
    row,
    rows,
    shown,
)


def test_a_row_has_the_documented_fields() -> None:
    """A full backup with a copy in the cloud, an incremental one with unknown values, and a failed one."""
    workload = Workload(**DB01, in_inventory=True, origin="vbr1")
    disk, cloud = Copy(location="disk1", location_type="disk"), Copy(location="s3", location_type="object")
    found = row(
        point(
            3,
            workload=workload,
            created=ago(3) + 1,
            size_bytes=1000,
            copies=[disk, cloud],
            offsite=True,
            immutable_until=ago(-4),
            encrypted=True,
            inferred=("encrypted",),
        ),
        point(2, workload=workload, kind="incremental", size_bytes=10, copies=[disk], offsite=False, encrypted=None),
        point(1, workload=workload, usable=False, status="failed"),
    )
    assert found == {
        "source": "backup.example",
        "origin": "vbr1",
        "workload_id": "1",
        "workload_name": "db01",
        "workload_type": "vm",
        "platform": "vmware",
        "in_inventory": True,
        "recovery_points": 2,
        "newest": "2026-11-19T06:49:00Z",
        "oldest": "2026-11-18T06:49:00Z",
        "newest_age_seconds": 172_800,
        "by_kind": {"full": 1, "incremental": 1},
        "by_status": {"failed": 1, "success": 2},
        "size_bytes": 1010,
        "locations": [
            {"location": "disk1", "location_type": "disk", "count": 2, "newest": "2026-11-19T06:49:00Z"},
            {"location": "s3", "location_type": "object", "count": 1, "newest": "2026-11-18T06:49:00Z"},
        ],
        "attributes": {
            "full": {"count": 1, "newest": "2026-11-18T06:49:00Z"},
            "offsite": {"count": 1, "newest": "2026-11-18T06:49:00Z"},
            "immutable": {"count": 1, "unknown": 1, "newest": "2026-11-18T06:49:00Z"},
            "encrypted": {"count": 0, "unknown": 1, "inferred": 1},
        },
    }


# Points that count


@pytest.mark.parametrize("kind", KINDS)
def test_snapshots_logs_and_configuration_are_not_recovery_points(kind: str) -> None:
    found = row(point(2, kind=kind, immutable=True))
    counts = kind in COUNTING_KINDS
    assert found["recovery_points"] == (1 if counts else 0)
    assert found.get("newest") == (shown(2) if counts else None)
    assert found.get("newest_age_seconds") == (2 * DAY if counts else None)
    assert found["by_kind"] == {kind: 1}
    # A point of unknown type may not be a recovery point, so its attributes are unknown.
    assert found.get("attributes", {}).get("immutable") == ({"count": 1, "newest": shown(2)} if counts else None)


def test_continuous_protection_counts_only_for_newest_and_oldest() -> None:
    """Its range counts, and not its creation time."""
    found = row(
        point(5),
        point(20, kind="continuous", restorable_from=ago(9), restorable_until=ago(0.5)),
        point(30, kind="continuous", usable=None, restorable_from=ago(40), restorable_until=ago(0.1)),
        point(0.1, kind="continuous"),
    )
    assert found["recovery_points"] == 1
    assert (found["newest"], found["oldest"]) == (shown(0.5), shown(9))
    assert found["newest_age_seconds"] == DAY // 2


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
    assert found["attributes"]["recovery_points"] == {"count": 2, "unknown": 1, "newest": shown(1)}


def test_ages_are_whole_seconds_rounded_up() -> None:
    found = row(point(1, created=NOW - 10 * SECOND - 1))
    assert (found["newest_age_seconds"], found["newest"]) == (11, "2026-11-21T06:48:49Z")


def test_an_age_of_zero_is_shown() -> None:
    assert row(point(0))["newest_age_seconds"] == 0
    assert row(point(0, created=NOW + 1))["newest_age_seconds"] == 0


def test_copies_are_not_additional_points() -> None:
    copies = [Copy(location="a"), Copy(location="b"), Copy(location="b")]
    assert row(point(1, copies=copies))["recovery_points"] == 1


@pytest.mark.parametrize(("ahead", "counts"), [(0, True), (300 * SECOND, True), (301 * SECOND, False)])
def test_points_in_the_future_are_excluded_and_counted(ahead: int, counts: bool) -> None:
    found = row(point(3), point(created=NOW + ahead, restore_tested=True, tested_at=NOW))
    assert found["recovery_points"] == (2 if counts else 1)
    assert found.get("in_future") == (None if counts else 1)
    assert found["newest"] == format_time(NOW + ahead if counts else ago(3))
    tested = found.get("attributes", {}).get("restore_tested")
    assert tested == ({"count": 1, "unknown": 1, "newest": format_time(NOW + ahead)} if counts else None)
    assert found["by_status"] == {"success": 2 if counts else 1}


def test_points_within_the_tolerance_are_included() -> None:
    found = row(*(point(created=NOW + seconds * SECOND) for seconds in (299, 300, 301)))
    assert (found["recovery_points"], found["in_future"]) == (2, 1)
    assert found["newest"] == format_time(NOW + 300 * SECOND)


def test_a_row_with_only_future_points_has_no_points() -> None:
    found = row(point(-1), point(-2, kind="snapshot"))
    assert found == {
        "source": "backup.example",
        **{f"workload_{name}": DB01[name] for name in ("id", "name", "type")},
        "platform": "vmware",
        "recovery_points": 0,
        "in_future": 2,
    }


# Points without a plausible time, and points that were only counted


def test_points_before_1980_have_no_time() -> None:
    """They may have every attribute, but have no age and no order."""
    found = row(point(3, offsite=True), point(created=315_532_799_999_999, usable=None, offsite=True))
    assert (found["recovery_points"], found["undated"]) == (1, 1)
    assert (found["newest"], found["oldest"]) == (shown(3), shown(3))
    assert found["by_kind"] == {"full": 2}
    assert found["attributes"] == {
        "recovery_points": {"count": 1, "unknown": 1, "newest": shown(3)},
        "full": {"count": 1, "unknown": 1, "newest": shown(3)},
        "offsite": {"count": 1, "unknown": 1, "newest": shown(3)},
    }
    assert row(point(created=315_532_800_000_000))["oldest"] == "1980-01-01T00:00:00Z"


@pytest.mark.parametrize("kind", ["snapshot", "log", "config", "continuous"])
def test_undated_points_that_are_not_recovery_points_do_not_count(kind: str) -> None:
    found = row(point(3, offsite=True), point(created=0, kind=kind, usable=None, offsite=True))
    assert found["undated"] == 1
    assert found["attributes"] == {
        "full": {"count": 1, "newest": shown(3)},
        "offsite": {"count": 1, "newest": shown(3)},
    }


def counted(kind: str, number: int, *, with_point: bool) -> dict[str, Any]:
    """Return the row of a workload for which only the number of usable points was read."""
    summary = Summary("backup.example", NOW)
    summary.add_count(Workload(**DB01), point_class(point(kind=kind, status="unknown")), number)
    if with_point:
        summary.add(point(3))
    ((found,), _blocks) = summary.build()
    return found


def test_counted_points_of_a_known_kind_are_recovery_points() -> None:
    found = counted("incremental", 7, with_point=False)
    assert (found["recovery_points"], found["undated"], found["by_kind"]) == (7, 7, {"incremental": 7})
    assert "newest" not in found
    found = counted("incremental", 7, with_point=True)
    assert (found["recovery_points"], found["newest"]) == (8, shown(3))
    # Their number is known.
    assert "recovery_points" not in found["attributes"]
    assert found["attributes"]["full"] == {"count": 1, "newest": shown(3)}


def test_counted_points_of_an_unknown_kind_may_be_recovery_points() -> None:
    found = counted("unknown", 7, with_point=True)
    assert (found["recovery_points"], found["undated"], found["by_kind"]) == (1, 7, {"full": 1, "unknown": 7})
    assert found["attributes"]["recovery_points"] == {"count": 1, "unknown": 7, "newest": shown(3)}
    assert found["attributes"]["full"] == {"count": 1, "unknown": 7, "newest": shown(3)}


def test_counted_backups_of_an_unknown_type_may_be_full() -> None:
    found = counted("backup", 7, with_point=True)
    assert found["attributes"]["full"] == {"count": 1, "unknown": 7, "newest": shown(3)}


def test_counts_of_a_workload_add_up() -> None:
    """Undated and counted points with the same facts, and several counts."""
    summary = Summary("backup.example", NOW)
    for number in (1, 2):
        summary.add_count(Workload(**DB01), point_class(point()), number)
    summary.add(point(created=0))
    ((found,), (block,)) = summary.build()
    assert found["undated"] == 4
    assert decode(block).undated == {0: [(0, 4)]}


# Sizes, locations


def test_sizes() -> None:
    """The sizes of all usable recovery points, or none if the size of one is unknown."""
    points = [
        point(3, size_bytes=100),
        point(2, size_bytes=301),
        point(1, kind="incremental", size_bytes=7),
        point(0.5, usable=False, size_bytes=None),
        point(0.4, usable=None, size_bytes=None),
        point(0.3, kind="snapshot", size_bytes=50),
    ]
    assert row(*points)["size_bytes"] == 408
    assert "size_bytes" not in row(*points, point(9))
    assert "size_bytes" not in row(point(1, usable=False, size_bytes=5))


def test_a_size_of_zero_is_known() -> None:
    assert row(point(1, size_bytes=0))["size_bytes"] == 0


def test_locations_count_points_not_copies() -> None:
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


def test_points_with_unlisted_copies_have_no_location() -> None:
    found = row(point(1), point(2, copies=[]), point(3, copies=[Copy(location="a")]))
    assert found["locations"] == [{"location": "a", "count": 1, "newest": shown(3)}]
    assert "locations" not in row(point(2, copies=[]))


# Workloads


def test_a_workload_without_points_is_a_row_with_none() -> None:
    summary = Summary("backup.example", NOW)
    summary.add_workload(Workload(**DB01, in_inventory=False))
    ((only,), (block,)) = summary.build()
    assert only == {
        "source": "backup.example",
        "workload_id": "1",
        "workload_name": "db01",
        "workload_type": "vm",
        "platform": "vmware",
        "in_inventory": False,
        "recovery_points": 0,
    }
    assert block["counts"] == [0]


def test_workload_details_are_completed_but_not_overridden() -> None:
    summary = Summary("backup.example", NOW)
    first = summary.add_workload(Workload(id="1", type="vm", name="db01"))
    assert (
        summary.add_workload(Workload(id="1", type="vm", name="other", platform="hyperv", in_inventory=False)) is first
    )
    assert (first.name, first.platform, first.in_inventory) == ("db01", "hyperv", False)
    assert len(summary.build()[0]) == 1


def test_workloads_are_distinguished_by_type_id_and_origin() -> None:
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


def test_points_without_a_workload_form_one_row() -> None:
    found = rows([point(1, workload=Workload(type="vm")), point(2, workload=Workload(type="vm"))])
    assert [(each.get("workload_id"), each.get("workload_name"), each["recovery_points"]) for each in found] == [
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


def test_blocks_have_the_points_of_the_rows_in_the_same_order() -> None:
    """Failed points and points that are not recovery points are included."""
    points = [
        point(1, workload=Workload(id="2", name="b", type="vm")),
        point(2, workload=Workload(id="1", name="a", type="vm"), kind="snapshot"),
        point(3, workload=Workload(id="2", name="b", type="vm"), usable=False),
        point(-1, workload=Workload(id="1", name="a", type="vm")),
    ]
    found, blocks = build(points)
    assert [each["workload_name"] for each in found] == ["a", "b"]
    (block,) = map(decode, blocks)
    assert block.counts == [1, 2]
    assert block.times == [ago(days) // SECOND for days in (2, 3, 1)]
    assert [each["in_future"] for each in contents(blocks)] == [1, 0]


def test_discarded_points_are_removed() -> None:
    summary = Summary("backup.example", NOW)
    for each in (point(1), point(2)):
        summary.add(each)
    summary.discard(Workload(**DB01))
    summary.add(point(3))
    ((found,), (block,)) = summary.build()
    assert found["recovery_points"] == 1
    assert decode(block).times == [ago(3) // SECOND]


def test_a_discarded_workload_has_no_row() -> None:
    """Its points may belong to another workload, and are added to that one."""
    summary = Summary("backup.example", NOW)
    summary.add(point(1))
    summary.discard(Workload(**DB01))
    summary.add(point(1, workload=Workload(type="vm", name="other")))
    assert [each["workload_name"] for each in summary.build()[0]] == ["other"]


def test_progress_is_the_number_of_workloads_and_points() -> None:
    """Points in all groups and workloads without points are counted."""
    summary = Summary("backup.example", NOW)
    summary.add_workload(Workload(type="vm", id="2", name="without points"))
    for one in (point(1), point(2), point(3, kind="incremental"), point(4, workload=Workload(id="3", name="other"))):
        summary.add(one)
    assert summary.progress() == (3, 4)


def test_more_templates_than_the_cache_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding points by template gives the same points, regardless of the number of templates."""
    monkeypatch.setattr("ansible_collections.backup.audit.plugins.module_utils._collect.summary._MAX_TEMPLATES", 2)
    templates = [point(1, kind=kind) for kind in ("full", "incremental", "differential")]
    by_template, one_by_one = Summary("backup.example", NOW), Summary("backup.example", NOW)
    for number in range(9):
        template = templates[number % 3]
        made: dict[str, Any] = {"id": f"p{number}", "created": ago(number), "size_bytes": number}
        by_template.add_point_like(template, *made.values())
        one_by_one.add(dataclasses.replace(template, **made))
    (rows_by_template, blocks_by_template), (rows_one_by_one, blocks) = by_template.build(), one_by_one.build()
    assert rows_by_template == rows_one_by_one
    assert list(blocks_by_template) == list(blocks)
    assert rows_by_template[0]["recovery_points"] == 9
