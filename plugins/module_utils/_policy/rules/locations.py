# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluators of rules on locations and copies."""

from __future__ import annotations

import typing as t

from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    EXACT,
    FAIL,
    PASS,
    WARN,
    Context,
    Control,
    Outcome,
    View,
    parsed,
    seconds,
    unknown,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import elapsed

_PRODUCTION = "whether the workload still exists, which would be one more, is not told"
_NOT_LISTED = "of some points the product does not list where they lie"


def locations_minimum(view: View, control: Control, context: Context) -> Outcome:
    """At least so many places hold a point that is young enough; for copies, production is one more."""
    young, unsure = _places(view, control, context)
    named = len({place["location"] for place in young if place.get("location") is not None})
    nameless = sum(place.get("location") is None for place in young)
    doubts = _doubts(view, control, context, len(unsure))
    if nameless:
        # It may be one of the named ones, or several.
        doubts[f"{nameless} of them without a name"] = None
    return _decide(view, control, context, named or int(bool(nameless)), doubts)


def locations_types(view: View, control: Control, context: Context) -> Outcome:
    """At least so many types of place hold a point that is young enough."""
    young, unsure = _places(view, control, context)
    types = len({place["location_type"] for place in young if place.get("location_type") is not None})
    untyped = sum(place.get("location_type") is None for place in young)
    doubts = _doubts(view, control, context, len(unsure))
    if untyped:
        nameless = any(place.get("location") is None for place in young)
        # Some type it has: without any other, the first of them is the one that is counted.
        more = untyped - int(not types)
        doubts[f"of {untyped} locations the type is not told"] = None if nameless else more
    return _decide(view, control, context, types or int(bool(young)), doubts)


# What may be beyond what is known -> how many at most; None = any number.
Doubts = dict[str, "int | None"]


def _doubts(view: View, control: Control, context: Context, unsure: int) -> Doubts:
    doubts: Doubts = {}
    if unsure:
        doubts[context.clock_off or f"of {unsure} locations the age is not told"] = unsure
    if _not_listed(view, control, context):
        doubts[_NOT_LISTED] = None
    return doubts


def _decide(view: View, control: Control, context: Context, count: int, doubts: Doubts) -> Outcome:
    # What is no longer in the inventory has no production copy any more; where that is not known, neither is the copy.
    present = view.row.get("in_inventory")
    if present:
        count += control.offset
    elif present is None and control.offset:
        doubts = {**doubts, _PRODUCTION: control.offset}
    most = list(doubts.values())
    possible = count + sum(more or 0 for more in most)
    if count >= control.limit:
        return (PASS, EXACT, count, control.words.passed, possible)
    if None in most or possible >= control.limit:
        return unknown(control, f"{count} are known, {' and '.join(doubts)}", count, possible)
    if unread := context.unread(None if control.young is None else context.now - control.young):
        return unknown(control, f"{count} are known, {unread}", count, possible)
    return (FAIL, EXACT, count, control.words.failed, possible)


def _places(view: View, control: Control, context: Context) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """The places whose newest point is young enough, and those of which it is unknown."""
    places = [place for place in view.row.get("locations", ()) if place.get("count", 0) or place.get("newest")]
    if control.young is None:
        return places, []
    if context.clock_off:
        return [], places
    young, unsure = [], []
    for place in places:
        newest = place.get("newest")
        if newest is None:
            unsure.append(place)
        elif elapsed(parsed(newest), context.now, control.workdays) <= control.young:
            young.append(place)
    return young, unsure


def _not_listed(view: View, control: Control, context: Context) -> bool:
    """Whether points that count lie in places that the product did not list."""
    missing = view.row.get("locations_unknown")
    if missing is None:
        return bool(view.count) and not view.row.get("locations")
    if not missing.get("count", 0):
        return False
    newest = missing.get("newest")
    if control.young is None or newest is None or context.clock_off:
        return True
    return elapsed(parsed(newest), context.now, control.workdays) <= control.young


def locations_newest(view: View, control: Control, context: Context) -> Outcome:
    """The newest point of which a place is known is at most so old."""
    if context.clock_off:
        return unknown(control, context.clock_off)
    places = view.row.get("locations", ())
    ages = [elapsed(parsed(place["newest"]), context.now, control.workdays) for place in places if place.get("newest")]
    age = min(ages, default=None)
    if age is not None and age <= control.limit_micros:
        return (WARN if age > control.warn_micros else PASS, EXACT, seconds(age), control.words.passed, 0)
    actual = None if age is None else seconds(age)
    if len(ages) < len(places) or _not_listed(view, control, context):
        return unknown(control, _NOT_LISTED, actual)
    if unread := context.unread(context.now - control.limit_micros):
        return unknown(control, unread, actual)
    return (FAIL, EXACT, actual, control.words.empty if age is None else control.words.failed, 0)
