# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud repository is off-site only for machines that are certainly not in the same cloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication import (
    records,
    repositories,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.adapter import (
    VeeamBackupReplication,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import infer_offsite, parse_cloud
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.adapter import (
    VeeamEnterpriseManager,
)
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import LOCATION_TYPES, PLATFORMS
from tests.simulators.product_api import Call, Response
from tests.simulators.veeam_backup_replication.api import VeeamBackupReplication as SimulatedVbr
from tests.simulators.veeam_enterprise_manager.api import VeeamEnterpriseManager as SimulatedManager
from tests.unit.plugins.module_utils._adapters.veeam.simulated_server import Change, SimulatedServer, edit

# Repository types of the vendor, and the cloud of each. None: it may be anywhere.
CLOUDS = {
    "AmazonS3": "aws",
    "AmazonS3Glacier": "aws",
    "AmazonS3External": "aws",
    "AmazonS3GlacierExternal": "aws",
    "VeeamDataCloudVaultAwsExternal": "aws",
    "AzureBlob": "azure",
    "AzureArchive": "azure",
    "AzureStorageExternal": "azure",
    "AzureArchiveStorageExternal": "azure",
    "VeeamDataCloudVaultAzureExternal": "azure",
    "GoogleCloud": "google",
    "GoogleCloudStorageExternal": "google",
    "GoogleArchiveStorageExternal": "google",
    "IBMCloud": "ibm",
    "WasabiCloud": "wasabi",
    "ElevenElevenS3": "11:11",
    "Cloud": "any",
    "VeeamDataCloudVault": "any",
    "VeeamDataCloudVaultArchive": "any",
    "VeeamVault": "any",
    **dict.fromkeys(
        (
            *("WinLocal", "LinuxLocal", "Smb", "Nfs", "AzureDataBox", "AmazonSnowballEdge", "S3Compatible"),
            *("AmazonS3Compatible", "S3GlacierCompatible", "S3Integrated", "ExtendableRepository", "DellDataDomain"),
            *("HPEStoreOnce", "QuantumDXi", "LinuxHardened", "Tape", "Foreign", "SanSnapshotOnly", "AbrVirtual"),
            *("PlatformServiceExternal", "PlatformServiceVmbApi", "HPStoreOnceCloudBank", "Novel", ""),
        ),
    ),
}
# Platforms of machines in a cloud.
HOMES = {"AWSEC2": "aws", "AzureCompute": "azure", "EntraID": "azure", "GCE": "google"}
AT_HOME = ("VMware", "HyperV", "CloudDirector", "Vcd", "Proxmox", "Nutanix", "WindowsPhysical", "UnstructuredData")
UNKNOWN = (None, "CustomPlatform", "Test", "Tape", "Novel")


@pytest.mark.parametrize(("kind", "cloud"), CLOUDS.items())
def test_clouds_of_repositories(kind: str, cloud: str | None) -> None:
    assert parse_cloud(kind) == cloud
    assert parse_cloud(kind.upper()) == cloud


def expected(kinds: list[str], word: str | None) -> bool | None:
    """Derive the expected value: off-site only if no possible location is where the machine may be."""
    clouds = [CLOUDS[kind] for kind in kinds]
    if not clouds or None in clouds or word in UNKNOWN:
        return None
    home = HOMES.get(word or "")
    return None if home is not None and any(cloud in (home, "any") for cloud in clouds) else True


TERMS = st.sampled_from([*HOMES, *AT_HOME, *UNKNOWN])
KINDS = st.lists(st.sampled_from(sorted(CLOUDS)), min_size=1, max_size=3)


@given(KINDS, TERMS)
def test_extents_of_a_repository_in_clouds(kinds: list[str], word: str | None) -> None:
    rows = {str(number): {"name": kind, "type": kind} for number, kind in enumerate(kinds)}
    places = {ident: repositories.parse_repository(row) for ident, row in rows.items()}
    tier = {"performanceTier": {"performanceExtents": [{"id": ident} for ident in places]}}
    location = repositories.parse_scale_out_repository(tier, places)
    platform = records.parse_platform(word)[1]
    assert infer_offsite(location.clouds, platform) is expected(kinds, word)
    if len(kinds) == 1:
        assert infer_offsite(places["0"].clouds, platform) is expected(kinds, word)


@given(st.sampled_from(sorted(CLOUDS)), TERMS, TERMS)
def test_a_point_and_its_object_may_have_two_platforms(kind: str, of_point: str | None, of_object: str | None) -> None:
    """The known platform counts. A copy of a cloud machine may be reported as a custom platform."""
    row = {
        "id": "p",
        "platformName": of_point,
        "creationTime": "2026-11-20T01:00:00Z",
        "allowedOperations": ["StartFlrRestore"],
        "type": "Full",
    }
    backup = repositories.Backup("job", repositories.parse_repository({"name": "r", "type": kind}), None, None)
    workload = records.parse_workload({"id": "o", "name": "x", "platformName": of_object})
    point = records.parse_point(row, workload, backup, None, None, has_operations=True, include_raw=False)
    known = [word for word in (of_point, of_object) if word not in UNKNOWN]
    facts = {expected([kind], word) for word in known}
    assert point.offsite is (True if facts == {True} else None)
    assert ("offsite" in point.inferred) is (point.offsite is True)
    (copy,) = point.copies or []
    assert copy.offsite is point.offsite
    assert copy.vendor_location_type == (kind or None)
    assert copy.location_type is None or copy.location_type in LOCATION_TYPES
    assert workload.platform is None or workload.platform in PLATFORMS


@pytest.mark.parametrize(
    ("kind", "platform", "offsite"),
    [
        ("AmazonS3External", "AWSEC2", None),
        ("AzureStorageExternal", "AzureCompute", None),
        ("GoogleCloudStorageExternal", "GCE", None),
        ("AzureStorageExternal", "AWSEC2", True),
        ("VeeamDataCloudVault", "AWSEC2", None),
        ("AmazonS3External", "CustomPlatform", None),
        ("AmazonS3", "VMware", True),
    ],
)
def test_vbr_machines_in_repositories(kind: str, platform: str, offsite: bool | None) -> None:
    """All machines of the server have this platform, and all its repositories have this type."""

    def set_platform(document: dict[str, Any]) -> None:
        for row in document["data"]:
            row["platformName"] = platform

    def set_kind(document: dict[str, Any]) -> None:
        for row in document["data"]:
            row["type"] = kind

    changes = [edit(f"/api/v1/{path}", set_platform) for path in ("backupObjects", "restorePoints", "backupObjects/*")]
    server = SimulatedServer(SimulatedVbr, VeeamBackupReplication)
    result = server.read(*changes, edit("/api/v1/backupInfrastructure/repositories", set_kind))
    stored = [
        point for point in result.points if point["copies"] and point["copies"][0]["vendor_location_type"] == kind
    ]
    assert stored
    assert {point["offsite"] for point in stored} == {offsite}
    assert {copy["offsite"] for point in stored for copy in point["copies"]} == {offsite}


def edit_query(kind: str, **members: Any) -> Change:
    """Set fields of all records in responses to queries of one type of Enterprise Manager."""

    def change(call: Call, own: Callable[[], Response]) -> Response | None:
        if call.first("type") != kind:
            return None
        response = own()
        document = json.loads(response.body.decode("utf-8-sig"))
        (group,) = [group for group in document["Entities"].values() if group]
        for record in next(iter(group.values())):
            record.update(members)
        response.body = json.dumps(document).encode()
        return response

    return change


@pytest.mark.parametrize(
    ("kind", "platform", "reference", "offsite"),
    [
        ("AmazonS3External", "CustomPlatform", "urn:AWSEC2:Vm:1.i-1", None),
        ("AzureStorageExternal", "AzureCompute", "urn:AzureCompute:Vm:1.2", None),
        ("AmazonS3External", "CustomPlatform", "urn:CustomPlatform:Vm:1.2", None),
        ("AmazonS3External", "AWSEC2", None, None),
        ("AmazonS3External", "CustomPlatform", None, None),
        ("AmazonS3", "VMware", "urn:VMware:Vm:1.vm-2", True),
        ("Cloud", "VMware", None, True),
        ("AmazonS3Compatible", "VMware", "urn:VMware:Vm:1.vm-2", None),
        ("Extendable", "VMware", "urn:VMware:Vm:1.vm-2", None),
    ],
)
def test_em_machines_in_repositories(kind: str, platform: str, reference: str | None, offsite: bool | None) -> None:
    server = SimulatedServer(SimulatedManager, VeeamEnterpriseManager)
    result = server.read(
        edit_query("Repository", Kind=kind),
        edit_query("Backup", Platform=platform),
        edit_query("VmRestorePoint", HierarchyObjRef=reference),
        workload_types=["vm"],
    )
    assert result.points
    assert {point["offsite"] for point in result.points} == {offsite}
    copies = [copy for point in result.points for copy in point["copies"]]
    assert {copy["vendor_location_type"] for copy in copies} == {kind}
    assert {copy["location_type"] for copy in copies} <= set(LOCATION_TYPES)
    assert {point["vendor_platform"] for point in result.points} == {reference.split(":")[1] if reference else platform}


def test_em_points_in_storage_snapshots_are_snapshots() -> None:
    server = SimulatedServer(SimulatedManager, VeeamEnterpriseManager)
    result = server.read(edit_query("Repository", Kind="SanSnapshot"), workload_types=["vm"])
    assert {point["kind"] for point in result.points} == {"snapshot"}
    assert {row["recovery_points"] for row in result.rows()} == {0}
