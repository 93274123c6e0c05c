# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simple client for the simulated Enterprise Manager, in both of its representations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from xml.sax.saxutils import escape

import requests
import xmltodict

from tests.unit.simulators.client import ProductClient

PRODUCT = "veeam_enterprise_manager"
HEADER = "X-RestSvcSessionId"


class EmClient(ProductClient):
    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, PRODUCT)
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.ident = ""

    def log_on(self, account: str = "main", **more: Any) -> requests.Response:
        login = self.account(account)
        basic = (login["username"].encode(), login["password"].encode())
        response = self.call("POST", "/api/sessionMngr/?v=latest", auth=basic, **more)
        return self._store_session(response)

    def log_on_as_tenant(self, account: str, kind: str = "TenantCredentials", user: str = "Username") -> None:
        login = {name: escape(text) for name, text in self.account(account).items()}
        inner = f"<{user}>{login['username']}</{user}><Password>{login['password']}</Password>"
        body = f'<LoginSpec xmlns="http://www.veeam.com/ent/v1.0"><{kind}>{inner}</{kind}></LoginSpec>'
        headers = {"Content-Type": "application/xml"}
        self._store_session(self.call("POST", "/api/sessionMngr/?v=v1_7", data=body.encode(), headers=headers))

    def _store_session(self, response: requests.Response) -> requests.Response:
        assert response.status_code == 201, f"{response.status_code} {response.text[:300]}"
        self.headers[HEADER] = response.headers[HEADER]
        return response

    def xml(self, path: str, **query: Any) -> Any:
        response = self.call("GET", f"/api/{path}", params=query)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:300]}"
        assert response.headers["Content-Type"].startswith("application/xml")
        return xmltodict.parse(response.content.decode("utf-8-sig"), force_list=("Link", "Ref"))

    def json(self, path: str, **query: Any) -> Any:
        response = self.call("GET", f"/api/{path}", params=query, headers={"Accept": "application/json"})
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:300]}"
        assert response.headers["Content-Type"].startswith("application/json")
        return json.loads(response.content.decode("utf-8-sig"))

    def pages(self, kind: str, plural: str, size: int = 100, **query: Any) -> Iterator[dict[str, Any]]:
        """Return every entity of the query service, in JSON."""
        number = 1
        while True:
            page = self.json("query", type=kind, format="Entities", pageSize=size, page=number, **query)
            yield from page["Entities"][plural][plural]
            if number >= page["PagingInfo"]["PagesCount"]:
                return
            number += 1

    def listed(self) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
        for work in self.truth["workloads"]:
            for point in work["points"]:
                if point["key"] in self.lists["points"]:
                    yield work, point, self.lists["points"][point["key"]]

    def work(self, name: str, **wanted: Any) -> dict[str, Any]:
        (found,) = (
            work
            for work in self.works()
            if work["name"] == name and all(work[member] == value for member, value in wanted.items())
        )
        return found


def link(entity: Mapping[str, Any], rel: str, kind: str) -> dict[str, Any]:
    """Return the only link of this type, in JSON."""
    (found,) = (item for item in entity["Links"] if item["Rel"] == rel and item["Type"] == kind)
    assert isinstance(found, dict)
    return found


def guid(entity: Mapping[str, Any]) -> str:
    return str(entity["UID"]).rpartition(":")[2]
