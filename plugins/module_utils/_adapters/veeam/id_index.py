# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of things by their ids, in about 20 bytes each: there may be one for each point."""

from __future__ import annotations

import bisect
from array import array

# Parts are sorted one by one, so that sorting needs little memory of its own.
_PARTS = 16
_UNKNOWN = -1
NOWHERE = -1


class IdIndex:
    """For each id a size, a number that the caller knows the meaning of, and whether it was used more than once."""

    def __init__(self) -> None:
        self._parts = [_Part() for _number in range(_PARTS)]
        self._disputed: set[int] = set()

    def add(self, ident: str, size: int | None, meaning: int) -> None:
        """One more. All are added before the first is looked up."""
        key = hash(ident)
        part = self._parts[key % _PARTS]
        part.keys.append(key)
        part.sizes.append(_UNKNOWN if size is None else size)
        part.meanings.append(meaning)

    def seal(self) -> None:
        """All are there."""
        for part in self._parts:
            part.sort()
            pairs = zip(part.keys, part.keys[1:], part.meanings, part.meanings[1:], strict=False)
            self._disputed.update(
                key for key, following, first, second in pairs if key == following and first != second
            )

    def use(self, key: int) -> int:
        """What has this hash of its id is used once more. Where it stands, for ``at``; NOWHERE if it is not known."""
        number = key % _PARTS
        part = self._parts[number]
        index = part.find(key)
        if index is None:
            return NOWHERE
        if part.uses[index] < 2:
            part.uses[index] += 1
        return index * _PARTS + number

    def get(self, key: int) -> tuple[int | None, int, bool] | None:
        """(size, meaning, whether it was used at most once) by the hash of the id; None for what is not known."""
        number = key % _PARTS
        index = self._parts[number].find(key)
        return None if index is None else self.at(index * _PARTS + number)

    def at(self, place: int) -> tuple[int | None, int, bool]:
        """The same for what ``use`` found."""
        index, number = divmod(place, _PARTS)
        part = self._parts[number]
        size = part.sizes[index]
        return None if size == _UNKNOWN else size, part.meanings[index], part.uses[index] < 2

    def is_disputed(self, key: int) -> bool:
        """Whether it was added more than once, with different meanings."""
        return key in self._disputed

    @property
    def has_disputes(self) -> bool:
        """Whether anything is disputed."""
        return bool(self._disputed)


class _Part:
    def __init__(self) -> None:
        self.keys = array("q")
        self.sizes = array("q")
        self.meanings = array("i")
        self.uses = bytearray()

    def sort(self) -> None:
        order = sorted(range(len(self.keys)), key=self.keys.__getitem__)
        self.sizes = array("q", [self.sizes[index] for index in order])
        self.meanings = array("i", [self.meanings[index] for index in order])
        self.keys = array("q", [self.keys[index] for index in order])
        self.uses = bytearray(len(order))

    def find(self, key: int) -> int | None:
        index = bisect.bisect_left(self.keys, key)
        return index if index < len(self.keys) and self.keys[index] == key else None
