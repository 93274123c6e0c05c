# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be read from Backup & Replication: the calls behind its lists, revision by revision (facts B3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from tests.simulators.product_api import Call, Dialect, Refusal, Response, json_answer
from tests.simulators.veeam_backup_replication.backups import BACKUP_SHAPE, FILE_SHAPE, OBJECT_SHAPE, Backups
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.job_sessions import (
    EVENT_SHAPE,
    SESSION_SHAPE,
    STATE_SHAPE,
    TASK_SHAPE,
    Sessions,
)
from tests.simulators.veeam_backup_replication.jobs import JOB_SHAPE, Jobs
from tests.simulators.veeam_backup_replication.layout import Backup, Layout
from tests.simulators.veeam_backup_replication.lists import Filter, SameId, Shelf, after, before, one_of, pattern
from tests.simulators.veeam_backup_replication.points import POINT_SHAPE, REPLICA_POINT_SHAPE, REPLICA_SHAPE, Points
from tests.simulators.veeam_backup_replication.repositories import REPOSITORY_SHAPE, SCALE_OUT_SHAPE, Repositories
from tests.simulators.veeam_backup_replication.repositories import STATE_SHAPE as REPOSITORY_STATE_SHAPE
from tests.simulators.veeam_backup_replication.versions import Row, Shape, at_least

_TIMES = {"createdAfterFilter": after(), "createdBeforeFilter": before()}
_NAMES: dict[str, Filter] = {"nameFilter": pattern, "platformIdFilter": SameId("platformId")}
_MALWARE = ("Clean", "Suspicious", "Infected", "Informative")
_POINT_TYPES = ("Increment", "Full", "Rollback", "Snapshot", "Cdp", "Different")
_POINT_FILTERS: dict[str, Filter] = {
    **_TIMES,
    **_NAMES,
    "platformNameFilter": one_of("platformName"),
    "backupIdFilter": SameId("backupId"),
    "backupObjectIdFilter": SameId("_object"),
}
_FILTERS: dict[str, dict[str, Filter]] = {
    "backups": {**_TIMES, **_NAMES, "jobIdFilter": SameId("jobId")},
    "objects": {**_NAMES, "platformNameFilter": one_of("platformName"), "typeFilter": one_of("type")},
    "files": {**_TIMES, "nameFilter": pattern},
    "replicas": {**_TIMES, **_NAMES, "jobIdFilter": SameId("jobId"), "stateFilter": one_of("state")},
    "replica points": {
        **_TIMES,
        **_NAMES,
        "platformNameFilter": one_of("platformName"),
        "replicaIdFilter": SameId("replicaId"),
        "malwareStatusFilter": one_of("malwareStatus", _MALWARE),
    },
    "sessions": {
        **_TIMES,
        "nameFilter": pattern,
        "endedAfterFilter": after("_ended"),
        "endedBeforeFilter": before("_ended"),
        "typeFilter": one_of("sessionType"),
        "stateFilter": one_of("state"),
        "resultFilter": one_of("_result", ("None", "Success", "Warning", "Failed")),
        "jobIdFilter": SameId("jobId"),
    },
    "tasks": {
        **_TIMES,
        "nameFilter": pattern,
        "endedAfterFilter": after("_ended"),
        "endedBeforeFilter": before("_ended"),
        "typeFilter": one_of("type", ("Backup", "Restore", "Antivirus", "Replica")),
        "sessionTypeFilter": one_of("sessionType"),
        "stateFilter": one_of("state"),
        "resultFilter": one_of("_result", ("None", "Success", "Warning", "Failed")),
        "scanTypeFilter": one_of("scanType", ("Antivirus", "Yara")),
        "scanResultFilter": one_of("scanResult"),
        "scanStateFilter": one_of("scanState"),
        "sessionIdFilter": SameId("sessionId"),
    },
    "events": {
        "typeFilter": one_of("type"),
        "detectedAfterTimeUtcFilter": after(),
        "detectedBeforeTimeUtcFilter": before(),
        "backupObjectIdFilter": SameId("_object"),
        "stateFilter": one_of("state", ("Created", "FalsePositive")),
        "severityFilter": one_of("severity", _MALWARE),
    },
    "named": {"nameFilter": pattern, "typeFilter": one_of("type"), "idFilter": SameId("id")},
}
_COLUMNS: dict[str, dict[str, str]] = {
    "points": {"CreationTime": "_moment", "PlatformId": "platformId", "BackupId": "backupId"},
    "backups": {"Name": "name", "CreationTime": "_moment", "PlatformId": "platformId", "JobId": "jobId"},
    "objects": {"Name": "name", "PlatformId": "platformId", "Type": "type"},
    "files": {"Name": "name", "CreationTime": "_moment"},
    "replicas": {"Name": "name", "CreationTime": "_moment", "PlatformId": "platformId", "JobId": "jobId"},
    "replica points": {"CreationTime": "_moment", "PlatformId": "platformId", "ReplicaId": "replicaId", "Name": "name"},
    "sessions": {"Name": "name", "CreationTime": "_moment", "SessionType": "sessionType", "State": "state"},
    "tasks": {"Name": "name", "CreationTime": "_moment", "Type": "type", "SessionType": "sessionType"},
    "events": {"DetectionTimeUtc": "_moment", "Severity": "severity", "State": "state"},
    "named": {"Name": "name", "Type": "type"},
}


def point_filters(revision: str) -> Mapping[str, Filter]:
    """What the list of points can be asked for, which grew (facts B3)."""
    if not at_least(revision, "1.2-rev0"):
        return _POINT_FILTERS
    newest = at_least(revision, "1.3-rev2")
    found = {**_POINT_FILTERS, "malwareStatusFilter": one_of("malwareStatus", _MALWARE, several=newest)}
    return {**found, "typeFilter": one_of("type", _POINT_TYPES, several=True)} if newest else found


class Reads:
    def __init__(self, dialect: Dialect, clock: ServerClock, points: Points) -> None:
        self.dialect = dialect
        self.clock = clock
        self.points = points
        self._shelves: dict[str, Shelf] = {}
        self._backups: dict[str, Backup] = {}
        self._laid_out: dict[tuple[str, str], Layout] = {}
        self._prepared_for: dict[str, object] = {}

    def current_layout(self) -> Layout:
        """Where everything lies, as the variant has it."""
        offload, files = key = self.dialect.text("offload"), self.dialect.text("files")
        if key not in self._laid_out:
            self._laid_out[key] = Layout(self.dialect, tiers=offload == "tier", own_files=files == "own")
        return self._laid_out[key]

    def prepare(self) -> None:
        """Points are written out at once; what surrounds them when it is first asked for."""
        if self._prepared_for == self.dialect.variants:
            return
        self._prepared_for = dict(self.dialect.variants)
        self.layout = self.current_layout()
        self.backups = Backups(self.dialect, self.clock, self.points, self.layout)
        self.repositories = Repositories(self.dialect, self.layout)
        self.sessions = Sessions(self.dialect, self.clock, self.points, self.backups, self.layout)
        self.jobs = Jobs(self.dialect, self.backups, self.layout)
        self._backups = {self.points.backup_id(backup): backup for backup in self.layout.backups.values()}
        self._shelves = {}
        self._points().written("1.3-rev2")

    def _shelf(self, key: str, rows: Callable[[], Iterable[Row]], shape: Shape | None = None) -> Shelf:
        if key not in self._shelves:
            self._shelves[key] = Shelf(self.dialect, self.clock, rows(), shape)
        return self._shelves[key]

    def _points(self) -> Shelf:
        def rows() -> Iterable[Row]:
            return (self.points.restore_point(stored) for stored in self.layout.stored())

        return self._shelf("points", rows, POINT_SHAPE)

    def _page(self, shelf: Shelf, call: Call, revision: str, kind: str) -> Response:
        return shelf.page(call, revision, _FILTERS[kind], _COLUMNS[kind])

    # Restore points

    def restore_points(self, call: Call, revision: str) -> Response:
        return self._points().page(call, revision, point_filters(revision), _COLUMNS["points"], drifts=True)

    def restore_point(self, _call: Call, revision: str, number: str) -> Response:
        return self._points().item(number, revision)

    def points_of_object(self, call: Call, revision: str, number: str) -> Response:
        self._objects().find(number, revision)
        mine = [self._points().rows[index] for index in self._points().index("_object").get(number, [])]
        shelf = self._shelf(f"points of {number}", lambda: mine, POINT_SHAPE)
        if not at_least(revision, "1.3-rev2"):
            return shelf.whole(revision)
        return shelf.page(call, revision, point_filters(revision), _COLUMNS["points"], drifts=True)

    # Backups and objects

    def _objects(self) -> Shelf:
        def rows() -> Iterable[Row]:
            for backup in self.layout.backups.values():
                yield from self.backups.objects(backup)
            if self.dialect.flag("leftovers"):
                yield from self.backups.leftovers()

        return self._shelf("objects", rows, OBJECT_SHAPE)

    def backup_objects(self, call: Call, revision: str) -> Response:
        return self._page(self._objects(), call, revision, "objects")

    def backup_object(self, _call: Call, revision: str, number: str) -> Response:
        return self._objects().item(number, revision)

    def _all_backups(self) -> Shelf:
        return self._shelf("backups", lambda: map(self.backups.backup, self.layout.backups.values()), BACKUP_SHAPE)

    def all_backups(self, call: Call, revision: str) -> Response:
        return self._page(self._all_backups(), call, revision, "backups")

    def backup(self, _call: Call, revision: str, number: str) -> Response:
        return self._all_backups().item(number, revision)

    def _backup(self, number: str, revision: str) -> Backup:
        return self._backups[self._all_backups().find(number, revision)["id"]]

    def objects_of_backup(self, call: Call, revision: str, number: str) -> Response:
        backup = self._backup(number, revision)
        shown = self._all_backups().find(number, "1.3-rev2")["platformName"]
        if shown in self.dialect.text("objects_refused").split(","):
            raise Refusal(400, "Backup platform or job type are not supported")

        def rows() -> Iterable[Row]:
            names = {
                self.points.object_id(work): self.backups.chain_name(work, backup.platform) for work in backup.members
            }
            return ({**row, "name": names[row["id"]]} for row in self.backups.objects(backup))

        shelf = self._shelf(f"objects of {number}", rows, OBJECT_SHAPE)
        return shelf.page(call, revision) if at_least(revision, "1.3-rev2") else shelf.whole(revision)

    def _files(self, number: str, revision: str) -> Shelf:
        backup = self._backup(number, revision)
        files = backup.files.values()
        return self._shelf(
            f"files of {number}", lambda: (self.backups.file(backup, file) for file in files), FILE_SHAPE
        )

    def files(self, call: Call, revision: str, number: str) -> Response:
        period = call.first("gfsPeriodFilter")
        filters = {**_FILTERS["files"], "gfsPeriodFilter": _holds("gfsPeriods", period or "")}
        return self._files(number, revision).page(call, revision, filters, _COLUMNS["files"])

    def file(self, _call: Call, revision: str, number: str, file: str) -> Response:
        return self._files(number, revision).item(file, revision)

    def details(self, call: Call, revision: str, number: str) -> Response:
        """A read although it is a POST; its body is required and may name one object."""
        if call.content_type != "application/json":
            raise Refusal(415, f"The content type {call.content_type!r} is not application/json.")
        try:
            body = json.loads(call.body)
        except ValueError:
            raise Refusal(400, "The request body is malformed.") from None
        if not isinstance(body, dict):
            raise Refusal(400, "The request body is no object.")
        return json_answer(self.backups.details(self._backup(number, revision), body.get("objectId")))

    # Replicas

    def _replicas(self) -> Shelf:
        return self._shelf(
            "replicas", lambda: (self.points.replica(*pair) for pair in self.layout.replicated()), REPLICA_SHAPE
        )

    def _replica_points(self) -> Shelf:
        def rows() -> Iterable[Row]:
            for work, points in self.layout.replicated():
                yield from (self.points.replica_point(work, point) for point in points)

        return self._shelf("replica points", rows, REPLICA_POINT_SHAPE)

    def replicas(self, call: Call, revision: str) -> Response:
        return self._page(self._replicas(), call, revision, "replicas")

    def replica(self, _call: Call, revision: str, number: str) -> Response:
        return self._replicas().item(number, revision)

    def replica_points(self, call: Call, revision: str) -> Response:
        return self._page(self._replica_points(), call, revision, "replica points")

    def replica_point(self, _call: Call, revision: str, number: str) -> Response:
        return self._replica_points().item(number, revision)

    def points_of_replica(self, call: Call, revision: str, number: str) -> Response:
        ident = self._replicas().find(number, revision)["id"]
        mine = [row for row in self._replica_points().rows if row["replicaId"] == ident]
        shelf = self._shelf(f"points of replica {ident}", lambda: mine, REPLICA_POINT_SHAPE)
        return self._page(shelf, call, revision, "replica points")

    # Sessions and malware

    def _sessions(self) -> Shelf:
        return self._shelf("sessions", self.sessions.sessions, SESSION_SHAPE)

    def _tasks(self) -> Shelf:
        return self._shelf("tasks", self.sessions.tasks, TASK_SHAPE)

    def all_sessions(self, call: Call, revision: str) -> Response:
        return self._page(self._sessions(), call, revision, "sessions")

    def session(self, _call: Call, revision: str, number: str) -> Response:
        return self._sessions().item(number, revision)

    def tasks(self, call: Call, revision: str) -> Response:
        return self._page(self._tasks(), call, revision, "tasks")

    def task(self, _call: Call, revision: str, number: str) -> Response:
        return self._tasks().item(number, revision)

    def tasks_of_session(self, call: Call, revision: str, number: str) -> Response:
        ident = self._sessions().find(number, revision)["id"]
        mine = [row for row in self._tasks().rows if row["sessionId"] == ident]
        shelf = self._shelf(f"tasks of {ident}", lambda: mine, TASK_SHAPE)
        return self._page(shelf, call, revision, "tasks") if at_least(revision, "1.3-rev0") else shelf.whole(revision)

    def _events(self) -> Shelf:
        return self._shelf("events", self.sessions.events, EVENT_SHAPE)

    def events(self, call: Call, revision: str) -> Response:
        return self._page(self._events(), call, revision, "events")

    def event(self, _call: Call, revision: str, number: str) -> Response:
        return self._events().item(number, revision)

    # Infrastructure and jobs

    def all_repositories(self, call: Call, revision: str) -> Response:
        rows = map(self.repositories.repository, self.layout.repositories())
        return self._page(self._shelf("repositories", lambda: rows, REPOSITORY_SHAPE), call, revision, "named")

    def repository(self, call: Call, revision: str, number: str) -> Response:
        rows = map(self.repositories.repository, self.layout.repositories())
        return self._shelf("repositories", lambda: rows, REPOSITORY_SHAPE).item(number, revision)

    def repository_states(self, call: Call, revision: str) -> Response:
        rows = map(self.repositories.state, self.layout.repositories())
        shelf = self._shelf("repository states", lambda: rows, REPOSITORY_STATE_SHAPE)
        return self._page(shelf, call, revision, "named")

    def _scale_outs(self) -> Shelf:
        rows = map(self.repositories.scale_out, self.layout.scale_outs())
        return self._shelf("scale-outs", lambda: rows, SCALE_OUT_SHAPE)

    def scale_outs(self, call: Call, revision: str) -> Response:
        return self._page(self._scale_outs(), call, revision, "named")

    def scale_out(self, _call: Call, revision: str, number: str) -> Response:
        return self._scale_outs().item(number, revision)

    def job_states(self, call: Call, revision: str) -> Response:
        shelf = self._shelf(f"states {revision[:3]}", lambda: self.sessions.states(revision), STATE_SHAPE)
        return self._page(shelf, call, revision, "named")

    def all_jobs(self, call: Call, revision: str) -> Response:
        return self._page(self._shelf("jobs", self.jobs.told, JOB_SHAPE), call, revision, "named")

    def job(self, _call: Call, revision: str, number: str) -> Response:
        if number in self.jobs.untold():
            raise Refusal(400, "Specify job of supported platform type.")
        return self._shelf("jobs", self.jobs.told, JOB_SHAPE).item(number, revision)


def _holds(member: str, word: str) -> Filter:
    return lambda _values, _clock: lambda row: word in row[member]
