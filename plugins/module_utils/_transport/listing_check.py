# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check that a listing was read completely, although items may be added or removed while its pages are read."""

from __future__ import annotations

import typing as t
from array import array
from collections import Counter
from collections.abc import Callable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError

Item = t.TypeVar("Item")

# A set of this many hashes takes a few megabytes. Each part requires a pass over all hashes.
_PART_SIZE = 1 << 16
_MAX_PARTS = 16
# Maximum number of passes over a listing that keeps changing. After that, an error is raised.
MAX_PASSES = 3


class ListingCheck(t.Generic[Item]):
    """Records the items of a listing over all passes, as a hash of each item's identity, and the reported totals.

    If items are removed while pages are read, the items after them move up, some of them to a page that was already
    read: they are missed. A page with a smaller total than the first page reveals this; the listing is read again.

    ``identity`` must depend only on the item: it is called several times for the same item, in each pass, and must
    differ between two items. If items for which ``may_repeat`` is true share an identity, they are distinguished by
    their order in a pass. The methods for FirstPageCheck do not support this.
    """

    def __init__(
        self, identity: Callable[[Item], t.Hashable], may_repeat: Callable[[Item], bool] | None = None
    ) -> None:
        self._identity = identity
        self._may_repeat = may_repeat
        self._hashes = array("q")
        self._expected: int | None = None
        # Items from this index on count, because they were received while none was removed.
        self._counted_from = 0
        # Counting requires a pass over all hashes, so the last result is cached: (start, end, count).
        self._last_count = (0, 0, 0)
        self.begin_pass()

    def begin_pass(self) -> None:
        """Start a new pass at the beginning of the listing."""
        self._known = set(self._hashes)
        self._pass_start = len(self._hashes)
        # How often the last pass returned each identity that may be repeated.
        self._repeats: Counter[t.Hashable] = Counter()
        self._first: int | None = None
        # The smallest total that any page reported.
        self.min_total: int | None = None
        self.has_shrunk = False

    def record_total(self, size: int | None) -> None:
        """Record the total number of items (or pages) that a page reports; None if it reports none."""
        if size is not None:
            self._first = size if self._first is None else self._first
            self.min_total = size if self.min_total is None else min(self.min_total, size)
            self.has_shrunk = self.has_shrunk or size < self._first

    def new_items(self, items: Sequence[Item]) -> Sequence[Item]:
        """Record the items of a page and return those that no earlier pass returned."""
        identities = map(self._identity, items) if self._may_repeat is None else map(self._number, items)
        hashes = list(map(hash, identities))
        self._hashes.extend(hashes)
        if not self._known:
            return items
        return [item for value, item in zip(hashes, items, strict=True) if value not in self._known]

    def _number(self, item: Item) -> t.Hashable:
        identity = self._identity(item)
        if self._may_repeat is None or not self._may_repeat(item):
            return identity
        self._repeats[identity] += 1
        return identity, self._repeats[identity]

    def is_complete(self, expected: int) -> bool:
        """Return whether the last pass, or all passes that count, returned at least ``expected`` distinct items."""
        if self._expected is not None and expected < self._expected:
            self._counted_from = self._pass_start
        self._expected = expected
        if self.has_shrunk:
            self._counted_from = len(self._hashes)
        return not self.has_shrunk and self.count() >= expected

    def has_repeats(self) -> bool:
        """Return whether the last pass returned an item twice. Then items moved, and others may have been missed."""
        return self._count_distinct(self._pass_start) < len(self._hashes) - self._pass_start

    def starts_with(self, items: Sequence[Item]) -> bool:
        """Return whether the last pass started with these items."""
        hashes = array("q", [hash(self._identity(item)) for item in items])
        return self._hashes[self._pass_start : self._pass_start + len(items)] == hashes

    def contains(self, item: Item, index: int) -> bool:
        """Return whether the last pass returned this item, and not among its first ``index`` items."""
        value = hash(self._identity(item))
        start = self._pass_start + index
        given = memoryview(self._hashes)
        return value in given[start:] and value not in given[self._pass_start : start]

    def count(self) -> int:
        """Return the number of distinct items that count."""
        return self._count_distinct(self._counted_from)

    def _count_distinct(self, start: int) -> int:
        end = len(self._hashes)
        if self._last_count[:2] != (start, end):
            self._last_count = (start, end, count_distinct(memoryview(self._hashes)[start:]))
        return self._last_count[2]


class PageOverlapCheck(t.Generic[Item]):
    """Checks that each page continues where the previous one ended: both contain the last item of the previous page.

    If items are added or removed before that position between the two requests, the next page starts with a different
    item. If that item is on the previous page, items moved down and nothing is missed; if not, items moved up and some
    were missed (``has_moved``). ``all_overlap`` is False if a page was requested without an overlap.
    ``identity`` and ``may_repeat`` are those of ListingCheck.
    """

    def __init__(
        self, identity: Callable[[Item], t.Hashable], may_repeat: Callable[[Item], bool] | None = None
    ) -> None:
        self._identity = identity
        self._may_repeat = may_repeat
        self._before: Sequence[Item] = ()
        self.all_overlap = True
        self.has_moved = False

    def strip_overlap(self, items: Sequence[Item], *, overlaps: bool) -> Sequence[Item]:
        """Return the items of the next page without repeats; with ``overlaps`` it should start with the last item."""
        before = self._before
        if not items:
            self.has_moved = self.has_moved or overlaps
            return items
        self._before = items
        if not before:
            return items
        if not overlaps:
            self.all_overlap = False
            return items
        first_identity = self._identity(items[0])
        if first_identity == self._identity(before[-1]):
            return items[1:]
        known = [self._identity(item) for item in before]
        if first_identity not in known:
            self.has_moved = True
            return items
        return self._drop_known(items, set(known), Counter(known[known.index(first_identity) :]))

    def _drop_known(
        self, items: Sequence[Item], known: set[t.Hashable], overlap: Counter[t.Hashable]
    ) -> Sequence[Item]:
        """Drop items of the previous page; those that may repeat, only as often as they are in the overlap."""
        kept = []
        for item in items:
            identity = self._identity(item)
            if self._may_repeat is not None and self._may_repeat(item):
                is_known = overlap[identity] > 0
                overlap[identity] -= is_known
            else:
                is_known = identity in known
            if not is_known:
                kept.append(item)
        return kept


class FirstPageCheck(t.Generic[Item]):
    """Compares the first page, and the first item of the last page, with their state before any other page was read.

    If items are removed from pages that were already read, the items after them move up, and some are missed. New items
    at the end can hide this from the count, but then the last page has moved up, too. If items are added, and a later
    page is read before an earlier one, the items in between are missed. In that case, some items are returned twice,
    unless the change started on the first page.
    """

    def __init__(self, listing_check: ListingCheck[Item]) -> None:
        self._listing_check = listing_check
        self._first: Sequence[Item] = ()
        self._last: Sequence[Item] = ()
        self._index = 0

    def record_pages(self, first: Sequence[Item], last: Sequence[Item], index: int) -> None:
        """Record the first page and the last page, which starts at ``index``."""
        self._first, self._last, self._index = first, last, index

    def is_unchanged(self) -> bool:
        """Return whether the first page is unchanged, and the first item of the last page has not moved up."""
        if not self._listing_check.starts_with(self._first):
            return False
        return not self._last or self._listing_check.contains(self._last[0], self._index)


def count_distinct(hashes: Sequence[int]) -> int:
    """Return the number of distinct values, counted in parts to avoid a large set in memory."""
    parts = min(len(hashes) // _PART_SIZE + 1, _MAX_PARTS)
    return sum(len({value for value in hashes if value % parts == part}) for part in range(parts))


def unstable_listing_error(what: str) -> InvalidResponseError:
    """Build the error for a listing that changed during each pass."""
    return InvalidResponseError(
        f"items were removed from the listing of {what} each of the {MAX_PASSES} times it was read, so others may be "
        "missing",
        code="incomplete",
        hint="Try again when the server is not removing expired recovery points",
    )


def incomplete_listing_error(what: str, count: int, total: int | None) -> InvalidResponseError:
    """Build the error for a listing that returned fewer items than the reported total."""
    return InvalidResponseError(
        f"the listing of {what} is incomplete: {count} of {total} received",
        code="incomplete",
        hint='Try again. If the problem persists, decrease "page_size"',
    )
