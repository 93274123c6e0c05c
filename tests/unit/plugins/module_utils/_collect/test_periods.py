# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import datetime
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect.periods import (
    GAP_WINDOWS,
    HISTORY_DAYS,
    Calendar,
    gaps,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, parse_time

# A Saturday, the second to last day of ISO week 47.
NOW = parse_time("2026-11-21T06:49:00Z")


def ago(days: float) -> int:
    return NOW - round(days * DAY * SECOND)


# Gaps


def test_without_points_there_is_no_gap_to_measure() -> None:
    assert gaps([], NOW) == {}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([1], {"7d": 1, "14d": 1, "31d": 1, "92d": 1, "366d": 1, "all": 1}),
        # The time since the newest point is a gap as well.
        ([10], {"7d": 10, "14d": 10, "31d": 10, "92d": 10, "366d": 10, "all": 10}),
        # A gap that starts before the window counts in full.
        ([20, 6, 1], {"7d": 14, "14d": 14, "31d": 14, "92d": 14, "366d": 14, "all": 14}),
        ([30, 20, 6, 1], {"7d": 14, "14d": 14, "31d": 14, "92d": 14, "366d": 14, "all": 14}),
        # A window includes only gaps that end in it.
        ([500, 100, 40, 10, 9, 1], {"7d": 8, "14d": 30, "31d": 30, "92d": 60, "366d": 400, "all": 400}),
        # A gap that ends exactly at the start of the window is outside of it.
        ([60, 7, 1], {"7d": 6, "14d": 53, "31d": 53, "92d": 53, "366d": 53, "all": 53}),
    ],
)
def test_the_max_gap_of_each_window(days: list[int], expected: dict[str, int]) -> None:
    assert gaps([ago(number) for number in days], NOW) == {name: gap * DAY for name, gap in expected.items()}


def test_a_gap_that_ends_one_microsecond_inside_the_window_counts_whole() -> None:
    assert gaps([ago(60), ago(7) + 1, ago(1)], NOW)["7d"] == 53 * DAY + 1


def test_gaps_are_rounded_up_to_seconds() -> None:
    assert gaps([NOW - 10 * SECOND - 1], NOW)["all"] == 11
    assert gaps([NOW - 20 * SECOND - 1, NOW], NOW)["all"] == 21


def test_a_point_slightly_ahead_of_the_clock_leaves_no_negative_gap() -> None:
    assert set(gaps([NOW + 200 * SECOND], NOW).values()) == {0}


@given(st.lists(st.integers(0, 800 * DAY), min_size=1, max_size=30))
def test_gaps_agree_with_their_definition(seconds_ago: list[int]) -> None:
    times = sorted(NOW - seconds * SECOND for seconds in seconds_ago)
    ends = list(zip(times, [*times[1:], NOW], strict=True))
    found = gaps(times, NOW)
    for name, days in [*GAP_WINDOWS.items(), ("all", 10**6)]:
        start = NOW - days * DAY * SECOND
        expected = max((end - begin) // SECOND for begin, end in ends if end > start or end == NOW)
        assert found[name] == expected


# Runs


def runs(
    *moments: str, now: str = "2026-11-21T06:49:00Z", timezone: str = "UTC", day_start: str = "00:00"
) -> list[int]:
    """Return the consecutive days, weeks, months and years."""
    found = Calendar(timezone, day_start).runs([parse_time(moment) for moment in moments], parse_time(now))
    return [found["days"], found["weeks"], found["months"], found["years"]]


def test_without_points_there_are_no_runs() -> None:
    assert Calendar().runs([], NOW) == {}


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        (["2026-11-21T00:00:00Z"], [1, 1, 1, 1]),
        # The current period may still be empty.
        (["2026-11-20T23:59:59Z"], [1, 1, 1, 1]),
        # Two empty days end the run.
        (["2026-11-19T23:59:59Z"], [0, 1, 1, 1]),
        (["2026-11-19T12:00:00Z", "2026-11-20T12:00:00Z", "2026-11-21T01:00:00Z"], [3, 1, 1, 1]),
        (["2026-11-18T12:00:00Z", "2026-11-20T12:00:00Z", "2026-11-21T01:00:00Z"], [2, 1, 1, 1]),
        # Monday of last week, Sunday of the week before.
        (["2026-11-09T00:00:00Z"], [0, 1, 1, 1]),
        (["2026-11-08T23:59:59Z"], [0, 0, 1, 1]),
        (["2026-10-31T12:00:00Z"], [0, 0, 1, 1]),
        (["2026-09-30T12:00:00Z"], [0, 0, 0, 1]),
        (["2025-12-31T12:00:00Z"], [0, 0, 0, 1]),
        (["2024-12-31T12:00:00Z"], [0, 0, 0, 0]),
        (["2025-06-01T12:00:00Z", "2024-06-01T12:00:00Z", "2022-06-01T12:00:00Z"], [0, 0, 0, 2]),
    ],
)
def test_runs_are_counted_back_from_now(moments: list[str], expected: list[int]) -> None:
    assert runs(*moments) == expected


def test_iso_weeks_run_on_across_new_year() -> None:
    # 2020 had 53 weeks: 2020-W52, W53 (which ends on 3 January) and 2021-W01.
    weeks = ["2020-12-23T12:00:00Z", "2021-01-02T12:00:00Z", "2021-01-04T12:00:00Z"]
    assert runs(*weeks, now="2021-01-05T12:00:00Z")[1] == 3
    # Both ends of week 53 are the same week.
    assert runs("2020-12-28T12:00:00Z", "2021-01-03T12:00:00Z", now="2021-01-03T13:00:00Z")[1] == 1


def test_months_run_on_across_new_year() -> None:
    months = ["2025-11-30T12:00:00Z", "2025-12-01T12:00:00Z", "2026-01-31T12:00:00Z"]
    assert runs(*months, now="2026-02-01T12:00:00Z")[2] == 3


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40))
def test_days_in_a_row_agree_with_their_definition(days: list[int]) -> None:
    found = Calendar().runs([ago(day) for day in days], NOW)["days"]
    have = set(days)
    first = 0 if 0 in have else 1
    assert all(day in have for day in range(first, first + found))
    assert first + found not in have


@given(
    st.lists(st.datetimes(datetime.datetime(2015, 1, 1), datetime.datetime(2026, 11, 21)), min_size=1, max_size=40)  # noqa: DTZ001
)
def test_weeks_in_a_row_agree_with_the_standard_library(moments: list[datetime.datetime]) -> None:
    utc = [moment.replace(tzinfo=datetime.timezone.utc) for moment in moments]
    have = {moment.isocalendar()[:2] for moment in utc}
    found = Calendar().runs([int(moment.timestamp()) * SECOND for moment in utc], NOW)["weeks"]
    today = datetime.datetime(2026, 11, 21, tzinfo=datetime.timezone.utc)
    first = 0 if today.isocalendar()[:2] in have else 1
    back = [(today - datetime.timedelta(weeks=weeks)).isocalendar()[:2] for weeks in range(first, first + found + 1)]
    assert all(week in have for week in back[:-1])
    assert back[-1] not in have


# Time zone and start of the backup day


@pytest.mark.parametrize(
    ("timezone", "day_start", "moment", "day"),
    [
        ("UTC", "00:00", "2026-11-20T23:59:59.999999Z", "2026-11-20"),
        ("UTC", "00:00", "2026-11-21T00:00:00Z", "2026-11-21"),
        ("utc", "12:00", "2026-11-21T11:59:59Z", "2026-11-20"),
        ("UTC", "12:00", "2026-11-21T12:00:00Z", "2026-11-21"),
        # Berlin is one hour ahead in winter and two in summer; the change was at 01:00 UTC on 25 October.
        ("Europe/Berlin", "00:00", "2026-11-20T22:59:59Z", "2026-11-20"),
        ("Europe/Berlin", "00:00", "2026-11-20T23:00:00Z", "2026-11-21"),
        ("Europe/Berlin", "00:00", "2026-07-01T21:59:59Z", "2026-07-01"),
        ("Europe/Berlin", "00:00", "2026-07-01T22:00:00Z", "2026-07-02"),
        ("Europe/Berlin", "02:30", "2026-10-25T00:29:59Z", "2026-10-24"),
        ("Europe/Berlin", "02:30", "2026-10-25T00:30:00Z", "2026-10-25"),
        ("America/New_York", "18:00", "2026-11-21T22:59:59Z", "2026-11-20"),
        ("America/New_York", "18:00", "2026-11-21T23:00:00Z", "2026-11-21"),
        ("Asia/Kathmandu", "00:00", "2026-11-20T18:14:59Z", "2026-11-20"),
        ("Asia/Kathmandu", "00:00", "2026-11-20T18:15:00Z", "2026-11-21"),
    ],
)
def test_the_day_in_which_a_moment_lies(timezone: str, day_start: str, moment: str, day: str) -> None:
    found = Calendar(timezone, day_start).day(parse_time(moment))
    assert datetime.date.fromordinal(found).isoformat() == day


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.integers(parse_time("2000-01-01T00:00:00Z") // SECOND, parse_time("2030-01-01T00:00:00Z") // SECOND),
)
def test_days_agree_with_the_standard_library(timezone: str, seconds: int) -> None:
    local = datetime.datetime.fromtimestamp(seconds, zoneinfo.ZoneInfo(timezone))
    assert Calendar(timezone).day(seconds * SECOND) == local.date().toordinal()


def test_a_night_that_crosses_midnight_is_one_day_where_days_start_at_noon() -> None:
    nights = ["2026-11-19T23:50:00Z", "2026-11-20T00:10:00Z", "2026-11-21T00:20:00Z"]
    assert runs(*nights)[0] == 3
    assert runs(*nights, day_start="12:00")[0] == 2


@pytest.mark.parametrize("day_start", ["", "12", "24:00", "12:60", "-1:00", "-1:30", "noon", "12:00:00", "720"])
def test_what_is_no_time_of_day_is_refused(day_start: str) -> None:
    with pytest.raises(OptionError, match=r"day_start: .* is not a valid time of day") as raised:
        Calendar("UTC", day_start)
    assert repr(day_start) in raised.value.message


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "+01:00"])
def test_an_unknown_time_zone_is_refused(timezone: str) -> None:
    with pytest.raises(OptionError, match="calendar_timezone: unknown time zone ") as raised:
        Calendar(timezone)
    assert repr(timezone) in raised.value.message


# History


@dataclasses.dataclass
class PointGroup:
    """Points with the same kind and usability."""

    kind: str
    usable: bool | None
    times: list[int]


def history(*groups: tuple[str, bool | None, list[float]]) -> str:
    return Calendar().history(
        [PointGroup(kind, usable, [ago(day) for day in days]) for kind, usable, days in groups], NOW
    )


def test_a_history_has_one_letter_for_each_day() -> None:
    assert history(("full", True, [4]), ("incremental", True, [3, 1, 0])) == "FI.II"
    assert history(("full", True, [2])) == "F.."
    assert history() == ""


@pytest.mark.parametrize(
    ("kind", "letter"),
    [
        ("full", "F"),
        ("synthetic_full", "F"),
        ("differential", "D"),
        ("incremental", "I"),
        ("archive", "A"),
        ("replica", "R"),
        ("snapshot", "S"),
        ("log", "L"),
        ("unknown", "U"),
        ("continuous", "C"),
        ("config", "G"),
    ],
)
def test_the_letters(kind: str, letter: str) -> None:
    assert history((kind, True, [0])) == letter
    assert history((kind, None, [0])) == letter
    assert history((kind, False, [0])) == letter.lower()


def test_every_kind_has_a_letter() -> None:
    assert all(len(history((kind, True, [0]))) == 1 for kind in KINDS)


def test_the_best_point_of_a_day_gives_its_letter_whatever_the_order() -> None:
    groups = [("full", False, [0.0]), ("snapshot", True, [0.0]), ("incremental", True, [0.0])]
    assert history(*groups) == history(*reversed(groups)) == "I"
    assert history(("full", False, [0]), ("log", True, [0])) == "L"
    assert history(("incremental", False, [0]), ("full", False, [0])) == "f"


def test_a_history_ends_today_and_is_not_longer_than_its_limit() -> None:
    assert history(("full", True, [HISTORY_DAYS - 1])) == "F" + "." * (HISTORY_DAYS - 1)
    assert history(("full", True, [HISTORY_DAYS])) == ""
    assert history(("full", True, [HISTORY_DAYS, 1])) == "F."
    # A point that is some minutes ahead may belong to tomorrow.
    assert Calendar().history([PointGroup("full", True, [NOW + DAY * SECOND])], NOW) == ""


def test_hours_do_not_matter_within_a_day() -> None:
    midnight = NOW - NOW % (DAY * SECOND)
    times = [midnight, midnight + 23 * HOUR * SECOND, midnight - 1]
    assert Calendar().history([PointGroup("full", True, times)], midnight + 23 * HOUR * SECOND) == "FF"
