# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, sessions of replicas, computers with agents, and reports of Enterprise Manager for monitoring."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulators.ground_truth import DAY, MINUTE, Policy, Run, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.layout import Layout
from tests.simulators.veeam_enterprise_manager.encoding import Entity, Link
from tests.simulators.veeam_enterprise_manager.filter_language import Field
from tests.simulators.veeam_enterprise_manager.identifiers import Identifiers, Item, Kind
from tests.simulators.veeam_enterprise_manager.job_sessions import RESULT_BY_STATUS, RESULTS, Sessions
from tests.simulators.veeam_enterprise_manager.points import Points

_PLATFORMS = {"vmware": "VMware", "hyperv": "HyperV", "vcd": "VCloud"}
_DURATION = 35 * MINUTE
_AGENT_VERSION = {"12": "6.3.1.1074", "13": "13.0.1.203"}


class Jobs:
    def __init__(self, api: ProductApi, ids: Identifiers, layout: Layout, points: Points, sessions: Sessions) -> None:
        self.api = api
        self.ids = ids
        self.layout = layout
        self.points = points
        self.sessions = sessions

    # Jobs

    def jobs(self) -> Iterator[Item]:
        found: dict[str, tuple[Policy, list[Workload]]] = {}
        for work in self.layout.works:
            if work.policy is not None and work.tenant is None and self.api.listed_points(work):
                found.setdefault(work.policy.key, (work.policy, []))[1].append(work)
        for key, (policy, works) in found.items():
            yield Item(self.ids.cached_id(f"job:{key}"), policy.name, 0, (policy, works))

    def job(self, item: Item) -> Entity:
        policy, works = item.what
        path = f"jobs/{item.ident}"
        links = [
            self.ids.server_link(works[0].site),
            Link("Alternate", path, "JobReference", item.name),
            Link("Down", f"{path}/backupSessions", "BackupJobSessionReferenceList"),
            # These links look like the others but change something.
            Link("Start", f"{path}?action=start"),
            Link("Stop", f"{path}?action=stop"),
        ]
        members = {
            "JobType": "Backup",
            "Platform": _PLATFORMS.get(works[0].platform_hint, "EndPoint"),
            "Description": policy.schedule,
            "ScheduleConfigured": True,
            "ScheduleEnabled": True,
            "NextRun": self.ids.time(self._next_run(policy), precise=False),
        }
        return Entity("Job", path, item.name, f"urn:veeam:Job:{item.ident}", {}, links, members)

    def _next_run(self, policy: Policy) -> int:
        slot, now = (policy.hour * 60 + policy.minute) * MINUTE, self.api.estate.now
        return (now - slot) // DAY * DAY + slot + DAY

    # Sessions of replicas

    def _replicated(self) -> Iterator[tuple[Workload, Run]]:
        for work, found in self.layout.replicated():
            if work.tenant is None:
                for point in found:
                    if self.points.is_visible(point.created_at):
                        yield work, point.run

    def _replica_session_id(self, work: Workload, run: Run) -> str:
        return self.ids.cached_id(f"replica-session:{self.ids.replica_key(work)}:{run.key}")

    def replica_runs(self) -> Iterator[Item]:
        found: dict[str, Item] = {}
        for work, run in self._replicated():
            ident, name = self._replica_session_id(work, run), self.points.replica_name(work)
            dated = self.ids.dated_name(name, run.started)
            found.setdefault(ident, Item(ident, dated, run.started, (run, work)))
        yield from found.values()

    def replica_run(self, item: Item) -> Entity:
        run, work = item.what
        path = f"replicaSessions/{item.ident}"
        links = [
            self.ids.server_link(work.site),
            Link("Alternate", path, "ReplicaJobSessionReference", item.name),
            Link("Down", f"{path}/replicaTaskSessions", "ReplicaTaskSessionReferenceList"),
        ]
        members = {
            "JobUid": f"urn:veeam:Job:{self.ids.cached_id(f'replica-job:{self.ids.replica_key(work)}')}",
            "JobName": self.points.replica_name(work),
            "JobType": "Replica",
            **self._times(run),
            "State": "Stopped",
            "Result": RESULT_BY_STATUS[run.status],
            "Progress": 100,
        }
        urn = f"urn:veeam:ReplicaJobSession:{item.ident}"
        return Entity("ReplicaJobSession", path, item.name, urn, {}, links, members)

    def _times(self, run: Run) -> dict[str, str]:
        ended = self.ids.time(run.started + _DURATION)
        return {"CreationTimeUTC": self.ids.time(run.started), "EndTimeUTC": ended}

    def replica_tasks(self) -> Iterator[Item]:
        for work, run in self._replicated():
            ident = self.api.uuid(f"replica-task:{work.key}:{run.key}")
            yield Item(ident, self.ids.dated_name(work.name, run.started), run.started, run, work)

    def replica_task(self, item: Item) -> Entity:
        run, work = item.what, item.work
        if work is None:
            raise ValueError(f"the session {item.ident} has no machine")
        session, path = self._replica_session_id(work, run), f"replicaTaskSessions/{item.ident}"
        links = [
            self.ids.server_link(work.site),
            Link("Up", f"replicaSessions/{session}", "ReplicaJobSessionReference", self.points.replica_name(work)),
            Link("Alternate", path, "ReplicaTaskSessionReference", item.name),
        ]
        members = {
            "JobSessionUid": f"urn:veeam:ReplicaJobSession:{session}",
            **self._times(run),
            "State": "Completed",
            "Result": RESULT_BY_STATUS[run.status],
            "Reason": "",
            "TotalSize": work.source_bytes,
            "VmUid": self.ids.hierarchy_reference(work),
        }
        urn, attributes = f"urn:veeam:ReplicaTaskSession:{item.ident}", {"VmDisplayName": work.name}
        return Entity("ReplicaTaskSession", path, item.name, urn, attributes, links, members)

    # Computers with agents

    def computers(self) -> Iterator[Item]:
        for work in self.layout.works:
            if work.workload_type == "physical" and self.api.listed_points(work):
                yield Item(self.ids.cached_id(f"computer:{work.key}"), work.name, 0, work, work)

    def computer(self, item: Item) -> Entity:
        work: Workload = item.what
        path = f"agents/discoveredComputers/{item.ident}"
        links = [
            self.ids.server_link(work.site),
            Link("Alternate", path, "DiscoveredComputerReference", item.name),
        ]
        members = {
            "HostStatus": "Online",
            "AgentVersion": _AGENT_VERSION[self.api.text("release")],
            "AgentStatus": "Installed",
            "OsVersion": {"windows": "Microsoft Windows 11", "linux": "Debian GNU/Linux 12"}[work.platform_hint],
            "IpAddress": f"192.0.2.{int(self.api.digest(work.key)[:2], 16)}",
            "HierarchyObjRef": self.ids.hierarchy_reference(work),
        }
        urn = f"urn:veeam:DiscoveredComputer:{item.ident}"
        return Entity("DiscoveredComputer", path, item.name, urn, {}, links, members)

    # Reports

    def overview(self) -> dict[str, object]:
        """Return infrastructure, jobs, and the last result of each machine."""
        latest: dict[str, str] = {}
        for work in self.layout.works:
            done = [point for point in work.points if point.kind in ("full", "incremental")]
            if work.workload_type == "vm" and work.tenant is None and done and self.api.listed_points(work):
                latest[work.key] = max(done, key=lambda point: point.created_at).status
        repositories = {repository.key for repository in self.layout.repositories()}
        return {
            "BackupServers": len({work.site.key for work in self.layout.works if self.api.listed_points(work)}),
            "ProxyServers": len({work.site.key for work in self.layout.works}),
            "RepositoryServers": len(repositories),
            "RunningJobs": self._count_running(),
            "ScheduledJobs": len(list(self.jobs())),
            "SuccessfulVmLastestStates": sum(status == "success" for status in latest.values()),
            "WarningVmLastestStates": sum(status == "warning" for status in latest.values()),
            "FailedVmLastestStates": sum(status == "failed" for status in latest.values()),
        }

    def _count_running(self) -> int:
        return len({item.what[0].policy.key for item in self.sessions.runs() if item.what[0].status == "running"})

    def statistics(self) -> dict[str, object]:
        statuses = [item.what[0].status for item in self.sessions.runs()]
        replica_statuses = [item.what[0].status for item in self.replica_runs()]
        every = [*statuses, *replica_statuses]
        replica_jobs = {self.points.replica_name(work) for work, _run in self._replicated()}
        backup_jobs = [item.name for item in self.jobs()]
        seconds = _DURATION // 1_000_000
        return {
            "RunningJobs": self._count_running(),
            "ScheduledJobs": len(backup_jobs) + len(replica_jobs),
            "ScheduledBackupJobs": len(backup_jobs),
            "ScheduledReplicaJobs": len(replica_jobs),
            "TotalJobRuns": len(every),
            "SuccessfulJobRuns": every.count("success"),
            "WarningsJobRuns": every.count("warning"),
            "FailedJobRuns": every.count("failed"),
            "MaxJobDuration": seconds,
            "MaxBackupJobDuration": seconds,
            "MaxReplicaJobDuration": seconds if replica_jobs else 0,
            "MaxDurationBackupJobName": min(backup_jobs, default=""),
            "MaxDurationReplicaJobName": min(replica_jobs, default=""),
        }

    def kinds(self) -> list[tuple[Kind, Iterator[Item]]]:
        named = {"Name": Field(lambda item: item.name)}
        dated = {
            **named,
            "CreationTime": Field(lambda item: item.moment, "time"),
            "Result": Field(lambda item: RESULT_BY_STATUS[_get_run(item).status], RESULTS),
        }
        tasks, computers = "ReplicaTaskSession", "agents/discoveredComputers"
        return [
            (Kind("Job", "Jobs", "jobs", self.job, named), self.jobs()),
            (
                Kind("ReplicaJobSession", "ReplicaJobSessions", "replicaSessions", self.replica_run, dated),
                self.replica_runs(),
            ),
            (Kind(tasks, "ReplicaTaskSessions", "replicaTaskSessions", self.replica_task, dated), self.replica_tasks()),
            (Kind("DiscoveredComputer", "DiscoveredComputers", computers, self.computer, named), self.computers()),
        ]


def _get_run(item: Item) -> Run:
    run = item.what[0] if isinstance(item.what, tuple) else item.what
    if not isinstance(run, Run):
        raise TypeError(f"the session {item.ident} has no run")
    return run
