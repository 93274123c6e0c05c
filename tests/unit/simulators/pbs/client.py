# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simple client for the simulated Proxmox Backup Server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests

from tests.unit.simulators.client import ProductClient

API = "/api2/json"
Row = dict[str, Any]


class PbsClient(ProductClient):
    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, "pbs")

    def use_token(self, account: str = "token") -> None:
        entry = self.account(account)
        self.headers = {"Authorization": f"PBSAPIToken={entry['username']}:{entry['password']}"}

    def request_ticket(self, username: str, password: str) -> requests.Response:
        return self.call("POST", f"{API}/access/ticket", data={"username": username, "password": password}, headers={})

    def log_in(self, account: str = "main") -> None:
        entry = self.account(account)
        response = self.request_ticket(entry["username"], entry["password"])
        assert response.status_code == 200, response.text
        self.headers = {"Cookie": f"PBSAuthCookie={quote(response.json()['data']['ticket'], safe='')}"}

    def data(self, path: str, **query: Any) -> Any:
        return self.get(API + path, **query)["data"]

    def refusal(self, path: str, **query: Any) -> tuple[int, str]:
        response = self.call("GET", API + path, params=query)
        assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
        return response.status_code, response.text

    def stores(self) -> list[str]:
        return [row["store"] for row in self.data("/admin/datastore")]

    def listings(self, kind: str) -> dict[tuple[str, str], list[Row]]:
        """Return the groups or the snapshots of each namespace."""
        found = {}
        for store in self.stores():
            root = f"/admin/datastore/{store}"
            for row in self.data(f"{root}/namespace"):
                found[store, row["ns"]] = self.data(f"{root}/{kind}", ns=row["ns"])
        return found
