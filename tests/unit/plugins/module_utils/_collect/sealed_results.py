# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers for tests of read results: sealed results, also with invalid data."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect import result as result_module
from ansible_collections.backup.audit.plugins.module_utils._collect.result import (
    IDENTITY,
    SCHEMA,
    ReadResult,
    canonical_json,
    pack,
    seal,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY

NAN, INFINITY = float("nan"), float("inf")


def values(*each: Any) -> tuple[Any, ...]:
    """Return values of different types."""
    return each


# Two workloads: two full backups a day apart, and one an hour after the first.
BLOCK: dict[str, Any] = {
    "classes": [{"kind": "full", "status": "success", "usable": True}],
    "counts": [2, 1],
    "codes": "###",
    "times": [1_795_000_000 - DAY, 0, 3600 - 2 * DAY],
}
ROWS: list[dict[str, Any]] = [
    {
        "source": "backup.example",
        "origin": "vbr1",
        "workload_id": "1",
        "workload_name": "db01",
        "workload_type": "vm",
        "platform": "vmware",
        "vendor_platform": "VMware",
        "in_inventory": False,
        "recovery_points": 2,
        "attributes": {"full": {"count": 2}},
    },
    {"source": "backup.example", "workload_name": "Zürich", "recovery_points": 1},
]
IDENTITIES = [
    {name: ROWS[0].get(name) for name in IDENTITY},
    {**dict.fromkeys(IDENTITY), "source": "backup.example", "workload_name": "Zürich"},
]


def a_read(**more: Any) -> dict[str, Any]:
    """Return a small read result, as the collector builds it before it is sealed."""
    return {
        "schema": SCHEMA,
        "server": {"host": "backup.example", "product": "spp", "scope": {"inventory": True}},
        "read_at": "2026-11-21T06:49:00Z",
        "selection": {"since": "2026-11-01T00:00:00Z"},
        "complete": True,
        "errors": [],
        "workloads": copy.deepcopy(ROWS),
        "totals": {"workloads": 2, "recovery_points": 3},
        **more,
    }


def sealed(*, compress: bool = False, blocks: Iterable[dict[str, Any]] = (BLOCK,), **more: Any) -> dict[str, Any]:
    return {**seal(a_read(**more), list(blocks), compress=compress), "http_requests": {"count": 4, "seconds": 0.25}}


def forge(*, points: Iterable[bytes] = (), identities: Iterable[bytes] | None = None, **more: Any) -> dict[str, Any]:
    """Return a result with any data and a matching digest, as a forged file could contain it."""
    read, points = a_read(**more), list(points)
    if identities is None:
        rows = [canonical_json(part) for part in result_module._identity_blocks(read["workloads"])]
    else:
        del read["workloads"]
        rows = list(identities)
        read["data"] = [pack(data) for data in rows]
    return {**read, "points": [pack(data) for data in points], "sha256": result_module._digest(read, rows, points)}


def content(opened: ReadResult) -> dict[str, Any]:
    """Return everything in a read result that a policy uses."""
    blocks = [
        (block.classes, block.counts, block.codes, block.times, block.undated, block.in_future, block.sizes())
        for block in opened.blocks()
    ]
    return {"frame": dict(opened.frame), "rows": list(opened.identities()), "blocks": blocks}


def incompressible(size: int) -> bytes:
    return random.Random(7).randbytes(size)
