# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server with two backups: its files in a folder, and the canned output of Barman for it."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.adapter import Barman
from tests.unit.plugins.module_utils._adapters.running_tools import Response, list_points, run_adapter

VERSION = ("--version",)
JSON = ("-f", "json")
SERVERS = (*JSON, "list-servers")
OLD, NEW = "20261120T010000", "20261121T010000"
# 2026-11-20T01:00:05Z and 2026-11-21T01:00:05Z
ENDS = {OLD: 1795136405, NEW: 1795222805}
FIRST = {OLD: 3, NEW: 7}
LAST = 9
PASSWORD = "sw0rdfish"
SOUND = {"_INFO": ["Verifying backup", "Calling pg_verifybackup", "backup successfully verified"]}


def settings(server: str = "main") -> tuple[str, ...]:
    return (*JSON, "show-servers", server)


def listing(server: str = "main") -> tuple[str, ...]:
    return (*JSON, "list-backups", server)


def show(ident: str, server: str = "main") -> tuple[str, ...]:
    return (*JSON, "show-backup", server, ident)


def wal(ident: str, server: str = "main") -> tuple[str, ...]:
    return (*JSON, "list-files", "--target", "wal", server, ident)


def check(server: str = "main") -> tuple[str, ...]:
    return (*JSON, "check", server)


def verify(ident: str, server: str = "main") -> tuple[str, ...]:
    return (*JSON, "verify-backup", server, ident)


def segment(number: int, timeline: int = 1) -> str:
    return f"{timeline:08X}{0:08X}{number:08X}"


def row(ident: str, status: str = "DONE", **members: Any) -> dict[str, Any]:
    """A row of the list; only finished backups have an end."""
    found: dict[str, Any] = {"backup_id": ident, "backup_type": "full", "status": status}
    if status in ("DONE", "WAITING_FOR_WALS"):
        found.update(
            end_time_timestamp=str(ENDS.get(ident, ENDS[NEW])), retention_status="-", size_bytes=900, wal_size_bytes=90
        )
    return {**found, **members}


def details(ident: str, first: int | None = None, timeline: int = 1, **members: Any) -> dict[str, Any]:
    """Build what version 3.19 shows for a backup; keys in capitals are in ``base_backup_information``."""
    start = FIRST.get(ident, FIRST[NEW]) if first is None else first
    base = {
        "backup_method": "postgres",
        "backup_size_bytes": 700,
        "begin_lsn": f"0/{start:X}000028",
        "begin_wal": segment(start, timeline),
        "compression": None,
        "encryption": None,
        "end_lsn": f"0/{start + 1:X}000100",
        "end_wal": segment(start + 1, timeline),
        **{name.lower(): members.pop(name) for name in [*members] if name.isupper()},
    }
    parent = members.pop("parent", None)
    return {
        "backup_id": ident,
        "base_backup_information": base,
        "catalog_information": {"parent_backup_id": parent} if parent else {},
        "status": "DONE",
        "system_id": "77",
        "tablespaces": [],
        **members,
    }


class Server:
    """The files of one server and the output for it. Tests change both."""

    def __init__(self, folder: Path, name: str = "main") -> None:
        self.name = name
        self.folder = folder / name
        self.settings: dict[str, Any] = {
            "active": True,
            "backup_directory": str(self.folder),
            "backup_method": "postgres",
            "basebackups_directory": str(self.folder / "base"),
            "conninfo": f"host=db user=barman password={PASSWORD}",
            "disabled": False,
            "incoming_wals_directory": str(self.folder / "incoming"),
            "msg_list": [],
            "passive_node": False,
            "wals_directory": str(self.folder / "wals"),
        }
        self.rows = [row(NEW), row(OLD)]
        self.details = {ident: details(ident) for ident in (OLD, NEW)}
        self.checks: dict[str, Any] = {"postgresql": {"hint": "", "status": "OK"}}
        (self.folder / "incoming").mkdir(parents=True)
        for ident in (OLD, NEW):
            self.store(ident)
        for number in range(3, LAST + 1):
            self.archive(number)

    def store(self, ident: str) -> Path:
        """Create the files of a backup."""
        data = self.folder / "base" / ident / "data"
        data.mkdir(parents=True)
        for name in ("PG_VERSION", "backup_manifest"):
            (data / name).write_text("15\n")
        return data

    def archive(self, number: int, timeline: int = 1) -> Path:
        """Archive a segment, one hour after the one before; the last one at 2026-11-21T05:00:00Z."""
        path = self.folder / "wals" / segment(number, timeline)[:16] / segment(number, timeline)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"wal")
        time = 1795237200 - 3600 * (LAST - number)
        os.utime(path, (time, time))
        return path

    def listed(self, *numbers: int, timeline: int = 1) -> Response:
        """Build the output of list-files for these segments."""
        path = f"{self.folder}/wals/{segment(1, timeline)[:16]}"
        return 0, {"_INFO": [f"{path}/{segment(number, timeline)}" for number in numbers]}, ""

    def answers(self) -> dict[tuple[str, ...], Response]:
        """Build the output of all commands for this server."""
        copied = [one["backup_id"] for one in self.rows if one["status"] in ("DONE", "WAITING_FOR_WALS")]
        return {
            settings(self.name): (0, {self.name: self.settings}, ""),
            listing(self.name): (0, {self.name: self.rows}, ""),
            **{show(ident, self.name): (0, {self.name: found}, "") for ident, found in self.details.items()},
            **{wal(ident, self.name): self.listed(*range(3, LAST + 1)) for ident in copied},
            **{verify(ident, self.name): (0, SOUND, "") for ident in copied},
            check(self.name): (0, {self.name: self.checks}, ""),
        }


def read(
    *servers: Server,
    changed: dict[tuple[str, ...], Response] | None = None,
    version: str = "3.19.1",
    **options: Any,
) -> Any:
    """Run the adapter; return the collector, the points of backups (oldest first), and the runner."""
    answers: dict[tuple[str, ...], Response] = {
        VERSION: (0, f"{version} Barman by EnterpriseDB (www.enterprisedb.com)\n", ""),
        SERVERS: (0, {server.name: {"description": ""} for server in servers}, ""),
    }
    for server in servers:
        answers.update(copy.deepcopy(server.answers()))
    collector, points, runner = run_adapter(Barman, {**answers, **(changed or {})}, **options)
    return collector, [point for point in points if point["kind"] != "continuous"], runner


def usable(points: list[dict[str, Any]]) -> list[bool | None]:
    return [point["usable"] for point in points]


def ranges(collector: Any) -> list[tuple[str, str]]:
    """Return the start and the end of each restorable range."""
    points = [point for point in list_points(collector) if point["kind"] == "continuous"]
    return [(point["restorable_from"], point["restorable_until"]) for point in points]
