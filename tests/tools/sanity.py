# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run all of `ansible-test sanity` on a clean copy, and reject a success that tested nothing.

    python -m tests.tools.sanity [--core 2.18]

Uses the ansible-core of this environment by default; with --core, one of the matrix in that one's own environment.
ansible-test downloads a script that installs pip into its environments. If that download is impossible, set the
environment variable GET_PIP_STANDIN to a script that does the same.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.tools.matrix import prepare_environment, select_cells
from tests.tools.project import ROOT, copy_project

PYTHONS = ("3.14", "3.13", "3.12", "3.11", "3.10")
# Printed with exit code 0. A Python missing on this machine is accepted: the matrix covers it elsewhere.
NOT_TESTED = re.compile(r"All targets skipped|Skipping .* (?:due to missing|since) |Required program .* not found")


def offer_get_pip(stand_in: Path, tools: Path) -> None:
    """Put the stand-in where ansible-test looks before it downloads."""
    cached = Path.home() / ".ansible" / "test" / "cache" / f"get_pip_{_pip_version(tools).replace('.', '_')}.py"
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stand_in, cached)


def _pip_version(tools: Path) -> str:
    """Return the version of pip that an environment's ansible-test requires; only its source contains it."""
    sources = sorted(tools.parent.glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py"))
    if not sources:
        raise RuntimeError(f"ansible-test is not installed in {tools.parent}.")
    match = re.search(r"\bpip='([0-9.]+)'", sources[0].read_text(encoding="utf-8"))
    if match is None:
        raise RuntimeError(f"{sources[0]} no longer says which pip it wants: GET_PIP_STANDIN cannot be offered to it.")
    return match[1]


def search_path(tools: Path) -> str:
    """Return the environment's tools, then every working Python: ansible-test finds them by name, including shims."""
    finder = ROOT / "tests" / "tools" / "find_python.sh"
    # shellcheck is installed in this environment only.
    folders = [tools, Path(sys.executable).parent]
    for version in PYTHONS:
        found = subprocess.run(["sh", str(finder), version], check=False, capture_output=True, text=True)
        if found.returncode == 0:
            folders.append(Path(found.stdout.strip()).parent)
    return os.pathsep.join([*map(str, folders), os.environ["PATH"]])


def run_sanity(copy: Path, tools: Path) -> int:
    environment = os.environ | {"PATH": search_path(tools)}
    # ansible-test finds the collection by its path.
    environment.pop("ANSIBLE_COLLECTIONS_PATH", None)
    unproved = []
    command = ["ansible-test", "sanity", "--color", "no"]
    with subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if NOT_TESTED.search(line):
                unproved.append(line.strip())
    for line in unproved:
        print(f"Not proved, hence not passed: {line}", file=sys.stderr)
    return process.returncode or (1 if unproved else 0)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.sanity")
    parser.add_argument(
        "--core", action="append", default=[], help="2.18, for one of the matrix; may be given more than once"
    )
    options = parser.parse_args(arguments)
    names = [name for names in options.core for name in names.split()]
    environments = [prepare_environment(cell) for cell in select_cells(names)] if names else [Path(sys.prefix)]
    stand_in = os.environ.get("GET_PIP_STANDIN")
    worst = 0
    for environment in environments:
        tools = environment / "bin"
        if stand_in:
            offer_get_pip(Path(stand_in), tools)
        with copy_project() as copy:
            status = run_sanity(copy, tools)
        print(f"ansible-test sanity in {environment.name}: {'passed' if status == 0 else 'FAILED'}", flush=True)
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
