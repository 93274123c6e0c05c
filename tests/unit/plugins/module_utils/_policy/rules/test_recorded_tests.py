# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest restore test, reported by the product or from restore test records."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR
from tests.unit.plugins.module_utils._policy.policy_points import ago, evaluate, messages, moment, point, row
from tests.unit.plugins.module_utils._policy.rules.cases import check, find, get_result, undated

WEEK = {"restore_tested": {"max_age": "7d"}}
AN_HOUR = {"restore_tested": {"max_restore_time": "1h"}}
ONE = {"restore_tested": {"min_count": 1}}
ALL = {"restore_tested": {"all": True}}
NONE = {"restore_tested": {"none": True}}


def record(tested: float = 3, created: str | float = 30, result: str = "passed", **members: Any) -> dict[str, Any]:
    """Build a record of a test and its point, each that many days before NOW."""
    return {
        "source": "vbr1",
        "workload_type": "vm",
        "workload_id": "id-1",
        "workload_name": "web01",
        "point_created_at": created if isinstance(created, str) else ago(days=created),
        "tested_at": ago(days=tested),
        "result": result,
        "seconds": 3600,
        **members,
    }


def by_product(tested: float | None, value: bool | None = True, **facts: Any) -> RecoveryPoint:
    """Build a point that is 30 days old, and that the product tested that many days before NOW."""
    at = None if tested is None else moment(days=tested)
    return point(**{"days": 30, "restore_tested": value, "tested_at": at, **facts})


FAILED = record(result="failed", message="rows are missing", seconds=None)
WINDOWS = [{"since": ago(days=99)}, {"until": ago(seconds=1)}]


class TestNewestTest:
    """max_age and max_restore_time."""

    @pytest.mark.parametrize(
        ("points", "tests", "age", "time"),
        [
            # A test counts even if its point is no longer listed.
            ([], [record()], "pass", "pass"),
            ([point()], [record()], "pass", "pass"),
            ([point()], [record(7)], "pass", "pass"),
            ([point()], [record(seconds=3601)], "pass", "fail"),
            ([point()], [record(seconds=None)], "pass", "unknown"),
            ([point()], [record(9), record(3, seconds=3601)], "pass", "fail"),
            ([point()], [record(9, seconds=3601), record(3)], "pass", "pass"),
            ([], [], "unknown", "unknown"),
            ([point()], [], "unknown", "unknown"),
            ([point(restore_tested=False)], [], "unknown", "unknown"),
            ([point(restore_tested=True)], [], "unknown", "unknown"),
            # Tests of the product.
            ([by_product(7)], [], "pass", "unknown"),
            ([by_product(3, False)], [], "fail", "fail"),
            ([by_product(3, False), by_product(2)], [], "pass", "unknown"),
            ([by_product(3), by_product(2, False)], [], "fail", "fail"),
            ([by_product(3, usable=None)], [], "unknown", "unknown"),
            ([by_product(3, False, usable=None)], [], "fail", "fail"),
            ([by_product(3, False, usable=False)], [record(4)], "fail", "fail"),
            ([by_product(3, False, kind="unknown")], [record(4)], "fail", "fail"),
            ([by_product(3, False, kind="snapshot")], [record(4)], "pass", "pass"),
            ([by_product(3, usable=False), by_product(3, kind="snapshot")], [], "unknown", "unknown"),
            # The newest one is unknown: the point may not be usable, or the result is not reported.
            ([by_product(3, usable=False)], [record(4)], "unknown", "unknown"),
            ([by_product(3, kind="unknown")], [record(4)], "unknown", "unknown"),
            ([by_product(3, None)], [record(4)], "unknown", "unknown"),
            ([by_product(3, False, inferred=("restore_tested",))], [record(4)], "unknown", "unknown"),
            ([by_product(3, False), by_product(3, None)], [record(2)], "pass", "pass"),
            ([by_product(2)], [FAILED], "pass", "unknown"),
            ([by_product(2, False)], [record()], "fail", "fail"),
            # The newest test failed.
            ([point()], [FAILED], "fail", "fail"),
            ([point()], [record(2), FAILED], "pass", "pass"),
            ([point()], [record(4), FAILED], "fail", "fail"),
            # Several tests at the same time: a failed one, then an unknown one, then the worst time.
            ([point()], [record(), FAILED], "fail", "fail"),
            ([by_product(3, False)], [record()], "fail", "fail"),
            ([point()], [record(), record(created=2)], "unknown", "unknown"),
            ([point()], [FAILED, record(created=2)], "fail", "fail"),
            ([point()], [record(), record(seconds=3601)], "pass", "fail"),
            ([by_product(3)], [record()], "pass", "unknown"),
            ([by_product(3)], [record(seconds=3601)], "pass", "fail"),
            # The newest test is earlier than its point.
            ([point()], [record(created=2)], "unknown", "unknown"),
            ([point()], [record(2), record(created=2.5)], "pass", "pass"),
        ],
    )
    def test_results(self, points: list[RecoveryPoint], tests: list[dict[str, Any]], age: str, time: str) -> None:
        for order in (tests, tests[::-1]):
            assert get_result(points, WEEK, restore_tests=order) == age
            assert get_result(points, AN_HOUR, restore_tests=order) == time

    @pytest.mark.parametrize(
        ("points", "expected"),
        [
            # The newest passed test is 8 days old.
            ([], "fail"),
            ([point(restore_tested=False)], "fail"),
            ([point(restore_tested=False, usable=None)], "fail"),
            ([by_product(9)], "fail"),
            ([by_product(None)], "unknown"),
            ([by_product(9), by_product(None)], "unknown"),
            ([point()], "unknown"),
            ([by_product(9, usable=None)], "unknown"),
            (undated(restore_tested=True), "unknown"),
            (undated(restore_tested=False), "fail"),
            ([point(kind="log"), point(usable=False)], "fail"),
        ],
    )
    def test_an_old_test(self, points: list[RecoveryPoint], expected: str) -> None:
        assert get_result(points, WEEK, restore_tests=[record(8)]) == expected
        assert get_result(points, WEEK, restore_tests=[record(7)]) == "pass"
        # Any hidden time may contain a newer test.
        for window in WINDOWS:
            assert get_result(points, WEEK, restore_tests=[record(8)], **window) == "unknown"
            assert get_result(points, WEEK, restore_tests=[record(7)], **window) == "unknown"

    @pytest.mark.parametrize("window", WINDOWS)
    def test_hidden_time(self, window: dict[str, str]) -> None:
        """A newer test in it may have failed or taken longer."""
        check([point()], WEEK, "unknown", "were not read", restore_tests=[record()], **window)
        check([by_product(3)], WEEK, "unknown", "were not read", **window)
        check([point()], AN_HOUR, "unknown", "were not read", restore_tests=[record()], **window)
        text = "duration of the newest restore test not reported"
        check([by_product(3)], AN_HOUR, "unknown", text, **window)
        check([point()], AN_HOUR, "fail", "took 1h and 1s", restore_tests=[record(seconds=3601)], **window)
        for rules in (WEEK, AN_HOUR):
            check([point()], rules, "fail", "rows are missing", restore_tests=[FAILED], **window)

    def test_messages(self) -> None:
        check([point()], WEEK, "pass", "newest restore test is 3d old (maximum 7d)", restore_tests=[record()])
        text = "newest restore test (2026-11-18T07:00:00Z) failed: rows are missing"
        check([point()], WEEK, "fail", text, restore_tests=[FAILED])
        check([point()], AN_HOUR, "fail", text, restore_tests=[FAILED])
        check([by_product(3, False)], WEEK, "fail", "failed: no reason given")
        check([point()], AN_HOUR, "pass", "newest restore test took 1h (maximum 1h)", restore_tests=[record()])
        check([point()], AN_HOUR, "fail", "took 1h and 1s", restore_tests=[record(seconds=3601)])
        check([], AN_HOUR, "unknown", "restore time unknown (maximum 1h): no restore test recorded")
        check([by_product(None)], WEEK, "unknown", "test date not reported", restore_tests=[record(8)])

    @pytest.mark.parametrize(("earlier", "expected"), [(300, "pass"), (301, "unknown")])
    def test_a_test_before_its_point(self, earlier: int, expected: str) -> None:
        early = record(3, ago(days=3, seconds=-earlier))
        assert get_result([point()], WEEK, restore_tests=[early]) == expected
        assert get_result([point()], AN_HOUR, restore_tests=[early]) == expected
        # A test that the product reports hides older tests but not newer ones.
        tested = by_product(3, days=3, seconds=-earlier)
        assert get_result([tested], WEEK) == expected
        assert get_result([tested], WEEK, restore_tests=[record(4)]) == expected
        assert get_result([tested], WEEK, restore_tests=[record(2)]) == "pass"

    def test_a_test_of_the_product_days_before_its_point(self) -> None:
        text = "the result of the newest restore test is unknown"
        check([by_product(10, days=1)], WEEK, "unknown", text)
        check([by_product(10, days=1)], AN_HOUR, "unknown", text)

    @pytest.mark.parametrize(("ahead", "expected"), [(300, "pass"), (301, "unknown")])
    def test_a_test_after_as_of(self, ahead: int, expected: str) -> None:
        late = record(tested_at=ago(seconds=-ahead))
        assert get_result([point()], WEEK, restore_tests=[late]) == expected
        assert get_result([by_product(ahead / -DAY)], WEEK) == expected
        assert get_result([point(days=30)], ONE, restore_tests=[late]) == expected
        # The test of a listed point then has no date.
        assert get_result([by_product(ahead / -DAY)], WEEK, restore_tests=[record(8)]) == expected
        assert get_result([point(restore_tested=False)], WEEK, restore_tests=[record(8), late]) == (
            "pass" if expected == "pass" else "fail"
        )

    def test_warning(self) -> None:
        rules = {"restore_tested": {"max_age": {"limit": "10d", "warn_at": "30%"}}}
        assert get_result([], rules, restore_tests=[record(3)]) == "pass"
        assert get_result([], rules, restore_tests=[record(3.01)]) == "warn"
        rules = {"restore_tested": {"max_restore_time": {"limit": "2h", "warn_at": "50%"}}}
        assert get_result([], rules, restore_tests=[record()]) == "pass"
        assert get_result([], rules, restore_tests=[record(seconds=3601)]) == "warn"

    def test_ages_run_to_as_of(self) -> None:
        assert get_result([], WEEK, restore_tests=[record(6)], later=DAY) == "pass"
        assert get_result([], WEEK, restore_tests=[record(6)], later=DAY + 1) == "fail"

    def test_certainty(self) -> None:
        points = [by_product(3, inferred=("restore_tested",))]
        assert get_result(points, WEEK) == "unknown"
        assert get_result(points, WEEK, restore_tests=[record(8)]) == "unknown"
        found = find(points, {**WEEK, "accept": ["inferred"]})
        assert (found["result"], found["certainty"]) == ("pass", "inferred")
        found = find(points, {**WEEK, "accept": ["inferred"]}, restore_tests=[record(2)])
        assert (found["result"], found["certainty"]) == ("pass", "reported")

    def test_a_test_counts_even_if_its_point_may_have_been_removed(self) -> None:
        points = [by_product(3, expires_at=moment(hours=-1))]
        assert get_result(points, WEEK, later=HOUR) == "pass"
        assert get_result(points, WEEK, restore_tests=[FAILED, record(4)], later=HOUR) == "fail"
        points[0].restore_tested = False
        assert get_result(points, WEEK, restore_tests=[record(4)], later=HOUR) == "fail"

    def test_a_record_does_not_give_a_point_a_dated_test(self) -> None:
        """A record makes its point T, but not a T without a date."""
        points = [point(days=30, restore_tested=False)]
        assert get_result(points, WEEK, restore_tests=[record(8)]) == "fail"
        # A failed record does not change a T without a date to F.
        assert get_result([by_product(None)], WEEK, restore_tests=[record(9, result="failed"), record(8)]) == "unknown"

    def test_a_wrong_clock(self) -> None:
        check([point()], WEEK, "unknown", "clock of vbr1 is off by 5m", restore_tests=[record()], skew=301)
        assert get_result([point()], AN_HOUR, restore_tests=[record()], skew=301) == "pass"

    def test_times_are_on_the_clock_of_the_server(self) -> None:
        assert find([], WEEK, restore_tests=[record()], skew=300)["actual"] == 3 * DAY + 300


@pytest.mark.parametrize(
    "other", [{"source": "vbr2"}, {"workload_type": "nas"}, {"workload_id": "id-2"}, {"workload_name": "WEB01"}]
)
def test_a_record_of_another_workload(other: dict[str, Any]) -> None:
    assert get_result([point(days=30)], WEEK, restore_tests=[record(**other)]) == "unknown"
    assert get_result([point(days=30)], ONE, restore_tests=[record(**other)]) == "unknown"
    assert get_result([point(days=30)], ONE, restore_tests=[record()]) == "pass"


def test_warnings_about_records() -> None:
    """A record without a matching workload, and one with a test that is earlier than its point."""
    given = [record(workload_name="db01"), record(3, 2.5)]
    found = evaluate(row(), {"recovery_points": {"min_count": 1}}, restore_tests=given).plain()["findings"]
    assert [result for result, _text in messages(found, "data.restore_tests")] == ["warn", "warn"]
