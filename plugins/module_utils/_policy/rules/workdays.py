# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Working days: the part of a period on the days that a policy counts. Days are UTC days, Monday is 0."""

from __future__ import annotations

import functools

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MICROS = DAY * SECOND
_WEEK_MICROS = 7 * DAY_MICROS
# 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 3


def day_number(moment: int) -> int:
    """Return the number of the UTC day of a time, counted from 1970."""
    return moment // DAY_MICROS


def is_workday(day: int, workdays: frozenset[int]) -> bool:
    """Whether the day with that number counts."""
    return (day + _FIRST_WEEKDAY) % 7 in workdays


def elapsed(start: int, end: int, workdays: frozenset[int] | None) -> int:
    """Return the microseconds from start to end on working days; never negative."""
    if end <= start:
        return 0
    if workdays is None:
        return end - start
    weeks, rest = divmod(end - start, _WEEK_MICROS)
    total = weeks * len(workdays) * DAY_MICROS
    moment = end - rest
    while moment < end:
        next_day = (day_number(moment) + 1) * DAY_MICROS
        if is_workday(day_number(moment), workdays):
            total += min(next_day, end) - moment
        moment = next_day
    return total


@functools.lru_cache(maxsize=4096)
def workday_bounds(length: int, workdays: frozenset[int]) -> tuple[int, int]:
    """Return the least and the most working time in a period of that length, wherever in the week it begins.

    Both are reached if the period begins or ends at midnight.
    """
    totals = []
    for day in range(7):
        midnight = (day + 7) * DAY_MICROS
        totals.append(elapsed(midnight, midnight + length, workdays))
        totals.append(elapsed(midnight - length, midnight, workdays))
    return min(totals), max(totals)


def workdays_between(first: int, last: int, workdays: frozenset[int]) -> int:
    """Return how many of the days first..last (inclusive, by number) count."""
    if last < first:
        return 0
    weeks, rest = divmod(last - first + 1, 7)
    return weeks * len(workdays) + sum(is_workday(last - ago, workdays) for ago in range(rest))
