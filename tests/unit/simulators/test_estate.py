# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample environment: reproducible bytes, scenarios as described, and no impossible data."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from tests.simulators.estate import build_estate, write_estate
from tests.simulators.ground_truth import DAY, HOUR, Estate, Point, Workload, as_moment, rfc3339

UTC = timezone.utc
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
# Noon, midnight, the first of a year and of a month, a Sunday, a leap day, and the hour after each policy's run.
MOMENTS = [
    NOW,
    datetime(2026, 3, 10, 0, 0, tzinfo=UTC),
    datetime(2027, 1, 1, 2, 30, tzinfo=UTC),
    datetime(2026, 2, 1, 23, 59, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    datetime(2028, 2, 29, 6, 0, tzinfo=UTC),
    *(datetime(2026, 6, 17, 0, 1, tzinfo=UTC) + timedelta(hours=hours) for hours in range(24)),
]


def estate_at(now: datetime, workloads: int = 20, points: int = 30, seed: int = 7) -> Estate:
    return build_estate(seed, workloads, points, as_moment(now))


def get_text(estate: Estate) -> str:
    out = io.StringIO()
    write_estate(estate, {}, out)
    return out.getvalue()


def find_workload(estate: Estate, name: str) -> Workload:
    return next(work for work in estate.workloads if work.name == name)


def backups(work: Workload) -> list[Point]:
    return [point for point in work.points if point.usable and point.kind in ("full", "incremental", "archive")]


def newest_age(estate: Estate, work: Workload) -> int:
    return estate.now - backups(work)[0].created_at


def test_same_seed_same_bytes() -> None:
    first = get_text(estate_at(NOW))
    assert first == get_text(estate_at(NOW))
    assert first != get_text(estate_at(NOW, seed=8))
    assert first != get_text(estate_at(NOW + timedelta(days=1)))


def test_workloads_do_not_affect_each_other() -> None:
    few, many = estate_at(NOW, workloads=20), estate_at(NOW, workloads=60)
    assert [work.as_json(few.now) for work in few.workloads] == [work.as_json(many.now) for work in many.workloads[:20]]


def test_document_contains_the_environment() -> None:
    estate = estate_at(NOW)
    document: dict[str, Any] = json.loads(get_text(estate))
    assert (document["seed"], document["now"], document["products"]) == (7, "2026-03-10T12:00:00.000000Z", {})
    assert [site["key"] for site in document["sites"]] == ["berlin", "chicago", "frankfurt", "cloud"]
    assert len({point["key"] for work in document["workloads"] for point in work["points"]}) == sum(
        len(work.points) for work in estate.workloads
    )
    newest = document["workloads"][2]["points"][0]
    assert {copy["role"] for copy in newest["copies"]} == {"primary", "replica", "offload"}
    assert newest["immutable"] is True
    assert newest["immutable_until"] == max(copy["immutable_until"] or "" for copy in newest["copies"])


@pytest.mark.parametrize("now", MOMENTS, ids=str)
def test_scenarios_are_valid_at_any_time(now: datetime) -> None:
    estate = estate_at(now)
    for name in ("web-01", "erp-prod", "dc-01", "orders", '<b>vm & "co"</b>', "büro-größe-Łódź"):
        work = find_workload(estate, name)
        assert len(backups(work)) == 30
        assert newest_age(estate, work) < 26 * HOUR, name
    assert 5 * DAY < newest_age(estate, find_workload(estate, "crm-old")) < 7 * DAY
    assert find_workload(estate, "sandbox-7").points == []
    assert not find_workload(estate, "sandbox-7").protected
    assert len(find_workload(estate, "intake-new").points) == 2
    retired = find_workload(estate, "billing-2019")
    assert not retired.in_inventory
    assert newest_age(estate, retired) > 119 * DAY
    batch = find_workload(estate, "batch-night").points[0]
    assert (batch.status, batch.usable, batch.completed_at, batch.copies) == ("running", False, None, ())
    assert estate.now - batch.created_at < HOUR
    assert {point.kind for point in find_workload(estate, "edge-cache").points} == {"snapshot"}
    assert [point.usable for point in find_workload(estate, "mail-01").points] == [False] + [True] * 29
    assert {point.kind for point in find_workload(estate, "projects").points} == {"full", "incremental", "snapshot"}
    assert {point.kind for point in find_workload(estate, "web-02").points} == {"full", "incremental", "replica"}


@pytest.mark.parametrize("now", MOMENTS, ids=str)
def test_gap_and_failures_exist_at_any_time(now: datetime) -> None:
    estate = estate_at(now)
    moments = [point.created_at for point in find_workload(estate, "shop-front").points]
    gaps = [later - earlier for later, earlier in pairwise(moments)]
    assert sorted(round(gap / DAY) for gap in gaps) == [1] * 28 + [3]
    assert estate.now - moments[6] < 14 * DAY
    assert round((moments[5] - moments[6]) / DAY) == 3
    statuses = [point.status for point in find_workload(estate, "lab-3").points]
    assert statuses in (["failed", "success"] * 15, ["success", "failed"] * 15)
    assert not any(
        point.usable or point.copies for point in find_workload(estate, "lab-3").points if point.status == "failed"
    )


def test_generations() -> None:
    work = find_workload(estate_at(NOW, points=100), "ledger-archive")
    counts = {name: sum(name in point.retention for point in work.points) for name in ("weekly", "monthly", "yearly")}
    # The last twelve months contain one January 1. The two before it are kept as yearly points and are also monthly.
    assert counts == {"weekly": 8, "monthly": 12 + 2, "yearly": 3}
    daily = [point.run.started for point in work.points if point.retention == ("daily",)]
    assert daily[0] - daily[-1] < 16 * DAY
    assert 11 <= len(daily) <= 14
    for point in work.points:
        archived = "monthly" in point.retention
        assert (point.kind == "archive") is archived
        assert [copy.location.location_type for copy in point.copies] == ["archive" if archived else "disk"]


def test_twins_share_a_name_but_no_location() -> None:
    twins = [work for work in estate_at(NOW).workloads if work.name == "dc-01"]
    assert [work.site.key for work in twins] == ["berlin", "chicago"]
    assert twins[0].key != twins[1].key


@pytest.mark.parametrize("now", MOMENTS, ids=str)
def test_data_is_consistent(now: datetime) -> None:
    estate = estate_at(now, workloads=120, points=20)
    for work in estate.workloads:
        starts = [point.run.started for point in work.points]
        assert starts == sorted(starts, reverse=True), work.name
        for point in work.points:
            check_point(estate, work, point)


def check_point(estate: Estate, work: Workload, point: Point) -> None:
    where = f"{work.name} {point.key}"
    assert point.created_at <= estate.now, where
    assert point.status == point.run.status, where
    assert point.completed_at is None or point.created_at < point.completed_at <= estate.now, where
    assert all(point.completed_at is not None and copy.copied_at <= estate.now for copy in point.copies), where
    assert point.expires_at is None or point.expires_at > estate.now, where
    for tested in (point.tested_at, point.checked_at):
        assert tested is None or (point.usable and point.created_at < tested <= estate.now), where
    if point.kind in ("snapshot", "continuous"):
        assert not any(copy.offsite or copy.immutable_until for copy in point.copies), where
    if point.usable:
        assert point.copies, where


def test_every_scenario_occurs_in_a_large_environment() -> None:
    small, large = estate_at(NOW), estate_at(NOW, workloads=1000, points=2)
    assert {work.scenario for work in large.workloads[20:]} == {work.scenario for work in small.workloads}
    healthy = sum(work.scenario == "healthy" for work in large.workloads)
    assert healthy > 500


def test_every_attribute_is_true_and_false() -> None:
    points = [point for work in estate_at(NOW).workloads for point in work.points]
    for fact in ("tested_at", "checked_at", "immutable_until", "completed_at", "expires_at", "hold"):
        assert len({getattr(point, fact) is None for point in points}) == 2, fact
    assert {point.malware for point in points} == {"clean", "suspicious", None}
    assert {point.status for point in points} == {"success", "warning", "failed", "running"}
    assert {point.encrypted for point in points} == {True, False}
    assert {point.tested_by for point in points} == {"boot", "restore", None}


def test_time_as_text() -> None:
    assert rfc3339(as_moment(datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC))) == "2026-01-02T03:04:05.678900Z"
