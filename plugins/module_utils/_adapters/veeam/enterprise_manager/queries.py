# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: read all records of a type, and resolve references to records."""

from __future__ import annotations

import functools
import itertools
import operator
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.enterprise_manager import decoding
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import PartialRead, get_reason
from ansible_collections.backup.audit.plugins.module_utils._core.errors import REQUEST_ERRORS, NotFoundError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.pagination import NumberedPage, pages_by_number
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import (
    Mapper,
    Prefetch,
    SerialMapper,
    ThreadPool,
)

Record = dict[str, t.Any]
ENTITY = {"format": "Entity"}
# Type of point -> the path of one point.
POINT_PATHS = {
    "VmRestorePoint": "/api/vmRestorePoints",
    "AgentRestorePoint": "/api/agents/agentRestorePoints",
    "VmReplicaPoint": "/api/vmReplicaPoints",
    "CloudVmReplicaPoint": "/api/cloud/vmReplicaPoints",
}
# Maximum number of failed requests for single records, after which no more are sent.
_MAX_FAILURES = 20
_NO_TIME = "1753-01-01T00:00:00Z"


class Queries:
    """Reads records with the query service."""

    def __init__(self, client: Client, thread_pool: ThreadPool, page_size: int, partial: PartialRead) -> None:
        self._client = client
        self._thread_pool = thread_pool
        self._page_size = page_size
        self._partial = partial
        self._failures = 0
        # Types for which the server has returned a page.
        self.supported: set[str] = set()

    def rows(
        self,
        kind: str,
        params: Mapping[str, str],
        mapper: Mapper | None = None,
        *,
        prefetch: bool = False,
        convert: Callable[[Iterable[Record]], list[t.Any]] | None = None,
    ) -> Iterator[t.Any]:
        """Fetch all records of one type, from page 1 to the last; without a page size the server returns only 100.

        ``prefetch`` requests the first page immediately. ``convert`` converts the records
        of a page to tuples that start with the id, so that the records can be freed.
        """

        resolve = functools.partial(self.resolve, kind=kind)

        def fetch(number: int) -> NumberedPage[t.Any]:
            query = {"type": kind, "format": "Entities", **params}
            size = {"pageSize": str(self._page_size), "page": str(number)}
            response = self._client.get("/api/query", {**query, **size})
            if convert:
                items, pages = decoding.convert_entities(response, kind, convert, resolve)
            else:
                items, pages = decoding.parse_entities(response, kind)
                items = list(resolve(items))
            self.supported.add(kind)
            return NumberedPage(items, pages)

        fetch_page = Prefetch(self._thread_pool, fetch, 1) if prefetch else fetch
        identity = operator.itemgetter(0) if convert else _get_identity
        return itertools.chain.from_iterable(pages_by_number(fetch_page, mapper or self._thread_pool, identity, kind))

    def fetch_optional(self, kind: str) -> list[Record] | str:
        """Fetch all records of an optional type, or return why they cannot be read."""
        try:
            rows = list(self.rows(kind, {}, SerialMapper()))
        except REQUEST_ERRORS as error:
            return get_reason(error)
        valid = [row for row in rows if decoding.get_id(row) is not None]
        if len(valid) < len(rows):
            self._partial.warn(f"{len(rows) - len(valid)} records of {kind} have no id and are ignored")
        return valid

    def resolve(self, records: Iterable[Record], kind: str) -> Iterator[Record]:
        """Replace references to points with the points. Runs in worker threads."""
        for record in records:
            if kind in POINT_PATHS and decoding.is_reference(record):
                yield self._fetch_point(record, kind)
            else:
                yield record

    def _fetch_point(self, reference: Record, kind: str) -> Record:
        ident, name = decoding.get_id(reference), as_text(decoding.get_value(reference, "Name"))
        if ident is not None and self._failures < _MAX_FAILURES:
            try:
                response = self._client.get(f"{POINT_PATHS[kind]}/{path_segment(ident)}", ENTITY)
                return decoding.parse_entity(response, kind)
            except REQUEST_ERRORS as error:
                if not isinstance(error, NotFoundError):
                    self._failures += 1
                    self._partial.add_problem(error, f"restore point {name!r} ({ident})")
        self._partial.warn(
            "the server returns only references for some restore points; their time and state are unknown", kind
        )
        return {**decoding.lower_keys(reference), "type": kind, "creationtimeutc": _NO_TIME}


def _get_identity(record: Record) -> t.Hashable:
    # Records without an id are not equal to each other.
    return decoding.get_id(record) or repr(record)
