# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of any size and order from a changing list: all items are returned, or an error is raised."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import (
    NumberedPage,
    Page,
    pages_by_number,
    pages_by_offset,
    pages_by_page_size,
)


class Race:
    """A mapper whose concurrent requests finish in any order; results are in the order of the arguments."""

    def __init__(self, chance: random.Random, width: int) -> None:
        self._chance = chance
        self._width = width

    def map(self, task: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield (argument, result) in the order of the arguments."""
        left = iter(arguments)
        while under_way := list(itertools.islice(left, self._width)):
            done = {}
            for argument in self._chance.sample(under_way, len(under_way)):
                done[argument] = task(argument)
            yield from ((argument, done[argument]) for argument in under_way)


class Server:
    """A list that may lose or gain an item at either end before the n-th request; ``cap`` limits the page length."""

    def __init__(self, count: int, cap: int, moves: dict[int, str]) -> None:
        self.items = list(range(count))
        self._cap = cap
        self._moves = moves
        self._asked = 0

    def slice(self, start: int, limit: int) -> Page[int]:
        """Return a page by offset."""
        self._asked += 1
        move = self._moves.get(self._asked)
        if move == "first":
            self.items.insert(0, 1000 + self._asked)
        elif move == "last":
            self.items.append(1000 + self._asked)
        elif move and self.items:
            del self.items[0 if move == "remove first" else -1]
        return Page(self.items[start : start + min(limit, self._cap)], len(self.items))

    def page(self, number: int, size: int) -> Page[int]:
        """Return a page by number, counted from 0."""
        return self.slice(number * size, size)

    def numbered(self, number: int) -> NumberedPage[int]:
        """Return a page by number, counted from 1, of the server's own page size."""
        page = self.slice((number - 1) * self._cap, self._cap)
        return NumberedPage(page.items, -(-len(self.items) // self._cap))


def readers(server: Server, race: Race, size: int) -> list[Callable[[], list[int]]]:
    """Return a reader for each paging method that reads pages in parallel."""

    def flatten(pages: Iterable[Any]) -> list[int]:
        return [item for page in pages for item in page]

    return [
        lambda: flatten(pages_by_offset(server.slice, race, size, int, "points")),
        lambda: flatten(pages_by_page_size(server.page, race, size, int, "points")),
        lambda: flatten(pages_by_number(server.numbered, race, int, "points")),
    ]


_SIZES = (st.integers(0, 60), st.integers(1, 12), st.integers(1, 12))


@given(*_SIZES, st.integers(0, 2), st.randoms(use_true_random=False), st.integers(1, 8))
def test_items_are_returned_once_for_any_order_of_responses(
    count: int, cap: int, size: int, way: int, chance: random.Random, width: int
) -> None:
    server = Server(count, cap, {})
    assert readers(server, Race(chance, width), size)[way]() == list(range(count))


@settings(deadline=None, max_examples=300)
@given(
    *_SIZES,
    st.integers(0, 2),
    st.randoms(use_true_random=False),
    st.integers(1, 8),
    st.booleans(),
    st.dictionaries(st.integers(1, 12), st.sampled_from(["first", "last"]), max_size=3),
)
def test_unchanged_items_of_a_changing_list_are_returned_or_an_error_is_raised(
    count: int,
    cap: int,
    size: int,
    way: int,
    chance: random.Random,
    width: int,
    shrinks: bool,
    moves: dict[int, str],
) -> None:
    server = Server(count, cap, {number: f"remove {end}" if shrinks else end for number, end in moves.items()})
    try:
        found = readers(server, Race(chance, width), size)[way]()
    except InvalidResponseError:
        return
    stayed = {item for item in server.items if item < 1000}
    assert stayed <= set(found)
    assert set(found) <= set(range(count)) | {1000 + number for number in moves}


def test_items_added_at_both_ends_do_not_hide_a_missed_item() -> None:
    """A page is returned before an earlier one, and an item is added: one is repeated, one is missed."""

    class LastFirst:
        def map(self, task: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
            given = list(arguments)
            done = {number: task(number) for number in [*given[:3], *reversed(given[3:])]}
            yield from ((number, done[number]) for number in given)

    server = Server(9, 2, {4: "last", 7: "first"})
    found = [item for page in pages_by_page_size(server.page, LastFirst(), 2, int, "points") for item in page]
    assert set(range(9)) <= set(found)
