# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two tables of the policy language: RULES (the requirements) and FACETS (what they apply to)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS
from ansible_collections.backup.audit.plugins.module_utils._policy.rules import (
    attributes,
    counts_and_ages,
    gaps,
    periods,
    sizes,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules import locations as places
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import HOLE, Evaluate, Row, View, Wording


@dataclasses.dataclass(frozen=True, slots=True)
class Facet:
    """A property that points have or do not have, and the rules that apply to it."""

    name: str
    view: Callable[[Row, frozenset[int]], View]
    rules: tuple[Rule, ...]
    one: str
    many: str
    # What ``newest_within`` measures, and the names of points that have it or do not have it.
    newest: str
    has: str = ""
    has_not: str = ""
    # Keys of a facet that are not rules.
    options: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its argument, its evaluator, and how the outcomes of several rows are merged."""

    name: str
    argument: str
    evaluate: Evaluate
    wording: Callable[[Facet, str, str], Wording]
    # best | worst | furthest; a count with "best" can be added up (``independent``).
    combine: str = "best"
    adds: bool = False
    # Whether values approach the limit from below, so that warn_at applies.
    ceiling: bool = False
    within: bool = False


def _minimum(facet: Facet, limit: str, _window: str) -> Wording:
    text = f"number of {facet.many} is {HOLE}, wanted are at least {limit}"
    return Wording(text, text, text, f"there are at least {limit} {facet.many}")


def _newest(facet: Facet, limit: str, _window: str) -> Wording:
    text = f"{facet.newest} is {HOLE} old, allowed are {limit}"
    empty = f"there is no {facet.one}, the newest may be {limit} old"
    return Wording(text, text, empty, f"the {facet.newest} is at most {limit} old")


def _reaches_back(facet: Facet, limit: str, _window: str) -> Wording:
    text = f"oldest {facet.one} is {HOLE} old, wanted is at least {limit}"
    empty = f"there is no {facet.one}, the oldest must be at least {limit} old"
    return Wording(text, text, empty, f"the oldest {facet.one} is at least {limit} old")


def _gap(facet: Facet, limit: str, window: str) -> Wording:
    window = f" in the last {window}" if window else ""
    text = f"longest time without a new {facet.one}{window} is {HOLE}, allowed are {limit}"
    empty = f"there is no {facet.one}, the longest time without a new one may be {limit}"
    return Wording(text, text, empty, f"the longest time without a new {facet.one}{window} is at most {limit}")


def _in_a_row(period: str) -> Callable[[Facet, str, str], Wording]:
    def wording(facet: Facet, limit: str, _window: str) -> Wording:
        text = f"number of {period} in a row with a {facet.one} is {HOLE}, wanted are at least {limit}"
        return Wording(text, text, text, f"there are at least {limit} {period} in a row with a {facet.one}")

    return wording


def _every(facet: Facet, _limit: str, window: str) -> Wording:
    window = f" of the last {window}" if window else ""
    broken = f"number of recovery points that are {facet.has_not} is {HOLE}, allowed are none"
    if window:
        broken = f"not every recovery point{window} is {facet.has}"
    return Wording(
        f"every recovery point{window} is {facet.has}",
        broken,
        f"there is no recovery point{window}, so none is {facet.has}",
        f"every recovery point{window} is {facet.has}",
    )


def _none(facet: Facet, _limit: str, window: str) -> Wording:
    window = f" of the last {window}" if window else ""
    broken = f"number of recovery points that are {facet.has} is {HOLE}, allowed are none"
    if window:
        broken = f"there are recovery points{window} that are {facet.has}, allowed are none"
    return Wording(
        f"no recovery point{window} is {facet.has}",
        broken,
        f"there is no recovery point{window}, so nothing is proved",
        f"no recovery point{window} is {facet.has}",
    )


def _places(noun: str) -> Callable[[Facet, str, str], Wording]:
    def wording(facet: Facet, limit: str, window: str) -> Wording:
        many = f"{noun or facet.many} with a recovery point" + (f" at most {window} old" if window else "")
        text = f"number of {many} is {HOLE}, wanted are at least {limit}"
        return Wording(text, text, text, f"there are at least {limit} {many}")

    return wording


def _size(facet: Facet, limit: str, _window: str) -> Wording:
    text = f"{facet.newest} has {HOLE} of the median size of its kind, wanted is at least {limit}"
    empty = f"there is no {facet.one}, the newest must have {limit} of the median size of its kind"
    return Wording(text, text, empty, f"the {facet.newest} has at least {limit} of the median size of its kind")


def _restored(facet: Facet, limit: str, _window: str) -> Wording:
    text = f"the newest restore test took {HOLE}, allowed are {limit}"
    return Wording(text, text, text, f"it can be restored within {limit}")


MINIMUM = Rule("minimum", "count", counts_and_ages.minimum, _minimum, adds=True)
NEWEST = Rule("newest_within", "duration", counts_and_ages.newest_within, _newest, ceiling=True)
TESTED = Rule("newest_within", "duration", counts_and_ages.tested_within, _newest, ceiling=True)
RESTORED = Rule("restore_within", "duration", counts_and_ages.restored_within, _restored, ceiling=True)
REACHES_BACK = Rule("reaches_back", "duration", counts_and_ages.reaches_back, _reaches_back)
GAP = Rule("longest_gap", "duration", gaps.longest_gap, _gap, combine="furthest", ceiling=True, within=True)
IN_A_ROW = tuple(Rule(period, "count", periods.in_a_row(period), _in_a_row(period)) for period in periods.PERIODS)
EVERY = Rule("all", "flag", counts_and_ages.every, _every, combine="worst", within=True)
NONE = Rule("none", "flag", counts_and_ages.none, _none, combine="worst", within=True)
# "All are clean" and "none is infected" are the same requirement.
ALL_CLEAN = Rule("all", "flag", counts_and_ages.none, _none, combine="worst", within=True)
PLACES = Rule("minimum", "count", places.locations_minimum, _places(""), adds=True)
TYPES = Rule("types", "count", places.locations_types, _places("types of location"))
PLACE_NEWEST = Rule("newest_within", "duration", places.locations_newest, _newest, ceiling=True)
SIZE = Rule("newest_at_least", "percent", sizes.newest_at_least, _size, combine="worst")

RULES = (
    *(MINIMUM, NEWEST, TESTED, RESTORED, REACHES_BACK, GAP, *IN_A_ROW),
    *(EVERY, NONE, ALL_CLEAN, PLACES, TYPES, PLACE_NEWEST, SIZE),
)

_POINTS = (MINIMUM, NEWEST, REACHES_BACK)
_TESTS = (MINIMUM, TESTED, REACHES_BACK, EVERY, NONE)
_REGULAR = (*_POINTS, GAP, *IN_A_ROW)


def _fact(name: str, rules: tuple[Rule, ...], word: str, newest: str | None = None, has: str | None = None) -> Facet:
    has = has or word
    point = f"{word} recovery point"
    return Facet(
        name, attributes.fact_view(name), rules, point, f"{point}s", newest or f"newest {point}", has, f"not {has}"
    )


FACETS: dict[str, Facet] = {
    facet.name: facet
    for facet in (
        Facet(
            "recovery_points",
            attributes.recovery_points_view,
            _REGULAR,
            "recovery point",
            "recovery points",
            "newest recovery point",
            options=("kinds",),
        ),
        Facet("full", attributes.fact_view("full"), _REGULAR, "full backup", "full backups", "newest full backup"),
        _fact(
            "verified",
            (*_TESTS, RESTORED),
            "verified",
            "newest test by a restore or a boot",
            "verified by a restore or a boot",
        ),
        _fact("checked", _TESTS, "checked", "newest check of a recovery point"),
        _fact("offsite", (*_POINTS, EVERY, NONE), "off-site"),
        _fact("immutable", (*_POINTS, EVERY, NONE), "immutable"),
        _fact("encrypted", (*_POINTS, EVERY, NONE), "encrypted"),
        _fact("malware", (ALL_CLEAN, NONE), "suspicious or infected"),
        Facet(
            "locations",
            attributes.row_view,
            (PLACES, TYPES, PLACE_NEWEST),
            "recovery point in a known location",
            "locations",
            "newest recovery point in a known location",
        ),
        Facet(
            "copies",
            attributes.row_view,
            (PLACES,),
            "copy",
            "copies",
            "newest copy",
            options=("production",),
        ),
        Facet("size", attributes.row_view, (SIZE,), "recovery point", "recovery points", "newest recovery point"),
    )
}
FACETS["malware"] = dataclasses.replace(FACETS["malware"], view=attributes.malware_view)

# The facet of each kind, for ``kinds: {log: {newest_within: 1h}}``.
KIND_FACETS: dict[str, Facet] = {
    kind: Facet(
        f"kinds.{kind}",
        attributes.kinds_view((kind,)),
        _REGULAR,
        f"{kind.replace('_', ' ')} point",
        f"{kind.replace('_', ' ')} points",
        f"newest {kind.replace('_', ' ')} point",
    )
    for kind in KINDS
}


def attribute_for_kinds(kinds: tuple[str, ...]) -> Facet:
    """Return the facet recovery_points for a policy that specifies the kinds that count."""
    return dataclasses.replace(FACETS["recovery_points"], view=attributes.kinds_view(kinds))


def rules_by_name(facet: Facet) -> dict[str, Rule]:
    """Return the rules of a facet by name."""
    return {rule.name: rule for rule in facet.rules}
