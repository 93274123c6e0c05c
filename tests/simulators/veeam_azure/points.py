# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points in the format of Veeam Backup for Microsoft Azure: one builder per list, and the
fields of each version of the API.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulators.ground_truth import Copy, CopyRule, Location, Point, Run, Workload, as_datetime
from tests.simulators.product_api import ProductApi

Row = dict[str, Any]

# Placeholder for the requested version in encoded items; replaced when a page is built.
VERSION_MARK = "@version@"
VERSIONS = {"v1": 1, "v2": 2, "v3": 3, "v4": 4, "v5": 5, "v6": 6, "v7": 7, "v8": 8, "v8.1": 8}
_DISPLAY_NAMES = {
    "germanynorth": "Germany North",
    "germanywestcentral": "Germany West Central",
    "northcentralus": "North Central US",
    "westeurope": "West Europe",
}
# Values that the documentation of the first versions declares as lists.
_LISTED_WORDS = ("backupDestination", "gfsFlags", "type", "dataRetrievalStatus")
# First version that has a field. If only a range is known, the latest possible version is used.
_SINCE = {
    "vbrId": 2,
    "gfsFlags": 2,
    "jobSessionId": 2,
    "type": 3,
    "dataRetrievalStatus": 3,
    "retrievedDataExpirationDate": 3,
    "notifyBeforeRetrievedDataExpirationHours": 3,
    "immutableTill": 5,
    "accessTier": 5,
    "isCorrupted": 6,
    "state": 6,
    "vmName": 6,
    "resourceHashId": 6,
    "regionId": 6,
    "regionName": 6,
    "pointInTimeLocalTime": 8,
    "latestChainSizeBytes": 8,
}
_LISTS = {
    "vm": "virtualMachines",
    "sql": "sql",
    "file_share": "fileShares",
    "mongo": "cosmosDb/repository",
    "continuous": "cosmosDb/continuous",
    "virtual_network": "vnets",
}


def azure_time(moment: int, digit: int = 0) -> str:
    """Format a time as .NET does, with 100 ns resolution and without trailing zeros."""
    fraction = f"{moment % 1_000_000:06}{digit}".rstrip("0")
    return as_datetime(moment).isoformat()[:19] + (f".{fraction}" if fraction else "") + "Z"


def best_copy(copies: tuple[Copy, ...]) -> Copy:
    """Return the best protected copy, because a point has only one location here."""
    home = copies[0].location.site
    return max(copies, key=lambda copy: (copy.immutable_until is not None, copy.location.site is not home))


def best_rule(rules: tuple[CopyRule, ...]) -> CopyRule:
    home = rules[0].location.site
    return max(rules, key=lambda rule: (rule.immutable_days > 0, rule.location.site is not home))


def get_list_name(work: Workload, point: Point) -> str:
    if point.kind == "continuous":
        return _LISTS["continuous"]
    return _LISTS[work.platform_hint if work.workload_type == "database" else work.workload_type]


def session_type(work: Workload, kind: str) -> str:
    """Return the type of the job session that created the point."""
    if work.workload_type == "database":
        return "SqlPolicyBackup" if work.platform_hint == "sql" else "MongoDbPolicyBackup"
    if work.workload_type == "virtual_network":
        return "VnetPolicyBackup"
    if work.workload_type == "file_share":
        return "FileSharePolicySnapshot"
    return {"snapshot": "PolicySnapshot", "archive": "PolicyArchive"}.get(kind, "PolicyBackup")


class Points:
    """Builds the items of every point list in the format of v8.1; `item` reduces them to an older version."""

    def __init__(self, api: ProductApi, own_url: str) -> None:
        self.api = api
        self.own_url = own_url
        self._sessions: dict[tuple[str, str], str] = {}
        self._regions: dict[str, str] = {}

    def point_id(self, point: Point) -> str:
        return self.api.fixed(point.key) or self.api.uuid(point.key)

    def workload_id(self, work: Workload) -> str:
        """Return a string that is not a UUID. Networks are backed up per subscription and region, without an id."""
        if work.workload_type == "virtual_network":
            return f"{self.api.uuid('subscription')}/{work.site.region}"
        return self.api.digest(work.key)

    def session_id(self, run: Run, kind: str) -> str:
        if (run.key, kind) not in self._sessions:
            self._sessions[run.key, kind] = self.api.uuid(f"session:{run.key}:{kind}")
        return self._sessions[run.key, kind]

    def session_number(self, session_id: str, run: Run) -> int:
        """Return the number of a session, because version 1 numbers its sessions (jobSessions/7)."""
        fixed = self.api.fixed(run.key)
        return int(fixed) if fixed is not None else int(session_id[:8], 16)

    def region_id(self, region: str) -> str:
        if region not in self._regions:
            self._regions[region] = self.api.uuid(f"region:{region}")
        return self._regions[region]

    def region_name(self, region: str) -> str:
        """The name of a region in points and repositories: its spelling there is not known."""
        return _DISPLAY_NAMES[region] if self.api.text("region_names") == "display" else region

    def item(self, work: Workload, point: Point, version: int) -> Row:
        row = self._build_item(work, point)
        for name, first in _SINCE.items():
            if version < first:
                row.pop(name, None)
        return self._adapt_to_old_version(work, point, row, version) if version < 4 else row

    def _adapt_to_old_version(self, work: Workload, point: Point, row: Row, version: int) -> Row:
        """Up to v3: null fields are omitted, a snapshot does not have a type, and _embeddedResources are present."""
        kept = {name: value for name, value in row.items() if value is not None}
        if point.kind == "snapshot":
            for name in ("type", "dataRetrievalStatus"):
                kept.pop(name, None)
        if version == 1 and "backupSizeBytes" in kept:
            # The documented v1 response reports the size of the entire disk for every point.
            size = work.source_bytes
            kept["backupSizeBytes"] = str(size) if self.api.flag("sizes_as_text") else size
        if version == 3:
            kept["usn"] = int(self.api.digest(point.key)[:3], 16)
        session = self.session_id(point.run, session_type(work, point.kind))
        number = self.session_number(session, point.run) if version == 1 else session
        if self.api.text("words") == "lists":
            kept.update({name: kept[name].split(", ") for name in _LISTED_WORDS if name in kept})
        kept["_embeddedResources"] = {}
        kept["_links"] = {
            "self": self._link(f"restorePoints/{point_path(work, point, version)}{self.point_id(point)}"),
            "BackupJob": self._link(f"jobSessions/{number}"),
        }
        return kept

    def _link(self, path: str) -> dict[str, str]:
        return {"href": f"{self.own_url}/api/{VERSION_MARK}/{path}"}

    def _build_item(self, work: Workload, point: Point) -> Row:
        build = {
            "virtualMachines": self._vm,
            "sql": self._sql,
            "fileShares": self._file_share,
            "cosmosDb/repository": self._cosmos,
            "cosmosDb/continuous": self._continuous,
            "vnets": self._networks,
        }[get_list_name(work, point)]
        row = build(work, point)
        row["_links"] = {"self": self._link(f"restorePoints/{get_list_name(work, point)}/{self.point_id(point)}")}
        return row

    def _common_fields(self, work: Workload, point: Point) -> Row:
        digit = 0 if self.api.fixed(point.key) else int(self.api.digest(point.key)[0], 16) % 10
        backup = point.kind not in ("snapshot", "continuous")
        corrupted = backup and not point.usable and self.api.text("corruption") == "marked"
        return {
            "id": self.point_id(point),
            "type": {"incremental": "Incremental", "continuous": "Continuous"}.get(point.kind, "Full"),
            "pointInTime": azure_time(point.created_at, digit),
            "isCorrupted": corrupted if backup else None,
            "gfsFlags": ", ".join(name.capitalize() for name in point.retention) or "None",
            "state": ("Corrupted" if corrupted else "Ok") if backup else "NotApplicable",
            "jobSessionId": self.session_id(point.run, session_type(work, point.kind)),
        }

    def _repository_fields(self, work: Workload, point: Point) -> Row:
        """Return fields of points in a repository; snapshots of machines have the same fields with empty values."""
        snapshot = point.kind == "snapshot"
        until = None if snapshot else best_copy(point.copies).immutable_until
        tier = None if snapshot else "Archive" if point.kind == "archive" else "Hot"
        return {
            "vbrId": None,
            # A snapshot's size must not be summed: 0 since v2, the entire disk in v1.
            "backupSizeBytes": 0 if snapshot else point.size_bytes,
            "dataRetrievalStatus": "None",
            "retrievedDataExpirationDate": None,
            "notifyBeforeRetrievedDataExpirationHours": None,
            "immutableTill": None if until is None else azure_time(until),
            "accessTier": tier,
            "latestChainSizeBytes": None if snapshot else point.size_bytes,
        }

    def _vm(self, work: Workload, point: Point) -> Row:
        region = work.site.region if point.kind == "snapshot" else best_copy(point.copies).location.site.region
        destination = "Snapshot" if point.kind == "snapshot" else "AzureBlob"
        local = as_datetime(point.created_at).astimezone(ZoneInfo(work.site.timezone))
        same_id = self.api.text("resource_hash") == "vm"
        return {
            **self._common_fields(work, point),
            **self._repository_fields(work, point),
            "pointInTimeLocalTime": local.isoformat(),
            "vmName": work.name,
            "resourceHashId": self.workload_id(work) if same_id else self.api.digest(f"hash:{point.key}"),
            "regionId": self.region_id(region),
            "regionName": self.region_name(region),
            "backupDestination": self.api.fixed(f"{point.key}:destination") or destination,
        }

    def _sql(self, work: Workload, point: Point) -> Row:
        return {
            **self._common_fields(work, point),
            **self._repository_fields(work, point),
            "databaseId": self.workload_id(work),
            "databaseName": work.name,
            "sqlServerId": self.api.uuid(f"sqlserver:{work.site.key}"),
            "sqlServerName": f"sql-{work.site.key}",
            "backupDestination": "AzureBlob",
        }

    def _file_share(self, work: Workload, point: Point) -> Row:
        return {
            **self._common_fields(work, point),
            "indexed": False,
            "fileShareId": self.workload_id(work),
            "fileShareName": work.name,
            "regionId": self.region_id(work.site.region),
            "regionName": self.region_name(work.site.region),
            "backupDestination": "Snapshot",
            "sizeInBytes": point.size_bytes,
        }

    def _cosmos(self, work: Workload, point: Point) -> Row:
        return {
            **self._common_fields(work, point),
            **self._repository_fields(work, point),
            "accountName": work.name,
            "accountId": self.workload_id(work),
            "backupDestination": "AzureBlob",
            "subscriptionId": self.api.uuid("subscription"),
            "subscriptionName": "Production",
            "tenantId": self.api.uuid("tenant"),
            "tenantName": "Example",
            "regionName": work.site.region,
            "resourceGroupName": f"rg-{work.site.key}",
        }

    def _networks(self, work: Workload, point: Point) -> Row:
        """Build a point of the configuration of all networks of one subscription in one region."""
        return {
            **self._common_fields(work, point),
            "vbrId": None,
            "azureAccountId": self.api.uuid("service-account"),
            "subscriptionId": self.api.uuid("subscription"),
            "subscriptionName": work.name,
            "regionId": self.region_id(work.site.region),
            "regionName": work.site.region,
            "backupDestination": "Database",
            "sizeInBytes": point.size_bytes,
            "latestChainSizeBytes": point.size_bytes,
            "changes": None,
            "immutableTill": None,
        }

    def _continuous(self, work: Workload, point: Point) -> Row:
        """Build a continuous backup, without destination, state and immutability."""
        row = self._common_fields(work, point)
        del row["state"]
        return {**row, "accountName": work.name, "accountId": self.workload_id(work), "dataRetrievalStatus": "None"}


def point_path(work: Workload, point: Point, version: int) -> str:
    """Return the path of points. Up to v3 the points of machines are directly below /restorePoints."""
    name = get_list_name(work, point)
    return "" if name == "virtualMachines" and version < 4 else f"{name}/"


def point_repository(point: Point) -> str:
    """Return the key of the repository that contains this point."""
    copy = best_copy(point.copies)
    return repository_key(copy.location, copy.encrypted, copy.immutable_until is not None)


def repository_key(location: Location, encrypted: bool, immutable: bool) -> str:
    parts = [location.name, *(["encrypted"] if encrypted else []), *(["immutable"] if immutable else [])]
    return "-".join(parts)


def time_span(microseconds: int) -> str:
    """Format executionDuration, a .NET time span: [d.]hh:mm:ss[.fffffff]."""
    return str(timedelta(seconds=microseconds // 1_000_000)).rjust(8, "0")
