# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read calls of Enterprise Manager and their access: operators see their scope, tenants their own items."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from tests.simulators.ground_truth import Workload
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route
from tests.simulators.veeam_backup_replication.layout import Layout
from tests.simulators.veeam_enterprise_manager.encoding import NAMESPACE, Entity, Link
from tests.simulators.veeam_enterprise_manager.filter_language import Field
from tests.simulators.veeam_enterprise_manager.identifiers import Identifiers, Item, Kind
from tests.simulators.veeam_enterprise_manager.job_sessions import Sessions
from tests.simulators.veeam_enterprise_manager.jobs import Jobs
from tests.simulators.veeam_enterprise_manager.lists import ItemList, Writer, wants_json
from tests.simulators.veeam_enterprise_manager.points import Points
from tests.simulators.veeam_enterprise_manager.session import LogonSession
from tests.simulators.veeam_enterprise_manager.storage import Storage

ADMINISTRATOR, OPERATOR, TENANT = "Portal Administrator", "Restore Operator", "Cloud Connect Tenant"
_VISIBLE_TO: dict[str, frozenset[str]] = {
    OPERATOR: frozenset({"VmRestorePoint", "VmReplicaPoint"}),
    TENANT: frozenset({"CloudVmReplicaPoint", "CloudReplica"}),
}
# An operator may restore the machines of this policy.
OPERATORS_POLICY = "gold"
# Supported by the query service, but empty here: there are no vApps.
_EMPTY = {
    "VAppRestorePoint": ("VAppRestorePoints", "vAppRestorePoints"),
    "VAppReplicaPoint": ("VAppReplicaPoints", "vAppReplicaPoints"),
}
_ACTIONS = {"vmRestorePoints": "restore", "vmReplicaPoints": "failover", "backupSessions": "stop"}


class ReadHandlers:
    def __init__(self, api: ProductApi, writer: Writer) -> None:
        self.api = api
        self.writer = writer
        self.ids = Identifiers(api)
        self._layouts: dict[str, Layout] = {}
        self._item_lists: dict[tuple[str, str], ItemList] = {}
        self._prepared_for: dict[str, object] = {}

    def current_layout(self) -> Layout:
        """Return the storage layout for the current variants."""
        offload = self.api.text("offload")
        if offload not in self._layouts:
            self._layouts[offload] = Layout(self.api, tiers=offload == "tier", own_files=False)
        return self._layouts[offload]

    def prepare(self) -> None:
        if self._prepared_for == self.api.variants:
            return
        self._prepared_for = dict(self.api.variants)
        self.layout = self.current_layout()
        self.points = Points(self.api, self.ids, self.layout)
        self.storage = Storage(self.api, self.ids, self.layout, self.points)
        self.sessions = Sessions(self.api, self.ids, self.layout, self.points)
        self.jobs = Jobs(self.api, self.ids, self.layout, self.points, self.sessions)
        self._item_lists = {}
        prescribed = self.api.estate.fixed.get(self.api.product, {})
        printed = {ident: place for place, ident in enumerate(prescribed.values())}
        owners = (self.points, self.storage, self.sessions, self.jobs)
        for kind, items in (*itertools.chain.from_iterable(owner.kinds() for owner in owners), *self._empty()):
            # Sorted by id, which is unrelated to time; a published document keeps its own order.
            known = sorted(items, key=lambda item: (printed.get(item.ident, len(printed)), item.ident))
            self._item_lists[ADMINISTRATOR, kind.name.lower()] = ItemList(kind, known)

    def _empty(self) -> list[tuple[Kind, Sequence[Item]]]:
        named = {"Name": Field(lambda item: item.name), "CreationTime": Field(lambda item: item.moment, "time")}
        return [(Kind(name, plural, path, self.points.vm_point, named), []) for name, (plural, path) in _EMPTY.items()]

    # Access

    def item_list(self, session: LogonSession, name: str) -> ItemList:
        """Return the items of one type that this session may see."""
        full_list = self._item_lists.get((ADMINISTRATOR, name.lower()))
        if full_list is None:
            raise Refusal(400, f"The type '{name}' is not known.")
        role = session.account.role
        if role == ADMINISTRATOR:
            return full_list
        if full_list.kind.name not in _VISIBLE_TO[role]:
            raise Refusal(403, "Access is denied.")
        key = (f"{role}:{session.account.tenant}", name.lower())
        if key not in self._item_lists:
            self._item_lists[key] = ItemList(
                full_list.kind, [item for item in full_list.items if _can_see(session, item)]
            )
        return self._item_lists[key]

    def item_list_at(self, session: LogonSession, path: str) -> ItemList:
        for (role, name), item_list in self._item_lists.items():
            if role == ADMINISTRATOR and item_list.kind.path.lower() == path.lower():
                return self.item_list(session, name)
        raise Refusal(404, f"There is nothing at {path}.")

    # Paths

    def routes(self) -> list[Route]:
        """Return the routes. Order matters if a {name} would also match the more specific path."""
        handlers: dict[str, Callable[..., Response]] = {
            "query": self.query,
            "cloud": self.cloud,
            "reports/summary/{name}": self.summary,
            "hierarchyRoots": self.roots,
            "catalog/vms/{name}/vmRestorePoints": self.catalogue,
            "cdpReplicas/{number}/vms": self.continuous_machines,
            "cdpReplicas/{number}/vms/{machine}": self.continuous_machine,
            "cloud/{name}": self.below_cloud,
            "cloud/{name}/{number}": self.one_below_cloud,
            "cloud/{name}/{number}/{below}": self.related_below_cloud,
            "agents/{name}": self.below_agents,
            "agents/{name}/{number}": self.one_below_agents,
            "{name}": self.list_items,
            "{name}/{number}": self.one,
            "{name}/{number}/{below}": self.related,
        }
        return [
            Route("POST", "/api/backupServers/{number}", self.collect),
            Route("POST", "/api/cdpReplicas/{number}/vms/{machine}", self.intervals),
            Route("POST", "/api/{name}/{number}", self.run_action),
            *(Route("GET", f"/api/{path}", handler) for path, handler in handlers.items()),
        ]

    def query(self, call: Call, session: LogonSession) -> Response:
        if call.first("type") in self.api.text("unsupported").split(","):
            raise Refusal(400, f"The type '{call.first('type')}' is not known.")
        return self.writer.query(call, self.item_list(session, call.first("type") or ""))

    def list_items(self, call: Call, session: LogonSession, name: str) -> Response:
        return self.writer.plain(call, self.item_list_at(session, name))

    def one(self, call: Call, session: LogonSession, name: str, number: str) -> Response:
        if call.first("action"):
            raise Refusal(405, "An action is started with POST.")
        item_list = self.item_list_at(session, name)
        return self.writer.one(call, item_list.kind.build(item_list.find(number)))

    def below_cloud(self, call: Call, session: LogonSession, name: str) -> Response:
        return self.list_items(call, session, f"cloud/{name}")

    def one_below_cloud(self, call: Call, session: LogonSession, name: str, number: str) -> Response:
        return self.one(call, session, f"cloud/{name}", number)

    def related_below_cloud(self, call: Call, session: LogonSession, name: str, number: str, below: str) -> Response:
        return self.related(call, session, f"cloud/{name}", number, below)

    def below_agents(self, call: Call, session: LogonSession, name: str) -> Response:
        return self.list_items(call, session, f"agents/{name}")

    def one_below_agents(self, call: Call, session: LogonSession, name: str, number: str) -> Response:
        return self.one(call, session, f"agents/{name}", number)

    def related(self, call: Call, session: LogonSession, name: str, number: str, below: str) -> Response:
        """Return the children of an item: the items of another list that have an Up link to it."""
        above = self.item_list_at(session, name)
        parent = above.find(number)
        path = _RELATED.get((name.lower(), below.lower()))
        if path is None:
            raise Refusal(404, f"There is nothing at {name}/{number}/{below}.")
        item_list = self.item_list_at(session, path)
        is_below = self._find_relation(above, parent, item_list)
        indexes = [index for index, item in enumerate(item_list.items) if is_below(item)]
        return self.writer.plain(call, item_list, indexes)

    def _find_relation(self, above: ItemList, parent: Item, below: ItemList) -> Callable[[Item], bool]:
        """Return whether an item is below another one. Some items do not link to their parent."""
        kinds = (above.kind.name, below.kind.name)
        if kinds == ("RestorePoint", "BackupFile"):
            return lambda item: (item.what.points[0].backup, item.what.run) == parent.what
        if kinds == ("BackupFile", "RestorePoint"):
            return lambda item: item.what == (parent.what.points[0].backup, parent.what.run)
        if kinds == ("Job", "BackupJobSession"):
            return lambda item: bool(item.what[0].policy is parent.what[0])
        wanted = above.kind.up_link(parent).path
        build = below.kind.build
        return lambda item: any(link.rel == "Up" and link.path == wanted for link in build(item).links)

    def cloud(self, call: Call, session: LogonSession) -> Response:
        kinds = ("cloud/vmReplicaPoints", "cloud/replicas")
        links = [Link("Down", path, f"{self.item_list_at(session, path).kind.name}ReferenceList") for path in kinds]
        return self.writer.entity(call, Entity("CloudConnectService", "cloud", links=links))

    def summary(self, call: Call, session: LogonSession, name: str) -> Response:
        if session.account.role != ADMINISTRATOR:
            raise Refusal(403, "Access is denied.")
        reports: dict[str, tuple[str, Callable[[], dict[str, object]]]] = {
            "vms_overview": ("VmsOverviewReportFrame", self.sessions.machines_overview),
            "overview": ("OverviewReportFrame", self.jobs.overview),
            "job_statistics": ("JobStatisticsReportFrame", self.jobs.statistics),
        }
        if name not in reports:
            raise Refusal(404, f"There is no report {name}.")
        kind, build = reports[name]
        return self.writer.entity(call, Entity(kind, f"reports/summary/{name}", members=build()))

    def roots(self, call: Call, session: LogonSession) -> Response:
        """Return the vCenter servers to which the first half of a machine's identity refers."""
        if session.account.role != ADMINISTRATOR:
            raise Refusal(403, "Access is denied.")
        found: dict[str, Workload] = {}
        for work in self.layout.works:
            if work.workload_type == "vm":
                found.setdefault(self.ids.root_id(work), work)
        items = [
            Item(ident, f"{found[ident].platform_hint}-{found[ident].site.key}.example", 0, None) for ident in found
        ]
        return self.writer.plain(
            call, ItemList(Kind("HierarchyRoot", "HierarchyRoots", "hierarchyRoots", _root, {}), items)
        )

    def catalogue(self, call: Call, session: LogonSession, name: str) -> Response:
        """Return the catalog: only machines with a file index, with the GUIDs of restore points."""
        item_list = self.item_list(session, "VmRestorePoint")
        mine = [item for item in item_list.items if item.work is not None and item.work.name == name]
        if not mine or int(self.api.digest(name)[:2], 16) % 2:
            raise Refusal(404, f"There is no machine {name} in the catalogue.")

        def build(item: Item) -> Entity:
            path = f"catalog/vms/{name}/vmRestorePoints/{item.ident}"
            links = [Link("Related", f"vmRestorePoints/{item.ident}?format=Entity", "VmRestorePoint", name)]
            members = {"BackupDateUTC": self.ids.time(item.moment)}
            urn = f"urn:veeam:CatalogVmRestorePoint:{item.ident}"
            return Entity("CatalogVmRestorePoint", path, name, urn, {}, links, members)

        return self.writer.plain(
            call, ItemList(Kind("CatalogVmRestorePoint", "CatalogVmRestorePoints", "", build, {}), mine)
        )

    # Continuous replicas

    def _machines(self, session: LogonSession, number: str) -> tuple[Item, dict[str, Entity]]:
        replica = self.item_list(session, "CdpReplica").find(number)
        machines = [self.storage.continuous_machine(replica, work) for work in replica.what]
        return replica, {machine.path.rpartition("/")[2]: machine for machine in machines}

    def continuous_machines(self, call: Call, session: LogonSession, number: str) -> Response:
        _unused, machines = self._machines(session, number)
        items = [Item(ident, machine.name or "", 0, machine) for ident, machine in machines.items()]
        kind = Kind("CdpReplicaVm", "CdpReplicaVms", "", lambda item: item.what, {})
        return self.writer.plain(call, ItemList(kind, items))

    def continuous_machine(self, call: Call, session: LogonSession, number: str, machine: str) -> Response:
        _unused, machines = self._machines(session, number)
        if machine not in machines:
            raise Refusal(404, f"There is no machine {machine}.")
        return self.writer.one(call, machines[machine])

    def intervals(self, call: Call, session: LogonSession, number: str, machine: str) -> Response:
        """Return the intervals of restorable times that a continuous replica reports instead of points."""
        replica, machines = self._machines(session, number)
        if call.first("action") != "intervals" or machine not in machines:
            raise Refusal(404, f"There is no such action for {machine}.")
        (work,) = [work for work in replica.what if machines[machine].name == work.name]
        points = [point for point in work.points if point.kind == "continuous"]
        newest, oldest = points[0].created_at, points[-1].created_at
        span = {"StartDate": self.ids.time(oldest), "EndDate": self.ids.time(newest)}
        if wants_json(call):
            return self.writer.json({"Intervals": [span]})
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in span.items())
        return self.writer.xml(f'<CdpIntervals xmlns="{NAMESPACE}"><Interval>{inner}</Interval></CdpIntervals>')

    # Calls that change something

    def collect(self, call: Call, session: LogonSession, number: str) -> Response:
        """Collect the data of the backup servers immediately, so that nothing is delayed."""
        if session.account.role != ADMINISTRATOR:
            raise Refusal(403, "Access is denied.")
        self.item_list(session, "BackupServer").find(number)
        if call.first("action") != "collect":
            raise Refusal(400, "There is no such action.")
        self.api.set_variants({"lag_minutes": 0})
        return self._task(call)

    def run_action(self, call: Call, session: LogonSession, name: str, number: str) -> Response:
        """Run an action: restores and failovers are started with a POST to a point, and end immediately here."""
        self.item_list_at(session, name).find(number)
        if call.first("action") is None or _ACTIONS.get(name) != call.first("action"):
            raise Refusal(405, f"The method {call.method} is not allowed for {name}.")
        return self._task(call)

    def _task(self, call: Call) -> Response:
        members = {"TaskId": "task-1", "State": "Running", "Operation": call.first("action")}
        return self.writer.entity(call, Entity("Task", "tasks/task-1", members=members), 202)


# (list, name below one of its items) -> the list of the items below.
_RELATED = {
    ("backups", "restorepoints"): "restorePoints",
    ("backupfiles", "restorepoints"): "restorePoints",
    ("backupfiles", "vmrestorepoints"): "vmRestorePoints",
    ("restorepoints", "vmrestorepoints"): "vmRestorePoints",
    ("restorepoints", "backupfiles"): "backupFiles",
    ("replicas", "vmreplicapoints"): "vmReplicaPoints",
    ("repositories", "backups"): "backups",
    ("repositories", "replicas"): "replicas",
    ("backupservers", "repositories"): "repositories",
    ("backupservers", "jobs"): "jobs",
    ("backupsessions", "tasksessions"): "backupTaskSessions",
    ("replicasessions", "replicatasksessions"): "replicaTaskSessions",
    ("jobs", "backupsessions"): "backupSessions",
    ("cloud/replicas", "vmreplicapoints"): "cloud/vmReplicaPoints",
}


def _root(item: Item) -> Entity:
    return Entity("HierarchyRoot", f"hierarchyRoots/{item.ident}", item.name, f"urn:veeam:HierarchyRoot:{item.ident}")


def _can_see(session: LogonSession, item: Item) -> bool:
    work = item.work
    if work is None:
        return False
    if session.account.role == TENANT:
        return work.tenant == session.account.tenant
    return work.policy is not None and work.policy.key == OPERATORS_POLICY
