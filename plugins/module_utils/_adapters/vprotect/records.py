# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: convert records of /backups to recovery points."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Callable, Container, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.locations import (
    build_copies,
    is_archived,
    is_present,
    is_retained,
    limit_offsite,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import (
    PRESENT,
    TYPES,
    Destination,
    ParsedFields,
    Record,
    RecordFields,
    Restore,
    get_enum_text,
    get_guid,
    normalize_enum,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload, any_true
from ansible_collections.backup.audit.plugins.module_utils._core.times import add_days
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import (
    OTHER,
    parse_platform,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    remove_secrets,
)

WORKLOAD_TYPES = tuple(dict.fromkeys(workload_type for workload_type, _rule in TYPES.values()))
RULE_TYPES = tuple(dict.fromkeys(rule for _workload_type, rule in TYPES.values()))
# Retention deleted the backup, so it is not a recovery point.
REMOVED = "SUCCESS_REMOVED"
_STATUSES = {
    "SUCCESS": "success",
    "PARTIAL_SUCCESS": "warning",
    "FAILED": "failed",
    "INPROGRESS": "running",
    "QUEUED": "running",
}
KEPT = tuple(_STATUSES)
# Jobs with these statuses have not finished.
RUNNING = tuple(name for name, status in _STATUSES.items() if status == "running")
_KINDS = {"FULL": "full", "INCREMENTAL": "incremental", "SYNTHETIC": "synthetic_full"}
# A copy of a backup from its primary destination to another one.
_SYNCHRONIZATION = "SYNCHRONIZATION"
# A guid within the text that identifies a deleted workload.
_GUID = re.compile(r"(?<![0-9a-f-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f-])", re.IGNORECASE)


@dataclasses.dataclass
class Context:
    """Data that is needed to evaluate points: current settings, and completed restores."""

    # Guids of destinations with encryption enabled.
    encrypting: frozenset[str]
    # Guid of a backup -> its newest finished restore job.
    restored: Mapping[str, Restore]
    # (rule guid, rule type name in paths) -> days of retention lock by destination guid and by role.
    locks: Callable[[str, str], Mapping[str, int]]
    include_raw: bool
    # Version 5 and later list locations. There, a backup without locations may have been removed from all of them.
    lists_locations: bool = True
    # Destinations by guid.
    destinations: Mapping[str, Destination] = dataclasses.field(default_factory=dict)
    # Guids of workloads for which the server reports that no backup can be restored.
    unrestorable: Container[str | None] = ()
    # Guids of workloads whose last backup chain is marked for removal.
    marked_for_removal: Container[str | None] = ()
    # Names of the workloads above that have backups that look restorable.
    contradicted: set[str] = dataclasses.field(default_factory=set)
    # Whether points are only counted, so that fewer fields are needed.
    counts_only: bool = False

    def parse(self, fields: RecordFields) -> ParsedFields:
        """Return the normalized fields of a record, except id, workload, times and size (cached)."""
        if fields.parsed is None:
            fields.parsed = _parse_fields(fields, self)
        return fields.parsed


def lists_locations(version: str | None) -> bool:
    """Return whether a server with this version, or with nodes of these versions, lists the locations of a backup."""
    majors = [as_int(one.strip().partition(".")[0]) for one in (version or "").split(",")]
    return any(major is None or major >= 5 for major in majors)


def build_workload(record: Record) -> Workload:
    """Return the workload of a backup. A deleted workload is identified by a text that is stored in the backup.

    Without an id, the workload is ambiguous, because another one may have the same name.
    """
    if record.entity and isinstance(record.entity, dict):
        return parse_entity(record.entity)
    kept = as_object(record.row).get("sourceNameAndGuid")
    if isinstance(kept, dict):
        return Workload(id=as_text(kept.get("guid")), name=as_text(kept.get("name")))
    text = as_text(kept) or ""
    guids = set(_GUID.findall(text))
    if len(guids) != 1:
        return Workload(name=text or None)
    (guid,) = guids
    # Formats such as "name (guid)".
    return Workload(id=guid, name=text.replace(guid, "").strip(" ()[]:,;/-") or text)


def parse_entity(entity: Mapping[str, t.Any]) -> Workload:
    """Parse a protected entity from a backup, from /protected-entities, or from a list of one type."""
    workload_type, _rule = TYPES.get(normalize_enum(entity.get("type")), (None, None))
    # The type of the hypervisor, or of its manager: the first one with a known platform is used.
    terms = [term for name in ("hvType", "hvmType") if (term := get_enum_text(entity.get(name)))]
    known = [term for term in terms if parse_platform(term) != OTHER]
    term = next(iter([*known, *terms]), None)
    return Workload(
        id=as_text(entity.get("guid")),
        name=as_text(entity.get("name")),
        type=workload_type,
        platform=parse_platform(term),
        vendor_platform=term,
        in_inventory=as_bool(entity.get("present")),
    )


def _parse_fields(fields: RecordFields, context: Context) -> ParsedFields:
    status = _STATUSES.get(fields.status, "unknown")
    if status == "success" and fields.warned:
        status = "warning"
    kind = _KINDS.get(fields.kind, "unknown")
    copy = fields.kind == _SYNCHRONIZATION
    succeeded = status in ("success", "warning")
    copies = build_copies(fields.locations, context.encrypting, context.destinations)
    encrypted = offsite = None
    if copies and succeeded:
        encrypted = True if all(one.encrypted for one in copies) else None
        offsite = any_true(one.offsite for one in copies)
    usable = False if status in ("failed", "running") else None
    if succeeded:
        usable = is_present(fields.locations, lists_locations=context.lists_locations)
    # It is undocumented whether a copy alone can be restored. A record without a type may be a copy.
    if usable and (copy or not fields.kind):
        usable = None
    doubt = None if usable is False or copy else _find_doubt(fields, status, usable)
    return ParsedFields(
        status=status,
        kind="archive" if kind != "unknown" and is_archived(fields.locations) else kind,
        usable=None if fields.hidden and usable else usable,
        succeeded=succeeded,
        removed=fields.status == REMOVED,
        copy=copy,
        needs_parent=kind in ("incremental", "unknown"),
        copies=copies,
        encrypted=encrypted,
        offsite=offsite,
        inferred=(*(("encrypted",) if encrypted else ()), *(("offsite",) if offsite else ())),
        doubt=doubt,
    )


def _find_doubt(fields: RecordFields, status: str, usable: bool | None) -> str | None:
    """Return why the usability or the kind of a backup is unknown, or None if both are known."""
    if not fields.kind:
        return "have no type"
    if fields.kind not in _KINDS:
        return f"have the type {fields.kind}, which this module does not know"
    if status == "unknown":
        return (
            f"have the status {fields.status}, which this module does not know" if fields.status else "have no status"
        )
    if usable and fields.hidden:
        return "are hidden in the product"
    if usable:
        return None
    if any(location.status == PRESENT for location in fields.locations or ()):
        return "are marked as expired or to be recreated wherever they are stored"
    return "are not reported to be present in any location"


def build_point(record: Record, workload: Workload, context: Context) -> RecoveryPoint | None:
    """Build a point. Return None if the record is not a backup and has no time, because it is queued or failed at once.

    A backup without a time is dated 1970, so that it does not count.
    """
    fields, snapshot, row = record.fields, record.snapshot, record.row
    parsed = context.parse(fields)
    guid = record.key
    created = record.created
    if not created and parsed.status in ("failed", "running"):
        return None
    point = RecoveryPoint(
        id=guid,
        workload=workload,
        created=created,
        completed=record.finished,
        kind=parsed.kind,
        status=parsed.status,
        usable=parsed.usable,
        # The size of failed and running backups is always 0.
        size_bytes=record.size if parsed.succeeded else None,
        copies=parsed.copies,
        encrypted=parsed.encrypted,
        offsite=parsed.offsite,
        expires_at=record.expires,
        job=fields.job,
    )
    # The mark of a chain applies to backups whose own locations have no hint.
    marked_for_removal = fields.kept_until_date is None and workload.id in context.marked_for_removal
    if point.usable and (marked_for_removal or workload.id in context.unrestorable):
        point.usable = None
        context.contradicted.add(workload.name or str(workload.id))
    # A backup is stored later than the point in time that it restores.
    inferred: tuple[str, ...] = () if snapshot is not None else ("created_at",)
    if context.include_raw and row is not None:
        point.raw = remove_secrets(row)
    if parsed.succeeded:
        inferred = (*inferred, *_apply_restore(point, context.restored.get(guid)), *parsed.inferred)
        if parsed.offsite and not limit_offsite(point):
            inferred = tuple(name for name in inferred if name != "offsite")
        if point.copies and _apply_lock(point, fields, point.copies, context):
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
    # Locked and restored backups have individual times, so they cannot share a template.
    plain = context.counts_only and record.row is None and not any(fields.days or ())
    if not plain or created is None or size is None or record.key in context.restored:
        return None
    pattern = fields.patterns.get(record.workload)
    if pattern is None:
        parsed = context.parse(fields)
        pattern = build_point(record, workload, context) if parsed.succeeded and not parsed.copy else None
        if pattern is None or pattern.immutable_until is not None:
            return None
        # These values are specific to one record, and are not needed for counting.
        pattern.completed = pattern.expires_at = None
        fields.patterns[record.workload] = pattern
    return PointTemplate(pattern, record.key, created, size, pattern.usable, record.expires)


def _apply_restore(point: RecoveryPoint, restore: Restore | None) -> tuple[str, ...]:
    """Apply the newest restore job of a backup. Return the names of the inferred fields."""
    if restore is None or restore.time is None or restore.time < point.created:
        return ()
    point.tested_at, point.tested_by = restore.time, "restore"
    if not restore.succeeded:
        # The time remains, so that the result of the newest test is unknown and an older test does not count instead.
        return ("tested_at", "tested_by")
    point.restore_tested = True
    return ("restore_tested", "tested_at", "tested_by")


def _apply_lock(point: RecoveryPoint, fields: RecordFields, copies: Sequence[Copy], context: Context) -> bool:
    """Apply the current retention lock of the rule, which starts when the backup is stored."""
    days = fields.days
    if days is None:
        days = fields.days = _get_lock_days(fields, context)
    if not any(days):
        return False
    stored = point.completed if point.completed is not None else point.created
    # New objects, because other backups in the same locations were stored at other times.
    point.copies = [dataclasses.replace(copy) for copy in copies]
    for copy, locked in zip(point.copies, days, strict=True):
        if locked:
            copy.immutable_until = add_days(stored, locked)
            point.immutable_until = max(point.immutable_until or 0, copy.immutable_until)
    return point.immutable_until is not None


def _get_lock_days(fields: RecordFields, context: Context) -> tuple[int, ...]:
    """Return the days of retention lock of each location that has a copy."""
    days = context.locks(*fields.rule) if fields.rule is not None else {}
    retained = filter(is_retained, fields.locations or ())
    return tuple(days.get(location.destination or "", days.get(location.role, 0)) for location in retained)


def parse_locks(rule: Mapping[str, t.Any]) -> dict[str, int]:
    """Parse the days of retention lock by destination guid, or by role for locations without a destination.

    If a destination has several roles, the shortest lock is used. The name of the list depends on the type of rule.
    """
    days: dict[str, int] = {}
    for location in map(as_object, as_list(rule.get("ruleBackupDestinations") or rule.get("backupDestinations"))):
        key = get_guid(location, "backupDestination") or normalize_enum(location.get("roleType"))
        locked = as_int(location.get("daysToKeepRetentionLock")) or 0
        days[key] = min(locked, days.get(key, locked))
    return days
