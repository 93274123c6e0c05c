# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Backup: parse restore jobs, which are restore tests, and copy jobs. Fields: the service model of 2018-11-15."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.records import parse_moment_or_none
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text

_VALIDATIONS = {"SUCCESSFUL": True, "FAILED": False, "TIMED_OUT": False}


class RestoreTest(t.NamedTuple):
    """The result of the restores of one recovery point. ``is_validated``: the restored resource was validated."""

    passed: bool
    is_validated: bool
    ended: int | None

    def as_fields(self, workload: Workload) -> dict[str, t.Any]:
        """Return the fields of the recovery point."""
        # Restoring an instance starts it.
        method = "boot" if self.is_validated and workload.type == "vm" else "restore"
        fields = {"restore_tested": self.passed, "tested_at": self.ended, "tested_by": method}
        return fields if self.is_validated else {**fields, "inferred": tuple(fields)}


def parse_restore_tests(rows: Iterable[t.Any]) -> dict[str, RestoreTest]:
    """Return the test of each recovery point: the newest validated restore, or else the newest completed restore.

    A failed or aborted restore proves nothing about the recovery point: the target may lack capacity.
    """
    found: dict[str, RestoreTest] = {}
    for row in rows:
        arn, validation = as_text(as_object(row).get("RecoveryPointArn")), as_object(row).get("ValidationStatus")
        passed = True if validation is None else _VALIDATIONS.get(as_text(validation) or "")
        if arn is None or row.get("Status") != "COMPLETED" or passed is None:
            continue
        test = RestoreTest(passed, validation is not None, parse_moment_or_none(row.get("CompletionDate")))
        if arn not in found or _rank(test) > _rank(found[arn]):
            found[arn] = test
    return found


def _rank(test: RestoreTest) -> tuple[bool, bool, int, bool]:
    # If two restores ended at the same time, or the end of a failed one is unknown, the failed one counts.
    return (test.is_validated, not test.passed and test.ended is None, test.ended or 0, not test.passed)


class CopyJob(t.NamedTuple):
    """A copy job: from one recovery point to another."""

    source: str
    target: str
    started: int | None


def parse_copy_jobs(rows: Iterable[t.Any]) -> list[CopyJob]:
    """Return the copy jobs that name both recovery points. A running or failed job may not name them."""
    jobs = []
    for row in rows:
        source = as_text(as_object(row).get("SourceRecoveryPointArn"))
        target = as_text(as_object(row).get("DestinationRecoveryPointArn"))
        if source is not None and target is not None and source != target:
            jobs.append(CopyJob(source, target, parse_moment_or_none(row.get("CreationDate"))))
    return jobs
