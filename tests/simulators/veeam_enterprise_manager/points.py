# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points and replica points in the format of Enterprise Manager."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulators.ground_truth import Point, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.layout import Layout, StoredPoint
from tests.simulators.veeam_enterprise_manager.encoding import Entity, Link
from tests.simulators.veeam_enterprise_manager.filter_language import Field
from tests.simulators.veeam_enterprise_manager.identifiers import (
    ALGORITHMS,
    NEVER,
    POINT_TYPES,
    Identifiers,
    Item,
    Kind,
)

_AGENTS = ("windows", "linux")
_CLOUD_TYPES = ("CDP", *POINT_TYPES)
STATES = ("Unknown", "Ready", "Failover", "Failback", "PermanentFailover")
_UNKNOWN = {"PointType": "Differential", "State": "Quarantined", "Algorithm": "Synthetic"}


def point_type(point: Point) -> str:
    return "Increment" if point.kind == "incremental" else "Full"


def algorithm(point: Point) -> str:
    """Return the algorithm: the full of every second week is synthesized from existing backups."""
    if point.kind == "incremental":
        return "Incremental"
    return "SyntheticFull" if point.kind == "full" and point.run.started // 604_800_000_000 % 2 else "Full"


class Points:
    def __init__(self, api: ProductApi, ids: Identifiers, layout: Layout) -> None:
        self.api = api
        self.ids = ids
        self.layout = layout

    def is_visible(self, moment: int) -> bool:
        """Return whether it was collected: data since the last collection is not available yet."""
        return moment <= self.api.estate.now - self.api.number("lag_minutes") * 60_000_000

    def _apply_variants(self, entity: Entity) -> Entity:
        if self.api.flag("unknown_enums") and int(entity.path[-4:], 16) % 5 == 0:
            entity.members |= {name: value for name, value in _UNKNOWN.items() if name in entity.members}
        return entity

    def _created(self, item: Item, precise: bool = False) -> str:
        if self.api.flag("undated") and int(item.ident[:4], 16) % 3 == 0:
            return NEVER
        return self.ids.time(item.moment, precise)

    # Restore points of virtual machines and of agents

    def _stored(self, agents: bool) -> Iterator[Item]:
        for stored in self.layout.stored():
            if (stored.work.platform_hint in _AGENTS) is not agents or stored.copy is None:
                continue
            if self.is_visible(stored.copy.copied_at):
                name = self.ids.dated_name(stored.work.name, stored.point.created_at)
                yield Item(self.ids.point_id(stored), name, stored.point.created_at, stored, stored.work)

    def vm_points(self) -> Iterator[Item]:
        return self._stored(agents=False)

    def agent_points(self) -> Iterator[Item]:
        return self._stored(agents=True)

    def _links(self, path: str, kind: str, item: Item) -> list[Link]:
        stored: StoredPoint = item.what
        backup, run = stored.backup, stored.point.run
        job_point, job_point_name = self.ids.job_point_id(backup, run), self.ids.job_point_name(run)
        links = [
            self.ids.server_link(self.ids.get_site(backup)),
            Link("Up", f"restorePoints/{job_point}", "RestorePointReference", job_point_name),
        ]
        if stored.file is not None and self._has_file_link(item):
            name = self.ids.file_name(stored.file)
            links.append(Link("Up", f"backupFiles/{self.ids.file_id(stored.file)}", "BackupFileReference", name))
        return [
            *links,
            Link("Alternate", path, f"{kind}Reference", item.name),
            Link("Down", f"{path}/mounts", f"{kind}MountList"),
            Link("Create", f"{path}/mounts", f"{kind}Mount"),
        ]

    def _has_file_link(self, item: Item) -> bool:
        return self.api.text("file_links") == "all" or int(item.ident[:4], 16) % 3 != 0

    def vm_point(self, item: Item) -> Entity:
        stored: StoredPoint = item.what
        path = f"vmRestorePoints/{item.ident}"
        links = [Link("Restore", f"{path}?action=restore"), *self._links(path, "VmRestorePoint", item)]
        members = {
            "CreationTimeUTC": self._created(item, precise=True),
            "VmName": stored.work.name,
            "Algorithm": algorithm(stored.point),
            "PointType": point_type(stored.point),
            "HierarchyObjRef": self._machine_reference(stored.work),
        }
        attributes = {"VmDisplayName": stored.work.name}
        if not self.api.flag("display_names"):
            attributes, members = {}, {name: value for name, value in members.items() if name != "VmName"}
        urn = f"urn:veeam:VmRestorePoint:{item.ident}"
        return self._apply_variants(Entity("VmRestorePoint", path, item.name, urn, attributes, links, members))

    def _machine_reference(self, work: Workload) -> str | None:
        return self.ids.hierarchy_reference(work) if self.api.text("machine_refs") == "all" else None

    def agent_point(self, item: Item) -> Entity:
        """Build a point of an agent, whose machine is identified only by its name."""
        path = f"agents/agentRestorePoints/{item.ident}"
        members = {
            "CreationTimeUTC": self._created(item),
            "Algorithm": algorithm(item.what.point),
            "PointType": point_type(item.what.point),
        }
        urn = f"urn:veeam:AgentRestorePoint:{item.ident}"
        return Entity(
            "AgentRestorePoint", path, item.name, urn, {}, self._links(path, "AgentRestorePoint", item), members
        )

    # Replica points, own and those of tenants

    def _replicated(self, tenants: bool) -> Iterator[Item]:
        for work, points in self.layout.replicated():
            if (work.tenant is not None) is tenants:
                for point in points:
                    if self.is_visible(point.completed_at or point.created_at):
                        name = self.ids.dated_name(work.name, point.created_at)
                        ident = self.ids.replica_point_id(point)
                        yield Item(ident, name, point.created_at, point, work)

    def replica_points(self) -> Iterator[Item]:
        return self._replicated(tenants=False)

    def cloud_points(self) -> Iterator[Item]:
        return self._replicated(tenants=True)

    def replica_point(self, item: Item) -> Entity:
        """Build a point of a replica, without a state: a failover is not visible here."""
        work, path = _owner(item), f"vmReplicaPoints/{item.ident}"
        links = [
            Link("Failover", f"{path}?action=failover"),
            self.ids.server_link(work.site),
            Link("Up", f"replicas/{self.ids.replica_id(work)}", "ReplicaReference", self.replica_name(work)),
            Link("Alternate", path, "VmReplicaPointReference", item.name),
            Link("Down", f"{path}/mounts", "VmReplicaPointMountList"),
        ]
        members = {
            "CreationTimeUTC": self._created(item),
            "VmName": work.name,
            "Algorithm": "Full",
            "PointType": "Snapshot",
        }
        urn = f"urn:veeam:VmReplicaPoint:{item.ident}"
        attributes = {"VmDisplayName": work.name}
        return self._apply_variants(Entity("VmReplicaPoint", path, item.name, urn, attributes, links, members))

    def cloud_point(self, item: Item) -> Entity:
        work, path = _owner(item), f"cloud/vmReplicaPoints/{item.ident}"
        replica = f"cloud/replicas/{self.ids.replica_id(work)}"
        links = [
            self.ids.server_link(work.site),
            Link("Up", replica, "CloudReplicaReference", self.cloud_replica_name(work)),
            Link("Alternate", path, "CloudVmReplicaPointReference", item.name),
        ]
        members = {
            "CreationTimeUTC": self._created(item),
            "PointType": self.cloud_type(item),
            "State": self.state(work),
        }
        urn = f"urn:veeam:CloudVmReplicaPoint:{item.ident}"
        attributes = {"VmDisplayName": work.name}
        return self._apply_variants(Entity("CloudVmReplicaPoint", path, item.name, urn, attributes, links, members))

    def replica_name(self, work: Workload) -> str:
        assert work.policy is not None
        return f"{work.policy.name} replication"

    def cloud_replica_name(self, work: Workload) -> str:
        """Return the name: of a job in old samples, of a machine in new ones, never of the tenant."""
        fixed = self.api.fixed(f"replica-name:{self.ids.replica_key(work)}")
        return fixed or (work.name if self.api.text("cloud_replica_name") == "vm" else "Nightly replication")

    def cloud_type(self, item: Item) -> str:
        return "CDP" if _owner(item).replica == "cdp" else "Snapshot"

    def state(self, work: Workload) -> str:
        return "Failover" if work.replica == "failover" else "Ready"

    # Lists and filter fields

    def kinds(self) -> list[tuple[Kind, Iterator[Item]]]:
        stored = {
            "Name": Field(lambda item: item.name),
            "CreationTime": Field(lambda item: item.moment, "time"),
            "Type": Field(lambda item: point_type(item.what.point), POINT_TYPES),
            "Algorithm": Field(lambda item: algorithm(item.what.point), ALGORITHMS),
            **self._stored_fields(),
        }
        machine = Field(lambda item: _owner(item).name)
        reference = Field(lambda item: self.ids.hierarchy_reference(_owner(item)))
        vm = {**stored, "VmDisplayName": machine, "HierarchyObjRef": reference}
        agent = {**stored, "ComputerName": machine, **self._backup_fields()}
        own, cloud = self._replica_fields()
        agents, clouds = "agents/agentRestorePoints", "cloud/vmReplicaPoints"
        return [
            (Kind("VmRestorePoint", "VmRestorePoints", "vmRestorePoints", self.vm_point, vm), self.vm_points()),
            (Kind("AgentRestorePoint", "AgentRestorePoints", agents, self.agent_point, agent), self.agent_points()),
            (
                Kind("VmReplicaPoint", "VmReplicaPoints", "vmReplicaPoints", self.replica_point, own),
                self.replica_points(),
            ),
            (Kind("CloudVmReplicaPoint", "CloudVmReplicaPoints", clouds, self.cloud_point, cloud), self.cloud_points()),
        ]

    def _replica_fields(self) -> tuple[dict[str, Field], dict[str, Field]]:
        """Return filter fields of own replica points, or of those of tenants."""
        common = {
            "Name": Field(lambda item: item.name),
            "CreationTime": Field(lambda item: item.moment, "time"),
            "VmDisplayName": Field(lambda item: _owner(item).name),
            **self._server_fields(),
        }
        own = {
            **common,
            "ReplicaUid": Field(lambda item: f"urn:veeam:Replica:{self.ids.replica_id(_owner(item))}"),
            "ReplicaName": Field(lambda item: self.replica_name(_owner(item))),
            "Type": Field(lambda item: "Snapshot", POINT_TYPES),
            "Algorithm": Field(lambda item: "Full", ALGORITHMS),
        }
        cloud = {
            **common,
            "VmName": common["VmDisplayName"],
            "ReplicaUid": Field(lambda item: f"urn:veeam:CloudReplica:{self.ids.replica_id(_owner(item))}"),
            "ReplicaName": Field(lambda item: self.cloud_replica_name(_owner(item))),
            "Type": Field(self.cloud_type, _CLOUD_TYPES),
            "State": Field(lambda item: self.state(_owner(item)), STATES),
        }
        return own, cloud

    def _server_fields(self) -> dict[str, Field]:
        return {
            "BackupServerUid": Field(lambda item: f"urn:veeam:BackupServer:{self.ids.server_id(_owner(item).site)}"),
            "BackupServerName": Field(lambda item: self.ids.server_name(_owner(item).site)),
        }

    def _stored_fields(self) -> dict[str, Field]:
        def job_point(item: Item) -> str:
            return self.ids.job_point_id(item.what.backup, item.what.point.run)

        return {
            "RestorePointId": Field(job_point),
            "RestorePointName": Field(lambda item: self.ids.job_point_name(item.what.point.run)),
            **self._server_fields(),
        }

    def _backup_fields(self) -> dict[str, Field]:
        return {
            "BackupUid": Field(lambda item: f"urn:veeam:Backup:{self.ids.backup_id(item.what.backup)}"),
            "BackupName": Field(lambda item: item.what.backup.name),
            "BackupFileUid": Field(lambda item: f"urn:veeam:BackupFile:{self.ids.file_id(item.what.file)}"),
            "BackupFileName": Field(lambda item: self.ids.file_name(item.what.file)),
        }


def _owner(item: Item) -> Workload:
    assert item.work is not None
    return item.work
