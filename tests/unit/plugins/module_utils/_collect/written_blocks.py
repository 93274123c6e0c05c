# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers for tests of blocks: points of workloads as the collector writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import (
    CODES,
    Block,
    BlockClass,
    BlockWriter,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass, point_class
from ansible_collections.backup.audit.plugins.module_utils._collect.points import PointGroup, PointGroupBuilder
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    Copy,
    RecoveryPoint,
    Workload,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_time


class Apart(NamedTuple):
    """Undated points."""

    undated: Mapping[PointClass, int] = {}
    in_future: int = 0


NOBODY = Workload()
# 2026-11-18T11:06:40Z
T0 = 1_795_000_000
FIRST, LAST = parse_time("1980-01-01T00:00:00Z") // SECOND, parse_time("9000-01-01T00:00:00Z") // SECOND


def point(seconds: int, micros: int = 0, **more: Any) -> RecoveryPoint:
    facts = {"id": "", "kind": "full", "status": "success", "usable": True, **more}
    return RecoveryPoint(workload=NOBODY, created=seconds * SECOND + micros, **facts)


def group_points(points: Sequence[RecoveryPoint]) -> list[PointGroup]:
    builders: dict[PointClass, PointGroupBuilder] = {}
    for each in points:
        facts = point_class(each)
        builder = builders.setdefault(facts, PointGroupBuilder(facts))
        builder.add(each.id, each.created, each.size_bytes, [getattr(each, name) for name in facts.moments])
    return [builder.group() for builder in builders.values()]


def write(*workloads: Sequence[RecoveryPoint] | tuple[Sequence[RecoveryPoint], Apart]) -> list[dict[str, Any]]:
    writer = BlockWriter()
    for each in workloads:
        points, apart = each if isinstance(each, tuple) else (each, Apart())
        writer.add(group_points(points), *apart)
    return list(writer.finish())


def class_of(block: Block, index: int) -> BlockClass:
    return block.classes[CODES.index(block.codes[index])]


# An example of the format, written by hand.
UNDATED = point_class(point(0, usable=None))
EXAMPLE_POINTS: tuple[Any, ...] = (
    [
        point(
            T0 + 86_400,
            500_000,
            kind="incremental",
            status="warning",
            restore_tested=True,
            tested_at=(T0 + 90_000) * SECOND + 999_999,
            inferred=("restore_tested",),
        ),
        point(T0, size_bytes=301, offsite=False, copies=[Copy(location="disk1", location_type="disk")]),
    ],
    ([], Apart({UNDATED: 2}, 3)),
    [point(T0 + 10, size_bytes=5, offsite=False, copies=[Copy(location="disk1", location_type="disk")])],
)
EXAMPLE: dict[str, Any] = {
    "classes": [
        {
            "kind": "full",
            "status": "success",
            "usable": True,
            "offsite": False,
            "locations": [["disk1", "disk"]],
            "size": True,
        },
        {
            "kind": "incremental",
            "status": "warning",
            "usable": True,
            "restore_tested": True,
            "inferred": ["restore_tested"],
            "moments": ["tested_at"],
            "fraction": True,
        },
        {"kind": "full", "status": "success"},
    ],
    "counts": [2, 0, 1],
    "codes": "#$#",
    # 1,795,000,000 minus a day; a day later, minus a day; a day minus 10 seconds before that, minus a day.
    "times": [1_794_913_600, 0, 10 - 86_400 - 86_400],
    "moments": {"tested_at": [3_600]},
    # 301 has nine bits, so it is shifted by one (1 * 128) to 150. 5 is stored unchanged.
    "sizes": [278, 5],
    "undated": [[1, 2, 2]],
    "in_future": [[1, 3]],
}
