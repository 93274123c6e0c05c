# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of measured figures, and the tables and bounds that come of it."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from tests.benchmarks.__main__ import MEASURES, jobs_of
from tests.benchmarks.bounds import Bound, bounds
from tests.benchmarks.figures import exponent, hand_seconds, medians, paired, per_further, series
from tests.benchmarks.recipes import RECIPES
from tests.benchmarks.report import tables

HAND: dict[str, Any] = {
    "seconds": 30.0,
    "tasks": {"Log in": 1.0, "First": 1.0, "Pages": 20.0, "Judge": 5.0},
    "points": 10_000,
    "wanted": 10_000,
    "share": 1.0,
    "by_workload": False,
}


def wall(points: int, *, product: str = "veeam_azure", **members: Any) -> dict[str, Any]:
    """A result as ``reading.wall`` gives it."""
    mid = {"ping": 0.5, "task": 5.0, "task_packed": 4.0, "bare": 4.0, "same_calls": 4.5, "audit": 8.0}
    mid["audit_packed"] = 7.0
    return {
        "measure": "wall",
        "product": product,
        "points": points,
        "calls": 20,
        "server": {"answers_per_second": 80.0, "megabytes_per_second": 30.0, "answers_per_second_of_64": 1000.0},
        "rendered_while_measured": 0,
        "medians": {**mid, **members.pop("medians", {})},
        **members,
    }


def memory(points: int, kilobytes: int, cpu: float) -> dict[str, Any]:
    """A result as ``reading.memory`` gives it."""
    own = {"module_peak_kb": kilobytes, "module_cpu": cpu, "bare_peak_kb": 40_000}
    return {"measure": "memory", "product": "veeam_azure", "points": points, **own}


def held(results: list[dict[str, Any]]) -> dict[str, bool]:
    """Each bound that these results tell, and whether it holds."""
    return {bound.what: bound.holds for bound in bounds(results)}


def test_medians_and_pairs() -> None:
    """The difference is taken within pairs: a noisy pair moves both of its sides."""
    measured = {"read": [3.0, 13.0, 4.0], "ping": [1.0, 11.0, 1.0], "none": []}
    assert medians(measured) == {"read": 4.0, "ping": 1.0}
    assert paired(measured, "read", "ping") == [2.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="shorter"):
        paired({"read": [1.0, 2.0], "ping": [1.0]}, "read", "ping")


def test_growth() -> None:
    """Linear cost has exponent 1, quadratic 2; one scale tells nothing."""
    assert exponent({10: 5.0, 1000: 500.0}) == pytest.approx(1)
    assert exponent({10: 1.0, 100: 100.0, 1000: 10_000.0}) == pytest.approx(2)
    assert exponent({10: 5.0}) is None
    assert per_further({100: 1000.0, 1100: 41_000.0}, 100, 1100) == pytest.approx(40)
    assert per_further({100: 1000.0}, 100, 1100) is None
    assert per_further({100: 1000.0}, 100, 100) is None


def test_series_of_one_product() -> None:
    """Only what is asked for is taken."""
    results = [memory(10, 1, 1.0), {**memory(100, 2, 1.0), "product": "spp"}, wall(10)]
    assert series(results, "points", "module_peak_kb", measure="memory", product="veeam_azure") == {10: 1.0}


def test_play_by_hand_is_extrapolated() -> None:
    """Pages and verdict grow with the points, log-in and start do not."""
    results = [wall(10_000, hand=HAND), wall(100_000)]
    assert hand_seconds(results, results[0]) == (30.0, 10_000)
    assert hand_seconds(results, results[1]) == (30 - 25 + 200 + 50, 10_000)
    assert hand_seconds([wall(10_000)], wall(10_000)) is None


def test_calls_of_each_workload_do_not_grow_with_points() -> None:
    """With one call for each of 50 workloads measured, 500 are ten times as many at every scale."""
    hand = {**HAND, "points": 1000, "share": 0.1, "by_workload": True}
    results = [wall(10_000, hand=hand), wall(100_000)]
    assert hand_seconds(results, results[0]) == (5 + 200 + 50, 1000)
    assert hand_seconds(results, results[1]) == (5 + 200 + 500, 1000)


def test_a_measured_play_is_preferred() -> None:
    """Where it was measured at this scale, nothing is extrapolated."""
    measured = {**HAND, "points": 100_000, "wanted": 100_000, "seconds": 400.0}
    results = [wall(10_000, hand=HAND), wall(100_000, hand=measured)]
    assert hand_seconds(results, results[1]) == (400.0, 100_000)
    assert hand_seconds(results, results[0]) == (30.0, 10_000)


def test_bound_of_the_task() -> None:
    """1.3 times the bare client and 0.3 s; XML, and what has no pages, is reported and not bound."""
    close = wall(100_000, medians={"task": 5.5, "task_packed": 5.51, "bare": 4.0})
    far = wall(100_000, product="spp", medians={"task": 5.51, "task_packed": 5.5, "bare": 4.0})
    unbound = [
        wall(100_000, product=name, medians={"task": 50.0}) for name in ("veeam_enterprise_manager_xml", "unitrends")
    ]
    told = held([close, far, *unbound, wall(10_000, medians={"task": 50.0})])
    named = [(what.partition(":")[0], "packed" in what, holds) for what, holds in told.items()]
    assert named == [
        ("veeam_azure", False, True),
        ("veeam_azure", True, False),
        ("spp", False, False),
        ("spp", True, True),
    ]


@pytest.mark.parametrize(("audit", "holds"), [(255 / 40, True), (6.4, False)])
def test_bound_of_the_play(audit: float, holds: bool) -> None:
    """40 times at 100,000 points, 8 times at 10,000."""
    results = [wall(10_000, hand=HAND, medians={"audit_packed": 3.75}), wall(100_000, medians={"audit_packed": audit})]
    told = held([*results])
    assert told["median product: times faster than the play with uri at 10,000 points"] is True
    assert told["median product: times faster than the play with uri at 100,000 points"] is holds


def test_bounds_of_memory() -> None:
    """At most 120 MB, 40 bytes a point, and cost that grows no faster than points."""
    lean = [memory(10_000, 50_000, 1.0), memory(100_000, 60_000, 5.0), memory(1_000_000, 90_000, 100.0)]
    assert list(held(lean).values()) == [True, True, True]
    fat = [memory(10_000, 50_000, 1.0), memory(100_000, 60_000, 5.0), memory(1_000_000, 130_000, 200.0)]
    assert list(held(fat).values()) == [False, False, False]


def test_bounds_of_judging() -> None:
    """Servers add up, and 50,000 workloads take 3 s and 400 MB at most."""
    roles = [
        {"measure": "role", "sources": sources, "medians": {"seconds": seconds, "peak_kb": 80_000.0}}
        for sources, seconds in ((1, 2.0), (50, 110.0))
    ]
    judged = {
        "measure": "assertion",
        "workloads": 50_000,
        "packed": True,
        "medians": {"task": 3.1, "peak_kb": 400 * 1024.0},
    }
    assert list(held([*roles, judged]).values()) == [True, False, True]


@pytest.mark.parametrize(("task", "holds"), [(1.7, True), (1.71, False)])
def test_bound_of_a_tool(task: float, holds: bool) -> None:
    """1.2 times what the tool's own listing takes, and 0.5 s."""
    told = {"measure": "tool", "tool": "restic", "points": 5000, "medians": {"ping": 0.4, "task": task, "own": 1.0}}
    assert list(held([told]).values()) == [holds]
    assert "| restic | 5,000" in tables({}, [told])


def test_bounds_on_another_core_are_told_apart() -> None:
    """What holds on the newest ansible-core says nothing of the oldest."""
    slow = {"measure": "core", "core": "2.16.19", "results": [wall(100_000, medians={"task": 50.0})]}
    told = held([wall(100_000), slow])
    assert list(told.values()) == [True, True, False, True]
    assert list(told)[2] == f"ansible-core 2.16.19, {next(iter(told))}"


def test_what_must_hold_is_measured_first() -> None:
    """A run that is ended early has measured every product at 100,000 points before anything else."""
    options = argparse.Namespace(
        small=False, pairs=5, only=MEASURES, product=None, points=None, no_hand=False, core=None, workloads=500
    )
    labels = [label for _rank, label, _measure in jobs_of(options)]
    first = [name for name, recipe in RECIPES.items() if not recipe.xml]
    assert labels[: 2 * len(first)] == [f"wall {name} {points}" for points in (100_000, 10_000) for name in first]
    rest = [
        "memory veeam_azure 1000000",
        "assertion 50000 packed",
        "restic",
        "core 2.16",
        "role 1",
        "role 10",
        "role 50",
    ]
    assert labels[2 * len(first) :][: len(rest)] == rest
    assert "wall veeam_enterprise_manager_xml 100000" in labels[2 * len(first) + len(rest) :]


def test_bound_at_least() -> None:
    """A limit may be the least, too."""
    assert Bound("times", 8.0, 8, at_least=True).holds
    assert not Bound("times", 7.9, 8, at_least=True).holds


def test_tables_say_what_does_not_hold() -> None:
    """Every measure has its table, and a broken bound is not hidden."""
    results = [
        wall(10_000, hand=HAND, whole={**HAND, "seconds": 14.0}),
        wall(100_000, medians={"task": 99.0}),
        memory(1_000_000, 500_000, 9.0),
        {"measure": "filter", "filter": "to_csv", "workloads": 5000, "characters": 9, "medians": {"seconds": 0.5}},
        {
            "measure": "assertion",
            "workloads": 1000,
            "packed": False,
            "loop": 30.0,
            "medians": {"task": 1, "peak_kb": 9},
        },
        {"measure": "assertion", "workloads": 5000, "packed": False, "medians": {"task": 1, "peak_kb": 9}},
    ]
    text = tables({"at": "today", "python": "3.13"}, results)
    assert text.startswith("Measured today, python 3.13.\n")
    for title in (
        "What must hold",
        "One task",
        "One play",
        "Memory",
        "recovery_points_assert",
        "Filters",
        "The server",
    ):
        assert f"### {title}" in text
    assert text.count("**does not hold**") == 4
    assert "from 10,000 points" in text
    assert "| 14.00 | one call for all   | 2.00" in text
    # The loop of 5,000 is five times that of 1,000.
    assert "| 150" in text
    assert "### The role" not in text
