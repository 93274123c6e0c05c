# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is read more than once does not count twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plugins.module_utils._policy.policy_rows import ago, evaluate, finding, findings, read, row

SEVEN = {"recovery_points": {"min_count": 7}}
ADDED = {"by": "workload_name", "independent": True}
EARLIER = "2026-11-21T03:00:00Z"
BEFORE = {"newest": ago(days=3), "oldest": ago(days=60)}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("options", [{}, {"expected": ["web01"]}, {"combine": {"by": "workload_name"}}])
def test_the_later_read_is_judged(order: int, options: dict[str, Any]) -> None:
    """In any order, and regardless of the content of the older one."""
    read_results = [read(row(recovery_points=30), read_at=EARLIER), read(row(recovery_points=2))][::order]
    found = findings(read_results, SEVEN, **options)
    assert [each["actual"] for each in found if each["control"] == "recovery_points.min_count"] == [2]
    text = [
        each
        for each in evaluate(read_results, SEVEN, **options).plain()["findings"]
        if each["control"] == "data.superseded"
    ]
    assert [(each["result"], each["workload_name"]) for each in text] == [("not_applicable", "web01")]
    assert evaluate(read_results, SEVEN, **options).plain()["totals"]["workloads"] == 1


def test_of_two_reads_of_one_moment_one_is_judged() -> None:
    assert len(findings([read(row()), read(row())], SEVEN)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"workload_id": "id-2"},
        {"workload_type": "database"},
        {"origin": "another"},
        {"source": "vbr2"},
        {"workload_id": None},
    ],
)
def test_reads_may_tell_a_server_in_parts(other: dict[str, Any]) -> None:
    """Machines from one task and databases from another: each row is kept."""
    assert len(findings([read(row(), read_at=EARLIER), read(row(**other))], SEVEN)) == 2


def test_without_an_id_the_name_tells_them_apart() -> None:
    one, other = row(workload_id=None), row(workload_id=None, workload_name="web02")
    assert len(findings([read(one, read_at=EARLIER), read(other)], SEVEN)) == 2
    assert len(findings([read(one, read_at=EARLIER), read(one)], SEVEN)) == 1


@pytest.mark.parametrize(
    ("second", "count"),
    [
        # Another view may lag behind, truncate fractions of a second, or use other ids.
        ({}, 4),
        ({"newest": BEFORE["newest"]}, 4),
        ({"oldest": BEFORE["oldest"], "newest": ago(hours=5).replace("Z", ".25Z")}, 4),
        ({"workload_id": "urn:1"}, 4),
        (BEFORE, 8),
        ({"newest": ago(hours=5, seconds=1), "oldest": ago(days=30, seconds=1)}, 8),
        # The newest of one is the oldest of the other: two adjacent histories.
        ({"newest": ago(days=30), "oldest": ago(days=60)}, 8),
        ({"newest": None, "oldest": None}, 8),
    ],
)
def test_views_of_one_server_are_not_added_up(second: dict[str, Any], count: int) -> None:
    four = {"recovery_points": 4, "attributes": {"recovery_points": {"count": 4}}}
    other = row(**{**four, "source": "em", **second})
    result = finding([read(row(**four)), read(other, server={"host": "em"})], SEVEN, combine=ADDED)
    assert result["actual"] == count
    assert result["result"] == ("pass" if count == 8 else "fail")
    assert ("belong to one server and count once" in result["message"]) is (count == 4)
