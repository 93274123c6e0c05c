# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers for tests of the summary: build points and aggregate them to rows and blocks."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import CODES, Block
from ansible_collections.backup.audit.plugins.module_utils._collect.result import canonical_json
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, format_time, parse_time

NOW = parse_time("2026-11-21T06:49:00Z")
DB01: dict[str, Any] = {"id": "1", "name": "db01", "type": "vm", "platform": "vmware"}
_numbers = itertools.count()


def ago(days: float) -> int:
    return NOW - round(days * DAY * SECOND)


def shown(days: float) -> str:
    return format_time(ago(days))


def point(days: float = 1, **more: Any) -> RecoveryPoint:
    """Return a usable full backup of db01, ``days`` days old."""
    facts = {"kind": "full", "status": "success", "usable": True, "workload": Workload(**DB01), **more}
    return RecoveryPoint(**{"id": f"p{next(_numbers)}", "created": ago(days), **facts})


def build(points: Iterable[RecoveryPoint]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    summary = Summary("backup.example", NOW)
    for each in points:
        summary.add(each)
    found, blocks = summary.build()
    return found, list(blocks)


def rows(points: Iterable[RecoveryPoint]) -> list[dict[str, Any]]:
    return build(points)[0]


def row(*points: RecoveryPoint) -> dict[str, Any]:
    (only,) = rows(points)
    return only


def decode(block: dict[str, Any], path: str = "points[0]") -> Block:
    """Return a block as the policy gets it, after a round trip through JSON."""
    return Block(json.loads(canonical_json(block)), path)


def contents(blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the contents of blocks by workload, sorted independently of the order of equal times."""
    found = []
    for block in map(decode, blocks):
        sizes = block.sizes()
        moments = {
            name: dict(zip(places, values, strict=True)) for name, (places, values) in block.moments.items() if values
        }
        for number, (start, end) in enumerate(itertools.pairwise(block.starts)):
            points = [
                (
                    block.times[index],
                    repr(block.classes[CODES.index(block.codes[index])]),
                    sizes.get(index),
                    sorted((name, values[index]) for name, values in moments.items() if index in values),
                )
                for index in range(start, end)
            ]
            undated = [(repr(block.classes[code]), count) for code, count in block.undated.get(number, [])]
            found.append(
                {
                    "points": sorted(points, key=repr),
                    "undated": sorted(undated),
                    "in_future": block.in_future.get(number, 0),
                }
            )
    return found
