# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: extract the used fields of /backups records. Fields: vendor's API pages 7.4, vendor's own UI.

A decoded record takes 7 KB, and most of it is not used. The used fields are extracted immediately, while the record is
in the CPU cache: decoding, extracting and freeing took 13 us instead of 19 in a quiet process, and less than half of
the time needed when complete pages were passed from one thread to another.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Container, Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_epoch_millis
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_text

# protectedEntity.type -> workload_type, and the name that rule paths use for such workloads.
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
# Maximum number of cached field combinations (there are few); the cache is cleared above that.
_LIMIT = 20_000
# Milliseconds below this value (the year 5138) are accepted as a time without further checks.
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
)


def get_enum_name(value: t.Any) -> t.Any:
    """Return the name of an enum: an object {name, description} in most responses and plain text in others."""
    return value.get("name") if isinstance(value, dict) else value


def normalize_enum(value: t.Any) -> str:
    """Return the name of an enum in upper case."""
    value = get_enum_name(value)
    return value.upper() if isinstance(value, str) else (as_text(value) or "").upper()


def require_guid(row: Mapping[str, t.Any]) -> str:
    """Return the mandatory guid of a record; InvalidResponseError if it is missing."""
    guid = as_text(row.get("guid"))
    if guid is None:
        raise InvalidResponseError("a record has no guid", hint='Check that "url" is the URL of the product')
    return guid


def get_identity(row: Mapping[str, t.Any]) -> str:
    """Return a key that identifies a record in any list. Jobs are not known to have an id."""
    return as_text(row.get("guid")) or repr(row)


def get_guid(row: Mapping[str, t.Any], member: str) -> str | None:
    """Return the guid of a reference {guid, name}."""
    value = row.get(member)
    return as_text(value.get("guid")) if isinstance(value, dict) else None


def parse_millis(value: t.Any) -> int | None:
    """Convert milliseconds to microseconds; 0 and invalid times count as missing, as in the vendor's own clients."""
    # True is an int, too, and equal to 1.
    if isinstance(value, int) and 1 < value < _MAX_PLAIN_MILLIS:
        return value * 1000
    try:
        return parse_epoch_millis(value) if value else None
    except DataError:
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Location:
    """One location where a backup is or was stored."""

    status: str
    role: str
    # backupDestinationType
    kind: str
    destination: str | None
    name: str | None


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


@dataclasses.dataclass(slots=True)
class RecordFields:
    """The values of a record as reported, except id, workload, times and size."""

    status: str
    kind: str
    # Versions before 5 have one location per backup and list none.
    locations: tuple[Location, ...] | None
    job: str | None
    # (guid, type name in paths) of the rule that made the backup; None if the record does not contain them.
    rule: tuple[str, str] | None
    # Normalized fields, and the days of retention lock of each copy: computed on demand.
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
    # The reference to the workload, unless the workload is known already.
    entity: t.Any
    # The complete record, if raw data is requested or if the id or the workload is missing.
    row: dict[str, t.Any] | None

    def guid(self) -> str:
        """Return the mandatory id; InvalidResponseError if it is missing."""
        return self.key if self.row is None else require_guid(self.row)


class RecordParser:
    """Extract the used fields of records; ``workloads`` are those that are known so far."""

    def __init__(self, workloads: Container[str | None], *, include_raw: bool) -> None:
        self._workloads = workloads
        self._include_raw = include_raw
        self._cache: dict[t.Any, RecordFields] = {}

    def parse_all(self, rows: Iterable[dict[str, t.Any]]) -> list[Record]:
        """Parse all rows."""
        return list(map(self.parse, rows))

    def parse(self, row: dict[str, t.Any]) -> Record:
        """Parse one row."""
        guid, status, kind, entity, rule, locations, snapshot, finished, size, expires = map(row.get, _MEMBERS)
        key, workload = as_text(guid), get_guid(row, "protectedEntity")
        keep_row = self._include_raw or key is None or workload is None
        return Record(
            key or repr(row),
            self._get_fields(status, kind, entity, rule, locations),
            workload,
            parse_millis(snapshot),
            parse_millis(finished),
            as_int(size),
            parse_millis(expires),
            get_guid(row, "parentBackup"),
            None if workload in self._workloads else entity,
            row if keep_row else None,
        )

    def _get_fields(self, status: t.Any, kind: t.Any, entity: t.Any, rule: t.Any, locations: t.Any) -> RecordFields:
        """Return the fields of a record; records with the same values share one object."""
        rule_guid, rule_name = _get_guid_and_name(rule)
        values = (
            get_enum_name(status),
            get_enum_name(kind),
            tuple(map(_get_location_values, locations)) if isinstance(locations, list) else None,
            rule_name,
            rule_guid,
            get_enum_name(entity.get("type")) if isinstance(entity, dict) else None,
        )
        try:
            return self._cache[values]
        except (KeyError, TypeError):
            # Not cached yet, or an unexpected object or list (not hashable).
            return self._cache_fields(values)

    def _cache_fields(self, values: tuple[t.Any, ...]) -> RecordFields:
        fields = _build_fields(*values)
        # Only a text equals a text, whereas 1 equals True: types of cached values need not be checked again.
        if _is_all_text(values):
            if len(self._cache) >= _LIMIT:
                self._cache.clear()
            self._cache[values] = fields
        return fields


def _get_location_values(place: t.Any) -> tuple[t.Any, ...]:
    if not isinstance(place, dict):
        return (None, None, None, None, None)
    return (
        get_enum_name(place.get("status")),
        get_enum_name(place.get("roleType")),
        get_enum_name(place.get("backupDestinationType")),
        *_get_guid_and_name(place.get("backupDestination")),
    )


def _get_guid_and_name(value: t.Any) -> tuple[t.Any, t.Any]:
    """Return guid and name of a reference {guid, name}, unchecked."""
    return (value.get("guid"), value.get("name")) if isinstance(value, dict) else (None, None)


def _is_all_text(value: t.Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_all_text, value))
    return value is None or isinstance(value, str)


def _build_fields(
    status: t.Any, kind: t.Any, locations: tuple[tuple[t.Any, ...], ...] | None, job: t.Any, rule: t.Any, entity: t.Any
) -> RecordFields:
    rule_guid, (_type, rule_word) = as_text(rule), TYPES.get(normalize_enum(entity), (None, None))
    return RecordFields(
        status=normalize_enum(status),
        kind=normalize_enum(kind),
        locations=None if locations is None else tuple(_build_location(*place) for place in locations),
        job=as_text(job),
        rule=None if rule_guid is None or rule_word is None else (rule_guid, rule_word),
    )


def _build_location(status: t.Any, role: t.Any, kind: t.Any, destination: t.Any, name: t.Any) -> Location:
    return Location(
        normalize_enum(status), normalize_enum(role), normalize_enum(kind), as_text(destination), as_text(name)
    )
