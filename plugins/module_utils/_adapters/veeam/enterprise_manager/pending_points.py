# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: compact storage of files and their points until all points have been read."""

from __future__ import annotations

import itertools
import typing as t
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import is_undated
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.decoding import (
    get_id,
    lower_keys,
    up_link,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.records import (
    Backup,
    FileLocation,
    Machine,
    PointInFile,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import NOT_FOUND, IdIndex
from ansible_collections.backup.audit.plugins.module_utils._collect.points import UNKNOWN_SIZE
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text

# First point of a batch; hashes of the ids, times, and sizes of all its points.
PointBatch = tuple[RecoveryPoint, "array[int]", "array[int]", "array[int]"]
_KINDS = ("full", "incremental", "synthetic_full", "backup", "snapshot", "unknown")
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


class BackupFileIndex:
    """Backup files by id, joined to their backups and repositories."""

    def __init__(
        self,
        files: Iterable[records.BackupFile],
        backups: Iterable[Mapping[str, t.Any]],
        repositories: Iterable[Mapping[str, t.Any]],
    ) -> None:
        kinds = {get_id(row): as_text(row.get("kind")) for row in map(lower_keys, repositories)}
        # The listed backups, followed by those that only files refer to.
        self._backups: list[Backup] = []
        numbers: dict[tuple[str | None, str | None], int] = {}
        listed: dict[str | None, int] = {}
        for row in map(lower_keys, backups):
            ident, (repository, name) = get_id(row), up_link(row, "RepositoryReference")
            listed[ident] = len(self._backups)
            job, platform = as_text(row.get("name")), as_text(row.get("platform"))
            self._backups.append(Backup(ident, job, platform, name, kinds.get(repository) if name else None))
        self._index = IdIndex()
        for ident, size, backup in files:
            number = listed.get(backup[0], numbers.get(backup, len(self._backups)))
            if number == len(self._backups):
                numbers[backup] = number
                self._backups.append(Backup(*backup))
            self._index.add(ident, size, number)
        self._index.finalize()

    def count_point(self, file_id: str | None) -> int:
        """Count a point in this file. Return the position of the file, or NOT_FOUND if it is not listed."""
        return NOT_FOUND if file_id is None else self._index.count_use(hash(file_id))

    def get_location(self, position: int) -> tuple[FileLocation | None, bool]:
        """Return (location, whether the file has at most one point). Call it after all points have been read."""
        if position == NOT_FOUND:
            return None, False
        size, number, alone = self._index.get_at(position)
        return FileLocation(size, self._backups[number]), alone

    def get_backup(self, position: int) -> Backup | None:
        """Return the backup of a file, or None if the file is not listed."""
        return None if position == NOT_FOUND else self._backups[self._index.get_at(position)[1]]

    def get_backup_number(self, position: int) -> int:
        """Return a number that identifies the backup of a file."""
        return NOT_FOUND if position == NOT_FOUND else self._index.get_at(position)[1]

    def get_size_and_backup(self, position: int) -> tuple[int, int]:
        """Return the inputs of ``complete_point``: the size of a point in this file, and the number of the backup."""
        if position == NOT_FOUND:
            return UNKNOWN_SIZE, NOT_FOUND
        size, number, alone = self._index.get_at(position)
        return size if alone and size is not None else UNKNOWN_SIZE, number

    def complete_point(self, point: RecoveryPoint, position: int) -> RecoveryPoint:
        """Set size and location of a point by the position of its file. Call it after all points have been read."""
        location, alone = self.get_location(position)
        return point if location is None else records.apply_file_location(point, location, alone=alone)


class PendingPoints:
    """The points of one workload, or of one of its backups. ``keep_records``: store the id and record of each point.

    ``may_be_several``: they may belong to several machines with the same name, so none of them is a proof.
    """

    def __init__(self, workload: Workload, owner: Machine, keep_records: bool) -> None:
        self.workload = workload
        self.has_reference = owner[0] is not None
        # Points of agents have no reference. Points of virtual machines lack it if the machine is not known.
        self.may_be_several = workload.id is None or (workload.type == "vm" and not self.has_reference)
        # For points without a reference to their machine: hashes of job runs, with those of the points.
        self._runs: dict[int, int] = {}
        self._records: list[tuple[str, dict[str, t.Any] | None]] | None = [] if keep_records else None
        self.ids = array("q")
        self.times = array("q")
        self.files = array("q")
        self._kinds = bytearray()

    def add(self, found: PointInFile, file: int) -> None:
        """Add one point and the position of its file."""
        ident, created, kind, _file_id, _owner, run, raw = found
        if self._records is not None:
            self._records.append((ident, raw))
        self.ids.append(hash(ident))
        self.times.append(created)
        self.files.append(file)
        self._kinds.append(_NUMBERS[kind])
        if not self.has_reference and run is not None and self._runs.setdefault(hash(run), hash(ident)) != hash(ident):
            # A job run makes only one point per machine.
            self.may_be_several = True

    def group_points(self, workload: Workload, file_index: BackupFileIndex) -> Iterator[PointBatch]:
        """Yield all points as points of ``workload``, in batches that differ only in id, time and size."""
        found: dict[tuple[int, int], tuple[int, array[int], array[int], array[int]]] = {}
        for ident, created, file, kind in zip(self.ids, self.times, self.files, self._kinds, strict=True):
            size, owner = file_index.get_size_and_backup(file)
            batch = found.get((kind, owner))
            if batch is None:
                batch = found[kind, owner] = (file, array("q"), array("q"), array("q"))
            batch[1].append(ident)
            batch[2].append(created)
            batch[3].append(size)
        for (kind, _owner), (file, ids, times, sizes) in found.items():
            yield (
                file_index.complete_point(self._point(workload, f"{ids[0]:x}", times[0], kind), file),
                ids,
                times,
                sizes,
            )

    def build_points(self, workload: Workload, file_index: BackupFileIndex) -> Iterator[RecoveryPoint]:
        """Yield all points as points of ``workload``."""
        for index, file in enumerate(self.files):
            # If points are only counted, the hash of the id is sufficient.
            ident, raw = self._records[index] if self._records is not None else (f"{self.ids[index]:x}", None)
            point = self._point(workload, ident, self.times[index], self._kinds[index])
            point.raw = raw
            yield file_index.complete_point(point, file)

    def _point(self, workload: Workload, ident: str, created: int, number: int) -> RecoveryPoint:
        kind = _KINDS[number]
        # The point is offered for restore, and the API reports no problem.
        usable = None if self.may_be_several or kind == "unknown" else True
        return RecoveryPoint(id=ident, workload=workload, created=created, kind=kind, usable=usable)


def has_no_copies(machine: Sequence[PendingPoints]) -> bool:
    """Return whether all points have different ids and times, so that there are no copies to merge."""
    count = sum(len(pending.ids) for pending in machine)
    return all(
        len(set(itertools.chain.from_iterable(values))) == count
        for values in ((pending.times for pending in machine), (pending.ids for pending in machine))
    )


def join_by_machine(groups: Iterable[PendingPoints]) -> list[list[PendingPoints]]:
    """Group backups by machine: backups whose points have the same times are copies.

    For machines without a reference only. The name alone is not sufficient, because a reinstalled machine can have
    the name of the previous one.
    """
    machines: dict[tuple[str | None, ...], list[tuple[set[int], list[PendingPoints]]]] = {}
    for group in sorted(groups, key=lambda group: group.workload.id or ""):
        workload = group.workload
        times = {time for time in group.times if not is_undated(time)}
        known = machines.setdefault((workload.type, workload.origin, workload.name), [])
        for others, machine in known:
            shared = len(times & others)
            if shared and 2 * shared >= min(len(times), len(others)):
                others.update(times)
                machine.append(group)
                break
        else:
            known.append((times, [group]))
    return [machine for known in machines.values() for _times, machine in known]
