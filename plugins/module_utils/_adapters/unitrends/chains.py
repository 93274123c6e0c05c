# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: check that the backups on which increments and differentials depend are listed, too.

Lists do not name a backup's parent. The vendor documents that a differential depends on the last full backup, that an
increment depends on it and on all backups since the last differential, and that failed backups are skipped.
"""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.backup.audit.plugins.module_utils._core.model import FULL_KINDS, RecoveryPoint

# A backup of unknown kind may be an increment.
_DEPENDENT_KINDS = ("incremental", "differential", "unknown")


class Chains:
    """Reports points as soon as it is known whether the full backup that they depend on can be restored.

    Points are added from newest to oldest, so increments come before their full backup and wait for it.
    """

    def __init__(self, report: Callable[[RecoveryPoint], None]) -> None:
        self._report = report
        # Workload -> its waiting points, newest first.
        self._waiting: dict[str, list[RecoveryPoint]] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether points wait for a full backup."""
        return bool(self._waiting)

    def add(self, point: RecoveryPoint) -> None:
        """Add the next older point."""
        ident = point.workload.id
        if point.kind in FULL_KINDS and ident is not None:
            if point.usable is not False or point.integrity_checked is False:
                self.add_full(ident, point.usable)
        elif point.kind in _DEPENDENT_KINDS:
            if point.kind == "unknown" and (point.usable is None or point.integrity_checked is False):
                # It may be the full backup that the waiting points depend on.
                for waiting in self._waiting.get(ident or "", ()):
                    _lower(waiting, None)
            if ident is None:
                # The workload of the full backup is unknown.
                point.usable = False if point.usable is False else None
            elif point.usable is not False:
                self._waiting.setdefault(ident, []).append(point)
                return
            elif point.integrity_checked is False and point.kind != "unknown":
                self._break_chain(ident)
        self._report(point)

    def add_full(self, ident: str, usable: bool | None) -> None:
        """Report points that wait for a full backup of this workload. Failed runs do not count, damaged backups do."""
        for point in self._waiting.pop(ident, ()):
            if usable is not True:
                _lower(point, usable)
            self._report(point)

    def _break_chain(self, ident: str) -> None:
        """Mark the increments that depend on a damaged one: those between it and the next differential."""
        for point in reversed(self._waiting.get(ident, ())):
            if point.kind == "differential":
                return
            _lower(point, False)

    def finish(self) -> None:
        """Report the points whose full backup is not listed: whether they can be restored is unknown."""
        for ident in list(self._waiting):
            self.add_full(ident, None)


def _lower(point: RecoveryPoint, usable: bool | None) -> None:
    """Set ``usable`` to a lower value; a backup of unknown kind may not depend on another one."""
    if point.usable is not False:
        point.usable = None if point.kind == "unknown" else usable
