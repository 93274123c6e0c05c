# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: catalog rows to recovery points. Fields: IBM REST API reference and IBM's own clients."""

from __future__ import annotations

import collections
import dataclasses
import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload, any_true
from ansible_collections.backup.audit.plugins.module_utils._core.times import add_days, parse_epoch_millis
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    remove_secrets,
)

# protectionInfo.subPolicyType -> role of a copy. BACKUP is the source of the other copies.
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
    """The current settings of an SLA policy; they may have been different when a point was made: all inferred."""

    encrypted: bool | None
    retention_days: int | None
    # Roles with a write-once target (target.wormProtected) -> days of retention: their own, else the primary's.
    locked: Mapping[str, int | None]


def parse_sla(policy: Mapping[str, t.Any]) -> Sla:
    """Parse an SLA policy from /ngp/slapolicy."""
    encrypted: bool | None = None
    retention: int | None = None
    locked: dict[str, int | None] = {}
    for sub in map(as_object, as_list(as_object(policy.get("spec")).get("subpolicy"))):
        kind = str(sub.get("type"))
        # REPLICATION with software: true is the backup to the vSnap server; otherwise it is replication.
        role = "primary" if kind == "REPLICATION" and as_bool(sub.get("software")) else ROLES.get(kind)
        days = as_int(as_object(sub.get("retention")).get("age"))
        if role == "primary":
            retention = days
            # False means that the policy does not require encryption; the disk pool may still be encrypted.
            encrypted = True if as_bool(sub.get("useEncryption")) else None
        if role and as_bool(as_object(sub.get("target")).get("wormProtected")):
            locked[role] = days
    return Sla(encrypted, retention, {role: days or retention for role, days in locked.items()})


def build_workload(child: Mapping[str, t.Any], workload_type: str) -> Workload:
    """Build the workload of a child of the recovery catalog or of the inventory."""
    properties = as_object(child.get("properties"))
    platform = as_text(properties.get("hypervisorType")) or as_text(properties.get("applicationType"))
    return Workload(
        id=as_text(properties.get("pk")) or as_text(child.get("id")),
        name=as_text(child.get("name")) or as_text(properties.get("name")),
        type=workload_type,
        platform=platform.lower() if platform else None,
    )


def pair_machines(
    workloads: Sequence[Workload], machines: Sequence[Workload]
) -> list[tuple[Workload, Workload | None]]:
    """Pair each catalog workload with the same machine of another view, or with None if the match is uncertain.

    It is likely but undocumented that the id of one view is the primary key of the other; the fallback is a name that
    is unique on both sides.
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


def build_points(
    workload: Workload,
    rows: Sequence[t.Any],
    slas: Mapping[str, Sla],
    copies: Mapping[int, list[Copy]] | None,
    include_raw: bool,
) -> list[RecoveryPoint]:
    """Build the points of one workload; copies of one point in time are merged into one recovery point.

    ``copies`` are those of the restore view by time, if it was read.
    """
    by_time: dict[int, list[dict[str, t.Any]]] = {}
    for row in map(as_object, rows):
        session = as_int(row.get("sessionId", as_object(row.get("properties")).get("sessionId")))
        if session == 0:
            # The catalog also contains an entry for the workload itself, without a session: not a version.
            continue
        by_time.setdefault(_get_protection_time(row, workload), []).append(row)
    lists_copies = any(_get_role(row) in ("replica", "offload", "archive") for rows in by_time.values() for row in rows)
    return [
        _build_point(workload, created, rows, slas, _build_copies(rows, created, copies, lists_copies), include_raw)
        for created, rows in by_time.items()
    ]


def _get_protection_time(row: Mapping[str, t.Any], workload: Workload) -> int:
    time = _get_protection(row).get("protectionTime")
    if time is None:
        raise InvalidResponseError(
            f"a recovery point of {workload.name!r} has no protectionTime",
            hint="The response format of this server version is not supported. Please report it",
        )
    return parse_epoch_millis(time)


def _get_protection(row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return as_object(as_object(row.get("properties")).get("protectionInfo")) or as_object(row.get("protectionInfo"))


def _get_role(row: Mapping[str, t.Any]) -> str:
    return ROLES.get((as_text(_get_protection(row).get("subPolicyType")) or "").upper(), "unknown")


def _build_copies(
    rows: Sequence[dict[str, t.Any]],
    created: int,
    view: Mapping[int, list[Copy]] | None,
    lists_copies: bool,
) -> list[Copy] | None:
    if view is not None:
        return view.get(created)
    if not lists_copies:
        # One row may be one copy, or this catalog lists only the version.
        return None
    return [
        Copy(location=_parse_storage_name(row), role=role, offsite=True if role in ("offload", "archive") else None)
        for row in rows
        for role in [_get_role(row)]
    ]


def _parse_storage_name(row: Mapping[str, t.Any]) -> str | None:
    """Return the storage's name: the first quoted word of storageInfo, a JSON-like text."""
    found = _QUOTED.search(as_text(_get_protection(row).get("storageInfo")) or "")
    return found[1] if found else None


def _build_point(
    workload: Workload,
    created: int,
    rows: Sequence[dict[str, t.Any]],
    slas: Mapping[str, Sla],
    copies: list[Copy] | None,
    include_raw: bool,
) -> RecoveryPoint:
    main = min(rows, key=lambda row: _get_role(row) != "primary")
    protection = _get_protection(main)
    session = as_text(main.get("sessionId")) or as_text(as_object(main.get("properties")).get("sessionId"))
    point = RecoveryPoint(
        id=f"{workload.id}/{session or created // 1000}",
        workload=workload,
        created=created,
        kind=_parse_kind(main),
        # Only committed points are in the recovery catalog.
        status="success",
        # The type is missing or unknown: it may be a snapshot, which is not a backup.
        usable=None if _get_role(main) == "unknown" else True,
        size_bytes=as_int(protection.get("transferSize")),
        copies=copies,
        offsite=None if copies is None else any_true(copy.offsite for copy in copies),
        job=as_text(protection.get("policyName")),
        raw={"rows": remove_secrets(list(rows))} if include_raw else None,
    )
    if point.offsite and not any(copy.offsite and copy.role == "replica" for copy in copies or ()):
        # Object storage or a repository server is meant to be off-site, but the product does not report its location.
        point.inferred = ("offsite",)
    sla = slas.get(as_text(protection.get("storageProfileName")) or "")
    if sla is not None:
        _apply_sla(point, sla)
    return point


def _parse_kind(row: Mapping[str, t.Any]) -> str:
    role = _get_role(row)
    if role in ("snapshot", "replica", "archive"):
        return role
    base = as_bool(_get_protection(row).get("baseBackup"))
    if role == "unknown" or base is None:
        return "unknown" if role == "unknown" else "backup"
    return "full" if base else "incremental"


def _apply_sla(point: RecoveryPoint, sla: Sla) -> None:
    """Set the inferred fields of a point from the current SLA policy."""
    inferred = list(point.inferred)
    if sla.encrypted:
        point.encrypted = True
        inferred.append("encrypted")
    if sla.retention_days is not None and point.kind in ("full", "incremental", "backup", "unknown"):
        point.expires_at = add_days(point.created, sla.retention_days)
        inferred.append("expires_at")
    for copy in point.copies or ():
        days = sla.locked.get(copy.role or "")
        if days is not None:
            copy.immutable_until = add_days(point.created, days)
            point.immutable_until = max(point.immutable_until or 0, copy.immutable_until)
            if "immutable_until" not in inferred:
                inferred += ["immutable", "immutable_until"]
    point.inferred = tuple(inferred)


def parse_copies(version: Mapping[str, t.Any], sites: Mapping[str, str]) -> list[Copy] | None:
    """Parse the copies of one version of the restore view; None if the server omitted them."""
    if not isinstance(version.get("copies"), list):
        return None
    rows = [as_object(row) for row in version["copies"]]
    roles = [ROLES.get(str(_get_protection(row).get("subPolicyType")).upper(), "unknown") for row in rows]
    primary_sites = {as_text(row.get("siteId")) for row, role in zip(rows, roles, strict=True) if role == "primary"}
    return [_build_copy(row, role, primary_sites, sites) for row, role in zip(rows, roles, strict=True)]


def _build_copy(row: Mapping[str, t.Any], role: str, primary_sites: set[str | None], sites: Mapping[str, str]) -> Copy:
    offload = as_object(_get_protection(row).get("offloadInfo"))
    mapping = as_object(next(iter(as_list(row.get("mappings"))), None))
    destination = as_object(mapping.get("destination"))
    site = as_text(row.get("siteId")) or as_text(destination.get("siteId"))
    offsite: bool | None = None
    if role in ("offload", "archive"):
        offsite = True
    elif role == "replica" and site and primary_sites and None not in primary_sites:
        # Replication within one site protects against storage failure, but not against a fire.
        offsite = site not in primary_sites
    elif role in ("primary", "snapshot"):
        offsite = False
    place = sites.get(site or "", site) if role not in ("offload", "archive") else None
    return Copy(
        location=as_text(offload.get("offloadProvider")) or as_text(destination.get("offloadProvider")) or place,
        location_type=as_text(offload.get("offloadType")) or as_text(mapping.get("storageType")),
        role=role,
        offsite=offsite,
    )
