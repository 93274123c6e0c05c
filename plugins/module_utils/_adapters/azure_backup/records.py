# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Backup: parse the records of vaults, protected items and backup instances."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.arm import VaultId, parse_vault_id
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER, parse_platform
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_list,
    as_object,
    as_text,
)

# Only a lock that nobody can revert counts as immutability. The owner can change an unlocked vault.
_LOCKS = {"locked": True, "unlocked": False, "disabled": False}
# Whether the storage of a vault has a copy in another region.
_GEO_REDUNDANT = {"georedundant": True, "locallyredundant": False, "zoneredundant": False}
_REGION = re.compile(r"[a-z]+[a-z0-9]*")

# backupManagementType -> types of workloads. If there are several, the workloadType of an item selects one.
MANAGEMENT_WORKLOADS: dict[str, tuple[str, ...]] = {
    "AzureIaasVM": ("vm",),
    "AzureStorage": ("file_share",),
    "AzureWorkload": ("database",),
    "AzureSql": ("database",),
    "MAB": ("physical",),
    "DPM": ("vm", "database", "physical", "application"),
    "AzureBackupServer": ("vm", "database", "physical", "application"),
}
# workloadType of items of DPM and Azure Backup Server -> type of workload.
_DPM_WORKLOADS = {
    "VM": "vm",
    "VMwareVM": "vm",
    "SQLDB": "database",
    "FileFolder": "physical",
    "SystemState": "physical",
    "Client": "physical",
    "Exchange": "application",
    "Sharepoint": "application",
}
# datasourceType of backup instances -> type of workload.
_DATASOURCES = {
    "microsoft.compute/disks": "storage",
    "microsoft.storage/storageaccounts/blobservices": "storage",
    "microsoft.storage/storageaccounts/adlsblobservices": "storage",
    "microsoft.elasticsan/elasticsans/volumegroups": "storage",
    "microsoft.containerservice/managedclusters": "application",
    "microsoft.dbforpostgresql/servers/databases": "database",
    "microsoft.dbforpostgresql/flexibleservers": "database",
    "microsoft.dbformysql/flexibleservers": "database",
    "microsoft.documentdb/databaseaccounts": "database",
    "microsoft.storage/storageaccounts/fileservices/shares": "file_share",
}
WORKLOAD_TYPES = ("vm", "database", "file_share", "physical", "storage", "application")
# Kinds of items that must be in a vault of their own region.
_SAME_REGION = frozenset({"AzureIaasVM", "AzureStorage", "AzureWorkload"})
# The agent stores its points only in the vault. The servers also store points on their own disks.
_AGENT = "MAB"
_BACKUP_SERVERS = frozenset({"DPM", "AzureBackupServer"})


@dataclasses.dataclass(frozen=True)
class Vault:
    """Attributes of a vault that apply to all its recovery points; None if they are not reported."""

    ident: VaultId
    region: str | None
    locked: bool | None
    # Whether the lock lasts until a point expires (True), or for a fixed time (False).
    locks_until_expiry: bool
    # Whether the customer's own key encrypts the vault. Encryption by the platform is not reported.
    own_key: bool | None
    # Whether the copy in another region can be restored there; None if it exists, but only Microsoft can use it.
    has_other_region: bool | None


@dataclasses.dataclass(frozen=True)
class Item:
    """A protected item or backup instance."""

    vault: Vault
    ident: str
    workload: Workload
    is_deleted: bool
    # Whether the Azure Backup agent sends its points directly to the vault. They have neither tiers nor states.
    is_from_agent: bool
    job: str | None
    # Whether the protected resource and the vault are in different regions.
    is_in_other_region: bool | None
    # Whether ``is_in_other_region`` is inferred from the rules of the product, because the record has no region.
    is_region_inferred: bool = False
    # Whether it is a backup instance of a Backup vault.
    is_instance: bool = False
    # Whether a point without tiers may be on the disks of a backup server, and not in the vault.
    is_from_server: bool = False


def parse_region(value: t.Any) -> str | None:
    """Return the normalized name of a region, or None if the value cannot be one."""
    name = (as_text(value) or "").casefold().replace(" ", "")
    return name if _REGION.fullmatch(name) and name != "global" else None


def _look_up(table: Mapping[str, bool], value: t.Any) -> bool | None:
    return table.get((as_text(value) or "").casefold())


def _parse_lock(security: Mapping[str, t.Any]) -> dict[str, t.Any]:
    settings = as_object(security.get("immutabilitySettings"))
    configuration = settings.get("configuration")
    kind = (as_text(as_object(configuration).get("type")) or "").casefold()
    return {
        "locked": _look_up(_LOCKS, settings.get("state")),
        "locks_until_expiry": configuration is None or kind == "asperpolicy",
    }


def _has_other_region(redundancy: t.Any, restore: t.Any) -> bool | None:
    is_copied = _look_up(_GEO_REDUNDANT, redundancy)
    if is_copied and (as_text(restore) or "").casefold() != "enabled":
        return None
    return is_copied


def parse_recovery_services_vault(row: Mapping[str, t.Any]) -> Vault:
    """Parse a Recovery Services vault."""
    properties = as_object(row.get("properties"))
    security = as_object(properties.get("securitySettings"))
    redundancy = as_object(properties.get("redundancySettings"))
    key = as_object(as_object(properties.get("encryption")).get("keyVaultProperties"))
    return Vault(
        ident=parse_vault_id(row.get("id")),
        region=parse_region(row.get("location")),
        **_parse_lock(security),
        own_key=True if as_text(key.get("keyUri")) else None,
        has_other_region=_has_other_region(
            redundancy.get("standardTierStorageRedundancy"), redundancy.get("crossRegionRestore")
        ),
    )


def parse_backup_vault(row: Mapping[str, t.Any]) -> Vault:
    """Parse a Backup vault."""
    properties = as_object(row.get("properties"))
    security = as_object(properties.get("securitySettings"))
    encryption = as_object(security.get("encryptionSettings"))
    key = as_object(encryption.get("keyVaultProperties"))
    is_enabled = (as_text(encryption.get("state")) or "").casefold() == "enabled"
    stores = [as_object(one) for one in as_list(properties.get("storageSettings"))]
    kinds = {as_text(one.get("type")) for one in stores if as_text(one.get("datastoreType")) == "VaultStore"}
    restore = as_object(as_object(properties.get("featureSettings")).get("crossRegionRestoreSettings")).get("state")
    return Vault(
        ident=parse_vault_id(row.get("id")),
        region=parse_region(row.get("location")),
        **_parse_lock(security),
        own_key=True if is_enabled and as_text(key.get("keyUri")) else None,
        has_other_region=_has_other_region(kinds.pop(), restore) if len(kinds) == 1 else None,
    )


def _compare_regions(vault: Vault, region: t.Any) -> bool | None:
    source = parse_region(region)
    return None if source is None or vault.region is None else source != vault.region


def parse_protected_item(row: Mapping[str, t.Any], vault: Vault, management: str) -> Item:
    """Parse a protected item of a Recovery Services vault, from the list of one backupManagementType."""
    ident = _get_id(row, "protected item")
    properties = as_object(row.get("properties"))
    in_other_region = _compare_regions(vault, properties.get("sourceLocation"))
    is_inferred = in_other_region is None and management in _SAME_REGION
    return Item(
        vault=vault,
        ident=ident,
        workload=_build_workload(ident, properties, management),
        is_deleted=as_bool(properties.get("isScheduledForDeferredDelete")) is True,
        is_from_agent=management == _AGENT,
        job=as_text(properties.get("policyName")) or _last_part(properties.get("policyId")),
        is_in_other_region=False if is_inferred else in_other_region,
        is_region_inferred=is_inferred,
        is_from_server=management in _BACKUP_SERVERS,
    )


def _build_workload(ident: str, properties: Mapping[str, t.Any], management: str) -> Workload:
    types = MANAGEMENT_WORKLOADS[management]
    term = as_text(properties.get("workloadType"))
    source = as_text(properties.get("sourceResourceId"))
    # Databases and shares name their machine or storage account, which can contain several of them.
    key = source if management == "AzureIaasVM" and source else ident
    name = as_text(properties.get("friendlyName"))
    if management == _AGENT:
        # The friendly name is a volume, such as C:\.
        name = as_text(properties.get("computerName"))
    vendor_platform = term if management in ("AzureWorkload", *_BACKUP_SERVERS) else management
    return Workload(
        id=key.casefold(),
        name=name,
        type=types[0] if len(types) == 1 else _DPM_WORKLOADS.get(term or "", OTHER),
        platform=parse_platform(vendor_platform),
        vendor_platform=vendor_platform,
    )


def parse_backup_instance(row: Mapping[str, t.Any], vault: Vault) -> Item:
    """Parse a backup instance of a Backup vault."""
    ident = _get_id(row, "backup instance")
    properties = as_object(row.get("properties"))
    source = as_object(properties.get("dataSourceInfo"))
    term = as_text(source.get("datasourceType"))
    state = as_text(properties.get("currentProtectionState"))
    workload = Workload(
        id=ident.casefold(),
        name=as_text(source.get("resourceName")) or as_text(properties.get("friendlyName")),
        type=_DATASOURCES.get((term or "").casefold(), OTHER),
        platform=parse_platform(term),
        vendor_platform=term,
    )
    return Item(
        vault=vault,
        ident=ident,
        workload=workload,
        is_deleted=(state or "").casefold() in ("softdeleted", "softdeleting"),
        is_from_agent=False,
        job=_last_part(as_object(properties.get("policyInfo")).get("policyId")),
        is_in_other_region=_compare_regions(vault, source.get("resourceLocation")),
        is_instance=True,
    )


def _get_id(row: Mapping[str, t.Any], what: str) -> str:
    ident = as_text(row.get("id"))
    for name, value in (("id", ident), ("properties", as_object(row.get("properties")))):
        if not value:
            raise InvalidResponseError(f"a {what} has no {name!r}")
    return str(ident)


def _last_part(ident: t.Any) -> str | None:
    return (as_text(ident) or "").rpartition("/")[2] or None
