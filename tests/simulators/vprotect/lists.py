# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of vProtect: bare arrays, pages from 0, and the same words for paging and sorting everywhere (facts 3.1)."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.simulators.product_api import Call, Dialect, Refusal, Response

Row = dict[str, Any]

_JSON = "application/json"
_PAGING = ("page", "size")
# Choices of rows that are remembered, so that the pages of one listing are cut from one list.
_REMEMBERED = 32


class Query:
    """The parameters of a call. Those that nobody knows, and empty ones, are borne (facts 3.1)."""

    def __init__(self, call: Call) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in call.query:
            if value:
                self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def text(self, name: str) -> str | None:
        return self._values[name][0] if name in self._values else None

    def whole(self, name: str) -> int | None:
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

    @property
    def falls(self) -> bool:
        return self.text("direction") == "desc"

    def without_page(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple(sorted((name, tuple(values)) for name, values in self._values.items() if name not in _PAGING))


class Pages:
    """Cuts pages from chosen rows; a choice is made once and served from memory until something changes."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._chosen: OrderedDict[object, list[bytes]] = OrderedDict()

    def forget(self) -> None:
        self._chosen.clear()

    def answer(self, call: Call, account: str, choose: Callable[[Query], list[bytes]]) -> Response:
        query = Query(call)
        key = (call.path, account, query.without_page())
        if key not in self._chosen:
            self._chosen[key] = choose(query)
            if len(self._chosen) > _REMEMBERED:
                self._chosen.popitem(last=False)
        self._chosen.move_to_end(key)
        items = self._chosen[key]
        if call.path.rstrip("/").endswith("/backups") and (query.whole("size") or 1) > 1:
            items = list(self.dialect.drifting(call, items, bytes))
        headers = {"X-Total-Count": str(len(items))} if self.dialect.flag("total_count") else {}
        return Response(200, array(self._slice(query, items)), _JSON, headers)

    def _slice(self, query: Query, items: list[bytes]) -> Sequence[bytes]:
        """Without a size the whole list comes. No largest size is published: the variant page_cap sets one."""
        size, page, cap = query.whole("size"), query.whole("page") or 0, self.dialect.number("page_cap")
        if size is None:
            return items[:cap] if cap else items
        if size < 1 or page < 0:
            raise Refusal(400, f"Invalid page: {page} of size {size}")
        size = min(size, cap) if cap else size
        return items[page * size : (page + 1) * size]


def array(items: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def written(rows: Iterable[Row]) -> list[bytes]:
    return [json.dumps(row).encode() for row in rows]


def without_nulls(row: Row) -> Row:
    """Members without a value are left out (facts 4)."""
    return {name: value for name, value in row.items() if value is not None}


def dig(row: Row, path: str) -> object:
    """orderBy names a member, or a member of a member, such as hypervisor.name."""
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
    """In the order asked for; by name where none is."""
    path = query.text("orderBy") or "name"
    return sorted(rows, key=lambda row: (rank(dig(row, path)), str(row.get("guid"))), reverse=query.falls)
