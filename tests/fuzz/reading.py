# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One read by an adapter in this process, from a server that is a function: thousands of reads a minute."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
import urllib3
from requests.adapters import BaseAdapter

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import (
    argument_spec,
    build_endpoint,
    build_settings,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool


@dataclasses.dataclass(frozen=True)
class FakeResponse:
    """A response of the server."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Serve = Callable[[requests.PreparedRequest], FakeResponse]


@dataclasses.dataclass(frozen=True)
class ReadResult:
    """The result of a read: points and warnings, or the error that ended it."""

    points: list[dict[str, Any]]
    warnings: list[str]
    error: AuditError | None = None


class _Transport(BaseAdapter):
    """Replaces sockets. The client still reads bodies, applies limits and reports errors with its own code."""

    def __init__(self, serve: Serve) -> None:
        super().__init__()
        self._serve = serve

    def send(self, request: requests.PreparedRequest, *_more: Any, **_options: Any) -> requests.Response:
        answer = self._serve(request)
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.url = request.url or ""
        response.raw = urllib3.HTTPResponse(body=io.BytesIO(answer.body), status=answer.status, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing to close."""


class _ServedClient(Client):
    """A client whose requests, and those of its siblings, are served without a network."""

    def serve(self, answer: Serve) -> None:
        self._answer = answer
        self._session.mount("https://", _Transport(answer))

    def sibling(self, url: str, allowlist: Sequence[AllowedRequest]) -> Client:
        other = super().sibling(url, allowlist)
        other._session.mount("https://", _Transport(self._answer))
        return other


def read(adapter_class: type[RestAdapter], serve: Serve, own: Mapping[str, Any], *, compressed: bool) -> ReadResult:
    """Read everything from one server; ``own`` are module options. Errors other than AuditError are bugs and propagate.

    ``compressed``: also build the read result from the points and check it, which takes longer.
    """
    given = {
        "url": "https://server.example",
        "username": "auditor",
        "password": "a long password",
        "validate_certs": True,
        "retries": 0,
        "connections": 1,
        # Read all details of points, including those that are skipped if points are only counted.
        "detail": "recovery_points",
    }
    shared = {name: option.get("default") for name, option in argument_spec(adapter_class).items()}
    params = {**shared, **given, **own}
    adapter_class.complete(params)
    client = _ServedClient(build_endpoint(params, adapter_class), adapter_class.allowlist)
    client.serve(serve)
    client.host = "server.example"
    collector = Collector(
        client.host, adapter_class.product, since=params["since"], until=params["until"], keep_points=True
    )
    thread_pool = ThreadPool(1)
    adapter = adapter_class(client, build_settings(params, adapter_class), thread_pool)
    try:
        adapter.collect(collector)
        points = collector._listed_points()
        sealed = collector.result(compress=True) if compressed else None
    except AuditError as error:
        return ReadResult([], [], error)
    finally:
        thread_pool.close()
        adapter.close()
        client.close()
    if sealed is not None:
        # An error is a bug here, because the policy has to open every read result that was sealed.
        opened = open_result(sealed)
        assert sum(len(block.counts) for block in opened.blocks()) == len(list(opened.identities()))
    return ReadResult(points, collector.warnings, collector.problems[0] if collector.problems else None)
