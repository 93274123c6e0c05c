# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of a server, and the ways to read them whole."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import (
    Page,
    by_link,
    by_offset,
    by_page_size,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Mapper


def hold_still(_items: list[int]) -> None:
    """Nothing happens to the list."""


class Listing:
    """A server's list; ``then`` says what happens to it before the n-th request (from 1)."""

    def __init__(
        self,
        count: int,
        *,
        cap: int | None = None,
        totals: bool = True,
        then: dict[int, Callable[[list[int]], Any]] | None = None,
    ) -> None:
        self.items = list(range(count))
        self.asked: list[tuple[int, int]] = []
        self._cap = cap or 10**9
        self._totals = totals
        self._then: dict[int, Callable[[list[int]], Any]] = then or {}
        self._lock = threading.Lock()

    def slice(self, start: int, limit: int) -> Page[int]:
        with self._lock:
            self.asked.append((start, limit))
            self._then.get(len(self.asked), hold_still)(self.items)
            found = self.items[start : start + min(limit, self._cap)]
            return Page(found, len(self.items) if self._totals else None)

    def page(self, number: int, size: int) -> Page[int]:
        return self.slice(number * size, size)

    def linked(self, size: int) -> Callable[[str | None], Page[int]]:
        """The same as pages that name the offset of the next."""

        def fetch(link: str | None) -> Page[int]:
            start = int(link or 0)
            lap = start > 0 and size > 1
            page = self.slice(start - lap, size)
            following = start - lap + size
            return Page(page.items, page.total, str(following) if following < len(self.items) else None, lap)

        return fetch


def flat(pages: Iterable[Sequence[int]]) -> list[int]:
    return [item for page in pages for item in page]


def offsets(listing: Any, mapper: Mapper, size: int = 10) -> list[int]:
    return flat(by_offset(getattr(listing, "slice", listing), mapper, size, int, "points"))


def numbers(listing: Listing, mapper: Mapper, size: int = 10) -> list[int]:
    return flat(by_page_size(listing.page, mapper, size, int, "points"))


def links(listing: Listing, _mapper: Mapper | None = None, size: int = 10) -> list[int]:
    return flat(by_link(listing.linked(size), "points"))


Reader = Callable[..., list[int]]
READERS = pytest.mark.parametrize("read", [offsets, numbers, links])


# A listing that moves


def remove(value: int) -> Callable[[list[int]], Any]:
    return lambda items: items.remove(value)


def add_first(value: int) -> Callable[[list[int]], Any]:
    return lambda items: items.insert(0, value)


def add_last(value: int) -> Callable[[list[int]], Any]:
    return lambda items: items.append(value)
