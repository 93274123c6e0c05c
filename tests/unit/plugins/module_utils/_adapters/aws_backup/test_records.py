# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing of records of AWS Backup: times, locks, states, expiry, malware, restore jobs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.records import (
    Arn,
    Entry,
    PointParser,
    Vault,
    build_point,
    build_workload,
    is_offsite,
    parse_arn,
    parse_moment,
    parse_vault,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_time

NOW = parse_time("2026-11-01T12:00:00Z")
DAY = 24 * 3600
VAULT_ARN = "arn:aws:backup:eu-west-1:123456789012:backup-vault:main"
INSTANCE = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a1b2c3d4e5f60718"
IMAGE = "arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0"
CREATED = NOW // SECOND - DAY
ABSENT = object()


def vault_row(**more: Any) -> dict[str, Any]:
    row = {
        "BackupVaultName": "main",
        "BackupVaultArn": VAULT_ARN,
        "VaultType": "BACKUP_VAULT",
        "Locked": True,
        "LockDate": NOW // SECOND - DAY,
        **more,
    }
    return {name: value for name, value in row.items() if value is not ABSENT}


def point_row(**more: Any) -> dict[str, Any]:
    row = {
        "RecoveryPointArn": IMAGE,
        "ResourceArn": INSTANCE,
        "ResourceType": "EC2",
        "ResourceName": "web-01",
        "Status": "COMPLETED",
        "CreationDate": float(CREATED),
        "BackupSizeInBytes": 1000,
        "IsEncrypted": True,
        "CalculatedLifecycle": {"DeleteAt": CREATED + 35 * DAY},
        "Lifecycle": {"DeleteAfterDays": 35},
        **more,
    }
    return {name: value for name, value in row.items() if value is not ABSENT}


def parse(row: Any, vault: Vault | None = None, *, keep_rows: bool = False) -> Entry:
    return PointParser(vault or parse_vault(vault_row(), NOW), keep_rows=keep_rows).parse_all([row])[0]


def build(row: Any, vault: Vault | None = None, **more: Any) -> RecoveryPoint:
    entry = parse(row, vault, keep_rows=True)
    entry.shared.template.workload = build_workload(entry.shared.resource, "web-01", "EC2")
    return build_point(entry, **{"include_raw": False, **more})


# Times and names


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1516925490.087, "2018-01-26T00:11:30.087Z"),
        (1516925490, "2018-01-26T00:11:30Z"),
        ("1516925490.087", "2018-01-26T00:11:30.087Z"),
        ("2018-01-26T00:11:30.087Z", "2018-01-26T00:11:30.087Z"),
        ("2018-01-26T02:11:30.087+02:00", "2018-01-26T00:11:30.087Z"),
    ],
)
def test_times_are_numbers_or_text(value: Any, expected: str) -> None:
    assert parse_moment(value) == parse_time(expected)


@pytest.mark.parametrize(
    "value", [None, True, "", "yesterday", float("nan"), float("inf"), float("-inf"), 1.7e308, 10**400, 1e30, [], {}]
)
def test_invalid_times(value: Any) -> None:
    with pytest.raises(DataError):
        parse_moment(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (INSTANCE, Arn("eu-west-1", "123456789012", "instance/i-0a1b2c3d4e5f60718")),
        (IMAGE, Arn("eu-west-1", "", "image/ami-0123456789abcdef0")),
        ("arn:aws:s3:::documents", Arn("", "", "documents")),
        ("arn:aws:rds:eu-west-1:1:cluster:a:b", Arn("eu-west-1", "1", "cluster:a:b")),
        ("i-0a1b2c3d4e5f60718", Arn("", "", "")),
        ("xarn:aws:s3:::documents", Arn("", "", "")),
    ],
)
def test_parts_of_an_arn(text: str, expected: Arn) -> None:
    assert parse_arn(text) == expected


@pytest.mark.parametrize(
    ("resource", "name", "expected"),
    [
        (INSTANCE, "web-01", "web-01"),
        (INSTANCE, None, "i-0a1b2c3d4e5f60718"),
        ("arn:aws:rds:eu-west-1:1:db:orders", None, "orders"),
        ("arn:aws:s3:::documents", None, "documents"),
        ("something", None, "something"),
    ],
)
def test_a_resource_without_a_name_is_named_by_its_arn(resource: str, name: str | None, expected: str) -> None:
    assert build_workload(resource, name, "EC2").name == expected


# Vaults


@pytest.mark.parametrize(
    ("more", "is_locked"),
    [
        # Compliance mode, after its grace time.
        ({}, True),
        ({"LockDate": NOW // SECOND}, True),
        # Grace time.
        ({"LockDate": NOW // SECOND + 1}, False),
        # Governance mode.
        ({"LockDate": ABSENT}, False),
        ({"LockDate": None}, False),
        ({"Locked": False}, False),
        ({"Locked": ABSENT}, None),
        ({"Locked": "perhaps"}, None),
        ({"LockDate": "soon"}, None),
        ({"VaultType": "LOGICALLY_AIR_GAPPED_BACKUP_VAULT", "LockDate": ABSENT}, True),
        ({"VaultType": "LOGICALLY_AIR_GAPPED_BACKUP_VAULT", "Locked": ABSENT, "LockDate": ABSENT}, None),
        # A view of a vault in another account.
        ({"VaultType": "RESTORE_ACCESS_BACKUP_VAULT"}, None),
        ({"VaultType": "SOMETHING_NEW", "Locked": False}, None),
        ({"VaultType": ABSENT}, None),
    ],
)
def test_only_compliance_mode_after_its_grace_time_is_a_lock(more: dict[str, Any], is_locked: bool | None) -> None:
    assert parse_vault(vault_row(**more), NOW).is_locked is is_locked


@pytest.mark.parametrize(
    "row", [None, [], {}, vault_row(BackupVaultName=ABSENT), vault_row(BackupVaultArn="arn:aws:backup:eu-west-1::x")]
)
def test_a_vault_without_name_account_or_region_is_an_error(row: Any) -> None:
    with pytest.raises(InvalidResponseError, match="a backup vault has no valid"):
        parse_vault(row, NOW)


# Recovery points


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("COMPLETED", ("success", True)),
        ("AVAILABLE", ("success", True)),
        ("PARTIAL", ("warning", None)),
        ("STOPPED", ("success", None)),
        ("EXPIRED", ("success", None)),
        ("CREATING", ("running", False)),
        ("DELETING", ("unknown", False)),
        ("completed", ("unknown", None)),
        ("NEW", ("unknown", None)),
        (ABSENT, ("unknown", None)),
    ],
)
def test_states(status: Any, expected: tuple[str, bool | None]) -> None:
    point = build(point_row(Status=status))
    assert (point.status, point.usable) == expected


@pytest.mark.parametrize("member", ["RecoveryPointArn", "ResourceArn", "CreationDate"])
@pytest.mark.parametrize("value", [ABSENT, None, "", []])
def test_a_recovery_point_without_id_resource_or_time_is_an_error(member: str, value: Any) -> None:
    with pytest.raises(InvalidResponseError, match=f"a recovery point has (no valid '{member}'|a list or an object)"):
        parse(point_row(**{member: value}))


@pytest.mark.parametrize("member", ["ResourceArn", "ResourceType", "Status", "SourceBackupVaultArn"])
def test_an_object_instead_of_text_is_an_error(member: str) -> None:
    with pytest.raises(InvalidResponseError):
        parse(point_row(**{member: {"a": 1}}))


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (False, False), (ABSENT, None), (1, None), (0, None), ("true", True)]
)
def test_encryption_is_reported(value: Any, expected: bool | None) -> None:
    # Values of equal records (1 and True) must not be reused.
    rows = [point_row(IsEncrypted=True), point_row(IsEncrypted=value), point_row(IsEncrypted=False)]
    entries = PointParser(parse_vault(vault_row(), NOW), keep_rows=False).parse_all(rows)
    assert [entry.shared.template.encrypted for entry in entries] == [True, expected, False]


EXPIRES = (CREATED + 35 * DAY) * SECOND


@pytest.mark.parametrize(
    ("lifecycle", "expected"),
    [
        ({}, (None, EXPIRES)),
        # The service reports that there is no end.
        ({"CalculatedLifecycle": {}, "Lifecycle": {"OptInToArchiveForSupportedResources": False}}, (True, None)),
        # It does not report whether there is one.
        ({"CalculatedLifecycle": ABSENT, "Lifecycle": ABSENT}, (None, None)),
        ({"CalculatedLifecycle": None, "Lifecycle": None}, (None, None)),
        ({"CalculatedLifecycle": {}, "Lifecycle": None}, (None, None)),
        ({"CalculatedLifecycle": {}}, (None, None)),
        ({"CalculatedLifecycle": {}, "Lifecycle": {"DeleteAfterEvent": "DELETE_AFTER_COPY"}}, (None, None)),
        ({"CalculatedLifecycle": {"DeleteAt": "later"}}, (None, None)),
    ],
)
def test_a_lock_holds_until_the_recovery_point_expires(
    lifecycle: dict[str, Any], expected: tuple[bool | None, int | None]
) -> None:
    point = build(point_row(**lifecycle))
    assert (point.immutable, point.immutable_until) == expected
    unlocked = build(point_row(**lifecycle), parse_vault(vault_row(Locked=False), NOW))
    assert (unlocked.immutable, unlocked.immutable_until) == (False, None)
    unknown = build(point_row(**lifecycle), parse_vault(vault_row(Locked=ABSENT), NOW))
    assert (unknown.immutable, unknown.immutable_until) == (None, None)


def test_the_range_and_the_size_of_a_continuous_backup_are_unknown() -> None:
    """It can restore at most the last 35 days, regardless of its creation date."""
    arn = "arn:aws:backup:eu-west-1:123456789012:recovery-point:continuous:documents-1234"
    point = build(point_row(RecoveryPointArn=arn, CreationDate=CREATED - 400 * DAY))
    assert (point.kind, point.restorable_from, point.restorable_until) == ("continuous", None, None)
    assert point.size_bytes is None
    assert (build(point_row()).kind, build(point_row()).size_bytes) == ("full", 1000)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (ABSENT, None),
        (None, None),
        ({"FailedScan": False, "Findings": [], "LastComputed": 1.0}, "clean"),
        ({"FailedScan": False, "Findings": ["MALWARE"], "LastComputed": 1.0}, "infected"),
        # One scan found malware; the failure of another scan does not matter.
        ({"FailedScan": True, "Findings": ["MALWARE"]}, "infected"),
        ({"FailedScan": True, "Findings": [], "LastComputed": 1.0}, None),
        ({"FailedScan": False, "LastComputed": 1.0}, None),
        ({"FailedScan": False, "Findings": []}, None),
        ({"Findings": [], "LastComputed": 1.0}, None),
        ({"FailedScan": False, "Findings": ["RANSOM_NOTE"], "LastComputed": 1.0}, None),
        ("clean", None),
    ],
)
def test_only_complete_scans_without_findings_are_clean(result: Any, expected: str | None) -> None:
    assert build(point_row(AggregatedScanResult=result)).malware == expected


PLACE = Arn("eu-west-1", "123456789012", "")


@pytest.mark.parametrize(
    ("resource", "resource_type", "expected"),
    [
        (INSTANCE, "EC2", False),
        (INSTANCE.replace("eu-west-1", "eu-central-1"), "EC2", True),
        (INSTANCE.replace("123456789012", "999988887777"), "EC2", True),
        ("arn:aws:s3:::documents", "S3", None),
        ("arn:aws:x:eu-west-1::thing", "X", None),
        ("arn:aws:x:eu-central-1::thing", "X", True),
        # Outside of AWS: the region is that of the gateway.
        ("arn:aws:backup-gateway:eu-west-1:123456789012:vm/vm-1", "VirtualMachine", None),
        ("arn:aws:storagegateway:eu-central-1:123456789012:gateway/g/volume/v", "Storage Gateway", None),
        ("i-0a1b2c3d4e5f60718", "EC2", None),
    ],
)
def test_offsite_is_another_region_or_account(resource: str, resource_type: str, expected: bool | None) -> None:
    assert is_offsite(resource, resource_type, PLACE) is expected


def test_a_vault_that_shows_another_one_does_not_prove_a_location() -> None:
    """The data is in the other vault, which may be in the region of the resource."""
    view = parse_vault(vault_row(VaultType="RESTORE_ACCESS_BACKUP_VAULT"), NOW)
    row = point_row(ResourceArn=INSTANCE.replace("123456789012", "999988887777"))
    assert (build(row).offsite, build(row, view).offsite) == (True, None)


@pytest.mark.parametrize(
    ("more", "is_copy"),
    [
        ({}, False),
        ({"SourceBackupVaultArn": None}, False),
        ({"SourceBackupVaultArn": VAULT_ARN}, True),
        ({"ResourceArn": INSTANCE.replace("eu-west-1", "eu-central-1")}, True),
        ({"RecoveryPointArn": "arn:aws:rds:eu-west-1:123456789012:snapshot:awsbackup:copyjob-1"}, True),
        ({"RecoveryPointArn": "arn:aws:rds:eu-west-1:123456789012:snapshot:awsbackup:job-1"}, False),
    ],
)
def test_copies_are_recognized(more: dict[str, Any], is_copy: bool) -> None:
    entry = parse(point_row(**more))
    assert entry.shared.is_copy is is_copy
    (copy,) = list(entry.shared.template.copies or [])
    assert copy.role == ("copy" if is_copy else "primary")
    assert copy.location == "123456789012/eu-west-1/main"


def test_raw_records_have_no_secrets() -> None:
    point = build(point_row(SessionToken="s3cret", CompletionDate=CREATED + 60.5), include_raw=True)
    assert point.completed == CREATED * SECOND + 60_500_000
    (record,) = (point.raw or {})["records"]
    assert record["Status"] == "COMPLETED"
    assert "SessionToken" not in record


def test_the_newest_recovery_point_determines_the_name() -> None:
    parser = PointParser(parse_vault(vault_row(), NOW), keep_rows=False)
    parser.parse_all(
        [
            point_row(CreationDate=CREATED, ResourceName="new"),
            point_row(CreationDate=CREATED - 5, ResourceName="old"),
        ]
    )
    assert parser.resources == {INSTANCE: (CREATED * SECOND, "new", "EC2")}
