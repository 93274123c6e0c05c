# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample responses of each product, served as if they came from one server."""

from __future__ import annotations

import dataclasses
import json
import re
from urllib.parse import urlsplit

import requests

from tests.fuzz.reading import FakeResponse
from tests.fuzz.replay import Recording, Setup, record
from tests.samples import read_body

_TOKEN = b'{"access_token": "a-token-of-some-length", "sessionid": "a-token-of-some-length"}'


@dataclasses.dataclass(frozen=True)
class SampleSet:
    """A product, the options to read it with, and the sample for each path, in a folder of tests/samples."""

    setup: Setup
    folder: str
    files: tuple[tuple[str, str], ...]


SAMPLE_SETS = (
    SampleSet(
        Setup("vbr 13.1 samples", "veeam_backup_replication", own={"api_version": "1.3-rev1"}),
        "veeam_backup_replication/recorded",
        (
            ("POST .*/token", "token.yml"),
            ("GET .*/serverInfo", "server.yml"),
            ("GET .*/backupObjects", "objects.yml"),
            ("GET .*/backups", "backups.yml"),
            ("GET .*/repositories", "repositories.yml"),
            ("GET .*/backupObjects/.*/restorePoints", "points.yml"),
        ),
    ),
    SampleSet(
        Setup("vbr 1.3-rev2 samples", "veeam_backup_replication", own={"api_version": "1.3-rev2"}),
        "veeam_backup_replication/printed",
        (
            ("GET .*/serverInfo", "server.yml"),
            ("GET .*/backupObjects", "objects.yml"),
            ("GET .*/backups", "backups.yml"),
            ("GET .*/backupFiles", "files.yml"),
            ("GET .*/restorePoints", "points.yml"),
            ("GET .*/replicas", "replicas.yml"),
            ("GET .*/replicaPoints", "replica_points.yml"),
        ),
    ),
    SampleSet(
        Setup("azure 8.1 samples", "veeam_azure", own={"api_version": "v8.1"}),
        "veeam_azure",
        (
            ("GET .*/system/about", "about.yml"),
            ("GET .*/repositories", "repositories.yml"),
            ("GET .*/protectedItem/virtualMachines", "machines.yml"),
            ("GET .*/restorePoints/virtualMachines", "machine_points.yml"),
            ("GET .*/restorePoints/sql", "sql_points.yml"),
            ("GET .*/restorePoints/fileShares", "file_share_points.yml"),
            ("GET .*/restorePoints/vnets", "network_points.yml"),
            ("GET .*/cosmosDb/repository", "cosmos_repository_points.yml"),
            ("GET .*/cosmosDb/continuous", "cosmos_continuous_points.yml"),
        ),
    ),
    SampleSet(
        Setup("vprotect samples", "vprotect"),
        "vprotect",
        (
            ("GET .*/backups", "backups.yml"),
            ("GET .*/nodes", "nodes.yml"),
            ("GET .*/protected-entities", "entities.yml"),
        ),
    ),
    SampleSet(
        Setup("pbs samples", "pbs", own={"username": "reader@pbs!audit", "datastores": ["archive-1"]}),
        "pbs",
        (
            ("GET .*/version", "version.yml"),
            ("GET .*/access/permissions", "permissions.yml"),
            ("GET .*/admin/datastore", "datastores.yml"),
            ("GET .*/namespace", "namespaces.yml"),
            ("GET .*/groups", "groups.yml"),
            ("GET .*/snapshots", "snapshots.yml"),
            ("GET .*/status", "status.yml"),
            ("GET .*/admin/verify", "verify_jobs.yml"),
            ("GET .*/admin/prune", "prune_jobs.yml"),
            ("GET .*/admin/sync", "sync_jobs.yml"),
        ),
    ),
    SampleSet(
        Setup("spp samples", "spp", own={"workload_types": ["vm"]}),
        "spp",
        (
            ("GET .*/recovery/hypervisorvm", "children.yml"),
            ("GET .*/recovery/hypervisorvm/.*/version", "versions.yml"),
            ("GET .*/slapolicy", "policies.yml"),
        ),
    ),
    SampleSet(
        Setup(
            "unitrends samples",
            "unitrends",
            own={"since": "2026-10-20T00:00:00Z", "until": "2026-11-19T00:00:00Z", "slice": "30d", "timezone": None},
        ),
        "unitrends",
        (
            ("POST .*/login", "login.yml"),
            ("GET .*/systems/", "systems.yml"),
            ("GET .*/date-time/", "date_time.yml"),
            ("POST .*/backups/", "backups.yml"),
            ("GET .*/catalog/", "catalog.yml"),
            ("GET .*/backups/latest/", "latest.yml"),
        ),
    ),
)


def _fix_total(data: bytes) -> bytes:
    """Adjust the total of files that contain only a few of many records."""
    body = json.loads(data)
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        body["pagination"] = {"total": len(body["data"])}
    return json.dumps(body).encode()


def record_samples(sample_set: SampleSet) -> Recording:
    """Record the read of these samples."""

    def answer(request: requests.PreparedRequest) -> FakeResponse:
        call = f"{request.method} {urlsplit(request.url or '').path}"
        file = next((file for pattern, file in sample_set.files if re.fullmatch(pattern, call)), None)
        headers = {"Content-Type": "application/json", "Set-Cookie": "JSESSIONID=a-token-of-some-length"}
        if file is not None:
            return FakeResponse(200, headers, _fix_total(read_body(f"{sample_set.folder}/{file}")))
        return FakeResponse(200, headers, _TOKEN) if request.method == "POST" else FakeResponse(404, headers, b"{}")

    return record(sample_set.setup, answer)
