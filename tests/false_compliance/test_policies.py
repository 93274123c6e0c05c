# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies, waivers and tiers that ask less than they look."""

from __future__ import annotations

from typing import Any

from tests.false_compliance.collecting import FRESH, SEVEN, fleet, judged, nightly, observed, point
from tests.false_compliance.situations import COUNT, REFUSED, Pair, Trap, situation

WAIVER = {"workload": "web01", "control": COUNT, "reason": "moving house"}


@situation(
    "The policy's tiers match none of the workloads",
    careless="no rule was broken",
    control="policy.tier",
    result="fail",
    words="no tier of the policy matches this workload",
)
def test_policy_matches_nobody() -> Pair:
    def tiers(glob: str) -> dict[str, Any]:
        return {"policies": [{"name": "gold", "match": {"workload_name": glob}, "policy": SEVEN}]}

    return judged(observed(nightly(7)), tiers("wbe*")), judged(observed(nightly(7)), tiers("web*"))


@situation(
    "A waiver has ended yesterday",
    careless="there is a waiver for it",
    control=COUNT,
    result="fail",
    words="its waiver ended: 2026-11-20",
)
def test_waiver_has_ended() -> Pair:
    read = observed(nightly(2))

    def until(day: str) -> list[dict[str, Any]]:
        return [{**WAIVER, "until": day}]

    return judged(read, SEVEN, waivers=until("2026-11-20")), judged(read, SEVEN, waivers=until("2026-11-21"))


@situation(
    "A waiver names a control that does not exist",
    careless="it is accepted and covers nothing, or all",
    result=REFUSED,
    words="there is no control",
)
def test_waiver_of_no_control() -> Pair:
    read = observed(nightly(2))

    def of(control: str) -> Trap:
        return lambda: judged(read, SEVEN, waivers=[{**WAIVER, "control": control, "until": "2027-01-01"}])

    return of("recovery_points.minimun"), of(COUNT)


@situation(
    "A waiver for one machine, and another breaks the same rule",
    careless="this rule is waived",
    control=COUNT,
    result="fail",
    words="number of recovery points is 2",
)
def test_waiver_of_another_machine() -> Pair:
    waivers = [{**WAIVER, "until": "2027-01-01"}]
    return judged(fleet(), SEVEN, waivers=waivers), judged(fleet(), SEVEN, waivers=[{**waivers[0], "workload": "db01"}])


@situation(
    "The policy is empty",
    careless="no rule, no violation",
    result=REFUSED,
    words="policy: it is empty",
)
def test_policy_asks_nothing() -> Pair:
    read = observed(nightly(1))
    return (lambda: judged(read, {})), (lambda: judged(read, SEVEN))


@situation(
    "A rule is misspelled",
    careless="a rule that is not known is not broken",
    result=REFUSED,
    words="policy.recovery_points.minimun: there is no such rule or setting",
)
def test_rule_is_misspelled() -> Pair:
    read = observed(nightly(1))
    return (lambda: judged(read, {"recovery_points": {"minimun": 7}})), (lambda: judged(read, SEVEN))


@situation(
    "A variable in the policy is empty, so that 0 points are wanted",
    careless="0 of 0 points",
    result=REFUSED,
    words="0 is no number of at least 1",
)
def test_nothing_is_enough() -> Pair:
    read = observed(nightly(1))
    return (lambda: judged(read, {"recovery_points": {"minimum": 0}})), (lambda: judged(read, SEVEN))


@situation(
    "newest_within: 26 was written without its unit",
    careless="26 days are allowed",
    result=REFUSED,
    words="policy.recovery_points.newest_within",
)
def test_limit_without_a_unit() -> Pair:
    read = observed(nightly(1))
    return (lambda: judged(read, {"recovery_points": {"newest_within": 26}})), (lambda: judged(read, FRESH))


@situation(
    "Every unknown is ignored, and nothing is known",
    careless="nothing failed",
    control="read.proof",
    result="fail",
    words="nothing was proved about any workload",
)
def test_everything_unknown_is_ignored() -> Pair:
    policy = {"on_unknown": "ignore", "verified": {"minimum": 1}}
    return judged(observed(nightly(7)), policy), judged(observed(nightly(7, verified=True)), policy)


@situation(
    "The machine that everybody expects is there, and nothing is asked of it that can be told",
    careless="it exists, so something was proved",
    control="read.proof",
    result="fail",
    words="nothing was proved about any workload",
)
def test_existence_is_no_proof_of_backups() -> Pair:
    policy = {"on_unknown": "ignore", "offsite": {"minimum": 1}}
    return judged(observed(nightly(7)), policy, expected=["web01"]), judged(
        observed(nightly(7, offsite=True)), policy, expected=["web01"]
    )


@situation(
    "A ready policy is laid over by an empty facet of one's own",
    careless="encryption is asked for, as the ready policy says",
    result=REFUSED,
    words="policy.encrypted: it asks for nothing",
)
def test_ready_policy_is_emptied() -> Pair:
    read = observed(nightly(1, encrypted=True))
    return (lambda: judged(read, {"encrypted": {"on_unknown": "ignore"}})), (
        lambda: judged(read, {"extends": "bam_encrypted", "encrypted": {"on_unknown": "warn"}})
    )


@situation(
    "The first tier catches all, the strict one behind it is never reached",
    careless="the strict tier has no failing workload",
    result=REFUSED,
    words="it is never reached",
)
def test_strict_tier_is_never_reached() -> Pair:
    read = observed([point(days=1)])
    rest = {"name": "rest", "policy": {"recovery_points": {"minimum": 1}}}
    gold = {"name": "gold", "match": {"workload_name": "web*"}, "policy": {"recovery_points": {"minimum": 1}}}
    return (lambda: judged(read, {"policies": [rest, gold]})), (lambda: judged(read, {"policies": [gold, rest]}))
