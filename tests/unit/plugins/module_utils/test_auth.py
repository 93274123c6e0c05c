# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from ansible_collections.backup.audit.plugins.module_utils import _http
from ansible_collections.backup.audit.plugins.module_utils._auth import (
    BasicForHeader,
    BasicForSession,
    JsonForCookies,
    JsonForToken,
    Login,
    LoginError,
    OAuth2Password,
)
from ansible_collections.backup.audit.plugins.module_utils._errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._failures import AnswerError, RejectedError, TroubleError
from ansible_collections.backup.audit.plugins.module_utils._http import Client, Endpoint
from ansible_collections.backup.audit.plugins.module_utils._wall import Permit

PASSWORD = "c0rrect-horse"
PERMITS = (
    Permit("GET", "/api/list"),
    Permit("POST", "/api/session", {"v": "latest"}),
    Permit("DELETE", "/api/session"),
    Permit("DELETE", "/api/sessions/{name}"),
    Permit("POST", "/api/session/end"),
)


@dataclasses.dataclass
class Appliance:
    """A product that hands out numbered sessions and forgets them when told to."""

    password: str = PASSWORD
    given: int = 0
    valid: set[str] = dataclasses.field(default_factory=set)
    refresh_allowed: bool = True
    log_in_answer: tuple[int, dict[str, str], Any] | None = None
    log_out_status: int = 204
    log_out_refused: set[str] = dataclasses.field(default_factory=set)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def forget(self) -> None:
        """All sessions end, as they do when they expire."""
        self.valid.clear()

    def __call__(self, asked: Any) -> tuple[int, dict[str, str], Any]:
        if asked.path == "/api/list":
            return (200, {}, {"ok": True}) if carried(asked) in self.valid else (401, {}, {"message": "expired"})
        if asked.method == "DELETE" or asked.path == "/api/session/end":
            return (401 if carried(asked) in self.log_out_refused else self.log_out_status), {}, b""
        return self._log_in(asked)

    def _log_in(self, asked: Any) -> tuple[int, dict[str, str], Any]:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if form.get("grant_type") == "refresh_token":
            if not self.refresh_allowed or form["refresh_token"] != f"refresh-{self.given}":
                return 400, {}, {"error": "invalid_grant"}
        elif self.log_in_answer is not None:
            return self.log_in_answer
        elif self._password(asked, form) != self.password:
            return (400 if form else 401), {}, {"error_description": f"bad password {self.password}"}
        # As products do, a token in the body, in a header or in a cookie; each way takes its own.
        with self.lock:
            self.given += 1
            token = f"session-{self.given}"
            self.valid.add(token)
        headers = {"X-Session": token, "Set-Cookie": f"JSESSIONID={token}; Path=/; HttpOnly"}
        members = dict.fromkeys(("sessionid", "access_token", "auth_token"), token)
        return 200, headers, {**members, "refresh_token": f"refresh-{self.given}", "name": f"s{self.given}", "id": 7}

    @staticmethod
    def _password(asked: Any, form: dict[str, str]) -> str:
        if form:
            return form["password"]
        if asked.headers.get("Content-Type") == "application/json":
            return str(json.loads(asked.body)["password"])
        return base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")[2]


def carried(asked: Any) -> str:
    """The session that a request is carried by."""
    headers = asked.headers
    bearer = headers.get("Authorization", "").removeprefix("Bearer ")
    return str(headers.get("X-Session") or bearer or headers.get("Cookie", "").removeprefix("JSESSIONID="))


def is_log_in(asked: Any) -> bool:
    return bool(asked.method == "POST" and asked.path.partition("?")[0] == "/api/session")


def basic(password: str = PASSWORD) -> Login:
    return BasicForSession("auditor", password, path="/api/session", member="sessionid", header="X-Session")


def oauth2(password: str = PASSWORD) -> Login:
    return OAuth2Password("auditor", password, path="/api/session", mfa_advice="Use a local user")


def by_header(password: str = PASSWORD, body: str | None = None) -> Login:
    return BasicForHeader(
        "auditor",
        password,
        path="/api/session",
        params={"v": "latest"},
        header="X-Session",
        log_out="/api/sessions",
        session_of=lambda answer: str(answer.json_object()["name"]),
        body=body,
    )


def by_cookie(password: str = PASSWORD) -> Login:
    return JsonForCookies("auditor", password, path="/api/session", log_out="/api/session/end")


def by_token(password: str = PASSWORD) -> Login:
    return JsonForToken(
        "auditor",
        password,
        path="/api/session",
        log_out="/api/session/end",
        member="auth_token",
        header="X-Session",
        ended_by="cookie",
    )


WAYS = pytest.mark.parametrize("way", [basic, oauth2, by_header, by_cookie, by_token])
WAYS_WITH_A_MEMBER = pytest.mark.parametrize("way", [basic, oauth2])


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "_backoff", lambda _attempt: 0.001)


@pytest.fixture
def appliance() -> Appliance:
    return Appliance()


@pytest.fixture
def server(serve: Any, appliance: Appliance) -> Any:
    return serve(appliance)


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with contextlib.closing(
        Client(Endpoint(url=server.url, verify=server.ca_path, timeout=5, retries=1, connections=8), PERMITS)
    ) as made:
        yield made


def log_ins(server: Any) -> int:
    return len([call for call in server.calls() if call in ("POST /api/session", "POST /api/session?v=latest")])


# Logging in and out


@WAYS
def test_a_session_is_got_carried_and_given_back_once(server: Any, client: Client, way: Callable[..., Login]) -> None:
    login = way()
    login.open(client)
    assert client.get("/api/list").json() == {"ok": True}
    login.close(client)
    login.close(client)
    out = {by_header: "DELETE /api/sessions/s1", by_cookie: "POST /api/session/end", by_token: "POST /api/session/end"}
    assert server.calls()[1:] == ["GET /api/list", out.get(way, "DELETE /api/session")]
    assert log_ins(server) == 1
    assert carried(server.asked[2]) == "session-1"
    assert client.auth is None
    assert login.headers() == {}


def test_a_log_out_may_have_a_call_of_its_own(server: Any, client: Client) -> None:
    login = OAuth2Password("auditor", PASSWORD, path="/api/session", log_out=("POST", "/api/session/end"))
    login.open(client)
    login.close(client)
    assert server.calls() == ["POST /api/session", "POST /api/session/end"]


def test_oauth2_sends_the_members_that_the_product_wants(server: Any, client: Client) -> None:
    login = OAuth2Password("auditor", PASSWORD, path="/api/session", grant="Password", extra={"short_lived": "true"})
    login.open(client)
    assert parse_qs(server.asked[0].body.decode()) == {
        "grant_type": ["Password"],
        "username": ["auditor"],
        "password": [PASSWORD],
        "short_lived": ["true"],
    }


@WAYS
def test_a_log_out_that_fails_changes_nothing_and_is_not_sent_again(
    server: Any, client: Client, appliance: Appliance, way: Callable[..., Login]
) -> None:
    login = way()
    login.open(client)
    appliance.log_out_status = 500
    login.close(client)
    assert len(server.asked) == 2
    assert client.auth is None


@WAYS
def test_a_wrong_password_is_sent_once_and_never_shown(server: Any, client: Client, way: Callable[..., Login]) -> None:
    login = way("wr0ng")
    with pytest.raises(LoginError) as raised:
        login.open(client)
    assert raised.value.code == "login_rejected"
    assert "the log-in of 'auditor' was rejected" in raised.value.message
    assert raised.value.status in (400, 401)
    assert (raised.value.words or "").startswith("bad password")
    assert "wr0ng" not in str(raised.value)
    assert log_ins(server) == 1
    # There is no session to give back.
    login.close(client)
    assert len(server.asked) == 1


@WAYS
def test_what_the_server_echoes_of_the_password_is_masked(
    client: Client, appliance: Appliance, way: Callable[..., Login]
) -> None:
    appliance.log_in_answer = (401, {}, {"message": f"no user with {PASSWORD}"})
    with pytest.raises(LoginError) as raised:
        way().open(client)
    assert raised.value.words == "no user with ********"


@WAYS
def test_tokens_are_secrets_from_then_on(client: Client, way: Callable[..., Login]) -> None:
    way().open(client)
    assert client.scrub("x session-1 y") == "x ******** y"
    assert PASSWORD in client.secrets.texts


def test_a_refresh_token_is_a_secret(client: Client) -> None:
    oauth2().open(client)
    assert client.scrub("refresh-1") == "********"


@WAYS_WITH_A_MEMBER
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "its answer has no"),
        ({"sessionid": None, "access_token": ""}, "its answer has no"),
        ({"sessionid": 7, "access_token": 7}, "its answer has no"),
        ([], "not an object"),
        (b"<html><title>Welcome</title></html>", "a web page"),
        ({"sessionid": "a\r\nX-Evil: 1", "access_token": "a\r\nX-Evil: 1"}, "cannot be carried in a header"),
        ({"sessionid": "tök", "access_token": "tök"}, "cannot be carried in a header"),
    ],
)
def test_an_answer_without_a_token_is_no_session(
    client: Client, appliance: Appliance, way: Callable[..., Login], content: Any, message: str
) -> None:
    appliance.log_in_answer = (200, {}, content)
    with pytest.raises(AnswerError, match=message):
        way().open(client)
    assert client.auth is None


@pytest.mark.parametrize(
    "content",
    [{"mfa_token": "m-77"}, {"mfa_enabled": True, "access_token": None}, {"mfa_token": True}, {"mfa_token": 77}],
)
def test_a_second_factor_is_named_and_its_token_never_shown(
    server: Any, client: Client, appliance: Appliance, content: Any
) -> None:
    appliance.log_in_answer = (200, {}, content)
    with pytest.raises(LoginError) as raised:
        oauth2().open(client)
    assert raised.value.code == "mfa_required"
    assert raised.value.advice == "Use a local user"
    assert "m-77" not in str(raised.value)
    assert log_ins(server) == 1


@WAYS
def test_trouble_at_the_log_in_is_no_rejection(client: Client, appliance: Appliance, way: Callable[..., Login]) -> None:
    appliance.log_in_answer = (502, {}, {"message": "database is down"})
    with pytest.raises(TroubleError, match="database is down"):
        way().open(client)


def test_a_log_in_that_is_not_basic_carries_its_own_body(server: Any, client: Client, appliance: Appliance) -> None:
    appliance.log_in_answer = (201, {"X-Session": "abc"}, {"name": "s1"})
    by_header(body="<login>ü</login>").open(client)
    assert server.calls() == ["POST /api/session?v=latest"]
    assert server.asked[0].body.decode() == "<login>ü</login>"
    assert server.asked[0].headers["Content-Type"] == "application/xml"
    assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_log_in_by_json_is_rejected_in_the_products_own_ways(
    server: Any, client: Client, appliance: Appliance, status: int
) -> None:
    appliance.log_in_answer = (status, {}, {"result": [{"message": "bad credentials"}]})
    with pytest.raises(LoginError, match="bad credentials"):
        by_token().open(client)
    assert log_ins(server) == 1


@pytest.mark.parametrize("content", [False, None, {}, {"auth_token": ""}, {"message": "bad credentials"}])
def test_an_answer_of_success_without_a_token_is_a_rejection_where_products_do_so(
    client: Client, appliance: Appliance, content: Any
) -> None:
    appliance.log_in_answer = (200, {}, json.dumps(content).encode())
    with pytest.raises(LoginError) as raised:
        by_token().open(client)
    assert raised.value.words == ("bad credentials" if content and "message" in content else None)


def test_a_log_in_by_json_names_its_session_to_end_it_and_tells_of_the_account(server: Any, client: Client) -> None:
    login = by_token()
    login.open(client)
    assert isinstance(login, JsonForToken)
    assert login.told["id"] == 7
    assert "auth_token" not in login.told
    login.close(client)
    assert json.loads(server.asked[-1].body) == {"cookie": "session-1"}


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
def test_cookies_are_carried_as_they_came(
    server: Any, client: Client, appliance: Appliance, header: str, carried_as: str
) -> None:
    appliance.log_in_answer = (204, {"Set-Cookie": header}, b"")
    login = by_cookie()
    login.open(client)
    login.close(client)
    assert server.asked[-1].headers["Cookie"] == carried_as


@pytest.mark.parametrize(
    "headers", [{}, {"Set-Cookie": ""}, {"Set-Cookie": "Path=; HttpOnly"}, {"Set-Cookie": "tök=ü"}]
)
def test_a_log_in_without_a_usable_cookie_is_no_session(
    client: Client, appliance: Appliance, headers: dict[str, str]
) -> None:
    appliance.log_in_answer = (200, headers, b"")
    with pytest.raises(AnswerError):
        by_cookie().open(client)
    assert client.auth is None


# Sessions that end while they are used


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
    with pytest.raises(RejectedError, match="refused the session"):
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
