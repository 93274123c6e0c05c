# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datastores, namespaces, groups and snapshots of the simulated Proxmox Backup Server, from the ground truth.

The first location of a workload's policy is its datastore. Some policies have a namespace of their own. Numbers of
guests start again in each namespace, as those of separate clusters do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tests.simulators.ground_truth import HOUR, SECOND, Point, Workload, as_datetime
from tests.simulators.pbs.accounts import Account
from tests.simulators.pbs.upids import upid
from tests.simulators.product_api import ProductApi

Row = dict[str, object]

_NAMESPACES = {"gold": "production", "platinum": "production/critical", "mail": "production/mail/archive"}
_FIRST_NUMBER = 100
_MANIFEST, _LOG = "index.json.blob", "client.log.blob"
_MANIFEST_BYTES = 512
_OWNER = "pve@pbs!cluster"
# The account `owner` owns the groups of this policy.
_OWNED = {"gold": "backup-gold@pbs"}
_KEY = "8d:80:00:ab:90:fc:ea:9a:d6:1a:52:5b:eb:71:d0:e9:d5:dd:d1:85:0e:41:85:51:27:a7:3f:a0:61:b1:a9:50"
# Files of a backup and their share of its size.
_FILES = {
    "vm": (("qemu-server.conf.blob", 0), ("drive-scsi0.img.fidx", 1)),
    "ct": (("pct.conf.blob", 0), ("root.pxar.didx", 1), ("catalog.pcat1.didx", 0)),
    "host": (("root.pxar.didx", 1), ("catalog.pcat1.didx", 0)),
}
# The target of the variant `synced`, and the server and datastore from which it was pulled.
SYNC_TARGET, SYNC_NAMESPACE = "dr-copies", "from-berlin"
OTHER_NODE = "pbs-frankfurt"


def seconds(moment: int) -> int:
    return moment // SECOND


def snapshot_time(moment: int) -> str:
    return f"{as_datetime(moment):%Y-%m-%dT%H:%M:%SZ}"


def parse_version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def data_path(store: str, namespace: str) -> str:
    """Return the path of a namespace in the tree of permissions."""
    return f"/datastore/{store}" + (f"/{namespace}" if namespace else "")


@dataclass
class Group:
    store: str
    namespace: str
    backup_type: str
    backup_id: str
    work: Workload
    owner: str
    points: list[Point] = field(default_factory=list)
    # Whether it is a copy that a sync job pulled from another server.
    is_pulled: bool = False

    @cached_property
    def path(self) -> str:
        return f"{self.store}/{self.namespace}".rstrip("/") + f"/{self.backup_type}/{self.backup_id}"


@dataclass(frozen=True)
class Snapshot:
    group: Group
    row: Row
    encoded: bytes


class Datastores:
    """All groups; `prepare` builds their snapshots according to the variants."""

    def __init__(self, api: ProductApi) -> None:
        self.api = api
        self.groups = {work.key: group for work, group in self._build_groups()}
        self.snapshots: dict[tuple[str, str], list[Snapshot]] = {}

    def _build_groups(self) -> Iterator[tuple[Workload, Group]]:
        numbers: dict[tuple[str, str], int] = {}
        for work in self.api.workloads(*self.api.LISTS):
            if work.policy is None:
                continue
            place = work.policy.rules[0].location.name, _NAMESPACES.get(work.policy.key, "")
            backup_type = (
                "host" if work.workload_type == "physical" else "ct" if work.platform_hint == "hyperv" else "vm"
            )
            numbers[place] = numbers.get(place, _FIRST_NUMBER - 1) + 1
            ident = work.name if backup_type == "host" else str(numbers[place])
            owner = _OWNED.get(work.policy.key, _OWNER)
            yield work, Group(*place, backup_type, ident, work, owner, self.api.listed_points(work))

    @property
    def version(self) -> tuple[int, ...]:
        return parse_version(self.api.text("version"))

    def prepare(self) -> None:
        self.snapshots = {(store, ""): [] for store in self.stores()}
        for group in self._listed_groups():
            rows = [self._row(group, point, age == 0) for age, point in enumerate(group.points)]
            # The server lists a folder, in no particular order.
            rows.reverse()
            made = [Snapshot(group, row, json.dumps(row).encode()) for row in rows]
            self.snapshots.setdefault((group.store, group.namespace), []).extend(made)

    def stores(self) -> list[str]:
        names = sorted({group.store for group in self.groups.values()})
        return [*names, SYNC_TARGET] if self.api.flag("synced") else names

    def namespaces(self, store: str) -> list[str]:
        """Return all namespaces of a datastore, including parents without groups."""
        found = {""}
        for group in self._listed_groups():
            if group.store == store:
                parts = group.namespace.split("/") if group.namespace else []
                found.update("/".join(parts[:depth]) for depth in range(len(parts) + 1))
        return sorted(found)

    def _listed_groups(self) -> Iterator[Group]:
        for group in self.groups.values():
            if group.namespace and self.version < (2, 2):
                continue
            if group.points or self.api.flag("empty_groups"):
                yield group
        if self.api.flag("synced") and self.version >= (2, 2):
            for group in self.groups.values():
                if group.points and group.namespace == "production":
                    finished = [point for point in group.points if point.status != "running"]
                    place = SYNC_TARGET, SYNC_NAMESPACE, group.backup_type, group.backup_id
                    yield Group(*place, group.work, "sync@pbs", finished, is_pulled=True)

    # Records

    def group_rows(self, store: str, namespace: str, account: Account) -> Iterator[Row]:
        sees_all = account.can_audit(data_path(store, namespace))
        for group in self._listed_groups():
            if (group.store, group.namespace) != (store, namespace) or not (sees_all or account.owns(group.owner)):
                continue
            if self._is_hidden(group) or (not group.points and self.version < (4, 0, 17)):
                continue
            if self.api.text("hidden_groups") == "snapshots" and self.is_first(group):
                # The server could not list its snapshots, and omits the group.
                continue
            yield self._group_row(group)

    def snapshots_seen(self, store: str, namespace: str, account: Account) -> list[Snapshot]:
        sees_all = account.can_audit(data_path(store, namespace))
        listed = self.snapshots.get((store, namespace), [])
        return [one for one in listed if (sees_all or account.owns(one.group.owner)) and not self._is_hidden(one.group)]

    def is_first(self, group: Group) -> bool:
        """Return whether variants about one group apply to this one: the first of its namespace with snapshots."""
        same = (one for one in self._listed_groups() if (one.store, one.namespace) == (group.store, group.namespace))
        return next(one for one in same if one.points).path == group.path

    def _is_hidden(self, group: Group) -> bool:
        """Return whether the group is in neither list, because its owner cannot be read."""
        return self.api.text("hidden_groups") == "owner" and bool(group.points) and self.is_first(group)

    def _group_row(self, group: Group) -> Row:
        finished = [point for point in group.points if point.status != "running"]
        # An unfinished upload counts only if there is nothing else.
        newest = next(iter([*finished, *group.points]), None)
        files = [*(name for name, _share in _FILES[group.backup_type]), _MANIFEST]
        row: Row = {
            "backup-type": group.backup_type,
            "backup-id": group.backup_id,
            "last-backup": 0 if newest is None else seconds(newest.created_at),
            "backup-count": len(group.points),
            "files": files if finished else [],
            "owner": group.owner,
        }
        if self.version < (4, 0, 17) and group.points:
            # A lower bound: the server does not sort the snapshots first.
            row["last-backup"] = seconds(group.points[-1].created_at)
        return row

    def _row(self, group: Group, point: Point, is_newest: bool) -> Row:
        row: Row = {
            "backup-type": group.backup_type,
            "backup-id": group.backup_id,
            "backup-time": seconds(point.created_at),
            "files": [],
            "owner": group.owner,
            "protected": point.hold is not None and not group.is_pulled,
        }
        if point.status == "running":
            uploaded = _FILES[group.backup_type][: self.api.number("uploaded_files")]
            return {**row, "files": [{"filename": name} for name, _share in uploaded]}
        if is_newest and self.api.flag("unreadable_manifests"):
            names = [*(name for name, _share in _FILES[group.backup_type]), _MANIFEST]
            return {**row, "files": [{"filename": name} for name in names]}
        files = list(self._files(group, point))
        if group.backup_type != "host":
            row["comment"] = self._comment(group.work)
        if verification := self._verification(group, point):
            row["verification"] = verification
        if point.encrypted:
            row["fingerprint"] = _KEY
        row["size"] = sum(size for one in files if isinstance(size := one.get("size"), int))
        # The log is uploaded after the manifest, which does not list it.
        return {**row, "files": [*files, {"filename": _LOG}] if group.backup_type == "vm" else files}

    def _files(self, group: Group, point: Point) -> Iterator[Row]:
        for number, (name, share) in enumerate(_FILES[group.backup_type]):
            mixed = self.api.flag("mixed_encryption") and number == 0
            mode = "encrypt" if point.encrypted and not mixed else "none"
            yield {"filename": name, "crypt-mode": mode, "size": group.work.source_bytes if share else 442}
        mode = "sign-only" if point.encrypted else "none"
        yield {"filename": _MANIFEST, "crypt-mode": mode, "size": _MANIFEST_BYTES}

    def _comment(self, work: Workload) -> str:
        """The first line of the notes; Proxmox VE writes the name of the guest there by default."""
        style = self.api.text("comments")
        return {"name": work.name, "template": f"cluster-1, {work.name}, pve-2", "empty": ""}[style]

    def _verification(self, group: Group, point: Point) -> Row | None:
        if group.is_pulled:
            # A copy has the result of the server from which it was pulled.
            if point.checked_at is None:
                return None
            task = upid("verificationjob", f"{group.work.site.key}:daily", seconds(point.checked_at), node=OTHER_NODE)
            return {"state": "ok", "upid": task}
        if not point.usable:
            return {"state": "failed", "upid": self._verify_task(group, seconds(point.run.started + HOUR))}
        if point.checked_at is None:
            return None
        return {"state": "ok", "upid": self._verify_task(group, seconds(point.checked_at))}

    def _verify_task(self, group: Group, start: int) -> str:
        if self.api.text("verified_by") == "user":
            return upid("verify", group.store, start, user="admin@pbs")
        return upid("verificationjob", f"{group.store}:v-{group.store}", start)

    # Identifiers of the ground truth

    def workload_id(self, work: Workload) -> str:
        group = self.groups.get(work.key)
        return work.key if group is None else group.path

    def point_id(self, work: Workload, point: Point) -> str:
        return f"{self.workload_id(work)}/{snapshot_time(point.created_at)}"
