# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: restore points of virtual machines, SQL, file shares, Cosmos DB, virtual networks.

Sources: the vendor's OpenAPI 8.1, REST API references v1 to v8, help centre. The version stands in the path.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._auth import OAuth2Password
from ansible_collections.backup.audit.plugins.module_utils._errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._failures import (
    AnswerError,
    ForbiddenError,
    NotFoundError,
)
from ansible_collections.backup.audit.plugins.module_utils._loose import as_bool, as_int, as_object, as_text, items_of
from ansible_collections.backup.audit.plugins.module_utils._model import Workload
from ansible_collections.backup.audit.plugins.module_utils._paging import Inline, Mapper, Page, by_offset
from ansible_collections.backup.audit.plugins.module_utils._reading import Reading
from ansible_collections.backup.audit.plugins.module_utils._source import Settings, Source
from ansible_collections.backup.audit.plugins.module_utils._sources.veeam_azure_fields import point_of
from ansible_collections.backup.audit.plugins.module_utils._wall import Permit

_OAUTH = "/api/oauth2/token"
_PAGE = {"Offset": None, "Limit": None}
API_VERSIONS = ("v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v8.1")
DEFAULT_VERSION = "v8"
# Up to here all points stand in one listing, which names no workload.
_OLD_VERSIONS = ("v1", "v2", "v3")
_OLD_POINTS = "/restorePoints"


def _version_of(settings: Settings) -> str:
    return settings.own.get("api_version") or DEFAULT_VERSION


@dataclasses.dataclass(frozen=True)
class _Listing:
    """Where the points of one workload type are, which members name their workload, and where workloads are listed."""

    points: tuple[str, ...]
    id_member: str | None
    name_member: str
    protected: str | None
    inventory: str | None = None


_LISTINGS = {
    "vm": _Listing(
        ("/restorePoints/virtualMachines",),
        # A point of a virtual machine names it, but does not carry its id.
        None,
        "vmName",
        "/protectedItem/virtualMachines",
        "/virtualMachines",
    ),
    "database": _Listing(("/restorePoints/sql",), "databaseId", "databaseName", "/protectedItem/sql", "/databases"),
    "file_share": _Listing(
        ("/restorePoints/fileShares",), "fileShareId", "fileShareName", "/protectedItem/fileShares", "/fileShares"
    ),
    "cosmosdb": _Listing(
        ("/restorePoints/cosmosDb/repository", "/restorePoints/cosmosDb/continuous"),
        "accountId",
        "accountName",
        "/protectedItem/cosmosDb",
        "/cosmosDb",
    ),
    # One point covers all virtual networks of a subscription in a region, so that pair is the workload.
    "virtual_network": _Listing(("/restorePoints/vnets",), "subscriptionId", "subscriptionName", None),
}


def _permits() -> Iterator[Permit]:
    yield Permit("POST", _OAUTH)
    yield Permit("DELETE", _OAUTH)
    for version in API_VERSIONS:
        root = f"/api/{version}"
        yield Permit("GET", f"{root}/system/about")
        yield Permit("GET", f"{root}/repositories", _PAGE)
        yield Permit("GET", f"{root}{_OLD_POINTS}", _PAGE)
        for listing in _LISTINGS.values():
            for path in listing.points:
                yield Permit("GET", f"{root}{path}", {**_PAGE, "VirtualMachineId": None})
            # Sync=true would start a rescan, so it is not on the list.
            for path in filter(None, (listing.protected, listing.inventory)):
                yield Permit("GET", f"{root}{path}", _PAGE)


class VeeamAzure(Source):
    """Reads each listing of restore points as a whole and joins it to the protected items."""

    product = "veeam_azure"
    title = "Veeam Backup for Microsoft Azure"
    choice = "azure"
    environment = ("VEEAM_AZURE", "VEEAM")
    workload_types = tuple(_LISTINGS)
    permits = tuple(_permits())
    cannot_tell: t.ClassVar = {
        ("*", "*"): {
            "completed_at": ("cannot", "points carry only the time that can be restored"),
            "status": ("cannot", "that a backup ended with warnings is told by session, not by point"),
            "verified": ("cannot", "restore tests are run, and recorded, by Veeam Backup & Replication only"),
            "checked": ("cannot", "health checks are recorded by session, not by point"),
            "malware": ("cannot", "no scan result is kept with a point"),
            "expires_at": ("cannot", "retention is applied by policy; points carry no date"),
            "job": ("cannot", "points name the session that made them, not the policy"),
            "snapshot:offsite": ("estimated", "a snapshot lies beside the disk"),
            "snapshot:status": ("cannot", "the state of a snapshot is not applicable"),
            "snapshot:size_bytes": ("estimated", "some versions give the size of the whole disk, others 0"),
            "encrypted": ("estimated", "only where all repositories agree; needs a role that may read repositories"),
        },
        ("database", "*"): {
            "offsite": ("cannot", "points of databases carry no region"),
            "copies": ("cannot", "points of databases carry no region"),
        },
        ("file_share", "*"): {"immutable_until": ("cannot", "file shares have snapshots only, which are never locked")},
        ("vm", "v1-v3"): {
            "workload_id": ("cannot", "points name no virtual machine"),
            "workload_name": ("cannot", "points name no virtual machine"),
            "in_inventory": ("cannot", "points name no virtual machine"),
            "offsite": ("cannot", "points carry no region"),
            "copies": ("cannot", "points carry no region"),
            "status": ("cannot", "points carry no state"),
            "immutable": ("cannot", "points carry no immutability"),
            "immutable_until": ("cannot", "points carry no immutability"),
        },
        ("vm", "v4-v7"): {
            "offsite": ("cannot", "points are known to carry a region from v8 on"),
            "copies": ("cannot", "points are known to carry a region from v8 on"),
            "usable": ("cannot", "points are known to carry a state from v8 on"),
        },
        ("cosmosdb", "*"): {
            "continuous:immutable": ("cannot", "continuous backups are kept by Azure itself"),
            "continuous:offsite": ("cannot", "continuous backups are kept by Azure itself"),
        },
        ("vm", "v1-v2"): {"kind": ("cannot", "points do not say whether they are full or incremental")},
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """The part of the argument spec that only this product has."""
        return {"api_version": {"type": "str"}}

    @classmethod
    def check(cls, settings: Settings, names: tuple[str, ...]) -> None:
        """Versions that name no workload cannot be asked for names."""
        version = _version_of(settings)
        if version not in API_VERSIONS:
            raise OptionError(
                f"api_version: {cls.title} has no {version!r}", advice=f"It has {', '.join(API_VERSIONS)}"
            )
        if names and version in _OLD_VERSIONS:
            raise OptionError(
                f"names: API version {version} names no virtual machine in its restore points",
                advice="Leave names out, or use a newer api_version",
            )

    def open(self, reading: Reading) -> None:
        """Log in, and ask which version this is."""
        self._root = f"/api/{_version_of(self.settings)}"
        self.client.advise = _advice
        self._login = OAuth2Password(
            self.settings.username,
            self.settings.password,
            path=_OAUTH,
            grant="Password",
            refresh_grant="Refresh_token",
            mfa_advice="Use a user of the appliance without multi-factor authentication for unattended reading",
        )
        self._login.open(self.client)
        try:
            about = self.client.get(f"{self._root}/system/about").json_object()
            reading.version = as_text(about.get("serverVersion"))
        except (NotFoundError, ForbiddenError):
            # Version 1 has no such call and a restricted role may not make it; the listings will tell.
            reading.version = None

    def close(self) -> None:
        """Give the token back."""
        if hasattr(self, "_login"):
            self._login.close(self.client)

    def read(self, reading: Reading) -> None:
        """Every listing of the wanted workload types."""
        old = _version_of(self.settings) in _OLD_VERSIONS
        self._encrypted = self._common_encryption(reading)
        for workload_type in self.settings.workload_types:
            listing = _LISTINGS[workload_type]
            if old and workload_type == "vm":
                listing = dataclasses.replace(listing, points=(_OLD_POINTS,))
            try:
                _TypeReader(self, reading, workload_type, listing).read()
            except NotFoundError as error:
                if workload_type == "vm":
                    error.advice = (
                        "Set api_version to one that this appliance serves: 8.1 has v8.1 to v6, 8.0 v8 to v6, 7.0 v7 "
                        "to v5, 6.0 v6 to v4, 5.0 v5 to v3, 4.0 v4 to v2, 3.0 v3 and v2, 2.0 v2, 1.0 v1"
                    )
                    raise
                reading.scope[workload_type] = False
                reading.warnings.append(f"this API version has no restore points of type {workload_type}")

    def _common_encryption(self, reading: Reading) -> bool | None:
        """Whether all repositories encrypt, or none does; None where they differ or may not be read."""
        try:
            states = {as_bool(row.get("enableEncryption")) for row in self.rows("/repositories", "repositories")}
        except (ForbiddenError, NotFoundError):
            reading.scope["repositories"] = False
            return None
        reading.scope["repositories"] = True
        return states.pop() if len(states) == 1 else None

    def rows(
        self, path: str, what: str, params: Mapping[str, str] | None = None, mapper: Mapper | None = None
    ) -> Iterator[dict[str, t.Any]]:
        """All records of one listing, pages read in parallel unless ``mapper`` says otherwise."""

        def fetch(offset: int, limit: int) -> Page[t.Any]:
            query = {**(params or {}), "Offset": str(offset), "Limit": str(limit)}
            answer = self.client.get(self._root + path, query)
            body = answer.json_object()
            return Page(items_of(body, "results", answer.call, answer.server), as_int(body.get("totalCount")))

        def identity(row: t.Any) -> str:
            return str(as_object(row).get("id"))

        for items in by_offset(fetch, mapper or self.workers, self.settings.page_size, identity, what):
            for item in items:
                if not isinstance(item, dict) or as_text(item.get("id")) is None:
                    raise AnswerError(f"a record of {what} has no id", server=self.client.host)
                yield item

    @property
    def encrypted(self) -> bool | None:
        """What all readable repositories have in common."""
        return self._encrypted


def _advice(status: int, body: bytes) -> str | None:
    if status == 403 and b'"licenseAgreementAcceptanceRequired":true' in body.replace(b" ", b""):
        return "Somebody must accept the licence agreement in the appliance's web console first"
    return None


class _TypeReader:
    """Reads the points of one workload type and finds the workload of each."""

    def __init__(self, source: VeeamAzure, reading: Reading, workload_type: str, listing: _Listing) -> None:
        self._source = source
        self._reading = reading
        self._type = workload_type
        self._listing = listing
        self._workloads: dict[str, Workload] = {}
        self._regions: dict[str, str] = {}
        self._by_name: dict[str, list[Workload]] = {}

    def read(self) -> None:
        """Workloads first, then points; points that name no workload for certain are asked for workload by workload."""
        unseen = None
        if self._listing.points == (_OLD_POINTS,):
            # Points without names leave every workload unknown; listing them with 0 points would say "none".
            self._reading.scope["names"] = False
            self._say_once("this API version does not name the workloads of restore points, so they stand in one row")
        else:
            self._note_protected()
            unseen = self._note_inventory() if self._listing.inventory else None
        unplaced = []
        for path in self._listing.points:
            for row in self._source.rows(path, f"restore points ({self._type})"):
                workload = self._workload_of(row)
                if workload is None:
                    unplaced.append(row)
                else:
                    self._tell(row, workload)
        if unplaced:
            owners = self._owners(unplaced)
            for row in unplaced:
                name = as_text(row.get(self._listing.name_member))
                self._tell(row, owners.get(row["id"]) or Workload(name=name, type=self._type, platform="azure"))
        if unseen is not None:
            self._reading.scope["inventory"] = False
            self._say_once(f"the inventory could not be read, so unprotected workloads are not seen: {unseen.message}")

    def _tell(self, row: dict[str, t.Any], workload: Workload) -> None:
        self._reading.point(
            point_of(
                row,
                workload,
                region=self._regions.get(workload.id or ""),
                encrypted=self._source.encrypted,
                include_raw=self._source.settings.include_raw,
            )
        )

    # Workloads

    def _note_protected(self) -> None:
        if self._listing.protected is None:
            return
        try:
            for item in self._source.rows(self._listing.protected, f"protected items ({self._type})"):
                self._note(item)
        except (ForbiddenError, NotFoundError) as error:
            self._reading.warnings.append(f"protected items of type {self._type} could not be read: {error.message}")

    def _note_inventory(self) -> AuditError | None:
        """Which workloads still exist, and those that nothing protects; the error if the account may not see that."""
        protected = list(self._workloads.values())
        try:
            items = list(self._source.rows(self._listing.inventory or "", f"inventory ({self._type})"))
        except (ForbiddenError, NotFoundError) as error:
            for workload in protected:
                self._reading.workload(workload)
            return error
        self._reading.scope.setdefault("inventory", True)
        for workload in protected:
            workload.in_inventory = False
        for item in items:
            workload = self._note(item)
            workload.in_inventory = not as_bool(item.get("isDeleted"))
            if workload.in_inventory and self._source.settings.include_unprotected:
                self._reading.workload(workload)
        for workload in protected:
            self._reading.workload(workload)
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
        if self._listing.id_member is not None or self._listing.points == (_OLD_POINTS,):
            return {}
        names = {as_text(row.get(self._listing.name_member)) for row in unplaced}
        asked = [
            workload
            for name, workloads in self._by_name.items()
            if None in names or name in names
            for workload in workloads
            if self._reading.wants(workload)
        ]
        wanted = {row["id"]: as_text(row.get(self._listing.name_member)) for row in unplaced}
        owners: dict[str, Workload] = {}
        disputed: set[str] = set()
        for workload, ids in self._source.workers.map(self._ids_of, asked):
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

    def _ids_of(self, workload: Workload) -> list[str]:
        rows = self._source.rows(
            self._listing.points[0],
            f"restore points of {workload.name!r}",
            {"VirtualMachineId": str(workload.id)},
            Inline(),
        )
        return [row["id"] for row in rows]
