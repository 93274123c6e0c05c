# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup Enterprise Manager: XML and JSON with the same content, and invalid responses."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import decoding
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import records as fields
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import format_time
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response
from tests.samples import list_samples, read_body

HOST = "https://em.example:9398/api"
SAMPLES = list(list_samples("veeam_enterprise_manager"))

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


def make_response(body: str | bytes, content_type: str = "application/xml; charset=utf-8") -> Response:
    """Build a response as the transport layer returns it."""
    data = body.encode() if isinstance(body, str) else body
    return Response("GET /api/query", "em.example", 200, {"Content-Type": content_type}, data, str)


def make_json_response(document: Any, prefix: bytes = b"\xef\xbb\xbf") -> Response:
    """Build a JSON response; the product sends a byte order mark before it."""
    return make_response(prefix + json.dumps(document).encode(), "application/json; charset=utf-8")


def to_camel_case(value: Any) -> Any:
    """Convert names to the spelling of version 13."""
    if isinstance(value, dict):
        exceptions = {"UID": "uid"}
        return {exceptions.get(key, key[:1].lower() + key[1:]): to_camel_case(inner) for key, inner in value.items()}
    return [to_camel_case(inner) for inner in value] if isinstance(value, list) else value


def parse_cloud(record: dict[str, Any]) -> RecoveryPoint:
    """Parse one point of a tenant's replica."""
    return fields.parse_cloud_point(record, {"r1": "VMware"}, False)


@pytest.mark.parametrize(
    "response",
    [
        make_response(CLOUD_XML),
        make_json_response(CLOUD_JSON),
        make_json_response(CLOUD_JSON, b""),
        make_json_response(to_camel_case(CLOUD_JSON)),
    ],
    ids=["xml", "json-bom", "json", "camel-case"],
)
def test_all_representations_give_the_same_point(response: Response) -> None:
    """Including XML with the tag of another type, JSON nested twice, and both spellings."""
    records, pages = decoding.parse_entities(response, "CloudVmReplicaPoint")
    assert pages == 3
    (point,) = [parse_cloud(record) for record in records]
    assert point.id == "p1"
    assert format_time(point.created) == "2026-11-20T20:01:11.5Z"
    assert (point.kind, point.usable, point.offsite) == ("replica", True, True)
    assert point.inferred == ("offsite",)
    assert dataclasses.astuple(point.workload) == (
        "r1/shop & <co>",
        "shop & <co>",
        "cloud_vm_replica",
        "vmware",
        "VMware",
        None,
        "vbr-1.example",
    )


# Responses that are not parsed incrementally, because it is uncertain which objects are records.
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


@pytest.mark.parametrize("convert_spelling", [lambda document: document, to_camel_case], ids=["v12", "v13"])
@pytest.mark.parametrize("name", DOUBTFUL)
def test_uncertain_responses_are_decoded_completely(name: str, convert_spelling: Callable[[Any], Any]) -> None:
    """Records are taken from the complete response, and none is converted twice."""
    response = make_json_response(convert_spelling(DOUBTFUL[name]))
    assert decoding.convert_entities(response, "CloudVmReplicaPoint", list) == decoding.parse_entities(
        response, "CloudVmReplicaPoint"
    )


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
@pytest.mark.parametrize("convert_spelling", [lambda document: document, to_camel_case], ids=["v12", "v13"])
def test_records_are_decoded_one_by_one(
    convert_spelling: Callable[[Any], Any], prefix: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A regular response is decoded once and incrementally."""
    response = make_json_response(convert_spelling({"Refs": None, **CLOUD_JSON}), prefix)
    expected = decoding.parse_entities(response, "CloudVmReplicaPoint")
    assert expected[0]
    monkeypatch.setattr(decoding, "parse_entities", None)
    assert decoding.convert_entities(response, "CloudVmReplicaPoint", list) == expected


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
    """A replica that is running or in failback cannot be used for recovery."""
    assert parse_cloud({**CLOUD, "State": state}).usable is usable


def test_machines_of_two_tenants_with_the_same_name_are_separate() -> None:
    """The id of the replica distinguishes them."""
    other = json.loads(json.dumps(CLOUD).replace("replicas/r1", "replicas/r2"))
    assert parse_cloud(CLOUD).workload.key != parse_cloud(other).workload.key


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
def test_next_page_links_take_precedence_over_the_page_count(body: str, content_type: str) -> None:
    """A page count that is too small would truncate the listing."""
    assert decoding.parse_entities(make_response(body, f"application/{content_type}"), "VmRestorePoint") == ([], 3)


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ("", "application/xml", "empty"),
        (CLOUD_XML[:400], "application/xml", "invalid or truncated"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><QueryResult>&a;</QueryResult>', "application/xml", "not allowed"),
        ("<!doctype x><QueryResult/>", "application/xml", "not allowed"),
        ("<QueryResult/>", "text/xml", "no list 'Entities'"),
        ("{}", "application/json", "no list 'Entities'"),
        ("[]", "application/json", "not an object"),
        ("<html><title>Proxy</title></html>", "text/html", "web page"),
        (json.dumps({"Entities": {"X": {"X": [CLOUD]}}}), "application/json", "the number of pages"),
        (
            json.dumps({"Entities": {"X": {"X": [{"Type": "Job"}]}}, "PagingInfo": {"PagesCount": 1}}),
            "application/json",
            "CloudVmReplicaPoint, found Job",
        ),
    ],
)
def test_other_documents_are_an_error(body: str, content_type: str, message: str) -> None:
    """None of them is treated as an empty listing."""
    response = make_response(body, content_type)
    with pytest.raises(InvalidResponseError) as caught:
        decoding.parse_entities(response, "CloudVmReplicaPoint")
    assert message in str(caught.value)
    with pytest.raises(InvalidResponseError) as converted:
        decoding.convert_entities(response, "CloudVmReplicaPoint", list)
    assert str(converted.value) == str(caught.value)


@pytest.mark.parametrize(
    "entities", [None, {}, {"VmRestorePoints": None}, {"VmRestorePoints": {"VmRestorePoints": []}}]
)
def test_empty_results(entities: Any) -> None:
    """All representations of an empty result."""
    document = {"Entities": entities, "PagingInfo": {"PageNum": 1, "PagesCount": 0}}
    assert decoding.parse_entities(make_json_response(document), "VmRestorePoint") == ([], 1)
    assert decoding.parse_entities(make_response("<QueryResult><Entities/></QueryResult>"), "VmRestorePoint") == ([], 1)


def test_a_tenants_collection_has_no_pages() -> None:
    """It is nested once, with or without records."""
    assert (
        len(decoding.parse_collection(make_json_response({"CloudVmReplicaPoints": [CLOUD]}), "CloudVmReplicaPoint"))
        == 1
    )
    assert (
        decoding.parse_collection(
            make_json_response(to_camel_case({"CloudVmReplicaPoints": []})), "CloudVmReplicaPoint"
        )
        == []
    )
    inner = CLOUD_XML.partition("<Entities>")[2].partition("</Entities>")[0]
    spaced = inner.replace("<CloudVmReplicaPoints>", '<CloudVmReplicaPoints xmlns="http://www.veeam.com/ent/v1.0">')
    assert len(decoding.parse_collection(make_response(spaced), "CloudVmReplicaPoint")) == 1
    assert decoding.parse_collection(make_response("<CloudVmReplicaPoints/>"), "CloudVmReplicaPoint") == []
    with pytest.raises(InvalidResponseError, match="no list 'CloudVmReplicaPoints'"):
        decoding.parse_collection(make_json_response({}), "CloudVmReplicaPoint")


def parse_in_file(record: dict[str, Any], *, vm: bool) -> RecoveryPoint:
    """Parse one point in a file that is not listed."""
    (found,) = fields.parse_points([record], True)
    assert len(found) == 7
    ident, created, kind, _file, owner, _run, raw = found
    workload = fields.build_machine("vm" if vm else "physical", owner, None)
    return RecoveryPoint(id=ident, created=created, kind=kind, workload=workload, raw=raw)


POINT_MAKERS: dict[str, Callable[[dict[str, Any]], RecoveryPoint]] = {
    "VmRestorePoint": lambda record: parse_in_file(record, vm=True),
    "AgentRestorePoint": lambda record: parse_in_file(record, vm=False),
    "VmReplicaPoint": lambda record: fields.parse_replica_point(record, {}, True),
    "CloudVmReplicaPoint": lambda record: fields.parse_cloud_point(record, {}, True),
}


def find_records(value: Any) -> list[dict[str, Any]]:
    """Yield every record of a point type, at any depth."""
    if isinstance(value, list):
        return [record for inner in value for record in find_records(inner)]
    if not isinstance(value, dict):
        return []
    if decoding.lower_keys(value).get("creationtimeutc") and decoding.lower_keys(value).get("type") in POINT_MAKERS:
        return [value]
    return find_records(list(value.values()))


def check_sample(response: Response) -> list[str]:
    """Every record of a response is parsed; return their types."""
    kinds = []
    for record in find_records({"root": decoding.parse_body(response)}):
        kinds.append(decoding.lower_keys(record)["type"])
        point = POINT_MAKERS[kinds[-1]](record)
        assert point.workload.name
        assert "@" not in point.workload.name
        assert point.workload.origin
        assert point.kind != "unknown"
    if re.search(rb'"[Pp]agingInfo"', response.body):
        names = {str(decoding.lower_keys(item)["type"]) for item in _items(decoding.parse_body(response))}
        records, pages = decoding.parse_entities(response, names.pop())
        assert records
        assert pages >= 1
    return kinds


def test_every_sample_is_parsed() -> None:
    """Samples in XML and JSON decode, and every point has a name and a server."""
    seen: dict[str, list[str]] = {}
    for name in SAMPLES:
        content_type = "application/xml" if name.endswith(".xml") else "application/json"
        if kinds := check_sample(make_response(read_body(name), content_type)):
            seen[name.rpartition("/")[2]] = kinds
    assert seen == {
        "agent_point.xml": ["AgentRestorePoint"],
        "cloud_point.xml": ["CloudVmReplicaPoint"],
        "cloud_points_page.xml": ["CloudVmReplicaPoint"] * 2,
        "machine_point_without_names.xml": ["VmRestorePoint"],
        "machine_points.xml": ["VmRestorePoint"],
        "machine_points_page.xml": ["VmRestorePoint"],
        "replica_point.xml": ["VmReplicaPoint"],
    }
    assert {kind for kinds in seen.values() for kind in kinds} == set(POINT_MAKERS)
    for version in ("12", "13"):
        sample = read_body(f"veeam_enterprise_manager/versions_{version}.yml")
        assert decoding.parse_versions(make_response(sample, "json")) == ["v1_6", "v1_7"]


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [group for group in body.get("entities", {}).values() if group]
    return [item for group in groups for inner in group.values() for item in inner]


def test_missing_xml_library_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is needed only for XML, and the error names it."""
    monkeypatch.setitem(__import__("sys").modules, "xmltodict", None)
    with pytest.raises(AuditError, match="xmltodict"):
        decoding.parse_body(make_response(CLOUD_XML))
