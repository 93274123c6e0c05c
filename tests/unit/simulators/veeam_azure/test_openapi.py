# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of the simulated Azure appliance in v8.1 conform to the vendor's OpenAPI file."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.simulators.client import SHARED, AzureClient
from tests.unit.simulators.openapi_schema import Specification

_FILE = SHARED / "veeam_cloud" / "specs" / "vbazure_rest_v8.1_trimmed.json"
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
def specification() -> Specification:
    if not _FILE.exists():
        pytest.skip("the vendor's OpenAPI file is not at hand")
    return Specification(_FILE)


@pytest.mark.parametrize("path", LISTS)
def test_lists(specification: Specification, azure: AzureClient, path: str) -> None:
    page = azure.get(f"/api/v8.1/{path}", Limit=-1)
    assert page["results"]
    assert specification.problems("GET", f"/api/v8.1/{path}", 200, page) == []


@pytest.mark.parametrize("what", ["about", "serverInfo", "status", "time"])
def test_system(specification: Specification, azure: AzureClient, what: str) -> None:
    path = f"/api/v8.1/system/{what}"
    assert specification.problems("GET", path, 200, azure.get(path)) == []


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
def test_single_items(specification: Specification, azure: AzureClient, path: str, parameter: str) -> None:
    first = azure.get(f"/api/v8.1/{path}", Limit=1)["results"][0]
    response = azure.get(f"/api/v8.1/{path}/{first['id']}")
    assert response == first
    assert specification.problems("GET", f"/api/v8.1/{path}/{{{parameter}}}", 200, response) == []


def test_items_of_sessions(specification: Specification, azure: AzureClient) -> None:
    for kind, what, parameter in [
        ("HealthCheck", "checkedItems", "healthCheckJobSessionId"),
        ("PolicyBackup", "protectedItems", "backupJobSessionId"),
    ]:
        for session in azure.all("jobSessions", Types=kind)[:20]:
            page = azure.get(f"/api/v8.1/jobSessions/{session['id']}/{what}")
            assert specification.problems("GET", f"/api/v8.1/jobSessions/{{{parameter}}}/{what}", 200, page) == []


def test_tokens(specification: Specification, azure: AzureClient) -> None:
    for account in ("main", "mfa"):
        assert specification.problems("POST", "/api/oauth2/token", 200, azure.log_in(account)) == []


def test_scan(specification: Specification, azure: AzureClient) -> None:
    path = "/api/v8.1/protectedItem/virtualMachines"
    response = azure.call("GET", path, params={"Sync": "true"})
    document = azure_operation(specification)
    assert specification.problems("GET", document, 200, response.json()) == []


def azure_operation(specification: Specification) -> str:
    """202 does not have a schema in the file; the operation that it names has one."""
    path = "/api/v8.1/operations/{operationId}"
    assert path in specification.paths
    return path


@pytest.mark.parametrize(
    ("status", "request_of"),
    [
        (400, ("GET", POINT, {"params": {"Limit": "ten"}})),
        (401, ("GET", POINT, {"headers": {"Authorization": "Bearer none"}})),
    ],
)
def test_errors(
    specification: Specification, azure: AzureClient, status: int, request_of: tuple[str, str, Any]
) -> None:
    method, path, more = request_of
    response = azure.call(method, path, **more)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    assert specification.problems(method, path, status, response.json()) == []


def test_errors_of_grants_roles_and_ids(specification: Specification, azure: AzureClient) -> None:
    wrong = azure.grant(username="nobody", password="wrong")
    assert specification.problems("POST", "/api/oauth2/token", 401, wrong.json()) == []
    missing = azure.grant(username="nobody")
    assert specification.problems("POST", "/api/oauth2/token", 400, missing.json()) == []
    unknown = azure.call("GET", f"{POINT}/00000000-0000-0000-0000-000000000000")
    assert specification.problems("GET", POINT + "/{restorePointId}", 404, unknown.json()) == []
    azure.log_in("read_only")
    refused = azure.call("GET", "/api/v8.1/virtualMachines")
    assert specification.problems("GET", "/api/v8.1/virtualMachines", 403, refused.json()) == []


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
        ("virtualMachineId", "a member that the specification does not have"),
    ],
)
def test_the_check_bites(specification: Specification, azure: AzureClient, member: str, value: object) -> None:
    page = azure.get(POINT, Limit=2)
    wrong = copy.deepcopy(page)
    wrong["results"][1][member] = value
    assert specification.problems("GET", POINT, 200, page) == []
    found = specification.problems("GET", POINT, 200, wrong)
    assert found
    assert all("results[1]" in problem for problem in found)
    del wrong["results"][1]["id"], wrong["limit"]
    assert len(specification.problems("GET", POINT, 200, wrong)) >= 2


def test_variants_break_the_specification_on_purpose(specification: Specification, azure: AzureClient) -> None:
    azure.variant(unknown_enums=True)
    assert specification.problems("GET", POINT, 200, azure.get(POINT, Limit=-1))
    azure.variant(unknown_enums=False, missing_optional="times", total_count=False)
    assert specification.problems("GET", POINT, 200, azure.get(POINT, Limit=-1)) == []
