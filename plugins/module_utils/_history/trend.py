# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluate a history: shares of time, changes, and how long workloads have not been compliant.

The status of a run is valid until the next run, at most for a limited time, and is unknown after that. All numbers
refer to the time of the last run, so the same history always gives the same trend.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections import Counter
from collections.abc import Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    DAY,
    SECOND,
    format_time,
    parse_duration,
    parse_time,
)
from ansible_collections.backup.audit.plugins.module_utils._history.lines import LETTERS, STATUSES, Entry, Identity
from ansible_collections.backup.audit.plugins.module_utils._history.store import History, Run

SCHEMA = "backup.audit/trend/1"
# Periods that end with the last run.
PERIODS = {"quarter": 92 * DAY, "year": 365 * DAY}
# Parts of a day in a chart, in thousandths: statuses, and the time without a known status.
PARTS = ("compliant", "waived", "not_proved", "failed", "unknown")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# Time for which the last run counts, so that a history with only one run has shares.
_LAST_SECONDS = 1

Change = tuple[Identity, "str | None"]
Tiers = Mapping[str, Mapping[str, int]]


class _Interval(t.NamedTuple):
    """The time from one run to the next. Its statuses are known until ``known_until``."""

    start: int
    known_until: int
    end: int
    # Tier -> status -> number of workloads.
    tiers: Tiers


@dataclasses.dataclass(slots=True)
class _Workload:
    """A workload, with sums up to the last change of its status."""

    entry: Entry
    # For each period: seconds from its start, with a known status and in total.
    sums: tuple[tuple[int, int], ...]
    compliant: list[int]
    total: list[int]
    # Time since when no run has found it compliant, waived or excluded, and whether that was the first run.
    since: int | None = None
    from_first_run: bool = False

    def add_time(self, sums: tuple[tuple[int, int], ...]) -> None:
        """Add the time from the last change to these sums."""
        status = STATUSES[self.entry.letter]
        for number, ((known, passed), (known_before, passed_before)) in enumerate(zip(sums, self.sums, strict=True)):
            if status == "compliant":
                self.compliant[number] += known - known_before
            if status != "excluded":
                self.total[number] += passed - passed_before
        self.sums = sums

    def change(self, entry: Entry, moment: int, *, is_first: bool) -> None:
        """Set the status that a run found."""
        self.entry = entry
        status = STATUSES[entry.letter]
        if status in ("compliant", "waived", "excluded"):
            self.since = None
        elif status != "not_read" and self.since is None:
            self.since, self.from_first_run = moment, is_first


def build_trend(history: History, max_status_age: str, since: str) -> dict[str, t.Any]:
    """Return the trend. A status is valid at most for the duration ``max_status_age``.

    Changes are listed since the last run, and since ``since``, a duration before the last run or a date.
    """
    max_seconds = parse_duration(max_status_age, what="max_status_age")
    last = history.last_time()
    if last is None:
        return {"schema": SCHEMA, "runs": 0, "skipped": history.skipped}
    builder = _TrendBuilder(last, parse_since(since, last))
    intervals: list[_Interval] = []
    previous: tuple[int, Mapping[str, t.Any]] | None = None
    incomplete = 0
    for run in history.runs():
        moment, frame = run.line.time, run.line.frame
        if previous is not None:
            intervals.append(_build_interval(previous, moment, max_seconds))
            builder.add_interval(intervals[-1])
        builder.add_run(run)
        incomplete += bool(frame["limited"] or frame["unread"])
        previous = (moment, {"tiers": frame["tiers"]})
    if previous is not None:
        intervals.append(_build_interval(previous, last + _LAST_SECONDS, max_seconds))
        builder.add_interval(intervals[-1])
    starts = [max(start, intervals[0].start) for start in builder.starts]
    return {
        "schema": SCHEMA,
        "from": format_time(intervals[0].start * SECOND),
        "until": format_time(last * SECOND),
        "runs": len(intervals),
        "incomplete_runs": incomplete,
        "max_status_age": max_status_age,
        "skipped": history.skipped,
        "periods": {
            name: {"from": format_time(start * SECOND), "tiers": _tier_shares(intervals, start)}
            for name, start in zip(PERIODS, starts, strict=True)
        },
        "days": _days(intervals, starts[-1]),
        "workloads": builder.describe(),
        "changes": builder.changes(),
    }


def _build_interval(run: tuple[int, Mapping[str, t.Any]], end: int, max_seconds: int) -> _Interval:
    moment, frame = run
    return _Interval(moment, min(end, moment + max_seconds), end, frame["tiers"])


def parse_since(text: str, last: int) -> int:
    """Parse a date, a time, or a duration before ``last`` (``7d``) to seconds since 1970 UTC."""
    try:
        return parse_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text) // SECOND
    except DataError:
        pass
    try:
        return last - parse_duration(text, what="since")
    except OptionError:
        raise OptionError(
            f"since: {text!r} is not a valid date, time or duration",
            hint="Use for example 7d, 2026-11-01 or 2026-11-01T06:00:00Z",
        ) from None


class _TrendBuilder:
    """Accumulates the statuses of each workload over all runs."""

    def __init__(self, last: int, since: int) -> None:
        self.starts = [last - length for length in PERIODS.values()]
        self._since = since
        self._sums: tuple[tuple[int, int], ...] = tuple((0, 0) for _start in self.starts)
        self._workloads: dict[str, _Workload] = {}
        # Workloads that the last run does not list. Their sums continue if they return.
        self._gone: dict[str, _Workload] = {}
        # Key -> identity and earlier status of workloads that changed in the last run, and since ``since``.
        self._last: dict[str, Change] = {}
        self._recent: dict[str, Change] = {}
        # Times of the runs that changes are compared with, and of the last added run.
        self._compared: list[int] = []
        self._time: int | None = None

    def add_interval(self, interval: _Interval) -> None:
        """Add the time from one run to the next."""
        self._sums = tuple(
            (
                known + _overlap(interval.start, interval.known_until, start),
                passed + _overlap(interval.start, interval.end, start),
            )
            for (known, passed), start in zip(self._sums, self.starts, strict=True)
        )

    def add_run(self, run: Run) -> None:
        """Apply the statuses of a run."""
        moment, is_first = run.line.time, self._time is None
        if self._time is None:
            self._compared = [moment, moment]
        else:
            self._compared[0] = self._time
            if moment <= self._since:
                self._compared[1] = moment
        self._last = {}
        for key in run.changed if run.changed is not None else {*self._workloads, *run.state}:
            old, new = self._workloads.get(key), run.state.get(key)
            if not is_first:
                self._note_change(key, None if old is None else old.entry, new, moment)
            if old is not None:
                old.add_time(self._sums)
            if new is not None:
                self._find(key, new).change(new, moment, is_first=is_first)
            elif old is not None:
                self._gone[key] = self._workloads.pop(key)
                old.entry = Entry(old.entry.identity, LETTERS["not_read"])
        self._time = moment

    def _find(self, key: str, entry: Entry) -> _Workload:
        """Return a workload of this run: known, with its sums from before it was gone, or new."""
        if key in self._gone:
            found = self._workloads[key] = self._gone.pop(key)
            # The time in which it was not listed is unknown.
            found.add_time(self._sums)
        elif key not in self._workloads:
            zeros = [0] * len(self.starts)
            self._workloads[key] = _Workload(entry, self._sums, zeros, list(zeros))
        return self._workloads[key]

    def _note_change(self, key: str, old: Entry | None, new: Entry | None, moment: int) -> None:
        known = old or new
        if known is None or (old and old.letter) == (new and new.letter):
            return
        change = (known.identity, None if old is None else STATUSES[old.letter])
        self._last[key] = change
        if moment > self._since:
            self._recent.setdefault(key, change)

    def describe(self) -> list[dict[str, t.Any]]:
        """List the workloads of the last run."""
        ordered = sorted(self._workloads.values(), key=lambda one: _order(one.entry.identity))
        return [_describe(one, self._sums) for one in ordered]

    def changes(self) -> dict[str, dict[str, t.Any]]:
        """Return the changes since the previous run, and since ``since``."""
        named = {"last": self._last, "since": self._recent}
        return {
            name: {"from": format_time(moment * SECOND), "workloads": list(_list_changes(changed, self._workloads))}
            for (name, changed), moment in zip(named.items(), self._compared, strict=True)
        }


def _overlap(start: int, end: int, limit: int) -> int:
    """Return the number of seconds in [start, end] that are after ``limit``."""
    return max(0, end - max(start, limit))


def _percent(part: int, total: int) -> float | None:
    """Return the percentage, rounded down to a tenth, so that 100 means the complete time."""
    return part * 1000 // total / 10 if total else None


def _order(identity: Identity) -> list[str]:
    return [str(part or "") for part in identity]


def _named(identity: Identity) -> dict[str, t.Any]:
    return dict(zip(("source", "origin", "workload_id", "workload_name", "tier"), identity, strict=True))


def _describe(workload: _Workload, sums: tuple[tuple[int, int], ...]) -> dict[str, t.Any]:
    workload.add_time(sums)
    return {
        **_named(workload.entry.identity),
        "status": STATUSES[workload.entry.letter],
        "compliant_percent": {
            name: _percent(*times) for name, *times in zip(PERIODS, workload.compliant, workload.total, strict=True)
        },
        "not_compliant_since": None if workload.since is None else format_time(workload.since * SECOND),
        "since_first_run": workload.since is not None and workload.from_first_run,
    }


def _list_changes(changed: Mapping[str, Change], workloads: Mapping[str, _Workload]) -> Iterator[dict[str, t.Any]]:
    """Iterate over changes. A workload that has its earlier status again has not changed."""
    for key, (identity, before) in sorted(changed.items(), key=lambda item: _order(item[1][0])):
        now = workloads.get(key)
        after = None if now is None else STATUSES[now.entry.letter]
        if before != after:
            yield {**_named(identity), "before": before, "after": after}


def _tier_shares(intervals: list[_Interval], start: int) -> list[dict[str, t.Any]]:
    """List the shares of time from ``start`` for all workloads (tier null), then for each tier."""
    parts: dict[str | None, Counter[str]] = {}
    for interval in intervals:
        known, passed = (_overlap(interval.start, end, start) for end in (interval.known_until, interval.end))
        _add_parts(parts, interval.tiers, known, passed - known)
    return [
        {
            "tier": tier,
            **{f"{name}_percent": _percent(counted[name], counted.total()) for name in ("compliant", "unknown")},
        }
        for tier, counted in _sorted(parts)
    ]


def _add_parts(parts: dict[str | None, Counter[str]], tiers: Tiers, known: int, unknown: int) -> None:
    """Add the time of all workloads, by tier and part."""
    for tier, statuses in tiers.items():
        for status, count in statuses.items():
            if status == "excluded":
                continue
            for name in (None, tier):
                counted = parts.setdefault(name, Counter())
                counted["unknown" if status == "not_read" else status] += count * known
                counted["unknown"] += count * unknown


def _sorted(parts: Mapping[str | None, Counter[str]]) -> list[tuple[str | None, Counter[str]]]:
    """Return the parts of all workloads first, then those of tiers if there are any."""
    named = sorted((tier, counted) for tier, counted in parts.items() if tier)
    unnamed = [("", parts[""])] if "" in parts and named else []
    return [(None, parts[None]), *named, *unnamed] if None in parts else []


def _days(intervals: list[_Interval], start: int) -> list[dict[str, t.Any]]:
    """List the days (UTC) from ``start``, with the parts of each day for all workloads and each tier."""
    days: dict[int, dict[str | None, Counter[str]]] = {}
    for interval in intervals:
        moment = max(interval.start, start)
        while moment < interval.end:
            day = moment // DAY
            end = min(interval.end, (day + 1) * DAY)
            known = max(0, min(end, interval.known_until) - moment)
            _add_parts(days.setdefault(day, {}), interval.tiers, known, end - moment - known)
            moment = end
    return [
        {
            "date": format_time(day * DAY * SECOND)[:10],
            "tiers": [
                {"tier": tier, "parts": [round(counted[part] * 1000 / max(1, counted.total())) for part in PARTS]}
                for tier, counted in _sorted(parts)
            ],
        }
        for day, parts in sorted(days.items())
    ]
