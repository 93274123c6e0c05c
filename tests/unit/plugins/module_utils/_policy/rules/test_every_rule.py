# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule of every attribute x every result, on rows that the summary builds: nothing passes without proof."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.periods import Calendar
from ansible_collections.backup.audit.plugins.module_utils._collect.result import shrink_row
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    POINT_ATTRIBUTES,
    Copy,
    RecoveryPoint,
    Workload,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES, KIND_ATTRIBUTES
from tests.unit.plugins.module_utils._policy.policy_rows import NOW, evaluate, is_unknown_text, read

LIMITS: dict[str, Any] = {
    "min_count": 3,
    "max_age": "26h",
    "min_retention": "30d",
    "max_gap": "26h",
    "daily": 7,
    "weekly": 4,
    "monthly": 3,
    "yearly": 2,
    "all": True,
    "none": True,
    "min_types": 2,
    "min_percent_of_median": "50%",
}
# Kinds of points that are not backups, and one that is.
KINDS = ("log", "snapshot", "archive")
PAIRS = [
    (attribute.name, rule.name)
    for attribute in (*ATTRIBUTES.values(), *(KIND_ATTRIBUTES[kind] for kind in KINDS))
    for rule in attribute.rules
    # It uses restore tests that are given in addition to the read results, not rows.
    if rule.name != "max_restore_time"
]
TIMED = ("max_age", "min_retention", "max_gap", "daily", "weekly", "monthly", "yearly")
CEILINGS = [pair for pair in PAIRS if pair[1] in ("max_age", "max_gap")]
WAIVER = {"workload": "web01", "control": "*", "until": "2026-11-21", "reason": "being moved"}

every_pair = pytest.mark.parametrize(("attribute", "rule"), PAIRS, ids=[".".join(pair) for pair in PAIRS])


def policy(attribute: str, rule: str, **settings: Any) -> dict[str, Any]:
    """Build a policy with only that rule."""
    kind = attribute.partition(".")[2]
    # For copies, production is the third.
    rules = {rule: 2 if (attribute, rule) == ("locations", "min_count") else LIMITS[rule]}
    return {**({"backup_types": {kind: rules}} if kind else {attribute: rules}), **settings}


def build_row(points: Iterator[RecoveryPoint]) -> dict[str, Any]:
    """Build the row of the workload with these points."""
    summary = Summary("vbr1", "spp", NOW, Calendar())
    for point in points:
        summary.add(point)
    (row,) = summary.rows()
    return shrink_row(row)


def points(attribute: str, days: range, *, fact: bool | None = True) -> Iterator[RecoveryPoint]:
    """Generate a point on each of these days before now that has, does not have, or may have the attribute.

    If the attribute is the point itself and not a fact, "may have it" means that it may not be usable.
    """
    kind = attribute.partition(".")[2] or "full"
    known = None if fact is None else True
    for day in days:
        created = NOW - day * DAY * SECOND - 5 * HOUR * SECOND
        point = RecoveryPoint(
            id=f"{day}",
            workload=Workload(id="1", name="web01", type="vm", in_inventory=True),
            created=created,
            kind=kind,
            status="success",
            usable=known if attribute.partition(".")[0] in ("recovery_points", "full", "backup_types") else True,
            # The newest point of a bad workload is much smaller than the others.
            size_bytes=None if fact is None else 1 if fact is False and day == days[0] else 100,
            malware=None if fact is None else "infected" if fact else "clean",
        )
        if attribute in POINT_ATTRIBUTES:
            setattr(point, attribute, fact)
        if fact and attribute in ("restore_tested", "integrity_checked"):
            name = "tested_at" if attribute == "restore_tested" else "checked_at"
            setattr(point, name, created + HOUR * SECOND)
        if fact is not None:
            point.copies = [Copy(location="repository", location_type="disk")]
            point.copies += [Copy(location="bucket", location_type="object")] * fact
        yield point


@functools.cache
def good(attribute: str, rule: str) -> dict[str, Any]:
    """Build a workload that satisfies the rule."""
    # For malware, ``all`` means that all are clean.
    return build_row(points(attribute, range(500), fact=rule != "none" and attribute != "malware"))


@functools.cache
def bad(attribute: str, rule: str) -> dict[str, Any]:
    """Build a workload that is known to break the rule: two points, some days old."""
    fact = (
        rule == "none" or attribute == "malware" or (attribute not in ("size", "copies", "locations") and rule != "all")
    )
    return build_row(points(attribute, range(4, 7 if attribute == "size" else 6), fact=fact))


@functools.cache
def unsure(attribute: str, _rule: str) -> dict[str, Any]:
    """Build a workload that would satisfy the rule if unknown facts were true."""
    return build_row(points(attribute, range(500), fact=None))


def only(workload: Any, rules: dict[str, Any], **given: Any) -> dict[str, Any]:
    """Return the one finding about the workload."""
    assessment = evaluate(workload, rules, **given).plain()["findings"]
    others = ("recovery_points.in_future", "policy.proof")
    (found,) = [one for one in assessment if one["workload_name"] and one["control"] not in others]
    return dict(found)


@every_pair
class TestResults:
    def test_pass(self, attribute: str, rule: str) -> None:
        result = only(good(attribute, rule), policy(attribute, rule))
        assert (result["control"], result["result"], result["certainty"]) == (f"{attribute}.{rule}", "pass", "reported")
        assert evaluate(good(attribute, rule), policy(attribute, rule)).compliant

    def test_fail(self, attribute: str, rule: str) -> None:
        result = only(bad(attribute, rule), policy(attribute, rule, on_unknown="ignore"))
        assert (result["result"], result["certainty"]) == ("fail", "reported"), result["message"]
        assert not evaluate(bad(attribute, rule), policy(attribute, rule)).compliant

    @pytest.mark.parametrize(
        ("on_unknown", "blocking"), [(None, True), ("fail", True), ("warn", False), ("ignore", False)]
    )
    def test_unknown(self, attribute: str, rule: str, on_unknown: str | None, blocking: bool) -> None:
        """An unknown result stays unknown, whether or not it blocks."""
        rules = policy(attribute, rule, **({} if on_unknown is None else {"on_unknown": on_unknown}))
        found = only(unsure(attribute, rule), rules)
        assert (found["result"], found["certainty"]) == ("unknown", "unknown"), found["message"]
        assert found["blocking"] is blocking
        assert is_unknown_text(found["message"]), found["message"]
        totals = evaluate(unsure(attribute, rule), rules).frame["totals"]
        # There are separate findings that nothing was proved, for this workload unless it is blocked, and for all.
        assert (totals["not_proved"], totals["verdicts"]["pass"]) == (2 if blocking else 3, 0)
        assert (totals["blocking"], totals["results"]["unknown"]) == (2, 1)
        assert totals["verdicts"]["unknown" if blocking else "fail"] == 1

    def test_waived(self, attribute: str, rule: str) -> None:
        for workload in (bad(attribute, rule), unsure(attribute, rule)):
            result = only(workload, policy(attribute, rule), waivers=[WAIVER])
            assert (result["result"], result["waiver"]) == ("waived", WAIVER)
            # A waiver is not a proof: another workload must have one.
            assert not evaluate(workload, policy(attribute, rule), waivers=[WAIVER]).compliant
            both = read(workload, {**good(attribute, rule), "workload_name": "web02", "workload_id": "id-2"})
            waiver = {**WAIVER, "workload": workload["workload_name"]}
            assert evaluate(both, policy(attribute, rule), waivers=[waiver]).compliant

    def test_not_applicable(self, attribute: str, rule: str) -> None:
        exclude = [{"match": {"workload_name": "web*"}, "reason": "switched off"}]
        result = only(bad(attribute, rule), policy(attribute, rule), exclude=exclude)
        assert (result["control"], result["result"]) == ("policy.exclude", "not_applicable")
        assert "switched off" in result["message"]


@pytest.mark.parametrize(("attribute", "rule"), CEILINGS)
def test_warn_near_a_ceiling(attribute: str, rule: str) -> None:
    result = only(good(attribute, rule), policy(attribute, rule, warn_at="10%"))
    assert (result["result"], result["certainty"]) == ("warn", "reported")
    assert evaluate(good(attribute, rule), policy(attribute, rule, warn_at="10%")).compliant


@every_pair
class TestNothingPassesWithoutProof:
    def test_no_workloads(self, attribute: str, rule: str) -> None:
        assert not evaluate(read(), policy(attribute, rule)).compliant

    def test_only_what_is_not_told(self, attribute: str, rule: str) -> None:
        assert not evaluate(unsure(attribute, rule), policy(attribute, rule, on_unknown="ignore")).compliant

    def test_a_partial_read(self, attribute: str, rule: str) -> None:
        result = only(read(good(attribute, rule), complete=False), policy(attribute, rule, on_unknown="ignore"))
        assert (result["result"], result["certainty"]) == ("unknown", "unknown")
        assert not evaluate(read(good(attribute, rule), complete=False), policy(attribute, rule)).compliant

    def test_the_servers_clock_is_ahead(self, attribute: str, rule: str) -> None:
        server = {"host": "vbr1", "product": "spp", "clock_skew_seconds": 301}
        result = only(read(good(attribute, rule), server=server), policy(attribute, rule, on_unknown="ignore"))
        assert result["result"] == ("unknown" if rule in TIMED else "pass"), result["message"]

    def test_points_in_the_future(self, attribute: str, rule: str) -> None:
        ahead = build_row(points(attribute, range(-40, -1), fact=rule != "none" and attribute != "malware"))
        assert ahead["in_future"] == 39
        assert only(ahead, policy(attribute, rule))["result"] == "fail"
        assert not evaluate(ahead, policy(attribute, rule)).compliant

    def test_a_waiver_that_ended_yesterday(self, attribute: str, rule: str) -> None:
        ended = {**WAIVER, "until": "2026-11-20"}
        for workload in (bad(attribute, rule), unsure(attribute, rule)):
            result = only(workload, policy(attribute, rule), waivers=[ended])
            assert (result["blocking"], result["waiver"]) == (True, {**ended, "expired": True})
            assert not evaluate(workload, policy(attribute, rule), waivers=[ended]).compliant
