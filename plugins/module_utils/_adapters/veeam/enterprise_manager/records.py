# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: parse records to recovery points. Fields: vendor's REST guide 13.1, records of live servers."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Iterable, Mapping

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
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_text, remove_secrets

_PLATFORMS = {
    "vmware": "vmware",
    "hyperv": "hyperv",
    "vcloud": "vcd",
    "agentforwindows": "windows",
    "agentforlinux": "linux",
}
_INCREMENTS = frozenset({"increment", "incremental", "reverseincrement", "reversedincremental"})
_IN_USE = frozenset({"failover", "failback", "permanentfailover"})
# The value in the database if there is no time.
_NEVER = "1753-01-01"


# Machine of a point: (reference, name, backup server).
Machine = tuple["str | None", "str | None", "str | None"]
# (id, time, kind, id of its file, machine, the record if raw data is requested). Only these values are kept, and they
# are built in the thread that read the page, because records take up most of the memory of a page.
PointInFile = tuple[str, int, str, "str | None", Machine, "dict[str, t.Any] | None"]

# (id, size, (id, name) of its backup).
BackupFile = tuple["str | None", "int | None", "tuple[str | None, str | None]"]


@dataclasses.dataclass(slots=True)
class FileLocation:
    """Size of a backup file, its backup and the repository of the backup."""

    size: int | None
    backup_id: str | None
    job: str | None
    platform: str | None
    copy: Copy | None


def parse_platform(value: t.Any) -> str | None:
    """Parse VMware, HyperV, vCloud, AgentForWindows...; an unknown platform keeps its own name in lower case."""
    text = as_text(value)
    return _PLATFORMS.get(text.casefold(), text.casefold()) if text else None


def parse_points(records: Iterable[Mapping[str, t.Any]], include_raw: bool) -> list[PointInFile]:
    """Parse the VmRestorePoints or AgentRestorePoints of one page."""
    fields = FieldReader(
        *("uid", "href", "creationtimeutc", "algorithm", "pointtype", "hierarchyobjref", "links"),
        *("vmdisplayname", "vmname", "name"),
    )
    links = UpLinks("BackupServerReference", "BackupFileReference")
    points = []
    for record in records:
        uid, href, created, algorithm, point_type, reference, links_value, *names = fields.get(record)
        (_address, server), (file, _name) = links.get(links_value)
        ident = _require_id(parse_id(uid, href))
        owner = (as_text(reference), _choose_name(*names), as_text(server))
        kind = parse_kind(as_text(point_type), as_text(algorithm))
        raw = _build_raw(record) if include_raw else None
        points.append((ident, _parse_created(created, ident), kind, parse_link_id(file), owner, raw))
    return points


def parse_files(records: Iterable[Mapping[str, t.Any]]) -> list[BackupFile]:
    """Parse the BackupFiles of one page."""
    fields, links = FieldReader("uid", "href", "backupsize", "links"), UpLinks("BackupReference")
    files = []
    for record in records:
        uid, href, size, links_value = fields.get(record)
        ((backup, name),) = links.get(links_value)
        files.append((parse_id(uid, href), as_int(size), (parse_link_id(backup), as_text(name))))
    return files


def build_vm(owner: Machine) -> Workload:
    """Build the workload of a VmRestorePoint."""
    reference, name, origin = owner
    platform = parse_platform(reference.split(":")[1]) if reference and reference.count(":") >= 2 else None
    return Workload(id=reference, name=name, type="vm", platform=platform, origin=origin)


def build_agent(owner: Machine, location: FileLocation | None) -> Workload:
    """Build the workload of an AgentRestorePoint, whose own name contains the machine; the backup makes it unique."""
    _reference, name, origin = owner
    return Workload(
        id=f"{name}/{location.backup_id}" if name and location and location.backup_id else None,
        name=name,
        type="physical",
        platform=location.platform if location else None,
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
    # A point whose replica is in failover looks like any other, and cannot be used for recovery.
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
    point.copies = [Copy(location=workload.origin, location_type="cloud", role="replica", offsite=True)]
    point.offsite = True
    # A provider's site is expected to be different from the tenant's site, but the API does not report it.
    point.inferred = ("offsite",)
    return point


def apply_file_location(point: RecoveryPoint, location: FileLocation | None, *, alone: bool) -> RecoveryPoint:
    """Set size and location of a point in a backup file; ``alone``: no other point is in this file."""
    if location is not None:
        point.size_bytes = location.size if alone else None
        point.job = location.job
        if location.copy is not None:
            point.copies = [location.copy]
            point.offsite = location.copy.offsite
            point.inferred = ("offsite",) if point.offsite is not None else ()
    return point


def _build_replica_workload(
    row: Mapping[str, t.Any], workload_type: str, replica: str | None, platforms: Mapping[str, str | None]
) -> Workload:
    name = _parse_vm_name(row)
    # One replica represents all machines of a job, and two tenants may have machines with the same name.
    return Workload(
        id=f"{replica}/{name}" if replica and name else None,
        name=name,
        type=workload_type,
        platform=platforms.get(replica or ""),
        origin=up_link(row, "BackupServerReference")[1],
    )


def _parse_vm_name(row: Mapping[str, t.Any]) -> str | None:
    return _choose_name(row.get("vmdisplayname"), row.get("vmname"), row.get("name"))


def _choose_name(display_name: t.Any, vm_name: t.Any, own_name: t.Any) -> str | None:
    """The name of the machine. Points are named NAME@TIME; older ones have only that name."""
    named = as_text(display_name) or as_text(vm_name)
    if named is not None:
        return named
    text = as_text(own_name) or ""
    return text.rpartition("@")[0] or text or None


@functools.lru_cache(maxsize=1000)
def parse_kind(point_type: str | None, algorithm: str | None) -> str:
    """Parse the kind from PointType, the type of the point; if it is missing, from Algorithm, the mode of its job."""
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
        # It is offered for restore, and the API does not report a problem.
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
        if not isinstance(value, str) or value.startswith(_NEVER):
            raise DataError(f"{value!r} is not a valid time")
        # According to its name the field is UTC, with or without a Z.
        return parse_time(value, naive_is_utc=True)
    except DataError as error:
        raise InvalidResponseError(
            f"restore point {ident} has no valid CreationTimeUTC: {error.message}",
            hint="The response format of this server version is not supported. Please report it",
        ) from error
