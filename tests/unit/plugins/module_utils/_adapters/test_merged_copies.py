# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merged copies of one point: which copy may prove which fact, and how certain it is."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.merged_copies import merge_into
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload


def point(location: str, **facts: Any) -> RecoveryPoint:
    return RecoveryPoint(
        id=location,
        workload=Workload(id="1"),
        created=1000,
        copies=[Copy(location=location)],
        **{"usable": True, **facts},
    )


def merge(*points: RecoveryPoint) -> RecoveryPoint:
    return merge_into(points[0], points)


LOCK = ("immutable", "immutable_until")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # A lock with an end has no value of its own, but it is as certain as this value.
        ({"immutable_until": 9, "inferred": LOCK}, (None, 9, LOCK)),
        ({"immutable_until": 9}, (None, 9, ())),
        ({"immutable": True, "inferred": ("immutable",)}, (True, None, ("immutable",))),
        ({"immutable": False, "inferred": ("immutable",)}, (None, None, ())),
        ({}, (None, None, ())),
    ],
)
def test_an_inferred_lock_stays_inferred(facts: dict[str, Any], expected: tuple[Any, ...]) -> None:
    for one in (merge(point("a"), point("b", **facts)), merge(point("b", **facts), point("a"))):
        assert (one.immutable, one.immutable_until, one.inferred) == expected


def test_an_inferred_lock_of_one_copy_is_not_made_certain_by_another() -> None:
    one = merge(point("a", immutable_until=5), point("b", immutable_until=9, inferred=LOCK))
    assert (one.immutable_until, one.inferred) == (9, LOCK)
