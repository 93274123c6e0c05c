# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: restore points of backup objects."""

from __future__ import annotations

import itertools
import typing as t
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping

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
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.side_listings import (
    SideListings,
    has_owner,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import merge_copies
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import get_reason, is_unsupported
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
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
_ALL_BACKUPS = frozenset(records.WORKLOAD_TYPES) - {records.REPLICA}
# If the server fails for this many objects in a row, it fails for all of them.
_MAX_FAILURES_IN_ROW = 5
# The points of one object by id, or the error.
_Rows = dict[str, dict[str, t.Any]]


class Backups:
    """Reads points of backup objects: all points if that takes fewer requests, else the points of each object."""

    def __init__(self, api: Api, collector: Collector, settings: Settings) -> None:
        self._api = api
        self._collector = collector
        self._settings = settings
        self._window = build_window_filter(collector)
        # Total number of points on the server, if it is reported.
        self._total = 0
        # Hashes of the ids of points with an object, and of points in the full listing without a proven object.
        self._seen = array("q")
        self._unmatched = array("q")
        self._failures_in_row = 0
        self._all_objects_read = True

    def read(self) -> None:
        """Read points as soon as the query method is known. Backups, jobs and scans are read in parallel."""
        api, collector = self._api, self._collector
        # The API lists only objects with backups.
        collector.scope["inventory"] = False
        everything = not collector.has_name_filter and set(self._settings.workload_types) >= _ALL_BACKUPS
        self._side = SideListings(api, collector, include_raw=self._settings.include_raw)
        # The listing is requested first, so that points that are created meanwhile do not look unassigned.
        listing = (
            Prefetch(api.thread_pool, self._fetch_listing_page, 0, 1 if self._window else api.page_size)
            if everything
            else None
        )
        self._side.request()
        if listing is not None and not self._window:
            self._read_by_object(self._match_by_name(listing))
        else:
            self._read_by_object(map(records.parse_workload, self._fetch_objects()))
            self._total = _get_total(self._get_first_page(listing)) if listing is not None else 0
        different = count_distinct(self._seen)
        if different < len(self._seen):
            api.partial.warn("some restore points are listed with more than one backup object", "shared_points")
        # If an object could not be read, its points would look unassigned.
        if self._all_objects_read and (self._total > different or not set(self._unmatched) <= set(self._seen)):
            self._add_unassigned_points()

    def _get_first_page(self, listing: Prefetch[Page[t.Any] | None]) -> Page[t.Any] | None:
        try:
            page = listing.first()
        except REQUEST_ERRORS as error:
            self._warn_about_listing(get_reason(error))
            return None
        if page is None:
            self._warn_about_listing("the server does not have it")
        return page

    def _warn_about_listing(self, reason: str) -> None:
        self._api.partial.warn(
            "the list of all restore points could not be read, so those without a backup object are not included: "
            f"{reason}",
            "unassigned_points",
        )

    def _match_by_name(self, listing: Prefetch[Page[t.Any] | None]) -> list[Workload]:
        """Read the full listing if that takes fewer requests; return the objects that still have to be queried."""
        matcher = ObjectMatcher(self._collector)
        for row in self._fetch_objects():
            matcher.add_object(row)
        first = self._get_first_page(listing)
        if not first or not first.items:
            return matcher.workloads
        self._total = _get_total(first)
        # The server may return smaller pages than requested.
        pages = -(-self._total // len(first.items))
        proving = sum(has_owner(self._side.find_file(as_object(row))) for row in first.items) / len(first.items)
        if not matcher.is_cheaper(pages, proving):
            return matcher.workloads
        self._side.join()
        try:
            for row in self._api.records(self._require_page(listing), "restore points"):
                matcher.add_point(row, self._side.build_point)
        except REQUEST_ERRORS as error:
            self._warn_about_listing(get_reason(error))
            self._total = 0
            return matcher.discard_points()
        unproved, self._seen, self._unmatched = matcher.finish()
        return unproved

    # Objects

    def _fetch_objects(self) -> Iterator[dict[str, t.Any]]:
        """Yield the rows of the backup objects until a page cannot be read."""
        is_started = False
        try:
            for row in self._api.object_rows():
                is_started = True
                yield row
        except REQUEST_ERRORS as error:
            if not is_started:
                raise
            self._all_objects_read = False
            self._api.partial.add_problem(error, "some backup objects")

    def _select_workloads(self, workloads: Iterable[Workload]) -> Iterator[Workload]:
        found: set[str | None] = set()
        for workload in workloads:
            wanted = workload.type in self._settings.workload_types and self._collector.is_selected(workload)
            if wanted and workload.id not in found:
                found.add(workload.id)
                yield workload

    # Points of one object

    def _read_by_object(self, workloads: Iterable[Workload]) -> None:
        """Read the points of each object as soon as it is listed."""
        results = self._api.thread_pool.map(self._fetch_points, self._select_workloads(workloads))
        first = next(results, None)
        self._side.join()
        vanished: list[tuple[Workload, AuditError]] = []
        for workload, rows in itertools.chain([first] if first else [], results):
            if isinstance(rows, NotFoundError):
                vanished.append((workload, rows))
            else:
                self._add_points_or_problem(workload, rows)
        if vanished:
            self._read_vanished_objects(vanished)

    def _add_points_or_problem(self, workload: Workload, rows: _Rows | AuditError) -> None:
        if isinstance(rows, AuditError):
            self._failures_in_row += not is_unsupported(rows)
            if self._failures_in_row >= _MAX_FAILURES_IN_ROW:
                raise rows
            self._all_objects_read = False
            self._api.partial.add_problem(rows, _describe_points(workload))
            return
        self._failures_in_row = 0
        self._seen.extend(map(hash, rows))
        self._collector.add_workload(workload)
        points = (self._build_point_or_problem(row, workload) for row in rows.values())
        for point in merge_copies(point for point in points if point is not None):
            self._collector.add_point(point)

    def _read_vanished_objects(self, vanished: Iterable[tuple[Workload, AuditError]]) -> None:
        """Read objects again after HTTP 404, unless they are no longer listed because they were deleted."""
        try:
            listed = {as_text(row.get("id")) for row in self._api.object_rows()}
        except REQUEST_ERRORS:
            for workload, error in vanished:
                self._add_points_or_problem(workload, error)
            return
        deleted = []
        for workload, _error in vanished:
            if workload.id in listed:
                self._add_points_or_problem(workload, self._fetch_points(workload))
            else:
                deleted.append(workload.name or "?")
        if deleted:
            are = "backup object was" if len(deleted) == 1 else "backup objects were"
            self._api.partial.warn(f"{len(deleted)} {are} deleted during the read: {', '.join(sorted(deleted)[:10])}")

    def _fetch_points(self, workload: Workload) -> _Rows | AuditError:
        """Fetch the points of one object by id, or return why they cannot be read. Runs in a worker thread."""
        try:
            rows = self._fetch_point_rows(workload)
            self._side.prefetch_files(rows)
        except REQUEST_ERRORS as error:
            return error
        return {str(row.get("id")): row for row in rows}

    def _fetch_point_rows(self, workload: Workload) -> list[dict[str, t.Any]]:
        what = _describe_points(workload)
        path = f"/backupObjects/{path_segment(workload.id)}/restorePoints"
        if self._api.version == _PAGED_BY_OBJECT:
            return list(self._api.rows(path, what, self._window, mapper=SerialMapper()))
        page = self._api.page(path)
        if page.total is not None and page.total > len(page.items):
            return self._fetch_points_by_filter(workload, what, page)
        return list(self._api.check_records([page.items], what))

    def _fetch_points_by_filter(self, workload: Workload, what: str, page: Page[t.Any]) -> list[dict[str, t.Any]]:
        """Fetch the points with a filter, which is paged. The result is used only if the server applied the filter."""
        rows = list(self._fetch_all_points(what, {"backupObjectIdFilter": str(workload.id)}))
        missing = {as_object(row).get("id") for row in page.items} - {row["id"] for row in rows}
        if len(rows) != page.total or missing:
            raise InvalidResponseError(
                f"the listing of {what} is incomplete: {page.total} reported, {len(rows)} found with the filter",
                code="incomplete",
                server=self._api.client.host,
                hint='Try again. If the problem persists, set "api_version" to a newer version',
            )
        return rows

    def _build_point_or_problem(self, row: Mapping[str, t.Any], workload: Workload) -> RecoveryPoint | None:
        try:
            return self._side.build_point(row, workload)[0]
        except InvalidResponseError as error:
            self._api.partial.add_invalid_record(error)
            return None

    # All points

    def _fetch_all_points(self, what: str, params: Mapping[str, str]) -> Iterator[dict[str, t.Any]]:
        first, other = self._api.point_paths
        try:
            yield from self._api.rows(first, what, params, mapper=SerialMapper())
        except NotFoundError:
            yield from self._api.rows(other, what, params, mapper=SerialMapper())

    def _fetch_listing_page(self, skip: int, limit: int) -> Page[t.Any] | None:
        """Fetch a page of all points, newest first; None if there is no such listing. Runs in a worker thread."""
        query = {**self._window, **NEWEST_FIRST, "skip": str(skip), "limit": str(limit)}
        for path in self._api.point_paths:
            try:
                page = self._api.page(path, query)
            except NotFoundError:
                continue
            if not self._window:
                self._side.prefetch_files(map(as_object, page.items))
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

    def _add_unassigned_points(self) -> None:
        seen = frozenset(self._seen)
        lost = 0
        try:
            for row in self._fetch_all_points("restore points", self._window):
                if hash(str(row["id"])) in seen:
                    continue
                point = self._build_point_or_problem(row, Workload())
                if point is not None and point.created <= self._collector.now:
                    lost += 1
                    self._collector.add_point(point)
        except REQUEST_ERRORS as error:
            self._api.partial.add_problem(error, "restore points without a backup object")
        if lost:
            self._api.partial.warn(f"{lost} restore points do not belong to any backup object that the server lists")


def _describe_points(workload: Workload) -> str:
    return f"restore points of {workload.name!r}"


def _get_total(page: Page[t.Any] | None) -> int:
    return (page.total or 0) if page is not None else 0
