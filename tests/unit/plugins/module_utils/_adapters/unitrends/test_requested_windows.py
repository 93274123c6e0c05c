# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses are compared with the request: time window, system and instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.plugins.module_utils._adapters.unitrends.fake_appliance import HERE, THERE, FakeAppliance, backup, read


def ids(result: dict[str, Any]) -> list[str]:
    """The ids of all points, sorted."""
    return sorted(point["id"] for point in result["recovery_points"])


def test_a_window_that_is_ignored(serve: Callable[..., Any]) -> None:
    """Every response contains every backup. Each is reported once, with its time."""
    rows = [backup(501 + day, f"2026-07-{day + 1:02}T01:00:00Z") for day in range(30)]
    result = read(serve, FakeAppliance({1: rows}, honors_window=False), "2026-07-01", "2026-08-01")
    assert ids(result) == [f"1/{501 + day}" for day in range(30)]
    assert {point["created_at"][:10] for point in result["recovery_points"]} == {
        f"2026-07-{d:02}" for d in range(1, 31)
    }
    assert any("outside the time window" in warning for warning in result["warnings"])
    assert result["complete"] is True


def test_backups_outside_the_requested_period(serve: Callable[..., Any]) -> None:
    """They are before the period, so they are omitted with a warning."""
    rows = [backup(501, "2026-07-10T01:00:00Z"), ("2026-07-10T01:00:00Z", backup(502, "2026-03-10T01:00:00Z")[1])]
    result = read(serve, FakeAppliance({1: rows}), "2026-07-01", "2026-08-01")
    assert ids(result) == ["1/501"]
    assert any("outside the time window" in warning for warning in result["warnings"])
    assert result["complete"] is True


def test_times_that_contradict_the_window(serve: Callable[..., Any]) -> None:
    """The backup is listed in one window and dated in another, so it is omitted and the result is incomplete."""
    rows = [backup(501, "2026-07-10T01:00:00Z"), ("2026-07-02T02:00:00Z", backup(502, "2026-07-25T01:00:00Z")[1])]
    result = read(serve, FakeAppliance({1: rows}), "2026-07-01", "2026-08-01")
    assert ids(result) == ["1/501"]
    assert result["complete"] is False
    assert "'here'" in result["errors"][0]["message"]


def test_backups_of_another_system(serve: Callable[..., Any]) -> None:
    """Numbers of two systems can be equal. Rows of another system are omitted."""
    rows = [backup(501, "2026-07-10T01:00:00Z", system_id=1), backup(502, "2026-07-10T02:00:00Z", system_id=2)]
    other = {"instance_id": "31", "system_id": "2", "app_name": "VMware", "database_name": "web-01"}
    item = {"id": 501, "type": "Full", "start_date": "07/10/2026 01:00:00 am", "status": 0, "storage": "elsewhere"}
    copy = {"id": 9, "orig_backup_id": 501, "start_date": item["start_date"], "success": True, "storage": "cloud"}
    node = {"id": 7, "name": "files", "asset_type": "physical", "system_id": 2, "children": []}
    appliance = FakeAppliance(
        {1: rows},
        others={
            "catalog": lambda _sid, _query: {"catalog": [{**other, "backups": [item]}]},
            "catalog/archives": lambda _sid, _query: {"catalog": [{**other, "archives": [copy]}]},
            "assets": lambda _sid, _query: {"data": [node]},
            "backups/browser": lambda _sid, _query: {"data": [{"id": 501, "system_id": 2, "at_risk": True}]},
        },
    )
    result = read(serve, appliance, "2026-07-01", "2026-08-01")
    assert ids(result) == ["1/501"]
    (point,) = result["recovery_points"]
    assert (point["copies"], point["offsite"], point["malware"]) == (None, None, None)
    assert [row["workload_id"] for row in result["workloads"]] == ["1/31"]
    assert any("rows of the list are of another system" in warning for warning in result["warnings"])


def test_the_same_number_in_two_systems(serve: Callable[..., Any]) -> None:
    """The same number in two systems means two backups."""
    appliance = FakeAppliance(
        {1: [backup(501, "2026-07-10T01:00:00Z")], 2: [backup(501, "2026-07-10T03:00:00Z")]}, systems=[HERE, THERE]
    )
    result = read(serve, appliance, "2026-07-01", "2026-08-01")
    assert ids(result) == ["1/501", "2/501"]
    assert [row.get("origin") for row in result["workloads"]] == [None, "there"]
