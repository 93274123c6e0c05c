# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers of Enterprise Manager: ids, names and times, and the sites of its backup servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulators.ground_truth import Point, Run, Site, Workload, as_datetime
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.layout import Backup, BackupFile, StoredPoint, day_number
from tests.simulators.veeam_enterprise_manager.encoding import Entity, Link
from tests.simulators.veeam_enterprise_manager.filter_language import Field

NEVER = "1753-01-01T00:00:00Z"
POINT_TYPES = ("Full", "Increment", "ReverseIncrement", "Snapshot")
ALGORITHMS = ("Full", "ReversedIncremental", "Incremental", "SyntheticFull")
_NO_ROOT = "00000000-0000-0000-0000-000000000000"
_EXTENSIONS = {"full": "vbk", "archive": "vbk"}


@dataclass(slots=True)
class Item:
    """One item of a list before encoding. `work` is its workload, if it belongs to one."""

    ident: str
    name: str
    moment: int
    what: Any
    work: Workload | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of item: its name, the path of its list, the builder of its entity, and its filter fields."""

    name: str
    plural: str
    path: str
    build: Callable[[Item], Entity]
    fields: dict[str, Field]

    def urn(self, item: Item) -> str:
        return f"urn:veeam:{self.name}:{item.ident}"

    def up_link(self, item: Item) -> Link:
        return Link("Up", f"{self.path}/{item.ident}", f"{self.name}Reference", item.name)


class Identifiers:
    def __init__(self, api: ProductApi) -> None:
        self.api = api
        self._shared: dict[str, str] = {}
        self._job_points: dict[tuple[str, int], str] = {}
        self._machines: dict[str, str] = {}

    def cached_id(self, key: str) -> str:
        """Cache ids that are repeated in thousands of items; a published document may prescribe one."""
        if key not in self._shared:
            self._shared[key] = self.api.fixed(key) or self.api.uuid(key)
        return self._shared[key]

    # Times

    def _digits(self, moment: int) -> str:
        """Return the digits of a second: milliseconds on SQL Server, microseconds on PostgreSQL."""
        fraction = moment % 1_000_000
        if self.api.text("database") == "postgresql":
            return f"{fraction:06}".rstrip("0")
        return f"{fraction // 1000:03}".rstrip("0")

    def time(self, moment: int, precise: bool = True) -> str:
        digits = self._digits(moment) if precise else ""
        return as_datetime(moment).isoformat()[:19] + (f".{digits}" if digits else "") + "Z"

    def dated_name(self, name: str, moment: int) -> str:
        digits = self._digits(moment) if self.api.text("database") == "postgresql" else ""
        return f"{name}@{as_datetime(moment).isoformat(' ')[:19]}" + (f".{digits}" if digits else "")

    def job_point_name(self, run: Run) -> str:
        """Return a name with `Sep 20 2016  2:59PM`, or with another time format on PostgreSQL."""
        key = (self.api.text("database"), run.started)
        if key not in self._job_points:
            self._job_points[key] = self._job_point_name(run)
        return self._job_points[key]

    def _job_point_name(self, run: Run) -> str:
        when = as_datetime(run.started)
        if self.api.text("database") == "postgresql":
            return self.dated_name("", run.started).removeprefix("@")
        clock = f"{when:%I:%M%p}".removeprefix("0").rjust(7)
        return f"{when:%b} {when.day:>2} {when.year} {clock}"

    # Ids

    def server_id(self, site: Site) -> str:
        return self.cached_id(f"server:{site.key}")

    def server_name(self, site: Site) -> str:
        return self.api.fixed(f"server-name:{site.key}") or site.origin

    def server_link(self, site: Site) -> Link:
        return Link("Up", f"backupServers/{self.server_id(site)}", "BackupServerReference", self.server_name(site))

    def point_id(self, stored: StoredPoint) -> str:
        return self.api.uuid(f"point:{stored.key}")

    def replica_point_id(self, point: Point) -> str:
        return self.api.fixed(point.key) or self.api.uuid(f"replica-point:{point.key}")

    def backup_id(self, backup: Backup) -> str:
        return self.cached_id(f"backup:{backup.key}")

    def file_id(self, file: BackupFile) -> str:
        return self.api.uuid(f"file:{file.key}")

    def job_point_id(self, backup: Backup, run: Run) -> str:
        return self.cached_id(f"job-point:{backup.key}:{run.key}")

    def repository_id(self, backup: Backup) -> str:
        """Return the id of a repository, which differs for each backup server."""
        assert backup.repository is not None
        return self.cached_id(f"repository:{self.get_site(backup).key}:{backup.repository.key}")

    def get_site(self, backup: Backup) -> Site:
        return backup.points[0].work.site

    def file_name(self, file: BackupFile) -> str:
        first = file.points[0]
        owner = "" if len(file.points) > 1 else f"{first.work.name}."
        extension = _EXTENSIONS.get(first.point.kind, "vib")
        return f"{owner}{first.backup.name}D{day_number(file.run)}_{self.api.digest(file.key)[:4].upper()}.{extension}"

    # Workloads

    def hierarchy_reference(self, work: Workload) -> str:
        """Return the identity of a machine; those of vCloud contain a second urn."""
        if work.key not in self._machines:
            self._machines[work.key] = self._hierarchy_reference(work)
        return self._machines[work.key]

    def _hierarchy_reference(self, work: Workload) -> str:
        root, number = self.root_id(work), self.api.digest(work.key)
        unique = self.cached_id(f"machine:{work.key}")
        if work.platform_hint == "vcd":
            return f"urn:vCloud:Vm:{root}.urn:vcloud:vm:{unique}"
        if work.platform_hint == "hyperv":
            return f"urn:HyperV:Vm:{root}.{unique}"
        if work.workload_type == "physical":
            return f"urn:AgentFor{work.platform_hint.capitalize()}:VeeamAgent:{_NO_ROOT}.{int(number[:2], 16)}"
        return f"urn:VMware:Vm:{root}.vm-{int(number[:7], 16)}"

    def root_id(self, work: Workload) -> str:
        return self.cached_id(f"root:{work.site.key}:{work.platform_hint}")

    def replica_key(self, work: Workload) -> str:
        """Return the key of a replica job: owner (a tenant, else the own policy), platform and state."""
        assert work.policy is not None
        owner = work.tenant or work.policy.key
        return self.api.fixed(f"replica-of:{work.key}") or f"{owner}:{work.platform_hint}:{work.replica}"

    def replica_id(self, work: Workload) -> str:
        return self.cached_id(f"replica:{self.replica_key(work)}")
