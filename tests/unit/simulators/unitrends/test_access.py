# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Unitrends manager compared with its ground truth: sessions, roles, errors, and deletion."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.simulators.unitrends.client import UnitrendsClient, own_backups


@pytest.fixture
def unitrends(ready: dict[str, Any]) -> UnitrendsClient:
    api_client = UnitrendsClient(ready)
    api_client.control("reset", {})
    api_client.log_in()
    return api_client


def test_session_begins_and_ends(unitrends: UnitrendsClient) -> None:
    assert unitrends.control("sessions") == {"open": 1}
    token = unitrends.headers["AuthToken"]
    response = unitrends.call("POST", "/api/logout", json={"cookie": token})
    assert response.status_code == 200
    assert unitrends.control("sessions") == {"open": 0}
    refused = unitrends.post(1, system_id=1)
    assert refused.status_code == 401
    assert "missing or has expired" in refused.json()["result"][0]["message"]


def test_only_the_authtoken_header_is_accepted(unitrends: UnitrendsClient) -> None:
    token = unitrends.headers.pop("AuthToken")
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"token={token}"}, {}):
        assert unitrends.call("GET", "/api/systems/", headers=headers).status_code == 401
    unitrends.headers = {"AuthToken": token}
    assert unitrends.call("POST", "/api/logout", json={"auth_token": token}).status_code == 500
    assert unitrends.control("sessions") == {"open": 1}


@pytest.mark.parametrize(
    ("variant", "status", "body"), [("401", 401, None), ("500", 500, None), ("false", 200, "false")]
)
def test_wrong_password(unitrends: UnitrendsClient, variant: str, status: int, body: str | None) -> None:
    unitrends.variant(login_failure=variant)
    response = unitrends.call("POST", "/api/login", json={"username": "audit", "password": "wrong"})
    assert response.status_code == status
    assert body in (None, response.text)
    assert "auth_token" not in response.text
    assert unitrends.control("sessions") == {"open": 1}


def test_login_is_json_for_any_content_type(unitrends: UnitrendsClient) -> None:
    login = {name: unitrends.entry[name] for name in ("username", "password")}
    assert unitrends.call("POST", "/api/login", data=login).status_code == 500
    as_form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert unitrends.call("POST", "/api/login", data=json.dumps(login), headers=as_form).status_code == 200


def test_token_expires(unitrends: UnitrendsClient) -> None:
    unitrends.variant(session_calls=2)
    assert [unitrends.call("GET", "/api/systems/").status_code for _ignored in range(3)] == [200, 200, 401]
    unitrends.log_in()
    assert unitrends.call("GET", "/api/systems/").status_code == 200


def test_a_scope_hides_workloads_silently(unitrends: UnitrendsClient) -> None:
    all_rows, items = unitrends.backups(), unitrends.items(sid=1)
    document = unitrends.log_in("scoped")
    assert document["role_scope"]
    seen = unitrends.backups()
    assert {row["vm_name"] for row in seen} == {"web-01", "web-02", '<b>vm & "co"</b>'}
    assert 0 < len(seen) < len(all_rows)
    assert 0 < len(unitrends.items(sid=1)) < len(items)
    clients = unitrends.get("/api/assets/?sid=1&noESX")["data"]
    assert {node["name"] for client in clients for node in client["children"]} == {row["vm_name"] for row in seen}
    assert "role_scope" not in unitrends.log_in("monitor")
    assert len(unitrends.backups()) == len(all_rows)


# Deletion


def test_is_delete_deletes(unitrends: UnitrendsClient) -> None:
    """The only difference from the list request is one query parameter."""
    before = {row["id"] for row in unitrends.backups()}
    victims = sorted(before)[:3]
    response = unitrends.post(1, "&isDelete", system_id=1, backup_ids=victims)
    assert (response.status_code, response.json()["result"][0]["code"]) == (200, "0")
    assert {row["id"] for row in unitrends.backups()} == before - set(victims)
    assert unitrends.rows(backup_ids=victims) == []
    assert not {item["id"] for _ignored, item in unitrends.items(sid=1, start_date="01/01/2020")} & set(victims)
    unitrends.control("reset", {})
    unitrends.log_in()
    assert {row["id"] for row in unitrends.backups()} == before


def test_is_delete_affects_a_whole_window(unitrends: UnitrendsClient) -> None:
    other = len(unitrends.backups(2))
    assert unitrends.post(1, "&isDelete=true", system_id=1, start_time=0).status_code == 200
    assert own_backups(unitrends.rows(1)) == []
    assert len(unitrends.backups(2)) == other
    assert unitrends.post(1, "&isDelete=1", system_id=1).status_code == 500


def test_monitors_cannot_delete(unitrends: UnitrendsClient) -> None:
    unitrends.log_in("monitor")
    before = len(unitrends.backups())
    refused = unitrends.post(1, "&isDelete", system_id=1)
    assert (refused.status_code, "privilege" in refused.text) == (500, True)
    assert len(unitrends.backups()) == before


def test_is_related_includes_the_chain(unitrends: UnitrendsClient) -> None:
    number = int(unitrends.numbers("web-01")[0].partition("/")[2])
    chain = own_backups(unitrends.rows(1, "&isRelated", backup_ids=[number]))
    assert chain[0]["id"] == number
    assert chain[-1]["type"] == "VMware Full"


# Errors


def test_unknown_requests(unitrends: UnitrendsClient) -> None:
    assert unitrends.call("GET", "/api/recovery_points").status_code == 404
    assert unitrends.call("DELETE", "/api/backups/").status_code == 405
    assert unitrends.call("PUT", "/api/backups/", json={}).status_code == 405
    assert unitrends.post(99).json() == {"result": [{"code": "2", "message": "System 99 was not found."}]}
    broken = unitrends.call("POST", "/api/backups/?sid=1", data="{not json")
    assert (broken.status_code, "not valid JSON" in broken.text) == (500, True)


@pytest.mark.parametrize(
    ("variants", "status", "members"),
    [
        ({"error_body": "message"}, 500, {"error", "message"}),
        ({"error_status": 200}, 200, {"error", "message"}),
        ({}, 500, {"result"}),
    ],
)
def test_formats_of_errors(
    unitrends: UnitrendsClient, variants: dict[str, Any], status: int, members: set[str]
) -> None:
    unitrends.variant(**variants)
    response = unitrends.post(99)
    assert (response.status_code, set(response.json())) == (status, members)
