# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery Services: protected items and their recovery points."""

from __future__ import annotations

import re

from tests.simulators.azure_backup.arm import APP_GROUP, Row
from tests.simulators.azure_backup.vaults import Item, azure_time
from tests.simulators.ground_truth import Point
from tests.simulators.product_api import ProductApi

_TYPE = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"
_NEVER = "0001-01-01T00:00:00Z"
# workload type -> backupManagementType and workloadType
_KINDS = {
    "vm": ("AzureIaasVM", "VM"),
    "file_share": ("AzureStorage", "AzureFileShare"),
    "database": ("AzureWorkload", "SAPHanaDatabase"),
    "physical": ("MAB", "FileFolder"),
}
_THREATS = {"clean": "Healthy", "suspicious": "Warning", "infected": "UnHealthy", None: "NotAvailable"}
_SQL_TYPES = {"full": "Full", "incremental": "Differential"}
_HANA_TYPES = {"full": "Full", "incremental": "Incremental"}
_FABRIC = "/backupFabrics/Azure"
_FILTER = re.compile(r"backupManagementType eq '(?P<kind>\w+)'")


class RecoveryServices:
    def __init__(self, api: ProductApi) -> None:
        self.api = api

    def management_type(self, item: Item) -> str:
        return self.api.text("agent") if item.work.workload_type == "physical" else _KINDS[item.work.workload_type][0]

    def is_wanted(self, item: Item, filter_text: str | None) -> bool:
        """Return whether a list with this filter has the item. Without a filter, only some types are returned."""
        if not filter_text:
            return self.management_type(item) == "AzureIaasVM" or self.api.flag("unfiltered_lists_all")
        match = _FILTER.fullmatch(filter_text)
        return match is not None and match["kind"] == self.management_type(item)

    def container(self, item: Item) -> str:
        return {
            "vm": f"IaasVMContainer;iaasvmcontainerv2;{APP_GROUP};{item.slug}",
            "file_share": f"StorageContainer;Storage;{APP_GROUP};{item.slug}",
            "database": f"VMAppContainer;Compute;{APP_GROUP};{item.slug}",
            "physical": f"Windows;{item.slug}",
        }[item.work.workload_type]

    def name(self, item: Item) -> str:
        engine = "SQLDataBase;MSSQLSERVER" if self.is_sql else "SAPHanaDatabase;HXE"
        return {
            "vm": f"VM;iaasvmcontainerv2;{APP_GROUP};{item.slug}",
            "file_share": f"AzureFileShare;{self.api.digest(item.work.key).upper()}",
            "database": f"{engine};{item.slug}",
            "physical": f"FileFolder;{self.api.digest(item.work.key)}",
        }[item.work.workload_type]

    @property
    def is_sql(self) -> bool:
        return self.api.text("databases") == "sql"

    def item_id(self, item: Item) -> str:
        return self._id(item, item.vault.id + _FABRIC)

    def _id(self, item: Item, root: str) -> str:
        return f"{root}/protectionContainers/{self.container(item)}/protectedItems/{self.name(item)}"

    def workload_id(self, item: Item) -> str:
        return (item.source if item.work.workload_type == "vm" else self.item_id(item)).lower()

    def item_row(self, item: Item, count: int | None = None) -> Row:
        """Build the record of an item; `count` adds the extended information."""
        ident = self.item_id(item)
        if self.api.text("ids") == "vendor":
            ident = self._id(item, item.vault.id.replace("/subscriptions/", "/Subscriptions/"))
        newest = item.points[0] if item.points else None
        properties: Row = {
            **self._kind_fields(item),
            "backupManagementType": self.management_type(item),
            "workloadType": "SQLDataBase" if self._is_sql_item(item) else _KINDS[item.work.workload_type][1],
            "containerName": self.container(item).partition(";")[2],
            "friendlyName": item.work.name,
            "protectionStatus": "Healthy",
            "protectionState": "ProtectionStopped" if item.is_stopped else "Protected" if newest else "IRPending",
            "lastBackupStatus": "Completed" if newest else "IRPending",
            "lastBackupTime": azure_time(newest.created_at) if newest else _NEVER,
            "lastRecoveryPoint": azure_time(newest.created_at) if newest else None,
            "isScheduledForDeferredDelete": False,
            "isArchiveEnabled": False,
            "vaultId": item.vault.id,
            "extendedInfo": None,
        }
        assert item.work.policy is not None
        policy = item.work.policy.name
        properties |= {"policyId": f"{item.vault.id}/backupPolicies/{policy.replace(' ', '-')}", "policyName": policy}
        if self.api.flag("source_location"):
            properties["sourceLocation"] = item.work.site.region
        if self.api.text("soft_deleted") == item.work.name:
            properties |= {
                "isScheduledForDeferredDelete": True,
                "deferredDeleteTimeInUTC": azure_time(self.api.estate.now),
                "deferredDeleteTimeRemaining": "9.13:20:00",
                "protectionState": "ProtectionStopped",
            }
        if count is not None and self.api.text("counts") != "missing":
            oldest = azure_time(item.points[-1].created_at) if item.points else None
            more = 1 if self.api.text("counts") == "high" else 0
            properties["extendedInfo"] = {"oldestRecoveryPoint": oldest, "recoveryPointCount": count + more}
        return {"id": ident, "name": self.name(item), "type": _TYPE, "properties": properties}

    def _is_sql_item(self, item: Item) -> bool:
        return self.is_sql and item.work.workload_type == "database"

    def _kind_fields(self, item: Item) -> Row:
        kind = item.work.workload_type
        if kind == "vm":
            return {
                "protectedItemType": "Microsoft.Compute/virtualMachines",
                "sourceResourceId": item.source,
                "virtualMachineId": item.source,
                "healthStatus": "Passed",
                "protectedItemDataId": str(int(self.api.digest(item.work.key)[:12], 16)),
            }
        if kind == "file_share":
            return {"protectedItemType": "AzureFileShareProtectedItem", "sourceResourceId": item.source}
        if kind == "database":
            engine = "SQLDatabase" if self.is_sql else "SAPHanaDatabase"
            return {
                "protectedItemType": f"AzureVmWorkload{engine}",
                "sourceResourceId": item.source,
                "serverName": item.slug,
                "parentName": "MSSQLSERVER" if self.is_sql else "HXE",
                "protectedItemHealthStatus": "Healthy",
            }
        if self.management_type(item) != "MAB":
            return {"protectedItemType": "DPMProtectedItem", "backupEngineName": "dpm-01"}
        return {"protectedItemType": "MabFileFolderProtectedItem", "computerName": item.work.name}

    # Recovery points

    def point_name(self, point: Point) -> str:
        return str(int(self.api.digest(point.key)[:13], 16))

    def point_rows(self, item: Item) -> list[tuple[str, Row]]:
        rows = [(self.point_name(point), self._point_row(item, point)) for point in item.points]
        is_empty = self.api.flag("empty_ranges")
        has_ranges = is_empty or (self.api.flag("log_ranges") and item.points)
        if item.work.workload_type == "database" and has_ranges:
            rows.insert(0, ("DefaultRangeRecoveryPoint", self._range_row(item, is_empty=is_empty)))
        return rows

    def _point_row(self, item: Item, point: Point) -> Row:
        name = self.point_name(point)
        return {
            "id": f"{self.item_id(item)}/recoveryPoints/{name}",
            "name": name,
            "type": f"{_TYPE}/recoveryPoints",
            "properties": self._point_fields(item, point),
        }

    def _point_fields(self, item: Item, point: Point) -> Row:
        kind = item.work.workload_type
        common: Row = {"recoveryPointProperties": self._lifetime(item, point)}
        if kind != "physical" and self.api.flag("tier_details"):
            common["recoveryPointTierDetails"] = self._tiers(item, point)
        created = azure_time(point.created_at)
        if kind == "vm":
            return {
                "objectType": "IaasVMRecoveryPoint",
                "recoveryPointType": "AppConsistent",
                "recoveryPointTime": created,
                "recoveryPointAdditionalInfo": "",
                "sourceVMStorageType": "PremiumVMOnPartialPremiumStorage",
                # The value of the machine, and not of the point.
                "isSourceVMEncrypted": False,
                "isInstantIlrSessionActive": False,
                "isManagedVirtualMachine": True,
                "virtualMachineSize": "Standard_D2s_v5",
                "originalStorageAccountOption": False,
                "osType": "Linux",
                "zones": [],
                "securityType": "Standard",
                "threatStatus": _THREATS[point.malware],
                **common,
            }
        if kind == "file_share":
            return {
                "objectType": "AzureFileShareRecoveryPoint",
                "recoveryPointType": "FileSystemConsistent",
                "recoveryPointTime": created,
                "fileShareSnapshotUri": f"https://{item.slug}.file.core.windows.net/{item.slug}?sharesnapshot={created}",
                "recoveryPointSizeInGB": item.work.source_bytes >> 30,
                **common,
            }
        if kind == "database":
            engine = "SQL" if self.is_sql else "SAPHana"
            return {
                "objectType": f"AzureWorkload{engine}RecoveryPoint",
                "recoveryPointTimeInUTC": created,
                "type": (_SQL_TYPES if self.is_sql else _HANA_TYPES)[point.kind],
                **common,
            }
        return {
            "objectType": "GenericRecoveryPoint",
            "friendlyName": item.work.name,
            "recoveryPointType": "FileSystemConsistent",
            "recoveryPointTime": created,
            "recoveryPointAdditionalInfo": "",
            **common,
        }

    def _range_row(self, item: Item, *, is_empty: bool) -> Row:
        """Build the row of a log chain, within which any time can be restored. It has no tiers."""
        engine = "SQL" if self.is_sql else "SAPHana"
        name = "DefaultRangeRecoveryPoint"
        spans = []
        if not is_empty:
            start, end = azure_time(item.points[-1].created_at), azure_time(self.api.estate.now)
            spans.append({"startTime": start, "endTime": end})
        return {
            "id": f"{self.item_id(item)}/recoveryPoints/{name}",
            "name": name,
            "type": f"{_TYPE}/recoveryPoints",
            "properties": {
                "objectType": f"AzureWorkload{engine}PointInTimeRecoveryPoint",
                "timeRanges": spans,
                "type": "Log",
            },
        }

    def _lifetime(self, item: Item, point: Point) -> Row:
        fields: Row = {
            "expiryTime": None if point.expires_at is None else azure_time(point.expires_at),
            "ruleName": next((name.capitalize() for name in reversed(point.retention)), "Default"),
            "isSoftDeleted": self.api.text("soft_deleted") == item.work.name,
        }
        if self.api.flag("point_locks"):
            until = point.immutable_until
            lock: Row = {"isImmutable": until is not None}
            if until is not None:
                lock["expiryTime"] = azure_time(until)
            fields["immutabilityProperties"] = lock
        return fields

    def _tiers(self, item: Item, point: Point) -> list[Row]:
        if point.kind == "snapshot":
            return [{"type": "InstantRP", "status": "Valid"}]
        if point.kind == "archive":
            return [
                {"type": "InstantRP", "status": "Deleted"},
                {"type": "HardenedRP", "status": "Deleted"},
                {"type": "ArchivedRP", "status": "Valid"},
            ]
        state = "Valid" if point.usable else "Invalid"
        if item.work.workload_type == "database":
            return [{"type": "HardenedRP", "status": state}]
        is_recent = point in item.points[:2]
        return [
            {"type": "InstantRP", "status": state if is_recent else "Deleted"},
            {"type": "HardenedRP", "status": state},
        ]
