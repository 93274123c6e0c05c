# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server restarts during a long listing: the run succeeds or fails clearly, and the next one works."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.products import LOG_IN, listing
from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, ModuleResult, read
from tests.simulators.products import PRODUCT_APIS


def read_during_restart(simulators: Simulators, product: str, *, seconds: float, retries: int) -> ModuleResult:
    """At the third request of the listing, end all sessions, reset connections, and refuse new ones for a while."""
    rule = {"match": {**listing(product), "nth": 3}, "fault": "restart", "seconds": seconds}
    simulators.ask(product, "__faults", [rule])
    ended = read(simulators.ready, product, page_size=20, retries=retries)
    assert simulators.ask(product, "__faults")[0]["done"] == 1
    return ended


def count_log_ins(simulators: Simulators, product: str) -> int:
    """Count how often the password was sent; a refresh token from before the restart may be tried first."""
    calls = [call for call in simulators.requests(product) if call["method"] == "POST"]
    return sum(call["path"] == LOG_IN[product] and "refresh_token=" not in call["body"] for call in calls)


def read_totals(simulators: Simulators, product: str) -> dict[str, Any]:
    ended = read(simulators.ready, product, page_size=20)
    assert not ended.failed, ended.message
    simulators.reset()
    totals: dict[str, Any] = ended.result["totals"]
    return totals


@pytest.mark.parametrize("product", list(MODULES))
def test_a_short_restart_does_not_affect_the_result(simulators: Simulators, product: str) -> None:
    expected = read_totals(simulators, product)
    ended = read_during_restart(simulators, product, seconds=1, retries=6)
    assert not ended.failed, ended.message
    assert ended.result["totals"] == expected
    assert count_log_ins(simulators, product) == (2 if PRODUCT_APIS[product].STORES_SESSIONS else 1)
    assert simulators.ask(product, "__sessions")["open"] == 0


@pytest.mark.parametrize("product", list(MODULES))
def test_a_restart_that_takes_too_long_fails_clearly_and_the_next_run_works(
    simulators: Simulators, product: str
) -> None:
    expected = read_totals(simulators, product)
    ended = read_during_restart(simulators, product, seconds=600, retries=0)
    assert ended.failed
    assert ended.result["failure"]["code"] == "connection_error"
    assert "Connection to" in ended.message or "connection refused" in ended.message
    assert "workloads" not in ended.result
    # The server runs again, and no session of the previous run is left.
    simulators.ask(product, "__faults", [])
    again = read(simulators.ready, product, page_size=20)
    assert not again.failed, again.message
    assert again.result["totals"] == expected
    assert simulators.ask(product, "__sessions")["open"] == 0
