# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Azure appliance: tokens, the second factor, and the access of roles."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.unit.simulators.client import VMS, AzureClient

# Tokens


def test_tokens(azure: AzureClient) -> None:
    tokens = azure.log_in()
    assert {".issued", ".expires", "access_token", "refresh_token", "mfa_enabled"} <= set(tokens)
    assert (tokens["expires_in"], tokens["mfa_enabled"], tokens["roleName"]) == (3600, False, "PortalAdmin")
    assert len(tokens[".issued"]) == len("2021-10-04T15:02:06.8846099Z")
    assert azure.control("sessions") == {"open": 2}
    ended = azure.call("DELETE", "/api/oauth2/token")
    assert (ended.status_code, ended.content) == (204, b"")
    assert azure.control("sessions") == {"open": 1}
    assert azure.call("GET", VMS).status_code == 401


@pytest.mark.parametrize(
    "names",
    [("grant_type", "username", "password"), ("Grant_Type", "Username", "Password"), ("", "USERNAME", "PASSWORD")],
    ids=["lower", "pascal", "no-grant"],
)
def test_form_names_in_any_case(azure: AzureClient, names: tuple[str, str, str]) -> None:
    grant, user, password = names
    form = {user: azure.entry["username"], password: azure.entry["password"], **({grant: "pAssWord"} if grant else {})}
    assert azure.grant(**form).status_code == 200


def test_password_needs_encoding(azure: AzureClient) -> None:
    """A form without URL encoding fails because of characters in the password, as on a real server."""
    by_hand = f"grant_type=Password&username={azure.entry['username']}&password={azure.entry['password']}"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert azure.call("POST", "/api/oauth2/token", data=by_hand.encode(), headers=kind).status_code in (400, 401)
    form = {"username": azure.entry["username"], "password": azure.entry["password"]}
    encoded = urlencode(form)
    assert azure.call("POST", "/api/oauth2/token", data=encoded, headers=kind).status_code == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "Password", "username": "audit@example", "password": "wrong"}, 401),
        ({"grant_type": "Password", "username": "audit@example"}, 400),
        ({"grant_type": "saml", "saml_response": "x"}, 400),
        ({"grant_type": "Refresh_token", "refresh_token": "x"}, 401),
        ({"grant_type": "Mfa", "mfa_token": "x", "mfa_code": "123456"}, 401),
    ],
    ids=["wrong", "missing", "grant", "refresh", "mfa"],
)
def test_rejected_grants(azure: AzureClient, form: dict[str, str], status: int) -> None:
    refused = azure.grant(**form)
    assert (refused.status_code, refused.headers["Content-Type"]) == (status, "application/problem+json")
    assert refused.json()["status"] == status
    assert refused.json()["traceId"]
    assert azure.control("sessions") == {"open": 1}


def test_body_must_be_a_form(azure: AzureClient) -> None:
    refused = azure.call("POST", "/api/oauth2/token", json={"username": "a", "password": "b"})
    assert refused.status_code == 415


def test_second_factor(azure: AzureClient) -> None:
    challenge = azure.log_in("mfa")
    assert "access_token" not in challenge
    assert (challenge["mfa_enabled"], challenge["expires_in"], challenge[".issued"][:4]) == (True, 0, "0001")
    wrong = azure.grant(grant_type="Mfa", mfa_token=challenge["mfa_token"], mfa_code="000000")
    assert wrong.status_code == 401
    code = azure.account("mfa")["mfa_code"]
    tokens = azure.grant(grant_type="Mfa", mfa_token=challenge["mfa_token"], mfa_code=code).json()
    assert tokens["access_token"]
    assert tokens["mfa_enabled"] is False


def test_refresh_gives_a_new_pair(azure: AzureClient) -> None:
    tokens = azure.log_in()
    renewed = azure.grant(grant_type="Refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert renewed["access_token"] != tokens["access_token"]
    assert azure.call("GET", VMS).status_code == 401
    azure.headers = {"Authorization": f"Bearer {renewed['access_token']}"}
    assert azure.call("GET", VMS).status_code == 200
    again = azure.grant(grant_type="Refresh_token", refresh_token=tokens["refresh_token"])
    assert again.status_code == 401
    assert azure.control("sessions") == {"open": 2}


def test_token_expires_during_a_listing(azure: AzureClient) -> None:
    azure.variant(token_calls=2)
    tokens = azure.log_in()
    assert [azure.call("GET", VMS).status_code for _ignored in range(3)] == [200, 200, 401]
    renewed = azure.grant(grant_type="Refresh_token", refresh_token=tokens["refresh_token"]).json()
    azure.headers = {"Authorization": f"Bearer {renewed['access_token']}"}
    assert azure.call("GET", VMS).status_code == 200


# Roles


@pytest.mark.parametrize(
    ("account", "path", "status"),
    [
        ("read_only", "repositories", 403),
        ("read_only", "virtualMachines", 403),
        ("read_only", "restorePoints/virtualMachines", 200),
        ("read_only", "protectedItem/virtualMachines", 200),
        ("read_only", "policies/virtualMachines", 200),
        ("read_only", "jobSessions", 200),
        ("restore_operator", "policies/virtualMachines", 403),
        ("restore_operator", "protectedItem/virtualMachines", 200),
    ],
)
def test_roles(azure: AzureClient, account: str, path: str, status: int) -> None:
    azure.log_in(account)
    response = azure.call("GET", f"/api/v8.1/{path}")
    assert response.status_code == status
    if status == 403:
        assert response.json()["licenseAgreementAcceptanceRequired"] is False


def test_license_that_was_not_accepted(azure: AzureClient) -> None:
    azure.variant(license_accepted=False)
    refused = azure.call("GET", VMS)
    assert (refused.status_code, refused.json()["licenseAgreementAcceptanceRequired"]) == (403, True)
