# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends appliance (Recovery Series, Unitrends Backup): the list of backups, window by window, and the catalogue.

Sources: the vendor's wiki (2015 to 2017), public clients, the interface of releases around 10.2. The call that lists
backups deletes them when its query says isDelete, so no query but sid and lang can be sent.
"""

from __future__ import annotations

import contextlib
import itertools
import time
import typing as t
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter, Settings
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.inventory import assets_of, is_inventory
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import (
    LocalTimes,
    clock_of,
    fits,
    spans,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.points import (
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
# How far back is read where the user says nothing, and after how long without any backup that is given up.
_DEFAULT_DAYS, _EMPTY_DAYS = 400, 60
# So many slices make a chapter, which the catalogue is asked for at once: it looks nothing up row by row.
_CHAPTER = 4
# Systems that wait to be let in, or were not, belong to nobody here; the others should answer.
_OUTSIDE = ("pending", "rejected")
_ANSWERING = ("accepted", "available", "complete", "")
# This family tells much as 500, also that there is nothing. Only calls that enrich are forgiven that.
_OPTIONAL = (ForbiddenError, NotFoundError, ServerError)


class Unitrends(RestAdapter):
    """Reads all systems of an appliance, from the newest window of time to the oldest."""

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
        # isDelete and isRelated, which delete and which mean something else, are not on the list.
        AllowedRequest("POST", "/api/backups/", _SYSTEM, required=("sid",)),
        AllowedRequest("GET", "/api/backups/latest/", {**_SYSTEM, "iid": None, "days": "0"}, required=("sid", "iid")),
        AllowedRequest("GET", "/api/catalog/", _CATALOG, required=("sid", "start_date")),
        AllowedRequest("GET", "/api/catalog/archives/", _CATALOG, required=("sid", "start_date")),
    )
    not_reported: t.ClassVar = {
        ("*", "*"): {
            "created_at": ("estimated", "local times: of the hour that is repeated in autumn the older one is taken"),
            "completed_at": ("estimated", "as created_at; answers up to about 2015 do not carry it"),
            "size_bytes": ("estimated", "told in whole megabytes"),
            "verified_at": ("cannot", "that a backup is certified is told, not when it was tested"),
            "verified_by": ("cannot", "that a backup is certified is told, not how it was tested"),
            "checked": ("sometimes", "a verification is told; that none was made may also mean that it does not apply"),
            "checked_at": ("cannot", "when a backup was verified is not told"),
            "offsite": ("estimated", "from copies on another appliance or on archive media; without such unknown"),
            "copies": ("cannot", "the storage is told by the catalogue only"),
            "immutable": ("cannot", "a legal hold can be released, and what media enforce is not told"),
            "immutable_until": ("cannot", "a legal hold can be released, and what media enforce is not told"),
            "expires_at": ("cannot", "retention is applied by policy; backups carry no date"),
            "malware": ("cannot", "the lists of backups carry no result of a scan"),
            "job": ("cannot", "backups do not name the job that made them"),
            "archive:completed_at": ("cannot", "archive media tell when the copy was made, not when the backup ended"),
            "archive:size_bytes": ("cannot", "items on archive media carry no size"),
            "archive:encrypted": ("cannot", "items on archive media do not say whether they are encrypted"),
            "archive:verified": ("cannot", "a test of the backup that was archived is not told"),
            "archive:checked": ("cannot", "a check of the backup that was archived is not told"),
            "archive:retention": ("cannot", "items on archive media carry no retention class"),
        },
    }

    @classmethod
    def own_spec(cls) -> dict[str, t.Any]:
        """The part of the argument spec that only this product has."""
        return {"timezone": {"type": "str"}, "slice": {"type": "str", "default": "7d"}}

    @classmethod
    def check(cls, settings: Settings, names: tuple[str, ...]) -> None:
        """Time zone and slice make sense."""
        if settings.own["timezone"]:
            LocalTimes(settings.own["timezone"])
        if parse_duration(settings.own["slice"], what="slice") < HOUR:
            raise OptionError("slice: it is less than 1h", advice="Write a duration such as 7d")

    # Way in

    def open(self, collector: Collector) -> None:
        """Log in, and ask which zone the appliance writes its times in."""
        login = JsonForToken(
            self.settings.username,
            self.settings.password,
            path="/api/login",
            log_out="/api/logout",
            member="auth_token",
            header="AuthToken",
            ended_by="cookie",
        )
        self.log_in(login)
        if login.told.get("role_scope"):
            collector.warnings.append("the role of this account has a scope: backups outside of it are silently absent")
        told = self._clock(None)
        name = self.settings.own["timezone"] or as_text(told.get("tz"))
        if name is None:
            raise InvalidResponseError(
                "the appliance does not tell its time zone, and writes all times without one",
                server=self.client.host,
                advice="Set timezone to the zone of the appliance, such as Europe/Berlin",
            )
        self._times = LocalTimes(name)
        now = time.time_ns() // 1000
        clock = clock_of(told, self._times, now)
        # Also what makes a wrong zone harmless: no rule about time passes where the clocks differ.
        collector.skew_micros = None if clock is None else clock + SECOND // 2 - now

    def _clock(self, sid: int | None) -> Mapping[str, t.Any]:
        try:
            params = _LANGUAGE if sid is None else {**_LANGUAGE, "sid": str(sid)}
            return self._object(self.client.get("/api/date-time/", params))
        except _OPTIONAL:
            return {}

    # Reading

    def read(self, collector: Collector) -> None:
        """Windows from new to old; beside them the inventory and the archives of each system."""
        self._reading = collector
        self._failed: set[int] = set()
        systems = self._systems()
        collector.scope["systems"] = ", ".join(system.name for system in systems)
        end = collector.until if collector.until is not None else collector.now + DAY * SECOND
        since = collector.since if collector.since is not None else collector.now - _DEFAULT_DAYS * DAY * SECOND
        inventories = {system.sid: self.thread_pool.submit(self._assets, system) for system in systems}
        archives = {system.sid: self.thread_pool.submit(self._archives, system, since) for system in systems}
        tellers = {
            system.sid: self._teller(system, inventories[system.sid], archives[system.sid]) for system in systems
        }
        bottom = self._walk(systems, tellers, since, end)
        for system in systems:
            if system.sid not in self._failed:
                tellers[system.sid].finish(include_unprotected=self.settings.include_unprotected)
        if collector.since is None:
            # What lies before was not read, and a policy must know that.
            collector.since = bottom

    def _walk(self, systems: list[System], tellers: Mapping[int, PointBuilder], since: int, end: int) -> int:
        """Tell chapter by chapter; gives the start of the oldest that was read."""
        bottom, empty = end, 0
        parts = self._parts(systems, since, end)
        with contextlib.closing(t.cast("t.Any", self.thread_pool.map(self._asked, parts))) as answers:
            for (start, stop), chapter in itertools.groupby(answers, lambda done: done[0].chapter):
                found = 0
                for system, group in itertools.groupby(chapter, lambda done: done[0].system):
                    found += self._told(system, tellers[system.sid], group)
                bottom = start
                empty = 0 if found else empty + stop - start
                if self._reading.since is None and empty >= _EMPTY_DAYS * DAY * SECOND:
                    break
        return bottom

    def _parts(self, systems: list[System], since: int, end: int) -> Iterator[TimeSpan]:
        """All that the list is asked for. Where the catalogue knows of nothing, a chapter is asked for at once."""
        length = parse_duration(self.settings.own["slice"]) * SECOND
        chapters = ((span, self._catalogs(systems, *span)) for span in spans(since, end, length * _CHAPTER))
        following = next(chapters, None)
        while following is not None:
            # The catalogue of one chapter is read while the list of the one before is.
            (chapter, catalogs), following = following, next(chapters, None)
            for system in systems:
                catalog = catalogs[system.sid].result() if system.sid in catalogs else None
                if system.sid not in self._failed:
                    width = length if catalog is None or catalog else length * _CHAPTER
                    for start, stop in spans(*chapter, width):
                        yield TimeSpan(system, chapter, catalog, start, stop)

    def _catalogs(self, systems: list[System], start: int, end: int) -> dict[int, Future[Items | None]]:
        asked = (system for system in systems if system.sid not in self._failed)
        return {system.sid: self.thread_pool.submit(self._catalog, system, start, end) for system in asked}

    def _told(
        self, system: System, teller: PointBuilder, answers: Iterator[tuple[TimeSpan, Response | AuditError]]
    ) -> int:
        """Tell what one system answered for one chapter; gives how many backups that were.

        Answers are decoded here, slice by slice: decoded they take four times the memory.
        """
        found, begun = 0, False
        for part, answer in answers:
            if not begun:
                teller.begin(part.catalog)
                begun, span = True, part.chapter
            try:
                rows = self._rows(answer)
            except AuditError as error:
                # Only another system than this one may fail by itself.
                if system.local:
                    raise
                self._fail(system, error)
                return found
            teller.prove_zone(rows, self._zone_of)
            found += teller.tell(rows)
        return found + teller.end(*span)

    def _fail(self, system: System, error: AuditError) -> None:
        """A system that cannot be read is missing from the answer, which is then not complete."""
        if system.sid not in self._failed:
            self._failed.add(system.sid)
            error.message = f"system {system.name!r}: {error.message}"
            self._reading.add_problem(error)

    def _teller(self, system: System, inventory: Future[t.Any], archives: Future[t.Any]) -> PointBuilder:
        return PointBuilder(self._reading, system, self._times, self.settings, inventory, archives)

    # Calls

    def _object(self, answer: Response) -> dict[str, t.Any]:
        """An answer as an object. PHP writes an empty one as a list, and some errors come with a status of success."""
        body = answer.json()
        if body == []:
            return {}
        # Not decoded twice, but to say what came instead.
        told: dict[str, t.Any] = body if isinstance(body, dict) else answer.json_object()
        if told.get("error"):
            raise InvalidResponseError(
                "the appliance reports an error",
                server=answer.server,
                call=answer.call,
                words=self.client.scrub(as_text(told.get("message")) or str(told["error"])),
            )
        return told

    def _systems(self) -> list[System]:
        answer = self.client.get("/api/systems/", _LANGUAGE)
        rows = [as_object(row) for row in get_items(self._object(answer), "appliance", answer.call, answer.server)]
        systems = []
        for row in rows:
            status = (as_text(row.get("status")) or "").casefold()
            if status in _OUTSIDE:
                continue
            sid = records.number_of(row)
            name = as_text(row.get("name")) or as_text(row.get("host")) or str(sid)
            local = as_bool(row.get("local")) is True or len(rows) == 1
            system = System(sid, name, local)
            if status in _ANSWERING:
                systems.append(system)
            else:
                self._fail(
                    system,
                    InvalidResponseError(f"its status is {status!r}", code="incomplete", server=self.client.host),
                )
        if not systems:
            told = "; ".join(problem.message for problem in self._reading.problems)
            raise InvalidResponseError(
                f"the appliance lists no system that answers{f' ({told})' if told else ''}",
                server=answer.server,
                call=answer.call,
            )
        return sorted(systems, key=lambda system: (not system.local, system.sid))

    def _asked(self, part: TimeSpan) -> Response | AuditError:
        """All that one system lists of one span of time."""
        params = {"sid": str(part.system.sid), **_LANGUAGE}
        body = {
            "system_id": part.system.sid,
            "start_time": part.start // SECOND,
            "end_time": -(-part.end // SECOND),
            "sync_msg": 1,
        }
        try:
            return self.client.call("POST", "/api/backups/", params=params, json_body=body)
        except AuditError as error:
            return error

    def _rows(self, answer: Response | AuditError) -> list[dict[str, t.Any]]:
        """The list of backups, which is called data or, up to about 2015, backups; without any it is a bare []."""
        if isinstance(answer, AuditError):
            raise answer
        told = self._object(answer)
        if not told and answer.json() == []:
            return []
        member = "backups" if "backups" in told else "data"
        return [as_object(row) for row in get_items(told, member, answer.call, answer.server)]

    def _catalog(self, system: System, start: int, end: int) -> Items | None:
        """What the catalogue lists around this chapter: days are local there. None where it may not be read."""
        try:
            told = self._object(self.client.get("/api/catalog/", self._dates(system, start, end)))
        except _OPTIONAL as error:
            self._lose("catalog", f"storage of backups is unknown, and an empty list not proved: {error.message}")
            return None
        return list(records.catalogued(told, ("backups",)))

    def _archives(self, system: System, since: int) -> list[tuple[records.Row, records.Row]]:
        """All copies on archive media since then; that window is on the copy's time, which is the later one."""
        params = self._dates(system, since, self._reading.now + DAY * SECOND)
        try:
            told = self._object(self.client.get("/api/catalog/archives/", params))
        except _OPTIONAL as error:
            self._lose("archives", f"copies on archive media are unknown: {error.message}")
            return []
        return list(records.catalogued(told, ("archives", "backups")))

    def _assets(self, system: System) -> list[tuple[t.Any, str | None]] | None:
        try:
            answer = self.client.get("/api/assets/", {"sid": str(system.sid), **_LANGUAGE})
            told = self._object(answer)
        except _OPTIONAL as error:
            self._lose("inventory", f"unprotected workloads are not seen: {error.message}")
            return None
        # Without any the whole answer is a bare [].
        if answer.json() != [] and not is_inventory(told):
            self._lose("inventory", "unprotected workloads are not seen: it holds what has no number")
            return None
        self._reading.scope.setdefault("inventory", True)
        return list(assets_of(told, system.sid))

    def _lose(self, name: str, warning: str) -> None:
        if self._reading.scope.get(name) is not False:
            self._reading.scope[name] = False
            self._reading.warnings.append(f"{name} could not be read: {warning}")

    def _dates(self, system: System, start: int, end: int) -> dict[str, str]:
        day = DAY * SECOND
        return {
            "sid": str(system.sid),
            "view": "instance",
            "start_date": self._times.date(start - day),
            "end_date": self._times.date(end + day),
            **_LANGUAGE,
        }

    def _zone_of(self, system: System, instance: int) -> LocalTimes | None:
        """The zone of a system's rows, proved by a backup of which the appliance tells text and epoch; None: it cannot.

        All rows are said to be in the zone of the appliance that answers; rows of a managed one may be in its own.
        """
        params = {"sid": str(system.sid), "iid": str(instance), "days": "0", **_LANGUAGE}
        try:
            told = self._object(self.client.get("/api/backups/latest/", params))
        except (*_OPTIONAL, InvalidResponseError):
            return None
        row = as_object(next(iter(as_list(told.get("data"))), None))
        epoch, text = as_int(row.get("start_time")), row.get("start_time_string")
        if epoch is None or text is None:
            return None
        for times in self._candidates(system):
            with contextlib.suppress(DataError):
                if fits(times, text, epoch * SECOND):
                    return times
        raise InvalidResponseError(
            f"system {system.name!r}: its times are not those of {self._times.name}",
            server=self.client.host,
            advice="Set timezone to the zone in which this appliance writes its times",
        )

    def _candidates(self, system: System) -> Iterator[LocalTimes]:
        yield self._times
        if not self.settings.own["timezone"]:
            name = as_text(self._clock(system.sid).get("tz"))
            if name is not None:
                yield LocalTimes(name)
