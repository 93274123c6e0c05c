# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for AWS: parse one record into one recovery point. Fields: the vendor's specification 1.0-rev0."""

from __future__ import annotations

import dataclasses
import re
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
    # Whether it is full or incremental is not reported.
    "Backup": ("backup", True),
    "Snapshot": ("snapshot", False),
    "ManualSnapshot": ("snapshot", False),
    # A snapshot that was copied to another region or account.
    "Replica": ("replica", False),
}
PLATFORM = "aws_ec2"
# The code of a region, such as us-gov-west-1. Names such as Europe (Frankfurt) can mean the same region.
_CODE = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
# The appliance's own id of a region.
_UUID = re.compile(r"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}", re.IGNORECASE)
# Values that most points of an instance share. They determine everything except id, time and a reported size.
TEMPLATE_KEYS = ("jobType", "regionId")


class PointOwners:
    """Maps restore points to their instances. Each instance is queried for the ids of its points."""

    def __init__(self) -> None:
        self._index = IdIndex()
        self._workloads: list[Workload] = []
        self.count = 0
        # Whether the server applies the filter that selects the points of one instance.
        self.is_filter_honored = False

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
        """Return the instance of a point, or None if no instance or several instances list it."""
        found = self._index.get(hash(ident))
        return None if found is None or self.is_ambiguous(ident) else self._workloads[found[1]]

    def is_ambiguous(self, ident: str) -> bool:
        """Return whether several instances list this point."""
        return self._index.is_ambiguous(hash(ident))

    @property
    def has_ambiguous_ids(self) -> bool:
        """Whether several instances list any point."""
        return self._index.has_ambiguous_ids


@dataclasses.dataclass(frozen=True)
class Region:
    """An AWS region; fields that are not reported are None."""

    id: str | None = None
    name: str | None = None


def parse_workload(machine: Mapping[str, t.Any]) -> Workload:
    """Parse an EC2 instance of the inventory. The product protects no other machines, so there is no vendor's term."""
    return Workload(
        id=as_text(machine.get("id")),
        name=as_text(machine.get("name")) or as_text(machine.get("awsResourceId")),
        type="vm",
        platform=PLATFORM,
    )


def parse_region(machine: Mapping[str, t.Any], *, is_location_region: bool) -> Region:
    """Parse the region in which an instance runs.

    ``is_location_region``: in API revision 1.0 the location is the region. Later it is something else, such as a zone.
    """
    region = as_object(machine.get("region")) or (as_object(machine.get("location")) if is_location_region else {})
    return Region(as_text(region.get("id")), as_text(region.get("name")))


def parse_point(
    row: Mapping[str, t.Any],
    workload: Workload,
    *,
    home: Region,
    names: Mapping[str, str],
    encrypted: bool | None,
    include_raw: bool,
) -> RecoveryPoint:
    """Parse one restore point.

    ``home`` is the region in which its instance runs, ``names`` maps the ids of regions to names, ``encrypted`` is the
    setting that all readable repositories have in common.
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
        point.copies = [_build_copy(row, kind, home, names)]
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
    """Return the reported size in bytes."""
    return as_int(row.get("backupSizeBytes"))


def parse_created(row: Mapping[str, t.Any]) -> int:
    """Parse the creation time. Times of this product have no time zone and are UTC."""
    try:
        return parse_time(row.get("pointInTime"), naive_is_utc=True)
    except DataError as error:
        raise InvalidResponseError(f"restore point {row['id']}: {error.message}") from error


def parse_created_or_none(row: Mapping[str, t.Any]) -> int | None:
    """Parse the creation time. Return None if it is not valid."""
    try:
        return parse_time(row.get("pointInTime"), naive_is_utc=True)
    except DataError:
        return None


def _build_copy(row: Mapping[str, t.Any], kind: str, home: Region, names: Mapping[str, str]) -> Copy:
    ident = as_text(row.get("regionId"))
    region = Region(ident, names.get(ident or ""))
    return Copy(
        location=region.name or ident,
        location_type="snapshot_array",
        vendor_location_type=as_text(row.get("jobType")),
        role=kind,
        # A snapshot is stored with the disk; a replica may be in another account of the same region.
        offsite=_is_other(region, home) if kind == "replica" else False,
    )


def _is_other(first: Region, second: Region) -> bool | None:
    """Return whether two regions differ, or None if unknown. Ids of one kind take precedence over names."""
    if first.id is not None and first.id == second.id:
        return False
    names = _get_name(first), _get_name(second)
    kinds = {_get_id_kind(first), _get_id_kind(second)}
    if None not in names and names[0] == names[1]:
        # Different ids of a region with one name are a contradiction, unless they are of two kinds.
        return False if None in (first.id, second.id) or kinds == {"code", "uuid"} else None
    if len(kinds) == 1 and None not in kinds:
        return True
    return True if all(name is not None and _CODE.fullmatch(name) for name in names) else None


def _get_name(region: Region) -> str | None:
    """Return the name of a region. A code that is reported as its id is a name, too."""
    return region.name or (region.id if region.id is not None and _CODE.fullmatch(region.id) else None)


def _get_id_kind(region: Region) -> str | None:
    """Return the kind of a region's id. Different ids of two kinds, or of an unknown kind, can mean the same region."""
    ident = region.id or ""
    return "code" if _CODE.fullmatch(ident) else "uuid" if _UUID.fullmatch(ident) else None
