# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError, ServerError
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import (
    JsonForToken,
    Login,
    LoginError,
    OAuth2Password,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from tests.unit.plugins.module_utils._transport.login_methods import (
    LOGIN_METHODS,
    LOGIN_METHODS_WITH_A_MEMBER,
    PASSWORD,
    Appliance,
    cookie_login,
    count_log_ins,
    get_session,
    header_login,
    oauth2,
    token_login,
)

pytestmark = pytest.mark.usefixtures("no_backoff")

# Logging in and out


@LOGIN_METHODS
def test_a_session_is_opened_used_and_closed_once(
    server: Any, client: Client, login_method: Callable[..., Login]
) -> None:
    login = login_method()
    login.open(client)
    assert client.get("/api/list").json() == {"ok": True}
    login.close(client)
    login.close(client)
    out = {
        header_login: "DELETE /api/sessions/s1",
        cookie_login: "POST /api/session/end",
        token_login: "POST /api/session/end",
    }
    assert server.calls()[1:] == ["GET /api/list", out.get(login_method, "DELETE /api/session")]
    assert count_log_ins(server) == 1
    assert get_session(server.requests[2]) == "session-1"
    assert client.auth is None
    assert login.headers() == {}


def test_logout_can_be_a_separate_request(server: Any, client: Client) -> None:
    login = OAuth2Password("auditor", PASSWORD, path="/api/session", log_out=("POST", "/api/session/end"))
    login.open(client)
    login.close(client)
    assert server.calls() == ["POST /api/session", "POST /api/session/end"]


def test_oauth2_sends_the_fields_of_the_product(server: Any, client: Client) -> None:
    login = OAuth2Password("auditor", PASSWORD, path="/api/session", grant="Password", extra={"short_lived": "true"})
    login.open(client)
    assert parse_qs(server.requests[0].body.decode()) == {
        "grant_type": ["Password"],
        "username": ["auditor"],
        "password": [PASSWORD],
        "short_lived": ["true"],
    }


@LOGIN_METHODS
def test_a_failed_logout_is_ignored_and_not_retried(
    server: Any, client: Client, appliance: Appliance, login_method: Callable[..., Login]
) -> None:
    login = login_method()
    login.open(client)
    appliance.log_out_status = 500
    login.close(client)
    assert len(server.requests) == 2
    assert client.auth is None


@LOGIN_METHODS
def test_a_rejected_login_is_not_retried_and_hides_the_password(
    server: Any, client: Client, login_method: Callable[..., Login]
) -> None:
    login = login_method("wr0ng")
    with pytest.raises(LoginError) as raised:
        login.open(client)
    assert raised.value.code == "login_rejected"
    assert raised.value.status in (400, 401)
    assert raised.value.message == (f"Login to {client.endpoint.url} as 'auditor' failed (HTTP {raised.value.status})")
    assert str(raised.value).startswith(f'{raised.value.message}. Server response: "bad password')
    assert str(raised.value).endswith("Check username and password. The account may be locked, disabled or expired.")
    assert (raised.value.server_message or "").startswith("bad password")
    assert "wr0ng" not in str(raised.value)
    assert count_log_ins(server) == 1
    # There is no session to close.
    login.close(client)
    assert len(server.requests) == 1


@LOGIN_METHODS
def test_a_password_echoed_by_the_server_is_masked(
    client: Client, appliance: Appliance, login_method: Callable[..., Login]
) -> None:
    appliance.log_in_answer = (401, {}, {"message": f"no user with {PASSWORD}"})
    with pytest.raises(LoginError) as raised:
        login_method().open(client)
    assert raised.value.server_message == "no user with ********"


@LOGIN_METHODS
def test_tokens_are_masked_after_login(client: Client, login_method: Callable[..., Login]) -> None:
    login_method().open(client)
    assert client.scrub("x session-1 y") == "x ******** y"
    assert PASSWORD in client.secrets.texts


def test_refresh_tokens_are_masked(client: Client) -> None:
    oauth2().open(client)
    assert client.scrub("refresh-1") == "********"


@LOGIN_METHODS_WITH_A_MEMBER
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "the response has no"),
        ({"sessionid": None, "access_token": ""}, "the response has no"),
        ({"sessionid": 7, "access_token": 7}, "the response has no"),
        ([], "not an object"),
        (b"<html><title>Welcome</title></html>", "the response is a web page"),
        ({"sessionid": "a\r\nX-Evil: 1", "access_token": "a\r\nX-Evil: 1"}, "characters that a header cannot contain"),
        ({"sessionid": "tök", "access_token": "tök"}, "characters that a header cannot contain"),
    ],
)
def test_a_login_response_without_a_token_is_an_error(
    client: Client, appliance: Appliance, login_method: Callable[..., Login], content: Any, message: str
) -> None:
    appliance.log_in_answer = (200, {}, content)
    with pytest.raises(InvalidResponseError, match=message):
        login_method().open(client)
    assert client.auth is None


@pytest.mark.parametrize(
    "content",
    [{"mfa_token": "m-77"}, {"mfa_enabled": True, "access_token": None}, {"mfa_token": True}, {"mfa_token": 77}],
)
def test_a_required_second_factor_is_reported_without_its_token(
    server: Any, client: Client, appliance: Appliance, content: Any
) -> None:
    appliance.log_in_answer = (200, {}, content)
    with pytest.raises(LoginError) as raised:
        oauth2().open(client)
    assert raised.value.code == "mfa_required"
    assert "as 'auditor' failed: multi-factor authentication is required" in raised.value.message
    assert raised.value.hint == "Use a local user"
    assert "m-77" not in str(raised.value)
    assert count_log_ins(server) == 1


@LOGIN_METHODS
def test_server_errors_during_login_are_not_rejections(
    client: Client, appliance: Appliance, login_method: Callable[..., Login]
) -> None:
    appliance.log_in_answer = (502, {}, {"message": "database is down"})
    with pytest.raises(ServerError, match="database is down"):
        login_method().open(client)


def test_a_login_without_basic_auth_sends_a_body(server: Any, client: Client, appliance: Appliance) -> None:
    appliance.log_in_answer = (201, {"X-Session": "abc"}, {"name": "s1"})
    header_login(body="<login>ü</login>").open(client)
    assert server.calls() == ["POST /api/session?v=latest"]
    assert server.requests[0].body.decode() == "<login>ü</login>"
    assert server.requests[0].headers["Content-Type"] == "application/xml"
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize("status", [400, 403, 500])
def test_json_login_rejections_of_the_product(server: Any, client: Client, appliance: Appliance, status: int) -> None:
    appliance.log_in_answer = (status, {}, {"result": [{"message": "bad credentials"}]})
    with pytest.raises(LoginError, match="bad credentials"):
        token_login().open(client)
    assert count_log_ins(server) == 1


@pytest.mark.parametrize("content", [False, None, {}, {"auth_token": ""}, {"message": "bad credentials"}])
def test_success_without_a_token_is_a_rejection_for_some_products(
    client: Client, appliance: Appliance, content: Any
) -> None:
    appliance.log_in_answer = (200, {}, json.dumps(content).encode())
    with pytest.raises(LoginError) as raised:
        token_login().open(client)
    assert raised.value.server_message == ("bad credentials" if content and "message" in content else None)


def test_json_login_returns_session_and_account(server: Any, client: Client) -> None:
    login = token_login()
    login.open(client)
    assert isinstance(login, JsonForToken)
    assert login.account_info["id"] == 7
    assert "auth_token" not in login.account_info
    login.close(client)
    assert json.loads(server.requests[-1].body) == {"cookie": "session-1"}


@pytest.mark.parametrize(
    ("header", "carried_as"),
    [
        ("JSESSIONID=abc123", "JSESSIONID=abc123"),
        ("JSESSIONID=abc=12; Path=/; Expires=Sat, 21 Nov 2026 06:49:00 GMT; HttpOnly", "JSESSIONID=abc=12"),
        (
            "a=first; Expires=Sat, 21 Nov 2026 06:49:00 GMT, XSRF-TOKEN=second; Path=/",
            "a=first; XSRF-TOKEN=second",
        ),
    ],
)
def test_cookies_are_sent_unchanged(
    server: Any, client: Client, appliance: Appliance, header: str, carried_as: str
) -> None:
    appliance.log_in_answer = (204, {"Set-Cookie": header}, b"")
    login = cookie_login()
    login.open(client)
    login.close(client)
    assert server.requests[-1].headers["Cookie"] == carried_as


@pytest.mark.parametrize(
    "headers", [{}, {"Set-Cookie": ""}, {"Set-Cookie": "Path=; HttpOnly"}, {"Set-Cookie": "tök=ü"}]
)
def test_a_login_without_a_usable_cookie_is_an_error(
    client: Client, appliance: Appliance, headers: dict[str, str]
) -> None:
    appliance.log_in_answer = (200, headers, b"")
    with pytest.raises(InvalidResponseError):
        cookie_login().open(client)
    assert client.auth is None
