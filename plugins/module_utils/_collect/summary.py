# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collect the points of each workload, and build one row per workload for people and playbooks.

Policies evaluate the points (see blocks.py), never the numbers in a row.
"""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import BlockWriter
from ansible_collections.backup.audit.plugins.module_utils._collect.duplicates import drop_duplicates
from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import PointClass, point_class
from ansible_collections.backup.audit.plugins.module_utils._collect.points import (
    UNKNOWN_SIZE,
    PointGroup,
    PointGroupBuilder,
    remove_implausible,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    FULL_KINDS,
    POINT_ATTRIBUTES,
    RecoveryPoint,
    Workload,
    WorkloadKey,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    CLOCK_TOLERANCE,
    FIRST,
    SECOND,
    age_seconds,
    format_time,
)

# Enough for the workloads of one server, with several templates for some of them.
_MAX_TEMPLATES = 50_000
_IMMUTABLE = POINT_ATTRIBUTES.index("immutable")
_ROW_ORDER = ("workload_name", "workload_type", "workload_id", "origin")


def last_plausible(now: int) -> int:
    """Return the last microsecond that is not dated in the future, because fractions of a second do not count."""
    return (now + CLOCK_TOLERANCE * SECOND) // SECOND * SECOND + SECOND - 1


class Summary:
    """The workloads and points of one source; ``now`` is the server's time if it is known."""

    def __init__(self, source: str, now: int) -> None:
        self._source = source
        self._now = now
        self._workloads: dict[WorkloadKey, Workload] = {}
        self._groups: dict[WorkloadKey, dict[PointClass, PointGroupBuilder]] = {}
        # Points for which only the number was read.
        self._counted: dict[WorkloadKey, dict[PointClass, int]] = {}
        # By the id() of a template. The reference to the template keeps the id unique.
        self._templates: dict[tuple[int, bool], tuple[RecoveryPoint, PointGroupBuilder]] = {}

    def add_workload(self, workload: Workload) -> Workload:
        """Add a workload, with or without points. Fill in missing fields if it is already known."""
        known = self._workloads.setdefault(workload.key, workload)
        if known is not workload:
            for field in ("name", "platform", "vendor_platform", "in_inventory"):
                if getattr(known, field) is None:
                    setattr(known, field, getattr(workload, field))
        return known

    def add(self, point: RecoveryPoint) -> PointGroupBuilder:
        """Add one point to the group of points with equal attributes, and return the group."""
        facts = point_class(point)
        group = self._get_group(point.workload, facts)
        moments = [getattr(point, name) for name in facts.moments] if facts.moments else ()
        group.add(point.id, point.created, point.size_bytes, moments)
        return group

    def add_point_like(
        self, template: RecoveryPoint, ident: str, created: int, size: int | None, expires_at: int | None = None
    ) -> None:
        """Add a point that differs from ``template`` only in these values. A template is never changed."""
        key = (id(template), expires_at is not None)
        found = self._templates.get(key)
        if found is None:
            if len(self._templates) >= _MAX_TEMPLATES:
                self._templates.clear()
            facts = point_class(template, has_expiry=expires_at is not None)
            found = self._templates[key] = (template, self._get_group(template.workload, facts))
        found[1].add(ident, created, size, () if expires_at is None else (expires_at,))

    def add_count(self, workload: Workload, facts: PointClass, number: int) -> None:
        """Add points for which only the number was read."""
        self.add_workload(workload)
        counted = self._counted.setdefault(workload.key, {})
        counted[facts] = counted.get(facts, 0) + number

    def _get_group(self, workload: Workload, facts: PointClass) -> PointGroupBuilder:
        groups = self._groups.get(workload.key)
        if groups is None:
            self.add_workload(workload)
            groups = self._groups[workload.key] = {}
        group = groups.get(facts)
        if group is None:
            group = groups[facts] = PointGroupBuilder(facts)
        return group

    def progress(self) -> tuple[int, int]:
        """Return the number of workloads and points so far. It is safe to call it from another thread."""
        groups = [group for by_class in list(self._groups.values()) for group in list(by_class.values())]
        return len(self._workloads), sum(map(len, groups))

    def discard(self, workload: Workload) -> None:
        """Drop the points of this workload, because they may belong to another one. The adapter adds them again."""
        self._workloads.pop(workload.key, None)
        self._groups.pop(workload.key, None)
        self._templates.clear()

    def build(self) -> tuple[list[dict[str, t.Any]], Iterator[dict[str, t.Any]]]:
        """Return a row per workload (sorted by name, type, id and origin), and the blocks with their points."""
        ordered = sorted(
            self._workloads.items(),
            key=lambda item: [getattr(item[1], name.removeprefix("workload_")) or "" for name in _ROW_ORDER],
        )
        writer = BlockWriter()
        rows = []
        for key, workload in ordered:
            groups = [builder.group() for builder in self._groups.pop(key, {}).values()]
            groups = drop_duplicates(groups)
            undated, in_future = remove_implausible(groups, FIRST * SECOND, last_plausible(self._now))
            groups = [group for group in groups if group.times]
            for facts, number in self._counted.get(key, {}).items():
                undated[facts] = undated.get(facts, 0) + number
            writer.add(groups, undated, in_future)
            rows.append(self._row(workload, groups, undated, in_future))
        return rows, writer.finish()

    def _row(
        self, workload: Workload, groups: Sequence[PointGroup], undated: dict[PointClass, int], in_future: int
    ) -> dict[str, t.Any]:
        backups = [group for group in groups if group.facts.kind in COUNTING_KINDS]
        usable = [group for group in backups if group.facts.usable is True]
        ranges = [group for group in groups if group.facts.kind == "continuous" and group.facts.usable is True]
        newest = max((*(max(group.times) for group in usable), *_ends(ranges, "restorable_until")), default=None)
        oldest = min((*(min(group.times) for group in usable), *_ends(ranges, "restorable_from")), default=None)
        counted = [(facts, number) for facts, number in undated.items() if facts.kind in COUNTING_KINDS]
        listed = [(group.facts, len(group.times)) for group in groups] + list(undated.items())
        row = {
            "source": self._source,
            "origin": workload.origin,
            "workload_id": workload.id,
            "workload_name": workload.name,
            "workload_type": workload.type,
            "platform": workload.platform,
            "vendor_platform": workload.vendor_platform,
            "in_inventory": workload.in_inventory,
            "recovery_points": sum(len(group.times) for group in usable)
            + sum(number for facts, number in counted if facts.usable is True),
            "newest": _format_time(newest),
            "oldest": _format_time(oldest),
            "newest_age_seconds": None if newest is None else age_seconds(newest, self._now),
            "by_kind": _counts((facts.kind, number) for facts, number in listed if facts.usable is not False),
            "by_status": _counts((facts.status, number) for facts, number in listed),
            "size_bytes": _total_size(usable),
            "locations": _locations(usable),
            "attributes": self._attributes(groups, undated),
            "undated": sum(undated.values()),
            "in_future": in_future,
        }
        return {
            name: value
            for name, value in row.items()
            if value is not None and value not in ({}, []) and (value or name not in ("undated", "in_future"))
        }

    def _attributes(self, groups: Sequence[PointGroup], undated: dict[PointClass, int]) -> dict[str, dict[str, t.Any]]:
        parts = [(group.facts, group) for group in groups if group.facts.usable is not False]
        found = {}
        for number, name in enumerate(("recovery_points", "full", *POINT_ATTRIBUTES, "malware"), -1):
            tally = _Tally()
            for facts, group in parts:
                certain = facts.usable is True and facts.kind != "unknown"
                is_point = facts.kind in COUNTING_KINDS
                if name == "recovery_points":
                    state: bool | None = is_point or (None if facts.kind == "unknown" else False)
                elif name == "full":
                    state = True if facts.kind in FULL_KINDS else None if facts.kind in ("backup", "unknown") else False
                elif not is_point and facts.kind != "unknown":
                    continue
                elif name == "malware":
                    state = None if facts.malware is None else facts.malware != "clean"
                elif number - 1 == _IMMUTABLE and "immutable_until" in facts.moments:
                    self._add_dated(tally, facts, group, certain=certain)
                    continue
                else:
                    state = facts.facts[number - 1]
                origin = _origin(name, facts)
                tally.add(state if certain or state is not True else None, origin, len(group.times), group.times)
            for facts, count in undated.items():
                kinds = (*FULL_KINDS, "backup", "unknown") if name == "full" else (*COUNTING_KINDS, "unknown")
                if facts.usable is not False and facts.kind in kinds:
                    is_known = facts.usable is True and (
                        facts.kind in FULL_KINDS if name == "full" else facts.kind in COUNTING_KINDS
                    )
                    tally.add(True if is_known and name in ("full", "recovery_points") else None, "", count, ())
            if name == "recovery_points":
                tally.is_known = True
            if name != "recovery_points" or tally.has_unknown:
                # Without unknown points, the row itself contains the numbers of recovery_points.
                found[name] = tally.as_dict()
        return {name: tally for name, tally in found.items() if tally is not None}

    def _add_dated(self, tally: _Tally, facts: PointClass, group: PointGroup, *, certain: bool) -> None:
        """Count points whose lock has an end, as of now."""
        ends = group.moments[facts.moments.index("immutable_until")]
        locked = [time for time, end in zip(group.times, ends, strict=True) if end > self._now]
        tally.add(True if certain else None, _origin("immutable", facts), len(locked), locked)


class _Tally:
    """The number and newest time of points that have an attribute, and the number of points that may have it."""

    def __init__(self) -> None:
        self._numbers = {"count": 0, "unknown": 0, "inferred": 0, "declared": 0}
        # Whether the attribute is known for at least one point.
        self.is_known = False
        self._newest: int | None = None

    def add(self, state: bool | None, origin: str, number: int, times: Sequence[int]) -> None:
        self.is_known = self.is_known or state is not None
        if state is None:
            self._numbers["unknown"] += number
        elif state:
            self._numbers[origin or "count"] += number
            if times and not origin:
                self._newest = max(self._newest or 0, *times)

    @property
    def has_unknown(self) -> bool:
        """Whether some points may have the attribute."""
        return self._numbers["unknown"] > 0

    def as_dict(self) -> dict[str, t.Any] | None:
        """Return the numbers, or None if the attribute is unknown for all points."""
        shown = {**self._numbers, "newest": _format_time(self._newest)}
        found = {name: value for name, value in shown.items() if value or name == "count"}
        return found if self.is_known else None


def _origin(name: str, facts: PointClass) -> str:
    return "declared" if name in facts.declared else "inferred" if name in facts.inferred else ""


def _ends(groups: Iterable[PointGroup], name: str) -> list[int]:
    return [
        moment
        for group in groups
        if name in group.facts.moments
        for moment in group.moments[group.facts.moments.index(name)]
    ]


def _counts(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, count in pairs:
        counts[name] = counts.get(name, 0) + count
    return dict(sorted(counts.items()))


@functools.lru_cache(maxsize=1000)
def _format_time(micros: int | None) -> str | None:
    """Format a time in whole seconds. Results are cached, because rows have the same few times."""
    return None if micros is None else format_time(micros // SECOND * SECOND)


def _total_size(usable: Sequence[PointGroup]) -> int | None:
    """Return the total size in bytes of usable points, or None if there are none, or if any size is unknown."""
    if not usable or any(UNKNOWN_SIZE in group.sizes for group in usable):
        return None
    return sum(sum(group.sizes) for group in usable)


def _locations(usable: Sequence[PointGroup]) -> list[dict[str, t.Any]]:
    """List the locations of usable points, with the number of points and the newest in each."""
    found: dict[tuple[str | None, str | None], list[PointGroup]] = {}
    for group in usable:
        for where in set(group.facts.locations or ()):
            found.setdefault(where, []).append(group)
    shown = []
    for (location, location_type), groups in sorted(found.items(), key=lambda item: [text or "" for text in item[0]]):
        place = {
            "location": location,
            "location_type": location_type,
            "count": sum(len(group.times) for group in groups),
            "newest": _format_time(max(max(group.times) for group in groups)),
        }
        shown.append({name: value for name, value in place.items() if value is not None})
    return shown
