# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations in which a naive check reports "compliant": the cause, and the result of this collection.

Each situation is a test. It returns the trap, and the same data without the trap ("straight"), which must have
the opposite result. This proves that the result is caused by the trap only.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ParamSpec

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.integration.running_modules import ModuleResult
from tests.integration.running_plays import PlayResult

P = ParamSpec("P")
# An assessment, the result of a module or a play, or a callable that must raise an error.
Trap = Assessment | ModuleResult | PlayResult | Callable[[], Any]
# The trap, and the same data without it (if that is possible).
Pair = tuple[Trap, Trap | None]
REJECTED = "rejected"
COUNT = "recovery_points.min_count"
AGE = "recovery_points.max_age"


@dataclasses.dataclass(frozen=True)
class Situation:
    """One row of the table of situations."""

    test: str
    description: str
    naive_check: str
    # "<result>: <message>" of the finding or the error.
    expected: str


# In the order of the files.
SITUATIONS: list[Situation] = []


def situation(
    description: str, *, naive_check: str, result: str, message: str, control: str = ""
) -> Callable[[Callable[P, tuple[Trap, Trap | None]]], Callable[P, None]]:
    """Make a test: a finding of ``control`` (empty: any control) must have the result and contain the message."""

    def wrap(function: Callable[P, tuple[Trap, Trap | None]]) -> Callable[P, None]:
        expected = f"{result}: {message}" if control == "" else f"`{control}` {result}: {message}"
        SITUATIONS.append(Situation(function.__name__, description, naive_check, expected))

        @functools.wraps(function)
        def test(*arguments: P.args, **named: P.kwargs) -> None:
            trap, straight = function(*arguments, **named)
            _check_result(trap, control, result, message)
            if straight is not None:
                assert _is_compliant(straight) is not _is_compliant(trap), "the trap makes no difference"

        return pytest.mark.situation(description, naive_check, expected)(test)

    return wrap


def _check_result(trap: Trap, control: str, result: str, message: str) -> None:
    if result == REJECTED:
        rejection = _get_rejection(trap)
        assert rejection is not None, "the trap was not rejected"
        assert message in rejection
        return
    assert isinstance(trap, Assessment), trap
    all_findings = trap.plain()["findings"]
    results = [(each["result"], each["message"]) for each in all_findings if control in ("", each["control"])]
    assert any(each == result and message in text for each, text in results), results
    others = [each for each in all_findings if each["result"] != "pass"]
    assert trap.compliant is (result not in ("fail", "unknown")), others


def _get_rejection(trap: Trap) -> str | None:
    if isinstance(trap, ModuleResult):
        return trap.message if trap.failed else None
    if isinstance(trap, PlayResult):
        # The output may wrap a message over several lines.
        return " ".join(trap.output.split()) if trap.status else None
    if isinstance(trap, Assessment):
        return None
    try:
        trap()
    except AuditError as error:
        return str(error)
    return None


def _is_compliant(trap: Trap) -> bool:
    if isinstance(trap, Assessment):
        return trap.compliant
    return _get_rejection(trap) is None
