# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows on one clock: either the clock of their server, or real time for combined rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.reference.estate import YEAR_1980, Point, RestoreTest, Result, WorkloadRow

CLOCK_TOLERANCE = 300


@dataclass(frozen=True)
class Entry:
    """A point, or `number` points that were only counted."""

    point: Point
    number: int
    undated: bool


@dataclass(frozen=True)
class Hidden:
    """A range of hidden seconds, both ends included. It starts at `first`, or has no start."""

    first: int | None
    last: int
    # The start of hidden time after `until`.
    read_at: int


@dataclass(frozen=True)
class View:
    """A row with all its times on one clock."""

    result: Result
    row: WorkloadRow
    entries: list[Entry]
    tests: list[RestoreTest]
    hidden: list[Hidden]
    read_at: int
    as_of: int
    clock_off: bool
    # Read results that are too old have only unknown points, if their rows are combined.
    only_unknown: bool = False
    # Rows with the same number belong to one server.
    server: int = 0


def clock_off(result: Result) -> bool:
    skew = result.clock_skew_seconds
    return skew is not None and abs(skew) > CLOCK_TOLERANCE


def get_skew(result: Result) -> int:
    """Return the clock skew that is taken into account."""
    if result.clock_skew_seconds is None or clock_off(result):
        return 0
    return result.clock_skew_seconds


def in_future(point: Point, result: Result) -> bool:
    """Return whether a point is later than the read + 300 s on the server's clock, and so not in the read result."""
    skew = result.clock_skew_seconds or 0
    return point.created >= YEAR_1980 and point.created > result.read_at + skew + CLOCK_TOLERANCE


def get_entries(result: Result, row: WorkloadRow) -> list[Entry]:
    entries = [Entry(point, 1, point.created < YEAR_1980) for point in row.points if not in_future(point, result)]
    entries += [Entry(counted.point, counted.number, True) for counted in row.counted if counted.number > 0]
    return entries


def belongs_to(test: RestoreTest, result: Result, row: WorkloadRow) -> bool:
    key = (result.host, row.workload_type, row.workload_id, row.workload_name)
    return key == (test.source, test.workload_type, test.workload_id, test.workload_name)


def get_tests(result: Result, row: WorkloadRow, tests: list[RestoreTest]) -> list[RestoreTest]:
    return [test for test in tests if belongs_to(test, result, row)]


def has_one_workload(test: RestoreTest, results: list[Result]) -> bool:
    """Return whether a restore test record belongs to one workload, and not to workloads of different origins."""
    origins = {row.origin for result in results for row in result.workloads if belongs_to(test, result, row)}
    return len(origins) == 1


def moved(time: int | None, seconds: int) -> int | None:
    return None if time is None else time - seconds


def moved_entry(entry: Entry, seconds: int) -> Entry:
    point = entry.point
    return replace(
        entry,
        point=replace(
            point,
            created=point.created - seconds,
            immutable_until=moved(point.immutable_until, seconds),
            expires_at=moved(point.expires_at, seconds),
            tested_at=moved(point.tested_at, seconds),
            checked_at=moved(point.checked_at, seconds),
            restorable_from=moved(point.restorable_from, seconds),
            restorable_until=moved(point.restorable_until, seconds),
        ),
    )


def get_hidden(since: int | None, until: int | None, read_at: int) -> list[Hidden]:
    hidden: list[Hidden] = []
    if since is not None:
        hidden.append(Hidden(None, since - 1, read_at))
    if until is not None and until < read_at:
        hidden.append(Hidden(until, read_at, read_at))
    return hidden


def server_view(result: Result, row: WorkloadRow, tests: list[RestoreTest], as_of: int) -> View:
    """Return the row on the clock of its server."""
    skew = get_skew(result)
    read_at = result.read_at + skew
    return View(
        result=result,
        row=row,
        entries=get_entries(result, row),
        tests=get_tests(result, row, tests),
        hidden=get_hidden(result.since, result.until, read_at),
        read_at=read_at,
        as_of=as_of + skew,
        clock_off=clock_off(result),
    )


def real_time_view(view: View, as_of: int) -> View:
    """Return the same row in real time, as of a common time."""
    result = view.result
    skew = get_skew(result)
    tests = [
        replace(test, point_created_at=test.point_created_at - skew, tested_at=test.tested_at - skew)
        for test in view.tests
    ]
    return replace(
        view,
        entries=[moved_entry(entry, skew) for entry in view.entries],
        tests=tests,
        hidden=get_hidden(moved(result.since, skew), moved(result.until, skew), result.read_at),
        read_at=result.read_at,
        as_of=as_of,
    )


def listed_at(view: View) -> int:
    """Return the server's time at the read, even if its clock is wrong."""
    return view.read_at + (view.result.clock_skew_seconds or 0 if view.clock_off else 0)


def is_expired(point: Point, view: View) -> bool:
    """Return whether a point may have been removed since the read. With a wrong clock, any end may have passed."""
    if point.expires_at is None or point.expires_at <= listed_at(view):
        return False
    return view.clock_off or point.expires_at <= view.as_of
