# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups, their files and their objects in the format of Backup & Replication."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulators.ground_truth import Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.layout import (
    Backup,
    BackupFile,
    Layout,
    StoredPoint,
    day_number,
    gfs_periods,
)
from tests.simulators.veeam_backup_replication.points import NO_ID, Points
from tests.simulators.veeam_backup_replication.versions import PLATFORM_CHANGES, Row, Shape

_JOB_TYPES = {
    "VMware": "VSphereBackup",
    "HyperV": "HyperVBackup",
    "CloudDirector": "CloudDirectorBackup",
    "AWSEC2": "CloudBackupAWS",
    "UnstructuredData": "FileBackup",
    "WindowsPhysical": "WindowsAgentBackup",
    "LinuxPhysical": "LinuxAgentBackup",
}
_OBJECT_TYPES = {
    "CloudDirector": "NfcDir",
    "UnstructuredData": "Directory",
    "WindowsPhysical": "Directory",
    "LinuxPhysical": "Directory",
    "MongoDb": "ReplicaSet",
}
_EXTENSIONS = {"full": "vbk", "archive": "vbk"}
_SEVERITIES = ("clean", "suspicious", "infected")


def _policy_tag(row: Row) -> None:
    row["policyTag"] = row.pop("policyUniqueId")


def _one_object(row: Row) -> None:
    """Convert to 1.3-rev1 or earlier: a file has one object id, and a file of many machines has none."""
    ids = row.pop("objectIds")
    row["objectId"] = ids[0] if len(ids) == 1 else NO_ID


BACKUP_SHAPE = Shape(
    since={"repositoryName": "1.3-rev0", "jobType": "1.3-rev0"},
    before=(("1.2-rev0", _policy_tag), *PLATFORM_CHANGES),
)
FILE_SHAPE = Shape(since={"severity": "1.3-rev2"}, before=(("1.3-rev2", _one_object),))
# Fields that identify a machine, added for each platform in its own revision (the specs' discriminators).
_IDENTITY = ("objectId", "path", "hvType", "biosUuid", "computerId", "protectionGroupIds", "fileServerId", "hostId")


def _keep_identity_for(*platforms: str) -> Callable[[Row], None]:
    """Remove the identity fields of all other platforms, because only these had their own schema."""

    def change(row: Row) -> None:
        if row["platformName"] not in platforms:
            for name in (*_IDENTITY, "encryptionState"):
                row.pop(name, None)

    return change


OBJECT_SHAPE = Shape(
    since={
        "lastRunFailed": "1.3-rev0",
        "backupId": "1.3-rev2",
        "size": "1.3-rev2",
    },
    before=(
        ("1.3-rev0", _keep_identity_for("VMware", "CloudDirector")),
        ("1.2-rev0", _keep_identity_for("VMware")),
        *PLATFORM_CHANGES,
    ),
)


def job_type(backup: Backup) -> str:
    if backup.role == "copy":
        return "FileBackupCopy" if backup.platform == "UnstructuredData" else "BackupCopy"
    return _JOB_TYPES.get(backup.platform, "Unknown")


class Backups:
    def __init__(self, api: ProductApi, clock: ServerClock, points: Points, layout: Layout) -> None:
        self.api = api
        self.clock = clock
        self.points = points
        self.layout = layout
        self.id = api.uuid

    def job_id(self, backup: Backup) -> str:
        """Return the job id. One job writes to its repository and its archive; copies have their own jobs."""
        role = "copy" if backup.role == "copy" else "primary"
        target = backup.key if role == "copy" else ""
        return self.id(f"job:{backup.policy.key}:{backup.platform}:{role}:{target}")

    def repository_id(self, backup: Backup) -> str:
        return NO_ID if backup.repository is None else self.id(f"repository:{backup.repository.key}")

    def backup(self, backup: Backup) -> Row:
        copied = backup.role == "copy"
        row: Row = {
            "_moment": backup.created_at,
            "id": self.points.backup_id(backup),
            "jobId": self.job_id(backup),
            "policyUniqueId": self.id(f"unique:{self.job_id(backup)}"),
            "name": backup.name,
            # A copied backup has this value, while its points have the true platform.
            "platformName": "CustomPlatform" if copied else backup.platform,
            "platformId": self.id("platform:copy") if copied else self.points.platform_id(backup.platform),
            "creationTime": self.clock.without_offset(backup.created_at),
            "repositoryId": self.repository_id(backup),
            "jobType": job_type(backup),
        }
        return row if backup.repository is None else {**row, "repositoryName": backup.repository.name}

    def file(self, backup: Backup, file: BackupFile) -> Row:
        size, first = file.size_bytes, file.points[0]
        worst = max(_SEVERITIES.index(stored.point.malware or "clean") for stored in file.points)
        return {
            "_moment": max(stored.point.created_at for stored in file.points),
            "id": self.points.file_id(file.key),
            "name": self._path(backup, file, first),
            "backupId": self.points.backup_id(backup),
            "objectIds": [self.points.object_id(stored.work) for stored in file.points],
            "restorePointIds": [self.points.point_id(stored) for stored in file.points],
            "dataSize": size * 2,
            "backupSize": size,
            "dedupRatio": 80,
            "compressRatio": 50,
            "creationTime": self.clock.without_offset(file.run.started),
            "gfsPeriods": gfs_periods(first.point),
            "severity": _SEVERITIES[worst].capitalize(),
        }

    def _path(self, backup: Backup, file: BackupFile, first: StoredPoint) -> str:
        extension = _EXTENSIONS.get(first.point.kind, "vib")
        owner = "" if len(file.points) > 1 else f"{first.work.name}."
        return f"C:\\Backup\\{backup.name}\\{owner}{backup.name}D{day_number(file.run)}.{extension}"

    def details(self, backup: Backup, object_id: str | None) -> Row:
        mine = [stored for stored in backup.points if object_id in (None, self.points.object_id(stored.work))]
        size = float(sum(stored.point.size_bytes or 0 for stored in mine))
        sources = {stored.work.key: stored.work.source_bytes for stored in mine}
        return {
            "objectOriginalSize": float(sum(sources.values())),
            "backupSize": size,
            "actualSize": size,
            "restorePointsCount": len(mine),
        }

    # Objects

    def objects(self, backup: Backup) -> list[Row]:
        counts: dict[str, int] = {}
        for stored in backup.points:
            counts[stored.work.key] = counts.get(stored.work.key, 0) + 1
        return [self._object(backup, work, counts[work.key]) for work in backup.members]

    def _object(self, backup: Backup, work: Workload, count: int) -> Row:
        ident, platform = self.points.object_id(work), backup.platform
        chain = self.points.backup_id(backup)
        if platform != "UnstructuredData":
            # The chain of one machine has its own id.
            chain = self.id(f"chain:{backup.key}:{work.key}")
        row: Row = {
            "_backup": self.points.backup_id(backup),
            "id": ident,
            "name": work.name,
            "type": _OBJECT_TYPES.get(platform, "VM"),
            "platformName": platform,
            "platformId": self.points.platform_id(platform),
            "restorePointsCount": count,
            "lastRunFailed": bool(work.points) and work.points[0].status == "failed",
            "backupId": chain,
            "size": 0 if platform == "UnstructuredData" else work.source_bytes,
            **self._identity(work, platform),
        }
        if not self.api.flag("counts"):
            del row["restorePointsCount"]
        return row

    def _identity(self, work: Workload, platform: str) -> Row:
        number, unique = self.api.digest(work.key), self.id(f"bios:{work.key}")
        path = f"vcenter-{work.site.key}.example\\{work.site.name}\\{work.name}"
        if platform == "VMware":
            return {"objectId": f"vm-{int(number[:7], 16)}", "viType": "VirtualMachine", "path": path}
        if platform == "HyperV":
            return {"objectId": unique, "hvType": "VirtualMachine", "path": path}
        if platform == "CloudDirector":
            return {"objectId": f"urn:vcloud:vm:{unique}", "path": path}
        if platform == "AWSEC2":
            return {"objectId": f"i-{number[:17]}", "encryptionState": "Unencrypted", "path": work.site.region}
        if platform == "UnstructuredData":
            return {"fileServerId": self.id(f"files:{work.site.key}"), "hostId": self.id(f"files:{work.site.key}")}
        if platform in ("WindowsPhysical", "LinuxPhysical"):
            computer = {"biosUuid": unique, "computerId": self.id(f"computer:{work.key}")}
            return {**computer, "protectionGroupIds": [self.id("protection-group")]}
        return {}

    def leftovers(self) -> list[Row]:
        """Return objects that remain in the list after the points of a machine were removed."""
        return [
            {
                "_backup": NO_ID,
                "id": self.id(f"leftover:{number}"),
                "name": f"outdated_{number}_server",
                "type": "VM",
                "platformName": "VMware",
                "platformId": NO_ID,
                "restorePointsCount": 0,
                "lastRunFailed": False,
                "backupId": NO_ID,
                "size": 0,
                "objectId": f"vm-9{number}",
                "viType": "VirtualMachine",
                "path": "vcenter-old.example",
            }
            for number in range(2)
        ]

    def chain_name(self, work: Workload, platform: str) -> str:
        """Return the name of an object below its backup, which may be the network address of the machine."""
        if self.api.text("object_names") == "address" and platform in ("WindowsPhysical", "LinuxPhysical"):
            return f"10.0.{int(self.api.digest(work.key)[:2], 16)}.7"
        return work.name
