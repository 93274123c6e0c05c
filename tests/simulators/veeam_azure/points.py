# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points in the words of Veeam Backup for Microsoft Azure (facts 3 to 5): one builder per list, and which
members each version of the API has.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulators.ground_truth import Copy, CopyRule, Location, Point, Run, Workload, as_datetime
from tests.simulators.product_api import Dialect

Row = dict[str, Any]

# Stands in written items for the version that is asked for; a page puts it in.
VERSION_MARK = "@version@"
VERSIONS = {"v1": 1, "v2": 2, "v3": 3, "v4": 4, "v5": 5, "v6": 6, "v7": 7, "v8": 8, "v8.1": 8}
# First version that has a member (facts 5). Where the facts only bound it, the latest possible one is taken.
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
    """.NET counts in 100 ns and drops trailing zeros: five to seven digits in practice."""
    fraction = f"{moment % 1_000_000:06}{digit}".rstrip("0")
    return as_datetime(moment).isoformat()[:19] + (f".{fraction}" if fraction else "") + "Z"


def best_copy(copies: tuple[Copy, ...]) -> Copy:
    """A point lies in ONE place here; a truth with several copies is shown where it is protected best."""
    home = copies[0].location.site
    return max(copies, key=lambda copy: (copy.immutable_until is not None, copy.location.site is not home))


def best_rule(rules: tuple[CopyRule, ...]) -> CopyRule:
    home = rules[0].location.site
    return max(rules, key=lambda rule: (rule.immutable_days > 0, rule.location.site is not home))


def list_of(work: Workload, point: Point) -> str:
    if point.kind == "continuous":
        return _LISTS["continuous"]
    return _LISTS[work.platform_hint if work.workload_type == "database" else work.workload_type]


def session_type(work: Workload, kind: str) -> str:
    """What the job session that made the point is called."""
    if work.workload_type == "database":
        return "SqlPolicyBackup" if work.platform_hint == "sql" else "MongoDbPolicyBackup"
    if work.workload_type == "virtual_network":
        return "VnetPolicyBackup"
    if work.workload_type == "file_share":
        return "FileSharePolicySnapshot"
    return {"snapshot": "PolicySnapshot", "archive": "PolicyArchive"}.get(kind, "PolicyBackup")


class Points:
    """Builds the items of every point list in the words of v8.1; `item` cuts them down to an older version."""

    def __init__(self, dialect: Dialect, own_url: str) -> None:
        self.dialect = dialect
        self.own_url = own_url
        self._sessions: dict[tuple[str, str], str] = {}
        self._regions: dict[str, str] = {}

    def point_id(self, point: Point) -> str:
        return self.dialect.fixed(point.key) or self.dialect.uuid(point.key)

    def workload_id(self, work: Workload) -> str:
        """A string, and no UUID (facts 4). Networks are backed up per subscription and region, and have no id."""
        if work.workload_type == "virtual_network":
            return f"{self.dialect.uuid('subscription')}/{work.site.region}"
        return self.dialect.digest(work.key)

    def session_id(self, run: Run, kind: str) -> str:
        if (run.key, kind) not in self._sessions:
            self._sessions[run.key, kind] = self.dialect.uuid(f"session:{run.key}:{kind}")
        return self._sessions[run.key, kind]

    def session_number(self, session_id: str, run: Run) -> int:
        """Version 1 counts its sessions (facts 5: jobSessions/7)."""
        fixed = self.dialect.fixed(run.key)
        return int(fixed) if fixed is not None else int(session_id[:8], 16)

    def region_id(self, region: str) -> str:
        if region not in self._regions:
            self._regions[region] = self.dialect.uuid(f"region:{region}")
        return self._regions[region]

    def item(self, work: Workload, point: Point, version: int) -> Row:
        row = self._full(work, point)
        for name, first in _SINCE.items():
            if version < first:
                row.pop(name, None)
        return self._old(work, point, row, version) if version < 4 else row

    def _old(self, work: Workload, point: Point, row: Row, version: int) -> Row:
        """Up to v3: null members are left out, a snapshot has no type, and there are _embeddedResources."""
        kept = {name: value for name, value in row.items() if value is not None}
        if point.kind == "snapshot":
            for name in ("type", "dataRetrievalStatus"):
                kept.pop(name, None)
        if version == 1 and "backupSizeBytes" in kept:
            # the documented v1 answer gives every point the size of the whole disk
            size = work.source_bytes
            kept["backupSizeBytes"] = str(size) if self.dialect.flag("sizes_as_text") else size
        if version == 3:
            kept["usn"] = int(self.dialect.digest(point.key)[:3], 16)
        session = self.session_id(point.run, session_type(work, point.kind))
        number = self.session_number(session, point.run) if version == 1 else session
        kept["_embeddedResources"] = {}
        kept["_links"] = {
            "self": self._link(f"restorePoints/{point_path(work, point, version)}{self.point_id(point)}"),
            "BackupJob": self._link(f"jobSessions/{number}"),
        }
        return kept

    def _link(self, path: str) -> dict[str, str]:
        return {"href": f"{self.own_url}/api/{VERSION_MARK}/{path}"}

    def _full(self, work: Workload, point: Point) -> Row:
        build = {
            "virtualMachines": self._vm,
            "sql": self._sql,
            "fileShares": self._file_share,
            "cosmosDb/repository": self._cosmos,
            "cosmosDb/continuous": self._continuous,
            "vnets": self._networks,
        }[list_of(work, point)]
        row = build(work, point)
        row["_links"] = {"self": self._link(f"restorePoints/{list_of(work, point)}/{self.point_id(point)}")}
        return row

    def _shared(self, work: Workload, point: Point) -> Row:
        digit = 0 if self.dialect.fixed(point.key) else int(self.dialect.digest(point.key)[0], 16) % 10
        backup = point.kind not in ("snapshot", "continuous")
        corrupted = backup and not point.usable
        return {
            "id": self.point_id(point),
            "type": {"incremental": "Incremental", "continuous": "Continuous"}.get(point.kind, "Full"),
            "pointInTime": azure_time(point.created_at, digit),
            "isCorrupted": corrupted if backup else None,
            "gfsFlags": ", ".join(name.capitalize() for name in point.retention) or "None",
            "state": ("Corrupted" if corrupted else "Ok") if backup else "NotApplicable",
            "jobSessionId": self.session_id(point.run, session_type(work, point.kind)),
        }

    def _stored(self, work: Workload, point: Point) -> Row:
        """What only points in a repository have; VM snapshots carry the same members, empty."""
        snapshot = point.kind == "snapshot"
        until = None if snapshot else best_copy(point.copies).immutable_until
        tier = None if snapshot else "Archive" if point.kind == "archive" else "Hot"
        return {
            "vbrId": None,
            # a snapshot's size is nothing to add up: 0 since v2, the whole disk in v1 (facts 4)
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
        same_id = self.dialect.text("resource_hash") == "vm"
        return {
            **self._shared(work, point),
            **self._stored(work, point),
            "pointInTimeLocalTime": local.isoformat(),
            "vmName": work.name,
            "resourceHashId": self.workload_id(work) if same_id else self.dialect.digest(f"hash:{point.key}"),
            "regionId": self.region_id(region),
            "regionName": region,
            "backupDestination": self.dialect.fixed(f"{point.key}:destination") or destination,
        }

    def _sql(self, work: Workload, point: Point) -> Row:
        return {
            **self._shared(work, point),
            **self._stored(work, point),
            "databaseId": self.workload_id(work),
            "databaseName": work.name,
            "sqlServerId": self.dialect.uuid(f"sqlserver:{work.site.key}"),
            "sqlServerName": f"sql-{work.site.key}",
            "backupDestination": "AzureBlob",
        }

    def _file_share(self, work: Workload, point: Point) -> Row:
        return {
            **self._shared(work, point),
            "indexed": False,
            "fileShareId": self.workload_id(work),
            "fileShareName": work.name,
            "regionId": self.region_id(work.site.region),
            "regionName": work.site.region,
            "backupDestination": "Snapshot",
            "sizeInBytes": point.size_bytes,
        }

    def _cosmos(self, work: Workload, point: Point) -> Row:
        return {
            **self._shared(work, point),
            **self._stored(work, point),
            "accountName": work.name,
            "accountId": self.workload_id(work),
            "backupDestination": "AzureBlob",
            "subscriptionId": self.dialect.uuid("subscription"),
            "subscriptionName": "Production",
            "tenantId": self.dialect.uuid("tenant"),
            "tenantName": "Example",
            "regionName": work.site.region,
            "resourceGroupName": f"rg-{work.site.key}",
        }

    def _networks(self, work: Workload, point: Point) -> Row:
        """The configuration of all networks of one subscription in one region (facts 4)."""
        return {
            **self._shared(work, point),
            "vbrId": None,
            "azureAccountId": self.dialect.uuid("service-account"),
            "subscriptionId": self.dialect.uuid("subscription"),
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
        """No destination, no state, no immutability (facts 4)."""
        row = self._shared(work, point)
        del row["state"]
        return {**row, "accountName": work.name, "accountId": self.workload_id(work), "dataRetrievalStatus": "None"}


def point_path(work: Workload, point: Point, version: int) -> str:
    """Up to v3 the points of VMs hang directly under /restorePoints (facts 5)."""
    name = list_of(work, point)
    return "" if name == "virtualMachines" and version < 4 else f"{name}/"


def repository_key(location: Location, encrypted: bool, immutable: bool) -> str:
    words = [location.name, *(["encrypted"] if encrypted else []), *(["immutable"] if immutable else [])]
    return "-".join(words)


def time_span(microseconds: int) -> str:
    """executionDuration is a .NET time span: [d.]hh:mm:ss[.fffffff]"""
    return str(timedelta(seconds=microseconds // 1_000_000)).rjust(8, "0")
