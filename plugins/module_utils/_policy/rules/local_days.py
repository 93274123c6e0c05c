# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Local days, weeks, months and years of a policy, and the time that passes on its working days."""

from __future__ import annotations

import bisect
import datetime
import functools
import itertools
import re
import typing as t
import zoneinfo
from collections.abc import Callable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, MINUTE

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PERIODS = ("daily", "weekly", "monthly", "yearly")
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_DAY_START = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
# Number of days that are computed in one step when time on working days is measured.
_CHUNK = 400

Elapsed = Callable[[int, int], int]


def elapsed(start: int, end: int) -> int:
    """Return the seconds from start to end, never negative."""
    return end - start if end > start else 0


class Calendar:
    """Days of a time zone that begin at a time of day. All times are seconds since 1970 UTC."""

    def __init__(self, timezone: str = "UTC", day_start: str = "00:00") -> None:
        """Raise OptionError for an unknown time zone or an invalid time of day."""
        match = _DAY_START.fullmatch(day_start) if isinstance(day_start, str) else None
        if match is None:
            raise OptionError(
                f"day_start: {day_start!r} is not a valid time of day", hint='Use the format HH:MM in quotes: "12:00"'
            )
        self._hour, self._minute = int(match[1]), int(match[2])
        self._zone: zoneinfo.ZoneInfo | None = None
        if timezone != "UTC":
            try:
                self._zone = zoneinfo.ZoneInfo(timezone)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError, TypeError, AttributeError) as error:
                raise OptionError(
                    f"timezone: unknown time zone {timezone!r}",
                    hint="Use a name such as Europe/Berlin. If the name is correct, install the tzdata package",
                ) from error
        self._day_start = functools.lru_cache(maxsize=50_000)(self._compute_start)
        self._period_starts = functools.lru_cache(maxsize=1000)(self._compute_period_starts)
        self._period_end = functools.lru_cache(maxsize=1000)(self._compute_period_end)
        self._today = (0, 0, 0)
        # Start of the first day that Python can represent.
        self.first_day = self._compute_start(1)

    def _compute_start(self, day: int) -> int:
        if self._zone is None:
            return (day - _EPOCH_DAY) * DAY + self._hour * HOUR + self._minute * MINUTE
        date = datetime.date.fromordinal(day)
        # If a local time occurs twice, the first one is used. A skipped local time is moved by the length of the gap.
        start = datetime.datetime(date.year, date.month, date.day, self._hour, self._minute, tzinfo=self._zone)
        return int(start.timestamp())

    def start_of(self, day: int) -> int:
        """Return the start of the day with this proleptic ordinal."""
        return self._day_start(day)

    def day_of(self, moment: int) -> int:
        """Return the proleptic ordinal of the day that contains the moment."""
        # Most calls are for the same day.
        start, end, day = self._today
        if not start <= moment < end:
            day = self._find_day(moment)
            self._today = (self._day_start(day), self._day_start(day + 1), day)
        return day

    def _find_day(self, moment: int) -> int:
        day = moment // DAY + _EPOCH_DAY
        while self._day_start(day) > moment:
            day -= 1
        while self._day_start(day + 1) <= moment:
            day += 1
        return day

    def period_starts(self, period: str, now: int, number: int) -> Sequence[int]:
        """Return the starts of the period that contains ``now`` and of ``number`` earlier periods, newest first."""
        return self._period_starts(period, self.day_of(now), number)

    def _compute_period_starts(self, period: str, today: int, number: int) -> Sequence[int]:
        if period == "daily":
            days = [today - back for back in range(number + 1)]
        elif period == "weekly":
            # Ordinal 1 was a Monday.
            monday = today - (today - 1) % 7
            days = [monday - 7 * back for back in range(number + 1)]
        else:
            date = datetime.date.fromordinal(today)
            month, step = (date.month - 1, 1) if period == "monthly" else (0, 12)
            months = [date.year * 12 + month - step * back for back in range(number + 1)]
            days = [datetime.date(max(one // 12, 1), one % 12 + 1, 1).toordinal() for one in months]
        return [self.start_of(max(day, 1)) for day in days]

    def end_of_period(self, period: str, now: int) -> int:
        """Return the end of the period that contains ``now``."""
        return self._period_end(period, self.day_of(now))

    def _compute_period_end(self, period: str, today: int) -> int:
        date = datetime.date.fromordinal(today)
        if period == "daily":
            return self.start_of(today + 1)
        if period == "weekly":
            return self.start_of(today - (today - 1) % 7 + 7)
        year, month = divmod(date.year * 12 + date.month, 12) if period == "monthly" else (date.year + 1, 0)
        return self.start_of(datetime.date(year, month + 1, 1).toordinal())

    def elapsed_on(self, weekdays: frozenset[int] | None) -> Elapsed:
        """Return the function that measures time on these days (Monday = 0; None: all)."""
        return elapsed if weekdays is None else _WorkingTime(self, weekdays)


def is_weekday(day: int, weekdays: frozenset[int]) -> bool:
    """Return whether the day with this proleptic ordinal is one of these days of the week."""
    return (day - 1) % 7 in weekdays


class _WorkingTime:
    """Measures time on some days of the week, with cached sums of all days since the earliest one that was used."""

    def __init__(self, calendar: Calendar, weekdays: frozenset[int]) -> None:
        self._calendar = calendar
        self._weekdays = weekdays
        self._starts: list[int] = []
        self._sums: list[int] = []
        self._first = 0

    def __call__(self, start: int, end: int) -> int:
        if end <= start:
            return 0
        if not self._starts or start < self._starts[0] or end >= self._starts[-1]:
            self._compute(start, end)
        return self._sum(end) - self._sum(start)

    def _compute(self, start: int, end: int) -> None:
        known = [self._starts[0], self._starts[-1]] if self._starts else []
        self._first = self._calendar.day_of(min([start, *known])) - _CHUNK
        last = self._calendar.day_of(max([end, *known])) + 2
        self._starts = [self._calendar.start_of(day) for day in range(self._first, last + 1)]
        lengths = [
            after - before if is_weekday(self._first + index, self._weekdays) else 0
            for index, (before, after) in enumerate(itertools.pairwise(self._starts))
        ]
        self._sums = list(itertools.accumulate(lengths, initial=0))

    def _sum(self, moment: int) -> int:
        index = bisect.bisect_right(self._starts, moment) - 1
        rest = moment - self._starts[index] if is_weekday(self._first + index, self._weekdays) else 0
        return self._sums[index] + rest


def parse_weekdays(names: Sequence[t.Any], choose: Callable[[str, int], str]) -> frozenset[int] | None:
    """Parse ``[mon..fri]`` or ``[mon, wed]`` to day numbers; None for all seven. ``choose`` validates a day name."""
    days: set[int] = set()
    for index, item in enumerate(names):
        first, dots, last = str(item).partition("..")
        ends = [DAY_NAMES.index(choose(name, index)) for name in ((first, last) if dots else (first,))]
        length = (ends[-1] - ends[0]) % 7 + 1
        days.update((ends[0] + ahead) % 7 for ahead in range(length))
    return None if len(days) == 7 else frozenset(days)
