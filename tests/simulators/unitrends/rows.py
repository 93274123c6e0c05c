# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the lists of backups: of the wiki (2015), of later servers, and the shorter ones of the browser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.simulators.ground_truth import MINUTE, SECOND, Point
from tests.simulators.product_api import ProductApi
from tests.simulators.unitrends.directory import MANAGER, OWN_CLIENT, Directory, Entry, hot_copies
from tests.simulators.unitrends.formats import (
    RISK,
    Row,
    clock_text,
    local_text,
    megabytes,
    retention_text,
    status_text,
    verify_fields,
)

_SHOWN_OTHERS = {"restore": "Restore", "metadata": "System Metadata"}


@dataclass(frozen=True)
class Shape:
    """Parameters of the row format: dates by language, the system for name look-up, and further requested members."""

    style: str
    # The system in which names and holds are looked up: that of the query, regardless of the filter.
    lookup_system: int
    include_system: bool
    messages: bool = False
    lighter: bool = False


class Rows:
    def __init__(self, api: ProductApi, directory: Directory) -> None:
        self.api = api
        self.directory = directory
        self._written: dict[Shape, dict[Entry, bytes]] = {}

    def clear(self) -> None:
        self._written = {}

    def encode(self, entry: Entry, shape: Shape) -> bytes:
        known = self._written.setdefault(shape, {})
        row = known.get(entry)
        if row is None:
            row = known[entry] = json.dumps(self.row(entry, shape)).encode()
        return row

    def zone(self, sid: int) -> ZoneInfo:
        """Return the time zone of the responding appliance, which also applies to rows of other systems."""
        own = self.api.text("row_zone") == "own"
        return ZoneInfo(self.directory.systems[sid if own else MANAGER].site.timezone)

    def time(self, moment: int, entry: Entry, style: str) -> str:
        return local_text(moment, self.zone(entry.system), style)

    def row(self, entry: Entry, shape: Shape) -> Row:
        wiki = self.api.text("generation") == "wiki"
        if shape.lighter:
            row = self._browser_row(entry, shape)
        elif entry.asset is None or entry.point is None or entry.sort == "restore":
            row = self._other_row(entry, shape)
        else:
            row = (self._wiki_row if wiki else self._server_row)(entry, entry.point, shape)
            if entry.sort == "copy":
                row |= self._sync_fields(entry, shape)
        if shape.include_system:
            row |= {"system_id": entry.system, "system_name": self.directory.systems[entry.system].name}
        return row

    def client_name(self, entry: Entry, lookup_system: int) -> str | None:
        """Return the name of a client. Numbers are valid only within one system."""
        number = OWN_CLIENT if entry.asset is None else entry.asset.client
        return self.directory.clients[lookup_system].get(number)

    def has_hold(self, entry: Entry, lookup_system: int) -> bool:
        return entry.point is not None and entry.point.hold is not None and lookup_system == entry.system

    def _instance_fields(self, entry: Entry) -> Row:
        asset = entry.asset
        if asset is None or asset.app is None:
            return {}
        row: Row = {"instance_id": asset.instance, "app_id": asset.app.number, "app_name": asset.app.name}
        if asset.work.workload_type == "database":
            return {**row, "database_name": asset.name, "server_instance_name": asset.client_name}
        if asset.app.name == "VMware":
            return {**row, "server_instance_name": "esx1", "server_name": "esx1", "vm_name": asset.name}
        return {**row, "is_cluster": False, "guid": self.api.uuid(asset.work.key).upper(), "vm_name": asset.name}

    def _server_row(self, entry: Entry, point: Point, shape: Shape) -> Row:
        verified, verify_status = verify_fields(point, "server")
        client = self.client_name(entry, shape.lookup_system)
        names = self._instance_fields(entry)
        asset = entry.asset
        assert asset is not None
        end = self.api.estate.now if point.completed_at is None else point.completed_at
        return {
            "id": entry.number,
            "asset_name": names.get("database_name", client),
            "client_id": asset.client,
            "client_name": client,
            "client_os": "Unknown",
            "client_os_id": 0,
            "type": asset.list_type(point.kind),
            "start_time": self.time(entry.started, entry, shape.style),
            "complete_time": None if entry.completed is None else self.time(entry.completed, entry, shape.style),
            **self._synthesis_fields(point),
            "disk_metadata": False,
            "client_config": False,
            "replicated": entry.sort == "replicated",
            "duration": (end - point.created_at) // SECOND,
            "complete": entry.completed is not None,
            "status": status_text(point, "server", self.api.text("running_status")),
            "size": megabytes(point.size_bytes),
            "encrypted": point.encrypted,
            "verified": verified,
            "verify_status": verify_status,
            "vmware_template": False,
            "xen_template": "n/a",
            "certified": self.certified(point),
            "output": self._output(entry, point),
            **self._flag_fields(entry, point, shape),
            **names,
        }

    def _wiki_row(self, entry: Entry, point: Point, shape: Shape) -> Row:
        verified, verify_status = verify_fields(point, "wiki")
        asset = entry.asset
        assert asset is not None
        copied = bool(hot_copies(point))
        end = self.api.estate.now if point.completed_at is None else point.completed_at
        return {
            "id": entry.number,
            "type": asset.list_type(point.kind),
            "client_id": asset.client,
            "client_name": self.client_name(entry, shape.lookup_system),
            # The published example also has an instance for file-level backups.
            "instance_id": asset.instance,
            "instance_name": "file-level" if asset.app is None else asset.name,
            "start_date_time": self.time(entry.started, entry, "wiki"),
            "duration": clock_text(end - point.created_at),
            "complete": entry.completed is not None,
            "status": status_text(point, "wiki", ""),
            "size": megabytes(point.size_bytes),
            **({"files": 2462} if asset.app is None else {}),
            "encrypted": point.encrypted,
            "replication_status": "Completed" if copied else "N/A",
            "verified": verified,
            "verify_status": verify_status,
            **self._synthesis_fields(point),
            "disk_metadata": False,
            "client_config": False,
            "replicated": entry.sort == "replicated",
            "vm_ware_template": False,
            "certified": self.certified(point),
            "storage": self.storage(entry),
            **self._flag_fields(entry, point, shape),
            **{name: value for name, value in self._instance_fields(entry).items() if name != "instance_id"},
        }

    def _synthesis_fields(self, point: Point) -> Row:
        return {"synthesized": self.is_synthetic(point), "synth_capable": True}

    def is_synthetic(self, point: Point) -> bool:
        """Return whether the appliance synthesizes fulls from increments (variant `synthetic`)."""
        return self.api.flag("synthetic") and point.kind == "full"

    def certified(self, point: Point) -> bool | str:
        """Return whether it was recovery-tested, which is "n/a" in some releases if no test was scheduled."""
        if point.tested_at is None and self.api.text("certified") == "n/a":
            return "n/a"
        return point.tested_at is not None

    def storage(self, entry: Entry) -> str:
        if entry.copy is not None:
            return entry.copy.location.name
        return entry.point.copies[0].location.name if entry.point is not None and entry.point.copies else ""

    def _flag_fields(self, entry: Entry, point: Point, shape: Shape) -> Row:
        has_hold = self.has_hold(entry, shape.lookup_system)
        purgeable: bool | str = "n/a" if entry.sort == "copy" else not (has_hold or entry.last)
        return {
            "purgeable": purgeable,
            "last": entry.last,
            "legalhold": has_hold,
            "gfs_rp_type": retention_text(point),
        }

    def _output(self, entry: Entry, point: Point) -> str:
        if point.status == "failed":
            return "ERROR: the snapshot could not be taken\nBackup ended with errors"
        return f"Backup {entry.number} started\nReading changed blocks\n{megabytes(point.size_bytes)} MB transferred\n"

    def _sync_fields(self, entry: Entry, shape: Shape) -> Row:
        completed = entry.started if entry.completed is None else entry.completed
        synced: Row = {
            "sync_status": "Success",
            "presync_seconds": 1,
            "sync_seconds": (completed - entry.started) // SECOND,
            "postsync_seconds": 1,
            "sync_size": megabytes(None if entry.point is None else entry.point.size_bytes),
        }
        return {**synced, "sync_message": f"Success: copied to {self.storage(entry)}"} if shape.messages else synced

    def _other_row(self, entry: Entry, shape: Shape) -> Row:
        """Build rows of restores and the appliance's own metadata, which have no number."""
        wiki = self.api.text("generation") == "wiki"
        start = self.time(entry.started, entry, "wiki" if wiki else shape.style)
        return {
            "asset_name": None if entry.asset is None else entry.asset.name,
            "client_id": OWN_CLIENT if entry.asset is None else entry.asset.client,
            "client_name": self.client_name(entry, shape.lookup_system),
            "type": _SHOWN_OTHERS[entry.sort],
            "start_date_time" if wiki else "start_time": start,
            "duration": clock_text(MINUTE) if wiki else MINUTE // SECOND,
            "complete": True,
            "status": "Success" if wiki else "Successful",
            "size": 0,
            "encrypted": False,
            "verified": None,
            "verify_status": "Not Applicable",
            "replicated": False,
            "certified": "n/a",
            "purgeable": "n/a",
            "last": "n/a",
            "legalhold": False,
            "gfs_rp_type": "None",
        }

    def _browser_row(self, entry: Entry, shape: Shape) -> Row:
        asset, point = entry.asset, entry.point
        assert asset is not None
        assert point is not None
        end = self.api.estate.now if point.completed_at is None else point.completed_at
        return {
            "id": entry.number,
            "type": asset.list_type(point.kind),
            "client_id": asset.client,
            "client_name": self.client_name(entry, shape.lookup_system),
            "start_time": self.time(entry.started, entry, shape.style),
            "duration": clock_text(end - point.created_at),
            "complete": entry.completed is not None,
            "status": status_text(point, "server", self.api.text("running_status")),
            "size": megabytes(point.size_bytes),
            "encrypted": point.encrypted,
            "certified": self.certified(point),
            "storage": self.storage(entry),
            "at_risk": point.malware in RISK,
            "app_type": None if asset.app is None else asset.app.name,
            "system_id": entry.system,
            "appliance": self.directory.systems[entry.system].name,
            **self._instance_fields(entry),
        }
