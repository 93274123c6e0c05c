# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An appliance may ignore lang=en and write the day first. Each time is compared with the requested window."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import (
    AmbiguousTimeError,
    LocalTimes,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_time
from tests.unit.plugins.module_utils._adapters.unitrends.fake_appliance import FakeAppliance, backup, read

FORMATS = {"month": "%m/%d/%Y %I:%M:%S %p", "day": "%d/%m/%Y %H:%M:%S"}


def created(result: dict[str, Any]) -> dict[str, str]:
    """Return number -> time in seconds of each point."""
    return {point["id"]: point["created_at"][:19] for point in result["recovery_points"]}


def test_day_first_if_only_that_is_in_the_window(serve: Callable[..., Any]) -> None:
    """In a week of January, 11/01/2026 is January 11."""
    appliance = FakeAppliance({1: [backup(501, "2026-01-11T02:00:00Z", "11/01/2026 02:00:00")]})
    result = read(serve, appliance, "2025-12-01", "2026-12-01")
    assert created(result) == {"1/501": "2026-01-11T02:00:00"}
    assert (result["complete"], result["totals"]["undated"]) == (True, 0)


def test_one_unambiguous_time_proves_the_order_of_all(serve: Callable[..., Any]) -> None:
    """In a window of a year, 11/01 is ambiguous but 21/02 is not."""
    rows = [
        backup(501, "2026-01-11T02:00:00Z", "11/01/2026 02:00:00"),
        backup(502, "2026-02-21T02:00:00Z", "21/02/2026 02:00:00"),
    ]
    result = read(serve, FakeAppliance({1: rows}), "2025-12-01", "2026-12-01", slice="400d")
    assert created(result) == {"1/501": "2026-01-11T02:00:00", "1/502": "2026-02-21T02:00:00"}


@pytest.mark.parametrize("since", [None, "2025-12-01"])
def test_times_are_unknown_if_both_orders_are_possible(serve: Callable[..., Any], since: str | None) -> None:
    """The month is not assumed to be first, so the point has no time and proves nothing."""
    now = datetime.datetime.now(datetime.timezone.utc)
    # Both readings are in the last 400 days.
    moment = next(
        day
        for day in (now - datetime.timedelta(days=back) for back in range(40, 300))
        if day.day <= 12 and day.day != day.month and day.replace(day=day.month, month=day.day) < now - _MONTH
    )
    text = moment.strftime(FORMATS["day"])
    row = backup(501, moment.strftime("%Y-%m-%dT%H:%M:%SZ"), text)
    result = read(serve, FakeAppliance({1: [row]}), since, None, slice="400d")
    assert any("day and month can be swapped" in warning and text in warning for warning in result["warnings"])
    assert result["totals"]["recovery_points"] == 0
    assert not any(point["usable"] for point in result["recovery_points"])
    if since is None:
        assert result["totals"]["undated"] == 1


_MONTH = datetime.timedelta(days=31)


def test_an_epoch_time_proves_the_order(serve: Callable[..., Any]) -> None:
    """The newest backup is reported with both."""
    rows = [backup(501, "2026-03-04T02:00:00Z", "04/03/2026 02:00:00")]
    newest = {
        "instance_id": 31,
        "start_time": parse_time(rows[0][0]) // SECOND,
        "start_time_string": rows[0][1]["start_time"],
    }
    appliance = FakeAppliance({1: rows}, others={"backups/latest": lambda _sid, _query: {"data": [newest]}})
    result = read(serve, appliance, "2025-12-01", "2026-12-01", slice="400d")
    assert created(result) == {"1/501": "2026-03-04T02:00:00"}
    newest["instance_id"] = 99  # Responses to other requests prove nothing.
    result = read(serve, appliance, "2025-12-01", "2026-12-01", slice="400d")
    assert result["totals"]["recovery_points"] == 0


def test_day_first_even_with_english_am_and_pm(serve: Callable[..., Any]) -> None:
    """The requested window takes precedence over "am" and "pm"."""
    rows = [backup(501, "2026-01-11T02:00:00Z", "11/01/2026 02:00:00 am")]
    result = read(serve, FakeAppliance({1: rows}), "2025-12-01", "2026-12-01")
    assert created(result) == {"1/501": "2026-01-11T02:00:00"}


def test_times_of_the_catalog_and_the_archives(serve: Callable[..., Any]) -> None:
    """Also for points that only the catalog lists or that are only on archive media."""
    rows = [backup(501, "2026-02-21T02:00:00Z", "21/02/2026 02:00:00")]
    instance = {"instance_id": "31", "system_id": "1", "app_name": "VMware", "database_name": "web-01"}
    only = {"id": 502, "type": "Full", "start_date": "05/02/2026 02:00:00", "status": 0}
    copy = {"id": 9, "orig_backup_id": 400, "type": "Full", "start_date": "03/01/2026 02:00:00", "success": True}

    def catalog(_sid: int, query: dict[str, str]) -> Any:
        first, last = (datetime.datetime.strptime(query[name], "%m/%d/%Y") for name in ("start_date", "end_date"))  # noqa: DTZ007
        inside = first <= datetime.datetime(2026, 2, 5) <= last  # noqa: DTZ001 - as the appliance's dates
        return {"catalog": [{**instance, "backups": [only]}]} if inside else []

    appliance = FakeAppliance(
        {1: rows},
        others={
            "catalog": catalog,
            "catalog/archives": lambda _sid, _query: {"catalog": [{**instance, "archives": [copy]}]},
        },
    )
    result = read(serve, appliance, "2025-12-01", "2026-12-01")
    expected = {"1/501": "2026-02-21T02:00:00", "1/502": "2026-02-05T02:00:00", "1/a9": "2026-01-03T02:00:00"}
    assert created(result) == expected


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 399 * DAY), min_size=1, max_size=30, unique=True),
    st.sampled_from(["month", "day"]),
    st.integers(1, 200),
)
def test_times_are_correct_or_unknown(offsets: list[int], order: str, days: int) -> None:
    """This holds for any backups, window lengths and both formats."""
    start = parse_time("2026-01-01T00:00:00Z") // SECOND
    times = LocalTimes("UTC")
    rows = []
    for offset in offsets:
        moment = start + offset
        window = start + offset // (days * DAY) * days * DAY
        text = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime(FORMATS[order])
        rows.append((moment, text, window * SECOND, (window + days * DAY) * SECOND))
        times.learn([text], *rows[-1][2:])
    for moment, text, first, last in rows:
        try:
            assert times.within(text, first, last) == [moment * SECOND]
        except AmbiguousTimeError:
            # No row proves the order.
            assert order == "day"
            assert all(times.is_ambiguous(other, *window) or _is_symmetric(other) for _at, other, *window in rows)


def _is_symmetric(text: str) -> bool:
    return text[:2] == text[3:5]
