# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule of every attribute with every result: nothing passes without proof."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import POINT_ATTRIBUTES, Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES, KIND_ATTRIBUTES
from tests.unit.plugins.module_utils._policy.policy_points import (
    NOW,
    Row,
    ago,
    evaluate,
    is_unknown_text,
    moment,
    point,
    read,
    row,
)

LIMITS: dict[str, Any] = {
    "min_count": 3,
    "max_count": 3,
    "max_age": "26h",
    "min_retention": "30d",
    "max_retention": "30d",
    "max_gap": "26h",
    "daily": 7,
    "weekly": 4,
    "monthly": 3,
    "yearly": 2,
    "min_coverage": {"percent": "95%", "max_age": "26h", "within": "30d"},
    "max_failed_runs": {"limit": 1, "within": "90d"},
    "all": True,
    "none": True,
    "max_restore_time": "4h",
    "min_lock": "14d",
    "min_types": 2,
    "min_percent_of_median": "50%",
}
# Kinds of points that are not backups, and one that is.
KINDS = ("log", "snapshot", "archive")
PAIRS = [
    (attribute.name, rule.name)
    for attribute in (*ATTRIBUTES.values(), *(KIND_ATTRIBUTES[kind] for kind in KINDS))
    for rule in attribute.rules
]
# Rules that a workload without points satisfies.
MET_BY_NOTHING = ("max_count", "max_retention", "max_failed_runs", "max_restore_time")
TIMED = (
    *("max_age", "min_retention", "max_retention", "max_gap", "daily", "weekly", "monthly", "yearly"),
    *("min_coverage", "max_failed_runs", "min_lock"),
)
CEILINGS = ("max_age", "max_gap", "max_count", "max_retention", "max_failed_runs", "max_restore_time")
WAIVER = {"workload": "web01", "control": "*", "until": "2026-11-21", "reason": "being moved"}

# Each of the last 35 days, then each week for a year.
MANY = [*range(35), *range(35, 400, 7)]

every_pair = pytest.mark.parametrize(("attribute", "rule"), PAIRS, ids=[".".join(pair) for pair in PAIRS])


def policy(attribute: str, rule: str, **settings: Any) -> dict[str, Any]:
    """Build a policy with only that rule."""
    kind = attribute.partition(".")[2]
    # For copies, production is the third.
    rules = {rule: 2 if (attribute, rule) == ("locations", "min_count") else LIMITS[rule]}
    return {**({"backup_types": {kind: rules}} if kind else {attribute: rules}), **settings}


def build(attribute: str, days: Sequence[int], *, fact: bool | None = True) -> list[RecoveryPoint]:
    """Build a point on each of these days before now that has, does not have, or may have the attribute.

    If the attribute is the point itself and not a fact, "may have it" means that it may not be usable.
    """
    made = []
    for day in days:
        created = moment(days=day, hours=5)
        one = point(
            created=created,
            kind=attribute.partition(".")[2] or "full",
            status="unknown" if fact is None else "success" if fact else "failed",
            # The newest point of a bad workload is much smaller than the others.
            size_bytes=None if fact is None else 1 if fact is False and day == days[0] else 100,
            malware=None if fact is None else "infected" if fact else "clean",
        )
        if attribute.partition(".")[0] in ("recovery_points", "full", "backup_types"):
            one.usable = None if fact is None else True
        if attribute in POINT_ATTRIBUTES:
            setattr(one, attribute, fact)
        if fact:
            one.tested_at = one.checked_at = created + HOUR * SECOND
            # The locks of bad workloads are a day too short.
            one.immutable_until = moment(days=-13 if days[0] else -20)
        if fact is not None:
            one.copies = [Copy(location="repository", location_type="disk")]
            one.copies += [Copy(location="bucket", location_type="object")] * fact
        made.append(one)
    return made


@functools.cache
def good(attribute: str, rule: str, name: str = "web01") -> Row:
    """Build a workload that satisfies the rule."""
    days = MANY[:3] if rule.startswith("max_") else MANY
    # For malware, ``all`` means that all are clean.
    points = build(attribute, days, fact=rule != "none" and attribute != "malware")
    return row(points, name=name, id=f"id of {name}", in_inventory=True)


@functools.cache
def bad(attribute: str, rule: str) -> Row:
    """Build a workload that is known to break the rule, with two recent points or many old ones."""
    lacking = attribute in ("size", "copies", "locations") or rule in ("all", "max_failed_runs")
    fact = rule == "none" or attribute == "malware" or not lacking
    days = MANY[4:8] if attribute == "size" else MANY[4:6]
    if rule in ("max_count", "max_retention"):
        days = MANY[4:]
    points = build(attribute, days, fact=fact)
    return row(points, id="id of web01", in_inventory=True)


@functools.cache
def unsure(attribute: str, _rule: str) -> Row:
    """Build a workload that would satisfy or break the rule if unknown attributes were true."""
    return row(build(attribute, MANY, fact=None), id="id of web01", in_inventory=True)


def record(name: str, seconds: int) -> dict[str, Any]:
    """Build the record of a restore test that took that long."""
    known = {"source": "vbr1", "workload_type": "vm", "workload_id": f"id of {name}", "workload_name": name}
    return {**known, "point_created_at": ago(40), "tested_at": ago(hours=1), "result": "passed", "seconds": seconds}


def run(workloads: Row | list[Row], rules: dict[str, Any], members: Any = None, **given: Any) -> Assessment:
    """Evaluate workloads of a server that lists failed runs; ``members`` are fields of the read result."""
    members = dict(members or {})
    server = {"scope": {"inventory": True, "failed_runs": True}, **members.pop("server", {})}
    listed = [workloads] if isinstance(workloads, Row) else workloads
    # The restore tests of good workloads took 1 hour, those of bad ones 5 hours.
    tests = [
        record(str(one.workload.name), 5 * HOUR if one.points[0].created < moment(days=3) else HOUR)
        for one in listed
        if one.points and one.points[0].status != "unknown" and "max_restore_time" in str(rules)
    ]
    return evaluate(read(*listed, server=server, **members), rules, restore_tests=tests, **given)


def only(assessment: Assessment) -> dict[str, Any]:
    """Return the one finding about the workload."""
    others = ("recovery_points.in_future", "policy.proof")
    found = assessment.plain()["findings"]
    (one,) = [one for one in found if one["workload_name"] and one["control"] not in others]
    return dict(one)


@every_pair
class TestResults:
    def test_pass(self, attribute: str, rule: str) -> None:
        assessment = run(good(attribute, rule), policy(attribute, rule))
        result = only(assessment)
        assert (result["control"], result["result"], result["certainty"]) == (f"{attribute}.{rule}", "pass", "reported")
        assert assessment.compliant

    def test_fail(self, attribute: str, rule: str) -> None:
        result = only(run(bad(attribute, rule), policy(attribute, rule, on_unknown="ignore")))
        assert (result["result"], result["certainty"]) == ("fail", "reported"), result["message"]
        assert not run(bad(attribute, rule), policy(attribute, rule)).compliant

    @pytest.mark.parametrize(
        ("on_unknown", "blocking"), [(None, True), ("fail", True), ("warn", False), ("ignore", False)]
    )
    def test_unknown(self, attribute: str, rule: str, on_unknown: str | None, blocking: bool) -> None:
        """An unknown result stays unknown, whether or not it blocks."""
        rules = policy(attribute, rule, **({} if on_unknown is None else {"on_unknown": on_unknown}))
        assessment = run(unsure(attribute, rule), rules)
        found = only(assessment)
        assert (found["result"], found["certainty"]) == ("unknown", "unknown"), found["message"]
        assert found["blocking"] is blocking
        assert is_unknown_text(found["message"]), found["message"]
        # There are separate findings that nothing was proved, for this workload unless it is blocked, and for all.
        totals = assessment.frame["totals"]
        assert (totals["blocking"], totals["results"]["unknown"]) == (2, 1)
        assert not assessment.compliant

    def test_waived(self, attribute: str, rule: str) -> None:
        for workload in (bad(attribute, rule), unsure(attribute, rule)):
            assessment = run(workload, policy(attribute, rule), waivers=[WAIVER])
            result = only(assessment)
            assert (result["result"], result["waiver"]) == ("waived", WAIVER)
            # A waiver is not a proof, so another workload must have one.
            assert not assessment.compliant
            both = [workload, good(attribute, rule, "web02")]
            assert run(both, policy(attribute, rule), waivers=[WAIVER]).compliant

    def test_not_applicable(self, attribute: str, rule: str) -> None:
        exclude = [{"match": {"workload_name": "web*"}, "reason": "switched off"}]
        result = only(run(bad(attribute, rule), policy(attribute, rule), exclude=exclude))
        assert (result["control"], result["result"]) == ("policy.exclude", "not_applicable")
        assert "switched off" in result["message"]


@pytest.mark.parametrize(("attribute", "rule"), [pair for pair in PAIRS if pair[1] in CEILINGS])
def test_warn_near_a_ceiling(attribute: str, rule: str) -> None:
    workload = bad(attribute, rule) if rule == "max_failed_runs" else good(attribute, rule)
    rules = policy(attribute, rule, warn_at="3%")
    if rule == "max_failed_runs":
        rules["recovery_points"][rule] = 2
    assessment = run(workload, rules)
    result = only(assessment)
    assert (result["result"], result["certainty"]) == ("warn", "reported")
    assert assessment.compliant


@every_pair
class TestNothingPassesWithoutProof:
    def test_no_workloads(self, attribute: str, rule: str) -> None:
        assert not run([], policy(attribute, rule)).compliant

    def test_only_unreported_attributes(self, attribute: str, rule: str) -> None:
        assert not run(unsure(attribute, rule), policy(attribute, rule, on_unknown="ignore")).compliant

    def test_a_partial_read(self, attribute: str, rule: str) -> None:
        assessment = run(good(attribute, rule), policy(attribute, rule, on_unknown="ignore"), {"complete": False})
        result = only(assessment)
        assert (result["result"], result["certainty"]) == ("unknown", "unknown")
        assert not assessment.compliant

    def test_an_old_read(self, attribute: str, rule: str) -> None:
        as_of = NOW + (24 * HOUR + 1) * SECOND
        result = only(run(good(attribute, rule), policy(attribute, rule), as_of=as_of))
        # A day later, all points are too old.
        assert result["result"] == ("fail" if rule in ("max_age", "max_gap") else "unknown")
        assert not run(good(attribute, rule), policy(attribute, rule, on_unknown="ignore"), as_of=as_of).compliant

    def test_the_servers_clock_is_ahead(self, attribute: str, rule: str) -> None:
        members = {"server": {"clock_skew_seconds": 301}}
        result = only(run(good(attribute, rule), policy(attribute, rule), members))
        # With a wrong clock, the ends of locks are unknown.
        is_timed = rule in TIMED or (attribute == "immutable" and rule != "none")
        assert result["result"] == ("unknown" if is_timed else "pass"), result["message"]

    def test_points_in_the_future(self, attribute: str, rule: str) -> None:
        ahead = build(attribute, range(-40, -1), fact=rule != "none" and attribute != "malware")
        result = only(run(row(ahead, id="id of web01", in_inventory=True), policy(attribute, rule)))
        # Zero points do not exceed a maximum, and a restore test does not need its point.
        expected = "pass" if rule in MET_BY_NOTHING else "fail"
        if (attribute, rule) == ("restore_tested", "max_age"):
            expected = "unknown"
        assert result["result"] == expected

    def test_a_waiver_that_ended_yesterday(self, attribute: str, rule: str) -> None:
        ended = {**WAIVER, "until": "2026-11-20"}
        for workload in (bad(attribute, rule), unsure(attribute, rule)):
            assessment = run(workload, policy(attribute, rule), waivers=[ended])
            result = only(assessment)
            assert (result["blocking"], result["waiver"]) == (True, {**ended, "expired": True})
            assert not assessment.compliant
