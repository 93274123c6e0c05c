# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profile of a module: what its threads were executing when they were sampled."""

from __future__ import annotations

import json

from tests.benchmarks import reading
from tests.benchmarks.profile import SAMPLER, format_shares
from tests.benchmarks.serving import running_server


def test_shares_of_functions_with_and_without_callees() -> None:
    """Shares of the function itself and including its callees; a function missing in the latter has its own share."""
    profile = {"samples": 200, "own": [["a.py:f", 50], ["b.py:g", 10]], "whole": [["a.py:f", 150]]}
    assert format_shares(profile, 5).splitlines() == [
        "200 samples",
        "  itself   in all",
        "   25.0%    75.0%  a.py:f",
        "    5.0%     5.0%  b.py:g",
    ]
    assert len(format_shares(profile, 1).splitlines()) == 3


def test_module_is_sampled() -> None:
    """The sampler finds the module's own functions, and the module's result is unchanged."""
    with running_server("veeam_azure", 10, 1000, latency_ms=0) as server:
        ended = reading.run_module("veeam_azure", server, before=SAMPLER)
    profile = json.loads(ended["profile"])
    assert ended["read"]["totals"]["points_listed"] == 1000
    assert profile["samples"] >= sum(count for _name, count in profile["own"]) > 0
    # Which functions are sampled in such a short run is random, but the collection's files always appear.
    files = {name.partition(":")[0] for name, _count in profile["whole"]}
    assert files & {"rest_module.py", "runner.py", "client.py", "pagination.py", "connection_options.py", "adapter.py"}
