# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as Markdown, for merge requests, tickets and mail: overall result first, then the worst workloads."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._core.times import format_duration
from ansible_collections.backup.audit.plugins.module_utils._policy.language.scope import EXCLUDED
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    WORST_FIRST,
    Json,
    control_lines,
    counted,
    data_problems,
    display_name,
    findings_by_workload,
    is_superseded_note,
    policy_text,
    problem_text,
    read_lines,
    waiver_text,
    workload_identity,
    workloads_worst_first,
)

# All ASCII punctuation can be escaped in Markdown. Letters and digits alone have no special meaning.
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# These need not be escaped in a heading, which is also readable as plain text in mails.
_UNNECESSARY_ESCAPE = re.compile(r"\\([,:;])")


def to_markdown(assessment: Json, *, max_rows: int = 100) -> str:
    """Render at most ``max_rows`` workloads, worst first, and the number of the others."""
    return "\n".join(
        [
            f"# {_heading(assessment['headline'])}",
            "",
            f"As of {_escape(assessment['as_of'])}.",
            "",
            *_unread(assessment),
            *_workloads(assessment, max_rows),
            *_controls(assessment),
            *_exclusions(assessment),
            *_waivers(assessment),
            *_basis(assessment),
        ]
    )


def _unread(assessment: Json) -> list[str]:
    """List problems that belong to no listed workload, on which other results depend."""
    messages = [problem_text(finding) for finding in data_problems(assessment)]
    return [*(f"> **{_escape(message)}**\n>" for message in messages), ""] if messages else []


def _workloads(assessment: Json, max_rows: int) -> list[str]:
    rows = workloads_worst_first(assessment)
    findings = findings_by_workload(assessment["findings"])
    lines = ["## Workloads", "", *_header("result", "workload", "source", "points", "newest", "age", "reason")]
    for workload in rows[:max_rows]:
        found = findings[workload_identity(workload)]
        reasons = [one["message"] for one in found if one["result"] != "pass" and not is_superseded_note(one)]
        total = f"{len(found)} of {len(found)} controls passed"
        age = workload["newest_age_seconds"]
        lines.append(
            _row(
                workload["verdict"],
                display_name(workload),
                workload["source"],
                workload["recovery_points"],
                workload["newest"],
                None if age is None else format_duration(age),
                "; ".join(reasons) or total,
            )
        )
    left = len(rows) - max_rows
    more = [f"... and {counted(left, 'more workload')}, none with a worse result.", ""]
    return [*lines, "", *(more if left > 0 else [])]


def _controls(assessment: Json) -> list[str]:
    lines = ["## Controls", "", *_header("control", *WORST_FIRST, "references")]
    for control in control_lines(assessment):
        counts = control.counts
        lines.append(_row(control.title, *(counts[name] for name in WORST_FIRST), ", ".join(control.references)))
    return [*lines, ""]


def _exclusions(assessment: Json) -> list[str]:
    excluded = [finding for finding in assessment["findings"] if finding["control"] == EXCLUDED]
    if not excluded:
        return []
    lines = ["## Exclusions", "", *_header("workload", "source", "reason")]
    return [*lines, *(_row(display_name(one), one["source"], one["message"]) for one in excluded), ""]


def _waivers(assessment: Json) -> list[str]:
    waived = [finding for finding in assessment["findings"] if finding["waiver"] is not None]
    if not waived:
        return []
    lines = ["## Waivers", "", *_header("workload", "source", "control", "result", "waiver")]
    for finding in waived:
        waiver = waiver_text(finding["waiver"])
        lines.append(_row(display_name(finding), finding["source"], finding["control"], finding["result"], waiver))
    return [*lines, ""]


def _basis(assessment: Json) -> list[str]:
    names = ("source", "product", "version", "read_at", "window", "complete", "sha256", "failure")
    read_results = [read.facts() for read in read_lines(assessment)]
    policy = policy_text(assessment, indent=2)
    # A fence must be longer than any run of backticks in the text.
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", policy)), default=0))
    return [
        "## Basis of this report",
        "",
        *_header(*(name.replace("_", " ") for name in names)),
        *(_row(*(facts.get(name) for name in names)) for facts in read_results),
        "",
        f"Evaluated by backup.audit {_escape(assessment['collection_version'])}.",
        f"SHA-256 of the effective policy: {_escape(assessment['policy_sha256'])}",
        "",
        f"{fence}json",
        policy,
        fence,
        "",
    ]


def _heading(text: str) -> str:
    return _UNNECESSARY_ESCAPE.sub(r"\1", _escape(text))


def _header(*names: str) -> list[str]:
    return [_row(*names), "|" + " --- |" * len(names)]


def _row(*cells: t.Any) -> str:
    return "| " + " | ".join("-" if cell is None or cell == "" else _escape(cell) for cell in cells) + " |"


def _escape(value: t.Any) -> str:
    return _PUNCTUATION.sub(r"\\\1", str(value))
