# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be read from Enterprise Manager, and by whom: an operator sees his scope, a tenant his own (facts A2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulators.ground_truth import Workload
from tests.simulators.product_api import Call, Dialect, Refusal, Response, Route
from tests.simulators.veeam_backup_replication.layout import Layout
from tests.simulators.veeam_enterprise_manager.encoding import NAMESPACE, Entity, Link
from tests.simulators.veeam_enterprise_manager.filter_language import Field
from tests.simulators.veeam_enterprise_manager.identifiers import Item, Kind, Names
from tests.simulators.veeam_enterprise_manager.job_sessions import Sessions
from tests.simulators.veeam_enterprise_manager.lists import Shelf, Writer, wants_json
from tests.simulators.veeam_enterprise_manager.points import Points
from tests.simulators.veeam_enterprise_manager.session import LogonSession
from tests.simulators.veeam_enterprise_manager.storage import Storage

ADMINISTRATOR, OPERATOR, TENANT = "Portal Administrator", "Restore Operator", "Cloud Connect Tenant"
_SEEN_BY: dict[str, frozenset[str]] = {
    OPERATOR: frozenset({"VmRestorePoint", "VmReplicaPoint"}),
    TENANT: frozenset({"CloudVmReplicaPoint", "CloudReplica"}),
}
# An operator may restore the machines of this policy.
OPERATORS_POLICY = "gold"
# Known to the query service, and empty here: there are no vApps, and no session is a replica's.
_EMPTY = {
    "VAppRestorePoint": ("VAppRestorePoints", "vAppRestorePoints"),
    "VAppReplicaPoint": ("VAppReplicaPoints", "vAppReplicaPoints"),
    "ReplicaTaskSession": ("ReplicaTaskSessions", "replicaTaskSessions"),
    "ReplicaJobSession": ("ReplicaJobSessions", "replicaSessions"),
}
_ACTIONS = {"vmRestorePoints": "restore", "vmReplicaPoints": "failover", "backupSessions": "stop"}


class Reads:
    def __init__(self, dialect: Dialect, writer: Writer) -> None:
        self.dialect = dialect
        self.writer = writer
        self.names = Names(dialect)
        self._laid_out: dict[str, Layout] = {}
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self._prepared_for: dict[str, object] = {}

    def current_layout(self) -> Layout:
        """Where everything lies, as the variant has it."""
        offload = self.dialect.text("offload")
        if offload not in self._laid_out:
            self._laid_out[offload] = Layout(self.dialect, tiers=offload == "tier", own_files=False)
        return self._laid_out[offload]

    def prepare(self) -> None:
        if self._prepared_for == self.dialect.variants:
            return
        self._prepared_for = dict(self.dialect.variants)
        self.layout = self.current_layout()
        self.points = Points(self.dialect, self.names, self.layout)
        self.storage = Storage(self.dialect, self.names, self.layout, self.points)
        self.sessions = Sessions(self.dialect, self.names, self.layout, self.points)
        self._shelves = {}
        prescribed = self.dialect.estate.fixed.get(self.dialect.product, {})
        printed = {ident: place for place, ident in enumerate(prescribed.values())}
        for kind, items in (*self.points.kinds(), *self.storage.kinds(), *self.sessions.kinds(), *self._empty()):
            # in the order of ids, which is no order of time; a printed document keeps its own
            known = sorted(items, key=lambda item: (printed.get(item.ident, len(printed)), item.ident))
            self._shelves[ADMINISTRATOR, kind.name.lower()] = Shelf(kind, known)

    def _empty(self) -> list[tuple[Kind, Sequence[Item]]]:
        named = {"Name": Field(lambda item: item.name), "CreationTime": Field(lambda item: item.moment, "time")}
        return [(Kind(name, plural, path, self.points.vm_point, named), []) for name, (plural, path) in _EMPTY.items()]

    # Who sees what

    def shelf(self, session: LogonSession, name: str) -> Shelf:
        """The list of one kind as this session may see it."""
        whole = self._shelves.get((ADMINISTRATOR, name.lower()))
        if whole is None:
            raise Refusal(400, f"The type '{name}' is not known.")
        role = session.account.role
        if role == ADMINISTRATOR:
            return whole
        if whole.kind.name not in _SEEN_BY[role]:
            raise Refusal(403, "Access is denied.")
        key = (f"{role}:{session.account.tenant}", name.lower())
        if key not in self._shelves:
            self._shelves[key] = Shelf(whole.kind, [item for item in whole.items if _may_see(session, item)])
        return self._shelves[key]

    def shelf_at(self, session: LogonSession, path: str) -> Shelf:
        for (role, name), shelf in self._shelves.items():
            if role == ADMINISTRATOR and shelf.kind.path.lower() == path.lower():
                return self.shelf(session, name)
        raise Refusal(404, f"There is nothing at {path}.")

    # Paths

    def routes(self) -> list[Route]:
        """Order matters where a {name} would also match the more special path."""
        reads: dict[str, Callable[..., Response]] = {
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
            "{name}": self.listed,
            "{name}/{number}": self.one,
            "{name}/{number}/{below}": self.related,
        }
        return [
            Route("POST", "/api/backupServers/{number}", self.collect),
            Route("POST", "/api/cdpReplicas/{number}/vms/{machine}", self.intervals),
            Route("POST", "/api/{name}/{number}", self.act),
            *(Route("GET", f"/api/{path}", handler) for path, handler in reads.items()),
        ]

    def query(self, call: Call, session: LogonSession) -> Response:
        return self.writer.query(call, self.shelf(session, call.first("type") or ""))

    def listed(self, call: Call, session: LogonSession, name: str) -> Response:
        return self.writer.plain(call, self.shelf_at(session, name))

    def one(self, call: Call, session: LogonSession, name: str, number: str) -> Response:
        if call.first("action"):
            raise Refusal(405, "An action is started with POST.")
        shelf = self.shelf_at(session, name)
        return self.writer.one(call, shelf.kind.build(shelf.find(number)))

    def below_cloud(self, call: Call, session: LogonSession, name: str) -> Response:
        return self.listed(call, session, f"cloud/{name}")

    def one_below_cloud(self, call: Call, session: LogonSession, name: str, number: str) -> Response:
        return self.one(call, session, f"cloud/{name}", number)

    def related_below_cloud(self, call: Call, session: LogonSession, name: str, number: str, below: str) -> Response:
        return self.related(call, session, f"cloud/{name}", number, below)

    def below_agents(self, call: Call, session: LogonSession, name: str) -> Response:
        return self.listed(call, session, f"agents/{name}")

    def one_below_agents(self, call: Call, session: LogonSession, name: str, number: str) -> Response:
        return self.one(call, session, f"agents/{name}", number)

    def related(self, call: Call, session: LogonSession, name: str, number: str, below: str) -> Response:
        """What lies below a thing: the items of another list that have a link up to it."""
        above = self.shelf_at(session, name)
        wanted = above.kind.link_above(above.find(number)).path
        path = f"cloud/{below}" if name.lower() == "cloud/replicas" else below
        if (name.lower(), below.lower()) not in _RELATED:
            raise Refusal(404, f"There is nothing at {name}/{number}/{below}.")
        shelf = self.shelf_at(session, path)
        indexes = [
            index
            for index, item in enumerate(shelf.items)
            if any(link.rel == "Up" and link.path == wanted for link in shelf.kind.build(item).links)
        ]
        return self.writer.plain(call, shelf, indexes)

    def cloud(self, call: Call, session: LogonSession) -> Response:
        kinds = ("cloud/vmReplicaPoints", "cloud/replicas")
        links = [Link("Down", path, f"{self.shelf_at(session, path).kind.name}ReferenceList") for path in kinds]
        return self.writer.entity(call, Entity("CloudConnectService", "cloud", links=links))

    def summary(self, call: Call, session: LogonSession, name: str) -> Response:
        if session.account.role != ADMINISTRATOR:
            raise Refusal(403, "Access is denied.")
        if name != "vms_overview":
            raise Refusal(404, f"There is no report {name}.")
        members = self.sessions.machines_overview()
        return self.writer.entity(call, Entity("VmsOverviewReportFrame", f"reports/summary/{name}", members=members))

    def roots(self, call: Call, session: LogonSession) -> Response:
        """Which vCenter the first half of a machine's identity is."""
        if session.account.role != ADMINISTRATOR:
            raise Refusal(403, "Access is denied.")
        found: dict[str, Workload] = {}
        for work in self.layout.works:
            if work.workload_type == "vm":
                found.setdefault(self.names.root_id(work), work)
        items = [
            Item(ident, f"{found[ident].platform_hint}-{found[ident].site.key}.example", 0, None) for ident in found
        ]
        return self.writer.plain(
            call, Shelf(Kind("HierarchyRoot", "HierarchyRoots", "hierarchyRoots", _root, {}), items)
        )

    def catalogue(self, call: Call, session: LogonSession, name: str) -> Response:
        """Only machines with an index of their files are here; their points have the GUIDs of restore points."""
        shelf = self.shelf(session, "VmRestorePoint")
        mine = [item for item in shelf.items if item.work is not None and item.work.name == name]
        if not mine or int(self.dialect.digest(name)[:2], 16) % 2:
            raise Refusal(404, f"There is no machine {name} in the catalogue.")

        def build(item: Item) -> Entity:
            path = f"catalog/vms/{name}/vmRestorePoints/{item.ident}"
            links = [Link("Related", f"vmRestorePoints/{item.ident}?format=Entity", "VmRestorePoint", name)]
            members = {"BackupDateUTC": self.names.time(item.moment)}
            urn = f"urn:veeam:CatalogVmRestorePoint:{item.ident}"
            return Entity("CatalogVmRestorePoint", path, name, urn, {}, links, members)

        return self.writer.plain(
            call, Shelf(Kind("CatalogVmRestorePoint", "CatalogVmRestorePoints", "", build, {}), mine)
        )

    # Continuous replicas

    def _machines(self, session: LogonSession, number: str) -> tuple[Item, dict[str, Entity]]:
        replica = self.shelf(session, "CdpReplica").find(number)
        machines = [self.storage.continuous_machine(replica, work) for work in replica.what]
        return replica, {machine.path.rpartition("/")[2]: machine for machine in machines}

    def continuous_machines(self, call: Call, session: LogonSession, number: str) -> Response:
        _unused, machines = self._machines(session, number)
        items = [Item(ident, machine.name or "", 0, machine) for ident, machine in machines.items()]
        kind = Kind("CdpReplicaVm", "CdpReplicaVms", "", lambda item: item.what, {})
        return self.writer.plain(call, Shelf(kind, items))

    def continuous_machine(self, call: Call, session: LogonSession, number: str, machine: str) -> Response:
        _unused, machines = self._machines(session, number)
        if machine not in machines:
            raise Refusal(404, f"There is no machine {machine}.")
        return self.writer.one(call, machines[machine])

    def intervals(self, call: Call, session: LogonSession, number: str, machine: str) -> Response:
        """A continuous replica tells no points, but from when to when any moment can be had."""
        replica, machines = self._machines(session, number)
        if call.first("action") != "intervals" or machine not in machines:
            raise Refusal(404, f"There is no such action for {machine}.")
        (work,) = [work for work in replica.what if machines[machine].name == work.name]
        points = [point for point in work.points if point.kind == "continuous"]
        newest, oldest = points[0].created_at, points[-1].created_at
        span = {"StartDate": self.names.time(oldest), "EndDate": self.names.time(newest)}
        if wants_json(call):
            return self.writer.json({"Intervals": [span]})
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in span.items())
        return self.writer.xml(f'<CdpIntervals xmlns="{NAMESPACE}"><Interval>{inner}</Interval></CdpIntervals>')

    # What changes something

    def collect(self, call: Call, session: LogonSession, number: str) -> Response:
        """Data of the backup servers is fetched at once: nothing is late any more."""
        if session.account.role != ADMINISTRATOR:
            raise Refusal(403, "Access is denied.")
        self.shelf(session, "BackupServer").find(number)
        if call.first("action") != "collect":
            raise Refusal(400, "There is no such action.")
        self.dialect.set_variants({"lag_minutes": 0})
        return self._task(call)

    def act(self, call: Call, session: LogonSession, name: str, number: str) -> Response:
        """Restores and failovers are one POST away from the points; here they end as soon as they begin."""
        self.shelf_at(session, name).find(number)
        if call.first("action") is None or _ACTIONS.get(name) != call.first("action"):
            raise Refusal(405, f"The method {call.method} is not allowed for {name}.")
        return self._task(call)

    def _task(self, call: Call) -> Response:
        members = {"TaskId": "task-1", "State": "Running", "Operation": call.first("action")}
        return self.writer.entity(call, Entity("Task", "tasks/task-1", members=members), 202)


_RELATED = {
    ("backupfiles", "vmrestorepoints"),
    ("restorepoints", "vmrestorepoints"),
    ("replicas", "vmreplicapoints"),
    ("repositories", "backups"),
    ("repositories", "replicas"),
    ("backupservers", "repositories"),
    ("cloud/replicas", "vmreplicapoints"),
}


def _root(item: Item) -> Entity:
    return Entity("HierarchyRoot", f"hierarchyRoots/{item.ident}", item.name, f"urn:veeam:HierarchyRoot:{item.ident}")


def _may_see(session: LogonSession, item: Item) -> bool:
    work = item.work
    if work is None:
        return False
    if session.account.role == TENANT:
        return work.tenant == session.account.tenant
    return work.policy is not None and work.policy.key == OPERATORS_POLICY
