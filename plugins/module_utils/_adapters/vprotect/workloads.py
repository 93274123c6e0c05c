# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: workloads of backups."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import Record
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.related import Inventory
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool


class Workloads:
    """Workloads by id, merged from backups and from the server's inventory."""

    def __init__(self, collector: Collector, workload_types: tuple[str, ...], inventory: Future[Inventory]) -> None:
        self._collector = collector
        self._selected_types = (None, *workload_types)
        self._pending = inventory
        self._all = set(workload_types) == set(records.WORKLOAD_TYPES)
        self.by_id: dict[str | None, Workload] = {}
        self._has_backups = False
        # Workloads for which the server reports that no backup can be restored. Complete after the first lookup.
        self.unrestorable: set[str | None] = set()
        # Workloads whose last backup chain is marked for removal.
        self.marked_for_removal: set[str | None] = set()
        self._inventory: Mapping[str | None, Workload] | None = None

    def get(self, record: Record) -> Workload | None:
        """Return the workload of a backup, or None if its type is not selected."""
        known = self.by_id.get(record.workload)
        if known is None:
            self._has_backups = True
            known = self._add(records.build_workload(record))
            if record.workload is not None:
                self.by_id[record.workload] = known
        return known if self._all or known.type in self._selected_types else None

    def _add(self, workload: Workload) -> Workload:
        """Complete the workload of a backup with data of the inventory."""
        if workload.id is None:
            return workload
        listed = self._get_inventory().get(workload.id)
        if listed is not None:
            workload.type = workload.type or listed.type
            workload.name = workload.name or listed.name
            if listed.platform is not None:
                workload.platform, workload.vendor_platform = listed.platform, listed.vendor_platform
            workload.in_inventory = listed.in_inventory
        # A backup may name a deleted workload to which an earlier backup still refers.
        return self.by_id.setdefault(workload.id, workload)

    def _get_inventory(self) -> Mapping[str | None, Workload]:
        """Return the listed workloads by id."""
        if self._inventory is None:
            rows = self._pending.result().rows
            self._inventory = {guid: records.parse_entity(row) for guid, row in rows.items()}
            for guid, row in rows.items():
                if as_bool(row.get("restorable")) is False:
                    self.unrestorable.add(guid)
                if as_bool(row.get("lastChainMarkedForDeletion")):
                    self.marked_for_removal.add(guid)
        return self._inventory

    def finish(self, *, include_unprotected: bool) -> None:
        """Add workloads without backups, and report missing data of the inventory."""
        inventory = self._pending.result()
        self._collector.scope["inventory"] = inventory.complete
        self._collector.warnings += inventory.notes
        for ident, listed in self._get_inventory().items():
            if ident not in self.by_id and include_unprotected and (self._all or listed.type in self._selected_types):
                self._collector.add_workload(listed)
        if inventory.complete and not inventory.rows and not self._has_backups:
            self._collector.warnings.append(
                "the server returned no backups and no workloads. The account may lack permission to list them"
            )
