# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: restore points of virtual machines, SQL, file shares, Cosmos DB, virtual networks.

Sources: the vendor's OpenAPI 8.1, REST API references v1 to v8, help center. The version is part of the path.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterator

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import ServerInfo, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.health_checks import (
    CHECKED_ITEMS,
    SESSION_TYPE,
    SESSIONS,
    HealthChecks,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.repositories import Repositories
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.type_reader import (
    LISTINGS,
    OLD_POINTS,
    Shared,
    TypeReader,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.cloud import MFA_HINT, PAGE, Rows, VeeamCloud
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import is_unsupported
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
    NotFoundError,
    OptionError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import OAuth2Password

_OAUTH = "/api/oauth2/token"
API_VERSIONS = ("v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v8.1")
DEFAULT_VERSION = "v8"
# In these versions, all points are in one listing that does not name the workloads.
_OLD_VERSIONS = ("v1", "v2", "v3")
# Versions that are known to report the state of backups, and to list health checks.
_NEW_VERSIONS = ("v8", "v8.1")
_LOCK = (
    "reported if the policies of all repositories that can contain the recovery point are locked; unknown if one of "
    "them can be shortened; requires a role that may read repositories"
)
_VERSION_HINT = (
    'Set "api_version" to a version that this appliance supports: 8.1 supports v8.1 to v6, 8.0 v8 to v6, 7.0 v7 to v5, '
    "6.0 v6 to v4, 5.0 v5 to v3, 4.0 v4 to v2, 3.0 v3 and v2, 2.0 v2, 1.0 v1"
)


def _get_version(settings: Settings) -> str:
    return settings.own.get("api_version") or DEFAULT_VERSION


def _allowlist() -> Iterator[AllowedRequest]:
    yield AllowedRequest("POST", _OAUTH)
    yield AllowedRequest("DELETE", _OAUTH)
    for version in API_VERSIONS:
        root = f"/api/{version}"
        yield AllowedRequest("GET", f"{root}/system/about")
        yield AllowedRequest("GET", f"{root}/repositories", PAGE)
        yield AllowedRequest("GET", f"{root}{SESSIONS}", {**PAGE, "Types": SESSION_TYPE}, ("Types",))
        yield AllowedRequest("GET", f"{root}{SESSIONS}/{{session}}{CHECKED_ITEMS}", PAGE)
        yield AllowedRequest("GET", f"{root}{OLD_POINTS}", PAGE)
        for listing in LISTINGS:
            for path in listing.points:
                yield AllowedRequest("GET", f"{root}{path}", {**PAGE, "VirtualMachineId": None})
            # Sync=true would start a rescan, so it is not on the allowlist.
            for path in filter(None, (listing.protected, listing.inventory)):
                yield AllowedRequest("GET", f"{root}{path}", PAGE)


class VeeamAzure(VeeamCloud):
    """Reads each listing of restore points completely, and joins it to the protected items."""

    product = "veeam_azure"
    title = "Veeam Backup for Microsoft Azure"
    choice = "azure"
    versions = API_VERSIONS
    environment = ("VEEAM_AZURE", "VEEAM")
    workload_types = tuple(dict.fromkeys(listing.workload_type for listing in LISTINGS))
    allowlist = tuple(_allowlist())
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "completed_at": ("cannot", "recovery points contain only the point in time that can be restored"),
            "status": ("cannot", "warnings of a backup are reported per session, not per recovery point"),
            "restore_tested": ("cannot", "only Veeam Backup & Replication runs and records restore tests"),
            "integrity_checked": (
                "sometimes",
                "from health checks, if no other repository can contain the recovery point; never if it is archived",
            ),
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
            "immutable": ("inferred", _LOCK),
            "immutable_until": ("inferred", _LOCK),
        },
        ("*", "v1-v7"): {"integrity_checked": ("cannot", "health checks are known to be listed only in v8 or later")},
        ("database", "*"): {
            "offsite": ("cannot", "recovery points of databases do not include the region of their repository"),
            "copies": ("cannot", "recovery points of databases do not include the region of their repository"),
            "continuous:immutable": ("cannot", "Azure itself stores continuous backups"),
        },
        ("file_share", "*"): {
            "immutable_until": ("cannot", "file shares have only snapshots, which are never locked"),
            "integrity_checked": ("cannot", "health checks do not include snapshots"),
        },
        ("network", "*"): {
            "in_inventory": ("cannot", "the workload is the configuration of all networks of a region"),
            "offsite": ("cannot", "recovery points have the region in which they were created"),
            "copies": ("cannot", "recovery points have the region in which they were created"),
            "integrity_checked": ("cannot", "health checks do not include configurations"),
        },
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
            "offsite": ("sometimes", "recovery points are known to have a region only in v8 or later"),
            "copies": ("sometimes", "recovery points are known to have a region only in v8 or later"),
            "usable": ("sometimes", "recovery points are known to have a state only in v8 or later"),
        },
        ("vm", "v1-v2"): {
            "kind": ("cannot", "the API does not report whether a recovery point is full or incremental")
        },
    }

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Reject a name filter if the API version does not name workloads."""
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
        self.client.get_hint = _get_hint
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
        """Return the product version and the id of the appliance's own database.

        API version 1 does not have this request, and restricted roles cannot send it.
        """
        try:
            about = self.client.get(f"{self.root}/system/about").json_object()
        except REQUEST_ERRORS:
            return ServerInfo()
        return ServerInfo(version=as_text(about.get("serverVersion")), identity=about.get("databaseId"))

    def read(self, collector: Collector) -> None:
        """Read every listing of the selected workload types. The listings joined to them are requested in parallel."""
        version = _get_version(self.settings)
        repositories = Repositories()
        repository_rows = self.thread_pool.submit(self.fetch_optional_rows, "/repositories", "repositories")
        health_checks = HealthChecks(self, is_supported=version in _NEW_VERSIONS)
        shared = Shared(self, collector, repositories, health_checks, {}, version in _NEW_VERSIONS)
        readers = []
        for listing in LISTINGS:
            if listing.workload_type in self.settings.workload_types:
                is_old = listing.platform == "azure_vm" and version in _OLD_VERSIONS
                readers.append(
                    TypeReader(shared, dataclasses.replace(listing, points=(OLD_POINTS,)) if is_old else listing)
                )
        self._read_repositories(collector, repositories, repository_rows.result())
        health_checks.read(repositories)
        errors = []
        for reader in readers:
            try:
                reader.read()
            except REQUEST_ERRORS as error:
                errors.append(error)
                self._record_failure(collector, reader, error)
        if readers and len(errors) == len(readers) and not any(reader.has_points for reader in readers):
            if isinstance(errors[0], NotFoundError):
                errors[0].hint = _VERSION_HINT
            raise errors[0]

    def _read_repositories(self, collector: Collector, repositories: Repositories, rows: Rows | AuditError) -> None:
        self.record_repositories(collector, rows)
        if isinstance(rows, AuditError):
            self.partial.warn(
                "whether locks of backups can be removed is unknown, so locks are inferred", "repositories"
            )
        else:
            repositories.add(rows)

    def _record_failure(self, collector: Collector, reader: TypeReader, error: AuditError) -> None:
        """Record that points could not be read. A listing that the version or the role lacks is optional."""
        platform, is_machine = reader.listing.platform, reader.listing.platform == "azure_vm"
        if is_machine and isinstance(error, NotFoundError) and not reader.has_points:
            error.hint = _VERSION_HINT
            raise error
        if is_machine or reader.has_points or not is_unsupported(error):
            self.partial.add_problem(error, f"restore points ({platform})")
            return
        reason = "not available in this API version" if isinstance(error, NotFoundError) else error.message
        self.partial.warn(f"restore points ({platform}) are not included: {reason}", platform)


def _get_hint(status: int, body: bytes) -> str | None:
    if status == 403 and b'"licenseAgreementAcceptanceRequired":true' in body.replace(b" ", b""):
        return "Accept the license agreement in the web console of the appliance first"
    return None
