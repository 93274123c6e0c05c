# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simulated server answered in one good reading, to be answered again with something changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from tests.fuzz.reading import Found, Told, read
from tests.integration.products import ADAPTERS
from tests.simulators.estate import build_estate, invite_guests
from tests.simulators.ground_truth import Estate, as_datetime, as_moment
from tests.simulators.product_api import Call, Dialect
from tests.simulators.products import DIALECTS

# The whole cast of stories, each with a few points only: what counts is how many different members there are.
_WORKLOADS, _POINTS, _SEED = 20, 3, 7

Key = tuple[str, str, bytes]


@dataclasses.dataclass(frozen=True)
class Setup:
    """A product in one of its versions or manners, and how it is read."""

    name: str
    product: str
    variants: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    own: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@dataclasses.dataclass
class Tape:
    """Answers by request, as documents {status, headers, body}; what is not JSON stays text. ``whole``: unchanged."""

    setup: Setup
    documents: Mapping[Key, dict[str, Any]]
    whole: Found

    def replay(self, changed: Mapping[Key, dict[str, Any]], *, folded: bool = False) -> Found:
        """The reading when these documents are changed. What was never asked before is not found."""

        def serve(request: requests.PreparedRequest) -> Told:
            key = _key(request)
            return _told(changed[key]) if key in changed else self._told.get(key, _NOT_FOUND)

        return read(source_of(self.setup.product), serve, self.setup.own, folded=folded)

    @cached_property
    def _told(self) -> dict[Key, Told]:
        return {key: _told(document) for key, document in self.documents.items()}


_NOT_FOUND = Told(404, {"Content-Type": "application/json"}, b'{"message": "not found"}')


def _key(request: requests.PreparedRequest) -> Key:
    body = request.body or b""
    return str(request.method), str(request.url), body.encode() if isinstance(body, str) else body


def _told(document: Mapping[str, Any]) -> Told:
    body = document.get("body", "")
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else json.dumps(body).encode()
    headers = {str(name): str(value) for name, value in document["headers"].items()}
    return Told(document["status"], headers, data)


def source_of(product: str) -> type[RestAdapter]:
    """The adapter of a product that is read over the network."""
    found = ADAPTERS[product]
    assert issubclass(found, RestAdapter)
    return found


@cache
def _estate() -> Estate:
    now = as_moment(datetime.now(timezone.utc))
    estate = build_estate(_SEED, _WORKLOADS, _POINTS, now)
    invite_guests(estate, _POINTS)
    return estate


def taped(setup: Setup, answer: Callable[[requests.PreparedRequest], Told]) -> Tape:
    """A reading of whatever answers, written down."""
    documents: dict[Key, dict[str, Any]] = {}

    def serve(request: requests.PreparedRequest) -> Told:
        told = answer(request)
        documents[_key(request)] = _document(told)
        return told

    whole = read(source_of(setup.product), serve, setup.own, folded=False)
    return Tape(setup, documents, whole)


@cache
def recorded(name: str) -> Tape:
    """A good reading of this setup, from its simulator."""
    setup = next(setup for setup in SETUPS if setup.name == name)
    dialect = DIALECTS[setup.product](_estate())
    dialect.start_with(setup.variants)
    dialect.prepare()
    account = {key: str(dialect.credentials()[key]) for key in ("username", "password")}

    def answer(request: requests.PreparedRequest) -> Told:
        return _answer(dialect, request)

    tape = taped(dataclasses.replace(setup, own={**setup.own, **account}), answer)
    assert tape.whole.error is None
    return tape


def _answer(dialect: Dialect, request: requests.PreparedRequest) -> Told:
    parts = urlsplit(request.url or "")
    method, _url, body = _key(request)
    query = parse_qsl(parts.query, keep_blank_values=True)
    answer = dialect.answer(Call(method, parts.path, query, request.headers, body))
    headers = {"Date": format_datetime(as_datetime(dialect.clock()), usegmt=True), **answer.headers}
    if answer.body:
        headers["Content-Type"] = answer.content_type
    return Told(answer.status, headers, answer.body)


def _document(told: Told) -> dict[str, Any]:
    text = told.body.decode("utf-8-sig")
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    return {"status": told.status, "headers": dict(told.headers), "body": body}


def _day(days: int) -> str:
    """Midnight so many days from today: a window that is the same in every replay."""
    day = datetime.now(timezone.utc).date() + timedelta(days=days)
    return f"{day.isoformat()}T00:00:00Z"


_UNITRENDS = {"since": _day(-60), "until": _day(2), "slice": "30d", "timezone": None}
SETUPS = (
    Setup("spp", "spp"),
    Setup("spp with copies", "spp", {"copies_as_rows": False}, {"copies": True}),
    Setup("spp counts", "spp", {}, {"detail": "counts"}),
    Setup("vprotect", "vprotect"),
    Setup("vprotect, enums as text", "vprotect", {"enums": "strings"}, {"since": _day(-60)}),
    Setup("unitrends", "unitrends", {}, _UNITRENDS),
    Setup("unitrends of 2015", "unitrends", {"generation": "wiki"}, _UNITRENDS),
    Setup("aws", "veeam_aws"),
    Setup("azure v8.1", "veeam_azure", {}, {"api_version": "v8.1"}),
    Setup("azure v7", "veeam_azure", {}, {"api_version": "v7"}),
    Setup("azure v3", "veeam_azure", {}, {"api_version": "v3"}),
    Setup("vbr 1.3-rev2", "veeam_backup_replication"),
    Setup("vbr 1.2-rev1", "veeam_backup_replication", {}, {"api_version": "1.2-rev1"}),
    Setup("vbr 1.1-rev0", "veeam_backup_replication", {}, {"api_version": "1.1-rev0"}),
    Setup("em 12", "veeam_enterprise_manager"),
    Setup("em 13", "veeam_enterprise_manager", {"release": "13"}),
)
