# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: record -> recovery point. Fields: the vendor's OpenAPI 8.1, help centre."""

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
    remove_secrets,
)

_SNAPSHOTS = frozenset({"Snapshot", "ManualSnapshot", "ImportedSnapshot"})
_BACKUPS = frozenset({"AzureBlob", "ManualBackup"})
# Values that most points of a workload share. They determine everything except id, time and size (see is_plain).
TEMPLATE_KEYS = ("type", "state", "accessTier", "gfsFlags", "regionName", "backupDestination")
_BACKUP_KINDS = {"Full": "full", "Incremental": "incremental", "Continuous": "continuous"}


def parse_point(
    row: Mapping[str, t.Any],
    workload: Workload,
    *,
    region: str | None,
    encrypted: bool | None,
    include_raw: bool,
) -> RecoveryPoint:
    """Parse one record of any of the restore point listings.

    ``region`` is the region of the workload, ``encrypted`` the setting that all readable repositories have in common.
    """
    kind, in_repository = _parse_kind(row, workload.type)
    corrupted = as_bool(row.get("isCorrupted"))
    state = as_text(row.get("state"))
    damaged = corrupted is True or state == "Corrupted"
    copy = _build_copy(row, in_repository, region)
    point = RecoveryPoint(
        id=str(row["id"]),
        workload=workload,
        created=parse_created(row),
        kind=kind,
        status="failed" if damaged else "success" if corrupted is False or state == "Ok" else "unknown",
        # A point with an unknown destination may be a snapshot, which is not a backup.
        usable=False if damaged else None if in_repository is None and kind != "continuous" else True,
        size_bytes=parse_size(row),
        copies=None if copy is None else [copy],
        offsite=copy.offsite if copy is not None else False if in_repository is False else None,
        retention=_parse_retention(row.get("gfsFlags")),
        raw=remove_secrets(dict(row)) if include_raw else None,
    )
    if kind == "continuous":
        # Each of these is one time that can be restored; the range around it is not reported.
        point.restorable_from = point.restorable_until = point.created
    if kind == "snapshot" or in_repository is None:
        # The size of a snapshot is that of the disk in some versions and 0 in others, not its own size.
        point.size_bytes = point.size_bytes or None
    if kind == "snapshot":
        point.inferred = ("size_bytes",) if point.size_bytes else ()
    if in_repository is False:
        # Snapshots are stored with the disk and can be deleted with it, so they are never immutable.
        point.immutable = False
    elif "immutableTill" in row:
        till = row["immutableTill"]
        point.immutable_until = parse_time(till) if till else None
        point.immutable = None if till else False
        if copy is not None:
            copy.immutable_until = point.immutable_until
    if in_repository and encrypted is not None:
        point.encrypted = encrypted
        point.inferred = ("encrypted",)
        if copy is not None:
            copy.encrypted = encrypted
    return point


def is_plain(row: Mapping[str, t.Any], size: int | None) -> bool:
    """Whether TEMPLATE_KEYS are sufficient: the point is intact, has a known size and no lock date of its own."""
    return row.get("isCorrupted") is False and row.get("immutableTill", "") is None and bool(size)


def parse_size(row: Mapping[str, t.Any]) -> int | None:
    """The size in bytes as reported."""
    return as_int(row.get("backupSizeBytes", row.get("sizeInBytes")))


def parse_created(row: Mapping[str, t.Any]) -> int:
    """Parse the time that can be restored."""
    try:
        return parse_time(row.get("pointInTime"))
    except DataError as error:
        raise InvalidResponseError(f"restore point {row['id']}: {error.message}") from error


def _parse_kind(row: Mapping[str, t.Any], workload_type: str | None) -> tuple[str, bool | None]:
    """(kind, whether it is in a repository; None if the server does not report it)."""
    destination = as_text(row.get("backupDestination"))
    if workload_type == "virtual_network":
        return "config", destination != "Database"
    kind = _BACKUP_KINDS.get(as_text(row.get("type")) or "", "unknown")
    if kind == "continuous" or (destination is None and kind == "unknown" and workload_type == "cosmosdb"):
        return "continuous", None
    if destination in _SNAPSHOTS:
        return "snapshot", False
    if destination in _BACKUPS:
        # In some versions a backup does not have a type.
        kind = "backup" if kind == "unknown" else kind
        return ("archive" if row.get("accessTier") == "Archive" else kind), True
    return kind, None


def _build_copy(row: Mapping[str, t.Any], in_repository: bool | None, region: str | None) -> Copy | None:
    location = as_text(row.get("regionName"))
    if location is None or in_repository is None:
        return None
    offsite: bool | None = False
    if in_repository:
        offsite = None if region is None else location != region
    tier = as_text(row.get("accessTier"))
    return Copy(
        location=location,
        location_type=f"blob_{tier.lower()}" if in_repository and tier else "blob" if in_repository else "snapshot",
        role="backup" if in_repository else "snapshot",
        offsite=offsite,
    )


def _parse_retention(flags: t.Any) -> tuple[str, ...]:
    """Parse gfsFlags: None, one flag, or several flags separated by commas."""
    if flags is None or flags == "None":
        return ()
    names = {word.strip().lower() for word in flags.split(",")} if isinstance(flags, str) else set()
    return tuple(name for name in RETENTION if name in names)
