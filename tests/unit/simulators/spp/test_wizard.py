# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Spectrum Protect Plus: restore wizard, resources other than points, and formats."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.samples import read
from tests.samples.shapes import get_shape
from tests.schemas.loader import load
from tests.unit.simulators.client import CATALOGUE, PROPERTIES, SppClient, milliseconds

# The wizard


def get_wizard_path(spp: SppClient, name: str) -> str:
    found = spp.call(
        "POST", "/api/hypervisor/search", params={"resourceType": "vm", "from": "recovery"}, json={"name": name}
    ).json()
    assert found["total"] == 1
    return urlsplit(str(found["vms"][0]["links"]["versions"]["href"])).path


def wizard_versions(spp: SppClient, name: str, **query: Any) -> list[dict[str, Any]]:
    return list(spp.pages(get_wizard_path(spp, name), "versions", **{"from": "recovery", **query}))


def test_wizard_lists_copies_at_their_locations(spp: SppClient) -> None:
    rows = wizard_versions(spp, "erp-prod", embedCopies="true", omitIfNoCopies="true")
    points = spp.get_points(spp.workload("erp-prod"))
    sites = {row["id"]: row["name"] for row in spp.get("/api/site")["sites"]}
    assert len(rows) == len(points)
    assert [sites[copy["siteId"]] for copy in rows[-1]["copies"]] == ["Berlin", "Frankfurt DR", "Cloud"]
    assert [copy["protectionInfo"]["subPolicyType"] for copy in rows[-1]["copies"]] == [
        "BACKUP",
        "REPLICATION",
        "SPPOFFLOAD",
    ]
    assert rows[-1]["protectionInfo"]["protectionTime"] == milliseconds(points[0]["created_at"])
    stores = {row["storageId"]: row["name"] for row in spp.get("/api/storage")["storages"]}
    servers = [copy["mappings"][0]["destination"]["storageServerId"] for copy in rows[-1]["copies"]]
    assert [stores.get(server) for server in servers] == ["berlin-disk-1", "frankfurt-disk-1", None]


def test_copies_on_a_repository_server(spp: SppClient) -> None:
    spp.variant(offload_target="repository server")
    row = wizard_versions(spp, "erp-prod", embedCopies="true")[-1]
    offload = row["copies"][2]["protectionInfo"]["offloadInfo"]
    assert (offload["offloadProvider"], offload["offloadType"]) == ("sp", "sp")


def test_wizard_without_embedding(spp: SppClient) -> None:
    assert "copies" not in wizard_versions(spp, "erp-prod")[0]
    embedded = wizard_versions(spp, "erp-prod", embedCopies="true")
    spp.variant(embed_copies=False)
    bare = wizard_versions(spp, "erp-prod", embedCopies="true")
    assert "copies" not in bare[0]
    link = urlsplit(bare[0]["links"]["copies"]["href"])
    assert spp.get(f"{link.path}?{link.query}")["copies"] == embedded[0]["copies"]


def test_versions_whose_copies_are_gone(spp: SppClient) -> None:
    spp.variant(empty_versions=2)
    assert spp.counts()[spp.pk("dc-01")]["count"] == 32
    rows = wizard_versions(spp, "web-01", embedCopies="true")
    assert [len(row["copies"]) for row in rows] == [0, 0] + [2] * 30
    assert len(wizard_versions(spp, "web-01", embedCopies="true", omitIfNoCopies="true")) == 30


def test_wizard_may_have_separate_ids(spp: SppClient) -> None:
    before = wizard_versions(spp, "web-01")
    spp.variant(wizard_id_is_pk=False)
    after = wizard_versions(spp, "web-01")
    assert [row["id"] for row in before] == [row["id"] for row in after]
    assert spp.pk("web-01") in before[0]["links"]["self"]["href"]
    assert spp.pk("web-01") not in after[0]["links"]["self"]["href"]


def test_search(spp: SppClient) -> None:
    def names(body: dict[str, Any], **query: str) -> list[str]:
        response = spp.call("POST", "/api/hypervisor/search", params={"resourceType": "vm", **query}, json=body)
        return [row["name"] for row in response.json()["vms"]]

    assert names({"name": "web-*", "hypervisorType": "*"}) == ["web-01", "web-02"]
    assert names({"name": "*", "hypervisorType": "hyperv"}) == ["dc-01"]
    assert "sandbox-7" not in names({"name": "*"})
    assert "sandbox-7" in names({"name": "*"}, **{"from": "hlo"})
    assert "billing-2019" not in names({"name": "*"}, **{"from": "hlo"})
    chosen = json.dumps([{"property": "storageProfileName", "op": "=", "value": "Gold"}])
    assert names({"name": "*"}, filter=chosen) == ["web-01", "web-02", '<b>vm & "co"</b>']
    assert spp.call("POST", "/api/hypervisor/search", params={"resourceType": "vm"}, json={}).status_code == 400


def test_databases(spp: SppClient) -> None:
    query = {"resourceType": "database", "applicationType": "sql", "from": "recovery"}
    found = spp.call("POST", "/api/application/search", params=query, json={"name": "orders"}).json()["databases"]
    assert [row["name"] for row in found] == ["orders"]
    copies = list(spp.pages(urlsplit(found[0]["links"]["copies"]["href"]).path, "copies", pageSize=9))
    moments = {copy["protectionInfo"]["protectionTime"] for copy in copies}
    assert moments == {milliseconds(point["created_at"]) for point in spp.get_points(spp.workload("orders"))}
    assert len(spp.get("/api/application/sql/instance", **{"from": "recovery"})["instances"]) == 1


def test_inventory(spp: SppClient) -> None:
    rows = list(spp.pages("/api/endeavour/catalog/hypervisor/vm", "children", pageSize=5, **PROPERTIES))
    protected = {row["name"]: row["properties"]["isProtected"] for row in rows}
    vms = [work for work in spp.works("vm") if work["in_inventory"]]
    assert len(rows) == len(vms)
    assert protected["sandbox-7"] is False
    assert protected["web-01"] is True


# Resources other than points


def test_sessions_have_expiry_and_result(spp: SppClient) -> None:
    sessions = {row["id"]: row for row in spp.pages("/api/endeavour/jobsession", "sessions")}
    work = spp.workload("orders")
    truth = {milliseconds(point["created_at"]): point for point in work["points"]}
    path = f"/api/endeavour/catalog/recovery/applicationdatabase/{spp.pk('orders')}/version"
    rows = [row["properties"] for row in spp.pages(path, "contents")]
    for row in rows:
        session, point = sessions[row["sessionId"]], truth[row["protectionInfo"]["protectionTime"]]
        assert session["expirationTime"] == milliseconds(point["expires_at"])
        assert session["status"] == {"success": "COMPLETED", "warning": "PARTIAL"}[point["status"]]
        assert session["jobName"] == row["protectionInfo"]["policyName"] == "sql_Orders"
    assert {sessions[row["sessionId"]]["status"] for row in rows} == {"COMPLETED", "PARTIAL"}


def test_failed_and_running_nights_are_sessions_without_points(spp: SppClient) -> None:
    chosen = json.dumps([{"property": "status", "op": "IN", "value": ["FAILED", "RUNNING"]}])
    sessions = list(spp.pages("/api/endeavour/jobsession", "sessions", filter=chosen))
    names = [row["jobName"] for row in sessions]
    assert names.count("vmware_Lab") == 15
    assert names.count("vmware_Batch") == 1
    assert not any("expirationTime" in row or row["hasCatalog"] for row in sessions)
    failed = next(row for row in sessions if row["status"] == "FAILED")
    assert failed["properties"]["statistics"] == [
        {"resourceType": "vm", "total": 1, "success": 0, "failed": 1, "skipped": 0}
    ]
    running = next(row for row in sessions if row["status"] == "RUNNING")
    assert "end" not in running
    assert spp.get(f"/api/endeavour/jobsession/{running['id']}") == running


def test_sla_policies(spp: SppClient) -> None:
    policies = {row["name"]: row for row in spp.get("/ngp/slapolicy")["slapolicies"]}
    backup, copy, offload = policies["Platinum"]["spec"]["subpolicy"]
    assert (backup["type"], backup["software"], backup["useEncryption"]) == ("REPLICATION", True, True)
    assert (copy["type"], copy["software"], copy["site"]) == ("REPLICATION", False, "Frankfurt DR")
    assert (offload["type"], offload["target"]["wormProtected"], offload["retention"]) == (
        "SPPOFFLOAD",
        True,
        {"age": 30},
    )
    assert policies["Orders"]["spec"]["subpolicy"][1]["target"]["wormProtected"] is False
    assert policies["Snapshots"]["type"] == "snapshot"
    assert spp.get("/api/spec/storageprofile")["storageprofiles"] == list(policies.values())
    assert spp.get(f"/ngp/slapolicy/{policies['Gold']['id']}") == policies["Gold"]


def test_worm_lock_is_copy_time_plus_age(spp: SppClient) -> None:
    """The policy implies the values of the ground truth, so that an inferred value can be compared with it."""
    row = wizard_versions(spp, "erp-prod", embedCopies="true")[-1]
    offload = next(copy for copy in row["copies"] if copy["protectionInfo"]["subPolicyType"] == "SPPOFFLOAD")
    lock = offload["copyTime"] + 30 * 86_400_000
    assert lock == milliseconds(spp.get_points(spp.workload("erp-prod"))[0]["immutable_until"])


def test_null_capacity(spp: SppClient) -> None:
    storages = spp.get("/api/storage")["storages"]
    assert {storage["capacity"]["total"] is None for storage in storages} == {True, False}


# Formats

SCHEMA = load("spp", "10.1")
WIZARD = "/api/hypervisor/{id}/vm/{id}/version"


def test_catalog_follows_the_schema(spp: SppClient) -> None:
    machines = spp.get(CATALOGUE, **PROPERTIES)
    assert SCHEMA.problems("GET", CATALOGUE, 200, machines) == []
    assert machines["children"]
    for machine in machines["children"]:
        versions = spp.get(f"{CATALOGUE}/{machine['id']}/version")
        assert SCHEMA.problems("GET", f"{CATALOGUE}/{{pk}}/version", 200, versions) == []
        assert versions["contents"] or versions["total"] == 0


@pytest.mark.parametrize("name", ["erp-prod", "web-01"])
def test_wizard_follows_the_schema(spp: SppClient, name: str) -> None:
    versions = spp.get(get_wizard_path(spp, name), **{"from": "recovery", "embedCopies": "true"})
    assert SCHEMA.problems("GET", WIZARD, 200, versions) == []
    copies = [copy for version in versions["versions"] for copy in version["copies"]]
    assert {"BACKUP", "REPLICATION"} <= {copy["protectionInfo"]["subPolicyType"] for copy in copies}
    assert any("offloadInfo" in copy["protectionInfo"] for copy in copies) is (name == "erp-prod")


def test_sessions_and_policies_follow_the_schema(spp: SppClient) -> None:
    sessions = spp.get("/api/endeavour/jobsession")
    assert SCHEMA.problems("GET", "/api/endeavour/jobsession", 200, sessions) == []
    assert len(sessions["sessions"]) == 100
    policies = spp.get("/ngp/slapolicy")
    assert SCHEMA.problems("GET", "/ngp/slapolicy", 200, policies) == []
    assert policies["slapolicies"]
    assert SCHEMA.problems("POST", "/api/endeavour/session", 200, spp.log_in().json()) == []


@pytest.fixture
def responses(spp: SppClient) -> dict[str, Any]:
    return {
        "children": spp.get(CATALOGUE, **PROPERTIES),
        "versions": spp.get(f"{CATALOGUE}/{spp.pk('web-01')}/version"),
        "copies": wizard_versions(spp, "erp-prod", embedCopies="true"),
        "sessions": spp.get("/api/endeavour/jobsession"),
    }


@pytest.mark.parametrize(
    ("sample", "without"),
    # The simulated objects have no tags.
    [("children", {"$.children[].properties.tags[]", "$.children[].properties.tags[].name"}), ("versions", set[str]())],
)
def test_fields_of_the_samples_are_sent(responses: dict[str, Any], sample: str, without: set[str]) -> None:
    """Including fields that the schema does not require."""
    assert set(get_shape([read(f"spp/{sample}.yml")])) - set(get_shape([responses[sample]])) == without


def test_optional_fields_are_sent(responses: dict[str, Any]) -> None:
    copy, session = "$[].copies[]", "$.sessions[]"
    assert {
        f"{copy}.protectionInfo.offloadInfo",
        f"{copy}.mappings[].destination.offloadProvider",
        f"{copy}.mappings[].destination.offloadProviderId",
    } <= set(get_shape([responses["copies"]]))
    assert {
        "$.links.nextPage",
        f"{session}.subPolicyType",
        f"{session}.end",
        f"{session}.duration",
        f"{session}.expirationTime",
        f"{session}.properties.statistics[].skipped",
    } <= set(get_shape([responses["sessions"]]))


def test_schema_check_finds_errors(spp: SppClient) -> None:
    """Missing, misspelled and additional fields, and other types, are found in a response."""
    machines = spp.get(CATALOGUE, **PROPERTIES)
    protection = machines["children"][0]["properties"]["protectionInfo"]
    base = protection.pop("baseBackup")
    for wrong in ({}, {"basebackup": base}, {"baseBackup": base, "more": 1}, {"baseBackup": str(base)}):
        machines["children"][0]["properties"]["protectionInfo"] = {**protection, **wrong}
        assert SCHEMA.problems("GET", CATALOGUE, 200, machines) != []
    machines["children"][0]["properties"]["protectionInfo"] = {**protection, "baseBackup": base}
    assert SCHEMA.problems("GET", CATALOGUE, 200, machines) == []
