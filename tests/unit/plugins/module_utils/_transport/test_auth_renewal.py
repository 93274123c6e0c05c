# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewal of sessions that expire while they are used."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, UnauthorizedError
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import Login, LoginError, OAuth2Password
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint
from tests.unit.plugins.module_utils._transport.login_methods import (
    ALLOWLIST,
    LOGIN_METHODS,
    PASSWORD,
    Appliance,
    count_log_ins,
    get_session,
    is_log_in,
    oauth2,
)

pytestmark = pytest.mark.usefixtures("no_backoff")


@LOGIN_METHODS
def test_an_expired_session_is_renewed_once(
    server: Any, client: Client, appliance: Appliance, login_method: Callable[..., Login]
) -> None:
    login = login_method()
    login.open(client)
    appliance.forget()
    assert client.get("/api/list").json() == {"ok": True}
    assert count_log_ins(server) == 2
    login.close(client)
    assert get_session(server.requests[-1]) == "session-2"


def test_oauth2_renews_without_the_password(server: Any, client: Client, appliance: Appliance) -> None:
    oauth2().open(client)
    for turn in (1, 2):
        appliance.forget()
        client.get("/api/list")
        form = parse_qs([request for request in server.requests if request.method == "POST"][-1].body.decode())
        assert form == {"grant_type": ["refresh_token"], "refresh_token": [f"refresh-{turn}"]}


def test_a_rejected_refresh_is_followed_by_one_login(server: Any, client: Client, appliance: Appliance) -> None:
    oauth2().open(client)
    appliance.forget()
    appliance.refresh_allowed = False
    assert client.get("/api/list").json() == {"ok": True}
    grants = [
        parse_qs(request.body.decode())["grant_type"][0] for request in server.requests if request.method == "POST"
    ]
    assert grants == ["password", "refresh_token", "password"]


def test_logout_with_an_expired_token_uses_only_the_refresh_token(
    server: Any, client: Client, appliance: Appliance
) -> None:
    """Otherwise the refresh token would stay valid for days."""
    login = oauth2()
    login.open(client)
    appliance.log_out_refused = {"session-1"}
    login.close(client)
    assert [get_session(request) for request in server.requests if request.method == "DELETE"] == [
        "session-1",
        "session-2",
    ]
    assert b"password" not in server.requests[2].body
    login = oauth2()
    login.open(client)
    appliance.log_out_refused, appliance.refresh_allowed = {"session-3"}, False
    login.close(client)
    assert server.calls().count("DELETE /api/session") == 3
    assert count_log_ins(server) == 4


def test_a_new_session_may_be_rejected_once(server: Any, client: Client, appliance: Appliance) -> None:
    OAuth2Password("auditor", PASSWORD, path="/api/session", has_session_lag=True).open(client)
    appliance.forget()
    appliance.valid = ValidFromTheSecondTime()
    assert client.get("/api/list").json() == {"ok": True}
    assert count_log_ins(server) == 2


@LOGIN_METHODS
def test_a_second_rejection_of_a_new_session_is_an_error(
    server: Any, client: Client, appliance: Appliance, login_method: Callable[..., Login]
) -> None:
    login_method().open(client)
    appliance.valid = NeverValid()
    with pytest.raises(UnauthorizedError, match="rejected the session"):
        client.get("/api/list")
    assert count_log_ins(server) == 2
    assert server.calls().count("GET /api/list") == 2


class NeverValid(set[str]):
    """A set of sessions that the server never accepts."""

    def __contains__(self, _token: object) -> bool:
        return False


class ValidFromTheSecondTime(NeverValid):
    """Sessions that the server rejects once, right after they were created."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def __contains__(self, token: object) -> bool:
        self.seen.append(token)
        return self.seen.count(token) > 1 and token != "session-1"


def run_in_parallel(client: Client, threads: int) -> list[Any]:
    """Send a request in each of ``threads`` threads at the same time; return their responses or errors."""
    ready = threading.Barrier(threads)

    def request_list(_number: int) -> Any:
        ready.wait()
        try:
            return client.get("/api/list").json()
        except AuditError as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(request_list, range(threads)))


@LOGIN_METHODS
def test_eight_threads_renew_once(
    server: Any, client: Client, appliance: Appliance, login_method: Callable[..., Login]
) -> None:
    login_method().open(client)
    for turn in (2, 3):
        appliance.forget()
        assert run_in_parallel(client, 8) == [{"ok": True}] * 8
        assert count_log_ins(server) == turn


@LOGIN_METHODS
def test_a_valid_session_that_is_rejected_once_is_closed(
    server: Any, client: Client, appliance: Appliance, login_method: Callable[..., Login]
) -> None:
    """A path may return HTTP 401 for a valid session, so the old session must be closed before a new login."""
    login_method().open(client)
    appliance.forget()
    appliance.refresh_allowed = False
    client.get("/api/list")
    ended = [
        get_session(request)
        for request in server.requests
        if request.method == "DELETE" or request.path == "/api/session/end"
    ]
    assert ended == ["session-1"]
    assert len([request for request in server.requests if is_log_in(request) and b"refresh_t" not in request.body]) == 2


@LOGIN_METHODS
def test_eight_threads_send_an_invalid_password_once(
    server: Any, client: Client, appliance: Appliance, login_method: Callable[..., Login]
) -> None:
    """Each further attempt could lock the account."""
    login_method().open(client)
    appliance.forget()
    appliance.refresh_allowed = False
    appliance.password = "changed meanwhile"
    answers = run_in_parallel(client, 8)
    assert all(isinstance(answer, LoginError) for answer in answers)
    with pytest.raises(LoginError):
        client.get("/api/list")
    sent = [request for request in server.requests if is_log_in(request) and b"refresh_t" not in request.body]
    assert len(sent) == 2


@LOGIN_METHODS
def test_a_request_that_runs_during_the_logout_opens_no_session(
    serve: Any, appliance: Appliance, login_method: Callable[..., Login]
) -> None:
    """The server rejects the request because of the logout. Nobody would close a renewed session."""
    listing_runs, log_out_runs, logged_in_again = (threading.Event() for _event in range(3))

    def answer(request: Any) -> Any:
        if request.path == "/api/list":
            listing_runs.set()
            log_out_runs.wait(10)
            appliance.forget()
        elif not is_log_in(request):
            log_out_runs.set()
            logged_in_again.wait(0.3)
        elif listing_runs.is_set():
            logged_in_again.set()
        return appliance(request)

    server = serve(answer)
    client = Client(Endpoint(url=server.url, verify=server.ca_path, timeout=30), ALLOWLIST)
    login = login_method()
    login.open(client)
    with contextlib.closing(client), concurrent.futures.ThreadPoolExecutor(1) as pool:
        listing = pool.submit(client.get, "/api/list")
        assert listing_runs.wait(10)
        login.close(client)
        with pytest.raises(AuditError, match="the session was closed") as raised:
            listing.result()
    assert raised.value.code == "stopped"
    assert count_log_ins(server) == 1
