# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of ``pgbackrest info`` and ``repo-ls``: stanzas, backups, and archived segments."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.wal import (
    BaseBackup,
    Segment,
    infer_segment_size,
    parse_lsn,
    parse_segment,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
)

_KINDS = {"full": "full", "diff": "differential", "incr": "incremental"}
_SEGMENT_FILE = re.compile(r"([^/]+)/[0-9A-F]{16}/([0-9A-F]{24})-[0-9a-f]{40}(?:\.[a-z0-9]+)?")
_HISTORY_FILE = re.compile(r"([^/]+)/([0-9A-F]{8})\.history")

# System identifier and version of a database.
_Identity = tuple["str | None", "str | None"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup in one repository."""

    label: str
    repo: int
    stop: int
    # Labels of the backups that it depends on.
    required: frozenset[str]
    # Whether it is a backup of the stanza's current database, or of the database before an upgrade.
    is_current: bool | None
    # Whether it needs WAL; None if its record does not report it. A backup of a stopped cluster does not need any.
    needs_wal: bool | None
    # Name of the archive with its WAL, and the names and positions of the first and the last segment that it needs.
    archive: str | None
    first: str | None
    last: str | None
    first_lsn: str | None
    last_lsn: str | None
    record: Mapping[str, t.Any]

    def as_base_backup(self, size: int) -> BaseBackup | None:
        """Return the backup for calculations with its WAL, or None if the names of its segments are not valid."""
        start, stop = parse_segment(self.first, size), parse_segment(self.last, size)
        if start is None or stop is None or stop.number < start.number:
            return None
        return BaseBackup(start=start, stop=stop, stop_lsn=parse_lsn(self.last_lsn), time=self.stop)

    def build_point(self, stanza: str, copy: Copy) -> RecoveryPoint:
        """Return the point of a backup that is complete as far as its own record reports."""
        # True: page checksums were wrong during the backup, so part of its data is damaged.
        wrong = as_bool(self.record.get("error"))
        return RecoveryPoint(
            id=f"{stanza}/{self.label}/repo{self.repo}",
            workload=build_workload(stanza),
            # A base backup is consistent at the time of its end.
            created=self.stop * SECOND,
            completed=self.stop * SECOND,
            kind=_KINDS.get(as_text(self.record.get("type")) or "", "unknown"),
            status={True: "warning", False: "success", None: "unknown"}[wrong],
            usable=None if wrong else True,
            size_bytes=as_int(as_object(as_object(self.record.get("info")).get("repository")).get("delta")),
            copies=[copy],
            encrypted=copy.encrypted,
        )


class Stanza:
    """One stanza as listed, with its state in each repository."""

    def __init__(self, record: Mapping[str, t.Any]) -> None:
        self.name = as_text(record.get("name"))
        self.status = as_object(record.get("status"))
        self._records = [as_object(backup) for backup in as_list(record.get("backup"))]
        repos = [as_object(repo) for repo in as_list(record.get("repo"))]
        # (number of the repository, status)
        self.repositories = [(as_int(repo.get("key")), as_object(repo.get("status"))) for repo in repos]
        self._ciphers = {as_int(repo.get("key")): as_text(repo.get("cipher")) for repo in repos}
        self._archives = {
            _get_database(archive): as_text(archive.get("id"))
            for archive in map(as_object, as_list(record.get("archive")))
        }
        self._databases: dict[tuple[int | None, int | None], _Identity] = {
            (as_int(one.get("repo-key")), as_int(one.get("id"))): (
                as_text(one.get("system-id")),
                as_text(one.get("version")),
            )
            for one in map(as_object, as_list(record.get("db")))
        }
        self._current, self._earlier = self._split_databases()

    @property
    def is_busy(self) -> bool:
        """Whether a backup or an expiration is running."""
        return as_bool(as_object(as_object(self.status.get("lock")).get("backup")).get("held")) is True

    def is_encrypted(self, repo: int) -> bool | None:
        """Return whether a repository is encrypted. The cipher of the stanza may be "mixed", so it is not used."""
        cipher = self._ciphers.get(repo)
        return None if cipher is None or cipher == "mixed" else cipher != "none"

    def backups(self) -> tuple[list[Backup], int]:
        """Return all backups, and the number of records that are not valid."""
        backups = []
        for record in self._records:
            backup = self._build_backup(record)
            if backup is not None:
                backups.append(backup)
        return backups, len(self._records) - len(backups)

    def _build_backup(self, record: Mapping[str, t.Any]) -> Backup | None:
        label, (repo, database) = as_text(record.get("label")), _get_database(record)
        stop = as_int(as_object(record.get("timestamp")).get("stop"))
        if self.name is None or label is None or repo is None or stop is None:
            return None
        wal, lsn = as_object(record.get("archive")), as_object(record.get("lsn"))
        required = [as_text(record.get("prior")), *map(as_text, as_list(record.get("reference")))]
        return Backup(
            label=label,
            repo=repo,
            stop=stop,
            required=frozenset(other for other in required if other),
            is_current=self._is_current(repo, database),
            needs_wal=_needs_wal(wal),
            archive=self._archives.get((repo, database)),
            first=as_text(wal.get("start")),
            last=as_text(wal.get("stop")),
            first_lsn=as_text(lsn.get("start")),
            last_lsn=as_text(lsn.get("stop")),
            record=record,
        )

    def _split_databases(self) -> tuple[dict[int | None, _Identity], set[_Identity]]:
        """Return the current database of each repository (the one with the highest id), and all earlier ones."""
        newest: dict[int | None, int] = {}
        for repo, ident in self._databases:
            if ident is not None:
                newest[repo] = max(ident, newest.get(repo, ident))
        current = {repo: self._databases[repo, ident] for repo, ident in newest.items()}
        earlier = {found for (repo, _ident), found in self._databases.items() if found != current.get(repo)}
        return current, earlier

    def _is_current(self, repo: int, database: int | None) -> bool | None:
        own = self._databases.get((repo, database))
        if own is None:
            return None
        if own != self._current.get(repo) or own in self._earlier:
            return False
        # If the repositories have no database in common, the current one is unknown.
        return True if len({*self._current.values()} - self._earlier) == 1 else None


@dataclasses.dataclass(slots=True)
class ArchiveListing:
    """The archive of one stanza in one repository: the times of its segments, and the timelines with a history file."""

    times: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    # Empty segments, and segments with two files, neither of which pgBackRest restores.
    invalid: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    histories: dict[str, set[int]] = dataclasses.field(default_factory=dict)

    def without(self, archive: str, damaged: t.Collection[tuple[str, str]]) -> dict[str, int]:
        """Return the segments of one archive that can be restored: name -> time."""
        return {
            name: time
            for name, time in self.times.get(archive, {}).items()
            if (archive, name) not in self.invalid and (archive, name) not in damaged
        }


def parse_archive(records: t.Any) -> ArchiveListing:
    """Return the archive from its recursive listing."""
    if not isinstance(records, dict):
        raise DataError("expected an object with files")
    found = ArchiveListing()
    for path, record in records.items():
        if match := _SEGMENT_FILE.fullmatch(path):
            members = as_object(record)
            times = found.times.setdefault(match[1], {})
            # An empty file is never a valid segment, with any compression and encryption.
            if match[2] in times or as_int(members.get("size")) == 0:
                found.invalid.add((match[1], match[2]))
            times[match[2]] = as_int(members.get("time")) or 0
        elif match := _HISTORY_FILE.fullmatch(path):
            found.histories.setdefault(match[1], set()).add(int(match[2], 16))
    return found


def parse_segments(times: Mapping[str, int], size: int) -> dict[Segment, int]:
    """Return the segments with these names."""
    found = ((parse_segment(name, size), time) for name, time in times.items())
    return {segment: time for segment, time in found if segment is not None}


def find_segment_size(times: Mapping[str, int], backups: t.Iterable[Backup]) -> int | None:
    """Return the size of segments, which pgBackRest does not report, from the positions of backups."""
    return infer_segment_size(times, ((backup.first, backup.first_lsn) for backup in backups))


def build_workload(stanza: str) -> Workload:
    """Return the workload of a stanza."""
    return Workload(id=stanza, name=stanza, type="database", platform="postgresql")


def _needs_wal(archive: Mapping[str, t.Any]) -> bool | None:
    """Return whether a backup with this range of segments needs WAL. Without the range, that is not known."""
    if not {"start", "stop"} <= archive.keys():
        return None
    return archive["start"] is not None or archive["stop"] is not None


def _get_database(record: Mapping[str, t.Any]) -> tuple[int | None, int | None]:
    """Return the repository and the id of the database that a record belongs to."""
    database = as_object(record.get("database"))
    return as_int(database.get("repo-key")), as_int(database.get("id"))
