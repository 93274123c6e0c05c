# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources that the Azure appliance protects or could protect: protected items and inventory."""

from __future__ import annotations

from tests.simulators.ground_truth import DAY, Point, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_azure.points import Points, Row, azure_time

_RESOURCE_TYPES = {
    "vm": "VirtualMachine",
    "sql": "ManagedDatabase",
    "file_share": "FileShare",
    "mongo": "MongoDbCosmosAccount",
    "virtual_network": "VirtualNetwork",
}
_GIB = 2**30
# Objects whose number a configuration backup reports.
_COUNTED = (
    "standardRepository",
    "archiveRepository",
    "vmPolicy",
    "sqlPolicy",
    "fileSharePolicy",
    "cosmosDbPolicy",
    "protectionPolicyVm",
    "serviceAccount",
    "repositoryAccount",
    "session",
)


def resource_kind(work: Workload) -> str:
    """Return the resource type. Databases are divided into SQL and Cosmos DB."""
    return work.platform_hint if work.workload_type == "database" else work.workload_type


class Resources:
    def __init__(self, api: ProductApi, points: Points) -> None:
        self.api = api
        self.points = points
        self.id = api.uuid

    def _arm_id(self, work: Workload) -> str:
        provider = {
            "vm": "Microsoft.Compute/virtualMachines",
            "sql": f"Microsoft.Sql/servers/sql-{work.site.key}/databases",
            "file_share": f"Microsoft.Storage/storageAccounts/files{work.site.key}/fileServices/default/shares",
            "mongo": "Microsoft.DocumentDB/databaseAccounts",
        }[resource_kind(work)]
        group = f"/subscriptions/{self.id('subscription')}/resourceGroups/rg-{work.site.key}"
        return f"{group}/providers/{provider}/{work.name}"

    def _own_region_id(self, region: str) -> str:
        """Return the system id of a region, which may differ from the id that points and repositories report."""
        if self.api.text("region_ids") == "own":
            return self.id(f"system-region:{region}")
        return self.points.region_id(region)

    def _owner(self, work: Workload) -> Row:
        subscription, tenant = self.id("subscription"), self.id("tenant")
        return {
            "subscription": {
                "id": subscription,
                "environment": "Global",
                "tenantId": tenant,
                "tenantName": "Example",
                "name": "Production",
                "status": "Active",
                "availability": "Available",
                "workerResourceGroupName": None,
            },
            "region": {"id": self._own_region_id(work.site.region), "name": work.site.region},
            "resourceGroup": {
                "id": self.id(f"group:{work.site.key}"),
                "name": f"rg-{work.site.key}",
                "azureEnvironment": "Global",
                "subscriptionId": subscription,
                "tenantId": tenant,
            },
        }

    def protected(self, work: Workload, newest: Point) -> Row:
        head: Row = {"id": self.points.workload_id(work), "name": work.name}
        if resource_kind(work) == "mongo":
            return {**head, **self._protected_cosmos(work, newest)}
        head |= {
            "azureId": self._arm_id(work),
            "azureEnvironment": "Global",
            "lastBackup": azure_time(newest.created_at),
        }
        head |= self._owner(work)
        if resource_kind(work) == "vm":
            size = {"totalSizeInGB": work.source_bytes // _GIB, "vmSize": "Standard_D2s_v3", "availabilityZone": None}
            return {**head, **size, "osType": "Linux", "regionName": work.site.region, "isController": False}
        megabytes = work.source_bytes // 2**20
        if resource_kind(work) == "sql":
            server = {
                "id": self.id(f"sqlserver:{work.site.key}"),
                "name": f"sql-{work.site.key}",
                "serverType": "Managed",
            }
            return {**head, "sqlServer": server, "sizeInMb": megabytes, "subscriptionId": self.id("subscription")}
        account = {"id": self.id(f"account:{work.site.key}"), "resourceId": "", "name": f"files{work.site.key}"}
        shared = {"sizeInMb": megabytes, "subscriptionId": self.id("subscription"), "regionName": work.site.region}
        return {**head, **shared, "storageAccount": account}

    def protected_networks(self, newest: list[Point]) -> list[Row]:
        """Return one row per subscription; only the points report its regions."""
        if not newest:
            return []
        last = max(point.created_at for point in newest)
        account = {"accountId": self.id("service-account"), "accountName": "backup", "tenantId": self.id("tenant")}
        row = {"id": self.id("networks"), "lastBackup": azure_time(last), "azureAccount": account}
        return [{**row, "subscriptionId": self.id("subscription"), "subscriptionName": "Production"}]

    def _protected_cosmos(self, work: Workload, newest: Point) -> Row:
        """Build the only item that reports its number of points."""
        listed = self.api.listed_points(work)
        moments = [point.created_at for point in listed if point.kind == "continuous"]
        stored = [point for point in listed if point.kind != "continuous"]
        return {
            "status": "Online",
            "accountType": "MongoRU",
            "policyName": newest.run.policy.name,
            "latestRestorableTimestamp": azure_time(max(moments)) if moments else None,
            "earliestRestorableTimestamp": azure_time(min(moments)) if moments else None,
            "latestBackup": azure_time(stored[0].created_at) if stored else None,
            "backupSizeBytes": sum(point.size_bytes or 0 for point in stored),
            "archiveSizeBytes": 0,
            "subscriptionId": self.id("subscription"),
            "tenantId": self.id("tenant"),
            "regionName": work.site.region,
            "resourceGroupName": f"rg-{work.site.key}",
            "protectionState": {
                "destinations": ["AzureBlob"],
                "restorePointCount": len(stored),
                "dataRetrievalStatus": "None",
            },
        }

    def configuration_points(self) -> list[Row]:
        """Return the appliance's own backups, one and two nights old, which do not protect workloads."""
        return [
            {
                "id": self.id(f"configuration:{nights}"),
                "fileName": f"configuration-{nights}.backup",
                "repositoryName": None,
                "repositoryId": None,
                "type": "BySchedule",
                "creationTimeUtc": azure_time(self.api.estate.now - nights * DAY),
                "metadata": self._configuration(nights),
                "ImmutableTill": None,
            }
            for nights in (1, 2)
        ]

    def _configuration(self, nights: int) -> Row:
        return {
            "productVersion": "8.1.0.203",
            "flrVersion": "8.1.0.203",
            "productName": "Veeam Backup for Microsoft Azure",
            **{f"{name}Count": 1 for name in _COUNTED},
            "size": 10_000_000 + nights,
            "instanceId": self.id("appliance"),
            "creationTimeUtc": azure_time(self.api.estate.now - nights * DAY),
            "isVersionError": False,
        }

    def inventory(self, work: Workload) -> Row:
        head: Row = {"id": self.points.workload_id(work), "name": work.name, "subscriptionId": self.id("subscription")}
        kind = resource_kind(work)
        if kind == "vm":
            place = {"regionDisplayName": work.site.name, "regionName": work.site.region, "tenantId": self.id("tenant")}
            more = {
                "totalSizeInGB": work.source_bytes // _GIB,
                "isController": False,
                "isDeleted": not work.in_inventory,
            }
            arm = {"azureId": self._arm_id(work), "azureEnvironment": "Global", "osType": "Linux"}
            return {**head, **arm, **place, **more, "resourceGroupName": f"rg-{work.site.key}"}
        head |= {"regionId": self.points.region_id(work.site.region), "regionName": work.site.region}
        head["resourceGroupName"] = f"rg-{work.site.key}"
        if kind == "sql":
            server = {"serverName": f"sql-{work.site.key}", "serverId": self.id(f"sqlserver:{work.site.key}")}
            sized = {"sizeInMb": work.source_bytes // 2**20, "status": "Online", "databaseType": "Managed"}
            return {**head, **server, **sized, "resourceId": self._arm_id(work)}
        if kind == "mongo":
            state = {"status": "Online", "accountType": "MongoRU", "isDeleted": not work.in_inventory}
            return {**head, **state, "azureId": self._arm_id(work), "sourceSizeBytes": work.source_bytes}
        account = {
            "storageAccountName": f"files{work.site.key}",
            "size": work.source_bytes,
            "tenantId": self.id("tenant"),
        }
        return {**head, **account, "azureId": self._arm_id(work)}

    def resource(self, work: Workload) -> Row:
        return {
            "id": self.points.workload_id(work),
            "name": work.name,
            "displayName": work.name,
            "resourceGroupName": f"rg-{work.site.key}",
            "resourceType": _RESOURCE_TYPES[resource_kind(work)],
            "regionId": self.points.region_id(work.site.region),
            "regionName": work.site.region,
            "subscriptionId": self.id("subscription"),
            "subscriptionName": "Production",
        }
