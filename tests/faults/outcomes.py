# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluate a read result under a fault: tolerated, degraded, rejected with a clear message, or incorrect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_time
from tests.faults.cases import REJECTED, TOLERATED, Case
from tests.faults.child import Run
from tests.integration.products import ADAPTERS

DEGRADED, INCORRECT, MISSED = "degraded", "incorrect", "-"
Read = Mapping[str, Any]
Row = Mapping[str, Any]
# Values that depend on the time of reading may differ by the time between two reads.
_AGES = frozenset({"gaps", "newest_age_seconds"})
_SLACK_SECONDS = 900
_INFERRED_SECONDS = 3600
_VOLATILE = frozenset({"source"})
_UNEXPECTED = re.compile(r"unexpected \w+|Traceback")


@dataclass(frozen=True)
class Verdict:
    """An outcome and its explanation for people."""

    outcome: str
    why: str = ""


def evaluate_run(case: Case, run: Run, truth: Read) -> Verdict:
    """Evaluate the outcome of one run. Sessions and secrets on the server's side are checked in workers.py."""
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
    actual, true = open_result(read), open_result(truth)
    differences = list(_list_differences(_rows_by_workload(true), _rows_by_workload(actual), "rows"))
    if not differences and actual["totals"] == true["totals"]:
        return Verdict(TOLERATED)
    if actual.get("complete") is not True:
        return Verdict(DEGRADED, "complete: false")
    better = list(list_improvements(actual, true))
    if better:
        return Verdict(INCORRECT, "better than the truth: " + "; ".join(better[:5]))
    return Verdict(DEGRADED, "; ".join(differences[:3]) or f"totals {actual['totals']}")


def _rows_by_workload(read: Read) -> dict[str, Row]:
    return {f"{row.get('workload_id')}|{row.get('workload_name')}": row for row in read["workloads"]}


def _list_differences(true: Any, actual: Any, path: str) -> Iterator[str]:
    """List where two values differ by more than the time between two reads explains."""
    if isinstance(true, Mapping) and isinstance(actual, Mapping):
        for name in sorted({*true, *actual} - _VOLATILE):
            if name not in actual or name not in true:
                yield f"{path}.{name}: {true.get(name)!r} became {actual.get(name)!r}"
            elif name in _AGES:
                yield from _list_age_differences(true[name], actual[name], f"{path}.{name}")
            else:
                yield from _list_differences(true[name], actual[name], f"{path}.{name}")
    elif true != actual:
        yield f"{path}: {true!r} became {actual!r}"


def _list_age_differences(true: Any, actual: Any, path: str) -> Iterator[str]:
    if isinstance(true, Mapping) and isinstance(actual, Mapping):
        for name in sorted({*true, *actual}):
            yield from _list_age_differences(true.get(name), actual.get(name), f"{path}.{name}")
    elif true is None or actual is None or abs(true - actual) > _SLACK_SECONDS:
        yield f"{path}: {true!r} became {actual!r}"


def list_improvements(actual: Read, true: Read) -> Iterator[str]:
    """List everything in a read result that a policy would rate better than the truth."""
    matched: set[int] = set()
    # Without an inventory, nobody assumes that all workloads are listed.
    missing_allowed = actual["server"].get("scope", {}).get("inventory") is False
    slack = _get_inferred_slack(actual)
    for row in actual["workloads"]:
        matches = _find_workload(row, true)
        if matches:
            matched.update(id(match) for match in matches)
            # If several workloads share a name, it may be any of them.
            yield from min((list(_compare_rows(row, match, slack)) for match in matches), key=len)
        elif row.get("workload_id") is None or row.get("workload_name") is None:
            # Points whose workload is not reported are grouped in a row without a workload.
            missing_allowed = True
        else:
            yield f"{row['workload_name']} is not a workload of this server"
    for row in true["workloads"]:
        if id(row) not in matched and not missing_allowed:
            yield f"{row.get('workload_name')} is missing without an error"


def _find_workload(row: Row, true: Read) -> list[Row]:
    for name in ("workload_id", "workload_name"):
        found = [each for each in true["workloads"] if row.get(name) and each.get(name) == row[name]]
        if found:
            return found
    return []


def _get_inferred_slack(read: Read) -> int:
    """How many seconds newer a point may appear: one hour if the adapter declares its time as inferred."""
    product = ADAPTERS[read["server"]["product"]]
    how = product.not_reported.get(("*", "*"), {}).get("created_at", ("reported", ""))[0]
    return _INFERRED_SECONDS if how == "inferred" else 0


def _is_later(actual: str, true: str | None, slack: int) -> bool:
    return true is None or parse_time(actual) > parse_time(true) + slack * SECOND


def _compare_rows(actual: Row, true: Row, slack: int) -> Iterator[str]:
    name = actual.get("workload_name") or actual.get("workload_id")
    if actual.get("recovery_points", 0) > true.get("recovery_points", 0):
        yield f"{name}: {actual['recovery_points']} recovery points of {true.get('recovery_points', 0)}"
    yield from (f"{name}: {what}" for what in _compare_ages(actual, true, slack))
    if actual.get("in_inventory") is True and true.get("in_inventory") is False:
        yield f"{name}: back in inventory"
    for attribute, facts in actual.get("attributes", {}).items():
        yield from (
            f"{name}: {attribute}: {what}"
            for what in _compare_attribute(facts, true.get("attributes", {}).get(attribute, {}), slack)
        )
    yield from (f"{name}: malware: {what}" for what in _compare_malware(actual, true))
    if len(_location_names(actual)) > len(_location_names(true)):
        yield f"{name}: more locations"


def _location_names(row: Row) -> set[str]:
    """Location names; a location without a name proves nothing to a policy."""
    return {place["location"] for place in row.get("locations") or () if place.get("location")}


def _compare_ages(actual: Row, true: Row, slack: int) -> Iterator[str]:
    if actual.get("newest") and _is_later(actual["newest"], true.get("newest"), slack):
        yield f"newest {actual['newest']}, not {true.get('newest')}"
    if actual.get("oldest") and _is_later(true.get("oldest") or "9999-01-01T00:00:00Z", actual["oldest"], slack):
        yield f"oldest {actual['oldest']}, not {true.get('oldest')}"
    for window, gap in (actual.get("gaps") or {}).items():
        if gap + _SLACK_SECONDS + slack < (true.get("gaps") or {}).get(window, 0):
            yield f"gap of {window} {gap}, not {true['gaps'][window]}"
    for period, count in (actual.get("calendar") or {}).items():
        if count > (true.get("calendar") or {}).get(period, 0):
            yield f"{count} {period}"


def _compare_attribute(actual: Row, true: Row, slack: int) -> Iterator[str]:
    if actual.get("count", 0) > true.get("count", 0):
        yield f"count {actual['count']} of {true.get('count', 0)}"
    yield from _compare_ages(actual, true, slack)
    not_matching = true.get("false", 0) + true.get("unknown", 0)
    if not_matching and actual.get("count") and not actual.get("false", 0) + actual.get("unknown", 0):
        yield "all have it"


def _compare_malware(actual: Row, true: Row) -> Iterator[str]:
    bad, counts = ("infected", "suspicious", "unknown"), actual.get("malware") or {}
    was_bad = any((true.get("malware") or {}).get(state) for state in bad)
    if was_bad and counts.get("clean") and not any(counts.get(state) for state in bad):
        yield "none is left"
