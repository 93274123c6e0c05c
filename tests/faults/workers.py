# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run cases against a private set of simulators, one after the other, and evaluate each."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from tests.faults.cases import Case
from tests.faults.child import Run, run
from tests.faults.outcomes import INCORRECT, MISSED, Verdict, evaluate_run
from tests.faults.products import Column
from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES, get_login

LIMIT_SECONDS = 30.0
_SECRET_HEADERS = ("authorization", "x-endeavour-sessionid", "x-restsvcsessionid", "authtoken", "cookie")
_SHORTEST_SECRET = 8


class Worker:
    """One set of simulators. The truth for each column is read when it is first needed."""

    def __init__(self, simulators: Simulators) -> None:
        self._simulators = simulators
        self._truths: dict[str, dict[str, Any]] = {}

    def run_case(self, column: Column, case: Case) -> tuple[Verdict, float]:
        """Run one case; return the verdict and the run time of the module in seconds."""
        truth = self._get_truth(column)
        product = column.product
        self._simulators.ask(product, "__reset", {})
        self._simulators.ask(product, "__faults", case.rules(product))
        ended = self._run(column, case.options)
        faults = self._simulators.ask(product, "__faults")
        verdict = evaluate_run(case, ended, truth)
        applied = any(fault["changed"] for fault in faults)
        if verdict.outcome == INCORRECT and ended.result is not None and not ended.result.get("failed"):
            # The date may have changed since the truth was read.
            verdict = evaluate_run(case, ended, self._get_truth(column, again=True))
        if verdict.outcome != INCORRECT and not applied:
            verdict = Verdict(MISSED) if case.may_miss else Verdict(INCORRECT, f"the fault was not applied: {faults}")
        return self._check_leaks(verdict, column, case, ended), ended.seconds

    def _get_truth(self, column: Column, *, again: bool = False) -> dict[str, Any]:
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
        arguments = {**get_login(self._simulators.ready, column.product), **own, **column.options, **options}
        return run(name, arguments, LIMIT_SECONDS)

    def _check_leaks(self, verdict: Verdict, column: Column, case: Case, ended: Run) -> Verdict:
        """Every outcome is incorrect if a session is still open or a secret was printed."""
        open_sessions = self._simulators.ask(column.product, "__sessions")["open"]
        if open_sessions and not case.server_gone:
            return Verdict(INCORRECT, f"leak: {open_sessions} open sessions; {verdict.outcome}: {verdict.why}")
        for secret in self._list_secrets(column.product):
            if secret in ended.output:
                return Verdict(INCORRECT, f"leak: the output contains a secret: {verdict.why}")
        return verdict

    def _list_secrets(self, product: str) -> Iterator[str]:
        password = str(get_login(self._simulators.ready, product)["password"])
        yield from (password, quote(password, safe=""), quote_plus(password))
        yield base64.b64encode(password.encode()).decode()
        for call in self._simulators.requests(product):
            for name, value in call["headers"].items():
                if name.lower() in _SECRET_HEADERS:
                    # For cookies and bearer tokens: the value and each of its parts.
                    parts = value.replace(";", " ").replace("=", " ").split()
                    yield from (part for part in (value, *parts) if len(part) >= _SHORTEST_SECRET)
