# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weekdays, consecutive days and gaps, as a policy counts them."""

from __future__ import annotations

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, format_time, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.workdays import (
    DAY_MICROS,
    elapsed,
    workday_bounds,
    workdays_between,
)
from tests.unit.plugins.module_utils._policy.policy_rows import NOW, ago, finding, gaps, read, row, with_attribute

MON_TO_FRI = frozenset(range(5))


# NOW is a Saturday, 07:00.
@pytest.mark.parametrize(
    ("weekdays", "newest", "limit", "result"),
    [
        # Since Thursday 19:00: 5 hours of Thursday, all of Friday.
        (["mon..fri"], "2026-11-19T19:00:00Z", "29h", "pass"),
        (["mon..fri"], "2026-11-19T19:00:00Z", "28h", "fail"),
        (["mon..sun"], "2026-11-19T19:00:00Z", "36h", "pass"),
        (["mon..sun"], "2026-11-19T19:00:00Z", "35h", "fail"),
        (["sat..mon"], "2026-11-19T19:00:00Z", "7h", "pass"),
        (["thu", "sat"], "2026-11-19T19:00:00Z", "12h", "pass"),
        # More than a week: five working days, and 24 hours of Friday.
        (["mon..fri"], "2026-11-13T00:00:00Z", "144h", "pass"),
        (["mon..fri"], "2026-11-13T00:00:00Z", "143h", "fail"),
    ],
)
def test_weekdays_in_ages(weekdays: list[str], newest: str, limit: str, result: str) -> None:
    policy = {"recovery_points": {"max_age": limit}, "weekdays": weekdays}
    assert finding(row(newest=newest), policy)["result"] == result


@pytest.mark.parametrize(
    ("gap", "limit", "result"),
    [
        (26, "26h", "pass"),
        # 72 hours are Friday evening to Monday evening, or three working days: unknown from the row.
        (72, "26h", "unknown"),
        (72, "72h", "pass"),
        # A weekend hides at most 48 hours.
        (74, "26h", "unknown"),
        (75, "26h", "fail"),
        (7 * 24, "120h", "pass"),
        (7 * 24, "119h", "fail"),
    ],
)
def test_weekdays_in_gaps(gap: int, limit: str, result: str) -> None:
    workload = row(newest=ago(hours=8), gaps=gaps(every=gap * HOUR))
    policy = {"recovery_points": {"max_gap": limit}, "weekdays": ["mon..fri"], "on_unknown": "ignore"}
    found = finding(workload, policy)
    assert found["result"] == result, found["message"]
    if result == "unknown":
        assert "the read result does not contain the weekdays of gaps" in found["message"]


@pytest.mark.parametrize(
    ("newest", "run", "wanted", "result"),
    [
        # Saturday morning, the last point on Friday: the run of ten days contains Wed-Fri, Mon-Fri.
        ("2026-11-20T20:00:00Z", 10, 8, "pass"),
        ("2026-11-20T20:00:00Z", 10, 9, "fail"),
        # The run of five days begins on a Monday; it is unknown whether the Friday before had a point.
        ("2026-11-20T20:00:00Z", 5, 5, "pass"),
        ("2026-11-20T20:00:00Z", 5, 6, "unknown"),
        # The last point on Thursday: Friday was missed.
        ("2026-11-19T20:00:00Z", 0, 1, "fail"),
    ],
)
def test_weekdays_in_days(newest: str, run: int, wanted: int, result: str) -> None:
    workload = row(newest=newest, calendar={"days": run})
    policy = {"recovery_points": {"daily": wanted}, "weekdays": ["mon..fri"], "on_unknown": "ignore"}
    found = finding(workload, policy)
    assert found["result"] == result, found["message"]


def test_weekdays_on_a_monday_after_a_quiet_weekend() -> None:
    """The calendar has a run of 0 because Sunday is empty, although Friday has a point."""
    monday = parse_time("2026-11-23T07:00:00Z")
    workload = read(row(newest="2026-11-20T20:00:00Z", calendar={"days": 0}), read_at=format_time(monday))
    policy = {"recovery_points": {"daily": 1}, "weekdays": ["mon..fri"]}
    assert finding(workload, policy, as_of=monday)["result"] == "pass"


@pytest.mark.parametrize(("later", "result"), [(0, "pass"), (19, "pass"), (20, "unknown"), (44, "fail")])
def test_a_run_may_have_ended_since_it_was_read(later: int, result: str) -> None:
    """Newest 5 hours before the read; after one day there may be an empty day, after two days there is one."""
    policy = {"recovery_points": {"daily": 7}, "on_unknown": "ignore"}
    found = finding(row(), policy, as_of=NOW + later * HOUR * 1_000_000, max_data_age="9d")
    assert found["result"] == result, found["message"]


@pytest.mark.parametrize(("later", "result"), [(300, "pass"), (301, "unknown")])
def test_a_run_is_believed_at_the_moment_of_reading(later: int, result: str) -> None:
    """The newest point is 40 hours old: either yesterday or the day before has none; known at the read time."""
    workload = row(newest=ago(hours=40), calendar={"days": 7})
    policy = {"recovery_points": {"daily": 7}, "on_unknown": "ignore"}
    assert finding(workload, policy, as_of=NOW + later * 1_000_000)["result"] == result


def test_a_run_that_surely_ended_is_none() -> None:
    policy = {"recovery_points": {"daily": 1}, "on_unknown": "ignore"}
    result = finding(row(), policy, as_of=NOW + 50 * HOUR * 1_000_000, max_data_age="9d")
    assert (result["result"], result["actual"]) == ("fail", 0)


def test_a_period_that_the_calendar_leaves_out_is_none() -> None:
    assert finding(row(calendar={"weeks": 5}), {"recovery_points": {"daily": 1}})["actual"] == 0


@pytest.mark.parametrize(("since", "result"), [(20, "unknown"), (21, "fail")])
def test_weekdays_in_days_that_were_not_all_read(since: int, result: str) -> None:
    """In the worst case each period in the run, and those around it, are a week apart."""
    workload = read(row(newest="2026-11-20T20:00:00Z", calendar={"days": 1}), window={"since": ago(days=since)})
    policy = {"recovery_points": {"daily": 3}, "weekdays": ["thu", "fri"], "on_unknown": "ignore"}
    found = finding(workload, policy)
    assert (found["result"], found["actual"]) == (result, 1), found["message"]


def test_young_workloads_lack_the_history() -> None:
    """Backed up for only three days: the last 14 days have eleven days without a point."""
    young = row(oldest=ago(days=3), gaps=gaps(every=25 * HOUR))
    policy = {"recovery_points": {"max_gap": {"limit": "26h", "within": "14d"}}}
    result = finding(young, policy)
    assert (result["result"], result["actual"]) == ("fail", 11 * 24 * HOUR)
    assert finding(young, {"recovery_points": {"max_gap": "26h"}})["result"] == "pass"


FORTNIGHT = {"recovery_points": {"max_gap": {"limit": "26h", "within": "14d"}}, "on_unknown": "ignore"}


@pytest.mark.parametrize(
    ("oldest", "since", "result", "message"),
    [
        # A point before the window: the gap that extends into the window is known completely.
        (14, 15, "pass", "in the last 14d is 1d 1h"),
        # The first point is in the window, and earlier points were not read.
        (13.5, 14, "unknown", "recovery points before 2026-11-07T07:00:00Z were not read"),
        (13.5, 14.5, "unknown", "were not read"),
        # A period longer than the limit was read without a point.
        (13.5, 15, "fail", "in the last 14d is 1d 12h (maximum 26h)"),
        (None, None, "unknown", "creation time of the oldest recovery point not reported"),
    ],
)
def test_a_gap_that_runs_into_the_window_counts_whole(
    oldest: float | None, since: float | None, result: str, message: str
) -> None:
    workload = row(oldest=None if oldest is None else ago(days=oldest), attributes=None, by_kind=None)
    found = finding(read(workload, window={} if since is None else {"since": ago(days=since)}), FORTNIGHT)
    assert found["result"] == result, found["message"]
    assert message in found["message"]


@pytest.mark.parametrize(("possible", "result"), [(26 * HOUR, "unknown"), (26 * HOUR + 1, "fail")])
def test_a_young_workload_that_may_be_older(possible: int, result: str) -> None:
    """A point of unknown usability is before the window: if it counted, the rule would pass."""
    facts = {"count": 3, "newest": ago(hours=5), "oldest": ago(days=3), "unknown": 12, "oldest_unknown": ago(days=20)}
    workload = with_attribute(
        "recovery_points",
        {**facts, "newest_unknown": ago(days=4)},
        oldest=ago(days=3),
        recovery_points=3,
        possible={"gaps": gaps(every=possible), "calendar": {"days": 20}},
    )
    assert finding(workload, FORTNIGHT)["result"] == result
    warned = {"recovery_points": {"max_gap": {"limit": "26h", "within": "14d", "warn_at": "50%"}}}
    assert finding(workload, {**warned, "on_unknown": "ignore"})["result"] == result


def test_nothing_but_points_of_unknown_usability() -> None:
    facts = {"count": 0, "unknown": 9, "newest_unknown": ago(hours=5), "oldest_unknown": ago(days=20)}
    workload = row(
        recovery_points=0, newest=None, oldest=None, gaps=None, calendar=None, attributes={"recovery_points": facts}
    )
    result = finding(workload, FORTNIGHT)
    assert (result["result"], result["actual"]) == ("unknown", None)
    assert "usability unknown for 9 recovery points" in result["message"]


@pytest.mark.parametrize(
    ("kept", "within", "result"),
    [
        # The next larger window proves it too.
        ({"w31d": 25 * HOUR}, "20d", "pass"),
        ({"all": 25 * HOUR}, "400d", "pass"),
        # A smaller window already breaks it.
        ({"w14d": 27 * HOUR, "w31d": 27 * HOUR}, "20d", "fail"),
        # The larger window has a gap, the smaller one does not: it may be in between.
        ({"w14d": 25 * HOUR, "w31d": 27 * HOUR}, "20d", "unknown"),
        ({"w14d": 25 * HOUR}, "20d", "unknown"),
        ({"w14d": 25 * HOUR, "w31d": 27 * HOUR}, "2w", "pass"),
        ({"w14d": 27 * HOUR, "w31d": 27 * HOUR}, "2w", "fail"),
        ({"w14d": 27 * HOUR}, "2w", "fail"),
    ],
)
def test_gap_windows_that_are_not_kept(kept: dict[str, int], within: str, result: str) -> None:
    workload = row(oldest=ago(days=500), gaps=gaps(**kept))
    policy = {"recovery_points": {"max_gap": {"limit": "26h", "within": within}}, "on_unknown": "ignore"}
    found = finding(workload, policy)
    assert found["result"] == result, found["message"]


def test_working_time_is_counted_right() -> None:
    """Compared with counting each hour of four weeks."""
    hour = DAY_MICROS // 24
    for start in range(0, 24 * 8, 5):
        for length in (0, 1, 24, 65, 24 * 7, 24 * 12 + 3):
            slow = sum(((start + h) // 24 + 3) % 7 < 5 for h in range(length)) * hour
            assert elapsed(start * hour, (start + length) * hour, MON_TO_FRI) == slow
            least, most = workday_bounds(length * hour, MON_TO_FRI)
            assert least <= slow <= most


def test_working_days_are_counted_right() -> None:
    for first in range(10):
        for last in range(first - 2, first + 20):
            slow = sum((day + 3) % 7 < 5 for day in range(first, last + 1))
            assert workdays_between(first, last, MON_TO_FRI) == slow
