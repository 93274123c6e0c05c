# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simple client for the simulators: requests of the products and control paths."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.schemas.loader import Schema
from tests.simulators.ground_truth import from_iso

AGGREGATE = {
    "op": [{"operation": "count", "fieldname": "pk", "outputname": "count"}],
    "group": ["pk"],
    "copytype": "versiononly",
}
CATALOGUE = "/api/endeavour/catalog/recovery/hypervisorvm"
VMS = "/api/v8.1/restorePoints/virtualMachines"
PROPERTIES = {"embed": "(children(properties))"}
WITH_SESSION = json.dumps([{"property": "sessionId", "op": ">", "value": "0"}])


def milliseconds(text: str) -> int:
    """Return a time of the ground truth in SPP's format."""
    return int(from_iso(text).timestamp() * 1000)


def check_wrong_member(
    schema: Schema, path: str, page: dict[str, Any], wrong: tuple[str, object], required: tuple[str, str]
) -> None:
    """Check that the schema accepts a page, but not a wrong field in its second record or missing fields.

    ``wrong``: (field, value). ``required``: a field of the record and one of the page.
    """
    member, value = wrong
    changed = copy.deepcopy(page)
    changed["results"][1][member] = value
    assert schema.problems("GET", path, 200, page) == []
    found = schema.problems("GET", path, 200, changed)
    assert found
    assert all("results[1]" in problem for problem in found)
    of_record, of_page = required
    del changed["results"][1][of_record], changed[of_page]
    assert len(schema.problems("GET", path, 200, changed)) >= 2


class ProductClient:
    """Client of one product. Every request sets `verify`, because the environment could override it on the session."""

    def __init__(self, ready: Mapping[str, Any], product: str) -> None:
        self.entry: dict[str, Any] = ready["products"][product]
        self.truth: dict[str, Any] = json.loads(Path(ready["estate"]).read_text("utf-8"))
        self.lists: dict[str, Any] = self.truth["products"][product]
        self.session = requests.Session()
        self.session.trust_env = False
        self._ca_path = ready["ca_path"]
        self.headers: dict[str, str] = {}

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        more["headers"] = {**self.headers, **more.get("headers", {})}
        url = self.entry["url"] + path
        return self.session.request(method, url, verify=self._ca_path, timeout=30, allow_redirects=False, **more)

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON document of a GET request, which must have the status 200."""
        response = self.call("GET", path, params=query)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:500]}"
        return response.json()

    def control(self, path: str, body: object = None) -> Any:
        """Call a control path of the simulator: POST if there is a body, else GET."""
        method = "GET" if body is None else "POST"
        url = f"{self.entry['control']}/__{path}"
        response = self.session.request(method, url, verify=self._ca_path, timeout=30, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def variant(self, **wanted: object) -> None:
        self.control("variant", wanted)

    def account(self, name: str = "main") -> dict[str, str]:
        account: dict[str, str] = self.entry if name == "main" else self.entry["accounts"][name]
        return account

    def works(self, workload_type: str | None = None) -> list[dict[str, Any]]:
        """Return the workloads of the ground truth that this product lists."""
        known = [work for work in self.truth["workloads"] if work["key"] in self.lists["workloads"]]
        return [work for work in known if workload_type in (None, work["workload_type"])]

    def get_points(self, work: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the points of the ground truth that this product must list."""
        return [point for point in work["points"] if point["key"] in self.lists["points"]]

    def workload(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(work for work in self.works() if work["name"] == name)
        return found


class SppClient(ProductClient):
    """A client for the simulated SPP."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, "spp")

    def log_in(self, account: str = "main") -> requests.Response:
        login = self.account(account)
        response = self.call("POST", "/api/endeavour/session", auth=(login["username"], login["password"]))
        assert response.status_code == 200, response.text
        self.headers = {"X-Endeavour-Sessionid": response.json()["sessionid"]}
        return response

    def pages(self, path: str, key: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Return every record of a list, following nextPage on the simulator's host."""
        document = self.get(path, **query)
        yield from document[key]
        while "nextPage" in document["links"]:
            link = urlsplit(document["links"]["nextPage"]["href"])
            document = self.get(f"{link.path}?{link.query}")
            yield from document[key]

    def counts(
        self, catalogue: str = "hypervisorvm", filter_text: str | None = WITH_SESSION, **body: Any
    ) -> dict[str, Any]:
        """Return the results of an aggregate request as {pk: row}; fields of the body that are None are not sent."""
        wanted = {name: value for name, value in {**AGGREGATE, **body}.items() if value is not None}
        query = {"action": "aggregate"} | ({} if filter_text is None else {"filter": filter_text})
        path = f"/api/endeavour/catalog/recovery/{catalogue}"
        response = self.call("POST", path, params=query, json=wanted)
        assert response.status_code == 200, response.text
        return {row["_id"]["pk"]: row for row in response.json()["results"]}

    def pk(self, name: str) -> str:
        return str(self.lists["workloads"][self.workload(name)["key"]])


class AzureClient(ProductClient):
    """A client for the simulated Azure appliance."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, "veeam_azure")

    def grant(self, **form: str) -> requests.Response:
        return self.call("POST", "/api/oauth2/token", data=form, headers={})

    def log_in(self, account: str = "main") -> dict[str, Any]:
        login = self.account(account)
        response = self.grant(grant_type="Password", username=login["username"], password=login["password"])
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        if "access_token" in tokens:
            self.headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return tokens

    def all(self, path: str, version: str = "v8.1", **query: Any) -> list[dict[str, Any]]:
        """Return a complete list, read in pages of 100."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/api/{version}/{path}", Offset=len(found), Limit=100, **query)
            found += page["results"]
            if not page["results"] or len(found) == page["totalCount"]:
                return found
