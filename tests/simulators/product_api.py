# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Common to all simulated products: routes, variants, sessions, and the ground truth that a product lists."""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import ClassVar, Protocol
from urllib.parse import unquote, urlsplit

from tests.simulators.concurrent_changes import ConcurrentChanges, Item
from tests.simulators.ground_truth import SECOND, Estate, Point, Workload
from tests.simulators.member_names import MemberNames

Setting = bool | int | str


@dataclass(slots=True)
class Call:
    """One request as received. Query values are decoded, their order and repetitions kept."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    # The query that the client has signed, if a fault has changed it.
    signed_query: list[tuple[str, str]] | None = None

    def with_query(self, query: list[tuple[str, str]]) -> Call:
        """Return this call with a query that the server understands differently."""
        return replace(self, query=query, signed_query=self.signed_query or self.query)

    def first(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


@dataclass(slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(document: object, status: int = 200, content_type: str = "application/json") -> Response:
    return Response(status, json.dumps(document).encode(), content_type)


class Refusal(Exception):
    """Rejects a call; the product API converts it to the product's own error format."""

    def __init__(self, status: int, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.code = code


@dataclass(frozen=True)
class Listing:
    """The points of one workload type that the product lists as recovery points; `facts` names the source."""

    kinds: frozenset[str]
    statuses: frozenset[str]
    facts: str

    def includes(self, point: Point) -> bool:
        return point.kind in self.kinds and point.status in self.statuses

    def as_json(self) -> dict[str, object]:
        return {"kinds": sorted(self.kinds), "statuses": sorted(self.statuses), "facts": self.facts}


Handler = Callable[..., Response]


class Route:
    def __init__(self, method: str, template: str, handler: Handler, needs_session: bool = True) -> None:
        self.method = method
        self.handler = handler
        self.needs_session = needs_session
        # split() keeps the {names}: every odd part is a name, every even part is literal text.
        parts = re.split(r"\{(\w+)\}", template)
        pattern = "".join(f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
        self.pattern = re.compile(pattern + "/?")


class SessionStore(Protocol):
    """The open sessions of a product."""

    def __len__(self) -> int:
        """Return the number of open sessions."""

    def clear(self) -> None:
        """End all sessions."""


def build_credentials(logins: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """Build the login part of the ready file: the account `main`, and the others by name."""
    return {**logins["main"], "accounts": {name: dict(login) for name, login in logins.items() if name != "main"}}


class ProductApi(ABC):
    """The API of one product. `product` is its name on the command line and in the ready file."""

    product: ClassVar[str]
    # Requests to which tests apply faults: the login, and one in the middle of the listing of points (path and method).
    LOG_IN: ClassVar[str]
    LISTING: ClassVar[str]
    LISTED_BY: ClassVar[str] = "GET"
    # Matches of fault rules for requests of some of many objects, and of a listing whose data is not essential.
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {}
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {}
    # Whether the server stores sessions, so that it can end and count them, and a restart ends them.
    STORES_SESSIONS: ClassVar[bool] = True
    # Names in its responses that faults change.
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames()
    LISTS: ClassVar[dict[str, Listing]]
    # Every product has these in addition to its own: `clock_skew` shifts the server's clock by so many seconds; `drift`
    # changes lists of points while they are read, see ConcurrentChanges; `gzip` compresses responses if accepted.
    VARIANTS: ClassVar[dict[str, Setting]] = {"clock_skew": 0, "drift": "", "gzip": False}

    # Set by each product.
    session_store: SessionStore

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.initial_variants: dict[str, Setting] = dict(self.VARIANTS)
        self.variants: dict[str, Setting] = dict(self.VARIANTS)
        self.routes: list[Route] = []
        self.concurrent_changes = ConcurrentChanges()
        self._started = time.monotonic()

    # Implemented by each product

    @abstractmethod
    def prepare(self) -> None:
        """Build the documents that are served. Called before the first request and after every change of a variant."""

    @abstractmethod
    def authorize(self, call: Call) -> object:
        """Return the session of the call, or raise Refusal."""

    @abstractmethod
    def credentials(self) -> dict[str, object]:
        """Return `username`, `password` and `accounts` of the ready file."""

    # Shared by all products

    def module_options(self, url: str) -> dict[str, object]:
        """Return options that the info module needs in addition to URL, account and CA."""
        return {}

    def open_sessions(self) -> int:
        """Return the number of open sessions."""
        return len(self.session_store)

    def end_sessions(self) -> None:
        """End every session, as a restart does."""
        self.session_store.clear()

    def expire_sessions(self) -> None:
        """Reject the clients' credentials from now on; ends the sessions unless the product can renew them."""
        self.session_store.clear()

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        return json_response({"message": refusal.reason}, refusal.status)

    def workload_id(self, work: Workload) -> str:
        return self.uuid(work.key)

    def point_id(self, work: Workload, point: Point) -> str:
        return self.uuid(point.key)

    def reset(self) -> None:
        changed = self.variants != self.initial_variants
        self.variants = dict(self.initial_variants)
        self.concurrent_changes.clear()
        self.end_sessions()
        if changed:
            self.prepare()

    def set_initial_variants(self, wanted: Mapping[str, object]) -> None:
        """Set the variants of the command line, which a reset restores. Call `prepare` afterwards."""
        self._update_variants(wanted)
        self.initial_variants = dict(self.variants)

    def set_variants(self, wanted: Mapping[str, object]) -> None:
        self._update_variants(wanted)
        self.prepare()

    def _update_variants(self, wanted: Mapping[str, object]) -> None:
        for name, value in wanted.items():
            if name not in self.VARIANTS:
                raise ValueError(f"{self.product} has no variant {name!r}; it has {', '.join(sorted(self.VARIANTS))}")
            self.variants[name] = _convert_setting(self.VARIANTS[name], value)

    def with_concurrent_changes(
        self, call: Call, items: Sequence[Item], text: Callable[[Item], str | bytes] = str
    ) -> Sequence[Item]:
        """Return a list of points in its state for this request; `text` returns the record of an item."""
        return self.concurrent_changes.apply(self.text("drift"), call.path, call.query, items, text)

    def flag(self, name: str) -> bool:
        return bool(self.variants[name])

    def number(self, name: str) -> int:
        return int(self.variants[name])

    def text(self, name: str) -> str:
        return str(self.variants[name])

    def workloads(self, *types: str) -> list[Workload]:
        """Return all workloads of these types that this product can have, with or without points."""
        return [work for work in self.estate.for_product(self.product) if work.workload_type in types]

    def listed_points(self, work: Workload) -> list[Point]:
        listing = self.LISTS.get(work.workload_type)
        return [] if listing is None else [point for point in work.points if listing.includes(point)]

    def clock(self) -> int:
        """Return the server's time, which started at the environment's `now`; `clock_skew` shifts it."""
        passed = int((time.monotonic() - self._started) * SECOND)
        return self.estate.now + passed + self.number("clock_skew") * SECOND

    def fixed(self, key: str) -> str | None:
        return self.estate.fixed.get(self.product, {}).get(key)

    def own_url(self, default_host: str) -> str:
        """Return the server's own URL in links, which is never the address that clients of the simulator use."""
        return f"https://{self.fixed('host') or default_host}"

    def digest(self, key: str) -> str:
        """Return 32 hexadecimal digits derived from this key and this environment."""
        return blake2b(f"{self.estate.seed}:{self.product}:{key}".encode(), digest_size=16).hexdigest()

    def uuid(self, key: str) -> str:
        digits = self.digest(key)
        variant = "89ab"[int(digits[16], 16) % 4]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def truth(self) -> dict[str, object]:
        """Return this product's part of the document: its identifiers and listed points."""
        known = [work for work in self.estate.for_product(self.product) if work.workload_type in self.LISTS]
        return {
            "workloads": {work.key: self.workload_id(work) for work in known},
            "points": {point.key: self.point_id(work, point) for work in known for point in self.listed_points(work)},
            "lists": {kind: listing.as_json() for kind, listing in self.LISTS.items()},
        }

    @property
    def identity(self) -> str | None:
        """Return the id of this installation, if clients can read it."""
        return None

    def respond(self, call: Call) -> Response:
        try:
            route, values = self._find(call)
            session = self.authorize(call) if route.needs_session else None
            return route.handler(call, session, **values)
        except Refusal as refusal:
            return self.error_response(call, refusal)

    def controller(self, call: Call) -> str:
        """Return the unit for which parallel requests are limited."""
        return urlsplit(call.path).path.rpartition("/")[0]

    def busy_response(self, call: Call, running: int) -> Response | None:
        """Return an error if the product limits parallel requests; `running` includes this one."""
        return None

    def processing_seconds(self) -> float:
        """Return the time for every response in addition to the network latency."""
        return 0.0

    def _find(self, call: Call) -> tuple[Route, dict[str, str]]:
        allowed = False
        for route in self.routes:
            match = route.pattern.fullmatch(call.path)
            if match is None:
                continue
            if route.method == call.method:
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
            allowed = True
        if allowed:
            raise Refusal(405, f"The method {call.method} is not allowed for {call.path}.")
        raise Refusal(404, f"Nothing is found at {call.path}.")


def _convert_setting(default: Setting, value: object) -> Setting:
    """Convert a variant to the type of its default, for values from the command line and from JSON."""
    text = str(value).lower()
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ValueError(f"expected true or false, not {value!r}")
        return text == "true"
    return int(text) if isinstance(default, int) else str(value)
