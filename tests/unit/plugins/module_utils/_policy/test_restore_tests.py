# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of restore tests: sealed, and evaluated with the row of their workload."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import compress, open_result
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather, restore_tests
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import parse_tests, seal_record
from tests.unit.plugins.module_utils._policy.policy_rows import NOW, ago, read, row

UNTESTED = {
    "recovery_points": {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30)},
    "restore_tested": {"count": 0, "unknown": 30},
}
POLICY = {"restore_tested": {"min_count": 1, "max_age": "7d", "max_restore_time": "4h"}}


def build_test(**members: Any) -> dict[str, Any]:
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


def load(_path: str) -> bytes:
    """Tests with read results do not read files."""
    raise AssertionError(_path)


def evaluate_record(
    record: Any, *, compressed: bool = False, policy: Any = None, **members: Any
) -> dict[str, tuple[str, str]]:
    """control -> (result, message) for the read result of one workload and a record."""
    one = read(row(attributes=UNTESTED, **members))
    read_results: list[Any] = [{**compress(one), "changed": False} if compressed else one, record]
    found = assess(
        gather(read_results, load),
        policy or POLICY,
        as_of=NOW,
        collection_version="1",
        restore_tests=restore_tests(read_results, load),
    )
    return {result["control"]: (result["result"], result["message"]) for result in found.plain()["findings"]}


@pytest.mark.parametrize("compressed", [False, True])
def test_a_restore_proves_what_the_product_cannot_tell(compressed: bool) -> None:
    output = evaluate_record(seal_record([build_test()]), compressed=compressed)
    assert {name: result for name, (result, _text) in output.items() if name.startswith("restore_tested")} == {
        "restore_tested.min_count": "pass",
        "restore_tested.max_age": "pass",
        "restore_tested.max_restore_time": "pass",
    }
    assert "data.restore_tests" not in output


def test_one_test_proves_one_point_and_not_the_others() -> None:
    result = evaluate_record(
        seal_record([build_test()]), policy={"restore_tested": {"min_count": 2, "all": True}, "on_unknown": "ignore"}
    )
    assert (result["restore_tested.min_count"][0], result["restore_tested.all"][0]) == ("unknown", "unknown")


def test_a_test_of_a_point_that_is_gone_proves_its_age_and_no_point() -> None:
    result = evaluate_record(seal_record([build_test(point_created_at=ago(days=40))]))
    assert (result["restore_tested.max_age"][0], result["restore_tested.max_restore_time"][0]) == ("pass", "pass")
    assert result["restore_tested.min_count"][0] == "unknown"


def test_a_failed_restore_fails_whatever_was_proved_before() -> None:
    record = seal_record(
        [build_test(tested_at=ago(days=2)), build_test(result="failed", seconds=None, message="no table numbers")]
    )
    result = evaluate_record(record)
    for control in ("restore_tested.max_age", "restore_tested.max_restore_time"):
        assert result[control][0] == "fail"
        assert "failed: no table numbers" in result[control][1]


@pytest.mark.parametrize("other", [{"source": "vbr2"}, {"workload_id": "id-2"}, {"workload_name": "web02"}])
def test_a_test_of_another_workload_proves_nothing_and_is_told(other: dict[str, Any]) -> None:
    result = evaluate_record(seal_record([build_test(**other)]))
    assert result["restore_tested.max_restore_time"][0] == "unknown"
    assert result["data.restore_tests"][0] == "warn"
    assert "does not match any workload that was read" in result["data.restore_tests"][1]


def test_a_test_of_tomorrow_proves_nothing_today() -> None:
    assert (
        evaluate_record(seal_record([build_test(tested_at=ago(days=-1))]))["restore_tested.max_restore_time"][0]
        == "unknown"
    )


def test_a_row_of_which_the_product_tells_all_stays_as_it_is() -> None:
    attributes = {
        **UNTESTED,
        "restore_tested": {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30), "tested_at": ago(days=1)},
    }
    one = read(row(attributes=attributes))
    tests = parse_tests(seal_record([build_test()]), "x")
    found = assess(
        [open_result(one)],
        {"restore_tested": {"min_count": 31}},
        as_of=NOW,
        collection_version="1",
        restore_tests=tests,
    )
    assert not found.compliant


# The record


def test_of_each_workload_the_newest_test_is_kept() -> None:
    earlier = seal_record([build_test(workload_name="old"), build_test(seconds=1, tested_at=ago(days=3))])
    record = seal_record([build_test(seconds=2)], earlier)
    assert [(test["workload_name"], test["seconds"]) for test in record["tests"]] == [("old", 90), ("web01", 2)]
    assert parse_tests(json.loads(json.dumps(record)), "x") == record["tests"]
    # A run that began earlier but is written later does not hide the newer test.
    assert seal_record([build_test(tested_at=ago(days=9))], record) == record


def test_a_record_that_was_altered_is_refused() -> None:
    record = seal_record([build_test(result="failed", message="lost")])
    record["tests"][0]["result"] = "passed"
    with pytest.raises(DataError, match="altered"):
        restore_tests([record], lambda _path: b"")


@pytest.mark.parametrize(
    "change",
    [
        {"result": "perhaps"},
        {"seconds": None},
        {"seconds": -1},
        {"seconds": True},
        {"tested_at": "yesterday"},
        {"tested_at": None},
        {"source": None},
        {"point_created_at": 3},
    ],
)
def test_a_test_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        seal_record([build_test(**change)])


@pytest.mark.parametrize("value", [{}, {"schema": "backup.audit/restore_tests/1"}, "text", read(row())])
def test_what_is_no_record_is_refused(value: Any) -> None:
    with pytest.raises(DataError):
        parse_tests(value, "x")


def test_a_record_alone_is_no_good_news() -> None:
    record = seal_record([build_test()])
    found = assess(
        gather([record], load), POLICY, as_of=NOW, collection_version="1", restore_tests=restore_tests([record], load)
    )
    assert not found.compliant


def test_a_record_may_be_a_file() -> None:
    text = json.dumps(seal_record([build_test()])).encode()
    assert restore_tests(["restore_tests.json"], lambda _path: text) == [build_test()]
