# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A history of the assessments of the evidence tests, and its trend as compliance_history returns it."""

from __future__ import annotations

import base64
import functools
import json
import tempfile
import zlib
from pathlib import Path
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._history.store import History
from ansible_collections.backup.audit.plugins.module_utils._history.trend import build_trend
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.history_record import build_record
from tests.unit.plugins.module_utils._policy.policy_points import NOW
from tests.unit.plugins.plugin_utils.assessments import estate

DAYS = 4


def pack(trend: dict[str, Any]) -> dict[str, Any]:
    """Return a registered result with this trend."""
    return {"changed": True, "trend": base64.b64encode(zlib.compress(json.dumps(trend).encode())).decode()}


@functools.cache
def estate_history() -> dict[str, Any]:
    """Build four days: ``web01`` failed on the first, and ``late`` only on the last three.

    A line of the history is damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        history = History(folder, clock=lambda: NOW / SECOND)
        for day in range(DAYS, -1, -1):
            record = build_record(estate())
            record["time"] = format_time(NOW - day * DAY * SECOND)
            if day:
                record["assessment_sha256"] = f"{day:064}"
            statuses = {"web01": "failed"} if day == DAYS else {}
            if day == DAYS:
                statuses["late"] = "compliant"
            for workload in record["workloads"]:
                workload[-1] = statuses.get(workload[3], workload[-1])
            with history.locked():
                history.append(record, 400 * DAY)
        month = format_time(parse_time(record["time"]))[:7]
        with Path(folder, f"{month}.jsonl").open("a", encoding="utf-8") as file:
            file.write("<b>no line</b>\n")
        with history.locked():
            return pack(build_trend(history, "26h", "7d"))
