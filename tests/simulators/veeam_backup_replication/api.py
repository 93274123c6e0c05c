# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Veeam Backup & Replication, the REST API on port 9419 in all its revisions, as its facts (part B) tell it.

Accounts: the main one is a Backup Administrator; `viewer` gets 403 for replicas, the server's details, jobs, and
before 1.3 malware events; `restore_operator` may read replicas; `no_role` may not log in; `mfa` has a second factor,
with which there is no way in (B2).

Variants (product `veeam_backup_replication`; every product also has those of `Dialect`):
  release          13.1       the server: 11, 12.0 to 12.3.1, 13.0, 13.0.1, 13.1; it decides which revisions there are
                              and what errors look like (B1, B7)
  renamed_in       1.2-rev0   since when objectRestorePoints are restorePoints; 1.1-rev1 is as possible (B3)
  version_header   required   optional: a call without x-api-version is answered in the newest revision (B7)
  timezone         Europe/Berlin   the server's zone, in which all its times are told (B4)
  backup_times     naive      offset: times of backups and files carry their offset, as in the vendor's examples
  agent_names      computer   computer job: points of agents are named after both (B5)
  object_names     same       address: below its backup an agent's machine is called by its address (B5)
  objects_refused  AWSEC2,MongoDb   platforms of backups whose objects cannot be listed (B5)
  offload          copy       tier: what goes to object storage is a tier of a scale-out repository, and no point (B6)
  files            mixed      own: every file holds one machine; else the files of one policy hold all machines of a
                              night (B4)
  leftovers        false      true: objects without points are still listed (B4)
  counts           true       false: objects do not say how many points they have
  page_cap         0          above 0: no page is longer, whatever limit asks (B3)
  token_calls      0          above 0: an access token expires after so many calls
  fresh_refused    false      true: a token is refused once before it works (B2)
  viewer_repositories  true   false: 403 for a viewer's /backupInfrastructure (B2)
  unknown_enums    false      one point in five has values that no specification knows
  missing_optional false      one point in three has only what is required
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qsl

from tests.simulators.ground_truth import Estate, Point, Workload
from tests.simulators.member_names import Names
from tests.simulators.oauth2 import Account, Challenge, OAuth2Dialect, TokenSession
from tests.simulators.product_api import Call, Dialect, Listing, Refusal, Response, Route, Setting, json_answer
from tests.simulators.veeam_backup_replication.calls import Reads
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.layout import PLATFORMS
from tests.simulators.veeam_backup_replication.points import Points
from tests.simulators.veeam_backup_replication.versions import RELEASES, Release, Row, at_least

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
class Visit:
    session: TokenSession
    revision: str


@dataclass(frozen=True)
class Read:
    """One path: since which revision, until which (empty: still), and which roles may not see it."""

    path: str
    handler: Callable[..., Response]
    since: str = "1.1-rev0"
    until: str = ""
    denied: frozenset[str] = _NONE
    method: str = "GET"


class VeeamBackupReplication(OAuth2Dialect):
    product: ClassVar[str] = "veeam_backup_replication"
    ACCOUNTS: ClassVar[dict[str, Account]] = _ACCOUNTS
    LIFETIME_SECONDS: ClassVar[int] = 900
    LOG_IN: ClassVar[str] = "/api/oauth2/token"
    LISTING: ClassVar[str] = "/api/v1/backupObjects/*/restorePoints"
    NAMES: ClassVar[Names] = Names(
        totals=frozenset({"total"}),
        turn=frozenset({"skip"}),
        limit="limit",
        words=frozenset({"type", "platformname", "malwarestatus", "state", "jobtype", "scanresult", "scanstate"}),
    )
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(_BACKUPS | {"archive", "snapshot", "replica"}, _DONE, "B3 restorePoints, replicaPoints; B4"),
        "physical": Listing(_BACKUPS, _DONE, "B3, B4 (agents)"),
        "database": Listing(_BACKUPS, _DONE, "B4 (platformName MongoDb; SQL servers are machines to this product)"),
        "file_share": Listing(_BACKUPS, _DONE, "B4 (UnstructuredData)"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **Dialect.VARIANTS,
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
        self.clock_on_wall = ServerClock(self)
        self.points = Points(self, self.clock_on_wall)
        self.reads = Reads(self, self.clock_on_wall, self.points)
        self._greeted: set[str] = set()
        self.routes = [
            Route("POST", "/api/oauth2/token", self._grant, needs_session=False),
            Route("POST", "/api/oauth2/logout", self._log_out),
            Route("GET", "/api/v1/serverTime", self._server_time, needs_session=False),
            Route("GET", "/swagger/index.js", self._index, needs_session=False),
            Route("GET", "/swagger/{version}/swagger.json", self._own_specification, needs_session=False),
            *(Route(read.method, f"/api/v1/{read.path}", self._guarded(read)) for read in self._reads()),
        ]

    def prepare(self) -> None:
        self.reads.prepare()

    def _reads(self) -> list[Read]:
        """Order matters where a {name} would also match the more special path."""
        reads, infrastructure = self.reads, "backupInfrastructure/"
        replicas, jobs, events = frozenset({_VIEWER}), frozenset({_VIEWER, _RESTORER}), "malwareDetection/events"
        return [
            Read("serverInfo", self._server_info, denied=jobs),
            Read("objectRestorePoints", reads.restore_points, until="renamed"),
            Read("objectRestorePoints/{number}", reads.restore_point, until="renamed"),
            Read("restorePoints", reads.restore_points, since="renamed"),
            Read("restorePoints/{number}", reads.restore_point, since="renamed"),
            Read("backupObjects", reads.backup_objects),
            Read("backupObjects/{number}", reads.backup_object),
            Read("backupObjects/{number}/restorePoints", reads.points_of_object),
            Read("backups", reads.all_backups),
            Read("backups/{number}", reads.backup),
            Read("backups/{number}/objects", reads.objects_of_backup),
            Read("backups/{number}/backupFiles", reads.files, since="1.2-rev0"),
            Read("backups/{number}/backupFiles/{file}", reads.file, since="1.2-rev0"),
            Read("backups/{number}/details", reads.details, since="1.3-rev2", method="POST"),
            Read("replicas", reads.replicas, since="1.2-rev0", denied=replicas),
            Read("replicas/{number}", reads.replica, since="1.2-rev0", denied=replicas),
            Read("replicas/{number}/replicaPoints", reads.points_of_replica, since="1.2-rev0", denied=replicas),
            Read("replicaPoints", reads.replica_points, since="1.2-rev0", denied=replicas),
            Read("replicaPoints/{number}", reads.replica_point, since="1.2-rev0", denied=replicas),
            Read("sessions", reads.all_sessions),
            Read("sessions/{number}", reads.session),
            Read("sessions/{number}/taskSessions", reads.tasks_of_session, since="1.2-rev0"),
            Read("taskSessions", reads.tasks, since="1.2-rev0"),
            Read("taskSessions/{number}", reads.task, since="1.2-rev0"),
            Read(events, reads.events, since="1.2-rev0"),
            Read(f"{events}/{{number}}", reads.event, since="1.2-rev0"),
            Read(infrastructure + "repositories", reads.all_repositories),
            Read(infrastructure + "repositories/states", reads.repository_states),
            Read(infrastructure + "repositories/{number}", reads.repository),
            Read(infrastructure + "scaleOutRepositories", reads.scale_outs),
            Read(infrastructure + "scaleOutRepositories/{number}", reads.scale_out),
            Read("jobs", reads.all_jobs, denied=jobs),
            Read("jobs/states", reads.job_states),
            Read("jobs/{number}", reads.job, denied=jobs),
        ]

    # Revisions

    @property
    def release(self) -> Release:
        return RELEASES[self.text("release")]

    def _revision(self, call: Call) -> str:
        asked, served = call.headers.get("x-api-version"), self.release.revisions
        if asked is None and self.text("version_header") == "optional":
            return served[-1]
        if asked not in served:
            raise Refusal(400, asked or "", "version")
        return asked

    def _guarded(self, read: Read) -> Callable[..., Response]:
        def handle(call: Call, visit: Visit, **values: str) -> Response:
            renamed = self.text("renamed_in")
            since = renamed if read.since == "renamed" else read.since
            until = renamed if read.until == "renamed" else read.until
            if not at_least(visit.revision, since) or (until and at_least(visit.revision, until)):
                raise Refusal(404, f"The resource '{call.path}' was not found.")
            if visit.session.account.role in self._denied(read, visit.revision):
                raise Refusal(403, "Access is denied.")
            return read.handler(call, visit.revision, **values)

        return handle

    def _denied(self, read: Read, revision: str) -> frozenset[str]:
        if read.path.startswith("malwareDetection") and not at_least(revision, "1.3-rev0"):
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
        granted = self.desk.grant(call)
        if isinstance(granted, Challenge):
            raise Refusal(401, "Multi-factor authentication is enabled for this account.")
        if granted.account.role == _NO_ROLE:
            self.desk.close(granted)
            raise Refusal(403, "The account has no role on this server.")
        now = self.clock()
        return json_answer(
            {
                "access_token": granted.access_token,
                "token_type": "bearer",
                "refresh_token": granted.refresh_token,
                "expires_in": self.LIFETIME_SECONDS,
                ".issued": self.clock_on_wall.seven_digits(now),
                ".expires": self.clock_on_wall.seven_digits(now + self.LIFETIME_SECONDS * 1_000_000),
            }
        )

    def _log_out(self, _call: Call, visit: Visit) -> Response:
        self.desk.close(visit.session)
        return json_answer({})

    def authorise(self, call: Call) -> Visit:
        revision = self._revision(call)
        session = self.desk.session_of(call, self.number("token_calls"))
        if self.flag("fresh_refused") and session.access_token not in self._greeted:
            self._greeted.add(session.access_token)
            raise Refusal(401, "The access token is not valid yet.")
        return Visit(session, revision)

    def end_sessions(self) -> None:
        super().end_sessions()
        self._greeted.clear()

    # The server itself

    def _server_time(self, call: Call, _session: None) -> Response:
        """Anyone may ask; the name of the zone came with 1.3-rev2."""
        revision, now = self._revision(call), self.clock()
        document: Row = {"serverTime": self.clock_on_wall.seven_digits(now)}
        document["timeZone"] = self.clock_on_wall.describe(now)
        if at_least(revision, "1.3-rev2"):
            document["ianaTimeZoneId"] = self.text("timezone")
        return json_answer(document)

    def _server_info(self, _call: Call, revision: str) -> Response:
        document: Row = {
            "vbrId": self.uuid("server"),
            "name": self.fixed("host") or "vbr01.invalid",
            "buildVersion": self.release.build,
            "patches": [],
        }
        if at_least(revision, "1.2-rev0"):
            document |= {"databaseVendor": "PostgreSQL", "sqlServerEdition": "", "sqlServerVersion": "PostgreSQL 15.12"}
            document |= {"databaseSchemaVersion": "10085", "databaseContentVersion": "10085"}
        if at_least(revision, "1.3-rev0"):
            document |= {"platform": "Windows", "veeamRegistration": {"isRegistered": False}}
        return json_answer(document)

    def _index(self, _call: Call, _session: None) -> Response:
        """The page of the API's own documentation names every revision (B1)."""
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
        return json_answer({"openapi": "3.0.1", "info": title, "paths": {}})

    # Errors

    def refuse(self, call: Call, refusal: Refusal) -> Response:
        code, message = _CODES.get(refusal.status, "UnknownError"), refusal.reason
        if refusal.code == "version":
            if self.text("release") == "11":
                return Response(400, f"Bad request: {self._supported()}.".encode(), "text/plain")
            code, message = self._wrong_version(call, refusal.reason)
        elif refusal.status == 401 and call.path == "/api/oauth2/token":
            told = "The provided user credentials are invalid." if "incorrect" in message else message
            message = f"Unable to perform authorization: {told}"
        elif refusal.status == 401:
            code = "InvalidToken"
        error: Row = {"errorCode": code, "message": message}
        if self.release.modern_errors:
            error |= {"title": message, "status": refusal.status}
        return json_answer(error, refusal.status)

    def _supported(self) -> str:
        names = ", ".join(f"v{revision}" for revision in self.release.revisions)
        return f"Unsupported RESTAPI version. The following versions are supported: {names}"

    def _wrong_version(self, call: Call, asked: str) -> tuple[str, str]:
        if not self.release.modern_errors:
            return "BadRequest", self._supported()
        resource = f"https://vbr01.invalid:9419{call.path}"
        reason = f"does not support the API version '{asked}'."
        return "NotImplemented", f"The HTTP resource that matches the request URI '{resource}' {reason}"

    # The truth

    def listed_points(self, work: Workload) -> list[Point]:
        return super().listed_points(work) if work.platform_hint in PLATFORMS else []

    def truth(self) -> dict[str, object]:
        """Only what was ever backed up is known. Copies and replicas have ids of their own, told beside the usual."""
        layout = self.reads.current_layout()
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
        """Of several copies the first one's, which is what the backup job made."""
        found = self.reads.current_layout().of_point.get(point.key)
        return self.points.point_id(found[0]) if found else self.points.replica_point_id(point)
