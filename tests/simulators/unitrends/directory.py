# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers of a Unitrends manager: its systems, their clients and instances, and the numbers of their backups.

Numbers are small integers per system: those of two systems collide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.simulators.ground_truth import DAY, MINUTE, Copy, Point, Site, Workload
from tests.simulators.policies import BERLIN, CHICAGO, FRANKFURT
from tests.simulators.product_api import ProductApi

MANAGER, REMOTE, TARGET = 1, 2, 3
_FIRST_CLIENT, _FIRST_INSTANCE, _FIRST_BACKUP = 2, 20, 200
# The appliance is a client of itself; its metadata is backed up under this number (seed: "id of the DPU client").
OWN_CLIENT = 1
_METADATA_NIGHTS = 3


@dataclass(frozen=True)
class System:
    sid: int
    name: str
    site: Site
    role: str
    status: str = "accepted"


@dataclass(frozen=True)
class App:
    """An application: its name in rows, and the names of its backup types in the core and in the list."""

    number: int
    name: str
    core: dict[str, str]
    shown: str


VMWARE = App(40, "VMware", {"full": "vmware full", "incremental": "vmware incremental"}, "VMware")
HYPERV = App(50, "Hyper-V", {"full": "hyperv full", "incremental": "hyperv incremental"}, "Hyper-V")
ORACLE = App(60, "Oracle", {"full": "oracle full", "incremental": "oracle incr"}, "Oracle")
# SQL Server does not have increments: differentials are used instead.
MSSQL = App(30, "SQL Server", {"full": "mssql full", "incremental": "mssql differential"}, "SQL")
_FILE_LEVEL = {"full": "master", "incremental": "incremental"}


@dataclass(frozen=True, eq=False)
class Asset:
    """A workload of one system. Without an application it does not have an instance, only a client."""

    work: Workload
    system: int
    client: int
    client_name: str
    instance: int
    app: App | None

    @property
    def workload_id(self) -> str:
        return f"{self.system}/{self.instance}" if self.app is not None else f"{self.system}/c{self.client}"

    @property
    def name(self) -> str:
        return self.work.name

    def core_type(self, kind: str) -> str:
        types = _FILE_LEVEL if self.app is None else self.app.core
        return types["full" if kind == "archive" else kind]

    def catalog_type(self, kind: str) -> str:
        """Return the type in the catalog; lists of backups prefix the application."""
        core = self.core_type(kind)
        return "Differential" if "diff" in core else "Incremental" if "incr" in core else "Full"

    def list_type(self, kind: str) -> str:
        return self.catalog_type(kind) if self.app is None else f"{self.app.shown} {self.catalog_type(kind)}"


@dataclass(frozen=True, eq=False, slots=True)
class Entry:
    """One row of a system's list. `sort`: backup, copy, replicated (from another system), restore, metadata."""

    sort: str
    system: int
    number: int
    started: int
    completed: int | None
    asset: Asset | None
    point: Point | None
    core_type: str
    copy: Copy | None = None
    last: bool = False

    @property
    def is_backup(self) -> bool:
        return self.sort in ("backup", "replicated")


def hot_copies(point: Point) -> list[Copy]:
    """Return copies on another appliance: disks at another site than the appliance that created the backup."""
    disks = [copy for copy in point.copies[1:] if copy.location.location_type == "disk"]
    return [copy for copy in disks if copy.location.site is not point.copies[0].location.site]


def cold_copies(point: Point) -> list[Copy]:
    """Return copies on archive media, including a second disk at the same site. Archived points have only these."""
    if point.kind == "archive":
        return list(point.copies)
    hot = hot_copies(point)
    return [copy for copy in point.copies[1:] if copy not in hot]


class Directory:
    def __init__(self, api: ProductApi) -> None:
        self.api = api
        self.systems: dict[int, System] = {}
        self.assets: dict[str, Asset] = {}
        self.grandclients: dict[str, Asset] = {}
        self.clients: dict[int, dict[int, str]] = {}
        self.numbers: dict[str, int] = {}

    def prepare(self) -> None:
        target = [System(TARGET, "ueb-frankfurt", FRANKFURT, "Target")] if self.api.flag("target_managed") else []
        known = [
            System(MANAGER, "ueb-berlin", BERLIN, "Backup System"),
            System(REMOTE, "ueb-chicago", CHICAGO, "Backup System", self.api.text("remote_status")),
            *target,
        ]
        self.systems = {system.sid: system for system in known}
        self.clients = {system.sid: {OWN_CLIENT: system.name} for system in known}
        self.assets, self.grandclients, self.numbers = {}, {}, {}
        works = self.api.workloads(*self.api.LISTS)
        next_instance = dict.fromkeys((MANAGER, REMOTE, TARGET), _FIRST_INSTANCE)
        for work in works:
            home = REMOTE if work.site is CHICAGO else MANAGER
            self.assets[work.key] = self._asset(work, home, next_instance)
            if target and any(hot_copies(point) for point in work.points):
                self.grandclients[work.key] = self._asset(work, TARGET, next_instance)
        self._assign_numbers(works)

    def _asset(self, work: Workload, sid: int, next_instance: dict[int, int]) -> Asset:
        app = self._app(work)
        host = {"VMware": "vcenter", "Hyper-V": "hyperv", "Oracle": "ora", "SQL Server": "sql"}
        name = work.name if app is None else f"{host[app.name]}-{work.site.key}"
        instance = next_instance[sid]
        next_instance[sid] += 1
        return Asset(work, sid, self._client(sid, name, shared=app is not None), name, instance, app)

    def _app(self, work: Workload) -> App | None:
        if work.workload_type in ("file_share", "physical"):
            return None
        if work.workload_type == "database":
            return MSSQL if self.api.text("databases") == "mssql" else ORACLE
        return HYPERV if work.platform_hint == "hyperv" else VMWARE

    def _client(self, sid: int, name: str, *, shared: bool) -> int:
        clients = self.clients[sid]
        for number, known in clients.items():
            if shared and known == name and number != OWN_CLIENT:
                return number
        number = _FIRST_CLIENT + len(clients) - 1
        clients[number] = name
        return number

    def _assign_numbers(self, works: list[Workload]) -> None:
        """Number backups per system in the order of their start."""
        made = [
            (self.assets[work.key].system, point.created_at, point.key)
            for work in works
            for point in self.api.listed_points(work)
        ]
        counted = dict.fromkeys((MANAGER, REMOTE), _FIRST_BACKUP)
        for sid, _ignored, key in sorted(made):
            self.numbers[key] = counted[sid]
            counted[sid] += 1

    # Rows of the systems

    def entries(self) -> Iterator[Entry]:
        for work in self.api.workloads(*self.api.LISTS):
            asset = self.assets[work.key]
            listed = self.api.listed_points(work)
            for point in listed:
                shown = self.with_base(point)
                if point.kind != "archive" and shown is not None:
                    yield from self._point_entries(asset, shown, last=point is listed[0])
        for sid, system in self.systems.items():
            for night in range(1, _METADATA_NIGHTS + 1):
                started = self.api.estate.now - night * DAY - sid * MINUTE
                yield Entry("metadata", system.sid, 0, started, started + MINUTE, None, None, "system metadata")

    def with_base(self, point: Point) -> Point | None:
        """Return the point according to the variant `fulls`: full backups may have failed or be missing."""
        fulls = self.api.text("fulls")
        if point.kind != "full" or fulls == "kept":
            return point
        return None if fulls == "gone" else replace(point, status="failed", usable=False, size_bytes=None, copies=())

    def _point_entries(self, asset: Asset, point: Point, *, last: bool) -> Iterator[Entry]:
        number, core = self.numbers[point.key], asset.core_type(point.kind)
        backup = Entry(
            "backup", asset.system, number, point.created_at, point.completed_at, asset, point, core, last=last
        )
        yield backup
        for copy in hot_copies(point):
            # A copy has the number of its backup, and its type is displayed like any other.
            yield replace(
                backup, sort="copy", completed=copy.copied_at, core_type=f"securesync {core}", copy=copy, last=False
            )
            if copy.location.site is FRANKFURT and asset.work.key in self.grandclients:
                there = self.grandclients[asset.work.key]
                yield replace(backup, sort="replicated", system=TARGET, number=number + 10_000, asset=there)
        if point.tested_at is not None:
            yield Entry(
                "restore", asset.system, 0, point.tested_at - 30 * MINUTE, point.tested_at, asset, point, "restore"
            )
