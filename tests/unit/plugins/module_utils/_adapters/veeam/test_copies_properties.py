# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merged copies of one point: an unknown value of one copy never improves the point."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import (
    merge_copies,
    parse_point_time,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload

_WORKLOAD = Workload(id="1", name="db01", type="vm")
_FACT = st.sampled_from([True, False, None])
_FACTS = ("usable", "integrity_checked", "encrypted", "offsite", "immutable")
POINTS = st.lists(
    st.builds(
        RecoveryPoint,
        id=st.integers(0, 10**6).map(str),
        workload=st.just(_WORKLOAD),
        created=st.sampled_from([1000, 2000]),
        kind=st.sampled_from(["full", "incremental", "unknown"]),
        usable=_FACT,
        size_bytes=st.sampled_from([None, 5, 9]),
        copies=st.sampled_from(["primary", "copy", None]).map(lambda role: [Copy(location="a", role=role)]),
        integrity_checked=st.sampled_from([True, None]),
        encrypted=_FACT,
        offsite=_FACT,
        immutable=_FACT,
        malware=st.sampled_from([None, "clean", "suspicious", "infected"]),
    ),
    max_size=5,
    unique_by=lambda point: point.id,
)


def merge_by_time(points: list[RecoveryPoint]) -> dict[int, RecoveryPoint]:
    """Merge copies and return the points by time; merging changes its arguments, so they are copied."""
    return {point.created: point for point in merge_copies(copy.deepcopy(points))}


@given(POINTS)
def test_copies_with_the_same_time_become_one_point(points: list[RecoveryPoint]) -> None:
    found = merge_copies(copy.deepcopy(points))
    assert len(found) == len({point.created for point in points})
    for one in found:
        states = [point.usable for point in points if point.created == one.created]
        # The locations of copies that may not be usable do not count if there are others.
        assert len(one.copies or ()) == (states.count(True) or len(states))


@given(POINTS)
def test_points_without_a_time_are_not_copies_of_each_other(points: list[RecoveryPoint]) -> None:
    undated = [dataclasses.replace(point, created=parse_point_time("1753-01-01T00:00:00Z")) for point in points]
    assert merge_copies(copy.deepcopy(undated)) == undated


@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_copies_does_not_matter(points: list[RecoveryPoint], chance: Any) -> None:
    shuffled = list(points)
    chance.shuffle(shuffled)
    first, second = merge_by_time(points), merge_by_time(shuffled)
    for created, point in first.items():
        for name in (*_FACTS, "kind", "malware", "size_bytes", "inferred"):
            assert getattr(point, name) == getattr(second[created], name), name


@settings(max_examples=300)
@given(POINTS, st.data())
def test_an_unknown_value_of_a_copy_proves_nothing(points: list[RecoveryPoint], data: st.DataObject) -> None:
    less = []
    for point in points:
        lost: dict[str, Any] = dict.fromkeys(data.draw(st.sets(st.sampled_from([*_FACTS, "malware"]))))
        less.append(dataclasses.replace(point, **lost))
    before, after = merge_by_time(points), merge_by_time(less)
    for created, point in after.items():
        for name in _FACTS:
            # If a false value becomes unknown, the other copies decide, but the result never becomes true. Without a
            # usable copy, all of them describe the point, which then does not count.
            assert not (point.usable and getattr(point, name)) or getattr(before[created], name) is True, name
        assert point.malware != "clean" or before[created].malware == "clean"
