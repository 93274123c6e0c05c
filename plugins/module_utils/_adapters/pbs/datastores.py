# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proxmox Backup Server: read groups and snapshots of datastores and namespaces, and verify that none is missing.

There is no paging: a list is one response. But the server silently omits groups that it cannot read. Therefore, three
numbers are compared: the listed snapshots, those that the groups count, and those that the datastore counts.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs.records import Group, Groups, Namespace
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
    ConnectionFailedError,
    InvalidResponseError,
    NotFoundError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_object,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_stream import PICKED, pick_objects
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client, path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

API = "/api2/json"
DATASTORES = f"{API}/admin/datastore"
# Maximum number of reads until groups and snapshots match: backups may start or be pruned in between.
_ATTEMPTS = 3
_SHOWN = 3
_FIRST_WITH_NAMESPACES, _FIRST_WITH_BACKENDS = (2, 2), (4, 0)
# Type -> (number of groups with snapshots, number of snapshots).
Counts = dict[str, tuple[int, int]]


@dataclasses.dataclass
class Store:
    """A datastore that can be read, with the server's own counts of its content."""

    name: str
    namespaces: list[Namespace]
    counts: Counts


class DatastoreReader:
    """Reads all or some datastores. Errors are passed to ``add_problem``, or to ``warn`` if the data is optional."""

    def __init__(
        self,
        client: Client,
        thread_pool: ThreadPool,
        add_problem: Callable[[AuditError], None],
        warn: Callable[[str], None],
        get_version: Callable[[], str | None],
        *,
        include_raw: bool,
    ) -> None:
        self._client = client
        self._thread_pool = thread_pool
        self._add_problem = add_problem
        self._warn = warn
        self._get_version = get_version
        self._include_raw = include_raw
        # Names of this server in the records of its garbage collections. Complete when ``read`` yields.
        self.nodes: set[str] = set()

    def read(self, selected: Sequence[str]) -> Iterator[tuple[Namespace, Groups]]:
        """Yield the groups of each namespace of the ``selected`` datastores (NAME) and namespaces (NAME/NAMESPACE)."""
        stores = self._open_stores(selected)
        counted: dict[Namespace, Counts] = {}
        namespaces = itertools.chain.from_iterable(store.namespaces for store in stores)
        for namespace, groups in self._thread_pool.map(self._read_namespace, namespaces):
            if isinstance(groups, AuditError):
                self._report(namespace.name, groups)
            else:
                counted[namespace] = _count_snapshots(groups)
                yield namespace, groups
        for store in stores:
            if all(namespace in counted for namespace in store.namespaces):
                self._compare_counts(store, [counted[namespace] for namespace in store.namespaces])

    def get_list(self, path: str, query: Mapping[str, str] | None = None) -> list[t.Any]:
        """Return the records of a list."""
        return _get_records(self._client.get(path, query))

    def _report(self, name: str, error: AuditError) -> None:
        error.message = f"datastore {name!r}: {error.message}"
        self._add_problem(error)

    # Datastores

    def _open_stores(self, selected: Sequence[str]) -> list[Store]:
        listed: dict[str, Mapping[str, t.Any]] = {}
        for row in self.get_list(DATASTORES):
            name = as_text(as_object(row).get("store"))
            if name is None:
                raise InvalidResponseError("a datastore has no 'store'", server=self._client.host, request=DATASTORES)
            listed[name] = row
        names = list(dict.fromkeys(name.partition("/")[0] for name in selected)) or list(listed)
        stores = []
        for name, store in self._thread_pool.map(
            lambda name: self._open_store(name, listed[name]), [name for name in names if name in listed]
        ):
            if isinstance(store, AuditError):
                self._report(name, store)
            else:
                stores.append(_select_namespaces(store, selected))
        known = {*listed, *(namespace.name for store in stores for namespace in store.namespaces)}
        for name in selected:
            if not any(_is_below(one, name) for one in known):
                text = ", ".join(sorted(listed)) or "none"
                error = NotFoundError("it is not listed", server=self._client.host, request=f"GET {DATASTORES}")
                error.hint = f'Correct "datastores", or grant the account permissions. Visible datastores: {text}'
                self._report(name, error)
        return stores

    def _open_store(self, name: str, row: Mapping[str, t.Any]) -> Store | AuditError:
        try:
            paths = self._fetch_namespaces(name)
        except REQUEST_ERRORS as error:
            return error
        if not paths:
            return InvalidResponseError("no namespace is listed, not even the root", server=self._client.host)
        backend = as_text(row.get("backend-type"))
        if backend is None and self._is_before(_FIRST_WITH_BACKENDS):
            backend = "filesystem"
        return Store(name, [Namespace(name, path, backend) for path in paths], self._fetch_counts(name))

    def _fetch_namespaces(self, store: str) -> list[str]:
        """Return all namespaces."""
        path = f"{DATASTORES}/{path_segment(store)}/namespace"
        try:
            rows = _get_records(self._request_once_if_slow(path))
        except NotFoundError:
            if self._is_before(_FIRST_WITH_NAMESPACES):
                return [""]
            raise
        found = [as_object(row).get("ns") for row in rows]
        if not all(isinstance(name, str) for name in found):
            raise InvalidResponseError("a namespace has no 'ns'", server=self._client.host, request=f"GET {path}")
        return list(dict.fromkeys(map(str, found)))

    def _request_once_if_slow(self, path: str) -> Response:
        """Retry after a broken connection, but not after a timeout.

        If a network file system hangs, each request for namespaces blocks another thread of the server.
        """
        for _attempt in range(self._client.endpoint.retries):
            try:
                return self._client.request("GET", path, idempotent=False)
            except ConnectionFailedError as error:
                if error.is_timeout or not error.is_transient:
                    raise
        return self._client.request("GET", path, idempotent=False)

    def _fetch_counts(self, store: str) -> Counts:
        """Return the server's own counts; types that it does not report are missing."""
        path = f"{DATASTORES}/{path_segment(store)}/status"
        try:
            data = as_object(self._client.get(path, {"verbose": "true"}).json_object().get("data"))
            self.nodes |= records.list_nodes([data.get("gc-status")], "upid")
            return _parse_counts(data.get("counts"))
        except REQUEST_ERRORS as error:
            self._warn(
                f"datastore {store!r}: the server's own number of groups cannot be read, so groups that it cannot list "
                f"would not be noticed: {error.message}"
            )
            return {}

    def _is_before(self, first: tuple[int, int]) -> bool:
        """Return whether the server is known to be older than a version."""
        parts = (self._get_version() or "").split(".")[:2]
        return all(map(str.isdecimal, parts)) and tuple(map(int, parts)) < first

    # Namespaces

    def _read_namespace(self, namespace: Namespace) -> Groups | AuditError:
        """Read groups, then snapshots; read again if fewer snapshots are listed than the groups count."""
        shortage = ""
        try:
            for _attempt in range(_ATTEMPTS):
                groups, snapshots = self._fetch_groups(namespace), self._fetch_snapshots(namespace)
                shortage = _find_shortage(groups, snapshots)
                if not shortage:
                    return {**{key: Group(*key) for key in groups}, **snapshots}
        except REQUEST_ERRORS as error:
            error.server = error.server or self._client.host
            error.request = error.request or f"groups and snapshots of {namespace.name}"
            return error
        return InvalidResponseError(
            f"the list of snapshots is incomplete: {shortage}",
            server=self._client.host,
            hint="Check the log of the server for snapshots that it cannot read",
        )

    def _fetch_groups(self, namespace: Namespace) -> dict[tuple[str, str], int]:
        """Return the number of snapshots of each group, including unfinished ones."""
        rows = self.get_list(*_listing(namespace, "groups"))
        return {records.get_group(row, "group"): records.get_count(row) for row in rows}

    def _fetch_snapshots(self, namespace: Namespace) -> Groups:
        response = self._client.get(*_listing(namespace, "snapshots"))
        parser = records.SnapshotParser(include_raw=self._include_raw)
        picked, document = pick_objects(response.body, parser.parse_all) or ({}, None)
        return picked if document == {"data": PICKED} else parser.parse_all(_get_records(response))

    def _compare_counts(self, store: Store, by_namespace: Sequence[Counts]) -> None:
        """Compare with the server's own counts, which include groups that the account cannot read."""
        listed = _add_counts(by_namespace)
        if not _find_uncounted(store.counts, listed):
            return
        # Snapshots may have been added or pruned since the first count.
        now = self._fetch_counts(store.name)
        both = {
            name: (min(groups, now[name][0]), min(snapshots, now[name][1]))
            for name, (groups, snapshots) in store.counts.items()
            if name in now
        }
        if difference := _find_uncounted(both, listed):
            error = InvalidResponseError(
                f"the list of snapshots is incomplete: {difference}",
                server=self._client.host,
                hint="Check that the account does not have the role NoAccess at a namespace of the datastore, and the "
                "log of the server for groups whose owner it cannot read",
            )
            self._report(store.name, error)


def _get_records(response: Response) -> list[t.Any]:
    return get_items(response.json_object(), "data", response.request, response.server)


def _listing(namespace: Namespace, what: str) -> tuple[str, dict[str, str]]:
    """Return path and query of a list. Versions before 2.2 reject ``ns``, which the root does not need."""
    return f"{DATASTORES}/{path_segment(namespace.store)}/{what}", {"ns": namespace.path} if namespace.path else {}


def _is_below(name: str, root: str) -> bool:
    return name == root or name.startswith(f"{root}/")


def _select_namespaces(store: Store, selected: Sequence[str]) -> Store:
    """Return the datastore with the selected namespaces only. Its counts are those of all namespaces together."""
    chosen = [one for one in store.namespaces if not selected or any(_is_below(one.name, name) for name in selected)]
    return store if len(chosen) == len(store.namespaces) else Store(store.name, chosen, {})


def _find_shortage(groups: Mapping[tuple[str, str], int], snapshots: Groups) -> str:
    """Describe groups that list fewer snapshots than they count; empty if there is none. A new one may be uncounted."""
    short = []
    for key, count in groups.items():
        listed = snapshots[key].count() if key in snapshots else 0
        if listed < count:
            short.append(f"{'/'.join(key)} lists {listed} of {count}")
    more = f"; and {len(short) - _SHOWN} more groups" if len(short) > _SHOWN else ""
    return "; ".join(short[:_SHOWN]) + more


def _parse_counts(counts: t.Any) -> Counts:
    """Parse the counts of a datastore; a type without groups is null. InvalidResponseError if they are incomplete."""
    if not isinstance(counts, dict):
        raise InvalidResponseError("the status of the datastore has no 'counts'")
    found: Counts = {}
    for backup_type, row in counts.items():
        groups, snapshots = as_int(as_object(row).get("groups")), as_int(as_object(row).get("snapshots"))
        if groups is not None and snapshots is not None:
            found[backup_type] = groups, snapshots
        elif row is not None:
            raise InvalidResponseError(f"the 'counts' of the type {backup_type!r} are not valid")
    return found


def _count_snapshots(groups: Groups) -> Counts:
    return _add_counts({group.backup_type: (1, group.count())} for group in groups.values() if group.snapshots)


def _add_counts(parts: Iterable[Counts]) -> Counts:
    groups: Counter[str] = Counter()
    snapshots: Counter[str] = Counter()
    for part in parts:
        for name, (more_groups, more_snapshots) in part.items():
            groups[name] += more_groups
            snapshots[name] += more_snapshots
    return {name: (groups[name], snapshots[name]) for name in groups}


def _find_uncounted(counts: Counts, listed: Counts) -> str:
    """Describe types for which the server counts more than it lists; empty if there is none."""
    parts = []
    for name, (groups, snapshots) in sorted(counts.items()):
        listed_groups, listed_snapshots = listed.get(name, (0, 0))
        if listed_groups < groups or listed_snapshots < snapshots:
            parts.append(
                f"{name}: {listed_snapshots} snapshots in {listed_groups} groups are listed, but the server counts "
                f"{snapshots} in {groups}"
            )
    return "; ".join(parts)
