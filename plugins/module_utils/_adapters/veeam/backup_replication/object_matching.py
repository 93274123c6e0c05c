# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: match each point of the full listing to its backup object, if responses prove the match.

A point has the name of its object, but not its id. It is matched to an object if (1) its file refers only to this
object, (2) no other object has the name, ignoring case, and (3) the number of points found equals the number that the
server reports for the object. Objects that are not proven this way are queried one by one.
"""

from __future__ import annotations

import dataclasses
import typing as t
from array import array
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import merge_copies
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_text

# Copies of a point have its time, so they are adjacent in this order, and only they have to be kept in memory.
NEWEST_FIRST = {"orderColumn": "CreationTime", "orderAsc": "false"}
Row = Mapping[str, t.Any]


@dataclasses.dataclass(slots=True)
class BackupObject:
    """A backup object, the number of points that the server reports in all its backups, and the points found so far."""

    number: int
    workload: Workload
    id_hash: int
    # None: the number is not reported, so nothing can be proven.
    expected: int | None = 0
    found: int = 0
    # Points with the same time that have not been added to the collector yet.
    pending: list[RecoveryPoint] = dataclasses.field(default_factory=list)
    is_ambiguous: bool = False

    @property
    def is_proven(self) -> bool:
        """Whether exactly its points were found. Objects without points are queried, because counts may be missing."""
        return self.can_be_proven and self.found == self.expected

    @property
    def can_be_proven(self) -> bool:
        """Whether the match can still be proven."""
        return bool(self.expected) and not self.is_ambiguous


class ObjectMatcher:
    """All backup objects, and the points of the listing that are matched to them."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._by_id: dict[str | None, BackupObject] = {}
        self._by_name: dict[str, BackupObject] = {}
        # For each point of the listing: a hash of its id and the number of its owner; 0 for no owner.
        self._ids = array("q")
        self._numbers = array("i")

    def add_object(self, row: Row) -> None:
        """Add one row of the backup objects. The listing has one row per object and backup."""
        workload = records.parse_workload(row)
        owner = self._by_id.get(workload.id)
        if owner is None:
            owner = BackupObject(len(self._by_id) + 1, workload, records.short_hash(workload.id))
            self._by_id[workload.id] = owner
        count = as_int(row.get("restorePointsCount"))
        owner.expected = None if owner.expected is None or count is None else owner.expected + count
        name = as_text(row.get("name"))
        if name is None or workload != owner.workload:
            owner.is_ambiguous = True
        if name is not None:
            other = self._by_name.setdefault(name.casefold(), owner)
            if other is not owner:
                other.is_ambiguous = owner.is_ambiguous = True

    @property
    def workloads(self) -> list[Workload]:
        """The workloads of all objects."""
        return [owner.workload for owner in self._by_id.values()]

    def is_cheaper(self, pages: int, proving: float) -> bool:
        """Return whether reading ``pages`` takes fewer requests than querying each object that they can prove.

        ``proving`` is the share of points whose files refer to one object, inferred from the first page.
        """
        return pages < proving * sum(owner.can_be_proven for owner in self._by_id.values())

    def add_point(self, row: Row, parse: Callable[[Row, Workload], tuple[RecoveryPoint, records.File | None]]) -> None:
        """Add one point of the listing; ``parse`` returns the point and its file."""
        name = as_text(row.get("name"))
        owner = self._by_name.get(name.casefold()) if name is not None else None
        self._ids.append(hash(as_text(row.get("id"))))
        if owner is None or owner.is_ambiguous or owner.workload.name != name or not _has_same_platform(row, owner):
            self._numbers.append(0)
            return
        try:
            point, file = parse(row, owner.workload)
        except InvalidResponseError:
            # The error is reported when the object is queried by its id.
            owner.is_ambiguous = True
            self._numbers.append(0)
            return
        self._numbers.append(owner.number)
        owner.found += 1
        is_unproven = file is None or file.owner != owner.id_hash
        # If the order is wrong, a copy of an already added point may follow.
        if is_unproven or (owner.pending and point.created > owner.pending[0].created):
            owner.is_ambiguous = True
        else:
            if owner.pending and point.created != owner.pending[0].created:
                self._flush(owner)
            owner.pending.append(point)

    def _flush(self, owner: BackupObject) -> None:
        for point in merge_copies(owner.pending):
            self._collector.add_point(point)
        owner.pending.clear()

    def discard_points(self) -> list[Workload]:
        """Drop all points, because the listing could not be read completely. Return the workloads of all objects."""
        self._collector.discard(self.workloads)
        return self.workloads

    def finish(self) -> tuple[list[Workload], array[int], array[int]]:
        """Return objects that are not proven, hashes of the ids of points with a proven owner, and of all other ids."""
        unproved = []
        for owner in self._by_id.values():
            if owner.is_proven:
                self._collector.add_workload(owner.workload)
                self._flush(owner)
            else:
                unproved.append(owner.workload)
        self._collector.discard(unproved)
        proven = bytes([False, *(owner.is_proven for owner in self._by_id.values())])
        return unproved, self._select_ids(proven, True), self._select_ids(proven, False)

    def _select_ids(self, proven: bytes, is_proven: bool) -> array[int]:
        pairs: Iterable[tuple[int, int]] = zip(self._ids, self._numbers, strict=True)
        return array("q", [ident for ident, number in pairs if bool(proven[number]) is is_proven])


def _has_same_platform(row: Row, owner: BackupObject) -> bool:
    term = as_text(row.get("platformName"))
    kind, platform = records.parse_platform(term)
    if platform == OTHER and term != owner.workload.vendor_platform:
        return False
    return platform == owner.workload.platform and kind in (owner.workload.type, "other")
