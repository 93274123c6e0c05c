# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recovery points as columns: blocks of at most a thousand workloads, written by the collector and read by the policy.

A block is a dict of JSON values. All times are whole seconds:

- ``classes``: the common attributes of points, as dicts without null and empty values. ``moments`` names the columns in
  which each point of the class has a value; ``size`` is true if the sizes of its points are known; ``fraction`` is true
  if its points were created within the second after their time.
- ``counts``: the number of points of each workload. The columns below have the same order: by workload, oldest first.
- ``codes``: one character for each point, the number of its class (see CODES).
- ``times``: the difference to the time of the previous point, minus one day; the first is relative to 1970 UTC.
- ``moments``: for each name in MOMENTS, the values of the points that have one, relative to the time of the point.
- ``sizes``: for the newest 31 points of each kind of a workload, if the size is known, with eight significant bits.
- ``undated``: [workload, class, number] of points without a plausible time, and of points that were only counted.
- ``in_future``: [workload, number] of points that are dated in the future, which are not in the other columns.
"""

from __future__ import annotations

import functools
import itertools
import operator
import typing as t
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.members import Members
from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass
from ansible_collections.backup.audit.plugins.module_utils._collect.points import UNKNOWN_SIZE, PointGroup
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    KINDS,
    MALWARE,
    MOMENTS,
    POINT_ATTRIBUTES,
    STATUSES,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, FIRST, LAST, SECOND

WORKLOADS = 1000
# The conversion of a block to lists and JSON takes a hundred bytes for each of its points.
MAX_POINTS = 50_000
SIZED_POINTS = 31
# Characters that JSON does not escape.
CODES = "".join(map(chr, [*range(35, 92), *range(93, 127), *range(161, 55_000)]))
# The largest size that is written, 2^63 - 1, has a shift of 55.
_END_OF_SIZES = 57 << 7
_REQUIRED = ("classes", "counts", "codes", "times")


class BlockWriter:
    """Builds the blocks of a read result, workload by workload.

    Arrays need a quarter of the memory of lists. Columns of finished blocks are compressed, because these blocks exist
    at the same time as the points of the workloads that follow.
    """

    def __init__(self) -> None:
        self._blocks: list[dict[str, t.Any]] = []
        self._start()

    def _start(self) -> None:
        self._classes: dict[tuple[PointClass, bool, bool], str] = {}
        self._counts: list[int] = []
        self._codes: list[str] = []
        self._times = array("q")
        self._moments = {name: array("q") for name in MOMENTS}
        self._sizes = array("q")
        self._undated: list[list[int]] = []
        self._in_future: list[list[int]] = []
        self._last = 0

    def add(self, groups: Sequence[PointGroup], undated: Mapping[PointClass, int], in_future: int) -> None:
        """Add a workload with these points, and the numbers of its undated points and of points in the future."""
        points = sum(len(group.times) for group in groups)
        is_full = len(self._counts) == WORKLOADS or len(self._codes) + points > MAX_POINTS or len(self._classes) > 256
        if self._counts and is_full:
            self._close()
        row = len(self._counts)
        for facts, number in undated.items():
            self._undated.append([row, CODES.index(self._code(facts, fraction=False, sized=False)), number])
        if in_future:
            self._in_future.append([row, in_future])
        self._counts.append(points)
        self._add_points(groups)

    def _add_points(self, groups: Sequence[PointGroup]) -> None:
        # The order of points with equal times must not depend on the order of pages.
        groups = sorted(groups, key=_sort_key)
        order = sorted(
            (time, number, group.sizes[index], index)
            for number, group in enumerate(groups)
            for index, time in enumerate(group.times)
        )
        columns = [
            [
                (self._moments[name].append, values)
                for name, values in zip(group.facts.moments, group.moments, strict=True)
            ]
            for group in groups
        ]
        kinds = [group.facts.kind for group in groups]
        left = dict.fromkeys(kinds, 0)
        for group in groups:
            left[group.facts.kind] += len(group.times)
        codes: dict[tuple[int, bool, bool], str] = {}
        add_code, add_time, last = self._codes.append, self._times.append, self._last
        for time, number, size, index in order:
            seconds = time // SECOND
            key = (number, time != seconds * SECOND, size != UNKNOWN_SIZE)
            if key not in codes:
                codes[key] = self._code(groups[number].facts, fraction=key[1], sized=key[2])
            add_code(codes[key])
            add_time(seconds - last - DAY)
            last = seconds
            for append, values in columns[number]:
                moment = values[index] // SECOND
                append((moment if FIRST <= moment <= LAST else min(max(moment, FIRST), LAST)) - seconds)
            kind = kinds[number]
            if left[kind] <= SIZED_POINTS and size != UNKNOWN_SIZE:
                self._sizes.append(encode_size(size))
            left[kind] -= 1
        self._last = last

    def _code(self, facts: PointClass, *, fraction: bool, sized: bool) -> str:
        key = (facts, fraction, sized)
        code = self._classes.get(key)
        if code is None:
            if len(self._classes) == len(CODES):
                raise DataError(
                    f"the recovery points of one workload have more than {len(CODES)} different combinations of facts",
                    hint="Read with since, to read fewer recovery points",
                )
            code = self._classes[key] = CODES[len(self._classes)]
        return code

    def _close(self) -> None:
        block = {
            "classes": [_class_dict(*key) for key in self._classes],
            "counts": self._counts,
            "codes": "".join(self._codes),
            "times": _deflate(self._times),
            "moments": {name: _deflate(values) for name, values in self._moments.items() if values},
            "sizes": _deflate(self._sizes) if self._sizes else None,
            "undated": self._undated,
            "in_future": self._in_future,
        }
        self._blocks.append({name: value for name, value in block.items() if value or name in _REQUIRED})
        self._start()

    def finish(self) -> Iterator[dict[str, t.Any]]:
        """Yield all blocks, with lists instead of compressed columns, and release them."""
        if self._counts:
            self._close()
        while self._blocks:
            block = self._blocks.pop(0)
            yield {name: _to_lists(value) for name, value in block.items()}


def _deflate(values: array[int]) -> bytes:
    return zlib.compress(values, 1)


def _to_lists(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: _to_lists(column) for name, column in value.items()}
    return array("q", zlib.decompress(value)).tolist() if isinstance(value, bytes) else value


def _sort_key(group: PointGroup) -> str:
    return _repr(group.facts)


_repr = functools.lru_cache(maxsize=1000)(repr)


def encode_size(size: int) -> int:
    """Encode a size with eight significant bits as a small number. Sizes up to 255 are not changed."""
    shift = max(size.bit_length() - 8, 0)
    return (shift << 7) + (size >> shift)


def decode_size(code: int) -> int:
    """Decode a number of encode_size to the size, whose lower bits were cut off."""
    shift = max((code >> 7) - 1, 0)
    return (code - (shift << 7)) << shift


def _class_dict(facts: PointClass, fraction: bool, sized: bool) -> dict[str, t.Any]:
    shown = {
        "kind": facts.kind,
        "status": facts.status,
        "usable": facts.usable,
        **dict(zip(POINT_ATTRIBUTES, facts.facts, strict=True)),
        "malware": facts.malware,
        "inferred": facts.inferred or None,
        "declared": facts.declared or None,
        # No locations ([]) and unknown locations (null) are different.
        "locations": facts.locations,
        "moments": facts.moments or None,
        "fraction": fraction or None,
        "size": sized or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


class BlockClass(t.NamedTuple):
    """A class of points."""

    facts: PointClass
    has_fraction: bool
    has_size: bool


class Block:
    """A decoded block of a read result. The constructor raises DataError with the path of the first invalid value."""

    def __init__(self, value: t.Any, path: str) -> None:
        """Check and decode a block. ``path`` is its path in the read result, for errors."""
        given = Members(value, path)
        given.reject_unknown((*_REQUIRED, "moments", "sizes", "undated", "in_future"))
        self.path = path
        self.classes = [
            _parse_class(Members(one, f"{path}.classes[{number}]"))
            for number, one in enumerate(given.get("classes", list))
        ]
        if len(self.classes) > len(CODES):
            raise given.error("classes", f"{len(self.classes)} classes are more than the {len(CODES)} that have a code")
        self.counts = given.numbers("counts", minimum=0)
        self.codes: str = given.get("codes", str)
        deltas = given.numbers("times")
        points = len(self.codes)
        if len(self.counts) > WORKLOADS or (points > MAX_POINTS and len(self.counts) > 1):
            raise given.error("", f"{len(self.counts)} workloads with {points} points are more than a block can have")
        if max(self.counts, default=0) > points or sum(self.counts) != points or len(deltas) != points:
            raise given.error(
                "", f"counts, codes ({points}) and times ({len(deltas)}) have different numbers of points"
            )
        unknown = set(self.codes).difference(CODES[: len(self.classes)])
        if unknown:
            raise given.error("codes", f"{min(unknown)!r} is not the code of a class")
        self.starts = list(itertools.accumulate(self.counts, initial=0))
        self.times = list(itertools.accumulate(map(DAY.__add__, deltas)))
        self._check_times(deltas, given)
        # Workload -> [(class, number)], for workloads with undated points.
        self.undated: dict[int, list[tuple[int, int]]] = {}
        for row, code, number in given.rows("undated", 3):
            if row >= len(self.counts) or code >= len(self.classes):
                raise given.error("undated", f"there is no workload {row} or no class {code}")
            self.undated.setdefault(row, []).append((code, number))
        self.in_future: dict[int, int] = {}
        for row, number in given.rows("in_future", 2):
            if row >= len(self.counts) or row in self.in_future:
                raise given.error("in_future", f"there is no workload {row}, or it occurs twice")
            self.in_future[row] = number
        moments = Members(given.get("moments", dict, {}), f"{path}.moments")
        moments.reject_unknown(MOMENTS)
        # Name -> ascending indexes of the points that have this moment, and its times.
        self.moments = {name: self._parse_moment(name, moments) for name in MOMENTS}
        self._sizes = given.numbers("sizes", minimum=0) if "sizes" in given.members else []
        if max(self._sizes, default=0) >= _END_OF_SIZES:
            raise given.error("sizes", "a size is larger than 2^63 bytes")

    def _check_times(self, deltas: Sequence[int], given: Members) -> None:
        given.check_times("times", self.times)
        back = [index for index, delta in enumerate(deltas) if delta < -DAY]
        if wrong := set(back).difference(self.starts):
            raise given.error("times", f"point {min(wrong)} is older than the one before it")

    def _parse_moment(self, name: str, given: Members) -> tuple[Sequence[int], list[int]]:
        having = {CODES[number] for number, one in enumerate(self.classes) if name in one.facts.moments}
        places: Sequence[int] = ()
        times: Iterable[int] = self.times
        if len(having) == len(self.classes):
            places = range(len(self.codes))
        elif having:
            places = list(itertools.compress(itertools.count(), map(having.__contains__, self.codes)))
            times = map(self.times.__getitem__, places)
        values = given.numbers(name) if name in given.members else []
        if len(values) != len(places):
            raise given.error(name, f"{len(values)} values for {len(places)} points")
        found = list(map(operator.add, times, values))
        given.check_times(name, found)
        return places, found

    def sizes(self) -> dict[int, int]:
        """Return the size in bytes by index of the point, for the newest points of each kind."""
        sized = {CODES[number] for number, one in enumerate(self.classes) if one.has_size}
        places: list[int] = []
        if sized:
            for start, end in itertools.pairwise(self.starts):
                places += [index for index in self.newest_of_kinds(start, end) if self.codes[index] in sized]
        if len(places) != len(self._sizes):
            raise DataError(f"{self.path}.sizes: {len(self._sizes)} values for {len(places)} points")
        return dict(zip(places, map(decode_size, self._sizes), strict=True))

    def newest_of_kinds(self, start: int, end: int) -> list[int]:
        """Return the indexes of the newest 31 points of each kind, which have sizes, oldest first."""
        if end - start <= SIZED_POINTS:
            return list(range(start, end))
        seen = {one.facts.kind: 0 for one in self.classes}
        places = []
        for index in range(end - 1, start - 1, -1):
            kind = self.classes[CODES.index(self.codes[index])].facts.kind
            if seen[kind] < SIZED_POINTS:
                seen[kind] += 1
                places.append(index)
        return places[::-1]


# Values of ``inferred`` and ``declared`` that are neither attributes nor moments.
_OTHER_NAMES = ("size_bytes", "location_type", "created_at", "completed_at", "tested_by", "checked_by", "malware")


def _parse_class(given: Members) -> BlockClass:
    given.reject_unknown(_CLASS_MEMBERS)
    facts = tuple([given.flag(name) for name in POINT_ATTRIBUTES])
    names = (*POINT_ATTRIBUTES, *MOMENTS, *_OTHER_NAMES)
    moments = given.names("moments", MOMENTS)
    if "immutable_until" in moments and given.flag("immutable") is not None:
        raise given.error("immutable", "with immutable_until, it is not written")
    locations = None
    if "locations" in given.members:
        pairs = given.get("locations", list)
        if not all(
            isinstance(pair, list) and len(pair) == 2 and set(map(type, pair)) <= {str, type(None)} for pair in pairs
        ):
            raise given.error("locations", "not a list of [name, type]")
        locations = tuple((pair[0], pair[1]) for pair in pairs)
    return BlockClass(
        PointClass(
            given.choice("kind", KINDS),
            given.choice("status", STATUSES),
            given.flag("usable"),
            facts,
            given.choice("malware", MALWARE) if "malware" in given.members else None,
            given.names("inferred", names),
            given.names("declared", names),
            locations,
            moments,
        ),
        given.flag("fraction") is True,
        given.flag("size") is True,
    )


_CLASS_MEMBERS = (
    *("kind", "status", "usable", "malware", "inferred", "declared", "locations", "moments", "fraction", "size"),
    *POINT_ATTRIBUTES,
)
