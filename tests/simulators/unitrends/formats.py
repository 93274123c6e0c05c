# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of dates, sizes and status values of a Unitrends appliance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulators.ground_truth import SECOND, Point, as_datetime, as_moment
from tests.simulators.product_api import Refusal

Row = dict[str, Any]

MEGABYTE = 2**20
LANGUAGES = {"en": "us", "en-us": "us", "en-gb": "eu", "fr": "eu"}
_FORMATS = {"us": "%m/%d/%Y %I:%M:%S %p", "eu": "%d/%m/%Y %H:%M:%S", "wiki": "%m/%d/%Y %I:%M %p"}
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: +(\d{1,2}):(\d{2})(?::(\d{2}))?(?: *([ap]m))?)?", re.IGNORECASE)
_STATUS = {
    "server": {"success": "Successful", "warning": "Warning", "failed": "Failed"},
    "wiki": {"success": "Success", "warning": "Warning", "failed": "Failure", "running": "None"},
}
STATUS_NUMBERS = {"success": 0, "warning": 1, "failed": 2}
RISK = {"suspicious": 3, "infected": 9}


def local_text(moment: int, zone: ZoneInfo, style: str) -> str:
    return as_datetime(moment).astimezone(zone).strftime(_FORMATS[style]).lower()


def clock_text(microseconds: int) -> str:
    """Format a duration, such as 00:00:28."""
    return str(timedelta(seconds=microseconds // SECOND)).rjust(8, "0")


def megabytes(size: int | None) -> int:
    """Return the size in whole megabytes (2^20 bytes), which is 0 for a tiny or failed backup."""
    return (size or 0) // MEGABYTE


def status_text(point: Point, generation: str, running: str) -> str | None:
    if point.status == "running" and generation == "server":
        # This status has no meaning yet: only `complete` indicates a running backup.
        return None if running == "null" else running
    return _STATUS[generation][point.status]


def verify_fields(point: Point, generation: str) -> tuple[bool | None, str]:
    """Return verified and verify_status. An unreadable backup has failed its verification."""
    if point.status in ("success", "warning") and not point.usable:
        return False, "Failed"
    if point.checked_at is not None:
        # The wiki lists Successful and shows Success.
        return True, "Success" if generation == "wiki" else "Successful"
    return (False if generation == "wiki" else None), "Not Applicable"


def retention_text(point: Point) -> str:
    return ", ".join(name.capitalize() for name in point.retention)


@dataclass(frozen=True)
class Window:
    """A period with inclusive ends; None means no limit."""

    since: int | None = None
    until: int | None = None

    def contains(self, moment: int | None) -> bool:
        if moment is None:
            return self.since is None and self.until is None
        whole = moment // SECOND * SECOND
        return (self.since is None or self.since <= whole) and (self.until is None or whole <= self.until)

    def intersect(self, other: Window) -> Window:
        since = max((end for end in (self.since, other.since) if end is not None), default=None)
        until = min((end for end in (self.until, other.until) if end is not None), default=None)
        return Window(since, until)


@lru_cache(maxsize=1000)
def parse_date(text: str, zone: ZoneInfo, *, end_of_day: bool = False) -> int:
    """Parse like PHP's strtotime in the appliance's time zone: with slashes the month is always first."""
    if text.startswith("@") and text[1:].isdecimal():
        return int(text[1:]) * SECOND
    parts = _DATE.fullmatch(text.strip())
    if parts is None:
        raise Refusal(500, f"Invalid date: {text}")
    month, day, year, hour, minute, second = (int(part or 0) for part in parts.groups()[:6])
    if parts[7]:
        hour = hour % 12 + (12 if parts[7].lower() == "pm" else 0)
    try:
        start = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        raise Refusal(500, f"Invalid date: {text}") from None
    if end_of_day and parts[4] is None:
        return as_moment(datetime(year, month, day, 23, 59, 59, tzinfo=zone))
    return as_moment(start)


def six_days_ago(now: int, zone: ZoneInfo) -> int:
    """Return local midnight of "today -6 days", the default start of a GET request."""
    today = (as_datetime(now).astimezone(zone) - timedelta(days=6)).date()
    return as_moment(datetime(today.year, today.month, today.day, tzinfo=zone))
