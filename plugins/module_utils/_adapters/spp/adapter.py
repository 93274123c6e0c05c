# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IBM Spectrum Protect Plus (Storage Protect Plus): read the recovery catalog, workload by workload.

Sources: IBM REST API reference 10.1.6 to 10.1.17, IBM's public clients. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.api import SEARCH, Api
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    OptionError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_epoch_millis
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import BasicForSession
from ansible_collections.backup.audit.plugins.module_utils._transport.client import path_segment

_CATALOG = "/api/endeavour/catalog/recovery"
_INVENTORY = "/api/endeavour/catalog/hypervisor/vm"
_SESSION = "/api/endeavour/session"
# workload_type -> collection of the recovery catalog
_COLLECTIONS = {"vm": "hypervisorvm", "database": "applicationdatabase"}
_GRAMMAR = {"embed": None, "pageSize": None, "pageStartIndex": None, "filter": None, "sort": None}
_HAS_SESSION = json.dumps([{"property": "sessionId", "op": ">", "value": "0"}])
_EMBED = "(children(properties))"


def _catalog_allowlist() -> Iterator[AllowedRequest]:
    for collection in _COLLECTIONS.values():
        path = f"{_CATALOG}/{collection}"
        yield AllowedRequest("POST", path, {"action": "aggregate", "filter": None}, required=("action",))
        yield AllowedRequest("GET", path, _GRAMMAR)
        yield AllowedRequest("GET", f"{path}/{{pk}}/version", _GRAMMAR)


class SpectrumProtectPlus(RestAdapter):
    """Read the recovery catalog (what can be restored) and, in parallel, the inventory and the SLA policies."""

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
        AllowedRequest(
            "GET",
            "/api/hypervisor/{hypervisor}/vm/{vm}/version",
            {**_GRAMMAR, "from": "recovery", "embedCopies": "true", "omitIfNoCopies": "true"},
        ),
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
            except (InvalidResponseError, NotFoundError, ForbiddenError):
                continue
        return None

    def read(self, collector: Collector) -> None:
        """Report every workload of the selected types with its points, or (detail: counts) their number."""
        types = self.settings.workload_types
        if self.settings.detail != "counts":
            self._policies = self.thread_pool.submit(self._fetch_slas)
            listings = {kind: self._list_children(kind) for kind in types}
            self._machines = self.thread_pool.submit(self._fetch_inventory) if "vm" in types else None
        for workload_type in types:
            try:
                if self.settings.detail == "counts":
                    self._read_counts(collector, workload_type)
                else:
                    self._read_points(collector, workload_type, listings[workload_type])
            except NotFoundError:
                if workload_type == "vm":
                    raise
                # Older or smaller appliances have no application catalog; report that.
                collector.scope[f"{workload_type}s"] = False
                collector.warnings.append(f"this server does not have a catalog of {workload_type}s")

    # Listing

    def _list_children(self, workload_type: str) -> Iterator[t.Any]:
        """List the workloads of one type that have recovery points."""
        collection = f"{_CATALOG}/{_COLLECTIONS[workload_type]}"
        what = f"{workload_type}s with recovery points"
        return self._api.list_items(collection, {"embed": _EMBED}, "children", what, prefetch=True)

    def _read_points(self, collector: Collector, workload_type: str, children: Iterator[t.Any]) -> None:
        """Request the points of each workload as soon as it is listed, except if copies need the full list first."""
        workloads: dict[t.Any, Workload] = {}
        linked: Iterable[tuple[Workload, str]] = self._list_selected(collector, workload_type, children, workloads)
        views: dict[t.Any, dict[int, list[Copy]]] = {}
        if self.settings.own.get("copies") and workload_type == "vm":
            linked = list(linked)
            views = self._fetch_restore_view(collector, list(workloads.values()))
        for (workload, _link), rows in self.thread_pool.map(self._fetch_versions, linked):
            collector.add_workload(workload)
            view = views.get(workload.key)
            for point in records.build_points(workload, rows, self._policies.result(), view, self.settings.include_raw):
                collector.add_point(point)
        if workload_type == "vm":
            self._merge_inventory(collector, list(workloads.values()))

    def _list_selected(
        self, collector: Collector, workload_type: str, children: Iterator[t.Any], selected: dict[t.Any, Workload]
    ) -> Iterator[tuple[Workload, str]]:
        """Yield (workload, link to its points) for selected workloads."""
        for child in children:
            workload = records.build_workload(child, workload_type)
            if collector.is_selected(workload) and workload.key not in selected:
                selected[workload.key] = workload
                yield workload, self._versions_link(child, workload, f"{_CATALOG}/{_COLLECTIONS[workload_type]}")

    def _versions_link(self, child: t.Any, workload: Workload, collection: str) -> str:
        link = as_text(as_object(as_object(as_object(child).get("links")).get("versions")).get("href"))
        return self.client.to_local_path(link) if link else f"{collection}/{path_segment(workload.id)}/version"

    def _fetch_versions(self, child: tuple[Workload, str]) -> list[t.Any]:
        workload, link = child
        rows = list(self._api.list_items(link, {}, "contents", f"recovery points of {workload.name!r}"))
        for row in rows:
            pk = as_text(as_object(as_object(row).get("properties")).get("pk"))
            if pk is not None and pk != workload.id:
                raise InvalidResponseError(
                    f"the recovery points of {workload.name!r} include one of another workload ({pk})",
                    server=self.client.host,
                    hint="No values are guessed from such a response. Please report it",
                )
        return rows

    def _fetch_slas(self) -> dict[str, records.Sla]:
        """Return SLA policies by name. If they are not available (permission, version), derived fields are unknown."""
        try:
            policies = list(self._api.list_items("/ngp/slapolicy", {}, "slapolicies", "SLA policies"))
        except (ForbiddenError, NotFoundError, InvalidResponseError):
            return {}
        return {
            name: records.parse_sla(policy) for policy in policies for name in [as_text(policy.get("name"))] if name
        }

    # Inventory

    def _fetch_inventory(self) -> list[dict[str, t.Any]] | AuditError:
        try:
            return list(
                self._api.list_items("/api/endeavour/catalog/hypervisor/vm", {"embed": _EMBED}, "children", "inventory")
            )
        except (ForbiddenError, NotFoundError) as error:
            return error

    def _merge_inventory(self, collector: Collector, workloads: Sequence[Workload]) -> None:
        """Set which workloads are still in the inventory, and add those without any points."""
        listed = self._machines.result() if self._machines else []
        if isinstance(listed, AuditError):
            collector.scope["inventory"] = False
            collector.warnings.append(
                f"inventory not available: unprotected virtual machines cannot be detected. Cause: {listed.message}"
            )
            return
        collector.scope["inventory"] = True
        machines = [records.build_workload(as_object(child), "vm") for child in listed]
        machine_names = {machine.name for machine in machines}
        pairs = records.pair_machines(workloads, machines)
        for workload, machine in pairs:
            # If several machines share the name, it is unknown which of them this is.
            workload.in_inventory = True if machine else None if workload.name in machine_names else False
        if not self.settings.include_unprotected:
            return
        taken = {id(machine) for _workload, machine in pairs if machine}
        doubtful = {workload.name for workload, machine in pairs if machine is None}
        for machine in machines:
            machine.in_inventory = True
            if id(machine) in taken:
                continue
            if machine.name is None and None in doubtful:
                collector.scope["inventory"] = False
                self._warn_once(
                    collector,
                    "the inventory lists virtual machines without a name: unprotected ones cannot be detected",
                )
            elif machine.name in doubtful:
                collector.warnings.append(
                    f"several virtual machines are named {machine.name!r} and cannot be distinguished"
                )
            else:
                collector.add_workload(machine)

    @staticmethod
    def _warn_once(collector: Collector, warning: str) -> None:
        if warning not in collector.warnings:
            collector.warnings.append(warning)

    # Copies, from the view of the restore wizard

    def _fetch_restore_view(
        self, collector: Collector, workloads: Sequence[Workload]
    ) -> dict[t.Any, dict[int, list[Copy]]]:
        search = self.thread_pool.submit(self._api.search)
        try:
            sites = self._fetch_sites()
            found = search.result()
        except (ForbiddenError, NotFoundError) as error:
            collector.scope["copies"] = False
            collector.warnings.append(f"the restore view could not be read, so copies are unknown: {error.message}")
            return {}
        collector.scope["copies"] = True
        links = {}
        machines = []
        for row in found:
            machine = Workload(id=as_text(row.get("id")), name=as_text(row.get("name")), type="vm")
            machines.append(machine)
            links[id(machine)] = as_text(as_object(as_object(row.get("links")).get("versions")).get("href"))
        pairs = []
        for workload, twin in records.pair_machines(workloads, machines):
            link = links[id(twin)] if twin else None
            if link:
                pairs.append((workload, urlsplit(self.client.to_local_path(link)).path))
        query = {"from": "recovery", "embedCopies": "true", "omitIfNoCopies": "true"}

        def versions(pair: tuple[Workload, str]) -> dict[int, list[Copy]]:
            rows = self._api.list_items(pair[1], query, "versions", f"copies of {pair[0].name!r}")
            view = {}
            for row in rows:
                time = as_object(as_object(row).get("protectionInfo")).get("protectionTime")
                copies = records.parse_copies(as_object(row), sites)
                if time is not None and copies is not None:
                    view[parse_epoch_millis(time)] = copies
            return view

        return {pair[0].key: view for pair, view in self.thread_pool.map(versions, pairs)}

    def _fetch_sites(self) -> dict[str, str]:
        sites = self._api.list_items("/api/site", {}, "sites", "sites")
        named = ((as_text(site.get("id")), as_text(site.get("name"))) for site in map(as_object, sites))
        return {ident: name for ident, name in named if ident and name}

    # Counting

    def _read_counts(self, collector: Collector, workload_type: str) -> None:
        """Count with one aggregate request, then list the catalog for names and to check that no count is missing."""
        path = f"{_CATALOG}/{_COLLECTIONS[workload_type]}"
        response = self.client.request(
            "POST",
            path,
            params={"action": "aggregate", "filter": _HAS_SESSION},
            json_body={
                "op": [{"operation": "count", "fieldname": "pk", "outputname": "count"}],
                "group": ["pk"],
                # Without this key and the filter, the server counts workloads instead of recovery points.
                "copytype": "versiononly",
            },
        )
        counts = {}
        for row in get_items(response.json_object(), "results", response.request, response.server):
            pk, count = _parse_count(as_object(row))
            if pk is None or count is None:
                raise InvalidResponseError(
                    f"expected a primary key and a number in a row of the count, found {row!r}",
                    server=response.server,
                    request=response.request,
                )
            counts[pk] = count
        listed = self._fetch_names(collector, path, workload_type)
        missing = [workload for pk, workload in listed.items() if pk not in counts]
        if missing:
            collector.add_problem(
                InvalidResponseError(
                    f"the count contains {len(counts)} {workload_type}s, but the catalog lists {len(listed)}; "
                    f"{missing[0].name!r} is not counted",
                    code="incomplete",
                    server=response.server,
                    request=response.request,
                    hint="Use detail: workloads, which lists every recovery point",
                )
            )
        for pk, count in counts.items():
            collector.add_count(listed.get(pk, Workload(id=pk, type=workload_type)), count)

    def _fetch_names(self, collector: Collector, path: str, workload_type: str) -> dict[str, Workload]:
        try:
            children = list(self._api.list_items(path, {"embed": _EMBED}, "children", f"{workload_type}s"))
        except (ForbiddenError, NotFoundError) as error:
            collector.scope["names"] = False
            collector.warnings.append(
                f"workload names not available: workloads are identified by primary key. Cause: {error.message}"
            )
            return {}
        workloads = [records.build_workload(as_object(child), workload_type) for child in children]
        return {workload.id: workload for workload in workloads if workload.id is not None}


def _parse_count(row: Mapping[str, t.Any]) -> tuple[str | None, int | None]:
    """Parse (pk, count) of one group. Some servers ignore outputname; then the only number of the row is the count."""
    pk = as_text(as_object(row.get("_id")).get("pk"))
    numbers = [as_int(value) for name, value in row.items() if name != "_id"]
    count = as_int(row.get("count"))
    if count is None and len(numbers) == 1:
        count = numbers[0]
    return pk, count
