# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: restore points of backup objects, and points of snapshot replicas."""

from __future__ import annotations

import collections
import itertools
import threading
import typing as t
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.api import Api, window_of
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.object_matching import (
    NEWEST_FIRST,
    ObjectMatcher,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import folded
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.client import segment
from ansible_collections.backup.audit.plugins.module_utils._transport.listing_check import count_distinct
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Prefetch, SerialMapper

# The first revision in which the points of one object can be asked for page by page and by time.
_PAGED_BY_OBJECT = "1.3-rev2"
# From 1.2 on; 1.1 has the older name, or in its later revisions either.
POINTS = ("/restorePoints", "/objectRestorePoints")
_ALL_BACKUPS = frozenset(records.WORKLOAD_TYPES) - {records.REPLICA}
# Listings that are read beside the points: what came of each, or why it cannot be had.
_Beside = dict[str, "Future[list[dict[str, t.Any]] | str]"]


class Backups:
    """Points of backup objects: of all at once where that takes fewer calls, else each asked for by its object's id."""

    def __init__(self, api: Api, collector: Collector, settings: Settings) -> None:
        self._api = api
        self._reading = collector
        self._settings = settings
        self._window = window_of(collector)
        self._backups: dict[str, records.Backup] = {}
        self._scans: dict[str, records.Scan] = {}
        # Of each backup that points lie in, its files, and their listing as soon as the first of its points is met.
        self._files: dict[str, records.Files | str] = {}
        self._asked: dict[str, Prefetch[Page[t.Any]]] = {}
        self._lock = threading.Lock()
        # How many points the server has in all, where that can be told.
        self._listed = 0
        # A hash of the id of each point that has an object, and of those of the whole listing that prove to have none.
        self._seen = array("q")
        self._strange = array("q")

    def read(self) -> None:
        """Points as soon as it is known how to ask; what backups, jobs and scans say of them is read beside."""
        api, collector = self._api, self._reading
        # No call tells what is not backed up.
        collector.scope["inventory"] = False
        everything = not collector.has_name_filter and set(self._settings.workload_types) >= _ALL_BACKUPS
        # Asked first, so that points made meanwhile do not look lost.
        listing = (
            Prefetch(api.thread_pool, self._page_of_all, 0, 1 if self._window else api.page_size)
            if everything
            else None
        )
        beside = {
            "repositories": self._submit("/backupInfrastructure/repositories"),
            "scale_out_repositories": self._submit("/backupInfrastructure/scaleOutRepositories"),
            "jobs": self._submit("/jobs"),
            "backups": self._submit("/backups"),
            "scans": self._submit("/taskSessions", {"typeFilter": "Antivirus"}),
        }
        if listing is not None and not self._window:
            self._by_object(self._not_by_name(listing, beside), beside)
        else:
            self._by_object(map(records.workload_of, self._objects()), beside)
            self._listed = _total_of(listing.first()) if listing is not None else 0
        for files in self._files.values():
            if isinstance(files, str):
                self._warn(f"sizes are unknown for some backups: {files}", "backup_files")
        different = count_distinct(self._seen)
        if different < len(self._seen):
            self._warn("some restore points are listed with more than one backup object", "shared_points")
        if self._listed > different or not set(self._strange) <= set(self._seen):
            self._unplaced()

    def _not_by_name(self, listing: Prefetch[Page[t.Any] | None], beside: _Beside) -> list[Workload]:
        """Reads the whole listing where that spares calls; gives the objects that are still to be asked for."""
        owners = ObjectMatcher(self._reading)
        for row in self._objects():
            owners.add(row)
        first = listing.first()
        self._listed = _total_of(first)
        if not first or not first.items:
            return owners.workloads
        # The server may cap its pages below what was asked.
        pages = -(-self._listed // len(first.items))
        proving = sum(_has_owner(self._file(as_object(row))) for row in first.items) / len(first.items)
        if not owners.spares_calls(pages, proving):
            return owners.workloads
        self._join_all(beside)
        for row in self._api.records(self._paged(listing), "restore points"):
            owners.take(row, self._told)
        unproved, self._seen, self._strange = owners.settle()
        return unproved

    def _by_object(self, workloads: Iterable[Workload], beside: _Beside) -> None:
        """Points of each object as soon as it is listed."""
        answers = self._api.thread_pool.map(self._rows_of, self._wanted(workloads))
        first = next(answers, None)
        self._join_all(beside)
        for workload, rows in itertools.chain([first] if first else [], answers):
            self._seen.extend(map(hash, rows))
            self._reading.add_workload(workload)
            for point in folded(self._point(row, workload) for row in rows.values()):
                self._reading.add_point(point)

    def _join_all(self, beside: _Beside) -> None:
        if beside:
            self._join({name: self._told_beside(name, future.result()) for name, future in beside.items()})
            beside.clear()

    def _submit(self, path: str, params: Mapping[str, str] | None = None) -> Future[list[dict[str, t.Any]] | str]:
        return self._api.thread_pool.submit(self._api.optional, path, path.rpartition("/")[2], params)

    def _told_beside(self, name: str, rows: list[dict[str, t.Any]] | str) -> list[dict[str, t.Any]]:
        if isinstance(rows, str):
            self._warn(f"{name.replace('_', ' ')} could not be read: {rows}", name)
            return []
        self._reading.scope[name] = True
        return rows

    def _warn(self, warning: str, scope: str) -> None:
        self._reading.scope[scope] = False
        if warning not in self._reading.warnings:
            self._reading.warnings.append(warning)

    def _join(self, told: Mapping[str, Sequence[dict[str, t.Any]]]) -> None:
        places = {str(row["id"]): records.place_of(row) for row in told["repositories"]}
        for row in told["scale_out_repositories"]:
            places[str(row["id"])] = records.scale_out_place(row, places)
        encrypting = {str(row["id"]): bool(records.encrypts(row)) for row in told["jobs"]}
        self._backups = {str(row["id"]): records.backup_of(row, places, encrypting) for row in told["backups"]}
        for row in told["scans"]:
            scan, ident = records.scan_of(row), as_text(row.get("restorePointId"))
            if scan is None or ident is None:
                continue
            known = self._scans.get(ident)
            if known is None or (scan.ended or 0) > (known.ended or 0):
                self._scans[ident] = scan

    # Objects

    def _objects(self) -> Iterator[dict[str, t.Any]]:
        """Every row of the backup objects; the server lists each object once for each backup that it is in."""
        count: collections.Counter[str] = collections.Counter()

        def identity(row: t.Any) -> t.Hashable:
            ident, backup = as_text(as_object(row).get("id")), as_text(as_object(row).get("backupId"))
            if backup is not None:
                return ident, backup
            # Older revisions do not say in which backup, so rows of one object look alike.
            count[str(ident)] += 1
            return ident, count[str(ident)]

        return self._api.rows("/backupObjects", "backup objects", {"orderColumn": "Name"}, identity=identity)

    def _wanted(self, workloads: Iterable[Workload]) -> Iterator[Workload]:
        found: set[str | None] = set()
        for workload in workloads:
            wanted = workload.type in self._settings.workload_types and self._reading.is_selected(workload)
            if wanted and workload.id not in found:
                found.add(workload.id)
                yield workload

    # Points

    def _rows_of(self, workload: Workload) -> dict[str, dict[str, t.Any]]:
        """The points of one object by id; runs in a thread that reads."""
        what = f"restore points of {workload.name!r}"
        path = f"/backupObjects/{segment(workload.id)}/restorePoints"
        if self._api.version == _PAGED_BY_OBJECT:
            window = window_of(self._reading)
            rows = list(self._api.rows(path, what, window, mapper=SerialMapper()))
        else:
            page = self._api.page(path)
            rows = [as_object(row) for row in page.items]
            if page.total is not None and page.total > len(rows):
                rows = self._filtered(workload, what, page.total)
        self._note_files(rows)
        return {str(row.get("id")): row for row in rows}

    def _filtered(self, workload: Workload, what: str, total: int) -> list[dict[str, t.Any]]:
        """The same by a filter, which has pages; believed only where it tells as many."""
        rows = list(self._all_points(what, {"backupObjectIdFilter": str(workload.id)}))
        if len(rows) != total:
            raise InvalidResponseError(
                f"the listing of {what} came incomplete: {total} told, {len(rows)} found by filter",
                code="incomplete",
                server=self._api.client.host,
                advice="Try again; if it stays so, use a newer api_version",
            )
        return rows

    def _all_points(self, what: str, params: Mapping[str, str]) -> Iterator[dict[str, t.Any]]:
        first, other = POINTS[::-1] if self._api.is_old else POINTS
        try:
            yield from self._api.rows(first, what, params, mapper=SerialMapper())
        except NotFoundError:
            yield from self._api.rows(other, what, params, mapper=SerialMapper())

    def _page_of_all(self, skip: int, limit: int) -> Page[t.Any] | None:
        """A page of all points, newest first; None where no listing has all. Runs in a thread that reads."""
        query = {**self._window, **NEWEST_FIRST, "skip": str(skip), "limit": str(limit)}
        for path in POINTS[::-1] if self._api.is_old else POINTS:
            try:
                page = self._api.page(path, query)
            except NotFoundError:
                continue
            if not self._window:
                self._note_files(map(as_object, page.items))
            return page
        return None

    @staticmethod
    def _paged(listing: Prefetch[Page[t.Any] | None]) -> Callable[[int, int], Page[t.Any]]:
        def fetch(skip: int, limit: int) -> Page[t.Any]:
            page = listing(skip, limit)
            if page is None:
                raise InvalidResponseError(
                    "the listing of restore points was there, and is no more", advice="Try again"
                )
            return page

        return fetch

    def _note_files(self, rows: Iterable[Mapping[str, t.Any]]) -> None:
        """Have the files asked for that these points lie in; runs in threads that read, and waits for nothing."""
        noted = None
        for row in rows:
            told = row.get("backupId")
            # Most lie in the same backup as the one before.
            if told != noted and _file_of(row):
                self._ask_files(as_text(told) or "")
                noted = told

    def _ask_files(self, backup_id: str) -> Prefetch[Page[t.Any]]:
        with self._lock:
            if backup_id not in self._asked:
                self._asked[backup_id] = self._api.prefetch(f"/backups/{segment(backup_id)}/backupFiles")
            return self._asked[backup_id]

    def _point(self, row: Mapping[str, t.Any], workload: Workload) -> RecoveryPoint:
        return self._told(row, workload)[0]

    def _told(self, row: Mapping[str, t.Any], workload: Workload) -> tuple[RecoveryPoint, records.File | None]:
        file = self._file(row)
        point = records.point_of(
            row,
            workload,
            self._backups.get(as_text(row.get("backupId")) or ""),
            file,
            self._scans.get(as_text(row.get("id")) or "") if self._scans else None,
            says_operations=not self._api.is_old,
            include_raw=self._settings.include_raw,
        )
        return point, file

    def _file(self, row: Mapping[str, t.Any]) -> records.File | None:
        file_id = _file_of(row)
        files = self._files_of(as_text(row.get("backupId")) or "") if file_id else None
        return files.get(file_id) if files and file_id else None

    def _files_of(self, backup_id: str) -> records.Files | None:
        """The files of one backup, read when they are wanted for the first time; None where they cannot be read."""
        files = self._files.get(backup_id)
        if files is None:
            files = self._api.folded(self._ask_files(backup_id), "backup files", records.Files)
            self._files[backup_id] = files
        return None if isinstance(files, str) else files

    # Points that no backup object lists

    def _unplaced(self) -> None:
        seen = frozenset(self._seen)
        lost = 0
        for row in self._all_points("restore points", self._window):
            if hash(str(row["id"])) not in seen and records.created_of(row) <= self._reading.now:
                lost += 1
                self._reading.add_point(self._point(row, Workload()))
        if lost:
            self._reading.warnings.append(f"{lost} restore points belong to no backup object that the server lists")


def _total_of(page: Page[t.Any] | None) -> int:
    return (page.total or 0) if page is not None else 0


def _file_of(row: Mapping[str, t.Any]) -> str | None:
    """The id of the file that a point lies in; file shares and snapshots have none."""
    file_id = as_text(row.get("backupFileId"))
    return None if file_id == records.NO_ID else file_id


def _has_owner(file: records.File | None) -> bool:
    return file is not None and file.owner is not None


class Replicas:
    """Points of snapshot replicas. Continuous (CDP) replicas have none in this API, which is not the same as zero."""

    def __init__(self, api: Api, collector: Collector, settings: Settings) -> None:
        self._api = api
        self._reading = collector
        self._settings = settings

    def read(self) -> None:
        """Replicas, then all their points at once."""
        api, collector = self._api, self._reading
        try:
            replicas = {str(row["id"]): row for row in api.rows("/replicas", "replicas")}
            points = list(api.rows("/replicaPoints", "replica points", window_of(collector)))
        except (ForbiddenError, NotFoundError) as error:
            if self._settings.workload_types == (records.REPLICA,):
                raise
            # Revisions before 1.2 have none, and not every role may see them.
            collector.scope[records.REPLICA] = False
            collector.warnings.append(
                f"replicas could not be read, so those that there are stand in no row: {error.message}"
            )
            return
        continuous = [row for row in replicas.values() if (as_text(row.get("type")) or "").casefold() == "cdp"]
        collector.scope["cdp_replicas"] = len(continuous)
        if continuous:
            shown = ", ".join(sorted({as_text(row.get("name")) or "?" for row in continuous})[:10])
            collector.warnings.append(
                f"{len(continuous)} continuous (CDP) replicas have points that this API does not list; they are "
                f"unknown, not zero, and stand in no row: {shown}"
            )
        if not window_of(collector):
            filled = {as_text(row.get("replicaId")) for row in points}
            for ident, row in replicas.items():
                if ident not in filled and row not in continuous:
                    collector.add_workload(Workload(id=ident, name=as_text(row.get("name")), type=records.REPLICA))
        for row in points:
            replica_id, name = as_text(row.get("replicaId")), as_text(row.get("name"))
            _kind, platform = records.platform_of(row)
            # One replica may stand for all machines of a job, so that neither tells them apart alone.
            known = f"{replica_id}/{name}" if replica_id and name else None
            workload = Workload(id=known, name=name, type=records.REPLICA, platform=platform)
            collector.add_workload(workload)
            collector.add_point(records.replica_point_of(row, workload, self._settings.include_raw))
