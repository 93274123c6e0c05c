# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local days, weeks, months and years in rules: time zones, day_start, clock changes and days that do not exist."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from tests.unit.plugins.module_utils._policy.rules.cases import find, get_result, times, utc


def run(rule: str, *points: str, read_at: str = "21T07:00", **settings: Any) -> int:
    """Return how many periods in a row have a point."""
    rules = {"recovery_points": {rule: 99}}
    actual: int = find(times(*points), rules, read_at=utc(read_at), **settings)["actual"]
    return actual


class TestTimeZone:
    @pytest.mark.parametrize(("timezone", "expected"), [("UTC", 2), ("Europe/Berlin", 3), ("America/New_York", 2)])
    def test_days(self, timezone: str, expected: int) -> None:
        """In Berlin it is an hour later: the 20th, the 19th and the 18th. In New York: 20th, 19th and 17th."""
        points = ("20T22:30", "19T22:30", "17T23:30")
        assert run("daily", *points, timezone=timezone) == expected

    @pytest.mark.parametrize(
        ("rule", "points", "utc_run", "local_run"),
        [
            # Sunday 23:30 in UTC is Monday in Berlin.
            ("weekly", ("15T23:30", "2026-11-08T23:30"), 2, 2),
            ("weekly", ("15T23:30", "15T22:30"), 1, 2),
            ("monthly", ("2026-10-31T23:30", "2026-10-31T22:30"), 1, 2),
            ("yearly", ("2025-12-31T23:30", "2025-12-31T22:30"), 1, 2),
        ],
    )
    def test_other_periods(self, rule: str, points: tuple[str, ...], utc_run: int, local_run: int) -> None:
        assert run(rule, *points) == utc_run
        assert run(rule, *points, timezone="Europe/Berlin") == local_run

    def test_the_period_of_as_of(self) -> None:
        """At 23:30 in UTC, Berlin already has the 22nd."""
        assert run("daily", "20T12:00", read_at="21T23:30") == 1
        assert run("daily", "20T12:00", read_at="21T23:30", timezone="Europe/Berlin") == 0

    def test_weekdays_are_local(self) -> None:
        """From Friday 22:00 to Saturday 07:00 in UTC: 2 hours of Friday in UTC, and 1 hour of it in Berlin."""
        rules = {"recovery_points": {"max_age": "9h"}}
        given: dict[str, Any] = {"read_at": utc("21T07:00"), "weekdays": ["mon..fri"]}
        assert find(times("20T22:00"), rules, **given)["actual"] == 2 * 3600
        assert find(times("20T22:00"), rules, **given, timezone="Europe/Berlin")["actual"] == 3600

    def test_a_calendar_in_the_policy_takes_precedence(self) -> None:
        rules = {"recovery_points": {"daily": 99}, "timezone": "Europe/Berlin"}
        points = times("20T22:30", "19T22:30", "17T23:30")
        assert find(points, rules)["actual"] == find(points, rules, timezone="UTC")["actual"] == 3


class TestDayStart:
    @pytest.mark.parametrize(
        ("day_start", "expected"), [("00:00", 1), ("00:30", 1), ("00:31", 3), ("12:00", 3), ("23:30", 3), ("23:31", 1)]
    )
    def test_jobs_around_midnight(self, day_start: str, expected: int) -> None:
        """The job of the 19th ran until after midnight, those of the 18th and the 20th did not."""
        assert run("daily", "18T23:30", "20T00:30", "20T23:30", day_start=day_start) == expected

    def test_the_period_of_as_of(self) -> None:
        """Saturday at 07:00 is still Friday if days begin at 08:00."""
        assert run("daily", "20T08:00", "19T08:00", day_start="08:00") == 2
        assert run("daily", "19T08:00", "18T08:00", day_start="08:00") == 2
        assert run("daily", "19T07:59", "18T07:59", day_start="08:00") == 0

    @pytest.mark.parametrize(
        ("rule", "points", "expected"),
        [
            # Weeks begin on Monday at 08:00, months and years on the first at 08:00.
            ("weekly", ("16T08:00", "16T07:59:59"), 2),
            ("weekly", ("16T07:59:59", "2026-11-09T07:59:59"), 2),
            ("monthly", ("2026-11-01T08:00", "2026-11-01T07:59:59"), 2),
            ("monthly", ("2026-11-01T07:59:59", "2026-10-01T08:00"), 1),
            ("yearly", ("2026-01-01T08:00", "2026-01-01T07:59:59"), 2),
        ],
    )
    def test_other_periods(self, rule: str, points: tuple[str, ...], expected: int) -> None:
        assert run(rule, *points, day_start="08:00") == expected

    def test_weekdays_refer_to_the_date_on_which_the_day_begins(self) -> None:
        """Friday lasts until Saturday 06:00."""
        rules = {"recovery_points": {"max_age": "9h"}}
        given: dict[str, Any] = {"read_at": utc("21T07:00"), "weekdays": ["fri"], "day_start": "06:00"}
        assert find(times("21T01:00"), rules, **given)["actual"] == 5 * 3600
        assert find(times("20T05:00"), rules, **given)["actual"] == 24 * 3600


class TestClockChanges:
    """In Berlin, Sunday 2026-03-29 has 23 hours, and Sunday 2026-10-25 has 25."""

    @pytest.mark.parametrize(
        ("point", "read_at", "hours"),
        [("2026-03-28T12:00", "2026-03-30T12:00", 23), ("2026-10-24T12:00", "2026-10-26T12:00", 25)],
    )
    def test_elapsed_time_of_a_sunday(self, point: str, read_at: str, hours: int) -> None:
        given: dict[str, Any] = {"read_at": utc(read_at), "weekdays": ["sun"], "timezone": "Europe/Berlin"}
        for rules in ({"max_age": f"{hours}h"}, {"max_gap": f"{hours}h"}, {"min_retention": f"{hours}h"}):
            assert find(times(point), {"recovery_points": rules}, **given)["actual"] == hours * 3600
            assert get_result(times(point), {"recovery_points": rules}, **given) == "pass"
        assert get_result(times(point), {"recovery_points": {"max_age": f"{hours - 1}h"}}, **given) == "fail"

    @pytest.mark.parametrize(
        ("points", "expected"),
        [
            # Local midnights are 23:00 in UTC in winter, and 22:00 in summer.
            (("2026-03-27T23:00", "2026-03-28T23:00", "2026-03-29T22:00"), 3),
            (("2026-03-27T23:00", "2026-03-29T21:59:59", "2026-03-29T22:00"), 3),
            (("2026-03-27T23:00", "2026-03-28T22:59:59", "2026-03-29T22:00"), 1),
        ],
    )
    def test_days_in_spring(self, points: tuple[str, ...], expected: int) -> None:
        assert run("daily", *points, read_at="2026-03-30T07:00", timezone="Europe/Berlin") == expected

    @pytest.mark.parametrize(
        ("points", "expected"),
        [
            (("2026-10-23T22:00", "2026-10-24T22:00", "2026-10-25T23:00"), 3),
            (("2026-10-23T22:00", "2026-10-25T22:59:59", "2026-10-25T23:00"), 3),
            (("2026-10-23T22:00", "2026-10-24T21:59:59", "2026-10-25T23:00"), 1),
        ],
    )
    def test_days_in_autumn(self, points: tuple[str, ...], expected: int) -> None:
        assert run("daily", *points, read_at="2026-10-26T07:00", timezone="Europe/Berlin") == expected

    def test_a_day_that_begins_at_a_skipped_time(self) -> None:
        """02:30 does not exist on March 29; the day begins at 03:30 in summer time, which is 01:30 in UTC."""
        given: dict[str, Any] = {"read_at": "2026-03-29T12:00", "timezone": "Europe/Berlin", "day_start": "02:30"}
        assert run("daily", "2026-03-29T01:30", "2026-03-29T01:29:59", **given) == 2
        assert run("daily", "2026-03-29T01:29:59", "2026-03-28T01:30", **given) == 1

    def test_a_day_that_begins_at_a_time_that_occurs_twice(self) -> None:
        """02:30 is at 00:30 and at 01:30 in UTC on October 25."""
        given: dict[str, Any] = {"read_at": "2026-10-25T12:00", "timezone": "Europe/Berlin", "day_start": "02:30"}
        assert run("daily", "2026-10-25T00:30", "2026-10-25T00:29:59", **given) == 2
        assert run("daily", "2026-10-25T01:30", "2026-10-25T00:30", **given) == 1


class TestSkippedDay:
    """In Apia, the day after Thursday 2011-12-29 was Saturday 2011-12-31; it began at 10:00 in UTC on the 30th."""

    APIA: ClassVar[dict[str, Any]] = {"read_at": "2011-12-30T16:00", "timezone": "Pacific/Apia"}

    @pytest.mark.parametrize("day_start", ["00:00", "05:30"])
    def test_days(self, day_start: str) -> None:
        """At as_of it is Saturday at 06:00; the points are of Thursday and Wednesday at 12:00."""
        points = ("2011-12-29T22:00", "2011-12-28T22:00")
        assert run("daily", *points, **self.APIA, day_start=day_start) == 2
        assert run("daily", *points, "2011-12-30T15:59", **self.APIA, day_start=day_start) == 3
        assert run("daily", points[1], **self.APIA, day_start=day_start) == 0

    def test_the_first_second_of_saturday(self) -> None:
        assert run("daily", "2011-12-30T10:00", "2011-12-30T09:59:59", **self.APIA) == 2
        assert run("daily", "2011-12-30T09:59:59", "2011-12-29T10:00", **self.APIA) == 1

    def test_days_that_are_not_selected(self) -> None:
        """Friday is selected but does not exist. Saturday is empty and skipped."""
        given: dict[str, Any] = {**self.APIA, "read_at": "2012-01-01T16:00", "weekdays": ["mon..fri"]}
        assert run("daily", "2011-12-29T22:00", "2011-12-28T22:00", **given) == 2

    def test_elapsed_time(self) -> None:
        given: dict[str, Any] = {"timezone": "Pacific/Apia", "read_at": utc("2012-01-01T16:00")}
        points = times("2011-12-29T22:00")
        rules = {"recovery_points": {"max_age": "9d"}}
        # From Thursday at 12:00 to Monday at 06:00: 12 hours of Thursday, Saturday, Sunday, 6 hours.
        assert find(points, rules, **given)["actual"] == 66 * 3600
        assert find(points, rules, **given, weekdays=["fri"])["actual"] == 0
        assert find(points, rules, **given, weekdays=["thu", "fri"])["actual"] == 12 * 3600
        assert find(points, rules, **given, weekdays=["sat"])["actual"] == 24 * 3600

    def test_weeks_months_and_years(self) -> None:
        assert run("weekly", "2011-12-30T10:00", "2011-12-25T12:00", **self.APIA) == 2
        assert run("monthly", "2011-12-30T10:00", "2011-12-01T09:59:59", **self.APIA) == 2
        given: dict[str, Any] = {**self.APIA, "read_at": "2012-01-01T16:00"}
        assert run("yearly", "2011-12-31T10:00", "2011-12-31T09:59:59", **given) == 2
