# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: read listings page by page along the links in the responses."""

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
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, pages_by_link
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Prefetch, ThreadPool

SEARCH = "/api/hypervisor/search"


class Api:
    """Listings of one server; only the configured address is used, even if links name another one."""

    def __init__(self, client: Client, thread_pool: ThreadPool, page_size: int) -> None:
        self._client = client
        self._thread_pool = thread_pool
        self._page_size = str(page_size)

    def list_items(
        self, path: str, params: Mapping[str, str], member: str, what: str, *, prefetch: bool = False
    ) -> Iterator[t.Any]:
        """Yield all items of a listing along links.nextPage; ``prefetch``: request the first page at once."""
        parts = urlsplit(path)
        first = {**dict(parse_qsl(parts.query)), **params, "pageSize": self._page_size}

        def fetch(link: str | None) -> Page[t.Any]:
            path, lap = _with_overlap(link) if link else (parts.path, False)
            return self._parse_page(self._client.get(path, None if link else first), member, lap=lap)

        fetch_page = Prefetch(self._thread_pool, fetch, None) if prefetch else fetch
        return itertools.chain.from_iterable(pages_by_link(fetch_page, what))

    def search(self) -> list[dict[str, t.Any]]:
        """Return the virtual machines that the restore wizard lists."""
        body = {"name": "*", "hypervisorType": "*"}
        first = {"resourceType": "vm", "from": "recovery", "pageSize": self._page_size}

        def fetch(link: str | None) -> Page[t.Any]:
            path, lap = _with_overlap(link) if link else (SEARCH, False)
            response = self._client.request("POST", path, params=None if link else first, json_body=body)
            return self._parse_page(response, "vms", lap=lap)

        pages = pages_by_link(fetch, "virtual machines to restore")
        return [as_object(item) for items in pages for item in items]

    def _parse_page(self, response: Response, member: str, *, lap: bool) -> Page[t.Any]:
        body = response.json_object()
        items = get_items(body, member, response.request, response.server)
        if not all(isinstance(item, dict) for item in items):
            raise InvalidResponseError(
                f"an item of {member!r} is not an object", server=response.server, request=response.request
            )
        following = as_text(as_object(as_object(body.get("links")).get("nextPage")).get("href"))
        return Page(items, as_int(body.get("total")), self._client.to_local_path(following) if following else None, lap)


def _with_overlap(link: str) -> tuple[str, bool]:
    """Make the next page start one record earlier, which proves that no record between the pages was missed."""
    parts = urlsplit(link)
    query = dict(parse_qsl(parts.query))
    start = query.get("pageStartIndex", "")
    if not start.isdecimal() or not int(start) or query.get("pageSize") == "1":
        return link, False
    return f"{parts.path}?{urlencode({**query, 'pageStartIndex': int(start) - 1})}", True
