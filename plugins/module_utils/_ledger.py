# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proof that a listing was read whole: which items it gave, and whether it moved while its pages were read."""

from __future__ import annotations

import typing as t
from array import array
from collections.abc import Callable, Sequence

Item = t.TypeVar("Item")

_PARTITIONS = 8


class Ledger(t.Generic[Item]):
    """What a listing gave so far, over all times that it was read: a hash of each item's identity.

    Where items go while pages are read, the ones behind them move up, some of them to a page that was read already:
    they are missed. A page that tells less than the first one did gives that away, and the listing is read again.
    """

    def __init__(self, identity: Callable[[Item], t.Hashable]) -> None:
        self._identity = identity
        self._given = array("q")
        self._wanted: int | None = None
        # Items from here on were met while none went, so that each of them still counts.
        self._since = 0
        self.begin()

    def begin(self) -> None:
        """The listing is read from its start."""
        self._known = set(self._given)
        self._began = len(self._given)
        self._first: int | None = None
        self.shrank = False

    def told(self, size: int | None) -> None:
        """What a page says of the size of the whole listing."""
        if size is not None:
            self._first = size if self._first is None else self._first
            self.shrank = self.shrank or size < self._first

    def fresh(self, items: Sequence[Item]) -> Sequence[Item]:
        """Those that no earlier reading gave."""
        hashes = [hash(self._identity(item)) for item in items]
        self._given.extend(hashes)
        if not self._known:
            return items
        return [item for value, item in zip(hashes, items, strict=True) if value not in self._known]

    def holds(self, wanted: int) -> bool:
        """Whether the reading that just ended, or all that count together, gave so many different items."""
        if self._wanted is not None and wanted < self._wanted:
            self._since = self._began
        self._wanted = wanted
        if self.shrank:
            self._since = len(self._given)
        return not self.shrank and self.count() >= wanted

    def count(self) -> int:
        """How many different items were given that still count."""
        return distinct(self._given[self._since :])


def distinct(hashes: array[int]) -> int:
    """How many different values there are, counted in parts so that no set of all of them is held."""
    return sum(len({value for value in hashes if value % _PARTITIONS == part}) for part in range(_PARTITIONS))
