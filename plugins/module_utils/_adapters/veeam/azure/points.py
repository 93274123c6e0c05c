# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: the points of one workload type, and whose they are."""

from __future__ import annotations

import dataclasses
import typing as t
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.records import (
    ALIKE,
    created_of,
    is_plain,
    point_of,
    size_of,
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
    """Where the points of one workload type are, which members name their workload, and where workloads are listed."""

    points: tuple[str, ...]
    id_member: str | None
    name_member: str
    protected: str | None
    inventory: str | None = None


LISTINGS = {
    "vm": Listing(
        ("/restorePoints/virtualMachines",),
        # A point of a virtual machine names it, but does not carry its id.
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
    # One point covers all virtual networks of a subscription in a region, so that pair is the workload.
    "virtual_network": Listing(("/restorePoints/vnets",), "subscriptionId", "subscriptionName", None),
}


_NOBODY = Workload(id=str(uuid.UUID(int=0)), name=None, type="vm", platform="azure")


class TypeReader:
    """Reads the points of one workload type and finds the workload of each."""

    def __init__(self, source: VeeamCloud, collector: Collector, workload_type: str, listing: Listing) -> None:
        self._source = source
        self._reading = collector
        self._type = workload_type
        self._listing = listing
        self._workloads: dict[str, Workload] = {}
        self._regions: dict[str, str] = {}
        self._include_raw = source.settings.include_raw
        whose = [listing.id_member or listing.name_member]
        if workload_type == "virtual_network":
            # Where the region has no name, its id stands for it.
            whose.append("regionId")
        self._alike = PointTemplates((*whose, *ALIKE))
        self._by_name: dict[str, list[Workload]] = {}
        # Points without names leave every workload unknown; listing them with 0 points would say "none".
        self._named = listing.points != (OLD_POINTS,)
        self._protected = self._beside(listing.protected, "protected items")
        self._inventory = self._beside(listing.inventory, "inventory")
        what = f"restore points ({workload_type})"
        self._points = [source.rows(path, what, prefetch=True) for path in listing.points]

    def _beside(self, path: str | None, what: str) -> Future[Rows | AuditError] | None:
        if path is None or not self._named:
            return None
        return self._source.thread_pool.submit(self._source.side_rows, path, f"{what} ({self._type})")

    def read(self) -> None:
        """Workloads first, then points; points that name no workload for certain are asked for workload by workload."""
        unseen = None
        if not self._named:
            self._reading.scope["names"] = False
            self._say_once("this API version does not name the workloads of restore points, so they stand in one row")
        else:
            self._note_protected()
            unseen = self._note_inventory(self._inventory.result()) if self._inventory else None
        unplaced = []
        for rows in self._points:
            for row in rows:
                if self._told_like_another(row):
                    continue
                workload = self._workload_of(row)
                if workload is None:
                    unplaced.append(row)
                else:
                    self._tell(row, workload)
        if unplaced:
            owners = self._owners(unplaced)
            for row in unplaced:
                name = as_text(row.get(self._listing.name_member))
                workload = owners.get(row["id"]) or Workload(name=name, type=self._type, platform="azure")
                self._reading.add_point(self._point_of(row, workload))
        if unseen is not None:
            self._reading.scope["inventory"] = False
            self._say_once(f"the inventory could not be read, so unprotected workloads are not seen: {unseen.message}")

    def _told_like_another(self, row: dict[str, t.Any]) -> bool:
        """Tell a point that says what one before said, but for id, time and size; False where there is none such."""
        pattern = self._alike.known(row)
        if pattern is None:
            return False
        size = size_of(row)
        if not is_plain(row, size):
            return False
        self._reading.add_point_like(pattern, str(row["id"]), created_of(row), size)
        return True

    def _tell(self, row: dict[str, t.Any], workload: Workload) -> None:
        """Tell a point whose members say whose it is."""
        if is_plain(row, size_of(row)) and not self._include_raw:
            self._alike.learn(row, self._point_of(row, workload))
        self._reading.add_point(self._point_of(row, workload))

    def _point_of(self, row: Mapping[str, t.Any], workload: Workload) -> RecoveryPoint:
        return point_of(
            row,
            workload,
            region=self._regions.get(workload.id or ""),
            encrypted=self._source.encrypted,
            include_raw=self._include_raw,
        )

    # Workloads

    def _note_protected(self) -> None:
        items = self._protected.result() if self._protected else []
        if isinstance(items, AuditError):
            self._reading.warnings.append(f"protected items of type {self._type} could not be read: {items.message}")
            return
        for item in items:
            self._note(item)

    def _note_inventory(self, items: Rows | AuditError) -> AuditError | None:
        """Which workloads still exist, and those that nothing protects; the error if the account may not see that."""
        protected = list(self._workloads.values())
        if isinstance(items, AuditError):
            for workload in protected:
                self._reading.add_workload(workload)
            return items
        self._reading.scope.setdefault("inventory", True)
        for workload in protected:
            workload.in_inventory = False
        for item in items:
            workload = self._note(item)
            workload.in_inventory = not as_bool(item.get("isDeleted"))
            if workload.in_inventory and self._source.settings.include_unprotected:
                self._reading.add_workload(workload)
        for workload in protected:
            self._reading.add_workload(workload)
        return None

    def _say_once(self, warning: str) -> None:
        if warning not in self._reading.warnings:
            self._reading.warnings.append(warning)

    def _note(self, item: dict[str, t.Any]) -> Workload:
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

    def _workload_of(self, row: dict[str, t.Any]) -> Workload | None:
        name = as_text(row.get(self._listing.name_member))
        if self._listing.id_member is not None:
            ident = as_text(row.get(self._listing.id_member))
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

    # Points that name no workload, or one of several with the same name

    def _owners(self, unplaced: Sequence[dict[str, t.Any]]) -> dict[str, Workload]:
        """Point id -> workload, asked workload by workload; only where no two workloads claim the same point."""
        if self._listing.id_member is not None or not self._named:
            return {}
        if not self._filter_is_honoured():
            self._say_once("the server ignores which workload is asked for; points of no certain workload have no id")
            return {}
        names = {as_text(row.get(self._listing.name_member)) for row in unplaced}
        asked = [
            workload
            for name, workloads in self._by_name.items()
            if None in names or name in names
            for workload in workloads
            if self._reading.is_selected(workload)
        ]
        wanted = {row["id"]: as_text(row.get(self._listing.name_member)) for row in unplaced}
        owners: dict[str, Workload] = {}
        disputed: set[str] = set()
        for workload, ids in self._source.thread_pool.map(self._ids_of, asked):
            for ident in ids:
                if ident in owners and owners[ident] is not workload:
                    # The server ignored the filter: it then gives every point for every workload.
                    disputed.add(ident)
                if ident in wanted and wanted[ident] in (None, workload.name):
                    owners[ident] = workload
        if disputed:
            self._say_once(
                "the server does not tell workloads of one name apart; their points stand together, without id"
            )
        return {ident: workload for ident, workload in owners.items() if ident not in disputed}

    def _filter_is_honoured(self) -> bool:
        """A server that ignores the filter gives points for a machine that cannot exist, too."""
        try:
            return not self._ids_of(_NOBODY)
        except AuditError as error:
            if error.status in (400, 404):
                return True
            raise

    def _ids_of(self, workload: Workload) -> list[str]:
        rows = self._source.rows(
            self._listing.points[0],
            f"restore points of {workload.name!r}",
            {"VirtualMachineId": str(workload.id)},
            SerialMapper(),
        )
        return [row["id"] for row in rows]
