# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client credentials of Microsoft Entra: login service, proof of identity, renewal, messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import LoginError
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.stateless_auth import ClientCredentials
from tests.unit.plugins.module_utils._transport.fake_server import OK, in_turn

SECRET = "x8Q~secret&with+signs"
EXPIRED: tuple[int, dict[str, str], Any] = (
    401,
    {},
    {"error": {"code": "ExpiredAuthenticationToken", "message": "The access token expired."}},
)


def token(number: int = 1) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"token_type": "Bearer", "expires_in": 3599, "access_token": f"a-long-token-{number}"}


def refused(number: int, status: int = 401) -> tuple[int, dict[str, str], Any]:
    return status, {}, {"error": "invalid_client", "error_description": f"AADSTS{number}: Something is wrong."}


def build(client: Client, service: Any, **more: Any) -> ClientCredentials:
    sibling = client.sibling(service.url, [AllowedRequest("POST", "/{tenant}/oauth2/v2.0/token")])
    given = {"secret": SECRET, "assertion_file": None, **more}
    return ClientCredentials(
        "client-1",
        given["secret"],
        assertion_file=given["assertion_file"],
        service=sibling,
        path="/t/oauth2/v2.0/token",
        scope="https://management.example/.default",
    )


def get_form(request: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def test_the_secret_is_sent_only_to_the_login_service(serve: Any, connect: Any) -> None:
    server, service = serve(in_turn(OK)), serve(in_turn(token()))
    client = connect(server)
    login = build(client, service)
    login.open(client)
    assert client.get("/api/list").json() == {"ok": True}
    login.close(client)
    assert get_form(service.requests[0]) == {
        "grant_type": "client_credentials",
        "client_id": "client-1",
        "client_secret": SECRET,
        "scope": "https://management.example/.default",
    }
    assert server.requests[0].headers["Authorization"] == "Bearer a-long-token-1"
    assert (service.calls(), server.calls()) == (["POST /t/oauth2/v2.0/token"], ["GET /api/list"])
    assert client.scrub(f"{SECRET} a-long-token-1") == "******** ********"


def test_an_expired_token_is_replaced_once(serve: Any, connect: Any) -> None:
    server, service = serve(in_turn(EXPIRED, OK)), serve(in_turn(token(1), token(2)))
    client = connect(server)
    build(client, service).open(client)
    assert client.get("/api/list").json() == {"ok": True}
    assert [request.headers["Authorization"] for request in server.requests] == [
        "Bearer a-long-token-1",
        "Bearer a-long-token-2",
    ]


def test_a_federated_token_is_read_for_each_login(serve: Any, connect: Any, tmp_path: Path) -> None:
    """The issuer replaces the file before the token expires."""
    file = tmp_path / "token"
    file.write_text("first-assertion\n", "ascii")
    server, service = serve(in_turn(EXPIRED, OK)), serve(in_turn(token(1), token(2)))
    client = connect(server)
    build(client, service, secret=None, assertion_file=str(file)).open(client)
    file.write_text("second-assertion\n", "ascii")
    client.get("/api/list")
    forms = [get_form(request) for request in service.requests]
    assert [form["client_assertion"] for form in forms] == ["first-assertion", "second-assertion"]
    assert "client_secret" not in forms[0]
    assert client.scrub("first-assertion") == "********"
    file.unlink()
    with pytest.raises(OptionError, match="federated_token_file: cannot read"):
        build(client, service, secret=None, assertion_file=str(file)).open(client)


@pytest.mark.parametrize(
    ("number", "status", "hint"),
    [
        (7000215, 401, 'Set "secret" to the value of the client secret, not to its ID'),
        (7000222, 401, "The client secret has expired"),
        (700016, 400, 'Check "client_id"'),
        (90002, 400, 'Check "tenant" and "cloud_environment"'),
        (999999, 400, "Check client_id and secret"),
    ],
)
def test_the_error_number_determines_the_hint(serve: Any, connect: Any, number: int, status: int, hint: str) -> None:
    client, service = connect(serve(in_turn(OK))), serve(in_turn(refused(number, status)))
    with pytest.raises(LoginError) as raised:
        build(client, service).open(client)
    assert raised.value.message == f"Login to {service.url} as 'client-1' failed (HTTP {status})"
    assert f"AADSTS{number}: Something is wrong" in str(raised.value.server_message)
    assert str(raised.value.hint).startswith(hint)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ((200, {}, {}), InvalidResponseError, "has no 'access_token'"),
        ((200, {}, {"access_token": "a\nb"}), InvalidResponseError, "characters that a header cannot contain"),
        ((200, {}, json.dumps(["x"]).encode()), InvalidResponseError, "a JSON array, not an object"),
        ((500, {}, b"down"), Exception, "HTTP 500"),
    ],
)
def test_invalid_responses(serve: Any, connect: Any, answer: Any, error: type[Exception], message: str) -> None:
    client, service = connect(serve(in_turn(OK))), serve(in_turn(answer))
    with pytest.raises(error, match=message):
        build(client, service).open(client)
