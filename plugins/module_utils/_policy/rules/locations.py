# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules for locations and copies."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points, View
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.reasons import hidden_reason
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.states import RECOVERY_POINTS
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import DECLARED, Accept, Outcome

_NOT_LISTED = "locations of some recovery points not reported"
_PRODUCTION = "existence of the production copy unknown"


@dataclasses.dataclass(slots=True)
class _LocationNames:
    """Names or types of the locations of recent points, and whether there may be others."""

    known: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    possible: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    has_nameless: bool = False
    may_be_nameless: bool = False
    # Reason why there may be any number of others.
    open_reason: str | None = None

    @property
    def count(self) -> int:
        return len(self.known) or int(self.has_nameless)

    @property
    def max_count(self) -> int:
        return len(self.known | self.possible)


def locations_min_count(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require ``limit`` locations with a recent point. For copies, production counts as a location."""
    return _count(points, control, _collect(points, control, accept, part=0), "name unknown for some locations")


def min_types(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require ``limit`` types of location with a recent point."""
    return _count(points, control, _collect(points, control, accept, part=1), "type unknown for some locations")


def _count(points: Points, control: Control, locations: _LocationNames, nameless: str) -> Outcome:
    if control.max_age is not None and points.clock_off:
        return control.unknown(points.clock_off)
    exists = points.in_inventory
    count = locations.count + (control.offset if exists else 0)
    max_count = locations.max_count + (control.offset if exists is not False else 0)
    if count >= control.limit:
        return control.passed(count)
    reasons = [locations.open_reason] if locations.open_reason else []
    if locations.has_nameless or locations.may_be_nameless:
        reasons.append(nameless)
    if exists is None and control.offset:
        reasons.append(_PRODUCTION)
    if max_count > count and not reasons:
        reasons.append("usability of some recovery points unknown")
    is_open = locations.open_reason or locations.has_nameless or locations.may_be_nameless
    if max_count >= control.limit or is_open:
        return control.unknown("; ".join(reasons), count)
    hidden = (
        hidden_reason(points, None) if control.max_age is None else _hidden_recent(points, control, control.max_age)
    )
    if hidden:
        return control.unknown(hidden, count)
    return control.failed(count)


def _hidden_recent(points: Points, control: Control, max_age: int) -> str | None:
    """Return what was not read, if it may contain a recent point."""
    if any(control.elapsed(end, points.now) <= max_age for _start, end in points.hidden):
        return points.hidden_reason()
    return None


def _collect(points: Points, control: Control, accept: Accept, *, part: int) -> _LocationNames:
    """Collect the names (part 0) or types (part 1) of the locations of recent points."""
    locations = _LocationNames()
    view = points.view(RECOVERY_POINTS, frozenset())
    if view.has_undated:
        locations.open_reason = "time unknown for some recovery points"
    for state, index in _recent(points, view, control):
        facts = points.facts(index)
        if not facts.locations:
            locations.open_reason = _NOT_LISTED
        server = points.server(index) if part == 0 else ""
        is_declared = part == 1 and "location_type" in facts.declared and DECLARED not in accept
        for location in facts.locations or ():
            text = None if is_declared else (location[part] or "").strip().casefold()
            if not text or (part == 1 and text == OTHER):
                locations.has_nameless = locations.has_nameless or state == "T"
                locations.may_be_nameless = locations.may_be_nameless or state == "U"
            else:
                (locations.known if state == "T" else locations.possible).add((server, text))
    return locations


def _recent(points: Points, view: View, control: Control) -> Iterable[tuple[str, int]]:
    """Return (state, index) of one of the recent points of each class."""
    key = (control.max_age, control.weekdays)
    if key not in points.recent:
        found: dict[tuple[str, str], int] = {}
        indexes = points.indexes()
        for place in range(len(view.times) - 1, -1, -1):
            if control.max_age is not None and control.elapsed(view.times[place], points.now) > control.max_age:
                break
            if view.states[place] in "TU":
                found[view.states[place], points.class_key(indexes[place])] = indexes[place]
        points.recent[key] = [(state, index) for (state, _class), index in found.items()]
    return points.recent[key]


def locations_max_age(points: Points, control: Control, _accept: Accept) -> Outcome:
    """Require that the newest point with a listed location is at most as old as the limit."""
    if points.clock_off:
        return control.unknown(points.clock_off)
    view = points.view(RECOVERY_POINTS, frozenset())
    age = None
    is_possible = view.has_undated
    indexes = points.indexes()
    for place in range(len(view.times) - 1, -1, -1):
        state = view.states[place]
        if state in "TU":
            own = control.elapsed(view.times[place], points.now)
            if state == "T" and points.facts(indexes[place]).locations:
                age = own
                break
            is_possible = is_possible or own <= control.limit
    if age is not None and age <= control.limit:
        return control.passed(age)
    if is_possible:
        return control.unknown(_NOT_LISTED, age)
    if reason := _hidden_recent(points, control, control.limit):
        return control.unknown(reason, age)
    return control.failed(age)
