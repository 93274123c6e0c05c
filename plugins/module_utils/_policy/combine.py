# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluate several rows of one workload, from several servers, together."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Tier
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import (
    Record,
    evaluate_control,
    with_certainty,
    withhold_pass,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.combined_points import CombinedPoints
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.reasons import hidden_reason
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import Accept, Outcome

# A pass of these rules requires that all recovery points were read.
_NEED_ALL = (".max_retention", "restore_tested.max_age")


def evaluate_together(
    tier: Tier, records: Sequence[Record], groups: Sequence[int], as_of: int, *, independent: bool
) -> list[Outcome]:
    """Evaluate the controls of a tier for rows of one workload.

    ``groups`` are the numbers of the rows' servers; points of one server are not added. ``as_of`` is in seconds.
    """
    rows = [record.row for record in records if record.row is not None]
    for row, group in zip(rows, groups, strict=True):
        row.server = str(group)
    names = [str(group) if independent else "all" for group in groups]
    together = CombinedPoints(rows, as_of, names)
    parts = [Points(row, only_unknown=row.too_old is not None) for row in rows]
    doubts = [" and ".join(filter(None, (row.incomplete, row.too_old))) for row in rows]
    displayed = [record.display_name() for record in records]
    combined = f"{len(rows)} rows combined: {'; '.join(displayed)}"

    def evaluate_worst(control: Control, accept: Accept) -> Outcome:
        numbers = _with_points(control, accept, parts) if control.combine == "with_points" else range(len(parts))
        if not numbers:
            state, certainty, actual, text = control.failed(None)
            return (state, certainty, actual, f"{text} ({combined})")
        outcomes = [
            withhold_pass(control.evaluate(parts[number], control, accept), doubts[number]) for number in numbers
        ]
        worst = max(range(len(outcomes)), key=lambda index: outcomes[index][0])
        state, certainty, actual, text = outcomes[worst]
        return (state, certainty, actual, f"{text} ({combined}; result from {displayed[numbers[worst]]})")

    outcomes = []
    for control in tier.controls:
        if control.combine == "union":
            outcome = evaluate_control(control, together)
            if control.name.endswith(_NEED_ALL) or (control.name.endswith(".max_gap") and control.within is None):
                outcome = withhold_pass(outcome, next((row.incomplete for row in rows if row.incomplete), None))
            state, certainty, actual, text = outcome
            outcome = (state, certainty, actual, f"{text} ({combined})")
        else:
            outcome = with_certainty(control, rows, functools.partial(evaluate_worst, control))
        outcomes.append(outcome)
    return outcomes


def _with_points(control: Control, accept: Accept, parts: Sequence[Points]) -> Sequence[int]:
    """Return the rows that have points of the attribute, or hidden time, in the window."""
    found = []
    for number, part in enumerate(parts):
        view = part.view(control.attribute, accept)
        # Without a valid clock, every point may be in the window.
        start = None if control.within is None or part.clock_off else part.now - control.within
        has_points = any(
            state != "-" and (start is None or time >= start)
            for time, state in zip(view.times, view.states, strict=True)
        )
        if has_points or any(state != "-" for state in view.undated) or hidden_reason(part, start):
            found.append(number)
    return found
