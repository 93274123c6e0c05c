# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows with the same name that are evaluated as one workload."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    SEVEN,
    ago,
    finding,
    findings,
    messages,
    moment,
    nightly,
    point,
    read,
    row,
)

BY_NAME: dict[str, Any] = {"by": "workload_name"}
ADDED: dict[str, Any] = {"by": "workload_name", "independent": True}
ONE = [point(hours=5)]
# Nights of two servers that alternate, and one possible recovery point.
EVEN, ODD = ([point(days=day, hours=5) for day in range(start, 6, 2)] for start in (0, 1))
UNSURE: dict[str, Any] = {"usable": None}


def both(
    first: Any, second: Any, *, members: dict[str, Any] | None = None, **identity: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Build web01 of vbr1 with the first points, and of spp1 with the second; ``members`` are those of spp1."""
    other = {"host": "spp1", "id": "77", "name": "WEB01", **identity}
    return read(row(first)), read(row(second, **other), **(members or {}))


def combined(results: Any, rules: dict[str, Any], combine: dict[str, Any] | None = None, **given: Any) -> Any:
    """Return the finding about both rows, and check that it does not depend on the order of the read results."""
    one = finding(list(results), rules, combine=combine or BY_NAME, **given)
    other = finding(list(results)[::-1], rules, combine=combine or BY_NAME, **given)
    keys = ("result", "actual", "certainty", "message", "blocking")
    assert [one[key] for key in keys] == [other[key] for key in keys]
    return one


def outcome(results: Any, rules: dict[str, Any], combine: dict[str, Any] | None = None, **given: Any) -> Any:
    """(result, measured value)."""
    found = combined(results, rules, combine, **given)
    return found["result"], found["actual"]


class TestCounts:
    def test_rows_are_separate_without_combine(self) -> None:
        found = findings(list(both(nightly(30), nightly(3))), SEVEN)
        assert {one["source"]: one["result"] for one in found} == {"vbr1": "pass", "spp1": "fail"}

    def test_one_row_proves_min_count_for_all(self) -> None:
        result = combined(both(nightly(30), nightly(3)), SEVEN)
        assert (result["result"], result["actual"]) == ("pass", 30)
        assert result["message"] == (
            "30 recovery points, at least 7 required (2 rows combined: spp1, id 77; vbr1, id id-1)"
        )

    @pytest.mark.parametrize(
        ("combine", "limit", "result", "actual"),
        [
            # The largest T is 3, the largest T + U is 5.
            (BY_NAME, 3, "pass", 3),
            (BY_NAME, 4, "unknown", 3),
            (BY_NAME, 5, "unknown", 3),
            (BY_NAME, 6, "fail", 3),
            # The sums are 4 and 8.
            (ADDED, 4, "pass", 4),
            (ADDED, 5, "unknown", 4),
            (ADDED, 8, "unknown", 4),
            (ADDED, 9, "fail", 4),
        ],
    )
    def test_the_best_row_or_the_sum(self, combine: dict[str, Any], limit: int, result: str, actual: int) -> None:
        first = nightly(3)
        second = [point(hours=3), *(point(days=day, hours=3, **UNSURE) for day in range(4))]
        assert outcome(both(first, second), {"recovery_points": {"min_count": limit}}, combine) == (result, actual)

    @pytest.mark.parametrize(
        ("combine", "origin", "result", "actual"),
        [(BY_NAME, None, "fail", 30), (ADDED, None, "pass", 59), (ADDED, "VBR1", "fail", 30)],
    )
    def test_counts_of_one_server_are_never_added(
        self, combine: dict[str, Any], origin: str | None, result: str, actual: int
    ) -> None:
        results = both(nightly(30), [point(days=day, hours=6) for day in range(29)], origin=origin)
        assert outcome(results, {"recovery_points": {"min_count": 59}}, combine) == (result, actual)

    @pytest.mark.parametrize(
        ("combine", "within", "result", "actual"),
        [
            (BY_NAME, "7d", "pass", 7),
            (BY_NAME, "6d", "unknown", 6),
            # Nothing within 5 days is hidden.
            (BY_NAME, "5d", "fail", 5),
            (ADDED, "5d", "pass", 8),
        ],
    )
    def test_hidden_time_of_any_row_in_the_window(
        self, combine: dict[str, Any], within: str, result: str, actual: int
    ) -> None:
        second = [point(days=day, hours=6) for day in range(3)]
        results = both(nightly(30), second, members={"selection": {"since": ago(days=5, hours=1)}})
        rule = {"limit": 7, "within": within}
        assert outcome(results, {"recovery_points": {"min_count": rule}}, combine) == (result, actual)

    def test_the_sum_has_the_certainty_of_the_points(self) -> None:
        soft = [point(days=day, hours=5, immutable=True, inferred=("immutable",)) for day in range(2)]
        hard = [point(days=day, hours=6, immutable=True) for day in range(2)]
        for limit, certainty in ((2, "reported"), (3, "inferred"), (4, "inferred")):
            policy = {"immutable": {"min_count": limit, "accept": ["reported", "inferred"]}}
            found = combined(both(soft, hard), policy, ADDED)
            assert (found["result"], found["certainty"]) == ("pass", certainty)


IMMUTABLE = {"immutable": True}


class TestUnion:
    """Rules about the points of all rows together."""

    @pytest.mark.parametrize(
        ("first", "second", "rules", "result", "actual"),
        [
            (ONE, [point(hours=30)], {"max_age": "26h"}, "pass", 5 * HOUR),
            ([point(hours=30)], ONE, {"max_age": "4h"}, "fail", 5 * HOUR),
            ([point(hours=30)], [point(hours=1, **UNSURE)], {"max_age": "26h"}, "unknown", 30 * HOUR),
            ([point(days=10)], [point(days=40)], {"min_retention": "40d"}, "pass", 40 * DAY),
            ([point(days=10)], [point(days=40)], {"min_retention": "41d"}, "fail", 40 * DAY),
            ([point(days=10)], [point(days=40)], {"max_retention": "40d"}, "pass", 40 * DAY),
            ([point(days=10)], [point(days=40)], {"max_retention": "39d"}, "fail", 40 * DAY),
            (EVEN, ODD, {"daily": 6}, "pass", 6),
            (EVEN, ODD, {"daily": 7}, "fail", 6),
            (EVEN, ODD[1:], {"daily": 2}, "fail", 1),
            (EVEN, [point(days=1, hours=5, **UNSURE)], {"daily": 2}, "unknown", 1),
            (EVEN, ODD, {"max_gap": {"limit": "24h", "within": "5d"}}, "pass", 24 * HOUR),
            (EVEN, ODD[1:], {"max_gap": {"limit": "24h", "within": "5d"}}, "fail", 48 * HOUR),
            # Each point covers 24 hours: complete coverage, or half of it without two of the nights.
            (EVEN, ODD, {"min_coverage": {"percent": "90%", "max_age": "24h", "within": "4d"}}, "pass", 100),
            (EVEN, EMPTY, {"min_coverage": {"percent": "90%", "max_age": "24h", "within": "4d"}}, "fail", 50),
        ],
    )
    def test_recovery_points(self, first: Any, second: Any, rules: dict[str, Any], result: str, actual: int) -> None:
        assert outcome(both(first, second), {"recovery_points": rules}) == (result, actual)

    def test_hidden_time_of_each_row_is_hidden(self) -> None:
        results = both(nightly(30), nightly(3), members={"selection": {"since": ago(days=5)}})
        assert outcome(results, {"recovery_points": {"min_retention": "90d"}})[0] == "unknown"
        assert outcome(results, {"recovery_points": {"max_retention": "90d"}})[0] == "unknown"
        assert outcome(results, {"recovery_points": {"daily": 40}})[0] == "unknown"
        assert outcome(results, {"recovery_points": {"max_age": "4h"}})[0] == "fail"

    def test_retention_depends_on_the_read_of_each_server(self) -> None:
        """The older read result proves that a 40 days old point existed at 39 days."""
        results = both(ONE, [point(days=40)], members={"read_at": ago(days=1)})
        assert outcome(results, {"recovery_points": {"min_retention": "39d"}}) == ("pass", 39 * DAY)
        assert outcome(results, {"recovery_points": {"min_retention": "40d"}}) == ("fail", 39 * DAY)

    def test_a_newer_point_has_the_longest_retention_if_it_was_read_later(self) -> None:
        """The oldest point was 39 days old at its read. A point that is newer by 12 hours was read a day later."""
        results = both([point(days=39, hours=12)], [point(days=40)], members={"read_at": ago(days=1)})
        assert outcome(results, {"recovery_points": {"min_retention": "948h"}}) == ("pass", 948 * HOUR)

    def test_locks(self) -> None:
        locked = [point(hours=5, immutable=True, immutable_until=moment(days=-days)) for days in (5, 20)]
        assert outcome(both(locked[:1], locked[1:]), {"immutable": {"min_lock": "20d"}}) == ("pass", 20 * DAY)
        assert outcome(both(locked[:1], locked[1:]), {"immutable": {"min_lock": "21d"}}) == ("fail", 20 * DAY)

    @pytest.mark.parametrize(("origin", "count"), [(None, 2), ("vbr1", 1)])
    def test_equal_names_of_two_servers_are_two_locations(self, origin: str | None, count: int) -> None:
        first, second = ([point(hours=hours, locations=[("repo", "disk")])] for hours in (5, 6))
        results = both(first, second, origin=origin)
        assert outcome(results, {"locations": {"min_count": 2}}) == ("pass" if count == 2 else "fail", count)
        assert outcome(results, {"locations": {"min_types": 2}}) == ("fail", 1)

    @pytest.mark.parametrize(
        ("first", "second", "limit", "result", "actual"),
        [
            # Two locations, and production, which counts once if it exists according to one row.
            (True, True, 3, "pass", 3),
            (True, True, 4, "fail", 3),
            (True, False, 3, "pass", 3),
            (None, True, 3, "pass", 3),
            (None, None, 2, "pass", 2),
            (None, None, 3, "unknown", 2),
            (None, False, 3, "unknown", 2),
            (None, None, 4, "fail", 2),
            (False, False, 3, "fail", 2),
        ],
    )
    def test_production_is_one_copy(
        self, first: bool | None, second: bool | None, limit: int, result: str, actual: int
    ) -> None:
        results = [
            read(row([point(hours=hours, locations=["repo"])], host=host, in_inventory=known))
            for host, hours, known in (("vbr1", 5, first), ("spp1", 6, second))
        ]
        for combine in (BY_NAME, ADDED):
            assert outcome(results, {"copies": {"min_count": limit}}, combine) == (result, actual)


def encrypted(*values: bool | None, days: float = 0, **facts: Any) -> list[RecoveryPoint]:
    """Build a point for each value, that many days and some hours old."""
    return [point(days=days, hours=5 + number, encrypted=value, **facts) for number, value in enumerate(values)]


class TestEveryRow:
    @pytest.mark.parametrize(
        ("second", "since", "result"),
        [
            (encrypted(True), None, "pass"),
            (encrypted(True, False), None, "fail"),
            (encrypted(True, None), None, "unknown"),
            (encrypted(False, kind="unknown"), None, "unknown"),
            # Rows without points to check.
            (EMPTY, None, "pass"),
            (encrypted(False, kind="snapshot"), None, "pass"),
            (encrypted(False, usable=False), None, "pass"),
            # A point without a time, and time that was not read.
            ([point(encrypted=True, created=0, usable=None)], None, "unknown"),
            (EMPTY, 90, "unknown"),
        ],
    )
    def test_all(self, second: list[RecoveryPoint], since: int | None, result: str) -> None:
        members = {} if since is None else {"selection": {"since": ago(days=since)}}
        assert outcome(both(encrypted(True, True), second, members=members), {"encrypted": {"all": True}})[0] == result

    def test_rows_without_points(self) -> None:
        assert outcome(both(EMPTY, EMPTY), {"encrypted": {"all": True}})[0] == "fail"
        assert outcome(both(EMPTY, EMPTY), {"malware": {"none": True}})[0] == "fail"

    @pytest.mark.parametrize(("days", "result"), [(6, "fail"), (8, "pass")])
    def test_only_points_of_the_window(self, days: int, result: str) -> None:
        results = both(encrypted(True), encrypted(False, days=days))
        assert outcome(results, {"encrypted": {"all": {"within": "7d"}}})[0] == result

    @pytest.mark.parametrize(("malware", "result"), [("clean", "pass"), (None, "unknown"), ("infected", "fail")])
    def test_none(self, malware: str | None, result: str) -> None:
        results = both([point(hours=5, malware="clean")], [point(hours=5, malware=malware)])
        assert outcome(results, {"malware": {"none": True}})[0] == result

    @pytest.mark.parametrize(
        ("first", "second", "result", "source"),
        [
            (nightly(3), nightly(5), "pass", None),
            (nightly(8), nightly(5), "warn", "vbr1, id id-1"),
            (nightly(5), [*nightly(10), point(days=20, **UNSURE)], "unknown", "spp1, id 77"),
            (nightly(11), [*nightly(10), point(days=20, **UNSURE)], "fail", "vbr1, id id-1"),
        ],
    )
    def test_the_worst_result_counts(self, first: Any, second: Any, result: str, source: str | None) -> None:
        found = combined(both(first, second), {"recovery_points": {"max_count": {"limit": 10, "warn_at": "70%"}}})
        assert found["result"] == result
        if source is not None:
            assert found["message"].endswith(f"; result from {source})")

    @pytest.mark.parametrize(
        ("status", "lists", "result"),
        [("success", True, "pass"), ("failed", True, "fail"), ("success", False, "unknown")],
    )
    def test_failed_runs(self, status: str, lists: bool, result: str) -> None:
        one = read(row(ONE), server={"scope": {"failed_runs": True}})
        other = read(row([point(status=status, usable=None)], host="spp1"), server={"scope": {"failed_runs": lists}})
        assert outcome([one, other], {"recovery_points": {"max_failed_runs": 0}})[0] == result

    def test_sizes(self) -> None:
        sizes = [point(days=day, size_bytes=100) for day in range(1, 5)]
        good, small = ([point(size_bytes=size), *sizes] for size in (100, 20))
        rules = {"size": {"min_percent_of_median": "50%"}}
        assert outcome(both(good, good), rules) == ("pass", 100)
        assert outcome(both(good, small), rules) == ("fail", 20)

    def test_restore_tests(self) -> None:
        """The newest test of all rows determines the age. The duration is checked for each row."""
        test = {"source": "vbr1", "workload_type": "vm", "workload_id": "id-1", "workload_name": "web01"}
        passed = {**test, "point_created_at": ago(hours=5), "tested_at": ago(hours=1), "result": "passed", "seconds": 9}
        other = {**passed, "source": "spp1", "workload_id": "77", "workload_name": "WEB01"}
        older = {**other, "point_created_at": ago(days=10), "tested_at": ago(days=9)}
        failed = {**other, "result": "failed", "seconds": None, "tested_at": ago(seconds=60)}
        results = both(ONE, ONE)
        for tests, age, duration in (
            ([passed], "pass", "unknown"),
            ([passed, older], "pass", "pass"),
            ([passed, failed], "fail", "fail"),
        ):
            assert outcome(results, {"restore_tested": {"max_age": "7d"}}, restore_tests=tests)[0] == age
            rules = {"restore_tested": {"max_restore_time": "1h"}}
            assert outcome(results, rules, restore_tests=tests)[0] == duration


class TestWhichRows:
    @pytest.mark.parametrize("order", [1, -1])
    def test_the_finding_is_that_of_the_first_row_by_source(self, order: int) -> None:
        found = finding(list(both(nightly(30), ONE))[::order], SEVEN, combine=BY_NAME)
        assert (found["source"], found["workload_id"], found["workload_name"]) == ("spp1", "77", "WEB01")

    @pytest.mark.parametrize("other", [{"id": "b"}, {"id": "a", "type": "database"}])
    def test_two_workloads_of_one_server_are_evaluated_alone(self, other: dict[str, Any]) -> None:
        """The pass of one must not hide the failure of the other."""
        results = [read(row(id="a"), row(ONE, **other)), read(row(host="spp1"))]
        found = findings(results, SEVEN, combine=BY_NAME)
        counts = [one["result"] for one in found if one["control"] == "recovery_points.min_count"]
        assert sorted(counts) == ["fail", "pass", "pass"]
        assert [result for result, _message in messages(found, "policy.combine")] == ["warn", "warn"]

    def test_one_server_under_two_names(self) -> None:
        results = [
            read(row(id="a"), server={"identity": "A"}),
            read(row(ONE, id="b", host="vbr2"), server={"identity": "A"}),
        ]
        found = findings(results, SEVEN, combine=BY_NAME)
        assert [result for result, _message in messages(found, "policy.combine")] == ["warn", "warn"]

    def test_rows_without_a_name_stay_separate(self) -> None:
        results = [read(row(name=None)), read(row(name=None, host="spp1"))]
        assert len(findings(results, SEVEN, combine=BY_NAME)) == 2

    def test_by_id(self) -> None:
        results = [read(row(ONE, name="a")), read(row(host="spp1", name="b", id="ID-1"))]
        assert outcome(results, SEVEN, {"by": "workload_id"}) == ("pass", 30)

    def test_an_excluded_row_is_not_combined(self) -> None:
        exclude = [{"match": {"source": "vbr1"}, "reason": "moved"}]
        found = findings(list(both(nightly(30), ONE)), SEVEN, combine=BY_NAME, exclude=exclude)
        assert {one["source"]: one["result"] for one in found} == {"vbr1": "not_applicable", "spp1": "fail"}

    @pytest.mark.parametrize(("host", "limit", "result"), [("vbr1", 7, "pass"), ("spp1", 7, "pass"), ("x", 40, "fail")])
    def test_the_first_tier_that_matches_one_of_the_rows(self, host: str, limit: int, result: str) -> None:
        policies = [
            {"name": "one", "match": {"source": host}, "policy": SEVEN},
            {"name": "two", "policy": {"recovery_points": {"min_count": 40}}},
        ]
        found = combined(both(nightly(30), nightly(3)), {"policies": policies})
        assert (found["limit"], found["result"]) == (limit, result)

    def test_an_expected_name(self) -> None:
        results = [read(row(ONE, in_inventory=True)), read(row(host="spp1", in_inventory=False))]
        found = findings(results, SEVEN, combine=BY_NAME, expected=["web01"])
        assert [(one["control"], one["result"]) for one in found] == [
            ("expected.exists", "pass"),
            ("recovery_points.min_count", "pass"),
        ]
