# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each response of the simulated Proxmox Backup Server is valid according to the schema of its version."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests

from tests.schemas.loader import Schema, load
from tests.simulators.estate import build_estate
from tests.simulators.ground_truth import as_moment, from_iso
from tests.simulators.pbs.api import Pbs
from tests.unit.simulators.conftest import NOW
from tests.unit.simulators.pbs.client import API, PbsClient

# Schema -> the version that the simulator has.
VERSIONS = {"2.1": "2.1.10", "3.4": "3.4.2", "4.2": "4.2.0"}
# Variants that change the fields of records.
VARIANTS: tuple[dict[str, object], ...] = (
    {},
    {"synced": True, "empty_groups": True, "mixed_encryption": True, "verified_by": "user"},
    {"unreadable_manifests": True, "uploaded_files": 1, "comments": "empty", "jobs_ran": False, "counts": False},
    {"offline": "berlin-disk-1"},
    {"offline": "berlin-disk-1", "maintenance": "type=read-only"},
    {"hidden_groups": "snapshots"},
)
_PLACEHOLDER = re.compile(r"\{[^}]*\}")


def find_path(schema: Schema, path: str) -> str:
    """Return the path of the schema that matches a request; literal paths come first."""
    paths = sorted({known for _method, known in schema.operations}, key=lambda known: known.count("{"))
    return next(known for known in paths if re.fullmatch(_PLACEHOLDER.sub("[^/]+", known), path))


class CheckedClient(PbsClient):
    """Checks each response, and records the status of each request."""

    def __init__(self, ready: Mapping[str, Any], version: str) -> None:
        super().__init__(ready)
        self.schema = load("pbs", version)
        self.seen: set[tuple[str, str, int]] = set()

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        response = super().call(method, path, **more)
        known = find_path(self.schema, urlsplit(path).path)
        self.seen.add((method, known, response.status_code))
        value = response.json() if response.status_code == 200 else response.text
        assert self.schema.problems(method, known, response.status_code, value) == [], path
        return response

    def read_all(self) -> None:
        """Send all requests of the schema, for all datastores and namespaces."""
        found = {store: self._list_namespaces(store) for store in self.stores()}
        for method, path in self.schema.operations:
            for store in found if "{store}" in path else [""]:
                for namespace in found.get(store, [None]) if "ns" in self._query(method, path) else [None]:
                    if method == "GET":
                        self._read(path.replace("{store}", store), namespace, self._query(method, path))

    def _query(self, method: str, path: str) -> Mapping[str, Any]:
        return self.schema.operations[method, path].query

    def _list_namespaces(self, store: str) -> list[str | None]:
        response = self.call("GET", f"{API}/admin/datastore/{store}/namespace")
        return [row["ns"] for row in response.json()["data"]] if response.status_code == 200 else [None]

    def _read(self, path: str, namespace: str | None, known: Mapping[str, Any]) -> None:
        query = {"verbose": "true"} if "verbose" in known else {}
        query |= {"sync-direction": "all"} if "sync-direction" in known else {}
        query |= {} if namespace is None else {"ns": namespace}
        assert self.schema.query_problems("GET", find_path(self.schema, path), list(query.items())) == []
        path = path.replace("{node}", "localhost")
        if "{task}" not in path:
            self.call("GET", path, params=query)
            return
        tasks = self.call("GET", f"{API}/nodes/localhost/tasks").json()["data"]
        for task in [row["upid"] for row in tasks[:3]] or ["UPID:none"]:
            self.call("GET", path.replace("{task}", quote(task, safe="")))


@pytest.mark.parametrize("version", VERSIONS)
def test_responses_follow_the_schema(ready: dict[str, Any], version: str) -> None:
    pbs = CheckedClient(ready, version)
    for variants in VARIANTS:
        pbs.control("reset", {})
        pbs.variant(version=VERSIONS[version], **variants)
        pbs.use_token()
        pbs.read_all()
    pbs.control("reset", {})
    pbs.variant(version=VERSIONS[version])
    for account in ("one_store", "owner", "hidden_namespace", "superuser"):
        pbs.log_in(account)
        pbs.read_all()
    send_refused_requests(pbs)
    known = {(*key, status) for key, each in pbs.schema.operations.items() for status in each.responses}
    assert known - pbs.seen == set()


def send_refused_requests(pbs: CheckedClient) -> None:
    store = "berlin-disk-1"
    pbs.use_token("one_namespace")
    for method, path in pbs.schema.operations:
        if method == "GET" and "{store}" in path:
            pbs.call("GET", path.replace("{store}", store))
    pbs.log_in("nothing")
    for name in ("namespace", "status"):
        pbs.call("GET", f"{API}/admin/datastore/{store}/{name}")
    pbs.use_token()
    pbs.call("GET", f"{API}/admin/sync", params={"sync-direction": "everywhere"})
    pbs.log_in("superuser")
    if ("GET", f"{API}/nodes/{{node}}/tasks") in pbs.schema.operations:
        pbs.call("GET", f"{API}/nodes/elsewhere/tasks")
        pbs.call("GET", f"{API}/nodes/elsewhere/status")
        pbs.call("GET", f"{API}/nodes/localhost/tasks/UPID:unknown/status")
        pbs.log_in("owner")
        pbs.call("GET", f"{API}/nodes/localhost/tasks/UPID:unknown/status")
    pbs.headers = {}
    for path in ("version", "access/permissions"):
        pbs.call("GET", f"{API}/{path}")
    pbs.request_ticket("audit@pbs", "wrong")
    pbs.request_ticket("audit", "wrong")
    pbs.variant(second_factor=True)
    entry = pbs.account("main")
    assert "!tfa!" in pbs.request_ticket(entry["username"], entry["password"]).json()["data"]["ticket"]


def test_the_schema_describes_all_requests_of_the_simulator() -> None:
    operations = set(load("pbs", "4.2").operations)
    for route in Pbs(build_estate(1, 5, 2, as_moment(from_iso(NOW)))).routes:
        assert (
            len([path for method, path in operations if method == route.method and route.pattern.fullmatch(path)]) == 1
        )
    assert len(operations) == len(Pbs(build_estate(1, 5, 2, as_moment(from_iso(NOW)))).routes)
    for older in ("2.1", "3.4"):
        assert set(load("pbs", older).operations) < operations


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("backup-time", "backup_time", "'backup-time' is a required property"),
        ("protected", "protect", "'protect' was unexpected"),
        ("crypt-mode", "cryptMode", "'cryptMode' was unexpected"),
        ('"ok"', '"OK"', "'OK' is not one of ['ok', 'failed']"),
        ("UPID:pbs-berlin:", "UPID:pbs.berlin:", "does not match"),
        ('"owner": "', '"owner": "@', "does not match"),
    ],
)
def test_wrong_fields_are_found(ready: dict[str, Any], old: str, new: str, problem: str) -> None:
    pbs = PbsClient(ready)
    pbs.control("reset", {})
    pbs.use_token()
    path = f"{API}/admin/datastore/{{store}}/snapshots"
    rows = pbs.listings("snapshots")["berlin-disk-1", "production"]
    text = json.dumps({"data": rows})
    assert load("pbs", "4.2").problems("GET", path, 200, json.loads(text)) == []
    assert old in text
    found = load("pbs", "4.2").problems("GET", path, 200, json.loads(text.replace(old, new)))
    assert any(problem in one for one in found)
