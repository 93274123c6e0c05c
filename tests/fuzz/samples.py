# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that were recorded from live servers, or printed by the vendors, served as if one server gave them all."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.fuzz.reading import Told
from tests.fuzz.replay import Setup, Tape, taped

_TOKEN = b'{"access_token": "a-token-of-some-length", "sessionid": "a-token-of-some-length"}'


@dataclasses.dataclass(frozen=True)
class Sampled:
    """A product, how it is read, and which file answers which path."""

    setup: Setup
    folder: str
    files: tuple[tuple[str, str], ...]


SAMPLED = (
    Sampled(
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
    Sampled(
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
    Sampled(
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
    Sampled(
        Setup("vprotect printed", "vprotect"),
        "vprotect/samples",
        (
            ("GET .*/backups", "doc_backups_7.4.json"),
            ("GET .*/nodes", "doc_nodes_older_apidocs.json"),
            ("GET .*/protected-entities", "doc_protected_entities_older_apidocs.json"),
        ),
    ),
    Sampled(
        Setup("spp constructed", "spp", own={"workload_types": ["vm"]}),
        "spp/samples",
        (
            ("GET .*/recovery/hypervisorvm", "constructed/recovery_hypervisorvm_children.json"),
            ("GET .*/recovery/hypervisorvm/.*/version", "constructed/recovery_versions_contents.json"),
            ("GET .*/slapolicy", "doc/slapolicy_list_response.json"),
        ),
    ),
    Sampled(
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


def _alone(data: bytes) -> bytes:
    """Some files hold a few records of many: they are all that there are here."""
    body = json.loads(data)
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        body["pagination"] = {"total": len(body["data"])}
    return json.dumps(body).encode()


def sampled(shared: Path, one: Sampled) -> Tape | None:
    """The reading of these samples; None where they are not at hand."""
    folder = shared / one.folder
    if not folder.exists():
        return None

    def answer(request: requests.PreparedRequest) -> Told:
        call = f"{request.method} {urlsplit(request.url or '').path}"
        file = next((file for pattern, file in one.files if re.fullmatch(pattern, call)), None)
        headers = {"Content-Type": "application/json", "Set-Cookie": "JSESSIONID=a-token-of-some-length"}
        if file is not None:
            return Told(200, headers, _alone((folder / file).read_bytes()))
        return Told(200, headers, _TOKEN) if request.method == "POST" else Told(404, headers, b"{}")

    return taped(one.setup, answer)
