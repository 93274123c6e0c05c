# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Job sessions of the Azure appliance: backups, and the health checks that verify them."""

from __future__ import annotations

from tests.simulators.ground_truth import MINUTE, Point, Policy, Run, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_azure.points import Points, Row, azure_time, point_repository, session_type, time_span
from tests.simulators.veeam_azure.policies import Policies
from tests.simulators.veeam_azure.resources import Resources, resource_kind

Work = tuple[Workload, Point]

_STATUS = {"success": "Success", "warning": "Warning", "failed": "Error", "running": "Running"}
_POLICY_TYPES = {
    "vm": "VirtualMachines",
    "sql": "AzureSql",
    "file_share": "FileShares",
    "mongo": "CosmosDb",
    "virtual_network": "Vnet",
}


class Sessions:
    def __init__(self, api: ProductApi, points: Points, policies: Policies, resources: Resources) -> None:
        self.api = api
        self.points = points
        self.policies = policies
        self.resources = resources
        self._runs: dict[str, Run] = {}

    def all(self) -> list[tuple[Row, list[Work]]]:
        """Return job sessions, newest first, each with its workloads and points."""
        found: list[tuple[int, Row, list[Work]]] = []
        for run, made in self.api.estate.runs(self.api.product):
            by_type: dict[tuple[str, str], list[Work]] = {}
            for work, point in made:
                if point.kind in self.api.LISTS[work.workload_type].kinds and point.kind != "continuous":
                    by_type.setdefault((session_type(work, point.kind), resource_kind(work)), []).append((work, point))
            found += [(run.started, self._backup(run, *key, len(mine)), mine) for key, mine in sorted(by_type.items())]
        found += self._health_checks()
        return [(row, made) for _ignored, row, made in sorted(found, key=lambda entry: (-entry[0], entry[1]["id"]))]

    def get_number(self, session_id: str) -> int:
        """Return the number of the session in version 1."""
        run = self._runs.get(session_id)
        return int(session_id[:8], 16) if run is None else self.points.session_number(session_id, run)

    def _backup(self, run: Run, kind: str, sort: str, count: int) -> Row:
        over = run.status != "running"
        self._runs[self.points.session_id(run, kind)] = run
        return {
            "id": self.points.session_id(run, kind),
            "type": kind,
            "localizedType": kind,
            "executionStartTime": azure_time(run.started),
            "executionStopTime": azure_time(run.started + 35 * MINUTE) if over else None,
            "executionDuration": time_span(35 * MINUTE) if over else None,
            "status": _STATUS[run.status],
            "backupJobInfo": self._job_info(run.policy, sort, "protectedInstancesCount", count),
        }

    def _job_info(self, policy: Policy, sort: str, counted: str, count: int) -> Row:
        info = {
            "policyId": self.policies.policy_id(policy, sort),
            "policyName": policy.name,
            counted: count,
            "policyRemoved": False,
        }
        return info if counted != "protectedInstancesCount" else {**info, "policyType": _POLICY_TYPES[sort]}

    def _health_checks(self) -> list[tuple[int, Row, list[Work]]]:
        checks: dict[tuple[int, str, str], list[Work]] = {}
        for work in self.api.estate.for_product(self.api.product):
            listed = [point for point in self.api.listed_points(work) if point.kind in ("full", "incremental")]
            checked_at = max((point.checked_at for point in listed if point.checked_at is not None), default=None)
            if checked_at is not None and work.policy is not None:
                seen = [(work, point) for point in listed if point.created_at < checked_at]
                checks.setdefault((checked_at, work.policy.key, resource_kind(work)), []).extend(seen)
        return [(key[0], self._health_check(*key, seen), seen) for key, seen in sorted(checks.items())]

    def _health_check(self, checked_at: int, policy: str, sort: str, seen: list[Work]) -> Row:
        broken = any(not point.usable for _ignored, point in seen)
        instances = len({work.key for work, _ignored in seen})
        return {
            "id": self.api.uuid(f"health:{policy}:{checked_at}:{sort}"),
            "type": "HealthCheck",
            "localizedType": "Health check",
            "executionStartTime": azure_time(checked_at - 5 * MINUTE),
            "executionStopTime": azure_time(checked_at),
            "executionDuration": time_span(5 * MINUTE),
            "status": "Error" if broken else "Success",
            "healthCheckJobInfo": self._job_info(seen[0][1].run.policy, sort, "checkedInstancesCount", instances),
        }

    def checked_items(self, session: Row, seen: list[Work]) -> list[Row]:
        """Return one item for each workload and each repository that contains its points."""
        found: dict[tuple[str, str], tuple[Workload, list[Point]]] = {}
        for work, point in seen:
            found.setdefault((work.key, point_repository(point)), (work, []))[1].append(point)
        repositories = {row["name"]: row for row in self.policies.repositories()}
        rows = []
        for (key, repository), (work, points) in sorted(found.items()):
            corrupted = sum(not point.usable for point in points)
            row: Row = {
                "id": self.api.uuid(f"{session['id']}:{key}:{repository}"),
                "resource": self.resources.resource(work),
                "repository": repositories[repository],
                "status": "Error" if corrupted else "Success",
                "error": "Some restore points are corrupted." if corrupted else None,
                "totalRestorePoints": len(points),
                "corruptedRestorePoints": corrupted,
            }
            if not self.api.flag("checked_repository"):
                del row["repository"]
            rows.append(row)
        return rows

    def session_items(self, session: Row, made: list[Work]) -> list[Row]:
        progress = {
            "jobSessionId": session["id"],
            "status": session["status"],
            "startTime": session["executionStartTime"],
            "endTime": session["executionStopTime"],
        }
        failed = session["status"] == "Error"
        return [
            {
                "resource": self.resources.resource(work),
                "runs": [progress],
                "successCount": int(not failed and session["status"] != "Running"),
                "failureCount": int(failed),
            }
            for work, _ignored in made
        ]
