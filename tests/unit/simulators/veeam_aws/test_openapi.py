# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of the simulated AWS appliance in its first revision conform to tests/schemas."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.schemas.loader import Schema, load
from tests.unit.simulators.client import check_wrong_member
from tests.unit.simulators.veeam_aws.client import FIRST, AwsClient

POINTS = "/api/v1/vmRestorePoints"
LISTS = {
    "virtualMachines": "virtualMachineId",
    "repositories": "repositoryId",
    "policies": "policyId",
    "sessions": "sessionId",
    "vmRestorePoints": "vmRestorePointId",
}


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load("veeam_aws", "1.0-rev0")


@pytest.fixture
def aws(ready: dict[str, Any]) -> AwsClient:
    api_client = AwsClient(ready)
    api_client.control("reset", {})
    api_client.use_revision(FIRST)
    api_client.log_in()
    # The schema requires times with a zone. The vendor's published example omits it.
    api_client.variant(times="zoned")
    return api_client


@pytest.mark.parametrize("name", LISTS)
def test_lists_and_single_items(schema: Schema, aws: AwsClient, name: str) -> None:
    page = aws.page(name, Limit=-1)
    assert page["results"]
    # Lists of this API have no duplicates.
    assert len({row["id"] for row in page["results"]}) == len(page["results"])
    assert schema.problems("GET", f"/api/v1/{name}", 200, page) == []
    item = aws.page(f"{name}/{page['results'][0]['id']}")
    assert item == page["results"][0]
    assert schema.problems("GET", f"/api/v1/{name}/{{{LISTS[name]}}}", 200, item) == []


def test_items_of_sessions(schema: Schema, aws: AwsClient) -> None:
    path = "/api/v1/sessions/{backupSessionId}/protectedItems"
    for session in aws.all("sessions")[:20]:
        page = aws.page(f"sessions/{session['id']}/protectedItems")
        assert schema.problems("GET", path, 200, page) == []


@pytest.mark.parametrize("path", ["system/version", "system/time", "statistics/summary"])
def test_system(schema: Schema, aws: AwsClient, path: str) -> None:
    assert schema.problems("GET", f"/api/v1/{path}", 200, aws.page(path)) == []


def test_tokens(schema: Schema, aws: AwsClient) -> None:
    for account in ("main", "mfa"):
        assert schema.problems("POST", "/api/v1/token", 200, aws.log_in(account)) == []


def test_errors(schema: Schema, aws: AwsClient) -> None:
    def check(method: str, path: str, status: int, response: requests.Response) -> None:
        assert schema.problems(method, path, status, response.json()) == []
        assert response.json()["status"] == response.status_code == status

    check("GET", POINTS, 400, aws.call("GET", POINTS, params={"Limit": "ten"}))
    unknown = aws.call("GET", f"{POINTS}/00000000-0000-0000-0000-000000000000")
    check("GET", POINTS + "/{vmRestorePointId}", 404, unknown)
    wrong = aws.grant(grant_type="password", username="nobody", password="wrong")
    check("POST", "/api/v1/token", 401, wrong)
    aws.log_in("operator")
    check("GET", "/api/v1/system/version", 403, aws.call("GET", "/api/v1/system/version"))
    aws.headers["Authorization"] = "Bearer none"
    check("GET", POINTS, 401, aws.call("GET", POINTS))
    aws.use_revision("9.9-rev9")
    check("GET", POINTS, 400, aws.call("GET", POINTS))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("backupSizeBytes", "45097156608"),
        ("pointInTime", "2026-03-10T12:00:00.000"),
        ("pointInTime", "2026-13-10T00:00:00Z"),
        ("id", "not a uuid"),
        ("jobType", "Archive"),
        ("volumes", None),
        ("vmName", "a member that the schema does not have"),
    ],
)
def test_the_check_finds_errors(schema: Schema, aws: AwsClient, member: str, value: object) -> None:
    check_wrong_member(schema, POINTS, aws.get(POINTS, Limit=2), (member, value), required=("backupId", "totalCount"))


def test_variants_that_violate_the_schema(schema: Schema, aws: AwsClient) -> None:
    for variant in ({"unknown_enums": True}, {"missing_optional": "times"}, {"total_count": False}, {"times": "bare"}):
        aws.variant(**variant)
        assert schema.problems("GET", POINTS, 200, aws.get(POINTS, Limit=-1)), variant
        aws.control("reset", {})
        aws.log_in()
        aws.variant(times="zoned")
