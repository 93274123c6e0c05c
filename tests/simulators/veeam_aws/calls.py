# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read calls of the AWS appliance: the handlers of its lists for each revision."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulators.ground_truth import DAY, Point, Workload
from tests.simulators.oauth2 import TokenSession
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.veeam_aws.lists import PointList, RowList, page_response, parse_query, parse_sort
from tests.simulators.veeam_aws.monitoring import Monitoring
from tests.simulators.veeam_aws.points import MOVED, REVISIONS, Points, Row, revision_number
from tests.simulators.veeam_aws.policies import Policies
from tests.simulators.veeam_azure.lists import Query

_POINTS = {False: "vmRestorePoints", True: "virtualMachines/restorePoints"}
_POLICIES = {False: "policies", True: "virtualMachines/policies"}
_PROTECTED = ("Protected", "Unprotected")


class ReadHandlers:
    def __init__(self, api: ProductApi, points: Points, get_revision: Callable[[Call], str]) -> None:
        self.api = api
        self.points = points
        self.policies = Policies(api, points)
        self.monitoring = Monitoring(api, points, self._page_rows)
        self._get_revision = get_revision
        self._known: list[tuple[Workload, list[Point]]] = []
        self._points: dict[bool, PointList] = {}
        self._instances: dict[int, RowList] = {}
        self._policies: dict[bool, RowList] = {}
        self._repositories: dict[int, RowList] = {}
        self._sessions = RowList(())
        self._made: dict[str, list[tuple[Workload, Point]]] = {}

    def routes(self) -> list[Route]:
        """Return the routes. Order matters if a {name} would also match the more specific path."""
        paths: dict[str, Callable[..., Response]] = {
            "vmRestorePoints": self.old_points,
            "vmRestorePoints/{number}": self.old_point,
            "virtualMachines/restorePoints": self.new_points,
            "virtualMachines/restorePoints/{number}": self.new_point,
            "virtualMachines/policies": self.new_policies,
            "virtualMachines/policies/{number}": self.new_policy,
            "virtualMachines": self.instances,
            "virtualMachines/{number}": self.instance,
            "policies": self.old_policies,
            "policies/{number}": self.old_policy,
            "repositories": self.repositories,
            "repositories/{number}": self.repository,
            "sessions": self.sessions,
            "sessions/{number}": self.session,
            "sessions/{number}/protectedItems": self.session_items,
            "sessions/{number}/log": self.session_log,
            "statistics/summary": self.summary,
        }
        every = {**paths, **self.monitoring.paths()}
        return [Route("GET", f"/api/v1/{path}", handler) for path, handler in every.items()]

    def prepare(self) -> None:
        self._known = [(work, self.api.listed_points(work)) for work in self.api.workloads("vm")]
        self._points = {}
        self._policies = {moved: RowList(self.policies.policies(path)) for moved, path in _POLICIES.items()}
        numbers = [revision_number(revision) for revision in REVISIONS]
        self._instances = {
            number: RowList(self.points.instance(work, listed, number) for work, listed in self._known)
            for number in numbers
        }
        self._repositories = {number: RowList(self.policies.repositories(number)) for number in numbers}
        lists = {"instances": self._instances, "repositories": self._repositories}
        if found := lists.get(self.api.text("missing_ids")):
            found.update({number: rows.without_ids() for number, rows in found.items()})
        days = self.api.number("session_days")
        oldest = self.points.time(self.api.estate.now - days * DAY) if days else ""
        kept = [(row, made) for row, made in self.policies.sessions() if row["executionStartTime"] >= oldest]
        self._sessions = RowList(row for row, _ignored in kept)
        self._made = {row["id"]: made for row, made in kept}
        self.point_list(moved=True)

    def _revision(self, call: Call) -> int:
        return revision_number(self._get_revision(call))

    def _query(self, call: Call) -> Query:
        return parse_query(call, self.api)

    def _page_rows(self, call: Call, rows: Sequence[Row]) -> Response:
        return self._page(call, RowList(rows).select([]))

    def _page(self, call: Call, items: Sequence[bytes]) -> Response:
        return page_response(self.api, self.points, call, self._query(call), items)

    # Restore points

    def point_list(self, *, moved: bool) -> PointList:
        if moved not in self._points:
            pairs = [(work, point) for work, listed in self._known for point in listed]
            self._points[moved] = PointList(self.points, pairs, _POINTS[moved])
        return self._points[moved]

    def _require_path_revision(self, call: Call, *, moved: bool) -> None:
        if (self._revision(call) >= MOVED) is not moved:
            status = self.api.number("unknown_path")
            raise Refusal(status, f"{call.path} is not known to the revision {self._get_revision(call)}.")

    def old_points(self, call: Call, _session: TokenSession) -> Response:
        return self._listed_points(call, moved=False)

    def new_points(self, call: Call, _session: TokenSession) -> Response:
        return self._listed_points(call, moved=True)

    def _listed_points(self, call: Call, *, moved: bool) -> Response:
        self._require_path_revision(call, moved=moved)
        query = self._query(call)
        chosen: Sequence[bytes] = self.point_list(moved=moved).select(query)
        if query.text("VirtualMachineId") is None:
            chosen = self.api.with_concurrent_changes(call, chosen, bytes)
        return self._page(call, chosen)

    def old_point(self, call: Call, _session: TokenSession, number: str) -> Response:
        self._require_path_revision(call, moved=False)
        return Response(200, self.point_list(moved=False).find(number))

    def new_point(self, call: Call, _session: TokenSession, number: str) -> Response:
        self._require_path_revision(call, moved=True)
        return Response(200, self.point_list(moved=True).find(number))

    # Instances

    def instances(self, call: Call, _session: TokenSession) -> Response:
        query, revision = self._query(call), self._revision(call)
        ranks = parse_sort(query, ("name", "location"))
        pattern = (query.text("SearchPattern") or "").lower()
        tests: list[Callable[[Row], bool]] = [lambda row: pattern in row["name"].lower()]
        tests += self._protection_tests(query, revision)
        if self.api.text("deleted_instances") == "gone":
            tests.append(lambda row: not row["isDeleted"])
        return self._page(call, self._instances[revision].select(ranks, *tests))

    def _protection_tests(self, query: Query, revision: int) -> list[Callable[[Row], bool]]:
        """Return filters: first `ProtectionStatus` and `BackupState`, later `ProtectedByPolicy` and other states."""
        backed_up = {self.points.instance_id(work): bool(listed) for work, listed in self._known}
        protected = {self.points.instance_id(work): work.protected for work, _ignored in self._known}
        by_policy = query.all("ProtectionStatus" if revision < MOVED else "ProtectedByPolicy")
        states = {"OnlyBackedUp": True, "OnlyNotBackedUp": False, "All": None}
        if revision >= MOVED:
            states = dict(zip(_PROTECTED, (True, False), strict=True))
        state = query.text("BackupState")
        if not set(by_policy) <= set(_PROTECTED) or (state is not None and state not in states):
            raise Refusal(400, "The value of a filter is not valid.", "validationError")
        wanted = states.get(state or "")
        tests: list[Callable[[Row], bool]] = []
        if by_policy:
            tests.append(lambda row: _PROTECTED[not protected[row["id"]]] in by_policy)
        if wanted is not None:
            tests.append(lambda row: backed_up[row["id"]] is wanted)
        return tests

    def instance(self, call: Call, _session: TokenSession, number: str) -> Response:
        return json_response(self._instances[self._revision(call)].find(number))

    # Policies and repositories

    def old_policies(self, call: Call, _session: TokenSession) -> Response:
        return self._listed_policies(call, moved=False)

    def new_policies(self, call: Call, _session: TokenSession) -> Response:
        return self._listed_policies(call, moved=True)

    def _listed_policies(self, call: Call, *, moved: bool) -> Response:
        self._require_path_revision(call, moved=moved)
        query = self._query(call)
        ranks = parse_sort(query, ("priority", "name", "usn"))
        pattern, instance = (query.text("SearchPattern") or "").lower(), query.text("VirtualMachineId")

        def matches(row: Row) -> bool:
            members = row["selectedItems"]["virtualMachineIds"]
            return pattern in row["name"].lower() and (instance is None or instance in members)

        return self._page(call, self._policies[moved].select(ranks, matches))

    def old_policy(self, call: Call, _session: TokenSession, number: str) -> Response:
        self._require_path_revision(call, moved=False)
        return json_response(self._policies[False].find(number))

    def new_policy(self, call: Call, _session: TokenSession, number: str) -> Response:
        self._require_path_revision(call, moved=True)
        return json_response(self._policies[True].find(number))

    def repositories(self, call: Call, _session: TokenSession) -> Response:
        query = self._query(call)
        pattern = (query.text("SearchPattern") or "").lower()
        ranks = parse_sort(query, ("name", "description"))
        rows = self._repositories[self._revision(call)]
        return self._page(call, rows.select(ranks, lambda row: pattern in row["name"].lower()))

    def repository(self, call: Call, _session: TokenSession, number: str) -> Response:
        return json_response(self._repositories[self._revision(call)].find(number))

    # Sessions and numbers

    def sessions(self, call: Call, _session: TokenSession) -> Response:
        query = self._query(call)
        ranks = [
            ({"startTime": "executionStartTime"}[name], descending)
            for name, descending in parse_sort(query, ("startTime",))
        ]
        statuses, kinds, instance = query.all("Status"), query.all("Types"), query.text("VmId")
        policy, since, until = query.text("PolicyId"), query.text("FromUtc"), query.text("ToUtc")

        def matches(row: Row) -> bool:
            made = self._made[row["id"]]
            started = row["executionStartTime"]
            right = (not statuses or row["status"] in statuses) and (not kinds or row["type"] in kinds)
            right = right and (since or "") <= started <= (until or "9999")
            right = right and policy in (None, self.policies.policy_id(made[0][1].run.policy))
            return right and (
                instance is None or any(self.points.instance_id(work) == instance for work, _ignored in made)
            )

        return self._page(call, self._sessions.select(ranks, matches))

    def session(self, _call: Call, _session: TokenSession, number: str) -> Response:
        return json_response(self._sessions.find(number))

    def session_items(self, call: Call, _session: TokenSession, number: str) -> Response:
        row = self._sessions.find(number)
        return self._page(call, RowList(self.policies.items(row, self._made[number])).select([]))

    def session_log(self, _call: Call, _session: TokenSession, number: str) -> Response:
        return json_response(self.monitoring.session_log(self._sessions.find(number), self._made[number]))

    def summary(self, call: Call, _session: TokenSession) -> Response:
        revision = self._revision(call)
        counts = {
            "alarms": 0,
            "instances": len(self._known),
            "protectedInstances": sum(work.protected for work, _ignored in self._known),
            "policies": len(self._policies[True].rows),
            "repositories": len(self._repositories[revision].rows),
        }
        summary: Row = {f"{name}Count": count for name, count in counts.items()}
        return json_response(summary | {f"{name}CountChangesTrend": "NotChanged" for name in counts})
