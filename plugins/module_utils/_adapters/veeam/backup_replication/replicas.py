# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup & Replication: points of snapshot replicas."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.backup_replication.api import (
    Api,
    build_window_filter,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import get_reason, is_unsupported
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import REQUEST_ERRORS, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_text


class Replicas:
    """Reads points of snapshot replicas. The API does not list points of continuous (CDP) replicas (unknown)."""

    def __init__(self, api: Api, collector: Collector, settings: Settings) -> None:
        self._api = api
        self._collector = collector
        self._settings = settings

    def read(self) -> None:
        """Read replicas, then all their points at once."""
        api, collector = self._api, self._collector
        window = build_window_filter(collector)
        replicas: dict[str, dict[str, t.Any]] = {}
        points: list[dict[str, t.Any]] = []
        is_complete = False
        try:
            replicas = {str(row["id"]): row for row in api.rows("/replicas", "replicas")}
            # Without list(), rows that were read before an error are kept.
            for row in api.rows("/replicaPoints", "replica points", window):
                points.append(row)
            is_complete = True
        except REQUEST_ERRORS as error:
            if points or not is_unsupported(error):
                api.partial.add_problem(error, "replicas")
            elif self._settings.workload_types == (records.REPLICA,):
                raise
            else:
                # Revisions before 1.2 do not list replicas, and not every role can read them.
                api.partial.warn(
                    f"replicas could not be read, so they are not included: {get_reason(error)}", records.REPLICA
                )
            if not points:
                return
        continuous = [row for row in replicas.values() if (as_text(row.get("type")) or "").casefold() == "cdp"]
        self._warn_about_continuous(continuous)
        if is_complete and not window:
            filled = {as_text(row.get("replicaId")) for row in points}
            for ident, row in replicas.items():
                if ident not in filled and row not in continuous:
                    collector.add_workload(_build_workload(ident, row))
        self._add_points(points)

    def _warn_about_continuous(self, replicas: list[dict[str, t.Any]]) -> None:
        self._collector.scope["cdp_replicas"] = len(replicas)
        if replicas:
            shown = ", ".join(sorted({as_text(row.get("name")) or "?" for row in replicas})[:10])
            are, their = ("replica is", "its") if len(replicas) == 1 else ("replicas are", "their")
            self._api.partial.warn(
                f"{len(replicas)} CDP {are} not included because the API does not list {their} recovery points: {shown}"
            )

    def _add_points(self, points: Iterable[Mapping[str, t.Any]]) -> None:
        for row in points:
            replica_id, name = as_text(row.get("replicaId")), as_text(row.get("name"))
            # One replica may represent all machines of a job, so neither id nor name alone is unique.
            workload = _build_workload(f"{replica_id}/{name}" if replica_id and name else None, row)
            try:
                point = records.parse_replica_point(row, workload, self._settings.include_raw)
            except InvalidResponseError as error:
                self._api.partial.add_invalid_record(error)
                continue
            self._collector.add_workload(workload)
            self._collector.add_point(point)


def _build_workload(ident: str | None, row: Mapping[str, t.Any]) -> Workload:
    term = as_text(row.get("platformName"))
    platform = records.parse_platform(term)[1]
    name = as_text(row.get("name"))
    return Workload(id=ident, name=name, type=records.REPLICA, platform=platform, vendor_platform=term)
