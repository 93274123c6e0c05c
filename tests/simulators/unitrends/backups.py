# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of backups (facts 3.1, 3.2). POST is the list, and with ?isDelete it is what removes backups: so it is here."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable

from tests.simulators.ground_truth import DAY, HOUR, SECOND
from tests.simulators.product_api import Call, Dialect, Refusal, Response, Route, json_answer
from tests.simulators.unitrends.directory import MANAGER, Directory, Entry
from tests.simulators.unitrends.formats import LANGUAGES, RISK, Row, Window, local_text, read_date, six_days_ago
from tests.simulators.unitrends.rows import Rows, Shape
from tests.simulators.unitrends.session import UnitrendsSession, needs

_JSON = "application/json"
_PHP_WARNING = b"<br />\n<b>Warning</b>:  Invalid argument supplied for foreach() in <b>backups.php</b><br />\n"
_INTEGERS = ("system_id", "client_id", "instance_id", "start_time", "end_time")
_MORE_INTEGERS = ("finish_interval_start", "finish_interval_end", "start_hours", "end_hours")


class _CoreError(Exception):
    """The core does not understand the filter. The handler hides that: its answer is an empty list (facts 3.1)."""


class Backups:
    def __init__(self, dialect: Dialect, directory: Directory) -> None:
        self.dialect = dialect
        self.directory = directory
        self.rows = Rows(dialect, directory)
        # by system, oldest first, and beside them when each began
        self._entries: dict[int, list[Entry]] = {}
        self._starts: dict[int, list[int]] = {}
        self.deleted: set[tuple[int, int]] = set()

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/api/backups", self.post),
            Route("GET", "/api/backups", self.get),
            Route("GET", "/api/backups/browser", self.browser),
            Route("GET", "/api/backups/latest", self.latest),
            Route("GET", "/api/backups/details", self.details),
            Route("GET", "/api/backups/related/{number}", self.related),
            Route("GET", "/api/backups/dependent/{number}", self.related),
            Route("GET", "/api/backups/risk_level/{numbers}", self.risk_level),
        ]

    def prepare(self) -> None:
        self.rows.forget()
        by_system: dict[int, list[Entry]] = {sid: [] for sid in self.directory.systems}
        for entry in self.directory.entries():
            if not (entry.is_backup or entry.sort == "copy") or (entry.system, entry.number) not in self.deleted:
                by_system[entry.system].append(entry)
        for sid, entries in by_system.items():
            # a copy comes before its backup where the newest is first: nothing says that backups lead
            entries.sort(key=lambda entry: (entry.started, entry.number, entry.sort))
            self._entries[sid] = entries
            self._starts[sid] = [entry.started // SECOND * SECOND for entry in entries]

    def began_in(self, sid: int, window: Window) -> list[Entry]:
        """Newest first."""
        starts = self._starts[sid]
        first = 0 if window.since is None else bisect_left(starts, window.since)
        last = len(starts) if window.until is None else bisect_right(starts, window.until)
        return self._entries[sid][first:last][::-1]

    def shape(self, call: Call, looked_up: int, *, names_system: bool, messages: bool = False) -> Shape:
        language = call.first("lang") or self.dialect.text("language")
        return Shape(LANGUAGES.get(language, "us"), looked_up, names_system, messages)

    def sid(self, call: Call) -> int | None:
        """The system of the query; one that is not available answers nothing (facts 6)."""
        text = call.first("sid")
        if text is None:
            return None
        if not text.isdecimal() or int(text) not in self.directory.systems:
            raise Refusal(500, f"System {text} was not found.")
        system = self.directory.systems[int(text)]
        if system.status not in ("accepted", "available"):
            raise Refusal(500, f"System {system.name} is {system.status}.")
        return system.sid

    def reachable(self) -> list[int]:
        return [sid for sid, system in self.directory.systems.items() if system.status in ("accepted", "available")]

    def _listing(self, key: str, entries: Iterable[Entry], shape: Shape) -> Response:
        items = [self.rows.written(entry, shape) for entry in entries]
        if not items:
            # an empty PHP array is a list, whatever it would have been with members (facts 3.1)
            return Response(200, b"[]", _JSON)
        return Response(200, b'{"' + key.encode() + b'": [' + b", ".join(items) + b"]}", _JSON)

    # POST

    def post(self, call: Call, session: UnitrendsSession) -> Response:
        sid = self.sid(call)
        keys = {name for name, _ignored in call.query}
        if "isDelete" in keys:
            return self._delete(call, session)
        try:
            chosen = self._chosen(call, session)
        except _CoreError:
            chosen = []
        if "isRelated" in keys:
            chosen = [entry for first in chosen for entry in self._chain(first)]
        if str(sid or MANAGER) in self.dialect.text("core_failure").split(","):
            chosen = []
        messages = bool(self._body(call).get("sync_msg"))
        shape = self.shape(call, sid or MANAGER, names_system=sid is None, messages=messages)
        answer = self._listing("backups" if self.dialect.text("generation") == "wiki" else "data", chosen, shape)
        if self.dialect.flag("php_warning"):
            return Response(answer.status, _PHP_WARNING + answer.body, "text/html")
        return answer

    def _body(self, call: Call) -> Row:
        """Read as it is, whatever content type it has (facts 1)."""
        try:
            body = json.loads(call.body or b"{}")
        except ValueError:
            raise Refusal(500, "The request body is not valid JSON.") from None
        if isinstance(body, list) and not body:
            return {}
        if not isinstance(body, dict):
            raise Refusal(500, "The request body must be an object.")
        return body

    def _chosen(self, call: Call, session: UnitrendsSession) -> list[Entry]:
        """Every filter must hold; a key that nobody knows is passed on and means nothing."""
        body = self._body(call)
        for name in (*_INTEGERS, *_MORE_INTEGERS):
            if name in body and (not isinstance(body[name], int) or isinstance(body[name], bool)):
                raise _CoreError
        systems = [body["system_id"]] if "system_id" in body else self.reachable()
        if not set(systems) <= set(self.reachable()):
            raise _CoreError
        window = self._window(body)
        tests = self._tests(body)
        found = (entry for sid in systems for entry in self.began_in(sid, window))
        return [entry for entry in found if session.sees_entry(entry) and all(test(entry) for test in tests)]

    def _window(self, body: Row) -> Window:
        zone = self.rows.zone(MANAGER)
        since, until = body.get("start_time"), body.get("end_time")
        window = Window(None if since is None else since * SECOND, None if until is None else until * SECOND)
        if "start_day" in body:
            window = window.narrowed(Window(since=read_date(str(body["start_day"]), zone)))
        if "end_day" in body:
            window = window.narrowed(Window(until=read_date(str(body["end_day"]), zone, end_of_day=True)))
        if "start_hours" in body:
            window = window.narrowed(Window(since=self.dialect.clock() - body["start_hours"] * HOUR))
        return window

    def _tests(self, body: Row) -> list[Callable[[Entry], bool]]:
        tests: list[Callable[[Entry], bool]] = []
        finish = Window(
            *(None if end is None else end * SECOND for end in (body.get(name) for name in _MORE_INTEGERS[:2]))
        )
        if "end_hours" in body:
            finish = finish.narrowed(Window(since=self.dialect.clock() - body["end_hours"] * HOUR))
        if finish != Window():
            tests.append(lambda entry: finish.holds(entry.completed))
        if "client_id" in body:
            tests.append(lambda entry: entry.asset is not None and entry.asset.client == body["client_id"])
        if "instance_id" in body:
            tests.append(lambda entry: entry.asset is not None and entry.asset.instance == body["instance_id"])
        if "type" in body:
            types = body["type"]
            if not isinstance(types, list):
                raise _CoreError
            tests.append(lambda entry: entry.core_type in types)
        if "backup_ids" in body:
            numbers = body["backup_ids"]
            if not isinstance(numbers, list):
                raise _CoreError
            tests.append(lambda entry: entry.number in numbers)
        if body.get("grandclients") is False:
            tests.append(lambda entry: entry.sort != "replicated")
        return tests

    def _delete(self, call: Call, session: UnitrendsSession) -> Response:
        """What looks like a list removes what it selects. There is no way back but the simulator's own reset."""
        needs(session, 2)
        try:
            chosen = [entry for entry in self._chosen(call, session) if entry.is_backup]
        except _CoreError:
            chosen = []
        if not chosen:
            raise Refusal(500, "No Backups were found!")
        self.deleted |= {(entry.system, entry.number) for entry in chosen}
        self.prepare()
        return json_answer({"result": [{"code": "0", "message": f"{len(chosen)} backups were deleted."}]})

    # GET

    def _asked(self, call: Call, session: UnitrendsSession) -> tuple[list[int], list[Entry]]:
        """The systems asked for, and what they list in the window, which is seven days where no start is given."""
        sid = self.sid(call)
        systems = self.reachable() if sid is None else [sid]
        numbers = {int(text) for text in (call.first("bid") or "").split(",") if text.isdecimal()}
        zone = self.rows.zone(MANAGER)
        start, end = call.first("start_date"), call.first("end_date")
        since = six_days_ago(self.dialect.clock(), zone) if start is None else read_date(start, zone)
        until = None if end is None else read_date(end, zone, end_of_day=True)
        window = Window(None if numbers else since, until)
        instances = {int(text) for text in (call.first("iid") or "").split(",") if text.isdecimal()}
        client = call.first("cid")

        def fits(entry: Entry) -> bool:
            if numbers and entry.number not in numbers:
                return False
            if instances and (entry.asset is None or entry.asset.instance not in instances):
                return False
            if client is not None and (entry.asset is None or str(entry.asset.client) != client):
                return False
            return (entry.sort == "copy") is (call.first("copies") == "1") and session.sees_entry(entry)

        return systems, [entry for found in systems for entry in self.began_in(found, window) if fits(entry)]

    def get(self, call: Call, session: UnitrendsSession) -> Response:
        systems, entries = self._asked(call, session)
        sid = self.sid(call)
        shape = self.shape(call, sid or MANAGER, names_system=sid is None)
        if sid is not None:
            if not entries and call.first("bid"):
                lost = {"id": call.first("bid"), "start_time": "unknown", "output": "The backup was not found."}
                return json_answer({"BackupStatus": [lost]})
            return json_answer({"BackupStatus": [self.rows.row(entry, shape) for entry in entries]})
        by_system = {
            self.directory.systems[found].name: [
                self.rows.row(entry, shape) for entry in entries if entry.system == found
            ]
            for found in systems
        }
        return json_answer({"BackupStatus": by_system})

    def browser(self, call: Call, session: UnitrendsSession) -> Response:
        """Hides restores and what was replicated to here."""
        sid = self.sid(call)
        _ignored, entries = self._asked(call, session)
        shape = Shape(self.shape(call, MANAGER, names_system=False).style, sid or MANAGER, False, lighter=True)
        return self._listing("data", (entry for entry in entries if entry.sort == "backup"), shape)

    def latest(self, call: Call, session: UnitrendsSession) -> Response:
        sid = self.sid(call) or MANAGER
        instances = [int(text) for text in (call.first("iid") or "").split(",") if text.isdecimal()]
        if not instances:
            raise Refusal(500, "Instance ID is required.")
        known = [
            entry
            for entry in self.began_in(sid, Window())
            if entry.asset is not None and entry.asset.instance in instances and session.sees_entry(entry)
        ]
        if call.first("list") == "1":
            return self._listing("data", known, self.shape(call, sid, names_system=False))
        days = int(call.first("days") or 0) * DAY
        rows = []
        for instance in instances:
            good = [
                entry
                for entry in known
                if entry.asset is not None and entry.asset.instance == instance and _good(entry)
            ]
            rows += [self._latest(entry, call) for entry in good if entry.started >= good[0].started - days]
        if not rows:
            raise Refusal(500, "No Backups were found!")
        return json_answer({"data": rows})

    def _latest(self, entry: Entry, call: Call) -> Row:
        assert entry.asset is not None
        assert entry.point is not None
        style = self.shape(call, MANAGER, names_system=False).style
        return {
            "backup_id": entry.number,
            "instance_id": entry.asset.instance,
            "start_time_string": local_text(entry.started, self.rows.zone(entry.system), style),
            "start_time": entry.started // SECOND,
            "certified": self.rows.certified(entry.point),
        }

    def _one(self, number: str, call: Call, session: UnitrendsSession) -> Entry:
        sid = self.sid(call) or MANAGER
        for entry in self.began_in(sid, Window()):
            if entry.is_backup and str(entry.number) == number and session.sees_entry(entry):
                return entry
        raise Refusal(500, f"Backup {number} was not found.")

    def details(self, call: Call, session: UnitrendsSession) -> Response:
        entry = self._one(call.first("bid") or "", call, session)
        row = self.rows.row(entry, self.shape(call, entry.system, names_system=False))
        details = {"id": entry.number, "device_id": 1, "output": row.get("output", ""), "comment": ""}
        return json_answer({"BackupInfo": [{**details, "purgeable": row["purgeable"], "last": row["last"]}]})

    def _chain(self, entry: Entry) -> list[Entry]:
        """The backup and what it rests on, back to its full."""
        if entry.asset is None or not entry.is_backup:
            return []
        older = [
            other
            for other in self.began_in(entry.system, Window(until=entry.started))
            if other.asset == entry.asset and other.is_backup and _good(other)
        ]
        full = next((place for place, other in enumerate(older) if other.point and other.point.kind == "full"), 0)
        return older[: full + 1]

    def related(self, call: Call, session: UnitrendsSession, number: str) -> Response:
        entry = self._one(number, call, session)
        return self._listing("data", self._chain(entry), self.shape(call, entry.system, names_system=False))

    def risk_level(self, call: Call, session: UnitrendsSession, numbers: str) -> Response:
        entries = [self._one(number, call, session) for number in numbers.split(",")]
        levels = {str(entry.number): RISK.get(entry.point.malware or "", 0) for entry in entries if entry.point}
        return json_answer({"data": levels})


def _good(entry: Entry) -> bool:
    done = entry.point is not None and entry.point.status in ("success", "warning")
    return entry.is_backup and done
