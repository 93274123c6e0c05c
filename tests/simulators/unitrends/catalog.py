# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog of restorable points: on the appliance, archive media and a replication target."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from tests.simulators.ground_truth import MINUTE, Copy, Point
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.unitrends.backups import Backups
from tests.simulators.unitrends.directory import MANAGER, Asset, Directory, Entry, cold_copies
from tests.simulators.unitrends.formats import (
    LANGUAGES,
    STATUS_NUMBERS,
    Row,
    Window,
    clock_text,
    local_text,
    megabytes,
    parse_date,
    six_days_ago,
)
from tests.simulators.unitrends.session import UnitrendsSession

# Holds are not looked up for this number of backups or more.
_TOO_MANY_FOR_HOLDS = 2000
_FIRST_ARCHIVE = 500
# With the variant `archived_types`: further rows for each archived backup, and the number of their first original.
_OTHER_TYPES = ("Transaction", "SQL Transaction", "Selective", "Replica", "System Metadata", "Restore")
_FIRST_OTHER_ORIGINAL = 50_000
_VIEWS = ("system", "day", "instance", "storage")


@dataclass(frozen=True)
class Archived:
    number: int
    asset: Asset
    point: Point
    copy: Copy
    original: int
    type_name: str


@dataclass(frozen=True)
class Item:
    """One item of a `backups` list, and its position in the views."""

    asset: Asset
    moment: int
    storage: str
    text: bytes


class Catalog:
    def __init__(self, api: ProductApi, directory: Directory, backups: Backups) -> None:
        self.api = api
        self.directory = directory
        self.backups = backups
        self._archived: list[Archived] = []
        self._numbers: dict[str, int] = {}
        self._written: dict[tuple[Entry, str, str, bool], Item] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/catalog", self.catalog),
            Route("GET", "/api/catalog/{kind}", self.catalog),
            Route("POST", "/api/archive/status", self.archive_status),
        ]

    def prepare(self) -> None:
        made = [
            (asset, point, copy, self.directory.numbers[point.key], asset.catalog_type(point.kind))
            for asset in self.directory.assets.values()
            for point in self.api.listed_points(asset.work)
            if point.kind == "archive" or self.directory.with_base(point) is point
            for copy in cold_copies(point)
        ]
        made.sort(key=lambda found: (found[2].copied_at, found[1].key))
        self._archived = [Archived(_FIRST_ARCHIVE + place, *found) for place, found in enumerate(made)]
        self._numbers = {found.point.key: found.number for found in self._archived}
        if self.api.text("archived_types") == "all":
            self._add_other_types()
        self._written = {}

    def _add_other_types(self) -> None:
        """Add archives of logs, selected files, replicas and jobs that the appliance no longer has."""
        gone = [found for found in self._archived if found.point.kind == "archive"]
        others = [(found, place, name) for found in gone for place, name in enumerate(_OTHER_TYPES, start=1)]
        first = _FIRST_ARCHIVE + len(self._archived)
        for offset, (found, place, name) in enumerate(others):
            point = replace(found.point, created_at=found.point.created_at + place * MINUTE)
            number, original = first + offset, _FIRST_OTHER_ORIGINAL + offset
            self._archived.append(replace(found, number=number, point=point, original=original, type_name=name))

    def archive_number(self, point: Point) -> int:
        return self._numbers[point.key]

    # GET /api/catalog

    def catalog(self, call: Call, session: UnitrendsSession, kind: str = "b") -> Response:
        sorts = _parse_kind(kind)
        view = call.first("view") or "system"
        if view not in _VIEWS:
            raise Refusal(500, f"Unknown view: {view}")
        sid = self.backups.sid(call)
        systems = self.backups.reachable() if sid is None else [sid]
        entries = [
            entry
            for found in systems
            for entry in self._list_entries(call, found, sorts)
            if self._is_selected(call, session, entry)
        ]
        holds = len(entries) < _TOO_MANY_FOR_HOLDS
        style = LANGUAGES[self.backups.language(call)]
        items = [self._item(entry, view, style, holds) for entry in entries]
        items += [self._archive_item(found, style) for found in self._list_archives(call, session, systems, sorts)]
        listed = self._group_by_view(view, items, "archives" if sorts == {"a"} else "backups")
        tail = b"}" if holds else b', "legal_hold": false}'
        return Response(200, b'{"catalog": ' + listed + tail)

    def _dates(self, call: Call, first: str, last: str) -> Window:
        zone = self.backups.rows.zone(MANAGER)
        start, end = call.first(first), call.first(last)
        since = six_days_ago(self.api.clock(), zone) if start is None else parse_date(start, zone)
        return Window(since, None if end is None else parse_date(end, zone, end_of_day=True))

    def _list_entries(self, call: Call, sid: int, sorts: set[str]) -> Iterator[Entry]:
        """List completed backups with any status, and copies that the target reports."""
        for entry in self.backups.entries_in(sid, self._dates(call, "start_date", "end_date")):
            here = entry.is_backup and entry.completed is not None and "b" in sorts
            if here or (entry.sort == "copy" and "r" in sorts):
                yield entry

    def _is_selected(self, call: Call, session: UnitrendsSession, entry: Entry) -> bool:
        asset = entry.asset
        if asset is None or not session.can_see_entry(entry):
            return False
        replicated_in = call.first("grandclients") or call.first("grandclient")
        if entry.sort == "replicated" and (replicated_in or "false").lower() != "true":
            return False
        return self._in_selection(call, asset)

    def _in_selection(self, call: Call, asset: Asset) -> bool:
        number = None if asset.app is None else str(asset.app.number)
        known = {"iid": str(asset.instance), "cid": str(asset.client), "aid": number}
        return all(call.first(name) in (None, value) for name, value in known.items())

    def _item(self, entry: Entry, view: str, style: str, holds: bool) -> Item:
        key = (entry, view, style, holds)
        if key not in self._written:
            self._written[key] = self._build_item(*key)
        return self._written[key]

    def _build_item(self, entry: Entry, view: str, style: str, holds: bool) -> Item:
        asset, point = entry.asset, entry.point
        assert asset is not None
        assert point is not None
        synthetic = "Synthetic " if self.backups.rows.is_synthetic(point) else ""
        row: Row = {
            "id": entry.number,
            "type": synthetic + asset.catalog_type(point.kind),
            "start_date": self.backups.rows.time(entry.started, entry, style),
            **(self._hold_fields(point) if holds else {}),
            "status": STATUS_NUMBERS[point.status],
            "replicated": entry.sort == "replicated",
            "encrypted": point.encrypted,
            "vmware_template": False,
            "xen_template": "n/a",
            "imported_from_archive": False,
            "storage": self.backups.rows.storage(entry),
            "size": megabytes(point.size_bytes),
            "synth_capable": True,
            "app_type": _app_type(asset),
            "local_system_id": entry.system,
            "app_id": 0 if asset.app is None else asset.app.number,
            "certified": self.backups.rows.certified(point),
        }
        if entry.sort == "copy":
            row["remote"] = True
        missing = {"system": "status", "storage": "encrypted"}.get(view)
        if missing is not None:
            del row[missing]
        return Item(asset, entry.started, row["storage"], json.dumps(row).encode())

    def _hold_fields(self, point: Point) -> Row:
        """Return the fields of a hold. Without an end it is an empty string with the flag set."""
        days = self.api.number("hold_days")
        if point.hold is None:
            return {"legal_hold": False, "hold": "n/a"}
        return {"legal_hold": True, "hold": f"{days} days remaining" if days else ""}

    # Archive media

    def _list_archives(
        self, call: Call, session: UnitrendsSession, systems: list[int], sorts: set[str]
    ) -> Iterator[Archived]:
        """List archives, newest first. The window applies to the time of the copy, not of the backup."""
        if "a" not in sorts:
            return
        copied = self._dates(call, "start_date", "end_date")
        zone = self.backups.rows.zone(MANAGER)
        begun = call.first("start_backup_date")
        # A bug of the product: the end is read from the parameter of the start.
        backed_up = Window(
            None if begun is None else parse_date(begun, zone),
            None
            if call.first("end_backup_date") is None or begun is None
            else parse_date(begun, zone, end_of_day=True),
        )
        for found in reversed(self._archived):
            seen = session.can_see_asset(found.asset) and self._in_selection(call, found.asset)
            in_time = copied.contains(found.copy.copied_at) and backed_up.contains(found.point.created_at)
            if found.asset.system in systems and seen and in_time:
                yield found

    def _archive_item(self, found: Archived, style: str) -> Item:
        text = json.dumps(self._archive_row(found, style)).encode()
        return Item(found.asset, found.point.created_at, found.copy.location.name, text)

    def _archive_row(self, found: Archived, style: str) -> Row:
        zone = self.backups.rows.zone(found.asset.system)
        completed = found.point.completed_at or found.point.created_at
        return {
            "id": found.number,
            "set_id": int(self.api.digest(found.copy.location.key)[:4], 16),
            "orig_backup_id": found.original,
            "storage": found.copy.location.name,
            "label": f"{found.copy.location.location_type} set",
            "start_date": local_text(found.point.created_at, zone, style),
            "archive_start_date": local_text(found.copy.copied_at, zone, style),
            "elapsed": clock_text(max(found.copy.copied_at - completed, MINUTE)),
            "type": found.type_name,
            "success": True,
            "error_string": "",
            "client_id": found.asset.client,
            "client_name": found.asset.client_name,
            "instance_id": found.asset.instance,
            "instance_description": found.asset.name,
            "app_name": "" if found.asset.app is None else found.asset.app.name,
        }

    def archive_status(self, call: Call, session: UnitrendsSession) -> Response:
        try:
            body = json.loads(call.body or b"{}")
        except ValueError:
            raise Refusal(500, "The request body is not valid JSON.") from None
        if not isinstance(body, dict):
            raise Refusal(500, "The request body must be an object.")
        zone = self.backups.rows.zone(MANAGER)

        def window(sort: str) -> Window:
            start, end = body.get(f"start_time_{sort}"), body.get(f"end_time_{sort}")
            until = None if end is None else parse_date(str(end), zone, end_of_day=True)
            return Window(None if start is None else parse_date(str(start), zone), until)

        copied, backed_up = window("archive"), window("backup")
        rows = []
        for found in reversed(self._archived):
            if not (copied.contains(found.copy.copied_at) and backed_up.contains(found.point.created_at)):
                continue
            matches = found.asset.system == (self.backups.sid(call) or found.asset.system)
            matches = matches and body.get("client_id") in (None, found.asset.client)
            matches = matches and body.get("instance_id") in (None, found.asset.instance)
            matches = matches and found.number in body.get("archive_ids", [found.number])
            if matches and session.can_see_asset(found.asset):
                rows.append(self._status_row(found, call))
        return json_response({"status": rows} if rows else [])

    def _status_row(self, found: Archived, call: Call) -> Row:
        style = LANGUAGES[self.backups.language(call)]
        item = self._archive_row(found, style)
        kept = {name: item[name] for name in ("id", "set_id", "elapsed", "type", "storage", "orig_backup_id")}
        dates = {"date": item["archive_start_date"], "backup_date": item["start_date"]}
        return {**kept, **dates, "media_label": item["label"]}

    # Views

    def _group_by_view(self, view: str, items: list[Item], member: str) -> bytes:
        items.sort(key=lambda item: -item.moment)
        if view == "instance":
            return self._instances(items, member)
        zone = self.backups.rows.zone(MANAGER)
        groups: dict[str, Callable[[Item], str]] = {
            "system": lambda item: self.directory.systems[item.asset.system].name,
            "day": lambda item: local_text(item.moment, zone, "us")[:10],
            "storage": lambda item: item.storage,
        }
        found: dict[str, list[Item]] = {}
        for item in items:
            found.setdefault(groups[view](item), []).append(item)
        title = "System" if view == "system" else view
        return _encode_list(
            _encode_with_list({title: name}, "instances", self._instances(mine, member)) for name, mine in found.items()
        )

    def _instances(self, items: list[Item], member: str) -> bytes:
        by_asset: dict[Asset, list[bytes]] = {}
        for item in items:
            by_asset.setdefault(item.asset, []).append(item.text)
        return _encode_list(
            _encode_with_list(self._instance(asset), member, _encode_list(texts)) for asset, texts in by_asset.items()
        )

    def _instance(self, asset: Asset) -> Row:
        """Build an instance. Numbers are strings here, and a client without an instance has an empty one."""
        name = asset.name if asset.app is not None else asset.client_name
        app = "" if asset.app is None else asset.app.name
        return {
            "app_name": app,
            "client_id": str(asset.client),
            "client_name": asset.client_name,
            "database_name": name,
            "instance_id": "" if asset.app is None else str(asset.instance),
            "instance_name": name,
            "app_type": _app_type(asset),
            "system_id": str(asset.system),
            "system_name": self.directory.systems[asset.system].name,
            "vmware_template": "",
        }


def _app_type(asset: Asset) -> str:
    """Clients tell machines by this member."""
    return "Physical Server" if asset.app is None else asset.app.name


def _encode_list(texts: Iterable[bytes]) -> bytes:
    return b"[" + b", ".join(texts) + b"]"


def _encode_with_list(head: Row, member: str, members: bytes) -> bytes:
    return json.dumps(head)[:-1].encode() + b', "' + member.encode() + b'": ' + members + b"}"


def _parse_kind(kind: str) -> set[str]:
    """Parse `backups`, `archives`, `replication`, `all`, or combined letters, such as `ba`."""
    aliases = {"all": {"b", "a", "r"}, "archives": {"a"}, "replication": {"r"}, "backups": {"b"}}
    sorts = aliases.get(kind) or set(kind)
    if not sorts <= {"b", "a", "r"}:
        raise Refusal(500, f"Unknown catalog: {kind}")
    return sorts
