# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merge copies of one point, which Veeam's servers list as separate points, into one recovery point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    BACKUP_KINDS,
    RETENTION,
    Copy,
    RecoveryPoint,
    any_true,
)

# Repository types in a provider's cloud. S3Compatible and similar types may be next to the server.
_CLOUD_PREFIXES = (
    "azure",
    "amazons3",
    "googlecloud",
    "googlearchive",
    "ibmcloud",
    "wasabi",
    "elevenelevens3",
    "veeamdata",
)
_LOCAL_PREFIXES = ("azuredatabox", "amazons3compatible")
# If one copy has an unknown state, the other copies cannot prove that the point is clean.
_MALWARE_BY_SEVERITY = ("clean", None, "suspicious", "infected")
_INFERRED_FIELDS = ("encrypted", "offsite", "immutable", "immutable_until")


def is_cloud_repository(kind: str | None) -> bool | None:
    """Whether a repository type is in a provider's cloud; None if it may be anywhere."""
    name = (kind or "").casefold()
    if name in ("cloud", "veeamvault"):
        return True
    return True if name.startswith(_CLOUD_PREFIXES) and not name.startswith(_LOCAL_PREFIXES) else None


def merge_copies(points: Iterable[RecoveryPoint]) -> list[RecoveryPoint]:
    """Merge points of ONE workload that have the same time: a copy keeps the time of its source."""
    points = list(points)
    if len({point.id for point in points}) == len({point.created for point in points}) == len(points):
        # No copies, as for most workloads.
        return points
    by_time: dict[int, list[RecoveryPoint]] = {}
    # A point that was read twice, because the listing changed while it was read, is not a copy of itself.
    for point in {point.id: point for point in points}.values():
        by_time.setdefault(point.created, []).append(point)
    return [group[0] if len(group) == 1 else _merge_group(group) for group in by_time.values()]


def _merge_group(group: Sequence[RecoveryPoint]) -> RecoveryPoint:
    main = min(group, key=lambda point: (_is_copy(point), point.id))
    if _is_copy(main) or not any(map(_is_copy, group)):
        # The source of the copies is not reported, so only values that all of them share are known.
        kinds = {point.kind for point in group}
        main.kind = main.kind if len(kinds) == 1 else "backup" if kinds <= {*BACKUP_KINDS, "backup"} else "unknown"
        main.job = main.job if len({point.job for point in group}) == 1 else None
        main.size_bytes = main.size_bytes if len({point.size_bytes for point in group}) == 1 else None
    usable = {point.usable for point in group}
    main.usable = True if True in usable else usable.pop() if len(usable) == 1 else None
    inferred = {name for point in group for name in point.inferred}
    main.copies = [copy for point in group for copy in (point.copies or [Copy()])]
    main.offsite = any_true(point.offsite for point in group)
    main.immutable = any_true(point.immutable for point in group)
    main.immutable_until = max((p.immutable_until for p in group if p.immutable_until is not None), default=None)
    # One unencrypted copy is enough to expose the data.
    readable = any_true(None if point.encrypted is None else not point.encrypted for point in group)
    main.encrypted = None if readable is None else not readable
    main.inferred = tuple(name for name in _INFERRED_FIELDS if name in inferred and getattr(main, name) is not None)
    main.malware = max((point.malware for point in group), key=_MALWARE_BY_SEVERITY.index)
    newest = max((p for p in group if p.integrity_checked), key=lambda point: point.checked_at or 0, default=main)
    main.integrity_checked, main.checked_at, main.checked_by = (
        newest.integrity_checked,
        newest.checked_at,
        newest.checked_by,
    )
    main.retention = tuple(name for name in RETENTION if any(name in point.retention for point in group))
    if main.raw is not None:
        main.raw = {"records": [record for point in group for record in (point.raw or {}).get("records", [])]}
    return main


def _is_copy(point: RecoveryPoint) -> bool:
    return any(copy.role == "copy" for copy in point.copies or ())
