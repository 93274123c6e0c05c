# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: convert records of /backups to recovery points."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import (
    TYPES,
    Location,
    ParsedFields,
    Record,
    RecordFields,
    get_guid,
    normalize_enum,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload, any_true
from ansible_collections.backup.audit.plugins.module_utils._core.times import add_days
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    remove_secrets,
)

WORKLOAD_TYPES = tuple(dict.fromkeys(workload_type for workload_type, _rule in TYPES.values()))
RULE_WORDS = tuple(dict.fromkeys(rule for _workload_type, rule in TYPES.values()))
# The backup was made and later deleted by retention: not a recovery point.
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
# A copy of a backup from its primary destination to another one.
_SYNCHRONIZATION = "SYNCHRONIZATION"
_DISKS = ("FILESYSTEM", "SYNTHETICXFS", "SYNTHETICDDBOOST", "VSTOR")
_CLOUDS = ("S3", "GCS", "AZURE", "SWIFT")
# Other backup products (ISP, NETBACKUP and so on) are missing: the type of their media is unknown.
_MEDIA = {**dict.fromkeys(_DISKS, "disk"), **dict.fromkeys(_CLOUDS, "object")}


@dataclasses.dataclass
class Context:
    """Data that points are evaluated with: current settings, and restores that were made."""

    # Destinations (guid) with encryption enabled.
    encrypting: frozenset[str]
    # Backup (guid) -> when it was last restored.
    restored: Mapping[str, int]
    # (rule guid, rule type name in paths) -> days of retention lock by destination guid and by role.
    locks: Callable[[str, str], Mapping[str, int]]
    include_raw: bool
    # Version 5 and later list locations. A backup without any may have been removed from all of them.
    lists_locations: bool = True
    # Whether points are only counted, so that only the fields needed for that are kept.
    counts_only: bool = False

    def parse(self, fields: RecordFields) -> ParsedFields:
        """Return the normalized fields of a record, except id, workload, times and size (cached)."""
        if fields.parsed is None:
            fields.parsed = _parse_fields(fields, self)
        return fields.parsed


def lists_locations(version: str | None) -> bool:
    """Whether a server of this version (or versions, for several nodes) lists the locations of a backup."""
    majors = [as_int(one.strip().partition(".")[0]) for one in (version or "").split(",")]
    return any(major is None or major >= 5 for major in majors)


def build_workload(record: Record) -> Workload:
    """Return the workload of a backup. A deleted workload is identified by the text stored in the backup."""
    if record.entity and isinstance(record.entity, dict):
        return parse_entity(record.entity)
    kept = as_object(record.row).get("sourceNameAndGuid")
    return Workload(id=as_text(as_object(kept).get("guid")), name=as_text(as_object(kept).get("name")) or as_text(kept))


def parse_entity(entity: Mapping[str, t.Any]) -> Workload:
    """Parse a protected entity from a backup, from /protected-entities, or from a list of one type."""
    workload_type, _rule = TYPES.get(normalize_enum(entity.get("type")), (None, None))
    platform = normalize_enum(entity.get("hvType")) or normalize_enum(entity.get("hvmType"))
    return Workload(
        id=as_text(entity.get("guid")),
        name=as_text(entity.get("name")),
        type=workload_type,
        platform=platform.lower() or None,
        in_inventory=as_bool(entity.get("present")),
    )


def _parse_fields(fields: RecordFields, context: Context) -> ParsedFields:
    status = _STATUSES.get(fields.status, "unknown")
    kind = _KINDS.get(fields.kind, "unknown")
    copy = fields.kind == _SYNCHRONIZATION
    succeeded = status in ("success", "warning")
    copies = _build_copies(fields.locations, context)
    encrypted = offsite = None
    if copies and succeeded:
        encrypted = True if all(one.encrypted for one in copies) else None
        offsite = any_true(one.offsite for one in copies)
    return ParsedFields(
        status=status,
        # A backup that is only in archives must be retrieved from there first.
        kind="archive"
        if fields.locations and all(location.role == "ARCHIVE" for location in fields.locations)
        else kind,
        # It is undocumented whether a copy alone can be restored; a record without a type may be a copy.
        usable=_evaluate_usable(status, fields.locations, context, sure=not copy and bool(fields.kind)),
        succeeded=succeeded,
        removed=fields.status == REMOVED,
        copy=copy,
        needs_parent=kind in ("incremental", "unknown"),
        copies=copies,
        encrypted=encrypted,
        offsite=offsite,
        inferred=(*(("encrypted",) if encrypted else ()), *(("offsite",) if offsite else ())),
    )


def build_point(record: Record, workload: Workload, context: Context) -> RecoveryPoint | None:
    """Build a point; None if the record is not a backup and has no time (queued, failed before it began)."""
    fields, snapshot, row = record.fields, record.snapshot, record.row
    parsed = context.parse(fields)
    guid = record.guid()
    created = snapshot if snapshot is not None else record.finished
    if created is None:
        if parsed.status in ("failed", "running"):
            return None
        raise InvalidResponseError(f"the backup {guid} has neither snapshotTime nor backupTime")
    point = RecoveryPoint(
        id=guid,
        workload=workload,
        created=created,
        completed=record.finished,
        kind=parsed.kind,
        status=parsed.status,
        usable=parsed.usable,
        # Failed and running backups have a size of 0, which is meaningless.
        size_bytes=record.size if parsed.succeeded else None,
        copies=parsed.copies,
        encrypted=parsed.encrypted,
        offsite=parsed.offsite,
        expires_at=record.expires,
        job=fields.job,
    )
    # The time of storage is later than the point in time that the backup restores.
    inferred = () if snapshot is not None else ("created_at",)
    if context.include_raw and row is not None:
        point.raw = remove_secrets(row)
    if parsed.succeeded:
        restored = context.restored.get(guid)
        if restored is not None and restored >= created:
            point.restore_tested, point.tested_at, point.tested_by = True, restored, "restore"
            inferred = (*inferred, "restore_tested", "tested_at", "tested_by")
        inferred = (*inferred, *parsed.inferred)
        if parsed.copies and _apply_lock(point, fields, parsed.copies, context):
            inferred = (*inferred, "immutable", "immutable_until")
    point.inferred = inferred
    return point


@dataclasses.dataclass(slots=True)
class PointTemplate:
    """A point that equals ``pattern`` except for id, times, size and the usability set by its chain."""

    pattern: RecoveryPoint
    id: str
    created: int
    size_bytes: int | None
    usable: bool | None
    expires_at: int | None

    @property
    def workload(self) -> Workload:
        """Return the workload of the point."""
        return self.pattern.workload

    def to_point(self) -> RecoveryPoint:
        """Return a separate point with these values."""
        return dataclasses.replace(
            self.pattern,
            id=self.id,
            created=self.created,
            size_bytes=self.size_bytes,
            usable=self.usable,
            expires_at=self.expires_at,
        )


def build_template(record: Record, workload: Workload, context: Context) -> PointTemplate | None:
    """Build a template if the record differs from others of its workload only in id, time and size; else None."""
    fields, created, size = record.fields, record.snapshot, record.size
    # Locked and restored backups have individual times, so they cannot share a pattern.
    plain = context.counts_only and record.row is None and not any(fields.days or ())
    if not plain or created is None or size is None or record.key in context.restored:
        return None
    pattern = fields.patterns.get(record.workload)
    if pattern is None:
        parsed = context.parse(fields)
        pattern = build_point(record, workload, context) if parsed.succeeded and not parsed.copy else None
        if pattern is None or pattern.immutable_until is not None:
            return None
        # These belong to one record only and are not needed for counting.
        pattern.completed = pattern.expires_at = None
        fields.patterns[record.workload] = pattern
    return PointTemplate(pattern, record.key, created, size, pattern.usable, record.expires)


def _evaluate_usable(status: str, locations: Sequence[Location] | None, context: Context, *, sure: bool) -> bool | None:
    if status in ("failed", "running"):
        return False
    if status == "unknown":
        return None
    statuses = {location.status for location in locations or ()}
    if "PRESENT" in statuses or (locations is None and not context.lists_locations):
        return True if sure else None
    return False if statuses and statuses <= {"REMOVED", "FAILED"} else None


def _build_copies(locations: Sequence[Location] | None, context: Context) -> list[Copy] | None:
    if locations is None or any(not location.status for location in locations):
        return None
    return [
        Copy(
            location=location.name,
            location_type=_MEDIA.get(location.kind),
            role=location.role.lower() or None,
            encrypted=True if location.destination in context.encrypting else None,
            offsite=True if _MEDIA.get(location.kind) == "object" else None,
        )
        for location in locations
        if location.status == "PRESENT"
    ]


def _apply_lock(point: RecoveryPoint, fields: RecordFields, copies: Sequence[Copy], context: Context) -> bool:
    """Apply the current retention lock of the rule, counted from when the backup was stored."""
    days = fields.days
    if days is None:
        days = fields.days = _get_lock_days(fields, context)
    if not any(days):
        return False
    stored = point.completed if point.completed is not None else point.created
    # Separate copies, because other backups in the same locations were stored at other times.
    point.copies = [dataclasses.replace(copy) for copy in copies]
    for copy, locked in zip(point.copies, days, strict=True):
        if locked:
            copy.immutable_until = add_days(stored, locked)
            point.immutable_until = max(point.immutable_until or 0, copy.immutable_until)
    return point.immutable_until is not None


def _get_lock_days(fields: RecordFields, context: Context) -> tuple[int, ...]:
    """Return the days of retention lock of each location where the backup is present."""
    days = context.locks(*fields.rule) if fields.rule is not None else {}
    present = [location for location in fields.locations or () if location.status == "PRESENT"]
    return tuple(days.get(location.destination or "", days.get(location.role, 0)) for location in present)


def parse_locks(rule: Mapping[str, t.Any]) -> dict[str, int]:
    """Parse the days of retention lock by destination guid, or by role for locations without a destination."""
    days: dict[str, int] = {}
    for location in map(as_object, as_list(rule.get("ruleBackupDestinations"))):
        locked = as_int(location.get("daysToKeepRetentionLock")) or 0
        guid = get_guid(location, "backupDestination")
        if guid is not None:
            days[guid] = locked
        else:
            days[normalize_enum(location.get("roleType"))] = locked
    return days
