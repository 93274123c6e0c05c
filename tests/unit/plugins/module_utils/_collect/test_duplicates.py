# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points that are listed several times become one point with the least favorable values."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.duplicates import drop_duplicates
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy
from tests.unit.plugins.module_utils._collect.grouped_points import contents, group_points
from tests.unit.plugins.module_utils._collect.summary_rows import ago, point

Facts = dict[str, Any]


def test_points_with_different_ids_are_kept() -> None:
    groups = group_points([point(1, size_bytes=5), point(1, size_bytes=5), point(1, kind="log")])
    before = contents(groups)
    assert contents(drop_duplicates(groups)) == before
    assert len(before) == 3


def places(*names: str) -> Facts:
    return {"copies": [Copy(location=name) for name in names]}


# One listing, another listing, the point.
LISTINGS: list[tuple[Facts, Facts, Facts]] = [
    ({}, {}, {}),
    ({"usable": True}, {"usable": None}, {"usable": None}),
    ({"usable": True}, {"usable": False}, {"usable": False}),
    ({"usable": None}, {"usable": False}, {"usable": False}),
    ({"kind": "full"}, {"kind": "snapshot"}, {"kind": "snapshot"}),
    ({"kind": "full"}, {"kind": "unknown"}, {"kind": "unknown"}),
    ({"kind": "full"}, {"kind": "incremental"}, {"kind": "incremental"}),
    ({"kind": "synthetic_full"}, {"kind": "backup"}, {"kind": "backup"}),
    ({"status": "success"}, {"status": "failed"}, {"status": "failed"}),
    ({"status": "warning"}, {"status": "unknown"}, {"status": "unknown"}),
    *(
        ({name: True}, {name: state}, {name: state})
        for name in ("restore_tested", "integrity_checked", "offsite", "immutable", "encrypted")
        for state in (False, None)
    ),
    ({"malware": "clean"}, {"malware": None}, {"malware": None}),
    ({"malware": None}, {"malware": "suspicious"}, {"malware": "suspicious"}),
    ({"malware": "suspicious"}, {"malware": "infected"}, {"malware": "infected"}),
    ({"offsite": True}, {"offsite": True, "inferred": ("offsite",)}, {"offsite": True, "inferred": ("offsite",)}),
    # A lock without an end, with an end, and with an earlier one.
    ({"immutable": True}, {"immutable_until": ago(-5)}, {"immutable_until": ago(-5)}),
    ({"immutable_until": ago(-5)}, {"immutable_until": ago(-4)}, {"immutable_until": ago(-4)}),
    ({"immutable_until": ago(-5)}, {"immutable": False}, {"immutable": False}),
    ({"immutable_until": ago(-5)}, {}, {}),
    ({}, {"expires_at": ago(-9)}, {"expires_at": ago(-9)}),
    ({"expires_at": ago(-9)}, {"expires_at": ago(-8)}, {"expires_at": ago(-8)}),
    # The oldest passed test, the newest failed test.
    ({"restore_tested": True, "tested_at": ago(1)}, {"restore_tested": True}, {"restore_tested": True}),
    (
        {"restore_tested": True, "tested_at": ago(1)},
        {"restore_tested": True, "tested_at": ago(9)},
        {"restore_tested": True, "tested_at": ago(9)},
    ),
    (
        {"restore_tested": False, "tested_at": ago(1)},
        {"restore_tested": False, "tested_at": ago(9)},
        {"restore_tested": False, "tested_at": ago(1)},
    ),
    (
        {"restore_tested": True, "tested_at": ago(1)},
        {"restore_tested": False, "tested_at": ago(9)},
        {"restore_tested": False, "tested_at": ago(1)},
    ),
    (
        {"restorable_from": ago(9), "restorable_until": ago(1)},
        {"restorable_from": ago(8), "restorable_until": ago(2)},
        {"restorable_from": ago(8), "restorable_until": ago(2)},
    ),
    ({"restorable_from": ago(9)}, {}, {}),
    ({"size_bytes": 9}, {"size_bytes": 8}, {"size_bytes": None}),
    (places("a", "b"), places("b", "a"), places("a", "b")),
    (places("a", "b"), places("a"), {"copies": None}),
    # Of two times, it is unknown which one is right.
    ({"days": 1}, {"days": 2}, {"days": 2, "usable": None}),
    ({"days": 1, "usable": False}, {"days": 2}, {"days": 2, "usable": False}),
    # Each listing is worse in a different value.
    (
        {"encrypted": True, "offsite": False, "malware": "clean"},
        {"encrypted": None, "offsite": True, "malware": "infected"},
        {"encrypted": None, "offsite": False, "malware": "infected"},
    ),
]


@pytest.mark.parametrize(("first", "second", "merged"), LISTINGS)
def test_the_least_favorable_values(first: Facts, second: Facts, merged: Facts) -> None:
    """Order, other points, and a third listing do not matter."""
    other, one, two = point(3, id="other"), point(**first, id="a"), point(**second, id="a")
    expected = contents(group_points([other, point(**merged, id="a")]))
    for order in itertools.permutations([other, one, two, one]):
        assert contents(drop_duplicates(group_points(order))) == expected
