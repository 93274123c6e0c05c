# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paging of listings to which items are added or from which they are removed while they are read."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import (
    Page,
    pages_by_link,
    pages_by_offset,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import SerialMapper, ThreadPool
from tests.unit.plugins.module_utils._transport.listings import (
    READERS,
    Listing,
    Reader,
    add_first,
    add_last,
    list_by_link,
    list_by_offset,
    list_by_page,
    remove,
)


@READERS
@pytest.mark.parametrize("request_number", [2, 3, 4])
def test_a_removed_item_does_not_hide_others(read: Reader, request_number: int) -> None:
    """Later items move up, one of them to a page that was already read."""
    listing = Listing(40, then={request_number: remove(3)})
    found = read(listing, SerialMapper())
    assert set(listing.items) <= set(found) <= set(range(40))
    assert len(found) == len(set(found))


@READERS
def test_items_added_at_the_start_do_not_hide_others(read: Reader) -> None:
    """Items that did not exist at the start may be missing. All others must be returned."""
    listing = Listing(40, then={4: add_first(100)})
    found = read(listing, SerialMapper())
    assert set(range(40)) <= set(found)
    assert Counter(found).most_common(1)[0][1] <= 2
    # Pages without overlap are read once more, because a duplicate item may hide a missed one.
    assert len(listing.requests) <= 14


@READERS
@pytest.mark.parametrize("request_number", [2, 3, 4])
def test_changes_with_an_unchanged_total_are_detected(read: Reader, request_number: int) -> None:
    """Three items are removed from a page that was read, three are added at the end: the total is unchanged."""

    def change(items: list[int]) -> None:
        del items[2:5]
        items.extend((100, 101, 102))

    listing = Listing(40, then={request_number: change})
    found = read(listing, SerialMapper())
    assert set(listing.items) <= set(found) <= {*range(40), 100, 101, 102}
    assert len(found) == len(set(found))


def test_an_unstable_order_is_read_until_no_new_items_are_returned() -> None:
    """Items with equal names may change their order between pages."""
    asked = []

    def fetch(start: int, limit: int) -> Page[int]:
        asked.append(start)
        items = list(range(40))
        if len(asked) % 2:
            items[8], items[9], items[17], items[18] = 9, 8, 18, 17
        return Page(items[start : start + limit], 40)

    assert sorted(list_by_offset(fetch, SerialMapper())) == list(range(40))


@READERS
def test_items_added_at_the_end_are_read(read: Reader) -> None:
    listing = Listing(40, then={2: add_last(100), 3: add_last(101)})
    assert read(listing, SerialMapper()) == [*range(40), 100, 101]


@READERS
def test_a_constantly_shrinking_listing_is_an_error(read: Reader) -> None:
    then = {number: (lambda items: items.pop(0)) for number in range(2, 200)}
    with pytest.raises(
        InvalidResponseError, match=r"items were removed from .* each of the 3 times it was read"
    ) as raised:
        read(Listing(60, then=then), SerialMapper())
    assert raised.value.code == "incomplete"


@given(
    st.dictionaries(st.integers(1, 9), st.sampled_from(["first", "last", "remove first", "remove last"]), max_size=4),
    st.integers(12, 40),
)
@settings(max_examples=300)
def test_items_that_exist_for_the_whole_time_are_returned(events: dict[int, str], count: int) -> None:
    """There is at most one change between two requests, because balanced changes cannot be detected."""
    if len({event.startswith("remove") for event in events.values()}) > 1:
        return
    doing = {
        "first": lambda items: items.insert(0, 1000 + len(items)),
        "last": lambda items: items.append(1000 + len(items)),
        "remove first": lambda items: items.pop(0),
        "remove last": lambda items: items.pop(),
    }
    for read in (list_by_offset, list_by_page, list_by_link):
        listing = Listing(count, then={number: doing[event] for number, event in events.items()})
        try:
            found = read(listing, SerialMapper(), 5)
        except InvalidResponseError:
            continue
        assert {item for item in listing.items if item < 1000} <= set(found)


def test_another_pass_returns_only_new_items(thread_pool: ThreadPool) -> None:
    listing = Listing(40, then={3: remove(0)})
    pages = list(pages_by_offset(listing.slice, SerialMapper(), 10, int, "points"))
    assert [len(page) for page in pages] == [10, 9, 10, 9, 2]
    assert sorted(item for page in pages for item in page) == list(range(40))


def test_links_of_single_pages_are_not_hashed() -> None:
    def identity(_item: int) -> int:
        raise AssertionError("hashed")

    assert list(pages_by_link(Listing(10).linked(10), "points", identity)) == [list(range(10))]
