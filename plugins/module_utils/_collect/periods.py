# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compute the longest gaps between points, consecutive days, weeks, months and years with points, and the history."""

from __future__ import annotations

import bisect
import datetime
import functools
import operator
import typing as t
import zoneinfo
from collections.abc import Iterable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND

GAP_WINDOWS = {"7d": 7, "14d": 14, "31d": 31, "92d": 92, "366d": 366}
HISTORY_DAYS = 400
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_DAY = DAY * SECOND
# The best point of a day decides its letter; lower case (failed) only if no backup succeeded.
_LETTERS = {
    "full": "F",
    "synthetic_full": "F",
    "differential": "D",
    "incremental": "I",
    "archive": "A",
    "replica": "R",
    "unknown": "U",
    "continuous": "C",
    "snapshot": "S",
    "log": "L",
    "config": "G",
}
_RANK = {letter: rank for rank, letter in enumerate("FDIARUCSLG")}


class Dated(t.Protocol):
    """Points with the same kind and usability."""

    @property
    def kind(self) -> str:
        """One of model.KINDS."""

    @property
    def usable(self) -> bool | None:
        """Same as RecoveryPoint.usable."""

    @property
    def times(self) -> Sequence[int]:
        """When the points were created."""


def gaps(times: Sequence[int], now: int) -> dict[str, int]:
    """Return the longest time in seconds without a new point, for each window back from now and for all points.

    ``times`` is sorted. A gap that starts before the window counts in full; so does the gap since the newest point.
    Without points the result is empty.
    """
    if not times:
        return {}
    # The gap before each point but the first. It belongs to a window if it ends within the window.
    between = list(map(operator.sub, times[1:], times))
    begins = [bisect.bisect_right(times, now - days * _DAY) - 1 for days in GAP_WINDOWS.values()]
    longest, end = now - times[-1], len(between)
    found = {}
    for name, begin in zip((*GAP_WINDOWS, "all"), (*begins, 0), strict=True):
        start = min(max(begin, 0), end)
        longest = max([longest, *between[start:end]])
        found[name] = max(-(-longest // SECOND), 0)
        end = start
    return found


class Calendar:
    """Maps times to backup days, according to a time zone and the time at which the backup day starts."""

    def __init__(self, timezone: str = "UTC", day_start: str = "00:00") -> None:
        try:
            hours, minutes = day_start.split(":")
            self._shift = int(hours) * HOUR + int(minutes) * 60
            if not (0 <= int(minutes) < 60 and 0 <= self._shift < DAY):
                raise ValueError(day_start)
        except ValueError as error:
            raise OptionError(
                f"day_start: {day_start!r} is not a valid time of day", hint="Use the format HH:MM"
            ) from error
        self._zone: zoneinfo.ZoneInfo | None = None
        if timezone.upper() not in ("UTC", "Z"):
            try:
                self._zone = zoneinfo.ZoneInfo(timezone)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise OptionError(
                    f"calendar_timezone: unknown time zone {timezone!r}",
                    hint="Use a name such as Europe/Berlin. If the name is correct, install the tzdata package",
                ) from error
        self._offsets: dict[int, int] = {}

    def day(self, micros: int) -> int:
        """Return the backup day (proleptic ordinal) of a time."""
        seconds = micros // SECOND
        if self._zone is not None:
            # Offsets change only on a quarter hour; computing one for each point would be slow.
            quarter = seconds // 900
            offset = self._offsets.get(quarter)
            if offset is None:
                offset = self._offsets[quarter] = self._offset(quarter * 900)
            seconds += offset
        return (seconds - self._shift) // DAY + _EPOCH_DAY

    def _offset(self, seconds: int) -> int:
        try:
            utcoffset = datetime.datetime.fromtimestamp(seconds, self._zone).utcoffset()
        except (ValueError, OverflowError):
            # Near the first or last day of the calendar, the local time may be outside the calendar.
            utcoffset = None
        return int(utcoffset.total_seconds()) if utcoffset else 0

    def runs(self, times: Iterable[int], now: int) -> dict[str, int]:
        """Count the consecutive days, ISO weeks, months and years with a point, back from now."""
        days = self._backup_days(times)
        if not days:
            return {}
        months = set(map(_month_number, days))
        today = self.day(now)
        # Ordinal 1 was a Monday, so this numbers ISO weeks.
        return {
            "days": _count_run(days, today),
            "weeks": _count_run({(day - 1) // 7 for day in days}, (today - 1) // 7),
            "months": _count_run(months, _month_number(today)),
            "years": _count_run({month // 12 for month in months}, _month_number(today) // 12),
        }

    def _backup_days(self, times: Iterable[int]) -> set[int]:
        """Return the backup days of these times."""
        if self._zone is None:
            shift = self._shift * SECOND
            days = {(time - shift) // _DAY + _EPOCH_DAY for time in times}
        else:
            days = set(map(self.day, times))
        # If a day starts at noon, the first time in the calendar belongs to a day before the calendar.
        return {max(day, 1) for day in days} if days and min(days) < 1 else days

    def history(self, groups: Iterable[Dated], now: int) -> str:
        """Return one letter for each day up to today, newest last, at most HISTORY_DAYS."""
        letters: dict[int, str] = {}
        today = self.day(now)
        for group in groups:
            letter = _LETTERS[group.kind]
            if group.usable is False:
                letter = letter.lower()
            for day in self._backup_days(group.times):
                if today - HISTORY_DAYS < day <= today:
                    known = letters.get(day)
                    if known is None or _is_better(letter, known):
                        letters[day] = letter
        if not letters:
            return ""
        return "".join(letters.get(day, ".") for day in range(min(letters), today + 1))


@functools.lru_cache(maxsize=10_000)
def _month_number(day: int) -> int:
    """Return the month of a day, counted from year 0. Cached, because thousands of workloads share the same days."""
    date = datetime.date.fromordinal(day)
    return date.year * 12 + date.month - 1


def _is_better(letter: str, known: str) -> bool:
    return (letter.islower(), _RANK[letter.upper()]) < (known.islower(), _RANK[known.upper()])


def _count_run(periods: set[int], current: int) -> int:
    """Count consecutive periods back from the current one, which may still be empty."""
    length = 1 if current in periods else 0
    while current - 1 in periods:
        current -= 1
        length += 1
    return length
