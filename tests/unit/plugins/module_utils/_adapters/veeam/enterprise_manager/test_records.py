# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of Enterprise Manager, in XML and in both spellings of JSON, give the same recovery points."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import is_undated
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
    """Parse one record."""
    (found,) = fields.parse_points([record], False)
    if len(found) == 2:
        raise found[1]
    return found


def machine(record: dict[str, Any]) -> Workload:
    """Return the machine of one record."""
    return fields.build_machine("vm", parse_in_file(record)[4], None)


def test_machines_are_identified_by_reference() -> None:
    """Without a display name, the name of the point is used, up to the last @."""
    workload = machine(VM)
    assert (workload.id, workload.name) == (VM["HierarchyObjRef"], "web@01")
    assert (workload.platform, workload.vendor_platform) == ("vmware", "VMware")
    assert machine({**VM, "VmDisplayName": "web"}).name == "web"
    odd = {**VM, "HierarchyObjRef": None, "Links": None}
    assert (machine(odd).id, machine(odd).platform, parse_in_file(odd)[3]) == (None, None, None)


@pytest.mark.parametrize(
    "reference",
    [
        None,
        "",
        "urn:VMware:Vm:de28dc43-b8ee-4e17-8e63-3d38b6604033.",
        "urn:HyperV:Vm:de28dc43-b8ee-4e17-8e63-3d38b6604033.00000000-0000-0000-0000-000000000000",
    ],
)
def test_a_reference_without_an_object_is_ignored(reference: Any) -> None:
    """All machines of a server would share it."""
    assert machine({**VM, "HierarchyObjRef": reference}).id is None
    for known in (
        "urn:VMware:Vm:1.vm-10",
        "urn:vCloud:Vm:1.urn:vcloud:vm:0-1",
        "urn:VMware:Vm:00.vm-0",
        "urn:Other:Vm:10",
    ):
        assert machine({**VM, "HierarchyObjRef": known}).id == known


@pytest.mark.parametrize(
    ("algorithm", "point_type", "kind"),
    [
        ("Incremental", "Increment", "incremental"),
        ("Incremental", "Full", "full"),
        ("SyntheticFull", "Full", "synthetic_full"),
        ("SyntheticFull", "Increment", "incremental"),
        ("ReversedIncremental", "ReverseIncrement", "incremental"),
        ("Full", None, "full"),
        (None, None, "backup"),
        ("Novel", "Novel", "backup"),
    ],
)
def test_kinds(algorithm: Any, point_type: Any, kind: str) -> None:
    """The type of the point takes precedence over the mode of its job. A point in a file is a backup of any type."""
    record = {**VM, "Algorithm": algorithm, "PointType": point_type}
    assert parse_in_file(record)[2] == kind
    without_file = {**record, "Links": VM["Links"][:1]}
    assert parse_in_file(without_file)[2] == ("unknown" if kind == "backup" else kind)


@pytest.mark.parametrize("time", [None, "", "Oct 6 2016 1:59PM", 5])
def test_a_point_without_a_time_is_named(time: Any) -> None:
    with pytest.raises(InvalidResponseError, match="restore point v1 has no valid CreationTimeUTC"):
        parse_in_file({**VM, "CreationTimeUTC": time})


@pytest.mark.parametrize("time", ["1753-01-01T00:00:00Z", "1753-01-01T00:00:00", "0001-01-01T00:00:00.000Z"])
def test_the_earliest_time_of_the_database_means_no_time(time: str) -> None:
    assert is_undated(parse_in_file({**VM, "CreationTimeUTC": time})[1])


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
    """Build the points of these records after all have been read."""
    group = PendingPoints(machine(VM), parse_in_file(VM)[4], keep_records=False)
    for record in records:
        found = parse_in_file(record)
        group.add(found, file_index.count_point(found[3]))
    return list(group.build_points(group.workload, file_index))


def test_size_and_location_come_from_joined_lists() -> None:
    """File, backup and repository are joined. A file shared by several points gives no size."""
    (alone,) = build_pending(BackupFileIndex(fields.parse_files([FILE]), [BACKUP], [REPOSITORY]), VM)
    assert (alone.size_bytes, alone.job, alone.offsite, alone.inferred) == (500, "Gold", True, ("offsite",))
    place = Copy(location="disk-1", location_type="cloud_vault", vendor_location_type="Cloud", offsite=True)
    assert alone.copies == [place]
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


def test_agents_with_one_name_are_distinguished_by_backup() -> None:
    """The point itself does not identify a machine."""
    file_index = BackupFileIndex(fields.parse_files([FILE]), [BACKUP], [])
    found = parse_in_file({**VM, "Name": "desk@2026-11-20 04:00:52"})
    backup = file_index.get_backup(file_index.count_point(found[3]))
    workload = fields.build_machine("physical", (None, *found[4][1:]), backup)
    assert (workload.id, workload.name, workload.type) == ("desk/b1", "desk", "physical")
    assert (workload.platform, workload.vendor_platform) == ("linux", "AgentForLinux")


def test_a_backup_with_the_times_of_another_contains_copies() -> None:
    """A copy has the same times. A reinstalled machine with the old name does not."""

    def group(backup: str, *hours: int) -> PendingPoints:
        pending: PendingPoints | None = None
        for hour in hours:
            time = f"2026-11-20T{hour:02}:00:00Z" if hour else "1753-01-01T00:00:00Z"
            found = parse_in_file({**VM, "HierarchyObjRef": None, "Name": "desk@x", "CreationTimeUTC": time})
            workload = fields.build_machine("physical", found[4], fields.Backup(backup, "Agents"))
            pending = pending or PendingPoints(workload, found[4], keep_records=False)
            pending.add(found, NOT_FOUND)
        assert pending is not None
        return pending

    machines = join_by_machine([group("b2", 1, 2, 3), group("b1", 1, 2), group("b3", 7, 8), group("b0", 3, 9, 10)])
    shown = {machine[0].workload.id: sum(len(pending.times) for pending in machine) for machine in machines}
    assert shown == {"desk/b0": 3, "desk/b1": 5, "desk/b3": 2}
    # Points without a time are not copies of each other.
    undated = join_by_machine([group("b1", 0, 1), group("b2", 0, 2), group("b3", 0)])
    assert sorted(machine[0].workload.id or "" for machine in undated) == ["desk/b1", "desk/b2", "desk/b3"]


def settings(**own: Any) -> Settings:
    """Return settings as a user could set them."""
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
def test_invalid_options(own: dict[str, Any], message: str) -> None:
    """They are rejected before any request is sent."""
    VeeamEnterpriseManager.check(settings(), ())
    with pytest.raises(OptionError, match=message):
        VeeamEnterpriseManager.check(settings(**own), ())
