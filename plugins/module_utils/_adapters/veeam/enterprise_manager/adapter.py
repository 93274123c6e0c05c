# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup Enterprise Manager: points of several backup servers and of tenants of a Cloud Connect provider.

Sources: the vendor's REST guide for 13.1, records of live servers 12 and 13. The product serves a copy of the data,
which it collects from the backup servers every 15 minutes by default.
"""

from __future__ import annotations

import functools
import html
import itertools
import operator
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import merge_copies
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import decoding
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import records as fields
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.pending_points import (
    BackupFileIndex,
    PendingPoints,
    has_no_copies,
    join_by_machine,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    OptionError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import BasicForHeader, LoginError
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Response
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import NumberedPage, pages_by_number
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Mapper, Prefetch, SerialMapper

API_VERSIONS = ("latest", "v1_7", "v1_6", "v1_5")
_CLOUD = "cloud_vm_replica"
_KINDS = {
    "vm": "VmRestorePoint",
    "physical": "AgentRestorePoint",
    "vm_replica": "VmReplicaPoint",
    _CLOUD: "CloudVmReplicaPoint",
}
_IN_FILES = frozenset({"vm", "physical"})
_JOINS = ("BackupFile", "Backup", "Repository", "Replica", "CloudReplica", "CdpReplica", "BackupServer")
_ENTITY = {"format": "Entity"}
# Points of one run share a file. The window is extended by this, so that no shared file seems to have only one point.
_LONGEST_RUN = 2 * DAY * SECOND
_COLLECTION_LAG_SECONDS = 900
_NAMESPACE = "http://www.veeam.com/ent/v1.0"

_Rows = list[dict[str, t.Any]]


class VeeamEnterpriseManager(RestAdapter):
    """Queries each type of restore point, and joins the points to files, backups and repositories by id."""

    product = "veeam_enterprise_manager"
    title = "Veeam Backup Enterprise Manager"
    choice = "enterprise_manager"
    default_port = 9398
    environment = ("VEEAM_EM", "VEEAM")
    workload_types = tuple(_KINDS)
    allowlist = (
        AllowedRequest("POST", "/api/sessionMngr/", {"v": API_VERSIONS}, required=("v",)),
        AllowedRequest("DELETE", "/api/logonSessions/{id}"),
        AllowedRequest("GET", "/api/"),
        # Actions such as action=collect have other paths, which are not on this allowlist.
        AllowedRequest(
            "GET",
            "/api/query",
            {
                "type": (*_KINDS.values(), *_JOINS),
                "format": "Entities",
                "filter": None,
                "sortDesc": "CreationTime",
                "pageSize": None,
                "page": None,
            },
            required=("type", "format", "page"),
        ),
        AllowedRequest("GET", "/api/cloud/vmReplicaPoints", _ENTITY, required=("format",)),
        AllowedRequest("GET", "/api/cloud/replicas", _ENTITY, required=("format",)),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "completed_at": ("cannot", "recovery points contain only the point in time that can be restored"),
            "status": ("cannot", "results are reported per session, not per recovery point; failed runs create none"),
            "usable": ("cannot", "damaged recovery points are offered like intact ones"),
            "restore_tested": ("cannot", "the API does not report what SureBackup tested"),
            "integrity_checked": ("cannot", "the API does not return check results per recovery point"),
            "encrypted": ("cannot", "the API reports encryption neither per recovery point nor per repository"),
            "immutable": ("cannot", "the API does not report immutability"),
            "immutable_until": ("cannot", "the API does not report immutability"),
            "expires_at": ("cannot", "retention is applied by job; recovery points have no expiry date"),
            "malware": ("cannot", "the API does not return scan results per recovery point"),
            "retention": ("cannot", "recovery points have no retention class"),
            "in_inventory": ("cannot", "the API reports only what was backed up, not what exists"),
            "offsite": ("inferred", "from the kind of the repository: only cloud storage is certainly off-site"),
            "archive:kind": ("cannot", "archived recovery points are reported as full"),
            "kind": ("sometimes", "the API does not report which of two copies is the source; kinds may differ"),
            "job": ("sometimes", "the API does not report which of two copies is the source"),
            "size_bytes": ("sometimes", "not reported if a file contains several recovery points"),
        },
        ("vm_replica", "*"): {
            "usable": ("cannot", "the API does not report the state of replicas; one in failover looks like any other"),
            "offsite": ("cannot", "the API does not report the host of a replica"),
            "copies": ("cannot", "the API does not report the host of a replica"),
        },
        (_CLOUD, "*"): {
            "offsite": ("inferred", "the replica is stored at the provider, which is expected to be off-site"),
            "job": ("cannot", "the replica is named after the tenant's job or the machine, depending on the version"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """The part of the argument spec that only this product has."""
        return {
            "api_version": {"type": "str"},
            "representation": {"type": "str", "choices": list(decoding.REPRESENTATIONS), "default": "json"},
            "tenant": {"type": "bool", "default": False},
            "tenant_organization": {"type": "str"},
        }

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Check the API version and the options for tenants."""
        version = settings.own.get("api_version") or API_VERSIONS[0]
        if version not in API_VERSIONS:
            raise OptionError(
                f"api_version: {cls.title} does not support {version!r}",
                hint=f"Supported versions: {', '.join(API_VERSIONS)}",
            )
        if settings.own.get("tenant_organization") and not settings.own.get("tenant"):
            raise OptionError("tenant_organization: requires tenant: true")
        if settings.own.get("tenant") and _CLOUD not in settings.workload_types:
            raise OptionError(f"workload_types: a tenant can read only {_CLOUD}")

    # Login

    def open(self, collector: Collector) -> None:
        """Log in as a user or as a tenant."""
        own = self.settings.own
        self.client.set_default_headers({"Accept": decoding.ACCEPT[own.get("representation") or "json"]})
        login = BasicForHeader(
            self.settings.username,
            self.settings.password,
            path="/api/sessionMngr/",
            params={"v": own.get("api_version") or API_VERSIONS[0]},
            header="X-RestSvcSessionId",
            log_out="/api/logonSessions",
            get_session_id=_parse_session_id,
            body=_build_tenant_body(self.settings),
        )
        try:
            self.log_in(login)
        except LoginError as error:
            error.hint = (
                f"{error.hint}. Write a domain user as DOMAIN\\user. The account needs a role in Enterprise Manager"
            )
            raise
        collector.scope["collection_lag_seconds"] = _COLLECTION_LAG_SECONDS
        # No request returns objects that are not backed up.
        collector.scope["inventory"] = False

    def version(self) -> str | None:
        """The newest API version that the server offers, because no request returns the product version."""
        try:
            offered = decoding.parse_versions(self.client.get("/api/"))
        except (InvalidResponseError, ForbiddenError, NotFoundError):
            return None
        return offered[-1] if offered else None

    # Reading

    def read(self, collector: Collector) -> None:
        """Read every selected type of point. The listings joined to them are read in parallel."""
        if self.settings.own.get("tenant"):
            self._read_tenant(collector)
            return
        types = self.settings.workload_types
        in_files = not _IN_FILES.isdisjoint(types)
        joins = ["BackupServer"]
        joins += ["Backup", "Repository"] if in_files else []
        joins += ["Replica", "CdpReplica"] if "vm_replica" in types else []
        joins += ["CloudReplica"] if _CLOUD in types else []
        futures = {kind: self.thread_pool.submit(self._fetch_optional, kind) for kind in joins}
        files = self._fetch_rows("BackupFile", {}, prefetch=True, convert=fields.parse_files) if in_files else iter(())
        in_file = functools.partial(fields.parse_points, include_raw=self.settings.include_raw)
        window = self._build_filter(collector)
        points = {
            kind: self._fetch_rows(_KINDS[kind], window, prefetch=True, convert=in_file if kind in _IN_FILES else None)
            for kind in types
        }
        side_rows = {kind: self._get_or_warn(collector, kind, future.result()) for kind, future in futures.items()}
        collector.scope["backup_servers"] = _parse_server_versions(side_rows["BackupServer"])
        self._warn_about_cdp_replicas(collector, side_rows.get("CdpReplica", []))
        index = self._build_file_index(collector, files, side_rows)
        for workload_type in types:
            try:
                if workload_type in _IN_FILES:
                    self._read_in_files(collector, workload_type, points[workload_type], index)
                else:
                    platforms = _parse_platforms(side_rows.get("Replica", []) + side_rows.get("CloudReplica", []))
                    self._read_replicas(collector, workload_type, points[workload_type], platforms)
            except NotFoundError as error:
                if workload_type == "vm":
                    raise
                collector.scope[workload_type] = False
                collector.warnings.append(f"restore points of type {workload_type} not available: {error.message}")

    def _build_file_index(
        self, collector: Collector, files: Iterable[fields.BackupFile], side_rows: Mapping[str, _Rows]
    ) -> BackupFileIndex:
        backups, repositories = side_rows.get("Backup", []), side_rows.get("Repository", [])
        try:
            return BackupFileIndex(files, backups, repositories)
        except (ForbiddenError, NotFoundError, InvalidResponseError) as error:
            self._get_or_warn(collector, "BackupFile", _get_refusal_reason(error))
            return BackupFileIndex([], backups, repositories)

    def _read_in_files(
        self, collector: Collector, workload_type: str, points: Iterable[fields.PointInFile], index: BackupFileIndex
    ) -> None:
        """Read points in backup files. Which files have only one point is known after all points have been read."""
        keep_records = self.settings.detail == "recovery_points"
        by_workload: dict[t.Any, PendingPoints] = {}
        # None for owners that are not selected. Most points have an already known owner and need no further checks.
        by_owner: dict[t.Any, PendingPoints | None] = {}
        for found in points:
            file, owner = index.count_point(found[3]), found[4]
            key = owner if workload_type == "vm" else (owner, index.get_backup_number(file))
            try:
                pending = by_owner[key]
            except KeyError:
                location = None if workload_type == "vm" else index.get_location(file)[0]
                workload = fields.build_vm(owner) if workload_type == "vm" else fields.build_agent(owner, location)
                pending = None
                if collector.is_selected(workload):
                    pending = by_workload.setdefault(workload.key, PendingPoints(workload, keep_records=keep_records))
                by_owner[key] = pending
            if pending is not None:
                pending.add(found, file)
        by_owner.clear()
        groups = [by_workload.pop(key) for key in list(by_workload)]
        machines = join_by_machine(groups) if workload_type == "physical" else [[group] for group in groups]
        groups.clear()
        while machines:
            machine = machines.pop()
            workload = machine[0].workload
            collector.add_workload(workload)
            if has_no_copies(machine) and not keep_records:
                for pending in machine:
                    for batch in pending.group_points(workload, index):
                        collector.add_points(*batch)
                continue
            for point in merge_copies(point for pending in machine for point in pending.build_points(workload, index)):
                collector.add_point(point)

    def _read_replicas(
        self, collector: Collector, workload_type: str, records: Iterable[t.Any], platforms: Mapping[str, str | None]
    ) -> None:
        parse = fields.parse_cloud_point if workload_type == _CLOUD else fields.parse_replica_point
        for record in records:
            self._add_point(collector, parse(record, platforms, self.settings.include_raw))

    def _read_tenant(self, collector: Collector) -> None:
        """Read the collections of a tenant, whose session has no query service."""
        collector.scope["tenant"] = self.settings.username
        try:
            replicas = decoding.parse_collection(self.client.get("/api/cloud/replicas", _ENTITY), "CloudReplica")
        except (ForbiddenError, NotFoundError):
            replicas = []
        records = decoding.parse_collection(self.client.get("/api/cloud/vmReplicaPoints", _ENTITY), _KINDS[_CLOUD])
        self._read_replicas(collector, _CLOUD, records, _parse_platforms(replicas))

    @staticmethod
    def _add_point(collector: Collector, point: RecoveryPoint) -> None:
        collector.add_workload(point.workload)
        collector.add_point(point)

    @staticmethod
    def _build_filter(collector: Collector) -> dict[str, str]:
        """Build the filter of the window, extended by the longest run; surplus points are dropped by the client."""
        parts = []
        if collector.since is not None:
            parts.append(f'CreationTime>="{_format_second(collector.since - _LONGEST_RUN)}"')
        if collector.until is not None:
            parts.append(f'CreationTime<="{_format_second(collector.until + _LONGEST_RUN)}"')
        return {"sortDesc": "CreationTime", **({"filter": ";".join(parts)} if parts else {})}

    @staticmethod
    def _warn_about_cdp_replicas(collector: Collector, replicas: _Rows) -> None:
        collector.scope["cdp_replicas"] = len(replicas)
        if replicas:
            replica_names = sorted({as_text(decoding.lower_keys(row).get("name")) or "?" for row in replicas})
            are, their = ("replica is", "its") if len(replicas) == 1 else ("replicas are", "their")
            collector.warnings.append(
                f"{len(replicas)} CDP {are} not included because the API reports only time spans for {their} recovery "
                f"points: {', '.join(replica_names[:10])}"
            )

    # Requests

    def _fetch_rows(
        self,
        kind: str,
        params: Mapping[str, str],
        mapper: Mapper | None = None,
        *,
        prefetch: bool = False,
        convert: Callable[[Iterable[dict[str, t.Any]]], list[t.Any]] | None = None,
    ) -> Iterator[t.Any]:
        """Fetch all records of one type, from page 1 to the last; without a page size the server returns only 100.

        ``prefetch`` requests the first page now, not when the first record is needed. ``convert`` converts the records
        of a page to tuples that begin with the id, so that no record is kept longer than that.
        """

        def fetch(number: int) -> NumberedPage[t.Any]:
            query = {"type": kind, "format": "Entities", **params}
            size = {"pageSize": str(self.settings.page_size), "page": str(number)}
            response = self.client.get("/api/query", {**query, **size})
            if convert:
                return NumberedPage(*decoding.convert_entities(response, kind, convert))
            return NumberedPage(*decoding.parse_entities(response, kind))

        fetch_page = Prefetch(self.thread_pool, fetch, 1) if prefetch else fetch
        identity = operator.itemgetter(0) if convert else decoding.get_id
        return itertools.chain.from_iterable(pages_by_number(fetch_page, mapper or self.thread_pool, identity, kind))

    def _fetch_optional(self, kind: str) -> _Rows | str:
        try:
            return list(self._fetch_rows(kind, {}, SerialMapper()))
        except (ForbiddenError, NotFoundError, InvalidResponseError) as error:
            return _get_refusal_reason(error)

    @staticmethod
    def _get_or_warn(collector: Collector, kind: str, rows: _Rows | str) -> _Rows:
        if isinstance(rows, str):
            collector.scope[kind] = False
            collector.warnings.append(f"{kind} could not be read, so values derived from it are unknown: {rows}")
            return []
        return rows


def _get_refusal_reason(error: AuditError) -> str:
    """Why a type cannot be read. An error that is not a rejection, but an invalid response, is raised again."""
    if isinstance(error, InvalidResponseError):
        # Status 400 is the response for a type that this version does not have.
        if error.status != 400:
            raise error
        return error.server_message or error.message
    return error.message


def _parse_session_id(response: Response) -> str | None:
    return as_text(decoding.parse_body(response).get("sessionid"))


def _build_tenant_body(settings: Settings) -> str | None:
    """Build the login body with the credentials of a Cloud Connect tenant; None for others, which use HTTP Basic."""
    if not settings.own.get("tenant"):
        return None
    name, password = html.escape(settings.username), html.escape(settings.password)
    organization = settings.own.get("tenant_organization")
    if organization:
        inner = (
            f"<VCloudOrganizationCredentials><OrganizationName>{html.escape(organization)}</OrganizationName>"
            f"<Login>{name}</Login><Password>{password}</Password></VCloudOrganizationCredentials>"
        )
    else:
        inner = f"<TenantCredentials><Username>{name}</Username><Password>{password}</Password></TenantCredentials>"
    return f'<?xml version="1.0" encoding="utf-8"?><LoginSpec xmlns="{_NAMESPACE}">{inner}</LoginSpec>'


def _parse_platforms(replicas: _Rows) -> dict[str, str | None]:
    rows = map(decoding.lower_keys, replicas)
    return {decoding.get_id(row) or "": fields.parse_platform(row.get("platform")) for row in rows}


def _parse_server_versions(servers: _Rows) -> dict[str, str | None]:
    named = ((as_text(row.get("name")), as_text(row.get("version"))) for row in map(decoding.lower_keys, servers))
    return {name: version for name, version in named if name}


def _format_second(moment: int) -> str:
    return format_time(moment // SECOND * SECOND)
