# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effect of restore test records on listed points, for the rules of restore_tested about points."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND
from tests.unit.plugins.module_utils._policy.policy_points import NOW, moment, point
from tests.unit.plugins.module_utils._policy.rules.cases import check, find, get_result
from tests.unit.plugins.module_utils._policy.rules.test_recorded_tests import ALL, FAILED, NONE, ONE, record


def full(value: bool | None = None, *, fraction: int = 0, **facts: Any) -> RecoveryPoint:
    """Build a point of the tested second, 30 days ago."""
    return point(created=moment(days=30) + fraction, restore_tested=value, **facts)


POSSIBLE: dict[str, Any] = {"usable": None}


class TestListedPoints:
    """min_count, min_retention, all and none: a record changes at most one point of the tested second."""

    @pytest.mark.parametrize(
        # The number of T, and of T and U, before and after a test.
        ("points", "passed", "failed"),
        [
            ([full()], (1, 1), (0, 0)),
            ([full(True)], (1, 1), (0, 0)),
            # A test without a date may be newer than the record.
            ([full(False)], (0, 1), (0, 0)),
            ([full(), full()], (1, 2), (0, 1)),
            # Already T: a passed test has no effect.
            ([full(True), full(False)], (1, 1), (1, 1)),
            ([full(True), full()], (1, 2), (1, 1)),
            ([full(), full(False)], (1, 1), (0, 1)),
            ([full(False), full(False)], (0, 1), (0, 0)),
            ([full(True), full(True)], (2, 2), (1, 1)),
            # A point that may be a recovery point: U instead of T, weak F instead of F.
            ([full(**POSSIBLE)], (0, 1), (0, 0)),
            ([full(True, **POSSIBLE)], (0, 1), (0, 0)),
            ([full(False, **POSSIBLE)], (0, 1), (0, 0)),
            ([full(kind="unknown")], (0, 1), (0, 0)),
            # A passed test uses the possible point first, a failed one the certain point.
            ([full(), full(**POSSIBLE)], (0, 2), (0, 1)),
            ([full(False), full(False, **POSSIBLE)], (0, 1), (0, 0)),
            ([full(True), full(True, **POSSIBLE)], (1, 2), (1, 1)),
            ([full(False), full(**POSSIBLE)], (0, 1), (0, 1)),
            # Not candidates: the tested point is not listed.
            ([], (0, 1), (0, 0)),
            ([full(kind="snapshot"), full(usable=False), full(kind="log")], (0, 1), (0, 0)),
            ([point(days=31, restore_tested=True)], (1, 2), (1, 1)),
        ],
    )
    def test_counts(self, points: list[RecoveryPoint], passed: tuple[int, int], failed: tuple[int, int]) -> None:
        for order in (points, points[::-1]):
            for tests, (sure, possible) in (([record()], passed), ([FAILED], failed)):
                results = [
                    get_result(order, {"restore_tested": {"min_count": limit}}, restore_tests=tests)
                    for limit in range(1, 4)
                ]
                expected = ["pass"] * sure + ["unknown"] * (possible - sure)
                assert results == [*expected, *["fail"] * (3 - possible)]

    @pytest.mark.parametrize(
        ("points", "tests", "every", "none"),
        [
            ([full()], [record()], "pass", "fail"),
            ([full()], [FAILED], "fail", "pass"),
            ([full(False)], [record()], "unknown", "unknown"),
            ([full(True)], [FAILED], "fail", "pass"),
            ([full(**POSSIBLE)], [FAILED], "unknown", "unknown"),
            ([full(), full(**POSSIBLE)], [FAILED], "fail", "unknown"),
            ([full(True), full(False)], [record()], "fail", "fail"),
            # The test of an unlisted point has no effect.
            ([point(restore_tested=True)], [record()], "pass", "fail"),
            ([point(restore_tested=False)], [record()], "fail", "pass"),
            ([], [record()], "fail", "fail"),
        ],
    )
    def test_all_and_none(
        self, points: list[RecoveryPoint], tests: list[dict[str, Any]], every: str, none: str
    ) -> None:
        assert get_result(points, ALL, restore_tests=tests) == every
        assert get_result(points, NONE, restore_tests=tests) == none

    @pytest.mark.parametrize(
        ("points", "passed", "failed"),
        [
            # Results of "all" after a record of 3 days ago: passed, and failed. The product tested before that.
            ([full(False, tested_at=moment(days=4))], "pass", "fail"),
            ([full(True, tested_at=moment(days=4))], "pass", "fail"),
            ([full(None, tested_at=moment(days=4))], "pass", "fail"),
            # At the same time, a failed one is kept.
            ([full(False, tested_at=moment(days=3))], "fail", "fail"),
            ([full(True, tested_at=moment(days=3))], "pass", "fail"),
            ([full(None, tested_at=moment(days=3))], "pass", "fail"),
            # After that, each is kept.
            ([full(False, tested_at=moment(days=2))], "fail", "fail"),
            ([full(True, tested_at=moment(days=2))], "pass", "pass"),
            ([full(None, tested_at=moment(days=2))], "unknown", "unknown"),
            # Up to 300 seconds after as_of. A later time is unknown.
            ([full(False, tested_at=moment(seconds=-300))], "fail", "fail"),
            ([full(True, tested_at=moment(seconds=-300))], "pass", "pass"),
            ([full(False, tested_at=moment(seconds=-301))], "unknown", "fail"),
            ([full(True, tested_at=moment(seconds=-301))], "pass", "fail"),
            # A point that may not be a recovery point.
            ([full(False, tested_at=moment(days=3), usable=None)], "unknown", "unknown"),
        ],
    )
    def test_tests_that_the_product_dates(self, points: list[RecoveryPoint], passed: str, failed: str) -> None:
        for order in (points, points[::-1]):
            assert get_result(order, ALL, restore_tests=[record()]) == passed
            assert get_result(order, ALL, restore_tests=[FAILED]) == failed

    @pytest.mark.parametrize(
        ("tests", "expected"),
        [
            # Of several tests of one point the newest counts, at the same time the failed one.
            ([record(4), FAILED], "fail"),
            ([record(2), FAILED], "pass"),
            ([record(3), FAILED], "fail"),
            # A test that is earlier than its point does not count and does not hide another one.
            ([record(30.5), FAILED], "fail"),
            ([record(30.5)], "unknown"),
            ([FAILED, record(3, 31)], "unknown"),
        ],
    )
    def test_several_tests(self, tests: list[dict[str, Any]], expected: str) -> None:
        for order in (tests, tests[::-1]):
            assert get_result([full()], ONE, restore_tests=order) == expected

    def test_a_point_that_retention_has_removed(self) -> None:
        tests = [record(3, 40)]
        text = "0 known, at least 1 required"
        check([point(restore_tested=False)], ONE, "unknown", text, restore_tests=tests)
        within = {"restore_tested": {"min_count": {"limit": 1, "within": "40d"}}}
        assert get_result([], within, restore_tests=tests) == "unknown"
        within = {"restore_tested": {"min_count": {"limit": 1, "within": "39d"}}}
        assert get_result([], within, restore_tests=tests) == "fail"
        retention = {"restore_tested": {"min_retention": "40d"}}
        assert get_result([point(restore_tested=False)], retention, restore_tests=tests) == "unknown"
        retention = {"restore_tested": {"min_retention": "41d"}}
        assert get_result([point(restore_tested=False)], retention, restore_tests=tests) == "fail"
        failed = [record(3, 40, result="failed", seconds=None)]
        assert get_result([point(restore_tested=False)], ONE, restore_tests=failed) == "fail"

    def test_retention_is_the_age_of_the_point(self) -> None:
        rules = {"restore_tested": {"min_retention": "30d"}}
        assert get_result([full(), point()], rules, restore_tests=[record()]) == "pass"
        assert get_result([full(), point()], rules, restore_tests=[record()], later=9 * DAY) == "pass"

    def test_which_of_two_points_changes(self) -> None:
        """A passed test uses the point with a fraction first, a failed one the other; see min_retention."""
        points = [full(), full(fraction=5)]

        def get(limit: str, test: dict[str, Any]) -> str:
            return get_result(points, {"restore_tested": {"min_retention": limit}}, restore_tests=[test])

        assert [get(limit, record()) for limit in ("2591999s", "30d")] == ["pass", "unknown"]
        assert [get(limit, FAILED) for limit in ("2591999s", "30d")] == ["unknown", "fail"]

    def test_fractions_of_records_are_cut_off(self) -> None:
        tests = [record(created="2026-10-22T07:00:00.999Z")]
        assert get_result([full()], ONE, restore_tests=tests) == "pass"
        assert get_result([full(fraction=5)], ONE, restore_tests=tests) == "pass"

    def test_expiry_is_the_last_step(self) -> None:
        points = [full(expires_at=NOW + HOUR * SECOND)]
        assert get_result(points, ONE, restore_tests=[record()]) == "pass"
        assert get_result(points, ONE, restore_tests=[record()], later=HOUR) == "unknown"
        assert get_result(points, ALL, restore_tests=[FAILED], later=HOUR) == "unknown"

    def test_records_are_reported(self) -> None:
        points = [full(True, inferred=("restore_tested",))]
        assert get_result(points, ONE) == "unknown"
        found = find(points, {**ONE, "accept": ["inferred"]}, restore_tests=[record()])
        assert (found["result"], found["certainty"]) == ("pass", "reported")
        assert find(points, {**ONE, "accept": ["inferred"]})["certainty"] == "inferred"
