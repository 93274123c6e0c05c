# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storware vProtect: add listed backups to the read result, with warnings about skipped and unknown ones."""

from __future__ import annotations

import collections
from collections.abc import Iterable

from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.chains import Chains, Copies
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.record_fields import Record
from ansible_collections.backup.audit.plugins.module_utils._adapters.vprotect.workloads import Workloads
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text


class BackupReader:
    """Adds each backup as soon as it is known whether the backups that it depends on can be restored."""

    def __init__(self, collector: Collector, workloads: Workloads, context: records.Context) -> None:
        self._collector = collector
        self._workloads = workloads
        self._context = context
        self._copies = Copies()
        self._chains: Chains[RecoveryPoint | records.PointTemplate] = Chains(self._report)
        self._doubts: collections.Counter[str] = collections.Counter()
        self._untimed = 0
        self._without_guid: list[str] = []
        # All backups were read, so a missing parent is older than the oldest of them.
        self._is_finishing = False

    def read(self, backups: Iterable[Record]) -> None:
        """Add all backups, except records that are only copies of a listed backup."""
        get_workload, is_selected = self._workloads.get, self._collector.is_selected
        add_to_chain, context = self._chains.add, self._context
        for record in backups:
            parsed = context.parse(record.fields)
            if parsed.removed:
                self._chains.add_removed(record.key)
                continue
            if record.row is not None and not record.has_guid:
                self._without_guid.append(_describe(record))
                continue
            workload = get_workload(record)
            if workload is None or not is_selected(workload):
                continue
            if parsed.doubt is not None:
                self._count_doubt(parsed.doubt, record.created)
            point: RecoveryPoint | records.PointTemplate | None = records.build_template(record, workload, context)
            if point is None:
                point = records.build_point(record, workload, context)
                if point is None:
                    self._untimed += 1
                    continue
                if parsed.copy:
                    self._copies.add_copy(point)
                    continue
            if not parsed.needs_parent:
                add_to_chain(point, None)
            elif record.parent is not None:
                add_to_chain(point, record.parent)
            else:
                if parsed.usable and parsed.doubt is None:
                    self._count_doubt("depend on another backup and do not report which (parentBackup)", record.created)
                add_to_chain(point, None, alone=None)
        self._finish()

    def _count_doubt(self, doubt: str, created: int) -> None:
        """Count a backup, unless it is outside of the time window and was only read because others may depend on it."""
        since, until = self._collector.since, self._collector.until
        if not created or ((since is None or created >= since) and (until is None or created <= until)):
            self._doubts[doubt] += 1

    def _report(self, point: RecoveryPoint | records.PointTemplate) -> None:
        if point.usable is not False:
            self._copies.add_backup(point)
        if isinstance(point, records.PointTemplate):
            if point.usable is point.pattern.usable:
                self._collector.add_point_like(
                    point.pattern, point.id, point.created, point.size_bytes, point.expires_at
                )
                return
            # The chain changed the usability, so the point differs from its template.
            point = point.to_point()
        if point.usable is True:
            self._apply_doubts(point)
        elif point.usable is None and self._is_finishing and self._collector.since is not None:
            self._count_doubt("depend on backups that are much older than `since` and were not read", point.created)
        self._collector.add_point(point)

    def _apply_doubts(self, point: RecoveryPoint) -> None:
        """Set the usability to unknown for reasons that do not affect backups that depend on this one."""
        if not point.created:
            doubt = "have neither snapshotTime nor backupTime"
        elif point.workload.id is None:
            doubt = "do not report the guid of their workload, and names are not unique"
        elif "created_at" in point.inferred:
            # It may have been stored hours after the point in time that it restores, so its age would be too low.
            doubt = "have a storage time, but not the point in time that they restore (snapshotTime)"
        else:
            return
        point.usable = None
        self._count_doubt(doubt, point.created)

    def _finish(self) -> None:
        collector = self._collector
        self._is_finishing = True
        self._chains.finish(complete=collector.since is None)
        for point in self._copies.get_unmatched():
            collector.add_point(point)
        if self._untimed:
            collector.warnings.append(
                f"{self._untimed} backups that failed or have not started have no time and are not included"
            )
        collector.warnings += [
            f"backups that count as unknown because they {doubt}: {count}"
            for doubt, count in sorted(self._doubts.items())
        ]
        if names := sorted(self._context.contradicted):
            collector.warnings.append(
                "workloads with backups that count as unknown because the server reports that the workload cannot be "
                f"restored, or that its last chain is marked for deletion: {len(names)}, for example {names[0]!r}"
            )
        if self._without_guid:
            collector.add_problem(
                InvalidResponseError(
                    f"{len(self._without_guid)} entries of the list of backups have no guid and were left out, "
                    f"for example {self._without_guid[0]}",
                    hint='Check that "url" is the URL of the product',
                )
            )


def _describe(record: Record) -> str:
    """Describe a record without a guid for a message."""
    row = as_object(record.row)
    if "" in row:
        return "one that is not an object"
    name = as_text(as_object(record.entity).get("name")) or "an unknown workload"
    return f"a backup of {name}" + (f" by {record.fields.job}" if record.fields.job else "")
