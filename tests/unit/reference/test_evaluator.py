# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examples of rules about points and times with results derived by hand, some from docs/reference/evaluation.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.reference.estate import Counted, Point
from tests.reference.examples import (
    AS_OF,
    DAY,
    HOUR,
    MONDAY,
    SUNDAY,
    TUESDAY,
    UNDATED,
    WEDNESDAY,
    at,
    check,
    t,
    u,
)


class TestCountsAndAges:
    @pytest.mark.parametrize(("limit", "expected"), [(2, "pass"), (3, "unknown"), (4, "unknown"), (5, "fail")])
    def test_min_count_counts_unknown_and_undated_points(self, limit: int, expected: str) -> None:
        points = [*t(MONDAY, TUESDAY), *u(WEDNESDAY), UNDATED]
        assert check("recovery_points", "min_count", limit, points) == expected

    @pytest.mark.parametrize(("since", "expected"), [(MONDAY, "unknown"), (TUESDAY, "unknown"), (MONDAY - DAY, "fail")])
    def test_min_count_within_with_hidden_time(self, since: int, expected: str) -> None:
        within = f"{AS_OF - MONDAY + 1}s"
        value = {"limit": 3, "within": within}
        assert check("recovery_points", "min_count", value, t(TUESDAY, WEDNESDAY), since=since) == expected

    def test_window_begins_at_its_first_second(self) -> None:
        value = {"limit": 1, "within": "10h"}
        assert check("recovery_points", "min_count", value, t(AS_OF - 10 * HOUR)) == "pass"
        assert check("recovery_points", "min_count", value, t(AS_OF - 10 * HOUR - 1)) == "fail"

    def test_counted_points_count(self) -> None:
        counted = [Counted(5, Point(0))]
        assert check("recovery_points", "min_count", 5, [], counted=counted) == "pass"
        assert check("recovery_points", "min_count", {"limit": 5, "within": "9d"}, [], counted=counted) == "unknown"

    @pytest.mark.parametrize(("limit", "expected"), [(3, "pass"), (2, "unknown"), (1, "fail")])
    def test_max_count(self, limit: int, expected: str) -> None:
        assert check("recovery_points", "max_count", limit, [*t(MONDAY, TUESDAY), *u(WEDNESDAY)]) == expected

    def test_max_count_without_points(self) -> None:
        assert check("recovery_points", "max_count", 0, []) == "pass"
        assert check("recovery_points", "max_count", 0, [], since=MONDAY) == "unknown"

    @pytest.mark.parametrize(("limit", "expected"), [("10h", "pass"), ("35999s", "fail")])
    def test_max_age_of_exactly_the_limit(self, limit: str, expected: str) -> None:
        assert check("recovery_points", "max_age", limit, t(WEDNESDAY)) == expected

    def test_max_age_with_a_newer_unknown_point(self) -> None:
        assert check("recovery_points", "max_age", "26h", [*t(MONDAY), *u(WEDNESDAY)]) == "unknown"
        assert check("recovery_points", "max_age", "26h", [*t(MONDAY), UNDATED]) == "unknown"

    def test_max_age_on_weekdays(self) -> None:
        # From Friday 22:00 to Monday 08:00 there are 2 hours of Friday and 8 hours of Monday.
        monday = at("2027-06-21T08:00:00")
        changes = {"as_of": monday, "read_at": monday, "weekdays": ["mon..fri"]}
        points = t(at("2027-06-18T22:00:00"))
        assert check("recovery_points", "max_age", "10h", points, **changes) == "pass"
        assert check("recovery_points", "max_age", "35999s", points, **changes) == "fail"

    def test_max_age_with_skew(self) -> None:
        # The clock of the server is 200 s ahead, so the point is 200 s older than its time seems.
        assert check("recovery_points", "max_age", "36200s", t(WEDNESDAY), clock_skew_seconds=200) == "pass"
        assert check("recovery_points", "max_age", "36199s", t(WEDNESDAY), clock_skew_seconds=200) == "fail"
        assert check("recovery_points", "max_age", "10h", t(WEDNESDAY), clock_skew_seconds=301) == "unknown"

    def test_min_retention_uses_the_read_and_the_fraction(self) -> None:
        read_at = WEDNESDAY + DAY // 4
        assert check("recovery_points", "min_retention", "6h", t(WEDNESDAY), read_at=read_at) == "pass"
        assert check("recovery_points", "min_retention", "21601s", t(WEDNESDAY), read_at=read_at) == "fail"
        assert check("recovery_points", "min_retention", "6h", t(WEDNESDAY, fraction=True), read_at=read_at) == "fail"

    def test_min_retention_with_hidden_time(self) -> None:
        assert check("recovery_points", "min_retention", "30d", t(WEDNESDAY), since=MONDAY) == "unknown"
        until = AS_OF - HOUR
        assert check("recovery_points", "min_retention", "1h", [], until=until) == "unknown"
        assert check("recovery_points", "min_retention", "3601s", [], until=until) == "fail"

    def test_max_retention(self) -> None:
        assert check("recovery_points", "max_retention", "58h", t(MONDAY, WEDNESDAY)) == "pass"
        assert check("recovery_points", "max_retention", "57h", t(MONDAY, WEDNESDAY)) == "fail"
        assert check("recovery_points", "max_retention", "57h", [*u(MONDAY), *t(WEDNESDAY)]) == "unknown"
        assert check("recovery_points", "max_retention", "58h", t(WEDNESDAY), since=MONDAY) == "unknown"

    def test_warn_at(self) -> None:
        value = {"limit": "20h", "warn_at": "50%"}
        assert check("recovery_points", "max_age", value, t(WEDNESDAY)) == "pass"
        assert check("recovery_points", "max_age", value, t(WEDNESDAY - 1)) == "warn"
        assert check("recovery_points", "max_count", 4, t(MONDAY, TUESDAY), policy={"warn_at": "50%"}) == "pass"
        assert check("recovery_points", "max_count", 3, t(MONDAY, TUESDAY), policy={"warn_at": "50%"}) == "warn"


class TestKinds:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("full", "pass"), ("backup", "pass"), ("unknown", "unknown"), ("snapshot", "fail"), ("config", "fail")],
    )
    def test_recovery_points(self, kind: str, expected: str) -> None:
        assert check("recovery_points", "min_count", 1, t(MONDAY, kind=kind)) == expected

    @pytest.mark.parametrize(
        ("kind", "expected"), [("synthetic_full", "pass"), ("backup", "unknown"), ("incremental", "fail")]
    )
    def test_full(self, kind: str, expected: str) -> None:
        assert check("full", "min_count", 1, t(MONDAY, kind=kind)) == expected

    def test_named_kinds(self) -> None:
        def named(kind: str, *kinds: str) -> str:
            entries = {"backup_types": list(kinds)}
            return check("recovery_points", "min_count", 1, t(MONDAY, kind=kind), entries=entries)

        assert named("snapshot", "full", "snapshot") == "pass"
        assert named("backup", "full", "snapshot") == "unknown"
        assert named("backup", "snapshot") == "fail"
        assert named("unknown", "unknown") == "pass"
        assert check("backup_types.log", "max_age", "11h", t(WEDNESDAY, kind="log")) == "pass"
        assert check("backup_types.log", "max_age", "11h", t(WEDNESDAY, kind="backup")) == "fail"

    def test_unusable_points_are_absent(self) -> None:
        assert check("recovery_points", "min_count", 1, t(MONDAY, usable=False)) == "fail"

    def test_expiry(self) -> None:
        for expires_at, expected in [(AS_OF - HOUR, "pass"), (AS_OF, "unknown"), (AS_OF + 1, "pass")]:
            points = t(MONDAY, expires_at=expires_at)
            assert check("recovery_points", "min_count", 1, points, read_at=AS_OF - HOUR) == expected

    def test_expiry_with_a_clock_that_is_off(self) -> None:
        # The clock of the server is 301 s ahead. Every later end may have passed.
        for expires_at, expected in [(AS_OF + 301, "pass"), (AS_OF + 302, "unknown"), (AS_OF + 400 * DAY, "unknown")]:
            points = t(MONDAY, expires_at=expires_at)
            assert check("recovery_points", "min_count", 1, points, clock_skew_seconds=301) == expected

    def test_continuous_point_with_default_kinds(self) -> None:
        points = t(MONDAY, kind="continuous", restorable_from=MONDAY, restorable_until=WEDNESDAY)
        assert check("recovery_points", "max_age", "10h", points) == "pass"
        assert check("recovery_points", "min_retention", "58h", points) == "pass"
        assert check("recovery_points", "min_count", 1, points) == "fail"
        points = t(MONDAY, kind="continuous", restorable_from=MONDAY)
        assert check("recovery_points", "max_age", "10h", points) == "unknown"

    def test_continuous_point_that_is_named(self) -> None:
        both = t(MONDAY, kind="continuous", restorable_from=MONDAY, restorable_until=WEDNESDAY)
        assert check("backup_types.continuous", "max_gap", "10h", both) == "pass"
        assert check("backup_types.continuous", "max_gap", "9h", both) == "fail"
        assert check("backup_types.continuous", "daily", 3, both) == "pass"
        begin = t(MONDAY, kind="continuous", restorable_from=MONDAY)
        assert check("backup_types.continuous", "max_gap", "9h", begin) == "unknown"
        assert check("backup_types.continuous", "min_count", {"limit": 1, "within": "1d"}, begin) == "unknown"
        end = t(MONDAY, kind="continuous", restorable_until=MONDAY)
        assert check("backup_types.continuous", "min_count", {"limit": 1, "within": "1d"}, end) == "fail"
        assert check("backup_types.continuous", "max_gap", "58h", end) == "unknown"
        neither = t(MONDAY, kind="continuous")
        assert check("backup_types.continuous", "min_count", 1, neither) == "unknown"
        assert check("backup_types.continuous", "max_retention", "400d", neither) == "unknown"


class TestFacts:
    def test_all(self) -> None:
        encrypted = t(MONDAY, encrypted=True)
        assert check("encrypted", "all", True, encrypted) == "pass"
        assert check("encrypted", "all", True, []) == "fail"
        assert check("encrypted", "all", True, [*encrypted, *t(TUESDAY, encrypted=False)]) == "fail"
        assert check("encrypted", "all", True, [*encrypted, *t(TUESDAY)]) == "unknown"
        assert check("encrypted", "all", True, [*encrypted, *t(TUESDAY, kind="snapshot")]) == "pass"
        # A point that may not be a recovery point, and is certainly not encrypted.
        assert check("encrypted", "all", True, [*encrypted, *t(TUESDAY, encrypted=False, usable=None)]) == "unknown"
        assert check("encrypted", "all", {"within": "1d"}, t(MONDAY, encrypted=True)) == "fail"

    def test_none(self) -> None:
        clean = t(MONDAY, malware="clean")
        assert check("malware", "none", True, clean) == "pass"
        assert check("malware", "all", True, clean) == "pass"
        assert check("malware", "none", True, [*clean, *t(TUESDAY, malware="suspicious")]) == "fail"
        assert check("malware", "none", True, [*clean, *t(TUESDAY)]) == "unknown"
        assert check("malware", "none", True, t(MONDAY, malware="clean", usable=None)) == "unknown"
        assert check("malware", "none", True, []) == "fail"

    def test_accept(self) -> None:
        points = t(WEDNESDAY, offsite=True, inferred=("offsite",))
        assert check("offsite", "max_age", "1d", points) == "unknown"
        assert check("offsite", "max_age", "1d", points, policy={"accept": ["reported", "inferred"]}) == "pass"
        assert check("offsite", "max_age", "1d", points, policy={"accept": ["declared"]}) == "unknown"

    def test_the_most_specific_setting_applies(self) -> None:
        points = t(WEDNESDAY, offsite=True, declared=("offsite",))
        value = {"limit": 1, "accept": ["reported"]}
        assert check("offsite", "min_count", value, points, entries={"accept": ["declared"]}) == "unknown"
        assert check("offsite", "min_count", 1, points, entries={"accept": ["declared"]}) == "pass"

    def test_locks(self) -> None:
        def locked(end: int) -> list[Point]:
            return t(MONDAY, immutable_until=end)

        assert check("immutable", "min_count", 1, locked(AS_OF + 1)) == "pass"
        assert check("immutable", "min_count", 1, locked(AS_OF)) == "fail"
        assert check("immutable", "min_count", 1, locked(AS_OF + DAY), clock_skew_seconds=-301) == "unknown"
        assert check("immutable", "min_lock", "1d", locked(AS_OF + DAY)) == "pass"
        assert check("immutable", "min_lock", "1d", locked(AS_OF + DAY - 1)) == "fail"
        assert check("immutable", "min_lock", "400d", t(MONDAY, immutable=True)) == "pass"
        assert check("immutable", "min_lock", "1d", t(MONDAY)) == "unknown"

    def test_integrity_checks(self) -> None:
        checked = t(MONDAY, integrity_checked=True, checked_at=WEDNESDAY)
        assert check("integrity_checked", "max_age", "10h", checked) == "pass"
        assert check("integrity_checked", "max_age", "9h", checked) == "fail"
        assert check("integrity_checked", "max_age", "9h", [*checked, *t(MONDAY, integrity_checked=True)]) == "unknown"
        late = t(MONDAY, integrity_checked=True, checked_at=AS_OF + 301)
        assert check("integrity_checked", "max_age", "9h", late) == "unknown"

    def test_integrity_check_before_the_point(self) -> None:
        for seconds, expected in [(300, "pass"), (301, "unknown")]:
            points = t(WEDNESDAY, integrity_checked=True, checked_at=WEDNESDAY - seconds)
            assert check("integrity_checked", "max_age", "1d", points) == expected
        # Otherwise a check of an unknown point that is too old would give fail.
        early = t(WEDNESDAY, checked_at=WEDNESDAY - 301)
        assert check("integrity_checked", "max_age", "1h", early) == "unknown"
        assert check("integrity_checked", "max_age", "1h", t(WEDNESDAY, checked_at=WEDNESDAY - 300)) == "fail"


# The example of docs/reference/evaluation.md: as_of is Thursday 08:00, the window begins on Monday 08:00.
MAX_GAP = {"limit": "26h", "within": "3d"}


class TestMaxGap:
    @pytest.mark.parametrize(
        ("points", "expected"),
        [
            (t(SUNDAY, MONDAY, TUESDAY, WEDNESDAY), "pass"),
            (t(SUNDAY, MONDAY, WEDNESDAY), "fail"),
            ([*t(SUNDAY, MONDAY, WEDNESDAY), *u(TUESDAY)], "unknown"),
            (t(TUESDAY, WEDNESDAY), "fail"),
            ([], "fail"),
            ([*t(SUNDAY, MONDAY, WEDNESDAY), UNDATED], "unknown"),
        ],
    )
    def test_window(self, points: list[Point], expected: str) -> None:
        assert check("recovery_points", "max_gap", MAX_GAP, points) == expected

    def test_whole_history(self) -> None:
        assert check("recovery_points", "max_gap", "24h", t(TUESDAY, WEDNESDAY)) == "pass"
        assert check("recovery_points", "max_gap", "86399s", t(TUESDAY, WEDNESDAY)) == "fail"
        # The oldest point is unknown. If it exists, the gap after it is too long.
        assert check("recovery_points", "max_gap", "24h", [*u(SUNDAY), *t(TUESDAY, WEDNESDAY)]) == "unknown"
        assert check("recovery_points", "max_gap", "24h", t(TUESDAY, WEDNESDAY), since=MONDAY) == "unknown"
        assert check("recovery_points", "max_gap", "10h", u(WEDNESDAY)) == "unknown"
        assert check("recovery_points", "max_gap", "9h", u(WEDNESDAY)) == "fail"

    def test_without_a_point_in_the_window(self) -> None:
        value = {"limit": "26h", "within": "1d"}
        assert check("recovery_points", "max_gap", value, t(SUNDAY)) == "pass"
        assert check("recovery_points", "max_gap", value, u(SUNDAY)) == "unknown"


class TestPeriods:
    # The example of docs/reference/evaluation.md: as_of is Wednesday 03:00.
    WEDNESDAY_3 = at("2027-06-16T03:00:00")

    def run(self, limit: int, points: list[Point], **changes: Any) -> str:
        now = self.WEDNESDAY_3
        return check("recovery_points", "daily", limit, points, as_of=now, read_at=now, **changes)

    def test_daily(self) -> None:
        assert self.run(3, t(SUNDAY, MONDAY, TUESDAY)) == "pass"
        assert self.run(4, t(SUNDAY, MONDAY, TUESDAY)) == "fail"
        assert self.run(3, [*t(SUNDAY, TUESDAY), *u(MONDAY)]) == "unknown"
        assert self.run(3, t(SUNDAY, TUESDAY)) == "fail"
        assert self.run(3, t(TUESDAY), since=TUESDAY) == "unknown"

    def test_daily_on_weekdays(self) -> None:
        points = t(SUNDAY - 3 * DAY, SUNDAY - 2 * DAY, MONDAY, TUESDAY)
        assert self.run(4, points, weekdays=["mon..fri"]) == "pass"
        assert self.run(5, points, weekdays=["mon..fri"]) == "fail"
        assert self.run(3, points) == "fail"

    def test_start_of_the_day(self) -> None:
        # 23:50 and 00:10 of the next date: two points on one date, and none on another.
        points = t(at("2027-06-14T00:10:00"), at("2027-06-14T23:50:00"), at("2027-06-16T00:10:00"))
        assert self.run(3, points) == "fail"
        assert self.run(3, points, day_start="12:00") == "pass"

    def test_weeks_months_and_years(self) -> None:
        points = t(at("2027-06-14T00:00:00"), at("2027-06-13T23:59:59"), at("2027-05-31T23:59:59"))
        assert check("recovery_points", "weekly", 2, points) == "pass"
        assert check("recovery_points", "weekly", 3, points) == "pass"
        assert check("recovery_points", "weekly", 4, points) == "fail"
        assert check("recovery_points", "monthly", 2, points) == "pass"
        assert check("recovery_points", "yearly", 2, [*points, *t(at("2026-12-31T23:59:59"))]) == "pass"
        assert check("recovery_points", "yearly", 2, [*points, *t(at("2025-12-31T23:59:59"))]) == "fail"

    def test_day_of_25_hours(self) -> None:
        # In Berlin, 2027-10-31 is from 2027-10-30 22:00 UTC to 2027-10-31 23:00 UTC.
        now = at("2027-11-01T08:00:00")
        points = t(at("2027-11-01T00:00:00"), at("2027-10-31T22:30:00"), at("2027-10-30T21:59:59"))
        changes = {"as_of": now, "read_at": now, "timezone": "Europe/Berlin"}
        assert check("recovery_points", "daily", 3, points, **changes) == "pass"
        moved = [points[0], replace(points[1], created=at("2027-10-31T23:00:00")), points[2]]
        assert check("recovery_points", "daily", 3, moved, **changes) == "fail"

    def test_skipped_start_of_a_day(self) -> None:
        # In Berlin, 02:30 of 2027-03-28 does not exist: the day begins at 03:30 (01:30 UTC).
        now = at("2027-03-28T01:30:00")
        changes = {"as_of": now, "read_at": now, "timezone": "Europe/Berlin", "day_start": "02:30"}
        assert check("recovery_points", "daily", 2, t(now, now - 1), **changes) == "pass"
        assert check("recovery_points", "daily", 2, t(now, now), **changes) == "fail"


# The example of docs/reference/evaluation.md: the window is from Monday 00:00 to Friday 00:00.
FRIDAY = at("2027-06-18T00:00:00")
MIN_COVERAGE = {"percent": "90%", "max_age": "24h", "within": "4d"}
THURSDAY = WEDNESDAY + DAY


class TestMinCoverage:
    @pytest.mark.parametrize(
        ("points", "expected"),
        [
            (t(SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY), "pass"),
            (t(SUNDAY, MONDAY, WEDNESDAY, THURSDAY), "fail"),
            ([*t(SUNDAY, MONDAY, WEDNESDAY, THURSDAY), *u(TUESDAY)], "unknown"),
        ],
    )
    def test_example(self, points: list[Point], expected: str) -> None:
        changes = {"as_of": FRIDAY, "read_at": FRIDAY}
        assert check("recovery_points", "min_coverage", MIN_COVERAGE, points, **changes) == expected

    def test_percentage_of_exactly_the_limit(self) -> None:
        points = t(SUNDAY, MONDAY, WEDNESDAY, THURSDAY)
        changes = {"as_of": FRIDAY, "read_at": FRIDAY}
        assert check("recovery_points", "min_coverage", {**MIN_COVERAGE, "percent": "75%"}, points, **changes) == "pass"
        assert check("recovery_points", "min_coverage", {**MIN_COVERAGE, "percent": "76%"}, points, **changes) == "fail"
        changes["since"] = WEDNESDAY
        assert check("recovery_points", "min_coverage", MIN_COVERAGE, points[2:], **changes) == "unknown"

    def test_window_without_selected_days(self) -> None:
        sunday = at("2027-06-13T12:00:00")
        value = {"percent": "1%", "max_age": "24h", "within": "1d", "weekdays": ["mon..fri"]}
        changes = {"as_of": sunday, "read_at": sunday}
        assert check("recovery_points", "min_coverage", value, t(sunday), **changes) == "unknown"
