# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: what is held until all points were met, in a few bytes each: files, and points in files."""

from __future__ import annotations

import typing as t
from array import array
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._loose import as_int, as_text
from ansible_collections.backup.audit.plugins.module_utils._model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._sources import veeam_enterprise_manager_fields as fields
from ansible_collections.backup.audit.plugins.module_utils._sources.veeam_copies import is_elsewhere
from ansible_collections.backup.audit.plugins.module_utils._sources.veeam_enterprise_manager_fields import Found, Home
from ansible_collections.backup.audit.plugins.module_utils._sources.veeam_enterprise_manager_wire import (
    id_of,
    lowered,
    up_link,
)
from ansible_collections.backup.audit.plugins.module_utils._sources.veeam_table import IdTable

_KINDS = ("full", "incremental", "synthetic_full", "snapshot", "unknown")


class Homes:
    """Backup files by id, joined to their backups and repositories."""

    def __init__(
        self,
        files: Iterable[Mapping[str, t.Any]],
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
            self._owners.append((id_of(row), as_text(row.get("name")), fields.platform_of(row.get("platform")), place))
        self._table = IdTable()
        for row in map(lowered, files):
            backup = up_link(row, "BackupReference")
            number = listed.get(backup[0], numbers.get(backup, len(self._owners)))
            if number == len(self._owners):
                numbers[backup] = number
                self._owners.append((*backup, None, None))
            ident = id_of(row)
            if ident is not None:
                self._table.add(ident, as_int(row.get("backupsize")), number)
        self._table.seal()

    def get(self, file_id: str) -> Home | None:
        """Where a file belongs; None for one that is not listed."""
        found = self._table.get(hash(file_id))
        if found is None:
            return None
        size, number, _alone = found
        return Home(size, *self._owners[number])

    def use(self, file_id: str | None) -> None:
        """A point lies in this file."""
        if file_id is not None:
            self._table.use(hash(file_id))

    def settle(self, found: Found, file: int) -> RecoveryPoint:
        """Size and place of a point, by the hash of its file's id. All points were met, so shared files are known."""
        told = self._table.get(file)
        if told is None:
            return fields.settle(found, None, alone=False)
        size, number, alone = told
        return fields.settle(found, Home(size, *self._owners[number]), alone=alone)


class Held:
    """The points of one workload, or of one backup of it. Where they are asked for one by one they are kept whole."""

    def __init__(self, workload: Workload, *, whole: bool) -> None:
        self.workload = workload
        self._whole: list[Found] | None = [] if whole else None
        self._ids = array("q")
        self.times = array("q")
        self._files = array("q")
        self._kinds = bytearray()

    def add(self, found: Found) -> None:
        """One point."""
        point = found.point
        if self._whole is not None:
            self._whole.append(found)
        self._ids.append(hash(point.id))
        self.times.append(point.created)
        self._files.append(hash(found.file_id or ""))
        self._kinds.append(_KINDS.index(point.kind))

    def points(self, workload: Workload, homes: Homes) -> Iterator[RecoveryPoint]:
        """All points, as those of ``workload``."""
        for index, file in enumerate(self._files):
            found = self._whole[index] if self._whole is not None else self._rebuilt(index, workload)
            found.point.workload = workload
            yield homes.settle(found, file)

    def _rebuilt(self, index: int, workload: Workload) -> Found:
        # Nothing but the hash of an id is ever used where points are only counted.
        ident, kind = f"{self._ids[index]:x}", _KINDS[self._kinds[index]]
        point = RecoveryPoint(id=ident, workload=workload, created=self.times[index], kind=kind, usable=True)
        return Found(point, None)


def joined(groups: Iterable[Held]) -> list[list[Held]]:
    """Points of agents by backup -> by machine: a backup whose points have the times of another's holds copies of them.

    The name alone would not do, because a machine that was set up anew has the name of the one before.
    """
    machines: dict[tuple[str | None, str | None], list[tuple[set[int], list[Held]]]] = {}
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
