# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two tables of the policy language: RULES (the requirements) and ATTRIBUTES (what they apply to)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS
from ansible_collections.backup.audit.plugins.module_utils._policy.rules import (
    ages,
    counts,
    locations,
    regularity,
    sizes,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules import states as state_rules
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Evaluate
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.local_days import PERIODS
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import HOLE, Wording, counted


@dataclasses.dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that points have or do not have, and the rules for it."""

    name: str
    states: state_rules.Attribute
    rules: tuple[Rule, ...]
    # Names of one such point and of several.
    one: str
    many: str
    # The tests whose age ``max_age`` measures, if it does not measure the age of points.
    test: str = ""
    # Names of points that have the attribute or do not have it.
    has: str = ""
    has_not: str = ""
    # The unknown property of points that may have the attribute.
    fact: str = ""
    # Name of an additional item that is counted.
    plus: str = ""
    # Keys of an attribute that are not rules.
    options: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its argument, its evaluator, and how the rows of a combined workload are evaluated."""

    name: str
    argument: str
    evaluate: Evaluate
    wording: Callable[[Attribute, str, str], Wording]
    # "union": the points of all rows together. "every": each row must pass. "with_points": each row that has points.
    combine: str = "union"
    # Whether values approach the limit from below, so that warn_at applies.
    ceiling: bool = False
    within: bool = False
    # Keys that the rule requires instead of ``limit``.
    keys: tuple[str, ...] = ()


def _min_count(attribute: Attribute, limit: str, window: str) -> Wording:
    within = f" in the last {window}" if window else ""
    text = f"{counted(attribute.one, attribute.many)}{within}, at least {limit} required"
    return Wording(text, text, text, f"{attribute.many}{within}", f"at least {limit} required", attribute.fact)


def _max_age(attribute: Attribute, limit: str, _window: str) -> Wording:
    test = attribute.test
    text = f"newest {test or attribute.one} is {HOLE} old (maximum {limit})"
    empty = f"no {f'{test}s' if test else attribute.many} (newest must be at most {limit} old)"
    subject = f"{test} age" if test else f"age of the newest {attribute.one}"
    return Wording(text, text, empty, subject, f"maximum {limit}", attribute.fact)


def _max_count(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"{counted(attribute.one, attribute.many)}, at most {limit} allowed"
    return Wording(text, text, text, attribute.many, f"at most {limit} allowed", attribute.fact)


def _max_retention(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"oldest {attribute.one} is {HOLE} old (maximum {limit})"
    subject = f"age of the oldest {attribute.one}"
    return Wording(text, text, text, subject, f"maximum {limit}", attribute.fact)


def _min_coverage(attribute: Attribute, limit: str, window: str) -> Wording:
    text = f"{HOLE} of the last {window} covered by {attribute.many}, at least {limit} required"
    subject = f"time covered by {attribute.many} in the last {window}"
    return Wording(text, text, text, subject, f"at least {limit} required", attribute.fact)


def _max_failed_runs(_attribute: Attribute, limit: str, window: str) -> Wording:
    within = f" in the last {window}" if window else ""
    text = f"{counted('failed run', 'failed runs')}{within}, at most {limit} allowed"
    return Wording(text, text, text, f"failed runs{within}", f"at most {limit} allowed", "status")


def _min_lock(attribute: Attribute, limit: str, _window: str) -> Wording:
    text = f"the longest lock of a recovery point lasts {HOLE}, at least {limit} required"
    empty = f"no {attribute.many} (a lock of at least {limit} is required)"
    return Wording(text, text, empty, "duration of the longest lock", f"at least {limit} required", attribute.fact)


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
    too_old = f"no {attribute.one}{within} (maximum gap {limit})"
    return Wording(text, text, empty, gap, f"maximum {limit}", attribute.fact, too_old)


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


MIN_COUNT = Rule("min_count", "count", counts.min_count, _min_count, within=True)
MAX_COUNT = Rule("max_count", "count_or_zero", counts.max_count, _max_count, combine="every", ceiling=True)
MAX_AGE = Rule("max_age", "duration", ages.max_age, _max_age, ceiling=True)
TESTED_MAX_AGE = Rule("max_age", "duration", ages.tested_max_age, _max_age, ceiling=True)
CHECKED_MAX_AGE = Rule("max_age", "duration", ages.checked_max_age, _max_age, ceiling=True)
MAX_RESTORE_TIME = Rule(
    "max_restore_time", "duration", ages.max_restore_time, _max_restore_time, combine="every", ceiling=True
)
MIN_RETENTION = Rule("min_retention", "duration", ages.min_retention, _min_retention)
MAX_RETENTION = Rule("max_retention", "duration", ages.max_retention, _max_retention, ceiling=True)
MIN_LOCK = Rule("min_lock", "duration", ages.min_lock, _min_lock)
MAX_GAP = Rule("max_gap", "duration", regularity.max_gap, _max_gap, ceiling=True, within=True)
CONSECUTIVE = tuple(
    Rule(period, "count", regularity.consecutive(period), _consecutive(name))
    for period, name in zip(PERIODS, ("day", "week", "month", "year"), strict=True)
)
MIN_COVERAGE = Rule(
    "min_coverage", "share", regularity.min_coverage, _min_coverage, keys=("percent", "max_age", "within")
)
MAX_FAILED_RUNS = Rule(
    "max_failed_runs", "count_or_zero", counts.max_failed_runs, _max_failed_runs, "every", ceiling=True, within=True
)
EVERY = Rule("all", "flag", counts.every, _all, combine="with_points", within=True)
NONE = Rule("none", "flag", counts.none, _none, combine="with_points", within=True)
# "All are clean" and "none is infected" are the same requirement.
ALL_CLEAN = Rule("all", "flag", counts.none, _none, combine="with_points", within=True)
LOCATIONS_MIN_COUNT = Rule("min_count", "count", locations.locations_min_count, _locations())
COPIES_MIN_COUNT = Rule("min_count", "count", locations.locations_min_count, _copies)
MIN_TYPES = Rule("min_types", "count", locations.min_types, _locations("location type", "location types"))
LOCATIONS_MAX_AGE = Rule("max_age", "duration", locations.locations_max_age, _locations_max_age, ceiling=True)
MIN_PERCENT_OF_MEDIAN = Rule(
    "min_percent_of_median", "percent", sizes.min_percent_of_median, _min_percent_of_median, combine="every"
)

RULES = (
    *(MIN_COUNT, MAX_COUNT, MAX_AGE, TESTED_MAX_AGE, CHECKED_MAX_AGE, MAX_RESTORE_TIME, MIN_RETENTION, MAX_RETENTION),
    *(MIN_LOCK, MAX_GAP, *CONSECUTIVE, MIN_COVERAGE, MAX_FAILED_RUNS, EVERY, NONE, ALL_CLEAN, LOCATIONS_MIN_COUNT),
    *(COPIES_MIN_COUNT, MIN_TYPES, LOCATIONS_MAX_AGE, MIN_PERCENT_OF_MEDIAN),
)

_POINTS = (MIN_COUNT, MAX_AGE, MIN_RETENTION)
_REGULAR = (MIN_COUNT, MAX_COUNT, MAX_AGE, MIN_RETENTION, MAX_RETENTION, MAX_GAP, *CONSECUTIVE, MIN_COVERAGE)
_TEST_RULES = (MIN_COUNT, TESTED_MAX_AGE, MIN_RETENTION, EVERY, NONE, MAX_RESTORE_TIME)
_CHECK_RULES = (MIN_COUNT, CHECKED_MAX_AGE, MIN_RETENTION, EVERY, NONE)


def _fact(name: str, rules: tuple[Rule, ...], word: str, fact: str, test: str = "") -> Attribute:
    point = f"{word} recovery point"
    states = state_rules.FACTS[name]
    return Attribute(name, states, rules, point, f"{point}s", test, word, f"not {word}", fact)


def _point_attribute(name: str, rules: tuple[Rule, ...], one: str, many: str, *options: str) -> Attribute:
    return Attribute(name, state_rules.RECOVERY_POINTS, rules, one, many, fact="usability", options=options)


# A point with an unknown backup type or usability may be of a given type.
_TYPE_FACT = "backup type or usability"
_BAD = "suspicious or infected"
_POINT = ("recovery point", "recovery points")

ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute
    for attribute in (
        _point_attribute("recovery_points", (*_REGULAR, MAX_FAILED_RUNS), *_POINT, "backup_types"),
        Attribute("full", state_rules.FULL, _REGULAR, "full backup", "full backups", fact=_TYPE_FACT),
        _fact("restore_tested", _TEST_RULES, "restore-tested", "restore test result", test="restore test"),
        _fact("integrity_checked", _CHECK_RULES, "integrity-checked", "integrity check result", test="integrity check"),
        _fact("offsite", (*_POINTS, EVERY, NONE), "off-site", "off-site status"),
        _fact("immutable", (*_POINTS, EVERY, NONE, MIN_LOCK), "immutable", "immutability"),
        _fact("encrypted", (*_POINTS, EVERY, NONE), "encrypted", "encryption status"),
        Attribute(
            *("malware", state_rules.MALWARE, (ALL_CLEAN, NONE), f"{_BAD} recovery point", f"{_BAD} recovery points"),
            *("", _BAD, f"not {_BAD}", "malware scan result"),
        ),
        _point_attribute("locations", (LOCATIONS_MIN_COUNT, MIN_TYPES, LOCATIONS_MAX_AGE), "location", "locations"),
        _point_attribute("copies", (COPIES_MIN_COUNT,), "copy", "copies", "include_production"),
        _point_attribute("size", (MIN_PERCENT_OF_MEDIAN,), *_POINT),
    )
}


def _kind(kind: str) -> Attribute:
    word = f"{kind.replace('_', ' ')} recovery point"
    names = (word, f"{word}s")
    if kind == "unknown":
        names = ("recovery point of unknown type", "recovery points of unknown type")
    if kind == "backup":
        names = ("backup of unreported type", "backups of unreported type")
    name = f"backup_types.{kind}"
    return Attribute(name, state_rules.build_kind_attribute(name, (kind,)), _REGULAR, *names, fact=_TYPE_FACT)


# Attributes by kind, for ``backup_types: {log: {max_age: 1h}}``.
KIND_ATTRIBUTES: dict[str, Attribute] = {kind: _kind(kind) for kind in KINDS}


def attribute_for_backup_types(kinds: tuple[str, ...]) -> Attribute:
    """Return the attribute recovery_points for a policy that sets the kinds that count."""
    states = state_rules.build_kind_attribute("recovery_points", kinds)
    return dataclasses.replace(ATTRIBUTES["recovery_points"], states=states, fact=_TYPE_FACT)


def attribute_with_production(copies: Attribute) -> Attribute:
    """Return the attribute copies for a policy that counts production as a copy."""
    return dataclasses.replace(copies, plus=", plus production")


def rules_by_name(attribute: Attribute) -> dict[str, Rule]:
    """Return the rules of an attribute by name."""
    return {rule.name: rule for rule in attribute.rules}
