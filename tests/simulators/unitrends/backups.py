# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of backups. POST lists backups, and with ?isDelete it removes them: both are simulated."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable

from tests.simulators.ground_truth import DAY, HOUR, SECOND
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.unitrends.directory import MANAGER, Directory, Entry
from tests.simulators.unitrends.formats import LANGUAGES, RISK, Row, Window, local_text, parse_date, six_days_ago
from tests.simulators.unitrends.rows import Rows, Shape
from tests.simulators.unitrends.session import UnitrendsSession, require_level

_JSON = "application/json"
_PHP_WARNING = b"<br />\n<b>Warning</b>:  Invalid argument supplied for foreach() in <b>backups.php</b><br />\n"
_INTEGERS = ("system_id", "client_id", "instance_id", "start_time", "end_time")
_MORE_INTEGERS = ("finish_interval_start", "finish_interval_end", "start_hours", "end_hours")


class _CoreError(Exception):
    """The core does not understand the filter. The handler hides that and returns an empty list."""


class Backups:
    def __init__(self, api: ProductApi, directory: Directory) -> None:
        self.api = api
        self.directory = directory
        self.rows = Rows(api, directory)
        # Entries by system, oldest first, and the start time of each.
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
        self.rows.clear()
        by_system: dict[int, list[Entry]] = {sid: [] for sid in self.directory.systems}
        for entry in self.directory.entries():
            if not (entry.is_backup or entry.sort == "copy") or (entry.system, entry.number) not in self.deleted:
                by_system[entry.system].append(entry)
        for sid, entries in by_system.items():
            # In newest-first order a copy precedes its backup. It is undocumented whether backups come first.
            entries.sort(key=lambda entry: (entry.started, entry.number, entry.sort))
            self._entries[sid] = entries
            self._starts[sid] = [entry.started // SECOND * SECOND for entry in entries]

    def entries_in(self, sid: int, window: Window) -> list[Entry]:
        """Return the entries in a window, newest first."""
        starts = self._starts[sid]
        first = 0 if window.since is None else bisect_left(starts, window.since)
        last = len(starts) if window.until is None else bisect_right(starts, window.until)
        return self._entries[sid][first:last][::-1]

    def shape(self, call: Call, lookup_system: int, *, include_system: bool, messages: bool = False) -> Shape:
        return Shape(LANGUAGES[self.language(call)], lookup_system, include_system, messages)

    def language(self, call: Call) -> str:
        """Return the language of the request, unless the variant `lang` ignores it, or that of the appliance."""
        asked = call.first("lang") if self.api.text("lang") == "honored" else None
        language = asked or self.api.text("language")
        return language if language in LANGUAGES else "en"

    def sid(self, call: Call) -> int | None:
        """Return the system of the query; raise Refusal if it is not available."""
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
        items = [self.rows.encode(entry, shape) for entry in entries]
        if not items:
            # An empty PHP array is encoded as a list, even if it would be an object with fields.
            return Response(200, b"[]", _JSON)
        return Response(200, b'{"' + key.encode() + b'": [' + b", ".join(items) + b"]}", _JSON)

    # POST

    def post(self, call: Call, session: UnitrendsSession) -> Response:
        sid = self.sid(call)
        keys = {name for name, _ignored in call.query}
        if "isDelete" in keys:
            return self._delete(call, session)
        try:
            chosen = self._select_entries(call, session)
        except _CoreError:
            chosen = []
        if "isRelated" in keys:
            chosen = [entry for first in chosen for entry in self._chain(first)]
        if str(sid or MANAGER) in self.api.text("core_failure").split(","):
            chosen = []
        messages = bool(self._body(call).get("sync_msg"))
        shape = self.shape(call, sid or MANAGER, include_system=sid is None, messages=messages)
        response = self._listing("backups" if self.api.text("generation") == "wiki" else "data", chosen, shape)
        if self.api.flag("php_warning"):
            return Response(response.status, _PHP_WARNING + response.body, "text/html")
        return response

    def _body(self, call: Call) -> Row:
        """Parse the body regardless of its content type."""
        try:
            body = json.loads(call.body or b"{}")
        except ValueError:
            raise Refusal(500, "The request body is not valid JSON.") from None
        if isinstance(body, list) and not body:
            return {}
        if not isinstance(body, dict):
            raise Refusal(500, "The request body must be an object.")
        return body

    def _select_entries(self, call: Call, session: UnitrendsSession) -> list[Entry]:
        """Select entries that match every filter; unknown keys are ignored."""
        body = self._body(call)
        for name in (*_INTEGERS, *_MORE_INTEGERS):
            if name in body and (not isinstance(body[name], int) or isinstance(body[name], bool)):
                raise _CoreError
        systems = [body["system_id"]] if "system_id" in body else self.reachable()
        if not set(systems) <= set(self.reachable()):
            raise _CoreError
        window = self._window(body)
        tests = self._build_filters(body)
        found = (entry for sid in systems for entry in self.entries_in(sid, window))
        return [entry for entry in found if session.can_see_entry(entry) and all(test(entry) for test in tests)]

    def _window(self, body: Row) -> Window:
        zone = self.rows.zone(MANAGER)
        since, until = body.get("start_time"), body.get("end_time")
        window = Window(None if since is None else since * SECOND, None if until is None else until * SECOND)
        if "start_day" in body:
            window = window.intersect(Window(since=parse_date(str(body["start_day"]), zone)))
        if "end_day" in body:
            window = window.intersect(Window(until=parse_date(str(body["end_day"]), zone, end_of_day=True)))
        if "start_hours" in body:
            window = window.intersect(Window(since=self.api.clock() - body["start_hours"] * HOUR))
        return window

    def _build_filters(self, body: Row) -> list[Callable[[Entry], bool]]:
        tests: list[Callable[[Entry], bool]] = []
        finish = Window(
            *(None if end is None else end * SECOND for end in (body.get(name) for name in _MORE_INTEGERS[:2]))
        )
        if "end_hours" in body:
            finish = finish.intersect(Window(since=self.api.clock() - body["end_hours"] * HOUR))
        if finish != Window():
            tests.append(lambda entry: finish.contains(entry.completed))
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
        """Delete the selected backups, although the request looks like a list. Only a reset restores them."""
        require_level(session, 2)
        try:
            chosen = [entry for entry in self._select_entries(call, session) if entry.is_backup]
        except _CoreError:
            chosen = []
        if not chosen:
            raise Refusal(500, "No Backups were found!")
        self.deleted |= {(entry.system, entry.number) for entry in chosen}
        self.prepare()
        return json_response({"result": [{"code": "0", "message": f"{len(chosen)} backups were deleted."}]})

    # GET

    def _query_entries(self, call: Call, session: UnitrendsSession) -> tuple[list[int], list[Entry]]:
        """Return the requested systems and their entries in the window, by default seven days."""
        sid = self.sid(call)
        systems = self.reachable() if sid is None else [sid]
        numbers = {int(text) for text in (call.first("bid") or "").split(",") if text.isdecimal()}
        zone = self.rows.zone(MANAGER)
        start, end = call.first("start_date"), call.first("end_date")
        since = six_days_ago(self.api.clock(), zone) if start is None else parse_date(start, zone)
        until = None if end is None else parse_date(end, zone, end_of_day=True)
        window = Window(None if numbers else since, until)
        instances = {int(text) for text in (call.first("iid") or "").split(",") if text.isdecimal()}
        client = call.first("cid")

        def matches(entry: Entry) -> bool:
            if numbers and entry.number not in numbers:
                return False
            if instances and (entry.asset is None or entry.asset.instance not in instances):
                return False
            if client is not None and (entry.asset is None or str(entry.asset.client) != client):
                return False
            return (entry.sort == "copy") is (call.first("copies") == "1") and session.can_see_entry(entry)

        return systems, [entry for found in systems for entry in self.entries_in(found, window) if matches(entry)]

    def get(self, call: Call, session: UnitrendsSession) -> Response:
        systems, entries = self._query_entries(call, session)
        sid = self.sid(call)
        shape = self.shape(call, sid or MANAGER, include_system=sid is None)
        if sid is not None:
            if not entries and call.first("bid"):
                lost = {"id": call.first("bid"), "start_time": "unknown", "output": "The backup was not found."}
                return json_response({"BackupStatus": [lost]})
            return json_response({"BackupStatus": [self.rows.row(entry, shape) for entry in entries]})
        by_system = {
            self.directory.systems[found].name: [
                self.rows.row(entry, shape) for entry in entries if entry.system == found
            ]
            for found in systems
        }
        return json_response({"BackupStatus": by_system})

    def browser(self, call: Call, session: UnitrendsSession) -> Response:
        """List backups without restores and without backups that were replicated to this appliance."""
        sid = self.sid(call)
        _ignored, entries = self._query_entries(call, session)
        shape = Shape(self.shape(call, MANAGER, include_system=False).style, sid or MANAGER, False, lighter=True)
        return self._listing("data", (entry for entry in entries if entry.sort == "backup"), shape)

    def latest(self, call: Call, session: UnitrendsSession) -> Response:
        sid = self.sid(call) or MANAGER
        instances = [int(text) for text in (call.first("iid") or "").split(",") if text.isdecimal()]
        if not instances:
            raise Refusal(500, "Instance ID is required.")
        known = [
            entry
            for entry in self.entries_in(sid, Window())
            if entry.asset is not None and entry.asset.instance in instances and session.can_see_entry(entry)
        ]
        if call.first("list") == "1":
            return self._listing("data", known, self.shape(call, sid, include_system=False))
        days = int(call.first("days") or 0) * DAY
        rows = []
        for instance in instances:
            good = [
                entry
                for entry in known
                if entry.asset is not None and entry.asset.instance == instance and _is_good(entry)
            ]
            rows += [self._latest_row(entry, call) for entry in good if entry.started >= good[0].started - days]
        if not rows:
            raise Refusal(500, "No Backups were found!")
        return json_response({"data": rows})

    def _latest_row(self, entry: Entry, call: Call) -> Row:
        assert entry.asset is not None
        assert entry.point is not None
        style = self.shape(call, MANAGER, include_system=False).style
        return {
            "backup_id": entry.number,
            "instance_id": entry.asset.instance,
            "start_time_string": local_text(entry.started, self.rows.zone(entry.system), style),
            "start_time": entry.started // SECOND,
            "certified": self.rows.certified(entry.point),
        }

    def _find(self, number: str, call: Call, session: UnitrendsSession) -> Entry:
        sid = self.sid(call) or MANAGER
        for entry in self.entries_in(sid, Window()):
            if entry.is_backup and str(entry.number) == number and session.can_see_entry(entry):
                return entry
        raise Refusal(500, f"Backup {number} was not found.")

    def details(self, call: Call, session: UnitrendsSession) -> Response:
        entry = self._find(call.first("bid") or "", call, session)
        row = self.rows.row(entry, self.shape(call, entry.system, include_system=False))
        details = {"id": entry.number, "device_id": 1, "output": row.get("output", ""), "comment": ""}
        return json_response({"BackupInfo": [{**details, "purgeable": row["purgeable"], "last": row["last"]}]})

    def _chain(self, entry: Entry) -> list[Entry]:
        """Return the backup and those that it depends on, back to its full backup."""
        if entry.asset is None or not entry.is_backup:
            return []
        older = [
            other
            for other in self.entries_in(entry.system, Window(until=entry.started))
            if other.asset == entry.asset and other.is_backup and _is_good(other)
        ]
        full = next((place for place, other in enumerate(older) if other.point and other.point.kind == "full"), 0)
        return older[: full + 1]

    def related(self, call: Call, session: UnitrendsSession, number: str) -> Response:
        entry = self._find(number, call, session)
        return self._listing("data", self._chain(entry), self.shape(call, entry.system, include_system=False))

    def risk_level(self, call: Call, session: UnitrendsSession, numbers: str) -> Response:
        entries = [self._find(number, call, session) for number in numbers.split(",")]
        levels = {str(entry.number): RISK.get(entry.point.malware or "", 0) for entry in entries if entry.point}
        return json_response({"data": levels})


def _is_good(entry: Entry) -> bool:
    done = entry.point is not None and entry.point.status in ("success", "warning")
    return entry.is_backup and done
