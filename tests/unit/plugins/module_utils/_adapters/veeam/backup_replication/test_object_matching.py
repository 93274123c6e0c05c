# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points of the full listing are matched to their objects only if the responses prove the match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.object_matching import (
    ObjectMatcher,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.records import (
    File,
    short_hash,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time


def make_object(ident: str, name: str | None, count: Any, platform: str = "VMware") -> dict[str, Any]:
    return {"id": ident, "name": name, "platformName": platform, "type": "VM", "restorePointsCount": count}


def make_point(ident: str, name: str, day: int, owner: str | None = "a", platform: str = "VMware") -> dict[str, Any]:
    time = f"2026-11-{day:02}T01:00:00Z"
    return {"id": ident, "name": name, "platformName": platform, "creationTime": time, "owner": owner}


def parse_with_owner(row: Mapping[str, Any], workload: Workload) -> tuple[RecoveryPoint, File | None]:
    created = parse_time(row["creationTime"])
    point = RecoveryPoint(id=row["id"], workload=workload, created=created, kind="backup", usable=True)
    owner = None if row["owner"] is None else short_hash(row["owner"])
    return point, File(None, (), owner)


def match(objects: list[dict[str, Any]], points: list[dict[str, Any]]) -> tuple[dict[Any, int], set[str | None], int]:
    """Return points of each proven workload, ids of unproven workloads, and the number of points without an owner."""
    collector = Collector("vbr.example", "veeam_backup_replication", keep_points=True)
    matcher = ObjectMatcher(collector)
    for row in objects:
        matcher.add_object(row)
    for row in points:
        matcher.add_point(row, parse_with_owner)
    unproved, seen, unmatched = matcher.finish()
    assert len(seen) + len(unmatched) == len(points)
    result = collector.result()
    counts = {row["workload_id"]: row["recovery_points"] for row in result["workloads"]}
    assert sum(counts.values()) <= len(seen)
    assert {point["workload_id"] for point in result["recovery_points"]} == set(counts)
    return counts, {workload.id for workload in unproved}, len(unmatched)


WEB = [make_point("p3", "web", 20), make_point("p2", "web", 19), make_point("p1", "web", 18)]


def test_an_object_with_a_unique_name_gets_all_points() -> None:
    """An object in two backups is listed twice, and its numbers of points are added."""
    assert match([make_object("a", "web", 2), make_object("a", "web", 1)], WEB) == ({"a": 3}, set(), 0)


def test_copies_have_the_time_of_their_source() -> None:
    """They are listed next to it and are merged into one point."""
    points = [*WEB, make_point("c1", "web", 18)]
    assert match([make_object("a", "web", 4)], points) == ({"a": 3}, set(), 0)


@pytest.mark.parametrize(
    "objects",
    [
        [make_object("a", "web", 2)],
        [make_object("a", "web", 4)],
        [make_object("a", "web", 0)],
        [make_object("a", "web", None)],
        [make_object("a", "web", 3), make_object("a", "web", None)],
        [make_object("a", "WEB", 3)],
        [make_object("a", "web", 3, platform="HyperV")],
        [make_object("a", None, 3)],
        [make_object("a", "web", 2), make_object("a", "other", 1)],
    ],
    ids=["more", "fewer", "none", "not counted", "partly counted", "spelling", "platform", "no name", "two names"],
)
def test_unproven_objects_are_requested_by_id(objects: list[dict[str, Any]]) -> None:
    """None of the points is kept for the object, because they may belong to another one."""
    assert match(objects, WEB) == ({}, {"a"}, 3)


def test_machines_with_the_same_name_are_never_matched_by_name() -> None:
    """Not even if the numbers match, or if only the spelling differs."""
    for name in ("web", "Web"):
        objects = [make_object("a", "web", 3), make_object("b", name, 0), make_object("c", "db", 1)]
        assert match(objects, [*WEB, make_point("d1", "db", 18, owner="c")]) == ({"c": 1}, {"a", "b"}, 3)


def test_machines_that_swapped_names_are_detected_by_their_files() -> None:
    """The numbers match, but a file that refers to one object identifies the owner of its points."""
    objects = [make_object("a", "blue", 2), make_object("b", "green", 2)]
    points = [
        make_point("p1", "blue", 20),
        make_point("p2", "green", 20, owner="b"),
        make_point("p3", "blue", 19, owner="b"),
    ]
    assert match(objects, [*points, make_point("p4", "green", 19, owner="b")]) == ({"b": 2}, {"a"}, 2)
    assert match(objects, [*points, make_point("p4", "green", 19, owner="a")]) == ({}, {"a", "b"}, 4)


@pytest.mark.parametrize("owner", [None, "x"], ids=["no object, or several", "one that is not listed"])
def test_a_file_without_object_references_proves_nothing(owner: str | None) -> None:
    """Machines that swapped names would look the same."""
    points = [make_point("p1", "blue", 20), make_point("p2", "blue", 19, owner=owner)]
    assert match([make_object("a", "blue", 2)], points) == ({}, {"a"}, 2)


def test_a_listing_that_is_not_newest_first_proves_nothing() -> None:
    """A copy of a point that was already added would become another point."""
    assert match([make_object("a", "web", 3)], [WEB[1], WEB[0], WEB[2]]) == ({}, {"a"}, 3)


def test_points_without_a_matching_object() -> None:
    """They are left for the query by object."""
    points = [*WEB, make_point("x", "web Agent Job", 20)]
    assert match([make_object("a", "web", 3)], points) == ({"a": 3}, set(), 1)


def test_the_full_listing_is_read_if_that_needs_fewer_requests() -> None:
    """Only provable objects count, in proportion to the files that refer to a single object."""
    matcher = ObjectMatcher(Collector("vbr.example", "veeam_backup_replication"))
    for row in [
        make_object("a", "web", 3),
        make_object("b", "db", 3),
        make_object("c", "x", 1),
        make_object("d", "X", 1),
    ]:
        matcher.add_object(row)
    assert matcher.is_cheaper(1, 1.0)
    assert not matcher.is_cheaper(2, 1.0)
    assert not matcher.is_cheaper(1, 0.5)
    assert [workload.id for workload in matcher.workloads] == ["a", "b", "c", "d"]
