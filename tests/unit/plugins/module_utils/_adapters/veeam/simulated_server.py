# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a simulated Veeam server in this process; tests replace or change single responses."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import (
    argument_spec,
    build_endpoint,
    build_settings,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool
from tests.simulators.estate import add_product_scenarios, build_estate
from tests.simulators.ground_truth import Estate, as_moment
from tests.simulators.product_api import Call, ProductApi, Response

# A response that replaces the server's own; None keeps it.
Change = Callable[[Call, Callable[[], Response]], "Response | None"]


@dataclasses.dataclass
class Result:
    """Result of a read, and the requests that were sent."""

    data: dict[str, Any]
    warnings: list[str]
    problems: list[AuditError]
    calls: list[Call]

    @property
    def scope(self) -> dict[str, Any]:
        scope: dict[str, Any] = self.data["server"]["scope"]
        return scope

    @property
    def points(self) -> list[dict[str, Any]]:
        return list(self.data["recovery_points"])

    def rows(self, name: str | None = None) -> list[dict[str, Any]]:
        return [row for row in self.data["workloads"] if name in (None, row.get("workload_name"))]

    def warned(self, text: str) -> bool:
        return any(text in warning for warning in self.warnings)


@cache
def make_estate() -> Estate:
    """Build an environment with all scenarios, each with three points."""
    estate = build_estate(7, 20, 3, as_moment(datetime.now(timezone.utc)))
    add_product_scenarios(estate, 3)
    return estate


def status(code: int, path: str, *, nth: int | None = None, body: bytes = b'{"message": "refused"}') -> Change:
    """Respond to requests for this path (a glob) with a status; with ``nth`` only to one of them."""
    seen: list[int] = []

    def change(call: Call, _own: Callable[[], Response]) -> Response | None:
        if not fnmatchcase(call.path, path):
            return None
        seen.append(1)
        return Response(code, body) if nth in (None, len(seen)) else None

    return change


def edit(path: str, action: Callable[[Any], Any]) -> Change:
    """Change the JSON documents of this path (a glob); ``action`` may return another document."""

    def change(call: Call, own: Callable[[], Response]) -> Response | None:
        if not fnmatchcase(call.path, path):
            return None
        response = own()
        document = json.loads(response.body.decode("utf-8-sig"))
        changed = action(document)
        response.body = json.dumps(document if changed is None else changed).encode()
        return response

    return change


class _Transport(BaseAdapter):
    def __init__(self, api: ProductApi, changes: tuple[Change, ...], calls: list[Call]) -> None:
        super().__init__()
        self._api, self._changes, self._calls = api, changes, calls

    def send(self, request: requests.PreparedRequest, *_more: Any, **_options: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        body = request.body or b""
        data = body.encode() if isinstance(body, str) else body
        query = parse_qsl(parts.query, keep_blank_values=True)
        call = Call(str(request.method), parts.path, query, request.headers, data)
        self._calls.append(call)
        answer = self._answer(call)
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update({**answer.headers, "Content-Type": answer.content_type})
        response.url = request.url or ""
        response.raw = urllib3.HTTPResponse(body=io.BytesIO(answer.body), status=answer.status, preload_content=False)
        return response

    def _answer(self, call: Call) -> Response:
        for change in self._changes:
            changed = change(call, lambda: self._api.respond(call))
            if changed is not None:
                return changed
        return self._api.respond(call)

    def close(self) -> None:
        """Nothing to close."""


class SimulatedServer:
    """One server with all scenarios. ``variants`` are those of its simulator."""

    def __init__(
        self, api: type[ProductApi], adapter: type[RestAdapter], estate: Estate | None = None, **variants: Any
    ) -> None:
        self.api = api(estate or make_estate())
        self.api.set_initial_variants(variants)
        self.api.prepare()
        self._adapter = adapter

    def read(self, *changes: Change, account: str = "main", **own: Any) -> Result:
        """Read with the adapter, and raise the error if the read fails."""
        credentials = self.api.credentials()
        accounts: Any = credentials["accounts"]
        login = credentials if account == "main" else accounts[account]
        given = {
            "url": "https://server.example",
            "validate_certs": True,
            "retries": 0,
            "connections": 1,
            "detail": "recovery_points",
            **{name: login[name] for name in ("username", "password")},
        }
        spec = argument_spec(self._adapter)
        params = {**{name: option.get("default") for name, option in spec.items()}, **given, **own}
        client = Client(build_endpoint(params, self._adapter), self._adapter.allowlist)
        calls: list[Call] = []
        client._session.mount("https://", _Transport(self.api, changes, calls))
        client.host = "server.example"
        collector = Collector(
            client.host,
            self._adapter.product,
            workload_names=params["workload_names"] or (),
            since=params["since"],
            until=params["until"],
            keep_points=True,
        )
        thread_pool = ThreadPool(params["connections"])
        adapter = self._adapter(client, build_settings(params, self._adapter), thread_pool)
        try:
            adapter.collect(collector)
            return Result(collector.result(), collector.warnings, collector.problems, calls)
        finally:
            thread_pool.close()
            adapter.close()
            client.close()
