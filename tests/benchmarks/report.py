# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as Markdown tables, which are also readable in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.benchmarks.bounds import LARGE, bounds
from tests.benchmarks.figures import Results, cost_per_additional, fastest_play, find, hand_seconds, series


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
            "met" if bound.is_met else "**not met**",
        ]
        for bound in bounds(results)
    ]
    return _table("Performance targets", ("target", "measured", "limit", "result"), rows)


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
Seconds. *task* is the info task minus the empty task (*ping*); *compressed* is the same with `compress: true`. The
*minimal client* reads the recovery points with the same number of connections and rows per page, decodes each body and
counts the rows. *same requests* is that client with all requests that the module sent, including inventory and
repositories. *ratio* is the task divided by the column before it."""
    head = (
        "product",
        "points",
        "requests",
        "ping",
        "task",
        "compressed",
        "minimal client",
        "ratio",
        "same requests",
        "ratio",
    )
    return _table("Info task", head, rows, note)


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
                [*_collection_cells(result), seconds, "single request", seconds / result["medians"]["audit_compressed"]]
            )
    note = """\
Seconds of the complete `ansible-playbook` run. *readable* and *compressed* (`compress: true`, as in the role) are
reading and evaluation with this collection. *fastest* is what no play can beat: the start of Ansible and of one module,
and the minimal client. *uri* is the same evaluation with a loop of `uri` over computed pages and
one Jinja template. *speedup* is *uri* divided by *compressed*. If the play with *uri* takes minutes, its time is
extrapolated: the work for each page grows with the number of pages, and the evaluation with the number of points.
*single request*: some servers can return everything in one response. There are no pages then, but both sides need
memory for this response."""
    head = ("product", "points", "readable", "compressed", "fastest", "uri", "source of uri", "speedup")
    return _table("Complete play", head, rows, note)


def _collection_cells(result: Mapping[str, Any]) -> list[Any]:
    medians = result["medians"]
    own = [medians["audit"], medians["audit_compressed"], fastest_play(medians)]
    return [result["product"], result["points"], *own]


def _memory(results: Results) -> str:
    rows = []
    for result in find(results, measure="memory"):
        peaks = series(results, "points", "module_peak_kb", measure="memory", product=result["product"])
        additional = cost_per_additional(peaks, LARGE, result["points"]) if result["points"] > LARGE else None
        own = [result["module_peak_kb"] / 1024, None if additional is None else additional * 1024, result["module_cpu"]]
        rows.append([result["product"], result["points"], *own, result["bare_peak_kb"] / 1024])
    head = ("product", "points", "module, MB", "bytes per additional point", "processor seconds", "minimal client, MB")
    return _table("Memory of the module", head, rows, "Each measurement uses a separate process, without Ansible.")


def _roles(results: Results) -> str:
    rows = []
    result = {one["sources"]: one["medians"] for one in find(results, measure="role")}
    for sources, medians in result.items():
        times = medians["seconds"] / result[1]["seconds"] if 1 in result else None
        rows.append([sources, medians["seconds"], times, medians["peak_kb"] / 1024])
    note = (
        "The playbook `backup.audit.compliance` for servers with 1,000 workloads and 10,000 points each, with 10 forks."
    )
    return _table("Role", ("servers", "seconds", "ratio to one server", "largest process, MB"), rows, note)


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
Seconds more than an empty task, and the largest process of the play. The last column is a loop of
`ansible.builtin.assert` over the same rows, measured with 1,000 workloads and extrapolated from there."""
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
    note = (
        "Seconds. *task* is the info task with `compress: true` minus *ping*; *own listing* is only the tool's listing."
    )
    return _table("Tools", ("tool", "snapshots", "ping", "task", "own listing", "ratio"), rows, note)


def _servers(results: Results) -> str:
    rows = [
        [one["product"], one["points"], *one["server"].values(), one["rendered_while_measured"]]
        for one in find(results, measure="wall")
    ]
    note = """\
Measured with a client that only receives, over 4 connections and over 64. With 4 connections, a latency of 50 ms allows
80 responses per second. *not prepared* are responses that were not prepared before the measurement."""
    head = (
        "product",
        "points",
        "responses per second",
        "MB per second",
        "responses per second over 64",
        "not prepared",
    )
    return _table("Server throughput", head, rows, note)


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
