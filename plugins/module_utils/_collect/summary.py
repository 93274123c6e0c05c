# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Aggregate recovery points to one row per workload, streaming: a point is added to the totals and dropped.

24 bytes are kept of a point: a hash of its id (so that a record returned twice counts once), its time and its size.
They are kept by class: all points of a workload with equal attributes share one class, so that counts, newest and
oldest of every attribute are computed from a few classes, regardless of the number of points.
"""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.periods import Calendar, gaps
from ansible_collections.backup.audit.plugins.module_utils._collect.points import (
    UNKNOWN_SIZE,
    PointGroup,
    PointGroupBuilder,
    drop_duplicates,
    drop_future,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    FULL_KINDS,
    POINT_ATTRIBUTES,
    RecoveryPoint,
    Workload,
    WorkloadKey,
    median,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, age_seconds, format_time

# Clocks of servers and this machine rarely agree to the second; a point later than this is dated in the future.
FUTURE_TOLERANCE = 300 * SECOND
# Enough for the workloads of one server with several templates for some of them.
_MAX_TEMPLATES = 50_000
_TESTED = {"restore_tested": 0, "integrity_checked": 1}


class Summary:
    """Aggregates the points of one source to rows; ``now`` is the server's time if it is known."""

    def __init__(self, source: str, product: str, now: int, calendar: Calendar, *, history: bool = False) -> None:
        self._source = source
        self._product = product
        self._now = now
        self._calendar = calendar
        self._history = history
        self._workloads: dict[WorkloadKey, Workload] = {}
        self._classes: dict[WorkloadKey, dict[t.Any, PointGroupBuilder]] = {}
        # By the id() of a template, which is kept referenced so that the id stays unique.
        self._templates: dict[int, tuple[RecoveryPoint, PointGroupBuilder]] = {}

    def add_workload(self, workload: Workload) -> Workload:
        """Register a workload, with or without points; missing fields of a known one are filled in."""
        known = self._workloads.setdefault(workload.key, workload)
        if known is not workload:
            for field in ("name", "platform", "in_inventory"):
                if getattr(known, field) is None:
                    setattr(known, field, getattr(workload, field))
        return known

    def add(self, point: RecoveryPoint) -> PointGroupBuilder:
        """Add one point to the group of points with equal attributes, and return the group."""
        group = self._get_group(point)
        group.add(point.id, point.created, point.size_bytes, point.tested_at, point.checked_at)
        return group

    def add_point_like(self, template: RecoveryPoint, ident: str, created: int, size: int | None) -> None:
        """Add a point that differs from ``template`` only in id, time and size. A template is never changed."""
        found = self._templates.get(id(template))
        if found is None:
            if len(self._templates) >= _MAX_TEMPLATES:
                self._templates.clear()
            found = self._templates[id(template)] = (template, self._get_group(template))
        found[1].add(ident, created, size, template.tested_at, template.checked_at)

    def _get_group(self, point: RecoveryPoint) -> PointGroupBuilder:
        key = point.workload.key
        classes = self._classes.get(key)
        if classes is None:
            self.add_workload(point.workload)
            classes = self._classes[key] = {}
        copies = point.copies
        places = None if copies is None else tuple([(copy.location, copy.location_type) for copy in copies])
        facts = (point.restore_tested, point.integrity_checked, point.offsite, point.immutable, point.encrypted)
        name = (point.kind, point.status, point.usable, facts, point.malware, point.inferred, point.declared, places)
        kept = classes.get(name)
        if kept is None:
            kept = classes[name] = PointGroupBuilder(name)
        return kept

    def progress(self) -> tuple[int, int]:
        """Return the number of workloads and points so far; another thread may call this while points are added."""
        classes = [group for of_one in list(self._classes.values()) for group in list(of_one.values())]
        return len(self._workloads), sum(map(len, classes))

    def discard(self, workload: Workload) -> None:
        """Drop the points of this workload, which may belong to another one; the adapter adds them again."""
        self._workloads.pop(workload.key, None)
        self._classes.pop(workload.key, None)
        self._templates.clear()

    def rows(self) -> list[dict[str, t.Any]]:
        """Build one row per workload with all keys (see result.compact), sorted by name, type, id and origin."""
        rows = [self._row(key, workload) for key, workload in self._workloads.items()]
        rows.sort(key=lambda row: [row[name] or "" for name in _ROW_ORDER])
        return rows

    def _row(self, key: WorkloadKey, workload: Workload) -> dict[str, t.Any]:
        classes = [growing.group() for growing in self._classes.get(key, {}).values()]
        drop_duplicates(classes)
        in_future = drop_future(classes, self._now + FUTURE_TOLERANCE)
        classes = [group for group in classes if group.times]
        backups = [group for group in classes if group.kind in COUNTING_KINDS]
        dated = [group for group in classes if group.kind in COUNTING_KINDS or group.kind == "continuous"]
        usable = [group for group in backups if group.usable is True]
        newest = max((group.newest for group in dated if group.usable is True), default=None)
        oldest = min((group.oldest for group in dated if group.usable is True), default=None)
        return {
            "source": self._source,
            "origin": workload.origin,
            "product": self._product,
            "workload_id": workload.id,
            "workload_name": workload.name,
            "workload_type": workload.type,
            "platform": workload.platform,
            "in_inventory": workload.in_inventory,
            "recovery_points": sum(len(group.times) for group in usable),
            "newest": _format_time(newest),
            "oldest": _format_time(oldest),
            "newest_age_seconds": None if newest is None else age_seconds(newest, self._now),
            **self._rhythm(backups),
            "by_kind": _counts((group.kind, len(group.times)) for group in classes if group.usable is not False),
            "by_status": _counts((group.status, len(group.times)) for group in classes),
            "kinds": self._kinds(classes),
            **_sizes(usable),
            **_locations(usable),
            "attributes": self._attributes(backups, dated),
            **_malware(backups),
            "in_future": in_future or None,
            "history": self._calendar.history(classes, self._now) if self._history else None,
        }

    def _rhythm(self, groups: Sequence[PointGroup]) -> dict[str, t.Any]:
        """Gaps and runs of the usable points; ``possible``: with points of unknown usability as well."""
        sure = sorted(time for group in groups if group.usable is True for time in group.times)
        shown: dict[str, t.Any] = {
            "gaps": gaps(sure, self._now),
            "calendar": self._calendar.runs(sure, self._now),
            "possible": None,
        }
        if any(group.usable is None for group in groups):
            perhaps = sorted(time for group in groups if group.usable is not False for time in group.times)
            shown["possible"] = {
                "gaps": gaps(perhaps, self._now),
                "calendar": self._calendar.runs(perhaps, self._now),
            }
        return shown

    def _kinds(self, classes: Sequence[PointGroup]) -> dict[str, t.Any]:
        """Counts by kind, for ``backup_types`` of policies. Kinds that are not backups occur only here, with gaps.

        Empty for a row with one kind of backup, as most rows are: the row itself has the same values.
        """
        names = sorted({group.kind for group in classes})
        if len(names) == 1 and names[0] in COUNTING_KINDS:
            return {}
        shown = {}
        for kind in names:
            groups = [group for group in classes if group.kind == kind]
            shown[kind] = _count_states((group, group.usable) for group in groups)
            if kind not in COUNTING_KINDS:
                shown[kind].update(self._rhythm(groups))
        return shown

    def _attributes(self, backups: Sequence[PointGroup], dated: Sequence[PointGroup]) -> dict[str, t.Any]:
        full = [group for group in backups if group.kind in FULL_KINDS]
        # A point of unknown kind may be a full backup.
        perhaps_full = [group for group in backups if group.kind == "unknown" and group.usable is not False]
        points = _count_states((group, group.usable) for group in backups)
        points.update({name: value for name, value in _span(dated, True).items() if name != "count"})
        attributes: dict[str, t.Any] = {
            "recovery_points": points,
            "full": {
                **_count_states(
                    [*((group, group.usable) for group in full), *((group, None) for group in perhaps_full)]
                ),
                **self._rhythm(full),
            },
        }
        listed = [group for group in backups if group.usable is not False]
        for index, name in enumerate(POINT_ATTRIBUTES):
            attributes[name] = _summarize_attribute(listed, index, name, self._now + FUTURE_TOLERANCE)
        return attributes


_ROW_ORDER = ("workload_name", "workload_type", "workload_id", "origin")


def _counts(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, count in pairs:
        counts[name] = counts.get(name, 0) + count
    return dict(sorted(counts.items()))


@functools.lru_cache(maxsize=1000)
def _format_time(micros: int | None) -> str | None:
    """Format a time; cached, because a row repeats the same few times."""
    return None if micros is None else format_time(micros)


def _span(groups: Iterable[PointGroup], usable: bool | None) -> dict[str, t.Any]:
    return _count_newest_oldest([group for group in groups if group.usable is usable])


def _count_newest_oldest(groups: Sequence[PointGroup]) -> dict[str, t.Any]:
    if not groups:
        return {"count": 0, "newest": None, "oldest": None}
    return {
        "count": sum(len(group.times) for group in groups),
        "newest": _format_time(max([group.newest for group in groups])),
        "oldest": _format_time(min([group.oldest for group in groups])),
    }


def _count_states(states: Iterable[tuple[PointGroup, bool | None]]) -> dict[str, t.Any]:
    """Count the points for which an attribute is true, unknown and false, with newest and oldest."""
    sorted_out: dict[bool | None, list[PointGroup]] = {True: [], None: [], False: []}
    for group, state in states:
        sorted_out[state].append(group)
    unknown = _count_newest_oldest(sorted_out[None])
    false = _count_newest_oldest(sorted_out[False])
    return {
        **_count_newest_oldest(sorted_out[True]),
        "unknown": unknown["count"] or None,
        "newest_unknown": unknown["newest"],
        "oldest_unknown": unknown["oldest"],
        "false": false["count"] or None,
        "newest_false": false["newest"],
    }


def _summarize_attribute(groups: Sequence[PointGroup], index: int, name: str, limit: int) -> dict[str, t.Any]:
    reported: list[tuple[PointGroup, bool | None]] = []
    by_origin: dict[str, list[tuple[PointGroup, bool | None]]] = {"inferred": [], "declared": []}
    for group in groups:
        fact = group.facts[index]
        if group.usable is None and fact is True:
            # If it is unknown whether it is a recovery point at all, the attribute is unknown as well.
            fact = None
        origin = "declared" if name in group.declared else "inferred" if name in group.inferred else None
        if origin is not None and fact is not None:
            by_origin[origin].append((group, fact))
        else:
            reported.append((group, fact))
    attribute = _count_states(reported)
    for origin, states in by_origin.items():
        # A value that is only inferred or declared, true or false, counts if the policy accepts it.
        attribute[origin] = _count_states(states) if states else None
    if name in _TESTED:
        tests = (group.newest_test(_TESTED[name], limit) for group, fact in reported if fact is True)
        newest = max((test for test in tests if test), default=None)
        attribute["tested_at"] = _format_time(newest[0]) if newest else None
        attribute["tested_point"] = _format_time(newest[1]) if newest else None
    return attribute


def _sizes(usable: Sequence[PointGroup]) -> dict[str, t.Any]:
    """Size in bytes of all and of the newest point, and the median by kind; null if one size is unknown."""
    by_kind: dict[str, list[int]] = {}
    newest: tuple[int, int, str] | None = None
    for group in usable:
        by_kind.setdefault(group.kind, []).extend(group.sizes)
        time = group.newest
        size = max(size for moment, size in zip(group.times, group.sizes, strict=True) if moment == time)
        newest = max(newest or (time, size, group.kind), (time, size, group.kind))
    known = {kind: sizes for kind, sizes in by_kind.items() if UNKNOWN_SIZE not in sizes}
    complete = bool(by_kind) and len(known) == len(by_kind)
    return {
        "size_bytes": sum(sum(sizes) for sizes in known.values()) if complete else None,
        "newest_size_bytes": newest[1] if newest and newest[1] != UNKNOWN_SIZE else None,
        "newest_kind": newest[2] if newest else None,
        "median_size_bytes": {kind: median(sizes) for kind, sizes in sorted(known.items())},
    }


def _locations(usable: Sequence[PointGroup]) -> dict[str, t.Any]:
    places: dict[tuple[str | None, str | None], list[PointGroup]] = {}
    unlisted = []
    for group in usable:
        if group.places is None:
            unlisted.append(group)
        for where in set(group.places or ()):
            places.setdefault(where, []).append(group)
    shown = []
    for (location, location_type), groups in places.items():
        tally = _count_newest_oldest(groups)
        place = {
            "location": location,
            "location_type": location_type,
            "count": tally["count"],
            "newest": tally["newest"],
        }
        shown.append({name: value for name, value in place.items() if value is not None})
    shown.sort(key=lambda place: (place.get("location", ""), place.get("location_type", "")))
    unknown = _count_newest_oldest(unlisted)
    del unknown["oldest"]
    return {"locations": shown or None, "locations_unknown": unknown if unlisted else None}


def _malware(backups: Sequence[PointGroup]) -> dict[str, t.Any]:
    """Count the points by malware state, with the newest of each.

    If it is unknown whether something is a recovery point at all, the state "clean" counts as unknown.
    """
    states: dict[str, list[PointGroup]] = {}
    for group in backups:
        sure = group.usable is True or group.malware != "clean"
        if group.usable is not False:
            states.setdefault((sure and group.malware) or "unknown", []).append(group)
    spans = {state: _count_newest_oldest(groups) for state, groups in sorted(states.items())}
    return {
        "malware": {state: span["count"] for state, span in spans.items()},
        "malware_newest": {state: span["newest"] for state, span in spans.items() if state != "unknown"},
    }
