# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain client for the simulators: what the products' own calls and the control paths answer, and nothing clever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.simulators.ground_truth import from_iso
from tests.tools.project import VENDORS

SHARED = VENDORS
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
    """A time of the truth as SPP says it."""
    return int(from_iso(text).timestamp() * 1000)


class Talk:
    """One product. Every call sends `verify`, which the environment could override if it were set once."""

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
        """The document that a GET must answer with 200."""
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def control(self, path: str, body: object = None) -> Any:
        """The simulator's own paths; a body makes it a POST."""
        method = "GET" if body is None else "POST"
        url = f"{self.entry['control']}/__{path}"
        answer = self.session.request(method, url, verify=self._ca_path, timeout=30, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def variant(self, **wanted: object) -> None:
        self.control("variant", wanted)

    def account(self, name: str = "main") -> dict[str, str]:
        account: dict[str, str] = self.entry if name == "main" else self.entry["accounts"][name]
        return account

    def works(self, workload_type: str | None = None) -> list[dict[str, Any]]:
        """The truth of what this product knows."""
        known = [work for work in self.truth["workloads"] if work["key"] in self.lists["workloads"]]
        return [work for work in known if workload_type in (None, work["workload_type"])]

    def points_of(self, work: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The truth points that this product is to list."""
        return [point for point in work["points"] if point["key"] in self.lists["points"]]

    def workload(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(work for work in self.works() if work["name"] == name)
        return found


class SppTalk(Talk):
    """A client that has logged in to the simulated SPP."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, "spp")

    def log_in(self, account: str = "main") -> requests.Response:
        login = self.account(account)
        answer = self.call("POST", "/api/endeavour/session", auth=(login["username"], login["password"]))
        assert answer.status_code == 200, answer.text
        self.headers = {"X-Endeavour-Sessionid": answer.json()["sessionid"]}
        return answer

    def pages(self, path: str, key: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every record of a list, by following nextPage on the own host."""
        document = self.get(path, **query)
        yield from document[key]
        while "nextPage" in document["links"]:
            link = urlsplit(document["links"]["nextPage"]["href"])
            document = self.get(f"{link.path}?{link.query}")
            yield from document[key]

    def counts(
        self, catalogue: str = "hypervisorvm", filter_text: str | None = WITH_SESSION, **body: Any
    ) -> dict[str, Any]:
        """Aggregate, as {pk: row}; a member of the body that is None is not sent."""
        wanted = {name: value for name, value in {**AGGREGATE, **body}.items() if value is not None}
        query = {"action": "aggregate"} | ({} if filter_text is None else {"filter": filter_text})
        path = f"/api/endeavour/catalog/recovery/{catalogue}"
        answer = self.call("POST", path, params=query, json=wanted)
        assert answer.status_code == 200, answer.text
        return {row["_id"]["pk"]: row for row in answer.json()["results"]}

    def pk(self, name: str) -> str:
        return str(self.lists["workloads"][self.workload(name)["key"]])


class AzureTalk(Talk):
    """A client that has logged in to the simulated Azure appliance."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, "veeam_azure")

    def grant(self, **form: str) -> requests.Response:
        return self.call("POST", "/api/oauth2/token", data=form, headers={})

    def log_in(self, account: str = "main") -> dict[str, Any]:
        login = self.account(account)
        answer = self.grant(grant_type="Password", username=login["username"], password=login["password"])
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        if "access_token" in tokens:
            self.headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return tokens

    def all(self, path: str, version: str = "v8.1", **query: Any) -> list[dict[str, Any]]:
        """A whole list in pages of 100."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/api/{version}/{path}", Offset=len(found), Limit=100, **query)
            found += page["results"]
            if not page["results"] or len(found) == page["totalCount"]:
                return found
