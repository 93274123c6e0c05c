# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simple client for the simulated Backup & Replication server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import requests

from tests.simulators.ground_truth import from_iso
from tests.unit.simulators.client import ProductClient

NEWEST = "1.3-rev2"
PRODUCT = "veeam_backup_replication"
POINTS = "/api/v1/restorePoints"
OLD_POINTS = "/api/v1/objectRestorePoints"


def utc(text: str) -> datetime:
    return from_iso(text).astimezone(timezone.utc)


class VbrClient(ProductClient):
    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, PRODUCT)
        self.use_revision(NEWEST)

    def use_revision(self, revision: str) -> None:
        self.headers["x-api-version"] = revision

    def grant(self, **form: str) -> requests.Response:
        return self.call("POST", "/api/oauth2/token", data=form)

    def log_in(self, account: str = "main") -> dict[str, Any]:
        self.headers.pop("Authorization", None)
        login = self.account(account)
        response = self.grant(grant_type="password", username=login["username"], password=login["password"])
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return tokens

    def expect_error(self, status: int, path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
        response = self.call(method, path, **more)
        assert response.status_code == status, f"{path}: {response.status_code} {response.text[:300]}"
        error: dict[str, Any] = response.json()
        return error

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Return a complete list, read in pages of 100."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/api/v1/{path}", skip=len(found), limit=100, **query)
            found += page["data"]
            if not page["data"] or len(found) == page["pagination"]["total"]:
                return found

    def work(self, name: str) -> dict[str, Any]:
        (found,) = (
            work for work in self.truth["workloads"] if work["name"] == name and work["key"] in self.lists["workloads"]
        )
        return dict(found)

    def listed(self) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
        """Return (workload, point, id) of the points of the ground truth that this product lists."""
        for work in self.truth["workloads"]:
            for point in work["points"]:
                if point["key"] in self.lists["points"]:
                    yield work, point, self.lists["points"][point["key"]]
