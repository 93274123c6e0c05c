# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timelines of workloads for reports: one letter for each local day."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    NOW,
    SEVEN,
    VERSION,
    Row,
    evaluate,
    nightly,
    point,
    read,
    row,
)


def timelines(*rows: Row, policy: Any = None, as_of: int = NOW, **options: Any) -> dict[str, str | None]:
    """Return workload name -> timeline. It is 07:00 on Saturday, 21 November, in UTC."""
    assessment = assess(
        [open_result(read(*rows))],
        policy or SEVEN,
        as_of=as_of,
        collection_version=VERSION,
        options=options,
        timelines=True,
    )
    return {one["workload_name"]: one["timeline"] for one in assessment.plain()["workloads"]}


def draw(*points: RecoveryPoint, **given: Any) -> str | None:
    """Return the timeline of one workload."""
    return timelines(row(points), **given)["web01"]


def at(time: str, **facts: Any) -> RecoveryPoint:
    return point(created=parse_time(time), **facts)


def test_timelines_are_created_only_on_request() -> None:
    (workload,) = evaluate(row(), SEVEN).plain()["workloads"]
    assert workload["timeline"] is None


@pytest.mark.parametrize(
    ("kind", "letter"),
    [
        ("full", "F"),
        ("synthetic_full", "F"),
        ("differential", "D"),
        ("incremental", "I"),
        ("backup", "B"),
        ("archive", "A"),
        ("replica", "R"),
        ("unknown", "U"),
        ("continuous", "C"),
        ("snapshot", "S"),
        ("log", "L"),
        ("config", "G"),
    ],
)
def test_letters(kind: str, letter: str) -> None:
    assert draw(point(hours=5, kind=kind)) == letter
    assert draw(point(hours=5, kind=kind, usable=None)) == letter
    assert draw(point(hours=5, kind=kind, usable=False)) == letter.lower()


def test_every_kind_has_a_letter() -> None:
    for kind in KINDS:
        assert len(draw(point(hours=5, kind=kind)) or "") == 1


def test_one_letter_for_each_day_from_the_oldest_point_to_today() -> None:
    assert draw(*nightly(3)) == "III"
    # 20 November has none, and today has none either.
    assert draw(at("2026-11-17T01:00:00Z", kind="full"), at("2026-11-19T23:59:59Z")) == "F.I.."
    assert draw(at("2026-11-21T00:00:00Z")) == "I"
    assert draw(at("2026-11-20T23:59:59Z")) == "I."


@pytest.mark.parametrize(
    ("facts", "letter"),
    [
        # Best first. A failed run counts only if there is no other point on that day.
        ([{"kind": "incremental"}, {"kind": "full"}], "F"),
        ([{"kind": "log"}, {"kind": "snapshot"}], "S"),
        ([{"kind": "unknown"}, {"kind": "replica"}], "R"),
        ([{"kind": "differential"}, {"kind": "incremental"}], "D"),
        ([{"kind": "full", "usable": False}, {"kind": "log"}], "L"),
        ([{"kind": "full", "usable": False}, {"kind": "incremental", "usable": False}], "f"),
    ],
)
def test_the_best_point_of_a_day(facts: list[dict[str, Any]], letter: str) -> None:
    assert draw(*(point(hours=number, **one) for number, one in enumerate(facts))) == letter
    assert draw(*(point(hours=number, **one) for number, one in enumerate(facts[::-1]))) == letter


@pytest.mark.parametrize(
    ("calendar", "timeline"),
    [
        # 22:30 and 23:30 in UTC are 23:30 and 00:30 in Berlin.
        ({}, "FI."),
        ({"timezone": "Europe/Berlin"}, "F.I"),
        # Days begin at noon, so both points are on the same day.
        ({"day_start": "12:00"}, "FI"),
        ({"day_start": "23:00"}, "F.I"),
        # 21 November begins at 08:00 local time, which is 07:00 in UTC (now).
        ({"timezone": "Europe/Berlin", "day_start": "08:00"}, "FI."),
        ({"timezone": "Europe/Berlin", "day_start": "08:01"}, "FI"),
    ],
)
def test_days_of_the_policy(calendar: dict[str, str], timeline: str) -> None:
    points = [at("2026-11-19T22:30:00Z", kind="full"), at("2026-11-20T23:30:00Z")]
    assert draw(*points, **calendar) == timeline
    assert draw(*points, policy={**SEVEN, **calendar}) == timeline


def test_each_workload_has_the_days_of_its_tier() -> None:
    policies = [
        {"name": "one", "match": {"workload_name": "web01"}, "policy": {**SEVEN, "timezone": "Europe/Berlin"}},
        {"name": "two", "match": {"workload_name": "db01"}, "policy": SEVEN},
    ]
    points = [at("2026-11-20T23:30:00Z")]
    rows = [row(points), row(points, name="db01", id="id-2"), row(points, name="x", id="id-3")]
    # A workload without a tier has no timeline.
    assert timelines(*rows, policy={"policies": policies}) == {"web01": "I", "db01": "I.", "x": None}


def test_at_most_400_days() -> None:
    assert draw(point(days=399), point(hours=1)) == "I" + "." * 398 + "I"
    assert draw(point(days=400), point(hours=1)) == "I"
    assert draw(point(days=400)) == ""


def test_no_points() -> None:
    assert draw() == ""
    assert timelines(row(EMPTY, counted=9))["web01"] == ""


def test_as_of_is_the_last_day() -> None:
    assert draw(*nightly(2), as_of=NOW + 2 * DAY * SECOND, max_data_age="9d") == "II.."


def test_rows_have_separate_timelines() -> None:
    rows = [row(nightly(3)), row(nightly(2, kind="full"), name="db01", id="id-2"), row(EMPTY, name="x", id="id-3")]
    assert timelines(*rows) == {"web01": "III", "db01": "FF", "x": ""}
