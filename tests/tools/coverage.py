# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all processes of a test run reached of plugins/, and what is left out: python -m tests.tools.coverage"""

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
    """What the tool says; its errors end the run."""
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def left_out(files: Mapping[str, Any], root: Path = ROOT) -> list[str]:
    """Lines that are not counted, each with its reason as it stands in the source."""
    told = []
    for name, facts in sorted(files.items()):
        lines = (root / name).read_text("utf-8").splitlines()
        for number in facts["excluded_lines"]:
            text = lines[number - 1].strip()
            if "pragma: no cover" in text or "TYPE_CHECKING" in text:
                told.append(f"{name}:{number}: {text}")
    return told


def figures(totals: Mapping[str, int]) -> tuple[float, float]:
    """Percent of lines and of branches."""
    return (
        100 * totals["covered_lines"] / max(1, totals["num_statements"]),
        100 * totals["covered_branches"] / max(1, totals["num_branches"]),
    )


def main() -> int:
    """0 if enough was reached."""
    if list(FOLDER.glob("data.*")):
        coverage("combine", "--quiet")
    print(coverage("report"))
    coverage("html", "--quiet", "--directory", str(FOLDER / "html"))
    coverage("json", "--quiet", "-o", str(FOLDER / "coverage.json"))
    told = json.loads((FOLDER / "coverage.json").read_text("utf-8"))
    for line in left_out(told["files"]):
        print(f"left out: {line}")
    lines, branches = figures(told["totals"])
    print(f"plugins/: {lines:.1f} % of lines (wanted {WANTED_LINES}), {branches:.1f} % of branches ({WANTED_BRANCHES})")
    return 0 if lines >= WANTED_LINES and branches >= WANTED_BRANCHES else 1


if __name__ == "__main__":
    sys.exit(main())
