# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import contextlib
import datetime
import email.utils
import gzip
import json
import socket
import threading
import time
import unittest.mock
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils import _http
from ansible_collections.backup.audit.plugins.module_utils._errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._failures import (
    AnswerError,
    ConnectionFailedError,
    ForbiddenError,
    RejectedError,
    TroubleError,
    TrustError,
)
from ansible_collections.backup.audit.plugins.module_utils._http import Client, Endpoint, segment
from ansible_collections.backup.audit.plugins.module_utils._times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._wall import Permit, WallError

PERMITS = (
    Permit("GET", "/api/list", {"page": None}),
    Permit("GET", "/api/items/{id}"),
    Permit("POST", "/api/session"),
    Permit("DELETE", "/api/session"),
)
PASSWORD = "p&ss/wörd +%"
OK: tuple[int, dict[str, str], Any] = (200, {}, {"ok": True})

Answers = Callable[[Any], tuple[int, dict[str, str], Any]]


class Hasty(threading.Event):
    """Writes down how long it would have waited."""

    def __init__(self, slept: list[float]) -> None:
        super().__init__()
        self._slept = slept

    def wait(self, timeout: float | None = None) -> bool:
        self._slept.append(timeout or 0.0)
        return self.is_set()


@pytest.fixture
def pauses() -> list[float]:
    """How long clients would have waited between tries."""
    return []


@pytest.fixture
def connect(pauses: list[float]) -> Iterator[Callable[..., Client]]:
    """Makes clients that never really wait, and are closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(server: Any, **more: Any) -> Client:
            settings = {"url": server.url, "verify": server.ca_path, "timeout": 5, "retries": 2, **more}
            client = Client(Endpoint(**settings), PERMITS)
            client._stopped = Hasty(pauses)
            stack.callback(client.close)
            return client

        yield make


def in_turn(*answers: tuple[int, dict[str, str], Any]) -> Answers:
    """These answers one after the other, the last for ever."""
    left = list(answers)
    return lambda _asked: left.pop(0) if len(left) > 1 else left[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# What comes back


def test_an_answer_is_read_whole_and_counted(serve: Any, connect: Any) -> None:
    server = serve(in_turn((200, {"X-Version": "7"}, {"items": [1, 2]})))
    client = connect(server)
    answer = client.get("/api/list", {"page": "2"})
    assert answer.json_object() == {"items": [1, 2]}
    assert answer.headers["x-version"] == "7"
    assert (answer.call, answer.server) == ("GET /api/list", f"localhost:{server.port}")
    assert server.calls() == ["GET /api/list?page=2"]
    assert (client.counters.count, client.counters.retries, client.counters.bytes) == (1, 0, len(answer.body))


def test_one_connection_serves_many_requests(serve: Any, connect: Any) -> None:
    peers = set()

    def answer(asked: Any) -> tuple[int, dict[str, str], Any]:
        peers.add(threading.get_ident())
        return OK

    client = connect(serve(answer))
    for _turn in range(5):
        client.get("/api/list")
    # The server gives each connection a thread.
    assert len(peers) == 1


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'\xef\xbb\xbf{"name": "db01"}', {}),
        ('{"name": "db01"}'.encode("utf-16"), {}),
        (gzip.compress(b'{"name": "db01"}', mtime=0), {"Content-Encoding": "gzip"}),
    ],
)
def test_json_is_decoded_whatever_its_wrapping(
    serve: Any, connect: Any, content: bytes, headers: dict[str, str]
) -> None:
    client = connect(serve(in_turn((200, headers, content))))
    assert client.get("/api/list").json() == {"name": "db01"}


def test_an_answer_without_a_body_is_an_answer(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn((204, {}, b""))))
    assert client.get("/api/list").body == b""


def test_a_chunked_answer_is_put_together(serve: Any, connect: Any) -> None:
    def write(stream: Any) -> None:
        stream.write(b'5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n')

    client = connect(serve(in_turn((200, {"Transfer-Encoding": "chunked"}, write))))
    assert client.get("/api/list").json() == {"a": 1}


@pytest.mark.parametrize(
    ("content", "message", "words"),
    [
        (b"", "the answer is empty", None),
        (b" \n", "the answer is empty", None),
        (b"<html><title>Sign in</title></html>", "a web page or XML came instead of JSON", "Sign in"),
        (b'{"items": [1, 2', "the JSON is broken or cut short", None),
        (b"[" * 100_000, "the JSON is broken or cut short", None),
        (b"hello", "the answer is no JSON", None),
        (b'{"a": "\xff"}', "the JSON is broken or cut short", None),
    ],
)
def test_what_came_instead_of_json_is_said(
    serve: Any, connect: Any, content: bytes, message: str, words: str | None
) -> None:
    server = serve(in_turn((200, {}, content)))
    with pytest.raises(AnswerError) as raised:
        connect(server).get("/api/list").json()
    assert raised.value.message.startswith(message)
    assert raised.value.words == words
    assert (raised.value.call, raised.value.status) == ("GET /api/list", 200)
    assert raised.value.advice


@pytest.mark.parametrize("content", [[], None, "text", 7])
def test_json_that_is_no_object_is_said(serve: Any, connect: Any, content: Any) -> None:
    answer = connect(serve(in_turn((200, {}, json.dumps(content).encode())))).get("/api/list")
    with pytest.raises(AnswerError, match="not an object"):
        answer.json_object()


def test_a_body_shorter_than_promised_is_no_answer(serve: Any, connect: Any) -> None:
    def write(stream: Any) -> None:
        stream.write(b'{"items": []}')

    server = serve(in_turn((200, {"Content-Length": "500"}, write)))
    with pytest.raises(ConnectionFailedError, match=r"connection broke.*after 3 tries"):
        connect(server).get("/api/list")
    assert len(server.asked) == 3


# TLS


def test_another_authority_is_not_trusted(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK))
    with pytest.raises(TrustError) as raised:
        connect(server, verify=True).get("/api/list")
    assert "certificate is not trusted" in raised.value.message
    assert "ca_path" in (raised.value.advice or "")
    assert server.asked == []


def test_a_certificate_for_another_name_is_not_trusted(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK), names=("other.example",))
    with pytest.raises(TrustError) as raised:
        connect(server).get("/api/list")
    assert "localhost" in raised.value.message
    assert "name that stands in the certificate" in (raised.value.advice or "")


def test_an_expired_certificate_is_not_trusted(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK), not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc))
    with pytest.raises(TrustError) as raised:
        connect(server).get("/api/list")
    assert "expired" in raised.value.message
    assert "clock" in (raised.value.advice or "")


def test_without_verification_any_certificate_will_do(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK), names=("other.example",))
    assert connect(server, verify=False).get("/api/list").json() == {"ok": True}


def test_plain_http_on_the_port_is_named(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK), tls=False)
    with pytest.raises(TrustError, match="does not speak TLS on this port"):
        connect(server, url=server.url.replace("http:", "https:")).get("/api/list")


def test_a_ca_file_without_a_certificate_is_named(serve: Any, connect: Any, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing\n")
    with pytest.raises(TrustError, match="ca_path holds no certificate"):
        connect(serve(in_turn(OK)), verify=str(path)).get("/api/list")


def test_trust_is_not_tried_again(serve: Any, connect: Any, pauses: list[float]) -> None:
    client = connect(serve(in_turn(OK)), verify=True)
    with pytest.raises(TrustError):
        client.get("/api/list")
    assert pauses == []
    assert client.counters.retries == 0


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_of_the_environment_decides_nothing(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    server = serve(in_turn(OK))
    monkeypatch.setenv(name, server.ca_path)
    with pytest.raises(TrustError):
        connect(server, verify=True).get("/api/list")
    (tmp_path / "other.pem").write_text("")
    monkeypatch.setenv(name, str(tmp_path / "other.pem"))
    assert connect(server).get("/api/list").json() == {"ok": True}
    assert connect(server, verify=False).get("/api/list").json() == {"ok": True}


# Connections


def test_nothing_listens_there(connect: Any, serve: Any, pauses: list[float]) -> None:
    server = serve(in_turn(OK))
    client = connect(server, url=f"https://localhost:{free_port()}")
    with pytest.raises(ConnectionFailedError, match=r"nothing listens there \(after 3 tries\)") as raised:
        client.get("/api/list")
    assert raised.value.code == "no_connection"
    assert len(pauses) == client.counters.retries == 2


def test_an_unknown_host_name_is_named_and_not_tried_again(connect: Any, serve: Any, pauses: list[float]) -> None:
    client = connect(serve(in_turn(OK)), url="https://no-such-host.invalid:443")
    with pytest.raises(ConnectionFailedError, match="name"):
        client.get("/api/list")
    # Without any name service it may pass; a name that is known to be unknown may not.
    assert len(pauses) in (0, 2)


def test_a_server_that_does_not_answer_in_time_is_named(serve: Any, connect: Any) -> None:
    gone = threading.Event()
    server = serve(lambda _asked: (200, {}, b"") if gone.wait(20) else OK)
    try:
        with pytest.raises(ConnectionFailedError, match=r"no answer within 0.2 s \(after 2 tries\)"):
            connect(server, timeout=0.2, retries=1).get("/api/list")
    finally:
        gone.set()


@pytest.mark.parametrize("url", ["https://ho st:443", "https://.example:443", "https://*.example:443"])
def test_a_host_that_cannot_be_one_is_an_option_error(connect: Any, serve: Any, url: str) -> None:
    with pytest.raises(OptionError, match="url: "):
        connect(serve(in_turn(OK)), url=url).get("/api/list")


# Trying again


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_passing_trouble_is_tried_again(serve: Any, connect: Any, pauses: list[float], status: int) -> None:
    server = serve(in_turn((status, {}, b""), (status, {}, b""), OK))
    client = connect(server)
    assert client.get("/api/list").json() == {"ok": True}
    assert client.counters.retries == 2
    assert client.counters.count == 3
    # Half a second, then a second, each give or take the half.
    assert 0.25 <= pauses[0] <= 0.75
    assert 0.5 <= pauses[1] <= 1.5


def test_trouble_that_stays_is_an_error_that_counts_the_tries(serve: Any, connect: Any) -> None:
    server = serve(in_turn((503, {}, b'{"description": "starting"}')))
    with pytest.raises(TroubleError, match=r"\(503\) \(after 3 tries\)") as raised:
        connect(server).get("/api/list")
    assert raised.value.words == "starting"
    assert len(server.asked) == 3


@pytest.mark.parametrize(("status", "kind"), [(500, TroubleError), (403, ForbiddenError), (400, AnswerError)])
def test_a_refusal_is_not_tried_again(serve: Any, connect: Any, status: int, kind: type[AuditError]) -> None:
    server = serve(in_turn((status, {}, b'{"message": "no"}')))
    with pytest.raises(kind) as raised:
        connect(server).get("/api/list")
    assert "tries" not in raised.value.message
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("999999", 120, 120),
        ("1e400", 120, 120),
        (email.utils.formatdate(time.time() + 3600, usegmt=True), 120, 120),
        # Nothing sensible was asked: the usual pause.
        ("-5", 0.25, 0.75),
        ("nan", 0.25, 0.75),
        ("soon", 0.25, 0.75),
        ("", 0.25, 0.75),
        ("Sat, 21 Nov 2020 06:49:00 GMT", 0.25, 0.75),
    ],
)
def test_the_server_says_how_long_to_wait(
    serve: Any, connect: Any, pauses: list[float], value: str, least: float, most: float
) -> None:
    connect(serve(in_turn((503, {"Retry-After": value}, b""), OK))).get("/api/list")
    assert len(pauses) == 1
    assert least <= pauses[0] <= most


def test_a_date_to_wait_for_is_counted_from_now(serve: Any, connect: Any, pauses: list[float]) -> None:
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    connect(serve(in_turn((429, {"Retry-After": date}, b""), OK))).get("/api/list")
    assert 57 <= pauses[0] <= 60


def test_the_pause_grows_but_not_for_ever() -> None:
    assert [max(_http._backoff(attempt) for _turn in range(200)) > 15 for attempt in (1, 9)] == [False, True]
    assert max(_http._backoff(attempt) for attempt in range(1, 200)) <= 30


def test_who_waits_for_another_try_is_let_go_when_the_reading_failed(serve: Any) -> None:
    server = serve(in_turn((503, {"Retry-After": "60"}, b"")))
    with contextlib.closing(Client(Endpoint(url=server.url, verify=server.ca_path), PERMITS)) as client:
        threading.Timer(0.3, client.stop_retrying).start()
        started = time.monotonic()
        with pytest.raises(TroubleError):
            client.get("/api/list")
        assert time.monotonic() - started < 10
        with pytest.raises(TroubleError):
            client.get("/api/list")
    assert len(server.asked) == 2


LOG_IN = {"form": {"password": PASSWORD}, "carried": False, "retried": False}


def test_a_rejected_log_in_is_not_sent_again(serve: Any, connect: Any, pauses: list[float]) -> None:
    server = serve(in_turn((401, {}, b"")))
    with pytest.raises(RejectedError):
        connect(server).call("POST", "/api/session", **LOG_IN)
    assert len(server.asked) == 1
    assert pauses == []


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_log_in_that_may_have_been_judged_is_not_sent_again(serve: Any, connect: Any, status: int) -> None:
    server = serve(in_turn((status, {}, b"")))
    with pytest.raises(TroubleError):
        connect(server).call("POST", "/api/session", **LOG_IN)
    assert len(server.asked) == 1


def test_a_log_in_whose_connection_broke_is_not_sent_again(serve: Any, connect: Any, pauses: list[float]) -> None:
    server = serve(in_turn((200, {"Content-Length": "50"}, lambda stream: stream.write(b"{"))))
    with pytest.raises(ConnectionFailedError):
        connect(server).call("POST", "/api/session", **LOG_IN)
    assert len(server.asked) == 1
    assert pauses == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_log_in_that_the_server_had_no_time_for_is_sent_again(serve: Any, connect: Any, status: int) -> None:
    server = serve(in_turn((status, {}, b""), OK))
    assert connect(server).call("POST", "/api/session", **LOG_IN).json() == {"ok": True}
    assert len(server.asked) == 2


def test_a_log_in_that_nobody_heard_is_sent_again(serve: Any, connect: Any, pauses: list[float]) -> None:
    client = connect(serve(in_turn(OK)), url=f"https://localhost:{free_port()}")
    with pytest.raises(ConnectionFailedError):
        client.call("POST", "/api/session", **LOG_IN)
    assert len(pauses) == 2


# Redirects, limits


def test_redirects_are_not_followed(serve: Any, connect: Any) -> None:
    server = serve(in_turn((302, {"Location": "/api/items/1"}, b"")))
    with pytest.raises(AnswerError, match=r"redirects to '/api/items/1' \(302\)"):
        connect(server).get("/api/list")
    assert server.calls() == ["GET /api/list"]


@pytest.mark.parametrize("status", [200, 302, 500])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_beyond_the_limit_is_refused(serve: Any, connect: Any, chunked: bool, status: int) -> None:
    def write(stream: Any) -> None:
        for _turn in range(200):
            stream.write(b"10000\r\n" + b"x" * 65536 + b"\r\n" if chunked else b"x" * 65536)

    length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(200 * 65536)}
    server = serve(in_turn((status, {"Location": "/api/list", **length}, write)))
    with pytest.raises(AnswerError, match="larger than 100000 bytes") as raised:
        connect(server, max_answer_bytes=100_000).get("/api/list")
    assert "page_size" in (raised.value.advice or "")
    assert len(server.asked) == 1


def test_a_small_answer_that_unfolds_beyond_the_limit_is_refused(serve: Any, connect: Any) -> None:
    bomb = gzip.compress(b"x" * 50_000_000, mtime=0)
    assert len(bomb) < 60_000
    server = serve(in_turn((200, {"Content-Encoding": "gzip"}, bomb)))
    with pytest.raises(AnswerError, match="larger than 1000000 bytes"):
        connect(server, max_answer_bytes=1_000_000).get("/api/list")


def test_an_answer_of_just_the_limit_is_taken(serve: Any, connect: Any) -> None:
    server = serve(in_turn((200, {}, b"x" * 1000)))
    assert len(connect(server, max_answer_bytes=1000).get("/api/list").body) == 1000
    with pytest.raises(AnswerError):
        connect(server, max_answer_bytes=999).get("/api/list")


@pytest.mark.parametrize("chunked", [False, True])
def test_bytes_that_only_drip_are_not_waited_for_for_ever(serve: Any, connect: Any, chunked: bool) -> None:
    gone = threading.Event()

    def write(stream: Any) -> None:
        while not gone.wait(0.05):
            stream.write(b"1\r\nx\r\n" if chunked else b"x")
            stream.flush()

    headers = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "1000000"}
    server = serve(in_turn((200, headers, write)))
    started = time.monotonic()
    try:
        with pytest.raises(AnswerError, match="not complete after 2 s"):
            connect(server, timeout=0.2).get("/api/list")
    finally:
        gone.set()
    assert time.monotonic() - started < 10


# What the environment may not do


def test_a_netrc_supplies_no_log_in(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login mallory password stolen\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(in_turn(OK))
    connect(server).get("/api/list")
    assert "Authorization" not in server.asked[0].headers


def test_cookies_are_not_kept(serve: Any, connect: Any) -> None:
    server = serve(in_turn((200, {"Set-Cookie": "JSESSIONID=abc; Path=/"}, b"{}")))
    client = connect(server)
    client.get("/api/list")
    client.get("/api/list")
    assert all("Cookie" not in asked.headers for asked in server.asked)


def test_a_proxy_of_the_environment_is_used_unless_one_is_given_or_the_host_is_excepted(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(in_turn(OK))
    nowhere = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("HTTPS_PROXY", nowhere)
    with pytest.raises(ConnectionFailedError):
        connect(server).get("/api/list")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert connect(server).get("/api/list").json() == {"ok": True}
    with pytest.raises(ConnectionFailedError):
        connect(server, proxy=nowhere).get("/api/list")


def test_the_password_of_a_proxy_is_a_secret(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(in_turn(OK))
    given = connect(server, proxy="http://user:s3cr%2Ft@127.0.0.1:9")
    assert given.scrub("s3cr/t s3cr%2Ft") == "******** ********"
    monkeypatch.setenv("HTTPS_PROXY", "http://user:fr0m-env@127.0.0.1:9")
    assert connect(server).scrub("fr0m-env") == "********"


# Secrets


@pytest.mark.parametrize(
    "echo",
    [
        PASSWORD,
        "p%26ss%2Fw%C3%B6rd%20%2B%25",
        "p%26ss%2Fw%C3%B6rd+%2B%25",
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(f"auditor:{PASSWORD}".encode()).decode(),
    ],
)
@pytest.mark.parametrize("status", [200, 302, 400, 403, 500])
def test_a_secret_that_the_server_echoes_is_masked(serve: Any, connect: Any, echo: str, status: int) -> None:
    escaped = echo.replace("&", "&amp;")
    body = f"<title>no {escaped} here</title>".encode()
    headers = {"Location": f"https://x/{quote(echo)}?{quote(echo)}"} if status == 302 else {}
    client = connect(serve(in_turn((status, headers, body))))
    client.keep_secret(PASSWORD)
    with pytest.raises(AuditError) as raised:
        client.call("POST", "/api/session", basic=("auditor", PASSWORD)).json()
    shown = f"{raised.value} {raised.value.as_dict()}"
    assert echo not in shown
    assert "no ******** here" in shown


def test_a_secret_in_a_connection_error_is_masked(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)), url=f"https://localhost:{free_port()}", retries=0)
    client.keep_secret("nothing listens")
    with pytest.raises(ConnectionFailedError, match=r"^localhost:\d+ GET /api/list: \*{8} there"):
        client.get("/api/list")


def test_the_longest_secret_is_masked_first(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)))
    client.keep_secret("abc", "abcdef", None, "")
    assert client.scrub("abcdef abc ") == "******** ******** "


def test_secrets_may_be_added_while_others_mask(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)))
    client.keep_secret(*(f"first-{number}" for number in range(300)))
    adding = threading.Thread(target=lambda: [client.keep_secret(f"more-{number}") for number in range(300)])
    adding.start()
    while adding.is_alive():
        assert client.scrub("first-7") == "********"
    adding.join()
    assert {f"more-{number}" for number in range(300)} <= client.secrets


def test_passwords_of_any_alphabet_travel_whole(serve: Any, connect: Any) -> None:
    password = "pässwörd-日本-&=+%"
    server = serve(in_turn(OK))
    client = connect(server)
    client.call("POST", "/api/session", basic=("auditör", password))
    client.call("POST", "/api/session", form={"password": password})
    basic = server.asked[0].headers["Authorization"]
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == f"auditör:{password}"
    assert parse_qs(server.asked[1].body.decode())["password"] == [password]


# Where requests go


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/api/list?page=2", "/api/list?page=2"),
        ("https://10.0.0.1:8443/api/list?page=2", "/api/list?page=2"),
        ("//evil.example/api/list", "/api/list"),
        ("https://user:pw@evil.example/api/list", "/api/list"),
        ("https://evil.example/api/list#x", "/api/list"),
    ],
)
def test_links_stay_on_the_configured_server(serve: Any, connect: Any, link: str, path: str) -> None:
    server = serve(in_turn(OK))
    client = connect(server)
    assert client.local(link) == path
    client.get(client.local(link))
    assert server.calls() == [f"GET {path}"]


def test_a_link_with_the_configured_base_path_does_not_get_it_twice(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK))
    client = connect(server, url=f"{server.url}/gateway")
    assert client.local("https://inner/gateway/api/list") == client.local("/api/list") == "/api/list"
    client.get("/api/list")
    assert server.calls() == ["GET /gateway/api/list"]


@pytest.mark.parametrize(
    "link", ["", "api/list", "https://evil.example", "mailto:x@y", "https://[::1/api/list", "?a=b"]
)
def test_links_that_lead_nowhere_are_refused(serve: Any, connect: Any, link: str) -> None:
    with pytest.raises(AnswerError, match="link"):
        connect(serve(in_turn(OK))).local(link)


def test_a_refused_link_is_shown_without_secrets(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)))
    client.keep_secret("t0ken")
    for link in ("x?t0ken", "https://[t0ken/"):
        with pytest.raises(AnswerError) as raised:
            client.local(link)
        assert "t0ken" not in str(raised.value)


@given(st.text(st.sampled_from("/@:.\\?#%evil0"), max_size=12))
def test_no_path_makes_a_request_leave_the_host(path: str) -> None:
    """Whatever is put behind the host, what is sent goes to the host; all else is refused before it is sent."""
    client = Client(Endpoint(url="https://backup.example:443", retries=0), [Permit("GET", "/{anything}")])
    sent: list[str] = []

    def record(prepared: Any, _call: str) -> Any:
        sent.append(prepared.url)
        return AnswerError("recorded"), None

    with unittest.mock.patch.object(client, "_attempt", record), pytest.raises(AuditError):
        client.get(path)
    assert all(url.startswith("https://backup.example:443/") for url in sent)


def test_nothing_is_sent_that_is_not_on_the_list(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK))
    client = connect(server)
    for method, path in (
        ("DELETE", "/api/list"),
        ("GET", "/api/other"),
        ("GET", "/api/list?isDelete=1"),
        ("GET", "/api/items/..%2Flist"),
        ("GET", "@evil.example/api/list"),
        ("GET", ".evil.example/api/list"),
        ("GET", "0/api/list"),
    ):
        with pytest.raises(WallError):
            client.call(method, path)
    assert server.asked == []


@pytest.mark.parametrize(
    ("ident", "quoted"), [("42", "42"), (42, "42"), ("a b", "a%20b"), ("urn:x:7", "urn%3Ax%3A7"), ("ü%", "%C3%BC%25")]
)
def test_ids_are_quoted(ident: object, quoted: str) -> None:
    assert segment(ident) == quoted


@pytest.mark.parametrize("ident", ["", ".", "..", "a/b", "a?b", "a#b", "a\\b", "a;b"])
def test_ids_that_could_leave_their_place_are_refused(ident: str) -> None:
    with pytest.raises(AnswerError, match="cannot be part of a path"):
        segment(ident)


# The clock


@pytest.mark.parametrize("ahead", [0, 3600, -86400])
def test_the_first_answer_tells_the_servers_clock(serve: Any, connect: Any, ahead: int) -> None:
    def answer(_asked: Any) -> tuple[int, dict[str, str], Any]:
        return 200, {"Date": email.utils.formatdate(time.time() + ahead, usegmt=True)}, b"{}"

    client = connect(serve(answer))
    assert client.skew_micros is None
    client.get("/api/list")
    found: Any = client.skew_micros
    assert abs(found - ahead * SECOND) <= 2 * SECOND


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_a_server_without_a_date_tells_no_clock(serve: Any, connect: Any, headers: dict[str, str]) -> None:
    client = connect(serve(in_turn((200, headers, b"{}"))))
    client.get("/api/list")
    assert client.skew_micros is None
