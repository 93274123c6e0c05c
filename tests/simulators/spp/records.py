# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground truth in SPP's format: catalog rows and rows of the restore wizard (3d, 4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from tests.simulators.ground_truth import DAY, Copy, Point, Run, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.spp.query import Row

# subPolicyType by the role of a copy; a snapshot is stored with its workload, regardless of its role.
SUB_POLICY = {"primary": "BACKUP", "replica": "REPLICATION", "offload": "SPPOFFLOAD", "archive": "SPPARCHIVE"}
_SUB_POLICIES = ("BACKUP", "REPLICATION", "SPPOFFLOAD", "SPPARCHIVE", "SNAPSHOT")
# hypervisorType or applicationType by the platform in the ground truth.
PREFIXES = {"vmware": "vmware", "hyperv": "hyperv", "ec2": "awsec2", "sql": "sql", "mongo": "mongo"}
_METHODS = {"vmware": "VMWARE_CBT", "sql": "APPLICATION_BLI", "mongo": "APPLICATION_BLI"}
_HYPERVISORS = {("vmware", "berlin"): "1001", ("hyperv", "berlin"): "1002", ("vmware", "chicago"): "1003"}
_CLOUD_ACCOUNT = "1004"


def milliseconds(moment: int) -> int:
    return moment // 1000


def sub_policy(copy: Copy) -> str:
    return "SNAPSHOT" if copy.location.location_type == "snapshot" else SUB_POLICY[copy.role]


def prefix(work: Workload) -> str:
    return PREFIXES[work.platform_hint]


def job_name(work: Workload, run: Run) -> str:
    """Return policyName, which is the name of the job and not of the policy: type, underscore, SLA."""
    return f"{prefix(work)}_{run.policy.name}"


def session_id(run: Run, kind: str, sub_type: str) -> str:
    """Return an id like a time in ms, whose last digits distinguish jobs that start in the same minute."""
    last = run.policy.ordinal * 40 + list(PREFIXES.values()).index(kind) * 8 + _SUB_POLICIES.index(sub_type)
    return str(milliseconds(run.started) + last)


@dataclass(frozen=True)
class Version:
    """A point as a version of the catalog; `rows` are the listed copies, `copies` those that still exist."""

    point: Point
    rows: tuple[Copy, ...]
    copies: tuple[Copy, ...]


class Records:
    """Builds the documents of single workloads; `api` provides ids, variants and the server's own URL."""

    def __init__(self, api: ProductApi, own_url: str) -> None:
        self.api = api
        self.own_url = own_url

    # Ids

    def pk(self, work: Workload) -> str:
        """Return 32 hexadecimal digits for a vCenter, a GUID for Hyper-V."""
        fixed = self.api.fixed(work.key)
        if fixed is not None:
            return fixed
        return self.api.uuid(work.key).upper() if work.platform_hint == "hyperv" else self.api.digest(work.key)

    def wizard_id(self, work: Workload) -> str:
        """Return the wizard's id. It is undocumented whether it is the catalog's pk: the variant wizard_id_is_pk."""
        return self.pk(work) if self.api.flag("wizard_id_is_pk") else self.api.digest(work.key + ":vm")[:16]

    def hypervisor(self, work: Workload) -> str:
        return _HYPERVISORS.get((work.platform_hint, work.site.key), _CLOUD_ACCOUNT)

    def catalogue_path(self, work: Workload) -> str:
        name = "hypervisorvm" if work.workload_type == "vm" else "applicationdatabase"
        return f"/api/endeavour/catalog/recovery/{name}"

    def wizard_path(self, work: Workload) -> str:
        if work.workload_type == "vm":
            return f"/api/hypervisor/{self.hypervisor(work)}/vm/{quote(self.wizard_id(work), safe='')}"
        instance = f"/api/application/{prefix(work)}/instance/{self.instance_id(work)}"
        return f"{instance}/database/{self.wizard_id(work)}"

    def instance_id(self, work: Workload) -> str:
        return self.api.digest(f"instance:{prefix(work)}")[:12]

    def versions(self, work: Workload) -> list[Version]:
        """Return versions, oldest first. The variant empty_versions adds older ones without any copy."""
        listed = [Version(point, point.copies, point.copies) for point in reversed(self.api.listed_points(work))]
        if not listed:
            return []
        oldest, days = listed[0].point, range(self.api.number("empty_versions"), 0, -1)
        return [self._empty_version(oldest, back * DAY) for back in days] + listed

    def _empty_version(self, point: Point, earlier: int) -> Version:
        run = replace(point.run, started=point.run.started - earlier)
        emptied = replace(point, key=f"{point.key}-empty", run=run, created_at=point.created_at - earlier, copies=())
        return Version(emptied, point.copies[:1], ())

    # The catalog

    def child(self, work: Workload, point: Point) -> Row:
        """Build one protected object; its protectionInfo is that of the newest version."""
        pk = self.pk(work)
        row: Row = {
            "id": pk,
            "name": work.name,
            "catalogTime": milliseconds(point.created_at),
            "properties": {
                **self.common(work),
                "sessionId": "0",
                "protectionInfo": self.protection(work, point, point.copies[0]),
            },
            "links": self._links(f"{self.catalogue_path(work)}/{pk}"),
        }
        if work.workload_type == "vm":
            row["properties"]["hypervisorHostName"] = f"{prefix(work)}-{work.site.key}.example"
        row["links"]["versions"] = {
            "href": f"{self.own_url}{self.catalogue_path(work)}/{pk}/{self.api.text('versions_link')}"
        }
        return row

    def common(self, work: Workload) -> Row:
        shared: Row = {"pk": self.pk(work), "name": work.name, "tags": []}
        if work.workload_type == "vm":
            storage = {"commited": work.source_bytes, "uncommited": 0, "shared": 0}
            return {**shared, "hypervisorType": prefix(work), "storageSummary": storage}
        return {
            **shared,
            "applicationType": prefix(work),
            "instancePk": self.instance_id(work),
            "host": f"{prefix(work)}-host.example",
            "usedSize": work.source_bytes,
        }

    def version_rows(self, work: Workload) -> Iterator[Row]:
        """Return one row per version, oldest first."""
        for version in self.versions(work):
            yield self._version_row(work, version.point, version.rows[0], bool(version.copies))

    def copy_rows(self, work: Workload) -> Iterator[Row]:
        """Return additional copies as separate rows, each with the session of the job that created the copy."""
        for version in self.versions(work):
            for copy in version.rows[1:]:
                yield self._version_row(work, version.point, copy)

    def _version_row(self, work: Workload, point: Point, copy: Copy, stored: bool = True) -> Row:
        moment = milliseconds(copy.copied_at)
        protection = self.protection(work, point, copy)
        if not stored:
            protection["storageSnapshots"] = []
        return {
            # Some clients wrap this in int(), so it can be a string.
            "catalogTime": str(moment) if self.api.flag("catalog_time_as_text") else moment,
            "properties": {
                **self.common(work),
                "sessionId": session_id(point.run, prefix(work), sub_policy(copy)),
                "protectionInfo": protection,
            },
            "links": {},
        }

    def protection(self, work: Workload, point: Point, copy: Copy) -> Row:
        storage = "vsnap" if copy.location.location_type == "disk" else copy.location.location_type
        info: Row = {
            "storageProfileName": point.run.policy.name,
            "policyName": job_name(work, point.run),
            "subPolicyType": sub_policy(copy),
            "subPolicyName": "",
            "baseBackup": point.kind in ("full", "archive"),
            "transferSize": point.size_bytes,
            "protectionTime": milliseconds(point.created_at),
            "storageInfo": json.dumps({copy.location.name: self.storage_id(copy)}),
            "storageSnapshots": [{"storageType": storage}],
        }
        if work.workload_type == "database":
            volume = f"{self.storage_id(copy)}.volume.{self.pk(work)[:6]}"
            info["applicationBliDestinationInfo"] = {"dataVolumePk": volume, "logVolumePk": None}
        return info

    def storage_id(self, copy: Copy) -> str:
        places = [location.key for location in self.api.estate.locations]
        return str(2000 + places.index(copy.location.key))

    def site_id(self, copy: Copy) -> str:
        return str(1000 + [site.key for site in self.api.estate.sites].index(copy.location.site.key))

    # The restore wizard

    def wizard_versions(self, work: Workload, copies_embedded: bool, omit_without_copies: bool) -> list[Row]:
        return [
            self.wizard_version(work, version, copies_embedded)
            for version in self.versions(work)
            if version.copies or not omit_without_copies
        ]

    def version_id(self, work: Workload, version: Version) -> str:
        return session_id(version.point.run, prefix(work), sub_policy(version.rows[0]))

    def wizard_version(self, work: Workload, version: Version, copies_embedded: bool) -> Row:
        number = self.version_id(work, version)
        path = f"{self.wizard_path(work)}/version/{number}"
        point = version.point
        row: Row = {
            "id": number,
            "sessionId": number,
            "name": work.name,
            "storageProfiles": [point.run.policy.name],
            "protectionInfo": {
                "protectionTime": milliseconds(point.created_at),
                "policyName": job_name(work, point.run),
                "storageProfileName": point.run.policy.name,
                "subPolicyType": sub_policy(version.rows[0]),
                "protectionMethod": _METHODS.get(prefix(work), "OTHER"),
            },
            "links": self._links(path, copies=f"{path}/copy", deletefromversioncatalog=path),
        }
        if copies_embedded:
            row["copies"] = self.wizard_copies(work, version)
        return row

    def wizard_copies(self, work: Workload, version: Version) -> list[Row]:
        return [self._wizard_copy(work, version, copy, number == 0) for number, copy in enumerate(version.copies)]

    def _wizard_copy(self, work: Workload, version: Version, copy: Copy, primary: bool) -> Row:
        point = version.point
        moment = milliseconds(copy.copied_at)
        info: Row = {
            "policyName": job_name(work, point.run),
            "subPolicyName": "",
            "subPolicyType": sub_policy(copy),
            "copyTime": moment,
            "protectionMethod": _METHODS.get(prefix(work), "OTHER"),
        }
        if work.workload_type == "database":
            info["protectionTime"] = milliseconds(point.created_at)
        destination = {
            "storageServerId": self.storage_id(copy),
            "volumePk": f"{self.storage_id(copy)}.volume.4",
            "snapshotName": f"spp_{self.version_id(work, version)}",
            "siteId": self.site_id(copy),
        }
        if copy.role in ("offload", "archive"):
            number = self.storage_id(copy)
            provider, kind = ("sp", "sp") if self.api.text("offload_target") == "repository server" else ("aws", "s3")
            info["offloadInfo"] = {"offloadProviderId": number, "offloadProvider": provider, "offloadType": kind}
            destination |= {"offloadProvider": provider, "offloadProviderId": number}
        mapping = {
            "snapshotVersionUuid": self.api.uuid(f"{point.key}:{copy.location.key}"),
            "snapshotVersionId": 1,
            "storageType": "vsnap" if copy.location.location_type == "disk" else copy.location.location_type,
            "source": {},
            "destination": destination,
        }
        path = f"{self.wizard_path(work)}/version/{self.version_id(work, version)}"
        return {
            "siteId": self.site_id(copy),
            "copyTime": moment,
            "primary": primary,
            "hypervisorId": self.hypervisor(work),
            "resourceType": "vm" if work.workload_type == "vm" else "database",
            "storageProfiles": [point.run.policy.name],
            "protectionInfo": info,
            "mappings": [mapping],
            "links": self._links(f"{path}/copy/{sub_policy(copy)}?from=recovery", version=path),
        }

    def wizard_vm(self, work: Workload) -> Row:
        path = self.wizard_path(work)
        return {
            "id": self.wizard_id(work),
            "name": work.name,
            "hypervisorType": prefix(work),
            "hypervisorKey": self.hypervisor(work),
            "config": {"hypervisorKey": self.hypervisor(work)},
            "metadataPath": f"vm:{self.wizard_id(work)}",
            "copies": [{"storageProfileId": str(2000 + work.policy.ordinal)}] if work.policy and work.points else [],
            "links": self._links(
                path,
                versions=f"{path}/version?from=recovery",
                latestversion=f"{path}/version/latest?from=recovery",
            ),
        }

    def wizard_database(self, work: Workload) -> Row:
        path = self.wizard_path(work)
        instance = f"/api/application/{prefix(work)}/instance/{self.instance_id(work)}"
        return {
            "id": self.wizard_id(work),
            "name": work.name,
            "links": self._links(
                path,
                instance=instance,
                copies=f"{path}/copy?from=recovery",
                versions=f"{path}/version?from=recovery",
                latestversion=f"{path}/version/latest?from=recovery",
            ),
        }

    # The inventory

    def inventory_vm(self, work: Workload) -> Row:
        return {
            "id": self.pk(work),
            "name": work.name,
            "catalogTime": milliseconds(self.api.estate.now),
            "isEncrypted": False,
            "properties": {
                "name": work.name,
                "host": f"{prefix(work)}-{work.site.key}.example",
                "hypervisorType": prefix(work),
                "isProtected": work.protected,
                "inHLO": work.in_inventory,
                "vmVersion": "vmx-19",
                "configInfo": {"osName": "Linux"},
                "powerSummary": {"powerState": "poweredOn", "uptime": 86400},
                "storageSummary": {"commited": work.source_bytes, "uncommited": 0, "shared": 0},
                "datacenter": {"name": work.site.name},
                "cpu": 4,
                "coresPerCpu": 2,
                "memory": 8192,
            },
            "links": {},
        }

    def _links(self, own: str, **paths: str) -> Row:
        """Build links, which are absolute and use the appliance's own URL."""
        return {name: {"href": self.own_url + path} for name, path in {"self": own, **paths}.items()}
