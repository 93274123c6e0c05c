# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluators of rules for locations and copies."""

from __future__ import annotations

import typing as t

from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    PASS,
    REPORTED,
    WARN,
    Context,
    Control,
    Outcome,
    View,
    ceil_seconds,
    to_micros,
    unknown_outcome,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import elapsed

_PRODUCTION = "existence of the production copy unknown"
_NOT_LISTED = "locations of some recovery points not reported"


def locations_min_count(view: View, control: Control, context: Context) -> Outcome:
    """At least ``limit`` locations have a recent point; for copies, production is one more."""
    recent, unsure = _recent_places(view, control, context)
    named = len({place["location"] for place in recent if place.get("location") is not None})
    nameless = sum(place.get("location") is None for place in recent)
    doubts = _doubts(view, control, context, len(unsure))
    if nameless:
        # It may be one of the named locations, or several.
        doubts[f"name unknown for {count_locations(nameless)}"] = None
    return _evaluate_count(view, control, context, named or int(bool(nameless)), doubts)


def min_types(view: View, control: Control, context: Context) -> Outcome:
    """At least ``limit`` types of location have a recent point."""
    recent, unsure = _recent_places(view, control, context)
    types = len({place["location_type"] for place in recent if place.get("location_type") is not None})
    untyped = sum(place.get("location_type") is None for place in recent)
    doubts = _doubts(view, control, context, len(unsure))
    if untyped:
        nameless = any(place.get("location") is None for place in recent)
        # It has some type: if there is no other, the first of them is the one that is counted.
        more = untyped - int(not types)
        doubts[f"type unknown for {count_locations(untyped)}"] = None if nameless else more
    return _evaluate_count(view, control, context, types or int(bool(recent)), doubts)


def count_locations(count: int) -> str:
    """Format a number of locations."""
    return f"{count} location{'' if count == 1 else 's'}"


# Reason why there may be more than is known -> how many more at most; None = any number.
Doubts = dict[str, "int | None"]


def _doubts(view: View, control: Control, context: Context, unsure: int) -> Doubts:
    doubts: Doubts = {}
    if unsure:
        doubts[context.clock_off or f"age unknown for {count_locations(unsure)}"] = unsure
    if _has_unlisted(view, control, context):
        doubts[_NOT_LISTED] = None
    return doubts


def _evaluate_count(view: View, control: Control, context: Context, count: int, doubts: Doubts) -> Outcome:
    # A workload that is no longer in the inventory has no production copy; if that is unknown, so is the copy.
    present = view.row.get("in_inventory")
    if present:
        count += control.offset
    elif present is None and control.offset:
        doubts = {**doubts, _PRODUCTION: control.offset}
    most = list(doubts.values())
    possible = count + sum(more or 0 for more in most)
    if count >= control.limit:
        return (PASS, REPORTED, count, control.wording.passed, possible)
    if None in most or possible >= control.limit:
        return unknown_outcome(control, "; ".join(doubts), count, possible)
    if unread := context.unread_reason(
        None if control.max_age_micros is None else context.now - control.max_age_micros
    ):
        return unknown_outcome(control, unread, count, possible)
    return (FAIL, REPORTED, count, control.wording.failed, possible)


def _recent_places(
    view: View, control: Control, context: Context
) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """Return the locations whose newest point is recent, and those for which that is unknown."""
    places = [place for place in view.row.get("locations", ()) if place.get("count", 0) or place.get("newest")]
    if control.max_age_micros is None:
        return places, []
    if context.clock_off:
        return [], places
    recent, unsure = [], []
    for place in places:
        newest = place.get("newest")
        if newest is None:
            unsure.append(place)
        elif elapsed(to_micros(newest), context.now, control.workdays) <= control.max_age_micros:
            recent.append(place)
    return recent, unsure


def _has_unlisted(view: View, control: Control, context: Context) -> bool:
    """Whether points that count are in locations that the product did not list."""
    missing = view.row.get("locations_unknown")
    if missing is None:
        return bool(view.count) and not view.row.get("locations")
    if not missing.get("count", 0):
        return False
    newest = missing.get("newest")
    if control.max_age_micros is None or newest is None or context.clock_off:
        return True
    return elapsed(to_micros(newest), context.now, control.workdays) <= control.max_age_micros


def locations_max_age(view: View, control: Control, context: Context) -> Outcome:
    """The newest point with a known location is at most as old as the limit."""
    if context.clock_off:
        return unknown_outcome(control, context.clock_off)
    places = view.row.get("locations", ())
    ages = [
        elapsed(to_micros(place["newest"]), context.now, control.workdays) for place in places if place.get("newest")
    ]
    age = min(ages, default=None)
    if age is not None and age <= control.limit_micros:
        return (WARN if age > control.warn_micros else PASS, REPORTED, ceil_seconds(age), control.wording.passed, 0)
    actual = None if age is None else ceil_seconds(age)
    if len(ages) < len(places) or _has_unlisted(view, control, context):
        return unknown_outcome(control, _NOT_LISTED, actual)
    if unread := context.unread_reason(context.now - control.limit_micros):
        return unknown_outcome(control, unread, actual)
    return (FAIL, REPORTED, actual, control.wording.empty if age is None else control.wording.failed, 0)
