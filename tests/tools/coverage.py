# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the coverage of plugins/, and fail if it is too low: python -m tests.tools.coverage"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import coverage

from tests.tools.project import ROOT

WANTED_LINES, WANTED_BRANCHES = 95.0, 90.0
WORST_FILES = 20
FOLDER = ROOT / "build" / "coverage"


def run_tool(*arguments: str) -> None:
    """Run the tool; its errors end this program."""
    subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def remove_unreadable(folder: Path) -> None:
    """Remove data of processes that were killed while they wrote it. The tool fails if it cannot read a file."""
    for file in folder.glob("data.*"):
        data = coverage.CoverageData(str(file))
        with contextlib.suppress(coverage.exceptions.CoverageException):
            data.read()
        if not data.measured_files():
            file.unlink()


def add_missing_files(data_file: Path, root: Path = ROOT) -> None:
    """Add the files of plugins/ that no test imports to the data, so that all of their lines are missing."""
    data = coverage.CoverageData(str(data_file))
    data.read()
    data.touch_files([str(path) for path in root.glob("plugins/**/*.py")])


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


def describe_worst_files(files: Mapping[str, Any], number: int = WORST_FILES) -> list[str]:
    """Describe the files with the most lines and branches that no test reached, the worst first."""

    def missed(name: str) -> int:
        totals = files[name]["summary"]
        return int(totals["missing_lines"] + totals["missing_branches"])

    described = []
    for name in sorted(filter(missed, files), key=lambda name: (-missed(name), name))[:number]:
        lines, branches = figures(files[name]["summary"])
        places = ", ".join(
            [
                *map(str, files[name]["missing_lines"]),
                *(f"{start}->{'exit' if end < 0 else end}" for start, end in files[name]["missing_branches"]),
            ]
        )
        described.append(f"{name}: {lines:.1f} % of lines, {branches:.1f} % of branches; not reached: {places}")
    return described


def find_problems(totals: Mapping[str, int]) -> list[str]:
    """List the reasons why the coverage is not sufficient."""
    reached = zip(figures(totals), (WANTED_LINES, WANTED_BRANCHES), ("lines", "branches"), strict=True)
    return [
        f"plugins/: tests reach {percent:.2f} % of {what}, at least {wanted} % required"
        for percent, wanted, what in reached
        if percent < wanted
    ]


def main() -> int:
    """Return 0 if the coverage is sufficient."""
    remove_unreadable(FOLDER)
    if list(FOLDER.glob("data.*")):
        run_tool("combine", "--append", "--quiet")
    add_missing_files(FOLDER / "data")
    run_tool("html", "--quiet", "--directory", str(FOLDER / "html"))
    run_tool("json", "--quiet", "-o", str(FOLDER / "coverage.json"))
    found = json.loads((FOLDER / "coverage.json").read_text("utf-8"))
    print("\n".join(describe_worst_files(found["files"])))
    for line in list_excluded_lines(found["files"]):
        print(f"excluded: {line}")
    lines, branches = figures(found["totals"])
    print(f"plugins/: tests reach {lines:.2f} % of lines and {branches:.2f} % of branches (all: build/coverage/html)")
    problems = find_problems(found["totals"])
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
