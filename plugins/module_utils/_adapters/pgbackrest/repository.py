# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One repository of one pgBackRest stanza: complete backups, and the times that its WAL can restore."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import DATA, Check
from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.records import (
    ArchiveListing,
    Backup,
    build_workload,
    find_segment_size,
    parse_segments,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.pgbackrest.verify import (
    IN_PROGRESS,
    VALID,
    VerifyOutput,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.wal import (
    Archive,
    BaseBackup,
    Switch,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND

# Maximum number of damaged segments that a message names.
_MAX_NAMES = 3

# Name -> archive with the backups that need it; None if the archive or the size of its segments is not known.
Archives = Mapping[str, "tuple[Archive | None, list[Backup]]"]


@dataclasses.dataclass(slots=True, kw_only=True)
class Repository:
    """The backups and files that are listed in one repository of a stanza, and the result of the check."""

    stanza: str
    key: int
    backups: list[Backup]
    location: Copy
    # Whether a backup or an expiration was running when the repository was listed.
    is_busy: bool
    # The folders of backups, and the archive; None if they could not be listed.
    folders: Collection[str] | None = None
    files: ArchiveListing | None = None
    # Archive -> timeline -> its ancestors.
    histories: dict[str, dict[int, Sequence[Switch]]] = dataclasses.field(default_factory=dict)
    # Labels of backups that were removed after they had been listed.
    removed: set[str] = dataclasses.field(default_factory=set)
    check: VerifyOutput | None = None
    # Segments that the check found damaged, and whether there are damaged segments that it did not name.
    damaged: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    has_unnamed_damage: bool = False
    # An error without a cause while a backup was running is neither damage nor proof that there is none.
    is_uncertain: bool = False

    @property
    def title(self) -> str:
        """The stanza and the number of the repository, as in messages."""
        return f"{self.stanza} in repo{self.key}"

    def build_archives(self) -> Archives:
        """Return each archive that a backup needs, without damaged segments."""
        needed: dict[str, list[Backup]] = {}
        for backup in self.backups:
            if backup.archive is not None and backup.needs_wal:
                needed.setdefault(backup.archive, []).append(backup)
        return {name: (self._build_archive(name, backups), backups) for name, backups in needed.items()}

    def _build_archive(self, name: str, backups: Sequence[Backup]) -> Archive | None:
        if self.files is None:
            return None
        times = self.files.without(name, self.damaged)
        size = find_segment_size(times, backups)
        if size is None:
            return None
        return Archive(parse_segments(times, size), self.histories.get(name, {}), size)

    def timelines(self, files: ArchiveListing) -> Iterator[tuple[str, int]]:
        """Return the timelines with archived segments and a history file, newest first, for each archive in use."""
        for name in sorted({backup.archive for backup in self.backups if backup.archive is not None}):
            archived = {int(segment[:8], 16) for segment in files.times.get(name, {})}
            for timeline in sorted(archived & files.histories.get(name, set()), reverse=True):
                yield name, timeline

    def drop_removed(self, later: Repository) -> set[str]:
        """Drop backups that a later listing no longer contains; return their labels."""
        labels = {backup.label for backup in later.backups}
        removed = {backup.label for backup in self.backups} - labels
        self.backups = [backup for backup in self.backups if backup.label in labels]
        self.removed |= removed
        return removed

    def has_losses(self) -> bool:
        """Return whether files of a listed backup are missing."""
        archives = self.build_archives()
        listed = {backup.label for backup in self.backups}
        return any(
            self._has_files(backup, listed) is False or self._has_wal(backup, archives) is False
            for backup in self.backups
        )

    # The check

    def apply_check(self, result: VerifyOutput, later: Repository) -> tuple[list[str], list[str]]:
        """Store the result of a check; return the damage, and warnings about everything else.

        ``later`` is a listing after the check. Backups that it lacks were removed meanwhile.
        """
        removed = self.drop_removed(later)
        labels = {backup.label for backup in later.backups}
        self.check = result
        self.damaged = {
            (archive, name)
            for archive, name in result.damaged
            if later.files is None or name in later.files.times.get(archive, {})
        }
        damage = self._find_damage(result)
        leftovers = {
            f"{label} ({outcome})"
            for label, outcome in result.backups.items()
            if outcome not in (VALID, IN_PROGRESS) and label not in labels | removed
        }
        if not (result.is_ok or damage or leftovers or removed or result.damaged):
            # An error without any other cause must be in the WAL.
            self.is_uncertain = self.is_busy or later.is_busy
            self.has_unnamed_damage = not self.is_uncertain
        self.has_unnamed_damage = self.has_unnamed_damage or bool(result.unnamed)
        if self.has_unnamed_damage and not damage:
            damage.append("status error")
        warnings = {
            "verify found backups that are not listed": leftovers,
            "verify reported an error without a cause": {"a backup was running"} if self.is_uncertain else (),
        }
        shown = [f"{self.title}: {text}: {', '.join(sorted(found))}" for text, found in warnings.items() if found]
        return damage, shown

    def _find_damage(self, result: VerifyOutput) -> list[str]:
        archives = self.build_archives()
        damage = []
        for backup in self.backups:
            outcome = result.backups.get(backup.label, "missing")
            if outcome != VALID:
                damage.append(f"backup {backup.label} is {outcome}")
            elif self._has_wal(backup, archives) is False:
                damage.append(f"backup {backup.label} has no complete write-ahead log")
        if self.damaged:
            shown = ", ".join(sorted(name for _archive, name in self.damaged)[:_MAX_NAMES])
            damage.append(f"{len(self.damaged)} files of the write-ahead log are damaged ({shown})")
        if result.unnamed:
            damage.append(f"{result.unnamed} files of the write-ahead log are damaged")
        return damage

    # Points

    def build_points(self, archives: Archives, check: Check) -> Iterator[tuple[Backup, RecoveryPoint]]:
        """Return the point of each backup."""
        listed = {backup.label for backup in self.backups}
        for backup in self.backups:
            point = backup.build_point(self.stanza, dataclasses.replace(self.location))
            has_files = self._has_files(backup, listed)
            has_wal = self._has_wal(backup, archives)
            facts = (has_files, has_wal, backup.is_current)
            if False in facts:
                point.usable = False
            elif None in facts or (check.at is not None and self.has_unnamed_damage):
                point.usable = None if point.usable else point.usable
            yield backup, self._apply_to(point, backup, check, is_damaged=False in (has_files, has_wal))

    def _has_files(self, backup: Backup, listed: Collection[str]) -> bool | None:
        """Return whether the backup and its parents are listed, stored, and valid as far as they were checked."""
        labels = {backup.label, *backup.required}
        if not labels.issubset(listed):
            return False
        if self.folders is None:
            return None
        if not labels.issubset(self.folders):
            return False
        # verify reports a backup as valid if its own files are valid, even if a backup that it depends on is lost.
        return self.check is None or all(self.check.backups.get(label) == VALID for label in labels)

    def _has_wal(self, backup: Backup, archives: Archives) -> bool | None:
        """Return whether the archive contains each segment that the backup needs to be consistent."""
        if not backup.needs_wal:
            return None if backup.needs_wal is None else True
        archive, _backups = archives.get(backup.archive or "", (None, []))
        base = None if archive is None else backup.as_base_backup(archive.size)
        return None if archive is None or base is None else archive.has_all(base)

    def _apply_to(self, point: RecoveryPoint, backup: Backup, check: Check, *, is_damaged: bool) -> RecoveryPoint:
        # The check did not reach this backup.
        if check.at is None or self.check is None or backup.label not in self.check.backups:
            return point
        if is_damaged:
            return Check(check.at, DATA, check.damage or "").apply_to(point)
        if self.has_unnamed_damage or self.is_uncertain:
            return point
        return Check(check.at, DATA).apply_to(point) if _is_covered(backup, self.check) else point

    def build_ranges(self, archives: Archives, usable: Collection[str]) -> Iterator[RecoveryPoint]:
        """Return the points of kind ``continuous``; ``usable`` are the labels of usable backups."""
        for name, (archive, backups) in archives.items():
            if archive is None:
                continue
            for found in archive.find_ranges(_as_base_backups(backups, archive, usable)):
                # A new segment does not change the id.
                first, timeline = found.first.format(archive.size), f"{found.last.timeline:08X}"
                yield RecoveryPoint(
                    id=f"{self.stanza}/{name}/{first}-{timeline}/repo{self.key}",
                    workload=build_workload(self.stanza),
                    created=found.restorable_until * SECOND,
                    kind="continuous",
                    status="success",
                    usable=None if self.has_unnamed_damage else True,
                    copies=[dataclasses.replace(self.location)],
                    encrypted=self.location.encrypted,
                    restorable_from=found.restorable_from * SECOND,
                    restorable_until=found.restorable_until * SECOND,
                )

    def warnings(self, archives: Archives) -> Iterator[str]:
        """Yield warnings about removed backups, backups of an earlier database, unknown WAL, and gaps in the WAL."""
        if self.removed:
            yield f"{self.title}: backups were removed during the read: {', '.join(sorted(self.removed))}"
        earlier = [backup.label for backup in self.backups if backup.is_current is False]
        if earlier:
            yield (
                f"{self.title}: {len(earlier)} of {len(self.backups)} backups are of a database before the current one "
                f"(newest: {max(earlier)}), so they are not usable"
            )
        unclear = [backup.label for backup in self.backups if backup.needs_wal is None]
        if unclear:
            yield (
                f"{self.title}: {len(unclear)} of {len(self.backups)} backups do not report which write-ahead log they "
                f"need (newest: {max(unclear)}), so it is unknown whether they are usable"
            )
        for archive, backups in archives.values():
            if archive is None:
                yield f"{self.title}: it is unknown whether the write-ahead log is complete"
                continue
            current = [one for one in backups if one.is_current is not False]
            gaps = archive.describe_gaps(_as_base_backups(current, archive, None))
            if gaps is not None:
                yield f"{self.title}: {gaps}"


def _is_covered(backup: Backup, check: VerifyOutput) -> bool:
    """Return whether the check covered all WAL that the backup needs."""
    if backup.needs_wal is False:
        return True
    if backup.needs_wal is None or backup.archive is None or backup.first is None or backup.last is None:
        return False
    return check.covers(backup.archive, backup.first, backup.last)


def _as_base_backups(backups: Sequence[Backup], archive: Archive, labels: Collection[str] | None) -> list[BaseBackup]:
    found = (backup.as_base_backup(archive.size) for backup in backups if labels is None or backup.label in labels)
    return [backup for backup in found if backup is not None]
