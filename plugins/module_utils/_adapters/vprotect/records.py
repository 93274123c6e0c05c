# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: what is kept of one record of /backups. Fields: vendor's API pages 7.4, vendor's own UI.

A record takes 7 KB once it is decoded, and most of it is never looked at. What counts is picked out at once, while the
rest is at hand for the processor: decoding, picking and letting go took 13 us instead of 19 in a quiet process, and
less than half of what it took when whole pages went from one thread to another.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Container, Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import from_epoch_millis
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_text

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
# Words that differ, of which there are few; cleared when it grows past that.
_LIMIT = 20_000
# Milliseconds up to here (the year 5138) are a time without a closer look.
_SURELY_A_TIME = 10**14
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


def name_of(value: t.Any) -> t.Any:
    """What an enum is called, which is an object {name, description} in most answers and plain text in others."""
    return value.get("name") if isinstance(value, dict) else value


def word(value: t.Any) -> str:
    """The name of an enum in capital letters."""
    value = name_of(value)
    return value.upper() if isinstance(value, str) else (as_text(value) or "").upper()


def own_guid(row: Mapping[str, t.Any]) -> str:
    """The id of a record; without it nothing can be told apart."""
    guid = as_text(row.get("guid"))
    if guid is None:
        raise InvalidResponseError("a record has no guid", advice="Check that the URL is that of the product")
    return guid


def identity(row: Mapping[str, t.Any]) -> str:
    """What tells a record of any list apart. Jobs are not known to carry an id."""
    return as_text(row.get("guid")) or repr(row)


def guid_of(row: Mapping[str, t.Any], member: str) -> str | None:
    """The guid of a reference {guid, name}."""
    value = row.get(member)
    return as_text(value.get("guid")) if isinstance(value, dict) else None


def moment(value: t.Any) -> int | None:
    """A time in milliseconds; 0 and what is no time are taken for missing, as the vendor's own clients do."""
    # True is an int as well, and equal to 1.
    if isinstance(value, int) and 1 < value < _SURELY_A_TIME:
        return value * 1000
    try:
        return from_epoch_millis(value) if value else None
    except DataError:
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Location:
    """One place in which a backup lies, or lay."""

    status: str
    role: str
    # backupDestinationType
    kind: str
    destination: str | None
    name: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class ParsedFields:
    """What a record means but for its id, its workload, its times and its size."""

    status: str
    kind: str
    usable: bool | None
    # It ended well, or nearly so.
    made: bool
    # Made once, and deleted since.
    removed: bool
    # It only tells that another backup was copied.
    copy: bool
    needs_parent: bool
    copies: list[Copy] | None
    encrypted: bool | None
    offsite: bool | None
    estimated: tuple[str, ...]


@dataclasses.dataclass(slots=True)
class RecordFields:
    """The words of a record: what it says but for its id, its workload, its times and its size."""

    status: str
    kind: str
    # Versions before 5 know of one place and list none.
    places: tuple[Location, ...] | None
    job: str | None
    # (guid, word of the kind) of the rule that made the backup; None where the record does not tell them.
    rule: tuple[str, str] | None
    # What they mean, and the days of retention lock of each copy: worked out when they are wanted.
    said: ParsedFields | None = dataclasses.field(default=None, compare=False)
    days: tuple[int, ...] | None = dataclasses.field(default=None, compare=False)
    # A point that says no more than this, by the guid of its workload.
    patterns: dict[str | None, RecoveryPoint] = dataclasses.field(default_factory=dict, compare=False)


class Record(t.NamedTuple):
    """One backup."""

    # The guid, or all of it where it has none.
    key: str
    words: RecordFields
    workload: str | None
    snapshot: int | None
    finished: int | None
    size: int | None
    expires: int | None
    parent: str | None
    # What names the workload, unless that is known already.
    entity: t.Any
    # All of it: where it is asked for, and where it does not tell its id or its workload.
    row: dict[str, t.Any] | None

    def guid(self) -> str:
        """The id; without it nothing can be told apart."""
        return self.key if self.row is None else own_guid(self.row)


class Records:
    """Picks out what counts; ``workloads`` are those known by now."""

    def __init__(self, workloads: Container[str | None], *, include_raw: bool) -> None:
        self._workloads = workloads
        self._include_raw = include_raw
        self._known: dict[t.Any, RecordFields] = {}

    def get_all(self, rows: Iterable[dict[str, t.Any]]) -> list[Record]:
        """Record by record."""
        return list(map(self.get, rows))

    def get(self, row: dict[str, t.Any]) -> Record:
        """One record."""
        guid, status, kind, entity, rule, places, snapshot, finished, size, expires = map(row.get, _MEMBERS)
        key, workload = as_text(guid), guid_of(row, "protectedEntity")
        whole = self._include_raw or key is None or workload is None
        return Record(
            key or repr(row),
            self._words(status, kind, entity, rule, places),
            workload,
            moment(snapshot),
            moment(finished),
            as_int(size),
            moment(expires),
            guid_of(row, "parentBackup"),
            None if workload in self._workloads else entity,
            row if whole else None,
        )

    def _words(self, status: t.Any, kind: t.Any, entity: t.Any, rule: t.Any, places: t.Any) -> RecordFields:
        """The same object for all records that say the same."""
        rule_guid, rule_name = _guid_and_name(rule)
        told = (
            name_of(status),
            name_of(kind),
            tuple(map(_told_of_place, places)) if isinstance(places, list) else None,
            rule_name,
            rule_guid,
            name_of(entity.get("type")) if isinstance(entity, dict) else None,
        )
        try:
            return self._known[told]
        except (KeyError, TypeError):
            # Not met before, or an object or a list where none should be.
            return self._learn(told)

    def _learn(self, told: tuple[t.Any, ...]) -> RecordFields:
        words = _words_of(*told)
        # Nothing but a text equals a text, while 1 is True. So what is found again needs no look at its types.
        if _all_text(told):
            if len(self._known) >= _LIMIT:
                self._known.clear()
            self._known[told] = words
        return words


def _told_of_place(place: t.Any) -> tuple[t.Any, ...]:
    if not isinstance(place, dict):
        return (None, None, None, None, None)
    return (
        name_of(place.get("status")),
        name_of(place.get("roleType")),
        name_of(place.get("backupDestinationType")),
        *_guid_and_name(place.get("backupDestination")),
    )


def _guid_and_name(value: t.Any) -> tuple[t.Any, t.Any]:
    """Of a reference {guid, name}, as they are told."""
    return (value.get("guid"), value.get("name")) if isinstance(value, dict) else (None, None)


def _all_text(value: t.Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_all_text, value))
    return value is None or isinstance(value, str)


def _words_of(
    status: t.Any, kind: t.Any, places: tuple[tuple[t.Any, ...], ...] | None, job: t.Any, rule: t.Any, entity: t.Any
) -> RecordFields:
    rule_guid, (_type, rule_word) = as_text(rule), TYPES.get(word(entity), (None, None))
    return RecordFields(
        status=word(status),
        kind=word(kind),
        places=None if places is None else tuple(_place_of(*place) for place in places),
        job=as_text(job),
        rule=None if rule_guid is None or rule_word is None else (rule_guid, rule_word),
    )


def _place_of(status: t.Any, role: t.Any, kind: t.Any, destination: t.Any, name: t.Any) -> Location:
    return Location(word(status), word(role), word(kind), as_text(destination), as_text(name))
