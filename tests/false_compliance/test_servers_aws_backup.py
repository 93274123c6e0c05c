# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Backup: copies that look like backups, locks that can be removed, and lists that are silently shorter."""

from __future__ import annotations

from tests.false_compliance.simulated_servers import one, with_and_without
from tests.false_compliance.situations import COUNT, REJECTED, Pair, situation
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read

AWS = "aws_backup"
SIXTY = {"recovery_points": {"min_count": 60}}
THIRTY = {"recovery_points": {"min_count": 30}}
IMMUTABLE = {"immutable": {"min_count": 1}}


@situation(
    "Each backup has a copy in another region, listed as a recovery point of its own",
    naive_check="60 recovery points are listed",
    control=COUNT,
    result="fail",
    message="30 recovery points, at least 60 required",
)
def test_copies_are_counted_as_backups(simulators: Simulators) -> Pair:
    return one(simulators, AWS, "web-01", SIXTY), one(simulators, AWS, "web-01", THIRTY)


@situation(
    "The copy jobs are no longer listed, so copies look like further backups",
    naive_check="60 recovery points are listed",
    control=COUNT,
    result="unknown",
    message="recovery points: 30 known, at least 60 required",
)
def test_copies_without_jobs(simulators: Simulators) -> Pair:
    straight = one(simulators, AWS, "web-01", THIRTY)
    simulators.ask(AWS, "__variant", {"job_days": 0})
    return one(simulators, AWS, "web-01", SIXTY), straight


@situation(
    "An old recovery point was copied today, and only the copy is left",
    naive_check="the newest recovery point was created last night",
    control=COUNT,
    result="unknown",
    message="recovery points: 0 known, at least 30 required",
)
def test_copies_with_the_time_of_the_copy(simulators: Simulators) -> Pair:
    return with_and_without(simulators, AWS, {"originals": "deleted", "copy_dates": "own"}, THIRTY)


@situation(
    "The vault is locked in governance mode",
    naive_check="the vault is locked",
    control="immutable.min_count",
    result="fail",
    message="0 immutable recovery points, at least 1 required",
)
def test_governance_mode(simulators: Simulators) -> Pair:
    return with_and_without(simulators, AWS, {"locks": "governance"}, IMMUTABLE, name="erp-prod")


@situation(
    "The compliance lock of the vault is in its grace time, and can still be removed",
    naive_check="the vault is locked in compliance mode",
    control="immutable.min_count",
    result="fail",
    message="0 immutable recovery points, at least 1 required",
)
def test_grace_time(simulators: Simulators) -> Pair:
    return with_and_without(simulators, AWS, {"locks": "grace"}, IMMUTABLE, name="erp-prod")


@situation(
    "A proxy returns its own page with status 200 for one vault",
    naive_check="the account has no recovery points in this vault",
    result=REJECTED,
    message="the response has no list 'RecoveryPoints'",
)
def test_empty_object_for_a_vault(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, AWS)
    rule = {"match": {"path": "/backup-vaults/frankfurt-disk-1/*"}, "fault": "status", "status": 200, "body": "{}"}
    simulators.ask(AWS, "__faults", [rule])
    return read(simulators.ready, AWS), straight


@situation(
    "The access policy of one vault denies its list",
    naive_check="all recovery points in the list are good",
    result=REJECTED,
    message="is not authorized to perform: backup:ListRecoveryPointsByBackupVault",
)
def test_denied_vault(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, AWS)
    simulators.ask(AWS, "__variant", {"denied": "ListRecoveryPointsByBackupVault/chicago-disk-1"})
    return read(simulators.ready, AWS), straight


@situation(
    "Somebody restored the recovery points, and the validation found that the data is wrong",
    naive_check="the last restore time is known",
    control="restore_tested.min_count",
    result="unknown",
    message="restore-tested recovery points: 0 known, at least 1 required",
)
def test_failed_validation(simulators: Simulators) -> Pair:
    policy = {"restore_tested": {"min_count": 1}}
    return with_and_without(simulators, AWS, {"validation": "FAILED"}, policy, name="erp-prod")


@situation(
    "The newest recovery point has expired, and may be deleted at any time",
    naive_check="the recovery point is listed",
    control=COUNT,
    result="unknown",
    message="recovery points: 29 known, at least 30 required",
)
def test_expired_recovery_point(simulators: Simulators) -> Pair:
    straight = one(simulators, AWS, "crm-old", THIRTY)
    simulators.ask(AWS, "__variant", {"newest_status": "EXPIRED"})
    return one(simulators, AWS, "crm-old", THIRTY), straight
