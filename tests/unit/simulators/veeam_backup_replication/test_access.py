# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login to the simulated Backup & Replication server, and its supported revisions."""

from __future__ import annotations

import re

import pytest

from tests.unit.simulators.veeam_backup_replication.client import OLD_POINTS, POINTS, VbrClient

# Login


def test_tokens(vbr: VbrClient) -> None:
    tokens = vbr.log_in()
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 900)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+\d\d:\d\d", tokens[".issued"])
    renewed = vbr.grant(grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert vbr.grant(grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 401
    assert vbr.expect_error(401, POINTS)["errorCode"] == "InvalidToken"


def test_logout_ends_both_tokens(vbr: VbrClient) -> None:
    tokens = vbr.log_in()
    before = vbr.control("sessions")["open"]
    assert vbr.call("POST", "/api/oauth2/logout").status_code == 200
    assert vbr.control("sessions")["open"] == before - 1
    assert vbr.call("GET", POINTS).status_code == 401
    assert vbr.grant(grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 401


def test_rejected_logins(vbr: VbrClient) -> None:
    login = vbr.account()
    wrong = vbr.grant(grant_type="password", username=login["username"], password="x")
    assert wrong.status_code == 401
    assert wrong.json() == {
        "errorCode": "AccessDenied",
        "message": "Unable to perform authorization: The provided user credentials are invalid.",
        "title": "Unable to perform authorization: The provided user credentials are invalid.",
        "status": 401,
    }
    # The value in the newest specification. A server accepted the lowercase one.
    assert vbr.grant(grant_type="Password", username=login["username"], password=login["password"]).status_code == 400
    as_json = {"grant_type": "password", "username": login["username"], "password": login["password"]}
    assert vbr.call("POST", "/api/oauth2/token", json=as_json).status_code in (400, 415)
    for name, status in (("mfa", 401), ("no_role", 403)):
        account = vbr.account(name)
        response = vbr.grant(grant_type="password", username=account["username"], password=account["password"])
        assert response.status_code == status
    assert vbr.control("sessions")["open"] == 1


def test_new_token_rejected_once(vbr: VbrClient) -> None:
    vbr.variant(fresh_refused=True)
    vbr.log_in()
    assert vbr.call("GET", POINTS).status_code == 401
    assert vbr.call("GET", POINTS).status_code == 200


def test_token_expires_during_a_listing(vbr: VbrClient) -> None:
    vbr.variant(token_calls=2)
    tokens = vbr.log_in()
    assert [vbr.call("GET", POINTS).status_code for _unused in range(3)] == [200, 200, 401]
    renewed = vbr.grant(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    vbr.headers["Authorization"] = f"Bearer {renewed.json()['access_token']}"
    assert vbr.call("GET", POINTS).status_code == 200


@pytest.mark.parametrize(
    ("account", "denied"),
    [
        ("viewer", {"serverInfo", "replicas", "replicaPoints", "jobs"}),
        ("restore_operator", {"serverInfo", "jobs"}),
        ("main", set()),
    ],
)
def test_roles(vbr: VbrClient, account: str, denied: set[str]) -> None:
    paths = ["serverInfo", "replicas", "replicaPoints", "jobs", "restorePoints", "backups", "malwareDetection/events"]
    paths += ["jobs/states", "backupInfrastructure/repositories", "taskSessions"]
    vbr.log_in(account)
    assert {path for path in paths if vbr.call("GET", f"/api/v1/{path}").status_code == 403} == denied
    vbr.use_revision("1.2-rev1")
    events = vbr.call("GET", "/api/v1/malwareDetection/events").status_code
    assert events == (200 if account == "main" else 403)


def test_viewer_without_repositories(vbr: VbrClient) -> None:
    vbr.variant(viewer_repositories=False)
    vbr.log_in("viewer")
    assert vbr.expect_error(403, "/api/v1/backupInfrastructure/repositories")["errorCode"] == "AccessDenied"


# Revisions


def test_wrong_revision_of_a_new_server(vbr: VbrClient) -> None:
    vbr.use_revision("9.9-rev9")
    error = vbr.expect_error(400, "/api/oauth2/token", "POST", data={"grant_type": "password"})
    assert (error["errorCode"], error["status"]) == ("NotImplemented", 400)
    assert "does not support the API version '9.9-rev9'" in error["message"]
    del vbr.headers["x-api-version"]
    assert vbr.call("GET", POINTS).status_code == 400
    vbr.variant(version_header="optional")
    assert vbr.call("GET", POINTS).status_code == 200


@pytest.mark.parametrize(
    ("release", "newest", "oldest"),
    [("12.0", "1.1-rev0", "1.0-rev1"), ("12.3.1", "1.2-rev1", "1.0-rev1"), ("13.1", "1.3-rev2", "1.1-rev0")],
)
def test_releases(vbr: VbrClient, release: str, newest: str, oldest: str) -> None:
    vbr.variant(release=release)
    script = vbr.call("GET", "/swagger/index.js", headers={"Authorization": ""}).text
    names = re.findall(r"V(\d\.\d-REV\d)", script)
    assert (names[0].lower(), names[-1].lower()) == (newest, oldest)
    assert vbr.call("GET", f"/swagger/v{newest}/swagger.json").json()["info"]["version"] == newest
    vbr.use_revision(newest)
    vbr.log_in()
    assert vbr.all("backups")
    vbr.use_revision("9.9-rev9")
    error = vbr.expect_error(400, POINTS)
    if release == "13.1":
        assert error["title"] == error["message"]
    else:
        assert error["errorCode"] == "BadRequest"
        assert error["message"].endswith(f"v{newest}")
        assert "title" not in error


def test_version_11_has_no_points(vbr: VbrClient) -> None:
    vbr.variant(release="11")
    response = vbr.call("GET", POINTS)
    assert response.status_code == 400
    assert response.text == "Bad request: Unsupported RESTAPI version. The following versions are supported: v1.0-rev1."
    vbr.use_revision("1.0-rev1")
    vbr.log_in()
    assert vbr.call("GET", OLD_POINTS).status_code == 404


@pytest.mark.parametrize("renamed", ["1.2-rev0", "1.1-rev1"])
def test_points_were_renamed(vbr: VbrClient, renamed: str) -> None:
    vbr.variant(release="13.1", renamed_in=renamed)
    for revision in ("1.1-rev0", "1.1-rev1", "1.2-rev0", "1.3-rev2"):
        vbr.use_revision(revision)
        new, old = vbr.call("GET", POINTS).status_code, vbr.call("GET", OLD_POINTS).status_code
        assert (new, old) == ((200, 404) if revision >= renamed else (404, 200))


@pytest.mark.parametrize(
    ("revision", "members"),
    [
        ("1.1-rev0", set[str]()),
        ("1.2-rev1", {"type", "sessionId", "malwareStatus", "backupFileId"}),
        ("1.3-rev1", {"type", "sessionId", "malwareStatus", "backupFileId", "guestOsFamily", "originalSize"}),
    ],
)
def test_fields_were_added(vbr: VbrClient, revision: str, members: set[str]) -> None:
    vbr.use_revision(revision)
    row = vbr.get(OLD_POINTS if revision == "1.1-rev0" else POINTS, platformNameFilter="VMware")["data"][0]
    always = {"id", "name", "platformName", "platformId", "creationTime", "backupId", "allowedOperations"}
    assert set(row) == always | members


def test_values_were_renamed(vbr: VbrClient) -> None:
    def platforms(path: str) -> set[str]:
        return {row["platformName"] for row in vbr.all(path)}

    new = {"VMware", "HyperV", "CloudDirector", "AWSEC2", "MongoDb", "UnstructuredData", "WindowsPhysical"}
    assert platforms("restorePoints") == new | {"LinuxPhysical"}
    assert {row["type"] for row in vbr.all("replicas")} == {"Snapshot", "CDP"}
    assert {row["status"] for row in vbr.all("jobs/states")} == {"Running", "Inactive"}
    vbr.use_revision("1.2-rev1")
    assert platforms("restorePoints") == new - {"AWSEC2", "MongoDb"} | {"LinuxPhysical", "CustomPlatform"}
    assert {row["type"] for row in vbr.all("replicas")} == {"Regular", "CDP"}
    assert {row["status"] for row in vbr.all("jobs/states")} == {"running", "inactive"}
    types = {row["type"] for row in vbr.all("backupInfrastructure/repositories")}
    assert "DDBoost" in types
    assert "DellDataDomain" not in types
    vbr.use_revision("1.1-rev0")
    assert {"Vcd", "NasBackup"} <= platforms("objectRestorePoints")
