# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of IBM's scripts and monitoring to the simulated SPP return its data in the expected format."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.schemas.loader import load
from tests.unit.simulators.client import PROPERTIES, SppClient, milliseconds

SCHEMA = load("spp", "10.1")
INVENTORY = "/api/endeavour/catalog/hypervisor/vm"


def read(spp: SppClient, path: str, template: str = "", **query: Any) -> Any:
    """Read a document, and check the formats of the request and the document with the schema."""
    known = template or path
    document = spp.get(path, **query)
    assert SCHEMA.problems("GET", known, 200, document) == []
    assert SCHEMA.query_problems("GET", known, [(name, str(value)) for name, value in query.items()]) == []
    return document


def search(spp: SppClient, **query: str) -> list[dict[str, Any]]:
    """Search machines as the restore wizard does."""
    wanted = {"resourceType": "vm", **query}
    document = spp.call(
        "POST", "/api/hypervisor/search", params=wanted, json={"name": "*", "hypervisorType": "*"}
    ).json()
    assert SCHEMA.problems("POST", "/api/hypervisor/search", 200, document) == []
    assert document["total"] == len(document["vms"])
    found: list[dict[str, Any]] = document["vms"]
    return found


def test_history_of_a_job(spp: SppClient) -> None:
    """All sessions of the job are returned although a filter requests fewer, including failed and running ones."""
    jobs = {row["name"]: row for row in read(spp, "/api/endeavour/job", pageSize=1000)["jobs"]}
    runs = {point["run"] for work in spp.works("vm") for point in work["points"] if point["job"] == "Lab"}
    path = f"/api/endeavour/jobsession/history/jobid/{jobs['vmware_Lab']['id']}"
    chosen = json.dumps([{"property": "status", "value": "COMPLETED", "op": "="}])
    for query in ({}, {"filter": chosen}):
        sessions = list(spp.pages(path, "sessions", pageSize=7, **query))
        assert len(sessions) == len(runs) > 10
        assert {row["status"] for row in sessions} == {"COMPLETED", "FAILED"}
    read(spp, path, "/api/endeavour/jobsession/history/jobid/{id}")
    assert jobs["vmware_Lab"]["lastrun"]["sessionId"] == sessions[-1]["id"]
    assert spp.get(path.replace(jobs["vmware_Lab"]["id"], "1"))["total"] == 0


def test_jobs(spp: SppClient) -> None:
    """There is one for each policy and type of machine. The last run is that of the newest night."""
    jobs = {row["name"]: row for row in read(spp, "/api/endeavour/job", excludeMarkDeleted="true")["jobs"]}
    newest = spp.workload("crm-old")["points"][0]
    assert jobs["vmware_Lab"]["lastrun"]["jobName"] == "vmware_Lab"
    assert jobs["vmware_Silver"]["lastrun"]["start"] > milliseconds(newest["created_at"])
    assert jobs["vmware_Batch"]["status"] == "RUNNING"
    assert spp.get(f"/api/endeavour/job/{jobs['vmware_Lab']['id']}") == jobs["vmware_Lab"]
    pattern = json.dumps([{"property": "name", "op": "=", "value": "vmware_L*"}])
    assert [row["name"] for row in spp.get("/api/endeavour/job", filter=pattern)["jobs"]] == ["vmware_Lab"]


def test_alerts_and_logs(spp: SppClient) -> None:
    """Each failed night is an alert and an error in the log of its session."""
    failed = [
        milliseconds(point["created_at"])
        for work in spp.works()
        for point in work["points"]
        if point["status"] == "failed" and point["job"] == "Lab"
    ]
    alerts = list(spp.pages("/api/endeavour/alert/message", "alerts", sort='[{"property":"last","direction":"DESC"}]'))
    read(spp, "/api/endeavour/alert/message", pageSize=10000)
    errors = [row for row in alerts if row["type"] == "ERROR" and "vmware_Lab" in row["message"]]
    assert len(errors) == len(failed) > 5
    assert [row["last"] for row in alerts] == sorted((row["last"] for row in alerts), reverse=True)
    recent = json.dumps([{"property": "last", "value": str(errors[2]["last"]), "op": ">="}])
    assert len(list(spp.pages("/api/endeavour/alert/message", "alerts", filter=recent))) < len(alerts)
    conditions = [
        {"property": "jobsessionId", "value": int(errors[0]["id"]), "op": "="},
        {"property": "type", "value": ["ERROR"], "op": "IN"},
    ]
    (log,) = read(spp, "/api/endeavour/log/job", filter=json.dumps(conditions))["logs"]
    assert (log["jobsessionId"], log["logTime"]) == (errors[0]["id"], errors[0]["last"])


def test_sites_storages_and_proxies(spp: SppClient) -> None:
    sites = {row["id"]: row["name"] for row in read(spp, "/api/site")["sites"]}
    assert set(sites.values()) == {site["name"] for site in spp.truth["sites"]}
    storages = read(spp, "/api/storage")["storages"]
    disks = {
        copy["location"]
        for work in spp.works()
        for point in spp.get_points(work)
        for copy in point["copies"]
        if copy["location_type"] == "disk"
    }
    assert disks <= {row["name"] for row in storages}
    for row in storages:
        assert spp.get(f"/api/storage/{row['storageId']}") == row
        assert spp.get(f"/api/site/{row['site']}")["name"] == sites[row["site"]]
    proxies = read(spp, "/api/vadp")["vadps"]
    machines = [work for work in spp.works("vm") if work["platform_hint"] == "vmware"]
    keys = {site["key"]: site["name"] for site in spp.truth["sites"]}
    assert {sites[row["siteId"]] for row in proxies} == {keys[work["site"]] for work in machines}
    (cloud, *_others) = spp.get("/ngp/cloud")["clouds"]
    assert spp.get(f"/api/cloud/{cloud['id']}") == cloud


def test_the_appliance_itself(spp: SppClient) -> None:
    """It reports the capacities of all disks, the catalog, which grows with its versions, and the load."""
    stats = read(spp, "/api/storage/stats")
    capacities = [row["capacity"] for row in spp.get("/api/storage")["storages"]]
    known = [one for one in capacities if one["total"] is not None]
    assert stats["sizeTotalAllStorage"] == sum(one["total"] for one in known)
    assert stats["sizeUsedAllStorage"] == sum(one["total"] - one["free"] for one in known)
    assert (len(stats["availableStorage"]), stats["unavailable"]) == (len(known), len(capacities) - len(known))
    disks = {row["name"]: row for row in read(spp, "/api/endeavour/sysdiag/filesystem")["filesystems"]}
    points = sum(len(spp.get_points(work)) for work in spp.works())
    assert disks["Catalog"]["usedSize"] - disks["Search"]["usedSize"] == points * 65536
    running = json.dumps([{"property": "status", "value": "RUNNING"}])
    sessions = spp.get("/api/endeavour/jobsession", filter=running)["total"]
    assert read(spp, "/ngp/metrics")["cpuUtil"] == 5 + 10 * sessions > 5


def test_inventory_of_the_monitoring(spp: SppClient) -> None:
    children = read(spp, INVENTORY, pageSize=1000, **PROPERTIES)["children"]
    assert {row["name"] for row in children} == {work["name"] for work in spp.works("vm") if work["in_inventory"]}


def test_machines_of_each_policy(spp: SppClient) -> None:
    """The total of a search in the live inventory is the number of machines that a policy protects."""
    for policy in spp.get("/ngp/slapolicy")["slapolicies"]:
        chosen = json.dumps([{"property": "storageProfileName", "value": policy["name"], "op": "="}])
        found = search(spp, filter=chosen, **{"from": "hlo"})
        machines = [work for work in spp.works("vm") if work["protected"] and work["in_inventory"]]
        assert {row["name"] for row in found} <= {work["name"] for work in machines}
        expected = [work for work in machines if work["points"] and work["points"][0]["job"] == policy["name"]]
        assert len(found) == len(expected)
    assert {work["name"] for work in spp.works("vm") if work["in_inventory"]} == {
        row["name"] for row in search(spp, **{"from": "hlo"})
    }


def test_backups_of_a_live_machine(spp: SppClient) -> None:
    """IBM's scripts find a machine in the live inventory, and list its versions there."""
    (machine,) = [row for row in search(spp, **{"from": "hlo"}) if row["name"] == "web-01"]
    path = f"/api/hypervisor/{machine['hypervisorKey']}/vm/{machine['id']}/version"
    versions = list(spp.pages(path, "versions", **{"from": "hlo"}))
    points = spp.get_points(spp.workload("web-01"))
    times = sorted(version["protectionInfo"]["protectionTime"] for version in versions)
    assert times == sorted(milliseconds(point["created_at"]) for point in points)
    assert {version["protectionInfo"]["storageProfileName"] for version in versions} == {"Gold"}
    known = {row["id"]: row["type"] for row in read(spp, "/api/hypervisor")["hypervisors"]}
    assert known[machine["hypervisorKey"]] == "vmware"


def test_databases_of_an_instance(spp: SppClient) -> None:
    (instance,) = read(spp, "/api/application/sql/instance")["instances"]
    path = f"/api/application/sql/instance/{instance['id']}"
    assert spp.get(path) == instance
    contents = read(spp, f"{path}/applicationview", "/api/application/sql/instance/{id}/applicationview")["contents"]
    databases = [work for work in spp.works("database") if work["platform_hint"] == "sql"]
    assert [row["name"] for row in contents] == [work["name"] for work in databases]
    assert contents[0]["storageProfiles"] == ["Orders"]
    query = {"resourceType": "database", "applicationType": "sql", "from": "recovery"}
    (found,) = spp.call("POST", "/api/application/search", params=query, json={"name": "orders"}).json()["databases"]
    link = urlsplit(found["links"]["instance"]["href"])
    assert spp.get(link.path) == instance
    assert spp.call("GET", "/api/application/sql/instance/none").status_code == 404


@pytest.mark.parametrize("path", ["/api/site/1", "/api/vadp/1", "/api/endeavour/job/1", "/api/cloud/1"])
def test_nonexistent_objects(spp: SppClient, path: str) -> None:
    assert spp.call("GET", path).status_code == 404
