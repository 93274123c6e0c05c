# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of Enterprise Manager, in XML and in both spellings of JSON, give the same recovery points."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import records as fields
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.adapter import (
    VeeamEnterpriseManager,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.pending_points import (
    BackupFileIndex,
    PendingPoints,
    join_by_machine,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import NOT_FOUND
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload

HOST = "https://em.example:9398/api"


VM = {
    "Type": "VmRestorePoint",
    "Name": "web@01@2026-11-20 04:00:52",
    "UID": "urn:veeam:VmRestorePoint:v1",
    "Links": [
        {"Rel": "Up", "Type": "BackupServerReference", "Href": f"{HOST}/backupServers/s1", "Name": "vbr-1.example"},
        {"Rel": "Up", "Type": "BackupFileReference", "Href": f"{HOST}/backupFiles/f1", "Name": "x.vib"},
    ],
    "CreationTimeUTC": "2026-11-20T04:00:52.107Z",
    "Algorithm": "Incremental",
    "PointType": "Increment",
    "HierarchyObjRef": "urn:VMware:Vm:de28dc43-b8ee-4e17-8e63-3d38b6604033.vm-62228",
}


def parse_in_file(record: dict[str, Any]) -> fields.PointInFile:
    """The values parsed from one record."""
    (found,) = fields.parse_points([record], False)
    return found


def machine(record: dict[str, Any]) -> Workload:
    """The machine of one record."""
    return fields.build_vm(parse_in_file(record)[4])


def test_a_machine_is_known_by_its_reference() -> None:
    """Without a display name, the name of the point is used, up to the last @."""
    workload = machine(VM)
    assert (workload.id, workload.name, workload.platform) == (VM["HierarchyObjRef"], "web@01", "vmware")
    assert machine({**VM, "VmDisplayName": "web"}).name == "web"
    odd = {**VM, "HierarchyObjRef": None, "Links": None}
    assert (machine(odd).id, machine(odd).platform, parse_in_file(odd)[3]) == (None, None, None)


@pytest.mark.parametrize(
    ("algorithm", "point_type", "kind"),
    [
        ("Incremental", "Increment", "incremental"),
        ("Incremental", "Full", "full"),
        ("SyntheticFull", "Full", "synthetic_full"),
        ("SyntheticFull", "Increment", "incremental"),
        ("ReversedIncremental", "ReverseIncrement", "incremental"),
        ("Full", None, "full"),
        (None, None, "unknown"),
        ("Novel", "Novel", "unknown"),
    ],
)
def test_kinds(algorithm: Any, point_type: Any, kind: str) -> None:
    """The type of the point takes precedence over the mode of its job."""
    assert parse_in_file({**VM, "Algorithm": algorithm, "PointType": point_type})[2] == kind


@pytest.mark.parametrize("time", [None, "", "1753-01-01T00:00:00Z", "Oct 6 2016 1:59PM", 5])
def test_a_point_without_a_time_is_no_answer(time: Any) -> None:
    """1753 is the value in the database if there is no time."""
    with pytest.raises(InvalidResponseError, match="CreationTimeUTC"):
        parse_in_file({**VM, "CreationTimeUTC": time})


FILE = {
    "UID": "urn:veeam:BackupFile:f1",
    "BackupSize": 500,
    "Links": [{"Rel": "Up", "Type": "BackupReference", "Href": f"{HOST}/backups/b1", "Name": "Gold"}],
}
BACKUP = {
    "UID": "urn:veeam:Backup:b1",
    "Name": "Gold",
    "Platform": "AgentForLinux",
    "Links": [{"Rel": "Up", "Type": "RepositoryReference", "Href": f"{HOST}/repositories/r1", "Name": "disk-1"}],
}
REPOSITORY = {"UID": "urn:veeam:Repository: r1", "Name": "disk-1", "Kind": "Cloud"}


def build_pending(file_index: BackupFileIndex, *records: dict[str, Any]) -> list[RecoveryPoint]:
    """The points of these records, built after all of them have been read."""
    group = PendingPoints(machine(VM), keep_records=False)
    for found in fields.parse_points(records, False):
        group.add(found, file_index.count_point(found[3]))
    return list(group.build_points(group.workload, file_index))


def test_size_and_place_come_by_joining() -> None:
    """File, backup, repository; a file shared by several points has no size for this point."""
    (alone,) = build_pending(BackupFileIndex(fields.parse_files([FILE]), [BACKUP], [REPOSITORY]), VM)
    assert (alone.size_bytes, alone.job, alone.offsite, alone.inferred) == (500, "Gold", True, ("offsite",))
    assert alone.copies == [Copy(location="disk-1", location_type="Cloud", offsite=True)]
    assert (alone.created, alone.kind) == parse_in_file(VM)[1:3]
    together = build_pending(
        BackupFileIndex(fields.parse_files([FILE]), [BACKUP], [REPOSITORY]),
        VM,
        {**VM, "UID": "urn:veeam:VmRestorePoint:other"},
    )
    assert [point.size_bytes for point in together] == [None, None]
    assert together[0].id != together[1].id
    (lost,) = build_pending(BackupFileIndex([], [BACKUP], [REPOSITORY]), VM)
    assert (lost.size_bytes, lost.copies, lost.offsite) == (None, None, None)
    (unread,) = build_pending(BackupFileIndex(fields.parse_files([FILE]), [], []), VM)
    assert (unread.size_bytes, unread.job, unread.copies) == (500, "Gold", None)


def test_agents_of_one_name_are_told_apart_by_their_backup() -> None:
    """The point itself does not identify a machine."""
    file_index = BackupFileIndex(fields.parse_files([FILE]), [BACKUP], [])
    found = parse_in_file({**VM, "Name": "desk@2026-11-20 04:00:52"})
    workload = fields.build_agent(found[4], file_index.get_location(file_index.count_point(found[3]))[0])
    assert (workload.id, workload.name, workload.platform, workload.type) == ("desk/b1", "desk", "linux", "physical")


def test_a_backup_with_the_times_of_another_holds_its_copies() -> None:
    """A copy has the same times; a reinstalled machine with the old name does not."""

    def group(backup: str, *hours: int) -> PendingPoints:
        location = fields.FileLocation(None, backup, None, None, None)
        pending: PendingPoints | None = None
        for hour in hours:
            found = parse_in_file({**VM, "Name": "desk@x", "CreationTimeUTC": f"2026-11-20T{hour:02}:00:00Z"})
            pending = pending or PendingPoints(fields.build_agent(found[4], location), keep_records=False)
            pending.add(found, NOT_FOUND)
        assert pending is not None
        return pending

    machines = join_by_machine([group("b2", 1, 2, 3), group("b1", 1, 2), group("b3", 7, 8), group("b0", 3, 9, 10)])
    shown = {machine[0].workload.id: sum(len(pending.times) for pending in machine) for machine in machines}
    assert shown == {"desk/b0": 3, "desk/b1": 5, "desk/b3": 2}


def settings(**own: Any) -> Settings:
    """Settings that a user could set."""
    types = own.pop("workload_types", VeeamEnterpriseManager.workload_types)
    return Settings(
        username="u",
        password="p",
        page_size=100,
        detail="workloads",
        workload_types=types,
        include_unprotected=True,
        include_raw=False,
        own=own,
    )


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"api_version": "v8"}, "does not support 'v8'"),
        ({"tenant_organization": "x"}, "requires tenant: true"),
        ({"tenant": True, "workload_types": ("vm",)}, "a tenant can read only"),
    ],
)
def test_options_that_make_no_sense(own: dict[str, Any], message: str) -> None:
    """They are rejected before any request is sent."""
    VeeamEnterpriseManager.check(settings(), ())
    with pytest.raises(OptionError, match=message):
        VeeamEnterpriseManager.check(settings(**own), ())
