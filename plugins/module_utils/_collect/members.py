# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the fields of a block of a read result. Each error contains the path of the field."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import FIRST, LAST


class Members:
    """The fields of a part of a read result. Each access checks the type; errors contain the path."""

    def __init__(self, value: t.Any, path: str) -> None:
        self._path = path
        if not isinstance(value, dict):
            raise self.error("", f"{type(value).__name__} instead of a mapping")
        self.members = value

    def error(self, name: str, problem: str) -> DataError:
        """Return an error about a field, or about the complete part if ``name`` is empty."""
        return DataError(f"{self._path}{f'.{name}' if name else ''}: {problem}", hint="Read again")

    def reject_unknown(self, known: Sequence[str]) -> None:
        """Raise DataError if there is an unknown field."""
        for name in self.members:
            if name not in known:
                raise self.error(str(name), "unknown member")

    def get(self, name: str, expected_type: type, default: t.Any = None) -> t.Any:
        """Return a field of this type. Raise DataError if it is missing or of another type."""
        value = self.members.get(name, default)
        # A boolean is also an integer.
        if not isinstance(value, expected_type) or isinstance(value, bool) is not (expected_type is bool):
            raise self.error(name, f"{value!r:.60} is not a {expected_type.__name__}")
        return value

    def numbers(self, name: str, minimum: int | None = None) -> list[int]:
        """Return a field that is a list of integers."""
        values: list[int] = self.get(name, list)
        if set(map(type, values)) - {int} or (minimum is not None and values and min(values) < minimum):
            raise self.error(
                name, "not a list of whole numbers" + ("" if minimum is None else f" of at least {minimum}")
            )
        return values

    def rows(self, name: str, width: int) -> Iterator[tuple[int, ...]]:
        """Iterate over a field that is a list of lists of ``width`` integers."""
        for row in self.get(name, list, []):
            if not isinstance(row, list) or len(row) != width or set(map(type, row)) - {int} or min(row) < 0:
                raise self.error(name, f"{row!r:.60} does not have {width} whole numbers")
            yield tuple(row)

    def check_times(self, name: str, times: Sequence[int]) -> None:
        """Raise DataError unless all times (in seconds) are plausible."""
        if times and not FIRST <= min(times) <= max(times) <= LAST:
            raise self.error(name, "a time is not between the years 1980 and 9000")

    def flag(self, name: str) -> bool | None:
        """Return a field that is true, false or null."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, f"{value!r:.60} is not a boolean")
        return value

    def choice(self, name: str, known: Sequence[str]) -> str:
        """Return a field that is one of these strings."""
        value = self.members.get(name)
        if value not in known:
            raise self.error(name, f"{value!r:.60} is none of {', '.join(known)}")
        return str(value)

    def names(self, name: str, known: Sequence[str]) -> tuple[str, ...]:
        """Return a field that is a list of distinct names, all of which are known."""
        values = self.get(name, list, [])
        if not set(map(repr, values)) <= set(map(repr, known)) or len(set(map(repr, values))) < len(values):
            raise self.error(name, f"{values!r:.60} is not a list of {', '.join(known)}")
        return tuple(values)
