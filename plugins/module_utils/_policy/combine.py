# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merges the outcomes of several rows of one workload (from several sources), with bounds that are always safe."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    PASS,
    REPORTED,
    UNKNOWN,
    Control,
    Outcome,
    to_micros,
    unknown_outcome,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Rows:
    """The facts about the rows of one workload that merging needs."""

    origins: tuple[str, ...]
    oldest: tuple[str | None, ...]
    # Whether the read result of that row proves anything.
    trusted: tuple[bool, ...]
    # Whether the workload is known to exist, so that its row counts production as a copy.
    present: tuple[bool, ...]


def merge(control: Control, outcomes: Sequence[Outcome], rows: Rows, *, add: bool) -> tuple[int | None, Outcome]:
    """Return the number of the row whose outcome is used for all (None: they were added up), and the outcome.

    best: one row alone proves it (the larger count, the longest run, the newest point). worst: one row alone breaks it.
    furthest: the row with the longest history, because a gap in a shorter history proves less. Points of two origins
    are added up only if the policy declares them independent (``add``).
    """
    if control.combine == "worst":
        # A row without points breaks "all are encrypted" only if no other row has points.
        some = [row for row, outcome in enumerate(outcomes) if outcome[4]] or range(len(outcomes))
        selected = max(some, key=lambda row: outcomes[row][0])
    elif control.combine == "furthest":
        selected = min(range(len(outcomes)), key=lambda row: _reach(rows.oldest[row]))
    else:
        selected = min(range(len(outcomes)), key=lambda row: _rank(control, outcomes[row]))
        if add and control.combine == "add" and outcomes[selected][0] != PASS:
            return None, _sum(control, outcomes, rows)
    return selected, outcomes[selected]


def _reach(oldest: str | None) -> tuple[bool, int]:
    return (oldest is None, 0 if oldest is None else to_micros(oldest))


def _rank(control: Control, outcome: Outcome) -> tuple[int, int, int]:
    """Sort key, best first: the result, then its certainty, then the measured value."""
    state, certainty, actual, _text, _possible = outcome
    value = actual or 0
    return (state, certainty, value if control.ceiling else -value)


def _sum(control: Control, outcomes: Sequence[Outcome], rows: Rows) -> Outcome:
    """Add up the larger count of each origin; points that are unknown in one origin are unknown in the sum."""
    counts: dict[str, int] = {}
    possible: dict[str, int] = {}
    for origin, trusted, (_state, _certainty, actual, _text, at_most_one) in zip(
        rows.origins, rows.trusted, outcomes, strict=True
    ):
        counts[origin] = max(counts.get(origin, 0), (actual or 0) if trusted else 0)
        possible[origin] = max(possible.get(origin, 0), at_most_one)
    # Production is one copy, even if several origins count it.
    with_production = {origin for origin, present in zip(rows.origins, rows.present, strict=True) if present}
    twice = control.offset * max(0, len(with_production) - 1)
    count, at_most = sum(counts.values()) - twice, sum(possible.values()) - twice
    certainty = max(control.accept, default=REPORTED)
    if count >= control.limit:
        return (PASS, certainty, count, control.wording.passed, at_most)
    if at_most >= control.limit or any(outcome[0] == UNKNOWN for outcome in outcomes):
        return unknown_outcome(control, f"counted on {len(counts)} independent servers", count, at_most)
    return (FAIL, REPORTED, count, control.wording.failed, at_most)
