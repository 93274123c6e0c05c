# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy documents: limits, options and settings of every rule. Documents are expected to be valid."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.reference.days import ALL_WEEKDAYS, Calendar, calendar

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
WEEKDAY_NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SETTINGS = ["on_unknown", "warn_at", "accept", "weekdays"]
CALENDAR_KEYS = ["timezone", "day_start"]
FACTS = ["restore_tested", "integrity_checked", "offsite", "immutable", "encrypted", "malware"]
ATTRIBUTES = ["recovery_points", "full", *FACTS, "locations", "copies", "size"]
DURATION_RULES = ["max_age", "min_retention", "max_retention", "max_gap", "max_restore_time", "min_lock"]
WARN_RULES = ["max_age", "max_gap", "max_restore_time", "max_count", "max_retention", "max_failed_runs"]


def parse_seconds(duration: str) -> int:
    return int(duration[:-1]) * UNIT_SECONDS[duration[-1]]


def parse_percent(text: str) -> int:
    return int(text.removesuffix("%"))


def parse_weekdays(items: list[str]) -> frozenset[int]:
    days: list[int] = []
    for item in items:
        first, _dots, last = item.partition("..")
        day = WEEKDAY_NAMES.index(first)
        days.append(day)
        while last and WEEKDAY_NAMES[day] != last:
            day = (day + 1) % 7
            days.append(day)
    return frozenset(days)


@dataclass(frozen=True)
class Rule:
    """One rule of a policy with all settings for its evaluation."""

    attribute: str
    name: str
    # A number or seconds; for `min_coverage` and `min_percent_of_median` a percentage; 0 for `all` and `none`.
    limit: int
    within: int | None
    # Only for `min_coverage`.
    coverage_age: int
    # The limit m of `locations` and `copies`.
    location_age: int | None
    on_unknown: str
    warn_at: int | None
    accept: tuple[str, ...]
    calendar: Calendar
    # `recovery_points.backup_types`; null means the default kinds.
    kinds: tuple[str, ...] | None
    include_production: bool

    @property
    def control(self) -> str:
        return f"{self.attribute}.{self.name}"


def get_limit(name: str, value: Any) -> int:
    """Return the limit of a rule, which is a value or in a mapping."""
    if name == "min_coverage":
        return parse_percent(value["percent"])
    if isinstance(value, dict):
        value = value.get("limit", 0)
    if name in DURATION_RULES:
        return parse_seconds(value)
    if name == "min_percent_of_median":
        return parse_percent(value)
    return int(value)


def setting(key: str, levels: list[dict[str, Any]], default: Any) -> Any:
    """Return the most specific value of a setting."""
    for level in levels:
        if key in level:
            return level[key]
    return default


def get_location_age(policy: dict[str, Any]) -> int | None:
    for attribute in ["locations", "recovery_points"]:
        if "max_age" in policy.get(attribute, {}):
            return get_limit("max_age", policy[attribute]["max_age"])
    return None


def get_attributes(policy: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = [(name, policy[name]) for name in ATTRIBUTES if name in policy]
    for kind, value in policy.get("backup_types", {}).items():
        found.append((f"backup_types.{kind}", value))
    return found


def get_calendar(levels: list[dict[str, Any]], policy: dict[str, Any], options: dict[str, Any]) -> Calendar:
    weekdays = setting("weekdays", [*levels, options], None)
    return calendar(
        setting("timezone", [policy, options], "UTC"),
        setting("day_start", [policy, options], "00:00"),
        ALL_WEEKDAYS if weekdays is None else parse_weekdays(weekdays),
    )


def read_rules(policy: dict[str, Any], options: dict[str, Any]) -> list[Rule]:
    rules: list[Rule] = []
    for attribute, entries in get_attributes(policy):
        for name, value in entries.items():
            if name in [*SETTINGS, "backup_types", "include_production"]:
                continue
            own: dict[str, Any] = value if isinstance(value, dict) else {}
            levels = [own, entries, policy]
            warn_at = setting("warn_at", levels, None)
            kinds = entries.get("backup_types") if attribute == "recovery_points" else None
            rules.append(
                Rule(
                    attribute=attribute,
                    name=name,
                    limit=get_limit(name, value),
                    within=parse_seconds(own["within"]) if "within" in own else None,
                    coverage_age=parse_seconds(own["max_age"]) if name == "min_coverage" else 0,
                    location_age=get_location_age(policy),
                    on_unknown=setting("on_unknown", levels, "fail"),
                    warn_at=parse_percent(warn_at) if warn_at is not None and name in WARN_RULES else None,
                    accept=("reported", *setting("accept", levels, [])),
                    calendar=get_calendar(levels, policy, options),
                    kinds=None if kinds is None else tuple(kinds),
                    include_production=entries.get("include_production", True),
                )
            )
    return rules


def matches_pattern(value: str | None, patterns: Any) -> bool:
    """Compare a value with a shell pattern or a list of them, ignoring case. Unknown values match nothing."""
    if value is None:
        return False
    for pattern in patterns if isinstance(patterns, list) else [patterns]:
        if fnmatchcase(value.casefold(), pattern.casefold()):
            return True
    return False


def matches(conditions: dict[str, Any], values: dict[str, str | None], in_inventory: bool | None) -> bool:
    """Return whether all conditions of a `match` are true for a workload."""
    for key, wanted in conditions.items():
        if key == "in_inventory":
            if wanted is not in_inventory:
                return False
        elif not matches_pattern(values[key], wanted):
            return False
    return True
