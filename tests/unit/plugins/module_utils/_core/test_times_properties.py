# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of all times, durations and three-valued attributes."""

from __future__ import annotations

import datetime
import itertools
import zoneinfo
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import LocalTimes
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import any_true
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

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# Time zones that shift by an hour, by half an hour, by a day, or at midnight.
ZONES = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo"),
    *("Africa/Casablanca", "Asia/Kathmandu", "America/St_Johns", "UTC"),
)
MICROS = st.integers(parse_time("0001-01-01T00:00:00Z"), parse_time("9999-12-31T23:59:59.999999Z"))
TIMEISH = st.from_regex(
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]{1,13})?(Z|z|[+-][0-9]{2}:?[0-9]{2})?\Z"
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=2),
)


@given(TIMEISH | st.text(max_size=40) | ANYTHING, st.booleans())
@example("2023-02-29T00:00:00Z", False)
@example("9999-12-31T23:59:59-23:59", False)
@example("0001-01-01T00:00:00+23:59", False)
@example("9999-12-31T23:59:60Z", False)
def test_every_accepted_time_can_be_written_and_parsed_again(text: Any, naive: bool) -> None:
    try:
        moment = parse_time(text, naive_is_utc=naive)
    except AuditError:
        return
    assert parse_time(format_time(moment)) == moment


@given(MICROS, MICROS)
def test_times_sort_as_they_are_written(first: int, second: int) -> None:
    """This applies to full seconds, because fractions have the fewest possible digits."""
    first, second = first // SECOND * SECOND, second // SECOND * SECOND
    assert (first < second) == (format_time(first) < format_time(second))


@given(
    st.datetimes(EPOCH.replace(1, 1, 2, tzinfo=None), EPOCH.replace(9999, 12, 30, tzinfo=None)),
    st.integers(-1439, 1439),
    st.integers(0, 12),
)
def test_equal_times_in_any_zone_and_format_are_equal_numbers(
    shown: datetime.datetime, minutes: int, digits: int
) -> None:
    utc = shown.replace(tzinfo=datetime.timezone.utc)
    there = utc.astimezone(datetime.timezone(datetime.timedelta(minutes=minutes)))
    fraction = f"{there.microsecond:06d}000000"[:digits]
    zone = there.strftime("%z")
    text = there.strftime("%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + zone[:3] + ":" + zone[3:]
    expected = (utc - EPOCH) // datetime.timedelta(microseconds=1)
    lost = expected - parse_time(f"{there.year:04d}-{text}")
    assert 0 <= lost < 10 ** max(6 - digits, 0)


@given(st.integers(1, 9999))
def test_leap_days_exist_only_in_leap_years(year: int) -> None:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    try:
        after = parse_time(f"{year:04d}-03-01T00:00:00Z") - parse_time(f"{year:04d}-02-29T00:00:00Z")
    except AuditError:
        assert not leap
    else:
        assert leap
        assert after == 86_400 * SECOND


@given(MICROS, MICROS)
def test_an_age_is_never_rounded_down(moment: int, now: int) -> None:
    assert 0 <= age_seconds(moment, now) * SECOND - (now - moment) < SECOND


@given(MICROS, st.integers(0, 2**63))
def test_expiry_after_any_number_of_days_can_be_written(moment: int, days: int) -> None:
    until = add_days(moment, days)
    assert until >= moment
    assert parse_time(format_time(until)) == until


@given(ANYTHING)
def test_milliseconds_are_a_valid_time_or_none(value: Any) -> None:
    try:
        moment = parse_epoch_millis(value)
    except AuditError:
        return
    assert parse_time(format_time(moment)) == moment


@given(st.text(max_size=40) | MICROS.map(format_time))
def test_an_http_date_is_a_number_or_none(text: str) -> None:
    assert isinstance(parse_http_date(text), (int, type(None)))


@given(st.text(max_size=12) | ANYTHING)
def test_a_duration_is_parsed_or_rejected(text: Any) -> None:
    try:
        seconds = parse_duration(text)
    except OptionError:
        return
    assert seconds >= 0


@given(st.integers(-(10**9), 10**9))
def test_human_readable_durations_are_rounded_down(seconds: int) -> None:
    text = format_duration(seconds)
    parts = [parse_duration(part) for part in text.removeprefix("-").split()]
    assert len(parts) <= 2
    assert sum(parts) <= abs(seconds)
    assert abs(seconds) - sum(parts) < max(parts[-1] if parts[-1] else 1, 86_400 if "d" in text else 3600)
    assert text.startswith("-") == (seconds < 0)


# Local times


@given(
    st.sampled_from(ZONES),
    st.integers(parse_time("1990-01-01T00:00:00Z") // SECOND, parse_time("2037-12-31T00:00:00Z") // SECOND),
)
def test_a_local_time_is_never_converted_to_a_later_time(zone: str, seconds: int) -> None:
    local = datetime.datetime.fromtimestamp(seconds, zoneinfo.ZoneInfo(zone))
    for form in ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"):
        text, times = local.strftime(form), LocalTimes(zone)
        # Without am or pm, the order of day and month follows from the window that was requested.
        times.learn([text], (seconds - 12 * 86_400) * SECOND, (seconds + 12 * 86_400) * SECOND)
        instants = times.instants(text)
        assert seconds * SECOND in instants
        assert instants == sorted(instants)
        assert instants[0] <= seconds * SECOND
        assert len(instants) <= 2


@given(
    st.sampled_from(ZONES),
    st.from_regex(r"\A[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}(:[0-9]{2})?( ?[ap]m)?\Z") | ANYTHING,
)
@example("America/New_York", "12/31/9999 11:59:59 pm")
@example("Pacific/Apia", "01/01/0001 12:00:00 am")
@example("Pacific/Apia", "12/30/2011 12:00:00 pm")
def test_a_local_time_is_parsed_or_rejected(zone: str, text: Any) -> None:
    try:
        instants = LocalTimes(zone).instants(text)
        assert instants
        for moment in instants:
            format_time(moment)
    except AuditError:
        return


# Three-valued attributes


def test_additional_knowledge_never_reverses_a_result() -> None:
    """A result with unknown values is correct for every combination of the unknown values."""
    for facts in itertools.product([True, False, None], repeat=4):
        answer = any_true(facts)
        if None in facts:
            for known in (True, False):
                clearer = [known if fact is None else fact for fact in facts]
                assert answer in (None, any_true(clearer))
        else:
            assert answer is any(facts)
        assert all(any_true(turned) is answer for turned in itertools.permutations(facts))


@pytest.mark.parametrize("facts", [[], [False], [False, False]])
def test_or_is_false_without_true_or_unknown_values(facts: list[bool]) -> None:
    assert any_true(facts) is False
