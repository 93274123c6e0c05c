# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages by number: complete, or an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._failures import AnswerError
from ansible_collections.backup.audit.plugins.module_utils._paging import Inline, NumberedPage, by_number


class Shelf:
    """A server's list, newest first, that may change after some pages were read."""

    def __init__(self, items: list[int], size: int) -> None:
        self.items = items
        self.size = size
        self.asked: list[int] = []
        self.changes: dict[int, list[int]] = {}

    def fetch(self, number: int) -> NumberedPage[int]:
        """One page, and how many there are at this moment."""
        self.items = self.changes.pop(len(self.asked), self.items)
        self.asked.append(number)
        start = (number - 1) * self.size
        pages = -(-len(self.items) // self.size)
        return NumberedPage(self.items[start : start + self.size], pages)


def read(shelf: Shelf) -> list[int]:
    """All items, in the order in which they came."""
    return [item for page in by_number(shelf.fetch, Inline(), lambda item: item, "points") for item in page]


@given(st.integers(0, 60), st.integers(1, 20))
def test_every_item_once_and_in_order(count: int, size: int) -> None:
    """However they are cut into pages; an empty list is one request."""
    shelf = Shelf(list(range(count)), size)
    assert read(shelf) == list(range(count))
    assert len(shelf.asked) == max(1, -(-count // size))


def test_items_that_came_in_front_lose_none() -> None:
    """They push others to the next page, which then are met twice; what is new is read as well."""
    shelf = Shelf(list(range(10, 20)), 5)
    shelf.changes[1] = [8, 9, *range(10, 20)]
    assert sorted(read(shelf)) == list(range(8, 20))


def test_a_page_that_is_short_in_the_middle_is_an_error() -> None:
    """A server that cuts pages would else lose what it cut."""

    def fetch(number: int) -> NumberedPage[int]:
        return NumberedPage([number * 10 + index for index in range(2 if number == 2 else 3)], 4)

    with pytest.raises(AnswerError, match="page 2 of points holds 2 items, the first one 3"):
        list(by_number(fetch, Inline(), lambda item: item, "points"))


def test_a_server_that_gives_the_same_page_for_all_is_an_error() -> None:
    """It ignores the number; nothing more can be read from it."""
    asked: list[int] = []

    def fetch(number: int) -> NumberedPage[int]:
        asked.append(number)
        return NumberedPage([1, 2, 3], 3)

    with pytest.raises(AnswerError, match="incomplete: 3 of 9") as caught:
        list(by_number(fetch, Inline(), lambda item: item, "points"))
    assert caught.value.code == "incomplete"
    assert len(asked) == 9


def test_pages_without_end_are_not_followed() -> None:
    """Whatever number a server tells."""
    with pytest.raises(AnswerError, match="more than"):
        list(by_number(lambda _number: NumberedPage([1], 10**9), Inline(), lambda item: item, "points"))
