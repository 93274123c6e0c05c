# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paging of listings in which different items may have the same identity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, pages_by_offset
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import SerialMapper

# Lower case: different items with this identity exist.
LETTERS = list("aaabbCdddddEffHIg")


def read(items: list[str], size: int, then: dict[int, Callable[[list[str]], Any]] | None = None) -> list[str]:
    """Read all pages; ``then`` maps the number of a request (from 1) to a change before it."""
    requests: list[int] = []

    def fetch(start: int, limit: int) -> Page[str]:
        requests.append(start)
        if then and len(requests) in then:
            then[len(requests)](items)
        return Page(items[start : start + limit], len(items))

    pages = pages_by_offset(fetch, SerialMapper(), size, str, "letters", may_repeat=str.islower)
    return [item for page in pages for item in page]


@pytest.mark.parametrize("size", range(1, 20))
def test_each_item_is_returned_once(size: int) -> None:
    assert read(list(LETTERS), size) == LETTERS


@given(st.lists(st.sampled_from("abc"), max_size=30).map(sorted), st.integers(1, 12))
def test_any_number_of_repeats(letters: list[str], size: int) -> None:
    assert read(list(letters), size) == letters


@pytest.mark.parametrize("size", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("request_number", [2, 3])
def test_items_that_move_down_are_not_lost(size: int, request_number: int) -> None:
    """An item is added at the start. It need not be returned, but no other item may be missing."""
    found = read(list(LETTERS), size, {request_number: lambda items: items.insert(0, "A")})
    assert not Counter(LETTERS) - Counter(found)
    assert set(found) <= {*LETTERS, "A"}


@pytest.mark.parametrize("size", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("request_number", [2, 3])
def test_items_that_move_up_keep_each_identity(size: int, request_number: int) -> None:
    """An item is removed at the start. At most one of several items with the same identity may be missing."""
    found = read(list(LETTERS), size, {request_number: lambda items: items.remove("a")})
    assert set(found) == set(LETTERS)
    assert sum((Counter(LETTERS) - Counter(found)).values()) <= 1
    assert not Counter(found) - Counter(LETTERS)


def test_another_pass_does_not_return_items_again() -> None:
    """The overlap of the second page shows that an item is missed, so the listing is read again."""
    found = read(list("aabbCDddEF"), 5, {2: lambda items: items.remove("a")})
    assert sorted(found) == sorted("aabbCDddEF")


def test_a_repeated_item_that_must_not_repeat_proves_nothing() -> None:
    with pytest.raises(InvalidResponseError, match="incomplete: 3 of 4"):
        read(list("ABBC"), 10)
