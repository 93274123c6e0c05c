# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of points with equal attributes: points without a plausible time, and points in the future."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass, point_class
from ansible_collections.backup.audit.plugins.module_utils._collect.points import (
    PointGroupBuilder,
    remove_implausible,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy
from tests.unit.plugins.module_utils._collect.grouped_points import contents, group_points
from tests.unit.plugins.module_utils._collect.summary_rows import ago, point

FACTS = PointClass("full", "success", True, (None, None, None, None, None), None, (), (), None, ())


# Classes


def test_a_class_has_attributes_without_times_and_sizes() -> None:
    copies = [Copy(location="disk1", location_type="disk", role="main"), Copy(location_type="tape")]
    one = point(
        kind="incremental",
        status="warning",
        usable=None,
        size_bytes=7,
        copies=copies,
        restore_tested=True,
        tested_at=ago(0.5),
        integrity_checked=False,
        offsite=True,
        malware="clean",
        expires_at=ago(-9),
        inferred=("offsite",),
        declared=("encrypted",),
        job="nightly",
    )
    assert point_class(one) == PointClass(
        kind="incremental",
        status="warning",
        usable=None,
        facts=(True, False, True, None, None),
        malware="clean",
        inferred=("offsite",),
        declared=("encrypted",),
        # Sorted independently of the order of the product.
        locations=((None, "tape"), ("disk1", "disk")),
        moments=("expires_at", "tested_at"),
    )


def test_no_locations_and_unknown_locations_differ() -> None:
    assert point_class(point(copies=None)).locations is None
    assert point_class(point(copies=[])).locations == ()


@pytest.mark.parametrize(
    ("more", "immutable", "moments"),
    [
        # Until the end of the lock, which is evaluated later.
        ({"immutable": True}, None, ("immutable_until",)),
        ({"immutable": None}, None, ("immutable_until",)),
        # The product reports that it is not immutable. A declared lock has no end.
        ({"immutable": False}, False, ()),
        ({"immutable": True, "declared": ("immutable",)}, True, ()),
        ({"immutable": False, "declared": ("immutable",)}, False, ()),
    ],
)
def test_a_lock_with_an_end(more: dict[str, Any], immutable: bool | None, moments: tuple[str, ...]) -> None:
    facts = point_class(point(immutable_until=ago(-1), **more))
    assert (facts.facts[3], facts.moments) == (immutable, moments)


def test_a_lock_without_an_end() -> None:
    facts = point_class(point(immutable=True))
    assert (facts.facts[3], facts.moments) == (True, ())


def test_a_template_gets_an_expiry() -> None:
    assert point_class(point(), has_expiry=True) == point_class(point(expires_at=5))


# Groups


def test_a_group_has_all_added_points_in_order() -> None:
    """More points than fit into one of the chunks that are moved to a bytes object."""
    builder = PointGroupBuilder(point_class(point(expires_at=1)))
    for number in range(100):
        builder.add(f"p{number}", number, None if number == 7 else 2 * number, (3 * number,))
    assert len(builder) == 100
    builder.extend([5, 6], [100, 101], [200, -1], [300, 303])
    builder.add("last", 102, 0, (306,))
    assert len(builder) == 103
    group = builder.group()
    assert list(group.times) == list(range(103))
    assert list(group.moments[0]) == [3 * number for number in range(103)]
    assert (group.sizes[7], group.sizes[8], list(group.sizes[100:])) == (-1, 16, [200, -1, 0])
    assert (group.ids[0], list(group.ids[100:])) == (hash("p0"), [5, 6, hash("last")])


# Undated points


def test_points_outside_of_the_limits_are_removed() -> None:
    """Both limits are inclusive. The remaining points keep their sizes and times."""
    builder = PointGroupBuilder(point_class(point(expires_at=1)))
    for time in (9, 10, 20, 21, 5, 15):
        builder.add(f"p{time}", time, time * 2, (time * 3,))
    group = builder.group()
    undated, future = remove_implausible([group], 10, 20)
    assert (undated, future) == ({group.facts: 2}, 1)
    assert list(group.times) == [10, 20, 15]
    assert list(group.sizes) == [20, 40, 30]
    assert [list(values) for values in group.moments] == [[30, 60, 45]]
    assert list(group.ids) == [hash("p10"), hash("p20"), hash("p15")]


def test_too_early_points_are_counted_by_class() -> None:
    groups = group_points(
        [
            point(created=1),
            point(created=2),
            point(created=3, kind="log"),
            point(created=50, kind="log"),
            point(created=50, kind="snapshot"),
        ]
    )
    undated, future = remove_implausible(groups, 10, 20)
    assert {facts.kind: number for facts, number in undated.items()} == {"full": 2, "log": 1}
    assert future == 2
    assert contents(groups) == []


def test_plausible_points_are_kept() -> None:
    groups = group_points([point(created=10), point(created=20)])
    assert remove_implausible([*groups, PointGroupBuilder(FACTS).group()], 10, 20) == ({}, 0)
    assert [list(each.times) for each in groups] == [[10, 20]]
