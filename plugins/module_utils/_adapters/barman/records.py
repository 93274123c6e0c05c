# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of ``barman list-backups`` and ``show-backup``. Their fields differ between versions 3.4 and 3.19."""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.wal import BaseBackup, parse_lsn, parse_segment
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_list,
    as_object,
    as_text,
)

_ID = re.compile(r"[0-9]{8}T[0-9]{6}")
_KINDS = {"full": "full", "rsync": "full", "incremental": "incremental", "snapshot": "snapshot"}
# Versions before this one do not report the type: all of their backups are full, except for snapshots.
_FIRST_WITH_TYPES = (3, 11)
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
DONE, WAITING = "DONE", "WAITING_FOR_WALS"
_STATUSES = {
    DONE: "success",
    WAITING: "warning",
    "FAILED": "failed",
    "STARTED": "running",
    "SYNCING": "running",
}
OBSOLETE = "OBSOLETE"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup of one server: its row in the list, and its details from ``show-backup``."""

    id: str
    state: str
    kind: str
    # The end of the backup; if it has none, the time in its ID, which is the local time of the host.
    time: int
    retention: str | None
    # None if show-backup failed.
    details: Mapping[str, t.Any] | None
    row: Mapping[str, t.Any]

    @property
    def is_copied(self) -> bool:
        """Whether all files were copied; its WAL may not have arrived yet."""
        return self.state in (DONE, WAITING)

    @property
    def base(self) -> dict[str, t.Any]:
        """The details of its files."""
        return as_object((self.details or {}).get("base_backup_information"))

    @property
    def parent(self) -> str | None:
        """ID of its parent backup; None for a backup that contains all files."""
        return as_text(as_object((self.details or {}).get("catalog_information")).get("parent_backup_id"))

    @property
    def system_id(self) -> str | None:
        """Identifier of the database system; not reported by old versions."""
        return as_text((self.details or {}).get("system_id"))

    @property
    def tablespaces(self) -> list[str] | None:
        """The names of the tablespaces' directories; None if they are not known."""
        listed = (self.details or {}).get("tablespaces")
        found = [as_text(as_object(one).get("oid")) for one in as_list(listed)]
        known = [oid for oid in found if oid is not None and oid.isdigit()]
        return known if isinstance(listed, list) and len(known) == len(listed) else None

    @property
    def method(self) -> str | None:
        """The backup method; not reported by old versions."""
        return as_text(self.base.get("backup_method"))

    @property
    def is_encrypted(self) -> bool | None:
        """Whether its files are encrypted; not reported by versions before 3.14."""
        return bool(self.base["encryption"]) if "encryption" in self.base else None

    @property
    def first(self) -> tuple[str | None, str | None]:
        """Name of the first segment that it needs, and a position in it."""
        return as_text(self.base.get("begin_wal")), as_text(self.base.get("begin_lsn"))

    @property
    def error(self) -> str | None:
        """The reason of a failure."""
        return as_text((self.details or {}).get("error"))

    def as_base_backup(self, size: int) -> BaseBackup | None:
        """Return the backup for calculations with its WAL, or None if the names of its segments are not valid."""
        start, stop = parse_segment(self.first[0], size), parse_segment(as_text(self.base.get("end_wal")), size)
        if start is None or stop is None or stop.number < start.number:
            return None
        return BaseBackup(start=start, stop=stop, stop_lsn=parse_lsn(as_text(self.base.get("end_lsn"))), time=self.time)

    def build_point(self, server: str, copy: Copy) -> RecoveryPoint:
        """Return its point, with ``usable`` according to its state only."""
        status = _STATUSES.get(self.state, "unknown")
        return RecoveryPoint(
            id=f"{server}/{self.id}",
            workload=build_workload(server),
            # A base backup is consistent at the time of its end.
            created=self.time * SECOND,
            completed=self.time * SECOND if self.is_copied else None,
            kind=self.kind,
            status=status,
            usable={"success": True, "warning": None, "failed": False, "running": False}.get(
                status, False if self.state == "EMPTY" else None
            ),
            size_bytes=self._size(),
            copies=[copy],
            encrypted=copy.encrypted,
        )

    def _size(self) -> int | None:
        for name in ("backup_size_bytes", "disk_usage_bytes"):
            if (size := as_int(self.base.get(name))) is not None:
                return size
        return None


def parse_row(row: Mapping[str, t.Any]) -> tuple[str, str] | None:
    """Return ID and state of a row; None if the row is not valid, for example because a finished backup has no end."""
    ident, state = as_text(row.get("backup_id")), as_text(row.get("status"))
    if ident is None or not _ID.fullmatch(ident) or state is None:
        return None
    if state in (DONE, WAITING) and as_int(row.get("end_time_timestamp")) is None:
        return None
    return ident, state


def build_backup(row: Mapping[str, t.Any], details: Mapping[str, t.Any] | None, version: str | None) -> Backup | None:
    """Return the backup of a row, or None if the row is not valid."""
    found = parse_row(row)
    if found is None:
        return None
    end = as_int(row.get("end_time_timestamp"))
    return Backup(
        id=found[0],
        state=found[1],
        kind=_kind(row, details or {}, version),
        time=_local_time(found[0]) if end is None else end,
        retention=as_text(row.get("retention_status")),
        details=details,
        row=row,
    )


def _kind(row: Mapping[str, t.Any], details: Mapping[str, t.Any], version: str | None) -> str:
    if details.get("snapshots_info"):
        return "snapshot"
    word = as_text(row.get("backup_type"))
    if word is not None:
        return _KINDS.get(word, "unknown")
    number = _VERSION.match(version or "")
    return "full" if number and (int(number[1]), int(number[2])) < _FIRST_WITH_TYPES else "backup"


def _local_time(ident: str) -> int:
    try:
        return max(0, int(time.mktime(time.strptime(ident, "%Y%m%dT%H%M%S"))))
    except (ValueError, OverflowError):
        return 0


def build_workload(server: str) -> Workload:
    """Return the workload of a server."""
    return Workload(id=server, name=server, type="database", platform="postgresql")
