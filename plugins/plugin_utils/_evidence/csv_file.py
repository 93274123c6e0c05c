# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as CSV: lines with the overall result and the policy, then one line for each workload and control."""

from __future__ import annotations

import csv
import io
import typing as t

from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    Json,
    headline,
    policy_text,
    read_lines,
    waiver_text,
    workload_identity,
)

_FRAME = ("as_of", "collection_version", "policy_sha256")
_WORKLOAD = (
    *("source", "origin", "workload_id", "workload_name", "workload_type", "platform", "product", "in_inventory"),
    *("recovery_points", "newest", "oldest", "newest_age_seconds", "restorable_from", "restorable_until", "verdict"),
)
_FINDING = ("control", "result", "blocking", "limit", "actual", "certainty", "message", "tier")
_READ = ("read_product", "read_version", "read_at", "read_complete", "read_sha256")
COLUMNS = ("record", *_FRAME, *_WORKLOAD, *_FINDING, "waiver", "references", *_READ)
# Characters that start a formula in a spreadsheet, including the full-width forms.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def to_csv(assessment: Json) -> str:
    """Render as RFC 4180 CSV; text that a spreadsheet would take for a formula gets a leading apostrophe."""
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(COLUMNS)
    frame = [_cell(assessment[name]) for name in _FRAME]
    verdict = headline(assessment).lower()
    for record in (
        {"record": "assessment", "verdict": verdict, "message": assessment["headline"]},
        {"record": "policy", "message": policy_text(assessment)},
    ):
        record.update({name: assessment[name] for name in _FRAME})
        writer.writerow([_cell(record.get(name)) for name in COLUMNS])
    read_results = _read_cells(assessment)
    workloads = {workload_identity(item): [_cell(item[name]) for name in _WORKLOAD] for item in assessment["workloads"]}
    references: dict[str, str] = {}
    unread = [""] * len(_READ)
    for finding in assessment["findings"]:
        # Findings about a server have no workload facts.
        cells = workloads.get(workload_identity(finding)) or [_cell(finding.get(name)) for name in _WORKLOAD]
        control = finding["control"]
        if control not in references:
            references[control] = _cell("; ".join(finding["references"]))
        writer.writerow(
            [
                *("finding", *frame, *cells),
                *[_cell(finding[name]) for name in _FINDING],
                *(_cell(waiver_text(finding["waiver"])), references[control]),
                *read_results.get(finding["source"], unread),
            ]
        )
    return output.getvalue()


def _read_cells(assessment: Json) -> dict[str | None, list[t.Any]]:
    """Server -> cells about its read result; several read results of one server are joined."""
    cells: dict[str | None, list[str]] = {}
    for read in read_lines(assessment):
        complete = "true" if read.complete else "false"
        texts = [read.product, read.version, read.read_at, complete, read.sha256]
        before = cells.get(read.host)
        cells[read.host] = texts if before is None else list(map("; ".join, zip(before, texts, strict=True)))
    return {host: [_cell(text) for text in texts] for host, texts in cells.items()}


def _cell(value: t.Any) -> t.Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA):
        return f"'{value}"
    return value
