# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: its listings, page by page, as the agreed revision of the API has them."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.listing import with_ids
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, by_offset
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import (
    Mapper,
    Prefetch,
    SerialMapper,
    ThreadPool,
)

ROOT = "/api/v1"

Folded = t.TypeVar("Folded")
# (skip, limit) -> a page.
Fetch = t.Callable[[int, int], Page[t.Any]]


class Api:
    """What the readers of this product share: a session, a revision, and how listings are read."""

    def __init__(self, client: Client, thread_pool: ThreadPool, version: str, page_size: int) -> None:
        self.client = client
        self.thread_pool = thread_pool
        self.version = version
        self.page_size = page_size
        # 1.1 says neither what kind a point is nor what can be done with it.
        self.is_old = version.startswith("1.1")

    def rows(
        self,
        path: str,
        what: str,
        params: Mapping[str, str] | None = None,
        *,
        mapper: Mapper | None = None,
        identity: t.Callable[[t.Any], t.Hashable] | None = None,
    ) -> Iterator[dict[str, t.Any]]:
        """All records of one listing, pages read in parallel unless ``mapper`` says otherwise."""
        return self.records(self._pages_of(path, params), what, mapper=mapper, identity=identity)

    def prefetch(self, path: str) -> Prefetch[Page[t.Any]]:
        """The pages of a listing, for ``folded``, whose first one is asked for now."""
        return Prefetch(self.thread_pool, self._pages_of(path), 0, self.page_size)

    def _pages_of(self, path: str, params: Mapping[str, str] | None = None) -> Fetch:
        def fetch(offset: int, limit: int) -> Page[t.Any]:
            return self.page(path, {**(params or {}), "skip": str(offset), "limit": str(limit)})

        return fetch

    def records(
        self,
        fetch: Fetch,
        what: str,
        *,
        mapper: Mapper | None = None,
        identity: t.Callable[[t.Any], t.Hashable] | None = None,
    ) -> Iterator[dict[str, t.Any]]:
        """The same of pages that ``fetch`` gives by offset and limit."""
        by_id = identity or (lambda row: as_text(as_object(row).get("id")))
        pages = by_offset(fetch, mapper or self.thread_pool, self.page_size, by_id, what)
        return with_ids(self.client.host, pages, what)

    def page(self, path: str, params: Mapping[str, str] | None = None) -> Page[t.Any]:
        """One page, or the whole of a listing that has no pages."""
        answer = self.client.get(ROOT + path, params)
        body = answer.json_object()
        items = get_items(body, "data", answer.call, answer.server)
        return Page(items, as_int(as_object(body.get("pagination")).get("total")))

    def optional(self, path: str, what: str, params: Mapping[str, str] | None = None) -> list[dict[str, t.Any]] | str:
        """All records of a listing that only adds to the answer, or why they cannot be had."""
        return self.folded(self._pages_of(path, params), what, list, mapper=SerialMapper())

    def folded(
        self,
        fetch: Fetch,
        what: str,
        fold: t.Callable[[Iterator[dict[str, t.Any]]], Folded],
        *,
        mapper: Mapper | None = None,
    ) -> Folded | str:
        """What ``fold`` makes of all records of such a listing, page after page, or why they cannot be had."""
        try:
            return fold(self.records(fetch, what, mapper=mapper))
        except (ForbiddenError, NotFoundError) as error:
            return error.message
        except InvalidResponseError as error:
            if error.status == 400:
                # What a platform does not support is answered so.
                return error.words or error.message
            raise


def window_of(collector: Collector) -> dict[str, str]:
    """The window as filters of the server, a second wider because it may cut fractions."""
    window = {}
    if collector.since is not None:
        window["createdAfterFilter"] = format_time(collector.since - SECOND)
    if collector.until is not None:
        window["createdBeforeFilter"] = format_time(collector.until + SECOND)
    return window
