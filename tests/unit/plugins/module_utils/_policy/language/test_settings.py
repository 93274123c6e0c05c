# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of policy, facet and rule: on_unknown, warn_at, accept, weekdays."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._policy.policy_rows import (
    COUNTS,
    EMPTY,
    ago,
    evaluate,
    finding,
    findings,
    read,
    row,
    with_facet,
)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ({}, "fail"),
        ({"policy": "fail"}, "fail"),
        ({"policy": "warn"}, "warn"),
        ({"policy": "ignore"}, "unknown"),
        ({"policy": "ignore", "facet": "warn"}, "warn"),
        ({"policy": "ignore", "facet": "warn", "rule": "fail"}, "fail"),
        ({"facet": "warn", "rule": "ignore"}, "unknown"),
        ({"rule": "warn"}, "warn"),
    ],
)
def test_the_nearest_on_unknown_wins(text: dict[str, str], result: str) -> None:
    policy: dict[str, Any] = {"verified": {"minimum": {"limit": 1}}, "recovery_points": {"minimum": 7}}
    for level, place in (("policy", policy), ("facet", policy["verified"]), ("rule", policy["verified"]["minimum"])):
        if level in text:
            place["on_unknown"] = text[level]
    output = {one["control"]: one for one in findings(row(), policy)}["verified.minimum"]
    assert (output["result"], output["certainty"]) == (result, "unknown")
    assert output["message"].startswith("cannot tell whether")
    assert evaluate(row(), policy).compliant is (result != "fail")


@pytest.mark.parametrize("on_unknown", ["fail", "warn", "ignore"])
def test_unknown_is_counted_and_never_a_pass(on_unknown: str) -> None:
    policy = {"recovery_points": {"newest_within": "26h", "minimum": 7}, "on_unknown": on_unknown}
    totals = evaluate(COUNTS, policy).frame["totals"]
    assert totals["not_proved"] == 1
    verdict = {"fail": "fail", "warn": "warn", "ignore": "unknown"}[on_unknown]
    assert totals["verdicts"][verdict] == 1
    assert totals["verdicts"]["pass"] == 0


@pytest.mark.parametrize(
    ("rule", "age", "result"),
    [
        ({"newest_within": {"limit": "10h", "warn_at": "50%"}}, 5, "pass"),
        ({"newest_within": {"limit": "10h", "warn_at": "50%"}}, 5.01, "warn"),
        ({"newest_within": "10h", "warn_at": "50%"}, 10, "warn"),
        ({"newest_within": "10h", "warn_at": "50%"}, 10.01, "fail"),
        ({"newest_within": {"limit": "10h", "warn_at": "90%"}, "warn_at": "50%"}, 8, "pass"),
        # Values do not approach a minimum from below: exactly the required value is not a warning.
        ({"minimum": 30, "warn_at": "50%"}, 5, "pass"),
    ],
)
def test_warn_at(rule: dict[str, Any], age: float, result: str) -> None:
    found = finding(row(newest=ago(hours=age)), {"recovery_points": rule})
    assert (found["result"], found["certainty"]) == (result, "exact")


@pytest.mark.parametrize(("tested", "result"), [(45, "pass"), (45.1, "warn"), (90, "warn"), (90.1, "fail")])
def test_warn_at_of_a_test(tested: float, result: str) -> None:
    facts = {"count": 1, "newest": ago(days=100), "oldest": ago(days=100), "false": 29, "tested_at": ago(days=tested)}
    policy = {"verified": {"newest_within": {"limit": "90d", "warn_at": "50%"}}}
    assert finding(with_facet("verified", facts), policy)["result"] == result


def test_warn_at_changes_nothing_about_unknowns() -> None:
    """Between the warning threshold and the limit, an unknown point may still be recent enough."""
    rule = {"limit": "10h", "warn_at": "50%", "on_unknown": "ignore"}
    policy = {"recovery_points": {"newest_within": rule}}
    facts = {"count": 30, "newest": ago(hours=12), "oldest": ago(days=30), "unknown": 1, "newest_unknown": ago(hours=8)}
    assert finding(with_facet("recovery_points", facts, newest=ago(hours=12)), policy)["result"] == "unknown"
    since = read(EMPTY, window={"since": ago(hours=8)})
    assert finding(since, policy)["result"] == "unknown"


SOFT = {
    "count": 1,
    "newest": ago(days=9),
    "oldest": ago(days=20),
    "false": 10,
    "estimated": {"count": 4, "newest": ago(days=2), "oldest": ago(days=25)},
    "attested": {"count": 15, "newest": ago(days=1), "oldest": ago(days=29)},
}


@pytest.mark.parametrize(
    ("rules", "accept", "result", "certainty"),
    [
        ({"minimum": 1}, None, "pass", "exact"),
        ({"minimum": 2}, None, "unknown", "unknown"),
        ({"minimum": 2}, ["exact"], "unknown", "unknown"),
        ({"minimum": 1}, ["exact", "estimated"], "pass", "exact"),
        ({"minimum": 5}, ["exact", "estimated"], "pass", "estimated"),
        ({"minimum": 6}, ["exact", "estimated"], "unknown", "unknown"),
        ({"minimum": 16}, ["exact", "attested"], "pass", "attested"),
        ({"minimum": 5}, ["exact", "attested", "estimated"], "pass", "attested"),
        ({"minimum": 20}, ["exact", "attested", "estimated"], "pass", "estimated"),
        ({"minimum": 21}, ["exact", "attested", "estimated"], "fail", "exact"),
        ({"newest_within": "9d"}, None, "pass", "exact"),
        ({"newest_within": "2d"}, None, "unknown", "unknown"),
        ({"newest_within": "2d"}, ["estimated"], "pass", "estimated"),
        ({"newest_within": "1d"}, ["estimated"], "unknown", "unknown"),
        ({"newest_within": "23h"}, ["estimated", "attested"], "fail", "exact"),
        ({"reaches_back": "25d"}, ["estimated"], "pass", "estimated"),
        ({"none": True}, None, "fail", "exact"),
        ({"all": True}, ["estimated", "attested"], "fail", "exact"),
    ],
)
def test_accept(rules: dict[str, Any], accept: list[str] | None, result: str, certainty: str) -> None:
    policy: dict[str, Any] = {"immutable": dict(rules), "on_unknown": "ignore"}
    if accept is not None:
        policy["immutable"]["accept"] = accept
    found = finding(with_facet("immutable", SOFT), policy)
    assert (found["result"], found["certainty"]) == (result, certainty), found["message"]


def test_refused_estimates_and_unknown_points_are_one_group() -> None:
    facts = {
        "count": 0,
        "unknown": 10,
        "newest_unknown": ago(days=3),
        "oldest_unknown": ago(days=12),
        "estimated": {"count": 20, "newest": ago(days=2), "oldest": ago(days=29)},
    }
    for rules in ({"newest_within": "2d"}, {"reaches_back": "29d"}, {"minimum": 30}):
        result = finding(with_facet("immutable", facts), {"immutable": {**rules, "on_unknown": "ignore"}})
        assert result["result"] == "unknown", result["message"]
    for rules in ({"newest_within": "47h"}, {"reaches_back": "30d"}, {"minimum": 31}):
        assert finding(with_facet("immutable", facts), {"immutable": rules})["result"] == "fail"


@pytest.mark.parametrize("accept", [[], ["estimated"]])
def test_estimates_without_a_time_prove_no_age(accept: list[str]) -> None:
    facts = {"count": 2, "newest": ago(days=9), "oldest": ago(days=9), "estimated": {"count": 28}}
    workload = row(newest=None, oldest=None, by_kind=None, facets={"immutable": facts})
    for rules in ({"newest_within": "2d"}, {"reaches_back": "29d"}):
        policy = {"immutable": {**rules, **({"accept": accept} if accept else {})}, "on_unknown": "ignore"}
        assert finding(workload, policy)["result"] == "unknown"


@pytest.mark.parametrize("level", ["policy", "facet", "rule"])
def test_accept_at_each_level(level: str) -> None:
    policy: dict[str, Any] = {"immutable": {"minimum": {"limit": 5}}}
    {"policy": policy, "facet": policy["immutable"], "rule": policy["immutable"]["minimum"]}[level]["accept"] = [
        "estimated"
    ]
    assert finding(with_facet("immutable", SOFT), policy)["certainty"] == "estimated"


def test_none_where_an_estimate_says_some() -> None:
    """If not accepted, it is unknown; if accepted, one point has it."""
    facts = {"count": 0, "false": 29, "estimated": {"count": 1, "newest": ago(days=2), "oldest": ago(days=2)}}
    policy: dict[str, Any] = {"immutable": {"none": True, "on_unknown": "ignore"}}
    assert finding(with_facet("immutable", facts), policy)["result"] == "unknown"
    policy["immutable"]["accept"] = ["estimated"]
    result = finding(with_facet("immutable", facts), policy)
    assert (result["result"], result["certainty"]) == ("fail", "estimated")


def test_the_message_says_why_an_estimate_does_not_count() -> None:
    result = finding(with_facet("immutable", SOFT), {"immutable": {"minimum": 5}})
    assert result["message"] == (
        "cannot tell whether there are at least 5 immutable recovery points: 1 are known, and of 19 points this is "
        "only estimated or attested, which the policy does not accept"
    )
