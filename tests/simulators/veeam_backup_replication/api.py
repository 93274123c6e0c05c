# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup & Replication, the REST API on port 9419 in all its revisions.

Accounts: the main one is a Backup Administrator; `viewer` gets 403 for replicas, the server's details, jobs, and
before 1.3 malware events; `restore_operator` may read replicas; `no_role` may not log in; `mfa` has a second factor,
with which login is impossible.

Variants (product `veeam_backup_replication`; every product also has those of `ProductApi`):
  release          13.1       the server: 11, 12.0 to 12.3.1, 13.0, 13.0.1, 13.1; it determines the revisions
                              and the format of errors
  renamed_in       1.2-rev0   revision that renamed objectRestorePoints to restorePoints; 1.1-rev1 is also possible
  version_header   required   optional: a call without x-api-version uses the newest revision
  timezone         Europe/Berlin   the server's time zone, used for all its times
  backup_times     naive      offset: times of backups and files include their offset, as in the vendor's examples
  agent_names      computer   computer job: points of agents are named after both
  object_names     same       address: below its backup the name of an agent's machine is its address
  objects_refused  AWSEC2,MongoDb   platforms of backups whose objects cannot be listed
  offload          copy       tier: copies in object storage are a tier of a scale-out repository, not points
  files            mixed      own: every file contains one machine; else the files of one policy contain all machines
                              of a night
  leftovers        false      true: objects without points are still listed
  counts           true       false: objects do not report their number of points
  page_cap         0          above 0: maximum page length, regardless of limit
  token_calls      0          above 0: an access token expires after so many calls
  fresh_refused    false      true: a token is rejected once before it works
  viewer_repositories  true   false: 403 for a viewer's /backupInfrastructure
  unknown_enums    false      one point in five has values that are not in any specification
  missing_optional false      one point in three has only required fields
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qsl

from tests.simulators.ground_truth import Estate, Point, Workload
from tests.simulators.member_names import MemberNames
from tests.simulators.oauth2 import Account, Challenge, OAuth2ProductApi, TokenSession
from tests.simulators.product_api import Call, Listing, ProductApi, Refusal, Response, Route, Setting, json_response
from tests.simulators.veeam_backup_replication.calls import ReadHandlers
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.infrastructure import READS
from tests.simulators.veeam_backup_replication.layout import PLATFORMS
from tests.simulators.veeam_backup_replication.points import Points
from tests.simulators.veeam_backup_replication.versions import RELEASES, Release, Row, is_at_least

_GRANTS = {"password", "refresh_token"}
_ADMINISTRATOR, _VIEWER, _RESTORER = "Backup Administrator", "Backup Viewer", "Restore Operator"
_NO_ROLE = "none"
_ACCOUNTS = {
    "main": Account("EXAMPLE\\audit", "a&b+c%d \"e' ünï=g", _ADMINISTRATOR),
    "viewer": Account("EXAMPLE\\audit-viewer", 'v&w+100% "é', _VIEWER),
    "restore_operator": Account("EXAMPLE\\audit-restore", 'r&s+100% "ø', _RESTORER),
    "no_role": Account("EXAMPLE\\nobody", 'n&o+100% "ł', _NO_ROLE),
    "mfa": Account("EXAMPLE\\audit-mfa", 'm&f+a%2 "ß', _ADMINISTRATOR, mfa_code="123456"),
}
_NONE: frozenset[str] = frozenset()
_DONE = frozenset({"success", "warning"})
_BACKUPS = frozenset({"full", "incremental"})
_CODES = {401: "AccessDenied", 403: "AccessDenied", 404: "NotFound", 405: "MethodNotAllowed", 400: "UnexpectedContent"}


@dataclass(frozen=True)
class CallContext:
    session: TokenSession
    revision: str


@dataclass(frozen=True)
class ReadRoute:
    """One path: its first revision, the revision that removed it (empty: none), and the roles without access."""

    path: str
    handler: Callable[..., Response]
    since: str = "1.1-rev0"
    until: str = ""
    denied: frozenset[str] = _NONE
    method: str = "GET"


class VeeamBackupReplication(OAuth2ProductApi):
    product: ClassVar[str] = "veeam_backup_replication"
    ACCOUNTS: ClassVar[dict[str, Account]] = _ACCOUNTS
    LIFETIME_SECONDS: ClassVar[int] = 900
    LOG_IN: ClassVar[str] = "/api/oauth2/token"
    LISTING: ClassVar[str] = "/api/v1/backupObjects/*/restorePoints"
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {"path": "/api/v1/backupObjects/[0-7]*/restorePoints"}
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {"path": "/api/v1/backups"}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(
        totals=frozenset({"total"}),
        page_keys=frozenset({"skip"}),
        limit_key="limit",
        enum_members=frozenset(
            {"type", "platformname", "malwarestatus", "state", "jobtype", "scanresult", "scanstate"}
        ),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(_BACKUPS | {"archive", "snapshot", "replica"}, _DONE, "B3 restorePoints, replicaPoints; B4"),
        "physical": Listing(_BACKUPS, _DONE, "B3, B4 (agents)"),
        "database": Listing(_BACKUPS, _DONE, "B4 (platformName MongoDb; SQL servers are machines to this product)"),
        "file_share": Listing(_BACKUPS, _DONE, "B4 (UnstructuredData)"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
        "release": "13.1",
        "renamed_in": "1.2-rev0",
        "version_header": "required",
        "timezone": "Europe/Berlin",
        "backup_times": "naive",
        "agent_names": "computer",
        "object_names": "same",
        "objects_refused": "AWSEC2,MongoDb",
        "offload": "copy",
        "files": "mixed",
        "leftovers": False,
        "counts": True,
        "page_cap": 0,
        "token_calls": 0,
        "fresh_refused": False,
        "viewer_repositories": True,
        "unknown_enums": False,
        "missing_optional": False,
    }

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.server_clock = ServerClock(self)
        self.points = Points(self, self.server_clock)
        self.handlers = ReadHandlers(self, self.server_clock, self.points)
        self._used_tokens: set[str] = set()
        self.routes = [
            Route("POST", "/api/oauth2/token", self._grant, needs_session=False),
            Route("POST", "/api/oauth2/logout", self._log_out),
            Route("GET", "/api/v1/serverTime", self._server_time, needs_session=False),
            Route("GET", "/swagger/index.js", self._index, needs_session=False),
            Route("GET", "/swagger/{version}/swagger.json", self._own_specification, needs_session=False),
            *(
                Route(read.method, f"/api/v1/{read.path}", self._with_access_check(read))
                for read in self._read_routes()
            ),
        ]

    def prepare(self) -> None:
        self.handlers.prepare()

    def _read_routes(self) -> list[ReadRoute]:
        """Return the routes. Order matters if a {name} would also match the more specific path."""
        handlers, infrastructure = self.handlers, "backupInfrastructure/"
        replicas, jobs, events = frozenset({_VIEWER}), frozenset({_VIEWER, _RESTORER}), "malwareDetection/events"
        return [
            ReadRoute("serverInfo", self._server_info, denied=jobs),
            ReadRoute("objectRestorePoints", handlers.restore_points, until="renamed"),
            ReadRoute("objectRestorePoints/{number}", handlers.restore_point, until="renamed"),
            ReadRoute("restorePoints", handlers.restore_points, since="renamed"),
            ReadRoute("restorePoints/{number}", handlers.restore_point, since="renamed"),
            ReadRoute("objectRestorePoints/{number}/disks", handlers.disks, until="renamed"),
            ReadRoute("restorePoints/{number}/disks", handlers.disks, since="renamed"),
            *(ReadRoute(path, handlers.monitoring(name), since=since) for path, (name, since) in READS.items()),
            ReadRoute("backupObjects", handlers.backup_objects),
            ReadRoute("backupObjects/{number}", handlers.backup_object),
            ReadRoute("backupObjects/{number}/restorePoints", handlers.points_for_object),
            ReadRoute("backups", handlers.all_backups),
            ReadRoute("backups/{number}", handlers.backup),
            ReadRoute("backups/{number}/objects", handlers.objects_for_backup),
            ReadRoute("backups/{number}/backupFiles", handlers.files, since="1.2-rev0"),
            ReadRoute("backups/{number}/backupFiles/{file}", handlers.file, since="1.2-rev0"),
            ReadRoute("backups/{number}/details", handlers.details, since="1.3-rev2", method="POST"),
            ReadRoute("replicas", handlers.replicas, since="1.2-rev0", denied=replicas),
            ReadRoute("replicas/{number}", handlers.replica, since="1.2-rev0", denied=replicas),
            ReadRoute(
                "replicas/{number}/replicaPoints", handlers.points_for_replica, since="1.2-rev0", denied=replicas
            ),
            ReadRoute("replicaPoints", handlers.replica_points, since="1.2-rev0", denied=replicas),
            ReadRoute("replicaPoints/{number}", handlers.replica_point, since="1.2-rev0", denied=replicas),
            ReadRoute("sessions", handlers.all_sessions),
            ReadRoute("sessions/{number}", handlers.session),
            ReadRoute("sessions/{number}/taskSessions", handlers.tasks_for_session, since="1.2-rev0"),
            ReadRoute("taskSessions", handlers.tasks, since="1.2-rev0"),
            ReadRoute("taskSessions/{number}", handlers.task, since="1.2-rev0"),
            ReadRoute(events, handlers.events, since="1.2-rev0"),
            ReadRoute(f"{events}/{{number}}", handlers.event, since="1.2-rev0"),
            ReadRoute(infrastructure + "repositories", handlers.all_repositories),
            ReadRoute(infrastructure + "repositories/states", handlers.repository_states),
            ReadRoute(infrastructure + "repositories/{number}", handlers.repository),
            ReadRoute(infrastructure + "scaleOutRepositories", handlers.scale_outs),
            ReadRoute(infrastructure + "scaleOutRepositories/{number}", handlers.scale_out),
            ReadRoute("jobs", handlers.all_jobs, denied=jobs),
            ReadRoute("jobs/states", handlers.job_states),
            ReadRoute("jobs/{number}", handlers.job, denied=jobs),
        ]

    @property
    def identity(self) -> str:
        """Return the installation id."""
        return self.uuid("server")

    # Revisions

    @property
    def release(self) -> Release:
        return RELEASES[self.text("release")]

    def _revision(self, call: Call) -> str:
        requested, served = call.headers.get("x-api-version"), self.release.revisions
        if requested is None and self.text("version_header") == "optional":
            return served[-1]
        if requested not in served:
            raise Refusal(400, requested or "", "version")
        return requested

    def _with_access_check(self, read: ReadRoute) -> Callable[..., Response]:
        def handle(call: Call, context: CallContext, **values: str) -> Response:
            renamed = self.text("renamed_in")
            since = renamed if read.since == "renamed" else read.since
            until = renamed if read.until == "renamed" else read.until
            if not is_at_least(context.revision, since) or (until and is_at_least(context.revision, until)):
                raise Refusal(404, f"The resource '{call.path}' was not found.")
            if context.session.account.role in self._denied_roles(read, context.revision):
                raise Refusal(403, "Access is denied.")
            return read.handler(call, context.revision, **values)

        return handle

    def _denied_roles(self, read: ReadRoute, revision: str) -> frozenset[str]:
        if read.path.startswith("malwareDetection") and not is_at_least(revision, "1.3-rev0"):
            return frozenset({_VIEWER, _RESTORER})
        if read.path.startswith("backupInfrastructure") and not self.flag("viewer_repositories"):
            return frozenset({_VIEWER})
        return read.denied

    # Tokens

    def _grant(self, call: Call, _session: None) -> Response:
        self._revision(call)
        form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        if form.get("grant_type") not in _GRANTS:
            raise Refusal(400, "The grant_type is missing or not supported.")
        granted = self.session_store.grant(call)
        if isinstance(granted, Challenge):
            raise Refusal(401, "Multi-factor authentication is enabled for this account.")
        if granted.account.role == _NO_ROLE:
            self.session_store.close(granted)
            raise Refusal(403, "The account has no role on this server.")
        now = self.clock()
        return json_response(
            {
                "access_token": granted.access_token,
                "token_type": "bearer",
                "refresh_token": granted.refresh_token,
                "expires_in": self.LIFETIME_SECONDS,
                ".issued": self.server_clock.seven_digits(now),
                ".expires": self.server_clock.seven_digits(now + self.LIFETIME_SECONDS * 1_000_000),
            }
        )

    def _log_out(self, _call: Call, context: CallContext) -> Response:
        self.session_store.close(context.session)
        return json_response({})

    def authorize(self, call: Call) -> CallContext:
        revision = self._revision(call)
        session = self.session_store.get_session(call, self.number("token_calls"))
        if self.flag("fresh_refused") and session.access_token not in self._used_tokens:
            self._used_tokens.add(session.access_token)
            raise Refusal(401, "The access token is not valid yet.")
        return CallContext(session, revision)

    def end_sessions(self) -> None:
        super().end_sessions()
        self._used_tokens.clear()

    # The server itself

    def _server_time(self, call: Call, _session: None) -> Response:
        """Return the time of the server. It requires no session; the name of the time zone was added in 1.3-rev2."""
        revision, now = self._revision(call), self.clock()
        document: Row = {"serverTime": self.server_clock.seven_digits(now)}
        document["timeZone"] = self.server_clock.describe(now)
        if is_at_least(revision, "1.3-rev2"):
            document["ianaTimeZoneId"] = self.text("timezone")
        return json_response(document)

    def _server_info(self, _call: Call, revision: str) -> Response:
        document: Row = {
            "vbrId": self.identity,
            "name": self.fixed("host") or "vbr01.invalid",
            "buildVersion": self.release.build,
            "patches": [],
        }
        if is_at_least(revision, "1.2-rev0"):
            document |= {"databaseVendor": "PostgreSQL", "sqlServerEdition": "", "sqlServerVersion": "PostgreSQL 15.12"}
            document |= {"databaseSchemaVersion": "10085", "databaseContentVersion": "10085"}
        if is_at_least(revision, "1.3-rev0"):
            document |= {"platform": "Windows", "veeamRegistration": {"isRegistered": False}}
        return json_response(document)

    def _index(self, _call: Call, _session: None) -> Response:
        """The page of the API's own documentation, which lists every revision (B1)."""
        urls = [
            {"url": f"/swagger/v{revision}/swagger.json", "name": f"V{revision.upper()}"}
            for revision in reversed(self.release.revisions)
        ]
        script = f"window.onload = function () {{ var configObject = JSON.parse('{json.dumps({'urls': urls})}'); }}"
        return Response(200, script.encode(), "application/javascript")

    def _own_specification(self, _call: Call, _session: None, version: str) -> Response:
        if version.removeprefix("v") not in self.release.revisions:
            raise Refusal(404, f"There is no specification {version}.")
        title = {"title": "Veeam Backup & Replication REST API", "version": version.removeprefix("v")}
        return json_response({"openapi": "3.0.1", "info": title, "paths": {}})

    # Errors

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        code, message = _CODES.get(refusal.status, "UnknownError"), refusal.reason
        if refusal.code == "version":
            if self.text("release") == "11":
                return Response(400, f"Bad request: {self._supported_versions()}.".encode(), "text/plain")
            code, message = self._wrong_version(call, refusal.reason)
        elif refusal.status == 401 and call.path == "/api/oauth2/token":
            detail = "The provided user credentials are invalid." if "incorrect" in message else message
            message = f"Unable to perform authorization: {detail}"
        elif refusal.status == 401:
            code = "InvalidToken"
        error: Row = {"errorCode": code, "message": message}
        if self.release.modern_errors:
            error |= {"title": message, "status": refusal.status}
        return json_response(error, refusal.status)

    def _supported_versions(self) -> str:
        names = ", ".join(f"v{revision}" for revision in self.release.revisions)
        return f"Unsupported RESTAPI version. The following versions are supported: {names}"

    def _wrong_version(self, call: Call, requested: str) -> tuple[str, str]:
        if not self.release.modern_errors:
            return "BadRequest", self._supported_versions()
        resource = f"https://vbr01.invalid:9419{call.path}"
        reason = f"does not support the API version '{requested}'."
        return "NotImplemented", f"The HTTP resource that matches the request URI '{resource}' {reason}"

    # Ground truth

    def listed_points(self, work: Workload) -> list[Point]:
        return super().listed_points(work) if work.platform_hint in PLATFORMS else []

    def truth(self) -> dict[str, object]:
        """Only workloads with backups are included. Copies and replicas have their own ids, in additional members."""
        layout = self.handlers.current_layout()
        replicas = layout.replicated()
        works = {stored.work.key: stored.work for stored in layout.stored()}
        points = {stored.point.key: self.point_id(stored.work, stored.point) for stored in layout.stored()}
        points |= {point.key: self.point_id(work, point) for work, found in replicas for point in found}
        copies: dict[str, dict[str, str]] = {}
        for stored in layout.stored():
            if stored.backup.repository is not None:
                place = copies.setdefault(stored.point.key, {})
                place[stored.backup.repository.name] = self.points.point_id(stored)
        return {
            "workloads": {key: self.workload_id(work) for key, work in works.items()},
            "points": points,
            "lists": {kind: listing.as_json() for kind, listing in self.LISTS.items()},
            "copies": copies,
            "replicas": {work.key: self.points.replica_id(work) for work, _unused in replicas},
        }

    def workload_id(self, work: Workload) -> str:
        return self.points.object_id(work)

    def point_id(self, work: Workload, point: Point) -> str:
        """Return the id of the first copy, which the backup job created."""
        found = self.handlers.current_layout().by_point.get(point.key)
        return self.points.point_id(found[0]) if found else self.points.replica_point_id(point)
