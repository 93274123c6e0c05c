# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proof that a listing was read whole: which items it gave, and whether it moved while its pages were read."""

from __future__ import annotations

import typing as t
from array import array
from collections.abc import Callable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError

Item = t.TypeVar("Item")

# A set of so many hashes is a few megabytes; but each part is a walk through all of them.
_PART = 1 << 16
_MOST_PARTS = 16
# How often a listing that moves while it is read is read before it is given up.
READINGS = 3


class ListingCheck(t.Generic[Item]):
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
        # Counting is a walk through all of them, so what was counted last is kept: from where, to where, how many.
        self._counted = (0, 0, 0)
        self.begin()

    def begin(self) -> None:
        """The listing is read from its start."""
        self._known = set(self._given)
        self._began = len(self._given)
        self._first: int | None = None
        # The smallest size that any page told.
        self.least: int | None = None
        self.shrank = False

    def record_total(self, size: int | None) -> None:
        """What a page says of the size of the whole listing."""
        if size is not None:
            self._first = size if self._first is None else self._first
            self.least = size if self.least is None else min(self.least, size)
            self.shrank = self.shrank or size < self._first

    def new_items(self, items: Sequence[Item]) -> Sequence[Item]:
        """Those that no earlier reading gave."""
        hashes = list(map(hash, map(self._identity, items)))
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

    def has_repeats(self) -> bool:
        """Whether the reading that just ended met an item twice: items moved, and others may have been missed."""
        return self._count_distinct(self._began) < len(self._given) - self._began

    def starts_with(self, items: Sequence[Item]) -> bool:
        """Whether these were the first items of the reading that just ended."""
        hashes = array("q", [hash(self._identity(item)) for item in items])
        return self._given[self._began : self._began + len(items)] == hashes

    def contains(self, item: Item, index: int) -> bool:
        """Whether the reading that just ended gave this item, and as none of its first ``index``."""
        value = hash(self._identity(item))
        start = self._began + index
        given = memoryview(self._given)
        return value in given[start:] and value not in given[self._began : start]

    def count(self) -> int:
        """How many different items were given that still count."""
        return self._count_distinct(self._since)

    def _count_distinct(self, start: int) -> int:
        end = len(self._given)
        if self._counted[:2] != (start, end):
            self._counted = (start, end, count_distinct(memoryview(self._given)[start:]))
        return self._counted[2]


class PageOverlapCheck(t.Generic[Item]):
    """Whether each page goes on where the one before it ended: both hold the item at the seam.

    Items that come or go before the seam, while the two pages are read, push another item there. One that stands on
    the page before has come down, so that nothing is missed; one that does not has come up, and others with it.
    """

    def __init__(self, identity: Callable[[Item], t.Hashable]) -> None:
        self._identity = identity
        self._before: Sequence[Item] = ()
        self.tested = True
        self.moved = False

    def join(self, items: Sequence[Item], *, overlaps: bool) -> Sequence[Item]:
        """The items of the next page without repeats; with ``overlaps`` it should begin with the last known item."""
        before = self._before
        if not items:
            self.moved = self.moved or overlaps
            return items
        self._before = items
        if not before:
            return items
        if not overlaps:
            self.tested = False
            return items
        at_seam = self._identity(items[0])
        if at_seam == self._identity(before[-1]):
            return items[1:]
        known = {self._identity(item) for item in before}
        if at_seam not in known:
            self.moved = True
            return items
        return [item for item in items if self._identity(item) not in known]


class FirstPageCheck(t.Generic[Item]):
    """The first page, and the first item of the last one, as they were before any other page was read.

    Where items go from pages that were read already, those behind them move up, and some are missed; others that
    come at the end hide that from the count. But then the last page has moved up as well. Where items come, and a
    page behind them is read sooner than one before, those between are missed; but then some are met twice, unless
    it began on the first page.
    """

    def __init__(self, listing_check: ListingCheck[Item]) -> None:
        self._listing_check = listing_check
        self._first: Sequence[Item] = ()
        self._last: Sequence[Item] = ()
        self._index = 0

    def drop(self, first: Sequence[Item], last: Sequence[Item], index: int) -> None:
        """The first page, and the last, which begins at ``index``."""
        self._first, self._last, self._index = first, last, index

    def holds(self) -> bool:
        """Whether the first page is the same, and the last one began where it was, or further back."""
        if not self._listing_check.starts_with(self._first):
            return False
        return not self._last or self._listing_check.contains(self._last[0], self._index)


def count_distinct(hashes: Sequence[int]) -> int:
    """How many different values there are, counted in parts so that no set of all of them is held."""
    parts = min(len(hashes) // _PART + 1, _MOST_PARTS)
    return sum(len({value for value in hashes if value % parts == part}) for part in range(parts))


def unstable_listing_error(what: str) -> InvalidResponseError:
    """The error of a listing that never held still."""
    return InvalidResponseError(
        f"the listing of {what} lost items each of the {READINGS} times it was read, so others may be missing",
        code="incomplete",
        advice="Try again when the server is not removing expired recovery points",
    )


def incomplete_listing_error(what: str, count: int, total: int | None) -> InvalidResponseError:
    """The error of a listing of which less came than was told."""
    return InvalidResponseError(
        f"the listing of {what} came incomplete: {count} of {total} told",
        code="incomplete",
        advice="Try again; if it stays so, use a smaller page_size",
    )
