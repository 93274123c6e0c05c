# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluate an environment as docs/reference/evaluation.md defines it, with plain lists and loops."""

from __future__ import annotations

from dataclasses import replace

from tests.reference import expected
from tests.reference.estate import Estate, Result, WorkloadRow
from tests.reference.evidence import Outcome
from tests.reference.findings import Assessment, Finding, RejectedError, is_waived, reject_long_waivers
from tests.reference.policies import Rule, matches, parse_seconds, setting
from tests.reference.restore_records import is_misdated
from tests.reference.rule_evaluation import evaluate_combined, evaluate_row
from tests.reference.servers import (
    listed_row,
    row_servers,
    server_groups,
    superseding,
)
from tests.reference.views import (
    CLOCK_TOLERANCE,
    View,
    has_one_workload,
    in_future,
    listed_at,
    real_time_view,
    server_view,
)
from tests.reference.workloads import (
    Tier,
    Workload,
    combine_value,
    get_tiers,
    identity,
    is_conflict,
    is_duplicate,
    is_of_rule,
    match_values,
)

__all__ = ["Assessment", "Finding", "RejectedError", "evaluate"]

DEFAULT_MAX_DATA_AGE = "24h"


def accepting(rule: Rule, certainties: list[str]) -> Rule:
    """Return the rule with only these of its accepted certainties."""
    return replace(rule, accept=tuple(one for one in rule.accept if one in certainties))


class Evaluation:
    """One evaluation of an environment."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.options = estate.options
        # At most 300 s before a read, as_of is set to the newest read; more is rejected.
        self.as_of = max([estate.as_of, *(result.read_at for result in estate.results)])
        self.servers = server_groups(estate.results)
        # A record that belongs to workloads of different origins does not count for any of them.
        self.tests = [test for test in estate.restore_tests if has_one_workload(test, estate.results)]
        self.tiers = get_tiers(estate)
        self.findings: list[Finding] = []
        self.workloads: list[Workload] = []
        # Rows that can be expected workloads: all that are not set aside.
        self.existing: list[View] = []

    def reject(self) -> None:
        for result in self.estate.results:
            if result.read_at > self.estate.as_of + CLOCK_TOLERANCE:
                raise RejectedError(f"{result.host} was read more than {CLOCK_TOLERANCE} s after as_of")
        timezones = {self.get_timezone(tier) for tier in self.tiers}
        reject_long_waivers(self.options, timezones, self.as_of)

    def get_timezone(self, tier: Tier | None) -> str:
        policy = tier.policy if tier else {} if "policies" in self.options else self.estate.policy
        return str(setting("timezone", [policy, self.options], "UTC"))

    def is_too_old(self, result: Result) -> bool:
        return self.as_of - result.read_at > parse_seconds(self.options.get("max_data_age", DEFAULT_MAX_DATA_AGE))

    def passes_unknown(self, result: Result) -> bool:
        return not result.complete or self.is_too_old(result)

    def data_finding(self, result: Result, control: str, outcome: str) -> None:
        self.findings.append(Finding(result.host, None, None, None, control, None, outcome, outcome == "fail"))

    def check_data(self) -> None:
        """Report data quality checks that do not pass."""
        on_empty = self.options.get("on_empty", "warn" if self.options.get("expected") else "fail")
        for result in self.estate.results:
            if not result.complete:
                self.data_finding(result, "data.complete", "fail")
            if self.is_too_old(result):
                self.data_finding(result, "data.age", "fail")
            if result.inventory is False:
                self.data_finding(result, "data.inventory", "warn")
            if not result.workloads:
                self.data_finding(result, "data.workloads", on_empty)
        for test in self.estate.restore_tests:
            if is_misdated(test.tested_at, test.point_created_at) or test not in self.tests:
                self.findings.append(
                    Finding(
                        test.source,
                        None,
                        test.workload_id,
                        test.workload_name,
                        "data.restore_tests",
                        None,
                        "warn",
                        False,
                    )
                )

    def get_view(self, index: int, row: WorkloadRow) -> View:
        result = self.estate.results[index]
        view = server_view(result, row, self.tests, self.as_of)
        return replace(view, server=self.servers[index])

    def sort_rows(self) -> list[View]:
        """Set rows aside, exclude others, and return those to evaluate."""
        views: list[View] = []
        for index, result in enumerate(self.estate.results):
            for row in result.workloads:
                view = self.get_view(index, row)
                newer = superseding(self.estate.results, self.servers, index, row)
                if newer is None:
                    self.existing.append(view)
                    if self.is_excluded(view):
                        self.add_not_evaluated(view, "policy.exclude", "not_applicable")
                    else:
                        views.append(view)
                    continue
                self.add_not_evaluated(view, "data.superseded", "not_applicable")
                if listed_row(newer, row) is None:
                    self.add_not_evaluated(view, "data.superseded", "warn")
        self.warn_about_duplicates()
        return views

    def add_not_evaluated(self, view: View, control: str, result: str) -> None:
        workload = Workload([view], evaluated=False)
        workload.add(control, result)
        self.findings += workload.findings

    def warn_about_duplicates(self) -> None:
        """Warn about a workload in several read results of one server: for each row after the first."""
        for index, view in enumerate(self.existing):
            if any(is_duplicate(view, other) for other in self.existing[:index]):
                self.add_not_evaluated(view, "data.superseded", "warn")

    def is_excluded(self, view: View) -> bool:
        for exclusion in self.options.get("exclude", []):
            if matches(exclusion["match"], match_values(view), view.row.in_inventory):
                return True
        return False

    def combine(self, views: list[View]) -> list[Workload]:
        """Return the workloads to evaluate: combined rows and single ones."""
        combine = self.options.get("combine")
        if not combine:
            return [Workload([view]) for view in views]
        groups: dict[str, list[View]] = {}
        workloads: list[Workload] = []
        for view in views:
            groups.setdefault(combine_value(view, combine["by"]), []).append(view)
        for value, rows in groups.items():
            together: list[View] = []
            for view in rows:
                if value == "" or any(is_conflict(view, other) for other in rows):
                    workloads.append(Workload([view]))
                    if value:
                        self.add_not_evaluated(view, "policy.combine", "warn")
                else:
                    together.append(view)
            if together:
                workloads.append(Workload(sorted(together, key=identity)))
        return workloads

    def get_tier(self, workload: Workload) -> Tier | None:
        for tier in self.tiers:
            for view in workload.views:
                if matches(tier.match, match_values(view), view.row.in_inventory):
                    return tier
        return None

    def evaluate_workload(self, workload: Workload) -> None:
        workload.tier = self.get_tier(workload)
        self.warn_about_points(workload)
        if workload.tier is None:
            workload.add("policy.tier", "fail", blocking=True)
            return
        outcomes = self.get_outcomes(workload, workload.tier.rules)
        certainties = self.get_certainties(workload, workload.tier.rules, outcomes)
        for rule, outcome, certainty in zip(workload.tier.rules, outcomes, certainties, strict=True):
            result = outcome.result
            blocking = result == "fail" or (result == "unknown" and rule.on_unknown == "fail")
            if self.is_waived(workload, rule.control, result):
                result, blocking = "waived", False
            workload.findings.append(
                workload.finding(rule.control, result, blocking=blocking, certainty=certainty, value=outcome.value)
            )

    def add_result(self, workload: Workload, control: str, result: str, *, blocking: bool) -> None:
        """Add a finding, unless a waiver changes it."""
        if self.is_waived(workload, control, result):
            workload.add(control, "waived")
        else:
            workload.add(control, result, blocking=blocking)

    def is_waived(self, workload: Workload, control: str, result: str) -> bool:
        names = [view.row.workload_name for view in workload.views]
        timezone = self.get_timezone(workload.tier)
        return result in ["fail", "unknown"] and is_waived(control, names, timezone, self.options, self.as_of)

    def get_certainties(self, workload: Workload, rules: list[Rule], outcomes: list[Outcome]) -> list[str]:
        """Return the certainties of results: only reported values, also declared ones, or also inferred ones."""
        only_reported = self.get_outcomes(workload, [accepting(rule, ["reported"]) for rule in rules])
        with_declared = self.get_outcomes(workload, [accepting(rule, ["reported", "declared"]) for rule in rules])
        certainties: list[str] = []
        for outcome, first, second in zip(outcomes, only_reported, with_declared, strict=True):
            if outcome.result == "unknown":
                certainties.append("unknown")
            elif outcome.result == first.result:
                certainties.append("reported")
            else:
                certainties.append("declared" if outcome.result == second.result else "inferred")
        return certainties

    def get_outcomes(self, workload: Workload, rules: list[Rule]) -> list[Outcome]:
        if len(workload.views) == 1:
            view = workload.views[0]
            unknown = self.passes_unknown(view.result)
            return [evaluate_row(view, rule, passes_unknown=unknown) for rule in rules]
        servers = row_servers(workload.views)
        views = [
            replace(view, only_unknown=self.is_too_old(view.result), server=server)
            for view, server in zip(workload.views, servers, strict=True)
        ]
        real_time = [real_time_view(view, self.as_of) for view in views]
        independent = bool(self.options["combine"].get("independent", False))
        return [evaluate_combined(views, real_time, rule, independent=independent) for rule in rules]

    def warn_about_points(self, workload: Workload) -> None:
        for view in workload.views:
            own = Workload([view], workload.tier)
            if any(in_future(point, view.result) for point in view.row.points):
                workload.findings.append(own.finding("recovery_points.in_future", "warn", blocking=False))
            for entry in view.entries:
                expires_at = entry.point.expires_at
                if entry.undated or entry.point.usable is False or expires_at is None:
                    continue
                if expires_at <= listed_at(view):
                    workload.findings.append(own.finding("recovery_points.expired", "warn", blocking=False))
                    break

    def check_expected(self) -> None:
        names = expected.expected_names(self.options)
        found = {listed: expected.get_matches(name, self.existing, self.options) for listed, name in names.items()}
        unclear = expected.ambiguous(list(names), found)
        for name in names:
            if not found[name] or name in unclear:
                perhaps = any(not result.complete for result in self.estate.results)
                # A waiver covers it by its name in the backup products.
                self.add_without_workload(names[name], "unknown" if found[name] or perhaps else "fail")
                continue
            # If several apply equally, the worst counts, because the order of read results must not matter.
            applicable = expected.applicable(found[name])
            view = min(applicable, key=lambda one: self.existence(one) != "unknown")
            workload = self.get_workload(view)
            result = self.existence(view)
            if result == "pass" and self.is_excluded(view):
                result = "not_applicable"
            own = Workload([view], workload.tier)
            self.add_result(own, "expected.exists", result, blocking=result in ["fail", "unknown"])
            workload.findings += own.findings
            if not workload.evaluated:
                self.findings += own.findings
        self.check_unexpected(found)

    def existence(self, view: View) -> str:
        tier = self.get_workload(view).tier
        rules = tier.rules if tier else []
        unknown = self.passes_unknown(view.result)
        # Only for this row, even if rows are combined.
        ages = [
            evaluate_row(view, rule, passes_unknown=unknown).result
            for rule in rules
            if rule.control == "recovery_points.max_age"
        ]
        result = expected.existence(view, ages[0] if ages else None)
        return "unknown" if result == "pass" and unknown else result

    def add_without_workload(self, name: str, result: str) -> None:
        waived = is_waived("expected.exists", [name], self.get_timezone(None), self.options, self.as_of)
        outcome = "waived" if waived else result
        self.findings.append(Finding(None, None, None, name, "expected.exists", None, outcome, not waived))

    def get_workload(self, view: View) -> Workload:
        for workload in self.workloads:
            for own in workload.views:
                if own is view:
                    return workload
        return Workload([view], evaluated=False)

    def check_unexpected(self, found: dict[str, list[View]]) -> None:
        result = self.options.get("unexpected", "ignore")
        if result == "ignore":
            return
        known = [id(view) for views in found.values() for view in views]
        for workload in self.workloads:
            has_points = any(expected.has_recovery_points(view) for view in workload.views)
            if has_points and not any(id(view) in known for view in workload.views):
                self.add_result(workload, "expected.unexpected", result, blocking=result == "fail")

    def check_proof(self) -> None:
        """Add `policy.proof` for workloads without proof, and `data.proof`."""
        any_proved = False
        for workload in self.workloads:
            blocking = any(finding.blocking for finding in workload.findings)
            results = [finding.result for finding in workload.findings if is_of_rule(finding)]
            waived = "waived" in results
            proved = not blocking and ("pass" in results or "warn" in results)
            any_proved = any_proved or proved
            if not blocking and not proved and not waived:
                workload.add("policy.proof", "fail", blocking=True)
        if not any_proved:
            self.findings.append(Finding(None, None, None, None, "data.proof", None, "fail", True))

    def run(self) -> Assessment:
        self.reject()
        self.check_data()
        self.workloads = self.combine(self.sort_rows())
        for workload in self.workloads:
            self.evaluate_workload(workload)
        self.check_expected()
        self.check_proof()
        for workload in self.workloads:
            self.findings += workload.findings
        compliant = not any(finding.blocking for finding in self.findings)
        return Assessment(sorted(self.findings, key=repr), compliant)


def evaluate(estate: Estate) -> Assessment:
    """Return all findings, and whether the environment is compliant."""
    return Evaluation(estate).run()
