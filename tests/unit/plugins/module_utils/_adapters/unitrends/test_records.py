# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unitrends: convert records to recovery points."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.archives import parse_cold_copy
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import (
    LocalTimes,
    parse_clock,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.workloads import (
    Inventory,
    build_workload,
    parse_inventory,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND, format_time, parse_time
from tests.samples import read, read_body
from tests.unit.plugins.module_utils._adapters.unitrends.sample_backup import row

STRANGE: tuple[Any, ...] = (None, [], {}, "x", -1, True, 1.5)
BERLIN = LocalTimes("Europe/Berlin")
NEW_YORK = LocalTimes("America/New_York")


def old_row(**more: Any) -> dict[str, Any]:
    """A backup of files as printed in the wiki of 2015."""
    return {
        "id": 502,
        "type": "Differential",
        "client_id": 9,
        "client_name": "files-1",
        "instance_id": 40,
        "instance_name": "file-level",
        "start_date_time": "07/15/2026 02:30 am",
        "duration": "00:00:28",
        "complete": True,
        "status": "Success",
        "size": 3,
        "encrypted": False,
        "replication_status": "N/A",
        "verified": False,
        "verify_status": "Not Applicable",
        "certified": "n/a",
        **more,
    }


def point(
    record: dict[str, Any], item: dict[str, Any] | None = None, copies: Any = (), times: LocalTimes = BERLIN
) -> RecoveryPoint:
    """Build the point of a row."""
    parsed, workload = records.parse_fields(record), build_workload(record, 1, Inventory())
    instants = records.parse_start(record, times)
    return records.build_point(record, parsed, item, workload, 1, copies, instants, times)


def is_copy(record: dict[str, Any]) -> bool:
    """Return whether a row is a copy."""
    return records.is_copy(record, records.parse_fields(record))


def test_a_backup() -> None:
    """All fields of a row; a legal hold does not count as immutability."""
    made = point(row(), {"storage": "Internal"}).as_dict("host", "unitrends")
    assert (made["id"], made["workload_id"], made["workload_name"]) == ("1/501", "1/31", "web-01")
    assert (made["workload_type"], made["platform"]) == ("vm", "vmware")
    assert (made["created_at"], made["completed_at"]) == ("2026-07-15T00:30:05Z", "2026-07-15T00:58:07Z")
    assert (made["kind"], made["status"], made["usable"]) == ("full", "success", True)
    assert made["size_bytes"] == 518 * 2**20
    assert (made["restore_tested"], made["integrity_checked"], made["encrypted"]) == (False, True, True)
    assert made["retention"] == ["weekly"]
    assert [copy["location"] for copy in made["copies"]] == ["Internal"]
    unknown = ("immutable", "immutable_until", "offsite", "expires_at", "malware", "job", "tested_at", "checked_at")
    assert [made[name] for name in unknown] == [None] * len(unknown)


def test_the_older_generation() -> None:
    """Other field names, no seconds, other values: the same meaning."""
    made = point(old_row())
    assert format_time(made.created) == "2026-07-15T00:30:00Z"
    assert made.completed is None
    assert (made.kind, made.status, made.usable) == ("differential", "success", True)
    assert (made.restore_tested, made.integrity_checked) == (None, None)
    assert (made.workload.id, made.workload.name, made.workload.type) == ("1/c9", "files-1", "physical")
    copied = point(old_row(replication_status="Completed"))
    assert (copied.offsite, copied.inferred) == (True, ("offsite",))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "Successful"}, ("success", True)),
        ({"status": "Success"}, ("success", True)),
        ({"status": "Warning"}, ("warning", True)),
        ({"status": "Failed"}, ("failed", False)),
        ({"status": "Failure"}, ("failed", False)),
        ({"status": "Successful", "complete": False}, ("running", False)),
        ({"status": None, "complete": False}, ("running", False)),
        ({"status": "None"}, ("unknown", None)),
        ({"status": "Perplexed"}, ("unknown", None)),
        ({"status": None}, ("unknown", None)),
        ({"verify_status": "Failed"}, ("failed", False)),
        ({"verify_status": "Not Applicable"}, ("success", True)),
    ],
)
def test_outcome(fields: dict[str, Any], expected: tuple[str, bool | None]) -> None:
    """Warnings can be restored; backups that failed verification cannot; unknown values prove nothing."""
    made = point(row(**fields))
    assert (made.status, made.usable) == expected


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        ("Full", "full"),
        ("SQL Full", "full"),
        ("Synthetic Full", "synthetic_full"),
        ("VMware Incremental", "incremental"),
        ("oracle incr", "incremental"),
        ("Differential", "differential"),
        ("SQL Transaction", "log"),
        ("BareMetal", "backup"),
        ("Bare Metal", "backup"),
        ("Selective", "unknown"),
        ("Replica", "unknown"),
        ("VMware Replica Full", "unknown"),
        ("Something New", "unknown"),
        ("master", "full"),
    ],
)
def test_kind(shown: str, kind: str) -> None:
    """Types that do not mean a full backup are not reported as full."""
    assert point(row(type=shown)).kind == kind


def test_synthesized_fulls() -> None:
    """The flag and the name both mark a synthetic full."""
    assert point(row(synthesized=True)).kind == "synthetic_full"
    assert point(row(synthesized=True, type="VMware Incremental")).kind == "incremental"


def test_rows_that_are_not_backups() -> None:
    """The rows include restores and metadata, and copies repeat the number of their backup."""
    assert records.is_backup(row())
    assert not records.is_backup(row(type="Restore"))
    assert not records.is_backup(row(type="System Metadata"))
    assert not records.is_backup({key: value for key, value in row().items() if key != "id"})
    assert not is_copy(row())
    assert is_copy(row(sync_status="Success"))
    assert is_copy(row(sync_message=""))
    assert is_copy(row(type="securesync full"))
    good = records.parse_hot_copy(row(sync_message="Success: copied", destination="ueb-2"))
    assert good is not None
    assert good.location == "ueb-2"
    assert records.parse_hot_copy(row(sync_status="Success")) is not None
    assert records.parse_hot_copy(row(sync_message="Failure: no space", sync_status="Success")) is None
    assert parse_cold_copy({"success": False, "storage": "tape"}) is None


def test_names_and_numbers() -> None:
    """Numbers of two systems can be equal; an instance for all files of a machine is that machine."""
    assert build_workload(row(), 1, Inventory()).id == "1/31"
    assert build_workload(row(), 2, Inventory()).id == "2/31"
    assert build_workload(row(instance_id="31"), 1, Inventory()).id == "1/31"
    nameless = row(instance_id=40, app_name=None, type="Full", vm_name=None)
    assert build_workload(nameless, 1, Inventory(file_level={"40": "7"})).id == "1/c7"
    assert build_workload({}, 1, Inventory()).id is None
    database = row(app_name="SQL Server", type="SQL Full", vm_name=None, database_name="orders")
    assert build_workload(database, 1, Inventory()).name == "orders"
    assert build_workload(database, 1, Inventory()).platform == "mssql"


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("11/21/2026 01:30:05 am", "2026-11-21T06:30:05Z"),
        ("11/21/2026 12:00 am", "2026-11-21T05:00:00Z"),
        ("11/21/2026 12:00:00 PM", "2026-11-21T17:00:00Z"),
        ("07/31/2026 13:05:06", "2026-07-31T17:05:06Z"),
        ("31/07/2026 13:05:06", "2026-07-31T17:05:06Z"),
        ("07/07/2026 13:05:06", "2026-07-07T17:05:06Z"),
    ],
)
def test_local_times(text: str, utc: str) -> None:
    """12-hour and 24-hour clock, with and without seconds, summer and winter."""
    assert NEW_YORK.instants(text) == [parse_time(utc)]


def test_the_repeated_hour() -> None:
    """01:30 occurs twice on November 1; the older time is reported, and it is marked as inferred."""
    first, second = NEW_YORK.instants("11/01/2026 01:30:05 am")
    assert [format_time(first), format_time(second)] == ["2026-11-01T05:30:05Z", "2026-11-01T06:30:05Z"]
    record = row(start_time="11/01/2026 01:30:05 am", complete_time="11/01/2026 02:10:00 am")
    made = point(record, times=NEW_YORK)
    assert made.created == first
    assert made.inferred == ("created_at",)
    # It started before the repeated hour, or in its first pass: the end is never before the start.
    assert NEW_YORK.not_before("11/01/2026 01:10:00 am", second - 60 * SECOND) == []
    assert NEW_YORK.not_before("11/01/2026 01:50:00 am", first) == [
        parse_time("2026-11-01T05:50:00Z"),
        parse_time("2026-11-01T06:50:00Z"),
    ]
    assert NEW_YORK.confirm("11/01/2026 01:30:05 am", second // SECOND * SECOND)
    assert NEW_YORK.confirm("11/01/2026 01:30 am", first + 5 * SECOND)
    assert not BERLIN.confirm("11/01/2026 01:30:05 am", second)


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        5,
        "unknown",
        "2026-11-21T01:30:05Z",
        "13/21/2026 01:30 am",
        "02/30/2026 01:30 am",
        "11/21/2026 00:30 am",
        "11/21/2026 13:30 pm",
        "11/21/2026 25:30",
    ],
)
def test_invalid_local_times(text: Any) -> None:
    """Invalid times raise DataError."""
    with pytest.raises(DataError):
        NEW_YORK.instants(text)


def test_unknown_time_zones() -> None:
    """The message contains a valid example."""
    for name in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(OptionError, match="is not a time zone"):
            LocalTimes(name)


def test_clock() -> None:
    """The appliance's clock; in the repeated hour, the time closer to the local clock is used."""
    made = {"year": 2026, "month": 11, "day": 1, "hour": 1, "minute": 30, "second": 5}
    early, late = NEW_YORK.instants("11/01/2026 01:30:05 am")
    assert parse_clock(made, NEW_YORK, early + 60 * SECOND) == early
    assert parse_clock(made, NEW_YORK, late + 60 * SECOND) == late
    assert parse_clock(made, BERLIN, late) == late - 6 * HOUR * SECOND
    assert parse_clock({**made, "day": 31}, NEW_YORK, late) is None
    assert parse_clock({}, NEW_YORK, late) is None


def test_inventory() -> None:
    """Machines, and instances at any depth; hosts and applications are not workloads."""
    answer = {
        "data": [
            {"id": 9, "name": "files-1", "asset_type": "physical", "file_level_instance_id": 40, "children": []},
            {
                "id": 7,
                "name": "vcenter",
                "asset_type": "VMware:server",
                "file_level_instance_id": 99,
                "children": [
                    {
                        "id": 1,
                        "name": "esx1",
                        "children": [{"id": 31, "parent_id": 7, "name": "web-01", "type": "VMware", "children": []}],
                    }
                ],
            },
        ]
    }
    inventory = parse_inventory(answer["data"], 2)
    listed = [(workload.id, workload.name, workload.type) for workload in inventory.workloads]
    assert listed == [("2/c9", "files-1", "physical"), ("2/31", "web-01", "vm")]
    assert (inventory.file_level, inventory.unreadable) == ({"40": "9"}, 0)


def test_a_machine_is_not_named_after_its_host() -> None:
    """If neither name is reported, the asset may be the machine or its host."""
    record = row(vm_name=None, instance_name=None, client_name=None, asset_name="vcenter-berlin")
    assert build_workload(record, 1, Inventory()).name is None
    assert (
        build_workload(row(vm_name=None, client_name="vcenter", asset_name="web-01"), 1, Inventory()).name == "web-01"
    )


def test_a_row_without_identity_is_not_its_host() -> None:
    """Without instance, application and type, all machines of one host would become one workload."""
    silent = build_workload(row(instance_id=None, app_name=None, type=None), 1, Inventory())
    assert (silent.id, silent.name) == (None, "web-01")


def test_an_inventory_without_parents_is_rejected() -> None:
    """Instances are recognized by their parent; without it they would be silently missing."""
    instance = {"id": 31, "name": "web-01", "parent_id": 2, "type": "VMware", "children": []}
    client = {"id": 2, "children": [{"id": 40, "type": "application", "children": [instance]}]}
    assert parse_inventory([client], 1).unreadable == 0
    assert parse_inventory([{"id": 2, "children": [{"id": 40, "type": "application"}]}], 1).unreadable == 0
    del instance["parent_id"]
    assert parse_inventory([client], 1).unreadable == 1


def test_fields_with_unexpected_types_are_unknown() -> None:
    """Fields with undocumented types make attributes unknown and never raise."""
    for name in row():
        if name in ("id", "start_time"):
            continue
        for strange in STRANGE:
            point(row(**{name: strange}))


def test_format_of_2015() -> None:
    """It is parsed. The documentation also shows it without a comma, which is not valid JSON."""
    (made,) = read("unitrends/backups_2015.yml")["backups"]
    made = point(made, times=NEW_YORK)
    assert (made.id, made.workload.id, made.workload.name) == ("1/515", "1/c31", "files-02")
    assert (format_time(made.created), made.kind, made.status) == ("2015-03-06T00:18:00Z", "differential", "success")
    assert (made.integrity_checked, made.restore_tested, made.size_bytes) == (True, False, 96 * 2**20)
    body = read_body("unitrends/backups_2015.yml")
    with pytest.raises(ValueError, match="delimiter"):
        json.loads(body.replace(b'"size": 96,', b'"size": 96'))


def test_format_of_2018() -> None:
    """A backup with its copy, a failed and a running backup, at a time that occurs twice on this day."""
    rows = read("unitrends/backups.yml")["data"]
    points = [point(one, times=NEW_YORK) for one in rows]
    assert [one.id for one in points] == ["1/7301", "1/7301", "1/7302", "1/7303"]
    assert [one.status for one in points] == ["success", "success", "failed", "running"]
    assert {one.workload.name for one in points} == {"db-orders"}
