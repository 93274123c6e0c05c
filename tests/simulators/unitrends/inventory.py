# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources other than backups: systems, assets, storage, the clock, targets and retention."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from tests.simulators.ground_truth import Location, Policy, as_datetime
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.unitrends.backups import Backups
from tests.simulators.unitrends.directory import MANAGER, OWN_CLIENT, TARGET, Asset, Directory, cold_copies
from tests.simulators.unitrends.formats import Row, Window, megabytes, retention_text
from tests.simulators.unitrends.session import UnitrendsSession

_ASSET_TYPES = {"VMware": "VMware:VM", "Hyper-V": "Hyper-V:VM", "Oracle": "Oracle", "SQL Server": "SQL Server"}
# By application, or by the platform of a client without an application.
_OS = {
    "VMware": ("VMware", 90),
    "Hyper-V": ("Windows 2016", 40),
    "Oracle": ("Linux", 30),
    "SQL Server": ("Windows 2016", 40),
    "smb": ("NAS", 70),
    "windows": ("Windows 2016", 40),
    "linux": ("Linux", 30),
}
_FILTERED_BY = {"vmware": "VMware", "hyperv": "Hyper-V", "oracle": "Oracle", "sql": "SQL Server"}
_STORAGE_USE = {"disk": "backup", "object": "archive", "archive": "archive"}


class Inventory:
    def __init__(self, api: ProductApi, directory: Directory, backups: Backups) -> None:
        self.api = api
        self.directory = directory
        self.backups = backups

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/systems", self.systems),
            Route("GET", "/api/date-time", self.date_time),
            Route("GET", "/api/assets", self.assets),
            Route("GET", "/api/assets/{kind}", self.assets),
            Route("GET", "/api/clients", self.clients),
            Route("GET", "/api/storage", self.storage),
            Route("GET", "/api/backup-copy/connected_targets", self.targets),
            Route("GET", "/api/retention/strategy", self.strategy),
            Route("GET", "/api/retention", self.retention),
            Route("GET", "/api/retention/policy", self.retention),
            Route("GET", "/api/retention/policy/{number}", self.retention),
            Route("GET", "/api/retention/retention-points", self.retention_points),
            Route("GET", "/api/archive/sets", self.archive_sets),
            Route("GET", "/api/archive/media/connected", self.archive_media),
        ]

    def _sid(self, call: Call) -> int:
        return self.backups.sid(call) or MANAGER

    # Systems and the clock

    def systems(self, call: Call, _session: UnitrendsSession) -> Response:
        rows: list[Row] = [
            {
                "id": system.sid,
                "name": system.name,
                "host": system.site.origin,
                "role": system.role,
                "status": system.status,
                "local": system.sid == MANAGER,
            }
            for system in self.directory.systems.values()
        ]
        for status in ("pending", "rejected"):
            if call.first(f"include_{status}") == "1":
                host = f"{status}.example"
                source = {"name": f"ueb-{status}", "host": host, "role": "Replication Source"}
                rows.append({"id": 90 + len(status), **source, "status": status, "local": False})
        return json_response({"appliance": rows})

    def date_time(self, call: Call, _session: UnitrendsSession) -> Response:
        timezone = self.directory.systems[self._sid(call)].site.timezone
        now = as_datetime(self.api.clock()).astimezone(ZoneInfo(timezone))
        offset = now.utcoffset()
        assert offset is not None
        fields = ("year", "month", "day", "hour", "minute", "second")
        clock = {
            **{name: getattr(now, name) for name in fields},
            "tz": timezone,
            "tzOffset": int(offset.total_seconds()),
            "ntp": {"enabled": True, "local": False, "sync": True, "servers": ["pool.ntp.org"]},
        }
        return json_response(clock)

    # Assets

    def assets(self, call: Call, session: UnitrendsSession, kind: str = "") -> Response:
        sid = self.backups.sid(call)
        grand = (call.first("grandclient") or "false").lower() == "true"
        chosen = self.directory.grandclients if grand else self.directory.assets
        wanted = {_FILTERED_BY.get(name, name) for name in (call.first("type") or "").split(",") if name}
        found = [
            asset
            for asset in chosen.values()
            if asset.system in ([sid] if sid is not None else self.backups.reachable())
            and asset.work.in_inventory
            and session.can_see_asset(asset)
            and (kind != "protected" or asset.work.protected)
            and (not wanted or (asset.app is not None and asset.app.name in wanted))
        ]
        by_client: dict[tuple[int, int], list[Asset]] = {}
        for asset in found:
            by_client.setdefault((asset.system, asset.client), []).append(asset)
        nodes = [self._client_node(mine, call) for mine in by_client.values()]
        return json_response({"data": [node for node in nodes if not kind.isdecimal() or str(node["id"]) == kind]})

    def _client_node(self, mine: list[Asset], call: Call) -> Row:
        first = mine[0]
        app = first.app
        os_type, os_number = _OS[first.work.platform_hint if app is None else app.name]
        node: Row = {
            "id": first.client,
            "name": first.client_name,
            "ip": f"192.0.2.{first.client % 250}",
            "os_type": os_type,
            "os_type_id": os_number,
            "os_family": os_type.split()[0],
            # Clients recognize platforms by this field.
            "type": os_type.split()[0],
            "asset_type": "physical" if app is None else f"{app.name}:server",
            "system_id": first.system,
            "system_name": self.directory.systems[first.system].name,
            "file_level_instance_id": first.instance if app is None else 10_000 + first.client,
            # Names of accounts that can log in to clients, which must not be passed on.
            "credentials": {"credential_id": 1, "display_name": "svc-backup", "username": "svc-backup"},
            "applications": [] if app is None else [{"id": app.number, "name": app.name}],
            "children": [],
        }
        if app is None:
            return node | self._retention_fields(first, call) | {"is_encrypted": self._is_encrypted(first)}
        instances = [self._instance_node(asset, node, call) for asset in mine]
        middle = {"id": app.number, "name": app.name, "type": "application", "children": instances}
        if app.name == "VMware":
            middle |= {"id": 1, "name": "esx1", "type": "esx"}
        flat = app.name == "VMware" and "noESX" in {name for name, _ignored in call.query}
        return node | {"children": instances if flat else [middle]}

    def _instance_node(self, asset: Asset, parent: Row, call: Call) -> Row:
        assert asset.app is not None
        return {
            "id": asset.instance,
            "name": asset.name,
            "is_encrypted": self._is_encrypted(asset),
            "parent_id": parent["id"],
            "parent_name": parent["name"],
            "asset_type": _ASSET_TYPES[asset.app.name],
            "type": asset.app.name,
            "system_id": asset.system,
            "system_name": parent["system_name"],
            "children": [],
            **self._retention_fields(asset, call),
        }

    def _is_encrypted(self, asset: Asset) -> bool:
        return asset.work.policy is not None and asset.work.protected and asset.work.policy.encrypted

    def _retention_fields(self, asset: Asset, call: Call) -> Row:
        policy = asset.work.policy if asset.work.protected else None
        if (call.first("include_retention") or "false").lower() != "true":
            return {}
        name = "" if policy is None else policy.name
        ltr = self.api.text("strategy") == "ltr"
        limits = None if ltr or policy is None else {"retention_min": 14, "retention_max": 400, "legal_hold": 0}
        return {"retention": name, "gfs_policy": name if ltr else "", "min_max_policy": limits}

    def clients(self, call: Call, session: UnitrendsSession) -> Response:
        sid = self._sid(call)
        seen = {asset.client for asset in self.directory.assets.values() if session.can_see_asset(asset)} | {OWN_CLIENT}
        rows = [
            {"id": number, "name": name, "system_id": sid}
            for number, name in self.directory.clients[sid].items()
            if number in seen
        ]
        return json_response({"data": rows})

    # Storage and targets

    def storage(self, call: Call, _session: UnitrendsSession) -> Response:
        sid = self.backups.sid(call)
        systems = self.backups.reachable() if sid is None else [sid]
        return json_response({"storage": [row for found in systems for row in self._storage_rows(found)]})

    def _storage_rows(self, sid: int) -> list[Row]:
        system = self.directory.systems[sid]
        mine = [
            place
            for place in self.api.estate.locations
            if place.location_type in _STORAGE_USE
            and (place.site is system.site or (sid == MANAGER and place.location_type != "disk"))
        ]
        return [
            {
                "id": number,
                "sid": sid,
                "name": place.name,
                "system_name": system.name,
                "type": "internal" if place.location_type == "disk" else "nas",
                "usage": _STORAGE_USE[place.location_type],
                "status": "online",
                **self._space(place),
            }
            for number, place in enumerate(mine, start=1)
        ]

    def _space(self, place: Location) -> Row:
        """Return sizes in whole megabytes, from the points stored there."""
        used = sum(
            megabytes(point.size_bytes)
            for asset in self.directory.assets.values()
            for point in self.api.listed_points(asset.work)
            if any(copy.location is place for copy in point.copies)
        )
        return {"mb_size": 2 * used + 1024, "mb_used": used, "mb_free": used + 1024}

    # Archive media

    def _media(self) -> list[Location]:
        copies = [
            copy
            for asset in self.directory.assets.values()
            for point in self.api.listed_points(asset.work)
            for copy in cold_copies(point)
        ]
        return sorted({copy.location for copy in copies}, key=lambda place: place.name)

    def archive_media(self, _call: Call, _session: UnitrendsSession) -> Response:
        rows = [{"name": place.name, "type": place.location_type, "is_connected": True} for place in self._media()]
        return json_response({"media": rows})

    def archive_sets(self, call: Call, session: UnitrendsSession) -> Response:
        """Return one set for each medium, with the number of its copies."""
        sid = self.backups.sid(call)
        rows = []
        for place in self._media():
            found = [
                copy
                for asset in self.directory.assets.values()
                if sid in (None, asset.system) and session.can_see_asset(asset)
                for point in self.api.listed_points(asset.work)
                for copy in cold_copies(point)
                if copy.location is place
            ]
            number = int(self.api.digest(place.key)[:4], 16)
            rows.append({"id": number, "target": place.name, "status": "success", "archives": len(found)})
        return json_response({"sets": [row for row in rows if row["archives"]]})

    def targets(self, _call: Call, _session: UnitrendsSession) -> Response:
        target = self.directory.systems.get(TARGET)
        return json_response(
            {"data": [] if target is None else [{"name": target.name, "target_id": TARGET, "type": "appliance"}]}
        )

    # Retention

    def strategy(self, call: Call, _session: UnitrendsSession) -> Response:
        self._sid(call)
        return json_response({"data": {"strategy": self.api.text("strategy")}})

    def retention(self, call: Call, session: UnitrendsSession, number: str = "") -> Response:
        """Return all policies, those of one instance, or one policy."""
        if self.api.text("strategy") != "ltr":
            raise Refusal(500, "The retention strategy of the system is not GFS")
        sid = self._sid(call)
        wanted = call.first("instance_id")
        policies: dict[str, tuple[Policy, list[int]]] = {}
        for asset in self.directory.assets.values():
            policy = asset.work.policy
            if policy is None or asset.system != sid or not session.can_see_asset(asset) or not asset.work.protected:
                continue
            if wanted in (None, str(asset.instance)):
                policies.setdefault(policy.key, (policy, []))[1].append(asset.instance)
        rows = [self._policy_row(sid, *found) for found in policies.values()]
        return json_response({"data": [row for row in rows if number in ("", str(row["policy_id"]))]})

    def retention_points(self, call: Call, session: UnitrendsSession) -> Response:
        """Return the backups of an instance that a retention class keeps."""
        if self.api.text("strategy") != "ltr":
            raise Refusal(500, "The retention strategy of the system is not GFS")
        sid, wanted = self._sid(call), call.first("iid")
        rows = [
            {"id": entry.number, "gfs_rp_type": retention_text(entry.point), "instance_id": entry.asset.instance}
            for entry in self.backups.entries_in(sid, Window())
            if entry.sort == "backup" and entry.asset is not None and entry.point is not None
            if entry.point.retention and wanted in (None, str(entry.asset.instance)) and session.can_see_entry(entry)
        ]
        return json_response({"data": rows})

    def _policy_row(self, sid: int, policy: Policy, instances: list[int]) -> Row:
        kept = (14, 8, 12, 3) if policy.archive is not None else (30, 0, 0, 0)
        return {
            "policy_id": policy.ordinal,
            "policy_name": policy.name,
            **dict(zip(("days", "weeks", "months", "years"), kept, strict=True)),
            "is_global": False,
            "systems": [sid],
            "instances": instances,
        }
