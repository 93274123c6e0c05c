# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: the points of one listing and the workloads that own them."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.health_checks import (
    CheckedPoint,
    HealthChecks,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.protected import ProtectedWorkloads
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.records import (
    TEMPLATE_KEYS,
    is_plain,
    parse_created,
    parse_point,
    parse_size,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.regions import get_region_name
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.repositories import Repositories
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.cloud import Rows, VeeamCloud
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
    InvalidResponseError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import PointTemplates
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import SerialMapper

OLD_POINTS = "/restorePoints"


@dataclasses.dataclass(frozen=True)
class Listing:
    """Paths of one platform's points and workloads, and the fields that identify the workload of a point."""

    points: tuple[str, ...]
    workload_type: str
    platform: str
    id_field: str | None
    name_field: str
    protected: str | None
    inventory: str | None = None
    # The paths whose points are continuous backups.
    continuous: tuple[str, ...] = ()


LISTINGS = (
    Listing(
        ("/restorePoints/virtualMachines",),
        "vm",
        "azure_vm",
        # Points of virtual machines have the name of the machine, but not its id.
        None,
        "vmName",
        "/protectedItem/virtualMachines",
        "/virtualMachines",
    ),
    Listing(
        ("/restorePoints/sql",),
        "database",
        "azure_sql",
        "databaseId",
        "databaseName",
        "/protectedItem/sql",
        "/databases",
    ),
    Listing(
        ("/restorePoints/fileShares",),
        "file_share",
        "azure_files",
        "fileShareId",
        "fileShareName",
        "/protectedItem/fileShares",
        "/fileShares",
    ),
    Listing(
        ("/restorePoints/cosmosDb/repository", "/restorePoints/cosmosDb/continuous"),
        "database",
        "azure_cosmos",
        "accountId",
        "accountName",
        "/protectedItem/cosmosDb",
        "/cosmosDb",
        ("/restorePoints/cosmosDb/continuous",),
    ),
    # One point covers all virtual networks of a subscription in a region, so the workload is that pair.
    Listing(("/restorePoints/vnets",), "network", "azure_network", "subscriptionId", "subscriptionName", None),
)
_NONEXISTENT = Workload(id=str(uuid.UUID(int=0)), type="vm")


@dataclasses.dataclass(frozen=True)
class Shared:
    """Data that the readers of all listings share."""

    adapter: VeeamCloud
    collector: Collector
    repositories: Repositories
    health_checks: HealthChecks
    # Names of regions by id.
    locations: dict[str, str]
    # Whether this API version reports the state of backups.
    has_state: bool


class TypeReader:
    """Reads the points of one listing and finds the workload of each."""

    def __init__(self, shared: Shared, listing: Listing) -> None:
        self.listing = listing
        self._shared = shared
        self._adapter = shared.adapter
        self._collector = shared.collector
        self._include_raw = shared.adapter.settings.include_raw
        self._templates = PointTemplates((listing.id_field or listing.name_field, *TEMPLATE_KEYS))
        # If points have no names, the points of each workload are unknown. A workload with 0 points would mean "none".
        self._has_names = listing.points != (OLD_POINTS,)
        self._workloads = ProtectedWorkloads(shared.adapter, shared.collector, listing.workload_type, listing.platform)
        self._protected = self._submit_optional(listing.protected, "protected items")
        self._inventory = self._submit_optional(listing.inventory, "inventory")
        # Points of workloads that a health check names. They are added after all of them were read.
        self._checked: dict[t.Any, list[CheckedPoint]] = {}
        what = f"restore points ({listing.platform})"
        self._points = [(path, self._adapter.rows(path, what, prefetch=True)) for path in listing.points]
        self.has_points = False

    def _submit_optional(self, path: str | None, what: str) -> Future[Rows | AuditError] | None:
        if path is None or not self._has_names:
            return None
        what = f"{what} ({self.listing.platform})"
        return self._adapter.thread_pool.submit(self._adapter.fetch_optional_rows, path, what)

    def read(self) -> None:
        """Read workloads, then points. The workloads of ambiguous points are found with a query per workload."""
        # If the points cannot be read, workloads without points would be wrong.
        found = [(path, next(rows, None), rows) for path, rows in self._points]
        self.has_points = True
        if self._has_names:
            self._workloads.read(
                None if self._protected is None else self._protected.result(),
                None if self._inventory is None else self._inventory.result(),
            )
        else:
            self._collector.scope["names"] = False
            self._adapter.partial.warn(
                "this API version does not name the workloads of restore points, so they are in one row"
            )
        unassigned: list[tuple[dict[str, t.Any], bool]] = []
        for path, first, rows in found:
            is_continuous = path in self.listing.continuous
            for row in itertools.chain([] if first is None else [first], rows):
                if self._add_from_template(row):
                    continue
                workload = self._find_workload(row)
                if workload is None:
                    unassigned.append((row, is_continuous))
                else:
                    self._add_point(row, workload, is_continuous=is_continuous)
        if unassigned:
            self._add_unassigned(unassigned)
        for points in self._checked.values():
            self._shared.health_checks.apply(points)
            for checked in points:
                self._collector.add_point(checked.point)

    def _add_from_template(self, row: dict[str, t.Any]) -> bool:
        """Add a point that differs from an earlier one only in id, time and size; False if there is no such point."""
        template = self._templates.get(row)
        if template is None:
            return False
        size = parse_size(row)
        if not is_plain(row, size):
            return False
        try:
            created = parse_created(row)
        except InvalidResponseError:
            # It is added as an undated point instead.
            return False
        self._collector.add_point_like(template, str(row["id"]), created, size)
        return True

    def _add_point(self, row: dict[str, t.Any], workload: Workload, *, is_continuous: bool) -> None:
        """Add a point whose fields identify its workload."""
        point = self._build_point(row, workload, is_continuous=is_continuous)
        if self._shared.health_checks.names_workload(workload):
            self._checked.setdefault(workload.key, []).append(self._shared.health_checks.locate(row, point))
            return
        if is_plain(row, parse_size(row)) and not self._include_raw and not is_continuous:
            self._templates.add(row, self._build_point(row, workload))
        self._collector.add_point(point)

    def _add_unassigned(self, unassigned: Sequence[tuple[dict[str, t.Any], bool]]) -> None:
        """Add points whose workload is unknown, or is one of several with the same name."""
        owners = self._find_owners([row for row, _is_continuous in unassigned])
        for row, is_continuous in unassigned:
            owner = owners.get(str(row["id"]))
            if owner is not None:
                self._add_point(row, owner, is_continuous=is_continuous)
                continue
            name = as_text(row.get(self.listing.name_field))
            point = self._build_point(row, self._workloads.build(None, name), is_continuous=is_continuous)
            if name is not None and point.usable is not False:
                # Two workloads may have this name, and each of them may have only some of these points.
                point.usable = None
                self._adapter.partial.warn(
                    f"some restore points ({self.listing.platform}) contain only the name of their workload, and "
                    "several workloads may have this name; whether the points are usable is unknown"
                )
            self._collector.add_point(point)

    def _build_point(
        self, row: Mapping[str, t.Any], workload: Workload, *, is_continuous: bool = False
    ) -> RecoveryPoint:
        return self._adapter.build_point(
            row,
            lambda record: parse_point(
                record,
                workload,
                home=self._workloads.get_region(workload),
                locations=self._shared.locations,
                encrypted=self._adapter.encrypted,
                repositories=self._shared.repositories,
                include_raw=self._include_raw,
                has_state=self._shared.has_state,
                is_continuous=is_continuous,
            ),
        )

    def _find_workload(self, row: dict[str, t.Any]) -> Workload | None:
        name = as_text(row.get(self.listing.name_field))
        if self.listing.id_field is None:
            return self._workloads.find_by_name(name)
        ident = as_text(row.get(self.listing.id_field))
        if ident is None or self.listing.platform != "azure_network":
            return None if ident is None else self._workloads.get_or_add(ident, name)
        region = get_region_name(row, self._shared.locations) or as_text(row.get("regionId"))
        if region is None:
            return None
        return self._workloads.get_or_add(f"{ident}/{region}", f"{name or ident}/{region}")

    # Points that do not name a workload, or that name one of several workloads with the same name

    def _find_owners(self, unassigned: Sequence[dict[str, t.Any]]) -> dict[str, Workload]:
        """Map point ids to workloads with one query per workload. Points that two workloads list are omitted."""
        if self.listing.id_field is not None or not self._has_names:
            return {}
        if not self._is_filter_honored():
            return {}
        wanted = {str(row["id"]): as_text(row.get(self.listing.name_field)) for row in unassigned}
        queried = self._workloads.list_candidates(set(wanted.values()))
        owners: dict[str, Workload] = {}
        ambiguous: set[str] = set()
        results = self._adapter.fetch_each(
            self._fetch_point_ids,
            queried,
            lambda workload: str(workload.id),
            self._list_workloads,
        )
        for workload, ids in results:
            if isinstance(ids, AuditError):
                self._adapter.partial.add_problem(ids, f"restore points of {workload.name!r}")
                continue
            for ident in ids or ():
                if ident in owners and owners[ident] is not workload:
                    # The server ignored the filter, and returned every point for every workload.
                    ambiguous.add(ident)
                if ident in wanted and wanted[ident] in (None, workload.name):
                    owners[ident] = workload
        if ambiguous:
            self._adapter.partial.warn(
                "the server does not distinguish workloads with the same name; "
                "their restore points are in one row without an id"
            )
        return {ident: workload for ident, workload in owners.items() if ident not in ambiguous}

    def _list_workloads(self) -> Rows | AuditError:
        """List the workloads again."""
        found: Rows = []
        for path in filter(None, (self.listing.protected, self.listing.inventory)):
            rows = self._adapter.fetch_optional_rows(path, f"workloads ({self.listing.platform})")
            if isinstance(rows, AuditError):
                return rows
            found += rows
        return found

    def _is_filter_honored(self) -> bool:
        """Query a machine that cannot exist: a server that ignores the filter returns points for it."""
        try:
            is_honored = not self._fetch_point_ids(_NONEXISTENT)
        except REQUEST_ERRORS as error:
            if error.status in (400, 404):
                return True
            self._adapter.partial.add_problem(error, "restore points of single workloads")
            return False
        if not is_honored:
            self._adapter.partial.warn(
                "the server ignores the workload filter; restore points of uncertain workloads have no workload id"
            )
        return is_honored

    def _fetch_point_ids(self, workload: Workload) -> list[str]:
        rows = self._adapter.rows(
            self.listing.points[0],
            f"restore points of {workload.name!r}",
            {"VirtualMachineId": str(workload.id)},
            SerialMapper(),
        )
        return [str(row["id"]) for row in rows]
