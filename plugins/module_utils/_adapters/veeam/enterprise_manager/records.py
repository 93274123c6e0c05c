# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: parse records to recovery points. Fields: vendor's REST guide 13.1, records of live servers."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import (
    infer_offsite,
    parse_cloud,
    parse_point_time,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.decoding import (
    FieldReader,
    UpLinks,
    get_id,
    lower_keys,
    parse_id,
    parse_link_id,
    up_link,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import parse_location_type, parse_platform
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_text, remove_secrets

_INCREMENTS = frozenset({"increment", "incremental", "reverseincrement", "reversedincremental"})
_IN_USE = frozenset({"failover", "failback", "permanentfailover"})

# Machine of a point: (reference, name, backup server).
Machine = tuple["str | None", "str | None", "str | None"]
# (id, time, kind, id of its file, machine, id of the job run, the record if raw data is requested). Only these values
# are kept, and they are built in the thread that reads the page, because records use most of the memory of a page.
PointInFile = tuple[str, int, str, "str | None", Machine, "str | None", "dict[str, t.Any] | None"]
# An invalid record: (text that identifies it, the error).
InvalidRecord = tuple[str, InvalidResponseError]

# (id, size, (id, name) of its backup).
BackupFile = tuple[str, "int | None", "tuple[str | None, str | None]"]


@dataclasses.dataclass(frozen=True, slots=True)
class Backup:
    """A backup and its repository. ``platform`` is the product's own term."""

    ident: str | None
    job: str | None
    platform: str | None = None
    repository: str | None = None
    repository_kind: str | None = None
    # The copies that points share, by the platform of their machines.
    _copies: dict[str | None, Copy] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def get_copy(self, platform: str | None) -> Copy:
        """Return the copy that all points of machines of this platform share in this backup."""
        if platform not in self._copies:
            cloud = parse_cloud(self.repository_kind)
            self._copies[platform] = Copy(
                location=self.repository,
                location_type=parse_location_type(self.repository_kind),
                vendor_location_type=self.repository_kind,
                offsite=infer_offsite(frozenset({cloud} if cloud else ()), platform, parse_platform(self.platform)),
            )
        return self._copies[platform]


@dataclasses.dataclass(slots=True)
class FileLocation:
    """Size of a backup file and its backup."""

    size: int | None
    backup: Backup


def parse_points(records: Iterable[Mapping[str, t.Any]], include_raw: bool) -> list[PointInFile | InvalidRecord]:
    """Parse the VmRestorePoints or AgentRestorePoints of one page."""
    fields = FieldReader(
        *("uid", "href", "creationtimeutc", "algorithm", "pointtype", "hierarchyobjref", "links"),
        *("vmdisplayname", "vmname", "name"),
    )
    links = UpLinks("BackupServerReference", "BackupFileReference", "RestorePointReference")
    points: list[PointInFile | InvalidRecord] = []
    for record in records:
        uid, href, created, algorithm, point_type, reference, links_value, *names = fields.get(record)
        (_address, server), (file_link, _name), (run, _run_name) = links.get(links_value)
        try:
            ident = _require_id(parse_id(uid, href))
            moment = _parse_created(created, ident)
        except InvalidResponseError as error:
            points.append((repr(record), error))
            continue
        owner = (_parse_reference(reference), _choose_name(*names), as_text(server))
        file = parse_link_id(file_link)
        kind = parse_kind(as_text(point_type), as_text(algorithm))
        if kind == "unknown" and file is not None:
            # The point is certainly in a backup file.
            kind = "backup"
        raw = _build_raw(record) if include_raw else None
        points.append((ident, moment, kind, file, owner, parse_link_id(run), raw))
    return points


def _parse_reference(value: t.Any) -> str | None:
    """Parse HierarchyObjRef, urn:PLATFORM:TYPE:ROOT.OBJECT. Without an object it may refer to any machine."""
    reference = as_text(value)
    # Only a reference with an empty or all-zero object ends with these characters.
    if reference is None or reference[-1] not in ".0" or "." not in reference:
        return reference
    return reference if reference.partition(".")[2].strip("0-") else None


def parse_files(records: Iterable[Mapping[str, t.Any]]) -> list[BackupFile]:
    """Parse the BackupFiles of one page."""
    fields, links = FieldReader("uid", "href", "backupsize", "links"), UpLinks("BackupReference")
    files = []
    for record in records:
        uid, href, size, links_value = fields.get(record)
        ((backup, name),) = links.get(links_value)
        # No point refers to a file without an id.
        files.append((parse_id(uid, href) or repr(record), as_int(size), (parse_link_id(backup), as_text(name))))
    return files


def build_machine(workload_type: str, owner: Machine, backup: Backup | None) -> Workload:
    """Build the workload of a point in a file.

    Points of agents, and some of virtual machines, have no reference to the machine. Its name is not unique, so such a
    workload is one backup of machines with this name.
    """
    reference, name, origin = owner
    term = reference.split(":")[1] if reference and reference.count(":") >= 2 else None
    term = term or (backup.platform if backup else None)
    own_id = f"{name}/{backup.ident}" if name and backup and backup.ident else None
    return Workload(
        id=reference or own_id,
        name=name,
        type=workload_type,
        platform=parse_platform(term),
        vendor_platform=term,
        origin=origin,
    )


def parse_replica_point(
    record: Mapping[str, t.Any], platforms: Mapping[str, str | None], include_raw: bool
) -> RecoveryPoint:
    """Parse a VmReplicaPoint."""
    row = lower_keys(record)
    replica, job = up_link(row, "ReplicaReference")
    point = _build_point(record, row, _build_replica_workload(row, "vm_replica", replica, platforms), include_raw)
    point.job = job
    # A replica in failover cannot be used for recovery, but its points look like all others.
    point.usable = None
    return point


def parse_cloud_point(
    record: Mapping[str, t.Any], platforms: Mapping[str, str | None], include_raw: bool
) -> RecoveryPoint:
    """Parse a CloudVmReplicaPoint, which is stored at the provider. In any state but Ready its replica is in use."""
    row = lower_keys(record)
    replica, _name = up_link(row, "CloudReplicaReference")
    workload = _build_replica_workload(row, "cloud_vm_replica", replica, platforms)
    point = _build_point(record, row, workload, include_raw)
    state = (as_text(row.get("state")) or "").casefold()
    point.usable = True if state == "ready" else False if state in _IN_USE else None
    # The storage of the provider is not reported.
    point.copies = [Copy(location=workload.origin, location_type="cloud_vault", role="replica", offsite=True)]
    point.offsite = True
    # The provider's site should be different from the tenant's site, but the API does not report it.
    point.inferred = ("offsite",)
    return point


def apply_file_location(point: RecoveryPoint, location: FileLocation, *, alone: bool) -> RecoveryPoint:
    """Set size and location of a point in a backup file; ``alone``: no other point is in this file."""
    backup = location.backup
    point.size_bytes = location.size if alone else None
    point.job = backup.job
    if backup.repository is not None:
        copy = backup.get_copy(point.workload.platform)
        point.copies = [copy]
        point.offsite = copy.offsite
        point.inferred = ("offsite",) if point.offsite is not None else ()
        if copy.location_type == "snapshot_array":
            point.kind = "snapshot"
    return point


def _build_replica_workload(
    row: Mapping[str, t.Any], workload_type: str, replica: str | None, platforms: Mapping[str, str | None]
) -> Workload:
    name = _parse_vm_name(row)
    term = platforms.get(replica or "")
    # One replica represents all machines of a job, and two tenants may have machines with the same name.
    return Workload(
        id=f"{replica}/{name}" if replica and name else None,
        name=name,
        type=workload_type,
        platform=parse_platform(term),
        vendor_platform=term,
        origin=up_link(row, "BackupServerReference")[1],
    )


def _parse_vm_name(row: Mapping[str, t.Any]) -> str | None:
    return _choose_name(row.get("vmdisplayname"), row.get("vmname"), row.get("name"))


def _choose_name(display_name: t.Any, vm_name: t.Any, own_name: t.Any) -> str | None:
    """Return the name of the machine. Old points have only their own name, NAME@TIME."""
    named = as_text(display_name) or as_text(vm_name)
    if named is not None:
        return named
    text = as_text(own_name) or ""
    return text.rpartition("@")[0] or text or None


@functools.lru_cache(maxsize=1000)
def parse_kind(point_type: str | None, algorithm: str | None) -> str:
    """Parse the kind from PointType (type of the point) or, if it is missing, from Algorithm (mode of its job)."""
    algorithm = (algorithm or "").casefold()
    value = (point_type or algorithm).casefold()
    if value in _INCREMENTS:
        return "incremental"
    if value == "syntheticfull" or (value == "full" and algorithm == "syntheticfull"):
        return "synthetic_full"
    return "full" if value == "full" else "snapshot" if value == "snapshot" else "unknown"


def _build_point(
    record: Mapping[str, t.Any], row: Mapping[str, t.Any], workload: Workload, include_raw: bool
) -> RecoveryPoint:
    ident = _require_id(get_id(row))
    return RecoveryPoint(
        id=ident,
        workload=workload,
        created=_parse_created(row.get("creationtimeutc"), ident),
        kind="replica",
        # The point is offered for restore, and the API reports no problem.
        usable=True,
        raw=_build_raw(record) if include_raw else None,
    )


def _build_raw(record: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"records": [remove_secrets(dict(record))]}


def _require_id(ident: str | None) -> str:
    if ident is None:
        raise InvalidResponseError("a restore point has neither UID nor Href", hint="Please report this response")
    return ident


def _parse_created(value: t.Any, ident: str) -> int:
    try:
        # The name of the field says that it is UTC, even without a Z.
        return parse_point_time(value, naive_is_utc=True)
    except DataError as error:
        raise InvalidResponseError(
            f"restore point {ident} has no valid CreationTimeUTC: {error.message}",
            hint="The response format of this server version is not supported. Please report it",
        ) from error
