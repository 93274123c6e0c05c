# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: catalogue rows -> recovery points. Fields: IBM REST API reference and IBM's own clients."""

from __future__ import annotations

import collections
import dataclasses
import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload, any_true
from ansible_collections.backup.audit.plugins.module_utils._core.times import days_after, from_epoch_millis
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    scrubbed,
)

# protectionInfo.subPolicyType -> the role of a copy. BACKUP is the copy that the others are made from.
ROLES = {
    "BACKUP": "primary",
    "REPLICATION": "replica",
    "SPPOFFLOAD": "offload",
    "SPPARCHIVE": "archive",
    "SNAPSHOT": "snapshot",
}
_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")


@dataclasses.dataclass(frozen=True)
class Sla:
    """What an SLA policy says today; a point made under an older wording of it may differ, so all is an estimate."""

    encrypted: bool | None
    retention_days: int | None
    # Roles whose target is write-once (target.wormProtected), with their own retention in days where they have one.
    locked: Mapping[str, int | None]


def sla_of(policy: Mapping[str, t.Any]) -> Sla:
    """An SLA policy as /ngp/slapolicy gives it."""
    encrypted: bool | None = None
    retention: int | None = None
    locked: dict[str, int | None] = {}
    for sub in map(as_object, as_list(as_object(policy.get("spec")).get("subpolicy"))):
        kind = str(sub.get("type"))
        # REPLICATION with software true is the backup to the vSnap server; without it is replication.
        role = "primary" if kind == "REPLICATION" and as_bool(sub.get("software")) else ROLES.get(kind)
        days = as_int(as_object(sub.get("retention")).get("age"))
        if role == "primary":
            retention = days
            # False says that the policy does not ask for it; the disk pool may still be encrypted.
            encrypted = True if as_bool(sub.get("useEncryption")) else None
        if role and as_bool(as_object(sub.get("target")).get("wormProtected")):
            locked[role] = days
    return Sla(encrypted, retention, {role: days or retention for role, days in locked.items()})


def workload_of(child: Mapping[str, t.Any], workload_type: str) -> Workload:
    """A child of the recovery catalogue or of the inventory."""
    properties = as_object(child.get("properties"))
    platform = as_text(properties.get("hypervisorType")) or as_text(properties.get("applicationType"))
    return Workload(
        id=as_text(properties.get("pk")) or as_text(child.get("id")),
        name=as_text(child.get("name")) or as_text(properties.get("name")),
        type=workload_type,
        platform=platform.lower() if platform else None,
    )


def paired(workloads: Sequence[Workload], machines: Sequence[Workload]) -> list[tuple[Workload, Workload | None]]:
    """Each workload of the catalogue with the same machine of another view, or None where that is not certain.

    That the id of one view is the primary key of the other is likely but nowhere documented, so a name that is unique
    on both sides helps out.
    """
    by_id = {machine.id: machine for machine in machines}
    by_name: dict[str | None, list[Workload]] = {}
    for candidate in machines:
        by_name.setdefault(candidate.name, []).append(candidate)
    own_names = collections.Counter(workload.name for workload in workloads)
    pairs: list[tuple[Workload, Workload | None]] = []
    for workload in workloads:
        same_name = by_name.get(workload.name, [])
        machine: Workload | None = by_id.get(workload.id)
        if machine is None and len(same_name) == 1 and own_names[workload.name] == 1:
            machine = same_name[0]
        pairs.append((workload, machine))
    return pairs


def points_of(
    workload: Workload,
    rows: Sequence[t.Any],
    slas: Mapping[str, Sla],
    copies: Mapping[int, list[Copy]] | None,
    include_raw: bool,
) -> list[RecoveryPoint]:
    """All rows of one workload, copies of one point in time folded into one recovery point.

    ``copies`` are those of the restore view by time, where it was read.
    """
    by_time: dict[int, list[dict[str, t.Any]]] = {}
    for row in map(as_object, rows):
        session = as_int(row.get("sessionId", as_object(row.get("properties")).get("sessionId")))
        if session == 0:
            # The catalogue also holds an entry of the workload itself, which no session made: no version.
            continue
        by_time.setdefault(_protection_time(row, workload), []).append(row)
    lists_copies = any(_role(row) in ("replica", "offload", "archive") for rows in by_time.values() for row in rows)
    return [
        _point(workload, created, rows, slas, _copies(rows, created, copies, lists_copies), include_raw)
        for created, rows in by_time.items()
    ]


def _protection_time(row: Mapping[str, t.Any], workload: Workload) -> int:
    time = _protection(row).get("protectionTime")
    if time is None:
        raise InvalidResponseError(
            f"a recovery point of {workload.name!r} has no protectionTime",
            advice="This version of the server answers in a way that this module does not know; please report it",
        )
    return from_epoch_millis(time)


def _protection(row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return as_object(as_object(row.get("properties")).get("protectionInfo")) or as_object(row.get("protectionInfo"))


def _role(row: Mapping[str, t.Any]) -> str:
    return ROLES.get((as_text(_protection(row).get("subPolicyType")) or "").upper(), "unknown")


def _copies(
    rows: Sequence[dict[str, t.Any]],
    created: int,
    read: Mapping[int, list[Copy]] | None,
    lists_copies: bool,
) -> list[Copy] | None:
    if read is not None:
        return read.get(created)
    if not lists_copies:
        # One row may mean one copy, or that this catalogue lists the version only.
        return None
    return [
        Copy(location=_storage_name(row), role=role, offsite=True if role in ("offload", "archive") else None)
        for row in rows
        for role in [_role(row)]
    ]


def _storage_name(row: Mapping[str, t.Any]) -> str | None:
    """storageInfo is a text in the shape of JSON; its first quoted word is the storage's name."""
    found = _QUOTED.search(as_text(_protection(row).get("storageInfo")) or "")
    return found[1] if found else None


def _point(
    workload: Workload,
    created: int,
    rows: Sequence[dict[str, t.Any]],
    slas: Mapping[str, Sla],
    copies: list[Copy] | None,
    include_raw: bool,
) -> RecoveryPoint:
    main = min(rows, key=lambda row: _role(row) != "primary")
    protection = _protection(main)
    session = as_text(main.get("sessionId")) or as_text(as_object(main.get("properties")).get("sessionId"))
    point = RecoveryPoint(
        id=f"{workload.id}/{session or created // 1000}",
        workload=workload,
        created=created,
        kind=_kind(main),
        # Only committed points are in the recovery catalogue.
        status="success",
        # What made it is not told or not known: it may be a snapshot, which is no backup.
        usable=None if _role(main) == "unknown" else True,
        size_bytes=as_int(protection.get("transferSize")),
        copies=copies,
        offsite=None if copies is None else any_true(copy.offsite for copy in copies),
        job=as_text(protection.get("policyName")),
        raw={"rows": scrubbed(list(rows))} if include_raw else None,
    )
    if point.offsite and not any(copy.offsite and copy.role == "replica" for copy in copies or ()):
        # Object storage or a repository server is meant to be elsewhere, but the product does not say where it is.
        point.estimated = ("offsite",)
    sla = slas.get(as_text(protection.get("storageProfileName")) or "")
    if sla is not None:
        _estimate(point, sla)
    return point


def _kind(row: Mapping[str, t.Any]) -> str:
    role = _role(row)
    if role in ("snapshot", "replica", "archive"):
        return role
    base = as_bool(_protection(row).get("baseBackup"))
    if role == "unknown" or base is None:
        return "unknown"
    return "full" if base else "incremental"


def _estimate(point: RecoveryPoint, sla: Sla) -> None:
    """What the SLA policy of today implies for a point that was made under it."""
    estimated = list(point.estimated)
    if sla.encrypted:
        point.encrypted = True
        estimated.append("encrypted")
    if sla.retention_days is not None and point.kind in ("full", "incremental", "unknown"):
        point.expires = days_after(point.created, sla.retention_days)
        estimated.append("expires_at")
    for copy in point.copies or ():
        days = sla.locked.get(copy.role or "")
        if days is not None:
            copy.immutable_until = days_after(point.created, days)
            point.immutable_until = max(point.immutable_until or 0, copy.immutable_until)
            if "immutable_until" not in estimated:
                estimated += ["immutable", "immutable_until"]
    point.estimated = tuple(estimated)


def copies_of(version: Mapping[str, t.Any], sites: Mapping[str, str]) -> list[Copy] | None:
    """The copies of one version of the restore view; None where the server left them out."""
    if not isinstance(version.get("copies"), list):
        return None
    rows = [as_object(row) for row in version["copies"]]
    roles = [ROLES.get(str(_protection(row).get("subPolicyType")).upper(), "unknown") for row in rows]
    home = {as_text(row.get("siteId")) for row, role in zip(rows, roles, strict=True) if role == "primary"}
    return [_copy(row, role, home, sites) for row, role in zip(rows, roles, strict=True)]


def _copy(row: Mapping[str, t.Any], role: str, home: set[str | None], sites: Mapping[str, str]) -> Copy:
    offload = as_object(_protection(row).get("offloadInfo"))
    mapping = as_object(next(iter(as_list(row.get("mappings"))), None))
    destination = as_object(mapping.get("destination"))
    site = as_text(row.get("siteId")) or as_text(destination.get("siteId"))
    offsite: bool | None = None
    if role in ("offload", "archive"):
        offsite = True
    elif role == "replica" and site and home and None not in home:
        # Replication within one site protects against a broken storage, not against a fire.
        offsite = site not in home
    elif role in ("primary", "snapshot"):
        offsite = False
    place = sites.get(site or "", site) if role not in ("offload", "archive") else None
    return Copy(
        location=as_text(offload.get("offloadProvider")) or as_text(destination.get("offloadProvider")) or place,
        location_type=as_text(offload.get("offloadType")) or as_text(mapping.get("storageType")),
        role=role,
        offsite=offsite,
    )
