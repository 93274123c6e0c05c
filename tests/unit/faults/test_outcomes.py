# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classification of results in the fault matrix: which results must be reported as incorrect."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from tests.faults.cases import REJECTED, TOLERATED, Case, once
from tests.faults.child import Run
from tests.faults.outcomes import evaluate_run

CASE = Case("some fault", once("empty"), messages=("is empty",))
HOUR = 3600 * SECOND
NOW = time.time_ns() // 1000
WEB = Workload(id="id-1", name="web01", type="vm", in_inventory=False)
IDLE = Workload(id="id-2", name="idle", type="vm")


def point(night: int, workload: Workload = WEB, **facts: Any) -> RecoveryPoint:
    """Build a point that is this many nights old."""
    created = NOW - 5 * HOUR - night * DAY * SECOND
    copies = [Copy(location="disk", location_type="disk")]
    usual = {"kind": "incremental", "status": "success", "usable": True, "malware": "clean", "copies": copies}
    return RecoveryPoint(id=f"{workload.id}-{created}", workload=workload, created=created, **{**usual, **facts})


def truth() -> list[RecoveryPoint]:
    """Return 30 points, the newest first: encryption of the ten oldest is unknown, the second newest is infected."""
    points = [point(night, encrypted=True if night < 20 else None) for night in range(30)]
    points[1].malware = "infected"
    points[2].usable = None
    points[3].immutable_until = NOW + 10 * DAY * SECOND
    points[4].restore_tested, points[4].tested_at = True, NOW - 2 * DAY * SECOND
    points[5].offsite, points[5].inferred = True, ("offsite",)
    return points


def read(
    points: list[RecoveryPoint],
    idle: Workload | None = IDLE,
    *,
    complete: bool = True,
    skew: int = 0,
    product: str = "spp",
) -> dict[str, Any]:
    """Build the read result of these points."""
    collector = Collector("spp1", product)
    collector.skew_micros = skew * SECOND
    if not complete:
        collector.add_problem(DataError("the list could not be read"))
    if idle is not None:
        collector.add_workload(idle)
    for one in points:
        collector.add_point(one)
    return collector.result()


def make_run(result: dict[str, Any] | None, *, hung: bool = False, output: str = "") -> Run:
    return Run(result, output, 1.0, hung)


def changed(change: Callable[[list[RecoveryPoint]], Any]) -> dict[str, Any]:
    """Return the truth with a change."""
    points = copy.deepcopy(truth())
    change(points)
    return read(points)


def fact(night: int, **facts: Any) -> Callable[[list[RecoveryPoint]], Any]:
    """Change a point."""

    def change(points: list[RecoveryPoint]) -> None:
        points[night] = dataclasses.replace(points[night], **facts)

    return change


def test_an_unchanged_result_is_tolerated() -> None:
    assert evaluate_run(CASE, make_run(read(truth())), read(truth())).outcome == "tolerated"


def test_order_and_repetition_of_copies_do_not_matter() -> None:
    places = [Copy(location="disk", location_type="disk"), Copy(location="cloud", location_type="object")]
    before, after = truth(), truth()
    before[0].copies, after[0].copies = places, [places[1], places[0], places[1]]
    assert evaluate_run(CASE, make_run(read(after)), read(before)).outcome == "tolerated"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda points: points.append(point(30)), "that was not there"),
        (lambda points: points.append(dataclasses.replace(points[7], id="again")), "that was not there"),
        (fact(0, created=NOW - 4 * HOUR), "that was not there"),
        (fact(29, created=NOW - 31 * DAY * SECOND), "that was not there"),
        (fact(2, usable=True), "usable: None became true"),
        (fact(0, kind="full"), "kind: incremental became full"),
        (fact(25, encrypted=True), "encrypted: None became true"),
        (fact(5, inferred=()), "offsite: no longer inferred"),
        (fact(1, malware="clean"), "malware: infected became clean"),
        (fact(3, immutable_until=NOW + 11 * DAY * SECOND), "immutable_until: "),
        (fact(6, immutable_until=NOW + 11 * DAY * SECOND), "immutable: None became true"),
        (fact(4, tested_at=NOW - DAY * SECOND), "tested_at: "),
        (fact(0, copies=[Copy(location="disk"), Copy(location="cloud")]), "more locations: cloud"),
        (lambda points: points.pop(1), "malware: all have it"),
        (lambda points: points.__delitem__(slice(20, 30)), "encrypted: all have it"),
        (
            lambda points: points.append(point(1, Workload(id="id-9", name="invented", type="vm"))),
            "invented is not a workload",
        ),
    ],
)
def test_a_better_result_is_incorrect(change: Callable[[list[RecoveryPoint]], Any], why: str) -> None:
    verdict = evaluate_run(CASE, make_run(changed(change)), read(truth()))
    assert verdict.outcome == "incorrect"
    assert "better than the truth" in verdict.why
    assert why in verdict.why


def test_a_deleted_workload_that_seems_to_exist_is_incorrect() -> None:
    existing = dataclasses.replace(WEB, in_inventory=True)
    points = [dataclasses.replace(one, workload=existing) for one in truth()]
    verdict = evaluate_run(CASE, make_run(read(points)), read(truth()))
    assert (verdict.outcome, verdict.why) == ("incorrect", "better than the truth: web01: back in inventory")


def test_a_silently_missing_workload_is_incorrect() -> None:
    verdict = evaluate_run(CASE, make_run(read(truth(), None)), read(truth()))
    assert (verdict.outcome, verdict.why) == ("incorrect", "better than the truth: idle is missing without an error")


@pytest.mark.parametrize(
    "change",
    [
        lambda points: points.pop(10),
        fact(0, usable=None),
        fact(0, usable=False),
        fact(0, kind="unknown"),
        fact(0, kind="backup"),
        fact(0, encrypted=None),
        fact(0, encrypted=False),
        fact(0, malware="suspicious"),
        fact(0, malware=None),
        fact(0, copies=None),
        fact(3, immutable_until=None),
        fact(3, immutable_until=NOW + 9 * DAY * SECOND),
        fact(4, restore_tested=None, tested_at=None),
        # A point that proves nothing may have any values.
        fact(2, encrypted=None, created=NOW - HOUR),
    ],
)
def test_a_result_with_less_than_the_truth_is_degraded(change: Callable[[list[RecoveryPoint]], Any]) -> None:
    assert evaluate_run(CASE, make_run(changed(change)), read(truth())).outcome == "degraded"


def test_results_that_are_partial_or_without_names_are_degraded() -> None:
    partial = read([], None, complete=False)
    assert evaluate_run(CASE, make_run(partial), read(truth())).outcome == "degraded"
    nameless = [dataclasses.replace(one, workload=Workload(id="id-1", type="vm")) for one in truth()]
    assert evaluate_run(CASE, make_run(read(nameless)), read(truth())).outcome == "degraded"


def test_undated_points_are_a_difference() -> None:
    future = changed(lambda points: points.append(point(-2)))
    assert future["totals"]["in_future"] == 1
    assert evaluate_run(CASE, make_run(future), read(truth())).outcome == "degraded"


@pytest.mark.parametrize(("product", "outcome"), [("aws_backup", "degraded"), ("spp", "incorrect")])
def test_a_list_without_a_total_may_hide_evidence_against_a_workload(product: str, outcome: str) -> None:
    """The infected point is missing. Only a list with a total shows that."""
    true = read(truth(), product=product)
    hidden = read([point for point in truth() if point.malware != "infected"], product=product)
    case = Case("rows missing", once("missing_rows"), hides_rows=True)
    assert evaluate_run(case, make_run(hidden), true).outcome == outcome
    assert evaluate_run(CASE, make_run(hidden), true).outcome == "incorrect"


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
    verdict = evaluate_run(CASE, run, read(truth()))
    assert verdict.outcome == "incorrect"
    assert why in verdict.why


def test_rejecting_a_transient_fault_or_tolerating_a_permanent_one_is_incorrect() -> None:
    rejected = make_run({"failed": True, "msg": "the response is empty"})
    true = read(truth())
    assert evaluate_run(CASE, rejected, true).outcome == "rejected"
    assert evaluate_run(Case("passes", once("empty"), must=TOLERATED), rejected, true).outcome == "incorrect"
    assert evaluate_run(Case("lasts", once("empty"), must=REJECTED), make_run(true), true).outcome == "incorrect"


def test_a_wrong_clock_must_be_reported() -> None:
    ahead = Case("clock", once("clock"), clock=7200)
    assert evaluate_run(ahead, make_run(read(truth())), read(truth())).outcome == "incorrect"
    assert evaluate_run(ahead, make_run(read(truth(), skew=7201)), read(truth())).outcome == "tolerated"
