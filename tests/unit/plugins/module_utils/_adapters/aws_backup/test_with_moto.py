# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults and their locks as listed by moto, an independent mock of the service."""

from __future__ import annotations

import contextlib
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.records import parse_vault
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.region import LISTINGS, Region
from ansible_collections.backup.audit.plugins.module_utils._core.errors import NotFoundError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._transport.aws_auth import Clock, Keys, sign_requests
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, Endpoint

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = 1_790_000_000 * SECOND


@mock_aws
def test_locks_of_vaults() -> None:
    backup = boto3.client(
        "backup",
        region_name="eu-west-1",
        aws_access_key_id=KEYS.access_key,
        aws_secret_access_key=KEYS.secret_key,
    )
    for name in ("none", "governance", "grace"):
        backup.create_backup_vault(BackupVaultName=name)
    backup.put_backup_vault_lock_configuration(BackupVaultName="governance", MinRetentionDays=7)
    backup.put_backup_vault_lock_configuration(BackupVaultName="grace", MinRetentionDays=7, ChangeableForDays=3)
    with contextlib.closing(Client(Endpoint(url="https://backup.eu-west-1.amazonaws.com"), LISTINGS)) as client:
        sign_requests(client, lambda: KEYS, "backup", "eu-west-1", Clock())
        region = Region(client, "eu-west-1", None, 1000)
        rows = region.list_vaults()
        now = int(next(row["CreationDate"] for row in rows)) * SECOND
        assert _locks(rows, now) == {"governance": False, "grace": False, "none": False}
        assert _locks(rows, now + 4 * DAY * SECOND) == {"governance": False, "grace": True, "none": False}
        (vault,) = [parse_vault(row, now) for row in rows if row["BackupVaultName"] == "none"]
        assert (vault.account_region.region, vault.account_region.account) == ("eu-west-1", "123456789012")
        # moto does not implement these lists: an error is not an empty list.
        with pytest.raises(NotFoundError):
            region.list_points(vault, keep_rows=False)


def _locks(rows: list[dict[str, Any]], now: int) -> dict[str, bool | None]:
    # moto omits the type of vaults, which the service lists.
    vaults = [parse_vault({"VaultType": "BACKUP_VAULT", **row}, now) for row in rows]
    return {vault.name: vault.is_locked for vault in vaults}
