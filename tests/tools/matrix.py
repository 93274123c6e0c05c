# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests with each supported ansible-core: python -m tests.tools.matrix [--core 2.16] [ARGUMENT OF PYTEST]

A missing Python is a failure, because skipped tests prove nothing.
"""

from __future__ import annotations

import argparse
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
    pythons: tuple[str, ...]  # the first one found on this machine is used

    @property
    def name(self) -> str:
        return self.core.rpartition(".")[0]


# Each with the oldest Python that its ansible-core supports, the last two with the newest.
MATRIX = (
    Cell(core="2.16.19", pythons=("3.10",)),
    Cell(core="2.17.14", pythons=("3.10",)),
    Cell(core="2.18.19", pythons=("3.11",)),
    Cell(core="2.19.14", pythons=("3.11",)),
    Cell(core="2.20.10", pythons=("3.12", "3.13", "3.14")),
    Cell(core="2.21.5", pythons=("3.14", "3.13", "3.12")),
)


class NoPythonError(Exception):
    """No Python for a cell is installed on this machine."""


def find_python(cell: Cell) -> Path:
    finder = ROOT / "tests" / "tools" / "find_python.sh"
    found = subprocess.run(["sh", str(finder), *cell.pythons], check=False, capture_output=True, text=True)
    if found.returncode != 0:
        raise NoPythonError(f"no Python {' or '.join(cell.pythons)} on this machine")
    return Path(found.stdout.strip())


def prepare_environment(cell: Cell) -> Path:
    """Return the cell's virtual environment, rebuilt only if its requirements have changed."""
    python = find_python(cell)
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
    """Return the outcome as text; 'passed' is the only successful one."""
    try:
        environment = prepare_environment(cell)
    except NoPythonError as error:
        return f"NOT RUN: {error}"
    print(f"\n== ansible-core {cell.core} in {environment}", flush=True)
    path = os.pathsep.join([str(environment / "bin"), os.environ["PATH"]])
    # These environments lack tools that the project's own has, so skipped tests are listed here and not refused.
    variables = os.environ | {"PATH": path, "CI": ""}
    command = [str(environment / "bin" / "python"), "-m", "pytest", "-n", "2", *arguments]
    status = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    return "passed" if status == 0 else f"FAILED (pytest ended with {status})"


def select_cells(cores: list[str]) -> tuple[Cell, ...]:
    """Select the cells with these names, in the order of the matrix; all cells if no names are given."""
    unknown = set(cores) - {cell.name for cell in MATRIX}
    if unknown:
        names = ", ".join(cell.name for cell in MATRIX)
        raise SystemExit(f"Not in the matrix: {', '.join(sorted(unknown))}. There are: {names}.")
    return tuple(cell for cell in MATRIX if not cores or cell.name in cores)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.tools.matrix", description="Every other argument is pytest's."
    )
    parser.add_argument("--core", action="append", default=[], help="2.16, for one; may be given more than once")
    parser.add_argument("--list", action="store_true", help="the names of all, and run nothing")
    options, rest = parser.parse_known_args(arguments)
    cells = select_cells([name for names in options.core for name in names.split()])
    if options.list:
        print("\n".join(cell.name for cell in cells))
        return 0
    outcomes = {cell.core: run_tests(cell, rest) for cell in cells}
    print()
    for core, outcome in outcomes.items():
        print(f"ansible-core {core}: {outcome}")
    return 0 if all(outcome == "passed" for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
