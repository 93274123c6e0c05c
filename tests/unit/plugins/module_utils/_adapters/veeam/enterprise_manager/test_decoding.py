# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup Enterprise Manager: XML and JSON that say the same, and what is no answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import decoding
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import records as fields
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import format_time
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Response
from tests.tools.project import VENDORS

HOST = "https://em.example:9398/api"
SAMPLES = VENDORS / "veeam_em_vbr" / "samples" / "em"

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


def answer(body: str | bytes, content_type: str = "application/xml; charset=utf-8") -> Response:
    """An answer as the network seam gives it."""
    data = body.encode() if isinstance(body, str) else body
    return Response("GET /api/query", "em.example", 200, {"Content-Type": content_type}, data, str)


def json_answer(document: Any, prefix: bytes = b"\xef\xbb\xbf") -> Response:
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
def test_every_representation_says_the_same(given: Response) -> None:
    """XML whose tag is that of another type, JSON nested twice, both spellings: one recovery point."""
    records, pages = decoding.entities_of(given, "CloudVmReplicaPoint")
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


# What is not picked over record by record, for there is doubt about what is a record.
DOUBTFUL: dict[str, Any] = {
    "references first": {"Refs": {"Refs": [{"Type": "CloudVmReplicaPointReference"}]}, **CLOUD_JSON},
    "other lists first": {"Links": [{"Rel": "Up"}], **CLOUD_JSON},
    "one record": {**CLOUD_JSON, "Entities": {"X": {"X": CLOUD}}},
    "no type": {**CLOUD_JSON, "Entities": {"X": {"X": [CLOUD, {**CLOUD, "Type": None}]}}},
    "another spelling of the type": {
        **CLOUD_JSON,
        "Entities": {"X": {"X": [{**CLOUD, "Type": "cloudvmreplicapoint"}]}},
    },
    "two lists": {**CLOUD_JSON, "Entities": {"X": {"X": [CLOUD]}, "Y": {"Y": [CLOUD, CLOUD]}}},
    "a list and a record": {**CLOUD_JSON, "Entities": {"X": {"X": [CLOUD]}, "Y": {"Y": CLOUD}}},
    "records elsewhere as well": {"Others": [CLOUD], **CLOUD_JSON},
    "a text that looks like a list": {"Note": "[{", **CLOUD_JSON},
    "a text in quotes": {"Note": '"', **CLOUD_JSON},
    "no list": {**CLOUD_JSON, "Entities": {}},
    "an empty list": {**CLOUD_JSON, "Entities": {"X": []}},
}


@pytest.mark.parametrize("spelled", [lambda document: document, camel], ids=["v12", "v13"])
@pytest.mark.parametrize("name", DOUBTFUL)
def test_where_there_is_doubt_the_whole_answer_is_read(name: str, spelled: Callable[[Any], Any]) -> None:
    """The records are those of the whole, and none is made twice."""
    given = json_answer(spelled(DOUBTFUL[name]))
    assert decoding.made_of(given, "CloudVmReplicaPoint", list) == decoding.entities_of(given, "CloudVmReplicaPoint")


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
@pytest.mark.parametrize("spelled", [lambda document: document, camel], ids=["v12", "v13"])
def test_records_are_made_one_by_one(
    spelled: Callable[[Any], Any], prefix: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all is as it should be the answer is decoded once, and not as a whole."""
    given = json_answer(spelled({"Refs": None, **CLOUD_JSON}), prefix)
    expected = decoding.entities_of(given, "CloudVmReplicaPoint")
    assert expected[0]
    monkeypatch.setattr(decoding, "entities_of", None)
    assert decoding.made_of(given, "CloudVmReplicaPoint", list) == expected


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
    assert decoding.entities_of(answer(body, f"application/{content_type}"), "VmRestorePoint") == ([], 3)


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
    given = answer(body, content_type)
    with pytest.raises(InvalidResponseError) as caught:
        decoding.entities_of(given, "CloudVmReplicaPoint")
    assert words in str(caught.value)
    with pytest.raises(InvalidResponseError) as made:
        decoding.made_of(given, "CloudVmReplicaPoint", list)
    assert str(made.value) == str(caught.value)


@pytest.mark.parametrize(
    "entities", [None, {}, {"VmRestorePoints": None}, {"VmRestorePoints": {"VmRestorePoints": []}}]
)
def test_an_empty_result_is_empty(entities: Any) -> None:
    """All the ways to say that there is nothing."""
    document = {"Entities": entities, "PagingInfo": {"PageNum": 1, "PagesCount": 0}}
    assert decoding.entities_of(json_answer(document), "VmRestorePoint") == ([], 1)
    assert decoding.entities_of(answer("<QueryResult><Entities/></QueryResult>"), "VmRestorePoint") == ([], 1)


def test_a_tenants_collection_has_no_pages() -> None:
    """Nested once, with and without anything in it."""
    assert len(decoding.list_of(json_answer({"CloudVmReplicaPoints": [CLOUD]}), "CloudVmReplicaPoint")) == 1
    assert decoding.list_of(json_answer(camel({"CloudVmReplicaPoints": []})), "CloudVmReplicaPoint") == []
    inner = CLOUD_XML.partition("<Entities>")[2].partition("</Entities>")[0]
    spaced = inner.replace("<CloudVmReplicaPoints>", '<CloudVmReplicaPoints xmlns="http://www.veeam.com/ent/v1.0">')
    assert len(decoding.list_of(answer(spaced), "CloudVmReplicaPoint")) == 1
    assert decoding.list_of(answer("<CloudVmReplicaPoints/>"), "CloudVmReplicaPoint") == []
    with pytest.raises(InvalidResponseError, match="no list 'CloudVmReplicaPoints'"):
        decoding.list_of(json_answer({}), "CloudVmReplicaPoint")


def in_file(record: dict[str, Any], *, vm: bool) -> RecoveryPoint:
    """One point that lies in a file which nobody lists."""
    ((ident, created, kind, _file, owner, raw),) = fields.points_in_files([record], True)
    workload = fields.vm_of(owner) if vm else fields.agent_of(owner, None)
    return RecoveryPoint(id=ident, created=created, kind=kind, workload=workload, raw=raw)


POINT_MAKERS: dict[str, Callable[[dict[str, Any]], RecoveryPoint]] = {
    "VmRestorePoint": lambda record: in_file(record, vm=True),
    "AgentRestorePoint": lambda record: in_file(record, vm=False),
    "VmReplicaPoint": lambda record: fields.replica_point(record, {}, True),
    "CloudVmReplicaPoint": lambda record: fields.cloud_point(record, {}, True),
}


def records_in(value: Any) -> list[dict[str, Any]]:
    """Every record of a sort of point, however deep it lies."""
    if isinstance(value, list):
        return [record for inner in value for record in records_in(inner)]
    if not isinstance(value, dict):
        return []
    if decoding.lowered(value).get("creationtimeutc") and decoding.lowered(value).get("type") in POINT_MAKERS:
        return [value]
    return records_in(list(value.values()))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendors' samples are not here")
def test_every_sample_is_understood() -> None:
    """The vendor's examples and records of live servers: every answer decodes, every point has a name and a server."""
    seen: dict[str, int] = {}
    for path in sorted(SAMPLES.rglob("*.*ml")) + sorted(SAMPLES.rglob("*.json")):
        kind = "application/json" if path.suffix == ".json" else "application/xml"
        given = answer(path.read_bytes(), kind)
        for record in records_in({"root": decoding.body_of(given)}):
            told = decoding.lowered(record)["type"]
            point = POINT_MAKERS[told](record)
            assert point.workload.name
            assert "@" not in point.workload.name
            assert point.workload.origin
            assert point.kind != "unknown"
            seen[told] = seen.get(told, 0) + 1
        if '"PagingInfo"' in path.read_text("utf-8") or '"pagingInfo"' in path.read_text("utf-8"):
            names = {str(decoding.lowered(item)["type"]) for item in _items(decoding.body_of(given))}
            records, pages = decoding.entities_of(given, names.pop())
            assert records
            assert pages >= 1
    assert set(seen) == set(POINT_MAKERS)
    assert "v1_7" in decoding.versions_of(
        answer((SAMPLES / "query_v12_v13" / "veeam_api_v13.json").read_bytes(), "json")
    )


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [group for group in body.get("entities", {}).values() if group]
    return [item for group in groups for inner in group.values() for item in inner]


def test_xml_is_told_to_need_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those who ask for XML need it, and they are told."""
    monkeypatch.setitem(__import__("sys").modules, "xmltodict", None)
    with pytest.raises(AuditError, match="xmltodict"):
        decoding.body_of(answer(CLOUD_XML))
