# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: its listings, from page to page along the links that it gives."""

from __future__ import annotations

import itertools
import typing as t
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Response
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, by_link
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Prefetch, ThreadPool

SEARCH = "/api/hypervisor/search"


class Api:
    """What is read of one server, on the configured address only, whatever its links say."""

    def __init__(self, client: Client, thread_pool: ThreadPool, page_size: int) -> None:
        self._client = client
        self._workers = thread_pool
        self._page_size = str(page_size)

    def pages(
        self, path: str, params: Mapping[str, str], member: str, what: str, *, prefetch: bool = False
    ) -> Iterator[t.Any]:
        """All items of a listing, along links.nextPage; ``prefetch``: begun at once."""
        parts = urlsplit(path)
        first = {**dict(parse_qsl(parts.query)), **params, "pageSize": self._page_size}

        def fetch(link: str | None) -> Page[t.Any]:
            path, lap = _with_lap(link) if link else (parts.path, False)
            return self._page(self._client.get(path, None if link else first), member, lap=lap)

        begun = Prefetch(self._workers, fetch, None) if prefetch else fetch
        return itertools.chain.from_iterable(by_link(begun, what))

    def searched(self) -> list[dict[str, t.Any]]:
        """The virtual machines that the restore wizard finds."""
        body = {"name": "*", "hypervisorType": "*"}
        first = {"resourceType": "vm", "from": "recovery", "pageSize": self._page_size}

        def fetch(link: str | None) -> Page[t.Any]:
            path, lap = _with_lap(link) if link else (SEARCH, False)
            answer = self._client.call("POST", path, params=None if link else first, json_body=body)
            return self._page(answer, "vms", lap=lap)

        pages = by_link(fetch, "virtual machines to restore")
        return [as_object(item) for items in pages for item in items]

    def _page(self, answer: Response, member: str, *, lap: bool) -> Page[t.Any]:
        body = answer.json_object()
        items = get_items(body, member, answer.call, answer.server)
        if not all(isinstance(item, dict) for item in items):
            raise InvalidResponseError(f"an item of {member!r} is no record", server=answer.server, call=answer.call)
        following = as_text(as_object(as_object(body.get("links")).get("nextPage")).get("href"))
        return Page(items, as_int(body.get("total")), self._client.local(following) if following else None, lap)


def _with_lap(link: str) -> tuple[str, bool]:
    """A link to the next page, which begins one record earlier: that proves that none between them was missed."""
    parts = urlsplit(link)
    query = dict(parse_qsl(parts.query))
    start = query.get("pageStartIndex", "")
    if not start.isdecimal() or not int(start) or query.get("pageSize") == "1":
        return link, False
    return f"{parts.path}?{urlencode({**query, 'pageStartIndex': int(start) - 1})}", True
