# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Working days: how much of a time lies on the days that a policy counts. Days are UTC days, Monday is 0."""

from __future__ import annotations

import functools

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MICROS = DAY * SECOND
_WEEK_MICROS = 7 * DAY_MICROS
# 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 3


def day_number(moment: int) -> int:
    """The number of the UTC day of a moment, counted from 1970."""
    return moment // DAY_MICROS


def is_workday(day: int, workdays: frozenset[int]) -> bool:
    """Whether the day of that number counts."""
    return (day + _FIRST_WEEKDAY) % 7 in workdays


def elapsed(start: int, end: int, workdays: frozenset[int] | None) -> int:
    """Microseconds from start to end, those on other days left out; negative never."""
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
def bounds(length: int, workdays: frozenset[int]) -> tuple[int, int]:
    """The least and the most working time that a stretch of that length can hold, wherever in the week it lies.

    Both are reached where the stretch begins or ends at a midnight.
    """
    held = []
    for day in range(7):
        midnight = (day + 7) * DAY_MICROS
        held.append(elapsed(midnight, midnight + length, workdays))
        held.append(elapsed(midnight - length, midnight, workdays))
    return min(held), max(held)


def workdays_between(first: int, last: int, workdays: frozenset[int]) -> int:
    """How many of the days first..last (both included, by number) count."""
    if last < first:
        return 0
    weeks, rest = divmod(last - first + 1, 7)
    return weeks * len(workdays) + sum(is_workday(last - ago, workdays) for ago in range(rest))
