# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one seam to the network: a session, TLS, retries, limits, decoding, typed errors, and the wall before it all.

Everything that a server sends is treated as possibly wrong, huge, slow or hostile. Nothing is retried but reads, and
a log-in only where the server cannot have judged it yet.
"""

from __future__ import annotations

import base64
import dataclasses
import json
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
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.redaction import Secrets, find_secrets
from ansible_collections.backup.audit.plugins.module_utils._core.request_stats import RequestStats
from ansible_collections.backup.audit.plugins.module_utils._core.signals import SignalHandler
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, from_http_date
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import (
    AllowedRequest,
    Allowlist,
    RequestNotAllowedError,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.deadlines import adapter
from ansible_collections.backup.audit.plugins.module_utils._transport.http_errors import (
    connection_error,
    not_json,
    refusal,
)

try:
    import requests
    import requests.utils
    import urllib3

    HAS_REQUESTS = True
except ImportError:
    HAS_REQUESTS = False

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
MAX_ANSWER_BYTES = 512 * 1024 * 1024
MAX_RETRY_AFTER_SECONDS = 120.0
# Small, because what a few bytes of a compressed answer unfold to is known only afterwards.
_CHUNK_BYTES = 1 << 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where and how to connect. ``url`` is scheme://host:port[/prefix] without a trailing slash."""

    url: str
    verify: bool | str = True
    # Two files, or one twice: of a key in one file of its own OpenSSL would ask for its password on the terminal.
    client_cert: tuple[str, str] | None = None
    proxy: str | None = None
    timeout: float = 30.0
    retries: int = 4
    connections: int = 4
    max_answer_bytes: int = MAX_ANSWER_BYTES


class Auth(t.Protocol):
    """A way of logging in, as _auth builds them."""

    generation: int
    # A session that was just opened may be refused once.
    may_lag: bool

    def headers(self) -> Mapping[str, str]:
        """The headers that carry the session."""

    def renew(self, client: Client, generation: int) -> None:
        """Log in anew, once for all threads that saw the same generation refused."""


@dataclasses.dataclass(frozen=True)
class Response:
    """One answer, read whole."""

    call: str
    server: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    scrub: Callable[[str], str]

    def json(self) -> t.Any:
        """The body as JSON (a BOM is skipped); InvalidResponseError says what came instead."""
        try:
            return json.loads(self.body.decode("utf-8-sig") if self.body[:3] == b"\xef\xbb\xbf" else self.body)
        except (ValueError, RecursionError) as error:
            raise not_json(self.server, self.call, self.status, self.body, error, self.scrub) from error

    def json_object(self) -> dict[str, t.Any]:
        """The body as a JSON object."""
        value = self.json()
        if not isinstance(value, dict):
            raise InvalidResponseError(
                f"the answer is a JSON {type(value).__name__}, not an object",
                server=self.server,
                call=self.call,
                status=self.status,
                advice="Check that the URL is that of the product",
            )
        return value


class Client:
    """Sends permitted requests to one server and returns whole, successful answers, or raises an AuditError."""

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
        # A product's own hint for a refusal, from status and body; None leaves the general advice.
        self.advise: Callable[[int, bytes], str | None] = lambda _status, _body: None
        self.signals = SignalHandler()
        self._allowlist = Allowlist(allowlist, self.prefix)
        self.secrets = Secrets()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._session = self._new_session(headers or {})

    def _new_session(self, headers: Mapping[str, str]) -> requests.Session:
        session = requests.Session()
        # Without this a .netrc or an environment variable would supply a login or a CA that nobody gave.
        session.trust_env = False
        session.headers.update({"Accept": "application/json", "User-Agent": "backup.audit", **headers})
        pool = adapter(self.endpoint.connections)
        session.mount("https://", pool)
        session.mount("http://", pool)
        if self.endpoint.proxy:
            session.proxies = {"http": self.endpoint.proxy, "https": self.endpoint.proxy}
        else:
            session.proxies = dict(requests.utils.get_environ_proxies(self.endpoint.url, no_proxy=None))
        for proxy in session.proxies.values():
            self.keep_secret(*find_secrets({"proxy": proxy}))
        if self.endpoint.verify is False:
            # The result carries a warning of our own; a line on stderr for each request helps nobody.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return session

    def stop_reading(self) -> None:
        """The reading has failed: no thread reads on or waits, so that the session is soon given back."""
        self._stopped.set()

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def always_send(self, headers: Mapping[str, str]) -> None:
        """From now on these headers go with every request, log-ins included: an API version, another format."""
        self._session.headers.update(headers)

    # Secrets

    def keep_secret(self, *secrets: str | None) -> None:
        """From now on these texts are masked in every error."""
        self.secrets.keep(*secrets)

    def scrub(self, text: str) -> str:
        """The text with every known secret masked."""
        return self.secrets.scrub(text)

    # Requests

    def get(self, path: str, params: Mapping[str, t.Any] | None = None, **more: t.Any) -> Response:
        """A read by GET, carried by the session of ``auth``."""
        return self.call("GET", path, params=params, **more)

    def call(
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
        carried: bool = True,
        retried: bool = True,
    ) -> Response:
        """One permitted request, retried where that is safe; the session is renewed once if the server refuses it.

        ``path`` is relative to the configured URL (a link of the server's goes through ``local`` first).
        ``carried`` is False for log-ins. ``retried`` False (log-ins, log-outs) sends again only what the server
        cannot have judged: nothing listened, or it said that it is too busy.
        """
        if carried and self._stopped.is_set():
            raise AuditError("the reading was given up", code="stopped", server=self.host)
        parts: dict[str, t.Any] = {"params": params, "json": json_body, "data": form, "headers": dict(headers or {})}
        if xml is not None:
            parts["data"] = xml.encode("utf-8")
            parts["headers"]["Content-Type"] = "application/xml"
        if basic is not None:
            # Built here because requests encodes as Latin-1 and fails on what that lacks.
            pair = base64.b64encode(":".join(basic).encode("utf-8")).decode("ascii")
            parts["headers"]["Authorization"] = f"Basic {pair}"
            self.keep_secret(pair)
        if not carried or self.auth is None:
            return self._send(method, path, parts, retried)
        generation = self.auth.generation
        own = parts["headers"]
        try:
            return self._send(method, path, {**parts, "headers": {**own, **self.auth.headers()}}, retried)
        except UnauthorizedError:
            self.auth.renew(self, generation)
        try:
            return self._send(method, path, {**parts, "headers": {**own, **self.auth.headers()}}, retried)
        except UnauthorizedError:
            if not self.auth.may_lag:
                raise
        return self._send(method, path, {**parts, "headers": {**own, **self.auth.headers()}}, retried)

    def local(self, link: str) -> str:
        """A link from an answer, as a path on the configured server: appliances name themselves by inner addresses."""
        try:
            parts = urlsplit(link)
        except ValueError as error:
            raise InvalidResponseError(
                f"the server sent a link that is none: {self.scrub(link)!r}", server=self.host
            ) from error
        path = parts.path
        if not path.startswith("/"):
            raise InvalidResponseError(f"the server sent a link without a path: {self.scrub(link)!r}", server=self.host)
        if self.prefix and path.startswith(self.prefix + "/"):
            path = path[len(self.prefix) :]
        return f"{path}?{parts.query}" if parts.query else path

    def _send(self, method: str, path: str, parts: dict[str, t.Any], retried: bool) -> Response:
        if not path.startswith("/"):
            # Right behind the host it could become part of it, or make it a user name.
            raise RequestNotAllowedError(
                "this request was not sent: its path does not start with a slash", call=f"{method} {path}"
            )
        request = requests.Request(method, self.origin + self.prefix + path, **parts)
        try:
            prepared = self._session.prepare_request(request)
        except requests.exceptions.InvalidURL as error:
            raise OptionError(f"url: {self.origin!r} cannot be used ({error})", advice="Check url") from error
        url = prepared.url or ""
        self._allowlist.check(method, url)
        call = f"{method} {urlsplit(url).path}"
        attempt = 1
        while True:
            answer, wait = self._attempt(prepared, call)
            if isinstance(answer, Response):
                return answer
            if wait is None or attempt > self.endpoint.retries or not (retried or _not_judged(answer)):
                if attempt > 1:
                    answer.message += f" (after {attempt} tries)"
                raise answer
            # A log-in that holds signals back has sent nothing that counts when it comes here.
            with self.signals.pausing():
                given_up = self._stopped.wait(wait if wait > 0 else _backoff(attempt))
            if given_up:
                raise answer
            with self._lock:
                self.request_stats.retries += 1
            attempt += 1

    def _attempt(self, prepared: requests.PreparedRequest, call: str) -> tuple[Response | AuditError, float | None]:
        """An answer, or an error and how long to wait before another try (0: as usual, None: do not try again)."""
        started = time.time()
        try:
            # Not by Session.send: it keeps cookies, and reads an answer that redirects whole, whatever its size.
            response = self._session.get_adapter(prepared.url or "").send(
                prepared,
                stream=True,
                timeout=self.endpoint.timeout,
                # On each request: a session-wide setting is overridden by REQUESTS_CA_BUNDLE.
                verify=self.endpoint.verify,
                cert=self.endpoint.client_cert,
                proxies=self._session.proxies,
            )
            with response:
                body = self._body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as raised:
            error = connection_error(raised, self.host, call, self.endpoint)
            error.message = self.scrub(error.message)
            return error, 0.0 if error.passing else None
        except InvalidResponseError as too_much:
            too_much.server, too_much.call = self.host, call
            return too_much, None
        with self._lock:
            self.request_stats.count += 1
            self.request_stats.bytes += len(body)
        self._record_clock_skew(response.headers, started)
        answer = Response(call, self.host, response.status_code, response.headers, body, self.scrub)
        if 200 <= response.status_code < 300:
            return answer, None
        refused = refusal(answer.server, call, answer.status, answer.headers, body, self.scrub)
        refused.advice = self.advise(answer.status, body) or refused.advice
        if answer.status not in RETRIED_STATUSES:
            return refused, None
        return refused, _retry_after(response.headers)

    def _body(self, response: requests.Response) -> bytes:
        limit = self.endpoint.max_answer_bytes
        chunks: list[bytes] = []
        size = 0
        for chunk in _chunks(response):
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise InvalidResponseError(
                    f"the answer is larger than {limit} bytes",
                    advice="Use a smaller page_size, or names and since to ask for less",
                )
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _record_clock_skew(self, headers: Mapping[str, str], started: float) -> None:
        """The first answer's Date header tells the server's clock to the second; products may tell it better."""
        if self.skew_micros is not None or "Date" not in headers:
            return
        told = from_http_date(headers["Date"])
        if told is None:
            return
        # Between sending and receiving, the server stood at some moment of that second: half the bounds is best.
        middle = (started + time.time()) / 2
        self.skew_micros = told + SECOND // 2 - round(middle * SECOND)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes in, so that time and size are looked at however slowly that is."""
    read1 = getattr(response.raw, "read1", None)
    if read1 is None:
        # urllib3 before 2.2 waits until a chunk is full.
        yield from response.iter_content(_CHUNK_BYTES)
        return
    while chunk := read1(_CHUNK_BYTES, decode_content=True):
        yield chunk


def _not_judged(error: AuditError) -> bool:
    if isinstance(error, ConnectionFailedError):
        return error.unsent
    return error.status in (429, 503)


def _backoff(attempt: int) -> float:
    exponential: float = 0.5 * 2 ** (attempt - 1)
    return min(exponential, 20.0) * random.SystemRandom().uniform(0.5, 1.5)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait (a number or a date), bounded; 0 where it does not say."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        seconds = (from_http_date(value) or 0) / SECOND - time.time()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def segment(value: t.Any) -> str:
    """An id as one segment of a path; InvalidResponseError if it could leave its place."""
    text = str(value)
    if not text or text in (".", "..") or any(character in text for character in "/?#\\;"):
        raise InvalidResponseError(f"the server sent an id that cannot be part of a path: {text!r}")
    return quote(text, safe="")
