# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Outcomes for several rows of one workload (from several sources) become one, by bounds that are always safe."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    EXACT,
    FAIL,
    PASS,
    UNKNOWN,
    UNPROVED,
    Control,
    Outcome,
    parsed,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one workload, as far as merging needs to know them."""

    origins: tuple[str, ...]
    oldest: tuple[str | None, ...]
    # Whether the READ of that row proves anything.
    believed: tuple[bool, ...]
    # Whether the workload is known to exist, so that its row counts production as a copy.
    present: tuple[bool, ...]


def merge(control: Control, outcomes: Sequence[Outcome], rows: Rows, *, add: bool) -> tuple[int | None, Outcome]:
    """Which row's outcome stands for all (None: they were added up), and the outcome.

    best: one row alone proves it (the larger count, the longest run, the newest point). worst: one row alone breaks it.
    furthest: the row that reaches back furthest, because a gap in a shorter history says less. Points of two origins
    are added up only where the policy vouches that they are independent (``add``).
    """
    if control.combine == "worst":
        # A row without any point breaks "all are encrypted" only if no other row has one.
        some = [row for row, outcome in enumerate(outcomes) if outcome[4]] or range(len(outcomes))
        chosen = max(some, key=lambda row: outcomes[row][0])
    elif control.combine == "furthest":
        chosen = min(range(len(outcomes)), key=lambda row: _reach(rows.oldest[row]))
    else:
        chosen = min(range(len(outcomes)), key=lambda row: _rank(control, outcomes[row]))
        if add and control.combine == "add" and outcomes[chosen][0] != PASS:
            return None, _sum(control, outcomes, rows)
    return chosen, outcomes[chosen]


def _reach(oldest: str | None) -> tuple[bool, int]:
    return (oldest is None, 0 if oldest is None else parsed(oldest))


def _rank(control: Control, outcome: Outcome) -> tuple[int, int, int]:
    """The better the smaller: the result, then what it rests on, then the measured value."""
    state, certainty, actual, _text, _possible = outcome
    value = actual or 0
    return (state, certainty, value if control.ceiling else -value)


def _sum(control: Control, outcomes: Sequence[Outcome], rows: Rows) -> Outcome:
    """Per origin the larger count, and these added; what is unknown of one is unknown of the sum."""
    counts: dict[str, int] = {}
    possible: dict[str, int] = {}
    for origin, believed, (_state, _certainty, actual, _text, may_be) in zip(
        rows.origins, rows.believed, outcomes, strict=True
    ):
        counts[origin] = max(counts.get(origin, 0), (actual or 0) if believed else 0)
        possible[origin] = max(possible.get(origin, 0), may_be)
    # Production is one copy, however many origins count it.
    with_production = {origin for origin, present in zip(rows.origins, rows.present, strict=True) if present}
    twice = control.offset * max(0, len(with_production) - 1)
    count, at_most = sum(counts.values()) - twice, sum(possible.values()) - twice
    certainty = max(control.accept, default=EXACT)
    if count >= control.limit:
        return (PASS, certainty, count, control.words.passed, at_most)
    if at_most >= control.limit or any(outcome[0] == UNKNOWN for outcome in outcomes):
        why = f"{count} are known in {len(counts)} independent origins"
        return (UNKNOWN, UNPROVED, count, f"cannot tell whether {control.words.claim}: {why}", at_most)
    return (FAIL, EXACT, count, control.words.failed, at_most)
