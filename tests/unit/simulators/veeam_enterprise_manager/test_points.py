# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Enterprise Manager lists the points of the environment."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.schemas.loader import load
from tests.simulators import running
from tests.simulators.ground_truth import from_iso
from tests.unit.simulators.veeam_enterprise_manager.client import EmClient, guid, link

PLURALS = {
    "VmRestorePoint": "VmRestorePoints",
    "AgentRestorePoint": "AgentRestorePoints",
    "VmReplicaPoint": "VmReplicaPoints",
    "CloudVmReplicaPoint": "CloudVmReplicaPoints",
}


def utc(text: str) -> datetime:
    assert text.endswith("Z")
    return from_iso(text).astimezone(timezone.utc)


def everything(em: EmClient) -> dict[str, dict[str, Any]]:
    return {guid(row): row for kind, plural in PLURALS.items() for row in em.pages(kind, plural)}


def test_points_match_the_environment(em: EmClient) -> None:
    rows = everything(em)
    replicas = {ident for _work, point, ident in em.listed() if point["kind"] == "replica"}
    copies = {ident for places in em.lists["copies"].values() for ident in places.values()}
    assert set(rows) == replicas | copies
    kinds = {"full": "Full", "incremental": "Increment", "archive": "Full"}
    for work, point, ident in em.listed():
        row = rows[ident]
        assert abs(utc(row["CreationTimeUTC"]) - utc(point["created_at"])) < timedelta(seconds=1)
        assert row["Name"].rpartition("@")[0] == work["name"]
        if work["workload_type"] == "physical":
            assert row["Type"] == "AgentRestorePoint"
            assert not {"VmDisplayName", "VmName", "HierarchyObjRef"} & set(row)
        else:
            assert row["VmDisplayName"] == work["name"]
        if work["tenant"] is not None:
            assert row["Type"] == "CloudVmReplicaPoint"
            assert (row["State"] == "Ready") is point["usable"]
            assert row["PointType"] == ("CDP" if work["replica"] == "cdp" else "Snapshot")
        elif point["kind"] == "replica":
            assert (row["Type"], row["PointType"], "State" in row) == ("VmReplicaPoint", "Snapshot", False)
        else:
            assert row["PointType"] == kinds[point["kind"]]


def test_omitted_points(em: EmClient) -> None:
    known = {work["name"] for work in em.works()}
    assert {"sandbox-7", "orders", "catalog", "projects", "edge-cache"}.isdisjoint(known)
    assert {"billing-2019", "desk-finance-7", "tenant-web"} <= known
    for work in em.truth["workloads"]:
        for point in work["points"]:
            if point["status"] in ("failed", "running") or point["kind"] == "continuous":
                assert point["key"] not in em.lists["points"]


def test_damage_is_not_visible(em: EmClient) -> None:
    """Unreadable points and replicas in failover look like any other."""
    rows = everything(em)
    damaged = [rows[ident] for work, point, ident in em.listed() if not point["usable"] and work["tenant"] is None]
    sound = next(rows[ident] for work, point, ident in em.listed() if work["name"] == "web-01")
    assert {row["Type"] for row in damaged} == {"VmRestorePoint", "VmReplicaPoint"}
    assert all(set(row) == set(sound) for row in damaged if row["Type"] == "VmRestorePoint")


def test_both_representations_are_equivalent(em: EmClient) -> None:
    def parts(text: str) -> list[str]:
        return re.findall(r"[^/]+$", text)

    for kind, plural in PLURALS.items():
        query = {"type": kind, "format": "Entities", "pageSize": 40, "sortDesc": "CreationTime"}
        (items,) = em.xml("query", **query)["QueryResult"]["Entities"][plural].values()
        rows = em.json("query", **query)["Entities"][plural][plural]
        assert len(items) == len(rows) == 40 or kind == "VmReplicaPoint"
        for item, row in zip(items, rows, strict=True):
            flat = {name.removeprefix("@"): value for name, value in item.items() if name != "Links"}
            assert flat == {name: value for name, value in row.items() if name != "Links"}
            links = [
                (found.get("@Rel"), found.get("@Type"), parts(found["@Href"]), found.get("@Name"))
                for found in item["Links"]["Link"]
            ]
            assert links == [
                (found["Rel"], found["Type"], parts(found["Href"]), found["Name"]) for found in row["Links"]
            ]


def test_hostile_names_are_unchanged(em: EmClient) -> None:
    name = '<b>vm & "co"</b>'
    query = {"type": "VmRestorePoint", "format": "Entities", "filter": 'VmDisplayName=="<b>vm & ""co""</b>"'}
    (items,) = em.xml("query", **query)["QueryResult"]["Entities"]["VmRestorePoints"].values()
    assert {item["VmName"] for item in items} == {item["@VmDisplayName"] for item in items} == {name}
    assert {row["VmName"] for row in em.json("query", **query)["Entities"]["VmRestorePoints"]["VmRestorePoints"]} == {
        name
    }


def test_version_13_uses_camel_case(em: EmClient) -> None:
    em.variant(release="13")
    page = em.json("query", type="VmRestorePoint", format="Entities", pageSize=3)
    assert set(page) == {"refs", "entities", "resources", "links", "pagingInfo"}
    row = page["entities"]["vmRestorePoints"]["vmRestorePoints"][0]
    assert {"uid", "name", "vmDisplayName", "creationTimeUTC", "hierarchyObjRef", "links", "href", "type"} <= set(row)
    assert row["links"][0]["href"].startswith("https://")
    assert page["pagingInfo"]["pageSize"] == 3
    assert "nasJobs" in page["entities"]
    assert "vAppRestorePoints" in page["entities"]
    assert em.json("backupServers", format="Entity")["backupServers"][0]["version"].startswith("13.")
    document = em.call("GET", "/api/vmRestorePoints/none", headers={"Accept": "application/json"})
    assert '"message"' in document.content.decode("utf-8-sig")


def test_byte_order_marks(em: EmClient) -> None:
    def starts() -> tuple[bool, bool]:
        mark = b"\xef\xbb\xbf"
        as_json = em.call("GET", "/api/backupServers", headers={"Accept": "application/json"}).content
        return as_json.startswith(mark), em.call("GET", "/api/backupServers").content.startswith(mark)

    assert starts() == (True, False)
    em.variant(bom="all")
    assert starts() == (True, True)
    em.variant(bom="none")
    assert starts() == (False, False)


@pytest.mark.parametrize(("database", "digits"), [("sqlserver", 3), ("postgresql", 6)])
def test_times_and_names_of_two_databases(em: EmClient, database: str, digits: int) -> None:
    em.variant(database=database)
    rows = list(em.pages("VmRestorePoint", "VmRestorePoints"))
    fractions = [re.fullmatch(r"[\d-]{10}T[\d:]{8}(?:\.(\d+))?Z", row["CreationTimeUTC"]) for row in rows]
    assert max(len(found[1] or "") for found in fractions if found) == digits
    times = {row["Name"].rpartition("@")[2] for row in rows}
    assert any("." in text for text in times) is (database == "postgresql")
    names = {link(row, "Up", "RestorePointReference")["Name"] for row in rows}
    pattern = r"[A-Z][a-z]{2} [ \d]\d \d{4} [ \d]\d:\d\d[AP]M" if database == "sqlserver" else r"[\d-]{10} [\d:.]+"
    assert all(re.fullmatch(pattern, name) for name in names)
    replica = next(em.pages("VmReplicaPoint", "VmReplicaPoints"))
    assert "." not in replica["CreationTimeUTC"]


def test_identities(em: EmClient) -> None:
    rows = everything(em)
    for work, point, ident in em.listed():
        if work["workload_type"] == "vm" and point["kind"] != "replica":
            assert rows[ident]["HierarchyObjRef"] == em.lists["workloads"][work["key"]]
    twins = [work for work in em.works() if work["name"] == "rebuilt-01"]
    assert len({em.lists["workloads"][work["key"]] for work in twins}) == 2
    director = em.lists["workloads"][em.work("vapp-shop")["key"]]
    assert re.fullmatch(r"urn:vCloud:Vm:[\da-f-]{36}\.urn:vcloud:vm:[\da-f-]{36}", director)
    roots = {guid(row) for row in em.json("hierarchyRoots", format="Entity")["HierarchyRoots"]}
    assert director.split(":")[3].partition(".")[0] in roots


def test_old_points_have_only_names(em: EmClient) -> None:
    em.variant(display_names=False)
    row = next(em.pages("VmRestorePoint", "VmRestorePoints"))
    assert not {"VmDisplayName", "VmName"} & set(row)
    assert "@" in row["Name"]


def test_unknown_values(em: EmClient) -> None:
    em.variant(unknown_enums=True)
    assert "Differential" in {row["PointType"] for row in em.pages("VmRestorePoint", "VmRestorePoints")}
    assert "Quarantined" in {row["State"] for row in em.pages("CloudVmReplicaPoint", "CloudVmReplicaPoints")}


# Joins


def joined(em: EmClient) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Return (point, file, backup, repository) by following links."""
    files = {guid(row): row for row in em.pages("BackupFile", "BackupFiles", size=1000)}
    backups = {guid(row): row for row in em.json("backups", format="Entity")["Backups"]}
    repositories = {guid(row): row for row in em.json("repositories", format="Entity")["Repositories"]}
    for kind in ("VmRestorePoint", "AgentRestorePoint"):
        for row in em.pages(kind, PLURALS[kind], size=500):
            file = files[link(row, "Up", "BackupFileReference")["Href"].rpartition("/")[2]]
            backup = backups[link(file, "Up", "BackupReference")["Href"].rpartition("/")[2]]
            yield row, file, backup, repositories[link(backup, "Up", "RepositoryReference")["Href"].rpartition("/")[2]]


def test_sizes_and_locations_by_joins(em: EmClient) -> None:
    places = {ident: place for found in em.lists["copies"].values() for place, ident in found.items()}
    sizes = {ident: point["size_bytes"] for _work, point, ident in em.listed()}
    all_of_it = list(joined(em))
    shared = Counter(guid(file) for _row, file, _backup, _place in all_of_it)
    own = 0
    for row, file, backup, repository in all_of_it:
        assert repository["Name"] == places[guid(row)]
        alone = shared[guid(file)] == 1
        if guid(row) in sizes and alone:
            own += 1
            assert file["BackupSize"] == sizes[guid(row)]
        assert alone or backup["Name"] == "Silver"
    assert own > 100
    assert max(shared.values()) == 2
    platforms = {backup["Platform"] for _row, _file, backup, _place in all_of_it}
    assert platforms == {"VMware", "HyperV", "vCloud", "AgentForWindows", "AgentForLinux"}
    assert {repository["Kind"] for *_before, repository in all_of_it} >= {"WindowsLocal", "CifsShare", "DDBoost"}
    assert {repository["Capacity"] for *_before, repository in all_of_it} >= {-1}


def test_file_references_are_optional(em: EmClient) -> None:
    em.variant(file_links="some")
    kinds = [{item["Type"] for item in row["Links"]} for row in em.pages("VmRestorePoint", "VmRestorePoints")]
    assert {"BackupFileReference" in found for found in kinds} == {True, False}


def test_tiers(em: EmClient) -> None:
    em.variant(offload="tier")
    kinds = {row["Name"]: row["Kind"] for row in em.json("repositories", format="Entity")["Repositories"]}
    assert kinds["scale-out-platinum"] == "Extendable"
    assert "cloud-vault-immutable" not in kinds


def test_origins(em: EmClient) -> None:
    servers = {guid(row): row["Name"] for row in em.json("backupServers", format="Entity")["BackupServers"]}
    rows = everything(em)
    for work, _point, ident in em.listed():
        above = link(rows[ident], "Up", "BackupServerReference")
        assert servers[above["Href"].rpartition("/")[2]] == above["Name"] == em.lists["origins"][work["key"]]
    assert len(servers) == 3


def test_results_of_runs(em: EmClient) -> None:
    tasks = list(em.pages("BackupTaskSession", "BackupTaskSessions", size=500))
    results: dict[str, Counter[str]] = {}
    for row in tasks:
        results.setdefault(row["VmDisplayName"], Counter())[row["Result"]] += 1
    assert results["lab-3"] == {"Success": 15, "Failed": 15}
    (running_now,) = [row for row in tasks if row["State"] == "InProgress"]
    assert (running_now["VmDisplayName"], running_now["EndTimeUTC"]) == ("batch-night", "1753-01-01T00:00:00Z")
    points = {guid(row) for row in em.pages("VmRestorePoint", "VmRestorePoints", size=500)}
    for row in tasks:
        made = [item["Href"] for item in row["Links"] if item["Rel"] == "Related"]
        expected = row["Result"] == "Success" and not row["VmUid"].startswith("urn:AgentFor")
        assert len(made) == expected
        assert all(re.findall(r"([\da-f-]{36})\?format=Entity$", href)[0] in points for href in made)


# Replicas and tenants


def test_cloud_replicas_have_no_tenant(em: EmClient) -> None:
    replicas = em.json("cloud/replicas", format="Entity")["CloudReplicas"]
    assert {row["Name"] for row in replicas} == {"Nightly replication"}
    tenants = {row["Name"]: row["ReplicaCount"] for row in em.json("cloud/tenants", format="Entity")["CloudTenants"]}
    assert tenants == {"acme": 2, "globex": 3}
    namesakes = [work for work in em.works() if work["name"] == "tenant-web"]
    assert len({em.lists["replicas"][work["key"]] for work in namesakes}) == 2
    # The path is documented, but the link in the sample has another path.
    ident = em.lists["replicas"][namesakes[0]["key"]]
    below = em.json(f"cloud/replicas/{ident}/vmReplicaPoints")["Refs"]
    mine = {em.lists["points"][point["key"]] for point in namesakes[0]["points"]}
    assert {guid(row) for row in below} == mine
    (replica,) = [row for row in replicas if guid(row) == ident]
    led = link(replica, "Down", "CloudVmReplicaPointReferenceList")["Href"]
    assert em.call("GET", led.partition(":9398")[2]).status_code == 404
    em.variant(cloud_replica_name="vm")
    assert "tenant-web" in {row["Name"] for row in em.json("cloud/replicas")["Refs"]}


def test_the_tag_of_cloud_points(em: EmClient) -> None:
    query = {"type": "CloudVmReplicaPoint", "format": "Entities"}
    found = em.xml("query", **query)["QueryResult"]["Entities"]["CloudVmReplicaPoints"]
    assert set(found) == {"CloudReplica"}
    assert {item["@Type"] for item in found["CloudReplica"]} == {"CloudVmReplicaPoint"}
    assert set(em.xml("cloud/vmReplicaPoints", format="Entity")["CloudVmReplicaPoints"]) == {
        "@xmlns",
        "CloudVmReplicaPoint",
    }
    em.variant(cloud_tag="CloudVmReplicaPoint", cloud_json="CloudReplicas")
    assert set(em.xml("query", **query)["QueryResult"]["Entities"]["CloudVmReplicaPoints"]) == {"CloudVmReplicaPoint"}
    assert set(em.json("query", **query)["Entities"]["CloudVmReplicaPoints"]) == {"CloudReplicas"}


def test_continuous_replicas_have_intervals(em: EmClient) -> None:
    (replica,) = em.json("cdpReplicas", format="Entity")["CdpReplicas"]
    (machine,) = em.json(f"cdpReplicas/{guid(replica)}/vms", format="Entity")["CdpReplicaVms"]
    work = em.work("ticker")
    assert machine["VmRef"] == em.lists["workloads"][work["key"]]
    path = f"/api/cdpReplicas/{guid(replica)}/vms/{guid(machine)}?action=intervals"
    assert em.call("GET", path.partition("?")[0]).status_code == 200
    response = em.call("POST", path, json={}, headers={"Accept": "application/json"})
    (span,) = json.loads(response.content.decode("utf-8-sig"))["Intervals"]
    moments = [point["created_at"] for point in work["points"] if point["kind"] == "continuous"]
    assert abs(utc(span["StartDate"]) - utc(moments[-1])) < timedelta(milliseconds=1)
    assert abs(utc(span["EndDate"]) - utc(moments[0])) < timedelta(milliseconds=1)


def test_catalog_has_the_same_guids(em: EmClient) -> None:
    found = 0
    for work in em.works("vm"):
        if work["tenant"] is not None or work["name"] == '<b>vm & "co"</b>':
            continue
        response = em.call("GET", f"/api/catalog/vms/{work['name']}/vmRestorePoints")
        if response.status_code == 200:
            found += 1
            assert all(re.findall(r'UID="urn:veeam:CatalogVmRestorePoint:([\da-f-]{36})"', response.text))
    assert 0 < found < len(em.works("vm"))


def test_summary(em: EmClient) -> None:
    overview = em.json("reports/summary/vms_overview")
    vms = [work for work in em.works("vm") if work["tenant"] is None]
    assert overview["BackedUpVms"] == len(vms)
    assert overview["ReplicatedVms"] == 3
    assert overview["RestorePoints"] == sum(
        point["key"] in em.lists["copies"] for work in vms for point in work["points"]
    )


# The vendor's published page


def test_the_published_page() -> None:
    with running(("veeam_enterprise_manager",), estate="seed") as ready:
        em = EmClient(ready)
        em.log_on()
        page = em.xml("cloud/vmReplicaPoints")
        schema = load("veeam_enterprise_manager", "xml")
        assert schema.problems("GET", "/api/cloud/vmReplicaPoints", 200, page) == []
        refs = page["EntityReferences"]["Ref"]
        assert [(ref["@Name"], ref["@UID"][-12:]) for ref in refs] == [
            ("srv39@2015-12-25 20:00:47", "08dc1ce24f84"),
            ("srv40@2015-12-27 21:08:13", "12b5bed4710b"),
            ("srv38@2015-12-21 21:01:41", "2c030cd5824a"),
            ("srv40@2015-12-22 21:05:43", "33017348235d"),
            ("srv38@2015-12-24 21:03:50", "5cd3403142dd"),
            ("srv39@2015-12-22 11:25:26", "6b277e507222"),
        ]
        server, replica, alternate = refs[0]["Links"]["Link"]
        assert server == {
            "@Rel": "Up",
            "@Type": "BackupServerReference",
            "@Href": "https://localhost:9398/api/backupServers/8fff3b8e-c3f1-4ef5-aecc-561f07bf9982",
            "@Name": "172.17.53.48",
        }
        assert replica["@Name"] == "UCM Company CRM Replication"
        assert replica["@Href"].endswith("/api/cloud/replicas/6b2b42d5-3850-421c-93c1-e063f12a2ead")
        assert alternate["@Href"].endswith(
            "/api/cloud/vmReplicaPoints/93081441-6e3c-4584-b47a-08dc1ce24f84?format=Entity"
        )
