# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: data that is joined to backups: destinations, restore jobs, rules and workload inventory.

All of it is optional. Data that a server does not provide is unknown, and a warning reports it.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.listings import API, Listings, Row
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import (
    TYPES,
    Destination,
    Restore,
    get_enum_text,
    get_guid,
    normalize_enum,
    parse_millis,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import last_plausible
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    AuditError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_bool, as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.client import path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

# Lists with more details than /protected-entities, such as the platform, and whether the workload still exists.
DETAILS = {"VM": "/virtual-machines", "APP": "/applications", "STORAGE": "/storages"}


@dataclasses.dataclass(frozen=True)
class Inventory:
    """Listed workloads by guid. ``notes`` are warnings; ``complete``: no workload can be missing."""

    rows: Mapping[str, Row]
    notes: list[str]
    complete: bool


class Related:
    """Requests all data in parallel. Results are awaited when they are used."""

    def __init__(
        self, listings: Listings, collector: Collector, thread_pool: ThreadPool, workload_types: tuple[str, ...]
    ) -> None:
        self._listings = listings
        self._collector = collector
        self._thread_pool = thread_pool
        self._workload_types = workload_types
        self._rules: dict[str, Future[Mapping[str, int] | AuditError]] = {}
        self._failed_rules: dict[str, AuditError] = {}
        self.inventory = thread_pool.submit(self._fetch_inventory)
        self._destinations = thread_pool.submit(self._fetch_destinations)
        self._restores = thread_pool.submit(self._fetch_restores)

    def destinations(self) -> Mapping[str, Destination]:
        """Return the destinations by guid."""
        return self._get_or_empty("destinations", self._destinations, "whether backups are encrypted is unknown")

    def restores(self) -> Mapping[str, Restore]:
        """Return the newest finished restore job of each backup."""
        return self._get_or_empty("restore_jobs", self._restores, "which backups were restored as a test is unknown")

    def _get_or_empty(self, name: str, task: Future[tuple[Mapping[str, t.Any], str]], lost: str) -> Mapping[str, t.Any]:
        try:
            found, skipped = task.result()
        except REQUEST_ERRORS as error:
            self._collector.scope[name] = False
            self._collector.warnings.append(f"{lost}: {error.message}")
            return {}
        self._collector.scope[name] = True
        if skipped:
            self._collector.warnings.append(skipped)
        return found

    def _fetch_destinations(self) -> tuple[Mapping[str, Destination], str]:
        found, skipped = _split_by_guid(self._listings.fetch_list("/backup-destinations"))
        destinations = {
            guid: Destination(
                as_text(row.get("name")), get_enum_text(row.get("type")), as_bool(row.get("encryptionEnabled"))
            )
            for guid, row in found.items()
        }
        return destinations, _format_skipped("backup destinations", skipped)

    def _fetch_restores(self) -> tuple[Mapping[str, Restore], str]:
        """Return the newest finished restore job of each backup. A success counts only if its time is in the past."""
        restores: dict[str, Restore] = {}
        latest, doubtful = last_plausible(self._collector.now), 0
        for job in self._listings.list_records("/restore-jobs", "restore jobs"):
            status, backup = normalize_enum(job.get("status")), get_guid(job, "backup")
            if status in records.RUNNING:
                continue
            time = parse_millis(job.get("restoreTime"))
            restore = Restore(status == "SUCCESS", time if time is None or time <= latest else None)
            doubtful += status not in ("SUCCESS", "FAILED") or backup is None or restore.time is None
            if backup is None or (restore.succeeded and restore.time is None):
                continue
            if backup not in restores or restore.is_newer(restores[backup]):
                restores[backup] = restore
        failed = sum(not restore.succeeded for restore in restores.values())
        notes = {
            "restore jobs without a known status, a backup or a time that has passed, which prove nothing": doubtful,
            "backups whose newest restore job did not succeed, so it is unknown whether they can be restored": failed,
        }
        return restores, "; ".join(f"{note}: {number}" for note, number in notes.items() if number)

    # Rules

    def request_rule(self, rule: str, rule_type: str) -> None:
        """Request a rule, unless it was already requested."""
        if rule not in self._rules:
            self._rules[rule] = self._thread_pool.submit(self._fetch_locks, rule, rule_type)

    def rule_locks(self, rule: str, rule_type: str) -> Mapping[str, int]:
        """Return the days of retention lock of one rule by destination."""
        self.request_rule(rule, rule_type)
        locks = self._rules[rule].result()
        if isinstance(locks, AuditError):
            self._failed_rules[rule] = locks
            return {}
        self._collector.scope.setdefault("rules", True)
        return locks

    def _fetch_locks(self, rule: str, rule_type: str) -> Mapping[str, int] | AuditError:
        path = f"{API}/rules/{rule_type}-backup/{path_segment(rule)}"
        try:
            response = self._listings.client.get(path, {"only-active-destinations": "false"})
            found = response.json_object()
            if as_text(found.get("guid")) not in (None, rule):
                raise InvalidResponseError(
                    f"the response contains the rule {found.get('guid')!r}",
                    server=response.server,
                    request=response.request,
                    status=response.status,
                )
        except REQUEST_ERRORS as error:
            return error
        return records.parse_locks(found)

    def finish(self) -> None:
        """Report rules that could not be read. Deleted and forbidden rules do not make the read result incomplete."""
        unknown = []
        for rule, error in self._failed_rules.items():
            self._collector.scope["rules"] = False
            if isinstance(error, (ForbiddenError, NotFoundError)):
                unknown.append(f"{rule} ({error.message})")
            else:
                error.message = f"retention lock of the backup rule {rule} is unknown: {error.message}"
                self._collector.add_problem(error)
        if unknown:
            self._collector.warnings.append(
                f"backup rules whose retention lock is unknown: {len(unknown)}, for example {unknown[0]}"
            )

    # Inventory

    def _fetch_inventory(self) -> Inventory:
        """Return all listed workloads, with more details for some types."""
        notes, complete = [], True
        try:
            known, skipped = _split_by_guid(self._listings.fetch_list("/protected-entities"))
            complete = not skipped
            if skipped:
                notes.append(_format_skipped("workloads", skipped) + ". Others may be unprotected without being listed")
        except REQUEST_ERRORS as error:
            known, complete = {}, False
            notes.append(f"inventory not available: unprotected workloads cannot be detected. Cause: {error.message}")
        for kind, path in DETAILS.items():
            if TYPES[kind][0] not in self._workload_types:
                continue
            try:
                rows, skipped = _split_by_guid(self._listings.list_records(path, path.strip("/")))
            except REQUEST_ERRORS as error:
                notes.append(f"platform and presence of {path.strip('/')} are unknown: {error.message}")
                continue
            if skipped:
                notes.append(_format_skipped(path.strip("/"), skipped))
            for guid, row in rows.items():
                general = {name: value for name, value in known.get(guid, {}).items() if value is not None}
                known[guid] = {**row, "type": kind, **general}
        return Inventory(known, notes, complete)


def _split_by_guid(rows: list[Row]) -> tuple[dict[str, Row], list[Row]]:
    """Return the rows by guid, and the rows without a guid."""
    found: dict[str, Row] = {}
    skipped = []
    for row in rows:
        guid = as_text(row.get("guid"))
        if guid is None:
            skipped.append(row)
        else:
            found[guid] = row
    return found, skipped


def _format_skipped(what: str, rows: list[Row]) -> str:
    names = [name for row in rows if (name := as_text(row.get("name")))]
    example = f", for example {names[0]!r}" if names else ""
    return f"{what} without a guid, which were left out: {len(rows)}{example}" if rows else ""
