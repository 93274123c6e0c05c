# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories of Backup & Replication, plain and scale-out, with their settings on immutability."""

from __future__ import annotations

from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_backup_replication.layout import Layout, Repository
from tests.simulators.veeam_backup_replication.versions import Row, Shape, old_encryption

_GIB = 2**30
_OLD_TYPES = {"DellDataDomain": "DDBoost"}


def _old_type(row: Row) -> None:
    row["type"] = _OLD_TYPES.get(row["type"], row["type"])
    row.pop("uniqueId", None)


def _no_mode(row: Row) -> None:
    """Remove the mode of the immutability period, which was added in 1.3."""
    if "immutability" in row.get("bucket", {}):
        kept = {name: value for name, value in row["bucket"]["immutability"].items() if name != "immutabilityMode"}
        row["bucket"] = {**row["bucket"], "immutability": kept}


def _no_dedup_immutability(row: Row) -> None:
    if row["type"] in ("DellDataDomain", "DDBoost"):
        row["repository"] = {name: value for name, value in row["repository"].items() if name != "immutability"}


def _rename_limits(settings: Row) -> Row:
    """Rename the limits as in revision 1.1, and in all revisions for Data Domain."""
    names = {"taskLimitEnabled": "enableTaskLimit", "readWriteLimitEnabled": "enableReadWriteLimit"}
    return {names.get(name, name): value for name, value in settings.items()}


def _old_limits(row: Row) -> None:
    """Rename the limits and the switches of the gateway server as in 1.1."""
    if "repository" in row:
        row["repository"] = _rename_limits(row["repository"])
    if "share" in row:
        gateway = {name.removesuffix("Enabled"): value for name, value in row["share"]["gatewayServer"].items()}
        row["share"] = {**row["share"], "gatewayServer": gateway}


def _old_tiers(row: Row) -> None:
    tier = {"enabled" if name == "isEnabled" else name: value for name, value in row["capacityTier"].items()}
    if "encryption" in tier:
        tier["encryption"] = old_encryption(tier["encryption"])
    row["capacityTier"] = tier


def _one_status(row: Row) -> None:
    extents = [{**extent, "status": "Normal"} for extent in row["performanceTier"]["performanceExtents"]]
    row["performanceTier"] = {**row["performanceTier"], "performanceExtents": extents}


def _mounted(row: Row) -> None:
    """Add the mount server, which was a field of nearly all repositories before 1.3."""
    if row["type"] != "AmazonS3Glacier":
        row["mountServer"] = {"mountServerId": row["id"], "writeCacheFolder": "C:\\Cache", "vPowerNFSEnabled": True}


REPOSITORY_SHAPE = Shape(
    before=(
        ("1.3-rev2", _old_type),
        ("1.3-rev2", _no_dedup_immutability),
        ("1.3-rev0", _no_mode),
        ("1.3-rev0", _mounted),
        ("1.2-rev0", _old_limits),
    )
)
STATE_SHAPE = Shape(
    since={"isOnline": "1.2-rev0", "isOutOfDate": "1.3-rev2", "scaleOutRepositoryDetails": "1.3-rev0"},
    before=(("1.3-rev2", _old_type),),
)
SCALE_OUT_SHAPE = Shape(before=(("1.3-rev0", _one_status), ("1.2-rev0", _old_tiers)))


class Repositories:
    def __init__(self, api: ProductApi, layout: Layout) -> None:
        self.api = api
        self.layout = layout
        self.id = api.uuid

    def ident(self, repository: Repository) -> str:
        return self.id(f"repository:{repository.key}")

    def repository(self, repository: Repository) -> Row:
        row: Row = {
            "id": self.ident(repository),
            "name": repository.name,
            "description": f"At {repository.location.site.name}.",
            "uniqueId": self.ident(repository).replace("-", "").upper(),
            "type": repository.sort,
        }
        if repository.sort in ("AmazonS3", "AmazonS3Glacier"):
            return {**row, **self._bucket(repository)}
        settings: Row = {
            "taskLimitEnabled": True,
            "maxTaskCount": 4,
            "readWriteLimitEnabled": False,
            "readWriteRate": 0,
            "advancedSettings": {"alignDataBlocks": True, "decompressBeforeStoring": False, "perVmBackup": True},
        }
        return {**row, **self._disk(repository, settings)}

    def _disk(self, repository: Repository, settings: Row) -> Row:
        host, credentials = self.id(f"host:{repository.location.site.key}"), self.id("credentials")
        if repository.sort == "Smb":
            gateway = {"autoSelectEnabled": True, "gatewayServerIds": []}
            share = {"sharePath": self._path(repository), "credentialsId": credentials, "gatewayServer": gateway}
            return {"share": share, "repository": settings}
        settings["path"] = self._path(repository)
        if repository.sort == "DellDataDomain":
            boost = {"ddServerName": repository.name, "ddServername": repository.name, "credentialsId": credentials}
            immutability = {"isEnabled": repository.immutable_days > 0, "daysCount": repository.immutable_days or 14}
            return {"dellDataDomain": boost, "repository": {**_rename_limits(settings), "immutability": immutability}}
        if repository.sort == "LinuxHardened":
            settings["makeRecentBackupsImmutableDays"] = repository.immutable_days
        return {"hostId": host, "repository": settings}

    def _bucket(self, repository: Repository) -> Row:
        account = {
            "credentialsId": self.id("credentials"),
            "regionType": "Global",
            "connectionSettings": {"connectionType": "Direct", "gatewayServerIds": []},
        }
        bucket: Row = {"regionId": "eu-central-1", "bucketName": repository.name, "folderName": "veeam"}
        if repository.sort == "AmazonS3Glacier":
            bucket |= {"immutabilityEnabled": repository.immutable_days > 0, "useDeepArchive": False}
        else:
            bucket["immutability"] = {
                "isEnabled": repository.immutable_days > 0,
                "daysCount": repository.immutable_days or 30,
                "immutabilityMode": "RepositorySettings",
            }
        return {"account": account, "bucket": bucket}

    def _path(self, repository: Repository) -> str:
        if repository.sort == "Smb":
            return f"\\\\{repository.location.site.key}-files\\{repository.key}"
        if repository.sort in ("AmazonS3", "AmazonS3Glacier"):
            return f"amazonS3://{repository.name}/veeam"
        return f"/backup/{repository.key}" if repository.sort == "LinuxHardened" else f"D:\\Backup\\{repository.key}"

    def state(self, repository: Repository) -> Row:
        used = self._used(repository) / _GIB
        row: Row = {
            "id": self.ident(repository),
            "name": repository.name,
            "type": repository.sort,
            "description": f"At {repository.location.site.name}.",
            "hostId": self.id(f"host:{repository.location.site.key}"),
            "hostName": repository.location.site.origin,
            "path": self._path(repository),
            "capacityGB": 16384.0,
            "freeGB": max(round(16384.0 - used, 1), 0.0),
            "usedSpaceGB": round(used, 1),
            "isOnline": True,
            "isOutOfDate": False,
        }
        for scale_out in self.layout.scale_outs():
            for kind, tier in (("Capacity", scale_out.capacity), ("Archive", scale_out.archive)):
                if tier is not None and tier.key == repository.key:
                    details = {"membership": scale_out.name, "scaleOutRepositoryId": self.ident(scale_out)}
                    row["scaleOutRepositoryDetails"] = {**details, "extentType": kind}
        return row

    def _used(self, repository: Repository) -> int:
        mine = [backup for backup in self.layout.backups.values() if backup.repository == repository]
        return sum(stored.point.size_bytes or 0 for backup in mine for stored in backup.points)

    def scale_out(self, repository: Repository) -> Row:
        """Build a scale-out repository with the settings of its tiers, but without locations of points."""
        near = next(found for found in self.layout.repositories() if found.location == repository.location)
        extent = {"id": self.ident(near), "name": near.name, "status": ["Normal"]}
        capacity, archive = repository.capacity, repository.archive
        capacity_tier: Row = {"isEnabled": capacity is not None}
        if capacity is not None:
            capacity_tier |= {
                "extents": [{"id": self.ident(capacity)}],
                "copyPolicyEnabled": True,
                "movePolicyEnabled": False,
                "encryption": {"isEnabled": True, "encryptionPasswordId": self.id("password")},
            }
        archive_tier: Row = {"isEnabled": archive is not None}
        if archive is not None:
            archive_tier |= {"extentId": self.ident(archive), "archivePeriodDays": 0}
        return {
            "id": self.ident(repository),
            "name": repository.name,
            "description": "",
            "performanceTier": {
                "performanceExtents": [extent],
                "advancedSettings": {"perVmBackup": True, "fullWhenExtentOffline": False},
            },
            "placementPolicy": {"type": "DataLocality", "settings": []},
            "capacityTier": capacity_tier,
            "archiveTier": archive_tier,
        }
