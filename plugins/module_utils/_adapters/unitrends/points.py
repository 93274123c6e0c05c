# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: joins what the lists of one system say of the same backup, and tells it as points."""

from __future__ import annotations

import dataclasses
import typing as t
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import records as fields
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import LocalTimes
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import MINUTE, SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, scrubbed
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import RecordCache

# What began so shortly before we asked may stand in one list and not yet in another.
_SETTLING = 10 * MINUTE * SECOND


@dataclasses.dataclass(frozen=True)
class System:
    """An appliance that this one answers for; ``local`` is this one."""

    sid: int
    name: str
    local: bool


# (instance, item) of the catalogue.
Items = Sequence[tuple[fields.Row, fields.Row]]


@dataclasses.dataclass(frozen=True)
class TimeSpan:
    """A span of time in which the list of one system is asked for, and the chapter of its catalogue that it is of."""

    system: System
    chapter: tuple[int, int]
    catalog: Items | None
    start: int
    end: int


class PointBuilder:
    """Tells the points of one system, chapter by chapter: ``begin``, ``tell`` for each slice of it, ``end``.

    Both come from new to old, so that a copy comes before its backup or with it.
    """

    def __init__(
        self,
        collector: Collector,
        system: System,
        times: LocalTimes,
        settings: Settings,
        inventory: Future[t.Any],
        archives: Future[t.Any],
    ) -> None:
        self._reading = collector
        self._system = system
        self._times = times
        self._zone_proved = False
        self._settings = settings
        self._inventory = inventory
        self._archive_task = archives
        self._by_backup: dict[int, list[tuple[fields.Row, fields.Row]]] | None = None
        self._archived_at: list[int] | None = None
        self._levels: Mapping[str, str] | None = None
        self._workloads: dict[str, Workload] = {}
        self._wanted = RecordCache(fields.NAMING, self._workload_of)
        self._hot: dict[int, list[Copy]] = {}
        # The numbers of all backups that were told, and at hand those of this chapter and of the one before.
        self._told = array("q")
        self._here: set[int] = set()
        self._before: set[int] = set()
        # What the catalogue lists of this chapter, by number, and whether it ever answered.
        self._items: dict[int | None, tuple[fields.Row, fields.Row]] = {}
        self._catalogued = False

    # What was found out before

    @property
    def _archives(self) -> dict[int, list[tuple[fields.Row, fields.Row]]]:
        """Successful copies on archive media, by the number of the backup that they are of."""
        if self._by_backup is None:
            self._by_backup = {}
            for instance, item in self._archive_task.result():
                number = as_int(item.get("orig_backup_id"))
                if number is not None and fields.cold_copy(item) is not None:
                    self._by_backup.setdefault(number, []).append((instance, item))
        return self._by_backup

    @property
    def _file_level(self) -> Mapping[str, str]:
        """Instance -> client, for instances that stand for all files of a machine."""
        if self._levels is None:
            listed = self._inventory.result() or ()
            clients = ((instance, str(workload.id)) for workload, instance in listed if instance is not None)
            self._levels = {instance: ident.partition("/c")[2] for instance, ident in clients}
        return self._levels

    def prove_zone(self, rows: Sequence[fields.Row], zone_of: Callable[[System, int], LocalTimes | None]) -> None:
        """Before the first row is told: whether its times are in the zone that is thought."""
        if self._zone_proved:
            return
        for row in rows:
            instance = as_int(row.get("instance_id"))
            if instance is not None and fields.is_backup(row):
                self._times = zone_of(self._system, instance) or self._times
                self._archived_at = None
                self._zone_proved = True
                return

    # Telling

    def begin(self, catalog: Items | None) -> None:
        """Another chapter, and what the catalogue lists of it; None if that may not be read."""
        self._before, self._here = self._here, set()
        self._catalogued = self._catalogued or catalog is not None
        self._items = {
            as_int(item.get("id")): (instance, item) for instance, item in catalog or () if fields.is_own(item)
        }

    def tell(self, rows: Sequence[fields.Row]) -> int:
        """All points of one slice; gives how many there were. A backup stands in one slice, or at the edge of two."""
        backups = []
        for row in rows:
            number = as_int(row.get("id"))
            if number is None:
                continue
            said = fields.said_of(row)
            if not fields.is_copy(row, said):
                backups.append((number, row, said))
            elif (copy := fields.hot_copy(row)) is not None:
                self._hot.setdefault(number, []).append(copy)
        told = 0
        for number, row, said in backups:
            if said.no_backup:
                continue
            if said.replicated_in:
                # A copy of what another system made, which tells of it itself.
                self._reading.scope["replicated_in"] = self._reading.scope.get("replicated_in", 0) + 1
            elif not self._is_told(number):
                told += 1
                self._note(number)
                self._tell_backup(row, said, number)
        return told

    def end(self, start: int, end: int) -> int:
        """All slices of the chapter were told, which reaches from ``start`` to ``end``: what they leave out."""
        return self._tell_rest(start, end) + self._archived_in(start, end)

    def _tell_backup(self, row: fields.Row, said: fields.ParsedFields, number: int) -> None:
        workload = self._wanted.get(row)
        if workload is None:
            return
        instance_item = self._items.get(number)
        item = instance_item[1] if instance_item is not None else None
        try:
            point = fields.point_of(row, said, item, workload, self._system.sid, self._copies(number), self._times)
        except DataError as error:
            raise self._unreadable(number, error) from error
        self._point(point, {"backup": row, "catalog": item})

    def _tell_rest(self, start: int, end: int) -> int:
        """What the catalogue offers for restore and the list leaves out: its errors come as an empty list."""
        told = 0
        newest = min(end, self._reading.now - _SETTLING)
        for number, (instance, item) in self._items.items():
            if number is None or self._is_told(number):
                continue
            try:
                if not start <= fields.started(item, self._times)[0] <= newest:
                    continue
                self._note(number)
                told += 1
                workload = self._wanted.get({**instance, "type": item.get("type")})
                if workload is not None:
                    copies = self._copies(number)
                    point = fields.point_of_catalog(item, workload, self._system.sid, copies, self._times)
                    self._point(point, {"catalog": item})
            except DataError as error:
                raise self._unreadable(number, error) from error
        self._items = {}
        if told:
            self._say("the list of backups leaves out some that the catalogue offers; they are told from there")
        return told

    def _is_told(self, number: int) -> bool:
        return number in self._here or number in self._before

    def _note(self, number: int) -> None:
        self._here.add(number)
        self._told.append(number)

    def _archived_in(self, start: int, end: int) -> int:
        """How many backups of this time are on archive media: there is more to look for then."""
        if self._archived_at is None:
            moments = []
            for number, found in self._archives.items():
                try:
                    moments.append(fields.started(found[0][1], self._times)[0])
                except DataError as error:
                    raise self._unreadable(number, error) from error
            self._archived_at = sorted(moments)
        return bisect_right(self._archived_at, end) - bisect_left(self._archived_at, start)

    def _copies(self, number: int) -> list[Copy]:
        archived = self._archives.get(number)
        if archived is None:
            return self._hot.pop(number, [])
        cold = [copy for _instance, item in archived if (copy := fields.cold_copy(item))]
        return [*self._hot.pop(number, ()), *cold]

    def _unreadable(self, number: int, error: DataError) -> InvalidResponseError:
        """What cannot be read of one backup is an error that names it."""
        return InvalidResponseError(
            f"the backup {number} of system {self._system.name!r}: {error.message}",
            advice="This version of the appliance answers in a way that is not known here; please report it",
        )

    def _point(self, point: RecoveryPoint, records: Mapping[str, t.Any]) -> None:
        if self._settings.include_raw:
            # The output is the log of the job: long, and nothing of it is a field.
            kept = {name: _without_output(record) for name, record in records.items() if record}
            point.raw = scrubbed(kept)
        self._reading.add_point(point)

    def _workload_of(self, row: fields.Row) -> Workload | None:
        """The workload of a row, always the same object for the same id; None if it is not wanted."""
        found = fields.workload_of(row, self._system.sid, self._file_level)
        if found.id is not None:
            found = self._workloads.setdefault(found.id, found)
        found.origin = None if self._system.local else self._system.name
        wanted = found.type in self._settings.workload_types and self._reading.is_selected(found)
        return found if wanted else None

    def _say(self, warning: str) -> None:
        if warning not in self._reading.warnings:
            self._reading.warnings.append(warning)

    # What has no window

    def finish(self, *, include_unprotected: bool) -> None:
        """Backups that are on archive media only, then the inventory."""
        told = {number for number in self._told if number in self._archives}
        for number, found in self._archives.items():
            if number in told:
                continue
            instance, items = found[0][0], [item for _instance, item in found]
            workload = self._wanted.get({**instance, "type": items[0].get("type")})
            if workload is not None:
                try:
                    point = fields.point_of_archive(items, workload, self._system.sid, self._times)
                except DataError as error:
                    raise self._unreadable(number, error) from error
                self._point(point, {"archives": items})
        listed = self._inventory.result()
        if listed is None:
            if not self._told and not self._catalogued:
                self._reading.add_problem(
                    InvalidResponseError(
                        f"system {self._system.name!r} lists no backup, and neither its catalogue nor its inventory "
                        "answered, so that nothing proves it has none",
                        code="incomplete",
                    )
                )
            return
        self._place([workload for workload, _instance in listed], include_unprotected=include_unprotected)

    def _place(self, listed: Sequence[Workload], *, include_unprotected: bool) -> None:
        names = {workload.name for workload in listed}
        present = {workload.id for workload in listed}
        for known in self._workloads.values():
            # The same name under another number leaves it open which of them this is.
            known.in_inventory = True if known.id in present else None if known.name in names else False
        for workload in listed:
            workload.origin = None if self._system.local else self._system.name
            workload.in_inventory = True
            wanted = workload.type in self._settings.workload_types
            if include_unprotected and wanted and workload.id not in self._workloads:
                self._reading.add_workload(workload)


def _without_output(record: t.Any) -> t.Any:
    if isinstance(record, Mapping):
        return {name: value for name, value in record.items() if name != "output"}
    return record
