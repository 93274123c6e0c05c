# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, repositories, backups and their files, and replicas in the format of Enterprise Manager."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.simulators.ground_truth import Site, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.layout import Backup, Layout, Repository
from tests.simulators.veeam_enterprise_manager.encoding import Entity, Link
from tests.simulators.veeam_enterprise_manager.filter_language import Field
from tests.simulators.veeam_enterprise_manager.identifiers import NEVER, Identifiers, Item, Kind
from tests.simulators.veeam_enterprise_manager.points import Points

_TIB = 2**40
_KINDS = {
    "WinLocal": "WindowsLocal",
    "LinuxHardened": "LinuxLocal",
    "Smb": "CifsShare",
    "DellDataDomain": "DDBoost",
    "AmazonS3": "AmazonS3Compatible",
    "AmazonS3Glacier": "AmazonS3Glacier",
    "ScaleOut": "Extendable",
}
_PLATFORMS = {
    "VMware": "VMware",
    "HyperV": "HyperV",
    "CloudDirector": "vCloud",
    "WindowsPhysical": "AgentForWindows",
    "LinuxPhysical": "AgentForLinux",
}
_REPLICA_PLATFORMS = {"vmware": "VMware", "hyperv": "HyperV", "vcd": "vCloud"}


class Storage:
    def __init__(self, api: ProductApi, ids: Identifiers, layout: Layout, points: Points) -> None:
        self.api = api
        self.ids = ids
        self.layout = layout
        self.points = points

    # Backup servers and repositories

    def servers(self) -> Iterator[Item]:
        sites: dict[str, Site] = {work.site.key: work.site for work in self.layout.works if self._is_listed(work)}
        for key in sorted(sites):
            yield Item(self.ids.server_id(sites[key]), self.ids.server_name(sites[key]), 0, sites[key])

    def _is_listed(self, work: Workload) -> bool:
        return bool(self.api.listed_points(work))

    def server(self, item: Item) -> Entity:
        path = f"backupServers/{item.ident}"
        links = [
            Link("Alternate", path, "BackupServerReference", item.name),
            Link("Down", f"{path}/jobs", "JobReferenceList"),
            Link("Down", f"{path}/repositories", "RepositoryReferenceList"),
            # This link looks like the others but starts a collection.
            Link("Start", f"{path}?action=collect"),
        ]
        version = {"12": "12.3.1.1139", "13": "13.0.1.1071"}[self.api.text("release")]
        members = {"Description": "", "Port": 9392, "Version": version}
        return Entity("BackupServer", path, item.name, f"urn:veeam:BackupServer:{item.ident}", {}, links, members)

    def _with_repository(self) -> list[tuple[Backup, Repository]]:
        backups = self.layout.backups.values()
        return [(backup, backup.repository) for backup in backups if backup.repository is not None]

    def repositories(self) -> Iterator[Item]:
        """Return repositories, once for each backup server that writes to them; replica metadata is stored in one."""
        found: dict[str, Item] = {}
        for backup, repository in self._with_repository():
            ident = self.ids.repository_id(backup)
            found.setdefault(ident, Item(ident, repository.name, 0, (self.ids.get_site(backup), repository)))
        yield from (found[ident] for ident in sorted(found))

    def repository(self, item: Item) -> Entity:
        site, repository = item.what
        path = f"repositories/{item.ident}"
        links = [
            self.ids.server_link(site),
            Link("Alternate", path, "RepositoryReference", item.name),
            Link("Down", f"{path}/backups", "BackupReferenceList"),
            Link("Down", f"{path}/replicas", "ReplicaReferenceList"),
        ]
        # Object storage does not report its capacity.
        boundless = repository.sort in ("AmazonS3", "AmazonS3Glacier")
        members = {
            "Capacity": -1 if boundless else 16 * _TIB,
            "FreeSpace": -1 if boundless else 9 * _TIB,
            "Kind": _KINDS[repository.sort],
        }
        return Entity("Repository", path, item.name, f"urn:veeam:Repository:{item.ident}", {}, links, members)

    # Backups, their runs and their files

    def backups(self) -> Iterator[Item]:
        for backup, _unused in self._with_repository():
            yield Item(self.ids.backup_id(backup), backup.name, backup.created_at, backup)

    def backup(self, item: Item) -> Entity:
        backup: Backup = item.what
        assert backup.repository is not None
        path = f"backups/{item.ident}"
        above = f"repositories/{self.ids.repository_id(backup)}"
        links = [
            Link("Up", above, "RepositoryReference", backup.repository.name),
            self.ids.server_link(self.ids.get_site(backup)),
            Link("Alternate", path, "BackupReference", item.name),
            Link("Down", f"{path}/restorePoints", "RestorePointReferenceList"),
        ]
        members = {"Platform": _PLATFORMS.get(backup.platform, "CustomPlatform"), "BackupType": "Standard"}
        return Entity("Backup", path, item.name, f"urn:veeam:Backup:{item.ident}", {}, links, members)

    def job_points(self) -> Iterator[Item]:
        for backup, _unused in self._with_repository():
            runs = {stored.point.run.key: stored for stored in backup.points if self._is_visible(stored.copy)}
            for stored in runs.values():
                run = stored.point.run
                ident = self.ids.job_point_id(backup, run)
                yield Item(ident, self.ids.job_point_name(run), run.started, (backup, run))

    def _is_visible(self, copy: Any) -> bool:
        return copy is not None and self.points.is_visible(copy.copied_at)

    def job_point(self, item: Item) -> Entity:
        backup, run = item.what
        path = f"restorePoints/{item.ident}"
        links = [
            Link("Up", f"backups/{self.ids.backup_id(backup)}", "BackupReference", backup.name),
            self.ids.server_link(self.ids.get_site(backup)),
            Link("Alternate", path, "RestorePointReference", item.name),
            Link("Down", f"{path}/vmRestorePoints", "VmRestorePointReferenceList"),
            Link("Related", f"{path}/backupFiles", "BackupFileReferenceList"),
        ]
        members = {"BackupDateUTC": self.ids.time(run.started)}
        return Entity("RestorePoint", path, item.name, f"urn:veeam:RestorePoint:{item.ident}", {}, links, members)

    def files(self) -> Iterator[Item]:
        for backup, _unused in self._with_repository():
            for file in backup.files.values():
                if self._is_visible(file.points[0].copy):
                    yield Item(self.ids.file_id(file), self.ids.file_name(file), file.run.started, file)

    def file(self, item: Item) -> Entity:
        file = item.what
        backup: Backup = file.points[0].backup
        path = f"backupFiles/{item.ident}"
        links = [
            Link("Up", f"backups/{self.ids.backup_id(backup)}", "BackupReference", backup.name),
            self.ids.server_link(self.ids.get_site(backup)),
            Link("Alternate", path, "BackupFileReference", item.name),
            Link("Related", f"{path}/restorePoints", "RestorePointReferenceList"),
            Link("Down", f"{path}/vmRestorePoints", "VmRestorePointReferenceList"),
        ]
        members = {
            "FilePath": f"D:\\Backup\\{backup.name}\\{item.name}",
            "BackupSize": file.size_bytes,
            "DataSize": file.size_bytes * 2,
            "DeduplicationRatio": 1.25,
            "CompressRatio": 1.6,
            "CreationTimeUtc": self.ids.time(file.run.started),
            "FileType": item.name.rpartition(".")[2],
        }
        return Entity("BackupFile", path, item.name, f"urn:veeam:BackupFile:{item.ident}", {}, links, members)

    # Replicas

    def _replicated(self, tenants: bool, continuous: bool) -> dict[str, list[Workload]]:
        found: dict[str, list[Workload]] = {}
        for work, _unused in self.layout.replicated():
            own_continuous = work.replica == "cdp" and work.tenant is None
            if (work.tenant is not None) is tenants and own_continuous is continuous:
                found.setdefault(self.ids.replica_id(work), []).append(work)
        return found

    def replicas(self) -> Iterator[Item]:
        for ident, works in self._replicated(tenants=False, continuous=False).items():
            yield Item(ident, self.points.replica_name(works[0]), 0, works)

    def replica(self, item: Item) -> Entity:
        work: Workload = item.what[0]
        path = f"replicas/{item.ident}"
        above, name = self._metadata_repository(work)
        links = [
            Link("Up", above, "RepositoryReference", name),
            self.ids.server_link(work.site),
            Link("Alternate", path, "ReplicaReference", item.name),
            Link("Down", f"{path}/vmReplicaPoints", "VmReplicaPointReferenceList"),
        ]
        members = {"Platform": _REPLICA_PLATFORMS[work.platform_hint]}
        return Entity("Replica", path, item.name, f"urn:veeam:Replica:{item.ident}", {}, links, members)

    def _metadata_repository(self, work: Workload) -> tuple[str, str]:
        """Return the repository of a replica, which contains its metadata; the data is on another host."""
        mine = (item for item in self.repositories() if item.what[0].key == work.site.key)
        first = next(mine, None)
        return (f"repositories/{first.ident}", first.name) if first is not None else ("repositories", "none")

    def cloud_replicas(self) -> Iterator[Item]:
        for ident, works in self._replicated(tenants=True, continuous=False).items():
            yield Item(ident, self.points.cloud_replica_name(works[0]), 0, works, works[0])

    def cloud_replica(self, item: Item) -> Entity:
        work: Workload = item.what[0]
        path = f"cloud/replicas/{item.ident}"
        # The vendor's own link is broken: the points are below cloud/replicas.
        below = f"cloud/vmReplicaPoints/{item.ident}/vmReplicaPoints"
        links = [
            self.ids.server_link(work.site),
            Link("Alternate", path, "CloudReplicaReference", item.name),
            Link("Down", below, "CloudVmReplicaPointReferenceList"),
        ]
        members = {"Platform": _REPLICA_PLATFORMS[work.platform_hint]}
        return Entity("CloudReplica", path, item.name, f"urn:veeam:CloudReplica:{item.ident}", {}, links, members)

    def tenants(self) -> Iterator[Item]:
        found: dict[str, list[Workload]] = {}
        for work, _unused in self.layout.replicated():
            if work.tenant is not None:
                found.setdefault(work.tenant, []).append(work)
        for name in sorted(found):
            yield Item(self.ids.cached_id(f"tenant:{name}"), name, 0, found[name])

    def tenant(self, item: Item) -> Entity:
        """Build a tenant with its number of replicas, but without their names."""
        path = f"cloud/tenants/{item.ident}"
        links = [
            self.ids.server_link(item.what[0].site),
            Link("Alternate", path, "CloudTenantReference", item.name),
        ]
        members = {
            "Password": "",
            "Description": f"Tenant account for {item.name}",
            "Enabled": True,
            "LastResult": "Success",
            "LastActive": NEVER,
            "BackupCount": 0,
            "ReplicaCount": len(item.what),
        }
        return Entity("CloudTenant", path, item.name, f"urn:veeam:CloudTenant:{item.ident}", {}, links, members)

    def continuous(self) -> Iterator[Item]:
        for ident, works in self._replicated(tenants=False, continuous=True).items():
            yield Item(ident, f"{self._policy_name(works[0])} CDP", 0, works)

    def _policy_name(self, work: Workload) -> str:
        assert work.policy is not None
        return work.policy.name

    def continuous_replica(self, item: Item) -> Entity:
        path, site = f"cdpReplicas/{item.ident}", item.what[0].site
        links = [
            self.ids.server_link(site),
            Link("Down", f"{path}/vms", "CdpReplicaVmReferenceList"),
            Link("Alternate", path, "CdpReplicaReference", item.name),
        ]
        members = {
            "BackupServer": self.ids.server_name(site),
            "PolicyUid": self.ids.cached_id(f"cdp-policy:{item.ident}"),
            "PolicyName": item.name,
        }
        return Entity("CdpReplica", path, item.name, f"urn:veeam:CdpReplica:{item.ident}", {}, links, members)

    def continuous_machine(self, replica: Item, work: Workload) -> Entity:
        ident = self.ids.cached_id(f"cdp-machine:{work.key}")
        path = f"cdpReplicas/{replica.ident}/vms/{ident}"
        above, repository = self._metadata_repository(work)
        links = [
            Link("Intervals", f"{path}?action=intervals"),
            Link("Failover", f"{path}?action=failover"),
            self.ids.server_link(work.site),
            Link("Up", above, "RepositoryReference", repository),
            Link("Up", f"cdpReplicas/{replica.ident}", "CdpReplicaReference", replica.name),
        ]
        members = {
            "VmRef": self.ids.hierarchy_reference(work),
            "ReplicaUid": replica.ident,
            "BackupServer": self.ids.server_name(work.site),
            "PolicyUid": self.ids.cached_id(f"cdp-policy:{replica.ident}"),
            "PolicyName": replica.name,
            "RepositoryName": repository,
        }
        return Entity("CdpReplicaVm", path, work.name, f"urn:veeam:CdpReplicaVm:{ident}", {}, links, members)

    def kinds(self) -> list[tuple[Kind, Iterator[Item]]]:
        named = {"Name": Field(lambda item: item.name)}
        dated = {**named, "CreationTime": Field(lambda item: item.moment, "time")}
        below_backup = {
            "BackupUid": Field(lambda item: f"urn:veeam:Backup:{self.ids.backup_id(_get_backup(item))}"),
            "BackupName": Field(lambda item: _get_backup(item).name),
            "BackupServerUid": Field(
                lambda item: f"urn:veeam:BackupServer:{self.ids.server_id(self.ids.get_site(_get_backup(item)))}"
            ),
            "BackupServerName": Field(lambda item: self.ids.server_name(self.ids.get_site(_get_backup(item)))),
        }
        file = {
            **named,
            "CreationTimeUTC": dated["CreationTime"],
            "BackupSize": Field(lambda item: item.what.size_bytes, "number"),
            "FileType": Field(lambda item: item.name.rpartition(".")[2]),
            **below_backup,
        }
        return [
            (Kind("BackupServer", "BackupServers", "backupServers", self.server, named), self.servers()),
            (Kind("Repository", "Repositories", "repositories", self.repository, named), self.repositories()),
            (Kind("Backup", "Backups", "backups", self.backup, named), self.backups()),
            (
                Kind("RestorePoint", "RestorePoints", "restorePoints", self.job_point, {**dated, **below_backup}),
                self.job_points(),
            ),
            (Kind("BackupFile", "BackupFiles", "backupFiles", self.file, file), self.files()),
            (Kind("Replica", "Replicas", "replicas", self.replica, named), self.replicas()),
            (
                Kind("CloudReplica", "CloudReplicas", "cloud/replicas", self.cloud_replica, named),
                self.cloud_replicas(),
            ),
            (Kind("CloudTenant", "CloudTenants", "cloud/tenants", self.tenant, named), self.tenants()),
            (Kind("CdpReplica", "CdpReplicas", "cdpReplicas", self.continuous_replica, named), self.continuous()),
        ]


def _get_backup(item: Item) -> Backup:
    """Return the backup of a file, or of the point of a run."""
    found = item.what[0] if isinstance(item.what, tuple) else item.what.points[0].backup
    assert isinstance(found, Backup)
    return found
