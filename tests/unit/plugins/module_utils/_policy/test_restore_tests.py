# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of restore tests: sealed, and judged with the row that they are about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import pack, unpack
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather, restore_tests
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import checked_tests, sealed
from tests.unit.plugins.module_utils._policy.policy_rows import NOW, ago, read, row

UNTESTED = {
    "recovery_points": {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30)},
    "verified": {"count": 0, "unknown": 30},
}
POLICY = {"verified": {"minimum": 1, "newest_within": "7d", "restore_within": "4h"}}


def test_of(**members: Any) -> dict[str, Any]:
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


test_of.__test__ = False  # type: ignore[attr-defined]


def load(_path: str) -> bytes:
    """No test of READs reads a file."""
    raise AssertionError(_path)


def judged(record: Any, *, packed: bool = False, policy: Any = None, **members: Any) -> dict[str, tuple[str, str]]:
    """control -> (result, message), of the READ of one workload and a record."""
    one = read(row(facets=UNTESTED, **members))
    reads: list[Any] = [{**pack(one), "changed": False} if packed else one, record]
    found = assess(
        gather(reads, load),
        policy or POLICY,
        as_of=NOW,
        collection_version="1",
        restore_tests=restore_tests(reads, load),
    )
    return {told["control"]: (told["result"], told["message"]) for told in found.plain()["findings"]}


@pytest.mark.parametrize("packed", [False, True])
def test_a_restore_proves_what_the_product_cannot_tell(packed: bool) -> None:
    told = judged(sealed([test_of()]), packed=packed)
    assert {name: result for name, (result, _text) in told.items() if name.startswith("verified")} == {
        "verified.minimum": "pass",
        "verified.newest_within": "pass",
        "verified.restore_within": "pass",
    }
    assert "read.restore_tests" not in told


def test_one_test_proves_one_point_and_not_the_others() -> None:
    told = judged(sealed([test_of()]), policy={"verified": {"minimum": 2, "all": True}, "on_unknown": "ignore"})
    assert (told["verified.minimum"][0], told["verified.all"][0]) == ("unknown", "unknown")


def test_a_test_of_a_point_that_is_gone_proves_its_age_and_no_point() -> None:
    told = judged(sealed([test_of(point_created_at=ago(days=40))]))
    assert (told["verified.newest_within"][0], told["verified.restore_within"][0]) == ("pass", "pass")
    assert told["verified.minimum"][0] == "fail"


def test_a_failed_restore_fails_whatever_was_proved_before() -> None:
    record = sealed(
        [test_of(tested_at=ago(days=2)), test_of(result="failed", seconds=None, message="no table numbers")]
    )
    told = judged(record)
    for control in ("verified.newest_within", "verified.restore_within"):
        assert told[control][0] == "fail"
        assert "failed: no table numbers" in told[control][1]


@pytest.mark.parametrize("other", [{"source": "vbr2"}, {"workload_id": "id-2"}, {"workload_name": "web02"}])
def test_a_test_of_another_workload_proves_nothing_and_is_told(other: dict[str, Any]) -> None:
    told = judged(sealed([test_of(**other)]))
    assert told["verified.restore_within"][0] == "fail"
    assert told["read.restore_tests"][0] == "warn"
    assert "fits no workload that was read" in told["read.restore_tests"][1]


def test_a_test_of_tomorrow_proves_nothing_today() -> None:
    assert judged(sealed([test_of(tested_at=ago(days=-1))]))["verified.restore_within"][0] == "fail"


def test_a_row_of_which_the_product_tells_all_stays_as_it_is() -> None:
    facets = {
        **UNTESTED,
        "verified": {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30), "tested_at": ago(days=1)},
    }
    one = read(row(facets=facets))
    tests = checked_tests(sealed([test_of()]), "x")
    found = assess([unpack(one)], {"verified": {"minimum": 31}}, as_of=NOW, collection_version="1", restore_tests=tests)
    assert not found.compliant


# The record


def test_of_each_workload_the_newest_test_is_kept() -> None:
    earlier = sealed([test_of(workload_name="old"), test_of(seconds=1, tested_at=ago(days=3))])
    record = sealed([test_of(seconds=2)], earlier)
    assert [(test["workload_name"], test["seconds"]) for test in record["tests"]] == [("old", 90), ("web01", 2)]
    assert checked_tests(json.loads(json.dumps(record)), "x") == record["tests"]
    # A run that began earlier and is written later does not hide the newer test.
    assert sealed([test_of(tested_at=ago(days=9))], record) == record


def test_a_record_that_was_altered_is_refused() -> None:
    record = sealed([test_of(result="failed", message="lost")])
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
        sealed([test_of(**change)])


@pytest.mark.parametrize("value", [{}, {"schema": "backup.audit/restore_tests/1"}, "text", read(row())])
def test_what_is_no_record_is_refused(value: Any) -> None:
    with pytest.raises(DataError):
        checked_tests(value, "x")


def test_a_record_alone_is_no_good_news() -> None:
    record = sealed([test_of()])
    found = assess(
        gather([record], load), POLICY, as_of=NOW, collection_version="1", restore_tests=restore_tests([record], load)
    )
    assert not found.compliant


def test_a_record_may_be_a_file() -> None:
    text = json.dumps(sealed([test_of()])).encode()
    assert restore_tests(["restore_tests.json"], lambda _path: text) == [test_of()]
