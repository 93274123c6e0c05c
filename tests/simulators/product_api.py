# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every simulated product has: routes, variants, sessions, and a way to say which truth it shows."""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import ClassVar, Protocol
from urllib.parse import unquote, urlsplit

from tests.simulators.concurrent_changes import Drift, Item
from tests.simulators.ground_truth import SECOND, Estate, Point, Workload
from tests.simulators.member_names import Names

Setting = bool | int | str


@dataclass(slots=True)
class Call:
    """One request as it came over the wire. Query values are decoded, their order and repetitions kept."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

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


def json_answer(document: object, status: int = 200, content_type: str = "application/json") -> Response:
    return Response(status, json.dumps(document).encode(), content_type)


class Refusal(Exception):
    """A handler refuses the call; the dialect gives it the product's own error shape."""

    def __init__(self, status: int, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.code = code


@dataclass(frozen=True)
class Listing:
    """Which truth points of one workload type the product lists as recovery points, and where the facts say so."""

    kinds: frozenset[str]
    statuses: frozenset[str]
    facts: str

    def shows(self, point: Point) -> bool:
        return point.kind in self.kinds and point.status in self.statuses

    def as_json(self) -> dict[str, object]:
        return {"kinds": sorted(self.kinds), "statuses": sorted(self.statuses), "facts": self.facts}


Handler = Callable[..., Response]


class Route:
    def __init__(self, method: str, template: str, handler: Handler, needs_session: bool = True) -> None:
        self.method = method
        self.handler = handler
        self.needs_session = needs_session
        # split() keeps the {names}: every odd part is one, every even part is literal text
        parts = re.split(r"\{(\w+)\}", template)
        pattern = "".join(f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
        self.pattern = re.compile(pattern + "/?")


class Desk(Protocol):
    """Where a product keeps its sessions."""

    def __len__(self) -> int:
        """How many were not ended."""

    def clear(self) -> None:
        """End them all."""


def credentials_of(logins: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """The part of the ready file that tests log in by: the account `main`, and the others by name."""
    return {**logins["main"], "accounts": {name: dict(login) for name, login in logins.items() if name != "main"}}


class Dialect(ABC):
    """One product. `product` is its name on the command line and in the ready file."""

    product: ClassVar[str]
    # Where tests hit it: its log-in, and a call in the middle of its listing of points (a glob, and its method).
    LOG_IN: ClassVar[str]
    LISTING: ClassVar[str]
    LISTED_BY: ClassVar[str] = "GET"
    # What faults must know of its answers to bend them.
    NAMES: ClassVar[Names] = Names()
    LISTS: ClassVar[dict[str, Listing]]
    # Every product has these beside its own: `clock_skew` makes the server's clock wrong by so many seconds; `drift`
    # lets lists of points change while they are read, see Drift; `gzip` compresses answers for clients that take it.
    VARIANTS: ClassVar[dict[str, Setting]] = {"clock_skew": 0, "drift": "", "gzip": False}

    # Set by each product.
    desk: Desk

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.started_with: dict[str, Setting] = dict(self.VARIANTS)
        self.variants: dict[str, Setting] = dict(self.VARIANTS)
        self.routes: list[Route] = []
        self.drift = Drift()
        self._started = time.monotonic()

    # What a dialect supplies

    @abstractmethod
    def prepare(self) -> None:
        """Write out what will be asked for. Called before the first request and after every change of a variant."""

    @abstractmethod
    def authorise(self, call: Call) -> object:
        """The session behind the call, or a Refusal."""

    @abstractmethod
    def credentials(self) -> dict[str, object]:
        """`username`, `password` and `accounts` of the ready file."""

    # What they share

    def open_sessions(self) -> int:
        """How many were not ended."""
        return len(self.desk)

    def end_sessions(self) -> None:
        """Every session is gone, as after a restart."""
        self.desk.clear()

    def expire_sessions(self) -> None:
        """What clients hold is no longer accepted; only where a product can renew is that less than the end."""
        self.desk.clear()

    def refuse(self, call: Call, refusal: Refusal) -> Response:
        return json_answer({"message": refusal.reason}, refusal.status)

    def workload_id(self, work: Workload) -> str:
        return self.uuid(work.key)

    def point_id(self, work: Workload, point: Point) -> str:
        return self.uuid(point.key)

    def reset(self) -> None:
        changed = self.variants != self.started_with
        self.variants = dict(self.started_with)
        self.drift.forget()
        self.end_sessions()
        if changed:
            self.prepare()

    def start_with(self, wanted: Mapping[str, object]) -> None:
        """Variants of the command line: they also hold after a reset. `prepare` is still to come."""
        self._choose(wanted)
        self.started_with = dict(self.variants)

    def set_variants(self, wanted: Mapping[str, object]) -> None:
        self._choose(wanted)
        self.prepare()

    def _choose(self, wanted: Mapping[str, object]) -> None:
        for name, value in wanted.items():
            if name not in self.VARIANTS:
                raise ValueError(f"{self.product} has no variant {name!r}; it has {', '.join(sorted(self.VARIANTS))}")
            self.variants[name] = _like(self.VARIANTS[name], value)

    def drifting(self, call: Call, items: Sequence[Item], text: Callable[[Item], str | bytes] = str) -> Sequence[Item]:
        """A list of points as it is for this request; `text` gives the record of an item."""
        return self.drift.of(self.text("drift"), call.path, call.query, items, text)

    def flag(self, name: str) -> bool:
        return bool(self.variants[name])

    def number(self, name: str) -> int:
        return int(self.variants[name])

    def text(self, name: str) -> str:
        return str(self.variants[name])

    def workloads(self, *types: str) -> list[Workload]:
        """All workloads of these types that this product could know, with points or not."""
        return [work for work in self.estate.for_product(self.product) if work.workload_type in types]

    def listed_points(self, work: Workload) -> list[Point]:
        listing = self.LISTS.get(work.workload_type)
        return [] if listing is None else [point for point in work.points if listing.shows(point)]

    def clock(self) -> int:
        """The server's time: it started at the estate's `now` and has gone on since, or is wrong by the variant."""
        passed = int((time.monotonic() - self._started) * SECOND)
        return self.estate.now + passed + self.number("clock_skew") * SECOND

    def fixed(self, key: str) -> str | None:
        return self.estate.fixed.get(self.product, {}).get(key)

    def own_url(self, default_host: str) -> str:
        """How the server calls itself in links: never the address that a client here has."""
        return f"https://{self.fixed('host') or default_host}"

    def digest(self, key: str) -> str:
        """32 hexadecimal digits that belong to this key in this estate."""
        return blake2b(f"{self.estate.seed}:{self.product}:{key}".encode(), digest_size=16).hexdigest()

    def uuid(self, key: str) -> str:
        digits = self.digest(key)
        variant = "89ab"[int(digits[16], 16) % 4]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def truth(self) -> dict[str, object]:
        """This product's part of the estate document: what it calls things, and what it lists at all."""
        known = [work for work in self.estate.for_product(self.product) if work.workload_type in self.LISTS]
        return {
            "workloads": {work.key: self.workload_id(work) for work in known},
            "points": {point.key: self.point_id(work, point) for work in known for point in self.listed_points(work)},
            "lists": {kind: listing.as_json() for kind, listing in self.LISTS.items()},
        }

    def answer(self, call: Call) -> Response:
        try:
            route, values = self._find(call)
            session = self.authorise(call) if route.needs_session else None
            return route.handler(call, session, **values)
        except Refusal as refusal:
            return self.refuse(call, refusal)

    def controller(self, call: Call) -> str:
        """What a limit on parallel requests counts over."""
        return urlsplit(call.path).path.rpartition("/")[0]

    def too_busy(self, call: Call, running: int) -> Response | None:
        """The refusal of a product that bears only so many requests at once; `running` counts this one."""
        return None

    def thinking_seconds(self) -> float:
        """Time that this product takes over every answer, beyond the latency of the line."""
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


def _like(default: Setting, value: object) -> Setting:
    """A variant keeps the type of its default, whether it comes from the command line or as JSON."""
    text = str(value).lower()
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ValueError(f"expected true or false, not {value!r}")
        return text == "true"
    return int(text) if isinstance(default, int) else str(value)
