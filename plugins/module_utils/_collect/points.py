# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recovery points of one workload in groups with equal attributes; removal of future and undated points."""

from __future__ import annotations

import dataclasses
import itertools
from array import array
from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass

UNKNOWN_SIZE = -1
# Number of values after which they are moved to a bytes object. Thousands of arrays that grow at the same time would
# fragment the memory, and take 49 bytes per point instead of 34.
_PIECE_LENGTH = 96


class PointGroupBuilder:
    """Collects points of one workload with equal attributes in any order: id, time, size and moments, in one array."""

    __slots__ = ("_facts", "_numbers", "_pieces", "_width")

    def __init__(self, facts: PointClass) -> None:
        self._facts = facts
        self._width = 3 + len(facts.moments)
        self._numbers = array("q")
        self._pieces: list[bytes] = []

    def __len__(self) -> int:
        size = self._numbers.itemsize
        return (sum(map(len, self._pieces)) // size + len(self._numbers)) // self._width

    def add(self, ident: str, created: int, size: int | None, moments: Sequence[int] = ()) -> None:
        """Add one point; ``moments`` are the values of the class's moments."""
        numbers = self._numbers
        numbers.extend((hash(ident), created, UNKNOWN_SIZE if size is None else size, *moments))
        if len(numbers) >= _PIECE_LENGTH:
            self._pieces.append(numbers.tobytes())
            del numbers[:]

    def extend(self, ids: Sequence[int], times: Sequence[int], sizes: Sequence[int], *moments: Sequence[int]) -> None:
        """Add points with hashes of their ids."""
        self._numbers.extend(itertools.chain.from_iterable(zip(ids, times, sizes, *moments, strict=True)))
        self._pieces.append(self._numbers.tobytes())
        del self._numbers[:]

    def group(self) -> PointGroup:
        """Return all added points as a group."""
        numbers = array("q", b"".join([*self._pieces, self._numbers.tobytes()]))
        ids, times, sizes, *moments = (numbers[first :: self._width] for first in range(self._width))
        return PointGroup(self._facts, ids, times, sizes, moments)


@dataclasses.dataclass(slots=True)
class PointGroup:
    """All points of one workload with equal attributes. Times are microseconds since 1970 UTC."""

    facts: PointClass
    ids: array[int]
    times: array[int]
    sizes: array[int]
    # One array for each moment of the class.
    moments: list[array[int]]

    def keep(self, indexes: Sequence[int]) -> None:
        """Keep only the points with these indexes."""
        self.ids, self.times, self.sizes, *self.moments = (
            array("q", [values[index] for index in indexes])
            for values in (self.ids, self.times, self.sizes, *self.moments)
        )


def remove_implausible(groups: Sequence[PointGroup], first: int, last: int) -> tuple[dict[PointClass, int], int]:
    """Remove points before ``first`` (return their number by class) and after ``last`` (return their number)."""
    undated: dict[PointClass, int] = {}
    future = 0
    for group in groups:
        if group.times and (min(group.times) < first or max(group.times) > last):
            early = sum(time < first for time in group.times)
            keep = [index for index, time in enumerate(group.times) if first <= time <= last]
            future += len(group.times) - len(keep) - early
            if early:
                undated[group.facts] = undated.get(group.facts, 0) + early
            group.keep(keep)
    return undated, future
