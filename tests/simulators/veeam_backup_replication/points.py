# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points and replica points of Backup & Replication, built in the format of the newest revision."""

from __future__ import annotations

from tests.simulators.ground_truth import Point, Run, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.layout import PLATFORMS, Backup, StoredPoint, gfs_periods
from tests.simulators.veeam_backup_replication.versions import PLATFORM_CHANGES, Row, Shape

NO_ID = "00000000-0000-0000-0000-000000000000"
_AGENTS = ("WindowsPhysical", "LinuxPhysical")
_WITH_IDS = ("AWSEC2", "MongoDb")
_OPERATIONS = {
    "VMware": [
        "StartViVMInstantRecovery",
        "StartEntireVmRestore",
        "StartFCDInstantRecovery",
        "StartFlrRestore",
    ],
    "CloudDirector": ["StartEntireVmRestoreCloudDirector", "StartFlrRestore"],
    "HyperV": ["StartHvVMInstantRecovery", "StartEntireVmRestoreHyperV", "StartFlrRestore"],
    "WindowsPhysical": ["StartDiskPublish", "StartViVMInstantRecovery", "StartHvVMInstantRecovery", "StartFlrRestore"],
    "LinuxPhysical": ["StartDiskPublish", "StartViVMInstantRecovery", "StartHvVMInstantRecovery", "StartFlrRestore"],
}
# Operations that only the newest revision has; for those of version 1.1 see _operations_in_1_1.
_NEWEST_OPERATIONS = {"StartHvVMInstantRecovery", "StartEntireVmRestoreHyperV", "StartDiskPublish"}
_REPLICA_READY = [
    "StartViVMSnapshotReplicaFailover",
    "StartViVMSnapshotReplicaPlannedFailover",
    "StartFlrRestore",
]
# A replica in failover offers operations to end the failover: operations alone do not make a point usable.
_REPLICA_IN_FAILOVER = [
    "StartViVMSnapshotReplicaPermanentFailover",
    "StartViVMSnapshotReplicaUndoFailover",
    "StartViVMSnapshotReplicaFailback",
]
_REQUIRED = {"id", "name", "platformName", "platformId", "creationTime", "backupId", "allowedOperations"}
_UNKNOWN = {"type": "Synthetic", "malwareStatus": "Informative", "platformName": "OpenShift", "guestOsFamily": "Bsd"}


def _operations_before_1_3_rev2(row: Row) -> None:
    row["allowedOperations"] = [name for name in row["allowedOperations"] if name not in _NEWEST_OPERATIONS]


def _operations_in_1_1(row: Row) -> None:
    offered = "StartFCDInstantRecovery" in row["allowedOperations"]
    row["allowedOperations"] = ["VmwareInstantRecoveryFcd"] if offered else []


POINT_SHAPE = Shape(
    since={
        "type": "1.2-rev0",
        "sessionId": "1.2-rev0",
        "malwareStatus": "1.2-rev0",
        "backupFileId": "1.2-rev0",
        "guestOsFamily": "1.3-rev0",
        "originalSize": "1.3-rev0",
        "gfsPeriods": "1.3-rev2",
    },
    before=(("1.2-rev0", _operations_in_1_1), ("1.3-rev2", _operations_before_1_3_rev2), *PLATFORM_CHANGES),
)
REPLICA_POINT_SHAPE = Shape()


def _replica_before_1_3_rev2(row: Row) -> None:
    if row["type"] == "Snapshot":
        row["type"] = "Regular"


REPLICA_SHAPE = Shape(since={"policyUniqueId": "1.2-rev0"}, before=(("1.3-rev2", _replica_before_1_3_rev2),))


class Points:
    def __init__(self, api: ProductApi, clock: ServerClock) -> None:
        self.api = api
        self.clock = clock
        self._shared: dict[str, str] = {}

    # Ids

    def _cached_id(self, key: str) -> str:
        """Cache ids that are repeated in thousands of points."""
        if key not in self._shared:
            self._shared[key] = self.api.uuid(key)
        return self._shared[key]

    def object_id(self, work: Workload) -> str:
        return self._cached_id(f"object:{work.key}")

    def replica_id(self, work: Workload) -> str:
        return self.api.uuid(f"replica:{work.key}")

    def point_id(self, stored: StoredPoint) -> str:
        return self.api.uuid(f"point:{stored.key}")

    def replica_point_id(self, point: Point) -> str:
        return self.api.uuid(f"replica-point:{point.key}")

    def backup_id(self, backup: Backup) -> str:
        return self._cached_id(f"backup:{backup.key}")

    def file_id(self, key: str) -> str:
        return self.api.uuid(f"file:{key}")

    def session_id(self, run: Run, platform: str) -> str:
        return self._cached_id(f"session:{run.key}:{platform}")

    def platform_id(self, platform: str) -> str:
        return self.api.uuid(f"platform:{platform}") if platform in _WITH_IDS else NO_ID

    def is_sampled(self, ident: str, every: int) -> bool:
        """Return whether this is one of every `every` ids, deterministically."""
        return int(ident[:4], 16) % every == 0

    # Restore points

    def restore_point(self, stored: StoredPoint) -> Row:
        work, point, backup = stored.work, stored.point, stored.backup
        ident, platform = self.point_id(stored), backup.platform
        precise = platform in ("VMware", "UnstructuredData")
        row: Row = {
            "_moment": point.created_at,
            "_object": self.object_id(work),
            "id": ident,
            "name": self._name(stored),
            "platformName": platform,
            "platformId": self.platform_id(platform),
            "creationTime": self.clock.with_offset(point.created_at, fraction=precise),
            "backupId": self.backup_id(backup),
            # A point that cannot be read does not offer operations.
            "allowedOperations": _OPERATIONS.get(platform, ["StartFlrRestore"]) if point.usable else [],
            "guestOsFamily": self._guest_os(work),
            "originalSize": work.source_bytes,
        }
        if platform == "UnstructuredData":
            return {**row, "originalSize": point.size_bytes, "gfsPeriods": gfs_periods(point)}
        row["type"] = {"incremental": "Increment", "snapshot": "Snapshot"}.get(point.kind, "Full")
        # The session of a copy is not always reported.
        hidden = backup.role == "copy" and self.is_sampled(ident, 3)
        row["sessionId"] = NO_ID if hidden else self.session_id(point.run, platform)
        row["malwareStatus"] = (point.malware or "clean").capitalize()
        if stored.file is not None:
            row["backupFileId"] = self.file_id(stored.file.key)
        return self._apply_variants(row)

    def _name(self, stored: StoredPoint) -> str:
        work, platform = stored.work, stored.backup.platform
        if platform == "UnstructuredData":
            return f"{work.name} Id: {1 + int(self.api.digest(stored.point.key)[:3], 16)}"
        if platform in _AGENTS and self.api.text("agent_names") == "computer job":
            return f"{work.name} {stored.backup.policy.name}"
        return work.name

    def _guest_os(self, work: Workload) -> str:
        if work.platform_hint in ("smb", "mongo"):
            return "Unknown"
        if work.platform_hint in ("windows", "linux"):
            return work.platform_hint.capitalize()
        return "Windows" if self.is_sampled(self.object_id(work), 2) else "Linux"

    def _apply_variants(self, row: Row) -> Row:
        if self.api.flag("unknown_enums") and self.is_sampled(row["id"], 5):
            row |= {name: value for name, value in _UNKNOWN.items() if name in row}
        if self.api.flag("missing_optional") and self.is_sampled(row["id"], 3):
            return {name: value for name, value in row.items() if name in _REQUIRED or name.startswith("_")}
        return row

    # Replicas

    def replica(self, work: Workload, points: list[Point]) -> Row:
        run = points[0].run if points else work.points[0].run
        row: Row = {
            "_moment": min((point.created_at for point in points), default=run.started),
            "id": self.replica_id(work),
            "type": "CDP" if work.replica == "cdp" else "Snapshot",
            "jobId": self.api.uuid(f"replica-job:{run.policy.key}:{work.replica}"),
            "policyUniqueId": "",
            "name": f"{work.name}_replica",
            "platformName": PLATFORMS[work.platform_hint],
            "platformId": NO_ID,
        }
        if work.replica == "cdp":
            return row
        return {**row, "creationTime": self.clock.with_offset(row["_moment"]), "state": self._state(work)}

    def _state(self, work: Workload) -> str:
        return "Failover" if work.replica == "failover" else "Ready"

    def replica_point(self, work: Workload, point: Point) -> Row:
        ready = work.replica != "failover"
        return {
            "_moment": point.created_at,
            "id": self.replica_point_id(point),
            "name": work.name,
            "platformName": PLATFORMS[work.platform_hint],
            "platformId": NO_ID,
            "creationTime": self.clock.with_offset(point.created_at, fraction=True),
            "replicaId": self.replica_id(work),
            "allowedOperations": _REPLICA_READY if ready else _REPLICA_IN_FAILOVER,
            "state": self._state(work),
            "malwareStatus": (point.malware or "clean").capitalize(),
        }
