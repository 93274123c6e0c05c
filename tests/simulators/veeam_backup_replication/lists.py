# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of Backup & Replication: skip and limit, order, filters, and the envelope around the items."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from tests.simulators.product_api import Call, ProductApi, Refusal, Response
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.versions import REVISIONS, Row, Shape

Test = Callable[[Row], bool]
# A filter of a list: returns a test for the values that were sent and the clock.
Filter = Callable[[list[str], ServerClock], Test]

_DEFAULT_LIMIT = 200
_MAX_CACHED = 64


def _invalid_value(value: str, name: str) -> Refusal:
    return Refusal(400, f"The value '{value}' is not valid for {name}.")


def _int_parameter(call: Call, name: str, default: int, least: int) -> int:
    value = call.first(name)
    if value is None:
        return default
    if not value.isdecimal() or int(value) < least:
        raise _invalid_value(value, name)
    return int(value)


def _bool_parameter(call: Call, name: str, default: bool) -> bool:
    value = (call.first(name) or str(default)).lower()
    if value not in ("true", "false"):
        raise _invalid_value(value, name)
    return value == "true"


# Filters


def after(member: str = "_moment") -> Filter:
    def build(values: list[str], clock: ServerClock) -> Test:
        moment = clock.parse(values[0])
        if moment is None:
            raise _invalid_value(values[0], "a filter on time")
        return lambda row: row[member] is not None and row[member] > moment

    return build


def before(member: str = "_moment") -> Filter:
    def build(values: list[str], clock: ServerClock) -> Test:
        moment = clock.parse(values[0])
        if moment is None:
            raise _invalid_value(values[0], "a filter on time")
        return lambda row: row[member] is not None and row[member] < moment

    return build


def pattern(values: list[str], _clock: ServerClock) -> Test:
    """Build a filter with a wildcard at either end; "can match any parameter" is interpreted as any text of the row."""
    text = values[0].lower()
    body, head, tail = text.strip("*"), text.startswith("*"), text.endswith("*")

    def matches(word: str) -> bool:
        if head and tail:
            return body in word
        if head:
            return word.endswith(body)
        return word.startswith(body) if tail else word == body

    return lambda row: any(isinstance(value, str) and matches(value.lower()) for value in row.values())


class IdFilter:
    """Finds rows that refer to one object with an index, because there may be thousands of such requests."""

    def __init__(self, member: str) -> None:
        self.member = member

    def parse_id(self, values: list[str]) -> str:
        try:
            return str(UUID(values[0]))
        except ValueError:
            raise _invalid_value(values[0], self.member.strip("_")) from None

    def __call__(self, values: list[str], _clock: ServerClock) -> Test:
        wanted = self.parse_id(values)
        return lambda row: row.get(self.member) == wanted


def enum_filter(member: str, known: Iterable[str] = (), several: bool = False) -> Filter:
    """Build a filter that uses the first of several values; enumerations are case-insensitive."""
    known_values = {word.lower() for word in known}

    def build(values: list[str], _clock: ServerClock) -> Test:
        requested = {value.lower() for value in (values if several else values[:1])}
        if known_values and not requested <= known_values:
            raise _invalid_value(", ".join(sorted(requested - known_values)), member)
        return lambda row: str(row.get(member, "")).lower() in requested

    return build


# Lists


class RowTable:
    """Rows in the newest format, newest first; the encoded rows of older revisions are cached."""

    def __init__(self, api: ProductApi, clock: ServerClock, rows: Iterable[Row], shape: Shape | None = None) -> None:
        self.api = api
        self.clock = clock
        self.shape = shape or Shape()
        self.rows = sorted(rows, key=lambda row: (-(row.get("_moment") or 0), row["id"]))
        self._position = {row["id"]: index for index, row in enumerate(self.rows)}
        self._written: dict[str, list[bytes]] = {}
        self._chosen: dict[tuple[str, ...], Sequence[int]] = {}
        self._indexes: dict[str, dict[str, list[int]]] = {}

    def encode_rows(self, revision: str) -> list[bytes]:
        key = self.shape.oldest_equivalent(revision)
        if key not in self._written:
            self._written[key] = [json.dumps(self.shape.adapt(row, revision)).encode() for row in self.rows]
        return self._written[key]

    def find(self, ident: str, revision: str) -> Row:
        try:
            index = self._position[str(UUID(ident))]
        except ValueError:
            raise Refusal(400, f"The value '{ident}' is not valid.") from None
        except KeyError:
            raise Refusal(404, f"The object with ID '{ident}' was not found.") from None
        return self.shape.adapt(self.rows[index], revision)

    def item(self, ident: str, revision: str) -> Response:
        return Response(200, json.dumps(self.find(ident, revision)).encode())

    def page(
        self,
        call: Call,
        revision: str,
        filters: Mapping[str, Filter] | None = None,
        columns: Mapping[str, str] | None = None,
        *,
        concurrent_changes: bool = False,
    ) -> Response:
        """Return a page of the filtered rows. Parameters that are not filters of this list are ignored."""
        skip, limit = _int_parameter(call, "skip", 0, 0), _int_parameter(call, "limit", _DEFAULT_LIMIT, 1)
        cap = self.api.number("page_cap")
        limit = min(limit, cap) if cap else limit
        indexes = self._order(self._filter_indexes(call, revision, filters or {}), call, columns or {})
        if concurrent_changes:
            indexes = self.api.with_concurrent_changes(call, indexes, self.encode_rows(revision).__getitem__)
        return self._envelope(revision, indexes, skip, limit)

    def all_rows(self, revision: str) -> Response:
        """Return the complete list without paging, for lists below an object before 1.3-rev2."""
        return self._envelope(revision, range(len(self.rows)), 0, max(len(self.rows), 1))

    def _envelope(self, revision: str, indexes: Sequence[int], skip: int, limit: int) -> Response:
        encoded = self.encode_rows(revision)
        data = [encoded[index] for index in indexes[skip : skip + limit]]
        pagination = {"total": len(indexes), "count": len(data), "skip": skip, "limit": limit}
        return Response(
            200, b'{"data":[' + b",".join(data) + b'],"pagination":' + json.dumps(pagination).encode() + b"}"
        )

    def _filter_indexes(self, call: Call, revision: str, filters: Mapping[str, Filter]) -> Sequence[int]:
        requested = {name: [value for key, value in call.query if key == name] for name in filters}
        requested = {name: values for name, values in requested.items() if values}
        if not requested:
            return range(len(self.rows))
        # The same parameters can be another filter in another revision.
        key = (revision, *(word for name, values in sorted(requested.items()) for word in (name, *values)))
        if key not in self._chosen:
            tests = [filters[name](values, self.clock) for name, values in requested.items()]
            if len(self._chosen) >= _MAX_CACHED:
                self._chosen.clear()
            near = self._candidates(requested, filters)
            self._chosen[key] = [
                index for index in near if all(test(self._row_for_revision(index, revision)) for test in tests)
            ]
        return self._chosen[key]

    def _row_for_revision(self, index: int, revision: str) -> Row:
        """Return the row in the format of the revision, to which filters apply."""
        row = self.rows[index]
        if self.shape.oldest_equivalent(revision) == self.shape.oldest_equivalent(REVISIONS[-1]):
            return row
        hidden = {name: value for name, value in row.items() if name.startswith("_")}
        return hidden | self.shape.adapt(row, revision)

    def _candidates(self, requested: Mapping[str, list[str]], filters: Mapping[str, Filter]) -> Sequence[int]:
        for name, values in requested.items():
            row_filter = filters[name]
            if isinstance(row_filter, IdFilter):
                return self.index(row_filter.member).get(row_filter.parse_id(values), [])
        return range(len(self.rows))

    def index(self, member: str) -> dict[str, list[int]]:
        if member not in self._indexes:
            found = self._indexes.setdefault(member, {})
            for position, row in enumerate(self.rows):
                found.setdefault(str(row.get(member)), []).append(position)
        return self._indexes[member]

    def _order(self, indexes: Sequence[int], call: Call, columns: Mapping[str, str]) -> Sequence[int]:
        column = call.first("orderColumn")
        if column is None:
            return indexes
        if column not in columns:
            raise _invalid_value(column, "orderColumn")
        ascending, member = _bool_parameter(call, "orderAsc", False), columns[column]
        if member == "_moment":
            return indexes[::-1] if ascending else indexes
        return sorted(indexes, key=lambda index: str(self.rows[index].get(member, "")), reverse=not ascending)
