# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Backup: group the recovery points of all vaults by resource, and add them to the read result."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.copies import (
    CopyLinks,
    drop_members,
    find_doubtful,
    merge_copies,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.jobs import RestoreTest
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.records import (
    TYPES,
    Entry,
    PointParser,
    build_workload,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_object, as_text


class Resources:
    """Collects the listed resources. Recovery points of one resource can be in vaults of several regions."""

    def __init__(self) -> None:
        self.links = CopyLinks()
        self.tests: dict[str, RestoreTest] = {}
        self._entries: dict[str, list[Entry]] = {}
        # Resource -> time, name and type in its newest recovery point, or in the list of protected resources.
        self._found: dict[str, tuple[int, str | None, str | None]] = {}

    def add_points(self, entries: Iterable[Entry], parser: PointParser) -> None:
        """Add the recovery points of one vault."""
        for entry in entries:
            self._entries.setdefault(entry.shared.resource, []).append(entry)
        for resource, found in parser.resources.items():
            self._found[resource] = max(found, self._found.get(resource, found), key=lambda one: one[0])

    def add_protected(self, rows: Iterable[t.Any]) -> None:
        """Add resources from the list of protected resources, which also has those without recovery points."""
        for row in map(as_object, rows):
            resource = as_text(row.get("ResourceArn"))
            if resource is not None:
                found = (-1, as_text(row.get("ResourceName")), as_text(row.get("ResourceType")))
                known = self._found.setdefault(resource, found)
                if known[1] is None:
                    self._found[resource] = (known[0], found[1], known[2])

    def report(
        self, collector: Collector, types: Collection[str], *, include_unprotected: bool, include_raw: bool
    ) -> int:
        """Add the workloads of these types with their points; return the number of points that may be copies."""
        doubtful = 0
        for resource, (_time, name, resource_type) in self._found.items():
            workload = build_workload(resource, name, resource_type)
            if workload.type not in types and (resource_type in TYPES or set(types) != set(TYPES.values())):
                continue
            if resource in self._entries:
                doubtful += self._report_points(collector, workload, self._entries.pop(resource), include_raw)
            elif include_unprotected:
                collector.add_workload(workload)
        return doubtful

    def _report_points(
        self, collector: Collector, workload: Workload, entries: Sequence[Entry], include_raw: bool
    ) -> int:
        for entry in entries:
            entry.shared.template.workload = workload
        entries = drop_members(entries)
        doubtful = find_doubtful(entries, self.links)
        if not doubtful and all(map(self._is_plain, entries)):
            for entry in entries:
                collector.add_point_like(entry.shared.template, entry.arn, entry.created, entry.size, entry.expires)
            return 0
        for point in merge_copies(entries, self.links, doubtful, self.tests, include_raw=include_raw):
            collector.add_point(point)
        return len(doubtful)

    def _is_plain(self, entry: Entry) -> bool:
        """Return whether the recovery point differs from its template only in id, times and size."""
        shared = entry.shared
        return (
            entry.row is None
            and shared.vault.is_locked is not True
            and shared.template.kind == "full"
            and entry.arn not in self.tests
            and not self.links.is_linked(entry.arn)
        )
