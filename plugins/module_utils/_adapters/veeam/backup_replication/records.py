# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: records -> workloads and recovery points. Fields: the vendor's OpenAPI 1.1 to 1.3."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import is_elsewhere
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import IdIndex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    RETENTION,
    Copy,
    RecoveryPoint,
    Workload,
    any_true,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import days_after, parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    scrubbed,
)

NO_ID = "00000000-0000-0000-0000-000000000000"
_NOBODY = frozenset({None, NO_ID})
REPLICA = "vm_replica"
WORKLOAD_TYPES = ("vm", "physical", "file_share", "database", "directory", REPLICA, "other")

# platformName -> (workload type, platform). Old revisions have other names for some.
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
# What is left of the 31 bits of a table's number beside how long a file is kept.
_OWNER_BITS = 31 - len(RETENTION)
# Repositories that have no setting that makes what they hold unchangeable.
_NEVER_LOCKED = frozenset({"winlocal", "linuxlocal", "smb", "nfs"})


@dataclasses.dataclass(frozen=True)
class Location:
    """A repository, and what its settings of today imply for what lies in it."""

    name: str | None
    kind: str | None
    offsite: bool | None
    locked: bool | None
    locked_days: int | None


@dataclasses.dataclass(frozen=True)
class Backup:
    """What a job leaves in one repository."""

    job: str | None
    place: Location | None
    is_copy: bool | None
    encrypted: bool | None

    @functools.cached_property
    def lies(self) -> tuple[Copy, tuple[str, ...]]:
        """Where its points lie if nothing there is locked until a date, the same for all, and what is estimated."""
        return _lying(self, None)


class File(t.NamedTuple):
    """A backup file: its size where it holds one point only, how long it is meant to be kept, and whose it is.

    ``owner`` is the mark of the one object that it names; None where it names none, or several.
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


def workload_of(row: Mapping[str, t.Any]) -> Workload:
    """A backup object."""
    kind, platform = platform_of(row)
    if kind == "other" and as_text(row.get("type")) == "VM":
        kind = "vm"
    return Workload(id=as_text(row.get("id")), name=as_text(row.get("name")), type=kind, platform=platform)


def platform_of(row: Mapping[str, t.Any]) -> tuple[str, str | None]:
    """(workload type, platform); platforms that are not known keep their own name."""
    told = as_text(row.get("platformName"))
    return _PLATFORMS.get((told or "").casefold(), ("other", told.casefold() if told else None))


# Places


def place_of(row: Mapping[str, t.Any]) -> Location:
    """A repository."""
    kind = as_text(row.get("type"))
    locked, days = _lock(row, (kind or "").casefold())
    return Location(as_text(row.get("name")), kind, is_elsewhere(kind), locked, days)


def _lock(row: Mapping[str, t.Any], kind: str) -> tuple[bool | None, int | None]:
    """(whether what it holds is locked, for how many days). What is kept for its whole retention has no number."""
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


def scale_out_place(row: Mapping[str, t.Any], places: Mapping[str, Location]) -> Location:
    """A scale-out repository: which of its parts holds a point is not told, so what all have in common counts."""
    extents = [
        places.get(as_text(as_object(extent).get("id")) or "")
        for extent in as_list(as_object(row.get("performanceTier")).get("performanceExtents"))
    ]
    known = [extent for extent in extents if extent is not None]
    complete = bool(extents) and len(known) == len(extents)
    unlocked = any_true(None if extent.locked is None else not extent.locked for extent in known)
    locked = None if unlocked is None or not complete else not unlocked
    days = [extent.locked_days for extent in known if extent.locked_days is not None]
    elsewhere = complete and all(extent.offsite for extent in known)
    capacity = as_object(row.get("capacityTier"))
    if as_bool(capacity.get("isEnabled")):
        # What was moved there may be locked, though no disk of the first tier is.
        locked = locked or None
        targets = [
            places.get(as_text(as_object(target).get("id")) or "") for target in as_list(capacity.get("extents"))
        ]
        copied = as_bool(capacity.get("copyPolicyEnabled"))
        elsewhere = elsewhere or bool(copied and targets and all(target and target.offsite for target in targets))
    return Location(
        as_text(row.get("name")),
        "ScaleOut",
        True if elsewhere else None,
        locked,
        min(days) if locked and len(days) == len(known) else None,
    )


def backup_of(row: Mapping[str, t.Any], places: Mapping[str, Location], encrypting: Mapping[str, bool]) -> Backup:
    """A backup; ``encrypting`` says of jobs by id whether they encrypt today."""
    place = places.get(as_text(row.get("repositoryId")) or "")
    name = as_text(row.get("repositoryName"))
    if place is None and name is not None:
        place = Location(name, None, None, None, None)
    job_type = as_text(row.get("jobType"))
    return Backup(
        job=as_text(row.get("name")),
        place=place,
        is_copy=None if job_type is None else "copy" in job_type.casefold(),
        # False says that the job does not ask for it; the storage may encrypt all the same.
        encrypted=encrypting.get(as_text(row.get("jobId")) or "") or None,
    )


def encrypts(job: Mapping[str, t.Any]) -> bool | None:
    """Whether a job encrypts what it writes today."""
    advanced = as_object(as_object(job.get("storage")).get("advancedSettings"))
    return as_bool(as_object(as_object(advanced.get("storageData")).get("encryption")).get("isEnabled"))


def file_of(row: Mapping[str, t.Any]) -> File:
    """A backup file. One that holds several points has no size that is theirs."""
    points = row.get("restorePointIds")
    alone = isinstance(points, list) and len(points) == 1
    named = {as_text(ident) for ident in (*as_list(row.get("objectIds")), row.get("objectId"))} - _NOBODY
    owner = owner_mark(named.pop()) if len(named) == 1 else None
    return File(as_int(row.get("backupSize")) if alone else None, retention_of(row.get("gfsPeriods")), owner)


def owner_mark(ident: str | None) -> int:
    """A short mark of a backup object's id, never 0."""
    return hash(ident) % ((1 << _OWNER_BITS) - 1) + 1


class Files:
    """The files of one backup by id."""

    def __init__(self, rows: Iterable[Mapping[str, t.Any]]) -> None:
        self._table = IdIndex()
        for row in rows:
            file = file_of(row)
            kept = sum(1 << RETENTION.index(name) for name in file.retention)
            self._table.add(str(row["id"]), file.size, kept | (file.owner or 0) << len(RETENTION))
        self._table.seal()

    def get(self, ident: str) -> File | None:
        """One file; None if it is not listed."""
        found = self._table.get(hash(ident))
        if found is None:
            return None
        size, told, _alone = found
        return File(size, _KEPT[told % len(_KEPT)], told >> len(RETENTION) or None)


# What each number of so many bits says of how long a file is kept.
_KEPT = [tuple(name for bit, name in enumerate(RETENTION) if told & 1 << bit) for told in range(1 << len(RETENTION))]


def retention_of(periods: t.Any) -> tuple[str, ...]:
    """gfsPeriods: None, Weekly, Monthly, Quarterly, Yearly."""
    if periods == ["None"]:
        # So say most files.
        return ()
    words = {word.casefold() for word in as_list(periods) if isinstance(word, str)}
    return tuple(name for name in RETENTION if name in words)


def scan_of(row: Mapping[str, t.Any]) -> Scan | None:
    """A finished antivirus task, where it came to a result."""
    result = (as_text(row.get("scanResult")) or "").casefold()
    if result not in ("clean", "infected") or as_text(row.get("scanState")) != "Finished":
        return None
    return Scan(result == "infected", moment(row.get("endTime")))


def moment(value: t.Any) -> int | None:
    """A time with an offset; those without one are the server's local time, and of no use."""
    try:
        return parse_time(value)
    except DataError:
        return None


# Points


def point_of(
    row: Mapping[str, t.Any],
    workload: Workload,
    backup: Backup | None,
    file: File | None,
    scan: Scan | None,
    *,
    says_operations: bool,
    include_raw: bool,
) -> RecoveryPoint:
    """One record of the restore points. ``says_operations``: this revision lists what can be done with a point."""
    kind = _KINDS.get((as_text(row.get("type")) or "").casefold(), "unknown")
    offered = bool(as_list(row.get("allowedOperations"))) or not says_operations
    point = RecoveryPoint(
        id=_id_of(row),
        workload=workload,
        created=created_of(row),
        kind=kind,
        # The listing mixes backups and snapshots, and some points do not say which they are.
        usable=True if offered and (kind != "unknown" or _is_backup(row, backup)) else None,
        malware=_MALWARE.get((as_text(row.get("malwareStatus")) or "").casefold()),
        retention=retention_of(row.get("gfsPeriods")) if "gfsPeriods" in row else (),
        raw={"records": [scrubbed(dict(row))]} if include_raw else None,
    )
    if file is not None:
        point.size_bytes = file.size
        point.retention = file.retention or point.retention
    if backup is not None:
        point.job = backup.job
        _settle(point, backup)
    if scan is not None:
        if scan.infected:
            point.malware = "infected"
        else:
            point.checked, point.checked_at, point.checked_by = True, scan.ended, "scan"
    return point


def _is_backup(row: Mapping[str, t.Any], backup: Backup | None) -> bool:
    """Whether a point that does not tell its type surely lies in a backup file or a repository."""
    if as_text(row.get("backupFileId")) not in (None, NO_ID) or platform_of(row)[0] == "file_share":
        return True
    kind = (backup.place.kind if backup is not None and backup.place is not None else None) or "external"
    return not kind.casefold().startswith("sansnapshot") and "external" not in kind.casefold()


def _settle(point: RecoveryPoint, backup: Backup) -> None:
    """Where the point lies, and what the settings of that place and of its job imply."""
    place = backup.place
    until = None
    if place is not None and place.locked and place.locked_days:
        until = days_after(point.created, place.locked_days)
    copy, point.estimated = backup.lies if until is None else _lying(backup, until)
    point.copies = [copy]
    point.encrypted, point.offsite = copy.encrypted, copy.offsite
    point.immutable_until = until
    # With a date the time of reading decides; without one it lasts as long as the point is kept.
    point.immutable = None if until is not None or place is None else place.locked


def _lying(backup: Backup, until: int | None) -> tuple[Copy, tuple[str, ...]]:
    place = backup.place or Location(None, None, None, None, None)
    copy = Copy(
        location=place.name,
        location_type=place.kind,
        role={True: "copy", False: "primary", None: None}[backup.is_copy],
        immutable_until=until,
        encrypted=backup.encrypted,
        offsite=place.offsite,
    )
    implied = {
        "encrypted": copy.encrypted is not None,
        "offsite": copy.offsite is not None,
        "immutable": place.locked is not None,
        "immutable_until": until is not None,
    }
    return copy, tuple(name for name, told in implied.items() if told)


def replica_point_of(row: Mapping[str, t.Any], workload: Workload, include_raw: bool) -> RecoveryPoint:
    """One restore point of a snapshot replica. In any state but Ready the replica is in use, or not whole."""
    state = (as_text(row.get("state")) or "").casefold()
    return RecoveryPoint(
        id=_id_of(row),
        workload=workload,
        created=created_of(row),
        kind="replica",
        usable=True if state == "ready" else False if state in _BUSY else None,
        malware=_MALWARE.get((as_text(row.get("malwareStatus")) or "").casefold()),
        raw={"records": [scrubbed(dict(row))]} if include_raw else None,
    )


def created_of(row: Mapping[str, t.Any]) -> int:
    """The moment that can be restored."""
    try:
        return parse_time(row.get("creationTime"))
    except DataError as error:
        raise InvalidResponseError(
            f"restore point {as_text(row.get('id'))} has no creationTime with an offset: {row.get('creationTime')!r}",
            advice="This version of the server answers in a way that this module does not know; please report it",
        ) from error


def _id_of(row: Mapping[str, t.Any]) -> str:
    ident = as_text(row.get("id"))
    if ident is None:
        raise InvalidResponseError(
            "a restore point has no id", advice="Please report this with the version of the server"
        )
    return ident
