# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore jobs and copy jobs of AWS Backup."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.jobs import (
    RestoreTest,
    parse_copy_jobs,
    parse_restore_tests,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND

IMAGE = "arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0"
ABSENT = object()


def job(**more: Any) -> dict[str, Any]:
    row = {"RecoveryPointArn": IMAGE, "Status": "COMPLETED", "CompletionDate": 100.0, **more}
    return {name: value for name, value in row.items() if value is not ABSENT}


PASSED, FAILED = {"ValidationStatus": "SUCCESSFUL"}, {"ValidationStatus": "FAILED"}


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ([job(**PASSED)], RestoreTest(True, True, 100 * SECOND)),
        ([job(**FAILED)], RestoreTest(False, True, 100 * SECOND)),
        ([job(ValidationStatus="TIMED_OUT")], RestoreTest(False, True, 100 * SECOND)),
        ([job()], RestoreTest(True, False, 100 * SECOND)),
        ([job(ValidationStatus=None)], RestoreTest(True, False, 100 * SECOND)),
        ([job(CompletionDate=ABSENT)], RestoreTest(True, False, None)),
        # No result yet, or an unknown status.
        ([job(ValidationStatus="VALIDATING")], None),
        ([job(ValidationStatus="FINE")], None),
        # The restore did not finish, so nothing is known about the recovery point.
        ([job(Status="FAILED")], None),
        ([job(Status="ABORTED", **PASSED)], None),
        ([job(Status="RUNNING")], None),
        ([job(Status=ABSENT)], None),
        # The newest validated restore counts, regardless of later restores without validation.
        ([job(**PASSED), job(**FAILED, CompletionDate=200.0)], RestoreTest(False, True, 200 * SECOND)),
        ([job(**FAILED), job(**PASSED, CompletionDate=200.0)], RestoreTest(True, True, 200 * SECOND)),
        ([job(**FAILED), job(CompletionDate=200.0)], RestoreTest(False, True, 100 * SECOND)),
        ([job(CompletionDate=200.0), job(**PASSED)], RestoreTest(True, True, 100 * SECOND)),
        # Of two restores at the same time, the failed one counts.
        ([job(**PASSED), job(**FAILED)], RestoreTest(False, True, 100 * SECOND)),
        ([job(**FAILED), job(**PASSED)], RestoreTest(False, True, 100 * SECOND)),
        # The end of the failed one is unknown, so it may be the newest.
        ([job(**FAILED, CompletionDate=None), job(**PASSED)], RestoreTest(False, True, None)),
    ],
)
def test_newest_validated_restore_counts(jobs: list[dict[str, Any]], expected: RestoreTest | None) -> None:
    assert parse_restore_tests(jobs).get(IMAGE) == expected


@pytest.mark.parametrize("row", [None, "job", [], {}, {"Status": "COMPLETED"}])
def test_a_restore_job_without_a_recovery_point_is_ignored(row: Any) -> None:
    assert parse_restore_tests([row]) == {}


def test_a_restore_without_validation_is_a_weaker_proof() -> None:
    vm = Workload(id="i-1", name="web-01", type="vm")
    weak, strong = (parse_restore_tests([each])[IMAGE].as_fields(vm) for each in (job(), job(**PASSED)))
    fields = {"restore_tested": True, "tested_at": 100 * SECOND}
    assert weak == {**fields, "tested_by": "restore", "inferred": ("restore_tested", "tested_at", "tested_by")}
    assert strong == {**fields, "tested_by": "boot"}


def test_a_failed_validation_has_a_time() -> None:
    """Without it, an older test that passed would be the newest one."""
    failed = parse_restore_tests([job(**FAILED)])[IMAGE].as_fields(Workload(id="i-1", name="web-01", type="vm"))
    assert failed == {"restore_tested": False, "tested_at": 100 * SECOND, "tested_by": "boot"}


def test_copy_jobs_link_two_recovery_points() -> None:
    row = {"SourceRecoveryPointArn": "a", "DestinationRecoveryPointArn": "b", "CreationDate": 100.0}
    assert parse_copy_jobs([row]) == [("a", "b", 100 * SECOND)]
    for member in ("SourceRecoveryPointArn", "DestinationRecoveryPointArn"):
        # A job that has not ended.
        assert parse_copy_jobs([{**row, member: None}]) == []
    assert parse_copy_jobs([{**row, "DestinationRecoveryPointArn": "a"}, None, []]) == []
