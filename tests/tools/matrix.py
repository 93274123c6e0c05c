# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests on the oldest and on the newest ansible-core: python -m tests.tools.matrix

A Python that is missing is a failure: what was not run is not proved.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.tools.project import ROOT

REQUIREMENTS = ROOT / "tests" / "requirements-test.txt"


@dataclass(frozen=True)
class Cell:
    core: str
    pythons: tuple[str, ...]  # the first one that runs here is taken

    @property
    def name(self) -> str:
        return self.core.rpartition(".")[0]


MATRIX = (
    Cell(core="2.16.19", pythons=("3.10",)),
    Cell(core="2.21.5", pythons=("3.14", "3.13", "3.12")),
)


def find_python(cell: Cell) -> Path | None:
    finder = ROOT / "tests" / "tools" / "find_python.sh"
    found = subprocess.run(["sh", str(finder), *cell.pythons], check=False, capture_output=True, text=True)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def ready_environment(cell: Cell, python: Path) -> Path:
    """The cell's virtual environment, made anew only when what goes into it has changed."""
    folder = ROOT / ".venv-matrix" / cell.name
    wanted = hashlib.sha256(f"{cell.core}\n{python}\n{REQUIREMENTS.read_text(encoding='utf-8')}".encode()).hexdigest()
    stamp = folder / ".made-from"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        subprocess.run([str(python), "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, f"ansible-core=={cell.core}", "-r", str(REQUIREMENTS)], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return folder


def run_tests(cell: Cell, arguments: list[str]) -> str:
    """What came out, in words; 'passed' is the only good one."""
    python = find_python(cell)
    if python is None:
        return f"NOT RUN: no Python {' or '.join(cell.pythons)} on this machine"
    print(f"\n== ansible-core {cell.core} on {python}", flush=True)
    environment = ready_environment(cell, python)
    variables = os.environ | {"PATH": os.pathsep.join([str(environment / "bin"), os.environ["PATH"]])}
    command = [str(environment / "bin" / "python"), "-m", "pytest", "-n", "2", *arguments]
    status = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    return "passed" if status == 0 else f"FAILED (pytest ended with {status})"


def main(arguments: list[str]) -> int:
    outcomes = {cell.core: run_tests(cell, arguments) for cell in MATRIX}
    print()
    for core, outcome in outcomes.items():
        print(f"ansible-core {core}: {outcome}")
    return 0 if all(outcome == "passed" for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
