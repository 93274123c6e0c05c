# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: restore points of each backup object, and points of snapshot replicas.

Sources: the vendor's OpenAPI 1.1-rev0 to 1.3-rev2, records of live servers 12.0 and 13.1.
"""

from __future__ import annotations

import re
import time
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, ServerInfo, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.api import (
    POINTS,
    ROOT,
    Api,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.backups import Backups
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.object_matching import (
    NEWEST_FIRST,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.replicas import Replicas
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import PartialRead
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
    OptionError,
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import LoginError, OAuth2Password

_LOG_IN = "/api/oauth2/token"
_LOG_OUT = "/api/oauth2/logout"
API_VERSIONS = ("1.3-rev2", "1.3-rev1", "1.3-rev0", "1.2-rev1", "1.2-rev0", "1.1-rev2", "1.1-rev1", "1.1-rev0")
_OFFERED = re.compile(r"v?(\d+\.\d+-rev\d+)", re.IGNORECASE)
_ABOUT_VERSION = re.compile(r"api\s*version", re.IGNORECASE)
_PAGE = {"skip": None, "limit": None}
_BY_TIME = {"createdAfterFilter": None, "createdBeforeFilter": None}
_MFA = (
    ". Write a domain user as DOMAIN\\user. Exempt the account from multi-factor authentication: mark it as a service "
    "account under Users and Roles"
)


class VeeamBackupReplication(RestAdapter):
    """Queries points by backup object, or all points if names prove their owners. Joins other records by id."""

    product = "veeam_backup_replication"
    title = "Veeam Backup & Replication"
    choice = "backup_replication"
    default_port = 9419
    environment = ("VEEAM_VBR", "VEEAM")
    workload_types = records.WORKLOAD_TYPES
    allowlist = (
        AllowedRequest("GET", "/swagger/index.js"),
        AllowedRequest("POST", _LOG_IN),
        AllowedRequest("POST", _LOG_OUT),
        AllowedRequest("GET", f"{ROOT}/serverInfo"),
        AllowedRequest("GET", f"{ROOT}/serverTime"),
        AllowedRequest("GET", f"{ROOT}/backupObjects", {**_PAGE, "orderColumn": "Name"}),
        AllowedRequest("GET", f"{ROOT}/backupObjects/{{id}}/restorePoints", {**_PAGE, **_BY_TIME}),
        *(
            AllowedRequest("GET", f"{ROOT}{path}", {**_PAGE, **_BY_TIME, **NEWEST_FIRST, "backupObjectIdFilter": None})
            for path in POINTS
        ),
        AllowedRequest("GET", f"{ROOT}/backups", _PAGE),
        AllowedRequest("GET", f"{ROOT}/backups/{{id}}/backupFiles", _PAGE),
        AllowedRequest("GET", f"{ROOT}/backupInfrastructure/repositories", _PAGE),
        AllowedRequest("GET", f"{ROOT}/backupInfrastructure/scaleOutRepositories", _PAGE),
        AllowedRequest("GET", f"{ROOT}/jobs", _PAGE),
        AllowedRequest("GET", f"{ROOT}/taskSessions", {**_PAGE, "typeFilter": "Antivirus"}, required=("typeFilter",)),
        AllowedRequest("GET", f"{ROOT}/replicas", _PAGE),
        AllowedRequest("GET", f"{ROOT}/replicaPoints", {**_PAGE, **_BY_TIME}),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "completed_at": ("cannot", "recovery points contain only the point in time that can be restored"),
            "status": ("cannot", "results are reported per session, not per recovery point; failed runs create none"),
            "usable": ("sometimes", "a recovery point for which no restore is offered may be damaged or unsupported"),
            "archive:kind": ("cannot", "archived recovery points are reported as full"),
            "restore_tested": ("cannot", "the API does not report which recovery points SureBackup has booted"),
            "integrity_checked": (
                "sometimes",
                "only clean antivirus or YARA scans, as long as their task is kept; no other checks",
            ),
            "encrypted": ("inferred", "from the current settings of the job; requires a role that may read jobs"),
            "immutable": ("inferred", "from the current settings of the repository"),
            "immutable_until": ("inferred", "from the settings of the repository; chains and GFS extend the lock"),
            "offsite": (
                "inferred",
                "from the type of the repository: cloud storage is off-site, unless the workload may be in that cloud",
            ),
            "expires_at": ("cannot", "retention is applied by job; recovery points have no expiry date"),
            "retention": (
                "sometimes",
                "from the weekly to yearly flags of backup files; daily recovery points have none",
            ),
            "size_bytes": (
                "sometimes",
                "not reported if a file contains several recovery points, and never for snapshots",
            ),
            "in_inventory": ("cannot", "backup objects include only what was backed up, not what exists"),
        },
        ("vm_replica", "*"): {
            "job": ("cannot", "a replica is named after its job or its machine, depending on the version"),
            "size_bytes": ("cannot", "replica points have no size"),
            "offsite": ("cannot", "the API does not report the host of a replica"),
            "copies": ("cannot", "the API does not report the host of a replica"),
            "encrypted": ("cannot", "a replica is a virtual machine on a host"),
            "immutable": ("cannot", "a replica is a virtual machine on a host"),
        },
        ("file_share", "*"): {
            "kind": ("cannot", "the API does not report whether a recovery point is full or incremental"),
            "malware": ("cannot", "recovery points of file shares have no malware status"),
            "size_bytes": ("cannot", "file shares have no backup files"),
        },
        ("*", "1.1-rev0..1.2-rev1"): {
            "kind": (
                "sometimes",
                "versions before 1.3 do not report which of two copies is the source; kinds may differ",
            ),
            "size_bytes": ("sometimes", "versions before 1.3 do not report which of two copies is the source"),
            "job": ("sometimes", "versions before 1.3 do not report which of two copies is the source"),
        },
        ("*", "1.1-rev0..1.1-rev2"): {
            "usable": (
                "cannot",
                "versions before 1.2 list almost no operations; damaged recovery points are offered like intact ones",
            ),
            "kind": ("cannot", "recovery points have no type before 1.2"),
            "malware": ("cannot", "recovery points have no malware status before 1.2"),
            "integrity_checked": ("cannot", "scans are not listed before 1.2"),
            "retention": ("cannot", "files are not listed before 1.2"),
            "size_bytes": ("cannot", "files are not listed before 1.2"),
        },
        ("vm_replica", "1.1-rev0..1.1-rev2"): {"*": ("cannot", "replicas are not listed before 1.2")},
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options that only this product has."""
        return {"api_version": {"type": "str"}}

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Reject a revision that this module does not support before any request is sent."""
        requested = settings.own.get("api_version")
        if requested is not None and requested not in API_VERSIONS:
            raise OptionError(
                f"api_version: {cls.title} does not support {requested!r}",
                hint=f"Supported versions: {', '.join(reversed(API_VERSIONS))}",
            )

    # Login

    def open(self, collector: Collector) -> None:
        """Negotiate a revision, log in and measure the skew of the server's clock."""
        login = OAuth2Password(
            self.settings.username,
            self.settings.password,
            path=_LOG_IN,
            log_out=("POST", _LOG_OUT),
            has_session_lag=True,
        )
        self._revision = self._negotiate_version(login, self.settings.own.get("api_version"))
        collector.scope["api_version"] = self._revision
        collector.skew_micros = self._measure_skew()

    def server_info(self) -> ServerInfo:
        """Return the build number and the installation id, which not every role can read."""
        try:
            info = self.client.get(f"{ROOT}/serverInfo").json_object()
        except REQUEST_ERRORS:
            return ServerInfo()
        return ServerInfo(version=as_text(info.get("buildVersion")), identity=info.get("vbrId"))

    def _negotiate_version(self, login: OAuth2Password, requested: str | None) -> str:
        """Log in with the newest revision that both sides support. A rejected revision is not a wrong password."""
        candidates = [requested] if requested else list(self._fetch_offered_versions() or API_VERSIONS)
        tried: list[str] = []
        while candidates:
            version = candidates.pop(0)
            tried.append(version)
            self.client.set_default_headers({"x-api-version": version})
            try:
                self.log_in(login)
                return version
            except LoginError as error:
                if error.status != 400 or not _ABOUT_VERSION.search(error.server_message or ""):
                    error.hint = f"{error.hint}{_MFA}"
                    raise
                refused = error
                offered = _OFFERED.findall((error.server_message or "").partition("supported:")[2])
                if offered and not requested:
                    known = {name.lower() for name in offered}
                    candidates = [name for name in API_VERSIONS if name in known and name not in tried]
        raise AuditError(
            f"the server does not support API revision {' or '.join(tried)}",
            code="wrong_version",
            server=refused.server,
            request=refused.request,
            status=refused.status,
            server_message=refused.server_message,
            hint='Omit "api_version" to use a revision that the server offers. Release 12 or later is required',
        )

    def _fetch_offered_versions(self) -> list[str]:
        """Return the revisions that the server's documentation page lists, newest first; empty if there is no page."""
        try:
            text = self.client.get("/swagger/index.js").body.decode("utf-8", "replace")
        except (*REQUEST_ERRORS, UnauthorizedError):
            return []
        offered = {name.lower() for name in _OFFERED.findall(text)}
        return [version for version in API_VERSIONS if version in offered]

    def _measure_skew(self) -> int | None:
        before = time.time()
        try:
            server_time = self.client.get(f"{ROOT}/serverTime").json_object().get("serverTime")
        except REQUEST_ERRORS:
            return None
        now = records.parse_offset_time(server_time)
        return None if now is None else now - round((before + time.time()) / 2 * SECOND)

    def read(self, collector: Collector) -> None:
        """Read points of every selected backup object, then points of replicas."""
        partial = PartialRead(collector, self.client.host)
        api = Api(self.client, self.thread_pool, self._revision, self.settings.page_size, partial)
        if any(kind != records.REPLICA for kind in self.settings.workload_types):
            Backups(api, collector, self.settings).read()
        if records.REPLICA in self.settings.workload_types:
            Replicas(api, collector, self.settings).read()
