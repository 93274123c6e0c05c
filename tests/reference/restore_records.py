# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Effect of restore test records on the states of points for `restore_tested`."""

from __future__ import annotations

from tests.reference.estate import Point, RestoreTest
from tests.reference.views import CLOCK_TOLERANCE, View, is_expired


def is_misdated(tested_at: int, created: int) -> bool:
    """Return whether a test is so long before its point that it proves nothing."""
    return tested_at < created - CLOCK_TOLERANCE


def record_result(test: RestoreTest) -> str:
    """Return passed, failed or unknown."""
    return "unknown" if is_misdated(test.tested_at, test.point_created_at) else test.result


def counting_records(view: View) -> list[RestoreTest]:
    return [test for test in view.tests if test.tested_at <= view.as_of + CLOCK_TOLERANCE]


def own_test(point: Point, view: View) -> int | None:
    """Return the time of the product's own test of a point. A test in the future does not count."""
    if point.tested_at is None or point.tested_at > view.as_of + CLOCK_TOLERANCE:
        return None
    return point.tested_at


def is_possible(point: Point) -> bool:
    """Return whether a point may not be a recovery point."""
    return point.kind == "unknown" or point.usable is None


def newest_records(view: View) -> dict[int, tuple[int, str]]:
    """Return time and result of the newest record for each tested point. At the same time, a failed one counts."""
    newest: dict[int, tuple[int, bool]] = {}
    for test in counting_records(view):
        result = record_result(test)
        if result != "unknown":
            order = (test.tested_at, result == "failed")
            newest[test.point_created_at] = max(order, newest.get(test.point_created_at, order))
    return {created: (time, "failed" if failed else "passed") for created, (time, failed) in newest.items()}


def apply_records(view: View, states: list[str]) -> tuple[list[str], list[int]]:
    """Return the changed states, and the times of tested points that are not listed."""
    changed = list(states)
    not_listed: list[int] = []
    for created, (tested_at, result) in newest_records(view).items():
        candidates = [
            index
            for index, entry in enumerate(view.entries)
            if not entry.undated and entry.point.created == created and states[index] != "absent"
        ]
        changeable = [index for index in candidates if can_change(view, index, states[index], tested_at)]
        if result == "passed" and not candidates:
            not_listed.append(created)
        elif result == "passed":
            apply_passed(view, changed, candidates, changeable)
        else:
            apply_failed(view, changed, candidates, changeable)
    return changed, not_listed


def can_change(view: View, index: int, state: str, tested_at: int) -> bool:
    """Return whether a record of this time can change a point. A later test of the product takes precedence."""
    own = own_test(view.entries[index].point, view)
    if own is None:
        return True
    if own == tested_at:
        return state not in ["F", "weak F"]
    return own < tested_at


def apply_passed(view: View, states: list[str], candidates: list[int], changeable: list[int]) -> None:
    """Change at most one state. A U that cannot change is still a U, so that no F changes instead of it."""
    before = [states[index] for index in candidates]
    if "T" in before:
        return
    wanted = ["U"] if "U" in before else ["F", "weak F"]

    def order(index: int) -> tuple[bool, bool, bool, bool]:
        # Of two equal points, the one that the product has not tested is less favorable.
        point = view.entries[index].point
        return (
            not is_possible(point),
            not point.fraction,
            not is_expired(point, view),
            own_test(point, view) is not None,
        )

    indexes = [index for index in changeable if states[index] in wanted]
    if indexes:
        index = min(indexes, key=order)
        point = view.entries[index].point
        untested = states[index] != "U" and own_test(point, view) is None
        # The record may belong to a point that cannot change.
        blocked = len(changeable) < len(candidates)
        states[index] = "U" if untested or blocked or is_possible(point) else "T"


def apply_failed(view: View, states: list[str], candidates: list[int], changeable: list[int]) -> None:
    """Change at most one state. A U that cannot change does not keep a T from changing."""
    if any(states[index] in ["F", "weak F"] for index in candidates):
        return

    def order(index: int) -> tuple[bool, bool, bool]:
        point = view.entries[index].point
        return (is_possible(point), point.fraction, is_expired(point, view))

    indexes = [index for index in changeable if states[index] == "U"]
    if not indexes:
        indexes = [index for index in changeable if states[index] == "T"]
    if indexes:
        index = min(indexes, key=order)
        states[index] = "weak F" if is_possible(view.entries[index].point) else "F"
