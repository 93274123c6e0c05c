# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: check that the parent or the original of each backup is listed."""

from __future__ import annotations

import typing as t
from array import array
from collections.abc import Callable, Collection

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload

# Minimum number of recent entries for lookups. Related records are close together in the listing, which is
# newest first.
_RECENT_LIMIT = 25_000
_STATES = (False, True, None)
_CODES = {state: code for code, state in enumerate(_STATES)}


class Backup(t.Protocol):
    """A point, or its template until it is reported."""

    id: str
    created: int
    usable: bool | None

    @property
    def workload(self) -> Workload:
        """Return the workload of the backup."""


Link = t.TypeVar("Link", bound=Backup)


class UsabilityIndex:
    """Usability of reported points (9 bytes each). Recent entries are also in dictionaries; others need ``search``."""

    def __init__(self) -> None:
        self._keys = array("q")
        self._states = bytearray()
        # Two dictionaries. The older one is dropped completely, because removing single entries would be slow.
        self._newer: dict[int, bool | None] = {}
        self._older: dict[int, bool | None] = {}

    def record(self, key: int, state: bool | None) -> None:
        """Add one entry."""
        self._keys.append(key)
        self._states.append(_CODES[state])
        self._newer[key] = state
        if len(self._newer) >= _RECENT_LIMIT:
            self._newer, self._older = {}, self._newer

    def has(self, key: int) -> bool:
        """Return whether the key is among the most recent entries."""
        return key in self._newer or key in self._older

    def state(self, key: int) -> bool | None:
        """Return the usability of a key for which ``has`` is true."""
        return self._newer[key] if key in self._newer else self._older[key]

    def search(self, keys: Collection[int]) -> dict[int, bool | None]:
        """Return the usability of those ``keys`` that were recorded at any time."""
        if not keys:
            return {}
        pairs = zip(self._keys, self._states, strict=True)
        return {key: _STATES[state] for key, state in pairs if key in keys}


class Chains(t.Generic[Link]):
    """Reports points as soon as it is known whether the backups that they depend on can be restored.

    The listing is newest first, so an increment comes before its parent and waits for it. Only one chain per workload
    is kept in memory. A parent that is not listed is missing, or unknown if it may be outside of the time window.
    """

    def __init__(self, report: Callable[[Link], None]) -> None:
        self._report = report
        self._index = UsabilityIndex()
        self._waiting: dict[int, list[Link]] = {}

    def add(self, point: Link, parent: str | None, *, alone: bool | None = True) -> None:
        """Add a point and the guid of its parent. Without a parent, ``alone`` is whether it can be restored alone."""
        if parent is None:
            self._resolve(point, alone)
            return
        key = hash(parent)
        if self._index.has(key):
            self._resolve(point, self._index.state(key))
        else:
            self._waiting.setdefault(key, []).append(point)

    def add_removed(self, guid: str) -> None:
        """Record that this backup was deleted."""
        self._index.record(hash(guid), False)
        for child in self._waiting.pop(hash(guid), ()):
            self._resolve(child, False)

    def finish(self, *, complete: bool) -> None:
        """Report the remaining points. ``complete``: no parent can be outside of a time window."""
        for key, usable in self._index.search(self._waiting.keys()).items():
            for point in self._waiting.pop(key, ()):
                self._resolve(point, usable)
        waiting = {hash(point.id) for points in self._waiting.values() for point in points}
        for key in [key for key in self._waiting if key not in waiting]:
            for point in self._waiting.pop(key):
                self._resolve(point, False if complete else None)
        # The remaining points form cycles, so they cannot be restored.
        while self._waiting:
            for point in self._waiting.pop(next(iter(self._waiting))):
                self._resolve(point, False)

    def _resolve(self, point: Link, parent_usable: bool | None) -> None:
        stack = [(point, parent_usable)]
        while stack:
            point, base = stack.pop()
            if base is not True:
                point.usable = False if base is False or point.usable is False else None
            key, usable = hash(point.id), point.usable
            self._index.record(key, usable)
            # Children inherit the current ``usable``. The callback may change it because of the point's own time.
            self._report(point)
            for child in self._waiting.pop(key, ()):
                stack.append((child, usable))


class Copies:
    """Records that are only copies. If the backup is listed, its locations include the copy, so no point is added."""

    def __init__(self) -> None:
        self._keys = array("q")
        self._unmatched: dict[int, RecoveryPoint] = {}
        # Keys of recent backups. They are updated only when a copy is added, because most servers list no copies.
        self._recent: set[int] = set()
        self._seen = 0

    def add_copy(self, point: RecoveryPoint) -> None:
        """Add the copy of a backup."""
        workload = point.workload
        key = hash((workload.id or workload.name or point.id, point.created))
        self._recent.update(self._keys[max(self._seen, len(self._keys) - _RECENT_LIMIT) :])
        self._seen = len(self._keys)
        if len(self._recent) > 2 * _RECENT_LIMIT:
            self._recent = set(self._keys[-_RECENT_LIMIT:])
        if key not in self._recent:
            self._unmatched[key] = point

    def add_backup(self, point: Backup) -> None:
        """Add a listed backup that may be usable."""
        workload = point.workload
        key = hash((workload.id or workload.name or point.id, point.created))
        self._keys.append(key)
        if self._unmatched:
            self._unmatched.pop(key, None)

    def get_unmatched(self) -> Collection[RecoveryPoint]:
        """Return the copies whose backup is not listed. Call it after all backups were read."""
        if self._unmatched:
            for key in self._keys:
                self._unmatched.pop(key, None)
        return self._unmatched.values()
