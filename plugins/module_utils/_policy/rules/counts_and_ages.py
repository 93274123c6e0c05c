# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluators of rules for counts and ages: (view, control, context) -> outcome.

T are the points known to have the attribute, U those for which it is unknown. A rule passes on T alone, is unknown if U
(or points that were not read) could make it pass, and fails if nothing could. Each evaluator checks in this order.
"""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    PASS,
    REPORTED,
    WARN,
    Context,
    Control,
    Outcome,
    Row,
    View,
    ceil_seconds,
    to_micros,
    unknown_outcome,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import elapsed


def min_count(view: View, control: Control, context: Context) -> Outcome:
    """At least ``limit`` points."""
    count, possible = view.count, view.count + view.unknown
    if count >= control.limit:
        return (PASS, REPORTED, count, control.wording.passed, possible)
    if possible >= control.limit:
        return unknown_outcome(control, view.unknown_reason(control.wording.fact), count, possible)
    if unread := context.unread_reason():
        return unknown_outcome(control, unread, count, possible)
    return (FAIL, REPORTED, count, control.wording.failed, possible)


def max_age(view: View, control: Control, context: Context) -> Outcome:
    """The newest point is at most as old as the limit."""
    if context.clock_off:
        return unknown_outcome(control, context.clock_off)
    age = None
    if view.newest is not None:
        age = elapsed(to_micros(view.newest), context.now, control.workdays)
        if age <= control.limit_micros:
            state = WARN if age > control.warn_micros else PASS
            return (state, REPORTED, ceil_seconds(age), control.wording.passed, 0)
    actual = None if age is None else ceil_seconds(age)
    if view.newest_unknown is not None:
        if elapsed(to_micros(view.newest_unknown), context.now, control.workdays) <= control.limit_micros:
            return unknown_outcome(control, view.unknown_reason(control.wording.fact), actual)
    elif view.unknown:
        return unknown_outcome(control, view.unknown_reason(control.wording.fact), actual)
    return _evaluate_too_old(view, control, context, age)


def _evaluate_too_old(view: View, control: Control, context: Context, age: int | None) -> Outcome:
    actual = None if age is None else ceil_seconds(age)
    if view.count and age is None:
        return unknown_outcome(control, "creation times not reported", actual)
    if context.until is not None or (
        context.since is not None and elapsed(context.since, context.now, control.workdays) < control.limit_micros
    ):
        return unknown_outcome(control, str(context.unread_reason()), actual)
    return (FAIL, REPORTED, actual, control.wording.empty if age is None else control.wording.failed, 0)


def tested_max_age(view: View, control: Control, context: Context) -> Outcome:
    """The newest test is at most as old as the limit. A test is never older than the point it tested."""
    if context.clock_off:
        return unknown_outcome(control, context.clock_off)
    restore = view.history.get("restore")
    if restore is not None and restore["result"] != "passed":
        return (FAIL, REPORTED, None, failed_restore_message(restore), 0)
    tested, text = (view.tested_at if view.count else None), control.wording.passed
    if restore is not None:
        # Also a test of a point that retention has removed since: the age of the proof counts, not that of the point.
        tested = max((time for time in (tested, restore["tested_at"]) if time), key=to_micros)
    if tested is None and view.newest is not None:
        tested, text = (
            view.newest,
            f"{text}; test date not reported, so the creation time of the recovery point is used",
        )
    age = None
    if tested is not None:
        age = elapsed(to_micros(tested), context.now, control.workdays)
        if age <= control.limit_micros:
            return (WARN if age > control.warn_micros else PASS, REPORTED, ceil_seconds(age), text, 0)
    actual = None if age is None else ceil_seconds(age)
    # An old point may have been tested yesterday: its own age is not relevant.
    if view.unknown:
        return unknown_outcome(control, view.unknown_reason(control.wording.fact), actual)
    if view.count and view.tested_at is None:
        return unknown_outcome(control, "test date not reported", actual)
    if unread := context.unread_reason():
        return unknown_outcome(control, unread, actual)
    return (FAIL, REPORTED, actual, control.wording.empty if age is None else control.wording.failed, 0)


def max_restore_time(view: View, control: Control, _context: Context) -> Outcome:
    """The newest restore test took at most as long as the limit."""
    restore = view.history.get("restore")
    if restore is None:
        return unknown_outcome(control, "no restore test recorded")
    if restore["result"] != "passed":
        return (FAIL, REPORTED, None, failed_restore_message(restore), 0)
    taken = restore["seconds"]
    if taken > control.limit:
        return (FAIL, REPORTED, taken, control.wording.failed, 0)
    state = WARN if taken * SECOND > control.warn_micros else PASS
    return (state, REPORTED, taken, control.wording.passed, 0)


def failed_restore_message(restore: Row) -> str:
    """Return the message about a failed restore test."""
    return f"newest restore test ({restore['tested_at']}) failed: {restore.get('message') or 'no reason given'}"


def min_retention(view: View, control: Control, context: Context) -> Outcome:
    """The oldest point was at least as old as the limit when it was read."""
    if context.clock_off:
        return unknown_outcome(control, context.clock_off)
    age = None
    if view.oldest is not None:
        age = elapsed(to_micros(view.oldest), context.read_at, control.workdays)
        if age >= control.limit_micros:
            return (PASS, REPORTED, age // SECOND, control.wording.passed, 0)
    actual = None if age is None else age // SECOND
    if view.oldest_unknown is not None:
        if elapsed(to_micros(view.oldest_unknown), context.read_at, control.workdays) >= control.limit_micros:
            return unknown_outcome(control, view.unknown_reason(control.wording.fact), actual)
    elif view.unknown:
        return unknown_outcome(control, view.unknown_reason(control.wording.fact), actual)
    if view.count and age is None:
        return unknown_outcome(control, "creation times not reported", actual)
    if unread := context.unread_reason():
        return unknown_outcome(control, unread, actual)
    return (FAIL, REPORTED, actual, control.wording.empty if age is None else control.wording.failed, 0)


def every(view: View, control: Control, context: Context) -> Outcome:
    """All points have the attribute: ``false`` breaks the rule, T satisfies it."""
    return _evaluate_all(view, control, context, (view.false, view.newest_false), (view.count, view.newest))


def none(view: View, control: Control, context: Context) -> Outcome:
    """No point has the attribute: T breaks the rule, ``false`` satisfies it."""
    return _evaluate_all(view, control, context, (view.count, view.newest), (view.false, view.newest_false))


CountAndNewest = tuple[int, "str | None"]


def _evaluate_all(
    view: View, control: Control, context: Context, breaking: CountAndNewest, keeping: CountAndNewest
) -> Outcome:
    wording = control.wording
    possible = breaking[0] + keeping[0] + view.unknown
    if control.within is not None and context.clock_off:
        return unknown_outcome(control, context.clock_off, None, possible)
    broken = _in_window(breaking, control, context)
    if broken:
        return (FAIL, REPORTED, breaking[0] if control.within is None else None, wording.failed, possible)
    if broken is None:
        return unknown_outcome(
            control, "creation times not reported for recovery points that violate this rule", None, possible
        )
    if _in_window((view.unknown, view.newest_unknown), control, context) is not False:
        return unknown_outcome(control, view.unknown_reason(control.wording.fact), None, possible)
    back_to = None if control.within is None else context.now - control.within * SECOND
    if unread := context.unread_reason(back_to):
        return unknown_outcome(control, unread, None, possible)
    has_keeping = _in_window(keeping, control, context)
    if has_keeping is None:
        return unknown_outcome(control, "creation times not reported", None, possible)
    return (
        (PASS, REPORTED, 0, wording.passed, possible)
        if has_keeping
        else (FAIL, REPORTED, None, wording.empty, possible)
    )


def _in_window(group: CountAndNewest, control: Control, context: Context) -> bool | None:
    """Whether the group has a point not older than ``within``; None if its times are not reported."""
    count, newest = group
    if not count or control.within is None:
        return count > 0
    if newest is None:
        return None
    return elapsed(to_micros(newest), context.now, control.workdays) <= control.within * SECOND
