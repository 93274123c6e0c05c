# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computations on measured figures: medians, differences, growth of cost, and extrapolation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]
Results = Sequence[Result]


def medians(measured: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median of each series that has values."""
    return {name: statistics.median(values) for name, values in measured.items() if values}


def paired(measured: Mapping[str, Sequence[float]], more: str, less: str) -> list[float]:
    """Return the difference within each pair, so that a slowdown of both runs of a pair cancels out."""
    return [left - right for left, right in zip(measured[more], measured[less], strict=True)]


def exponent(costs: Mapping[int, float]) -> float | None:
    """Return the exponent with which cost grows from the smallest number to the largest: 1 is linear."""
    if len(costs) < 2:
        return None
    small, large = min(costs), max(costs)
    return math.log(costs[large] / costs[small]) / math.log(large / small)


def cost_per_additional(costs: Mapping[int, float], small: int, large: int) -> float | None:
    """Return the cost of each additional item between two numbers."""
    if small not in costs or large not in costs or small == large:
        return None
    return (costs[large] - costs[small]) / (large - small)


def find(results: Results, **wanted: Any) -> list[Result]:
    """List the results with these fields."""
    return [result for result in results if all(result.get(name) == value for name, value in wanted.items())]


def series(results: Results, key: str, value: str, **wanted: Any) -> dict[int, float]:
    """Map one field of the results to another."""
    return {int(result[key]): float(result[value]) for result in find(results, **wanted)}


def fastest_play(medians: Mapping[str, float]) -> float:
    """Return the seconds of a play that only starts Ansible and one module and receives the pages."""
    return medians["start_compressed"] + medians["ping_compressed"] + medians["bare"]


def hand_seconds(results: Results, result: Result) -> tuple[float, int] | None:
    """Return (seconds, points measured) of the handwritten play, scaled to the points of ``result``.

    The time for reading grows with the number of pages, the time for evaluating with the number of points. If each
    workload needs its own request, the number of requests is the same at every scale.
    """
    measured = [one["hand"] for one in find(results, measure="wall", product=result["product"]) if one.get("hand")]
    if not measured:
        return None
    hand = max(measured, key=lambda one: (one["wanted"] == result["points"], one["wanted"]))
    tasks, grown = hand["tasks"], result["points"] / hand["points"]
    pages = 1 / hand["share"] if hand["by_workload"] else grown
    fixed = hand["seconds"] - tasks["Pages"] - tasks["Evaluate"]
    return fixed + tasks["Pages"] * pages + tasks["Evaluate"] * grown, hand["points"]
