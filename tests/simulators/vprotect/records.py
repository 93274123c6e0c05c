# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and their locations in the format of vProtect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.simulators.ground_truth import DAY, MINUTE, Copy, Location, Point, Policy, Run, Workload, as_datetime
from tests.simulators.product_api import ProductApi
from tests.simulators.vprotect.lists import Row, without_nulls

STATUSES = ("FAILED", "INPROGRESS", "PARTIAL_SUCCESS", "QUEUED", "SUCCESS", "SUCCESS_REMOVED")
TYPES = ("FULL", "INCREMENTAL", "SYNCHRONIZATION", "SYNTHETIC")
ENTITY_TYPES = {"vm": "VM", "database": "APP", "file_share": "STORAGE", "physical": "OS_AGENT"}
_STATUS = {"success": "SUCCESS", "warning": "PARTIAL_SUCCESS", "failed": "FAILED", "running": "INPROGRESS"}
_DESTINATION_TYPES = {"disk": "FILESYSTEM", "object": "S3", "archive": "AZURE", "host": "FILESYSTEM"}
_WARNING = "Some disks were skipped"


def milliseconds(moment: int) -> int:
    return moment // 1000


@dataclass(frozen=True, eq=False, slots=True)
class BackupLocation:
    """A backup location: one copy, with the role of its destination in the rule."""

    guid: str
    copy: Copy
    role: str
    status: str


@dataclass(frozen=True, eq=False, slots=True)
class Record:
    guid: str
    work: Workload
    point: Point
    kind: str
    status: str
    snapshot: int | None
    stored: int | None
    places: tuple[BackupLocation, ...]
    parent: Record | None = None
    root: str | None = None

    @property
    def is_restorable(self) -> bool:
        return any(place.status == "PRESENT" for place in self.places)


def destination_key(location: Location, encrypted: bool) -> str:
    """Return the key of a destination, which has either encrypted or plain backups, unlike a location."""
    return f"{location.name}-encrypted" if encrypted else location.name


def get_role(position: int, role: str) -> str:
    if role == "archive":
        return "ARCHIVE"
    return ("PRIMARY", "SECONDARY", "ARCHIVE")[min(position, 2)]


def destination_type(location: Location) -> str:
    return _DESTINATION_TYPES[location.location_type]


class Records:
    def __init__(self, api: ProductApi) -> None:
        self.api = api
        # Guid of the newest finished backup of each workload, which the variant `newest` changes.
        self.newest: set[str] = set()

    # Enumerations and ids

    @property
    def version(self) -> tuple[int, int]:
        major, minor = self.api.text("version").split(".")[:2]
        return int(major), int(minor)

    def enum(self, name: str) -> object:
        """Return an object, or a plain string like many in the documentation: variant `enums`."""
        if self.api.text("enums") == "strings":
            return name
        return {"name": name, "description": name.replace("_", " ").capitalize()}

    def entity_guid(self, work: Workload) -> str:
        return self.api.uuid(work.key)

    def backup_guid(self, point: Point) -> str:
        return self.api.uuid(f"backup:{point.key}")

    def rule_guid(self, policy: Policy, work: Workload) -> str:
        return self.api.uuid(f"rule:{policy.key}:{work.workload_type}")

    def destination_guid(self, location: Location, encrypted: bool) -> str:
        return self.api.uuid(f"destination:{destination_key(location, encrypted)}")

    def backup_name(self, work: Workload, moment: int) -> str:
        return f"{work.name} - {as_datetime(moment):%Y-%m-%d %H:%M}"

    # Records

    def build_records(self, work: Workload) -> Iterator[Record]:
        """Oldest first: backups removed by retention, then existing ones; each further copy is a synchronization."""
        listed = list(reversed(self.api.listed_points(work)))
        yield from self._removed(work, listed)
        parent: Record | None = None
        for point in listed:
            record = self._record(work, point, parent)
            yield record
            if record.status in ("SUCCESS", "PARTIAL_SUCCESS"):
                parent = record
            if self.api.flag("synchronizations") and self.version >= (5, 0):
                yield from self._synchronized(record)

    def _record(self, work: Workload, point: Point, parent: Record | None) -> Record:
        guid = self.backup_guid(point)
        full = "SYNTHETIC" if self.api.flag("synthetic") and parent is not None else "FULL"
        kind = "INCREMENTAL" if point.kind == "incremental" else full
        done = point.status in ("success", "warning")
        base = parent if kind == "INCREMENTAL" and done else None
        timed = done or self.api.flag("unfinished_times")
        stored = None if point.completed_at is None else milliseconds(point.completed_at)
        return Record(
            guid,
            work,
            point,
            kind,
            _STATUS[point.status],
            milliseconds(point.created_at) if timed and self.api.flag("snapshot_times") else None,
            stored if timed else None,
            tuple(self._build_locations(point)),
            parent=base,
            root=(guid if base is None else base.root) if done else None,
        )

    def _build_locations(self, point: Point) -> Iterator[BackupLocation]:
        """Build locations. An unreadable point has no PRESENT location, which is the only indication."""
        for position, copy in enumerate(point.copies):
            guid = self.api.uuid(f"place:{point.key}:{copy.location.key}")
            yield BackupLocation(guid, copy, get_role(position, copy.role), "PRESENT" if point.usable else "FAILED")

    def _synchronized(self, record: Record) -> Iterator[Record]:
        for place in record.places[1:]:
            guid = self.api.uuid(f"synchronization:{place.guid}")
            stored = milliseconds(place.copy.copied_at)
            yield replace(record, guid=guid, kind="SYNCHRONIZATION", stored=stored, places=(place,), parent=record)

    def _removed(self, work: Workload, listed: list[Point]) -> Iterator[Record]:
        """Return removed backups older than the oldest point: still listed, but not recovery points."""
        good = [point for point in listed if point.status == "success" and point.copies]
        for back in range(self.api.number("removed") if good else 0, 0, -1):
            first, earlier = good[0], back * DAY
            gone = replace(
                first,
                key=f"{first.key}-removed-{back}",
                run=Run(first.run.policy, first.run.started - earlier, "success"),
                created_at=first.created_at - earlier,
                completed_at=None if first.completed_at is None else first.completed_at - earlier,
                tested_at=None,
            )
            record = self._record(work, gone, None)
            places = tuple(replace(place, status="REMOVED") for place in record.places)
            yield replace(record, status="SUCCESS_REMOVED", places=places)

    # Rows

    def special(self, record: Record) -> str:
        """Return the special property of this backup according to the variant `newest`."""
        return self.api.text("newest") if record.guid in self.newest else "plain"

    def row(self, record: Record) -> Row:
        point, work, special = record.point, record.work, self.special(record)
        warned = record.status == "PARTIAL_SUCCESS" or special == "warned"
        row: Row = {
            "guid": record.guid,
            "backupTime": record.stored,
            "snapshotTime": record.snapshot,
            "status": self.enum(record.status),
            "statusInfo": "The hypervisor refused the snapshot" if record.status == "FAILED" else None,
            "type": self.enum("LOG_BACKUP" if special == "LOG_BACKUP" else record.kind),
            **self._owner(record),
            "size": point.size_bytes or 0,
            "parentBackup": self._parent(record),
            "backupRule": {"guid": self.rule_guid(point.run.policy, work), "name": point.run.policy.name},
            "originEntity": {**self._schedule(point.run.policy), "type": self.enum("SCHEDULE")},
            "warningsPresent": warned,
            "warnings": [_WARNING] if warned else None,
            "warningsAcknowledged": False,
            "hidden": special == "hidden",
            "taskDurationTime": None if record.stored is None else milliseconds(5 * MINUTE),
        }
        if record.stored is not None:
            row["taskTimeStats"] = {"queuedExportTime": 1000, "exportTime": 240_000, "queuedStoreTime": 0}
        if self.version >= (5, 0):
            row["backupLocations"] = [self.location_row(record, place) for place in record.places]
        if point.kind == "archive" and point.expires_at is not None and self.api.text("archive_expire") != "location":
            row["archiveExpire"] = milliseconds(point.expires_at)
        return without_nulls(row)

    def get_entity_type(self, record: Record) -> str | None:
        """Return the type of the entity of a backup, or None if it was deleted with the workload."""
        is_deleted = self.api.text("deleted_entities") != "kept" and not record.work.in_inventory
        return None if is_deleted else ENTITY_TYPES[record.work.workload_type]

    def _owner(self, record: Record) -> Row:
        """Return the entity of a backup. If the workload is deleted, only a text may remain."""
        work, guid = record.work, self.entity_guid(record.work)
        form, kind = self.api.text("deleted_entities"), self.get_entity_type(record)
        if kind is None:
            texts: dict[str, Row] = {
                "gone": {"sourceNameAndGuid": f"{work.name} ({guid})"},
                "object": {"sourceNameAndGuid": {"name": work.name, "guid": guid}},
            }
            return texts.get(form, {})
        return {"protectedEntity": {"type": self.enum(kind), "guid": guid, "name": work.name}}

    def _parent(self, record: Record) -> Row | None:
        parent = record.parent
        if parent is None or (record.kind == "INCREMENTAL" and self.api.text("parents") == "omitted"):
            return None
        return {"guid": parent.guid, "name": self.backup_name(parent.work, parent.point.created_at)}

    def _schedule(self, policy: Policy) -> Row:
        return {"guid": self.api.uuid(f"schedule:{policy.key}"), "name": policy.schedule}

    def location_row(self, record: Record, place: BackupLocation) -> Row:
        copy, point = place.copy, record.point
        marked, special = point.kind == "archive", self.special(record)
        hint = "ARCHIVE" if marked else "STANDARD_RETENTION"
        if special in ("TO_REMOVE", "RECREATE"):
            hint = special
        row: Row = {
            "guid": place.guid,
            "backup": {"guid": record.guid, "name": self.backup_name(record.work, point.created_at)},
            "snapshotTime": record.snapshot,
            "backupDestination": {
                "guid": self.destination_guid(copy.location, copy.encrypted),
                "name": destination_key(copy.location, copy.encrypted),
            },
            "backupDestinationType": self.enum(destination_type(copy.location)),
            "roleType": self.enum(place.role),
            "status": self.enum(place.status) if self.api.text("location_status") == "reported" else None,
            "type": self.enum("SYNCHRONIZATION" if place.role == "SECONDARY" else record.kind),
            "statusInfo": "The file cannot be read" if place.status == "FAILED" else None,
            "retentionHint": self.enum(hint) if self.api.text("hints") == "reported" else None,
        }
        if marked and point.expires_at is not None and self.api.text("archive_expire") != "backup":
            row["archiveExpire"] = milliseconds(point.expires_at)
        return without_nulls(row)

    def files(self, record: Record) -> list[Row]:
        """Return the files of a backup, the only place where it reports its encryption, as a number."""
        restores = [] if record.point.tested_at is None else [milliseconds(record.point.tested_at)]
        return [
            {
                "guid": self.api.uuid(f"file:{place.guid}"),
                "path": f"/{destination_key(place.copy.location, place.copy.encrypted)}/{record.guid}/disk-0",
                "size": record.point.size_bytes or 0,
                "encryption": 1 if place.copy.encrypted else 0,
                "format": self.enum("QCOW2"),
                "mountable": record.work.workload_type == "vm",
                "iscsiMountable": False,
                "locations": [{"guid": place.guid}],
                "restoresTime": restores,
            }
            for place in record.places
        ]
