# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: one record -> one recovery point. Fields: the vendor's OpenAPI 8.1, help centre."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RETENTION, Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_text,
    scrubbed,
)

_SNAPSHOTS = frozenset({"Snapshot", "ManualSnapshot", "ImportedSnapshot"})
_BACKUPS = frozenset({"AzureBlob", "ManualBackup"})
# What is the same for most points of a workload, and decides all but id, time and size (see is_plain).
ALIKE = ("type", "state", "accessTier", "gfsFlags", "regionName", "backupDestination")
_BACKUP_KINDS = {"Full": "full", "Incremental": "incremental", "Continuous": "continuous"}


def point_of(
    row: Mapping[str, t.Any],
    workload: Workload,
    *,
    region: str | None,
    encrypted: bool | None,
    include_raw: bool,
) -> RecoveryPoint:
    """One record of any of the restore point listings.

    ``region`` is where the workload lives, ``encrypted`` what all readable repositories have in common.
    """
    kind, in_repository = _kind(row, workload.type)
    corrupted = as_bool(row.get("isCorrupted"))
    state = as_text(row.get("state"))
    damaged = corrupted is True or state == "Corrupted"
    copy = _copy(row, in_repository, region)
    point = RecoveryPoint(
        id=str(row["id"]),
        workload=workload,
        created=created_of(row),
        kind=kind,
        status="failed" if damaged else "success" if corrupted is False or state == "Ok" else "unknown",
        # A point whose destination is not known may be a snapshot, which is no backup.
        usable=False if damaged else None if in_repository is None and kind != "continuous" else True,
        size_bytes=size_of(row),
        copies=None if copy is None else [copy],
        offsite=copy.offsite if copy is not None else False if in_repository is False else None,
        retention=_retention(row.get("gfsFlags")),
        raw=scrubbed(dict(row)) if include_raw else None,
    )
    if kind == "snapshot" or in_repository is None:
        # The size of a snapshot is that of the disk in some versions and 0 in others: no bytes of its own.
        point.size_bytes = point.size_bytes or None
    if kind == "snapshot":
        point.estimated = ("size_bytes",) if point.size_bytes else ()
    if in_repository is False:
        # Snapshots lie beside the disk and can be deleted with it: never immutable.
        point.immutable = False
    elif "immutableTill" in row:
        till = row["immutableTill"]
        point.immutable_until = parse_time(till) if till else None
        point.immutable = None if till else False
        if copy is not None:
            copy.immutable_until = point.immutable_until
    if in_repository and encrypted is not None:
        point.encrypted = encrypted
        point.estimated = ("encrypted",)
        if copy is not None:
            copy.encrypted = encrypted
    return point


def is_plain(row: Mapping[str, t.Any], size: int | None) -> bool:
    """Whether ALIKE decides: what is sound, of a known size, and not locked until a moment of its own."""
    return row.get("isCorrupted") is False and row.get("immutableTill", "") is None and bool(size)


def size_of(row: Mapping[str, t.Any]) -> int | None:
    """Bytes, as they are told."""
    return as_int(row.get("backupSizeBytes", row.get("sizeInBytes")))


def created_of(row: Mapping[str, t.Any]) -> int:
    """The time that can be restored."""
    try:
        return parse_time(row.get("pointInTime"))
    except DataError as error:
        raise InvalidResponseError(f"the restore point {row['id']}: {error.message}") from error


def _kind(row: Mapping[str, t.Any], workload_type: str | None) -> tuple[str, bool | None]:
    """(kind, whether it lies in a repository; None: the server does not say)."""
    destination = as_text(row.get("backupDestination"))
    if workload_type == "virtual_network":
        return "config", destination != "Database"
    told = _BACKUP_KINDS.get(as_text(row.get("type")) or "", "unknown")
    if told == "continuous" or (destination is None and told == "unknown" and workload_type == "cosmosdb"):
        return "continuous", None
    if destination in _SNAPSHOTS:
        return "snapshot", False
    if destination in _BACKUPS:
        return ("archive" if row.get("accessTier") == "Archive" else told), True
    return told, None


def _copy(row: Mapping[str, t.Any], in_repository: bool | None, region: str | None) -> Copy | None:
    place = as_text(row.get("regionName"))
    if place is None or in_repository is None:
        return None
    offsite: bool | None = False
    if in_repository:
        offsite = None if region is None else place != region
    tier = as_text(row.get("accessTier"))
    return Copy(
        location=place,
        location_type=f"blob_{tier.lower()}" if in_repository and tier else "blob" if in_repository else "snapshot",
        role="backup" if in_repository else "snapshot",
        offsite=offsite,
    )


def _retention(flags: t.Any) -> tuple[str, ...]:
    """gfsFlags: None, one flag, or several with commas."""
    if flags is None or flags == "None":
        return ()
    words = {word.strip().lower() for word in flags.split(",")} if isinstance(flags, str) else set()
    return tuple(name for name in RETENTION if name in words)
