# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: read the copies of recovery points from the view of the restore wizard (copies: true)."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.api import PART_ERRORS, Api, get_href
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.copies import (
    Sites,
    get_protection,
    parse_view_copies,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.spp.records import (
    View,
    build_workload,
    have_same_ids,
    pair_machines,
    same_id,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, Workload, WorkloadKey
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_epoch_millis
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.client import path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

_FROM = {"from": "recovery"}
_MACHINE = re.compile(r"/vm/([^/?]+)")
# Maximum number of names that a warning lists.
_MAX_NAMES = 5


class RestoreView:
    """The restore wizard's view of the virtual machines of one server."""

    def __init__(self, api: Api, thread_pool: ThreadPool, collector: Collector) -> None:
        self._api = api
        self._thread_pool = thread_pool
        self._collector = collector
        self._sites = Sites(())

    def read(self, workloads: Sequence[Workload], catalog_ids: Collection[str]) -> Mapping[WorkloadKey, View]:
        """Return the view of each workload. Those that could not be read are missing, and a warning names them."""
        search = self._thread_pool.submit(self._api.search)
        sites = self._thread_pool.submit(self._api.list_optional, "/api/site", {}, "sites", "sites").result()
        found = search.result()
        self._sites = Sites(sites.rows)
        self._collector.scope["copies"] = found.is_available
        if sites.problem:
            self._collector.warnings.append(f"not all sites could be read, their names are unknown: {sites.problem}")
        if found.problem:
            self._collector.scope["copies"] = False
            self._collector.warnings.append(
                f"the restore view could not be read completely, so copies are unknown: {found.problem}"
            )
        if not found.is_available:
            return {}
        machines = [build_workload(row, "vm") for row in found.rows]
        rows = {id(machine): row for machine, row in zip(machines, found.rows, strict=True)}
        pairs = pair_machines(workloads, machines, by_id=have_same_ids(catalog_ids, machines))
        views: dict[WorkloadKey, View] = {}
        problems = [(workload, "not listed in the restore view") for workload, match in pairs if match is None]
        jobs = [(workload, rows[id(match)]) for workload, match in pairs if match is not None]
        for (workload, _row), view in self._thread_pool.map(self._try_read, jobs):
            if isinstance(view, AuditError):
                problems.append((workload, view.message))
            else:
                views[workload.key] = view
        if problems:
            self._collector.scope["copies"] = False
            named = "; ".join(
                f"{workload.name or workload.id}: {problem}" for workload, problem in problems[:_MAX_NAMES]
            )
            self._collector.warnings.append(f"copies of {len(problems)} virtual machines are unknown. {named}")
        return views

    def _try_read(self, job: tuple[Workload, Mapping[str, t.Any]]) -> View | AuditError:
        try:
            return self._read_machine(*job)
        except PART_ERRORS as error:
            return error

    def _read_machine(self, workload: Workload, machine: Mapping[str, t.Any]) -> View:
        """Read the versions of a machine, and the copies of each of them."""
        ident = path_segment(as_text(machine.get("id")) or "")
        href = get_href(machine, "versions")
        own = as_text(machine.get("hypervisorKey"))
        hypervisor = own or as_text(as_object(machine.get("config")).get("hypervisorKey"))
        if href:
            # Its first parts are /api/hypervisor/ID.
            hypervisor = unquote((urlsplit(self._api.client.to_local_path(href)).path.split("/") * 4)[3])
        base = f"/api/hypervisor/{path_segment(hypervisor or '')}/vm/{ident}"
        link = self._api.follow(href or f"{base}/version", unquote(base))
        view: dict[int, list[Copy] | None] = {}
        for row in self._api.list_items(link, {**_FROM, "embedCopies": "true"}, "versions", "copies"):
            version = as_object(row)
            if not _is_version_of(version, machine, workload):
                continue
            try:
                time = parse_epoch_millis(get_protection(version).get("protectionTime"))
            except DataError:
                continue
            view[time] = self._read_copies(version, unquote(base), workload)
        return view

    def _read_copies(self, version: Mapping[str, t.Any], base: str, workload: Workload) -> list[Copy] | None:
        """Return the copies of a version; if they are not in the response, request them as the web interface does."""
        copies = version.get("copies")
        if not isinstance(copies, list):
            href = get_href(version, "copies")
            if href is None:
                return None
            copies = list(self._api.list_items(self._api.follow(href, base), _FROM, "copies", "copies"))
        rows = [copy for copy in copies if isinstance(copy, dict)]
        # An empty list means that no copy is left; a list of invalid items does not.
        return parse_view_copies(rows, self._sites, workload.platform) if rows or not copies else None


def _is_version_of(version: Mapping[str, t.Any], machine: Mapping[str, t.Any], workload: Workload) -> bool:
    """Return whether a version belongs to the requested machine, by its own link or else by its name.

    The machines of one session have versions of the same time.
    """
    linked = _MACHINE.search(unquote(get_href(version, "self") or ""))
    if linked:
        return same_id(linked[1], as_text(machine.get("id")))
    return as_text(version.get("name")) in (None, as_text(machine.get("name")), workload.name)
