# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as Markdown tables, which are readable in a terminal too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.benchmarks.bounds import LARGE, bounds
from tests.benchmarks.figures import Results, cost_per_additional, find, hand_seconds, series


def tables(machine: Mapping[str, str], results: Results) -> str:
    """Format all tables for which there are results."""
    machine_text = ", ".join(value if name == "at" else f"{name} {value}" for name, value in machine.items() if value)
    parts = [f"Measured {machine_text}.", *(part for make in _TABLES if (part := make(results)))]
    return "\n\n".join(parts) + "\n"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]], note: str = "") -> str:
    if not rows:
        return ""
    cells = [[_format_value(value) for value in row] for row in [head, *rows]]
    widths = [max(len(row[index]) for row in cells) for index in range(len(head))]
    lines = [f"| {' | '.join(value.ljust(width) for value, width in zip(row, widths, strict=True))} |" for row in cells]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([f"### {title}", "", *([note, ""] if note else []), lines[0], rule, *lines[1:]])


def _format_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _bounds(results: Results) -> str:
    rows = [
        [
            bound.what,
            float(bound.measured),
            f"{'>=' if bound.at_least else '<='} {_format_value(bound.limit)}",
            "holds" if bound.is_met else "**does not hold**",
        ]
        for bound in bounds(results)
    ]
    return _table("What must hold", ("what", "measured", "bound", ""), rows)


def _tasks(results: Results) -> str:
    rows = []
    for result in find(results, measure="wall"):
        medians = result["medians"]
        baselines = [
            medians["bare"],
            medians["task"] / medians["bare"],
            medians["same_calls"],
            medians["task"] / medians["same_calls"],
        ]
        own = [result["calls"], medians["ping"], medians["task"], medians["task_compressed"]]
        rows.append([result["product"], result["points"], *own, *baselines])
    note = """\
Seconds. *task* is the info task less the empty task (*ping*), *packed* the same with
`compress: true`. The *bare client*
reads the points with as many connections and rows a page, decodes each body and counts the rows; *same calls* is that
client with all the calls that the module made, inventory and repositories among them. *times* is the task over each."""
    head = ("product", "points", "calls", "ping", "task", "compressed", "bare client", "times", "same calls", "times")
    return _table("One task", head, rows, note)


def _plays(results: Results) -> str:
    rows = []
    for result in find(results, measure="wall"):
        hand = hand_seconds(results, result)
        if hand is not None:
            seconds, points = hand
            origin = "measured" if points == result["points"] else f"from {points:,} points"
            rows.append([*_collection_cells(result), seconds, origin, seconds / result["medians"]["audit_compressed"]])
        if "whole" in result:
            seconds = result["whole"]["seconds"]
            rows.append(
                [*_collection_cells(result), seconds, "one call", seconds / result["medians"]["audit_compressed"]]
            )
    note = """\
Seconds of `ansible-playbook` as a whole: reading and verdict by this collection (*readable*, and with
`compress: true` as the role reads), and the same verdict
by a loop of `uri` over computed pages and one Jinja template. *times* is `uri`
over *packed*. Where the latter takes minutes it is extrapolated: what is done for
each page grows with the pages, the verdict with the points. *one call for all*: some servers return everything at once
if asked to; then there are no pages, and one answer that has to fit into the memory of both."""
    head = ("product", "points", "readable", "compressed", "uri", "uri is", "times faster")
    return _table("One play with its verdict", head, rows, note)


def _collection_cells(result: Mapping[str, Any]) -> list[Any]:
    return [result["product"], result["points"], result["medians"]["audit"], result["medians"]["audit_compressed"]]


def _memory(results: Results) -> str:
    rows = []
    for result in find(results, measure="memory"):
        peaks = series(results, "points", "module_peak_kb", measure="memory", product=result["product"])
        further = cost_per_additional(peaks, LARGE, result["points"]) if result["points"] > LARGE else None
        own = [result["module_peak_kb"] / 1024, None if further is None else further * 1024, result["module_cpu"]]
        rows.append([result["product"], result["points"], *own, result["bare_peak_kb"] / 1024])
    head = ("product", "points", "module, MB", "bytes for each further point", "processor seconds", "bare client, MB")
    return _table("Memory of the module", head, rows, "Each is a process of its own, without Ansible around it.")


def _roles(results: Results) -> str:
    rows = []
    result = {one["sources"]: one["medians"] for one in find(results, measure="role")}
    for sources, medians in result.items():
        times = medians["seconds"] / result[1]["seconds"] if 1 in result else None
        rows.append([sources, medians["seconds"], times, medians["peak_kb"] / 1024])
    note = "The play `backup.audit.compliance` over servers of 1,000 workloads and 10,000 points each, 10 forks."
    return _table("The role", ("servers", "seconds", "times one", "largest process, MB"), rows, note)


def _assertions(results: Results) -> str:
    rows = []
    result = find(results, measure="assertion")
    looped = {one["workloads"]: one["loop"] for one in result if "loop" in one}
    for one in result:
        medians = one["medians"]
        loop = one["workloads"] * looped[max(looped)] / max(looped) if looped and not one["compressed"] else None
        shape = "compressed" if one["compressed"] else "readable"
        rows.append([one["workloads"], shape, medians["task"], medians["peak_kb"] / 1024, loop])
    note = """\
Seconds above an empty task, and the largest process of the play. Beside it a loop of `ansible.builtin.assert` over the
same rows, measured at 1,000 and extrapolated from there."""
    head = ("workloads", "rows", "seconds", "MB", "loop of assert, seconds")
    return _table("recovery_points_assert", head, rows, note)


def _filters(results: Results) -> str:
    rows = [
        [one["filter"], one["workloads"], one["medians"]["seconds"], one["characters"]]
        for one in find(results, measure="filter")
    ]
    return _table("Filters", ("filter", "workloads", "seconds", "characters"), rows)


def _tools(results: Results) -> str:
    rows = []
    for one in find(results, measure="tool"):
        medians = one["medians"]
        rows.append(
            [
                one["tool"],
                one["points"],
                medians["ping"],
                medians["task"],
                medians["own"],
                medians["task"] / medians["own"],
            ]
        )
    note = "Seconds. *task* is the info task with `compress: true` less *ping*; *its own* is the tool's listing alone."
    return _table("Tools", ("tool", "snapshots", "ping", "task", "its own", "times"), rows, note)


def _servers(results: Results) -> str:
    rows = [
        [one["product"], one["points"], *one["server"].values(), one["rendered_while_measured"]]
        for one in find(results, measure="wall")
    ]
    note = """\
With a client that receives and does nothing else: over 4 connections, of which 50 ms allow 80 answers a second, and
over 64. *not ready* are answers that were not prepared before they were measured."""
    head = ("product", "points", "answers a second", "MB a second", "answers a second of 64", "not ready")
    return _table("The server alone", head, rows, note)


_TABLES: tuple[Callable[[Results], str], ...] = (
    _bounds,
    _tasks,
    _plays,
    _memory,
    _roles,
    _assertions,
    _filters,
    _tools,
    _servers,
)
