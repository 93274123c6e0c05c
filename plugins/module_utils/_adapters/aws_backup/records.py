# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Backup: parse vaults, recovery points and jobs. Fields: the service model of version 2018-11-15."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_epoch_millis, parse_time
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import OTHER, parse_platform
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_object,
    as_text,
    remove_secrets,
)

TYPES = {
    "EC2": "vm",
    "VirtualMachine": "vm",
    "EBS": "storage",
    "S3": "storage",
    "Storage Gateway": "storage",
    "EFS": "file_share",
    "FSx": "file_share",
    "Aurora": "database",
    "DocumentDB": "database",
    "DynamoDB": "database",
    "Neptune": "database",
    "RDS": "database",
    "Redshift": "database",
    "Redshift Serverless": "database",
    "SAP HANA on Amazon EC2": "database",
    "Timestream": "database",
    "EKS": "container",
    "CloudFormation": "application",
}
# These resources are outside of AWS; their ARN has the region of the gateway.
_ON_PREMISES = ("VirtualMachine", "Storage Gateway")
# Status and whether the recovery point can be restored. A composite may lack members (PARTIAL), a continuous backup may
# have ended (STOPPED), and a recovery point that has expired may be deleted at any time.
_STATUSES: dict[str, tuple[str, bool | None]] = {
    "COMPLETED": ("success", True),
    "AVAILABLE": ("success", True),
    "PARTIAL": ("warning", None),
    "STOPPED": ("success", None),
    "EXPIRED": ("success", None),
    "CREATING": ("running", False),
    "DELETING": ("unknown", False),
}
_AIR_GAPPED = "LOGICALLY_AIR_GAPPED_BACKUP_VAULT"
_VAULT_TYPES = ("BACKUP_VAULT", _AIR_GAPPED)


# Seconds since 1970, later than the year 9999.
_LONGEST_TIME = 1e12


class Arn(t.NamedTuple):
    """The parts of an Amazon Resource Name; region and account are empty in the names of some resources."""

    region: str
    account: str
    resource: str

    @property
    def name(self) -> str:
        """The last part of the resource."""
        return self.resource.replace(":", "/").rpartition("/")[2]


def parse_arn(text: str) -> Arn:
    """Return the parts of an ARN. If the text is not an ARN, all parts are empty."""
    parts = text.split(":", 5)
    return Arn(*parts[3:6]) if len(parts) == 6 and parts[0] == "arn" else Arn("", "", "")


def parse_moment(value: t.Any) -> int:
    """Parse a time: seconds since 1970 with a fraction, also as text, or RFC 3339."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return parse_time(value)
    # The limit is checked first, because an extreme value would be infinite after the multiplication.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LONGEST_TIME:
        return parse_epoch_millis(round(value * 1000))
    raise DataError(f"{value!r} is not a valid time")


def parse_moment_or_none(value: t.Any) -> int | None:
    """Parse a time. Return None if it is missing or not valid."""
    try:
        return None if value is None else parse_moment(value)
    except DataError:
        return None


@dataclasses.dataclass(frozen=True)
class Vault:
    """A backup vault.

    ``is_locked``: whether nobody can delete its recovery points before they expire.
    ``point_count``: their number as the service states it, which may be an approximation.
    """

    arn: str
    name: str
    vault_type: str | None
    is_locked: bool | None
    point_count: int | None

    @property
    def account_region(self) -> Arn:
        """The account and the region of the vault."""
        return parse_arn(self.arn)

    @property
    def holds_data(self) -> bool:
        """Whether its recovery points are stored in it. A vault of another type is a view of a vault elsewhere."""
        return self.vault_type in _VAULT_TYPES

    @property
    def location(self) -> str:
        """The name of the location of its recovery points."""
        return f"{self.account_region.account}/{self.account_region.region}/{self.name}"


def parse_vault(row: t.Any, now: int) -> Vault:
    """Parse a vault; ``now`` is the time of the service."""
    name, arn = as_text(as_object(row).get("BackupVaultName")), as_text(as_object(row).get("BackupVaultArn"))
    if name is None or arn is None or not all(parse_arn(arn)):
        raise InvalidResponseError("a backup vault has no valid 'BackupVaultName' or 'BackupVaultArn'")
    vault_type = as_text(row.get("VaultType"))
    return Vault(arn, name, vault_type, _parse_lock(row, vault_type, now), as_int(row.get("NumberOfRecoveryPoints")))


def _parse_lock(row: Mapping[str, t.Any], vault_type: str | None, now: int) -> bool | None:
    """Return whether the vault is locked: only a lock in compliance mode counts, after its grace time.

    Accounts with permission can remove a lock in governance mode. Logically air-gapped vaults are always in compliance
    mode. A vault of any other type is a view of a vault elsewhere.
    """
    locked = as_bool(row.get("Locked"))
    if locked is not True or vault_type not in _VAULT_TYPES:
        return locked if vault_type in _VAULT_TYPES else None
    if vault_type == _AIR_GAPPED:
        return True
    if row.get("LockDate") is None:
        return False
    lock_date = parse_moment_or_none(row["LockDate"])
    return None if lock_date is None else lock_date <= now


@dataclasses.dataclass(frozen=True, eq=False)
class SharedAttributes:
    """Attributes that recovery points of a resource share in a vault. The workload of ``template`` is set later."""

    resource: str
    vault: Vault
    template: RecoveryPoint
    # Whether the record of the recovery point shows that a copy job created it.
    is_copy: bool
    # Whether the service reports that it never expires.
    never_expires: bool


class Entry(t.NamedTuple):
    """A recovery point as listed; times are microseconds. ``row`` is kept only if it is needed."""

    arn: str
    created: int
    size: int | None
    expires: int | None
    shared: SharedAttributes
    parent: str | None
    row: Mapping[str, t.Any] | None


# The fields that determine the shared attributes, except those that are objects.
_KEYS = ("ResourceArn", "ResourceType", "Status", "SourceBackupVaultArn")


class PointParser:
    """Parses the recovery points of one vault."""

    def __init__(self, vault: Vault, *, keep_rows: bool) -> None:
        # Resource -> time, name and type in its newest recovery point.
        self.resources: dict[str, tuple[int, str | None, str | None]] = {}
        self._vault = vault
        self._keep_rows = keep_rows
        self._shared: dict[t.Any, SharedAttributes] = {}

    def parse_all(self, rows: Iterable[t.Any]) -> list[Entry]:
        """Parse the records of one page."""
        return [self._parse(row) for row in rows]

    def _parse(self, row: t.Any) -> Entry:
        if not isinstance(row, dict):
            raise InvalidResponseError("a recovery point is not a record")
        get = row.get
        arn = as_text(get("RecoveryPointArn"))
        if arn is None:
            raise _missing_error("RecoveryPointArn")
        try:
            created = parse_moment(get("CreationDate"))
        except DataError as error:
            raise _missing_error("CreationDate") from error
        expires = parse_moment_or_none(as_object(get("CalculatedLifecycle")).get("DeleteAt"))
        never = expires is None and _never_expires(row)
        job, malware = as_object(get("CreatedBy")).get("BackupPlanName"), _parse_malware(row)
        is_continuous, is_copy = is_continuous_backup(arn), ":awsbackup:copyjob-" in arn
        key = (*map(get, _KEYS), as_bool(get("IsEncrypted")), job, malware, never, is_continuous, is_copy)
        try:
            shared = self._shared.get(key)
        except TypeError as error:
            raise InvalidResponseError("a recovery point has a list or an object where text is expected") from error
        if shared is None:
            shared = self._shared[key] = self._build_shared(row, is_continuous=is_continuous, is_copy=is_copy)
        if created > self.resources.get(shared.resource, (-1,))[0]:
            self.resources[shared.resource] = created, as_text(get("ResourceName")), as_text(get("ResourceType"))
        size, parent = as_int(get("BackupSizeInBytes")), as_text(get("ParentRecoveryPointArn"))
        return Entry(arn, created, size, expires, shared, parent, row if self._keep_rows else None)

    def _build_shared(self, row: Mapping[str, t.Any], *, is_continuous: bool, is_copy: bool) -> SharedAttributes:
        resource = as_text(row.get("ResourceArn"))
        if resource is None:
            raise _missing_error("ResourceArn")
        resource_type = as_text(row.get("ResourceType"))
        status, usable = _STATUSES.get(as_text(row.get("Status")) or "", ("unknown", None))
        offsite = is_offsite(resource, resource_type, self._vault.account_region) if self._vault.holds_data else None
        encrypted = as_bool(row.get("IsEncrypted"))
        copied = is_copy or offsite is True or row.get("SourceBackupVaultArn") is not None
        template = RecoveryPoint(
            id="",
            workload=Workload(id=resource),
            created=0,
            # Recovery points may be stored incrementally, but each can be restored on its own.
            kind="continuous" if is_continuous else "full",
            status=status,
            usable=usable,
            copies=[
                Copy(
                    location=self._vault.location,
                    location_type="cloud_vault",
                    vendor_location_type=self._vault.vault_type,
                    role="copy" if copied else "primary",
                    encrypted=encrypted,
                    offsite=offsite,
                )
            ],
            encrypted=encrypted,
            offsite=offsite,
            immutable=False if self._vault.is_locked is False else None,
            malware=_parse_malware(row),
            job=as_text(as_object(row.get("CreatedBy")).get("BackupPlanName")),
        )
        return SharedAttributes(resource, self._vault, template, copied, _never_expires(row))


def is_continuous_backup(arn: str) -> bool:
    """Return whether the recovery point of this ARN is a continuous backup."""
    return ":continuous:" in arn


def _never_expires(row: Mapping[str, t.Any]) -> bool:
    """Return whether the service reports that there is no expiry: both objects exist, without a date or a rule."""
    dates, rule = row.get("CalculatedLifecycle"), row.get("Lifecycle")
    if not isinstance(dates, dict) or not isinstance(rule, dict):
        return False
    return all(
        one is None for one in (rule.get("DeleteAfterDays"), rule.get("DeleteAfterEvent"), dates.get("DeleteAt"))
    )


def _parse_malware(row: Mapping[str, t.Any]) -> str | None:
    """Return "clean" only if all scans completed without findings. Unknown kinds of findings are not interpreted."""
    result = row.get("AggregatedScanResult")
    findings = as_object(result).get("Findings")
    if not isinstance(result, dict) or not isinstance(findings, list):
        return None
    if "MALWARE" in findings:
        return "infected"
    is_complete = result.get("FailedScan") is False and result.get("LastComputed") is not None
    return "clean" if is_complete and not findings else None


def is_offsite(resource: str, resource_type: str | None, account_region: Arn) -> bool | None:
    """Return whether a vault is in another region or account than the resource; None if the ARN lacks one of them."""
    resource_arn = parse_arn(resource)
    if resource_type in _ON_PREMISES or not resource_arn.resource:
        return None
    pairs = ((resource_arn.region, account_region.region), (resource_arn.account, account_region.account))
    if any(one and one != other for one, other in pairs):
        return True
    return False if all(one for one, _other in pairs) else None


def build_workload(resource: str, name: str | None, resource_type: str | None) -> Workload:
    """Build the workload of a resource. Its name is a tag, which may be missing."""
    return Workload(
        id=resource,
        name=name or parse_arn(resource).name or resource,
        type=TYPES.get(resource_type or "", OTHER),
        platform=parse_platform(resource_type),
        vendor_platform=resource_type,
    )


def build_point(entry: Entry, *, include_raw: bool) -> RecoveryPoint:
    """Build the recovery point of one entry, without its restore test."""
    shared = entry.shared
    changes: dict[str, t.Any] = {"id": entry.arn, "created": entry.created, "expires_at": entry.expires}
    # The range of a continuous backup is not listed. It has at most the last 35 days, so its beginning moves, while the
    # creation date stays that of the first backup. Its size is not reported.
    if shared.template.kind != "continuous":
        changes["size_bytes"] = entry.size
    if shared.vault.is_locked:
        changes["immutable_until"] = entry.expires
        changes["immutable"] = True if shared.never_expires else None
    if entry.row is not None:
        changes["completed"] = parse_moment_or_none(entry.row.get("CompletionDate"))
        changes["raw"] = {"records": [remove_secrets(entry.row)]} if include_raw else None
    # Merging adds copies to the list, so each point needs its own list.
    return dataclasses.replace(shared.template, copies=list(shared.template.copies or ()), **changes)


def _missing_error(member: str) -> InvalidResponseError:
    return InvalidResponseError(
        f"a recovery point has no valid {member!r}", hint='Check that "endpoint_url" is the URL of the service'
    )
