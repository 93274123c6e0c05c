# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entities that vProtect protects: machines, applications, storages, and hypervisor snapshots."""

from __future__ import annotations

from tests.simulators.ground_truth import HOUR, Policy, Workload
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.vprotect.backups import Backups
from tests.simulators.vprotect.lists import Pages, Query, Row, encode_rows, sort_rows, without_nulls
from tests.simulators.vprotect.records import ENTITY_TYPES, Record, Records, milliseconds
from tests.simulators.vprotect.session import VprotectSession

# The list of each type of entity, and the field for the entity's policy.
LISTS = {
    "virtual-machines": ("vm", "vmBackupPolicy"),
    "applications": ("database", "appBackupPolicy"),
    "storages": ("file_share", "storageBackupPolicy"),
}
# Machines with agents: a separate list is unknown, so they are only in the list of all entities.
_AGENTS = {"agents": ("physical", "policy")}
_HYPERVISORS = {"vmware": "VMWARE", "hyperv": "HYPERV", "ec2": "AWS_EC2"}
_PROTECTION = ("IS_PROTECTED", "NOT_PROTECTED", "NO_SCHEDULE")
_UP_TO_DATE_FOR = 26 * HOUR


def policy_list(kind: str) -> str:
    """Return the path element for policies and rules of these workloads, such as vm-backup."""
    return "os-backup" if kind == "physical" else f"{ENTITY_TYPES[kind].lower()}-backup"


class Entities:
    def __init__(self, api: ProductApi, records: Records, pages: Pages, backups: Backups) -> None:
        self.api = api
        self.records = records
        self.pages = pages
        self.backups = backups
        self._rows: dict[str, list[tuple[Workload, Row]]] = {}

    def routes(self) -> list[Route]:
        lists = [Route("GET", f"/api/{name}", self.list_entities) for name in LISTS]
        lists.append(Route("GET", "/api/virtual-machines/detailed", self.list_entities))
        return [
            *lists,
            Route("GET", "/api/virtual-machines/{guid}", self.get_machine),
            Route("GET", "/api/protected-entities", self.all_entities),
            Route("GET", "/api/snapshots", self.snapshots),
            Route("GET", "/api/dashboard/protection", self.protection),
        ]

    def prepare(self) -> None:
        self._rows = {}
        for name, (kind, member) in (LISTS | _AGENTS).items():
            works = self.api.workloads(kind)
            self._rows[name] = [(work, self._row(work, member)) for work in works if self._is_listed(work)]

    def _is_listed(self, work: Workload) -> bool:
        """Return whether it is listed. Deleted machines have `present` false until they are removed manually."""
        return work.in_inventory or self.api.text("deleted_entities") == "kept"

    def policy_guid(self, policy: Policy, work: Workload) -> str:
        return self.api.uuid(f"policy:{policy.key}:{work.workload_type}")

    def project_uuid(self, work: Workload) -> str:
        """Return the id of a project in its cloud; the guid is the one in the product."""
        return self.api.uuid(f"project of the cloud:{work.site.key}")

    # Rows

    def _row(self, work: Workload, member: str) -> Row:
        guid = self.records.entity_guid(work)
        made = [record for record in self.backups.get_by_entity(guid) if record.kind != "SYNCHRONIZATION"]
        good = [record for record in made if record.status in ("SUCCESS", "PARTIAL_SUCCESS")]
        fulls = [record for record in good if record.kind != "INCREMENTAL"]
        increments = [record for record in good if record.kind == "INCREMENTAL"]
        return without_nulls(
            {
                "guid": guid,
                "name": work.name,
                "type": self.records.enum(ENTITY_TYPES[work.workload_type]),
                "uuid": self.api.uuid(f"hypervisor:{work.key}"),
                "present": work.in_inventory,
                "backupUpToDate": self._up_to_date(work, good),
                "restorable": any(record.is_restorable for record in good),
                "lastBackup": made[0].snapshot if made else None,
                "lastSuccessfulBackupSize": good[0].point.size_bytes if good else None,
                "lastSuccessfulFullBackupSize": fulls[0].point.size_bytes if fulls else None,
                "lastSuccessfulFullBackup": self._reference(fulls),
                "lastSuccessfulIncBackup": self._reference(increments),
                "warningsPresent": bool(good) and good[0].status == "PARTIAL_SUCCESS",
                "lastChainMarkedForDeletion": False,
                member: self._policy(work),
                **self._platform_fields(work),
            }
        )

    def _up_to_date(self, work: Workload, good: list[Record]) -> bool | None:
        """Return whether it is up to date, which is absent if there is no schedule."""
        if not work.protected:
            return None
        oldest = milliseconds(self.api.estate.now - _UP_TO_DATE_FOR)
        return bool(good) and (good[0].snapshot or 0) >= oldest

    def _reference(self, records: list[Record]) -> Row | None:
        if not records:
            return None
        newest = records[0]
        return {"guid": newest.guid, "name": self.records.backup_name(newest.work, newest.point.created_at)}

    def _policy(self, work: Workload) -> Row | None:
        if work.policy is None or not work.protected:
            return None
        return {"guid": self.policy_guid(work.policy, work), "name": work.policy.name}

    def _platform_fields(self, work: Workload) -> Row:
        if work.workload_type == "file_share":
            return {"storageProviderType": self.records.enum("FILE_SYSTEM")}
        if work.workload_type == "physical":
            return {}
        if work.workload_type == "database":
            node = {"guid": self.api.uuid("node-config"), "name": "default"}
            return {"nodeConfig": node, "appCmdExecConfig": {"guid": self.api.uuid("command"), "name": "dump"}}
        kind = self.records.enum(_HYPERVISORS.get(work.platform_hint, "VMWARE"))
        name = f"{work.platform_hint}-{work.site.key}"
        manager = {"guid": self.api.uuid(f"manager:{name}"), "name": name}
        host = {"guid": self.api.uuid(f"host:{name}"), "name": f"{name}-1"}
        project = {"guid": self.api.uuid(f"project:{work.site.key}"), "name": work.site.name}
        return {
            "hypervisor": host,
            "hvManager": manager,
            "hvType": kind,
            "hvmType": kind,
            "project": project,
            "tags": [],
        }

    # Requests

    def list_visible(self, name: str, session: VprotectSession) -> list[tuple[Workload, Row]]:
        return [(work, row) for work, row in self._rows[name] if session.can_see(work)]

    def list_entities(self, call: Call, session: VprotectSession) -> Response:
        name = call.path.strip("/").split("/")[1]

        def choose(query: Query) -> list[bytes]:
            rows = sort_rows(self._select(query, self.list_visible(name, session)), query)
            return self.pages.with_odd_entries(encode_rows(rows))

        return self.pages.respond(call, session.account, choose)

    def _select(self, query: Query, visible: list[tuple[Workload, Row]]) -> list[Row]:
        like, free = (query.text("nameLike") or "").casefold(), (query.text("filter") or "").casefold()
        number, states = query.text("uuid"), query.choice("backupStatus", _PROTECTION)
        project = query.text("project-uuid")
        managers = query.all("hypervisor-manager-type")
        found = []
        for work, row in visible:
            policy = work.policy.name if work.policy is not None else ""
            matches = (
                like in work.name.casefold() and free in f"{work.name} {row['uuid']} {row['guid']} {policy}".casefold()
            )
            matches = matches and number in (None, row["uuid"]) and project in (None, self.project_uuid(work))
            matches = matches and (not managers or _HYPERVISORS.get(work.platform_hint) in managers)
            if matches and (not states or self._protection(row) in states):
                found.append(row)
        return found

    def _protection(self, row: Row) -> str:
        if "backupUpToDate" not in row:
            return "NO_SCHEDULE"
        return "IS_PROTECTED" if row["backupUpToDate"] else "NOT_PROTECTED"

    def get_machine(self, _call: Call, session: VprotectSession, guid: str) -> Response:
        for _ignored, row in self.list_visible("virtual-machines", session):
            if row["guid"] == guid:
                return json_response(row)
        raise Refusal(404, f"Virtual machine with guid {guid} does not exist")

    def all_entities(self, _call: Call, session: VprotectSession) -> Response:
        """Return all types in one list, which has no parameters."""
        shared = ("guid", "name", "type", "backupUpToDate", "restorable", "lastBackup", "lastSuccessfulBackupSize")
        more = (
            "lastSuccessfulFullBackupSize",
            "lastSuccessfulFullBackup",
            "lastSuccessfulIncBackup",
            "warningsPresent",
        )
        rows = [row for name in self._rows for _ignored, row in self.list_visible(name, session)]
        rows.sort(key=lambda row: (row["name"], row["guid"]))
        shown: list[object] = [{name: row[name] for name in (*shared, *more) if name in row} for row in rows]
        if self.api.text("inventory") == "odd":
            shown += [{"name": "no guid", "type": self.records.enum("VM")}, "no record", None]
        return json_response(shown)

    def snapshots(self, call: Call, session: VprotectSession) -> Response:
        """Return snapshots on the hypervisor, which are not backups."""

        def choose(query: Query) -> list[bytes]:
            entity = query.text("protected-entity")
            rows = []
            for work in self.api.workloads(*ENTITY_TYPES):
                if session.can_see(work) and entity in (None, self.records.entity_guid(work)):
                    rows += self._snapshot_rows(work)
            return encode_rows(rows)

        return self.pages.respond(call, session.account, choose)

    def _snapshot_rows(self, work: Workload) -> list[Row]:
        owner = {"guid": self.records.entity_guid(work), "name": work.name}
        kind = self.records.enum(ENTITY_TYPES[work.workload_type])
        return [
            {
                "guid": self.api.uuid(f"snapshot:{point.key}"),
                "uuid": self.api.uuid(f"hypervisor-snapshot:{point.key}"),
                "snapshotTime": milliseconds(point.created_at),
                "protectedEntity": {**owner, "type": kind},
                "status": self.records.enum("PRESENT"),
                "standAlone": True,
                "rule": {
                    "guid": self.records.rule_guid(point.run.policy, work),
                    "name": point.run.policy.name,
                    "retentionVersions": 30,
                    "retentionDays": 30,
                },
                "warnings": [],
                "warningsPresent": False,
            }
            for point in work.points
            if point.kind == "snapshot"
        ]

    def protection(self, _call: Call, session: VprotectSession) -> Response:
        counts: dict[str, dict[str, int]] = {}
        labels = {"IS_PROTECTED": "protectedNo", "NOT_PROTECTED": "notProtected", "NO_SCHEDULE": "noSchedule"}
        for name, (kind, _ignored) in LISTS.items():
            states = [self._protection(row) for _ignored, row in self.list_visible(name, session)]
            counts[ENTITY_TYPES[kind].lower()] = {word: states.count(state) for state, word in labels.items()}
        return json_response(counts)
