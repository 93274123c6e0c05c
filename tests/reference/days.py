# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Local days, weeks, months and years, and elapsed time on selected weekdays."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
# No time is before 1980, and no window starts earlier.
FIRST_DATE = date(1960, 1, 1)
ALL_WEEKDAYS = frozenset(range(7))


@cache
def get_day_start(date_: date, timezone: str, day_start: str) -> int:
    """Return the second at which the local day of a date starts.

    With fold=0, Python takes the first of two equal local times, and moves a skipped one by the length of the change.
    """
    hour, minute = day_start.split(":")
    local = datetime.combine(date_, time(int(hour), int(minute)), tzinfo=ZoneInfo(timezone))
    return int(local.timestamp())


class DayTable:
    """The starts of all local days since FIRST_DATE."""

    def __init__(self, timezone: str, day_start: str) -> None:
        self.timezone = timezone
        self.day_start = day_start
        self.last_date = FIRST_DATE
        self.starts = [get_day_start(FIRST_DATE, timezone, day_start)]

    def extend(self, second: int) -> None:
        """Make sure that the day of this second and the next day are in the table."""
        while self.starts[-1] <= second:
            self.last_date += ONE_DAY
            self.starts.append(get_day_start(self.last_date, self.timezone, self.day_start))


@cache
def day_table(timezone: str, day_start: str) -> DayTable:
    return DayTable(timezone, day_start)


class Calendar:
    """Days and elapsed time for one time zone, start of the day and set of weekdays (Monday is 0)."""

    def __init__(self, timezone: str, day_start: str, weekdays: frozenset[int]) -> None:
        self.timezone = timezone
        self.day_start = day_start
        self.weekdays = weekdays
        self.zone = ZoneInfo(timezone)
        # For each day of the table, the selected seconds before it.
        self.selected: list[int] = [0]

    def start(self, date_: date) -> int:
        return get_day_start(date_, self.timezone, self.day_start)

    def is_selected(self, date_: date) -> bool:
        return date_.weekday() in self.weekdays

    def get_day(self, second: int) -> date:
        """Return the date on which the local day of this second begins."""
        day = datetime.fromtimestamp(second, self.zone).date()
        while self.start(day) > second:
            day -= ONE_DAY
        while self.start(day + ONE_DAY) <= second:
            day += ONE_DAY
        return day

    def selected_before(self, second: int) -> int:
        """Return the number of selected seconds from the start of the table to this second."""
        table = day_table(self.timezone, self.day_start)
        table.extend(second)
        if second < table.starts[0]:
            raise ValueError(f"{second} is before {FIRST_DATE}")
        while len(self.selected) < len(table.starts):
            index = len(self.selected) - 1
            length = table.starts[index + 1] - table.starts[index]
            if not self.is_selected(FIRST_DATE + index * ONE_DAY):
                length = 0
            self.selected.append(self.selected[-1] + length)
        index = bisect_right(table.starts, second) - 1
        partial = second - table.starts[index] if self.is_selected(FIRST_DATE + index * ONE_DAY) else 0
        return self.selected[index] + partial

    def elapsed(self, begin: int, end: int) -> int:
        """Return the number of seconds of [begin, end) on the selected weekdays."""
        if end <= begin:
            return 0
        if self.weekdays == ALL_WEEKDAYS:
            return end - begin
        return self.selected_before(end) - self.selected_before(begin)


@cache
def calendar(timezone: str, day_start: str, weekdays: frozenset[int]) -> Calendar:
    return Calendar(timezone, day_start, weekdays)


def get_period(rule: str, day: date) -> date:
    """Return the first date of the period that contains this day."""
    if rule == "weekly":
        return day - day.weekday() * ONE_DAY
    if rule == "monthly":
        return day.replace(day=1)
    if rule == "yearly":
        return day.replace(month=1, day=1)
    return day


def next_period(rule: str, first: date) -> date:
    if rule == "weekly":
        return first + 7 * ONE_DAY
    if rule == "monthly":
        return get_period(rule, first + 31 * ONE_DAY)
    if rule == "yearly":
        return get_period(rule, first + 366 * ONE_DAY)
    return first + ONE_DAY


def previous_period(rule: str, first: date) -> date:
    return get_period(rule, first - ONE_DAY)
