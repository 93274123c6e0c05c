# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of one rule for one row or for combined rows."""

from __future__ import annotations

from tests.reference import location_rules, restore_rules, simple_rules, time_rules
from tests.reference.evidence import FAIL, UNKNOWN, Outcome, get_evidence
from tests.reference.policies import Rule
from tests.reference.simple_rules import Counts, get_counts
from tests.reference.states import CALENDAR_RULES
from tests.reference.views import View

OFF_RULES = [
    "max_age",
    "min_retention",
    "max_retention",
    "max_gap",
    *CALENDAR_RULES,
    "min_coverage",
    "min_lock",
]


def needs_clock(rule: Rule) -> bool:
    """Return whether a rule is unknown for a row with a wrong clock."""
    if rule.attribute in ["locations", "copies"] and rule.location_age is not None:
        return True
    return rule.name in OFF_RULES or rule.within is not None


def with_warning(outcome: Outcome, rule: Rule) -> Outcome:
    """Change a pass to warn if its value is above the percentage of `warn_at`."""
    if outcome.result != "pass" or rule.warn_at is None or outcome.value is None:
        return outcome
    if outcome.value * 100 > rule.warn_at * rule.limit:
        return Outcome("warn", outcome.value)
    return outcome


def over_union(views: list[View], rule: Rule) -> Outcome:
    """Evaluate a rule that applies to the union of the points of all rows."""
    if rule.attribute in ["locations", "copies"]:
        if rule.name == "max_age":
            return location_rules.max_place_age(views, rule)
        return location_rules.min_places(views, rule)
    if is_tested_max_age(rule):
        found = restore_rules.tests_of_rows(views, rule)
        return restore_rules.max_test_age(found, rule.limit, views[0].as_of, rule.calendar)
    evidence = get_evidence(views, rule)
    if rule.name == "max_age" and rule.attribute == "integrity_checked":
        return simple_rules.max_check_age(evidence, rule.limit)
    if rule.name == "max_age":
        return simple_rules.max_age(evidence, rule.limit)
    if rule.name == "min_retention":
        return simple_rules.min_retention(evidence, rule.limit)
    if rule.name == "max_retention":
        return simple_rules.max_retention(evidence, rule.limit)
    if rule.name == "min_lock":
        return simple_rules.min_lock(evidence, rule.limit)
    if rule.name == "max_gap":
        return time_rules.max_gap(evidence, rule)
    if rule.name == "min_coverage":
        return time_rules.min_coverage(evidence, rule)
    if rule.name in CALENDAR_RULES:
        return time_rules.periods(evidence, rule)
    raise ValueError(rule.control)


def is_over_union(rule: Rule) -> bool:
    return rule.attribute in ["locations", "copies"] or rule.name in OFF_RULES


def over_row(view: View, rule: Rule) -> Outcome:
    """Evaluate a rule for one row on the clock of its server."""
    if view.clock_off and needs_clock(rule):
        return UNKNOWN
    if is_over_union(rule):
        return over_union([view], rule)
    if rule.name == "max_failed_runs":
        return simple_rules.max_failed_runs(view, rule)
    if rule.name == "max_restore_time":
        return restore_rules.max_restore_time(restore_rules.tests_of_rows([view], rule), rule.limit)
    evidence = get_evidence([view], rule)
    if rule.name == "min_percent_of_median":
        return simple_rules.size(view, evidence, rule.limit)
    counts = get_counts(evidence, rule)
    if rule.name == "min_count":
        return simple_rules.min_count(counts.t, counts.t + counts.u, counts.hidden, rule.limit)
    if rule.name == "max_count":
        return simple_rules.max_count(counts, rule.limit)
    if rule.name == "none" or rule.attribute == "malware":
        return simple_rules.none(counts)
    if rule.name == "all":
        return simple_rules.every(counts)
    raise ValueError(rule.control)


def passes_are_unknown(view: View) -> bool:
    """Return whether a pass of a rule that is evaluated for every row is unknown."""
    return view.only_unknown or not view.result.complete


def best_row_counts(views: list[View], rule: Rule) -> list[tuple[int, Counts]]:
    """Return the server and the counts of each row for `min_count`."""
    found: list[tuple[int, Counts]] = []
    for view in views:
        evidence = get_evidence([view], rule)
        if view.clock_off and rule.within is not None:
            t_and_u = sum(item.number for item in evidence.items if item.state in ["T", "U"])
            counts = Counts(0, t_and_u, 0, 0, bool(view.hidden))
        else:
            counts = get_counts(evidence, rule)
        found.append((view.server, counts))
    return found


def combined_min_count(views: list[View], rule: Rule, *, independent: bool) -> Outcome:
    found = best_row_counts(views, rule)
    hidden = any(counts.hidden for _server, counts in found)
    if not independent:
        best_t = max(counts.t for _server, counts in found)
        best_t_and_u = max(counts.t + counts.u for _server, counts in found)
        return simple_rules.min_count(best_t, best_t_and_u, hidden, rule.limit)
    sum_t = 0
    sum_t_and_u = 0
    for server in {server for server, _counts in found}:
        sum_t += max(counts.t for own, counts in found if own == server)
        sum_t_and_u += max(counts.t + counts.u for own, counts in found if own == server)
    return simple_rules.min_count(sum_t, sum_t_and_u, hidden, rule.limit)


def has_anything(view: View, rule: Rule) -> bool:
    """Return whether `all` and `none` are evaluated for one of several combined rows."""
    evidence = get_evidence([view], rule)
    if view.clock_off and rule.within is not None:
        return bool(evidence.items) or bool(view.hidden)
    return not get_counts(evidence, rule).nothing()


def every_row(views: list[View], rule: Rule) -> Outcome:
    """Return the worst result of a rule that is evaluated for every row."""
    outcomes: list[Outcome] = []
    for view in views:
        if rule.name in ["all", "none"] and not has_anything(view, rule):
            continue
        outcome = with_warning(over_row(view, rule), rule)
        if outcome.result in ["pass", "warn"] and passes_are_unknown(view):
            outcome = UNKNOWN
        outcomes.append(outcome)
    return simple_rules.worst(outcomes) if outcomes else FAIL


def evaluate_row(view: View, rule: Rule, *, passes_unknown: bool) -> Outcome:
    """Return the result of a rule for a row that is not combined."""
    outcome = with_warning(over_row(view, rule), rule)
    if passes_unknown and outcome.result in ["pass", "warn"]:
        return UNKNOWN
    return outcome


def is_tested_max_age(rule: Rule) -> bool:
    return rule.attribute == "restore_tested" and rule.name == "max_age"


def pass_of_union_is_unknown(views: list[View], rule: Rule) -> bool:
    """Return whether a pass over the union of several rows is unknown, because a row may lack a relevant point."""
    if is_tested_max_age(rule) and any(view.clock_off and restore_rules.has_tests(view) for view in views):
        return True
    all_gaps = rule.name == "max_gap" and rule.within is None
    needs_all = rule.name == "max_retention" or all_gaps or is_tested_max_age(rule)
    return needs_all and any(not view.result.complete for view in views)


def evaluate_combined(
    server_views: list[View], real_time_views: list[View], rule: Rule, *, independent: bool
) -> Outcome:
    """Return the result of a rule for several rows, given on their own clocks and in real time."""
    if is_over_union(rule):
        outcome = with_warning(over_union(real_time_views, rule), rule)
        if outcome.result in ["pass", "warn"] and pass_of_union_is_unknown(real_time_views, rule):
            return UNKNOWN
        return outcome
    if rule.name == "min_count":
        return combined_min_count(server_views, rule, independent=independent)
    return every_row(server_views, rule)
