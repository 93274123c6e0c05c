# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxmox Backup Server. Accounts: see accounts.py.

The product waits for three seconds before it rejects a login; this simulator does not.

Variants (product `pbs`; every product also has those of `ProductApi`):
  version               4.2.0  below 4.1.7 datastores have no backend-type, below 4.0.17 empty groups are not listed and
                               last-backup is a lower bound, below 3.3 no mount-status and no push jobs, below 3.2 no
                               state of garbage collection, below 2.2 no namespaces (nor what is in them) and no prune
                               jobs
  second_factor         false  the login with a password needs a second factor
  offline               ""     name of a datastore in maintenance mode
  maintenance           offline,message=disk swap tonight
                               its maintenance mode, as in the list of datastores: a property string
  hidden_groups         ""     owner: one group of each namespace is in neither list, because its owner cannot be read;
                               snapshots: one group is not in the list of groups, and listing the snapshots fails
  empty_groups          false  groups without snapshots exist
  unreadable_manifests  false  the manifest of the newest snapshot of each group cannot be read
  uploaded_files        0      number of files that an unfinished upload lists
  mixed_encryption      false  one file of each snapshot is not encrypted
  comments              name   template: several names; empty: an empty text
  verified_by           job    user: a verification that somebody started
  jobs_ran              true   false: no job and no garbage collection has ever run, so no response names the node
  synced                false  a datastore with copies that were pulled from another server
  counts                true   false: the status of a datastore has no counts
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tests.simulators.ground_truth import Estate, Point, Workload
from tests.simulators.member_names import MemberNames
from tests.simulators.pbs.accounts import ACCOUNTS, Account, TicketStore, reported_permissions
from tests.simulators.pbs.datastores import Datastores, Row, Snapshot, data_path, parse_version, seconds
from tests.simulators.pbs.jobs import JSON, Jobs, answer, check_query
from tests.simulators.product_api import (
    Call,
    Listing,
    ProductApi,
    Refusal,
    Response,
    Route,
    Setting,
    build_credentials,
)

_STORE = "/api2/json/admin/datastore/{store}"
_DEEPEST = 7
# Maintenance modes with a separate message.
_ENDING = {"delete": "datastore is being deleted", "unmount": "datastore is being unmounted"}
# A failed backup removes its snapshot at the end, so failed runs leave none.
_STATUSES = frozenset({"success", "warning", "running"})


class Pbs(ProductApi):
    product: ClassVar[str] = "pbs"
    LOG_IN: ClassVar[str] = "/api2/json/access/ticket"
    LISTING: ClassVar[str] = "/api2/json/admin/datastore/*/snapshots"
    STORES_SESSIONS: ClassVar[bool] = False
    SOME_OBJECTS: ClassVar[Mapping[str, object]] = {"path": LISTING, "after": 1}
    SIDE_LISTING: ClassVar[Mapping[str, object]] = {"path": "/api2/json/admin/datastore/*/status"}
    MEMBER_NAMES: ClassVar[MemberNames] = MemberNames(enum_members=frozenset({"state", "crypt-mode", "backend-type"}))
    LISTS: ClassVar[dict[str, Listing]] = {
        "vm": Listing(frozenset({"full", "incremental", "archive"}), _STATUSES, "5"),
        "physical": Listing(frozenset({"full", "incremental"}), _STATUSES, "5"),
    }
    VARIANTS: ClassVar[dict[str, Setting]] = {
        **ProductApi.VARIANTS,
        "version": "4.2.0",
        "second_factor": False,
        "offline": "",
        "maintenance": "offline,message=disk swap tonight",
        "hidden_groups": "",
        "empty_groups": False,
        "unreadable_manifests": False,
        "uploaded_files": 0,
        "mixed_encryption": False,
        "comments": "name",
        "verified_by": "job",
        "jobs_ran": True,
        "synced": False,
        "counts": True,
    }

    session_store: TicketStore

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.session_store = TicketStore()
        self.datastores = Datastores(self)
        self.jobs = Jobs(self, self.datastores)
        self.routes = [
            Route("POST", "/api2/json/access/ticket", self._log_in, needs_session=False),
            Route("GET", "/api2/json/access/permissions", self._permissions),
            Route("GET", "/api2/json/ping", lambda call, _account: answer({"pong": True}), needs_session=False),
            Route("GET", "/api2/json/version", self._version),
            Route("GET", "/api2/json/admin/datastore", self._list_datastores),
            Route("GET", f"{_STORE}/namespace", self._list_namespaces),
            Route("GET", f"{_STORE}/groups", self._list_groups),
            Route("GET", f"{_STORE}/snapshots", self._list_snapshots),
            Route("GET", f"{_STORE}/group-notes", self._group_notes),
            Route("GET", f"{_STORE}/status", self._status),
            Route("GET", f"{_STORE}/gc", self._gc),
            Route("GET", "/api2/json/status/datastore-usage", self._usage),
            *self.jobs.routes(),
        ]

    def prepare(self) -> None:
        self.datastores.prepare()

    def end_sessions(self) -> None:
        """A restart does not end tickets."""

    # Accounts

    def _log_in(self, call: Call, _account: None) -> Response:
        return answer(self.session_store.log_in(call, self.flag("second_factor"), seconds(self.clock())))

    def authorize(self, call: Call) -> Account:
        return self.session_store.authorize(call)

    def credentials(self) -> dict[str, object]:
        logins = {name: {"username": one.name, "password": one.secret} for name, one in ACCOUNTS.items()}
        token = ACCOUNTS["token"]
        return {**build_credentials(logins), "token_id": token.name, "token_secret": token.secret}

    def _permissions(self, call: Call, account: Account) -> Response:
        check_query(call, "path", "auth-id")
        return answer(reported_permissions(account, call.first("path")))

    def _version(self, _call: Call, _account: Account) -> Response:
        """The version is MAJOR.MINOR, and the release is the patch level."""
        major, minor, patch = parse_version(self.text("version"))
        return answer({"version": f"{major}.{minor}", "release": str(patch), "repoid": self.digest("source")})

    # Datastores

    def _visible_namespaces(self, store: str, account: Account) -> list[str]:
        return [one for one in self.datastores.namespaces(store) if account.can_see(data_path(store, one))]

    def _list_datastores(self, call: Call, account: Account) -> Response:
        check_query(call)
        rows = []
        for store in self.datastores.stores():
            if not self._visible_namespaces(store, account):
                continue
            row: Row = {"store": store, "comment": None}
            if store == self.text("offline"):
                row["maintenance"] = self.text("maintenance")
            rows.append({**row, **self._backend()})
        return answer(rows)

    def _backend(self) -> Row:
        """Return fields of a datastore that only newer versions report."""
        row: Row = {}
        if self.datastores.version >= (3, 3):
            row["mount-status"] = "nonremovable"
        if self.datastores.version >= (4, 1, 7):
            row["backend-type"] = "filesystem"
        return row

    def _open(self, store: str) -> None:
        if store not in self.datastores.stores():
            raise Refusal(400, f"no such datastore '{store}'")
        mode, _comma, rest = self.text("maintenance").removeprefix("type=").partition(",")
        if store == self.text("offline") and mode != "read-only":
            message = rest.removeprefix("message=").strip('"')
            reason = _ENDING.get(mode, f"{mode} maintenance mode: {message}")
            raise Refusal(400, f"datastore '{store}' is unavailable: {reason}")

    def _namespace(self, call: Call, store: str, account: Account) -> str:
        """Return the namespace of a call, which the account must be allowed to list."""
        namespace = call.first("ns") or ""
        if not account.can_see(data_path(store, namespace)):
            needed = f"Datastore.Audit|Datastore.Backup on {data_path(store, namespace)}"
            raise Refusal(403, f"permission check failed - missing {needed}")
        self._open(store)
        if namespace not in self.datastores.namespaces(store):
            raise Refusal(400, f"namespace '{namespace}' does not exist")
        return namespace

    def _ns_parameter(self) -> list[str]:
        return ["ns"] if self.datastores.version >= (2, 2) else []

    def _list_namespaces(self, call: Call, account: Account, store: str) -> Response:
        if self.datastores.version < (2, 2):
            raise Refusal(404, f"Path '{call.path}' not found.")
        check_query(call, "parent", "max-depth")
        self._open(store)
        parent, depth = call.first("parent") or "", int(call.first("max-depth") or _DEEPEST)
        level = parent.count("/") + 1 if parent else 0
        rows = [
            {"ns": one}
            for one in self._visible_namespaces(store, account)
            if (one == parent or one.startswith(f"{parent}/" if parent else ""))
            and (one.count("/") + 1 if one else 0) - level <= depth
        ]
        if not rows and not parent:
            raise Refusal(403, "permission check failed")
        return answer(rows)

    def _list_groups(self, call: Call, account: Account, store: str) -> Response:
        check_query(call, *self._ns_parameter())
        namespace = self._namespace(call, store, account)
        return answer(list(self.datastores.group_rows(store, namespace, account)))

    def _list_snapshots(self, call: Call, account: Account, store: str) -> Response:
        check_query(call, *self._ns_parameter(), "backup-type", "backup-id")
        namespace = self._namespace(call, store, account)
        seen = self.datastores.snapshots_seen(store, namespace, account)
        if seen and self.text("hidden_groups") == "snapshots":
            raise Refusal(400, f"unable to read group '{seen[0].group.path}': Input/output error (os error 5)")
        wanted_type, wanted_id = call.first("backup-type"), call.first("backup-id")
        chosen = [
            one
            for one in seen
            if wanted_type in (None, one.group.backup_type) and wanted_id in (None, one.group.backup_id)
        ]
        rows = self.with_concurrent_changes(call, chosen, _text)
        return Response(200, b'{"data":[' + b",".join(one.encoded for one in rows) + b"]}", JSON)

    def _group_notes(self, call: Call, account: Account, store: str) -> Response:
        check_query(call, *self._ns_parameter(), "backup-type", "backup-id")
        self._namespace(call, store, account)
        return answer("")

    def _status(self, call: Call, account: Account, store: str) -> Response:
        check_query(call, "verbose")
        if not self._visible_namespaces(store, account):
            raise Refusal(403, "permission check failed")
        self._open(store)
        sees_store = account.can_see(data_path(store, ""))
        # The account can see a namespace but not the datastore itself.
        row: Row = self.jobs.space() if sees_store else {"total": 0, "used": 0, "avail": 0}
        if self.datastores.version >= (4, 1, 7):
            row["backend-type"] = "filesystem"
        if call.first("verbose") in ("1", "true"):
            if sees_store:
                row["gc-status"] = self.jobs.gc_status(store)
            if self.flag("counts"):
                row["counts"] = self.jobs.counts(store, account)
        return answer(row)

    def _gc(self, call: Call, account: Account, store: str) -> Response:
        check_query(call)
        if not account.can_audit(data_path(store, "")):
            raise Refusal(403, f"permission check failed - missing Datastore.Audit on {data_path(store, '')}")
        self._open(store)
        return answer(self.jobs.gc_job(store))

    def _usage(self, call: Call, account: Account) -> Response:
        check_query(call)
        rows = []
        for store in self.datastores.stores():
            if account.can_see(data_path(store, "")):
                row: Row = {"store": store, **self._backend()}
                try:
                    self._open(store)
                    rows.append({**row, **self.jobs.space(), "history-delta": 1800})
                except Refusal as refusal:
                    rows.append({**row, "error": refusal.reason})
        return answer(rows)

    # Errors and ground truth

    def error_response(self, call: Call, refusal: Refusal) -> Response:
        """Return plain text, labeled as JSON."""
        return Response(refusal.status, refusal.reason.encode(), JSON)

    def workload_id(self, work: Workload) -> str:
        return self.datastores.workload_id(work)

    def point_id(self, work: Workload, point: Point) -> str:
        return self.datastores.point_id(work, point)


def _text(snapshot: Snapshot) -> bytes:
    return snapshot.encoded
