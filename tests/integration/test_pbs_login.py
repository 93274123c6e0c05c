# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins of Proxmox Backup Server, and the fingerprint of its certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import trustme

from tests.integration.conftest import Simulators
from tests.integration.reading_pbs import PBS, get_fingerprint, list_requests, read_ok, read_pbs
from tests.integration.running_modules import get_login, run_module

# Login


def test_a_token_and_a_ticket_return_the_same(simulators: Simulators) -> None:
    by_ticket = read_ok(simulators)
    assert simulators.requests(PBS)[0]["method"] == "POST"
    simulators.reset()
    by_token = read_ok(simulators, "token")
    assert by_token["points"] == by_ticket["points"]
    assert {call["method"] for call in simulators.requests(PBS)} == {"GET"}
    assert by_token["server"]["version"] == "4.2.0"
    assert by_token["selection"]["account"] == "audit@pbs!ansible"


def test_permissions_may_be_inherited_from_the_root(simulators: Simulators) -> None:
    assert read_ok(simulators, "superuser")["points"] == read_ok(simulators)["points"]


def test_permissions_are_read_first(simulators: Simulators) -> None:
    read_ok(simulators, "token", connections=1)
    calls = [call for call in list_requests(simulators) if not call.endswith("/version")]
    assert calls[0] == "GET /access/permissions"


@pytest.mark.parametrize("account", [None, "token"])
def test_credentials_are_not_returned(simulators: Simulators, account: str | None) -> None:
    ended = read_pbs(simulators, account, detail="recovery_points", include_raw=True)
    assert not ended.failed, ended.message
    entry = simulators.ready["products"][PBS]
    sent = {call["headers"].get(name) for call in simulators.requests(PBS) for name in ("Cookie", "Authorization")}
    credentials = {header.partition("=")[2] for header in sent if header}
    assert len(credentials) == 1
    for secret in (entry["password"], entry["token_secret"], *credentials, *map(unquote, credentials)):
        assert secret not in ended.output


def test_a_second_factor_is_rejected_with_a_hint(simulators: Simulators) -> None:
    simulators.ask(PBS, "__variant", {"second_factor": True})
    ended = read_pbs(simulators)
    assert ended.result["failure"]["code"] == "mfa_required"
    assert "as 'audit@pbs' failed: a second factor is required. Use an API token (USER@REALM!TOKEN)" in ended.message
    assert list_requests(simulators) == ["POST /access/ticket"]
    assert not read_pbs(simulators, "token").failed


@pytest.mark.parametrize(
    ("username", "hint"),
    [("audit@pbs", "Check username and password"), ("audit@pbs!ansible", "Check the token ID in username")],
)
def test_a_rejected_login_is_sent_once(simulators: Simulators, username: str, hint: str) -> None:
    ended = read_pbs(simulators, username=username, password="wr0ng-secret")
    assert ended.result["failure"]["code"] == "login_rejected"
    assert f"as '{username}' failed (HTTP 401). Server response: \"authentication failed\". {hint}" in ended.message
    assert len(list_requests(simulators)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"username": "audit"}, "username: 'audit' has no realm. Use USER@REALM"),
        ({"username": "größe@pbs!x"}, "username: the value is not a valid user or token ID"),
        ({"username": "a b@pbs"}, "username: the value is not a valid user or token ID"),
        ({"datastores": ["a//b"]}, "datastores: 'a//b' is not a valid name"),
        ({"fingerprint": "12:34"}, "fingerprint: '12:34' is not a valid SHA-256 fingerprint"),
    ],
)
def test_options_are_checked_before_anything_is_sent(
    simulators: Simulators, options: dict[str, Any], message: str
) -> None:
    ended = read_pbs(simulators, **options)
    assert message in ended.message
    assert simulators.requests(PBS) == []


@pytest.mark.parametrize("username", ["{0}={1}", "{0}:{1}", "PBSAPIToken={0}:{1}", "PBSAPIToken {0}:{1}"])
def test_a_secret_in_the_username_is_not_shown(simulators: Simulators, username: str) -> None:
    """Proxmox VE combines both in one text."""
    entry = simulators.ready["products"][PBS]
    ended = read_pbs(simulators, username=username.format(entry["token_id"], entry["token_secret"]))
    assert 'Use USER@REALM or USER@REALM!TOKEN in username, and only the secret in "password"' in ended.message
    assert entry["token_secret"] not in ended.message
    assert simulators.requests(PBS) == []


def test_a_url_with_an_api_path_is_rejected(simulators: Simulators) -> None:
    ended = read_pbs(simulators, url=simulators.ready["products"][PBS]["url"] + "/api2/json")
    assert "url: expected a URL without /api2/json at the end" in ended.message


# Fingerprints


def test_a_fingerprint_replaces_the_ca(simulators: Simulators) -> None:
    """The server shows it with colons. The result has no warning, because the server is identified."""
    digits = get_fingerprint(simulators)
    text = ":".join(digits[index : index + 2] for index in range(0, 64, 2)).upper()
    ended = read_pbs(simulators, ca_path=None, fingerprint=text)
    assert not ended.failed, ended.message
    assert "not verified" not in str(ended.result.get("warnings"))
    assert not read_pbs(simulators, fingerprint=digits).failed
    refused = read_pbs(simulators, ca_path=None)
    assert "Certificate verification failed" in refused.message


@pytest.mark.parametrize("options", [{}, {"ca_path": None}, {"validate_certs": False}])
def test_nothing_is_sent_to_a_server_with_another_fingerprint(simulators: Simulators, options: dict[str, Any]) -> None:
    wrong = "ab" * 32
    ended = read_pbs(simulators, fingerprint=wrong, **options)
    assert ended.result["failure"]["code"] == "certificate_error"
    found = get_fingerprint(simulators)
    for digits in (wrong, found):
        assert ":".join(digits[index : index + 2] for index in range(0, 64, 2)) in ended.message
    assert simulators.requests(PBS) == []


def test_a_fingerprint_does_not_replace_a_ca_that_is_given(simulators: Simulators, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    ended = read_pbs(simulators, ca_path=str(other), fingerprint=get_fingerprint(simulators))
    assert f"not issued by a CA in ca_path '{other}'" in ended.message
    assert simulators.requests(PBS) == []


def test_a_fingerprint_can_be_set_in_the_environment(simulators: Simulators) -> None:
    login = {**get_login(simulators.ready, PBS), "ca_path": None}
    ended = run_module("pbs_snapshots_info", login, {"PBS_FINGERPRINT": get_fingerprint(simulators)})
    assert not ended.failed, ended.message
