# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam: merge copies, which are listed as separate points, and infer which of them are off-site."""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.merged_copies import merge_into
from ansible_collections.backup.audit.plugins.module_utils._core.model import BACKUP_KINDS, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER

# The storage of a provider whose cloud is not reported.
ANY_CLOUD = "any"
# Prefix of a repository type -> its cloud; the first match is used. S3-compatible storage may be on premises.
_CLOUDS: tuple[tuple[str, str | None], ...] = (
    ("azuredatabox", None),
    ("azure", "azure"),
    ("amazons3compatible", None),
    ("amazons3", "aws"),
    ("googlecloud", "google"),
    ("googlearchive", "google"),
    ("ibmcloud", "ibm"),
    ("wasabi", "wasabi"),
    ("elevenelevens3", "11:11"),
    ("veeamdatacloudvaultaws", "aws"),
    ("veeamdatacloudvaultazure", "azure"),
    ("veeamdata", ANY_CLOUD),
    ("veeamvault", ANY_CLOUD),
)
# Prefix of a platform -> the cloud in which its machines run.
_PLATFORM_CLOUDS = (("aws_", "aws"), ("azure_", "azure"), ("gcp", "google"), ("entra_id", "azure"), ("m365", "azure"))
# Minimum values of SQL Server and .NET, which mean "no time".
_NO_TIMES = ("1753-01-01", "0001-01-01")
_UNDATED = parse_time("1753-01-01T00:00:00Z")


def parse_cloud(kind: str | None) -> str | None:
    """Return the cloud that a repository of this type is in, or None if it may be anywhere."""
    name = (kind or "").casefold()
    if name == "cloud":
        return ANY_CLOUD
    return next((cloud for prefix, cloud in _CLOUDS if name.startswith(prefix)), None)


@functools.lru_cache(maxsize=1000)
def infer_offsite(clouds: frozenset[str], *platforms: str | None) -> bool | None:
    """Return whether a copy in one of these clouds is off-site for a workload, or None if it may be at its site.

    ``platforms`` are reported by the product. A workload of an unknown platform may be in any cloud.
    """
    known = {platform for platform in platforms if platform not in (None, OTHER)}
    own_clouds = {cloud for platform in known for prefix, cloud in _PLATFORM_CLOUDS if str(platform).startswith(prefix)}
    if not clouds or not known or (own_clouds and not clouds.isdisjoint({*own_clouds, ANY_CLOUD})):
        return None
    return True


def parse_point_time(value: t.Any, *, naive_is_utc: bool = False) -> int:
    """Parse the time of a point. A value that means "no time" becomes an implausibly early time (undated)."""
    if isinstance(value, str) and value.startswith(_NO_TIMES):
        return _UNDATED
    return parse_time(value, naive_is_utc=naive_is_utc)


def is_undated(created: int) -> bool:
    """Return whether the value means "no time". Points that share it are not copies of each other."""
    return created <= 0


def merge_copies(points: Iterable[RecoveryPoint]) -> list[RecoveryPoint]:
    """Merge points of ONE workload that have the same time, because a copy keeps the time of its source."""
    points = list(points)
    if len({point.id for point in points}) == len({point.created for point in points}) == len(points):
        # There are no copies, which is true for most workloads.
        return points
    by_time: dict[tuple[int, str | None], list[RecoveryPoint]] = {}
    # A point may be listed twice because the listing changed while it was read.
    for point in {point.id: point for point in points}.values():
        key = (point.created, point.id if is_undated(point.created) else None)
        by_time.setdefault(key, []).append(point)
    return [group[0] if len(group) == 1 else _merge_group(group) for group in by_time.values()]


def _merge_group(group: Sequence[RecoveryPoint]) -> RecoveryPoint:
    main = min(group, key=lambda point: (_is_copy(point), point.id))
    is_replaced = main.usable is not True and any(point.usable for point in group)
    if is_replaced or _is_copy(main) or not any(map(_is_copy, group)):
        # The source of the copies is not reported, or only a copy of it is usable: only common values are known.
        kinds = {point.kind for point in group}
        main.kind = main.kind if len(kinds) == 1 else "backup" if kinds <= {*BACKUP_KINDS, "backup"} else "unknown"
        main.job = main.job if len({point.job for point in group}) == 1 else None
        main.size_bytes = main.size_bytes if len({point.size_bytes for point in group}) == 1 else None
    return merge_into(main, group)


def _is_copy(point: RecoveryPoint) -> bool:
    return any(copy.role == "copy" for copy in point.copies or ())
