# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often each rule, setting and situation gives each result in random environments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.reference.days import ALL_WEEKDAYS
from tests.reference.evaluator import Evaluation
from tests.reference.policies import Rule
from tests.reference.random_estates import random_estate
from tests.reference.views import clock_off
from tests.reference.workloads import Workload

# The passes of these are unknown.
NEVER_PASS = ["incomplete", "too old"]
RESULTS = ["pass", "warn", "unknown", "fail", "waived", "not_applicable"]
NEEDED = ["pass", "unknown", "fail"]
Table = dict[str, Counter[str]]


def rule_labels(rule: Rule) -> list[str]:
    """Return the settings and options of a rule."""
    labels = [f"on_unknown {rule.on_unknown}", f"time zone {rule.calendar.timezone}"]
    labels.append("accept " + ", ".join(dict.fromkeys(rule.accept)))
    if rule.warn_at is not None:
        labels.append("warn_at")
    if rule.within is not None:
        labels += ["within", f"within {rule.name}"]
    if rule.calendar.weekdays != ALL_WEEKDAYS:
        labels += ["weekdays", f"weekdays {rule.name}"]
    if rule.calendar.day_start != "00:00":
        labels.append("day_start")
    if rule.kinds is not None:
        labels.append("recovery_points.backup_types")
        if "continuous" in rule.kinds:
            labels.append("recovery_points.backup_types with continuous")
    if rule.attribute == "copies" and not rule.include_production:
        labels.append("include_production false")
    if rule.attribute in ["locations", "copies"]:
        labels.append(f"{rule.control} {'without' if rule.location_age is None else 'with'} max_age")
    return labels


def workload_labels(evaluation: Evaluation, workload: Workload) -> list[str]:
    view = workload.views[0]
    labels = [f"skew {view.result.clock_skew_seconds}"]
    if len(workload.views) > 1:
        independent = bool(evaluation.options["combine"]["independent"])
        labels = [f"combined by {evaluation.options['combine']['by']}", f"combined, independent {independent}"]
        for name, is_true in [
            ("clock off", any(clock_off(own.result) for own in workload.views)),
            ("incomplete", any(not own.result.complete for own in workload.views)),
            ("too old", any(evaluation.is_too_old(own.result) for own in workload.views)),
        ]:
            if is_true:
                labels.append(f"combined, one row {name}")
        return labels
    if view.result.since is not None:
        labels.append("since")
    if view.result.until is not None:
        labels.append("until")
    if not view.result.complete:
        labels.append("incomplete")
    if evaluation.is_too_old(view.result):
        labels.append("too old")
    if workload.tier and workload.tier.name:
        labels.append("tiers")
    return labels


def count_estate(seed: int, rules: Table, settings: Table, others: Table) -> bool:
    evaluation = Evaluation(random_estate(seed))
    assessment = evaluation.run()
    counted: set[int] = set()
    for workload in evaluation.workloads:
        by_control = {rule.control: rule for rule in workload.tier.rules} if workload.tier else {}
        for finding in workload.findings:
            rule = by_control.get(finding.control)
            if rule is None:
                continue
            counted.add(id(finding))
            name = f"backup_types.{rule.name}" if rule.attribute.startswith("backup_types.") else rule.control
            rules.setdefault(name, Counter())[finding.result] += 1
            for label in rule_labels(rule) + workload_labels(evaluation, workload):
                settings.setdefault(label, Counter())[finding.result] += 1
    for finding in assessment.findings:
        if id(finding) not in counted:
            others.setdefault(finding.control, Counter())[finding.result] += 1
    return assessment.compliant


def rare_results(name: str, numbers: Counter[str]) -> list[str]:
    """Return which of pass, unknown and fail are less than 1 % of the results."""
    total = sum(numbers.values())
    needed = [result for result in NEEDED if result != "pass" or name not in NEVER_PASS]
    return [result for result in needed if numbers[result] * 100 < total]


def format_table(title: str, table: Table) -> list[str]:
    lines = ["", f"{title:56}" + "".join(f"{result:>16}" for result in RESULTS)]
    for name, numbers in sorted(table.items()):
        total = sum(numbers.values())
        cells = [f"{numbers[result]:>8} {numbers[result] * 100 / total:5.1f} %" for result in RESULTS]
        lines.append(f"{name:56}" + "".join(cells))
    return lines


def measure(seeds: Iterable[int]) -> tuple[str, list[str]]:
    """Return the tables of the results, and the results that are too rare."""
    rules: Table = {}
    settings: Table = {}
    others: Table = {}
    estates = compliant = 0
    for seed in seeds:
        compliant += count_estate(seed, rules, settings, others)
        estates += 1
    lines = format_table("rule", rules)
    lines += format_table("setting, option or situation", settings)
    lines += format_table("other control", others)
    total = sum(sum(numbers.values()) for table in [rules, others] for numbers in table.values())
    lines += ["", f"{total} findings, {compliant} of {estates} environments are compliant"]
    rare = [
        f"{name}: {', '.join(results)} below 1 %"
        for table in [rules, settings]
        for name, numbers in sorted(table.items())
        if (results := rare_results(name, numbers))
    ]
    return "\n".join(lines), rare
