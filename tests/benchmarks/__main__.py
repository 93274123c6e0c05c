# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.benchmarks`: measure, print a table, and write build/bench/results.json and docs/benchmarks.md."""

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

from tests.benchmarks import reading, report
from tests.benchmarks.recipes import RECIPES
from tests.tools.project import ROOT

MEASURES = ("wall", "memory", "role", "assertion", "filters")
_MILLION = 1_000_000
_MOST_BY_HAND = 10_000
# Numbers of workloads, and whether they are packed.
_ASSERTIONS = ((1000, True), (10_000, True), (50_000, True), (1000, False), (5000, False))
_SMALL = ("veeam_azure", "unitrends", "veeam_enterprise_manager_xml")
# A million points take minutes to prepare, so one product stands for all that answer page by page.
_IN_MILLIONS = ("veeam_azure",)
_BEGIN, _END = "<!-- tables: make bench -->", "<!-- end of tables -->"
Job = tuple[str, Callable[[], "list[dict[str, Any]] | dict[str, Any]"]]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="all measures once, so small that they say nothing")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), help="these measures")
    parser.add_argument("--product", nargs="+", choices=RECIPES, help="these products")
    parser.add_argument("--points", nargs="+", type=int, help="these scales, for wall and memory")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--minutes", type=float, help="begin no measure after so many; --resume goes on from there")
    parser.add_argument("--no-hand", action="store_true", help="without the plays with uri")
    parser.add_argument("--resume", action="store_true", help="keep what --results holds, and measure what is missing")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "bench" / "results.json")
    parser.add_argument("--page", type=Path, help="a page whose tables are renewed")
    return parser.parse_args()


def _jobs(options: argparse.Namespace) -> Iterator[Job]:
    small, pairs = options.small, 1 if options.small else options.pairs
    workloads = 20 if small else reading.WORKLOADS
    scales = options.points or ([200] if small else [10_000, 100_000])
    products = options.product or (_SMALL if small else tuple(RECIPES))
    if "wall" in options.only:
        for points in scales:
            for name in products:
                hand = not (options.no_hand or small) and points <= _MOST_BY_HAND
                measure = partial(reading.wall, name, points, pairs, hand=hand, workloads=workloads)
                yield f"wall {name} {points}", measure
    if "memory" in options.only:
        for name in products:
            most = [_MILLION] if name in _IN_MILLIONS and not (small or options.points) else []
            for points in [*scales, *most]:
                yield f"memory {name} {points}", partial(reading.memory, name, points, workloads=workloads)
    if {"assertion", "filters", "role"} & set(options.only):
        yield from _judging_jobs(options, pairs)


def _judging_jobs(options: argparse.Namespace, pairs: int) -> Iterator[Job]:
    # The collection as it stands here, for the filters.
    sys.path.append(str(ROOT / ".venv" / "tree"))
    from tests.benchmarks import judging

    if "assertion" in options.only:
        read = judging.one_read()
        for workloads, packed in _ASSERTIONS[:1] if options.small else _ASSERTIONS:
            label = f"assertion {workloads} {'packed' if packed else 'readable'}"
            yield label, partial(judging.assertion, read, workloads, pairs, packed=packed)
    if "filters" in options.only:
        yield "filters", partial(judging.filters, 50 if options.small else 5000, pairs)
    if "role" in options.only:
        for sources in [1] if options.small else [1, 10, 50]:
            yield f"role {sources}", partial(judging.role, sources, 1 if sources > 10 else min(pairs, 3))


def _machine() -> dict[str, str]:
    model = next((line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if "model name" in line), "")
    return {
        "at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model.partition(":")[2].strip(),
        "python": platform.python_version(),
        "ansible-core": version("ansible-core"),
    }


def _renew(page: Path, text: str) -> None:
    """Put the tables in their place of a page; what was written by hand around them stays."""
    before, begin, rest = page.read_text("utf-8").partition(_BEGIN)
    _old, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page} does not say between which lines the tables stand: {_BEGIN} and {_END}")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", "utf-8")


def main() -> int:
    """Measure, and write after each measure what there is so far."""
    options = _arguments()
    document: dict[str, Any] = {"machine": _machine(), "results": {}}
    if options.resume and options.results.exists():
        document = json.loads(options.results.read_text("utf-8"))
    options.results.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    for label, measure in _jobs(options):
        if label in document["results"]:
            continue
        if options.minutes is not None and time.monotonic() - begun > options.minutes * 60:
            print(f"{label}: not measured, the time is over", file=sys.stderr)
            continue
        started = time.monotonic()
        document["results"][label] = measure()
        print(f"{label}: measured in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        options.results.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    results = [one for told in document["results"].values() for one in (told if isinstance(told, list) else [told])]
    text = report.tables(document["machine"], results)
    print(text.replace("`", "").replace("*", ""))
    if options.page is not None:
        _renew(options.page, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
