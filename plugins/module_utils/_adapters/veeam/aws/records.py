# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for AWS: one record -> one recovery point. Fields: the vendor's specification 1.0-rev0."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import IdIndex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    scrubbed,
)

# jobType -> kind and whether the point lies in a repository. Whether a backup is full is not told.
_KINDS = {
    "Backup": ("unknown", True),
    "Snapshot": ("snapshot", False),
    "ManualSnapshot": ("snapshot", False),
    # A snapshot that was copied to another region or account.
    "Replica": ("replica", False),
}
# What is the same for most points of an instance, and decides all but id, time and a size that is told.
ALIKE = ("jobType", "regionId")


class PointOwners:
    """Whose restore points are: instances, asked one by one for the ids of theirs."""

    def __init__(self) -> None:
        self._table = IdIndex()
        self._workloads: list[Workload] = []
        self.count = 0
        # Whether the server tells the points of one instance from those of others.
        self.honoured = False

    def add(self, workload: Workload, ids: Collection[str]) -> None:
        """The points of one instance. All are added before the first is looked up."""
        for ident in ids:
            self._table.add(ident, None, len(self._workloads))
        self._workloads.append(workload)
        self.count += len(ids)

    def seal(self) -> None:
        """All are there."""
        self._table.seal()

    def get(self, ident: str) -> Workload | None:
        """The instance of a point; None where none claims it, or several do."""
        found = self._table.get(hash(ident))
        return None if found is None or self.is_disputed(ident) else self._workloads[found[1]]

    def is_disputed(self, ident: str) -> bool:
        """Whether several instances claim a point."""
        return self._table.is_disputed(hash(ident))

    @property
    def has_disputes(self) -> bool:
        """Whether several instances claim any point."""
        return self._table.has_disputes


def workload_of(machine: Mapping[str, t.Any]) -> Workload:
    """An instance of EC2 as the inventory lists it."""
    return Workload(
        id=as_text(machine.get("id")),
        name=as_text(machine.get("name")) or as_text(machine.get("awsResourceId")),
        type="vm",
        platform="aws",
    )


def region_of(machine: Mapping[str, t.Any]) -> tuple[str, str | None] | None:
    """(id, name) of the region in which an instance runs."""
    location = as_object(machine.get("location"))
    ident = as_text(location.get("id"))
    return None if ident is None else (ident, as_text(location.get("name")))


def point_of(
    row: Mapping[str, t.Any],
    workload: Workload,
    *,
    home: str | None,
    regions: Mapping[str, str],
    encrypted: bool | None,
    include_raw: bool,
) -> RecoveryPoint:
    """One restore point.

    ``home`` is the id of the region in which its instance runs, ``regions`` names by id, ``encrypted`` what all
    readable repositories have in common.
    """
    kind, in_repository = _KINDS.get(as_text(row.get("jobType")) or "", ("unknown", None))
    point = RecoveryPoint(
        id=str(row["id"]),
        workload=workload,
        created=created_of(row),
        kind=kind,
        # No state is told. What cannot be placed may be a snapshot, which is no backup.
        usable=None if in_repository is None else True,
        size_bytes=size_of(row),
        raw=scrubbed(dict(row)) if include_raw else None,
    )
    if in_repository is False:
        point.copies = [_copy(row, kind, home, regions)]
        point.offsite = point.copies[0].offsite
    if kind == "snapshot":
        # It lies beside the disk, can be deleted with it, and its size may be that of the whole disk.
        point.immutable = False
        point.size_bytes = point.size_bytes or None
        point.estimated = ("size_bytes",) if point.size_bytes else ()
    elif in_repository and encrypted is not None:
        point.encrypted = encrypted
        point.estimated = ("encrypted",)
    return point


def size_of(row: Mapping[str, t.Any]) -> int | None:
    """Bytes, as they are told."""
    return as_int(row.get("backupSizeBytes"))


def created_of(row: Mapping[str, t.Any]) -> int:
    """Times of this product carry no zone and are UTC."""
    try:
        return parse_time(row.get("pointInTime"), naive_is_utc=True)
    except DataError as error:
        raise InvalidResponseError(f"the restore point {row['id']}: {error.message}") from error


def _copy(row: Mapping[str, t.Any], kind: str, home: str | None, regions: Mapping[str, str]) -> Copy:
    place = as_text(row.get("regionId"))
    offsite: bool | None = False
    if kind == "replica":
        # Another account in the same region is no other place.
        offsite = True if place is not None and home is not None and place != home else None
    return Copy(
        location=None if place is None else regions.get(place, place),
        location_type="snapshot",
        role=kind,
        offsite=offsite,
    )
