# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Azure appliance compared with its ground truth: lists, versions, sessions, errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulators.veeam_azure.points import azure_time
from tests.unit.simulators.client import VMS, AzureClient

POINT_LISTS = {
    "vm": ["restorePoints/virtualMachines"],
    "database": ["restorePoints/sql", "restorePoints/cosmosDb/repository", "restorePoints/cosmosDb/continuous"],
    "file_share": ["restorePoints/fileShares"],
    "virtual_network": ["restorePoints/vnets"],
}


def vm_id(azure: AzureClient, name: str) -> str:
    return str(azure.lists["workloads"][azure.workload(name)["key"]])


# Lists


def test_lists_match_the_ground_truth(azure: AzureClient) -> None:
    for work_type, lists in POINT_LISTS.items():
        seen = {row["id"]: row["pointInTime"] for path in lists for row in azure.all(path)}
        expected = {
            azure.lists["points"][point["key"]]: point["created_at"]
            for work in azure.works(work_type)
            for point in azure.get_points(work)
        }
        assert {number: moment[:23] for number, moment in seen.items()} == {
            number: moment[:23] for number, moment in expected.items()
        }
        assert expected


def test_points_of_one_vm(azure: AzureClient) -> None:
    """Two machines with the same name can be distinguished only by requesting each."""
    twins = [work for work in azure.works() if work["name"] == "dc-01"]
    found = [
        azure.all("restorePoints/virtualMachines", VirtualMachineId=azure.lists["workloads"][t["key"]]) for t in twins
    ]
    assert [{row["id"] for row in rows} for rows in found] == [
        {azure.lists["points"][point["key"]] for point in azure.get_points(twin)} for twin in twins
    ]
    assert azure.all("restorePoints/virtualMachines", VirtualMachineId="none") == []
    every = azure.all("restorePoints/virtualMachines")
    assert len(azure.all("restorePoints/virtualMachines", virtual_machine_id="none", Whatever=1)) == len(every)


def test_networks_are_distinguished_by_region(azure: AzureClient) -> None:
    rows = azure.all("restorePoints/vnets")
    assert len({row["subscriptionId"] for row in rows}) == 1
    assert {row["regionName"] for row in rows} == {"germanywestcentral", "northcentralus"}
    assert len(azure.all("protectedItem/vnet")) == 1


def test_points_are_not_ordered_by_time(azure: AzureClient) -> None:
    moments = [row["pointInTime"] for row in azure.all("restorePoints/virtualMachines")]
    assert moments not in (sorted(moments), sorted(moments, reverse=True))


def test_offset_and_limit(azure: AzureClient) -> None:
    every = azure.get(VMS, Limit=-1)["results"]
    page = azure.get(VMS, Offset=10, Limit=7)
    assert (page["offset"], page["limit"], page["totalCount"]) == (10, 7, len(every))
    assert page["results"] == every[10:17]
    assert len(azure.get(VMS)["results"]) == 200
    assert len(azure.get("/api/v2/restorePoints")["results"]) == 30
    assert azure.get(VMS, Offset=10_000)["results"] == []
    # Names are case-sensitive since v4, so these are unknown and ignored.
    assert azure.get(VMS, offset=10, limit=7)["limit"] == 200
    assert (
        azure.get("/api/v1/restorePoints", offset=10, limit=7)["results"]
        == azure.get("/api/v1/restorePoints", Offset=10, Limit=7)["results"]
    )
    azure.variant(case_sensitive=False)
    assert azure.get(VMS, offset=10, limit=7)["results"] == every[10:17]


@pytest.mark.parametrize("query", [{"Offset": "-1"}, {"Limit": "-2"}, {"Limit": "ten"}, {"OnlyLatest": "yes"}])
def test_malformed_query(azure: AzureClient, query: dict[str, str]) -> None:
    refused = azure.call("GET", VMS, params=query)
    assert refused.status_code == 400
    assert list(refused.json()["errors"]) == list(query)


def test_page_size_limit_and_unknown_total(azure: AzureClient) -> None:
    azure.variant(page_cap=25, total_count=False)
    for limit in (100, -1):
        page = azure.get(VMS, Limit=limit)
        assert (len(page["results"]), page["limit"], page["totalCount"]) == (25, 25, None)
    azure.variant(default_limit=3, page_cap=0)
    assert len(azure.get(VMS)["results"]) == 3


def test_filters(azure: AzureClient) -> None:
    path = "restorePoints/virtualMachines"
    every = azure.all(path)
    archived = azure.all(path, StorageAccessTier="Archive")
    assert archived == [row for row in every if row["accessTier"] == "Archive"] != []
    locked = azure.all(path, ImmutabilityEnabled="true")
    assert locked == [row for row in every if row["immutableTill"]] != []
    assert azure.all(path, PointInTime=every[5]["pointInTime"]) == [every[5]]
    assert len(azure.all(path, OnlyLatest="true")) == len(azure.all("protectedItem/virtualMachines"))
    assert azure.get(f"/api/v8.1/{path}/{every[5]['id']}") == every[5]
    assert azure.call("GET", f"/api/v8.1/{path}/00000000-0000-0000-0000-000000000000").status_code == 404


# Fields of points


def test_snapshots_and_corruption(azure: AzureClient) -> None:
    rows = azure.all("restorePoints/virtualMachines", VirtualMachineId=vm_id(azure, "edge-cache"))
    assert {(row["backupDestination"], row["state"], row["isCorrupted"], row["backupSizeBytes"]) for row in rows} == {
        ("Snapshot", "NotApplicable", None, 0)
    }
    mail = azure.all("restorePoints/virtualMachines", VirtualMachineId=vm_id(azure, "mail-01"))
    newest = max(mail, key=lambda row: str(row["pointInTime"]))
    assert [row for row in mail if row["isCorrupted"] or row["state"] == "Corrupted"] == [newest]


def test_generations_and_local_times(azure: AzureClient) -> None:
    flags = {row["gfsFlags"] for row in azure.all("restorePoints/virtualMachines")}
    assert {"None", "Daily", "Daily, Weekly", "Monthly"} <= flags
    chicago = [work for work in azure.works() if work["name"] == "dc-01"][1]
    number = azure.lists["workloads"][chicago["key"]]
    rows = azure.all("restorePoints/virtualMachines", VirtualMachineId=number)
    offsets = {row["pointInTimeLocalTime"][-6:] for row in rows}
    # Daylight saving time began on 8 March 2026, within the 30 nights.
    assert offsets == {"-06:00", "-05:00"}


def test_fractions_have_five_to_seven_digits(azure: AzureClient) -> None:
    fractions = {len(row["pointInTime"].partition(".")[2]) - 1 for row in azure.all("restorePoints/virtualMachines")}
    assert 7 in fractions
    assert fractions <= {4, 5, 6, 7}
    assert azure_time(1_580_734_959_357_730) == "2020-02-03T13:02:39.35773Z"
    assert azure_time(1_580_734_959_000_000) == "2020-02-03T13:02:39Z"


def test_repository_is_found_through_the_session(azure: AzureClient) -> None:
    """Follows jobSessionId, policy, schedule and repository to the true encryption, lock and location."""
    policies = {row["id"]: row for row in azure.all("policies/virtualMachines")}
    repositories = {row["id"]: row for row in azure.all("repositories")}
    for name in ("web-01", "erp-prod", "ledger-archive", "lab-3"):
        work = azure.workload(name)
        truth = {azure.lists["points"][point["key"]]: point for point in azure.get_points(work)}
        for row in azure.all("restorePoints/virtualMachines", VirtualMachineId=vm_id(azure, name)):
            session = azure.get(f"/api/v8.1/jobSessions/{row['jobSessionId']}")
            policy = policies[session["backupJobInfo"]["policyId"]]
            schedule = policy["monthlySchedule" if "Monthly" in row["gfsFlags"] else "dailySchedule"]["backupSchedule"]
            repository = repositories[schedule["targetRepositoryId"]]
            point = truth[row["id"]]
            assert repository["enableEncryption"] is point["encrypted"]
            assert repository["immutabilityEnabled"] is (row["immutableTill"] is not None) is point["immutable"]
            assert repository["regionName"] == row["regionName"]
            offsite = any(copy["offsite"] for copy in point["copies"])
            assert offsite is (row["regionName"] != "germanywestcentral")


# Versions


@pytest.mark.parametrize(
    ("version", "path", "status"),
    [
        ("v1", "restorePoints", 200),
        ("v3", "restorePoints/sql", 200),
        ("v2", "restorePoints/sql", 404),
        ("v3", "restorePoints/virtualMachines", 404),
        ("v4", "restorePoints/virtualMachines", 200),
        ("v5", "restorePoints", 404),
        ("v7", "restorePoints/cosmosDb/repository", 404),
        ("v8", "restorePoints/cosmosDb/repository", 200),
        ("v9", "restorePoints/virtualMachines", 404),
    ],
)
def test_paths_by_version(azure: AzureClient, version: str, path: str, status: int) -> None:
    response = azure.call("GET", f"/api/{version}/{path}")
    assert response.status_code == status
    if status == 200 and response.json()["results"]:
        assert f"/api/{version}/" in response.json()["results"][0]["_links"]["self"]["href"]


def test_fields_by_version(azure: AzureClient) -> None:
    def members(version: str) -> set[str]:
        path = "restorePoints" if version in ("v1", "v2", "v3") else "restorePoints/virtualMachines"
        return set(azure.get(f"/api/{version}/{path}", Limit=-1)["results"][0])

    first = {"id", "pointInTime", "backupSizeBytes", "backupDestination", "_embeddedResources", "_links"}
    assert members("v1") == first
    assert members("v2") == first | {"gfsFlags", "jobSessionId"}
    assert members("v3") - members("v2") == {"type", "dataRetrievalStatus", "usn"}
    assert {"immutableTill", "accessTier"} <= members("v5") - members("v3")
    assert {"vmName", "isCorrupted", "state", "regionName"} <= members("v6") - members("v5")
    assert {"pointInTimeLocalTime", "latestChainSizeBytes"} == members("v8") - members("v7")
    assert members("v8") == members("v8.1")


def test_version_one(azure: AzureClient) -> None:
    page = azure.get("/api/v1/restorePoints", VirtualMachineId="none", Limit=-1)
    assert len(page["results"]) == page["totalCount"] > 400
    session = page["results"][0]["_links"]["BackupJob"]["href"].rsplit("/", 1)[1]
    assert session.isdecimal()
    assert azure.get(f"/api/v1/jobSessions/{session}")["id"] == session
    azure.variant(sizes_as_text=True)
    assert isinstance(azure.get("/api/v1/restorePoints")["results"][0]["backupSizeBytes"], str)


def test_only_some_versions_served(azure: AzureClient) -> None:
    azure.variant(serves="v6,v5,v4")
    assert azure.call("GET", VMS).status_code == 404
    assert azure.get("/api/v6/system/about")["serverVersion"].startswith("6.0")
    assert azure.call("GET", "/api/v8.1/system/serviceIsUp").status_code == 404


# Workloads, policies, sessions


def test_protected_items_and_inventory(azure: AzureClient) -> None:
    vms = azure.works("vm")
    number = azure.lists["workloads"]
    protected = {row["id"] for row in azure.all("protectedItem/virtualMachines")}
    assert protected == {number[work["key"]] for work in vms if azure.get_points(work)}
    living = {row["id"] for row in azure.all("virtualMachines")}
    assert living == {number[work["key"]] for work in vms if work["in_inventory"]}
    unprotected = azure.all("virtualMachines", ProtectionStatus="Unprotected")
    assert [row["name"] for row in unprotected] == ["sandbox-7"]
    gone = azure.all("virtualMachines", ExistsState="OnlyDeleted")
    assert [(row["name"], row["isDeleted"]) for row in gone] == [("billing-2019", True)]
    assert len(azure.all("virtualMachines", ExistsState="All")) == len(vms)
    assert [row["name"] for row in azure.all("protectedItem/virtualMachines", SearchPattern="WEB-0")] == [
        "web-01",
        "web-02",
    ]
    one = azure.all("protectedItem/sql")[0]
    assert azure.get(f"/api/v8.1/protectedItem/sql/{one['id']}") == one
    assert azure.all("protectedItem/cosmosDb")[0]["protectionState"]["restorePointCount"] == 30


def test_sync_starts_a_scan(azure: AzureClient) -> None:
    response = azure.call("GET", "/api/v8.1/protectedItem/virtualMachines", params={"Sync": "true"})
    assert (response.status_code, "results" in response.json()) == (202, False)


def test_health_check_finds_the_corrupted_point(azure: AzureClient) -> None:
    sessions = azure.all("jobSessions", Types="HealthCheck")
    items = [item for session in sessions for item in azure.all(f"jobSessions/{session['id']}/checkedItems")]
    broken = {
        item["resource"]["name"]: item["corruptedRestorePoints"] for item in items if item["corruptedRestorePoints"]
    }
    assert broken == {"mail-01": 1}
    assert {session["status"] for session in sessions} == {"Success", "Error"}
    web = next(item for item in items if item["resource"]["name"] == "web-01")
    checked = sum(point["integrity_checked"] for point in azure.workload("web-01")["points"])
    assert web["totalRestorePoints"] == checked


def test_failed_nights_are_sessions(azure: AzureClient) -> None:
    failed = azure.all("jobSessions", Status="Error", Types="PolicyBackup")
    assert {row["backupJobInfo"]["policyName"] for row in failed} == {"Lab"}
    assert len(failed) == 15
    items = azure.all(f"jobSessions/{failed[0]['id']}/protectedItems")
    assert [(item["resource"]["name"], item["failureCount"]) for item in items] == [("lab-3", 1)]
    assert len(azure.all("jobSessions", ResourceId=vm_id(azure, "lab-3"))) == 30
    since = azure.all("jobSessions", FromUtc="2026-03-09T00:00:00Z")
    assert 0 < len(since) < len(azure.all("jobSessions"))
    azure.variant(session_days=2)
    assert len(azure.all("jobSessions")) < 60


def test_policy_items(azure: AzureClient) -> None:
    items = azure.all("policies/virtualMachines/protectedItems")
    assert vm_id(azure, "sandbox-7") not in {item["resourceId"] for item in items}
    one = azure.all(f"policies/virtualMachines/{items[0]['policyId']}/protectedItems")
    assert {item["policyId"] for item in one} == {items[0]["policyId"]}


# Variants of responses, and the server itself


def test_unknown_values(azure: AzureClient) -> None:
    azure.variant(unknown_enums=True)
    rows = azure.all("restorePoints/virtualMachines")
    strange = [row for row in rows if row["backupDestination"] == "Vault"]
    assert 0 < len(strange) < len(rows) / 3
    assert {row["state"] for row in strange} == {"Quarantined"}


@pytest.mark.parametrize(
    ("value", "kept"), [("some", {"id", "backupDestination", "pointInTime"}), ("times", {"id", "backupDestination"})]
)
def test_missing_fields(azure: AzureClient, value: str, kept: set[str]) -> None:
    azure.variant(missing_optional=value)
    rows = azure.all("restorePoints/virtualMachines")
    assert {frozenset(row) for row in rows} == {frozenset(kept), max((frozenset(row) for row in rows), key=len)}


def test_resource_hash(azure: AzureClient) -> None:
    query = {"VirtualMachineId": vm_id(azure, "web-01")}
    assert len({row["resourceHashId"] for row in azure.all("restorePoints/virtualMachines", **query)}) == 30
    azure.variant(resource_hash="vm")
    rows = azure.all("restorePoints/virtualMachines", **query)
    assert {row["resourceHashId"] for row in rows} == {vm_id(azure, "web-01")}


def test_error_bodies(azure: AzureClient) -> None:
    azure.headers = {"Authorization": "Bearer none"}
    problem: dict[str, Any] = azure.call("GET", VMS).json()
    assert set(problem) == {"type", "title", "status", "detail", "extensions"}
    azure.variant(error_body="message")
    assert set(azure.call("GET", VMS).json()) == {"message"}


def test_server_clock(azure: AzureClient) -> None:
    """The time of the environment is in March 2026, and so is the server's clock."""
    response = azure.call("GET", "/api/v8.1/system/time")
    assert response.json()["utcDateTime"].startswith("2026-03-10T12:")
    assert response.headers["Date"].startswith("Tue, 10 Mar 2026 12:")
    azure.variant(clock_skew=-3600)
    assert azure.get("/api/v8.1/system/status")["serverTime"].startswith("2026-03-10T11:")
    assert azure.get("/api/v8.1/system/about")["serverVersion"] == "8.1.0.203"
