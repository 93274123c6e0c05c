# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: parse rows of the lists of backups and of the catalog into points.

Fields: the vendor's wiki of 2015 (start_date_time, Failure), and responses of later releases (start_time, Failed).
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import LocalTimes
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.workloads import Row
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    FULL_KINDS,
    RETENTION,
    Copy,
    RecoveryPoint,
    Workload,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import RecordCache

_MEGABYTE = 1 << 20
# Jobs that are listed with the backups, but are not backups.
_OTHER_JOBS = ("restore", "metadata")
# Types that may not be a recovery point of the complete workload: copies, and backups of selected files.
_UNCLEAR_TYPES = ("replica", "selective")
_KINDS = (
    ("incr", "incremental"),
    ("diff", "differential"),
    ("trans", "log"),
    ("full", "full"),
    ("master", "full"),
    # An entire machine; the type of such a backup is not reported.
    ("bare", "backup"),
)
_STATUSES = {"success": "success", "warn": "warning", "fail": "failed"}
_CATALOG_STATUSES = {0: "success", 1: "warning", 2: "failed"}
_REPLICATED = ("completed", "done")
# Points without a known time; the collector counts them as undated.
UNDATED = 0
_TEMPLATES = ("vmware_template", "vm_ware_template", "xen_template")


# Row types


def is_backup(row: Row) -> bool:
    """Return whether the row is a backup; restores, metadata and rows without a number are not."""
    return as_int(row.get("id")) is not None and not parse_fields(row).is_other_job


def is_copy(row: Row, parsed: ParsedFields) -> bool:
    """Return whether it is a copy on another appliance. Only these fields distinguish it from its backup."""
    return "sync_status" in row or "sync_message" in row or parsed.copy


def parse_hot_copy(row: Row) -> Copy | None:
    """Parse a copy row into a copy on another appliance. Return None if the row does not report success."""
    outcome = (as_text(row.get("sync_message")) or as_text(row.get("sync_status")) or "").casefold()
    if not outcome.startswith("success") or as_bool(row.get("complete")) is False:
        return None
    return Copy(location=as_text(row.get("destination")), role="replica", offsite=True)


def is_own(item: Row) -> bool:
    """Return whether a catalog item is a backup of this system, and not a copy or another job."""
    return "orig_backup_id" not in item and not _is_foreign(item) and not _is_job(item)


def _is_job(item: Row) -> bool:
    type_name = (as_text(item.get("type")) or "").casefold()
    return type_name.startswith("securesync") or any(word in type_name for word in _OTHER_JOBS)


def belongs_to_system(row: Row, sid: int) -> bool:
    """Return whether a row belongs to the requested system. Rows without a system number do."""
    return as_int(row.get("system_id")) in (None, sid)


_FOREIGN = ("replicated", "remote", "imported_from_archive")
_is_foreign = RecordCache(_FOREIGN, lambda item: any(as_bool(item.get(name)) for name in _FOREIGN)).get


def iter_catalog(body: Row, members: Sequence[str]) -> Iterator[tuple[Row, Row]]:
    """Yield (instance, item) of a catalog that is grouped by instance."""
    for instance in map(as_object, as_list(body.get("catalog"))):
        for member in members:
            for item in as_list(instance.get(member)):
                yield instance, as_object(item)


# Points


def get_start(row: Row) -> t.Any:
    """Return the text of the start time. Its field name depends on the release, and is different in the catalog."""
    return row.get("start_time") or row.get("start_date_time") or row.get("start_date")


def parse_start(row: Row, times: LocalTimes) -> list[int]:
    """Return the possible start times, oldest first; an empty list if they are not known.

    Points use the oldest one, so that no point is reported as newer than it is.
    """
    try:
        return times.instants(get_start(row))
    except DataError:
        return []


@dataclasses.dataclass(frozen=True)
class ParsedFields:
    """The parsed fields of a row, except number, workload, times and size."""

    is_other_job: bool
    copy: bool
    # Created by another system, which reports the backup itself.
    replicated_in: bool
    kind: str
    status: str
    usable: bool | None
    integrity_checked: bool | None
    certified: bool | None
    encrypted: bool | None
    retention: tuple[str, ...]
    storage: str | None
    replicated: bool
    at_risk: bool
    held: bool
    template: bool


def _parse_fields(row: Row) -> ParsedFields:
    status, usable = _parse_outcome(row)
    type_name = (as_text(row.get("type")) or "").casefold()
    verify = (as_text(row.get("verify_status")) or "").casefold()
    # The status can be a success although no verification took place.
    passed = verify.startswith("success") and as_bool(row.get("verified")) is True
    integrity_checked = True if passed else False if verify.startswith("fail") else None
    if integrity_checked is False and status != "running":
        # The backup succeeded, but it could not be read back.
        status, usable = "failed", False
    return ParsedFields(
        # Only restores have the type of the restored backup.
        is_other_job=any(word in type_name for word in _OTHER_JOBS)
        or as_text(row.get("restored_bkup_type")) is not None,
        copy=type_name.startswith("securesync"),
        replicated_in=as_bool(row.get("replicated")) is True,
        kind=_parse_kind(row),
        status=status,
        usable=usable,
        integrity_checked=integrity_checked,
        certified=as_bool(row.get("certified")),
        encrypted=as_bool(row.get("encrypted")),
        retention=_parse_retention(row.get("gfs_rp_type")),
        storage=as_text(row.get("storage")),
        # Up to about 2015 the backup row reports that it was replicated, but not to which target.
        replicated=(as_text(row.get("replication_status")) or "").casefold() in _REPLICATED,
        at_risk=as_bool(row.get("at_risk")) is True,
        held=as_bool(row.get("legalhold")) is True,
        template=any(as_bool(row.get(name)) for name in _TEMPLATES),
    )


_PARSED_MEMBERS = (
    "type",
    "replicated",
    "synthesized",
    "complete",
    "status",
    "verified",
    "verify_status",
    "certified",
    "encrypted",
    "gfs_rp_type",
    "storage",
    "replication_status",
    "restored_bkup_type",
    "at_risk",
    "legalhold",
    *_TEMPLATES,
)
parse_fields = RecordCache(_PARSED_MEMBERS, _parse_fields).get


def build_point(
    row: Row,
    parsed: ParsedFields,
    item: Row | None,
    workload: Workload,
    sid: int,
    copies: Sequence[Copy],
    instants: Sequence[int],
    times: LocalTimes,
) -> RecoveryPoint:
    """Build the point of a listed backup.

    ``item`` is its catalog entry, which contains the storage; ``instants`` are its possible start times.
    """
    created = instants[0] if instants else UNDATED
    inferred = get_inferred(instants)
    completed = times.get_cached(row.get("complete_time"))
    if completed is None:
        completed, *others = times.not_before(row.get("complete_time"), created) or (None,)
        inferred = (*inferred, "completed_at") if others else inferred
    elif completed < created:
        completed = None
    certified, storage = parsed.certified, parsed.storage
    if item is not None:
        certified = as_bool(item.get("certified")) if certified is None else certified
        storage = as_text(item.get("storage")) if storage is None else storage
    point = RecoveryPoint(
        id=f"{sid}/{as_int(row.get('id'))}",
        workload=workload,
        created=created,
        completed=completed if instants else None,
        kind=parsed.kind,
        status=parsed.status,
        usable=parsed.usable,
        size_bytes=_parse_size(row.get("size"), parsed.status),
        restore_tested=certified,
        integrity_checked=parsed.integrity_checked,
        checked_by="integrity_check" if parsed.integrity_checked else None,
        encrypted=parsed.encrypted,
        malware="suspicious" if parsed.at_risk else None,
        retention=parsed.retention,
        inferred=inferred,
    )
    if parsed.usable is not False:
        set_copies(point, storage, [*copies, Copy(role="replica", offsite=True)] if parsed.replicated else copies)
    return point


def build_catalog_point(
    item: Row, workload: Workload, sid: int, copies: Sequence[Copy], instants: Sequence[int]
) -> RecoveryPoint:
    """Build the point of a backup that only the catalog lists. The catalog offers it for restore with any status."""
    status = parse_catalog_status(item)
    point = RecoveryPoint(
        id=f"{sid}/{as_int(item.get('id'))}",
        workload=workload,
        created=instants[0] if instants else UNDATED,
        inferred=get_inferred(instants),
        kind=parse_catalog_kind(item),
        status=status,
        usable=False if status == "failed" else None if status == "unknown" else True,
        size_bytes=_parse_size(item.get("size"), status),
        restore_tested=as_bool(item.get("certified")),
        encrypted=as_bool(item.get("encrypted")),
    )
    if point.usable is not False:
        set_copies(point, as_text(item.get("storage")), copies)
    return point


def without_output(record: t.Any) -> t.Any:
    """Return a record without the log of the job, which is long and not needed."""
    if isinstance(record, Mapping):
        return {name: value for name, value in record.items() if name != "output"}
    return record


def get_inferred(instants: Sequence[int]) -> tuple[str, ...]:
    """Return the names of the fields that are inferred if a backup has these possible start times."""
    return ("created_at",) if len(instants) > 1 else ()


def _parse_outcome(row: Row) -> tuple[str, bool | None]:
    complete = as_bool(row.get("complete"))
    if complete is False:
        return "running", False
    word = (as_text(row.get("status")) or "").casefold()
    status = next((status for start, status in _STATUSES.items() if word.startswith(start)), "unknown")
    if complete is None and status != "failed":
        # Running backups also have the status successful.
        status = "unknown"
    return status, False if status == "failed" else None if status == "unknown" else True


def _parse_kind(row: Row) -> str:
    type_name = (as_text(row.get("type")) or "").casefold()
    if any(word in type_name for word in _UNCLEAR_TYPES):
        return "unknown"
    kind = next((kind for word, kind in _KINDS if word in type_name), "unknown")
    is_synthesized = "synth" in type_name or as_bool(row.get("synthesized")) is True
    return "synthetic_full" if kind == "full" and is_synthesized else kind


def parse_catalog_kind(item: Row) -> str:
    """Return the kind of a catalog item. The catalog lists only backups, sometimes without their type."""
    return _parse_kind(item) if as_text(item.get("type")) is not None else "backup"


def parse_stated_kind(row: Row) -> str | None:
    """Return the kind that the type states, or None without a type. Only some lists mark synthetic full backups."""
    if as_text(row.get("type")) is None:
        return None
    kind = _parse_kind(row)
    return "full" if kind in FULL_KINDS else kind


def parse_catalog_status(item: Row) -> str:
    """Return the status of a catalog item, which is a number."""
    number = as_int(item.get("status"))
    return "unknown" if number is None else _CATALOG_STATUSES.get(number, "unknown")


def _parse_size(megabytes: t.Any, status: str) -> int | None:
    """Convert whole megabytes (2^20 bytes) to bytes. Return None unless the backup succeeded. A small backup has 0."""
    size = as_int(megabytes)
    return None if size is None or status not in ("success", "warning") else size * _MEGABYTE


def _parse_retention(value: t.Any) -> tuple[str, ...]:
    text = value.casefold() if isinstance(value, str) else ""
    return tuple(name for name in RETENTION if name in text)


def set_copies(
    point: RecoveryPoint, storage: str | None, other_copies: Sequence[Copy], *, on_appliance: bool = True
) -> None:
    """Set the copies. Copies on another appliance or on archive media count as off-site, which is inferred.

    A copy on the storage of the backup itself does not. ``on_appliance``: whether the appliance has the backup itself.
    """
    copies = [_without_offsite(copy) if _is_same_storage(copy.location, storage) else copy for copy in other_copies]
    if on_appliance and (storage is not None or copies):
        copies.insert(0, Copy(location=storage, role="primary", encrypted=point.encrypted))
    if copies:
        point.copies = copies
    if any(copy.offsite for copy in copies):
        point.offsite = True
        point.inferred = (*point.inferred, "offsite")


def _is_same_storage(location: str | None, storage: str | None) -> bool:
    return location is not None and storage is not None and location.casefold() == storage.casefold()


def _without_offsite(copy: Copy) -> Copy:
    return dataclasses.replace(copy, offsite=None)


def get_number(row: Row, member: str = "id") -> int:
    """Return a mandatory number of a row. Raise InvalidResponseError if it is missing."""
    number = as_int(row.get(member))
    if number is None:
        raise InvalidResponseError(
            f"a record has no number {member!r}", hint="Please report this version of the appliance"
        )
    return number
