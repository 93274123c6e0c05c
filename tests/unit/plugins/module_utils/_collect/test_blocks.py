# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery points as columns: encoding and decoding."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect import blocks as blocks_module
from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import (
    CODES,
    Block,
    BlockClass,
    BlockWriter,
    decode_size,
    encode_size,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass, point_class
from ansible_collections.backup.audit.plugins.module_utils._collect.points import PointGroupBuilder
from ansible_collections.backup.audit.plugins.module_utils._collect.result import canonical_json
from ansible_collections.backup.audit.plugins.module_utils._core import times as times_module
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    KINDS,
    MALWARE,
    MOMENTS,
    STATUSES,
    Copy,
    RecoveryPoint,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from tests.unit.plugins.module_utils._collect.summary_rows import decode
from tests.unit.plugins.module_utils._collect.written_blocks import (
    EXAMPLE,
    EXAMPLE_POINTS,
    FIRST,
    LAST,
    NOBODY,
    T0,
    UNDATED,
    Apart,
    class_of,
    point,
    write,
)


def write_times(*workloads: Sequence[int]) -> list[dict[str, Any]]:
    """Write workloads with points of one class at these times (in seconds)."""
    writer = BlockWriter()
    for times in workloads:
        builder = PointGroupBuilder(point_class(point(0)))
        builder.extend([0] * len(times), [time * SECOND for time in times], [-1] * len(times))
        writer.add([builder.group()], *Apart())
    return list(writer.finish())


# The format, compared with a handwritten example


def test_a_block_has_the_documented_format() -> None:
    (block,) = write(*EXAMPLE_POINTS)
    assert json.loads(canonical_json(block)) == EXAMPLE


def test_a_block_is_decoded_unchanged() -> None:
    block = Block(EXAMPLE, "points[0]")
    assert block.counts == [2, 0, 1]
    assert block.starts == [0, 2, 2, 3]
    assert block.times == [T0, T0 + 86_400, T0 + 10]
    assert block.undated == {1: [(2, 2)]}
    assert block.in_future == {1: 3}
    assert {name: (list(places), values) for name, (places, values) in block.moments.items() if values} == {
        "tested_at": ([1], [T0 + 90_000])
    }
    assert block.sizes() == {0: 300, 2: 5}
    assert [class_of(block, index).facts.kind for index in range(3)] == ["full", "incremental", "full"]
    assert [(one.has_fraction, one.has_size) for one in block.classes] == [(False, True), (True, False), (False, False)]
    assert block.classes[0].facts == PointClass(
        "full", "success", True, (None, None, False, None, None), None, (), (), (("disk1", "disk"),), ()
    )
    assert block.classes[1].facts.inferred == ("restore_tested",)
    assert block.classes[2].facts == UNDATED


def test_a_block_of_a_workload_without_points() -> None:
    assert write([]) == [{"classes": [], "counts": [0], "codes": "", "times": []}]
    block = decode(write([])[0])
    assert (block.counts, block.times, block.sizes(), block.undated, block.in_future) == ([0], [], {}, {}, {})


def test_no_workloads_give_no_blocks() -> None:
    assert list(BlockWriter().finish()) == []


def test_no_locations_and_unknown_locations_differ() -> None:
    (block,) = write([point(T0, copies=[]), point(T0 + 1)])
    assert [one.get("locations") for one in block["classes"]] == [(), None]
    assert [one.facts.locations for one in decode(block).classes] == [(), None]


def test_codes_need_no_escaping_in_json() -> None:
    text = json.dumps(CODES, ensure_ascii=False)
    assert text == f'"{CODES}"'
    assert len(set(CODES)) == len(CODES)
    assert CODES[:3] == "#$%"
    CODES.encode()


# Sizes


@pytest.mark.parametrize(
    ("size", "code", "decoded"),
    [
        (0, 0, 0),
        (1, 1, 1),
        (127, 127, 127),
        (128, 128, 128),
        (255, 255, 255),
        # 1 0000 0000 is shifted by 1 to 128.
        (256, 128 + 128, 256),
        (257, 128 + 128, 256),
        (511, 128 + 255, 510),
        # 10 0000 0000 is shifted by 2.
        (512, 2 * 128 + 128, 512),
        # 10^9 has 30 bits and is shifted by 22: 10^9 / 2^22 = 238.4.
        (10**9, 22 * 128 + 238, 238 * 2**22),
    ],
)
def test_sizes_have_eight_significant_bits(size: int, code: int, decoded: int) -> None:
    assert encode_size(size) == code
    assert decode_size(code) == decoded


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_rounding_of_sizes_is_below_one_percent(one: int, two: int) -> None:
    decoded = decode_size(encode_size(one))
    assert one - one // 128 <= decoded <= one
    assert encode_size(decoded) == encode_size(one)
    assert (encode_size(one) <= encode_size(two)) is (decoded <= decode_size(encode_size(two)))


def test_the_newest_31_points_of_each_kind_have_a_size() -> None:
    """Of 40 daily full backups and 5 old log backups, the newest full backups and all log backups have a size."""
    points = [point(T0 + day * 86_400, size_bytes=day) for day in range(1, 41)]
    logs = [point(T0 + day * 86_400 + 60, kind="log", size_bytes=100 + day) for day in range(1, 6)]
    (block,) = write([*points, *logs], [point(T0, size_bytes=7)])
    # Log backups have the indexes 1, 3, 5, 7 and 9, full backups from the sixth have indexes from 10.
    assert block["sizes"] == [101, 102, 103, 104, 105, *range(10, 41), 7]
    sizes = decode(block).sizes()
    assert sizes == {1: 101, 3: 102, 5: 103, 7: 104, 9: 105, **{day + 4: day for day in range(10, 41)}, 45: 7}


def test_points_without_a_size_are_among_the_newest_31() -> None:
    """The newest has no size, so sizes of the 30 before it are kept."""
    points = [point(T0 + day * 86_400, size_bytes=day) for day in range(1, 41)]
    (block,) = write([*points, point(T0 + 41 * 86_400)])
    assert block["sizes"] == list(range(11, 41))
    assert decode(block).sizes() == {day - 1: day for day in range(11, 41)}


# Decoding


FACT = st.sampled_from([True, False, None])
TIME = st.integers(T0, T0 + 400 * 86_400) | st.sampled_from([FIRST, FIRST + 1, LAST - 1, T0, T0 + 1])
MICROS = st.sampled_from([0, 0, 1, 500_000, 999_999])
ENDS = st.sampled_from([None, None, -62_135_596_800, 0, FIRST, T0 - 1, T0, T0 + 86_400, LAST, 253_402_300_799])
MOMENT = st.builds(lambda end, micros: None if end is None else end * SECOND + micros, ENDS, MICROS)
POINT = st.builds(
    RecoveryPoint,
    id=st.just(""),
    workload=st.just(NOBODY),
    created=st.builds(lambda time, micros: time * SECOND + micros, TIME, MICROS),
    kind=st.sampled_from(KINDS),
    status=st.sampled_from(STATUSES),
    usable=FACT,
    size_bytes=st.none() | st.integers(0, 300) | st.integers(0, 2**63 - 1),
    copies=st.sampled_from([None, [], [Copy(location="a")], [Copy(location="ü\ud800", location_type="disk"), Copy()]]),
    restore_tested=FACT,
    integrity_checked=FACT,
    offsite=FACT,
    immutable=FACT,
    encrypted=FACT,
    malware=st.sampled_from([None, *MALWARE]),
    inferred=st.sampled_from([(), ("immutable",), ("encrypted", "size_bytes")]),
    declared=st.sampled_from([(), ("offsite",), ("immutable",)]),
    **dict.fromkeys(MOMENTS, MOMENT),
)
# No two points at the same time: the order of points at the same time is not defined.
POINTS = st.lists(POINT, max_size=8, unique_by=lambda each: each.created)
APART = st.builds(
    Apart,
    st.dictionaries(POINT.map(point_class), st.integers(1, 99), max_size=2),
    st.sampled_from([0, 0, 1, 1000]),
)


def expected_moments(each: RecoveryPoint) -> dict[str, int]:
    """Return the moments in whole seconds, limited to the years 1980 to 9000."""
    limited = {}
    for name in point_class(each).moments:
        second = getattr(each, name) // SECOND
        limited[name] = FIRST if second < FIRST else LAST if second > LAST else second
    return limited


@given(st.lists(st.tuples(POINTS, APART), min_size=1, max_size=4))
@settings(max_examples=200)
def test_encoding_and_decoding_are_inverse(workloads: list[tuple[list[RecoveryPoint], Apart]]) -> None:
    (raw,) = write(*workloads)
    block = decode(raw)
    sizes = block.sizes()
    moments = {name: dict(zip(places, values, strict=True)) for name, (places, values) in block.moments.items()}
    index = 0
    for number, (points, apart) in enumerate(workloads):
        assert block.counts[number] == len(points)
        for each in sorted(points, key=lambda one: one.created):
            assert block.times[index] == each.created // SECOND
            assert class_of(block, index) == BlockClass(
                point_class(each), each.created % SECOND > 0, each.size_bytes is not None
            )
            assert {name: values[index] for name, values in moments.items() if index in values} == expected_moments(
                each
            )
            size = each.size_bytes
            assert sizes.get(index) == (None if size is None else size - size % 2 ** max(size.bit_length() - 8, 0))
            index += 1
        undated = {block.classes[code].facts: count for code, count in block.undated.get(number, [])}
        assert undated == apart.undated
        assert block.in_future.get(number, 0) == apart.in_future
    assert index == len(block.times) == block.starts[-1]


def test_a_workload_with_more_than_256_classes() -> None:
    """The next workload begins a new block, whose classes have short codes again."""
    tapes = [
        point(T0 + number, copies=[Copy(location=f"tape{number}", location_type="tape")], size_bytes=number)
        for number in range(600)
    ]
    first, second = write(tapes, tapes[:1])
    assert (first["counts"], second["counts"], second["codes"]) == ([600], [1], "#")
    block = decode(first)
    for index in (0, 56, 57, 90, 91, 92, 255, 256, 599):
        assert class_of(block, index).facts.locations == ((f"tape{index}", "tape"),)
    # The newest 31 have sizes.
    assert set(block.sizes()) == set(range(569, 600))


@pytest.mark.parametrize("tapes", [len(CODES), len(CODES) + 1])
def test_a_workload_with_as_many_classes_as_points(tapes: int) -> None:
    """Each point is on a different tape. More tapes than codes are an error, not a silent loss."""
    points = [point(T0 + number, copies=[Copy(location=f"tape{number}")]) for number in range(tapes)]
    if tapes > len(CODES):
        with pytest.raises(DataError, match="more than 54930 different combinations of facts"):
            write(points)
    else:
        (raw,) = write(points)
        assert len(decode(raw).times) == tapes


def test_256_classes_fit_into_a_block() -> None:
    """A new block begins once a block has more than 256 classes."""
    tapes = [[point(T0, copies=[Copy(location=f"tape{number}")])] for number in range(300)]
    assert [len(block["counts"]) for block in write(*tapes)] == [257, 43]


def test_a_block_has_at_most_a_thousand_workloads() -> None:
    blocks = write(*[[point(T0)]] * 2001)
    assert [len(block["counts"]) for block in blocks] == [1000, 1000, 1]
    # Delta values start again in each block.
    assert [block["times"][0] for block in blocks] == [T0 - 86_400] * 3
    assert [decode(block).times == [T0] * len(block["counts"]) for block in blocks] == [True] * 3


def test_a_block_has_at_most_50_000_points() -> None:
    half, one = range(T0, T0 + 25_000), [T0]
    blocks = write_times(half, half, [], one)
    assert [block["counts"] for block in blocks] == [[25_000, 25_000, 0], [1]]
    decoded = [decode(block) for block in blocks]
    assert decoded[0].times == [*half, *half]
    assert decoded[1].times == one


def test_a_workload_with_more_points_has_a_separate_block() -> None:
    large = range(T0, T0 + 50_001)
    blocks = write_times([T0], large, [T0])
    assert [block["counts"] for block in blocks] == [[1], [50_001], [1]]
    assert decode(blocks[1]).times == list(large)


def test_limits_match_the_module() -> None:
    assert (times_module.FIRST, times_module.LAST) == (FIRST, LAST)
    assert (blocks_module.WORKLOADS, blocks_module.MAX_POINTS, blocks_module.SIZED_POINTS) == (1000, 50_000, 31)
    assert list(itertools.accumulate(EXAMPLE["counts"])) == [2, 2, 3]
