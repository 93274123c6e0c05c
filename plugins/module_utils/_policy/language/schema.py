# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two tables of the policy language: RULES (the requirements) and ATTRIBUTES (what they apply to)."""

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
class Attribute:
    """A property that points have or do not have, and the rules that apply to it."""

    name: str
    view: Callable[[Row, frozenset[int]], View]
    rules: tuple[Rule, ...]
    one: str
    many: str
    # What ``max_age`` measures, and the names of points that have it or do not have it.
    newest: str
    has: str = ""
    has_not: str = ""
    # Keys of an attribute that are not rules.
    options: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its argument, its evaluator, and how the outcomes of several rows are merged."""

    name: str
    argument: str
    evaluate: Evaluate
    wording: Callable[[Attribute, str, str], Wording]
    # best | worst | furthest; a count with "best" can be added up (``independent``).
    combine: str = "best"
    adds: bool = False
    # Whether values approach the limit from below, so that warn_at applies.
    ceiling: bool = False
    within: bool = False


def _word_min_count(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"number of {attribute.many} is {HOLE}, wanted are at least {limit}"
    return Wording(text, text, text, f"there are at least {limit} {attribute.many}")


def _newest(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"{attribute.newest} is {HOLE} old, allowed are {limit}"
    empty = f"there is no {attribute.one}, the newest may be {limit} old"
    return Wording(text, text, empty, f"the {attribute.newest} is at most {limit} old")


def _min_retention(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"oldest {attribute.one} is {HOLE} old, wanted is at least {limit}"
    empty = f"there is no {attribute.one}, the oldest must be at least {limit} old"
    return Wording(text, text, empty, f"the oldest {attribute.one} is at least {limit} old")


def _gap(attribute: Attribute, limit: str, window: str) -> Wording:
    window = f" in the last {window}" if window else ""
    text = f"longest time without a new {attribute.one}{window} is {HOLE}, allowed are {limit}"
    empty = f"there is no {attribute.one}, the longest time without a new one may be {limit}"
    return Wording(text, text, empty, f"the longest time without a new {attribute.one}{window} is at most {limit}")


def _in_a_row(period: str) -> Callable[[Attribute, str, str], Wording]:
    def wording(attribute: Attribute, limit: str, _window: str) -> Wording:
        text = f"number of {period} in a row with a {attribute.one} is {HOLE}, wanted are at least {limit}"
        return Wording(text, text, text, f"there are at least {limit} {period} in a row with a {attribute.one}")

    return wording


def _every(attribute: Attribute, _limit: str, window: str) -> Wording:
    window = f" of the last {window}" if window else ""
    broken = f"number of recovery points that are {attribute.has_not} is {HOLE}, allowed are none"
    if window:
        broken = f"not every recovery point{window} is {attribute.has}"
    return Wording(
        f"every recovery point{window} is {attribute.has}",
        broken,
        f"there is no recovery point{window}, so none is {attribute.has}",
        f"every recovery point{window} is {attribute.has}",
    )


def _none(attribute: Attribute, _limit: str, window: str) -> Wording:
    window = f" of the last {window}" if window else ""
    broken = f"number of recovery points that are {attribute.has} is {HOLE}, allowed are none"
    if window:
        broken = f"there are recovery points{window} that are {attribute.has}, allowed are none"
    return Wording(
        f"no recovery point{window} is {attribute.has}",
        broken,
        f"there is no recovery point{window}, so nothing is proved",
        f"no recovery point{window} is {attribute.has}",
    )


def _places(noun: str) -> Callable[[Attribute, str, str], Wording]:
    def wording(attribute: Attribute, limit: str, window: str) -> Wording:
        many = f"{noun or attribute.many} with a recovery point" + (f" at most {window} old" if window else "")
        text = f"number of {many} is {HOLE}, wanted are at least {limit}"
        return Wording(text, text, text, f"there are at least {limit} {many}")

    return wording


def _size(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"{attribute.newest} has {HOLE} of the median size of its kind, wanted is at least {limit}"
    empty = f"there is no {attribute.one}, the newest must have {limit} of the median size of its kind"
    return Wording(text, text, empty, f"the {attribute.newest} has at least {limit} of the median size of its kind")


def _restored(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"the newest restore test took {HOLE}, allowed are {limit}"
    return Wording(text, text, text, f"it can be restored within {limit}")


MIN_COUNT = Rule("min_count", "count", counts_and_ages.min_count, _word_min_count, adds=True)
MAX_AGE = Rule("max_age", "duration", counts_and_ages.max_age, _newest, ceiling=True)
TESTED_MAX_AGE = Rule("max_age", "duration", counts_and_ages.tested_max_age, _newest, ceiling=True)
MAX_RESTORE_TIME = Rule("max_restore_time", "duration", counts_and_ages.max_restore_time, _restored, ceiling=True)
MIN_RETENTION = Rule("min_retention", "duration", counts_and_ages.min_retention, _min_retention)
MAX_GAP = Rule("max_gap", "duration", gaps.max_gap, _gap, combine="furthest", ceiling=True, within=True)
IN_A_ROW = tuple(
    Rule(rule, "count", periods.in_a_row(period), _in_a_row(period)) for rule, period in periods.RULES.items()
)
EVERY = Rule("all", "flag", counts_and_ages.every, _every, combine="worst", within=True)
NONE = Rule("none", "flag", counts_and_ages.none, _none, combine="worst", within=True)
# "All are clean" and "none is infected" are the same requirement.
ALL_CLEAN = Rule("all", "flag", counts_and_ages.none, _none, combine="worst", within=True)
LOCATIONS_MIN_COUNT = Rule("min_count", "count", places.locations_min_count, _places(""), adds=True)
MIN_TYPES = Rule("min_types", "count", places.min_types, _places("types of location"))
LOCATIONS_MAX_AGE = Rule("max_age", "duration", places.locations_max_age, _newest, ceiling=True)
MIN_PERCENT_OF_MEDIAN = Rule("min_percent_of_median", "percent", sizes.min_percent_of_median, _size, combine="worst")

RULES = (
    *(MIN_COUNT, MAX_AGE, TESTED_MAX_AGE, MAX_RESTORE_TIME, MIN_RETENTION, MAX_GAP, *IN_A_ROW),
    *(EVERY, NONE, ALL_CLEAN, LOCATIONS_MIN_COUNT, MIN_TYPES, LOCATIONS_MAX_AGE, MIN_PERCENT_OF_MEDIAN),
)

_POINTS = (MIN_COUNT, MAX_AGE, MIN_RETENTION)
_TESTS = (MIN_COUNT, TESTED_MAX_AGE, MIN_RETENTION, EVERY, NONE)
_REGULAR = (*_POINTS, MAX_GAP, *IN_A_ROW)


def _fact(
    name: str, rules: tuple[Rule, ...], word: str, newest: str | None = None, has: str | None = None
) -> Attribute:
    has = has or word
    point = f"{word} recovery point"
    return Attribute(
        name, attributes.fact_view(name), rules, point, f"{point}s", newest or f"newest {point}", has, f"not {has}"
    )


ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute
    for attribute in (
        Attribute(
            "recovery_points",
            attributes.recovery_points_view,
            _REGULAR,
            "recovery point",
            "recovery points",
            "newest recovery point",
            options=("backup_types",),
        ),
        Attribute("full", attributes.fact_view("full"), _REGULAR, "full backup", "full backups", "newest full backup"),
        _fact(
            "restore_tested",
            (*_TESTS, MAX_RESTORE_TIME),
            "restore-tested",
            "newest test by a restore or a boot",
            "verified by a restore or a boot",
        ),
        _fact("integrity_checked", _TESTS, "integrity-checked", "newest check of a recovery point"),
        _fact("offsite", (*_POINTS, EVERY, NONE), "off-site"),
        _fact("immutable", (*_POINTS, EVERY, NONE), "immutable"),
        _fact("encrypted", (*_POINTS, EVERY, NONE), "encrypted"),
        _fact("malware", (ALL_CLEAN, NONE), "suspicious or infected"),
        Attribute(
            "locations",
            attributes.row_view,
            (LOCATIONS_MIN_COUNT, MIN_TYPES, LOCATIONS_MAX_AGE),
            "recovery point in a known location",
            "locations",
            "newest recovery point in a known location",
        ),
        Attribute(
            "copies",
            attributes.row_view,
            (LOCATIONS_MIN_COUNT,),
            "copy",
            "copies",
            "newest copy",
            options=("include_production",),
        ),
        Attribute(
            "size",
            attributes.row_view,
            (MIN_PERCENT_OF_MEDIAN,),
            "recovery point",
            "recovery points",
            "newest recovery point",
        ),
    )
}
ATTRIBUTES["malware"] = dataclasses.replace(ATTRIBUTES["malware"], view=attributes.malware_view)

# The attribute of each kind, for ``backup_types: {log: {max_age: 1h}}``.
KIND_ATTRIBUTES: dict[str, Attribute] = {
    kind: Attribute(
        f"backup_types.{kind}",
        attributes.kinds_view((kind,)),
        _REGULAR,
        f"{kind.replace('_', ' ')} point",
        f"{kind.replace('_', ' ')} points",
        f"newest {kind.replace('_', ' ')} point",
    )
    for kind in KINDS
}


def attribute_for_backup_types(kinds: tuple[str, ...]) -> Attribute:
    """Return the attribute recovery_points for a policy that specifies the kinds that count."""
    return dataclasses.replace(ATTRIBUTES["recovery_points"], view=attributes.kinds_view(kinds))


def rules_by_name(attribute: Attribute) -> dict[str, Rule]:
    """Return the rules of an attribute by name."""
    return {rule.name: rule for rule in attribute.rules}
