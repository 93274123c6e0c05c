# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies and the options next to them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference.days import ALL_WEEKDAYS, calendar
from tests.reference.estate import Result
from tests.reference.policies import WARN_RULES, parse_percent, parse_seconds, parse_weekdays
from tests.reference.random_limits import Limits, duration
from tests.reference.random_points import DAY, KINDS, weighted
from tests.reference.random_results import PLATFORMS, WORKLOAD_TYPES
from tests.reference.random_themes import theme_rules
from tests.reference.views import View

KIND_RULES = ["min_count", "max_count", "max_age", "min_retention", "max_retention", "max_gap"]
KIND_RULES += ["daily", "weekly", "monthly", "yearly", "min_coverage"]
FACT_RULES = ["min_count", "max_age", "min_retention", "all", "none"]
RULES: dict[str, list[str]] = {
    "recovery_points": [*KIND_RULES, "max_failed_runs"],
    "full": KIND_RULES,
    "restore_tested": [*FACT_RULES, "max_restore_time"],
    "integrity_checked": FACT_RULES,
    "offsite": FACT_RULES,
    "immutable": [*FACT_RULES, "min_lock"],
    "encrypted": FACT_RULES,
    "malware": ["all", "none"],
    "locations": ["min_count", "min_types", "max_age"],
    "copies": ["min_count"],
    "size": ["min_percent_of_median"],
}
# Rules with elapsed time, or with days.
WEEKDAY_RULES = ["max_age", "min_retention", "max_retention", "max_gap", "daily", "min_coverage"]
WEEKDAYS = [["mon..fri"], ["mon..fri"], ["sat..sun"], ["mon", "wed", "fri"], ["mon..sun"], ["fri..mon"]]
WARN_AT = ["50%", "80%", "99%"]
ACCEPT = [["reported"], ["reported", "inferred"], ["reported", "declared"], ["reported", "inferred", "declared"]]
MISSING_NAMES = ["db9", "web02", "web01.prod"]


class PolicyMaker:
    """Creates policies with limits based on the rows of an environment."""

    def __init__(
        self, rng: Random, views: list[View], options: dict[str, Any], theme: str | None, *, is_simple: bool
    ) -> None:
        self.rng = rng
        self.views = views
        self.options = options
        self.theme = theme
        self.is_simple = is_simple

    def settings(self, share: float, *, accept: bool, warn: bool, weekdays: bool) -> dict[str, Any]:
        rng = self.rng
        found: dict[str, Any] = {}
        if rng.random() < share:
            found["on_unknown"] = rng.choice(["fail", "warn", "ignore"])
        if warn and rng.random() < share:
            found["warn_at"] = rng.choice(WARN_AT)
        if accept and rng.random() < share:
            found["accept"] = rng.choice(ACCEPT)
        if weekdays and rng.random() < share / 2:
            found["weekdays"] = rng.choice(WEEKDAYS)
        return found

    def policy(self) -> dict[str, Any]:
        """Return a policy with the rules of the theme and other rules."""
        rng = self.rng
        policy = self.settings(0.3, accept=True, warn=True, weekdays=True)
        if self.theme == "expected" and rng.random() < 0.5:
            policy["on_unknown"] = "ignore"
        if rng.random() < 0.2:
            policy["timezone"] = rng.choice(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
        if rng.random() < 0.15:
            policy["day_start"] = rng.choice(["00:00", "02:30", "12:00"])
        chosen = rng.sample([(name, rule) for name, rules in RULES.items() for rule in rules], self.number_of_rules())
        for attribute, rule in [*chosen, *theme_rules(rng, self.theme)]:
            self.add_rule(policy, policy.setdefault(attribute, self.attribute(attribute)), attribute, rule)
        if rng.random() < 0.3:
            kinds = policy.setdefault("backup_types", {})
            for _number in range(rng.randint(1, 2)):
                kind = self.kind()
                entries = kinds.setdefault(kind, self.attribute("backup_types"))
                for rule in rng.sample(KIND_RULES, rng.randint(1, 3)):
                    self.add_rule(policy, entries, f"backup_types.{kind}", rule)
        return policy

    def number_of_rules(self) -> int:
        """Return a number that is small for some environments, so that some are compliant."""
        if self.is_simple or self.theme == "expected" or self.rng.random() < 0.2:
            return self.rng.randint(1, 2)
        return self.rng.randint(3, 9)

    def kind(self) -> str:
        """Return a type, mostly one that occurs in the data."""
        kinds = [entry.point.kind for view in self.views for entry in view.entries]
        return self.rng.choice(kinds) if kinds and self.rng.random() < 0.8 else self.rng.choice(KINDS)

    def attribute(self, attribute: str) -> dict[str, Any]:
        rng = self.rng
        rules = RULES.get(attribute, KIND_RULES)
        warn = any(rule in WARN_RULES for rule in rules)
        weekdays = any(rule in WEEKDAY_RULES for rule in rules)
        entries = self.settings(0.1, accept=attribute not in ["copies", "size"], warn=warn, weekdays=weekdays)
        if attribute == "recovery_points" and rng.random() < 0.25:
            entries["backup_types"] = sorted({self.kind() for _number in range(rng.randint(1, 4))})
        if attribute == "copies" and rng.random() < 0.3:
            entries["include_production"] = rng.random() < 0.2
        return entries

    def add_rule(self, policy: dict[str, Any], entries: dict[str, Any], attribute: str, rule: str) -> None:
        rng = self.rng
        own = self.settings(
            0.08,
            accept=attribute not in ["copies", "size"],
            warn=rule in WARN_RULES,
            weekdays=rule in WEEKDAY_RULES,
        )
        levels = [own, entries, policy, self.options]
        limits = Limits(rng, self.views, self.calendar(levels))
        if rule == "min_coverage":
            entries[rule] = {**limits.coverage(attribute), **own}
            return
        warn_at = next((parse_percent(level["warn_at"]) for level in levels if "warn_at" in level), None)
        if rule in ["max_gap", "max_failed_runs", "all", "none"] and rng.random() < 0.5:
            own["within"] = limits.gap_window(attribute) if rule == "max_gap" else limits.window(attribute)
        if rule == "min_count" and attribute not in ["locations", "copies"] and rng.random() < 0.4:
            own["within"] = limits.window(attribute)
        within = parse_seconds(own["within"]) if "within" in own else None
        limit = self.limit(limits, attribute, rule, within, warn_at if rule in WARN_RULES else None)
        if rule in ["all", "none"] and own:
            entries[rule] = own
        else:
            entries[rule] = {"limit": limit, **own} if own or rng.random() < 0.1 else limit

    def calendar(self, levels: list[dict[str, Any]]) -> Any:
        def first(key: str, default: Any) -> Any:
            return next((level[key] for level in levels if key in level), default)

        weekdays = first("weekdays", None)
        return calendar(
            first("timezone", "UTC"),
            first("day_start", "00:00"),
            parse_weekdays(weekdays) if weekdays else ALL_WEEKDAYS,
        )

    def limit(self, limits: Limits, attribute: str, rule: str, within: int | None, warn_at: int | None) -> Any:
        if rule in ["all", "none"]:
            return True
        if attribute in ["locations", "copies"] and rule != "max_age":
            return limits.places(attribute)
        if rule in ["daily", "weekly", "monthly", "yearly"]:
            return limits.periods(attribute, rule)
        if rule in ["min_count", "max_count"]:
            return limits.count(attribute, rule, within, warn_at)
        if rule == "max_gap":
            return limits.gap(attribute, within, warn_at)
        if rule == "max_failed_runs":
            return limits.failed_runs(within, warn_at)
        if rule == "max_restore_time":
            return limits.restore_time(warn_at)
        if rule == "min_lock":
            return limits.lock()
        if rule == "min_percent_of_median":
            return limits.size_percent()
        return limits.age(attribute, rule, warn_at)


def random_pattern(rng: Random, views: list[View]) -> dict[str, Any]:
    """Return the conditions of a `match`."""
    view = rng.choice(views)
    name = view.row.workload_name
    conditions: dict[str, Any] = {
        "workload_name": rng.choice([name, name.upper(), "web*", ["db*", "PAY"], "*1*", "?eb01"]),
        "workload_id": rng.choice([view.row.workload_id, "[0-1]*"]),
        "workload_type": rng.choice(WORKLOAD_TYPES),
        "platform": rng.choice([platform for platform in PLATFORMS if platform]),
        "source": rng.choice([view.result.host, "backup0*"]),
        "origin": rng.choice(["VBR*", view.row.origin or "vbr1"]),
        "product": view.result.product,
        "in_inventory": rng.choice([True, False, None]),
    }
    keys = rng.sample(list(conditions), weighted(rng, {1: 7, 2: 3}))
    return {key: conditions[key] for key in keys}


def random_tiers(rng: Random, views: list[View], maker: PolicyMaker) -> list[dict[str, Any]]:
    tiers = [
        {"name": f"tier {number}", "match": random_pattern(rng, views), "policy": maker.policy()}
        for number in range(rng.randint(1, 2))
    ]
    if rng.random() < 0.8:
        tiers.append({"name": "the rest", "policy": maker.policy()})
    return tiers


def random_until(rng: Random, as_of: int, zone: str) -> str:
    moment = datetime.fromtimestamp(as_of, ZoneInfo(zone))
    if rng.random() < 0.5:
        return (moment.date() + timedelta(days=rng.choice([-1, 0, 0, 1, 300]))).isoformat()
    end = datetime.fromtimestamp(as_of + rng.choice([0, 1, -1, DAY, 366 * DAY]), timezone.utc)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")


def random_waivers(rng: Random, views: list[View], policies: list[dict[str, Any]], as_of: int) -> list[dict[str, Any]]:
    waivers: list[dict[str, Any]] = []
    controls = ["recovery_points.*", "*.max_age", "*", "expected.*", "locations.min_count", "offsite.*", "*.all"]
    for _number in range(rng.randint(1, 3)):
        name = rng.choice([view.row.workload_name for view in views] + MISSING_NAMES)
        waivers.append(
            {
                "workload": rng.choice([name, name, name.upper(), "web*"]),
                "control": rng.choice(controls),
                "until": random_until(rng, as_of, rng.choice(policies).get("timezone", "UTC")),
                "reason": "in service since last week",
            }
        )
    return waivers


def random_expected(rng: Random, views: list[View]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    names = sorted({view.row.workload_name.casefold() for view in views})
    chosen = rng.sample(names, rng.randint(1, len(names))) if names else []
    expected = [rng.choice([name, name.upper(), name.split(".")[0]]) for name in chosen]
    if not expected or rng.random() < 0.4:
        expected.append(rng.choice(MISSING_NAMES))
    if rng.random() < 0.2:
        expected.append(rng.choice(["web01.example.com", "WEB01", "db7.test"]))
    if rng.random() < 0.3:
        # With `short`, one expected name or two ambiguous ones.
        first_label = rng.choice(expected).split(".")[0]
        expected += rng.choice([[first_label], [first_label, f"{first_label}.test"], [f"{first_label}.example.com"]])
        rng.shuffle(expected)
    expected = list(dict.fromkeys(expected))
    if rng.random() < 0.05:
        expected.append(expected[0])
    if rng.random() < 0.3:
        options["expected_names"] = {expected[0]: rng.choice(names or MISSING_NAMES)}
    options["expected"] = expected
    options["expected_match"] = rng.choice(["short", "exact"])
    if rng.random() < 0.6:
        options["unexpected"] = rng.choice(["ignore", "warn", "fail"])
    return options


def random_data_options(rng: Random, results: list[Result], as_of: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if rng.random() < 0.5:
        age = as_of - rng.choice(results).read_at
        limit = age + rng.choice([-1, 0, 1]) if age > 1 and rng.random() < 0.3 else 4 * DAY
        options["max_data_age"] = duration(limit)
    if rng.random() < 0.2:
        options["on_empty"] = rng.choice(["fail", "warn"])
    return options
