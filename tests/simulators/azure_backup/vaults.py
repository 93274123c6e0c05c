# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults of the simulated Azure, and the workloads that each of them protects.

Workloads whose policies need the same settings of a vault share one: redundancy, immutability, key, region. PostgreSQL
servers and disks are protected in Backup vaults (Data Protection), all others in Recovery Services vaults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from tests.simulators.azure_backup.arm import APP_GROUP, BACKUP_GROUP, SUBSCRIPTIONS, Row
from tests.simulators.ground_truth import Point, Workload, as_datetime
from tests.simulators.product_api import ProductApi

_PROVIDERS = {"rsv": "Microsoft.RecoveryServices/vaults", "bv": "Microsoft.DataProtection/backupVaults"}
_DISK = "disk"


def azure_time(moment: int) -> str:
    """Format a time with a resolution of 100 ns: seven digits, or none."""
    fraction = moment % 1_000_000
    return as_datetime(moment).isoformat()[:19] + (f".{fraction:06}0" if fraction else "") + "Z"


@dataclass
class Vault:
    service: str
    number: int
    subscription: str
    region: str
    geo_redundant: bool
    locked: bool
    own_key: bool
    items: list[Item] = field(default_factory=list)

    @cached_property
    def name(self) -> str:
        return f"{self.service}-{self.number}"

    @cached_property
    def id(self) -> str:
        group = f"/subscriptions/{self.subscription}/resourceGroups/{BACKUP_GROUP}"
        return f"{group}/providers/{_PROVIDERS[self.service]}/{self.name}"


@dataclass
class Item:
    """One protected item or backup instance."""

    vault: Vault
    work: Workload
    points: list[Point]

    @cached_property
    def slug(self) -> str:
        """Return the name of the resource, because Azure allows fewer characters than other platforms."""
        return "-".join(part for part in (re.sub(r"[^a-z0-9-]+", "", self.work.name.lower()), self.work.key) if part)

    @cached_property
    def source(self) -> str:
        types = {
            "vm": "Microsoft.Compute/virtualMachines",
            "file_share": "Microsoft.Storage/storageAccounts",
            "database": "Microsoft.Compute/virtualMachines",
            "disk": "Microsoft.Compute/disks",
        }
        if self.vault.service == "bv" and self.work.workload_type == "database":
            kind = "Microsoft.DBforPostgreSQL/flexibleServers"
        else:
            kind = types[self.work.workload_type]
        group = f"/subscriptions/{self.vault.subscription}/resourceGroups/{APP_GROUP}"
        return f"{group}/providers/{kind}/{self.slug}"

    @property
    def is_stopped(self) -> bool:
        return not self.work.in_inventory


class Vaults:
    def __init__(self, api: ProductApi) -> None:
        self.api = api
        self.vaults: dict[tuple[object, ...], Vault] = {}
        self.items: dict[str, Item] = {}
        for work in api.workloads(*api.LISTS):
            points = api.listed_points(work)
            if work.policy is not None and (points or work.protected):
                vault = self._find_vault(work)
                item = Item(vault, work, points)
                vault.items.append(item)
                self.items[work.key] = item

    def _find_vault(self, work: Workload) -> Vault:
        assert work.policy is not None
        in_backup_vault = work.platform_hint == "mongo" or work.workload_type == _DISK
        rules = work.policy.rules
        key = (
            "bv" if in_backup_vault else "rsv",
            SUBSCRIPTIONS[work.site.key == "chicago"],
            work.site.region,
            any(
                rule.location.site.key != work.site.key and rule.location.location_type != "snapshot" for rule in rules
            ),
            any(rule.immutable_days for rule in work.policy.all_rules),
            work.policy.encrypted,
        )
        if key not in self.vaults:
            service, subscription, region, geo_redundant, locked, own_key = key
            number = 1 + sum(each.service == service for each in self.vaults.values())
            self.vaults[key] = Vault(service, number, subscription, region, geo_redundant, locked, own_key)
        return self.vaults[key]

    def list(self, service: str, subscription: str) -> list[Vault]:
        return [one for one in self.vaults.values() if (one.service, one.subscription) == (service, subscription)]

    def find(self, service: str, subscription: str, name: str) -> Vault | None:
        return next((one for one in self.list(service, subscription) if one.name == name.lower()), None)

    def _lock_state(self, vault: Vault) -> str:
        return (self.api.text("lock") or "Locked") if vault.locked else "Disabled"

    def vault_row(self, vault: Vault) -> Row:
        return self._recovery_services(vault) if vault.service == "rsv" else self._backup_vault(vault)

    def _recovery_services(self, vault: Vault) -> Row:
        crr = "Enabled" if self.api.flag("cross_region_restore") else "Disabled"
        properties: Row = {
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "backupStorageVersion": "V2",
            "redundancySettings": {
                "standardTierStorageRedundancy": "GeoRedundant" if vault.geo_redundant else "LocallyRedundant",
                "crossRegionRestore": crr if vault.geo_redundant else "Disabled",
            },
            "securitySettings": {
                "immutabilitySettings": {"state": self._lock_state(vault)},
                "softDeleteSettings": {"softDeleteState": "Enabled", "softDeleteRetentionPeriodInDays": 14},
                "multiUserAuthorization": "Disabled",
            },
        }
        if vault.own_key:
            uri = f"https://kv-backup.vault.azure.net/keys/{vault.name}"
            properties["encryption"] = {
                "keyVaultProperties": {"keyUri": uri},
                "kekIdentity": {"useSystemAssignedIdentity": True},
                "infrastructureEncryption": "Disabled",
            }
        return {
            "id": vault.id,
            "name": vault.name,
            "type": "Microsoft.RecoveryServices/vaults",
            "location": vault.region,
            "sku": {"name": "RS0", "tier": "Standard"},
            "properties": properties,
        }

    def _backup_vault(self, vault: Vault) -> Row:
        kind = "GeoRedundant" if vault.geo_redundant else "ZoneRedundant"
        crr = vault.geo_redundant and self.api.flag("cross_region_restore")
        security: Row = {
            "softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0},
            "immutabilitySettings": {"state": self._lock_state(vault)},
        }
        if vault.own_key:
            security["encryptionSettings"] = {
                "state": "Enabled",
                "keyVaultProperties": {"keyUri": f"https://kv-backup.vault.azure.net/keys/{vault.name}"},
                "infrastructureEncryption": "Disabled",
            }
        return {
            "id": vault.id,
            "name": vault.name,
            "type": "Microsoft.DataProtection/backupVaults",
            "location": vault.region,
            "properties": {
                "provisioningState": "Succeeded",
                "storageSettings": [{"datastoreType": "VaultStore", "type": kind}],
                "securitySettings": security,
                "featureSettings": {"crossRegionRestoreSettings": {"state": "Enabled" if crr else "Disabled"}},
                "isVaultProtectedByResourceGuard": False,
            },
        }
