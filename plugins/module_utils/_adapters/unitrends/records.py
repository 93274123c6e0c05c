# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: rows of backups, of the catalogue and of the inventory -> points and workloads.

Fields: the vendor's wiki of 2015 (start_date_time, Failure), and what later releases answer (start_time, Failed).
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
# What stands in the name of an application, or before the type of its backups -> workload_type and platform.
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
# Jobs that stand among the backups and are none.
_NO_BACKUPS = ("restore", "metadata")
_KINDS = (("incr", "incremental"), ("diff", "differential"), ("trans", "log"), ("full", "full"), ("master", "full"))
_STATUSES = {"success": "success", "warn": "warning", "fail": "failed"}
_CATALOG_STATUSES = {0: "success", 1: "warning", 2: "failed"}
_DONE = ("completed", "done")


# What a row is


def is_backup(row: Row) -> bool:
    """Whether the row tells of a backup of its own: restores, metadata and rows without a number do not."""
    return as_int(row.get("id")) is not None and not said_of(row).no_backup


def is_copy(row: Row, said: ParsedFields) -> bool:
    """A copy to another appliance repeats number and type of its backup; only these members tell it apart."""
    return "sync_status" in row or "sync_message" in row or said.copy


def hot_copy(row: Row) -> Copy | None:
    """The copy on another appliance that a copy row tells of; None if it failed, or is not said to have succeeded."""
    told = (as_text(row.get("sync_message")) or as_text(row.get("sync_status")) or "").casefold()
    if not told.startswith("success"):
        return None
    return Copy(location=as_text(row.get("destination")), role="replica", offsite=True)


def cold_copy(item: Row) -> Copy | None:
    """The copy on archive media that an item of the catalogue of archives tells of; None if it failed."""
    if as_bool(item.get("success")) is not True:
        return None
    return Copy(location=as_text(item.get("storage")), role="archive", offsite=True)


def is_own(item: Row) -> bool:
    """Whether an item of the catalogue is a backup of this system: neither a copy on a target nor from elsewhere."""
    return "orig_backup_id" not in item and not _is_foreign(item)


_FOREIGN = ("replicated", "remote", "imported_from_archive")
_is_foreign = RecordCache(_FOREIGN, lambda item: any(as_bool(item.get(name)) for name in _FOREIGN)).get


def catalogued(answer: Row, members: Sequence[str]) -> Iterator[tuple[Row, Row]]:
    """(instance, item) of a catalogue by instances."""
    for instance in map(as_object, as_list(answer.get("catalog"))):
        for member in members:
            for item in as_list(instance.get(member)):
                yield instance, as_object(item)


# Workloads

# All that workload_of looks at.
NAMING = (
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


def workload_of(row: Row, sid: int, file_level: Mapping[str, str]) -> Workload:
    """The workload of a row or of a catalogue's instance.

    Numbers are those of one system, so its own is put before them. ``file_level`` is instance -> client for the
    instances that stand for all files of a machine, which only some answers name.
    """
    client, instance = as_text(row.get("client_id")), as_text(row.get("instance_id"))
    if instance is not None and (
        instance in file_level or (as_text(row.get("instance_name")) or "").casefold() == _FILE_LEVEL
    ):
        client, instance = client or file_level.get(instance), None
    words = f"{as_text(row.get('app_name')) or ''} {as_text(row.get('type')) or ''}"
    workload_type, platform = application_of(words)
    # What an application holds is not its machine: of all that lie on one host, the host's number would make one.
    # Nor is it known of what says nothing of itself.
    is_machine = workload_type == "physical" and words.strip()
    number = instance or (f"c{client}" if client and is_machine else None)
    return Workload(
        id=f"{sid}/{number}" if number else None,
        name=_name_of(row, workload_type, instance),
        type=workload_type,
        platform=platform,
    )


def _name_of(row: Row, workload_type: str, instance: str | None) -> str | None:
    members = ("vm_name", "database_name", *(("instance_name",) if instance else ()), "asset_name", "client_name")
    member = next((member for member in members if as_text(row.get(member))), "client_name")
    named, host = as_text(row.get(member)), as_text(row.get("client_name"))
    # Of a virtual machine the client is its host, whose name may stand for the asset as well.
    is_hosts = named == host or (host is None and member == "asset_name")
    return None if workload_type == "vm" and is_hosts else named


def application_of(words: str) -> tuple[str, str | None]:
    """(workload_type, platform), from the words by which a backup or a node of the inventory names its application."""
    folded = words.casefold()
    for word, kind in _APPLICATIONS.items():
        if word in folded:
            return kind
    # What belongs to no application are files or disks of a machine.
    return "physical", None


# Points


def started(row: Row, times: LocalTimes) -> list[int]:
    """When the backup may have begun, oldest first: in either generation's spelling, or the catalogue's.

    Points take the oldest, so that none is told younger than it is.
    """
    return times.instants(row.get("start_time") or row.get("start_date_time") or row.get("start_date"))


@dataclasses.dataclass(frozen=True)
class ParsedFields:
    """What a row says but for its number, its workload, its times and its size."""

    no_backup: bool
    copy: bool
    # Made by another system, which tells of it itself.
    replicated_in: bool
    kind: str
    status: str
    usable: bool | None
    checked: bool | None
    certified: bool | None
    encrypted: bool | None
    retention: tuple[str, ...]
    storage: str | None
    replicated: bool


def _said_of(row: Row) -> ParsedFields:
    status, usable = _outcome(row)
    shown = (as_text(row.get("type")) or "").casefold()
    verify = (as_text(row.get("verify_status")) or "").casefold()
    checked = True if verify.startswith("success") else False if verify.startswith("fail") else None
    if checked is False and status != "running":
        # It was made well, and could not be read back.
        status, usable = "failed", False
    return ParsedFields(
        no_backup=any(word in shown for word in _NO_BACKUPS),
        copy=shown.startswith("securesync"),
        replicated_in=as_bool(row.get("replicated")) is True,
        kind=_kind(row),
        status=status,
        usable=usable,
        checked=checked,
        certified=as_bool(row.get("certified")),
        encrypted=as_bool(row.get("encrypted")),
        retention=_retention(row.get("gfs_rp_type")),
        storage=as_text(row.get("storage")),
        # Up to about 2015 the backup itself says that it was replicated, and not whereto.
        replicated=(as_text(row.get("replication_status")) or "").casefold().startswith(_DONE),
    )


_SAID = (
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
said_of = RecordCache(_SAID, _said_of).get


def point_of(
    row: Row,
    said: ParsedFields,
    item: Row | None,
    workload: Workload,
    sid: int,
    copies: Sequence[Copy],
    times: LocalTimes,
) -> RecoveryPoint:
    """A backup of the list; ``item`` is the same in the catalogue, which knows its storage."""
    estimated: tuple[str, ...] = ()
    created, completed = times.known(row.get("start_time")), times.known(row.get("complete_time"))
    if created is None:
        created, *others = started(row, times)
        estimated = ("created_at",) if others else ()
    if completed is None:
        completed, *others = times.not_before(row.get("complete_time"), created) or (None,)
        estimated = (*estimated, "completed_at") if others else estimated
    elif completed < created:
        completed = None
    certified, storage = said.certified, said.storage
    if item is not None:
        certified = as_bool(item.get("certified")) if certified is None else certified
        storage = as_text(item.get("storage")) if storage is None else storage
    point = RecoveryPoint(
        id=f"{sid}/{as_int(row.get('id'))}",
        workload=workload,
        created=created,
        completed=completed,
        kind=said.kind,
        status=said.status,
        usable=said.usable,
        size_bytes=_size(row.get("size"), said.status),
        verified=certified,
        checked=said.checked,
        checked_by="integrity_check" if said.checked else None,
        encrypted=said.encrypted,
        retention=said.retention,
        estimated=estimated,
    )
    if said.usable is not False:
        _place(point, storage, [*copies, Copy(role="replica", offsite=True)] if said.replicated else copies)
    return point


def point_of_catalog(
    item: Row, workload: Workload, sid: int, copies: Sequence[Copy], times: LocalTimes
) -> RecoveryPoint:
    """A backup that only the catalogue lists: what can be restored, whatever came of it."""
    instants = started(item, times)
    status = _CATALOG_STATUSES.get(-1 if as_int(item.get("status")) is None else int(item["status"]), "unknown")
    point = RecoveryPoint(
        id=f"{sid}/{as_int(item.get('id'))}",
        workload=workload,
        created=instants[0],
        estimated=_ambiguous(instants),
        kind=_kind(item),
        status=status,
        usable=False if status == "failed" else None if status == "unknown" else True,
        size_bytes=_size(item.get("size"), status),
        verified=as_bool(item.get("certified")),
        encrypted=as_bool(item.get("encrypted")),
    )
    if point.usable is not False:
        _place(point, as_text(item.get("storage")), copies)
    return point


def point_of_archive(items: Sequence[Row], workload: Workload, sid: int, times: LocalTimes) -> RecoveryPoint:
    """A backup that is on archive media only, because the appliance has deleted its own."""
    instants = started(items[0], times)
    point = RecoveryPoint(
        id=f"{sid}/a{as_int(items[0].get('id'))}",
        workload=workload,
        created=instants[0],
        estimated=_ambiguous(instants),
        kind="archive",
        status="success",
        usable=True,
    )
    _place(point, None, [copy for item in items if (copy := cold_copy(item))])
    return point


def _ambiguous(instants: Sequence[int]) -> tuple[str, ...]:
    return ("created_at",) if len(instants) > 1 else ()


def _outcome(row: Row) -> tuple[str, bool | None]:
    complete = as_bool(row.get("complete"))
    if complete is False:
        return "running", False
    word = (as_text(row.get("status")) or "").casefold()
    status = next((status for start, status in _STATUSES.items() if word.startswith(start)), "unknown")
    if complete is None and status != "failed":
        # A backup that still runs is called successful, too.
        status = "unknown"
    return status, False if status == "failed" else None if status == "unknown" else True


def _kind(row: Row) -> str:
    shown = (as_text(row.get("type")) or "").casefold()
    kind = next((kind for word, kind in _KINDS if word in shown), "unknown")
    made_here = "synth" in shown or as_bool(row.get("synthesized")) is True
    return "synthetic_full" if kind == "full" and made_here else kind


def _size(megabytes: t.Any, status: str) -> int | None:
    """Whole megabytes of 2^20 bytes. A small backup has 0; one that failed or still runs says nothing."""
    size = as_int(megabytes)
    return None if size is None or status not in ("success", "warning") else size * _MEGABYTE


def _retention(words: t.Any) -> tuple[str, ...]:
    folded = words.casefold() if isinstance(words, str) else ""
    return tuple(name for name in RETENTION if name in folded)


def _place(point: RecoveryPoint, storage: str | None, elsewhere: Sequence[Copy]) -> None:
    """Where it lies. That a copy on another appliance or on archive media is elsewhere is implied, not said."""
    if point.kind != "archive" and (storage is not None or elsewhere):
        point.copies = [Copy(location=storage, role="primary", encrypted=point.encrypted), *elsewhere]
    elif elsewhere:
        point.copies = list(elsewhere)
    if elsewhere:
        point.offsite = True
        point.estimated = (*point.estimated, "offsite")


def number_of(row: Row, member: str = "id") -> int:
    """A number that a row must have."""
    number = as_int(row.get(member))
    if number is None:
        raise InvalidResponseError(
            f"a record has no number {member!r}", advice="Please report this version of the appliance"
        )
    return number
