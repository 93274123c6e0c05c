# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert HTTP error responses and connection failures to AuditErrors with a message and a hint.

Hints name options as the user writes them, in double quotes.
"""

from __future__ import annotations

import html
import itertools
import json
import re
import ssl
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping
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
# Message as an attribute (Veeam), or as an element after a code (AWS).
_XML_MESSAGE = re.compile(rb"\bMessage=\"([^\"]*)\"|<Message>([^<]*)</Message>")
# An error code instead of a sentence, in a key that may contain both.
_CODE = re.compile(r"[A-Za-z][\w.]*")
_CODE_KEYS = ("error", "id")
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
    """Build the error for a body that is not JSON: empty, a web page, truncated JSON, or anything else."""
    hint = _TRY_AGAIN
    server_message = None
    first = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if not first:
        message = "the response is empty"
    elif first == b"<":
        message = "the response is a web page or XML instead of JSON"
        server_message = extract_server_message(body, scrub) or None
        hint = (
            'Check the host and port in "url". The response may be from another product, a proxy or a starting server'
        )
    elif first in (b"{", b"["):
        message = f"the JSON in the response is invalid or truncated ({error})"
    else:
        message = "the response is not JSON"
        hint = 'Check that "url" is the URL of the product'
    return InvalidResponseError(
        message, server=server, request=request, status=status, server_message=server_message, hint=hint
    )


def extract_server_message(body: bytes, scrub: Callable[[str], str]) -> str:
    """Extract the product's own message from an error body in any format, with masked secrets; "" if there is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        text = _message_in_text(body)
    else:
        found = [(document, False)] if isinstance(document, str) else _messages_in(document, 0)
        text = _join((scrub(part), is_code) for part, is_code in itertools.islice(found, _MAX_PARTS))
    # Mask before truncating, so that no part of a secret remains at the end.
    text = scrub(text)
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= _MAX_MESSAGE_LENGTH else text[: _MAX_MESSAGE_LENGTH - 3] + "..."


def _join(parts: Iterable[tuple[str, bool]]) -> str:
    """Join the messages of a body. An error code after a message is put in parentheses."""
    joined = ""
    codes: dict[str, bool] = {}
    for text, is_code in parts:
        codes.setdefault(text, is_code)
    for text, is_code in codes.items():
        if not joined:
            joined = text
        elif is_code:
            joined = f"{joined.removesuffix('.')} ({text})"
        else:
            joined = f"{joined.removesuffix('.')}: {text}"
    return joined


def _message_in_text(body: bytes) -> str:
    start = body[:20_000]
    marked = _TITLE.search(start) or _XML_MESSAGE.search(start)
    if marked:
        return html.unescape(marked[marked.lastindex or 0].decode("utf-8", "replace"))
    # Markup without a title and invalid JSON contain no usable one-line message.
    return "" if start.lstrip()[:1] in (b"<", b"{", b"[") or b"\0" in start else start.decode("utf-8", "replace")


def _messages_in(value: t.Any, depth: int) -> Iterator[tuple[str, bool]]:
    """Yield (message, whether it is an error code) from a decoded body."""
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
                text = value[name].strip()
                yield text, key in _CODE_KEYS and _CODE.fullmatch(text) is not None
    for inner in value.values():
        yield from _messages_in(inner, depth + 1)


def build_http_error(
    server: str,
    request: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    scrub: Callable[[str], str],
    base_path: str = "",
    meaning: int | None = None,
) -> AuditError:
    """Build the error for a complete response with a status other than 2xx. ``base_path`` is the path in the URL.

    ``meaning`` is the effective status, if the product uses its own codes.
    """
    meaning = status if meaning is None else meaning
    server_message = extract_server_message(body, scrub) or None
    details: dict[str, t.Any] = {
        "server": server,
        "request": request,
        "status": status,
        "server_message": server_message,
    }
    if meaning == 401:
        return UnauthorizedError(f"the server rejected the session or the login (HTTP {status})", **details)
    if meaning == 403:
        hint = "Grant the account the permissions that the documentation of this module lists"
        return ForbiddenError("the account lacks permission for this request (HTTP 403)", hint=hint, **details)
    if meaning in (404, 405):
        hint = 'Check "url", the product and its version. An older or newer version may not support this request'
        if base_path:
            hint = f'"url" contains the path {base_path!r}; remove it unless a reverse proxy needs it'
        return NotFoundError(f"the server does not support this request (HTTP {status})", hint=hint, **details)
    if 300 <= meaning < 400:
        # Query and fragment of redirect targets often contain tokens.
        target = scrub(re.split("[?#]", headers.get("Location", "an unknown address"))[0])
        return InvalidResponseError(
            f"the server redirects to {target!r}, and redirects are not followed (HTTP {status})",
            hint='Set "url" to the server itself, not to a portal or a load balancer that redirects',
            **details,
        )
    if meaning == 429 or meaning >= 500:
        what = "receives too many requests" if meaning == 429 else "failed or is still starting"
        return ServerError(f"the server {what} (HTTP {status})", hint=_TRY_AGAIN, **details)
    return InvalidResponseError(f"the server did not accept the request (HTTP {status})", **details)


def connection_error(raised: BaseException, server: str, request: str, endpoint: t.Any) -> ConnectionFailedError:
    """Build the error for a request without a complete response, based on its innermost cause."""
    chain = list(_iter_causes(raised))
    error = _tls_error(chain, endpoint) or _network_error(chain, request, endpoint)
    error.server, error.request = server, request
    return error


def add_attempts(message: str, attempts: int) -> str:
    """Add the number of attempts to a message, within the parentheses at its end if there are any."""
    return f"{message[:-1]}, {attempts} attempts)" if message.endswith(")") else f"{message} ({attempts} attempts)"


def _iter_causes(raised: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    stack: list[t.Any] = [raised]
    while stack:
        error = stack.pop()
        if isinstance(error, BaseException) and id(error) not in seen:
            seen.add(id(error))
            yield error
            stack.extend([*error.args, getattr(error, "reason", None), error.__cause__, error.__context__])


def _tls_error(chain: list[BaseException], endpoint: t.Any) -> CertificateError | None:
    address = urlsplit(endpoint.url).netloc
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_error(cause, address, endpoint.verify)
    text = " ".join(str(cause) for cause in chain)
    if other := _OTHER_FINGERPRINT.search(text):
        expected, found = (":".join(re.findall("..", digits.lower())) for digits in other.groups())
        return CertificateError(
            f"{address} has another certificate: expected the SHA-256 fingerprint {expected}, found {found}",
            hint='If the certificate was renewed, look up its fingerprint on the server itself and set "fingerprint". '
            "Otherwise another host may be responding. Nothing was sent to it",
        )
    client_cert, client_key = endpoint.client_cert or (None, None)
    for needle, message, hint in _TLS_PROBLEMS:
        if needle in text:
            named = message.format(
                address=address, ca_path=endpoint.verify, client_cert=client_cert, client_key=client_key
            )
            return CertificateError(named, hint=hint)
    return None


def _certificate_error(error: ssl.SSLCertVerificationError, address: str, verify: bool | str) -> CertificateError:
    reason = (error.verify_message or str(error)).rstrip(".")
    if "self-signed" in reason or "self signed" in reason or "unable to get local issuer" in reason:
        cause = f"not issued by a CA in ca_path {verify!r}" if isinstance(verify, str) else "issued by an unknown CA"
        reason = f"{cause} ({reason})"
        hint = (
            'Set "ca_path" to the PEM file of the CA that issued it, or "fingerprint" to the fingerprint that the '
            'server itself shows. Only for tests, "validate_certs: false" disables the verification'
        )
    elif "expired" in reason or "not yet valid" in reason:
        hint = "Renew the certificate on the server, or correct the clock of this machine or of the server"
    elif "match" in reason:
        hint = 'Use a name from the certificate in "url", or issue a certificate for this name'
    else:
        hint = 'Set "ca_path" to the PEM file of the right CA, or replace the certificate on the server'
    return CertificateError(f"Certificate verification failed for {address}: {reason}", hint=hint)


def _network_error(chain: list[BaseException], request: str, endpoint: t.Any) -> ConnectionFailedError:
    url = urlsplit(endpoint.url)
    target, hint_for_proxy = url.netloc, None
    if {cause.__class__.__name__ for cause in chain} & _PROXY_ERRORS:
        # Without the proxy, an unavailable proxy would look like an unavailable server.
        target += f" through {_describe_proxy(endpoint.proxy)}"
        hint_for_proxy = 'Check "proxy", or HTTPS_PROXY, ALL_PROXY and NO_PROXY in the environment if it is not set'
    text = " ".join(str(cause) for cause in chain)
    for needle, detail, is_transient in _NAME_PROBLEMS:
        if needle in text:
            message = f"Cannot resolve host name {url.hostname!r}{detail}"
            if hint_for_proxy:
                message = f"Cannot connect to {target}: cannot resolve the host name of the proxy{detail}"
            hint = hint_for_proxy or 'Check "url" and the DNS configuration of this machine'
            return _unsent_error(message, hint, is_transient)
    for needle, reason, hint in _NETWORK_PROBLEMS:
        if needle in text:
            return _unsent_error(f"Cannot connect to {target}: {reason}", hint_for_proxy or hint, True)
    if any(isinstance(cause, TimeoutError) or "timed out" in str(cause) for cause in chain):
        error = ConnectionFailedError(
            f"Timed out after {endpoint.timeout:g} s waiting for {target} ({request})",
            hint=hint_for_proxy
            or 'Check that this machine can reach the host and port. If the server is slow, increase "timeout"',
        )
        error.is_timeout = True
        return error
    last = chain[-1]
    hint = "Check that the server is running and that no device in between closes the connection"
    if isinstance(last, ssl.SSLError):
        # With TLS 1.3, the client may already be sending when the server rejects it, and the alert can be lost.
        hint += ". A server that requires a client certificate, or a different one, may also close it"
    return ConnectionFailedError(
        f"Connection to {target} failed during {request} ({type(last).__name__}: {last})", hint=hint_for_proxy or hint
    )


def _describe_proxy(proxy: str | None) -> str:
    if not proxy:
        return "the proxy from the environment"
    return f"proxy {urlsplit(proxy if '://' in proxy else f'//{proxy}').netloc.rpartition('@')[2]}"


def _unsent_error(message: str, hint: str, is_transient: bool) -> ConnectionFailedError:
    error = ConnectionFailedError(message, hint=hint)
    error.is_transient = is_transient
    error.is_unsent = True
    return error


# Some versions of urllib3 show the fingerprint as a Python bytes literal.
_OTHER_FINGERPRINT = re.compile(
    r"""Fingerprints did not match\. Expected "([0-9a-fA-F]+)", got "(?:b')?([0-9a-fA-F]+)"""
)
_TRY_AGAIN = "Try again later. If the problem persists, check the log of the server"
_PROXY_ERRORS = {"ProxyError", "InvalidProxyURL"}
_NOT_TLS = "Check the port; a plain HTTP server or another service is listening on it"
_NEWER_TLS = "Enable TLS 1.2 or later on the server"
_OTHER_CERT = 'Set "client_cert" (and "client_key") to a valid certificate that this server accepts'
# (part of the text of an exception, message, hint)
_TLS_PROBLEMS = (
    ("WRONG_VERSION_NUMBER", "{address} does not use TLS", _NOT_TLS),
    ("record layer failure", "{address} does not use TLS", _NOT_TLS),
    ("UNSUPPORTED_PROTOCOL", "{address} supports only an outdated version of TLS", _NEWER_TLS),
    ("ALERT_PROTOCOL_VERSION", "{address} supports only an outdated version of TLS", _NEWER_TLS),
    ("CERTIFICATE_REQUIRED", "{address} requires a client certificate", 'Set "client_cert" and "client_key"'),
    # Certificate alerts of the server always concern the client certificate.
    ("ALERT_UNKNOWN_CA", "{address} rejected the client certificate (unknown CA)", _OTHER_CERT),
    ("ALERT_CERTIFICATE_EXPIRED", "{address} rejected the client certificate (expired)", _OTHER_CERT),
    ("ALERT_CERTIFICATE_REVOKED", "{address} rejected the client certificate (revoked)", _OTHER_CERT),
    ("ALERT_CERTIFICATE_UNKNOWN", "{address} rejected the client certificate", _OTHER_CERT),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "{address} rejected the client certificate (unsupported type)", _OTHER_CERT),
    ("ALERT_BAD_CERTIFICATE", "{address} rejected the client certificate", _OTHER_CERT),
    (
        "HANDSHAKE_FAILURE",
        "TLS handshake with {address} failed: server and client did not agree on security parameters",
        'If the server requires a client certificate, set "client_cert". Otherwise enable TLS 1.2 and current ciphers',
    ),
    (
        "TLS CA certificate bundle, invalid path",
        "Cannot connect to {address}: cannot read ca_path {ca_path!r}",
        "Check the path",
    ),
    (
        "TLS certificate file, invalid path",
        "Cannot connect to {address}: cannot read client_cert {client_cert!r}",
        "Check the path",
    ),
    (
        "TLS key file, invalid path",
        "Cannot connect to {address}: cannot read client_key {client_key!r}",
        "Check the path",
    ),
    (
        "KEY_VALUES_MISMATCH",
        "Cannot connect to {address}: client_key {client_key!r} is not the private key of client_cert {client_cert!r}",
        "Use a certificate and a private key that belong together",
    ),
    (
        "PEM lib",
        "Cannot connect to {address}: cannot load client_cert {client_cert!r} with client_key {client_key!r}",
        "Both must be in PEM format, and the private key must not be encrypted",
    ),
    (
        "private key is encrypted",
        "Cannot connect to {address}: client_key {client_key!r} is encrypted with a password",
        "Use a private key without a password",
    ),
    (
        "NO_CERTIFICATE_OR_CRL_FOUND",
        "Cannot connect to {address}: ca_path {ca_path!r} does not contain a certificate in PEM format",
        'Set "ca_path" to the PEM file of the CA that issued the certificate of the server',
    ),
)
# (part of the text of an exception, detail of the message, whether a retry may succeed)
_NAME_PROBLEMS = (
    ("Name or service not known", "", False),
    ("nodename nor servname", "", False),
    ("Temporary failure in name resolution", ": the DNS server does not respond", True),
    ("No address associated", ": the name has no address", False),
)
# (part of the text of an exception, reason, hint)
_NETWORK_PROBLEMS = (
    ("Connection refused", "connection refused", 'Check the host and port in "url" and that the server is running'),
    ("No route to host", "no route to host", "Check the network and the firewall"),
    ("Network is unreachable", "network is unreachable", "Check the network and the firewall"),
)
