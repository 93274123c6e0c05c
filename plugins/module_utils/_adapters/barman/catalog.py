# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog of one Barman server: complete backups, and the times that its WAL can restore."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.files import has_manifest, parse_directory
from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.records import (
    OBSOLETE,
    Backup,
    build_workload,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import DATA, Check
from ansible_collections.backup.audit.plugins.module_utils._adapters.wal import (
    Archive,
    BaseBackup,
    Switch,
    infer_segment_size,
    parse_segment,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_text

# Maximum number of backups that a message names.
_MAX_NAMES = 3


@dataclasses.dataclass(slots=True, kw_only=True)
class Catalog:
    """The backups that are listed for one server, their files, and the result of the check."""

    name: str
    # The location of its backups.
    location: Copy
    # Directories of the server, of its backups and of its WAL; None if they are not on this host.
    directory: Path | None
    base: Path | None
    wals: Path | None
    backups: list[Backup] = dataclasses.field(default_factory=list)
    # Whether each backup has its files.
    stored: dict[str, bool | None] = dataclasses.field(default_factory=dict)
    # Segments that are archived: name -> time; None if they could not be listed.
    segments: Mapping[str, int] | None = None
    histories: Mapping[int, Sequence[Switch]] = dataclasses.field(default_factory=dict)
    # Whether the running cluster is the one of the newest backup; None if that is not known.
    is_current: bool | None = True
    # Backups that were removed after they had been listed.
    removed: set[str] = dataclasses.field(default_factory=set)
    # The result of the check: backup -> damage, or None if there is none.
    results: dict[str, str | None] = dataclasses.field(default_factory=dict)

    def data(self, backup: Backup) -> Path | None:
        """Return the directory with the files of a backup."""
        return None if self.base is None else self.base / backup.id

    def is_verifiable(self, backup: Backup) -> bool:
        """Return whether Barman can compare the files of a backup with the manifest that PostgreSQL wrote for them."""
        plain = not backup.base.get("compression") and not backup.is_encrypted
        return backup.is_copied and backup.method == "postgres" and plain and has_manifest(self.data(backup))

    def build_archive(self) -> Archive | None:
        """Return the archived segments, or None if they or their size are not known."""
        if self.segments is None:
            return None
        size = infer_segment_size(self.segments, (backup.first for backup in self.backups))
        if size is None:
            return None
        found = ((parse_segment(name, size), time) for name, time in self.segments.items())
        return Archive({segment: time for segment, time in found if segment is not None}, self.histories, size)

    def has_losses(self) -> bool:
        """Return whether files of a listed backup are missing."""
        archive = self.build_archive()
        return any(
            self.stored.get(backup.id) is False or self._has_wal(backup, archive) is False
            for backup in self.backups
            if backup.is_copied
        )

    def drop_removed(self, listed: Collection[str]) -> None:
        """Drop backups that a later listing no longer contains."""
        self.removed |= {backup.id for backup in self.backups} - set(listed)
        self.backups = [backup for backup in self.backups if backup.id in listed]

    # Points

    def build_points(self, archive: Archive | None, check: Check) -> Iterator[tuple[Backup, RecoveryPoint]]:
        """Return the point of each backup."""
        for backup in self.backups:
            point = backup.build_point(self.name, self._copy(backup.is_encrypted))
            if backup.is_copied:
                has_wal = self._has_wal(backup, archive)
                has_files = self._has_files(backup)
                facts = (has_files, has_wal, self._is_current(backup))
                if False in facts:
                    point.usable = False
                elif None in facts:
                    point.usable = None
                self._apply_to(point, backup, check, has_wal=has_wal)
            yield backup, point

    def _copy(self, encrypted: bool | None) -> Copy:
        return dataclasses.replace(self.location, encrypted=encrypted)

    def _chain(self, backup: Backup) -> tuple[list[Backup], bool | None]:
        """Return the backup and those that it depends on, and whether the chain is complete."""
        by_id = {one.id: one for one in self.backups}
        chain = [backup]
        while chain[-1].parent is not None:
            parent = by_id.get(chain[-1].parent)
            if parent is None or parent in chain:
                return chain, False
            chain.append(parent)
        return chain, None if chain[-1].kind == "incremental" else True

    def _has_files(self, backup: Backup) -> bool | None:
        """Return whether the files of the backup and of its parents are complete, as far as they were checked."""
        chain, is_complete = self._chain(backup)
        facts = [is_complete, *(one.is_copied and self.stored.get(one.id) for one in chain)]
        if False in facts or any(self.results.get(one.id) for one in chain):
            return False
        return None if None in facts else True

    def _has_wal(self, backup: Backup, archive: Archive | None) -> bool | None:
        """Return whether the archive contains each segment that the backup needs to be consistent."""
        needed = None if archive is None else backup.as_base_backup(archive.size)
        return None if archive is None or needed is None else archive.has_all(needed)

    def _is_current(self, backup: Backup) -> bool | None:
        """Return whether the backup is of the same database as the newest backup, which must be the running one."""
        newest = max((one for one in self.backups if one.is_copied), key=lambda one: one.time, default=backup).system_id
        if newest == backup.system_id:
            return self.is_current
        return None if newest is None or backup.system_id is None else False

    def _apply_to(self, point: RecoveryPoint, backup: Backup, check: Check, *, has_wal: bool | None) -> None:
        chain, is_complete = self._chain(backup)
        if check.at is None or not is_complete or any(one.id not in self.results for one in chain):
            return
        damage = next((found for one in chain if (found := self.results[one.id])), None)
        if damage is not None:
            Check(check.at, DATA, damage).apply_to(point)
        elif has_wal:
            # The check does not read the WAL, without which a backup cannot be restored.
            Check(check.at, DATA).apply_to(point)
            point.inferred = (*point.inferred, "integrity_checked")

    def build_ranges(self, archive: Archive | None, usable: Collection[str]) -> Iterator[RecoveryPoint]:
        """Return the points of kind ``continuous``; ``usable`` are the IDs of usable backups."""
        if archive is None:
            return
        for found in archive.find_ranges(self._as_base_backups(archive, usable)):
            # A new segment does not change the id.
            first, timeline = found.first.format(archive.size), f"{found.last.timeline:08X}"
            yield RecoveryPoint(
                id=f"{self.name}/{first}-{timeline}",
                workload=build_workload(self.name),
                created=found.restorable_until * SECOND,
                kind="continuous",
                status="success",
                usable=True,
                copies=[self._copy(None)],
                restorable_from=found.restorable_from * SECOND,
                restorable_until=found.restorable_until * SECOND,
            )

    def _as_base_backups(self, archive: Archive, idents: Collection[str]) -> list[BaseBackup]:
        found = (backup.as_base_backup(archive.size) for backup in self.backups if backup.id in idents)
        return [backup for backup in found if backup is not None]

    def warnings(self, archive: Archive | None) -> Iterator[str]:
        """Yield warnings about removed, failed and obsolete backups, lost files, and gaps in the WAL."""
        copied = [backup for backup in self.backups if backup.is_copied]
        current = {backup.id for backup in copied if self._is_current(backup) is not False}
        failed = [backup for backup in self.backups if backup.state == "FAILED"]
        reason = max(failed, key=lambda backup: backup.id).error if failed else None
        for text, found in (
            ("backups removed during the read", self.removed),
            ("failed backups", {backup.id for backup in failed}),
            ("backups without their files", {backup.id for backup in copied if self.stored.get(backup.id) is False}),
            (
                "backups whose files cannot be looked at",
                {one.id for one in copied if self.stored.get(one.id) is None and one.kind != "snapshot"},
            ),
            ("backups of another database than the newest one", {backup.id for backup in copied} - current),
            (
                "obsolete backups, which the next run of barman cron may delete",
                {backup.id for backup in self.backups if backup.retention == OBSOLETE},
            ),
        ):
            if found:
                yield f"server {self.name}: {text}: {shorten(sorted(found, reverse=True))}"
        if reason:
            yield f"server {self.name}: the newest failed backup reports: {reason}"
        if archive is None and copied:
            yield f"server {self.name}: it is unknown whether the write-ahead log is complete"
        gaps = None if archive is None else archive.describe_gaps(self._as_base_backups(archive, current))
        if gaps is not None:
            yield f"server {self.name}: {gaps}"


def shorten(found: Sequence[str]) -> str:
    """Join names for a message, with a limit on their number."""
    more = len(found) - _MAX_NAMES
    return ", ".join(found[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def build_catalog(name: str, settings: Mapping[str, t.Any]) -> Catalog:
    """Return the catalog of a server from the output of ``show-servers``, without its backups."""
    base = as_text(settings.get("basebackups_directory"))
    local = parse_directory(base)
    return Catalog(
        name=name,
        location=Copy(
            location=as_text(settings.get("backup_directory")) if local else base,
            location_type="disk" if local else "object" if "://" in (base or "") else None,
            # A passive server copies the backups of another Barman.
            role={True: "copy", False: "primary", None: None}[as_bool(settings.get("passive_node"))],
        ),
        directory=parse_directory(settings.get("backup_directory")),
        base=local,
        wals=parse_directory(settings.get("wals_directory")),
    )
