# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read results that prove less than they seem to: empty, partial, old, altered, or of the wrong time."""

from __future__ import annotations

import math
from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._collect.result import ReadResult
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import Failure
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather
from tests.false_compliance.collecting import (
    DB,
    FRESH,
    NOW,
    SEVEN,
    evaluate_results,
    fleet,
    nightly,
    observed,
    resealed,
    workload,
)
from tests.false_compliance.situations import AGE, COUNT, REJECTED, Pair, Trap, situation


def evaluate_in_play(read_results: Any, *, report: bool = False) -> Assessment:
    """Evaluate the data of a play as the assertion (or the report of the role) does."""
    return assess(load_results(read_results, failures_are_findings=report), SEVEN, as_of=NOW, collection_version="1")


def load_results(read_results: Any, **options: bool) -> list[ReadResult | Failure]:
    """Return the read results as the assertion loads them in a play."""
    return list(gather(read_results, lambda _path: b"", **options))


@situation(
    "The server lists no workloads",
    naive_check="nothing failed, so the result is good",
    control="data.proof",
    result="fail",
    message="no workloads were read",
)
def test_result_without_workloads() -> Pair:
    return evaluate_results(observed(), SEVEN), evaluate_results(observed(nightly(7)), SEVEN)


@situation(
    "The list of servers to read was empty",
    naive_check="no server reported a problem",
    result=REJECTED,
    message="results: the list is empty",
)
def test_no_server_was_read() -> Pair:
    return (lambda: load_results([])), (lambda: load_results([observed(nightly(7))]))


@situation(
    "Only the first page could be read",
    naive_check="everything on this page is good",
    control=COUNT,
    result="unknown",
    message="7 recovery points, at least 7 required, but vbr1 was only partially read",
)
def test_only_the_first_page_is_read() -> Pair:
    cut = observed(nightly(7), problems=["page 2 of 9 was not returned"])
    return evaluate_results(cut, SEVEN), evaluate_results(observed(nightly(7)), SEVEN)


@situation(
    "The numbers of a row were edited manually",
    naive_check="newest is one hour old",
    control=AGE,
    result="fail",
    message="newest recovery point is 4d 5h old",
)
def test_row_was_edited() -> Pair:
    read = observed(nightly(7, first=4))
    row = {**read["workloads"][0], "newest": "2026-11-21T06:00:00Z"}
    return evaluate_results({**read, "workloads": [row]}, FRESH), evaluate_results(observed(nightly(7)), FRESH)


@situation(
    "The time at which the server was read was edited manually",
    naive_check="the data is one hour old",
    result=REJECTED,
    message="the read result was altered, truncated or masked",
)
def test_read_was_edited() -> Pair:
    read = observed(nightly(7), now=NOW - 3 * DAY * SECOND)
    edited = {**read, "read_at": "2026-11-21T06:00:00Z"}
    return (lambda: evaluate_results(edited, SEVEN)), (lambda: evaluate_results(read, SEVEN))


@situation(
    "The recovery points of an older read result were put into the newest one",
    naive_check="each part was created by the module",
    result=REJECTED,
    message="the read result was altered, truncated or masked",
)
def test_points_of_another_read() -> Pair:
    few, many = observed(nightly(2)), observed(nightly(7))
    return (lambda: evaluate_results({**few, "points": many["points"]}, SEVEN)), (lambda: evaluate_results(many, SEVEN))


@situation(
    "A row was deleted from a compressed read result",
    naive_check="nothing that is listed fails",
    result=REJECTED,
    message="the read result was altered, truncated or masked",
)
def test_row_is_deleted_from_compressed_data() -> Pair:
    two = observed([*nightly(7), *nightly(1, workload=DB)], compress=True)
    one = observed(nightly(7), compress=True)
    return (lambda: evaluate_in_play({**two, "data": one["data"]})), (lambda: evaluate_in_play(one))


@situation(
    "Reading failed, and the play continued with ignore_errors",
    naive_check="the loop has no workload that fails",
    result=REJECTED,
    message="the info module failed",
)
def test_failed_read_is_omitted() -> Pair:
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
    "Only counts were requested from the server",
    naive_check="30 recovery points, so the newest is probably recent",
    control=AGE,
    result="unknown",
    message="age of the newest recovery point unknown (maximum 26h)",
)
def test_counts_have_no_age() -> Pair:
    return evaluate_results(observed(counted=30), FRESH), evaluate_results(observed(nightly(30)), FRESH)


@situation(
    "The account cannot read the inventory, and an expected machine has never been backed up",
    naive_check="every machine in the list is good",
    control="expected.exists",
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_restricted_account_sees_nothing() -> Pair:
    read = observed(nightly(7), inventory=False)
    complete = observed([*nightly(7), *nightly(7, workload=DB)])
    return evaluate_results(read, SEVEN, expected=["web01", "db01"]), evaluate_results(
        complete, SEVEN, expected=["web01", "db01"]
    )


@situation(
    "An expected machine has old recovery points, and it is unknown whether it still exists",
    naive_check="the machine is in the list",
    control="expected.exists",
    result="unknown",
    message="existence unknown: vbr1 does not report whether this workload is in its inventory",
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
    "The recovery points of one row were lost in transit",
    naive_check="db01 is listed, and nothing about it fails",
    result=REJECTED,
    message="1 rows have no points",
)
def test_row_without_points() -> Pair:
    read = observed([*nightly(7), *nightly(7, workload=DB)])
    lost = resealed(read, points=observed(nightly(7))["points"])
    return (lambda: evaluate_results(lost, SEVEN)), (lambda: evaluate_results(resealed(read), SEVEN))


@situation(
    "The result of another module was passed as a read result",
    naive_check="it has no workload that fails",
    result=REJECTED,
    message="expected a read result, found data without a schema",
)
def test_other_input_is_not_a_read_result() -> Pair:
    return (lambda: load_results([{"changed": False, "workloads": []}])), (lambda: load_results([observed()]))


def with_server(**members: Any) -> dict[str, Any]:
    """Build a read result with 7 points, and change fields of its server."""
    read = observed(nightly(7))
    return resealed(read, server={**read["server"], **members})


@situation(
    "The clock skew in a read result is a text",
    naive_check="a text is not larger than 300, so the clock is right",
    result=REJECTED,
    message="input.server.clock_skew_seconds: '3600' is not a int",
)
def test_clock_skew_is_text() -> Pair:
    return (lambda: evaluate_results(with_server(clock_skew_seconds="3600"), FRESH)), (
        lambda: evaluate_results(with_server(clock_skew_seconds=0), FRESH)
    )


@situation(
    "The clock skew in a read result is not a number (NaN)",
    naive_check="NaN is not larger than 300, so the clock is right",
    result=REJECTED,
    message="input.server.clock_skew_seconds: nan is not a int",
)
def test_clock_skew_is_not_a_number() -> Pair:
    # It has no valid digest, so the old one is kept.
    read = observed(nightly(7))
    changed = {**read, "server": {**read["server"], "clock_skew_seconds": math.nan}}
    return (lambda: evaluate_results(changed, FRESH)), (lambda: evaluate_results(read, FRESH))


@situation(
    "The inventory state in a read result is a text",
    naive_check="a text that is not empty is true, so the machine exists",
    result=REJECTED,
    message="input.workloads[0].in_inventory: 'false' is not a boolean",
)
def test_inventory_state_is_text() -> Pair:
    def evaluate_with(value: Any) -> Trap:
        read = observed(nightly(7))
        changed = resealed(read, workloads=[{**read["workloads"][0], "in_inventory": value}])
        return lambda: evaluate_results(changed, SEVEN, expected=["web01"])

    return evaluate_with("false"), evaluate_with(True)


@situation(
    "Two copies of one repository were read at the same second, and one of them is not encrypted",
    naive_check="both show the same recovery points, so one of them is evaluated",
    control="encrypted.all",
    result="fail",
    message="4 recovery points are not encrypted",
)
def test_mirror_of_the_same_second() -> Pair:
    policy = {"encrypted": {"all": True}}

    def evaluate_with(encrypted: bool) -> Assessment:
        mirror = observed(nightly(4, encrypted=encrypted), host="mirror", identity="restic:1")
        return evaluate_results([observed(nightly(4, encrypted=True), identity="restic:1"), mirror], policy)

    return evaluate_with(encrypted=False), evaluate_with(encrypted=True)


@situation(
    "An older read result shows that a machine has too few recovery points, and the newer one lists no machines",
    naive_check="the newer read result replaces the older one",
    control=COUNT,
    result="fail",
    message="2 recovery points, at least 7 required",
)
def test_newer_read_without_machines() -> Pair:
    older = fleet(now=NOW - HOUR * SECOND)
    expected = ["web01"]
    return evaluate_results([older, observed()], SEVEN, expected=expected), evaluate_results(
        [older, observed(nightly(7))], SEVEN, expected=expected
    )
