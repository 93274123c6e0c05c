# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server-side list with pages, and functions that read it completely."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import (
    Page,
    pages_by_link,
    pages_by_offset,
    pages_by_page_size,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Mapper


def do_nothing(_items: list[int]) -> None:
    """Leave the list unchanged."""


class Listing:
    """A server's list; ``then`` maps the number of a request (from 1) to a change before it."""

    def __init__(
        self,
        count: int,
        *,
        cap: int | None = None,
        totals: bool = True,
        then: dict[int, Callable[[list[int]], Any]] | None = None,
    ) -> None:
        self.items = list(range(count))
        self.requests: list[tuple[int, int]] = []
        self._cap = cap or 10**9
        self._totals = totals
        self._then: dict[int, Callable[[list[int]], Any]] = then or {}
        self._lock = threading.Lock()

    def slice(self, start: int, limit: int) -> Page[int]:
        with self._lock:
            self.requests.append((start, limit))
            self._then.get(len(self.requests), do_nothing)(self.items)
            found = self.items[start : start + min(limit, self._cap)]
            return Page(found, len(self.items) if self._totals else None)

    def page(self, number: int, size: int) -> Page[int]:
        return self.slice(number * size, size)

    def linked(self, size: int) -> Callable[[str | None], Page[int]]:
        """Return a fetch function for pages that link to the offset of the next one."""

        def fetch(link: str | None) -> Page[int]:
            start = int(link or 0)
            overlap = start > 0 and size > 1
            page = self.slice(start - overlap, size)
            following = start - overlap + size
            return Page(page.items, page.total, str(following) if following < len(self.items) else None, overlap)

        return fetch


def flatten(pages: Iterable[Sequence[int]]) -> list[int]:
    return [item for page in pages for item in page]


def list_by_offset(listing: Any, mapper: Mapper, size: int = 10) -> list[int]:
    return flatten(pages_by_offset(getattr(listing, "slice", listing), mapper, size, int, "points"))


def list_by_page(listing: Listing, mapper: Mapper, size: int = 10) -> list[int]:
    return flatten(pages_by_page_size(listing.page, mapper, size, int, "points"))


def list_by_link(listing: Listing, _mapper: Mapper | None = None, size: int = 10) -> list[int]:
    return flatten(pages_by_link(listing.linked(size), "points"))


Reader = Callable[..., list[int]]
READERS = pytest.mark.parametrize("read", [list_by_offset, list_by_page, list_by_link])


# Changes of a listing


def remove(value: int) -> Callable[[list[int]], Any]:
    return lambda items: items.remove(value)


def add_first(value: int) -> Callable[[list[int]], Any]:
    return lambda items: items.insert(0, value)


def add_last(value: int) -> Callable[[list[int]], Any]:
    return lambda items: items.append(value)
