# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: what is held until all points were met, in a few bytes each: files, and points in files."""

from __future__ import annotations

import itertools
import typing as t
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import is_elsewhere
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.decoding import (
    id_of,
    lowered,
    up_link,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.records import (
    FileLocation,
    PointInFile,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import NOWHERE, IdIndex
from ansible_collections.backup.audit.plugins.module_utils._collect.points import UNKNOWN_SIZE
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text

# The first of some points, and the hash of the id, time and size of each.
ValueCache = tuple[RecoveryPoint, "array[int]", "array[int]", "array[int]"]
_KINDS = ("full", "incremental", "synthetic_full", "snapshot", "unknown")
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


class BackupFileIndex:
    """Backup files by id, joined to their backups and repositories."""

    def __init__(
        self,
        files: Iterable[records.BackupFile],
        backups: Iterable[Mapping[str, t.Any]],
        repositories: Iterable[Mapping[str, t.Any]],
    ) -> None:
        kinds = {id_of(row): as_text(row.get("kind")) for row in map(lowered, repositories)}
        # Backup by id: (id, job, platform, place). Those that files name and nobody lists come behind.
        self._owners: list[tuple[str | None, str | None, str | None, Copy | None]] = []
        numbers: dict[tuple[str | None, str | None], int] = {}
        listed: dict[str | None, int] = {}
        for row in map(lowered, backups):
            repository, name = up_link(row, "RepositoryReference")
            kind = kinds.get(repository)
            place = Copy(location=name, location_type=kind, offsite=is_elsewhere(kind)) if name else None
            listed[id_of(row)] = len(self._owners)
            self._owners.append((id_of(row), as_text(row.get("name")), records.platform_of(row.get("platform")), place))
        self._table = IdIndex()
        for ident, size, backup in files:
            number = listed.get(backup[0], numbers.get(backup, len(self._owners)))
            if number == len(self._owners):
                numbers[backup] = number
                self._owners.append((*backup, None, None))
            if ident is not None:
                self._table.add(ident, size, number)
        self._table.seal()

    def use(self, file_id: str | None) -> int:
        """A point lies in this file. The file's place here; NOWHERE for one that is not listed."""
        return NOWHERE if file_id is None else self._table.use(hash(file_id))

    def at(self, place: int) -> tuple[FileLocation | None, bool]:
        """Where a file belongs; whether one point at most lies in it, which is known once all points were met."""
        if place == NOWHERE:
            return None, False
        size, number, alone = self._table.at(place)
        return FileLocation(size, *self._owners[number]), alone

    def owner(self, place: int) -> int:
        """A number that tells apart the backups to which files belong."""
        return NOWHERE if place == NOWHERE else self._table.at(place)[1]

    def size_and_owner(self, place: int) -> tuple[int, int]:
        """All that ``settle`` goes by: the size of a point in this file, and a number for where the file belongs."""
        if place == NOWHERE:
            return UNKNOWN_SIZE, NOWHERE
        size, number, alone = self._table.at(place)
        return size if alone and size is not None else UNKNOWN_SIZE, number

    def settle(self, point: RecoveryPoint, place: int) -> RecoveryPoint:
        """Size and place of a point, by the place of its file. All points were met, so shared files are known."""
        home, alone = self.at(place)
        return records.settle(point, home, alone=alone)


class PendingPoints:
    """The points of one workload, or of one backup of it. Where they are asked for one by one they are kept whole."""

    def __init__(self, workload: Workload, *, whole: bool) -> None:
        self.workload = workload
        self._whole: list[tuple[str, dict[str, t.Any] | None]] | None = [] if whole else None
        self.ids = array("q")
        self.times = array("q")
        self.files = array("q")
        self._kinds = bytearray()

    def add(self, found: PointInFile, file: int) -> None:
        """One point, and the place of its file."""
        ident, created, kind, _file_id, _owner, raw = found
        if self._whole is not None:
            self._whole.append((ident, raw))
        self.ids.append(hash(ident))
        self.times.append(created)
        self.files.append(file)
        self._kinds.append(_NUMBERS[kind])

    def alike(self, workload: Workload, homes: BackupFileIndex) -> Iterator[ValueCache]:
        """All points, as those of ``workload``, by what they say but for id, time and size."""
        found: dict[tuple[int, int], tuple[int, array[int], array[int], array[int]]] = {}
        for ident, created, file, kind in zip(self.ids, self.times, self.files, self._kinds, strict=True):
            size, owner = homes.size_and_owner(file)
            told = found.get((kind, owner))
            if told is None:
                told = found[kind, owner] = (file, array("q"), array("q"), array("q"))
            told[1].append(ident)
            told[2].append(created)
            told[3].append(size)
        for (kind, _owner), (file, ids, times, sizes) in found.items():
            yield homes.settle(_point(workload, f"{ids[0]:x}", times[0], kind), file), ids, times, sizes

    def points(self, workload: Workload, homes: BackupFileIndex) -> Iterator[RecoveryPoint]:
        """All points, as those of ``workload``."""
        for index, file in enumerate(self.files):
            # Nothing but the hash of an id is ever used where points are only counted.
            ident, raw = self._whole[index] if self._whole is not None else (f"{self.ids[index]:x}", None)
            point = _point(workload, ident, self.times[index], self._kinds[index])
            point.raw = raw
            yield homes.settle(point, file)


def _point(workload: Workload, ident: str, created: int, kind: int) -> RecoveryPoint:
    # It is offered for restore, and nothing is said against it.
    return RecoveryPoint(id=ident, workload=workload, created=created, kind=_KINDS[kind], usable=True)


def are_apart(machine: Sequence[PendingPoints]) -> bool:
    """Whether no two points are the same one or of one moment, so that there are no copies to be folded."""
    count = sum(len(held.ids) for held in machine)
    return all(
        len(set(itertools.chain.from_iterable(values))) == count
        for values in ((held.times for held in machine), (held.ids for held in machine))
    )


def joined(groups: Iterable[PendingPoints]) -> list[list[PendingPoints]]:
    """Points of agents by backup -> by machine: a backup whose points have the times of another's holds copies of them.

    The name alone would not do, because a machine that was set up anew has the name of the one before.
    """
    machines: dict[tuple[str | None, str | None], list[tuple[set[int], list[PendingPoints]]]] = {}
    for group in sorted(groups, key=lambda group: group.workload.id or ""):
        workload = group.workload
        times = set(group.times)
        known = machines.setdefault((workload.origin, workload.name), [])
        for others, machine in known:
            if 2 * len(times & others) >= min(len(times), len(others)):
                others.update(times)
                machine.append(group)
                break
        else:
            known.append((times, [group]))
    return [machine for known in machines.values() for _times, machine in known]
