# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks with an invalid field are rejected with the path of the field."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import (
    CODES,
    Block,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.result import canonical_json
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from tests.unit.plugins.module_utils._collect.written_blocks import (
    EXAMPLE,
    FIRST,
    LAST,
    T0,
    point,
    write,
)


def without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda block: {key: value for key, value in block.items() if key != name}


def setting(*path: Any) -> Callable[[dict[str, Any]], Any]:
    """Set the field at the path of all but the last argument to the last argument."""
    *steps, last, value = path

    def change(block: dict[str, Any]) -> Any:
        node: Any = block
        for step in steps:
            node = node[step]
        node[last] = value
        return block

    return change


def removing(*path: Any) -> Callable[[dict[str, Any]], Any]:
    *steps, last = path

    def change(block: dict[str, Any]) -> Any:
        node: Any = block
        for step in steps:
            node = node[step]
        del node[last]
        return block

    return change


def values(*each: Any) -> tuple[Any, ...]:
    """Return values of different types."""
    return each


NAN, INFINITY = float("nan"), float("inf")
NOT_NUMBERS: list[Any] = [True, False, None, 1.0, 1.5, NAN, INFINITY, "1", [1], {}]
NOT_LISTS: list[Any] = [None, True, 0, 1.5, NAN, "abc", {}]
NOT_FLAGS: list[Any] = [0, 1, 0.0, NAN, "true", "", [], {}]
FLAGS = ("usable", "restore_tested", "integrity_checked", "offsite", "immutable", "encrypted", "fraction", "size")
MEMBERS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    # Missing fields, and fields of another type
    *((without(name), f".{name}") for name in ("classes", "counts", "codes", "times")),
    *(
        (setting(name, value), f".{name}")
        for name in ("classes", "counts", "times", "sizes", "undated", "in_future")
        for value in NOT_LISTS
    ),
    *((setting("codes", value), ".codes") for value in values(None, True, 1, ["#", "$", "#"], {})),
    *((setting("moments", value), ".moments") for value in values(None, True, 1, "tested_at", [])),
    # Classes
    *((setting("classes", 1, value), ".classes[1]") for value in values(None, True, 1, "full", [])),
    *(
        (setting("classes", 0, "kind", value), ".classes[0].kind")
        for value in values(None, "", "Full", "gold", 1, True, [])
    ),
    *((setting("classes", 2, "status", value), ".classes[2].status") for value in values(None, "ok", 1, {})),
    *((removing("classes", 1, name), f".classes[1].{name}") for name in ("kind", "status")),
    *((setting("classes", 0, name, value), f".classes[0].{name}") for name in FLAGS for value in NOT_FLAGS),
    *(
        (setting("classes", 0, "malware", value), ".classes[0].malware")
        for value in values(None, "", "dirty", True, [])
    ),
    *(
        (setting("classes", 0, name, value), f".classes[0].{name}")
        for name in ("inferred", "declared")
        for value in values(
            None, "offsite", {}, ["gold"], [None], [1], [True], [["offsite"]], ["offsite", "offsite"], [NAN]
        )
    ),
    *(
        (setting("classes", 0, "locations", value), ".classes[0].locations")
        for value in values(
            None, "disk", {}, ["ab"], [["a"]], [["a", "b", "c"]], [["a", 1]], [[True, None]], [None], [{}]
        )
    ),
    *(
        (setting("classes", 2, "moments", value), ".classes[2].moments")
        for value in values(None, "tested_at", ["created_at"], [1], ["tested_at", "tested_at"])
    ),
    *((setting("classes", 0, name, "x"), f".classes[0].{name}") for name in ("colour", "created_at")),
    # Numbers
    *((setting("counts", 1, value), ".counts") for value in [*NOT_NUMBERS, -1]),
    *((setting("times", 1, value), ".times") for value in NOT_NUMBERS),
    *((setting("moments", "tested_at", 0, value), ".moments.tested_at") for value in NOT_NUMBERS),
    *((setting("sizes", 0, value), ".sizes") for value in [*NOT_NUMBERS, -1]),
    # Lengths
    *((setting("counts", value), "") for value in values([], [2], [2, 0], [2, 0, 2], [2, 0, 0], [3, 1])),
    # Each of these numbers can be shown, but not their sum: Python refuses more than 4300 digits.
    *((setting("counts", value), "") for value in values([10**400], [9 * 10**4299] * 12)),
    *((setting("codes", value), "") for value in values("", "#$", "#$##")),
    *((setting("times", value), "") for value in values([], [T0, 0], [T0, 0, 0, 0])),
    *((setting("sizes", value), ".sizes") for value in values([], [278], [278, 5, 5])),
    (without("sizes"), ".sizes"),
    (removing("classes", 0, "size"), ".sizes"),
    (setting("classes", 1, "size", True), ".sizes"),
    *((setting("moments", "tested_at", value), ".moments.tested_at") for value in values([], [1, 2])),
    (without("moments"), ".moments.tested_at"),
    (removing("classes", 1, "moments"), ".moments.tested_at"),
    (setting("classes", 0, "moments", ["tested_at"]), ".moments.tested_at"),
    (setting("moments", "expires_at", [5]), ".moments.expires_at"),
    *((setting("moments", name, []), f".moments.{name}") for name in ("created_at", "tested")),
    # Codes of classes that do not exist, and characters that are not codes
    *((setting("codes", text), ".codes") for text in ("#$&", "#$é", '#$"', "#$\\", "#$ ", "#$\0", "#$\ud800")),
    # Times
    (setting("times", 1, -86_401), ".times"),
    (setting("times", 0, FIRST - 86_400 - 1), ".times"),
    (setting("times", 0, LAST - 86_400 + 1), ".times"),
    (setting("times", 1, 10**400), ".times"),
    (setting("times", 0, -(10**400)), ".times"),
    *(
        (setting("moments", "tested_at", 0, value), ".moments.tested_at")
        for value in values(FIRST - T0 - 86_400 - 1, LAST - T0 - 86_400 + 1, 10**400, -(10**400))
    ),
    # Undated points
    *(
        (setting("undated", [value]), ".undated")
        for value in values(
            [3, 2, 2],
            [1, 3, 2],
            [-1, 2, 2],
            [1, -1, 2],
            [1, 2, -2],
            [1, 2],
            [1, 2, 2, 2],
            [],
            None,
            1,
            "abc",
        )
    ),
    *((setting("undated", 0, place, value), ".undated") for place in range(3) for value in NOT_NUMBERS),
    *(
        (setting("in_future", [value]), ".in_future")
        for value in values([-1, 3], [1, -3], [1], [1, 3, 3], [], None, 1, "ab", {})
    ),
    *((setting("in_future", 0, place, value), ".in_future") for place in range(2) for value in NOT_NUMBERS),
    (setting("in_future", [[3, 1]]), ".in_future"),
    (setting("in_future", [[1, 3], [1, 1]]), ".in_future"),
    # A size that does not fit into 64 bits
    *((setting("sizes", 0, value), ".sizes") for value in values(10**12, 10**30)),
    # An unknown field
    (setting("locks", [1]), ".locks"),
]


def check(value: Any) -> None:
    """Read everything in a block."""
    Block(value, "results[0].points[2]").sizes()


@pytest.mark.parametrize(("change", "place"), MEMBERS, ids=[place or "block" for _change, place in MEMBERS])
def test_invalid_fields_are_rejected_with_their_path(change: Callable[[dict[str, Any]], Any], place: str) -> None:
    with pytest.raises(DataError) as raised:
        check(change(copy.deepcopy(EXAMPLE)))
    assert raised.value.message.startswith(f"results[0].points[2]{place}: ")
    # The message contains neither the complete value nor many digits.
    assert len(raised.value.message) < 450


@pytest.mark.parametrize("value", [None, True, 1, 1.5, NAN, "block", [], [EXAMPLE]])
def test_other_values_are_rejected(value: Any) -> None:
    with pytest.raises(DataError, match=r"^results\[0\]\.points\[2\]: "):
        check(value)


def test_too_many_workloads_or_points_are_rejected() -> None:
    full = {"kind": "full", "status": "success"}
    empty: dict[str, Any] = {"classes": [full], "counts": [0] * 1001, "codes": "", "times": []}
    large: dict[str, Any] = {
        "classes": [full],
        "counts": [50_000, 1],
        "codes": "#" * 250_001,
        "times": [T0 - 86_400, *[0] * 50_000],
    }
    for value in (empty, large):
        with pytest.raises(DataError, match="more than a block can have"):
            check(value)


def test_more_classes_than_codes_are_rejected() -> None:
    facts = {"kind": "full", "status": "success", "size": True}
    value = {"classes": [facts] * (len(CODES) + 1), "counts": [0], "codes": "", "times": []}
    with pytest.raises(DataError, match=r"points\[2\]\.classes: "):
        check(value)


@pytest.mark.parametrize(
    "change",
    [
        # Points at the same time
        setting("times", 1, -86_400),
        # The first and the last plausible time
        setting("times", [FIRST - 86_400, 0, 0]),
        setting("times", [T0 - 86_400, 0, LAST - T0 - 86_400 - 86_400]),
        setting("moments", "tested_at", 0, FIRST - T0 - 86_400),
        setting("moments", "tested_at", 0, LAST - T0 - 86_400),
        # Only the first four fields are required
        without("undated"),
        without("in_future"),
        # Several classes of undated points of one workload
        setting("undated", [[1, 0, 1], [1, 2, 5], [2, 2, 1]]),
    ],
)
def test_edge_cases_are_accepted(change: Callable[[dict[str, Any]], Any]) -> None:
    check(change(copy.deepcopy(EXAMPLE)))


def test_unsorted_times_are_rejected_at_any_position() -> None:
    """Only the first point of a workload may be older than the one before it."""
    (block,) = write([point(T0), point(T0 + 5)], [point(T0 - 9), point(T0), point(T0 + 9)])
    block = json.loads(canonical_json(block))
    check(block)
    for index in range(1, 5):
        changed = copy.deepcopy(block)
        # All later points move with it.
        changed["times"][index] = -86_400 - 1_000_000
        if index == 2:
            check(changed)
        else:
            with pytest.raises(DataError, match=f"times: point {index} is older than the one before it"):
                check(changed)


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, -1, 10**30, -(10**30), 1.5, NAN, "", "#", "full", [], {}, [0], [[0]]]
)


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [each for step, inner in steps for each in [(*path, step), *_places(inner, (*path, step))]]


@given(st.sampled_from(_places(EXAMPLE)), VALUES)
@settings(max_examples=500)
def test_damaged_blocks_are_rejected_or_decoded(path: tuple[Any, ...], value: Any) -> None:
    """There are no other exceptions, and no times outside of the calendar."""
    changed = setting(*path, value)(copy.deepcopy(EXAMPLE))
    try:
        block = Block(changed, "points[0]")
        block.sizes()
    except DataError:
        return
    assert all(FIRST <= time <= LAST for time in block.times)
    assert sum(block.counts) == len(block.codes) == len(block.times)
