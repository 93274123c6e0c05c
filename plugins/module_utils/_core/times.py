# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse and format times (microseconds since 1970 UTC, RFC 3339) and durations (seconds, 26h)."""

from __future__ import annotations

import datetime
import email.utils
import math
import re
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError

SECOND = 1_000_000
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800
# Plausible times are between the years 1980 and 9000. In seconds since 1970 UTC.
FIRST, LAST = 315_532_800, 221_845_392_000

# Clocks may differ by this many seconds. A time that is later than now by more than this is in the future.
CLOCK_TOLERANCE = 300

_UNITS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
# More digits are a typing error, and exceed all dates.
_DURATION = re.compile(r"([0-9]{1,10})([smhdw])")
_NUMBER = re.compile(r"[0-9]{1,10}")
# In Python 3.10, datetime.fromisoformat accepts neither Z nor 5 or 7 fraction digits, all of which products send.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)", re.ASCII)
_MAX_DIGITS = 12
_TAIL = re.compile(r"(?:[.,](\d{1,12}))?\s?([Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?", re.ASCII)
_MILLIS = re.compile(r"-?[0-9]{1,15}")
_EARLY_YEAR = re.compile(r"[ -]0[0-9]{3} ")
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
# The years 1 to 9999, the range that RFC 3339 can represent.
_FIRST_MILLI, _LAST_MILLI = -62_135_596_800_000, 253_402_300_799_999
_FIRST, _LAST = _FIRST_MILLI * 1000, _LAST_MILLI * 1000 + 999

# Maximum size of a cache, at which it is cleared. A listing contains the same few hundred dates.
_CACHE_LIMIT = 20_000
_days: dict[str, int] = {}
_dates: dict[int, str] = {}
# Caches by the other parts of a time: "T06:49", ":00", and the zone with at most three fraction digits.
_minutes: dict[str, int] = {}
_seconds: dict[str, int] = {}
_tails: dict[str, int] = {}
_LONGEST_TAIL = len("+01:00")


def parse_duration(text: t.Any, *, what: str = "duration") -> int:
    """Parse a duration such as ``26h`` to seconds. Units: s, m (minutes), h, d, w."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        reason = ": the unit is missing" if _NUMBER.fullmatch(str(text)) else ""
        raise OptionError(
            f"{what}: {text!r} is not a valid duration{reason}",
            hint="Use a whole number with s, m (minutes), h, d or w, for example 26h",
        )
    return int(match[1]) * _UNITS[match[2]]


def format_duration(seconds: int) -> str:
    """Format seconds as a duration such as ``1d 2h``, with at most two units, rounded down."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    sizes = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1))
    for index, (unit, size) in enumerate(sizes):
        if seconds >= size:
            count, rest = divmod(seconds, size)
            if index + 1 < len(sizes):
                lower, lower_size = sizes[index + 1]
                if rest >= lower_size:
                    return f"{count}{unit} {rest // lower_size}{lower}"
            return f"{count}{unit}"
    return "0s"


def parse_time(text: t.Any, *, naive_is_utc: bool = False) -> int:
    """Parse RFC 3339 to microseconds since 1970 UTC; additional fraction digits are cut off.

    A time without a zone is rejected unless ``naive_is_utc`` is set, for products that document such times as UTC.
    """
    if not isinstance(text, str):
        raise DataError(f"{text!r} is not a valid RFC 3339 time")
    tail = text[19:]
    try:
        value = _days[text[:10]] + _minutes[text[10:16]] + _seconds[text[16:19]]
    except KeyError:
        value = _parse_date_and_time(text)
    tail_value = _tails.get(tail)
    if tail_value is None:
        tail_value = _parse_tail(tail, text, naive_is_utc)
    value += tail_value
    if not _FIRST <= value <= _LAST:
        # An offset or a leap second can move the time out of this range.
        raise DataError(f"{text!r} is outside the calendar (years 1 to 9999)")
    return value


def _parse_date_and_time(text: str) -> int:
    """Parse everything except fraction and zone with the regular expression, and cache each part."""
    match = _TIME.match(text)
    if match is None:
        raise DataError(f"{text!r} is not a valid RFC 3339 time")
    date, hour, minute, second = match.groups()
    day = _days.get(date)
    if day is None:
        day = _parse_day(date)
    minutes = _minutes[text[10:16]] = (int(hour) * HOUR + int(minute) * MINUTE) * SECOND
    seconds = _seconds[text[16:19]] = int(second) * SECOND
    return day + minutes + seconds


def _parse_tail(tail: str, text: str, naive_is_utc: bool) -> int:
    """Return the microseconds of the fraction minus the offset of the zone."""
    if len(tail) > _LONGEST_TAIL and tail[0] in ".,":
        # The fraction cannot be cached. This takes half the time of the regular expression.
        digits, known = (tail[1:-1], 0) if tail[-1] in "Zz" else (tail[1:-6], _tails.get(tail[-6:]))
        if known is not None and digits.isdigit() and digits.isascii() and len(digits) <= _MAX_DIGITS:
            return int(digits[:6].ljust(6, "0")) + known
    match = _TAIL.fullmatch(tail)
    if match is None:
        raise DataError(f"{text!r} is not a valid RFC 3339 time")
    fraction, zone = match.groups()
    value = int(fraction[:6].ljust(6, "0")) if fraction else 0
    if zone is None:
        if not naive_is_utc:
            raise DataError(f"{text!r} is not a valid time: the time zone is missing")
        return value
    if zone not in "Zz":
        offset = (int(zone[1:3]) * HOUR + int(zone[-2:]) * MINUTE) * SECOND
        offset = -offset if zone[0] == "+" else offset
        if len(zone) == _LONGEST_TAIL:
            _cache_value(_tails, zone, offset)
        value += offset
    if len(tail) <= _LONGEST_TAIL:
        _cache_value(_tails, tail, value)
    return value


def _cache_value(cache: dict[str, int], text: str, value: int) -> None:
    if len(cache) > _CACHE_LIMIT:
        cache.clear()
    cache[text] = value


def _parse_day(date: str) -> int:
    try:
        day = (datetime.date.fromisoformat(date).toordinal() - _EPOCH_DAY) * DAY * SECOND
    except ValueError as error:
        raise DataError(f"{date!r} is not a valid date") from error
    _cache_value(_days, date, day)
    return day


def format_time(micros: int) -> str:
    """Format microseconds since 1970 UTC as ``2026-11-21T06:49:00.35773Z``, with only the required fraction digits."""
    day, rest = divmod(micros, DAY * SECOND)
    date = _dates.get(day)
    if date is None:
        try:
            date = datetime.date.fromordinal(day + _EPOCH_DAY).isoformat()
        except (ValueError, OverflowError) as error:
            raise DataError(f"{micros} microseconds are outside the calendar (years 1 to 9999)") from error
        if len(_dates) > _CACHE_LIMIT:
            _dates.clear()
        _dates[day] = date
    seconds, fraction = divmod(rest, SECOND)
    tail = f".{fraction:06d}".rstrip("0") if fraction else ""
    return f"{date}T{seconds // HOUR:02d}:{seconds // MINUTE % 60:02d}:{seconds % 60:02d}{tail}Z"


def parse_epoch_millis(value: t.Any) -> int:
    """Convert milliseconds since 1970, as a number or text, to microseconds."""
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and _FIRST_MILLI <= value <= _LAST_MILLI:
        return value * 1000
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not _MILLIS.fullmatch(text) or not _FIRST_MILLI <= int(text) <= _LAST_MILLI:
        raise DataError(f"{value!r} is not a valid time in milliseconds")
    return int(text) * 1000


def parse_http_date(text: str) -> int | None:
    """Parse the UTC date of an HTTP header, in any format, to microseconds. Return None if it is invalid."""
    if _EARLY_YEAR.search(text):
        # email.utils parses the year 0001 as 2001.
        return None
    try:
        parsed = email.utils.parsedate_to_datetime(text)
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.timezone.utc)).timestamp()) * SECOND
    except (TypeError, ValueError, OverflowError):
        return None


def add_days(moment: int, days: int) -> int:
    """Return the time ``days`` later, limited to the end of the calendar."""
    return min(moment + days * DAY * SECOND, _LAST)


def age_seconds(moment: int, now: int) -> int:
    """Return the seconds from ``moment`` to ``now``, rounded up, so that an age is never too low."""
    return -((moment - now) // SECOND)
