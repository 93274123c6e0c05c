# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert Unitrends times, which are local text without a zone (11/01/2026 01:30:05 am), to UTC."""

from __future__ import annotations

import datetime
import re
import typing as t
import zoneinfo
from collections.abc import Iterator

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, MINUTE, SECOND

# Every request has lang=en, so the month is first; seconds are missing up to about 2015.
_LOCAL = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (\d\d):(\d\d)(?::(\d\d))?(?: ?([ap])m)?", re.ASCII | re.IGNORECASE)
_CLOCK = ("year", "month", "day", "hour", "minute", "second")
# Number of hours for which UTC offsets and parsed text prefixes are cached.
_MAX_CACHED_HOURS = 20_000
# 11/01/2026 01:30:05 am: positions of minutes and seconds in a text of this length.
_LENGTH, _HOUR_ENDS, _HALF_BEGINS = 22, 13, 19
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class LocalTimes:
    """Parse times in the zone of one appliance."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._offsets: dict[datetime.datetime, int | None] = {}
        # Cache of parsed parts: the hour with am or pm (if its offset is constant), and ":30:05".
        self._hours: dict[str, int] = {}
        self._minutes: dict[str, int] = {}
        try:
            self._zone = zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise OptionError(
                f"timezone: {name!r} is not a time zone that this machine supports",
                hint="Use a name such as Europe/Berlin. A machine without time zone data needs the package tzdata",
            ) from error

    def instants(self, text: t.Any) -> list[int]:
        """Return the possible instants (microseconds, UTC) of a text, oldest first.

        There are two in the hour that is repeated when daylight saving time ends.
        """
        cached = self.get_cached(text)
        if cached is not None:
            return [cached]
        local = _parse(text)
        found = self.to_instants(local)
        if len(text) == _LENGTH and self._offsets[_truncate_to_hour(local)] is not None:
            self._remember(text, found[0], (local.minute * MINUTE + local.second) * SECOND)
        return found

    def get_cached(self, text: t.Any) -> int | None:
        """Return the instant of a text if its hour is cached and has no clock change around it; otherwise None."""
        if isinstance(text, str) and len(text) == _LENGTH:
            hour = self._hours.get(text[:_HOUR_ENDS] + text[_HALF_BEGINS:])
            rest = self._minutes.get(text[_HOUR_ENDS:_HALF_BEGINS])
            if hour is not None and rest is not None:
                return hour + rest
        return None

    def _remember(self, text: str, moment: int, since_hour: int) -> None:
        rest = text[_HOUR_ENDS:_HALF_BEGINS]
        # With leading blanks or without seconds, the parts are at other positions.
        if rest[0] == rest[3] == ":":
            if len(self._hours) > _MAX_CACHED_HOURS:
                self._hours.clear()
            self._hours[text[:_HOUR_ENDS] + text[_HALF_BEGINS:]] = moment - since_hour
            self._minutes[rest] = since_hour

    def to_instants(self, local: datetime.datetime) -> list[int]:
        """Return the possible instants of a local clock reading; its tzinfo is ignored."""
        hour = _truncate_to_hour(local)
        if hour not in self._offsets:
            if len(self._offsets) > _MAX_CACHED_HOURS:
                self._offsets.clear()
            self._offsets[hour] = self._steady_offset(hour)
        since = local - _EPOCH
        micros = (since.days * DAY + since.seconds) * SECOND + since.microseconds
        steady = self._offsets[hour]
        if steady is not None:
            return [micros - steady]
        folds = {local.replace(tzinfo=self._zone, fold=fold).utcoffset() or datetime.timedelta() for fold in (0, 1)}
        return sorted(micros - offset // datetime.timedelta(microseconds=1) for offset in folds)

    def _steady_offset(self, hour: datetime.datetime) -> int | None:
        """Return the UTC offset of that hour and of the hours around it; None if the clocks change."""
        try:
            clocks = [hour + datetime.timedelta(hours=hours) for hours in (-1, 0, 1, 2)]
            found = {clock.replace(tzinfo=self._zone, fold=fold).utcoffset() for clock in clocks for fold in (0, 1)}
        except OverflowError:
            return None
        offset = found.pop()
        return None if found or offset is None else offset // datetime.timedelta(microseconds=1)

    def not_before(self, text: t.Any, start: int) -> list[int]:
        """Return the possible instants that are not before ``start``; an empty list if the text is not a time."""
        try:
            return [moment for moment in self.instants(text) if moment >= start]
        except DataError:
            return []

    def format_date(self, moment: int) -> str:
        """Return the local date in the format that queries use."""
        utc = datetime.datetime.fromtimestamp(moment // SECOND, tz=datetime.timezone.utc)
        return utc.astimezone(self._zone).strftime("%m/%d/%Y")


def _truncate_to_hour(local: datetime.datetime) -> datetime.datetime:
    return local.replace(minute=0, second=0, microsecond=0)


def _parse(text: t.Any) -> datetime.datetime:
    match = _LOCAL.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise DataError(f"{text!r} is not a valid time of this product")
    month, day, year, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if match[7]:
        if not 1 <= hour <= 12:
            raise DataError(f"{text!r} is not a valid time of this product")
        hour = hour % 12 + (12 if match[7] in "pP" else 0)
    try:
        return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.timezone.utc)
    except ValueError as error:
        raise DataError(f"{text!r} is not a valid time of this product ({error})") from error


def parse_clock(body: t.Mapping[str, t.Any], times: LocalTimes, now: int) -> int | None:
    """Parse the appliance's clock (microseconds, UTC) from /api/date-time; None if it is not a valid time.

    In the repeated hour, the instant that is closer to this machine's clock (``now``) is used.
    """
    try:
        year, month, day, hour, minute, second = (int(body[name]) for name in _CLOCK)
        local = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.timezone.utc)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return min(times.to_instants(local), key=lambda moment: abs(moment - now))


def matches_instant(times: LocalTimes, text: t.Any, epoch: int) -> bool:
    """Whether a text from the product is this instant in this zone; up to a minute may be truncated."""
    return any(0 <= epoch - moment < MINUTE * SECOND for moment in times.instants(text))


def split_span(since: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield spans from newest to oldest. Both ends are inclusive, so adjacent spans share a boundary."""
    while end > since:
        start = max(end - length, since)
        yield start, end
        end = start
