# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluators of rules for periods: consecutive days, weeks, months and years with a recovery point."""

from __future__ import annotations

import typing as t

from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    PASS,
    REPORTED,
    Context,
    Control,
    Outcome,
    View,
    to_micros_or_none,
    unknown_outcome,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import (
    DAY_MICROS,
    day_number,
    workdays_between,
)

# Rule -> its periods, as a row names them.
RULES = {"daily": "days", "weekly": "weeks", "monthly": "months", "yearly": "years"}
# Minimum and maximum length of a period, in microseconds.
PERIODS = {
    "days": (DAY_MICROS, DAY_MICROS),
    "weeks": (7 * DAY_MICROS, 7 * DAY_MICROS),
    "months": (28 * DAY_MICROS, 31 * DAY_MICROS),
    "years": (365 * DAY_MICROS, 366 * DAY_MICROS),
}
# Up to this difference, as_of counts as the read time as far as calendars are concerned.
_SAME_MOMENT = 300 * SECOND


def in_a_row(period: str) -> t.Callable[[View, Control, Context], Outcome]:
    """At least ``limit`` consecutive periods, back from now, have a point; the current one may still be empty."""
    longest = PERIODS[period][1]

    def evaluate(view: View, control: Control, context: Context) -> Outcome:
        if context.clock_off:
            return unknown_outcome(control, context.clock_off)
        run, certain = _run(view, control, context, period)
        if run is not None and run >= control.limit:
            return (PASS, REPORTED, run, control.wording.passed, run)
        if run is None or not certain:
            return unknown_outcome(control, "the read result does not contain the exact number", run)
        if view.unknown:
            possible = view.history.get("possible", {}).get("calendar", {}).get(period)
            if possible is None or possible >= control.limit or control.workdays is not None:
                return unknown_outcome(control, view.unknown_reason(control.wording.fact), run)
        # The current period, the run and the empty period before it; only unread parts of these could help.
        looked_at = (run + 2) * longest * (1 if control.workdays is None else 7)
        if unread := context.unread_reason(context.now - looked_at):
            return unknown_outcome(control, unread, run)
        return (FAIL, REPORTED, run, control.wording.failed if run else control.wording.empty, run)

    return evaluate


def _run(view: View, control: Control, context: Context, period: str) -> tuple[int | None, bool]:
    """Return how many consecutive periods are known to have a point, and whether there are no more."""
    if not view.count:
        return 0, True
    calendar = view.history.get("calendar")
    newest = to_micros_or_none(view.newest)
    if not calendar or newest is None:
        return None, False
    run = calendar.get(period, 0)
    if period == "days" and control.workdays is not None:
        run_workdays, all_known = _workdays_in_a_row(run, day_number(newest), day_number(context.now), control.workdays)
        return run_workdays, all_known and not view.bounds_only
    # The run was counted at the read time; since then periods without a point may have passed.
    shortest, longest = PERIODS[period]
    idle = context.now - newest
    if context.now - context.read_at <= _SAME_MOMENT or idle <= shortest:
        return run, not view.bounds_only
    return (0, True) if idle > 2 * longest else (None, False)


def _workdays_in_a_row(run: int, last: int, today: int, workdays: frozenset[int]) -> tuple[int, bool]:
    """Return how many consecutive working days have a point, and whether the day before is known to have none."""
    if workdays_between(last + 1, today - 1, workdays):
        return 0, True
    first = last - max(run, 1) + 1
    known_end = run > 0 and workdays_between(first - 1, first - 1, workdays) == 1
    return workdays_between(first, last, workdays), known_end
