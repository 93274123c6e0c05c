# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads with recovery points, and read results, for the policy tests."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import point_class
from ansible_collections.backup.audit.plugins.module_utils._collect.result import SCHEMA, open_result, seal
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess

# A Saturday.
NOW = parse_time("2026-11-21T07:00:00Z")
VERSION = "1.2.3"
SEVEN = {"recovery_points": {"min_count": 7}}
_UNKNOWN_TEXT = re.compile(
    r"cannot verify that [^:]+: .+"
    r"|[^:]+ unknown \((?:(?:maximum|minimum) [^:()]+|at least [^:()]+ required|at most [^:()]+ allowed)\): .+"
    r"|[^:]+: [0-9]+ known, at (?:least [0-9]+ required|most [0-9]+ allowed); .+"
)
_PLACEHOLDER = re.compile("[\0-\x1f]")
_ids = itertools.count()


@dataclasses.dataclass
class Row:
    """A workload and its points."""

    workload: Workload
    points: list[RecoveryPoint]
    # Number of points that were only counted.
    counted: int = 0
    host: str = "vbr1"


def is_unknown_text(message: str) -> bool:
    """Return whether a message of an unknown result has all parts: the value, the requirement, and the reason."""
    return _UNKNOWN_TEXT.fullmatch(message) is not None


def has_placeholder(message: str) -> bool:
    """Return whether a message has a placeholder that was not filled in."""
    return _PLACEHOLDER.search(message) is not None


def moment(days: float = 0, hours: float = 0, seconds: float = 0) -> int:
    """Return the time that long before NOW, in microseconds."""
    return NOW - round((days * DAY + hours * HOUR + seconds) * SECOND)


def ago(days: float = 0, hours: float = 0, seconds: float = 0) -> str:
    """Return the time that long before NOW, as text."""
    return format_time(moment(days, hours, seconds))


def point(days: float = 0, hours: float = 0, seconds: float = 0, **facts: Any) -> RecoveryPoint:
    """Build a usable incremental point of that age; ``locations``: names, or (name, type)."""
    given = {"kind": "incremental", "status": "success", "usable": True, **facts}
    locations = given.pop("locations", None)
    if locations is not None:
        pairs = [(one, None) if isinstance(one, str) or one is None else one for one in locations]
        given["copies"] = [Copy(location=name, location_type=kind) for name, kind in pairs]
    return RecoveryPoint(
        **{"id": f"p{next(_ids)}", "workload": Workload(), "created": moment(days, hours, seconds), **given}
    )


def nightly(nights: int = 30, **facts: Any) -> list[RecoveryPoint]:
    """Build a point for each of the last nights, the newest 5 hours old."""
    return [point(days=night, hours=5, **facts) for night in range(nights)]


def row(points: Iterable[RecoveryPoint] | None = None, *, counted: int = 0, host: str = "vbr1", **identity: Any) -> Row:
    """Build a workload, by default web01 with 30 nightly points."""
    known = {"id": "id-1", "name": "web01", "type": "vm", "platform": "vmware"}
    return Row(Workload(**{**known, **identity}), list(nightly() if points is None else points), counted, host)


EMPTY: Sequence[RecoveryPoint] = ()


def read(*rows: Row, server: dict[str, Any] | None = None, compress: bool = False, **members: Any) -> dict[str, Any]:
    """Build a complete read result of vbr1, read at NOW; ``server`` and ``members`` replace its fields."""
    host = rows[0].host if rows else "vbr1"
    at = parse_time(members.get("read_at", format_time(NOW)))
    summary = Summary(host, at)
    for one in rows:
        summary.add_workload(one.workload)
        for each in one.points:
            summary.add(dataclasses.replace(each, workload=one.workload))
        if one.counted:
            counted = point(usable=True, kind="unknown", status="unknown")

            summary.add_count(one.workload, point_class(counted), one.counted)
    listed, blocks = summary.build()
    known = {
        "host": host,
        "product": "veeam_backup_replication",
        "scope": {"inventory": True},
        "inventory_types": ["vm"],
    }
    made: dict[str, Any] = {
        "schema": SCHEMA,
        "server": {**known, **(server or {})},
        "read_at": format_time(NOW),
        "selection": {},
        "complete": True,
        "errors": [],
        "workloads": listed,
        "totals": {},
    }
    made.update(members)
    return seal(made, blocks, compress=compress)


def evaluate(
    read_results: Any, policy: Any, *, as_of: int = NOW, restore_tests: Any = (), **options: Any
) -> Assessment:
    """Evaluate a row, a read result, or a list of both."""
    given = read_results if isinstance(read_results, list) else [read_results]
    sealed = [read(one) if isinstance(one, Row) else one for one in given]
    return assess(
        [open_result(one) for one in sealed],
        policy,
        as_of=as_of,
        collection_version=VERSION,
        options=options,
        restore_tests=restore_tests,
    )


def findings(read_results: Any, policy: Any, **given: Any) -> list[dict[str, Any]]:
    """Return all findings of rules, without those about data and about workloads without proof."""
    assessment = evaluate(read_results, policy, **given).plain()["findings"]
    return [finding for finding in assessment if not finding["control"].startswith(("data.", "policy.proof"))]


def finding(read_results: Any, policy: Any, **given: Any) -> dict[str, Any]:
    """Return the one finding about the one workload."""
    (only,) = findings(read_results, policy, **given)
    return only


def result(points: Iterable[RecoveryPoint], rules: dict[str, Any], **given: Any) -> str:
    """Return the result of the only rule for a workload with these points."""
    return str(finding(row(points), rules, **given)["result"])


def messages(found: list[dict[str, Any]], control: str) -> list[tuple[str, str]]:
    """(result, message) of the findings of one control."""
    return [(one["result"], one["message"]) for one in found if one["control"] == control]
