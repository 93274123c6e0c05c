# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold, and whether it does."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.benchmarks.figures import Results, exponent, find, hand_seconds, per_further, series
from tests.benchmarks.recipes import RECIPES

SMALL, LARGE, MILLION = 10_000, 100_000, 1_000_000
MOST_JUDGED = 50_000


@dataclass(frozen=True)
class Bound:
    """One measured value and the limit that it must keep: at most that, or at least."""

    what: str
    measured: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether it is kept."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def bounds(results: Results) -> list[Bound]:
    """All that can be told from these results."""
    return [bound for check in _CHECKS for bound in check(results)]


def _near_bare(results: Results) -> list[Bound]:
    found = []
    for told in find(results, measure="wall", points=LARGE):
        recipe, medians = RECIPES[told["product"]], told["medians"]
        if recipe.paged and not recipe.xml:
            what = f"{told['product']}: seconds of the task at 100,000 points (1.3 x bare client + 0.3)"
            limit = 1.3 * medians["bare"] + 0.3
            found.append(Bound(what, medians["task"], limit))
            found.append(Bound(f"{told['product']}: the same packed, as the role reads", medians["task_packed"], limit))
    return found


def _far_from_hand(results: Results) -> list[Bound]:
    found = []
    for points, limit in ((SMALL, 8), (LARGE, 40)):
        ratios = []
        for told in find(results, measure="wall", points=points):
            hand = hand_seconds(results, told)
            if hand is not None:
                ratios.append(hand[0] / told["medians"]["audit_packed"])
        if ratios:
            what = f"median product: times faster than the play with uri at {points:,} points"
            found.append(Bound(what, statistics.median(ratios), limit, at_least=True))
    return found


def _in_memory(results: Results) -> list[Bound]:
    found = []
    for told in find(results, measure="memory", points=MILLION):
        name = told["product"]
        found.append(Bound(f"{name}: peak memory at 1,000,000 points, MB", told["module_peak_kb"] / 1024, 120))
        peaks = series(results, "points", "module_peak_kb", measure="memory", product=name)
        further = per_further(peaks, LARGE, MILLION)
        if further is not None:
            found.append(Bound(f"{name}: bytes for each further point above 100,000", further * 1024, 40))
        grown = exponent(series(results, "points", "module_cpu", measure="memory", product=name))
        if grown is not None:
            found.append(Bound(f"{name}: exponent of cost in points", grown, 1.05))
    return found


def _in_sources(results: Results) -> list[Bound]:
    costs = {one["sources"]: one["medians"]["seconds"] for one in find(results, measure="role")}
    grown = exponent(costs)
    return [] if grown is None else [Bound("role: exponent of cost in servers", grown, 1.05)]


def _asserted(results: Results) -> list[Bound]:
    found = []
    for told in find(results, measure="assertion", workloads=MOST_JUDGED, packed=True):
        found.append(Bound("assertion of 50,000 workloads: seconds above an empty task", told["medians"]["task"], 3))
        found.append(Bound("assertion of 50,000 workloads: MB", told["medians"]["peak_kb"] / 1024, 400))
    return found


def _beside_tools(results: Results) -> list[Bound]:
    found = []
    for told in find(results, measure="tool"):
        what = f"{told['tool']}: seconds of the task over {told['points']:,} snapshots (1.2 x its own listing + 0.5)"
        found.append(Bound(what, told["medians"]["task"], 1.2 * told["medians"]["own"] + 0.5))
    return found


def _on_other_cores(results: Results) -> list[Bound]:
    return [
        replace(bound, what=f"ansible-core {told['core']}, {bound.what}")
        for told in find(results, measure="core")
        for bound in bounds(told["results"])
    ]


_CHECKS: tuple[Callable[[Results], list[Bound]], ...] = (
    _near_bare,
    _far_from_hand,
    _in_memory,
    _in_sources,
    _asserted,
    _beside_tools,
    _on_other_cores,
)
