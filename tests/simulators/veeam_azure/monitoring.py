# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other requests of scripts and monitoring to the Azure appliance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulators.ground_truth import DAY, MINUTE, Point, Policy, Workload, as_moment, from_iso
from tests.simulators.oauth2 import TokenSession
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, json_response
from tests.simulators.veeam_azure.lists import Query
from tests.simulators.veeam_azure.points import Points, Row, azure_time, time_span
from tests.simulators.veeam_azure.policies import Policies
from tests.simulators.veeam_azure.resources import resource_kind

_RESOURCE_TYPES = {
    "vm": "Virtual Machine",
    "sql": "Managed Database",
    "file_share": "File Share",
    "mongo": "Cosmos DB MongoDB",
}
_COUNTED = {"vm": "virtualMachines", "sql": "sqlDatabases", "file_share": "fileShares"}
_PERIODS = {"Day": DAY, "Week": 7 * DAY, "Month": 30 * DAY, "Year": 365 * DAY}
# Type of schedule -> the kinds of its points.
_SCHEDULES = {"Snapshot": ("snapshot",), "Backup": ("full", "incremental"), "Archive": ("archive",)}
_SUCCESSFUL = ("success", "warning")
_SLA_FILTERS = ("All", "MetSla", "MissedSla", "Removed")

Page = Callable[[Call, str, Sequence[Row]], Response]


class Monitoring:
    def __init__(self, api: ProductApi, points: Points, policies: Policies, page: Page) -> None:
        self.api = api
        self.points = points
        self.policies = policies
        self._page = page

    def paths(self) -> dict[str, Callable[..., Response]]:
        return {
            "license": self.license,
            "license/resources": self.licensed_resources,
            "settings/retention": self.retention,
            "overview/protectedWorkloads": self.protected_workloads,
            "overview/statistics": self.statistics,
            "policy/slaBased/virtualMachines/slaReport": self.sla_report,
            "policy/slaBased/slaInstances/{number}": self.sla_instances,
        }

    def _workloads(self, kind: str) -> list[tuple[Workload, list[Point]]]:
        known = self.api.estate.for_product(self.api.product)
        return [(work, self.api.listed_points(work)) for work in known if resource_kind(work) == kind]

    def _protected(self, kind: str) -> list[tuple[Workload, list[Point]]]:
        return [(work, listed) for work, listed in self._workloads(kind) if listed]

    # License and settings

    def license(self, _call: Call, _session: TokenSession, version: str) -> Response:
        """Return the license, of which every protected workload uses one instance."""
        used = {kind: float(len(self._protected(kind))) for kind in _RESOURCE_TYPES}
        return json_response(
            {
                "licenseType": "Subscription",
                "isFreeEdition": False,
                "totalInstancesUses": sum(used.values()),
                "vmsInstancesUses": used["vm"],
                "sqlInstancesUses": used["sql"],
                "fileShareInstancesUses": used["file_share"],
                "cosmosDbInstancesUses": used["mongo"],
                "instances": 100,
                "company": "Example",
                "email": None,
                "licenseExpires": azure_time(self.api.estate.now + 365 * DAY),
                "licenseId": self.api.uuid("license"),
                "supportId": "01234567",
                "gracePeriodDays": 30,
                "veeamOnlineStoreUrl": None,
            }
        )

    def licensed_resources(self, call: Call, _session: TokenSession, version: str) -> Response:
        rows = [
            {
                "id": self.points.workload_id(work),
                "name": work.name,
                "resourceType": name,
                "licensedState": "Licensed",
                "lastBackupTime": azure_time(max(point.created_at for point in listed)),
                "cost": 1.0,
            }
            for kind, name in _RESOURCE_TYPES.items()
            for work, listed in self._protected(kind)
        ]
        return self._page(call, version, rows)

    def retention(self, _call: Call, _session: TokenSession, version: str) -> Response:
        days = self.api.number("session_days")
        sessions = {"duration": days or None, "type": "Days" if days else None, "keepForever": not days}
        snapshots = {"duration": 7, "type": "Days", "keepForever": False}
        return json_response({"sessionsSettings": sessions, "obsoleteSnapshotsSettings": snapshots, "_links": {}})

    # Overview

    def protected_workloads(self, _call: Call, _session: TokenSession, version: str) -> Response:
        """Return protected workloads. PeriodFlag is documented as required, but a public client omits it."""
        report: Row = {}
        for kind, name in _COUNTED.items():
            existing = [(work, listed) for work, listed in self._workloads(kind) if work.in_inventory]
            report[f"{name}TotalCount"] = len(existing)
            report[f"{name}ProtectedCount"] = sum(bool(listed) for _work, listed in existing)
        return json_response(report)

    def statistics(self, call: Call, _session: TokenSession, version: str) -> Response:
        period = Query(call, case_sensitive=True).text("PeriodFlag")
        if period not in _PERIODS:
            raise Refusal(400, f"The value '{period}' is not valid for PeriodFlag.", "PeriodFlag")
        oldest = self.api.estate.now - _PERIODS[period]
        points = [point for kind in _RESOURCE_TYPES for _work, listed in self._protected(kind) for point in listed]
        report: Row = {}
        for name, kinds in _SCHEDULES.items():
            made = [point.created_at for point in points if point.kind in kinds]
            report[f"{name.lower()}sCount"] = sum(created >= oldest for created in made)
            report[f"{name.lower()}sTotalCount"] = len(made)
        return json_response(report)

    # SLA

    def _sla_policies(self) -> dict[str, Policy]:
        works = self._workloads("vm")
        used = {work.policy.key: work.policy for work, _listed in works if work.policy is not None and work.protected}
        return {self.policies.policy_id(policy, "vm"): policy for policy in used.values()}

    def _runs(self, work: Workload, schedule: str, first: int, last: int) -> tuple[int, int]:
        """Return (planned, successful) runs for one machine."""
        made = [
            point.status in _SUCCESSFUL
            for point in work.points
            if point.kind in _SCHEDULES[schedule] and first <= point.run.started <= last
        ]
        return len(made), sum(made)

    def _policy_report(self, policy: Policy, schedule: str) -> Row:
        works = [work for work, _listed in self._workloads("vm") if work.policy is policy and work.protected]
        runs = [self._runs(work, schedule, 0, self.api.estate.now) for work in works]
        planned, successful = sum(one[0] for one in runs), sum(one[1] for one in runs)
        if not planned:
            return {"status": "NotExecuted", "achievedSlaPercent": None}
        return {
            "status": "MetSla" if successful == planned else "MissedSla",
            "achievedSlaPercent": 100 * successful / planned,
        }

    def sla_report(self, call: Call, _session: TokenSession, version: str) -> Response:
        wanted = Query(call, case_sensitive=True).text("PolicyName")
        rows = [
            {
                "id": number,
                "priority": policy.ordinal,
                "excludedItemsCount": 0,
                "name": policy.name,
                "description": policy.schedule,
                "isEnabled": True,
                **{f"{name.lower()}SlaReport": self._policy_report(policy, name) for name in _SCHEDULES},
            }
            for number, policy in sorted(self._sla_policies().items())
            if wanted in (None, policy.name)
        ]
        return self._page(call, version, rows)

    def sla_instances(self, call: Call, _session: TokenSession, version: str, number: str) -> Response:
        query = Query(call, case_sensitive=True)
        required = ("SlaComplianceStatusFilter", "dateFrom", "dateTo", "ScheduleType")
        missing = [name for name in required if query.text(name) is None]
        if missing or query.text("ScheduleType") not in _SCHEDULES or query.text(required[0]) not in _SLA_FILTERS:
            raise Refusal(400, f"The fields {', '.join(missing or required)} are required.", (missing or required)[0])
        policy = self._sla_policies().get(number)
        if policy is None:
            raise Refusal(404, f"There is no policy with the ID {number}.")
        first, last = (as_moment(from_iso(str(query.text(name)))) for name in ("dateFrom", "dateTo"))
        rows = []
        for work, _listed in self._workloads("vm"):
            planned, successful = self._runs(work, str(query.text("ScheduleType")), first, last)
            if work.policy is not policy or not planned:
                continue
            rows.append(
                {
                    "instanceId": self.points.workload_id(work),
                    "instanceName": work.name,
                    "status": "MetSla" if successful == planned else "MissedSla",
                    "achievedSlaPercent": 100 * successful / planned,
                    "planned": planned,
                    "successful": successful,
                    "missed": planned - successful,
                }
            )
        met = sum(row["status"] == "MetSla" for row in rows)
        statistic = {"metTargetSla": met, "missedTargetSla": len(rows) - met, "removed": 0}
        wanted = query.text(required[0])
        return json_response(
            {"statistic": statistic, "items": [row for row in rows if wanted in ("All", row["status"])]}
        )


def session_log(session: Row, names: Sequence[str], started: int) -> Row:
    """Return the log of a session with one line for each workload."""
    log = [
        {
            "logTime": azure_time(started + MINUTE),
            "status": session["status"],
            "message": f"Processing {name}",
            "executionStartTime": session["executionStartTime"],
            "executionDuration": time_span(MINUTE),
        }
        for name in names
    ]
    return {"jobSessionId": session["id"], "log": log}
