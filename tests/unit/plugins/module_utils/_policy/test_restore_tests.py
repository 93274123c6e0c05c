# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of restore tests, evaluated with the points of their workload; see also test_restore_test_records.py."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather, restore_tests
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import seal_record
from tests.unit.plugins.module_utils._policy.policy_points import (
    NOW,
    ago,
    evaluate,
    finding,
    moment,
    nightly,
    point,
    read,
    result,
    row,
)

POLICY = {"restore_tested": {"min_count": 1, "max_age": "7d", "max_restore_time": "4h"}}


def build_test(**members: Any) -> dict[str, Any]:
    """Build a test of the newest nightly point that passed an hour ago."""
    return {
        "source": "vbr1",
        "workload_type": "vm",
        "workload_id": "id-1",
        "workload_name": "web01",
        "point_id": "p1",
        "point_created_at": ago(hours=5),
        "tested_at": ago(hours=1),
        "seconds": 90,
        "result": "passed",
        "message": None,
        **members,
    }


build_test.__test__ = False  # type: ignore[attr-defined]


def failed(**members: Any) -> dict[str, Any]:
    return build_test(**{"result": "failed", "seconds": None, **members})


def load(_path: str) -> bytes:
    """Fail if a file is read."""
    raise AssertionError(_path)


def evaluate_record(record: Any, *, compress: bool = False) -> dict[str, tuple[str, str]]:
    """Return control -> (result, message) for the read result of one workload and a record."""
    read_results: list[Any] = [{**read(row(), compress=compress), "changed": False}, record]
    found = assess(
        gather(read_results, load),
        POLICY,
        as_of=NOW,
        collection_version="1",
        restore_tests=restore_tests(read_results, load),
    )
    return {one["control"]: (one["result"], one["message"]) for one in found.plain()["findings"]}


@pytest.mark.parametrize("compress", [False, True])
def test_a_record_proves_a_restore_that_the_product_does_not_report(compress: bool) -> None:
    output = evaluate_record(seal_record([build_test()]), compress=compress)
    assert {name: outcome for name, (outcome, _text) in output.items() if name.startswith("restore_tested")} == {
        "restore_tested.min_count": "pass",
        "restore_tested.max_age": "pass",
        "restore_tested.max_restore_time": "pass",
    }
    assert "data.restore_tests" not in output


def test_a_test_of_a_removed_point_counts_only_for_the_age() -> None:
    output = evaluate_record(seal_record([build_test(point_created_at=ago(days=40))]))
    assert (output["restore_tested.max_age"][0], output["restore_tested.max_restore_time"][0]) == ("pass", "pass")
    assert output["restore_tested.min_count"][0] == "unknown"


def test_a_failed_restore_overrides_earlier_tests() -> None:
    output = evaluate_record(seal_record([build_test(tested_at=ago(hours=2)), failed(message="no table numbers")]))
    for control in ("restore_tested.max_age", "restore_tested.max_restore_time"):
        assert output[control][0] == "fail"
        assert "failed: no table numbers" in output[control][1]


@pytest.mark.parametrize(
    "other", [{"source": "vbr2"}, {"workload_type": "database"}, {"workload_id": "id-2"}, {"workload_name": "web02"}]
)
def test_a_test_of_another_workload_gives_only_a_warning(other: dict[str, Any]) -> None:
    output = evaluate_record(seal_record([build_test(**other)]))
    assert output["restore_tested.max_restore_time"][0] == "unknown"
    assert output["data.restore_tests"][0] == "warn"
    assert "does not match exactly one workload that was read" in output["data.restore_tests"][1]


@pytest.mark.parametrize(
    ("origins", "result"), [(("esx1", "esx2"), "unknown"), ((None, "esx2"), "unknown"), ((None,), "pass")]
)
def test_an_ambiguous_test_counts_for_no_workload(origins: tuple[str | None, ...], result: str) -> None:
    """Rows of one server that differ only in their origin."""
    rows = [row([U], origin=origin) for origin in origins]
    for results in ([read(*rows)], [read(one, selection={"account": f"{number}"}) for number, one in enumerate(rows)]):
        found = evaluate(results, POLICY, restore_tests=[build_test()]).plain()["findings"]
        own = {one["result"] for one in found if one["control"].startswith("restore_tested")}
        assert own == {result}
        assert [one["control"] for one in found].count("data.restore_tests") == (result == "unknown")


def test_a_test_of_a_workload_in_two_read_results_counts_for_both() -> None:
    results = [read(row([U]), selection={"account": account}) for account in "ab"]
    found = evaluate(results, POLICY, restore_tests=[build_test()]).plain()["findings"]
    assert {one["result"] for one in found if one["control"].startswith("restore_tested")} == {"pass"}
    assert "data.restore_tests" not in {one["control"] for one in found}


def test_a_test_before_its_point_is_unknown_with_a_warning() -> None:
    output = evaluate_record(seal_record([build_test(tested_at=ago(hours=5, seconds=301))]))
    assert output["restore_tested.max_age"][0] == "unknown"
    assert output["restore_tested.max_restore_time"][0] == "unknown"
    assert output["restore_tested.min_count"][0] == "unknown"
    assert output["data.restore_tests"][0] == "warn"
    assert "is earlier than its recovery point" in output["data.restore_tests"][1]
    close = evaluate_record(seal_record([build_test(tested_at=ago(hours=5, seconds=300))]))
    assert close["restore_tested.min_count"][0] == "pass"
    assert "data.restore_tests" not in close


# Effect of a record on the listed points

ZERO: dict[str, Any] = {"hours": 5}
U = point(**ZERO)
OTHER_U = point(**ZERO)
T = point(**ZERO, restore_tested=True)
F = point(**ZERO, restore_tested=False)
# Tests of the product that are older and newer than a record.
FAILED_BEFORE = point(**ZERO, restore_tested=False, tested_at=moment(hours=2))
FAILED_SINCE = point(**ZERO, restore_tested=False, tested_at=moment(seconds=60))
PASSED_SINCE = point(**ZERO, restore_tested=True, tested_at=moment(seconds=60))
# Possible recovery points, and one with a fraction of a second.
MAYBE = point(**ZERO, usable=None)
UNTYPED = point(**ZERO, kind="unknown")
FRACTION = point(hours=5, seconds=-0.5)
ELSEWHERE = point(days=3, restore_tested=True)
NOT_ELSEWHERE = point(days=3, restore_tested=False)
PASSED, FAILED = build_test(), failed()


def evaluate_points(points: list[RecoveryPoint], tests: list[dict[str, Any]], **given: Any) -> tuple[str, ...]:
    """Return the results of min_count 1, min_count 2, all and none."""
    rules: list[dict[str, Any]] = [{"min_count": 1}, {"min_count": 2}, {"all": True}, {"none": True}]
    return tuple(result(points, {"restore_tested": rule}, restore_tests=tests, **given) for rule in rules)


@pytest.mark.parametrize(
    ("points", "tests", "results"),
    [
        ([U], [PASSED], ("pass", "fail", "pass", "fail")),
        ([U], [FAILED], ("fail", "fail", "fail", "pass")),
        ([T], [PASSED], ("pass", "fail", "pass", "fail")),
        ([T], [FAILED], ("fail", "fail", "fail", "pass")),
        # The failed test has no date, so it may be newer.
        ([F], [PASSED], ("unknown", "fail", "unknown", "unknown")),
        ([FAILED_BEFORE], [PASSED], ("pass", "fail", "pass", "fail")),
        ([FAILED_SINCE], [PASSED], ("fail", "fail", "fail", "pass")),
        ([PASSED_SINCE], [FAILED], ("pass", "fail", "pass", "fail")),
        ([F], [FAILED], ("fail", "fail", "fail", "pass")),
        # A point of the same second already has that result, so the record may be about it.
        ([T, U], [PASSED], ("pass", "unknown", "unknown", "fail")),
        ([F, U], [FAILED], ("unknown", "fail", "fail", "unknown")),
        # At most one point changes, an unknown one first.
        ([U, OTHER_U], [PASSED], ("pass", "unknown", "unknown", "fail")),
        ([U, OTHER_U], [FAILED], ("unknown", "fail", "fail", "unknown")),
        ([F, U], [PASSED], ("pass", "fail", "fail", "fail")),
        ([T, U], [FAILED], ("pass", "fail", "fail", "fail")),
        ([F, point(**ZERO, restore_tested=False)], [PASSED], ("unknown", "fail", "fail", "unknown")),
        # A possible recovery point becomes U or a weak F.
        ([MAYBE], [PASSED], ("unknown", "fail", "unknown", "unknown")),
        ([UNTYPED], [PASSED], ("unknown", "fail", "unknown", "unknown")),
        ([MAYBE], [FAILED], ("fail", "fail", "unknown", "unknown")),
        # A passed test proves it first, a failed test disproves it last.
        ([MAYBE, U], [PASSED], ("unknown", "unknown", "unknown", "unknown")),
        ([MAYBE, U], [FAILED], ("unknown", "fail", "fail", "unknown")),
        # Other points are not affected.
        ([U, ELSEWHERE], [PASSED], ("pass", "pass", "pass", "fail")),
        ([U, NOT_ELSEWHERE], [PASSED], ("pass", "fail", "fail", "fail")),
        # The tested point is no longer listed: one more unknown point for min_count.
        ([ELSEWHERE], [PASSED], ("pass", "unknown", "pass", "fail")),
        ([NOT_ELSEWHERE], [PASSED], ("unknown", "fail", "fail", "pass")),
        ([NOT_ELSEWHERE], [FAILED], ("fail", "fail", "fail", "pass")),
        ([NOT_ELSEWHERE, point(**ZERO, kind="snapshot")], [PASSED], ("unknown", "fail", "fail", "pass")),
        ([NOT_ELSEWHERE, point(**ZERO, usable=False)], [PASSED], ("unknown", "fail", "fail", "pass")),
        # Only the newest record of a point counts, at the same time the failed one.
        ([U], [PASSED, failed(tested_at=ago(seconds=9))], ("fail", "fail", "fail", "pass")),
        ([U], [failed(tested_at=ago(hours=2)), PASSED], ("pass", "fail", "pass", "fail")),
        ([U], [PASSED, FAILED], ("fail", "fail", "fail", "pass")),
        ([U], [FAILED, PASSED], ("fail", "fail", "fail", "pass")),
        # A test in the future does not count.
        ([U], [build_test(tested_at=ago(seconds=-300))], ("pass", "fail", "pass", "fail")),
        ([U], [build_test(tested_at=ago(seconds=-301))], ("unknown", "fail", "unknown", "unknown")),
        # Times are whole seconds.
        ([FRACTION], [build_test(point_created_at=ago(hours=5, seconds=-0.9))], ("pass", "fail", "pass", "fail")),
    ],
)
def test_states(points: list[RecoveryPoint], tests: list[dict[str, Any]], results: tuple[str, ...]) -> None:
    assert evaluate_points(points, tests) == results
    assert evaluate_points(points[::-1], tests) == results


def test_expiry_comes_last() -> None:
    expiring = point(**ZERO, expires_at=NOW + DAY * SECOND)
    for days, results in ((0, ("pass", "fail", "pass", "fail")), (1, ("unknown", "fail", "unknown", "unknown"))):
        as_of = NOW + days * DAY * SECOND
        assert evaluate_points([expiring], [PASSED], as_of=as_of, max_data_age="9d") == results


@pytest.mark.parametrize(
    ("points", "limit", "expected"),
    [
        # A removed point may be older than any other.
        ([T], "40d", "unknown"),
        ([T], "41d", "fail"),
        # The age of the point, not of the test.
        ([point(days=40)], "40d", "pass"),
        # Of two points within a second, the test may be that of the later one.
        ([point(days=40), point(days=40, seconds=-0.5)], "3455999s", "pass"),
        ([point(days=40), point(days=40, seconds=-0.5)], "40d", "unknown"),
    ],
)
def test_retention_of_a_tested_point(points: list[RecoveryPoint], limit: str, expected: str) -> None:
    tests = [build_test(point_created_at=ago(days=40))]
    assert result(points, {"restore_tested": {"min_retention": limit}}, restore_tests=tests) == expected


# The newest test


def dated(days: float, outcome: bool | None = True, **facts: Any) -> RecoveryPoint:
    """Build a point whose test the product reports, with its date."""
    return point(days=30, restore_tested=outcome, tested_at=moment(days=days), **facts)


@pytest.mark.parametrize(
    ("points", "tests", "max_age", "max_restore_time"),
    [
        ([U], [], "unknown", "unknown"),
        ([F], [], "unknown", "unknown"),
        ([U], [build_test(seconds=3600)], "pass", "pass"),
        ([U], [build_test(seconds=3601)], "pass", "fail"),
        ([U], [FAILED], "fail", "fail"),
        # Tests of the product count as well, but it does not report their duration.
        ([dated(2)], [], "pass", "unknown"),
        ([dated(2, outcome=False)], [], "fail", "fail"),
        ([dated(2, outcome=False, usable=None)], [], "fail", "fail"),
        ([dated(2, outcome=False, usable=False)], [build_test(tested_at=ago(days=3))], "fail", "fail"),
        ([dated(2, usable=None)], [build_test(tested_at=ago(days=3))], "unknown", "unknown"),
        ([dated(2, outcome=None)], [], "unknown", "unknown"),
        ([dated(2)], [build_test(tested_at=ago(days=3))], "pass", "unknown"),
        ([dated(2)], [PASSED], "pass", "pass"),
        ([dated(2)], [FAILED], "fail", "fail"),
        ([dated(2, outcome=False)], [PASSED], "pass", "pass"),
        ([dated(0.01, outcome=False)], [PASSED], "fail", "fail"),
        # Of several tests at the newest time, a failed one counts first, then an unknown one, then the longest.
        ([dated(1 / 24, outcome=False)], [PASSED], "fail", "fail"),
        ([dated(1 / 24)], [PASSED], "pass", "unknown"),
        ([U], [PASSED, FAILED], "fail", "fail"),
        ([U], [PASSED, build_test(point_created_at=ago(hours=0))], "unknown", "unknown"),
        ([U], [build_test(seconds=3600), build_test(point_created_at=ago(days=2), seconds=3601)], "pass", "fail"),
        # The newest test is too old, but another one may be newer.
        ([dated(9)], [], "fail", "unknown"),
        ([NOT_ELSEWHERE], [build_test(point_created_at=ago(days=9), tested_at=ago(days=8))], "fail", "pass"),
        ([U], [build_test(point_created_at=ago(days=9), tested_at=ago(days=8))], "unknown", "pass"),
        ([T], [build_test(point_created_at=ago(days=9), tested_at=ago(days=8))], "unknown", "pass"),
        ([dated(9), point(created=0, usable=None)], [], "unknown", "unknown"),
        # A date in the future counts as unknown.
        ([dated(9), dated(-1)], [], "unknown", "unknown"),
    ],
)
def test_the_newest_test(
    points: list[RecoveryPoint], tests: list[dict[str, Any]], max_age: str, max_restore_time: str
) -> None:
    for given in (tests, tests[::-1]):
        assert result(points, {"restore_tested": {"max_age": "7d"}}, restore_tests=given) == max_age
        limit = {"restore_tested": {"max_restore_time": "1h"}}
        assert result(points, limit, restore_tests=given) == max_restore_time


@pytest.mark.parametrize("days", [9, 2])
def test_hidden_time_may_contain_a_newer_test(days: int) -> None:
    """The newer test may have passed or failed."""
    limited = read(row([dated(days)]), selection={"since": ago(days=90)})
    assert finding(limited, {"restore_tested": {"max_age": "7d"}})["result"] == "unknown"


@pytest.mark.parametrize(
    "tests",
    [
        # Failed at the same time for different reasons.
        [failed(message="one"), failed(message="two", point_created_at=ago(days=1))],
        # Without a matching workload, twice, and earlier than their points.
        [build_test(workload_name="db01"), build_test(workload_name="db01", tested_at=ago(seconds=60))],
        [build_test(tested_at=ago(days=days)) for days in (8, 9)],
    ],
)
def test_the_order_of_records_does_not_matter(tests: list[dict[str, Any]]) -> None:
    first, second = (evaluate(row(), POLICY, restore_tests=given).compress() for given in (tests, tests[::-1]))
    assert (first == second) is True


def test_a_test_proves_only_one_point() -> None:
    assert evaluate_points(nightly(), [PASSED]) == ("pass", "unknown", "unknown", "fail")


def test_certainty_of_a_record_is_reported() -> None:
    policy = {"restore_tested": {"min_count": 1, "accept": ["reported", "inferred"]}}
    soft = point(days=1, restore_tested=True, inferred=("restore_tested",))
    assert finding(row([U, soft]), policy, restore_tests=[PASSED])["certainty"] == "reported"
    assert finding(row([U, soft]), policy)["certainty"] == "inferred"
