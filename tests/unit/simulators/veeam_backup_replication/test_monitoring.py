# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read requests of public clients, scripts and monitoring templates: their values match the environment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schemas.loader import Schema, load
from tests.unit.simulators.veeam_backup_replication.client import OLD_POINTS, VbrClient, utc

ROOT = "/api/v1"
SERVERS = f"{ROOT}/backupInfrastructure"
LISTS = {
    f"{SERVERS}/managedServers": "1.1-rev0",
    f"{SERVERS}/proxies": "1.1-rev0",
    f"{SERVERS}/proxies/states": "1.1-rev0",
    f"{SERVERS}/wanAccelerators": "1.2-rev1",
    f"{ROOT}/agents/protectionGroups": "1.3-rev2",
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load("veeam_backup_replication", "monitoring")


def sites(vbr: VbrClient) -> set[str]:
    return {work["site"] for work in vbr.works()}


@pytest.mark.parametrize(("path", "since"), LISTS.items())
def test_lists_conform_to_the_schema(schema: Schema, vbr: VbrClient, path: str, since: str) -> None:
    page = vbr.get(path, limit=100)
    assert schema.problems("GET", path, 200, page) == []
    assert page["pagination"]["total"] == len(page["data"])
    vbr.use_revision(since)
    vbr.log_in()
    vbr.get(path)


def test_license_counts_protected_machines(schema: Schema, vbr: VbrClient) -> None:
    """A machine with only a replica, or without points, uses no instance."""
    document = vbr.get(f"{ROOT}/license")
    assert schema.problems("GET", f"{ROOT}/license", 200, document) == []
    backed_up = [work for work in vbr.works() if any(point["kind"] != "replica" for point in vbr.get_points(work))]
    summary = document["instanceLicenseSummary"]
    assert summary["usedInstancesNumber"] == len(backed_up)
    assert summary["usedInstancesNumber"] <= summary["licensedInstancesNumber"]
    assert utc(document["expirationDate"]) > utc(vbr.truth["now"])
    vbr.use_revision("1.1-rev0")
    vbr.log_in()
    vbr.expect_error(404, f"{ROOT}/license")


def test_every_site_has_a_server_and_a_proxy(vbr: VbrClient) -> None:
    servers = vbr.all("backupInfrastructure/managedServers")
    origins = {work["origin"] for work in vbr.works()}
    assert {row["name"] for row in servers if row["type"] == "WindowsHost"} >= origins
    assert {row["status"] for row in servers} == {"Available"}
    proxies = vbr.all("backupInfrastructure/proxies")
    states = vbr.all("backupInfrastructure/proxies/states")
    assert {row["name"] for row in proxies} == {row["name"] for row in states}
    assert {row["name"] for row in proxies} >= {f"proxy-{site}.example" for site in sites(vbr)}
    assert {row["hostId"] for row in states} <= {row["id"] for row in servers}
    assert all(row["isOnline"] and not row["isDisabled"] for row in states)
    assert vbr.all("backupInfrastructure/wanAccelerators") == []


def test_filters_and_pages(vbr: VbrClient) -> None:
    path = f"{SERVERS}/managedServers"
    hypervisors = vbr.get(path, typeFilter="ViHost")
    assert {row["type"] for row in hypervisors["data"]} == {"ViHost"}
    first, second = (vbr.get(path, skip=skip, limit=1)["data"][0]["id"] for skip in (0, 1))
    assert first != second


def test_agents_are_in_protection_groups(vbr: VbrClient) -> None:
    groups = {row["name"] for row in vbr.all("agents/protectionGroups")}
    agents = {point["job"] for work in vbr.works("physical") for point in vbr.get_points(work)}
    assert groups == agents


@pytest.mark.parametrize("revision", ["1.1-rev0", "1.2-rev1", "1.3-rev2"])
def test_disks_of_a_point(schema: Schema, vbr: VbrClient, revision: str) -> None:
    vbr.use_revision(revision)
    vbr.log_in()
    path = OLD_POINTS if revision == "1.1-rev0" else f"{ROOT}/restorePoints"
    machine = vbr.workload("web-01")
    (row,) = vbr.get(path, nameFilter="web-01", limit=1)["data"]
    document = vbr.get(f"{path}/{row['id']}/disks")
    if revision == "1.3-rev2":
        assert schema.problems("GET", f"{ROOT}/restorePoints/{{id}}/disks", 200, document) == []
    (disk,) = document["data"]
    assert (disk["capacity"], disk["state"]) == (machine["source_bytes"], "Processed")


def test_configuration_backup(schema: Schema, vbr: VbrClient) -> None:
    document = vbr.get(f"{ROOT}/configBackup")
    assert schema.problems("GET", f"{ROOT}/configBackup", 200, document) == []
    repositories = {row["id"]: row["name"] for row in vbr.all("backupInfrastructure/repositories")}
    assert document["backupRepositoryId"] in repositories
    assert utc(document["lastSuccessfulBackup"]["lastSuccessfulTime"]) < utc(vbr.truth["now"])


def test_totals_of_a_dashboard(vbr: VbrClient) -> None:
    """Values that dashboards add up are consistent: objects, points, sessions and states of jobs."""
    counted = sum(row["restorePointsCount"] for row in vbr.all("backupObjects"))
    assert counted == vbr.get(f"{ROOT}/restorePoints", limit=1)["pagination"]["total"]
    names: set[Any] = {row["name"] for row in vbr.all("jobs/states")}
    assert {row["name"] for row in vbr.all("jobs")} <= names
    states = {row["id"]: row for row in vbr.all("backupInfrastructure/repositories/states")}
    assert set(states) == {row["id"] for row in vbr.all("backupInfrastructure/repositories")}
