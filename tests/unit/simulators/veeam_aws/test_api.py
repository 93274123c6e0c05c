# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated AWS appliance compared with its ground truth: lists, revisions, tokens, roles, errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulators.veeam_aws.client import FIRST, NEWEST, OLD_POINTS, POINTS, AwsClient

JOB_TYPES = {"full": "Backup", "incremental": "Backup", "snapshot": "Snapshot", "replica": "Replica"}


@pytest.fixture
def aws(ready: dict[str, Any]) -> AwsClient:
    api_client = AwsClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


# Restore points


@pytest.mark.parametrize(("revision", "path"), [(FIRST, OLD_POINTS), ("1.2-rev0", POINTS), (NEWEST, POINTS)])
def test_list_matches_the_ground_truth(aws: AwsClient, revision: str, path: str) -> None:
    aws.use_revision(revision)
    seen = {row["id"]: row for row in aws.all(path)}
    expected = {aws.lists["points"][point["key"]]: point for work in aws.works() for point in aws.get_points(work)}
    assert set(seen) == set(expected)
    assert {row["jobType"] for row in seen.values()} == {"Backup", "Snapshot", "Replica"}
    for number, row in seen.items():
        point = expected[number]
        assert row["pointInTime"] == point["created_at"][:23]
        assert row["backupSizeBytes"] == point["size_bytes"] == sum(v["backupSizeBytes"] for v in row["volumes"])
        assert row["jobType"] == JOB_TYPES[point["kind"]]
        assert not any("name" in member.lower() for member in row)


def test_points_of_one_instance(aws: AwsClient) -> None:
    """Points do not report their instance, so each instance is requested. An unknown one has no points."""
    for work in aws.works():
        rows = aws.all(POINTS, VirtualMachineId=aws.lists["workloads"][work["key"]])
        assert {row["id"] for row in rows} == {aws.lists["points"][point["key"]] for point in aws.get_points(work)}
    assert aws.all(POINTS, VirtualMachineId="00000000-0000-0000-0000-000000000000") == []
    latest = aws.all(POINTS, VirtualMachineId=aws.instance("web-01"), onlyLatest="True")
    assert [row["id"] for row in latest] == [aws.lists["points"][aws.workload("web-01")["points"][0]["key"]]]
    assert len(aws.all(POINTS, VirtualMachineId=aws.instance("web-01"), onlyLatest="False")) == 30


def test_region_shows_off_site_points(aws: AwsClient) -> None:
    home = {row["id"]: row["region"]["id"] for row in aws.all("virtualMachines")}
    for work in aws.works():
        number = aws.lists["workloads"][work["key"]]
        truth = {aws.lists["points"][point["key"]]: point for point in aws.get_points(work)}
        for row in aws.all(POINTS, VirtualMachineId=number):
            away = any(copy["offsite"] for copy in truth[row["id"]]["copies"])
            assert (row["regionId"] != home[number]) is away


def test_pages(aws: AwsClient) -> None:
    full_page = aws.page(POINTS, Limit=-1)
    assert full_page["totalCount"] == len(full_page["results"]) > 400
    page = aws.page(POINTS, Offset=10, Limit=7)
    assert page["results"] == full_page["results"][10:17]
    assert not {"offset", "limit"} & set(page)
    assert {link["rel"] for link in page["_links"]} == {"self"}
    assert len(aws.page(POINTS)["results"]) == 100
    assert aws.page(POINTS, Offset=10_000)["results"] == []
    moments = [row["pointInTime"] for row in full_page["results"]]
    assert moments not in (sorted(moments), sorted(moments, reverse=True))
    aws.variant(page_cap=5, total_count=False)
    capped = aws.page(POINTS, Limit=-1)
    assert (len(capped["results"]), capped["totalCount"]) == (5, None)


def test_names_of_parameters(aws: AwsClient) -> None:
    assert len(aws.page(POINTS, limit=3)["results"]) == 3
    aws.variant(case_sensitive=True)
    assert len(aws.page(POINTS, limit=3)["results"]) == 100


def test_sort(aws: AwsClient) -> None:
    rows = aws.page(POINTS, Sort="pointInTimeDesc", Limit=-1)["results"]
    assert [row["pointInTime"] for row in rows] == sorted((row["pointInTime"] for row in rows), reverse=True)
    pairs = [
        (row["jobType"], -row["backupSizeBytes"])
        for row in aws.page(POINTS, Sort="jobTypeAsc,backupSizeBytesDesc", Limit=-1)["results"]
    ]
    assert pairs == sorted(pairs)
    refused = aws.call("GET", f"/api/v1/{POINTS}", params={"Sort": "sizeDesc"})
    assert (refused.status_code, "sizeDesc" in refused.json()["details"]) == (400, True)


@pytest.mark.parametrize("query", [{"Offset": "-1"}, {"Limit": "-2"}, {"Limit": "ten"}, {"OnlyLatest": "yes"}])
def test_malformed_query(aws: AwsClient, query: dict[str, str]) -> None:
    refused = aws.call("GET", f"/api/v1/{POINTS}", params=query)
    assert refused.status_code == 400
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_variants_of_points(aws: AwsClient) -> None:
    aws.variant(unknown_enums=True, volume_keys=True, times="zoned")
    rows = aws.page(POINTS, Limit=-1)["results"]
    assert {row["jobType"] for row in rows} == {"Backup", "Snapshot", "Replica", "Archive"}
    assert all(volume["encryptionKey"] for row in rows for volume in row["volumes"])
    assert all(row["pointInTime"].endswith("Z") for row in rows)
    aws.variant(missing_optional="times")
    assert {"pointInTime" in row for row in aws.page(POINTS, Limit=-1)["results"]} == {True, False}


# Revisions


@pytest.mark.parametrize(
    ("revision", "problem"),
    [
        (None, "apiVersionUnspecified"),
        ("1.2", "invalidApiVersion"),
        ("9.0-rev0", "unsupportedApiVersion"),
        ("1.0-rev0, 1.2-rev0", "ambiguousApiVersion"),
    ],
)
def test_every_request_has_a_revision(aws: AwsClient, revision: str | None, problem: str) -> None:
    if revision is None:
        del aws.headers["x-api-version"]
    else:
        aws.use_revision(revision)
    login = aws.account()
    granted = aws.grant(grant_type="password", username=login["username"], password=login["password"])
    for response in (granted, aws.call("GET", f"/api/v1/{POINTS}")):
        assert response.status_code == 400
        assert response.json()["type"].endswith(f"/api/v1/problems/{problem}")


def test_lists_with_changed_paths(aws: AwsClient) -> None:
    for revision, here, gone in (("1.1-rev0", "{}", "virtualMachines/{}"), ("1.2-rev0", "virtualMachines/{}", "{}")):
        aws.use_revision(revision)
        policies = aws.page(here.format("policies"))["results"]
        assert aws.call("GET", f"/api/v1/{gone.format('policies')}").status_code == 404
        assert aws.page(f"{here.format('policies')}/{policies[0]['id']}") == policies[0]
    assert aws.call("GET", f"/api/v1/{OLD_POINTS}").status_code == 404
    first = aws.page(POINTS, Limit=1)["results"][0]
    assert aws.page(f"{POINTS}/{first['id']}") == first
    aws.use_revision(FIRST)
    assert aws.call("GET", f"/api/v1/{POINTS}").status_code == 404


def test_served_revisions(aws: AwsClient) -> None:
    assert aws.page("system/version")["version"] == "10.0.0.232"
    aws.variant(serves="1.0-rev0,1.2-rev0")
    assert aws.call("GET", "/api/v1/system/version").status_code == 400
    aws.use_revision("1.2-rev0")
    assert aws.page("system/version")["version"] == "4.0.0.232"


def test_instances(aws: AwsClient) -> None:
    rows = {row["id"]: row for row in aws.all("virtualMachines")}
    works = {aws.lists["workloads"][work["key"]]: work for work in aws.works()}
    assert set(rows) == set(works)
    for number, row in rows.items():
        assert (row["name"], row["isDeleted"]) == (works[number]["name"], not works[number]["in_inventory"])
        assert row["backupState"] == ("Protected" if aws.get_points(works[number]) else "Unprotected")
    unprotected = {row["name"] for row in aws.all("virtualMachines", ProtectedByPolicy="Unprotected")}
    assert unprotected == {"sandbox-7", "billing-2019"}
    assert {row["name"] for row in aws.all("virtualMachines", BackupState="Unprotected")} == {"sandbox-7"}
    assert len(aws.all("virtualMachines", SearchPattern="DC-01")) == 2
    aws.use_revision(FIRST)
    old = aws.all("virtualMachines", ProtectionStatus="Protected")
    assert len(old) == len(works) - 2
    assert {"region", "backupState"}.isdisjoint(old[0])
    only = aws.all("virtualMachines", BackupState="OnlyNotBackedUp")
    assert [(row["name"], row["backupDestinations"]) for row in only] == [("sandbox-7", [])]
    assert aws.call("GET", "/api/v1/virtualMachines?BackupState=Unprotected").status_code == 400


def test_repositories_and_policies(aws: AwsClient) -> None:
    repositories = {row["id"]: row for row in aws.all("repositories")}
    assert {row["enableEncryption"] for row in repositories.values()} == {True, False}
    assert {row["immutabilitySettings"]["enabled"] for row in repositories.values()} == {True, False}
    policies = {row["name"]: row for row in aws.all("virtualMachines/policies")}
    assert "Snapshots" in policies
    assert "backupSettings" not in policies["Snapshots"]
    vault = repositories[policies["Platinum"]["backupSettings"]["targetRepositoryId"]]
    assert (vault["enableEncryption"], vault["immutabilitySettings"]["enabled"]) == (True, True)
    of_mail = aws.all("virtualMachines/policies", VirtualMachineId=aws.instance("mail-01"))
    assert [row["name"] for row in of_mail] == ["Mail"]
    aws.use_revision("1.3-rev0")
    assert not any("immutabilitySettings" in row for row in aws.all("repositories"))


def test_sessions(aws: AwsClient) -> None:
    rows = aws.all("sessions")
    assert {row["status"] for row in rows} == {"Succeeded", "Failed", "Running"}
    starts = [row["executionStartTime"] for row in rows]
    assert starts == sorted(starts, reverse=True)
    running = [row for row in rows if row["status"] == "Running"]
    assert not any("executionStopTime" in row for row in running)
    assert aws.all("sessions", Status="Running") == running
    mine = aws.all("sessions", VmId=aws.instance("web-01"))
    items = aws.all(f"sessions/{mine[0]['id']}/protectedItems")
    assert "web-01" in {item["name"] for item in items}
    day = aws.all("sessions", FromUtc="2026-03-09T00:00:00", ToUtc="2026-03-09T23:59:59")
    assert {row["executionStartTime"][:10] for row in day} == {"2026-03-09"}
    aws.variant(session_days=5)
    assert len(aws.all("sessions")) < len(rows)


# Tokens, roles, errors


def test_tokens(aws: AwsClient) -> None:
    tokens = aws.log_in()
    assert (tokens["token_type"], tokens["expires_in"], tokens["mfa_enabled"]) == ("bearer", 3600, False)
    aws.control("reset", {})
    assert aws.call("GET", "/api/v1/system/time").json()["errorCode"] == "ExpiredToken"
    tokens = aws.log_in()
    renewed = aws.grant(grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert renewed["access_token"] != tokens["access_token"]
    assert aws.call("GET", "/api/v1/system/time").status_code == 401
    aws.headers["Authorization"] = f"Bearer {renewed['access_token']}"
    assert aws.page("system/time")["utcDateTime"].startswith("2026-03-10T12:")
    assert aws.control("sessions") == {"open": 1}
    assert aws.call("DELETE", "/api/v1/token").status_code == 204
    assert aws.control("sessions") == {"open": 0}


def test_token_expires(aws: AwsClient) -> None:
    aws.variant(token_calls=2)
    assert [aws.call("GET", "/api/v1/system/time").status_code for _ignored in range(3)] == [200, 200, 401]


def test_second_step(aws: AwsClient) -> None:
    challenge = aws.log_in("mfa")
    assert (challenge["mfa_enabled"], "access_token" in challenge) == (True, False)
    account = aws.account("mfa")
    granted = aws.grant(grant_type="mfa", mfa_token=challenge["mfa_token"], mfa_code=account["mfa_code"])
    assert granted.json()["access_token"]


@pytest.mark.parametrize("grant", [{}, {"grant_type": "Password"}, {"grant_type": "client_credentials"}])
def test_grants_are_in_lower_case(aws: AwsClient, grant: dict[str, str]) -> None:
    login = aws.account()
    refused = aws.grant(username=login["username"], password=login["password"], **grant)
    assert (refused.status_code, "grant_type" in refused.json()["details"]) == (400, True)


@pytest.mark.parametrize("status", [401, 400])
def test_wrong_password(aws: AwsClient, status: int) -> None:
    aws.variant(login_failure=status)
    refused = aws.grant(grant_type="password", username="audit@example", password="wrong")
    assert (refused.status_code, refused.json()["errorCode"]) == (status, "AccessDenied")
    assert aws.call("POST", "/api/v1/token", json={"grant_type": "password"}).status_code in (400, 415)


@pytest.mark.parametrize(
    ("account", "allowed", "forbidden"),
    [
        ("operator", ["virtualMachines", "repositories", POINTS], ["system/version"]),
        ("restore_operator", [POINTS, "virtualMachines/policies", "sessions"], ["virtualMachines", "repositories"]),
    ],
)
def test_roles(aws: AwsClient, account: str, allowed: list[str], forbidden: list[str]) -> None:
    aws.log_in(account)
    for path in allowed:
        assert aws.call("GET", f"/api/v1/{path}").status_code == 200, path
    for path in forbidden:
        refused = aws.call("GET", f"/api/v1/{path}")
        assert (refused.status_code, refused.json()["errorCode"]) == (403, "AccessDenied"), path


def test_license(aws: AwsClient) -> None:
    aws.variant(license_accepted=False)
    refused = aws.call("GET", f"/api/v1/{POINTS}")
    assert refused.status_code == 403
    kind = refused.json()["type"]
    assert kind.endswith("licenseAgreementsIsNotAccepted")
    page = aws.call("GET", kind[kind.index("/api/") :], headers={"Authorization": "", "x-api-version": ""})
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")


def test_nonexistent_objects(aws: AwsClient) -> None:
    for path in (f"{POINTS}/none", "repositories/none", "sessions/none", "rds/restorePoints", "problems/none"):
        response = aws.call("GET", f"/api/v1/{path}")
        assert (response.status_code, response.json()["errorCode"]) == (404, "NotFound"), path
    first = aws.page(POINTS, Limit=1)["results"][0]
    restore = next(link for link in first["_links"] if link["method"] == "POST")
    assert aws.call("POST", restore["href"][restore["href"].index("/api/") :]).status_code == 404
    refused = aws.call("DELETE", f"/api/v1/{POINTS}")
    assert (refused.status_code, refused.json()["errorCode"]) == (405, "MethodNotAllowed")
