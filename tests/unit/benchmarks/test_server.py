# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server with cached responses: it stores responses of the product API, and all clients get the same rows."""

from __future__ import annotations

import pytest

from tests.benchmarks import reading
from tests.benchmarks.recipes import RECIPES, get_product
from tests.benchmarks.serving import running_server


@pytest.mark.parametrize("name", RECIPES)
def test_client_and_module_read_the_same(name: str) -> None:
    """Both read every point, and their requests are cached the second time."""
    with running_server(get_product(name), 10, 200, latency_ms=0, variants=RECIPES[name].variants) as server:
        calls, _peaks = reading.warm_up(name, server)
        assert len(server.ready["workloads"]) == 10
        result = reading.run_client(name, server)
        read = reading.run_module(name, server)["read"]
        reading.run_client(name, server, calls)
        fetch_stats = server.fetch_stats()
    # Neighboring Unitrends slices overlap, so points at the edges appear in both.
    assert 200 <= result["rows"] <= 220
    assert read["totals"]["recovery_points"] == 200
    # The order of requests to Veeam for AWS, and the prefetching for Unitrends, depend on which response arrives first.
    assert fetch_stats["rendered"] <= max(2, len(calls) // 4)
    assert fetch_stats["served"] > 2 * len(calls)
    assert fetch_stats["bytes"] > result["bytes"] > 10_000


def test_each_port_is_another_installation() -> None:
    """With one identity, only the newest of the read results would count."""
    with running_server("veeam_azure", 10, 200, latency_ms=0, ports=2) as server:
        identities = {
            reading.run_module("veeam_azure", server, url=url)["read"]["server"]["identity"]
            for url in server.ready["urls"]
        }
    assert len(identities) == 2


def test_throughput_counts_complete_responses() -> None:
    """As many responses as requests, each received completely."""
    with running_server("veeam_azure", 10, 200, latency_ms=0) as server:
        calls = reading.warm_up("veeam_azure", server)[0]
        server.fetch_stats()
        result = reading.measure_server("veeam_azure", server, calls)
        fetch_stats = server.fetch_stats()
    targets = [call for call in calls if call[0] == "GET"]
    assert fetch_stats["served"] == len(targets) * (2 + 500 // len(targets))
    assert result["answers_per_second"] > 0
    assert result["megabytes_per_second"] > 0
