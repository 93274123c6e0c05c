# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of measured figures: medians, differences, how cost grows, and what is extrapolated."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]
Results = Sequence[Result]


def medians(measured: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each series that has values."""
    return {name: statistics.median(values) for name, values in measured.items() if values}


def paired(measured: Mapping[str, Sequence[float]], more: str, less: str) -> list[float]:
    """The difference within each pair, so that what slows both of a pair does not count."""
    return [left - right for left, right in zip(measured[more], measured[less], strict=True)]


def exponent(costs: Mapping[int, float]) -> float | None:
    """How cost grows from the smallest number to the largest: 1 is linearly."""
    if len(costs) < 2:
        return None
    small, large = min(costs), max(costs)
    return math.log(costs[large] / costs[small]) / math.log(large / small)


def per_further(costs: Mapping[int, float], small: int, large: int) -> float | None:
    """What each one between two numbers costs."""
    if small not in costs or large not in costs or small == large:
        return None
    return (costs[large] - costs[small]) / (large - small)


def find(results: Results, **wanted: Any) -> list[Result]:
    """The results that have these members."""
    return [result for result in results if all(result.get(name) == value for name, value in wanted.items())]


def series(results: Results, key: str, value: str, **wanted: Any) -> dict[int, float]:
    """One member of the results by another."""
    return {int(result[key]): float(result[value]) for result in find(results, **wanted)}


def hand_seconds(results: Results, told: Result) -> tuple[float, int] | None:
    """(seconds, points measured) of the play by hand at the points of ``told``.

    What is done for each page grows with the pages, the verdict with the points. Where each workload has a call of its
    own, there are as many calls at every scale.
    """
    measured = [one["hand"] for one in find(results, measure="wall", product=told["product"]) if one.get("hand")]
    if not measured:
        return None
    hand = max(measured, key=lambda one: (one["wanted"] == told["points"], one["wanted"]))
    tasks, grown = hand["tasks"], told["points"] / hand["points"]
    pages = 1 / hand["share"] if hand["by_workload"] else grown
    fixed = hand["seconds"] - tasks["Pages"] - tasks["Judge"]
    return fixed + tasks["Pages"] * pages + tasks["Judge"] * grown, hand["points"]
