# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The combined recovery points of several rows of one workload."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import (
    Context,
    Interval,
    Points,
    Range,
    Row,
    View,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.states import Attribute
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import Accept


class CombinedPoints(Points):
    """The data of several rows of one workload for rules. All times are real time."""

    def __init__(self, rows: Sequence[Row], as_of: int, groups: Sequence[str]) -> None:
        """``groups`` are the names of the rows' groups. Counts are added only for different groups."""
        self._parts = [Points(row, only_unknown=row.too_old is not None) for row in rows]
        self._groups = groups
        # The views of the parts already consider it.
        self._only_unknown = False
        self.now = as_of
        self._views = {}
        self.recent = {}
        order = [
            (time - part.context.shift, number, index)
            for number, part in enumerate(self._parts)
            if part.context.clock_off is None
            for index, time in zip(
                part.indexes(), part.row.states.block.times[part.row.start : part.row.end], strict=True
            )
        ]
        self._order = sorted(order)

    @property
    def rows(self) -> Sequence[Row]:
        """The rows that these points belong to."""
        return [part.row for part in self._parts]

    @property
    def in_inventory(self) -> bool | None:
        """Whether the workload exists in production, according to any row."""
        known = {part.in_inventory for part in self._parts}
        return True if True in known else None if None in known else False

    @property
    def clock_off(self) -> str | None:
        """Return None: points of a server with a wrong clock have no time, and rules are evaluated with them."""
        return None

    @functools.cached_property
    def hidden(self) -> list[Interval]:
        """The time that was not read for any row."""
        return self._shifted(lambda context: context.hidden())

    @functools.cached_property
    def hidden_after(self) -> list[Interval]:
        """The hidden time at the end."""
        return self._shifted(lambda context: context.hidden_after())

    @property
    def has_hidden_past(self) -> bool:
        """Whether points before some time were not read."""
        return any(part.has_hidden_past for part in self._parts)

    def _shifted(self, intervals: Callable[[Context], list[Interval]]) -> list[Interval]:
        return [
            (start - part.context.shift, end - part.context.shift)
            for part in self._parts
            if part.clock_off is None
            for start, end in intervals(part.context)
        ]

    def counted_together(self) -> list[list[Points]]:
        """Return the rows by group. In each group, the best row counts; the groups are added."""
        groups: dict[str, list[Points]] = {}
        for part, group in zip(self._parts, self._groups, strict=True):
            groups.setdefault(group, []).append(part)
        return list(groups.values())

    def hidden_reason(self) -> str:
        """Return what was not read for the first row that was not read completely."""
        return next((part.hidden_reason() for part in self._parts if part.hidden), "")

    def _build_view(self, attribute: Attribute, accept: Accept, *, with_tests: bool = True) -> View:
        views = [
            part.view(attribute, accept) if with_tests else part.untested_view(attribute, accept)
            for part in self._parts
        ]
        undated: dict[str, int] = {}
        ranges: list[Range] = []
        for part, view in zip(self._parts, views, strict=True):
            for state, number in view.undated.items():
                undated[state] = undated.get(state, 0) + number
            if part.clock_off:
                # Points without a time have or may have the attribute.
                for state in view.states:
                    if state != "-":
                        shown = "U" if state == "T" else state
                        undated[shown] = undated.get(shown, 0) + 1
                ranges += [Range(None, None, "U", self.now)] * len(view.ranges)
                undated["U"] = undated.get("U", 0) + bool(part.context.hidden()) + len(view.removed)
                continue
            shift = part.context.shift
            ranges += [
                Range(
                    None if one.start is None else one.start - shift,
                    None if one.end is None else one.end - shift,
                    one.state,
                    one.read_at - shift,
                )
                for one in view.ranges
            ]
        merged = "".join(
            views[number].states[index - self._parts[number].row.start] for _time, number, index in self._order
        )
        removed = [
            (time - part.context.shift, read_at - part.context.shift)
            for part, view in zip(self._parts, views, strict=True)
            for time, read_at in (() if part.clock_off else view.removed)
        ]
        times = [time for time, _number, _index in self._order]
        undated = {state: number for state, number in undated.items() if number}
        return View(times, merged, undated, ranges, any(view.is_named for view in views), removed)

    def indexes(self) -> range:
        """Return the index of each point, in the order of a view."""
        return range(len(self._order))

    def facts(self, index: int) -> PointClass:
        """Return the attributes of a point."""
        _time, number, own = self._order[index]
        return self._parts[number].facts(own)

    def moment(self, name: str, index: int) -> int | None:
        """Return a moment of a point in real time, or None if it has none."""
        _time, number, own = self._order[index]
        moment = self._parts[number].moment(name, own)
        return None if moment is None else moment - self._parts[number].context.shift

    def time(self, index: int) -> int:
        """Return the creation time of a point, in real time."""
        return self._order[index][0]

    @property
    def has_tests(self) -> bool:
        """Whether there may be restore tests."""
        return any(part.has_tests for part in self._parts if part.clock_off is None)

    @property
    def has_tests_without_time(self) -> bool:
        """Whether there may be restore tests of a server with a wrong clock."""
        return any(part.has_tests or part.hidden for part in self._parts if part.clock_off)

    def oldest_possible(self, index: int) -> int:
        """Return the first second at or after the creation of a point."""
        _time, number, own = self._order[index]
        part = self._parts[number]
        return part.oldest_possible(own) - part.context.shift

    def read_at(self, index: int) -> int:
        """Return the time of the read, at which the point existed."""
        context = self._parts[self._order[index][1]].context
        return context.read_at - context.shift

    def server(self, index: int) -> str:
        """Return the server that reported the locations of a point."""
        return self._parts[self._order[index][1]].row.server

    def class_key(self, index: int) -> str:
        """Return a key that is equal for points with equal attributes."""
        _time, number, own = self._order[index]
        return f"{number} {self._parts[number].class_key(own)}"
