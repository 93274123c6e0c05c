# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other requests of monitoring: the values match the environment, in the vendor's format."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.schemas.loader import Schema, load
from tests.unit.simulators.client import AzureClient

ROOT = "/api/v8.1"
SLA = "policy/slaBased/virtualMachines/slaReport"
INSTANCES = "policy/slaBased/slaInstances"
ALL_BACKUPS = {
    "SlaComplianceStatusFilter": "All",
    "dateFrom": "2020-01-01T00:00:00Z",
    "dateTo": "2030-01-01T00:00:00Z",
    "ScheduleType": "Backup",
}
PLATFORMS = {"sql": "Managed Database", "mongo": "Cosmos DB MongoDB"}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load("veeam_azure", "8.1")


def read(schema: Schema, azure: AzureClient, path: str, template: str = "", **query: Any) -> Any:
    """Return a response, after checking it with the schema."""
    document = azure.get(f"{ROOT}/{path}", **query)
    assert schema.problems("GET", f"{ROOT}/{template or path}", 200, document) == []
    return document


def protected(azure: AzureClient, *types: str) -> list[dict[str, Any]]:
    return [work for kind in types for work in azure.works(kind) if azure.get_points(work)]


def machines(azure: AzureClient, policy: str) -> list[dict[str, Any]]:
    """Return the protected machines of a policy."""
    return [
        work
        for work in azure.works("vm")
        if work["protected"] and {point["job"] for point in work["points"]} == {policy}
    ]


def test_license(schema: Schema, azure: AzureClient) -> None:
    found = read(schema, azure, "license")
    databases = Counter(work["platform_hint"] for work in protected(azure, "database"))
    assert found["vmsInstancesUses"] == len(protected(azure, "vm")) > 10
    assert (found["sqlInstancesUses"], found["cosmosDbInstancesUses"]) == (databases["sql"], databases["mongo"])
    assert found["fileShareInstancesUses"] == len(protected(azure, "file_share")) > 0
    assert found["totalInstancesUses"] == len(protected(azure, "vm", "database", "file_share"))


def test_licensed_resources(schema: Schema, azure: AzureClient) -> None:
    found = read(schema, azure, "license/resources", Limit=-1)
    assert {row["id"]: row["name"] for row in found["results"]} == {
        azure.lists["workloads"][work["key"]]: work["name"] for work in protected(azure, "vm", "database", "file_share")
    }
    latest = {
        azure.lists["workloads"][work["key"]]: max(point["created_at"] for point in azure.get_points(work))[:19]
        for work in protected(azure, "vm")
    }
    machines = {row["id"]: row["lastBackupTime"][:19] for row in found["results"] if row["id"] in latest}
    assert machines == latest
    assert len(read(schema, azure, "license/resources", Limit=2, Offset=1)["results"]) == 2


def test_retention_of_sessions(schema: Schema, azure: AzureClient) -> None:
    kept = read(schema, azure, "settings/retention")["sessionsSettings"]
    assert kept == {"duration": None, "type": None, "keepForever": True}
    azure.variant(session_days=2)
    kept = read(schema, azure, "settings/retention")["sessionsSettings"]
    assert kept == {"duration": 2, "type": "Days", "keepForever": False}


def test_protected_workloads(schema: Schema, azure: AzureClient) -> None:
    """A public client does not send PeriodFlag."""
    found = read(schema, azure, "overview/protectedWorkloads")
    assert found == read(schema, azure, "overview/protectedWorkloads", PeriodFlag="Day")
    existing = [work for work in azure.works("vm") if work["in_inventory"]]
    assert found["virtualMachinesTotalCount"] == len(existing) == len(azure.all("virtualMachines"))
    unprotected = [work["name"] for work in existing if not azure.get_points(work)]
    assert unprotected == ["sandbox-7"]
    assert found["virtualMachinesProtectedCount"] == len(existing) - 1


def test_statistics(schema: Schema, azure: AzureClient) -> None:
    """Statistics contain points by type, for the last day and in total."""
    found = read(schema, azure, "overview/statistics", PeriodFlag="Day")
    works = protected(azure, "vm", "database", "file_share")
    points = [point for work in works for point in azure.get_points(work)]
    kinds = Counter(point["kind"] for point in points)
    assert found["snapshotsTotalCount"] == kinds["snapshot"]
    assert found["backupsTotalCount"] == kinds["full"] + kinds["incremental"]
    assert found["archivesTotalCount"] == kinds["archive"] > 0
    recent = [point for point in points if point["created_at"] >= "2026-03-09T12:00" and point["kind"] == "snapshot"]
    assert found["snapshotsCount"] == len(recent) > 0
    assert azure.call("GET", f"{ROOT}/overview/statistics").status_code == 400


def test_sla_report(schema: Schema, azure: AzureClient) -> None:
    """One policy has failed every other night. The others met their target or do not run."""
    rows = {row["name"]: row for row in read(schema, azure, SLA, Limit=-1)["results"]}
    assert set(rows) == {row["name"] for row in azure.all("policies/virtualMachines")}
    (lab,) = [work for work in azure.works("vm") if work["name"] == "lab-3"]
    states = Counter(point["status"] for point in lab["points"])
    assert rows["Lab"]["backupSlaReport"]["status"] == "MissedSla"
    expected = 100 * (states["success"] + states["warning"]) / len(lab["points"])
    assert rows["Lab"]["backupSlaReport"]["achievedSlaPercent"] == pytest.approx(expected)
    assert rows["Lab"]["archiveSlaReport"] == {"status": "NotExecuted", "achievedSlaPercent": None}
    assert rows["Gold"]["backupSlaReport"] == {"status": "MetSla", "achievedSlaPercent": 100}
    assert [row["name"] for row in read(schema, azure, SLA, PolicyName="Gold")["results"]] == ["Gold"]


def test_sla_of_machines(schema: Schema, azure: AzureClient) -> None:
    rows = {row["name"]: row["id"] for row in azure.all("policies/virtualMachines")}
    template = INSTANCES + "/{policyId}"
    gold = read(schema, azure, f"{INSTANCES}/{rows['Gold']}", template, **ALL_BACKUPS)
    assert {row["instanceName"] for row in gold["items"]} == {work["name"] for work in machines(azure, "Gold")}
    assert gold["statistic"] == {"metTargetSla": len(gold["items"]), "missedTargetSla": 0, "removed": 0}
    lab = read(schema, azure, f"{INSTANCES}/{rows['Lab']}", template, **ALL_BACKUPS)
    (one,) = lab["items"]
    assert (one["instanceName"], one["planned"], one["missed"]) == ("lab-3", 30, 15)
    missed = {**ALL_BACKUPS, "SlaComplianceStatusFilter": "MetSla"}
    assert read(schema, azure, f"{INSTANCES}/{rows['Lab']}", template, **missed)["items"] == []
    for name in ALL_BACKUPS:
        query = {key: value for key, value in ALL_BACKUPS.items() if key != name}
        assert azure.call("GET", f"{ROOT}/{INSTANCES}/{rows['Lab']}", params=query).status_code == 400


def test_logs_of_sessions(schema: Schema, azure: AzureClient) -> None:
    session = azure.all("jobSessions", Types="PolicyBackup")[0]
    found = read(schema, azure, f"jobSessions/{session['id']}/log", "jobSessions/{sessionId}/log")
    items = azure.all(f"jobSessions/{session['id']}/protectedItems")
    assert found["jobSessionId"] == session["id"]
    assert sorted(line["message"] for line in found["log"]) == sorted(
        f"Processing {item['resource']['name']}" for item in items
    )


def test_repositories_of_checked_items(azure: AzureClient) -> None:
    """Each item has the repository that contains the checked points."""
    repositories = {row["id"]: row for row in azure.all("repositories")}
    for session in azure.all("jobSessions", Types="HealthCheck"):
        for item in azure.all(f"jobSessions/{session['id']}/checkedItems"):
            assert item["repository"] == repositories[item["repository"]["id"]]
            assert item["repository"]["storageTier"] != "Archive"
    azure.variant(checked_repository=False)
    session = azure.all("jobSessions", Types="HealthCheck")[0]
    assert "repository" not in azure.all(f"jobSessions/{session['id']}/checkedItems")[0]


def test_variants(azure: AzureClient) -> None:
    """If the behavior of the product is uncertain, the simulator offers both variants."""
    path = "restorePoints/virtualMachines"
    before = {row["id"]: row for row in azure.all(path)}
    azure.variant(region_names="display", region_ids="own", corruption="counted")
    names = {(before[row["id"]]["regionName"], row["regionName"]) for row in azure.all(path)}
    assert ("westeurope", "West Europe") in names
    assert {row["isCorrupted"] for row in azure.all(path)} == {False, None}
    (machine,) = [row for row in azure.all("protectedItem/virtualMachines") if row["name"] == "web-01"]
    assert machine["region"]["id"] not in {row["regionId"] for row in before.values()}
    azure.variant(missing_ids="repositories", words="lists")
    missing = [row["id"] is None for row in azure.all("repositories")]
    assert missing == [number % 3 == 0 for number in range(len(missing))]
    old = azure.get("/api/v3/restorePoints", Limit=-1)["results"]
    assert {tuple(row["backupDestination"]) for row in old} == {("AzureBlob",), ("Snapshot",)}
