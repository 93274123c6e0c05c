# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: one record of /backups -> one recovery point. Fields: vendor's API pages 7.4, vendor's own UI."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._failures import AnswerError
from ansible_collections.backup.audit.plugins.module_utils._loose import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    scrubbed,
)
from ansible_collections.backup.audit.plugins.module_utils._model import Copy, RecoveryPoint, Workload, any_of
from ansible_collections.backup.audit.plugins.module_utils._times import days_after, from_epoch_millis

# protectedEntity.type -> workload_type, and the word by which rules of such workloads are found in paths.
TYPES = {
    "VM": ("vm", "vm"),
    "APP": ("application", "app"),
    "STORAGE": ("storage", "storage"),
    "OS": ("physical", "os"),
    "OS_AGENT": ("physical", "os"),
    "CLOUD": ("cloud", "cloud"),
    "CLOUD_USER": ("cloud_user", "cloud"),
    "CLOUD_GROUP": ("cloud_group", "cloud"),
    "CLOUD_SITE": ("cloud_site", "cloud"),
    "CLOUD_TEAMS": ("cloud_team", "cloud"),
}
WORKLOAD_TYPES = tuple(dict.fromkeys(workload_type for workload_type, _rule in TYPES.values()))
RULE_WORDS = tuple(dict.fromkeys(rule for _workload_type, rule in TYPES.values()))
# Made once, and deleted since by retention: history, and no recovery point.
REMOVED = "SUCCESS_REMOVED"
_STATUSES = {
    "SUCCESS": "success",
    "PARTIAL_SUCCESS": "warning",
    "FAILED": "failed",
    "INPROGRESS": "running",
    "QUEUED": "running",
}
KEPT = tuple(_STATUSES)
_KINDS = {"FULL": "full", "INCREMENTAL": "incremental", "SYNTHETIC": "synthetic_full"}
# The copy of a backup from its primary destination to another one.
_SYNCHRONIZATION = "SYNCHRONIZATION"
_DISKS = ("FILESYSTEM", "SYNTHETICXFS", "SYNTHETICDDBOOST", "VSTOR")
_CLOUDS = ("S3", "GCS", "AZURE", "SWIFT")
# What other backup products keep (ISP, NETBACKUP and so on) lies on media that this one does not know.
_MEDIA = {**dict.fromkeys(_DISKS, "disk"), **dict.fromkeys(_CLOUDS, "object")}


@dataclasses.dataclass(frozen=True)
class Context:
    """What points are read against: settings of today, and restores that were made."""

    # Destinations (guid) that encrypt.
    encrypting: frozenset[str]
    # Backup (guid) -> when it was last restored.
    restored: Mapping[str, int]
    # (rule guid, word of the rule's kind) -> days of retention lock by destination guid and by role.
    locks: Callable[[str, str], Mapping[str, int]]
    include_raw: bool
    # From version 5 on a backup tells its places. One that tells none may have been removed from all of them.
    lists_places: bool = True


def lists_places(version: str | None) -> bool:
    """Whether a server of this version (of several nodes: versions) tells the places of a backup."""
    majors = [as_int(one.strip().partition(".")[0]) for one in (version or "").split(",")]
    return any(major is None or major >= 5 for major in majors)


def word(value: t.Any) -> str:
    """The name of an enum, which is an object {name, description} in most answers and plain text in others."""
    if isinstance(value, dict):
        value = value.get("name")
    return value.upper() if isinstance(value, str) else (as_text(value) or "").upper()


def own_guid(row: Mapping[str, t.Any]) -> str:
    """The id of a record; without it nothing can be told apart."""
    guid = as_text(row.get("guid"))
    if guid is None:
        raise AnswerError("a record has no guid", advice="Check that the URL is that of the product")
    return guid


def guid_of(row: Mapping[str, t.Any], member: str) -> str | None:
    """The guid of a reference {guid, name}."""
    value = row.get(member)
    return as_text(value.get("guid")) if isinstance(value, dict) else None


def moment_of(row: Mapping[str, t.Any], member: str) -> int | None:
    """A time in milliseconds; 0 and what is no time are taken for missing, as the vendor's own clients do."""
    try:
        return from_epoch_millis(row[member]) if row.get(member) else None
    except DataError:
        return None


def workload_of(row: Mapping[str, t.Any]) -> Workload:
    """The workload that a backup names. One that was deleted is known by the text that the backup keeps of it."""
    entity = as_object(row.get("protectedEntity"))
    if not entity:
        kept = row.get("sourceNameAndGuid")
        return Workload(
            id=as_text(as_object(kept).get("guid")), name=as_text(as_object(kept).get("name")) or as_text(kept)
        )
    return entity_of(entity)


def entity_of(entity: Mapping[str, t.Any]) -> Workload:
    """A protected entity: of a backup, of /protected-entities, or of a list of one kind."""
    workload_type, _rule = TYPES.get(word(entity.get("type")), (None, None))
    platform = word(entity.get("hvType")) or word(entity.get("hvmType"))
    return Workload(
        id=as_text(entity.get("guid")),
        name=as_text(entity.get("name")),
        type=workload_type,
        platform=platform.lower() or None,
        in_inventory=as_bool(entity.get("present")),
    )


def is_copy(row: Mapping[str, t.Any]) -> bool:
    """Whether this record only tells that another backup was copied."""
    return word(row.get("type")) == _SYNCHRONIZATION


def parent_of(row: Mapping[str, t.Any]) -> str | None:
    """The backup that this one cannot be restored without; only an increment has such."""
    return guid_of(row, "parentBackup") if _kind(row) in ("incremental", "unknown") else None


@dataclasses.dataclass(slots=True)
class _Place:
    """One place in which a backup lies, or lay; the words of the record, read once."""

    status: str
    role: str
    media: str | None
    destination: str | None
    name: str | None


def point_of(row: Mapping[str, t.Any], workload: Workload, context: Context) -> RecoveryPoint | None:
    """One record; None for one that is no backup and carries no time (queued, failed before it began)."""
    guid = own_guid(row)
    snapshot, finished = moment_of(row, "snapshotTime"), moment_of(row, "backupTime")
    created = snapshot if snapshot is not None else finished
    status = _STATUSES.get(word(row.get("status")), "unknown")
    if created is None:
        if status in ("failed", "running"):
            return None
        raise AnswerError(f"the backup {guid} has neither snapshotTime nor backupTime")
    places = _places(row)
    point = RecoveryPoint(
        id=guid,
        workload=workload,
        created=created,
        completed=finished,
        kind="archive" if _archived(places) else _kind(row),
        status=status,
        usable=_usable(row, status, places, context),
        # What failed or still runs has a size of 0, which says nothing.
        size_bytes=as_int(row.get("size")) if status in ("success", "warning") else None,
        copies=_copies(places, context),
        expires=moment_of(row, "archiveExpire"),
        job=as_text(as_object(row.get("backupRule")).get("name")),
        # When it was stored is later than what it can bring back: the age is then told too young.
        estimated=() if snapshot is not None else ("created_at",),
        raw=scrubbed(dict(row)) if context.include_raw else None,
    )
    if status in ("success", "warning"):
        _estimate(point, row, places, context)
    return point


def _kind(row: Mapping[str, t.Any]) -> str:
    return _KINDS.get(word(row.get("type")), "unknown")


def _places(row: Mapping[str, t.Any]) -> list[_Place] | None:
    """The places that the record lists; versions before 5 know of one place and list none."""
    listed = row.get("backupLocations")
    return [_place(as_object(place)) for place in listed] if isinstance(listed, list) else None


def _place(place: Mapping[str, t.Any]) -> _Place:
    destination = as_object(place.get("backupDestination"))
    return _Place(
        word(place.get("status")),
        word(place.get("roleType")),
        _MEDIA.get(word(place.get("backupDestinationType"))),
        as_text(destination.get("guid")),
        as_text(destination.get("name")),
    )


def _archived(places: Sequence[_Place] | None) -> bool:
    """Whether it lies in archives only, from where it must be brought back first."""
    return bool(places) and all(place.role == "ARCHIVE" for place in places or ())


def _usable(row: Mapping[str, t.Any], status: str, places: Sequence[_Place] | None, context: Context) -> bool | None:
    if status in ("failed", "running"):
        return False
    if status == "unknown":
        return None
    told = {place.status for place in places or ()}
    if "PRESENT" in told or (places is None and not context.lists_places):
        # That the copy of a backup alone can be restored is nowhere said, and what has no type may be one.
        return None if is_copy(row) or not word(row.get("type")) else True
    return False if told and told <= {"REMOVED", "FAILED"} else None


def _copies(places: Sequence[_Place] | None, context: Context) -> list[Copy] | None:
    if places is None or any(not place.status for place in places):
        return None
    return [
        Copy(
            location=place.name,
            location_type=place.media,
            role=place.role.lower() or None,
            encrypted=True if place.destination in context.encrypting else None,
            offsite=True if place.media == "object" else None,
        )
        for place in places
        if place.status == "PRESENT"
    ]


def _estimate(
    point: RecoveryPoint, row: Mapping[str, t.Any], places: Sequence[_Place] | None, context: Context
) -> None:
    """What settings of today, and restores of this very backup, imply for it."""
    estimated = point.estimated
    restored = context.restored.get(point.id)
    if restored is not None and restored >= point.created:
        point.verified, point.verified_at, point.verified_by = True, restored, "restore"
        estimated += ("verified", "verified_at", "verified_by")
    if point.copies:
        if all(copy.encrypted for copy in point.copies):
            point.encrypted = True
            estimated += ("encrypted",)
        point.offsite = any_of(copy.offsite for copy in point.copies)
        if point.offsite:
            estimated += ("offsite",)
        if _lock(point, row, places or (), context):
            estimated += ("immutable", "immutable_until")
    point.estimated = estimated


def rule_of(row: Mapping[str, t.Any]) -> tuple[str, str] | None:
    """(guid, word of the kind) of the rule that made a backup; None where the record does not tell them."""
    rule = guid_of(row, "backupRule")
    _type, kind = TYPES.get(word(as_object(row.get("protectedEntity")).get("type")), (None, None))
    return None if rule is None or kind is None else (rule, kind)


def _lock(point: RecoveryPoint, row: Mapping[str, t.Any], places: Sequence[_Place], context: Context) -> bool:
    """The retention lock of the rule as it is today, counted from when the backup was stored."""
    rule = rule_of(row)
    if rule is None:
        return False
    days = context.locks(*rule)
    if not any(days.values()):
        return False
    stored = point.completed if point.completed is not None else point.created
    present = [place for place in places if place.status == "PRESENT"]
    for copy, place in zip(point.copies or (), present, strict=True):
        locked = days.get(place.destination or "", days.get(place.role, 0))
        if locked:
            copy.immutable_until = days_after(stored, locked)
            point.immutable_until = max(point.immutable_until or 0, copy.immutable_until)
    return point.immutable_until is not None


def locks_of(rule: Mapping[str, t.Any]) -> dict[str, int]:
    """Days of retention lock by the destination's guid, and by role for locations that name no destination."""
    days: dict[str, int] = {}
    for place in map(as_object, as_list(rule.get("ruleBackupDestinations"))):
        locked = as_int(place.get("daysToKeepRetentionLock")) or 0
        guid = guid_of(place, "backupDestination")
        if guid is not None:
            days[guid] = locked
        else:
            days[word(place.get("roleType"))] = locked
    return days
