# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements other than number and age: locations, tests, immutability, encryption, malware, sizes."""

from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, format_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.false_compliance.collecting import MONTH, NOW, WEB, evaluate_results, nightly, observed, point, workload
from tests.false_compliance.situations import Pair, situation


@situation(
    "All recovery points are in one location, and each is also listed there as a copy",
    naive_check="two entries for each night, so there are two copies",
    control="copies.min_count",
    result="fail",
    message="2 copies (locations with a recovery point, plus production), at least 3 required",
)
def test_copies_in_one_location() -> Pair:
    policy = {"copies": {"min_count": 3}}
    disk, cloud = Copy(location="disk-1", location_type="disk"), Copy(location="cloud-1", location_type="object")
    return evaluate_results(observed(nightly(7, copies=[disk, disk])), policy), evaluate_results(
        observed(nightly(7, copies=[disk, cloud])), policy
    )


@situation(
    "The second location received its last copy two months ago",
    naive_check="recovery points are in two locations",
    control="locations.min_count",
    result="fail",
    message="1 location with a recovery point at most 48h old, at least 2 required",
)
def test_second_location_is_outdated() -> Pair:
    policy = {"locations": {"min_count": 2, "max_age": "48h"}}
    disk, cloud = Copy(location="disk-1"), Copy(location="cloud-1")
    stale = [*nightly(7, copies=[disk]), point(days=60, copies=[disk, cloud])]
    return evaluate_results(observed(stale), policy), evaluate_results(
        observed(nightly(7, copies=[disk, cloud])), policy
    )


@situation(
    "The product does not report the locations of recovery points",
    naive_check="two disks are configured, so there are two locations",
    control="locations.min_count",
    result="unknown",
    message="locations of some recovery points not reported",
)
def test_locations_are_not_reported() -> Pair:
    policy = {"locations": {"min_count": 2}}
    two = [Copy(location="disk-1"), Copy(location="cloud-1")]
    return evaluate_results(observed(nightly(7)), policy), evaluate_results(observed(nightly(7, copies=two)), policy)


@situation(
    "An integrity check ran, but there was no restore test",
    naive_check="the product shows a green check mark",
    control="restore_tested.min_count",
    result="unknown",
    message="restore-tested recovery points: 0 known, at least 1 required; "
    "restore test result unknown for 7 recovery points",
)
def test_integrity_check_is_not_a_restore_test() -> Pair:
    policy = {"restore_tested": {"min_count": 1}}
    when = NOW - DAY * SECOND
    integrity_checked = nightly(7, integrity_checked=True, checked_at=when, checked_by="integrity_check")
    restored = nightly(7, restore_tested=True, tested_at=when, tested_by="restore")
    return evaluate_results(observed(integrity_checked), policy), evaluate_results(observed(restored), policy)


@situation(
    "The only restore test is from last year, of a recovery point that still exists",
    naive_check="restore_tested: yes",
    control="restore_tested.max_age",
    result="fail",
    message="newest restore test is 400d old (maximum 90d)",
)
def test_restore_test_is_old() -> Pair:
    policy = {"restore_tested": {"max_age": "90d"}}
    old = point(days=401, restore_tested=True, tested_at=NOW - 400 * DAY * SECOND, tested_by="restore")
    new = point(days=401, restore_tested=True, tested_at=NOW - 4 * DAY * SECOND, tested_by="restore")
    rest = nightly(7, restore_tested=False)
    return evaluate_results(observed([*rest, old]), policy), evaluate_results(observed([*rest, new]), policy)


@situation(
    "The product reports a restore test from nine days before the recovery point existed",
    naive_check="the last test was ten days ago",
    control="restore_tested.max_age",
    result="unknown",
    message="the result of the newest restore test is unknown",
)
def test_restore_test_before_its_point() -> Pair:
    policy = {"restore_tested": {"max_age": "30d"}}
    tested: dict[str, Any] = {"restore_tested": True, "tested_at": NOW - 10 * DAY * SECOND, "tested_by": "restore"}
    return evaluate_results(observed([point(days=1, **tested)]), policy), evaluate_results(
        observed([point(days=11, **tested)]), policy
    )


@situation(
    "The newest restore test failed, and its recovery point is not usable any more",
    naive_check="an older recovery point, which still counts, passed its test",
    control="restore_tested.max_age",
    result="fail",
    message="newest restore test (2026-11-20T07:00:00Z) failed",
)
def test_failed_test_of_an_unusable_point() -> Pair:
    policy = {"restore_tested": {"max_age": "30d"}}
    passed = point(days=12, restore_tested=True, tested_at=NOW - 10 * DAY * SECOND)
    failed = point(days=2, usable=False, restore_tested=False, tested_at=NOW - DAY * SECOND)
    return evaluate_results(observed([passed, failed]), policy), evaluate_results(observed([passed]), policy)


@situation(
    "The time of a restore test is in the future",
    naive_check="the last test was less than 90 days ago",
    control="restore_tested.max_age",
    result="unknown",
    message="restore test age unknown (maximum 90d): the date of a restore test is in the future",
)
def test_restore_test_in_the_future() -> Pair:
    policy = {"restore_tested": {"max_age": "90d"}}
    ahead = point(days=200, restore_tested=True, tested_at=NOW + 9 * DAY * SECOND, tested_by="boot")
    right = point(days=200, restore_tested=True, tested_at=NOW - 9 * DAY * SECOND, tested_by="boot")
    return evaluate_results(observed([ahead]), policy), evaluate_results(observed([right]), policy)


@situation(
    "Immutability is inferred from a setting, and the product reports no lock",
    naive_check="the repository is immutable for 30 days",
    control="immutable.max_age",
    result="unknown",
    message="only inferred or declared for 7 recovery points, which the policy does not accept",
)
def test_inferred_value_is_not_a_proof() -> Pair:
    policy = {"immutable": {"max_age": "7d"}}
    inferred = nightly(7, immutable_until=NOW + MONTH, inferred=("immutable", "immutable_until"))
    return evaluate_results(observed(inferred), policy), evaluate_results(
        observed(nightly(7, immutable_until=NOW + MONTH)), policy
    )


@situation(
    "The user declared that the copies are off-site",
    naive_check="offsite: true",
    control="offsite.min_count",
    result="unknown",
    message="only inferred or declared for 7 recovery points, which the policy does not accept",
)
def test_declared_value_is_not_a_proof() -> Pair:
    policy = {"offsite": {"min_count": 1}}
    facts = [{"match": "disk-*", "offsite": True}]
    read_result = observed(nightly(7, copies=[Copy(location="disk-1")]), location_attributes=facts)
    return evaluate_results(read_result, policy), evaluate_results(observed(nightly(7, offsite=True)), policy)


@situation(
    "The lock on all recovery points has expired",
    naive_check="immutable_until is set",
    control="immutable.min_count",
    result="fail",
    message="0 immutable recovery points, at least 1 required",
)
def test_immutability_has_expired() -> Pair:
    policy = {"immutable": {"min_count": 1}}
    over, lasting = NOW - SECOND, NOW + MONTH
    return evaluate_results(observed(nightly(7, immutable_until=over)), policy), evaluate_results(
        observed(nightly(7, immutable_until=lasting)), policy
    )


@situation(
    "The product does not report whether one recovery point is encrypted",
    naive_check="no recovery point is unencrypted",
    control="encrypted.all",
    result="unknown",
    message="encryption status unknown for 1 recovery point",
)
def test_encryption_is_unknown() -> Pair:
    policy = {"encrypted": {"all": True}}
    most = nightly(6, encrypted=True)
    return evaluate_results(observed([*most, point(days=9)]), policy), evaluate_results(
        observed([*most, point(days=9, encrypted=True)]), policy
    )


@situation(
    "There are no recovery points",
    naive_check="all of 0 recovery points are encrypted",
    control="encrypted.all",
    result="fail",
    message="no recovery points (at least 1 required, and all must be encrypted)",
)
def test_all_with_no_points() -> Pair:
    policy = {"encrypted": {"all": True}}
    return evaluate_results(observed(known=[WEB]), policy), evaluate_results(
        observed(nightly(1, encrypted=True)), policy
    )


@situation(
    "There was no malware scan",
    naive_check="no malware was found",
    control="malware.none",
    result="unknown",
    message="cannot verify that no recovery point is suspicious or infected",
)
def test_points_were_not_scanned_for_malware() -> Pair:
    policy = {"malware": {"none": True}}
    return evaluate_results(observed(nightly(7)), policy), evaluate_results(
        observed(nightly(7, malware="clean")), policy
    )


@situation(
    "One recovery point is only suspicious",
    naive_check="no recovery point is infected",
    control="malware.none",
    result="fail",
    message="1 recovery point is suspicious or infected (none allowed)",
)
def test_suspicious_is_not_clean() -> Pair:
    policy = {"malware": {"none": True}}
    points = nightly(7, malware="clean")
    straight = evaluate_results(observed(points), policy)
    points[3].malware = "suspicious"
    return evaluate_results(observed(points), policy), straight


@situation(
    "The newest full backup is almost empty",
    naive_check="the backup was successful",
    control="size.min_percent_of_median",
    result="fail",
    message="size of the newest recovery point is 0% of the median for its backup type (minimum 50%)",
)
def test_size_drops_to_zero() -> Pair:
    policy = {"size": {"min_percent_of_median": "50%"}}
    before = nightly(6, first=1, kind="full", size_bytes=10**9)
    return evaluate_results(observed([*before, point(hours=5, kind="full", size_bytes=0)]), policy), evaluate_results(
        observed([*before, point(hours=5, kind="full", size_bytes=9 * 10**8)]), policy
    )


@situation(
    "The product does not report the size of the newest recovery point",
    naive_check="the missing size is not below the limit",
    control="size.min_percent_of_median",
    result="unknown",
    message="size of the newest recovery point not reported",
)
def test_size_is_unknown() -> Pair:
    policy = {"size": {"min_percent_of_median": "50%"}}
    before = nightly(6, first=1, kind="full", size_bytes=10**9)
    return evaluate_results(observed([*before, point(hours=5, kind="full")]), policy), evaluate_results(
        observed([*before, point(hours=5, kind="full", size_bytes=10**9)]), policy
    )


@situation(
    "A restore was tested, and retention has removed the tested recovery point since",
    naive_check="a restore test passed",
    control="restore_tested.min_count",
    result="unknown",
    message="restore-tested recovery points: 0 known, at least 1 required",
)
def test_tested_point_was_removed() -> Pair:
    policy = {"restore_tested": {"min_count": 1}}
    read = observed(nightly(7, restore_tested=False, tested_at=NOW - 2 * HOUR * SECOND))

    def evaluate_with(days: int) -> Assessment:
        """Evaluate with a passed test of the recovery point of that night."""
        test = {
            "source": "vbr1",
            "workload_type": "vm",
            "workload_id": "vm-1",
            "workload_name": "web01",
            "point_created_at": format_time(NOW - (days * DAY + 5 * HOUR) * SECOND),
            "tested_at": format_time(NOW - HOUR * SECOND),
            "result": "passed",
            "seconds": 60,
        }
        return evaluate_results(read, policy, restore_tests=[test])

    return evaluate_with(9), evaluate_with(6)


@situation(
    "A restore test is recorded for web01, and two hypervisors have a machine with this name and ID",
    naive_check="a restore test passed",
    control="restore_tested.max_age",
    result="unknown",
    message="no restore test recorded",
)
def test_restore_test_of_one_of_two() -> Pair:
    test = {
        "source": "vbr1",
        "workload_type": "vm",
        "workload_id": "vm-1",
        "workload_name": "web01",
        "point_created_at": "2026-11-21T02:00:00Z",
        "tested_at": "2026-11-21T03:00:00Z",
        "result": "passed",
        "seconds": 60,
    }

    def evaluate_with(*origins: str) -> Assessment:
        points = []
        for origin in origins:
            seen = workload()
            seen.origin = origin
            points += nightly(7, workload=seen)
        return evaluate_results(observed(points), {"restore_tested": {"max_age": "30d"}}, restore_tests=[test])

    return evaluate_with("esx1", "esx2"), evaluate_with("esx1")


@situation(
    "Only the last two days were read, which leaves nothing to compare a size with",
    naive_check="the newest recovery point is not smaller than the other one",
    control="size.min_percent_of_median",
    result="unknown",
    message="recovery points before 2026-11-19T07:00:00Z were not read",
)
def test_size_without_others() -> Pair:
    policy = {"size": {"min_percent_of_median": "50%"}}
    points = nightly(7, kind="full", size_bytes=10**9)
    return evaluate_results(observed(points, since="2d"), policy), evaluate_results(observed(points), policy)


@situation(
    "The last five full backups are almost empty, and only these were read",
    naive_check="the newest recovery point is as large as the others",
    control="size.min_percent_of_median",
    result="unknown",
    message="recovery points before 2026-11-16T07:00:00Z were not read",
)
def test_all_points_are_small() -> Pair:
    policy = {"size": {"min_percent_of_median": "50%"}}
    small = nightly(5, kind="full", size_bytes=10**3)
    return evaluate_results(observed(small, since="5d"), policy), evaluate_results(
        observed([*small, *nightly(3, first=5, kind="full", size_bytes=10**3)]), policy
    )


@situation(
    "No copy may leave the site, and that none is off-site is only inferred from settings",
    naive_check="offsite: false",
    control="offsite.none",
    result="unknown",
    message="only inferred or declared for 7 recovery points, which the policy does not accept",
)
def test_inferred_false_is_not_a_proof() -> Pair:
    policy = {"offsite": {"none": True}}
    return evaluate_results(observed(nightly(7, offsite=False, inferred=("offsite",))), policy), evaluate_results(
        observed(nightly(7, offsite=False)), policy
    )


@situation(
    "The user declared the types of the locations",
    naive_check="the locations have two types, disk and tape",
    control="locations.min_types",
    result="unknown",
    message="location types: 1 known, at least 2 required; type unknown for some locations",
)
def test_declared_type_is_not_a_proof() -> Pair:
    policy = {"locations": {"min_types": 2}}
    types = {"disk-1": "disk", "tape-1": "tape"}
    declared = [{"match": name, "location_type": kind} for name, kind in types.items()]
    unknown = nightly(7, copies=[Copy(location=name) for name in types])
    reported = nightly(7, copies=[Copy(location=name, location_type=kind) for name, kind in types.items()])
    return evaluate_results(observed(unknown, location_attributes=declared), policy), evaluate_results(
        observed(reported), policy
    )
