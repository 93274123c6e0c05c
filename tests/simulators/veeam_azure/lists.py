# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of the Azure appliance: Offset and Limit, filters, and the envelope around the items."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.simulators.ground_truth import Point, Workload
from tests.simulators.product_api import Call, ProductApi, Refusal, Response
from tests.simulators.veeam_azure.points import VERSION_MARK, VERSIONS, Points, Row, azure_time

_JSON = "application/json; charset=utf-8"
# Fields that the vendor's own specification requires; a point is usable only with its time in addition.
_REQUIRED = {"id", "backupDestination"}
_UNKNOWN = {"backupDestination": "Vault", "type": "Differential", "state": "Quarantined", "accessTier": "Glacier"}


class Query:
    """The parameters of one call. Unknown names are silently ignored."""

    def __init__(self, call: Call, case_sensitive: bool) -> None:
        self._normalize: Callable[[str], str] = str if case_sensitive else str.lower
        self._values: dict[str, list[str]] = {}
        for name, value in call.query:
            self._values.setdefault(self._normalize(name), []).append(value)

    def all(self, name: str) -> list[str]:
        return self._values.get(self._normalize(name), [])

    def text(self, name: str) -> str | None:
        values = self.all(name)
        return values[-1] if values else None

    def flag(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false"):
            raise Refusal(400, f"The value '{value}' is not valid for {name}.", name)
        return value.lower() == "true"

    def int_value(self, name: str, default: int, least: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not value.removeprefix("-").isdecimal() or int(value) < least:
            raise Refusal(400, f"The value '{value}' is not valid for {name}.", name)
        return int(value)


@dataclass(frozen=True)
class Slice:
    offset: int
    limit: int

    def apply(self, items: Sequence[bytes]) -> Sequence[bytes]:
        return items[self.offset :] if self.limit < 0 else items[self.offset : self.offset + self.limit]


def parse_slice(query: Query, api: ProductApi, version: str) -> Slice:
    """Parse the page. Limit=-1 requests everything. The default is 30 in v1's example and 200 in v3's."""
    default = api.number("default_limit") or (30 if VERSIONS[version] < 3 else 200)
    offset, limit = query.int_value("Offset", 0, 0), query.int_value("Limit", default, -1)
    cap = api.number("page_cap")
    return Slice(offset, min(limit, cap) if cap and limit >= 0 else cap or limit)


def page_response(
    api: ProductApi, own_url: str, call: Call, query: Query, version: str, items: Sequence[bytes]
) -> Response:
    piece = parse_slice(query, api, version)
    head = {
        "offset": piece.offset,
        "limit": piece.limit,
        "totalCount": len(items) if api.flag("total_count") else None,
        "_links": {"self": {"href": _self_link(own_url, call, piece, version)}},
    }
    body = b",".join(piece.apply(items)).replace(VERSION_MARK.encode(), version.encode())
    return Response(200, json.dumps(head)[:-1].encode() + b', "results": [' + body + b"]}", _JSON)


def _self_link(own_url: str, call: Call, piece: Slice, version: str) -> str:
    if VERSIONS[version] < 4:
        query = f"onlyLatest=False&offset={piece.offset}&limit={piece.limit}"
    else:
        kept = [(name, value) for name, value in call.query if name not in ("Offset", "Limit")]
        query = urlencode([*kept, ("Offset", piece.offset), ("Limit", piece.limit)])
    return f"{own_url}:443{call.path}?{query}"


def item_response(row: Row, version: str) -> Response:
    return Response(200, json.dumps(row).replace(VERSION_MARK, version).encode(), _JSON)


class PointList:
    """All points of one list. Items are encoded once for each set of fields that versions of the API have."""

    def __init__(self, api: ProductApi, points: Points, pairs: list[tuple[Workload, Point]]) -> None:
        self.api = api
        self.points = points
        # The order is only documented as "its own semantics": sorted by id, which is unrelated to time.
        by_id = {points.point_id(point): (work, point) for work, point in pairs}
        self._ids = sorted(by_id)
        self.pairs = [by_id[number] for number in self._ids]
        self._position = {number: index for index, number in enumerate(self._ids)}
        self._by_workload: dict[str, list[int]] = {}
        for index, (work, _ignored) in enumerate(self.pairs):
            self._by_workload.setdefault(points.workload_id(work), []).append(index)
        self._written: dict[int, list[bytes]] = {}

    def row(self, index: int, version: int) -> Row:
        work, point = self.pairs[index]
        row = self.points.item(work, point, version)
        number = int(self._ids[index][:4], 16)
        if self.api.flag("unknown_enums") and number % 5 == 0:
            row |= {name: value for name, value in _UNKNOWN.items() if name in row}
        missing = self.api.text("missing_optional")
        if missing != "none" and number % 3 == 0:
            kept = _REQUIRED | ({"pointInTime"} if missing == "some" else set())
            row = {name: value for name, value in row.items() if name in kept}
        return row

    def encode_items(self, version: int) -> list[bytes]:
        if version not in self._written:
            rows = (self.row(index, version) for index in range(len(self.pairs)))
            self._written[version] = [json.dumps(row).encode() for row in rows]
        return self._written[version]

    def find(self, number: str, version: int) -> Row:
        if number not in self._position:
            raise Refusal(404, f"There is no restore point with the ID {number}.")
        return self.row(self._position[number], version)

    def select(self, query: Query, owner: str, version: int) -> list[bytes]:
        """Return the items that match the parameters. Version 1 has no documented parameters and ignores them."""
        items = self.encode_items(version)
        if version == 1:
            return items
        wanted, latest, tests = query.text(owner), query.flag("OnlyLatest"), self._tests(query)
        if wanted is None and not latest and not tests:
            return items
        indexes = range(len(items)) if wanted is None else self._by_workload.get(wanted, [])
        if latest:
            indexes = self._latest(indexes)
        return [items[index] for index in indexes if all(test(self.row(index, version)) for test in tests)]

    def _latest(self, indexes: Sequence[int]) -> list[int]:
        newest: dict[str, int] = {}
        for index in indexes:
            work, point = self.pairs[index]
            known = newest.get(work.key)
            if known is None or self.pairs[known][1].created_at < point.created_at:
                newest[work.key] = index
        return sorted(newest.values())

    def _tests(self, query: Query) -> list[Callable[[Row], bool]]:
        tests: list[Callable[[Row], bool]] = []
        tiers, statuses = query.all("StorageAccessTier"), query.all("DataRetrievalStatuses")
        immutable, moment = query.flag("ImmutabilityEnabled"), query.text("PointInTime")
        if tiers:
            tests.append(lambda row: row.get("accessTier") in tiers)
        if statuses:
            tests.append(lambda row: row.get("dataRetrievalStatus") in statuses)
        if immutable is not None:
            now = azure_time(self.api.estate.now)
            tests.append(lambda row: ((row.get("immutableTill") or "") > now) is immutable)
        if moment is not None:
            tests.append(lambda row: row.get("pointInTime") == moment)
        return tests
