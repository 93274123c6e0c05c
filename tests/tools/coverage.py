# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the code in plugins/ that a test run reached, and what is excluded: python -m tests.tools.coverage"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.tools.project import ROOT

WANTED_LINES, WANTED_BRANCHES = 95.0, 90.0
FOLDER = ROOT / "build" / "coverage"


def coverage(*arguments: str) -> str:
    """Return the tool's output; its errors end the run."""
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def list_excluded_lines(files: Mapping[str, Any], root: Path = ROOT) -> list[str]:
    """List lines that are excluded from coverage, each with its reason from the source."""
    found = []
    for name, facts in sorted(files.items()):
        lines = (root / name).read_text("utf-8").splitlines()
        for number in facts["excluded_lines"]:
            text = lines[number - 1].strip()
            if "pragma: no cover" in text or "TYPE_CHECKING" in text:
                found.append(f"{name}:{number}: {text}")
    return found


def figures(totals: Mapping[str, int]) -> tuple[float, float]:
    """Return the percentage of lines and of branches."""
    return (
        100 * totals["covered_lines"] / max(1, totals["num_statements"]),
        100 * totals["covered_branches"] / max(1, totals["num_branches"]),
    )


def main() -> int:
    """Return 0 if the coverage is sufficient."""
    if list(FOLDER.glob("data.*")):
        coverage("combine", "--quiet")
    print(coverage("report"))
    coverage("html", "--quiet", "--directory", str(FOLDER / "html"))
    coverage("json", "--quiet", "-o", str(FOLDER / "coverage.json"))
    found = json.loads((FOLDER / "coverage.json").read_text("utf-8"))
    for line in list_excluded_lines(found["files"]):
        print(f"left out: {line}")
    lines, branches = figures(found["totals"])
    print(f"plugins/: {lines:.1f} % of lines (wanted {WANTED_LINES}), {branches:.1f} % of branches ({WANTED_BRANCHES})")
    return 0 if lines >= WANTED_LINES and branches >= WANTED_BRANCHES else 1


if __name__ == "__main__":
    sys.exit(main())
