# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks of random appliances: unchecked points are not proven, and corrupted points are not usable."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._adapters.veeam.azure.small_appliance import (
    STANDARD,
    checked,
    facts,
    item,
    point,
    session,
)

REGIONS = [("r2", "northeurope"), ("r2", "North Europe"), ("r9", "westus")]


@dataclasses.dataclass(frozen=True)
class Stored:
    """The true state of a point: day of its backup, repository, and whether it was deleted since the check."""

    day: int
    repository: int
    is_full: bool
    is_deleted: bool
    is_corrupted: bool


@dataclasses.dataclass(frozen=True)
class Appliance:
    """Repositories (region, tier), points of one machine, and the days of health checks by repository."""

    repositories: list[tuple[tuple[str, str], str]]
    points: list[Stored]
    checks: list[tuple[int, int]]
    # Whether the server marks corrupted points, and reports the region of points.
    are_marked: bool
    have_region: bool


@st.composite
def appliances(draw: st.DrawFn) -> Appliance:
    tiers = st.sampled_from(["Hot", "Hot", "Cool", "Archive", "Inferred"])
    repositories = draw(st.lists(st.tuples(st.sampled_from(REGIONS), tiers), min_size=1, max_size=3))
    numbers = st.integers(0, len(repositories) - 1)
    corrupted = st.sampled_from([False, False, True]) if draw(st.booleans()) else st.just(False)
    stored = st.builds(Stored, st.integers(1, 28), numbers, st.booleans(), st.booleans(), corrupted)
    points = draw(st.lists(stored, min_size=3, max_size=10, unique_by=lambda one: (one.day, one.repository)))
    checks = draw(st.lists(st.tuples(st.integers(5, 25), numbers), min_size=1, max_size=4, unique=True))
    return Appliance(repositories, points, checks, draw(st.booleans()), draw(st.booleans()))


def is_checked(appliance: Appliance, number: int) -> bool:
    """Archive repositories are never checked."""
    return appliance.repositories[number][1] != "Archive"


def covered(appliance: Appliance, day: int, number: int) -> list[Stored]:
    """Return the points that a check at 3:00 on this day covered; backups run at 22:00."""
    return [one for one in appliance.points if one.repository == number and one.day < day]


def build_repository(appliance: Appliance, number: int) -> dict[str, Any]:
    (ident, name), tier = appliance.repositories[number]
    row = {**STANDARD, "id": f"repository-{number}", "name": f"repository {number}"}
    return {**row, "storageTier": tier, "regionId": ident, "regionName": name}


def build_point(appliance: Appliance, number: int) -> dict[str, Any]:
    one = appliance.points[number]
    (ident, name), tier = appliance.repositories[one.repository]
    marked = appliance.are_marked and one.is_corrupted
    region = (
        {"regionId": ident, "regionName": name} if appliance.have_region else {"regionId": None, "regionName": None}
    )
    return point(
        number,
        one.day,
        type="Full" if one.is_full else "Incremental",
        accessTier=tier,
        isCorrupted=marked,
        state="Corrupted" if marked else "Ok",
        **region,
    )


def build_check(appliance: Appliance, place: int) -> tuple[dict[str, Any], list[Any]]:
    day, number = appliance.checks[place]
    found = covered(appliance, day, number)
    corrupted = sum(one.is_corrupted for one in found)
    policy = {"policyId": f"policy-{number}"}
    status = "Error" if corrupted else "Success"
    one = item(len(found), corrupted, repository=build_repository(appliance, number))
    return session(f"s{place}", day, status=status, healthCheckJobInfo=policy), [one] if found else []


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=400)
@given(appliances())
def test_results_are_never_better_than_the_truth(appliance: Appliance) -> None:
    checks = [
        build_check(appliance, place)
        for place, (_day, number) in enumerate(appliance.checks)
        if is_checked(appliance, number)
    ]
    repositories = [build_repository(appliance, number) for number in range(len(appliance.repositories))]
    rows = [build_point(appliance, number) for number, one in enumerate(appliance.points) if not one.is_deleted]
    found = facts(checked(*checks, repositories=repositories).read(*rows), "integrity_checked", "checked_at", "usable")
    for number, (proven, when, usable) in found.items():
        one = appliance.points[int(number)]
        days = [day for day, place in appliance.checks if place == one.repository and one.day < day]
        if proven:
            assert not one.is_corrupted
            assert is_checked(appliance, one.repository)
            assert days
            assert int(when[8:10]) <= max(days)
        if one.is_corrupted and (appliance.are_marked or (days and is_checked(appliance, one.repository))):
            assert usable is not True
        if usable is False:
            assert one.is_corrupted
