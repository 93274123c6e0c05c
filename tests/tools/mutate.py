# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutation testing of policy evaluation and counting: python -m tests.tools.mutate [--minutes N] [--seed N] [PATH ...]

The tests are collected once. Each mutant runs in a fork of that process, with the code of its functions replaced and
only the tests that execute its lines, the fastest first. Mutants that take effect at import run in a process that
imports them. The order is random with a seed, so mutants left untried by --minutes are a random selection.
Survivors are written to build/mutants.txt; tests/mutants.md explains the known ones.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import types
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.tools.mutants import Mutant, generate_mutants
from tests.tools.project import ROOT

PACKAGE = "ansible_collections.backup.audit.plugins.module_utils"
FOLDER = ROOT / "plugins" / "module_utils"
WANTED_PERCENT = 85
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
# The tests that evaluate a policy; the others start simulated servers.
_FALSE_COMPLIANCE = ("attributes", "points", "policies", "read_results", "scope")
_SLOW_TESTS = ("test_to_html_report_in_browser.py",)
# Exit codes of a fork: all tests passed, a test failed. Any other end counts as killed too.
_SURVIVED, _KILLED = 0, 1
_LIMIT_BYTES = 3 << 30
_SPARE_SECONDS = 20
_SLOW_SECONDS = 600
# Share of the given time; the rest is for mutants that need their own process.
_SHARE = 0.8

Found = tuple[str, Mutant]


def targets(names: Sequence[str]) -> list[Path]:
    """List the files to mutate; ``names`` are files or folders below module_utils; an empty sequence selects all."""
    collected = (FOLDER / "_collect" / name for name in ("summary.py", "points.py"))
    files = [*sorted(FOLDER.glob("_policy/**/*.py")), *collected, FOLDER / "_core" / "model.py"]
    return [file for file in files if not names or any(file.is_relative_to(FOLDER / name) for name in names)]


def module_name(name: str) -> str:
    """Return the dotted module name of a file; ``name`` is its path below module_utils."""
    return f"{PACKAGE}.{name.removesuffix('.py').replace('/', '.')}"


def test_files() -> list[str]:
    """List the test files that may notice a mutant."""
    files = {file for pattern in _TESTS for file in _UNIT.glob(pattern) if file.name.startswith("test_")}
    evaluated = {ROOT / "tests" / "false_compliance" / f"test_{name}.py" for name in _FALSE_COMPLIANCE}
    return [str(file) for file in (*sorted(files), *sorted(evaluated)) if file.name not in _SLOW_TESTS]


def in_fork(work: Callable[[], None], seconds: float) -> bool:
    """Run the work in a fork; return whether it ended normally and in time. Its output is discarded."""
    child = os.fork()
    if not child:
        try:
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(quiet, stream)
            resource.setrlimit(resource.RLIMIT_AS, (_LIMIT_BYTES, _LIMIT_BYTES))
            # If it hangs, the default action of this signal ends it.
            signal.alarm(int(seconds) + 1)
            work()
            os._exit(_SURVIVED)
        except BaseException:  # noqa: BLE001 - a fork must never return into its parent's work
            os._exit(_KILLED)
    _child, status = os.waitpid(child, 0)
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == _SURVIVED


class Session:
    """A pytest plugin that replaces one run of the tests with one run for each mutant."""

    def __init__(self, found: Sequence[Found], folder: Path, ends: float) -> None:
        self._found = found
        self._ends = ends
        self._folder = folder
        self._items: list[pytest.Item] = []
        self._reached: dict[str, dict[int, list[int]]] = {}
        self._seconds: list[float] = []
        self._caches: list[Any] = []
        self._functions: dict[str, list[types.FunctionType]] = defaultdict(list)
        # By number of the mutant: whether it survived; and the mutants that cannot be tried in this way.
        self.survived: dict[int, bool] = {}
        self.unfit: list[int] = []
        self.broken = True

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all mutants."""
        self._items = session.items
        self._collect_functions()
        # The garbage collectors of all forks skip the objects that exist already.
        gc.freeze()
        record_file = self._folder / "baseline.json"
        if not any(not mutant.at_import for _name, mutant in self._found):
            self.unfit = list(range(len(self._found)))
            self.broken = False
            return True
        if not in_fork(lambda: self._baseline(record_file), 1800):
            return True
        self.broken = False
        self._seconds, reached = json.loads(record_file.read_text("utf-8"))
        self._reached = {name: {int(line): tests for line, tests in lines.items()} for name, lines in reached.items()}
        for number, (name, mutant) in enumerate(self._found):
            if time.monotonic() > self._ends:
                break
            if mutant.at_import:
                self.unfit.append(number)
            else:
                self._try(number, name, mutant)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """End the process at the first failure."""
        if report.failed:
            if self.broken:
                (self._folder / "failed.txt").write_text(f"{report.nodeid}\n{report.longreprtext}", "utf-8")
            os._exit(_KILLED)

    def _try(self, number: int, name: str, mutant: Mutant) -> None:
        lines = self._reached.get(name, {})
        first, last = mutant.lines
        numbers = {test for line in range(first, last + 1) for test in lines.get(line, ())}
        chosen = sorted(numbers, key=self._seconds.__getitem__)
        path = str(sys.modules[module_name(name)].__file__)
        changed = _changed_code(path, mutant)
        pairs = [(each, changed[each.__code__]) for each in self._functions[path] if each.__code__ in changed]
        try:
            # Try the change and revert it, so that a mutant that fits no function is left for the slower method.
            for function, new in pairs:
                old = function.__code__
                function.__code__ = new
                function.__code__ = old
        except ValueError:
            pairs = []
        if not pairs:
            self.unfit.append(number)
            return

        def work() -> None:
            for function, new in pairs:
                function.__code__ = new
            self._run(chosen)

        limit = 5 * sum(self._seconds[test] for test in chosen) + _SPARE_SECONDS
        self.survived[number] = in_fork(work, limit)
        _print_result(name, mutant, self.survived[number])

    def _run(self, numbers: Sequence[int]) -> None:
        for cached in self._caches:
            cached.cache_clear()
        items = [self._items[number] for number in numbers]
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _collect_functions(self) -> None:
        """Collect all functions of the modules, including closures and methods, and their caches."""
        for candidate in gc.get_objects():
            if isinstance(candidate, types.FunctionType):
                self._functions[candidate.__code__.co_filename].append(candidate)
            elif hasattr(type(candidate), "cache_clear") and str(candidate.__module__).startswith(PACKAGE):
                self._caches.append(candidate)

    def _baseline(self, record_file: Path) -> None:
        """Record which lines each test executes, and how long it takes."""
        names = {sys.modules[module_name(name)].__file__: name for name in {name for name, _mutant in self._found}}
        reached: dict[str, dict[int, set[int]]] = {name: defaultdict(set) for name in names.values()}
        running = 0

        def trace(frame: types.FrameType, event: str, _argument: Any) -> Any:
            name = names.get(frame.f_code.co_filename)
            if name is None:
                return None
            if event in ("call", "line"):
                reached[name][frame.f_lineno].add(running)
            return trace

        seconds = []
        for running in range(len(self._items)):
            started = time.monotonic()
            sys.settrace(trace)
            self._run([running])
            sys.settrace(None)
            seconds.append(time.monotonic() - started)
        plain = {name: {line: sorted(tests) for line, tests in lines.items()} for name, lines in reached.items()}
        record_file.write_text(json.dumps([seconds, plain]), "utf-8")


def _changed_code(path: str, mutant: Mutant) -> dict[types.CodeType, types.CodeType]:
    """Map the code objects of functions to those of the mutant."""
    old = compile(Path(path).read_text("utf-8"), path, "exec", dont_inherit=True)
    new = compile(mutant.tree(), path, "exec", dont_inherit=True)
    return dict(_pairs(old, new))


def _pairs(old: types.CodeType, new: types.CodeType) -> Iterable[tuple[types.CodeType, types.CodeType]]:
    if old != new:
        yield old, new
    inner = [[const for const in code.co_consts if isinstance(const, types.CodeType)] for code in (old, new)]
    for one, other in zip(*inner, strict=False):
        yield from _pairs(one, other)


def try_at_import(name: str, mutant: Mutant, tests: Sequence[str]) -> bool:
    """Return whether a mutant survives all tests in a process that has not imported the collection."""

    def work() -> None:
        from importlib.machinery import SourceFileLoader

        plain = SourceFileLoader.get_code

        def get_code(loader: SourceFileLoader, fullname: str) -> types.CodeType | None:
            if fullname == module_name(name):
                return compile(mutant.tree(), loader.path, "exec", dont_inherit=True)
            return plain(loader, fullname)

        SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
        _all_pass(tests)

    survived = in_fork(work, _SLOW_SECONDS)
    _print_result(name, mutant, survived)
    return survived


# No output: that of thousands of runs is not useful.
_OPTIONS = ["-o", "addopts=", "--import-mode=importlib", "-p", "no:terminal"]


def _all_pass(tests: Sequence[str]) -> None:
    """End this process; the exit code reports whether all tests pass."""
    os._exit(_SURVIVED if pytest.main([*_OPTIONS, "-x", *tests]) == 0 else _KILLED)


def _line(name: str, mutant: Mutant) -> str:
    return f"{name}:{mutant.line}: {mutant.description}"


def _print_result(name: str, mutant: Mutant, survived: bool) -> None:
    print(f"{'SURVIVED' if survived else 'killed'} {_line(name, mutant)}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Create and run the mutants, and report how many were killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=24 * 60, help="stop after so long, and tell of those tried")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="only the survivors of the last run, in build/mutants.txt")
    parser.add_argument("--at-import", action="store_true", help="only mutants that take effect at import")
    parser.add_argument("--number", type=int, help="only so many, chosen by chance")
    parser.add_argument("--differential", action="store_true", help="only the comparison with the reference evaluator")
    parser.add_argument("files", nargs="*", help="files or folders below module_utils, such as _policy/combine.py")
    given = parser.parse_args(arguments)
    found = [
        (str(file.relative_to(FOLDER)), mutant)
        for file in targets(given.files)
        for mutant in generate_mutants(file.read_text("utf-8"))
    ]
    if given.again:
        last = set((ROOT / SURVIVORS).read_text("utf-8").splitlines())
        found = [(name, mutant) for name, mutant in found if _line(name, mutant) in last]
    if given.at_import:
        found = [(name, mutant) for name, mutant in found if mutant.at_import]
    random.Random(given.seed).shuffle(found)
    found = found[: given.number]
    ends = time.monotonic() + 60 * given.minutes * _SHARE
    slow_ends = time.monotonic() + 60 * given.minutes
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")
    sys.dont_write_bytecode = True
    tests = [str(_DIFFERENTIAL)] if given.differential else test_files()
    survived = _try_all(found, tests, ends, slow_ends)
    if survived is None:
        print("the tests fail without any mutant")
        return 2
    return _report(found, survived)


def _try_all(found: Sequence[Found], tests: Sequence[str], ends: float, slow_ends: float) -> dict[int, bool] | None:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        record_file = Path(folder) / "survived.json"

        def warm() -> None:
            os.dup2(shown, 1)
            os.dup2(shown, 2)
            session = Session(found, Path(folder), ends)
            for name in {name for name, _mutant in found}:
                __import__(module_name(name))
            pytest.main([*_OPTIONS, *tests], plugins=[session])
            if not session.broken:
                record_file.write_text(json.dumps([session.survived, session.unfit]), "utf-8")

        # The fork's own output is discarded; its results are printed.
        shown = os.dup(1)
        signal_free_seconds = 24 * 3600
        in_fork(warm, signal_free_seconds)
        if not record_file.exists():
            failed = Path(folder) / "failed.txt"
            print(failed.read_text("utf-8") if failed.exists() else "the tests could not be run")
            return None
        tried, unfit = json.loads(record_file.read_text("utf-8"))
    survived = {int(number): each for number, each in tried.items()}
    if unfit and not in_fork(lambda: _all_pass(tests), _SLOW_SECONDS):
        print("the tests fail in a process of their own")
        return None
    for number in unfit:
        if time.monotonic() > slow_ends:
            break
        name, mutant = found[number]
        survived[number] = try_at_import(name, mutant, tests)
    return survived


def _report(found: Sequence[Found], survived: dict[int, bool]) -> int:
    by_file: dict[str, list[bool]] = defaultdict(list)
    lines = []
    for number, (name, mutant) in enumerate(found):
        if number not in survived:
            continue
        by_file[name].append(survived[number])
        if survived[number]:
            lines.append(f"{_line(name, mutant)}\n")
    out = ROOT / SURVIVORS
    out.parent.mkdir(exist_ok=True)
    out.write_text("".join(sorted(lines)), "utf-8")
    for name, each in sorted(by_file.items()):
        print(f"{name:40} {len(each):5} mutants, {100 * each.count(False) / len(each):5.1f} % killed")
    killed = 100 * (len(survived) - len(lines)) / max(1, len(survived))
    print(
        f"{len(survived)} of {len(found)} mutants tried, {killed:.1f} % killed, "
        f"{len(lines)} survivors in {out.relative_to(ROOT)}"
    )
    return 0 if killed >= WANTED_PERCENT else 1


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / ".venv" / "tree")]
    sys.exit(main(sys.argv[1:]))
