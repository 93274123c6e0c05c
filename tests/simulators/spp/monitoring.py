# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other requests of IBM's monitoring scripts to SPP: alerts, logs, disks, proxies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response
from tests.simulators.spp.query import Row, page_response, parse_filter, parse_sort, sort_rows
from tests.simulators.spp.records import Records, prefix
from tests.simulators.spp.session import SppSession

# Level of a message by the status of its session; sessions with other statuses only have information.
_LEVELS = {"FAILED": "ERROR", "PARTIAL": "WARN"}
_GIB = 1 << 30
_FILE_SYSTEMS = ("Configuration", "Search", "System", "Catalog")
_BYTES_PER_VERSION = 1 << 16


class Monitoring:
    """`lists` are the documents of the plain lists, by key (see `SpectrumProtectPlus`)."""

    def __init__(self, api: ProductApi, records: Records) -> None:
        self.api = api
        self.records = records
        self._lists: dict[str, list[Row]] = {}

    def prepare(self, lists: dict[str, list[Row]]) -> None:
        self._lists = lists

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/endeavour/jobsession/history/jobid/{number}", self.history),
            Route("GET", "/ngp/metrics", self.metrics),
            Route("GET", "/api/endeavour/sysdiag/filesystem", self.file_systems),
            Route("GET", "/api/storage/stats", self.storage_stats),
        ]

    def history(self, call: Call, _session: SppSession, number: str) -> Response:
        """Return the sessions of one job. A filter is ignored."""
        rows = [row for row in self._lists["sessions"] if row["jobId"] == number]
        return page_response(self.records.own_url, call, "sessions", sort_rows(rows, parse_sort(call)))

    def metrics(self, _call: Call, _session: SppSession) -> Response:
        running = sum(row["status"] == "RUNNING" for row in self._lists["sessions"])
        used = {name: {"size": 48 * _GIB, "util": 0.25} for name in ("memory", "data", "data2", "data3")}
        return json_response({"cpuUtil": 5.0 + 10.0 * running, **used, "links": {}})

    def file_systems(self, call: Call, _session: SppSession) -> Response:
        """Return the file systems. The catalog grows with the number of versions."""
        versions = sum(len(self.records.versions(work)) for work in self.api.workloads("vm", "database"))
        total = 48 * _GIB
        rows: list[Row] = []
        for name in _FILE_SYSTEMS:
            used = _GIB + (versions * _BYTES_PER_VERSION if name == "Catalog" else 0)
            sizes = {"totalSize": total, "usedSize": used, "availableSize": total - used}
            rows.append(
                {
                    "name": name,
                    "type": None,
                    "status": "NORMAL",
                    **sizes,
                    "percentUsed": used * 100 / total,
                    "links": {},
                }
            )
        return page_response(self.records.own_url, call, "filesystems", rows)

    def storage_stats(self, _call: Call, _session: SppSession) -> Response:
        """Return the disks. A disk without capacity values is not available yet."""
        sites = {row["id"]: row["name"] for row in self._lists["sites"]}
        known: list[Row] = []
        other: list[Row] = []
        for row in self._lists["storages"]:
            total, free = row["capacity"]["total"], row["capacity"]["free"]
            stats = {
                "storageId": row["storageId"],
                "site": sites[row["site"]],
                "type": row["type"],
                "writable": total is not None,
                "compressionRatio": 1.0,
                "deduplicationRatio": 1.0,
                "sizeTotal": total or 0,
                "sizeFree": free or 0,
                "sizeUsed": (total or 0) - (free or 0),
            }
            (other if total is None else known).append(stats)
        sums = {f"size{part}AllStorage": sum(row[f"size{part}"] for row in known) for part in ("Total", "Free", "Used")}
        return json_response(
            {
                "compressionRatio": 1.0,
                "deduplicationRatio": 1.0,
                **sums,
                "unavailable": len(other),
                "unavailableStorage": [{**row, "errorDescription": "not initialized"} for row in other],
                "availableStorage": known,
                "fullStorage": [],
                "links": {},
            }
        )

    def get_by_id(self, key: str, number: str) -> Response:
        for row in self._lists[key]:
            if row["id"] == number:
                return json_response(row)
        raise Refusal(404, f"There is no {number} among the {key}.")

    def list_rows(self, call: Call, key: str, any_true: bool) -> Response:
        chosen = parse_filter(call, any_true=any_true)
        rows = sort_rows((row for row in self._lists[key] if chosen.matches(row)), parse_sort(call))
        return page_response(self.records.own_url, call, key, rows)


def alerts(sessions: Iterable[Row]) -> list[Row]:
    """Return an alert for each session that failed or has warnings."""
    return [
        {
            "id": row["id"],
            "type": _LEVELS[row["status"]],
            "message": f"Job {row['jobName']} ended with the status {row['status']}",
            "acknowledged": False,
            "first": row["end"],
            "last": row["end"],
            "links": {},
        }
        for row in sessions
        if row["status"] in _LEVELS
    ]


def logs(sessions: Iterable[Row]) -> list[Row]:
    """Return the first and the last message of each session."""
    rows = []
    for row in sessions:
        moments = [("start", "INFO", "started")]
        if "end" in row:
            moments.append(("end", _LEVELS.get(row["status"], "INFO"), f"ended with the status {row['status']}"))
        rows += [
            {
                "id": f"{row['id']}-{name}",
                "jobsessionId": row["id"],
                "logTime": row[name],
                "type": level,
                "messageId": f"CTGGA{2000 + number}",
                "messageParams": [row["jobName"]],
                "message": f"Job {row['jobName']} {text}",
                "links": {},
            }
            for number, (name, level, text) in enumerate(moments)
        ]
    return rows


def proxies(api: ProductApi, sites: Sequence[Row]) -> list[Row]:
    """Return a VADP proxy for each site with virtual machines of VMware."""
    used = {work.site.name for work in api.workloads("vm") if prefix(work) == "vmware"}
    return [
        {
            "id": site["id"],
            "displayName": f"vadp-{site['id']}",
            "ipAddr": f"192.0.2.{number}",
            "siteId": site["id"],
            "state": "ENABLED",
            "version": api.text("version"),
            "links": {},
        }
        for number, site in enumerate(sites, 1)
        if site["name"] in used
    ]


def hypervisors(api: ProductApi, records: Records) -> list[Row]:
    """Return the registered vCenters, Hyper-V hosts and cloud accounts."""
    known: dict[str, Row] = {}
    for work in api.workloads("vm"):
        number = records.hypervisor(work)
        name = f"{prefix(work)}-{work.site.key}.example"
        known[number] = {"id": number, "name": name, "type": prefix(work), "links": {}}
    return [known[number] for number in sorted(known)]
