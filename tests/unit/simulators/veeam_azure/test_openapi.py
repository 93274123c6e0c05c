# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of the simulated Azure appliance in v8.1 conform to tests/schemas."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schemas.loader import Schema, load
from tests.unit.simulators.client import AzureClient, check_wrong_member

LISTS = [
    "restorePoints/virtualMachines",
    "restorePoints/sql",
    "restorePoints/fileShares",
    "restorePoints/cosmosDb/repository",
    "restorePoints/cosmosDb/continuous",
    "restorePoints/vnets",
    "protectedItem/virtualMachines",
    "protectedItem/sql",
    "protectedItem/fileShares",
    "protectedItem/cosmosDb",
    "protectedItem/vnet",
    "virtualMachines",
    "databases",
    "fileShares",
    "cosmosDb",
    "policies/virtualMachines",
    "policies/sql",
    "policies/fileShares",
    "policies/cosmosDb",
    "policies/virtualMachines/protectedItems",
    "policies/sql/protectedItems",
    "policies/fileShares/protectedItems",
    "policies/cosmosDb/protectedItems",
    "repositories",
    "jobSessions",
    "configurationBackup/restorePoints",
]
POINT = "/api/v8.1/restorePoints/virtualMachines"


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load("veeam_azure", "8.1")


@pytest.mark.parametrize("path", LISTS)
def test_lists(schema: Schema, azure: AzureClient, path: str) -> None:
    page = azure.get(f"/api/v8.1/{path}", Limit=-1)
    assert page["results"]
    assert schema.problems("GET", f"/api/v8.1/{path}", 200, page) == []


@pytest.mark.parametrize("what", ["about", "serverInfo", "status", "time"])
def test_system(schema: Schema, azure: AzureClient, what: str) -> None:
    path = f"/api/v8.1/system/{what}"
    assert schema.problems("GET", path, 200, azure.get(path)) == []


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("restorePoints/virtualMachines", "restorePointId"),
        ("restorePoints/sql", "restorePointId"),
        ("restorePoints/fileShares", "restorePointId"),
        ("restorePoints/cosmosDb/repository", "restorePointId"),
        ("protectedItem/virtualMachines", "id"),
        ("protectedItem/sql", "databaseId"),
        ("virtualMachines", "id"),
        ("policies/virtualMachines", "policyId"),
        ("repositories", "repositoryId"),
        ("jobSessions", "sessionId"),
    ],
)
def test_single_items(schema: Schema, azure: AzureClient, path: str, parameter: str) -> None:
    first = azure.get(f"/api/v8.1/{path}", Limit=1)["results"][0]
    response = azure.get(f"/api/v8.1/{path}/{first['id']}")
    assert response == first
    assert schema.problems("GET", f"/api/v8.1/{path}/{{{parameter}}}", 200, response) == []


def test_items_of_sessions(schema: Schema, azure: AzureClient) -> None:
    for kind, what, parameter in [
        ("HealthCheck", "checkedItems", "healthCheckJobSessionId"),
        ("PolicyBackup", "protectedItems", "backupJobSessionId"),
    ]:
        for session in azure.all("jobSessions", Types=kind)[:20]:
            page = azure.get(f"/api/v8.1/jobSessions/{session['id']}/{what}")
            assert schema.problems("GET", f"/api/v8.1/jobSessions/{{{parameter}}}/{what}", 200, page) == []


def test_tokens(schema: Schema, azure: AzureClient) -> None:
    for account in ("main", "mfa"):
        assert schema.problems("POST", "/api/oauth2/token", 200, azure.log_in(account)) == []


def test_scan(schema: Schema, azure: AzureClient) -> None:
    path = "/api/v8.1/protectedItem/virtualMachines"
    response = azure.call("GET", path, params={"Sync": "true"})
    document = azure_operation(schema)
    assert schema.problems("GET", document, 200, response.json()) == []


def azure_operation(schema: Schema) -> str:
    """The status 202 does not have a schema, but the operation in its response has one."""
    path = "/api/v8.1/operations/{operationId}"
    assert ("GET", path) in schema.operations
    return path


@pytest.mark.parametrize(
    ("status", "request_of"),
    [
        (400, ("GET", POINT, {"params": {"Limit": "ten"}})),
        (401, ("GET", POINT, {"headers": {"Authorization": "Bearer none"}})),
    ],
)
def test_errors(schema: Schema, azure: AzureClient, status: int, request_of: tuple[str, str, Any]) -> None:
    method, path, more = request_of
    response = azure.call(method, path, **more)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    assert schema.problems(method, path, status, response.json()) == []


def test_errors_of_grants_roles_and_ids(schema: Schema, azure: AzureClient) -> None:
    wrong = azure.grant(username="nobody", password="wrong")
    assert schema.problems("POST", "/api/oauth2/token", 401, wrong.json()) == []
    missing = azure.grant(username="nobody")
    assert schema.problems("POST", "/api/oauth2/token", 400, missing.json()) == []
    unknown = azure.call("GET", f"{POINT}/00000000-0000-0000-0000-000000000000")
    assert schema.problems("GET", POINT + "/{restorePointId}", 404, unknown.json()) == []
    azure.log_in("read_only")
    refused = azure.call("GET", "/api/v8.1/virtualMachines")
    assert schema.problems("GET", "/api/v8.1/virtualMachines", 403, refused.json()) == []


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("backupSizeBytes", "136367309312"),
        ("pointInTime", "2026-03-10"),
        ("pointInTime", "2026-13-10T00:00:00Z"),
        ("id", "not a uuid"),
        ("isCorrupted", "false"),
        ("state", "Quarantined"),
        ("vmName", None),
        ("backupDestination", None),
        ("virtualMachineId", "a member that the schema does not have"),
    ],
)
def test_the_check_finds_errors(schema: Schema, azure: AzureClient, member: str, value: object) -> None:
    check_wrong_member(schema, POINT, azure.get(POINT, Limit=2), (member, value), required=("id", "limit"))


def test_variants_that_violate_the_schema(schema: Schema, azure: AzureClient) -> None:
    azure.variant(unknown_enums=True)
    assert schema.problems("GET", POINT, 200, azure.get(POINT, Limit=-1))
    azure.variant(unknown_enums=False, missing_optional="times", total_count=False)
    assert schema.problems("GET", POINT, 200, azure.get(POINT, Limit=-1)) == []
