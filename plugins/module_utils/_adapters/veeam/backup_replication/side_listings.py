# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: listings that are joined to points: backups, repositories, jobs, scans and files.

All of them are optional. If a listing cannot be read, the values derived from it are unknown, and a warning names it.
"""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication import (
    records,
    repositories,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.api import Api
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.client import path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Prefetch

_Rows = Sequence[dict[str, t.Any]]
_LISTINGS: Mapping[str, tuple[str, dict[str, str] | None]] = {
    "repositories": ("/backupInfrastructure/repositories", None),
    "scale_out_repositories": ("/backupInfrastructure/scaleOutRepositories", None),
    "jobs": ("/jobs", None),
    "backups": ("/backups", None),
    "scans": ("/taskSessions", {"typeFilter": "Antivirus"}),
}


class SideListings:
    """Reads the listings in parallel, and builds points from records and the joined listings."""

    def __init__(self, api: Api, collector: Collector, *, include_raw: bool) -> None:
        self._api = api
        self._collector = collector
        self._include_raw = include_raw
        self._futures: dict[str, Future[list[dict[str, t.Any]] | str]] = {}
        self._backups: dict[str, repositories.Backup] = {}
        self._scans: dict[str, records.Scan] = {}
        # For each backup with points: its files, and the listing of its files, requested with the first point.
        self._files: dict[str, records.Files | str] = {}
        self._file_requests: dict[str, Prefetch[Page[t.Any]]] = {}
        self._lock = threading.Lock()

    def request(self) -> None:
        """Request all listings except those of files."""
        for name, (path, params) in _LISTINGS.items():
            what = name.replace("_", " ")
            self._futures[name] = self._api.thread_pool.submit(self._api.fetch_optional, path, what, params)

    def join(self) -> None:
        """Wait for the listings and join their records."""
        rows = {name: self._get_rows_or_warn(name, future.result()) for name, future in self._futures.items()}
        if not rows:
            return
        self._futures.clear()
        known = {str(row["id"]): repositories.parse_repository(row) for row in rows["repositories"]}
        for row in rows["scale_out_repositories"]:
            known[str(row["id"])] = repositories.parse_scale_out_repository(row, known)
        encrypting = {str(row["id"]): bool(repositories.is_encrypting(row)) for row in rows["jobs"]}
        self._backups = {str(row["id"]): repositories.parse_backup(row, known, encrypting) for row in rows["backups"]}
        self._join_scans(rows["scans"])

    def _get_rows_or_warn(self, name: str, rows: list[dict[str, t.Any]] | str) -> _Rows:
        if isinstance(rows, str):
            self._api.partial.warn(f"{name.replace('_', ' ')} could not be read: {rows}", name)
            return []
        self._collector.scope[name] = True
        return rows

    def _join_scans(self, rows: _Rows) -> None:
        for row in rows:
            scan, ident = records.parse_scan(row), as_text(row.get("restorePointId"))
            if scan is None or ident is None:
                continue
            known = self._scans.get(ident)
            if known is None or scan.supersedes(known):
                self._scans[ident] = scan

    # Points

    def build_point(self, row: Mapping[str, t.Any], workload: Workload) -> tuple[RecoveryPoint, records.File | None]:
        """Build a point and find its file."""
        file = self.find_file(row)
        point = records.parse_point(
            row,
            workload,
            self._backups.get(as_text(row.get("backupId")) or ""),
            file,
            self._scans.get(as_text(row.get("id")) or "") if self._scans else None,
            has_operations=not self._api.is_old,
            include_raw=self._include_raw,
        )
        if point.kind == "unknown":
            self._api.partial.warn(
                "some restore points have no type, and neither a backup file nor a repository of a known type is "
                "reported for them, so they may be snapshots and are not counted as recovery points. The account may "
                "lack the permission to read repositories",
                "kinds",
            )
        return point, file

    # Files

    def prefetch_files(self, rows: Iterable[Mapping[str, t.Any]]) -> None:
        """Request the files of these points without waiting. Runs in worker threads."""
        requested = None
        for row in rows:
            backup_id = row.get("backupId")
            # Most points are in the same backup as the previous one.
            if backup_id != requested and _get_file_id(row):
                self._request_files(as_text(backup_id))
                requested = backup_id

    def _request_files(self, backup_id: str | None) -> Prefetch[Page[t.Any]] | None:
        if backup_id is None:
            return None
        with self._lock:
            if backup_id not in self._file_requests:
                self._file_requests[backup_id] = self._api.prefetch(f"/backups/{path_segment(backup_id)}/backupFiles")
            return self._file_requests[backup_id]

    def find_file(self, row: Mapping[str, t.Any]) -> records.File | None:
        """Return the backup file of a point."""
        file_id = _get_file_id(row)
        files = self._get_files(as_text(row.get("backupId"))) if file_id else None
        return files.get(file_id) if files and file_id else None

    def _get_files(self, backup_id: str | None) -> records.Files | None:
        """Return the files of one backup, which are read on first use, or None if they cannot be read."""
        files = self._files.get(backup_id or "")
        if files is None:
            request = self._request_files(backup_id)
            if backup_id is None or request is None:
                return None
            files = self._api.collect_optional(request, "backup files", records.Files)
            self._files[backup_id] = files
            if isinstance(files, str):
                self._api.partial.warn(f"sizes are unknown for some backups: {files}", "backup_files")
        return None if isinstance(files, str) else files


def has_owner(file: records.File | None) -> bool:
    """Return whether a file refers to exactly one object."""
    return file is not None and file.owner is not None


def _get_file_id(row: Mapping[str, t.Any]) -> str | None:
    """Return the id of the backup file of a point. File shares and snapshots have none."""
    file_id = as_text(row.get("backupFileId"))
    return None if file_id == records.NO_ID else file_id
