# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.tools.record [TOOL]`: record the installed backup tools into tests/recordings/TOOL-VERSION/.

The repositories are created for this and deleted afterwards. tests/recordings/README.md lists what is replaced.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.recordings import FOLDER, Recording, dump
from tests.tools.neutral import Machine, Neutralizer
from tests.tools.project import ROOT

TOOLS = ("restic", "borg", "pgbackrest", "barman")
WORK = "/tmp/recording-"
EXAMPLE_FOLDER = "/srv/recording"


def find_version(printed: str) -> str:
    """Return the version in the output of a tool's version command."""
    found = re.search(r"\d+(?:\.\d+)+", printed)
    if found is None:
        raise ValueError(f"no version in {printed!r}")
    return found[0]


def example_paths(folder: Path, executable: Path) -> dict[str, str]:
    """Map the folder of the recording, and the installation of the tool, to examples."""
    return {str(folder): EXAMPLE_FOLDER, str(executable.parent.parent): "/usr"}


def neutralize(runs: Mapping[str, Recording], machine: Machine, ids: Sequence[str]) -> dict[str, Recording]:
    """Return the runs with example values; an error if anything is left that identifies the machine."""
    neutralizer = Neutralizer(machine)
    neutralizer.learn_ids(text for run in runs.values() for text in (run.out, run.err))
    neutralizer.learn_ids(ids)
    replaced = {}
    for name, run in runs.items():
        replaced[name] = dataclasses.replace(
            run,
            command=tuple(neutralizer.replace(argument) for argument in run.command),
            environment={key: neutralizer.replace(value) for key, value in run.environment.items()},
            out=neutralizer.replace(run.out),
            err=neutralizer.replace(run.err),
        )
        if leaks := neutralizer.find_leaks(dump(replaced[name])):
            raise ValueError(f"recording {name} still contains {', '.join(leaks)}")
    return replaced


def record(tool: str, executable: Path) -> Path:
    """Record one tool; return the folder of its recordings."""
    # The helpers of the tests with real tools import the collection.
    sys.path.append(str(ROOT / ".venv" / "tree"))
    from tests.tools.record_cases import CASES, Recorder

    recorder = Recorder(Path(f"{WORK}{tool}"), str(executable))
    recorder.folder.mkdir()
    begin = time.time()
    try:
        CASES[tool](recorder)
        ids = sorted(path.name for path in recorder.folder.rglob("*"))
    finally:
        shutil.rmtree(recorder.folder)
    machine = Machine(platform.node(), example_paths(recorder.folder, executable), begin, time.time())
    runs = neutralize(recorder.runs, machine, ids)
    target = FOLDER / f"{tool}-{find_version(runs['version'].out)}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, run in runs.items():
        (target / f"{name}.json").write_text(dump(run), "utf-8")
    return target


def main(arguments: Sequence[str]) -> int:
    """Record the tools that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.record", description=__doc__)
    parser.add_argument("tools", nargs="*", choices=[*TOOLS, []], metavar="TOOL", help=f"one of {', '.join(TOOLS)}")
    parser.add_argument("--executable", type=Path, help="the program, if it is not the one in PATH")
    given = parser.parse_args(arguments)
    tools = given.tools or list(TOOLS)
    if given.executable and len(tools) != 1:
        parser.error("--executable needs one TOOL")
    for tool in tools:
        executable = given.executable or shutil.which(tool)
        if executable is None:
            parser.error(f"{tool} is not installed (make setup-programs)")
        target = record(tool, Path(executable).absolute())
        print(f"{target.relative_to(Path.cwd())}: {len(list(target.iterdir()))} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
