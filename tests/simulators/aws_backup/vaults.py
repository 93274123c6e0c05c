# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults, recovery points and jobs of the simulated AWS Backup, from the ground truth.

A site is a region, and a location is a vault in the region of its site. Immutable copies are in a separate vault
that is locked in compliance mode: its recovery points cannot be deleted until they expire. The first copy of a point is
the backup; copy jobs create the others, as separate recovery points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulators.aws_backup.accounts import COPY_ACCOUNT, MAIN_ACCOUNT
from tests.simulators.ground_truth import DAY, HOUR, MINUTE, Copy, Location, Point, Workload
from tests.simulators.product_api import ProductApi

Row = dict[str, object]

REGIONS = {"berlin": "eu-central-1", "chicago": "us-east-2", "frankfurt": "eu-west-1", "cloud": "eu-north-1"}
_SERVICE_KEY = "arn:aws:kms:{}:{}:key/0aa5a5d5-5a5a-4b5b-8c5c-0d5d5d5d5d5d"
# Vaults of the variant `locks`: type, whether locked, and days from now to the lock date.
_LOCKS: dict[str, tuple[str, bool, int | None]] = {
    "governance": ("BACKUP_VAULT", True, None),
    "grace": ("BACKUP_VAULT", True, 3),
    "compliance": ("BACKUP_VAULT", True, -300),
    "air_gapped": ("LOGICALLY_AIR_GAPPED_BACKUP_VAULT", True, None),
    "none": ("BACKUP_VAULT", False, None),
}


# Field of a response -> sort key of its records.
LISTED_BY = {
    "BackupVaultList": "BackupVaultName",
    "Results": "ResourceArn",
    "CopyJobs": "CopyJobId",
    "RestoreJobs": "RestoreJobId",
    "RecoveryPoints": "RecoveryPointArn",
}


def seconds(moment: int | None) -> float | None:
    """Return seconds since 1970 with milliseconds, as the API writes times."""
    return None if moment is None else moment // 1000 / 1000


@dataclass
class Vault:
    name: str
    account: str
    region: str
    row: Row
    points: list[Row] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"arn:aws:backup:{self.region}:{self.account}:backup-vault:{self.name}"


@dataclass
class Unit:
    """The vaults, points and jobs of one account in one region."""

    vaults: dict[str, Vault] = field(default_factory=dict)
    copy_jobs: list[Row] = field(default_factory=list)
    restore_jobs: list[Row] = field(default_factory=list)
    resources: list[Row] = field(default_factory=list)

    def listings(self) -> dict[str, list[Row]]:
        vaults = [vault.row for vault in self.vaults.values()]
        listed = {
            "BackupVaultList": vaults,
            "Results": self.resources,
            "CopyJobs": self.copy_jobs,
            "RestoreJobs": self.restore_jobs,
        }
        return {member: _sorted(rows, member) for member, rows in listed.items()}


class Vaults:
    """All accounts and regions; `prepare` builds them according to the variants."""

    def __init__(self, api: ProductApi) -> None:
        self.api = api
        self.units: dict[tuple[str, str], Unit] = {}

    def prepare(self) -> None:
        self.units = {}
        for work in self.api.workloads(*self.api.LISTS):
            for age, point in enumerate(self.api.listed_points(work)):
                self._add(work, point, age == 0)
        for unit in self.units.values():
            for vault in unit.vaults.values():
                vault.points = _sorted(vault.points, "RecoveryPoints")
        if name := self.api.text("emptied"):
            self._empty(name)
        for unit in self.units.values():
            for vault in unit.vaults.values():
                vault.row["NumberOfRecoveryPoints"] = len(vault.points) * self.api.number("stated_percent") // 100

    def unit(self, account: str, region: str) -> Unit:
        return self.units.setdefault((account, region), Unit())

    # Names

    def resource_type(self, work: Workload) -> str:
        if work.workload_type == "database":
            return "DocumentDB" if work.platform_hint == "mongo" else "RDS"
        return "EC2" if work.workload_type == "vm" else "EFS"

    def resource_arn(self, work: Workload) -> str:
        place = f"{REGIONS[work.site.key]}:{MAIN_ACCOUNT}"
        digits = self.api.digest(work.key)[:17]
        if work.workload_type == "database":
            kind = "cluster" if work.platform_hint == "mongo" else "db"
            return f"arn:aws:rds:{place}:{kind}:{work.name}"
        if work.workload_type == "vm":
            return f"arn:aws:ec2:{place}:instance/i-{digits}"
        return f"arn:aws:elasticfilesystem:{place}:file-system/fs-{digits}"

    def point_arn(self, work: Workload, point: Point, number: int = 0) -> str:
        """`number` is that of the copy; 0 is the backup itself."""
        vault = self._vault(work, point, number)
        key = point.key if number == 0 else f"{point.key} copy {number}"
        if work.workload_type == "database":
            kind = "cluster-snapshot" if work.platform_hint == "mongo" else "snapshot"
            job = "copyjob" if number else "job"
            return f"arn:aws:rds:{vault.region}:{vault.account}:{kind}:awsbackup:{job}-{self.api.uuid(key)}"
        if work.workload_type == "vm":
            return f"arn:aws:ec2:{vault.region}::image/ami-{self.api.digest(key)[:17]}"
        return f"arn:aws:backup:{vault.region}:{vault.account}:recovery-point:{self.api.uuid(key).upper()}"

    # Records

    def _vault(self, work: Workload, point: Point, number: int) -> Vault:
        assert work.policy is not None
        copy = point.copies[number] if point.copies else None
        location = work.policy.rules[0].location if copy is None else copy.location
        is_locked = copy is not None and copy.immutable_until is not None
        return self._vault_of(location, is_locked=is_locked)

    def _vault_of(self, location: Location, *, is_locked: bool) -> Vault:
        is_other = location.site.key == "frankfurt" and self.api.text("copy_account") == "other"
        account, region = COPY_ACCOUNT if is_other else MAIN_ACCOUNT, REGIONS[location.site.key]
        name = f"{location.name}-locked" if is_locked else location.name
        unit = self.unit(account, region)
        if name not in unit.vaults:
            vault = unit.vaults[name] = Vault(name, account, region, {})
            vault.row = self._vault_row(vault, self.api.text("locks") if is_locked else "none")
        return unit.vaults[name]

    def _vault_row(self, vault: Vault, lock: str) -> Row:
        vault_type, is_locked, lock_days = _LOCKS[lock]
        row: Row = {
            "BackupVaultName": vault.name,
            "BackupVaultArn": vault.arn,
            "VaultType": vault_type,
            "VaultState": "AVAILABLE",
            "CreationDate": seconds(self.api.estate.now - 400 * DAY),
            "EncryptionKeyArn": _SERVICE_KEY.format(vault.region, vault.account),
            "EncryptionKeyType": "CUSTOMER_MANAGED_KMS_KEY",
            "NumberOfRecoveryPoints": 0,
            "Locked": is_locked,
        }
        if is_locked:
            row["MinRetentionDays"] = 7
        if lock_days is not None:
            row["LockDate"] = seconds(self.api.estate.now + lock_days * DAY)
        return row

    def _add(self, work: Workload, point: Point, is_newest: bool) -> None:
        vault = self._vault(work, point, 0)
        if self.api.text("originals") == "listed" or len(point.copies) < 2:
            vault.points.append(self._row(work, point, vault, 0, is_newest))
        unit = self.unit(vault.account, vault.region)
        for number in range(1, len(point.copies)):
            target = self._vault(work, point, number)
            target.points.append(self._row(work, point, target, number, is_newest))
            if self.api.estate.now - point.created_at <= self.api.number("job_days") * DAY:
                unit.copy_jobs.append(self._copy_job(work, point, vault, number))
        if point.tested_at is not None:
            unit.restore_jobs += self._restore_jobs(work, point, vault, point.tested_at)
        if is_newest:
            unit.resources.append(
                {
                    "ResourceArn": self.resource_arn(work),
                    "ResourceType": self.resource_type(work),
                    "ResourceName": work.name,
                    "LastBackupTime": seconds(point.created_at),
                    "LastBackupVaultArn": vault.arn,
                    "LastRecoveryPointArn": self.point_arn(work, point),
                }
            )

    def _row(self, work: Workload, point: Point, vault: Vault, number: int, is_newest: bool) -> Row:
        copy = point.copies[number] if point.copies else None
        created = point.created_at
        if number and copy is not None and self.api.text("copy_dates") == "own":
            created = copy.copied_at
        expires = point.expires_at if copy is None or copy.immutable_until is None else copy.immutable_until
        row: Row = {
            "RecoveryPointArn": self.point_arn(work, point, number),
            "BackupVaultName": vault.name,
            "BackupVaultArn": vault.arn,
            "ResourceArn": self.resource_arn(work),
            "ResourceType": self.resource_type(work),
            "ResourceName": work.name,
            "CreatedBy": self._creator(point),
            "IamRoleArn": f"arn:aws:iam::{vault.account}:role/service-role/AWSBackupDefaultServiceRole",
            "Status": "CREATING" if point.status == "running" else "COMPLETED",
            "CreationDate": seconds(created),
            "InitiationDate": seconds(point.run.started),
            "IsParent": False,
            "VaultType": vault.row["VaultType"],
        }
        if point.completed_at is not None:
            row["CompletionDate"] = seconds(copy.copied_at if number and copy else point.completed_at)
        if copy is not None:
            row["BackupSizeInBytes"] = point.size_bytes
            row["IsEncrypted"] = copy.encrypted
            row["EncryptionKeyArn"] = vault.row["EncryptionKeyArn"]
            row["Lifecycle"] = {"DeleteAfterDays": 35}
            row["CalculatedLifecycle"] = {"DeleteAt": seconds(expires)}
        if point.status == "warning":
            row["StatusMessage"] = "Backup job completed with issues."
        if number and vault.account != MAIN_ACCOUNT:
            row["SourceBackupVaultArn"] = self._vault(work, point, 0).arn
        if point.malware is not None:
            findings = ["MALWARE"] if point.malware == "infected" else []
            row["AggregatedScanResult"] = {
                # There is no result between clean and infected.
                "FailedScan": point.malware == "suspicious",
                "Findings": findings,
                "LastComputed": seconds(point.created_at + HOUR),
            }
        if is_newest and self.api.text("newest_status"):
            row["Status"] = self.api.text("newest_status")
        return row

    def _creator(self, point: Point) -> Row:
        plan = self.api.uuid(point.run.policy.key)
        return {
            "BackupPlanId": plan,
            "BackupPlanArn": f"arn:aws:backup:{REGIONS['berlin']}:{MAIN_ACCOUNT}:backup-plan:{plan}",
            "BackupPlanName": point.run.policy.name,
            "BackupPlanVersion": "MTIz",
            "BackupRuleId": self.api.uuid(f"{point.run.policy.key} rule"),
        }

    def _copy_job(self, work: Workload, point: Point, source: Vault, number: int) -> Row:
        copy: Copy = point.copies[number]
        target = self._vault(work, point, number)
        return {
            "AccountId": source.account,
            "CopyJobId": self.api.uuid(f"{point.key} job {number}").upper(),
            "SourceBackupVaultArn": source.arn,
            "SourceRecoveryPointArn": self.point_arn(work, point),
            "DestinationBackupVaultArn": target.arn,
            "DestinationRecoveryPointArn": self.point_arn(work, point, number),
            "DestinationVaultType": target.row["VaultType"],
            "ResourceArn": self.resource_arn(work),
            "ResourceType": self.resource_type(work),
            "ResourceName": work.name,
            "CreationDate": seconds(copy.copied_at - MINUTE),
            "CompletionDate": seconds(copy.copied_at),
            "State": "COMPLETED",
            "BackupSizeInBytes": point.size_bytes,
            "CreatedBy": self._creator(point),
        }

    def _restore_jobs(self, work: Workload, point: Point, vault: Vault, tested: int) -> Iterator[Row]:
        validation = self.api.text("validation")
        row: Row = {
            "AccountId": vault.account,
            "RestoreJobId": self.api.uuid(f"{point.key} restore").upper(),
            "RecoveryPointArn": self.point_arn(work, point),
            "SourceResourceArn": self.resource_arn(work),
            "BackupVaultArn": vault.arn,
            "CreationDate": seconds(tested - 30 * MINUTE),
            "CompletionDate": seconds(tested),
            "Status": "COMPLETED",
            "PercentDone": "100.00%",
            "ResourceType": self.resource_type(work),
            "RecoveryPointCreationDate": seconds(point.created_at),
        }
        if validation:
            plan = f"arn:aws:backup:{vault.region}:{vault.account}:restore-testing-plan:weekly-{self.api.uuid('tests')}"
            row.update({"CreatedBy": {"RestoreTestingPlanArn": plan}, "ValidationStatus": validation})
        yield row
        # A later restore failed, which is not a test of the recovery point.
        yield {
            **row,
            "RestoreJobId": self.api.uuid(f"{point.key} aborted").upper(),
            "CreationDate": seconds(tested),
            "CompletionDate": seconds(tested + MINUTE),
            "Status": "ABORTED",
            "ValidationStatus": None,
            "CreatedBy": None,
        }

    def _empty(self, name: str) -> None:
        """Delete all recovery points of this workload, which remains in the list of protected resources."""
        for unit in self.units.values():
            for vault in unit.vaults.values():
                vault.points = [row for row in vault.points if row["ResourceName"] != name]


def _sorted(rows: list[Row], member: str) -> list[Row]:
    return sorted(rows, key=lambda row: str(row[LISTED_BY[member]]))
