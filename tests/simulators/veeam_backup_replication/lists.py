# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of Backup & Replication: skip and limit, order, filters, and the envelope around the items (facts B3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from tests.simulators.product_api import Call, Dialect, Refusal, Response
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.versions import REVISIONS, Row, Shape

Test = Callable[[Row], bool]
# A filter of a list: the values that were sent and the clock give a test.
Filter = Callable[[list[str], ServerClock], Test]

_DEFAULT_LIMIT = 200
_MOST_REMEMBERED = 64


def _bad(value: str, name: str) -> Refusal:
    return Refusal(400, f"The value '{value}' is not valid for {name}.")


def _whole(call: Call, name: str, default: int, least: int) -> int:
    value = call.first(name)
    if value is None:
        return default
    if not value.isdecimal() or int(value) < least:
        raise _bad(value, name)
    return int(value)


def _flag(call: Call, name: str, default: bool) -> bool:
    value = (call.first(name) or str(default)).lower()
    if value not in ("true", "false"):
        raise _bad(value, name)
    return value == "true"


# Filters


def after(member: str = "_moment") -> Filter:
    def build(values: list[str], clock: ServerClock) -> Test:
        moment = clock.read(values[0])
        if moment is None:
            raise _bad(values[0], "a filter on time")
        return lambda row: row[member] is not None and row[member] > moment

    return build


def before(member: str = "_moment") -> Filter:
    def build(values: list[str], clock: ServerClock) -> Test:
        moment = clock.read(values[0])
        if moment is None:
            raise _bad(values[0], "a filter on time")
        return lambda row: row[member] is not None and row[member] < moment

    return build


def pattern(values: list[str], _clock: ServerClock) -> Test:
    """An asterisk stands for anything, at either end; "can match any parameter" is taken as any text of the row."""
    text = values[0].lower()
    body, head, tail = text.strip("*"), text.startswith("*"), text.endswith("*")

    def fits(word: str) -> bool:
        if head and tail:
            return body in word
        if head:
            return word.endswith(body)
        return word.startswith(body) if tail else word == body

    return lambda row: any(isinstance(value, str) and fits(value.lower()) for value in row.values())


class SameId:
    """Rows that belong to one thing; a list finds them by an index, for there may be thousands of such questions."""

    def __init__(self, member: str) -> None:
        self.member = member

    def wanted(self, values: list[str]) -> str:
        try:
            return str(UUID(values[0]))
        except ValueError:
            raise _bad(values[0], self.member.strip("_")) from None

    def __call__(self, values: list[str], _clock: ServerClock) -> Test:
        wanted = self.wanted(values)
        return lambda row: row.get(self.member) == wanted


def one_of(member: str, known: Iterable[str] = (), several: bool = False) -> Filter:
    """A scalar parameter takes the first of several values; enumerations are read in any case."""
    words = {word.lower() for word in known}

    def build(values: list[str], _clock: ServerClock) -> Test:
        asked = {value.lower() for value in (values if several else values[:1])}
        if words and not asked <= words:
            raise _bad(", ".join(sorted(asked - words)), member)
        return lambda row: str(row.get(member, "")).lower() in asked

    return build


# Lists


class Shelf:
    """Rows in the newest words, newest first; what an older revision sees of them is written once and kept."""

    def __init__(self, dialect: Dialect, clock: ServerClock, rows: Iterable[Row], shape: Shape | None = None) -> None:
        self.dialect = dialect
        self.clock = clock
        self.shape = shape or Shape()
        self.rows = sorted(rows, key=lambda row: (-(row.get("_moment") or 0), row["id"]))
        self._position = {row["id"]: index for index, row in enumerate(self.rows)}
        self._written: dict[str, list[bytes]] = {}
        self._chosen: dict[tuple[str, ...], Sequence[int]] = {}
        self._indexes: dict[str, dict[str, list[int]]] = {}

    def written(self, revision: str) -> list[bytes]:
        key = self.shape.alike(revision)
        if key not in self._written:
            self._written[key] = [json.dumps(self.shape.cut(row, revision)).encode() for row in self.rows]
        return self._written[key]

    def find(self, ident: str, revision: str) -> Row:
        try:
            index = self._position[str(UUID(ident))]
        except ValueError:
            raise Refusal(400, f"The value '{ident}' is not valid.") from None
        except KeyError:
            raise Refusal(404, f"The object with ID '{ident}' was not found.") from None
        return self.shape.cut(self.rows[index], revision)

    def item(self, ident: str, revision: str) -> Response:
        return Response(200, json.dumps(self.find(ident, revision)).encode())

    def page(
        self,
        call: Call,
        revision: str,
        filters: Mapping[str, Filter] | None = None,
        columns: Mapping[str, str] | None = None,
        *,
        drifts: bool = False,
    ) -> Response:
        """A page of what the filters leave. Parameters that are no filters of this list are ignored (facts B3)."""
        skip, limit = _whole(call, "skip", 0, 0), _whole(call, "limit", _DEFAULT_LIMIT, 1)
        cap = self.dialect.number("page_cap")
        limit = min(limit, cap) if cap else limit
        indexes = self._order(self._left(call, revision, filters or {}), call, columns or {})
        if drifts:
            indexes = self.dialect.drifting(call, indexes, self.written(revision).__getitem__)
        return self._envelope(revision, indexes, skip, limit)

    def whole(self, revision: str) -> Response:
        """Without paging, as lists below an object are before 1.3-rev2."""
        return self._envelope(revision, range(len(self.rows)), 0, max(len(self.rows), 1))

    def _envelope(self, revision: str, indexes: Sequence[int], skip: int, limit: int) -> Response:
        written = self.written(revision)
        data = [written[index] for index in indexes[skip : skip + limit]]
        pagination = {"total": len(indexes), "count": len(data), "skip": skip, "limit": limit}
        return Response(
            200, b'{"data":[' + b",".join(data) + b'],"pagination":' + json.dumps(pagination).encode() + b"}"
        )

    def _left(self, call: Call, revision: str, filters: Mapping[str, Filter]) -> Sequence[int]:
        asked = {name: [value for key, value in call.query if key == name] for name in filters}
        asked = {name: values for name, values in asked.items() if values}
        if not asked:
            return range(len(self.rows))
        # the same words can mean another filter in another revision
        key = (revision, *(word for name, values in sorted(asked.items()) for word in (name, *values)))
        if key not in self._chosen:
            tests = [filters[name](values, self.clock) for name, values in asked.items()]
            if len(self._chosen) >= _MOST_REMEMBERED:
                self._chosen.clear()
            near = self._candidates(asked, filters)
            self._chosen[key] = [index for index in near if all(test(self._seen(index, revision)) for test in tests)]
        return self._chosen[key]

    def _seen(self, index: int, revision: str) -> Row:
        """The row in the words of the revision, which are those that a filter is asked in."""
        row = self.rows[index]
        if self.shape.alike(revision) == self.shape.alike(REVISIONS[-1]):
            return row
        hidden = {name: value for name, value in row.items() if name.startswith("_")}
        return hidden | self.shape.cut(row, revision)

    def _candidates(self, asked: Mapping[str, list[str]], filters: Mapping[str, Filter]) -> Sequence[int]:
        for name, values in asked.items():
            question = filters[name]
            if isinstance(question, SameId):
                return self.index(question.member).get(question.wanted(values), [])
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
            raise _bad(column, "orderColumn")
        ascending, member = _flag(call, "orderAsc", False), columns[column]
        if member == "_moment":
            return indexes[::-1] if ascending else indexes
        return sorted(indexes, key=lambda index: str(self.rows[index].get(member, "")), reverse=not ascending)
