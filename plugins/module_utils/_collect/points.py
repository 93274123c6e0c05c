# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of the points of one workload whose facts are all the same; and which of them do not count."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
from array import array
from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.model import COUNTING_KINDS, FACT_FACETS, FULL_KINDS

UNKNOWN_SIZE = -1
_NEVER_TESTED = -(2**63)
# For a point met twice with different facts (it changed while pages were read) the less usable reading is believed.
_USABLE_ORDER = {False: 0, None: 1, True: 2}
_MALWARE_ORDER = {"infected": 0, "suspicious": 1, None: 2, "clean": 3}


# Of as many points the numbers are put aside. Thousands of arrays that grow side by side leave holes behind them that
# are too small for any of them: 49 bytes for each point, not 34.
_PIECE = 3 * 32
_BYTES = 3 * array("q").itemsize


class PointGroupBuilder:
    """Points of one workload whose facts are all the same, while they come in any order: id, time, size and so on."""

    __slots__ = ("_name", "_numbers", "_pieces", "_tests")

    def __init__(self, name: tuple[t.Any, ...]) -> None:
        self._name = name
        self._numbers = array("q")
        self._pieces: list[bytes] = []
        self._tests = (array("q"), array("q"))

    def __len__(self) -> int:
        return (sum(map(len, self._pieces)) + len(self._numbers) * self._numbers.itemsize) // _BYTES

    def add(self, ident: str, created: int, size: int | None, verified_at: int | None, checked_at: int | None) -> None:
        """One more point."""
        numbers = self._numbers
        numbers.extend((hash(ident), created, UNKNOWN_SIZE if size is None else size))
        verified, checked = self._tests
        if verified or checked or verified_at is not None or checked_at is not None:
            self._note_test(verified, verified_at)
            self._note_test(checked, checked_at)
        if len(numbers) >= _PIECE:
            self._pieces.append(numbers.tobytes())
            del numbers[:]

    def _note_test(self, tests: array[int], tested: int | None) -> None:
        """When the point that was added last was tested."""
        if tested is not None and not tests:
            tests.extend([_NEVER_TESTED] * (len(self) - 1))
        if tested is not None or tests:
            tests.append(_NEVER_TESTED if tested is None else tested)

    def extend(self, ids: Sequence[int], times: Sequence[int], sizes: Sequence[int]) -> None:
        """More of them, tested never."""
        self._numbers.extend(itertools.chain.from_iterable(zip(ids, times, sizes, strict=True)))
        self._pieces.append(self._numbers.tobytes())
        del self._numbers[:]
        for tests in self._tests:
            tests.extend([_NEVER_TESTED] * len(ids) if tests else ())

    def group(self) -> PointGroup:
        """All that have come."""
        numbers = array("q", b"".join([*self._pieces, self._numbers.tobytes()]))
        ids, times, sizes = (numbers[first::3] for first in range(3))
        return PointGroup(*self._name, ids=ids, times=times, sizes=sizes, tests=self._tests)


@dataclasses.dataclass(slots=True)
class PointGroup:
    """Points of one workload whose facts are all the same, when all have come."""

    kind: str
    status: str
    usable: bool | None
    facts: tuple[bool | None, ...]
    malware: str | None
    estimated: tuple[str, ...]
    attested: tuple[str, ...]
    places: tuple[tuple[str | None, str | None], ...] | None
    ids: array[int] = dataclasses.field(kw_only=True)
    times: array[int] = dataclasses.field(kw_only=True)
    sizes: array[int] = dataclasses.field(kw_only=True)
    # When each point was tested, for verified and for checked; empty where none of them was.
    tests: tuple[array[int], array[int]] = dataclasses.field(kw_only=True)
    # Of ``times``, for whoever asks first; many ask.
    _span: tuple[int, int] | None = dataclasses.field(default=None, init=False)

    @property
    def newest(self) -> int:
        """When the newest of them, of which there must be one, was made."""
        return self._oldest_and_newest()[1]

    @property
    def oldest(self) -> int:
        """When the oldest of them was made."""
        return self._oldest_and_newest()[0]

    def _oldest_and_newest(self) -> tuple[int, int]:
        if self._span is None:
            self._span = min(self.times), max(self.times)
        return self._span

    def newest_test(self, index: int, limit: int) -> tuple[int, int] | None:
        """(time of the test, time of the point) of the newest test that does not lie beyond ``limit``."""
        pairs = zip(self.tests[index], self.times, strict=False)
        return max(((tested, time) for tested, time in pairs if _NEVER_TESTED < tested <= limit), default=None)

    def keep(self, indexes: Sequence[int]) -> None:
        """Drop all but these points."""
        self._span = None
        self.ids, self.times, self.sizes = (_kept(values, indexes) for values in (self.ids, self.times, self.sizes))
        verified, checked = (_kept(values, indexes) if values else values for values in self.tests)
        self.tests = (verified, checked)

    def order(self, index: int) -> tuple[int, ...]:
        """Of doubles with the same facts, the one whose other members are least favourable comes first."""
        tests = (values[index] if values else _NEVER_TESTED for values in self.tests)
        return (self.times[index], self.sizes[index], *tests)


def _kept(values: array[int], indexes: Sequence[int]) -> array[int]:
    return array("q", [values[index] for index in indexes])


def drop_double(classes: Sequence[PointGroup]) -> None:
    """Points that were met more than once count once, whatever the order in which pages came."""
    total = sum(len(group.ids) for group in classes)
    if len({ident for group in classes for ident in group.ids}) == total:
        return
    seen: set[int] = set()
    for group in sorted(classes, key=_least_favourable):
        keep = []
        for index in sorted(range(len(group.ids)), key=group.order):
            if group.ids[index] not in seen:
                seen.add(group.ids[index])
                keep.append(index)
        group.keep(keep)


def _least_favourable(group: PointGroup) -> tuple[t.Any, ...]:
    """Fewer facts known to be good come first; the rest only makes the order the same in every run."""
    good = [name for name, fact in zip(FACT_FACETS, group.facts, strict=True) if fact is True]
    exact = sum(name not in group.estimated and name not in group.attested for name in good)
    kind = (group.kind in COUNTING_KINDS, group.kind in FULL_KINDS)
    rest = (group.kind, group.status, group.facts, group.malware, group.estimated, group.attested, group.places)
    malware = _MALWARE_ORDER[group.malware]
    return (_USABLE_ORDER[group.usable], *kind, malware, len(good), exact, repr(rest))


def drop_future(classes: Sequence[PointGroup], limit: int) -> int:
    """Take out points dated after ``limit``, of whatever kind and status, and count them."""
    dropped = 0
    for group in classes:
        if group.times and group.newest > limit:
            keep = [index for index, time in enumerate(group.times) if time <= limit]
            dropped += len(group.times) - len(keep)
            group.keep(keep)
    return dropped
