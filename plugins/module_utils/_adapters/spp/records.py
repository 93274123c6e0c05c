# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: parse catalog rows. Fields: IBM REST API reference and IBM's own clients."""

from __future__ import annotations

import collections
import dataclasses
import typing as t
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import unquote

from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.api import get_href
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.copies import (
    CLOUD_ROLES,
    build_row_copies,
    get_protection,
    get_role,
    has_storage,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.sla import Sla, apply_sla
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload, any_true
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_epoch_millis
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import parse_platform
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_object,
    as_text,
    remove_secrets,
)

# The row with the lowest rank describes the point, the others are its copies. The rank of other roles is 1.
_RANKS = {"primary": 0, "snapshot": 2, "unknown": 3}
# Time of the point -> its copies according to the restore view; None if they are unknown.
View = Mapping[int, "list[Copy] | None"]


@dataclasses.dataclass(frozen=True)
class Context:
    """Data that all points of a read need."""

    slas: Mapping[str, Sla]
    include_raw: bool


def build_workload(child: t.Any, workload_type: str) -> Workload:
    """Build the workload of a child of the recovery catalog, of the inventory or of the restore view."""
    record = as_object(child)
    properties = as_object(record.get("properties"))
    terms = (properties.get("hypervisorType"), properties.get("applicationType"), record.get("hypervisorType"))
    platform = next((word for word in map(as_text, terms) if word), None)
    return Workload(
        id=as_text(properties.get("pk")) or as_text(record.get("id")),
        name=as_text(record.get("name")) or as_text(properties.get("name")),
        type=workload_type,
        platform=parse_platform(platform),
        vendor_platform=platform,
    )


def build_child(child: t.Any, workload_type: str, collection: str) -> Workload:
    """Build the workload of a child of the catalog. Some lists have only names and links; the key is in the link."""
    workload = build_workload(child, workload_type)
    if not as_object(as_object(child).get("properties")).get("pk"):
        link = unquote((get_href(child, "versions") or "").partition("?")[0])
        workload.id = link.partition(f"{collection}/")[2].partition("/")[0] or workload.id
    return workload


def get_host(child: t.Any) -> str | None:
    """Return the host of a machine of the catalog or of the inventory. Their fields have different names."""
    properties = as_object(as_object(child).get("properties"))
    return as_text(properties.get("hypervisorHostName")) or as_text(properties.get("host"))


def fill_platform(workload: Workload, rows: Sequence[t.Any]) -> None:
    """Take the platform from the recovery points if the list of workloads does not report it."""
    if workload.vendor_platform is None and rows:
        other = build_workload(rows[0], workload.type or "")
        workload.platform, workload.vendor_platform = other.platform, other.vendor_platform


def same_id(one: str | None, other: str | None) -> bool:
    """Return whether two ids or names of hosts are equal. Their case does not matter."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def have_same_ids(catalog_ids: Collection[str], machines: Sequence[Workload]) -> bool:
    """Return whether another view uses the primary keys of the catalog as ids.

    This is likely but undocumented. One common id proves it.
    """
    own = {ident.casefold() for ident in catalog_ids}
    return any(machine.id is not None and machine.id.casefold() in own for machine in machines)


def list_without_usable_id(machines: Sequence[Workload], *, by_id: bool) -> list[Workload]:
    """Return the machines that only a name can identify; ``by_id``: ids of both views can be compared."""
    return [machine for machine in machines if machine.id is None or not by_id]


def pair_machines(
    workloads: Sequence[Workload], machines: Sequence[Workload], *, by_id: bool
) -> list[tuple[Workload, Workload | None]]:
    """Pair each catalog workload with the same machine of another view, or with None if there is none.

    If ids cannot be compared, a name must be unique on both sides, and both must be of the same platform. This is only
    certain if both views list all machines with recovery points, and no others.
    """
    idents = {machine.id.casefold(): machine for machine in machines if machine.id is not None} if by_id else {}
    by_name: dict[str | None, list[Workload]] = {}
    for candidate in list_without_usable_id(machines, by_id=by_id):
        by_name.setdefault(candidate.name, []).append(candidate)
    own_names = collections.Counter(workload.name for workload in workloads)
    pairs: list[tuple[Workload, Workload | None]] = []
    for workload in workloads:
        machine = idents.get((workload.id or "").casefold())
        same_name = by_name.get(workload.name, []) if workload.name else []
        if machine is None and len(same_name) == 1 and own_names[workload.name] == 1:
            platforms = {same_name[0].platform, workload.platform}
            machine = same_name[0] if None in platforms or len(platforms) == 1 else None
        pairs.append((workload, machine))
    return pairs


def get_session(row: Mapping[str, t.Any]) -> str | None:
    """Return the id of the session that created a row. It is a field of the row or of its properties."""
    return as_text(row.get("sessionId")) or as_text(as_object(row.get("properties")).get("sessionId"))


def build_points(workload: Workload, rows: Sequence[t.Any], view: View | None, context: Context) -> list[RecoveryPoint]:
    """Build the points of one workload; copies of one point in time are merged into one recovery point.

    ``view`` has the copies of the restore view, if it was read.
    """
    by_time: dict[int, list[dict[str, t.Any]]] = {}
    undated: list[list[dict[str, t.Any]]] = []
    for row in map(as_object, rows):
        if as_int(get_session(row)) == 0:
            # The entry of the workload itself, which has no session, is not a version.
            continue
        try:
            by_time.setdefault(parse_epoch_millis(get_protection(row).get("protectionTime")), []).append(row)
        except DataError:
            # Without a time, copies of the same point cannot be found.
            undated.append([row])
    dated = list(by_time.values())
    lists_copies = any(get_role(row) in ("replica", "offload", "archive") for group in dated for row in group)
    lists_storage = {get_role(row) for group in dated for row in group if has_storage(row)}
    points = []
    for created, group in [*by_time.items(), *((0, one) for one in undated)]:
        copies = build_row_copies(group, workload.platform) if lists_copies else None
        usable = _may_be_restored(group, lists_storage)
        if view is not None:
            copies = view.get(created)
            # A version may still be listed after all its copies were removed.
            usable = False if copies == [] else usable if created in view else None
        points.append(_build_point(workload, created, group, copies, usable, context, are_all=not undated))
    for number, point in enumerate(points[len(dated) :]):
        point.id = f"{point.id}/undated-{number}"
    return points


def describe_doubt(point: RecoveryPoint, view: View | None) -> str | None:
    """Return why a point may not be a recovery point, or why its age is unknown."""
    if not point.created:
        return "have no valid time, so their age is unknown"
    if point.kind == "unknown":
        return "are of an unknown type, so it is unknown whether they are backups"
    if view is not None and point.created not in view:
        return "are not listed in the restore view, so it is unknown whether they can be restored"
    if point.usable is None:
        return "have no storage snapshot in the catalog, so it is unknown whether they can be restored"
    return None


def _may_be_restored(rows: Sequence[Mapping[str, t.Any]], lists_storage: Collection[str]) -> bool | None:
    """Return whether the rows of a point prove that it can be restored, or None if that is unknown.

    The recovery catalog contains only points that can be restored. It is unknown if the type is missing or new (the
    point may be a snapshot, which is not a backup), or if the server reports the snapshots that hold the data of other
    points, but none for this one. ``lists_storage`` are the roles for which it reports them.
    """
    for row in rows:
        role, stored = get_role(row), has_storage(row)
        # Copies in the cloud may have no snapshot.
        is_unreported = role not in lists_storage and (stored is None or role in CLOUD_ROLES)
        if role != "unknown" and (stored or is_unreported):
            return True
    return None


def _build_point(
    workload: Workload,
    created: int,
    rows: Sequence[dict[str, t.Any]],
    copies: list[Copy] | None,
    usable: bool | None,
    context: Context,
    *,
    are_all: bool,
) -> RecoveryPoint:
    main = min(rows, key=lambda row: _RANKS.get(get_role(row), 1))
    protection = get_protection(main)
    point = RecoveryPoint(
        id=f"{workload.id}/{get_session(main) or created // 1000}",
        workload=workload,
        created=created,
        kind=_parse_kind(main, rows, are_all=are_all),
        # Only committed points are in the recovery catalog.
        status="success",
        usable=usable,
        size_bytes=as_int(protection.get("transferSize")),
        copies=copies,
        offsite=None if copies is None else any_true(copy.offsite for copy in copies),
        job=as_text(protection.get("policyName")),
        raw={"rows": remove_secrets(list(rows))} if context.include_raw else None,
    )
    if point.offsite and not any(copy.offsite and copy.role == "replica" for copy in copies or ()):
        # Object storage or a repository server is meant to be off-site, but the product does not report its location.
        point.inferred = ("offsite",)
    sla = context.slas.get(as_text(protection.get("storageProfileName")) or "")
    roles = {copy.role or "unknown" for copy in copies or ()}
    if roles == {"snapshot"}:
        # The snapshot may be the last remaining copy of a backup in the restore view.
        point.kind = "snapshot"
    if sla is not None:
        apply_sla(point, sla, roles or set(map(get_role, rows)))
    return point


def _parse_kind(main: Mapping[str, t.Any], rows: Sequence[Mapping[str, t.Any]], *, are_all: bool) -> str:
    """Return the kind of a point. If ``are_all`` is False, other rows of the workload may belong to it."""
    role = get_role(main)
    if role not in ("primary", "snapshot") and ("unknown" in map(get_role, rows) or not are_all):
        # A row whose type or time is unknown may be the point itself, and these rows are copies of it.
        return "unknown" if role == "unknown" else "backup"
    if role in ("snapshot", "replica", "archive"):
        return role
    base = as_bool(get_protection(main).get("baseBackup"))
    if base is None:
        return "backup"
    return "full" if base else "incremental"
