# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simple client for the simulated vProtect server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import requests

from tests.unit.simulators.client import ProductClient

BACKUPS = "/api/backups"
Row = dict[str, Any]


def enum_name(value: Any) -> str:
    """Return the name of an enumeration value, which is an object or a string."""
    return str(value["name"] if isinstance(value, dict) else value)


def points(rows: Iterable[Row]) -> list[Row]:
    """Return rows that are points, without copies and removed backups."""
    return [
        row
        for row in rows
        if enum_name(row["type"]) != "SYNCHRONIZATION" and enum_name(row["status"]) != "SUCCESS_REMOVED"
    ]


class VprotectClient(ProductClient):
    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, "vprotect")

    def try_log_in(self, login: str, password: str, **more: Any) -> requests.Response:
        self.session.cookies.clear()
        return self.call("POST", "/api/session/login", json={"login": login, "password": password}, **more)

    def log_in(self, account: str = "main") -> requests.Response:
        entry = self.account(account)
        response = self.try_log_in(entry["username"], entry["password"])
        assert response.ok, response.text
        return response

    def guid(self, name: str) -> str:
        return str(self.lists["workloads"][self.workload(name)["key"]])

    def list_backups(self, name: str, **query: Any) -> list[Row]:
        """Return backups of one workload, newest first."""
        rows: list[Row] = self.get(BACKUPS, **{"protected-entity": self.guid(name), **query})
        return rows

    def true_points(self, name: str) -> list[Row]:
        return self.get_points(self.workload(name))
