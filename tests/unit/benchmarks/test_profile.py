# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profile of a module: what its threads were at when they were looked at."""

from __future__ import annotations

import json

from tests.benchmarks import reading
from tests.benchmarks.profile import SAMPLER, shares
from tests.benchmarks.serving import serving


def test_shares() -> None:
    """Of the function itself, and with what it calls; a function that is missing there has its own share."""
    told = {"samples": 200, "own": [["a.py:f", 50], ["b.py:g", 10]], "whole": [["a.py:f", 150]]}
    assert shares(told, 5).splitlines() == [
        "200 samples",
        "  itself   in all",
        "   25.0%    75.0%  a.py:f",
        "    5.0%     5.0%  b.py:g",
    ]
    assert len(shares(told, 1).splitlines()) == 3


def test_module_is_sampled() -> None:
    """The sampler looks at the module's own functions, and the module reads as ever."""
    with serving("veeam_azure", 10, 1000, latency_ms=0) as server:
        ended = reading.module("veeam_azure", server, before=SAMPLER)
    told = json.loads(ended["profile"])
    assert ended["read"]["totals"]["points_listed"] == 1000
    assert told["samples"] >= sum(count for _name, count in told["own"]) > 0
    # Which functions are met is chance in so short a run; the files of the collection are.
    files = {name.partition(":")[0] for name, _count in told["whole"]}
    assert files & {"rest_module.py", "runner.py", "client.py", "pagination.py", "connection_options.py", "adapter.py"}
