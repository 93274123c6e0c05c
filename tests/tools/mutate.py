# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutation testing of policy evaluation and counting: python -m tests.tools.mutate [--changed] [--minutes N] [PATH ...]

The order is random with a seed, so mutants left untried by --minutes are a random selection. Survivors are printed
and written to build/mutants.txt. Those that tests/tools/mutants_equivalent.yml lists are not tried.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import hypothesis
import yaml

from tests.tools.mutant_runs import BrokenTestsError, Found, try_mutants
from tests.tools.mutants import generate_mutants
from tests.tools.project import ROOT

FOLDER = ROOT / "plugins" / "module_utils"
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.yml")
WANTED_PERCENT = 90
SURVIVORS = "build/mutants.txt"
_UNIT = ROOT / "tests" / "unit" / "plugins"
_TESTS = (
    "module_utils/_policy/**/*.py",
    "module_utils/_collect/*.py",
    "module_utils/_core/test_model.py",
    "action/*.py",
    "plugin_utils/**/*.py",
    "filter/*.py",
)
_DIFFERENTIAL = ROOT / "tests" / "unit" / "reference" / "test_differential.py"
# The tests that evaluate a policy. The others start simulated servers.
_FALSE_COMPLIANCE = ("attributes", "points", "policies", "read_results", "scope")
# They start a browser.
_SLOW_TESTS = ("test_to_html_report_in_browser.py", "test_to_html_report_views.py")


def targets(names: Sequence[str]) -> list[Path]:
    """List the files to mutate; ``names`` are files or folders below module_utils; an empty sequence selects all."""
    files = [*sorted(FOLDER.glob("_policy/**/*.py")), *sorted(FOLDER.glob("_collect/*.py")), FOLDER / "_core/model.py"]
    return [file for file in files if not names or any(file.is_relative_to(FOLDER / name) for name in names)]


def test_files() -> list[str]:
    """List the test files that may notice a mutant."""
    files = {file for pattern in _TESTS for file in _UNIT.glob(pattern) if file.name.startswith("test_")}
    evaluated = {ROOT / "tests" / "false_compliance" / f"test_{name}.py" for name in _FALSE_COMPLIANCE}
    return [str(file) for file in (*sorted(files), *sorted(evaluated), _DIFFERENTIAL) if file.name not in _SLOW_TESTS]


def _git(root: Path, *arguments: str) -> str | None:
    """Return the output of git, or None if it fails."""
    # safe.directory: a CI job often runs as a different user than the one who checked out.
    command = ["git", "-c", f"safe.directory={root}", *arguments]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return ended.stdout if ended.returncode == 0 else None


def find_base(root: Path = ROOT) -> str | None:
    """Return the commit that a change starts from: where it left the main branch or, on that branch, the last commit.

    None if the history is not available.
    """
    head = _git(root, "rev-parse", "HEAD")
    target = os.environ.get("GITHUB_BASE_REF") or "main"
    for branch in (f"origin/{target}", target):
        base = _git(root, "merge-base", "HEAD", branch)
        if base is not None and base != head:
            return base.strip()
    parent = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^")
    return parent.strip() if parent else None


def find_changed_lines(files: Sequence[Path], base: str, root: Path = ROOT) -> dict[Path, set[int]]:
    """Return the numbers of the lines of each file that are new or different since the commit ``base``."""
    listed = _git(root, "ls-tree", "-r", "--name-only", base)
    if listed is None:
        raise SystemExit(f"git does not have the commit {base!r}.")
    known = set(listed.splitlines())
    changed = {}
    for file in files:
        name = file.relative_to(root).as_posix()
        old = (_git(root, "show", f"{base}:{name}") or "") if name in known else ""
        matcher = difflib.SequenceMatcher(None, old.splitlines(), file.read_text("utf-8").splitlines(), autojunk=False)
        changed[file] = {
            number + 1
            for kind, _start, _end, first, end in matcher.get_opcodes()
            if kind != "equal"
            for number in range(first, end)
        }
    return changed


def identify(found: Found) -> tuple[str, str, str]:
    """Return what identifies a mutant after its file has changed elsewhere: file, text of the line, change."""
    name, mutant = found
    return name, mutant.source.splitlines()[mutant.line - 1].strip(), mutant.description


def read_equivalent(file: Path = EQUIVALENT) -> dict[tuple[str, str, str], str]:
    """Return the mutants that no test can kill, with the reasons."""
    return {
        (entry["file"], entry["line"], change): entry["reason"]
        for entry in yaml.safe_load(file.read_text("utf-8"))
        for change in entry["changes"]
    }


def _line(found: Found) -> str:
    name, mutant = found
    return f"{name}:{mutant.line}: {mutant.description}"


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=24 * 60, help="stop after this time, report those tried")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changed", action="store_true", help="only lines that differ from --since")
    parser.add_argument("--since", help="a commit; by default where the change left the main branch")
    parser.add_argument("--again", action="store_true", help="only the survivors of the last run, in build/mutants.txt")
    parser.add_argument("--at-import", action="store_true", help="only mutants that take effect at import")
    parser.add_argument("--number", type=int, help="only this number, selected at random")
    parser.add_argument("--differential", action="store_true", help="only the comparison with the reference evaluator")
    parser.add_argument("files", nargs="*", help="files or folders below module_utils, such as _policy/combine.py")
    return parser.parse_args(arguments)


def select(given: argparse.Namespace) -> list[Found]:
    """Select the mutants to try, in random order."""
    files = targets(given.files)
    base = given.since or (find_base() if given.changed else None)
    if given.changed and not base:
        # A random selection of all mutants would fail randomly.
        print("The history is not available, so the changed lines are unknown. No mutant is tried.")
        return []
    changed = find_changed_lines(files, base) if base else {}
    found = [
        (str(file.relative_to(FOLDER)), mutant)
        for file in files
        for mutant in generate_mutants(file.read_text("utf-8"), changed.get(file))
    ]
    if base:
        print(f"{len(found)} mutants of the lines that have changed since {base}")
    if given.again:
        last = set((ROOT / SURVIVORS).read_text("utf-8").splitlines())
        found = [each for each in found if _line(each) in last]
    if given.at_import:
        found = [each for each in found if each[1].at_import]
    equivalent = read_equivalent()
    found = [each for each in found if identify(each) not in equivalent]
    random.Random(given.seed).shuffle(found)
    return found[: given.number]


def report(found: Sequence[Found], survived: Mapping[int, bool]) -> int:
    """Print the numbers and the survivors; return 0 if enough mutants were killed."""
    by_file: dict[str, list[bool]] = defaultdict(list)
    for number, each in survived.items():
        by_file[found[number][0]].append(each)
    for name, results in sorted(by_file.items()):
        print(f"{name:40} {len(results):5} mutants, {100 * results.count(False) / len(results):5.1f} % killed")
    lines = sorted(_line(found[number]) for number, each in survived.items() if each)
    out = ROOT / SURVIVORS
    out.parent.mkdir(exist_ok=True)
    out.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    for line in lines:
        print(f"survived: {line}")
    if not found:
        return 0
    if not survived:
        print(f"None of {len(found)} mutants was tried: allow more time.")
        return 1
    killed = 100 * (len(survived) - len(lines)) / len(survived)
    print(f"{len(survived)} of {len(found)} mutants tried, {killed:.1f} % killed, at least {WANTED_PERCENT} % required")
    if killed >= WANTED_PERCENT:
        return 0
    print(
        f"Add tests that fail with these changes, or list those that change nothing in {EQUIVALENT.relative_to(ROOT)}."
    )
    return 1


def main(arguments: Sequence[str]) -> int:
    """Create and run the mutants, and report how many were killed."""
    if not hasattr(sys, "monitoring"):
        raise SystemExit("Mutation testing requires Python 3.12 or later.")
    given = _parse(arguments)
    found = select(given)
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")
    sys.dont_write_bytecode = True

    def print_result(number: int, survived: bool) -> None:
        print(f"{'SURVIVED' if survived else 'killed'} {_line(found[number])}", flush=True)

    tests = [str(_DIFFERENTIAL)] if given.differential else test_files()
    try:
        survived = try_mutants(found, tests, given.minutes, print_result) if found else {}
    except BrokenTestsError as error:
        print(f"The tests fail without any mutant:\n{error}")
        return 2
    return report(found, survived)


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / ".venv" / "tree")]
    sys.exit(main(sys.argv[1:]))
