# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup for Microsoft Azure, API versions v1 to v8.1.

Accounts: the main one may read everything; `mfa` requires a second step; `read_only` gets 403 for repositories and
inventory, `restore_operator` for policies too.

Variants (product `veeam_azure`; every product also has those of `ProductApi`):
  serves             (empty)  the supported versions, such as v8.1,v8,v7,v6; empty: all
  page_cap           0        above 0: maximum page length, regardless of Limit
  default_limit      0        page length if no Limit is sent; 0: 30 before v3, 200 since v3
  total_count        true     false: totalCount is null
  case_sensitive     true     false: query names are case-insensitive; up to v3 always (the v1 self link)
  unknown_enums      false    one point in five has values that are not in any specification
  missing_optional   none     some: one point in three has only required fields and its time; times: without its time
  resource_hash      point    vm: resourceHashId is the id of the VM (its meaning is unproven)
  sizes_as_text      false    v1 returns sizes as strings, as documented
  token_calls        0        above 0: an access token expires after so many calls
  error_body         problem  message: errors have only a `message` (v7 and before)
  license_accepted   true     false: every response is 403 with licenseAgreementAcceptanceRequired
  session_days       0        above 0: older job sessions are not listed
  ignores_filter     false    true: the filter by workload is ignored
  region_names       names    display: points and repositories have names such as West Europe
  region_ids         shared   own: Region.id of a protected item is not the id that points have
  words              text     lists: up to v3 some words are lists
  missing_ids        (empty)  repositories, protectedItem or inventory: one record in three has no id
  corruption         marked   counted: only the health check counts corrupted points, no point shows it
  checked_repository true     false: checked items do not contain their repository
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import ClassVar

from tests.simulators.ground_truth import Estate, Point, Workload
from tests.simulators.member_names import MemberNames
from tests.simulators.oauth2 import Account, Challenge, OAuth2ProductApi, TokenSession
from tests.simulators.product_api import Call, Listing, ProductApi, Refusal, Response, Route, Setting, json_response
from tests.simulators.veeam_azure.calls import ReadHandlers
from tests.simulators.veeam_azure.points import VERSIONS, Points, azure_time

_HOST = "vbazure-appliance.invalid"
_PROBLEM = "application/problem+json"
_NEVER = "0001-01-01T00:00:00Z"
_ACCOUNTS = {
    "main": Account("audit@example", "a&b+c%d \"e' ünï=g", "PortalAdmin"),
    "mfa": Account("audit-mfa", 'm&f+a%2 "ß', "PortalAdmin", mfa_code="123456"),
    "read_only": Account("audit-readonly", 'r&o+100% "é', "ReadOnlyUser"),
    "restore_operator": Account("audit-restore", 'r&s+100% "ø', "RestoreOperator"),
}
_INVENTORY = {"virtualMachines", "databases", "fileShares", "cosmosDb"}
_SETTINGS = {"repositories", "configurationBackup", "settings", "license"}
# The first parts of paths that a role may not read.
_FORBIDDEN = {
    "PortalAdmin": set[str](),
    "ReadOnlyUser": _SETTINGS | _INVENTORY,
    "RestoreOperator": _SETTINGS | {"policies", "policy"},
}


class VeeamAzure(OAuth2ProductApi):
    product: ClassVar[str] = "veeam_azure"
    ACCOUNTS: ClassVar[dict[str, Account]] = _ACCOUNTS
    LOG_IN: ClassVar[str] = "/api/oauth2/token"
    LISTING: ClassVar[str] = "/api/v8/restorePoints/virtualMachines"
    # The results of some health checks, and everything except restore points and repositories.
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {"path": "/api/v8/jobSessions/[0-9ab]*/checkedItems"}
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {"path": "/api/v8/[!r]*"}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(
        totals=frozenset({"totalcount"}),
        page_keys=frozenset({"Offset"}),
        limit_key="Limit",
        enum_members=frozenset({"backupdestination", "type", "state", "accesstier", "gfsflags"}),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(
            frozenset({"full", "incremental", "archive", "snapshot"}), frozenset({"success", "warning"}), "3, 4"
        ),
        "database": Listing(
            frozenset({"full", "incremental", "continuous"}), frozenset({"success", "warning"}), "3, 4 (SQL, Cosmos)"
        ),
        "file_share": Listing(frozenset({"snapshot"}), frozenset({"success", "warning"}), "4 (file share)"),
        "virtual_network": Listing(frozenset({"config"}), frozenset({"success"}), "4 (vnet)"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
        "serves": "",
        "page_cap": 0,
        "default_limit": 0,
        "total_count": True,
        "case_sensitive": True,
        "unknown_enums": False,
        "missing_optional": "none",
        "resource_hash": "point",
        "sizes_as_text": False,
        "token_calls": 0,
        "error_body": "problem",
        "license_accepted": True,
        "session_days": 0,
        # No such server is documented, but other products had one.
        "ignores_filter": False,
        "region_names": "names",
        "region_ids": "shared",
        "words": "text",
        "missing_ids": "",
        "corruption": "marked",
        "checked_repository": True,
    }

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        url = self.own_url(_HOST)
        self.points = Points(self, url)
        self.read_results = ReadHandlers(self, self.points, url)
        self.routes = [
            Route("POST", "/api/oauth2/token", self._grant, needs_session=False),
            Route("DELETE", "/api/oauth2/token", self.log_out),
            Route("GET", "/api/{version}/system/serviceIsUp", self._is_up, needs_session=False),
            Route("GET", "/api/{version}/system/{what}", self._system),
            *self.read_results.routes(),
        ]

    def prepare(self) -> None:
        self.read_results.prepare()

    # Tokens

    def _grant(self, call: Call, _session: None) -> Response:
        granted = self.session_store.grant(call)
        account = granted.account
        response: dict[str, object] = {
            "token_type": "bearer",
            "userId": self.uuid(f"user:{account.username}"),
            "username": account.username,
            "roleName": account.role,
            "userType": "Internal",
            "latestNewsShown": True,
            "mfa_enabled": isinstance(granted, Challenge),
        }
        if isinstance(granted, Challenge):
            # Status 200 without an access token: the second step follows.
            response |= {"expires_in": 0, ".issued": _NEVER, ".expires": _NEVER}
            return json_response({**response, "mfa_token": granted.mfa_token, "shortLived": False})
        now = self.clock()
        response |= {"access_token": granted.access_token, "refresh_token": granted.refresh_token}
        response |= {"expires_in": self.LIFETIME_SECONDS, ".issued": azure_time(now, 7)}
        response |= {".expires": azure_time(now + self.LIFETIME_SECONDS * 1_000_000, 3)}
        return json_response({**response, "shortLived": granted.short_lived})

    def authorize(self, call: Call) -> TokenSession:
        area = call.path.split("/")[2:4]
        if area[0] != "oauth2" and area[0] not in self._served_versions():
            raise Refusal(404, f"The version {area[0]} is not supported.")
        session = self.session_store.get_session(call, self.number("token_calls"))
        if not self.flag("license_accepted") and area[0] != "oauth2":
            raise Refusal(403, "The license agreement is not accepted.", "license")
        if area[-1] in _FORBIDDEN[session.account.role]:
            raise Refusal(403, "Forbidden")
        return session

    # The appliance itself

    @property
    def identity(self) -> str:
        """Return the id of the appliance's own database."""
        return self.uuid("database")

    def _served_versions(self) -> list[str]:
        return self.text("serves").split(",") if self.text("serves") else list(VERSIONS)

    def _is_up(self, _call: Call, _session: None, version: str) -> Response:
        if version not in self._served_versions():
            raise Refusal(404, f"The version {version} is not supported.")
        return Response(200)

    def _system(self, _call: Call, _session: TokenSession, version: str, what: str) -> Response:
        newest = max(self._served_versions(), key=list(VERSIONS).index).removeprefix("v")
        release = newest if "." in newest else f"{newest}.0"
        documents: dict[str, dict[str, object]] = {
            "about": {
                "serverVersion": f"{release}.0.203",
                "workerVersion": f"{release}.0.203",
                "flrVersion": f"{release}.0.203",
                "databaseId": self.identity,
                "copyright": "Simulated",
                "deploymentSubscriptionId": self.uuid("subscription"),
            },
            "serverInfo": {
                "subscriptionId": self.uuid("subscription"),
                "serverName": "vbazure",
                "azureRegion": self.points.region_id("westeurope"),
                "azureRegionName": "westeurope",
                "resourceGroup": "rg-backup",
                "azureEnvironment": "Global",
            },
            "status": {"state": "Ready", "serverTime": azure_time(self.clock())},
            "time": {"utcDateTime": azure_time(self.clock()), "timeZone": "Etc/UTC"},
        }
        if what not in documents:
            raise Refusal(404, f"Nothing is found at system/{what}.")
        return json_response(documents[what])

    # Errors

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        """Return an error according to RFC 7807; the fields depend on the status."""
        if self.text("error_body") == "message":
            return json_response({"message": refusal.reason}, refusal.status)
        title = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}.get(
            refusal.status, "Error"
        )
        problem: dict[str, object] = {"type": f"https://httpstatuses.com/{refusal.status}", "title": title}
        problem["status"] = refusal.status
        trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
        if refusal.status == 400:
            errors = {refusal.code: [refusal.reason]} if refusal.code else {}
            problem |= {"detail": refusal.reason, "traceId": trace, "errors": errors}
        elif refusal.status == 403:
            problem |= {"licenseAgreementAcceptanceRequired": refusal.code == "license"}
        elif refusal.status == 401 and call.path != "/api/oauth2/token":
            problem |= {"detail": refusal.reason, "extensions": None}
        else:
            problem |= {"detail": refusal.reason, "instance": None, "traceId": trace}
        return json_response(problem, refusal.status, _PROBLEM)

    # Ground truth

    def workload_id(self, work: Workload) -> str:
        return self.points.workload_id(work)

    def point_id(self, work: Workload, point: Point) -> str:
        return self.points.point_id(point)
