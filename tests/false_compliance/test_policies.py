# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies, waivers and tiers that require less than they seem to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.false_compliance.collecting import DB, FRESH, SEVEN, evaluate_results, fleet, nightly, observed, point
from tests.false_compliance.situations import COUNT, REJECTED, Pair, Trap, situation

WAIVER = {"workload": "web01", "control": COUNT, "reason": "moving house"}


@situation(
    "The tiers of the policy do not match any workload",
    naive_check="no rule was violated",
    control="policy.tier",
    result="fail",
    message="no tier of the policy matches this workload",
)
def test_policy_matches_no_workload() -> Pair:
    def tiers(glob: str) -> dict[str, Any]:
        return {"policies": [{"name": "gold", "match": {"workload_name": glob}, "policy": SEVEN}]}

    return evaluate_results(observed(nightly(7)), tiers("wbe*")), evaluate_results(observed(nightly(7)), tiers("web*"))


@situation(
    "The longest allowed gap is as long as the time in which gaps are looked for",
    naive_check="in the last day there is no gap of more than 26 hours",
    result=REJECTED,
    message="policy.recovery_points.max_gap.limit: '26h' must be less than within (1d), or every gap is allowed",
)
def test_gap_limit_is_never_exceeded() -> Pair:
    def evaluate_with(within: str) -> Callable[[], Assessment]:
        rules = {"recovery_points": {"max_gap": {"limit": "26h", "within": within}}}
        return lambda: evaluate_results(observed(nightly(7)), rules)

    return evaluate_with("1d"), evaluate_with("3d")


@situation(
    "Nothing is known about a workload, and a waiver covers that it is not expected",
    naive_check="its only finding is waived, and unknown results are ignored",
    control="policy.proof",
    result="fail",
    message="no rule is proved for this workload",
)
def test_waiver_of_another_control() -> Pair:
    policy = {"encrypted": {"all": True, "on_unknown": "ignore"}}
    waiver = {"workload": "db01", "control": "expected.*", "until": "2026-12-31", "reason": "a guest"}
    options: dict[str, Any] = {"expected": ["web01"], "unexpected": "fail", "waivers": [waiver]}

    def evaluate_with(encrypted: bool | None) -> Assessment:
        points = [*nightly(7, encrypted=True), *nightly(7, workload=DB, encrypted=encrypted)]
        return evaluate_results(observed(points), policy, **options)

    return evaluate_with(None), evaluate_with(encrypted=True)


@situation(
    "A waiver expired yesterday",
    naive_check="there is a waiver for this workload",
    control=COUNT,
    result="fail",
    message="waiver ended: 2026-11-20",
)
def test_waiver_has_ended() -> Pair:
    # A waiver is not a proof, so another workload has one.
    read = observed([*nightly(2), *nightly(7, workload=DB)])

    def until(day: str) -> list[dict[str, Any]]:
        return [{**WAIVER, "until": day}]

    return evaluate_results(read, SEVEN, waivers=until("2026-11-20")), evaluate_results(
        read, SEVEN, waivers=until("2026-11-21")
    )


@situation(
    "A waiver covers the only rule of the only workload",
    naive_check="no finding fails",
    control="data.proof",
    result="fail",
    message="no workload is proved compliant",
)
def test_waiver_is_not_a_proof() -> Pair:
    waiver = {"workload": "*", "control": "*.min_count", "until": "2026-12-31", "reason": "new"}
    few, enough = observed(nightly(3)), observed(nightly(7))
    return evaluate_results(few, SEVEN, waivers=[waiver]), evaluate_results(enough, SEVEN, waivers=[waiver])


@situation(
    "A waiver names a control that does not exist",
    naive_check="the waiver is accepted and covers nothing or everything",
    result=REJECTED,
    message="unknown control",
)
def test_waiver_without_a_control() -> Pair:
    read = observed(nightly(2))

    def evaluate_with(control: str) -> Trap:
        return lambda: evaluate_results(read, SEVEN, waivers=[{**WAIVER, "control": control, "until": "2027-01-01"}])

    return evaluate_with("recovery_points.min_cuont"), evaluate_with(COUNT)


@situation(
    "A waiver covers one machine, and another machine violates the same rule",
    naive_check="this rule is waived",
    control=COUNT,
    result="fail",
    message="2 recovery points, at least 7 required",
)
def test_waiver_of_another_machine() -> Pair:
    waivers = [{**WAIVER, "until": "2027-01-01"}]
    return evaluate_results(fleet(), SEVEN, waivers=waivers), evaluate_results(
        fleet(), SEVEN, waivers=[{**waivers[0], "workload": "db01"}]
    )


@situation(
    "The policy is empty",
    naive_check="without rules there are no violations",
    result=REJECTED,
    message="policy: the policy is empty",
)
def test_policy_without_requirements() -> Pair:
    read = observed(nightly(1))
    return (lambda: evaluate_results(read, {})), (lambda: evaluate_results(read, SEVEN))


@situation(
    "A rule is misspelled",
    naive_check="an unknown rule is not violated",
    result=REJECTED,
    message="policy.recovery_points.min_cuont: unknown rule or setting",
)
def test_rule_is_misspelled() -> Pair:
    read = observed(nightly(1))
    return (lambda: evaluate_results(read, {"recovery_points": {"min_cuont": 7}})), (
        lambda: evaluate_results(read, SEVEN)
    )


@situation(
    "A variable in the policy is empty, so 0 recovery points are required",
    naive_check="0 of 0 recovery points",
    result=REJECTED,
    message="0 is not a whole number of at least 1",
)
def test_minimum_of_zero() -> Pair:
    read = observed(nightly(1))
    return (lambda: evaluate_results(read, {"recovery_points": {"min_count": 0}})), (
        lambda: evaluate_results(read, SEVEN)
    )


@situation(
    "max_age: 26 has no unit",
    naive_check="the limit is 26 days",
    result=REJECTED,
    message="policy.recovery_points.max_age: 26 is not a valid duration: the unit is missing",
)
def test_limit_without_a_unit() -> Pair:
    read = observed(nightly(1))
    return (lambda: evaluate_results(read, {"recovery_points": {"max_age": 26}})), (
        lambda: evaluate_results(read, FRESH)
    )


@situation(
    "Unknown results are ignored, and all results are unknown",
    naive_check="nothing failed",
    control="data.proof",
    result="fail",
    message="no workload is proved compliant",
)
def test_all_unknown_results_are_ignored() -> Pair:
    policy = {"on_unknown": "ignore", "restore_tested": {"min_count": 1}}
    return evaluate_results(observed(nightly(7)), policy), evaluate_results(
        observed(nightly(7, restore_tested=True)), policy
    )


@situation(
    "An expected machine exists, and the policy requires only attributes that are not reported",
    naive_check="the machine exists, so something was proved",
    control="data.proof",
    result="fail",
    message="no workload is proved compliant",
)
def test_existence_does_not_prove_backups() -> Pair:
    policy = {"on_unknown": "ignore", "offsite": {"min_count": 1}}
    return evaluate_results(observed(nightly(7)), policy, expected=["web01"]), evaluate_results(
        observed(nightly(7, offsite=True)), policy, expected=["web01"]
    )


@situation(
    "A built-in policy is overridden with an empty attribute",
    naive_check="the built-in policy requires encryption",
    result=REJECTED,
    message="policy.encrypted: no rule is set",
)
def test_built_in_policy_is_emptied() -> Pair:
    read = observed(nightly(1, encrypted=True))
    return (lambda: evaluate_results(read, {"encrypted": {"on_unknown": "ignore"}})), (
        lambda: evaluate_results(read, {"extends": "aws_bam_encrypted", "encrypted": {"on_unknown": "warn"}})
    )


@situation(
    "The first tier matches all workloads, so the strict tier after it is never reached",
    naive_check="no workload of the strict tier fails",
    result=REJECTED,
    message="this tier never applies",
)
def test_strict_tier_is_never_reached() -> Pair:
    read = observed([point(days=1)])
    rest = {"name": "rest", "policy": {"recovery_points": {"min_count": 1}}}
    gold = {"name": "gold", "match": {"workload_name": "web*"}, "policy": {"recovery_points": {"min_count": 1}}}
    return (lambda: evaluate_results(read, {"policies": [rest, gold]})), (
        lambda: evaluate_results(read, {"policies": [gold, rest]})
    )


@situation(
    "Unknown results are ignored, and one of two workloads has no other results",
    naive_check="nothing failed, and something was proved",
    control="policy.proof",
    result="fail",
    message="no rule is proved for this workload",
)
def test_one_proven_workload_does_not_prove_all() -> Pair:
    policy = {"on_unknown": "ignore", "restore_tested": {"min_count": 1}}
    tested = nightly(7, restore_tested=True)
    return evaluate_results(observed([*tested, *nightly(7, workload=DB)]), policy), evaluate_results(
        observed([*tested, *nightly(7, workload=DB, restore_tested=True)]), policy
    )
