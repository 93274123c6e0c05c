# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests for backups, their locations and files, and for restores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from tests.simulators.ground_truth import MINUTE
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.vprotect.lists import Pages, Query, Row, array, encode_rows, get_nested, rank
from tests.simulators.vprotect.records import ENTITY_TYPES, STATUSES, TYPES, Record, Records, milliseconds
from tests.simulators.vprotect.session import VprotectSession

_ENTITY_TYPES = (
    "APP",
    "CLOUD",
    "CLOUD_GROUP",
    "CLOUD_SITE",
    "CLOUD_TEAMS",
    "CLOUD_USER",
    "OS",
    "OS_AGENT",
    "STORAGE",
    "VM",
)
_LOCATION_STATUSES = ("PRESENT", "IN_PROGRESS", "FAILED", "REMOVED")
Test = Callable[[Record], bool]


def is_finished(record: Record) -> bool:
    """Return whether the record is a completed backup that still exists, and not a copy."""
    return record.status in ("SUCCESS", "PARTIAL_SUCCESS") and record.kind != "SYNCHRONIZATION"


class Backups:
    def __init__(self, api: ProductApi, records: Records, pages: Pages) -> None:
        self.api = api
        self.records = records
        self.pages = pages
        self._all: list[Record] = []
        self._by_guid: dict[str, Record] = {}
        self._by_entity: dict[str, list[Record]] = {}
        self._written: dict[str, bytes] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/backups", self.list_backups),
            Route("GET", "/api/backups/detailed", self.detailed),
            Route("GET", "/api/backups/grouped", self.grouped),
            Route("GET", "/api/backups/for-restore/{guid}", self.get_for_restore),
            Route("GET", "/api/backups/{guid}", self.get_backup),
            Route("GET", "/api/backup-locations", self.locations),
            Route("GET", "/api/backup-locations/for-restore", self.locations_for_restore),
            *(
                Route("GET", f"/api/backup-files{end}", self.files)
                for end in ("", "/detailed", "/detailed/for-restore")
            ),
            Route("GET", "/api/restore-jobs", self.restore_jobs),
        ]

    def prepare(self) -> None:
        made = [record for work in self.api.workloads(*ENTITY_TYPES) for record in self.records.build_records(work)]
        # Newest first; a backup without a time is running.
        now = milliseconds(self.api.estate.now)
        made.sort(key=lambda record: (-(record.snapshot or record.stored or now), record.guid))
        self._all = made
        newest = {record.work.key: record.guid for record in reversed(made) if is_finished(record)}
        self.records.newest = set(newest.values())
        self._by_guid = {record.guid: record for record in made}
        self._written = {record.guid: json.dumps(self.records.row(record)).encode() for record in made}
        self._by_entity = {}
        for record in made:
            self._by_entity.setdefault(self.records.entity_guid(record.work), []).append(record)

    @property
    def all(self) -> list[Record]:
        """Return all records, newest first."""
        return self._all

    def get_by_entity(self, guid: str) -> list[Record]:
        return self._by_entity.get(guid, [])

    def text(self, record: Record) -> bytes:
        return self._written[record.guid]

    # Selection of records

    def _select(self, query: Query, session: VprotectSession) -> list[Record]:
        if self.api.text("filters") == "ignored":
            query = query.without("protected-entity", "protected-entity-type", "status", "from", "to")
        entity = query.text("protected-entity")
        records = self._all if entity is None else self.get_by_entity(entity)
        tests = [*self._build_filters(query), *self._time_filters(query)]
        found = [record for record in records if session.can_see(record.work) and all(test(record) for test in tests)]
        path = query.text("orderBy")
        if path is not None:
            rows = {record.guid: self.records.row(record) for record in found}
            found.sort(key=lambda record: rank(get_nested(rows[record.guid], path)), reverse=query.is_descending)
        elif query.text("direction") == "asc":
            found.reverse()
        return found

    def _build_filters(self, query: Query) -> list[Test]:
        tests: list[Test] = []
        statuses = query.choice("status", STATUSES)
        if self.records.version < (5, 0):
            # Only one value before 5.0: the others are ignored.
            statuses = statuses[:1]
        if statuses:
            tests.append(lambda record: record.status in statuses)
        types = query.choice("type", TYPES)
        if types:
            tests.append(lambda record: record.kind == types[0])
        entities = query.choice("protected-entity-type", _ENTITY_TYPES)
        if entities:
            tests.append(lambda record: self.records.get_entity_type(record) == entities[0])
        tests += self._reference_filters(query)
        tests += self._name_filters(query)
        if query.flag("only-mountable"):
            tests.append(lambda record: record.is_restorable and record.work.workload_type == "vm")
        least = query.int_value("min-size")
        if least is not None:
            tests.append(lambda record: (record.point.size_bytes or 0) >= least)
        return tests

    def _reference_filters(self, query: Query) -> Iterable[Test]:
        """Return filters by guids of other objects. Older servers ignore those introduced in 7.4."""
        rule, destination = query.text("backup-rule"), query.text("backup-destination")
        parent, root, policies = query.text("parent-backup"), query.text("root-backup"), query.all("backup-policy")
        if rule is not None:
            yield lambda record: self.records.rule_guid(record.point.run.policy, record.work) == rule
        if destination is not None:
            yield lambda record: destination in self._destinations(record)
        if parent is not None:
            yield lambda record: record.parent is not None and record.parent.guid == parent
        if root is not None:
            yield lambda record: record.root == root
        if policies and self.records.version >= (7, 4):
            yield lambda record: self._policy_guid(record) in policies

    def _policy_guid(self, record: Record) -> str:
        return self.api.uuid(f"policy:{record.point.run.policy.key}:{record.work.workload_type}")

    def _destinations(self, record: Record) -> list[str]:
        return [self.records.destination_guid(place.copy.location, place.copy.encrypted) for place in record.places]

    def _name_filters(self, query: Query) -> Iterable[Test]:
        like, free = (query.text("nameLike") or "").casefold(), (query.text("filter") or "").casefold()
        if like:
            yield lambda record: like in record.work.name.casefold()
        if free:
            yield lambda record: free in f"{record.work.name} {record.guid} {record.point.run.policy.name}".casefold()

    def _time_filters(self, query: Query) -> Iterable[Test]:
        """Return time filters in milliseconds with inclusive ends. The variant window_clock selects the time."""
        since, until = query.int_value("from"), query.int_value("to")
        by_snapshot = self.api.text("window_clock") == "snapshot"

        def moment(record: Record) -> int | None:
            return record.snapshot if by_snapshot else record.stored

        if since is not None:
            yield lambda record: (moment(record) or 0) >= since
        if until is not None:
            yield lambda record: (moment(record) or 0) <= until

    # Requests

    def list_backups(self, call: Call, session: VprotectSession) -> Response:
        def choose(query: Query) -> list[bytes]:
            return [self.text(record) for record in self._select(query, session)]

        return self.pages.respond(call, session.account, choose)

    def detailed(self, call: Call, session: VprotectSession) -> Response:
        """Return the same rows; their documented example has no backupTime."""

        def choose(query: Query) -> list[bytes]:
            rows = (self.records.row(record) for record in self._select(query, session))
            return encode_rows({name: value for name, value in row.items() if name != "backupTime"} for row in rows)

        return self.pages.respond(call, session.account, choose)

    def grouped(self, call: Call, session: VprotectSession) -> Response:
        """Return the last attempt of each night, which is not usable for counting points."""

        def choose(query: Query) -> list[bytes]:
            groups: dict[tuple[str, str], list[Record]] = {}
            for record in self._select(query, session):
                groups.setdefault((record.work.key, record.point.run.key), []).append(record)
            return encode_rows({**self.records.row(found[0]), "attempts": len(found)} for found in groups.values())

        return self.pages.respond(call, session.account, choose)

    def _find(self, guid: str) -> Record:
        if guid not in self._by_guid:
            raise Refusal(404, f"Backup with guid {guid} does not exist")
        return self._by_guid[guid]

    def get_backup(self, call: Call, session: VprotectSession, guid: str) -> Response:
        record = self._find(guid)
        if not session.can_see(record.work):
            raise Refusal(404, f"Backup with guid {guid} does not exist")
        return self.get_for_restore(call, session, guid)

    def get_for_restore(self, _call: Call, _session: VprotectSession, guid: str) -> Response:
        return Response(200, self.text(self._find(guid)))

    def locations(self, call: Call, session: VprotectSession) -> Response:
        return self._locations(call, session.can_see)

    def locations_for_restore(self, call: Call, _session: VprotectSession) -> Response:
        """Return locations regardless of permissions."""
        return self._locations(call, lambda _work: True)

    def _locations(self, call: Call, can_see: Callable[..., bool]) -> Response:
        if self.records.version < (5, 0):
            raise Refusal(404, "RESTEASY003210: Could not find resource for full path: /api/backup-locations")
        query = Query(call)
        wanted = query.choice("location-status", _LOCATION_STATUSES)
        entity, rule = query.text("protected-entity"), query.text("backup-rule")
        rows = []
        for record in self._all if entity is None else self.get_by_entity(entity):
            own_rule = self.records.rule_guid(record.point.run.policy, record.work)
            if record.kind != "SYNCHRONIZATION" and can_see(record.work) and rule in (None, own_rule):
                places = (place for place in record.places if not wanted or place.status in wanted)
                rows += [self.records.location_row(record, place) for place in places]
        return Response(200, array(encode_rows(rows)))

    def files(self, call: Call, session: VprotectSession) -> Response:
        record = self._find(Query(call).text("backup") or "")
        if not session.can_see(record.work):
            raise Refusal(404, f"Backup with guid {record.guid} does not exist")
        return json_response(self.records.files(record))

    def restore_jobs(self, call: Call, session: VprotectSession) -> Response:
        """Return test restores, manual or from a recovery plan."""

        def choose(query: Query) -> list[bytes]:
            entity, since, until = query.text("protected-entity"), query.int_value("from"), query.int_value("to")
            rows = []
            for record in self._all if entity is None else self.get_by_entity(entity):
                tested = record.point.tested_at
                if tested is None or record.kind == "SYNCHRONIZATION" or record.status == "SUCCESS_REMOVED":
                    continue
                moment = milliseconds(tested)
                in_time = (since is None or since <= moment) and (until is None or moment <= until)
                if in_time and session.can_see(record.work):
                    rows.append(self._restore(record, moment))
            rows.sort(key=lambda row: (-row["restoreTime"], row["guid"]))
            if rows and self.api.text("inventory") == "odd":
                # The vendor's clients do not read the guid of a job, so it may have none.
                first = {name: value for name, value in rows[0].items() if name != "guid"}
                rows += [{**first, "restoreTime": "soon"}, {name: first[name] for name in first if name != "backup"}]
            return self.pages.with_odd_entries(encode_rows(rows))

        return self.pages.respond(call, session.account, choose)

    def _restore(self, record: Record, moment: int) -> Row:
        backup = {"guid": record.guid, "snapshotTime": record.snapshot, "size": record.point.size_bytes}
        return {
            "guid": self.api.uuid(f"restore:{record.guid}"),
            "restoreTime": moment,
            "protectedEntity": {"guid": self.records.entity_guid(record.work), "name": record.work.name},
            "backup": backup,
            "status": self.records.enum("SUCCESS"),
            "statusInfo": "",
            "restoreType": self.records.enum("RESTORE"),
            "taskTimeStats": {"exportTime": milliseconds(10 * MINUTE)},
        }
