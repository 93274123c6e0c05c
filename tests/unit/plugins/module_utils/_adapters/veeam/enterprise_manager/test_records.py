# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of Enterprise Manager, in XML and in both spellings of JSON -> the same recovery points."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import records as fields
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.adapter import (
    VeeamEnterpriseManager,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.pending import (
    BackupFileIndex,
    PendingPoints,
    joined,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import NOWHERE
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


def in_file(record: dict[str, Any]) -> fields.PointInFile:
    """What is made of one record."""
    (found,) = fields.points_in_files([record], False)
    return found


def machine(record: dict[str, Any]) -> Workload:
    """The machine of one record."""
    return fields.vm_of(in_file(record)[4])


def test_a_machine_is_known_by_its_reference() -> None:
    """Without a display name its own name counts, up to the last @."""
    workload = machine(VM)
    assert (workload.id, workload.name, workload.platform) == (VM["HierarchyObjRef"], "web@01", "vmware")
    assert machine({**VM, "VmDisplayName": "web"}).name == "web"
    odd = {**VM, "HierarchyObjRef": None, "Links": None}
    assert (machine(odd).id, machine(odd).platform, in_file(odd)[3]) == (None, None, None)


@pytest.mark.parametrize(
    ("algorithm", "told", "kind"),
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
def test_kinds(algorithm: Any, told: Any, kind: str) -> None:
    """What the point is counts before what its job does."""
    assert in_file({**VM, "Algorithm": algorithm, "PointType": told})[2] == kind


@pytest.mark.parametrize("time", [None, "", "1753-01-01T00:00:00Z", "Oct 6 2016 1:59PM", 5])
def test_a_point_without_a_time_is_no_answer(time: Any) -> None:
    """1753 is what the database holds where there is none."""
    with pytest.raises(InvalidResponseError, match="CreationTimeUTC"):
        in_file({**VM, "CreationTimeUTC": time})


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


def held(homes: BackupFileIndex, *records: dict[str, Any]) -> list[RecoveryPoint]:
    """The points of these records, as they are told once all were met."""
    group = PendingPoints(machine(VM), whole=False)
    for found in fields.points_in_files(records, False):
        group.add(found, homes.use(found[3]))
    return list(group.points(group.workload, homes))


def test_size_and_place_come_by_joining() -> None:
    """File, backup, repository; a file that others share has no size for this point."""
    (alone,) = held(BackupFileIndex(fields.backup_files([FILE]), [BACKUP], [REPOSITORY]), VM)
    assert (alone.size_bytes, alone.job, alone.offsite, alone.estimated) == (500, "Gold", True, ("offsite",))
    assert alone.copies == [Copy(location="disk-1", location_type="Cloud", offsite=True)]
    assert (alone.created, alone.kind) == in_file(VM)[1:3]
    together = held(
        BackupFileIndex(fields.backup_files([FILE]), [BACKUP], [REPOSITORY]),
        VM,
        {**VM, "UID": "urn:veeam:VmRestorePoint:other"},
    )
    assert [point.size_bytes for point in together] == [None, None]
    assert together[0].id != together[1].id
    (lost,) = held(BackupFileIndex([], [BACKUP], [REPOSITORY]), VM)
    assert (lost.size_bytes, lost.copies, lost.offsite) == (None, None, None)
    (unread,) = held(BackupFileIndex(fields.backup_files([FILE]), [], []), VM)
    assert (unread.size_bytes, unread.job, unread.copies) == (500, "Gold", None)


def test_agents_of_one_name_are_told_apart_by_their_backup() -> None:
    """The point itself names no machine."""
    homes = BackupFileIndex(fields.backup_files([FILE]), [BACKUP], [])
    found = in_file({**VM, "Name": "desk@2026-11-20 04:00:52"})
    workload = fields.agent_of(found[4], homes.at(homes.use(found[3]))[0])
    assert (workload.id, workload.name, workload.platform, workload.type) == ("desk/b1", "desk", "linux", "physical")


def test_a_backup_with_the_times_of_another_holds_its_copies() -> None:
    """A copy shares them; a machine set up anew under the old name does not."""

    def group(backup: str, *hours: int) -> PendingPoints:
        home = fields.FileLocation(None, backup, None, None, None)
        made: PendingPoints | None = None
        for hour in hours:
            found = in_file({**VM, "Name": "desk@x", "CreationTimeUTC": f"2026-11-20T{hour:02}:00:00Z"})
            made = made or PendingPoints(fields.agent_of(found[4], home), whole=False)
            made.add(found, NOWHERE)
        assert made is not None
        return made

    machines = joined([group("b2", 1, 2, 3), group("b1", 1, 2), group("b3", 7, 8), group("b0", 3, 9, 10)])
    shown = {machine[0].workload.id: sum(len(held.times) for held in machine) for machine in machines}
    assert shown == {"desk/b0": 3, "desk/b1": 5, "desk/b3": 2}


def settings(**own: Any) -> Settings:
    """What a user could ask for."""
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
    ("own", "words"),
    [
        ({"api_version": "v8"}, "has no 'v8'"),
        ({"tenant_organization": "x"}, "needs tenant: true"),
        ({"tenant": True, "workload_types": ("vm",)}, "a tenant sees nothing but"),
    ],
)
def test_options_that_make_no_sense(own: dict[str, Any], words: str) -> None:
    """They are refused before anything is sent."""
    VeeamEnterpriseManager.check(settings(), ())
    with pytest.raises(OptionError, match=words):
        VeeamEnterpriseManager.check(settings(**own), ())
