# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fingerprint of the server's certificate is checked in the handshake, before anything is sent."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from ansible_collections.backup.audit.plugins.module_utils._core.errors import CertificateError
from ansible_collections.backup.audit.plugins.module_utils._transport.http_errors import connection_error
from tests.unit.plugins.module_utils._transport.fake_server import OK, in_turn
from tests.unit.plugins.module_utils._transport.test_tls import self_signed

WRONG = "0123456789abcdef" * 4


def with_colons(digits: str) -> str:
    return ":".join(digits[index : index + 2] for index in range(0, len(digits), 2))


def serve_self_signed(serve: Any, folder: Path) -> tuple[Any, str]:
    """Start a server with a self-signed certificate, and return it with its fingerprint."""
    certificate, key = self_signed(folder)
    server = serve(in_turn(OK), tune=lambda context: context.load_cert_chain(certificate, key))
    der = ssl.PEM_cert_to_DER_cert(Path(certificate).read_text())
    return server, hashlib.sha256(der).hexdigest()


def test_the_right_certificate_needs_no_ca(serve: Any, connect: Any, tmp_path: Path) -> None:
    server, fingerprint = serve_self_signed(serve, tmp_path)
    client = connect(server, verify=False, fingerprint=fingerprint)
    assert client.get("/api/list").json() == {"ok": True}


def test_no_request_is_sent_to_another_certificate(serve: Any, connect: Any, tmp_path: Path) -> None:
    server, fingerprint = serve_self_signed(serve, tmp_path)
    client = connect(server, verify=False, fingerprint=WRONG)
    with pytest.raises(CertificateError) as raised:
        client.request("POST", "/api/session", basic=("auditor", "secret"), authenticated=False, idempotent=False)
    assert f"expected the SHA-256 fingerprint {with_colons(WRONG)}, found {with_colons(fingerprint)}" in str(
        raised.value
    )
    assert "Nothing was sent to it" in str(raised.value)
    assert client.request_stats.retries == 0
    assert server.requests == []


def test_a_known_ca_does_not_replace_the_fingerprint(serve: Any, connect: Any) -> None:
    server = serve(in_turn(OK))
    with pytest.raises(CertificateError, match="has another certificate"):
        connect(server, fingerprint=WRONG).get("/api/list")
    assert server.requests == []


def test_the_fingerprint_does_not_replace_a_ca(serve: Any, connect: Any, tmp_path: Path) -> None:
    server, fingerprint = serve_self_signed(serve, tmp_path)
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with pytest.raises(CertificateError, match="not issued by a CA in ca_path"):
        connect(server, verify=str(other), fingerprint=fingerprint).get("/api/list")
    assert server.requests == []


@contextlib.contextmanager
def running_proxy() -> Iterator[str]:
    """Run a proxy that tunnels one connection, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def tunnel() -> None:
            client, _address = listener.accept()
            with client, client.makefile("rb") as received:
                host, _colon, port = received.readline().split()[1].decode().rpartition(":")
                while received.readline().strip():
                    pass
                with socket.create_connection((host, int(port))) as server:
                    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                    back = threading.Thread(target=copy, args=(server, client))
                    back.start()
                    copy(client, server)
                    back.join()

        thread = threading.Thread(target=tunnel)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError), source.makefile("rb", 0) as readable, target.makefile("wb", 0) as writable:
        shutil.copyfileobj(readable, writable, 1)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("is_right", [True, False])
def test_the_certificate_behind_a_proxy_is_checked(serve: Any, connect: Any, tmp_path: Path, *, is_right: bool) -> None:
    server, fingerprint = serve_self_signed(serve, tmp_path)
    with running_proxy() as proxy:
        given = fingerprint if is_right else WRONG
        client = connect(server, verify=False, fingerprint=given, proxy=proxy, retries=0)
        if is_right:
            assert client.get("/api/list").json() == {"ok": True}
        else:
            with pytest.raises(CertificateError, match="has another certificate"):
                client.get("/api/list")
        client.close()
    assert len(server.requests) == is_right


def test_verification_without_a_fingerprint(serve: Any, connect: Any, tmp_path: Path) -> None:
    server, _fingerprint = serve_self_signed(serve, tmp_path)
    with pytest.raises(CertificateError, match="issued by an unknown CA"):
        connect(server, verify=True).get("/api/list")


@pytest.mark.parametrize("shown", ["AB" * 32, f"b'{'ab' * 32}'"])
def test_both_message_formats_of_urllib3_are_parsed(connect: Any, serve: Any, shown: str) -> None:
    """Before version 2 the message has the found fingerprint as bytes."""
    found = "ab" * 32
    raised = OSError(f'Fingerprints did not match. Expected "{WRONG}", got "{shown}".')
    endpoint = connect(serve(in_turn(OK)), fingerprint=WRONG).endpoint
    error = connection_error(raised, "host", "GET /api/list", endpoint)
    assert isinstance(error, CertificateError)
    assert f"found {with_colons(found)}" in error.message
