# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends writes times as local text without a zone: 11/01/2026 01:30:05 am. This turns them into UTC."""

from __future__ import annotations

import datetime
import re
import typing as t
import zoneinfo
from collections.abc import Iterator

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, MINUTE, SECOND

# lang=en is sent with every call, so months come first; seconds are missing up to about 2015.
_LOCAL = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (\d\d):(\d\d)(?::(\d\d))?(?: ?([ap])m)?", re.ASCII | re.IGNORECASE)
_CLOCK = ("year", "month", "day", "hour", "minute", "second")
# Of so many hours it is remembered whether the clocks change in them, and what the texts of that hour begin with.
_HOURS_REMEMBERED = 20_000
# 11/01/2026 01:30:05 am: at these places stand minutes and seconds, where a text is as long as that.
_LENGTH, _HOUR_ENDS, _HALF_BEGINS = 22, 13, 19
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class LocalTimes:
    """Times in the zone of one appliance."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._offsets: dict[datetime.datetime, int | None] = {}
        # What was parsed before, by its parts: the hour with am or pm, if its offset is steady, and ":30:05".
        self._hours: dict[str, int] = {}
        self._minutes: dict[str, int] = {}
        try:
            self._zone = zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise OptionError(
                f"timezone: {name!r} is no time zone that this machine knows",
                advice="Write a name such as Europe/Berlin; a machine without time zones needs the package tzdata",
            ) from error

    def instants(self, text: t.Any) -> list[int]:
        """The moments (microseconds, UTC) that a text can mean, oldest first.

        In the hour that is repeated when summer time ends there are two.
        """
        known = self.known(text)
        if known is not None:
            return [known]
        shown = _parsed(text)
        found = self.instants_of(shown)
        if len(text) == _LENGTH and self._offsets[_hour_of(shown)] is not None:
            self._remember(text, found[0], (shown.minute * MINUTE + shown.second) * SECOND)
        return found

    def known(self, text: t.Any) -> int | None:
        """The one moment that a text means, if its hour was met before and the clocks do not change around it."""
        if isinstance(text, str) and len(text) == _LENGTH:
            hour = self._hours.get(text[:_HOUR_ENDS] + text[_HALF_BEGINS:])
            rest = self._minutes.get(text[_HOUR_ENDS:_HALF_BEGINS])
            if hour is not None and rest is not None:
                return hour + rest
        return None

    def _remember(self, text: str, moment: int, since_hour: int) -> None:
        rest = text[_HOUR_ENDS:_HALF_BEGINS]
        # With blanks before it, or without seconds, the parts stand at other places.
        if rest[0] == rest[3] == ":":
            if len(self._hours) > _HOURS_REMEMBERED:
                self._hours.clear()
            self._hours[text[:_HOUR_ENDS] + text[_HALF_BEGINS:]] = moment - since_hour
            self._minutes[rest] = since_hour

    def instants_of(self, shown: datetime.datetime) -> list[int]:
        """The same of what a clock there shows, whatever zone that is labelled with."""
        hour = _hour_of(shown)
        if hour not in self._offsets:
            if len(self._offsets) > _HOURS_REMEMBERED:
                self._offsets.clear()
            self._offsets[hour] = self._steady_offset(hour)
        since = shown - _EPOCH
        micros = (since.days * DAY + since.seconds) * SECOND + since.microseconds
        steady = self._offsets[hour]
        if steady is not None:
            return [micros - steady]
        folds = {shown.replace(tzinfo=self._zone, fold=fold).utcoffset() or datetime.timedelta() for fold in (0, 1)}
        return sorted(micros - offset // datetime.timedelta(microseconds=1) for offset in folds)

    def _steady_offset(self, hour: datetime.datetime) -> int | None:
        """The offset that holds in that hour of the clock and in those around it; None where the clocks change."""
        try:
            clocks = [hour + datetime.timedelta(hours=hours) for hours in (-1, 0, 1, 2)]
            found = {clock.replace(tzinfo=self._zone, fold=fold).utcoffset() for clock in clocks for fold in (0, 1)}
        except OverflowError:
            return None
        offset = found.pop()
        return None if found or offset is None else offset // datetime.timedelta(microseconds=1)

    def not_before(self, text: t.Any, start: int) -> list[int]:
        """Of what it can mean, the moments that are not before ``start``; none where it is no time."""
        try:
            return [moment for moment in self.instants(text) if moment >= start]
        except DataError:
            return []

    def date(self, moment: int) -> str:
        """The local date, as queries take it."""
        utc = datetime.datetime.fromtimestamp(moment // SECOND, tz=datetime.timezone.utc)
        return utc.astimezone(self._zone).strftime("%m/%d/%Y")


def _hour_of(shown: datetime.datetime) -> datetime.datetime:
    return shown.replace(minute=0, second=0, microsecond=0)


def _parsed(text: t.Any) -> datetime.datetime:
    match = _LOCAL.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise DataError(f"{text!r} is no time of this product")
    month, day, year, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if match[7]:
        if not 1 <= hour <= 12:
            raise DataError(f"{text!r} is no time of this product")
        hour = hour % 12 + (12 if match[7] in "pP" else 0)
    try:
        return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.timezone.utc)
    except ValueError as error:
        raise DataError(f"{text!r} is no time of this product ({error})") from error


def clock_of(told: t.Mapping[str, t.Any], times: LocalTimes, now: int) -> int | None:
    """What the appliance's clock says (microseconds, UTC), of /api/date-time; None where that is no time.

    Of the two meanings of the repeated hour the one that is nearer to our own clock is taken.
    """
    try:
        year, month, day, hour, minute, second = (int(told[name]) for name in _CLOCK)
        shown = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.timezone.utc)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return min(times.instants_of(shown), key=lambda moment: abs(moment - now))


def fits(times: LocalTimes, text: t.Any, epoch: int) -> bool:
    """Whether a text that the product wrote for this moment means it in this zone; up to a minute may be cut off."""
    return any(0 <= epoch - moment < MINUTE * SECOND for moment in times.instants(text))


def spans(since: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """From new to old. Both ends belong to a span, so neighbours share an edge."""
    while end > since:
        start = max(end - length, since)
        yield start, end
        end = start
