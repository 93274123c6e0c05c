# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other requests of scripts: the values match the environment, in the vendor's format."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.schemas.loader import Schema, load
from tests.unit.simulators.veeam_aws.client import AwsClient

OLDEST = "1.0-rev0"


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load("veeam_aws", OLDEST)


@pytest.fixture
def aws(ready: dict[str, Any]) -> AwsClient:
    """Return a client of the first revision. Times have a zone as in the specification."""
    client = AwsClient(ready)
    client.control("reset", {})
    client.use_revision(OLDEST)
    client.log_in()
    client.variant(times="zoned")
    return client


def read(schema: Schema, aws: AwsClient, path: str, template: str = "", **query: Any) -> Any:
    """Return a response, after checking it with the schema."""
    document = aws.page(path, **query)
    assert schema.problems("GET", f"/api/v1/{template or path}", 200, document) == []
    return document


def protected(aws: AwsClient) -> dict[str, dict[str, Any]]:
    return {str(aws.lists["workloads"][work["key"]]): work for work in aws.works("vm") if aws.get_points(work)}


def test_license(schema: Schema, aws: AwsClient) -> None:
    assert read(schema, aws, "licensing/license")["instancesUses"] == len(protected(aws)) > 10
    found = read(schema, aws, "licensing/licensedWorkloads", Limit=-1)
    latest = {
        ident: max(point["created_at"] for point in aws.get_points(work))[:19] for ident, work in protected(aws).items()
    }
    assert {row["id"]: row["lastBackupTime"][:19] for row in found["results"]} == latest
    aws.log_in("operator")
    assert aws.call("GET", "/api/v1/licensing/license").status_code == 403


def test_retention_of_sessions(schema: Schema, aws: AwsClient) -> None:
    assert read(schema, aws, "settings/retentionSettings")["keepAllSessions"] is True
    aws.variant(session_days=3)
    kept = read(schema, aws, "settings/retentionSettings")["sessionsRetention"]
    assert kept == {"timeRetentionDuration": 3, "retentionDurationType": "Daily"}


def test_logs_of_sessions(schema: Schema, aws: AwsClient) -> None:
    """As in the email report of a public client: failed sessions, then the lines of each."""
    (failed, *_others) = aws.all("sessions", Types="Policy", Status="Failed")
    found = read(schema, aws, f"sessions/{failed['id']}/log", "sessions/{sessionId}/log")
    assert found["sessionId"] == failed["id"]
    assert Counter((line["message"], line["status"]) for line in found["log"]) == {("Processing lab-3", "Error"): 1}
    items = aws.all(f"sessions/{failed['id']}/protectedItems")
    assert [f"Processing {item['name']}" for item in items] == [line["message"] for line in found["log"]]


def test_policies_of_an_instance(aws: AwsClient) -> None:
    """A public client requests the policies of one machine that it has found by name."""
    aws.use_revision("1.8-rev0")
    (machine,) = aws.all("virtualMachines", SearchPattern="web-01")
    (policy,) = aws.all("virtualMachines/policies", VirtualMachineId=machine["id"])
    assert {point["job"] for point in aws.workload("web-01")["points"]} == {policy["name"]}


@pytest.mark.parametrize("status", [400, 404, 422])
def test_paths_of_other_revisions(aws: AwsClient, status: int) -> None:
    aws.variant(unknown_path=status)
    assert aws.call("GET", "/api/v1/virtualMachines/restorePoints").status_code == status
    aws.use_revision("1.1-rev0")
    assert aws.call("GET", "/api/v1/virtualMachines/restorePoints").status_code == status
    assert aws.call("GET", "/api/v1/vmRestorePoints").status_code == 200
    aws.use_revision("1.5-rev1")
    assert aws.call("GET", "/api/v1/virtualMachines/restorePoints").status_code == 200
    assert aws.call("GET", "/api/v1/vmRestorePoints").status_code == status


def test_regions_and_zones(aws: AwsClient) -> None:
    """The location is the region in 1.0, and a zone in later revisions."""
    (old,) = aws.all("virtualMachines", SearchPattern="web-01")
    aws.use_revision("1.8-rev0")
    (new,) = aws.all("virtualMachines", SearchPattern="web-01")
    assert old["location"] == new["region"] == {"id": new["region"]["id"], "name": "eu-central-1"}
    assert new["location"]["name"] == "eu-central-1a"
    aws.variant(regions="names")
    (new,) = aws.all("virtualMachines", SearchPattern="web-01")
    assert new["region"] == {"name": "eu-central-1"}
