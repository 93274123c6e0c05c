# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS: untrusted servers and rejected clients. Each error message suggests a fix."""

from __future__ import annotations

import base64
import datetime
import os
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.backup.audit.plugins.module_utils._core.errors import CertificateError
from tests.unit.plugins.module_utils._transport.fake_server import OK, in_turn

# With TLS 1.3 a server rejects the client after the client has finished the handshake and may already be sending. The
# alert can then be lost with the connection, and is sent again on a retry.
LOST = 3


def certificate_error(client: Any, *, retries: int = 0) -> CertificateError:
    """Return the certificate error of a request, with up to ``retries`` more attempts."""
    with pytest.raises(CertificateError) as raised:
        client.get("/api/list")
    assert raised.value.code == "certificate_error"
    # One line that names the server.
    assert client.host.startswith("localhost:")
    assert client.host in str(raised.value)
    assert "\n" not in str(raised.value)
    assert client.request_stats.retries <= retries
    return raised.value


def self_signed(folder: Path) -> tuple[str, str]:
    """Create a self-signed certificate for localhost; return the paths of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "self.pem").write_bytes(certificate.public_bytes(pem))
    unencrypted = serialization.NoEncryption()
    (folder / "self.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted))
    return str(folder / "self.pem"), str(folder / "self.key")


def test_a_self_signed_certificate_is_trusted_only_as_ca_path(serve: Any, connect: Any, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    server = serve(in_turn(OK), tune=lambda context: context.load_cert_chain(certificate, key))
    for verify, reason in (
        (True, "issued by an unknown CA (self"),
        (server.ca_path, f"not issued by a CA in ca_path '{server.ca_path}' (self"),
    ):
        error = certificate_error(connect(server, verify=verify))
        assert f"Certificate verification failed for localhost:{server.port}: {reason}" in error.message
        assert "self-signed" in error.message or "self signed" in error.message
        assert "ca_path" in (error.hint or "")
    assert server.requests == []
    assert connect(server, verify=certificate).get("/api/list").json() == {"ok": True}


def test_a_certificate_that_is_not_yet_valid_suggests_a_wrong_clock(serve: Any, connect: Any, ca: trustme.CA) -> None:
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)
    certificate = ca.issue_cert("localhost", not_before=later, not_after=later + datetime.timedelta(days=1))
    error = certificate_error(connect(serve(in_turn(OK), tune=certificate.configure_cert)))
    assert "not yet valid" in error.message
    assert "clock" in (error.hint or "")


def allow_only(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
    """Limit a server to one version of TLS."""

    def tune(context: ssl.SSLContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")

    return tune


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_an_outdated_tls_version_is_rejected(serve: Any, connect: Any, version: ssl.TLSVersion) -> None:
    server = serve(in_turn(OK), tune=allow_only(version))
    for verify in (server.ca_path, False):
        error = certificate_error(connect(server, verify=verify))
        assert "supports only an outdated version of TLS" in error.message
        assert "TLS 1.2" in (error.hint or "")
    assert server.requests == []


def test_a_server_without_a_secure_cipher_is_rejected(serve: Any, connect: Any) -> None:
    def tune(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("aNULL:eNULL:@SECLEVEL=0")

    error = certificate_error(connect(serve(in_turn(OK), tune=tune)))
    assert "agree" in error.message
    assert "cipher" in (error.hint or "")


# Client certificates


def require_client_certificate(ca: trustme.CA, version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
    """Make a server accept only client certificates of this CA."""

    def tune(context: ssl.SSLContext) -> None:
        context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        ca.configure_trust(context)

    return tune


BOTH_VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


def client_files(ca: trustme.CA, folder: Path, **more: Any) -> tuple[str, str, str]:
    """Create a client certificate; return the paths of the certificate, its key, and a file with both."""
    issued = ca.issue_cert("auditor.example", **more)
    certificate, key, both = (str(folder / name) for name in ("client.pem", "client.key", "both.pem"))
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    issued.private_key_and_cert_chain_pem.write_to_path(both)
    return certificate, key, both


@BOTH_VERSIONS
def test_a_client_certificate_is_sent(
    serve: Any, connect: Any, ca: trustme.CA, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    server = serve(in_turn(OK), tune=require_client_certificate(ca, version))
    certificate, key, both = client_files(ca, tmp_path)
    for client_cert in ((certificate, key), (both, both)):
        assert connect(server, client_cert=client_cert).get("/api/list").json() == {"ok": True}


@BOTH_VERSIONS
def test_a_missing_client_certificate_is_reported(
    serve: Any, connect: Any, ca: trustme.CA, version: ssl.TLSVersion
) -> None:
    error = certificate_error(connect(serve(in_turn(OK), tune=require_client_certificate(ca, version))), retries=LOST)
    assert "client_cert" in (error.hint or "")


@BOTH_VERSIONS
def test_a_client_certificate_of_another_ca_is_reported(
    serve: Any, connect: Any, ca: trustme.CA, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    certificate, key, _both = client_files(trustme.CA(), tmp_path)
    client = connect(serve(in_turn(OK), tune=require_client_certificate(ca, version)), client_cert=(certificate, key))
    error = certificate_error(client, retries=LOST)
    assert "rejected the client certificate" in error.message
    assert "client_cert" in (error.hint or "")


def test_an_expired_client_certificate_is_reported(serve: Any, connect: Any, ca: trustme.CA, tmp_path: Path) -> None:
    past = [datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc) for year in (2019, 2020)]
    certificate, key, _both = client_files(ca, tmp_path, not_before=past[0], not_after=past[1])
    server = serve(in_turn(OK), tune=require_client_certificate(ca, ssl.TLSVersion.TLSv1_3))
    error = certificate_error(connect(server, client_cert=(certificate, key)), retries=LOST)
    assert "rejected the client certificate" in error.message
    assert "expired" in error.message


def test_mismatched_certificate_and_key_are_reported(serve: Any, connect: Any, ca: trustme.CA, tmp_path: Path) -> None:
    certificate, _key, _both = client_files(ca, tmp_path)
    (tmp_path / "other").mkdir()
    _certificate, other_key, _both = client_files(ca, tmp_path / "other")
    server = serve(in_turn(OK), tune=require_client_certificate(ca, ssl.TLSVersion.TLSv1_3))
    error = certificate_error(connect(server, client_cert=(certificate, other_key)))
    assert f"client_key '{other_key}' is not the private key of client_cert '{certificate}'" in error.message


def test_a_key_with_a_password_is_reported_without_a_prompt(
    serve: Any, connect: Any, ca: trustme.CA, tmp_path: Path
) -> None:
    """OpenSSL would prompt for it on the terminal, and the play would wait forever."""
    certificate, key, _both = client_files(ca, tmp_path)
    loaded = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    locked = loaded.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    both = tmp_path / "locked.pem"
    both.write_bytes(locked + Path(certificate).read_bytes())
    server = serve(in_turn(OK), tune=require_client_certificate(ca, ssl.TLSVersion.TLSv1_3))
    for client_cert in ((certificate, str(both)), (str(both), str(both))):
        assert "is encrypted with a password" in certificate_error(connect(server, client_cert=client_cert)).message


# Environment variables that must have no effect


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("right", [False, True])
def test_environment_variables_do_not_affect_trust(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, right: bool
) -> None:
    server = serve(in_turn(OK))
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    path = Path(server.ca_path) if right else other
    monkeypatch.setenv(name, str(path.parent if name.endswith("DIR") else path))
    certificate_error(connect(server, verify=True))
    certificate_error(connect(server, verify=str(other)))
    assert connect(server).get("/api/list").json() == {"ok": True}
    assert connect(server, verify=False).get("/api/list").json() == {"ok": True}


@pytest.mark.parametrize("where", ["NETRC", "HOME"])
def test_netrc_never_overrides_the_configured_login(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login mallory password stolen\ndefault login mallory password stolen\n")
    netrc.chmod(0o600)
    monkeypatch.setenv(where, str(netrc if where == "NETRC" else tmp_path))
    server = serve(in_turn(OK))
    connect(server).request("POST", "/api/session", basic=("auditor", "given"))
    sent = server.requests[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"auditor:given"


def test_ca_path_can_be_a_directory(serve: Any, connect: Any, tmp_path: Path) -> None:
    server = serve(in_turn(OK))
    subject = x509.load_pem_x509_certificate(Path(server.ca_path).read_bytes())
    # The file name that c_rehash creates. OpenSSL finds certificates by the hash of their subject.
    (tmp_path / f"{subject_hash(subject)}.0").write_bytes(Path(server.ca_path).read_bytes())
    assert connect(server, verify=str(tmp_path)).get("/api/list").json() == {"ok": True}
    empty = tmp_path / "empty"
    empty.mkdir()
    certificate_error(connect(server, verify=str(empty)))


def subject_hash(certificate: x509.Certificate) -> str:
    """Compute the subject hash with OpenSSL."""
    import subprocess

    pem = certificate.public_bytes(serialization.Encoding.PEM)
    command = ["openssl", "x509", "-noout", "-subject_hash"]
    return subprocess.run(command, input=pem, capture_output=True, check=True).stdout.decode().strip()


def test_certificate_files_are_checked_once(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests of this file check that nothing is sent to an untrusted server."""
    client = connect(serve(in_turn(OK, OK, OK)))
    client.get("/api/list")
    looked_at: list[Any] = []
    for function in (os.path.exists, os.path.isdir):

        def look(path: Any, function: Any = function) -> Any:
            looked_at.append(path)
            return function(path)

        monkeypatch.setattr(os.path, function.__name__, look)
    client.get("/api/list")
    client.get("/api/list")
    assert looked_at == []
