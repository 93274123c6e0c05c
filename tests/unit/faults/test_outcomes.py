# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluation of the fault matrix: what it must report as incorrect, so that a table without it has a meaning."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import seal
from tests.faults.cases import REJECTED, TOLERATED, Case, once
from tests.faults.child import Run
from tests.faults.outcomes import evaluate_run
from tests.unit.plugins.module_utils._policy.policy_rows import UNSURE, ago, read, row

CASE = Case("some fault", once("empty"), messages=("is empty",))


def truth() -> dict[str, Any]:
    attributes = {"recovery_points": {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30)}}
    encrypted = {"count": 20, "newest": ago(hours=5), "oldest": ago(days=30), "unknown": 10}
    places = [{"location": "disk", "count": 30, "newest": ago(hours=5)}]
    made = row(
        attributes={**attributes, "encrypted": encrypted}, malware={"clean": 29, "infected": 1}, locations=places
    )
    idle = row(workload_id="id-2", workload_name="idle", recovery_points=0, newest=None, oldest=None, gaps=None)
    return read(made, idle, totals={"workloads": 2})


def changed_truth(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Return the truth, changed and sealed again."""
    made = copy.deepcopy(truth())
    del made["sha256"]
    change(made)
    return seal(made)


def make_run(result: dict[str, Any] | None, *, hung: bool = False, output: str = "") -> Run:
    return Run(result, output, 1.0, hung)


def first_row(read_: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = read_["workloads"][0]
    return found


def test_the_same_is_tolerated() -> None:
    assert evaluate_run(CASE, make_run(truth()), truth()).outcome == "tolerated"


@pytest.mark.parametrize(
    "change",
    [
        lambda made: first_row(made).update(recovery_points=31),
        lambda made: first_row(made).update(newest=ago(hours=4)),
        lambda made: first_row(made).update(oldest=ago(days=31)),
        lambda made: first_row(made)["gaps"].update({"7d": 3600}),
        lambda made: first_row(made)["calendar"].update(days=31),
        lambda made: first_row(made)["attributes"]["encrypted"].update(count=21),
        lambda made: first_row(made)["attributes"]["encrypted"].pop("unknown"),
        lambda made: first_row(made).update(malware={"clean": 30}),
        lambda made: first_row(made)["locations"].append({"location": "cloud", "count": 1}),
        lambda made: made["workloads"].pop(1),
        lambda made: made["workloads"].append(row(workload_id="id-9", workload_name="invented")),
    ],
)
def test_a_better_result_is_incorrect(change: Callable[[dict[str, Any]], Any]) -> None:
    verdict = evaluate_run(CASE, make_run(changed_truth(change)), truth())
    assert verdict.outcome == "incorrect"
    assert "better than the truth" in verdict.why


@pytest.mark.parametrize(
    "change",
    [
        lambda made: first_row(made).update(recovery_points=28),
        lambda made: first_row(made)["attributes"].update(recovery_points=UNSURE),
        lambda made: first_row(made).update(newest=ago(hours=6)),
        lambda made: made.update(complete=False, workloads=[]),
        lambda made: first_row(made).update(workload_name=None),
    ],
)
def test_less_than_the_truth_is_degraded(change: Callable[[dict[str, Any]], Any]) -> None:
    assert evaluate_run(CASE, make_run(changed_truth(change)), truth()).outcome == "degraded"


def test_ages_may_differ_by_the_time_between_two_readings() -> None:
    older = changed_truth(lambda made: first_row(made)["gaps"].update({"7d": 25 * 3600 + 60}))
    assert evaluate_run(CASE, make_run(older), truth()).outcome == "tolerated"


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (make_run(None, hung=True), "hang"),
        (make_run(None, output="Segmentation fault"), "no result"),
        (make_run({"failed": True, "msg": "spp: unexpected KeyError: 'id'"}), "traceback"),
        (make_run({"failed": True, "msg": "the response is empty", "exception": "File ..."}), "traceback"),
        (make_run({"failed": True, "msg": "something is wrong"}), "does not name the cause"),
    ],
)
def test_hangs_tracebacks_and_unclear_messages_are_incorrect(run: Run, why: str) -> None:
    verdict = evaluate_run(CASE, run, truth())
    assert verdict.outcome == "incorrect"
    assert why in verdict.why


def test_what_must_be_tolerated_may_not_be_rejected_nor_the_other_way_round() -> None:
    rejected = make_run({"failed": True, "msg": "the response is empty"})
    assert evaluate_run(CASE, rejected, truth()).outcome == "rejected"
    assert evaluate_run(Case("passes", once("empty"), must=TOLERATED), rejected, truth()).outcome == "incorrect"
    assert evaluate_run(Case("lasts", once("empty"), must=REJECTED), make_run(truth()), truth()).outcome == "incorrect"


def test_a_wrong_clock_must_be_reported() -> None:
    ahead = Case("clock", once("clock"), clock=7200)
    assert evaluate_run(ahead, make_run(truth()), truth()).outcome == "incorrect"
    skewed = changed_truth(lambda made: made["server"].update(clock_skew_seconds=7201))
    assert evaluate_run(ahead, make_run(skewed), truth()).outcome == "tolerated"
