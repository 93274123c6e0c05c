# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From recovery points to one row for each workload, streaming: a point is folded in and dropped.

What is kept of a point is 24 bytes: a hash of its id (so that a row met twice counts once), its time and its size.
They are kept by class: all points of a workload whose facts are the same share one class, so that counts, newest
and oldest of every facet follow from a handful of classes, however many points there are.
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
    drop_double,
    drop_future,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import (
    COUNTING_KINDS,
    FACT_FACETS,
    FULL_KINDS,
    RecoveryPoint,
    Workload,
    WorkloadKey,
    median,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, age_seconds, format_time

# Servers and this machine rarely agree to the second; a point further ahead than this is dated in the future.
FUTURE_TOLERANCE = 300 * SECOND
# Workloads of one server, some of them several times.
_MOST_PATTERNS = 50_000
_TESTED = {"verified": 0, "checked": 1}


class Summary:
    """Folds the points of one source into rows; ``now`` is the server's clock where it is known."""

    def __init__(self, source: str, product: str, now: int, calendar: Calendar, *, history: bool = False) -> None:
        self._source = source
        self._product = product
        self._now = now
        self._calendar = calendar
        self._history = history
        self._workloads: dict[WorkloadKey, Workload] = {}
        self._classes: dict[WorkloadKey, dict[t.Any, PointGroupBuilder]] = {}
        # By the identity of a pattern, which is held so that it stays its own.
        self._patterns: dict[int, tuple[RecoveryPoint, PointGroupBuilder]] = {}

    def add_workload(self, workload: Workload) -> Workload:
        """Take note of a workload, whether it has points or not; what is known of it already is completed."""
        known = self._workloads.setdefault(workload.key, workload)
        if known is not workload:
            for field in ("name", "platform", "in_inventory"):
                if getattr(known, field) is None:
                    setattr(known, field, getattr(workload, field))
        return known

    def add(self, point: RecoveryPoint) -> PointGroupBuilder:
        """Fold one point in, among those that say the same."""
        group = self._group_of(point)
        group.add(point.id, point.created, point.size_bytes, point.verified_at, point.checked_at)
        return group

    def add_point_like(self, pattern: RecoveryPoint, ident: str, created: int, size: int | None) -> None:
        """Fold in a point that is ``pattern`` but for id, time and size. A pattern is never changed."""
        found = self._patterns.get(id(pattern))
        if found is None:
            if len(self._patterns) >= _MOST_PATTERNS:
                self._patterns.clear()
            found = self._patterns[id(pattern)] = (pattern, self._group_of(pattern))
        found[1].add(ident, created, size, pattern.verified_at, pattern.checked_at)

    def _group_of(self, point: RecoveryPoint) -> PointGroupBuilder:
        key = point.workload.key
        classes = self._classes.get(key)
        if classes is None:
            self.add_workload(point.workload)
            classes = self._classes[key] = {}
        copies = point.copies
        places = None if copies is None else tuple([(copy.location, copy.location_type) for copy in copies])
        facts = (point.verified, point.checked, point.offsite, point.immutable, point.encrypted)
        name = (point.kind, point.status, point.usable, facts, point.malware, point.estimated, point.attested, places)
        kept = classes.get(name)
        if kept is None:
            kept = classes[name] = PointGroupBuilder(name)
        return kept

    def progress(self) -> tuple[int, int]:
        """How many workloads and points there are by now; another thread may ask while points are added."""
        classes = [group for of_one in list(self._classes.values()) for group in list(of_one.values())]
        return len(self._workloads), sum(map(len, classes))

    def discard(self, workload: Workload) -> None:
        """What was folded in for this workload may be another's: it is told anew."""
        self._workloads.pop(workload.key, None)
        self._classes.pop(workload.key, None)
        self._patterns.clear()

    def rows(self) -> list[dict[str, t.Any]]:
        """One row for each workload, with every member (see _read.compact), sorted by name, type, id and origin."""
        rows = [self._row(key, workload) for key, workload in self._workloads.items()]
        rows.sort(key=lambda row: [row[name] or "" for name in _ROW_ORDER])
        return rows

    def _row(self, key: WorkloadKey, workload: Workload) -> dict[str, t.Any]:
        classes = [growing.group() for growing in self._classes.get(key, {}).values()]
        drop_double(classes)
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
            "newest": _shown(newest),
            "oldest": _shown(oldest),
            "newest_age_seconds": None if newest is None else age_seconds(newest, self._now),
            **self._rhythm(backups),
            "by_kind": _counts((group.kind, len(group.times)) for group in classes if group.usable is not False),
            "by_status": _counts((group.status, len(group.times)) for group in classes),
            "kinds": self._kinds(classes),
            **_sizes(usable),
            **_locations(usable),
            "facets": self._facets(backups, dated),
            **_malware(backups),
            "in_future": in_future or None,
            "history": self._calendar.history(classes, self._now) if self._history else None,
        }

    def _rhythm(self, groups: Sequence[PointGroup]) -> dict[str, t.Any]:
        """Gaps and runs of the points that surely count; ``possible``: if those of unknown usability counted too."""
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
        """What a policy may name by ``kinds``. Kinds that are no backups show in nothing else, so they come with gaps.

        A row of one kind of backup says it all already, and most rows are such.
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

    def _facets(self, backups: Sequence[PointGroup], dated: Sequence[PointGroup]) -> dict[str, t.Any]:
        full = [group for group in backups if group.kind in FULL_KINDS]
        # A point whose kind is unknown may be a full one.
        perhaps_full = [group for group in backups if group.kind == "unknown" and group.usable is not False]
        points = _count_states((group, group.usable) for group in backups)
        points.update({name: value for name, value in _span(dated, True).items() if name != "count"})
        facets: dict[str, t.Any] = {
            "recovery_points": points,
            "full": {
                **_count_states(
                    [*((group, group.usable) for group in full), *((group, None) for group in perhaps_full)]
                ),
                **self._rhythm(full),
            },
        }
        listed = [group for group in backups if group.usable is not False]
        for index, name in enumerate(FACT_FACETS):
            facets[name] = _fact_facet(listed, index, name, self._now + FUTURE_TOLERANCE)
        return facets


_ROW_ORDER = ("workload_name", "workload_type", "workload_id", "origin")


def _counts(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, count in pairs:
        counts[name] = counts.get(name, 0) + count
    return dict(sorted(counts.items()))


@functools.lru_cache(maxsize=1000)
def _shown(micros: int | None) -> str | None:
    """A row says the same few moments many times."""
    return None if micros is None else format_time(micros)


def _span(groups: Iterable[PointGroup], usable: bool | None) -> dict[str, t.Any]:
    return _count_newest_oldest([group for group in groups if group.usable is usable])


def _count_newest_oldest(groups: Sequence[PointGroup]) -> dict[str, t.Any]:
    if not groups:
        return {"count": 0, "newest": None, "oldest": None}
    return {
        "count": sum(len(group.times) for group in groups),
        "newest": _shown(max([group.newest for group in groups])),
        "oldest": _shown(min([group.oldest for group in groups])),
    }


def _count_states(states: Iterable[tuple[PointGroup, bool | None]]) -> dict[str, t.Any]:
    """How many points surely have it, of how many it is unknown, how many surely have it not; newest and oldest."""
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


def _fact_facet(groups: Sequence[PointGroup], index: int, name: str, limit: int) -> dict[str, t.Any]:
    exact: list[tuple[PointGroup, bool | None]] = []
    vouched: dict[str, list[PointGroup]] = {"estimated": [], "attested": []}
    for group in groups:
        fact = group.facts[index]
        if group.usable is None and fact is True:
            # Whether it is a recovery point at all is not known, so neither is that one has the facet.
            fact = None
        origin = "attested" if name in group.attested else "estimated" if name in group.estimated else None
        if origin is not None and fact is True:
            vouched[origin].append(group)
        else:
            exact.append((group, fact))
    facet = _count_states(exact)
    for origin, members in vouched.items():
        facet[origin] = _count_newest_oldest(members) if members else None
    if name in _TESTED:
        tests = (group.newest_test(_TESTED[name], limit) for group, fact in exact if fact is True)
        newest = max((test for test in tests if test), default=None)
        facet["tested_at"] = _shown(newest[0]) if newest else None
        facet["tested_point"] = _shown(newest[1]) if newest else None
    return facet


def _sizes(usable: Sequence[PointGroup]) -> dict[str, t.Any]:
    """Bytes of all and of the newest point, and the median by kind; null where one addend is unknown."""
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
    """How many points are of which state, and the newest of each.

    Where it is unknown whether something is a recovery point at all, that it is clean proves nothing.
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
