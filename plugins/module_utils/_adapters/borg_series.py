# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Series of Borg archives: the name of an archive without its date, such as web01 for web01-2026-11-29T02:00:00."""

from __future__ import annotations

import datetime
import re

_SEPARATORS = "-_.@:+~ "
_START = rf"(?:^|(?<=[{re.escape(_SEPARATORS)}]))"
_END = rf"(?=$|[{re.escape(_SEPARATORS)}])"
# Day and month may be in any order if the year is last.
_DATE = r"(?P<year>\d{4})(?P<s>[-_.]?)(?P<month>\d\d)(?P=s)(?P<day>\d\d)"
_YEAR_LAST = r"(?P<first>\d\d)(?P<s2>[-_.])(?P<second>\d\d)(?P=s2)(?P<last>\d{4})"
# Separators, seconds, a fraction and a zone are optional.
_TIME = (
    r"(?:[-_.@:T ]?(?P<hour>[01]\d|2[0-3])(?:[-_.:h]?[0-5]\d(?:[-_.:m]?(?:[0-5]\d|60)(?:[.,]\d{1,9})?)?)?s?"
    r"(?:Z|[+-]\d\d:?\d\d)?)?"
)
_EPOCH = r"(?P<epoch>\d{10})"
# The lookahead also finds overlapping matches.
_MOMENT = re.compile(rf"{_START}(?=({_EPOCH}{_END}|(?:{_DATE}|{_YEAR_LAST}){_TIME}{_END}))", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1980, 2100
_FIRST_EPOCH, _LAST_EPOCH = 1_000_000_000, 4_102_444_800


def get_series(name: str) -> str:
    """Return the name without its last valid date and time, which must have a separator or an end on both sides.

    If the name contains no date, it is returned unchanged. If it contains nothing else, the result is empty.
    """
    found = [match for match in _MOMENT.finditer(name) if _is_valid(match)]
    if not found:
        return name
    last = found[-1]
    before, after = name[: last.start()].rstrip(_SEPARATORS), name[last.end(1) :].rstrip(_SEPARATORS)
    return before + after if before else after.lstrip(_SEPARATORS)


def _is_valid(match: re.Match[str]) -> bool:
    if match["epoch"]:
        return _FIRST_EPOCH <= int(match["epoch"]) <= _LAST_EPOCH
    if match["year"]:
        return _is_date(match["year"], match["month"], match["day"])
    first, second, year = match["first"], match["second"], match["last"]
    return _is_date(year, second, first) or _is_date(year, first, second)


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        return _FIRST_YEAR <= datetime.date(int(year), int(month), int(day)).year <= _LAST_YEAR
    except ValueError:
        return False
