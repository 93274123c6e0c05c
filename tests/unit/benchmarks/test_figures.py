# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computations on measured figures, and the tables and bounds based on them."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from tests.benchmarks.__main__ import MEASURES, list_jobs
from tests.benchmarks.bounds import Bound, bounds
from tests.benchmarks.figures import cost_per_additional, exponent, hand_seconds, medians, paired, series
from tests.benchmarks.recipes import RECIPES
from tests.benchmarks.report import tables

HAND: dict[str, Any] = {
    "seconds": 30.0,
    "tasks": {"Log in": 1.0, "First": 1.0, "Pages": 20.0, "Evaluate": 5.0},
    "points": 10_000,
    "wanted": 10_000,
    "share": 1.0,
    "by_workload": False,
}


def wall_result(points: int, *, product: str = "veeam_azure", **members: Any) -> dict[str, Any]:
    """Build a result in the form of ``reading.measure_wall_time``."""
    mid = {"ping": 0.5, "task": 5.0, "task_compressed": 4.0, "bare": 4.0, "same_calls": 4.5, "audit": 8.0}
    mid |= {"audit_compressed": 7.0, "start_compressed": 1.0, "ping_compressed": 0.5}
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


def memory_result(points: int, kilobytes: int, cpu: float) -> dict[str, Any]:
    """Build a result in the form of ``reading.measure_memory``."""
    own = {"module_peak_kb": kilobytes, "module_cpu": cpu, "bare_peak_kb": 40_000}
    return {"measure": "memory", "product": "veeam_azure", "points": points, **own}


def evaluate_bounds(results: list[dict[str, Any]]) -> dict[str, bool]:
    """Evaluate these results: each bound and whether it is met."""
    return {bound.what: bound.is_met for bound in bounds(results)}


def test_differences_are_medians_of_pairs() -> None:
    """Differences are taken within pairs: a noisy pair affects both sides."""
    measured = {"read": [3.0, 13.0, 4.0], "ping": [1.0, 11.0, 1.0], "none": []}
    assert medians(measured) == {"read": 4.0, "ping": 1.0}
    assert paired(measured, "read", "ping") == [2.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="shorter"):
        paired({"read": [1.0, 2.0], "ping": [1.0]}, "read", "ping")


def test_growth_exponent_of_linear_and_quadratic_cost() -> None:
    """Linear cost has exponent 1, quadratic cost 2; one scale is not enough."""
    assert exponent({10: 5.0, 1000: 500.0}) == pytest.approx(1)
    assert exponent({10: 1.0, 100: 100.0, 1000: 10_000.0}) == pytest.approx(2)
    assert exponent({10: 5.0}) is None
    assert cost_per_additional({100: 1000.0, 1100: 41_000.0}, 100, 1100) == pytest.approx(40)
    assert cost_per_additional({100: 1000.0}, 100, 1100) is None
    assert cost_per_additional({100: 1000.0}, 100, 100) is None


def test_series_of_one_product() -> None:
    """Only the requested results are used."""
    results = [memory_result(10, 1, 1.0), {**memory_result(100, 2, 1.0), "product": "spp"}, wall_result(10)]
    assert series(results, "points", "module_peak_kb", measure="memory", product="veeam_azure") == {10: 1.0}


def test_play_by_hand_is_extrapolated() -> None:
    """Time for pages and evaluation grows with the number of points; time for login and start does not."""
    results = [wall_result(10_000, hand=HAND), wall_result(100_000)]
    assert hand_seconds(results, results[0]) == (30.0, 10_000)
    assert hand_seconds(results, results[1]) == (30 - 25 + 200 + 50, 10_000)
    assert hand_seconds([wall_result(10_000)], wall_result(10_000)) is None


def test_calls_of_each_workload_do_not_grow_with_points() -> None:
    """With one request for each of 50 measured workloads, 500 workloads need ten times as many at every scale."""
    hand = {**HAND, "points": 1000, "share": 0.1, "by_workload": True}
    results = [wall_result(10_000, hand=hand), wall_result(100_000)]
    assert hand_seconds(results, results[0]) == (5 + 200 + 50, 1000)
    assert hand_seconds(results, results[1]) == (5 + 200 + 500, 1000)


def test_a_measured_play_is_preferred() -> None:
    """A play measured at this scale is not extrapolated."""
    measured = {**HAND, "points": 100_000, "wanted": 100_000, "seconds": 400.0}
    results = [wall_result(10_000, hand=HAND), wall_result(100_000, hand=measured)]
    assert hand_seconds(results, results[1]) == (400.0, 100_000)
    assert hand_seconds(results, results[0]) == (30.0, 10_000)


def test_bound_of_the_task() -> None:
    """1.3 times the bare client plus 0.3 s; XML, and products without pages, are reported without a bound."""
    close = wall_result(100_000, medians={"task": 5.5, "task_compressed": 5.51, "bare": 4.0})
    far = wall_result(100_000, product="spp", medians={"task": 5.51, "task_compressed": 5.5, "bare": 4.0})
    unbound = [
        wall_result(100_000, product=name, medians={"task": 50.0})
        for name in ("veeam_enterprise_manager_xml", "unitrends")
    ]
    met = evaluate_bounds([close, far, *unbound, wall_result(10_000, medians={"task": 50.0})])
    named = [
        (what.partition(":")[0], "compressed" in what, is_met) for what, is_met in met.items() if " play " not in what
    ]
    assert named == [
        ("veeam_azure", False, True),
        ("veeam_azure", True, False),
        ("spp", False, False),
        ("spp", True, True),
    ]


@pytest.mark.parametrize(("audit", "is_met"), [(8.0, True), (8.1, False)])
def test_bound_of_the_play(audit: float, is_met: bool) -> None:
    """Start of Ansible (1.5 s), of the module (0.5 s) and minimal client (4 s) are 6 s: 75 % of 8 s."""
    medians = {"start_compressed": 1.5, "ping_compressed": 0.5, "bare": 4.0, "audit_compressed": audit}
    unbound = wall_result(100_000, product="unitrends", medians={"audit_compressed": 50.0})
    met = evaluate_bounds([wall_result(100_000, medians=medians), unbound])
    shares = {what: is_met for what, is_met in met.items() if "fastest possible play" in what}
    assert shares == {"veeam_azure: fastest possible play as a share of the play at 100,000 points": is_met}


@pytest.mark.parametrize(("audit", "is_met"), [(3.75, True), (3.76, False)])
def test_bound_of_the_play_with_uri(audit: float, is_met: bool) -> None:
    """The play with uri takes 30 s, at least 8 times as long at 10,000 points."""
    met = evaluate_bounds([wall_result(10_000, hand=HAND, medians={"audit_compressed": audit})])
    assert met == {"median of the products: speedup over the play with uri at 10,000 points": is_met}


def test_bounds_of_memory() -> None:
    """At most 120 MB, 40 bytes a point, and cost that grows no faster than the points."""
    low = [
        memory_result(10_000, 50_000, 1.0),
        memory_result(100_000, 60_000, 5.0),
        memory_result(1_000_000, 90_000, 100.0),
    ]
    assert list(evaluate_bounds(low).values()) == [True, True, True]
    high = [
        memory_result(10_000, 50_000, 1.0),
        memory_result(100_000, 60_000, 5.0),
        memory_result(1_000_000, 130_000, 200.0),
    ]
    assert list(evaluate_bounds(high).values()) == [False, False, False]


def test_bounds_of_evaluation() -> None:
    """Cost is linear in servers, and 50,000 workloads take at most 3 s and 400 MB."""
    roles = [
        {"measure": "role", "sources": sources, "medians": {"seconds": seconds, "peak_kb": 80_000.0}}
        for sources, seconds in ((1, 2.0), (50, 110.0))
    ]
    judged = {
        "measure": "assertion",
        "workloads": 50_000,
        "compressed": True,
        "medians": {"task": 3.1, "peak_kb": 400 * 1024.0},
    }
    assert list(evaluate_bounds([*roles, judged]).values()) == [True, False, True]


@pytest.mark.parametrize(("task", "is_met"), [(1.7, True), (1.71, False)])
def test_bound_of_a_tool(task: float, is_met: bool) -> None:
    """1.2 times the tool's own listing plus 0.5 s."""
    met = {"measure": "tool", "tool": "restic", "points": 5000, "medians": {"ping": 0.4, "task": task, "own": 1.0}}
    assert list(evaluate_bounds([met]).values()) == [is_met]
    assert "| restic | 5,000" in tables({}, [met])


def test_bounds_are_checked_for_each_version_of_ansible_core() -> None:
    """A bound that is met with the newest ansible-core may be missed with the oldest."""
    slow = {"measure": "core", "core": "2.16.19", "results": [wall_result(100_000, medians={"task": 50.0})]}
    met = evaluate_bounds([wall_result(100_000), slow])
    assert list(met.values()) == [True, True, True, False, True, True]
    assert list(met)[3] == f"ansible-core 2.16.19, {next(iter(met))}"


def test_required_measurements_run_first() -> None:
    """A run that is stopped early has measured every product at 100,000 points before anything else."""
    options = argparse.Namespace(
        small=False, pairs=5, only=MEASURES, product=None, points=None, no_hand=False, core=None, workloads=500
    )
    labels = [label for _rank, label, _measure in list_jobs(options)]
    first = [name for name, recipe in RECIPES.items() if not recipe.xml]
    assert labels[: 2 * len(first)] == [f"time {name} {points}" for points in (100_000, 10_000) for name in first]
    rest = [
        "memory veeam_azure 1000000",
        "assertion 50000 compressed",
        "restic",
        "core 2.16",
        "role 1",
        "role 10",
        "role 50",
    ]
    assert labels[2 * len(first) :][: len(rest)] == rest
    assert "time veeam_enterprise_manager_xml 100000" in labels[2 * len(first) + len(rest) :]


def test_bound_at_least() -> None:
    """A limit may also be a minimum."""
    assert Bound("times", 8.0, 8, at_least=True).is_met
    assert not Bound("times", 7.9, 8, at_least=True).is_met


def test_tables_mark_missed_bounds() -> None:
    """Every measurement has a table, and missed bounds are marked."""
    results = [
        wall_result(10_000, hand=HAND, whole={**HAND, "seconds": 14.0}),
        wall_result(100_000, medians={"task": 99.0}),
        memory_result(1_000_000, 500_000, 9.0),
        {"measure": "filter", "filter": "to_csv", "workloads": 5000, "characters": 9, "medians": {"seconds": 0.5}},
        {
            "measure": "assertion",
            "workloads": 1000,
            "compressed": False,
            "loop": 30.0,
            "medians": {"task": 1, "peak_kb": 9},
        },
        {"measure": "assertion", "workloads": 5000, "compressed": False, "medians": {"task": 1, "peak_kb": 9}},
    ]
    text = tables({"at": "today", "python": "3.13"}, results)
    assert text.startswith("Measured today, python 3.13.\n")
    for title in (
        "Performance targets",
        "Info task",
        "Complete play",
        "Memory",
        "recovery_points_assert",
        "Filters",
        "Server throughput",
    ):
        assert f"### {title}" in text
    assert text.count("**not met**") == 3
    assert "from 10,000 points" in text
    assert "| 14.00 | single request     | 2.00" in text
    # 1.0 s start of Ansible, 0.5 s of the module, 4.0 s minimal client.
    assert "| 7.00       | 5.50    |" in text
    # The loop over 5,000 takes five times as long as the loop over 1,000.
    assert "| 150" in text
    assert "### Role" not in text
