# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: a TLS server on loopback whose responses each test defines, clients for it, and a thread pool."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool
from tests.unit.plugins.module_utils._transport.fake_server import ALLOWLIST, RecordingEvent


@dataclasses.dataclass
class RecordedRequest:
    """A request as the server received it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclasses.dataclass
class Server:
    """URL and CA of a running server, and the requests it received; ``respond`` may be changed at any time."""

    respond: Callable[[RecordedRequest], tuple[int, dict[str, str], Any]]
    url: str = ""
    ca_path: str = ""
    requests: list[RecordedRequest] = dataclasses.field(default_factory=list)

    @property
    def port(self) -> int:
        """The port on which the server listens."""
        return int(self.url.rpartition(":")[2])

    def calls(self) -> list[str]:
        """Return method and path of all requests, in the order of arrival."""
        return [f"{request.method} {request.path}" for request in self.requests]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def _reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = RecordedRequest(self.command, self.path, dict(self.headers.items()), body)
        fake = self.server.fake
        fake.requests.append(request)
        status, headers, content = fake.respond(request)
        if callable(content):
            # The test itself writes the bytes of the body and ends the response.
            self._head(status, headers)
            with contextlib.suppress(OSError):
                content(self.wfile)
            self.close_connection = True
            return
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._head(status, {"Content-Length": str(len(data)), **headers})
        self.wfile.write(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    do_GET = do_POST = do_DELETE = _reply

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Write nothing to stderr."""


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    fake: Server

    def shutdown_request(self, request: Any) -> None:
        """Linger on close: closing a socket with unread data sends a reset, which can discard a TLS alert."""
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            request.settimeout(1)
            while request.recv(65536):
                pass
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: many tests close the connection on purpose."""


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """A CA that only clients with its file trust."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_path(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the CA file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def serve(ca: trustme.CA, ca_path: str) -> Iterator[Callable[..., Server]]:
    """Start servers: ``serve(respond)``; the other options change their TLS settings."""
    with contextlib.ExitStack() as stack:

        def start(
            respond: Callable[[RecordedRequest], tuple[int, dict[str, str], Any]],
            *,
            names: tuple[str, ...] = ("localhost", "127.0.0.1"),
            not_after: datetime.datetime | None = None,
            tls: bool = True,
            tune: Callable[[ssl.SSLContext], None] | None = None,
        ) -> Server:
            listener = _Listener(("127.0.0.1", 0), _Handler)
            fake = Server(respond, f"{'https' if tls else 'http'}://localhost:{listener.server_port}", ca_path)
            listener.fake = fake
            if tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                before = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc) if not_after else None
                ca.issue_cert(*names, not_after=not_after, not_before=before).configure_cert(context)
                if tune is not None:
                    tune(context)
                listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
            thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(listener.server_close)
            stack.callback(listener.shutdown)
            return fake

        yield start


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove proxy, CA and login settings of this machine from the environment."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def pauses() -> list[float]:
    """The times in seconds that clients would have waited between attempts."""
    return []


@pytest.fixture
def connect(pauses: list[float]) -> Iterator[Callable[..., Client]]:
    """Create clients that do not really wait; they are closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(server: Any, **more: Any) -> Client:
            settings = {"url": server.url, "verify": server.ca_path, "timeout": 5, "retries": 2, **more}
            client = Client(Endpoint(**settings), ALLOWLIST)
            client._stopped = RecordingEvent(pauses)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def thread_pool() -> Iterator[ThreadPool]:
    """A pool of four threads."""
    made = ThreadPool(4)
    yield made
    made.close()
