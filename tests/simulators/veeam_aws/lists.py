# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of the AWS appliance: an envelope of a count, the items and links; Offset, Limit and Sort."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from tests.simulators.ground_truth import Point, Workload
from tests.simulators.product_api import Call, ProductApi, Refusal, Response
from tests.simulators.veeam_aws.points import Points, Row, job_type
from tests.simulators.veeam_azure.lists import Query

_JSON = "application/json; charset=utf-8"
_DEFAULT_LIMIT = 100
_POINT_ORDERS: dict[str, Callable[[Point], int | str]] = {
    "pointInTime": lambda point: point.created_at,
    "backupSizeBytes": lambda point: point.size_bytes or 0,
    "jobType": job_type,
}


def parse_query(call: Call, api: ProductApi) -> Query:
    """Parse the query. Names are case-insensitive: existing clients send `onlyLatest` and `VirtualMachineId`."""
    return Query(call, api.flag("case_sensitive"))


def parse_sort(query: Query, names: Iterable[str]) -> list[tuple[str, bool]]:
    """Return (name, descending) by priority, from values such as pointInTimeDesc, repeated or separated by commas."""
    known = {f"{name}{end}": (name, end == "Desc") for name in names for end in ("Asc", "Desc")}
    ranks = []
    for word in ",".join(query.all("Sort")).split(","):
        if word and word not in known:
            raise Refusal(400, f"The value '{word}' is not valid for Sort.", "validationError")
        if word:
            ranks.append(known[word])
    return ranks


def page_response(api: ProductApi, points: Points, call: Call, query: Query, items: Sequence[bytes]) -> Response:
    offset = query.int_value("Offset", 0, 0)
    limit = query.int_value("Limit", api.number("default_limit") or _DEFAULT_LIMIT, -1)
    cap = api.number("page_cap")
    limit = min(limit, cap) if cap and limit >= 0 else cap or limit
    chosen = items[offset:] if limit < 0 else items[offset : offset + limit]
    total = len(items) if api.flag("total_count") else None
    tail = {"totalCount": total, "_links": [points.link("self", call.path.removeprefix("/api/v1/"))]}
    return Response(200, b'{"results": [' + b",".join(chosen) + b"], " + json.dumps(tail)[1:].encode(), _JSON)


class RowList:
    """A list of rows that are encoded once."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)
        self._written = [json.dumps(row).encode() for row in self.rows]
        self._by_id = {row["id"]: row for row in self.rows}

    def select(self, ranks: list[tuple[str, bool]], *tests: Callable[[Row], bool]) -> list[bytes]:
        pairs = [pair for pair in zip(self.rows, self._written, strict=True) if all(test(pair[0]) for test in tests)]
        for name, descending in reversed(ranks):
            pairs.sort(key=lambda pair: str(pair[0].get(name)), reverse=descending)
        return [text for _ignored, text in pairs]

    def without_ids(self) -> RowList:
        """Return the same list without the id of every third record, starting with the first."""
        return RowList({**row, "id": row["id"] if place % 3 else None} for place, row in enumerate(self.rows))

    def find(self, number: str) -> Row:
        if number not in self._by_id:
            raise Refusal(404, f"There is nothing with the ID {number}.")
        return self._by_id[number]


class PointList:
    """All points of one path of the API, encoded once and sorted by id, which is unrelated to their time."""

    def __init__(self, points: Points, pairs: list[tuple[Workload, Point]], path: str) -> None:
        self.points = points
        self.pairs = sorted(pairs, key=lambda pair: points.point_id(pair[1]))
        self._written = [json.dumps(points.row(work, point, path)).encode() for work, point in self.pairs]
        self._place = {points.point_id(point): place for place, (_ignored, point) in enumerate(self.pairs)}
        self._by_instance: dict[str, list[int]] = {}
        for place, (work, _ignored) in enumerate(self.pairs):
            self._by_instance.setdefault(points.instance_id(work), []).append(place)
        self._sorted: dict[tuple[tuple[str, bool], ...], list[bytes]] = {}

    def find(self, number: str) -> bytes:
        if number not in self._place:
            raise Refusal(404, f"There is no restore point with the ID {number}.")
        return self._written[self._place[number]]

    def select(self, query: Query) -> list[bytes]:
        ranks = tuple(parse_sort(query, _POINT_ORDERS))
        instance, latest = query.text("VirtualMachineId"), query.flag("OnlyLatest")
        if instance is None and not latest:
            return self._sort_all(ranks) if ranks else self._written
        places = range(len(self.pairs)) if instance is None else self._by_instance.get(instance, [])
        if latest:
            places = self._latest(places)
        return [self._written[place] for place in self._sort(places, ranks)]

    def _sort_all(self, ranks: tuple[tuple[str, bool], ...]) -> list[bytes]:
        if ranks not in self._sorted:
            self._sorted[ranks] = [self._written[place] for place in self._sort(range(len(self.pairs)), ranks)]
        return self._sorted[ranks]

    def _sort(self, places: Sequence[int], ranks: tuple[tuple[str, bool], ...]) -> list[int]:
        ordered = list(places)
        for name, descending in reversed(ranks):
            key = _POINT_ORDERS[name]
            ordered.sort(key=lambda place: key(self.pairs[place][1]), reverse=descending)
        return ordered

    def _latest(self, places: Sequence[int]) -> list[int]:
        newest: dict[str, int] = {}
        for place in places:
            work, point = self.pairs[place]
            known = newest.get(work.key)
            if known is None or self.pairs[known][1].created_at < point.created_at:
                newest[work.key] = place
        return sorted(newest.values())
