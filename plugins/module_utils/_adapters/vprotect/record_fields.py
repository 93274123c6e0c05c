# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: extract the required fields of /backups records. Fields: vendor's API pages 7.4, vendor's UI.

A decoded record takes 7 KB, most of which is not needed. The required fields are extracted immediately, while the
record is in the CPU cache. Decoding, extracting and freeing a record took 13 us instead of 19 in an idle process, and
less than half of the time that is needed if complete pages are passed between threads.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Container, Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_epoch_millis
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_int, as_text

# protectedEntity.type -> workload_type, and the name of such workloads in paths of rules.
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
# Maximum number of cached field combinations, of which there are few. Above it, the cache is cleared.
_LIMIT = 20_000
# Times in milliseconds below this value (in the year 5138) need no more checks.
_MAX_PLAIN_MILLIS = 10**14
_MEMBERS = (
    "guid",
    "status",
    "type",
    "protectedEntity",
    "backupRule",
    "backupLocations",
    "snapshotTime",
    "backupTime",
    "size",
    "archiveExpire",
    "parentBackup",
    "warningsPresent",
    "warnings",
    "hidden",
)
# Statuses of a location.
PRESENT, IN_PROGRESS = "PRESENT", "IN_PROGRESS"
# The backup is kept in the location until ``archiveExpire``, regardless of the rule.
KEPT_UNTIL_DATE = "ARCHIVE"


def get_enum_name(value: t.Any) -> t.Any:
    """Return the name of an enum, which is an object {name, description} in most responses and text in others."""
    return value.get("name") if isinstance(value, dict) else value


def get_enum_text(value: t.Any) -> str | None:
    """Return the name of an enum as it is reported, or None if it has none."""
    return as_text(get_enum_name(value))


def normalize_enum(value: t.Any) -> str:
    """Return the name of an enum in upper case."""
    value = get_enum_name(value)
    return value.upper() if isinstance(value, str) else (as_text(value) or "").upper()


def get_identity(row: Mapping[str, t.Any]) -> str:
    """Return a key that identifies a record in any list. Jobs are not known to have an id."""
    return as_text(row.get("guid")) or repr(row)


def get_guid(row: Mapping[str, t.Any], member: str) -> str | None:
    """Return the guid of a reference {guid, name}."""
    value = row.get(member)
    return as_text(value.get("guid")) if isinstance(value, dict) else None


def parse_millis(value: t.Any) -> int | None:
    """Convert milliseconds to microseconds. Zero, invalid times and times before 1970 count as missing."""
    # True is also an int, equal to 1.
    if isinstance(value, int) and 1 < value < _MAX_PLAIN_MILLIS:
        return value * 1000
    try:
        return max(parse_epoch_millis(value), 0) or None if value else None
    except DataError:
        return None


class Restore(t.NamedTuple):
    """The newest finished restore job of a backup, with its time if it is known.

    A job that did not succeed does not prove that the backup is damaged: the target may be the cause.
    """

    succeeded: bool
    time: int | None

    def is_newer(self, other: Restore) -> bool:
        """Return whether it counts more. One without success does if both have the same time, or its own is unknown."""
        return self._rank() > other._rank()

    def _rank(self) -> tuple[bool, int, bool]:
        return (self.time is None, self.time or 0, not self.succeeded)


@dataclasses.dataclass(frozen=True, slots=True)
class Destination:
    """The current settings of a backup destination. ``kind`` is the product's own term."""

    name: str | None
    kind: str | None
    encrypted: bool | None


@dataclasses.dataclass(frozen=True, slots=True)
class Location:
    """One location where a backup is or was stored."""

    status: str
    role: str
    # backupDestinationType, the product's own term.
    kind: str | None
    destination: str | None
    name: str | None
    # retentionHint.
    hint: str


@dataclasses.dataclass(frozen=True, slots=True)
class ParsedFields:
    """The normalized fields of a record, except id, workload, times and size."""

    status: str
    kind: str
    usable: bool | None
    # The status is success or warning.
    succeeded: bool
    # The backup was made and later deleted.
    removed: bool
    # The record only reports that another backup was copied.
    copy: bool
    needs_parent: bool
    copies: list[Copy] | None
    encrypted: bool | None
    offsite: bool | None
    inferred: tuple[str, ...]
    # Why the kind or the usability of the backup is unknown; completes a sentence that starts with "they".
    doubt: str | None


@dataclasses.dataclass(slots=True)
class RecordFields:
    """The reported values of a record, except id, workload, times and size."""

    status: str
    kind: str
    # None for versions before 5, which have one location per backup and do not list it.
    locations: tuple[Location, ...] | None
    job: str | None
    # (guid, type name in paths) of the rule that made the backup; None if the record lacks them.
    rule: tuple[str, str] | None
    # Whether the backup was made with warnings, and whether the product hides it.
    warned: bool
    hidden: bool
    # Whether a location is kept until a date; None if no location has a hint about its retention.
    kept_until_date: bool | None
    # Normalized fields, and the days of retention lock of each copy. Computed on demand.
    parsed: ParsedFields | None = dataclasses.field(default=None, compare=False)
    days: tuple[int, ...] | None = dataclasses.field(default=None, compare=False)
    # A point that contains only these values, by the guid of its workload.
    patterns: dict[str | None, RecoveryPoint] = dataclasses.field(default_factory=dict, compare=False)


class Record(t.NamedTuple):
    """One backup."""

    # The guid, or the repr of the record if it has none.
    key: str
    fields: RecordFields
    workload: str | None
    snapshot: int | None
    finished: int | None
    size: int | None
    expires: int | None
    parent: str | None
    # The reference to the workload, unless the workload is already known.
    entity: t.Any
    # The complete record, if raw data is requested or if the id or the workload is missing.
    row: dict[str, t.Any] | None

    @property
    def created(self) -> int:
        """The time of the backup; if it is missing, the time at which it was stored, or 0."""
        return self.snapshot if self.snapshot is not None else self.finished or 0

    @property
    def has_guid(self) -> bool:
        """Whether ``key`` is the guid of the backup."""
        return self.row is None or as_text(self.row.get("guid")) is not None


class RecordParser:
    """Extracts the required fields of records. ``workloads``: the ids of workloads that are already known."""

    def __init__(self, workloads: Container[str | None], *, include_raw: bool) -> None:
        self._workloads = workloads
        self._include_raw = include_raw
        self._cache: dict[t.Any, RecordFields] = {}

    def parse_all(self, rows: Iterable[dict[str, t.Any]]) -> list[Record]:
        """Parse all rows."""
        return list(map(self.parse, rows))

    def parse(self, row: dict[str, t.Any]) -> Record:
        """Parse one row."""
        (
            guid,
            status,
            kind,
            entity,
            rule,
            locations,
            snapshot,
            finished,
            size,
            expires,
            parent,
            warned,
            warnings,
            hidden,
        ) = map(row.get, _MEMBERS)
        key = as_text(guid)
        workload = as_text(entity.get("guid")) if isinstance(entity, dict) else None
        keep_row = self._include_raw or key is None or workload is None
        marks = _get_marks(warned, warnings, hidden) if warned or warnings or hidden else ()
        fields = self._get_fields(status, kind, entity, rule, locations, marks)
        if expires is not None or fields.kept_until_date:
            expires = _get_expiry(expires, locations, fields)
        return Record(
            key or repr(row),
            fields,
            workload,
            parse_millis(snapshot),
            parse_millis(finished),
            as_int(size),
            expires,
            as_text(parent.get("guid")) if isinstance(parent, dict) else None,
            None if workload in self._workloads else entity,
            row if keep_row else None,
        )

    def _get_fields(
        self, status: t.Any, kind: t.Any, entity: t.Any, rule: t.Any, locations: t.Any, marks: tuple[str, ...]
    ) -> RecordFields:
        """Return the fields of a record. Records with the same values share one object."""
        is_reference = isinstance(rule, dict)
        values = (
            status.get("name") if isinstance(status, dict) else status,
            kind.get("name") if isinstance(kind, dict) else kind,
            tuple(map(_get_location_values, locations)) if isinstance(locations, list) else None,
            rule.get("name") if is_reference else None,
            rule.get("guid") if is_reference else None,
            get_enum_name(entity.get("type")) if isinstance(entity, dict) else None,
            marks,
        )
        try:
            return self._cache[values]
        except (KeyError, TypeError):
            # Not cached yet, or unhashable because of an unexpected object or list.
            return self._cache_fields(values)

    def _cache_fields(self, values: tuple[t.Any, ...]) -> RecordFields:
        fields = _build_fields(*values)
        # Only strings are cached. Only a string equals a string (but 1 equals True), so lookups need no type check.
        if _is_all_text(values):
            if len(self._cache) >= _LIMIT:
                self._cache.clear()
            self._cache[values] = fields
        return fields


def _get_location_values(location: t.Any) -> tuple[t.Any, ...]:
    if not isinstance(location, dict):
        return (None,) * 6
    destination: t.Any = location.get("backupDestination")
    is_reference = isinstance(destination, dict)
    return (
        get_enum_name(location.get("status")),
        get_enum_name(location.get("roleType")),
        get_enum_name(location.get("backupDestinationType")),
        destination.get("guid") if is_reference else None,
        destination.get("name") if is_reference else None,
        get_enum_name(location.get("retentionHint")),
    )


def _get_marks(warned: t.Any, warnings: t.Any, hidden: t.Any) -> tuple[str, ...]:
    """Return the flags of a backup as text, which can be compared without a type check."""
    marks = []
    if as_bool(warned) or (warnings and isinstance(warnings, (list, str))):
        marks.append("warned")
    if as_bool(hidden):
        marks.append("hidden")
    return tuple(marks)


def _get_expiry(expires: t.Any, locations: t.Any, fields: RecordFields) -> int | None:
    """Return when the backup expires, at the earliest if locations differ, or None if that is not reported."""
    if fields.kept_until_date is False:
        # No location is kept until a date any longer, so the date is outdated.
        return None
    dates = [expires]
    if fields.kept_until_date and isinstance(locations, list) and fields.locations:
        for row, location in zip(locations, fields.locations, strict=True):
            if location.hint == KEPT_UNTIL_DATE and location.status == PRESENT and isinstance(row, dict):
                dates.append(row.get("archiveExpire"))
    return min((date for date in map(parse_millis, dates) if date is not None), default=None)


def _is_all_text(value: t.Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_all_text, value))
    return value is None or isinstance(value, str)


def _build_fields(
    status: t.Any,
    kind: t.Any,
    location_values: tuple[tuple[t.Any, ...], ...] | None,
    job: t.Any,
    rule: t.Any,
    entity: t.Any,
    marks: tuple[str, ...],
) -> RecordFields:
    locations = None if location_values is None else tuple(_build_location(*values) for values in location_values)
    hints = [location.hint for location in locations or () if location.hint and location.status == PRESENT]
    rule_guid, (_type, rule_type) = as_text(rule), TYPES.get(normalize_enum(entity), (None, None))
    return RecordFields(
        status=normalize_enum(status),
        kind=normalize_enum(kind),
        locations=locations,
        job=as_text(job),
        rule=None if rule_guid is None or rule_type is None else (rule_guid, rule_type),
        warned="warned" in marks,
        hidden="hidden" in marks,
        kept_until_date=KEPT_UNTIL_DATE in hints if hints else None,
    )


def _build_location(status: t.Any, role: t.Any, kind: t.Any, destination: t.Any, name: t.Any, hint: t.Any) -> Location:
    return Location(
        normalize_enum(status),
        normalize_enum(role),
        as_text(kind),
        as_text(destination),
        as_text(name),
        normalize_enum(hint),
    )
