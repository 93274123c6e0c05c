# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies, their rules with retention and locks, schedules, destinations, nodes and tasks."""

from __future__ import annotations

from tests.simulators.ground_truth import DAY, CopyRule, Policy, Workload
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.vprotect.backups import Backups, is_finished
from tests.simulators.vprotect.entities import policy_list
from tests.simulators.vprotect.lists import Pages, Query, Row, encode_rows
from tests.simulators.vprotect.records import (
    ENTITY_TYPES,
    Record,
    Records,
    destination_key,
    destination_type,
    get_role,
    milliseconds,
)
from tests.simulators.vprotect.session import VprotectSession

_MINUTE_MS = 60_000
_KEPT_DAYS = 30
_TERABYTE = 2**40


class Policies:
    def __init__(self, api: ProductApi, records: Records, pages: Pages, backups: Backups) -> None:
        self.api = api
        self.records = records
        self.pages = pages
        self.backups = backups
        # By guid: a policy of the ground truth becomes one vProtect policy for each type of entity.
        self._used: dict[str, tuple[Policy, Workload]] = {}
        self._rules: dict[str, str] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/policies/recovery-plan", self.recovery_plans),
            Route("GET", "/api/policies/{kind}", self.policies),
            Route("GET", "/api/rules/{kind}/{guid}", self.rule),
            Route("GET", "/api/schedules", self.schedules),
            Route("GET", "/api/backup-destinations", self.destinations),
            Route("GET", "/api/nodes", self.nodes),
            Route("GET", "/api/tasks", self.tasks),
        ]

    def prepare(self) -> None:
        self._used, self._rules = {}, {}
        for work in self.api.workloads(*ENTITY_TYPES):
            for policy in {point.run.policy.key: point.run.policy for point in work.points}.values():
                guid = self.api.uuid(f"policy:{policy.key}:{work.workload_type}")
                self._used.setdefault(guid, (policy, work))
                self._rules[self.records.rule_guid(policy, work)] = guid

    # Policies and rules

    def policies(self, call: Call, session: VprotectSession, kind: str) -> Response:
        if kind not in {policy_list(known) for known in ENTITY_TYPES} | {"cloud-backup", "vm-snapshot"}:
            raise Refusal(404, f"Could not find resource for full path: {call.path}")

        def choose(query: Query) -> list[bytes]:
            machine = query.text("virtual-machine")
            rows = []
            for guid, (policy, work) in self._used.items():
                members = self._members(policy, work)
                if policy_list(work.workload_type) == kind and machine in (None, *members):
                    rows.append(self._policy(guid, policy, work, extended=query.flag("extended")))
            return encode_rows(sorted(rows, key=lambda row: (row["priority"], row["guid"])))

        return self.pages.respond(call, session.account, choose)

    def _members(self, policy: Policy, like: Workload) -> list[str]:
        known = self.api.workloads(like.workload_type)
        return [self.records.entity_guid(work) for work in known if work.policy is policy and work.protected]

    def _policy(self, guid: str, policy: Policy, work: Workload, *, extended: bool) -> Row:
        row: Row = {
            "guid": guid,
            "name": policy.name,
            "active": True,
            "priority": policy.ordinal,
            "backupRetryCount": 1,
            "autoAssignMode": self.records.enum("DISABLED"),
            "rules": [{"guid": self.records.rule_guid(policy, work), "name": policy.name}],
        }
        if extended:
            # storage-backup uses another name for the same list.
            member = "backupDestinations" if work.workload_type == "file_share" else "ruleBackupDestinations"
            row[member] = self._build_destinations(policy)
        return row

    def rule(self, call: Call, _session: VprotectSession, kind: str, guid: str) -> Response:
        policy, work = self._used.get(self._rules.get(guid, ""), (None, None))
        if policy is None or work is None or policy_list(work.workload_type) != kind:
            raise Refusal(404, f"Rule with guid {guid} does not exist")
        active_only = Query(call).flag("only-active-destinations")
        places = self._build_destinations(policy)
        rule: Row = {
            "guid": guid,
            "name": policy.name,
            "active": True,
            "policy": {"guid": self._rules[guid], "name": policy.name},
            "schedules": [{"guid": self.api.uuid(f"schedule:{policy.key}"), "name": policy.schedule}],
            "ruleBackupDestinations": [place for place in places if place["active"] or not active_only],
        }
        return json_response(rule)

    def _build_destinations(self, policy: Policy) -> list[Row]:
        """Build the destinations of the current rule; an older backup may have been created with another rule."""
        unlocked = self.api.text("rule_lock") == "removed"
        return [
            {
                "guid": self.api.uuid(f"rule-destination:{policy.key}:{rule.location.key}"),
                "roleType": self.records.enum(get_role(position, rule.role)),
                "backupDestination": self._destination(rule, policy),
                "active": True,
                "daysToKeepRetentionLock": 0 if unlocked else rule.immutable_days,
                "backupRetentionSettings": {
                    "retentionKeepLastNFull": 4,
                    "retentionKeepFullNewerThan": milliseconds(_KEPT_DAYS * DAY),
                    "retentionKeepLastNIncremental": 30,
                    "retentionKeepIncrementalNewerThan": milliseconds(_KEPT_DAYS * DAY),
                    "keepLastBackupWhenSourceStillExists": True,
                },
            }
            for position, rule in enumerate(policy.all_rules)
            if rule.location.location_type != "snapshot"
        ]

    def _destination(self, rule: CopyRule, policy: Policy) -> Row:
        return {
            "type": self.records.enum(destination_type(rule.location)),
            "guid": self.records.destination_guid(rule.location, policy.encrypted),
            "name": destination_key(rule.location, policy.encrypted),
        }

    def recovery_plans(self, call: Call, session: VprotectSession) -> Response:
        """Return scheduled test restores; their results are in the restore jobs."""

        def choose(_query: Query) -> list[bytes]:
            tested = {
                point.run.policy.key: point.run.policy
                for work in self.api.workloads(*ENTITY_TYPES)
                for point in work.points
                if point.tested_at is not None
            }
            return encode_rows(
                {"guid": self.api.uuid(f"plan:{key}"), "name": f"Test of {policy.name}", "active": True}
                for key, policy in sorted(tested.items())
            )

        return self.pages.respond(call, session.account, choose)

    def schedules(self, call: Call, session: VprotectSession) -> Response:
        def choose(query: Query) -> list[bytes]:
            kind, entity = query.text("type"), query.text("protected-entity")
            rows = []
            for policy, work in self._used.values():
                sort = f"{ENTITY_TYPES[work.workload_type]}_BACKUP"
                if kind in (None, sort) and entity in (None, *self._members(policy, work)):
                    rows.append(self._schedule(policy, work, sort))
            return encode_rows(rows)

        return self.pages.respond(call, session.account, choose)

    def _schedule(self, policy: Policy, work: Workload, sort: str) -> Row:
        return {
            "guid": self.api.uuid(f"schedule:{policy.key}"),
            "name": policy.schedule,
            "active": True,
            "type": self.records.enum(sort),
            "backupType": self.records.enum("INCREMENTAL"),
            "executionType": self.records.enum("TIME"),
            "hour": (policy.hour * 60 + policy.minute) * _MINUTE_MS,
            "startWindowLength": 60 * _MINUTE_MS,
            "daysOfWeek": [],
            "months": [],
            "rules": [{"guid": self.records.rule_guid(policy, work), "name": policy.name}],
        }

    # The system

    def destinations(self, call: Call, session: VprotectSession) -> Response:
        def choose(_query: Query) -> list[bytes]:
            rows: dict[str, Row] = {}
            used = self.get_used_space()
            for policy, _ignored in self._used.values():
                for rule in policy.all_rules:
                    if rule.location.location_type != "snapshot":
                        row = self._destination(rule, policy)
                        rows[row["guid"]] = {**row, **self._capacity(policy, used.get(row["guid"], 0))}
            listed = sorted(rows.values(), key=lambda row: (row["name"], row["guid"]))
            if self.api.text("inventory") == "odd":
                listed.append({"name": "no guid", "encryptionEnabled": True})
            return self.pages.with_odd_entries(encode_rows(listed))

        return self.pages.respond(call, session.account, choose)

    def get_used_space(self) -> dict[str, int]:
        """Return destination guid -> bytes of all backups."""
        used: dict[str, int] = {}
        for record in self.backups.all:
            for place in record.places if is_finished(record) else ():
                guid = self.records.destination_guid(place.copy.location, place.copy.encrypted)
                used[guid] = used.get(guid, 0) + (record.point.size_bytes or 0) * (place.status == "PRESENT")
        return used

    def _capacity(self, policy: Policy, used: int) -> Row:
        return {
            "totalUsedSpace": used,
            "totalAvailableSpace": 16 * _TERABYTE,
            "totalDedupUsedSpace": used // 4,
            "totalDedupAvailableSpace": 16 * _TERABYTE,
            "defaultBackupDestination": False,
            "description": "",
            "projects": [],
            "nodeConfigs": [{"guid": self.api.uuid("node-config"), "name": "default"}],
            "dedupEnabled": False,
            "encryptionEnabled": policy.encrypted,
            "initRequired": False,
        }

    def nodes(self, _call: Call, _session: VprotectSession) -> Response:
        """Return nodes, whose version is the closest to a version of the product."""
        node = {
            "guid": self.api.uuid("node"),
            "name": "node-1",
            "version": self.api.text("version"),
            "state": self.records.enum("RUNNING"),
            "lastSeen": milliseconds(self.api.clock()),
            "nodeConfig": {"guid": self.api.uuid("node-config"), "name": "default"},
            "stagingSpace": {"totalSpace": _TERABYTE, "usedSpace": _TERABYTE // 10},
            "nodeIp": "192.0.2.10",
        }
        return json_response([node])

    def tasks(self, call: Call, session: VprotectSession) -> Response:
        """Return running tasks; completed tasks are purged."""

        def choose(query: Query) -> list[bytes]:
            states, kind = query.all("states") or query.all("state"), query.text("type")
            entity, backup = query.text("protected-entity"), query.text("backup")
            rows = []
            for record in self.backups.all:
                guid = self.records.entity_guid(record.work)
                if record.status == "INPROGRESS" and session.can_see(record.work):
                    wanted = (not states or "RUNNING" in states) and kind in (None, "EXPORT")
                    if wanted and entity in (None, guid) and backup in (None, record.guid):
                        rows.append(self._task(record))
            return encode_rows(rows)

        return self.pages.respond(call, session.account, choose)

    def _task(self, record: Record) -> Row:
        started = milliseconds(record.point.created_at)
        return {
            "guid": self.api.uuid(f"task:{record.guid}"),
            "type": self.records.enum("EXPORT"),
            "state": self.records.enum("RUNNING"),
            "progress": 40.0,
            "windowStart": started,
            "windowEnd": started + 60 * _MINUTE_MS,
            "startTime": started,
            "protectedEntity": {"guid": self.records.entity_guid(record.work), "name": record.work.name},
            "protectedEntityDisplayName": record.work.name,
            "node": {"guid": self.api.uuid("node"), "name": "node-1"},
            "backup": {"guid": record.guid, "name": self.records.backup_name(record.work, started * 1000)},
        }
