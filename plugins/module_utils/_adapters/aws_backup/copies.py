# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Backup: find and merge copies among the listed recovery points.

A copy is listed like any other recovery point, in its target vault. Only the copy job names both; jobs are
listed for a limited time. A recovery point that may be a copy of another one must not be counted in addition to it.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.jobs import CopyJob, RestoreTest
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.records import (
    Arn,
    Entry,
    build_point,
    is_continuous_backup,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.merged_copies import merge_into
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND

# A copy may have the date at which its copy job ended.
_LONGEST_COPY = 2 * DAY * SECOND


class CopyLinks:
    """The copy jobs of all regions and accounts that were read."""

    def __init__(self) -> None:
        self._job_of: dict[str, CopyJob] = {}
        self._sources: set[str] = set()
        # Account and region of the jobs -> start of the oldest listed job.
        self._oldest: dict[Arn, int] = {}

    def add(self, account_region: Arn, jobs: Iterable[CopyJob]) -> None:
        """Add the copy jobs of one account and region."""
        for job in jobs:
            self._job_of[job.target] = job
            self._sources.add(job.source)
            if job.started is not None:
                self._oldest[account_region] = min(job.started, self._oldest.get(account_region, job.started))

    def is_linked(self, arn: str) -> bool:
        """Return whether a copy job names the recovery point."""
        return arn in self._job_of or arn in self._sources

    def is_copy(self, arn: str) -> bool:
        """Return whether a copy job created the recovery point."""
        return arn in self._job_of

    def started(self, arn: str) -> int | None:
        """Return the start of the copy job that created a copy."""
        job = self._job_of.get(arn)
        return None if job is None else job.started

    def find_original(self, arn: str) -> str:
        """Return the first recovery point of a chain of copies, which is ``arn`` if no copy job created it.

        A copy of a continuous backup is a snapshot of it, so each of these copies is an original with its own time.
        """
        seen = {arn}
        while (job := self._job_of.get(arn)) is not None and job.source not in seen:
            if is_continuous_backup(job.source):
                break
            arn = job.source
            seen.add(arn)
        return arn

    def would_be_listed(self, entry: Entry) -> bool:
        """Return whether older jobs than this recovery point are listed, so that its own copy job would be listed."""
        oldest = self._oldest.get(_get_account_region(entry))
        return oldest is not None and entry.created >= oldest + _LONGEST_COPY


def _get_account_region(entry: Entry) -> Arn:
    return entry.shared.vault.account_region._replace(resource="")


def drop_members(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return the recovery points of one resource without members of a composite recovery point of this resource."""
    if all(entry.parent is None for entry in entries):
        return entries
    listed = {entry.arn for entry in entries}
    return [entry for entry in entries if entry.parent not in listed]


def find_doubtful(entries: Sequence[Entry], links: CopyLinks) -> set[str]:
    """Return the ARNs of those recovery points of one resource that may be copies of other ones.

    These are copies whose copy job is not listed. If recovery points are in several vaults, those that are older than
    the listed copy jobs may be copies as well, except in the vault that has most of them.
    """
    doubtful = {entry.arn for entry in entries if entry.shared.is_copy and not links.is_copy(entry.arn)}
    backups = [entry for entry in entries if not entry.shared.is_copy and entry.arn not in doubtful]
    vaults = Counter(entry.shared.vault.arn for entry in backups)
    if len(vaults) > 1:
        main = min(vaults, key=lambda arn: (-vaults[arn], arn))
        doubtful.update(
            entry.arn
            for entry in backups
            if entry.shared.vault.arn != main and not links.is_linked(entry.arn) and not links.would_be_listed(entry)
        )
    return doubtful


def merge_copies(
    entries: Sequence[Entry],
    links: CopyLinks,
    doubtful: Collection[str],
    tests: Mapping[str, RestoreTest],
    *,
    include_raw: bool,
) -> Iterator[RecoveryPoint]:
    """Yield one recovery point, with its copies, for each backup of a resource; ``doubtful`` ones may be copies."""
    groups: dict[str, list[Entry]] = {}
    # A recovery point may also be listed in views of its vault.
    ordered = sorted(entries, key=lambda entry: entry.shared.vault.holds_data)
    for entry in {entry.arn: entry for entry in ordered}.values():
        groups.setdefault(links.find_original(entry.arn), []).append(entry)
    for original, group in groups.items():
        points = {entry.arn: _build_point(entry, tests.get(entry.arn), include_raw=include_raw) for entry in group}
        main_arn = original if original in points else min(group, key=lambda entry: (entry.created, entry.arn)).arn
        point = points[main_arn] if len(points) == 1 else _merge(points[main_arn], list(points.values()))
        has_own_date = main_arn == original and not links.is_copy(original)
        is_date_known = has_own_date or _is_date_of_original(point, links)
        if point.usable and (main_arn in doubtful or not is_date_known):
            point.usable = None
        yield point


def _build_point(entry: Entry, test: RestoreTest | None, *, include_raw: bool) -> RecoveryPoint:
    point = build_point(entry, include_raw=include_raw)
    return point if test is None else dataclasses.replace(point, **test.as_fields(point.workload))


def _is_date_of_original(point: RecoveryPoint, links: CopyLinks) -> bool:
    """Return whether a copy has the date of the backup that was copied, and not that of its copy job."""
    started = links.started(point.id)
    return started is not None and point.created < started


def _merge(main: RecoveryPoint, points: list[RecoveryPoint]) -> RecoveryPoint:
    # A copy that cannot be restored does not delay the expiry.
    usable_points = [point for point in points if point.usable] or points
    raw = [record for point in points for record in _list_records(point)]
    merged = merge_into(main, points)
    if any(point.immutable for point in usable_points):
        merged.immutable, merged.immutable_until = True, None
    ends = [point.expires_at for point in usable_points]
    merged.expires_at = None if None in ends else max(end for end in ends if end is not None)
    merged.raw = {"records": raw} if raw else None
    return merged


def _list_records(point: RecoveryPoint) -> list[t.Any]:
    return list((point.raw or {}).get("records", []))
