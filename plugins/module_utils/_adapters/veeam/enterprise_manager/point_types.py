# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: read the points of all types, and join them to files, backups, repositories and replicas."""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import merge_copies
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import decoding
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import records as fields
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.pending_points import (
    BackupFileIndex,
    PendingPoints,
    has_no_copies,
    join_by_machine,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.queries import Queries
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import NOT_FOUND
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import (
    PartialRead,
    get_reason,
    is_unsupported,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
    ForbiddenError,
    InvalidResponseError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

CLOUD = "cloud_vm_replica"
KINDS = {
    "vm": "VmRestorePoint",
    "physical": "AgentRestorePoint",
    "vm_replica": "VmReplicaPoint",
    CLOUD: "CloudVmReplicaPoint",
}
_IN_FILES = frozenset({"vm", "physical"})
# Points of one run share a file. The window is extended by this time, so that all points of such a file are read.
_LONGEST_RUN = 2 * DAY * SECOND
_SHOWN_NAMES = 10
_Rows = list[dict[str, t.Any]]


class PointTypes:
    """Reads the selected types of points. Types that the account or the version does not support are skipped."""

    def __init__(self, queries: Queries, partial: PartialRead, collector: Collector, settings: Settings) -> None:
        self._queries = queries
        self._partial = partial
        self._collector = collector
        self._settings = settings
        # Types that the server refused.
        self._refused: dict[str, AuditError] = {}

    def read(self, thread_pool: ThreadPool) -> None:
        """Read every selected type of point. The listings joined to them are read in parallel."""
        types = self._settings.workload_types
        in_files = not _IN_FILES.isdisjoint(types)
        joins = ["BackupServer"]
        joins += ["Backup", "Repository"] if in_files else []
        joins += ["Replica", "CdpReplica"] if "vm_replica" in types else []
        joins += ["CloudReplica"] if CLOUD in types else []
        futures = {kind: thread_pool.submit(self._queries.fetch_optional, kind) for kind in joins}
        files = self._queries.rows("BackupFile", {}, prefetch=True, convert=fields.parse_files) if in_files else ()
        in_file = functools.partial(fields.parse_points, include_raw=self._settings.include_raw)
        window = _build_filter(self._collector)
        points = {
            kind: self._queries.rows(KINDS[kind], window, prefetch=True, convert=in_file if kind in _IN_FILES else None)
            for kind in types
        }
        side_rows = {kind: self._get_or_warn(kind, future.result()) for kind, future in futures.items()}
        self._collector.scope["backup_servers"] = _parse_server_versions(side_rows["BackupServer"])
        if "CdpReplica" in side_rows:
            self._warn_about_cdp_replicas(side_rows["CdpReplica"])
        index = self._build_file_index(files, side_rows)
        replicas = side_rows.get("Replica", []) + side_rows.get("CloudReplica", [])
        for workload_type in types:
            found = self._guard(workload_type, points[workload_type])
            if workload_type in _IN_FILES:
                self._add_points_in_files(workload_type, found, index)
            else:
                self.add_replica_points(workload_type, found, replicas)
        self._report_refused_types()

    def _guard(self, workload_type: str, points: Iterable[t.Any]) -> Iterator[t.Any]:
        """Yield the points of a type until one of its pages cannot be read."""
        try:
            yield from points
        except REQUEST_ERRORS as error:
            if is_unsupported(error) and KINDS[workload_type] not in self._queries.supported:
                self._refused[workload_type] = error
            else:
                self._partial.add_problem(error, f"restore points of type {workload_type}")

    def _report_refused_types(self) -> None:
        for workload_type, error in self._refused.items():
            if len(self._refused) == len(self._settings.workload_types):
                raise error
            self._partial.warn(
                f"restore points of type {workload_type} could not be read, so they are not included: "
                f"{get_reason(error)}",
                workload_type,
            )
        if any(isinstance(error, ForbiddenError) for error in self._refused.values()):
            self._partial.warn(
                "the account is restricted, so other types may contain only some of the machines", "all_machines"
            )

    def _build_file_index(self, files: Iterable[fields.BackupFile], side_rows: Mapping[str, _Rows]) -> BackupFileIndex:
        backups, repositories = side_rows.get("Backup", []), side_rows.get("Repository", [])
        try:
            return BackupFileIndex(files, backups, repositories)
        except REQUEST_ERRORS as error:
            self._get_or_warn("BackupFile", get_reason(error))
            return BackupFileIndex([], backups, repositories)

    def _get_or_warn(self, kind: str, rows: _Rows | str) -> _Rows:
        if isinstance(rows, str):
            self._partial.warn(f"{kind} could not be read, so values derived from it are unknown: {rows}", kind)
            return []
        return rows

    def _warn_about_cdp_replicas(self, replicas: _Rows) -> None:
        if self._collector.scope.get("CdpReplica") is False:
            return
        self._collector.scope["cdp_replicas"] = len(replicas)
        if replicas:
            replica_names = sorted({as_text(decoding.lower_keys(row).get("name")) or "?" for row in replicas})
            are, their = ("replica is", "its") if len(replicas) == 1 else ("replicas are", "their")
            self._partial.warn(
                f"{len(replicas)} CDP {are} not included because the API reports only time spans for {their} recovery "
                f"points: {', '.join(replica_names[:_SHOWN_NAMES])}"
            )

    # Points in files

    def _add_points_in_files(
        self,
        workload_type: str,
        points: Iterable[fields.PointInFile | fields.InvalidRecord],
        index: BackupFileIndex,
    ) -> None:
        """Add points in backup files, after all have been read: only then the files with one point are known."""
        groups = self._group_points(workload_type, points, index)
        referenced = [[group] for group in groups if group.has_reference]
        machines = [*referenced, *join_by_machine(group for group in groups if not group.has_reference)]
        self._warn_about_names(groups)
        groups.clear()
        referenced.clear()
        while machines:
            machine = machines.pop()
            self._add_machine(machine, index)

    def _group_points(
        self,
        workload_type: str,
        points: Iterable[fields.PointInFile | fields.InvalidRecord],
        index: BackupFileIndex,
    ) -> list[PendingPoints]:
        keep_records = self._settings.detail == "recovery_points"
        by_workload: dict[t.Any, PendingPoints] = {}
        # Owner -> its points, or None if it is not selected. Most points have a known owner and need no more checks.
        by_owner: dict[t.Any, PendingPoints | None] = {}
        for found in points:
            if len(found) == 2:
                self._partial.add_invalid_record(found[1])
                continue
            file, owner = index.count_point(found[3]), found[4]
            if workload_type != "vm" and owner[0] is not None:
                # References are documented to be stable for virtual machines only.
                owner = (None, *owner[1:])
            key = (owner, NOT_FOUND if owner[0] is not None else index.get_backup_number(file))
            try:
                pending = by_owner[key]
            except KeyError:
                workload = fields.build_machine(workload_type, owner, index.get_backup(file))
                pending = None
                if self._collector.is_selected(workload):
                    pending = by_workload.setdefault(workload.key, PendingPoints(workload, owner, keep_records))
                by_owner[key] = pending
            if pending is not None:
                pending.add(found, file)
        return list(by_workload.values())

    def _warn_about_names(self, groups: Iterable[PendingPoints]) -> None:
        names = sorted({group.workload.name or "?" for group in groups if group.may_be_several})
        if names:
            self._partial.warn(
                "some restore points do not identify their machine, and those with the same name may be of another "
                f"machine, so their usability is unknown: {', '.join(names[:_SHOWN_NAMES])}"
            )

    def _add_machine(self, machine: list[PendingPoints], index: BackupFileIndex) -> None:
        workload = machine[0].workload
        self._collector.add_workload(workload)
        if has_no_copies(machine) and self._settings.detail != "recovery_points":
            for pending in machine:
                for batch in pending.group_points(workload, index):
                    self._collector.add_points(*batch)
            return
        for point in merge_copies(point for pending in machine for point in pending.build_points(workload, index)):
            self._collector.add_point(point)

    # Replicas

    def add_replica_points(self, workload_type: str, points: Iterable[dict[str, t.Any]], replicas: _Rows) -> None:
        """Add the points of replicas. ``replicas`` contains their platforms."""
        rows = map(decoding.lower_keys, replicas)
        platforms = {decoding.get_id(row) or "": as_text(row.get("platform")) for row in rows}
        parse = fields.parse_cloud_point if workload_type == CLOUD else fields.parse_replica_point
        for record in points:
            try:
                point = parse(record, platforms, self._settings.include_raw)
            except InvalidResponseError as error:
                self._partial.add_invalid_record(error)
                continue
            self._collector.add_workload(point.workload)
            self._collector.add_point(point)


def _build_filter(collector: Collector) -> dict[str, str]:
    """Build the filter of the window, extended by the longest run; surplus points are dropped by the client."""
    parts = []
    if collector.since is not None:
        parts.append(f'CreationTime>="{_format_second(collector.since - _LONGEST_RUN)}"')
    if collector.until is not None:
        parts.append(f'CreationTime<="{_format_second(collector.until + _LONGEST_RUN)}"')
    return {"sortDesc": "CreationTime", **({"filter": ";".join(parts)} if parts else {})}


def _parse_server_versions(servers: _Rows) -> dict[str, str | None]:
    named = ((as_text(row.get("name")), as_text(row.get("version"))) for row in map(decoding.lower_keys, servers))
    return {name: version for name, version in named if name}


def _format_second(moment: int) -> str:
    return format_time(moment // SECOND * SECOND)
