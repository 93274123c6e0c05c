# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compact index of a size and a number by id, with about 20 bytes per entry. There can be an entry for each point."""

from __future__ import annotations

import bisect
from array import array

# The index has parts that are sorted one by one, so that sorting needs little additional memory.
_PARTS = 16
_UNKNOWN = -1
NOT_FOUND = -1


class IdIndex:
    """For each id: a size, a number that the caller defines, and whether the id was used more than once."""

    def __init__(self) -> None:
        self._parts = [_Part() for _number in range(_PARTS)]
        self._ambiguous: set[int] = set()

    def add(self, ident: str, size: int | None, value: int) -> None:
        """Add one entry. Add all entries before the first lookup."""
        key = hash(ident)
        part = self._parts[key % _PARTS]
        part.keys.append(key)
        part.sizes.append(_UNKNOWN if size is None else size)
        part.values.append(value)

    def finalize(self) -> None:
        """Sort the index after the last ``add`` and find ambiguous ids."""
        for part in self._parts:
            part.sort()
            pairs = zip(part.keys, part.keys[1:], part.values, part.values[1:], strict=False)
            self._ambiguous.update(
                key for key, following, first, second in pairs if key == following and first != second
            )

    def count_use(self, key: int) -> int:
        """Count one use of the id with this hash. Return its position for ``get_at``, or NOT_FOUND."""
        number = key % _PARTS
        part = self._parts[number]
        index = part.find(key)
        if index is None:
            return NOT_FOUND
        if part.uses[index] < 2:
            part.uses[index] += 1
        return index * _PARTS + number

    def get(self, key: int) -> tuple[int | None, int, bool] | None:
        """Return (size, value, whether it was used at most once) for the hash of an id, or None if it is not found."""
        number = key % _PARTS
        index = self._parts[number].find(key)
        return None if index is None else self.get_at(index * _PARTS + number)

    def get_at(self, position: int) -> tuple[int | None, int, bool]:
        """Return the same as ``get``, by the position that ``count_use`` returned."""
        index, number = divmod(position, _PARTS)
        part = self._parts[number]
        size = part.sizes[index]
        return None if size == _UNKNOWN else size, part.values[index], part.uses[index] < 2

    def is_ambiguous(self, key: int) -> bool:
        """Return whether the id was added more than once, with different values."""
        return key in self._ambiguous

    @property
    def has_ambiguous_ids(self) -> bool:
        """Whether any id is ambiguous."""
        return bool(self._ambiguous)


class _Part:
    def __init__(self) -> None:
        self.keys = array("q")
        self.sizes = array("q")
        self.values = array("i")
        self.uses = bytearray()

    def sort(self) -> None:
        order = sorted(range(len(self.keys)), key=self.keys.__getitem__)
        self.sizes = array("q", [self.sizes[index] for index in order])
        self.values = array("i", [self.values[index] for index in order])
        self.keys = array("q", [self.keys[index] for index in order])
        self.uses = bytearray(len(order))

    def find(self, key: int) -> int | None:
        index = bisect.bisect_left(self.keys, key)
        return index if index < len(self.keys) and self.keys[index] == key else None
