# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The samples of this project have the shape of the vendors' documents, and none of their values."""

from __future__ import annotations

import pytest

from tests.samples import list_samples, read
from tests.samples.shapes import compare, find_copies
from tests.tools.project import VENDORS
from tests.unit.samples.originals import read_original

if not VENDORS.is_dir():
    pytest.skip("the vendors' files are not part of the project", allow_module_level=True)

_SPP, _UNITRENDS, _VPROTECT = "spp/samples", "unitrends/samples", "vprotect/samples"
_PBS = "pbs/samples"
_CLOUD, _VBR, _EM = "veeam_cloud/samples", "veeam_em_vbr/samples/vbr", "veeam_em_vbr/samples/em"
# The vendors' documents with the same fields and types, for each sample.
ORIGINALS: dict[str, tuple[str, ...]] = {
    "pbs/datastores.yml": (f"{_PBS}/admin_datastore_offline.json",),
    "pbs/groups.yml": (f"{_PBS}/groups_root.json", f"{_PBS}/groups_failed_sync_target.json"),
    "pbs/namespaces.yml": (f"{_PBS}/namespace.json",),
    "pbs/permissions.yml": (f"{_PBS}/access_permissions_full.json",),
    "pbs/prune_jobs.yml": (f"{_PBS}/admin_prune.json",),
    "pbs/snapshots.yml": (
        f"{_PBS}/snapshots_root.json",
        f"{_PBS}/snapshots_clusterA.json",
        f"{_PBS}/snapshots_sync_target_store2.json",
        f"{_PBS}/constructed/snapshots_unreadable_manifest.json",
        f"{_PBS}/constructed/snapshots_verified_elsewhere.json",
    ),
    "pbs/status.yml": (f"{_PBS}/constructed/status_verbose.json",),
    "pbs/sync_jobs.yml": (f"{_PBS}/admin_sync_all.json",),
    "pbs/ticket.yml": (f"{_PBS}/constructed/ticket.json",),
    "pbs/ticket_second_factor.yml": (f"{_PBS}/constructed/ticket_tfa.json",),
    "pbs/verify_jobs.yml": (f"{_PBS}/admin_verify.json",),
    "pbs/version.yml": (f"{_PBS}/version.json",),
    "spp/children.yml": (f"{_SPP}/constructed/recovery_hypervisorvm_children.json",),
    "spp/versions.yml": (f"{_SPP}/constructed/recovery_versions_contents.json",),
    "spp/policies.yml": (f"{_SPP}/doc/slapolicy_list_response.json",),
    "unitrends/backups.yml": (f"{_UNITRENDS}/constructed/post_backups_server_shape.json",),
    "unitrends/backups_2015.yml": (f"{_UNITRENDS}/post_backups_doc_example_repaired.json",),
    "unitrends/catalog.yml": (f"{_UNITRENDS}/constructed/catalog_instance_view.json",),
    "unitrends/date_time.yml": (f"{_UNITRENDS}/constructed/date_time.json",),
    "unitrends/latest.yml": (f"{_UNITRENDS}/constructed/backups_latest.json",),
    "unitrends/login.yml": (f"{_UNITRENDS}/constructed/login.json",),
    "unitrends/systems.yml": (f"{_UNITRENDS}/constructed/systems.json",),
    "vprotect/backups.yml": (f"{_VPROTECT}/doc_backups_7.4.json",),
    "vprotect/destination.yml": (f"{_VPROTECT}/doc_rule_backup_destination_request_older_apidocs.json",),
    "vprotect/entities.yml": (f"{_VPROTECT}/doc_protected_entities_older_apidocs.json",),
    "vprotect/locations.yml": (f"{_VPROTECT}/doc_backup_locations_older_apidocs.json",),
    "vprotect/nodes.yml": (f"{_VPROTECT}/doc_nodes_older_apidocs.json",),
    "veeam_aws/points_1.0.yml": (f"{_CLOUD}/vbaws_1.0-rev0_vmRestorePoints_excerpt.json",),
    "veeam_azure/about.yml": (f"{_CLOUD}/prism_v8.1_system_about.json",),
    "veeam_azure/cosmos_continuous_points.yml": (f"{_CLOUD}/prism_v8.1_restorePoints_cosmosDb_continuous.json",),
    "veeam_azure/cosmos_repository_points.yml": (f"{_CLOUD}/prism_v8.1_restorePoints_cosmosDb_repository.json",),
    "veeam_azure/file_share_points.yml": (f"{_CLOUD}/prism_v8.1_restorePoints_fileShares.json",),
    "veeam_azure/machine_points.yml": (f"{_CLOUD}/prism_v8.1_restorePoints_virtualMachines.json",),
    "veeam_azure/machines.yml": (f"{_CLOUD}/prism_v8.1_protectedItem_virtualMachines.json",),
    "veeam_azure/network_points.yml": (f"{_CLOUD}/prism_v8.1_restorePoints_vnets.json",),
    "veeam_azure/repositories.yml": (f"{_CLOUD}/prism_v8.1_repositories.json",),
    "veeam_azure/sql_points.yml": (f"{_CLOUD}/prism_v8.1_restorePoints_sql.json",),
    "veeam_backup_replication/older/backups.yml": (f"{_VBR}/spec_1.2-rev1_BackupsResult.json",),
    "veeam_backup_replication/older/files.yml": (f"{_VBR}/spec_1.2-rev1_BackupFilesResult.json",),
    "veeam_backup_replication/older/objects.yml": (f"{_VBR}/spec_1.2-rev1_AllBackupObjectsResult.json",),
    "veeam_backup_replication/older/points.yml": (f"{_VBR}/spec_1.2-rev1_ObjectRestorePointsResult.json",),
    "veeam_backup_replication/older/repository_states.yml": (f"{_VBR}/spec_1.2-rev1_RepositoryStatesResult.json",),
    "veeam_backup_replication/printed/all_objects.yml": (f"{_VBR}/spec_1.3-rev2_AllBackupObjectsResult.json",),
    "veeam_backup_replication/printed/backups.yml": (f"{_VBR}/spec_1.3-rev2_BackupsResult.json",),
    "veeam_backup_replication/printed/files.yml": (f"{_VBR}/spec_1.3-rev2_BackupFilesResult.json",),
    "veeam_backup_replication/printed/objects.yml": (f"{_VBR}/spec_1.3-rev2_BackupObjectsResult.json",),
    "veeam_backup_replication/printed/points.yml": (f"{_VBR}/spec_1.3-rev2_ObjectRestorePointsResult.json",),
    "veeam_backup_replication/printed/replica_points.yml": (f"{_VBR}/spec_1.3-rev2_ReplicaPointsResult.json",),
    "veeam_backup_replication/printed/replicas.yml": (f"{_VBR}/spec_1.3-rev2_ReplicasResult.json",),
    "veeam_backup_replication/printed/server.yml": (f"{_VBR}/spec_1.3-rev2_ServerInfoModel.json",),
    "veeam_backup_replication/recorded/backups.yml": (f"{_VBR}/recorded_13.1_backups_subset.json",),
    "veeam_backup_replication/recorded/objects.yml": (f"{_VBR}/recorded_13.1_backupObjects_subset.json",),
    "veeam_backup_replication/recorded/points.yml": (f"{_VBR}/recorded_13.1_restorePoints_subset.json",),
    "veeam_backup_replication/recorded/repositories.yml": (f"{_VBR}/recorded_13.1_repositories_subset.json",),
    "veeam_backup_replication/recorded/repository_states.yml": (f"{_VBR}/recorded_13.1_repositories_states.json",),
    "veeam_backup_replication/recorded/server.yml": (f"{_VBR}/recorded_13.1_serverInfo.json",),
    "veeam_backup_replication/recorded/token.yml": (f"{_VBR}/recorded_13.1_token.json",),
    "veeam_enterprise_manager/agent_point.xml": (f"{_EM}/doc_agents_agentrestorepoints_id_AgentRestorePoint.xml",),
    "veeam_enterprise_manager/cloud_point.xml": (f"{_EM}/doc_cloudvmreplicapoints_id_CloudVmReplicaPoint.xml",),
    "veeam_enterprise_manager/cloud_point_references.xml": (f"{_EM}/seed_cloud_vmReplicaPoints_refs.xml",),
    "veeam_enterprise_manager/cloud_points_page.xml": (f"{_EM}/doc131_query_CloudVmReplicaPoint_entities.xml",),
    "veeam_enterprise_manager/machine_point_without_names.xml": (f"{_EM}/doc_vmrestorepoints_id_VmRestorePoint.xml",),
    "veeam_enterprise_manager/machine_points.xml": (f"{_EM}/recorded_v12_vmRestorePoints_format_Entity.xml",),
    "veeam_enterprise_manager/machine_points_page.xml": (f"{_EM}/doc131_query_VmRestorePoint_entities.xml",),
    "veeam_enterprise_manager/replica_point.xml": (f"{_EM}/doc_vmreplicapoints_id_VmReplicaPoint.xml",),
    "veeam_enterprise_manager/task_sessions_12.yml": (
        f"{_EM}/query_v12_v13/backup_jobs_tasks_sessions_metrics_v12.json",
    ),
    "veeam_enterprise_manager/task_sessions_13.yml": (
        f"{_EM}/query_v12_v13/backup_jobs_tasks_sessions_metrics_v13.json",
    ),
    "veeam_enterprise_manager/versions_12.yml": (f"{_EM}/query_v12_v13/veeam_api_v12.json",),
    "veeam_enterprise_manager/versions_13.yml": (f"{_EM}/query_v12_v13/veeam_api_v13.json",),
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_sample_has_the_shape_of_the_original(name: str) -> None:
    """It has the same fields, types, missing fields, null values, empty values and time formats."""
    assert compare([read(name)], [read_original(path) for path in ORIGINALS[name]]) == []


def test_every_sample_has_an_original() -> None:
    assert sorted(ORIGINALS) == sorted(list_samples())


@pytest.mark.parametrize("name", ORIGINALS)
def test_no_value_is_copied(name: str) -> None:
    assert find_copies([read(name)], [read_original(path) for path in ORIGINALS[name]]) == []
