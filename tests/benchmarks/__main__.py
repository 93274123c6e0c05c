# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.benchmarks`: measure, print a table, and write build/bench/results.json and the page of results."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks import cores, evaluation, reading, report, tools
from tests.benchmarks.recipes import RECIPES
from tests.tools.matrix import MATRIX, select_cells
from tests.tools.project import ROOT

MEASURES = ("wall", "memory", "assertion", "cores", "role", "filters", "tools")
_MILLION = 1_000_000
_MOST_BY_HAND = 10_000
# Number of workloads -> whether their read results are compressed.
_ASSERTIONS = ((50_000, True), (1000, True), (10_000, True), (1000, False), (5000, False))
_SMALL = ("veeam_azure", "unitrends", "veeam_enterprise_manager_xml")
# A million points take minutes to prepare, so one product represents all products with pages.
_IN_MILLIONS = "veeam_azure"
_BEGIN, _END = "<!-- tables: make bench -->", "<!-- end of tables -->"
# Rank (lower ranks run first), label, and the function that measures.
Job = tuple[int, str, Callable[[], "list[dict[str, Any]] | dict[str, Any]"]]
# A run may be stopped early, so measures with a target come before the rest.
_LARGE, _BY_HAND, _IN_MEMORY, _EVALUATION, _CORES, _ROLE, _REST = range(7)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--small", action="store_true", help="run every measure once at a very small scale, to check that it works"
    )
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), help="run only these measures")
    parser.add_argument("--product", nargs="+", choices=RECIPES, help="run only these products")
    parser.add_argument("--points", nargs="+", type=int, help="run only these scales (time, memory)")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--core", nargs="*", help="versions of the matrix; default: the oldest; without a value: none")
    parser.add_argument("--minutes", type=float, help="start no measure after this many minutes; --resume continues")
    parser.add_argument("--no-hand", action="store_true", help="skip the plays with uri")
    parser.add_argument(
        "--resume", action="store_true", help="keep the figures in --results and measure the missing ones"
    )
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "bench" / "results.json")
    parser.add_argument("--page", type=Path, help="page whose tables are replaced")
    return parser.parse_args()


def list_jobs(options: argparse.Namespace) -> list[Job]:
    """List the requested measures in the order in which they run."""
    makers = {
        "wall": _wall_jobs,
        "memory": _memory_jobs,
        "assertion": _assertion_jobs,
        "cores": _core_jobs,
        "role": _role_jobs,
        "filters": _filter_jobs,
        "tools": _tool_jobs,
    }
    jobs = [job for measure in options.only for job in makers[measure](options)]
    return sorted(jobs, key=lambda job: job[0])


def _products(options: argparse.Namespace) -> tuple[str, ...]:
    return tuple(options.product or (_SMALL if options.small else RECIPES))


def _scales(options: argparse.Namespace) -> list[int]:
    return options.points or ([200] if options.small else [100_000, 10_000])


def _workloads(options: argparse.Namespace) -> int:
    return 20 if options.small else reading.WORKLOADS


def _wall_jobs(options: argparse.Namespace) -> Iterator[Job]:
    for points in _scales(options):
        for name in _products(options):
            hand = not (options.no_hand or options.small) and points <= _MOST_BY_HAND
            rank = _REST if RECIPES[name].xml else _BY_HAND if hand else _LARGE
            measure = partial(
                reading.measure_wall_time, name, points, options.pairs, hand=hand, workloads=_workloads(options)
            )
            yield rank, f"time {name} {points}", measure


def _memory_jobs(options: argparse.Namespace) -> Iterator[Job]:
    for name in _products(options):
        # The measure of the time also records the memory.
        scales = [] if "wall" in options.only else _scales(options)
        if name == _IN_MILLIONS and not (options.small or options.points):
            scales = [*scales, _MILLION]
        for points in scales:
            measure = partial(reading.measure_memory, name, points, workloads=_workloads(options))
            yield _IN_MEMORY, f"memory {name} {points}", measure


def _assertion_jobs(options: argparse.Namespace) -> Iterator[Job]:
    for workloads, compressed in ((1000, True),) if options.small else _ASSERTIONS:
        rank = _EVALUATION if workloads == max(_ASSERTIONS)[0] else _REST
        label = f"assertion {workloads} {'compressed' if compressed else 'readable'}"
        yield rank, label, partial(evaluation.measure_assertion, workloads, options.pairs, compressed=compressed)


def _core_jobs(options: argparse.Namespace) -> Iterator[Job]:
    oldest = [] if options.small else [MATRIX[0].name]
    names = oldest if options.core is None else options.core
    # Without names, all cells of the matrix would be selected.
    for cell in select_cells(names) if names else ():
        yield _CORES, f"core {cell.name}", partial(cores.measure, cell, min(options.pairs, 3))


def _role_jobs(options: argparse.Namespace) -> Iterator[Job]:
    for sources in [1] if options.small else [1, 10, 50]:
        yield (
            _ROLE,
            f"role {sources}",
            partial(evaluation.measure_role, sources, 1 if sources > 10 else min(options.pairs, 3)),
        )


def _filter_jobs(options: argparse.Namespace) -> Iterator[Job]:
    yield _REST, "filters", partial(evaluation.measure_filters, 50 if options.small else 5000, options.pairs)


def _tool_jobs(options: argparse.Namespace) -> Iterator[Job]:
    yield _EVALUATION, "restic", partial(tools.measure_restic, 50 if options.small else 5000, options.pairs)


def _machine() -> dict[str, str]:
    model = next((line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if "model name" in line), "")
    return {
        "at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model.partition(":")[2].strip(),
        "python": platform.python_version(),
        "ansible-core": version("ansible-core"),
    }


def _replace_tables(page: Path, text: str) -> None:
    """Replace the tables of a page and keep the handwritten text around them."""
    before, begin, rest = page.read_text("utf-8").partition(_BEGIN)
    _old, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page}: expected the lines {_BEGIN} and {_END} around the tables")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", "utf-8")


def main() -> int:
    """Run the measures and save the results after each."""
    options = _arguments()
    options.pairs = 1 if options.small else options.pairs
    document: dict[str, Any] = {"machine": _machine(), "results": {}}
    if options.resume and options.results.exists():
        document = json.loads(options.results.read_text("utf-8"))
    options.results.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    for _rank, label, measure in list_jobs(options):
        if label in document["results"]:
            continue
        if options.minutes is not None and time.monotonic() - begun > options.minutes * 60:
            print(f"{label}: not measured, the time limit of --minutes is reached", file=sys.stderr)
            continue
        started = time.monotonic()
        document["results"][label] = measure()
        print(f"{label}: measured in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        options.results.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    results = [
        one
        for measured in document["results"].values()
        for one in (measured if isinstance(measured, list) else [measured])
    ]
    text = report.tables(document["machine"], results)
    print(text.replace("`", "").replace("*", ""))
    if options.page is not None:
        _replace_tables(options.page, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
