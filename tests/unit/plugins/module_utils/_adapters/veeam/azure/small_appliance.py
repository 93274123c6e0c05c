# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small appliance: handwritten responses for the adapter, without a simulator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.adapter import VeeamAzure
from tests.fuzz.reading import FakeResponse, ReadResult, read

Records = Sequence[Any]
_JSON = {"Content-Type": "application/json"}
MACHINE = {"id": "vm-1", "name": "erp", "regionName": "westeurope", "region": {"id": "r1", "name": "westeurope"}}
STANDARD = {
    "id": "repository-1",
    "name": "standard",
    "enableEncryption": True,
    "storageTier": "Hot",
    "regionId": "r2",
    "regionName": "northeurope",
}
ARCHIVE = {**STANDARD, "id": "repository-2", "name": "archive", "storageTier": "Archive"}


def point(number: int, day: int, **more: Any) -> dict[str, Any]:
    """Build a backup at 22:00 on a day in November in the standard repository."""
    return {
        "id": f"point-{number}",
        "backupDestination": "AzureBlob",
        "type": "Incremental",
        "pointInTime": f"2026-11-{day:02}T22:00:00.1234567Z",
        "backupSizeBytes": 1000 + number,
        "isCorrupted": False,
        "state": "Ok",
        "vmName": "erp",
        "regionId": "r2",
        "regionName": "northeurope",
        "gfsFlags": "None",
        "accessTier": "Hot",
        "immutableTill": None,
        **more,
    }


class Appliance:
    """Lists by path below /api/v8. A number instead of a list is the status of the response."""

    def __init__(self, **lists: Any) -> None:
        self.lists: dict[str, Any] = {
            "protectedItem/virtualMachines": [MACHINE],
            "virtualMachines": [MACHINE],
            "repositories": [STANDARD],
            "jobSessions": [],
            **lists,
        }
        # The machines of points by id; all other points are those of vm-1.
        self.owners: dict[Any, str] = {}
        self.calls: list[str] = []

    def with_lists(self, lists: Mapping[str, Any]) -> Appliance:
        self.lists.update(lists)
        return self

    def serve(self, request: requests.PreparedRequest) -> FakeResponse:
        parts = urlsplit(request.url or "")
        self.calls.append(f"{request.method} {parts.path}?{parts.query}")
        if parts.path == "/api/oauth2/token":
            return FakeResponse(200, _JSON, b'{"access_token": "token-of-this-test"}')
        found = self.lists.get(parts.path.split("/", 3)[3], [])
        if isinstance(found, int):
            return FakeResponse(found, _JSON, b'{"title": "refused"}')
        query = parse_qs(parts.query)
        machine = query.get("VirtualMachineId", [""])[0]
        if machine:
            found = [row for row in found if self._get_owner(row) == machine]
        start = int(query.get("Offset", ["0"])[0])
        page = list(found)[start : start + int(query.get("Limit", ["100"])[0])]
        return FakeResponse(200, _JSON, json.dumps({"totalCount": len(found), "results": page}).encode())

    def _get_owner(self, row: Any) -> str:
        return self.owners.get(row.get("id"), "vm-1") if isinstance(row, dict) else "vm-1"

    def read(self, *points: Any, **own: Any) -> ReadResult:
        """Read the virtual machines with these points."""
        self.lists["restorePoints/virtualMachines"] = points
        return read(VeeamAzure, self.serve, {"workload_types": ["vm"], **own}, compressed=True)


def session(ident: str, day: int, **more: Any) -> dict[str, Any]:
    """Build a health check from 3:00 to 4:00 on a day in November."""
    return {
        "id": ident,
        "type": "HealthCheck",
        "status": "Success",
        "executionStartTime": f"2026-11-{day:02}T03:00:00Z",
        "executionStopTime": f"2026-11-{day:02}T04:00:00Z",
        "healthCheckJobInfo": {"policyId": "policy-1", "policyName": "Daily"},
        **more,
    }


def item(total: int, corrupted: int = 0, **more: Any) -> dict[str, Any]:
    """Build the result of a health check for the machine in the standard repository."""
    return {
        "id": "item-1",
        "resource": {"id": "vm-1", "name": "erp", "resourceType": "VirtualMachine"},
        "repository": STANDARD,
        "status": "Error" if corrupted else "Success",
        "totalRestorePoints": total,
        "corruptedRestorePoints": corrupted,
        **more,
    }


def checked(*found: tuple[dict[str, Any], Records | int], **lists: Any) -> Appliance:
    """Build an appliance with these health checks and their items."""
    items = {f"jobSessions/{one['id']}/checkedItems": results for one, results in found}
    return Appliance(jobSessions=[one for one, _results in found], **lists).with_lists(items)


def facts(result: ReadResult, *names: str) -> dict[str, Any]:
    """Return point number -> these fields; only the value if there is one field."""
    assert result.error is None, result.error
    values = {one["id"].removeprefix("point-"): tuple(one[name] for name in names) for one in result.points}
    return {number: value[0] if len(value) == 1 else value for number, value in sorted(values.items())}
