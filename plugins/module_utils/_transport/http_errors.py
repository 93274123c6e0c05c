# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert HTTP error responses and connection failures to AuditErrors with a message and a hint."""

from __future__ import annotations

import html
import itertools
import json
import re
import ssl
import typing as t
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

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

_MAX_MESSAGE_LENGTH = 300
_MAX_PARTS = 20
_MAX_DEPTH = 4
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_XML_MESSAGE = re.compile(rb"\bMessage=\"([^\"]*)\"")
# Keys of error messages in response bodies, best first: RFC 7807, OAuth2, and vendor-specific keys.
_MESSAGE_KEYS = (
    "title",
    "detail",
    "details",
    "message",
    "description",
    "error_description",
    "error",
    "errorMessage",
    "id",
)


def invalid_json_error(
    server: str, request: str, status: int, body: bytes, error: Exception, scrub: Callable[[str], str]
) -> InvalidResponseError:
    """Build the error for a body that is not JSON: empty, a web page, a truncated document, something else."""
    hint = "Try again; if it stays so, look at the server's own log"
    server_message = None
    first = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if not first:
        message = "the answer is empty"
    elif first == b"<":
        message = "a web page or XML came instead of JSON"
        server_message = extract_server_message(body, scrub) or None
        hint = "Check url and port: another product, a proxy or a server that is still starting answers there"
    elif first in (b"{", b"["):
        message = f"the JSON is broken or cut short ({error})"
    else:
        message = "the answer is no JSON"
        hint = "Check that the URL is that of the product"
    return InvalidResponseError(
        message, server=server, request=request, status=status, server_message=server_message, hint=hint
    )


def extract_server_message(body: bytes, scrub: Callable[[str], str]) -> str:
    """Extract the product's own message from an error body in any format, secrets masked; empty if there is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        text = _message_in_text(body)
    else:
        found = [document] if isinstance(document, str) else itertools.islice(_messages_in(document, 0), _MAX_PARTS)
        text = ": ".join(dict.fromkeys(found))
    # Mask before truncating: otherwise a part of a secret at the cut would be shown.
    text = scrub(text)
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= _MAX_MESSAGE_LENGTH else text[: _MAX_MESSAGE_LENGTH - 3] + "..."


def _message_in_text(body: bytes) -> str:
    start = body[:20_000]
    marked = _TITLE.search(start) or _XML_MESSAGE.search(start)
    if marked:
        return html.unescape(marked[1].decode("utf-8", "replace"))
    # Markup without a title and broken JSON contain no usable one-line message.
    return "" if start.lstrip()[:1] in (b"<", b"{", b"[") or b"\0" in start else start.decode("utf-8", "replace")


def _messages_in(value: t.Any, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for inner in value:
            yield from _messages_in(inner, depth + 1)
    if not isinstance(value, dict):
        return
    for key in _MESSAGE_KEYS:
        for name in (key, key[0].upper() + key[1:]):
            if isinstance(value.get(name), str) and value[name].strip():
                yield value[name].strip()
    for inner in value.values():
        yield from _messages_in(inner, depth + 1)


def build_http_error(
    server: str, request: str, status: int, headers: Mapping[str, str], body: bytes, scrub: Callable[[str], str]
) -> AuditError:
    """Build the error for a complete response with a status other than 2xx."""
    server_message = extract_server_message(body, scrub) or None
    details: dict[str, t.Any] = {
        "server": server,
        "request": request,
        "status": status,
        "server_message": server_message,
    }
    if status == 401:
        return UnauthorizedError("the server refused the session or the log-in (401)", **details)
    if status == 403:
        hint = "Give the account the rights that the documentation of this module lists"
        return ForbiddenError("the account may not read this (403)", hint=hint, **details)
    if status in (404, 405):
        hint = "Check the URL, the product and its version (an older or newer one may lack this call)"
        return NotFoundError(f"the server does not know this call ({status})", hint=hint, **details)
    if 300 <= status < 400:
        # Query and fragment of a redirect target often contain a token.
        target = scrub(re.split("[?#]", headers.get("Location", "elsewhere"))[0])
        return InvalidResponseError(
            f"the server redirects to {target!r} ({status}); redirects are not followed",
            hint="Give the URL of the server itself, not of a portal or a load balancer that redirects",
            **details,
        )
    if status == 429 or status >= 500:
        what = "is asked too often" if status == 429 else "has trouble, or is still starting"
        hint = "Try again later; if it stays so, look at the server's own log"
        return ServerError(f"the server {what} ({status})", hint=hint, **details)
    return InvalidResponseError(f"the server did not accept the request ({status})", **details)


def connection_error(raised: BaseException, server: str, request: str, endpoint: t.Any) -> ConnectionFailedError:
    """Build the error for a request without a complete response, based on its innermost cause."""
    chain = list(_iter_causes(raised))
    error = _classify(chain, server, request, endpoint)
    if {cause.__class__.__name__ for cause in chain} & _PROXY_ERRORS and not isinstance(error, CertificateError):
        # Otherwise a proxy that is down would look like a server that is down.
        proxy = endpoint.proxy or ""
        given = urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc.rpartition("@")[2]
        error.message = f"the proxy {given or 'that the environment names'} could not be used: {error.message}"
        error.hint = "Check proxy, or where it is not given HTTPS_PROXY, ALL_PROXY and NO_PROXY"
    return error


def _classify(chain: list[BaseException], server: str, request: str, endpoint: t.Any) -> ConnectionFailedError:
    text = " ".join(str(cause) for cause in chain)
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_error(cause, server, request)
    for needle, message, hint in _TLS_PROBLEMS:
        if needle in text:
            return CertificateError(message, server=server, request=request, hint=hint)
    for needle, message, hint, is_transient in _NETWORK_PROBLEMS:
        if needle in text:
            error = ConnectionFailedError(message, server=server, request=request, hint=hint)
            error.is_transient = is_transient
            error.is_unsent = True
            return error
    if any(isinstance(cause, TimeoutError) or "timed out" in str(cause) for cause in chain):
        return ConnectionFailedError(
            f"no answer within {endpoint.timeout:g} s",
            server=server,
            request=request,
            hint="Check that host and port are reachable from here; for a slow server set a longer timeout",
        )
    last = chain[-1]
    hint = "Check that the server is up and that nothing between cuts the connection"
    if isinstance(last, ssl.SSLError):
        # With TLS 1.3 the client may already be sending when the server rejects it, and the alert can then be lost.
        hint += "; a server that wants a client certificate, or another one, may do so"
    return ConnectionFailedError(
        f"the connection broke ({type(last).__name__}: {last})", server=server, request=request, hint=hint
    )


def _iter_causes(raised: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    stack: list[t.Any] = [raised]
    while stack:
        error = stack.pop()
        if isinstance(error, BaseException) and id(error) not in seen:
            seen.add(id(error))
            yield error
            stack.extend([*error.args, getattr(error, "reason", None), error.__cause__, error.__context__])


def _certificate_error(error: ssl.SSLCertVerificationError, server: str, request: str) -> CertificateError:
    reason = error.verify_message or str(error)
    if "self-signed" in reason or "self signed" in reason or "unable to get local issuer" in reason:
        hint = "Give the CA that signed it as ca_path (a PEM file); only for a test set validate_certs: false"
    elif "expired" in reason or "not yet valid" in reason:
        hint = "Renew the certificate on the server, or set the clock that is wrong, here or there"
    elif "match" in reason:
        hint = "Use the name that stands in the certificate as url, or have the certificate made for this name"
    else:
        hint = "Give the right CA as ca_path, or mend the certificate on the server"
    return CertificateError(
        f"the server's certificate is not trusted: {reason}", server=server, request=request, hint=hint
    )


_PROXY_ERRORS = {"ProxyError", "InvalidProxyURL"}
_OTHER_CERT = "Give as client_cert (and client_key) a valid one that was made for this server"
_TLS_PROBLEMS = (
    (
        "WRONG_VERSION_NUMBER",
        "the server does not speak TLS on this port",
        "Check the port: plain HTTP, or another service, answers there",
    ),
    (
        "record layer failure",
        "the server does not speak TLS on this port",
        "Check the port: plain HTTP, or another service, answers there",
    ),
    (
        "UNSUPPORTED_PROTOCOL",
        "the server offers only an outdated version of TLS",
        "Turn on TLS 1.2 or newer on the server",
    ),
    (
        "ALERT_PROTOCOL_VERSION",
        "the server offers only an outdated version of TLS",
        "Turn on TLS 1.2 or newer on the server",
    ),
    (
        "CERTIFICATE_REQUIRED",
        "the server wants a client certificate",
        "Give client_cert and client_key",
    ),
    # A certificate alert that the server sends always concerns the client certificate.
    ("ALERT_UNKNOWN_CA", "the server does not accept the client certificate (unknown authority)", _OTHER_CERT),
    ("ALERT_CERTIFICATE_EXPIRED", "the server does not accept the client certificate (expired)", _OTHER_CERT),
    ("ALERT_CERTIFICATE_REVOKED", "the server does not accept the client certificate (revoked)", _OTHER_CERT),
    ("ALERT_CERTIFICATE_UNKNOWN", "the server does not accept the client certificate", _OTHER_CERT),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "the server does not accept the client certificate (its kind)", _OTHER_CERT),
    ("ALERT_BAD_CERTIFICATE", "the server does not accept the client certificate", _OTHER_CERT),
    (
        "HANDSHAKE_FAILURE",
        "the server and this machine could not agree on TLS",
        "If it wants a client certificate, give client_cert; else turn on TLS 1.2 or newer and current ciphers there",
    ),
    ("TLS CA certificate bundle, invalid path", "the CA file cannot be read", "Check ca_path"),
    ("TLS certificate file, invalid path", "the client certificate cannot be read", "Check client_cert"),
    ("TLS key file, invalid path", "the key of the client certificate cannot be read", "Check client_key"),
    ("KEY_VALUES_MISMATCH", "client_key is not the key of client_cert", "Check both"),
    ("PEM lib", "client_cert or client_key cannot be used", "Give both in PEM form; the key must not need a password"),
    ("private key is encrypted", "the key of the client certificate needs a password", "Give a key without one"),
    ("NO_CERTIFICATE_OR_CRL_FOUND", "the file given as ca_path holds no certificate in PEM form", "Check ca_path"),
)
_NETWORK_PROBLEMS = (
    ("Name or service not known", "the host name is not known here", "Check url and DNS", False),
    ("nodename nor servname", "the host name is not known here", "Check url and DNS", False),
    ("Temporary failure in name resolution", "the name service does not answer", "Check DNS of this machine", True),
    ("No address associated", "the host name has no address", "Check url and DNS", False),
    ("Connection refused", "nothing listens there", "Check host and port, and that the server is up", True),
    ("No route to host", "there is no way to this host", "Check network and firewall", True),
    ("Network is unreachable", "there is no way to this network", "Check network and firewall", True),
)
