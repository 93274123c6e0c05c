# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read results that contradict themselves are rejected with the path of the value."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import seal, unpack
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time
from tests.unit.plugins.module_utils._policy.policy_points import (
    NOW,
    SEVEN,
    ago,
    evaluate,
    finding,
    point,
    read,
    row,
)


def resealed(given: dict[str, Any], change: Callable[[dict[str, Any]], Any], **members: Any) -> dict[str, Any]:
    """Change each block and fields of a read result, as a program that imitates a module would."""
    blocks = [json.loads(unpack(text, "points")) for text in given["points"]]
    for block in blocks:
        change(block)
    return seal({**given, **members}, blocks)


@pytest.mark.parametrize("value", [True, False])
def test_a_point_with_the_end_of_a_lock_must_be_immutable(value: bool) -> None:
    """The end of a lock contradicts any other value of ``immutable``."""
    given = read(row([point(days=1, immutable_until=NOW + DAY * SECOND)]))
    assert finding(given, {"immutable": {"min_count": 1}})["result"] == "pass"
    changed = resealed(given, lambda block: block["classes"][0].update(immutable=value))
    with pytest.raises(DataError, match=r"input\.points\[0\]\.classes\[0\]\.immutable: "):
        evaluate(changed, SEVEN)


@pytest.mark.parametrize(
    ("seconds", "skew", "accepted"), [(300, 0, True), (301, 0, False), (600, 300, True), (601, 300, False)]
)
def test_a_point_later_than_the_read_is_an_error(seconds: int, skew: int, accepted: bool) -> None:
    later = read(
        row([point(days=1), point(seconds=-seconds)]), read_at=ago(seconds=-900), server={"clock_skew_seconds": skew}
    )
    given = resealed(later, lambda _block: None, read_at=format_time(NOW))
    rules = {"recovery_points": {"max_age": "26h"}}
    if accepted:
        assert finding(given, rules)["result"] == "pass"
        return
    with pytest.raises(DataError, match=r"input\.points\[0\]\.times: a recovery point is later than the read"):
        evaluate(given, rules)


def test_points_are_compared_with_the_clock_of_the_server() -> None:
    """The clock of the server is an hour ahead, so a half an hour old point seems to be in the future."""
    later = read(row([point(hours=-0.5)]), read_at=ago(hours=-1), server={"clock_skew_seconds": HOUR})
    given = resealed(later, lambda _block: None, read_at=format_time(NOW))
    assert finding(given, {"recovery_points": {"min_count": 1}})["result"] == "pass"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, r"input\.points\[0\]\.counts: there are more workloads than rows"),
        (3, "read result of vbr1: 1 rows have no points"),
    ],
)
def test_the_number_of_rows_must_match_the_workloads_in_blocks(number: int, text: str) -> None:
    """Otherwise a row would be evaluated with the points of another one, or not at all."""
    rows = [row(id=f"id-{index}", name=f"web0{index}") for index in range(3)]
    given = read(*rows[:2])
    listed = read(*rows)["workloads"]
    assert evaluate(resealed(given, lambda _block: None, workloads=listed[:2]), SEVEN).compliant
    with pytest.raises(DataError, match=text):
        evaluate(resealed(given, lambda _block: None, workloads=listed[:number]), SEVEN)


@pytest.mark.parametrize("name", [1, None, True])
def test_unknown_permissions_are_an_error(name: Any) -> None:
    given = read(row(), server={"scope": {name: False}})
    with pytest.raises(DataError, match=r"input\.server\.scope: "):
        evaluate(given, SEVEN)
