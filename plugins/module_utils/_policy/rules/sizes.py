# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rule for the size of the newest recovery point, compared with the median of its kind."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import SIZED_POINTS
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.reasons import hidden_reason
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.states import RECOVERY_POINTS
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    PASS,
    REPORTED,
    UNKNOWN,
    Accept,
    Outcome,
)

_MIN_SIZES = 3


def min_percent_of_median(points: Points, control: Control, _accept: Accept) -> Outcome:
    """Require that the newest point has at least ``limit`` percent of the median size of its kind."""
    view = points.view(RECOVERY_POINTS, frozenset())
    last = view.states.rfind("T")
    if last < 0:
        if "U" in view.states or view.has_undated:
            return control.unknown("usability of the recovery points unknown")
        if reason := hidden_reason(points):
            return control.unknown(reason)
        return control.failed(None)
    newest = view.times[last]
    first = last
    while first and view.times[first - 1] == newest:
        first -= 1
    if "U" in view.states[first:] or view.has_undated:
        return control.unknown("usability or time unknown for a recovery point that may be newer")
    if points.context.until is not None:
        return control.unknown(points.hidden_reason())
    row = points.row
    sizes = row.states.sizes()
    latest = [row.start + index for index in range(first, last + 1) if view.states[index] == "T"]
    known = [sizes.get(index) for index in latest]
    if None in known:
        return control.unknown("size of the newest recovery point not reported")
    smallest = min(size for size in known if size is not None)
    carried = row.states.block.newest_of_kinds(row.start, row.end)
    outcomes = []
    for index, size in zip(latest, known, strict=True):
        if size == smallest:
            kind = points.facts(index).kind
            same = {other: view.states[other - row.start] for other in carried if points.facts(other).kind == kind}
            if "U" in same.values():
                outcomes.append(control.unknown("usability unknown for recovery points that it is compared with"))
            elif points.has_hidden_past and len(same) < SIZED_POINTS:
                outcomes.append(control.unknown(points.hidden_reason()))
            else:
                others = [sizes.get(other) for other, state in same.items() if state == "T" and other != index]
                outcomes.append(_compare(smallest, others, control))
    return max(outcomes, key=lambda outcome: (outcome[0] == FAIL, outcome[0] == UNKNOWN))


def _compare(size: int, others: list[int | None], control: Control) -> Outcome:
    sizes = sorted(other for other in others if other is not None)
    if len(sizes) < len(others):
        return control.unknown("sizes not reported")
    if len(sizes) < _MIN_SIZES:
        return control.unknown("fewer than three other recovery points of its backup type to compare with")
    median = sizes[(len(sizes) - 1) // 2]
    if not median:
        return control.unknown("the median is 0 bytes")
    passed = size * 100 >= control.limit * median
    text = control.wording.passed if passed else control.wording.failed
    return (PASS if passed else FAIL, REPORTED, size * 100 // median, text)
