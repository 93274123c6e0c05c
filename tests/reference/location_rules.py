# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about `locations` and `copies`."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.estate import DECLARED_LOCATION_TYPES, Point
from tests.reference.evidence import FAIL, PASS, UNKNOWN, Evidence, Outcome, get_evidence
from tests.reference.policies import Rule
from tests.reference.states import get_items
from tests.reference.views import View


@dataclass(frozen=True)
class Places:
    known: int
    possible: int
    is_open: bool


def normalized(text: str | None) -> str | None:
    """Return the normalized name or type. An empty one is unknown."""
    if text is None:
        return None
    return text.strip().casefold() or None


def normalized_type(text: str | None) -> str | None:
    label = normalized(text)
    return None if label == "other" else label


def get_labels(point: Point, rule: Rule, server: int) -> list[tuple[int, str] | None]:
    """Return names (for `min_types`, types) of the locations of a point. Unknown ones are null."""
    labels: list[tuple[int, str] | None] = []
    for name, type_ in point.locations or ():
        if rule.name != "min_types":
            label = normalized(name)
            labels.append(None if label is None else (server, label))
            continue
        label = normalized_type(type_)
        if DECLARED_LOCATION_TYPES in point.declared and "declared" not in rule.accept:
            label = None
        # Types are counted over all servers.
        labels.append(None if label is None else (0, label))
    return labels


def count_labels(labels: list[tuple[int, str] | None]) -> int:
    """Return the number of different labels. Unknown ones count as one in total, if there are no others."""
    named = {label for label in labels if label is not None}
    return len(named) if named else min(len(labels), 1)


def get_places(views: list[View], rule: Rule, evidence: Evidence) -> Places:
    t_labels: list[tuple[int, str] | None] = []
    u_labels: list[tuple[int, str] | None] = []
    is_open = evidence.undated_u() or evidence.hidden_at_most(rule.location_age)
    for view in views:
        if view.clock_off and len(views) > 1:
            continue
        for item in get_items(view, rule):
            is_recent = rule.location_age is None or evidence.age(item.last) <= rule.location_age
            if item.undated or item.point is None or not is_recent:
                continue
            labels = get_labels(item.point, rule, view.server)
            if item.state == "T":
                t_labels += labels
            else:
                u_labels += labels
            is_open = is_open or not labels or None in labels
    return Places(count_labels(t_labels), count_labels(t_labels + u_labels), is_open)


def production(views: list[View], rule: Rule) -> tuple[int, int]:
    """Return the certain and the possible production copy (p and q)."""
    if rule.attribute != "copies" or not rule.include_production:
        return 0, 0
    states = [view.row.in_inventory for view in views]
    if True in states:
        return 1, 0
    return 0, 1 if None in states else 0


def min_places(views: list[View], rule: Rule) -> Outcome:
    """Evaluate `locations.min_count`, `locations.min_types` and `copies.min_count`."""
    places = get_places(views, rule, get_evidence(views, rule))
    certain, possible = production(views, rule)
    if places.known + certain >= rule.limit:
        return PASS
    if places.possible + certain + possible >= rule.limit or places.is_open:
        return UNKNOWN
    return FAIL


def max_place_age(views: list[View], rule: Rule) -> Outcome:
    """Evaluate `locations.max_age`."""
    evidence = get_evidence(views, rule)
    ages = [evidence.age(item.last) for item in evidence.dated("T") if item.point and item.point.locations]
    if ages and min(ages) <= rule.limit:
        return Outcome("pass", min(ages))
    if evidence.undated_u() or evidence.hidden_at_most(rule.limit):
        return UNKNOWN
    for item in evidence.dated("T", "U"):
        unreported = item.point is None or not item.point.locations
        if (item.state == "U" or unreported) and evidence.age(item.last) <= rule.limit:
            return UNKNOWN
    return FAIL
