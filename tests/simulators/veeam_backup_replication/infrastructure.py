# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other requests of monitoring: license, servers, proxies, agents, disks of a point, configuration backup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tests.simulators.ground_truth import DAY, Site, Workload
from tests.simulators.product_api import Call, ProductApi, Response, json_response
from tests.simulators.veeam_backup_replication.clock import ServerClock
from tests.simulators.veeam_backup_replication.layout import PLATFORMS, Layout
from tests.simulators.veeam_backup_replication.lists import RowTable, enum_filter, pattern
from tests.simulators.veeam_backup_replication.points import Points
from tests.simulators.veeam_backup_replication.versions import Row, Shape

_LICENSED = 500
_FILTERS = {"nameFilter": pattern, "typeFilter": enum_filter("type")}
_COLUMNS = {"Name": "name", "Type": "type"}
_SERVER_TYPES = {"vmware": "ViHost", "hyperv": "HvServer"}
_DISK_TYPES = {"VMware": "Vi", "CloudDirector": "Vi", "HyperV": "Hv"}
# Path -> method that responds, and the first revision that has it.
READS = {
    "license": ("license", "1.2-rev0"),
    "configBackup": ("settings_backup", "1.1-rev0"),
    "agents/protectionGroups": ("protection_groups", "1.3-rev0"),
    "backupInfrastructure/managedServers": ("managed_servers", "1.1-rev0"),
    "backupInfrastructure/proxies": ("proxies", "1.1-rev0"),
    "backupInfrastructure/proxies/states": ("proxy_states", "1.1-rev0"),
    "backupInfrastructure/wanAccelerators": ("wan_accelerators", "1.2-rev0"),
}


class Infrastructure:
    def __init__(self, api: ProductApi, clock: ServerClock, points: Points, layout: Layout) -> None:
        self.api = api
        self.clock = clock
        self.points = points
        self.layout = layout
        self._tables: dict[str, RowTable] = {}

    def _page(self, name: str, rows: Callable[[], Iterable[Row]], call: Call, revision: str) -> Response:
        if name not in self._tables:
            self._tables[name] = RowTable(self.api, self.clock, rows(), Shape())
        return self._tables[name].page(call, revision, _FILTERS, _COLUMNS)

    # License

    def license(self, _call: Call, _revision: str) -> Response:
        """Return the license, of which each protected machine uses one instance."""
        used = [work for work in self.layout.works if any(point.key in self.layout.by_point for point in work.points)]
        now = self.api.estate.now
        return json_response(
            {
                "status": "Valid",
                "type": "Subscription",
                "edition": "EnterprisePlus",
                "licensedTo": "Example Ltd",
                "supportId": "01234567",
                "autoUpdateEnabled": False,
                "freeAgentInstanceConsumptionEnabled": True,
                "cloudConnect": "Disabled",
                "expirationDate": self.clock.with_offset(now + 200 * DAY),
                "supportExpirationDate": self.clock.with_offset(now + 200 * DAY),
                "instanceLicenseSummary": {
                    "package": "Premium",
                    "licensedInstancesNumber": _LICENSED,
                    "usedInstancesNumber": len(used),
                    "newInstancesNumber": 0,
                    "rentalInstancesNumber": 0,
                },
            }
        )

    # Servers and proxies

    def _sites(self) -> list[Site]:
        return sorted({work.site.key: work.site for work in self.layout.works}.values(), key=lambda site: site.key)

    def _servers(self) -> Iterator[Row]:
        """Return a repository server and hypervisors for each site."""
        for site in self._sites():
            host = self.api.uuid(f"host:{site.key}")
            yield self._server(host, site.origin, "WindowsHost", site, {"networkSettings": {"components": []}})
            for platform in sorted({work.platform_hint for work in self.layout.works if work.site is site}):
                if platform in _SERVER_TYPES:
                    ident, name = self.api.uuid(f"hypervisor:{site.key}:{platform}"), f"{platform}-{site.key}.example"
                    yield self._server(ident, name, _SERVER_TYPES[platform], site, {"port": 443})

    def _server(self, ident: str, name: str, kind: str, site: Site, more: Row) -> Row:
        credentials = self.api.uuid("credentials")
        return {
            "id": ident,
            "name": name,
            "description": f"At {site.name}.",
            "type": kind,
            "status": "Available",
            "credentialsId": credentials,
            **more,
        }

    def managed_servers(self, call: Call, revision: str) -> Response:
        return self._page("servers", self._servers, call, revision)

    def _proxies(self) -> Iterator[Row]:
        for site in self._sites():
            yield {
                "id": self.api.uuid(f"proxy:{site.key}"),
                "name": f"proxy-{site.key}.example",
                "description": f"At {site.name}.",
                "type": "ViProxy",
                "server": {
                    "hostId": self.api.uuid(f"host:{site.key}"),
                    "hostName": site.origin,
                    "transportMode": "Auto",
                    "failoverToNetwork": True,
                    "hostToProxyEncryption": False,
                    "maxTaskCount": 4,
                },
            }

    def proxies(self, call: Call, revision: str) -> Response:
        return self._page("proxies", self._proxies, call, revision)

    def _proxy_states(self) -> Iterator[Row]:
        for row in self._proxies():
            server = row.pop("server")
            hosts = {name: server[name] for name in ("hostId", "hostName")}
            yield {**row, **hosts, "isDisabled": False, "isOnline": True, "isOutOfDate": False}

    def proxy_states(self, call: Call, revision: str) -> Response:
        return self._page("proxy states", self._proxy_states, call, revision)

    def wan_accelerators(self, call: Call, revision: str) -> Response:
        """Return an empty list."""
        return self._page("accelerators", lambda: (), call, revision)

    # Agents, disks, settings

    def _protection_groups(self) -> Iterator[Row]:
        found: dict[str, Workload] = {}
        for work in self.layout.works:
            if work.workload_type == "physical" and work.policy is not None:
                found.setdefault(work.policy.key, work)
        for key, work in found.items():
            name = work.policy.name if work.policy is not None else ""
            yield {
                "id": self.api.uuid(f"protection-group:{key}"),
                "name": name,
                "description": f"At {work.site.name}.",
                "type": "IndividualComputers",
                "isDisabled": False,
            }

    def protection_groups(self, call: Call, revision: str) -> Response:
        return self._page("protection groups", self._protection_groups, call, revision)

    def disks(self, point: Row) -> Response:
        """Return the disks of one machine: one disk with the size of the machine."""
        stored = next(each for each in self.layout.stored() if self.points.point_id(each) == point["id"])
        platform = PLATFORMS[stored.work.platform_hint]
        row: Row = {
            "uid": self.api.uuid(f"disk:{stored.work.key}"),
            "type": _DISK_TYPES.get(platform, "EndPoint"),
            "name": f"{stored.work.name}.vmdk" if platform == "VMware" else "disk 0",
            "capacity": stored.work.source_bytes,
            "state": "Processed",
            "platform": point["platformName"],
        }
        if platform == "HyperV":
            row["diskExtents"] = []
        return json_response({"data": [row], "pagination": {"total": 1, "count": 1, "skip": 0, "limit": 200}})

    def settings_backup(self, _call: Call, _revision: str) -> Response:
        now = self.api.estate.now
        repository = self.layout.repositories()[0]
        return json_response(
            {
                "isEnabled": True,
                "backupRepositoryId": self.api.uuid(f"repository:{repository.key}"),
                "restorePointsToKeep": 10,
                "lastSuccessfulBackup": {
                    "lastSuccessfulTime": self.clock.with_offset(now - DAY),
                    "sessionId": self.api.uuid("session:configuration"),
                },
                "encryption": {"isEnabled": False},
            }
        )
