# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup Enterprise Manager: points of several backup servers, and of a Cloud Connect provider's tenants.

Sources: the vendor's REST guide for 13.1, records of live servers 12 and 13. It serves a copy that it collects from the
backup servers every 15 minutes by default.
"""

from __future__ import annotations

import functools
import html
import itertools
import operator
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import folded
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import decoding
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import records as fields
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.pending import (
    BackupFileIndex,
    PendingPoints,
    are_apart,
    joined,
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
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import NumberedPage, by_number
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
# Points of one run share a file; a window is read this much wider, so that no file looks as if it held one point only.
_LONGEST_RUN = 2 * DAY * SECOND
_COLLECTION_LAG_SECONDS = 900
_NAMESPACE = "http://www.veeam.com/ent/v1.0"

_Rows = list[dict[str, t.Any]]


class VeeamEnterpriseManager(RestAdapter):
    """Queries each sort of restore point, and joins them to files, backups and repositories by id."""

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
        # No action=collect and its like: they are other paths, and none of them is here.
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
            "completed_at": ("cannot", "points carry only the time that can be restored"),
            "status": ("cannot", "how the run ended is told by session, not by point; a failed run leaves no point"),
            "usable": ("cannot", "a damaged point is offered like any other"),
            "verified": ("cannot", "what SureBackup tested is not told"),
            "checked": ("cannot", "no result of a check is kept with a point"),
            "encrypted": ("cannot", "encryption is not told by point or by repository"),
            "immutable": ("cannot", "immutability is not told"),
            "immutable_until": ("cannot", "immutability is not told"),
            "expires_at": ("cannot", "retention is applied by job; points carry no date"),
            "malware": ("cannot", "no scan result is kept with a point"),
            "retention": ("cannot", "points carry no retention class"),
            "in_inventory": ("cannot", "what exists is not told, only what was backed up"),
            "offsite": ("estimated", "from the repository's kind: only clouds are surely elsewhere"),
            "archive:kind": ("cannot", "an archived point is told as the full one that it is"),
            "kind": ("sometimes", "which of two copies is the source is not told; kinds may differ"),
            "job": ("sometimes", "which of two copies is the source is not told"),
            "size_bytes": ("sometimes", "not where a file holds several points"),
        },
        ("vm_replica", "*"): {
            "usable": ("cannot", "the state of a replica is not told, so one in failover looks like any other"),
            "offsite": ("cannot", "the host that a replica stands on is not told"),
            "copies": ("cannot", "the host that a replica stands on is not told"),
        },
        (_CLOUD, "*"): {
            "offsite": ("estimated", "it lies at the provider, which is meant to be elsewhere"),
            "job": ("cannot", "the replica's name is the tenant's job or the machine, depending on the version"),
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
    def check(cls, settings: Settings, names: tuple[str, ...]) -> None:
        """Versions, and what a tenant may see."""
        version = settings.own.get("api_version") or API_VERSIONS[0]
        if version not in API_VERSIONS:
            raise OptionError(
                f"api_version: {cls.title} has no {version!r}", advice=f"It has {', '.join(API_VERSIONS)}"
            )
        if settings.own.get("tenant_organization") and not settings.own.get("tenant"):
            raise OptionError("tenant_organization: it needs tenant: true")
        if settings.own.get("tenant") and _CLOUD not in settings.workload_types:
            raise OptionError(f"workload_types: a tenant sees nothing but {_CLOUD}")

    # Way in

    def open(self, collector: Collector) -> None:
        """Log on, as oneself or as a tenant."""
        own = self.settings.own
        self.client.always_send({"Accept": decoding.ACCEPT[own.get("representation") or "json"]})
        login = BasicForHeader(
            self.settings.username,
            self.settings.password,
            path="/api/sessionMngr/",
            params={"v": own.get("api_version") or API_VERSIONS[0]},
            header="X-RestSvcSessionId",
            log_out="/api/logonSessions",
            session_of=_session_of,
            body=_tenant_of(self.settings),
        )
        try:
            self.log_in(login)
        except LoginError as error:
            error.advice = (
                f"{error.advice}; write a domain user as DOMAIN\\user. The account needs a role of its own here"
            )
            raise
        collector.scope["collection_lag_seconds"] = _COLLECTION_LAG_SECONDS
        # No call tells what is not backed up.
        collector.scope["inventory"] = False

    def version(self) -> str | None:
        """The newest version of the API that is offered, for no call tells the product's own."""
        try:
            offered = decoding.versions_of(self.client.get("/api/"))
        except (InvalidResponseError, ForbiddenError, NotFoundError):
            return None
        return offered[-1] if offered else None

    # Reading

    def read(self, collector: Collector) -> None:
        """Every wanted sort of point; what they are joined to is read beside."""
        if self.settings.own.get("tenant"):
            self._read_tenant(collector)
            return
        types = self.settings.workload_types
        in_files = not _IN_FILES.isdisjoint(types)
        joins = ["BackupServer"]
        joins += ["Backup", "Repository"] if in_files else []
        joins += ["Replica", "CdpReplica"] if "vm_replica" in types else []
        joins += ["CloudReplica"] if _CLOUD in types else []
        beside = {kind: self.thread_pool.submit(self._optional, kind) for kind in joins}
        files = self._rows("BackupFile", {}, prefetch=True, made=fields.backup_files) if in_files else iter(())
        in_file = functools.partial(fields.points_in_files, include_raw=self.settings.include_raw)
        points = {
            kind: self._rows(
                _KINDS[kind], self._filter(collector), prefetch=True, made=in_file if kind in _IN_FILES else None
            )
            for kind in types
        }
        told = {kind: self._told(collector, kind, future.result()) for kind, future in beside.items()}
        collector.scope["backup_servers"] = _versions(told["BackupServer"])
        self._say_continuous(collector, told.get("CdpReplica", []))
        homes = self._homes(collector, files, told)
        for workload_type in types:
            try:
                if workload_type in _IN_FILES:
                    self._read_files(collector, workload_type, points[workload_type], homes)
                else:
                    platforms = _platforms(told.get("Replica", []) + told.get("CloudReplica", []))
                    self._read_replicas(collector, workload_type, points[workload_type], platforms)
            except NotFoundError as error:
                if workload_type == "vm":
                    raise
                collector.scope[workload_type] = False
                collector.warnings.append(f"this server has no restore points of type {workload_type}: {error.message}")

    def _homes(
        self, collector: Collector, files: Iterable[fields.BackupFile], told: Mapping[str, _Rows]
    ) -> BackupFileIndex:
        backups, repositories = told.get("Backup", []), told.get("Repository", [])
        try:
            return BackupFileIndex(files, backups, repositories)
        except (ForbiddenError, NotFoundError, InvalidResponseError) as error:
            self._told(collector, "BackupFile", _refusal(error))
            return BackupFileIndex([], backups, repositories)

    def _read_files(
        self, collector: Collector, workload_type: str, points: Iterable[fields.PointInFile], homes: BackupFileIndex
    ) -> None:
        """Points that lie in backup files. All of them are met before it is known which file holds one only."""
        whole = self.settings.detail == "recovery_points"
        by_workload: dict[t.Any, PendingPoints] = {}
        # None for those that are not wanted. Most points are of an owner met before, and need not be looked at closer.
        by_owner: dict[t.Any, PendingPoints | None] = {}
        for found in points:
            file, owner = homes.use(found[3]), found[4]
            key = owner if workload_type == "vm" else (owner, homes.owner(file))
            try:
                held = by_owner[key]
            except KeyError:
                workload = fields.vm_of(owner) if workload_type == "vm" else fields.agent_of(owner, homes.at(file)[0])
                held = None
                if collector.is_selected(workload):
                    held = by_workload.setdefault(workload.key, PendingPoints(workload, whole=whole))
                by_owner[key] = held
            if held is not None:
                held.add(found, file)
        by_owner.clear()
        groups = [by_workload.pop(key) for key in list(by_workload)]
        machines = joined(groups) if workload_type == "physical" else [[group] for group in groups]
        groups.clear()
        while machines:
            machine = machines.pop()
            workload = machine[0].workload
            collector.add_workload(workload)
            if are_apart(machine) and not whole:
                for held in machine:
                    for alike in held.alike(workload, homes):
                        collector.add_points(*alike)
                continue
            for point in folded(point for held in machine for point in held.points(workload, homes)):
                collector.add_point(point)

    def _read_replicas(
        self, collector: Collector, workload_type: str, records: Iterable[t.Any], platforms: Mapping[str, str | None]
    ) -> None:
        point_of = fields.cloud_point if workload_type == _CLOUD else fields.replica_point
        for record in records:
            self._tell(collector, point_of(record, platforms, self.settings.include_raw))

    def _read_tenant(self, collector: Collector) -> None:
        """A tenant's session has no query service, only the tenant's own collections."""
        collector.scope["tenant"] = self.settings.username
        try:
            replicas = decoding.list_of(self.client.get("/api/cloud/replicas", _ENTITY), "CloudReplica")
        except (ForbiddenError, NotFoundError):
            replicas = []
        answer = self.client.get("/api/cloud/vmReplicaPoints", _ENTITY)
        for record in decoding.list_of(answer, _KINDS[_CLOUD]):
            self._tell(collector, fields.cloud_point(record, _platforms(replicas), self.settings.include_raw))

    @staticmethod
    def _tell(collector: Collector, point: RecoveryPoint) -> None:
        collector.add_workload(point.workload)
        collector.add_point(point)

    @staticmethod
    def _filter(collector: Collector) -> dict[str, str]:
        """The window, wider by a day or two; what is too much is dropped here."""
        parts = []
        if collector.since is not None:
            parts.append(f'CreationTime>="{_whole_second(collector.since - _LONGEST_RUN)}"')
        if collector.until is not None:
            parts.append(f'CreationTime<="{_whole_second(collector.until + _LONGEST_RUN)}"')
        return {"sortDesc": "CreationTime", **({"filter": ";".join(parts)} if parts else {})}

    @staticmethod
    def _say_continuous(collector: Collector, replicas: _Rows) -> None:
        collector.scope["cdp_replicas"] = len(replicas)
        if replicas:
            names = sorted({as_text(decoding.lowered(row).get("name")) or "?" for row in replicas})
            collector.warnings.append(
                f"{len(replicas)} continuous (CDP) replicas have points that this API gives only as spans of time; "
                f"they are unknown, not zero, and stand in no row: {', '.join(names[:10])}"
            )

    # Calls

    def _rows(
        self,
        kind: str,
        params: Mapping[str, str],
        mapper: Mapper | None = None,
        *,
        prefetch: bool = False,
        made: Callable[[Iterable[dict[str, t.Any]]], list[t.Any]] | None = None,
    ) -> Iterator[t.Any]:
        """All records of one type, from page 1 to the last; without a page size the server cuts at 100.

        ``prefetch`` requests the first page now, not when the first record is needed. ``made`` converts the records
        of a page, so that no record is kept longer than that.
        """

        def fetch(number: int) -> NumberedPage[t.Any]:
            query = {"type": kind, "format": "Entities", **params}
            size = {"pageSize": str(self.settings.page_size), "page": str(number)}
            answer = self.client.get("/api/query", {**query, **size})
            return NumberedPage(*(decoding.made_of(answer, kind, made) if made else decoding.entities_of(answer, kind)))

        begun = Prefetch(self.thread_pool, fetch, 1) if prefetch else fetch
        identity = operator.itemgetter(0) if made else decoding.id_of
        return itertools.chain.from_iterable(by_number(begun, mapper or self.thread_pool, identity, kind))

    def _optional(self, kind: str) -> _Rows | str:
        try:
            return list(self._rows(kind, {}, SerialMapper()))
        except (ForbiddenError, NotFoundError, InvalidResponseError) as error:
            return _refusal(error)

    @staticmethod
    def _told(collector: Collector, kind: str, rows: _Rows | str) -> _Rows:
        if isinstance(rows, str):
            collector.scope[kind] = False
            collector.warnings.append(f"{kind} could not be read, so what rests on it is unknown: {rows}")
            return []
        return rows


def _refusal(error: AuditError) -> str:
    """Why a type cannot be read; what is no refusal, but a broken answer, is raised again."""
    if isinstance(error, InvalidResponseError):
        # How a type that this version does not have is answered.
        if error.status != 400:
            raise error
        return error.words or error.message
    return error.message


def _session_of(answer: Response) -> str | None:
    return as_text(decoding.body_of(answer).get("sessionid"))


def _tenant_of(settings: Settings) -> str | None:
    """The body of a log-on with the credentials of a Cloud Connect tenant; anybody else's go by HTTP Basic."""
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


def _platforms(replicas: _Rows) -> dict[str, str | None]:
    return {
        decoding.id_of(row) or "": fields.platform_of(row.get("platform")) for row in map(decoding.lowered, replicas)
    }


def _versions(servers: _Rows) -> dict[str, str | None]:
    named = ((as_text(row.get("name")), as_text(row.get("version"))) for row in map(decoding.lowered, servers))
    return {name: version for name, version in named if name}


def _whole_second(moment: int) -> str:
    return format_time(moment // SECOND * SECOND)
