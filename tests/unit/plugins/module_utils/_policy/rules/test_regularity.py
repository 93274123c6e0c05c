# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""max_gap, daily, weekly, monthly and yearly in UTC; see test_coverage.py and test_local_periods.py for the rest."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR
from tests.unit.plugins.module_utils._policy.policy_points import ago, moment, nightly, point
from tests.unit.plugins.module_utils._policy.rules.cases import check, counted, find, get_result, times, undated, utc


def _points(rule: str, limit: Any, **facts: Any) -> dict[str, Any]:
    return {"recovery_points": {rule: limit, **facts}}


def hours(*ages: float, **facts: Any) -> list[RecoveryPoint]:
    """Build a point for each age in hours at NOW."""
    return [point(hours=age, **facts) for age in ages]


def continuous(first: float | None, last: float | None, **facts: Any) -> RecoveryPoint:
    """Build a range that begins and ends that many hours before NOW; None: not reported."""
    ends = [None if end is None else moment(hours=end) for end in (first, last)]
    return point(hours=900, kind="continuous", restorable_from=ends[0], restorable_until=ends[1], **facts)


def gap(limit: str, within: str | None = None, **facts: Any) -> dict[str, Any]:
    return _points("max_gap", {"limit": limit, **({"within": within} if within else {}), **facts})


class TestMaxGapWithin:
    """The example of the page: as_of is a Thursday at 08:00, the window begins on Monday at 08:00."""

    @pytest.mark.parametrize(
        ("sure", "possible", "expected", "longest"),
        [
            (("22T22:00", "23T22:00", "24T22:00", "25T22:00"), (), "pass", 24),
            (("22T22:00", "23T22:00", "25T22:00"), (), "fail", 48),
            (("22T22:00", "23T22:00", "25T22:00"), ("24T22:00",), "unknown", 48),
            (("24T22:00", "25T22:00"), (), "fail", 38),
            # A U before the window, or at its start, does not count.
            (("24T22:00", "25T22:00"), ("22T22:00", "23T08:00"), "fail", 38),
            # The T before the window is not a boundary either.
            (("22T22:00", "24T22:00", "25T22:00"), (), "fail", 38),
        ],
    )
    def test_example(self, sure: tuple[str, ...], possible: tuple[str, ...], expected: str, longest: int) -> None:
        points = [*times(*sure), *times(*possible, usable=None)]
        found = find(points, gap("26h", "3d"), read_at=utc("26T08:00"))
        assert (found["result"], found["actual"]) == (expected, longest * HOUR)

    @pytest.mark.parametrize(
        ("points", "limit", "expected", "message"),
        [
            (hours(60, 36, 12), "24h", "pass", "without a new recovery point in the last 3d is 1d (maximum 24h)"),
            (hours(60, 36, 12), "23h", "fail", "in the last 3d is 1d (maximum 23h)"),
            (hours(48, 23), "24h", "fail", "is 1d 1h"),
            (hours(71), "71h", "pass", "in the last 3d is 2d 23h (maximum 71h)"),
            (hours(72), "71h", "fail", "in the last 3d is 3d (maximum 71h)"),
            (hours(90), "71h", "fail", "no recovery point in the last 3d (maximum gap 71h)"),
            ([], "71h", "fail", "no recovery points (maximum gap 71h)"),
            (hours(71, usable=None), "71h", "unknown", "usability unknown for 1 recovery point"),
            (hours(90, usable=None), "71h", "fail", "no recovery point"),
            (hours(9, kind="log"), "71h", "fail", "no recovery points"),
            ([*hours(48, 24), *counted()], "24h", "pass", "is 1d"),
            ([*hours(48, 24), *counted()], "23h", "unknown", "usability unknown for 1 recovery point"),
            (undated(), "1h", "unknown", "usability unknown for 1 recovery point"),
            # A point after as_of is at as_of.
            (hours(48, 24, -0.08), "24h", "pass", "is 1d"),
        ],
    )
    def test_cases(self, points: list[RecoveryPoint], limit: str, expected: str, message: str) -> None:
        check(points, gap(limit, "3d"), expected, message)

    @pytest.mark.parametrize(
        ("points", "limit", "window", "expected"),
        [
            # The last hidden second is 2 days and 1 second old.
            (hours(25, 1), "26h", {"since": ago(days=2)}, "unknown"),
            (hours(25, 1), "23h", {"since": ago(days=2)}, "fail"),
            # The hidden second is before the window.
            (hours(25, 1), "26h", {"since": ago(days=3)}, "fail"),
            (hours(25, 1), "47h", {"since": ago(days=3)}, "pass"),
            ([], "47h", {"since": ago(days=3)}, "fail"),
            ([], "71h", {"since": ago(hours=71)}, "fail"),
            ([], "255601s", {"since": ago(hours=71)}, "unknown"),
            # From 30 hours ago to the read.
            (hours(55, 31), "26h", {"until": ago(hours=30)}, "unknown"),
            (hours(55, 31), "31h", {"until": ago(hours=30)}, "pass"),
            (hours(55, 31), "23h", {"until": ago(hours=30)}, "fail"),
        ],
    )
    def test_hidden_time(self, points: list[RecoveryPoint], limit: str, window: dict[str, Any], expected: str) -> None:
        assert get_result(points, gap(limit, "3d"), **window) == expected

    def test_time_since_the_read_is_not_hidden(self) -> None:
        points = hours(55, 31)
        assert get_result(points, gap("26h", "4d"), until=ago(hours=30), later=26 * HOUR) == "unknown"
        assert get_result(points, gap("26h", "4d"), until=ago(hours=30), later=26 * HOUR + 1) == "fail"
        assert get_result(points, gap("57h", "4d"), until=ago(hours=30), later=26 * HOUR) == "pass"
        assert get_result(points, gap("57h", "4d"), until=ago(hours=30), later=26 * HOUR + 1) == "unknown"

    def test_warning(self) -> None:
        assert get_result(hours(48, 24), gap("30h", "3d", warn_at="80%")) == "pass"
        assert get_result(hours(48, 24), gap("30h", "3d", warn_at="79%")) == "warn"


class TestMaxGap:
    """Without ``within``: from the oldest point to as_of."""

    @pytest.mark.parametrize(
        ("points", "limit", "expected", "message"),
        [
            (hours(50, 26, 2), "24h", "pass", "longest gap without a new recovery point is 1d (maximum 24h)"),
            (hours(50, 26, 2), "23h", "fail", "is 1d (maximum 23h)"),
            (hours(24), "24h", "pass", "is 1d"),
            (hours(24), "23h", "fail", "is 1d"),
            ([], "26h", "fail", "no recovery points (maximum gap 26h)"),
            # The U may be the oldest point.
            ([*hours(50, 26, 2), *hours(100, usable=None)], "24h", "unknown", "usability unknown for 1 recovery point"),
            ([*hours(50, 26, 2), *hours(74, usable=None)], "24h", "pass", "is 1d"),
            ([*hours(50, 2), *hours(26, usable=None)], "24h", "unknown", "usability unknown for 1 recovery point"),
            ([*hours(50, 2), *hours(26, usable=None)], "23h", "fail", "is 2d"),
            # Without a T, from the newest U.
            (hours(99, 5, usable=None), "5h", "unknown", "usability unknown for 2 recovery points"),
            (hours(99, 5, usable=None), "4h", "fail", "no recovery points"),
            ([*hours(50, 26, 2), *undated()], "99h", "unknown", "usability unknown for 1 recovery point"),
            ([*hours(50, 26, 2), *undated()], "1h", "unknown", "usability unknown for 1 recovery point"),
            (counted(3), "26h", "unknown", "usability unknown for 3 recovery points"),
            ([*hours(50, 26, 2), *undated(kind="log")], "24h", "pass", "is 1d"),
        ],
    )
    def test_cases(self, points: list[RecoveryPoint], limit: str, expected: str, message: str) -> None:
        check(points, gap(limit), expected, message)

    @pytest.mark.parametrize(
        ("points", "limit", "window", "expected"),
        [
            (hours(50, 26, 2), "24h", {"since": ago(days=9)}, "unknown"),
            (hours(50, 26, 2), "23h", {"since": ago(days=9)}, "fail"),
            # Without a T, from the newest hidden second.
            ([], "36001s", {"since": ago(hours=10)}, "unknown"),
            ([], "36000s", {"since": ago(hours=10)}, "fail"),
            ([], "1s", {"until": ago(hours=10)}, "unknown"),
            # A U that is older than the newest hidden second.
            (hours(20, usable=None), "11h", {"since": ago(hours=10)}, "unknown"),
            (hours(9, usable=None), "9h", {"since": ago(hours=10)}, "unknown"),
            (hours(9, usable=None), "8h", {"since": ago(hours=10)}, "fail"),
            # Hidden time after ``until`` can only shorten the gap.
            (hours(50, 26, 2), "24h", {"until": ago(hours=1)}, "pass"),
            (hours(50, 26), "25h", {"until": ago(hours=1)}, "unknown"),
            (hours(50, 26), "24h", {"until": ago(hours=1)}, "fail"),
        ],
    )
    def test_hidden_time(self, points: list[RecoveryPoint], limit: str, window: dict[str, Any], expected: str) -> None:
        assert get_result(points, gap(limit), **window) == expected

    @pytest.mark.parametrize(
        ("weekdays", "limit", "expected"),
        [
            # From Thursday 19:00 to Monday 07:00: 5 hours, 24 hours, and 7 hours.
            (["mon..fri"], "36h", "pass"),
            (["mon..fri"], "35h", "fail"),
            (["mon..sun"], "84h", "pass"),
            (["mon..sun"], "83h", "fail"),
            (["sat..mon"], "55h", "pass"),
            (["sat..mon"], "54h", "fail"),
            (["tue", "wed"], "1s", "pass"),
        ],
    )
    def test_weekdays(self, weekdays: list[str], limit: str, expected: str) -> None:
        points = times("19T19:00", "23T07:00")
        given: dict[str, Any] = {"read_at": utc("23T07:00"), "weekdays": weekdays}
        assert get_result(points, gap(limit), **given) == expected
        assert get_result(points[:1], _points("max_age", limit), **given) == expected


class TestMaxGapOfRanges:
    @pytest.mark.parametrize(
        ("one", "limit", "within", "expected"),
        [
            (continuous(99, 2), "2h", "3d", "pass"),
            (continuous(99, 2), "1h", "3d", "fail"),
            (continuous(48, 2), "24h", "3d", "pass"),
            (continuous(48, 2), "23h", "3d", "fail"),
            (continuous(48, 2), "2h", None, "pass"),
            (continuous(48, 2, usable=None), "24h", "3d", "unknown"),
            (continuous(48, 2, usable=None), "23h", "3d", "fail"),
            # The start is unknown.
            (continuous(None, 2), "2h", "3d", "unknown"),
            (continuous(None, 2), "1h", "3d", "fail"),
            (continuous(None, 2), "999h", None, "unknown"),
            (continuous(None, 2), "1h", None, "fail"),
            # The end is unknown, but not later than the read.
            (continuous(48, None), "24h", "3d", "unknown"),
            (continuous(48, None), "23h", "3d", "fail"),
            (continuous(48, None), "1h", None, "unknown"),
            (continuous(48, None), "48h", None, "pass"),
            (continuous(None, None), "1h", "3d", "unknown"),
            (continuous(48, 2, usable=False), "71h", "3d", "fail"),
        ],
    )
    def test_cases(self, one: RecoveryPoint, limit: str, within: str | None, expected: str) -> None:
        rule = {"limit": limit, **({"within": within} if within else {})}
        assert get_result([one], {"backup_types": {"continuous": {"max_gap": rule}}}) == expected
        assert get_result([one], _points("max_gap", rule, backup_types=["full", "continuous"])) == expected
        assert get_result([one], _points("max_gap", rule)) == "fail"

    def test_until_the_read(self) -> None:
        rules = {"backup_types": {"continuous": {"max_gap": "1h"}}}
        assert get_result([continuous(48, None)], rules, later=HOUR) == "unknown"
        assert get_result([continuous(48, None)], rules, later=HOUR + 1) == "fail"


class TestPeriods:
    """NOW is a Saturday at 07:00."""

    @pytest.mark.parametrize(
        ("points", "rule", "limit", "expected", "message"),
        [
            (nightly(), "daily", 30, "pass", "30 consecutive days with a recovery point, at least 30 required"),
            (nightly(), "daily", 31, "fail", "30 consecutive days with a recovery point, at least 31 required"),
            # Today may be empty, yesterday may not.
            (nightly()[1:], "daily", 29, "pass", "29 consecutive days"),
            (nightly()[2:], "daily", 1, "fail", "0 consecutive days with a recovery point, at least 1 required"),
            ([], "daily", 1, "fail", "0 consecutive days"),
            (times("21T00:00"), "daily", 1, "pass", "1 consecutive day with"),
            (times("20T23:59:59", "19T00:00"), "daily", 2, "pass", "2 consecutive days"),
            (times("20T23:59:59", "18T23:59:59"), "daily", 2, "fail", "1 consecutive day with"),
            # Monday is the 16th.
            (times("16T00:00", "15T23:59:59", "2026-11-08T23:59:59"), "weekly", 3, "pass", "3 consecutive weeks"),
            (times("16T00:00", "2026-11-08T23:59:59"), "weekly", 2, "fail", "1 consecutive week with"),
            (times("15T23:59:59"), "weekly", 1, "pass", "1 consecutive week with"),
            (times("2026-11-01T00:00", "2026-10-31T23:59:59"), "monthly", 2, "pass", "2 consecutive months with"),
            (times("2026-11-01T00:00", "2026-09-30T23:59:59"), "monthly", 2, "fail", "1 consecutive month with"),
            (times("2026-01-01T00:00", "2025-12-31T23:59:59"), "yearly", 2, "pass", "2 consecutive years with"),
            (times("2026-01-01T00:00", "2024-12-31T23:59:59"), "yearly", 2, "fail", "1 consecutive year with"),
            (counted(9), "weekly", 1, "unknown", "0 known, at least 1 required; usability unknown for 9"),
            ([*nightly(5), *undated()], "daily", 6, "unknown", "5 known, at least 6 required"),
            ([*nightly(5), *undated()], "daily", 5, "pass", "5 consecutive days"),
            ([*nightly(5), *nightly(9, usable=None)[5:]], "daily", 9, "unknown", "5 known"),
            ([*nightly(5), *nightly(9, usable=None)[5:]], "daily", 10, "fail", "5 consecutive days"),
            ([*nightly(5), *nightly(9, usable=None)[6:]], "daily", 6, "fail", "5 consecutive days"),
        ],
    )
    def test_cases(self, points: list[RecoveryPoint], rule: str, limit: int, expected: str, message: str) -> None:
        check(points, _points(rule, limit), expected, message)

    @pytest.mark.parametrize(
        ("sure", "possible", "limit", "expected", "run"),
        [
            (("22T22:00", "23T22:00", "24T22:00"), (), 3, "pass", 3),
            (("22T22:00", "24T22:00"), ("23T22:00",), 3, "unknown", 1),
            (("22T22:00", "24T22:00"), (), 3, "fail", 1),
        ],
    )
    def test_example(
        self, sure: tuple[str, ...], possible: tuple[str, ...], limit: int, expected: str, run: int
    ) -> None:
        """The example in docs/reference/evaluation.md: as_of is a Wednesday at 03:00."""
        points = [*times(*sure), *times(*possible, usable=None)]
        found = find(points, _points("daily", limit), read_at=utc("25T03:00"))
        assert (found["result"], found["actual"]) == (expected, run)

    @pytest.mark.parametrize(
        ("days", "limit", "expected"),
        [
            # Thursday, Friday, Monday, Tuesday; as_of is a Wednesday.
            ((19, 20, 23, 24), 4, "pass"),
            ((19, 20, 23, 24), 5, "fail"),
            # Saturday also has a point.
            ((19, 20, 21, 23, 24), 5, "pass"),
            ((19, 23, 24), 3, "fail"),
        ],
    )
    def test_weekdays(self, days: tuple[int, ...], limit: int, expected: str) -> None:
        points = times(*(f"{day}T22:00" for day in days))
        given: dict[str, Any] = {"read_at": utc("25T03:00"), "weekdays": ["mon..fri"]}
        assert get_result(points, _points("daily", limit), **given) == expected
        # Weeks do not depend on weekdays.
        assert get_result(times("22T22:00", "15T22:00"), _points("weekly", 2), **given) == "pass"

    @pytest.mark.parametrize(
        ("window", "expected"),
        [
            # Points on the 19th, 20th and 21st.
            ({"since": "2026-11-18T00:00:00Z"}, "fail"),
            ({"since": "2026-11-18T00:00:01Z"}, "unknown"),
            ({"until": "2026-11-21T06:00:00Z"}, "fail"),
        ],
    )
    def test_hidden_time(self, window: dict[str, Any], expected: str) -> None:
        assert get_result(nightly(3), _points("daily", 4), **window) == expected
        assert get_result(nightly(3), _points("daily", 3), **window) == "pass"

    def test_hidden_time_after_until(self) -> None:
        window = {"until": "2026-11-20T12:00:00Z"}
        points = times("18T22:00", "19T22:00")
        assert get_result(points, _points("daily", 4), **window) == "unknown"
        assert get_result(points, _points("daily", 5), **window) == "fail"
        # The next day is not hidden and has no point, and the day after that may be empty.
        assert get_result(points, _points("daily", 4), **window, later=24 * HOUR) == "unknown"
        assert get_result(points, _points("daily", 1), **window, later=48 * HOUR) == "fail"

    @pytest.mark.parametrize(("later", "expected"), [(0, "pass"), (147_599, "pass"), (147_600, "fail")])
    def test_a_run_ends_when_a_day_is_empty(self, later: int, expected: str) -> None:
        """The newest point is from Saturday. On Monday at 00:00, Sunday is empty."""
        assert get_result(nightly(7), _points("daily", 7), later=later) == expected

    def test_a_point_after_as_of_keeps_its_day(self) -> None:
        points = times("22T00:02")
        assert get_result(points, _points("daily", 1), read_at=utc("21T23:58")) == "fail"
        assert get_result([*points, *times("20T10:00")], _points("daily", 1), read_at=utc("21T23:58")) == "pass"

    def test_december(self) -> None:
        points = times("2026-12-01T00:00", "2026-11-30T23:59:59", "2025-12-31T23:59:59")
        given: dict[str, Any] = {"read_at": utc("2026-12-31T23:59:59")}
        assert find(points, _points("monthly", 3), **given)["actual"] == 2
        assert find(points, _points("yearly", 3), **given)["actual"] == 2

    def test_many_days(self) -> None:
        assert get_result(nightly(1200), _points("daily", 1200)) == "pass"
        assert find(nightly(1200), _points("daily", 1201))["actual"] == 1200

    @pytest.mark.parametrize(
        ("one", "limit", "expected"),
        [
            # From Monday to Friday.
            (continuous(5 * 24, 24), 5, "pass"),
            (continuous(5 * 24, 24), 6, "fail"),
            (continuous(5 * 24, 24, usable=None), 5, "unknown"),
            (continuous(5 * 24, 24, usable=None), 6, "fail"),
            (continuous(None, 24), 1, "pass"),
            (continuous(None, 24), 99, "unknown"),
            (continuous(5 * 24, None), 6, "unknown"),
            (continuous(5 * 24, None), 7, "fail"),
            (continuous(None, None), 1, "unknown"),
        ],
    )
    def test_ranges(self, one: RecoveryPoint, limit: int, expected: str) -> None:
        assert get_result([one], {"backup_types": {"continuous": {"daily": limit}}}) == expected

    def test_a_range_without_a_beginning_may_have_a_point_in_every_year(self) -> None:
        """The calendar has fewer years than the limit."""
        found = find([continuous(None, 24)], {"backup_types": {"continuous": {"yearly": 9999}}})
        assert (found["result"], found["actual"]) == ("unknown", 1)


@pytest.mark.parametrize("skew", [301, -301])
@pytest.mark.parametrize(
    "rules",
    [
        gap("99d"),
        gap("8d", "9d"),
        *(_points(rule, 1) for rule in ("daily", "weekly", "monthly", "yearly")),
        _points("min_coverage", {"percent": "1%", "max_age": "9d", "within": "9d"}),
    ],
)
def test_a_wrong_clock(rules: dict[str, Any], skew: int) -> None:
    check(nightly(), rules, "unknown", "clock of vbr1 is off by 5m", skew=skew)
    assert get_result(nightly(), rules, skew=300) == "pass"
