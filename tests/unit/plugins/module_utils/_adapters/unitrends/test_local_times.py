# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local times around clock changes are compared with zoneinfo, because hours are cached."""

from __future__ import annotations

import datetime
import zoneinfo

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import LocalTimes

_UTC = datetime.timezone.utc
_MICROSECOND = datetime.timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", "2026-10-24 22:00"),
        ("Europe/Berlin", "2026-03-28 22:00"),
        ("Australia/Lord_Howe", "2026-04-04 22:00"),
        ("Asia/Kathmandu", "1985-12-31 22:00"),
        ("Pacific/Apia", "2011-12-29 20:00"),
        ("UTC", "2026-10-24 22:00"),
    ],
)
def test_each_minute_of_eight_hours(zone: str, start: str) -> None:
    times, info = LocalTimes(zone), zoneinfo.ZoneInfo(zone)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=_UTC)
    for minute in range(8 * 60):
        clock = datetime.datetime.fromisoformat(start) + datetime.timedelta(minutes=minute)
        meant = {(clock.replace(tzinfo=info, fold=fold).astimezone(_UTC) - epoch) // _MICROSECOND for fold in (0, 1)}
        text = clock.strftime("%m/%d/%Y %I:%M:%S %p")
        assert times.instants(text) == sorted(meant), text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (" 11/21/2026 01:30:05am", " 11/21/2026 02:31:05am"),
        ("11/21/2026 01:30 am   ", "11/21/2026 01:30 pm   "),
        ("11/21/2026 01:30:05am ", "11/21/2026 01:30:05pm "),
        ("11/21/2026 01:30:05 am", "11/21/2026 01:30:05 PM"),
        ("11/21/2026 13:30:05   ", "11/21/2026 13:31:05   "),
        ("   11/21/2026 01:30:05", "   11/21/2026 02:30:06"),
    ],
)
def test_texts_of_one_length_are_not_mixed_up(first: str, second: str) -> None:
    """Cached parts of one text are valid for other texts, regardless of blanks."""
    both = LocalTimes("Europe/Berlin")
    results = [both.instants(text) for text in (first, second, first)]
    assert results == [LocalTimes("Europe/Berlin").instants(text.strip()) for text in (first, second, first)]
    assert results[0] != results[1]
