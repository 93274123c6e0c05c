# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests sent to a server: none twice, several at once, never more than `max_parallel_requests`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, read
from tests.simulators import running

PRODUCTS = list(MODULES)
# Listings with page numbers instead of offsets, whose first page is read again after the last one.
ANCHORED = {"veeam_enterprise_manager": ("page", "1"), "vprotect": ("page", "0")}
# Number of requests for a complete read of this environment, if not 40. An increase needs a good reason.
REQUESTS = {
    # Items of each type are requested separately, and so are the points of each item and their number.
    "azure_backup": 140,
    "spp": 50,
    "veeam_aws": 35,
    "veeam_azure": 35,
    "veeam_backup_replication": 75,
    "veeam_enterprise_manager": 30,
    "unitrends": 370,
}
# Products with a separate login service, which needs one more connection.
LOGIN_SERVICES = ("aws_backup", "azure_backup")


@pytest.fixture(scope="module")
def slow() -> Iterator[Simulators]:
    """Servers with latency, so that requests overlap."""
    with running(workloads=20, points=10, latency_ms=30) as ready:
        yield Simulators(ready)


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("connections", [1, 2, 4])
def test_requests_use_all_allowed_connections(slow: Simulators, product: str, connections: int) -> None:
    """There are never more. With fewer, the server would be idle. Connections are reused."""
    slow.reset()
    ended = read(slow.ready, product, connections=connections)
    assert not ended.failed, ended.message
    traffic = slow.ask(product, "__traffic")
    assert traffic["at_once"] == connections
    assert traffic["connections"] == connections + (product in LOGIN_SERVICES)


def test_pages_of_backup_files_are_read_in_parallel(slow: Simulators) -> None:
    """Backup & Replication has as many files as points if each machine has its own files, all in one listing."""
    product = "veeam_backup_replication"
    slow.reset()
    slow.ask(product, "__variant", {"files": "own"})
    ended = read(slow.ready, product, page_size=10)
    assert not ended.failed, ended.message
    asked = [call["path"] for call in slow.requests(product)]
    assert sum(path.endswith("/backupFiles") for path in asked) > 10
    assert slow.ask(product, "__traffic")["at_once_of"]["backupFiles"] == 4


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_request_is_repeated(slow: Simulators, product: str) -> None:
    """The only exception is the first page of a listing with page numbers."""
    slow.reset()
    ended = read(slow.ready, product)
    assert not ended.failed, ended.message
    sent: Counter[tuple[Any, ...]] = Counter()
    for call in slow.requests(product):
        query = tuple(sorted(map(tuple, call["query"])))
        if ANCHORED.get(product) not in query:
            # Signed requests contain the region, which is part of the address in reality.
            region = str(call["headers"].get("Authorization", "").partition(" ")[2].split("/")[2:3])
            sent[(call["method"], call["path"], query, call["body"], region)] += 1
    assert not {call: times for call, times in sent.items() if times > 1}
    assert ended.result["http_requests"]["count"] <= REQUESTS.get(product, 40)


@pytest.mark.parametrize("product", PRODUCTS)
def test_compressed_responses_are_requested_and_read(slow: Simulators, product: str) -> None:
    """The rows and points are the same, with less network traffic."""
    slow.reset()
    plain = read(slow.ready, product).result
    slow.ask(product, "__variant", {"gzip": True})
    compressed = read(slow.ready, product)
    assert not compressed.failed, compressed.message
    assert list(map(_without_age, compressed.result["workloads"])) == list(map(_without_age, plain["workloads"]))
    assert compressed.result["points"] == plain["points"]
    assert all("gzip" in call["headers"]["Accept-Encoding"] for call in slow.requests(product))


def _without_age(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "newest_age_seconds"}
