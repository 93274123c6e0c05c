# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    CertificateError,
    ConnectionFailedError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    ServerError,
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Endpoint
from ansible_collections.backup.audit.plugins.module_utils._transport.http_errors import (
    build_http_error,
    connection_error,
    extract_server_message,
)


def plain(text: str) -> str:
    """Return the text unchanged, as there are no secrets to mask."""
    return text


def parse_message(document: Any) -> str:
    return extract_server_message(json.dumps(document).encode(), plain)


@pytest.mark.parametrize(
    ("document", "server_message"),
    [
        # RFC 7807
        (
            {
                "type": "about:blank",
                "title": "Bad Request",
                "status": 400,
                "detail": "Limit is too large",
                "errors": {},
            },
            "Bad Request: Limit is too large",
        ),
        # OAuth2
        (
            {"error": "invalid_grant", "error_description": "Unknown user or bad password"},
            "Unknown user or bad password (invalid_grant)",
        ),
        # Veeam Backup & Replication
        ({"errorCode": "AccessDenied", "message": "Access is denied", "resourceId": None}, "Access is denied"),
        # Spectrum Protect Plus, plain and wrapped
        (
            {"id": "XSBLoginException", "description": "The user name is not valid", "rc": 1},
            "The user name is not valid (XSBLoginException)",
        ),
        ({"id": "XSBLoginException", "description": "It is not valid."}, "It is not valid (XSBLoginException)"),
        ({"response": {"description": "catalog is corrupt"}, "statusCode": 500}, "catalog is corrupt"),
        ({"response": {"response": {"id": "XSBException"}}}, "XSBException"),
        # Unitrends
        ({"result": [{"code": 1, "message": "No Backups were found!"}]}, "No Backups were found!"),
        ({"error": 500, "message": "No such system"}, "No such system"),
        # vProtect
        ({"error": {"error": {"message": "Not allowed"}}}, "Not allowed"),
        # Keys that start with a capital letter
        ({"Message": "The session has expired", "StatusCode": 401}, "The session has expired"),
        ("a bare text", "a bare text"),
        ([{"message": "first"}, {"message": "second"}, {"message": "first"}], "first: second"),
        ({"title": "same", "detail": "same"}, "same"),
        ({"message": "same", "error": "same"}, "same"),
        ({"message": "Not found.", "error": "no such thing."}, "Not found: no such thing."),
        ({"message": "  two\n\tlines\u0007 and\u2028a bell "}, "two lines and a bell"),
        ({"message": "", "detail": None, "title": 7}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
        (False, ""),
    ],
)
def test_messages_in_every_error_format(document: Any, server_message: str) -> None:
    assert parse_message(document) == server_message


@pytest.mark.parametrize(
    ("body", "server_message"),
    [
        (b"<html><head><TITLE>502 Bad\n Gateway</TITLE></head></html>", "502 Bad Gateway"),
        (b"<title>a &amp; b</title>", "a & b"),
        (
            b'<?xml version="1.0"?><Error xmlns="http://x" Message="Session &lt;7&gt; expired" StatusCode="401"/>',
            "Session <7> expired",
        ),
        (b"Bad request: Unsupported RESTAPI version.", "Bad request: Unsupported RESTAPI version."),
        (b"", ""),
        (b"   ", ""),
        (b"<html><body>no title</body></html>", ""),
        (b'{"message": "cut sho', ""),
        (b"\x00\x01\x02binary", ""),
        (b"[" * 100_000, ""),
        (b"\xff\xfe\xfa", "\ufffd\ufffd\ufffd"),
    ],
)
def test_messages_in_bodies_that_are_not_json(body: bytes, server_message: str) -> None:
    assert extract_server_message(body, plain) == server_message


def test_long_messages_are_truncated() -> None:
    server_message = parse_message({"message": "x" * 5000})
    assert len(server_message) == 300
    assert server_message.endswith("xxx...")


def test_secrets_are_masked_before_truncation() -> None:
    secret = "hunter2-hunter2"
    body = json.dumps({"message": "x" * 290 + secret + "y" * 100}).encode()
    server_message = extract_server_message(body, lambda text: text.replace(secret, "********"))
    assert "hunter" not in server_message
    assert "***" in server_message


def test_a_secret_written_as_html_is_masked() -> None:
    body = b"<title>no user with password p&amp;w&quot;d</title>"
    assert (
        extract_server_message(body, lambda text: text.replace('p&w"d', "********")) == "no user with password ********"
    )


@given(st.binary(max_size=200))
def test_any_body_is_handled(body: bytes) -> None:
    server_message = extract_server_message(body, plain)
    assert len(server_message) <= 300
    assert server_message == "" or server_message.isprintable()


@given(
    st.recursive(
        st.text(max_size=20) | st.none() | st.integers(),
        lambda inner: st.dictionaries(st.sampled_from(["message", "error", "x"]), inner) | st.lists(inner, max_size=4),
        max_leaves=30,
    )
)
def test_any_document_is_handled(document: Any) -> None:
    assert len(parse_message(document)) <= 300


@pytest.mark.parametrize(
    ("status", "kind", "code", "server_message"),
    [
        (400, InvalidResponseError, "invalid_response", "did not accept the request (HTTP 400)"),
        (401, UnauthorizedError, "rejected", "rejected the session or the login (HTTP 401)"),
        (403, ForbiddenError, "forbidden", "lacks permission for this request (HTTP 403)"),
        (404, NotFoundError, "not_found", "does not support this request (HTTP 404)"),
        (405, NotFoundError, "not_found", "does not support this request (HTTP 405)"),
        (409, InvalidResponseError, "invalid_response", "did not accept the request (HTTP 409)"),
        (429, ServerError, "server_error", "receives too many requests (HTTP 429)"),
        (500, ServerError, "server_error", "failed or is still starting (HTTP 500)"),
        (503, ServerError, "server_error", "failed or is still starting (HTTP 503)"),
    ],
)
def test_every_status_has_an_error_with_the_server_message(
    status: int, kind: type[AuditError], code: str, server_message: str
) -> None:
    error = build_http_error("backup.example", "GET /api", status, {}, b'{"message": "token abc is bad"}', mask_abc)
    assert error.__class__ == kind
    assert error.as_dict()["code"] == code
    assert server_message in error.message
    assert (error.server, error.request, error.status) == ("backup.example", "GET /api", status)
    assert error.server_message == "token *** is bad"


def mask_abc(text: str) -> str:
    return text.replace("abc", "***")


def test_a_redirect_error_shows_the_masked_target_without_query() -> None:
    headers = {"Location": "https://portal.example/abc/?token=xyz"}
    error = build_http_error("backup.example", "GET /api", 302, headers, b"", mask_abc)
    assert "redirects to 'https://portal.example/***/', and redirects are not followed (HTTP 302)" in error.message
    assert "redirects" in (error.hint or "")


def test_not_found_errors_mention_a_path_in_the_url() -> None:
    without = build_http_error("backup.example", "POST /api/session", 404, {}, b"", plain)
    assert 'Check "url", the product and its version' in (without.hint or "")
    error = build_http_error("backup.example", "POST /ui/login/api/session", 404, {}, b"", plain, "/ui/login")
    assert str(error) == (
        "backup.example POST /ui/login/api/session: the server does not support this request (HTTP 404). "
        """"url" contains the path '/ui/login'; remove it unless a reverse proxy needs it."""
    )


ENDPOINT = Endpoint(
    url="https://backup.example:443", timeout=7, verify="/x/ca.pem", client_cert=("/x/client.pem", "/x/client.key")
)


def convert_error(error: BaseException) -> ConnectionFailedError:
    converted = connection_error(error, "backup.example", "GET /api", ENDPOINT)
    assert (converted.server, converted.request) == ("backup.example", "GET /api")
    return converted


def test_connection_errors_report_the_innermost_cause() -> None:
    error = RuntimeError("Connection aborted")
    error.__cause__ = ConnectionResetError(104, "Connection reset by peer")
    converted = convert_error(error)
    assert converted.message.startswith(
        "Connection to backup.example:443 failed during GET /api (ConnectionResetError: "
    )
    assert (converted.is_transient, converted.is_unsent) == (True, False)


@pytest.mark.parametrize(
    ("text", "is_transient", "message"),
    [
        ("[Errno -2] Name or service not known", False, "Cannot resolve host name 'backup.example'"),
        ("[Errno 111] Connection refused", True, "Cannot connect to backup.example:443: connection refused"),
        (
            "[Errno -3] Temporary failure in name resolution",
            True,
            "Cannot resolve host name 'backup.example': the DNS server does not respond",
        ),
        ("[Errno 113] No route to host", True, "Cannot connect to backup.example:443: no route to host"),
    ],
)
def test_requests_that_were_not_sent_are_recognized(text: str, is_transient: bool, message: str) -> None:
    error = convert_error(OSError(text))
    assert (error.is_unsent, error.is_transient) == (True, is_transient)
    assert error.message == message
    assert not isinstance(error, CertificateError)


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (
            ssl.SSLError("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version"),
            "supports only an outdated version of TLS",
        ),
        (ssl.SSLError("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]"), "backup.example:443 requires a client certificate"),
        (
            ssl.SSLError("[X509: KEY_VALUES_MISMATCH] key values mismatch"),
            "is not the private key of client_cert '/x/client.pem'",
        ),
        (
            OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /x"),
            "cannot read ca_path '/x/ca.pem'",
        ),
        (
            OSError("Could not find the TLS certificate file, invalid path: /x"),
            "cannot read client_cert '/x/client.pem'",
        ),
        (OSError("Could not find the TLS key file, invalid path: /x"), "cannot read client_key '/x/client.key'"),
    ],
)
def test_permanent_tls_errors(raised: Exception, message: str) -> None:
    error = convert_error(raised)
    assert isinstance(error, CertificateError)
    assert message in error.message
    assert not error.is_transient
    assert error.hint


def test_a_timeout_reports_the_limit() -> None:
    error = convert_error(TimeoutError("timed out"))
    assert error.message == "Timed out after 7 s waiting for backup.example:443 (GET /api)"
    assert 'increase "timeout"' in (error.hint or "")


class ProxyError(Exception):
    """An exception with the name of the one of urllib3."""


@pytest.mark.parametrize(
    ("proxy", "described"),
    [
        ("http://me:secret@proxy.example:3128", "proxy proxy.example:3128"),
        ("proxy.example:3128", "proxy proxy.example:3128"),
        (None, "the proxy from the environment"),
    ],
)
@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("Connection refused", "connection refused"),
        ("Name or service not known", "cannot resolve the host name of the proxy"),
    ],
)
def test_an_unusable_proxy_is_reported_without_its_password(
    proxy: str | None, described: str, cause: str, reason: str
) -> None:
    endpoint = Endpoint(url="https://backup.example:443", proxy=proxy)
    error = connection_error(ProxyError("failed", OSError(cause)), "backup.example", "GET /api", endpoint)
    assert error.message == f"Cannot connect to backup.example:443 through {described}: {reason}"
    assert (error.hint or "").startswith('Check "proxy"')


def test_circular_causes() -> None:
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__context__, second.__context__ = second, first
    assert "RuntimeError" in convert_error(first).message
