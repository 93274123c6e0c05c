# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read documents as if they came from a Proxmox Backup Server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.fuzz.reading import FakeResponse, ReadResult, read
from tests.fuzz.replay import get_adapter

_JSON = {"Content-Type": "application/json;charset=UTF-8"}
# Path below /api2/json, with ":NAMESPACE" for a list of a namespace -> document, or (status, text) of an error.
Documents = Mapping[str, Any]


def read_documents(documents: Documents, **own: Any) -> ReadResult:
    """Read these documents with an API token. Other requests get the error of versions that do not support them."""

    def serve(request: requests.PreparedRequest) -> FakeResponse:
        parts = urlsplit(request.url or "")
        path = parts.path.removeprefix("/api2/json/")
        namespace = parse_qs(parts.query).get("ns", [""])[0]
        document = documents.get(f"{path}:{namespace}" if namespace else path, (404, f"Path '{parts.path}' not found."))
        if isinstance(document, tuple):
            status, text = document
            return FakeResponse(status, _JSON, text.encode())
        return FakeResponse(200, _JSON, json.dumps(document).encode())

    return read(get_adapter("pbs"), serve, {"username": "reader@pbs!audit", **own}, compressed=True)


def count_groups(snapshots: Mapping[str, Any]) -> dict[str, Any]:
    """Build the list of groups that belongs to a list of snapshots."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for row in snapshots["data"]:
        head = {name: row[name] for name in ("backup-type", "backup-id", "owner")}
        group = groups.setdefault(
            (row["backup-type"], row["backup-id"]), {**head, "backup-count": 0, "last-backup": 0, "files": []}
        )
        group["backup-count"] += 1
    return {"data": list(groups.values())}


def list_facts(found: ReadResult) -> list[tuple[Any, ...]]:
    """Return workload, status, usable, integrity_checked, checked_at and encrypted of each point, oldest first."""
    points = sorted(found.points, key=lambda point: (point["workload_id"], point["created_at"]))
    names = ("workload_id", "status", "usable", "integrity_checked", "checked_at", "encrypted")
    return [tuple(point.get(name) for name in names) for point in points]
