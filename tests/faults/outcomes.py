# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a READ under a fault: the right answer, an honest lesser one, a clear refusal, or something WRONG."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.result import unpack
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_time
from tests.faults.cases import REFUSED, SURVIVED, Case
from tests.faults.child import Run
from tests.integration.products import ADAPTERS

HONEST, WRONG, MISSED = "honest", "WRONG", "-"
Read = Mapping[str, Any]
Row = Mapping[str, Any]
# What depends on the moment of reading may differ by the time between two readings.
_AGES = frozenset({"gaps", "newest_age_seconds"})
_SLACK_SECONDS = 900
_ESTIMATE_SECONDS = 3600
_VOLATILE = frozenset({"source"})
_UNEXPECTED = re.compile(r"unexpected \w+|Traceback")


@dataclass(frozen=True)
class Verdict:
    """An outcome, and for people why."""

    outcome: str
    why: str = ""


def judge(case: Case, run: Run, truth: Read) -> Verdict:
    """The outcome of one run; what the server knows of it (sessions, secrets) is judged elsewhere."""
    if run.hung or run.result is None:
        return Verdict(WRONG, "hang" if run.hung else f"no result: {run.output[-500:]}")
    message = str(run.result.get("msg", ""))
    if _UNEXPECTED.search(message) or "exception" in run.result:
        return Verdict(WRONG, f"traceback: {message} {run.result.get('exception', '')}")
    if run.result.get("failed"):
        return _refusal(case, message)
    verdict = _answer(case, run.result, truth)
    if case.must == REFUSED and verdict.outcome != WRONG:
        return Verdict(WRONG, f"{verdict.outcome}, though the fault was for good")
    return verdict


def _refusal(case: Case, message: str) -> Verdict:
    if case.must == SURVIVED:
        return Verdict(WRONG, f"refused, though it passes or changes nothing: {message}")
    if case.says and not any(re.search(pattern, message) for pattern in case.says):
        return Verdict(WRONG, f"refused, but the cause is not named: {message}")
    return Verdict(REFUSED, message)


def _answer(case: Case, read: Read, truth: Read) -> Verdict:
    if case.clock:
        skew = read["server"].get("clock_skew_seconds")
        if skew is None or abs(skew - case.clock) > 60:
            return Verdict(WRONG, f"the clock is wrong by {case.clock} s, and {skew} is told")
        return Verdict(SURVIVED, f"skew {skew}")
    told, true = unpack(read), unpack(truth)
    differences = list(_differences(_rows(true), _rows(told), "rows"))
    if not differences and told["totals"] == true["totals"]:
        return Verdict(SURVIVED)
    if told.get("complete") is not True:
        return Verdict(HONEST, "complete: false")
    better = list(favourable(told, true))
    if better:
        return Verdict(WRONG, "better than the truth: " + "; ".join(better[:5]))
    return Verdict(HONEST, "; ".join(differences[:3]) or f"totals {told['totals']}")


def _rows(read: Read) -> dict[str, Row]:
    return {f"{row.get('workload_id')}|{row.get('workload_name')}": row for row in read["workloads"]}


def _differences(true: Any, told: Any, path: str) -> Iterator[str]:
    """Where two values differ by more than time makes them."""
    if isinstance(true, Mapping) and isinstance(told, Mapping):
        for name in sorted({*true, *told} - _VOLATILE):
            if name not in told or name not in true:
                yield f"{path}.{name}: {true.get(name)!r} became {told.get(name)!r}"
            elif name in _AGES:
                yield from _age_differences(true[name], told[name], f"{path}.{name}")
            else:
                yield from _differences(true[name], told[name], f"{path}.{name}")
    elif true != told:
        yield f"{path}: {true!r} became {told!r}"


def _age_differences(true: Any, told: Any, path: str) -> Iterator[str]:
    if isinstance(true, Mapping) and isinstance(told, Mapping):
        for name in sorted({*true, *told}):
            yield from _age_differences(true.get(name), told.get(name), f"{path}.{name}")
    elif true is None or told is None or abs(true - told) > _SLACK_SECONDS:
        yield f"{path}: {true!r} became {told!r}"


def favourable(told: Read, true: Read) -> Iterator[str]:
    """Everything of a READ that a policy could like better than the truth."""
    met: set[int] = set()
    # Without an inventory nobody takes it that all workloads are there.
    adrift = told["server"].get("scope", {}).get("inventory") is False
    slack = _estimated_by(told)
    for row in told["workloads"]:
        matches = _same_workload(row, true)
        if matches:
            met.update(id(match) for match in matches)
            # Of several of one name it may be any.
            yield from min((list(_better(row, match, slack)) for match in matches), key=len)
        elif row.get("workload_id") is None or row.get("workload_name") is None:
            # Points whose workload is not told stand together, for no workload.
            adrift = True
        else:
            yield f"{row['workload_name']} is no workload of this server"
    for row in true["workloads"]:
        if id(row) not in met and not adrift:
            yield f"{row.get('workload_name')} is gone without a word"


def _same_workload(row: Row, true: Read) -> list[Row]:
    for name in ("workload_id", "workload_name"):
        found = [each for each in true["workloads"] if row.get(name) and each.get(name) == row[name]]
        if found:
            return found
    return []


def _estimated_by(read: Read) -> int:
    """How much younger a point may be said to be: where its time is declared to be an estimate, by the hour."""
    product = ADAPTERS[read["server"]["product"]]
    how = product.not_reported.get(("*", "*"), {}).get("created_at", ("exact", ""))[0]
    return _ESTIMATE_SECONDS if how == "estimated" else 0


def _later(told: str, true: str | None, slack: int) -> bool:
    return true is None or parse_time(told) > parse_time(true) + slack * SECOND


def _better(told: Row, true: Row, slack: int) -> Iterator[str]:
    name = told.get("workload_name") or told.get("workload_id")
    if told.get("recovery_points", 0) > true.get("recovery_points", 0):
        yield f"{name}: {told['recovery_points']} recovery points of {true.get('recovery_points', 0)}"
    yield from (f"{name}: {what}" for what in _younger_or_longer(told, true, slack))
    if told.get("in_inventory") is True and true.get("in_inventory") is False:
        yield f"{name}: back in inventory"
    for facet, facts in told.get("facets", {}).items():
        yield from (
            f"{name}: {facet}: {what}" for what in _better_facet(facts, true.get("facets", {}).get(facet, {}), slack)
        )
    yield from (f"{name}: malware: {what}" for what in _healthier(told, true))
    if len(_places(told)) > len(_places(true)):
        yield f"{name}: more locations"


def _places(row: Row) -> set[str]:
    """A place without a name proves nothing to a policy."""
    return {place["location"] for place in row.get("locations") or () if place.get("location")}


def _younger_or_longer(told: Row, true: Row, slack: int) -> Iterator[str]:
    if told.get("newest") and _later(told["newest"], true.get("newest"), slack):
        yield f"newest {told['newest']}, not {true.get('newest')}"
    if told.get("oldest") and _later(true.get("oldest") or "9999-01-01T00:00:00Z", told["oldest"], slack):
        yield f"oldest {told['oldest']}, not {true.get('oldest')}"
    for window, gap in (told.get("gaps") or {}).items():
        if gap + _SLACK_SECONDS + slack < (true.get("gaps") or {}).get(window, 0):
            yield f"gap of {window} {gap}, not {true['gaps'][window]}"
    for period, count in (told.get("calendar") or {}).items():
        if count > (true.get("calendar") or {}).get(period, 0):
            yield f"{count} {period}"


def _better_facet(told: Row, true: Row, slack: int) -> Iterator[str]:
    if told.get("count", 0) > true.get("count", 0):
        yield f"count {told['count']} of {true.get('count', 0)}"
    yield from _younger_or_longer(told, true, slack)
    spoiled = true.get("false", 0) + true.get("unknown", 0)
    if spoiled and told.get("count") and not told.get("false", 0) + told.get("unknown", 0):
        yield "all have it"


def _healthier(told: Row, true: Row) -> Iterator[str]:
    bad, well = ("infected", "suspicious", "unknown"), told.get("malware") or {}
    was_bad = any((true.get("malware") or {}).get(state) for state in bad)
    if was_bad and well.get("clean") and not any(well.get(state) for state in bad):
        yield "none is left"
