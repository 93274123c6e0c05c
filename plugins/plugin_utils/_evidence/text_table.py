# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as a text table: the overall result, then one line per workload, worst first."""

from __future__ import annotations

import typing as t
import unicodedata
from collections.abc import Container, Iterable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.times import format_duration

HEADINGS = ("source", "product", "workload", "points", "newest", "age", "result", "reason")
# Worst first.
_ORDER = ("fail", "unknown", "warn", "waived", "pass", "not_applicable")
_REASON_CHARACTERS = 110
_NAME_CHARACTERS = 40
_NOTE_CHARACTERS = 1000
# Control of the notes about an assessment.
_NOTES = "data.notes"
# Finding that only says that a newer read result was used. A listed workload has other results.
_SUPERSEDED = ("data.superseded", "not_applicable")


def table_rows(assessment: Mapping[str, t.Any]) -> list[tuple[str, ...]]:
    """Return the cells, sorted by result, source and name. Rows about servers come first."""
    reasons = _reasons(assessment["findings"])
    lines = []
    for workload in assessment["workloads"]:
        result = workload["verdict"]
        newest = workload["newest"]
        age = workload["newest_age_seconds"]
        cells = (
            workload["source"] or "-",
            workload["product"] or "-",
            workload["workload_name"] or workload["workload_id"] or "(recovery points without a workload)",
            "-" if workload["recovery_points"] is None else str(workload["recovery_points"]),
            "-" if newest is None else f"{newest[:10]} {newest[11:16]}",
            "-" if age is None else format_duration(age),
            result,
            reasons.get((_workload_key(workload), result), ""),
        )
        lines.append(cells)
    listed = {_workload_key(workload) for workload in assessment["workloads"]}
    for finding in assessment["findings"]:
        name = _name_of_problem(finding, listed)
        if name is not None:
            lines.append((finding["source"] or "-", "-", name, "-", "-", "-", finding["result"], finding["message"]))
    return sorted(lines, key=lambda cells: (_ORDER.index(cells[6]), cells[0], cells[2]))


def _name_of_problem(finding: Mapping[str, t.Any], listed: Container[tuple[t.Any, ...]]) -> str | None:
    """Return the name for the line of a finding that no listed workload shows, or None if it needs no line."""
    name, result = finding["workload_name"] or finding["workload_id"], finding["result"]
    if name is not None:
        # A workload that was set aside, or a name of the policy.
        return None if result in ("pass", "not_applicable") or _workload_key(finding) in listed else str(name)
    is_shown = result != "pass" and finding["control"].startswith("data.") and finding["control"] != _NOTES
    return "(server)" if is_shown else None


def _workload_key(item: Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    return (item["source"], item["origin"], item["workload_id"], item["workload_name"])


def _reasons(findings: Iterable[Mapping[str, t.Any]]) -> dict[tuple[t.Any, str], str]:
    """Return the joined messages by (workload, result). Passes have no message."""
    reasons: dict[tuple[t.Any, str], str] = {}
    for finding in findings:
        if finding["result"] == "pass" or (finding["control"], finding["result"]) == _SUPERSEDED:
            continue
        key = (_workload_key(finding), finding["result"])
        reasons[key] = f"{reasons[key]}; {finding['message']}" if key in reasons else finding["message"]
    return reasons


def shorten(text: str, limit: int) -> str:
    """Return the text on one line of at most ``limit`` characters, without terminal control characters."""
    cleaned = "".join(
        character if unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Cs") else " "
        for character in text
    )
    cleaned = " ".join(cleaned.split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _shorten_cells(cells: Sequence[str]) -> tuple[str, ...]:
    *names, reason = cells
    return (*(shorten(name, _NAME_CHARACTERS) for name in names), shorten(reason, _REASON_CHARACTERS))


def format_table(assessment: Mapping[str, t.Any], max_rows: int) -> str:
    """Format the overall result, the notes, and at most ``max_rows`` lines of the table in columns."""
    rows = table_rows(assessment)
    shown = [HEADINGS, *map(_shorten_cells, rows[:max_rows])]
    widths = [max(_width(cells[index]) for cells in shown) for index in range(len(HEADINGS))]
    lines = [
        "  ".join(_pad(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in shown
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    if len(rows) > max_rows:
        lines.append(f"... and {len(rows) - max_rows} more lines")
    notes = [one["message"] for one in assessment["findings"] if one["control"] == _NOTES]
    return "\n".join(
        [headline(assessment), *(f"Note: {shorten(note, _NOTE_CHARACTERS)}" for note in notes), "", *lines]
    )


def headline(assessment: Mapping[str, t.Any]) -> str:
    """Return the overall result in one line."""
    result, _colon, numbers = assessment["headline"].partition(":")
    return f"{result.upper()}:{numbers} (as of {assessment['as_of']})"


def _width(text: str) -> int:
    """Return the width in a terminal: two columns for wide characters, none for combining characters."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
