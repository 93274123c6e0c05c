# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query service of the simulated Enterprise Manager, its plain lists, and its formats (A3, A4)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import xmltodict

from tests.schemas.loader import load
from tests.unit.simulators.veeam_enterprise_manager.client import EmClient, guid

VMS = {"type": "VmRestorePoint", "format": "Entities"}


def rows(em: EmClient, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = list(em.pages("VmRestorePoint", "VmRestorePoints", size=500, **query))
    return found


def test_default_page_size_is_100(em: EmClient) -> None:
    page = em.json("query", **VMS)
    total = len(em.json("vmRestorePoints")["Refs"])
    assert page["PagingInfo"]["PageSize"] == 100
    assert page["PagingInfo"]["PageNum"] == 1
    assert page["PagingInfo"]["PagesCount"] == -(-total // 100) > 3
    assert len(page["Entities"]["VmRestorePoints"]["VmRestorePoints"]) == 100
    assert "Total" not in json.dumps(page["PagingInfo"])


def test_pages_contain_all_records(em: EmClient) -> None:
    plain = [guid(row) for row in em.json("vmRestorePoints")["Refs"]]
    assert [guid(row) for row in em.pages("VmRestorePoint", "VmRestorePoints", size=77)] == plain
    assert len(set(plain)) == len(plain)
    last = em.json("query", **VMS, pageSize=77, page=99)
    assert last["Entities"]["VmRestorePoints"]["VmRestorePoints"] == []
    em.variant(page_cap=50)
    assert em.json("query", **VMS, pageSize=1000)["PagingInfo"]["PageSize"] == 50
    assert [guid(row) for row in em.pages("VmRestorePoint", "VmRestorePoints", size=1000)] == plain


def test_links_between_pages(em: EmClient) -> None:
    info = em.xml("query", **VMS, pageSize=200, page=2)["QueryResult"]["PagingInfo"]
    assert (info["@PageNum"], info["@PageSize"]) == ("2", "200")
    links = {item["@Rel"]: item["@Href"] for item in info["Links"]["Link"]}
    assert set(links) == {"First", "Previous", "Next", "Last"}
    path = links["Next"].partition(":9398")[2]
    assert "&pageSize=200&page=3" in path
    third = em.xml("query", **VMS, pageSize=200, page=3)
    assert xmltodict.parse(em.call("GET", path).content, force_list=("Link", "Ref")) == third
    last = em.json("query", **VMS, pageSize=200, page=info["@PagesCount"])["PagingInfo"]["Links"]
    assert [item["Rel"] for item in last] == ["First", "Previous", "Last"]


def test_references_are_the_default(em: EmClient) -> None:
    page = em.xml("query", type="VmRestorePoint", pageSize=3)["QueryResult"]
    assert [ref["@Type"] for ref in page["Refs"]["Ref"]] == ["VmRestorePointReference"] * 3
    document = em.json("query", type="vmrestorepoint", pageSize=3)
    assert document["Entities"] is None
    assert len(document["Refs"]["Refs"]) == 3
    assert {"Links", "UID", "Name", "Href", "Type"} == set(document["Refs"]["Refs"][0])


def test_empty_responses(em: EmClient) -> None:
    page = em.json("query", **VMS, filter="VmDisplayName==nobody")
    assert page["PagingInfo"]["PagesCount"] == 1
    assert page["Entities"]["VmRestorePoints"]["VmRestorePoints"] == []
    em.variant(empty_pages=0)
    assert em.json("query", **VMS, filter="VmDisplayName==nobody")["PagingInfo"]["PagesCount"] == 0
    assert em.xml("query", type="vAppRestorePoint", format="Entities")["QueryResult"]["Entities"] == {
        "VAppRestorePoints": None
    }


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("VmDisplayName==web-01", lambda row: row["VmName"] == "web-01"),
        ('VmDisplayName=="WEB-01"', lambda row: row["VmName"] == "web-01"),
        ("VmDisplayName==web-01,VmDisplayName==lab-3", lambda row: row["VmName"] in ("web-01", "lab-3")),
        ("Type==Full;VmDisplayName==web-01", lambda row: (row["VmName"], row["PointType"]) == ("web-01", "Full")),
        ("(VmDisplayName==web-01,VmDisplayName==lab-3);Type!=Full", lambda row: row["PointType"] == "Increment"),
        ('CreationTime>="2026-03-05T00:00:00Z"', lambda row: row["CreationTimeUTC"] >= "2026-03-05"),
        ('CreationTime<"2026-03-05 00:00:00"', lambda row: row["CreationTimeUTC"] < "2026-03-05"),
        ("Type>Full", lambda row: row["PointType"] == "Increment"),
        ("BackupServerName==backup-chicago.example", lambda row: row["VmName"] == "dc-01"),
    ],
)
def test_filters(em: EmClient, text: str, right: Any) -> None:
    found = rows(em, filter=text)
    everything = rows(em)
    assert 0 < len(found) < len(everything)
    assert all(right(row) for row in found)
    if "," not in text and "Name==backup" not in text:
        assert len(found) == sum(right(row) for row in everything)


def test_more_filters(em: EmClient) -> None:
    one = rows(em, filter="VmDisplayName==web-01")[0]
    for text in (f'UID=="{one["UID"]}"', f'Name=="{one["Name"]}";HierarchyObjRef=="{one["HierarchyObjRef"]}"'):
        assert one in rows(em, filter=text)
    ready = list(em.pages("CloudVmReplicaPoint", "CloudVmReplicaPoints", filter="State==Failover"))
    assert {row["VmDisplayName"] for row in ready} == {"tenant-db"}
    agents = list(em.pages("AgentRestorePoint", "AgentRestorePoints", filter="ComputerName==linbase02"))
    assert {row["Name"].rpartition("@")[0] for row in agents} == {"linbase02"}
    worse = em.json("query", type="BackupTaskSession", format="Entities", filter="Result>Success")
    results = {row["Result"] for row in worse["Entities"]["BackupTaskSessions"]["BackupTaskSessions"]}
    assert results == {"Failed"}


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "VmDisplayName"},
        {"filter": "VmDisplayName=web-01"},
        {"filter": "CreationTimeUTC>=2026"},
        {"filter": "CreationTime>=2026-03-05T00:00:00Z"},
        {"filter": 'CreationTime>="yesterday"'},
        {"filter": "(VmDisplayName==a"},
        {"filter": "Type==Tiny"},
        {"sortDesc": "Size"},
        {"pageSize": "0"},
        {"page": "0"},
        {"page": "first"},
        {"type": "VmRestorePointz"},
    ],
)
def test_invalid_queries(em: EmClient, query: dict[str, str]) -> None:
    assert em.call("GET", "/api/query", params={**VMS, **query}).status_code == 400


def test_sorting(em: EmClient) -> None:
    for name, backwards in (("sortAsc", False), ("sortDesc", True)):
        times = [row["CreationTimeUTC"][:19] for row in rows(em, **{name: "CreationTime"})]
        assert times == sorted(times, reverse=backwards)
    unsorted = [row["CreationTimeUTC"] for row in rows(em)]
    assert unsorted != sorted(unsorted)
    assert unsorted != sorted(unsorted, reverse=True)


def test_entity_and_reference(em: EmClient) -> None:
    reference = em.json("vmRestorePoints")["Refs"][0]
    path = f"vmRestorePoints/{guid(reference)}"
    assert em.json(path) == reference
    entity = em.json(path, format="Entity")
    assert entity["Type"] == "VmRestorePoint"
    assert entity["Href"].endswith(f"{guid(reference)}?format=Entity")
    assert list(em.xml(path)) == ["EntityRef"]
    assert em.xml(path, format="Entity")["VmRestorePoint"]["VmName"] == entity["VmName"]


def test_nested_lists(em: EmClient) -> None:
    file = max(
        em.pages("BackupFile", "BackupFiles", size=500, filter='BackupName=="Silver"'),
        key=lambda row: row["BackupSize"],
    )
    below = em.json(f"backupFiles/{guid(file)}/vmRestorePoints", format="Entity")["VmRestorePoints"]
    assert below
    assert all(guid(file) in json.dumps(row["Links"]) for row in below)
    (point,) = [item for item in below[0]["Links"] if item["Type"] == "RestorePointReference"]
    ident = point["Href"].rpartition("/")[2]
    assert guid(below[0]) in [guid(row) for row in em.json(f"restorePoints/{ident}/vmRestorePoints")["Refs"]]
    assert em.call("GET", f"/api/backupFiles/{guid(file)}/nothing").status_code == 404


def test_xml_is_the_default_format(em: EmClient) -> None:
    for accept in (None, "*/*", "application/xml"):
        response = em.call("GET", "/api/backupServers", headers={"Accept": accept})
        assert response.content.startswith(b"<?xml")


# Formats in JSON and XML

XML = load("veeam_enterprise_manager", "xml")
# Links to parents of an entity, in any order.
PARENTS = {
    "vmReplicaPoints": {"BackupServerReference", "ReplicaReference"},
    "cloud/vmReplicaPoints": {"BackupServerReference", "CloudReplicaReference"},
    "agents/agentRestorePoints": {"BackupServerReference", "RestorePointReference", "BackupFileReference"},
    "cloud/replicas": {"BackupServerReference"},
    "replicas": {"BackupServerReference", "RepositoryReference"},
    "repositories": {"BackupServerReference"},
    "backupFiles": {"BackupServerReference", "BackupReference"},
    "restorePoints": {"BackupServerReference", "BackupReference"},
    "cdpReplicas": {"BackupServerReference"},
    "backups": {"BackupServerReference", "RepositoryReference"},
    "backupServers": set[str](),
}


@pytest.mark.parametrize("release", ["12", "13"])
def test_query_results_follow_the_schema(em: EmClient, release: str) -> None:
    em.variant(release=release)
    schema = load("veeam_enterprise_manager", release)
    document = em.json("query", type="BackupTaskSession", format="Entities", pageSize=5)
    assert schema.problems("GET", "/api/query", 200, document) == []
    entities, name = ("entities", "backupTaskSessions") if release == "13" else ("Entities", "BackupTaskSessions")
    assert [kind for kind, records in document[entities].items() if records is not None] == [name]
    assert len(document[entities][name][name]) == 5
    versions = em.call("GET", "/api/", headers={"Accept": "application/json"})
    assert schema.problems("GET", "/api/", 200, json.loads(versions.content.decode("utf-8-sig"))) == []


@pytest.mark.parametrize("release", ["12", "13"])
def test_query_schema_finds_errors(em: EmClient, release: str) -> None:
    """A record with a field in the spelling of another release is an error."""
    schema = load("veeam_enterprise_manager", release)
    em.variant(release=release)
    document = em.json("query", type="BackupTaskSession", format="Entities", pageSize=5)
    entities, name = ("entities", "backupTaskSessions") if release == "13" else ("Entities", "BackupTaskSessions")
    record = document[entities][name][name][0]
    for right, wrong in (("Result", "result"), ("TotalSize", "totalSize"), ("UID", "uid")):
        member, other = (wrong, right) if release == "13" else (right, wrong)
        record[other] = record.pop(member)
        assert schema.problems("GET", "/api/query", 200, document) != []
        record[member] = record.pop(other)
    assert schema.problems("GET", "/api/query", 200, document) == []


@pytest.mark.parametrize("path", PARENTS)
def test_entities_follow_the_schema(em: EmClient, path: str) -> None:
    ident = guid(em.json(path)["Refs"][0])
    document = em.xml(f"{path}/{ident}", format="Entity")
    assert XML.problems("GET", f"/api/{path}/{{id}}", 200, document) == []
    (entity,) = document.values()
    assert entity["@xmlns"] == "http://www.veeam.com/ent/v1.0"
    parents = [item["@Type"] for item in entity["Links"]["Link"] if item["@Rel"] == "Up"]
    assert sorted(parents) == sorted(PARENTS[path])
    assert re.fullmatch(r"urn:veeam:\w+:[\da-f-]{36}", entity["@UID"])


def test_restore_points_in_xml_follow_the_schema(em: EmClient) -> None:
    page = em.xml("query", **VMS, pageSize=1)
    assert XML.problems("GET", "/api/query", 200, page) == []
    entity = page["QueryResult"]["Entities"]["VmRestorePoints"]["VmRestorePoint"]
    assert list(entity)[-5:] == ["CreationTimeUTC", "VmName", "Algorithm", "PointType", "HierarchyObjRef"]
    assert [(item["@Rel"], item.get("@Type")) for item in entity["Links"]["Link"]] == [
        ("Restore", None),
        ("Up", "BackupServerReference"),
        ("Up", "RestorePointReference"),
        ("Up", "BackupFileReference"),
        ("Alternate", "VmRestorePointReference"),
        ("Down", "VmRestorePointMountList"),
        ("Create", "VmRestorePointMount"),
    ]
    for wrong in ({"VmName": None}, {"@Name": entity["@Name"], "Name": "x"}, {"PointType": "Novel"}):
        page["QueryResult"]["Entities"]["VmRestorePoints"]["VmRestorePoint"] = {**entity, **wrong}
        assert XML.problems("GET", "/api/query", 200, page) != []


def test_cloud_points_in_xml_follow_the_schema(em: EmClient) -> None:
    page = em.xml("query", type="CloudVmReplicaPoint", format="Entities", pageSize=50)
    assert XML.problems("GET", "/api/query", 200, page) == []
    assert len(page["QueryResult"]["Entities"]["CloudVmReplicaPoints"]["CloudReplica"]) > 1
    references = em.xml("cloud/vmReplicaPoints")
    assert XML.problems("GET", "/api/cloud/vmReplicaPoints", 200, references) == []
    assert references["EntityReferences"]["Ref"]
