# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: records -> recovery points. Fields: the vendor's REST guide 13.1, records of live servers."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._failures import AnswerError
from ansible_collections.backup.audit.plugins.module_utils._loose import as_text, scrubbed
from ansible_collections.backup.audit.plugins.module_utils._model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._sources.veeam_enterprise_manager_wire import (
    id_of,
    id_up,
    lowered,
    name_up,
    up_link,
    up_links,
)
from ansible_collections.backup.audit.plugins.module_utils._times import parse_time

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


@dataclasses.dataclass(slots=True)
class Home:
    """Where a backup file belongs: its backup and the repository of that."""

    size: int | None
    backup_id: str | None
    job: str | None
    platform: str | None
    place: Copy | None


@dataclasses.dataclass(slots=True)
class Found:
    """A point, and the backup file that holds it."""

    point: RecoveryPoint
    file_id: str | None


class HomesByFile(t.Protocol):
    """Backup files, joined to their backups and repositories."""

    def get(self, file_id: str, /) -> Home | None:
        """Where a file belongs; None for one that is not listed."""


def platform_of(told: t.Any) -> str | None:
    """VMware, HyperV, vCloud, AgentForWindows...; what is not known keeps its own name."""
    text = as_text(told)
    return _PLATFORMS.get(text.casefold(), text.casefold()) if text else None


def vm_point(record: Mapping[str, t.Any], include_raw: bool) -> Found:
    """VmRestorePoint."""
    row = lowered(record)
    links = up_links(row)
    reference = as_text(row.get("hierarchyobjref"))
    workload = Workload(
        id=reference,
        name=_vm_name(row),
        type="vm",
        platform=platform_of(reference.split(":")[1]) if reference and reference.count(":") >= 2 else None,
        origin=name_up(links, "BackupServerReference"),
    )
    return Found(_point(record, row, workload, _kind(row), include_raw), id_up(links, "BackupFileReference"))


def agent_point(record: Mapping[str, t.Any], homes: HomesByFile, include_raw: bool) -> Found:
    """AgentRestorePoint. It does not name its machine but in its own name, so the backup tells equal names apart."""
    row = lowered(record)
    links = up_links(row)
    name = _vm_name(row)
    file_id = id_up(links, "BackupFileReference")
    home = homes.get(file_id or "")
    workload = Workload(
        id=f"{name}/{home.backup_id}" if name and home and home.backup_id else None,
        name=name,
        type="physical",
        platform=home.platform if home else None,
        origin=name_up(links, "BackupServerReference"),
    )
    return Found(_point(record, row, workload, _kind(row), include_raw), file_id)


def replica_point(record: Mapping[str, t.Any], platforms: Mapping[str, str | None], include_raw: bool) -> RecoveryPoint:
    """VmReplicaPoint."""
    row = lowered(record)
    replica, job = up_link(row, "ReplicaReference")
    point = _point(record, row, _replica_workload(row, "vm_replica", replica, platforms), "replica", include_raw)
    point.job = job
    # One whose replica is in failover looks like any other, and is no way back.
    point.usable = None
    return point


def cloud_point(record: Mapping[str, t.Any], platforms: Mapping[str, str | None], include_raw: bool) -> RecoveryPoint:
    """CloudVmReplicaPoint: it lies at the provider. In any state but Ready its replica is in use."""
    row = lowered(record)
    replica, _name = up_link(row, "CloudReplicaReference")
    workload = _replica_workload(row, "cloud_vm_replica", replica, platforms)
    point = _point(record, row, workload, "replica", include_raw)
    state = (as_text(row.get("state")) or "").casefold()
    point.usable = True if state == "ready" else False if state in _IN_USE else None
    point.copies = [Copy(location=workload.origin, location_type="cloud", role="replica", offsite=True)]
    point.offsite = True
    # That a provider's site is another one than its tenant's is the point of it, but is not said.
    point.estimated = ("offsite",)
    return point


def settle(found: Found, home: Home | None, *, alone: bool) -> RecoveryPoint:
    """Size and place of a point in a backup file; ``alone``: no other point lies in this file."""
    point = found.point
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
    """Points are named NAME@TIME; older ones have only that."""
    named = as_text(row.get("vmdisplayname")) or as_text(row.get("vmname"))
    if named is not None:
        return named
    text = as_text(row.get("name")) or ""
    return text.rpartition("@")[0] or text or None


def _kind(row: Mapping[str, t.Any]) -> str:
    """PointType says what the point is; Algorithm, how its job works, helps out where the first is missing."""
    algorithm = (as_text(row.get("algorithm")) or "").casefold()
    told = (as_text(row.get("pointtype")) or algorithm).casefold()
    if told in _INCREMENTS:
        return "incremental"
    if told == "syntheticfull" or (told == "full" and algorithm == "syntheticfull"):
        return "synthetic_full"
    return "full" if told == "full" else "snapshot" if told == "snapshot" else "unknown"


def _point(
    record: Mapping[str, t.Any], row: Mapping[str, t.Any], workload: Workload, kind: str, include_raw: bool
) -> RecoveryPoint:
    ident = id_of(row)
    if ident is None:
        raise AnswerError("a restore point has neither UID nor Href", advice="Please report this")
    return RecoveryPoint(
        id=ident,
        workload=workload,
        created=_created(row, ident),
        kind=kind,
        # It is offered for restore, and nothing is said against it.
        usable=True,
        raw={"records": [scrubbed(dict(record))]} if include_raw else None,
    )


def _created(row: Mapping[str, t.Any], ident: str) -> int:
    told = row.get("creationtimeutc")
    try:
        if not isinstance(told, str) or told.startswith(_NEVER):
            raise DataError(f"{told!r} is no time")
        # The name says that it is UTC, with or without a Z.
        return parse_time(told, naive_is_utc=True)
    except DataError as error:
        raise AnswerError(
            f"restore point {ident} has no CreationTimeUTC: {error.message}",
            advice="This version of the server answers in a way that this module does not know; please report it",
        ) from error
