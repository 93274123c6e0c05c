# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: join the records of each backup of one system, and report them as recovery points."""

from __future__ import annotations

import dataclasses
import typing as t
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import records as fields
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.archives import (
    Archives,
    build_archive_point,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.chains import Chains
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import (
    AmbiguousTimeError,
    LocalTimes,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.notes import Notes, System
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.workloads import (
    Inventory,
    Row,
    WorkloadIndex,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import FULL_KINDS, Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, MINUTE, SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_int, remove_secrets

# A backup that started this recently may be in one list and not yet in another.
_LISTING_DELAY = 10 * MINUTE * SECOND
# The catalog is requested by local days, with one additional day on both sides.
_CATALOG_MARGIN = 3 * DAY * SECOND

# (instance, item) of the catalog.
Items = Sequence[tuple[Row, Row]]


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A time span for which the catalog of one system was read, with its items; none if it is not accessible."""

    start: int
    end: int
    items: Mapping[int, tuple[Row, Row]]
    at_risk: Future[Collection[int]] | None


@dataclasses.dataclass(frozen=True)
class Slice:
    """The backups that the list returned for one time span: (number, row, parsed fields)."""

    chapter: Chapter
    start: int
    end: int
    # Whether all backups are in that time span.
    is_respected: bool
    # Times that need proof of their order.
    unclear: Sequence[t.Any]
    backups: Sequence[tuple[int, Row, fields.ParsedFields]]


class PointBuilder:
    """Reports the points of one system: ``begin_chapter``, ``add_slice`` per slice, then ``end_list`` and ``finish``.

    Chapters and slices are processed from newest to oldest, so a copy comes before its backup or with it.
    """

    def __init__(
        self,
        collector: Collector,
        system: System,
        times: LocalTimes,
        settings: Settings,
        inventory: Future[Inventory | None],
        archives: Future[t.Any],
    ) -> None:
        self._collector = collector
        self._system = system
        self._times = times
        self._zone_verified = False
        self._settings = settings
        self._notes = Notes(collector, system)
        self._archives = Archives(archives, self._notes)
        self._workloads = WorkloadIndex(collector, self._notes, settings, inventory)
        self._hot_copies: dict[int, list[Copy]] = {}
        # Numbers of all reported backups; for lookups, those of this chapter and of the previous one.
        self._reported_ids = array("q")
        self._chapter_ids: set[int] = set()
        self._previous_ids: set[int] = set()
        self._chapter = Chapter(0, 0, {}, None)
        self._has_catalog = False
        # Slices that wait for proof of the order of day and month in their times.
        self._deferred: list[Slice] = []
        # Items that only the catalog may list, without a valid time.
        self._undated_items: dict[int, tuple[Row, Row]] = {}
        self._chains = Chains(collector.add_point)

    def verify_zone(self, rows: Sequence[Row], resolve_zone: Callable[[System, int], LocalTimes | None]) -> None:
        """Check that times are in the expected zone, before the first row is reported."""
        if self._zone_verified:
            return
        for row in rows:
            instance = as_int(row.get("instance_id"))
            if instance is not None and fields.is_backup(row) and fields.belongs_to_system(row, self._system.sid):
                self._times = resolve_zone(self._system, instance) or self._times
                self._zone_verified = True
                return

    # Reading

    def begin_chapter(
        self, start: int, end: int, catalog: Items | None, at_risk: Future[Collection[int]] | None
    ) -> None:
        """Start a chapter with its catalog items; None if the catalog is not accessible."""
        self._previous_ids, self._chapter_ids = self._chapter_ids, set()
        self._has_catalog = self._has_catalog or catalog is not None
        self._chapter = Chapter(start, end, dict(self._own_items(catalog or ())), at_risk)
        self._learn_dates(self._chapter.items.values(), start, end)

    def _own_items(self, catalog: Items) -> Sequence[tuple[int, tuple[Row, Row]]]:
        found = []
        for instance, item in catalog:
            if not fields.is_own(item):
                continue
            number = as_int(item.get("id"))
            if not fields.belongs_to_system(instance, self._system.sid):
                self._notes.count("entries of the catalog are of another system and are left out")
            elif number is None:
                self._notes.count("entries of the catalog have no number and are left out")
            else:
                found.append((number, (instance, item)))
        return found

    def add_slice(self, rows: Sequence[Row], start: int, end: int) -> int:
        """Report all points of one slice; return their number. A backup on a boundary is in two slices."""
        backups = self._select_backups(rows)
        texts = [fields.get_start(row) for _number, row, _parsed in backups]
        is_respected, unclear = self._times.learn(texts, start, end)
        part = Slice(self._chapter, start, end, is_respected, unclear, backups)
        self._deferred.append(part)
        if not any(self._is_ambiguous(waiting) for waiting in self._deferred):
            self.end_list()
        return len(part.backups) or sum(number not in self._undated_items for number in part.chapter.items)

    def _learn_dates(self, catalog: Iterable[tuple[Row, Row]], start: int, end: int) -> None:
        dates = (item.get("start_date") for _instance, item in catalog)
        self._times.learn(dates, start - _CATALOG_MARGIN, end + _CATALOG_MARGIN)

    def _is_ambiguous(self, part: Slice) -> bool:
        times, respected = self._times, part.is_respected
        return any(times.is_ambiguous(text, part.start, part.end, is_respected=respected) for text in part.unclear)

    def end_list(self) -> None:
        """Report the deferred slices. Times whose order of day and month is still not proved are unknown."""
        deferred, self._deferred = self._deferred, []
        for part in deferred:
            points = [*self._build_listed(part), *self._build_catalog_only(part)]
            # A full backup is older than backups that depend on it and started in the same second.
            points.sort(key=lambda point: (-point.created, point.kind in FULL_KINDS))
            for point in points:
                if point.created == fields.UNDATED:
                    # Whether another backup depends on it is unknown.
                    self._collector.add_point(point)
                else:
                    self._chains.add(point)

    def _select_backups(self, rows: Sequence[Row]) -> list[tuple[int, Row, fields.ParsedFields]]:
        """Return the rows that are backups of this system, and store the copies."""
        backups = []
        for row in rows:
            number = as_int(row.get("id"))
            parsed = fields.parse_fields(row)
            if not fields.belongs_to_system(row, self._system.sid):
                self._notes.count("rows of the list are of another system and are left out")
            elif number is None:
                self._count_unnumbered(row, parsed)
            elif fields.is_copy(row, parsed):
                copy = fields.parse_hot_copy(row)
                if copy is not None:
                    self._hot_copies.setdefault(number, []).append(copy)
            elif parsed.replicated_in:
                # A copy of a backup of another system, which reports the backup itself.
                self._notes.add_to_scope("replicated_in")
            elif not parsed.is_other_job:
                backups.append((number, row, parsed))
        return backups

    def _count_unnumbered(self, row: Row, parsed: fields.ParsedFields) -> None:
        """Count a row without a number. It is a problem only if it is a backup; other jobs have no number."""
        if parsed.is_other_job:
            return
        if fields.is_copy(row, parsed):
            self._notes.count("copies on another appliance do not name their backup and are left out")
        elif parsed.kind != "unknown" or row.get("type") is None:
            self._notes.count_problem("backups have no number and are left out")
        else:
            self._notes.count("rows of the list have no number and an unknown type, and are left out")

    def _build_listed(self, part: Slice) -> list[RecoveryPoint]:
        points = []
        for number, row, parsed in part.backups:
            if self._is_reported(number) or number in self._notes.undated:
                continue
            entry = part.chapter.items.get(number)
            instants = self._find_instants(part, number, row, entry)
            if instants is None:
                continue
            self._mark_reported(number)
            workload = self._workloads.get(row)
            if workload is None:
                continue
            item = None if entry is None else entry[1]
            copies = self._copies(number, row)
            point = fields.build_point(row, parsed, item, workload, self._system.sid, copies, instants, self._times)
            self._complete(point, part, number, {"backup": row, "catalog": item})
            self._count_flags(parsed, item)
            points.append(point)
        return points

    def _find_instants(self, part: Slice, number: int, row: Row, entry: tuple[Row, Row] | None) -> list[int] | None:
        """Return the possible start times in the requested window: empty if unknown, None if outside of the window."""
        texts = [fields.get_start(row), *([] if entry is None else [entry[1].get("start_date")])]
        is_ambiguous = False
        for text in texts:
            try:
                instants = self._times.within(text, part.start, part.end, is_respected=part.is_respected)
            except DataError as error:
                is_ambiguous = is_ambiguous or isinstance(error, AmbiguousTimeError)
                continue
            if not instants:
                self._notes.add_outside(number, self._times, text)
                return None
            # Catalog times have seconds, list times may not. Truncate, so that no point is newer than in the list.
            return instants if text is texts[0] else [one - one % (MINUTE * SECOND) for one in instants]
        self._notes.add_undated(number, texts[0], is_ambiguous=is_ambiguous)
        return []

    def _build_catalog_only(self, part: Slice) -> list[RecoveryPoint]:
        """Build backups that only the catalog lists. The list is also empty if its request failed."""
        points = []
        newest = min(part.end, self._collector.now - _LISTING_DELAY)
        for number, (instance, item) in part.chapter.items.items():
            if self._is_reported(number):
                continue
            instants = fields.parse_start(item, self._times)
            if not instants:
                self._undated_items[number] = (instance, item)
            elif part.start <= instants[0] <= newest:
                self._mark_reported(number)
                points += self._build_catalog_point(part, number, instance, item, instants)
                self._notes.warn(
                    "the list of backups omits some backups of the catalog; these are read from the catalog"
                )
        return points

    def _build_catalog_point(
        self, part: Slice | None, number: int, instance: Row, item: Row, instants: Sequence[int]
    ) -> list[RecoveryPoint]:
        workload = self._workloads.get({**instance, "type": item.get("type")})
        if workload is None:
            return []
        copies = self._copies(number, item)
        point = fields.build_catalog_point(item, workload, self._system.sid, copies, instants)
        self._complete(point, part, number, {"catalog": item})
        self._count_flags(fields.parse_fields(item), item)
        return [point]

    def _count_flags(self, parsed: fields.ParsedFields, item: Row | None) -> None:
        """Count properties for which points have no field."""
        if parsed.template:
            self._notes.add_to_scope("template_backups")
        if parsed.held or (item is not None and as_bool(item.get("legal_hold"))):
            self._notes.add_to_scope("legal_holds")

    def _complete(self, point: RecoveryPoint, part: Slice | None, number: int, records: Mapping[str, t.Any]) -> None:
        if part is not None and part.chapter.at_risk is not None and number in part.chapter.at_risk.result():
            point.malware = "suspicious"
        if self._settings.include_raw:
            point.raw = remove_secrets(
                {name: fields.without_output(record) for name, record in records.items() if record}
            )

    def _is_reported(self, number: int) -> bool:
        return number in self._chapter_ids or number in self._previous_ids

    def _mark_reported(self, number: int) -> None:
        self._chapter_ids.add(number)
        self._reported_ids.append(number)

    def count_archived(self, start: int, end: int) -> int:
        """Return the number of backups of this period on archive media. If there are any, reading continues."""
        return self._archives.count(self._times, start, end)

    def _copies(self, number: int, row: Row) -> list[Copy]:
        return [*self._hot_copies.pop(number, ()), *self._archives.take_copies(number, row)]

    # Full backups before the period that was read

    @property
    def needs_older_fulls(self) -> bool:
        """Whether the full backups of some increments have not been read."""
        return self._chains.is_waiting

    def add_older_fulls(self, catalog: Items, start: int, end: int) -> int:
        """Search the catalog for full backups from ``start`` to ``end``; return the number of listed backups."""
        found = []
        self._learn_dates(catalog, start, end)
        for _number, (instance, item) in self._own_items(catalog):
            instants = fields.parse_start(item, self._times)
            if instants and start <= instants[0] < end:
                found.append((instants[0], instance, item))
        for _created, instance, item in sorted(found, key=lambda entry: -entry[0]):
            status = fields.parse_catalog_status(item)
            if fields.parse_catalog_kind(item) in FULL_KINDS and status != "failed":
                workload = self._workloads.get({**instance, "type": item.get("type")})
                if workload is not None and workload.id is not None:
                    self._chains.add_full(workload.id, None if status == "unknown" else True)
        return len(found)

    # Data without a time window

    def report_incomplete(self) -> None:
        """Report the points that were read before the system failed."""
        self.end_list()
        self._chains.finish()

    def finish(self, *, include_unprotected: bool) -> None:
        """Report waiting points, then backups that are on archive media only, then the inventory."""
        self.report_incomplete()
        looked_up = {*self._undated_items, *self._archives.by_backup, *self._notes.outside}
        reported = {number for number in self._reported_ids if number in looked_up}
        for number, (instance, item) in self._undated_items.items():
            if number not in reported:
                self._notes.add_undated(number, item.get("start_date"))
                reported.add(number)
                for point in self._build_catalog_point(None, number, instance, item, ()):
                    self._collector.add_point(point)
        self._add_archived(reported)
        self._notes.report(reported, is_contradictory=self._times.is_contradictory)
        is_listed = self._workloads.add_inventory(include_unprotected=include_unprotected)
        if not is_listed and not self._reported_ids and not self._has_catalog:
            self._collector.add_problem(
                InvalidResponseError(
                    f"system {self._system.name!r} does not list any backups, and neither its catalog nor its "
                    "inventory is available to confirm this",
                    code="incomplete",
                )
            )

    def _add_archived(self, reported: Collection[int]) -> None:
        """Report backups that are on archive media only; increments and logs need a full backup there, too."""
        for backup, has_full in self._archives.list_backups(self._times, self._workloads.get):
            if backup.number in reported:
                continue
            if not backup.instants:
                self._notes.add_undated(backup.number, backup.items[0].get("start_date"))
            point = build_archive_point(backup, self._system.sid, has_full=has_full)
            self._complete(point, None, backup.number, {"archives": backup.items})
            self._collector.add_point(point)
