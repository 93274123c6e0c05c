# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merged copies of one point: which copy may prove which fact, and how certain it is."""

from __future__ import annotations

import copy
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


PROTECTION = {
    "offsite": True,
    "immutable": True,
    "immutable_until": 9,
    "restore_tested": True,
    "tested_at": 7,
    "tested_by": "boot",
    "integrity_checked": True,
    "checked_at": 8,
    "checked_by": "scan",
}


@pytest.mark.parametrize("usable", [None, False])
def test_a_copy_that_may_not_be_usable_proves_nothing(usable: bool | None) -> None:
    inferred = ("encrypted", "offsite", *LOCK, "restore_tested", "tested_at", "tested_by")
    weak = point("b", usable=usable, encrypted=True, inferred=inferred, **PROTECTION)
    plain = {"offsite": False, "immutable": False, "encrypted": True}
    for group in ((point("a", **plain), weak), (weak, point("a", **plain))):
        one = merge(*map(copy.deepcopy, group))
        assert {name: getattr(one, name) for name in PROTECTION} == {
            **dict.fromkeys(PROTECTION),
            "offsite": False,
            "immutable": False,
        }
        assert (one.usable, one.encrypted, one.inferred) == (True, True, ("encrypted",))
        assert [each.location for each in one.copies or ()] == ["a"]


def test_copies_without_any_usable_one_are_described_by_all() -> None:
    one = merge(point("a", usable=None), point("b", usable=False, **PROTECTION))
    assert one.usable is None
    assert {name: getattr(one, name) for name in PROTECTION} == PROTECTION


@pytest.mark.parametrize("usable", [True, None, False])
def test_malware_and_missing_encryption_count_in_any_copy(usable: bool | None) -> None:
    """Data that cannot be restored can still be read, and malware is in the data of all copies."""
    one = merge(point("a", encrypted=True, malware="clean"), point("b", usable=usable, encrypted=False))
    assert (one.encrypted, one.malware) == (False, None)
    one = merge(point("a", encrypted=True, malware="clean"), point("b", usable=usable, malware="infected"))
    assert (one.encrypted, one.malware) == (None, "infected")
