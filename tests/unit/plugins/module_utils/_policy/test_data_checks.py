# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data quality of a read result: complete, recent, on time, wide enough."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time
from tests.unit.plugins.module_utils._policy.policy_rows import (
    COUNTS,
    EMPTY,
    NOW,
    ago,
    evaluate,
    finding,
    findings,
    gaps,
    read,
    row,
    with_attribute,
)

MINIMUM = {"recovery_points": {"min_count": 7}}
NONE_READ = "{} returned no workloads. The account may lack permission to list them."


def about_reading(read_results: Any, **given: Any) -> dict[str, tuple[str, str]]:
    """control -> (result, message) of the findings about the read itself."""
    assessment = evaluate(read_results, MINIMUM, **given).plain()["findings"]
    return {one["control"]: (one["result"], one["message"]) for one in assessment if one["control"].startswith("data.")}


def test_a_good_read_is_proof_itself() -> None:
    assert about_reading(read(row())) == {
        "data.complete": ("pass", "vbr1 was read completely"),
        "data.age": ("pass", "data of vbr1 is 0s old (maximum 24h)"),
        "data.workloads": ("pass", "vbr1 returned 1 workload"),
    }


def restore_tested(**verify: Any) -> Any:
    return read(row(), server={**read()["server"], "verify": verify})


def test_damage_that_the_products_own_check_found_fails_whatever_the_policy_asks() -> None:
    damaged = restore_tested(level="data", result="damaged", server_message="pack 6d02 is broken")
    assert about_reading(damaged)["data.verify"] == (
        "fail",
        "data check of vbr1 found damage: pack 6d02 is broken",
    )
    assert not evaluate(damaged, {**MINIMUM, "on_unknown": "ignore"}).compliant


def test_a_check_that_found_nothing_passes() -> None:
    sound = restore_tested(level="quick", result="sound")
    assert about_reading(sound)["data.verify"] == ("pass", "quick check of vbr1 found no damage")


@pytest.mark.parametrize("result", ["skipped", "unfinished"])
def test_a_check_that_was_not_made_is_a_warning(result: str) -> None:
    output = about_reading(restore_tested(level="data", result=result))["data.verify"]
    assert output == ("warn", f"data check of vbr1 was {result}: damage cannot be ruled out")


@pytest.mark.parametrize("complete", [False, None, "yes", 1])
@pytest.mark.parametrize("on_unknown", ["fail", "warn", "ignore"])
def test_an_incomplete_read_never_passes(complete: Any, on_unknown: str) -> None:
    errors = [{"code": "forbidden", "message": f"repository {number} cannot be read"} for number in range(5)]
    partial = read(row(), complete=complete, errors=errors)
    assessment = evaluate(partial, {**MINIMUM, "on_unknown": on_unknown})
    assert not assessment.compliant
    result, message = about_reading(partial)["data.complete"]
    assert result == "fail"
    assert "repository 0 cannot be read; repository 1" in message
    assert message.endswith("; and 2 more")
    found = finding(partial, {**MINIMUM, "on_unknown": on_unknown})
    assert (found["result"], found["blocking"]) == ("unknown", on_unknown == "fail")
    assert found["certainty"] == "unknown"
    assert found["message"] == "30 recovery points, at least 7 required, but vbr1 was only partially read"


def test_a_fail_of_an_incomplete_read_stays_a_fail() -> None:
    result = finding(read(row(recovery_points=3), complete=False), {**MINIMUM, "on_unknown": "ignore"})
    assert (result["result"], result["certainty"]) == ("fail", "reported")


def test_no_workloads_never_pass() -> None:
    assessment = evaluate(read(), MINIMUM)
    assert not assessment.compliant
    assert about_reading(read())["data.workloads"] == ("fail", NONE_READ.format("vbr1"))
    assert about_reading(read())["data.proof"] == ("fail", "no workloads were read")
    assert evaluate([], MINIMUM).compliant is False


@pytest.mark.parametrize(
    ("options", "result"),
    [
        ({}, "fail"),
        ({"on_empty": "fail", "expected": ["web01"]}, "fail"),
        ({"on_empty": "warn"}, "warn"),
        ({"expected": ["web01"]}, "warn"),
    ],
)
def test_one_empty_read_beside_a_good_one(options: dict[str, Any], result: str) -> None:
    empty = read(server={"host": "vbr2"})
    assessment = evaluate([read(row()), empty], MINIMUM, **options)
    assert assessment.compliant is (result == "warn")
    output = [
        one for one in assessment.plain()["findings"] if one["control"] == "data.workloads" and one["source"] == "vbr2"
    ]
    assert [(one["result"], one["actual"], one["certainty"]) for one in output] == [(result, 0, "unknown")]
    assert output[0]["message"] == NONE_READ.format("vbr2")


def test_what_becomes_of_on_empty_is_refused_by_its_name() -> None:
    with pytest.raises(AuditError, match="on_empty: 'ignore' is not"):
        evaluate(read(row()), MINIMUM, on_empty="ignore")


def test_nothing_but_ignored_unknowns_is_no_proof() -> None:
    silent = read(COUNTS)
    assessment = evaluate(silent, {"encrypted": {"all": True}, "on_unknown": "ignore"})
    assert assessment.compliant is False
    assert about_reading(read(row(recovery_points=1)))["data.complete"][0] == "pass"
    result = [one["message"] for one in assessment.plain()["findings"] if one["control"] == "data.proof"]
    assert result == ["no workload is proved compliant"]


def test_that_a_workload_exists_is_no_proof_of_its_backups() -> None:
    policy = {"encrypted": {"all": True}, "on_unknown": "ignore"}
    assert evaluate(read(row()), policy, expected=["web01"]).compliant is False
    waivers = [{"workload": "*", "control": "*", "until": "2026-12-31", "reason": "x"}]
    assert evaluate(read(row()), policy, waivers=waivers).compliant is False
    assert evaluate(read(row()), {**policy, **MINIMUM}).compliant is True


def test_all_excluded_is_no_proof() -> None:
    exclude = [{"match": {"workload_name": "*"}, "reason": "a test lab"}]
    assert evaluate(read(row()), MINIMUM, exclude=exclude).compliant is False


@pytest.mark.parametrize(("age", "passes"), [(24 * HOUR, True), (24 * HOUR + 1, False)])
def test_an_old_read_proves_nothing(age: int, passes: bool) -> None:
    as_of = NOW + age * SECOND
    assert evaluate(read(row()), MINIMUM, as_of=as_of).compliant is passes
    result = finding(read(row()), MINIMUM, as_of=as_of)
    assert (result["certainty"] == "reported") is passes
    assert about_reading(read(row()), as_of=as_of)["data.age"][0] == ("pass" if passes else "fail")


def test_max_data_age_is_the_policys() -> None:
    as_of = NOW + 3 * DAY * SECOND
    assert not evaluate(read(row()), MINIMUM, as_of=as_of).compliant
    assert evaluate(read(row()), MINIMUM, as_of=as_of, max_data_age="3d").compliant
    assert evaluate(read(row()), {"policy": MINIMUM, "max_data_age": "3d"}, as_of=as_of).compliant


def test_a_read_result_of_a_later_time_is_refused() -> None:
    """What was removed before the read is unknown, so it proves nothing about an earlier time."""
    assert evaluate(read(row()), MINIMUM, as_of=NOW - 300 * SECOND).compliant
    as_of = NOW - 301 * SECOND
    with pytest.raises(OptionError) as refused:
        evaluate(read(row()), MINIMUM, as_of=as_of)
    assert refused.value.message == f"as_of: {format_time(as_of)} is before vbr1 was read ({format_time(NOW)})"


@pytest.mark.parametrize(("oldest", "result"), [(10, "pass"), (9.999, "fail"), (1, "fail")])
def test_retention_is_that_at_the_read(oldest: float, result: str) -> None:
    """A point that was 1 day old at the read is not known to exist 10 days later."""
    old = read(row(oldest=ago(days=oldest)))
    policy = {"recovery_points": {"min_retention": "10d"}}
    for days in (0, 10):
        assert finding(old, policy, as_of=NOW + days * DAY * SECOND, max_data_age="30d")["result"] == result


def test_times_of_a_read_are_those_of_the_servers_clock() -> None:
    """The server is 200 s ahead: a point of its time 24 h ago is 24 h old when it is read."""
    ahead = read(
        row(oldest=ago(hours=24, seconds=-200)), server={"host": "vbr1", "product": "spp", "clock_skew_seconds": 200}
    )
    assert finding(ahead, {"recovery_points": {"min_retention": "24h"}})["result"] == "pass"
    assert finding(ahead, {"recovery_points": {"min_retention": "86401s"}})["result"] == "fail"


def test_ages_are_those_at_as_of() -> None:
    policy = {"recovery_points": {"max_age": "26h"}}
    assert finding(read(row()), policy, as_of=NOW + 21 * HOUR * SECOND)["result"] == "pass"
    result = finding(read(row()), policy, as_of=NOW + (21 * HOUR + 1) * SECOND)
    assert (result["result"], result["actual"], result["limit"]) == ("fail", 26 * HOUR + 1, 26 * HOUR)
    assert result["message"] == "newest recovery point is 1d 2h and 1s old (maximum 26h)"


@pytest.mark.parametrize(("skew", "result"), [(300, "fail"), (299, "pass"), (-300, "pass")])
def test_ages_are_told_by_the_servers_clock(skew: int, result: str) -> None:
    """A server whose clock is ahead gives its points later times; the age is measured with that clock."""
    skewed = read(row(newest=ago(seconds=26 * HOUR - 299)), server={"host": "vbr1", "clock_skew_seconds": skew})
    assert finding(skewed, {"recovery_points": {"max_age": "26h"}})["result"] == result


@pytest.mark.parametrize("skew", [301, -301, 4000])
def test_a_clock_that_is_far_off_proves_no_age(skew: int) -> None:
    skewed = read(row(), server={"host": "vbr1", "clock_skew_seconds": skew})
    rules = {
        "max_age": "26h",
        "min_retention": "3d",
        "max_gap": "26h",
        "daily": 3,
        "weekly": 1,
        "monthly": 1,
        "yearly": 1,
    }
    policy = {
        "recovery_points": {"min_count": 7, **rules},
        "restore_tested": {"max_age": "90d"},
        "encrypted": {"all": {"within": "7d"}},
        "locations": {"min_count": 1, "max_age": "26h"},
        "on_unknown": "ignore",
    }
    attributes = {**row()["attributes"], "encrypted": {"count": 30, "newest": ago(hours=5)}}
    places = [{"location": "repo", "location_type": "disk", "count": 30, "newest": ago(hours=5)}]
    assessment = evaluate(
        read(row(attributes=attributes, locations=places), server={"host": "vbr1", "clock_skew_seconds": skew}), policy
    ).plain()["findings"]
    for one in assessment:
        if one["control"] == "recovery_points.min_count":
            assert one["result"] == "pass"
        elif not one["control"].startswith("data."):
            assert one["result"] == "unknown", one
            assert "clock of vbr1 is off by" in one["message"]
    assert finding(skewed, {"recovery_points": {"max_age": "26h"}})["result"] == "unknown"


def windowed(workload: dict[str, Any], policy: dict[str, Any], **window: str) -> tuple[str, str]:
    """Return result and message for a read result with a window."""
    found = findings(read(workload, window=window), {**policy, "on_unknown": "ignore"})[0]
    return found["result"], found["message"]


@pytest.mark.parametrize(
    ("workload", "policy", "since", "result"),
    [
        # Points that were found count; others may be further back.
        (row(), {"recovery_points": {"min_count": 30}}, 30, "pass"),
        (row(), {"recovery_points": {"min_count": 31}}, 30, "unknown"),
        (row(), {"recovery_points": {"min_retention": "30d"}}, 30, "pass"),
        (row(), {"recovery_points": {"min_retention": "31d"}}, 400, "unknown"),
        (row(), {"recovery_points": {"max_age": "5h"}}, 0.1, "pass"),
        (EMPTY, {"recovery_points": {"max_age": "26h"}}, 1, "unknown"),
        (row(newest=ago(days=2)), {"recovery_points": {"max_age": "26h"}}, 3, "fail"),
        (EMPTY, {"recovery_points": {"max_age": "24h"}}, 1, "fail"),
        # A test of a point that was not read may be from yesterday.
        (
            with_attribute("restore_tested", {"count": 0, "false": 30}),
            {"restore_tested": {"max_age": "1d"}},
            30,
            "unknown",
        ),
        (with_attribute("encrypted", {"count": 30}), {"encrypted": {"all": True}}, 400, "unknown"),
        (
            with_attribute("encrypted", {"count": 30, "newest": ago(hours=5)}),
            {"encrypted": {"all": {"within": "30d"}}},
            30,
            "pass",
        ),
        (
            with_attribute("encrypted", {"count": 30, "newest": ago(hours=5)}),
            {"encrypted": {"all": {"within": "31d"}}},
            30,
            "unknown",
        ),
        (with_attribute("encrypted", {"count": 29, "false": 1}), {"encrypted": {"all": True}}, 30, "fail"),
        (row(malware={"clean": 30}), {"malware": {"none": True}}, 30, "unknown"),
        (row(), {"recovery_points": {"daily": 30}}, 30, "pass"),
        (row(), {"recovery_points": {"daily": 31}}, 30, "unknown"),
        # The run ended within the window: older points cannot extend it.
        (row(calendar={"days": 3}), {"recovery_points": {"daily": 7}}, 5, "fail"),
        (row(calendar={"days": 3}), {"recovery_points": {"daily": 7}}, 4, "unknown"),
        (row(), {"recovery_points": {"max_gap": "26h"}}, 400, "unknown"),
        (
            row(oldest=ago(days=400)),
            {"recovery_points": {"max_gap": {"limit": "26h", "within": "31d"}}},
            40,
            "pass",
        ),
        (row(gaps=gaps(every=99 * HOUR)), {"recovery_points": {"max_gap": "26h"}}, 400, "fail"),
        (EMPTY, {"locations": {"min_count": 1}}, 30, "unknown"),
        (EMPTY, {"locations": {"min_count": 1, "max_age": "29d"}}, 30, "fail"),
        (EMPTY, {"locations": {"min_count": 1, "max_age": "31d"}}, 30, "unknown"),
        (EMPTY, {"size": {"min_percent_of_median": "50%"}}, 30, "unknown"),
        (EMPTY, {"locations": {"max_age": "30d"}}, 30, "fail"),
        (EMPTY, {"locations": {"max_age": {"limit": "31d", "warn_at": "50%"}}}, 30, "unknown"),
        (EMPTY, {"recovery_points": {"max_gap": "26h"}}, 30, "unknown"),
    ],
)
def test_what_lies_before_the_window_is_unknown(
    workload: dict[str, Any], policy: dict[str, Any], since: float, result: str
) -> None:
    output, message = windowed(workload, policy, since=ago(days=since))
    assert output == result, message
    if result == "unknown":
        assert "were not read" in message


@pytest.mark.parametrize(
    ("policy", "result"),
    [
        ({"recovery_points": {"min_count": 30}}, "pass"),
        ({"recovery_points": {"min_count": 31}}, "unknown"),
        ({"recovery_points": {"max_age": "4h"}}, "unknown"),
        ({"recovery_points": {"min_retention": "31d"}}, "unknown"),
        ({"recovery_points": {"max_gap": "24h"}}, "unknown"),
        ({"recovery_points": {"daily": 31}}, "unknown"),
        ({"malware": {"none": True}}, "unknown"),
    ],
)
def test_what_lies_behind_the_window_is_unknown(policy: dict[str, Any], result: str) -> None:
    output, message = windowed(row(malware={"clean": 30}), policy, until=ago(hours=4))
    assert output == result, message


def test_a_window_that_ends_when_it_was_read_is_no_limit() -> None:
    assert windowed(row(), {"recovery_points": {"min_count": 31}}, until=format_time(NOW))[0] == "fail"


def test_counted_points_prove_no_time() -> None:
    policy = {"recovery_points": {"min_count": 7, "max_age": "26h", "daily": 7, "max_gap": "26h"}}
    assessment = evaluate(COUNTS, {**policy, "on_unknown": "ignore"}).plain()["findings"]
    results = {one["control"]: one["result"] for one in assessment if one["control"].startswith("recovery_points")}
    assert results == {
        "recovery_points.min_count": "pass",
        "recovery_points.max_age": "unknown",
        "recovery_points.daily": "unknown",
        "recovery_points.max_gap": "unknown",
    }


def test_what_an_account_cannot_see_is_told() -> None:
    blind = read(row(), server={"host": "vbr1", "scope": {"inventory": False, "databases": False, "copies": True}})
    result = about_reading(blind)
    assert result["data.inventory"][0] == "warn"
    assert "unprotected workloads cannot be detected" in result["data.inventory"][1]
    assert result["data.scope"] == ("warn", "the account has no access to parts of vbr1: databases")


def test_points_in_the_future_are_told() -> None:
    assessment = evaluate(row(in_future=2), MINIMUM).plain()["findings"]
    (ahead,) = [one for one in assessment if one["control"] == "recovery_points.in_future"]
    assert (ahead["result"], ahead["actual"]) == ("warn", 2)
    assert ahead["message"] == "2 recovery points are dated in the future and not counted"


@pytest.mark.parametrize(
    "damaged",
    [
        {"recovery_points": "30"},
        {"recovery_points": None},
        {"attributes": {"recovery_points": [1]}},
        {"attributes": []},
        {"newest": "yesterday"},
        {"gaps": {"all": "long"}},
        {"calendar": {"days": "many"}},
        {"calendar": [3]},
    ],
)
def test_a_row_that_is_none_is_an_error(damaged: dict[str, Any]) -> None:
    policy = {"recovery_points": {"min_count": 40, "max_age": "1h", "max_gap": "1h", "daily": 7}}
    expected = r"result of vbr1: workload 0 \(web01\) has an invalid format|the read result contains an invalid row"
    with pytest.raises(DataError, match=expected):
        evaluate(row(**damaged), policy)


@pytest.mark.parametrize("member", [{"read_at": None}, {"read_at": "today"}, {"window": {"since": "long ago"}}])
def test_a_read_without_times_is_an_error(member: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"read result of vbr1: .* is not a valid RFC 3339 time"):
        evaluate(read(row(), **member), MINIMUM)
