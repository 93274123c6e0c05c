# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login to the simulated Enterprise Manager, access of roles, and the format of errors."""

from __future__ import annotations

import base64
import http.client
import ssl
import time
from urllib.parse import urlsplit

import pytest
import xmltodict

from tests.unit.simulators.veeam_enterprise_manager.client import HEADER, EmClient

POINTS = "/api/vmRestorePoints"


def test_probe_needs_no_session(em: EmClient) -> None:
    em.headers.clear()
    document = em.xml("")["EnterpriseManager"]
    names = [version["@Name"] for version in document["SupportedVersions"]["SupportedVersion"]]
    assert names == ["v1_5", "v1_6", "v1_7"]
    document = em.json("")["SupportedVersions"]["SupportedVersions"]
    assert [version["Name"] for version in document] == names
    assert document[0]["Links"][0]["Href"].endswith("/api/sessionMngr/?v=v1_5")


def test_login_and_logout(em: EmClient) -> None:
    response = em.log_on()
    assert response.status_code == 201
    session = xmltodict.parse(response.content)["LogonSession"]
    ident = session["SessionId"]
    assert base64.b64decode(response.headers[HEADER]).decode() == ident
    assert response.headers["Set-Cookie"].startswith(f"{HEADER}={response.headers[HEADER]};")
    (delete,) = [item["@Href"] for item in session["Links"]["Link"] if item["@Rel"] == "Delete"]
    assert delete.endswith(f"/api/logonSessions/{ident}")
    before = em.control("sessions")["open"]
    gone = em.call("DELETE", f"/api/logonSessions/{ident}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert em.control("sessions")["open"] == before - 1
    assert em.call("GET", POINTS).status_code == 401


def test_the_first_session_of_the_list_is_another_one(em: EmClient) -> None:
    mine = base64.b64decode(em.headers[HEADER]).decode()
    sessions = em.json("logonSessions")["LogonSessions"]
    assert sessions[0]["SessionId"] != mine
    assert mine in [session["SessionId"] for session in sessions]
    before = em.control("sessions")["open"]
    assert em.call("DELETE", f"/api/logonSessions/{sessions[0]['SessionId']}").status_code == 204
    assert em.control("sessions")["open"] == before


def test_rejected_logins(em: EmClient) -> None:
    login = em.account()
    right = (login["username"].encode(), login["password"].encode())
    del em.headers[HEADER]
    for auth in (None, (login["username"].encode(), b"x")):
        response = em.call("POST", "/api/sessionMngr/?v=latest", auth=auth)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Basic Realm=RestSvc"
    assert em.call("POST", "/api/sessionMngr/?v=v0_9", auth=right).status_code == 400
    assert em.call("POST", "/api/sessionMngr/", auth=right).status_code == 400
    assert em.call("GET", POINTS, auth=right).status_code == 401


def test_a_post_without_content_length_is_rejected(em: EmClient) -> None:
    where = urlsplit(em.entry["url"]).netloc
    connection = http.client.HTTPSConnection(where, context=ssl._create_unverified_context())  # noqa: S323
    connection.putrequest("POST", "/api/sessionMngr/?v=latest")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


def test_a_cookie_overrides_the_header(em: EmClient) -> None:
    """Even an expired cookie takes precedence."""
    stale = em.headers[HEADER]
    em.log_on()
    assert em.call("GET", POINTS).status_code == 200
    em.call("DELETE", f"/api/logonSessions/{base64.b64decode(stale).decode()}")
    assert em.call("GET", POINTS).status_code == 200
    assert em.call("GET", POINTS, headers={"Cookie": f"{HEADER}={stale}"}).status_code == 401
    good = em.headers.pop(HEADER)
    assert em.call("GET", POINTS, headers={"Cookie": f"{HEADER}={good}"}).status_code == 200


def test_sessions_expire(em: EmClient) -> None:
    em.variant(session_calls=2)
    em.log_on()
    assert [em.call("GET", POINTS).status_code for _unused in range(3)] == [200, 200, 401]
    em.variant(session_calls=0, idle_seconds=0)
    em.log_on()
    time.sleep(0.02)
    assert em.call("GET", POINTS).status_code == 401


def test_restore_operator_sees_only_a_scope(em: EmClient) -> None:
    em.log_on("restore_operator")
    names = {row["VmDisplayName"] for row in em.pages("VmRestorePoint", "VmRestorePoints")}
    gold = {work["name"] for work in em.works("vm") if work["points"][0]["job"] == "Gold"}
    assert names == gold
    assert {"web-01", "vapp-shop"} <= names
    for path in ("backupServers", "repositories", "backupFiles", "cloud/tenants", "hierarchyRoots"):
        assert em.call("GET", f"/api/{path}").status_code == 403, path
    assert em.call("GET", "/api/query?type=Repository").status_code == 403
    outside = next(point for work, point, _ident in em.listed() if work["name"] == "mail-01")
    ident = em.lists["points"][outside["key"]]
    assert em.call("GET", f"{POINTS}/{ident}").status_code == 404


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_tenants_see_only_their_objects(em: EmClient, tenant: str) -> None:
    em.log_on_as_tenant(tenant)
    rows = em.json("cloud/vmReplicaPoints")["Refs"]
    mine = {ident for work, _point, ident in em.listed() if work["tenant"] == tenant}
    assert {row["UID"].rpartition(":")[2] for row in rows} == mine
    assert mine
    (service,) = em.xml("cloud").values()
    assert {item["@Href"].rpartition("/api/")[2] for item in service["Links"]["Link"]} == {
        "cloud/vmReplicaPoints",
        "cloud/replicas",
    }
    for path in ("vmRestorePoints", "cloud/tenants", "query?type=VmRestorePoint"):
        assert em.call("GET", f"/api/{path}").status_code == 403, path


def test_organizations_can_log_in(em: EmClient) -> None:
    em.log_on_as_tenant("acme", "VCloudOrganizationCredentials", "Login")
    assert em.json("cloud/replicas")["Refs"]


def test_rejected_tenants(em: EmClient) -> None:
    headers = {"Content-Type": "application/xml"}
    spec = (
        "<LoginSpec><TenantCredentials><Username>acme</Username><Password>x</Password></TenantCredentials></LoginSpec>"
    )
    for body, status in ((spec, 401), ("<LoginSpec/>", 400), ("<LoginSpec>", 400)):
        response = em.call("POST", "/api/sessionMngr/?v=latest", data=body, headers=headers)
        assert response.status_code == status, body
    plain = em.call("POST", "/api/sessionMngr/?v=latest", data=spec, headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415
    # A tenant cannot log in with Basic authentication.
    login = em.account("acme")
    basic = (login["username"].encode(), login["password"].encode())
    assert em.call("POST", "/api/sessionMngr/?v=latest", auth=basic).status_code == 401


def test_error_bodies(em: EmClient) -> None:
    path = "/api/vmRestorePoints/none"
    error = xmltodict.parse(em.call("GET", path).content)["Error"]
    assert error["@StatusCode"] == "404"
    document = em.call("GET", path, headers={"Accept": "application/json"})
    assert document.content.startswith(b"\xef\xbb\xbf{")
    em.variant(error_body="text")
    assert em.call("GET", path).headers["Content-Type"].startswith("text/plain")
    em.variant(error_body="empty")
    assert em.call("GET", path).content == b""


def test_paths_and_methods(em: EmClient) -> None:
    assert em.call("GET", "/api/nothing").status_code == 404
    assert em.call("GET", "/api/vmRestorePoints/none").status_code == 404
    assert em.call("DELETE", POINTS).status_code == 405
    assert em.call("PUT", f"{POINTS}/x").status_code == 405


def test_actions_require_post(em: EmClient) -> None:
    ident = next(iter(em.lists["copies"].values())).popitem()[1]
    assert em.call("GET", f"{POINTS}/{ident}?action=restore").status_code == 405
    assert em.call("POST", f"{POINTS}/{ident}").status_code == 405
    started = em.call("POST", f"{POINTS}/{ident}?action=restore")
    assert started.status_code == 202
    assert xmltodict.parse(started.content)["Task"]["Operation"] == "restore"


def test_points_appear_after_collection(em: EmClient) -> None:
    def points() -> set[str]:
        return {row["UID"] for row in em.json("vmRestorePoints")["Refs"]}

    everything = points()
    em.variant(lag_minutes=24 * 60)
    late = points()
    assert late < everything
    server = em.json("backupServers")["Refs"][0]["UID"].rpartition(":")[2]
    assert em.call("GET", f"/api/backupServers/{server}?action=collect").status_code == 405
    assert points() == late
    assert em.call("POST", f"/api/backupServers/{server}?action=collect").status_code == 202
    assert points() == everything
