# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client safety: hostile servers, environment variables, and mistakes in an adapter."""

from __future__ import annotations

import base64
import contextlib
import gzip
import socket
import threading
import time
import unittest.mock
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ConnectionFailedError,
    InvalidResponseError,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import (
    AllowedRequest,
    RequestNotAllowedError,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint, path_segment
from tests.unit.plugins.module_utils._transport.fake_server import ALLOWLIST, OK, PASSWORD, free_port, in_turn

# Redirects, limits


def test_redirects_are_not_followed(serve: Any, connect: Any) -> None:
    server = serve(in_turn((302, {"Location": "/api/items/1"}, b"")))
    with pytest.raises(InvalidResponseError, match=r"redirects to '/api/items/1', .* not followed \(HTTP 302\)"):
        connect(server).get("/api/list")
    assert server.calls() == ["GET /api/list"]


@pytest.mark.parametrize("status", [200, 302, 500])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_response_larger_than_the_limit_is_rejected(serve: Any, connect: Any, chunked: bool, status: int) -> None:
    def write(stream: Any) -> None:
        for _turn in range(200):
            stream.write(b"10000\r\n" + b"x" * 65536 + b"\r\n" if chunked else b"x" * 65536)

    length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(200 * 65536)}
    server = serve(in_turn((status, {"Location": "/api/list", **length}, write)))
    with pytest.raises(InvalidResponseError, match="larger than 100000 bytes") as raised:
        connect(server, max_response_bytes=100_000).get("/api/list")
    assert "page_size" in (raised.value.hint or "")
    assert len(server.requests) == 1


def test_a_response_that_decompresses_beyond_the_limit_is_rejected(serve: Any, connect: Any) -> None:
    bomb = gzip.compress(b"x" * 50_000_000, mtime=0)
    assert len(bomb) < 60_000
    server = serve(in_turn((200, {"Content-Encoding": "gzip"}, bomb)))
    with pytest.raises(InvalidResponseError, match="larger than 1000000 bytes"):
        connect(server, max_response_bytes=1_000_000).get("/api/list")


def test_a_response_of_exactly_the_limit_is_accepted(serve: Any, connect: Any) -> None:
    server = serve(in_turn((200, {}, b"x" * 1000)))
    assert len(connect(server, max_response_bytes=1000).get("/api/list").body) == 1000
    with pytest.raises(InvalidResponseError):
        connect(server, max_response_bytes=999).get("/api/list")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_trickling_body_times_out(serve: Any, connect: Any, chunked: bool) -> None:
    gone = threading.Event()

    def write(stream: Any) -> None:
        for _turn in range(200):
            if gone.wait(0.05):
                return
            stream.write(b"1\r\nx\r\n" if chunked else b"x")
            stream.flush()

    headers = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "1000000"}
    server = serve(in_turn((200, headers, write)))
    started = time.monotonic()
    try:
        with pytest.raises(InvalidResponseError, match="not complete after 2 s"):
            connect(server, timeout=0.2).get("/api/list")
    finally:
        gone.set()
    assert time.monotonic() - started < 10


def test_trickling_headers_time_out(trickle: int) -> None:
    client = Client(Endpoint(url=f"http://127.0.0.1:{trickle}", timeout=0.2, retries=0), ALLOWLIST)
    started = time.monotonic()
    with pytest.raises(InvalidResponseError, match="GET /api/list: the response was not complete after 2 s"):
        client.get("/api/list")
    assert time.monotonic() - started < 10


@pytest.fixture
def trickle() -> Iterator[int]:
    """Start a server whose first header never ends; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as held:

        def serve() -> None:
            connection = held.enter_context(listening.accept()[0])
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Patience: ")
            with contextlib.suppress(OSError):
                for _turn in range(200):
                    connection.sendall(b"a")
                    time.sleep(0.05)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join()


def test_each_response_has_its_own_deadline(serve: Any, connect: Any) -> None:
    def write(stream: Any) -> None:
        # The total is longer than the timeout, each wait is much shorter.
        for part in (b"{", *[b" "] * 6, b"}"):
            stream.write(part)
            stream.flush()
            time.sleep(0.3)

    slow = (200, {"Content-Length": "8"}, write)
    client = connect(serve(in_turn(slow, slow, OK)), timeout=2)
    for _turn in range(3):
        client.get("/api/list")


# Environment variables that must have no effect


def test_netrc_is_ignored(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login mallory password stolen\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(in_turn(OK))
    connect(server).get("/api/list")
    assert "Authorization" not in server.requests[0].headers


def test_cookies_are_not_kept(serve: Any, connect: Any) -> None:
    server = serve(in_turn((200, {"Set-Cookie": "JSESSIONID=abc; Path=/"}, b"{}")))
    client = connect(server)
    client.get("/api/list")
    client.get("/api/list")
    assert all("Cookie" not in request.headers for request in server.requests)


def test_precedence_of_proxy_settings(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(in_turn(OK))
    nowhere = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("HTTPS_PROXY", nowhere)
    with pytest.raises(ConnectionFailedError):
        connect(server).get("/api/list")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert connect(server).get("/api/list").json() == {"ok": True}
    with pytest.raises(ConnectionFailedError):
        connect(server, proxy=nowhere).get("/api/list")


def test_a_proxy_password_is_masked(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_secret_echoed_by_the_server_is_masked(serve: Any, connect: Any, echo: str, status: int) -> None:
    escaped = echo.replace("&", "&amp;")
    body = f"<title>no {escaped} here</title>".encode()
    headers = {"Location": f"https://x/{quote(echo)}?{quote(echo)}"} if status == 302 else {}
    client = connect(serve(in_turn((status, headers, body))))
    client.add_secret(PASSWORD)
    with pytest.raises(AuditError) as raised:
        client.request("POST", "/api/session", basic=("auditor", PASSWORD)).json()
    shown = f"{raised.value} {raised.value.as_dict()}"
    assert echo not in shown
    assert "no ******** here" in shown


def test_a_secret_in_a_connection_error_is_masked(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)), url=f"https://localhost:{free_port()}", retries=0)
    client.add_secret("refused")
    with pytest.raises(ConnectionFailedError, match=r"^Cannot connect to localhost:\d+: connection \*{8}\."):
        client.get("/api/list")


def test_the_longest_secret_is_masked_first(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)))
    client.add_secret("abc", "abcdef", None, "")
    assert client.scrub("abcdef abc ") == "******** ******** "


def test_secrets_can_be_added_during_masking(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)))
    client.add_secret(*(f"first-{number}" for number in range(300)))
    adding = threading.Thread(target=lambda: [client.add_secret(f"more-{number}") for number in range(300)])
    adding.start()
    while adding.is_alive():
        assert client.scrub("first-7") == "********"
    adding.join()
    assert {f"more-{number}" for number in range(300)} <= client.secrets.texts


def test_passwords_with_any_characters_are_sent_unchanged(serve: Any, connect: Any) -> None:
    password = "pässwörd-日本-&=+%"
    server = serve(in_turn(OK))
    client = connect(server)
    client.request("POST", "/api/session", basic=("auditör", password))
    client.request("POST", "/api/session", form={"password": password})
    basic = server.requests[0].headers["Authorization"]
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == f"auditör:{password}"
    assert parse_qs(server.requests[1].body.decode())["password"] == [password]


# Destination of requests


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
    assert client.to_local_path(link) == path
    client.get(client.to_local_path(link))
    assert server.calls() == [f"GET {path}"]


def test_the_base_path_is_not_added_twice_to_links(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK))
    client = connect(server, url=f"{server.url}/gateway")
    assert client.to_local_path("https://inner/gateway/api/list") == client.to_local_path("/api/list") == "/api/list"
    client.get("/api/list")
    assert server.calls() == ["GET /gateway/api/list"]


@pytest.mark.parametrize(
    "link", ["", "api/list", "https://evil.example", "mailto:x@y", "https://[::1/api/list", "?a=b"]
)
def test_invalid_links_are_rejected(serve: Any, connect: Any, link: str) -> None:
    with pytest.raises(InvalidResponseError, match="link"):
        connect(serve(in_turn(OK))).to_local_path(link)


def test_a_rejected_link_is_shown_without_secrets(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn(OK)))
    client.add_secret("t0ken")
    for link in ("x?t0ken", "https://[t0ken/"):
        with pytest.raises(InvalidResponseError) as raised:
            client.to_local_path(link)
        assert "t0ken" not in str(raised.value)


@given(st.text(st.sampled_from("/@:.\\?#%evil0"), max_size=12))
def test_requests_never_leave_the_configured_host(path: str) -> None:
    """For any path, requests go only to the configured host. Anything else is rejected before it is sent."""
    client = Client(Endpoint(url="https://backup.example:443", retries=0), [AllowedRequest("GET", "/{anything}")])
    sent: list[str] = []

    def record(prepared: Any, _call: str) -> Any:
        sent.append(prepared.url)
        return InvalidResponseError("recorded"), None

    with unittest.mock.patch.object(client, "_attempt", record), pytest.raises(AuditError):
        client.get(path)
    assert all(url.startswith("https://backup.example:443/") for url in sent)


def test_only_allowed_requests_are_sent(serve: Any, connect: Any) -> None:
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
        with pytest.raises(RequestNotAllowedError):
            client.request(method, path)
    assert server.requests == []


@pytest.mark.parametrize(
    ("ident", "quoted"), [("42", "42"), (42, "42"), ("a b", "a%20b"), ("urn:x:7", "urn%3Ax%3A7"), ("ü%", "%C3%BC%25")]
)
def test_ids_are_quoted(ident: object, quoted: str) -> None:
    assert path_segment(ident) == quoted


def test_an_empty_id_is_an_error() -> None:
    with pytest.raises(InvalidResponseError, match="the server returned a record without an id"):
        path_segment("")


@pytest.mark.parametrize("ident", [".", "..", "a/b", "a?b", "a#b", "a\\b", "a;b"])
def test_ids_that_change_the_path_are_rejected(ident: str) -> None:
    with pytest.raises(InvalidResponseError, match="cannot be part of a path"):
        path_segment(ident)
