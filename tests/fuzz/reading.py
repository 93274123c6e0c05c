# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One reading by an adapter, in this process, from a server that is a function: thousands of them in a minute."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Mapping
from typing import Any

import requests
import urllib3
from requests.adapters import BaseAdapter

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._collect.result import pack, unpack
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import (
    argument_spec,
    endpoint,
    settings,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool


@dataclasses.dataclass(frozen=True)
class Told:
    """What the server answers."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Serve = Callable[[requests.PreparedRequest], Told]


@dataclasses.dataclass(frozen=True)
class Found:
    """What a reading came to: points and rows, or the error that ended it."""

    points: list[dict[str, Any]]
    warnings: list[str]
    error: AuditError | None = None


class _Transport(BaseAdapter):
    """In place of sockets: the client's own reading of bodies, its limits and its errors stay as they are."""

    def __init__(self, serve: Serve) -> None:
        super().__init__()
        self._serve = serve

    def send(self, request: requests.PreparedRequest, *_more: Any, **_options: Any) -> requests.Response:
        told = self._serve(request)
        response = requests.Response()
        response.status_code = told.status
        response.headers.update(told.headers)
        response.url = request.url or ""
        response.raw = urllib3.HTTPResponse(body=io.BytesIO(told.body), status=told.status, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""


def read(source_class: type[RestAdapter], serve: Serve, own: Mapping[str, Any], *, folded: bool) -> Found:
    """Read all of one server; ``own`` are options of the module. Whatever is no AuditError is a bug and comes out.

    ``folded``: rows are made of the points and packed as well, which takes longer.
    """
    given = {
        "url": "https://server.example",
        "username": "auditor",
        "password": "a long password",
        "validate_certs": True,
        "retries": 0,
        "connections": 1,
        # All that is told of points is looked at, also what only counting them would leave out.
        "detail": "recovery_points",
    }
    shared = {name: option.get("default") for name, option in argument_spec(source_class).items()}
    params = {**shared, **given, **own}
    client = Client(endpoint(params, source_class), source_class.allowlist)
    client._session.mount("https://", _Transport(serve))
    client.host = "server.example"
    reading = Collector(
        client.host, source_class.product, since=params["since"], until=params["until"], keep_points=True, history=True
    )
    thread_pool = ThreadPool(1)
    source = source_class(client, settings(params, source_class), thread_pool)
    try:
        source.collect(reading)
        points = unpack(pack(reading.result()))["recovery_points"] if folded else reading._listed_points()
    except AuditError as error:
        return Found([], [], error)
    finally:
        thread_pool.close()
        source.close()
        client.close()
    return Found(points, reading.warnings, reading.problems[0] if reading.problems else None)
