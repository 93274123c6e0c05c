# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Classes of recovery points with the same attributes."""

from __future__ import annotations

import operator
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._core.model import MOMENTS, RecoveryPoint


class PointClass(t.NamedTuple):
    """The common attributes of points. ``moments``: the names in MOMENTS for which each point has a time."""

    kind: str
    status: str
    usable: bool | None
    # In the order of POINT_ATTRIBUTES. If ``moments`` has immutable_until, the point is immutable until then.
    facts: tuple[bool | None, ...]
    malware: str | None
    inferred: tuple[str, ...]
    declared: tuple[str, ...]
    # (name, type) of each location; None if the product does not report the locations of the point.
    locations: tuple[tuple[str | None, str | None], ...] | None
    moments: tuple[str, ...]


_get_moments = operator.attrgetter(*MOMENTS)
_NO_MOMENTS = (None,) * len(MOMENTS)


def point_class(point: RecoveryPoint, *, has_expiry: bool = False) -> PointClass:
    """Return the attributes of a point without id, time, size and moments; ``has_expiry``: as if it had expires_at."""
    copies = point.copies
    locations = None if copies is None else tuple([(copy.location, copy.location_type) for copy in copies])
    if locations is not None and len(locations) > 1:
        # The order of locations does not matter.
        locations = tuple(sorted(set(locations), key=_location_order))
    immutable = point.immutable
    values = _get_moments(point)
    moments: list[str] = []
    if values != _NO_MOMENTS:
        moments = [name for name, value in zip(MOMENTS, values, strict=True) if value is not None]
    if point.immutable_until is not None:
        # A lock that the user declares has no end.
        if immutable is False or (immutable is True and "immutable" in point.declared):
            moments.remove("immutable_until")
        else:
            immutable = None
    return PointClass(
        point.kind,
        point.status,
        point.usable,
        (point.restore_tested, point.integrity_checked, point.offsite, immutable, point.encrypted),
        point.malware,
        point.inferred,
        point.declared,
        locations,
        ("expires_at",) if has_expiry else tuple(moments),
    )


def _location_order(location: tuple[str | None, str | None]) -> tuple[str, str]:
    return (location[0] or "", location[1] or "")
