# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: parse records to workloads and points. Fields: the vendor's OpenAPI 1.1 to 1.3."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import is_cloud_repository
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import IdIndex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    RETENTION,
    Copy,
    RecoveryPoint,
    Workload,
    any_true,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import add_days, parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    remove_secrets,
)

NO_ID = "00000000-0000-0000-0000-000000000000"
_NO_OBJECT = frozenset({None, NO_ID})
REPLICA = "vm_replica"
WORKLOAD_TYPES = ("vm", "physical", "file_share", "database", "directory", REPLICA, "other")

# platformName -> (workload type, platform). Old revisions have other names for some platforms.
_PLATFORMS = {
    "vmware": ("vm", "vmware"),
    "hyperv": ("vm", "hyperv"),
    "vcd": ("vm", "vcd"),
    "clouddirector": ("vm", "vcd"),
    "nutanix": ("vm", "nutanix"),
    "proxmox": ("vm", "proxmox"),
    "awsec2": ("vm", "ec2"),
    "azurecompute": ("vm", "azure"),
    "gce": ("vm", "gce"),
    "windowsphysical": ("physical", "windows"),
    "linuxphysical": ("physical", "linux"),
    "linuxphysicalppc": ("physical", "linux"),
    "nasbackup": ("file_share", "nas"),
    "unstructureddata": ("file_share", "nas"),
    "mongodb": ("database", "mongo"),
    "iris": ("database", "iris"),
    "applicationbackuprepository": ("database", "application"),
    "entraid": ("directory", "entra_id"),
}
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
# The value in the IdIndex has 31 bits; these are left for the owner, the others are the retention bits.
_OWNER_BITS = 31 - len(RETENTION)
# Repository types that have no immutability setting.
_NEVER_LOCKED = frozenset({"winlocal", "linuxlocal", "smb", "nfs"})


@dataclasses.dataclass(frozen=True)
class Location:
    """A repository, and what its current settings imply for its contents."""

    name: str | None
    kind: str | None
    offsite: bool | None
    locked: bool | None
    locked_days: int | None


@dataclasses.dataclass(frozen=True)
class Backup:
    """The backup of a job in one repository."""

    job: str | None
    location: Location | None
    is_copy: bool | None
    encrypted: bool | None

    @functools.cached_property
    def default_copy(self) -> tuple[Copy, tuple[str, ...]]:
        """(copy, inferred attributes) of all its points, if nothing in its repository is locked until a date."""
        return _build_copy(self, None)


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


# Workloads


def parse_workload(row: Mapping[str, t.Any]) -> Workload:
    """Parse a backup object."""
    kind, platform = parse_platform(row)
    if kind == "other" and as_text(row.get("type")) == "VM":
        kind = "vm"
    return Workload(id=as_text(row.get("id")), name=as_text(row.get("name")), type=kind, platform=platform)


def parse_platform(row: Mapping[str, t.Any]) -> tuple[str, str | None]:
    """Parse to (workload type, platform). Unknown platforms keep their own name."""
    value = as_text(row.get("platformName"))
    return _PLATFORMS.get((value or "").casefold(), ("other", value.casefold() if value else None))


# Repositories


def parse_repository(row: Mapping[str, t.Any]) -> Location:
    """Parse a repository."""
    kind = as_text(row.get("type"))
    locked, days = _parse_lock(row, (kind or "").casefold())
    return Location(as_text(row.get("name")), kind, is_cloud_repository(kind), locked, days)


def _parse_lock(row: Mapping[str, t.Any], kind: str) -> tuple[bool | None, int | None]:
    """(whether the contents are locked, for how many days). A lock for the complete retention has no number of days."""
    own = as_object(row.get("repository"))
    if "makeRecentBackupsImmutableDays" in own:
        days = as_int(own["makeRecentBackupsImmutableDays"])
        return (None if days is None else days > 0), days or None
    bucket = as_object(row.get("bucket")) or as_object(row.get("container"))
    settings = as_object(bucket.get("immutability")) or as_object(own.get("immutability"))
    if settings:
        enabled = as_bool(settings.get("isEnabled"))
        by_retention = as_text(settings.get("immutabilityMode")) == "RetentionSettings"
        return enabled, as_int(settings.get("daysCount")) if enabled and not by_retention else None
    if "immutabilityEnabled" in bucket:
        return as_bool(bucket["immutabilityEnabled"]), None
    return (False if kind in _NEVER_LOCKED else None), None


def parse_scale_out_repository(row: Mapping[str, t.Any], repositories: Mapping[str, Location]) -> Location:
    """Parse a scale-out repository. The extent of a point is not reported, so only common settings of all count."""
    extents = [
        repositories.get(as_text(as_object(extent).get("id")) or "")
        for extent in as_list(as_object(row.get("performanceTier")).get("performanceExtents"))
    ]
    known = [extent for extent in extents if extent is not None]
    complete = bool(extents) and len(known) == len(extents)
    unlocked = any_true(None if extent.locked is None else not extent.locked for extent in known)
    locked = None if unlocked is None or not complete else not unlocked
    days = [extent.locked_days for extent in known if extent.locked_days is not None]
    offsite = complete and all(extent.offsite for extent in known)
    capacity = as_object(row.get("capacityTier"))
    if as_bool(capacity.get("isEnabled")):
        # Data in the capacity tier may be locked, even if the performance tier is not.
        locked = locked or None
        targets = [
            repositories.get(as_text(as_object(target).get("id")) or "") for target in as_list(capacity.get("extents"))
        ]
        copied = as_bool(capacity.get("copyPolicyEnabled"))
        offsite = offsite or bool(copied and targets and all(target and target.offsite for target in targets))
    return Location(
        as_text(row.get("name")),
        "ScaleOut",
        True if offsite else None,
        locked,
        min(days) if locked and len(days) == len(known) else None,
    )


def parse_backup(
    row: Mapping[str, t.Any], repositories: Mapping[str, Location], encrypting: Mapping[str, bool]
) -> Backup:
    """Parse a backup; ``encrypting`` maps job ids to whether they currently encrypt."""
    location = repositories.get(as_text(row.get("repositoryId")) or "")
    name = as_text(row.get("repositoryName"))
    if location is None and name is not None:
        location = Location(name, None, None, None, None)
    job_type = as_text(row.get("jobType"))
    return Backup(
        job=as_text(row.get("name")),
        location=location,
        is_copy=None if job_type is None else "copy" in job_type.casefold(),
        # False means that the job does not encrypt; the storage may still encrypt.
        encrypted=encrypting.get(as_text(row.get("jobId")) or "") or None,
    )


def is_encrypting(job: Mapping[str, t.Any]) -> bool | None:
    """Whether a job currently encrypts its backups."""
    advanced = as_object(as_object(job.get("storage")).get("advancedSettings"))
    return as_bool(as_object(as_object(advanced.get("storageData")).get("encryption")).get("isEnabled"))


def parse_file(row: Mapping[str, t.Any]) -> File:
    """Parse a backup file. If it has several points, its size is not the size of a point."""
    points = row.get("restorePointIds")
    alone = isinstance(points, list) and len(points) == 1
    objects = {as_text(ident) for ident in (*as_list(row.get("objectIds")), row.get("objectId"))} - _NO_OBJECT
    owner = short_hash(objects.pop()) if len(objects) == 1 else None
    return File(as_int(row.get("backupSize")) if alone else None, parse_retention(row.get("gfsPeriods")), owner)


def short_hash(ident: str | None) -> int:
    """A short hash of a backup object's id, never 0."""
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
        """One file; None if it is not listed."""
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
    names = {word.casefold() for word in as_list(periods) if isinstance(word, str)}
    return tuple(name for name in RETENTION if name in names)


def parse_scan(row: Mapping[str, t.Any]) -> Scan | None:
    """Parse a finished antivirus task; None without a result."""
    result = (as_text(row.get("scanResult")) or "").casefold()
    if result not in ("clean", "infected") or as_text(row.get("scanState")) != "Finished":
        return None
    return Scan(result == "infected", parse_offset_time(row.get("endTime")))


def parse_offset_time(value: t.Any) -> int | None:
    """Parse a time with an offset. A time without one is local time of the server and cannot be used: None."""
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
        _apply_backup(point, backup)
    if scan is not None:
        if scan.infected:
            point.malware = "infected"
        else:
            point.integrity_checked, point.checked_at, point.checked_by = True, scan.ended, "scan"
    return point


def _is_backup(row: Mapping[str, t.Any], backup: Backup | None) -> bool:
    """Whether a point without a type is certainly in a backup file or a repository."""
    if as_text(row.get("backupFileId")) not in (None, NO_ID) or parse_platform(row)[0] == "file_share":
        return True
    kind = (backup.location.kind if backup is not None and backup.location is not None else None) or "external"
    return not kind.casefold().startswith("sansnapshot") and "external" not in kind.casefold()


def _apply_backup(point: RecoveryPoint, backup: Backup) -> None:
    """Set the location of the point, and what the settings of the repository and of the job imply."""
    location = backup.location
    until = None
    if location is not None and location.locked and location.locked_days:
        until = add_days(point.created, location.locked_days)
    copy, point.inferred = backup.default_copy if until is None else _build_copy(backup, until)
    point.copies = [copy]
    point.encrypted, point.offsite = copy.encrypted, copy.offsite
    point.immutable_until = until
    # With a date it depends on the time of the read; without a date the lock lasts as long as the point is kept.
    point.immutable = None if until is not None or location is None else location.locked


def _build_copy(backup: Backup, until: int | None) -> tuple[Copy, tuple[str, ...]]:
    location = backup.location or Location(None, None, None, None, None)
    copy = Copy(
        location=location.name,
        location_type=location.kind,
        role={True: "copy", False: "primary", None: None}[backup.is_copy],
        immutable_until=until,
        encrypted=backup.encrypted,
        offsite=location.offsite,
    )
    implied = {
        "encrypted": copy.encrypted is not None,
        "offsite": copy.offsite is not None,
        "immutable": location.locked is not None,
        "immutable_until": until is not None,
    }
    return copy, tuple(name for name, value in implied.items() if value)


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
        return parse_time(row.get("creationTime"))
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
