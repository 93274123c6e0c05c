# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find servers that are in several read results or have several names, because their points must not count twice."""

from __future__ import annotations

import typing as t
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import ReadFacts
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import Globs
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points

# Rows of one workload with at least this many points at equal times are views of the same server.
_SAME_TIMES = 3
_OPTIONS = ("workload_names", "workload_types", "include_unprotected", "since", "until")


class Union:
    """Disjoint sets (union-find) of numbers."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def find(self, number: int) -> int:
        """Return the smallest number of the group."""
        while self._parents[number] != number:
            number = self._parents[number]
        return number

    def join(self, one: int, other: int) -> None:
        """Merge the groups of two numbers."""
        first, second = sorted((self.find(one), self.find(other)))
        self._parents[second] = first


def _group_by(keys: Iterable[Iterable[Hashable]]) -> Union:
    """Group the items that have a key in common."""
    listed = [list(own) for own in keys]
    union = Union(len(listed))
    newer_access: dict[Hashable, int] = {}
    for number, own in enumerate(listed):
        for key in own:
            union.join(newer_access.setdefault(key, number), number)
    return union


def find_servers(results: Sequence[ReadFacts]) -> list[int]:
    """Return for each read result the number of its server.

    Two read results belong to one server if they have the same identity or, if one of them has none, the same product
    and host. Copies of a server's data have its identity, so "one server" only means that points are never added.
    """
    union = _group_by([("identity", one.identity)] if one.identity else [] for one in results)
    by_host: dict[Hashable, list[int]] = defaultdict(list)
    for number, one in enumerate(results):
        by_host[one.product, fold_host(one.host)].append(number)
    for numbers in by_host.values():
        nameless = [number for number in numbers if results[number].identity is None]
        for number in numbers if nameless else ():
            union.join(nameless[0], number)
    return [union.find(number) for number in range(len(results))]


def fold_host(host: str) -> str:
    """Return a host with its name in lower case. Paths are case-sensitive."""
    name, slash, path = host.partition("/")
    return f"{name.casefold()}{slash}{path}"


def _has_same_host(one: ReadFacts, other: ReadFacts) -> bool:
    return one.product == other.product and fold_host(one.host) == fold_host(other.host)


def find_repeated(records: Sequence[Record], servers: Sequence[int]) -> list[list[Record]]:
    """Group the records of workloads that several read results of one server may list, oldest read first."""
    found: dict[Hashable, list[Record]] = defaultdict(list)
    for record in records:
        found[servers[record.read.number], record.key].append(record)
    repeated = [group for group in found.values() if len({one.read.number for one in group}) > 1]
    return [sorted(group, key=lambda one: one.read.order) for group in repeated]


class Superseded(t.NamedTuple):
    """Why a row is superseded: the newer read result, and whether it still lists the workload."""

    newer: ReadFacts
    is_listed: bool


def find_superseded(
    records: Sequence[Record], results: Sequence[ReadFacts], servers: Sequence[int]
) -> tuple[dict[int, Superseded], list[tuple[Record, Record]]]:
    """Return superseded records by id(), and pairs (older, newer) in which neither is superseded."""
    old: dict[int, Superseded] = {}
    pairs = []
    for group in find_repeated(records, servers):
        for position, record in enumerate(group):
            later = [one for one in group[position + 1 :] if one.read.number != record.read.number]
            newer = next((one.read for one in reversed(later) if _supersedes(one, record)), None)
            if newer is not None:
                old[id(record)] = Superseded(newer, is_listed=True)
            elif later:
                pairs.append((record, later[-1]))
    by_server: dict[int, list[ReadFacts]] = defaultdict(list)
    for one in results:
        by_server[servers[one.number]].append(one)
    listed = {(one.read.number, one.key) for one in records}
    not_empty = {number for number, _key in listed}
    for record in records:
        same_server = by_server[servers[record.read.number]]
        for newer_read in same_server if len(same_server) > 1 and id(record) not in old else ():
            if (
                newer_read.number in not_empty
                and (newer_read.number, record.key) not in listed
                and _may_replace(newer_read, record.read)
                and _has_same_host(newer_read, record.read)
                and _covers(newer_read, record)
                and _would_list(newer_read, record)
            ):
                old[id(record)] = Superseded(newer_read, is_listed=False)
    return old, [(one, other) for one, other in pairs if id(one) not in old and id(other) not in old]


def _supersedes(newer: Record, older: Record) -> bool:
    if newer.read.order == older.read.order:
        # The same read result was given twice.
        return True
    if not _may_replace(newer.read, older.read):
        return False
    return (_has_same_host(newer.read, older.read) and _covers(newer.read, older)) or _contains(newer, older)


def _may_replace(newer: ReadFacts, older: ReadFacts) -> bool:
    """Return whether a read result is newer, and does not belong to another installation at the same address."""
    is_other = newer.identity and older.identity and newer.identity != older.identity
    return newer.order[0] > older.order[0] and not is_other


def _covers(newer: ReadFacts, record: Record) -> bool:
    """Return whether the newer read includes the workload of the record, with the same or more rights."""
    older = record.read
    for name in {*newer.scope, *older.scope}:
        newer_access, older_access = newer.scope.get(name), older.scope.get(name, True)
        if newer_access != older_access and not (newer_access is True and older_access is False):
            return False
    limits = {*newer.selection, *older.selection}.difference(_OPTIONS)
    if any(newer.selection.get(name) != older.selection.get(name) for name in limits):
        return False
    names, types = newer.selection.get("workload_names"), newer.selection.get("workload_types")
    if names and (record.name is None or not Globs(names, "workload_names").match(record.name)):
        return False
    return not types or record.identity["workload_type"] in types


def _would_list(newer: ReadFacts, record: Record) -> bool:
    """Return whether the newer read would list the workload of the record if it still existed."""
    if "since" in newer.selection or "until" in newer.selection:
        return False
    lists_unprotected = newer.selection.get("include_unprotected") is True and newer.scope.get("inventory") is True
    has_inventory = record.identity["workload_type"] in (newer.inventory_types or ())
    return record.has_points or (lists_unprotected and has_inventory and record.in_inventory is True)


def _contains(newer: Record, older: Record) -> bool:
    """Return whether the newer row has all points of the older one, unchanged, and covers the same time."""
    if newer.row is None or older.row is None or older.row.number in older.row.states.block.undated:
        return False
    one, other = newer.read.context, older.read.context
    if one.since is not None and (other.since is None or one.since > other.since):
        return False
    if one.until is not None and one.until < (other.read_at if other.until is None else other.until):
        return False
    new, old = _common_points(newer, older)
    return len(old) >= _SAME_TIMES and Counter(map(_described, old)) <= Counter(map(_described, new))


def _described(item: tuple[Points, int]) -> tuple[t.Any, ...]:
    """Return time, attributes and moments of a point."""
    points, index = item
    facts = points.facts(index)
    return (points.time(index), facts, *(points.moment(name, index) for name in facts.moments))


def _common_points(one: Record, other: Record) -> tuple[list[tuple[Points, int]], list[tuple[Points, int]]]:
    """Return the points of both rows in the time that both read results cover."""
    contexts = [one.read.context, other.read.context]
    since = max((context.since for context in contexts if context.since is not None), default=None)
    until = min(context.read_at if context.until is None else context.until - 1 for context in contexts)
    found: list[list[tuple[Points, int]]] = [[], []]
    for number, record in enumerate((one, other)):
        if record.row is not None:
            points = Points(record.row)
            for index in points.indexes():
                if (since is None or points.time(index) >= since) and points.time(index) <= until:
                    found[number].append((points, index))
    return found[0], found[1]


def find_groups(rows: Sequence[Record], servers: Sequence[int]) -> list[int]:
    """Return for each row of a combined workload the number of its group, whose points count once.

    Rows are in one group if they belong to one server, have the same origin, or have points at equal times, because
    independent backups are not made in the same seconds.
    """
    keys: list[list[Hashable]] = [
        [("server", servers[one.read.number]), ("origin", fold_host(one.identity["origin"] or one.read.host))]
        for one in rows
    ]
    union = _group_by(keys)
    for number, one in enumerate(rows):
        for earlier in range(number):
            own, others = (
                {points.time(index) for points, index in places} for places in _common_points(one, rows[earlier])
            )
            both = own & others
            if both and (len(both) >= _SAME_TIMES or both in (own, others)):
                union.join(earlier, number)
    return [union.find(number) for number in range(len(rows))]
