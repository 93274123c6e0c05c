# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs cases against simulators of its own, one after the other, and judges each."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from tests.faults.cases import Case
from tests.faults.child import Run, run
from tests.faults.outcomes import MISSED, WRONG, Verdict, judge
from tests.faults.products import Column
from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, login_of

LIMIT_SECONDS = 30.0
_CARRIERS = ("authorization", "x-endeavour-sessionid", "x-restsvcsessionid", "authtoken", "cookie")
_SHORTEST_SECRET = 8


class Worker:
    """One set of simulators; the truth of each column is read when it is first wanted."""

    def __init__(self, simulators: Simulators) -> None:
        self._simulators = simulators
        self._truths: dict[str, dict[str, Any]] = {}

    def tried(self, column: Column, case: Case) -> tuple[Verdict, float]:
        """The verdict, and how many seconds the module ran."""
        truth = self._truth(column)
        product = column.product
        self._simulators.ask(product, "__reset", {})
        self._simulators.ask(product, "__faults", case.rules(product))
        ended = self._run(column, case.options)
        faults = self._simulators.ask(product, "__faults")
        verdict = judge(case, ended, truth)
        struck = any(fault["changed"] for fault in faults)
        if verdict.outcome == WRONG and ended.result is not None and not ended.result.get("failed"):
            # Perhaps the day has changed since.
            verdict = judge(case, ended, self._truth(column, again=True))
        if verdict.outcome != WRONG and not struck:
            verdict = Verdict(MISSED) if case.may_miss else Verdict(WRONG, f"the fault did not strike: {faults}")
        return self._left_behind(verdict, column, case, ended), ended.seconds

    def _truth(self, column: Column, *, again: bool = False) -> dict[str, Any]:
        if again or column.title not in self._truths:
            self._simulators.ask(column.product, "__reset", {})
            ended = self._run(column, {})
            assert ended.result is not None, ended.output
            assert not ended.result.get("failed"), ended.result
            assert ended.result["totals"]["recovery_points"] > 30
            self._truths[column.title] = ended.result
        return self._truths[column.title]

    def _run(self, column: Column, options: Mapping[str, Any]) -> Run:
        name, own = MODULES[column.product]
        arguments = {**login_of(self._simulators.ready, column.product), **own, **column.options, **options}
        return run(name, arguments, LIMIT_SECONDS)

    def _left_behind(self, verdict: Verdict, column: Column, case: Case, ended: Run) -> Verdict:
        """A session that is still open, or a secret that was shown, makes any outcome WRONG."""
        told = self._simulators.ask(column.product, "__sessions")["open"]
        if told and not case.lost:
            return Verdict(WRONG, f"leak: {told} sessions are open; {verdict.outcome}: {verdict.why}")
        for secret in self._secrets(column.product):
            if secret in ended.output:
                return Verdict(WRONG, f"leak: a secret is shown: {verdict.why}")
        return verdict

    def _secrets(self, product: str) -> Iterator[str]:
        password = str(login_of(self._simulators.ready, product)["password"])
        yield from (password, quote(password, safe=""), quote_plus(password))
        yield base64.b64encode(password.encode()).decode()
        for call in self._simulators.requests(product):
            for name, value in call["headers"].items():
                if name.lower() in _CARRIERS:
                    # Of a cookie and a bearer the value, and every part of it.
                    parts = value.replace(";", " ").replace("=", " ").split()
                    yield from (part for part in (value, *parts) if len(part) >= _SHORTEST_SECRET)
