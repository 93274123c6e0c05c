# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The workloads of read results: identity, tier, properties for reports, and the outcomes of their controls."""

from __future__ import annotations

import dataclasses
import sys
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.result import ReadResult
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import CLOCK_TOLERANCE, SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import ReadFacts
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Subject
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document, Tier
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import RestoreTests
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points, Row
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.states import RECOVERY_POINTS, BlockStates
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    PASS,
    UNKNOWN,
    UNPROVED,
    WARN,
    Accept,
    Outcome,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.timeline import draw

_REPORTED_ONLY: frozenset[int] = frozenset()


@dataclasses.dataclass(slots=True)
class Record:
    """A workload of one read result."""

    identity: Mapping[str, t.Any]
    read: ReadFacts
    # Index of the tier that applies; None if no tier matches.
    tier: int | None
    # Reason why it is not evaluated.
    excluded: str | None
    # The fields below are set when its points are read.
    recovery_points: int = 0
    newest: int | None = None
    # The same in real time, without continuous protection.
    newest_point: int | None = None
    oldest: int | None = None
    # The newest range of times that can be restored continuously.
    restorable: tuple[int, int] | None = None
    # Whether any of its points was read.
    has_points: bool = False
    in_future: int = 0
    expired: int = 0
    timeline: str | None = None
    outcomes: list[Outcome] = dataclasses.field(default_factory=list)
    # Its points, only if they must be combined with those of other rows.
    row: Row | None = None

    @property
    def subject(self) -> Subject:
        """Source, origin, id and name."""
        one = self.identity
        return (one["source"], one["origin"], one["workload_id"], one["workload_name"])

    @property
    def name(self) -> str | None:
        """The workload's name."""
        name: str | None = self.identity["workload_name"]
        return name

    @property
    def in_inventory(self) -> bool | None:
        """Whether the workload still exists."""
        known: bool | None = self.identity["in_inventory"]
        return known

    @property
    def key(self) -> tuple[t.Any, ...]:
        """The key that identifies the workload on its server."""
        one = self.identity
        ident = one["workload_id"]
        return (one["workload_type"], one["origin"], ident, one["workload_name"] if ident is None else None)

    def facts(self) -> tuple[t.Any, ...]:
        """Return the properties that reports show, in the order of findings.FACTS."""
        moments = (self.newest, self.oldest, *(self.restorable or (None, None)))
        newest, oldest, *restorable = (None if time is None else format_time(time * SECOND) for time in moments)
        age = None if self.newest is None else max(0, self.read.context.now - self.newest)
        one = self.identity
        return (
            *(one["workload_type"], one["platform"], self.read.product, one["in_inventory"], self.recovery_points),
            *(newest, oldest, age, *restorable, self.timeline),
        )

    def display_name(self) -> str:
        """Return the text that distinguishes the row from others with the same name."""
        source, origin, workload_id, _name = self.subject
        text = f"{source}" if origin in (None, source) else f"{source}, origin {origin}"
        text = text if workload_id is None else f"{text}, id {workload_id}"
        return text if text.isprintable() else "".join(character for character in text if character.isprintable())


def build_records(read: ReadResult, facts: ReadFacts, document: Document) -> list[Record]:
    """Return a record for each row with its tier, without points."""
    records = []
    for identity in read.identities():
        described = {**identity, "product": facts.product}
        excluded = next((one.reason for one in document.exclude if one.match(described)), None)
        tiers = enumerate(document.tiers)
        tier = next((number for number, one in tiers if one.match is None or one.match(described)), None)
        records.append(Record(identity, facts, tier, excluded))
    return records


def read_points(
    read: ReadResult,
    records: Sequence[Record],
    document: Document,
    tests: RestoreTests,
    kept: set[int],
    *,
    timelines: bool,
) -> None:
    """Evaluate the rows of a read result, whose ``records`` are in the same order, block by block.

    Rows whose id() is in ``kept`` must be combined with others. They are kept, and not evaluated here.
    """
    number = 0
    for block in read.blocks():
        facts = records[number].read if number < len(records) else None
        if facts is None or number + len(block.counts) > len(records):
            raise DataError(f"{block.path}.counts: there are more workloads than rows", hint="Read again")
        context = facts.context
        if block.times and max(block.times) > context.listed_at + CLOCK_TOLERANCE:
            raise DataError(f"{block.path}.times: a recovery point is later than the read", hint="Read again")
        states = BlockStates(block, context.now, context.listed_at, clock_is_off=context.clock_off is not None)
        for index in range(len(block.counts)):
            record = records[number]
            number += 1
            row = Row(
                states=states,
                number=index,
                context=context,
                server=record.identity["origin"] or facts.host,
                in_inventory=record.in_inventory,
                tests=tests.find(record.identity),
                incomplete=facts.incomplete,
                too_old=facts.too_old,
            )
            points = Points(row)
            tier = None if record.tier is None else document.tiers[record.tier]
            _describe(record, points, tier if timelines else None)
            if id(record) in kept:
                record.row = row
            elif record.excluded is None and tier is not None:
                record.outcomes = evaluate_alone(points, tier)
    if number != len(records):
        raise DataError(f"{facts_host(records)}: {len(records) - number} rows have no points", hint="Read again")


def facts_host(records: Sequence[Record]) -> str:
    """Return the server of these records."""
    return f"read result of {records[0].read.host}" if records else "read result"


def _describe(record: Record, points: Points, tier: Tier | None) -> None:
    """Set the properties that reports show about the points of a row."""
    view = points.view(RECOVERY_POINTS, _REPORTED_ONLY)
    row = points.row
    block = row.states.block
    record.recovery_points = view.states.count("T") + view.undated.get("T", 0)
    record.has_points = row.end > row.start or row.number in block.undated
    record.in_future = block.in_future.get(row.number, 0)
    record.expired = row.states.count_expired_before(row.start, row.end)
    first, last = view.states.find("T"), view.states.rfind("T")
    if first >= 0:
        record.oldest, record.newest = view.times[first], view.times[last]
        record.newest_point = view.times[last] - points.context.shift
    for one in view.ranges:
        if one.state == "T" and one.end is not None:
            record.newest = max(one.end, record.newest or one.end)
        if one.state == "T" and one.start is not None:
            record.oldest = min(one.start, record.oldest or one.start)
    known = [(one.end, one.start) for one in view.ranges if one.state == "T" and one.end and one.start]
    if known:
        end, start = max(known)
        record.restorable = (start, end)
    if tier is not None:
        record.timeline = draw(block, row.start, row.end, points.now, tier.calendar)


def evaluate_alone(points: Points, tier: Tier) -> list[Outcome]:
    """Evaluate the controls of a tier for one row."""
    doubt = " and ".join(filter(None, (points.row.incomplete, points.row.too_old)))
    outcomes = []
    for control in tier.controls:
        outcome = evaluate_control(control, points)
        state, certainty, actual, text = withhold_pass(outcome, doubt) if doubt else outcome
        # Interned, because thousands of rows have the same texts.
        outcomes.append((state, certainty, actual, sys.intern(text)))
    return outcomes


def withhold_pass(outcome: Outcome, doubt: str | None) -> Outcome:
    """Return the outcome, or unknown instead of a pass if there is a ``doubt``."""
    state, _certainty, actual, text = outcome
    return (UNKNOWN, UNPROVED, actual, f"{text}, but {doubt}") if doubt and state in (PASS, WARN) else outcome


def evaluate_control(control: Control, points: Points) -> Outcome:
    """Evaluate a control for one row, or for the union of several."""
    if not control.accept:
        return control.evaluate(points, control, control.accept)
    return with_certainty(control, points.rows, lambda accept: control.evaluate(points, control, accept))


def with_certainty(control: Control, rows: Iterable[Row], evaluate: Callable[[Accept], Outcome]) -> Outcome:
    """Evaluate a control. The outcome has the strongest of the accepted certainties that gives the same result."""
    outcome = evaluate(control.accept)
    if (
        not control.accept
        or outcome[0] == UNKNOWN
        or not any(row.states.has_unreported(control.attribute, control.name) for row in rows)
    ):
        return outcome
    state, certainty, actual, text = outcome
    accepted: set[int] = set()
    for added in (None, *sorted(control.accept)):
        if added is not None:
            accepted.add(added)
            certainty = added
        if evaluate(frozenset(accepted))[0] == state:
            break
    return (state, certainty, actual, text)
