# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers for tests of the summary: build points and aggregate them to rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.periods import Calendar
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


def rows(points: Iterable[RecoveryPoint], **more: Any) -> list[dict[str, Any]]:
    summary = Summary("backup.example", "spp", NOW, Calendar(), **more)
    for each in points:
        summary.add(each)
    return summary.rows()


def row(*points: RecoveryPoint, **more: Any) -> dict[str, Any]:
    (only,) = rows(points, **more)
    return only
