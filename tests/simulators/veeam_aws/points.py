# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points and instances in the format of Veeam Backup for AWS."""

from __future__ import annotations

from typing import Any

from tests.simulators.ground_truth import Point, Run, Site, Workload, as_datetime
from tests.simulators.product_api import ProductApi
from tests.simulators.veeam_azure.points import best_copy

Row = dict[str, Any]

# 1.5 has a second revision.
REVISIONS = (*(f"1.{number}-rev0" for number in range(6)), "1.5-rev1", "1.6-rev0", "1.7-rev0", "1.8-rev0")
# From this revision on the lists of points and policies are below /virtualMachines, and instances have other fields.
MOVED = 2
_RICHER = 1
# Amazon's names for the sites of the environment.
_REGIONS = {"berlin": "eu-central-1", "frankfurt": "eu-west-1", "chicago": "us-east-2", "cloud": "eu-north-1"}
_JOB_TYPES = {"snapshot": "Snapshot", "replica": "Replica"}
_DESTINATIONS = {"Snapshot": "Snapshot", "Backup": "AwsBlob"}
_REQUIRED = {"id", "backupId", "backupSizeBytes", "jobType", "pointInTime", "volumes"}
_GIB = 2**30


def revision_number(revision: str) -> int:
    return int(revision.partition("-")[0].partition(".")[2])


def job_type(point: Point) -> str:
    return _JOB_TYPES.get(point.kind, "Backup")


class Points:
    def __init__(self, api: ProductApi, own_url: str) -> None:
        self.api = api
        self.own_url = own_url

    # Names and ids

    def time(self, moment: int) -> str:
        """Format a time in UTC with milliseconds and without a zone, as in the documented example."""
        text = as_datetime(moment).isoformat(timespec="milliseconds").removesuffix("+00:00")
        return text + ("Z" if self.api.text("times") == "zoned" else "")

    def instance_id(self, work: Workload) -> str:
        return self.api.uuid(work.key)

    def point_id(self, point: Point) -> str:
        return self.api.uuid(f"point:{point.key}")

    def session_id(self, run: Run) -> str:
        return self.api.uuid(f"session:{run.key}")

    def region_name(self, site: Site) -> str:
        return _REGIONS.get(site.key, site.region)

    def region_id(self, site: Site) -> str:
        return self.api.uuid(f"region:{self.region_name(site)}")

    def region(self, site: Site) -> Row:
        return {"id": self.region_id(site), "name": self.region_name(site)}

    def resource_id(self, work: Workload) -> str:
        return f"i-{self.api.digest(work.key)[:17]}"

    def link(self, rel: str, path: str, method: str = "GET") -> Row:
        return {"rel": rel, "href": f"{self.own_url}/api/v1/{path}", "method": method}

    # Restore points

    def row(self, work: Workload, point: Point, path: str) -> Row:
        """Build a row without name and id of the instance: a point belongs to the instance in the request's filter."""
        number, size = self.point_id(point), point.size_bytes or 0
        site = best_copy(point.copies).location.site
        row: Row = {
            "id": number,
            "backupId": self.api.uuid(f"backup:{work.key}:{job_type(point)}"),
            "jobType": job_type(point),
            "pointInTime": self.time(point.created_at),
            "backupSizeBytes": size,
            "volumes": self._volumes(work, size),
            "regionId": self.region_id(site),
            "availabilityZoneId": self.api.uuid(f"zone:{self.region_name(site)}"),
            "_links": [
                self.link("self", f"{path}/{number}"),
                # A client that follows every link would restore machines.
                self.link("RestoreVm", f"{path}/{number}/restoreVm", "POST"),
            ],
        }
        return self._apply_variants(row, number)

    def _volumes(self, work: Workload, size: int) -> list[Row]:
        """Return volumes, two for larger machines. Their keys are those of the disks and not of the backup."""
        count = 2 if work.source_bytes > 200 * _GIB else 1
        sizes = [size] if count == 1 else [size - size // 4, size // 4]
        volumes = []
        for place, volume_bytes in enumerate(sizes):
            disk = f"vol-{self.api.digest(f'{work.key}:{place}')[:17]}"
            volume: Row = {"diskId": disk, "type": "Gp2", "backupSizeBytes": volume_bytes, "iops": 3000, "name": disk}
            volume["device"] = f"/dev/sd{'af'[place]}"
            if self.api.flag("volume_keys"):
                volume |= {"encryptionKey": self.api.uuid(f"key:{disk}"), "encryptionKeyName": "alias/disks"}
            volumes.append(volume)
        return volumes

    def _apply_variants(self, row: Row, number: str) -> Row:
        """Apply the variants: values that are not in any specification, and missing members."""
        place = int(number[:4], 16)
        if self.api.flag("unknown_enums") and place % 5 == 0:
            row["jobType"] = "Archive"
        missing = self.api.text("missing_optional")
        if missing == "none" or place % 3:
            return row
        kept = _REQUIRED if missing == "some" else _REQUIRED - {"pointInTime"}
        return {name: value for name, value in row.items() if name in kept}

    # Instances

    def instance(self, work: Workload, listed: list[Point], revision: int) -> Row:
        kinds = sorted({job_type(point) for point in listed})
        number = self.instance_id(work)
        row: Row = {
            "id": number,
            "name": work.name,
            "awsResourceId": self.resource_id(work),
            "isDeleted": not work.in_inventory,
            "_links": [self.link("self", f"virtualMachines/{number}")],
        }
        if revision < _RICHER:
            return row | {
                "protectionStatus": self.protection(work),
                "backupDestinations": [_DESTINATIONS[kind] for kind in kinds if kind in _DESTINATIONS],
                "location": self.region(work.site),
            }
        region, zone = self.region(work.site), f"{self.region_name(work.site)}a"
        row |= {
            "instanceSizeGigabytes": work.source_bytes // _GIB,
            "instanceType": "m5.large",
            "region": {"name": region["name"]} if self.api.text("regions") == "names" else region,
            "location": {"id": self.api.uuid(f"zone:{self.region_name(work.site)}"), "name": zone},
        }
        if revision < MOVED:
            return row | {"protectionStatus": self.protection(work)}
        return row | {
            "instanceDnsName": "",
            "policiesCount": int(work.protected),
            "resourceAwsAccountId": "123456789012",
            "backupState": "Protected" if listed else "Unprotected",
            "backupTypes": kinds,
        }

    def protection(self, work: Workload) -> str:
        return "Protected" if work.protected else "Unprotected"
