# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of the simulated AWS appliance in its first revision conform to the vendor's Swagger file."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.simulators.client import SHARED
from tests.unit.simulators.swagger_schema import Swagger
from tests.unit.simulators.veeam_aws.client import FIRST, AwsClient

_FILE = SHARED / "veeam_cloud" / "specs" / "vbaws_swagger_2021_trimmed.yaml"
POINTS = "/api/v1/vmRestorePoints"
LISTS = {
    "virtualMachines": "virtualMachineId",
    "repositories": "repositoryId",
    "policies": "policyId",
    "sessions": "sessionId",
    "vmRestorePoints": "vmRestorePointId",
}


@pytest.fixture(scope="session")
def specification() -> Swagger:
    if not _FILE.exists():
        pytest.skip("the vendor's Swagger file is not at hand")
    return Swagger(_FILE)


@pytest.fixture
def aws(ready: dict[str, Any]) -> AwsClient:
    api_client = AwsClient(ready)
    api_client.control("reset", {})
    api_client.use_revision(FIRST)
    api_client.log_in()
    # the file requires times with a zone; the vendor's printed example omits it
    api_client.variant(times="zoned")
    return api_client


@pytest.mark.parametrize("name", LISTS)
def test_lists_and_single_items(specification: Swagger, aws: AwsClient, name: str) -> None:
    page = aws.page(name, Limit=-1)
    assert page["results"]
    assert specification.problems("GET", f"/api/v1/{name}", 200, page) == []
    item = aws.page(f"{name}/{page['results'][0]['id']}")
    assert item == page["results"][0]
    assert specification.problems("GET", f"/api/v1/{name}/{{{LISTS[name]}}}", 200, item) == []


def test_items_of_sessions(specification: Swagger, aws: AwsClient) -> None:
    path = "/api/v1/sessions/{backupSessionId}/protectedItems"
    for session in aws.all("sessions")[:20]:
        page = aws.page(f"sessions/{session['id']}/protectedItems")
        assert specification.problems("GET", path, 200, page) == []


@pytest.mark.parametrize("path", ["system/version", "system/time", "statistics/summary"])
def test_system(specification: Swagger, aws: AwsClient, path: str) -> None:
    assert specification.problems("GET", f"/api/v1/{path}", 200, aws.page(path)) == []


def test_tokens(specification: Swagger, aws: AwsClient) -> None:
    for account in ("main", "mfa"):
        assert specification.problems("POST", "/api/v1/token", 200, aws.log_in(account)) == []


def test_errors(specification: Swagger, aws: AwsClient) -> None:
    malformed = aws.call("GET", POINTS, params={"Limit": "ten"})
    assert specification.problems("GET", POINTS, 400, malformed.json()) == []
    unknown = aws.call("GET", f"{POINTS}/00000000-0000-0000-0000-000000000000")
    assert specification.problems("GET", POINTS + "/{vmRestorePointId}", 404, unknown.json()) == []
    wrong = aws.grant(grant_type="password", username="nobody", password="wrong")
    assert specification.problems("POST", "/api/v1/token", 401, wrong.json()) == []
    aws.log_in("operator")
    refused = aws.call("GET", "/api/v1/system/version")
    assert specification.problems("GET", "/api/v1/system/version", 403, refused.json()) == []
    aws.headers["Authorization"] = "Bearer none"
    expired = aws.call("GET", POINTS)
    assert specification.problems("GET", POINTS, 401, expired.json()) == []
    aws.use_revision("9.9-rev9")
    version = aws.call("GET", POINTS)
    assert specification.problems("GET", POINTS, 400, version.json()) == []


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("backupSizeBytes", "45097156608"),
        ("pointInTime", "2026-03-10T12:00:00.000"),
        ("pointInTime", "2026-13-10T00:00:00Z"),
        ("id", "not a uuid"),
        ("jobType", "Archive"),
        ("volumes", None),
        ("vmName", "a member that the specification does not have"),
    ],
)
def test_the_check_bites(specification: Swagger, aws: AwsClient, member: str, value: object) -> None:
    page = aws.get(POINTS, Limit=2)
    wrong = copy.deepcopy(page)
    wrong["results"][1][member] = value
    assert specification.problems("GET", POINTS, 200, page) == []
    found = specification.problems("GET", POINTS, 200, wrong)
    assert found
    assert all("results[1]" in problem for problem in found)
    del wrong["results"][1]["backupId"], wrong["totalCount"]
    assert len(specification.problems("GET", POINTS, 200, wrong)) >= 2


def test_variants_break_the_specification_on_purpose(specification: Swagger, aws: AwsClient) -> None:
    for variant in ({"unknown_enums": True}, {"missing_optional": "times"}, {"total_count": False}, {"times": "bare"}):
        aws.variant(**variant)
        assert specification.problems("GET", POINTS, 200, aws.get(POINTS, Limit=-1)), variant
        aws.control("reset", {})
        aws.log_in()
        aws.variant(times="zoned")
