# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup Enterprise Manager: points of several backup servers and of tenants of a Cloud Connect provider.

Sources: the vendor's REST guide for 13.1, records of live servers 12 and 13. The product returns a copy of the data,
which it collects from the backup servers every 15 minutes by default.
"""

from __future__ import annotations

import html
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import decoding
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.point_types import (
    CLOUD,
    KINDS,
    PointTypes,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager.queries import (
    ENTITY,
    POINT_PATHS,
    Queries,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import PartialRead
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import REQUEST_ERRORS, OptionError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import BasicForHeader, LoginError
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response

API_VERSIONS = ("latest", "v1_7", "v1_6", "v1_5")
_JOINS = ("BackupFile", "Backup", "Repository", "Replica", "CloudReplica", "CdpReplica", "BackupServer")
_COLLECTION_LAG_SECONDS = 900
_NAMESPACE = "http://www.veeam.com/ent/v1.0"


class VeeamEnterpriseManager(RestAdapter):
    """Queries each type of restore point, and joins the points to files, backups and repositories by id."""

    product = "veeam_enterprise_manager"
    title = "Veeam Backup Enterprise Manager"
    choice = "enterprise_manager"
    default_port = 9398
    environment = ("VEEAM_EM", "VEEAM")
    workload_types = tuple(KINDS)
    allowlist = (
        AllowedRequest("POST", "/api/sessionMngr/", {"v": API_VERSIONS}, required=("v",)),
        AllowedRequest("DELETE", "/api/logonSessions/{id}"),
        AllowedRequest("GET", "/api/"),
        # Actions such as action=collect have other paths, which the allowlist does not contain.
        AllowedRequest(
            "GET",
            "/api/query",
            {
                "type": (*KINDS.values(), *_JOINS),
                "format": "Entities",
                "filter": None,
                "sortDesc": "CreationTime",
                "pageSize": None,
                "page": None,
            },
            required=("type", "format", "page"),
        ),
        AllowedRequest("GET", "/api/cloud/vmReplicaPoints", ENTITY, required=("format",)),
        AllowedRequest("GET", "/api/cloud/replicas", ENTITY, required=("format",)),
        *(AllowedRequest("GET", f"{path}/{{id}}", ENTITY, required=("format",)) for path in POINT_PATHS.values()),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "completed_at": ("cannot", "recovery points contain only the point in time that can be restored"),
            "status": ("cannot", "results are reported per session, not per recovery point; failed runs create none"),
            "usable": ("cannot", "damaged recovery points are offered like intact ones"),
            "restore_tested": ("cannot", "the API does not report what SureBackup tested"),
            "integrity_checked": ("cannot", "the API does not return check results per recovery point"),
            "encrypted": ("cannot", "the API reports encryption neither per recovery point nor per repository"),
            "immutable": ("cannot", "the API does not report immutability"),
            "immutable_until": ("cannot", "the API does not report immutability"),
            "expires_at": ("cannot", "retention is applied by job; recovery points have no expiry date"),
            "malware": ("cannot", "the API does not return scan results per recovery point"),
            "retention": ("cannot", "recovery points have no retention class"),
            "in_inventory": ("cannot", "the API reports only what was backed up, not what exists"),
            "offsite": (
                "inferred",
                "from the kind of the repository: cloud storage is off-site, unless the workload may be in that cloud",
            ),
            "archive:kind": ("cannot", "archived recovery points are reported as full"),
            "kind": ("sometimes", "the API does not report which of two copies is the source; kinds may differ"),
            "job": ("sometimes", "the API does not report which of two copies is the source"),
            "size_bytes": ("sometimes", "not reported if a file contains several recovery points"),
        },
        ("vm_replica", "*"): {
            "usable": ("cannot", "the API does not report the state of replicas; one in failover looks like any other"),
            "offsite": ("cannot", "the API does not report the host of a replica"),
            "copies": ("cannot", "the API does not report the host of a replica"),
        },
        (CLOUD, "*"): {
            "offsite": ("inferred", "the replica is stored at the provider, which is expected to be off-site"),
            "job": ("cannot", "the replica is named after the tenant's job or the machine, depending on the version"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options that only this product has."""
        return {
            "api_version": {"type": "str"},
            "representation": {"type": "str", "choices": list(decoding.REPRESENTATIONS), "default": "json"},
            "tenant": {"type": "bool", "default": False},
            "tenant_organization": {"type": "str"},
        }

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Check the API version and the options for tenants."""
        version = settings.own.get("api_version") or API_VERSIONS[0]
        if version not in API_VERSIONS:
            raise OptionError(
                f"api_version: {cls.title} does not support {version!r}",
                hint=f"Supported versions: {', '.join(API_VERSIONS)}",
            )
        if settings.own.get("tenant_organization") and not settings.own.get("tenant"):
            raise OptionError("tenant_organization: requires tenant: true")
        if settings.own.get("tenant") and CLOUD not in settings.workload_types:
            raise OptionError(f"workload_types: a tenant can read only {CLOUD}")

    # Login

    def open(self, collector: Collector) -> None:
        """Log in as a user or as a tenant."""
        own = self.settings.own
        self.client.set_default_headers({"Accept": decoding.ACCEPT[own.get("representation") or "json"]})
        login = BasicForHeader(
            self.settings.username,
            self.settings.password,
            path="/api/sessionMngr/",
            params={"v": own.get("api_version") or API_VERSIONS[0]},
            header="X-RestSvcSessionId",
            log_out="/api/logonSessions",
            get_session_id=_parse_session_id,
            body=_build_tenant_body(self.settings),
        )
        try:
            self.log_in(login)
        except LoginError as error:
            error.hint = (
                f"{error.hint}. Write a domain user as DOMAIN\\user. The account needs a role in Enterprise Manager"
            )
            raise
        collector.scope["collection_lag_seconds"] = _COLLECTION_LAG_SECONDS
        # The API lists only objects with backups.
        collector.scope["inventory"] = False

    def version(self) -> str | None:
        """Return the newest API version that the server offers, because the product version is not reported."""
        try:
            offered = decoding.parse_versions(self.client.get("/api/"))
        except REQUEST_ERRORS:
            return None
        return offered[-1] if offered else None

    def read(self, collector: Collector) -> None:
        """Read every selected type of point."""
        partial = PartialRead(collector, self.client.host)
        queries = Queries(self.client, self.thread_pool, self.settings.page_size, partial)
        points = PointTypes(queries, partial, collector, self.settings)
        if self.settings.own.get("tenant"):
            self._read_tenant(collector, points, queries, partial)
        else:
            points.read(self.thread_pool)

    def _read_tenant(self, collector: Collector, points: PointTypes, queries: Queries, partial: PartialRead) -> None:
        """Read the collections of a tenant, whose session has no query service."""
        collector.scope["tenant"] = self.settings.username
        path = POINT_PATHS[KINDS[CLOUD]]
        records = decoding.parse_collection(self.client.get(path, ENTITY), KINDS[CLOUD])
        replicas: list[dict[str, t.Any]] = []
        try:
            replicas = decoding.parse_collection(self.client.get("/api/cloud/replicas", ENTITY), "CloudReplica")
        except REQUEST_ERRORS as error:
            partial.warn(f"CloudReplica could not be read, so platforms are unknown: {error.message}", "CloudReplica")
        points.add_replica_points(CLOUD, queries.resolve(records, KINDS[CLOUD]), replicas)


def _parse_session_id(response: Response) -> str | None:
    return as_text(decoding.parse_body(response).get("sessionid"))


def _build_tenant_body(settings: Settings) -> str | None:
    """Build the login body with the credentials of a Cloud Connect tenant; None for others, which use HTTP Basic."""
    if not settings.own.get("tenant"):
        return None
    name, password = html.escape(settings.username), html.escape(settings.password)
    organization = settings.own.get("tenant_organization")
    if organization:
        inner = (
            f"<VCloudOrganizationCredentials><OrganizationName>{html.escape(organization)}</OrganizationName>"
            f"<Login>{name}</Login><Password>{password}</Password></VCloudOrganizationCredentials>"
        )
    else:
        inner = f"<TenantCredentials><Username>{name}</Username><Password>{password}</Password></TenantCredentials>"
    return f'<?xml version="1.0" encoding="utf-8"?><LoginSpec xmlns="{_NAMESPACE}">{inner}</LoginSpec>'
