# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paged lists (offset and limit) of JSON records with an ``id``, as used by several products."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_text, get_items
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, pages_by_offset
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Mapper, Prefetch


@dataclasses.dataclass(frozen=True)
class Listing:
    """A product's names for the two query keys and the two response fields."""

    offset: str
    limit: str
    items: str
    total: str

    def records(
        self,
        adapter: RestAdapter,
        path: str,
        what: str,
        params: Mapping[str, str] | None = None,
        mapper: Mapper | None = None,
        *,
        prefetch: bool = False,
        report: Callable[[InvalidResponseError], None] | None = None,
    ) -> Iterator[dict[str, t.Any]]:
        """Yield all records of one list; pages are read in parallel unless ``mapper`` is set.

        ``prefetch``: request the first page at once instead of when the first record is needed. ``report``: see
        ``require_ids``.
        """
        pages = self.pages(adapter, path, what, params, mapper, prefetch=prefetch)
        return require_ids(adapter.client.host, pages, what, report)

    def pages(
        self,
        adapter: RestAdapter,
        path: str,
        what: str,
        params: Mapping[str, str] | None = None,
        mapper: Mapper | None = None,
        *,
        prefetch: bool = False,
    ) -> Iterator[Sequence[t.Any]]:
        """Yield the items of each page as received: some may not be records, or have no id."""

        def fetch(offset: int, limit: int) -> Page[t.Any]:
            response = adapter.client.get(path, {**(params or {}), self.offset: str(offset), self.limit: str(limit)})
            body = response.json_object()
            return Page(get_items(body, self.items, response.request, response.server), as_int(body.get(self.total)))

        size = adapter.settings.page_size
        fetch_page = Prefetch(adapter.thread_pool, fetch, 0, size) if prefetch else fetch
        return pages_by_offset(fetch_page, mapper or adapter.thread_pool, size, _get_id, what)


def _get_id(record: t.Any) -> str:
    ident = record.get("id") if isinstance(record, dict) else None
    if isinstance(ident, str) and ident:
        return ident
    # Several records without an id are different records.
    return as_text(ident) or repr(record)


def _all_have_ids(items: Sequence[t.Any]) -> bool:
    """Return whether all items are records with a text id; if False, check them one by one."""
    try:
        idents = [item["id"] for item in items]
    except (TypeError, KeyError):
        return False
    return all(idents) and set(map(type, idents)) <= {str}


def require_ids(
    host: str, pages: Iterator[t.Any], what: str, report: Callable[[InvalidResponseError], None] | None = None
) -> Iterator[dict[str, t.Any]]:
    """Yield the records of these pages; InvalidResponseError (naming ``host``) if a record has no id.

    With ``report``, such a record is skipped, and the error is passed to ``report``.
    """
    for items in pages:
        if _all_have_ids(items):
            # Checked page by page, because a check of each record takes as long as the rest of this function.
            yield from items
            continue
        for item in items:
            if not isinstance(item, dict) or as_text(item.get("id")) is None:
                error = InvalidResponseError(f"a record of {what} has no id", server=host)
                if report is None:
                    raise error
                report(error)
                continue
            yield item
