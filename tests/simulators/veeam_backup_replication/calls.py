# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read calls of Backup & Replication: the handlers of its lists for each revision."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from tests.simulators.product_api import Call, ProductApi, Refusal, Response, json_response
from tests.simulators.veeam_backup_replication.backups import BACKUP_SHAPE, FILE_SHAPE, OBJECT_SHAPE, Backups
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.infrastructure import Infrastructure
from tests.simulators.veeam_backup_replication.job_sessions import (
    EVENT_SHAPE,
    SESSION_SHAPE,
    STATE_SHAPE,
    TASK_SHAPE,
    Sessions,
)
from tests.simulators.veeam_backup_replication.jobs import JOB_SHAPE, Jobs
from tests.simulators.veeam_backup_replication.layout import Backup, Layout
from tests.simulators.veeam_backup_replication.lists import (
    Filter,
    IdFilter,
    RowTable,
    after,
    before,
    enum_filter,
    pattern,
)
from tests.simulators.veeam_backup_replication.points import POINT_SHAPE, REPLICA_POINT_SHAPE, REPLICA_SHAPE, Points
from tests.simulators.veeam_backup_replication.repositories import REPOSITORY_SHAPE, SCALE_OUT_SHAPE, Repositories
from tests.simulators.veeam_backup_replication.repositories import STATE_SHAPE as REPOSITORY_STATE_SHAPE
from tests.simulators.veeam_backup_replication.versions import Row, Shape, is_at_least

_TIMES = {"createdAfterFilter": after(), "createdBeforeFilter": before()}
_NAMES: dict[str, Filter] = {"nameFilter": pattern, "platformIdFilter": IdFilter("platformId")}
_MALWARE = ("Clean", "Suspicious", "Infected", "Informative")
_POINT_TYPES = ("Increment", "Full", "Rollback", "Snapshot", "Cdp", "Different")
_POINT_FILTERS: dict[str, Filter] = {
    **_TIMES,
    **_NAMES,
    "platformNameFilter": enum_filter("platformName"),
    "backupIdFilter": IdFilter("backupId"),
    "backupObjectIdFilter": IdFilter("_object"),
}
_FILTERS: dict[str, dict[str, Filter]] = {
    "backups": {**_TIMES, **_NAMES, "jobIdFilter": IdFilter("jobId")},
    "objects": {**_NAMES, "platformNameFilter": enum_filter("platformName"), "typeFilter": enum_filter("type")},
    "files": {**_TIMES, "nameFilter": pattern},
    "replicas": {**_TIMES, **_NAMES, "jobIdFilter": IdFilter("jobId"), "stateFilter": enum_filter("state")},
    "replica points": {
        **_TIMES,
        **_NAMES,
        "platformNameFilter": enum_filter("platformName"),
        "replicaIdFilter": IdFilter("replicaId"),
        "malwareStatusFilter": enum_filter("malwareStatus", _MALWARE),
    },
    "sessions": {
        **_TIMES,
        "nameFilter": pattern,
        "endedAfterFilter": after("_ended"),
        "endedBeforeFilter": before("_ended"),
        "typeFilter": enum_filter("sessionType"),
        "stateFilter": enum_filter("state"),
        "resultFilter": enum_filter("_result", ("None", "Success", "Warning", "Failed")),
        "jobIdFilter": IdFilter("jobId"),
    },
    "tasks": {
        **_TIMES,
        "nameFilter": pattern,
        "endedAfterFilter": after("_ended"),
        "endedBeforeFilter": before("_ended"),
        "typeFilter": enum_filter("type", ("Backup", "Restore", "Antivirus", "Replica")),
        "sessionTypeFilter": enum_filter("sessionType"),
        "stateFilter": enum_filter("state"),
        "resultFilter": enum_filter("_result", ("None", "Success", "Warning", "Failed")),
        "scanTypeFilter": enum_filter("scanType", ("Antivirus", "Yara")),
        "scanResultFilter": enum_filter("scanResult"),
        "scanStateFilter": enum_filter("scanState"),
        "sessionIdFilter": IdFilter("sessionId"),
    },
    "events": {
        "typeFilter": enum_filter("type"),
        "detectedAfterTimeUtcFilter": after(),
        "detectedBeforeTimeUtcFilter": before(),
        "backupObjectIdFilter": IdFilter("_object"),
        "stateFilter": enum_filter("state", ("Created", "FalsePositive")),
        "severityFilter": enum_filter("severity", _MALWARE),
    },
    "named": {"nameFilter": pattern, "typeFilter": enum_filter("type"), "idFilter": IdFilter("id")},
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
    """Return the filters of the list of points; later revisions have more."""
    if not is_at_least(revision, "1.2-rev0"):
        return _POINT_FILTERS
    newest = is_at_least(revision, "1.3-rev2")
    found = {**_POINT_FILTERS, "malwareStatusFilter": enum_filter("malwareStatus", _MALWARE, several=newest)}
    return {**found, "typeFilter": enum_filter("type", _POINT_TYPES, several=True)} if newest else found


class ReadHandlers:
    def __init__(self, api: ProductApi, clock: ServerClock, points: Points) -> None:
        self.api = api
        self.clock = clock
        self.points = points
        self._tables: dict[str, RowTable] = {}
        self._backups: dict[str, Backup] = {}
        self._layouts: dict[tuple[str, str], Layout] = {}
        self._prepared_for: dict[str, object] = {}

    def current_layout(self) -> Layout:
        """Return the storage layout for the current variants."""
        offload, files = key = self.api.text("offload"), self.api.text("files")
        if key not in self._layouts:
            self._layouts[key] = Layout(self.api, tiers=offload == "tier", own_files=files == "own")
        return self._layouts[key]

    def prepare(self) -> None:
        """Encode points immediately; other rows on the first request."""
        if self._prepared_for == self.api.variants:
            return
        self._prepared_for = dict(self.api.variants)
        self.layout = self.current_layout()
        self.backups = Backups(self.api, self.clock, self.points, self.layout)
        self.repositories = Repositories(self.api, self.layout)
        self.sessions = Sessions(self.api, self.clock, self.points, self.backups, self.layout)
        self.jobs = Jobs(self.api, self.backups, self.layout)
        self.infrastructure = Infrastructure(self.api, self.clock, self.points, self.layout)
        self._backups = {self.points.backup_id(backup): backup for backup in self.layout.backups.values()}
        self._tables = {}
        self._points().encode_rows("1.3-rev2")

    def _get_table(self, key: str, rows: Callable[[], Iterable[Row]], shape: Shape | None = None) -> RowTable:
        if key not in self._tables:
            self._tables[key] = RowTable(self.api, self.clock, rows(), shape)
        return self._tables[key]

    def _points(self) -> RowTable:
        def rows() -> Iterable[Row]:
            return (self.points.restore_point(stored) for stored in self.layout.stored())

        return self._get_table("points", rows, POINT_SHAPE)

    def _page(self, table: RowTable, call: Call, revision: str, kind: str) -> Response:
        return table.page(call, revision, _FILTERS[kind], _COLUMNS[kind])

    # Restore points

    def restore_points(self, call: Call, revision: str) -> Response:
        return self._points().page(call, revision, point_filters(revision), _COLUMNS["points"], concurrent_changes=True)

    def restore_point(self, _call: Call, revision: str, number: str) -> Response:
        return self._points().item(number, revision)

    def disks(self, _call: Call, revision: str, number: str) -> Response:
        return self.infrastructure.disks(self._points().find(number, revision))

    def monitoring(self, name: str) -> Callable[..., Response]:
        """Return the handler of a request that only monitoring sends."""

        def handle(call: Call, revision: str) -> Response:
            answer: Response = getattr(self.infrastructure, name)(call, revision)
            return answer

        return handle

    def points_for_object(self, call: Call, revision: str, number: str) -> Response:
        self._objects().find(number, revision)
        mine = [self._points().rows[index] for index in self._points().index("_object").get(number, [])]
        table = self._get_table(f"points of {number}", lambda: mine, POINT_SHAPE)
        if not is_at_least(revision, "1.3-rev2"):
            return table.all_rows(revision)
        return table.page(call, revision, point_filters(revision), _COLUMNS["points"], concurrent_changes=True)

    # Backups and objects

    def _objects(self) -> RowTable:
        def rows() -> Iterable[Row]:
            for backup in self.layout.backups.values():
                yield from self.backups.objects(backup)
            if self.api.flag("leftovers"):
                yield from self.backups.leftovers()

        return self._get_table("objects", rows, OBJECT_SHAPE)

    def backup_objects(self, call: Call, revision: str) -> Response:
        return self._page(self._objects(), call, revision, "objects")

    def backup_object(self, _call: Call, revision: str, number: str) -> Response:
        return self._objects().item(number, revision)

    def _all_backups(self) -> RowTable:
        return self._get_table("backups", lambda: map(self.backups.backup, self.layout.backups.values()), BACKUP_SHAPE)

    def all_backups(self, call: Call, revision: str) -> Response:
        return self._page(self._all_backups(), call, revision, "backups")

    def backup(self, _call: Call, revision: str, number: str) -> Response:
        return self._all_backups().item(number, revision)

    def _backup(self, number: str, revision: str) -> Backup:
        return self._backups[self._all_backups().find(number, revision)["id"]]

    def objects_for_backup(self, call: Call, revision: str, number: str) -> Response:
        backup = self._backup(number, revision)
        shown = self._all_backups().find(number, "1.3-rev2")["platformName"]
        if shown in self.api.text("objects_refused").split(","):
            raise Refusal(400, "Backup platform or job type are not supported")

        def rows() -> Iterable[Row]:
            names = {
                self.points.object_id(work): self.backups.chain_name(work, backup.platform) for work in backup.members
            }
            return ({**row, "name": names[row["id"]]} for row in self.backups.objects(backup))

        table = self._get_table(f"objects of {number}", rows, OBJECT_SHAPE)
        return table.page(call, revision) if is_at_least(revision, "1.3-rev2") else table.all_rows(revision)

    def _files(self, number: str, revision: str) -> RowTable:
        backup = self._backup(number, revision)
        files = backup.files.values()
        return self._get_table(
            f"files of {number}", lambda: (self.backups.file(backup, file) for file in files), FILE_SHAPE
        )

    def files(self, call: Call, revision: str, number: str) -> Response:
        period = call.first("gfsPeriodFilter")
        filters = {**_FILTERS["files"], "gfsPeriodFilter": _list_contains("gfsPeriods", period or "")}
        return self._files(number, revision).page(call, revision, filters, _COLUMNS["files"])

    def file(self, _call: Call, revision: str, number: str, file: str) -> Response:
        return self._files(number, revision).item(file, revision)

    def details(self, call: Call, revision: str, number: str) -> Response:
        """Return details. This is a read request although it uses POST; its body may contain one object id."""
        if call.content_type != "application/json":
            raise Refusal(415, f"The content type {call.content_type!r} is not application/json.")
        try:
            body = json.loads(call.body)
        except ValueError:
            raise Refusal(400, "The request body is malformed.") from None
        if not isinstance(body, dict):
            raise Refusal(400, "The request body is not an object.")
        return json_response(self.backups.details(self._backup(number, revision), body.get("objectId")))

    # Replicas

    def _replicas(self) -> RowTable:
        return self._get_table(
            "replicas", lambda: (self.points.replica(*pair) for pair in self.layout.replicated()), REPLICA_SHAPE
        )

    def _replica_points(self) -> RowTable:
        def rows() -> Iterable[Row]:
            for work, points in self.layout.replicated():
                yield from (self.points.replica_point(work, point) for point in points)

        return self._get_table("replica points", rows, REPLICA_POINT_SHAPE)

    def replicas(self, call: Call, revision: str) -> Response:
        return self._page(self._replicas(), call, revision, "replicas")

    def replica(self, _call: Call, revision: str, number: str) -> Response:
        return self._replicas().item(number, revision)

    def replica_points(self, call: Call, revision: str) -> Response:
        return self._page(self._replica_points(), call, revision, "replica points")

    def replica_point(self, _call: Call, revision: str, number: str) -> Response:
        return self._replica_points().item(number, revision)

    def points_for_replica(self, call: Call, revision: str, number: str) -> Response:
        ident = self._replicas().find(number, revision)["id"]
        mine = [row for row in self._replica_points().rows if row["replicaId"] == ident]
        table = self._get_table(f"points of replica {ident}", lambda: mine, REPLICA_POINT_SHAPE)
        return self._page(table, call, revision, "replica points")

    # Sessions and malware

    def _sessions(self) -> RowTable:
        return self._get_table("sessions", self.sessions.sessions, SESSION_SHAPE)

    def _tasks(self) -> RowTable:
        return self._get_table("tasks", self.sessions.tasks, TASK_SHAPE)

    def all_sessions(self, call: Call, revision: str) -> Response:
        return self._page(self._sessions(), call, revision, "sessions")

    def session(self, _call: Call, revision: str, number: str) -> Response:
        return self._sessions().item(number, revision)

    def tasks(self, call: Call, revision: str) -> Response:
        return self._page(self._tasks(), call, revision, "tasks")

    def task(self, _call: Call, revision: str, number: str) -> Response:
        return self._tasks().item(number, revision)

    def tasks_for_session(self, call: Call, revision: str, number: str) -> Response:
        ident = self._sessions().find(number, revision)["id"]
        mine = [row for row in self._tasks().rows if row["sessionId"] == ident]
        table = self._get_table(f"tasks of {ident}", lambda: mine, TASK_SHAPE)
        return (
            self._page(table, call, revision, "tasks")
            if is_at_least(revision, "1.3-rev0")
            else table.all_rows(revision)
        )

    def _events(self) -> RowTable:
        return self._get_table("events", self.sessions.events, EVENT_SHAPE)

    def events(self, call: Call, revision: str) -> Response:
        return self._page(self._events(), call, revision, "events")

    def event(self, _call: Call, revision: str, number: str) -> Response:
        return self._events().item(number, revision)

    # Infrastructure and jobs

    def all_repositories(self, call: Call, revision: str) -> Response:
        rows = map(self.repositories.repository, self.layout.repositories())
        return self._page(self._get_table("repositories", lambda: rows, REPOSITORY_SHAPE), call, revision, "named")

    def repository(self, call: Call, revision: str, number: str) -> Response:
        rows = map(self.repositories.repository, self.layout.repositories())
        return self._get_table("repositories", lambda: rows, REPOSITORY_SHAPE).item(number, revision)

    def repository_states(self, call: Call, revision: str) -> Response:
        rows = map(self.repositories.state, self.layout.repositories())
        table = self._get_table("repository states", lambda: rows, REPOSITORY_STATE_SHAPE)
        return self._page(table, call, revision, "named")

    def _scale_outs(self) -> RowTable:
        rows = map(self.repositories.scale_out, self.layout.scale_outs())
        return self._get_table("scale-outs", lambda: rows, SCALE_OUT_SHAPE)

    def scale_outs(self, call: Call, revision: str) -> Response:
        return self._page(self._scale_outs(), call, revision, "named")

    def scale_out(self, _call: Call, revision: str, number: str) -> Response:
        return self._scale_outs().item(number, revision)

    def job_states(self, call: Call, revision: str) -> Response:
        table = self._get_table(f"states {revision[:3]}", lambda: self.sessions.states(revision), STATE_SHAPE)
        return self._page(table, call, revision, "named")

    def all_jobs(self, call: Call, revision: str) -> Response:
        return self._page(self._get_table("jobs", self.jobs.list_supported, JOB_SHAPE), call, revision, "named")

    def job(self, _call: Call, revision: str, number: str) -> Response:
        if number in self.jobs.list_unsupported_ids():
            raise Refusal(400, "Specify job of supported platform type.")
        return self._get_table("jobs", self.jobs.list_supported, JOB_SHAPE).item(number, revision)


def _list_contains(member: str, word: str) -> Filter:
    return lambda _values, _clock: lambda row: word in row[member]
