# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: parse rows of backups, of the catalog and of the inventory into points and workloads.

Fields: the vendor's wiki of 2015 (start_date_time, Failure), and responses of later releases (start_time, Failed).
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import LocalTimes
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RETENTION, Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import RecordCache

Row = Mapping[str, t.Any]
_MEGABYTE = 1 << 20
# Part of an application's name, or prefix of its backup type -> workload_type and platform.
_APPLICATIONS = {
    "vmware": ("vm", "vmware"),
    "hyper": ("vm", "hyperv"),
    "xen": ("vm", "xen"),
    "ahv": ("vm", "ahv"),
    "nutanix": ("vm", "ahv"),
    "sql": ("database", "mssql"),
    "oracle": ("database", "oracle"),
    "exchange": ("application", "exchange"),
    "sharepoint": ("application", "sharepoint"),
    "ucs": ("application", "ucs"),
    "ndmp": ("file_share", "ndmp"),
}
WORKLOAD_TYPES = ("vm", "database", "application", "file_share", "physical")
_FILE_LEVEL = "file-level"
# Jobs that are listed with the backups but are not backups.
_NO_BACKUPS = ("restore", "metadata")
_KINDS = (("incr", "incremental"), ("diff", "differential"), ("trans", "log"), ("full", "full"), ("master", "full"))
_STATUSES = {"success": "success", "warn": "warning", "fail": "failed"}
_CATALOG_STATUSES = {0: "success", 1: "warning", 2: "failed"}
_DONE = ("completed", "done")


# Row types


def is_backup(row: Row) -> bool:
    """Whether the row is a backup; restores, metadata and rows without a number are not."""
    return as_int(row.get("id")) is not None and not parse_fields(row).no_backup


def is_copy(row: Row, parsed: ParsedFields) -> bool:
    """Whether it is a copy on another appliance. It has number and type of its backup; only these fields differ."""
    return "sync_status" in row or "sync_message" in row or parsed.copy


def parse_hot_copy(row: Row) -> Copy | None:
    """Parse a copy row into a copy on another appliance; None if the row does not report success."""
    outcome = (as_text(row.get("sync_message")) or as_text(row.get("sync_status")) or "").casefold()
    if not outcome.startswith("success"):
        return None
    return Copy(location=as_text(row.get("destination")), role="replica", offsite=True)


def parse_cold_copy(item: Row) -> Copy | None:
    """Parse an item of the archive catalog into a copy on archive media; None if it failed."""
    if as_bool(item.get("success")) is not True:
        return None
    return Copy(location=as_text(item.get("storage")), role="archive", offsite=True)


def is_own(item: Row) -> bool:
    """Whether a catalog item is a backup of this system: neither a copy on a target nor from elsewhere."""
    return "orig_backup_id" not in item and not _is_foreign(item)


_FOREIGN = ("replicated", "remote", "imported_from_archive")
_is_foreign = RecordCache(_FOREIGN, lambda item: any(as_bool(item.get(name)) for name in _FOREIGN)).get


def iter_catalog(body: Row, members: Sequence[str]) -> Iterator[tuple[Row, Row]]:
    """Yield (instance, item) of a catalog that is grouped by instance."""
    for instance in map(as_object, as_list(body.get("catalog"))):
        for member in members:
            for item in as_list(instance.get(member)):
                yield instance, as_object(item)


# Workloads

# All fields that build_workload reads.
WORKLOAD_MEMBERS = (
    "client_id",
    "instance_id",
    "instance_name",
    "app_name",
    "type",
    "vm_name",
    "database_name",
    "asset_name",
    "client_name",
)


def build_workload(row: Row, sid: int, file_level: Mapping[str, str]) -> Workload:
    """Return the workload of a row or of a catalog instance.

    Numbers are unique only within one system, so the system number is the prefix. ``file_level`` is instance -> client
    for the instances that represent all files of a machine, which only some responses name.
    """
    client, instance = as_text(row.get("client_id")), as_text(row.get("instance_id"))
    if instance is not None and (
        instance in file_level or (as_text(row.get("instance_name")) or "").casefold() == _FILE_LEVEL
    ):
        client, instance = client or file_level.get(instance), None
    description = f"{as_text(row.get('app_name')) or ''} {as_text(row.get('type')) or ''}"
    workload_type, platform = parse_application(description)
    # Application data is not the machine itself: with the host's number, all workloads of a host would become one.
    # The same applies to rows that name neither application nor type.
    is_machine = workload_type == "physical" and description.strip()
    number = instance or (f"c{client}" if client and is_machine else None)
    return Workload(
        id=f"{sid}/{number}" if number else None,
        name=_get_workload_name(row, workload_type, instance),
        type=workload_type,
        platform=platform,
    )


def _get_workload_name(row: Row, workload_type: str, instance: str | None) -> str | None:
    members = ("vm_name", "database_name", *(("instance_name",) if instance else ()), "asset_name", "client_name")
    member = next((member for member in members if as_text(row.get(member))), "client_name")
    named, host = as_text(row.get(member)), as_text(row.get("client_name"))
    # The client of a virtual machine is its host, whose name may be in asset_name too.
    is_host_name = named == host or (host is None and member == "asset_name")
    return None if workload_type == "vm" and is_host_name else named


def parse_application(text: str) -> tuple[str, str | None]:
    """Return (workload_type, platform) from the text in which a backup or inventory node names its application."""
    lowered = text.casefold()
    for word, kind in _APPLICATIONS.items():
        if word in lowered:
            return kind
    # Without an application, these are files or disks of a machine.
    return "physical", None


# Points


def parse_start(row: Row, times: LocalTimes) -> list[int]:
    """Return the possible start times, oldest first; the field name depends on the release or is the catalog's.

    Points use the oldest, so that no point is reported as newer than it is.
    """
    return times.instants(row.get("start_time") or row.get("start_date_time") or row.get("start_date"))


@dataclasses.dataclass(frozen=True)
class ParsedFields:
    """The parsed fields of a row, except number, workload, times and size."""

    no_backup: bool
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


def _parse_fields(row: Row) -> ParsedFields:
    status, usable = _parse_outcome(row)
    type_name = (as_text(row.get("type")) or "").casefold()
    verify = (as_text(row.get("verify_status")) or "").casefold()
    integrity_checked = True if verify.startswith("success") else False if verify.startswith("fail") else None
    if integrity_checked is False and status != "running":
        # The backup succeeded, but it could not be read back.
        status, usable = "failed", False
    return ParsedFields(
        no_backup=any(word in type_name for word in _NO_BACKUPS),
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
        replicated=(as_text(row.get("replication_status")) or "").casefold().startswith(_DONE),
    )


_PARSED_MEMBERS = (
    "type",
    "replicated",
    "synthesized",
    "complete",
    "status",
    "verify_status",
    "certified",
    "encrypted",
    "gfs_rp_type",
    "storage",
    "replication_status",
)
parse_fields = RecordCache(_PARSED_MEMBERS, _parse_fields).get


def build_point(
    row: Row,
    parsed: ParsedFields,
    item: Row | None,
    workload: Workload,
    sid: int,
    copies: Sequence[Copy],
    times: LocalTimes,
) -> RecoveryPoint:
    """Build the point of a listed backup; ``item`` is its catalog entry, which contains the storage."""
    inferred: tuple[str, ...] = ()
    created, completed = times.get_cached(row.get("start_time")), times.get_cached(row.get("complete_time"))
    if created is None:
        created, *others = parse_start(row, times)
        inferred = ("created_at",) if others else ()
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
        completed=completed,
        kind=parsed.kind,
        status=parsed.status,
        usable=parsed.usable,
        size_bytes=_parse_size(row.get("size"), parsed.status),
        restore_tested=certified,
        integrity_checked=parsed.integrity_checked,
        checked_by="integrity_check" if parsed.integrity_checked else None,
        encrypted=parsed.encrypted,
        retention=parsed.retention,
        inferred=inferred,
    )
    if parsed.usable is not False:
        _set_copies(point, storage, [*copies, Copy(role="replica", offsite=True)] if parsed.replicated else copies)
    return point


def build_catalog_point(
    item: Row, workload: Workload, sid: int, copies: Sequence[Copy], times: LocalTimes
) -> RecoveryPoint:
    """Build the point of a backup that only the catalog lists: it is offered for restore regardless of its status."""
    instants = parse_start(item, times)
    status = _CATALOG_STATUSES.get(-1 if as_int(item.get("status")) is None else int(item["status"]), "unknown")
    point = RecoveryPoint(
        id=f"{sid}/{as_int(item.get('id'))}",
        workload=workload,
        created=instants[0],
        inferred=_get_inferred(instants),
        kind=_parse_kind(item),
        status=status,
        usable=False if status == "failed" else None if status == "unknown" else True,
        size_bytes=_parse_size(item.get("size"), status),
        restore_tested=as_bool(item.get("certified")),
        encrypted=as_bool(item.get("encrypted")),
    )
    if point.usable is not False:
        _set_copies(point, as_text(item.get("storage")), copies)
    return point


def build_archive_point(items: Sequence[Row], workload: Workload, sid: int, times: LocalTimes) -> RecoveryPoint:
    """Build the point of a backup that is on archive media only, because the appliance deleted its own copy."""
    instants = parse_start(items[0], times)
    point = RecoveryPoint(
        id=f"{sid}/a{as_int(items[0].get('id'))}",
        workload=workload,
        created=instants[0],
        inferred=_get_inferred(instants),
        kind="archive",
        status="success",
        usable=True,
    )
    _set_copies(point, None, [copy for item in items if (copy := parse_cold_copy(item))])
    return point


def _get_inferred(instants: Sequence[int]) -> tuple[str, ...]:
    return ("created_at",) if len(instants) > 1 else ()


def _parse_outcome(row: Row) -> tuple[str, bool | None]:
    complete = as_bool(row.get("complete"))
    if complete is False:
        return "running", False
    word = (as_text(row.get("status")) or "").casefold()
    status = next((status for start, status in _STATUSES.items() if word.startswith(start)), "unknown")
    if complete is None and status != "failed":
        # A running backup has the status successful, too.
        status = "unknown"
    return status, False if status == "failed" else None if status == "unknown" else True


def _parse_kind(row: Row) -> str:
    type_name = (as_text(row.get("type")) or "").casefold()
    kind = next((kind for word, kind in _KINDS if word in type_name), "unknown")
    made_here = "synth" in type_name or as_bool(row.get("synthesized")) is True
    return "synthetic_full" if kind == "full" and made_here else kind


def _parse_size(megabytes: t.Any, status: str) -> int | None:
    """Convert whole megabytes (2^20 bytes) to bytes. A small backup has 0; None unless it succeeded."""
    size = as_int(megabytes)
    return None if size is None or status not in ("success", "warning") else size * _MEGABYTE


def _parse_retention(value: t.Any) -> tuple[str, ...]:
    text = value.casefold() if isinstance(value, str) else ""
    return tuple(name for name in RETENTION if name in text)


def _set_copies(point: RecoveryPoint, storage: str | None, other_copies: Sequence[Copy]) -> None:
    """Set the copies. A copy on another appliance or archive media counts as off-site: inferred, not reported."""
    if point.kind != "archive" and (storage is not None or other_copies):
        point.copies = [Copy(location=storage, role="primary", encrypted=point.encrypted), *other_copies]
    elif other_copies:
        point.copies = list(other_copies)
    if other_copies:
        point.offsite = True
        point.inferred = (*point.inferred, "offsite")


def get_number(row: Row, member: str = "id") -> int:
    """Return a number that is mandatory in a row; InvalidResponseError if it is missing."""
    number = as_int(row.get(member))
    if number is None:
        raise InvalidResponseError(
            f"a record has no number {member!r}", hint="Please report this version of the appliance"
        )
    return number
