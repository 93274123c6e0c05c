# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: records -> recovery points. Fields: the vendor's REST guide 13.1, records of live servers."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.decoding import (
    MemberReader,
    UpLinks,
    id_in,
    id_of,
    id_told,
    lowered,
    up_link,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_text, scrubbed

_PLATFORMS = {
    "vmware": "vmware",
    "hyperv": "hyperv",
    "vcloud": "vcd",
    "agentforwindows": "windows",
    "agentforlinux": "linux",
}
_INCREMENTS = frozenset({"increment", "incremental", "reverseincrement", "reversedincremental"})
_IN_USE = frozenset({"failover", "failback", "permanentfailover"})
# What the database holds where there is no time.
_NEVER = "1753-01-01"


# What a point says of its machine: (reference, name, backup server).
BackupObject = tuple["str | None", "str | None", "str | None"]
# (id, time, kind, id of the file that holds it, machine, the record where it is asked for). Not more than that is
# made of each, and in the thread that read the page: records are what most of a page's memory is.
PointInFile = tuple[str, int, str, "str | None", BackupObject, "dict[str, t.Any] | None"]

# (id, size, (id, name) of its backup).
BackupFile = tuple["str | None", "int | None", "tuple[str | None, str | None]"]


@dataclasses.dataclass(slots=True)
class FileLocation:
    """Where a backup file belongs: its backup and the repository of that."""

    size: int | None
    backup_id: str | None
    job: str | None
    platform: str | None
    place: Copy | None


def platform_of(told: t.Any) -> str | None:
    """VMware, HyperV, vCloud, AgentForWindows...; what is not known keeps its own name."""
    text = as_text(told)
    return _PLATFORMS.get(text.casefold(), text.casefold()) if text else None


def points_in_files(records: Iterable[Mapping[str, t.Any]], include_raw: bool) -> list[PointInFile]:
    """The VmRestorePoints or AgentRestorePoints of one page."""
    members = MemberReader(
        *("uid", "href", "creationtimeutc", "algorithm", "pointtype", "hierarchyobjref", "links"),
        *("vmdisplayname", "vmname", "name"),
    )
    links = UpLinks("BackupServerReference", "BackupFileReference")
    points = []
    for record in records:
        uid, href, created, algorithm, point_type, reference, told_links, *names = members.get(record)
        (_address, server), (file, _name) = links.get(told_links)
        ident = _known_id(id_told(uid, href))
        owner = (as_text(reference), _name_in(*names), as_text(server))
        kind = kind_of(as_text(point_type), as_text(algorithm))
        raw = _raw(record) if include_raw else None
        points.append((ident, _created(created, ident), kind, id_in(file), owner, raw))
    return points


def backup_files(records: Iterable[Mapping[str, t.Any]]) -> list[BackupFile]:
    """The BackupFiles of one page."""
    members, links = MemberReader("uid", "href", "backupsize", "links"), UpLinks("BackupReference")
    files = []
    for record in records:
        uid, href, size, told_links = members.get(record)
        ((backup, name),) = links.get(told_links)
        files.append((id_told(uid, href), as_int(size), (id_in(backup), as_text(name))))
    return files


def vm_of(owner: BackupObject) -> Workload:
    """The machine of a VmRestorePoint."""
    reference, name, origin = owner
    platform = platform_of(reference.split(":")[1]) if reference and reference.count(":") >= 2 else None
    return Workload(id=reference, name=name, type="vm", platform=platform, origin=origin)


def agent_of(owner: BackupObject, home: FileLocation | None) -> Workload:
    """The machine of an AgentRestorePoint, which names it but in its own name: the backup tells equal names apart."""
    _reference, name, origin = owner
    return Workload(
        id=f"{name}/{home.backup_id}" if name and home and home.backup_id else None,
        name=name,
        type="physical",
        platform=home.platform if home else None,
        origin=origin,
    )


def replica_point(record: Mapping[str, t.Any], platforms: Mapping[str, str | None], include_raw: bool) -> RecoveryPoint:
    """VmReplicaPoint."""
    row = lowered(record)
    replica, job = up_link(row, "ReplicaReference")
    point = _point(record, row, _replica_workload(row, "vm_replica", replica, platforms), include_raw)
    point.job = job
    # One whose replica is in failover looks like any other, and is no way back.
    point.usable = None
    return point


def cloud_point(record: Mapping[str, t.Any], platforms: Mapping[str, str | None], include_raw: bool) -> RecoveryPoint:
    """CloudVmReplicaPoint: it lies at the provider. In any state but Ready its replica is in use."""
    row = lowered(record)
    replica, _name = up_link(row, "CloudReplicaReference")
    workload = _replica_workload(row, "cloud_vm_replica", replica, platforms)
    point = _point(record, row, workload, include_raw)
    state = (as_text(row.get("state")) or "").casefold()
    point.usable = True if state == "ready" else False if state in _IN_USE else None
    point.copies = [Copy(location=workload.origin, location_type="cloud", role="replica", offsite=True)]
    point.offsite = True
    # That a provider's site is another one than its tenant's is the point of it, but is not said.
    point.estimated = ("offsite",)
    return point


def settle(point: RecoveryPoint, home: FileLocation | None, *, alone: bool) -> RecoveryPoint:
    """Size and place of a point in a backup file; ``alone``: no other point lies in this file."""
    if home is not None:
        point.size_bytes = home.size if alone else None
        point.job = home.job
        if home.place is not None:
            point.copies = [home.place]
            point.offsite = home.place.offsite
            point.estimated = ("offsite",) if point.offsite is not None else ()
    return point


def _replica_workload(
    row: Mapping[str, t.Any], workload_type: str, replica: str | None, platforms: Mapping[str, str | None]
) -> Workload:
    name = _vm_name(row)
    # One replica stands for all machines of a job, and two tenants may have machines of one name.
    return Workload(
        id=f"{replica}/{name}" if replica and name else None,
        name=name,
        type=workload_type,
        platform=platforms.get(replica or ""),
        origin=up_link(row, "BackupServerReference")[1],
    )


def _vm_name(row: Mapping[str, t.Any]) -> str | None:
    return _name_in(row.get("vmdisplayname"), row.get("vmname"), row.get("name"))


def _name_in(display_name: t.Any, vm_name: t.Any, own_name: t.Any) -> str | None:
    """Points are named NAME@TIME; older ones have only that."""
    named = as_text(display_name) or as_text(vm_name)
    if named is not None:
        return named
    text = as_text(own_name) or ""
    return text.rpartition("@")[0] or text or None


@functools.lru_cache(maxsize=1000)
def kind_of(point_type: str | None, algorithm: str | None) -> str:
    """PointType says what the point is; Algorithm, how its job works, helps out where the first is missing."""
    algorithm = (algorithm or "").casefold()
    told = (point_type or algorithm).casefold()
    if told in _INCREMENTS:
        return "incremental"
    if told == "syntheticfull" or (told == "full" and algorithm == "syntheticfull"):
        return "synthetic_full"
    return "full" if told == "full" else "snapshot" if told == "snapshot" else "unknown"


def _point(
    record: Mapping[str, t.Any], row: Mapping[str, t.Any], workload: Workload, include_raw: bool
) -> RecoveryPoint:
    ident = _known_id(id_of(row))
    return RecoveryPoint(
        id=ident,
        workload=workload,
        created=_created(row.get("creationtimeutc"), ident),
        kind="replica",
        # It is offered for restore, and nothing is said against it.
        usable=True,
        raw=_raw(record) if include_raw else None,
    )


def _raw(record: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"records": [scrubbed(dict(record))]}


def _known_id(ident: str | None) -> str:
    if ident is None:
        raise InvalidResponseError("a restore point has neither UID nor Href", advice="Please report this")
    return ident


def _created(told: t.Any, ident: str) -> int:
    try:
        if not isinstance(told, str) or told.startswith(_NEVER):
            raise DataError(f"{told!r} is no time")
        # The name says that it is UTC, with or without a Z.
        return parse_time(told, naive_is_utc=True)
    except DataError as error:
        raise InvalidResponseError(
            f"restore point {ident} has no CreationTimeUTC: {error.message}",
            advice="This version of the server answers in a way that this module does not know; please report it",
        ) from error
