# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unitrends: from records to recovery points."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.inventory import assets_of, is_inventory
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import (
    LocalTimes,
    clock_of,
    fits,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND, format_time, parse_time
from tests.tools.project import VENDORS
from tests.unit.plugins.module_utils._adapters.unitrends.sample_backup import row

STRANGE: tuple[Any, ...] = (None, [], {}, "x", -1, True, 1.5)
SAMPLES = VENDORS / "unitrends" / "samples"
BERLIN = LocalTimes("Europe/Berlin")
NEW_YORK = LocalTimes("America/New_York")


def old_row(**more: Any) -> dict[str, Any]:
    """A backup of files as the wiki of 2015 prints it."""
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


def point(record: dict[str, Any], item: dict[str, Any] | None = None, copies: Any = ()) -> RecoveryPoint:
    """The point of a row."""
    return records.point_of(
        record, records.said_of(record), item, records.workload_of(record, 1, {}), 1, copies, BERLIN
    )


def is_copy(record: dict[str, Any]) -> bool:
    """Whether a row tells of a copy."""
    return records.is_copy(record, records.said_of(record))


def test_a_backup() -> None:
    """All that a row says; a legal hold is no immutability."""
    told = point(row(), {"storage": "Internal"}).as_dict("host", "unitrends")
    assert (told["id"], told["workload_id"], told["workload_name"]) == ("1/501", "1/31", "web-01")
    assert (told["workload_type"], told["platform"]) == ("vm", "vmware")
    assert (told["created_at"], told["completed_at"]) == ("2026-07-15T00:30:05Z", "2026-07-15T00:58:07Z")
    assert (told["kind"], told["status"], told["usable"]) == ("full", "success", True)
    assert told["size_bytes"] == 518 * 2**20
    assert (told["verified"], told["checked"], told["encrypted"]) == (False, True, True)
    assert told["retention"] == ["weekly"]
    assert [copy["location"] for copy in told["copies"]] == ["Internal"]
    unknown = ("immutable", "immutable_until", "offsite", "expires_at", "malware", "job", "verified_at", "checked_at")
    assert [told[name] for name in unknown] == [None] * len(unknown)


def test_the_older_generation() -> None:
    """Other names, no seconds, other words: the same meaning."""
    told = point(old_row())
    assert format_time(told.created) == "2026-07-15T00:30:00Z"
    assert told.completed is None
    assert (told.kind, told.status, told.usable) == ("differential", "success", True)
    assert (told.verified, told.checked) == (None, None)
    assert (told.workload.id, told.workload.name, told.workload.type) == ("1/c9", "files-1", "physical")
    copied = point(old_row(replication_status="Completed"))
    assert (copied.offsite, copied.estimated) == (True, ("offsite",))


@pytest.mark.parametrize(
    ("words", "expected"),
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
def test_outcome(words: dict[str, Any], expected: tuple[str, bool | None]) -> None:
    """A warning can be restored; what failed to be read back cannot; an unknown word proves nothing."""
    told = point(row(**words))
    assert (told.status, told.usable) == expected


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
        ("BareMetal", "unknown"),
        ("Selective", "unknown"),
        ("master", "full"),
    ],
)
def test_kind(shown: str, kind: str) -> None:
    """What is no word for a whole backup is not taken for one."""
    assert point(row(type=shown)).kind == kind


def test_synthesized_fulls() -> None:
    """The flag says it as well as the name."""
    assert point(row(synthesized=True)).kind == "synthetic_full"
    assert point(row(synthesized=True, type="VMware Incremental")).kind == "incremental"


def test_what_is_no_backup() -> None:
    """Restores and metadata stand among the rows, and copies repeat the number of their backup."""
    assert records.is_backup(row())
    assert not records.is_backup(row(type="Restore"))
    assert not records.is_backup(row(type="System Metadata"))
    assert not records.is_backup({key: value for key, value in row().items() if key != "id"})
    assert not is_copy(row())
    assert is_copy(row(sync_status="Success"))
    assert is_copy(row(sync_message=""))
    assert is_copy(row(type="securesync full"))
    good = records.hot_copy(row(sync_message="Success: copied", destination="ueb-2"))
    assert good is not None
    assert good.location == "ueb-2"
    assert records.hot_copy(row(sync_status="Success")) is not None
    assert records.hot_copy(row(sync_message="Failure: no space", sync_status="Success")) is None
    assert records.cold_copy({"success": False, "storage": "tape"}) is None


def test_names_and_numbers() -> None:
    """Numbers of two systems collide; what stands for all files of a machine is that machine."""
    assert records.workload_of(row(), 1, {}).id == "1/31"
    assert records.workload_of(row(), 2, {}).id == "2/31"
    assert records.workload_of(row(instance_id="31"), 1, {}).id == "1/31"
    nameless = row(instance_id=40, app_name=None, type="Full", vm_name=None)
    assert records.workload_of(nameless, 1, {"40": "7"}).id == "1/c7"
    assert records.workload_of({}, 1, {}).id is None
    database = row(app_name="SQL Server", type="SQL Full", vm_name=None, database_name="orders")
    assert records.workload_of(database, 1, {}).name == "orders"
    assert records.workload_of(database, 1, {}).platform == "mssql"


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("11/21/2026 01:30:05 am", "2026-11-21T06:30:05Z"),
        ("11/21/2026 12:00 am", "2026-11-21T05:00:00Z"),
        ("11/21/2026 12:00:00 PM", "2026-11-21T17:00:00Z"),
        ("07/01/2026 13:05:06", "2026-07-01T17:05:06Z"),
    ],
)
def test_local_times(text: str, utc: str) -> None:
    """Twelve hours and twenty-four, with and without seconds, summer and winter."""
    assert NEW_YORK.instants(text) == [parse_time(utc)]


def test_the_repeated_hour() -> None:
    """01:30 comes twice on the first of November; a backup is told as the older one, and that it is an estimate."""
    first, second = NEW_YORK.instants("11/01/2026 01:30:05 am")
    assert [format_time(first), format_time(second)] == ["2026-11-01T05:30:05Z", "2026-11-01T06:30:05Z"]
    record = row(start_time="11/01/2026 01:30:05 am", complete_time="11/01/2026 02:10:00 am")
    told = records.point_of(record, records.said_of(record), None, records.workload_of(record, 1, {}), 1, (), NEW_YORK)
    assert told.created == first
    assert told.estimated == ("created_at",)
    # It began before the repeated hour, or in its first pass: the end is never before the start.
    assert NEW_YORK.not_before("11/01/2026 01:10:00 am", second - 60 * SECOND) == []
    assert NEW_YORK.not_before("11/01/2026 01:50:00 am", first) == [
        parse_time("2026-11-01T05:50:00Z"),
        parse_time("2026-11-01T06:50:00Z"),
    ]
    assert fits(NEW_YORK, "11/01/2026 01:30:05 am", second // SECOND * SECOND)
    assert fits(NEW_YORK, "11/01/2026 01:30 am", first + 5 * SECOND)
    assert not fits(BERLIN, "11/01/2026 01:30:05 am", second)


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
def test_what_is_no_time(text: Any) -> None:
    """Nothing is made of it."""
    with pytest.raises(DataError):
        NEW_YORK.instants(text)


def test_zones_that_do_not_exist() -> None:
    """The message says what to write."""
    for name in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(OptionError, match="no time zone"):
            LocalTimes(name)


def test_clock() -> None:
    """The appliance's own clock, in the repeated hour the one nearer to ours."""
    told = {"year": 2026, "month": 11, "day": 1, "hour": 1, "minute": 30, "second": 5}
    early, late = NEW_YORK.instants("11/01/2026 01:30:05 am")
    assert clock_of(told, NEW_YORK, early + 60 * SECOND) == early
    assert clock_of(told, NEW_YORK, late + 60 * SECOND) == late
    assert clock_of(told, BERLIN, late) == late - 6 * HOUR * SECOND
    assert clock_of({**told, "day": 31}, NEW_YORK, late) is None
    assert clock_of({}, NEW_YORK, late) is None


def test_inventory() -> None:
    """Machines, and instances however deep; hosts and applications are no workloads."""
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
    listed = [(workload.id, workload.name, workload.type, level) for workload, level in assets_of(answer, 2)]
    assert listed == [("2/c9", "files-1", "physical", "40"), ("2/31", "web-01", "vm", None)]


def test_a_machine_is_not_called_like_its_host() -> None:
    """Where neither its own name nor that of the host is told, the asset may be either."""
    record = row(vm_name=None, instance_name=None, client_name=None, asset_name="vcenter-berlin")
    assert records.workload_of(record, 1, {}).name is None
    assert records.workload_of(row(vm_name=None, client_name="vcenter", asset_name="web-01"), 1, {}).name == "web-01"


def test_what_says_nothing_of_itself_is_not_its_host() -> None:
    """Without an instance, an application and a type, all machines of one host would become one."""
    silent = records.workload_of(row(instance_id=None, app_name=None, type=None), 1, {})
    assert (silent.id, silent.name) == (None, "web-01")


def test_an_inventory_whose_instances_do_not_say_so_is_none() -> None:
    """Instances are known by their parent; without it they would be missing without a word."""
    instance = {"id": 31, "name": "web-01", "parent_id": 2, "type": "VMware", "children": []}
    client = {"id": 2, "children": [{"id": 40, "type": "application", "children": [instance]}]}
    assert is_inventory({"data": [client]})
    assert is_inventory({"data": [{"id": 2, "children": [{"id": 40, "type": "application"}]}]})
    del instance["parent_id"]
    assert not is_inventory({"data": [client]})


def test_strange_members_are_survived() -> None:
    """Members of another type than documented make facts unknown and never raise."""
    for name in row():
        if name in ("id", "start_time"):
            continue
        for strange in STRANGE:
            point(row(**{name: strange}))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendor's examples are not here")
def test_examples_of_the_vendor() -> None:
    """The wiki's example goes through; as printed it is no JSON."""
    (told,) = json.loads((SAMPLES / "post_backups_doc_example_repaired.json").read_text("utf-8"))["backups"]
    made = records.point_of(told, records.said_of(told), None, records.workload_of(told, 1, {}), 1, (), NEW_YORK)
    assert (made.id, made.workload.id, made.workload.name) == ("1/220", "1/c2", "win32")
    assert (format_time(made.created), made.kind, made.status) == ("2014-10-14T13:32:00Z", "differential", "success")
    assert (made.checked, made.verified, made.size_bytes) == (True, False, 518 * 2**20)
    with pytest.raises(ValueError, match="delimiter"):
        json.loads((SAMPLES / "post_backups_doc_example_as_printed.txt").read_text("utf-8"))
