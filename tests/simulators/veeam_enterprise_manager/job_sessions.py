# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs and their tasks, and the summary reports of Enterprise Manager."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulators.ground_truth import MINUTE, Point, Run, Site, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.layout import Layout
from tests.simulators.veeam_enterprise_manager.encoding import Entity, Link
from tests.simulators.veeam_enterprise_manager.filter_language import Field
from tests.simulators.veeam_enterprise_manager.identifiers import NEVER, Identifiers, Item, Kind
from tests.simulators.veeam_enterprise_manager.points import Points

# Compared by position: Failed is greater than Success.
RESULTS = ("None", "Success", "Warning", "Failed")
RESULT_BY_STATUS = {"success": "Success", "warning": "Warning", "failed": "Failed", "running": "None"}
_REASONS = {"failed": "Cannot connect to the guest.", "warning": "Processing finished with warnings."}


class Sessions:
    def __init__(self, api: ProductApi, ids: Identifiers, layout: Layout, points: Points) -> None:
        self.api = api
        self.ids = ids
        self.layout = layout
        self.points = points

    def _list_attempts(self) -> Iterator[tuple[Workload, Point]]:
        """Return all backup attempts, with or without a resulting point."""
        for work in self.layout.works:
            if self.api.listed_points(work) and work.tenant is None:
                for point in work.points:
                    if point.kind not in ("replica", "snapshot", "continuous") and self.points.is_visible(
                        point.run.started
                    ):
                        yield work, point

    def _session_id(self, run: Run, site: Site) -> str:
        return self.ids.cached_id(f"session:{run.key}:{site.key}")

    def runs(self) -> Iterator[Item]:
        found: dict[str, Item] = {}
        for work, point in self._list_attempts():
            ident = self._session_id(point.run, work.site)
            name = self.ids.dated_name(point.run.policy.name, point.run.started)
            found.setdefault(ident, Item(ident, name, point.run.started, (point.run, work.site)))
        yield from found.values()

    def run(self, item: Item) -> Entity:
        run, site = item.what
        path, over = f"backupSessions/{item.ident}", run.status != "running"
        links = [
            self.ids.server_link(site),
            Link("Alternate", path, "BackupJobSessionReference", item.name),
            Link("Down", f"{path}/taskSessions", "BackupTaskSessionReferenceList"),
            Link("Stop", f"{path}?action=stop"),
        ]
        members = {
            "JobUid": f"urn:veeam:Job:{self.ids.cached_id(f'job:{run.policy.key}')}",
            "JobName": run.policy.name,
            "JobType": "Backup",
            "CreationTimeUTC": self.ids.time(run.started),
            "EndTimeUTC": self.ids.time(run.started + 35 * MINUTE) if over else NEVER,
            "State": "Stopped" if over else "Working",
            "Result": RESULT_BY_STATUS[run.status],
            "Progress": 100 if over else 45,
            "FailureMessage": _REASONS.get(run.status),
        }
        urn = f"urn:veeam:BackupJobSession:{item.ident}"
        return Entity("BackupJobSession", path, item.name, urn, {}, links, members)

    def tasks(self) -> Iterator[Item]:
        for work, point in self._list_attempts():
            ident = self.api.uuid(f"task:{point.key}")
            yield Item(ident, self.ids.dated_name(work.name, point.created_at), point.created_at, point, work)

    def task(self, item: Item) -> Entity:
        point: Point = item.what
        work = item.work
        assert work is not None
        session, path = self._session_id(point.run, work.site), f"backupTaskSessions/{item.ident}"
        run_name = self.ids.dated_name(point.run.policy.name, point.run.started)
        links = [
            self.ids.server_link(work.site),
            Link("Up", f"backupSessions/{session}", "BackupJobSessionReference", run_name),
            Link("Alternate", path, "BackupTaskSessionReference", item.name),
        ]
        stored = self.layout.by_point.get(point.key)
        if stored and work.workload_type == "vm":
            made = f"vmRestorePoints/{self.ids.point_id(stored[0])}?format=Entity"
            links.append(Link("Related", made, "VmRestorePoint", self.ids.dated_name(work.name, point.created_at)))
        ended = point.completed_at
        members = {
            "JobSessionUid": f"urn:veeam:BackupJobSession:{session}",
            "CreationTimeUTC": self.ids.time(point.created_at),
            "EndTimeUTC": NEVER if ended is None else self.ids.time(ended),
            "State": "InProgress" if ended is None else "Completed",
            "Result": RESULT_BY_STATUS[point.status],
            "Reason": _REASONS.get(point.status, ""),
            "TotalSize": work.source_bytes,
            "VmUid": self.ids.hierarchy_reference(work),
        }
        urn = f"urn:veeam:BackupTaskSession:{item.ident}"
        attributes = {"VmDisplayName": work.name}
        return Entity("BackupTaskSession", path, item.name, urn, attributes, links, members)

    def kinds(self) -> list[tuple[Kind, Iterator[Item]]]:
        dated = {
            "Name": Field(lambda item: item.name),
            "CreationTime": Field(lambda item: item.moment, "time"),
        }
        run = {
            **dated,
            "JobName": Field(lambda item: item.what[0].policy.name),
            "Result": Field(lambda item: RESULT_BY_STATUS[item.what[0].status], RESULTS),
        }
        task = {
            **dated,
            "VmDisplayName": Field(lambda item: item.work.name if item.work else ""),
            "Result": Field(lambda item: RESULT_BY_STATUS[item.what.status], RESULTS),
            "State": Field(lambda item: "InProgress" if item.what.completed_at is None else "Completed"),
            "JobSessionUid": Field(self._session_urn),
        }
        return [
            (Kind("BackupJobSession", "BackupJobSessions", "backupSessions", self.run, run), self.runs()),
            (Kind("BackupTaskSession", "BackupTaskSessions", "backupTaskSessions", self.task, task), self.tasks()),
        ]

    def _session_urn(self, item: Item) -> str:
        assert item.work is not None
        return f"urn:veeam:BackupJobSession:{self._session_id(item.what.run, item.work.site)}"

    # Summaries

    def machines_overview(self) -> dict[str, object]:
        works = [work for work in self.layout.works if work.workload_type == "vm" and work.tenant is None]
        backed_up = [work for work in works if any(point.key in self.layout.by_point for point in work.points)]
        replicated = [work for work, _unused in self.layout.replicated() if work.tenant is None]
        points = [point for work in backed_up for point in work.points if point.key in self.layout.by_point]
        replica_points = [point for _unused, found in self.layout.replicated() for point in found]
        return {
            "ProtectedVms": len({work.key for work in (*backed_up, *replicated)}),
            "BackedUpVms": len(backed_up),
            "ReplicatedVms": len(replicated),
            "RestorePoints": len(points),
            "FullBackupPointsSize": _size([point for point in points if point.kind != "incremental"]),
            "IncrementalBackupPointsSize": _size([point for point in points if point.kind == "incremental"]),
            "ReplicaRestorePointsSize": _size(replica_points),
            "SourceVmsSize": sum(work.source_bytes for work in backed_up),
            "SuccessBackupPercents": 98,
        }


def _size(points: list[Point]) -> int:
    return sum(point.size_bytes or 0 for point in points)
