# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archived write-ahead log (WAL) of PostgreSQL: find missing segments, and times that can be restored.

The name of a segment has three numbers of eight hexadecimal digits: timeline, log, and segment in the log. The number
of segments in a log depends on the size of a segment, which the name does not contain.
"""

from __future__ import annotations

import bisect
import dataclasses
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

DEFAULT_SIZE = 16 << 20
# All sizes that PostgreSQL supports: 1 MB to 1 GB.
_SIZES = tuple(1 << bits for bits in range(20, 31))
_LOG_BYTES = 1 << 32
_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})")
_LSN = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
# Maximum number of gaps that a message lists.
_MAX_LISTED_GAPS = 3
_SWITCH = re.compile(r"^\s*([0-9]+)\s+([0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8})", re.MULTILINE)


class Segment(t.NamedTuple):
    """One segment: its timeline, and its number from the start of the log."""

    timeline: int
    number: int

    def format(self, size: int) -> str:
        """Return the name of the segment."""
        log, index = divmod(self.number, _LOG_BYTES // size)
        return f"{self.timeline:08X}{log:08X}{index:08X}"


class Switch(t.NamedTuple):
    """The end of a timeline, where a later one branched off."""

    timeline: int
    lsn: int


def parse_lsn(text: str | None) -> int | None:
    """Return a position in the log (such as ``0/5000028``) in bytes, or None if the text is not valid."""
    match = _LSN.fullmatch(text or "")
    return None if match is None else (int(match[1], 16) << 32) + int(match[2], 16)


def parse_segment(name: str | None, size: int) -> Segment | None:
    """Return the segment of a name, or None if the name is not valid for this size."""
    match = _NAME.fullmatch(name or "")
    if match is None or int(match[3], 16) >= _LOG_BYTES // size:
        return None
    return Segment(int(match[1], 16), int(match[2], 16) * (_LOG_BYTES // size) + int(match[3], 16))


def parse_history(text: str) -> list[Switch]:
    """Return the ancestors of a timeline, oldest first, from the text of its history file."""
    return [Switch(int(match[1]), t.cast("int", parse_lsn(match[2]))) for match in _SWITCH.finditer(text)]


def infer_segment_size(names: Iterable[str], positions: Iterable[tuple[str | None, str | None]]) -> int | None:
    """Return the segment size that is consistent with all names, and with known positions (name, LSN).

    The default size is preferred if it is consistent. Otherwise, return None unless exactly one size is consistent.
    """
    indexes = [int(name[16:], 16) for name in names if _NAME.fullmatch(name)]
    sizes = [size for size in _SIZES if max(indexes, default=0) < _LOG_BYTES // size]
    for name, position in positions:
        match, lsn = _NAME.fullmatch(name or ""), parse_lsn(position)
        if match is not None and lsn is not None:
            sizes = [size for size in sizes if lsn % _LOG_BYTES // size == int(match[3], 16)]
    if DEFAULT_SIZE in sizes:
        return DEFAULT_SIZE
    return sizes[0] if len(sizes) == 1 else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BaseBackup:
    """A base backup: first and last required segment, position of its end, and time."""

    start: Segment
    stop: Segment
    stop_lsn: int | None
    time: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Consecutive segments from the start of a base backup. Each moment between the two times can be restored."""

    first: Segment
    last: Segment
    restorable_from: int
    restorable_until: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Path:
    """The path of recovery to the end of a timeline: through its ancestors, each up to its switch."""

    timeline: int
    switches: Sequence[Switch]
    size: int

    def timeline_at(self, number: int) -> int:
        """Return the timeline from which recovery reads a segment. A segment with a switch belongs to the next one."""
        ends = [switch.lsn // self.size for switch in self.switches]
        index = bisect.bisect_right(ends, number)
        return self.switches[index].timeline if index < len(ends) else self.timeline

    def switch_position(self, timeline: int) -> int | None:
        """Return the position at which recovery switches from a timeline to the next, or None if it does not."""
        return next((switch.lsn for switch in self.switches if switch.timeline == timeline), None)

    def includes(self, backup: BaseBackup) -> bool:
        """Return whether recovery from this backup can follow this path."""
        if backup.start.timeline != backup.stop.timeline:
            return False
        if backup.stop.timeline == self.timeline:
            return True
        lsn = self.switch_position(backup.stop.timeline)
        if lsn is None:
            return False
        if backup.stop_lsn is not None:
            return backup.stop_lsn <= lsn
        return backup.stop.number < lsn // self.size


class Archive:
    """The archived segments of one database system, with the time at which each was archived.

    ``histories`` contains the ancestors of each timeline whose history file is archived.
    """

    def __init__(
        self, segments: Mapping[Segment, int], histories: Mapping[int, Sequence[Switch]], size: int = DEFAULT_SIZE
    ) -> None:
        self.size = size
        self._histories = histories
        self._times: dict[int, dict[int, int]] = {}
        for segment, time in segments.items():
            self._times.setdefault(segment.timeline, {})[segment.number] = time

    def has_all(self, backup: BaseBackup) -> bool | None:
        """Return whether all segments from start to stop of a backup are archived, or None if its timeline changed."""
        if backup.start.timeline != backup.stop.timeline:
            return None
        found = self._times.get(backup.start.timeline, {})
        return all(number in found for number in range(backup.start.number, backup.stop.number + 1))

    def find_ranges(self, usable: Sequence[BaseBackup]) -> list[Range]:
        """Return the ranges that start with a usable base backup, for each timeline that is not part of another one."""
        ranges = []
        for path in self._paths(usable):
            times = self._times_on(path)
            for run in _find_runs(times):
                own = [
                    backup
                    for backup in usable
                    if path.includes(backup) and backup.start.number in run and backup.stop.number in run
                ]
                if own:
                    ends = [backup.time for backup in own]
                    ranges.append(
                        Range(
                            first=min(backup.start for backup in own),
                            last=Segment(path.timeline_at(run[-1]), run[-1]),
                            restorable_from=min(ends),
                            # The end of a backup counts, because its last segment is archived shortly before it.
                            restorable_until=max(times[run[-1]], *ends),
                        )
                    )
        return ranges

    def find_gaps(self, backups: Sequence[BaseBackup]) -> list[tuple[Segment, Segment]]:
        """Return the first and the last missing segment of each gap after the start of the oldest base backup."""
        gaps = set()
        for path in self._paths(backups):
            own = [backup for backup in backups if path.includes(backup)]
            oldest = min((backup.start.number for backup in own), default=None)
            if oldest is None:
                continue
            times = self._times_on(path)
            # Required segments of a backup are missing even if no later segment is archived.
            end = max((*times, *(backup.stop.number for backup in own)))
            expected = oldest
            for run in (*_find_runs(number for number in times if number >= oldest), range(end + 1, end + 2)):
                if run[0] > expected:
                    gaps.add(
                        (
                            Segment(path.timeline_at(expected), expected),
                            Segment(path.timeline_at(run[0] - 1), run[0] - 1),
                        )
                    )
                expected = run[-1] + 1
        return sorted(gaps)

    def describe_gaps(self, backups: Sequence[BaseBackup]) -> str | None:
        """Describe the missing segments in a sentence. Return None if none are missing."""
        gaps = self.find_gaps(backups)
        if not gaps:
            return None
        shown = [f"{one.format(self.size)} to {two.format(self.size)}" for one, two in gaps[-_MAX_LISTED_GAPS:]]
        newest = " (the newest gaps)" if len(gaps) > _MAX_LISTED_GAPS else ""
        return f"the write-ahead log has {len(gaps)} gaps; missing segments: {', '.join(shown)}{newest}"

    def _paths(self, backups: Iterable[BaseBackup]) -> Iterator[_Path]:
        """Return a path for each timeline, newest first, without those that are part of a newer one."""
        backups = list(backups)
        paths: list[_Path] = []
        for timeline in sorted({*self._times, *(backup.stop.timeline for backup in backups)}, reverse=True):
            last = max(self._times.get(timeline, {}), default=0)
            own = [backup for backup in backups if backup.stop.timeline == timeline]
            if not any(self._is_part(timeline, last, own, path) for path in paths):
                paths.append(_Path(timeline, self._histories.get(timeline, ()), self.size))
                yield paths[-1]

    def _is_part(self, timeline: int, last: int, own: Sequence[BaseBackup], path: _Path) -> bool:
        switch_position = path.switch_position(timeline)
        return switch_position is not None and last <= switch_position // self.size and all(map(path.includes, own))

    def _times_on(self, path: _Path) -> dict[int, int]:
        """Return the archived segments that recovery along this path reads: number -> time."""
        if not path.switches:
            return self._times.get(path.timeline, {})
        return {
            number: time
            for timeline in {path.timeline, *(switch.timeline for switch in path.switches)}
            for number, time in self._times.get(timeline, {}).items()
            if path.timeline_at(number) == timeline
        }


def _find_runs(numbers: Iterable[int]) -> Iterator[range]:
    """Yield the runs of consecutive numbers."""
    first = last = None
    for number in sorted(numbers):
        if first is None or last is None:
            first = number
        elif number != last + 1:
            yield range(first, last + 1)
            first = number
        last = number
    if first is not None and last is not None:
        yield range(first, last + 1)
