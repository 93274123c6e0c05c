# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ASSESSMENT as a table for people: one line for each workload, the worst first."""

from __future__ import annotations

import typing as t
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.times import format_duration

HEADINGS = ("source", "product", "workload", "points", "newest", "age", "verdict", "reason")
# From bad to good, as people want to read it.
_ORDER = ("fail", "unknown", "warn", "waived", "pass", "not_applicable")
_REASON_CHARACTERS = 110
_NAME_CHARACTERS = 40


def table_rows(assessment: Mapping[str, t.Any]) -> list[tuple[str, ...]]:
    """The cells of the table, sorted by verdict, source and name; what is about a server as a whole comes first."""
    reasons = _reasons(assessment["findings"])
    lines = []
    for workload in assessment["workloads"]:
        verdict = workload["verdict"]
        newest = workload["newest"]
        age = workload["newest_age_seconds"]
        cells = (
            workload["source"] or "-",
            workload["product"] or "-",
            workload["workload_name"] or workload["workload_id"] or "(no workload named)",
            "-" if workload["recovery_points"] is None else str(workload["recovery_points"]),
            "-" if newest is None else f"{newest[:10]} {newest[11:16]}",
            "-" if age is None else format_duration(age),
            verdict,
            reasons.get((_shown_workload(workload), verdict), ""),
        )
        lines.append(cells)
    for finding in assessment["findings"]:
        if finding["workload_name"] is None and finding["workload_id"] is None and finding["result"] != "pass":
            if not finding["control"].startswith("read."):
                continue
            lines.append(
                (finding["source"] or "-", "-", "(the server)", "-", "-", "-", finding["result"], finding["message"])
            )
    return sorted(lines, key=lambda cells: (_ORDER.index(cells[6]), cells[0], cells[2]))


def _shown_workload(item: Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    return (item["source"], item["origin"], item["workload_id"], item["workload_name"])


def _reasons(findings: Iterable[Mapping[str, t.Any]]) -> dict[tuple[t.Any, str], str]:
    """(workload, result) -> what was found, several findings in one text; passes need no reason."""
    reasons: dict[tuple[t.Any, str], str] = {}
    for finding in findings:
        if finding["result"] in ("pass", "not_applicable"):
            continue
        key = (_shown_workload(finding), finding["result"])
        reasons[key] = f"{reasons[key]}; {finding['message']}" if key in reasons else finding["message"]
    return reasons


def plain(text: str, limit: int) -> str:
    """The text on one line and no longer than that, without characters that a terminal would obey."""
    kept = "".join(
        character if unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Cs") else " "
        for character in text
    )
    kept = " ".join(kept.split())
    return kept if len(kept) <= limit else kept[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def as_text(assessment: Mapping[str, t.Any], max_rows: int) -> str:
    """The table in columns, at most ``max_rows`` lines of it, with a last line that says the verdict."""
    rows = [
        tuple(plain(cell, _REASON_CHARACTERS if index == 7 else _NAME_CHARACTERS) for index, cell in enumerate(cells))
        for cells in table_rows(assessment)
    ]
    shown: Sequence[tuple[str, ...]] = [HEADINGS, *rows[:max_rows]]
    widths = [max(_width(cells[index]) for cells in shown) for index in range(len(HEADINGS))]
    lines = [
        "  ".join(_padded(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in shown
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    if len(rows) > max_rows:
        lines.append(f"... and {len(rows) - max_rows} more lines")
    return "\n".join([*lines, "", headline(assessment)])


def headline(assessment: Mapping[str, t.Any]) -> str:
    """The verdict over all in one line."""
    totals = assessment["totals"]
    told = ", ".join(f"{totals['verdicts'][name]} {name}" for name in _ORDER if totals["verdicts"].get(name))
    verdict = "COMPLIANT" if assessment["compliant"] else "NOT COMPLIANT"
    return f"{verdict}: of {totals['workloads']} workloads {told or 'none was judged'} (as of {assessment['as_of']})"


def _width(text: str) -> int:
    """Columns that a terminal needs: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
