# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: parse records. Fields: the vendor's OpenAPI 8.1 and help center."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.regions import (
    Region,
    get_region_name,
    parse_region,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.repositories import (
    Repositories,
    parse_storage,
)
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
# Destinations of the configuration of virtual networks; Database is the appliance itself.
_CONFIGURATIONS = {"Database": False, "AzureBlob": True, "All": True}
# The platforms whose points report their storage region. A point of a Cosmos DB account has the region of the account,
# a point of virtual networks the region in which it was created.
_WITH_REGION = frozenset({"azure_vm", "azure_files"})
# Values that most points of a workload share. They determine everything except id, time and size (see is_plain).
TEMPLATE_KEYS = ("type", "state", "accessTier", "gfsFlags", "regionId", "regionName", "backupDestination")
_BACKUP_KINDS = {"Full": "full", "Incremental": "incremental", "Continuous": "continuous"}


def parse_point(
    row: Mapping[str, t.Any],
    workload: Workload,
    *,
    home: Region,
    locations: dict[str, str],
    encrypted: bool | None,
    repositories: Repositories,
    include_raw: bool,
    has_state: bool = True,
    is_continuous: bool = False,
) -> RecoveryPoint:
    """Parse one record of any of the restore point listings.

    ``home`` is the region of the workload, ``encrypted`` the setting that all readable repositories have in common.
    ``repositories`` are all that may contain the point: they determine whether its lock can be removed.
    ``locations`` stores one name for each region id, so that different spellings are one location.
    ``has_state``: this API version reports the state of backups. ``is_continuous``: the listing of continuous backups.
    """
    kind, in_repository = ("continuous", None) if is_continuous else _parse_kind(row, workload.platform)
    damaged = is_damaged(row)
    sound = _is_sound(row)
    copy = _build_copy(row, in_repository, home, locations) if workload.platform in _WITH_REGION else None
    has_state = has_state or "state" in row or "isCorrupted" in row
    point = RecoveryPoint(
        id=str(row["id"]),
        workload=workload,
        created=parse_created(row),
        kind=kind,
        status="failed" if damaged else "success" if sound else "unknown",
        usable=False if damaged else _is_usable(kind, in_repository, sound=sound, has_state=has_state),
        size_bytes=parse_size(row),
        copies=None if copy is None else [copy],
        offsite=copy.offsite if copy is not None else False if kind == "snapshot" else None,
        retention=_parse_retention(row.get("gfsFlags")),
        raw=remove_secrets(dict(row)) if include_raw else None,
    )
    if kind == "continuous":
        # The point is one time that can be restored. The range around it is not reported.
        point.restorable_from = point.restorable_until = point.created
    if kind == "snapshot" or in_repository is None:
        # The size of a snapshot is that of the disk in some versions and 0 in others, not its own size.
        point.size_bytes = point.size_bytes or None
    if kind == "snapshot":
        point.inferred = ("size_bytes",) if point.size_bytes else ()
        # Snapshots are stored with the disk and can be deleted with it, so they are never immutable.
        point.immutable = False
    elif "immutableTill" in row:
        _set_lock(point, row, repositories)
        if copy is not None:
            copy.immutable_until = point.immutable_until
    if in_repository and encrypted is not None:
        point.encrypted = encrypted
        point.inferred = (*point.inferred, "encrypted")
        if copy is not None:
            copy.encrypted = encrypted
    return point


def is_damaged(row: Mapping[str, t.Any]) -> bool:
    """Return whether the server reports this point as corrupted."""
    return as_bool(row.get("isCorrupted")) is True or row.get("state") == "Corrupted"


def _is_sound(row: Mapping[str, t.Any]) -> bool:
    """Return whether the server reports this point as intact. An undocumented state may mean any damage."""
    state = row.get("state")
    return state == "Ok" or (as_bool(row.get("isCorrupted")) is False and state in (None, "NotApplicable"))


def _is_usable(kind: str, in_repository: bool | None, *, sound: bool, has_state: bool) -> bool | None:
    """Return whether an undamaged point can be used, or None if it may be a snapshot, or its state is missing."""
    if kind in ("continuous", "snapshot") or in_repository is False:
        # These kinds have no state in any version, and never count as recovery points.
        return True
    if in_repository is None:
        return None
    return True if sound or not has_state else None


def is_plain(row: Mapping[str, t.Any], size: int | None) -> bool:
    """Return whether TEMPLATE_KEYS are sufficient: the point is intact, and has a known size and no lock date."""
    return row.get("isCorrupted") is False and row.get("immutableTill", "") is None and bool(size)


def parse_size(row: Mapping[str, t.Any]) -> int | None:
    """Return the reported size in bytes."""
    return as_int(row.get("backupSizeBytes", row.get("sizeInBytes")))


def parse_created(row: Mapping[str, t.Any]) -> int:
    """Parse the time that can be restored."""
    try:
        return parse_time(row.get("pointInTime"))
    except DataError as error:
        raise InvalidResponseError(f"restore point {row['id']}: {error.message}") from error


def _set_lock(point: RecoveryPoint, row: Mapping[str, t.Any], repositories: Repositories) -> None:
    """Set the lock. The date alone does not prove it, because the policy of the container may not be locked."""
    till = row["immutableTill"]
    if till is None or till == "":
        point.immutable = False
        return
    lock = repositories.get_lock(parse_storage(row, point.workload.platform, point.kind))
    if lock == "removable":
        point.immutable = False
    elif lock != "unknown":
        try:
            # The collector compares it with the time of the read.
            point.immutable_until = parse_time(till)
        except DataError:
            return
        if lock == "inferred":
            point.inferred = (*point.inferred, "immutable", "immutable_until")


def _as_enum_value(value: t.Any) -> str | None:
    """Return an enumeration value. The documentation of the first versions shows some as lists with one value."""
    return as_text(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _parse_kind(row: Mapping[str, t.Any], platform: str | None) -> tuple[str, bool | None]:
    """Return (kind, whether it is in a repository, or None if the server does not report it)."""
    destination = _as_enum_value(row.get("backupDestination"))
    if platform == "azure_network":
        return "config", _CONFIGURATIONS.get(destination or "")
    kind = _BACKUP_KINDS.get(_as_enum_value(row.get("type")) or "", "unknown")
    if kind == "continuous":
        return kind, None
    if destination in _SNAPSHOTS:
        return "snapshot", False
    if destination in _BACKUPS:
        # In some versions, backups have no type.
        kind = "backup" if kind == "unknown" else kind
        return ("archive" if row.get("accessTier") == "Archive" else kind), True
    return kind, None


def _build_copy(
    row: Mapping[str, t.Any], in_repository: bool | None, home: Region, locations: dict[str, str]
) -> Copy | None:
    region = parse_region(row)
    if in_repository is None or region == Region():
        return None
    return Copy(
        location=get_region_name(row, locations),
        # A repository is a container of Azure Blob storage.
        location_type="object" if in_repository else "snapshot_array",
        vendor_location_type=_as_enum_value(row.get("backupDestination")),
        role="backup" if in_repository else "snapshot",
        offsite=region.is_other_than(home) if in_repository else False,
    )


def _parse_retention(flags: t.Any) -> tuple[str, ...]:
    """Parse gfsFlags: None, one flag, several flags separated by commas, or a list of flags."""
    terms = [word for word in flags if isinstance(word, str)] if isinstance(flags, list) else [as_text(flags) or ""]
    names = {name.strip().lower() for word in terms for name in word.split(",")}
    return tuple(name for name in RETENTION if name in names)
