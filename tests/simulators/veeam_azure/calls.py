# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read calls of the Azure appliance: the handlers of its lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from tests.simulators.ground_truth import DAY, Point, Workload
from tests.simulators.oauth2 import TokenSession
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.veeam_azure.job_sessions import Sessions, Work
from tests.simulators.veeam_azure.lists import PointList, Query, item_response, page_response
from tests.simulators.veeam_azure.monitoring import Monitoring, session_log
from tests.simulators.veeam_azure.points import VERSIONS, Points, Row, azure_time, get_list_name
from tests.simulators.veeam_azure.policies import POLICY_LISTS, Policies
from tests.simulators.veeam_azure.resources import Resources, resource_kind

# List of points -> the parameter for the workload, and the first version that has the list.
_POINT_LISTS = {
    "virtualMachines": ("VirtualMachineId", 4),
    "sql": ("DatabaseId", 3),
    "fileShares": ("FileShareId", 4),
    "cosmosDb/repository": ("CosmosDbAccountId", 8),
    "cosmosDb/continuous": ("CosmosDbAccountId", 8),
    "vnets": ("SubscriptionId", 8),
}
_PROTECTED = {"virtualMachines": "vm", "sql": "sql", "fileShares": "file_share", "cosmosDb": "mongo"}
_INVENTORIES = {"virtualMachines": "vm", "databases": "sql", "fileShares": "file_share", "cosmosDb": "mongo"}


class RowList:
    """A list of rows that are encoded once."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self._written = [json.dumps(row).encode() for row in self.rows]

    def select(self, *tests: Callable[[Row], bool]) -> list[bytes]:
        pairs = zip(self.rows, self._written, strict=True)
        return [text for row, text in pairs if all(test(row) for test in tests)]

    def without_ids(self) -> RowList:
        """Return the same list without the id of every third record, starting with the first."""
        return RowList({**row, "id": row["id"] if place % 3 else None} for place, row in enumerate(self.rows))

    def find(self, number: str) -> Row:
        for row in self.rows:
            if row["id"] == number:
                return row
        raise Refusal(404, f"There is nothing with the ID {number}.")


def name_filter(query: Query) -> Callable[[Row], bool]:
    pattern = (query.text("SearchPattern") or "").lower()
    return lambda row: pattern in str(row.get("name", "")).lower()


class ReadHandlers:
    def __init__(self, api: ProductApi, points: Points, url: str) -> None:
        self.api = api
        self.points = points
        self.url = url
        self.resources = Resources(api, points)
        self.policies = Policies(api, points)
        self.sessions = Sessions(api, points, self.policies, self.resources)
        self.monitoring = Monitoring(api, points, self.policies, self._page_rows)
        self._points: dict[str, PointList] = {}
        self._protected: dict[str, RowList] = {}
        self._inventory: dict[str, RowList] = {}
        self._protection: dict[str, bool] = {}
        self._policies: dict[str, RowList] = {}
        self._repositories = RowList(())
        self._sessions = RowList(())
        self._worked_on: dict[str, list[Work]] = {}

    def routes(self) -> list[Route]:
        """Return the routes. Order matters if a {name} would also match the more specific path."""
        paths: dict[str, Callable[..., Response]] = {
            "restorePoints": self.vm_points_until_v4,
            "restorePoints/cosmosDb/{kind}": self.cosmos_points,
            "restorePoints/cosmosDb/{kind}/{number}": self.cosmos_point,
            "restorePoints/{name}": self.list_points,
            "restorePoints/{name}/{number}": self.point,
            "protectedItem/{name}": self.protected,
            "protectedItem/{name}/{number}": self.protected_item,
            "policies/{name}": self.list_policies,
            "policies/{name}/protectedItems": self.policy_items,
            "policies/{name}/{number}": self.policy,
            "policies/{name}/{number}/protectedItems": self.policy_items,
            "jobSessions": self.job_sessions,
            "jobSessions/{number}": self.job_session,
            "jobSessions/{number}/{what}": self.session_items,
            "configurationBackup/restorePoints": self.configuration_points,
            "repositories": self.repositories,
            "repositories/{number}": self.repository,
            "{name}": self.inventory,
            "{name}/{number}": self.inventory_item,
        }
        every = {**self.monitoring.paths(), **paths}
        return [Route("GET", f"/api/{{version}}/{path}", handler) for path, handler in every.items()]

    def prepare(self) -> None:
        known = self.api.estate.for_product(self.api.product)
        listed = {work.key: self.api.listed_points(work) for work in known}
        self._prepare_points(known, listed)
        self._protected = {
            name: RowList(
                self.resources.protected(work, listed[work.key][0])
                for work in known
                if listed[work.key] and resource_kind(work) == kind
            )
            for name, kind in _PROTECTED.items()
        }
        networks = [
            listed[work.key][0] for work in known if resource_kind(work) == "virtual_network" and listed[work.key]
        ]
        self._protected["vnet"] = RowList(self.resources.protected_networks(networks))
        self._inventory = {
            name: RowList(self.resources.inventory(work) for work in known if resource_kind(work) == kind)
            for name, kind in _INVENTORIES.items()
        }
        self._protection = {self.points.workload_id(work): bool(listed[work.key]) for work in known}
        self._policies = {POLICY_LISTS[kind]: RowList(self.policies.policies(kind)) for kind in POLICY_LISTS}
        self._repositories = RowList(self.policies.repositories())
        self._remove_ids()
        self._prepare_sessions()

    def _remove_ids(self) -> None:
        """Remove some ids if a variant requests it, because ids of these lists are nullable."""
        lists = {"protectedItem": self._protected, "inventory": self._inventory}
        if self.api.text("missing_ids") == "repositories":
            self._repositories = self._repositories.without_ids()
        elif found := lists.get(self.api.text("missing_ids")):
            found.update({name: rows.without_ids() for name, rows in found.items()})

    def _prepare_points(self, known: list[Workload], listed: dict[str, list[Point]]) -> None:
        pairs: dict[str, list[Work]] = {name: [] for name in _POINT_LISTS}
        for work in known:
            for point in listed[work.key]:
                pairs[get_list_name(work, point)].append((work, point))
        self._points = {name: PointList(self.api, self.points, found) for name, found in pairs.items()}
        for points in self._points.values():
            points.encode_items(VERSIONS["v8.1"])

    def _prepare_sessions(self) -> None:
        days = self.api.number("session_days")
        oldest = azure_time(self.api.estate.now - days * DAY) if days else ""
        kept = [(row, made) for row, made in self.sessions.all() if row["executionStartTime"] >= oldest]
        self._sessions = RowList(row for row, _ignored in kept)
        self._worked_on = {row["id"]: made for row, made in kept}

    def _query(self, call: Call, version: str) -> Query:
        return Query(call, self.api.flag("case_sensitive") and VERSIONS[version] >= 4)

    def _page_rows(self, call: Call, version: str, rows: Sequence[Row]) -> Response:
        return self._page(call, version, RowList(rows).select())

    def _page(self, call: Call, version: str, items: Sequence[bytes]) -> Response:
        return page_response(self.api, self.url, call, self._query(call, version), version, items)

    # Restore points

    def _list(self, name: str, version: str) -> PointList:
        if name not in _POINT_LISTS or VERSIONS[version] < _POINT_LISTS[name][1]:
            raise Refusal(404, f"There are no restorePoints/{name} in {version}.")
        return self._points[name]

    def vm_points_until_v4(self, call: Call, _session: TokenSession, version: str) -> Response:
        if VERSIONS[version] > 4:
            raise Refusal(404, f"There are no plain restorePoints in {version}.")
        chosen = self._points["virtualMachines"].select(
            self._query(call, version), "VirtualMachineId", VERSIONS[version]
        )
        return self._page(call, version, chosen)

    def list_points(self, call: Call, session: TokenSession, version: str, name: str) -> Response:
        if VERSIONS[version] < 4 and name not in _POINT_LISTS:
            row = self._points["virtualMachines"].find(name, VERSIONS[version])
            return item_response(row, version)
        query, owner = self._query(call, version), _POINT_LISTS[name][0]
        if self.api.flag("ignores_filter"):
            # A parameter that requests never have.
            owner = "Nobody"
        chosen: Sequence[bytes] = self._list(name, version).select(query, owner, VERSIONS[version])
        if query.text(owner) is None:
            chosen = self.api.with_concurrent_changes(call, chosen, bytes)
        return self._page(call, version, chosen)

    def point(self, _call: Call, _session: TokenSession, version: str, name: str, number: str) -> Response:
        return item_response(self._list(name, version).find(number, VERSIONS[version]), version)

    def cosmos_points(self, call: Call, session: TokenSession, version: str, kind: str) -> Response:
        return self.list_points(call, session, version, f"cosmosDb/{kind}")

    def cosmos_point(self, call: Call, session: TokenSession, version: str, kind: str, number: str) -> Response:
        return self.point(call, session, version, f"cosmosDb/{kind}", number)

    def configuration_points(self, call: Call, _session: TokenSession, version: str) -> Response:
        return self._page(call, version, RowList(self.resources.configuration_points()).select())

    # Workloads

    def _get_list(self, lists: dict[str, RowList], name: str, version: str) -> RowList:
        if name not in lists or (name == "cosmosDb" and VERSIONS[version] < _POINT_LISTS["cosmosDb/repository"][1]):
            raise Refusal(404, f"There is no {name} in {version}.")
        return lists[name]

    def protected(self, call: Call, _session: TokenSession, version: str, name: str) -> Response:
        rows = self._get_list(self._protected, name, version)
        query = self._query(call, version)
        if query.flag("Sync"):
            # A rescan runs asynchronously and is polled, so a reader does not use it.
            number = self.api.uuid(f"operation:{name}")
            started = azure_time(self.api.clock())
            return json_response({"id": number, "startTime": started, "status": "Running", "_links": {}}, 202)
        return self._page(call, version, rows.select(name_filter(query)))

    def protected_item(self, _call: Call, _session: TokenSession, version: str, name: str, number: str) -> Response:
        return item_response(self._get_list(self._protected, name, version).find(number), version)

    def inventory(self, call: Call, _session: TokenSession, version: str, name: str) -> Response:
        rows = self._get_list(self._inventory, name, version)
        query = self._query(call, version)
        state = query.text("ExistsState") or "OnlyExists"
        wanted = query.all("ProtectionStatus")

        def exists(row: Row) -> bool:
            return state == "All" or row.get("isDeleted", False) == (state == "OnlyDeleted")

        def protection(row: Row) -> bool:
            return not wanted or ("Protected" if self._protection.get(row["id"]) else "Unprotected") in wanted

        return self._page(call, version, rows.select(name_filter(query), exists, protection))

    def inventory_item(self, _call: Call, _session: TokenSession, version: str, name: str, number: str) -> Response:
        return item_response(self._get_list(self._inventory, name, version).find(number), version)

    # Policies and repositories

    def list_policies(self, call: Call, _session: TokenSession, version: str, name: str) -> Response:
        query = self._query(call, version)
        wanted = query.text("PolicyName")
        rows = self._get_list(self._policies, name, version)
        return self._page(call, version, rows.select(lambda row: wanted is None or row["name"] == wanted))

    def policy(self, _call: Call, _session: TokenSession, version: str, name: str, number: str) -> Response:
        return item_response(self._get_list(self._policies, name, version).find(number), version)

    def policy_items(self, call: Call, _session: TokenSession, version: str, name: str, number: str = "") -> Response:
        self._get_list(self._policies, name, version)
        items = RowList(self.policies.protected_items(name)).select(lambda row: number in ("", row["policyId"]))
        return self._page(call, version, items)

    def repositories(self, call: Call, _session: TokenSession, version: str) -> Response:
        query = self._query(call, version)
        encrypted, immutable, tiers = query.flag("IsEncrypted"), query.flag("ImmutabilityEnabled"), query.all("Tier")

        def matches(row: Row) -> bool:
            if tiers and row["storageTier"] not in tiers:
                return False
            return encrypted in (None, row["enableEncryption"]) and immutable in (None, row["immutabilityEnabled"])

        return self._page(call, version, self._repositories.select(name_filter(query), matches))

    def repository(self, _call: Call, _session: TokenSession, version: str, number: str) -> Response:
        return item_response(self._repositories.find(number), version)

    # Sessions

    def job_sessions(self, call: Call, _session: TokenSession, version: str) -> Response:
        query = self._query(call, version)
        kinds, statuses, policy = query.all("Types"), query.all("Status"), query.text("PolicyId")
        resource, since, until = query.text("ResourceId"), query.text("FromUtc"), query.text("ToUtc")

        def matches(row: Row) -> bool:
            info = row.get("backupJobInfo") or row["healthCheckJobInfo"]
            right_kind = not kinds or row["type"] in kinds
            right_time = (since or "") <= row["executionStartTime"] <= (until or "9999")
            right_state = not statuses or row["status"] in statuses
            return right_kind and right_time and right_state and policy in (None, info["policyId"])

        def includes_resource(row: Row) -> bool:
            made = self._worked_on[row["id"]]
            return resource is None or any(self.points.workload_id(work) == resource for work, _ignored in made)

        items = self._sessions.select(matches, includes_resource)
        return self._page(
            call, version, [self._with_session_number(item) for item in items] if version == "v1" else items
        )

    def _with_session_number(self, item: bytes) -> bytes:
        """Add the number of the session, because version 1 numbers its sessions."""
        row = json.loads(item)
        return json.dumps({**row, "id": str(self.sessions.get_number(row["id"]))}).encode()

    def job_session(self, _call: Call, _session: TokenSession, version: str, number: str) -> Response:
        if version != "v1":
            return item_response(self._sessions.find(number), version)
        for row in self._sessions.rows:
            if str(self.sessions.get_number(row["id"])) == number:
                return item_response({**row, "id": number}, version)
        raise Refusal(404, f"There is no session {number}.")

    def session_items(self, call: Call, _session: TokenSession, version: str, number: str, what: str) -> Response:
        row = self._sessions.find(number)
        made = self._worked_on[number]
        is_check = row["type"] == "HealthCheck"
        if what == "log":
            names = list(dict.fromkeys(work.name for work, _ignored in made))
            return json_response(session_log(row, names, made[0][1].run.started))
        if what == "checkedItems" and is_check:
            return self._page(call, version, RowList(self.sessions.checked_items(row, made)).select())
        if what == "protectedItems" and not is_check:
            return self._page(call, version, RowList(self.sessions.session_items(row, made)).select())
        raise Refusal(404, f"A session of the type {row['type']} has no {what}.")
