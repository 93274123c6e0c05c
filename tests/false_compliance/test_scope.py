# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scope and policy: names that hide others, policies without requirements, waivers that cover everything."""

from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from tests.false_compliance.collecting import (
    DB,
    FRESH,
    NOW,
    SEVEN,
    evaluate_results,
    fleet,
    nightly,
    observed,
    point,
    workload,
)
from tests.false_compliance.situations import COUNT, REJECTED, Pair, situation

EXISTS = "expected.exists"


@situation(
    "Every workload is excluded",
    naive_check="nothing that is evaluated fails",
    control="data.proof",
    result="fail",
    message="no workload is proved compliant",
)
def test_all_workloads_are_excluded() -> Pair:
    everybody = [{"match": {"workload_type": "vm"}, "reason": "not ours"}]
    db = [{"match": {"workload_name": "db01"}, "reason": "not ours"}]
    return evaluate_results(fleet(), SEVEN, exclude=everybody), evaluate_results(fleet(), SEVEN, exclude=db)


@situation(
    "The pattern of an exclusion has a typing error and excludes nothing",
    naive_check="db01 should be excluded, so it is not checked",
    control=COUNT,
    result="fail",
    message="2 recovery points, at least 7 required",
)
def test_misspelled_exclusion() -> Pair:
    def without(glob: str) -> list[dict[str, Any]]:
        return [{"match": {"workload_name": glob}, "reason": "rebuilt every night"}]

    return evaluate_results(fleet(), SEVEN, exclude=without("bd01")), evaluate_results(
        fleet(), SEVEN, exclude=without("db*")
    )


@situation(
    "No server lists an expected machine",
    naive_check="all machines that were found are good",
    control=EXISTS,
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_expected_machine_is_missing() -> Pair:
    read = observed(nightly(7))
    return evaluate_results(read, SEVEN, expected=["web01", "app01"]), evaluate_results(
        read, SEVEN, expected=["WEB01.example.com"]
    )


@situation(
    "web1.prod is expected, but only web1.test is backed up",
    naive_check="a machine named web1 is backed up",
    control=EXISTS,
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_name_of_another_machine() -> Pair:
    def named(name: str) -> dict[str, Any]:
        return observed(nightly(7, workload=workload(name)))

    expected = ["web1.prod.example.com"]
    return evaluate_results(named("web1.test.example.com"), SEVEN, expected=expected), evaluate_results(
        named("web1"), SEVEN, expected=expected
    )


@situation(
    "A short name matches two machines",
    naive_check="one of them is good",
    control=EXISTS,
    result="unknown",
    message="web1 matches several workloads: web1.prod, web1.test",
)
def test_name_of_two_machines() -> Pair:
    two = observed([*nightly(7, workload=workload("web1.prod")), *nightly(7, workload=workload("web1.test", "vm-2"))])
    return evaluate_results(two, SEVEN, expected=["web1"]), evaluate_results(two, SEVEN, expected=["web1.prod"])


@situation(
    "A machine was rebuilt with its old name, and 30 recovery points belong to the deleted machine",
    naive_check="31 recovery points of web01",
    control=COUNT,
    result="fail",
    message="1 recovery point, at least 7 required",
)
def test_points_of_a_deleted_machine() -> Pair:
    gone = workload("web01", "vm-old", exists=False)
    old, new = nightly(30, first=20, workload=gone), nightly(1)
    return evaluate_results(observed([*old, *new]), SEVEN, expected=["web01"]), evaluate_results(
        observed([*old, *nightly(7)]), SEVEN, expected=["web01"]
    )


@situation(
    "An expected machine is no longer in the inventory, but its recovery points still exist",
    naive_check="the machine has 30 recovery points",
    control=EXISTS,
    result="fail",
    message="expected workload is no longer in the inventory",
)
def test_expected_machine_is_gone() -> Pair:
    gone = observed(nightly(30, workload=workload(exists=False)))
    return evaluate_results(gone, SEVEN, expected=["web01"]), evaluate_results(
        observed(nightly(30)), SEVEN, expected=["web01"]
    )


@situation(
    "The inventory group with the expected names is empty",
    naive_check="every expected name was found",
    result=REJECTED,
    message="expected: the list is empty",
)
def test_no_workload_is_expected() -> Pair:
    read = observed(nightly(7))
    return (lambda: evaluate_results(read, SEVEN, expected=[])), (
        lambda: evaluate_results(read, SEVEN, expected=["web01"])
    )


@situation(
    "One server is read with two names, and its recovery points are added",
    naive_check="4 and 4 are 8 recovery points",
    control=COUNT,
    result="fail",
    message="4 recovery points, at least 7 required",
)
def test_two_views_of_one_server() -> Pair:
    seen = workload()
    seen.origin = "vbr1"
    here = observed(nightly(4, workload=seen), host="vbr1")
    there = observed(nightly(4, workload=seen), host="enterprise-manager")
    combine = {"by": "workload_name", "independent": True}
    other = workload()
    other.origin = "vbr2"
    elsewhere = observed([point(days=night, hours=7, workload=other) for night in range(4)], host="vbr2")
    return evaluate_results([here, there], SEVEN, combine=combine), evaluate_results(
        [here, elsewhere], SEVEN, combine=combine
    )


@situation(
    "One server is read by its name and by its address, and its recovery points are added as independent",
    naive_check="4 and 4 are 8 recovery points",
    control=COUNT,
    result="fail",
    message="4 recovery points, at least 7 required",
)
def test_one_server_by_two_names() -> Pair:
    combine = {"by": "workload_name", "independent": True}
    points = nightly(4)
    here, there = observed(points, host="vbr1"), observed(points, host="192.0.2.7")
    another = observed([point(days=night, hours=7) for night in range(4)], host="192.0.2.8")
    return evaluate_results([here, there], SEVEN, combine=combine), evaluate_results(
        [here, another], SEVEN, combine=combine
    )


@situation(
    "A read result from this morning is evaluated with a current one, and most recovery points were deleted in between",
    naive_check="the better count is used: 30 recovery points",
    control=COUNT,
    result="fail",
    message="2 recovery points, at least 7 required",
)
def test_older_read_hides_deleted_points() -> Pair:
    points = nightly(30)
    morning = observed(points, now=NOW - 4 * HOUR * SECOND)
    expected = ["web01"]
    return evaluate_results([morning, observed(points[:2])], SEVEN, expected=expected), evaluate_results(
        [morning, observed(points)], SEVEN, expected=expected
    )


@situation(
    "Two servers protect one machine, each with half of the recovery points, and are not configured as independent",
    naive_check="4 and 4 are 8 recovery points",
    control=COUNT,
    result="fail",
    message="4 recovery points, at least 7 required",
)
def test_two_servers_are_not_added_by_default() -> Pair:
    other = [point(days=night, hours=7) for night in range(4)]
    both = [observed(nightly(4), host="vbr1"), observed(other, host="vbr2")]
    combine = {"by": "workload_name"}
    return evaluate_results(both, SEVEN, combine=combine), evaluate_results(
        both, SEVEN, combine={**combine, "independent": True}
    )


@situation(
    "One server has two machines with the same name, and rows with the same name are combined",
    naive_check="web01 has 7 recovery points",
    control=COUNT,
    result="fail",
    message="1 recovery point, at least 7 required",
)
def test_one_machine_hides_another() -> Pair:
    combine = {"by": "workload_name"}
    twin = workload("web01", "vm-2")
    return evaluate_results(
        observed([*nightly(7), *nightly(1, workload=twin)]), SEVEN, combine=combine
    ), evaluate_results(observed([*nightly(7), *nightly(7, workload=twin)]), SEVEN, combine=combine)


@situation(
    "The copies of a deleted machine are counted together with production",
    naive_check="two copies and production are three copies",
    control="copies.min_count",
    result="fail",
    message="2 copies (locations with a recovery point, plus production), at least 3 required",
)
def test_production_of_a_deleted_machine() -> Pair:

    places = [Copy(location="disk-1"), Copy(location="cloud-1")]
    policy = {"copies": {"min_count": 3}}
    gone = nightly(3, copies=places, workload=workload(exists=False))
    return evaluate_results(observed(gone), policy), evaluate_results(observed(nightly(3, copies=places)), policy)


@situation(
    "Recovery points belong to a workload without a name",
    naive_check="they are backups of some workload",
    control=EXISTS,
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_points_without_a_workload() -> Pair:
    nobody = workload(None, None, exists=None)
    return evaluate_results(observed(nightly(7, workload=nobody)), SEVEN, expected=["web01"]), evaluate_results(
        observed(nightly(7)), SEVEN, expected=["web01"]
    )


@situation(
    "Only the machines that match one pattern were read, and all machines are expected",
    naive_check="everything that was read is good",
    control=EXISTS,
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_names_hide_the_rest() -> Pair:
    return evaluate_results(fleet(workload_names=["web*"]), FRESH, expected=["web01", "db01"]), evaluate_results(
        fleet(), FRESH, expected=["web01", "db01"]
    )


def read_twice(identity: str) -> list[dict[str, Any]]:
    """Build 5 points of vbr1 from last night's read, and 4 others of an address that has ``identity``."""
    earlier = observed(nightly(5, first=1), host="vbr1", now=NOW - 8 * HOUR * SECOND, identity="vbr:one")
    others = [point(days=night, hours=6) for night in range(4)]
    return [earlier, observed(others, host="192.0.2.7", identity=identity)]


@situation(
    "One server is read by its name in the evening and by its address in the morning, and the counts differ",
    naive_check="5 and 4 are 9 recovery points of two independent servers",
    control=COUNT,
    result="fail",
    message="5 recovery points, at least 7 required",
)
def test_one_server_with_two_counts() -> Pair:
    combine = {"by": "workload_name", "independent": True}
    return evaluate_results(read_twice("vbr:one"), SEVEN, combine=combine), evaluate_results(
        read_twice("vbr:two"), SEVEN, combine=combine
    )


@situation(
    "The same read results are passed in the other order",
    naive_check="the second read result replaces the first, or is added to it",
    control=COUNT,
    result="fail",
    message="5 recovery points, at least 7 required",
)
def test_one_server_with_two_counts_in_the_other_order() -> Pair:
    combine = {"by": "workload_name", "independent": True}
    return evaluate_results(read_twice("vbr:one")[::-1], SEVEN, combine=combine), evaluate_results(
        read_twice("vbr:two")[::-1], SEVEN, combine=combine
    )


@situation(
    "An older read result lists an expected machine, and the newer one no longer does",
    naive_check="db01 has 7 recovery points",
    control=EXISTS,
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_older_read_proves_a_removed_machine() -> Pair:
    points = nightly(7, first=1)
    older = observed([*points, *nightly(7, first=1, workload=DB)], now=NOW - 8 * HOUR * SECOND)
    expected = ["web01", "db01"]
    return evaluate_results([older, observed(points)], SEVEN, expected=expected), evaluate_results(
        [older, observed([*points, *nightly(7, workload=DB)])], SEVEN, expected=expected
    )


@situation(
    "web01.test is expected, also as web01, and only web01.prod is backed up",
    naive_check="web01.prod is web01",
    control=EXISTS,
    result="fail",
    message="expected workload not found on any server that was read",
)
def test_short_name_of_another_machine() -> Pair:
    expected = ["web01", "web01.test"]

    def named(name: str) -> dict[str, Any]:
        return observed(nightly(7, workload=workload(name)))

    return evaluate_results(named("web01.prod"), SEVEN, expected=expected), evaluate_results(
        named("web01.test"), SEVEN, expected=expected
    )


@situation(
    "Two expected machines were mapped to one name by mistake",
    naive_check="both names are found",
    control=EXISTS,
    result="unknown",
    message="app01 matches only workload web01, which also matches www",
)
def test_two_machines_with_one_name() -> Pair:
    names = {"app01": "web01", "www": "web01"}
    read = observed(nightly(7))
    return evaluate_results(read, SEVEN, expected=["app01", "www"], expected_names=names), evaluate_results(
        read, SEVEN, expected=["app01"], expected_names={"app01": "web01"}
    )


@situation(
    "Two servers are combined, and the read result with enough recovery points is three days old",
    naive_check="the better server has 7 recovery points",
    control=COUNT,
    result="unknown",
    message="recovery points: 2 known, at least 7 required",
)
def test_old_read_in_a_combination() -> Pair:
    combine = {"by": "workload_name"}

    def evaluate_with(days: int) -> Assessment:
        """Evaluate with a second server that was read this many days ago."""
        second = observed(nightly(7, first=days), host="vbr2", now=NOW - days * DAY * SECOND)
        return evaluate_results([observed(nightly(2)), second], SEVEN, combine=combine)

    return evaluate_with(3), evaluate_with(0)
