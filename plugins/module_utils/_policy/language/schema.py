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
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    HOLE,
    Evaluate,
    Row,
    View,
    Wording,
    counted,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Attribute:
    """A property that points have or do not have, and the rules that apply to it."""

    name: str
    view: Callable[[Row, frozenset[int]], View]
    rules: tuple[Rule, ...]
    # Names of one such point and of several.
    one: str
    many: str
    # The tests whose age ``max_age`` measures, if it is not the age of points.
    test: str = ""
    # Names of points that have the attribute or do not have it.
    has: str = ""
    has_not: str = ""
    # What is unknown about points that may have it.
    fact: str = ""
    # What is counted in addition.
    plus: str = ""
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


def _min_count(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"{counted(attribute.one, attribute.many)}, at least {limit} required"
    return Wording(text, text, text, attribute.many, f"at least {limit} required", attribute.fact)


def _max_age(attribute: Attribute, limit: str, _window: str) -> Wording:
    test = attribute.test
    text = f"newest {test or attribute.one} is {HOLE} old (maximum {limit})"
    empty = f"no {f'{test}s' if test else attribute.many} (newest must be at most {limit} old)"
    subject = f"{test} age" if test else f"age of the newest {attribute.one}"
    return Wording(text, text, empty, subject, f"maximum {limit}", attribute.fact)


def _min_retention(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"oldest {attribute.one} is {HOLE} old, at least {limit} required"
    empty = f"no {attribute.many} (oldest must be at least {limit} old)"
    subject = f"age of the oldest {attribute.one}"
    return Wording(text, text, empty, subject, f"at least {limit} required", attribute.fact)


def _max_gap(attribute: Attribute, limit: str, window: str) -> Wording:
    within = f" in the last {window}" if window else ""
    gap = f"longest gap without a new {attribute.one}{within}"
    text = f"{gap} is {HOLE} (maximum {limit})"
    empty = f"no {attribute.many} (maximum gap {limit})"
    too_old = f"no {attribute.one}{within} (newest is {HOLE} old; maximum gap {limit})"
    too_long = f"longest gap ending{within} is {HOLE} without a new {attribute.one} (maximum {limit})"
    return Wording(text, text, empty, gap, f"maximum {limit}", attribute.fact, too_old, too_long)


def _consecutive(period: str) -> Callable[[Attribute, str, str], Wording]:
    def wording(attribute: Attribute, limit: str, _window: str) -> Wording:
        rest = f" with a {attribute.one}" if attribute.one[0] not in "aeiou" else f" with an {attribute.one}"
        text = f"{counted(f'consecutive {period}', f'consecutive {period}s')}{rest}, at least {limit} required"
        return Wording(text, text, text, f"consecutive {period}s{rest}", f"at least {limit} required", attribute.fact)

    return wording


def _all(attribute: Attribute, _limit: str, window: str) -> Wording:
    within = f" from the last {window}" if window else ""
    failed = f"not all recovery points{within} are {attribute.has}"
    if not window:
        failed = (
            f"{counted('recovery point is', 'recovery points are')} {attribute.has_not} (all must be {attribute.has})"
        )
    return Wording(
        f"all recovery points{within} are {attribute.has}",
        failed,
        f"no recovery points{within} (at least 1 required, and all must be {attribute.has})",
        f"cannot verify that all recovery points{within} are {attribute.has}",
        "",
        attribute.fact,
    )


def _none(attribute: Attribute, _limit: str, window: str) -> Wording:
    within = f" from the last {window}" if window else ""
    failed = f"at least one recovery point{within} is {attribute.has} (none allowed)"
    if not window:
        failed = f"{counted('recovery point is', 'recovery points are')} {attribute.has} (none allowed)"
    return Wording(
        f"no recovery point{within} is {attribute.has}",
        failed,
        f"no recovery points{within} (at least 1 required, and none {attribute.has})",
        f"cannot verify that no recovery point{within} is {attribute.has}",
        "",
        attribute.fact,
    )


def _locations(one: str = "", many: str = "") -> Callable[[Attribute, str, str], Wording]:
    def wording(attribute: Attribute, limit: str, window: str) -> Wording:
        names = (one or attribute.one, many or attribute.many)
        rest = f" with a recovery point at most {window} old" if window else " with a recovery point"
        text = f"{counted(*names)}{rest}, at least {limit} required"
        subject = f"{names[1]}{rest}" if window else names[1]
        return Wording(text, text, text, subject, f"at least {limit} required")

    return wording


def _copies(attribute: Attribute, limit: str, window: str) -> Wording:
    what = f"locations with a recovery point{f' at most {window} old' if window else ''}{attribute.plus}"
    text = f"{counted(attribute.one, attribute.many)} ({what}), at least {limit} required"
    return Wording(text, text, text, f"{attribute.many} ({what})", f"at least {limit} required")


def _locations_max_age(attribute: Attribute, limit: str, window: str) -> Wording:
    known = dataclasses.replace(
        attribute, one="recovery point in a known location", many="recovery points in a known location"
    )
    return _max_age(known, limit, window)


def _min_percent_of_median(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"size of the newest {attribute.one} is {HOLE} of the median for its backup type (minimum {limit})"
    empty = f"no {attribute.many} (size of the newest must be at least {limit} of the median for its backup type)"
    subject = f"relative size of the newest {attribute.one}"
    return Wording(text, text, empty, subject, f"minimum {limit} of the median for its backup type")


def _max_restore_time(_attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"newest restore test took {HOLE} (maximum {limit})"
    return Wording(text, text, text, "restore time", f"maximum {limit}")


MIN_COUNT = Rule("min_count", "count", counts_and_ages.min_count, _min_count, adds=True)
MAX_AGE = Rule("max_age", "duration", counts_and_ages.max_age, _max_age, ceiling=True)
TESTED_MAX_AGE = Rule("max_age", "duration", counts_and_ages.tested_max_age, _max_age, ceiling=True)
MAX_RESTORE_TIME = Rule(
    "max_restore_time", "duration", counts_and_ages.max_restore_time, _max_restore_time, ceiling=True
)
MIN_RETENTION = Rule("min_retention", "duration", counts_and_ages.min_retention, _min_retention)
MAX_GAP = Rule("max_gap", "duration", gaps.max_gap, _max_gap, combine="furthest", ceiling=True, within=True)
IN_A_ROW = tuple(
    Rule(rule, "count", periods.in_a_row(period), _consecutive(period.removesuffix("s")))
    for rule, period in periods.RULES.items()
)
EVERY = Rule("all", "flag", counts_and_ages.every, _all, combine="worst", within=True)
NONE = Rule("none", "flag", counts_and_ages.none, _none, combine="worst", within=True)
# "All are clean" and "none is infected" are the same requirement.
ALL_CLEAN = Rule("all", "flag", counts_and_ages.none, _none, combine="worst", within=True)
LOCATIONS_MIN_COUNT = Rule("min_count", "count", places.locations_min_count, _locations(), adds=True)
COPIES_MIN_COUNT = Rule("min_count", "count", places.locations_min_count, _copies, adds=True)
MIN_TYPES = Rule("min_types", "count", places.min_types, _locations("location type", "location types"))
LOCATIONS_MAX_AGE = Rule("max_age", "duration", places.locations_max_age, _locations_max_age, ceiling=True)
MIN_PERCENT_OF_MEDIAN = Rule(
    "min_percent_of_median", "percent", sizes.min_percent_of_median, _min_percent_of_median, combine="worst"
)

RULES = (
    *(MIN_COUNT, MAX_AGE, TESTED_MAX_AGE, MAX_RESTORE_TIME, MIN_RETENTION, MAX_GAP, *IN_A_ROW),
    *(
        EVERY,
        NONE,
        ALL_CLEAN,
        LOCATIONS_MIN_COUNT,
        COPIES_MIN_COUNT,
        MIN_TYPES,
        LOCATIONS_MAX_AGE,
        MIN_PERCENT_OF_MEDIAN,
    ),
)

_POINTS = (MIN_COUNT, MAX_AGE, MIN_RETENTION)
_TESTS = (MIN_COUNT, TESTED_MAX_AGE, MIN_RETENTION, EVERY, NONE)
_REGULAR = (*_POINTS, MAX_GAP, *IN_A_ROW)


def _fact(name: str, rules: tuple[Rule, ...], word: str, fact: str, test: str = "") -> Attribute:
    point = f"{word} recovery point"
    return Attribute(name, attributes.fact_view(name), rules, point, f"{point}s", test, word, f"not {word}", fact)


# A point whose backup type or usability is unknown may be one of a given type.
_TYPE_FACT = "backup type or usability"

ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute
    for attribute in (
        Attribute(
            "recovery_points",
            attributes.recovery_points_view,
            _REGULAR,
            "recovery point",
            "recovery points",
            fact="usability",
            options=("backup_types",),
        ),
        Attribute("full", attributes.fact_view("full"), _REGULAR, "full backup", "full backups", fact=_TYPE_FACT),
        _fact(
            "restore_tested", (*_TESTS, MAX_RESTORE_TIME), "restore-tested", "restore test result", test="restore test"
        ),
        _fact("integrity_checked", _TESTS, "integrity-checked", "integrity check result", test="integrity check"),
        _fact("offsite", (*_POINTS, EVERY, NONE), "off-site", "off-site status"),
        _fact("immutable", (*_POINTS, EVERY, NONE), "immutable", "immutability"),
        _fact("encrypted", (*_POINTS, EVERY, NONE), "encrypted", "encryption status"),
        _fact("malware", (ALL_CLEAN, NONE), "suspicious or infected", "malware scan result"),
        Attribute(
            "locations",
            attributes.row_view,
            (LOCATIONS_MIN_COUNT, MIN_TYPES, LOCATIONS_MAX_AGE),
            "location",
            "locations",
        ),
        Attribute(
            "copies", attributes.row_view, (COPIES_MIN_COUNT,), "copy", "copies", options=("include_production",)
        ),
        Attribute("size", attributes.row_view, (MIN_PERCENT_OF_MEDIAN,), "recovery point", "recovery points"),
    )
}
ATTRIBUTES["malware"] = dataclasses.replace(ATTRIBUTES["malware"], view=attributes.malware_view)


def _kind(kind: str) -> Attribute:
    word = f"{kind.replace('_', ' ')} recovery point"
    names = (word, f"{word}s")
    if kind == "unknown":
        names = ("recovery point of unknown type", "recovery points of unknown type")
    return Attribute(f"backup_types.{kind}", attributes.kinds_view((kind,)), _REGULAR, *names, fact=_TYPE_FACT)


# The attribute of each kind, for ``backup_types: {log: {max_age: 1h}}``.
KIND_ATTRIBUTES: dict[str, Attribute] = {kind: _kind(kind) for kind in KINDS}


def attribute_for_backup_types(kinds: tuple[str, ...]) -> Attribute:
    """Return the attribute recovery_points for a policy that specifies the kinds that count."""
    return dataclasses.replace(ATTRIBUTES["recovery_points"], view=attributes.kinds_view(kinds), fact=_TYPE_FACT)


def attribute_with_production(copies: Attribute) -> Attribute:
    """Return the attribute copies for a policy that counts production as a copy."""
    return dataclasses.replace(copies, plus=", plus production")


def rules_by_name(attribute: Attribute) -> dict[str, Rule]:
    """Return the rules of an attribute by name."""
    return {rule.name: rule for rule in attribute.rules}
