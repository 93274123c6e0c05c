# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a point of the whole listing is: only what the answers prove is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.object_matching import (
    ObjectMatcher,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.records import (
    File,
    owner_mark,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time


def an_object(ident: str, name: str | None, count: Any, platform: str = "VMware") -> dict[str, Any]:
    return {"id": ident, "name": name, "platformName": platform, "type": "VM", "restorePointsCount": count}


def a_point(ident: str, name: str, day: int, owner: str | None = "a", platform: str = "VMware") -> dict[str, Any]:
    time = f"2026-11-{day:02}T01:00:00Z"
    return {"id": ident, "name": name, "platformName": platform, "creationTime": time, "owner": owner}


def told(row: Mapping[str, Any], workload: Workload) -> tuple[RecoveryPoint, File | None]:
    point = RecoveryPoint(id=row["id"], workload=workload, created=parse_time(row["creationTime"]), usable=True)
    owner = None if row["owner"] is None else owner_mark(row["owner"])
    return point, File(None, (), owner)


def settled(objects: list[dict[str, Any]], points: list[dict[str, Any]]) -> tuple[dict[Any, int], set[str | None], int]:
    """(points of each workload that is proved, ids of those that are not, points that are nobody's)."""
    collector = Collector("vbr.example", "veeam_backup_replication", keep_points=True)
    owners = ObjectMatcher(collector)
    for row in objects:
        owners.add(row)
    for row in points:
        owners.take(row, told)
    unproved, seen, strange = owners.settle()
    assert len(seen) + len(strange) == len(points)
    result = collector.result()
    counts = {row["workload_id"]: row["recovery_points"] for row in result["workloads"]}
    assert sum(counts.values()) <= len(seen)
    assert {point["workload_id"] for point in result["recovery_points"]} == set(counts)
    return counts, {workload.id for workload in unproved}, len(strange)


WEB = [a_point("p3", "web", 20), a_point("p2", "web", 19), a_point("p1", "web", 18)]


def test_one_object_of_a_name_and_all_its_points() -> None:
    """An object that is in two backups is listed twice, and the numbers of its points add up."""
    assert settled([an_object("a", "web", 2), an_object("a", "web", 1)], WEB) == ({"a": 3}, set(), 0)


def test_copies_have_the_time_of_their_source() -> None:
    """They stand next to it, and are one point."""
    points = [*WEB, a_point("c1", "web", 18)]
    assert settled([an_object("a", "web", 4)], points) == ({"a": 3}, set(), 0)


@pytest.mark.parametrize(
    "objects",
    [
        [an_object("a", "web", 2)],
        [an_object("a", "web", 4)],
        [an_object("a", "web", 0)],
        [an_object("a", "web", None)],
        [an_object("a", "web", 3), an_object("a", "web", None)],
        [an_object("a", "WEB", 3)],
        [an_object("a", "web", 3, platform="HyperV")],
        [an_object("a", None, 3)],
        [an_object("a", "web", 2), an_object("a", "other", 1)],
    ],
    ids=["more", "fewer", "none", "not counted", "partly counted", "spelling", "platform", "no name", "two names"],
)
def test_what_is_not_proved_is_asked_by_id(objects: list[dict[str, Any]]) -> None:
    """None of the points is kept for it: they may be another's."""
    assert settled(objects, WEB) == ({}, {"a"}, 3)


def test_machines_of_one_name_are_never_told_apart_by_it() -> None:
    """Not even where the numbers fit, and not where only the spelling differs."""
    for name in ("web", "Web"):
        objects = [an_object("a", "web", 3), an_object("b", name, 0), an_object("c", "db", 1)]
        assert settled(objects, [*WEB, a_point("d1", "db", 18, owner="c")]) == ({"c": 1}, {"a", "b"}, 3)


def test_machines_that_changed_names_are_found_out_by_their_files() -> None:
    """The numbers fit; but a file that names one object says whose its points are."""
    objects = [an_object("a", "blue", 2), an_object("b", "green", 2)]
    points = [a_point("p1", "blue", 20), a_point("p2", "green", 20, owner="b"), a_point("p3", "blue", 19, owner="b")]
    assert settled(objects, [*points, a_point("p4", "green", 19, owner="b")]) == ({"b": 2}, {"a"}, 2)
    assert settled(objects, [*points, a_point("p4", "green", 19, owner="a")]) == ({}, {"a", "b"}, 4)


@pytest.mark.parametrize("owner", [None, "x"], ids=["no object, or several", "one that is not listed"])
def test_a_file_that_does_not_name_the_object_proves_nothing(owner: str | None) -> None:
    """Machines that changed names would look the same."""
    points = [a_point("p1", "blue", 20), a_point("p2", "blue", 19, owner=owner)]
    assert settled([an_object("a", "blue", 2)], points) == ({}, {"a"}, 2)


def test_a_listing_that_is_not_newest_first_proves_nothing() -> None:
    """A copy of what was told already would be another point."""
    assert settled([an_object("a", "web", 3)], [WEB[1], WEB[0], WEB[2]]) == ({}, {"a"}, 3)


def test_points_of_names_that_no_object_has() -> None:
    """They are left over, for whoever asks object by object."""
    points = [*WEB, a_point("x", "web Agent Job", 20)]
    assert settled([an_object("a", "web", 3)], points) == ({"a": 3}, set(), 1)


def test_the_whole_listing_is_read_where_it_spares_calls() -> None:
    """Only objects that it may prove count, and only as many of them as there are files that tell."""
    owners = ObjectMatcher(Collector("vbr.example", "veeam_backup_replication"))
    for row in [an_object("a", "web", 3), an_object("b", "db", 3), an_object("c", "x", 1), an_object("d", "X", 1)]:
        owners.add(row)
    assert owners.spares_calls(1, 1.0)
    assert not owners.spares_calls(2, 1.0)
    assert not owners.spares_calls(1, 0.5)
    assert [workload.id for workload in owners.workloads] == ["a", "b", "c", "d"]
