# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: requests to the appliance, and the common parts of its responses."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.local_times import LocalTimes
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.notes import System
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.records import iter_catalog
from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.workloads import (
    Inventory,
    Row,
    parse_inventory,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    REQUEST_ERRORS,
    ConnectionFailedError,
    ForbiddenError,
    InvalidResponseError,
    NotFoundError,
    ServerError,
)
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    get_items,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_stream import PICKED, pick_objects
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Client
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response

_LANGUAGE = {"lang": "en"}
_SYSTEM = {"sid": None, "lang": "en"}
_DAYS = {**_SYSTEM, "start_date": None, "end_date": None}
_CATALOG = {**_DAYS, "view": "instance"}
ALLOWLIST = (
    AllowedRequest("POST", "/api/login", {}),
    AllowedRequest("POST", "/api/logout", {}),
    AllowedRequest("GET", "/api/systems/", _LANGUAGE),
    AllowedRequest("GET", "/api/date-time/", _SYSTEM),
    AllowedRequest("GET", "/api/assets/", _SYSTEM, required=("sid",)),
    # The keys isDelete (deletes backups) and isRelated (changes the meaning of the request) are not allowed.
    AllowedRequest("POST", "/api/backups/", _SYSTEM, required=("sid",)),
    AllowedRequest("GET", "/api/backups/browser/", _DAYS, required=("sid", "start_date")),
    AllowedRequest("GET", "/api/backups/latest/", {**_SYSTEM, "iid": None, "days": "0"}, required=("sid", "iid")),
    AllowedRequest("GET", "/api/catalog/", _CATALOG, required=("sid", "start_date")),
    AllowedRequest("GET", "/api/catalog/archives/", _CATALOG, required=("sid", "start_date")),
)
# This product uses status 500 for many cases, including empty results. Only optional requests tolerate these errors.
OPTIONAL_ERRORS = (*REQUEST_ERRORS, ConnectionFailedError)


_AT_RISK = re.compile(rb'"at_risk"\s*:(?!\s*(?:false|null)\b)')


class ApplianceApi:
    """Sends the requests of one read."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def host(self) -> str:
        """Host name for errors."""
        return self._client.host

    def parse_object(self, response: Response) -> dict[str, t.Any]:
        """Return a response as an object. PHP encodes an empty object as a list; some errors have a success status."""
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
                server_message=self._client.scrub(as_text(body.get("message")) or str(body["error"])),
            )
        return body

    def fetch_clock(self, sid: int | None) -> Mapping[str, t.Any]:
        """Return clock and time zone of a system, or of the appliance; empty if they are not reported."""
        try:
            params = _LANGUAGE if sid is None else {**_LANGUAGE, "sid": str(sid)}
            return self.parse_object(self._client.get("/api/date-time/", params))
        except (ForbiddenError, NotFoundError, ServerError):
            return {}

    def fetch_systems(self) -> list[t.Any]:
        """Return the systems that the appliance manages, including itself."""
        response = self._client.get("/api/systems/", _LANGUAGE)
        return get_items(self.parse_object(response), "appliance", response.request, response.server)

    def fetch_slice(self, system: System, start: int, end: int) -> Response:
        """Request all backups that one system lists for one time span."""
        body = {"system_id": system.sid, "start_time": start // SECOND, "end_time": -(-end // SECOND), "sync_msg": 1}
        return self._client.request("POST", "/api/backups/", params=_for_system(system), json_body=body)

    def parse_rows(self, response: Response) -> list[dict[str, t.Any]]:
        """Return the list of backups: field data, or backups up to about 2015; an empty list is a bare []."""
        body = self.parse_object(response)
        if not body and response.json() == []:
            return []
        member = "backups" if "backups" in body else "data"
        return [as_object(row) for row in get_items(body, member, response.request, response.server)]

    def fetch_catalog(self, system: System, times: LocalTimes, start: int, end: int) -> list[tuple[Row, Row]]:
        """Return the catalog items around this time span (the days of the request are local)."""
        return list(self._iter_catalog("/api/catalog/", ("backups",), system, times, start, end))

    def fetch_archives(self, system: System, times: LocalTimes, start: int, end: int) -> list[tuple[Row, Row]]:
        """Return all copies on archive media in this time span. The time is that of the copy, not of the backup."""
        return list(self._iter_catalog("/api/catalog/archives/", ("archives", "backups"), system, times, start, end))

    def _iter_catalog(
        self, path: str, members: tuple[str, ...], system: System, times: LocalTimes, start: int, end: int
    ) -> Iterator[tuple[Row, Row]]:
        response = self._client.get(path, {"view": "instance", **_days(system, times, start, end)})
        body = self.parse_object(response)
        if body:
            get_items(body, "catalog", response.request, response.server)
        return iter_catalog(body, members)

    def fetch_at_risk(self, system: System, times: LocalTimes, start: int, end: int) -> set[int]:
        """Return the numbers of the backups that the appliance suspects to contain ransomware."""
        response = self._client.get("/api/backups/browser/", _days(system, times, start, end))

        def pick(rows: Iterator[Row]) -> set[int]:
            found = set()
            for row in rows:
                number = as_int(row.get("id"))
                if (
                    number is not None
                    and as_bool(row.get("at_risk"))
                    and as_int(row.get("system_id")) in (None, system.sid)
                ):
                    found.add(number)
            return found

        # There are as many rows as in the list, and at most one field of each is needed.
        body = response.body.rstrip()
        if b'"at_risk"' in body and body.endswith(b"}") and _AT_RISK.search(body) is None:
            return set()
        picked = pick_objects(response.body, pick)
        if picked is not None and isinstance(picked[1], dict) and picked[1].get("data") == PICKED:
            return picked[0]
        document = self.parse_object(response)
        rows = get_items(document, "data", response.request, response.server) if document else []
        return pick(as_object(row) for row in rows)

    def fetch_inventory(self, system: System) -> Inventory:
        """Return the inventory of one system. If there are no assets, the response is a bare []."""
        response = self._client.get("/api/assets/", _for_system(system))
        body = self.parse_object(response)
        nodes = get_items(body, "data", response.request, response.server) if body else []
        return parse_inventory(nodes, system.sid)

    def fetch_latest(self, system: System, instance: int) -> Row:
        """Return the newest backup of an instance, with its start as text and as epoch; empty without one."""
        params = {**_for_system(system), "iid": str(instance), "days": "0"}
        try:
            body = self.parse_object(self._client.get("/api/backups/latest/", params))
        except OPTIONAL_ERRORS:
            return {}
        row = as_object(next(iter(as_list(body.get("data"))), None))
        return row if as_int(row.get("instance_id")) in (None, instance) else {}


def _for_system(system: System) -> dict[str, str]:
    return {"sid": str(system.sid), **_LANGUAGE}


def _days(system: System, times: LocalTimes, start: int, end: int) -> dict[str, str]:
    """Return the query for the local days from the one before ``start`` to the one after ``end``."""
    day = DAY * SECOND
    dates = {"start_date": times.format_date(start - day), "end_date": times.format_date(end + day)}
    return {**_for_system(system), **dates}
