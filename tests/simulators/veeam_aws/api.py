# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup for AWS, revisions 1.0-rev0 to 1.8-rev0 of its API.

Only EC2 instances: the fields of points of other services are unknown. Restore points do not report whether they
are full, their status, or their instance; archived ones differ from all others and are omitted.

Accounts: the main one may read everything; `operator` gets 403 for the version, `restore_operator` for instances and
repositories too (according to the roles in the specification of each call); `mfa` requires a second step.

Variants (product `veeam_aws`; every product also has those of `ProductApi`):
  serves             (empty)  the supported revisions, such as 1.0-rev0,1.2-rev0; empty: all
  page_cap           0        above 0: maximum page length, regardless of Limit
  default_limit      0        page length if no Limit is sent; 0: 100
  total_count        true     false: totalCount is null
  case_sensitive     false    true: query names are case-sensitive
  times              bare     zoned: times end in Z; the documented example omits the zone
  volume_keys        false    disks are encrypted and have key names, which does not apply to the backups
  deleted_instances  listed   gone: the inventory has only instances that still exist; points remain
  unknown_enums      false    one point in five has a jobType that is not in any specification
  missing_optional   none     some: one point in three has only required fields; times: without its time
  login_failure      401      400: status for a wrong password
  token_calls        0        above 0: an access token expires after so many calls
  license_accepted   true     false: every response is 403, and the problem contains the reason
  session_days       0        above 0: older sessions are not listed
  unknown_path       404      400, 422: status for a path that another revision has
  regions            full     names: the region of an instance has no id, only its name
  missing_ids        (empty)  instances or repositories: one record in three has no id
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import parse_qsl

from tests.simulators.ground_truth import SECOND, Estate, Point, Workload, as_datetime
from tests.simulators.member_names import MemberNames
from tests.simulators.oauth2 import Account, Challenge, OAuth2ProductApi, TokenSession
from tests.simulators.product_api import Call, Listing, ProductApi, Refusal, Response, Route, Setting, json_response
from tests.simulators.veeam_aws.calls import ReadHandlers
from tests.simulators.veeam_aws.points import REVISIONS, Points, revision_number

_HOST = "vbaws-appliance.invalid:11005"
_PROBLEM = "application/problem+json"
_HEADER = "x-api-version"
_GRANTS = ("password", "refresh_token", "authorization_code", "mfa")
_ACCOUNTS = {
    "main": Account("audit@example", "a&b+c%d \"e' ünï=g", "PortalAdministrator"),
    "operator": Account("audit-operator", 'o&p+e%2 "ö', "PortalOperator"),
    "restore_operator": Account("audit-restore", 'r&s+100% "ø', "RestoreOperator"),
    "mfa": Account("audit-mfa", 'm&f+a%2 "ß', "PortalAdministrator", mfa_code="123456"),
}
# The first parts of paths that a role may not read.
_FORBIDDEN = {
    "PortalAdministrator": (),
    "PortalOperator": ("system/version", "licensing"),
    "RestoreOperator": ("system/version", "licensing", "repositories", "virtualMachines"),
}
# The product version that introduced each revision, by the number of the revision.
_PRODUCTS = {0: "2.0", 1: "3.0", 2: "4.0", 3: "5.0", 4: "6.0", 5: "7.0", 6: "8.0", 7: "9.0", 8: "10.0"}
# Problem type -> (errorCode, title).
_PROBLEMS = {
    "accessDenied": ("AccessDenied", "Access denied"),
    "noAccessToken": ("InvalidToken", "No access token"),
    "invalidAccessToken": ("InvalidToken", "Invalid access token"),
    "expiredAccessToken": ("ExpiredToken", "Expired access token"),
    "resourceNotFound": ("NotFound", "Resource not found"),
    "validationError": ("UnexpectedContent", "Validation error"),
    "notImplemented": ("NotImplemented", "Not implemented"),
    "unknownError": ("UnknownError", "Unknown error"),
    "unsupportedApiVersion": ("InvalidURI", "Unsupported API version"),
    "apiVersionUnspecified": ("InvalidURI", "API version unspecified"),
    "invalidApiVersion": ("InvalidURI", "Invalid API version"),
    "ambiguousApiVersion": ("InvalidURI", "Ambiguous API version"),
    "licenseAgreementsIsNotAccepted": ("AccessDenied", "License agreements are not accepted"),
}
_BY_STATUS = {
    400: "validationError",
    401: "invalidAccessToken",
    403: "accessDenied",
    404: "resourceNotFound",
    422: "validationError",
}


class VeeamAws(OAuth2ProductApi):
    product: ClassVar[str] = "veeam_aws"
    ACCOUNTS: ClassVar[dict[str, Account]] = _ACCOUNTS
    LOG_IN: ClassVar[str] = "/api/v1/token"
    LISTING: ClassVar[str] = "/api/v1/virtualMachines/restorePoints"
    # The points of all instances but the first few.
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {"path": LISTING, "after": 6}
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {"path": "/api/v1/repositories"}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(
        totals=frozenset({"totalcount"}),
        page_keys=frozenset({"Offset"}),
        limit_key="Limit",
        enum_members=frozenset({"jobtype", "backupdestinations"}),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(
            frozenset({"full", "incremental", "snapshot", "replica"}), frozenset({"success", "warning"}), "8 (AWS)"
        ),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
        "serves": "",
        "page_cap": 0,
        "default_limit": 0,
        "total_count": True,
        "case_sensitive": False,
        "times": "bare",
        "volume_keys": False,
        "deleted_instances": "listed",
        "unknown_enums": False,
        "missing_optional": "none",
        "login_failure": 401,
        "token_calls": 0,
        "license_accepted": True,
        "session_days": 0,
        "unknown_path": 404,
        "regions": "full",
        "missing_ids": "",
    }

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.own = self.own_url(_HOST)
        self.points = Points(self, self.own)
        self.read_results = ReadHandlers(self, self.points, self.get_revision)
        self.routes = [
            Route("POST", "/api/v1/token", self._grant, needs_session=False),
            Route("DELETE", "/api/v1/token", self.log_out),
            Route("GET", "/api/v1/problems/{name}", self._problem_page, needs_session=False),
            Route("GET", "/api/v1/system/version", self._version),
            Route("GET", "/api/v1/system/time", self._time),
            *self.read_results.routes(),
        ]

    def prepare(self) -> None:
        self.read_results.prepare()

    # Revisions

    def _served_revisions(self) -> list[str]:
        return self.text("serves").split(",") if self.text("serves") else list(REVISIONS)

    def get_revision(self, call: Call) -> str:
        """The revision of the call; required for every call, including the log-in."""
        wanted = call.headers.get(_HEADER)
        if not wanted:
            raise Refusal(400, "An API version is required, but was not specified.", "apiVersionUnspecified")
        if "," in wanted:
            raise Refusal(400, f"The API versions {wanted} were requested at once.", "ambiguousApiVersion")
        if not re.fullmatch(r"\d+\.\d+-rev\d+", wanted):
            raise Refusal(400, f"The API version '{wanted}' is invalid.", "invalidApiVersion")
        if wanted not in self._served_revisions():
            raise Refusal(400, f"The API version '{wanted}' is not supported.", "unsupportedApiVersion")
        return wanted

    # Tokens

    def _grant(self, call: Call, _session: None) -> Response:
        self.get_revision(call)
        form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        if form.get("grant_type") not in _GRANTS:
            raise Refusal(400, f"The field grant_type is required: {', '.join(_GRANTS)}.")
        try:
            granted = self.session_store.grant(call)
        except Refusal as refusal:
            status = self.number("login_failure") if refusal.status == 401 else refusal.status
            raise Refusal(status, refusal.reason, "accessDenied" if refusal.status == 401 else "") from None
        response: dict[str, object] = {"token_type": "bearer", "username": granted.account.username}
        response["roleName"] = granted.account.role
        if isinstance(granted, Challenge):
            # Status 200 without an access token: the second step follows.
            return json_response({**response, "expires_in": 0, "mfa_enabled": True, "mfa_token": granted.mfa_token})
        now = self.clock()
        response |= {"access_token": granted.access_token, "refresh_token": granted.refresh_token, "mfa_enabled": False}
        response |= {"expires_in": self.LIFETIME_SECONDS, ".issued": _utc_text(now)}
        return json_response({**response, ".expires": _utc_text(now + self.LIFETIME_SECONDS * SECOND)})

    def authorize(self, call: Call) -> TokenSession:
        self.get_revision(call)
        if "Authorization" not in call.headers:
            raise Refusal(401, "The access token is missing.", "noAccessToken")
        try:
            session = self.session_store.get_session(call, self.number("token_calls"))
        except Refusal as refusal:
            raise Refusal(401, refusal.reason, "expiredAccessToken") from None
        area = call.path.removeprefix("/api/v1/")
        if not self.flag("license_accepted") and area != "token":
            raise Refusal(403, "The license agreements are not accepted.", "licenseAgreementsIsNotAccepted")
        for forbidden in _FORBIDDEN[session.account.role]:
            # Points and policies moved below virtualMachines, but are not instances.
            if area == forbidden or (area.startswith(f"{forbidden}/") and not _is_moved(area)):
                raise Refusal(403, "The user does not have adequate privileges.", "accessDenied")
        return session

    # The appliance itself

    def _version(self, _call: Call, _session: TokenSession) -> Response:
        newest = max(revision_number(revision) for revision in self._served_revisions())
        return json_response({"about": "Veeam Backup for AWS", "version": f"{_PRODUCTS[newest]}.0.232"})

    def _time(self, _call: Call, _session: TokenSession) -> Response:
        return json_response({"utcDateTime": _utc_text(self.clock())})

    # Errors

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        """Return an error like RFC 7807, but with the text in `details` and an additional errorCode."""
        kind = refusal.code if refusal.code in _PROBLEMS else _BY_STATUS.get(refusal.status, "unknownError")
        code, title = _PROBLEMS[kind]
        problem = {
            "type": f"{self.own}/api/v1/problems/{kind}",
            "title": title,
            "status": refusal.status,
            "errorCode": "MethodNotAllowed" if refusal.status == 405 else code,
            "details": refusal.reason,
            "instance": f"{self.own}{call.path}",
            "data": {},
        }
        return json_response(problem, refusal.status, _PROBLEM)

    def _problem_page(self, _call: Call, _session: None, name: str) -> Response:
        if name not in _PROBLEMS:
            raise Refusal(404, f"There is no problem {name}.")
        return Response(200, f"<html><body><h1>{_PROBLEMS[name][1]}</h1></body></html>".encode(), "text/html")

    # Ground truth

    def workload_id(self, work: Workload) -> str:
        return self.points.instance_id(work)

    def point_id(self, work: Workload, point: Point) -> str:
        return self.points.point_id(point)


def _utc_text(moment: int) -> str:
    return as_datetime(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_moved(area: str) -> bool:
    return area.startswith(("virtualMachines/restorePoints", "virtualMachines/policies"))
