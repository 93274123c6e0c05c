# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local days and periods, and the time that passes on weekdays."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.local_days import (
    Calendar,
    elapsed,
    is_weekday,
    parse_weekdays,
)

MON_TO_FRI = frozenset(range(5))


def seconds(text: str) -> int:
    return parse_time(f"{text}:00Z" if text.count(":") == 1 else f"{text}Z") // SECOND


def text(moment: int) -> str:
    return format_time(moment * SECOND).removesuffix(":00Z")


def number(date: str) -> int:
    return datetime.date.fromisoformat(date).toordinal()


@pytest.mark.parametrize(
    ("zone", "day_start", "date", "start"),
    [
        ("UTC", "00:00", "2026-11-21", "2026-11-21T00:00"),
        ("UTC", "23:59", "2026-11-21", "2026-11-21T23:59"),
        ("Europe/Berlin", "00:00", "2026-11-21", "2026-11-20T23:00"),
        ("Europe/Berlin", "06:00", "2026-07-01", "2026-07-01T04:00"),
        ("America/New_York", "12:00", "2026-11-21", "2026-11-21T17:00"),
        ("Asia/Kathmandu", "00:00", "2026-11-21", "2026-11-20T18:15"),
        ("Pacific/Kiritimati", "00:00", "2026-11-21", "2026-11-20T10:00"),
        # Skipped by a clock change: shifted by its length.
        ("Europe/Berlin", "02:30", "2026-03-29", "2026-03-29T01:30"),
        ("Europe/Berlin", "03:00", "2026-03-29", "2026-03-29T01:00"),
        ("America/Sao_Paulo", "00:00", "2018-11-04", "2018-11-04T03:00"),
        ("Australia/Lord_Howe", "02:15", "2026-10-04", "2026-10-03T15:45"),
        # Occurs twice: the first one counts.
        ("Europe/Berlin", "02:30", "2026-10-25", "2026-10-25T00:30"),
        ("Europe/Berlin", "03:00", "2026-10-25", "2026-10-25T02:00"),
        ("America/New_York", "01:00", "2026-11-01", "2026-11-01T05:00"),
        # The nonexistent day begins with the next one.
        ("Pacific/Apia", "00:00", "2011-12-29", "2011-12-29T10:00"),
        ("Pacific/Apia", "00:00", "2011-12-30", "2011-12-30T10:00"),
        ("Pacific/Apia", "00:00", "2011-12-31", "2011-12-30T10:00"),
        ("Pacific/Kwajalein", "12:00", "1993-08-21", "1993-08-22T00:00"),
    ],
)
def test_start_of_a_day(zone: str, day_start: str, date: str, start: str) -> None:
    calendar = Calendar(zone, day_start)
    assert text(calendar.start_of(number(date))) == start


@pytest.mark.parametrize(
    ("zone", "day_start", "moment", "date"),
    [
        ("UTC", "00:00", "2026-11-21T00:00", "2026-11-21"),
        ("UTC", "00:00", "2026-11-20T23:59:59", "2026-11-20"),
        ("UTC", "12:00", "2026-11-21T11:59:59", "2026-11-20"),
        ("Europe/Berlin", "00:00", "2026-11-20T23:00", "2026-11-21"),
        ("Europe/Berlin", "02:30", "2026-10-25T00:30", "2026-10-25"),
        ("Europe/Berlin", "02:30", "2026-10-25T00:29:59", "2026-10-24"),
        ("Europe/Berlin", "02:30", "2026-03-29T01:29:59", "2026-03-28"),
        ("Pacific/Kiritimati", "00:00", "2026-11-20T10:00", "2026-11-21"),
        ("Pacific/Pago_Pago", "23:00", "2026-11-21T09:59:59", "2026-11-19"),
        ("Pacific/Apia", "00:00", "2011-12-30T09:59:59", "2011-12-29"),
        ("Pacific/Apia", "00:00", "2011-12-30T10:00", "2011-12-31"),
    ],
)
def test_day_of_a_moment(zone: str, day_start: str, moment: str, date: str) -> None:
    assert Calendar(zone, day_start).day_of(seconds(moment)) == number(date)


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]
)
STARTS = st.sampled_from(["00:00", "01:30", "02:30", "12:00", "23:59"])
MOMENTS = st.integers(seconds("2010-01-01T00:00"), seconds("2030-01-01T00:00"))


@given(ZONES, STARTS, MOMENTS)
def test_each_moment_is_in_its_day(zone: str, day_start: str, moment: int) -> None:
    calendar = Calendar(zone, day_start)
    day = calendar.day_of(moment)
    assert calendar.start_of(day) <= moment < calendar.start_of(day + 1)
    # Days follow each other.
    assert calendar.start_of(day - 1) <= calendar.start_of(day)


@pytest.mark.parametrize(
    ("period", "now", "starts", "end"),
    [
        ("daily", "2026-03-01T07:00", ["2026-03-01", "2026-02-28", "2026-02-27"], "2026-03-02"),
        # A Sunday, and a Monday.
        ("weekly", "2026-11-22T23:59:59", ["2026-11-16", "2026-11-09", "2026-11-02"], "2026-11-23"),
        ("weekly", "2026-11-23T00:00", ["2026-11-23", "2026-11-16", "2026-11-09"], "2026-11-30"),
        ("weekly", "2027-01-01T00:00", ["2026-12-28", "2026-12-21", "2026-12-14"], "2027-01-04"),
        ("monthly", "2027-01-31T00:00", ["2027-01-01", "2026-12-01", "2026-11-01"], "2027-02-01"),
        ("monthly", "2026-12-31T00:00", ["2026-12-01", "2026-11-01", "2026-10-01"], "2027-01-01"),
        ("yearly", "2026-12-31T23:59:59", ["2026-01-01", "2025-01-01", "2024-01-01"], "2027-01-01"),
        # The first years of the calendar.
        ("yearly", "0003-06-01T00:00", ["0003-01-01", "0002-01-01", "0001-01-01"], "0004-01-01"),
    ],
)
def test_periods(period: str, now: str, starts: list[str], end: str) -> None:
    """Each case has the period of a time, the two periods before it, and the start of the next one."""
    calendar = Calendar()
    found = [text(start) for start in calendar.period_starts(period, seconds(now), 2)]
    assert found == [f"{start}T00:00" for start in starts]
    assert text(calendar.end_of_period(period, seconds(now))) == f"{end}T00:00"


def test_local_periods() -> None:
    calendar = Calendar("Europe/Berlin", "12:00")
    # Still Sunday, October 31 at 11:59 local time.
    now = seconds("2026-11-01T10:59")
    assert text(calendar.period_starts("monthly", now, 0)[0]) == "2026-10-01T10:00"
    assert text(calendar.end_of_period("monthly", now)) == "2026-11-01T11:00"
    assert text(calendar.period_starts("weekly", now, 0)[0]) == "2026-10-26T11:00"
    assert text(calendar.end_of_period("yearly", now)) == "2027-01-01T11:00"


def test_elapsed_time() -> None:
    assert (elapsed(5, 9), elapsed(5, 5), elapsed(9, 5)) == (4, 0, 0)
    assert Calendar("Europe/Berlin").elapsed_on(None) is elapsed


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        # Thursday 19:00 to Saturday 07:00.
        ("2026-11-19T19:00", "2026-11-21T07:00", 29 * HOUR),
        ("2026-11-21T07:00", "2026-11-22T07:00", 0),
        ("2026-11-21T07:00", "2026-11-23T07:00", 7 * HOUR),
        ("2026-11-13T00:00", "2026-11-21T00:00", 6 * DAY),
        ("2026-11-23T07:00", "2026-11-21T07:00", 0),
        ("2026-11-20T23:59:59", "2026-11-23T00:00:01", 2),
        # 261 of the 365 days of 2026.
        ("2026-01-01T00:00", "2027-01-01T00:00", 261 * DAY),
    ],
)
def test_time_on_weekdays(start: str, end: str, expected: int) -> None:
    assert Calendar().elapsed_on(MON_TO_FRI)(seconds(start), seconds(end)) == expected


@given(
    ZONES,
    STARTS,
    st.frozensets(st.integers(0, 6), min_size=1, max_size=6),
    MOMENTS,
    st.lists(st.integers(0, 400 * HOUR), min_size=1, max_size=4),
)
def test_time_on_weekdays_equals_the_sum_of_its_days(
    zone: str, day_start: str, weekdays: frozenset[int], start: int, lengths: list[int]
) -> None:
    """The result is compared with the sum over all days. The order of the calls does not matter."""
    calendar = Calendar(zone, day_start)
    measure = calendar.elapsed_on(weekdays)
    for length in lengths:
        end = start + length
        slow = 0
        for day in range(calendar.day_of(start), calendar.day_of(end) + 1):
            first, last = calendar.start_of(day), calendar.start_of(day + 1)
            if is_weekday(day, weekdays):
                slow += max(0, min(last, end) - max(first, start))
        assert measure(start, end) == slow
        # Time adds up.
        middle = start + length // 3
        assert measure(start, middle) + measure(middle, end) == slow


def test_weekdays_of_dates() -> None:
    # 2026-11-21 is a Saturday.
    assert [is_weekday(number(f"2026-11-{day}"), MON_TO_FRI) for day in range(16, 24)] == [True] * 5 + [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("names", "days"),
    [
        (["mon..fri"], {0, 1, 2, 3, 4}),
        (["sat..mon"], {5, 6, 0}),
        (["mon", "wed"], {0, 2}),
        (["fri..fri"], {4}),
        (["mon..wed", "wed..thu"], {0, 1, 2, 3}),
        (["mon..sun"], None),
        (["tue..mon"], None),
        (["sat", "sun", "mon..fri"], None),
    ],
)
def test_names_of_weekdays(names: list[str], days: set[int] | None) -> None:
    assert parse_weekdays(names, lambda name, _index: name) == days


@pytest.mark.parametrize("day_start", ["24:00", "7:00", "12:60", "12", "12:00:00", "", " 12:00", "12:00\n", 720, None])
def test_an_invalid_day_start(day_start: Any) -> None:
    with pytest.raises(OptionError, match="is not a valid time of day"):
        Calendar("UTC", day_start)


@pytest.mark.parametrize("zone", ["Europe/Bonn", "", "../etc/passwd", "/etc/localtime", "+01:00", 1, None, ["UTC"]])
def test_an_invalid_time_zone(zone: Any) -> None:
    with pytest.raises(OptionError, match="timezone: unknown time zone"):
        Calendar(zone)
