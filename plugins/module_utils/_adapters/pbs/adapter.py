# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proxmox Backup Server: groups and snapshots of all datastores and namespaces.

Sources: the server's source code, its documentation, recorded responses of version 4.2.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs.datastores import (
    API,
    DATASTORES,
    DatastoreReader,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs.records import (
    Group,
    Groups,
    Namespace,
    Snapshot,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs.rights import ROOT, Rights
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._collect.points import UNKNOWN_SIZE
from ansible_collections.backup.audit.plugins.module_utils._core.errors import REQUEST_ERRORS, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_object,
    as_text,
    remove_secrets,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.stateless_auth import ApiToken, FormForTicket

_JOBS = ("verify", "sync", "prune")
_USER_ID = re.compile(r"[^\s:/]+")
_TOKEN_ID = re.compile(r"[!-~]+@[A-Za-z0-9_][A-Za-z0-9._-]*![A-Za-z0-9_][A-Za-z0-9._-]*")


class ProxmoxBackupServer(RestAdapter):
    """Reads the groups and the snapshots of each namespace, and compares their numbers."""

    product = "pbs"
    title = "Proxmox Backup Server"
    default_port = 8007
    environment = ("PBS",)
    workload_types = tuple(name for name, _platform in records.TYPES.values())
    allowlist = (
        AllowedRequest("POST", f"{API}/access/ticket"),
        AllowedRequest("GET", f"{API}/access/permissions", {"path": None}),
        AllowedRequest("GET", f"{API}/version"),
        *(AllowedRequest("GET", f"{API}/admin/{name}") for name in _JOBS),
        AllowedRequest("GET", DATASTORES),
        AllowedRequest("GET", f"{DATASTORES}/{{store}}/namespace"),
        AllowedRequest("GET", f"{DATASTORES}/{{store}}/status", {"verbose": "true"}),
        AllowedRequest("GET", f"{DATASTORES}/{{store}}/groups", {"ns": None}),
        AllowedRequest("GET", f"{DATASTORES}/{{store}}/snapshots", {"ns": None}),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "in_inventory": ("cannot", "the server lists only guests that were backed up"),
            "completed_at": ("cannot", "snapshots have only the time at which the backup started"),
            "incremental:kind": ("cannot", "snapshots do not depend on each other, so each is a full backup"),
            "archive:kind": ("cannot", "snapshots do not depend on each other, so each is a full backup"),
            "status": (
                "sometimes",
                "warnings are only in the log of the backup task; damage is known after a verification",
            ),
            "usable": (
                "sometimes",
                "a snapshot that was damaged after its last verification is listed like an intact one",
            ),
            "size_bytes": ("cannot", "only the size before deduplication is reported"),
            "restore_tested": ("cannot", "the product does not run test restores"),
            "integrity_checked": (
                "sometimes",
                "only a verification in this datastore counts; sync jobs copy the result of the source",
            ),
            "encrypted": ("sometimes", "unknown for unfinished snapshots and if the manifest cannot be read"),
            "offsite": ("cannot", "datastores have no site"),
            "immutable": ("cannot", "protected snapshots can be deleted by any account that may remove the protection"),
            "malware": ("cannot", "backups are not scanned"),
            "expires_at": ("cannot", "retention is decided when a prune job runs"),
            "retention": ("cannot", "snapshots have no retention class"),
            "job": ("cannot", "snapshots do not name the job that created them"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the options of this product."""
        return {
            "datastores": {"type": "list", "elements": "str", "default": []},
            "workload_name": {"type": "str", "choices": ["comment", "id"], "default": "comment"},
        }

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Reject names that the server cannot accept, before the password is sent."""
        user, at, realm = settings.username.rpartition("@")
        if not (user and at and realm):
            raise OptionError(
                f"username: {settings.username!r} has no realm",
                hint="Use USER@REALM, such as audit@pbs, or the ID of an API token, such as audit@pbs!ansible",
            )
        if not (_TOKEN_ID if "!" in realm else _USER_ID).fullmatch(settings.username):
            raise OptionError(
                "username: the value is not a valid user or token ID. It is not shown, because it may contain a secret",
                hint='Use USER@REALM or USER@REALM!TOKEN in username, and only the secret in "password"',
            )
        for name in settings.own.get("datastores", ()):
            if not all(name.split("/")):
                raise OptionError(
                    f"datastores: {name!r} is not a valid name", hint="Use DATASTORE or DATASTORE/NAMESPACE"
                )

    def open(self, collector: Collector) -> None:
        """Log in with a ticket, or check the API token."""
        if self.client.prefix.endswith(API):
            raise OptionError(
                f"url: expected a URL without {API} at the end", hint="Use https://HOST or https://HOST:PORT"
            )
        username, password = self.settings.username, self.settings.password
        if "!" in username.rpartition("@")[2]:
            self.log_in(ApiToken(username, password, scheme="PBSAPIToken", path=f"{API}/version"))
            return
        self.log_in(
            FormForTicket(
                username,
                password,
                path=f"{API}/access/ticket",
                cookie="PBSAuthCookie",
                challenge=":!tfa!",
                mfa_hint="Use an API token (USER@REALM!TOKEN) for unattended runs: it needs no second factor",
            )
        )

    def version(self) -> str | None:
        """Return MAJOR.MINOR.PATCH: the product reports the patch level separately."""
        data = as_object(self.client.get(f"{API}/version").json_object().get("data"))
        parts = [part for part in (as_text(data.get("version")), as_text(data.get("release"))) if part]
        return ".".join(parts) or None

    # Reading

    def read(self, collector: Collector) -> None:
        """Read all datastores that the account can see, or the selected ones."""
        # PBS knows guests only through their backups.
        collector.scope["inventory"] = False
        self._check_rights(collector)
        reader = DatastoreReader(
            self.client,
            self.thread_pool,
            collector.add_problem,
            collector.warnings.append,
            self.known_version,
            include_raw=self.settings.include_raw,
        )
        jobs = [self.thread_pool.submit(self._fetch_nodes, reader, name) for name in _JOBS]
        foreign = 0
        for namespace, groups in reader.read(self._datastores):
            nodes = reader.nodes.union(*(job.result() for job in jobs))
            foreign += self._add_groups(collector, namespace, groups, nodes)
        if foreign:
            reason = "by another server or in another datastore, before they were copied here"
            if not nodes:
                reason = "by an unknown server: the account sees no task of this server, so its name is unknown"
            collector.warnings.append(f"{foreign} snapshots were verified {reason}. They do not count as checked")

    @property
    def _datastores(self) -> tuple[str, ...]:
        return tuple(self.settings.own.get("datastores") or ())

    def _check_rights(self, collector: Collector) -> None:
        """Record whether the permissions prove that listings are complete. Too few rights cause no error."""
        rights = Rights(self._fetch_permissions({}))
        paths = [f"{ROOT}/{name}" for name in self._datastores]
        for path in paths:
            rights.add(path, self._fetch_permissions({"path": path}).get(path))
        gaps = [gap for path in paths or [ROOT] if (gap := rights.find_gap(path))]
        collector.scope["datastores"] = not gaps
        for gap in gaps:
            gap.server = self.client.host
            collector.add_problem(gap)

    def _fetch_permissions(self, query: dict[str, str]) -> dict[str, t.Any]:
        return as_object(self.client.get(f"{API}/access/permissions", query).json_object().get("data"))

    def _fetch_nodes(self, reader: DatastoreReader, jobs: str) -> set[str]:
        """Return the names of this server in the tasks of its jobs. Versions before 2.2 have no prune jobs."""
        try:
            return records.list_nodes(reader.get_list(f"{API}/admin/{jobs}"), "last-run-upid")
        except REQUEST_ERRORS:
            return set()

    # Points

    def _add_groups(self, collector: Collector, namespace: Namespace, groups: Groups, nodes: set[str]) -> int:
        """Add the workloads and points of a namespace; return the number of points that were verified elsewhere."""
        use_comment = self.settings.own.get("workload_name") != "id"
        types, foreign = self.settings.workload_types, 0
        for group in groups.values():
            workload = namespace.build_workload(group, use_comment=use_comment)
            if workload.type not in types and (group.backup_type in records.TYPES or types != self.workload_types):
                continue
            if group.snapshots:
                foreign += self._add_snapshots(collector, namespace, workload, group, nodes)
            elif self.settings.include_unprotected:
                collector.add_workload(workload)
        return foreign

    def _add_snapshots(
        self, collector: Collector, namespace: Namespace, workload: Workload, group: Group, nodes: set[str]
    ) -> int:
        """Add the snapshots of a group; return the number of those that were verified elsewhere."""
        # The parser stores equal values only once, so their id() is sufficient.
        by_state: dict[tuple[int, int], list[Snapshot]] = {}
        for snapshot in group.snapshots:
            by_state.setdefault((id(snapshot.files), id(snapshot.verification)), []).append(snapshot)
        # ``add_points`` does not compare points with each other.
        has_duplicates = group.count() < len(group.snapshots)
        counts_only = self.settings.detail == "workloads" and not self.settings.include_raw and not has_duplicates
        foreign = 0
        for snapshots in by_state.values():
            result = records.evaluate_verification(snapshots[0].verification, namespace.store, nodes)
            foreign += len(snapshots) * result.is_foreign
            template = records.build_template(snapshots[0], namespace, workload, result)
            if counts_only and template.checked_at is None:
                ids = [snapshot.time for snapshot in snapshots]
                times = [time * SECOND for time in ids]
                collector.add_points(template, ids, times, [UNKNOWN_SIZE] * len(ids))
                continue
            for snapshot in snapshots:
                ident, created = records.get_id(workload, snapshot.time), snapshot.time * SECOND
                if snapshot.raw is None:
                    collector.add_point_like(template, ident, created, None)
                else:
                    raw = remove_secrets(snapshot.raw)
                    collector.add_point(dataclasses.replace(template, id=ident, created=created, raw=raw))
        return foreign
