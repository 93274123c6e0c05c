# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluator of the gap rule: the longest time without a new recovery point."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.attributes import earliest, latest
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
    to_micros_or_none,
    unknown_outcome,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import elapsed, workday_bounds

# The windows for which a row has its longest gap, in seconds; None = ever.
_WINDOWS: tuple[tuple[int | None, str], ...] = (
    (7 * DAY, "7d"),
    (14 * DAY, "14d"),
    (31 * DAY, "31d"),
    (92 * DAY, "92d"),
    (366 * DAY, "366d"),
    (None, "all"),
)


def max_gap(view: View, control: Control, context: Context) -> Outcome:
    """The longest time without a new point, including the current one, is at most as long as the limit."""
    if context.clock_off:
        return unknown_outcome(control, context.clock_off)
    if view.is_empty:
        if unread := context.unread_reason():
            return unknown_outcome(control, unread)
        return (FAIL, REPORTED, None, control.wording.empty, 0)
    gaps = view.history.get("gaps", {})
    newest = to_micros_or_none(view.newest)
    least, most = _gap_bounds(gaps, newest, to_micros_or_none(view.oldest), control, context)
    if most is not None:
        most = max(most, _doubtful_lead(view, control, context))
    if view.bounds_only and newest is not None:
        # For several kinds together, only the time since the newest point is known to be without one.
        least = elapsed(newest, context.now, control.workdays)
    if most is not None and most <= control.limit_micros:
        return (WARN if most > control.warn_micros else PASS, REPORTED, ceil_seconds(most), control.wording.passed, 0)
    return _evaluate_too_long(view, control, context, least)


def _evaluate_too_long(view: View, control: Control, context: Context, least: int | None) -> Outcome:
    """Decide between fail and unknown when a pass is not proved."""
    actual = None if least is None else ceil_seconds(least)
    if least is None or least <= control.limit_micros:
        return unknown_outcome(control, _unknown_gap_reason(view, control, context), actual)
    if view.unknown:
        possible = view.history.get("possible", {}).get("gaps", {})
        newest, oldest = latest((view.newest, view.newest_unknown)), earliest((view.oldest, view.oldest_unknown))
        least_possible, _most = _gap_bounds(
            possible, to_micros_or_none(newest), to_micros_or_none(oldest), control, context
        )
        if least_possible is None or least_possible <= control.limit_micros:
            return unknown_outcome(control, view.unknown_reason(control.wording.fact), actual)
    if context.until is not None:
        return unknown_outcome(control, str(context.unread_reason()), actual)
    last = to_micros_or_none(view.newest)
    if control.within is not None and last is not None and last < context.now - control.within * SECOND:
        return (FAIL, REPORTED, ceil_seconds(context.now - last), control.wording.too_old, 0)
    if control.within is not None and least > control.within * SECOND:
        # The gap began before the window.
        return (FAIL, REPORTED, actual, control.wording.too_long, 0)
    return (FAIL, REPORTED, actual, control.wording.failed, 0)


def _unknown_gap_reason(view: View, control: Control, context: Context) -> str:
    if view.unknown and (not view.count or _doubtful_lead(view, control, context) > control.limit_micros):
        return view.unknown_reason(control.wording.fact)
    if not view.history.get("gaps") or view.newest is None:
        return "gaps not reported"
    _least, most_lead = _lead_bounds(to_micros_or_none(view.oldest), control, context)
    if most_lead is None:
        return context.unread_reason() or "creation time of the oldest recovery point not reported"
    if control.workdays is not None:
        return "the read result does not contain the weekdays of gaps"
    return "the read result does not contain the exact gap length"


def _gap_bounds(
    gaps: Row, newest: int | None, oldest: int | None, control: Control, context: Context
) -> tuple[int | None, int | None]:
    """Return the minimum and maximum of the longest gap, in microseconds; None = not known."""
    if newest is None:
        return None, None
    running = elapsed(newest, context.now, control.workdays)
    least_recorded, most_recorded = _recorded_gaps(gaps, control)
    least_lead, most_lead = _lead_bounds(oldest, control, context)
    least = max(running, least_recorded, least_lead)
    return least, None if most_recorded is None or most_lead is None else max(running, most_recorded, most_lead)


def _recorded_gaps(gaps: Row, control: Control) -> tuple[int, int | None]:
    """Return the bounds from the gaps in the row: a smaller window is a lower bound, a larger one an upper bound."""
    least, most = 0, None
    for size, key in _WINDOWS:
        gap = gaps.get(key)
        if gap is None:
            continue
        low, high = (gap * SECOND,) * 2 if control.workdays is None else workday_bounds(gap * SECOND, control.workdays)
        if control.within is None or (size is not None and size <= control.within):
            least = max(least, low)
        if size is None or (control.within is not None and size >= control.within):
            most = high
            break
    return least, most


def _lead_bounds(first: int | None, control: Control, context: Context) -> tuple[int, int | None]:
    """Return bounds of the time without a point at the start of the window, if the first point is in the window."""
    if control.within is None:
        return 0, None if context.since is not None else 0
    start = context.now - control.within * SECOND
    if first is not None and first <= start:
        return 0, 0
    if context.since is None:
        lead = None if first is None else elapsed(start, first, control.workdays)
        return lead or 0, lead
    # A gap that began before the window counts completely, and its beginning was not read.
    return (0 if first is None else elapsed(context.since, first, control.workdays)), None


def _doubtful_lead(view: View, control: Control, context: Context) -> int:
    """Return the gap before the first confirmed point of the window if an earlier, unconfirmed one should count."""
    first, doubt = to_micros_or_none(view.oldest), to_micros_or_none(view.oldest_unknown)
    if first is None or doubt is None or doubt >= first:
        return 0
    if control.within is not None and first <= context.now - control.within * SECOND:
        return 0
    return elapsed(doubt, first, control.workdays)
