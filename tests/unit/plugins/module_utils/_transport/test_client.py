# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import datetime
import email.utils
import gzip
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    CertificateError,
    ConnectionFailedError,
    ForbiddenError,
    InvalidResponseError,
    OptionError,
    ServerError,
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._transport import client as http_client
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint
from tests.unit.plugins.module_utils._transport.fake_server import ALLOWLIST, OK, PASSWORD, free_port, in_turn

# Responses


def test_a_response_is_read_completely_and_counted(serve: Any, connect: Any) -> None:
    server = serve(in_turn((200, {"X-Version": "7"}, {"items": [1, 2]})))
    client = connect(server)
    answer = client.get("/api/list", {"page": "2"})
    assert answer.json_object() == {"items": [1, 2]}
    assert answer.headers["x-version"] == "7"
    assert (answer.request, answer.server) == ("GET /api/list", f"localhost:{server.port}")
    assert server.calls() == ["GET /api/list?page=2"]
    assert (client.request_stats.count, client.request_stats.retries, client.request_stats.bytes) == (
        1,
        0,
        len(answer.body),
    )


def test_connections_are_reused(serve: Any, connect: Any) -> None:
    peers = set()

    def answer(request: Any) -> tuple[int, dict[str, str], Any]:
        peers.add(threading.get_ident())
        return OK

    client = connect(serve(answer))
    for _turn in range(5):
        client.get("/api/list")
    # The server handles each connection in its own thread.
    assert len(peers) == 1


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'\xef\xbb\xbf{"name": "db01"}', {}),
        ('{"name": "db01"}'.encode("utf-16"), {}),
        (gzip.compress(b'{"name": "db01"}', mtime=0), {"Content-Encoding": "gzip"}),
    ],
)
def test_json_is_decoded_in_any_encoding(serve: Any, connect: Any, content: bytes, headers: dict[str, str]) -> None:
    client = connect(serve(in_turn((200, headers, content))))
    assert client.get("/api/list").json() == {"name": "db01"}


def test_a_response_without_a_body_is_valid(serve: Any, connect: Any) -> None:
    client = connect(serve(in_turn((204, {}, b""))))
    assert client.get("/api/list").body == b""


def test_a_chunked_response_is_assembled(serve: Any, connect: Any) -> None:
    def write(stream: Any) -> None:
        stream.write(b'5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n')

    client = connect(serve(in_turn((200, {"Transfer-Encoding": "chunked"}, write))))
    assert client.get("/api/list").json() == {"a": 1}


@pytest.mark.parametrize(
    ("content", "message", "server_message"),
    [
        (b"", "the response is empty", None),
        (b" \n", "the response is empty", None),
        (b"<html><title>Sign in</title></html>", "the response is a web page or XML instead of JSON", "Sign in"),
        (b'{"items": [1, 2', "the JSON in the response is invalid or truncated", None),
        (b"[" * 100_000, "the JSON in the response is invalid or truncated", None),
        (b"hello", "the response is not JSON", None),
        (b'{"a": "\xff"}', "the JSON in the response is invalid or truncated", None),
    ],
)
def test_a_response_that_is_not_json_is_described(
    serve: Any, connect: Any, content: bytes, message: str, server_message: str | None
) -> None:
    server = serve(in_turn((200, {}, content)))
    with pytest.raises(InvalidResponseError) as raised:
        connect(server).get("/api/list").json()
    assert raised.value.message.startswith(message)
    assert raised.value.server_message == server_message
    assert (raised.value.request, raised.value.status) == ("GET /api/list", 200)
    assert raised.value.hint


@pytest.mark.parametrize(("content", "kind"), [([], "array"), (None, "null"), ("text", "string"), (7, "number")])
def test_json_that_is_not_an_object_is_reported(serve: Any, connect: Any, content: Any, kind: str) -> None:
    answer = connect(serve(in_turn((200, {}, json.dumps(content).encode())))).get("/api/list")
    with pytest.raises(InvalidResponseError, match=f"the response is a JSON {kind}, not an object"):
        answer.json_object()


def test_a_truncated_body_is_an_error(serve: Any, connect: Any) -> None:
    def write(stream: Any) -> None:
        stream.write(b'{"items": []}')

    server = serve(in_turn((200, {"Content-Length": "500"}, write)))
    with pytest.raises(
        ConnectionFailedError, match=r"^Connection to localhost:\d+ failed during GET /api/list .*3 attempts\)"
    ):
        connect(server).get("/api/list")
    assert len(server.requests) == 3


# TLS


def test_a_certificate_of_another_ca_is_rejected(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK))
    with pytest.raises(CertificateError) as raised:
        connect(server, verify=True).get("/api/list")
    assert raised.value.message.startswith(
        f"Certificate verification failed for localhost:{server.port}: issued by an unknown CA ("
    )
    assert 'Set "ca_path" to the PEM file of the CA that issued it' in (raised.value.hint or "")
    assert server.requests == []


def test_a_certificate_for_another_name_is_rejected(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK), names=("other.example",))
    with pytest.raises(CertificateError) as raised:
        connect(server).get("/api/list")
    assert "localhost" in raised.value.message
    assert "name from the certificate" in (raised.value.hint or "")


def test_an_expired_certificate_is_rejected(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK), not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc))
    with pytest.raises(CertificateError) as raised:
        connect(server).get("/api/list")
    assert "expired" in raised.value.message
    assert "clock" in (raised.value.hint or "")


def test_any_certificate_is_accepted_without_verification(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK), names=("other.example",))
    assert connect(server, verify=False).get("/api/list").json() == {"ok": True}


def test_plain_http_on_the_port_is_reported(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK), tls=False)
    with pytest.raises(CertificateError, match=f"localhost:{server.port} does not use TLS. Check the port"):
        connect(server, url=server.url.replace("http:", "https:")).get("/api/list")


def test_a_ca_file_without_a_certificate_is_reported(serve: Any, connect: Any, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing\n")
    with pytest.raises(CertificateError, match=f"ca_path '{path}' does not contain a certificate"):
        connect(serve(in_turn(OK)), verify=str(path)).get("/api/list")


def test_certificate_errors_are_not_retried(serve: Any, connect: Any, pauses: list[float]) -> None:
    client = connect(serve(in_turn(OK)), verify=True)
    with pytest.raises(CertificateError):
        client.get("/api/list")
    assert pauses == []
    assert client.request_stats.retries == 0


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_ca_variables_of_the_environment_are_ignored(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    server = serve(in_turn(OK))
    monkeypatch.setenv(name, server.ca_path)
    with pytest.raises(CertificateError):
        connect(server, verify=True).get("/api/list")
    (tmp_path / "other.pem").write_text("")
    monkeypatch.setenv(name, str(tmp_path / "other.pem"))
    assert connect(server).get("/api/list").json() == {"ok": True}
    assert connect(server, verify=False).get("/api/list").json() == {"ok": True}


# Connections


def test_a_refused_connection_reports_host_port_and_attempts(connect: Any, serve: Any, pauses: list[float]) -> None:
    server, port = serve(in_turn(OK)), free_port()
    client = connect(server, url=f"https://localhost:{port}")
    with pytest.raises(ConnectionFailedError) as raised:
        client.get("/api/list")
    assert str(raised.value) == (
        f"Cannot connect to localhost:{port}: connection refused (3 attempts). "
        'Check the host and port in "url" and that the server is running.'
    )
    assert raised.value.code == "connection_error"
    assert (raised.value.server, raised.value.request) == (f"localhost:{port}", "GET /api/list")
    assert len(pauses) == client.request_stats.retries == 2


def test_an_unknown_host_name_is_reported_and_not_retried(connect: Any, serve: Any, pauses: list[float]) -> None:
    client = connect(serve(in_turn(OK)), url="https://no-such-host.invalid:443")
    with pytest.raises(ConnectionFailedError, match=r"Cannot resolve host name 'no-such-host.invalid'"):
        client.get("/api/list")
    # A failure of the name service is transient. An unknown host name is not.
    assert len(pauses) in (0, 2)


def test_a_timeout_is_reported(serve: Any, connect: Any) -> None:
    gone = threading.Event()
    server = serve(lambda _asked: (200, {}, b"") if gone.wait(20) else OK)
    try:
        with pytest.raises(
            ConnectionFailedError, match=r"Timed out after 0.2 s waiting for localhost:\d+ \(.*, 2 attempts\)"
        ):
            connect(server, timeout=0.2, retries=1).get("/api/list")
    finally:
        gone.set()


@pytest.mark.parametrize("url", ["https://ho st:443", "https://.example:443", "https://*.example:443"])
def test_an_invalid_host_is_an_option_error(connect: Any, serve: Any, url: str) -> None:
    with pytest.raises(OptionError, match="url: "):
        connect(serve(in_turn(OK)), url=url).get("/api/list")


# Retries


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_transient_errors_are_retried(serve: Any, connect: Any, pauses: list[float], status: int) -> None:
    server = serve(in_turn((status, {}, b""), (status, {}, b""), OK))
    client = connect(server)
    assert client.get("/api/list").json() == {"ok": True}
    assert client.request_stats.retries == 2
    assert client.request_stats.count == 3
    # Half a second, then one second, each plus or minus 50 %.
    assert 0.25 <= pauses[0] <= 0.75
    assert 0.5 <= pauses[1] <= 1.5


def test_permanent_errors_report_the_number_of_attempts(serve: Any, connect: Any) -> None:
    server = serve(in_turn((503, {}, b'{"description": "starting"}')))
    with pytest.raises(ServerError, match=r"\(HTTP 503, 3 attempts\)") as raised:
        connect(server).get("/api/list")
    assert raised.value.server_message == "starting"
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "kind"), [(500, ServerError), (403, ForbiddenError), (400, InvalidResponseError)])
def test_client_errors_are_not_retried(serve: Any, connect: Any, status: int, kind: type[AuditError]) -> None:
    server = serve(in_turn((status, {}, b'{"message": "no"}')))
    with pytest.raises(kind) as raised:
        connect(server).get("/api/list")
    assert "attempts" not in raised.value.message
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("999999", 120, 120),
        ("1e400", 120, 120),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 120, 120),
        # Invalid values: the default backoff applies.
        ("-5", 0.25, 0.75),
        ("nan", 0.25, 0.75),
        ("soon", 0.25, 0.75),
        ("", 0.25, 0.75),
        ("Sat, 21 Nov 2020 06:49:00 GMT", 0.25, 0.75),
    ],
)
def test_retry_after_in_seconds(
    serve: Any, connect: Any, pauses: list[float], value: str, least: float, most: float
) -> None:
    connect(serve(in_turn((503, {"Retry-After": value}, b""), OK))).get("/api/list")
    assert len(pauses) == 1
    assert least <= pauses[0] <= most


def test_retry_after_as_a_date(serve: Any, connect: Any, pauses: list[float]) -> None:
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    connect(serve(in_turn((429, {"Retry-After": date}, b""), OK))).get("/api/list")
    assert 57 <= pauses[0] <= 60


def test_backoff_is_bounded() -> None:
    assert [max(http_client._backoff(attempt) for _turn in range(200)) > 15 for attempt in (1, 9)] == [False, True]
    assert max(http_client._backoff(attempt) for attempt in range(1, 200)) <= 30


def test_waiting_retries_stop_when_the_read_fails(serve: Any) -> None:
    server = serve(in_turn((503, {"Retry-After": "60"}, b"")))
    with contextlib.closing(Client(Endpoint(url=server.url, verify=server.ca_path), ALLOWLIST)) as client:
        threading.Timer(0.3, client.stop_reading).start()
        started = time.monotonic()
        with pytest.raises(ServerError):
            client.get("/api/list")
        assert time.monotonic() - started < 10
        with pytest.raises(AuditError, match="the read was stopped after another error"):
            client.get("/api/list")
        assert len(server.requests) == 1
        # The session can still be closed.
        with pytest.raises(ServerError):
            client.request("DELETE", "/api/session", authenticated=False, idempotent=False)
    assert len(server.requests) == 2


LOG_IN = {"form": {"password": PASSWORD}, "authenticated": False, "idempotent": False}


def test_a_rejected_login_is_not_retried(serve: Any, connect: Any, pauses: list[float]) -> None:
    server = serve(in_turn((401, {}, b"")))
    with pytest.raises(UnauthorizedError):
        connect(server).request("POST", "/api/session", **LOG_IN)
    assert len(server.requests) == 1
    assert pauses == []


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_login_that_may_have_been_processed_is_not_retried(serve: Any, connect: Any, status: int) -> None:
    server = serve(in_turn((status, {}, b"")))
    with pytest.raises(ServerError):
        connect(server).request("POST", "/api/session", **LOG_IN)
    assert len(server.requests) == 1


def test_a_login_is_not_retried_after_a_broken_connection(serve: Any, connect: Any, pauses: list[float]) -> None:
    server = serve(in_turn((200, {"Content-Length": "50"}, lambda stream: stream.write(b"{"))))
    with pytest.raises(ConnectionFailedError):
        connect(server).request("POST", "/api/session", **LOG_IN)
    assert len(server.requests) == 1
    assert pauses == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_login_is_retried_if_the_server_was_busy(serve: Any, connect: Any, status: int) -> None:
    server = serve(in_turn((status, {}, b""), OK))
    assert connect(server).request("POST", "/api/session", **LOG_IN).json() == {"ok": True}
    assert len(server.requests) == 2


def test_a_login_is_retried_if_no_connection_was_made(serve: Any, connect: Any, pauses: list[float]) -> None:
    client = connect(serve(in_turn(OK)), url=f"https://localhost:{free_port()}")
    with pytest.raises(ConnectionFailedError):
        client.request("POST", "/api/session", **LOG_IN)
    assert len(pauses) == 2


# Clock skew


@pytest.mark.parametrize("ahead", [0, 3600, -86400])
def test_the_first_response_gives_the_server_clock(serve: Any, connect: Any, ahead: int) -> None:
    def answer(_asked: Any) -> tuple[int, dict[str, str], Any]:
        return 200, {"Date": email.utils.formatdate(time.time() + ahead, usegmt=True)}, b"{}"

    client = connect(serve(answer))
    assert client.skew_micros is None
    client.get("/api/list")
    found: Any = client.skew_micros
    assert abs(found - ahead * SECOND) <= 2 * SECOND


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_without_a_date_header_the_clock_is_unknown(serve: Any, connect: Any, headers: dict[str, str]) -> None:
    client = connect(serve(in_turn((200, headers, b"{}"))))
    client.get("/api/list")
    assert client.skew_micros is None
