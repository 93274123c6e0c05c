# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assessments for the evidence tests, evaluated by the real engine from read results with all kinds of content."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import Failure
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from tests.unit.plugins.module_utils._policy.policy_points import EMPTY, NOW, VERSION, Row, ago, point, read, row

# Hostile names that a workload may have.
HOSTILE = (
    "<script>document.title='owned'</script>",
    "=cmd|' /C calc'!A0",
    " +1+1",
    "quote \" and ' and \\ and `tick` | pipe",
    "line\nbreak\r\ttab",
    "right\u202eto left\u2066",
    "nul\x00 bell\x07 escape\x1b[2J",
    "lone \ud800 surrogate",
    "not a character \ufffe\uffff",
    "x" * 300,
    "\U0001f4be \u5099\u4efd",
    "]]>--> &amp; %{jndi} {{ 1 + 1 }} {% raw %}",
    "</script><img src=x onerror=document.title='owned'>",
    "**bold** [link](javascript:alert(1)) @someone #1",
)
POLICY: dict[str, Any] = {
    "policies": [
        {
            "name": "gold <&>",
            "match": {"workload_name": "gold*"},
            "policy": {"recovery_points": {"min_count": 7, "max_age": "6h"}},
        },
        {
            "name": "silver",
            "policy": {
                "recovery_points": {"min_count": 7, "max_age": {"limit": "26h", "warn_at": "80%"}},
                "offsite": {"min_count": 1, "on_unknown": "warn"},
                "encrypted": {"all": True, "on_unknown": "ignore"},
            },
        },
    ]
}
POLICY_OPTIONS: dict[str, Any] = {
    "expected": ["web01", "missing.example.com"],
    "exclude": [{"match": {"workload_name": "scratch"}, "reason": "thrown away | each night"}],
    "waivers": [
        {"workload": "moved", "control": "*", "until": "2026-12-31", "reason": "moves <soon>"},
        {"workload": "late", "control": "*", "until": "2026-01-01", "reason": "was to be removed"},
    ],
}
UNREAD = {"server": {"host": "dark.example.com"}, "failure": "the log-in was rejected <b>now</b>"}


# Points of a good workload, one letter for each day. 12 of them are usable recovery points.
TIMELINE = "FIIIIIBF.i..SRAII"
_KINDS = {
    "F": "full",
    "D": "differential",
    "I": "incremental",
    "B": "backup",
    "A": "archive",
    "R": "replica",
    "S": "snapshot",
}


def daily_points(letters: str = TIMELINE, *, days: int = 0, hours: int = 5, **facts: Any) -> list[RecoveryPoint]:
    """Build one point a day for each letter except dots; lower case means unusable. The newest has this age."""
    given = {"offsite": True, "encrypted": True, **facts}
    return [
        point(days=days + ago_days, hours=hours, kind=_KINDS[letter.upper()], usable=letter.isupper(), **given)
        for ago_days, letter in enumerate(reversed(letters))
        if letter != "."
    ]


def point_row(name: str, points: Iterable[RecoveryPoint] | None = None, **identity: Any) -> Row:
    """Build a workload, by default one that meets all requirements of POLICY."""
    given = {"name": name, "id": f"id of {name}", "in_inventory": True, **identity}
    return row(daily_points() if points is None else points, **given)


def rows() -> list[Row]:
    """Build one workload for each outcome."""
    unencrypted = [point(days=day, hours=5, offsite=True) for day in (20, 21)]
    return [
        point_row("web01"),
        point_row("gold-db"),
        point_row("nearly", daily_points(hours=25)),
        point_row("offsite unknown", daily_points(offsite=None)),
        point_row("encryption unknown", [*daily_points(), *unencrypted]),
        point_row("late", daily_points(days=4, hours=0)),
        point_row("moved", daily_points(days=4, hours=0)),
        point_row("scratch"),
        point_row("never", EMPTY),
    ]


def compressed_assessment(
    *read_results: dict[str, Any], policy: Any = None, timelines: bool = True, **options: Any
) -> str:
    """Return the compressed assessment of read results (a failed one has ``failure``)."""
    result = [
        Failure(one["server"]["host"], one["failure"]) if "failure" in one else open_result(one) for one in read_results
    ]
    return assess(
        result, policy or POLICY, as_of=NOW, collection_version=VERSION, options=options, timelines=timelines
    ).compress()


def server(host: str, *workload_rows: Row) -> dict[str, Any]:
    """Build the read result of a server with all server fields."""
    known = {"host": host, "version": "12.3.1", "time": ago(), "clock_skew_seconds": 0}
    return read(*(dataclasses.replace(one, host=host) for one in workload_rows), server=known)


@functools.cache
def estate() -> str:
    """Build two servers and one that could not be read, with every result, every certainty, and hostile names."""
    hostile = [point_row(name) for name in HOSTILE]
    return compressed_assessment(
        server("vbr1.example.com", *rows()), server("vbr2 \u202e<i>|", *hostile), UNREAD, **POLICY_OPTIONS
    )


@functools.cache
def healthy() -> str:
    """Build one server on which every workload passes."""
    return compressed_assessment(server("vbr1.example.com", point_row("web01"), point_row("web02")), expected=["web01"])


@functools.cache
def unknown_only() -> str:
    """Build a workload with unknown encryption, which the policy ignores or only warns about."""
    points = daily_points(encrypted=None, offsite=None)
    return compressed_assessment(server("vbr1.example.com", point_row("web01", points)))


def plain(compressed: str) -> dict[str, Any]:
    """Decompress the assessment without sanitizing its texts."""
    return open_assessment(compressed)


@functools.cache
def large(workloads: int = 5000) -> str:
    """Build different workloads on five servers. Every seventh is late."""
    read_results = []
    for number in range(5):
        made = []
        for index in range(number, workloads, 5):
            days, hours = (2, 0) if index % 7 == 0 else (0, 3)
            points = daily_points("FIIIIII" * 2, days=days, hours=hours)
            for one in points:
                one.created -= index * SECOND
            made.append(point_row(f"vm-{index:05d}.example.com", points))
        read_results.append(server(f"vbr{number}.example.com", *made))
    return compressed_assessment(*read_results)
