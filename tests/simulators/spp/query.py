# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SPP's query grammar: filter, sort, pages, and the aggregate call over rows of the catalogue."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any
from urllib.parse import urlencode

from tests.simulators.product_api import Call, Refusal, Response

Row = dict[str, Any]

DEFAULT_PAGE_SIZE = 100
_PARENTS = ("properties", "protectionInfo")
_REDUCERS: dict[str, Callable[[list[float]], float]] = {"count": sum, "sum": sum, "max": max, "min": min}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_OPERATORS = ("=", "!=", "IN", *_ORDERS)


def get_nested(row: object, name: str) -> object:
    """Return the value of a dotted name such as protectionInfo.transferSize, or None.

    Callers may omit the parent of a field: sessionId is in `properties`, the wizard's protectionTime in
    `protectionInfo`.
    """
    found = _get_path(row, name)
    if found is None and isinstance(row, dict):
        found = next((value for part in _PARENTS if (value := _get_path(row.get(part), name)) is not None), None)
    return found


def _get_path(row: object, name: str) -> object:
    for part in name.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row


def _malformed(reason: str) -> Refusal:
    return Refusal(400, reason, "XSBBadRequestException")


def _normalize(value: object) -> object:
    """Normalize values, because strings ("0", "true") and native JSON values are equivalent."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return float(value)
    text = str(value)
    return float(text) if _NUMBER.fullmatch(text) else text


@dataclass(frozen=True)
class Clause:
    name: str
    sign: str
    wanted: object

    def matches(self, row: Row) -> bool:
        found = get_nested(row, self.name)
        if found is None:
            return False
        if self.sign == "IN":
            return _normalize(found) in [_normalize(value) for value in self.wanted]  # type: ignore[attr-defined]
        left, right = _normalize(found), _normalize(self.wanted)
        if self.sign == "=":
            # IBM's script for system information sends a pattern: catalog*
            return left == right or (isinstance(right, str) and "*" in right and fnmatchcase(str(left), right))
        if self.sign == "!=":
            return left != right
        if isinstance(left, float) is not isinstance(right, float):
            return False
        return _ORDERS[self.sign](_rank(found), _rank(self.wanted))


@dataclass(frozen=True)
class Filter:
    clauses: tuple[Clause, ...]
    any_true: bool = False

    def matches(self, row: Row) -> bool:
        if not self.clauses:
            return True
        verdicts = (clause.matches(row) for clause in self.clauses)
        return any(verdicts) if self.any_true else all(verdicts)

    def names(self) -> set[str]:
        return {clause.name for clause in self.clauses}


def parse_filter(call: Call, any_true: bool = False) -> Filter:
    text = call.first("filter")
    try:
        entries = [] if text is None else json.loads(text)
    except ValueError:
        # The documentation's own snippet sends str([...]): single quotes, which are not valid JSON.
        raise _malformed(f"The parameter filter is not valid JSON: {text}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "property" in entry for entry in entries):
        raise _malformed(f"The parameter filter must be an array of objects with a property: {text}")
    clauses = []
    for entry in entries:
        sign = str(entry.get("op", "=")).upper()
        wanted = entry.get("value")
        if sign not in _OPERATORS or "value" not in entry or (sign == "IN" and not isinstance(wanted, list)):
            raise _malformed(f"The filter {json.dumps(entry)} is not valid.")
        clauses.append(Clause(str(entry["property"]), sign, wanted))
    return Filter(tuple(clauses), any_true)


def parse_sort(call: Call) -> list[tuple[str, bool]]:
    """Return (property, descending) by priority. IBM's own client sends text after the JSON, which is ignored."""
    text = call.first("sort")
    if text is None:
        return []
    try:
        entries, _ignored = json.JSONDecoder().raw_decode(text)
    except ValueError:
        raise _malformed(f"The parameter sort is not valid JSON: {text}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "property" in entry for entry in entries):
        raise _malformed(f"The parameter sort must be an array of objects with a property: {text}")
    directions = {str(entry.get("direction", "ASC")) for entry in entries}
    if not directions <= {"ASC", "DESC"}:
        raise _malformed(f"A sort direction is neither ASC nor DESC: {text}")
    return [(str(entry["property"]), entry.get("direction") == "DESC") for entry in entries]


def sort_rows(rows: Iterable[Row], ranks: Sequence[tuple[str, bool]]) -> list[Row]:
    ordered = list(rows)
    for name, descending in reversed(ranks):
        ordered.sort(key=partial(_row_rank, name=name), reverse=descending)
    return ordered


def _row_rank(row: Row, name: str) -> tuple[int, float, str]:
    return _rank(get_nested(row, name))


def _rank(value: object) -> tuple[int, float, str]:
    normalized = _normalize(value)
    return (0, normalized, "") if isinstance(normalized, float) else (1, 0.0, str(normalized))


@dataclass(frozen=True)
class Page:
    start: int
    size: int

    def next_start(self, total: int) -> int | None:
        """Return the record index of the next page, or None on the last one."""
        return self.start + self.size if self.start + self.size < total else None


def parse_page(call: Call) -> Page:
    return Page(_int_parameter(call, "pageStartIndex", 0, 0), _int_parameter(call, "pageSize", DEFAULT_PAGE_SIZE, 1))


def _int_parameter(call: Call, name: str, default: int, least: int) -> int:
    text = call.first(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        raise _malformed(f"The parameter {name} is not valid: {text}")
    return int(text)


def encode_rows(rows: Iterable[Row]) -> list[bytes]:
    return [json.dumps(row).encode() for row in rows]


def page_response(own_url: str, call: Call, key: str, items: Sequence[bytes | Row]) -> Response:
    """Build a page; items may be encoded already. The link to the next page uses the appliance's own URL."""
    page = parse_page(call)
    links = {"self": {"href": _href(own_url, call, page)}}
    following = page.next_start(len(items))
    if following is not None:
        links["nextPage"] = {"href": _href(own_url, call, Page(following, page.size))}
    head = json.dumps({"links": links, "total": len(items)})[:-1].encode()
    shown = items[page.start : page.start + page.size]
    body = b",".join(item if isinstance(item, bytes) else json.dumps(item).encode() for item in shown)
    return Response(200, b"%b, %b: [%b]}" % (head, json.dumps(key).encode(), body))


def _href(own_url: str, call: Call, page: Page) -> str:
    kept = [(name, value) for name, value in call.query if name not in ("pageSize", "pageStartIndex")]
    query = [*kept, ("pageSize", str(page.size)), ("pageStartIndex", str(page.start))]
    return f"{own_url}{call.path}?{urlencode(query)}"


@dataclass(frozen=True)
class Aggregate:
    """The body of action=aggregate. Only count, max and sum are documented; `min` is a variant."""

    operations: tuple[tuple[str, str, str], ...]
    group: tuple[str, ...]
    versions_only: bool

    def run(self, rows: Iterable[Row], names_honoured: bool) -> list[Row]:
        groups: dict[str, tuple[Row, list[list[float]]]] = {}
        for row in rows:
            values = [get_nested(row, name) for name in self.group]
            if self.group and all(value is None for value in values):
                continue
            new: list[list[float]] = [[] for _ignored in self.operations]
            columns = groups.setdefault(json.dumps(values), (_nested(self.group, values), new))[1]
            for column, (operation, name, _ignored) in zip(columns, self.operations, strict=True):
                found = get_nested(row, name)
                if operation == "count" and found is not None:
                    column.append(1)
                elif isinstance(found, (int, float)):
                    # Bytes remain integers, because a float would lose the last digits of a large sum.
                    column.append(found)
        return [self._result(*groups[key], names_honoured) for key in sorted(groups)]

    def _result(self, identity: Row, columns: list[list[float]], names_honoured: bool) -> Row:
        result: Row = {"_id": identity if self.group else None}
        for column, (operation, _ignored, outputname) in zip(columns, self.operations, strict=True):
            reduce = _REDUCERS[operation]
            result[outputname if names_honoured else operation] = int(reduce(column)) if column else 0
        return result


def _nested(names: Sequence[str], values: Sequence[object]) -> Row:
    """Return a dotted group key nested: {"protectionInfo": {"storageProfileName": "Gold"}}."""
    identity: Row = {}
    for name, value in zip(names, values, strict=True):
        *outer, last = name.split(".")
        place = identity
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return identity


def parse_aggregate(call: Call, min_known: bool) -> Aggregate:
    try:
        body = json.loads(call.body)
    except ValueError:
        raise _malformed("The body is not valid JSON.") from None
    operations = body.get("op") if isinstance(body, dict) else None
    if not isinstance(operations, list) or not operations:
        raise _malformed("The body has no list of operations (op).")
    known = {"count", "max", "sum"} | ({"min"} if min_known else set())
    for operation in operations:
        if not isinstance(operation, dict) or operation.get("operation") not in known or "fieldname" not in operation:
            raise _malformed(f"The operation {json.dumps(operation)} is not known.")
    group = body.get("group", [])
    copytype = body.get("copytype")
    if not isinstance(group, list) or copytype not in (None, "versiononly"):
        raise _malformed("The group or the copytype is not valid.")
    return Aggregate(
        tuple((op["operation"], op["fieldname"], op.get("outputname", op["operation"])) for op in operations),
        tuple(str(name) for name in group),
        copytype == "versiononly",
    )
