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
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.api import (
    Api,
    build_window_filter,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.object_matching import (
    NEWEST_FIRST,
    ObjectMatcher,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import merge_copies
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.client import path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.listing_check import count_distinct
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Prefetch, SerialMapper

# The first revision in which the points of one object can be queried page by page and by time.
_PAGED_BY_OBJECT = "1.3-rev2"
# The first path is that of 1.2 or later; 1.1 has the older one, or in its later revisions either.
POINTS = ("/restorePoints", "/objectRestorePoints")
_ALL_BACKUPS = frozenset(records.WORKLOAD_TYPES) - {records.REPLICA}
# Listings that are read in parallel with the points: the rows of each, or why it cannot be read.
_SideFutures = dict[str, "Future[list[dict[str, t.Any]] | str]"]


class Backups:
    """Reads points of backup objects: all at once if that takes fewer requests, else by the id of each object."""

    def __init__(self, api: Api, collector: Collector, settings: Settings) -> None:
        self._api = api
        self._collector = collector
        self._settings = settings
        self._window = build_window_filter(collector)
        self._backups: dict[str, records.Backup] = {}
        self._scans: dict[str, records.Scan] = {}
        # For each backup with points: its files, and the listing of the files, requested when the first point is read.
        self._files: dict[str, records.Files | str] = {}
        self._file_requests: dict[str, Prefetch[Page[t.Any]]] = {}
        self._lock = threading.Lock()
        # Total number of points on the server, if it is reported.
        self._total = 0
        # Hashes of the ids of points that have an object, and of points of the full listing without a proven object.
        self._seen = array("q")
        self._unmatched = array("q")

    def read(self) -> None:
        """Read points as soon as the query method is known; backups, jobs and scans are read in parallel."""
        api, collector = self._api, self._collector
        # No request returns objects that are not backed up.
        collector.scope["inventory"] = False
        everything = not collector.has_name_filter and set(self._settings.workload_types) >= _ALL_BACKUPS
        # Requested first, so that points created meanwhile do not seem to be lost.
        listing = (
            Prefetch(api.thread_pool, self._fetch_listing_page, 0, 1 if self._window else api.page_size)
            if everything
            else None
        )
        futures = {
            "repositories": self._submit("/backupInfrastructure/repositories"),
            "scale_out_repositories": self._submit("/backupInfrastructure/scaleOutRepositories"),
            "jobs": self._submit("/jobs"),
            "backups": self._submit("/backups"),
            "scans": self._submit("/taskSessions", {"typeFilter": "Antivirus"}),
        }
        if listing is not None and not self._window:
            self._read_by_object(self._match_by_name(listing, futures), futures)
        else:
            self._read_by_object(map(records.parse_workload, self._fetch_objects()), futures)
            self._total = _get_total(listing.first()) if listing is not None else 0
        for files in self._files.values():
            if isinstance(files, str):
                self._warn(f"sizes are unknown for some backups: {files}", "backup_files")
        different = count_distinct(self._seen)
        if different < len(self._seen):
            self._warn("some restore points are listed with more than one backup object", "shared_points")
        if self._total > different or not set(self._unmatched) <= set(self._seen):
            self._add_unassigned_points()

    def _match_by_name(self, listing: Prefetch[Page[t.Any] | None], futures: _SideFutures) -> list[Workload]:
        """Read the full listing if that takes fewer requests; returns the objects that still have to be queried."""
        matcher = ObjectMatcher(self._collector)
        for row in self._fetch_objects():
            matcher.add_object(row)
        first = listing.first()
        self._total = _get_total(first)
        if not first or not first.items:
            return matcher.workloads
        # The server may return smaller pages than requested.
        pages = -(-self._total // len(first.items))
        proving = sum(_has_owner(self._find_file(as_object(row))) for row in first.items) / len(first.items)
        if not matcher.is_cheaper(pages, proving):
            return matcher.workloads
        self._wait_and_join(futures)
        for row in self._api.records(self._require_page(listing), "restore points"):
            matcher.add_point(row, self._build_point_and_file)
        unproved, self._seen, self._unmatched = matcher.finish()
        return unproved

    def _read_by_object(self, workloads: Iterable[Workload], futures: _SideFutures) -> None:
        """Read the points of each object as soon as it is listed."""
        results = self._api.thread_pool.map(self._fetch_points, self._select_workloads(workloads))
        first = next(results, None)
        self._wait_and_join(futures)
        for workload, rows in itertools.chain([first] if first else [], results):
            self._seen.extend(map(hash, rows))
            self._collector.add_workload(workload)
            for point in merge_copies(self._build_point(row, workload) for row in rows.values()):
                self._collector.add_point(point)

    def _wait_and_join(self, futures: _SideFutures) -> None:
        if futures:
            self._join_rows({name: self._get_rows_or_warn(name, future.result()) for name, future in futures.items()})
            futures.clear()

    def _submit(self, path: str, params: Mapping[str, str] | None = None) -> Future[list[dict[str, t.Any]] | str]:
        return self._api.thread_pool.submit(self._api.fetch_optional, path, path.rpartition("/")[2], params)

    def _get_rows_or_warn(self, name: str, rows: list[dict[str, t.Any]] | str) -> list[dict[str, t.Any]]:
        if isinstance(rows, str):
            self._warn(f"{name.replace('_', ' ')} could not be read: {rows}", name)
            return []
        self._collector.scope[name] = True
        return rows

    def _warn(self, warning: str, scope: str) -> None:
        self._collector.scope[scope] = False
        if warning not in self._collector.warnings:
            self._collector.warnings.append(warning)

    def _join_rows(self, rows_by_name: Mapping[str, Sequence[dict[str, t.Any]]]) -> None:
        repositories = {str(row["id"]): records.parse_repository(row) for row in rows_by_name["repositories"]}
        for row in rows_by_name["scale_out_repositories"]:
            repositories[str(row["id"])] = records.parse_scale_out_repository(row, repositories)
        encrypting = {str(row["id"]): bool(records.is_encrypting(row)) for row in rows_by_name["jobs"]}
        self._backups = {
            str(row["id"]): records.parse_backup(row, repositories, encrypting) for row in rows_by_name["backups"]
        }
        for row in rows_by_name["scans"]:
            scan, ident = records.parse_scan(row), as_text(row.get("restorePointId"))
            if scan is None or ident is None:
                continue
            known = self._scans.get(ident)
            if known is None or (scan.ended or 0) > (known.ended or 0):
                self._scans[ident] = scan

    # Objects

    def _fetch_objects(self) -> Iterator[dict[str, t.Any]]:
        """Every row of the backup objects; the server lists one row per object and backup."""
        count: collections.Counter[str] = collections.Counter()

        def identity(row: t.Any) -> t.Hashable:
            ident, backup = as_text(as_object(row).get("id")), as_text(as_object(row).get("backupId"))
            if backup is not None:
                return ident, backup
            # Older revisions do not report the backup, so rows of one object are identical.
            count[str(ident)] += 1
            return ident, count[str(ident)]

        return self._api.rows("/backupObjects", "backup objects", {"orderColumn": "Name"}, identity=identity)

    def _select_workloads(self, workloads: Iterable[Workload]) -> Iterator[Workload]:
        found: set[str | None] = set()
        for workload in workloads:
            wanted = workload.type in self._settings.workload_types and self._collector.is_selected(workload)
            if wanted and workload.id not in found:
                found.add(workload.id)
                yield workload

    # Points

    def _fetch_points(self, workload: Workload) -> dict[str, dict[str, t.Any]]:
        """Fetch the points of one object by id; runs in a worker thread."""
        what = f"restore points of {workload.name!r}"
        path = f"/backupObjects/{path_segment(workload.id)}/restorePoints"
        if self._api.version == _PAGED_BY_OBJECT:
            window = build_window_filter(self._collector)
            rows = list(self._api.rows(path, what, window, mapper=SerialMapper()))
        else:
            page = self._api.page(path)
            rows = [as_object(row) for row in page.items]
            if page.total is not None and page.total > len(rows):
                rows = self._fetch_points_by_filter(workload, what, page.total)
        self._prefetch_files(rows)
        return {str(row.get("id")): row for row in rows}

    def _fetch_points_by_filter(self, workload: Workload, what: str, total: int) -> list[dict[str, t.Any]]:
        """Fetch the points with a filter, which is paged; accepted only if the number of points is the same."""
        rows = list(self._fetch_all_points(what, {"backupObjectIdFilter": str(workload.id)}))
        if len(rows) != total:
            raise InvalidResponseError(
                f"the listing of {what} is incomplete: {total} reported, {len(rows)} found with the filter",
                code="incomplete",
                server=self._api.client.host,
                hint='Try again. If the problem persists, set "api_version" to a newer version',
            )
        return rows

    def _fetch_all_points(self, what: str, params: Mapping[str, str]) -> Iterator[dict[str, t.Any]]:
        first, other = POINTS[::-1] if self._api.is_old else POINTS
        try:
            yield from self._api.rows(first, what, params, mapper=SerialMapper())
        except NotFoundError:
            yield from self._api.rows(other, what, params, mapper=SerialMapper())

    def _fetch_listing_page(self, skip: int, limit: int) -> Page[t.Any] | None:
        """Fetch a page of all points, newest first; None if there is no such listing. Runs in a worker thread."""
        query = {**self._window, **NEWEST_FIRST, "skip": str(skip), "limit": str(limit)}
        for path in POINTS[::-1] if self._api.is_old else POINTS:
            try:
                page = self._api.page(path, query)
            except NotFoundError:
                continue
            if not self._window:
                self._prefetch_files(map(as_object, page.items))
            return page
        return None

    @staticmethod
    def _require_page(listing: Prefetch[Page[t.Any] | None]) -> Callable[[int, int], Page[t.Any]]:
        def fetch(skip: int, limit: int) -> Page[t.Any]:
            page = listing(skip, limit)
            if page is None:
                raise InvalidResponseError("the listing of restore points is no longer available", hint="Try again")
            return page

        return fetch

    def _prefetch_files(self, rows: Iterable[Mapping[str, t.Any]]) -> None:
        """Request the files of these points; runs in worker threads and does not wait."""
        requested = None
        for row in rows:
            backup_id = row.get("backupId")
            # Most points are in the same backup as the previous one.
            if backup_id != requested and _get_file_id(row):
                self._request_files(as_text(backup_id) or "")
                requested = backup_id

    def _request_files(self, backup_id: str) -> Prefetch[Page[t.Any]]:
        with self._lock:
            if backup_id not in self._file_requests:
                self._file_requests[backup_id] = self._api.prefetch(f"/backups/{path_segment(backup_id)}/backupFiles")
            return self._file_requests[backup_id]

    def _build_point(self, row: Mapping[str, t.Any], workload: Workload) -> RecoveryPoint:
        return self._build_point_and_file(row, workload)[0]

    def _build_point_and_file(
        self, row: Mapping[str, t.Any], workload: Workload
    ) -> tuple[RecoveryPoint, records.File | None]:
        file = self._find_file(row)
        point = records.parse_point(
            row,
            workload,
            self._backups.get(as_text(row.get("backupId")) or ""),
            file,
            self._scans.get(as_text(row.get("id")) or "") if self._scans else None,
            has_operations=not self._api.is_old,
            include_raw=self._settings.include_raw,
        )
        return point, file

    def _find_file(self, row: Mapping[str, t.Any]) -> records.File | None:
        file_id = _get_file_id(row)
        files = self._get_files(as_text(row.get("backupId")) or "") if file_id else None
        return files.get(file_id) if files and file_id else None

    def _get_files(self, backup_id: str) -> records.Files | None:
        """The files of one backup, read when they are first needed; None if they cannot be read."""
        files = self._files.get(backup_id)
        if files is None:
            files = self._api.collect_optional(self._request_files(backup_id), "backup files", records.Files)
            self._files[backup_id] = files
        return None if isinstance(files, str) else files

    # Points without a backup object

    def _add_unassigned_points(self) -> None:
        seen = frozenset(self._seen)
        lost = 0
        for row in self._fetch_all_points("restore points", self._window):
            if hash(str(row["id"])) not in seen and records.parse_created(row) <= self._collector.now:
                lost += 1
                self._collector.add_point(self._build_point(row, Workload()))
        if lost:
            self._collector.warnings.append(
                f"{lost} restore points do not belong to any backup object that the server lists"
            )


def _get_total(page: Page[t.Any] | None) -> int:
    return (page.total or 0) if page is not None else 0


def _get_file_id(row: Mapping[str, t.Any]) -> str | None:
    """The id of the backup file of a point; file shares and snapshots have none."""
    file_id = as_text(row.get("backupFileId"))
    return None if file_id == records.NO_ID else file_id


def _has_owner(file: records.File | None) -> bool:
    return file is not None and file.owner is not None


class Replicas:
    """Reads points of snapshot replicas. This API lists no points for continuous (CDP) replicas: unknown, not zero."""

    def __init__(self, api: Api, collector: Collector, settings: Settings) -> None:
        self._api = api
        self._collector = collector
        self._settings = settings

    def read(self) -> None:
        """Read replicas, then all their points at once."""
        api, collector = self._api, self._collector
        try:
            replicas = {str(row["id"]): row for row in api.rows("/replicas", "replicas")}
            points = list(api.rows("/replicaPoints", "replica points", build_window_filter(collector)))
        except (ForbiddenError, NotFoundError) as error:
            if self._settings.workload_types == (records.REPLICA,):
                raise
            # Revisions before 1.2 do not list replicas, and not every role may read them.
            collector.scope[records.REPLICA] = False
            collector.warnings.append(f"replicas could not be read, so they are not included: {error.message}")
            return
        continuous = [row for row in replicas.values() if (as_text(row.get("type")) or "").casefold() == "cdp"]
        collector.scope["cdp_replicas"] = len(continuous)
        if continuous:
            shown = ", ".join(sorted({as_text(row.get("name")) or "?" for row in continuous})[:10])
            are, their = ("replica is", "its") if len(continuous) == 1 else ("replicas are", "their")
            collector.warnings.append(
                f"{len(continuous)} CDP {are} not included because the API does not list {their} recovery points: "
                f"{shown}"
            )
        if not build_window_filter(collector):
            filled = {as_text(row.get("replicaId")) for row in points}
            for ident, row in replicas.items():
                if ident not in filled and row not in continuous:
                    collector.add_workload(Workload(id=ident, name=as_text(row.get("name")), type=records.REPLICA))
        for row in points:
            replica_id, name = as_text(row.get("replicaId")), as_text(row.get("name"))
            _kind, platform = records.parse_platform(row)
            # One replica may represent all machines of a job, so neither id nor name alone is unique.
            known = f"{replica_id}/{name}" if replica_id and name else None
            workload = Workload(id=known, name=name, type=records.REPLICA, platform=platform)
            collector.add_workload(workload)
            collector.add_point(records.parse_replica_point(row, workload, self._settings.include_raw))
