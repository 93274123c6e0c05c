# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses recorded from live servers or published by the vendors, served as if they came from one server."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.fuzz.reading import FakeResponse
from tests.fuzz.replay import Recording, Setup, record

_TOKEN = b'{"access_token": "a-token-of-some-length", "sessionid": "a-token-of-some-length"}'


@dataclasses.dataclass(frozen=True)
class SampleSet:
    """A product, the options to read it with, and the sample file for each path."""

    setup: Setup
    folder: str
    files: tuple[tuple[str, str], ...]


SAMPLE_SETS = (
    SampleSet(
        Setup("vbr 13.1 recorded", "veeam_backup_replication", own={"api_version": "1.3-rev1"}),
        "veeam_em_vbr/samples/vbr",
        (
            ("POST .*/token", "recorded_13.1_token.json"),
            ("GET .*/serverInfo", "recorded_13.1_serverInfo.json"),
            ("GET .*/backupObjects", "recorded_13.1_backupObjects_subset.json"),
            ("GET .*/backups", "recorded_13.1_backups_subset.json"),
            ("GET .*/repositories", "recorded_13.1_repositories_subset.json"),
            ("GET .*/backupObjects/.*/restorePoints", "recorded_13.1_restorePoints_subset.json"),
        ),
    ),
    SampleSet(
        Setup("vbr 1.3-rev2 printed", "veeam_backup_replication", own={"api_version": "1.3-rev2"}),
        "veeam_em_vbr/samples/vbr",
        (
            ("GET .*/serverInfo", "spec_1.3-rev2_ServerInfoModel.json"),
            ("GET .*/backupObjects", "spec_1.3-rev2_BackupObjectsResult.json"),
            ("GET .*/backups", "spec_1.3-rev2_BackupsResult.json"),
            ("GET .*/backupFiles", "spec_1.3-rev2_BackupFilesResult.json"),
            ("GET .*/restorePoints", "spec_1.3-rev2_ObjectRestorePointsResult.json"),
            ("GET .*/replicas", "spec_1.3-rev2_ReplicasResult.json"),
            ("GET .*/replicaPoints", "spec_1.3-rev2_ReplicaPointsResult.json"),
        ),
    ),
    SampleSet(
        Setup("azure 8.1 printed", "veeam_azure", own={"api_version": "v8.1"}),
        "veeam_cloud/samples",
        (
            ("GET .*/system/about", "prism_v8.1_system_about.json"),
            ("GET .*/repositories", "prism_v8.1_repositories.json"),
            ("GET .*/protectedItem/virtualMachines", "prism_v8.1_protectedItem_virtualMachines.json"),
            ("GET .*/restorePoints/virtualMachines", "prism_v8.1_restorePoints_virtualMachines.json"),
            ("GET .*/restorePoints/sql", "prism_v8.1_restorePoints_sql.json"),
            ("GET .*/restorePoints/fileShares", "prism_v8.1_restorePoints_fileShares.json"),
            ("GET .*/restorePoints/vnets", "prism_v8.1_restorePoints_vnets.json"),
            ("GET .*/cosmosDb/repository", "prism_v8.1_restorePoints_cosmosDb_repository.json"),
            ("GET .*/cosmosDb/continuous", "prism_v8.1_restorePoints_cosmosDb_continuous.json"),
        ),
    ),
    SampleSet(
        Setup("vprotect printed", "vprotect"),
        "vprotect/samples",
        (
            ("GET .*/backups", "doc_backups_7.4.json"),
            ("GET .*/nodes", "doc_nodes_older_apidocs.json"),
            ("GET .*/protected-entities", "doc_protected_entities_older_apidocs.json"),
        ),
    ),
    SampleSet(
        Setup("spp constructed", "spp", own={"workload_types": ["vm"]}),
        "spp/samples",
        (
            ("GET .*/recovery/hypervisorvm", "constructed/recovery_hypervisorvm_children.json"),
            ("GET .*/recovery/hypervisorvm/.*/version", "constructed/recovery_versions_contents.json"),
            ("GET .*/slapolicy", "doc/slapolicy_list_response.json"),
        ),
    ),
    SampleSet(
        Setup(
            "unitrends constructed",
            "unitrends",
            own={"since": "2026-10-20T00:00:00Z", "until": "2026-11-19T00:00:00Z", "slice": "30d", "timezone": None},
        ),
        "unitrends/samples/constructed",
        (
            ("POST .*/login", "login.json"),
            ("GET .*/systems/", "systems.json"),
            ("GET .*/date-time/", "date_time.json"),
            ("POST .*/backups/", "post_backups_server_shape.json"),
            ("GET .*/catalog/", "catalog_instance_view.json"),
            ("GET .*/backups/latest/", "backups_latest.json"),
        ),
    ),
)


def _fix_total(data: bytes) -> bytes:
    """Adjust the total of files that contain only a few of many records."""
    body = json.loads(data)
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        body["pagination"] = {"total": len(body["data"])}
    return json.dumps(body).encode()


def record_samples(shared: Path, sample_set: SampleSet) -> Recording | None:
    """Record the read of these samples; None if the files are not available."""
    folder = shared / sample_set.folder
    if not folder.exists():
        return None

    def answer(request: requests.PreparedRequest) -> FakeResponse:
        call = f"{request.method} {urlsplit(request.url or '').path}"
        file = next((file for pattern, file in sample_set.files if re.fullmatch(pattern, call)), None)
        headers = {"Content-Type": "application/json", "Set-Cookie": "JSESSIONID=a-token-of-some-length"}
        if file is not None:
            return FakeResponse(200, headers, _fix_total((folder / file).read_bytes()))
        return FakeResponse(200, headers, _TOKEN) if request.method == "POST" else FakeResponse(404, headers, b"{}")

    return record(sample_set.setup, answer)
