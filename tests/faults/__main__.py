# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make faults`: run every fault against every product, print one table, and fail if any result is incorrect."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.faults.cases import CASES, REJECTED, TOLERATED, Case
from tests.faults.outcomes import DEGRADED, INCORRECT, MISSED, Verdict
from tests.faults.products import COLUMNS, Column
from tests.faults.table import as_text, write_docs
from tests.faults.workers import Worker
from tests.integration.conftest import Simulators
from tests.simulators import running

_WORKLOADS, _POINTS = 10, 8


@dataclass(frozen=True)
class Cell:
    """The result of one case for one product."""

    case: str
    column: str
    verdict: Verdict
    seconds: float


def main() -> int:
    options = _arguments()
    cases = [case for case in CASES if options.only in case.name]
    columns = [column for column in COLUMNS if options.product in ("", column.title)]
    started = time.monotonic()
    cells = run_all(cases, columns, options.workers)
    outcomes = {key: cell.verdict.outcome for key, cell in cells.items()}
    print(as_text(cases, columns, outcomes))
    if options.docs:
        write_docs(cases, columns, outcomes)
    if options.why:
        for cell in cells.values():
            print(f"{cell.column}, {cell.case} ({cell.seconds:.1f} s): {cell.verdict.outcome} {cell.verdict.why}")
    return _print_summary(cells, time.monotonic() - started)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help="run only cases whose name contains this text")
    parser.add_argument("--product", default="", help="run only this column")
    parser.add_argument("--why", action="store_true", help="also print the outcome of each case")
    parser.add_argument("--docs", action="store_true", help="also write the table into docs/development/validation.md")
    parser.add_argument("--workers", type=int, default=max(2, min(6, (os.cpu_count() or 2) + 1)))
    return parser.parse_args()


def run_all(cases: Iterable[Case], columns: Iterable[Column], workers: int) -> dict[tuple[str, str], Cell]:
    """Run every case for every column, divided among processes that each have their own simulators."""
    tasks = [(column, case) for case in cases for column in columns]
    context = multiprocessing.get_context("fork")
    results: multiprocessing.queues.Queue[Cell | str] = context.Queue()
    shares = [tasks[number::workers] for number in range(workers)]
    processes = [context.Process(target=_run_share, args=(share, results)) for share in shares if share]
    for process in processes:
        process.start()
    cells: dict[tuple[str, str], Cell] = {}
    while len(cells) < len(tasks):
        cell = results.get()
        if isinstance(cell, str):
            raise SystemExit(f"a worker failed: {cell}")
        cells[cell.case, cell.column] = cell
    for process in processes:
        process.join()
    return cells


def _run_share(share: Iterable[tuple[Column, Case]], results: multiprocessing.queues.Queue[Cell | str]) -> None:
    try:
        with running(workloads=_WORKLOADS, points=_POINTS) as ready:
            worker = Worker(Simulators(ready))
            for column, case in share:
                verdict, seconds = worker.run_case(column, case)
                results.put(Cell(case.name, column.title, verdict, seconds))
    except BaseException as error:
        results.put(repr(error))
        raise


def _print_summary(cells: Mapping[tuple[str, str], Cell], seconds: float) -> int:
    counts = Counter(cell.verdict.outcome for cell in cells.values())
    applied = len(cells) - counts[MISSED]
    slowest = max(cells.values(), key=lambda cell: cell.seconds)
    print(
        f"\n{applied} cases in {seconds:.0f} s: {counts[TOLERATED]} tolerated, {counts[DEGRADED]} degraded (the result "
        f"contains less than the truth, and nothing better), {counts[REJECTED]} rejected, "
        f"{counts[INCORRECT]} incorrect; {counts[MISSED]} not applicable "
        "(-: the responses have no data that the fault changes)"
    )
    print(f"slowest: {slowest.column}, {slowest.case}: {slowest.seconds:.1f} s")
    for cell in cells.values():
        if cell.verdict.outcome == INCORRECT:
            print(f"incorrect: {cell.column}, {cell.case} ({cell.seconds:.1f} s): {cell.verdict.why}", file=sys.stderr)
    return 1 if counts[INCORRECT] else 0


if __name__ == "__main__":
    raise SystemExit(main())
