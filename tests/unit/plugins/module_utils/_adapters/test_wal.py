# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of WAL segments, timelines, gaps, and the times that can be restored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.wal import (
    Archive,
    BaseBackup,
    Segment,
    Switch,
    infer_segment_size,
    parse_history,
    parse_lsn,
    parse_segment,
)

MB = 1 << 20
SIZE = 16 * MB


def backup(start: int, stop: int, time: int, *, timeline: int = 1, stop_lsn: int | None = None) -> BaseBackup:
    return BaseBackup(start=Segment(timeline, start), stop=Segment(timeline, stop), stop_lsn=stop_lsn, time=time)


def archive(numbers: Mapping[int, Sequence[int]], histories: Mapping[int, Sequence[Switch]] | None = None) -> Archive:
    """Build an archive with these segments by timeline; each is archived at ten times its number."""
    segments = {Segment(timeline, number): number * 10 for timeline, own in numbers.items() for number in own}
    return Archive(segments, histories or {})


def ranges(found: Archive, *usable: BaseBackup) -> list[tuple[int, int, int]]:
    """Return timeline, start and end of each range."""
    return [(one.last.timeline, one.restorable_from, one.restorable_until) for one in found.find_ranges(usable)]


class TestNames:
    @pytest.mark.parametrize(
        ("name", "size", "number"),
        [
            ("000000010000000000000000", 16, 0),
            ("0000000100000000000000FF", 16, 255),
            ("000000010000000100000000", 16, 256),
            ("000000010000000100000000", 1, 4096),
            ("000000010000000200000003", 1024, 11),
            # Not a segment of this size.
            ("000000010000000000000100", 16, None),
            ("000000010000000000000004", 1024, None),
            ("00000001000000000000000", 16, None),
            ("00000001000000000000000g", 16, None),
            (None, 16, None),
        ],
    )
    def test_segment(self, name: str | None, size: int, number: int | None) -> None:
        segment = parse_segment(name, size * MB)
        assert segment == (None if number is None else Segment(1, number))
        assert segment is None or segment.format(size * MB) == name

    @given(st.integers(1, 2**32 - 1), st.integers(0, 2**36), st.integers(20, 30))
    def test_name_and_segment_are_inverse(self, timeline: int, number: int, bits: int) -> None:
        segment = Segment(timeline, number % (1 << (64 - bits)))
        assert parse_segment(segment.format(1 << bits), 1 << bits) == segment

    @pytest.mark.parametrize(
        ("text", "lsn"),
        [("0/5000028", 0x5000028), ("1A/0", 0x1A << 32), ("", None), (None, None), ("5000028", None), ("0/x", None)],
    )
    def test_lsn(self, text: str | None, lsn: int | None) -> None:
        assert parse_lsn(text) == lsn

    def test_history(self) -> None:
        text = "1\t0/6000050\treached consistency\n\n# a comment\n2\t1/A0000000\tno recovery target specified\n"
        assert parse_history(text) == [Switch(1, 0x6000050), Switch(2, (1 << 32) + 0xA0000000)]


class TestSegmentSize:
    @pytest.mark.parametrize(
        ("names", "positions", "size"),
        [
            ([], [], 16),
            (["0000000100000000000000FF"], [], 16),
            # With 16 MB segments, a log file number covers 256 of them.
            (["000000010000000000000100"], [], None),
            (["000000010000000000000800"], [], 1),
            ([], [("000000010000000000000005", "0/5000028")], 16),
            ([], [("000000010000000000000001", "0/5000028")], 64),
            ([], [("000000010000000000000000", "0/5000028")], None),
            ([], [("000000010000000000000000", "0/5000028"), ("000000010000000100000003", "1/C0000028")], 1024),
            ([], [("000000010000000000000005", "0/5000028"), ("000000010000000000000001", "0/5000028")], None),
            (["not a name"], [(None, "0/5000028"), ("000000010000000000000001", None)], 16),
        ],
    )
    def test_size(self, names: list[str], positions: list[tuple[str | None, str | None]], size: int | None) -> None:
        assert infer_segment_size(names, positions) == (None if size is None else size * MB)


class TestBackups:
    def test_all_segments_are_there(self) -> None:
        assert archive({1: [3, 4, 5]}).has_all(backup(3, 5, 60)) is True

    @pytest.mark.parametrize("missing", [3, 4, 5])
    def test_one_segment_is_missing(self, missing: int) -> None:
        found = archive({1: [number for number in range(1, 10) if number != missing]})
        assert found.has_all(backup(3, 5, 60)) is False
        assert found.find_gaps([backup(3, 5, 60)]) == [(Segment(1, missing), Segment(1, missing))]

    def test_a_segment_of_another_timeline_does_not_count(self) -> None:
        assert archive({1: [3, 5], 2: [4]}).has_all(backup(3, 5, 60)) is False

    def test_a_backup_that_changed_its_timeline_is_unknown(self) -> None:
        one = BaseBackup(start=Segment(1, 3), stop=Segment(2, 4), stop_lsn=None, time=60)
        assert archive({1: [3], 2: [4]}).has_all(one) is None
        assert ranges(archive({1: [3], 2: [4]}), one) == []


class TestRanges:
    def test_from_the_oldest_backup_to_the_newest_segment(self) -> None:
        assert ranges(archive({1: range(1, 10)}), backup(3, 4, 45), backup(6, 6, 65)) == [(1, 45, 90)]

    def test_a_range_ends_with_its_backup_at_the_earliest(self) -> None:
        """The last segment of a backup is archived just before the backup ends."""
        assert ranges(archive({1: [3, 4]}), backup(3, 4, 45)) == [(1, 45, 45)]

    def test_a_gap_ends_a_range_and_the_next_begins_with_a_backup(self) -> None:
        found = archive({1: [3, 4, 6, 7, 8, 11]})
        assert ranges(found, backup(3, 4, 45), backup(7, 7, 75)) == [(1, 45, 45), (1, 75, 80)]
        gaps = [(Segment(1, 5), Segment(1, 5)), (Segment(1, 9), Segment(1, 10))]
        assert found.find_gaps([backup(3, 4, 45), backup(7, 7, 75)]) == gaps

    def test_segments_without_a_backup_restore_nothing(self) -> None:
        assert ranges(archive({1: range(1, 10)})) == []
        assert ranges(archive({1: range(5, 10)}), backup(3, 4, 45)) == []

    def test_gaps_before_the_oldest_backup_do_not_matter(self) -> None:
        assert archive({1: [1, 5, 6, 7]}).find_gaps([backup(5, 6, 65)]) == []

    def test_the_end_of_a_backup_is_missing(self) -> None:
        assert archive({1: [3]}).find_gaps([backup(3, 5, 60)]) == [(Segment(1, 4), Segment(1, 5))]

    def test_an_empty_archive(self) -> None:
        found = archive({})
        assert found.find_gaps([backup(3, 4, 45)]) == [(Segment(1, 3), Segment(1, 4))]
        assert (found.has_all(backup(3, 4, 45)), ranges(found, backup(3, 4, 45))) == (False, [])


# Timeline 1 was left in segment 6, timeline 2 at the beginning of segment 9.
HISTORY = {2: [Switch(1, 6 * SIZE + 80)], 3: [Switch(1, 6 * SIZE + 80), Switch(2, 9 * SIZE)]}


class TestTimelines:
    def test_a_range_continues_on_a_new_timeline(self) -> None:
        """The old timeline was left in segment 6, which the new one contains again."""
        found = archive({1: [3, 4, 5], 2: [6, 7, 8], 3: [9, 10]}, HISTORY)
        assert ranges(found, backup(3, 4, 45)) == [(3, 45, 100)]
        assert found.find_gaps([backup(3, 4, 45)]) == []

    def test_without_a_history_timelines_are_separate(self) -> None:
        assert ranges(archive({1: [3, 4, 5], 2: [6, 7]}), backup(3, 4, 45)) == [(1, 45, 50)]

    def test_a_gap_at_the_switch(self) -> None:
        found = archive({1: [3, 4, 5], 2: [7, 8]}, HISTORY)
        assert ranges(found, backup(3, 4, 45)) == [(1, 45, 50)]
        assert found.find_gaps([backup(3, 4, 45)]) == [(Segment(2, 6), Segment(2, 6))]

    def test_a_gap_across_the_switch(self) -> None:
        found = archive({1: [3, 4], 2: [7, 8]}, HISTORY)
        assert found.find_gaps([backup(3, 4, 45)]) == [(Segment(1, 5), Segment(2, 6))]

    def test_an_old_timeline_that_continues_after_the_switch_has_its_own_range(self) -> None:
        found = archive({1: range(3, 12), 2: [6, 7, 8]}, HISTORY)
        assert ranges(found, backup(3, 4, 45)) == [(2, 45, 80), (1, 45, 110)]

    def test_a_complete_segment_at_the_switch_is_not_a_separate_range(self) -> None:
        assert ranges(archive({1: [3, 4, 5, 6], 2: [6, 7]}, HISTORY), backup(3, 4, 45)) == [(2, 45, 70)]

    @pytest.mark.parametrize(
        ("stop_lsn", "expected"),
        [
            (6 * SIZE + 79, [(2, 65, 70)]),
            # It ends after the timeline was left, so recovery cannot follow the new one.
            (6 * SIZE + 81, [(1, 65, 65)]),
            (None, [(1, 65, 65)]),
        ],
    )
    def test_a_backup_that_ends_in_the_segment_of_the_switch(
        self, stop_lsn: int | None, expected: list[tuple[int, int, int]]
    ) -> None:
        found = archive({1: [5, 6], 2: [6, 7]}, HISTORY)
        assert ranges(found, backup(5, 6, 65, stop_lsn=stop_lsn)) == expected

    def test_a_backup_of_another_branch(self) -> None:
        history = {2: [Switch(1, 6 * SIZE)], 3: [Switch(1, 8 * SIZE)]}
        found = archive({1: range(3, 8), 2: [6, 7, 8], 3: [8, 9]}, history)
        own = backup(7, 7, 75, timeline=2)
        assert ranges(found, backup(3, 4, 45), own) == [(3, 45, 90), (2, 45, 80)]


@given(
    st.sets(st.integers(0, 40)),
    st.integers(0, 20).flatmap(lambda start: st.tuples(st.just(start), st.integers(start, start + 5))),
)
def test_every_segment_of_a_range_is_archived(numbers: set[int], span: tuple[int, int]) -> None:
    """The result is compared with a naive search."""
    own = backup(*span, time=5)
    found = archive({1: sorted(numbers)})
    complete = set(range(span[0], span[1] + 1)) <= numbers
    assert found.has_all(own) is complete
    missing = [number for number in range(span[0], max([span[1], *numbers]) + 1) if number not in numbers]
    gaps = found.find_gaps([own])
    assert [number for one, two in gaps for number in range(one.number, two.number + 1)] == missing
    if complete:
        last = span[1]
        while last + 1 in numbers:
            last += 1
        assert ranges(found, own) == [(1, 5, max(5, last * 10))]
