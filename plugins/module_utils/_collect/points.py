# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compact groups of points of one workload with equal attributes; removal of duplicate and future points."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
from array import array
from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    FULL_KINDS,
    POINT_ATTRIBUTES,
)

UNKNOWN_SIZE = -1
_NEVER_TESTED = -(2**63)
# If a point is returned twice with different attributes (it changed between two pages), the less usable one counts.
_USABLE_ORDER = {False: 0, None: 1, True: 2}
_MALWARE_ORDER = {"infected": 0, "suspicious": 1, None: 2, "clean": 3}


# Number of values after which they are moved to a bytes object. Thousands of arrays that grow at the same time fragment
# the memory: 49 bytes per point instead of 34.
_PIECE = 3 * 32
_BYTES = 3 * array("q").itemsize


class PointGroupBuilder:
    """Collects points of one workload with equal attributes, in any order: id, time, size and tests."""

    __slots__ = ("_name", "_numbers", "_pieces", "_tests")

    def __init__(self, name: tuple[t.Any, ...]) -> None:
        self._name = name
        self._numbers = array("q")
        self._pieces: list[bytes] = []
        self._tests = (array("q"), array("q"))

    def __len__(self) -> int:
        return (sum(map(len, self._pieces)) + len(self._numbers) * self._numbers.itemsize) // _BYTES

    def add(self, ident: str, created: int, size: int | None, tested_at: int | None, checked_at: int | None) -> None:
        """Add one point."""
        numbers = self._numbers
        numbers.extend((hash(ident), created, UNKNOWN_SIZE if size is None else size))
        restore_tested, integrity_checked = self._tests
        if restore_tested or integrity_checked or tested_at is not None or checked_at is not None:
            self._record_test(restore_tested, tested_at)
            self._record_test(integrity_checked, checked_at)
        if len(numbers) >= _PIECE:
            self._pieces.append(numbers.tobytes())
            del numbers[:]

    def _record_test(self, tests: array[int], tested: int | None) -> None:
        """Record when the point that was added last was tested."""
        if tested is not None and not tests:
            tests.extend([_NEVER_TESTED] * (len(self) - 1))
        if tested is not None or tests:
            tests.append(_NEVER_TESTED if tested is None else tested)

    def extend(self, ids: Sequence[int], times: Sequence[int], sizes: Sequence[int]) -> None:
        """Add points that were never tested."""
        self._numbers.extend(itertools.chain.from_iterable(zip(ids, times, sizes, strict=True)))
        self._pieces.append(self._numbers.tobytes())
        del self._numbers[:]
        for tests in self._tests:
            tests.extend([_NEVER_TESTED] * len(ids) if tests else ())

    def group(self) -> PointGroup:
        """Return all added points as a group."""
        numbers = array("q", b"".join([*self._pieces, self._numbers.tobytes()]))
        ids, times, sizes = (numbers[first::3] for first in range(3))
        return PointGroup(*self._name, ids=ids, times=times, sizes=sizes, tests=self._tests)


@dataclasses.dataclass(slots=True)
class PointGroup:
    """All points of one workload with equal attributes."""

    kind: str
    status: str
    usable: bool | None
    facts: tuple[bool | None, ...]
    malware: str | None
    inferred: tuple[str, ...]
    declared: tuple[str, ...]
    places: tuple[tuple[str | None, str | None], ...] | None
    ids: array[int] = dataclasses.field(kw_only=True)
    times: array[int] = dataclasses.field(kw_only=True)
    sizes: array[int] = dataclasses.field(kw_only=True)
    # When each point was tested, for restore_tested and for integrity_checked; empty if no point was tested.
    tests: tuple[array[int], array[int]] = dataclasses.field(kw_only=True)
    # Cached minimum and maximum of ``times``.
    _span: tuple[int, int] | None = dataclasses.field(default=None, init=False)

    @property
    def newest(self) -> int:
        """When the newest point was created; the group must not be empty."""
        return self._oldest_and_newest()[1]

    @property
    def oldest(self) -> int:
        """When the oldest point was created; the group must not be empty."""
        return self._oldest_and_newest()[0]

    def _oldest_and_newest(self) -> tuple[int, int]:
        if self._span is None:
            self._span = min(self.times), max(self.times)
        return self._span

    def newest_test(self, index: int, limit: int) -> tuple[int, int] | None:
        """Return (time of the test, time of the point) of the newest test that is not later than ``limit``."""
        pairs = zip(self.tests[index], self.times, strict=False)
        return max(((tested, time) for tested, time in pairs if _NEVER_TESTED < tested <= limit), default=None)

    def keep(self, indexes: Sequence[int]) -> None:
        """Keep only the points with these indexes."""
        self._span = None
        self.ids, self.times, self.sizes = (_select(values, indexes) for values in (self.ids, self.times, self.sizes))
        restore_tested, integrity_checked = (_select(values, indexes) if values else values for values in self.tests)
        self.tests = (restore_tested, integrity_checked)

    def sort_key(self, index: int) -> tuple[int, ...]:
        """Sort key of duplicates with equal attributes: the one with the least favourable other values comes first."""
        tests = (values[index] if values else _NEVER_TESTED for values in self.tests)
        return (self.times[index], self.sizes[index], *tests)


def _select(values: array[int], indexes: Sequence[int]) -> array[int]:
    return array("q", [values[index] for index in indexes])


def drop_duplicates(classes: Sequence[PointGroup]) -> None:
    """Remove duplicate points; the result does not depend on the order of the pages."""
    total = sum(len(group.ids) for group in classes)
    if len({ident for group in classes for ident in group.ids}) == total:
        return
    seen: set[int] = set()
    for group in sorted(classes, key=_least_favourable):
        keep = []
        for index in sorted(range(len(group.ids)), key=group.sort_key):
            if group.ids[index] not in seen:
                seen.add(group.ids[index])
                keep.append(index)
        group.keep(keep)


def _least_favourable(group: PointGroup) -> tuple[t.Any, ...]:
    """Sort key: groups with fewer favourable attributes come first; the rest only makes the order deterministic."""
    good = [name for name, fact in zip(POINT_ATTRIBUTES, group.facts, strict=True) if fact is True]
    reported = sum(name not in group.inferred and name not in group.declared for name in good)
    kind = (group.kind in COUNTING_KINDS, group.kind in FULL_KINDS)
    rest = (group.kind, group.status, group.facts, group.malware, group.inferred, group.declared, group.places)
    malware = _MALWARE_ORDER[group.malware]
    return (_USABLE_ORDER[group.usable], *kind, malware, len(good), reported, repr(rest))


def drop_future(classes: Sequence[PointGroup], limit: int) -> int:
    """Remove points dated after ``limit``, of any kind and status, and return their number."""
    dropped = 0
    for group in classes:
        if group.times and group.newest > limit:
            keep = [index for index, time in enumerate(group.times) if time <= limit]
            dropped += len(group.times) - len(keep)
            group.keep(keep)
    return dropped
