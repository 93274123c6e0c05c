# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points that look like recovery points and are none, or are less than they look."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._model import Copy
from ansible_collections.backup.audit.plugins.module_utils._times import DAY, SECOND
from tests.honesty.observing import FRESH, NOW, SEVEN, WEB, judged, nightly, observed, point
from tests.honesty.situations import Trap, situation

Pair = tuple[Trap, Trap | None]
COUNT = "recovery_points.minimum"
AGE = "recovery_points.newest_within"
MONTH = 30 * DAY * SECOND


@situation(
    "Every second backup failed",
    careless="8 entries in the list, 7 wanted",
    control=COUNT,
    result="fail",
    words="number of recovery points is 4",
)
def test_failed_backups_are_counted() -> Pair:
    points = nightly(8)
    straight = judged(observed(points), SEVEN)
    for each in points[::2]:
        each.status, each.usable = "failed", False
    return judged(observed(points), SEVEN), straight


@situation(
    "Last night's backup failed",
    careless="the newest entry is 5 hours old",
    control=AGE,
    result="fail",
    words="newest recovery point is 1d 5h old",
)
def test_failed_backup_is_the_newest() -> Pair:
    points = nightly(8)
    straight = judged(observed(points), FRESH)
    points[0].status, points[0].usable = "failed", False
    return judged(observed(points), FRESH), straight


@situation(
    "The first backup ever is still running",
    careless="there is a backup, a minute old",
    control=AGE,
    result="fail",
    words="there is no recovery point",
)
def test_running_backup_is_counted() -> Pair:
    running = point(hours=0.02, status="running", usable=False)
    return judged(observed([running]), FRESH), judged(observed([point(hours=0.02)]), FRESH)


@situation(
    "The newest point cannot be read back any more",
    careless="7 points, the newest from last night",
    control=AGE,
    result="fail",
    words="newest recovery point is 1d 5h old",
)
def test_damaged_point_is_counted() -> Pair:
    points = nightly(7)
    straight = judged(observed(points), FRESH)
    points[0].usable = False
    return judged(observed(points), FRESH), straight


@situation(
    "The product does not say which points can still be restored",
    careless="it lists 7, so there are 7",
    control=COUNT,
    result="fail",
    words="cannot tell whether there are at least 7 recovery points",
)
def test_usability_is_not_told() -> Pair:
    return judged(observed(nightly(7, usable=None)), SEVEN), judged(observed(nightly(7)), SEVEN)


@situation(
    "One point is dated next week, the real ones are old",
    careless="the newest point is not older than a day",
    control=AGE,
    result="fail",
    words="newest recovery point is 10d 5h old",
)
def test_point_in_the_future() -> Pair:
    old = nightly(7, first=10)
    return judged(observed([*old, point(days=-7)]), FRESH), judged(observed([*old, point(hours=1)]), FRESH)


@situation(
    "A page of the listing came twice",
    careless="8 entries, 7 wanted",
    control=COUNT,
    result="fail",
    words="number of recovery points is 4",
)
def test_page_came_twice() -> Pair:
    points = nightly(4)
    return judged(observed([*points, *points]), SEVEN), judged(observed(nightly(8)), SEVEN)


@situation(
    "There are only snapshots beside the machine",
    careless="14 nightly restore points",
    control=COUNT,
    result="fail",
    words="number of recovery points is 0",
)
def test_snapshots_are_no_backups() -> Pair:
    return judged(observed(nightly(14, kind="snapshot")), SEVEN), judged(observed(nightly(14)), SEVEN)


@situation(
    "A snapshot is newer than the last backup",
    careless="the newest point is 5 hours old",
    control=AGE,
    result="fail",
    words="newest recovery point is 3d 5h old",
)
def test_snapshot_chain_is_taken_for_backups() -> Pair:
    backups = nightly(7, first=3)
    return judged(observed([*backups, *nightly(3, kind="snapshot")]), FRESH), judged(
        observed([*backups, *nightly(3)]), FRESH
    )


@situation(
    "One backup and hundreds of log backups behind it",
    careless="301 backups of this database",
    control=COUNT,
    result="fail",
    words="number of recovery points is 1,",
)
def test_log_backups_are_counted() -> Pair:
    full = [point(hours=5, kind="full")]
    logs = [point(hours=number / 60, kind="log") for number in range(300)]
    return judged(observed([*full, *logs]), SEVEN), judged(observed([*full, *nightly(6, first=1)]), SEVEN)


@situation(
    "What is kept is the appliance's configuration, not the data",
    careless="7 backups of today and before",
    control=COUNT,
    result="fail",
    words="number of recovery points is 0",
)
def test_configuration_is_no_data() -> Pair:
    return judged(observed(nightly(7, kind="config")), SEVEN), judged(observed(nightly(7)), SEVEN)


@situation(
    "Continuous protection shows its first and its last moment",
    careless="a whole week of points",
    control=COUNT,
    result="fail",
    words="number of recovery points is 0",
)
def test_continuous_protection_has_no_number() -> Pair:
    ends = [point(days=7, kind="continuous"), point(hours=0.1, kind="continuous")]
    two = {"recovery_points": {"minimum": 2}}
    return judged(observed(ends), two), judged(observed(nightly(2)), two)


@situation(
    "A chain of increments whose full backup is gone",
    careless="14 recovery points of the last 14 days",
    control="full.minimum",
    result="fail",
    words="number of full backups is 0",
)
def test_increments_without_a_full_backup() -> Pair:
    policy = {"full": {"minimum": 1}}
    return judged(observed(nightly(14)), policy), judged(observed([*nightly(13), point(days=14, kind="full")]), policy)


@situation(
    "Seven points, all of one afternoon",
    careless="7 points, 7 wanted",
    control="recovery_points.days",
    result="fail",
    words="number of days in a row with a recovery point is 1",
)
def test_many_points_of_one_day() -> Pair:
    policy = {"recovery_points": {"minimum": 7, "days": 7}}
    return judged(observed([point(hours=16 + number / 10) for number in range(7)]), policy), judged(
        observed(nightly(7)), policy
    )


@situation(
    "Three nights are missing in the middle",
    careless="11 points, the newest from last night",
    control="recovery_points.longest_gap",
    result="fail",
    words="longest time without a new recovery point in the last 14d is 4d",
)
def test_gap_in_the_middle() -> Pair:
    policy = {"recovery_points": {"minimum": 11, "longest_gap": {"limit": "26h", "within": "14d"}}}
    points = nightly(16)
    return judged(observed([*points[:4], *points[7:]]), policy), judged(observed(points), policy)


@situation(
    "Backups came closely until they stopped two days ago",
    careless="no gap between two points is longer than a day",
    control="recovery_points.longest_gap",
    result="fail",
    words="is 2d 5h",
)
def test_gap_that_is_still_running() -> Pair:
    policy = {"recovery_points": {"longest_gap": "26h"}}
    return judged(observed(nightly(14, first=2)), policy), judged(observed(nightly(14)), policy)


@situation(
    "All points lie in one place; each is listed there and as a copy",
    careless="two entries for each night, so two copies",
    control="copies.minimum",
    result="fail",
    words="number of copies with a recovery point is 2",
)
def test_copies_in_one_place() -> Pair:
    policy = {"copies": {"minimum": 3}}
    disk, cloud = Copy(location="disk-1", location_type="disk"), Copy(location="cloud-1", location_type="object")
    return judged(observed(nightly(7, copies=[disk, disk])), policy), judged(
        observed(nightly(7, copies=[disk, cloud])), policy
    )


@situation(
    "The second place got its last copy two months ago",
    careless="points lie in two places",
    control="locations.minimum",
    result="fail",
    words="number of locations with a recovery point at most 2d old is 1",
)
def test_second_place_is_stale() -> Pair:
    policy = {"locations": {"minimum": 2, "newest_within": "48h"}}
    disk, cloud = Copy(location="disk-1"), Copy(location="cloud-1")
    stale = [*nightly(7, copies=[disk]), point(days=60, copies=[disk, cloud])]
    return judged(observed(stale), policy), judged(observed(nightly(7, copies=[disk, cloud])), policy)


@situation(
    "The product does not list where points lie",
    careless="two disks are configured, so two places",
    control="locations.minimum",
    result="fail",
    words="the product does not list where they lie",
)
def test_places_are_not_told() -> Pair:
    policy = {"locations": {"minimum": 2}}
    two = [Copy(location="disk-1"), Copy(location="cloud-1")]
    return judged(observed(nightly(7)), policy), judged(observed(nightly(7, copies=two)), policy)


@situation(
    "An integrity check ran, nobody ever restored",
    careless="the product shows a green tick",
    control="verified.minimum",
    result="fail",
    words="cannot tell whether there are at least 1 verified",
)
def test_integrity_check_is_no_restore_test() -> Pair:
    policy = {"verified": {"minimum": 1}}
    when = NOW - DAY * SECOND
    checked = nightly(7, checked=True, checked_at=when, checked_by="integrity_check")
    restored = nightly(7, verified=True, verified_at=when, verified_by="restore")
    return judged(observed(checked), policy), judged(observed(restored), policy)


@situation(
    "The only restore test is from last year, of a point that is still kept",
    careless="verified: yes",
    control="verified.newest_within",
    result="fail",
    words="newest test by a restore or a boot is 400d old",
)
def test_restore_test_is_old() -> Pair:
    policy = {"verified": {"newest_within": "90d"}}
    old = point(days=401, verified=True, verified_at=NOW - 400 * DAY * SECOND, verified_by="restore")
    new = point(days=401, verified=True, verified_at=NOW - 4 * DAY * SECOND, verified_by="restore")
    rest = nightly(7, verified=False)
    return judged(observed([*rest, old]), policy), judged(observed([*rest, new]), policy)


@situation(
    "The time of a restore test lies in the future",
    careless="it was tested less than 90 days ago",
    control="verified.newest_within",
    result="fail",
    words="the date of the test is not told",
)
def test_restore_test_in_the_future() -> Pair:
    policy = {"verified": {"newest_within": "90d"}}
    ahead = point(days=200, verified=True, verified_at=NOW + 9 * DAY * SECOND, verified_by="boot")
    right = point(days=200, verified=True, verified_at=NOW - 9 * DAY * SECOND, verified_by="boot")
    return judged(observed([ahead]), policy), judged(observed([right]), policy)


@situation(
    "Immutability follows from a setting, no lock was seen",
    careless="the repository is immutable for 30 days",
    control="immutable.newest_within",
    result="fail",
    words="only estimated or attested, which the policy does not accept",
)
def test_estimate_is_taken_for_proof() -> Pair:
    policy = {"immutable": {"newest_within": "7d"}}
    estimated = nightly(7, immutable_until=NOW + MONTH, estimated=("immutable", "immutable_until"))
    return judged(observed(estimated), policy), judged(observed(nightly(7, immutable_until=NOW + MONTH)), policy)


@situation(
    "That the copies are off-site is somebody's word",
    careless="offsite: true",
    control="offsite.minimum",
    result="fail",
    words="only estimated or attested, which the policy does not accept",
)
def test_attestation_is_taken_for_proof() -> Pair:
    policy = {"offsite": {"minimum": 1}}
    facts = [{"match": "disk-*", "offsite": True}]
    told = observed(nightly(7, copies=[Copy(location="disk-1")]), location_facts=facts)
    return judged(told, policy), judged(observed(nightly(7, offsite=True)), policy)


@situation(
    "The lock on all points has run out",
    careless="immutable_until is set",
    control="immutable.minimum",
    result="fail",
    words="number of immutable recovery points is 0",
)
def test_immutability_has_run_out() -> Pair:
    policy = {"immutable": {"minimum": 1}}
    over, lasting = NOW - SECOND, NOW + MONTH
    return judged(observed(nightly(7, immutable_until=over)), policy), judged(
        observed(nightly(7, immutable_until=lasting)), policy
    )


@situation(
    "Of one point it is not told whether it is encrypted",
    careless="no point is unencrypted",
    control="encrypted.all",
    result="fail",
    words="of 1 points the product does not tell",
)
def test_encryption_is_unknown() -> Pair:
    policy = {"encrypted": {"all": True}}
    most = nightly(6, encrypted=True)
    return judged(observed([*most, point(days=9)]), policy), judged(
        observed([*most, point(days=9, encrypted=True)]), policy
    )


@situation(
    "There is no point at all",
    careless="all of 0 points are encrypted",
    control="encrypted.all",
    result="fail",
    words="there is no recovery point, so none is encrypted",
)
def test_all_of_nothing() -> Pair:
    policy = {"encrypted": {"all": True}}
    return judged(observed(known=[WEB]), policy), judged(observed(nightly(1, encrypted=True)), policy)


@situation(
    "Nobody looked for malware",
    careless="no malware was found",
    control="malware.none",
    result="fail",
    words="cannot tell whether no recovery point is suspicious or infected",
)
def test_malware_was_not_looked_for() -> Pair:
    policy = {"malware": {"none": True}}
    return judged(observed(nightly(7)), policy), judged(observed(nightly(7, malware="clean")), policy)


@situation(
    "One point is only suspicious",
    careless="none is infected",
    control="malware.none",
    result="fail",
    words="number of recovery points that are suspicious or infected is 1",
)
def test_suspicious_is_not_clean() -> Pair:
    policy = {"malware": {"none": True}}
    points = nightly(7, malware="clean")
    straight = judged(observed(points), policy)
    points[3].malware = "suspicious"
    return judged(observed(points), policy), straight


@situation(
    "The newest full backup holds almost nothing",
    careless="it ended with success",
    control="size.newest_at_least",
    result="fail",
    words="has 0% of the median size of its kind",
)
def test_size_drops_to_zero() -> Pair:
    policy = {"size": {"newest_at_least": "50%"}}
    before = nightly(6, first=1, kind="full", size_bytes=10**9)
    return judged(observed([*before, point(hours=5, kind="full", size_bytes=0)]), policy), judged(
        observed([*before, point(hours=5, kind="full", size_bytes=9 * 10**8)]), policy
    )


@situation(
    "The size of a point is not told",
    careless="0 is not below the limit of nothing",
    control="size.newest_at_least",
    result="fail",
    words="the product does not tell the sizes",
)
def test_size_is_unknown() -> Pair:
    policy = {"size": {"newest_at_least": "50%"}}
    before = nightly(6, first=1, kind="full", size_bytes=10**9)
    return judged(observed([*before, point(hours=5, kind="full")]), policy), judged(
        observed([*before, point(hours=5, kind="full", size_bytes=10**9)]), policy
    )


@situation(
    "Old points were thinned out to weeklies and monthlies, as the policy asks",
    careless="fail: there are gaps of a month between points",
    control="recovery_points.longest_gap",
    result="pass",
    words="longest time without a new recovery point in the last 7d is 1d",
)
def test_thinned_retention_is_no_gap() -> Pair:
    policy = {
        "recovery_points": {
            "longest_gap": {"limit": "26h", "within": "7d"},
            "reaches_back": "300d",
            "weeks": 4,
            "months": 6,
        }
    }
    thinned = [
        *nightly(8),
        *(point(days=7 * week) for week in range(2, 8)),
        *(point(days=30 * month) for month in range(2, 11)),
    ]
    broken = [each for each in thinned if each.created != thinned[3].created]
    return judged(observed(thinned), policy), judged(observed(broken), policy)
