# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IBM Spectrum Protect Plus (Storage Protect Plus): read the recovery catalog, workload by workload.

Sources: IBM REST API reference 10.1.6 to 10.1.17, IBM's public clients. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

import collections
import copy
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.api import (
    PART_ERRORS,
    SEARCH,
    Api,
    get_href,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.counts import read_counts
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.inventory import merge_inventory
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.restore_view import RestoreView
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.sla import parse_slas
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    OptionError,
    ServerError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload, WorkloadKey
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import BasicForSession
from ansible_collections.backup.audit.plugins.module_utils._transport.client import path_segment

_CATALOG = "/api/endeavour/catalog/recovery"
_INVENTORY = "/api/endeavour/catalog/hypervisor/vm"
_SESSION = "/api/endeavour/session"
# workload_type -> collection of the recovery catalog
_COLLECTIONS = {"vm": "hypervisorvm", "database": "applicationdatabase"}
_GRAMMAR = {"embed": None, "pageSize": None, "pageStartIndex": None, "filter": None, "sort": None}
# Allowed query keys of links to the data of a workload. Requests that change data have the key action.
_LINKED = {**_GRAMMAR, "from": "recovery", "embedCopies": "true", "omitIfNoCopies": "true"}
_MACHINE = "/api/hypervisor/{hypervisor}/vm/{vm}"
_EMBED = "(children(properties))"
# After this many failed requests in a row, the server fails in general and not for single workloads.
_MAX_SERVER_ERRORS = 10
# Maximum number of workloads that a warning names.
_MAX_NAMES = 5


def _get_collection(workload_type: str) -> str:
    """Return the path of the workloads of one type in the recovery catalog."""
    return f"{_CATALOG}/{_COLLECTIONS[workload_type]}"


def _catalog_allowlist() -> Iterator[AllowedRequest]:
    for workload_type in _COLLECTIONS:
        path = _get_collection(workload_type)
        yield AllowedRequest("POST", path, {"action": "aggregate", "filter": None}, required=("action",))
        yield AllowedRequest("GET", path, _GRAMMAR)
        # The link to a workload's points leads to one of several paths below the path of the workload.
        for depth in range(1, 4):
            yield AllowedRequest("GET", f"{path}/{{pk}}{'/{part}' * depth}", _LINKED)


class SpectrumProtectPlus(RestAdapter):
    """Reads the recovery catalog and, in parallel, the inventory and the SLA policies."""

    product = "spp"
    title = "Spectrum Protect Plus"
    environment = ("SPP",)
    workload_types = ("vm", "database")
    default_page_size = 100
    allowlist = (
        AllowedRequest("POST", _SESSION),
        AllowedRequest("DELETE", _SESSION),
        AllowedRequest("GET", "/api/lifecycle/ping"),
        AllowedRequest("GET", "/ngp/version"),
        AllowedRequest("GET", "/ngp/slapolicy", _GRAMMAR),
        AllowedRequest("GET", "/api/site", _GRAMMAR),
        AllowedRequest("GET", _INVENTORY, _GRAMMAR),
        *_catalog_allowlist(),
        AllowedRequest(
            "POST",
            SEARCH,
            {"resourceType": "vm", "from": "recovery", "pageSize": None, "pageStartIndex": None},
            required=("from",),
        ),
        AllowedRequest("GET", f"{_MACHINE}/{{part}}", _LINKED),
        AllowedRequest("GET", f"{_MACHINE}/{{part}}/{{version}}/{{part}}", _LINKED),
    )
    details = ("workloads", "recovery_points", "counts")
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "completed_at": ("cannot", "the catalog contains only the point in time that can be restored"),
            "status": ("cannot", "only committed recovery points are listed, not failed or running backups"),
            "usable": ("cannot", "recovery points that were damaged later are offered like intact ones"),
            "restore_tested": ("cannot", "the API does not return restore test results per recovery point"),
            "integrity_checked": ("cannot", "the API does not return check results per recovery point"),
            "malware": ("cannot", "the API does not return scan results per recovery point"),
            "retention": ("cannot", "recovery points have no retention class"),
            "encrypted": ("inferred", "from useEncryption of the current SLA policy"),
            "immutable": ("inferred", "from wormProtected of the targets of the current SLA policy"),
            "immutable_until": ("inferred", "from wormProtected and the retention of the current SLA policy"),
            "expires_at": ("inferred", "from the retention of the current SLA policy"),
            "offsite": (
                "inferred",
                "offload and archive copies count as off-site; reported for replication between sites (copies: true)",
            ),
            "copies": (
                "sometimes",
                "only if the catalog lists copies as rows, or with copies: true, which reads the restore view",
            ),
        },
        ("database", "*"): {"in_inventory": ("cannot", "the inventory of applications is not read")},
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the part of the argument spec that is specific to this product."""
        return {"copies": {"type": "bool", "default": False}}

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Reject copies with detail: counts, which reports neither times nor copies."""
        if settings.detail == "counts" and settings.own.get("copies"):
            raise OptionError("copies: not available with detail: counts", hint="Use detail: workloads")

    def open(self, collector: Collector) -> None:
        """Log in."""
        login = BasicForSession(
            self.settings.username,
            self.settings.password,
            path=_SESSION,
            member="sessionid",
            header="X-Endeavour-Sessionid",
        )
        self.log_in(login)
        self._api = Api(self.client, self.thread_pool, self.settings.page_size)

    def version(self) -> str | None:
        """Return the version from ping, which replaced /ngp/version in 10.1.8.1."""
        for path in ("/api/lifecycle/ping", "/ngp/version"):
            try:
                return as_text(self.client.get(path).json_object().get("version"))
            except PART_ERRORS:
                continue
        return None

    def read(self, collector: Collector) -> None:
        """Report every workload of the selected types with its points, or (detail: counts) their number."""
        types = self.settings.workload_types
        # Primary key -> host of all workloads in the catalog, including those that are not selected.
        self._catalog: dict[str, str | None] = {}
        self._context: records.Context | None = None
        # Reason why recovery points are unknown -> their number by workload.
        self._doubts: dict[str, collections.Counter[str]] = {}
        listings = {workload_type: self._list_children(workload_type) for workload_type in types}
        read_type: t.Callable[[Collector, str, Iterator[t.Any]], None]
        if self.settings.detail == "counts":
            read_type = self._read_counts
            collector.scope["inventory"] = False
            if self.settings.include_unprotected:
                collector.warnings.append(
                    "detail: counts does not list workloads without recovery points: unprotected workloads cannot be "
                    "detected. Use detail: workloads"
                )
        else:
            read_type = self._read_points
            self._policies = self.thread_pool.submit(
                self._api.list_optional, "/ngp/slapolicy", {}, "slapolicies", "SLA policies"
            )
            if "vm" in types:
                self._inventory = self.thread_pool.submit(
                    self._api.list_optional, _INVENTORY, {"embed": _EMBED}, "children", "inventory"
                )
        for workload_type in types:
            try:
                read_type(collector, workload_type, listings[workload_type])
            except PART_ERRORS as error:
                if len(types) == 1 or (workload_type == "vm" and isinstance(error, NotFoundError)):
                    raise
                if workload_type != "vm" and error.status in (400, 403, 404, 405):
                    # Older or smaller appliances have no application catalog, or the account has no access to it.
                    collector.scope[f"{workload_type}s"] = False
                    collector.warnings.append(f"the catalog of {workload_type}s is not available: {error.message}")
                else:
                    collector.add_problem(error)
        for doubt, numbers in self._doubts.items():
            named = ", ".join(f"{name} ({number})" for name, number in numbers.most_common(_MAX_NAMES))
            collector.warnings.append(f"{numbers.total()} recovery points {doubt}: {named}")

    # Listing

    def _list_children(self, workload_type: str) -> Iterator[t.Any]:
        """List the workloads of one type that have recovery points."""
        what = f"{workload_type}s with recovery points"
        path = _get_collection(workload_type)
        return self._api.list_items(path, {"embed": _EMBED}, "children", what, prefetch=True)

    def _read_points(self, collector: Collector, workload_type: str, children: Iterator[t.Any]) -> None:
        """Request the points of each workload as soon as it is listed, or after the full list if copies are read."""
        workloads: dict[WorkloadKey, Workload] = {}
        linked: Iterable[tuple[Workload, t.Any]] = self._list_selected(collector, workload_type, children, workloads)
        views: Mapping[WorkloadKey, records.View] = {}
        if self.settings.own.get("copies") and workload_type == "vm":
            linked = list(linked)
            view = RestoreView(self._api, self.thread_pool, collector)
            views = view.read(list(workloads.values()), self._catalog)
        missing: list[tuple[Workload, AuditError]] = []
        failures = 0
        for (workload, _child), rows in self.thread_pool.map(self._try_fetch_versions, linked):
            failures = failures + 1 if isinstance(rows, ServerError) else 0
            if failures == _MAX_SERVER_ERRORS and isinstance(rows, ServerError):
                raise rows
            if isinstance(rows, NotFoundError):
                missing.append((workload, rows))
            elif isinstance(rows, AuditError):
                _add_failure(collector, workload, rows)
            else:
                self._add_points(collector, workload, rows, views)
        if missing:
            self._read_again(collector, workload_type, missing, workloads, views)
        if workload_type == "vm":
            merge_inventory(
                collector,
                list(workloads.values()),
                self._inventory.result(),
                self._catalog,
                include_unprotected=self.settings.include_unprotected,
            )

    def _add_points(
        self,
        collector: Collector,
        workload: Workload,
        rows: Sequence[t.Any],
        views: Mapping[WorkloadKey, records.View],
    ) -> None:
        records.fill_platform(workload, rows)
        collector.add_workload(workload)
        view = views.get(workload.key)
        for point in records.build_points(workload, rows, view, self._get_context(collector)):
            doubt = records.describe_doubt(point, view)
            if doubt:
                self._doubts.setdefault(doubt, collections.Counter())[workload.name or workload.id or ""] += 1
            collector.add_point(point)

    def _list_selected(
        self,
        collector: Collector,
        workload_type: str,
        children: Iterator[t.Any],
        selected: dict[WorkloadKey, Workload],
    ) -> Iterator[tuple[Workload, t.Any]]:
        """Yield (workload, its record) for selected workloads."""
        for child in children:
            workload = self._add_id(collector, workload_type, child)
            if workload and collector.is_selected(workload) and workload.key not in selected:
                selected[workload.key] = workload
                yield workload, child

    def _add_id(self, collector: Collector, workload_type: str, child: t.Any) -> Workload | None:
        """Build the workload of a child of the catalog. A child without a primary key is recorded as a problem."""
        workload = records.build_child(child, workload_type, _get_collection(workload_type))
        if workload.id is None:
            what = f"workload {workload.name!r} has no primary key" if workload.name else "item is not an object"
            collector.add_problem(
                InvalidResponseError(f"the catalog of {workload_type}s: a {what}", server=self.client.host)
            )
            return None
        self._catalog[workload.id] = records.get_host(child)
        return workload

    def _try_fetch_versions(self, linked: tuple[Workload, t.Any]) -> list[t.Any] | AuditError:
        try:
            return self._fetch_versions(*linked)
        except PART_ERRORS as error:
            return error

    def _fetch_versions(self, workload: Workload, child: t.Any) -> list[t.Any]:
        collection = _get_collection(workload.type or "")
        href = get_href(child, "versions") or f"{collection}/{path_segment(workload.id)}/version"
        link = self._api.follow(href, f"{collection}/{workload.id}")
        rows = list(self._api.list_items(link, {}, "contents", f"recovery points of {workload.name!r}"))
        for row in rows:
            if not isinstance(row, dict):
                raise InvalidResponseError("an item of 'contents' is not an object", server=self.client.host)
            pk = as_text(as_object(row.get("properties")).get("pk"))
            if pk is not None and not records.same_id(pk, workload.id):
                raise InvalidResponseError(
                    f"the recovery points of {workload.name!r} include one of another workload ({pk})",
                    server=self.client.host,
                    hint="No values are guessed from such a response. Please report it",
                )
        return rows

    def _read_again(
        self,
        collector: Collector,
        workload_type: str,
        missing: Sequence[tuple[Workload, AuditError]],
        workloads: dict[WorkloadKey, Workload],
        views: Mapping[WorkloadKey, records.View],
    ) -> None:
        """List the catalog again after HTTP 404 for some workloads. Those that are no longer listed were deleted."""
        try:
            collection = _get_collection(workload_type)
            children = list(self._list_children(workload_type))
        except PART_ERRORS as error:
            for workload, _error in missing:
                _add_failure(collector, workload, error)
            return
        listed = {records.build_child(child, workload_type, collection).key: child for child in children}
        errors = {workload.key: error for workload, error in missing}
        for workload, _error in missing:
            if workload.key not in listed:
                del workloads[workload.key]
                self._catalog.pop(workload.id or "", None)
        again = [(workload, listed[workload.key]) for workload, _error in missing if workload.key in listed]
        for (workload, _child), rows in self.thread_pool.map(self._try_fetch_versions, again):
            if isinstance(rows, AuditError):
                _add_failure(collector, workload, errors[workload.key])
            else:
                self._add_points(collector, workload, rows, views)

    def _get_context(self, collector: Collector) -> records.Context:
        """Return the data that all points need. Without SLA policies, the fields derived from them are unknown."""
        if self._context is None:
            listed = self._policies.result()
            if listed.problem:
                collector.scope["sla_policies"] = False
                collector.warnings.append(
                    "SLA policies not available: encryption, immutability and expiry are unknown for recovery points "
                    f"of policies that could not be read. Cause: {listed.problem}"
                )
            self._context = records.Context(parse_slas(listed.rows), self.settings.include_raw)
        return self._context

    # Counting

    def _read_counts(self, collector: Collector, workload_type: str, children: Iterator[t.Any]) -> None:
        """Read the counts. List the catalog for names, and to check that no count is missing."""
        path = _get_collection(workload_type)
        counts = read_counts(self.client, self.thread_pool, path, workload_type)
        collector.warnings.extend(counts.warnings)
        listed = self._fetch_names(collector, workload_type, children)
        missing = [workload for pk, workload in listed.items() if pk not in counts.by_pk]
        if missing:
            collector.add_problem(
                InvalidResponseError(
                    f"the count contains {len(counts.by_pk)} {workload_type}s, but the catalog lists {len(listed)}; "
                    f"{missing[0].name!r} is not counted",
                    code="incomplete",
                    server=self.client.host,
                    request=f"POST {path}",
                    hint="Use detail: workloads, which lists every recovery point",
                )
            )
        for pk, kinds in counts.by_pk.items():
            workload = listed.get(pk, Workload(id=pk, type=workload_type))
            collector.add_workload(workload)
            for kind, number in kinds.items():
                collector.add_count(workload, number, kind)

    def _fetch_names(self, collector: Collector, workload_type: str, children: Iterator[t.Any]) -> dict[str, Workload]:
        try:
            workloads = [self._add_id(collector, workload_type, child) for child in children]
        except (ForbiddenError, NotFoundError) as error:
            if collector.has_name_filter:
                # Without names, workloads cannot be selected.
                raise
            collector.scope["names"] = False
            collector.warnings.append(
                f"workload names not available: workloads are identified by primary key. Cause: {error.message}"
            )
            return {}
        return {workload.id: workload for workload in workloads if workload and workload.id is not None}


def _add_failure(collector: Collector, workload: Workload, error: AuditError) -> None:
    """Record that the points of one workload could not be read."""
    problem = copy.copy(error)
    problem.message = f"the recovery points of {workload.name or workload.id!r} could not be read: {error.message}"
    if isinstance(error, NotFoundError):
        # The general hint is about requests that a version does not support.
        problem.hint = None
    collector.add_problem(problem)
