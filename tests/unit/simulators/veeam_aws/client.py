# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simple client for the simulated AWS appliance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from tests.unit.simulators.client import ProductClient

FIRST, NEWEST = "1.0-rev0", "1.8-rev0"
POINTS = "virtualMachines/restorePoints"
OLD_POINTS = "vmRestorePoints"
Row = dict[str, Any]


class AwsClient(ProductClient):
    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, "veeam_aws")
        self.use_revision(NEWEST)

    def use_revision(self, revision: str) -> None:
        self.headers["x-api-version"] = revision

    def grant(self, **form: str) -> requests.Response:
        return self.call("POST", "/api/v1/token", data=form)

    def log_in(self, account: str = "main") -> Row:
        self.headers.pop("Authorization", None)
        login = self.account(account)
        response = self.grant(grant_type="password", username=login["username"], password=login["password"])
        assert response.status_code == 200, response.text
        tokens: Row = response.json()
        if "access_token" in tokens:
            self.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return tokens

    def page(self, path: str, **query: Any) -> Row:
        document: Row = self.get(f"/api/v1/{path}", **query)
        return document

    def all(self, path: str, **query: Any) -> list[Row]:
        """Return a complete list, read in pages of 50."""
        found: list[Row] = []
        while True:
            page = self.page(path, Offset=len(found), Limit=50, **query)
            found += page["results"]
            if not page["results"] or len(found) == page["totalCount"]:
                return found

    def instance(self, name: str) -> str:
        return str(self.lists["workloads"][self.workload(name)["key"]])
