# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SPP's recovery catalogue: aggregate, children and their versions (facts 3a to 3c)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from tests.simulators.ground_truth import Workload
from tests.simulators.product_api import Call, Dialect, Refusal, Response, Route
from tests.simulators.spp.query import (
    Filter,
    Row,
    page_answer,
    read_aggregate,
    read_filter,
    read_sort,
    sort_rows,
    written,
)
from tests.simulators.spp.records import Records
from tests.simulators.spp.session import SppSession

_TYPES = {"hypervisorvm": "vm", "applicationdatabase": "database"}


class Catalogue:
    def __init__(self, dialect: Dialect, records: Records) -> None:
        self.dialect = dialect
        self.records = records
        self._by_pk: dict[str, Workload] = {}
        self._children: dict[str, bytes] = {}
        self._versions: dict[str, list[bytes]] = {}
        self._aggregates: dict[tuple[str, ...], Response] = {}

    def routes(self) -> list[Route]:
        base = "/api/endeavour/catalog/recovery/{catalogue}"
        return [
            Route("POST", base, self.aggregate),
            Route("GET", base, self.children),
            Route("GET", base + "/{pk}/version", self.versions),
            Route("GET", "/api/endeavour/catalog/hypervisor/vm", self.inventory),
        ]

    def prepare(self) -> None:
        known = [work for work in self.dialect.workloads("vm", "database") if self.dialect.listed_points(work)]
        self._by_pk = {self.records.pk(work): work for work in known}
        self._children = {pk: written([self._child(work)])[0] for pk, work in self._by_pk.items()}
        self._versions = {pk: written(map(self._shown, self._rows(work))) for pk, work in self._by_pk.items()}
        self._aggregates = {}

    def _child(self, work: Workload) -> Row:
        child = self.records.child(work, self.dialect.listed_points(work)[0])
        if not self.dialect.flag("child_id"):
            del child["id"]
        return child

    def _rows(self, work: Workload) -> Iterator[Row]:
        yield from self.records.version_rows(work)
        if self.dialect.flag("copies_as_rows"):
            yield from self.records.copy_rows(work)

    def _seen(self, session: SppSession, catalogue: str) -> list[tuple[str, Workload]]:
        if catalogue not in _TYPES:
            raise Refusal(404, f"There is no catalogue {catalogue}.")
        kind = _TYPES[catalogue]
        return [(pk, work) for pk, work in self._by_pk.items() if work.workload_type == kind and session.sees(work)]

    def _filter(self, call: Call) -> Filter:
        return read_filter(call, any_true=self.dialect.flag("filter_is_or"))

    # GET .../hypervisorvm

    def children(self, call: Call, session: SppSession, catalogue: str) -> Response:
        seen = self._seen(session, catalogue)
        embed = call.first("embed") or ""
        chosen, ranks = self._filter(call), read_sort(call)
        if chosen.clauses or ranks or "children(properties" not in embed:
            rows = sort_rows(
                (row for row in map(self._child, (work for _ignored, work in seen)) if chosen.admits(row)), ranks
            )
            items = written(rows if "children(properties" in embed else map(_named_only, rows))
        else:
            items = [self._children[pk] for pk, _ignored in seen]
        answer = page_answer(self.records.own_url, call, "children", items)
        if "children" not in embed:
            document = json.loads(answer.body)
            del document["children"]
            answer.body = json.dumps(document).encode()
        return answer

    # GET .../hypervisorvm/{pk}/version

    def versions(self, call: Call, session: SppSession, catalogue: str, pk: str) -> Response:
        work = dict(self._seen(session, catalogue)).get(pk)
        if work is None:
            raise Refusal(404, f"There is no object {pk} in this catalogue.")
        chosen, ranks = self._filter(call), read_sort(call)
        items = self._versions[pk]
        if chosen.clauses or ranks:
            rows = sort_rows(self._rows(work), ranks)
            items = written(self._shown(row) for row in rows if chosen.admits(row))
        shown = self.dialect.drifting(call, items, bytes)
        return page_answer(self.records.own_url, call, "contents", shown)

    def _shown(self, row: Row) -> Row:
        """Whether rows show the sessionId that they can be filtered by is not known: the variant session_in_row."""
        if not self.dialect.flag("session_in_row"):
            del row["properties"]["sessionId"]
        return row

    # POST .../hypervisorvm?action=aggregate

    def aggregate(self, call: Call, session: SppSession, catalogue: str) -> Response:
        if call.first("action") != "aggregate":
            raise Refusal(400, f"The action {call.first('action')!r} is not known.")
        if call.content_type != "application/json":
            raise Refusal(400, f"The content type {call.content_type!r} is not application/json.")
        key = (catalogue, session.account, call.first("filter") or "", call.body.decode("utf-8", "replace"))
        if key not in self._aggregates:
            self._aggregates[key] = self._aggregated(call, session, catalogue)
        return self._aggregates[key]

    def _aggregated(self, call: Call, session: SppSession, catalogue: str) -> Response:
        wanted = read_aggregate(call, self.dialect.flag("min_known"))
        chosen = self._filter(call)
        rows = self._counted_rows(
            (work for _ignored, work in self._seen(session, catalogue)), wanted.versions_only, chosen
        )
        results = wanted.run(rows, self.dialect.flag("outputname_honoured"))
        cut = self.dialect.number("aggregate_page") or len(results)
        return Response(200, json.dumps({"links": {}, "results": results[:cut]}).encode())

    def _counted_rows(self, seen: Iterable[Workload], versions_only: bool, chosen: Filter) -> Iterator[Row]:
        """Without copytype and without a filter on sessionId the call counts objects, not points (facts 3a).

        The object's own row has sessionId "0": the documented filter `sessionId > 0` is what drops it.
        """
        objects_only = not versions_only and "sessionId" not in chosen.names()
        for work in seen:
            yield from (row for row in self._rows_of(work, objects_only, versions_only) if chosen.admits(row))

    def _rows_of(self, work: Workload, objects_only: bool, versions_only: bool) -> Iterator[Row]:
        yield self._child(work)["properties"]
        if objects_only:
            return
        for version in self.records.version_rows(work):
            yield version["properties"]
        if not versions_only:
            for copy in self.records.copy_rows(work):
                yield copy["properties"]

    # GET /api/endeavour/catalog/hypervisor/vm

    def inventory(self, call: Call, session: SppSession) -> Response:
        rows = [
            self.records.inventory_vm(work)
            for work in self.dialect.workloads("vm")
            if work.in_inventory and session.sees(work)
        ]
        chosen = self._filter(call)
        items = sort_rows((row for row in rows if chosen.admits(row)), read_sort(call))
        return page_answer(self.records.own_url, call, "children", items)


def _named_only(row: Row) -> Row:
    """embed=(children): name and links, nothing else (facts 3c)."""
    return {key: value for key, value in row.items() if key != "properties"}
