# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions and their tasks, job states, and malware events of Backup & Replication."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulators.ground_truth import HOUR, MINUTE, Point, Run, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.backups import Backups, job_type
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.layout import PLATFORMS, Backup, Layout
from tests.simulators.veeam_backup_replication.points import NO_ID, Points
from tests.simulators.veeam_backup_replication.versions import PLATFORM_CHANGES, Row, Shape

_RESULTS = {"success": "Success", "warning": "Warning", "failed": "Failed", "running": "None"}
_MESSAGES = {"warning": "Processing finished with warnings.", "failed": "Cannot connect to the guest."}
_RESYNCHRONISED = 48
_WORKLOADS = {"UnstructuredData": "File", "WindowsPhysical": "Server", "LinuxPhysical": "Server", "AWSEC2": "CloudVm"}
_OLD_JOBS = {"1.1": ("VSphereBackup", "HyperVBackup"), "1.2": ("VSphereBackup", "HyperVBackup", "CloudDirectorBackup")}


def _activity(row: Row) -> None:
    row["activityId"] = row.pop("jobId")
    row["sessionType"] = "Job" if row["sessionType"] == "BackupJob" else "Infrastructure"


def _platform_type(row: Row) -> None:
    row.pop("platformType", None)
    row.pop("platformId", None)


def _old_scan(row: Row) -> None:
    """Convert to revisions before 1.3-rev1, in which the content scan has no own type."""
    if row["sessionType"] == "SureBackupContentScan":
        row["sessionType"] = "SureBackup"


def _lowercase_values(row: Row) -> None:
    """Convert to 1.3-rev0 or earlier, in which status and workload start with lowercase letters."""
    row["status"] = row["status"].lower()
    row["workload"] = row["workload"][0].lower() + row["workload"][1:]


def _old_job_type(row: Row) -> None:
    row["type"] = "Backup" if row["type"] in ("VSphereBackup", "HyperVBackup") else row["type"]


SESSION_SHAPE = Shape(
    since={"platformName": "1.2-rev0", "platformId": "1.2-rev0", "initiatedBy": "1.3-rev0", "algorithm": "1.3-rev0"},
    before=(("1.3-rev1", _old_scan), ("1.2-rev0", _activity), *PLATFORM_CHANGES[:1]),
)
TASK_SHAPE = Shape(before=(("1.3-rev1", _old_scan), ("1.3-rev0", _platform_type)))
STATE_SHAPE = Shape(
    since={"highPriority": "1.3-rev0", "progressPercent": "1.3-rev0"},
    before=(("1.3-rev1", _lowercase_values), ("1.3-rev0", _old_job_type)),
)


def _event_without_point(row: Row) -> None:
    """Remove the point of an event, which is defined in 1.3-rev2 but not in 1.2."""
    row["machine"] = {name: value for name, value in row["machine"].items() if name != "restorePointId"}


EVENT_SHAPE = Shape(since={"creationTimeUtc": "1.3-rev0"}, before=(("1.3-rev2", _event_without_point),))


class Sessions:
    def __init__(self, api: ProductApi, clock: ServerClock, points: Points, backups: Backups, layout: Layout) -> None:
        self.api = api
        self.clock = clock
        self.points = points
        self.backups = backups
        self.layout = layout
        self.id = api.uuid
        self._jobs = {(backup.policy.key, backup.platform): backup for backup in layout.backups.values()}

    def _runs(self) -> Iterator[tuple[Run, str, list[tuple[Workload, Point]]]]:
        """Return every run of every job: a run of the ground truth is one session for each platform."""
        known = {work.key for work in self.layout.works}
        for run, made in self.api.estate.runs(self.api.product):
            by_platform: dict[str, list[tuple[Workload, Point]]] = {}
            for work, point in made:
                if work.key in known and point.kind not in ("replica", "continuous"):
                    by_platform.setdefault(PLATFORMS[work.platform_hint], []).append((work, point))
            for platform, mine in sorted(by_platform.items()):
                yield run, platform, mine

    def sessions(self) -> Iterator[Row]:
        for run, platform, _unused in self._runs():
            ident = self.points.session_id(run, platform)
            job = self._jobs.get((run.policy.key, platform))
            ended = None if run.status == "running" else run.started + 35 * MINUTE
            row = self._session(ident, run.policy.name, "BackupJob", run.started, ended, run.status)
            row["jobId"] = NO_ID if job is None else self.backups.job_id(job)
            yield {**row, "platformName": platform, "platformId": self.points.platform_id(platform)}
        yield from self._tests()
        for back in range(_RESYNCHRONISED):
            started = self.api.estate.now - (back + 1) * HOUR
            name, ended = "Configuration Resynchronize", started + MINUTE
            yield self._session(self.id(f"resync:{started}"), name, "ConfigurationResynchronize", started, ended)

    def _session(
        self, ident: str, name: str, kind: str, started: int, ended: int | None, status: str = "success"
    ) -> Row:
        result: Row = {"result": _RESULTS[status], "message": _MESSAGES.get(status, ""), "isCanceled": False}
        return {
            "_moment": started,
            "_ended": ended,
            "_result": result["result"],
            "id": ident,
            "name": name,
            "jobId": NO_ID,
            "sessionType": kind,
            "creationTime": self.clock.with_offset(started),
            **({} if ended is None else {"endTime": self.clock.with_offset(ended)}),
            "state": "Working" if ended is None else "Stopped",
            "progressPercent": 45 if ended is None else 100,
            "result": result,
            "usn": started // 1000,
            "initiatedBy": "EXAMPLE\\backup",
            "algorithm": "Increment",
        }

    def _tests(self) -> Iterator[Row]:
        """Return SureBackup tests, which report that a job's machines booted, but not from which point."""
        booted: dict[tuple[str, int], str] = {}
        for work in self.layout.works:
            for point in self.api.listed_points(work):
                if point.tested_at is not None:
                    booted[point.run.policy.key, point.tested_at] = point.run.policy.name
        for (key, moment), name in sorted(booted.items()):
            ident = self.id(f"surebackup:{key}:{moment}")
            yield self._session(ident, f"SureBackup {name}", "SureBackup", moment - 30 * MINUTE, moment)
        scans = {row["sessionId"]: row for row in self._scans()}
        for ident, row in sorted(scans.items()):
            moment = row["_ended"]
            yield self._session(ident, "Content scan", "SureBackupContentScan", moment - 20 * MINUTE, moment)

    # Tasks

    def tasks(self) -> Iterator[Row]:
        for run, platform, made in self._runs():
            for work, point in made:
                yield self._task(run, platform, work, point)
        yield from self._scans()
        for work, points in self.layout.replicated():
            for point in points:
                yield self._replica_task(work, point)

    def _task(self, run: Run, platform: str, work: Workload, point: Point) -> Row:
        ended = point.completed_at
        row = self._session(self.id(f"task:{point.key}"), work.name, "BackupJob", point.created_at, ended, point.status)
        for name in ("jobId", "progressPercent", "initiatedBy"):
            del row[name]
        row |= {"type": "Backup", "sessionId": self.points.session_id(run, platform)}
        row["algorithm"] = {"full": "Full", "archive": "Full"}.get(point.kind, "Increment")
        stored = self.layout.by_point.get(point.key)
        if stored:
            row["restorePointId"] = self.points.point_id(stored[0])
            row["repositoryId"] = self.backups.repository_id(stored[0].backup)
        return {**row, "platformType": platform, "platformId": self.points.platform_id(platform)}

    def _replica_task(self, work: Workload, point: Point) -> Row:
        row = self._task(point.run, "replica", work, point)
        for name in ("platformType", "platformId"):
            del row[name]
        row |= {"id": self.id(f"replica-task:{point.key}"), "type": "Replica", "sessionType": "ReplicaJob"}
        return {**row, "replicaPointId": self.points.replica_point_id(point)}

    def _scans(self) -> Iterator[Row]:
        """Return scans. A point that cannot be read has a failed scan."""
        for found in self.layout.by_point.values():
            point = found[0].point
            if point.checked_by == "scan" and point.checked_at is not None:
                result = "Infected" if point.malware == "infected" else "Clean"
                yield self._scan(self.points.point_id(found[0]), found[0].work, result, point.checked_at)
            elif not point.usable and point.completed_at is not None:
                ended = min(point.completed_at + 2 * HOUR, self.api.estate.now)
                yield self._scan(self.points.point_id(found[0]), found[0].work, "Failed", ended)

    def _scan(self, point_id: str, work: Workload, result: str, ended: int) -> Row:
        return {
            "_moment": ended - 10 * MINUTE,
            "_ended": ended,
            "id": self.id(f"scan:{point_id}:{ended}"),
            "type": "Antivirus",
            "sessionId": self.id(f"content-scan:{ended}"),
            "sessionType": "SureBackupContentScan",
            "creationTime": self.clock.with_offset(ended - 10 * MINUTE),
            "endTime": self.clock.with_offset(ended),
            "name": work.name,
            "restorePointId": point_id,
            "scanType": "Antivirus",
            "scanResult": result,
            "scanState": "Finished",
            "antivirusName": "Example Antivirus",
        }

    # Job states

    def states(self, revision: str) -> Iterator[Row]:
        """Return job states. Before 1.3 the enumeration has only types of virtual machine jobs."""
        seen: set[str] = set()
        last = {(run.policy.key, platform): run for run, platform, _unused in self._runs()}
        for backup in self.layout.backups.values():
            ident, kind = self.backups.job_id(backup), job_type(backup)
            if ident not in seen and kind in _OLD_JOBS.get(revision[:3], (kind,)):
                seen.add(ident)
                yield self._state(ident, kind, backup, last[backup.policy.key, backup.platform])

    def _state(self, ident: str, kind: str, backup: Backup, last: Run) -> Row:
        return {
            "_moment": last.started,
            "id": ident,
            "name": backup.policy.name if backup.role == "archive" else backup.name,
            "type": kind,
            "description": backup.policy.schedule,
            "status": "Running" if last.status == "running" else "Inactive",
            "lastRun": self.clock.with_offset(last.started),
            "lastResult": _RESULTS[last.status],
            "workload": _WORKLOADS.get(backup.platform, "Vm"),
            "repositoryId": self.backups.repository_id(backup),
            "repositoryName": "" if backup.repository is None else backup.repository.name,
            "objectsCount": len(backup.members),
            "sessionId": self.points.session_id(last, backup.platform),
            "highPriority": False,
            "progressPercent": 45 if last.status == "running" else 100,
        }

    # Malware

    def events(self) -> Iterator[Row]:
        """Return one event for each machine with suspicious or infected points, and one false positive."""
        quiet = 0
        for work in self.layout.works:
            bad = [point for point in self.api.listed_points(work) if point.malware in ("suspicious", "infected")]
            listed = [point for point in self.api.listed_points(work) if point.key in self.layout.by_point]
            if bad:
                yield self._event(work, bad[0], (bad[0].malware or "").capitalize(), "Created")
            elif listed and quiet == 0:
                quiet += 1
                yield self._event(work, listed[0], "Suspicious", "FalsePositive")

    def _event(self, work: Workload, point: Point, severity: str, state: str) -> Row:
        stored = self.layout.by_point[point.key][0]
        detected = point.completed_at or point.created_at
        return {
            "_moment": detected,
            "_object": self.points.object_id(work),
            "id": self.id(f"event:{point.key}"),
            "type": "AntivirusScan" if severity == "Infected" else "EncryptedData",
            "creationTimeUtc": self.clock.utc(detected + MINUTE),
            "detectionTimeUtc": self.clock.utc(detected),
            "machine": {
                "displayName": work.name,
                "uuid": self.id(f"bios:{work.key}"),
                "backupObjectId": self.points.object_id(work),
                "restorePointId": self.points.point_id(stored),
            },
            "state": state,
            "details": "Found while the backup was scanned.",
            "source": "InternalVeeamDetector",
            "severity": severity,
            "createdBy": "Built-in detector",
            "engine": "Malware detection",
        }
