# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as CSV: lines with the overall result and the policy, then one line for each workload and control.

With a trend, lines for tiers, changes and skipped lines of the history follow.
"""

from __future__ import annotations

import csv
import io
import typing as t
from collections.abc import Iterator

from ansible_collections.backup.audit.plugins.module_utils._history.trend import PERIODS
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    Json,
    headline,
    policy_text,
    read_lines,
    waiver_text,
    workload_identity,
    worst_by_identity,
)
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.trend import tier_label, workload_trends

_FRAME = ("as_of", "collection_version", "policy_sha256")
_WORKLOAD = (
    *("source", "origin", "workload_id", "workload_name", "workload_type", "platform", "product", "in_inventory"),
    *("recovery_points", "newest", "oldest", "newest_age_seconds", "restorable_from", "restorable_until", "verdict"),
)
_FINDING = ("control", "result", "blocking", "limit", "actual", "certainty", "message", "tier")
_READ = ("read_product", "read_version", "read_at", "read_complete", "read_sha256", "read_inventory_name")
_SHARES = ("compliant_percent_quarter", "compliant_percent_year")
_UNKNOWN = ("unknown_percent_quarter", "unknown_percent_year")
COLUMNS = (
    *("record", *_FRAME, *_WORKLOAD, *_FINDING, "waiver", "references", *_READ),
    *("not_compliant_since", *_SHARES, *_UNKNOWN),
)
# Characters that start a formula in a spreadsheet, including the full-width forms.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def to_csv(assessment: Json, *, trend: Json | None = None) -> str:
    """Render as RFC 4180 CSV. Text that a spreadsheet would interpret as a formula gets a leading apostrophe."""
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
    workloads = {key: [_cell(item[name]) for name in _WORKLOAD] for key, item in worst_by_identity(assessment).items()}
    trends = {key: _trend_cells(one) for key, one in workload_trends(trend).items()}
    without_trend = [""] * (1 + len(_SHARES))
    references: dict[str, str] = {}
    unread = [""] * len(_READ)
    for finding in assessment["findings"]:
        # Findings about a server have no workload.
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
                *trends.get(workload_identity(finding), without_trend),
                *("" for _name in _UNKNOWN),
            ]
        )
    for record in _trend_records(trend):
        record.update({name: assessment[name] for name in _FRAME})
        writer.writerow([_cell(record.get(name)) for name in COLUMNS])
    return output.getvalue()


def _trend_cells(one: Json) -> list[t.Any]:
    return [one["not_compliant_since"], *(one["compliant_percent"].get(name) for name in PERIODS)]


def _trend_records(trend: Json | None) -> Iterator[Json]:
    """Yield the lines about tiers, changes and skipped lines of the history."""
    if trend is None:
        return
    tiers: dict[str | None, Json] = {}
    for period, found in trend["periods"].items():
        for one in found["tiers"]:
            record = tiers.setdefault(one["tier"], {"record": "tier", "tier": tier_label(one["tier"])})
            record.update({f"{part}_{period}": one[part] for part in ("compliant_percent", "unknown_percent")})
    yield from tiers.values()
    for part in trend["changes"].values():
        for one in part["workloads"]:
            before, after = (one[end] or "not listed" for end in ("before", "after"))
            message = f"{before} at {part['from']}, {after} at {trend['until']}"
            yield {**{name: one.get(name) for name in (*_WORKLOAD, "tier")}, "record": "change", "message": message}
    for line in trend["skipped"]:
        message = f"line {line['line']} of {line['file']} was skipped: {line['reason']}"
        yield {"record": "history", "message": message}


def _read_cells(assessment: Json) -> dict[str | None, list[t.Any]]:
    """Return the cells about the read result of each server. Several read results of one server are joined."""
    cells: dict[str | None, list[str]] = {}
    for read in read_lines(assessment):
        complete = "true" if read.complete else "false"
        texts = [read.product, read.version, read.read_at, complete, read.sha256, read.inventory_name]
        before = cells.get(read.host)
        cells[read.host] = texts if before is None else list(map("; ".join, zip(before, texts, strict=True)))
    return {host: [_cell(text) for text in texts] for host, texts in cells.items()}


def _cell(value: t.Any) -> t.Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA):
        return f"'{value}"
    return value
