# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small appliance with handwritten responses, read by the adapter in this process."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.adapter import SpectrumProtectPlus
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool
from tests.fuzz.reading import FakeResponse, _Transport

CATALOG = "/api/endeavour/catalog/recovery/hypervisorvm"
DATABASES = "/api/endeavour/catalog/recovery/applicationdatabase"
INVENTORY = "/api/endeavour/catalog/hypervisor/vm"
SEARCH = "/api/hypervisor/search"
# A day and the last but one midnight, in milliseconds.
DAY = 86_400_000
NIGHT = (int(time.time() * 1000) // DAY - 1) * DAY
# The appliance's own address in links, which no client may use.
OWN = "https://appliance.internal:443"

# A response is a document, a status, or a function of the decoded query and body that returns one of them.
Answer = Any
Reply = Callable[[dict[str, str], Any], Any]


def protection(moment: int | None = NIGHT, **more: Any) -> dict[str, Any]:
    """Build the field protectionInfo of a row."""
    return {
        "storageProfileName": "Gold",
        "policyName": "vmware_Gold",
        "subPolicyType": "BACKUP",
        "baseBackup": False,
        "transferSize": 4096,
        "protectionTime": moment,
        **more,
    }


def row(pk: str, moment: int | None = NIGHT, *, session: str | None = None, **more: Any) -> dict[str, Any]:
    """Build a row of the list of recovery points; ``more`` changes protectionInfo."""
    properties: dict[str, Any] = {"pk": pk, "protectionInfo": protection(moment, **more)}
    if session is not None:
        properties["sessionId"] = session
    return {"catalogTime": str(moment), "properties": properties, "links": {}}


def child(pk: str, name: str | None = None, *, link: str | None = None, **properties: Any) -> dict[str, Any]:
    """Build a workload of the catalog."""
    href = f"{OWN}{CATALOG}/{pk}/version" if link is None else link
    return {
        "id": pk,
        "name": name or f"name-{pk}",
        "properties": {"pk": pk, "hypervisorType": "vmware", **properties},
        "links": {"versions": {"href": href}},
    }


def listing(member: str, rows: list[Any]) -> dict[str, Any]:
    """Build a listing of one page."""
    return {"links": {}, "total": len(rows), member: rows}


@dataclasses.dataclass
class Appliance:
    """Responses by method and path. Listings that are not set are empty."""

    answers: dict[str, Answer] = dataclasses.field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], Any]] = dataclasses.field(default_factory=list)

    def with_machines(self, points: Mapping[str, list[Any]], **links: str) -> Appliance:
        """Add machines with these rows, and list them; ``links`` are other links to the rows of some."""
        self.answers[f"GET {CATALOG}"] = listing("children", [child(pk, link=links.get(pk)) for pk in points])
        for pk, rows in points.items():
            self.answers[f"GET {CATALOG}/{pk}/version"] = listing("contents", rows)
        return self

    def serve(self, request: requests.PreparedRequest) -> FakeResponse:
        """Respond to one request."""
        parts = urlsplit(request.url or "")
        query = dict(parse_qsl(parts.query))
        body = json.loads(request.body) if request.body else None
        call = f"{request.method} {unquote(parts.path)}"
        self.asked.append((str(request.method), unquote(parts.path), query, body))
        answer = self.answers.get(call, _DEFAULTS.get(call, 404))
        if callable(answer):
            answer = answer(query, body)
        status, document = (answer, {"id": "XSBException"}) if isinstance(answer, int) else (200, answer)
        return FakeResponse(status, {"Content-Type": "application/json"}, json.dumps(document).encode())


_DEFAULTS: dict[str, Answer] = {
    "POST /api/endeavour/session": {"sessionid": "0123456789abcdef0123456789abcdef"},
    "DELETE /api/endeavour/session": {},
    "GET /api/lifecycle/ping": {"version": "10.1.16"},
    "GET /ngp/slapolicy": listing("slapolicies", []),
    "GET /api/site": listing("sites", []),
    f"GET {CATALOG}": listing("children", []),
    f"GET {DATABASES}": listing("children", []),
    f"GET {INVENTORY}": listing("children", []),
    f"POST {SEARCH}": listing("vms", []),
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Result of a read."""

    result: dict[str, Any]
    warnings: list[str]
    errors: list[str]

    @property
    def points(self) -> list[dict[str, Any]]:
        """Return all points."""
        points: list[dict[str, Any]] = self.result["recovery_points"]
        return points

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """Return workload id -> row."""
        return {each["workload_id"]: each for each in self.result["workloads"]}


def read(appliance: Appliance, *, workload_names: tuple[str, ...] = (), **options: Any) -> Outcome:
    """Read an appliance. ``options`` are those of the module."""
    settings = Settings(
        username="auditor",
        password="a long password",
        page_size=100,
        detail=options.pop("detail", "recovery_points"),
        workload_types=options.pop("workload_types", ("vm",)),
        include_unprotected=options.pop("include_unprotected", True),
        include_raw=False,
        own=options,
    )
    client = Client(Endpoint(url="https://spp.example", retries=0), SpectrumProtectPlus.allowlist)
    client._session.mount("https://", _Transport(appliance.serve))
    thread_pool = ThreadPool(2)
    collector = Collector(
        "spp.example", "spp", workload_names=workload_names, keep_points=settings.detail == "recovery_points"
    )
    adapter = SpectrumProtectPlus(client, settings, thread_pool)
    try:
        adapter.collect(collector)
    finally:
        thread_pool.close()
        adapter.close()
        client.close()
    return Outcome(collector.result(), collector.warnings, [str(problem) for problem in collector.problems])
