# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the simulated vProtect server in this process, with variants and with changed responses."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.adapter import VProtect
from tests.fuzz.reading import FakeResponse, ReadResult, read
from tests.simulators.estate import add_product_scenarios, build_estate
from tests.simulators.ground_truth import Estate, as_datetime, as_moment
from tests.simulators.product_api import Call
from tests.simulators.vprotect.api import Vprotect

# Enough nights for chains with several full backups.
_WORKLOADS, _POINTS, _SEED = 20, 20, 7
_JSON = {"Content-Type": "application/json"}
# Changes a response: called with the path below /api, the query and the response.
Change = Callable[[str, Mapping[str, str], FakeResponse], FakeResponse]


@functools.cache
def get_estate() -> Estate:
    """Return the environment that the server serves."""
    estate = build_estate(_SEED, _WORKLOADS, _POINTS, as_moment(datetime.now(timezone.utc)))
    add_product_scenarios(estate, _POINTS)
    return estate


def read_server(variants: Mapping[str, Any] | None = None, change: Change | None = None, **options: Any) -> ReadResult:
    """Read everything; if the read fails, the result has no points."""
    api = Vprotect(get_estate())
    api.set_initial_variants(variants or {})
    api.prepare()
    account = {key: str(api.credentials()[key]) for key in ("username", "password")}

    def serve(request: requests.PreparedRequest) -> FakeResponse:
        parts = urlsplit(request.url or "")
        query = parse_qsl(parts.query, keep_blank_values=True)
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        answer = api.respond(Call(str(request.method), parts.path, query, request.headers, raw))
        headers = {"Date": format_datetime(as_datetime(api.clock()), usegmt=True), **answer.headers}
        if answer.body:
            headers["Content-Type"] = answer.content_type
        response = FakeResponse(answer.status, headers, answer.body)
        return response if change is None else change(parts.path.removeprefix("/api"), dict(query), response)

    return read(VProtect, serve, {**account, **options}, compressed=True)


def read_rows(rows: Sequence[Any], lists: Mapping[str, Sequence[Any]] | None = None, **options: Any) -> ReadResult:
    """Read a server with these backups, and with other lists by path below /api; lists that are not given are empty."""
    found: dict[str, Any] = {
        "/backups": rows,
        "/nodes": [{"guid": "n-1", "version": "7.4.0-27"}],
        "/session/login": {},
        **(lists or {}),
    }

    def serve(request: requests.PreparedRequest) -> FakeResponse:
        path = urlsplit(request.url or "").path.removeprefix("/api")
        if path.startswith("/rules/"):
            return FakeResponse(200, _JSON, json.dumps({"ruleBackupDestinations": []}).encode())
        headers = {**_JSON, "Set-Cookie": "JSESSIONID=0123456789; Path=/api"}
        return FakeResponse(200, headers, json.dumps(found.get(path, [])).encode())

    return read(VProtect, serve, options, compressed=True)


@functools.cache
def read_normal() -> ReadResult:
    """Return the result of a read without variants."""
    result = read_server()
    assert result.error is None
    assert len(result.points) > 200
    return result


def failing(path: str, status: int) -> Change:
    """Respond to requests for this path with an error; an asterisk at its end matches anything."""

    def change(called: str, _query: Mapping[str, str], response: FakeResponse) -> FakeResponse:
        hit = called.startswith(path[:-1]) if path.endswith("*") else called == path
        return fail(status) if hit else response

    return change


def fail(status: int) -> FakeResponse:
    """Return an error of the product."""
    return FakeResponse(status, {"Content-Type": "application/json"}, b'{"message": "it does not work"}')


def changing_rows(path: str, change_row: Callable[[dict[str, Any]], Any]) -> Change:
    """Change each row of a list."""

    def change(called: str, _query: Mapping[str, str], response: FakeResponse) -> FakeResponse:
        if called != path or response.status != 200:
            return response
        rows = [change_row(row) for row in json.loads(response.body)]
        return FakeResponse(200, response.headers, json.dumps(rows).encode())

    return change
