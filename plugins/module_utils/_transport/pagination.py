# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From pages to items: in parallel, with bounded memory, complete or an error; never a silently shorter list."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Iterator, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport.listing_check import (
    READINGS,
    FirstPageCheck,
    ListingCheck,
    PageOverlapCheck,
    incomplete_listing_error,
    unstable_listing_error,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Mapper

Item = t.TypeVar("Item")

MAX_PAGES = 1_000_000


@dataclasses.dataclass(frozen=True)
class Page(t.Generic[Item]):
    """One page: its items, how many the listing has in all (None: not told), and the link to the next (None: last)."""

    items: Sequence[Item]
    total: int | None = None
    next: str | None = None
    # Whether it was asked to begin with the last item of the page before, see Seams.
    overlaps: bool = False


def by_link(
    fetch: Callable[[str | None], Page[Item]], what: str, identity: Callable[[Item], t.Hashable] = repr
) -> Iterator[Sequence[Item]]:
    """Pages that name the next one. A link seen before, or fewer items than the least total told, is an error.

    Where items went while pages were read, the listing is read again and only items not seen before are given.
    """
    listing_check = ListingCheck(identity)
    for attempt in range(READINGS):
        listing_check.begin()
        overlap_check = PageOverlapCheck(identity)
        count = 0
        for page in _linked_pass(fetch, what):
            listing_check.record_total(page.total)
            items = overlap_check.join(page.items, overlaps=page.overlaps)
            count += len(items)
            # What stands on a single page cannot move, and most listings do.
            alone = attempt == 0 and page.next is None and count == len(page.items)
            yield items if alone else listing_check.new_items(items)
        if not overlap_check.moved and (overlap_check.tested or not listing_check.shrank):
            if listing_check.least is not None and count < listing_check.least:
                raise incomplete_listing_error(what, count, listing_check.least)
            return
    raise unstable_listing_error(what)


def _linked_pass(fetch: Callable[[str | None], Page[Item]], what: str) -> Iterator[Page[Item]]:
    seen: set[str] = set()
    link: str | None = None
    while True:
        page = fetch(link)
        yield page
        if page.next is None:
            return
        if page.next in seen or len(seen) >= MAX_PAGES:
            raise InvalidResponseError(f"the pages of {what} lead in a circle", advice="Look at the server's own log")
        if not page.items:
            raise InvalidResponseError(f"a page of {what} is empty but names a next one", advice="Try again")
        seen.add(page.next)
        link = page.next


def by_offset(
    fetch: Callable[[int, int], Page[Item]],
    thread_pool: Mapper,
    page_size: int,
    identity: Callable[[Item], t.Hashable],
    what: str,
) -> Iterator[Sequence[Item]]:
    """Pages by offset and limit, read in parallel once the first has told the total.

    A page that is shorter than asked for is followed by the rest of it; an empty one before the total is an error.
    A last page that is full is followed by another, because the total may be told too small. Each page begins with
    the last item of the one before, which proves that no item between them was missed. Where that fails, because
    items went while pages were read, the listing is read again and only items not seen before are given. A server
    whose order is not the same each time is believed once another reading brings nothing new.
    """
    listing_check = ListingCheck(identity)
    for attempt in range(READINGS):
        listing_check.begin()
        overlap_check = PageOverlapCheck(identity)
        new_items = 0
        for page in _one_pass(fetch, thread_pool, page_size, what):
            listing_check.record_total(page.total)
            if items := listing_check.new_items(overlap_check.join(page.items, overlaps=page.overlaps)):
                new_items += len(items)
                yield items
        proved = not overlap_check.moved and (
            overlap_check.tested or not (listing_check.shrank or listing_check.has_repeats())
        )
        settled = attempt > 0 and not new_items and not listing_check.shrank
        if (proved or settled) and (listing_check.least is None or listing_check.count() >= listing_check.least):
            return
    raise (
        unstable_listing_error(what)
        if overlap_check.moved or listing_check.shrank
        else incomplete_listing_error(what, listing_check.count(), listing_check.least)
    )


@dataclasses.dataclass(frozen=True)
class NumberedPage(t.Generic[Item]):
    """One of ``pages`` pages, which are counted from 1; how many items there are in all is not told."""

    items: Sequence[Item]
    pages: int


def by_number(
    fetch: Callable[[int], NumberedPage[Item]],
    thread_pool: Mapper,
    identity: Callable[[Item], t.Hashable],
    what: str,
) -> Iterator[Sequence[Item]]:
    """Pages by number, read in parallel once the first has told how many there are.

    Every page but the last must be as long as the first. An item met twice means that items moved from page to page
    while they were read, so that another was missed: the listing is read again, for items not seen before. So it is
    where the first item of the last page has moved up, see Anchor.
    """
    listing_check = ListingCheck(identity)
    for _attempt in range(READINGS):
        listing_check.begin()
        first_page_check: FirstPageCheck[Item] = FirstPageCheck(listing_check)
        count = 0
        for page in _numbered_pass(fetch, thread_pool, what, first_page_check):
            listing_check.record_total(page.pages)
            count += len(page.items)
            if items := listing_check.new_items(page.items):
                yield items
        if listing_check.holds(count) and first_page_check.holds():
            return
    raise (
        incomplete_listing_error(what, listing_check.count(), count)
        if first_page_check.holds() and not listing_check.shrank
        else unstable_listing_error(what)
    )


def _numbered_pass(
    fetch: Callable[[int], NumberedPage[Item]], thread_pool: Mapper, what: str, first_page_check: FirstPageCheck[Item]
) -> Iterator[NumberedPage[Item]]:
    first = fetch(1)
    if first.pages <= 1:
        yield first
        return
    # The first page is read once more behind the anchor, so that nothing can move up from it unseen.
    done, pages, full = 0, first.pages, len(first.items)
    if pages <= MAX_PAGES:
        first_page_check.drop(first.items, fetch(pages).items, (pages - 1) * full)
    while done < pages:
        if pages > MAX_PAGES:
            raise _endless(what)
        grown = pages
        for number, page in thread_pool.map(fetch, range(done + 1, pages + 1)):
            grown = max(grown, page.pages)
            if number < page.pages and (not full or len(page.items) != full):
                raise InvalidResponseError(
                    f"page {number} of {what} holds {len(page.items)} items, the first one {full}",
                    code="incomplete",
                    advice="Try again; if it stays so, use a smaller page_size",
                )
            yield page
        done, pages = pages, grown


def by_page_size(
    fetch: Callable[[int, int], Page[Item]],
    thread_pool: Mapper,
    page_size: int,
    identity: Callable[[Item], t.Hashable],
    what: str,
) -> Iterator[Sequence[Item]]:
    """Pages by number (counted from 0) and size, read in parallel once the first has told the total.

    Where no total is told the listing ends with a page that brings nothing new, so that a server which knows no
    pages, and sends all of it every time, is read as well; a short one may be the server's filter. A total that
    shrinks while pages are read, an anchor that moves up, or an item met twice means that items moved from page to
    page: the listing is read again, for items not seen before. What comes while pages are read need not be met, so
    another reading that only repeats items is believed.
    """
    listing_check = ListingCheck(identity)
    for attempt in range(READINGS):
        listing_check.begin()
        first_page_check: FirstPageCheck[Item] = FirstPageCheck(listing_check)
        for page in _sized_pass(fetch, thread_pool, page_size, identity, what, first_page_check):
            listing_check.record_total(page.total)
            if items := listing_check.new_items(page.items):
                yield items
        if listing_check.least is None:
            return
        if (
            listing_check.holds(listing_check.least)
            and first_page_check.holds()
            and (attempt > 0 or not listing_check.has_repeats())
        ):
            return
    raise (
        incomplete_listing_error(what, listing_check.count(), listing_check.least)
        if first_page_check.holds() and not listing_check.shrank
        else unstable_listing_error(what)
    )


def _sized_pass(
    fetch: Callable[[int, int], Page[Item]],
    thread_pool: Mapper,
    page_size: int,
    identity: Callable[[Item], t.Hashable],
    what: str,
    first_page_check: FirstPageCheck[Item],
) -> Iterator[Page[Item]]:
    first = fetch(0, page_size)
    step = len(first.items)
    if first.total is None:
        yield first
        if step:
            yield from _until_nothing_new(fetch, first, identity, what)
        return
    if not step and first.total:
        raise incomplete_listing_error(what, 0, first.total)
    last = (first.total - 1) // step if step else 0
    if step >= first.total:
        yield first
    elif last < MAX_PAGES:
        first_page_check.drop(first.items, fetch(last, step).items, last * step)
    done, total = int(step >= first.total), first.total
    # Behind a page as long as a page may be there can be more than the server tells.
    full, before = done == 1 and step >= page_size, first.items
    while done * step < total or full:
        end, beyond = max(-(-total // step), done + 1), done * step >= total
        if end > MAX_PAGES:
            raise _endless(what)
        for _number, page in thread_pool.map(lambda number: fetch(number, step), range(done, end)):
            if beyond and page.items == before:
                # As above.
                return
            before = page.items
            total, full = max(total, page.total or 0), len(page.items) >= step
            yield page
        done = end


def _until_nothing_new(
    fetch: Callable[[int, int], Page[Item]], first: Page[Item], identity: Callable[[Item], t.Hashable], what: str
) -> Iterator[Page[Item]]:
    step = len(first.items)
    seen = {hash(identity(item)) for item in first.items}
    for number in range(1, MAX_PAGES):
        page = fetch(number, step)
        new = [item for item in page.items if hash(identity(item)) not in seen]
        if not new:
            return
        yield Page(new)
        seen.update(hash(identity(item)) for item in new)
    raise _endless(what)


def _one_pass(
    fetch: Callable[[int, int], Page[Item]], thread_pool: Mapper, page_size: int, what: str
) -> Iterator[Page[Item]]:
    first = fetch(0, page_size)
    yield first
    # A server that caps pages below what was asked gave its cap away on the first one.
    step = len(first.items)
    if not step:
        if first.total:
            raise incomplete_listing_error(what, 0, first.total)
        return
    if first.total is None:
        yield from _until_empty(fetch, first, page_size, what)
        return
    read = _overlapping(fetch) if step > 1 else fetch
    stride = max(step - 1, 1)
    # Behind a page as long as a page may be there can be more than the server tells.
    done, total, full, before = step, first.total, step >= page_size, first.items
    while done < total or full:
        if done // stride > MAX_PAGES:
            raise _endless(what)
        grown, reached, beyond = total, done, done >= total
        for start, page in thread_pool.map(
            lambda start: read(start, stride), range(done, max(total, done + 1), stride)
        ):
            if beyond and page.items == before:
                return  # It does not turn pages; whether all was on this one is for the total to say.
            grown, before = max(grown, page.total or 0), page.items
            yield page
            got = len(page.items) - page.overlaps
            reached, full = start + max(got, 0), got >= stride
            yield from _rest(fetch, reached, min(start + stride, total), what)
        done, total = max(total, reached), grown


def _overlapping(fetch: Callable[[int, int], Page[Item]]) -> Callable[[int, int], Page[Item]]:
    """The same pages, each with the item before it."""

    def read(start: int, length: int) -> Page[Item]:
        return dataclasses.replace(fetch(start - 1, length + 1), overlaps=True)

    return read


def _rest(fetch: Callable[[int, int], Page[Item]], start: int, end: int, what: str) -> Iterator[Page[Item]]:
    """What a page that came shorter than asked for left out."""
    while start < end:
        page = fetch(start, end - start)
        if not page.items:
            if page.total is not None and page.total <= start:
                # The listing shrank while it was read: by_offset sees that by this page's total.
                yield page
                return
            raise incomplete_listing_error(what, start, page.total)
        yield page
        start += len(page.items)


def _until_empty(
    fetch: Callable[[int, int], Page[Item]], first: Page[Item], page_size: int, what: str
) -> Iterator[Page[Item]]:
    """Without a total only an empty page ends a listing: a short one may be the server's cap."""
    start, before = len(first.items), first.items
    read = _overlapping(fetch) if start > 1 else fetch
    size = page_size - (start > 1)
    for _page in range(MAX_PAGES):
        page = read(start, size)
        if len(page.items) <= page.overlaps:
            yield page
            page = fetch(start, page_size)
        if page.items == before:
            raise InvalidResponseError(f"two pages of {what} are the same: the server does not turn pages")
        if not page.items:
            return
        yield page
        start, before = start + len(page.items) - page.overlaps, page.items
    raise _endless(what)


def _endless(what: str) -> InvalidResponseError:
    return InvalidResponseError(f"the listing of {what} has more than {MAX_PAGES} pages")
