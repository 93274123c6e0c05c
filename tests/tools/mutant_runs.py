# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests against mutants, each in a separate fork.

The tests are collected once. A mutant inside of a function runs in a fork of that process, with the code of the
function replaced. A mutant that takes effect at import runs in a process that imports it. Both run only tests that
execute its lines (its file, at import), the fastest first.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import resource
import signal
import sys
import tempfile
import time
import types
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from tests.tools.mutants import Mutant
from tests.tools.project import ROOT

PACKAGE = "ansible_collections.backup.audit.plugins.module_utils"
Found = tuple[str, Mutant]
Work = Callable[[], None]
# No output, because that of thousands of runs is not useful.
_OPTIONS = ["-o", "addopts=", "--import-mode=importlib", "-p", "no:terminal"]
# Exit codes of a fork: all tests passed, a test failed. Any other end counts as killed.
_SURVIVED, _KILLED = 0, 1
_LIMIT_BYTES = 3 << 30
_SPARE_SECONDS = 20
_BASELINE_SECONDS = 1800
_DAY_SECONDS = 24 * 3600


class BrokenTestsError(Exception):
    """The tests fail without any mutant."""


def module_name(name: str) -> str:
    """Return the dotted module name of a file; ``name`` is its path below module_utils."""
    return f"{PACKAGE}.{name.removesuffix('.py').replace('/', '.')}"


def start_fork(work: Work, seconds: float) -> int:
    """Start the work in a fork without output; return the ID of its process."""
    child = os.fork()
    if child:
        return child
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


def wait_for_fork(child: int) -> bool:
    """Return whether the fork ended normally and in time."""
    return _is_success(os.waitpid(child, 0)[1])


def _is_success(status: int) -> bool:
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == _SURVIVED


def run_forks(jobs: Iterable[tuple[int, Work, float]], at_once: int) -> Iterator[tuple[int, bool]]:
    """Run (number, work, seconds) in forks; yield each number with whether its fork succeeded, as they end."""
    running: dict[int, int] = {}

    def wait() -> tuple[int, bool]:
        while True:
            child, status = os.wait()
            if child in running:
                return running.pop(child), _is_success(status)

    for number, work, seconds in jobs:
        if len(running) >= at_once:
            yield wait()
        running[start_fork(work, seconds)] = number
    while running:
        yield wait()


@dataclass
class Baseline:
    """The tests, their durations, and the lines that each of them executes."""

    tests: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    reached: dict[str, dict[int, list[int]]] = field(default_factory=dict)

    def choose(self, name: str, lines: tuple[int, int] | None) -> list[int]:
        """Choose the tests that execute one of these lines of the file (any line, if None), the fastest first."""
        of_file = self.reached.get(name, {})
        numbers = {
            test for line, tests in of_file.items() if lines is None or lines[0] <= line <= lines[1] for test in tests
        }
        return sorted(numbers, key=self.seconds.__getitem__)

    def limit(self, numbers: Sequence[int]) -> float:
        """Return the number of seconds after which these tests are considered to hang."""
        return 5 * sum(self.seconds[test] for test in numbers) + _SPARE_SECONDS


class Session:
    """A pytest plugin that replaces one run of the tests with one run for each mutant inside of a function."""

    def __init__(self, found: Sequence[Found], folder: Path, ends: float, report: Callable[[int, bool], None]) -> None:
        self._found = found
        self._ends = ends
        self._folder = folder
        self._report = report
        self._items: list[pytest.Item] = []
        self._caches: list[Any] = []
        self._functions: dict[str, list[types.FunctionType]] = defaultdict(list)
        self.baseline: Baseline | None = None
        # Number of the mutant -> whether it survived; and the mutants that cannot be tried in this way.
        self.survived: dict[int, bool] = {}
        self.unfit: list[int] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all mutants."""
        self._items = session.items
        self._collect_functions()
        # The garbage collectors of all forks skip the objects that exist already.
        gc.freeze()
        self.baseline = self._measure_baseline()
        if self.baseline is None:
            return True
        for number, survived in run_forks(self._jobs(self.baseline), os.cpu_count() or 1):
            self.survived[number] = survived
            self._report(number, survived)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """End the process at the first failure."""
        if report.failed:
            if self.baseline is None:
                (self._folder / "failed.txt").write_text(f"{report.nodeid}\n{report.longreprtext}", "utf-8")
            os._exit(_KILLED)

    def _jobs(self, baseline: Baseline) -> Iterator[tuple[int, Work, float]]:
        for number, (name, mutant) in enumerate(self._found):
            if time.monotonic() > self._ends:
                return
            work = None if mutant.at_import else self._prepare(name, mutant, baseline)
            if work is None:
                self.unfit.append(number)
            else:
                yield number, work, baseline.limit(baseline.choose(name, mutant.lines))

    def _prepare(self, name: str, mutant: Mutant, baseline: Baseline) -> Work | None:
        """Return what a fork does for this mutant, or None if the changed code fits no function."""
        path = str(sys.modules[module_name(name)].__file__)
        changed = _changed_code(path, mutant)
        pairs = [(each, changed[each.__code__]) for each in self._functions[path] if each.__code__ in changed]
        try:
            for function, new in pairs:
                old = function.__code__
                function.__code__ = new
                function.__code__ = old
        except ValueError:
            return None

        def work() -> None:
            for function, new in pairs:
                function.__code__ = new
            self._run(baseline.choose(name, mutant.lines))

        return work if pairs else None

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

    def _measure_baseline(self) -> Baseline | None:
        """Run all tests without a mutant; None if one of them fails."""
        at_once = os.cpu_count() or 1
        works = [functools.partial(self._record_baseline, first, at_once) for first in range(at_once)]
        jobs = [(number, work, _BASELINE_SECONDS) for number, work in enumerate(works)]
        if not all(dict(run_forks(jobs, at_once)).values()):
            return None
        seconds = [0.0] * len(self._items)
        reached: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for first in range(at_once):
            seconds[first::at_once], by_name = json.loads(self._record_file(first).read_text("utf-8"))
            for name, lines in by_name.items():
                for line, tests in lines.items():
                    reached[name][int(line)] += tests
        return Baseline([item.nodeid for item in self._items], seconds, reached)

    def _record_file(self, first: int) -> Path:
        return self._folder / f"baseline-{first}.json"

    def _record_baseline(self, first: int, step: int) -> None:
        """Record which lines each of these tests executes, and how long it takes."""
        names = {str(sys.modules[module_name(name)].__file__): name for name, _mutant in self._found}
        reached: dict[str, dict[int, set[int]]] = {name: defaultdict(set) for name in names.values()}
        running = 0
        # The types of Python 3.10 do not have it.
        events: Any = vars(sys)["monitoring"]

        def record(code: types.CodeType, line: int) -> Any:
            reached[names[code.co_filename]][line].add(running)
            return events.DISABLE

        events.use_tool_id(events.COVERAGE_ID, "mutants")
        events.register_callback(events.COVERAGE_ID, events.events.LINE, record)
        for path in names:
            for function in self._functions[path]:
                for code in _with_inner(function.__code__):
                    events.set_local_events(events.COVERAGE_ID, code, events.events.LINE)
        seconds = []
        for running in range(first, len(self._items), step):
            started = time.monotonic()
            events.restart_events()
            self._run([running])
            seconds.append(time.monotonic() - started)
        plain = {name: {line: sorted(tests) for line, tests in lines.items()} for name, lines in reached.items()}
        self._record_file(first).write_text(json.dumps([seconds, plain]), "utf-8")


def _with_inner(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _with_inner(const)


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


class Selection:
    """A pytest plugin that runs only some tests, in their order, and those that only exist with a mutant."""

    def __init__(self, chosen: Sequence[str], known: Collection[str]) -> None:
        self._order = {test: number for number, test in enumerate(chosen)}
        self._known = frozenset(known)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Select and sort the tests."""
        selected = [item for item in items if item.nodeid in self._order or item.nodeid not in self._known]
        items[:] = sorted(selected, key=lambda item: self._order.get(item.nodeid, -1))


def _import_mutant(name: str, mutant: Mutant) -> None:
    """Replace the module for all later imports in this process."""
    plain = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, fullname: str) -> types.CodeType | None:
        if fullname == module_name(name):
            return compile(mutant.tree(), loader.path, "exec", dont_inherit=True)
        return plain(loader, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]


def _run_tests(chosen: Sequence[int], baseline: Baseline, found: Found | None) -> None:
    """Run these tests in this process, which has not imported the collection, and end it."""
    if found is not None:
        _import_mutant(*found)
    tests = [baseline.tests[number] for number in chosen]
    files = sorted({str(ROOT / test.partition("::")[0]) for test in tests})
    os._exit(pytest.main([*_OPTIONS, "-x", *files], plugins=[Selection(tests, baseline.tests)]))


def _jobs_at_import(
    found: Sequence[Found], numbers: Sequence[int], baseline: Baseline, ends: float
) -> Iterator[tuple[int, Work, float]]:
    by_file = {
        name: baseline.choose(name, None) or [*range(len(baseline.tests))]
        for name in {found[number][0] for number in numbers}
    }
    everything = sorted(set().union(*by_file.values()), key=baseline.seconds.__getitem__)
    # Otherwise a test that fails in such a process would kill every mutant.
    work = functools.partial(_run_tests, everything, baseline, None)
    if everything and not wait_for_fork(start_fork(work, baseline.limit(everything))):
        raise BrokenTestsError("the tests fail in a process of their own")
    for number in numbers:
        if time.monotonic() > ends:
            return
        chosen = by_file[found[number][0]]
        work = functools.partial(_run_tests, chosen, baseline, found[number])
        yield number, work, baseline.limit(chosen) + _SPARE_SECONDS


def try_mutants(
    found: Sequence[Found], tests: Sequence[str], minutes: float, report: Callable[[int, bool], None]
) -> dict[int, bool]:
    """Return whether each mutant survives, by its number; those for which the time does not suffice are missing."""
    started = time.monotonic()
    at_import = sum(mutant.at_import for _name, mutant in found)
    # Mutants at import come last, and take longer.
    share = 1 - min(0.5, 2 * at_import / max(1, len(found)))
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        record_file = Path(folder) / "survived.json"

        def warm() -> None:
            os.dup2(shown, 1)
            os.dup2(shown, 2)
            session = Session(found, Path(folder), started + 60 * minutes * share, report)
            for name in {name for name, _mutant in found}:
                __import__(module_name(name))
            pytest.main([*_OPTIONS, *tests], plugins=[session])
            if session.baseline is not None:
                record_file.write_text(json.dumps([session.survived, session.unfit, vars(session.baseline)]), "utf-8")

        # The fork's own output is discarded; its results are printed.
        shown = os.dup(1)
        wait_for_fork(start_fork(warm, _DAY_SECONDS))
        if not record_file.exists():
            failed = Path(folder) / "failed.txt"
            raise BrokenTestsError(failed.read_text("utf-8") if failed.exists() else "the tests could not be run")
        tried, unfit, recorded = json.loads(record_file.read_text("utf-8"))
    by_line = {name: {int(line): each for line, each in lines.items()} for name, lines in recorded["reached"].items()}
    baseline = Baseline(recorded["tests"], recorded["seconds"], by_line)
    survived = {int(number): each for number, each in tried.items()}
    jobs = _jobs_at_import(found, unfit, baseline, started + 60 * minutes)
    for number, each in run_forks(jobs, os.cpu_count() or 1):
        survived[number] = each
        report(number, each)
    return survived
