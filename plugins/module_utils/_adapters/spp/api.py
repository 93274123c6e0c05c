# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: read paged listings by following the links in the responses, and check these links."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    DataError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import RequestNotAllowedError
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, pages_by_link
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Prefetch, ThreadPool

SEARCH = "/api/hypervisor/search"
# Errors of one request or one record, including a link that must not be followed.
PART_ERRORS = (*REQUEST_ERRORS, DataError, RequestNotAllowedError)


@dataclasses.dataclass(frozen=True)
class SideListing:
    """An optional listing. ``problem`` is why it could not be read, or only partially."""

    rows: list[dict[str, t.Any]]
    problem: str | None = None
    is_available: bool = True


class Api:
    """Listings of one server. Only the configured address is used, even if links contain another one."""

    def __init__(self, client: Client, thread_pool: ThreadPool, page_size: int) -> None:
        self.client = client
        self._thread_pool = thread_pool
        self._page_size = str(page_size)

    def list_items(
        self, path: str, params: Mapping[str, str], member: str, what: str, *, prefetch: bool = False
    ) -> Iterator[t.Any]:
        """Yield all items of a listing, following links.nextPage. ``prefetch``: request the first page immediately."""
        parts = urlsplit(path)
        first = {**dict(parse_qsl(parts.query)), **params, "pageSize": self._page_size}
        # Always read a listing from its first record, even if its link starts elsewhere.
        first.pop("pageStartIndex", None)

        def fetch(link: str | None) -> Page[t.Any]:
            path, overlaps = _with_overlap(_keep_path(link, parts.path)) if link else (parts.path, False)
            return self._parse_page(self.client.get(path, None if link else first), member, overlaps=overlaps)

        fetch_page = Prefetch(self._thread_pool, fetch, None) if prefetch else fetch
        return itertools.chain.from_iterable(pages_by_link(fetch_page, what))

    def list_optional(self, path: str, params: Mapping[str, str], member: str, what: str) -> SideListing:
        """Read an optional listing. Items that are not objects are skipped."""
        return _read_optional(lambda: self.list_items(path, params, member, what))

    def search(self) -> SideListing:
        """Return the virtual machines that the restore wizard lists."""
        body = {"name": "*", "hypervisorType": "*"}
        first = {"resourceType": "vm", "from": "recovery", "pageSize": self._page_size}

        def fetch(link: str | None) -> Page[t.Any]:
            path, overlaps = _with_overlap(link) if link else (SEARCH, False)
            response = self.client.request("POST", path, params=None if link else first, json_body=body)
            return self._parse_page(response, "vms", overlaps=overlaps)

        return _read_optional(
            lambda: itertools.chain.from_iterable(pages_by_link(fetch, "virtual machines to restore"))
        )

    def _parse_page(self, response: Response, member: str, *, overlaps: bool) -> Page[t.Any]:
        body = response.json_object()
        items = get_items(body, member, response.request, response.server)
        following = get_href(body, "nextPage")
        return Page(
            items, as_int(body.get("total")), self.client.to_local_path(following) if following else None, overlaps
        )

    def follow(self, href: str, base: str) -> str:
        """Convert a link of a record to a path on the configured server; the path must be below ``base``."""
        link = self.client.to_local_path(href)
        path = unquote(urlsplit(link).path)
        # Dot segments would lead outside of ``base`` when they are resolved.
        if not path.casefold().startswith(f"{base}/".casefold()) or {".", ".."}.intersection(path.split("/")):
            raise RequestNotAllowedError(
                f"a link of the server does not lead to a path below {base!r}",
                server=self.client.host,
                request=f"GET {urlsplit(link).path}",
                hint="Only links to the data of the same object are followed. Please report it",
            )
        return link


def _read_optional(read: t.Callable[[], Iterator[t.Any]]) -> SideListing:
    try:
        items = list(read())
    except PART_ERRORS as error:
        return SideListing([], error.message, is_available=False)
    rows = [item for item in items if isinstance(item, dict)]
    invalid = len(items) - len(rows)
    return SideListing(rows, f"{invalid} of {len(items)} items are not objects" if invalid else None)


def get_href(record: t.Any, name: str) -> str | None:
    """Return a link of a record, or None if it is missing or empty."""
    return as_text(as_object(as_object(as_object(record).get("links")).get(name)).get("href"))


def _keep_path(link: str, path: str) -> str:
    """Keep the path of a listing for its next page. Some servers link to another path and format of the same list."""
    query = urlsplit(link).query
    return f"{path}?{query}" if "pageStartIndex" in dict(parse_qsl(query)) else link


def _with_overlap(link: str) -> tuple[str, bool]:
    """Make the next page start one record earlier. The overlap proves that no record between the pages was missed."""
    parts = urlsplit(link)
    query = dict(parse_qsl(parts.query))
    start = query.get("pageStartIndex", "")
    if not start.isdecimal() or not int(start) or query.get("pageSize") == "1":
        return link, False
    return f"{parts.path}?{urlencode({**query, 'pageStartIndex': int(start) - 1})}", True
