# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other requests of monitoring scripts and toolkits: jobs, alerts, the license."""

from __future__ import annotations

from tests.simulators.ground_truth import DAY, HOUR, SECOND, Policy
from tests.simulators.product_api import Call, ProductApi, Response, Route, json_response
from tests.simulators.unitrends.backups import Backups
from tests.simulators.unitrends.directory import MANAGER, Asset, Directory, Entry
from tests.simulators.unitrends.formats import LANGUAGES, Row, Window, local_text
from tests.simulators.unitrends.session import UnitrendsSession

_STATUS = {"success": "Success", "warning": "Warning", "failed": "Failed", "running": "Running"}
_LICENSED_FROM, _LICENSED_UNTIL = 400 * DAY, 300 * DAY


class Jobs:
    def __init__(self, api: ProductApi, directory: Directory, backups: Backups) -> None:
        self.api = api
        self.directory = directory
        self.backups = backups

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/joborders", self.orders),
            Route("GET", "/api/jobs/active", self.active),
            Route("GET", "/api/jobs/active/flr", self.file_recoveries),
            Route("GET", "/api/jobs/history", self.history),
            Route("GET", "/api/virtual_clients", self.virtual_clients),
            Route("GET", "/api/reports/system/alerts", self.alerts),
            Route("GET", "/api/license", self.license),
            Route("GET", "/api/summary/current", self.summary),
        ]

    def _systems(self, call: Call) -> list[int]:
        sid = self.backups.sid(call)
        return self.backups.reachable() if sid is None else [sid]

    def _entries(self, call: Call, session: UnitrendsSession, window: Window | None = None) -> list[Entry]:
        """Return backups of the requested systems, newest first."""
        return [
            entry
            for sid in self._systems(call)
            for entry in self.backups.entries_in(sid, window or Window())
            if entry.sort == "backup" and session.can_see_entry(entry)
        ]

    # Jobs

    def _protected(self, call: Call, session: UnitrendsSession) -> dict[tuple[int, str], tuple[Policy, list[Asset]]]:
        """Return the assets of each policy, which is one job for each system."""
        found: dict[tuple[int, str], tuple[Policy, list[Asset]]] = {}
        for asset in self.directory.assets.values():
            policy = asset.work.policy
            seen = asset.system in self._systems(call) and session.can_see_asset(asset)
            if policy is not None and asset.work.protected and seen:
                found.setdefault((asset.system, policy.key), (policy, []))[1].append(asset)
        return found

    def orders(self, call: Call, session: UnitrendsSession) -> Response:
        entries = self._entries(call, session)
        rows = []
        for (sid, _key), (policy, assets) in sorted(self._protected(call, session).items()):
            statuses = [entry.point.status for entry in entries if entry.asset in assets and entry.point is not None]
            ended = [status for status in statuses if status != "running"]
            rows.append(
                {
                    "id": policy.ordinal,
                    "sid": sid,
                    "name": policy.name,
                    "type": "Backup",
                    "last_status": _STATUS[ended[0]] if ended else "Never",
                    "status": "Running" if "running" in statuses else "Idle",
                }
            )
        return json_response({"data": rows})

    def active(self, call: Call, session: UnitrendsSession) -> Response:
        running = [entry for entry in self._entries(call, session) if entry.completed is None]
        return json_response({"data": [self._active_row(entry) for entry in running]})

    def _active_row(self, entry: Entry) -> Row:
        assert entry.asset is not None
        assert entry.point is not None
        return {
            "id": entry.number,
            "sid": entry.system,
            "name": entry.point.run.policy.name,
            "type": "Backup",
            "status": "Running",
            "percent_complete": 50,
            "instance_id": entry.asset.instance,
            "instance_name": entry.asset.name,
        }

    def file_recoveries(self, call: Call, _session: UnitrendsSession) -> Response:
        """Return an empty list: no file-level recovery is running."""
        self._systems(call)
        return json_response({"data": []})

    def virtual_clients(self, call: Call, _session: UnitrendsSession) -> Response:
        """Return an empty list: no instant recovery is running, and no Windows replica is configured."""
        self._systems(call)
        return json_response({"data": {"vm_ir": [], "hv_ir": [], "wir": {"data": []}}})

    def history(self, call: Call, session: UnitrendsSession) -> Response:
        """Return the history, the only list except `latest` with an epoch in addition to the formatted time."""
        entries = self._entries(call, session)
        if "showFlat" in {name for name, _ignored in call.query}:
            return json_response({"data": [self._history_row(entry, call) for entry in entries]})
        by_job: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.point is not None:
                by_job.setdefault(entry.point.run.policy.name, []).append(entry)
        return json_response({"data": [self._job_row(name, found, call) for name, found in by_job.items()]})

    def _job_row(self, name: str, entries: list[Entry], call: Call) -> Row:
        newest = self._history_row(entries[0], call)
        return {
            "name": name,
            "type": "Backup",
            "status": newest["status"],
            "start_date": newest["start_time"],
            "backups": [self._history_row(entry, call) for entry in entries],
        }

    def _history_row(self, entry: Entry, call: Call) -> Row:
        asset, point = entry.asset, entry.point
        assert asset is not None
        assert point is not None
        shape = self.backups.shape(call, entry.system, include_system=False)
        return {
            "id": entry.number,
            "sort_start_time": entry.started // SECOND,
            "start_time": self.backups.rows.time(entry.started, entry, shape.style),
            "client_name": asset.client_name,
            "asset_name": asset.name,
            "instance_id": asset.instance,
            "name": point.run.policy.name,
            "backup_id": entry.number,
            "mode": asset.catalog_type(point.kind),
            "description": f"Backup of {asset.name}",
            "status": _STATUS[point.status],
            "message": "" if point.status != "failed" else "The snapshot could not be taken.",
        }

    # Reports

    def alerts(self, call: Call, session: UnitrendsSession) -> Response:
        """Return an alert for each asset whose last finished backup failed or has a warning."""
        newest: dict[Asset, Entry] = {}
        for entry in self._entries(call, session):
            if entry.asset is not None and entry.completed is not None:
                newest.setdefault(entry.asset, entry)
        rows = []
        style = LANGUAGES[self.backups.language(call)]
        for asset, entry in newest.items():
            assert entry.point is not None
            severity = {"failed": "critical", "warning": "warning"}.get(entry.point.status)
            if severity is not None:
                rows.append(
                    {
                        "sname": self.directory.systems[asset.system].name,
                        "severity": severity,
                        "created": local_text(entry.completed or 0, self.backups.rows.zone(MANAGER), style),
                        "message": f"Backup {entry.number} of {asset.name}: {_STATUS[entry.point.status]}",
                    }
                )
        return json_response({"data": rows})

    def license(self, call: Call, session: UnitrendsSession) -> Response:
        """Return the license of the queried appliance; the features count protected assets."""
        zone, now = self.backups.rows.zone(MANAGER), self.api.estate.now
        protected = sum(len(assets) for _policy, assets in self._protected(call, session).values())
        return json_response(
            {
                "install_date": local_text(now - _LICENSED_FROM, zone, "us")[:10],
                "expiration_date": local_text(now + _LICENSED_UNTIL, zone, "us")[:10],
                "asset_tag": self.api.digest("license")[:12].upper(),
                "feature_string": f"ENTR,VC={protected}",
                "class": "Enterprise Plus",
            }
        )

    def summary(self, call: Call, session: UnitrendsSession) -> Response:
        sid = self.backups.sid(call) or MANAGER
        recent = self.backups.entries_in(sid, Window(since=self.api.clock() - 24 * HOUR))
        statuses = [
            entry.point.status
            for entry in recent
            if entry.is_backup and entry.point is not None and session.can_see_entry(entry)
        ]
        counts = {word.lower(): statuses.count(status) for status, word in _STATUS.items()}
        return json_response({"data": {"backup": counts}})
