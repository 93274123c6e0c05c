# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time: clocks, days and time zones, and what changes between the read and the evaluation."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, parse_time
from tests.false_compliance.collecting import FRESH, NOW, SEVEN, evaluate_results, nightly, observed, point
from tests.false_compliance.situations import AGE, COUNT, REJECTED, Pair, situation

LATER = NOW + 2 * HOUR * SECOND


@situation(
    "A saved read result from last week is evaluated as if it were from today",
    naive_check="the newest recovery point was 5 hours old",
    control="data.age",
    result="fail",
    message="data of vbr1 is 7d old (maximum 24h)",
)
def test_old_read() -> Pair:
    read = observed(nightly(7))
    return evaluate_results(read, SEVEN, as_of=NOW + 7 * DAY * SECOND), evaluate_results(read, SEVEN)


@situation(
    "Today's read result is used as proof for last month",
    naive_check="it contains recovery points from that time",
    result=REJECTED,
    message="as_of: 2026-10-22T07:00:00Z is before vbr1 was read (2026-11-21T07:00:00Z)",
)
def test_read_after_as_of() -> Pair:
    read = observed(nightly(60))
    return (
        lambda: evaluate_results(read, SEVEN, as_of=NOW - 30 * DAY * SECOND),
        lambda: evaluate_results(read, SEVEN),
    )


@situation(
    "A point that was 1 day old at the read counts for 10 days of retention 10 days later",
    naive_check="as_of minus the time of the oldest point is 11 days",
    control="recovery_points.min_retention",
    result="fail",
    message="oldest recovery point is 1d old, at least 10d required",
)
def test_retention_after_the_read() -> Pair:
    policy = {"recovery_points": {"min_retention": "10d"}, "max_data_age": "30d"}
    young, old = observed([point(days=1)]), observed(nightly(12))
    as_of = NOW + 10 * DAY * SECOND
    return evaluate_results(young, policy, as_of=as_of), evaluate_results(old, policy, as_of=as_of)


@situation(
    "The read result was evaluated 23 hours after it was created",
    naive_check="its newest recovery point was 5 hours old",
    control=AGE,
    result="fail",
    message="newest recovery point is 1d 4h old",
)
def test_age_is_that_of_the_evaluation() -> Pair:
    read = observed(nightly(7))
    return evaluate_results(read, FRESH, as_of=NOW + 23 * HOUR * SECOND), evaluate_results(read, FRESH)


@situation(
    "The server's clock is two hours behind",
    naive_check="the newest recovery point is 25 hours old by this clock",
    control=AGE,
    result="unknown",
    message="clock of vbr1 is off by 2h",
)
def test_clock_is_wrong() -> Pair:
    points = [point(hours=25)]
    return evaluate_results(observed(points, skew=-2 * HOUR), FRESH), evaluate_results(observed(points, skew=-2), FRESH)


@situation(
    "Backups of 23:30 and 00:30 UTC belong to one night in the time zone of the servers",
    naive_check="2 consecutive days have a recovery point",
    control="recovery_points.daily",
    result="fail",
    message="1 consecutive day with a recovery point, at least 2 required",
)
def test_days_of_another_zone() -> Pair:
    policy = {"recovery_points": {"daily": 2}}
    points = [point(at="2026-11-19T23:30:00Z"), point(at="2026-11-20T00:30:00Z")]
    read = observed(points)
    return evaluate_results(read, {"timezone": "Europe/Berlin", **policy}), evaluate_results(read, policy)


@situation(
    "The day has 25 hours because daylight saving time ends",
    naive_check="from 23:00 to 23:00 local time is one day, and the maximum is 24 hours",
    control="recovery_points.max_gap",
    result="fail",
    message="longest gap without a new recovery point is 1d 1h (maximum 24h)",
)
def test_night_of_25_hours() -> Pair:
    policy = {"recovery_points": {"max_gap": "24h"}}
    now = parse_time("2026-10-26T08:00:00Z")
    local = [point(at="2026-10-24T21:00:00Z"), point(at="2026-10-25T22:00:00Z")]
    even = [point(at="2026-10-24T22:00:00Z"), point(at="2026-10-25T22:00:00Z")]
    return evaluate_results(observed(local, now=now), policy, as_of=now), evaluate_results(
        observed(even, now=now), policy, as_of=now
    )


@situation(
    "Weekends do not count, and Friday's backup is missing",
    naive_check="the newest is from Thursday and today is Saturday, so its age is about one working day",
    control=AGE,
    result="fail",
    message="newest recovery point is 1d",
)
def test_weekend_hides_a_missing_friday() -> Pair:
    policy = {"weekdays": ["mon..fri"], "recovery_points": {"max_age": "20h"}}
    thursday, friday = point(at="2026-11-19T23:00:00Z"), point(at="2026-11-20T23:00:00Z")
    return evaluate_results(observed([thursday]), policy), evaluate_results(observed([thursday, friday]), policy)


@situation(
    "On Monday morning the newest backup is from Friday, as scheduled",
    naive_check="fail: the newest backup is 58 hours old",
    control=AGE,
    result="pass",
    message="newest recovery point is",
)
def test_weekend_is_wrongly_failed() -> Pair:
    policy = {"weekdays": ["mon..fri"], "recovery_points": {"max_age": "26h"}}
    monday = parse_time("2026-11-23T07:00:00Z")
    read = observed([point(at="2026-11-20T21:00:00Z")], now=monday)
    return evaluate_results(read, policy, as_of=monday), evaluate_results(read, FRESH, as_of=monday)


@situation(
    "The lock of all recovery points ended after the read, and before the evaluation",
    naive_check="immutable: true",
    control="immutable.min_count",
    result="fail",
    message="0 immutable recovery points, at least 1 required",
)
def test_lock_ended_after_the_read() -> Pair:
    policy = {"immutable": {"min_count": 1}}
    soon, lasting = (observed(nightly(7, immutable_until=NOW + hours * HOUR * SECOND)) for hours in (1, 3))
    return evaluate_results(soon, policy, as_of=LATER), evaluate_results(lasting, policy, as_of=LATER)


@situation(
    "One recovery point expired after the read, and before the evaluation",
    naive_check="7 recovery points were listed",
    control=COUNT,
    result="unknown",
    message="recovery points: 6 known, at least 7 required",
)
def test_point_expired_after_the_read() -> Pair:
    rest = nightly(6)
    soon, later = (
        observed([*rest, point(days=6, hours=5, expires_at=NOW + hours * HOUR * SECOND)]) for hours in (1, 3)
    )
    return evaluate_results(soon, SEVEN, as_of=LATER), evaluate_results(later, SEVEN, as_of=LATER)
