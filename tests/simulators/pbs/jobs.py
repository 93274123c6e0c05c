# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, tasks, garbage collection, nodes and tapes of the simulated Proxmox Backup Server."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulators.ground_truth import DAY, HOUR
from tests.simulators.pbs.accounts import SYSTEM, TAPE, Account
from tests.simulators.pbs.datastores import (
    SYNC_NAMESPACE,
    SYNC_TARGET,
    Datastores,
    Row,
    data_path,
    seconds,
    snapshot_time,
)
from tests.simulators.pbs.upids import NODE, describe, upid
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route, json_response

JSON = "application/json;charset=UTF-8"
_DIRECTIONS = ("all", "pull", "push")
_TERABYTE = 2**40
_LONGEST_TASK_LIST = 50
# Seconds that each task took.
_DURATION = 600


def answer(data: object) -> Response:
    return json_response({"data": data}, content_type=JSON)


def check_query(call: Call, *allowed: str) -> None:
    """Reject unknown parameters, which are not ignored."""
    for name, _value in call.query:
        if name not in allowed:
            raise Refusal(
                400, f"parameter verification failed - '{name}': schema does not allow additional properties."
            )


def _list_tasks(rows: list[Row], total: int) -> Response:
    return json_response({"data": rows, "total": total}, content_type=JSON)


class Jobs:
    def __init__(self, api: ProductApi, datastores: Datastores) -> None:
        self.api = api
        self.datastores = datastores

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api2/json/admin/verify", self._verify_jobs),
            Route("GET", "/api2/json/admin/prune", self._prune_jobs),
            Route("GET", "/api2/json/admin/sync", self._sync_jobs),
            Route("GET", "/api2/json/admin/gc", self._all_gc),
            Route("GET", "/api2/json/nodes", self._nodes),
            Route("GET", "/api2/json/nodes/{node}/status", self._node_status),
            Route("GET", "/api2/json/nodes/{node}/tasks", self._tasks),
            Route("GET", "/api2/json/nodes/{node}/tasks/{task}/status", self._task_status),
            Route("GET", "/api2/json/tape/media/content", self._tape_content),
        ]

    def _started(self) -> int:
        return seconds(self.api.estate.now - 8 * HOUR)

    def _visible(self, account: Account, call: Call) -> Iterator[str]:
        for store in self.datastores.stores():
            if call.first("store") in (None, store) and account.can_audit(data_path(store, "")):
                yield store

    def _last_run(self, worker_type: str, worker_id: str) -> Row:
        """Return the fields of a job that has run; other jobs do not have them."""
        next_run: Row = {"next-run": seconds(self.api.estate.now + DAY)}
        if not self.api.flag("jobs_ran"):
            return next_run
        started = self._started()
        task = upid(worker_type, worker_id, started)
        return {**next_run, "last-run-upid": task, "last-run-state": "OK", "last-run-endtime": started + _DURATION}

    def _verify_jobs(self, call: Call, account: Account) -> Response:
        check_query(call, "store")
        rows = [
            {
                "id": f"v-{store}",
                "store": store,
                "schedule": "daily",
                "ignore-verified": True,
                "outdated-after": 30,
                **self._last_run("verificationjob", f"{store}:v-{store}"),
            }
            for store in self._visible(account, call)
        ]
        return answer(rows)

    def _prune_jobs(self, call: Call, account: Account) -> Response:
        check_query(call, "store")
        if self.datastores.version < (2, 2):
            raise Refusal(404, f"Path '{call.path}' not found.")
        rows = [
            {
                "id": f"p-{store}",
                "store": store,
                "schedule": "daily",
                "keep-daily": 7,
                "keep-weekly": 4,
                **self._last_run("prunejob", store),
            }
            for store in self._visible(account, call)
        ]
        return answer(rows)

    def _sync_jobs(self, call: Call, account: Account) -> Response:
        knows_push = self.datastores.version >= (3, 3)
        check_query(call, "store", *(["sync-direction"] if knows_push else []))
        direction = call.first("sync-direction") or "pull"
        if direction not in _DIRECTIONS:
            raise Refusal(
                400, "parameter verification failed - 'sync-direction': value is not defined in the enumeration."
            )
        if SYNC_TARGET not in self._visible(account, call) or direction == "push":
            return answer([])
        # A job that pulls does not report its direction.
        job: Row = {
            "id": "s-frankfurt",
            "store": SYNC_TARGET,
            "owner": "sync@pbs",
            "remote": "frankfurt",
            "remote-store": "berlin",
            "schedule": "hourly",
            **self._last_run("syncjob", f"frankfurt:berlin:{SYNC_TARGET}::s-frankfurt"),
        }
        return answer([job if self.datastores.version < (2, 2) else {**job, "ns": SYNC_NAMESPACE}])

    # Garbage collection and the state of datastores

    def gc_status(self, store: str) -> Row:
        """Return the last garbage collection."""
        status: Row = {
            "upid": upid("garbage_collection", store, self._started()) if self.api.flag("jobs_ran") else None,
            **dict.fromkeys(("index-file-count", "index-data-bytes", "disk-bytes", "disk-chunks"), 0),
            **dict.fromkeys(("pending-bytes", "pending-chunks", "removed-bytes", "removed-chunks"), 0),
            "removed-bad": 0,
            "still-bad": 0,
        }
        if self.datastores.version >= (4, 0):
            status["cache-stats"] = {"hits": 0, "misses": 0}
        return status

    def gc_job(self, store: str) -> Row:
        """Return the last garbage collection, and since 3.2 its schedule and its result."""
        status = self.gc_status(store)
        if self.datastores.version < (3, 2):
            return status
        job: Row = {"store": store, "schedule": "daily", "next-run": seconds(self.api.estate.now + DAY)}
        if self.api.flag("jobs_ran"):
            job |= {"last-run-state": "OK", "last-run-endtime": self._started() + _DURATION, "duration": _DURATION}
        return {**status, **job}

    def _all_gc(self, call: Call, account: Account) -> Response:
        check_query(call, "store")
        if self.datastores.version < (3, 2):
            raise Refusal(404, f"Path '{call.path}' not found.")
        return answer([self.gc_job(store) for store in self._visible(account, call)])

    def counts(self, store: str, account: Account) -> Row:
        """Count groups with snapshots by type, including hidden groups.

        With permission for the datastore, groups of all namespaces are counted, even of namespaces without permission.
        """
        counts_all = account.can_audit(data_path(store, ""))
        found: dict[str, dict[str, int]] = {}
        seen: set[str] = set()
        for (listed_in, namespace), snapshots in self.datastores.snapshots.items():
            path = data_path(store, namespace)
            if listed_in == store and (counts_all or account.can_see(path)):
                for snapshot in snapshots:
                    if counts_all or account.can_audit(path) or account.owns(snapshot.group.owner):
                        counted = found.setdefault(snapshot.group.backup_type, {"groups": 0, "snapshots": 0})
                        counted["snapshots"] += 1
                        counted["groups"] += snapshot.group.path not in seen
                        seen.add(snapshot.group.path)
        # A type without groups is null.
        return {name: found.get(name) for name in ("ct", "host", "vm", "other")}

    def space(self) -> Row:
        return {"total": 4 * _TERABYTE, "used": _TERABYTE, "avail": 3 * _TERABYTE}

    # Nodes, tasks and tapes

    def _nodes(self, call: Call, account: Account) -> Response:
        """List nodes, only for the superuser."""
        if not account.is_superuser:
            raise Refusal(403, "permission check failed")
        return answer([{"node": NODE}])

    def _check_node(self, account: Account, node: str, path: str) -> None:
        if node not in ("localhost", NODE):
            raise Refusal(400, f"no such node '{node}'")
        if SYSTEM not in account.privileges(path):
            raise Refusal(403, f"permission check failed - missing Sys.Audit on {path}")

    def _node_status(self, call: Call, account: Account, node: str) -> Response:
        self._check_node(account, node, "/system/status")
        memory = {"total": 2**34, "used": 2**33, "free": 2**33}
        return answer(
            {
                "uptime": 1_000_000,
                "cpu": 0.05,
                "wait": 0.01,
                "loadavg": [0.3, 0.2, 0.1],
                "memory": memory,
                "swap": memory,
                "root": self.space(),
                "kversion": "Linux 6.14.0-1-pve",
                "info": {"fingerprint": ":".join(["ab"] * 32)},
            }
        )

    def _run_tasks(self) -> list[tuple[str, str, str]]:
        """Return the last task of each job: ID, type and worker."""
        stores = self.datastores.stores() if self.api.flag("jobs_ran") else []
        kinds = (("verificationjob", "{0}:v-{0}"), ("prunejob", "{0}"), ("garbage_collection", "{0}"))
        found = [(kind, worker.format(store)) for store in stores for kind, worker in kinds]
        return [(upid(kind, worker, self._started()), kind, worker) for kind, worker in found]

    def _tasks(self, call: Call, account: Account, node: str) -> Response:
        """List tasks: without Sys.Audit only the account's own tasks, so an auditor gets an empty list."""
        check_query(call, *("start", "limit", "since", "until", "store", "typefilter", "statusfilter", "running"))
        if SYSTEM not in account.privileges("/system/tasks"):
            return _list_tasks([], 0)
        self._check_node(account, node, "/system/tasks")
        rows: list[Row] = [
            {
                **describe(task),
                "worker_type": kind,
                "worker_id": worker,
                "endtime": self._started() + _DURATION,
                "status": "OK",
            }
            for task, kind, worker in self._run_tasks()
        ]
        start, limit = int(call.first("start") or 0), int(call.first("limit") or _LONGEST_TASK_LIST)
        return _list_tasks(rows[start : start + limit if limit else None], len(rows))

    def _task_status(self, call: Call, account: Account, node: str, task: str) -> Response:
        self._check_node(account, node, "/system/tasks")
        for known, kind, worker in self._run_tasks():
            if known == task:
                done = {"type": kind, "id": worker, "status": "stopped", "exitstatus": "OK"}
                return answer({**describe(task), **done})
        raise Refusal(400, f"no such task '{task}'")

    def _tape_content(self, call: Call, account: Account) -> Response:
        """List tape content: the newest snapshot of each group is also on tape."""
        check_query(call, "label-text", "pool", "media", "media-set", "backup-type", "backup-id")
        if TAPE not in account.privileges("/tape"):
            return answer([])
        rows = []
        for group in self.datastores.groups.values():
            if group.points and account.can_audit(data_path(group.store, group.namespace)):
                folder = "".join(f"ns/{part}/" for part in group.namespace.split("/") if part)
                time = snapshot_time(group.points[0].created_at)
                rows.append(
                    {
                        "label-text": "TAPE001L8",
                        "uuid": self.api.uuid("tape"),
                        "media-set-uuid": self.api.uuid("media set"),
                        "media-set-name": "weekly-1",
                        "media-set-ctime": self._started(),
                        "seq-nr": 0,
                        "pool": "weekly",
                        "store": group.store,
                        "snapshot": f"{folder}{group.backup_type}/{group.backup_id}/{time}",
                        "backup-time": seconds(group.points[0].created_at),
                    }
                )
        return answer(rows)
