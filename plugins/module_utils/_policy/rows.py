# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One row -> its outcomes: which tier judges it, and what each control of that tier says."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.module_utils._collect.result import restored
from ansible_collections.backup.audit.plugins.module_utils._core.times import age_seconds
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import ReadFacts
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Location
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document, Tier
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.attributes import is_soft
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    PASS,
    UNKNOWN,
    UNPROVED,
    WARN,
    Context,
    Control,
    Outcome,
    Row,
    View,
    parsed,
)

_EXACT_ONLY: frozenset[int] = frozenset()
_TOLD_NOTHING = ("unknown",)


@dataclasses.dataclass(slots=True)
class Record:
    """A row after judging: who it is, and what was found; the row itself is not kept."""

    place: Location
    # As _policy_findings.FACTS orders them; the age is that at as_of.
    facts: tuple[t.Any, ...]
    read: ReadFacts
    in_inventory: bool | None
    newest: str | None
    oldest: str | None
    in_future: int
    tier: Tier | None
    # Why it is not judged.
    excluded: str | None
    outcomes: list[Outcome]

    @property
    def name(self) -> str | None:
        """The workload's name."""
        return self.place[3]

    def called(self) -> str:
        """What tells the row apart from others of its name, for people."""
        source, origin, workload_id, _name = self.place
        told = f"{source}" if origin in (None, source) else f"{source}, of {origin}"
        return told if workload_id is None else f"{told}, id {workload_id}"


def evaluate_row(row: Row, read: ReadFacts, document: Document) -> Record:
    """Find the tier of a row and judge it by its controls."""
    source = row.get("source")
    if source is None:
        row = {**row, "source": read.host}
        source = read.host
    record = Record(
        (source, row.get("origin"), row.get("workload_id"), row.get("workload_name")),
        _facts(row, read),
        read,
        row.get("in_inventory"),
        row.get("newest"),
        row.get("oldest"),
        row.get("in_future", 0),
        None,
        None,
        [],
    )
    for exclusion in document.exclude:
        if exclusion.match(row):
            record.excluded = exclusion.reason
            return record
    for tier in document.tiers:
        if tier.match is None or tier.match(row):
            record.tier = tier
            record.outcomes = _outcomes(_restored(row, tier), tier, read)
            break
    return record


def _facts(row: Row, read: ReadFacts) -> tuple[t.Any, ...]:
    newest = row.get("newest")
    age = None if newest is None else age_seconds(parsed(newest), read.context.now)
    return (
        row.get("workload_type"),
        row.get("platform"),
        row.get("product"),
        row.get("in_inventory"),
        row.get("recovery_points"),
        newest,
        row.get("oldest"),
        age,
        row.get("history"),
    )


def _restored(row: Row, tier: Tier) -> Row:
    """The row with the moments back that are left out on the wire, in those of its groups that are looked at.

    recovery_points is always one of them, and full where kinds are: _read.restored makes ``kinds`` of them. What it
    leaves out of recovery_points alone stands in the row itself, unless there are points of unknown.
    """
    facets = row.get("facets")
    if not facets:
        return row
    if not tier.facets and not tier.by_kind and "unknown" not in facets.get("recovery_points", _TOLD_NOTHING):
        return row
    needed = {*tier.facets, "recovery_points", *(("full",) if tier.by_kind else ())}
    slim = {**row, "facets": {name: facets[name] for name in facets if name in needed}}
    if not tier.by_kind:
        slim.pop("kinds", None)
    return restored(slim)


def _outcomes(row: Row, tier: Tier, read: ReadFacts) -> list[Outcome]:
    outcomes = []
    last: Callable[[Row, frozenset[int]], View] | None = None
    view: View | None = None
    for control in tier.controls:
        # Controls of one facet follow one another and share its view.
        if view is None or control.view is not last:
            last, view = control.view, control.view(row, _EXACT_ONLY)
        outcome = control.evaluate(view, control, read.context)
        if control.accept and outcome[0] != PASS and is_soft(row, control.name.partition(".")[0]):
            outcome = _accepting(row, control, read.context, outcome)
        if read.doubt and outcome[0] in (PASS, WARN):
            _state, _certainty, actual, text, possible = outcome
            outcome = (UNKNOWN, UNPROVED, actual, f"{text}, but {read.doubt}", possible)
        outcomes.append(outcome)
    return outcomes


def _accepting(row: Row, control: Control, context: Context, exact: Outcome) -> Outcome:
    """The outcome where estimates or attestations count as well, and the strongest certainty that carries it."""
    steps = [frozenset((certainty,)) for certainty in sorted(control.accept)]
    if len(steps) > 1:
        steps.append(control.accept)
    tried = [exact]
    for taken in steps:
        state, certainty, actual, text, possible = control.evaluate(control.view(row, taken), control, context)
        tried.append((state, certainty if state == UNKNOWN else max(taken), actual, text, possible))
    for wanted in (PASS, WARN):
        for outcome in tried:
            if outcome[0] == wanted:
                return outcome
    # Nothing passes: what holds when all that is accepted counts, by the strongest certainty that says the same.
    last = tried[-1]
    certainty = next(outcome[1] for outcome in tried if outcome[0] == last[0])
    return (last[0], certainty, *last[2:])
