# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of every point for one rule: T, U, F, weak F or absent."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.estate import Point
from tests.reference.policies import FACTS, Rule
from tests.reference.restore_records import apply_records, is_possible
from tests.reference.views import Entry, View, is_expired

DEFAULT_KINDS = ["full", "incremental", "differential", "synthetic_full", "archive", "replica", "backup"]
TYPED_KINDS = ["full", "incremental", "differential", "synthetic_full"]
CALENDAR_RULES = ["daily", "weekly", "monthly", "yearly"]
RANGE_RULES = ["max_gap", "min_coverage", *CALENDAR_RULES]
NORMAL_UNDATED_RULES = ["min_count", "max_count", "all", "none"]


@dataclass
class Item:
    """A point with its state for one rule. `first` and `last` differ only for ranges; null means no start."""

    state: str
    number: int
    undated: bool
    first: int | None
    last: int
    read_at: int
    point: Point | None

    @property
    def start(self) -> int:
        """Return the time of a point that is not a range."""
        assert self.first is not None
        return self.first


def named_kinds(rule: Rule) -> list[str]:
    """Return the kinds that are T for a rule about kinds."""
    if rule.attribute == "full":
        return ["full", "synthetic_full"]
    if rule.attribute.startswith("backup_types."):
        return [rule.attribute.removeprefix("backup_types.")]
    if rule.attribute == "recovery_points" and rule.kinds is not None:
        return list(rule.kinds)
    return DEFAULT_KINDS


def kind_state(point: Point, named: list[str]) -> str:
    if point.usable is False:
        return "absent"
    if point.kind in named:
        return "U" if point.usable is None else "T"
    # "backup" is one of the default kinds, so it is only unknown if other kinds are listed.
    if point.kind == "unknown" or (point.kind == "backup" and any(kind in TYPED_KINDS for kind in named)):
        return "U"
    return "absent"


def is_accepted(point: Point, fact: str, accept: tuple[str, ...]) -> bool:
    if fact in point.inferred:
        return "inferred" in accept
    if fact in point.declared:
        return "declared" in accept
    return True


def fact_value(point: Point, fact: str, view: View) -> bool | None:
    """Return whether a point has the attribute, or null if that is unknown."""
    if fact == "malware":
        return None if point.malware is None else point.malware in ["suspicious", "infected"]
    if fact == "immutable" and point.immutable_until is not None:
        if view.clock_off:
            return None
        return point.immutable_until > view.as_of
    value: bool | None = getattr(point, fact)
    return value


def fact_state(point: Point, fact: str, view: View, accept: tuple[str, ...]) -> str:
    if point.usable is False or (point.kind not in DEFAULT_KINDS and point.kind != "unknown"):
        return "absent"
    value = fact_value(point, fact, view)
    if value is None or not is_accepted(point, fact, accept):
        return "U"
    if is_possible(point):
        return "U" if value else "weak F"
    return "T" if value else "F"


def base_state(entry: Entry, rule: Rule, view: View) -> str:
    """Return the state before restore test records and expiry."""
    if rule.attribute == "immutable" and entry.undated and entry.point.immutable_until is not None:
        # The end of the lock of an undated point is unknown.
        state = fact_state(entry.point, rule.attribute, view, rule.accept)
        return state if state == "absent" else "U"
    if rule.attribute in FACTS:
        return fact_state(entry.point, rule.attribute, view, rule.accept)
    return kind_state(entry.point, named_kinds(rule))


def final_state(state: str, point: Point | None, view: View) -> str:
    """Apply expiry. All points of a read result that is too old are unknown, if its rows are combined."""
    if state == "absent":
        return state
    if view.only_unknown or (point is not None and is_expired(point, view)):
        return "U"
    return state


def get_items(view: View, rule: Rule) -> list[Item]:
    """Return the points of a row that are considered for a rule."""
    items: list[Item] = []
    states = [base_state(entry, rule, view) for entry in view.entries]
    additional: list[int] = []
    if rule.attribute == "restore_tested":
        states, additional = apply_records(view, states)
    for entry, state_before in zip(view.entries, states, strict=True):
        state = final_state(state_before, None if entry.undated else entry.point, view)
        if entry.point.kind == "continuous":
            items += continuous_items(entry, state, rule, view)
        elif state != "absent":
            created = entry.point.created
            items.append(Item(state, entry.number, entry.undated, created, created, view.read_at, entry.point))
    if rule.name in ["min_count", "min_retention"]:
        for time in additional:
            items.append(Item("U", 1, False, time, time, view.read_at, None))
    keep_undated = rule.name in NORMAL_UNDATED_RULES and rule.within is None
    for item in items:
        if item.undated and not (keep_undated and rule.attribute not in ["locations", "copies"]):
            item.state = "U" if item.state in ["T", "U"] else "weak F"
    return items


def continuous_items(entry: Entry, state: str, rule: Rule, view: View) -> list[Item]:
    """Return how a rule uses a continuous point, as in the table of docs/reference/evaluation.md."""
    point = entry.point
    begin, end = point.restorable_from, point.restorable_until
    named = "continuous" in named_kinds(rule)
    default_kinds = rule.attribute == "recovery_points" and rule.kinds is None
    if point.usable is False or not (named or default_kinds):
        return []
    if not named:
        if rule.name not in ["max_age", "min_retention"]:
            return []
        state = final_state("U" if point.usable is None else "T", point, view)

    def at(state_: str, time: int) -> Item:
        return Item(state_, entry.number, False, time, time, view.read_at, point)

    undated = Item("U", entry.number, True, 0, 0, view.read_at, point)
    if rule.name == "max_age":
        return [undated if end is None else at(state, end)]
    if rule.name in ["min_retention", "max_retention"]:
        return [undated if begin is None else at(state, begin)]
    if begin is None and end is None:
        return [undated]
    if rule.name == "min_count" and rule.within is not None:
        window = view.as_of - rule.within
        known = begin if end is None else end
        assert known is not None
        # With a wrong clock, any point may be in the window.
        if known >= window or view.clock_off:
            return [at(state, known)]
        return [at("U", window)] if end is None else []
    if rule.name in RANGE_RULES:
        return continuous_ranges(entry, state, view)
    return [at(state, 0)]


def continuous_ranges(entry: Entry, state: str, view: View) -> list[Item]:
    point = entry.point
    begin, end = point.restorable_from, point.restorable_until
    if begin is not None and end is not None:
        return [Item(state, 1, False, begin, end, view.read_at, point)] if begin <= end else []
    if end is not None:
        return [
            Item(state, 1, False, end, end, view.read_at, point),
            Item("U", 1, False, None, end - 1, view.read_at, point),
        ]
    assert begin is not None
    ranges = [Item(state, 1, False, begin, begin, view.read_at, point)]
    if begin < view.read_at:
        ranges.append(Item("U", 1, False, begin + 1, view.read_at, view.read_at, point))
    return ranges
