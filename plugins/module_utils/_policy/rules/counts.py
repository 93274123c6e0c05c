# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules for numbers of points, as docs/reference/evaluation.md defines them.

Each evaluates (points, control, accepted certainties).
"""

from __future__ import annotations

import bisect
from collections import Counter

from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points, Range
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.reasons import hidden_reason, unknown_reason
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    PASS,
    REPORTED,
    Accept,
    Outcome,
)


def min_count(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require at least ``limit`` points. Of several rows of one server, the best one counts."""
    if control.within is not None and points.clock_off:
        return control.unknown(points.clock_off)
    known = possible = 0
    groups = points.counted_together()
    for parts in groups:
        counts = [_count(part, control, accept) for part in parts]
        known += max(count for count, _most in counts)
        possible += max(most for _count, most in counts)
    if known >= control.limit:
        return control.passed(known)
    if possible >= control.limit:
        return control.unknown(unknown_reason(points, control, accept), known)
    for part in (part for parts in groups for part in parts):
        if reason := hidden_reason(part, _window_start(part, control)):
            return control.unknown(reason, known)
    return control.failed(known)


def _window_start(points: Points, control: Control) -> int | None:
    """Return the start of the window, or None if there is no window, or if every point may be in it."""
    return None if control.within is None or points.clock_off else points.now - control.within


def _count(part: Points, control: Control, accept: Accept) -> tuple[int, int]:
    """Return the numbers of points of one row in state T, and in state T or U."""
    view = part.view(control.attribute, accept)
    undated = view.undated
    if control.within is None:
        known = view.states.count("T") + undated.get("T", 0)
        unknown = view.states.count("U") + undated.get("U", 0)
    else:
        states = view.states[bisect.bisect_left(view.times, part.now - control.within) :]
        known, unknown = states.count("T"), states.count("U") + undated.get("T", 0) + undated.get("U", 0)
        if part.clock_off:
            known, unknown = 0, view.count("TU") + undated.get("T", 0) + undated.get("U", 0)
    start = _window_start(part, control)
    unknown += sum(start is None or time >= start for time, _read_at in view.removed)
    if view.is_named:
        for state in (_range_state(one, part, control) for one in view.ranges):
            known += state == "T"
            unknown += state == "U"
    return known, known + unknown


def _range_state(one: Range, part: Points, control: Control) -> str:
    """Return the state of a range, which counts as one point, or "" if it is outside of the window."""
    if one.start is None and one.end is None:
        return "U"
    if control.within is None:
        return one.state
    if part.clock_off:
        return "U"
    start = part.now - control.within
    known = one.end if one.end is not None else one.start
    if known is not None and known >= start:
        return one.state
    return "U" if one.end is None else ""


def max_count(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require at most ``limit`` points."""
    known, possible = _count(points, control, accept)
    if known > control.limit:
        return control.failed(known)
    if possible > control.limit:
        return control.unknown(unknown_reason(points, control, accept), known)
    if reason := hidden_reason(points):
        return control.unknown(reason, known)
    return control.passed(possible)


def every(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that all points have the attribute, and that there is at least one."""
    return _all(points, control, accept, passing="T", violating="F")


def none(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that no point has the attribute, and that there is at least one certain recovery point without it."""
    return _all(points, control, accept, passing="F", violating="T")


def _all(points: Points, control: Control, accept: Accept, *, passing: str, violating: str) -> Outcome:
    if control.within is not None and points.clock_off:
        return control.unknown(points.clock_off)
    view = points.view(control.attribute, accept)
    start = _window_start(points, control)
    states = view.states if start is None else view.states[bisect.bisect_left(view.times, start) :]
    counts = Counter(states)
    for state, number in view.undated.items():
        # The point may be outside of the window.
        shown = state if control.within is None else "U" if state in "TU" else "f"
        counts[shown] += number
    del counts["-"]
    if counts[violating]:
        return (FAIL, REPORTED, counts[violating], control.wording.failed)
    reason = hidden_reason(points, start)
    if not counts and not reason:
        return control.failed(None)
    # A point that may not be a recovery point neither proves nor disproves that all points have the attribute.
    if counts["U"] or (passing == "T" and counts["f"]):
        return control.unknown(unknown_reason(points, control, accept))
    if reason:
        return control.unknown(reason)
    if not counts[passing]:
        return control.unknown("no point is known to be a recovery point")
    return (PASS, REPORTED, 0, control.wording.passed)


def max_failed_runs(points: Points, control: Control, _accept: Accept) -> Outcome:
    """Require that at most ``limit`` points of any kind are failed runs."""
    if control.within is not None and points.clock_off:
        return control.unknown(points.clock_off)
    start = _window_start(points, control)
    failed = unclear = 0
    row = points.row
    times = row.states.block.times
    first = row.start if start is None else bisect.bisect_left(times, start, row.start, row.end)
    for code, number in Counter(row.states.block.codes[first : row.end]).items():
        status = row.states.classes[code].facts.status
        failed += number if status == "failed" else 0
        unclear += number if status == "unknown" else 0
    for facts, number in points.undated_classes():
        unclear += number if facts.status in ("failed", "unknown") else 0
    if failed > control.limit:
        return control.failed(failed)
    if not points.context.lists_failed_runs:
        return control.unknown("the product does not list failed runs", failed)
    if failed + unclear > control.limit:
        return control.unknown(f"status or time unknown for {unclear} of the runs", failed)
    if reason := hidden_reason(points, start):
        return control.unknown(reason, failed)
    return control.passed(failed + unclear)
