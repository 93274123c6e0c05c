# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: parse records to workloads and points. Fields: the vendor's OpenAPI 1.1 to 1.3."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.repositories import (
    Backup,
    Location,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import (
    infer_offsite,
    is_undated,
    parse_point_time,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import IdIndex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RETENTION, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import add_days, parse_time
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import parse_platform as parse_term
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_list,
    as_text,
    remove_secrets,
)

NO_ID = "00000000-0000-0000-0000-000000000000"
_NO_OBJECT = frozenset({None, NO_ID})
REPLICA = "vm_replica"
WORKLOAD_TYPES = ("vm", "physical", "file_share", "database", "directory", REPLICA, "other")

# Platform -> type of its workloads.
_TYPES = {
    **dict.fromkeys(
        ("vmware", "vmware_cloud_director", "hyperv", "proxmox", "nutanix_ahv", "ovirt", "openstack"), "vm"
    ),
    **dict.fromkeys(("openshift_virtualization", "xen", "kvm", "scale_computing", "huawei_fusioncompute"), "vm"),
    **dict.fromkeys(("aws_ec2", "azure_vm", "gcp"), "vm"),
    **dict.fromkeys(("windows", "linux", "macos", "unix"), "physical"),
    "nas": "file_share",
    **dict.fromkeys(("mongodb", "iris", "postgresql", "mysql", "mssql", "oracle", "db2", "sap_hana"), "database"),
    "entra_id": "directory",
}
# Values of platformName that are not platforms -> type of workload.
_TYPES_BY_TERM = {"applicationbackuprepository": "database"}
_KINDS = {
    "full": "full",
    "increment": "incremental",
    "rollback": "incremental",
    "snapshot": "snapshot",
    "cdp": "replica",
}
_MALWARE = {"clean": "clean", "suspicious": "suspicious", "infected": "infected"}
_BUSY = frozenset(
    {"processing", "surebackup", "failover", "failedfailover", "permanentfailover", "failback", "readytoswitch"}
)
# Number of bits for the owner in the 31-bit value of the IdIndex. The others are the retention bits.
_OWNER_BITS = 31 - len(RETENTION)


class File(t.NamedTuple):
    """A backup file: its size if it has only one point, its retention and its owner.

    ``owner`` is the short hash of the only object that the file refers to; None if it refers to none or several.
    """

    size: int | None
    retention: tuple[str, ...]
    owner: int | None = None


@dataclasses.dataclass(frozen=True)
class Scan:
    """The last finished scan of one point."""

    infected: bool
    ended: int | None

    def supersedes(self, other: Scan) -> bool:
        """Return whether this scan is later. If that is not known, a scan that found malware takes precedence."""
        if self.ended is None or other.ended is None or self.ended == other.ended:
            return self.infected
        return self.ended > other.ended


# Workloads


def parse_workload(row: Mapping[str, t.Any]) -> Workload:
    """Parse a backup object."""
    term = as_text(row.get("platformName"))
    kind, platform = parse_platform(term)
    if kind == "other" and as_text(row.get("type")) == "VM":
        kind = "vm"
    name = as_text(row.get("name"))
    return Workload(id=as_text(row.get("id")), name=name, type=kind, platform=platform, vendor_platform=term)


@functools.lru_cache(maxsize=1000)
def parse_platform(term: str | None) -> tuple[str, str | None]:
    """Parse platformName to (workload type, platform). Old revisions have other names for some platforms."""
    platform = parse_term(term)
    return _TYPES.get(platform or "") or _TYPES_BY_TERM.get((term or "").casefold(), "other"), platform


# Files and scans


def parse_file(row: Mapping[str, t.Any]) -> File:
    """Parse a backup file. If it has several points, its size is not the size of a point."""
    points = row.get("restorePointIds")
    alone = isinstance(points, list) and len(points) == 1
    objects = {as_text(ident) for ident in (*as_list(row.get("objectIds")), row.get("objectId"))} - _NO_OBJECT
    owner = short_hash(objects.pop()) if len(objects) == 1 else None
    return File(as_int(row.get("backupSize")) if alone else None, parse_retention(row.get("gfsPeriods")), owner)


def short_hash(ident: str | None) -> int:
    """Return a short hash of a backup object's id, which is never 0."""
    return hash(ident) % ((1 << _OWNER_BITS) - 1) + 1


class Files:
    """The files of one backup by id."""

    def __init__(self, rows: Iterable[Mapping[str, t.Any]]) -> None:
        self._index = IdIndex()
        for row in rows:
            file = parse_file(row)
            bits = sum(1 << RETENTION.index(name) for name in file.retention)
            self._index.add(str(row["id"]), file.size, bits | (file.owner or 0) << len(RETENTION))
        self._index.finalize()

    def get(self, ident: str) -> File | None:
        """Return a file, or None if it is not listed."""
        found = self._index.get(hash(ident))
        if found is None:
            return None
        size, value, _alone = found
        return File(size, _RETENTIONS[value % len(_RETENTIONS)], value >> len(RETENTION) or None)


# The retention classes for each combination of bits.
_RETENTIONS = [
    tuple(name for bit, name in enumerate(RETENTION) if value & 1 << bit) for value in range(1 << len(RETENTION))
]


def parse_retention(periods: t.Any) -> tuple[str, ...]:
    """Parse gfsPeriods: None, Weekly, Monthly, Quarterly, Yearly."""
    if periods == ["None"]:
        # The value of most files.
        return ()
    names = {term.casefold() for term in as_list(periods) if isinstance(term, str)}
    return tuple(name for name in RETENTION if name in names)


def parse_scan(row: Mapping[str, t.Any]) -> Scan | None:
    """Parse a finished antivirus task. Return None if it has no result."""
    result = (as_text(row.get("scanResult")) or "").casefold()
    state = (as_text(row.get("scanState")) or "").casefold()
    if result not in ("clean", "infected") or state != "finished":
        return None
    return Scan(result == "infected", parse_offset_time(row.get("endTime")))


def parse_offset_time(value: t.Any) -> int | None:
    """Parse a time with an offset. Return None without an offset, because it is in the server's unknown local time."""
    try:
        return parse_time(value)
    except DataError:
        return None


# Points


def parse_point(
    row: Mapping[str, t.Any],
    workload: Workload,
    backup: Backup | None,
    file: File | None,
    scan: Scan | None,
    *,
    has_operations: bool,
    include_raw: bool,
) -> RecoveryPoint:
    """Parse a restore point. ``has_operations``: this revision lists the operations that are allowed for a point."""
    kind = _KINDS.get((as_text(row.get("type")) or "").casefold())
    if kind is None:
        # The listing contains backups and snapshots, and some points do not have a type.
        kind = "backup" if _is_backup(row, backup) else "unknown"
    offered = bool(as_list(row.get("allowedOperations"))) or not has_operations
    point = RecoveryPoint(
        id=_parse_id(row),
        workload=workload,
        created=parse_created(row),
        kind=kind,
        usable=True if offered and kind != "unknown" else None,
        malware=_MALWARE.get((as_text(row.get("malwareStatus")) or "").casefold()),
        retention=parse_retention(row.get("gfsPeriods")) if "gfsPeriods" in row else (),
        raw={"records": [remove_secrets(dict(row))]} if include_raw else None,
    )
    if file is not None:
        point.size_bytes = file.size
        point.retention = file.retention or point.retention
    if backup is not None:
        point.job = backup.job
        _apply_backup(point, backup, parse_platform(as_text(row.get("platformName")))[1])
    if scan is not None:
        if scan.infected:
            point.malware = "infected"
        else:
            point.integrity_checked, point.checked_at, point.checked_by = True, scan.ended, "scan"
    return point


def _is_backup(row: Mapping[str, t.Any], backup: Backup | None) -> bool:
    """Return whether a point without a type is certainly in a backup file or a repository."""
    if as_text(row.get("backupFileId")) not in _NO_OBJECT:
        return True
    if parse_platform(as_text(row.get("platformName")))[0] == "file_share":
        return True
    return backup is not None and backup.location is not None and backup.location.holds_only_backups


def _apply_backup(point: RecoveryPoint, backup: Backup, platform: str | None) -> None:
    """Set the location of the point, and values inferred from the settings of the repository and the job."""
    location = backup.location or Location()
    until = None
    if location.locked and location.locked_days and not is_undated(point.created):
        until = add_days(point.created, location.locked_days)
    offsite = infer_offsite(location.clouds, point.workload.platform, platform)
    copy, point.inferred = backup.build_copy(offsite, until)
    point.copies = [copy]
    point.encrypted, point.offsite = copy.encrypted, copy.offsite
    point.immutable_until = until
    # A lock with a date may have ended; a lock without a date lasts as long as the point is kept.
    point.immutable = None if location.locked_days else location.locked


def parse_replica_point(row: Mapping[str, t.Any], workload: Workload, include_raw: bool) -> RecoveryPoint:
    """Parse a restore point of a snapshot replica. In any state but Ready the replica is in use or incomplete."""
    state = (as_text(row.get("state")) or "").casefold()
    return RecoveryPoint(
        id=_parse_id(row),
        workload=workload,
        created=parse_created(row),
        kind="replica",
        usable=True if state == "ready" else False if state in _BUSY else None,
        malware=_MALWARE.get((as_text(row.get("malwareStatus")) or "").casefold()),
        raw={"records": [remove_secrets(dict(row))]} if include_raw else None,
    )


def parse_created(row: Mapping[str, t.Any]) -> int:
    """Parse the time that can be restored."""
    try:
        return parse_point_time(row.get("creationTime"))
    except DataError as error:
        raise InvalidResponseError(
            f"restore point {as_text(row.get('id'))} has no creationTime with an offset: {row.get('creationTime')!r}",
            hint="The response format of this server version is not supported. Please report it",
        ) from error


def _parse_id(row: Mapping[str, t.Any]) -> str:
    ident = as_text(row.get("id"))
    if ident is None:
        raise InvalidResponseError(
            "a restore point has no id", hint="Please report this response with the version of the server"
        )
    return ident
