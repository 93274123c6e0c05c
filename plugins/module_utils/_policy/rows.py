# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation of one row: finds its tier and evaluates each control of that tier."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.module_utils._collect.result import expand_row
from ansible_collections.backup.audit.plugins.module_utils._core.times import age_seconds
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import ReadFacts
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Subject
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
    to_micros,
)

_EXACT_ONLY: frozenset[int] = frozenset()
_NOT_REPORTED = ("unknown",)


@dataclasses.dataclass(slots=True)
class Record:
    """The identity and the outcomes of an evaluated row; the row itself is not kept."""

    subject: Subject
    # In the order of findings.FACTS; the age is that at as_of.
    facts: tuple[t.Any, ...]
    read: ReadFacts
    in_inventory: bool | None
    newest: str | None
    oldest: str | None
    in_future: int
    tier: Tier | None
    # Reason why it is not evaluated.
    excluded: str | None
    outcomes: list[Outcome]

    @property
    def name(self) -> str | None:
        """The workload's name."""
        return self.subject[3]

    def display_name(self) -> str:
        """Return the text that distinguishes the row from others of the same name."""
        source, origin, workload_id, _name = self.subject
        text = f"{source}" if origin in (None, source) else f"{source}, origin {origin}"
        return text if workload_id is None else f"{text}, id {workload_id}"


def evaluate_row(row: Row, read: ReadFacts, document: Document) -> Record:
    """Find the tier of a row and evaluate its controls."""
    source = row.get("source")
    if source is None:
        row = {**row, "source": read.host}
        source = read.host
    record = Record(
        (source, row.get("origin"), row.get("workload_id"), row.get("workload_name")),
        _build_facts(row, read),
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
            record.outcomes = _evaluate_controls(_expand_row(row, tier), tier, read)
            break
    return record


def _build_facts(row: Row, read: ReadFacts) -> tuple[t.Any, ...]:
    newest = row.get("newest")
    age = None if newest is None else age_seconds(to_micros(newest), read.context.now)
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


def _expand_row(row: Row, tier: Tier) -> Row:
    """Restore the times that the compact form omits, in those groups of the row that the tier uses.

    recovery_points is always one of them, and full if kinds are used, because ``kinds`` is built from them. Times that
    are omitted from recovery_points alone are in the row itself, unless there are points of unknown usability.
    """
    attributes = row.get("attributes")
    if not attributes:
        return row
    if not tier.attributes and not tier.by_kind and "unknown" not in attributes.get("recovery_points", _NOT_REPORTED):
        return row
    needed = {*tier.attributes, "recovery_points", *(("full",) if tier.by_kind else ())}
    slim = {**row, "attributes": {name: attributes[name] for name in attributes if name in needed}}
    if not tier.by_kind:
        slim.pop("kinds", None)
    return expand_row(slim)


def _evaluate_controls(row: Row, tier: Tier, read: ReadFacts) -> list[Outcome]:
    outcomes = []
    last: Callable[[Row, frozenset[int]], View] | None = None
    view: View | None = None
    for control in tier.controls:
        # Controls of one attribute are adjacent and share its view.
        if view is None or control.view is not last:
            last, view = control.view, control.view(row, _EXACT_ONLY)
        outcome = control.evaluate(view, control, read.context)
        if control.accept and outcome[0] != PASS and is_soft(row, control.name.partition(".")[0]):
            outcome = _evaluate_accepted(row, control, read.context, outcome)
        if read.doubt and outcome[0] in (PASS, WARN):
            _state, _certainty, actual, text, possible = outcome
            outcome = (UNKNOWN, UNPROVED, actual, f"{text}, but {read.doubt}", possible)
        outcomes.append(outcome)
    return outcomes


def _evaluate_accepted(row: Row, control: Control, context: Context, reported: Outcome) -> Outcome:
    """Return the outcome if inferred or declared values count too, with the strongest certainty that supports it."""
    steps = [frozenset((certainty,)) for certainty in sorted(control.accept)]
    if len(steps) > 1:
        steps.append(control.accept)
    tried = [reported]
    for taken in steps:
        state, certainty, actual, text, possible = control.evaluate(control.view(row, taken), control, context)
        tried.append((state, certainty if state == UNKNOWN else max(taken), actual, text, possible))
    for wanted in (PASS, WARN):
        for outcome in tried:
            if outcome[0] == wanted:
                return outcome
    # Nothing passes: the outcome with everything accepted, with the strongest certainty that gives the same result.
    last = tried[-1]
    certainty = next(outcome[1] for outcome in tried if outcome[0] == last[0])
    return (last[0], certainty, *last[2:])
