# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of vProtect: bare arrays, pages from 0, and the same parameters for paging and sorting."""

from __future__ import annotations

import copy
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.simulators.product_api import Call, ProductApi, Refusal, Response

Row = dict[str, Any]

_JSON = "application/json"
_PAGING = ("page", "size")
# Number of row selections that are cached, so that the pages of one listing come from one list.
_MAX_CACHED = 32


class Query:
    """The parameters of a call. Unknown and empty ones are ignored."""

    def __init__(self, call: Call) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in call.query:
            if value:
                self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def text(self, name: str) -> str | None:
        return self._values[name][0] if name in self._values else None

    def int_value(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not value.removeprefix("-").isdecimal():
            raise Refusal(400, f"Invalid value of the parameter {name}: {value}")
        return int(value)

    def flag(self, name: str) -> bool:
        return (self.text(name) or "false").lower() == "true"

    def choice(self, name: str, known: Iterable[str]) -> list[str]:
        wanted, names = self.all(name), list(known)
        for value in wanted:
            if value not in names:
                raise Refusal(400, f"No enum constant {name}: {value}")
        return wanted

    def without(self, *names: str) -> Query:
        """Return the same query without these parameters."""
        kept = copy.copy(self)
        kept._values = {name: values for name, values in self._values.items() if name not in names}
        return kept

    @property
    def is_descending(self) -> bool:
        return self.text("direction") == "desc"

    def key_without_page(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple(sorted((name, tuple(values)) for name, values in self._values.items() if name not in _PAGING))


class Pages:
    """Builds pages of selected rows; a selection is cached until something changes."""

    def __init__(self, api: ProductApi) -> None:
        self.api = api
        self._cached: OrderedDict[object, list[bytes]] = OrderedDict()

    def clear(self) -> None:
        self._cached.clear()

    def respond(self, call: Call, account: str, choose: Callable[[Query], list[bytes]]) -> Response:
        query = Query(call)
        key = (call.path, account, query.key_without_page())
        if key not in self._cached:
            self._cached[key] = choose(query)
            if len(self._cached) > _MAX_CACHED:
                self._cached.popitem(last=False)
        self._cached.move_to_end(key)
        items = self._cached[key]
        if call.path.rstrip("/").endswith("/backups") and (query.int_value("size") or 1) > 1:
            items = list(self.api.with_concurrent_changes(call, items, bytes))
        headers = {"X-Total-Count": str(len(items))} if self.api.flag("total_count") else {}
        return Response(200, array(self._slice(query, items)), _JSON, headers)

    def with_odd_entries(self, items: list[bytes]) -> list[bytes]:
        """Add entries that are not records, for the variant `inventory`: odd."""
        return [*items, b'"no record"', b"null"] if self.api.text("inventory") == "odd" else items

    def _slice(self, query: Query, items: list[bytes]) -> Sequence[bytes]:
        """Return a page, or the complete list without a size. No maximum size is published: variant page_cap."""
        size, page, cap = query.int_value("size"), query.int_value("page") or 0, self.api.number("page_cap")
        if size is None:
            return items[:cap] if cap else items
        if size < 1 or page < 0:
            raise Refusal(400, f"Invalid page: {page} of size {size}")
        size = min(size, cap) if cap else size
        return items[page * size : (page + 1) * size]


def array(items: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def encode_rows(rows: Iterable[Row]) -> list[bytes]:
    return [json.dumps(row).encode() for row in rows]


def without_nulls(row: Row) -> Row:
    """Omit fields without a value."""
    return {name: value for name, value in row.items() if value is not None}


def get_nested(row: Row, path: str) -> object:
    """Get the field that orderBy names, possibly nested, such as hypervisor.name."""
    value: object = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def rank(value: object) -> tuple[int, float, str]:
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, (bool, int, float)):
        return (1, float(value), "")
    return (0, 0.0, "") if value is None else (2, 0.0, str(value).casefold())


def sort_rows(rows: list[Row], query: Query) -> list[Row]:
    """Sort as requested; by name if no order is requested."""
    path = query.text("orderBy") or "name"
    return sorted(
        rows, key=lambda row: (rank(get_nested(row, path)), str(row.get("guid"))), reverse=query.is_descending
    )
