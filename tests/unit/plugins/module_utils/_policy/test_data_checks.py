# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data quality of a read result: completeness, age, clock, window."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    DAY,
    HOUR,
    SECOND,
    format_time,
    parse_time,
)
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    NOW,
    SEVEN,
    ago,
    evaluate,
    finding,
    findings,
    nightly,
    point,
    read,
    row,
)

FEW = nightly(3)
NONE_READ = "{} returned no workloads. The account may lack permission to list them."


def about_reading(read_results: Any, **given: Any) -> dict[str, tuple[str, str]]:
    """Return control -> (result, message) of the findings about the read itself."""
    assessment = evaluate(read_results, SEVEN, **given).plain()["findings"]
    return {one["control"]: (one["result"], one["message"]) for one in assessment if one["control"].startswith("data.")}


def test_a_good_read_result() -> None:
    assert about_reading(read(row())) == {
        "data.complete": ("pass", "vbr1 was read completely"),
        "data.age": ("pass", "data of vbr1 is 0s old (maximum 24h)"),
        "data.workloads": ("pass", "vbr1 returned 1 workload"),
    }


class TestVerify:
    """The product's own check of its data."""

    def test_damage_fails_regardless_of_the_policy(self) -> None:
        verify = {"level": "data", "result": "damaged", "server_message": "pack 6d02 is broken"}
        damaged = read(row(), server={"verify": verify})
        text = "data check of vbr1 found damage: pack 6d02 is broken"
        assert about_reading(damaged)["data.verify"] == ("fail", text)
        assert not evaluate(damaged, {**SEVEN, "on_unknown": "ignore"}).compliant

    @pytest.mark.parametrize(
        ("result", "outcome", "text"),
        [
            ("sound", "pass", "quick check of vbr1 found no damage"),
            ("skipped", "warn", "quick check of vbr1 was skipped: damage cannot be ruled out"),
            ("unfinished", "warn", "quick check of vbr1 was unfinished: damage cannot be ruled out"),
        ],
    )
    def test_other_results(self, result: str, outcome: str, text: str) -> None:
        checked = read(row(), server={"verify": {"level": "quick", "result": result}})
        assert about_reading(checked)["data.verify"] == (outcome, text)
        assert evaluate(checked, SEVEN).compliant

    def test_a_partial_check_is_reported(self) -> None:
        checked = read(row(), server={"verify": {"level": "data", "result": "sound", "part": "3/30"}})
        assert about_reading(checked)["data.verify"] == ("pass", "data check (part 3/30) of vbr1 found no damage")


class TestComplete:
    @pytest.mark.parametrize("on_unknown", ["fail", "warn", "ignore"])
    def test_an_incomplete_read_never_passes(self, on_unknown: str) -> None:
        errors = [{"code": "forbidden", "message": f"repository {number} cannot be read"} for number in range(5)]
        partial = read(row(), complete=False, errors=errors)
        assert not evaluate(partial, {**SEVEN, "on_unknown": on_unknown}).compliant
        result, message = about_reading(partial)["data.complete"]
        assert result == "fail"
        assert "repository 0 cannot be read; repository 1" in message
        assert message.endswith("; and 2 more")
        found = finding(partial, {**SEVEN, "on_unknown": on_unknown})
        assert (found["result"], found["blocking"]) == ("unknown", on_unknown == "fail")
        assert found["certainty"] == "unknown"
        assert found["message"] == "30 recovery points, at least 7 required, but vbr1 was only partially read"

    def test_a_warning_becomes_unknown_and_a_fail_stays(self) -> None:
        rule = {"limit": "6h", "warn_at": "50%"}
        partial = read(row(), complete=False)
        assert finding(partial, {"recovery_points": {"max_age": rule}})["result"] == "unknown"
        found = finding(read(row(FEW), complete=False), {**SEVEN, "on_unknown": "ignore"})
        assert (found["result"], found["certainty"]) == ("fail", "reported")

    @pytest.mark.parametrize("complete", [None, "yes", 1])
    def test_other_values_are_errors(self, complete: Any) -> None:
        with pytest.raises(DataError, match=r"complete: .* is not a boolean"):
            evaluate(read(row(), complete=complete), SEVEN)


class TestEmpty:
    def test_no_workloads_never_pass(self) -> None:
        assert not evaluate(read(), SEVEN).compliant
        assert about_reading(read())["data.workloads"] == ("fail", NONE_READ.format("vbr1"))
        assert about_reading(read())["data.proof"] == ("fail", "no workloads were read")
        assert evaluate([], SEVEN).compliant is False

    @pytest.mark.parametrize(
        ("options", "result"),
        [
            ({}, "fail"),
            ({"on_empty": "fail", "expected": ["web01"]}, "fail"),
            ({"on_empty": "warn"}, "warn"),
            ({"expected": ["web01"]}, "warn"),
        ],
    )
    def test_one_empty_read_next_to_a_good_one(self, options: dict[str, Any], result: str) -> None:
        assessment = evaluate([read(row(in_inventory=True)), read(server={"host": "vbr2"})], SEVEN, **options)
        assert assessment.compliant is (result == "warn")
        (about,) = [
            one
            for one in assessment.plain()["findings"]
            if one["control"] == "data.workloads" and one["source"] == "vbr2"
        ]
        assert (about["result"], about["actual"], about["certainty"]) == (result, 0, "unknown")
        assert about["message"] == NONE_READ.format("vbr2")

    def test_other_values_of_on_empty_are_rejected(self) -> None:
        with pytest.raises(AuditError, match="on_empty: 'ignore' is not"):
            evaluate(read(row()), SEVEN, on_empty="ignore")


class TestAge:
    @pytest.mark.parametrize(("age", "passes"), [(24 * HOUR, True), (24 * HOUR + 1, False)])
    @pytest.mark.parametrize("skew", [None, 200, -300])
    def test_an_old_read_result_proves_nothing(self, age: int, passes: bool, skew: int | None) -> None:
        """The age does not depend on the server's clock."""
        sealed = read(row(), server={"clock_skew_seconds": skew})
        as_of = NOW + age * SECOND
        assert evaluate(sealed, SEVEN, as_of=as_of).compliant is passes
        result = finding(sealed, SEVEN, as_of=as_of)
        assert (result["result"], result["certainty"]) == (("pass", "reported") if passes else ("unknown", "unknown"))
        assert about_reading(sealed, as_of=as_of)["data.age"][0] == ("pass" if passes else "fail")

    def test_max_data_age(self) -> None:
        as_of = NOW + 3 * DAY * SECOND
        assert not evaluate(row(), SEVEN, as_of=as_of).compliant
        assert evaluate(row(), SEVEN, as_of=as_of, max_data_age="3d").compliant
        assert evaluate(row(), {"policy": SEVEN, "max_data_age": "3d"}, as_of=as_of).compliant

    def test_a_read_result_of_a_later_time_is_rejected(self) -> None:
        """Points may have been removed before the read, so it proves nothing about an earlier time."""
        assert evaluate(row(), SEVEN, as_of=NOW - 300 * SECOND).compliant
        as_of = NOW - 301 * SECOND
        with pytest.raises(OptionError) as refused:
            evaluate(row(), SEVEN, as_of=as_of)
        assert refused.value.message == f"as_of: {format_time(as_of)} is before vbr1 was read ({format_time(NOW)})"

    @pytest.mark.parametrize(
        ("as_of", "accepted"),
        [
            ("0001-01-01T00:00:00Z", False),
            ("1979-12-31T23:59:59Z", False),
            ("1980-01-01T00:00:00Z", True),
            ("9000-01-01T00:00:00Z", True),
            ("9000-01-01T00:00:01Z", False),
            ("9999-12-31T23:00:00Z", False),
        ],
    )
    @pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/New_York"])
    def test_an_as_of_outside_of_the_plausible_range_is_rejected(
        self, as_of: str, accepted: bool, timezone: str
    ) -> None:
        rules = {"recovery_points": {"yearly": 2, "min_retention": {"limit": "36600d", "weekdays": ["mon"]}}}
        early = read(row(EMPTY), read_at="1980-01-01T00:00:00Z")
        if accepted:
            found = findings(early, rules, as_of=parse_time(as_of), timezone=timezone)
            assert {one["result"] for one in found} == {"fail"}
            return
        with pytest.raises(OptionError, match=f"as_of: {as_of} is not between the years 1980 and 9000"):
            evaluate(early, rules, as_of=parse_time(as_of), timezone=timezone)

    def test_as_of_shortly_before_a_read_is_replaced_by_the_newest_read(self) -> None:
        edge = [point(hours=26, seconds=-100)]
        policy = {"recovery_points": {"max_age": "26h"}}
        later = read(row(host="vbr2"), read_at=ago(seconds=-200))
        assert [one["result"] for one in findings([read(row(edge))], policy)] == ["pass"]
        found = findings([read(row(edge)), later], policy)
        assert {one["source"]: (one["result"], one["actual"]) for one in found} == {
            "vbr1": ("fail", 26 * HOUR + 100),
            "vbr2": ("pass", 5 * HOUR + 200),
        }

    def test_ages_are_calculated_at_as_of(self) -> None:
        policy = {"recovery_points": {"max_age": "26h"}}
        assert finding(row(), policy, as_of=NOW + 21 * HOUR * SECOND)["result"] == "pass"
        result = finding(row(), policy, as_of=NOW + (21 * HOUR + 1) * SECOND)
        assert (result["result"], result["actual"], result["limit"]) == ("fail", 26 * HOUR + 1, 26 * HOUR)
        assert result["message"] == "newest recovery point is 1d 2h and 1s old (maximum 26h)"

    @pytest.mark.parametrize(("oldest", "result"), [(10, "pass"), (9.999, "fail"), (1, "fail")])
    def test_retention_is_calculated_at_the_read(self, oldest: float, result: str) -> None:
        """A point that was 1 day old at the read is unknown to exist 10 days later."""
        old = row([point(days=oldest), point(hours=5)])
        policy = {"recovery_points": {"min_retention": "10d"}}
        for days in (0, 10):
            assert finding(old, policy, as_of=NOW + days * DAY * SECOND, max_data_age="30d")["result"] == result


class TestClock:
    @pytest.mark.parametrize("skew", [300, 1, 0, -1, -300, None])
    def test_a_small_skew_is_added(self, skew: int | None) -> None:
        """A point that the server dates 26 hours before its own time is 26 hours old."""
        sealed = read(row([point(hours=26, seconds=-(skew or 0))]), server={"clock_skew_seconds": skew})
        for name, limit, result in (
            ("max_age", "26h", "pass"),
            ("max_age", "93599s", "fail"),
            ("min_retention", "26h", "pass"),
            ("min_retention", "93601s", "fail"),
        ):
            found = finding(sealed, {"recovery_points": {name: limit}})
            assert (found["result"], found["actual"]) == (result, 26 * HOUR)

    @pytest.mark.parametrize("skew", [301, -301, 4000])
    def test_a_wrong_clock_does_not_prove_times(self, skew: int) -> None:
        rules = {
            "max_age": "26h",
            "min_retention": "3d",
            "max_retention": "90d",
            "max_gap": "26h",
            **dict.fromkeys(("daily", "weekly", "monthly", "yearly"), 1),
            "min_coverage": {"percent": "90%", "max_age": "26h", "within": "7d"},
            "max_failed_runs": {"limit": 0, "within": "7d"},
        }
        policy = {
            "recovery_points": {"min_count": 7, "max_count": 90, **rules},
            "restore_tested": {"max_age": "90d"},
            "immutable": {"min_lock": "1d"},
            "encrypted": {"all": {"within": "7d"}},
            "offsite": {"min_count": {"limit": 1, "within": "7d"}},
            "locations": {"min_count": 1, "max_age": "26h"},
            "copies": {"min_count": 1},
            "on_unknown": "ignore",
        }
        good = {"encrypted": True, "offsite": True, "immutable": True, "restore_tested": True, "locations": ["repo"]}
        points = nightly(30, tested_at=NOW, **good)
        server = {"clock_skew_seconds": skew, "scope": {"inventory": True, "failed_runs": True}}
        found = findings(read(row(points), server=server), policy)
        assert {one["control"] for one in found if one["result"] == "pass"} == {
            "recovery_points.min_count",
            "recovery_points.max_count",
        }
        for one in found:
            if one["result"] != "pass":
                assert one["result"] == "unknown", one
                assert "clock of vbr1 is off by" in one["message"]

    def test_locations_without_an_age_need_no_clock(self) -> None:
        sealed = read(row(nightly(3, locations=["repo"])), server={"clock_skew_seconds": 4000})
        assert finding(sealed, {"locations": {"min_count": 1}})["result"] == "pass"
        assert finding(sealed, {"locations": {"min_count": 2}})["result"] == "fail"


GOOD = {"encrypted": True, "malware": "clean"}


class TestWindow:
    """A read result that covers only a window: points in any state may exist outside of it."""

    @pytest.mark.parametrize(
        ("points", "policy", "since", "result"),
        [
            # Points that were found count. Others may be older.
            (nightly(), {"recovery_points": {"min_count": 30}}, 30, "pass"),
            (nightly(), {"recovery_points": {"min_count": 31}}, 30, "unknown"),
            (nightly(), {"recovery_points": {"max_count": 30}}, 30, "unknown"),
            (nightly(), {"recovery_points": {"max_count": 29}}, 30, "fail"),
            (nightly(), {"recovery_points": {"min_retention": "29d"}}, 30, "pass"),
            (nightly(), {"recovery_points": {"min_retention": "400d"}}, 30, "unknown"),
            (EMPTY, {"recovery_points": {"max_age": "26h"}}, 1, "unknown"),
            (EMPTY, {"recovery_points": {"max_age": "24h"}}, 1, "fail"),
            (nightly(30, **GOOD), {"encrypted": {"all": True}}, 400, "unknown"),
            (nightly(30, **GOOD), {"encrypted": {"all": {"within": "30d"}}}, 30, "pass"),
            (nightly(30, **GOOD), {"encrypted": {"all": {"within": "31d"}}}, 30, "unknown"),
            (nightly(30, encrypted=False), {"encrypted": {"all": True}}, 30, "fail"),
            (nightly(30, **GOOD), {"malware": {"none": True}}, 30, "unknown"),
            (nightly(), {"recovery_points": {"daily": 30}}, 30, "pass"),
            (nightly(), {"recovery_points": {"daily": 40}}, 30, "unknown"),
            (nightly(3), {"recovery_points": {"daily": 4}}, 5, "fail"),
            (nightly(), {"recovery_points": {"max_gap": "26h"}}, 30, "unknown"),
            (nightly(), {"recovery_points": {"max_gap": {"limit": "26h", "within": "9d"}}}, 30, "pass"),
            (EMPTY, {"locations": {"min_count": 1}}, 30, "unknown"),
            (EMPTY, {"locations": {"min_count": 1, "max_age": "29d"}}, 30, "fail"),
            (EMPTY, {"size": {"min_percent_of_median": "50%"}}, 30, "unknown"),
        ],
    )
    def test_time_before_since_is_unknown(self, points: Any, policy: Any, since: int, result: str) -> None:
        limited = read(row(points), selection={"since": ago(days=since)})
        found = findings(limited, {**policy, "on_unknown": "ignore"})[0]
        assert found["result"] == result, found["message"]
        if result == "unknown":
            assert f"recovery points before {ago(days=since)} were not read" in found["message"]

    @pytest.mark.parametrize(
        ("policy", "result"),
        [
            ({"recovery_points": {"min_count": 30}}, "pass"),
            ({"recovery_points": {"min_count": 31}}, "unknown"),
            ({"recovery_points": {"max_age": "5h"}}, "pass"),
            ({"recovery_points": {"max_age": "4h"}}, "unknown"),
            ({"recovery_points": {"max_gap": {"limit": "24h", "within": "9d"}}}, "pass"),
            ({"recovery_points": {"max_gap": {"limit": "23h", "within": "9d"}}}, "fail"),
            ({"malware": {"none": True}}, "unknown"),
            ({"encrypted": {"all": {"within": "1h"}}}, "unknown"),
        ],
    )
    def test_time_after_until_is_unknown(self, policy: Any, result: str) -> None:
        limited = read(row(nightly(30, **GOOD)), selection={"until": ago(hours=4)})
        found = findings(limited, {**policy, "on_unknown": "ignore"})[0]
        assert found["result"] == result, found["message"]
        if result == "unknown":
            assert f"recovery points after {ago(hours=4)} were not read" in found["message"]

    def test_a_window_that_ends_at_the_read_hides_nothing(self) -> None:
        limited = read(row(), selection={"until": format_time(NOW)})
        assert finding(limited, {"recovery_points": {"min_count": 31}})["result"] == "fail"


def test_counted_points_prove_no_time_and_no_kind() -> None:
    """Their number is known, but each of them may be something else."""
    rules = {"min_count": 7, "max_age": "26h", "daily": 7, "max_gap": "26h"}
    found = findings(row(EMPTY, counted=30), {"recovery_points": rules})
    assert {one["control"].partition(".")[2]: one["result"] for one in found} == dict.fromkeys(rules, "unknown")


def test_missing_permissions() -> None:
    limited = read(row(), server={"scope": {"inventory": False, "databases": False, "copies": True}})
    result = about_reading(limited)
    assert result["data.inventory"][0] == "warn"
    assert "does not list unprotected workloads: only expected detects them" in result["data.inventory"][1]
    assert result["data.scope"] == ("warn", "the account has no access to parts of vbr1: databases")


@pytest.mark.parametrize(
    ("points", "control", "message"),
    [
        (
            [point(days=-1), point(seconds=-301)],
            "in_future",
            "2 recovery points are dated in the future and not counted",
        ),
        (
            [point(seconds=-301), point(seconds=-300)],
            "in_future",
            "1 recovery point is dated in the future and not counted",
        ),
        (
            [point(expires_at=NOW), point(expires_at=NOW - 9 * SECOND), point(usable=False, expires_at=NOW)],
            "expired",
            "2 recovery points had expired before the read and still existed",
        ),
    ],
)
def test_points_in_the_future_and_expired_points_give_a_warning(points: Any, control: str, message: str) -> None:
    found = findings(row([*points, *nightly()]), SEVEN)
    (about,) = [one for one in found if one["control"] != "recovery_points.min_count"]
    assert (about["control"], about["result"], about["message"]) == (f"recovery_points.{control}", "warn", message)


@pytest.mark.parametrize(
    "member", [{"read_at": None}, {"selection": {"since": "long ago"}}, {"selection": {"until": 7}}]
)
def test_a_read_result_without_times_is_an_error(member: dict[str, Any]) -> None:
    sealed = {**read(row()), **member}
    with pytest.raises(DataError, match=r"input\.(read_at|selection\.since|selection\.until): .* valid"):
        evaluate(sealed, SEVEN)
