# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxmox Backup Server with one failing request: its purpose is reported, and the rest is read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.reading_pbs import PBS, read_ok, read_pbs

_STORE = "/api2/json/admin/datastore/berlin-disk-2"
_NOT_JSON = {"fault": "html", "status": 200}
FAULTS = pytest.mark.parametrize(
    "fault", [*({"fault": "status", "status": code} for code in (400, 403, 404, 500, 502)), _NOT_JSON], ids=str
)


def break_path(simulators: Simulators, path: str, fault: dict[str, Any]) -> None:
    simulators.ask(PBS, "__faults", [{"match": {"path": path}, **fault}])


def idents(result: dict[str, Any], store: str) -> set[str]:
    return {row["workload_id"] for row in result["workloads"] if row["workload_id"].startswith(f"{store}/")}


@FAULTS
@pytest.mark.parametrize("listing", ["namespace", "groups", "snapshots"])
def test_one_datastore_of_several(simulators: Simulators, listing: str, fault: dict[str, Any]) -> None:
    complete = read_ok(simulators)
    assert idents(complete, "berlin-disk-2")
    break_path(simulators, f"{_STORE}/{listing}", fault)
    refused = read_pbs(simulators, retries=0)
    assert refused.failed
    assert "datastore 'berlin-disk-2" in refused.message
    partly = read_ok(simulators, retries=0, allow_partial=True)
    assert partly["complete"] is False
    assert all("berlin-disk-2" in error["message"] for error in partly["errors"])
    assert idents(partly, "berlin-disk-1") == idents(complete, "berlin-disk-1")
    assert not idents(partly, "berlin-disk-2")


@FAULTS
def test_counts_of_a_datastore_are_optional(simulators: Simulators, fault: dict[str, Any]) -> None:
    """Without them, a group that the server cannot list would not be detected, so the result has a warning."""
    complete = read_ok(simulators)
    break_path(simulators, f"{_STORE}/status", fault)
    result = read_ok(simulators, retries=0)
    assert {row["workload_id"] for row in result["workloads"]} == {row["workload_id"] for row in complete["workloads"]}
    assert "datastore 'berlin-disk-2': the server's own number of groups cannot be read" in str(result["warnings"])


@FAULTS
@pytest.mark.parametrize("jobs", ["verify", "sync", "prune"])
def test_the_list_of_jobs_is_optional(simulators: Simulators, jobs: str, fault: dict[str, Any]) -> None:
    complete = read_ok(simulators)
    break_path(simulators, f"/api2/json/admin/{jobs}", fault)
    assert read_ok(simulators, retries=0)["points"] == complete["points"]
