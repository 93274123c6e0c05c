# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: reads paged listings with the negotiated revision of the API."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.listing import require_ids
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import PartialRead, get_reason
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import REQUEST_ERRORS, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, pages_by_offset
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import (
    Mapper,
    Prefetch,
    SerialMapper,
    ThreadPool,
)

ROOT = "/api/v1"
# The first path is for 1.2 or later. 1.1 has the second one; its later revisions have both.
POINTS = ("/restorePoints", "/objectRestorePoints")

Result = t.TypeVar("Result")
# (skip, limit) -> page.
Fetch = t.Callable[[int, int], Page[t.Any]]


class Api:
    """Shared by the readers of this product: session, API revision and reading of listings."""

    def __init__(
        self, client: Client, thread_pool: ThreadPool, version: str, page_size: int, partial: PartialRead
    ) -> None:
        self.client = client
        self.thread_pool = thread_pool
        self.partial = partial
        self.version = version
        self.page_size = page_size
        # 1.1 does not report the kind of a point, or the operations that are allowed for it.
        self.is_old = version.startswith("1.1")
        self.point_paths = POINTS[::-1] if self.is_old else POINTS

    def rows(
        self,
        path: str,
        what: str,
        params: Mapping[str, str] | None = None,
        *,
        mapper: Mapper | None = None,
    ) -> Iterator[dict[str, t.Any]]:
        """Yield all records of one listing. Pages are read in parallel unless ``mapper`` is set."""
        return self.records(self._build_fetch(path, params), what, mapper=mapper)

    def object_rows(self) -> Iterator[dict[str, t.Any]]:
        """Yield the rows of the backup objects. There is one row per object and backup."""
        what = "backup objects"
        fetch = self._build_fetch("/backupObjects", {"orderColumn": "Name"})
        pages = pages_by_offset(
            fetch, self.thread_pool, self.page_size, _get_object_and_backup, what, may_repeat=_has_no_backup
        )
        return self.check_records(pages, what)

    def prefetch(self, path: str) -> Prefetch[Page[t.Any]]:
        """Return the pages of a listing, for ``collect_optional``. The first page is requested immediately."""
        return Prefetch(self.thread_pool, self._build_fetch(path), 0, self.page_size)

    def _build_fetch(self, path: str, params: Mapping[str, str] | None = None) -> Fetch:
        def fetch(offset: int, limit: int) -> Page[t.Any]:
            return self.page(path, {**(params or {}), "skip": str(offset), "limit": str(limit)})

        return fetch

    def records(
        self,
        fetch: Fetch,
        what: str,
        *,
        mapper: Mapper | None = None,
        report: Callable[[InvalidResponseError], None] | None = None,
    ) -> Iterator[dict[str, t.Any]]:
        """Yield all records of the pages that ``fetch`` returns by offset and limit.

        Records without an id are skipped and passed to ``report``. By default, the read result is then incomplete.
        """
        pages = pages_by_offset(fetch, mapper or self.thread_pool, self.page_size, _get_id, what)
        return self.check_records(pages, what, report)

    def check_records(
        self,
        pages: Iterable[Sequence[t.Any]],
        what: str,
        report: Callable[[InvalidResponseError], None] | None = None,
    ) -> Iterator[dict[str, t.Any]]:
        """Yield all records of these pages, like ``records``."""
        return require_ids(self.client.host, iter(pages), what, report or self.partial.add_invalid_record)

    def page(self, path: str, params: Mapping[str, str] | None = None) -> Page[t.Any]:
        """Fetch one page, or a complete listing without paging."""
        response = self.client.get(ROOT + path, params)
        body = response.json_object()
        items = get_items(body, "data", response.request, response.server)
        return Page(items, as_int(as_object(body.get("pagination")).get("total")))

    def fetch_optional(
        self, path: str, what: str, params: Mapping[str, str] | None = None
    ) -> list[dict[str, t.Any]] | str:
        """Fetch all records of an optional listing, or return the reason why it cannot be read."""
        return self.collect_optional(self._build_fetch(path, params), what, list, mapper=SerialMapper())

    def collect_optional(
        self,
        fetch: Fetch,
        what: str,
        build: Callable[[Iterator[dict[str, t.Any]]], Result],
        *,
        mapper: Mapper | None = None,
    ) -> Result | str:
        """Call ``build`` with all records of an optional listing, page by page, or return why it cannot be read."""
        try:
            return build(self.records(fetch, what, mapper=mapper, report=self._ignore))
        except REQUEST_ERRORS as error:
            return get_reason(error)

    def _ignore(self, error: InvalidResponseError) -> None:
        self.partial.warn(f"{error.message} and is ignored")


def _get_id(row: t.Any) -> t.Hashable:
    # Records without an id are not equal to each other.
    return as_text(as_object(row).get("id")) or repr(row)


def _get_object_and_backup(row: t.Any) -> t.Hashable:
    return as_text(as_object(row).get("id")), as_text(as_object(row).get("backupId"))


def _has_no_backup(row: t.Any) -> bool:
    # Older revisions do not report the backup, so the rows of one object cannot be distinguished.
    return as_text(as_object(row).get("backupId")) is None


def build_window_filter(collector: Collector) -> dict[str, str]:
    """Build the server filters of the window, one second wider, because the server may truncate fractions."""
    window = {}
    if collector.since is not None:
        window["createdAfterFilter"] = format_time(collector.since - SECOND)
    if collector.until is not None:
        window["createdBeforeFilter"] = format_time(collector.until + SECOND)
    return window
