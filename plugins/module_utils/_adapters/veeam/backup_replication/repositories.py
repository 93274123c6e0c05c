# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: parse repositories and backups, and infer attributes of points from their settings."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import parse_cloud
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER, parse_location_type
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
)

# Repository types that have no immutability setting.
_NEVER_LOCKED = frozenset({"winlocal", "linuxlocal", "smb", "nfs"})
# The type of scale-out repositories, if the API reports one.
_SCALE_OUT = "ExtendableRepository"
_ROLES = {True: "copy", False: "primary", None: None}


@dataclasses.dataclass(frozen=True)
class Location:
    """A repository, and attributes of its contents that are inferred from its current settings.

    ``clouds``: the clouds that may contain it; empty if it may be anywhere. ``locked`` without ``locked_days``: the
    contents are locked as long as they are kept.
    """

    name: str | None = None
    kind: str | None = None
    clouds: frozenset[str] = frozenset()
    locked: bool | None = None
    locked_days: int | None = None

    @functools.cached_property
    def holds_only_backups(self) -> bool:
        """Whether it contains only backups. Repositories of other products also contain snapshots."""
        kind = (self.kind or "").casefold()
        if kind == _SCALE_OUT.casefold():
            return True
        return "external" not in kind and parse_location_type(kind) not in (None, OTHER, "snapshot_array")


_UNKNOWN = Location()


@dataclasses.dataclass(frozen=True)
class Backup:
    """The backup of a job in one repository."""

    job: str | None
    location: Location | None
    is_copy: bool | None
    encrypted: bool | None
    # The copies that its points share, by off-site status.
    _copies: dict[bool | None, tuple[Copy, tuple[str, ...]]] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

    def build_copy(self, offsite: bool | None, until: int | None) -> tuple[Copy, tuple[str, ...]]:
        """Return (copy, inferred attributes) of one point; ``until``: it is locked until this time."""
        if until is not None:
            return self._build_copy(offsite, until)
        if offsite not in self._copies:
            self._copies[offsite] = self._build_copy(offsite, None)
        return self._copies[offsite]

    def _build_copy(self, offsite: bool | None, until: int | None) -> tuple[Copy, tuple[str, ...]]:
        location = self.location or _UNKNOWN
        copy = Copy(
            location=location.name,
            location_type=parse_location_type(location.kind),
            vendor_location_type=location.kind,
            role=_ROLES[self.is_copy],
            immutable_until=until,
            encrypted=self.encrypted,
            offsite=offsite,
        )
        implied = {
            "encrypted": copy.encrypted is not None,
            "offsite": offsite is not None,
            "immutable": location.locked is not None,
            "immutable_until": until is not None,
        }
        return copy, tuple(name for name, value in implied.items() if value)


def parse_repository(row: Mapping[str, t.Any]) -> Location:
    """Parse a repository."""
    kind = as_text(row.get("type"))
    locked, days = _parse_lock(row, (kind or "").casefold())
    cloud = parse_cloud(kind)
    return Location(as_text(row.get("name")), kind, frozenset({cloud} if cloud else ()), locked, days)


def _parse_lock(row: Mapping[str, t.Any], kind: str) -> tuple[bool | None, int | None]:
    """Return (locked, number of days). A lock for the complete retention has no number of days."""
    own = as_object(row.get("repository"))
    if "makeRecentBackupsImmutableDays" in own:
        days = as_int(own["makeRecentBackupsImmutableDays"])
        return (None if days is None else days > 0), days or None
    bucket = as_object(row.get("bucket")) or as_object(row.get("container"))
    settings = as_object(bucket.get("immutability")) or as_object(own.get("immutability"))
    if settings:
        enabled, days = as_bool(settings.get("isEnabled")), as_int(settings.get("daysCount"))
        if not enabled:
            return enabled, None
        if as_text(settings.get("immutabilityMode")) == "RetentionSettings":
            return True, None
        # Without a number of days, it is unknown which points are still locked.
        return (True, days) if days else (None, None)
    if "immutabilityEnabled" in bucket:
        return as_bool(bucket["immutabilityEnabled"]), None
    return (False if kind in _NEVER_LOCKED else None), None


def parse_scale_out_repository(row: Mapping[str, t.Any], repositories: Mapping[str, Location]) -> Location:
    """Parse a scale-out repository. The extent of a point is not reported, so only their common settings count."""

    def find(extents: t.Any) -> list[Location]:
        idents = [as_text(as_object(extent).get("id")) for extent in as_list(extents)]
        return [repositories.get(ident or "", _UNKNOWN) for ident in idents] or [_UNKNOWN]

    locations = find(as_object(row.get("performanceTier")).get("performanceExtents"))
    clouds = _common_clouds(locations)
    capacity, archive = as_object(row.get("capacityTier")), as_object(row.get("archiveTier"))
    # 1.1 has another name for this switch.
    has_capacity = as_bool(capacity.get("isEnabled", capacity.get("enabled"))) if capacity else False
    if has_capacity is not False:
        targets = find(capacity.get("extents"))
        if has_capacity and as_bool(capacity.get("copyPolicyEnabled")):
            clouds = clouds or _common_clouds(targets)
        if as_bool(capacity.get("movePolicyEnabled")) is not False or not all(
            location.locked for location in locations
        ):
            # Data may be only in this tier, or may be locked only there.
            locations = [*locations, *targets]
    if archive and as_bool(archive.get("isEnabled")) is not False:
        locations = [*locations, *find([{"id": archive.get("extentId")}])]
    locks = {location.locked for location in locations}
    locked = locks.pop() if len(locks) == 1 else None
    days = [location.locked_days for location in locations if location.locked_days is not None]
    return Location(as_text(row.get("name")), _SCALE_OUT, clouds, locked, min(days, default=None) if locked else None)


def _common_clouds(locations: list[Location]) -> frozenset[str]:
    """Return the clouds of these repositories; empty if one of them may be anywhere."""
    if not all(location.clouds for location in locations):
        return frozenset()
    return frozenset().union(*(location.clouds for location in locations))


def parse_backup(
    row: Mapping[str, t.Any], repositories: Mapping[str, Location], encrypting: Mapping[str, bool]
) -> Backup:
    """Parse a backup; ``encrypting`` maps job ids to whether they currently encrypt."""
    location = repositories.get(as_text(row.get("repositoryId")) or "")
    name = as_text(row.get("repositoryName"))
    if location is None and name is not None:
        location = Location(name)
    job_type = as_text(row.get("jobType"))
    return Backup(
        job=as_text(row.get("name")),
        location=location,
        is_copy=None if job_type is None else "copy" in job_type.casefold(),
        # If the job does not encrypt, the storage may still do so.
        encrypted=encrypting.get(as_text(row.get("jobId")) or "") or None,
    )


def is_encrypting(job: Mapping[str, t.Any]) -> bool | None:
    """Return whether a job currently encrypts its backups."""
    advanced = as_object(as_object(job.get("storage")).get("advancedSettings"))
    return as_bool(as_object(as_object(advanced.get("storageData")).get("encryption")).get("isEnabled"))
