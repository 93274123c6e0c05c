# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluate a read result under a fault: tolerated, degraded, rejected with a clear message, or incorrect."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import CODES
from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass
from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    FULL_KINDS,
    MOMENTS,
    POINT_ATTRIBUTES,
)
from tests.faults.cases import REJECTED, TOLERATED, Case
from tests.faults.child import Run
from tests.integration.products import ADAPTERS

DEGRADED, INCORRECT, MISSED = "degraded", "incorrect", "-"
Read = Mapping[str, Any]
_INFERRED_SECONDS = 3600
# Times that improve a point if they are later.
_LATEST = ("immutable_until", "tested_at", "checked_at", "restorable_until")
_UNEXPECTED = re.compile(r"unexpected \w+|Traceback")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """An outcome and its explanation for people."""

    outcome: str
    why: str = ""


@dataclasses.dataclass(frozen=True)
class Point:
    """A recovery point as policies see it; times are seconds since 1970 UTC."""

    created: int
    facts: PointClass
    moments: Mapping[str, int]
    size: int | None

    def has(self, name: str) -> bool | None:
        """Return an attribute; a lock with an end counts as a lock."""
        if name == "immutable" and "immutable_until" in self.moments:
            return True
        return self.facts.facts[POINT_ATTRIBUTES.index(name)]

    @property
    def is_counted(self) -> bool:
        """Return whether it is known to be a usable recovery point."""
        return self.facts.usable is True and self.facts.kind in COUNTING_KINDS


@dataclasses.dataclass(frozen=True)
class Workload:
    """A workload of a read result with its points, oldest first, and the number of undated points."""

    identity: Mapping[str, Any]
    points: Sequence[Point]
    undated: int
    in_future: int

    @property
    def name(self) -> str:
        """Return the name to show."""
        return str(self.identity["workload_name"] or self.identity["workload_id"])


# Products whose lists have no total: see "Servers without totals" in docs/explanation/guarantees.md.
WITHOUT_TOTALS = ("aws_backup", "unitrends")


def evaluate_run(case: Case, run: Run, truth: Read) -> Verdict:
    """Evaluate the outcome of one run. workers.py checks sessions and secrets."""
    if run.hung or run.result is None:
        return Verdict(INCORRECT, "hang" if run.hung else f"no result: {run.output[-500:]}")
    message = str(run.result.get("msg", ""))
    if _UNEXPECTED.search(message) or "exception" in run.result:
        return Verdict(INCORRECT, f"traceback: {message} {run.result.get('exception', '')}")
    if run.result.get("failed"):
        return _evaluate_rejection(case, message)
    verdict = _evaluate_result(case, run.result, truth)
    if case.must == REJECTED and verdict.outcome != INCORRECT:
        return Verdict(INCORRECT, f"{verdict.outcome}, although the fault is permanent")
    return verdict


def _evaluate_rejection(case: Case, message: str) -> Verdict:
    if case.must == TOLERATED:
        return Verdict(INCORRECT, f"rejected, although the fault is transient or has no effect: {message}")
    if case.messages and not any(re.search(pattern, message) for pattern in case.messages):
        return Verdict(INCORRECT, f"rejected, but the message does not name the cause: {message}")
    return Verdict(REJECTED, message)


def _evaluate_result(case: Case, read: Read, truth: Read) -> Verdict:
    if case.clock:
        skew = read["server"].get("clock_skew_seconds")
        if skew is None or abs(skew - case.clock) > 60:
            return Verdict(INCORRECT, f"the clock is off by {case.clock} s, but the reported skew is {skew}")
        return Verdict(TOLERATED, f"skew {skew}")
    actual, true = list_workloads(read), list_workloads(truth)
    differences = list(_list_differences(actual, true))
    if not differences and read["totals"] == truth["totals"]:
        return Verdict(TOLERATED)
    if read.get("complete") is not True:
        return Verdict(DEGRADED, "complete: false")
    # Without an inventory, the list of workloads may be incomplete.
    missing_allowed = read["server"].get("scope", {}).get("inventory") is False
    hides_points = case.hides_rows and read["server"]["product"] in WITHOUT_TOTALS
    slack = _get_inferred_slack(read)
    better = list(
        list_improvements(actual, true, slack, missing_allowed=missing_allowed, points_may_be_hidden=hides_points)
    )
    if better:
        return Verdict(INCORRECT, "better than the truth: " + "; ".join(better[:5]))
    return Verdict(DEGRADED, "; ".join(differences[:3]) or f"totals {read['totals']}")


def list_workloads(read: Read) -> list[Workload]:
    """Open a read result and list its workloads, sorted by type, id, name and origin."""
    opened = open_result(read)
    identities = list(opened.identities())
    found: list[Workload] = []
    for block in opened.blocks():
        sizes = block.sizes()
        moments: dict[int, dict[str, int]] = {}
        for name in MOMENTS:
            for index, moment in zip(*block.moments[name], strict=True):
                moments.setdefault(index, {})[name] = moment
        classes = [_normalize(one.facts) for one in block.classes]
        points = [
            Point(created, classes[CODES.index(code)], moments.get(index, {}), sizes.get(index))
            for index, (created, code) in enumerate(zip(block.times, block.codes, strict=True))
        ]
        for number, count in enumerate(block.counts):
            identity = {name: value for name, value in identities[len(found)].items() if name != "source"}
            start = block.starts[number]
            undated = sum(entry[1] for entry in block.undated.get(number, ()))
            future = block.in_future.get(number, 0)
            found.append(Workload(identity, points[start : start + count], undated, future))
    assert len(found) == len(identities)
    members = ("workload_type", "workload_id", "workload_name", "origin")
    return sorted(found, key=lambda workload: [workload.identity[member] or "" for member in members])


def _normalize(facts: PointClass) -> PointClass:
    """Remove order and repetition of locations, because policies treat them as a set."""
    locations = facts.locations
    return facts._replace(locations=None if locations is None else tuple(sorted(set(locations), key=repr)))


def _list_differences(actual: Sequence[Workload], true: Sequence[Workload]) -> Iterator[str]:
    if len(actual) != len(true):
        yield f"{len(actual)} workloads instead of {len(true)}"
    for one, other in zip(actual, true, strict=False):
        if one.identity != other.identity:
            yield f"{other.identity} became {one.identity}"
        elif one != other:
            changed = [point for point in one.points if point not in other.points]
            numbers = f"{len(one.points)} of {len(other.points)} points"
            yield f"{one.name}: {changed[0]}" if changed else f"{one.name}: {numbers}"


def list_improvements(
    actual: Sequence[Workload],
    true: Sequence[Workload],
    slack: int,
    *,
    missing_allowed: bool,
    points_may_be_hidden: bool = False,
) -> Iterator[str]:
    """List everything in a read result that a policy would rate better than the truth.

    ``points_may_be_hidden``: a point that is evidence against its workload may be missing.
    """
    matched: set[int] = set()
    for workload in actual:
        matches = _find_workload(workload, true)
        if matches:
            matched.update(id(match) for match in matches)
            # If several workloads share a name, it may be any of them.
            yield from min(
                (list(_compare_workloads(workload, match, slack, points_may_be_hidden)) for match in matches), key=len
            )
        elif workload.identity["workload_id"] is None or workload.identity["workload_name"] is None:
            # Points whose workload is not reported are grouped in a row without a workload.
            missing_allowed = True
        else:
            yield f"{workload.name} is not a workload of this server"
    for workload in true:
        if id(workload) not in matched and not missing_allowed:
            yield f"{workload.name} is missing without an error"


def _find_workload(workload: Workload, true: Sequence[Workload]) -> list[Workload]:
    for name in ("workload_id", "workload_name"):
        wanted = workload.identity[name]
        found = [each for each in true if wanted and each.identity[name] == wanted]
        if found:
            return found
    return []


def _get_inferred_slack(read: Read) -> int:
    """Return by how many seconds a point may appear newer: one hour if the adapter declares its time as inferred."""
    product = ADAPTERS[read["server"]["product"]]
    how = product.not_reported.get(("*", "*"), {}).get("created_at", ("reported", ""))[0]
    return _INFERRED_SECONDS if how == "inferred" else 0


def _compare_workloads(actual: Workload, true: Workload, slack: int, points_may_be_hidden: bool) -> Iterator[str]:
    if actual.identity["in_inventory"] is True and true.identity["in_inventory"] is False:
        yield f"{actual.name}: back in inventory"
    left = list(true.points)
    for point in actual.points:
        if point.facts.usable is not True:
            # A point that proves nothing.
            continue
        near = [other for other in left if abs(other.created - point.created) <= slack]
        if not near:
            yield f"{actual.name}: a point of {point.created} that was not there"
            continue
        compared = [(list(_compare_points(point, other, slack)), other) for other in near]
        problems, other = min(compared, key=lambda pair: (len(pair[0]), abs(pair[1].created - point.created)))
        yield from (f"{actual.name}: point of {point.created}: {problem}" for problem in problems)
        left.remove(other)
    for name in () if points_may_be_hidden else (*POINT_ATTRIBUTES, "malware"):
        if any(_lacks(point, name) for point in true.points) and _all_have(actual.points, name):
            yield f"{actual.name}: {name}: all have it"


def _compare_points(actual: Point, true: Point, slack: int) -> Iterator[str]:
    """List attributes that a usable point proves and the true one does not."""
    after, before = actual.facts, true.facts
    if before.usable is not True:
        yield f"usable: {before.usable} became true"
    if actual.is_counted and before.kind not in COUNTING_KINDS:
        yield f"kind: {before.kind} became {after.kind}"
    if after.kind in FULL_KINDS and before.kind not in FULL_KINDS:
        yield f"kind: {before.kind} became {after.kind}"
    if after.malware == "clean" and before.malware != "clean":
        yield f"malware: {before.malware} became {after.malware}"
    for name in POINT_ATTRIBUTES:
        if actual.has(name) is not True:
            continue
        if true.has(name) is not True:
            yield f"{name}: {true.has(name)} became true"
        elif name in before.inferred and name not in after.inferred:
            yield f"{name}: no longer inferred"
    for name in _LATEST:
        moment, known = actual.moments.get(name), true.moments.get(name)
        # A lock with an end is weaker than one without.
        if moment is not None and (name != "immutable_until" if known is None else moment > known + slack):
            yield f"{name}: {known} became {moment}"
    more = {name for name, _type in after.locations or () if name} - {name for name, _type in before.locations or ()}
    if more:
        yield f"more locations: {', '.join(map(str, sorted(more)))}"


def _lacks(point: Point, name: str) -> bool:
    """Return whether a point is evidence against a rule for all points."""
    if point.facts.usable is False or point.facts.kind not in (*COUNTING_KINDS, "unknown"):
        return False
    return point.facts.malware != "clean" if name == "malware" else point.has(name) is not True


def _all_have(points: Sequence[Point], name: str) -> bool:
    return any(point.is_counted for point in points) and not any(_lacks(point, name) for point in points)
