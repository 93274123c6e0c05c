# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simple client for the simulated Unitrends manager."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import requests

from tests.unit.simulators.client import ProductClient

BERLIN = ZoneInfo("Europe/Berlin")
OTHERS = ("Restore", "System Metadata")
Row = dict[str, Any]


def parse_moment(text: str, fold: int = 0) -> str:
    """Parse a time of the list (local time in Berlin) to UTC like the ground truth, in seconds."""
    local = datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=BERLIN, fold=fold)
    return local.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def epoch(moment: str) -> int:
    """Return a time of the ground truth in seconds since 1970."""
    return int(datetime.fromisoformat(moment[:19] + "+00:00").timestamp())


def own_backups(rows: Iterable[Row]) -> list[Row]:
    """Return rows that are backups of this system, without copies, restores, metadata and replicated backups."""
    return [row for row in rows if "sync_status" not in row and row["type"] not in OTHERS and not row["replicated"]]


class UnitrendsClient(ProductClient):
    def __init__(self, ready: Mapping[str, Any]) -> None:
        super().__init__(ready, "unitrends")

    def log_in(self, account: str = "main") -> Row:
        login = self.account(account)
        response = self.call("POST", "/api/login", json={name: login[name] for name in ("username", "password")})
        assert response.status_code == 200, response.text
        document: Row = response.json()
        self.headers = {"AuthToken": document["auth_token"]}
        return document

    def post(self, sid: int | None = None, query: str = "", **body: Any) -> requests.Response:
        return self.call("POST", f"/api/backups/?{'' if sid is None else f'sid={sid}'}{query}", json=body)

    def rows(self, sid: int = 1, query: str = "", key: str = "data", **body: Any) -> list[Row]:
        """Return the rows of one system; an empty list is not wrapped in an object."""
        response = self.post(sid, query, system_id=sid, **body)
        assert response.status_code == 200, response.text
        document = response.json()
        rows: list[Row] = document[key] if document else []
        return rows

    def backups(self, sid: int = 1, **body: Any) -> list[Row]:
        return own_backups(self.rows(sid, **body))

    def items(self, kind: str = "b", **query: Any) -> list[tuple[Row, Row]]:
        """Return (instance, backup) of the catalog's instance view."""
        document = self.get(f"/api/catalog/{kind}/", **{"view": "instance", **query})
        member = "archives" if kind in ("a", "archives") else "backups"
        return [(instance, item) for instance in document["catalog"] for item in instance[member]]

    def numbers(self, name: str) -> list[str]:
        """Return <system>/<number> of the points of one workload in the ground truth, newest first."""
        return [str(self.lists["points"][point["key"]]) for point in self.get_points(self.workload(name))]

    def instance(self, name: str) -> int:
        return int(str(self.lists["workloads"][self.workload(name)["key"]]).partition("/")[2])
