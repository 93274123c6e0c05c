# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: restore points of virtual machines, SQL, file shares, Cosmos DB, virtual networks.

Sources: the vendor's OpenAPI 8.1, REST API references v1 to v8, help centre. The version is part of the path.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterator

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import ServerInfo, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.type_reader import (
    LISTINGS,
    OLD_POINTS,
    TypeReader,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.cloud import MFA_HINT, PAGE, VeeamCloud
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    ForbiddenError,
    NotFoundError,
    OptionError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import OAuth2Password

_OAUTH = "/api/oauth2/token"
API_VERSIONS = ("v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v8.1")
DEFAULT_VERSION = "v8"
# In these versions all points are in one listing, which does not name the workloads.
_OLD_VERSIONS = ("v1", "v2", "v3")


def _get_version(settings: Settings) -> str:
    return settings.own.get("api_version") or DEFAULT_VERSION


def _allowlist() -> Iterator[AllowedRequest]:
    yield AllowedRequest("POST", _OAUTH)
    yield AllowedRequest("DELETE", _OAUTH)
    for version in API_VERSIONS:
        root = f"/api/{version}"
        yield AllowedRequest("GET", f"{root}/system/about")
        yield AllowedRequest("GET", f"{root}/repositories", PAGE)
        yield AllowedRequest("GET", f"{root}{OLD_POINTS}", PAGE)
        for listing in LISTINGS.values():
            for path in listing.points:
                yield AllowedRequest("GET", f"{root}{path}", {**PAGE, "VirtualMachineId": None})
            # Sync=true would start a rescan, so it is not on the allowlist.
            for path in filter(None, (listing.protected, listing.inventory)):
                yield AllowedRequest("GET", f"{root}{path}", PAGE)


class VeeamAzure(VeeamCloud):
    """Reads each listing of restore points completely and joins it to the protected items."""

    product = "veeam_azure"
    title = "Veeam Backup for Microsoft Azure"
    choice = "azure"
    versions = API_VERSIONS
    environment = ("VEEAM_AZURE", "VEEAM")
    workload_types = tuple(LISTINGS)
    allowlist = tuple(_allowlist())
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "completed_at": ("cannot", "recovery points contain only the point in time that can be restored"),
            "status": ("cannot", "warnings of a backup are reported per session, not per recovery point"),
            "restore_tested": ("cannot", "only Veeam Backup & Replication runs and records restore tests"),
            "integrity_checked": ("cannot", "health checks are recorded per session, not per recovery point"),
            "malware": ("cannot", "the API does not return scan results per recovery point"),
            "expires_at": ("cannot", "retention is applied by policy; recovery points have no expiry date"),
            "job": ("cannot", "recovery points name the session that created them, not the policy"),
            "snapshot:offsite": ("inferred", "a snapshot is stored with its disk"),
            "snapshot:status": ("cannot", "the API reports the state of a snapshot as not applicable"),
            "snapshot:size_bytes": ("inferred", "some versions report the size of the entire disk, others 0"),
            "encrypted": (
                "inferred",
                "only if all repositories have the same setting; requires a role that may read repositories",
            ),
        },
        ("database", "*"): {
            "offsite": ("cannot", "recovery points of databases have no region"),
            "copies": ("cannot", "recovery points of databases have no region"),
        },
        ("file_share", "*"): {"immutable_until": ("cannot", "file shares have only snapshots, which are never locked")},
        ("vm", "v1-v3"): {
            "workload_id": ("cannot", "recovery points do not name the virtual machine"),
            "workload_name": ("cannot", "recovery points do not name the virtual machine"),
            "in_inventory": ("cannot", "recovery points do not name the virtual machine"),
            "offsite": ("cannot", "recovery points have no region"),
            "copies": ("cannot", "recovery points have no region"),
            "status": ("cannot", "recovery points have no state"),
            "immutable": ("cannot", "recovery points do not include immutability"),
            "immutable_until": ("cannot", "recovery points do not include immutability"),
        },
        ("vm", "v4-v7"): {
            "offsite": ("cannot", "recovery points are known to have a region only in v8 or later"),
            "copies": ("cannot", "recovery points are known to have a region only in v8 or later"),
            "usable": ("cannot", "recovery points are known to have a state only in v8 or later"),
        },
        ("cosmosdb", "*"): {
            "continuous:immutable": ("cannot", "Azure itself stores continuous backups"),
            "continuous:offsite": ("cannot", "Azure itself stores continuous backups"),
        },
        ("vm", "v1-v2"): {
            "kind": ("cannot", "the API does not report whether a recovery point is full or incremental")
        },
    }

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Reject a name filter for versions that do not name workloads."""
        super().check(settings, workload_names)
        version = _get_version(settings)
        if workload_names and version in _OLD_VERSIONS:
            raise OptionError(
                f"workload_names: API version {version} does not report the virtual machine of restore points",
                hint='Omit "workload_names", or set "api_version" to a newer version',
            )

    def open(self, collector: Collector) -> None:
        """Log in."""
        self.root = f"/api/{_get_version(self.settings)}"
        self.client.hint_for = _get_hint
        login = OAuth2Password(
            self.settings.username,
            self.settings.password,
            path=_OAUTH,
            grant="Password",
            refresh_grant="Refresh_token",
            mfa_hint=MFA_HINT,
        )
        self.log_in(login)

    def server_info(self) -> ServerInfo:
        """The product version and the id of the appliance's own database.

        API version 1 does not have this request, and a restricted role may not send it.
        """
        try:
            about = self.client.get(f"{self.root}/system/about").json_object()
        except (NotFoundError, ForbiddenError):
            return ServerInfo()
        return ServerInfo(version=as_text(about.get("serverVersion")), identity=about.get("databaseId"))

    def read(self, collector: Collector) -> None:
        """Read every listing of the selected workload types. The listings joined to them are requested in parallel."""
        old = _get_version(self.settings) in _OLD_VERSIONS
        repositories = self.thread_pool.submit(self.fetch_optional_rows, "/repositories", "repositories")
        readers = {}
        for workload_type in self.settings.workload_types:
            listing = LISTINGS[workload_type]
            if old and workload_type == "vm":
                listing = dataclasses.replace(listing, points=(OLD_POINTS,))
            readers[workload_type] = TypeReader(self, collector, workload_type, listing)
        self.record_repositories(collector, repositories.result())
        for workload_type, reader in readers.items():
            try:
                reader.read()
            except NotFoundError as error:
                if workload_type == "vm":
                    error.hint = (
                        'Set "api_version" to a version that this appliance supports: 8.1 supports v8.1 to v6, 8.0 v8 '
                        "to v6, 7.0 v7 to v5, 6.0 v6 to v4, 5.0 v5 to v3, 4.0 v4 to v2, 3.0 v3 and v2, 2.0 v2, 1.0 v1"
                    )
                    raise
                collector.scope[workload_type] = False
                collector.warnings.append(f"restore points of type {workload_type} not available in this API version")


def _get_hint(status: int, body: bytes) -> str | None:
    if status == 403 and b'"licenseAgreementAcceptanceRequired":true' in body.replace(b" ", b""):
        return "Accept the license agreement in the web console of the appliance first"
    return None
