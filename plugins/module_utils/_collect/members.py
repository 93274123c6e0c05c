# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the members of a block of a read result; every error names the path of the member."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import FIRST, LAST


class Members:
    """The members of a part of a read result; every access checks the type and names the path in its error."""

    def __init__(self, value: t.Any, path: str) -> None:
        self._path = path
        if not isinstance(value, dict):
            raise self.error("", f"{type(value).__name__} instead of a mapping")
        self.members = value

    def error(self, name: str, problem: str) -> DataError:
        """Return an error about a member; ``name`` "" means the whole part."""
        return DataError(f"{self._path}{f'.{name}' if name else ''}: {problem}", hint="Read again")

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Raise DataError if there is another member than these."""
        for name in self.members:
            if name not in known:
                raise self.error(str(name), "unknown member")

    def get(self, name: str, wanted: type, default: t.Any = None) -> t.Any:
        """Return a member of a type; DataError if it is missing or of another type."""
        value = self.members.get(name, default)
        # A boolean is an integer, too.
        if not isinstance(value, wanted) or isinstance(value, bool) is not (wanted is bool):
            raise self.error(name, f"{value!r:.60} is not a {wanted.__name__}")
        return value

    def numbers(self, name: str, least: int | None = None) -> list[int]:
        """Return a member that is a list of whole numbers."""
        values: list[int] = self.get(name, list)
        if set(map(type, values)) - {int} or (least is not None and values and min(values) < least):
            raise self.error(name, "not a list of whole numbers" + ("" if least is None else f" of at least {least}"))
        return values

    def rows(self, name: str, width: int) -> Iterator[tuple[int, ...]]:
        """Iterate over a member that is a list of lists of ``width`` whole numbers."""
        for row in self.get(name, list, []):
            if not isinstance(row, list) or len(row) != width or set(map(type, row)) - {int} or min(row) < 0:
                raise self.error(name, f"{row!r:.60} does not have {width} whole numbers")
            yield tuple(row)

    def check_times(self, name: str, times: Sequence[int]) -> None:
        """Raise DataError unless all times (in seconds) are plausible."""
        if times and not FIRST <= min(times) <= max(times) <= LAST:
            raise self.error(name, "a time is not between the years 1980 and 9000")

    def flag(self, name: str) -> bool | None:
        """Return a member that is true, false or null."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, f"{value!r:.60} is not a boolean")
        return value

    def choice(self, name: str, known: Sequence[str]) -> str:
        """Return a member that is one of these texts."""
        value = self.members.get(name)
        if value not in known:
            raise self.error(name, f"{value!r:.60} is none of {', '.join(known)}")
        return str(value)

    def names(self, name: str, known: Sequence[str]) -> tuple[str, ...]:
        """Return a member that is a list of some of these names, each once."""
        values = self.get(name, list, [])
        if not set(map(repr, values)) <= set(map(repr, known)) or len(set(map(repr, values))) < len(values):
            raise self.error(name, f"{values!r:.60} is not a list of {', '.join(known)}")
        return tuple(values)
