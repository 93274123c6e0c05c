# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SPP's resources other than points: jobs and their sessions, SLA policies, sites and storage."""

from __future__ import annotations

from collections.abc import Iterable

from tests.simulators.ground_truth import DAY, MINUTE, CopyRule, Location, Point, Policy, Run, Workload
from tests.simulators.product_api import ProductApi
from tests.simulators.spp.query import Row
from tests.simulators.spp.records import PREFIXES, milliseconds, prefix, session_id, sub_policy

_STATUS = {"success": "COMPLETED", "warning": "PARTIAL", "failed": "FAILED", "running": "RUNNING"}
_APPLICATIONS = ("sql", "mongo")
_ACTIVATED = 1564604760000


def job_id(policy: Policy, kind: str) -> str:
    return str(1000 + policy.ordinal * 10 + list(PREFIXES.values()).index(kind))


def _service(kind: str, purpose: str) -> str:
    return f"serviceprovider.{purpose}.{'application' if kind in _APPLICATIONS else 'hypervisor'}"


def sessions(api: ProductApi) -> list[Row]:
    """Return every session of every job, oldest first (the documented default order)."""
    rows: list[Row] = []
    for run, made in api.estate.runs(api.product):
        for kind in sorted({prefix(work) for work, _ignored in made if work.workload_type in api.LISTS}):
            mine = [(work, point) for work, point in made if get_prefix(work) == kind and _is_job(api, work, point)]
            rows += _run_sessions(run, kind, mine) if mine else []
    return sorted(rows, key=lambda row: (row["start"], row["id"]))


def _is_job(api: ProductApi, work: Workload, point: Point) -> bool:
    """Return whether SPP ran it, with any result. A failed or running night has a session but no point."""
    return point.kind in api.LISTS[work.workload_type].kinds


def get_prefix(work: Workload) -> str | None:
    return prefix(work) if work.workload_type in ("vm", "database") else None


def _run_sessions(run: Run, kind: str, made: list[tuple[Workload, Point]]) -> list[Row]:
    copied: dict[str, int] = {}
    tested: dict[int, int] = {}
    for _ignored, point in made:
        for copy in point.copies:
            copied[sub_policy(copy)] = max(copied.get(sub_policy(copy), 0), copy.copied_at)
        if point.tested_at is not None:
            tested[point.tested_at] = tested.get(point.tested_at, 0) + 1
    if not copied:
        copied = {"BACKUP": run.started + 5 * MINUTE}
    expires = max((point.expires_at for _ignored, point in made if point.expires_at is not None), default=None)
    rows = [_session(run, kind, sub_type, end, len(made), expires) for sub_type, end in sorted(copied.items())]
    return rows + [_restore_session(run, kind, at, count) for at, count in sorted(tested.items())]


def _session(run: Run, kind: str, sub_type: str, end: int, tasks: int, expires: int | None) -> Row:
    number = session_id(run, kind, sub_type)
    over = run.status != "running"
    failed = {"failed": tasks, "warning": 1}.get(run.status, 0)
    row: Row = {
        "id": number,
        "jobId": job_id(run.policy, kind),
        "jobName": f"{kind}_{run.policy.name}",
        "serviceId": _service(kind, "protection"),
        "type": "protection",
        "subType": kind,
        "subPolicyType": sub_type,
        "subPolicyTypeDisplayName": sub_type.capitalize(),
        "start": int(number),
        "status": _STATUS[run.status],
        "statusDisplayName": _STATUS[run.status].capitalize(),
        "indexStatus": "NA",
        "percent": 100 if over else 40,
        "numTasks": tasks,
        "hasCatalog": expires is not None,
        "properties": {"statistics": []},
        "links": {},
    }
    if over:
        success = 0 if run.status == "failed" else tasks
        counts = {"total": success + failed, "success": success, "failed": failed, "skipped": 0}
        resource = "database" if kind in _APPLICATIONS else "vm"
        row["properties"]["statistics"] = [{"resourceType": resource, **counts}]
        row |= {"end": milliseconds(end), "duration": milliseconds(end) - int(number), "lastUpdate": milliseconds(end)}
    if expires is not None:
        row["expirationTime"] = milliseconds(expires)
    return row


def _restore_session(run: Run, kind: str, at: int, tasks: int) -> Row:
    """Build the session of a test restore, the closest equivalent of a restore test in SPP."""
    start = milliseconds(at - 30 * MINUTE) + run.policy.ordinal
    resource = "database" if kind in _APPLICATIONS else "vm"
    return {
        "id": str(start),
        "jobId": str(int(job_id(run.policy, kind)) + 5000),
        "jobName": f"test_restore_{kind}_{run.policy.name}",
        "serviceId": _service(kind, "recovery"),
        "type": "recovery",
        "subType": kind,
        "start": start,
        "end": milliseconds(at),
        "duration": milliseconds(at) - start,
        "status": "COMPLETED",
        "statusDisplayName": "Completed",
        "percent": 100,
        "numTasks": tasks,
        "hasCatalog": False,
        "properties": {"statistics": [{"resourceType": resource, "total": tasks, "success": tasks, "failed": 0}]},
        "links": {},
    }


def jobs(rows: Iterable[Row]) -> list[Row]:
    """Return the jobs of these sessions, each with its last session."""
    newest: dict[str, Row] = {}
    for row in rows:
        newest[row["jobId"]] = row
    return [
        {
            "id": number,
            "name": row["jobName"],
            "status": "IDLE" if row["status"] != "RUNNING" else "RUNNING",
            "type": row["type"],
            "subType": row["subType"],
            "serviceId": row["serviceId"],
            "policyName": row["jobName"],
            "lastSessionStatus": row["status"],
            "lastSessionDuration": row.get("duration"),
            "nextFireTime": row["start"] + milliseconds(DAY),
            "lastrun": {
                "sessionId": row["id"],
                "jobName": row["jobName"],
                "start": row["start"],
                "end": row.get("end"),
                "status": row["status"],
                "duration": row.get("duration"),
                "results": "",
            },
            "links": {},
        }
        for number, row in sorted(newest.items())
    ]


def sla_policies(api: ProductApi) -> list[Row]:
    kept = _retention_days(api)
    return [_sla_policy(api, policy, kept.get(policy.key, 30)) for policy in api.estate.policies]


def _retention_days(api: ProductApi) -> dict[str, int]:
    """Return the retention in days of each policy's newest run, derived from the points."""
    days: dict[str, int] = {}
    for work in api.estate.for_product(api.product):
        for point in work.points[:1]:
            if point.expires_at is not None:
                days[point.run.policy.key] = (point.expires_at - point.run.started) // DAY
    return days


def _sla_policy(api: ProductApi, policy: Policy, days: int) -> Row:
    snapshots = policy.rules[0].location.location_type == "snapshot"
    number = str(2000 + policy.ordinal)
    kind = "snapshot" if snapshots else "backup"
    return {
        "id": number,
        "links": {},
        "description": f"{policy.name} SLA ({policy.schedule}) to {policy.rules[0].location.site.name}",
        "name": policy.name,
        "type": kind,
        "version": "1.0",
        "spec": {"simple": True, "subpolicy": [_sub_policy(api, policy, rule, days) for rule in policy.all_rules]},
        "rbacPath": f"root:0/storageprofile:0/storageprofiletype:{kind}/storageprofile:{number}",
    }


def _sub_policy(api: ProductApi, policy: Policy, rule: CopyRule, days: int) -> Row:
    trigger = {"type": "DAILY", "frequency": 1, "activateDate": _ACTIVATED, "timezone": "Etc/UTC"}
    place = {"useEncryption": policy.encrypted, "site": rule.location.site.name}
    if rule.location.location_type == "snapshot":
        return {"type": "SNAPSHOT", "retention": {"age": days}, "trigger": trigger}
    if rule.role == "primary":
        # The type of the backup to vSnap is REPLICATION with software:true
        return {"type": "REPLICATION", "software": True, "retention": {"age": days}, "trigger": trigger, **place}
    if rule.role == "replica":
        return {"type": "REPLICATION", "software": False, "retention": {}, "trigger": {}, "source": "backup", **place}
    target = {
        "href": f"/api/cloud/{_storage_number(api, rule.location)}",
        "id": _storage_number(api, rule.location),
        "resourceType": "cloud",
        "wormProtected": rule.immutable_days > 0,
    }
    kept = {"age": rule.immutable_days} if rule.immutable_days else {}
    kind = "SPPOFFLOAD" if rule.role == "offload" else "SPPARCHIVE"
    return {"type": kind, "retention": kept, "trigger": trigger, "source": "backup", "target": target, **place}


def _storage_number(api: ProductApi, location: Location) -> str:
    return str(2000 + [known.key for known in api.estate.locations].index(location.key))


def sites(api: ProductApi) -> list[Row]:
    return [
        {
            "id": str(1000 + index),
            "name": site.name,
            "description": site.region,
            "defaultSite": index == 0,
            "throttles": [],
        }
        for index, site in enumerate(api.estate.sites)
    ]


def storages(api: ProductApi) -> list[Row]:
    """Build vSnap servers. A new one has no capacity values yet (free and total may be null)."""
    keys = [site.key for site in api.estate.sites]
    disks = [location for location in api.estate.locations if location.location_type == "disk"]
    return [
        {
            "id": _storage_number(api, location),
            "storageId": _storage_number(api, location),
            "name": location.name,
            "hostAddress": f"{location.name}.example",
            "site": str(1000 + keys.index(location.site.key)),
            "type": "vsnap",
            "version": "10.1.17.0",
            "isReady": True,
            "initializeStatus": "Ready",
            "capacity": {"free": None, "total": None, "updateTime": None}
            if number
            else {"free": 2**44, "total": 2**45, "updateTime": milliseconds(api.estate.now)},
            "links": {},
        }
        for number, location in enumerate(disks)
    ]


def clouds(api: ProductApi) -> list[Row]:
    return [
        {
            "id": _storage_number(api, location),
            "name": location.name,
            "type": "s3",
            "provider": "aws",
            "links": {},
        }
        for location in api.estate.locations
        if location.location_type in ("object", "archive")
    ]
