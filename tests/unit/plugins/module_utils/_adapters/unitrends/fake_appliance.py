# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Unitrends appliance whose responses are given by each test, read by the adapter over HTTPS."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.adapter import Unitrends
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

Row = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]
HERE = {"id": 1, "name": "here", "status": "accepted", "local": True}
THERE = {"id": 2, "name": "there", "status": "accepted", "local": False}


@dataclasses.dataclass
class FakeAppliance:
    """``backups`` are (epoch time in UTC, row): responses have those in the window, if the appliance honors it."""

    backups: dict[int, list[tuple[str, Row]]] = dataclasses.field(default_factory=dict)
    systems: list[Any] = dataclasses.field(default_factory=lambda: [HERE])
    # Path without /api/ -> function of system number and query that returns the response.
    others: dict[str, Callable[[int, dict[str, str]], Any]] = dataclasses.field(default_factory=dict)
    # (path, system) -> HTTP status.
    statuses: dict[tuple[str, int], int] = dataclasses.field(default_factory=dict)
    timezone: str = "UTC"
    honors_window: bool = True

    def answer(self, request: Any) -> Answer:
        """Answer one request."""
        path, _mark, text = request.path.partition("?")
        query = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        name, sid = path.removeprefix("/api/").strip("/"), int(query.get("sid", 0))
        if (name, sid) in self.statuses:
            return self.statuses[name, sid], {}, {"result": [{"code": "2", "message": f"{name} failed"}]}
        if name == "login":
            return 200, {}, {"auth_token": "token-of-this-test"}
        if name == "backups":
            return 200, {}, self._list(sid, json.loads(request.body))
        if name in self.others:
            return 200, {}, self.others[name](sid, query)
        plain = {"systems": {"appliance": self.systems}, "date-time": {"tz": self.timezone}}
        return 200, {}, plain.get(name, [])

    def _list(self, sid: int, wanted: Row) -> Any:
        rows = [
            row
            for moment, row in self.backups.get(sid, ())
            if not self.honors_window or wanted["start_time"] <= parse_time(moment) // SECOND <= wanted["end_time"]
        ]
        return {"data": rows} if rows else []


def always(body: Any) -> Callable[[int, dict[str, str]], Any]:
    """Respond to an optional request with the same body, regardless of the query."""
    return lambda _sid, _query: body


def read(
    serve: Callable[..., Any], appliance: FakeAppliance, since: str | None, until: str | None, **options: Any
) -> Row:
    """Read the appliance; the result has every point, and the warnings."""
    own = {"timezone": None, "slice": options.pop("slice", "7d")}
    settings = Settings(
        username="auditor",
        password="secret-word",
        page_size=500,
        detail="recovery_points",
        workload_types=Unitrends.workload_types,
        include_unprotected=True,
        include_raw=False,
        own=own,
    )
    server = serve(appliance.answer)
    client = Client(Endpoint(url=server.url, verify=server.ca_path, retries=0), Unitrends.allowlist)
    collector = Collector("here", "unitrends", since=since, until=until, keep_points=True)
    thread_pool = ThreadPool(2)
    adapter = Unitrends(client, settings, thread_pool)
    try:
        adapter.collect(collector)
    finally:
        thread_pool.close()
        adapter.close()
        client.close()
    result = collector.result()
    return {**result, "warnings": collector.warnings, "calls": server.calls()}


def backup(number: int, moment: str, text: str | None = None, **more: Any) -> tuple[str, Row]:
    """Build a full backup of a virtual machine that started at ``moment``, which the appliance writes as ``text``."""
    if text is None:
        date, _mark, clock = moment.removesuffix("Z").partition("T")
        year, month, day = date.split("-")
        hour, rest = int(clock[:2]), clock[2:]
        text = f"{month}/{day}/{year} {hour % 12 or 12:02}{rest} {'pm' if hour >= 12 else 'am'}"
    fields = {
        "id": number,
        "type": "VMware Full",
        "start_time": text,
        "complete": True,
        "status": "Successful",
        "client_id": 7,
        "client_name": "vcenter",
        "instance_id": 31,
        "app_name": "VMware",
        "vm_name": "web-01",
        "replicated": False,
        "certified": False,
        "encrypted": False,
        "verify_status": "Not Applicable",
        "verified": None,
        "size": 10,
    }
    return moment, {**fields, **more}
