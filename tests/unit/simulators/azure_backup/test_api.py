# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Azure compared with its ground truth: tokens, permissions, versions, pages, items, points."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulators.azure_backup.accounts import FEDERATED_TOKEN
from tests.unit.simulators.azure_backup.client import PERMISSIONS, RSV, AzureBackupClient


@pytest.fixture
def azure_backup(ready: dict[str, Any]) -> AzureBackupClient:
    api_client = AzureBackupClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


# Login


def test_a_token_is_valid_for_an_hour(azure_backup: AzureBackupClient) -> None:
    token = azure_backup.log_in()
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3599)
    entry = azure_backup.entry
    assert (entry["client_id"], entry["client_secret"]) == (entry["username"], entry["password"])
    assert azure_backup.control("sessions") == {"open": 0}


@pytest.mark.parametrize(
    ("changed", "status", "number"),
    [
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_id": "00000000-0000-0000-0000-00000000000f"}, 400, 700016),
        ({"tenant": "elsewhere.example"}, 400, 90002),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, 70011),
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, 401, 700213),
    ],
)
def test_a_rejected_login_has_an_error_number(
    azure_backup: AzureBackupClient, changed: dict[str, str], status: int, number: int
) -> None:
    entry = azure_backup.entry
    form = {"client_id": entry["client_id"], "client_secret": entry["client_secret"], **changed}
    response = azure_backup.request_token(**form)
    assert response.status_code == status
    assert response.json()["error_codes"] == [number]
    assert response.json()["error_description"].startswith(f"AADSTS{number}: ")


def test_a_federated_token_replaces_the_secret(azure_backup: AzureBackupClient) -> None:
    form = {
        "client_id": azure_backup.entry["client_id"],
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": FEDERATED_TOKEN,
    }
    assert azure_backup.request_token(**form).status_code == 200


def test_a_missing_and_an_expired_token_have_different_codes(azure_backup: AzureBackupClient) -> None:
    path = f"/subscriptions/{azure_backup.subscriptions[0]}"
    azure_backup.control("faults", [{"match": {"path": path, "nth": 1}, "fault": "expire_session"}])
    query = {"api-version": "2022-12-01"}
    assert azure_backup.refusal(path, **query) == (401, "ExpiredAuthenticationToken")
    azure_backup.headers = {"Authorization": "Bearer of-somebody-else"}
    assert azure_backup.refusal(path, **query) == (401, "InvalidAuthenticationToken")


# Versions and permissions


def test_every_request_needs_a_known_version(azure_backup: AzureBackupClient) -> None:
    path = f"/subscriptions/{azure_backup.subscriptions[0]}/providers/Microsoft.RecoveryServices/vaults"
    assert azure_backup.refusal(path) == (400, "MissingApiVersionParameter")
    assert azure_backup.refusal(path, **{"api-version": "1999-01-01"}) == (400, "NoRegisteredProviderFound")
    assert azure_backup.list_all(path.upper().replace("SUBSCRIPTIONS", "Subscriptions"), RSV)


@pytest.mark.parametrize(
    ("account", "vaults", "permissions"),
    [("main", 7, 1), ("one_vault", 1, 0), ("some_vaults", 7, 1), ("nothing", 0, 0)],
)
def test_lists_omit_objects_without_permission(
    azure_backup: AzureBackupClient, account: str, vaults: int, permissions: int
) -> None:
    azure_backup.log_in(account)
    found = azure_backup.vaults()
    assert len(found) == (len({row["id"] for row in found}) if vaults else 0)
    assert bool(found) is bool(vaults)
    path = f"/subscriptions/{azure_backup.subscriptions[0]}/providers/Microsoft.Authorization/permissions"
    assert len(azure_backup.list_all(path, PERMISSIONS)) == permissions


def test_access_to_some_content_is_denied(azure_backup: AzureBackupClient) -> None:
    vault = next(row for row in azure_backup.vaults() if row["name"] == "rsv-2")
    azure_backup.log_in("some_vaults")
    query = {"api-version": RSV, "$filter": "backupManagementType eq 'AzureIaasVM'"}
    assert azure_backup.refusal(f"{vault['id']}/backupProtectedItems", **query) == (403, "AuthorizationFailed")
    azure_backup.log_in("no_rights_shown")
    path = f"/subscriptions/{azure_backup.subscriptions[0]}/providers/Microsoft.Authorization/permissions"
    assert azure_backup.refusal(path, **{"api-version": PERMISSIONS}) == (403, "AuthorizationFailed")


def test_unknown_names_are_not_found(azure_backup: AzureBackupClient) -> None:
    query = {"api-version": RSV}
    subscription = azure_backup.subscriptions[0]
    vaults = "providers/Microsoft.RecoveryServices/vaults"
    unknown = f"/subscriptions/00000000-0000-0000-0000-000000000000/{vaults}"
    assert azure_backup.refusal(unknown, **query) == (404, "SubscriptionNotFound")
    group = f"/subscriptions/{subscription}/resourceGroups/elsewhere/{vaults}"
    assert azure_backup.refusal(group, **query) == (404, "ResourceGroupNotFound")
    vault = f"/subscriptions/{subscription}/resourceGroups/rg-backup/{vaults}/elsewhere/backupProtectedItems"
    assert azure_backup.refusal(vault, **query) == (404, "ResourceNotFound")


# Items and points


def test_a_list_without_a_filter_omits_kinds(azure_backup: AzureBackupClient) -> None:
    found = [
        row["properties"]["backupManagementType"]
        for vault in azure_backup.vaults()
        for row in azure_backup.list_all(f"{vault['id']}/backupProtectedItems", RSV)
    ]
    assert set(found) == {"AzureIaasVM"}
    kinds = {name: len(azure_backup.items(name)) for name in ("AzureIaasVM", "AzureStorage", "AzureWorkload", "MAB")}
    assert kinds["AzureIaasVM"] == len(found)
    assert all(kinds.values())


def test_points_match_the_ground_truth(azure_backup: AzureBackupClient) -> None:
    kinds = ("AzureIaasVM", "AzureStorage", "AzureWorkload", "MAB")
    items = [*(row for kind in kinds for row in azure_backup.items(kind)), *azure_backup.instances()]
    expected = sum(len(azure_backup.get_points(work)) for work in azure_backup.works())
    assert sum(len(azure_backup.points(item)) for item in items) == expected > 300


def test_an_item_has_its_number_of_points_on_request(azure_backup: AzureBackupClient) -> None:
    item = next(row for row in azure_backup.items() if row["properties"]["friendlyName"] == "web-01")
    assert item["properties"]["extendedInfo"] is None
    query = {"api-version": RSV, "$filter": "expand eq 'extendedinfo'"}
    count = azure_backup.get(item["id"], **query)["properties"]["extendedInfo"]["recoveryPointCount"]
    assert count == len(azure_backup.points(item)) == len(azure_backup.get_points(azure_backup.workload("web-01")))


def test_ids_can_have_the_form_of_the_examples(azure_backup: AzureBackupClient) -> None:
    plain = azure_backup.items()[0]["id"]
    azure_backup.variant(ids="vendor")
    assert azure_backup.items()[0]["id"] == plain.replace("/backupFabrics/Azure", "").replace("/subs", "/Subs")


def test_only_the_snapshot_tier_means_a_snapshot(azure_backup: AzureBackupClient) -> None:
    item = next(row for row in azure_backup.items() if row["properties"]["friendlyName"] == "edge-cache")
    tiers = [point["properties"]["recoveryPointTierDetails"] for point in azure_backup.points(item)]
    assert tiers == [[{"type": "InstantRP", "status": "Valid"}]] * len(tiers)
    assert tiers
