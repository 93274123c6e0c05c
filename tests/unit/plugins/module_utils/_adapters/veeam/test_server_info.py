# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version and identity of the servers that report an id of their installation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, ServerInfo, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.adapter import VeeamAzure
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.adapter import (
    VeeamBackupReplication,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ForbiddenError,
    NotFoundError,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

MISSING = object()
ID = "6745a759-2205-4cd2-b172-8ec8f7e60ef8"
PRODUCTS = pytest.mark.parametrize(
    ("product", "path", "version", "identity"),
    [
        pytest.param(VeeamBackupReplication, "/api/v1/serverInfo", "buildVersion", "vbrId", id="vbr"),
        pytest.param(VeeamAzure, "/api/v8/system/about", "serverVersion", "databaseId", id="azure"),
    ],
)


class OneResponse(Client):
    """Returns the same response for every request, or raises an error."""

    def __init__(self, answer: dict[str, Any] | AuditError) -> None:
        self.answer = answer
        self.paths: list[str] = []

    def get(self, path: str, *_more: Any, **_options: Any) -> Response:
        self.paths.append(path)
        if isinstance(self.answer, AuditError):
            raise self.answer
        return Response(f"GET {path}", "server.example", 200, {}, json.dumps(self.answer).encode(), str)


@pytest.fixture
def thread_pool() -> Iterator[ThreadPool]:
    pool = ThreadPool(1)
    yield pool
    pool.close()


def request_info(product: type[RestAdapter], client: Client, thread_pool: ThreadPool) -> ServerInfo:
    settings = Settings(
        username="auditor",
        password="pw",
        page_size=10,
        detail="workloads",
        workload_types=product.workload_types,
        include_unprotected=True,
        include_raw=False,
        own={},
    )
    adapter = product(client, settings, thread_pool)
    if isinstance(adapter, VeeamAzure):
        adapter.root = "/api/v8"
    return adapter.server_info()


@PRODUCTS
def test_one_request_returns_both(
    product: type[RestAdapter], path: str, version: str, identity: str, thread_pool: ThreadPool
) -> None:
    client = OneResponse({version: "13.1.0", identity: ID})
    assert request_info(product, client, thread_pool) == ServerInfo(version="13.1.0", identity=ID)
    assert client.paths == [path]


@PRODUCTS
@pytest.mark.parametrize(
    "reported", [MISSING, None, "", " ", 7, True, [ID], {"id": ID}, "00000000-0000-0000-0000-000000000000"]
)
def test_an_invalid_id_is_not_an_identity(
    product: type[RestAdapter],
    path: str,
    version: str,
    identity: str,
    reported: Any,
    thread_pool: ThreadPool,
) -> None:
    body = {version: "13.1.0", identity: reported}
    if reported is MISSING:
        del body[identity]
    client = OneResponse(body)
    info = request_info(product, client, thread_pool)
    collector = Collector("server.example", product.product)
    collector.set_identity(info.identity)
    assert (info.version, client.paths) == ("13.1.0", [path])
    assert "identity" not in collector.result()["server"]


@PRODUCTS
@pytest.mark.parametrize("refusal", [ForbiddenError, NotFoundError])
def test_a_rejected_request_is_not_an_error(
    product: type[RestAdapter],
    path: str,
    version: str,
    identity: str,
    refusal: type[AuditError],
    thread_pool: ThreadPool,
) -> None:
    client = OneResponse(refusal("refused"))
    assert request_info(product, client, thread_pool) == ServerInfo(version=None, identity=None)
    assert client.paths == [path]
