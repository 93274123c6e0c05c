# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pagination: a listing is read completely, or an error is raised."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport import pagination
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import (
    NumberedPage,
    Page,
    pages_by_link,
    pages_by_number,
    pages_by_offset,
    pages_by_page_size,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import (
    Prefetch,
    SerialMapper,
    ThreadPool,
)
from tests.unit.plugins.module_utils._transport.listings import (
    READERS,
    Listing,
    Reader,
    add_first,
    do_nothing,
    flatten,
    list_by_link,
    list_by_offset,
    list_by_page,
    remove,
)

# Listings that do not change


@READERS
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 95])
@pytest.mark.parametrize("totals", [True, False])
def test_every_item_is_returned_once_and_in_order(
    thread_pool: ThreadPool, read: Reader, count: int, totals: bool
) -> None:
    assert read(Listing(count, totals=totals), thread_pool) == list(range(count))


@pytest.mark.parametrize("read", [list_by_offset, list_by_page])
@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize("cap", [1, 7, 10])
def test_a_server_that_limits_the_page_size_is_read_completely(
    thread_pool: ThreadPool, read: Reader, totals: bool, cap: int
) -> None:
    assert read(Listing(95, cap=cap, totals=totals), thread_pool, 50) == list(range(95))


def test_later_requests_use_the_page_size_of_the_first_response(thread_pool: ThreadPool) -> None:
    listing = Listing(95, cap=20)
    list_by_offset(listing, thread_pool, 50)
    assert listing.requests[0] == (0, 50)
    # Each page starts with the last item of the previous one.
    assert sorted(listing.requests[1:]) == [(19, 20), (38, 20), (57, 20), (76, 20)]


@given(st.integers(0, 60), st.integers(1, 30), st.integers(1, 30), st.booleans())
def test_listings_are_read_completely_for_any_page_size(count: int, size: int, cap: int, totals: bool) -> None:
    for read in (list_by_offset, list_by_page):
        assert read(Listing(count, cap=cap, totals=totals), SerialMapper(), size) == list(range(count))
    assert list_by_link(Listing(count, totals=totals), size=size) == list(range(count))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.booleans())
def test_short_pages_at_any_position(lengths: list[int], totals: bool) -> None:
    """All items are returned exactly once, regardless of the size of each page."""
    whole = list(range(30))
    left = list(lengths)

    def fetch(start: int, limit: int) -> Page[int]:
        length = max(1, left.pop(0) if left else limit)
        return Page(whole[start : start + min(length, limit)], len(whole) if totals else None)

    assert list_by_offset(fetch, SerialMapper(), 8) == whole


def test_an_empty_page_before_the_total_is_an_error(thread_pool: ThreadPool) -> None:
    def fetch(start: int, limit: int) -> Page[int]:
        return Page([*range(50)][start : min(start + limit, 20)], 50)

    with pytest.raises(InvalidResponseError, match="the listing of points is incomplete: 20 of 50 received") as raised:
        list_by_offset(fetch, thread_pool)
    assert raised.value.code == "incomplete"


@pytest.mark.parametrize("reader", [pages_by_offset, pages_by_page_size])
def test_an_empty_first_page_with_a_positive_total_is_an_error(thread_pool: ThreadPool, reader: Any) -> None:
    with pytest.raises(InvalidResponseError, match="0 of 7 received"):
        list(reader(lambda _start, _limit: Page([], 7), thread_pool, 10, int, "points"))


def test_an_empty_page_is_requested_again(thread_pool: ThreadPool) -> None:
    listing = Listing(50)
    asked: Counter[int] = Counter()

    def fetch(start: int, limit: int) -> Page[int]:
        asked[start] += 1
        return Page([], 50) if start == 18 and asked[18] == 1 else listing.slice(start, limit)

    assert list_by_offset(fetch, thread_pool) == list(range(50))
    assert asked[18] == 2


def test_fewer_items_than_the_last_total_is_an_error_also_with_links() -> None:
    pages = {None: Page([1, 2], 4, "b"), "b": Page([3], 4)}
    with pytest.raises(InvalidResponseError, match="3 of 4 received"):
        list(pages_by_link(pages.__getitem__, "points"))


class Understated(Listing):
    """A listing that reports a smaller total than it has items."""

    def slice(self, start: int, limit: int) -> Page[int]:
        page = super().slice(start, limit)
        return Page(page.items, max((page.total or 0) - self.by, 0))

    by = 1


@pytest.mark.parametrize("read", [list_by_offset, list_by_page])
@pytest.mark.parametrize("count", [1, 9, 10, 11, 19, 20, 21, 30, 55])
@pytest.mark.parametrize("by", [1, 5, 10, 23])
def test_a_total_that_is_too_small_does_not_truncate(
    thread_pool: ThreadPool, read: Reader, count: int, by: int
) -> None:
    listing = Understated(count)
    listing.by = by
    assert read(listing, thread_pool) == list(range(count))


@pytest.mark.parametrize("read", [list_by_offset, list_by_page])
def test_another_page_is_requested_only_after_a_full_last_page(thread_pool: ThreadPool, read: Reader) -> None:
    for count in (4, 10):
        listing = Listing(count)
        read(listing, thread_pool)
        assert len(listing.requests) == (2 if count == 10 else 1)


@pytest.mark.parametrize("read", [list_by_offset, list_by_page])
def test_a_server_that_ignores_paging_is_read_once(thread_pool: ThreadPool, read: Reader) -> None:
    class IgnoresPaging(Listing):
        def slice(self, start: int, limit: int) -> Page[int]:
            return super().slice(0, max(start, limit, len(self.items)))

    assert read(IgnoresPaging(30), thread_pool) == list(range(30))


def test_circular_links_are_an_error() -> None:
    pages = {None: Page([1], None, "b"), "b": Page([2], None, "c"), "c": Page([3], None, "b")}
    with pytest.raises(InvalidResponseError, match="the pages of points link to each other in a loop"):
        list(pages_by_link(pages.__getitem__, "points"))


def test_an_empty_page_with_a_next_link_is_an_error() -> None:
    pages = {None: Page([1], None, "b"), "b": Page([], None, "c")}
    with pytest.raises(InvalidResponseError, match="is empty but links to a next page"):
        list(pages_by_link(pages.__getitem__, "points"))


def test_a_server_that_repeats_the_first_page_is_detected(thread_pool: ThreadPool) -> None:
    for totals, message in ((None, "ignores the page offset"), (30, "10 of 30 received")):
        with pytest.raises(InvalidResponseError, match=message):
            list_by_offset(lambda _start, _limit, total=totals: Page(list(range(10)), total), thread_pool)
    # Paging by page size supports such a server, which returns all items each time.
    assert flatten(pages_by_page_size(lambda _number, _size: Page(list(range(25))), thread_pool, 10, int, "x")) == list(
        range(25)
    )


def test_endless_listings_are_an_error(thread_pool: ThreadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGES", 20)
    with pytest.raises(InvalidResponseError, match="more than 20 pages"):
        list_by_offset(lambda start, limit: Page(list(range(start, start + limit))), thread_pool)
    with pytest.raises(InvalidResponseError, match="more than 20 pages"):
        list(pages_by_page_size(lambda number, _size: Page([number]), thread_pool, 1, int, "points"))
    with pytest.raises(InvalidResponseError, match="more than 20 pages"):
        list(pages_by_number(lambda number: NumberedPage([number], 10**9), thread_pool, int, "points"))
    with pytest.raises(InvalidResponseError, match="in a loop"):
        list(pages_by_link(lambda link: Page([1], None, str(int(link or 0) + 1)), "points"))


# Pages by number that report the number of pages


def numbered(items: list[int], size: int, then: dict[int, Callable[[list[int]], Any]] | None = None) -> Any:
    asked: list[int] = []

    def fetch(number: int) -> NumberedPage[int]:
        asked.append(number)
        (then or {}).get(len(asked), do_nothing)(items)
        return NumberedPage(items[(number - 1) * size : number * size], -(-len(items) // size))

    return fetch


@pytest.mark.parametrize("count", [0, 1, 10, 11, 40, 95])
def test_numbered_pages_are_read_completely(thread_pool: ThreadPool, count: int) -> None:
    assert flatten(pages_by_number(numbered(list(range(count)), 10), thread_pool, int, "points")) == list(range(count))


def test_a_short_numbered_page_before_the_last_is_an_error(thread_pool: ThreadPool) -> None:
    pages = {1: [1, 2, 3], 2: [4], 3: [5]}
    with pytest.raises(InvalidResponseError, match="page 2 of points has 1 items, the first page has 3"):
        list(pages_by_number(lambda number: NumberedPage(pages[number], 3), thread_pool, int, "points"))


def test_a_growing_number_of_pages_is_read_completely() -> None:
    fetch = numbered(list(range(20)), 10, {2: lambda items: items.extend(range(20, 45))})
    assert flatten(pages_by_number(fetch, SerialMapper(), int, "points")) == list(range(45))


def test_an_empty_first_page_is_not_an_empty_listing(thread_pool: ThreadPool) -> None:
    with pytest.raises(InvalidResponseError, match="page 1 of points has 0 items") as raised:
        list(
            pages_by_number(lambda number: NumberedPage([] if number == 1 else [number], 3), thread_pool, int, "points")
        )
    assert raised.value.code == "incomplete"
    assert flatten(pages_by_number(lambda _number: NumberedPage([], 1), thread_pool, int, "points")) == []


def test_a_duplicate_item_on_numbered_pages_causes_another_pass() -> None:
    items = list(range(40))
    found = flatten(pages_by_number(numbered(items, 10, {2: add_first(100)}), SerialMapper(), int, "points"))
    assert set(items) <= set(found)


def test_a_removed_page_causes_another_pass() -> None:
    items = list(range(41))
    found = flatten(pages_by_number(numbered(items, 10, {4: remove(0)}), SerialMapper(), int, "points"))
    assert sorted(found) == list(range(41))


@pytest.mark.parametrize("request_number", [2, 3, 4, 5, 6])
def test_added_and_removed_items_cause_another_pass(request_number: int) -> None:
    """The change affects neither the number of pages nor gives a duplicate item."""
    items = list(range(45))

    def change(items: list[int]) -> None:
        del items[2:5]
        items.append(100)

    found = flatten(pages_by_number(numbered(items, 10, {request_number: change}), SerialMapper(), int, "points"))
    assert set(items) <= set(found)
    assert len(found) == len(set(found))


class Backwards:
    """A mapper that reads later pages first."""

    def map(self, task: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        done = [(argument, task(argument)) for argument in reversed(list(arguments))]
        yield from reversed(done)


@pytest.mark.parametrize("request_number", [2, 3, 4, 5, 6, 7])
def test_items_added_at_the_start_with_out_of_order_pages(request_number: int) -> None:
    """An item that is added between two page requests can cause a gap between the pages."""
    for reader in ("offset", "number", "size"):
        listing = Listing(45, then={request_number: lambda items: items.__setitem__(slice(0, 0), [100, 101, 102])})
        if reader == "offset":
            found = flatten(pages_by_offset(listing.slice, Backwards(), 10, int, "points"))
        elif reader == "size":
            found = flatten(pages_by_page_size(listing.page, Backwards(), 10, int, "points"))
        else:

            def fetch(number: int, listing: Listing = listing) -> NumberedPage[int]:
                page = listing.slice((number - 1) * 10, 10)
                return NumberedPage(page.items, -(-len(listing.items) // 10))

            found = flatten(pages_by_number(fetch, Backwards(), int, "points"))
        assert set(range(45)) <= set(found), reader


def test_numbered_pages_that_keep_changing_are_an_error() -> None:
    then = {number: (lambda items: items.append(items.pop(0) + 1000)) for number in range(2, 200)}
    with pytest.raises(InvalidResponseError, match=r"items were removed from .* each of the 3 times it was read"):
        list(pages_by_number(numbered(list(range(45)), 10, then), SerialMapper(), int, "points"))


# Threads


def test_the_first_page_can_be_prefetched(thread_pool: ThreadPool) -> None:
    """It is requested once in advance, and again if the listing is read again."""
    listing, asked = Listing(40, then={3: remove(0)}), threading.Event()

    def fetch(start: int, limit: int) -> Page[int]:
        asked.set()
        return listing.slice(start, limit)

    begun = Prefetch(thread_pool, fetch, 0, 10)
    assert asked.wait(5)
    assert set(range(1, 40)) <= set(flatten(pages_by_offset(begun, thread_pool, 10, int, "points")))
    assert listing.requests.count((0, 10)) == 2


def test_an_error_in_a_page_is_the_error_of_the_listing(thread_pool: ThreadPool) -> None:
    def fetch(start: int, limit: int) -> Page[int]:
        if start == 27:
            raise InvalidResponseError("page of 30 is broken")
        return Page(list(range(start, start + limit)), 1000)

    with pytest.raises(InvalidResponseError, match="page of 30 is broken"):
        list_by_offset(fetch, thread_pool)


def test_a_server_that_filters_its_pages_may_return_empty_ones() -> None:
    pages = {None: Page([1, 2], next="a"), "a": Page([], next="b"), "b": Page([], next="c"), "c": Page([3])}
    found = [item for items in pages_by_link(pages.__getitem__, "things", may_be_empty=True) for item in items]
    assert found == [1, 2, 3]
    with pytest.raises(InvalidResponseError, match="a page of things is empty but links to a next page"):
        list(pages_by_link(pages.__getitem__, "things"))
    looped = {**pages, "b": Page([], next="a")}
    with pytest.raises(InvalidResponseError, match="link to each other in a loop"):
        list(pages_by_link(looped.__getitem__, "things", may_be_empty=True))
