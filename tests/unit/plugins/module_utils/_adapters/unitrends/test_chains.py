# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Increments and differentials without a full backup that can be restored are not reported as usable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.chains import Chains
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from tests.unit.plugins.module_utils._adapters.unitrends.fake_appliance import FakeAppliance, Row, always, backup, read

INCREMENT = {"type": "VMware Incremental"}
DIFFERENTIAL = {"type": "VMware Differential"}
FAILED = {"status": "Failed"}
UNREADABLE = {"verified": True, "verify_status": "Failed"}
UNCLEAR = {"status": "None"}


def usable(result: Row) -> list[bool | None]:
    """Return whether each point is usable, oldest first."""
    return [point["usable"] for point in sorted(result["recovery_points"], key=lambda point: point["created_at"])]


@pytest.mark.parametrize(
    ("nights", "expected"),
    [
        ([{}, INCREMENT, INCREMENT], [True, True, True]),
        ([{}, INCREMENT, DIFFERENTIAL], [True, True, True]),
        # The only full backup failed, or there is none.
        ([FAILED, INCREMENT, DIFFERENTIAL], [False, None, None]),
        ([INCREMENT, DIFFERENTIAL], [None, None]),
        ([INCREMENT, {}, INCREMENT], [None, True, True]),
        # A later full backup does not help. A failed run after a good one does not matter.
        ([FAILED, INCREMENT, {}], [False, None, True]),
        ([{}, FAILED, INCREMENT], [True, False, True]),
        ([{}, INCREMENT | FAILED, INCREMENT], [True, False, True]),
        # A damaged backup breaks the chain up to the next differential or full backup.
        ([UNREADABLE, INCREMENT, DIFFERENTIAL], [False, False, False]),
        ([{}, INCREMENT | UNREADABLE, INCREMENT, DIFFERENTIAL, INCREMENT], [True, False, False, True, True]),
        ([{}, DIFFERENTIAL | UNREADABLE, INCREMENT, {}, INCREMENT], [True, False, False, True, True]),
        # Whether the full backup succeeded is not reported.
        ([UNCLEAR, INCREMENT], [None, None]),
        # Bare metal backups depend on nothing, and nothing depends on them.
        ([{"type": "Bare Metal"}, INCREMENT], [True, None]),
    ],
)
def test_an_increment_needs_its_full_backup(
    serve: Callable[..., Any], nights: list[Row], expected: list[bool | None]
) -> None:
    rows = [backup(501 + day, f"2026-07-{10 + day}T01:00:00Z", **night) for day, night in enumerate(nights)]
    result = read(serve, FakeAppliance({1: rows}), "2026-07-01", "2026-08-01", slice="2d")
    assert usable(result) == expected


@pytest.mark.parametrize(("status", "expected"), [(0, True), (1, True), (2, None), (None, None)])
def test_a_full_backup_before_the_period_is_found_in_the_catalog(
    serve: Callable[..., Any], status: int | None, expected: bool | None
) -> None:
    """The option `since` does not make increments unusable."""
    instance = {"instance_id": "31", "system_id": "1", "app_name": "VMware", "database_name": "web-01"}
    item = {"id": 400, "type": "Full", "start_date": "05/20/2026 01:00:00 am", "status": status}
    appliance = FakeAppliance(
        {1: [backup(501, "2026-07-10T01:00:00Z", **INCREMENT)]},
        others={
            "catalog": lambda _sid, query: {
                "catalog": [{**instance, "backups": [item]}] if query["start_date"] < "05/20/2026" else []
            }
        },
    )
    result = read(serve, appliance, "2026-07-01", "2026-08-01")
    assert usable(result) == [expected]
    assert [point["id"] for point in result["recovery_points"]] == ["1/501"]


def test_a_full_backup_of_another_machine_or_system_does_not_help(serve: Callable[..., Any]) -> None:
    rows = [
        backup(501, "2026-07-10T01:00:00Z", **INCREMENT),
        backup(502, "2026-07-09T01:00:00Z", instance_id=32, vm_name="web-02"),
        backup(503, "2026-07-08T01:00:00Z", instance_id=31, system_id=2),
        backup(504, "2026-07-07T01:00:00Z", instance_id=None),
    ]
    result = read(serve, FakeAppliance({1: rows}), "2026-07-01", "2026-08-01")
    points = {point["id"]: point["usable"] for point in result["recovery_points"]}
    assert points == {"1/501": None, "1/502": True, "1/504": True}


def test_an_increment_of_an_unknown_machine_is_unknown(serve: Callable[..., Any]) -> None:
    rows = [
        backup(501, "2026-07-10T01:00:00Z", instance_id=None, **INCREMENT),
        backup(502, "2026-07-09T01:00:00Z", instance_id=None),
    ]
    result = read(serve, FakeAppliance({1: rows}), "2026-07-01", "2026-08-01")
    assert usable(result) == [True, None]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["Full", "Incremental"], [True, True]),
        (["Incremental", "Full"], [None, True]),
        (["Differential"], [None]),
        ([None], [None]),
        (["Bare Metal"], [True]),
    ],
)
def test_an_archived_increment_needs_an_archived_full_backup(
    serve: Callable[..., Any], types: list[str | None], expected: list[bool | None]
) -> None:
    """If the appliance no longer has them."""
    instance = {"instance_id": "31", "system_id": "1", "app_name": "VMware", "database_name": "web-01"}
    items = [
        {
            "id": 9 + day,
            "orig_backup_id": 400 + day,
            "type": name,
            "start_date": f"07/{10 + day}/2026 01:00:00 am",
            "success": True,
        }
        for day, name in enumerate(types)
    ]
    archives = {"catalog": [{**instance, "archives": items}]}
    result = read(serve, FakeAppliance(others={"catalog/archives": always(archives)}), "2026-07-01", "2026-08-01")
    assert usable(result) == expected


NIGHTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["full", "synthetic_full", "incremental", "differential", "log", "backup", "unknown"]),
        st.sampled_from(["good", "failed", "damaged", "unclear"]),
    ),
    max_size=25,
)


@given(NIGHTS)
def test_increments_are_usable_only_with_a_complete_chain(nights: list[tuple[str, str, str]]) -> None:
    """In any history, a usable increment has a usable full backup and no damaged backup in between."""
    points = [
        RecoveryPoint(
            id=str(number),
            workload=Workload(id=machine),
            created=number + 1,
            kind=kind,
            usable={"good": True, "unclear": None}.get(outcome, False),
            integrity_checked=False if outcome == "damaged" else None,
        )
        for number, (machine, kind, outcome) in enumerate(nights)
    ]
    reported: list[RecoveryPoint] = []
    chains = Chains(reported.append)
    for point in reversed(points):
        chains.add(point)
    chains.finish()
    assert sorted(reported, key=lambda point: point.created) == points
    for index, (machine, kind, outcome) in enumerate(nights):
        if outcome != "good" or kind not in ("incremental", "differential", "unknown"):
            assert points[index].usable is {"good": True, "unclear": None}.get(outcome, False) or outcome == "unclear"
            continue
        expected = expected_usable(nights, index, machine, kind)
        # A backup of unknown kind may depend on nothing.
        assert points[index].usable is (None if kind == "unknown" and expected is False else expected)


def expected_usable(nights: list[tuple[str, str, str]], index: int, machine: str, kind: str) -> bool | None:
    """Search backward from a good increment to its full backup."""
    answer: bool | None = True
    needs_increments, is_unclear = kind in ("incremental", "unknown"), False
    for other_machine, other, outcome in reversed(nights[:index]):
        if other_machine != machine or outcome == "failed":
            continue
        if other in ("full", "synthetic_full"):
            base = {"good": True, "damaged": False}.get(outcome)
            if answer is False or base is False:
                return False
            return None if is_unclear else base
        if other == "unknown" and outcome in ("damaged", "unclear"):
            is_unclear = True
        if other in ("incremental", "differential") and needs_increments:
            answer = False if outcome == "damaged" else answer
            needs_increments = other != "differential"
    return False if answer is False else None
