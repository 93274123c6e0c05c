# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of JSON records that each have an ``id``, in pages by offset and limit, as several products have them."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_text, get_items
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import Page, by_offset
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import Mapper, Prefetch


@dataclasses.dataclass(frozen=True)
class Listing:
    """What a product calls the two keys of the query, and the two members of the answer."""

    offset: str
    limit: str
    items: str
    total: str

    def records(
        self,
        source: RestAdapter,
        path: str,
        what: str,
        params: Mapping[str, str] | None = None,
        mapper: Mapper | None = None,
        *,
        prefetch: bool = False,
    ) -> Iterator[dict[str, t.Any]]:
        """All records of one list, pages read in parallel unless ``mapper`` says otherwise.

        ``prefetch``: the first page is asked for now, not when the first record is wanted.
        """

        def fetch(offset: int, limit: int) -> Page[t.Any]:
            answer = source.client.get(path, {**(params or {}), self.offset: str(offset), self.limit: str(limit)})
            body = answer.json_object()
            return Page(get_items(body, self.items, answer.call, answer.server), as_int(body.get(self.total)))

        size = source.settings.page_size
        begun = Prefetch(source.thread_pool, fetch, 0, size) if prefetch else fetch
        return with_ids(source.client.host, by_offset(begun, mapper or source.thread_pool, size, _identity, what), what)


def _identity(record: t.Any) -> str:
    ident = record.get("id") if isinstance(record, dict) else None
    return ident if isinstance(ident, str) else str(ident)


def _all_have_ids(items: Sequence[t.Any]) -> bool:
    """Whether all are records with a text as id; False where that is to be looked at one by one."""
    try:
        idents = [item["id"] for item in items]
    except (TypeError, KeyError):
        return False
    return all(idents) and set(map(type, idents)) <= {str}


def with_ids(host: str, pages: Iterator[t.Any], what: str) -> Iterator[dict[str, t.Any]]:
    """The records of these pages. Each must have an id; if one does not, InvalidResponseError names ``host``."""
    for items in pages:
        if _all_have_ids(items):
            # Page by page: the check record by record took as long as the rest of this module.
            yield from items
            continue
        for item in items:
            if not isinstance(item, dict) or as_text(item.get("id")) is None:
                raise InvalidResponseError(f"a record of {what} has no id", server=host)
            yield item
