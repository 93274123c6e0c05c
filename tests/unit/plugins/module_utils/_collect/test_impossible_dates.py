# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Impossible times of backups and clocks: they prove nothing and do not cause a traceback."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time, parse_time
from tests.fuzz.damage import Damage, apply_damages, sites
from tests.fuzz.replay import SETUPS, get_recording

NEVER = "0001-01-01T00:00:00Z"
LAST = "9999-12-31T23:59:59.999999Z"


def build_row(created: str, **facts: Any) -> tuple[dict[str, Any], list[str]]:
    collector = Collector("server.example", "spp")
    workload = Workload(id="1", name="db01", type="vm")
    collector.add_point(
        RecoveryPoint(id="a", workload=workload, created=parse_time(created), kind="full", **{"usable": True, **facts})
    )
    (row,) = collector.result()["workloads"]
    return row, collector.warnings


@pytest.mark.parametrize("created", [NEVER, "1970-01-01T00:00:00Z", "1979-12-31T23:59:59.999999Z"])
def test_a_point_with_an_impossible_date_has_no_age(created: str) -> None:
    row, warnings = build_row(created)
    assert row["recovery_points"] == 0
    assert "oldest" not in row
    assert (row["undated"], row["by_kind"], row["by_status"]) == (1, {"full": 1}, {"unknown": 1})
    assert len(warnings) == 1
    assert "recovery points are dated before 1980, which is not a plausible time" in warnings[0]


@pytest.mark.parametrize("created", ["1980-01-01T00:00:00Z", "2001-09-09T01:46:40Z"])
def test_an_old_point_counts(created: str) -> None:
    row, warnings = build_row(created)
    assert (row["recovery_points"], row["oldest"], warnings) == (1, created, [])
    assert "undated" not in row


def test_unusable_points_stay_unusable() -> None:
    row, warnings = build_row(NEVER, usable=False, status="failed")
    assert (row["recovery_points"], row["undated"], row["by_status"]) == (0, 1, {"failed": 1})
    assert "by_kind" not in row
    assert warnings == []


@pytest.mark.parametrize(("created", "place"), [(NEVER, "undated"), (LAST, "in_future")])
def test_a_point_at_an_end_of_the_calendar_is_undated(created: str, place: str) -> None:
    row, _warnings = build_row(created)
    assert row["recovery_points"] == 0
    assert {name: row[name] for name in ("undated", "in_future") if name in row} == {place: 1}


@pytest.mark.parametrize(
    ("facts", "moments"),
    [
        # A test in the year 1 and a lock until the end of the calendar cannot be represented exactly.
        ({"restore_tested": True, "tested_at": NEVER}, {"tested_at": "1980-01-01T00:00:00Z"}),
        (
            {"immutable_until": LAST, "expires_at": LAST},
            dict.fromkeys(("immutable_until", "expires_at"), "9000-01-01T00:00:00Z"),
        ),
    ],
)
def test_the_ends_of_the_calendar_as_other_times(facts: dict[str, Any], moments: dict[str, str]) -> None:
    collector = Collector("server.example", "spp")
    more: dict[str, Any] = {
        name: parse_time(value) if isinstance(value, str) else value for name, value in facts.items()
    }
    created = parse_time("2026-11-20T00:00:00Z")
    collector.add_point(
        RecoveryPoint(id="a", workload=Workload(id="1", name="db01", type="vm"), created=created, kind="full", **more)
    )
    (block,) = open_result(collector.result()).blocks()
    found = {
        name: [format_time(value * SECOND) for value in values] for name, (_places, values) in block.moments.items()
    }
    assert {name: values for name, values in found.items() if values} == {
        name: [time] for name, time in moments.items()
    }


@pytest.mark.parametrize(
    ("name", "moment", "is_kept"),
    [
        ("restorable_until", 300, True),
        # Times are whole seconds.
        ("restorable_until", "2026-11-21T07:05:00.999999Z", True),
        ("restorable_until", 301, False),
        ("restorable_until", LAST, False),
        ("restorable_from", "1980-01-01T00:00:00Z", True),
        ("restorable_from", "1979-12-31T23:59:59Z", False),
        ("restorable_from", NEVER, False),
    ],
)
def test_an_impossible_end_of_a_restorable_range_is_unknown(
    name: str, moment: str | int, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers are seconds after now. A clock may be five minutes ahead."""
    now = parse_time("2026-11-21T07:00:00Z")
    monkeypatch.setattr(time, "time_ns", lambda: now * 1000)
    collector = Collector("server.example", "spp")
    end = parse_time(moment) if isinstance(moment, str) else now + moment * SECOND
    workload = Workload(id="1", name="db01", type="vm")
    ends: dict[str, Any] = {name: end}
    collector.add_point(RecoveryPoint(id="a", workload=workload, created=collector.now, kind="continuous", **ends))
    (block,) = open_result(collector.result()).blocks()
    assert [*block.moments[name][1]] == ([end // SECOND] if is_kept else [])


@pytest.mark.parametrize("clock", [NEVER, "1979-12-31T23:59:59Z", "9000-01-01T00:00:01Z", LAST])
def test_an_impossible_clock_is_rejected(clock: str) -> None:
    collector = Collector("server.example", "spp")
    collector.skew_micros = parse_time(clock) - time.time_ns() // 1000
    with pytest.raises(DataError, match="clock is not between the years 1980 and 9000") as raised:
        collector.start()
    assert "clock" in (raised.value.hint or "")


_CLOCKS = (
    ("headers.Date", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ("headers.Date", "Mon, 01 Jan 0001 00:00:00 GMT"),
    ("serverTime", "9999-12-31T23:59:59.9999999+00:00"),
    ("date-time/ body.year", 9999),
    ("date-time/ body.year", 1),
)


@pytest.mark.parametrize("setup", [setup.name for setup in SETUPS])
@pytest.mark.parametrize(("member", "value"), _CLOCKS)
def test_every_adapter_handles_an_impossible_clock(
    setup: str, member: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = get_recording(setup)
    where = [(name, tuple(found)) for name, found in sites(recording.documents).items() if name.endswith(member)]
    monkeypatch.setattr("tests.fuzz.damage.damage_value", lambda *_any: value)
    found = recording.replay(
        apply_damages(recording.documents, [Damage("set", sites, name) for name, sites in where], random.Random(0))
    )
    if found.error is None:
        # The product reports its clock elsewhere, or in a different format. Then the local clock applies, and a
        # point that is restorable until later than that is restorable until an unknown time.
        assert [_without_end(one) for one in found.points] == [_without_end(one) for one in recording.original.points]
    else:
        assert "clock is not between the years 1980 and 9000" in found.error.message


def _without_end(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "restorable_until"}


def test_a_window_may_start_at_the_time_of_the_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a window that starts later can never contain a recovery point."""
    now = parse_time("2026-11-21T06:49:00.25Z")
    monkeypatch.setattr(time, "time_ns", lambda: now * 1000)
    Collector("server.example", "spp", since="2026-11-21T06:49:00.25Z")
    with pytest.raises(OptionError, match="is in the future"):
        Collector("server.example", "spp", since="2026-11-21T06:49:00.250001Z")
