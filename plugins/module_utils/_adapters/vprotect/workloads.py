# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: whose backups they are."""

from __future__ import annotations

import typing as t
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import points
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.records import Record, own_guid
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload


class Workloads:
    """Workloads by id: what backups name and what the server lists become one."""

    def __init__(self, collector: Collector, wanted: tuple[str, ...], entities: Future[t.Any]) -> None:
        self._reading = collector
        self._wanted = wanted
        self._entities = entities
        self._all = set(wanted) == set(points.WORKLOAD_TYPES)
        self.by_id: dict[str | None, Workload] = {}
        self._inventory: dict[str | None, Workload] | None = None

    def get(self, record: Record) -> Workload | None:
        """The workload of a backup; None if its type is not wanted."""
        known = self.by_id.get(record.workload)
        if known is None:
            known = points.workload_of(record)
            if known.type is None and record.workload in self._listed():
                known.type = self._listed()[record.workload].type
            if record.workload is not None:
                self.by_id[record.workload] = known
        return known if self._all or known.type in (None, *self._wanted) else None

    def _listed(self) -> dict[str | None, Workload]:
        """What the server lists, by id; empty where it may not be read."""
        if self._inventory is None:
            found = self._entities.result()
            rows = [] if isinstance(found, AuditError) else found
            self._inventory = {own_guid(row): points.entity_of(row) for row in rows}
        return self._inventory

    def finish(self, *, include_unprotected: bool) -> None:
        """Complete what backups named, and tell the workloads that have none."""
        found = self._entities.result()
        if isinstance(found, AuditError):
            self._reading.scope["inventory"] = False
            self._reading.warnings.append(
                f"the inventory could not be read, so unprotected workloads are not seen: {found.message}"
            )
            return
        self._reading.scope["inventory"] = True
        for ident, listed in self._listed().items():
            known = self.by_id.get(ident)
            if known is not None:
                known.platform = known.platform or listed.platform
                known.in_inventory = listed.in_inventory
                known.name = known.name or listed.name
            elif include_unprotected and (self._all or listed.type in self._wanted):
                self._reading.add_workload(listed)
        if not found and not self.by_id:
            self._reading.warnings.append(
                "neither backups nor workloads are listed; this server leaves out what an account may not see"
            )
