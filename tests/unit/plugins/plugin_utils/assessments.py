# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assessments for the evidence tests, evaluated by the real engine from read results with all kinds of content."""

from __future__ import annotations

import functools
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from tests.unit.plugins.module_utils._policy.policy_rows import EMPTY, NOW, UNSURE, VERSION, ago, read, row

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


def point_row(name: str, **members: Any) -> dict[str, Any]:
    """Build a workload that meets all requirements of POLICY."""
    attribute = {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30)}
    known = dict.fromkeys(("recovery_points", "offsite", "encrypted"), attribute)
    given = {"workload_name": name, "workload_id": f"id of {name}", "attributes": known, "history": "FIIIIIIF.i..SRAII"}
    return row(**{**given, **members})


def rows() -> list[dict[str, Any]]:
    """Build one workload for each outcome."""
    good = point_row("web01")
    attributes = good["attributes"]
    old = {"count": 30, "newest": ago(hours=25), "oldest": ago(days=30)}
    return [
        good,
        point_row("gold-db"),
        point_row("nearly", newest=ago(hours=25), attributes={**attributes, "recovery_points": old}),
        point_row("offsite unknown", attributes={**attributes, "offsite": {"unknown": 30}}),
        point_row("encryption unknown", attributes={**attributes, "encrypted": UNSURE}),
        point_row(
            "late", newest=ago(days=4), attributes={**attributes, "recovery_points": {**old, "newest": ago(days=4)}}
        ),
        point_row(
            "moved", newest=ago(days=4), attributes={**attributes, "recovery_points": {**old, "newest": ago(days=4)}}
        ),
        point_row("scratch"),
        {**EMPTY, "workload_name": "never", "workload_id": "id of never", "history": ""},
    ]


def compressed_assessment(*read_results: dict[str, Any], policy: Any = None, **options: Any) -> str:
    """Return the compressed assessment of read results (a failed one has ``failure``)."""
    result = [one if "failure" in one else open_result(one) for one in read_results]
    return assess(result, policy or POLICY, as_of=NOW, collection_version=VERSION, options=options).compress()


def server(host: str, *workload_rows: dict[str, Any]) -> dict[str, Any]:
    """Build the read result of a server with all server fields."""
    known = {
        "host": host,
        "product": "veeam_backup_replication",
        "version": "12.3.1",
        "time": ago(),
        "clock_skew_seconds": 1.5,
        "scope": {"inventory": True},
    }
    return read(*({**one, "source": host} for one in workload_rows), server=known)


@functools.cache
def estate() -> str:
    """Two servers and one that could not be read: every result, every certainty, and hostile names."""
    hostile = [point_row(name) for name in HOSTILE]
    return compressed_assessment(
        server("vbr1.example.com", *rows()), server("vbr2 \u202e<i>|", *hostile), UNREAD, **POLICY_OPTIONS
    )


@functools.cache
def healthy() -> str:
    """One server on which every workload passes."""
    return compressed_assessment(server("vbr1.example.com", point_row("web01"), point_row("web02")), expected=["web01"])


@functools.cache
def unknown_only() -> str:
    """A workload with unknown encryption, which the policy ignores or only warns about."""
    attributes = {**point_row("a")["attributes"], "encrypted": {"unknown": 30}, "offsite": {"unknown": 30}}
    return compressed_assessment(server("vbr1.example.com", point_row("web01", attributes=attributes)))


def plain(compressed: str) -> dict[str, Any]:
    """Decompress the assessment without sanitizing its texts."""
    return open_assessment(compressed)


@functools.cache
def large(workloads: int = 5000) -> str:
    """That many workloads on five servers; every seventh is late, and all of them differ."""
    read_results = []
    for number in range(5):
        made = []
        for index in range(number, workloads, 5):
            newest = ago(days=2, seconds=index) if index % 7 == 0 else ago(hours=3, seconds=index)
            attributes = {
                **point_row("a")["attributes"],
                "recovery_points": {"count": 30, "newest": newest, "oldest": ago(days=30)},
            }
            made.append(
                point_row(f"vm-{index:05d}.example.com", newest=newest, attributes=attributes, history="FIIIIII" * 8)
            )
        read_results.append(server(f"vbr{number}.example.com", *made))
    return compressed_assessment(*read_results)
