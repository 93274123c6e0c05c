# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""API tokens and tickets: nothing is opened on the server, so nothing is closed."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import LoginError
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.stateless_auth import ApiToken, FormForTicket

SECRET = "s3cret/with+signs%"
TOKEN_ID = "audit@pbs!ansible"


@dataclasses.dataclass
class Appliance:
    """A server with signed tickets and one API token."""

    given: int = 0
    valid_from: int = 0
    answer: tuple[int, dict[str, str], Any] | None = None

    def __call__(self, request: Any) -> tuple[int, dict[str, str], Any]:
        if request.method == "POST":
            form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            if self.answer is not None:
                return self.answer
            if form != {"username": "audit@pbs", "password": SECRET}:
                return 401, {}, b"authentication failed"
            self.given += 1
            return 200, {}, {"data": {"ticket": self.ticket(self.given), "CSRFPreventionToken": "csrf-of-some-length"}}
        cookie = unquote(request.headers.get("Cookie", "")).partition("=")[2]
        valid = {self.ticket(number) for number in range(self.valid_from + 1, self.given + 1)}
        scheme, _equals, credentials = request.headers.get("Authorization", "").partition("=")
        token, _colon, secret = credentials.partition(":")
        is_token = (scheme, token, unquote(secret)) == ("TheApiToken", TOKEN_ID, SECRET) and not self.valid_from
        return (200, {}, {"ok": True}) if is_token or cookie in valid else (401, {}, b"authentication failed")

    @staticmethod
    def ticket(number: int) -> str:
        return f"PBS:audit@pbs:{number:08X}::a+b/c=="


@pytest.fixture
def appliance() -> Appliance:
    return Appliance()


def token(secret: str = SECRET) -> ApiToken:
    return ApiToken(TOKEN_ID, secret, scheme="TheApiToken", path="/api/list")


def ticket(password: str = SECRET) -> FormForTicket:
    return FormForTicket(
        "audit@pbs", password, path="/api/session", cookie="TheCookie", challenge=":!tfa!", mfa_hint="Use a token"
    )


@pytest.mark.parametrize(
    ("login", "calls"),
    [(token(), ["GET /api/list", "GET /api/list"]), (ticket(), ["POST /api/session", "GET /api/list"])],
)
def test_no_logout_is_sent(server: Any, client: Client, login: Any, calls: list[str]) -> None:
    login.open(client)
    assert client.get("/api/list").json() == {"ok": True}
    login.close(client)
    assert server.calls() == calls
    assert login.headers() == {}
    assert client.auth is None


def test_an_expired_ticket_is_replaced_once(server: Any, client: Client, appliance: Appliance) -> None:
    ticket().open(client)
    appliance.valid_from = 1
    assert client.get("/api/list").json() == {"ok": True}
    assert server.calls() == ["POST /api/session", "GET /api/list", "POST /api/session", "GET /api/list"]


def test_a_removed_token_is_a_rejected_login(server: Any, client: Client, appliance: Appliance) -> None:
    token().open(client)
    appliance.valid_from = 1
    with pytest.raises(LoginError, match="Check the token ID in username") as raised:
        client.get("/api/list")
    assert raised.value.server_message == "authentication failed"
    assert len(server.calls()) == 3


@pytest.mark.parametrize("login", [token("wrong"), ticket("wrong")])
def test_a_rejected_login_is_sent_once(server: Any, client: Client, login: Any) -> None:
    with pytest.raises(LoginError, match=r"failed \(HTTP 401\)"):
        login.open(client)
    assert len(server.calls()) == 1


def test_a_second_factor_challenge_is_not_a_ticket(client: Client, appliance: Appliance) -> None:
    appliance.answer = (200, {}, {"data": {"ticket": "PBS:!tfa!%7B%22totp%22%3Atrue%7D:6ABA::abc"}})
    with pytest.raises(LoginError, match="a second factor is required") as raised:
        ticket().open(client)
    assert raised.value.code == "mfa_required"
    assert client.auth is None


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ((400, {}, b"parameter verification failed"), LoginError, r"failed \(HTTP 400\)"),
        ((500, {}, b"down"), Exception, "HTTP 500"),
        ((200, {}, {"data": {}}), InvalidResponseError, "has no 'ticket'"),
        ((200, {}, {"data": None}), InvalidResponseError, "has no 'ticket'"),
        ((200, {}, {"data": {"ticket": "PBS:a\nb"}}), InvalidResponseError, "characters that a header cannot contain"),
    ],
)
def test_invalid_login_responses(
    client: Client, appliance: Appliance, answer: Any, error: type[Exception], message: str
) -> None:
    appliance.answer = answer
    with pytest.raises(error, match=message):
        ticket().open(client)


@pytest.mark.parametrize("login", [token(), ticket()])
def test_credentials_are_masked(client: Client, appliance: Appliance, login: Any) -> None:
    login.open(client)
    for value in (SECRET, *login.headers().values(), appliance.ticket(1) if appliance.given else SECRET):
        assert value not in client.scrub(f"<{value}>")
