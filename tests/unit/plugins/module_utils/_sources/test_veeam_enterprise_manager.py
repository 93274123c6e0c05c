# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of Enterprise Manager, in XML and in both spellings of JSON -> the same recovery points."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._failures import AnswerError
from ansible_collections.backup.audit.plugins.module_utils._http import Answer
from ansible_collections.backup.audit.plugins.module_utils._model import Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._source import Settings
from ansible_collections.backup.audit.plugins.module_utils._sources import veeam_enterprise_manager_fields as fields
from ansible_collections.backup.audit.plugins.module_utils._sources import veeam_enterprise_manager_wire as wire
from ansible_collections.backup.audit.plugins.module_utils._sources.veeam_enterprise_manager import (
    VeeamEnterpriseManager,
)
from ansible_collections.backup.audit.plugins.module_utils._sources.veeam_enterprise_manager_held import (
    Held,
    Homes,
    joined,
)
from ansible_collections.backup.audit.plugins.module_utils._times import format_time

ROOT = Path(__file__).resolve().parents[5]
SAMPLES = ROOT.parent / "shared" / "vendors" / "veeam_em_vbr" / "samples" / "em"
HOST = "https://em.example:9398/api"

CLOUD_XML = f"""\ufeff<?xml version="1.0" encoding="utf-8"?>
<QueryResult xmlns="http://www.veeam.com/ent/v1.0">
  <Entities><CloudVmReplicaPoints>
    <CloudReplica Type="CloudVmReplicaPoint" Href="{HOST}/cloud/vmReplicaPoints/p1?format=Entity"
        Name="shop@2026-11-20 20:01:11" UID="urn:veeam:CloudVmReplicaPoint:p1" VmDisplayName="shop &amp; &lt;co&gt;">
      <Links>
        <Link Rel="Up" Type="BackupServerReference" Href="{HOST}/backupServers/s1" Name="vbr-1.example" />
        <Link Rel="Up" Type="CloudReplicaReference" Href="{HOST}/cloud/replicas/r1" Name="Nightly" />
      </Links>
      <CreationTimeUTC>2026-11-20T20:01:11.5Z</CreationTimeUTC>
      <PointType>Snapshot</PointType>
      <State>Ready</State>
    </CloudReplica>
  </CloudVmReplicaPoints></Entities>
  <PagingInfo PageNum="1" PageSize="1" PagesCount="3"><Links/></PagingInfo>
</QueryResult>"""
CLOUD = {
    "Type": "CloudVmReplicaPoint",
    "Href": f"{HOST}/cloud/vmReplicaPoints/p1?format=Entity",
    "Name": "shop@2026-11-20 20:01:11",
    "UID": "urn:veeam:CloudVmReplicaPoint:p1",
    "VmDisplayName": "shop & <co>",
    "Links": [
        {"Rel": "Up", "Type": "BackupServerReference", "Href": f"{HOST}/backupServers/s1", "Name": "vbr-1.example"},
        {"Rel": "Up", "Type": "CloudReplicaReference", "Href": f"{HOST}/cloud/replicas/r1", "Name": "Nightly"},
    ],
    "CreationTimeUTC": "2026-11-20T20:01:11.5Z",
    "PointType": "Snapshot",
    "State": "Ready",
}
CLOUD_JSON = {
    "Refs": None,
    "Entities": {"VmRestorePoints": None, "CloudVmReplicaPoints": {"CloudVmReplicaPoints": [CLOUD]}},
    "PagingInfo": {"PageNum": 1, "PageSize": 1, "PagesCount": 3},
}


def answer(body: str | bytes, content_type: str = "application/xml; charset=utf-8") -> Answer:
    """An answer as the network seam gives it."""
    data = body.encode() if isinstance(body, str) else body
    return Answer("GET /api/query", "em.example", 200, {"Content-Type": content_type}, data, str)


def json_answer(document: Any, prefix: bytes = b"\xef\xbb\xbf") -> Answer:
    """The same as JSON; the product puts a byte order mark before it."""
    return answer(prefix + json.dumps(document).encode(), "application/json; charset=utf-8")


def camel(value: Any) -> Any:
    """The spelling of version 13."""
    if isinstance(value, dict):
        spelt = {"UID": "uid"}
        return {spelt.get(key, key[:1].lower() + key[1:]): camel(inner) for key, inner in value.items()}
    return [camel(inner) for inner in value] if isinstance(value, list) else value


def cloud(record: dict[str, Any]) -> RecoveryPoint:
    """One point of a tenant's replica."""
    return fields.cloud_point(record, {"r1": "vmware"}, False)


@pytest.mark.parametrize(
    "given",
    [answer(CLOUD_XML), json_answer(CLOUD_JSON), json_answer(CLOUD_JSON, b""), json_answer(camel(CLOUD_JSON))],
    ids=["xml", "json-bom", "json", "camel-case"],
)
def test_every_representation_says_the_same(given: Answer) -> None:
    """XML whose tag is that of another type, JSON nested twice, both spellings: one recovery point."""
    records, pages = wire.entities_of(given, "CloudVmReplicaPoint")
    assert pages == 3
    (point,) = [cloud(record) for record in records]
    assert point.id == "p1"
    assert format_time(point.created) == "2026-11-20T20:01:11.5Z"
    assert (point.kind, point.usable, point.offsite) == ("replica", True, True)
    assert point.estimated == ("offsite",)
    assert dataclasses.astuple(point.workload) == (
        "r1/shop & <co>",
        "shop & <co>",
        "cloud_vm_replica",
        "vmware",
        None,
        "vbr-1.example",
    )


@pytest.mark.parametrize(
    ("state", "usable"),
    [
        ("Ready", True),
        ("Failover", False),
        ("Failback", False),
        ("PermanentFailover", False),
        ("Unknown", None),
        ("Novel", None),
        (None, None),
    ],
)
def test_only_a_ready_replica_is_usable(state: Any, usable: bool | None) -> None:
    """A replica that runs, or is being moved back, is no way back."""
    assert cloud({**CLOUD, "State": state}).usable is usable


def test_two_tenants_with_machines_of_one_name_are_two() -> None:
    """The replica tells them apart."""
    other = json.loads(json.dumps(CLOUD).replace("replicas/r1", "replicas/r2"))
    assert cloud(CLOUD).workload.key != cloud(other).workload.key


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (
            '{"Entities": {}, "PagingInfo": {"Links": [{"Rel": "Next", "Href": "x"}], "PageNum": 2, "PagesCount": 2}}',
            "json",
        ),
        ('{"entities": {}, "pagingInfo": {"links": [{"rel": "Next"}], "pageNum": 2, "pagesCount": 2}}', "json"),
        (
            (
                '<QueryResult xmlns="http://www.veeam.com/ent/v1.0"><Entities/><PagingInfo PagesCount="2" PageNum="2">'
                '<Links><Link Rel="First" /><Link Rel="Next" /></Links></PagingInfo></QueryResult>'
            ),
            "xml",
        ),
    ],
)
def test_a_link_to_the_next_page_outdoes_the_count_of_pages(body: str, content_type: str) -> None:
    """A count that is told too small would cut the listing off."""
    assert wire.entities_of(answer(body, f"application/{content_type}"), "VmRestorePoint") == ([], 3)


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        ("", "application/xml", "empty"),
        (CLOUD_XML[:400], "application/xml", "cut short"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><QueryResult>&a;</QueryResult>', "application/xml", "refused"),
        ("<!doctype x><QueryResult/>", "application/xml", "refused"),
        ("<QueryResult/>", "text/xml", "no list 'Entities'"),
        ("{}", "application/json", "no list 'Entities'"),
        ("[]", "application/json", "not an object"),
        ("<html><title>Proxy</title></html>", "text/html", "web page"),
        (json.dumps({"Entities": {"X": {"X": [CLOUD]}}}), "application/json", "how many pages"),
        (
            json.dumps({"Entities": {"X": {"X": [{"Type": "Job"}]}}, "PagingInfo": {"PagesCount": 1}}),
            "application/json",
            "but a Job came",
        ),
    ],
)
def test_what_is_no_query_result_is_an_error(body: str, content_type: str, words: str) -> None:
    """Nothing is taken for an empty listing."""
    with pytest.raises(AnswerError) as caught:
        wire.entities_of(answer(body, content_type), "CloudVmReplicaPoint")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "entities", [None, {}, {"VmRestorePoints": None}, {"VmRestorePoints": {"VmRestorePoints": []}}]
)
def test_an_empty_result_is_empty(entities: Any) -> None:
    """All the ways to say that there is nothing."""
    document = {"Entities": entities, "PagingInfo": {"PageNum": 1, "PagesCount": 0}}
    assert wire.entities_of(json_answer(document), "VmRestorePoint") == ([], 1)
    assert wire.entities_of(answer("<QueryResult><Entities/></QueryResult>"), "VmRestorePoint") == ([], 1)


def test_a_tenants_collection_has_no_pages() -> None:
    """Nested once, with and without anything in it."""
    assert len(wire.list_of(json_answer({"CloudVmReplicaPoints": [CLOUD]}), "CloudVmReplicaPoint")) == 1
    assert wire.list_of(json_answer(camel({"CloudVmReplicaPoints": []})), "CloudVmReplicaPoint") == []
    inner = CLOUD_XML.partition("<Entities>")[2].partition("</Entities>")[0]
    spaced = inner.replace("<CloudVmReplicaPoints>", '<CloudVmReplicaPoints xmlns="http://www.veeam.com/ent/v1.0">')
    assert len(wire.list_of(answer(spaced), "CloudVmReplicaPoint")) == 1
    assert wire.list_of(answer("<CloudVmReplicaPoints/>"), "CloudVmReplicaPoint") == []
    with pytest.raises(AnswerError, match="no list 'CloudVmReplicaPoints'"):
        wire.list_of(json_answer({}), "CloudVmReplicaPoint")


VM = {
    "Type": "VmRestorePoint",
    "Name": "web@01@2026-11-20 04:00:52",
    "UID": "urn:veeam:VmRestorePoint:v1",
    "Links": [
        {"Rel": "Up", "Type": "BackupServerReference", "Href": f"{HOST}/backupServers/s1", "Name": "vbr-1.example"},
        {"Rel": "Up", "Type": "BackupFileReference", "Href": f"{HOST}/backupFiles/f1", "Name": "x.vib"},
    ],
    "CreationTimeUTC": "2026-11-20T04:00:52.107Z",
    "Algorithm": "Incremental",
    "PointType": "Increment",
    "HierarchyObjRef": "urn:VMware:Vm:de28dc43-b8ee-4e17-8e63-3d38b6604033.vm-62228",
}


def test_a_machine_is_known_by_its_reference() -> None:
    """Without a display name its own name counts, up to the last @."""
    found = fields.vm_point(VM, False)
    workload = found.point.workload
    assert (workload.id, workload.name, workload.platform) == (VM["HierarchyObjRef"], "web@01", "vmware")
    assert fields.vm_point({**VM, "VmDisplayName": "web"}, False).point.workload.name == "web"
    odd = fields.vm_point({**VM, "HierarchyObjRef": None, "Links": None}, False)
    assert (odd.point.workload.id, odd.point.workload.platform, odd.file_id) == (None, None, None)


@pytest.mark.parametrize(
    ("algorithm", "told", "kind"),
    [
        ("Incremental", "Increment", "incremental"),
        ("Incremental", "Full", "full"),
        ("SyntheticFull", "Full", "synthetic_full"),
        ("SyntheticFull", "Increment", "incremental"),
        ("ReversedIncremental", "ReverseIncrement", "incremental"),
        ("Full", None, "full"),
        (None, None, "unknown"),
        ("Novel", "Novel", "unknown"),
    ],
)
def test_kinds(algorithm: Any, told: Any, kind: str) -> None:
    """What the point is counts before what its job does."""
    assert fields.vm_point({**VM, "Algorithm": algorithm, "PointType": told}, False).point.kind == kind


@pytest.mark.parametrize("time", [None, "", "1753-01-01T00:00:00Z", "Oct 6 2016 1:59PM", 5])
def test_a_point_without_a_time_is_no_answer(time: Any) -> None:
    """1753 is what the database holds where there is none."""
    with pytest.raises(AnswerError, match="CreationTimeUTC"):
        fields.vm_point({**VM, "CreationTimeUTC": time}, False)


FILE = {
    "UID": "urn:veeam:BackupFile:f1",
    "BackupSize": 500,
    "Links": [{"Rel": "Up", "Type": "BackupReference", "Href": f"{HOST}/backups/b1", "Name": "Gold"}],
}
BACKUP = {
    "UID": "urn:veeam:Backup:b1",
    "Name": "Gold",
    "Platform": "AgentForLinux",
    "Links": [{"Rel": "Up", "Type": "RepositoryReference", "Href": f"{HOST}/repositories/r1", "Name": "disk-1"}],
}
REPOSITORY = {"UID": "urn:veeam:Repository: r1", "Name": "disk-1", "Kind": "Cloud"}


def held(homes: Homes, *records: dict[str, Any]) -> list[RecoveryPoint]:
    """The points of these records, as they are told once all were met."""
    group = Held(fields.vm_point(VM, False).point.workload, whole=False)
    for record in records:
        found = fields.vm_point(record, False)
        homes.use(found.file_id)
        group.add(found)
    return list(group.points(group.workload, homes))


def test_size_and_place_come_by_joining() -> None:
    """File, backup, repository; a file that others share has no size for this point."""
    (alone,) = held(Homes([FILE], [BACKUP], [REPOSITORY]), VM)
    assert (alone.size_bytes, alone.job, alone.offsite, alone.estimated) == (500, "Gold", True, ("offsite",))
    assert alone.copies == [Copy(location="disk-1", location_type="Cloud", offsite=True)]
    assert (alone.kind, alone.created) == (
        fields.vm_point(VM, False).point.kind,
        fields.vm_point(VM, False).point.created,
    )
    together = held(Homes([FILE], [BACKUP], [REPOSITORY]), VM, {**VM, "UID": "urn:veeam:VmRestorePoint:other"})
    assert [point.size_bytes for point in together] == [None, None]
    assert together[0].id != together[1].id
    (lost,) = held(Homes([], [BACKUP], [REPOSITORY]), VM)
    assert (lost.size_bytes, lost.copies, lost.offsite) == (None, None, None)
    (unread,) = held(Homes([FILE], [], []), VM)
    assert (unread.size_bytes, unread.job, unread.copies) == (500, "Gold", None)


def test_agents_of_one_name_are_told_apart_by_their_backup() -> None:
    """The point itself names no machine."""
    homes = Homes([FILE], [BACKUP], [])
    workload = fields.agent_point({**VM, "Name": "desk@2026-11-20 04:00:52"}, homes, False).point.workload
    assert (workload.id, workload.name, workload.platform, workload.type) == ("desk/b1", "desk", "linux", "physical")


def test_a_backup_with_the_times_of_another_holds_its_copies() -> None:
    """A copy shares them; a machine set up anew under the old name does not."""

    def group(backup: str, *hours: int) -> Held:
        homes = {"f1": fields.Home(None, backup, None, None, None)}
        made: Held | None = None
        for hour in hours:
            time = f"2026-11-20T{hour:02}:00:00Z"
            found = fields.agent_point({**VM, "Name": "desk@x", "CreationTimeUTC": time}, homes, False)
            made = made or Held(found.point.workload, whole=False)
            made.add(found)
        assert made is not None
        return made

    machines = joined([group("b2", 1, 2, 3), group("b1", 1, 2), group("b3", 7, 8), group("b0", 3, 9, 10)])
    shown = {machine[0].workload.id: sum(len(held.times) for held in machine) for machine in machines}
    assert shown == {"desk/b0": 3, "desk/b1": 5, "desk/b3": 2}


def settings(**own: Any) -> Settings:
    """What a user could ask for."""
    types = own.pop("workload_types", VeeamEnterpriseManager.workload_types)
    return Settings(
        username="u",
        password="p",
        page_size=100,
        detail="workloads",
        workload_types=types,
        include_unprotected=True,
        include_raw=False,
        own=own,
    )


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"api_version": "v8"}, "has no 'v8'"),
        ({"tenant_organization": "x"}, "needs tenant: true"),
        ({"tenant": True, "workload_types": ("vm",)}, "a tenant sees nothing but"),
    ],
)
def test_options_that_make_no_sense(own: dict[str, Any], words: str) -> None:
    """They are refused before anything is sent."""
    VeeamEnterpriseManager.check(settings(), ())
    with pytest.raises(OptionError, match=words):
        VeeamEnterpriseManager.check(settings(**own), ())


POINT_MAKERS: dict[str, Callable[[dict[str, Any]], RecoveryPoint]] = {
    "VmRestorePoint": lambda record: fields.vm_point(record, True).point,
    "AgentRestorePoint": lambda record: fields.agent_point(record, {}, True).point,
    "VmReplicaPoint": lambda record: fields.replica_point(record, {}, True),
    "CloudVmReplicaPoint": lambda record: fields.cloud_point(record, {}, True),
}


def records_in(value: Any) -> list[dict[str, Any]]:
    """Every record of a sort of point, however deep it lies."""
    if isinstance(value, list):
        return [record for inner in value for record in records_in(inner)]
    if not isinstance(value, dict):
        return []
    if wire.lowered(value).get("creationtimeutc") and wire.lowered(value).get("type") in POINT_MAKERS:
        return [value]
    return records_in(list(value.values()))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendors' samples are not here")
def test_every_sample_is_understood() -> None:
    """The vendor's examples and records of live servers: every answer decodes, every point has a name and a server."""
    seen: dict[str, int] = {}
    for path in sorted(SAMPLES.rglob("*.*ml")) + sorted(SAMPLES.rglob("*.json")):
        kind = "application/json" if path.suffix == ".json" else "application/xml"
        given = answer(path.read_bytes(), kind)
        for record in records_in({"root": wire.body_of(given)}):
            told = wire.lowered(record)["type"]
            point = POINT_MAKERS[told](record)
            assert point.workload.name
            assert "@" not in point.workload.name
            assert point.workload.origin
            assert point.kind != "unknown"
            seen[told] = seen.get(told, 0) + 1
        if '"PagingInfo"' in path.read_text("utf-8") or '"pagingInfo"' in path.read_text("utf-8"):
            names = {str(wire.lowered(item)["type"]) for item in _items(wire.body_of(given))}
            records, pages = wire.entities_of(given, names.pop())
            assert records
            assert pages >= 1
    assert set(seen) == set(POINT_MAKERS)
    assert "v1_7" in wire.versions_of(answer((SAMPLES / "query_v12_v13" / "veeam_api_v13.json").read_bytes(), "json"))


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [group for group in body.get("entities", {}).values() if group]
    return [item for group in groups for inner in group.values() for item in inner]


def test_xml_is_told_to_need_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those who ask for XML need it, and they are told."""
    monkeypatch.setitem(__import__("sys").modules, "xmltodict", None)
    with pytest.raises(AuditError, match="xmltodict"):
        wire.body_of(answer(CLOUD_XML))
