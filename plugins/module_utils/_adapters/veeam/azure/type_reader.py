# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: the points of one workload type and the workloads that own them."""

from __future__ import annotations

import dataclasses
import typing as t
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.records import (
    TEMPLATE_KEYS,
    is_plain,
    parse_created,
    parse_point,
    parse_size,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.cloud import Rows, VeeamCloud
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_object, as_text
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import PointTemplates
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import SerialMapper

OLD_POINTS = "/restorePoints"


@dataclasses.dataclass(frozen=True)
class Listing:
    """Paths of the points of one workload type and of its workloads, and the fields that identify the workload."""

    points: tuple[str, ...]
    id_field: str | None
    name_field: str
    protected: str | None
    inventory: str | None = None


LISTINGS = {
    "vm": Listing(
        ("/restorePoints/virtualMachines",),
        # A point of a virtual machine has its name, but not its id.
        None,
        "vmName",
        "/protectedItem/virtualMachines",
        "/virtualMachines",
    ),
    "database": Listing(("/restorePoints/sql",), "databaseId", "databaseName", "/protectedItem/sql", "/databases"),
    "file_share": Listing(
        ("/restorePoints/fileShares",), "fileShareId", "fileShareName", "/protectedItem/fileShares", "/fileShares"
    ),
    "cosmosdb": Listing(
        ("/restorePoints/cosmosDb/repository", "/restorePoints/cosmosDb/continuous"),
        "accountId",
        "accountName",
        "/protectedItem/cosmosDb",
        "/cosmosDb",
    ),
    # One point covers all virtual networks of a subscription in a region, so the workload is that pair.
    "virtual_network": Listing(("/restorePoints/vnets",), "subscriptionId", "subscriptionName", None),
}


_NONEXISTENT = Workload(id=str(uuid.UUID(int=0)), name=None, type="vm", platform="azure")


class TypeReader:
    """Reads the points of one workload type and finds the workload of each."""

    def __init__(self, adapter: VeeamCloud, collector: Collector, workload_type: str, listing: Listing) -> None:
        self._adapter = adapter
        self._collector = collector
        self._type = workload_type
        self._listing = listing
        self._workloads: dict[str, Workload] = {}
        self._regions: dict[str, str] = {}
        self._include_raw = adapter.settings.include_raw
        owner_keys = [listing.id_field or listing.name_field]
        if workload_type == "virtual_network":
            # If the region has no name, its id is used.
            owner_keys.append("regionId")
        self._templates = PointTemplates((*owner_keys, *TEMPLATE_KEYS))
        self._by_name: dict[str, list[Workload]] = {}
        # Points without names leave every workload unknown; a workload with 0 points would mean "none".
        self._has_names = listing.points != (OLD_POINTS,)
        self._protected = self._submit_optional(listing.protected, "protected items")
        self._inventory = self._submit_optional(listing.inventory, "inventory")
        what = f"restore points ({workload_type})"
        self._points = [adapter.rows(path, what, prefetch=True) for path in listing.points]

    def _submit_optional(self, path: str | None, what: str) -> Future[Rows | AuditError] | None:
        if path is None or not self._has_names:
            return None
        return self._adapter.thread_pool.submit(self._adapter.fetch_optional_rows, path, f"{what} ({self._type})")

    def read(self) -> None:
        """Read workloads, then points. Points that do not clearly name a workload are queried workload by workload."""
        inventory_error = None
        if not self._has_names:
            self._collector.scope["names"] = False
            self._warn_once("this API version does not name the workloads of restore points, so they are in one row")
        else:
            self._read_protected_items()
            inventory_error = self._read_inventory(self._inventory.result()) if self._inventory else None
        unassigned = []
        for rows in self._points:
            for row in rows:
                if self._add_from_template(row):
                    continue
                workload = self._find_workload(row)
                if workload is None:
                    unassigned.append(row)
                else:
                    self._add_point(row, workload)
        if unassigned:
            owners = self._find_owners(unassigned)
            for row in unassigned:
                name = as_text(row.get(self._listing.name_field))
                workload = owners.get(row["id"]) or Workload(name=name, type=self._type, platform="azure")
                self._collector.add_point(self._build_point(row, workload))
        if inventory_error is not None:
            self._collector.scope["inventory"] = False
            self._warn_once(
                f"inventory not available: unprotected workloads cannot be detected. Cause: {inventory_error.message}"
            )

    def _add_from_template(self, row: dict[str, t.Any]) -> bool:
        """Add a point that differs from an earlier one only in id, time and size; False if there is no such point."""
        template = self._templates.get(row)
        if template is None:
            return False
        size = parse_size(row)
        if not is_plain(row, size):
            return False
        self._collector.add_point_like(template, str(row["id"]), parse_created(row), size)
        return True

    def _add_point(self, row: dict[str, t.Any], workload: Workload) -> None:
        """Add a point whose fields identify its workload."""
        if is_plain(row, parse_size(row)) and not self._include_raw:
            self._templates.add(row, self._build_point(row, workload))
        self._collector.add_point(self._build_point(row, workload))

    def _build_point(self, row: Mapping[str, t.Any], workload: Workload) -> RecoveryPoint:
        return parse_point(
            row,
            workload,
            region=self._regions.get(workload.id or ""),
            encrypted=self._adapter.encrypted,
            include_raw=self._include_raw,
        )

    # Workloads

    def _read_protected_items(self) -> None:
        items = self._protected.result() if self._protected else []
        if isinstance(items, AuditError):
            self._collector.warnings.append(f"protected items of type {self._type} could not be read: {items.message}")
            return
        for item in items:
            self._record_workload(item)

    def _read_inventory(self, items: Rows | AuditError) -> AuditError | None:
        """Record which workloads still exist or are unprotected; returns the error if the account may not read them."""
        protected = list(self._workloads.values())
        if isinstance(items, AuditError):
            for workload in protected:
                self._collector.add_workload(workload)
            return items
        self._collector.scope.setdefault("inventory", True)
        for workload in protected:
            workload.in_inventory = False
        for item in items:
            workload = self._record_workload(item)
            workload.in_inventory = not as_bool(item.get("isDeleted"))
            if workload.in_inventory and self._adapter.settings.include_unprotected:
                self._collector.add_workload(workload)
        for workload in protected:
            self._collector.add_workload(workload)
        return None

    def _warn_once(self, warning: str) -> None:
        if warning not in self._collector.warnings:
            self._collector.warnings.append(warning)

    def _record_workload(self, item: dict[str, t.Any]) -> Workload:
        ident = str(item["id"])
        workload = self._workloads.get(ident)
        if workload is None:
            workload = Workload(id=ident, name=as_text(item.get("name")), type=self._type, platform="azure")
            self._workloads[ident] = workload
            if workload.name is not None:
                self._by_name.setdefault(workload.name, []).append(workload)
        region = as_text(item.get("regionName")) or as_text(as_object(item.get("region")).get("name"))
        if region:
            self._regions[ident] = region
        return workload

    def _find_workload(self, row: dict[str, t.Any]) -> Workload | None:
        name = as_text(row.get(self._listing.name_field))
        if self._listing.id_field is not None:
            ident = as_text(row.get(self._listing.id_field))
            region = as_text(row.get("regionName")) or as_text(row.get("regionId"))
            if ident is None or (self._type == "virtual_network" and region is None):
                return None
            if self._type == "virtual_network":
                ident, name = f"{ident}/{region}", f"{name or ident}/{region}"
            known = self._workloads.get(ident)
            if known is None:
                known = Workload(id=ident, name=name, type=self._type, platform="azure")
                self._workloads[ident] = known
            return known
        candidates = self._by_name.get(name, []) if name is not None else []
        return candidates[0] if len(candidates) == 1 else None

    # Points that do not name a workload, or that name one of several workloads with the same name

    def _find_owners(self, unassigned: Sequence[dict[str, t.Any]]) -> dict[str, Workload]:
        """Map point ids to workloads, queried workload by workload; without points that two workloads list."""
        if self._listing.id_field is not None or not self._has_names:
            return {}
        if not self._is_filter_honoured():
            self._warn_once(
                "the server ignores the workload filter; restore points of uncertain workloads have no workload id"
            )
            return {}
        names = {as_text(row.get(self._listing.name_field)) for row in unassigned}
        queried = [
            workload
            for name, workloads in self._by_name.items()
            if None in names or name in names
            for workload in workloads
            if self._collector.is_selected(workload)
        ]
        wanted = {row["id"]: as_text(row.get(self._listing.name_field)) for row in unassigned}
        owners: dict[str, Workload] = {}
        ambiguous: set[str] = set()
        for workload, ids in self._adapter.thread_pool.map(self._fetch_point_ids, queried):
            for ident in ids:
                if ident in owners and owners[ident] is not workload:
                    # The server ignored the filter: it then returns every point for every workload.
                    ambiguous.add(ident)
                if ident in wanted and wanted[ident] in (None, workload.name):
                    owners[ident] = workload
        if ambiguous:
            self._warn_once(
                "the server does not distinguish workloads with the same name; "
                "their restore points are in one row without an id"
            )
        return {ident: workload for ident, workload in owners.items() if ident not in ambiguous}

    def _is_filter_honoured(self) -> bool:
        """Query a machine that cannot exist: a server that ignores the filter returns points for it."""
        try:
            return not self._fetch_point_ids(_NONEXISTENT)
        except AuditError as error:
            if error.status in (400, 404):
                return True
            raise

    def _fetch_point_ids(self, workload: Workload) -> list[str]:
        rows = self._adapter.rows(
            self._listing.points[0],
            f"restore points of {workload.name!r}",
            {"VirtualMachineId": str(workload.id)},
            SerialMapper(),
        )
        return [row["id"] for row in rows]
