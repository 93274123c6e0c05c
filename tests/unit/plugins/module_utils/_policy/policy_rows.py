# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows and read results for the policy tests: written by hand, so that each test shows its facts."""

from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.result import seal, unpack
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess

# title, row, policy, result, part of the message
Case = tuple[str, dict[str, Any], dict[str, Any], str, str]

# A Saturday.
NOW = parse_time("2026-11-21T07:00:00Z")
VERSION = "1.2.3"
WINDOWS = ("7d", "14d", "31d", "92d", "366d", "all")


def ago(days: float = 0, hours: float = 0, seconds: float = 0) -> str:
    """Return the time that long before NOW."""
    return format_time(NOW - round((days * DAY + hours * HOUR + seconds) * SECOND))


def gaps(**known: int) -> dict[str, int]:
    """Build gaps: one for all windows (``every``), or one for each named window (``w14d``)."""
    if "every" in known:
        return dict.fromkeys(WINDOWS, known["every"])
    return {name.lstrip("w"): gap for name, gap in known.items()}


def row(**members: Any) -> dict[str, Any]:
    """Build a workload with 30 daily points, the newest 5 hours old; None removes a key."""
    healthy: dict[str, Any] = {
        "source": "vbr1",
        "workload_id": "id-1",
        "workload_name": "web01",
        "workload_type": "vm",
        "platform": "vmware",
        "recovery_points": 30,
        "newest": ago(hours=5),
        "oldest": ago(days=30),
        "gaps": gaps(every=25 * HOUR),
        "calendar": {"days": 30, "weeks": 5, "months": 2, "years": 1},
        "by_kind": {"incremental": 30},
        "facets": {"recovery_points": {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30)}},
    }
    healthy.update(members)
    return {name: value for name, value in healthy.items() if value is not None}


def with_facet(name: str, facts: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Build a healthy row with these facts about one facet."""
    return row(facets={**row()["facets"], name: facts}, **members)


def read(*rows: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Build a complete read result of vbr1, read at NOW."""
    made: dict[str, Any] = {
        "schema": "backup.audit/read/1",
        "server": {"host": "vbr1", "product": "veeam_backup_replication", "scope": {"inventory": True}},
        "read_at": format_time(NOW),
        "window": {},
        "complete": True,
        "errors": [],
        "workloads": list(rows),
        "totals": {},
    }
    made.update(members)
    return seal(made)


def evaluate(reads: Any, policy: Any, *, as_of: int = NOW, **options: Any) -> Assessment:
    """Evaluate a read result, a row, or a list of read results."""
    if isinstance(reads, dict):
        reads = [reads if "schema" in reads else read(reads)]
    return assess([unpack(one) for one in reads], policy, as_of=as_of, collection_version=VERSION, options=options)


def findings(reads: Any, policy: Any, **given: Any) -> list[dict[str, Any]]:
    """Return all findings about workloads (without those about the read itself)."""
    assessment = evaluate(reads, policy, **given).plain()["findings"]
    return [finding for finding in assessment if not finding["control"].startswith("read.")]


def finding(reads: Any, policy: Any, **given: Any) -> dict[str, Any]:
    """Return the one finding about the one workload."""
    (only,) = findings(reads, policy, **given)
    return only


def messages(result: list[dict[str, Any]], control: str) -> list[tuple[str, str]]:
    """(result, message) of the findings of one control."""
    return [(one["result"], one["message"]) for one in result if one["control"] == control]


SEVEN = {"recovery_points": {"minimum": 7}}
# 30 points, and 2 for which the product does not report whether they are usable.
UNSURE = {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30), "unknown": 2}
# A workload that was never backed up.
EMPTY = row(
    recovery_points=0,
    newest=None,
    oldest=None,
    gaps=None,
    calendar=None,
    by_kind=None,
    facets={"recovery_points": {"count": 0}, "full": {"count": 0}},
)
# A workload with only the number of points.
COUNTS = row(newest=None, oldest=None, gaps=None, calendar=None, by_kind=None, facets=None)
