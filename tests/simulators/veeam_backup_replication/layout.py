# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam's storage layout for the environment: jobs, their backups in repositories, and their files.

A copy of a point is a separate point, in the backup of a copy job in another repository.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulators.ground_truth import Copy, CopyRule, Location, Point, Policy, Run, Workload, as_datetime
from tests.simulators.product_api import ProductApi

# Veeam's names for the environment's platforms.
PLATFORMS = {
    "vmware": "VMware",
    "hyperv": "HyperV",
    "vcd": "CloudDirector",
    "ec2": "AWSEC2",
    "mongo": "MongoDb",
    "smb": "UnstructuredData",
    "windows": "WindowsPhysical",
    "linux": "LinuxPhysical",
}
_REPOSITORY_TYPES = {
    "berlin-2": "Smb",
    "chicago-1": "DellDataDomain",
    "vault": "AmazonS3",
    "archive": "AmazonS3Glacier",
}
# Backups of these policies store the machines of one run in one file; all others have a file for each machine.
SHARED_FILES = frozenset({"silver"})
_BACKED_UP = frozenset({"full", "incremental", "archive", "snapshot"})


@dataclass(frozen=True)
class Repository:
    """`sort` is the type in the newest REST API; a scale-out repository has tiers."""

    key: str
    name: str
    sort: str
    location: Location
    immutable_days: int = 0
    capacity: Repository | None = None
    archive: Repository | None = None

    @property
    def extents(self) -> tuple[Repository, ...]:
        return tuple(tier for tier in (self.capacity, self.archive) if tier is not None)


def get_repository(location: Location, immutable_days: int) -> Repository:
    """Return the repository. Immutability is a repository setting, so a location with and without it becomes two."""
    sort = _REPOSITORY_TYPES.get(location.key, "LinuxHardened" if immutable_days else "WinLocal")
    suffix = "-immutable" if immutable_days else ""
    return Repository(location.key + suffix, location.name + suffix, sort, location, immutable_days)


@dataclass
class StoredPoint:
    """One point in one backup. `copy` is None for a snapshot, which is stored with its machine."""

    key: str
    work: Workload
    point: Point
    copy: Copy | None
    backup: Backup
    file: BackupFile | None = None


@dataclass
class BackupFile:
    key: str
    run: Run
    points: list[StoredPoint] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return sum(stored.point.size_bytes or 0 for stored in self.points)


@dataclass
class Backup:
    """The backup of one job in one repository. `role`: primary, copy or archive; snapshots have no repository."""

    key: str
    policy: Policy
    platform: str
    role: str
    repository: Repository | None
    points: list[StoredPoint] = field(default_factory=list)
    files: dict[str, BackupFile] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.policy.name if self.role == "primary" else f"{self.policy.name} {self.role}"

    @property
    def members(self) -> list[Workload]:
        return list({stored.work.key: stored.work for stored in self.points}.values())

    @property
    def created_at(self) -> int:
        return min(stored.point.created_at for stored in self.points)


class Layout:
    """All backups of an environment. With `tiers` the copies in object storage are tiers of a scale-out repository,
    which reports its policy but nothing about individual points. With `own_files` no file contains two machines.
    """

    def __init__(self, api: ProductApi, *, tiers: bool, own_files: bool) -> None:
        self.api = api
        self.tiers = tiers
        self.own_files = own_files
        self.works = [work for work in api.estate.for_product(api.product) if work.platform_hint in PLATFORMS]
        self.backups: dict[str, Backup] = {}
        self.by_point: dict[str, list[StoredPoint]] = {}
        for work in self.works:
            for point in api.listed_points(work):
                if point.kind in _BACKED_UP:
                    self.by_point[point.key] = list(self._store(work, point))

    def _store(self, work: Workload, point: Point) -> Iterator[StoredPoint]:
        for copy in point.copies:
            if copy.location.location_type == "snapshot":
                yield self._add_point(work, point, None, self._backup(work, point, "primary", None))
                continue
            role = {"primary": "primary", "archive": "archive"}.get(copy.role, "copy")
            repository = get_repository(copy.location, _immutable_days(point.run.policy, copy))
            if self.tiers and _is_in_tier(copy.role):
                if role == "copy":
                    continue
                role = "primary"
            if self.tiers and role == "primary":
                repository = _scale_out(point.run.policy) or repository
            yield self._add_point(work, point, copy, self._backup(work, point, role, repository))

    def _backup(self, work: Workload, point: Point, role: str, repository: Repository | None) -> Backup:
        policy, platform = point.run.policy, PLATFORMS[work.platform_hint]
        key = f"{policy.key}:{platform}:{role}:{repository.key if repository else 'beside'}"
        return self.backups.setdefault(key, Backup(key, policy, platform, role, repository))

    def _add_point(self, work: Workload, point: Point, copy: Copy | None, backup: Backup) -> StoredPoint:
        stored = StoredPoint(f"{point.key}@{backup.key}", work, point, copy, backup)
        backup.points.append(stored)
        if copy is not None and backup.platform != "UnstructuredData":
            shared = backup.policy.key in SHARED_FILES and not self.own_files
            key = f"{backup.key}:{point.run.key}" + ("" if shared else f":{work.key}")
            stored.file = backup.files.setdefault(key, BackupFile(key, point.run))
            stored.file.points.append(stored)
        return stored

    def stored(self) -> Iterator[StoredPoint]:
        for found in self.by_point.values():
            yield from found

    def repositories(self) -> list[Repository]:
        """Return every repository in use, including the extents of scale-out repositories."""
        found: dict[str, Repository] = {}
        for backup in self.backups.values():
            if backup.repository is not None:
                plain = _plain_repositories(backup) if backup.repository.sort == "ScaleOut" else (backup.repository,)
                found |= {repository.key: repository for repository in plain}
        return [found[key] for key in sorted(found)]

    def scale_outs(self) -> list[Repository]:
        used = [backup.repository for backup in self.backups.values() if backup.repository is not None]
        found = {repository.key: repository for repository in used if repository.sort == "ScaleOut"}
        return [found[key] for key in sorted(found)]

    def replicated(self) -> list[tuple[Workload, list[Point]]]:
        """Return machines with a replica, and its points: a continuous replica has no listed points."""
        found = []
        for work in self.works:
            points = [point for point in self.api.listed_points(work) if point.kind == "replica"]
            if points or work.replica == "cdp":
                found.append((work, points))
        return found


def performance_extent(policy: Policy) -> Repository:
    rule = policy.rules[0]
    return get_repository(rule.location, rule.immutable_days)


def _plain_repositories(backup: Backup) -> tuple[Repository, ...]:
    assert backup.repository is not None
    return (performance_extent(backup.policy), *backup.repository.extents)


def _immutable_days(policy: Policy, copy: Copy) -> int:
    return next((rule.immutable_days for rule in policy.all_rules if rule.location is copy.location), 0)


def _is_in_tier(role: str) -> bool:
    return role in ("offload", "archive")


def _tier(policy: Policy, role: str) -> Repository | None:
    rule: CopyRule | None = next((rule for rule in policy.all_rules if rule.role == role), None)
    return None if rule is None else get_repository(rule.location, rule.immutable_days)


def _scale_out(policy: Policy) -> Repository | None:
    capacity, archive = _tier(policy, "offload"), _tier(policy, "archive")
    if capacity is None and archive is None:
        return None
    near = performance_extent(policy)
    name = f"scale-out-{policy.key}"
    return Repository(name, name, "ScaleOut", near.location, near.immutable_days, capacity, archive)


def gfs_periods(point: Point) -> list[str]:
    """Return the GFS flags of a point; daily points have none."""
    return [name.capitalize() for name in point.retention if name != "daily"] or ["None"]


def day_number(run: Run) -> str:
    return f"{as_datetime(run.started):%Y-%m-%dT%H%M%S}"
