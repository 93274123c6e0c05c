# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read results and rows of one server, and older read results that are set aside."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.reference.estate import YEAR_1980, Point, Result, WorkloadRow
from tests.reference.views import View, get_entries, get_skew, in_future

# Default port for hosts without a port.
DEFAULT_PORT = "443"


class Groups:
    """Groups of the numbers 0 to n - 1. Numbers that are joined with a third one are in the same group."""

    def __init__(self, number: int) -> None:
        self.group = list(range(number))

    def join(self, first: int, second: int) -> None:
        old, new = self.group[second], self.group[first]
        self.group = [new if group == old else group for group in self.group]


def normalized_host(host: str) -> str:
    """Return a host (name, port, path) in which only the name is case-insensitive."""
    address, slash, path = host.partition("/")
    name, colon, port = address.partition(":")
    return name.casefold() + ":" + (port if colon else DEFAULT_PORT) + slash + path


def same_host(first: Result, second: Result) -> bool:
    return first.product == second.product and normalized_host(first.host) == normalized_host(second.host)


def is_one_server(first: Result, second: Result) -> bool:
    if first.identity is not None and second.identity is not None:
        return first.identity == second.identity
    return same_host(first, second)


def server_groups(results: list[Result]) -> list[int]:
    """Return the number of the server of each read result."""
    groups = Groups(len(results))
    for number, result in enumerate(results):
        for earlier in range(number):
            if is_one_server(result, results[earlier]):
                groups.join(earlier, number)
    return groups.group


def workload_key(row: WorkloadRow) -> tuple[str | None, str | None, str, str]:
    """Return the key of a workload: its id, or its name if the id is empty."""
    return (row.workload_type, row.origin, row.workload_id, "" if row.workload_id else row.workload_name)


def same_workload(first: WorkloadRow, second: WorkloadRow) -> bool:
    return workload_key(first) == workload_key(second)


def listed_row(result: Result, row: WorkloadRow) -> WorkloadRow | None:
    for other in result.workloads:
        if same_workload(row, other):
            return other
    return None


def other_selection(result: Result) -> dict[str, object]:
    """Return the fields of `selection` that must be equal, such as the account."""
    ignored = ["workload_types", "workload_names", "since", "until", "include_unprotected"]
    return {key: value for key, value in result.selection.items() if key not in ignored and value is not None}


def get_scope(result: Result) -> dict[str, Any]:
    """Return all fields of `server.scope`."""
    members = {"inventory": result.inventory, "failed_runs": result.failed_runs, **result.scope}
    return {name: value for name, value in members.items() if value is not None}


def has_all_rights(newer: Result, older: Result) -> bool:
    new, old = get_scope(newer), get_scope(older)
    for name, value in old.items():
        gained = value is False and new.get(name) is True
        if not gained and (name not in new or new[name] != value):
            return False
    return all(new[name] is True for name in new if name not in old)


def covers(newer: Result, older: Result, row: WorkloadRow) -> bool:
    """Return whether the scope of a newer read result of the same host includes a workload."""
    types = newer.selection.get("workload_types")
    names = newer.selection.get("workload_names")
    if types and row.workload_type not in types:
        return False
    if names and row.workload_name.casefold() not in [name.casefold() for name in names]:
        return False
    return other_selection(newer) == other_selection(older) and has_all_rights(newer, older)


def would_list(newer: Result, older: Result, row: WorkloadRow) -> bool:
    """Return whether a newer read result that covers a workload would list it if it existed."""
    if not newer.workloads or newer.since is not None or newer.until is not None:
        return False
    if get_entries(older, row):
        return True
    lists_unprotected = newer.selection.get("include_unprotected") is True and newer.inventory is True
    types = newer.inventory_types or ()
    return lists_unprotected and row.workload_type in types and row.in_inventory is True


def points_in_common_window(result: Result, row: WorkloadRow, other: Result) -> list[Point]:
    """Return the dated points of a row at times that neither of two read results hides."""
    found: list[Point] = []
    for point in row.points:
        if point.created < YEAR_1980 or in_future(point, result):
            continue
        if all(is_visible(point.created, each) for each in [result, other]):
            found.append(point)
    return found


def is_visible(time: int, result: Result) -> bool:
    if result.since is not None and time < result.since:
        return False
    read_at = result.read_at + get_skew(result)
    if result.until is not None and result.until < read_at:
        return time < result.until
    return time <= read_at


def shown(point: Point) -> tuple[Any, ...]:
    """Return a point without its size, which is only stored for the newest points."""
    return (
        *(point.created, point.kind, point.status, point.usable),
        *(point.restore_tested, point.integrity_checked, point.offsite, point.immutable, point.encrypted),
        *(point.malware, frozenset(point.inferred), frozenset(point.declared)),
        tuple(sorted(point.locations or (), key=repr)),
        *(point.immutable_until, point.expires_at, point.tested_at, point.checked_at),
        *(point.restorable_from, point.restorable_until),
    )


def covers_time(newer: Result, older: Result) -> bool:
    """Return whether a newer read result covers all time that an older one covers."""
    if newer.since is not None and (older.since is None or newer.since > older.since):
        return False
    end = older.read_at + get_skew(older) if older.until is None else older.until
    return newer.until is None or newer.until >= end


def contains_all(newer: Result, newer_row: WorkloadRow, older: Result, older_row: WorkloadRow) -> bool:
    """Return whether a newer row contains all points of an older one."""
    if not covers_time(newer, older) or any(entry.undated for entry in get_entries(older, older_row)):
        return False
    old = [shown(point) for point in points_in_common_window(older, older_row, newer)]
    new = [shown(point) for point in points_in_common_window(newer, newer_row, older)]
    return len(old) >= 3 and Counter(old) <= Counter(new)


def supersedes(newer: Result, older: Result, row: WorkloadRow) -> bool:
    """Return whether an older read result of the same server is set aside for a workload."""
    if newer.read_at <= older.read_at:
        return False
    listed = listed_row(newer, row)
    is_shown = listed is not None or would_list(newer, older, row)
    if is_shown and same_host(newer, older) and covers(newer, older, row):
        return True
    return listed is not None and contains_all(newer, listed, older, row)


def differ_in_identity(first: Result, second: Result) -> bool:
    return first.identity is not None and second.identity is not None and first.identity != second.identity


def superseding(results: list[Result], servers: list[int], index: int, row: WorkloadRow) -> Result | None:
    """Return a read result for which a row of an older one is set aside, if possible one that lists the workload."""
    older = results[index]
    found: list[Result] = []
    for other, newer in enumerate(results):
        # Of two read results with the same digest, the first is set aside.
        identical = newer.sha256 == older.sha256 and other > index
        one_server = servers[other] == servers[index] and not differ_in_identity(newer, older)
        if identical or (one_server and supersedes(newer, older, row)):
            found.append(newer)
    listing = [newer for newer in found if listed_row(newer, row) is not None]
    return next(iter(listing or found), None)


def get_origin(view: View) -> str:
    return (view.row.origin or view.result.host).casefold()


def same_points(first: View, second: View) -> bool:
    """Return whether two rows have three common seconds in the common window, or one has only seconds of the other."""
    one = {point.created for point in points_in_common_window(first.result, first.row, second.result)}
    two = {point.created for point in points_in_common_window(second.result, second.row, first.result)}
    common = one & two
    return len(common) >= 3 or (len(common) > 0 and common in [one, two])


def row_servers(views: list[View]) -> list[int]:
    """Return the number of the server of each of several combined rows."""
    groups = Groups(len(views))
    for number, one in enumerate(views):
        for earlier, two in enumerate(views[:number]):
            if one.server == two.server or get_origin(one) == get_origin(two) or same_points(one, two):
                groups.join(earlier, number)
    return groups.group
