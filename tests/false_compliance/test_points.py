# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points that look like recovery points but are not, or that prove less than they seem to."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from tests.false_compliance.collecting import FRESH, NOW, SEVEN, evaluate_results, nightly, observed, point
from tests.false_compliance.situations import AGE, COUNT, Pair, situation


@situation(
    "Every second backup failed",
    naive_check="the list has 8 entries, 7 are required",
    control=COUNT,
    result="fail",
    message="4 recovery points, at least 7 required",
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
def test_newest_backup_failed() -> Pair:
    points = nightly(8)
    straight = evaluate_results(observed(points), FRESH)
    points[0].status, points[0].usable = "failed", False
    return evaluate_results(observed(points), FRESH), straight


@situation(
    "The first backup is still running",
    naive_check="there is a backup, one minute old",
    control=AGE,
    result="fail",
    message="no recovery points (newest must be at most 26h old)",
)
def test_running_backup_is_counted() -> Pair:
    running = point(hours=0.02, status="running", usable=False)
    return evaluate_results(observed([running]), FRESH), evaluate_results(observed([point(hours=0.02)]), FRESH)


@situation(
    "The newest recovery point can no longer be read",
    naive_check="7 recovery points, the newest from last night",
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
    "The product does not report which recovery points can still be restored",
    naive_check="the product lists 7, so there are 7",
    control=COUNT,
    result="unknown",
    message="recovery points: 0 known, at least 7 required; usability unknown for 7 recovery points",
)
def test_usability_is_not_reported() -> Pair:
    return evaluate_results(observed(nightly(7, usable=None)), SEVEN), evaluate_results(observed(nightly(7)), SEVEN)


@situation(
    "One recovery point is dated next week, and the other ones are old",
    naive_check="the newest recovery point is less than one day old",
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
    "One page of the listing was returned twice",
    naive_check="8 entries, 7 are required",
    control=COUNT,
    result="fail",
    message="4 recovery points, at least 7 required",
)
def test_page_is_repeated() -> Pair:
    points = nightly(4)
    return evaluate_results(observed([*points, *points]), SEVEN), evaluate_results(observed(nightly(8)), SEVEN)


@situation(
    "The machine only has snapshots",
    naive_check="14 nightly restore points",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 7 required",
)
def test_snapshots_are_not_backups() -> Pair:
    return evaluate_results(observed(nightly(14, kind="snapshot")), SEVEN), evaluate_results(
        observed(nightly(14)), SEVEN
    )


@situation(
    "A snapshot is newer than the last backup",
    naive_check="the newest recovery point is 5 hours old",
    control=AGE,
    result="fail",
    message="newest recovery point is 3d 5h old",
)
def test_snapshot_chain_is_not_a_series_of_backups() -> Pair:
    backups = nightly(7, first=3)
    return evaluate_results(observed([*backups, *nightly(3, kind="snapshot")]), FRESH), evaluate_results(
        observed([*backups, *nightly(3)]), FRESH
    )


@situation(
    "One full backup is followed by hundreds of log backups",
    naive_check="301 backups of the database",
    control=COUNT,
    result="fail",
    message="1 recovery point, at least 7 required",
)
def test_log_backups_are_counted() -> Pair:
    full = [point(hours=5, kind="full")]
    logs = [point(hours=number / 60, kind="log") for number in range(300)]
    return evaluate_results(observed([*full, *logs]), SEVEN), evaluate_results(
        observed([*full, *nightly(6, first=1)]), SEVEN
    )


@situation(
    "Only the appliance's configuration is backed up, not the data",
    naive_check="7 backups from today and earlier",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 7 required",
)
def test_configuration_backup_is_not_data() -> Pair:
    return evaluate_results(observed(nightly(7, kind="config")), SEVEN), evaluate_results(observed(nightly(7)), SEVEN)


@situation(
    "Continuous protection only reports its first and its last point in time",
    naive_check="a full week of recovery points",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 2 required",
)
def test_continuous_protection_has_no_point_count() -> Pair:
    ends = [point(days=7, kind="continuous"), point(hours=0.1, kind="continuous")]
    two = {"recovery_points": {"min_count": 2}}
    return evaluate_results(observed(ends), two), evaluate_results(observed(nightly(2)), two)


@situation(
    "The full backup of a chain of increments no longer exists",
    naive_check="14 recovery points from the last 14 days",
    control="full.min_count",
    result="fail",
    message="0 full backups, at least 1 required",
)
def test_increments_without_a_full_backup() -> Pair:
    policy = {"full": {"min_count": 1}}
    return evaluate_results(observed(nightly(14)), policy), evaluate_results(
        observed([*nightly(13), point(days=14, kind="full")]), policy
    )


@situation(
    "All seven recovery points are from one afternoon",
    naive_check="7 recovery points, 7 are required",
    control="recovery_points.daily",
    result="fail",
    message="1 consecutive day with a recovery point, at least 7 required",
)
def test_many_points_of_one_day() -> Pair:
    policy = {"recovery_points": {"min_count": 7, "daily": 7}}
    return evaluate_results(observed([point(hours=16 + number / 10) for number in range(7)]), policy), evaluate_results(
        observed(nightly(7)), policy
    )


@situation(
    "Three nights in the middle are missing",
    naive_check="11 recovery points, the newest from last night",
    control="recovery_points.max_gap",
    result="fail",
    message="longest gap without a new recovery point in the last 14d is 4d (maximum 26h)",
)
def test_gap_in_the_middle() -> Pair:
    policy = {"recovery_points": {"min_count": 11, "max_gap": {"limit": "26h", "within": "14d"}}}
    points = nightly(16)
    return evaluate_results(observed([*points[:4], *points[7:]]), policy), evaluate_results(observed(points), policy)


@situation(
    "Backups were regular until they stopped two days ago",
    naive_check="no gap between two recovery points is longer than a day",
    control="recovery_points.max_gap",
    result="fail",
    message="longest gap without a new recovery point is 2d 5h (maximum 26h)",
)
def test_gap_continues_until_now() -> Pair:
    policy = {"recovery_points": {"max_gap": "26h"}}
    return evaluate_results(observed(nightly(14, first=2)), policy), evaluate_results(observed(nightly(14)), policy)


@situation(
    "Old recovery points were thinned out to weekly and monthly ones, as the policy requires",
    naive_check="fail: there are gaps of one month between recovery points",
    control="recovery_points.max_gap",
    result="pass",
    message="longest gap without a new recovery point in the last 7d is 1d (maximum 26h)",
)
def test_thinned_retention_is_not_a_gap() -> Pair:
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


@situation(
    "Continuous protection began 8 days ago, and there is only one backup",
    naive_check="the oldest entry is 8 days old and the newest one hour, so no night is missing",
    control="recovery_points.max_gap",
    result="fail",
    message="longest gap without a new recovery point in the last 7d is 6d 23h (maximum 26h)",
)
def test_continuous_protection_is_not_a_nightly_backup() -> Pair:
    began = NOW - 8 * DAY * SECOND
    continuous = point(days=8, kind="continuous", restorable_from=began)
    newest = point(hours=1)
    return evaluate_results(observed([continuous, newest]), "daily_26h"), evaluate_results(
        observed([*nightly(8), newest]), "daily_26h"
    )


@situation(
    "The product does not report the type of the entries, which may be log backups",
    naive_check="7 entries from the last 7 nights",
    control=COUNT,
    result="unknown",
    message="recovery points: 0 known, at least 7 required",
)
def test_entries_that_may_be_logs() -> Pair:
    return evaluate_results(observed(nightly(7, kind="unknown")), SEVEN), evaluate_results(
        observed(nightly(7, kind="backup")), SEVEN
    )


@situation(
    "The time of one recovery point is missing, and the product returns 1970 instead",
    naive_check="the oldest recovery point is from 1970",
    control="recovery_points.min_retention",
    result="unknown",
    message="age of the oldest recovery point unknown (at least 30d required)",
)
def test_point_without_a_time() -> Pair:
    policy = {"recovery_points": {"min_retention": "30d"}}
    return evaluate_results(observed([*nightly(7), point(at="1970-01-01T00:00:00Z")]), policy), evaluate_results(
        observed([*nightly(7), point(days=40)]), policy
    )
