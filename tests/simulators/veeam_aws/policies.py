# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies, repositories and sessions of the AWS appliance."""

from __future__ import annotations

from tests.simulators.ground_truth import MINUTE, CopyRule, Point, Policy, Run, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_aws.points import Points, Row, job_type
from tests.simulators.veeam_azure.points import best_rule

# Repositories report immutability from this revision on; its fields are unknown, so it is one flag.
_IMMUTABILITY = 4
_STATUS = {"success": "Succeeded", "warning": "Warning", "failed": "Failed", "running": "Running"}
_RESULT = {"success": "Success", "warning": "Warning", "failed": "Failed", "running": "Running"}
_SESSION_MS = 35 * 60_000


def is_stored(rule: CopyRule) -> bool:
    """Return whether copies are stored in a repository, unlike snapshots and replicas."""
    return rule.location.location_type not in ("snapshot", "host", "database")


class Policies:
    def __init__(self, api: ProductApi, points: Points) -> None:
        self.api = api
        self.points = points

    def policy_id(self, policy: Policy) -> str:
        return self.api.uuid(f"policy:{policy.key}")

    def _repository_id(self, policy: Policy, rule: CopyRule) -> str:
        return self.api.uuid(f"repository:{self._repository_name(policy, rule)}")

    def _repository_name(self, policy: Policy, rule: CopyRule) -> str:
        """Return the name of a repository, which has either encrypted or plain backups, unlike a location."""
        parts = [rule.location.name, "encrypted" if policy.encrypted else "", "locked" if rule.immutable_days else ""]
        return "-".join(filter(None, parts))

    # Policies

    def list_used(self) -> dict[str, Policy]:
        works = self.api.workloads("vm")
        return {work.policy.key: work.policy for work in works if work.policy is not None and work.protected}

    def policies(self, path: str) -> list[Row]:
        return [self._policy(policy, path) for _ignored, policy in sorted(self.list_used().items())]

    def members(self, policy: Policy) -> list[Workload]:
        return [work for work in self.api.workloads("vm") if work.policy is policy and work.protected]

    def _policy(self, policy: Policy, path: str) -> Row:
        number, members = self.policy_id(policy), self.members(policy)
        sites = {work.site.key: work.site for work in members}
        newest = max((run for work in members for run in _runs(work)), key=lambda run: run.started, default=None)
        row: Row = {
            "id": number,
            "name": policy.name,
            "description": policy.schedule,
            "regionIds": [self.points.region_id(site) for _ignored, site in sorted(sites.items())],
            "priority": policy.ordinal,
            "isEnabled": True,
            "amazonAccountId": self.api.uuid("account"),
            "backupType": "SelectedItems",
            "selectedItems": {"virtualMachineIds": [self.points.instance_id(work) for work in members], "tagIds": []},
            "snapshotSettings": {"copyTagsFromVolumeEnabled": True},
            "lastPolicySessionStatus": "NeverExecuted" if newest is None else _STATUS[newest.status],
            "usn": policy.ordinal,
            "_links": [self.points.link("self", f"{path}/{number}")],
        }
        if is_stored(policy.rules[0]):
            row["backupSettings"] = {"targetRepositoryId": self._repository_id(policy, best_rule(policy.rules))}
        return row

    # Repositories

    def repositories(self, revision: int) -> list[Row]:
        rows: dict[str, Row] = {}
        for policy in self.list_used().values():
            rule = best_rule(policy.rules)
            if is_stored(rule):
                rows[self._repository_id(policy, rule)] = self._repository(policy, rule, revision)
        return [rows[number] for number in sorted(rows)]

    def _repository(self, policy: Policy, rule: CopyRule, revision: int) -> Row:
        number, region = self._repository_id(policy, rule), self.points.region_name(rule.location.site)
        row: Row = {
            "id": number,
            "name": self._repository_name(policy, rule),
            "description": "",
            "amazonAccountId": self.api.uuid("account"),
            "amazonStorageFolder": rule.location.key,
            "amazonBucketId": self.api.uuid(f"bucket:{region}"),
            "enableEncryption": policy.encrypted,
            "_embedded": {"amazonAccount": "backup", "region": region, "bucket": f"backup-{region}"},
            "_links": [self.points.link("self", f"repositories/{number}")],
        }
        if policy.encrypted:
            row["hint"] = "ask the backup team"
        if revision >= _IMMUTABILITY:
            row["immutabilitySettings"] = {"enabled": rule.immutable_days > 0}
        return row

    # Sessions

    def sessions(self) -> list[tuple[Row, list[tuple[Workload, Point]]]]:
        """Return sessions of every run that included instances, newest first, each with its points."""
        found = []
        for run, made in self.api.estate.runs(self.api.product):
            mine = [(work, point) for work, point in made if work.workload_type == "vm"]
            if mine:
                found.append((self._session(run), mine))
        return found[::-1]

    def _session(self, run: Run) -> Row:
        number, over = self.points.session_id(run), run.status != "running"
        row: Row = {
            "id": number,
            "type": "Policy",
            "executionStartTime": self.points.time(run.started),
            "status": _STATUS[run.status],
            "result": _RESULT[run.status],
            "usn": run.started // MINUTE,
            "_links": [self.points.link("self", f"sessions/{number}")],
            "_embedded": {"backupJobInfo": self.points.link("protectedItems", f"sessions/{number}/protectedItems")},
        }
        if over:
            row |= {
                "executionStopTime": self.points.time(run.started + _SESSION_MS * 1000),
                "executionDuration": _SESSION_MS,
            }
        if run.status == "failed":
            row["reason"] = "The snapshot could not be taken."
        return row

    def items(self, session: Row, made: list[tuple[Workload, Point]]) -> list[Row]:
        """Return the protected items of a session; an instance with a running backup has no status yet."""
        rows = []
        for work, point in made:
            row: Row = {
                "id": self.api.uuid(f"{session['id']}:{point.key}"),
                "name": work.name,
                "region": self.points.region_name(work.site),
                "_embedded": {
                    "virtualMachine": self.points.link(
                        job_type(point), f"virtualMachines/{self.points.instance_id(work)}"
                    )
                },
            }
            rows.append(row if point.status == "running" else {**row, "status": _STATUS[point.status]})
        return rows


def _runs(work: Workload) -> list[Run]:
    return [point.run for point in work.points[:1]]
