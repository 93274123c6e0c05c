# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of Backup & Replication with encryption and retention settings, only for virtual machines."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.backups import Backups, job_type
from tests.simulators.veeam_backup_replication.layout import Backup, Layout
from tests.simulators.veeam_backup_replication.versions import Row, Shape, old_encryption

_SUPPORTED_TYPES = ("VSphereBackup", "HyperVBackup", "CloudDirectorBackup")


def _old_type(row: Row) -> None:
    row["type"] = "Backup"


def _old_encryption(row: Row) -> None:
    settings = row["storage"]["advancedSettings"]
    encryption = old_encryption(settings["storageData"]["encryption"])
    changed = {**settings, "storageData": {**settings["storageData"], "encryption": encryption}}
    row["storage"] = {**row["storage"], "advancedSettings": changed}


JOB_SHAPE = Shape(since={"isHighPriority": "1.2-rev0"}, before=(("1.3-rev0", _old_type), ("1.2-rev0", _old_encryption)))


class Jobs:
    def __init__(self, api: ProductApi, backups: Backups, layout: Layout) -> None:
        self.api = api
        self.backups = backups
        self.layout = layout

    def list_supported(self) -> Iterator[Row]:
        for backup in self.layout.backups.values():
            if backup.role == "primary" and job_type(backup) in _SUPPORTED_TYPES:
                yield self._job(backup)

    def list_unsupported_ids(self) -> set[str]:
        """Return ids of existing jobs whose platform this part of the API does not support."""
        every = {self.backups.job_id(backup) for backup in self.layout.backups.values()}
        return every - {row["id"] for row in self.list_supported()}

    def _job(self, backup: Backup) -> Row:
        policy = backup.policy
        most = max(sum(stored.work is work for stored in backup.points) for work in backup.members)
        encryption: Row = {"isEnabled": policy.encrypted}
        if policy.encrypted:
            encryption |= {"encryptionType": "ByUserPassword", "encryptionPasswordId": self.api.uuid("password")}
        storage: Row = {
            "backupRepositoryId": self.backups.repository_id(backup),
            "backupProxies": {"autoSelectEnabled": True, "proxyIds": []},
            "retentionPolicy": {"type": "RestorePoints", "quantity": most},
            "gfsPolicy": {"isEnabled": policy.archive is not None},
            "advancedSettings": {"backupModeType": "Incremental", "storageData": {"encryption": encryption}},
        }
        includes = [{"inventoryObject": {"name": work.name, "type": "VirtualMachine"}} for work in backup.members]
        return {
            "_moment": backup.created_at,
            "id": self.backups.job_id(backup),
            "name": policy.name,
            "type": job_type(backup),
            "description": policy.schedule,
            "isDisabled": False,
            "isHighPriority": False,
            "virtualMachines": {"includes": includes},
            "storage": storage,
            "schedule": {"runAutomatically": True},
        }
