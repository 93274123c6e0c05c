# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data Protection: backup instances of Backup vaults and their recovery points."""

from __future__ import annotations

from tests.simulators.azure_backup.arm import Row
from tests.simulators.azure_backup.vaults import Item, azure_time
from tests.simulators.ground_truth import Point
from tests.simulators.product_api import ProductApi

_TYPE = "Microsoft.DataProtection/backupVaults/backupInstances"
_SOURCES = {"database": "Microsoft.DBforPostgreSQL/flexibleServers", "disk": "Microsoft.Compute/disks"}


class DataProtection:
    def __init__(self, api: ProductApi) -> None:
        self.api = api

    def item_id(self, item: Item) -> str:
        return f"{item.vault.id}/backupInstances/{item.slug}"

    def workload_id(self, item: Item) -> str:
        return self.item_id(item).lower()

    def instance_row(self, item: Item) -> Row:
        source = _SOURCES[item.work.workload_type]
        assert item.work.policy is not None
        state = "ProtectionStopped" if item.is_stopped else "ProtectionConfigured"
        if self.api.text("soft_deleted") == item.work.name:
            state = "SoftDeleted"
        return {
            "id": self.item_id(item),
            "name": item.slug,
            "type": _TYPE,
            "properties": {
                "objectType": "BackupInstance",
                "friendlyName": item.work.name,
                "dataSourceInfo": {
                    "objectType": "Datasource",
                    "resourceID": item.source,
                    "resourceName": item.work.name,
                    "resourceType": source,
                    "datasourceType": source,
                    "resourceLocation": item.work.site.region,
                    "resourceUri": "",
                },
                "policyInfo": {
                    "policyId": f"{item.vault.id}/backupPolicies/{item.work.policy.name.replace(' ', '-')}",
                },
                "protectionStatus": {"status": "ProtectionConfigured"},
                "currentProtectionState": state,
                "provisioningState": "Succeeded",
            },
        }

    def point_rows(self, item: Item) -> list[tuple[str, Row]]:
        return [(self.api.digest(point.key), self._point_row(item, point)) for point in item.points]

    def _point_row(self, item: Item, point: Point) -> Row:
        name = self.api.digest(point.key)
        created = azure_time(point.created_at)
        expires = None if point.expires_at is None else azure_time(point.expires_at)
        store = "OperationalStore" if point.kind == "snapshot" else "VaultStore"
        if point.kind == "archive":
            store = "ArchiveStore"
        return {
            "id": f"{self.item_id(item)}/recoveryPoints/{name}",
            "name": name,
            "type": f"{_TYPE}/recoveryPoints",
            "properties": {
                "objectType": "AzureBackupDiscreteRecoveryPoint",
                "recoveryPointId": name,
                "recoveryPointTime": created,
                "recoveryPointType": "Incremental" if point.kind == "incremental" else "Full",
                "friendlyName": name,
                "recoveryPointDataStoresDetails": [
                    {
                        "id": self.api.uuid(f"store:{store}"),
                        "type": store,
                        "creationTime": created,
                        "expiryTime": expires,
                        "metaData": None,
                        "visible": True,
                        "state": "COMMITTED",
                    }
                ],
                "retentionTagName": "Default",
                "retentionTagVersion": "1",
                "policyName": point.run.policy.name,
                "policyVersion": None,
                "expiryTime": expires,
                "recoveryPointState": "Completed" if point.usable else "Partial",
            },
        }
