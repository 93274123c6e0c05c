# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for AWS: parse one record into one recovery point. Fields: the vendor's specification 1.0-rev0."""

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
    remove_secrets,
)

# jobType -> kind, and whether the point is in a repository. The API does not report whether a backup is full.
_KINDS = {
    # Full or incremental, which is not reported.
    "Backup": ("backup", True),
    "Snapshot": ("snapshot", False),
    "ManualSnapshot": ("snapshot", False),
    # A snapshot that was copied to another region or account.
    "Replica": ("replica", False),
}
# Values that most points of an instance share. They determine everything except id, time and a reported size.
TEMPLATE_KEYS = ("jobType", "regionId")


class PointOwners:
    """Maps restore points to their instances. Each instance is queried for the ids of its points."""

    def __init__(self) -> None:
        self._index = IdIndex()
        self._workloads: list[Workload] = []
        self.count = 0
        # Whether the server applies the filter that selects the points of one instance.
        self.is_filter_honoured = False

    def add(self, workload: Workload, ids: Collection[str]) -> None:
        """Add the points of one instance. Add all instances before the first lookup."""
        for ident in ids:
            self._index.add(ident, None, len(self._workloads))
        self._workloads.append(workload)
        self.count += len(ids)

    def finalize(self) -> None:
        """Sort the index after the last ``add``."""
        self._index.finalize()

    def get(self, ident: str) -> Workload | None:
        """The instance of a point; None if no instance or several instances list it."""
        found = self._index.get(hash(ident))
        return None if found is None or self.is_ambiguous(ident) else self._workloads[found[1]]

    def is_ambiguous(self, ident: str) -> bool:
        """Whether several instances list this point."""
        return self._index.is_ambiguous(hash(ident))

    @property
    def has_ambiguous_ids(self) -> bool:
        """Whether several instances list any point."""
        return self._index.has_ambiguous_ids


def parse_workload(machine: Mapping[str, t.Any]) -> Workload:
    """Parse an EC2 instance of the inventory."""
    return Workload(
        id=as_text(machine.get("id")),
        name=as_text(machine.get("name")) or as_text(machine.get("awsResourceId")),
        type="vm",
        platform="aws",
    )


def parse_region(machine: Mapping[str, t.Any]) -> tuple[str, str | None] | None:
    """(id, name) of the region in which an instance runs; None if there is no id."""
    location = as_object(machine.get("location"))
    ident = as_text(location.get("id"))
    return None if ident is None else (ident, as_text(location.get("name")))


def parse_point(
    row: Mapping[str, t.Any],
    workload: Workload,
    *,
    home_region: str | None,
    regions: Mapping[str, str],
    encrypted: bool | None,
    include_raw: bool,
) -> RecoveryPoint:
    """Parse one restore point.

    ``home_region`` is the id of the region in which its instance runs, ``regions`` maps ids to names, ``encrypted`` is
    the setting that all readable repositories have in common.
    """
    kind, in_repository = _KINDS.get(as_text(row.get("jobType")) or "", ("unknown", None))
    point = RecoveryPoint(
        id=str(row["id"]),
        workload=workload,
        created=parse_created(row),
        kind=kind,
        # The API reports no state. A point of an unknown jobType may be a snapshot, which is not a backup.
        usable=None if in_repository is None else True,
        size_bytes=parse_size(row),
        raw=remove_secrets(dict(row)) if include_raw else None,
    )
    if in_repository is False:
        point.copies = [_build_copy(row, kind, home_region, regions)]
        point.offsite = point.copies[0].offsite
    if kind == "snapshot":
        # A snapshot is stored with the disk, can be deleted with it, and its size may be that of the full disk.
        point.immutable = False
        point.size_bytes = point.size_bytes or None
        point.inferred = ("size_bytes",) if point.size_bytes else ()
    elif in_repository and encrypted is not None:
        point.encrypted = encrypted
        point.inferred = ("encrypted",)
    return point


def parse_size(row: Mapping[str, t.Any]) -> int | None:
    """The size in bytes as reported."""
    return as_int(row.get("backupSizeBytes"))


def parse_created(row: Mapping[str, t.Any]) -> int:
    """Parse the creation time. Times of this product have no time zone and are UTC."""
    try:
        return parse_time(row.get("pointInTime"), naive_is_utc=True)
    except DataError as error:
        raise InvalidResponseError(f"restore point {row['id']}: {error.message}") from error


def _build_copy(row: Mapping[str, t.Any], kind: str, home_region: str | None, regions: Mapping[str, str]) -> Copy:
    region = as_text(row.get("regionId"))
    offsite: bool | None = False
    if kind == "replica":
        # Another account in the same region is not another location.
        offsite = True if region is not None and home_region is not None and region != home_region else None
    return Copy(
        location=None if region is None else regions.get(region, region),
        location_type="snapshot",
        role=kind,
        offsite=offsite,
    )
