# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points that look like recovery points but are not, or that prove less than they seem to."""

from __future__ import annotations

from tests.false_compliance.collecting import FRESH, SEVEN, evaluate_results, nightly, observed, point
from tests.false_compliance.situations import AGE, COUNT, Pair, situation


@situation(
    "Every second backup failed",
    naive_check="8 entries in the list, 7 wanted",
    control=COUNT,
    result="fail",
    message="number of recovery points is 4",
)
def test_failed_backups_are_counted() -> Pair:
    points = nightly(8)
    straight = evaluate_results(observed(points), SEVEN)
    for each in points[::2]:
        each.status, each.usable = "failed", False
    return evaluate_results(observed(points), SEVEN), straight


@situation(
    "Last night's backup failed",
    naive_check="the newest entry is 5 hours old",
    control=AGE,
    result="fail",
    message="newest recovery point is 1d 5h old",
)
def test_failed_backup_is_the_newest() -> Pair:
    points = nightly(8)
    straight = evaluate_results(observed(points), FRESH)
    points[0].status, points[0].usable = "failed", False
    return evaluate_results(observed(points), FRESH), straight


@situation(
    "The first backup ever is still running",
    naive_check="there is a backup, a minute old",
    control=AGE,
    result="fail",
    message="there is no recovery point",
)
def test_running_backup_is_counted() -> Pair:
    running = point(hours=0.02, status="running", usable=False)
    return evaluate_results(observed([running]), FRESH), evaluate_results(observed([point(hours=0.02)]), FRESH)


@situation(
    "The newest point cannot be read back any more",
    naive_check="7 points, the newest from last night",
    control=AGE,
    result="fail",
    message="newest recovery point is 1d 5h old",
)
def test_damaged_point_is_counted() -> Pair:
    points = nightly(7)
    straight = evaluate_results(observed(points), FRESH)
    points[0].usable = False
    return evaluate_results(observed(points), FRESH), straight


@situation(
    "The product does not say which points can still be restored",
    naive_check="it lists 7, so there are 7",
    control=COUNT,
    result="fail",
    message="cannot tell whether there are at least 7 recovery points",
)
def test_usability_is_not_told() -> Pair:
    return evaluate_results(observed(nightly(7, usable=None)), SEVEN), evaluate_results(observed(nightly(7)), SEVEN)


@situation(
    "One point is dated next week, the real ones are old",
    naive_check="the newest point is not older than a day",
    control=AGE,
    result="fail",
    message="newest recovery point is 10d 5h old",
)
def test_point_in_the_future() -> Pair:
    old = nightly(7, first=10)
    return evaluate_results(observed([*old, point(days=-7)]), FRESH), evaluate_results(
        observed([*old, point(hours=1)]), FRESH
    )


@situation(
    "A page of the listing came twice",
    naive_check="8 entries, 7 wanted",
    control=COUNT,
    result="fail",
    message="number of recovery points is 4",
)
def test_page_came_twice() -> Pair:
    points = nightly(4)
    return evaluate_results(observed([*points, *points]), SEVEN), evaluate_results(observed(nightly(8)), SEVEN)


@situation(
    "There are only snapshots beside the machine",
    naive_check="14 nightly restore points",
    control=COUNT,
    result="fail",
    message="number of recovery points is 0",
)
def test_snapshots_are_no_backups() -> Pair:
    return evaluate_results(observed(nightly(14, kind="snapshot")), SEVEN), evaluate_results(
        observed(nightly(14)), SEVEN
    )


@situation(
    "A snapshot is newer than the last backup",
    naive_check="the newest point is 5 hours old",
    control=AGE,
    result="fail",
    message="newest recovery point is 3d 5h old",
)
def test_snapshot_chain_is_taken_for_backups() -> Pair:
    backups = nightly(7, first=3)
    return evaluate_results(observed([*backups, *nightly(3, kind="snapshot")]), FRESH), evaluate_results(
        observed([*backups, *nightly(3)]), FRESH
    )


@situation(
    "One backup and hundreds of log backups behind it",
    naive_check="301 backups of this database",
    control=COUNT,
    result="fail",
    message="number of recovery points is 1,",
)
def test_log_backups_are_counted() -> Pair:
    full = [point(hours=5, kind="full")]
    logs = [point(hours=number / 60, kind="log") for number in range(300)]
    return evaluate_results(observed([*full, *logs]), SEVEN), evaluate_results(
        observed([*full, *nightly(6, first=1)]), SEVEN
    )


@situation(
    "What is kept is the appliance's configuration, not the data",
    naive_check="7 backups of today and before",
    control=COUNT,
    result="fail",
    message="number of recovery points is 0",
)
def test_configuration_is_no_data() -> Pair:
    return evaluate_results(observed(nightly(7, kind="config")), SEVEN), evaluate_results(observed(nightly(7)), SEVEN)


@situation(
    "Continuous protection shows its first and its last moment",
    naive_check="a whole week of points",
    control=COUNT,
    result="fail",
    message="number of recovery points is 0",
)
def test_continuous_protection_has_no_number() -> Pair:
    ends = [point(days=7, kind="continuous"), point(hours=0.1, kind="continuous")]
    two = {"recovery_points": {"min_count": 2}}
    return evaluate_results(observed(ends), two), evaluate_results(observed(nightly(2)), two)


@situation(
    "A chain of increments whose full backup is gone",
    naive_check="14 recovery points of the last 14 days",
    control="full.min_count",
    result="fail",
    message="number of full backups is 0",
)
def test_increments_without_a_full_backup() -> Pair:
    policy = {"full": {"min_count": 1}}
    return evaluate_results(observed(nightly(14)), policy), evaluate_results(
        observed([*nightly(13), point(days=14, kind="full")]), policy
    )


@situation(
    "Seven points, all of one afternoon",
    naive_check="7 points, 7 wanted",
    control="recovery_points.daily",
    result="fail",
    message="number of days in a row with a recovery point is 1",
)
def test_many_points_of_one_day() -> Pair:
    policy = {"recovery_points": {"min_count": 7, "daily": 7}}
    return evaluate_results(observed([point(hours=16 + number / 10) for number in range(7)]), policy), evaluate_results(
        observed(nightly(7)), policy
    )


@situation(
    "Three nights are missing in the middle",
    naive_check="11 points, the newest from last night",
    control="recovery_points.max_gap",
    result="fail",
    message="longest time without a new recovery point in the last 14d is 4d",
)
def test_gap_in_the_middle() -> Pair:
    policy = {"recovery_points": {"min_count": 11, "max_gap": {"limit": "26h", "within": "14d"}}}
    points = nightly(16)
    return evaluate_results(observed([*points[:4], *points[7:]]), policy), evaluate_results(observed(points), policy)


@situation(
    "Backups came closely until they stopped two days ago",
    naive_check="no gap between two points is longer than a day",
    control="recovery_points.max_gap",
    result="fail",
    message="is 2d 5h",
)
def test_gap_that_is_still_running() -> Pair:
    policy = {"recovery_points": {"max_gap": "26h"}}
    return evaluate_results(observed(nightly(14, first=2)), policy), evaluate_results(observed(nightly(14)), policy)


@situation(
    "Old points were thinned out to weeklies and monthlies, as the policy asks",
    naive_check="fail: there are gaps of a month between points",
    control="recovery_points.max_gap",
    result="pass",
    message="longest time without a new recovery point in the last 7d is 1d",
)
def test_thinned_retention_is_no_gap() -> Pair:
    policy = {
        "recovery_points": {
            "max_gap": {"limit": "26h", "within": "7d"},
            "min_retention": "300d",
            "weekly": 4,
            "monthly": 6,
        }
    }
    thinned = [
        *nightly(8),
        *(point(days=7 * week) for week in range(2, 8)),
        *(point(days=30 * month) for month in range(2, 11)),
    ]
    broken = [each for each in thinned if each.created != thinned[3].created]
    return evaluate_results(observed(thinned), policy), evaluate_results(observed(broken), policy)
