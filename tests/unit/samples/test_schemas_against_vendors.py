# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas of products without an OpenAPI file match the documents that vendors publish, and recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from ansible_collections.backup.audit.plugins.filter.to_hdf import to_hdf
from tests.schemas.loader import load
from tests.simulators import running
from tests.tools.project import VENDORS
from tests.unit.plugins.plugin_utils.assessments import estate, healthy, unknown_only
from tests.unit.samples.originals import read_original
from tests.unit.simulators.client import AzureClient, SppClient
from tests.unit.simulators.veeam_enterprise_manager.client import EmClient
from tests.unit.simulators.veeam_enterprise_manager.test_query import PARENTS

if not VENDORS.is_dir():
    pytest.skip("the vendors' files are not part of the project", allow_module_level=True)

_CATALOG = "/api/endeavour/catalog/recovery/hypervisorvm"
_EM = "veeam_em_vbr/samples/em"
_STORE = "admin/datastore/{store}"
_SNAPSHOTS = [
    *("snapshots_root", "snapshots_clusterA", "snapshots_sync_target_store2"),
    *("constructed/snapshots_unreadable_manifest", "constructed/snapshots_verified_elsewhere"),
]
# Product and version, request, status, and the vendor's document.
RESPONSES = [
    *(
        (f"pbs {version}", f"GET /api2/json/{path}", 200, f"pbs/samples/{file}.json")
        for version, path, files in (
            (
                "4.2",
                "access/permissions",
                [f"access_permissions_{one}" for one in ("full", "not_propagated", "scoped")],
            ),
            ("4.2", "admin/datastore", ["admin_datastore", "admin_datastore_offline"]),
            ("2.1", "admin/datastore", ["admin_datastore_pbs21"]),
            ("4.2", "admin/prune", ["admin_prune"]),
            ("4.2", "admin/sync", ["admin_sync_all"]),
            ("4.2", "admin/verify", ["admin_verify"]),
            ("4.2", f"{_STORE}/gc", ["gc_ran"]),
            ("4.2", f"{_STORE}/groups", ["groups_failed_sync_target", "groups_root"]),
            ("4.2", f"{_STORE}/namespace", ["namespace", "namespace_scoped"]),
            *((version, f"{_STORE}/snapshots", _SNAPSHOTS) for version in ("2.1", "3.4", "4.2")),
            ("4.2", f"{_STORE}/status", ["constructed/status_verbose"]),
            ("4.2", "status/datastore-usage", ["datastore_usage_offline"]),
            ("4.2", "tape/media/content", ["constructed/tape_media_content"]),
            ("4.2", "version", ["version"]),
        )
        for file in files
    ),
    ("pbs 4.2", "POST /api2/json/access/ticket", 200, "pbs/samples/constructed/ticket.json"),
    ("pbs 4.2", "POST /api2/json/access/ticket", 200, "pbs/samples/constructed/ticket_tfa.json"),
    ("spp 10.1", f"POST {_CATALOG}", 200, "spp/samples/doc/aggregate_count_response.json"),
    ("spp 10.1", f"GET {_CATALOG}", 200, "spp/samples/constructed/recovery_hypervisorvm_children.json"),
    ("spp 10.1", f"GET {_CATALOG}/{{pk}}/version", 200, "spp/samples/constructed/recovery_versions_contents.json"),
    (
        "spp 10.1",
        "GET /api/hypervisor/{id}/vm/{id}/version",
        200,
        "spp/samples/constructed/hypervisor_versions_embedded_copies.json",
    ),
    ("spp 10.1", "GET /api/endeavour/jobsession", 200, "spp/samples/constructed/jobsessions_page.json"),
    ("spp 10.1", "GET /ngp/slapolicy", 200, "spp/samples/doc/slapolicy_list_response.json"),
    ("spp 10.1", "POST /api/endeavour/session", 200, "spp/samples/doc/session_response_partial.json"),
    ("unitrends 10", "POST /api/login", 201, "unitrends/samples/constructed/login.json"),
    ("unitrends 10", "GET /api/systems/", 200, "unitrends/samples/constructed/systems.json"),
    ("unitrends 10", "GET /api/date-time/", 200, "unitrends/samples/constructed/date_time.json"),
    ("unitrends 10", "POST /api/backups/", 200, "unitrends/samples/constructed/post_backups_server_shape.json"),
    ("unitrends 10", "GET /api/catalog/", 200, "unitrends/samples/constructed/catalog_instance_view.json"),
    ("unitrends 10", "GET /api/backups/latest/", 200, "unitrends/samples/constructed/backups_latest.json"),
    ("vprotect 7.4", "GET /api/backups", 200, "vprotect/samples/doc_backups_7.4.json"),
    ("vprotect 7.4", "GET /api/protected-entities", 200, "vprotect/samples/doc_protected_entities_older_apidocs.json"),
    ("vprotect 7.4", "GET /api/nodes", 200, "vprotect/samples/doc_nodes_older_apidocs.json"),
    ("vprotect 7.4", "GET /api/snapshots", 200, "vprotect/samples/doc_snapshot_details_older_apidocs.json"),
    ("veeam_azure 1", "GET /api/v1/restorePoints", 200, "veeam_cloud/samples/vbazure_v1_restorePoints_seed.json"),
    *(
        (f"veeam_enterprise_manager {version}", f"GET /api/{path}", 200, f"{_EM}/query_v12_v13/{name}_v{version}.json")
        for version in ("12", "13")
        for path, name in (("query", "backup_jobs_tasks_sessions_metrics"), ("", "veeam_api"))
    ),
    *(
        ("veeam_enterprise_manager xml", f"GET /api/{path}", 200, f"{_EM}/{name}.xml")
        for path, name in (
            ("query", "doc131_query_CloudVmReplicaPoint_entities"),
            ("query", "doc131_query_VmRestorePoint_entities"),
            ("cloud/vmReplicaPoints", "seed_cloud_vmReplicaPoints_refs"),
        )
    ),
]
# Differences of documents whose values are placeholders, or that are from an older release with other enumerations and
# more fields than the simulator sends.
DIFFERENCES = {
    "vprotect/samples/doc_backups_7.4.json": ["'ENUM_NAME' is not one of", "is a required property"],
    "vprotect/samples/doc_nodes_older_apidocs.json": ["'ENUM_NAME' is not one of"],
    "vprotect/samples/doc_protected_entities_older_apidocs.json": [
        "'OS_AGENT' is not of type 'object'",
        r"\('averageProgress', 'lastChainMarkedForDeletion' were unexpected\)",
    ],
    "vprotect/samples/doc_snapshot_details_older_apidocs.json": [
        "'ENUM_NAME' is not one of",
        r"'\.\.\.' is not a 'uuid'",
        "'REMOVED' is not of type 'object'",
        r"\('lastStoredSnapshotAssignments', 'metadata' were unexpected\)",
        r"\$\[0\]\.rule: .*'active', .*'vmCount' were unexpected\)",
    ],
}
ENTITIES = {
    "vmReplicaPoints": "vmreplicapoints_id_VmReplicaPoint",
    "cloud/vmReplicaPoints": "cloudvmreplicapoints_id_CloudVmReplicaPoint",
    "agents/agentRestorePoints": "agents_agentrestorepoints_id_AgentRestorePoint",
    "cloud/replicas": "cloudreplicas_id_CloudReplica",
    "replicas": "replicas_id_Replica",
    "repositories": "repositories_id_Repository",
    "backupFiles": "backupfiles_id_BackupFile",
    "restorePoints": "restorepoints_id_RestorePoint",
    "cdpReplicas": "cdpreplicas_id_CdpReplica",
    "backups": "backups_id_Backup",
    "backupServers": "backupservers_id_BackupServer",
}


@pytest.mark.parametrize(("schema", "request_line", "status", "file"), RESPONSES)
def test_published_responses(schema: str, request_line: str, status: int, file: str) -> None:
    """They have no unknown fields, no other types, and all fields that our schema requires."""
    document = read_original(file)
    if "snapshot_details" in file:
        document = [document]
    method, path = request_line.split()
    problems = load(*schema.split()).problems(method, path, status, document)
    allowed = DIFFERENCES.get(file, [])
    assert [one for one in problems if not any(re.search(pattern, one) for pattern in allowed)] == []
    assert [pattern for pattern in allowed if not any(re.search(pattern, one) for one in problems)] == []


@pytest.mark.parametrize("path", PARENTS)
def test_published_entities(path: str) -> None:
    document = read_original(f"{_EM}/doc_{ENTITIES[path]}.xml")
    (entity,) = document.values()
    for unused in ("@xmlns:xsd", "@xmlns:xsi"):
        entity.pop(unused, None)
    schema = load("veeam_enterprise_manager", "xml")
    assert schema.problems("GET", f"/api/{path}/{{id}}", 200, document) == []
    parents = {item["@Type"] for item in entity["Links"]["Link"] if item["@Rel"] == "Up"}
    # The simulator has no policies of continuous replication and no chains of backups.
    assert parents - {"BackupList", "CdpPolicyReference"} == PARENTS[path]


@pytest.mark.parametrize(
    ("document", "file"),
    [
        ("points", "recorded_v12_vmRestorePoints_format_Entity"),
        ("old_point", "doc_vmrestorepoints_id_VmRestorePoint"),
    ],
)
def test_restore_points(document: str, file: str) -> None:
    original = read_original(f"{_EM}/{file}.xml")
    assert load("veeam_enterprise_manager", "xml").document_problems(document, original) == []


@pytest.mark.parametrize(
    ("name", "version", "path", "status"),
    [
        ("401", "4.2", "version", 401),
        ("403_missing_privilege", "4.2", f"{_STORE}/status", 403),
        ("403_snapshots", "4.2", f"{_STORE}/snapshots", 403),
        ("400_offline", "4.2", f"{_STORE}/snapshots", 400),
        ("400_unknown_parameter", "3.4", "admin/sync", 400),
        ("404_path", "2.1", f"{_STORE}/namespace", 404),
    ],
)
def test_errors_of_proxmox(name: str, version: str, path: str, status: int) -> None:
    """Their bodies are plain text."""
    error = read_original("pbs/samples/errors.json")[name]
    assert error["status"] == status
    assert load("pbs", version).problems("GET", f"/api2/json/{path}", status, error["body"]) == []


def test_snapshot_without_its_files() -> None:
    original = read_original("pbs/samples/snapshot_pve_vm_weekly_verify.json")
    assert load("pbs", "4.2").document_problems("snapshot", original) == []


@pytest.fixture(scope="module")
def printed() -> Iterator[dict[str, Any]]:
    with running(estate="seed") as ready:
        yield ready


def test_published_documents_are_reproduced_exactly(printed: dict[str, Any]) -> None:
    """With the environment of published documents the simulators return exactly these documents."""
    spp = SppClient(printed)
    spp.log_in()
    counts = read_original("spp/samples/doc/aggregate_count_response.json")
    assert list(spp.counts().values()) == counts["results"]
    azure = AzureClient(printed)
    azure.log_in()
    points = read_original("veeam_cloud/samples/vbazure_v1_restorePoints_seed.json")
    assert azure.get("/api/v1/restorePoints") == points
    em = EmClient(printed)
    em.log_on()
    assert em.xml("cloud/vmReplicaPoints") == read_original(f"{_EM}/seed_cloud_vmReplicaPoints_refs.xml")


# HDF: the names of its definitions for the types of ours.
DEFINITIONS = {
    "Platform": "Platform",
    "Statistics": "Statistics",
    "StatisticsByStatus": "Statistic_Hash",
    "Block": "Statistic_Block",
    "Profile": "Exec_JSON_Profile",
    "Group": "Control_Group",
    "Control": "Exec_JSON_Control",
    "SourceLocation": "Source_Location",
    "Result": "Control_Result",
    "Waiver": "Waiver_Data",
}


def read_hdf() -> dict[str, Any]:
    path = VENDORS.parent / "evidence" / "hdf_exec-json.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return schema


def get_types(schema: Any, definitions: Any) -> set[str]:
    """The JSON types that a schema allows."""
    if "$ref" in schema:
        return get_types(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return set[str]().union(*(get_types(one, definitions) for one in schema["anyOf"]))
    if "enum" in schema:
        return {"string"}
    types = schema["type"]
    return set(types) if isinstance(types, list) else {types}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_hdf_types(name: str) -> None:
    """Each field of our schema exists in theirs with the same type, and no required field is missing."""
    ours, theirs = load("hdf", "exec-json").definitions, read_hdf()["definitions"]
    original = theirs[DEFINITIONS[name]]
    assert set(original["required"]) <= set(ours[name]["required"])
    for member, schema in ours[name]["properties"].items():
        allowed = get_types(original["properties"][member], theirs)
        types = get_types(schema, ours)
        assert types <= allowed | ({"integer"} if "number" in allowed else set()), member


def test_hdf_enumerations_and_top_level_fields() -> None:
    ours, theirs = load("hdf", "exec-json").definitions, read_hdf()
    assert ours["ResultStatus"]["enum"] == theirs["definitions"]["Control_Result_Status"]["enum"]
    assert set(theirs["required"]) == set(ours["Report"]["required"])


@pytest.mark.parametrize("compressed", [estate, healthy, unknown_only])
def test_hdf_documents(compressed: Any) -> None:
    """The documents are also valid according to the schema that Heimdall publishes."""
    jsonschema.validate(json.loads(to_hdf(compressed())), read_hdf())
