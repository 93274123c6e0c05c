# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veeam Backup for Microsoft Azure: results of health checks, by workload and repository.

A health check does not list restore points, and a restore point does not name its repository. A successful check
proves a point only if no other repository can contain it because regions or access tiers differ. Archive repositories
are never checked. If a check found corrupted points, none of that workload's points in that repository is proven.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.azure.repositories import (
    ARCHIVE,
    TIERS,
    Repositories,
    Storage,
    parse_repository,
    parse_storage,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.cloud import Rows, VeeamCloud
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.partial import is_unsupported
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import FIRST, SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_int, as_object, as_text
from ansible_collections.backup.audit.plugins.module_utils._transport.client import path_segment
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import SerialMapper

SESSIONS = "/jobSessions"
SESSION_TYPE = "HealthCheck"
CHECKED_ITEMS = "/checkedItems"
_CHECKED_BY = "integrity_check"
_FINISHED = frozenset({"Success", "Warning", "Error"})
_LATEST = 2**63


@dataclasses.dataclass(slots=True)
class CheckedPoint:
    """A point of a workload that a health check names."""

    point: RecoveryPoint
    storage: Storage


@dataclasses.dataclass(frozen=True)
class _Check:
    """The result of one health check for one workload in one repository."""

    policy: str | None
    # None: the time is missing, so the check may have covered all points.
    started: int | None
    ended: int | None
    repository: Mapping[str, t.Any]
    total: int | None
    corrupted: int | None
    # Whether the check of this workload has ended without findings.
    is_successful: bool

    @property
    def key(self) -> str | None:
        """Identifies the repository; None if the check does not name it."""
        return as_text(self.repository.get("id")) or as_text(self.repository.get("name"))

    @property
    def order(self) -> int:
        """Sort key by time."""
        return _LATEST if self.started is None else self.started


class HealthChecks:
    """Reads the sessions on creation, and their results when the repositories are known."""

    def __init__(self, adapter: VeeamCloud, *, is_supported: bool) -> None:
        self._adapter = adapter
        self._by_id: dict[str, list[_Check]] = {}
        # Results without the id of the workload. They prove nothing, but may report corrupted points.
        self._by_name: dict[str, list[_Check]] = {}
        self._repositories = Repositories()
        # The latest session of each policy whose results could not be read. Older results may be outdated.
        self._unknown_after: dict[str | None, int] = {}
        self._sessions = adapter.thread_pool.submit(self._list_sessions) if is_supported else None

    def _list_sessions(self) -> Rows | AuditError:
        return self._adapter.fetch_optional_rows(SESSIONS, "health checks", {"Types": SESSION_TYPE})

    def read(self, repositories: Repositories) -> None:
        """Read the results of the latest health checks."""
        sessions = [] if self._sessions is None else self._sessions.result()
        if isinstance(sessions, AuditError):
            self._report_unavailable(sessions)
            return
        self._repositories = repositories
        # The server may ignore the filter.
        chosen = _choose_sessions([session for session in sessions if session.get("type") == SESSION_TYPE])
        results = list(
            self._adapter.fetch_each(
                self._fetch_items, chosen, lambda session: str(session.get("id")), self._list_sessions
            )
        )
        errors = [result for _session, result in results if isinstance(result, AuditError)]
        if errors and len(errors) == len(results) and all(map(is_unsupported, errors)):
            self._report_unavailable(errors[0])
            return
        for session, result in results:
            if isinstance(result, AuditError):
                self._adapter.partial.add_problem(result, f"health check {session.get('id')}")
                policy = _get_policy(session)
                started = _parse_optional_time(session.get("executionStartTime"))
                self._unknown_after[policy] = max(
                    self._unknown_after.get(policy, 0), _LATEST if started is None else started
                )
            for item in result if isinstance(result, list) else ():
                self._record(session, item)

    def _report_unavailable(self, error: AuditError) -> None:
        self._adapter.partial.warn(
            f"health checks not available, so integrity is unknown: {error.message}", "health_checks"
        )

    def _fetch_items(self, session: Mapping[str, t.Any]) -> Rows:
        path = f"{SESSIONS}/{path_segment(session.get('id') or '')}{CHECKED_ITEMS}"
        return list(self._adapter.rows(path, "checked items", None, SerialMapper()))

    def _record(self, session: Mapping[str, t.Any], item: Mapping[str, t.Any]) -> None:
        resource = as_object(item.get("resource"))
        check = _parse_check(session, item)
        if check is None:
            return
        ident = as_text(resource.get("id"))
        if ident is not None:
            self._by_id.setdefault(ident, []).append(check)
            return
        for name in {as_text(resource.get("name")), as_text(resource.get("displayName"))} - {None}:
            self._by_name.setdefault(str(name), []).append(check)

    # Points

    def names_workload(self, workload: Workload) -> bool:
        """Return whether a health check names this workload."""
        return (workload.id or "") in self._by_id or (workload.name or "") in self._by_name

    @staticmethod
    def locate(row: Mapping[str, t.Any], point: RecoveryPoint) -> CheckedPoint:
        """Combine a point with the storage that its record reports."""
        return CheckedPoint(point, parse_storage(row, point.workload.platform, point.kind))

    def apply(self, points: Sequence[CheckedPoint]) -> None:
        """Set the results of the latest check of each repository in all points of one workload."""
        workload = points[0].point.workload
        stored = [each for each in points if _is_backup(each.point) and each.storage.tier != ARCHIVE]
        latest = _choose_latest(self._by_id.get(workload.id or "", []))
        self._apply_successes(latest, stored)
        # Corruption is applied last, because it can affect the same points.
        for check in (*latest, *_choose_latest(self._by_name.get(workload.name or "", []))):
            if check.corrupted:
                self._apply_corruption(check, stored)

    def _apply_successes(self, checks: Sequence[_Check], stored: Sequence[CheckedPoint]) -> None:
        """Mark points as proven if all repositories that can contain them were checked."""
        # A failed check without a repository may concern any of them.
        failed = max((check.order for check in checks if not check.is_successful and not check.key), default=0)
        by_repository = {self._find_repository(check.repository): check for check in checks}
        for possible in {tuple(self._repositories.list_possible(each.storage)) for each in stored}:
            covering = [by_repository.get(number) for number in possible]
            valid = [check for check in covering if check is not None and self._is_valid(check, failed)]
            if not valid or len(valid) < len(covering):
                continue
            existing = [each for each in stored if all(_existed(each.point, check) for check in valid)]
            candidates = [
                each for each in existing if set(possible) & set(self._repositories.list_possible(each.storage))
            ]
            if len(candidates) > sum(check.total or 0 for check in valid):
                # There are more points than checked ones, so it is unknown which of them were checked.
                continue
            ended = min(check.ended or 0 for check in valid)
            for each in candidates:
                is_sound = each.point.usable is not False and each.storage.tier in TIERS
                # A point without a plausible time may have been created later.
                is_dated = each.point.created >= FIRST * SECOND
                if is_sound and is_dated and tuple(self._repositories.list_possible(each.storage)) == possible:
                    each.point.integrity_checked = True
                    each.point.checked_at, each.point.checked_by = ended, _CHECKED_BY

    def _is_valid(self, check: _Check, failed: int) -> bool:
        """Return whether a check was successful, and no later check may have a different result."""
        unknown_after = max(self._unknown_after.get(check.policy, 0), self._unknown_after.get(None, 0), failed)
        return check.is_successful and check.order >= unknown_after

    def _apply_corruption(self, check: _Check, stored: Sequence[CheckedPoint]) -> None:
        """Mark the points of this workload in this repository as not proven, or as damaged if all are corrupted.

        If the server marks as many points as the check reports, these are the corrupted ones.
        """
        storage = parse_repository(check.repository)
        affected = [each for each in stored if each.storage.may_equal(storage)]
        for each in affected:
            each.point.integrity_checked = each.point.checked_at = each.point.checked_by = None
        count = check.corrupted or 0
        are_all = check.total is not None and count >= check.total
        marked = sum(each.point.usable is False and _existed(each.point, check) for each in affected)
        if marked >= count and not are_all:
            return
        repository = self._find_repository(check.repository)
        certain = [
            each for each in affected if repository is not None and self._is_only_repository(each.storage, repository)
        ]
        # A later incremental backup depends on earlier ones, a later full backup does not.
        fulls = [each.point.created for each in certain if each.point.kind == "full"]
        end = min((created for created in fulls if created >= check.order), default=_LATEST)
        damaged = {id(each) for each in certain} if are_all else set()
        for each in affected:
            if each.point.usable is not False and each.point.created < end:
                is_damaged = id(each) in damaged and _existed(each.point, check)
                each.point.usable, each.point.status = (False, "failed") if is_damaged else (None, "unknown")

    def _find_repository(self, reported: Mapping[str, t.Any]) -> int | None:
        """Return the index of the repository that a check names; None if it is uncertain or its tier is not checked."""
        ident, name = as_text(reported.get("id")), as_text(reported.get("name"))
        found = []
        for number, (row, storage) in enumerate(self._repositories.items):
            listed = as_text(row.get("id"))
            is_same = listed == ident if listed and ident else name is not None and row.get("name") == name
            if is_same:
                found.append((number, storage))
        return found[0][0] if len(found) == 1 and found[0][1].tier in TIERS else None

    def _is_only_repository(self, storage: Storage, repository: int) -> bool:
        """Return whether only this repository can contain a point."""
        return storage.tier in TIERS and self._repositories.list_possible(storage) == [repository]


def _choose_sessions(sessions: Rows) -> list[dict[str, t.Any]]:
    """Return the sessions of each policy from its latest completely successful one on, newest first."""
    ordered = sorted(sessions, key=_get_start, reverse=True)
    chosen, complete = [], set()
    for session in ordered:
        policy = _get_policy(session)
        if policy is None or policy not in complete:
            chosen.append(session)
        if session.get("status") == "Success":
            complete.add(policy)
    return chosen


def _get_start(session: Mapping[str, t.Any]) -> int:
    started = _parse_optional_time(session.get("executionStartTime"))
    return _LATEST if started is None else started


def _get_policy(session: Mapping[str, t.Any]) -> str | None:
    return as_text(as_object(session.get("healthCheckJobInfo")).get("policyId"))


def _parse_check(session: Mapping[str, t.Any], item: Mapping[str, t.Any]) -> _Check | None:
    """Parse an item. Return None if the check of its workload is not finished."""
    started = _parse_optional_time(session.get("executionStartTime"))
    ended = _parse_optional_time(session.get("executionStopTime"))
    total, corrupted = as_int(item.get("totalRestorePoints")), as_int(item.get("corruptedRestorePoints"))
    status = as_text(item.get("status"))
    is_over = as_text(session.get("status")) in _FINISHED and status in _FINISHED
    if not corrupted and not is_over:
        return None
    is_successful = status == "Success" and corrupted == 0 and bool(total) and None not in (started, ended)
    repository = as_object(item.get("repository"))
    return _Check(_get_policy(session), started, ended, repository, total, corrupted, is_successful)


def _choose_latest(checks: Sequence[_Check]) -> list[_Check]:
    """Return the latest check of each repository, oldest first. If several have the same time, a failed one is used."""
    latest: dict[str | None, _Check] = {}
    for check in sorted(checks, key=lambda check: (check.order, not check.is_successful)):
        latest.pop(check.key, None)
        latest[check.key] = check
    return list(latest.values())


def _parse_optional_time(text: t.Any) -> int | None:
    try:
        return parse_time(text)
    except DataError:
        return None


def _is_backup(point: RecoveryPoint) -> bool:
    return point.kind not in ("snapshot", "continuous", "config", "archive")


def _existed(point: RecoveryPoint, check: _Check) -> bool:
    """Return whether a point existed when the check started."""
    return check.started is None or point.created < check.started
