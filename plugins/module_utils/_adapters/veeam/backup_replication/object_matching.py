# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: whose each point of the whole listing is, where the answers prove that.

A point names its object and does not carry its id. It is believed to be that object's if it lies in a file that names
this object and no other, if no other object has the name, in any spelling, and in the end as many points were found as
the server tells of the object, newest first. Whatever is not proved so is asked for object by object.
"""

from __future__ import annotations

import dataclasses
import typing as t
from array import array
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import folded
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_text

# Copies of one point, which have its time, then stand so close together that nothing else has to be held.
NEWEST_FIRST = {"orderColumn": "CreationTime", "orderAsc": "false"}
Row = Mapping[str, t.Any]


@dataclasses.dataclass(slots=True)
class BackupObject:
    """A backup object, the points that the server tells of it in all its backups, and those found so far."""

    number: int
    workload: Workload
    mark: int
    # None: not told, so that nothing can be proved.
    told: int | None = 0
    found: int = 0
    # Points of one moment that were not handed on yet.
    held: list[RecoveryPoint] = dataclasses.field(default_factory=list)
    doubted: bool = False

    @property
    def proved(self) -> bool:
        """Whether all its points were found, and no others. Of none it is asked: the server may not count them."""
        return self.may_be and self.found == self.told

    @property
    def may_be(self) -> bool:
        """Whether something can still prove it."""
        return bool(self.told) and not self.doubted


class ObjectMatcher:
    """All backup objects, and the points of the listing as they are found to be theirs."""

    def __init__(self, collector: Collector) -> None:
        self._reading = collector
        self._by_id: dict[str | None, BackupObject] = {}
        self._by_name: dict[str, BackupObject] = {}
        # Of each point of the listing a hash of its id, and the number of its owner: 0 is nobody.
        self._ids = array("q")
        self._numbers = array("i")

    def add(self, row: Row) -> None:
        """One row of the backup objects, which lists each once for each backup that it is in."""
        workload = records.workload_of(row)
        owner = self._by_id.get(workload.id)
        if owner is None:
            owner = BackupObject(len(self._by_id) + 1, workload, records.owner_mark(workload.id))
            self._by_id[workload.id] = owner
        count = as_int(row.get("restorePointsCount"))
        owner.told = None if owner.told is None or count is None else owner.told + count
        name = as_text(row.get("name"))
        if name is None or workload != owner.workload:
            owner.doubted = True
        if name is not None:
            other = self._by_name.setdefault(name.casefold(), owner)
            if other is not owner:
                other.doubted = owner.doubted = True

    @property
    def workloads(self) -> list[Workload]:
        """All of them."""
        return [owner.workload for owner in self._by_id.values()]

    def spares_calls(self, pages: int, proving: float) -> bool:
        """Whether so many pages are fewer calls than one for each object of which they prove something.

        ``proving`` is the part of the points whose files name one object, as far as the first page can tell.
        """
        return pages < proving * sum(owner.may_be for owner in self._by_id.values())

    def take(self, row: Row, told: Callable[[Row, Workload], tuple[RecoveryPoint, records.File | None]]) -> None:
        """One point of the listing; ``told`` says what it is."""
        name = as_text(row.get("name"))
        owner = self._by_name.get(name.casefold()) if name is not None else None
        self._ids.append(hash(as_text(row.get("id"))))
        if owner is None or owner.doubted or owner.workload.name != name or not _same_platform(row, owner):
            self._numbers.append(0)
            return
        self._numbers.append(owner.number)
        point, file = told(row, owner.workload)
        owner.found += 1
        not_its_own = file is None or file.owner != owner.mark
        # Where the order is broken, a copy of what was handed on already may still come.
        if not_its_own or (owner.held and point.created > owner.held[0].created):
            owner.doubted = True
        else:
            if owner.held and point.created != owner.held[0].created:
                self._hand_on(owner)
            owner.held.append(point)

    def _hand_on(self, owner: BackupObject) -> None:
        for point in folded(owner.held):
            self._reading.add_point(point)
        owner.held.clear()

    def settle(self) -> tuple[list[Workload], array[int], array[int]]:
        """Objects of which nothing is proved, and hashes of the ids of points: of those proved, and of all others."""
        unproved = []
        for owner in self._by_id.values():
            if owner.proved:
                self._reading.add_workload(owner.workload)
                self._hand_on(owner)
            else:
                unproved.append(owner.workload)
        self._reading.discard(unproved)
        proved = bytes([False, *(owner.proved for owner in self._by_id.values())])
        return unproved, self._chosen(proved, True), self._chosen(proved, False)

    def _chosen(self, proved: bytes, wanted: bool) -> array[int]:
        pairs: Iterable[tuple[int, int]] = zip(self._ids, self._numbers, strict=True)
        return array("q", [ident for ident, number in pairs if bool(proved[number]) is wanted])


def _same_platform(row: Row, owner: BackupObject) -> bool:
    kind, platform = records.platform_of(row)
    return platform == owner.workload.platform and kind in (owner.workload.type, "other")
