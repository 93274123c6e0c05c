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
from ansible_collections.backup.audit.plugins.module_utils._collect.periods import Calendar
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from tests.fuzz.damage import Damage, apply_damages, sites
from tests.fuzz.replay import SETUPS, get_recording

NEVER = "0001-01-01T00:00:00Z"
LAST = "9999-12-31T23:59:59.999999Z"


def build_row(created: str, calendar: Calendar | None = None, **facts: Any) -> tuple[dict[str, Any], list[str]]:
    collector = Collector("server.example", "spp", calendar=calendar, history=True)
    workload = Workload(id="1", name="db01", type="vm")
    collector.add_point(
        RecoveryPoint(id="a", workload=workload, created=parse_time(created), kind="full", **{"usable": True, **facts})
    )
    (row,) = collector.result()["workloads"]
    return row, collector.warnings


@pytest.mark.parametrize("created", [NEVER, "1970-01-01T00:00:00Z", "1979-12-31T23:59:59.999999Z"])
def test_a_point_without_a_possible_date_does_not_reach_back(created: str) -> None:
    row, warnings = build_row(created)
    assert row["recovery_points"] == 0
    assert "oldest" not in row
    assert row["attributes"]["recovery_points"]["unknown"] == 1
    assert len(warnings) == 1
    assert "recovery points are dated before 1980, which is not a plausible time" in warnings[0]


@pytest.mark.parametrize("created", ["1980-01-01T00:00:00Z", "2001-09-09T01:46:40Z"])
def test_an_old_point_counts(created: str) -> None:
    row, warnings = build_row(created)
    assert (row["recovery_points"], row["oldest"], warnings) == (1, created, [])


def test_what_is_unusable_stays_so() -> None:
    row, warnings = build_row(NEVER, usable=False)
    assert row["attributes"]["recovery_points"]["false"] == 1
    assert warnings == []


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("created", [NEVER, LAST])
def test_the_ends_of_the_calendar_lie_in_every_zone(zone: str, created: str) -> None:
    row, _warnings = build_row(created, Calendar(zone, "12:00"))
    assert row["recovery_points"] == 0


@pytest.mark.parametrize("clock", [NEVER, "1979-12-31T23:59:59Z", "9000-01-01T00:00:01Z", LAST])
def test_a_clock_that_cannot_be_is_refused(clock: str) -> None:
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
def test_no_adapter_stumbles_over_such_a_clock(
    setup: str, member: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = get_recording(setup)
    where = [(name, tuple(found)) for name, found in sites(recording.documents).items() if name.endswith(member)]
    monkeypatch.setattr("tests.fuzz.damage.damage_value", lambda *_any: value)
    found = recording.replay(
        apply_damages(recording.documents, [Damage("set", sites, name) for name, sites in where], random.Random(0))
    )
    if found.error is None:
        # The product reports its clock elsewhere, or in a different format.
        assert found.points == recording.original.points
    else:
        assert "clock is not between the years 1980 and 9000" in found.error.message
