# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of restore tests: stored tests, and rejected records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.result import canonical_json, sha256_hex
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather, restore_tests
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import parse_tests, seal_record
from tests.unit.plugins.module_utils._policy.policy_points import NOW, ago, read, row
from tests.unit.plugins.module_utils._policy.test_restore_tests import POLICY, build_test, load


def test_the_newest_test_of_each_workload_is_kept() -> None:
    earlier = seal_record([build_test(workload_name="old"), build_test(seconds=1, tested_at=ago(days=3))])
    record = seal_record([build_test(seconds=2)], earlier)
    assert [(test["workload_name"], test["seconds"]) for test in record["tests"]] == [("old", 90), ("web01", 2)]
    assert parse_tests(json.loads(json.dumps(record)), "x") == record["tests"]
    # A run that started earlier but is written later does not replace the newer test.
    assert seal_record([build_test(tested_at=ago(days=9))], record) == record


def test_the_newest_test_of_each_location_is_kept() -> None:
    """A test in one repository does not prove that another one can be restored from."""
    earlier = seal_record([build_test(location=name, tested_at=ago(days=3)) for name in ("repo1", "repo2")])
    record = seal_record([build_test(location="repo2", tested_at=ago(days=1))], earlier)
    assert [(test["location"], test["tested_at"]) for test in record["tests"]] == [
        ("repo1", ago(days=3)),
        ("repo2", ago(days=1)),
    ]
    with pytest.raises(DataError, match="no valid location"):
        seal_record([build_test(location=5)])


def test_an_altered_record_is_rejected() -> None:
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
        {"tested_at": None},
        {"source": None},
        {"point_created_at": 3},
        # Not text, not a number, not a time of a recovery point.
        {"workload_id": 1},
        {"workload_id": ["id-1"]},
        {"workload_type": {}},
        {"result": "failed", "seconds": "9"},
        {"result": "failed", "seconds": [1]},
        {"result": "failed", "seconds": -5},
        {"result": "failed", "seconds": True},
        {"point_created_at": "0001-01-01T00:00:00Z"},
        {"point_created_at": "1979-12-31T23:59:59Z"},
        {"tested_at": "1979-12-31T23:59:59Z"},
        {"tested_at": "9999-12-31T00:00:00Z"},
    ],
)
def test_an_invalid_test_is_rejected(change: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=rf"a restore test has no valid {list(change)[-1]}\.$"):
        seal_record([build_test(**change)])
    record = {"schema": "backup.audit/restore_tests/1", "tests": [build_test(**change)]}
    with pytest.raises(DataError):
        parse_tests({**record, "sha256": sha256_hex(canonical_json(record))}, "x")


def test_a_test_that_took_less_than_a_second_is_valid() -> None:
    record = seal_record([build_test(seconds=0)])
    assert [test["seconds"] for test in parse_tests(record, "x")] == [0]


@pytest.mark.parametrize("name", ["tested_at", "point_created_at"])
def test_other_times_are_rejected(name: str) -> None:
    with pytest.raises(DataError, match="yesterday"):
        seal_record([build_test(**{name: "yesterday"})])


@pytest.mark.parametrize("value", [{}, {"schema": "backup.audit/restore_tests/1"}, "text", read(row())])
def test_other_input_is_not_a_record(value: Any) -> None:
    with pytest.raises(DataError):
        parse_tests(value, "x")


def test_a_record_without_read_results_is_not_compliant() -> None:
    record = seal_record([build_test()])
    found = assess(
        gather([record], load), POLICY, as_of=NOW, collection_version="1", restore_tests=restore_tests([record], load)
    )
    assert not found.compliant


def test_a_record_can_be_a_file() -> None:
    text = json.dumps(seal_record([build_test()])).encode()
    assert restore_tests(["restore_tests.json"], lambda _path: text) == [build_test()]
