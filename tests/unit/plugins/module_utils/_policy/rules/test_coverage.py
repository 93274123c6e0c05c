# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""min_coverage: share of the window in which the newest point was recent enough."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from tests.unit.plugins.module_utils._policy.policy_points import ago, moment, point
from tests.unit.plugins.module_utils._policy.rules.cases import (
    check,
    counted,
    find,
    get_result,
    times,
    undated,
    utc,
)


def coverage(percent: int, max_age: str = "50s", within: str = "100s", **facts: Any) -> dict[str, Any]:
    rule = {"percent": f"{percent}%", "max_age": max_age, "within": within}
    return {"recovery_points": {"min_coverage": rule, **facts}}


def seconds(*ages: float, **facts: Any) -> list[RecoveryPoint]:
    """Build a point for each age in seconds at NOW."""
    return [point(seconds=age, **facts) for age in ages]


@pytest.mark.parametrize(
    ("sure", "possible", "expected", "percent"),
    [
        (("22T22:00", "23T22:00", "24T22:00", "25T22:00", "26T22:00"), (), "pass", 100),
        (("22T22:00", "23T22:00", "25T22:00", "26T22:00"), (), "fail", 75),
        (("22T22:00", "23T22:00", "25T22:00", "26T22:00"), ("24T22:00",), "unknown", 75),
    ],
)
def test_example(sure: tuple[str, ...], possible: tuple[str, ...], expected: str, percent: int) -> None:
    """The example in docs/reference/evaluation.md: the window begins on Monday at 00:00 and ends on Friday at 00:00."""
    points = [*times(*sure), *times(*possible, usable=None)]
    found = find(points, coverage(90, "24h", "4d"), read_at=utc("27T00:00"))
    assert (found["result"], found["actual"]) == (expected, percent)


@pytest.mark.parametrize(
    ("points", "covered"),
    [
        # Seconds of the last 100 that are covered: a point covers the 50 seconds after it.
        (seconds(50), 50),
        (seconds(30), 30),
        (seconds(100), 50),
        # Points before the window can cover its start.
        (seconds(125), 25),
        (seconds(149), 1),
        (seconds(150), 0),
        # Overlapping coverage counts once.
        (seconds(90, 70), 70),
        (seconds(90, 40), 90),
        (seconds(100, 50), 100),
        (seconds(0), 0),
        (seconds(-9), 0),
        (seconds(60, 60), 50),
        ([], 0),
        (seconds(50, kind="log"), 0),
        (seconds(50, usable=False), 0),
    ],
)
def test_covered_time(points: list[RecoveryPoint], covered: int) -> None:
    text = "of the last 100s covered by recovery points, at least"
    if covered:
        check(points, coverage(covered), "pass", f"{covered}% {text}")
    if covered < 100:
        check(points, coverage(covered + 1), "fail", f"{covered}% {text} {covered + 1}% required")


@pytest.mark.parametrize(
    ("points", "known", "possible"),
    [
        (seconds(50, usable=None), 0, 50),
        (seconds(125, usable=None), 0, 25),
        ([*seconds(90), *seconds(60, usable=None)], 50, 80),
        ([*seconds(90), *seconds(90, kind="unknown")], 50, 50),
    ],
)
def test_points_that_may_count(points: list[RecoveryPoint], known: int, possible: int) -> None:
    assert find(points, coverage(possible + 1))["result"] == "fail"
    found = find(points, coverage(possible))
    assert (found["result"], found["actual"]) == ("unknown" if possible > known else "pass", known)


@pytest.mark.parametrize("points", [undated(), counted()])
def test_points_without_a_time(points: list[RecoveryPoint]) -> None:
    check(points, coverage(100), "unknown", "usability unknown for 1 recovery point")
    assert get_result([*points, *seconds(50)], coverage(50)) == "pass"
    assert get_result([*points, *seconds(50)], coverage(51)) == "unknown"


@pytest.mark.parametrize(
    ("window", "possible"),
    [
        # The last hidden second is 61, 101, 111, or 151 seconds old.
        ({"since": ago(seconds=60)}, 89),
        ({"since": ago(seconds=100)}, 49),
        ({"since": ago(seconds=110)}, 39),
        ({"since": ago(seconds=150)}, 0),
        # From 20 seconds ago to the read.
        ({"until": ago(seconds=20)}, 20),
        ({"since": ago(seconds=110), "until": ago(seconds=20)}, 59),
    ],
)
def test_hidden_time(window: dict[str, Any], possible: int) -> None:
    assert get_result([], coverage(possible + 1), **window) == "fail"
    if possible:
        check([], coverage(possible), "unknown", "were not read", **window)
    assert get_result(seconds(100, 50), coverage(100), **window) == "pass"


def test_the_window_ends_at_as_of() -> None:
    """At as_of, 20 seconds after the read, the points are 70 and 40 seconds old."""
    assert find(seconds(50, 20), coverage(99), later=20)["actual"] == 70
    assert get_result([], coverage(70), until=ago(seconds=10), later=20) == "fail"
    assert get_result([], coverage(30), until=ago(seconds=10), later=20) == "unknown"
    # The last hidden second is the read, and covers 50 seconds.
    assert get_result([], coverage(60), until=ago(seconds=10), later=60) == "unknown"
    assert get_result([], coverage(61), until=ago(seconds=10), later=60) == "fail"
    assert get_result([], coverage(50), until=ago(seconds=10), later=70) == "unknown"


@pytest.mark.parametrize(
    ("first", "last", "usable", "known", "possible"),
    [
        (80, 30, True, 60, 60),
        (300, 30, True, 80, 80),
        (80, 30, None, 0, 60),
        # The known end covers 10 seconds. Before or after it, coverage is unknown.
        (None, 30, True, 10, 80),
        (80, None, True, 10, 80),
        (80, None, None, 0, 80),
        (80, 30, False, 0, 0),
    ],
)
def test_ranges(first: int | None, last: int | None, usable: bool | None, known: int, possible: int) -> None:
    ends = [None if end is None else moment(seconds=end) for end in (first, last)]
    one = point(hours=9, kind="continuous", usable=usable, restorable_from=ends[0], restorable_until=ends[1])
    found = find([one], coverage(possible + 1, "10s", backup_types=["continuous"]))
    assert (found["result"], found["actual"]) == ("fail", known)
    if possible:
        expected = "pass" if possible == known else "unknown"
        assert get_result([one], coverage(possible, "10s", backup_types=["continuous"])) == expected
    assert get_result([one], coverage(1, "10s")) == "fail"


def test_a_range_without_ends() -> None:
    assert get_result([point(kind="continuous")], coverage(100, backup_types=["continuous"])) == "unknown"


class TestWeekdays:
    """NOW is a Saturday at 07:00."""

    @pytest.mark.parametrize(
        ("within", "percent", "expected"),
        [
            # The window has one hour, from Friday 23:00; 10 of its 60 minutes are covered.
            ("8h", 16, "pass"),
            ("8h", 17, "fail"),
            # 10 of 120 minutes.
            ("9h", 8, "pass"),
            ("9h", 9, "fail"),
        ],
    )
    def test_weekdays_limit_window_and_coverage(self, within: str, percent: int, expected: str) -> None:
        points = times("20T23:30", "21T02:00")
        assert get_result(points, coverage(percent, "10m", within, weekdays=["mon..fri"])) == expected

    def test_weekdays_do_not_extend_the_time_that_a_point_covers(self) -> None:
        """The point from Friday 23:30 covers an hour, half of it on Saturday."""
        assert find(times("20T23:30"), coverage(99, "1h", "8h", weekdays=["mon..fri"]))["actual"] == 50

    @pytest.mark.parametrize("points", [[], times("21T00:00"), seconds(9, usable=None)])
    def test_a_window_without_time(self, points: list[RecoveryPoint]) -> None:
        text = "the window has no time on the weekdays of the policy"
        check(points, coverage(1, "9h", "7h", weekdays=["mon..fri"]), "unknown", text)
        assert get_result(points, coverage(1, "9h", "25201s", weekdays=["mon..fri"])) == "fail"


def test_all_three_options_are_required() -> None:
    for name in ("percent", "max_age", "within"):
        rule = {"percent": "1%", "max_age": "1h", "within": "1d"}
        del rule[name]
        with pytest.raises(OptionError, match=f"policy.recovery_points.min_coverage.{name}: required key is missing"):
            get_result([], {"recovery_points": {"min_coverage": rule}})
