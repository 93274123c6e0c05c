# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helpers to build and evaluate an environment with few rows."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from tests.reference.estate import Estate, Point, RestoreTest, Result, WorkloadRow
from tests.reference.evaluator import Assessment, evaluate

HOUR = 3600
DAY = 86400


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp())


# A Thursday.
AS_OF = at("2027-06-17T08:00:00")
SUNDAY, MONDAY, TUESDAY, WEDNESDAY = (at(f"2027-06-{day}T22:00:00") for day in [13, 14, 15, 16])


def build_row(points: list[Point], **changes: Any) -> WorkloadRow:
    row = WorkloadRow(
        origin=None,
        workload_id="1",
        workload_name="web01",
        workload_type="vm",
        platform="vmware",
        in_inventory=True,
        points=points,
    )
    return replace(row, **changes)


def build_result(rows: list[WorkloadRow], **changes: Any) -> Result:
    result = Result(
        host="backup.example.com",
        product="restic",
        identity=None,
        clock_skew_seconds=0,
        inventory=True,
        failed_runs=True,
        read_at=AS_OF,
        since=None,
        until=None,
        selection={},
        complete=True,
        sha256="0" * 64,
        workloads=rows,
    )
    result = replace(result, **changes)
    # Only the same read result has the same digest.
    return replace(result, **{"sha256": hashlib.sha256(repr(result).encode()).hexdigest(), **changes})


def assess(
    policy: dict[str, Any], *results: Result, tests: list[RestoreTest] | None = None, **options: Any
) -> Assessment:
    as_of = options.pop("as_of", AS_OF)
    return evaluate(Estate(list(results), policy, options, as_of, tests or []))


def results(assessment: Assessment, control: str) -> list[str]:
    return [finding.result for finding in assessment.findings if finding.control == control]


def check(attribute: str, rule: str, value: Any, points: list[Point], **changes: Any) -> str:
    """Return the result of one rule for one row. Changes apply to the row, the result, the policy or the options."""
    row_keys = ["in_inventory", "counted"]
    result_keys = ["since", "until", "read_at", "clock_skew_seconds", "failed_runs", "complete"]
    entries = {rule: value, **changes.pop("entries", {})}
    policy: dict[str, Any] = {**changes.pop("policy", {})}
    if attribute.startswith("backup_types."):
        policy["backup_types"] = {attribute.removeprefix("backup_types."): entries}
    else:
        policy[attribute] = {**policy.get(attribute, {}), **entries}
    row = build_row(points, **{key: changes.pop(key) for key in row_keys if key in changes})
    result = build_result([row], **{key: changes.pop(key) for key in result_keys if key in changes})
    (found,) = results(assess(policy, result, **changes), f"{attribute}.{rule}")
    return found


def t(*times: int, **changes: Any) -> list[Point]:
    return [Point(time, **changes) for time in times]


def u(*times: int) -> list[Point]:
    return t(*times, usable=None)


UNDATED = Point(0, usable=None)
