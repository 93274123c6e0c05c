# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    SECOND,
    add_days,
    age_seconds,
    format_duration,
    format_time,
    parse_duration,
    parse_epoch_millis,
    parse_http_date,
    parse_time,
)

# 2026-11-21T06:49:00Z
MOMENT = 1_795_243_740 * SECOND
EARLIEST = -62_135_596_800 * SECOND
LATEST = 253_402_300_799_999_999


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T06:49:00Z", MOMENT),
        ("2026-11-21t06:49:00z", MOMENT),
        ("2026-11-21 06:49:00Z", MOMENT),
        ("2026-11-21 06:49:00 +00:00", MOMENT),
        # 5, 7 and 9 digits, which Python 3.10 rejects; digits after microseconds are truncated.
        ("2026-11-21T06:49:00.35773Z", MOMENT + 357_730),
        ("2026-11-21T06:49:00.1234567Z", MOMENT + 123_456),
        ("2026-11-21T06:49:00.999999999Z", MOMENT + 999_999),
        ("2026-11-21T06:49:00.5Z", MOMENT + 500_000),
        ("2026-11-21T06:49:00,5Z", MOMENT + 500_000),
        ("2026-11-21T08:49:00+02:00", MOMENT),
        ("2026-11-21T08:49:00+0200", MOMENT),
        ("2026-11-21T01:19:00-05:30", MOMENT),
        ("2026-11-21T06:49:00-00:00", MOMENT),
        ("2026-11-20T23:49:00-07:00", MOMENT),
        # A leap second is the first second of the next day.
        ("2016-12-31T23:59:60Z", 1_483_228_800 * SECOND),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("0001-01-01T00:00:00Z", EARLIEST),
        ("2024-02-29T00:00:00Z", 1_709_164_800 * SECOND),
    ],
)
def test_time_formats(text: str, expected: int) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21",
        "2026-11-21T06:49Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T06:60:00Z",
        "2026-11-21T06:49:61Z",
        "2026-02-29T06:49:00Z",
        "2026-13-01T06:49:00Z",
        "2026-11-21T06:49:00.Z",
        "2026-11-21T06:49:00ZZ",
        "2026-11-21T06:49:00Z\n",
        "2026-11-21T06:49:00+2",
        "2026-11-21T06:49:00+24:00",
        "2026-11-21T06:49:00+01:60",
        "2026-11-21T06:49:00 CET",
        "21.11.2026 06:49:00",
        "٢٠٢٦-11-21T06:49:00Z",
        "2026-11-21T0٦:49:00Z",
        1_795_243_740,
        None,
        ["2026-11-21T06:49:00Z"],
    ],
)
def test_invalid_times_are_rejected_and_quoted(text: object) -> None:
    with pytest.raises(DataError) as raised:
        parse_time(text)
    shown = text[:10] if isinstance(text, str) else repr(text)
    assert shown in raised.value.message


def test_a_time_without_a_zone_is_rejected_unless_it_is_declared_as_utc() -> None:
    with pytest.raises(DataError, match=r"2026-11-21T06:49:00.*the time zone is missing"):
        parse_time("2026-11-21T06:49:00")
    assert parse_time("2026-11-21T06:49:00", naive_is_utc=True) == MOMENT
    assert parse_time("2026-11-21T06:49:00+01:00", naive_is_utc=True) == MOMENT - 3600 * SECOND


@pytest.mark.parametrize(
    ("micros", "expected"),
    [
        (MOMENT, "2026-11-21T06:49:00Z"),
        (MOMENT + 357_730, "2026-11-21T06:49:00.35773Z"),
        (MOMENT + 500_000, "2026-11-21T06:49:00.5Z"),
        (MOMENT + 1, "2026-11-21T06:49:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (LATEST, "9999-12-31T23:59:59.999999Z"),
        (EARLIEST, "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_written_with_the_fewest_digits(micros: int, expected: str) -> None:
    assert format_time(micros) == expected


@pytest.mark.parametrize("micros", [EARLIEST - 1, LATEST + 1, 10**30])
def test_times_outside_the_calendar_are_rejected(micros: int) -> None:
    with pytest.raises(DataError, match=r"outside the calendar \(years 1 to 9999\)"):
        format_time(micros)


@given(st.integers(EARLIEST, LATEST))
def test_writing_and_parsing_a_time_are_inverse(micros: int) -> None:
    assert parse_time(format_time(micros)) == micros


@given(
    st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)),  # noqa: DTZ001 - the zone comes next
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_times_with_offsets_match_the_standard_library(moment: datetime.datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    assert parse_time(aware.isoformat()) == (aware - epoch) // datetime.timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("30m", 1800), ("26h", 93_600), ("30d", 2_592_000), ("4w", 2_419_200), ("007d", 604_800)],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "h",
        "26 h",
        "26H",
        "-26h",
        "+26h",
        "1.5d",
        "1d2h",
        "2y",
        "26h\n",
        "٢h",
        26,
        None,
        True,
        "9" * 5000 + "d",
    ],
)
def test_invalid_durations_are_rejected_with_value_and_path(text: object) -> None:
    with pytest.raises(OptionError) as raised:
        parse_duration(text, what="policy.recovery_points.max_age")
    assert raised.value.message.startswith("policy.recovery_points.max_age: ")
    assert repr(text)[:50] in raised.value.message
    assert "is not a valid duration" in raised.value.message
    assert raised.value.message.endswith(": the unit is missing") is (str(text) == "26")
    assert "26h" in (raised.value.hint or "")


@given(st.integers(0, 10**9), st.sampled_from("smhdw"))
def test_every_integer_with_a_unit_is_a_duration(count: int, unit: str) -> None:
    size = datetime.timedelta(**{{"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}[unit]: 1})
    assert parse_duration(f"{count}{unit}") == count * size.total_seconds()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (93_600, "1d 2h"),
        (93_599, "1d 1h"),
        (86_400, "1d"),
        (86_400 + 59 * 60, "1d"),
        (3_661, "1h 1m"),
        (-90, "-1m 30s"),
        (400 * 86_400, "400d"),
    ],
)
def test_durations_are_human_readable(seconds: int, expected: str) -> None:
    assert format_duration(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_795_243_740_123, MOMENT + 123_000),
        ("1795243740123", MOMENT + 123_000),
        (1_795_243_740_123.9, MOMENT + 123_000),
    ],
)
def test_milliseconds(value: object, expected: int) -> None:
    assert parse_epoch_millis(value) == expected


@pytest.mark.parametrize(
    "value",
    [None, True, "", "soon", "1_795_243_740_123", [], float("nan"), float("inf"), 10**30, "9" * 5000, -(10**16)],
)
def test_invalid_milliseconds_are_rejected(value: object) -> None:
    with pytest.raises(DataError, match="is not a valid time in milliseconds"):
        parse_epoch_millis(value)


@pytest.mark.parametrize(("micros_ago", "age"), [(0, 0), (1, 1), (SECOND, 1), (SECOND + 1, 2), (-1, 0), (-SECOND, -1)])
def test_ages_are_rounded_up(micros_ago: int, age: int) -> None:
    assert age_seconds(MOMENT - micros_ago, MOMENT) == age


@pytest.mark.parametrize(
    "text",
    [
        "Sat, 21 Nov 2026 06:49:00 GMT",
        "Saturday, 21-Nov-26 06:49:00 GMT",
        "Sat, 21 Nov 2026 07:49:00 +0100",
        # HTTP defines these as UTC. They must not be parsed as local time.
        "Sat Nov 21 06:49:00 2026",
        "Sat, 21 Nov 2026 06:49:00 -0000",
    ],
)
def test_http_dates_are_utc(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert parse_http_date(text) == MOMENT
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "Sat, 99 Nov 2026 06:49:00 GMT",
        "0",
        "Sat, 21 Nov 99999 06:49:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
    ],
)
def test_invalid_http_dates_are_none(text: str) -> None:
    assert parse_http_date(text) is None


def test_times_with_cached_parts_follow_the_same_rules() -> None:
    assert parse_time("2026-11-21T06:49:00Z") == MOMENT
    for text in ("2026-11-21T06:49:00", "2026-11-21T06:49:00Zz", "2026-11-21T06:49", "2026-11-21 06:49:00ZZ", "Z"):
        with pytest.raises(DataError):
            parse_time(text)
    assert parse_time("2026-11-21 06:49:00Z") == MOMENT


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z", "0001-01-01T00:00:00+00:01", "0001-01-01T13:59:59+14:00"],
)
def test_an_offset_does_not_exceed_the_calendar(text: str) -> None:
    with pytest.raises(DataError, match=r"outside the calendar \(years 1 to 9999\)"):
        parse_time(text)


def test_retention_is_limited_to_the_end_of_the_calendar() -> None:
    now = parse_time("2026-11-21T00:00:00Z")
    assert format_time(add_days(now, 30)) == "2026-12-21T00:00:00Z"
    for days in (10_000_000, 2**31, 2**63):
        assert format_time(add_days(now, days)) == "9999-12-31T23:59:59.999999Z"
