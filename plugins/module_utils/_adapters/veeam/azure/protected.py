# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: the workloads of one platform, from protected items, inventory and points."""

from __future__ import annotations

import typing as t
from collections.abc import Collection

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.regions import Region, parse_region
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.cloud import Rows, VeeamCloud
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_text


class ProtectedWorkloads:
    """Workloads by id and by name. A name identifies a workload only if all workloads with points are known."""

    def __init__(self, adapter: VeeamCloud, collector: Collector, workload_type: str, platform: str) -> None:
        self._adapter = adapter
        self._collector = collector
        self._type = workload_type
        self._platform = platform
        self._by_id: dict[str, Workload] = {}
        # Several workloads have the same resource id in Azure if a deleted one was created again.
        self._by_azure_id: dict[str, list[Workload]] = {}
        self._by_name: dict[str, list[Workload]] = {}
        self._regions: dict[int, Region] = {}
        self._are_names_unique = True
        # Whether an item without the appliance's own id may be a workload that another item names.
        self._has_uncertain_items = False

    def read(self, protected: Rows | AuditError | None, inventory: Rows | AuditError | None) -> None:
        """Record both listings and add the workloads. None means that this platform has no such listing."""
        self._read_protected(protected or [])
        known = list(self._by_id.values())
        if inventory is not None:
            self._read_inventory(inventory, known)
        for workload in known:
            self._collector.add_workload(workload)

    def build(self, ident: str | None, name: str | None) -> Workload:
        """Build a workload of this platform. The product has no terms for platforms."""
        return Workload(id=ident, name=name, type=self._type, platform=self._platform)

    def get_or_add(self, ident: str, name: str | None) -> Workload:
        """Return the workload with this id; add it if it is new."""
        return self._by_id.setdefault(ident, self.build(ident, name))

    def get_region(self, workload: Workload) -> Region:
        """Return the region in which a workload runs; it is empty if it is not known."""
        return self._regions.get(id(workload), Region())

    def find_by_name(self, name: str | None) -> Workload | None:
        """Return the only workload with this name, or None if there may be others."""
        candidates = self._by_name.get(name, []) if name is not None and self._are_names_unique else []
        return candidates[0] if len(candidates) == 1 and candidates[0].id is not None else None

    def list_candidates(self, names: Collection[str | None]) -> list[Workload]:
        """Return the selected workloads that may own points with these names; all workloads if a point has no name."""
        return [
            workload
            for name, workloads in self._by_name.items()
            if None in names or name in names
            for workload in workloads
            if workload.id is not None and self._collector.is_selected(workload)
        ]

    def _read_protected(self, items: Rows | AuditError) -> None:
        if isinstance(items, AuditError):
            # A point may belong to a workload that only this listing contains, such as a deleted one.
            self._are_names_unique = False
            self._adapter.partial.warn(
                f"protected items ({self._platform}) could not be read: {items.message}", "protected_items"
            )
            return
        for item in items:
            self._record(item)

    def _read_inventory(self, items: Rows | AuditError, protected: list[Workload]) -> None:
        """Record which workloads still exist or are unprotected."""
        if isinstance(items, AuditError):
            self._adapter.partial.warn(
                f"inventory not available: unprotected workloads cannot be detected. Cause: {items.message}",
                "inventory",
            )
            return
        self._collector.scope.setdefault("inventory", True)
        found = [(self._record(item), item) for item in items]
        existing = {id(workload) for workload, _item in found}
        for workload in protected:
            if not self._has_uncertain_items and id(workload) not in existing:
                workload.in_inventory = False
        for each, item in found:
            if each is None:
                continue
            is_deleted = as_bool(item.get("isDeleted"))
            # Only some types have this field.
            each.in_inventory = None if is_deleted is None and "isDeleted" in item else not is_deleted
            if each.in_inventory is not False and self._adapter.settings.include_unprotected:
                self._collector.add_workload(each)

    def _record(self, item: dict[str, t.Any]) -> Workload | None:
        """Record one item of a listing; None if it has no id. The appliance's own id may be missing."""
        ident, name = as_text(item.get("id")), as_text(item.get("name"))
        azure_id = as_text(item.get("azureId")) or as_text(item.get("resourceId"))
        workload = self._by_id.get(ident or "") or self._find_by_azure_id(ident, azure_id)
        if workload is None:
            self._has_uncertain_items = self._has_uncertain_items or ident is None
            if ident is None and (azure_id is None or azure_id in self._by_azure_id):
                self._record_without_id(name)
                return None
            workload = self.build(ident or azure_id, name)
            if name is not None:
                self._by_name.setdefault(name, []).append(workload)
        elif ident is not None:
            workload.id = ident
        self._by_id[str(workload.id)] = workload
        if azure_id is not None and workload not in self._by_azure_id.setdefault(azure_id, []):
            self._by_azure_id[azure_id].append(workload)
        self._regions[id(workload)] = self.get_region(workload) | parse_region(item)
        return workload

    def _find_by_azure_id(self, ident: str | None, azure_id: str | None) -> Workload | None:
        """Return the workload that another item describes, if one of the two items has no id of the appliance."""
        known = self._by_azure_id.get(azure_id or "", [])
        if ident is not None:
            # A workload whose items had no id has the id of Azure instead.
            known = [workload for workload in known if workload.id == azure_id]
        return known[0] if len(known) == 1 else None

    def _record_without_id(self, name: str | None) -> None:
        self._adapter.partial.warn(
            f"some workloads ({self._platform}) are listed without an id and are not included", "inventory"
        )
        if name is None:
            self._are_names_unique = False
        else:
            # Points with this name may belong to it.
            self._by_name.setdefault(name, []).append(self.build(None, name))
