# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of runs for the tests of histories."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._history.store import History
from ansible_collections.backup.audit.plugins.module_utils._history.trend import build_trend

KEEP = 400 * DAY
# The clock of the host, after all runs of the tests.
CLOCK = "2027-01-01T00:00:00Z"


def history(folder: Path, clock: str = CLOCK) -> History:
    """Open the history in a folder at this time."""
    return History(str(folder), clock=lambda: parse_time(clock) / SECOND)


def record(time: str, statuses: dict[str, str], **frame: Any) -> dict[str, Any]:
    """Build the record of a run in which vbr1 lists these workloads; a name may be ``server/name`` or ``name:tier``."""
    workloads = []
    for name, status in statuses.items():
        source, _slash, rest = name.rpartition("/")
        workload, _colon, tier = rest.partition(":")
        workloads.append([source or "vbr1", None, f"id-{workload}", workload, tier or None, status])
    text = repr((time, statuses, frame))
    return {
        "time": f"{time}Z" if "T" in time else f"{time}T00:00:00Z",
        "assessment_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "policy_sha256": "p" * 64,
        "collection_version": "2.0.0",
        "compliant": set(statuses.values()) <= {"compliant"},
        "limited": False,
        "unread": [],
        "complete_sources": ["vbr1"],
        "controls": [],
        "tiers": {},
        "workloads": workloads,
        **frame,
    }


def add(folder: Path, *records: dict[str, Any], clock: str = CLOCK) -> None:
    """Add runs to the history in a folder."""
    for one in records:
        opened = history(folder, clock)
        with opened.locked():
            assert opened.append(one, KEEP)


def trend(folder: Path, *, max_status_age: str = "26h", since: str = "7d", clock: str = CLOCK) -> dict[str, Any]:
    """Return the trend of the history in a folder."""
    return build_trend(history(folder, clock), max_status_age, since)


def by_name(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the workloads of a trend by name."""
    return {one["workload_name"]: one for one in found["workloads"]}


def states(folder: Path, clock: str = CLOCK) -> list[dict[str, str]]:
    """Return name -> letter after each run, in chronological order."""
    runs = history(folder, clock).runs()
    return [{str(entry.identity[3]): entry.letter for entry in run.state.values()} for run in runs]
