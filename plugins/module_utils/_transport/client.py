# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP client: send allowed requests, with TLS, retries, size limits, session renewal and typed errors.

``Client._send`` checks the allowlist and decides on retries. Everything that a server sends is treated as possibly
wrong, huge, slow or hostile. Only reads are retried, and logins only if the server cannot have processed them.
"""

from __future__ import annotations

import base64
import dataclasses
import random
import threading
import time
import typing as t
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, urlsplit

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ConnectionFailedError,
    InvalidResponseError,
    OptionError,
    ServerError,
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.redaction import Secrets, find_secrets
from ansible_collections.backup.audit.plugins.module_utils._core.request_stats import RequestStats
from ansible_collections.backup.audit.plugins.module_utils._core.signals import SignalHandler
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_http_date
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import (
    AllowedRequest,
    Allowlist,
    RequestNotAllowedError,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.deadlines import build_http_adapter
from ansible_collections.backup.audit.plugins.module_utils._transport.http_errors import (
    add_attempts,
    build_http_error,
    connection_error,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response

try:
    import requests
    import requests.utils
    import urllib3

    HAS_REQUESTS = True
except ImportError:
    HAS_REQUESTS = False

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
MAX_RESPONSE_BYTES = 512 * 1024 * 1024
MAX_RETRY_AFTER_SECONDS = 120.0
# Small, because the size of decompressed data is known only after decompression.
_CHUNK_BYTES = 1 << 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Connection parameters. ``url``: scheme://host:port[/prefix] without a trailing slash; ``timeout``: seconds."""

    url: str
    verify: bool | str = True
    # SHA-256 of the only accepted server certificate, as 64 hexadecimal digits.
    fingerprint: str | None = None
    # Certificate and key file, possibly the same file twice. With only one file, OpenSSL would prompt for the password
    # of its key.
    client_cert: tuple[str, str] | None = None
    proxy: str | None = None
    timeout: float = 30.0
    retries: int = 4
    connections: int = 4
    max_response_bytes: int = MAX_RESPONSE_BYTES


class Auth(t.Protocol):
    """A login method (see auth.py)."""

    generation: int
    # Whether the server may reject a session once right after it was opened.
    has_session_lag: bool

    def headers(self) -> Mapping[str, str]:
        """Return the headers that identify the session."""

    def renew(self, client: Client, generation: int) -> None:
        """Renew the session, once for all threads whose requests with ``generation`` were rejected."""


class Client:
    """Sends allowed requests to one server; returns complete, successful responses or raises an AuditError."""

    def __init__(
        self, endpoint: Endpoint, allowlist: t.Sequence[AllowedRequest], *, headers: Mapping[str, str] | None = None
    ) -> None:
        parts = urlsplit(endpoint.url)
        self.endpoint = endpoint
        self.host = parts.netloc
        self.prefix = parts.path.rstrip("/")
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.auth: Auth | None = None
        self.request_stats = RequestStats()
        self.skew_micros: int | None = None
        # Returns a product-specific hint for an error response from its status and body, or None for the general hint.
        self.get_hint: Callable[[int, bytes], str | None] = lambda _status, _body: None
        # Returns the effective status of an error response. Some products use their own codes instead of 401 and 429.
        self.get_meaning: Callable[[int, Mapping[str, str], bytes], int] = lambda status, _headers, _body: status
        self.signals = SignalHandler()
        # Called with each request just before it is sent or retried, because signatures contain the time.
        self.sign: Callable[[requests.PreparedRequest], None] = lambda _prepared: None
        self._siblings: list[Client] = []
        self._allowed = allowlist
        self._allowlist = Allowlist(allowlist, self.prefix)
        self.secrets = Secrets()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._session = self._new_session(headers or {})

    def _new_session(self, headers: Mapping[str, str]) -> requests.Session:
        session = requests.Session()
        # Ignore logins and CAs in .netrc and environment variables, which the user did not configure here.
        session.trust_env = False
        session.headers.update({"Accept": "application/json", "User-Agent": "backup.audit", **headers})
        pool = build_http_adapter(self.endpoint.connections, self.endpoint.fingerprint)
        session.mount("https://", pool)
        session.mount("http://", pool)
        if self.endpoint.proxy:
            session.proxies = {"http": self.endpoint.proxy, "https": self.endpoint.proxy}
        else:
            session.proxies = dict(requests.utils.get_environ_proxies(self.endpoint.url, no_proxy=None))
        for proxy in session.proxies.values():
            self.add_secret(*find_secrets({"proxy": proxy}))
        if self.endpoint.verify is False:
            # The module adds its own warning to the result, so no line on stderr for each request is needed.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return session

    def stop_reading(self) -> None:
        """Stop all threads from sending requests or waiting for a retry, so that the logout is not delayed."""
        self._stopped.set()

    def close(self) -> None:
        """Close all connections."""
        for sibling in self._siblings:
            sibling.close()
        self._session.close()

    def sibling(self, url: str, allowlist: t.Sequence[AllowedRequest]) -> Client:
        """Return a client for another server of the same product, such as its login service or another region.

        It has the same connection options, shares secrets, counters, signals and the stop flag, and is not logged in.
        """
        other = Client(dataclasses.replace(self.endpoint, url=url), allowlist)
        other.request_stats, other.signals, other.get_hint = self.request_stats, self.signals, self.get_hint
        other.get_meaning = self.get_meaning
        for sibling in self._siblings:
            if sibling.origin == other.origin and sibling._allowed is allowlist:
                # Regions of one service at the same address share their connections.
                other._session = sibling._session
        other.secrets, other._lock, other._stopped = self.secrets, self._lock, self._stopped
        self._siblings.append(other)
        return other

    def set_default_headers(self, headers: Mapping[str, str]) -> None:
        """Add headers to all further requests, including logins: an API version, another format."""
        self._session.headers.update(headers)

    # Secrets

    def add_secret(self, *secrets: str | None) -> None:
        """Register secrets to mask in all errors."""
        self.secrets.add(*secrets)

    def scrub(self, text: str) -> str:
        """Return the text with every known secret masked."""
        return self.secrets.scrub(text)

    # Requests

    def get(self, path: str, params: Mapping[str, t.Any] | None = None, **more: t.Any) -> Response:
        """Send a GET request with the session of ``auth``."""
        return self.request("GET", path, params=params, **more)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, t.Any] | None = None,
        json_body: t.Any = None,
        form: Mapping[str, str] | None = None,
        xml: str | None = None,
        basic: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        authenticated: bool = True,
        idempotent: bool = True,
    ) -> Response:
        """Send one allowed request; retry it if that is safe, and renew the session once if the server rejects it.

        ``path`` is relative to the configured URL (convert a link from a response with ``to_local_path`` first).
        ``authenticated`` is False for logins. With ``idempotent`` False (logins, logouts) a request is retried
        only if the server cannot have processed it: no connection was made, or the server reports that it is too busy.
        """
        if authenticated and self._stopped.is_set():
            raise AuditError("the read was stopped after another error", code="stopped", server=self.host)
        parts: dict[str, t.Any] = {"params": params, "json": json_body, "data": form, "headers": dict(headers or {})}
        if xml is not None:
            parts["data"] = xml.encode("utf-8")
            parts["headers"]["Content-Type"] = "application/xml"
        if basic is not None:
            # Built here, because requests encodes it as Latin-1 and fails for other characters.
            pair = base64.b64encode(":".join(basic).encode("utf-8")).decode("ascii")
            parts["headers"]["Authorization"] = f"Basic {pair}"
            self.add_secret(pair)
        auth = self.auth
        if not authenticated or auth is None:
            return self._send(method, path, parts, idempotent)
        generation = auth.generation
        own = parts["headers"]
        try:
            return self._send(method, path, {**parts, "headers": {**own, **auth.headers()}}, idempotent)
        except UnauthorizedError:
            auth.renew(self, generation)
        try:
            return self._send(method, path, {**parts, "headers": {**own, **auth.headers()}}, idempotent)
        except UnauthorizedError:
            if not auth.has_session_lag:
                raise
        return self._send(method, path, {**parts, "headers": {**own, **auth.headers()}}, idempotent)

    def to_local_path(self, link: str) -> str:
        """Convert a link to a path on the configured server, because appliances often return internal addresses."""
        try:
            parts = urlsplit(link)
        except ValueError as error:
            raise InvalidResponseError(
                f"the server returned an invalid link: {self.scrub(link)!r}", server=self.host
            ) from error
        path = parts.path
        if not path.startswith("/"):
            raise InvalidResponseError(
                f"the server returned a link without a path: {self.scrub(link)!r}", server=self.host
            )
        if self.prefix and path.startswith(self.prefix + "/"):
            path = path[len(self.prefix) :]
        return f"{path}?{parts.query}" if parts.query else path

    def _send(self, method: str, path: str, parts: dict[str, t.Any], idempotent: bool) -> Response:
        if not path.startswith("/"):
            # Without a slash, the path could change the host name, or turn it into a user name.
            raise RequestNotAllowedError(
                "the request was not sent: its path does not start with a slash", request=f"{method} {path}"
            )
        unprepared = requests.Request(method, self.origin + self.prefix + path, **parts)
        try:
            prepared = self._session.prepare_request(unprepared)
        except requests.exceptions.InvalidURL as error:
            raise OptionError(f"url: {self.origin!r} is not a valid URL ({error})", hint='Check "url"') from error
        url = prepared.url or ""
        self._allowlist.check(method, url, prepared.body)
        request = f"{method} {urlsplit(url).path}"
        attempt = 1
        while True:
            outcome, wait = self._attempt(prepared, request)
            if isinstance(outcome, Response):
                return outcome
            if wait is None or attempt > self.endpoint.retries or not (idempotent or _is_unprocessed(outcome)):
                if attempt > 1:
                    outcome.message = add_attempts(outcome.message, attempt)
                raise outcome
            # Signals may interrupt this wait even during a login, because no session is open yet.
            with self.signals.interruptible_wait():
                is_stopped = self._stopped.wait(wait if wait > 0 else _backoff(attempt))
            if is_stopped:
                raise outcome
            with self._lock:
                self.request_stats.retries += 1
            attempt += 1

    def _attempt(self, prepared: requests.PreparedRequest, request: str) -> tuple[Response | AuditError, float | None]:
        """Send once. Return a response, or an error and the seconds until a retry (0: backoff, None: no retry)."""
        started = time.time()
        self.sign(prepared)
        try:
            # Session.send would store cookies, and read the complete body of redirects.
            raw_response = self._session.get_adapter(prepared.url or "").send(
                prepared,
                stream=True,
                timeout=self.endpoint.timeout,
                # Set on each request, because REQUESTS_CA_BUNDLE overrides the setting of the session.
                verify=self.endpoint.verify,
                cert=self.endpoint.client_cert,
                proxies=self._session.proxies,
            )
            with raw_response:
                body = self._read_body(raw_response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as raised:
            error = connection_error(raised, self.host, request, self.endpoint)
            error.message = self.scrub(error.message)
            return error, 0.0 if error.is_transient else None
        except InvalidResponseError as too_large:
            too_large.server, too_large.request = self.host, request
            return too_large, None
        with self._lock:
            self.request_stats.count += 1
            self.request_stats.bytes += len(body)
        self._record_clock_skew(raw_response.headers, started)
        response = Response(request, self.host, raw_response.status_code, raw_response.headers, body, self.scrub)
        if 200 <= raw_response.status_code < 300:
            return response, None
        meaning = self.get_meaning(response.status, response.headers, body)
        http_error = build_http_error(
            response.server, request, response.status, response.headers, body, self.scrub, self.prefix, meaning
        )
        http_error.hint = self.get_hint(response.status, body) or http_error.hint
        if meaning not in RETRIED_STATUSES:
            return http_error, None
        return http_error, _parse_retry_after(raw_response.headers)

    def _read_body(self, raw_response: requests.Response) -> bytes:
        limit = self.endpoint.max_response_bytes
        chunks: list[bytes] = []
        size = 0
        for chunk in _iter_chunks(raw_response):
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise InvalidResponseError(
                    f"the response is larger than {limit} bytes",
                    hint='Decrease "page_size", or request less data with "workload_names" and "since"',
                )
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _record_clock_skew(self, headers: Mapping[str, str], started: float) -> None:
        """Compute the clock skew from the first Date header (precision 1 s). Adapters may set a more precise value."""
        if self.skew_micros is not None or "Date" not in headers:
            return
        server_time = parse_http_date(headers["Date"])
        if server_time is None:
            return
        # Use midpoints: Date is truncated to the second, and was set between sending and receiving.
        middle = (started + time.time()) / 2
        self.skew_micros = server_time + SECOND // 2 - round(middle * SECOND)


def _iter_chunks(raw_response: requests.Response) -> Iterator[bytes]:
    """Yield the body as it arrives, so that limits of time and size are checked even for slow servers."""
    read1 = getattr(raw_response.raw, "read1", None)
    if read1 is None:
        # urllib3 before 2.2 waits until a chunk is full.
        yield from raw_response.iter_content(_CHUNK_BYTES)
        return
    while chunk := read1(_CHUNK_BYTES, decode_content=True):
        yield chunk


def _is_unprocessed(error: AuditError) -> bool:
    """Return whether the server certainly has not processed the request."""
    if isinstance(error, ConnectionFailedError):
        return error.is_unsent
    return isinstance(error, ServerError) and (error.status == 503 or (error.status or 0) < 500)


def _backoff(attempt: int) -> float:
    """Return the seconds to wait before the next attempt: exponential up to 20, with random jitter (0.5 to 1.5)."""
    exponential: float = 0.5 * 2 ** (attempt - 1)
    return min(exponential, 20.0) * random.SystemRandom().uniform(0.5, 1.5)


def _parse_retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds in Retry-After (a number or a date), limited; 0 if the header is missing or invalid."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        seconds = (parse_http_date(value) or 0) / SECOND - time.time()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def path_segment(value: t.Any) -> str:
    """Quote an id as one path segment. Raise InvalidResponseError if it could change the structure of the path."""
    text = str(value)
    if not text:
        raise InvalidResponseError("the server returned a record without an id")
    if text in (".", "..") or any(character in text for character in "/?#\\;"):
        raise InvalidResponseError(f"the server returned an id that cannot be part of a path: {text!r}")
    return quote(text, safe="")
