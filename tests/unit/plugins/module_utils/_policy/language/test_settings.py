# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings: on_unknown, warn_at and accept of policy, attribute and rule; timezone, day_start and weekdays."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import compile_document
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    SEVEN,
    ago,
    evaluate,
    finding,
    findings,
    is_unknown_text,
    moment,
    nightly,
    point,
    read,
    result,
    row,
)


@pytest.mark.parametrize(
    ("text", "blocking"),
    [
        ({}, True),
        ({"policy": "fail"}, True),
        ({"policy": "warn"}, False),
        ({"policy": "ignore"}, False),
        ({"policy": "fail", "attribute": "warn"}, False),
        ({"policy": "ignore", "attribute": "warn", "rule": "fail"}, True),
        ({"attribute": "fail", "rule": "ignore"}, False),
        ({"rule": "warn"}, False),
    ],
)
def test_the_most_specific_on_unknown_applies(text: dict[str, str], blocking: bool) -> None:
    policy: dict[str, Any] = {"restore_tested": {"min_count": {"limit": 1}}, "recovery_points": {"min_count": 7}}
    for level, place in (
        ("policy", policy),
        ("attribute", policy["restore_tested"]),
        ("rule", policy["restore_tested"]["min_count"]),
    ):
        if level in text:
            place["on_unknown"] = text[level]
    output = {one["control"]: one for one in findings(row(), policy)}["restore_tested.min_count"]
    assert (output["result"], output["certainty"], output["blocking"]) == ("unknown", "unknown", blocking)
    assert is_unknown_text(output["message"])
    assert evaluate(row(), policy).compliant is not blocking


@pytest.mark.parametrize("on_unknown", ["fail", "warn", "ignore"])
def test_unknown_is_counted_and_never_a_pass(on_unknown: str) -> None:
    policy = {
        "recovery_points": {"max_age": "26h", "min_count": 7},
        "offsite": {"min_count": 1, "on_unknown": on_unknown},
    }
    assessment = evaluate(row(), policy)
    totals = assessment.frame["totals"]
    assert totals["results"]["unknown"] == 1
    # If it blocks, nothing is proven, so data.proof fails as well.
    assert totals["not_proved"] == (2 if on_unknown == "fail" else 1)
    assert totals["blocking"] == (2 if on_unknown == "fail" else 0)
    assert (totals["verdicts"]["unknown"], totals["verdicts"]["pass"]) == (1, 0)
    assert assessment.compliant is (on_unknown != "fail")


@pytest.mark.parametrize(
    ("rule", "age", "outcome"),
    [
        ({"max_age": {"limit": "10h", "warn_at": "50%"}}, 5, "pass"),
        ({"max_age": {"limit": "10h", "warn_at": "50%"}}, 5.01, "warn"),
        ({"max_age": "10h", "warn_at": "50%"}, 10, "warn"),
        ({"max_age": "10h", "warn_at": "50%"}, 10.01, "fail"),
        ({"max_age": {"limit": "10h", "warn_at": "90%"}, "warn_at": "50%"}, 8, "pass"),
        # Minimum limits have no warning: exactly the required value passes.
        ({"min_count": 30, "warn_at": "50%"}, 5, "pass"),
    ],
)
def test_warn_at(rule: dict[str, Any], age: float, outcome: str) -> None:
    found = finding(row([point(hours=age), *nightly(30)[1:]]), {"recovery_points": rule})
    assert (found["result"], found["certainty"]) == (outcome, "reported")


GAPS = [point(hours=hours) for hours in (0, 10, 15)]


@pytest.mark.parametrize(
    ("points", "rules", "outcome"),
    [
        # Values of rules with an upper limit: age, gap, number, oldest age, runs.
        (nightly(8), {"max_count": {"limit": 10, "warn_at": "80%"}}, "pass"),
        (nightly(9), {"max_count": {"limit": 10, "warn_at": "80%"}}, "warn"),
        ([*nightly(8), point(days=9, usable=None)], {"max_count": {"limit": 10, "warn_at": "80%"}}, "warn"),
        (GAPS, {"max_gap": {"limit": "20h", "warn_at": "50%"}}, "pass"),
        (GAPS, {"max_gap": {"limit": "19h", "warn_at": "50%"}}, "warn"),
        (GAPS, {"max_gap": {"limit": "19h", "within": "21h", "warn_at": "50%"}}, "warn"),
        (GAPS, {"max_gap": {"limit": "20h", "within": "21h", "warn_at": "50%"}}, "pass"),
        ([point(days=8)], {"max_retention": {"limit": "10d", "warn_at": "80%"}}, "pass"),
        ([point(days=8, hours=1)], {"max_retention": {"limit": "10d", "warn_at": "80%"}}, "warn"),
        ([point(days=1), point(days=9, usable=None)], {"max_retention": {"limit": "10d", "warn_at": "80%"}}, "warn"),
        (EMPTY, {"max_retention": {"limit": "10d", "warn_at": "80%"}}, "pass"),
    ],
)
def test_values_that_approach_a_limit(points: Any, rules: dict[str, Any], outcome: str) -> None:
    assert result(points, {"recovery_points": rules}) == outcome


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        (["success"] * 9, "pass"),
        (["failed"], "pass"),
        (["failed", "failed"], "warn"),
        (["failed", "unknown"], "warn"),
        (["failed"] * 3, "fail"),
        (["failed", "unknown", "unknown"], "unknown"),
    ],
)
def test_warn_at_of_failed_runs(statuses: list[str], outcome: str) -> None:
    points = [point(days=number, status=status, usable=None) for number, status in enumerate(statuses)]
    policy = {"recovery_points": {"max_failed_runs": {"limit": 2, "warn_at": "50%"}}}
    assert finding(read(row(points), server={"scope": {"failed_runs": True}}), policy)["result"] == outcome


@pytest.mark.parametrize(("tested", "outcome"), [(45, "pass"), (45.1, "warn"), (90, "warn"), (90.1, "fail")])
def test_warn_at_of_a_restore_test(tested: float, outcome: str) -> None:
    points = [point(days=100, restore_tested=True, tested_at=moment(days=tested)), point(days=1, restore_tested=False)]
    assert result(points, {"restore_tested": {"max_age": {"limit": "90d", "warn_at": "50%"}}}) == outcome


def test_warn_at_does_not_affect_unknown_results() -> None:
    """Between the warning threshold and the limit, an unknown point may still be recent enough."""
    policy = {"recovery_points": {"max_age": {"limit": "10h", "warn_at": "50%", "on_unknown": "ignore"}}}
    assert result([point(hours=12), point(hours=8, usable=None)], policy) == "unknown"
    since = read(row(EMPTY), selection={"since": ago(hours=8)})
    assert finding(since, policy)["result"] == "unknown"


def soft(word: str, *ages: float) -> list[RecoveryPoint]:
    facts: dict[str, Any] = {"immutable": True, word: ("immutable",)}
    return [point(days=age, **facts) for age in ages]


# One reported, 4 inferred, 15 declared, and 10 that are not immutable.
SOFT = [
    point(days=9, immutable=True),
    *soft("inferred", 2, 3, 4, 25),
    *soft("declared", *range(1, 15), 29),
    *(point(days=day, hours=1, immutable=False) for day in range(1, 11)),
]


@pytest.mark.parametrize(
    ("rules", "accept", "outcome", "certainty"),
    [
        ({"min_count": 1}, None, "pass", "reported"),
        ({"min_count": 2}, None, "unknown", "unknown"),
        ({"min_count": 2}, ["reported"], "unknown", "unknown"),
        ({"min_count": 1}, ["reported", "inferred"], "pass", "reported"),
        ({"min_count": 5}, ["reported", "inferred"], "pass", "inferred"),
        ({"min_count": 6}, ["reported", "inferred"], "unknown", "unknown"),
        ({"min_count": 16}, ["reported", "declared"], "pass", "declared"),
        ({"min_count": 5}, ["reported", "declared", "inferred"], "pass", "declared"),
        ({"min_count": 20}, ["reported", "declared", "inferred"], "pass", "inferred"),
        ({"min_count": 21}, ["reported", "declared", "inferred"], "fail", "reported"),
        ({"max_age": "9d"}, None, "pass", "reported"),
        ({"max_age": "2d"}, None, "unknown", "unknown"),
        ({"max_age": "2d"}, ["inferred"], "pass", "inferred"),
        ({"max_age": "1d"}, ["inferred"], "unknown", "unknown"),
        ({"max_age": "23h"}, ["inferred", "declared"], "fail", "reported"),
        ({"min_retention": "25d"}, ["inferred"], "pass", "inferred"),
        ({"none": True}, None, "fail", "reported"),
        ({"all": True}, ["inferred", "declared"], "fail", "reported"),
    ],
)
def test_accept(rules: dict[str, Any], accept: list[str] | None, outcome: str, certainty: str) -> None:
    policy: dict[str, Any] = {"immutable": dict(rules), "on_unknown": "ignore"}
    if accept is not None:
        policy["immutable"]["accept"] = accept
    found = finding(row(SOFT), policy)
    assert (found["result"], found["certainty"]) == (outcome, certainty), found["message"]


def test_inferences_that_are_not_accepted_and_unknown_points_are_unknown() -> None:
    points = [*(point(days=day) for day in range(3, 13)), *soft("inferred", *range(2, 21), 29)]
    for rules in ({"max_age": "2d"}, {"min_retention": "29d"}, {"min_count": 30}):
        assert result(points, {"immutable": {**rules, "on_unknown": "ignore"}}) == "unknown"
    for rules in ({"max_age": "47h"}, {"min_retention": "30d"}, {"min_count": 31}):
        assert result(points, {"immutable": rules}) == "fail"


@pytest.mark.parametrize("accept", [["reported"], ["inferred"]])
def test_inferences_without_a_time_prove_no_age(accept: list[str]) -> None:
    undated = point(created=0, usable=None, immutable=True, inferred=("immutable",))
    for rules in ({"max_age": "2d"}, {"min_retention": "29d"}):
        policy = {"immutable": {**rules, "accept": accept, "on_unknown": "ignore"}}
        assert result([undated, point(days=9, immutable=True)], policy) == "unknown"


@pytest.mark.parametrize("level", ["policy", "attribute", "rule"])
def test_accept_at_each_level(level: str) -> None:
    policy: dict[str, Any] = {"immutable": {"min_count": {"limit": 5}}}
    {"policy": policy, "attribute": policy["immutable"], "rule": policy["immutable"]["min_count"]}[level]["accept"] = [
        "inferred"
    ]
    assert finding(row(SOFT), policy)["certainty"] == "inferred"


def test_none_with_inferred_values() -> None:
    """If inferred values are not accepted, the result is unknown. Otherwise one point has the attribute."""
    points = [*(point(days=day, immutable=False) for day in range(29)), *soft("inferred", 2)]
    policy: dict[str, Any] = {"immutable": {"none": True, "on_unknown": "ignore"}}
    assert result(points, policy) == "unknown"
    policy["immutable"]["accept"] = ["inferred"]
    found = finding(row(points), policy)
    assert (found["result"], found["certainty"]) == ("fail", "inferred")


def test_the_message_explains_why_an_inference_does_not_count() -> None:
    found = finding(row(SOFT), {"immutable": {"min_count": 5}})
    assert found["message"] == (
        "immutable recovery points: 1 known, at least 5 required; immutability only inferred or declared for 19 "
        "recovery points, which the policy does not accept"
    )


# The calendar: it is Saturday, 21 November, 07:00 in UTC and 08:00 in Berlin.
ZONE, NOON = {"timezone": "Europe/Berlin"}, {"day_start": "12:00"}
WORKDAYS = {"weekdays": ["mon..fri"]}


def at(*times: str) -> list[RecoveryPoint]:
    return [point(created=parse_time(time)) for time in times]


# 20 November in UTC and 21 November in Berlin, and the evening before.
LATE = at("2026-11-19T22:30:00Z", "2026-11-20T23:30:00Z")
# Before midnight, after the next midnight, and before the midnight after that.
AROUND_MIDNIGHT = at("2026-11-18T23:50:00Z", "2026-11-20T00:10:00Z", "2026-11-20T23:50:00Z")
# 19 hours of Friday are 19 hours on workdays; Saturday does not count.
FRIDAY = at("2026-11-20T05:00:00Z")


def outcomes(points: list[RecoveryPoint], rules: dict[str, Any], calendar: dict[str, Any]) -> set[tuple[str, int]]:
    """Return (result, measured value) for every place where the calendar can be set."""
    other = {"timezone": "Asia/Tokyo", "day_start": "05:00", "weekdays": ["tue"]}
    beside = {name: other[name] for name in calendar}
    tier = {"policies": [{"name": "x", "policy": {"recovery_points": rules, **calendar}}]}
    found = [
        finding(row(points), {"recovery_points": rules}, **calendar),
        finding(row(points), {"recovery_points": rules, **calendar}),
        finding(row(points), {"policies": [{"name": "x", "policy": {"recovery_points": rules}}], **calendar}),
        finding(row(points), tier),
        # Settings in the policy take precedence over settings next to it.
        finding(row(points), {"recovery_points": rules, **calendar}, **beside),
        finding(row(points), {**tier, **beside}),
        finding(row(points), tier, **beside),
    ]
    return {(one["result"], one["actual"]) for one in found}


@pytest.mark.parametrize(
    ("points", "rules", "calendar", "outcome"),
    [
        (LATE, {"daily": 2}, {}, ("pass", 2)),
        # In Berlin, 20 November has no point.
        (LATE, {"daily": 2}, ZONE, ("fail", 1)),
        (AROUND_MIDNIGHT, {"daily": 3}, {}, ("fail", 1)),
        (AROUND_MIDNIGHT, {"daily": 3}, NOON, ("pass", 3)),
        (AROUND_MIDNIGHT, {"daily": 3}, {**NOON, **ZONE}, ("pass", 3)),
        (FRIDAY, {"max_age": "19h"}, WORKDAYS, ("pass", 19 * HOUR)),
        (FRIDAY, {"max_age": "19h"}, {}, ("fail", 26 * HOUR)),
        # Friday ends an hour earlier in Berlin; with days from noon to noon, it has not ended.
        (FRIDAY, {"max_age": "18h"}, {**WORKDAYS, **ZONE}, ("pass", 18 * HOUR)),
        (FRIDAY, {"max_age": "18h"}, {**WORKDAYS, **NOON}, ("fail", 26 * HOUR)),
        (FRIDAY, {"max_gap": {"limit": "24h", "within": "2d"}}, WORKDAYS, ("pass", 22 * HOUR)),
        (FRIDAY, {"daily": 1}, {"weekdays": ["mon..thu"]}, ("pass", 1)),
    ],
)
def test_the_calendar_has_the_same_effect_in_every_place(
    points: list[RecoveryPoint], rules: dict[str, Any], calendar: dict[str, Any], outcome: tuple[str, int]
) -> None:
    assert outcomes(points, rules, calendar) == {outcome}


@pytest.mark.parametrize("calendar", [NOON, {**NOON, "weekdays": ["mon..sun"]}])
def test_the_calendar_next_to_the_policy_in_one_file(calendar: dict[str, Any]) -> None:
    rules = {"recovery_points": {"daily": 3}}
    assert result(AROUND_MIDNIGHT, {"policy": rules, **calendar}) == "pass"
    # Settings in the policy take precedence.
    assert result(AROUND_MIDNIGHT, {"policy": {**rules, "day_start": "00:00"}, **calendar}) == "fail"
    assert result(AROUND_MIDNIGHT, {"policy": {**rules, **calendar}, "day_start": "00:00"}) == "pass"


def test_weekdays_of_an_attribute_and_of_a_rule_take_precedence() -> None:
    for level, age in (("policy", 19), ("attribute", 26), ("rule", 19)):
        policy: dict[str, Any] = {**WORKDAYS, "recovery_points": {"max_age": {"limit": "30h"}}}
        if level != "policy":
            policy["recovery_points"]["weekdays"] = ["mon..sun"]
        if level == "rule":
            policy["recovery_points"]["max_age"]["weekdays"] = ["mon..fri"]
        assert finding(row(FRIDAY), policy)["actual"] == age * HOUR


@pytest.mark.parametrize(
    ("calendar", "text"),
    [
        ({"timezone": "Europe/Berln"}, "timezone: unknown time zone 'Europe/Berln'"),
        ({"timezone": "../../etc/passwd"}, "timezone: unknown time zone"),
        ({"timezone": ""}, "timezone: unknown time zone ''"),
        ({"timezone": 1}, "timezone: unknown time zone 1"),
        ({"timezone": None}, "timezone: unknown time zone None"),
        ({"day_start": "24:00"}, "day_start: '24:00' is not a valid time of day"),
        ({"day_start": "6:00"}, "day_start: '6:00' is not a valid time of day"),
        ({"day_start": "12:00:00"}, "day_start: '12:00:00' is not a valid time of day"),
        # The value to which YAML converts 12:00 without quotes.
        ({"day_start": 720}, "day_start: 720 is not a valid time of day"),
        ({"day_start": ""}, "day_start: '' is not a valid time of day"),
        ({"weekdays": "mon"}, "weekdays: 'mon' is not a list"),
        ({"weekdays": []}, "weekdays: the list is empty"),
        ({"weekdays": ["monday"]}, "weekdays[0]: 'monday' is not a valid value. Did you mean 'mon'?"),
        ({"weekdays": ["mon..fry"]}, "weekdays[0]: 'fry' is not a valid value"),
        ({"weekdays": ["mon", "x"]}, "weekdays[1]: 'x' is not a valid value"),
    ],
)
def test_invalid_calendars_are_rejected_in_every_place(calendar: dict[str, Any], text: str) -> None:
    policies = [{"name": "x", "policy": {**SEVEN, **calendar}}]
    for given in ({**SEVEN, **calendar}, {"policy": {**SEVEN, **calendar}}, {"policies": policies}):
        with pytest.raises(OptionError) as caught:
            compile_document(given)
        assert text in str(caught.value)


@pytest.mark.parametrize("name", ["timezone", "day_start"])
def test_a_calendar_of_an_attribute_or_a_rule_is_rejected(name: str) -> None:
    value = {**ZONE, **NOON}[name]
    for rules in ({"min_count": 7, name: value}, {"min_count": {"limit": 7, name: value}}):
        with pytest.raises(OptionError, match=f"{name}: unknown"):
            compile_document({"recovery_points": rules})
