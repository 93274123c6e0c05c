# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Backup: parse the records of recovery points.

Recovery Services stores a point in tiers, Data Protection in datastores. A point that exists only as a snapshot of the
protected resource is not in the vault, and does not count as a backup.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.azure_backup.records import Item
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RETENTION, Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import parse_location_type
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_list,
    as_object,
    as_text,
    remove_secrets,
)

# According to the vendor's documentation, the copy in the other region may lag behind by this time.
_OTHER_REGION_DELAY = 36 * HOUR * SECOND
_SNAPSHOT_STORES = frozenset({"instantrp", "iasnapshotrp", "operationalstore"})
_VAULT_STORES = frozenset({"hardenedrp", "vaultstore"})
_ARCHIVE_STORES = frozenset({"archivedrp", "archivestore"})
_KNOWN_STORES = _SNAPSHOT_STORES | _VAULT_STORES | _ARCHIVE_STORES
# State of a tier -> whether the point can be restored from it.
_TIER_STATES = {"valid": True, "rehydrated": True, "invalid": False, "disabled": False, "deleted": False}
_DATASTORE_STATES = {"committed": True}
_DATABASE_KINDS = {
    "full": "full",
    "differential": "differential",
    "incremental": "incremental",
    "log": "log",
    "snapshotfull": "snapshot",
    "snapshotcopyonlyfull": "snapshot",
}
_DATASTORE_KINDS = {"full": "full", "incremental": "incremental"}
# Fields of a point, and of each of its stores, that are equal for all points of a template.
_POINT_FIELDS = (
    *("objectType", "type", "recoveryPointType", "recoveryPointState", "threatStatus", "policyName"),
    "retentionTagName",
)
_STORE_FIELDS = ("type", "status", "state", "visible")
# End of the type of records that list ranges of times.
_RANGE_TYPE = "pointintimerecoverypoint"
_MALWARE = {"healthy": "clean", "warning": "suspicious", "unhealthy": "infected"}


@dataclasses.dataclass(frozen=True)
class Stores:
    """Where a point is stored: the product's terms (lower case) by whether the point can be restored from there."""

    valid: frozenset[str]
    unclear: frozenset[str]
    invalid: frozenset[str]
    # Lower case -> as the product writes it.
    spellings: Mapping[str, str] = dataclasses.field(compare=False)

    @property
    def usable(self) -> bool | None:
        """Whether at least one store is valid; None if that is not known."""
        if self.valid:
            return True
        return None if self.unclear or not self.invalid else False

    @property
    def main(self) -> str | None:
        """The store that decides what kind of point this is; None if that is not known."""
        best = self.valid or self.invalid
        for group in (_VAULT_STORES, _ARCHIVE_STORES):
            if found := best & group:
                return min(found)
            if self.unclear & group:
                return None
        is_known = best | self.unclear <= _KNOWN_STORES
        return min(best) if best and is_known else None


def parse_tiers(value: t.Any) -> Stores | None:
    """Parse the tiers of a point in a Recovery Services vault. Return None if they are not reported."""
    return _parse_stores(value, lambda row: _TIER_STATES.get(_lower(row.get("status"))))


def parse_datastores(value: t.Any) -> Stores | None:
    """Parse the datastores of a point in a Backup vault. Return None if they are not reported."""

    def is_valid(row: Mapping[str, t.Any]) -> bool | None:
        if as_bool(row.get("visible")) is False:
            return False
        return _DATASTORE_STATES.get(_lower(row.get("state")))

    return _parse_stores(value, is_valid)


def _parse_stores(value: t.Any, is_valid: t.Callable[[Mapping[str, t.Any]], bool | None]) -> Stores | None:
    if not isinstance(value, list) or not value:
        return None
    found: dict[bool | None, set[str]] = {True: set(), None: set(), False: set()}
    spellings = {}
    for row in map(as_object, value):
        word = as_text(row.get("type")) or "unknown"
        spellings[word.casefold()] = word
        found[is_valid(row)].add(word.casefold())
    return Stores(frozenset(found[True]), frozenset(found[None]), frozenset(found[False]), spellings)


def _lower(value: t.Any) -> str:
    return (as_text(value) or "").casefold()


def _time_or_none(value: t.Any) -> int | None:
    return None if as_text(value) is None else parse_time(value)


def parse_ranges(row: Mapping[str, t.Any]) -> list[t.Any] | None:
    """Return the ranges of times that log backups can restore. Return None for a record that does not report them."""
    ranges = as_object(row.get("properties")).get("timeRanges")
    return ranges if isinstance(ranges, list) else None


def has_no_range(row: Mapping[str, t.Any]) -> bool:
    """Return whether a record reports that log backups can restore no time, such as before the first log backup."""
    kind = _lower(as_object(row.get("properties")).get("objectType"))
    return kind.endswith(_RANGE_TYPE) and parse_ranges(row) == []


class PointParser:
    """Parses the points of one item. Points with equal attributes share one template."""

    def __init__(self, item: Item, now: int, *, include_raw: bool) -> None:
        self._item = item
        self._include_raw = include_raw
        self._oldest_uncopied = now - _OTHER_REGION_DELAY
        self._templates: dict[t.Any, RecoveryPoint] = {}

    def parse(self, row: Mapping[str, t.Any]) -> Iterator[tuple[RecoveryPoint, str, int, int | None]]:
        """Yield (template, id, creation time, expiry time) of each point in a record. A range of times is one point.

        A record of log backups without a range (see ``has_no_range``) has no point.
        """
        ident = as_text(row.get("id"))
        properties = as_object(row.get("properties"))
        if ident is None:
            raise InvalidResponseError("a recovery point has no 'id'")
        if ranges := parse_ranges(row):
            yield from self._parse_ranges(ident, ranges, row)
            return
        moment = properties.get("recoveryPointTime") or properties.get("recoveryPointTimeInUTC")
        if as_text(moment) is None and has_no_range(row):
            return
        if as_text(moment) is None:
            raise InvalidResponseError(f"the recovery point {ident!r} has no time")
        created = parse_time(moment)
        lifetime = as_object(properties.get("recoveryPointProperties"))
        expires = _time_or_none(lifetime.get("expiryTime") or properties.get("expiryTime"))
        key = self._key(properties, lifetime, expires, is_copied=created <= self._oldest_uncopied)
        try:
            template = self._templates.get(key)
        except TypeError:
            # A field unexpectedly contains a list or an object, which cannot be hashed.
            key, template = len(self._templates), None
        if template is None:
            template = self._templates[key] = self._build(ident, created, properties, expires)
            if not self._item.vault.locked:
                # These points share a template, but have different expiry times.
                template.expires_at = None
        if self._include_raw:
            template = dataclasses.replace(template, raw=remove_secrets(dict(row)))
        yield template, ident, created, expires

    def _key(
        self, properties: Mapping[str, t.Any], lifetime: Mapping[str, t.Any], expires: int | None, *, is_copied: bool
    ) -> t.Any:
        stores = properties.get("recoveryPointTierDetails") or properties.get("recoveryPointDataStoresDetails")
        lock = lifetime.get("immutabilityProperties")
        parts = [
            is_copied,
            # The lock ends when the point expires.
            expires if self._item.vault.locked else None,
            # Older API versions do not have this field.
            "immutabilityProperties" in lifetime,
            # Points of the agent have no tiers, which is not the same as an empty list.
            properties.get("recoveryPointTierDetails") is None,
            None if lock is None else repr(lock),
            lifetime.get("ruleName"),
            lifetime.get("isSoftDeleted"),
            *map(properties.get, _POINT_FIELDS),
        ]
        for one in map(as_object, as_list(stores)):
            parts += map(one.get, _STORE_FIELDS)
        # 1, 1.0 and True are equal but have different meanings.
        return (*parts, *map(type, parts))

    def _parse_ranges(
        self, ident: str, ranges: list[t.Any], row: Mapping[str, t.Any]
    ) -> Iterator[tuple[RecoveryPoint, str, int, int | None]]:
        """Yield one point for each range of times that the log backups of a database can restore."""
        usable = self._is_range_usable(as_object(row.get("properties")))
        for span in map(as_object, ranges):
            start, end = parse_time(span.get("startTime")), parse_time(span.get("endTime"))
            name = f"{ident}/{span['startTime']}"
            point = RecoveryPoint(
                id=name,
                workload=self._item.workload,
                created=end,
                kind="continuous",
                status="success",
                usable=usable,
                restorable_from=start,
                restorable_until=end,
                job=self._item.job,
                raw=remove_secrets(dict(row)) if self._include_raw else None,
            )
            yield point, name, end, None

    def _is_range_usable(self, properties: Mapping[str, t.Any]) -> bool | None:
        """Return whether ranges can be restored.

        The service lists them without tiers, also if it reports the tiers of the other points of the same database. The
        range itself is its statement that these times can be restored. Tiers that it does report must confirm it.
        """
        if self._is_deleted(properties):
            return False
        details = properties.get("recoveryPointTierDetails")
        if details is None:
            return True
        stores = parse_tiers(details)
        return stores.usable if stores else None

    def _is_deleted(self, properties: Mapping[str, t.Any]) -> bool:
        """Return whether the item or the point was deleted, and can at most be undeleted."""
        lifetime = as_object(properties.get("recoveryPointProperties"))
        return self._item.is_deleted or as_bool(lifetime.get("isSoftDeleted")) is True

    def _is_from_agent(self, properties: Mapping[str, t.Any]) -> bool:
        """Return whether the agent stored a point in the vault. Such points are listed without tiers."""
        is_generic = _lower(properties.get("objectType")) == "genericrecoverypoint"
        return self._item.is_from_agent and is_generic and properties.get("recoveryPointTierDetails") is None

    def _build(self, ident: str, created: int, properties: Mapping[str, t.Any], expires: int | None) -> RecoveryPoint:
        lifetime = as_object(properties.get("recoveryPointProperties"))
        is_datastore = "recoveryPointDataStoresDetails" in properties
        if is_datastore:
            stores = parse_datastores(properties["recoveryPointDataStoresDetails"])
        else:
            stores = parse_tiers(properties.get("recoveryPointTierDetails"))
        main = stores.main if stores else None
        is_from_agent = stores is None and self._is_from_agent(properties)
        kind = "backup" if is_from_agent else _parse_kind(main, properties)
        usable = True if is_from_agent else stores.usable if stores else None
        status = "unknown" if usable is None else "success"
        if stores and stores.valid == frozenset() and any(word == "invalid" for word in _states(properties)):
            status = "failed"
        if is_datastore and usable:
            status, usable = _parse_completion(properties.get("recoveryPointState"))
        if self._is_deleted(properties):
            usable = False
        point = RecoveryPoint(
            id=ident,
            workload=self._item.workload,
            created=created,
            kind=kind,
            status=status,
            usable=usable,
            expires_at=expires,
            malware=_MALWARE.get(_lower(properties.get("threatStatus"))),
            retention=_parse_retention(lifetime.get("ruleName") or properties.get("retentionTagName")),
            job=as_text(properties.get("policyName")) or self._item.job,
        )
        in_vault = is_from_agent or main in _VAULT_STORES or main in _ARCHIVE_STORES
        is_snapshot = main in _SNAPSHOT_STORES
        self._set_location(point, None if stores is None or main is None else stores.spellings[main], is_snapshot)
        self._set_offsite(point, main, is_from_agent=is_from_agent)
        self._set_lock(point, lifetime, in_vault=in_vault, is_snapshot=is_snapshot)
        if in_vault:
            point.encrypted = self._item.vault.own_key
        return point

    def _set_location(self, point: RecoveryPoint, store: str | None, is_snapshot: bool) -> None:
        label: str | None = self._item.vault.ident.label
        if store is None and self._item.is_from_server:
            label = None
        elif is_snapshot:
            label = f"{label} (snapshot)"
        point.copies = [Copy(location=label, location_type=parse_location_type(store), vendor_location_type=store)]

    def _set_offsite(self, point: RecoveryPoint, main: str | None, *, is_from_agent: bool) -> None:
        vault, in_other_region = self._item.vault, self._item.is_in_other_region
        if main in _SNAPSHOT_STORES:
            # A snapshot is stored with the protected resource.
            point.offsite = False
        elif main is None and not is_from_agent:
            return
        elif in_other_region is True:
            point.offsite = True
        elif vault.has_other_region and (main in _VAULT_STORES or is_from_agent):
            if point.created <= self._oldest_uncopied:
                point.offsite, point.inferred = True, (*point.inferred, "offsite")
        elif vault.has_other_region is False and in_other_region is False:
            point.offsite = False
            if self._item.is_region_inferred:
                point.inferred = (*point.inferred, "offsite")
        for copy in point.copies or ():
            copy.offsite = point.offsite

    def _set_lock(
        self, point: RecoveryPoint, lifetime: Mapping[str, t.Any], *, in_vault: bool, is_snapshot: bool
    ) -> None:
        """Set the lock. A locked vault protects its points until they expire; snapshots are not in the vault."""
        locked = self._item.vault.locked
        if self._item.is_from_server and not in_vault and not is_snapshot:
            return
        if locked is False or is_snapshot:
            point.immutable = False
            return
        if not locked or not in_vault:
            return
        lock = lifetime.get("immutabilityProperties")
        if isinstance(lock, dict):
            is_immutable = as_bool(lock.get("isImmutable"))
            if is_immutable is not True:
                point.immutable = is_immutable
                return
            point.immutable_until = _time_or_none(lock.get("expiryTime")) or point.expires_at
        elif "immutabilityProperties" not in lifetime and self._item.vault.locks_until_expiry and point.expires_at:
            point.immutable_until = point.expires_at
            point.inferred = (*point.inferred, "immutable")
        for copy in point.copies or ():
            copy.immutable_until = point.immutable_until


def _states(properties: Mapping[str, t.Any]) -> list[str]:
    return [_lower(as_object(one).get("status")) for one in as_list(properties.get("recoveryPointTierDetails"))]


def _parse_kind(main: str | None, properties: Mapping[str, t.Any]) -> str:
    if main in _ARCHIVE_STORES:
        return "archive"
    if main in _SNAPSHOT_STORES:
        return "snapshot"
    if "recoveryPointDataStoresDetails" in properties:
        kind = _DATASTORE_KINDS.get(_lower(properties.get("recoveryPointType")), "backup")
    elif "type" in properties:
        return _DATABASE_KINDS.get(_lower(properties["type"]), "unknown")
    else:
        # Whether the backup of a machine or a share was full or incremental is not reported.
        kind = "backup"
    return kind if main in _VAULT_STORES else "unknown"


def _parse_completion(state: t.Any) -> tuple[str, bool | None]:
    """Return status and usability of a stored point. A partial point lacks some of the protected data."""
    if _lower(state) == "completed":
        return "success", True
    return ("warning", None) if _lower(state) == "partial" else ("unknown", None)


def _parse_retention(rule: t.Any) -> tuple[str, ...]:
    name = _lower(rule)
    return (name,) if name in RETENTION else ()
