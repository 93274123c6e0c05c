# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examples of other rules with results derived by hand: locations, sizes, failed runs and restore tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reference.estate import Point, RestoreTest
from tests.reference.evaluator import Finding
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
    check,
    results,
    t,
    u,
)

# The example of docs/reference/evaluation.md: only points of the last 26 hours count.
LOCATION_POLICY = {"recovery_points": {"max_age": "26h"}}


class TestLocations:
    def run(self, points: list[Point], rule: str = "min_count", **changes: Any) -> str:
        return check("locations", rule, 2, points, policy=LOCATION_POLICY, **changes)

    def test_example(self) -> None:
        a, b = ("Repo A", "disk"), ("B", "tape")
        assert self.run(t(WEDNESDAY, locations=(a, ("repo a ", "disk")))) == "fail"
        assert self.run([*t(WEDNESDAY, locations=(a,)), *t(MONDAY, locations=(b,))]) == "fail"
        assert self.run(t(WEDNESDAY, locations=(a, (None, "disk")))) == "unknown"
        later = t(WEDNESDAY - HOUR, usable=None, locations=(b,))
        assert self.run([*t(WEDNESDAY, locations=(a,)), *later]) == "unknown"
        assert self.run(t(WEDNESDAY, locations=(a, b))) == "pass"

    def test_types(self) -> None:
        locations = (("A", "disk"), ("B", " TAPE "))
        assert self.run(t(WEDNESDAY, locations=locations), "min_types") == "pass"
        assert self.run(t(WEDNESDAY, locations=(("A", "disk"), ("B", "Disk"))), "min_types") == "fail"
        declared = t(WEDNESDAY, locations=locations, declared=("location_types",))
        assert self.run(declared, "min_types") == "unknown"
        # The type "other" does not count as a second type, but may be one. A location can have this name.
        unknown = t(WEDNESDAY, locations=(("A", "disk"), ("other", " Other")))
        assert self.run(unknown, "min_types") == "unknown"
        assert self.run(unknown) == "pass"

    def test_points_without_locations(self) -> None:
        assert self.run([*t(WEDNESDAY, locations=(("A", None),)), *t(WEDNESDAY, locations=())]) == "unknown"
        assert check("locations", "max_age", "26h", t(WEDNESDAY)) == "unknown"
        assert check("locations", "max_age", "26h", t(MONDAY)) == "fail"
        assert check("locations", "max_age", "26h", t(WEDNESDAY, locations=(("A", None),))) == "pass"

    @pytest.mark.parametrize(("in_inventory", "expected"), [(True, "pass"), (None, "unknown"), (False, "fail")])
    def test_copies(self, in_inventory: bool | None, expected: str) -> None:
        points = t(WEDNESDAY, locations=(("A", None), ("B", None)))
        assert check("copies", "min_count", 3, points, in_inventory=in_inventory) == expected
        entries = {"include_production": False}
        assert check("copies", "min_count", 3, points, in_inventory=in_inventory, entries=entries) == "fail"


class TestSizesAndRuns:
    def run(self, *sizes: int | None, percent: str = "50%", **changes: Any) -> str:
        points = [Point(WEDNESDAY - index * DAY, size_bytes=size) for index, size in enumerate(sizes)]
        return check("size", "min_percent_of_median", percent, points, **changes)

    def test_size(self) -> None:
        assert self.run(50, 100, 90, 110) == "pass"
        assert self.run(49, 100, 90, 110) == "fail"
        # The lower of the two middle sizes (90 and 100) counts.
        assert self.run(45, 100, 90, 80, 110) == "pass"
        assert self.run(44, 100, 90, 80, 110) == "fail"
        assert self.run(50, 100, 90) == "unknown"
        assert self.run(50, 100, 90, None) == "unknown"
        assert self.run(50, 0, 0, 110) == "unknown"
        assert self.run() == "fail"
        assert self.run(50, 100, 90, 110, until=AS_OF - 1) == "unknown"

    def test_size_with_unknown_points(self) -> None:
        assert self.run(50, 100, 90, 110, since=SUNDAY - DAY) == "unknown"
        sizes = [100] * 30
        assert self.run(50, *sizes, since=SUNDAY - 60 * DAY) == "pass"
        assert self.run(50, *sizes[1:], since=SUNDAY - 60 * DAY) == "unknown"
        points = [Point(WEDNESDAY - index * DAY, size_bytes=100) for index in range(31)]
        older = WEDNESDAY - 31 * DAY
        value = "50%"
        assert check("size", "min_percent_of_median", value, [*points, *u(older)]) == "pass"
        assert check("size", "min_percent_of_median", value, [*points[1:], *u(older)]) == "unknown"
        # Points of another kind do not matter.
        others = t(MONDAY, kind="incremental", usable=None)
        assert check("size", "min_percent_of_median", value, [*points, *others]) == "pass"

    def test_size_of_two_newest_points(self) -> None:
        points = [Point(WEDNESDAY - index * DAY, size_bytes=100) for index in range(4)]
        small = Point(WEDNESDAY, size_bytes=10)
        assert check("size", "min_percent_of_median", "50%", [*points, small]) == "fail"

    def test_failed_runs(self) -> None:
        failed = t(MONDAY, WEDNESDAY, status="failed", usable=False)
        assert check("recovery_points", "max_failed_runs", 2, failed) == "pass"
        assert check("recovery_points", "max_failed_runs", 1, failed) == "fail"
        assert check("recovery_points", "max_failed_runs", {"limit": 1, "within": "1d"}, failed) == "pass"
        assert check("recovery_points", "max_failed_runs", 2, [*failed, *t(MONDAY, status="unknown")]) == "unknown"
        assert check("recovery_points", "max_failed_runs", 2, failed, failed_runs=None) == "unknown"
        assert check("recovery_points", "max_failed_runs", 2, failed, since=SUNDAY) == "unknown"


class TestRestoreTests:
    def record(self, created: int, tested_at: int, result: str = "passed", seconds: int | None = 60) -> RestoreTest:
        return RestoreTest("backup.example.com", "vm", "1", "web01", created, tested_at, result, seconds)

    def run(self, rule: str, value: Any, points: list[Point], *tests: RestoreTest, **changes: Any) -> str:
        return check("restore_tested", rule, value, points, tests=list(tests), **changes)

    def test_max_age(self) -> None:
        passed = self.record(MONDAY, WEDNESDAY)
        assert self.run("max_age", "10h", t(MONDAY, restore_tested=False), passed) == "pass"
        assert self.run("max_age", "9h", t(MONDAY, restore_tested=False), passed) == "fail"
        assert self.run("max_age", "9h", t(MONDAY), passed) == "unknown"
        assert self.run("max_age", "10h", [], passed, self.record(SUNDAY, WEDNESDAY, "failed")) == "fail"
        assert self.run("max_age", "10h", []) == "unknown"
        assert self.run("max_age", "10h", t(MONDAY, restore_tested=False, tested_at=WEDNESDAY)) == "fail"
        # The test is 301 s before its point.
        assert self.run("max_age", "10h", [], self.record(WEDNESDAY + 301, WEDNESDAY)) == "unknown"

    def test_tests_of_the_product(self) -> None:
        def tested(value: bool | None, **changes: Any) -> str:
            return self.run("max_age", "10h", t(MONDAY, **{"restore_tested": value, "tested_at": WEDNESDAY, **changes}))

        assert [tested(True), tested(False), tested(None)] == ["pass", "fail", "unknown"]
        # A failed test of an unusable or possible point counts, and a passed one is unknown.
        assert [tested(True, usable=False), tested(False, usable=False)] == ["unknown", "fail"]
        assert [tested(True, kind="unknown"), tested(False, usable=None)] == ["unknown", "fail"]
        assert tested(False, inferred=("restore_tested",)) == "unknown"
        assert [tested(False, tested_at=MONDAY - 301), tested(False, tested_at=MONDAY - 300)] == ["unknown", "fail"]
        # Not counted: a test of a snapshot, and a test in the future.
        assert [tested(False, kind="snapshot"), tested(False, tested_at=AS_OF + 301)] == ["unknown", "unknown"]
        passed = t(SUNDAY, restore_tested=True, tested_at=TUESDAY)
        failed = t(MONDAY, restore_tested=False, tested_at=WEDNESDAY, usable=False)
        assert self.run("max_age", "9d", passed) == "pass"
        assert self.run("max_age", "9d", [*passed, *failed]) == "fail"
        # Expiry does not matter.
        expired = t(MONDAY, restore_tested=True, tested_at=WEDNESDAY, expires_at=AS_OF)
        assert self.run("max_age", "10h", expired, read_at=AS_OF - HOUR) == "pass"

    def test_hidden_time_may_contain_a_newer_test(self) -> None:
        record = self.record(MONDAY, WEDNESDAY)
        assert self.run("max_age", "10h", [], record, since=SUNDAY) == "unknown"
        assert self.run("max_restore_time", "60s", [], record, since=SUNDAY) == "unknown"
        assert self.run("max_restore_time", "59s", [], record, since=SUNDAY) == "fail"

    def test_future_tests_do_not_count(self) -> None:
        assert self.run("max_age", "10h", [], self.record(MONDAY, AS_OF + 300)) == "pass"
        assert self.run("max_age", "10h", [], self.record(MONDAY, AS_OF + 301)) == "unknown"

    def test_max_restore_time(self) -> None:
        assert self.run("max_restore_time", "60s", [], self.record(MONDAY, WEDNESDAY)) == "pass"
        assert self.run("max_restore_time", "59s", [], self.record(MONDAY, WEDNESDAY)) == "fail"
        assert self.run("max_restore_time", "60s", [], self.record(MONDAY, WEDNESDAY, seconds=None)) == "unknown"

    def test_records_change_states(self) -> None:
        passed, failed = self.record(MONDAY, WEDNESDAY), self.record(MONDAY, WEDNESDAY, "failed")
        assert self.run("min_count", 1, t(MONDAY), passed) == "pass"
        assert self.run("min_count", 1, t(MONDAY, restore_tested=False), passed) == "unknown"
        assert self.run("min_count", 1, t(MONDAY, restore_tested=True), failed) == "fail"
        assert self.run("min_count", 1, t(MONDAY), passed, failed) == "fail"
        assert self.run("min_count", 1, t(MONDAY, usable=None), passed) == "unknown"
        # The tested point has been removed.
        assert self.run("min_count", 1, t(TUESDAY, restore_tested=False), passed) == "unknown"
        assert self.run("none", True, t(TUESDAY, restore_tested=False), passed) == "pass"

    def test_records_and_tests_of_the_product(self) -> None:
        passed, failed = self.record(MONDAY, WEDNESDAY), self.record(MONDAY, WEDNESDAY, "failed")

        def changed(value: bool | None, tested_at: int, record: RestoreTest) -> str:
            return self.run("min_count", 1, t(MONDAY, restore_tested=value, tested_at=tested_at), record)

        # The later test counts. At the same time, a failed one counts.
        assert [changed(False, WEDNESDAY + time, passed) for time in [-1, 0, 1]] == ["pass", "fail", "fail"]
        assert [changed(True, WEDNESDAY + time, failed) for time in [-1, 0, 1]] == ["fail", "fail", "pass"]
        assert [changed(None, WEDNESDAY + time, passed) for time in [-1, 0, 1]] == ["pass", "pass", "unknown"]
        assert [changed(None, WEDNESDAY + time, failed) for time in [-1, 0, 1]] == ["fail", "fail", "unknown"]
        # A test in the future counts as null.
        assert [changed(True, AS_OF + 300, failed), changed(True, AS_OF + 301, failed)] == ["pass", "fail"]
        assert [changed(False, AS_OF + 300, passed), changed(False, AS_OF + 301, passed)] == ["fail", "unknown"]
        # A weak F becomes U, unless the test of the product is not earlier.
        points = t(MONDAY, restore_tested=False, kind="unknown", tested_at=WEDNESDAY - 1)
        assert self.run("min_count", 1, points, passed) == "unknown"
        points = t(MONDAY, restore_tested=False, kind="unknown", tested_at=WEDNESDAY)
        assert self.run("min_count", 1, points, passed) == "fail"

    def test_records_of_two_points_of_a_second(self) -> None:
        passed, failed = self.record(MONDAY, WEDNESDAY), self.record(MONDAY, WEDNESDAY, "failed")
        protected = t(MONDAY, tested_at=WEDNESDAY + 1)
        # The unchanged U stays a U, so the F is kept.
        points = [*protected, *t(MONDAY, restore_tested=False, tested_at=TUESDAY)]
        assert self.run("all", True, points, passed) == "fail"
        # The record may belong to the unchanged point, so the other U stays a U.
        assert self.run("min_count", 1, t(MONDAY), passed) == "pass"
        assert self.run("min_count", 1, [*protected, *t(MONDAY)], passed) == "unknown"
        # A failed record cannot change it, so the T changes.
        assert self.run("min_count", 1, [*protected, *t(MONDAY, restore_tested=True)], failed) == "unknown"
        assert self.run("all", True, [*protected, *t(MONDAY, restore_tested=True)], failed) == "fail"
        # Of two F, the one that the product has not tested changes.
        points = [*t(MONDAY, restore_tested=False, tested_at=TUESDAY), *t(MONDAY, restore_tested=False)]
        assert self.run("min_count", 1, points, passed) == "unknown"

    def test_record_of_workloads_of_different_origin(self) -> None:
        policy = {"restore_tested": {"max_age": "1d"}}
        rows = [build_row(t(MONDAY)), build_row(t(MONDAY), origin="vbr1")]
        record = self.record(MONDAY, WEDNESDAY)
        assessment = assess(policy, build_result(rows[:1]), tests=[record])
        assert results(assessment, "restore_tested.max_age") == ["pass"]
        assert results(assessment, "data.restore_tests") == []
        assessment = assess(policy, build_result(rows), tests=[record])
        assert results(assessment, "restore_tested.max_age") == ["unknown", "unknown"]
        assert results(assessment, "data.restore_tests") == ["warn"]
        # The other workload is in another read result, which is set aside.
        older = build_result(rows[1:], read_at=AS_OF - HOUR)
        assessment = assess(policy, build_result(rows[:1]), older, tests=[record])
        assert results(assessment, "restore_tested.max_age") == ["unknown"]
        assert results(assessment, "data.restore_tests") == ["warn"]

    def test_only_one_point_of_a_second_changes(self) -> None:
        assert self.run("min_count", 2, t(MONDAY, MONDAY), self.record(MONDAY, WEDNESDAY)) == "unknown"
        # The record uses the possible recovery point first, and the certain one stays unknown.
        points = [*t(MONDAY), *t(MONDAY, kind="unknown")]
        assert self.run("min_count", 1, points, self.record(MONDAY, WEDNESDAY)) == "unknown"


def test_findings_name_the_workload() -> None:
    policy = {"recovery_points": {"min_count": 1}}
    (finding,) = assess(policy, build_result([build_row(t(MONDAY), origin="vbr1")])).findings
    assert finding == Finding(
        "backup.example.com", "vbr1", "1", "web01", "recovery_points.min_count", None, "pass", False, "reported"
    )
