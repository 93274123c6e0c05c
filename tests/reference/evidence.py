# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The points and hidden time that one rule is evaluated over: those of one row, or the union of several rows."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.days import Calendar
from tests.reference.policies import Rule
from tests.reference.states import Item, get_items
from tests.reference.views import Hidden, View


@dataclass(frozen=True)
class Outcome:
    """The result of a rule: pass, warn, unknown or fail. `value` is what `warn_at` compares."""

    result: str
    value: int | None = None


PASS = Outcome("pass")
UNKNOWN = Outcome("unknown")
FAIL = Outcome("fail")


@dataclass(frozen=True)
class Evidence:
    items: list[Item]
    hidden: list[Hidden]
    as_of: int
    calendar: Calendar

    def dated(self, *states: str) -> list[Item]:
        return [item for item in self.items if not item.undated and item.state in states]

    def undated_u(self) -> bool:
        return any(item.undated and item.state == "U" for item in self.items)

    def age(self, time: int) -> int:
        return self.calendar.elapsed(time, self.as_of)

    def hidden_in_window(self, within: int | None) -> bool:
        return any(within is None or hidden.last >= self.as_of - within for hidden in self.hidden)

    def hidden_at_most(self, age: int | None) -> bool:
        """Return whether the newest hidden second is at most this old or, without an age, if there is hidden time."""
        return any(age is None or self.age(hidden.last) <= age for hidden in self.hidden)


def off_items(items: list[Item], hidden: list[Hidden]) -> list[Item]:
    """Return the points of a row with a wrong clock for combined rows: only undated U."""
    undated: list[Item] = []
    for item in items:
        if item.state in ["T", "U"]:
            undated.append(Item("U", item.number, True, 0, 0, item.read_at, item.point))
    if hidden:
        undated.append(Item("U", 1, True, 0, 0, hidden[0].read_at, None))
    return undated


def get_evidence(views: list[View], rule: Rule) -> Evidence:
    """Return the evidence of one row, or the union of several rows in real time."""
    items: list[Item] = []
    hidden: list[Hidden] = []
    for view in views:
        own = get_items(view, rule)
        if view.clock_off and len(views) > 1:
            items += off_items(own, view.hidden)
        else:
            items += own
            hidden += view.hidden
    return Evidence(items, hidden, views[0].as_of, rule.calendar)
