# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter language of Enterprise Manager's query service.

filter     = choice {"," choice}            one of them
choice     = test {";" test}                all of them
test       = "(" filter ")" | field operator value
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timezone
from typing import Any

from tests.simulators.ground_truth import as_moment, from_iso
from tests.simulators.product_api import Refusal

Test = Callable[[Any], bool]
# Comparison of a field: as text, time, number, or by the order of an enumeration's values.
Sort = str | tuple[str, ...]

_TOKEN = re.compile(r'\s*(?:("(?:[^"]|"")*")|(==|!=|>=|<=|>|<)|([;,()])|([^\s"=!<>;,()]+))')
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
}


@dataclass(frozen=True)
class Field:
    """Reads the value of a filter field from an item."""

    get: Callable[[Any], Any]
    sort: Sort = "text"

    def key(self, item: Any) -> Any:
        """Return the value in its form for comparison."""
        return self.as_key(self.get(item))

    def as_key(self, value: Any) -> Any:
        if self.sort == "text":
            return str(value or "").lower()
        if isinstance(self.sort, tuple):
            choices_lower = [word.lower() for word in self.sort]
            return choices_lower.index(str(value).lower()) if str(value).lower() in choices_lower else -1
        return value or 0

    def read(self, text: str) -> Any:
        """Parse the value of a client to that form."""
        if self.sort == "time":
            return _time(text)
        if self.sort == "number":
            if not text.removeprefix("-").isdecimal():
                raise _invalid_filter(f"'{text}' is not a number")
            return int(text)
        key = self.as_key(text)
        if key == -1:
            raise _invalid_filter(f"'{text}' is none of {', '.join(self.sort)}")
        return key


def _invalid_filter(why: str) -> Refusal:
    return Refusal(400, f"The filter is not valid: {why}.")


def _time(text: str) -> int:
    """Parse a time; without a zone it is UTC."""
    try:
        when = from_iso(text)
    except ValueError:
        raise _invalid_filter(f"'{text}' is not a time") from None
    return as_moment(when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when)


class _Reader:
    def __init__(self, text: str, fields: Mapping[str, Field]) -> None:
        self.fields = {name.lower(): field for name, field in fields.items()}
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise _invalid_filter(f"it breaks off at '{text[position:]}'")
            kind = ("quoted", "operator", "mark", "word")[(match.lastindex or 1) - 1]
            self.tokens.append((kind, match[match.lastindex or 1]))
            position = match.end()

    def _peek(self) -> str:
        return self.tokens[0][1] if self.tokens and self.tokens[0][0] == "mark" else ""

    def choices(self) -> Test:
        tests = [self._all()]
        while self._peek() == ",":
            self.tokens.pop(0)
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)

    def _all(self) -> Test:
        tests = [self._test()]
        while self._peek() == ";":
            self.tokens.pop(0)
            tests.append(self._test())
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def _test(self) -> Test:
        if self._peek() == "(":
            self.tokens.pop(0)
            inner = self.choices()
            if self._peek() != ")":
                raise _invalid_filter("a parenthesis is not closed")
            self.tokens.pop(0)
            return inner
        if len(self.tokens) < 3 or self.tokens[0][0] != "word" or self.tokens[1][0] != "operator":
            raise _invalid_filter("a field, an operator and a value are expected")
        name, operator = self.tokens.pop(0)[1], self.tokens.pop(0)[1]
        if name.lower() not in self.fields:
            raise _invalid_filter(f"there is no field '{name}'; there are {', '.join(sorted(self.fields))}")
        field, compare = self.fields[name.lower()], _OPERATORS[operator]
        wanted = field.read(self._value())
        return lambda item: compare(field.key(item), wanted)

    def _value(self) -> str:
        kind, text = self.tokens.pop(0)
        if kind == "quoted":
            return text[1:-1].replace('""', '"')
        if kind != "word":
            raise _invalid_filter(f"a value is expected, not '{text}'")
        # Blanks outside of quotes are silently dropped.
        while self.tokens and self.tokens[0][0] == "word":
            text += self.tokens.pop(0)[1]
        if ":" in text:
            raise _invalid_filter(f"'{text}' must be quoted")
        return text


def parse_filter(text: str, fields: Mapping[str, Field]) -> Test:
    reader = _Reader(text, fields)
    test = reader.choices()
    if reader.tokens:
        raise _invalid_filter(f"'{reader.tokens[0][1]}' is not expected")
    return test
