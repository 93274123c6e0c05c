# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendor's SDK reads every response of the simulated Azure: its models, and its clients over the network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.simulators.azure_backup.client import AzureBackupClient

credentials = pytest.importorskip("azure.core.credentials")
recovery = pytest.importorskip("azure.mgmt.recoveryservices")
backup = pytest.importorskip("azure.mgmt.recoveryservicesbackup")
protection = pytest.importorskip("azure.mgmt.dataprotection")
BACKUP_TYPES = ("AzureIaasVM", "AzureStorage", "AzureWorkload", "MAB")


class Token:
    """A credential with the token of the simulated login service."""

    def __init__(self, client: AzureBackupClient) -> None:
        self._token = client.log_in()["access_token"]

    def get_token(self, *_scopes: str, **_more: Any) -> Any:
        return credentials.AccessToken(self._token, int(time.time()) + 3599)


@pytest.fixture
def azure_backup(ready: dict[str, Any]) -> AzureBackupClient:
    api_client = AzureBackupClient(ready)
    api_client.control("reset", {})
    return api_client


def connect(kind: Any, client: AzureBackupClient, ready: dict[str, Any], subscription: str) -> Any:
    url = client.entry["url"]
    return kind(
        Token(client),
        subscription,
        base_url=url,
        credential_scopes=[f"{url}/.default"],
        connection_verify=ready["ca_path"],
    )


def part(ident: str, name: str) -> str:
    """Return the part of an id that follows a name."""
    parts = ident.split("/")
    return parts[[one.lower() for one in parts].index(name.lower()) + 1]


def build_model(properties: Any) -> Any:
    """Build the model of a point by its objectType; unknown fields are an error."""
    name = properties["objectType"]
    module = protection.models if name.startswith("AzureBackup") else backup.models
    model = getattr(module, name)(properties)
    assert set(model.keys()) <= {field._rest_name for field in model._attr_to_rest_field.values()}
    return model


def list_points(client: AzureBackupClient, ready: dict[str, Any], subscription: str) -> Iterator[Any]:
    vaults = connect(recovery.RecoveryServicesClient, client, ready, subscription)
    items = connect(backup.RecoveryServicesBackupClient, client, ready, subscription)
    for vault in vaults.vaults.list_by_subscription_id():
        assert vault.properties.redundancy_settings.standard_tier_storage_redundancy in (
            "GeoRedundant",
            "LocallyRedundant",
        )
        group = part(vault.id, "resourceGroups")
        for kind in BACKUP_TYPES:
            text = f"backupManagementType eq '{kind}'"
            for item in items.backup_protected_items.list(vault.name, group, filter=text):
                place = part(item.id, "protectionContainers"), part(item.id, "protectedItems")
                yield from items.recovery_points.list(vault.name, group, "Azure", *place)
    instances = connect(protection.DataProtectionMgmtClient, client, ready, subscription)
    for vault in instances.backup_vaults.get_in_subscription():
        group = part(vault.id, "resourceGroups")
        for instance in instances.backup_instances.list(group, vault.name):
            yield from instances.recovery_points.list(group, vault.name, instance.name)


@pytest.mark.parametrize("variant", [{}, {"databases": "sql", "log_ranges": True, "point_locks": False}])
def test_the_clients_of_the_sdk_read_every_point(
    azure_backup: AzureBackupClient, ready: dict[str, Any], variant: dict[str, Any]
) -> None:
    azure_backup.variant(**variant)
    points = [
        point for subscription in azure_backup.subscriptions for point in list_points(azure_backup, ready, subscription)
    ]
    # The clients themselves support only the base class of database points.
    models = [build_model(point.properties) for point in points]
    ranges = [model for model in models if "PointInTime" in type(model).__name__]
    expected = sum(len(azure_backup.get_points(work)) for work in azure_backup.works())
    assert len(models) - len(ranges) == expected > 300
    assert bool(ranges) is bool(variant)
    assert all(span.start_time < span.end_time for model in ranges for span in model.time_ranges)
    engine = "SQL" if variant else "SAPHana"
    assert {type(model).__name__ for model in models if model not in ranges} == {
        "IaasVMRecoveryPoint",
        "AzureFileShareRecoveryPoint",
        f"AzureWorkload{engine}RecoveryPoint",
        "GenericRecoveryPoint",
        "AzureBackupDiscreteRecoveryPoint",
    }
    for model in models:
        if model not in ranges:
            moment = getattr(model, "recovery_point_time", None) or model.recovery_point_time_in_utc
            assert moment.tzinfo is not None
