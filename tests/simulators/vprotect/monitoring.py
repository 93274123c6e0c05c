# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the vendor's user interface, monitoring templates and reports, answered from the environment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.vprotect.backups import Backups, is_finished
from tests.simulators.vprotect.entities import Entities
from tests.simulators.vprotect.lists import Pages, Query, Row, encode_rows, sort_rows
from tests.simulators.vprotect.records import ENTITY_TYPES, Record, Records, milliseconds
from tests.simulators.vprotect.session import VprotectSession

_TERABYTE = 2**40
# Workloads of Microsoft 365, which the environment does not have.
_CLOUD_LISTS = ("cloud-sites", "cloud-users", "cloud-groups", "cloud-teams")
# groupBy of a chargeback report -> field of a virtual machine.
_GROUPS = {"project": "project", "hypervisor": "hypervisor", "hypervisor-manager": "hvManager"}
_STATES = {
    "SUCCESS": "successful",
    "PARTIAL_SUCCESS": "successful",
    "FAILED": "failed",
    "INPROGRESS": "inProgress",
    "QUEUED": "queued",
}


class Monitoring:
    def __init__(self, api: ProductApi, records: Records, pages: Pages, backups: Backups, entities: Entities) -> None:
        self.api = api
        self.records = records
        self.pages = pages
        self.backups = backups
        self.entities = entities

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/hypervisors", self.hypervisors),
            Route("GET", "/api/hypervisor-managers", self.managers),
            Route("GET", "/api/projects", self.projects),
            Route("GET", "/api/mounted-backups", self.nothing),
            *(Route("GET", f"/api/{name}", self.nothing) for name in _CLOUD_LISTS),
            Route("GET", "/api/workflow-executions", self.workflows),
            Route("GET", "/api/dashboard/backup-stats", self.backup_stats),
            Route("GET", "/api/dashboard/report", self.report),
            Route("GET", "/api/dashboard/staging-space", self.staging_space),
            Route("GET", "/api/dashboard/backup-destination-stats", self.destination_stats),
            Route("POST", "/api/chargeback-reporting/backup-size/vm", self.chargeback),
        ]

    # Lists

    def _list(self, call: Call, session: VprotectSession, rows: Iterable[Row]) -> Response:
        def choose(query: Query) -> list[bytes]:
            kind = query.text("type")
            return encode_rows(sort_rows([row for row in rows if kind in (None, _name(row.get("type")))], query))

        return self.pages.respond(call, session.account, choose)

    def nothing(self, call: Call, session: VprotectSession) -> Response:
        """Return an empty list: there are no mounted backups and no workloads in a cloud service."""
        return self._list(call, session, [])

    def hypervisors(self, call: Call, session: VprotectSession) -> Response:
        rows = {}
        for machine in self._machines(session):
            host = machine["hypervisor"]
            rows[host["guid"]] = {**host, "type": machine["hvType"], "hvManager": machine["hvManager"]}
        return self._list(call, session, rows.values())

    def managers(self, call: Call, session: VprotectSession) -> Response:
        rows = {}
        for machine in self._machines(session):
            rows[machine["hvManager"]["guid"]] = {**machine["hvManager"], "type": machine["hvmType"]}
        return self._list(call, session, rows.values())

    def projects(self, call: Call, session: VprotectSession) -> Response:
        rows = {}
        for work, machine in self.entities.list_visible("virtual-machines", session):
            project = machine["project"]
            rows[project["guid"]] = {**project, "uuid": self.entities.project_uuid(work)}
        return self._list(call, session, rows.values())

    def _machines(self, session: VprotectSession) -> list[Row]:
        return [row for _work, row in self.entities.list_visible("virtual-machines", session)]

    def workflows(self, call: Call, session: VprotectSession) -> Response:
        """Return running workflows. Their definition was plain text before 5.2, and they do not exist before 5.1."""
        if self.records.version < (5, 1):
            raise Refusal(404, f"RESTEASY003210: Could not find resource for full path: {call.path}")
        definition: object = "VM_BACKUP"
        if self.records.version >= (5, 2):
            definition = self.records.enum("VM_BACKUP")
        rows = [
            {
                "guid": self.api.uuid(f"workflow:{record.guid}"),
                "name": record.work.name,
                "definitionName": definition,
                "state": self.records.enum("RUNNING"),
                "priority": 50,
            }
            for record in self._visible(session)
            if record.status == "INPROGRESS"
        ]
        return self._list(call, session, rows)

    # Reports

    def _visible(self, session: VprotectSession) -> Iterator[Record]:
        """Return completed and attempted backups, without removed ones and copies."""
        for record in self.backups.all:
            if record.status in _STATES and record.kind != "SYNCHRONIZATION" and session.can_see(record.work):
                yield record

    def _within(self, records: Iterable[Record], since: int | None, until: int | None) -> Iterator[Record]:
        for record in records:
            moment = record.snapshot or milliseconds(self.api.estate.now)
            if (since is None or moment >= since) and (until is None or moment <= until):
                yield record

    def backup_stats(self, call: Call, session: VprotectSession) -> Response:
        query = Query(call)
        found = self._within(self._visible(session), query.int_value("from"), query.int_value("to"))
        return json_response(_count(list(found)))

    def report(self, call: Call, session: VprotectSession) -> Response:
        query = Query(call)
        kind = query.text("protectedEntityType")
        by_entity: dict[str, list[Record]] = {}
        for record in self._within(self._visible(session), query.int_value("from"), query.int_value("to")):
            if kind in (None, ENTITY_TYPES[record.work.workload_type]):
                by_entity.setdefault(self.records.entity_guid(record.work), []).append(record)
        elements = [{"guid": guid, "name": found[0].work.name, **_count(found)} for guid, found in by_entity.items()]
        every = [record for found in by_entity.values() for record in found]
        return json_response({**_count(every), "total": len(every), "elements": elements})

    def staging_space(self, _call: Call, _session: VprotectSession) -> Response:
        node = {"guid": self.api.uuid("node"), "name": "node-1"}
        free = _TERABYTE - _TERABYTE // 10
        return json_response([{"node": node, "totalSpace": _TERABYTE, "availableSpace": free}])

    def destination_stats(self, call: Call, session: VprotectSession) -> Response:
        """Return the same values as in the list of destinations, and their sums."""
        listed = self.api.respond(Call("GET", "/api/backup-destinations", [], call.headers, b""))
        names = (
            "guid",
            "name",
            "totalUsedSpace",
            "totalAvailableSpace",
            "totalDedupUsedSpace",
            "totalDedupAvailableSpace",
        )
        rows = [{name: row[name] for name in names} for row in json.loads(listed.body) if row and "guid" in row]
        sums = {name: sum(row[name] for row in rows) for name in ("totalUsedSpace", "totalAvailableSpace")}
        return json_response({**sums, "backupDestinations": rows})

    def chargeback(self, call: Call, session: VprotectSession) -> Response:
        """Return bytes of backups of virtual machines by group, a report that is requested with POST."""
        try:
            wanted = json.loads(call.body)
        except ValueError:
            raise Refusal(400, "Unable to deserialize the request body") from None
        machines = {row["guid"]: row for row in self._machines(session)}
        sizes: dict[str, Row] = {}
        chosen = wanted.get("virtualMachineGuids") or list(machines)
        for record in self._within(self._visible(session), wanted.get("from"), wanted.get("to")):
            guid = self.records.entity_guid(record.work)
            if guid in machines and guid in chosen and is_finished(record):
                for group in self._groups(wanted.get("groupBy"), record, machines[guid]):
                    entry = sizes.setdefault(group["guid"], {**group, "size": 0})
                    entry["size"] += record.point.size_bytes or 0
        return json_response(sorted(sizes.values(), key=lambda row: (row["name"], row["guid"])))

    def _groups(self, group_by: str | None, record: Record, machine: Row) -> Iterator[Row]:
        if group_by == "backup-destination":
            for place in self.records.row(record).get("backupLocations", []):
                yield place["backupDestination"]
        elif group_by == "virtual-machine":
            yield {"guid": machine["guid"], "name": machine["name"]}
        elif group_by == "backup-policy":
            policy = record.point.run.policy
            yield {"guid": self.entities.policy_guid(policy, record.work), "name": policy.name}
        elif group_by in _GROUPS:
            reference = machine[_GROUPS[group_by]]
            yield {"guid": reference["guid"], "name": reference["name"]}
        else:
            raise Refusal(400, f"No enum constant groupBy: {group_by}")


def _name(value: object) -> object:
    return value.get("name") if isinstance(value, dict) else value


def _count(records: list[Record]) -> Row:
    """Return the number of backups with each status, and their size as text."""
    counts: Row = dict.fromkeys(_STATES.values(), 0)
    for record in records:
        counts[_STATES[record.status]] += 1
    size = sum(record.point.size_bytes or 0 for record in records if is_finished(record))
    return {**counts, "totalData": f"{size / 2**30:.1f} GB"}
