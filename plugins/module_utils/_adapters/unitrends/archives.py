# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: copies on archive media. They are joined with their backup, or are points if the appliance deleted it."""

from __future__ import annotations

import dataclasses
import typing as t
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import records as fields
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import LocalTimes
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.notes import Notes
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.workloads import Row
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_int, as_text

# Kinds of backups that are not recovery points of the complete workload, also on archive media.
_OTHER_KINDS = ("log", "unknown")
# A bare metal backup depends on nothing, but nothing depends on it.
_INDEPENDENT_KINDS = ("full", "backup")


@dataclasses.dataclass(frozen=True)
class ArchivedBackup:
    """A backup on archive media: its number, its copies there, and its possible start times."""

    number: int
    items: Sequence[Row]
    workload: Workload
    instants: Sequence[int]
    kind: str | None


class Archives:
    """The copies of one system on archive media."""

    def __init__(self, task: Future[t.Any], notes: Notes) -> None:
        self._task = task
        self._notes = notes
        self._by_backup: dict[int, list[tuple[Row, Row]]] | None = None
        # The zone of the counted start times, and these times.
        self._counted: tuple[LocalTimes, list[int]] | None = None

    @property
    def by_backup(self) -> Mapping[int, Sequence[tuple[Row, Row]]]:
        """Successful copies as (instance, item), by the number of the original backup."""
        return self._group()

    def _group(self) -> dict[int, list[tuple[Row, Row]]]:
        if self._by_backup is None:
            self._by_backup = {}
            for instance, item in self._task.result():
                number = as_int(item.get("orig_backup_id"))
                is_own = fields.belongs_to_system(instance, self._notes.system.sid)
                if not is_own or parse_cold_copy(item) is None or fields.parse_fields(item).is_other_job:
                    continue
                if number is None:
                    self._notes.count("copies on archive media do not name their backup and are left out")
                else:
                    self._by_backup.setdefault(number, []).append((instance, item))
        return self._by_backup

    def take_copies(self, number: int, row: Row) -> list[Copy]:
        """Return the copies of a backup that the appliance lists as ``row``.

        Copies with another type are left out: they may be of another backup, or of a part of it.
        """
        found = self._group().get(number)
        if found is None:
            return []
        kind = fields.parse_stated_kind(row)
        matching = [(instance, item) for instance, item in found if _is_same_kind(item, kind)]
        for _ignored in range(len(found) - len(matching)):
            self._notes.count("copies on archive media have another type than their backup and are left out")
        # No increment may depend on a copy that was left out.
        self._group()[number] = matching
        return [copy for _instance, item in matching if (copy := parse_cold_copy(item))]

    def count(self, times: LocalTimes, start: int, end: int) -> int:
        """Return the number of backups of this period on archive media."""
        if self._counted is None or self._counted[0] is not times:
            starts = (fields.parse_start(found[0][1], times) for found in self.by_backup.values() if found)
            self._counted = times, sorted(instants[0] for instants in starts if instants)
        starts_of_all = self._counted[1]
        return bisect_right(starts_of_all, end) - bisect_left(starts_of_all, start)

    def list_backups(
        self, times: LocalTimes, find_workload: Callable[[Row], Workload | None]
    ) -> Iterator[tuple[ArchivedBackup, bool]]:
        """Yield the backups of selected workloads, and whether an older full backup is on archive media, too."""
        backups = []
        earliest_fulls: dict[str, int] = {}
        for number, copies in self.by_backup.items():
            items = [item for _instance, item in copies]
            workload = find_workload({**copies[0][0], "type": items[0].get("type")}) if copies else None
            if workload is None:
                continue
            backup = ArchivedBackup(number, items, workload, fields.parse_start(items[0], times), _parse_kind(items))
            backups.append(backup)
            if backup.instants and workload.id is not None and backup.kind == "full":
                first = backup.instants[0]
                earliest_fulls[workload.id] = min(first, earliest_fulls.get(workload.id, first))
        for backup in backups:
            full = earliest_fulls.get(backup.workload.id or "")
            yield backup, full is not None and bool(backup.instants) and full <= backup.instants[0]


def parse_cold_copy(item: Row) -> Copy | None:
    """Parse an item of the archive catalog into a copy on archive media. Return None if it failed."""
    if as_bool(item.get("success")) is not True:
        return None
    return Copy(location=as_text(item.get("storage")), role="archive", offsite=True)


def build_archive_point(backup: ArchivedBackup, sid: int, *, has_full: bool) -> RecoveryPoint:
    """Build the point of a backup that exists only on archive media, because the appliance deleted its own copy.

    ``has_full``: whether there is an older full backup of the workload on archive media.
    """
    point = RecoveryPoint(
        id=f"{sid}/a{as_int(backup.items[0].get('id'))}",
        workload=backup.workload,
        created=backup.instants[0] if backup.instants else fields.UNDATED,
        inferred=fields.get_inferred(backup.instants),
        kind=backup.kind if backup.kind in _OTHER_KINDS else "archive",
        status="success",
        usable=True if has_full or backup.kind in _INDEPENDENT_KINDS else None,
    )
    copies = [copy for item in backup.items if (copy := parse_cold_copy(item))]
    fields.set_copies(point, None, copies, on_appliance=False)
    return point


def _is_same_kind(item: Row, kind: str | None) -> bool:
    """Return whether an item may be a copy of a backup of this kind; None if the type of the backup is not stated."""
    archived = fields.parse_stated_kind(item)
    return archived is None or (archived not in _OTHER_KINDS if kind is None else archived == kind)


def _parse_kind(items: Sequence[Row]) -> str | None:
    """Return the kind of a backup from the types of its copies: None without a type, unknown if they contradict."""
    # A type that names a copy on another appliance does not prove a backup, as in the other lists.
    kinds = {
        "unknown" if fields.parse_fields(item).copy else kind
        for item in items
        if (kind := fields.parse_stated_kind(item)) is not None
    }
    return "unknown" if len(kinds) > 1 else next(iter(kinds), None)
