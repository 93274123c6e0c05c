# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: one record of /backups -> one recovery point."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.records import (
    TYPES,
    Location,
    ParsedFields,
    Record,
    RecordFields,
    guid_of,
    word,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload, any_true
from ansible_collections.backup.audit.plugins.module_utils._core.times import days_after
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    scrubbed,
)

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
    # Whether points are only counted, so that nothing has to be kept of one but what counts.
    counts_only: bool = False

    def said(self, words: RecordFields) -> ParsedFields:
        """What a record means but for its id, its workload, its times and its size."""
        if words.said is None:
            words.said = _said_of(words, self)
        return words.said


def lists_places(version: str | None) -> bool:
    """Whether a server of this version (of several nodes: versions) tells the places of a backup."""
    majors = [as_int(one.strip().partition(".")[0]) for one in (version or "").split(",")]
    return any(major is None or major >= 5 for major in majors)


def workload_of(record: Record) -> Workload:
    """The workload that a backup names. One that was deleted is known by the text that the backup keeps of it."""
    if record.entity and isinstance(record.entity, dict):
        return entity_of(record.entity)
    kept = as_object(record.row).get("sourceNameAndGuid")
    return Workload(id=as_text(as_object(kept).get("guid")), name=as_text(as_object(kept).get("name")) or as_text(kept))


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


def _said_of(words: RecordFields, context: Context) -> ParsedFields:
    status = _STATUSES.get(words.status, "unknown")
    kind = _KINDS.get(words.kind, "unknown")
    copy = words.kind == _SYNCHRONIZATION
    made = status in ("success", "warning")
    copies = _copies(words.places, context)
    encrypted = offsite = None
    if copies and made:
        encrypted = True if all(one.encrypted for one in copies) else None
        offsite = any_true(one.offsite for one in copies)
    return ParsedFields(
        status=status,
        # What lies in archives only must be brought back from there first.
        kind="archive" if words.places and all(place.role == "ARCHIVE" for place in words.places) else kind,
        # That the copy of a backup alone can be restored is nowhere said, and what has no type may be one.
        usable=_usable(status, words.places, context, sure=not copy and bool(words.kind)),
        made=made,
        removed=words.status == REMOVED,
        copy=copy,
        needs_parent=kind in ("incremental", "unknown"),
        copies=copies,
        encrypted=encrypted,
        offsite=offsite,
        estimated=(*(("encrypted",) if encrypted else ()), *(("offsite",) if offsite else ())),
    )


def point_of(record: Record, workload: Workload, context: Context) -> RecoveryPoint | None:
    """One record; None for one that is no backup and carries no time (queued, failed before it began)."""
    words, snapshot, row = record.words, record.snapshot, record.row
    said = context.said(words)
    guid = record.guid()
    created = snapshot if snapshot is not None else record.finished
    if created is None:
        if said.status in ("failed", "running"):
            return None
        raise InvalidResponseError(f"the backup {guid} has neither snapshotTime nor backupTime")
    point = RecoveryPoint(
        id=guid,
        workload=workload,
        created=created,
        completed=record.finished,
        kind=said.kind,
        status=said.status,
        usable=said.usable,
        # What failed or still runs has a size of 0, which says nothing.
        size_bytes=record.size if said.made else None,
        copies=said.copies,
        encrypted=said.encrypted,
        offsite=said.offsite,
        expires=record.expires,
        job=words.job,
    )
    # When it was stored is later than the moment that it brings back.
    estimated = () if snapshot is not None else ("created_at",)
    if context.include_raw and row is not None:
        point.raw = scrubbed(row)
    if said.made:
        restored = context.restored.get(guid)
        if restored is not None and restored >= created:
            point.verified, point.verified_at, point.verified_by = True, restored, "restore"
            estimated = (*estimated, "verified", "verified_at", "verified_by")
        estimated = (*estimated, *said.estimated)
        if said.copies and _lock(point, words, said.copies, context):
            estimated = (*estimated, "immutable", "immutable_until")
    point.estimated = estimated
    return point


@dataclasses.dataclass(slots=True)
class PointTemplate:
    """A point that is ``pattern`` but for id, time and size, and for what its chain makes of it."""

    pattern: RecoveryPoint
    id: str
    created: int
    size_bytes: int | None
    usable: bool | None

    @property
    def workload(self) -> Workload:
        """Whose it is."""
        return self.pattern.workload

    def point(self) -> RecoveryPoint:
        """The same as a point of its own."""
        return dataclasses.replace(
            self.pattern, id=self.id, created=self.created, size_bytes=self.size_bytes, usable=self.usable
        )


def like_of(record: Record, workload: Workload, context: Context) -> PointTemplate | None:
    """One record that says what others of its workload say; None for all that says more, or less."""
    words, created, size = record.words, record.snapshot, record.size
    # Of what is locked, and of what was restored, each has a time of its own.
    plain = context.counts_only and record.row is None and not any(words.days or ())
    if not plain or created is None or size is None or record.key in context.restored:
        return None
    pattern = words.patterns.get(record.workload)
    if pattern is None:
        said = context.said(words)
        pattern = point_of(record, workload, context) if said.made and not said.copy else None
        if pattern is None or pattern.immutable_until is not None:
            return None
        # Of its own record only, and nothing that counts.
        pattern.completed = pattern.expires = None
        words.patterns[record.workload] = pattern
    return PointTemplate(pattern, record.key, created, size, pattern.usable)


def _usable(status: str, places: Sequence[Location] | None, context: Context, *, sure: bool) -> bool | None:
    if status in ("failed", "running"):
        return False
    if status == "unknown":
        return None
    told = {place.status for place in places or ()}
    if "PRESENT" in told or (places is None and not context.lists_places):
        return True if sure else None
    return False if told and told <= {"REMOVED", "FAILED"} else None


def _copies(places: Sequence[Location] | None, context: Context) -> list[Copy] | None:
    if places is None or any(not place.status for place in places):
        return None
    return [
        Copy(
            location=place.name,
            location_type=_MEDIA.get(place.kind),
            role=place.role.lower() or None,
            encrypted=True if place.destination in context.encrypting else None,
            offsite=True if _MEDIA.get(place.kind) == "object" else None,
        )
        for place in places
        if place.status == "PRESENT"
    ]


def _lock(point: RecoveryPoint, words: RecordFields, copies: Sequence[Copy], context: Context) -> bool:
    """The retention lock of the rule as it is today, counted from when the backup was stored."""
    days = words.days
    if days is None:
        days = words.days = _days_of(words, context)
    if not any(days):
        return False
    stored = point.completed if point.completed is not None else point.created
    # Its own ones, because others that lie in the same places were stored at other times.
    point.copies = [dataclasses.replace(copy) for copy in copies]
    for copy, locked in zip(point.copies, days, strict=True):
        if locked:
            copy.immutable_until = days_after(stored, locked)
            point.immutable_until = max(point.immutable_until or 0, copy.immutable_until)
    return point.immutable_until is not None


def _days_of(words: RecordFields, context: Context) -> tuple[int, ...]:
    """Days of lock of each place in which a backup is present."""
    days = context.locks(*words.rule) if words.rule is not None else {}
    present = [place for place in words.places or () if place.status == "PRESENT"]
    return tuple(days.get(place.destination or "", days.get(place.role, 0)) for place in present)


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
