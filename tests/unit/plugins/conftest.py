# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real server over TLS on loopback, told by each test what to answer; threads that read it."""

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
from tests.unit.plugins.module_utils._transport.fake_server import ALLOWLIST, Hasty


@dataclasses.dataclass
class Asked:
    """A request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclasses.dataclass
class Server:
    """What a running server is called, and what it was asked; ``answer`` may be changed at any time."""

    answer: Callable[[Asked], tuple[int, dict[str, str], Any]]
    url: str = ""
    ca_path: str = ""
    asked: list[Asked] = dataclasses.field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def calls(self) -> list[str]:
        """Method and path of all requests, in the order in which they came."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def _reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, self.path, dict(self.headers.items()), body)
        told = self.server.told
        told.asked.append(asked)
        status, headers, content = told.answer(asked)
        if callable(content):
            # The test writes the bytes of the body, and breaks off, by itself.
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
        """Nothing on stderr."""


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    told: Server

    def shutdown_request(self, request: Any) -> None:
        """End as servers do that linger: what closes with unread data sends a reset, which can take an alert away."""
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            request.settimeout(1)
            while request.recv(65536):
                pass
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave are what many tests are about."""


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """An authority that nobody trusts but who is told its file."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_path(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of that authority."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def serve(ca: trustme.CA, ca_path: str) -> Iterator[Callable[..., Server]]:
    """Starts servers: ``serve(answer)``; the other options make them less trustworthy."""
    with contextlib.ExitStack() as stack:

        def start(
            answer: Callable[[Asked], tuple[int, dict[str, str], Any]],
            *,
            names: tuple[str, ...] = ("localhost", "127.0.0.1"),
            not_after: datetime.datetime | None = None,
            tls: bool = True,
            tune: Callable[[ssl.SSLContext], None] | None = None,
        ) -> Server:
            listener = _Listener(("127.0.0.1", 0), _Handler)
            told = Server(answer, f"{'https' if tls else 'http'}://localhost:{listener.server_port}", ca_path)
            listener.told = told
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
            return told

        yield start


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy, CA or login of this machine takes part in a test."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


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
            client = Client(Endpoint(**settings), ALLOWLIST)
            client._stopped = Hasty(pauses)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def thread_pool() -> Iterator[ThreadPool]:
    """Four threads."""
    made = ThreadPool(4)
    yield made
    made.close()
