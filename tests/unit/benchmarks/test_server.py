# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of canned answers: what a dialect answers, kept; and the same rows for whoever reads by hand."""

from __future__ import annotations

import pytest

from tests.benchmarks import reading
from tests.benchmarks.recipes import RECIPES, product_of
from tests.benchmarks.serving import serving


@pytest.mark.parametrize("name", RECIPES)
def test_client_and_module_read_the_same(name: str) -> None:
    """Both meet every point, and what they ask for is ready the second time."""
    with serving(product_of(name), 10, 200, latency_ms=0) as server:
        calls, _peaks = reading.warm(name, server)
        assert len(server.ready["workloads"]) == 10
        told = reading.client(name, server)
        read = reading.module(name, server)["read"]
        reading.client(name, server, calls)
        counted = server.counted()
    # Neighbouring slices of Unitrends share what ran over their edge.
    assert 200 <= told["rows"] <= 220
    assert read["totals"]["recovery_points"] == 200
    # Whom Veeam for AWS is asked about first, and how far ahead Unitrends is, hang on which answer comes first.
    assert counted["rendered"] <= max(2, len(calls) // 4)
    assert counted["served"] > 2 * len(calls)
    assert counted["bytes"] > told["bytes"] > 10_000


def test_throughput_is_that_of_whole_answers() -> None:
    """As many answers as were asked for, each taken in to its end."""
    with serving("veeam_azure", 10, 200, latency_ms=0) as server:
        calls = reading.warm("veeam_azure", server)[0]
        server.counted()
        told = reading.alone("veeam_azure", server, calls)
        counted = server.counted()
    targets = [call for call in calls if call[0] == "GET"]
    assert counted["served"] == len(targets) * (2 + 500 // len(targets))
    assert told["answers_per_second"] > 0
    assert told["megabytes_per_second"] > 0
