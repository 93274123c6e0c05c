# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collect workloads and recovery points from an adapter, filter and aggregate them, and build the read result."""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
import time
import typing as t
from collections.abc import Collection, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.location_attributes import LocationAttributes
from ansible_collections.backup.audit.plugins.module_utils._collect.point_class import point_class
from ansible_collections.backup.audit.plugins.module_utils._collect.points import UNKNOWN_SIZE
from ansible_collections.backup.audit.plugins.module_utils._collect.result import SCHEMA, seal
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary, last_plausible
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.model import MOMENTS, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    FIRST,
    LAST,
    SECOND,
    format_time,
    parse_duration,
    parse_time,
)

# Times before the first backup products, or near the end of the calendar, are not plausible.
_EARLIEST, _LATEST_CLOCK = FIRST * SECOND, LAST * SECOND
_UNDATED = (
    "some recovery points are dated before 1980, which is not a plausible time; whether they are usable is unknown"
)


class Collector:
    """Receives the data of an adapter. The adapter calls ``start`` when the server is known, then adds points."""

    def __init__(
        self,
        source: str,
        product: str,
        *,
        workload_names: Sequence[str] = (),
        since: str | None = None,
        until: str | None = None,
        keep_points: bool = False,
        location_attributes: Sequence[dict[str, t.Any]] = (),
        selection: Mapping[str, t.Any] | None = None,
        inventory_types: Sequence[str] | None = None,
    ) -> None:
        self.source = source
        self.product = product
        self.version: str | None = None
        # Identifies the installation or repository, independent of its address.
        self.identity: str | None = None
        self.skew_micros: int | None = None
        self.scope: dict[str, t.Any] = {}
        # The result of the product's own check, if it was run for this read result.
        self.verify: dict[str, t.Any] | None = None
        self.warnings: list[str] = []
        self.problems: list[AuditError] = []
        # The types of workloads whose inventory the product can report.
        self._inventory_types = None if inventory_types is None else list(inventory_types)
        # The options that limit the listing. A workload that they exclude is not missing.
        self._selection = dict(selection or {})
        self._window = (since, until)
        self._keep_points = keep_points
        self._location_attributes = LocationAttributes(location_attributes) if location_attributes else None
        self._globs = {name.casefold(): name for name in workload_names}
        self._selected: dict[t.Any, bool] = {}
        self._matched: set[str] = set()
        self._points: list[RecoveryPoint] = []
        # Also called here, so that an invalid window is rejected before any request is sent.
        self.start()

    # Called by the adapter

    def start(self) -> None:
        """Start collecting. Ages, and windows that are durations, are relative to ``now``."""
        self.read_at = time.time_ns() // 1000
        if not _EARLIEST <= self.now <= _LATEST_CLOCK:
            raise DataError(
                "the server's clock is not between the years 1980 and 9000, so ages cannot be calculated",
                server=self.source,
                hint="Correct the server's clock",
            )
        since, until = (
            self._parse_bound(text, name) for text, name in zip(self._window, ("since", "until"), strict=True)
        )
        if since is not None and until is not None and since >= until:
            raise OptionError(
                f"since: {self._window[0]!r} is not earlier than until ({self._window[1]!r})",
                hint="since is the start of the time window, until is its end",
            )
        if since is not None and since > self.now:
            raise OptionError(
                f"since: {self._window[0]!r} is in the future (the server was read at {format_time(self.now)})",
                hint="Use an earlier time, or a duration such as 30d",
            )
        # Windows have whole seconds: a point is in the window if the second in which it was created is.
        self.since, self.until = (None if end is None else end // SECOND * SECOND for end in (since, until))
        self.summary = Summary(self.source, self.now)

    def set_identity(self, reported: t.Any) -> None:
        """Build ``identity`` from the product's own id of the installation or repository.

        The prefix prevents that two products share an identity. Text without letters and without digits other than 0 is
        ignored, because it is a placeholder (00000000-0000-...) that different installations may share.
        """
        text = reported.strip() if isinstance(reported, str) else ""
        if any(character.isalnum() and character != "0" for character in text):
            self.identity = f"{self.product}:{text}"

    @property
    def now(self) -> int:
        """The time of the read by the server's clock, or by the local clock if the server does not report its time."""
        return self.read_at + (self.skew_micros or 0)

    def is_selected(self, workload: Workload) -> bool:
        """Return whether ``workload_names`` matches the workload. Without names, all workloads are selected."""
        if not self._globs:
            return True
        name = workload.name
        selected = self._selected.get(name)
        if selected is None:
            normalized = (name or "").casefold()
            # Also compare literally, because db[prod] is a pattern that does not match its own name.
            matching = [glob for glob in self._globs if normalized == glob or fnmatch.fnmatchcase(normalized, glob)]
            selected = name is not None and bool(matching)
            self._selected[name] = selected
            if selected:
                self._matched.update(matching)
        return selected

    @property
    def unmatched_names(self) -> list[str]:
        """The items of ``workload_names`` that matched no workload."""
        return [name for glob, name in self._globs.items() if glob not in self._matched]

    @property
    def has_name_filter(self) -> bool:
        """Whether ``workload_names`` was given."""
        return bool(self._globs)

    def add_workload(self, workload: Workload) -> None:
        """Add a workload that the product lists, with or without points."""
        if self.is_selected(workload):
            self.summary.add_workload(workload)

    def add_point(self, point: RecoveryPoint) -> None:
        """Add a recovery point."""
        if not self._is_in_selection(point.workload, point.created):
            return
        if point.created < _EARLIEST and point.usable is True:
            # Programs often write a missing time as their earliest time, so the point is not really this old.
            point.usable = None
            self._warn_undated()
        if point.restorable_until is not None and point.restorable_until > last_plausible(self.now):
            point.restorable_until = None
        if point.restorable_from is not None and point.restorable_from < _EARLIEST:
            point.restorable_from = None
        if point.immutable_until is not None and point.immutable is None:
            point.immutable = point.immutable_until > self.now
        if self._location_attributes is not None:
            self._location_attributes.apply(point)
        self.summary.add(point)
        if self._keep_points:
            self._points.append(point)

    def add_points(
        self, template: RecoveryPoint, ids: Sequence[int], times: Sequence[int], sizes: Sequence[int]
    ) -> None:
        """Add points that differ from the first one, ``template``, only in the hash of the id, time and size.

        None of them has a moment (model.MOMENTS), and they are only counted, not listed.
        """
        if not self.is_selected(template.workload):
            return
        since = _EARLIEST if self.since is None else max(_EARLIEST, self.since)
        until = max(times) if self.until is None else self.until
        within = [since <= time <= until for time in times]
        if not all(within):
            # add_point applies the window and the check for implausible times.
            for index, one in enumerate(within):
                if not one:
                    self.add_point(_with_identity(template, ids[index], times[index], sizes[index]))
            ids, times, sizes = (list(itertools.compress(values, within)) for values in (ids, times, sizes))
            if not ids:
                return
            template = _with_identity(template, ids[0], times[0], sizes[0])
        if self._location_attributes is not None:
            self._location_attributes.apply(template)
        self.summary.add(template).extend(ids[1:], times[1:], sizes[1:])

    def add_point_like(
        self,
        template: RecoveryPoint,
        ident: str,
        created: int,
        size_bytes: int | None,
        expires_at: int | None = None,
    ) -> None:
        """Add a point that differs from ``template`` only in these values, if possible without building an object.

        ``template`` belongs to the adapter, which passes the same object for all such points and never changes it.
        """
        plain = self._location_attributes is None and not self._keep_points
        if not plain or created < _EARLIEST or any(getattr(template, name) is not None for name in MOMENTS):
            changed: dict[str, t.Any] = {"id": ident, "created": created, "size_bytes": size_bytes}
            if expires_at is not None:
                changed["expires_at"] = expires_at
            self.add_point(dataclasses.replace(template, **changed))
        elif self._is_in_selection(template.workload, created):
            self.summary.add_point_like(template, ident, created, size_bytes, expires_at)

    def _is_in_selection(self, workload: Workload, created: int) -> bool:
        """Return whether names and window select a point. The server's filters are not trusted.

        A point without a plausible time may be in the window.
        """
        if self._globs and not self.is_selected(workload):
            return False
        if self.since is not None and _EARLIEST <= created < self.since:
            return False
        return self.until is None or created // SECOND * SECOND <= self.until

    def discard(self, workloads: Collection[Workload]) -> None:
        """Drop the points of these workloads, because they may belong to others. The adapter adds them again."""
        keys = {workload.key for workload in workloads}
        for workload in workloads:
            self.summary.discard(workload)
        self._points = [point for point in self._points if point.workload.key not in keys]

    def _warn_undated(self) -> None:
        if _UNDATED not in self.warnings:
            self.warnings.append(_UNDATED)

    def add_count(self, workload: Workload, recovery_points: int, kind: str = "unknown") -> None:
        """Add a number of points of a workload (detail: counts).

        Points of kind "unknown" may not be recovery points.
        """
        if self.is_selected(workload):
            point = RecoveryPoint(id="", workload=workload, created=0, kind=kind, usable=True)
            self.summary.add_count(workload, point_class(point), recovery_points)

    def add_problem(self, error: AuditError) -> None:
        """Record that a part of the data could not be read, so that the read result is incomplete."""
        self.problems.append(error)

    # Result

    def result(self, *, compress: bool = False, secrets: Collection[str] = ()) -> dict[str, t.Any]:
        """Build and seal the read result, without ``http_requests`` (see result.py)."""
        rows, blocks = self.summary.build()
        server = {
            "host": self.source,
            "product": self.product,
            "version": self.version,
            "identity": self.identity,
            "time": None if self.skew_micros is None else format_time(self.now // SECOND * SECOND),
            "clock_skew_seconds": None if self.skew_micros is None else round(self.skew_micros / SECOND),
            "scope": dict(sorted(self.scope.items())),
            "inventory_types": self._inventory_types,
            "verify": self.verify,
        }
        window = {"since": self.since, "until": self.until}
        read: dict[str, t.Any] = {
            "schema": SCHEMA,
            "server": {name: value for name, value in server.items() if value is not None},
            "read_at": format_time(self.read_at // SECOND * SECOND),
            "selection": {
                **self._selection,
                **{name: format_time(time) for name, time in window.items() if time is not None},
            },
            "complete": not self.problems,
            "errors": [problem.as_dict() for problem in self.problems],
            "workloads": rows,
            "totals": _totals(rows),
        }
        sealed = seal(read, blocks, compress=compress, secrets=secrets)
        if self._keep_points and not compress:
            sealed["recovery_points"] = self._listed_points()
        return sealed

    def _listed_points(self) -> list[dict[str, t.Any]]:
        points = {(point.workload.key, point.id): point for point in self._points}
        ordered = sorted(points.values(), key=lambda point: (point.workload.name or "", point.created, point.id))
        return [point.as_dict(self.source, self.product) for point in ordered]

    def _parse_bound(self, text: str | None, name: str) -> int | None:
        if not text:
            return None
        if text[:4].isdigit() and "-" in text:
            try:
                return parse_time(text if len(text) > 10 else f"{text}T00:00:00Z")
            except AuditError as error:
                raise OptionError(
                    f"{name}: {error.message}",
                    hint="Use a duration such as 30d, or a time such as 2026-11-21T00:00:00Z",
                ) from error
        moment = self.now - parse_duration(text, what=name) * SECOND
        try:
            format_time(moment)
        except AuditError as error:
            raise OptionError(
                f"{name}: {text!r} is too long: the resulting time is before the year 1",
                hint=f"Use a shorter duration, or omit {name}",
            ) from error
        return moment


def _with_identity(template: RecoveryPoint, ident: int, created: int, size: int) -> RecoveryPoint:
    size_bytes = None if size == UNKNOWN_SIZE else size
    return dataclasses.replace(template, id=f"{ident:x}", created=created, size_bytes=size_bytes)


def _totals(rows: Sequence[dict[str, t.Any]]) -> dict[str, int]:
    return {
        "workloads": len(rows),
        "without_recovery_points": sum(not row["recovery_points"] and not _may_have_points(row) for row in rows),
        "recovery_points": sum(row["recovery_points"] for row in rows),
        "points_listed": sum(sum(row.get("by_status", {}).values()) for row in rows),
        "undated": sum(row.get("undated", 0) for row in rows),
        "in_future": sum(row.get("in_future", 0) for row in rows),
    }


def _may_have_points(row: Mapping[str, t.Any]) -> bool:
    return bool(row.get("attributes", {}).get("recovery_points", {}).get("unknown"))
