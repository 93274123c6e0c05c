# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recovery points of one workload for rules: those of one row, or of several combined rows."""

from __future__ import annotations

import bisect
import dataclasses
import functools
import typing as t
from collections.abc import Iterator, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    CLOCK_TOLERANCE,
    FIRST,
    SECOND,
    format_time,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.recorded_tests import (
    Tests,
    apply_tests,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.states import (
    RECOVERY_POINTS,
    Attribute,
    BlockStates,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import Accept

_UNKNOWN = str.maketrans("TFf", "UUU")
# (first second, last second)
Interval = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The times of one read result, in seconds on the clock of its server."""

    # as_of, or the time of the read if it is later.
    now: int
    read_at: int
    # The server's time at the read, even if its clock is wrong.
    listed_at: int
    # Only since <= time < until was read. ``until`` is only set if it is before the read.
    since: int | None = None
    until: int | None = None
    # Reason why times of this server prove nothing.
    clock_off: str | None = None
    # Whether the product lists failed runs.
    lists_failed_runs: bool = False
    # The time on this clock minus real time.
    shift: int = 0

    def has_expired(self, expires_at: int | None) -> bool:
        """Return whether a point may have been removed since the read."""
        return (
            expires_at is not None
            and expires_at > self.listed_at
            and (expires_at <= self.now or self.clock_off is not None)
        )

    def hidden(self) -> list[Interval]:
        """Return the intervals that were not read, with their first and last second."""
        found = []
        if self.since is not None:
            found.append((FIRST, self.since - 1))
        return [*found, *self.hidden_after()]

    def hidden_after(self) -> list[Interval]:
        """Return the interval after ``until``."""
        return [] if self.until is None else [(self.until, self.read_at)]

    def hidden_reason(self) -> str:
        """Return what was not read."""
        if self.until is not None:
            return f"recovery points after {format_time(self.until * SECOND)} were not read"
        return f"recovery points before {format_time((self.since or 0) * SECOND)} were not read"


class Range(t.NamedTuple):
    """The reported times that continuous protection can restore, and its state (T or U)."""

    start: int | None
    end: int | None
    state: str
    # Time of the read, at which it existed.
    read_at: int


@dataclasses.dataclass(slots=True)
class View:
    """The points of a workload for one attribute: time and state of each, oldest first."""

    times: Sequence[int]
    states: str
    # State -> number of points without a time.
    undated: dict[str, int]
    ranges: Sequence[Range] = ()
    # Whether the kinds of the attribute explicitly include continuous protection.
    is_named: bool = False
    # (time, time of the read) of points that passed a restore test and are no longer listed. They count as U.
    removed: Sequence[tuple[int, int]] = ()

    def mark_unknown(self) -> None:
        """Make the states of all points unknown."""
        self.states = self.states.translate(_UNKNOWN)
        number = sum(self.undated.values())
        self.undated = {"U": number} if number else {}
        self.ranges = [one._replace(state="U") for one in self.ranges]

    @property
    def has_undated(self) -> bool:
        """Whether there are points without a time that have or may have the attribute."""
        if self.undated and any(state in "TU" for state in self.undated):
            return True
        return self.is_named and any(one.start is None and one.end is None for one in self.ranges)

    def count(self, states: str) -> int:
        """Count the points in these states, with a time."""
        return sum(map(self.states.count, states))

    def moments(self, states: str) -> list[int]:
        """Return the times of points in these states, oldest first."""
        own = self.states
        if own.count("T") == len(own):
            return list(self.times) if "T" in states else []
        return [time for time, state in zip(self.times, own, strict=True) if state in states]


@dataclasses.dataclass(slots=True)
class Row:
    """A workload of a read result with its points."""

    states: BlockStates
    # Its number in the block, which contains its points from ``start`` to ``end``.
    number: int
    context: Context
    # The name of the server, to distinguish its locations from those of others.
    server: str
    in_inventory: bool | None
    tests: Tests
    start: int = 0
    end: int = 0
    # Reasons why a pass that is based on this row does not count, or is only a warning.
    incomplete: str | None = None
    too_old: str | None = None

    def __post_init__(self) -> None:
        """Set the positions of the row's points in its block."""
        starts = self.states.block.starts
        self.start, self.end = starts[self.number], starts[self.number + 1]


class Points:
    """The data of one row for rules."""

    def __init__(self, row: Row, *, only_unknown: bool = False) -> None:
        """``only_unknown``: the attributes of points are unknown, because the read result is too old."""
        self.row = row
        self._only_unknown = only_unknown
        self.context = row.context
        self.now = row.context.now
        self._views: dict[tuple[str, Accept], View] = {}
        # Cache for rules about locations.
        self.recent: dict[t.Any, list[tuple[str, int]]] = {}

    @property
    def rows(self) -> Sequence[Row]:
        """The rows that these points belong to."""
        return (self.row,)

    @property
    def in_inventory(self) -> bool | None:
        """Whether the workload exists in production."""
        return self.row.in_inventory

    @property
    def clock_off(self) -> str | None:
        """Reason why no rule about time can be evaluated."""
        return self.context.clock_off

    @functools.cached_property
    def hidden(self) -> list[Interval]:
        """The time that was not read."""
        return self.context.hidden()

    @functools.cached_property
    def hidden_after(self) -> list[Interval]:
        """The hidden time at the end."""
        return self.context.hidden_after()

    @property
    def has_hidden_past(self) -> bool:
        """Whether points before some time were not read."""
        return self.context.since is not None

    def counted_together(self) -> list[list[Points]]:
        """Return the rows by group. In each group, the best row counts; the groups are added."""
        return [[self]]

    @staticmethod
    def format(moment: int) -> str:
        """Format a time."""
        return format_time(moment * SECOND)

    def hidden_reason(self) -> str:
        """Return what was not read."""
        return self.context.hidden_reason()

    def view(self, attribute: Attribute, accept: Accept) -> View:
        """Return the points for an attribute."""
        key = (attribute.ident, accept)
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = self._build_view(attribute, accept)
            if self._only_unknown:
                view.mark_unknown()
        return view

    def untested_view(self, attribute: Attribute, accept: Accept) -> View:
        """Return the points for an attribute, without recorded restore tests and without expiry."""
        view = self._build_view(attribute, accept, with_tests=False)
        if self._only_unknown:
            view.mark_unknown()
        return view

    def _build_view(self, attribute: Attribute, accept: Accept, *, with_tests: bool = True) -> View:
        row = self.row
        source = row.states
        states = source.states(attribute, accept, expired=with_tests)[row.start : row.end]
        undated: dict[str, int] = {}
        for code, number in source.block.undated.get(row.number, ()):
            state = source.undated_state(code, attribute, accept)
            if state != "-":
                undated[state] = undated.get(state, 0) + number
        view = View(source.block.times[row.start : row.end], states, undated)
        if source.has_ranges and attribute.by_kind and attribute.name != "full":
            view.is_named = "continuous" in attribute.kinds
            if view.is_named or attribute == RECOVERY_POINTS:
                view.ranges = self._ranges()
                self._add_undated_ranges(view)
        if with_tests and attribute.name == "restore_tested" and row.tests.all:
            self._apply_tests(view, attribute, accept)
        return view

    def _apply_tests(self, view: View, attribute: Attribute, accept: Accept) -> None:
        """Apply recorded restore tests to the points that they tested."""
        row = self.row
        raw = row.states.states(attribute, accept, expired=False)[row.start : row.end]
        certain = row.states.states(RECOVERY_POINTS, frozenset(), expired=False)[row.start : row.end]
        listed = row.states.expire("T" * len(raw), row.start)

        def clear(position: int) -> tuple[bool, bool]:
            index = row.start + position
            return (self.oldest_possible(index) == row.states.block.times[index], listed[position] == "T")

        def tested_at(position: int) -> int | None:
            own = self.moment("tested_at", row.start + position)
            return None if own is None or own > self.now + CLOCK_TOLERANCE else own

        tests = [test for test in row.tests.all if test.tested_at <= self.now + CLOCK_TOLERANCE]
        states, removed = apply_tests(tests, view.times, raw, certain, clear, tested_at)
        view.states = row.states.expire(states, row.start)
        view.removed = [(time, self.context.read_at) for time in removed]

    def _add_undated_ranges(self, view: View) -> None:
        """Add continuous protection for which only a number is known."""
        number = sum(
            number
            for facts, number in self.undated_classes()
            if facts.kind == "continuous" and facts.usable is not False
        )
        if number and view.is_named:
            view.undated["U"] = view.undated.get("U", 0) + number
        elif number:
            view.ranges = [*view.ranges, Range(None, None, "U", self.context.read_at)]

    def _ranges(self) -> list[Range]:
        row = self.row
        states = row.states
        found = []
        for index in range(row.start, row.end):
            facts = states.classes[states.block.codes[index]].facts
            if facts.kind == "continuous" and facts.usable is not False:
                ends = (self.moment("restorable_from", index), self.moment("restorable_until", index))
                expired = self.moment("expires_at", index)
                is_certain = facts.usable is True and not self.context.has_expired(expired)
                found.append(Range(*ends, "T" if is_certain else "U", self.context.read_at))
        return found

    def indexes(self) -> range:
        """Return the index of each point, in the order of a view."""
        return range(self.row.start, self.row.end)

    def facts(self, index: int) -> PointClass:
        """Return the attributes of a point."""
        return self.row.states.classes[self.row.states.block.codes[index]].facts

    def moment(self, name: str, index: int) -> int | None:
        """Return a moment of a point, or None if it has none."""
        return _moments(self.row.states, name).get(index)

    def time(self, index: int) -> int:
        """Return the creation time of a point."""
        return self.row.states.block.times[index]

    @property
    def has_tests(self) -> bool:
        """Whether there may be restore tests: recorded, or reported by the product with a date."""
        places, _times = self.row.states.block.moments["tested_at"]
        return bool(self.row.tests.all) or bisect.bisect_left(places, self.row.start) < bisect.bisect_left(
            places, self.row.end
        )

    @property
    def has_tests_without_time(self) -> bool:
        """Return False: a single row of a server with a wrong clock is unknown in any case."""
        return False

    def oldest_possible(self, index: int) -> int:
        """Return the first second at or after the creation of a point."""
        states = self.row.states
        return states.block.times[index] + states.classes[states.block.codes[index]].has_fraction

    def read_at(self, _index: int) -> int:
        """Return the time of the read, at which the point existed."""
        return self.context.read_at

    def server(self, _index: int) -> str:
        """Return the server that reported the locations of a point."""
        return self.row.server

    def class_key(self, index: int) -> str:
        """Return a key that is equal for points with equal attributes."""
        return self.row.states.block.codes[index]

    def undated_classes(self) -> Iterator[tuple[PointClass, int]]:
        """Yield (attributes, number) of points without a time."""
        block = self.row.states.block
        for code, number in block.undated.get(self.row.number, ()):
            yield block.classes[code].facts, number


def _moments(states: BlockStates, name: str) -> dict[int, int]:
    cached = states.moments.get(name)
    if cached is None:
        cached = states.moments[name] = dict(zip(*states.block.moments[name], strict=True))
    return cached
