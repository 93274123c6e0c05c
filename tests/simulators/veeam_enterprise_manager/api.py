# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup Enterprise Manager, the REST API on port 9398, as its facts (part A) tell it.

Accounts: the main one is a Portal Administrator; `restore_operator` sees the machines of one policy and gets 403 for
all that is not a point of a machine; `acme` and `globex` are tenants, who log on with a body and see what is their own.

Variants (product `veeam_enterprise_manager`; every product also has those of `Dialect`):
  release          12         13: members of JSON are spelled in camelCase (A3, samples of both)
  database         sqlserver  postgresql: six digits of a second instead of three, other names of points (A6)
  lag_minutes      15         what is younger has not been collected yet; POST ?action=collect makes it 0 (A1)
  bom              json       all: XML begins with a byte order mark too; none: nothing does (A3)
  cloud_tag        CloudReplica         the tag of cloud points in a query; CloudVmReplicaPoint would be right (A3)
  cloud_json       CloudVmReplicaPoints the inner name of that list in JSON; CloudReplicas is as possible (A3)
  cloud_replica_name  job     vm: cloud replicas are named after a machine, as in 13.1 (A5)
  display_names    true       false: points of machines have neither VmDisplayName nor VmName, as in 2016 (A6)
  file_links       all        some: one point in three has no link to its file (A5)
  offload          copy       tier: what goes to object storage is a tier of a scale-out repository, and no point
  empty_pages      1          0: an answer without items says that there are no pages
  page_cap         0          above 0: no page is longer, whatever pageSize asks (A4)
  idle_seconds     900        a session that was not used for so long is gone (A2)
  session_calls    0          above 0: a session is gone after so many calls
  error_body       error      text or empty: what errors look like is not known (A7)
  unknown_enums    false      one point in five has values that no documentation knows
"""

from __future__ import annotations

from typing import ClassVar

from tests.simulators.ground_truth import Estate, Point, Workload
from tests.simulators.member_names import Names
from tests.simulators.product_api import Call, Dialect, Listing, Refusal, Response, Route, Setting, credentials_of
from tests.simulators.veeam_enterprise_manager.calls import ADMINISTRATOR, OPERATOR, TENANT, Reads
from tests.simulators.veeam_enterprise_manager.encoding import NAMESPACE, Entity, Link, Scribe, attribute_text
from tests.simulators.veeam_enterprise_manager.identifiers import Item, Kind
from tests.simulators.veeam_enterprise_manager.lists import Shelf, Writer, wants_json
from tests.simulators.veeam_enterprise_manager.session import HEADER, VERSIONS, Account, LogonDesk, LogonSession

_HOST = "em01.invalid:9398"
_ACCOUNTS = {
    "main": Account("EXAMPLE\\audit", "a&b+c%d \"e' ünï=g", ADMINISTRATOR),
    "restore_operator": Account("EXAMPLE\\audit-restore", 'r&s+100% "ø', OPERATOR),
    "acme": Account("acme", 'a&c+m% "e', TENANT, tenant="acme"),
    "globex": Account("globex", 'g&l+o% "b', TENANT, tenant="globex"),
}
_BACKUPS = frozenset({"full", "incremental"})
_DONE = frozenset({"success", "warning"})
# Other platforms have backups here, and no points (facts A5).
_PLATFORMS = {"vmware", "hyperv", "vcd", "windows", "linux"}
_DOWN = ("backupServers", "repositories", "backups", "vmRestorePoints", "vmReplicaPoints", "cloud")


class VeeamEnterpriseManager(Dialect):
    product: ClassVar[str] = "veeam_enterprise_manager"
    LOG_IN: ClassVar[str] = "/api/sessionMngr/"
    LISTING: ClassVar[str] = "/api/query"
    NAMES: ClassVar[Names] = Names(
        totals=frozenset({"pagescount"}),
        turn=frozenset({"page"}),
        limit="pageSize",
        words=frozenset({"state", "algorithm", "pointtype", "platform", "kind", "backuptype"}),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(_BACKUPS | {"archive", "replica"}, _DONE, "A5 vmRestorePoints, vmReplicaPoints, cloud"),
        "physical": Listing(_BACKUPS, _DONE, "A5 agents/agentRestorePoints"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **Dialect.VARIANTS,
        "release": "12",
        "database": "sqlserver",
        "lag_minutes": 15,
        "bom": "json",
        "cloud_tag": "CloudReplica",
        "cloud_json": "CloudVmReplicaPoints",
        "cloud_replica_name": "job",
        "display_names": True,
        "file_links": "all",
        "offload": "copy",
        "empty_pages": 1,
        "page_cap": 0,
        "idle_seconds": 900,
        "session_calls": 0,
        "error_body": "error",
        "unknown_enums": False,
    }

    desk: LogonDesk

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.desk = LogonDesk(_ACCOUNTS)
        self.writer = Writer(self, Scribe(self.own_url(_HOST)))
        self.reads = Reads(self, self.writer)
        self.routes = [
            Route("GET", "/api", self._probe, needs_session=False),
            Route("POST", "/api/sessionMngr", self._log_on, needs_session=False),
            Route("GET", "/api/logonSessions", self._all_sessions),
            Route("GET", "/api/logonSessions/{ident}", self._one_session),
            Route("DELETE", "/api/logonSessions/{ident}", self._log_off),
            *self.reads.routes(),
        ]

    def prepare(self) -> None:
        self.reads.prepare()

    # Log-on

    def _probe(self, call: Call, _session: None) -> Response:
        """Without a session: which versions there are, and where to log on."""
        versions = [(name, f"sessionMngr/?v={name}") for name in VERSIONS]
        links = [
            Link("Down", "logonSessions", "LogonSessionList"),
            Link("Create", "sessionMngr/?v=latest", "LogonSession"),
        ]
        if wants_json(call):
            told = [
                {"Links": self.writer.scribe.json_links([Link("Create", path, "LogonSession")]), "Name": name}
                for name, path in versions
            ]
            ends = {"Links": self.writer.scribe.json_links(links), "Href": None, "Type": None}
            return self.writer.json({"SupportedVersions": {"SupportedVersions": told}, **ends})
        body = "".join(
            f'<SupportedVersion Name="{name}">{self.writer.scribe.xml_links([Link("Create", path, "LogonSession")])}'
            "</SupportedVersion>"
            for name, path in versions
        )
        return self.writer.xml(
            f'<EnterpriseManager xmlns="{NAMESPACE}">{self.writer.scribe.xml_links(links)}'
            f"<SupportedVersions>{body}</SupportedVersions></EnterpriseManager>"
        )

    def _log_on(self, call: Call, _session: None) -> Response:
        session = self.desk.log_on(call)
        answer = self.writer.entity(call, self._session_entity(session), 201)
        answer.headers |= {HEADER: session.token, "Set-Cookie": f"{HEADER}={session.token}; Path=/api; HttpOnly"}
        return answer

    def _session_entity(self, session: LogonSession) -> Entity:
        path = f"logonSessions/{session.ident}"
        below = ["cloud"] if session.account.tenant is not None else list(_DOWN)
        links = [Link("Up", "", "EnterpriseManager"), *(Link("Down", where) for where in below)]
        members = {"UserName": session.account.username, "SessionId": session.ident}
        return Entity("LogonSession", path, links=[*links, Link("Delete", path, "LogonSession")], members=members)

    def _sessions(self) -> Shelf:
        """Everybody's: the first in the list is not the caller's."""
        everybody = [self.desk.other, *self.desk.sessions.values()]
        items = [Item(session.ident, session.account.username, 0, session) for session in everybody]
        kind = Kind("LogonSession", "LogonSessions", "logonSessions", lambda item: self._session_entity(item.what), {})
        return Shelf(kind, items)

    def _all_sessions(self, call: Call, _session: LogonSession) -> Response:
        call.query.append(("format", "Entity"))
        return self.writer.plain(call, self._sessions())

    def _one_session(self, call: Call, _session: LogonSession, ident: str) -> Response:
        return self.writer.entity(call, self._session_entity(self._sessions().find(ident).what))

    def _log_off(self, _call: Call, _session: LogonSession, ident: str) -> Response:
        self.desk.close(ident)
        return Response(204)

    def authorise(self, call: Call) -> LogonSession:
        return self.desk.session_of(call, self.number("idle_seconds"), self.number("session_calls"))

    def credentials(self) -> dict[str, object]:
        return credentials_of({name: account.as_json() for name, account in _ACCOUNTS.items()})

    # Errors

    def refuse(self, call: Call, refusal: Refusal) -> Response:
        answer = self._error(call, refusal)
        if refusal.code == "basic":
            answer.headers["WWW-Authenticate"] = "Basic Realm=RestSvc"
        return answer

    def _error(self, call: Call, refusal: Refusal) -> Response:
        form = self.text("error_body")
        if form == "empty":
            return Response(refusal.status)
        if form == "text":
            return Response(refusal.status, refusal.reason.encode(), "text/plain")
        if wants_json(call):
            return self.writer.json({"Message": refusal.reason, "StatusCode": refusal.status}, refusal.status)
        words = f'Message="{attribute_text(refusal.reason)}" StatusCode="{refusal.status}"'
        return self.writer.xml(f'<Error xmlns="{NAMESPACE}" {words} />', refusal.status)

    # The truth

    def listed_points(self, work: Workload) -> list[Point]:
        return super().listed_points(work) if work.platform_hint in _PLATFORMS else []

    def truth(self) -> dict[str, object]:
        """Only what has points is known. Copies and replicas have ids of their own, told beside the usual."""
        layout, names = self.reads.current_layout(), self.reads.names
        shown = [work for work in layout.works if self.listed_points(work)]
        copies: dict[str, dict[str, str]] = {}
        for stored in layout.stored():
            if stored.backup.repository is not None:
                copies.setdefault(stored.point.key, {})[stored.backup.repository.name] = names.point_id(stored)
        return {
            "workloads": {work.key: self.workload_id(work) for work in shown},
            "points": {point.key: self.point_id(work, point) for work in shown for point in self.listed_points(work)},
            "lists": {kind: listing.as_json() for kind, listing in self.LISTS.items()},
            "copies": copies,
            "replicas": {work.key: names.replica_id(work) for work, points in layout.replicated() if points},
            "backups": {
                work.key: names.backup_id(layout.of_point[point.key][0].backup)
                for work in shown
                for point in self.listed_points(work)[:1]
                if point.key in layout.of_point
            },
            "origins": {work.key: names.server_name(work.site) for work in shown},
        }

    def workload_id(self, work: Workload) -> str:
        """Machines have an identity; a tenant's and an agent's are told apart by what they are in, and their names."""
        layout, names = self.reads.current_layout(), self.reads.names
        if work.tenant is not None:
            return f"{names.replica_id(work)}:{work.name}"
        if work.workload_type == "physical":
            backup = layout.of_point[self.listed_points(work)[0].key][0].backup
            return f"{names.backup_id(backup)}:{work.name}"
        return names.hierarchy_reference(work)

    def point_id(self, work: Workload, point: Point) -> str:
        """Of several copies the first one's, which is what the backup job made."""
        found = self.reads.current_layout().of_point.get(point.key)
        return self.reads.names.point_id(found[0]) if found else self.reads.names.replica_point_id(point)
