# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: join the list records of each backup of one system and report them as recovery points."""

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
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, remove_secrets
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import RecordCache

# A backup that started this recently may be in one list and not yet in another.
_LISTING_DELAY = 10 * MINUTE * SECOND


@dataclasses.dataclass(frozen=True)
class System:
    """An appliance that the queried appliance reports on; ``local`` is the queried one."""

    sid: int
    name: str
    local: bool


# (instance, item) of the catalog.
Items = Sequence[tuple[fields.Row, fields.Row]]


@dataclasses.dataclass(frozen=True)
class TimeSpan:
    """A time span for which the list of one system is requested, and the catalog chapter that contains it."""

    system: System
    chapter: tuple[int, int]
    catalog: Items | None
    start: int
    end: int


class PointBuilder:
    """Report the points of one system by chapter: ``begin_chapter``, ``add_slice`` per slice, ``end_chapter``.

    Chapters and slices are processed from newest to oldest, so a copy comes before its backup or with it.
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
        self._collector = collector
        self._system = system
        self._times = times
        self._zone_verified = False
        self._settings = settings
        self._inventory = inventory
        self._archive_task = archives
        self._by_backup: dict[int, list[tuple[fields.Row, fields.Row]]] | None = None
        self._archive_times: list[int] | None = None
        self._file_level_clients: Mapping[str, str] | None = None
        self._workloads: dict[str, Workload] = {}
        self._workload_cache = RecordCache(fields.WORKLOAD_MEMBERS, self._resolve_workload)
        self._hot_copies: dict[int, list[Copy]] = {}
        # Numbers of all reported backups; for lookups, those of this chapter and of the previous one.
        self._reported_ids = array("q")
        self._chapter_ids: set[int] = set()
        self._previous_ids: set[int] = set()
        # Catalog items of this chapter by backup number, and whether the catalog was ever readable.
        self._items: dict[int | None, tuple[fields.Row, fields.Row]] = {}
        self._has_catalog = False

    # Data fetched earlier

    @property
    def _archives(self) -> dict[int, list[tuple[fields.Row, fields.Row]]]:
        """Successful copies on archive media, by the number of the original backup."""
        if self._by_backup is None:
            self._by_backup = {}
            for instance, item in self._archive_task.result():
                number = as_int(item.get("orig_backup_id"))
                if number is not None and fields.parse_cold_copy(item) is not None:
                    self._by_backup.setdefault(number, []).append((instance, item))
        return self._by_backup

    @property
    def _file_level(self) -> Mapping[str, str]:
        """Instance -> client, for instances that represent all files of a machine."""
        if self._file_level_clients is None:
            listed = self._inventory.result() or ()
            clients = ((instance, str(workload.id)) for workload, instance in listed if instance is not None)
            self._file_level_clients = {instance: ident.partition("/c")[2] for instance, ident in clients}
        return self._file_level_clients

    def verify_zone(self, rows: Sequence[fields.Row], resolve_zone: Callable[[System, int], LocalTimes | None]) -> None:
        """Before the first row is reported, check that its times are in the expected zone."""
        if self._zone_verified:
            return
        for row in rows:
            instance = as_int(row.get("instance_id"))
            if instance is not None and fields.is_backup(row):
                self._times = resolve_zone(self._system, instance) or self._times
                self._archive_times = None
                self._zone_verified = True
                return

    # Reporting

    def begin_chapter(self, catalog: Items | None) -> None:
        """Start a chapter with its catalog items; None if the catalog is not accessible."""
        self._previous_ids, self._chapter_ids = self._chapter_ids, set()
        self._has_catalog = self._has_catalog or catalog is not None
        self._items = {
            as_int(item.get("id")): (instance, item) for instance, item in catalog or () if fields.is_own(item)
        }

    def add_slice(self, rows: Sequence[fields.Row]) -> int:
        """Report all points of one slice; return their number. A backup is in one slice, or on the boundary of two."""
        backups = []
        for row in rows:
            number = as_int(row.get("id"))
            if number is None:
                continue
            parsed = fields.parse_fields(row)
            if not fields.is_copy(row, parsed):
                backups.append((number, row, parsed))
            elif (copy := fields.parse_hot_copy(row)) is not None:
                self._hot_copies.setdefault(number, []).append(copy)
        count = 0
        for number, row, parsed in backups:
            if parsed.no_backup:
                continue
            if parsed.replicated_in:
                # A copy of a backup of another system, which reports the backup itself.
                self._collector.scope["replicated_in"] = self._collector.scope.get("replicated_in", 0) + 1
            elif not self._is_reported(number):
                count += 1
                self._mark_reported(number)
                self._add_backup(row, parsed, number)
        return count

    def end_chapter(self, start: int, end: int) -> int:
        """Finish the chapter from ``start`` to ``end``: report the backups that its slices do not list."""
        return self._add_catalog_only(start, end) + self._count_archived(start, end)

    def _add_backup(self, row: fields.Row, parsed: fields.ParsedFields, number: int) -> None:
        workload = self._workload_cache.get(row)
        if workload is None:
            return
        instance_item = self._items.get(number)
        item = instance_item[1] if instance_item is not None else None
        try:
            point = fields.build_point(row, parsed, item, workload, self._system.sid, self._copies(number), self._times)
        except DataError as error:
            raise self._build_error(number, error) from error
        self._report_point(point, {"backup": row, "catalog": item})

    def _add_catalog_only(self, start: int, end: int) -> int:
        """Report backups that only the catalog lists: errors of the list request are returned as an empty list."""
        count = 0
        newest = min(end, self._collector.now - _LISTING_DELAY)
        for number, (instance, item) in self._items.items():
            if number is None or self._is_reported(number):
                continue
            try:
                if not start <= fields.parse_start(item, self._times)[0] <= newest:
                    continue
                self._mark_reported(number)
                count += 1
                workload = self._workload_cache.get({**instance, "type": item.get("type")})
                if workload is not None:
                    copies = self._copies(number)
                    point = fields.build_catalog_point(item, workload, self._system.sid, copies, self._times)
                    self._report_point(point, {"catalog": item})
            except DataError as error:
                raise self._build_error(number, error) from error
        self._items = {}
        if count:
            self._warn_once("the list of backups omits some backups of the catalog; these are read from the catalog")
        return count

    def _is_reported(self, number: int) -> bool:
        return number in self._chapter_ids or number in self._previous_ids

    def _mark_reported(self, number: int) -> None:
        self._chapter_ids.add(number)
        self._reported_ids.append(number)

    def _count_archived(self, start: int, end: int) -> int:
        """Count the backups of this period on archive media; if there are any, reading continues."""
        if self._archive_times is None:
            moments = []
            for number, found in self._archives.items():
                try:
                    moments.append(fields.parse_start(found[0][1], self._times)[0])
                except DataError as error:
                    raise self._build_error(number, error) from error
            self._archive_times = sorted(moments)
        return bisect_right(self._archive_times, end) - bisect_left(self._archive_times, start)

    def _copies(self, number: int) -> list[Copy]:
        archived = self._archives.get(number)
        if archived is None:
            return self._hot_copies.pop(number, [])
        cold = [copy for _instance, item in archived if (copy := fields.parse_cold_copy(item))]
        return [*self._hot_copies.pop(number, ()), *cold]

    def _build_error(self, number: int, error: DataError) -> InvalidResponseError:
        """Return an error that names the backup that cannot be read."""
        return InvalidResponseError(
            f"backup {number} of system {self._system.name!r}: {error.message}",
            hint="The response format of this appliance version is not supported. Please report it",
        )

    def _report_point(self, point: RecoveryPoint, records: Mapping[str, t.Any]) -> None:
        if self._settings.include_raw:
            # The output is the log of the job: it is long and is not used for any field.
            kept = {name: _without_output(record) for name, record in records.items() if record}
            point.raw = remove_secrets(kept)
        self._collector.add_point(point)

    def _resolve_workload(self, row: fields.Row) -> Workload | None:
        """Return the workload of a row (the same object for the same id); None if it is not selected."""
        found = fields.build_workload(row, self._system.sid, self._file_level)
        if found.id is not None:
            found = self._workloads.setdefault(found.id, found)
        found.origin = None if self._system.local else self._system.name
        selected = found.type in self._settings.workload_types and self._collector.is_selected(found)
        return found if selected else None

    def _warn_once(self, warning: str) -> None:
        if warning not in self._collector.warnings:
            self._collector.warnings.append(warning)

    # Data without a time window

    def finish(self, *, include_unprotected: bool) -> None:
        """Report backups that are on archive media only, then the inventory."""
        reported = {number for number in self._reported_ids if number in self._archives}
        for number, found in self._archives.items():
            if number in reported:
                continue
            instance, items = found[0][0], [item for _instance, item in found]
            workload = self._workload_cache.get({**instance, "type": items[0].get("type")})
            if workload is not None:
                try:
                    point = fields.build_archive_point(items, workload, self._system.sid, self._times)
                except DataError as error:
                    raise self._build_error(number, error) from error
                self._report_point(point, {"archives": items})
        listed = self._inventory.result()
        if listed is None:
            if not self._reported_ids and not self._has_catalog:
                self._collector.add_problem(
                    InvalidResponseError(
                        f"system {self._system.name!r} does not list any backups, and neither its catalog nor its "
                        "inventory is available to confirm this",
                        code="incomplete",
                    )
                )
            return
        self._merge_inventory([workload for workload, _instance in listed], include_unprotected=include_unprotected)

    def _merge_inventory(self, listed: Sequence[Workload], *, include_unprotected: bool) -> None:
        names = {workload.name for workload in listed}
        present = {workload.id for workload in listed}
        for known in self._workloads.values():
            # If the same name has another number, it is unknown whether it is the same workload.
            known.in_inventory = True if known.id in present else None if known.name in names else False
        for workload in listed:
            workload.origin = None if self._system.local else self._system.name
            workload.in_inventory = True
            selected = workload.type in self._settings.workload_types
            if include_unprotected and selected and workload.id not in self._workloads:
                self._collector.add_workload(workload)


def _without_output(record: t.Any) -> t.Any:
    if isinstance(record, Mapping):
        return {name: value for name, value in record.items() if name != "output"}
    return record
