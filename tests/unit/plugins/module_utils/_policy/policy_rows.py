# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows and read results for the policy tests: written by hand, so that each test shows its facts."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result, seal
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess

# title, row, policy, result, part of the message
Case = tuple[str, dict[str, Any], dict[str, Any], str, str]

# A Saturday.
NOW = parse_time("2026-11-21T07:00:00Z")
VERSION = "1.2.3"
WINDOWS = ("7d", "14d", "31d", "92d", "366d", "all")
# Texts of an unknown outcome of a rule without a measured value, of a value, and of a count.
_UNKNOWN_TEXT = re.compile(
    r"cannot verify that [^:]+: .+"
    r"|[^:]+ unknown \((?:(?:maximum|minimum) [^:()]+|at least [^:()]+ required)\): .+"
    r"|[^:]+: [0-9]+ known, at least [0-9]+ required; .+"
)
_PLACEHOLDER = re.compile("[\0-\x1f]")


def is_unknown_text(message: str) -> bool:
    """Whether a message is that of an unknown outcome: what is unknown, the requirement, and the reason."""
    return _UNKNOWN_TEXT.fullmatch(message) is not None


def has_placeholder(message: str) -> bool:
    """Whether a message has a placeholder that was not filled in."""
    return _PLACEHOLDER.search(message) is not None


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
        "attributes": {"recovery_points": {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30)}},
    }
    healthy.update(members)
    return {name: value for name, value in healthy.items() if value is not None}


def with_attribute(name: str, facts: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Build a healthy row with these facts about one attribute."""
    return row(attributes={**row()["attributes"], name: facts}, **members)


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


def evaluate(read_results: Any, policy: Any, *, as_of: int = NOW, **options: Any) -> Assessment:
    """Evaluate a read result, a row, or a list of read results."""
    if isinstance(read_results, dict):
        read_results = [read_results if "schema" in read_results else read(read_results)]
    return assess(
        [open_result(one) for one in read_results], policy, as_of=as_of, collection_version=VERSION, options=options
    )


def findings(read_results: Any, policy: Any, **given: Any) -> list[dict[str, Any]]:
    """Return all findings of rules (without those about data, and those that no rule is proved for a workload)."""
    assessment = evaluate(read_results, policy, **given).plain()["findings"]
    return [finding for finding in assessment if not finding["control"].startswith(("data.", "policy.proof"))]


def finding(read_results: Any, policy: Any, **given: Any) -> dict[str, Any]:
    """Return the one finding about the one workload."""
    (only,) = findings(read_results, policy, **given)
    return only


def messages(result: list[dict[str, Any]], control: str) -> list[tuple[str, str]]:
    """(result, message) of the findings of one control."""
    return [(one["result"], one["message"]) for one in result if one["control"] == control]


SEVEN = {"recovery_points": {"min_count": 7}}
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
    attributes={"recovery_points": {"count": 0}, "full": {"count": 0}},
)
# A workload with only the number of points.
COUNTS = row(newest=None, oldest=None, gaps=None, calendar=None, by_kind=None, attributes=None)
