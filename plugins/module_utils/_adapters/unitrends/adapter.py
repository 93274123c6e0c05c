# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends appliance (Recovery Series, Unitrends Backup): list of backups (one time window per request) and catalog.

Sources: the vendor's wiki (2015 to 2017), public clients, the interface of releases around 10.2. The request that
lists backups deletes them if its query contains isDelete, so the allowlist permits only the query keys sid and lang.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import time
import typing as t
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import records, workloads
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.api import (
    ALLOWLIST,
    OPTIONAL_ERRORS,
    ApplianceApi,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import (
    LocalTimes,
    parse_clock,
    split_span,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.notes import Notes, System
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.point_builder import Items, PointBuilder
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ConnectionFailedError,
    DataError,
    InvalidResponseError,
    NotFoundError,
    OptionError,
    ServerError,
    UnauthorizedError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, parse_duration
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_object,
    as_text,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import JsonForToken
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response
from ansible_collections.backup.audit.plugins.module_utils._transport.thread_pool import ThreadPool

# If the user sets no limit: the number of days to read, and the number of days without a backup after which to stop.
_DEFAULT_DAYS, _EMPTY_DAYS = 400, 60
# Slices per chapter. The catalog needs no lookups per row, so it is requested once per chapter.
_CHAPTER = 4
# Systems in these states are skipped. All others are expected to respond.
_OUTSIDE = ("pending", "rejected")
_RESPONDING = ("accepted", "available", "complete", "")
# After these errors of one system, the others cannot be read either.
_FATAL_ERRORS = (ConnectionFailedError, UnauthorizedError)
Part = t.TypeVar("Part")


@dataclasses.dataclass(frozen=True)
class TimeSpan:
    """A time span for which the list of one system is requested, and the catalog chapter that contains it."""

    system: System
    chapter: tuple[int, int]
    catalog: Items | None
    at_risk: Future[Collection[int]] | None
    start: int
    end: int


class Unitrends(RestAdapter):
    """Reads all systems of an appliance, from the newest time window to the oldest."""

    product = "unitrends"
    title = "Unitrends"
    environment = ("UNITRENDS",)
    workload_types = workloads.WORKLOAD_TYPES
    allowlist = ALLOWLIST
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "created_at": ("inferred", "times are local; in the hour repeated in autumn, the earlier time is used"),
            "usable": ("sometimes", "an increment whose full backup is not listed may not be restorable"),
            "completed_at": ("inferred", "like created_at; responses up to about 2015 do not contain it"),
            "size_bytes": ("inferred", "reported in whole megabytes"),
            "tested_at": ("cannot", "the API reports that a backup is certified, but not when it was tested"),
            "tested_by": ("cannot", "the API reports that a backup is certified, but not how it was tested"),
            "integrity_checked": (
                "sometimes",
                "the API reports a verification; a missing one may also mean that it does not apply",
            ),
            "checked_at": ("cannot", "the API does not report when a backup was verified"),
            "offsite": ("inferred", "from copies on another appliance or on archive media; otherwise unknown"),
            "copies": ("cannot", "only the catalog reports the storage"),
            "immutable": ("cannot", "a legal hold can be released, and locks of archive media are not reported"),
            "immutable_until": ("cannot", "a legal hold can be released, and locks of archive media are not reported"),
            "expires_at": ("cannot", "retention is applied by policy; backups have no expiry date"),
            "malware": ("sometimes", "suspicious backups are reported as being at risk; others may not be clean"),
            "job": ("cannot", "backups do not name the job that created them"),
            "archive:completed_at": ("cannot", "archive media record the time of the copy, not the end of the backup"),
            "archive:size_bytes": ("cannot", "items on archive media have no size"),
            "archive:encrypted": ("cannot", "the API does not report whether items on archive media are encrypted"),
            "archive:restore_tested": ("cannot", "the API does not report tests of an archived backup"),
            "archive:malware": ("cannot", "the API does not report whether an archived backup is at risk"),
            "archive:integrity_checked": ("cannot", "the API does not report checks of an archived backup"),
            "archive:retention": ("cannot", "items on archive media have no retention class"),
        },
    }

    def __init__(self, client: Client, settings: Settings, thread_pool: ThreadPool) -> None:
        super().__init__(client, settings, thread_pool)
        self._api = ApplianceApi(client)
        self._failed: set[int] = set()

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """Return the part of the argument spec that is specific to this product."""
        return {"timezone": {"type": "str"}, "slice": {"type": "str", "default": "7d"}}

    @classmethod
    def check(cls, settings: Settings, workload_names: tuple[str, ...]) -> None:
        """Check that the time zone exists and that the slice is at least 1h."""
        if settings.own["timezone"]:
            LocalTimes(settings.own["timezone"])
        if parse_duration(settings.own["slice"], what="slice") < HOUR:
            raise OptionError(f"slice: {settings.own['slice']} is less than 1h", hint="Use a duration such as 7d")

    # Login

    def open(self, collector: Collector) -> None:
        """Log in and request the time zone of the appliance's times."""
        login = JsonForToken(
            self.settings.username,
            self.settings.password,
            path="/api/login",
            log_out="/api/logout",
            member="auth_token",
            header="AuthToken",
            log_out_member="cookie",
        )
        self.log_in(login)
        if login.account_info.get("role_scope"):
            collector.warnings.append(
                "this account's role has a scope: workloads and backups outside of it are silently omitted"
            )
        body = self._api.fetch_clock(None)
        name = self.settings.own["timezone"] or as_text(body.get("tz"))
        if name is None:
            raise InvalidResponseError(
                "the appliance does not report its time zone, and its times do not include one",
                server=self.client.host,
                hint='Set "timezone" to the time zone of the appliance, for example Europe/Berlin',
            )
        self._times = LocalTimes(name)
        now = time.time_ns() // 1000
        clock = parse_clock(body, self._times, now)
        # This also detects a wrong zone: rules about time do not pass if the clocks differ.
        collector.skew_micros = None if clock is None else clock + SECOND // 2 - now

    # Reading

    def read(self, collector: Collector) -> None:
        """Read time windows from newest to oldest, and in parallel the inventory and archives of each system."""
        self._collector = collector
        systems = self._fetch_systems()
        collector.scope |= {"systems": ", ".join(system.name for system in systems), "failed_runs": True}
        end = collector.until if collector.until is not None else collector.now + DAY * SECOND
        since = collector.since if collector.since is not None else collector.now - _DEFAULT_DAYS * DAY * SECOND
        inventories = {system.sid: self.thread_pool.submit(self._fetch_inventory, system) for system in systems}
        archives = {system.sid: self.thread_pool.submit(self._fetch_archives, system, since) for system in systems}
        builders = {one.sid: self._create_builder(one, inventories[one.sid], archives[one.sid]) for one in systems}
        bottom = self._read_chapters(systems, builders, since, end)
        for system in systems:
            builders[system.sid].end_list()
            if system.sid in self._failed:
                builders[system.sid].report_incomplete()
            else:
                self._read_older_fulls(system, builders[system.sid], bottom)
                builders[system.sid].finish(include_unprotected=self.settings.include_unprotected)
        if collector.since is None:
            # Policies need to know that nothing before this time was read.
            collector.since = bottom // SECOND * SECOND

    def _read_chapters(self, systems: list[System], builders: Mapping[int, PointBuilder], since: int, end: int) -> int:
        """Read and report chapter by chapter; return the start of the oldest chapter that was read."""
        bottom, empty = end, 0
        parts = self._list_slices(systems, since, end)
        with contextlib.closing(t.cast("t.Any", self.thread_pool.map(self._fetch_slice, parts))) as responses:
            for (start, stop), chapter in itertools.groupby(responses, lambda done: done[0].chapter):
                found = 0
                for system, group in itertools.groupby(chapter, lambda done: done[0].system):
                    found += self._process_responses(system, builders[system.sid], group)
                bottom = start
                empty = 0 if found else empty + stop - start
                if self._collector.since is None and empty >= _EMPTY_DAYS * DAY * SECOND:
                    break
        return bottom

    def _read_older_fulls(self, system: System, builder: PointBuilder, bottom: int) -> None:
        """Search the older catalog for the full backups on which the oldest increments depend."""
        empty = 0
        length = parse_duration(self.settings.own["slice"]) * SECOND * _CHAPTER
        for start, end in split_span(bottom - _DEFAULT_DAYS * DAY * SECOND, bottom, length):
            if not builder.needs_older_fulls or empty >= _EMPTY_DAYS * DAY * SECOND:
                return
            catalog = self._fetch_catalog(system, start, end)
            if catalog is None:
                return
            empty = 0 if builder.add_older_fulls(catalog, start, end) else empty + end - start

    def _list_slices(self, systems: list[System], since: int, end: int) -> Iterator[TimeSpan]:
        """Yield all requests for the list. If the catalog lists nothing, a chapter is requested as one slice."""
        length = parse_duration(self.settings.own["slice"]) * SECOND
        chapters = ((span, self._fetch_catalogs(systems, *span)) for span in split_span(since, end, length * _CHAPTER))
        following = next(chapters, None)
        while following is not None:
            # The catalog of one chapter is read while the list of the previous chapter is read.
            (chapter, catalogs), following = following, next(chapters, None)
            for system in systems:
                catalog = catalogs[system.sid].result() if system.sid in catalogs else None
                if system.sid not in self._failed:
                    at_risk, width = None, length * _CHAPTER
                    if catalog is None or catalog:
                        at_risk, width = self.thread_pool.submit(self._fetch_at_risk, system, *chapter), length
                    for start, stop in split_span(*chapter, width):
                        yield TimeSpan(system, chapter, catalog, at_risk, start, stop)

    def _fetch_catalogs(self, systems: list[System], start: int, end: int) -> dict[int, Future[Items | None]]:
        readable = (system for system in systems if system.sid not in self._failed)
        return {system.sid: self.thread_pool.submit(self._fetch_catalog, system, start, end) for system in readable}

    def _process_responses(
        self, system: System, builder: PointBuilder, responses: Iterator[tuple[TimeSpan, Response | AuditError]]
    ) -> int:
        """Report the backups that one system returned for one chapter; return their number."""
        # Responses are decoded here, slice by slice, because decoded responses take four times the memory.
        found, span = 0, None
        for part, response in responses:
            if span is None:
                span = part.chapter
                builder.begin_chapter(*span, part.catalog, part.at_risk)
            try:
                if isinstance(response, AuditError):
                    raise response
                rows = self._api.parse_rows(response)
                builder.verify_zone(rows, self._resolve_zone)
                found += builder.add_slice(rows, part.start, part.end)
            except _FATAL_ERRORS:
                raise
            except AuditError as error:
                # Points of this system that were already read are kept. The other systems are still read.
                self._record_failure(system, error)
                return found
        return found + (builder.count_archived(*span) if span is not None else 0)

    def _record_failure(self, system: System, error: AuditError) -> None:
        """Record that a system cannot be read; the result is then incomplete."""
        if system.sid in self._failed:
            return
        self._failed.add(system.sid)
        if isinstance(error, (NotFoundError, ServerError)) and not self._is_still_managed(system):
            self._collector.warnings.append(f"system {system.name!r} was removed during the read and is left out")
            return
        error.message = f"system {system.name!r}: {error.message}"
        self._collector.add_problem(error)

    def _is_still_managed(self, system: System) -> bool:
        """Return whether the system is still listed. If it was removed meanwhile, it is not a failure."""
        try:
            return any(as_int(as_object(row).get("id")) == system.sid for row in self._api.fetch_systems())
        except OPTIONAL_ERRORS:
            return True

    def _create_builder(self, system: System, inventory: Future[t.Any], archives: Future[t.Any]) -> PointBuilder:
        times = LocalTimes(self._times.name)
        return PointBuilder(self._collector, system, times, self.settings, inventory, archives)

    # Requests

    def _fetch_systems(self) -> list[System]:
        rows, systems = [as_object(item) for item in self._api.fetch_systems()], dict[int, System]()
        for row in rows:
            status = (as_text(row.get("status")) or "").casefold()
            if status in _OUTSIDE:
                continue
            name = as_text(row.get("name")) or as_text(row.get("host"))
            try:
                sid = records.get_number(row)
            except InvalidResponseError as error:
                error.message = f"system {name!r}: {error.message}"
                self._collector.add_problem(error)
                continue
            system = System(sid, name or str(sid), as_bool(row.get("local")) is True or len(rows) == 1)
            if status in _RESPONDING:
                systems.setdefault(sid, system)
            else:
                problem = InvalidResponseError(f"status is {status!r}", code="incomplete", server=self._api.host)
                self._record_failure(system, problem)
        if not systems:
            problems = "; ".join(problem.message for problem in self._collector.problems)
            raise InvalidResponseError(
                f"the appliance does not list any system that responds{f' ({problems})' if problems else ''}",
                server=self._api.host,
                request="GET /api/systems/",
            )
        return sorted(systems.values(), key=lambda system: (not system.local, system.sid))

    def _fetch_slice(self, part: TimeSpan) -> Response | AuditError:
        try:
            return self._api.fetch_slice(part.system, part.start, part.end)
        except AuditError as error:
            return error

    def _fetch_optional(
        self, system: System, name: str, consequence: str, fetch: Callable[[], Part], default: Part
    ) -> Part:
        """Return an optional part of the data; if it is not available, add a warning and return ``default``."""
        try:
            return fetch()
        except OPTIONAL_ERRORS as error:
            Notes(self._collector, system).warn_unavailable(name, consequence, error.message)
            return default

    def _fetch_catalog(self, system: System, start: int, end: int) -> Items | None:
        consequence = "storage of backups is unknown, and empty lists cannot be verified"
        fetch = functools.partial(self._api.fetch_catalog, system, self._times, start, end)
        return self._fetch_optional(system, "catalog", consequence, fetch, None)

    def _fetch_at_risk(self, system: System, start: int, end: int) -> Collection[int]:
        fetch = functools.partial(self._api.fetch_at_risk, system, self._times, start, end)
        return self._fetch_optional(system, "at_risk", "suspicious backups cannot be detected", fetch, set())

    def _fetch_archives(self, system: System, since: int) -> Items:
        end = self._collector.now + DAY * SECOND
        fetch = functools.partial(self._api.fetch_archives, system, self._times, since, end)
        return self._fetch_optional(system, "archives", "copies on archive media are unknown", fetch, [])

    def _fetch_inventory(self, system: System) -> workloads.Inventory | None:
        consequence = "unprotected workloads cannot be detected"
        fetch = functools.partial(self._api.fetch_inventory, system)
        inventory = self._fetch_optional(system, "inventory", consequence, fetch, None)
        if inventory is not None and inventory.unreadable:
            cause = f"{inventory.unreadable} entries have no number or no known type"
            Notes(self._collector, system).warn_unavailable("inventory", f"some {consequence}", cause)
        elif inventory is not None:
            self._collector.scope.setdefault("inventory", True)
        return inventory

    def _resolve_zone(self, system: System, instance: int) -> LocalTimes | None:
        """Return the zone of a system's rows, confirmed by a backup with text and epoch time, or None without one."""
        # Rows are documented to use the zone of the queried appliance; rows of a managed one may use its own zone.
        row = self._api.fetch_latest(system, instance)
        epoch, text = as_int(row.get("start_time")), row.get("start_time_string")
        if epoch is None or text is None:
            return None
        for times in self._list_zones(system):
            with contextlib.suppress(DataError):
                if times.confirm(text, epoch * SECOND):
                    return times
        raise InvalidResponseError(
            f"its times are not in the time zone {self._times.name}",
            server=self._api.host,
            hint='Set "timezone" to the time zone in which this appliance reports its times',
        )

    def _list_zones(self, system: System) -> Iterator[LocalTimes]:
        yield LocalTimes(self._times.name)
        if not self.settings.own["timezone"]:
            with contextlib.suppress(InvalidResponseError, OptionError):
                name = as_text(self._api.fetch_clock(system.sid).get("tz"))
                if name is not None:
                    yield LocalTimes(name)
