# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluators of rules on counts and ages: (view, control, context) -> outcome.

T are the points known to have the facet, U those of unknown. A rule passes on T alone, is unknown where U (or points
that were not read) could make it pass, and fails where nothing could. Each evaluator says so in this order.
"""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    EXACT,
    FAIL,
    PASS,
    WARN,
    Context,
    Control,
    Outcome,
    Row,
    View,
    parsed,
    seconds,
    unknown,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import elapsed


def minimum(view: View, control: Control, context: Context) -> Outcome:
    """At least so many points."""
    count, possible = view.count, view.count + view.unknown
    if count >= control.limit:
        return (PASS, EXACT, count, control.words.passed, possible)
    if possible >= control.limit:
        why = f"{count} are known, and {view.unknown_reason()}"
        return unknown(control, why, count, possible)
    if unread := context.unread():
        return unknown(control, f"{count} are known, {unread}", count, possible)
    return (FAIL, EXACT, count, control.words.failed, possible)


def newest_within(view: View, control: Control, context: Context) -> Outcome:
    """The newest point is at most so old."""
    if context.clock_off:
        return unknown(control, context.clock_off)
    age = None
    if view.newest is not None:
        age = elapsed(parsed(view.newest), context.now, control.workdays)
        if age <= control.limit_micros:
            state = WARN if age > control.warn_micros else PASS
            return (state, EXACT, seconds(age), control.words.passed, 0)
    actual = None if age is None else seconds(age)
    if view.newest_unknown is not None:
        if elapsed(parsed(view.newest_unknown), context.now, control.workdays) <= control.limit_micros:
            return unknown(control, view.unknown_reason(), actual)
    elif view.unknown:
        return unknown(control, view.unknown_reason(), actual)
    return _too_old(view, control, context, age)


def _too_old(view: View, control: Control, context: Context, age: int | None) -> Outcome:
    actual = None if age is None else seconds(age)
    if view.count and age is None:
        return unknown(control, "their times are not told", actual)
    if context.until is not None or (
        context.since is not None and elapsed(context.since, context.now, control.workdays) < control.limit_micros
    ):
        return unknown(control, str(context.unread()), actual)
    return (FAIL, EXACT, actual, control.words.empty if age is None else control.words.failed, 0)


def tested_within(view: View, control: Control, context: Context) -> Outcome:
    """The newest test is at most so old. A test is never older than the point it tested."""
    if context.clock_off:
        return unknown(control, context.clock_off)
    restore = view.history.get("restore")
    if restore is not None and restore["result"] != "passed":
        return (FAIL, EXACT, None, failed_restore(restore), 0)
    tested, text = (view.tested_at if view.count else None), control.words.passed
    if restore is not None:
        # Also of a point that retention has removed since: what is old is the proof, not the point.
        tested = max((time for time in (tested, restore["tested_at"]) if time), key=parsed)
    if tested is None and view.newest is not None:
        tested, text = view.newest, f"{text} (the date of the test is not told: that of the point is taken)"
    age = None
    if tested is not None:
        age = elapsed(parsed(tested), context.now, control.workdays)
        if age <= control.limit_micros:
            return (WARN if age > control.warn_micros else PASS, EXACT, seconds(age), text, 0)
    actual = None if age is None else seconds(age)
    # An old point may have been tested yesterday: its own age says nothing.
    if view.unknown:
        return unknown(control, view.unknown_reason(), actual)
    if view.count and view.tested_at is None:
        return unknown(control, "the date of the test is not told", actual)
    if unread := context.unread():
        return unknown(control, unread, actual)
    return (FAIL, EXACT, actual, control.words.empty if age is None else control.words.failed, 0)


def restored_within(view: View, control: Control, _context: Context) -> Outcome:
    """The newest restore test has brought the workload back in at most so much time."""
    restore = view.history.get("restore")
    if restore is None:
        return unknown(control, "no restore test of it is on record")
    if restore["result"] != "passed":
        return (FAIL, EXACT, None, failed_restore(restore), 0)
    taken = restore["seconds"]
    if taken > control.limit:
        return (FAIL, EXACT, taken, control.words.failed, 0)
    state = WARN if taken * SECOND > control.warn_micros else PASS
    return (state, EXACT, taken, control.words.passed, 0)


def failed_restore(restore: Row) -> str:
    """What a restore test that failed is told as."""
    return (
        f"the newest restore test, of {restore['tested_at']}, failed: {restore.get('message') or 'it does not say why'}"
    )


def reaches_back(view: View, control: Control, context: Context) -> Outcome:
    """The oldest point is at least so old."""
    if context.clock_off:
        return unknown(control, context.clock_off)
    age = None
    if view.oldest is not None:
        age = elapsed(parsed(view.oldest), context.now, control.workdays)
        if age >= control.limit_micros:
            return (PASS, EXACT, age // SECOND, control.words.passed, 0)
    actual = None if age is None else age // SECOND
    if view.oldest_unknown is not None:
        if elapsed(parsed(view.oldest_unknown), context.now, control.workdays) >= control.limit_micros:
            return unknown(control, view.unknown_reason(), actual)
    elif view.unknown:
        return unknown(control, view.unknown_reason(), actual)
    if view.count and age is None:
        return unknown(control, "their times are not told", actual)
    if unread := context.unread():
        return unknown(control, unread, actual)
    return (FAIL, EXACT, actual, control.words.empty if age is None else control.words.failed, 0)


def every(view: View, control: Control, context: Context) -> Outcome:
    """All points have it: ``false`` breaks the rule, T keeps it."""
    return _unbroken(view, control, context, (view.false, view.newest_false), (view.count, view.newest))


def none(view: View, control: Control, context: Context) -> Outcome:
    """No point has it: T breaks the rule, ``false`` keeps it."""
    return _unbroken(view, control, context, (view.count, view.newest), (view.false, view.newest_false))


PointGroup = tuple[int, "str | None"]


def _unbroken(view: View, control: Control, context: Context, breaking: PointGroup, keeping: PointGroup) -> Outcome:
    words = control.words
    possible = breaking[0] + keeping[0] + view.unknown
    if control.within is not None and context.clock_off:
        return unknown(control, context.clock_off, None, possible)
    broken = _in_window(breaking, control, context)
    if broken:
        return (FAIL, EXACT, breaking[0] if control.within is None else None, words.failed, possible)
    if broken is None:
        return unknown(control, "the times of points that break it are not told", None, possible)
    if _in_window((view.unknown, view.newest_unknown), control, context) is not False:
        return unknown(control, view.unknown_reason(), None, possible)
    back_to = None if control.within is None else context.now - control.within * SECOND
    if unread := context.unread(back_to):
        return unknown(control, unread, None, possible)
    kept = _in_window(keeping, control, context)
    if kept is None:
        return unknown(control, "the times of the points are not told", None, possible)
    return (PASS, EXACT, 0, words.passed, possible) if kept else (FAIL, EXACT, None, words.empty, possible)


def _in_window(group: PointGroup, control: Control, context: Context) -> bool | None:
    """Whether the group has a point as young as ``within``; None if its times are not told."""
    count, newest = group
    if not count or control.within is None:
        return count > 0
    if newest is None:
        return None
    return elapsed(parsed(newest), context.now, control.workdays) <= control.within * SECOND
