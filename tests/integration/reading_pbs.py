# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the simulated Proxmox Backup Server."""

from __future__ import annotations

import hashlib
import ssl
from typing import Any
from urllib.parse import urlsplit

from tests.integration.conftest import Simulators
from tests.integration.running_modules import ModuleResult, read

PBS = "pbs"
Row = dict[str, Any]


def read_pbs(simulators: Simulators, account: str | None = None, **options: Any) -> ModuleResult:
    return read(simulators.ready, PBS, account, **options)


def read_ok(simulators: Simulators, account: str | None = None, **options: Any) -> dict[str, Any]:
    ended = read_pbs(simulators, account, **options)
    assert not ended.failed, ended.message
    return ended.result


def find_row(result: dict[str, Any], name: str) -> Row:
    found: list[Row] = [row for row in result["workloads"] if row["workload_name"] == name]
    assert len(found) == 1, name
    return found[0]


def list_points(result: dict[str, Any], name: str) -> list[Row]:
    """Return the points of a workload, newest first."""
    points = [point for point in result["recovery_points"] if point["workload_name"] == name]
    return sorted(points, key=lambda point: str(point["created_at"]), reverse=True)


def list_requests(simulators: Simulators) -> list[str]:
    return [f"{call['method']} {call['path'].removeprefix('/api2/json')}" for call in simulators.requests(PBS)]


def get_fingerprint(simulators: Simulators) -> str:
    parts = urlsplit(simulators.ready["products"][PBS]["url"])
    pem = ssl.get_server_certificate((str(parts.hostname), int(parts.port or 0)))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
