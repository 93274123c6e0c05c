# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert Unitrends times, which are local text without a zone (11/01/2026 01:30:05 am), to UTC."""

from __future__ import annotations

import contextlib
import datetime
import re
import typing as t
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, MINUTE, SECOND

# Releases up to about 2015 omit the seconds.
_LOCAL = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (\d\d):(\d\d)(?::(\d\d))?(?: ?([ap])m)?", re.ASCII | re.IGNORECASE)
# Earlier years are a placeholder for a missing time.
_FIRST_YEAR = 1980
_CLOCK = ("year", "month", "day", "hour", "minute", "second")
# Number of hours for which UTC offsets and parsed text prefixes are cached.
_MAX_CACHED_HOURS = 20_000
# 11/01/2026 01:30:05 am: positions of minutes and seconds in a text of this length.
_LENGTH, _HOUR_ENDS, _HALF_BEGINS = 22, 13, 19
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# Tolerances: texts may lack seconds, and windows are in whole seconds.
_EARLIER, _LATER = MINUTE * SECOND, SECOND


class AmbiguousTimeError(DataError):
    """The order of day and month in a text is ambiguous and not proved by other values."""


class LocalTimes:
    """Parses times in the zone of one appliance.

    English texts have the month first, and am or pm. Other languages have the day first, and neither am nor pm. Every
    request has lang=en, but an appliance may ignore it. Texts without am or pm are therefore parsed only if their order
    is proved: by an epoch time, or by a text that is within the requested window in one order only. The same proof
    overrides the order of texts with am or pm. Contradictory proofs are discarded.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._offsets: dict[datetime.datetime, int | None] = {}
        # Cache of parsed parts: the hour with am or pm (if its offset is constant), and ":30:05".
        self._hours: dict[str, int] = {}
        self._minutes: dict[str, int] = {}
        # Whether a text has am or pm -> proved orders (True: the day is first).
        self._proofs: dict[bool, set[bool]] = {True: set(), False: set()}
        try:
            self._zone = zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise OptionError(
                f"timezone: {name!r} is not a time zone that this machine supports",
                hint="Use a name such as Europe/Berlin. A machine without time zone data needs the package tzdata",
            ) from error

    def instants(self, text: t.Any) -> list[int]:
        """Return the possible instants (microseconds, UTC) of a text, oldest first.

        There are two in the hour that is repeated when daylight saving time ends. AmbiguousTimeError if the order of
        day and month is not proved.
        """
        cached = self.get_cached(text)
        if cached is not None:
            return [cached]
        readings, has_half = _parse(text)
        local = self._choose(readings, has_half, text)
        found = self.to_instants(local)
        if len(text) == _LENGTH and self._offsets[_truncate_to_hour(local)] is not None:
            self._remember(text, found[0], (local.minute * MINUTE + local.second) * SECOND)
        return found

    @property
    def is_contradictory(self) -> bool:
        """Whether there is proof of both orders."""
        return any(len(proofs) > 1 for proofs in self._proofs.values())

    def learn(self, texts: Iterable[t.Any], start: int, end: int) -> tuple[bool, list[t.Any]]:
        """Search the texts of one response for proof of the order: one order is in the window, the other is not.

        Returns whether the response respects its window, and the texts that need proof. If a time is outside of the
        window in both orders, the response proves nothing.
        """
        found, unclear, is_respected = set(), [], True
        first, last = start - _EARLIER, end + _LATER
        for text in texts:
            cached = self.get_cached(text)
            if cached is not None and first <= cached <= last:
                continue
            try:
                readings, has_half = _parse(text)
            except DataError:
                continue
            fitting = self._fit(readings, start, end)
            is_respected = is_respected and bool(fitting)
            if len(fitting) == 1 and not _is_symmetric(readings):
                found.add((has_half, next(iter(fitting))))
            try:
                self.instants(text)  # Caches the hour.
            except AmbiguousTimeError:
                unclear.append(text)
        if is_respected:
            for has_half, order in found:
                self._prove(has_half, order)
        return is_respected, unclear

    def within(self, text: t.Any, start: int, end: int, *, is_respected: bool = True) -> list[int]:
        """Return the possible instants that are in the window, oldest first; empty if there is none.

        ``is_respected``: all other times of the response are in the window, so the window shows the order.
        """
        cached = self.get_cached(text)
        if cached is not None and start - _EARLIER <= cached <= end + _LATER:
            return [cached]
        readings, has_half = _parse(text)
        fitting = self._fit(readings, start, end)
        if not fitting:
            return []
        if len(fitting) == 1 and is_respected:
            return next(iter(fitting.values()))
        local = self._choose(readings, has_half, text)
        return next((found for order, found in fitting.items() if readings[order] == local), [])

    def is_ambiguous(self, text: t.Any, start: int, end: int, *, is_respected: bool = True) -> bool:
        """Return whether the order of day and month is not known."""
        try:
            self.within(text, start, end, is_respected=is_respected)
        except AmbiguousTimeError:
            return True
        except DataError:
            return False
        return False

    def confirm(self, text: t.Any, epoch: int) -> bool:
        """Return whether a text, truncated by up to a minute, is this instant. A match may prove the order."""
        readings, has_half = _parse(text)
        fitting = [order for order, local in readings.items() if self._is_instant(local, epoch)]
        if len(fitting) == 1 and not _is_symmetric(readings):
            self._prove(has_half, fitting[0])
        return bool(fitting)

    def _is_instant(self, local: datetime.datetime, epoch: int) -> bool:
        return any(0 <= epoch - moment < MINUTE * SECOND for moment in self.to_instants(local))

    def _fit(self, readings: Mapping[bool, datetime.datetime], start: int, end: int) -> dict[bool, list[int]]:
        """Return the instants in the window by order, without orders that have none."""
        found = {}
        for order, local in readings.items():
            matching = [one for one in self.to_instants(local) if start - _EARLIER <= one <= end + _LATER]
            if matching:
                found[order] = matching
        if len(found) == 2 and _is_symmetric(readings):
            del found[True]
        return found

    def _choose(self, readings: Mapping[bool, datetime.datetime], has_half: bool, text: t.Any) -> datetime.datetime:
        if len(readings) == 1 or _is_symmetric(readings):
            return next(iter(readings.values()))
        proofs = self._proofs[has_half] or ({False} if has_half else set())
        if len(proofs) != 1:
            raise AmbiguousTimeError(f"{text!r} may have the month or the day first")
        return readings[next(iter(proofs))]

    def _prove(self, has_half: bool, order: bool) -> None:
        if order not in self._proofs[has_half]:
            self._proofs[has_half].add(order)
            self._hours.clear()

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
        # With leading spaces or without seconds, the parts are at other positions.
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
            self._offsets[hour] = self._constant_offset(hour)
        since = local - _EPOCH
        micros = (since.days * DAY + since.seconds) * SECOND + since.microseconds
        offset = self._offsets[hour]
        if offset is not None:
            return [micros - offset]
        folds = {local.replace(tzinfo=self._zone, fold=fold).utcoffset() or datetime.timedelta() for fold in (0, 1)}
        return sorted(micros - offset // datetime.timedelta(microseconds=1) for offset in folds)

    def _constant_offset(self, hour: datetime.datetime) -> int | None:
        """Return the UTC offset of that hour and of the hours around it, or None if the clocks change."""
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


def _is_symmetric(readings: Mapping[bool, datetime.datetime]) -> bool:
    """Return whether day and month are equal, so that their order does not matter."""
    return len(readings) == 2 and readings[False] == readings[True]


def _parse(text: t.Any) -> tuple[dict[bool, datetime.datetime], bool]:
    """Return the valid readings of a text by order (is the day first?), and whether it has am or pm."""
    match = _LOCAL.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or int(match[3]) < _FIRST_YEAR:
        raise DataError(f"{text!r} is not a valid time of this product")
    first, second, year, hour, minute, seconds = (int(part or 0) for part in match.groups()[:6])
    if match[7]:
        if not 1 <= hour <= 12:
            raise DataError(f"{text!r} is not a valid time of this product")
        hour = hour % 12 + (12 if match[7] in "pP" else 0)
    readings = {}
    for order, (month, day) in ((False, (first, second)), (True, (second, first))):
        with contextlib.suppress(ValueError):
            readings[order] = datetime.datetime(year, month, day, hour, minute, seconds, tzinfo=datetime.timezone.utc)
    if not readings:
        raise DataError(f"{text!r} is not a valid time of this product")
    return readings, bool(match[7])


def parse_clock(body: Mapping[str, t.Any], times: LocalTimes, now: int) -> int | None:
    """Parse the appliance's clock (microseconds, UTC) from /api/date-time. Return None if it is not a valid time.

    In the repeated hour, the instant that is closer to this machine's clock (``now``) is used.
    """
    try:
        year, month, day, hour, minute, second = (int(body[name]) for name in _CLOCK)
        local = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.timezone.utc)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return min(times.to_instants(local), key=lambda moment: abs(moment - now))


def split_span(since: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield spans from newest to oldest. Both ends are inclusive, so adjacent spans share a boundary."""
    while end > since:
        start = max(end - length, since)
        yield start, end
        end = start
