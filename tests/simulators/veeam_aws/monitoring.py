# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other requests of scripts to the AWS appliance: license, retention, logs of sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulators.ground_truth import DAY, MINUTE, Point, Workload
from tests.simulators.oauth2 import TokenSession
from tests.simulators.product_api import Call, ProductApi, Response, json_response
from tests.simulators.veeam_aws.points import Points, Row

# Status of a protected item -> status of a line in the log of its session.
_LOG_STATUS = {"success": "Success", "warning": "Warning", "failed": "Error", "running": "Running"}

Page = Callable[[Call, Sequence[Row]], Response]


class Monitoring:
    def __init__(self, api: ProductApi, points: Points, page: Page) -> None:
        self.api = api
        self.points = points
        self._page = page

    def paths(self) -> dict[str, Callable[..., Response]]:
        return {
            "licensing/license": self.license,
            "licensing/licensedWorkloads": self.licensed_workloads,
            "settings/retentionSettings": self.retention,
        }

    def _protected(self) -> list[tuple[Workload, list[Point]]]:
        works = [(work, self.api.listed_points(work)) for work in self.api.workloads("vm")]
        return [(work, listed) for work, listed in works if listed]

    def license(self, _call: Call, _session: TokenSession) -> Response:
        """Return the license, of which every protected instance uses one instance."""
        return json_response(
            {
                "licenseType": "Subscription",
                "instancesUses": float(len(self._protected())),
                "instances": 100,
                "licensedTo": "Example",
                "licenseExpires": self.points.time(self.api.estate.now + 365 * DAY),
                "licenseId": self.api.uuid("license"),
                "supportId": "01234567",
                "_links": [self.points.link("self", "licensing/license")],
            }
        )

    def licensed_workloads(self, call: Call, _session: TokenSession) -> Response:
        rows = [
            {
                "id": self.points.instance_id(work),
                "name": work.name,
                "lastBackupTime": self.points.time(max(point.created_at for point in listed)),
                "_links": [self.points.link("self", f"virtualMachines/{self.points.instance_id(work)}")],
            }
            for work, listed in self._protected()
        ]
        return self._page(call, rows)

    def retention(self, _call: Call, _session: TokenSession) -> Response:
        days = self.api.number("session_days")
        settings: Row = {
            "lingeringSnapshotRetentionDisabled": True,
            "keepAllSessions": not days,
            "_links": [self.points.link("self", "settings/retentionSettings")],
        }
        if days:
            settings["sessionsRetention"] = {"timeRetentionDuration": days, "retentionDurationType": "Daily"}
        return json_response(settings)

    def session_log(self, session: Row, made: Sequence[tuple[Workload, Point]]) -> Row:
        """Return one line for each instance."""
        log = [
            {
                "logTime": self.points.time(point.run.started + MINUTE),
                "status": _LOG_STATUS[point.status],
                "message": f"Processing {work.name}",
                "executionStartTime": self.points.time(point.run.started),
                "executionDuration": 60_000,
            }
            for work, point in made
        ]
        return {"sessionId": session["id"], "log": log}
