# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read results that prove less than they seem to: empty, partial, old, altered, or of the wrong time."""

from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.periods import Calendar
from ansible_collections.backup.audit.plugins.module_utils._collect.result import compress, seal
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather
from tests.false_compliance.collecting import (
    FRESH,
    NOW,
    SEVEN,
    WEB,
    evaluate_results,
    nightly,
    observed,
    point,
    workload,
)
from tests.false_compliance.situations import AGE, COUNT, REJECTED, Pair, situation


def changed(read: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Seal the changed read result as a module would have."""
    return seal({**{key: value for key, value in read.items() if key != "sha256"}, **members})


def evaluate_in_play(read_results: Any, *, report: bool = False) -> Assessment:
    """Evaluate the data of a play as the assertion (or the report of the role) does."""
    return assess(load_results(read_results, failures_are_findings=report), SEVEN, as_of=NOW, collection_version="1")


def load_results(read_results: Any, **options: bool) -> list[dict[str, Any]]:
    """Return the read results as the assertion loads them in a play."""
    return list(gather(read_results, lambda _path: b"", **options))


@situation(
    "The server lists no workloads",
    naive_check="nothing failed, so the result is good",
    control="data.proof",
    result="fail",
    message="no workloads were read",
)
def test_nothing_found_is_no_good_news() -> Pair:
    return evaluate_results(observed(), SEVEN), evaluate_results(observed(nightly(7)), SEVEN)


@situation(
    "The list of servers to read was empty",
    naive_check="no server reported a problem",
    result=REJECTED,
    message="results: the list is empty",
)
def test_nobody_was_read() -> Pair:
    return (lambda: load_results([])), (lambda: load_results([observed(nightly(7))]))


@situation(
    "Only the first page could be read",
    naive_check="everything on this page is good",
    control=COUNT,
    result="unknown",
    message="7 recovery points, at least 7 required, but vbr1 was only partially read",
)
def test_first_page_only() -> Pair:
    read = observed(nightly(7))
    cut = changed(read, complete=False, errors=[{"message": "page 2 of 9 did not come"}])
    return evaluate_results(cut, SEVEN), evaluate_results(read, SEVEN)


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
def test_read_that_is_younger_than_the_question() -> Pair:
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
    "A waiver covers the only rule of the only workload",
    naive_check="no finding fails",
    control="data.proof",
    result="fail",
    message="no workload is proved compliant",
)
def test_waiver_is_no_proof() -> Pair:
    waiver = {"workload": "*", "control": "*.min_count", "until": "2026-12-31", "reason": "new"}
    few, enough = observed(nightly(3)), observed(nightly(7))
    return evaluate_results(few, SEVEN, waivers=[waiver]), evaluate_results(enough, SEVEN, waivers=[waiver])


@situation(
    "The age in a read result was edited manually",
    naive_check="newest_age_seconds is one hour",
    result=REJECTED,
    message="the read result was altered, truncated or masked",
)
def test_read_was_edited() -> Pair:
    read = observed(nightly(7, first=4))
    row = {**read["workloads"][0], "newest": "2026-11-21T06:00:00Z"}
    return (lambda: evaluate_results({**read, "workloads": [row]}, FRESH)), (lambda: evaluate_results(read, FRESH))


@situation(
    "A row was deleted from a compressed read result, and only the outer digest was updated",
    naive_check="the digest has the correct length",
    result=REJECTED,
    message="the read result was altered, truncated or masked",
)
def test_packed_read_of_another_digest() -> Pair:
    two = observed([*nightly(7), *nightly(1, workload=workload("db01", "vm-2"))])
    one = observed(nightly(7))
    mixed = {**compress(two), "data": compress(one)["data"]}
    return (lambda: evaluate_in_play(mixed)), (lambda: evaluate_in_play(compress(one)))


@situation(
    "Reading failed, and the play continued with ignore_errors",
    naive_check="the loop has no workload that fails",
    result=REJECTED,
    message="the info module failed",
)
def test_failed_read_is_left_out() -> Pair:
    failed = {"failed": True, "msg": "vbr2: connection refused", "failure": {"server": "vbr2"}}
    return (lambda: load_results([observed(nightly(7)), failed])), (lambda: load_results([observed(nightly(7))]))


@situation(
    "One of two servers could not be read, and the report is still created",
    naive_check="all workloads in the report are good",
    control="data.complete",
    result="fail",
    message="vbr2 could not be read",
)
def test_failed_read_is_a_finding() -> Pair:
    failed = {"failed": True, "msg": "connection refused", "failure": {"server": "vbr2"}}
    good = observed(nightly(7))
    return evaluate_in_play([good, failed], report=True), evaluate_in_play([good], report=True)


@situation(
    "Reading was skipped by a condition",
    naive_check="a skipped task did not fail",
    result=REJECTED,
    message="the task was skipped",
)
def test_skipped_read() -> Pair:
    return (lambda: load_results([{"skipped": True, "changed": False}])), (lambda: load_results([observed(nightly(7))]))


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
    "Only counts were requested from the server",
    naive_check="30 recovery points, so the newest is probably recent",
    control=AGE,
    result="unknown",
    message="creation times not reported",
)
def test_counts_tell_no_age() -> Pair:
    read = observed()
    row = {"source": "vbr1", "product": "spp", "recovery_points": 30, "workload_name": "web01", "workload_id": "vm-1"}
    return evaluate_results(changed(read, workloads=[row]), FRESH), evaluate_results(observed(nightly(30)), FRESH)


@situation(
    "The account cannot read the inventory, and an expected machine has never been backed up",
    naive_check="every machine in the list is good",
    control="expected.exists",
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_restricted_account_sees_nothing() -> Pair:
    read = observed(nightly(7), inventory=False)
    complete = observed([*nightly(7), *nightly(7, workload=workload("db01", "vm-2"))])
    return evaluate_results(read, SEVEN, expected=["web01", "db01"]), evaluate_results(
        complete, SEVEN, expected=["web01", "db01"]
    )


@situation(
    "An expected machine has old recovery points, and it is unknown whether it still exists",
    naive_check="the machine is in the list",
    control="expected.exists",
    result="unknown",
    message="existence unknown: the inventory of vbr1 is not available to this account",
)
def test_existence_is_unknown() -> Pair:
    hidden = nightly(7, workload=workload(exists=None))
    return evaluate_results(observed(hidden, inventory=False), SEVEN, expected=["web01"]), evaluate_results(
        observed(nightly(7)), SEVEN, expected=["web01"]
    )


@situation(
    "One of two servers has no data",
    naive_check="nothing fails on this server",
    control="data.workloads",
    result="fail",
    message="vbr2 returned no workloads. The account may lack permission to list them.",
)
def test_one_of_two_servers_is_empty() -> Pair:
    both = [observed(nightly(7)), observed(host="vbr2")]
    return evaluate_results(both, SEVEN), evaluate_results(observed(nightly(7)), SEVEN)


@situation(
    "Only the last week was read, and the policy requires one month",
    naive_check="the data that was read has no gap and no failure",
    control="recovery_points.min_retention",
    result="unknown",
    message="age of the oldest recovery point unknown (at least 30d required)",
)
def test_window_hides_the_rest() -> Pair:
    policy = {"recovery_points": {"min_retention": "30d"}}
    return evaluate_results(observed(nightly(40), since="7d"), policy), evaluate_results(observed(nightly(40)), policy)


@situation(
    "The read result ends one week ago",
    naive_check="its last recovery point was recent at that time",
    control="recovery_points.max_gap",
    result="unknown",
    message="longest gap without a new recovery point in the last 14d unknown (maximum 26h)",
)
def test_window_ends_in_the_past() -> Pair:
    policy = {"recovery_points": {"max_gap": {"limit": "26h", "within": "14d"}}}
    return evaluate_results(observed(nightly(40), until="7d"), policy), evaluate_results(observed(nightly(40)), policy)


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
    berlin = observed(points, calendar=Calendar("Europe/Berlin", "00:00"))
    return evaluate_results(berlin, policy), evaluate_results(observed(points), policy)


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
    "The read result was evaluated 23 hours after it was created",
    naive_check="its newest recovery point was 5 hours old",
    control=AGE,
    result="fail",
    message="newest recovery point is 1d 4h old",
)
def test_age_is_that_of_judging() -> Pair:
    read = observed(nightly(7))
    return evaluate_results(read, FRESH, as_of=NOW + 23 * HOUR * SECOND), evaluate_results(read, FRESH)


@situation(
    "Rows of a read result lost their fields in transit",
    naive_check="a missing field cannot fail",
    result=REJECTED,
    message="workload 0 (web01) has an invalid format",
)
def test_rows_without_members() -> Pair:
    bare = changed(observed(known=[WEB]), workloads=[{"workload_name": "web01"}])
    return (lambda: evaluate_results(bare, SEVEN)), (lambda: evaluate_results(observed(nightly(7)), SEVEN))


@situation(
    "The result of another module was passed as a read result",
    naive_check="it has no workload that fails",
    result=REJECTED,
    message="expected a read result, found data without a schema",
)
def test_something_else_is_no_read() -> Pair:
    return (lambda: load_results([{"changed": False, "workloads": []}])), (lambda: load_results([observed()]))
