# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the fault matrix, on the terminal and between two markers of docs/development/validation.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.faults.cases import REJECTED, TOLERATED, Case
from tests.faults.outcomes import DEGRADED, INCORRECT, MISSED
from tests.faults.products import Column
from tests.tools.project import ROOT

BEGIN = "<!-- faults: begin (written by python -m tests.faults --docs) -->"
END = "<!-- faults: end -->"
_PAGE = ROOT / "docs" / "development" / "validation.md"
# (case, column) -> outcome
Outcomes = Mapping[tuple[str, str], str]


def as_text(cases: Sequence[Case], columns: Sequence[Column], outcomes: Outcomes) -> str:
    """Format the table in aligned columns."""
    width = max(len(case.name) for case in cases) + 2
    lines = ["fault".ljust(width) + "".join(column.title.ljust(11) for column in columns)]
    for case in cases:
        found = (outcomes[case.name, column.title] for column in columns)
        lines.append(case.name.ljust(width) + "".join(outcome.ljust(11) for outcome in found))
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(cases: Sequence[Case], columns: Sequence[Column], outcomes: Outcomes) -> str:
    """Format the table for the documentation, with the totals above it."""
    counts = Counter(outcomes.values())
    tried = len(outcomes) - counts[MISSED]
    sums = ", ".join(f"{counts[name]} {name}" for name in (TOLERATED, DEGRADED, REJECTED, INCORRECT))
    titles = [column.title for column in columns]
    lines = [
        f"{len(cases)} faults, {tried} cases: {sums}.",
        "",
        f"| fault | {' | '.join(titles)} |",
        f"|---|{'---|' * len(titles)}",
        *(f"| {case.name} | {' | '.join(outcomes[case.name, title] for title in titles)} |" for case in cases),
    ]
    return "\n".join(lines)


def write_docs(cases: Sequence[Case], columns: Sequence[Column], outcomes: Outcomes) -> None:
    """Replace the text between the markers."""
    before, _mark, rest = _PAGE.read_text("utf-8").partition(BEGIN)
    _old, _mark, after = rest.partition(END)
    _PAGE.write_text(f"{before}{BEGIN}\n\n{as_markdown(cases, columns, outcomes)}\n\n{END}{after}", "utf-8")
