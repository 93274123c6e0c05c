# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unitrends: rows of both generations to points, local times to UTC, and requests that must never be sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.adapter import Unitrends
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import Allowlist, RequestNotAllowedError
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool
from tests.unit.plugins.module_utils._adapters.unitrends.sample_backup import row

# The allowlist

HOSTILE = [
    "/api/backups/?isDelete",
    "/api/backups/?isDelete=1",
    "/api/backups/?sid=1&isDelete",
    "/api/backups/?sid=1&isdelete=1",
    "/api/backups/?sid=1&lang=en&isDelete=true",
    "/api/backups/?sid=1&%69sDelete=1",
    "/api/backups/?sid=1&is%44elete",
    "/api/backups/?sid=1;isDelete",
    "/api/backups/?sid=1%3BisDelete&isDelete",
    "/api/backups/?sid=1&isRelated=1",
    "/api/backups/?sid=1&lang=en%26isDelete",
    "/api/backups/?lang=en",
    "/api/backups/",
    "/api/backups?sid=1",
    "/api/backups/5/?sid=1",
    "/api/backups/?sid=1#isDelete",
    "/api/catalog/../backups/?sid=1&isDelete",
    "/api/%2e%2e/api/backups/?isDelete&sid=1",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_requests_that_delete_are_rejected(path: str) -> None:
    """In any spelling, and from any source."""
    allowlist = Allowlist(Unitrends.allowlist)
    with pytest.raises(RequestNotAllowedError):
        allowlist.check("POST", f"https://ueb.example:443{path}")
    allowlist.check("POST", "https://ueb.example:443/api/backups/?sid=1&lang=en")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_rejected(method: str) -> None:
    """PUT starts a backup."""
    with pytest.raises(RequestNotAllowedError):
        Allowlist(Unitrends.allowlist).check(method, "https://ueb.example:443/api/backups/?sid=1&lang=en")


def test_the_allowlist_never_contains_keys_that_delete() -> None:
    """Neither key may ever be allowed on any request, including requests that are added later."""
    keys = {key.casefold() for entry in Unitrends.allowlist for key in entry.query}
    assert not keys & {"isdelete", "isrelated"}
    assert {entry.method for entry in Unitrends.allowlist} == {"GET", "POST"}
    assert [entry.path for entry in Unitrends.allowlist if entry.method == "POST"] == [
        "/api/login",
        "/api/logout",
        "/api/backups/",
    ]


def hostile_systems() -> Iterator[Any]:
    """Yield system numbers that try to inject other query keys or paths."""
    yield from ("1&isDelete", "1/../backups?isDelete", "isDelete", "1;isDelete", -1, None, {"isDelete": 1}, "\uff11")


@pytest.mark.parametrize("number", list(hostile_systems()), ids=repr)
def test_invalid_system_numbers_are_rejected(serve: Callable[..., Any], number: Any) -> None:
    """A system without a valid number is an error before any request for it is sent."""

    def answer(request: Any) -> tuple[int, dict[str, str], Any]:
        return 200, {}, {"appliance": [{"id": number, "name": "x", "status": "accepted", "local": True}]}

    server = serve(answer)
    client = Client(Endpoint(url=server.url, verify=server.ca_path, retries=0), Unitrends.allowlist)
    source = Unitrends(client, settings(), None)  # type: ignore[arg-type]
    source._collector = Collector("here", "unitrends")
    with pytest.raises(AuditError, match="number"):
        source._fetch_systems()
    assert server.calls() == ["GET /api/systems/?lang=en"]
    for path in HOSTILE:
        with pytest.raises(AuditError):
            client.request("POST", path, json_body={"backup_ids": [1]})
    assert len(server.requests) == 1
    client.close()


def settings(**own: Any) -> Settings:
    """Return the settings that the module passes, with these product options."""
    return Settings(
        username="auditor",
        password="secret-word",
        page_size=500,
        detail="recovery_points",
        workload_types=Unitrends.workload_types,
        include_unprotected=True,
        include_raw=False,
        own={"timezone": None, "slice": "30d", **own},
    )


def test_one_of_two_systems_fails(serve: Callable[..., Any]) -> None:
    """The other system is read, the result is incomplete, and the failing one is not requested for every slice."""
    systems = [
        {"id": 1, "name": "here", "status": "accepted", "local": True},
        {"id": 2, "name": "there", "status": "accepted", "local": False},
        {"id": 3, "name": "waiting", "status": "pending", "local": False},
    ]

    def answer(request: Any) -> tuple[int, dict[str, str], Any]:
        path, _mark, query = request.path.partition("?")
        if path == "/api/login":
            return 200, {}, {"auth_token": "token-of-this-test"}
        if path == "/api/systems/":
            return 200, {}, {"appliance": systems}
        if path == "/api/date-time/":
            return 200, {}, {"tz": "Europe/Berlin"}
        if path == "/api/backups/" and "sid=2" in query:
            return 500, {}, {"result": [{"code": "2", "message": "core is down"}]}
        if path == "/api/backups/":
            wanted = json.loads(request.body)
            inside = wanted["start_time"] <= parse_time("2026-07-15T00:30:05Z") // SECOND <= wanted["end_time"]
            return 200, {}, {"data": [row()]} if inside else []
        return 200, {}, []

    server = serve(answer)
    client = Client(Endpoint(url=server.url, verify=server.ca_path, retries=0), Unitrends.allowlist)
    collector = Collector("here", "unitrends", since="2026-01-01", until="2026-08-01", keep_points=True)
    thread_pool = ThreadPool(2)
    source = Unitrends(client, settings(), thread_pool)
    try:
        source.collect(collector)
    finally:
        thread_pool.close()
        source.close()
        client.close()
    result = collector.result()
    assert [point["id"] for point in result["recovery_points"]] == ["1/501"]
    assert result["complete"] is False
    assert "there" in result["errors"][0]["message"]
    assert result["errors"][0]["server_message"].endswith("core is down")
    assert not any("sid=3" in call for call in server.calls())
    calls = [call for call in server.calls() if call.startswith("POST /api/backups/") and "sid=2" in call]
    assert len(calls) <= 4
    assert server.calls()[-1] == "POST /api/logout"
