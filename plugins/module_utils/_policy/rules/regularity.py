# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules for the regularity of points: gaps, coverage and consecutive periods."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.times import FIRST
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control, Evaluate
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.local_days import is_weekday
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Interval, Points, View
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.reasons import unknown_reason
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import Accept, Outcome

# Longer than any gap.
_ENDLESS = 1 << 40
# Periods that are computed in the first step.
_PERIODS = 400


def max_gap(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that the longest time without a new point, up to now, is at most the limit."""
    if points.clock_off:
        return control.unknown(points.clock_off)
    view = points.view(control.attribute, accept)
    fast = _plain_gap(points, view, control)
    if fast is not None and fast <= control.limit:
        return control.passed(fast)
    known = _intervals(points, view, "T")
    possible = _intervals(points, view, "TU")
    if not possible and not view.has_undated and not points.hidden:
        return control.failed(None)
    gap = None
    if control.within is not None:
        start = points.now - control.within
        gap = _widest_gap(known, start, points, control)
        if known and gap <= control.limit:
            return control.passed(gap)
        best = _widest_gap([*possible, *points.hidden], start, points, control)
    else:
        oldest = min((one for one, _end in possible), default=None)
        if known and oldest is not None:
            endless = oldest < FIRST - points.rows[0].context.shift
            gap = _ENDLESS if endless else _widest_gap([(oldest, oldest), *known], None, points, control)
            if gap <= control.limit and not points.has_hidden_past and not view.has_undated:
                return control.passed(gap)
        best = _best_gap(known, possible, points, control)
    if best <= control.limit or view.has_undated:
        return control.unknown(_reason(points, control, accept, possible != known), gap)
    if gap is None or (not known and not possible):
        return control.failed(None)
    recent = control.within is None or any(end >= points.now - control.within for _start, end in known)
    text = control.wording.failed if recent else control.wording.too_old
    return control.failed(gap if gap < _ENDLESS else best, text)


def _plain_gap(points: Points, view: View, control: Control) -> int | None:
    """Return the longest gap in the window if all points are moments and all days count; None otherwise."""
    if control.within is None or control.weekdays is not None or (view.is_named and view.ranges):
        return None
    times = view.moments("T")
    if not times:
        return None
    start = points.now - control.within
    first, last = bisect.bisect_left(times, start), bisect.bisect_left(times, points.now)
    ends = [start, *times[first:last], points.now]
    return max(end - start for start, end in itertools.pairwise(ends))


def _best_gap(known: Sequence[Interval], possible: Sequence[Interval], points: Points, control: Control) -> int:
    """Return the longest gap since the oldest known point, if all later possible and hidden points exist."""
    all_possible = [*possible, *points.hidden]
    if known:
        start = known[0][0]
    elif all_possible:
        start = max(end for _start, end in all_possible)
    else:
        return _ENDLESS
    return _widest_gap([(max(one, start), end) for one, end in all_possible if end >= start], None, points, control)


def _reason(points: Points, control: Control, accept: Accept, has_unknown: bool) -> str:
    if has_unknown or not points.hidden:
        return unknown_reason(points, control, accept)
    return points.hidden_reason()


def _intervals(points: Points, view: View, states: str) -> list[Interval]:
    """Return the intervals of seconds that contain a point in these states, oldest first."""
    found = [(time, time) for time in view.moments(states)]
    if not view.is_named or not view.ranges:
        return found
    for one in view.ranges:
        if one.start is not None and one.end is not None:
            parts = [(one.start, one.end, one.state)]
        elif one.end is not None:
            parts = [(one.end, one.end, one.state), (FIRST - _ENDLESS, one.end, "U")]
        elif one.start is not None:
            parts = [(one.start, one.start, one.state), (one.start, max(one.start, one.read_at), "U")]
        else:
            continue
        found += [(start, end) for start, end, state in parts if state in states and start <= end]
    return sorted(found)


def _widest_gap(intervals: Sequence[Interval], start: int | None, points: Points, control: Control) -> int:
    """Return the longest time between neighbors, from ``start`` (None: the first one) to now."""
    now = points.now
    longest, last = 0, start
    for one, end in sorted(intervals):
        if last is None:
            last = min(end, now)
        elif end >= last:
            longest = max(longest, control.elapsed(last, min(max(one, last), now)))
            last = max(last, min(end, now))
    return longest if last is None else max(longest, control.elapsed(last, now))


def min_coverage(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that the newest point was at most ``max_age`` old for at least ``limit`` percent of the window."""
    if points.clock_off:
        return control.unknown(points.clock_off)
    view = points.view(control.attribute, accept)
    start = points.now - (control.within or 0)
    length = control.elapsed(start, points.now)
    if not length:
        return control.unknown("the window has no time on the weekdays of the policy")
    covered = _covered(_intervals(points, view, "T"), start, points.now, control)
    percent = covered * 100 // length
    if covered * 100 >= control.limit * length:
        return control.passed(percent)
    possible = _intervals(points, view, "TU")
    most = _covered([*possible, *points.hidden], start, points.now, control)
    if most * 100 >= control.limit * length or view.has_undated:
        has_unknown = len(possible) > view.states.count("T") or view.has_undated
        return control.unknown(_reason(points, control, accept, has_unknown), percent)
    return control.failed(percent)


def _covered(intervals: Iterable[Interval], start: int, now: int, control: Control) -> int:
    """Return the elapsed time of the union of [first, last + max_age] within [start, now]."""
    total, reached = 0, start
    for one, end in sorted(intervals):
        first, last = max(one, reached), min(end + (control.max_age or 0), now)
        if last > first:
            total += control.elapsed(first, last)
            reached = last
    return total


def consecutive(period: str) -> Evaluate:
    """Build the rule: at least ``limit`` consecutive periods up to now have a point. The current one may lack it."""

    def evaluate(points: Points, control: Control, accept: Accept) -> Outcome:
        if points.clock_off:
            return control.unknown(points.clock_off)
        view = points.view(control.attribute, accept)
        has_ranges = bool(view.is_named and view.ranges)
        if has_ranges:
            known = _intervals(points, view, "T")
            run = _count_interval_periods(known, points, control, period)
        else:
            run = _count_moment_periods(view.moments("T"), points, control, period)
        if run >= control.limit:
            return control.passed(run)
        has_unknown = "U" in view.states or view.has_undated or has_ranges
        if has_unknown or points.hidden:
            possible = [*_intervals(points, view, "TU"), *points.hidden]
            if view.has_undated or _count_interval_periods(possible, points, control, period) >= control.limit:
                return control.unknown(_reason(points, control, accept, has_unknown), run)
        return control.failed(run, control.wording.failed if run else control.wording.empty)

    return evaluate


def _count_interval_periods(intervals: Sequence[Interval], points: Points, control: Control, period: str) -> int:
    """Return the number of consecutive periods with a point, up to the current one, limited to the limit."""

    def has_point(start: int, end: int) -> bool:
        return any(one < end and last >= start for one, last in intervals)

    oldest = min((one for one, _end in intervals), default=None)
    return 0 if oldest is None else _count_periods(has_point, oldest, points, control, period)


def _count_moment_periods(times: Sequence[int], points: Points, control: Control, period: str) -> int:
    """Return the same for moments, oldest first, instead of intervals."""
    first = len(times)

    def has_point(start: int, end: int) -> bool:
        # The periods are requested one after the other, newest first.
        nonlocal first
        last, first = first, bisect.bisect_left(times, start, 0, first)
        return first < last and times[first] < end

    return _count_periods(has_point, times[0], points, control, period) if times else 0


def _count_periods(
    has_point: Callable[[int, int], bool], oldest: int, points: Points, control: Control, period: str
) -> int:
    calendar, now = control.calendar, points.now
    starts = calendar.period_starts(period, now, min(control.limit, _PERIODS))
    # The current period ends where the next one starts.
    end = calendar.end_of_period(period, now)
    run = back = 0
    while True:
        if back == len(starts):
            starts = calendar.period_starts(period, now, back * 2)
        start = starts[back]
        if start < end:
            if has_point(start, end):
                run += 1
                if run >= control.limit:
                    return run
            elif back and not (
                period == "daily"
                and control.weekdays is not None
                and not is_weekday(calendar.day_of(now) - back, control.weekdays)
            ):
                return run
        if start <= oldest:
            return run
        if start <= calendar.first_day:
            # Only an interval without a beginning is older than the calendar. It has a point in every earlier period.
            return control.limit
        end = start
        back += 1
