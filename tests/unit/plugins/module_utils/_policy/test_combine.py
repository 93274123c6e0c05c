# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of one name that are merged."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR
from tests.unit.plugins.module_utils._policy.policy_rows import (
    SEVEN,
    ago,
    finding,
    findings,
    gaps,
    messages,
    read,
    row,
    with_attribute,
)

BY_NAME: dict[str, Any] = {"by": "workload_name"}


# Independent backups never have the same time to the second.
APART = {"newest": ago(hours=5, seconds=7), "oldest": ago(days=30, seconds=-7)}


class TestCombine:
    @staticmethod
    def read_results(**second: Any) -> list[dict[str, Any]]:
        """Build web01 of vbr1, with 30 points, and of spp1."""
        other = row(source="spp1", workload_id="77", workload_name="WEB01", **{**APART, **second})
        return [read(row()), read(other, server={"host": "spp1"})]

    def test_alone_without_it(self) -> None:
        found = findings(self.read_results(recovery_points=3), SEVEN)
        assert [one["result"] for one in found] == ["pass", "fail"]

    def test_one_row_proves_it_for_all(self) -> None:
        result = finding(self.read_results(recovery_points=3), SEVEN, combine=BY_NAME)
        assert (result["result"], result["actual"], result["source"]) == ("pass", 30, "vbr1")
        # If one row alone proves it, counts are not added up.
        assert finding(self.read_results(), SEVEN, combine={**BY_NAME, "independent": True})["actual"] == 30
        assert result["message"] == (
            "30 recovery points, at least 7 required "
            "(2 rows combined: vbr1, id id-1; spp1, id 77; result from vbr1, id id-1)"
        )

    @pytest.mark.parametrize(
        ("independent", "second", "result", "actual"),
        [
            (False, {}, "fail", 30),
            (True, {}, "pass", 60),
            # The same points, seen through another server: the larger count.
            (True, {"origin": "vbr1"}, "fail", 30),
        ],
    )
    def test_counts_add_only_where_they_are_independent(
        self, independent: bool, second: dict[str, Any], result: str, actual: int
    ) -> None:
        combine = {**BY_NAME, "independent": independent}
        found = finding(self.read_results(**second), {"recovery_points": {"min_count": 60}}, combine=combine)
        assert (found["result"], found["actual"]) == (result, actual)

    def test_unknowns_are_added_up_as_well(self) -> None:
        attributes = {"recovery_points": {"count": 3, "unknown": 1}}
        read_results = [
            read(row(recovery_points=3, attributes=attributes)),
            read(row(source="spp1", recovery_points=3, attributes=attributes, **APART), server={"host": "spp1"}),
        ]
        combine = {**BY_NAME, "independent": True}
        for wanted, certainty in ((6, "reported"), (8, "unknown"), (9, "reported")):
            result = finding(read_results, {"recovery_points": {"min_count": wanted}}, combine=combine)
            assert result["certainty"] == certainty
            assert result["result"] == {6: "pass", 8: "unknown", 9: "fail"}[wanted]

    def test_points_of_a_read_that_proves_nothing_are_not_added(self) -> None:
        first, second = self.read_results()
        partial = read(*second["workloads"], server={"host": "spp1"}, complete=False)
        result = finding(
            [first, partial], {"recovery_points": {"min_count": 60}}, combine={**BY_NAME, "independent": True}
        )
        assert (result["result"], result["certainty"], result["actual"]) == ("unknown", "unknown", 30)

    def test_production_is_one_copy_however_many_rows_count_it(self) -> None:
        place = [{"location": "repo", "location_type": "disk", "count": 30, "newest": ago(hours=5)}]
        read_results = [
            read(row(locations=place, in_inventory=True)),
            read(row(source="s", locations=place, in_inventory=True, **APART), server={"host": "s"}),
        ]
        combine = {**BY_NAME, "independent": True}
        assert finding(read_results, {"copies": {"min_count": 3}}, combine=combine)["actual"] == 3
        result = finding(read_results, {"copies": {"min_count": 4}}, combine=combine)
        assert (result["result"], result["certainty"]) == ("fail", "reported")

    @pytest.mark.parametrize(("first", "second", "copies"), [(True, None, 3), (None, None, 2), (True, False, 3)])
    def test_production_counts_once_if_one_row_counts_it(
        self, first: bool | None, second: bool | None, copies: int
    ) -> None:
        place = [{"location": "repo", "location_type": "disk", "count": 30, "newest": ago(hours=5)}]
        read_results = [
            read(row(locations=place, in_inventory=first)),
            read(row(source="s", locations=place, in_inventory=second, **APART), server={"host": "s"}),
        ]
        result = finding(read_results, {"copies": {"min_count": 9}}, combine={**BY_NAME, "independent": True})
        assert result["actual"] == copies

    def test_the_longest_run_and_the_newest_point(self) -> None:
        read_results = self.read_results(calendar={"days": 3}, newest=ago(hours=1))
        policy = {"recovery_points": {"daily": 30, "max_age": "1h", "min_retention": "30d"}}
        found = findings(read_results, policy, combine=BY_NAME)
        assert [(one["result"], "result from spp1" in one["message"]) for one in found] == [
            ("pass", False),
            ("pass", True),
            ("pass", False),
        ]

    @pytest.mark.parametrize(
        ("rules", "second", "actual"),
        [
            ({"max_age": "26h"}, {"newest": ago(hours=1)}, HOUR),
            ({"max_age": "26h"}, {"newest": ago(hours=9)}, 5 * HOUR),
            ({"max_age": "1m"}, {"newest": ago(hours=9)}, 5 * HOUR),
            ({"min_retention": "9d"}, {"oldest": ago(days=60)}, 60 * DAY),
            ({"min_retention": "9d"}, {"oldest": ago(days=10)}, 30 * DAY),
            ({"min_count": 99}, {"recovery_points": 31}, 31),
            ({"min_count": 99}, {"recovery_points": 29}, 30),
        ],
    )
    def test_of_equal_results_the_better_value_is_told(
        self, rules: dict[str, Any], second: dict[str, Any], actual: int
    ) -> None:
        assert finding(self.read_results(**second), {"recovery_points": rules}, combine=BY_NAME)["actual"] == actual

    @pytest.mark.parametrize(("oldest", "result"), [(90, "fail"), (10, "pass"), (None, "pass")])
    def test_the_gap_of_the_row_that_min_retention_furthest(self, oldest: int | None, result: str) -> None:
        read_results = self.read_results(
            oldest=None if oldest is None else ago(days=oldest), gaps=gaps(every=99 * HOUR)
        )
        found = finding(read_results, {"recovery_points": {"max_gap": "26h"}}, combine=BY_NAME)
        assert found["result"] == result

    def test_one_row_breaks_it_for_all(self) -> None:
        good, bad = {"count": 30}, {"count": 29, "false": 1}
        read_results = [
            read(with_attribute("encrypted", good)),
            read(with_attribute("encrypted", bad, source="s"), server={"host": "s"}),
        ]
        assert finding(read_results, {"encrypted": {"all": True}}, combine=BY_NAME)["result"] == "fail"

    @pytest.mark.parametrize("bad", [{"count": 1, "false": 1}, {"count": 1, "false": 2, "unknown": 3}, {"false": 4}])
    def test_a_row_that_breaks_it_has_points_whatever_their_numbers(self, bad: dict[str, Any]) -> None:
        few = with_attribute("encrypted", {"count": 0, **bad}, source="s", recovery_points=sum(bad.values()))
        read_results = [read(with_attribute("encrypted", {"count": 30})), read(few, server={"host": "s"})]
        assert finding(read_results, {"encrypted": {"all": True}}, combine=BY_NAME)["result"] == "fail"

    def test_a_row_without_points_breaks_it_only_if_all_are_without(self) -> None:
        empty = row(source="s", recovery_points=0, attributes={"recovery_points": {"count": 0}})
        read_results = [read(with_attribute("encrypted", {"count": 30})), read(empty, server={"host": "s"})]
        assert finding(read_results, {"encrypted": {"all": True}}, combine=BY_NAME)["result"] == "pass"
        assert finding([read_results[1]], {"encrypted": {"all": True}}, combine=BY_NAME)["result"] == "fail"

    def test_two_of_one_name_on_one_server_are_two_workloads(self) -> None:
        """A pass of one must not hide the other."""
        twins = read(row(workload_id="a"), row(workload_id="b", recovery_points=1))
        found = findings(twins, SEVEN, combine=BY_NAME)
        assert [one["result"] for one in found if one["control"] == "recovery_points.min_count"] == ["pass", "fail"]
        assert [result for result, _message in messages(found, "policy.combine")] == ["warn", "warn"]

    def test_rows_without_a_name_stay_alone(self) -> None:
        read_results = [read(row(workload_name=None)), read(row(workload_name=None, source="s"), server={"host": "s"})]
        assert len(findings(read_results, SEVEN, combine=BY_NAME)) == 2

    def test_rows_of_two_tiers_stay_alone(self) -> None:
        policies = [
            {"name": "one", "match": {"source": "vbr1"}, "policy": SEVEN},
            {"name": "two", "policy": {"recovery_points": {"min_count": 40}}},
        ]
        found = findings(self.read_results(), {"policies": policies}, combine=BY_NAME)
        assert [one["result"] for one in found] == ["pass", "fail"]

    def test_an_expected_name_is_judged_as_one_too(self) -> None:
        found = findings(self.read_results(recovery_points=3), SEVEN, combine=BY_NAME, expected=["web01"])
        assert [one["result"] for one in found] == ["pass", "pass"]

    def test_accepted_inferences_show_in_a_sum(self) -> None:
        facts = {"count": 0, "inferred": {"count": 2, "newest": ago(days=1), "oldest": ago(days=2)}, "false": 28}
        read_results = [
            read(with_attribute("immutable", facts)),
            read(with_attribute("immutable", facts, source="s", **APART), server={"host": "s"}),
        ]
        policy = {"immutable": {"min_count": 4, "accept": ["reported", "inferred"]}}
        result = finding(read_results, policy, combine={**BY_NAME, "independent": True})
        assert (result["result"], result["certainty"]) == ("pass", "inferred")
