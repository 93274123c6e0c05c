# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The performance targets, and whether the results meet them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.benchmarks.figures import Results, cost_per_additional, exponent, fastest_play, find, hand_seconds, series
from tests.benchmarks.recipes import RECIPES

SMALL, LARGE, MILLION = 10_000, 100_000, 1_000_000
MOST_EVALUATED = 50_000


@dataclass(frozen=True)
class Bound:
    """A measured value and its limit: a maximum, or a minimum if ``at_least``."""

    what: str
    measured: float
    limit: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Return whether the limit is met."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def bounds(results: Results) -> list[Bound]:
    """Evaluate all targets for which there are results."""
    return [bound for check in _CHECKS for bound in check(results)]


def _check_bare_client(results: Results) -> list[Bound]:
    found = []
    for result in find(results, measure="wall", points=LARGE):
        recipe, medians = RECIPES[result["product"]], result["medians"]
        if recipe.paged and not recipe.xml:
            what = f"{result['product']}: seconds of the task at 100,000 points (1.3 x minimal client + 0.3)"
            limit = 1.3 * medians["bare"] + 0.3
            found.append(Bound(what, medians["task"], limit))
            found.append(
                Bound(f"{result['product']}: the same compressed, as in the role", medians["task_compressed"], limit)
            )
    return found


def _check_play(results: Results) -> list[Bound]:
    found = []
    for result in find(results, measure="wall", points=LARGE):
        recipe, medians = RECIPES[result["product"]], result["medians"]
        if recipe.paged and not recipe.xml:
            what = f"{result['product']}: fastest possible play as a share of the play at 100,000 points"
            share = fastest_play(medians) / medians["audit_compressed"]
            found.append(Bound(what, share, 0.75, at_least=True))
    return found


def _check_handwritten_play(results: Results) -> list[Bound]:
    ratios = []
    for result in find(results, measure="wall", points=SMALL):
        hand = hand_seconds(results, result)
        if hand is not None:
            ratios.append(hand[0] / result["medians"]["audit_compressed"])
    what = f"median of the products: speedup over the play with uri at {SMALL:,} points"
    return [Bound(what, statistics.median(ratios), 8, at_least=True)] if ratios else []


def _check_memory(results: Results) -> list[Bound]:
    found = []
    for result in find(results, measure="memory", points=MILLION):
        name = result["product"]
        found.append(Bound(f"{name}: peak memory at 1,000,000 points, MB", result["module_peak_kb"] / 1024, 120))
        peaks = series(results, "points", "module_peak_kb", measure="memory", product=name)
        additional = cost_per_additional(peaks, LARGE, MILLION)
        if additional is not None:
            found.append(Bound(f"{name}: bytes per additional point above 100,000", additional * 1024, 40))
        growth = exponent(series(results, "points", "module_cpu", measure="memory", product=name))
        if growth is not None:
            found.append(Bound(f"{name}: exponent of cost by points", growth, 1.05))
    return found


def _check_role(results: Results) -> list[Bound]:
    costs = {one["sources"]: one["medians"]["seconds"] for one in find(results, measure="role")}
    growth = exponent(costs)
    return [] if growth is None else [Bound("role: exponent of cost by servers", growth, 1.05)]


def _check_assertion(results: Results) -> list[Bound]:
    found = []
    for result in find(results, measure="assertion", workloads=MOST_EVALUATED, compressed=True):
        found.append(
            Bound("assertion with 50,000 workloads: seconds more than an empty task", result["medians"]["task"], 3)
        )
        found.append(Bound("assertion with 50,000 workloads: MB", result["medians"]["peak_kb"] / 1024, 400))
    return found


def _check_tools(results: Results) -> list[Bound]:
    found = []
    for result in find(results, measure="tool"):
        what = f"{result['tool']}: seconds of the task for {result['points']:,} snapshots (1.2 x own listing + 0.5)"
        found.append(Bound(what, result["medians"]["task"], 1.2 * result["medians"]["own"] + 0.5))
    return found


def _check_other_cores(results: Results) -> list[Bound]:
    return [
        replace(bound, what=f"ansible-core {result['core']}, {bound.what}")
        for result in find(results, measure="core")
        for bound in bounds(result["results"])
    ]


_CHECKS: tuple[Callable[[Results], list[Bound]], ...] = (
    _check_bare_client,
    _check_play,
    _check_handwritten_play,
    _check_memory,
    _check_role,
    _check_assertion,
    _check_tools,
    _check_other_cores,
)
