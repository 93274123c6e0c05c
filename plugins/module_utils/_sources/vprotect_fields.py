# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: one record of /backups -> one recovery point. Fields: vendor's API pages 7.4, vendor's own UI."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._alike import Alike
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


@dataclasses.dataclass
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

    def __post_init__(self) -> None:
        self._said: Alike[Said] = Alike(lambda status, kind, places: _said_of(status, kind, places, self))

    def said(self, row: Mapping[str, t.Any]) -> Said:
        """What a record says but for its id, its workload, its times and its size."""
        listed = row.get("backupLocations")
        # Versions before 5 know of one place and list none.
        places = tuple(map(_place, listed)) if isinstance(listed, list) else None
        return self._said.of((_name(row.get("status")), _name(row.get("type")), places))


def lists_places(version: str | None) -> bool:
    """Whether a server of this version (of several nodes: versions) tells the places of a backup."""
    majors = [as_int(one.strip().partition(".")[0]) for one in (version or "").split(",")]
    return any(major is None or major >= 5 for major in majors)


def _name(value: t.Any) -> t.Any:
    """What an enum is called, which is an object {name, description} in most answers and plain text in others."""
    return value.get("name") if isinstance(value, dict) else value


def word(value: t.Any) -> str:
    """The name of an enum in capital letters."""
    value = _name(value)
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


def parent_of(row: Mapping[str, t.Any], said: Said) -> str | None:
    """The backup that this one cannot be restored without; only an increment has such."""
    return guid_of(row, "parentBackup") if said.needs_parent else None


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class _Place:
    """One place in which a backup lies, or lay."""

    status: str
    role: str
    media: str | None
    destination: str | None
    name: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Said:
    """What records mean that say the same of all but their id, their workload, their times and their size."""

    status: str
    kind: str
    usable: bool | None
    # Made once, and deleted since.
    removed: bool
    # It only tells that another backup was copied.
    copy: bool
    needs_parent: bool
    places: tuple[_Place, ...]
    copies: list[Copy] | None
    encrypted: bool | None
    offsite: bool | None
    estimated: tuple[str, ...]


def _said_of(status_name: t.Any, kind_name: t.Any, listed: tuple[_Place, ...] | None, context: Context) -> Said:
    status = _STATUSES.get(word(status_name), "unknown")
    kind = _KINDS.get(word(kind_name), "unknown")
    copy = word(kind_name) == _SYNCHRONIZATION
    places = listed or ()
    copies = _copies(listed, context)
    encrypted = offsite = None
    if copies and status in ("success", "warning"):
        encrypted = True if all(one.encrypted for one in copies) else None
        offsite = any_of(one.offsite for one in copies)
    return Said(
        status=status,
        # What lies in archives only must be brought back from there first.
        kind="archive" if places and all(place.role == "ARCHIVE" for place in places) else kind,
        # That the copy of a backup alone can be restored is nowhere said, and what has no type may be one.
        usable=_usable(status, listed, context, sure=not copy and bool(word(kind_name))),
        removed=word(status_name) == REMOVED,
        copy=copy,
        needs_parent=kind in ("incremental", "unknown"),
        places=places,
        copies=copies,
        encrypted=encrypted,
        offsite=offsite,
        estimated=(*(("encrypted",) if encrypted else ()), *(("offsite",) if offsite else ())),
    )


def point_of(row: Mapping[str, t.Any], said: Said, workload: Workload, context: Context) -> RecoveryPoint | None:
    """One record; None for one that is no backup and carries no time (queued, failed before it began)."""
    guid = own_guid(row)
    snapshot, finished = moment_of(row, "snapshotTime"), moment_of(row, "backupTime")
    created = snapshot if snapshot is not None else finished
    made = said.status in ("success", "warning")
    if created is None:
        if said.status in ("failed", "running"):
            return None
        raise AnswerError(f"the backup {guid} has neither snapshotTime nor backupTime")
    point = RecoveryPoint(
        id=guid,
        workload=workload,
        created=created,
        completed=finished,
        kind=said.kind,
        status=said.status,
        usable=said.usable,
        # What failed or still runs has a size of 0, which says nothing.
        size_bytes=as_int(row.get("size")) if made else None,
        copies=said.copies,
        encrypted=said.encrypted,
        offsite=said.offsite,
        expires=moment_of(row, "archiveExpire"),
        job=as_text(as_object(row.get("backupRule")).get("name")),
    )
    # When it was stored is later than what it can bring back: the age is then told too young.
    estimated = () if snapshot is not None else ("created_at",)
    if context.include_raw:
        point.raw = scrubbed(dict(row))
    if made:
        restored = context.restored.get(guid)
        if restored is not None and restored >= created:
            point.verified, point.verified_at, point.verified_by = True, restored, "restore"
            estimated = (*estimated, "verified", "verified_at", "verified_by")
        estimated = (*estimated, *said.estimated)
        if said.copies and _lock(point, row, said, context):
            estimated = (*estimated, "immutable", "immutable_until")
    point.estimated = estimated
    return point


def _place(listed: t.Any) -> _Place:
    place = as_object(listed)
    destination = as_object(place.get("backupDestination"))
    return _place_said.of(
        (
            _name(place.get("status")),
            _name(place.get("roleType")),
            _name(place.get("backupDestinationType")),
            destination.get("guid"),
            destination.get("name"),
        )
    )


_place_said = Alike(
    lambda status, role, media, guid, name: _Place(
        word(status), word(role), _MEDIA.get(word(media)), as_text(guid), as_text(name)
    )
)


def _usable(status: str, places: Sequence[_Place] | None, context: Context, *, sure: bool) -> bool | None:
    if status in ("failed", "running"):
        return False
    if status == "unknown":
        return None
    told = {place.status for place in places or ()}
    if "PRESENT" in told or (places is None and not context.lists_places):
        return True if sure else None
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


def rule_of(row: Mapping[str, t.Any]) -> tuple[str, str] | None:
    """(guid, word of the kind) of the rule that made a backup; None where the record does not tell them."""
    rule, entity = row.get("backupRule"), row.get("protectedEntity")
    if not isinstance(rule, dict) or not isinstance(entity, dict):
        return None
    return _rule_said.of((rule.get("guid"), _name(entity.get("type"))))


def _rule_of(guid: t.Any, kind: t.Any) -> tuple[str, str] | None:
    rule = as_text(guid)
    _type, rule_word = TYPES.get(word(kind), (None, None))
    return None if rule is None or rule_word is None else (rule, rule_word)


_rule_said = Alike(_rule_of)


def _lock(point: RecoveryPoint, row: Mapping[str, t.Any], said: Said, context: Context) -> bool:
    """The retention lock of the rule as it is today, counted from when the backup was stored."""
    rule = rule_of(row)
    days = context.locks(*rule) if rule is not None else {}
    if not any(days.values()):
        return False
    stored = point.completed if point.completed is not None else point.created
    # Its own ones, because others that lie in the same places were stored at other times.
    point.copies = [dataclasses.replace(copy) for copy in said.copies or ()]
    present = [place for place in said.places if place.status == "PRESENT"]
    for copy, place in zip(point.copies, present, strict=True):
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
