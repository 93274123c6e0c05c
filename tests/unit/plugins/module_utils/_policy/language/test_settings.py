# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of policy, attribute and rule: on_unknown, warn_at, accept, weekdays."""

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
    is_unknown_text,
    read,
    row,
    with_attribute,
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
def test_the_nearest_on_unknown_wins(text: dict[str, str], blocking: bool) -> None:
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
    policy = {"recovery_points": {"max_age": "26h", "min_count": 7}, "on_unknown": on_unknown}
    totals = evaluate(COUNTS, policy).frame["totals"]
    assert totals["not_proved"] == 1
    assert totals["blocking"] == (1 if on_unknown == "fail" else 0)
    assert totals["verdicts"]["unknown"] == 1
    assert totals["verdicts"]["pass"] == 0


@pytest.mark.parametrize(
    ("rule", "age", "result"),
    [
        ({"max_age": {"limit": "10h", "warn_at": "50%"}}, 5, "pass"),
        ({"max_age": {"limit": "10h", "warn_at": "50%"}}, 5.01, "warn"),
        ({"max_age": "10h", "warn_at": "50%"}, 10, "warn"),
        ({"max_age": "10h", "warn_at": "50%"}, 10.01, "fail"),
        ({"max_age": {"limit": "10h", "warn_at": "90%"}, "warn_at": "50%"}, 8, "pass"),
        # Values do not approach a minimum from below: exactly the required value is not a warning.
        ({"min_count": 30, "warn_at": "50%"}, 5, "pass"),
    ],
)
def test_warn_at(rule: dict[str, Any], age: float, result: str) -> None:
    found = finding(row(newest=ago(hours=age)), {"recovery_points": rule})
    assert (found["result"], found["certainty"]) == (result, "reported")


@pytest.mark.parametrize(("tested", "result"), [(45, "pass"), (45.1, "warn"), (90, "warn"), (90.1, "fail")])
def test_warn_at_of_a_test(tested: float, result: str) -> None:
    facts = {"count": 1, "newest": ago(days=100), "oldest": ago(days=100), "false": 29, "tested_at": ago(days=tested)}
    policy = {"restore_tested": {"max_age": {"limit": "90d", "warn_at": "50%"}}}
    assert finding(with_attribute("restore_tested", facts), policy)["result"] == result


def test_warn_at_changes_nothing_about_unknowns() -> None:
    """Between the warning threshold and the limit, an unknown point may still be recent enough."""
    rule = {"limit": "10h", "warn_at": "50%", "on_unknown": "ignore"}
    policy = {"recovery_points": {"max_age": rule}}
    facts = {"count": 30, "newest": ago(hours=12), "oldest": ago(days=30), "unknown": 1, "newest_unknown": ago(hours=8)}
    assert finding(with_attribute("recovery_points", facts, newest=ago(hours=12)), policy)["result"] == "unknown"
    since = read(EMPTY, window={"since": ago(hours=8)})
    assert finding(since, policy)["result"] == "unknown"


SOFT = {
    "count": 1,
    "newest": ago(days=9),
    "oldest": ago(days=20),
    "false": 10,
    "inferred": {"count": 4, "newest": ago(days=2), "oldest": ago(days=25)},
    "declared": {"count": 15, "newest": ago(days=1), "oldest": ago(days=29)},
}


@pytest.mark.parametrize(
    ("rules", "accept", "result", "certainty"),
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
def test_accept(rules: dict[str, Any], accept: list[str] | None, result: str, certainty: str) -> None:
    policy: dict[str, Any] = {"immutable": dict(rules), "on_unknown": "ignore"}
    if accept is not None:
        policy["immutable"]["accept"] = accept
    found = finding(with_attribute("immutable", SOFT), policy)
    assert (found["result"], found["certainty"]) == (result, certainty), found["message"]


def test_refused_inferences_and_unknown_points_are_one_group() -> None:
    facts = {
        "count": 0,
        "unknown": 10,
        "newest_unknown": ago(days=3),
        "oldest_unknown": ago(days=12),
        "inferred": {"count": 20, "newest": ago(days=2), "oldest": ago(days=29)},
    }
    for rules in ({"max_age": "2d"}, {"min_retention": "29d"}, {"min_count": 30}):
        result = finding(with_attribute("immutable", facts), {"immutable": {**rules, "on_unknown": "ignore"}})
        assert result["result"] == "unknown", result["message"]
    for rules in ({"max_age": "47h"}, {"min_retention": "30d"}, {"min_count": 31}):
        assert finding(with_attribute("immutable", facts), {"immutable": rules})["result"] == "fail"


@pytest.mark.parametrize("accept", [[], ["inferred"]])
def test_inferences_without_a_time_prove_no_age(accept: list[str]) -> None:
    facts = {"count": 2, "newest": ago(days=9), "oldest": ago(days=9), "inferred": {"count": 28}}
    workload = row(newest=None, oldest=None, by_kind=None, attributes={"immutable": facts})
    for rules in ({"max_age": "2d"}, {"min_retention": "29d"}):
        policy = {"immutable": {**rules, **({"accept": accept} if accept else {})}, "on_unknown": "ignore"}
        assert finding(workload, policy)["result"] == "unknown"


@pytest.mark.parametrize("level", ["policy", "attribute", "rule"])
def test_accept_at_each_level(level: str) -> None:
    policy: dict[str, Any] = {"immutable": {"min_count": {"limit": 5}}}
    {"policy": policy, "attribute": policy["immutable"], "rule": policy["immutable"]["min_count"]}[level]["accept"] = [
        "inferred"
    ]
    assert finding(with_attribute("immutable", SOFT), policy)["certainty"] == "inferred"


def test_none_where_an_inference_says_some() -> None:
    """If not accepted, it is unknown; if accepted, one point has it."""
    facts = {"count": 0, "false": 29, "inferred": {"count": 1, "newest": ago(days=2), "oldest": ago(days=2)}}
    policy: dict[str, Any] = {"immutable": {"none": True, "on_unknown": "ignore"}}
    assert finding(with_attribute("immutable", facts), policy)["result"] == "unknown"
    policy["immutable"]["accept"] = ["inferred"]
    result = finding(with_attribute("immutable", facts), policy)
    assert (result["result"], result["certainty"]) == ("fail", "inferred")


def test_the_message_says_why_an_inference_does_not_count() -> None:
    result = finding(with_attribute("immutable", SOFT), {"immutable": {"min_count": 5}})
    assert result["message"] == (
        "immutable recovery points: 1 known, at least 5 required; immutability only inferred or declared for 19 "
        "recovery points, which the policy does not accept"
    )
