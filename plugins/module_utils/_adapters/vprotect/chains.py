# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: whether what a backup builds on, or is a copy of, is listed as well."""

from __future__ import annotations

import typing as t
from array import array
from collections.abc import Callable, Collection

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload

# What belongs together stands near together in the listing, which is newest first.
_AT_HAND = 25_000
_STATES = (False, True, None)
_CODES = {state: code for code, state in enumerate(_STATES)}


class Backup(t.Protocol):
    """A point, or what stands for one until it is told."""

    id: str
    created: int
    usable: bool | None

    @property
    def workload(self) -> Workload:
        """Whose it is."""


Link = t.TypeVar("Link", bound=Backup)


class UsabilityIndex:
    """What was told, and whether it is usable, in 9 bytes each: the last ones at hand, others found in the end."""

    def __init__(self) -> None:
        self._keys = array("q")
        self._states = bytearray()
        # Two halves, so that the older one goes at once: to take single ones from the front of a dictionary is slow.
        self._newer: dict[int, bool | None] = {}
        self._older: dict[int, bool | None] = {}

    def note(self, key: int, state: bool | None) -> None:
        """One more."""
        self._keys.append(key)
        self._states.append(_CODES[state])
        self._newer[key] = state
        if len(self._newer) >= _AT_HAND:
            self._newer, self._older = {}, self._newer

    def has(self, key: int) -> bool:
        """Whether it is among those that were told last."""
        return key in self._newer or key in self._older

    def state(self, key: int) -> bool | None:
        """Whether one that ``has`` knows is usable."""
        return self._newer[key] if key in self._newer else self._older[key]

    def search(self, wanted: Collection[int]) -> dict[int, bool | None]:
        """Those of ``wanted`` that were told at any time."""
        if not wanted:
            return {}
        pairs = zip(self._keys, self._states, strict=True)
        return {key: _STATES[state] for key, state in pairs if key in wanted}


class Chains(t.Generic[Link]):
    """Tells points once it is known whether what they build on can be restored.

    The listing is newest first, so an increment comes before its parent and waits for it; what is kept at one time is
    one chain for each workload. A parent that is not listed at all is gone, unless the window read may hide it.
    """

    def __init__(self, tell: Callable[[Link], None]) -> None:
        self._tell = tell
        self._journal = UsabilityIndex()
        self._waiting: dict[int, list[Link]] = {}

    def add(self, point: Link, parent: str | None) -> None:
        """A point, and the guid of what it builds on."""
        if parent is None:
            self._settle(point, True)
            return
        key = hash(parent)
        if self._journal.has(key):
            self._settle(point, self._journal.state(key))
        else:
            self._waiting.setdefault(key, []).append(point)

    def gone(self, guid: str) -> None:
        """This backup was deleted."""
        self._journal.note(hash(guid), False)
        for child in self._waiting.pop(hash(guid), ()):
            self._settle(child, False)

    def finish(self, *, whole: bool) -> None:
        """All was read; ``whole`` says that no window hid any parent."""
        for key, usable in self._journal.search(self._waiting.keys()).items():
            for point in self._waiting.pop(key, ()):
                self._settle(point, usable)
        waiting = {hash(point.id) for points in self._waiting.values() for point in points}
        for key in [key for key in self._waiting if key not in waiting]:
            for point in self._waiting.pop(key):
                self._settle(point, not whole)
        # What is left builds on itself, which nothing can be restored from.
        while self._waiting:
            for point in self._waiting.pop(next(iter(self._waiting))):
                self._settle(point, False)

    def _settle(self, point: Link, parent_usable: bool | None) -> None:
        stack = [(point, parent_usable)]
        while stack:
            point, base = stack.pop()
            if base is not True:
                point.usable = False if base is False or point.usable is False else None
            key, usable = hash(point.id), point.usable
            self._journal.note(key, usable)
            # What it builds on, and not what is told of it: who hears it may doubt its time, which is its own.
            self._tell(point)
            for child in self._waiting.pop(key, ()):
                stack.append((child, usable))


class Copies:
    """Records of mere copies. One of a backup that is listed itself is told by its places; it is no other point."""

    def __init__(self) -> None:
        self._told = array("q")
        self._alone: dict[int, RecoveryPoint] = {}
        # What was told last, brought up to date when a copy is met: most servers list none.
        self._at_hand: set[int] = set()
        self._seen = 0

    def add(self, point: RecoveryPoint) -> None:
        """The copy of a backup."""
        key = hash((point.workload.id, point.created))
        self._at_hand.update(self._told[max(self._seen, len(self._told) - _AT_HAND) :])
        self._seen = len(self._told)
        if len(self._at_hand) > 2 * _AT_HAND:
            self._at_hand = set(self._told[-_AT_HAND:])
        if key not in self._at_hand:
            self._alone[key] = point

    def told(self, point: Backup) -> None:
        """A backup, or what can still be restored of it."""
        key = hash((point.workload.id, point.created))
        self._told.append(key)
        if self._alone:
            self._alone.pop(key, None)

    def alone(self) -> Collection[RecoveryPoint]:
        """All was read: the copies whose backup is not listed."""
        if self._alone:
            for key in self._told:
                self._alone.pop(key, None)
        return self._alone.values()
