# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends appliance (Recovery Series, Unitrends Backup): list of backups (one time window per request) and catalog.

Sources: the vendor's wiki (2015 to 2017), public clients, the interface of releases around 10.2. The request that
lists backups deletes them if its query contains isDelete, so the allowlist permits only the query keys sid and lang.
"""

from __future__ import annotations

import contextlib
import itertools
import time
import typing as t
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import inventory as assets
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import (
    LocalTimes,
    matches_instant,
    parse_clock,
    split_span,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.point_builder import (
    Items,
    PointBuilder,
    System,
    TimeSpan,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    DataError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    OptionError,
    ServerError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND, parse_duration
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.auth import JsonForToken
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Response

_LANGUAGE = {"lang": "en"}
_SYSTEM = {"sid": None, "lang": "en"}
_CATALOG = {**_SYSTEM, "view": "instance", "start_date": None, "end_date": None}
# If the user sets no limit: how many days are read, and after how many days without a backup reading stops.
_DEFAULT_DAYS, _EMPTY_DAYS = 400, 60
# Slices per chapter. The catalog is requested once per chapter because it does no lookups per row.
_CHAPTER = 4
# Systems that are not accepted yet, or were rejected, are skipped; all others are expected to respond.
_OUTSIDE = ("pending", "rejected")
_RESPONDING = ("accepted", "available", "complete", "")
# This product uses status 500 for many cases, including empty results. Only optional requests tolerate it.
_OPTIONAL_ERRORS = (ForbiddenError, NotFoundError, ServerError)


class Unitrends(RestAdapter):
    """Read all systems of an appliance, from the newest time window to the oldest."""

    product = "unitrends"
    title = "Unitrends"
    environment = ("UNITRENDS",)
    workload_types = records.WORKLOAD_TYPES
    allowlist = (
        AllowedRequest("POST", "/api/login", {}),
        AllowedRequest("POST", "/api/logout", {}),
        AllowedRequest("GET", "/api/systems/", _LANGUAGE),
        AllowedRequest("GET", "/api/date-time/", _SYSTEM),
        AllowedRequest("GET", "/api/assets/", _SYSTEM, required=("sid",)),
        # isDelete (deletes backups) and isRelated (changes the meaning of the request) are not allowed.
        AllowedRequest("POST", "/api/backups/", _SYSTEM, required=("sid",)),
        AllowedRequest("GET", "/api/backups/latest/", {**_SYSTEM, "iid": None, "days": "0"}, required=("sid", "iid")),
        AllowedRequest("GET", "/api/catalog/", _CATALOG, required=("sid", "start_date")),
        AllowedRequest("GET", "/api/catalog/archives/", _CATALOG, required=("sid", "start_date")),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "created_at": ("inferred", "times are local; in the hour repeated in autumn, the earlier time is used"),
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
            "malware": ("cannot", "the lists of backups do not contain scan results"),
            "job": ("cannot", "backups do not name the job that created them"),
            "archive:completed_at": ("cannot", "archive media record the time of the copy, not the end of the backup"),
            "archive:size_bytes": ("cannot", "items on archive media have no size"),
            "archive:encrypted": ("cannot", "the API does not report whether items on archive media are encrypted"),
            "archive:restore_tested": ("cannot", "the API does not report tests of an archived backup"),
            "archive:integrity_checked": ("cannot", "the API does not report checks of an archived backup"),
            "archive:retention": ("cannot", "items on archive media have no retention class"),
        },
    }

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
        """Log in and request the time zone that the appliance writes its times in."""
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
            collector.warnings.append("this account's role has a scope: backups outside of it are silently omitted")
        body = self._fetch_clock(None)
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
        # This also makes a wrong zone harmless: rules about time do not pass if the clocks differ.
        collector.skew_micros = None if clock is None else clock + SECOND // 2 - now

    def _fetch_clock(self, sid: int | None) -> Mapping[str, t.Any]:
        try:
            params = _LANGUAGE if sid is None else {**_LANGUAGE, "sid": str(sid)}
            return self._parse_object(self.client.get("/api/date-time/", params))
        except _OPTIONAL_ERRORS:
            return {}

    # Reading

    def read(self, collector: Collector) -> None:
        """Read time windows from newest to oldest, and in parallel the inventory and archives of each system."""
        self._collector = collector
        self._failed: set[int] = set()
        systems = self._fetch_systems()
        collector.scope |= {"systems": ", ".join(system.name for system in systems), "failed_runs": True}
        end = collector.until if collector.until is not None else collector.now + DAY * SECOND
        since = collector.since if collector.since is not None else collector.now - _DEFAULT_DAYS * DAY * SECOND
        inventories = {system.sid: self.thread_pool.submit(self._fetch_assets, system) for system in systems}
        archives = {system.sid: self.thread_pool.submit(self._fetch_archives, system, since) for system in systems}
        builders = {one.sid: self._create_builder(one, inventories[one.sid], archives[one.sid]) for one in systems}
        bottom = self._read_chapters(systems, builders, since, end)
        for system in systems:
            if system.sid not in self._failed:
                builders[system.sid].finish(include_unprotected=self.settings.include_unprotected)
        if collector.since is None:
            # Nothing before this time was read, and policies need to know that.
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
                    width = length if catalog is None or catalog else length * _CHAPTER
                    for start, stop in split_span(*chapter, width):
                        yield TimeSpan(system, chapter, catalog, start, stop)

    def _fetch_catalogs(self, systems: list[System], start: int, end: int) -> dict[int, Future[Items | None]]:
        readable = (system for system in systems if system.sid not in self._failed)
        return {system.sid: self.thread_pool.submit(self._fetch_catalog, system, start, end) for system in readable}

    def _process_responses(
        self, system: System, builder: PointBuilder, responses: Iterator[tuple[TimeSpan, Response | AuditError]]
    ) -> int:
        """Report the backups that one system returned for one chapter; return their number."""
        # Responses are decoded here, slice by slice, because decoded responses take four times the memory.
        found, has_begun = 0, False
        for part, response in responses:
            if not has_begun:
                builder.begin_chapter(part.catalog)
                has_begun, span = True, part.chapter
            try:
                rows = self._parse_rows(response)
            except AuditError as error:
                # A failure of another system does not end the task; a failure of the local system does.
                if system.local:
                    raise
                self._record_failure(system, error)
                return found
            builder.verify_zone(rows, self._resolve_zone)
            found += builder.add_slice(rows)
        return found + builder.end_chapter(*span)

    def _record_failure(self, system: System, error: AuditError) -> None:
        """Record that a system cannot be read; the result is then incomplete."""
        if system.sid not in self._failed:
            self._failed.add(system.sid)
            error.message = f"system {system.name!r}: {error.message}"
            self._collector.add_problem(error)

    def _create_builder(self, system: System, inventory: Future[t.Any], archives: Future[t.Any]) -> PointBuilder:
        return PointBuilder(self._collector, system, self._times, self.settings, inventory, archives)

    # Requests

    def _parse_object(self, response: Response) -> dict[str, t.Any]:
        """Return a response as an object. PHP writes an empty object as a list; some errors have a success status."""
        decoded = response.json()
        if decoded == []:
            return {}
        # Decoded a second time only to report what was returned instead of an object.
        body: dict[str, t.Any] = decoded if isinstance(decoded, dict) else response.json_object()
        if body.get("error"):
            raise InvalidResponseError(
                "the appliance returned an error",
                server=response.server,
                request=response.request,
                server_message=self.client.scrub(as_text(body.get("message")) or str(body["error"])),
            )
        return body

    def _fetch_systems(self) -> list[System]:
        response = self.client.get("/api/systems/", _LANGUAGE)
        items = get_items(self._parse_object(response), "appliance", response.request, response.server)
        rows, systems = [as_object(item) for item in items], []
        for row in rows:
            status = (as_text(row.get("status")) or "").casefold()
            if status in _OUTSIDE:
                continue
            sid = records.get_number(row)
            name = as_text(row.get("name")) or as_text(row.get("host")) or str(sid)
            local = as_bool(row.get("local")) is True or len(rows) == 1
            system = System(sid, name, local)
            if status in _RESPONDING:
                systems.append(system)
            else:
                error = InvalidResponseError(f"status is {status!r}", code="incomplete", server=self.client.host)
                self._record_failure(system, error)
        if not systems:
            problems = "; ".join(problem.message for problem in self._collector.problems)
            raise InvalidResponseError(
                f"the appliance does not list any system that responds{f' ({problems})' if problems else ''}",
                server=response.server,
                request=response.request,
            )
        return sorted(systems, key=lambda system: (not system.local, system.sid))

    def _fetch_slice(self, part: TimeSpan) -> Response | AuditError:
        """Request all backups that one system lists for one time span."""
        params = {"sid": str(part.system.sid), **_LANGUAGE}
        body = {
            "system_id": part.system.sid,
            "start_time": part.start // SECOND,
            "end_time": -(-part.end // SECOND),
            "sync_msg": 1,
        }
        try:
            return self.client.request("POST", "/api/backups/", params=params, json_body=body)
        except AuditError as error:
            return error

    def _parse_rows(self, response: Response | AuditError) -> list[dict[str, t.Any]]:
        """Return the list of backups: field data, or backups up to about 2015; an empty list is a bare []."""
        if isinstance(response, AuditError):
            raise response
        body = self._parse_object(response)
        if not body and response.json() == []:
            return []
        member = "backups" if "backups" in body else "data"
        return [as_object(row) for row in get_items(body, member, response.request, response.server)]

    def _fetch_catalog(self, system: System, start: int, end: int) -> Items | None:
        """Return the catalog items around this chapter (its days are local). None if it cannot be read."""
        try:
            body = self._parse_object(self.client.get("/api/catalog/", self._build_date_params(system, start, end)))
        except _OPTIONAL_ERRORS as error:
            consequence = "storage of backups is unknown, and empty lists cannot be verified"
            self._mark_unavailable("catalog", consequence, error.message)
            return None
        return list(records.iter_catalog(body, ("backups",)))

    def _fetch_archives(self, system: System, since: int) -> list[tuple[records.Row, records.Row]]:
        """Return all copies on archive media since then; the window is on the copy's time, the later one."""
        params = self._build_date_params(system, since, self._collector.now + DAY * SECOND)
        try:
            body = self._parse_object(self.client.get("/api/catalog/archives/", params))
        except _OPTIONAL_ERRORS as error:
            self._mark_unavailable("archives", "copies on archive media are unknown", error.message)
            return []
        return list(records.iter_catalog(body, ("archives", "backups")))

    def _fetch_assets(self, system: System) -> list[tuple[t.Any, str | None]] | None:
        try:
            response = self.client.get("/api/assets/", {"sid": str(system.sid), **_LANGUAGE})
            body = self._parse_object(response)
        except _OPTIONAL_ERRORS as error:
            self._mark_unavailable("inventory", "unprotected workloads cannot be detected", error.message)
            return None
        # If there are no assets, the response is a bare [].
        if response.json() != [] and not assets.is_inventory(body):
            self._mark_unavailable("inventory", "unprotected workloads cannot be detected", "an item has no number")
            return None
        self._collector.scope.setdefault("inventory", True)
        return list(assets.parse_assets(body, system.sid))

    def _mark_unavailable(self, name: str, consequence: str, cause: str) -> None:
        if self._collector.scope.get(name) is not False:
            self._collector.scope[name] = False
            self._collector.warnings.append(f"{name} not available: {consequence}. Cause: {cause}")

    def _build_date_params(self, system: System, start: int, end: int) -> dict[str, str]:
        day = DAY * SECOND
        return {
            "sid": str(system.sid),
            "view": "instance",
            "start_date": self._times.format_date(start - day),
            "end_date": self._times.format_date(end + day),
            **_LANGUAGE,
        }

    def _resolve_zone(self, system: System, instance: int) -> LocalTimes | None:
        """Return the zone of a system's rows, confirmed by a backup with text and epoch time; None without one."""
        # Rows are documented to use the zone of the queried appliance; rows of a managed one may use its own zone.
        params = {"sid": str(system.sid), "iid": str(instance), "days": "0", **_LANGUAGE}
        try:
            body = self._parse_object(self.client.get("/api/backups/latest/", params))
        except (*_OPTIONAL_ERRORS, InvalidResponseError):
            return None
        row = as_object(next(iter(as_list(body.get("data"))), None))
        epoch, text = as_int(row.get("start_time")), row.get("start_time_string")
        if epoch is None or text is None:
            return None
        for times in self._list_zones(system):
            with contextlib.suppress(DataError):
                if matches_instant(times, text, epoch * SECOND):
                    return times
        raise InvalidResponseError(
            f"system {system.name!r}: its times are not in the time zone {self._times.name}",
            server=self.client.host,
            hint='Set "timezone" to the time zone in which this appliance reports its times',
        )

    def _list_zones(self, system: System) -> Iterator[LocalTimes]:
        yield self._times
        if not self.settings.own["timezone"]:
            name = as_text(self._fetch_clock(system.sid).get("tz"))
            if name is not None:
                yield LocalTimes(name)
