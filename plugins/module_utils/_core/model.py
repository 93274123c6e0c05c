# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Common data model of all products: workloads, recovery points, copies and their three-valued attributes.

True, False and None are three different values: None means that the product does not report the attribute, or that
it was not requested. Times are integers, microseconds since 1970 UTC (see times.py); as_dict formats them as RFC 3339.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.times import format_time

KINDS = (
    "full",
    "incremental",
    "differential",
    "synthetic_full",
    "backup",
    "log",
    "snapshot",
    "replica",
    "archive",
    "continuous",
    "config",
    "unknown",
)
# The types of a backup job's points. Kind "backup" is one of these if the product does not report which.
BACKUP_KINDS = frozenset({"full", "incremental", "differential", "synthetic_full"})
# Kinds that count as recovery points. Snapshots, logs and configuration points do not; continuous protection has no
# single points. A point of kind "unknown" may be of any kind.
COUNTING_KINDS = BACKUP_KINDS | {"backup", "archive", "replica"}
FULL_KINDS = frozenset({"full", "synthetic_full"})
STATUSES = ("success", "warning", "failed", "running", "unknown")
# Attributes that are stored with each point. recovery_points and full are derived from its kind.
POINT_ATTRIBUTES = ("restore_tested", "integrity_checked", "offsite", "immutable", "encrypted")
ATTRIBUTES = ("recovery_points", "full", *POINT_ATTRIBUTES)
# Times that a point may have in addition to its creation time.
MOMENTS = ("immutable_until", "expires_at", "tested_at", "checked_at", "restorable_from", "restorable_until")
MALWARE = ("clean", "suspicious", "infected")
RETENTION = ("daily", "weekly", "monthly", "quarterly", "yearly")


@dataclasses.dataclass(slots=True, kw_only=True)
class Copy:
    """One location where a recovery point is stored."""

    location: str | None = None
    # One of LOCATION_TYPES, and the product's own term for it.
    location_type: str | None = None
    vendor_location_type: str | None = None
    role: str | None = None
    immutable_until: int | None = None
    encrypted: bool | None = None
    offsite: bool | None = None
    # Whether the user declared ``location_type``.
    is_type_declared: bool = False

    def as_dict(self) -> dict[str, t.Any]:
        """Return the copy as a dict for the result."""
        return {
            "location": self.location,
            "location_type": self.location_type,
            "vendor_location_type": self.vendor_location_type,
            "role": self.role,
            "immutable_until": _time_or_none(self.immutable_until),
            "encrypted": self.encrypted,
            "offsite": self.offsite,
        }


WorkloadKey = tuple["str | None", "str | None", "str | None", "str | None"]


@dataclasses.dataclass(slots=True, kw_only=True)
class Workload:
    """A protected machine or data set. ``key`` identifies it within one source."""

    id: str | None = None
    name: str | None = None
    # One of WORKLOAD_TYPES, and one of PLATFORMS with the product's own term for it.
    type: str | None = None
    platform: str | None = None
    vendor_platform: str | None = None
    in_inventory: bool | None = None
    origin: str | None = None

    @property
    def key(self) -> WorkloadKey:
        """Identity within one source: based on the id, or on the name if the product reports no id."""
        return (self.type, self.id, self.name if self.id is None else None, self.origin)


@dataclasses.dataclass(slots=True, kw_only=True)
class RecoveryPoint:
    """One point in time to which one workload can be restored. Its copies are in ``copies``, not separate points."""

    id: str
    workload: Workload
    created: int
    completed: int | None = None
    kind: str = "unknown"
    status: str = "unknown"
    usable: bool | None = None
    size_bytes: int | None = None
    file_count: int | None = None
    copies: list[Copy] | None = None
    restore_tested: bool | None = None
    tested_at: int | None = None
    tested_by: str | None = None
    integrity_checked: bool | None = None
    checked_at: int | None = None
    checked_by: str | None = None
    encrypted: bool | None = None
    offsite: bool | None = None
    immutable: bool | None = None
    immutable_until: int | None = None
    expires_at: int | None = None
    # Only for continuous protection: the range of times that can be restored.
    restorable_from: int | None = None
    restorable_until: int | None = None
    malware: str | None = None
    retention: tuple[str, ...] = ()
    job: str | None = None
    inferred: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    raw: dict[str, t.Any] | None = None

    def as_dict(self, source: str, product: str) -> dict[str, t.Any]:
        """Return the point as a dict for the result. Unknown fields are null; ``raw`` is only included if requested."""
        workload = self.workload
        shown: dict[str, t.Any] = {
            "id": self.id,
            "source": source,
            "origin": workload.origin,
            "product": product,
            "workload_id": workload.id,
            "workload_name": workload.name,
            "workload_type": workload.type,
            "platform": workload.platform,
            "vendor_platform": workload.vendor_platform,
            "in_inventory": workload.in_inventory,
            "created_at": format_time(self.created),
            "completed_at": _time_or_none(self.completed),
            "kind": self.kind,
            "status": self.status,
            "usable": self.usable,
            "size_bytes": self.size_bytes,
            "file_count": self.file_count,
            "copies": None if self.copies is None else [copy.as_dict() for copy in self.copies],
            "restore_tested": self.restore_tested,
            "tested_at": _time_or_none(self.tested_at),
            "tested_by": self.tested_by,
            "integrity_checked": self.integrity_checked,
            "checked_at": _time_or_none(self.checked_at),
            "checked_by": self.checked_by,
            "encrypted": self.encrypted,
            "offsite": self.offsite,
            "immutable": self.immutable,
            "immutable_until": _time_or_none(self.immutable_until),
            "expires_at": _time_or_none(self.expires_at),
            "restorable_from": _time_or_none(self.restorable_from),
            "restorable_until": _time_or_none(self.restorable_until),
            "malware": self.malware,
            "retention": list(self.retention),
            "job": self.job,
            "inferred": list(self.inferred),
            "declared": list(self.declared),
        }
        if self.raw is not None:
            shown["raw"] = self.raw
        return shown


def _time_or_none(micros: int | None) -> str | None:
    return None if micros is None else format_time(micros)


def any_true(facts: Iterable[bool | None]) -> bool | None:
    """Return the three-valued "or": True if any value is True, else None if any is unknown, else False."""
    answer: bool | None = False
    for fact in facts:
        if fact is True:
            return True
        if fact is None:
            answer = None
    return answer


def median(values: Sequence[int]) -> int:
    """Return the rounded median of at least one number. The import of ``statistics`` would add 4 ms to each module."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else round((ordered[half - 1] + ordered[half]) / 2)
