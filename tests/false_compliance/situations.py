# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations in which a careless check says "compliant": what such a check goes by, and what is said here.

Each is a test. It returns the trap, and the same without the trap ("straight"), which must come out the other way:
so no verdict here comes from something else than the trap.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ParamSpec

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.integration.running_modules import Ended
from tests.integration.running_plays import Played

P = ParamSpec("P")
# An ASSESSMENT; how a module or a play ended; or what is to be called and must be refused.
Trap = Assessment | Ended | Played | Callable[[], Any]
# The trap, and the same without it where there is such a thing.
Pair = tuple[Trap, Trap | None]
REFUSED = "refused"
COUNT = "recovery_points.minimum"
AGE = "recovery_points.newest_within"


@dataclasses.dataclass(frozen=True)
class Situation:
    """One row of the table."""

    test: str
    told: str
    careless: str
    # "<result>: <words>", as the finding or the error says it.
    says: str


# In the order of the files.
SITUATIONS: list[Situation] = []


def situation(
    told: str, *, careless: str, result: str, words: str, control: str = ""
) -> Callable[[Callable[P, tuple[Trap, Trap | None]]], Callable[P, None]]:
    """A test of one situation: the finding of ``control`` (any, if empty) must have the result and hold the words."""

    def wrap(function: Callable[P, tuple[Trap, Trap | None]]) -> Callable[P, None]:
        says = f"{result}: {words}" if control == "" else f"`{control}` {result}: {words}"
        SITUATIONS.append(Situation(function.__name__, told, careless, says))

        @functools.wraps(function)
        def test(*arguments: P.args, **named: P.kwargs) -> None:
            trap, straight = function(*arguments, **named)
            _must_say(trap, control, result, words)
            if straight is not None:
                assert _is_compliant(straight) is not _is_compliant(trap), "the trap makes no difference"

        return pytest.mark.situation(told, careless, says)(test)

    return wrap


def _must_say(trap: Trap, control: str, result: str, words: str) -> None:
    if result == REFUSED:
        message = _refusal(trap)
        assert message is not None, "it was not refused"
        assert words in message
        return
    assert isinstance(trap, Assessment), trap
    told = trap.plain()["findings"]
    said = [(each["result"], each["message"]) for each in told if control in ("", each["control"])]
    assert any(each == result and words in message for each, message in said), said
    assert trap.compliant is (result not in ("fail",)), [each for each in told if each["result"] != "pass"]


def _refusal(trap: Trap) -> str | None:
    if isinstance(trap, Ended):
        return trap.message if trap.failed else None
    if isinstance(trap, Played):
        # Words of a message may be broken over lines.
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
    return _refusal(trap) is None
