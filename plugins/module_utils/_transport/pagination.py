# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetch all pages of a listing by link, offset, page number or page size, in parallel and with limited memory.

If a listing is not complete, an error is raised. ``identity`` must be a pure function of an item; see ListingCheck.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Iterator, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport.listing_check import (
    MAX_PASSES,
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
    """One page: items, total of the listing (None if not reported), link to the next page (None for the last page)."""

    items: Sequence[Item]
    total: int | None = None
    next: str | None = None
    # Whether it was requested to start with the last item of the previous page; see PageOverlapCheck.
    overlaps: bool = False


def pages_by_link(
    fetch: Callable[[str | None], Page[Item]],
    what: str,
    identity: Callable[[Item], t.Hashable] = repr,
    *,
    may_be_empty: bool = False,
) -> Iterator[Sequence[Item]]:
    """Yield pages that link to the next page. A repeated link or fewer items than the smallest total is an error.

    If items were removed while pages were read, the listing is read again and only items not seen before are yielded.
    ``may_be_empty``: a server that filters its pages returns empty ones with a link to the next page.
    """
    listing_check = ListingCheck(identity)
    for attempt in range(MAX_PASSES):
        listing_check.begin_pass()
        overlap_check = PageOverlapCheck(identity)
        count = 0
        for page in _linked_pass(fetch, what, may_be_empty):
            listing_check.record_total(page.total)
            items = overlap_check.strip_overlap(page.items, overlaps=page.overlaps)
            count += len(items)
            # Items of a single page cannot move, and most listings are a single page.
            is_single_page = attempt == 0 and page.next is None and count == len(page.items)
            yield items if is_single_page else listing_check.new_items(items)
        if not overlap_check.has_moved and (overlap_check.all_overlap or not listing_check.has_shrunk):
            if listing_check.min_total is not None and count < listing_check.min_total:
                raise incomplete_listing_error(what, count, listing_check.min_total)
            return
    raise unstable_listing_error(what)


def _linked_pass(fetch: Callable[[str | None], Page[Item]], what: str, may_be_empty: bool) -> Iterator[Page[Item]]:
    seen: set[str] = set()
    link: str | None = None
    while True:
        page = fetch(link)
        yield page
        if page.next is None:
            return
        if page.next in seen or len(seen) >= MAX_PAGES:
            raise InvalidResponseError(
                f"the pages of {what} link to each other in a loop", hint="Check the log of the server"
            )
        if not page.items and not may_be_empty:
            raise InvalidResponseError(f"a page of {what} is empty but links to a next page", hint="Try again")
        seen.add(page.next)
        link = page.next


def pages_by_offset(
    fetch: Callable[[int, int], Page[Item]],
    thread_pool: Mapper,
    page_size: int,
    identity: Callable[[Item], t.Hashable],
    what: str,
    *,
    may_repeat: Callable[[Item], bool] | None = None,
) -> Iterator[Sequence[Item]]:
    """Yield pages by offset and limit, read in parallel once the first page has reported the total.

    If a page is shorter than requested, the remainder is requested. An empty page before the total is an error. After
    a full last page, another one is requested, because the reported total may be too small. Each page starts with the
    last item of the previous one, which proves that no item between them was missed. If it does not, because items were
    removed meanwhile, the listing is read again, and only new items are yielded. If the order of a server is not
    stable, the listing is accepted when another pass returns no new items. ``may_repeat``: see ListingCheck.
    """
    listing_check = ListingCheck(identity, may_repeat)
    for attempt in range(MAX_PASSES):
        listing_check.begin_pass()
        overlap_check = PageOverlapCheck(identity, may_repeat)
        new_items = 0
        for page in _offset_pass(fetch, thread_pool, page_size, what):
            listing_check.record_total(page.total)
            if items := listing_check.new_items(overlap_check.strip_overlap(page.items, overlaps=page.overlaps)):
                new_items += len(items)
                yield items
        is_proven = not overlap_check.has_moved and (
            overlap_check.all_overlap or not (listing_check.has_shrunk or listing_check.has_repeats())
        )
        is_stable = attempt > 0 and not new_items and not listing_check.has_shrunk
        if (is_proven or is_stable) and (
            listing_check.min_total is None or listing_check.count() >= listing_check.min_total
        ):
            return
    raise (
        unstable_listing_error(what)
        if overlap_check.has_moved or listing_check.has_shrunk
        else incomplete_listing_error(what, listing_check.count(), listing_check.min_total)
    )


@dataclasses.dataclass(frozen=True)
class NumberedPage(t.Generic[Item]):
    """One of ``pages`` pages, counted from 1, without a total number of items."""

    items: Sequence[Item]
    pages: int


def pages_by_number(
    fetch: Callable[[int], NumberedPage[Item]],
    thread_pool: Mapper,
    identity: Callable[[Item], t.Hashable],
    what: str,
) -> Iterator[Sequence[Item]]:
    """Yield pages by number, read in parallel once the first page has reported how many there are.

    All pages except the last must be as long as the first. If an item is returned twice, items moved between pages,
    and another item may have been missed, so the listing is read again for new items. The same applies if the first
    item of the last page has moved up; see FirstPageCheck.
    """
    listing_check = ListingCheck(identity)
    for _attempt in range(MAX_PASSES):
        listing_check.begin_pass()
        first_page_check: FirstPageCheck[Item] = FirstPageCheck(listing_check)
        count = 0
        for page in _numbered_pass(fetch, thread_pool, what, first_page_check):
            listing_check.record_total(page.pages)
            count += len(page.items)
            if items := listing_check.new_items(page.items):
                yield items
        if listing_check.is_complete(count) and first_page_check.is_unchanged():
            return
    raise (
        incomplete_listing_error(what, listing_check.count(), count)
        if first_page_check.is_unchanged() and not listing_check.has_shrunk
        else unstable_listing_error(what)
    )


def _numbered_pass(
    fetch: Callable[[int], NumberedPage[Item]], thread_pool: Mapper, what: str, first_page_check: FirstPageCheck[Item]
) -> Iterator[NumberedPage[Item]]:
    first = fetch(1)
    if first.pages <= 1:
        yield first
        return
    # The first page is read again after the last page was recorded, so that moved items are noticed.
    done, pages, full = 0, first.pages, len(first.items)
    if pages <= MAX_PAGES:
        first_page_check.record_pages(first.items, fetch(pages).items, (pages - 1) * full)
    while done < pages:
        if pages > MAX_PAGES:
            raise _too_many_pages_error(what)
        max_pages = pages
        for number, page in thread_pool.map(fetch, range(done + 1, pages + 1)):
            max_pages = max(max_pages, page.pages)
            if number < page.pages and (not full or len(page.items) != full):
                raise InvalidResponseError(
                    f"page {number} of {what} has {len(page.items)} items, the first page has {full}",
                    code="incomplete",
                    hint='Try again. If the problem persists, decrease "page_size"',
                )
            yield page
        done, pages = pages, max_pages


def pages_by_page_size(
    fetch: Callable[[int, int], Page[Item]],
    thread_pool: Mapper,
    page_size: int,
    identity: Callable[[Item], t.Hashable],
    what: str,
) -> Iterator[Sequence[Item]]:
    """Yield pages by number (counted from 0) and size, read in parallel once the first page has reported the total.

    Without a total, the listing ends with a page that has no new items. This also supports servers without paging,
    which return all items each time, and short pages because of a filter of the server. If the total shrinks while
    pages are read, the FirstPageCheck fails or an item is returned twice, items moved between pages, and the listing is
    read again for new items. Items that are added meanwhile need not be included, so another pass without new items is
    accepted.
    """
    listing_check = ListingCheck(identity)
    for attempt in range(MAX_PASSES):
        listing_check.begin_pass()
        first_page_check: FirstPageCheck[Item] = FirstPageCheck(listing_check)
        for page in _sized_pass(fetch, thread_pool, page_size, identity, what, first_page_check):
            listing_check.record_total(page.total)
            if items := listing_check.new_items(page.items):
                yield items
        if listing_check.min_total is None:
            return
        if (
            listing_check.is_complete(listing_check.min_total)
            and first_page_check.is_unchanged()
            and (attempt > 0 or not listing_check.has_repeats())
        ):
            return
    raise (
        incomplete_listing_error(what, listing_check.count(), listing_check.min_total)
        if first_page_check.is_unchanged() and not listing_check.has_shrunk
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
            yield from _pages_until_nothing_new(fetch, first, identity, what)
        return
    if not step and first.total:
        raise incomplete_listing_error(what, 0, first.total)
    last = (first.total - 1) // step if step else 0
    if step >= first.total:
        yield first
    elif last < MAX_PAGES:
        first_page_check.record_pages(first.items, fetch(last, step).items, last * step)
    done, total = int(step >= first.total), first.total
    # After a full page, there can be more items than the reported total.
    full, before = done == 1 and step >= page_size, first.items
    while done * step < total or full:
        end, beyond = max(-(-total // step), done + 1), done * step >= total
        if end > MAX_PAGES:
            raise _too_many_pages_error(what)
        for _number, page in thread_pool.map(lambda number: fetch(number, step), range(done, end)):
            if beyond and page.items == before:
                # The server ignores the page number and returned the same page again.
                return
            before = page.items
            total, full = max(total, page.total or 0), len(page.items) >= step
            yield page
        done = end


def _pages_until_nothing_new(
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
    raise _too_many_pages_error(what)


def _offset_pass(
    fetch: Callable[[int, int], Page[Item]], thread_pool: Mapper, page_size: int, what: str
) -> Iterator[Page[Item]]:
    first = fetch(0, page_size)
    yield first
    # If the server limits pages to fewer items than requested, the first page shows the limit.
    step = len(first.items)
    if not step:
        if first.total:
            raise incomplete_listing_error(what, 0, first.total)
        return
    if first.total is None:
        yield from _pages_until_empty(fetch, first, page_size, what)
        return
    read = _with_overlap(fetch) if step > 1 else fetch
    stride = max(step - 1, 1)
    # After a full page, there can be more items than the reported total.
    done, total, full, before = step, first.total, step >= page_size, first.items
    while done < total or full:
        if done // stride > MAX_PAGES:
            raise _too_many_pages_error(what)
        max_total, reached, beyond = total, done, done >= total
        for start, page in thread_pool.map(
            lambda start: read(start, stride), range(done, max(total, done + 1), stride)
        ):
            if beyond and page.items == before:
                return  # The server ignores the offset. The total decides whether the listing is complete.
            max_total, before = max(max_total, page.total or 0), page.items
            yield page
            received = len(page.items) - page.overlaps
            reached, full = start + max(received, 0), received >= stride
            yield from _fetch_remainder(fetch, reached, min(start + stride, total), what)
        done, total = max(total, reached), max_total


def _with_overlap(fetch: Callable[[int, int], Page[Item]]) -> Callable[[int, int], Page[Item]]:
    """Wrap ``fetch`` so that each page starts with the item before it."""

    def read(start: int, length: int) -> Page[Item]:
        return dataclasses.replace(fetch(start - 1, length + 1), overlaps=True)

    return read


def _fetch_remainder(fetch: Callable[[int, int], Page[Item]], start: int, end: int, what: str) -> Iterator[Page[Item]]:
    """Fetch the items that are missing from a page that is shorter than requested."""
    while start < end:
        page = fetch(start, end - start)
        if not page.items:
            if page.total is not None and page.total <= start:
                # The listing shrank while it was read, which pages_by_offset detects from this page's total.
                yield page
                return
            raise incomplete_listing_error(what, start, page.total)
        yield page
        start += len(page.items)


def _pages_until_empty(
    fetch: Callable[[int, int], Page[Item]], first: Page[Item], page_size: int, what: str
) -> Iterator[Page[Item]]:
    """Yield pages up to an empty one. Without a total, a short page may result from a limit of the server."""
    start, before = len(first.items), first.items
    read = _with_overlap(fetch) if start > 1 else fetch
    size = page_size - (start > 1)
    for _page in range(MAX_PAGES):
        page = read(start, size)
        if len(page.items) <= page.overlaps:
            yield page
            page = fetch(start, page_size)
        if page.items == before:
            raise InvalidResponseError(f"two pages of {what} are identical: the server ignores the page offset")
        if not page.items:
            return
        yield page
        start, before = start + len(page.items) - page.overlaps, page.items
    raise _too_many_pages_error(what)


def _too_many_pages_error(what: str) -> InvalidResponseError:
    return InvalidResponseError(f"the listing of {what} has more than {MAX_PAGES} pages")
