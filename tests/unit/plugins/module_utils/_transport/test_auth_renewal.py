# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that end while they are used."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, UnauthorizedError
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import Login, LoginError, OAuth2Password
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from tests.unit.plugins.module_utils._transport.login_methods import (
    PASSWORD,
    WAYS,
    Appliance,
    carried,
    is_log_in,
    log_ins,
    oauth2,
)

pytestmark = pytest.mark.usefixtures("no_backoff")


@WAYS
def test_a_session_that_ended_is_renewed_once(
    server: Any, client: Client, appliance: Appliance, way: Callable[..., Login]
) -> None:
    login = way()
    login.open(client)
    appliance.forget()
    assert client.get("/api/list").json() == {"ok": True}
    assert log_ins(server) == 2
    login.close(client)
    assert carried(server.asked[-1]) == "session-2"


def test_oauth2_renews_without_the_password(server: Any, client: Client, appliance: Appliance) -> None:
    oauth2().open(client)
    for turn in (1, 2):
        appliance.forget()
        client.get("/api/list")
        form = parse_qs([asked for asked in server.asked if asked.method == "POST"][-1].body.decode())
        assert form == {"grant_type": ["refresh_token"], "refresh_token": [f"refresh-{turn}"]}


def test_a_refused_refresh_costs_one_log_in_with_the_password(
    server: Any, client: Client, appliance: Appliance
) -> None:
    oauth2().open(client)
    appliance.forget()
    appliance.refresh_allowed = False
    assert client.get("/api/list").json() == {"ok": True}
    grants = [parse_qs(asked.body.decode())["grant_type"][0] for asked in server.asked if asked.method == "POST"]
    assert grants == ["password", "refresh_token", "password"]


def test_a_log_out_whose_token_ran_out_is_sent_with_a_fresh_one_but_never_costs_the_password(
    server: Any, client: Client, appliance: Appliance
) -> None:
    """Otherwise the refresh token would live on for days."""
    login = oauth2()
    login.open(client)
    appliance.log_out_refused = {"session-1"}
    login.close(client)
    assert [carried(asked) for asked in server.asked if asked.method == "DELETE"] == ["session-1", "session-2"]
    assert b"password" not in server.asked[2].body
    login = oauth2()
    login.open(client)
    appliance.log_out_refused, appliance.refresh_allowed = {"session-3"}, False
    login.close(client)
    assert server.calls().count("DELETE /api/session") == 3
    assert log_ins(server) == 4


def test_a_new_session_may_be_refused_once_where_the_product_lags(
    server: Any, client: Client, appliance: Appliance
) -> None:
    OAuth2Password("auditor", PASSWORD, path="/api/session", may_lag=True).open(client)
    appliance.forget()
    appliance.valid = ValidFromTheSecondTime()
    assert client.get("/api/list").json() == {"ok": True}
    assert log_ins(server) == 2


@WAYS
def test_a_new_session_that_is_refused_as_well_ends_it(
    server: Any, client: Client, appliance: Appliance, way: Callable[..., Login]
) -> None:
    way().open(client)
    appliance.valid = NeverValid()
    with pytest.raises(UnauthorizedError, match="refused the session"):
        client.get("/api/list")
    assert log_ins(server) == 2
    assert server.calls().count("GET /api/list") == 2


class NeverValid(set[str]):
    """Sessions that are never accepted."""

    def __contains__(self, _token: object) -> bool:
        return False


class ValidFromTheSecondTime(NeverValid):
    """A session that its server knows only a moment after it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def __contains__(self, token: object) -> bool:
        self.seen.append(token)
        return self.seen.count(token) > 1 and token != "session-1"


def at_once(client: Client, threads: int) -> list[Any]:
    """What each of so many threads got that all asked at the same time: an answer or an error."""
    ready = threading.Barrier(threads)

    def ask(_number: int) -> Any:
        ready.wait()
        try:
            return client.get("/api/list").json()
        except AuditError as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, range(threads)))


@WAYS
def test_eight_threads_renew_once(server: Any, client: Client, appliance: Appliance, way: Callable[..., Login]) -> None:
    way().open(client)
    for turn in (2, 3):
        appliance.forget()
        assert at_once(client, 8) == [{"ok": True}] * 8
        assert log_ins(server) == turn


@WAYS
def test_a_session_that_is_refused_once_but_lives_is_given_back(
    server: Any, client: Client, appliance: Appliance, way: Callable[..., Login]
) -> None:
    """A path may answer 401 though the session is good: that one would stay open when another is opened."""
    way().open(client)
    appliance.forget()
    appliance.refresh_allowed = False
    client.get("/api/list")
    ended = [carried(asked) for asked in server.asked if asked.method == "DELETE" or asked.path == "/api/session/end"]
    assert ended == ["session-1"]
    assert len([asked for asked in server.asked if is_log_in(asked) and b"refresh_t" not in asked.body]) == 2


@WAYS
def test_eight_threads_send_a_password_that_is_no_longer_good_only_once(
    server: Any, client: Client, appliance: Appliance, way: Callable[..., Login]
) -> None:
    """Each try of it may be the one that locks the account."""
    way().open(client)
    appliance.forget()
    appliance.refresh_allowed = False
    appliance.password = "changed meanwhile"
    answers = at_once(client, 8)
    assert all(isinstance(answer, LoginError) for answer in answers)
    with pytest.raises(LoginError):
        client.get("/api/list")
    sent = [asked for asked in server.asked if is_log_in(asked) and b"refresh_t" not in asked.body]
    assert len(sent) == 2
