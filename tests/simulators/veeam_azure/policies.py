# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies and repositories of the Azure appliance."""

from __future__ import annotations

from tests.simulators.ground_truth import CopyRule, Policy
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_azure.points import Points, Row, best_rule, repository_key
from tests.simulators.veeam_azure.resources import resource_kind

POLICY_LISTS = {"vm": "virtualMachines", "sql": "sql", "file_share": "fileShares", "mongo": "cosmosDb"}


class Policies:
    def __init__(self, api: ProductApi, points: Points) -> None:
        self.api = api
        self.points = points
        self.id = api.uuid

    def policy_id(self, policy: Policy, kind: str) -> str:
        return self.id(f"policy:{policy.key}:{kind}")

    def policies(self, kind: str) -> list[Row]:
        """Return policies. They are per type of resource: one policy for machines and databases becomes two."""
        known = self.api.estate.for_product(self.api.product)
        used = {
            work.policy.key: work.policy for work in known if work.policy is not None and resource_kind(work) == kind
        }
        return [self._policy(policy, kind) for _ignored, policy in sorted(used.items())]

    def protected_items(self, name: str) -> list[Row]:
        known = self.api.estate.for_product(self.api.product)
        return [
            {
                "resourceId": self.points.workload_id(work),
                "policyId": self.policy_id(work.policy, resource_kind(work)),
                "subscriptionId": self.id("subscription"),
            }
            for work in known
            if work.protected and work.policy is not None and POLICY_LISTS.get(resource_kind(work)) == name
        ]

    def _policy(self, policy: Policy, kind: str) -> Row:
        snapshots = policy.rules[0].location.location_type == "snapshot"
        schedule = {"hours": [policy.hour], "targetRepositoryId": self._repository_id(policy, best_rule(policy.rules))}
        daily = {"dailyType": "Everyday", "backupSchedule": schedule}
        row: Row = {
            "id": self.policy_id(policy, kind),
            "name": policy.name,
            "description": policy.schedule,
            "priority": policy.ordinal,
            "serviceAccountId": self.id("service-account"),
            "tenantId": self.id("tenant"),
            "isEnabled": True,
            "nextExecutionTime": None,
        }
        if kind == "file_share":
            return {**row, "snapshotStatus": "Success", "isScheduleConfigured": True}
        row |= {"backupStatus": "NeverExecuted" if snapshots else "Success", "dailySchedule": daily}
        row["healthCheckSchedule"] = {"healthCheckEnabled": policy.check is not None}
        if kind == "vm":
            row |= {"snapshotStatus": "Success", "isBackupConfigured": not snapshots, "isScheduleConfigured": True}
            row["isArchiveBackupConfigured"] = policy.archive is not None
        if snapshots:
            row["dailySchedule"] = {"dailyType": "Everyday", "snapshotSchedule": {"hours": [policy.hour]}}
        elif policy.archive is not None:
            row |= self._archive_schedules(policy, policy.archive)
        return row

    def _archive_schedules(self, policy: Policy, archive: CopyRule) -> Row:
        target = self._repository_id(policy, archive)
        near = self._repository_id(policy, best_rule(policy.rules))
        return {
            "weeklySchedule": {"backupSchedule": {"selectedDays": ["Sunday"], "targetRepositoryId": near}},
            "monthlySchedule": {"backupSchedule": {"targetRepositoryId": target}},
            "yearlySchedule": {"retentionYearsCount": 10, "targetRepositoryId": target},
        }

    def _repository_id(self, policy: Policy, rule: CopyRule) -> str:
        return self.id("repository:" + repository_key(rule.location, policy.encrypted, rule.immutable_days > 0))

    def repositories(self) -> list[Row]:
        rows: dict[str, Row] = {}
        for policy in self.api.estate.policies:
            for rule in filter(None, (best_rule(policy.rules), policy.archive)):
                if rule.location.location_type != "snapshot":
                    rows[self._repository_id(policy, rule)] = self._repository(policy, rule)
        return [rows[key] for key in sorted(rows)]

    def _repository(self, policy: Policy, rule: CopyRule) -> Row:
        site, immutable = rule.location.site, rule.immutable_days > 0
        return {
            "id": self._repository_id(policy, rule),
            "name": repository_key(rule.location, policy.encrypted, immutable),
            "description": "",
            "azureStorageAccountId": self.id(f"account:{site.key}"),
            "azureStorageAccountName": f"backup{site.key}",
            "azureStorageContainer": {
                "name": rule.location.key,
                "supportsVersioning": immutable,
                "ImmutabilityPolicyState": "Locked" if immutable else "NotPresent",
            },
            "enableEncryption": policy.encrypted,
            "hint": "ask the backup team" if policy.encrypted else None,
            "regionId": self.points.region_id(site.region),
            "regionName": self.points.region_name(site.region),
            "azureAccountId": self.id("service-account"),
            "repositoryType": "Backup",
            "environment": "Global",
            "status": "Ready",
            "storageTier": "Archive" if rule.location.location_type == "archive" else "Hot",
            "isStorageTierInferred": False,
            "immutabilityEnabled": immutable,
            "repositoryOwnership": {"hasAnotherOwner": False, "currentOwnerIdentifier": None, "currentOwnerName": None},
            "concurrencyLimit": None,
            "veeamVaultId": None,
        }
