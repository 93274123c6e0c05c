# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup Enterprise Manager, the REST API on port 9398.

Accounts: the main one is a Portal Administrator; `restore_operator` sees the machines of one policy and gets 403 for
everything except points of machines; `acme` and `globex` are tenants, who log in with a body and see only their own.

Variants (product `veeam_enterprise_manager`; every product also has those of `ProductApi`):
  release          12         13: fields of JSON are in camelCase
  database         sqlserver  postgresql: six decimal places of a second instead of three, other names of points
  lag_minutes      15         newer data has not been collected yet; POST ?action=collect sets it to 0
  bom              json       all: XML also begins with a byte order mark; none: neither does
  cloud_tag        CloudReplica         the tag of cloud points in a query; CloudVmReplicaPoint would be correct
  cloud_json       CloudVmReplicaPoints the inner name of that list in JSON; CloudReplicas is also possible
  cloud_replica_name  job     vm: cloud replicas are named after a machine, as in 13.1
  display_names    true       false: points of machines do not have VmDisplayName and VmName, as in 2016
  file_links       all        some: one point in three does not have a link to its file
  offload          copy       tier: copies in object storage are a tier of a scale-out repository, not points
  empty_pages      1          0: a response without items reports zero pages
  page_cap         0          above 0: maximum page length, regardless of pageSize
  idle_seconds     900        a session that is idle for so long ends
  session_calls    0          above 0: a session ends after so many calls
  error_body       error      text or empty: the format of errors is unknown
  unknown_enums    false      one point in five has undocumented values
  machine_refs     all        none: points of machines do not have HierarchyObjRef (not every point has it)
  undated          false      one point in three has the time "never"
  unsupported      (none)     types that the query service rejects, as an older version does
  form             requested  reference: references are returned for any requested form
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tests.simulators.ground_truth import Estate, Point, Workload
from tests.simulators.member_names import MemberNames
from tests.simulators.product_api import Call, Listing, ProductApi, Refusal, Response, Route, Setting, build_credentials
from tests.simulators.veeam_enterprise_manager.calls import ADMINISTRATOR, OPERATOR, TENANT, ReadHandlers
from tests.simulators.veeam_enterprise_manager.encoding import NAMESPACE, Encoder, Entity, Link, attribute_text
from tests.simulators.veeam_enterprise_manager.identifiers import Item, Kind
from tests.simulators.veeam_enterprise_manager.lists import ItemList, Writer, wants_json
from tests.simulators.veeam_enterprise_manager.session import HEADER, VERSIONS, Account, LogonSession, LogonSessionStore

_HOST = "em01.invalid:9398"
_ACCOUNTS = {
    "main": Account("EXAMPLE\\audit", "a&b+c%d \"e' ünï=g", ADMINISTRATOR),
    "restore_operator": Account("EXAMPLE\\audit-restore", 'r&s+100% "ø', OPERATOR),
    "acme": Account("acme", 'a&c+m% "e', TENANT, tenant="acme"),
    "globex": Account("globex", 'g&l+o% "b', TENANT, tenant="globex"),
}
_BACKUPS = frozenset({"full", "incremental"})
_DONE = frozenset({"success", "warning"})
# Other platforms have backups here, but no points.
_PLATFORMS = {"vmware", "hyperv", "vcd", "windows", "linux"}
_DOWN = ("backupServers", "repositories", "backups", "vmRestorePoints", "vmReplicaPoints", "cloud")


class VeeamEnterpriseManager(ProductApi):
    product: ClassVar[str] = "veeam_enterprise_manager"
    LOG_IN: ClassVar[str] = "/api/sessionMngr/"
    LISTING: ClassVar[str] = "/api/query"
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {"path": "/api/query", "query": {"type": "Backup"}}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(
        totals=frozenset({"pagescount"}),
        page_keys=frozenset({"page"}),
        limit_key="pageSize",
        enum_members=frozenset({"state", "algorithm", "pointtype", "platform", "kind", "backuptype"}),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(_BACKUPS | {"archive", "replica"}, _DONE, "A5 vmRestorePoints, vmReplicaPoints, cloud"),
        "physical": Listing(_BACKUPS, _DONE, "A5 agents/agentRestorePoints"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
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
        "machine_refs": "all",
        "undated": False,
        "unsupported": "",
        "form": "requested",
    }

    session_store: LogonSessionStore

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.session_store = LogonSessionStore(_ACCOUNTS)
        self.writer = Writer(self, Encoder(self.own_url(_HOST)))
        self.read_results = ReadHandlers(self, self.writer)
        self.routes = [
            Route("GET", "/api", self._probe, needs_session=False),
            Route("POST", "/api/sessionMngr", self._log_on, needs_session=False),
            Route("GET", "/api/logonSessions", self._all_sessions),
            Route("GET", "/api/logonSessions/{ident}", self._one_session),
            Route("DELETE", "/api/logonSessions/{ident}", self._log_off),
            *self.read_results.routes(),
        ]

    def prepare(self) -> None:
        self.read_results.prepare()

    # Login

    def _probe(self, call: Call, _session: None) -> Response:
        """Return the supported versions and the login URL, without a session."""
        versions = [(name, f"sessionMngr/?v={name}") for name in VERSIONS]
        links = [
            Link("Down", "logonSessions", "LogonSessionList"),
            Link("Create", "sessionMngr/?v=latest", "LogonSession"),
        ]
        if wants_json(call):
            documents = [
                {"Links": self.writer.encoder.json_links([Link("Create", path, "LogonSession")]), "Name": name}
                for name, path in versions
            ]
            ends = {"Links": self.writer.encoder.json_links(links), "Href": None, "Type": None}
            return self.writer.json({"SupportedVersions": {"SupportedVersions": documents}, **ends})
        body = "".join(
            f'<SupportedVersion Name="{name}">{self.writer.encoder.xml_links([Link("Create", path, "LogonSession")])}'
            "</SupportedVersion>"
            for name, path in versions
        )
        return self.writer.xml(
            f'<EnterpriseManager xmlns="{NAMESPACE}">{self.writer.encoder.xml_links(links)}'
            f"<SupportedVersions>{body}</SupportedVersions></EnterpriseManager>"
        )

    def _log_on(self, call: Call, _session: None) -> Response:
        session = self.session_store.log_on(call)
        response = self.writer.entity(call, self._session_entity(session), 201)
        response.headers |= {HEADER: session.token, "Set-Cookie": f"{HEADER}={session.token}; Path=/api; HttpOnly"}
        return response

    def _session_entity(self, session: LogonSession) -> Entity:
        path = f"logonSessions/{session.ident}"
        below = ["cloud"] if session.account.tenant is not None else list(_DOWN)
        links = [Link("Up", "", "EnterpriseManager"), *(Link("Down", where) for where in below)]
        members = {"UserName": session.account.username, "SessionId": session.ident}
        return Entity("LogonSession", path, links=[*links, Link("Delete", path, "LogonSession")], members=members)

    def _sessions(self) -> ItemList:
        """Return the sessions of all users; the first in the list is not the caller's."""
        everybody = [self.session_store.other, *self.session_store.sessions.values()]
        items = [Item(session.ident, session.account.username, 0, session) for session in everybody]
        kind = Kind("LogonSession", "LogonSessions", "logonSessions", lambda item: self._session_entity(item.what), {})
        return ItemList(kind, items)

    def _all_sessions(self, call: Call, _session: LogonSession) -> Response:
        call.query.append(("format", "Entity"))
        return self.writer.plain(call, self._sessions())

    def _one_session(self, call: Call, _session: LogonSession, ident: str) -> Response:
        return self.writer.entity(call, self._session_entity(self._sessions().find(ident).what))

    def _log_off(self, _call: Call, _session: LogonSession, ident: str) -> Response:
        self.session_store.close(ident)
        return Response(204)

    def authorize(self, call: Call) -> LogonSession:
        return self.session_store.get_session(call, self.number("idle_seconds"), self.number("session_calls"))

    def credentials(self) -> dict[str, object]:
        return build_credentials({name: account.as_json() for name, account in _ACCOUNTS.items()})

    # Errors

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        response = self._error(call, refusal)
        if refusal.code == "basic":
            response.headers["WWW-Authenticate"] = "Basic Realm=RestSvc"
        return response

    def _error(self, call: Call, refusal: Refusal) -> Response:
        form = self.text("error_body")
        if form == "empty":
            return Response(refusal.status)
        if form == "text":
            return Response(refusal.status, refusal.reason.encode(), "text/plain")
        if wants_json(call):
            return self.writer.json({"Message": refusal.reason, "StatusCode": refusal.status}, refusal.status)
        attributes = f'Message="{attribute_text(refusal.reason)}" StatusCode="{refusal.status}"'
        return self.writer.xml(f'<Error xmlns="{NAMESPACE}" {attributes} />', refusal.status)

    # Ground truth

    def listed_points(self, work: Workload) -> list[Point]:
        return super().listed_points(work) if work.platform_hint in _PLATFORMS else []

    def truth(self) -> dict[str, object]:
        """Only workloads with points are included. Copies and replicas have their own ids, in additional members."""
        layout, ids = self.read_results.current_layout(), self.read_results.ids
        shown = [work for work in layout.works if self.listed_points(work)]
        copies: dict[str, dict[str, str]] = {}
        for stored in layout.stored():
            if stored.backup.repository is not None:
                copies.setdefault(stored.point.key, {})[stored.backup.repository.name] = ids.point_id(stored)
        return {
            "workloads": {work.key: self.workload_id(work) for work in shown},
            "points": {point.key: self.point_id(work, point) for work in shown for point in self.listed_points(work)},
            "lists": {kind: listing.as_json() for kind, listing in self.LISTS.items()},
            "copies": copies,
            "replicas": {work.key: ids.replica_id(work) for work, points in layout.replicated() if points},
            "backups": {
                work.key: ids.backup_id(layout.by_point[point.key][0].backup)
                for work in shown
                for point in self.listed_points(work)[:1]
                if point.key in layout.by_point
            },
            "origins": {work.key: ids.server_name(work.site) for work in shown},
        }

    def workload_id(self, work: Workload) -> str:
        """Return the id of a workload. Machines of tenants and agents are identified by their container and name."""
        layout, ids = self.read_results.current_layout(), self.read_results.ids
        if work.tenant is not None:
            return f"{ids.replica_id(work)}:{work.name}"
        if work.workload_type == "physical":
            backup = layout.by_point[self.listed_points(work)[0].key][0].backup
            return f"{ids.backup_id(backup)}:{work.name}"
        return ids.hierarchy_reference(work)

    def point_id(self, work: Workload, point: Point) -> str:
        """Return the id of the first copy, which the backup job created."""
        found = self.read_results.current_layout().by_point.get(point.key)
        return self.read_results.ids.point_id(found[0]) if found else self.read_results.ids.replica_point_id(point)
