# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: workloads of backups."""

from __future__ import annotations

import typing as t
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import Record, require_guid
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload


class Workloads:
    """Workloads by id, merged from backups and from the server's inventory."""

    def __init__(self, collector: Collector, workload_types: tuple[str, ...], entities: Future[t.Any]) -> None:
        self._collector = collector
        self._workload_types = workload_types
        self._entities = entities
        self._all = set(workload_types) == set(records.WORKLOAD_TYPES)
        self.by_id: dict[str | None, Workload] = {}
        self._inventory: dict[str | None, Workload] | None = None

    def get(self, record: Record) -> Workload | None:
        """Return the workload of a backup; None if its type is not selected."""
        known = self.by_id.get(record.workload)
        if known is None:
            known = records.build_workload(record)
            if known.type is None and record.workload in self._get_inventory():
                known.type = self._get_inventory()[record.workload].type
            if record.workload is not None:
                self.by_id[record.workload] = known
        return known if self._all or known.type in (None, *self._workload_types) else None

    def _get_inventory(self) -> dict[str | None, Workload]:
        """Return the listed workloads by id; empty if the account has no access."""
        if self._inventory is None:
            found = self._entities.result()
            rows = [] if isinstance(found, AuditError) else found
            self._inventory = {require_guid(row): records.parse_entity(row) for row in rows}
        return self._inventory

    def finish(self, *, include_unprotected: bool) -> None:
        """Complete the workloads of backups from the inventory, and add workloads without backups."""
        found = self._entities.result()
        if isinstance(found, AuditError):
            self._collector.scope["inventory"] = False
            self._collector.warnings.append(
                f"inventory not available: unprotected workloads cannot be detected. Cause: {found.message}"
            )
            return
        self._collector.scope["inventory"] = True
        for ident, listed in self._get_inventory().items():
            known = self.by_id.get(ident)
            if known is not None:
                known.platform = known.platform or listed.platform
                known.in_inventory = listed.in_inventory
                known.name = known.name or listed.name
            elif include_unprotected and (self._all or listed.type in self._workload_types):
                self._collector.add_workload(listed)
        if not found and not self.by_id:
            self._collector.warnings.append(
                "the server returned no backups and no workloads. The account may lack permission to list them"
            )
