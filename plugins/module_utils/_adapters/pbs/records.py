# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proxmox Backup Server: parse records of snapshots. Sources: the server's source code, recorded responses."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Collection, Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER, parse_location_type
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_list,
    as_object,
    as_text,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.record_cache import ValueCache

# backup-type -> workload type and platform. Any Linux machine can be a host.
TYPES = {"vm": ("vm", "proxmox"), "ct": ("container", "proxmox"), "host": ("host", None)}
_MANIFEST = "index.json.blob"
# This file is uploaded after the manifest, which therefore does not list it.
_LOG = "client.log.blob"
# The end of the year 9999, in seconds since 1970.
_LAST_SECOND = 253_402_300_799
_UPID = re.compile(
    r"UPID:([A-Za-z0-9-]+):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8,16}:([0-9A-Fa-f]{8}):[^:\s]+:([^:\s]*):[^:\s]+:"
)
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})")


class Task(t.NamedTuple):
    """A task of a server, from its ID (UPID). ``worker`` is the object that it works on."""

    node: str
    start: int
    worker: str


def parse_task(upid: t.Any) -> Task | None:
    """Parse the ID of a task. Return None if it is missing or has another format."""
    match = _UPID.fullmatch(upid) if isinstance(upid, str) else None
    if match is None:
        return None
    node, start, worker = match.groups()
    plain = _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), worker.replace("-", "/"))
    return Task(node, int(start, 16) * SECOND, plain)


class Files(t.NamedTuple):
    """Properties of a snapshot's files. ``finished``: it has a manifest; ``readable``: the server could read it."""

    finished: bool | None
    readable: bool
    encrypted: bool | None


_NOT_LISTED = Files(None, readable=False, encrypted=None)


def parse_files(*files: tuple[t.Any, t.Any]) -> Files:
    """Evaluate the (filename, crypt-mode) of each file of a snapshot. The manifest is uploaded last."""
    # Not a dict: if a name occurs twice, the second file must not hide that the first one is not encrypted.
    modes = [(as_text(name), as_text(mode)) for name, mode in files]
    manifests = {mode for name, mode in modes if name == _MANIFEST}
    data = {mode for name, mode in modes if name not in (_MANIFEST, _LOG)}
    if None in {name for name, mode in modes}:
        return _NOT_LISTED
    if not manifests:
        return Files(finished=False, readable=False, encrypted=None)
    if None in manifests or not data:
        return Files(finished=True, readable=False, encrypted=None)
    if data & {"none", "sign-only"}:
        return Files(finished=True, readable=True, encrypted=False)
    return Files(finished=True, readable=True, encrypted=True if data == {"encrypt"} else None)


class Snapshot(t.NamedTuple):
    """Parsed fields of a snapshot. ``verification`` is (state, task), or None if there is none."""

    time: int
    files: Files
    verification: tuple[str | None, str | None] | None
    raw: Mapping[str, t.Any] | None


@dataclasses.dataclass
class Group:
    """All snapshots of one guest or host in one namespace."""

    backup_type: str
    backup_id: str
    snapshots: list[Snapshot] = dataclasses.field(default_factory=list)
    # The newest comment that is one name, and its time.
    name: str | None = None
    named_at: int = -1

    def count(self) -> int:
        """Return the number of snapshots. A snapshot that is listed twice counts once."""
        return len({snapshot.time for snapshot in self.snapshots})


Groups = dict[tuple[str, str], Group]


class SnapshotParser:
    """Parses the records of snapshots. Values that many records share are stored once."""

    def __init__(self, *, include_raw: bool) -> None:
        self._include_raw = include_raw
        self._files = ValueCache(parse_files)
        self._names = ValueCache(parse_name)
        self._verifications: dict[tuple[str | None, str | None], tuple[str | None, str | None]] = {}

    def parse_all(self, rows: Iterable[t.Any]) -> Groups:
        """Return the snapshots by group."""
        groups: Groups = {}
        for row in rows:
            try:
                group = groups[row["backup-type"], row["backup-id"]]
            except (KeyError, TypeError):
                key = get_group(row, "snapshot")
                group = groups.setdefault(key, Group(*key))
            time = as_int(row.get("backup-time"))
            if time is None or time > _LAST_SECOND:
                raise _missing_error("snapshot", "backup-time")
            raw = row if self._include_raw else None
            group.snapshots.append(Snapshot(time, self._parse_files(row), self._parse_verification(row), raw))
            if time > group.named_at and group.backup_type != "host":
                name = self._names.get((row.get("comment"),))
                if name is not None:
                    group.name, group.named_at = name, time
        return groups

    def _parse_files(self, row: Mapping[str, t.Any]) -> Files:
        files = row.get("files")
        if not isinstance(files, list):
            return _NOT_LISTED
        try:
            return self._files.get(tuple([(file.get("filename"), file.get("crypt-mode")) for file in files]))
        except AttributeError:
            # At least one entry is not a record.
            return _NOT_LISTED

    def _parse_verification(self, row: Mapping[str, t.Any]) -> tuple[str | None, str | None] | None:
        if "verification" not in row:
            return None
        found = as_object(row["verification"])
        pair = as_text(found.get("state")), as_text(found.get("upid"))
        return self._verifications.setdefault(pair, pair)


def get_group(row: t.Any, what: str) -> tuple[str, str]:
    """Return type and ID of the group of a record. Raise InvalidResponseError if they are missing."""
    if not isinstance(row, dict):
        raise InvalidResponseError(f"a {what} is not a record")
    backup_type, backup_id = as_text(row.get("backup-type")), as_text(row.get("backup-id"))
    if backup_type is None or backup_id is None:
        raise _missing_error(what, "backup-type" if backup_type is None else "backup-id")
    return backup_type, backup_id


def get_count(row: Mapping[str, t.Any]) -> int:
    """Return the number of snapshots that a group reports. Raise InvalidResponseError if it is missing."""
    count = as_int(row.get("backup-count"))
    if count is None:
        raise _missing_error("group", "backup-count")
    return count


def _missing_error(what: str, member: str) -> InvalidResponseError:
    return InvalidResponseError(
        f"a {what} has no valid {member!r}", hint='Check that "url" is the URL of the product, and its version'
    )


def parse_name(comment: t.Any) -> str | None:
    """Return the comment of a guest's snapshot if it is one name, which Proxmox VE writes there by default."""
    name = comment.strip() if isinstance(comment, str) else ""
    return name if name and not any(character.isspace() or character in ",;" for character in name) else None


@dataclasses.dataclass(frozen=True)
class Namespace:
    """A namespace of a datastore; the root has an empty name."""

    store: str
    path: str
    # The product's own term for the storage of the datastore.
    backend: str | None = None

    @property
    def name(self) -> str:
        """Display name, which is also the location of copies."""
        return f"{self.store}/{self.path}" if self.path else self.store

    def build_workload(self, group: Group, *, use_comment: bool) -> Workload:
        """Build the workload of a group. Numbers of guests are unique only within a namespace."""
        workload_type, platform = TYPES.get(group.backup_type, (OTHER, None))
        return Workload(
            id=f"{self.name}/{group.backup_type}/{group.backup_id}",
            name=(group.name if use_comment else None) or group.backup_id,
            type=workload_type,
            platform=platform,
        )


@dataclasses.dataclass(frozen=True)
class VerificationResult:
    """The evaluated verification. ``is_foreign``: another server or datastore ran it, before this copy was made."""

    checked: bool | None = None
    checked_at: int | None = None
    is_failed: bool = False
    is_unclear: bool = False
    is_foreign: bool = False


def evaluate_verification(
    verification: tuple[str | None, str | None] | None, store: str, nodes: Collection[str]
) -> VerificationResult:
    """Evaluate a verification. Damage always counts; a success counts only if it was found in this datastore.

    A sync job copies the source's verification result with the snapshot, although the copy was not verified.
    """
    if verification is None:
        return VerificationResult()
    state, upid = verification
    if state == "failed":
        return VerificationResult(checked=False, is_failed=True)
    if state != "ok":
        return VerificationResult(is_unclear=True)
    task = parse_task(upid)
    if task is None or task.node not in nodes or task.worker.partition(":")[0] != store:
        return VerificationResult(is_foreign=True)
    return VerificationResult(checked=True, checked_at=task.start)


def build_template(
    snapshot: Snapshot, namespace: Namespace, workload: Workload, result: VerificationResult
) -> RecoveryPoint:
    """Build a point. Snapshots of a workload with the same files and verification differ only in time and ID."""
    finished, readable, encrypted = snapshot.files
    if result.is_failed:
        status, usable = "failed", False
    elif finished is False:
        status, usable = "running", False
    elif not readable or result.is_unclear:
        status, usable = "unknown", None
    else:
        status, usable = "success", True
    medium = parse_location_type(namespace.backend)
    return RecoveryPoint(
        id=get_id(workload, snapshot.time),
        workload=workload,
        created=snapshot.time * SECOND,
        # Each snapshot refers to all its chunks and does not depend on other snapshots.
        kind="full",
        status=status,
        usable=usable,
        copies=[Copy(location=namespace.name, location_type=medium, vendor_location_type=namespace.backend)],
        integrity_checked=result.checked,
        checked_at=result.checked_at,
        checked_by="integrity_check" if result.checked else None,
        encrypted=encrypted,
    )


def get_id(workload: Workload, time: int) -> str:
    """Return the ID of a snapshot, as the product writes it."""
    return f"{workload.id}/{format_time(time * SECOND)}"


def list_nodes(rows: Iterable[t.Any], member: str) -> set[str]:
    """Return the names of the nodes that ran these jobs."""
    tasks = (parse_task(as_object(row).get(member)) for row in as_list(rows))
    return {task.node for task in tasks if task is not None}
