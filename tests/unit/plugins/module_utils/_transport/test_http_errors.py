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
    """A scrub function without secrets."""
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
            "Unknown user or bad password: invalid_grant",
        ),
        # Veeam Backup & Replication
        ({"errorCode": "AccessDenied", "message": "Access is denied", "resourceId": None}, "Access is denied"),
        # Spectrum Protect Plus, plain and wrapped
        (
            {"id": "XSBLoginException", "description": "The user name is not valid", "rc": 1},
            "The user name is not valid: XSBLoginException",
        ),
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
        ({"message": "  two\n\tlines\u0007 and\u2028a bell "}, "two lines and a bell"),
        ({"message": "", "detail": None, "title": 7}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
        (False, ""),
    ],
)
def test_the_words_of_every_shape(document: Any, server_message: str) -> None:
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
def test_the_words_of_bodies_that_are_no_json(body: bytes, server_message: str) -> None:
    assert extract_server_message(body, plain) == server_message


def test_long_words_are_cut() -> None:
    server_message = parse_message({"message": "x" * 5000})
    assert len(server_message) == 300
    assert server_message.endswith("xxx...")


def test_a_secret_across_the_cut_is_masked_before_the_cut() -> None:
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
def test_no_body_breaks_it(body: bytes) -> None:
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
def test_no_document_breaks_it(document: Any) -> None:
    assert len(parse_message(document)) <= 300


@pytest.mark.parametrize(
    ("status", "kind", "code", "server_message"),
    [
        (400, InvalidResponseError, "invalid_response", "did not accept the request (400)"),
        (401, UnauthorizedError, "rejected", "refused the session or the log-in (401)"),
        (403, ForbiddenError, "forbidden", "may not read this (403)"),
        (404, NotFoundError, "not_found", "does not know this call (404)"),
        (405, NotFoundError, "not_found", "does not know this call (405)"),
        (409, InvalidResponseError, "invalid_response", "did not accept the request (409)"),
        (429, ServerError, "server_error", "is asked too often (429)"),
        (500, ServerError, "server_error", "has trouble, or is still starting (500)"),
        (503, ServerError, "server_error", "has trouble, or is still starting (503)"),
    ],
)
def test_every_status_has_its_error_with_the_products_own_words(
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


def test_a_redirect_names_its_target_without_its_query_and_masked() -> None:
    headers = {"Location": "https://portal.example/abc/?token=xyz"}
    error = build_http_error("backup.example", "GET /api", 302, headers, b"", mask_abc)
    assert "redirects to 'https://portal.example/***/' (302)" in error.message
    assert "redirects" in (error.hint or "")


ENDPOINT = Endpoint(url="https://backup.example:443", timeout=7)


def convert_error(error: BaseException) -> ConnectionFailedError:
    return connection_error(error, "backup.example", "GET /api", ENDPOINT)


def test_an_error_is_named_by_its_innermost_cause() -> None:
    error = RuntimeError("Connection aborted")
    error.__cause__ = ConnectionResetError(104, "Connection reset by peer")
    converted = convert_error(error)
    assert "ConnectionResetError" in converted.message
    assert (converted.is_transient, converted.is_unsent) == (True, False)


@pytest.mark.parametrize(
    ("text", "is_transient"),
    [
        ("[Errno -2] Name or service not known", False),
        ("[Errno 111] Connection refused", True),
        ("[Errno -3] Temporary failure in name resolution", True),
        ("[Errno 113] No route to host", True),
    ],
)
def test_what_never_arrived_is_unsent(text: str, is_transient: bool) -> None:
    error = convert_error(OSError(text))
    assert (error.is_unsent, error.is_transient) == (True, is_transient)
    assert not isinstance(error, CertificateError)


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (ssl.SSLError("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version"), "outdated version of TLS"),
        (ssl.SSLError("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]"), "wants a client certificate"),
        (ssl.SSLError("[X509: KEY_VALUES_MISMATCH] key values mismatch"), "client_key is not the key of client_cert"),
        (
            OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /x"),
            "the CA file cannot be read",
        ),
        (OSError("Could not find the TLS certificate file, invalid path: /x"), "the client certificate cannot be read"),
        (OSError("Could not find the TLS key file, invalid path: /x"), "the key of the client certificate cannot be"),
    ],
)
def test_tls_trouble_that_another_try_will_not_cure(raised: Exception, message: str) -> None:
    error = convert_error(raised)
    assert isinstance(error, CertificateError)
    assert message in error.message
    assert not error.is_transient
    assert error.hint


def test_a_timeout_names_the_limit() -> None:
    assert "no answer within 7 s" in convert_error(TimeoutError("timed out")).message


def test_causes_that_go_in_a_circle_end() -> None:
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__context__, second.__context__ = second, first
    assert "RuntimeError" in convert_error(first).message
