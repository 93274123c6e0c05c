# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examples of several rows and read results: tiers, waivers, combined rows, expected workloads, data quality, proof."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.reference.estate import Point, RestoreTest, Result
from tests.reference.evaluator import Assessment, RejectedError
from tests.reference.examples import (
    AS_OF,
    DAY,
    HOUR,
    MONDAY,
    SUNDAY,
    TUESDAY,
    WEDNESDAY,
    assess,
    build_result,
    build_row,
    results,
    t,
)

COUNT = "recovery_points.min_count"
ONE = {"recovery_points": {"min_count": 1}}


class TestTiersAndWaivers:
    def test_first_matching_tier_applies(self) -> None:
        rows = [build_row(t(MONDAY), workload_name="DB1"), build_row(t(MONDAY), workload_id="2")]
        tiers = [
            {"name": "gold", "match": {"workload_name": ["db*"]}, "policy": {"recovery_points": {"min_count": 2}}},
            {"name": "rest", "match": {"in_inventory": None}, "policy": ONE},
        ]
        assessment = assess({}, build_result(rows), policies=tiers)
        assert results(assessment, COUNT) == ["fail"]
        assert results(assessment, "policy.tier") == ["fail"]

    def test_unknown_values_match_nothing(self) -> None:
        exclude = [{"match": {"origin": "*"}, "reason": "other team"}]
        assert results(assess(ONE, build_result([build_row(t(MONDAY))]), exclude=exclude), "policy.exclude") == []
        excluded = assess(ONE, build_result([build_row(t(MONDAY), origin="a")]), exclude=exclude)
        assert results(excluded, "policy.exclude") == ["not_applicable"]
        assert results(excluded, COUNT) == []

    @pytest.mark.parametrize(
        ("until", "expected"),
        [
            ("2027-06-17T08:00:00Z", "fail"),
            ("2027-06-17T08:00:01Z", "waived"),
            ("2027-06-16", "fail"),
            ("2027-06-17", "waived"),
        ],
    )
    def test_end_of_a_waiver(self, until: str, expected: str) -> None:
        waivers = [{"workload": "WEB*", "control": "recovery_points.*", "until": until, "reason": "new"}]
        assessment = assess(ONE, build_result([build_row([])]), waivers=waivers)
        assert results(assessment, COUNT) == [expected]
        # A waived workload needs no proof, but a waiver is not a proof.
        assert results(assessment, "policy.proof") == []
        assert results(assessment, "data.proof") == ["fail"]

    def test_date_ends_in_the_time_zone_of_the_policy(self) -> None:
        waivers = [{"workload": "web01", "control": "*", "until": "2027-06-16", "reason": "new"}]
        # In New York, 2027-06-16 ends at 04:00 UTC of the next date.
        for as_of, expected in [(AS_OF - 4 * HOUR - 1, "waived"), (AS_OF - 4 * HOUR, "fail")]:
            policy = {**ONE, "timezone": "America/New_York"}
            result = build_result([build_row([])], read_at=as_of)
            assert results(assess(policy, result, waivers=waivers, as_of=as_of), COUNT) == [expected]

    def test_long_waivers_are_rejected(self) -> None:
        waivers = [{"workload": "web01", "control": "*", "until": "2028-06-17T08:00:01Z", "reason": "new"}]
        with pytest.raises(RejectedError):
            assess(ONE, build_result([build_row([])]), waivers=waivers)
        waivers[0]["until"] = "2028-06-17T08:00:00Z"
        assert results(assess(ONE, build_result([build_row([])]), waivers=waivers), COUNT) == ["waived"]


class TestProof:
    def test_unknown_that_is_not_blocking(self) -> None:
        policy = {"encrypted": {"all": {"on_unknown": "warn"}}}
        assessment = assess(policy, build_result([build_row(t(MONDAY))]))
        assert results(assessment, "encrypted.all") == ["unknown"]
        assert results(assessment, "policy.proof") == ["fail"]
        assert results(assessment, "data.proof") == ["fail"]
        assert not assessment.compliant

    def test_another_rule_proves_the_workload(self) -> None:
        policy = {**ONE, "encrypted": {"all": {"on_unknown": "ignore"}}}
        assessment = assess(policy, build_result([build_row(t(MONDAY))]))
        assert results(assessment, "policy.proof") == []
        assert assessment.compliant

    def test_only_a_waived_rule_makes_a_workload_waived(self) -> None:
        policy = {"encrypted": {"all": {"on_unknown": "warn"}}}
        result = build_result([build_row(t(MONDAY), in_inventory=False)])

        def run(control: str) -> list[str]:
            waivers = [{"workload": "web01", "control": control, "until": "2027-07-01", "reason": "planned"}]
            assessment = assess(policy, result, expected=["web01"], waivers=waivers)
            assert results(assessment, "expected.exists") == ["waived"]
            return results(assessment, "policy.proof")

        assert run("expected.exists") == ["fail"]
        assert run("*") == []

    def test_blocking_unknown(self) -> None:
        policy = {**ONE, "encrypted": {"all": True}}
        assessment = assess(policy, build_result([build_row(t(MONDAY))]))
        assert [finding.blocking for finding in assessment.findings if finding.result == "unknown"] == [True]
        assert results(assessment, "policy.proof") == []
        assert results(assessment, "data.proof") == ["fail"]


class TestData:
    def test_incomplete(self) -> None:
        assessment = assess(ONE, build_result([build_row(t(MONDAY))], complete=False))
        assert results(assessment, COUNT) == ["unknown"]
        assert results(assessment, "data.complete") == ["fail"]
        assert results(assess(ONE, build_result([build_row([])], complete=False)), COUNT) == ["fail"]

    @pytest.mark.parametrize(("limit", "expected"), [("1h", "pass"), ("3599s", "unknown")])
    def test_too_old(self, limit: str, expected: str) -> None:
        result = build_result([build_row(t(MONDAY))], read_at=AS_OF - HOUR)
        assert results(assess(ONE, result, max_data_age=limit), COUNT) == [expected]

    def test_default_limit_of_the_data_age(self) -> None:
        result = build_result([build_row(t(MONDAY))], read_at=AS_OF - DAY)
        assert results(assess(ONE, result), COUNT) == ["pass"]
        assert results(assess(ONE, replace(result, read_at=AS_OF - DAY - 1)), COUNT) == ["unknown"]

    def test_later_than_as_of(self) -> None:
        policy = {"recovery_points": {"max_age": "10h"}}
        result = build_result([build_row(t(WEDNESDAY))], read_at=AS_OF + 300)
        # as_of is then the time of the read.
        assert results(assess(policy, result), "recovery_points.max_age") == ["fail"]
        with pytest.raises(RejectedError):
            assess(policy, replace(result, read_at=AS_OF + 301))

    def test_no_workloads(self) -> None:
        assert results(assess(ONE, build_result([])), "data.workloads") == ["fail"]
        assert results(assess(ONE, build_result([]), on_empty="warn"), "data.workloads") == ["warn"]
        assert results(assess(ONE, build_result([]), expected=["web01"]), "data.workloads") == ["warn"]

    def test_points_in_the_future(self) -> None:
        assert results(assess(ONE, build_result([build_row(t(AS_OF + 300))])), COUNT) == ["pass"]
        assessment = assess(ONE, build_result([build_row(t(AS_OF + 301))]))
        assert results(assessment, COUNT) == ["fail"]
        assert results(assessment, "recovery_points.in_future") == ["warn"]


class TestExpected:
    def run(self, *names: str, expected: list[str], **options: Any) -> list[str]:
        rows = [build_row(t(WEDNESDAY), workload_name=name, workload_id=name) for name in names]
        return results(assess(ONE, build_result(rows), expected=expected, **options), "expected.exists")

    def test_names(self) -> None:
        assert self.run("WEB01", expected=["web01"]) == ["pass"]
        assert self.run("web01.example.com", expected=["web01"]) == ["fail"]
        assert self.run("web01.example.com", expected=["web01"], expected_match="short") == ["pass"]
        assert self.run("web01.test", expected=["web01.prod"], expected_match="short") == ["fail"]
        assert self.run("WEB-PROD-1", expected=["web01"], expected_names={"web01": "web-prod-1"}) == ["pass"]

    def test_ambiguous_names(self) -> None:
        short = {"expected_match": "short"}
        assert self.run("web01.a", "web01.b", expected=["web01"], **short) == ["unknown"]
        assert self.run("web01.a", "web01.b", "web01", expected=["web01"], **short) == ["pass"]
        assert self.run("web01", expected=["web01.a", "web01.b"], **short) == ["unknown", "unknown"]
        assert self.run("web01", expected=["web01", "WEB01"]) == ["pass"]

    def test_one_expected_name(self) -> None:
        short = {"expected_match": "short"}
        # The longer one applies: web01.test is missing.
        assert self.run("web01.test", expected=["web01", "WEB01.prod"], **short) == ["fail"]
        assert self.run("web01.prod", expected=["WEB01.prod", "web01"], **short) == ["pass"]
        assert sorted(self.run("web01.prod", expected=["WEB01.prod", "web01"])) == ["fail", "pass"]
        # There are two longer ones, so that web01 is a third name.
        names = ["web01", "web01.prod", "web01.test"]
        assert self.run("web01.prod", "web01.test", expected=names, **short) == ["unknown"] * 3

    def test_replaced_names_are_not_merged(self) -> None:
        # Two entries of the list are the same workload: one of them is wrong.
        replaced = {"expected_names": {"db1": "web01"}}
        assert self.run("web01", expected=["db1", "WEB01"], **replaced) == ["unknown", "unknown"]
        assert self.run("db7", expected=["db1", "WEB01"], **replaced) == ["fail", "fail"]
        assert self.run("web01", expected=["db1", "DB1"], **replaced) == ["pass"]
        short = {"expected_match": "short"}
        assert self.run("web01.prod", expected=["db1", "web01.prod"], **replaced, **short) == ["unknown"] * 2
        longer = {"expected_names": {"db1": "web01.prod"}}
        assert self.run("web01.prod", expected=["db1", "web01"], **longer, **short) == ["unknown"] * 2

    def test_inventory(self) -> None:
        def run(in_inventory: bool | None, types: list[str] | None, max_age: str = "1d", **changes: Any) -> list[str]:
            policy = {"recovery_points": {"max_age": max_age}}
            row = build_row(t(WEDNESDAY), in_inventory=in_inventory, **changes)
            result = build_result([row], inventory_types=None if types is None else tuple(types))
            return results(assess(policy, result, expected=["web01"]), "expected.exists")

        assert run(False, []) == ["fail"]
        assert run(None, []) == ["pass"]
        assert run(None, ["file_system"]) == ["pass"]
        assert run(None, [], "1h") == ["unknown"]
        # The inventory of this type could have been read, or that is unknown.
        assert run(None, ["vm"]) == ["unknown"]
        assert run(None, None) == ["unknown"]
        assert run(None, [], workload_type=None) == ["unknown"]

    def test_age_of_the_matching_row_alone(self) -> None:
        # The newest point of the combined rows is recent enough, but not that of the matching row. Snapshots are
        # not counted by default, so the first row has the newest point.
        policy = {"recovery_points": {"max_age": "1d", "backup_types": ["snapshot"]}}
        first = build_result([build_row(t(WEDNESDAY), in_inventory=None)], inventory_types=())
        second = other([build_row(t(WEDNESDAY, kind="snapshot"), in_inventory=None)], inventory_types=())
        assessment = assess(policy, first, second, expected=["web01"], combine={"by": "workload_name"})
        assert results(assessment, "recovery_points.max_age") == ["pass"]
        assert results(assessment, "expected.exists") == ["unknown"]

    def test_same_workload_in_two_read_results(self) -> None:
        parts = [build_result([build_row(t(MONDAY))], complete=complete) for complete in [True, False]]
        for given in [parts, parts[::-1]]:
            assert results(assess(ONE, *given, expected=["web01"]), "expected.exists") == ["unknown"]

    def test_unexpected(self) -> None:
        rows = [build_row(t(WEDNESDAY)), build_row(t(WEDNESDAY), workload_name="b", workload_id="2")]
        assessment = assess(ONE, build_result(rows), expected=["web01"], unexpected="fail")
        assert [f.workload_name for f in assessment.findings if f.control == "expected.unexpected"] == ["b"]

    def test_missing_workload_can_be_waived(self) -> None:
        waivers = [{"workload": "db9", "control": "expected.exists", "until": "2027-07-01", "reason": "planned"}]
        assert self.run("web01", expected=["web01", "DB9"], waivers=waivers) == ["pass", "waived"]


def other(rows: list[Any], **changes: Any) -> Result:
    return build_result(rows, **{"host": "second.example.com", **changes})


class TestCombinedRows:
    def run(self, policy: dict[str, Any], *parts: Result, independent: bool = False, **options: Any) -> Assessment:
        return assess(policy, *parts, combine={"by": "workload_name", "independent": independent}, **options)

    def test_union(self) -> None:
        policy = {"recovery_points": {"daily": 3, "min_count": 3}}
        first = build_result([build_row(t(MONDAY, WEDNESDAY))])
        second = other([build_row(t(TUESDAY), workload_name="WEB01", workload_id="9")])
        assessment = self.run(policy, first, second)
        assert results(assessment, "recovery_points.daily") == ["pass"]
        # The counts of the best row are 2, those of both servers 3.
        assert results(assessment, COUNT) == ["fail"]
        assert results(self.run(policy, first, second, independent=True), COUNT) == ["pass"]

    def test_copied_data_is_never_added(self) -> None:
        policy = {"recovery_points": {"min_count": 6}}
        points = t(MONDAY, TUESDAY, WEDNESDAY)
        first, second = build_result([build_row(points)]), other([build_row(points)])
        assert results(self.run(policy, first, second, independent=True), COUNT) == ["fail"]
        moved = other([build_row(t(MONDAY, TUESDAY, WEDNESDAY + 1))])
        assert results(self.run(policy, first, moved, independent=True), COUNT) == ["pass"]
        same_origin = other([build_row(t(MONDAY, TUESDAY, WEDNESDAY + 1), origin="BACKUP.example.com")])
        assert results(self.run(policy, first, same_origin, independent=True), COUNT) == ["fail"]

    def test_rows_of_one_server_by_their_seconds(self) -> None:
        policy = {"recovery_points": {"min_count": 6}}
        first = build_result([build_row(t(SUNDAY, MONDAY, TUESDAY, WEDNESDAY))])

        def run(*times: int, **changes: Any) -> list[str]:
            return results(self.run(policy, first, other([build_row(t(*times))], **changes), independent=True), COUNT)

        # Three seconds in common, and two.
        assert run(SUNDAY, MONDAY, TUESDAY, TUESDAY + 1) == ["fail"]
        assert run(SUNDAY, MONDAY, TUESDAY + 1, TUESDAY + 2) == ["pass"]
        # All seconds of the second row are among those of the first one.
        assert run(MONDAY, TUESDAY) == ["fail"]
        assert run(MONDAY, TUESDAY + 1) == ["pass"]

    def test_common_window(self) -> None:
        policy = {"recovery_points": {"min_count": 4}}
        first = build_result([build_row(t(MONDAY, WEDNESDAY))])
        second = other([build_row(t(WEDNESDAY, WEDNESDAY + 1))])
        assert results(self.run(policy, first, second, independent=True), COUNT) == ["pass"]
        # In the common window, the second row has only one second of the first one.
        first = replace(first, until=WEDNESDAY + 1)
        assert results(self.run(policy, first, second, independent=True), COUNT) == ["unknown"]

    def test_skew_is_subtracted(self) -> None:
        policy = {"recovery_points": {"max_age": "10h"}}
        first = build_result([build_row([])])
        second = other([build_row(t(WEDNESDAY))], clock_skew_seconds=1)
        assert results(self.run(policy, first, second), "recovery_points.max_age") == ["fail"]
        second = other([build_row(t(WEDNESDAY + 1))], clock_skew_seconds=1)
        assert results(self.run(policy, first, second), "recovery_points.max_age") == ["pass"]

    def test_row_whose_clock_is_off(self) -> None:
        policy = {"recovery_points": {"max_age": "9h", "min_count": {"limit": 2, "within": "1d"}}}
        second = other([build_row(t(MONDAY))], clock_skew_seconds=301)
        assessment = self.run(policy, build_result([build_row(t(WEDNESDAY))]), second)
        assert results(assessment, "recovery_points.max_age") == ["unknown"]
        assert results(assessment, COUNT) == ["fail"]

    def test_gaps_of_an_incomplete_row(self) -> None:
        first = build_result([build_row(t(TUESDAY, WEDNESDAY))])
        incomplete = other([build_row(t(WEDNESDAY))], complete=False)
        # An older point that was not read could start a longer gap.
        for value, expected in [("1d", "unknown"), ({"limit": "1d", "within": "30h"}, "pass"), ("23h", "fail")]:
            policy = {"recovery_points": {"max_gap": value}}
            assert results(self.run(policy, first, incomplete), "recovery_points.max_gap") == [expected]

    def test_tests_of_a_row_whose_clock_is_off(self) -> None:
        policy = {"restore_tested": {"max_age": "1d"}}
        first = build_result([build_row(t(MONDAY, restore_tested=True, tested_at=WEDNESDAY))])

        def run(points: list[Point], *tests: RestoreTest) -> list[str]:
            second = other([build_row(points)], clock_skew_seconds=301)
            return results(self.run(policy, first, second, tests=list(tests)), "restore_tested.max_age")

        assert run(t(MONDAY)) == ["pass"]
        assert run(t(MONDAY, tested_at=TUESDAY)) == ["unknown"]
        record = RestoreTest("second.example.com", "vm", "1", "web01", MONDAY, TUESDAY, "passed", 60)
        assert run(t(MONDAY), record) == ["unknown"]
        assert run(t(MONDAY), replace(record, workload_id="7")) == ["pass"]

    def test_worst_row(self) -> None:
        policy = {"encrypted": {"all": True}, "recovery_points": {"max_count": 1}}
        first = build_result([build_row(t(MONDAY, encrypted=True))])
        second = other([build_row(t(MONDAY, TUESDAY, encrypted=False))])
        assessment = self.run(policy, first, second)
        assert results(assessment, "encrypted.all") == ["fail"]
        assert results(assessment, "recovery_points.max_count") == ["fail"]
        # A row without points does not count.
        assert results(self.run(policy, first, other([build_row([])])), "encrypted.all") == ["pass"]
        assert results(self.run(policy, build_result([build_row([])]), other([build_row([])])), "encrypted.all") == [
            "fail"
        ]

    def test_incomplete_and_old_rows(self) -> None:
        policy = {"recovery_points": {"max_age": "10h", "max_count": 9}}
        empty = build_result([build_row([])])
        incomplete = self.run(policy, empty, other([build_row(t(WEDNESDAY))], complete=False))
        assert results(incomplete, "recovery_points.max_age") == ["pass"]
        assert results(incomplete, "recovery_points.max_count") == ["unknown"]
        old = other([build_row(t(WEDNESDAY))], read_at=WEDNESDAY + HOUR)
        assessment = self.run(policy, empty, old, max_data_age="1h")
        assert results(assessment, "recovery_points.max_age") == ["unknown"]

    def test_locations_are_counted_for_each_server(self) -> None:
        policy = {"locations": {"min_count": 2, "min_types": 2}}
        locations = (("Repo", "disk"),)
        first = build_result([build_row(t(WEDNESDAY, locations=locations))])
        second = other([build_row(t(TUESDAY, locations=locations))])
        assessment = self.run(policy, first, second)
        assert results(assessment, "locations.min_count") == ["pass"]
        assert results(assessment, "locations.min_types") == ["fail"]

    def test_two_workloads_of_one_server(self) -> None:
        rows = [build_row(t(MONDAY)), build_row(t(TUESDAY), workload_id="2")]
        assessment = self.run({"recovery_points": {"daily": 3}}, build_result(rows))
        assert results(assessment, "policy.combine") == ["warn", "warn"]
        assert results(assessment, "recovery_points.daily") == ["fail", "fail"]
        # Rows of different origins are combined.
        rows[1] = replace(rows[1], origin="vbr1")
        assessment = self.run({"recovery_points": {"weekly": 1}}, build_result(rows))
        assert results(assessment, "policy.combine") == []
        assert results(assessment, "recovery_points.weekly") == ["pass"]
