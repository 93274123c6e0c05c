# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unitrends: requests by period of the catalog and slice of the list."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.adapter import Unitrends
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

SETTINGS = Settings(
    username="auditor",
    password="secret-word",
    page_size=500,
    detail="recovery_points",
    workload_types=Unitrends.workload_types,
    include_unprotected=True,
    include_raw=False,
    own={"timezone": None, "slice": "20d"},
)


def test_only_slices_with_backups_in_the_catalog_are_requested(
    serve: Callable[..., Any],
) -> None:
    """A failed backup is only in the list and is still reported. A backup in the catalog is found in its slice."""
    good = {"id": 501, "type": "Full", "start_time": "07/15/2026 02:30:05 am", "complete": True, "status": "Successful"}
    failed = {**good, "id": 502, "start_time": "02/10/2026 02:30:05 am", "status": "Failed"}
    days = [parse_time("2026-07-15T00:30:05Z") // SECOND, parse_time("2026-02-10T01:30:05Z") // SECOND]
    requested_spans: list[tuple[int, int]] = []

    def answer(request: Any) -> tuple[int, dict[str, str], Any]:
        path, _mark, query = request.path.partition("?")
        if path == "/api/login":
            return 200, {}, {"auth_token": "token-of-this-test"}
        if path == "/api/systems/":
            return 200, {}, {"appliance": [{"id": 1, "name": "here", "status": "accepted", "local": True}]}
        if path == "/api/date-time/":
            return 200, {}, {"tz": "Europe/Berlin"}
        if path == "/api/catalog/":
            item = {"id": 501, "start_date": "07/15/2026 02:30:05 am", "status": 0, "type": "Full"}
            inside = "start_date=05%2F" in query
            return 200, {}, {"catalog": [{"instance_id": "31", "backups": [item]}] if inside else []}
        if path == "/api/backups/":
            wanted = json.loads(request.body)
            requested_spans.append((wanted["start_time"], wanted["end_time"]))
            start, end = requested_spans[-1]
            return (
                200,
                {},
                {"data": [backup for backup, at in zip((good, failed), days, strict=True) if start <= at <= end]},
            )
        return 200, {}, []

    server = serve(answer)
    client = Client(Endpoint(url=server.url, verify=server.ca_path, retries=0), Unitrends.allowlist)
    collector = Collector("here", "unitrends", since="2026-01-01", until="2026-08-01", keep_points=True)
    thread_pool = ThreadPool(2)
    source = Unitrends(client, SETTINGS, thread_pool)
    try:
        source.collect(collector)
    finally:
        thread_pool.close()
        source.close()
        client.close()
    statuses = {point["id"]: point["status"] for point in collector.result()["recovery_points"]}
    assert statuses == {"1/501": "success", "1/502": "failed"}
    assert collector.warnings == []
    widths = [(end - start) // (24 * HOUR) for start, end in sorted(requested_spans, reverse=True)]
    assert widths == [20, 20, 20, 20, 80, 52]
    assert sum("/api/catalog/?" in call for call in server.calls()) == 3
