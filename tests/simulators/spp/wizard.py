# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SPP's restore wizard: search, versions with their copies."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

from tests.simulators.ground_truth import Workload
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.spp.query import Row, encode_rows, page_response, parse_filter, parse_sort, sort_rows
from tests.simulators.spp.records import Records, Version, prefix
from tests.simulators.spp.session import SppSession

_FROM = ("recovery", "hlo", "restore")


class Wizard:
    def __init__(self, api: ProductApi, records: Records) -> None:
        self.api = api
        self.records = records
        self._by_place: dict[tuple[str, str, str], Workload] = {}
        self._versions: dict[tuple[str, bool, bool], list[bytes]] = {}

    def prepare(self) -> None:
        """Index objects by (kind of object, hypervisor or application, id)."""
        self._by_place = {}
        self._versions = {}
        for work in self.api.workloads("vm", "database"):
            owner = self.records.hypervisor(work) if work.workload_type == "vm" else prefix(work)
            self._by_place[work.workload_type, owner, self.records.wizard_id(work)] = work

    def routes(self) -> list[Route]:
        database = "/api/application/{kind}/instance/{instance}/database/{number}"
        machine = "/api/hypervisor/{hypervisor}/vm/{number}"
        return [
            Route("POST", "/api/hypervisor/search", self.search_vms),
            Route("POST", "/api/application/search", self.search_databases),
            Route("GET", "/api/application/{kind}/instance", self.instances),
            Route("GET", "/api/application/{kind}/instance/{number}", self.instance),
            Route("GET", "/api/application/{kind}/instance/{number}/applicationview", self.application_view),
            *(
                route
                for base in (machine, database)
                for route in (
                    Route("GET", base + "/version", self.versions),
                    Route("GET", base + "/version/{version}", self.version),
                    Route("GET", base + "/version/{version}/copy", self.version_copies),
                )
            ),
            Route("GET", database + "/copy", self.database_copies),
        ]

    def _source(self, call: Call) -> str:
        source = call.first("from") or "recovery"
        if source not in _FROM:
            raise Refusal(400, f"from={source} is not known.")
        return source

    def _parse_search(self, call: Call) -> Row:
        try:
            body = json.loads(call.body)
        except ValueError:
            raise Refusal(400, "The body is not valid JSON.") from None
        if call.content_type != "application/json" or not isinstance(body, dict) or "name" not in body:
            raise Refusal(400, "A search needs a JSON object with a name.")
        return body

    def _list_workloads(self, call: Call, session: SppSession, kind: str) -> list[Workload]:
        """List workloads: `recovery` means workloads with points, `hlo` the live inventory."""
        live = self._source(call) == "hlo"
        known = [work for work in self.api.workloads(kind) if session.can_see(work)]
        return [work for work in known if (work.in_inventory if live else self.api.listed_points(work))]

    def search_vms(self, call: Call, session: SppSession) -> Response:
        body = self._parse_search(call)
        if call.first("resourceType") != "vm":
            raise Refusal(400, f"resourceType={call.first('resourceType')} is not served here.")
        chosen = parse_filter(call)
        found = []
        for work in self._list_workloads(call, session, "vm"):
            policy = work.policy.name if work.policy is not None and work.protected else None
            if body.get("hypervisorType", "*") not in ("*", prefix(work)):
                continue
            row = self.records.wizard_vm(work)
            if fnmatchcase(work.name, str(body["name"])) and chosen.matches({**row, "storageProfileName": policy}):
                found.append(row)
        return page_response(self.records.own_url, call, "vms", found)

    def search_databases(self, call: Call, session: SppSession) -> Response:
        body = self._parse_search(call)
        kind = call.first("applicationType")
        if call.first("resourceType") != "database" or kind is None:
            raise Refusal(400, "resourceType=database and an applicationType are needed.")
        found = [
            self.records.wizard_database(work)
            for work in self._list_workloads(call, session, "database")
            if prefix(work) == kind and fnmatchcase(work.name, str(body["name"]))
        ]
        return page_response(self.records.own_url, call, "databases", found)

    def _list_instances(self, call: Call, session: SppSession, kind: str) -> list[Row]:
        known = [work for work in self._list_workloads(call, session, "database") if prefix(work) == kind]
        return [
            {
                "id": self.records.instance_id(work),
                "name": f"{kind}-host.example / {kind.upper()}",
                "host": f"{kind}-host.example",
                "version": "1",
                "osType": "linux",
                "storageProfiles": sorted({work.policy.name for work in known if work.policy is not None}),
                "links": {},
            }
            for work in known[:1]
        ]

    def instances(self, call: Call, session: SppSession, kind: str) -> Response:
        return page_response(self.records.own_url, call, "instances", self._list_instances(call, session, kind))

    def instance(self, call: Call, session: SppSession, kind: str, number: str) -> Response:
        for row in self._list_instances(call, session, kind):
            if row["id"] == number:
                return json_response(row)
        raise Refusal(404, f"There is no instance {number}.")

    def application_view(self, call: Call, session: SppSession, kind: str, number: str) -> Response:
        """Return the databases of an instance, with the policies that protect them."""
        self.instance(call, session, kind, number)
        eligible = {name: {"eligible": True} for name in ("backup", "logbackup")}
        rows = [
            {
                **self.records.wizard_database(work),
                "eligibility": eligible,
                "storageProfiles": [work.policy.name] if work.policy is not None and work.protected else [],
            }
            for work in self._list_workloads(call, session, "database")
            if prefix(work) == kind
        ]
        return page_response(self.records.own_url, call, "contents", rows)

    def _workload(self, session: SppSession, number: str, place: dict[str, str]) -> Workload:
        kind = "vm" if "hypervisor" in place else "database"
        work = self._by_place.get((kind, place.get("hypervisor") or place["kind"], number))
        if work is None or not session.can_see(work):
            raise Refusal(404, f"There is no object {number}.")
        return work

    def versions(self, call: Call, session: SppSession, number: str, **place: str) -> Response:
        work = self._workload(session, number, place)
        if self._source(call) == "hlo" and not work.in_inventory:
            return page_response(self.records.own_url, call, "versions", [])
        embedded = call.first("embedCopies") == "true" and self.api.flag("embed_copies")
        omit, ranks = call.first("omitIfNoCopies") == "true", parse_sort(call)
        key = (work.key, embedded, omit)
        if ranks or key not in self._versions:
            rows = sort_rows(self.records.wizard_versions(work, embedded, omit), ranks)
            if ranks:
                return page_response(self.records.own_url, call, "versions", rows)
            self._versions[key] = encode_rows(rows)
        return page_response(self.records.own_url, call, "versions", self._versions[key])

    def _version(self, work: Workload, wanted: str) -> Version:
        known = self.records.versions(work)
        if wanted == "latest" and known:
            return known[-1]
        for version in known:
            if self.records.version_id(work, version) == wanted:
                return version
        raise Refusal(404, f"There is no version {wanted}.")

    def version(self, call: Call, session: SppSession, number: str, version: str, **place: str) -> Response:
        work = self._workload(session, number, place)
        embedded = call.first("embedCopies") == "true" and self.api.flag("embed_copies")
        return json_response(self.records.wizard_version(work, self._version(work, version), embedded))

    def version_copies(self, call: Call, session: SppSession, number: str, version: str, **place: str) -> Response:
        work = self._workload(session, number, place)
        rows = self.records.wizard_copies(work, self._version(work, version))
        return page_response(self.records.own_url, call, "copies", rows)

    def database_copies(self, call: Call, session: SppSession, number: str, **place: str) -> Response:
        work = self._workload(session, number, place)
        versions = self.records.versions(work)
        rows = [row for version in versions for row in self.records.wizard_copies(work, version)]
        return page_response(self.records.own_url, call, "copies", rows)
