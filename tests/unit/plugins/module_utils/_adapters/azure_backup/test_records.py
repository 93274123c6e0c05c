# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults, items, ids and permissions of Azure Backup."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.arm import (
    ALLOWLIST,
    get_hint,
    instance_path,
    item_path,
    parse_vault_id,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.records import (
    parse_backup_instance,
    parse_backup_vault,
    parse_protected_item,
    parse_recovery_services_vault,
    parse_region,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.rights import find_gap
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import (
    Allowlist,
    RequestNotAllowedError,
)

VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/rsv"
BACKUP_VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv"
SHORT = "/protectionContainers/IaasVMContainer;iaasvmcontainerv2;rg;VM 1/protectedItems/VM;iaasvmcontainerv2;rg;VM 1"
QUOTED = (
    "/protectionContainers/IaasVMContainer%3Biaasvmcontainerv2%3Brg%3BVM%201"
    "/protectedItems/VM%3Biaasvmcontainerv2%3Brg%3BVM%201"
)


# Ids


@pytest.mark.parametrize(
    "ident",
    [
        f"{VAULT}/backupFabrics/Azure{SHORT}",
        f"{VAULT}{SHORT}",
        f"{VAULT.replace('/subscriptions/', '/Subscriptions/')}{SHORT}",
        f"{VAULT.upper()}/BACKUPFABRICS/Azure{SHORT}",
    ],
)
def test_the_path_of_an_item(ident: str) -> None:
    assert item_path(parse_vault_id(VAULT), ident) == f"{VAULT}/backupFabrics/Azure{QUOTED}"


@pytest.mark.parametrize(
    "ident",
    [
        f"{VAULT}-2{SHORT}",
        f"{VAULT}{SHORT}/recoveryPoints/1",
        f"{VAULT}/backupFabrics/Azure/protectionContainers/c",
        f"{VAULT}/protectionContainers/../protectedItems/i",
        f"{VAULT}/protectionContainers/..;x/protectedItems/i",
        f"{VAULT}/protectionContainers/a?b/protectedItems/i",
        f"{VAULT}/protectionContainers/a%2Fb/protectedItems/i",
        "",
        "web-01",
    ],
)
def test_items_of_other_vaults_are_rejected(ident: str) -> None:
    with pytest.raises(InvalidResponseError):
        item_path(parse_vault_id(VAULT), ident)


def test_the_path_of_an_instance() -> None:
    vault = parse_vault_id(BACKUP_VAULT)
    assert (
        instance_path(vault, f"{BACKUP_VAULT.upper()}/backupInstances/disk-1")
        == f"{BACKUP_VAULT}/backupInstances/disk-1"
    )
    for ident in (
        f"{BACKUP_VAULT}x/backupInstances/d",
        f"{BACKUP_VAULT}/backupJobs/d",
        f"{BACKUP_VAULT}/backupInstances/",
    ):
        with pytest.raises(InvalidResponseError):
            instance_path(vault, ident)


@pytest.mark.parametrize("ident", [None, 7, "", "rsv", f"{VAULT}/more", VAULT.replace("RecoveryServices", "Compute")])
def test_a_vault_needs_a_valid_id(ident: Any) -> None:
    with pytest.raises(InvalidResponseError, match="a vault has no valid 'id'"):
        parse_recovery_services_vault({"id": ident, "properties": {}})


# Allowlist


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", f"{VAULT}/backupFabrics/Azure{QUOTED}/backup?api-version=2024-10-01"),
        ("GET", f"{VAULT}/backupJobs?api-version=2024-10-01"),
        ("DELETE", f"{VAULT}/backupFabrics/Azure{QUOTED}?api-version=2024-10-01"),
        ("GET", f"{VAULT}/backupFabrics/Azure{QUOTED}?api-version=2024-10-01&$filter=x"),
        ("GET", f"{VAULT}/backupProtectedItems?api-version=2024-10-01&$filter=x"),
        ("GET", f"{VAULT}/backupProtectedItems"),
        ("GET", f"{VAULT}/backupFabrics/Azure/protectionContainers/..;x/protectedItems/i?api-version=1"),
        ("GET", f"{VAULT};x/backupProtectedItems?api-version=2024-10-01"),
        ("POST", f"{BACKUP_VAULT}/backupInstances/d/findRestorableTimeRanges?api-version=2024-04-01"),
        ("GET", "/subscriptions?api-version=2022-12-01"),
    ],
)
def test_other_requests_are_rejected(method: str, target: str) -> None:
    with pytest.raises(RequestNotAllowedError):
        Allowlist(ALLOWLIST).check(method, f"https://management.azure.com{target}")


def test_read_requests_are_allowed() -> None:
    allowed = Allowlist(ALLOWLIST)
    for path in (
        f"{VAULT}/backupFabrics/Azure{QUOTED}/recoveryPoints?api-version=2024-10-01&$skipToken=a%3Bb",
        f"{VAULT}/backupFabrics/Azure{QUOTED}?api-version=2024-10-01&$filter=expand%20eq%20%27extendedinfo%27",
        f"{BACKUP_VAULT}/backupInstances?api-version=2024-04-01",
    ):
        allowed.check("GET", f"https://management.azure.com{path}")


# Vaults and items


@pytest.mark.parametrize(
    ("value", "region"),
    [
        ("westeurope", "westeurope"),
        ("West Europe", "westeurope"),
        ("global", None),
        ("", None),
        (None, None),
        ("7", None),
    ],
)
def test_regions(value: Any, region: str | None) -> None:
    assert parse_region(value) == region


def test_a_backup_vault() -> None:
    properties = {
        "storageSettings": [{"datastoreType": "VaultStore", "type": "GeoRedundant"}],
        "featureSettings": {"crossRegionRestoreSettings": {"state": "Enabled"}},
        "securitySettings": {
            "immutabilitySettings": {"state": "Locked"},
            "encryptionSettings": {"state": "Enabled", "keyVaultProperties": {"keyUri": "https://kv.example/k"}},
        },
    }
    vault = parse_backup_vault({"id": BACKUP_VAULT, "location": "westeurope", "properties": properties})
    assert (vault.locked, vault.own_key, vault.has_other_region) == (True, True, True)
    properties["securitySettings"]["encryptionSettings"]["state"] = "Inconsistent"  # type: ignore[index]
    properties["storageSettings"] += [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]  # type: ignore[operator]
    vault = parse_backup_vault({"id": BACKUP_VAULT, "location": "westeurope", "properties": properties})
    assert (vault.own_key, vault.has_other_region) == (None, None)


@pytest.mark.parametrize(
    ("management", "properties", "expected"),
    [
        ("AzureIaasVM", {"workloadType": "VM", "friendlyName": "web-01"}, ("vm", "azure_vm", "web-01")),
        ("AzureWorkload", {"workloadType": "SQLDataBase", "friendlyName": "orders"}, ("database", "mssql", "orders")),
        ("AzureWorkload", {"workloadType": "SAPHanaDatabase", "friendlyName": "x"}, ("database", "sap_hana", "x")),
        ("AzureWorkload", {"workloadType": "SAPAseDatabase", "friendlyName": "x"}, ("database", "other", "x")),
        (
            "AzureStorage",
            {"workloadType": "AzureFileShare", "friendlyName": "docs"},
            ("file_share", "azure_files", "docs"),
        ),
        ("MAB", {"friendlyName": "C:\\", "computerName": "desk-1"}, ("physical", "windows", "desk-1")),
        ("MAB", {"friendlyName": "C:\\"}, ("physical", "windows", None)),
        ("DPM", {"workloadType": "VMwareVM", "friendlyName": "x"}, ("vm", "vmware", "x")),
        ("DPM", {"workloadType": "Exchange", "friendlyName": "x"}, ("application", "exchange", "x")),
        ("AzureBackupServer", {"workloadType": "Anything", "friendlyName": "x"}, ("other", "other", "x")),
        ("AzureIaasVM", {"workloadType": "VM"}, ("vm", "azure_vm", None)),
    ],
)
def test_workloads(management: str, properties: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    vault = parse_recovery_services_vault({"id": VAULT, "properties": {}})
    workload = parse_protected_item({"id": f"{VAULT}{SHORT}", "properties": properties}, vault, management).workload
    assert (workload.type, workload.platform, workload.name) == expected


def test_databases_of_one_machine_are_different_workloads() -> None:
    """Their sourceResourceId is the machine, so it identifies the workload only for Azure VMs."""
    vault = parse_recovery_services_vault({"id": VAULT, "properties": {}})
    row = {"id": f"{VAULT}{SHORT}", "properties": {"sourceResourceId": "/subscriptions/S/VM-1", "friendlyName": "x"}}
    assert parse_protected_item(row, vault, "AzureIaasVM").workload.id == "/subscriptions/s/vm-1"
    assert parse_protected_item(row, vault, "AzureWorkload").workload.id == f"{VAULT}{SHORT}".lower()
    row["properties"] = {"friendlyName": "x"}
    assert parse_protected_item(row, vault, "AzureIaasVM").workload.id == f"{VAULT}{SHORT}".lower()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Microsoft.Compute/disks", ("storage", "azure_disk")),
        ("Microsoft.Storage/storageAccounts/blobServices", ("storage", "azure_blob")),
        ("Microsoft.DBforPostgreSQL/flexibleServers", ("database", "azure_postgresql")),
        ("Microsoft.ContainerService/managedClusters", ("application", "kubernetes")),
        ("Microsoft.New/things", ("other", "other")),
        (None, ("other", None)),
    ],
)
def test_data_sources(word: str | None, expected: tuple[str, str | None]) -> None:
    vault = parse_backup_vault({"id": BACKUP_VAULT, "properties": {}})
    source = {"datasourceType": word, "resourceName": "x"}
    row = {"id": f"{BACKUP_VAULT}/backupInstances/x", "properties": {"dataSourceInfo": source}}
    workload = parse_backup_instance(row, vault).workload
    assert (workload.type, workload.platform) == expected


# Permissions


@pytest.mark.parametrize(
    ("permissions", "is_proven"),
    [
        ([{"actions": ["*/read"], "notActions": []}], True),
        ([{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}], True),
        (
            [{"actions": ["microsoft.recoveryservices/*"]}, {"actions": ["Microsoft.DataProtection/backupVaults/*"]}],
            True,
        ),
        ([{"actions": ["Microsoft.RecoveryServices/Vaults/read"]}], False),
        ([{"actions": ["*/read"], "notActions": ["Microsoft.RecoveryServices/*"]}], False),
        ([{"actions": ["*/read"], "notActions": None}], False),
        ([{"actions": ["*/read"], "condition": "@Resource[...] StringEquals 'a'"}], False),
        (
            [
                {
                    "actions": [
                        "Microsoft.RecoveryServices/vaults/backupProtectedItems/read",
                        "Microsoft.DataProtection/*",
                    ]
                }
            ],
            False,
        ),
        ([{"actions": "*/read"}], False),
        ([{"dataActions": ["*"]}], False),
        ([], False),
    ],
)
def test_permissions_that_prove_complete_lists(permissions: list[dict[str, Any]], is_proven: bool) -> None:
    gap = find_gap(permissions, "/subscriptions/s", ["rg/b", "rg/a"])
    assert (gap is None) is is_proven
    if gap is not None:
        assert "for /subscriptions/s, so the server silently omits vaults" in gap.message
        assert str(gap.hint).endswith("Visible vaults: rg/a, rg/b")


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b'{"error": {"code": "SubscriptionNotFound"}}', 'Check "subscription_id"'),
        (b'{"error": {"code": "NoRegisteredProviderFound"}}', 'Set "recovery_services_api_version"'),
        (b'{"error": {"code": "SomethingElse"}}', None),
        (b'{"error": "text"}', None),
        (b"<html>", None),
    ],
)
def test_hints_for_errors(body: bytes, hint: str | None) -> None:
    found = get_hint(400, body)
    assert found is None if hint is None else str(found).startswith(hint)
