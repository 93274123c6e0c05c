# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SPP's recovery catalog: aggregate, children and their versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tests.simulators.ground_truth import Workload
from tests.simulators.product_api import Call, ProductApi, Refusal, Response, Route
from tests.simulators.spp.query import (
    Filter,
    Row,
    encode_rows,
    page_response,
    parse_aggregate,
    parse_filter,
    parse_sort,
    sort_rows,
)
from tests.simulators.spp.records import Records
from tests.simulators.spp.session import SppSession

_TYPES = {"hypervisorvm": "vm", "applicationdatabase": "database"}


class Catalogue:
    def __init__(self, api: ProductApi, records: Records) -> None:
        self.api = api
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
            *(Route("GET", base + "/{pk}" + part, self.versions) for part in ("/{name}", "/{over}/{name}")),
            Route("GET", "/api/endeavour/catalog/hypervisor/vm", self.inventory),
        ]

    def prepare(self) -> None:
        known = [work for work in self.api.workloads("vm", "database") if self.api.listed_points(work)]
        self._by_pk = {self.records.pk(work): work for work in known}
        self._children = {pk: encode_rows([self._child(work)])[0] for pk, work in self._by_pk.items()}
        self._versions = {
            pk: encode_rows(map(self._hide_session_id, self._rows(work))) for pk, work in self._by_pk.items()
        }
        self._aggregates = {}

    def _child(self, work: Workload) -> Row:
        child = self.records.child(work, self.api.listed_points(work)[0])
        if not self.api.flag("child_id"):
            del child["id"]
        return child

    def _rows(self, work: Workload) -> Iterator[Row]:
        yield from self.records.version_rows(work)
        if self.api.flag("copies_as_rows"):
            yield from self.records.copy_rows(work)

    def _shows_properties(self, embed: str, catalogue: str) -> bool:
        return "children(properties" in embed and (_TYPES[catalogue] == "vm" or self.api.flag("database_properties"))

    def _list_visible(self, session: SppSession, catalogue: str) -> list[tuple[str, Workload]]:
        if catalogue not in _TYPES:
            raise Refusal(404, f"There is no catalogue {catalogue}.")
        kind = _TYPES[catalogue]
        return [(pk, work) for pk, work in self._by_pk.items() if work.workload_type == kind and session.can_see(work)]

    def _filter(self, call: Call) -> Filter:
        return parse_filter(call, any_true=self.api.flag("filter_is_or"))

    # GET .../hypervisorvm

    def children(self, call: Call, session: SppSession, catalogue: str) -> Response:
        visible = self._list_visible(session, catalogue)
        embed = call.first("embed") or ""
        chosen, ranks = self._filter(call), parse_sort(call)
        has_properties = self._shows_properties(embed, catalogue)
        if chosen.clauses or ranks or not has_properties:
            rows = sort_rows(
                (row for row in map(self._child, (work for _ignored, work in visible)) if chosen.matches(row)), ranks
            )
            items = encode_rows(rows if has_properties else map(_without_properties, rows))
        else:
            items = [self._children[pk] for pk, _ignored in visible]
        response = page_response(self.records.own_url, call, "children", items)
        if "children" not in embed:
            document = json.loads(response.body)
            del document["children"]
            response.body = json.dumps(document).encode()
        return response

    # GET .../hypervisorvm/{pk}/version, or where else the links lead

    def versions(self, call: Call, session: SppSession, catalogue: str, pk: str, **place: str) -> Response:
        work = dict(self._list_visible(session, catalogue)).get(pk)
        served = self.api.text("versions_link").partition("?")[0]
        if work is None or "/".join(place.values()) != served:
            raise Refusal(404, f"There is no object {pk} in this catalogue.")
        chosen, ranks = self._filter(call), parse_sort(call)
        items = self._versions[pk]
        if chosen.clauses or ranks:
            rows = sort_rows(self._rows(work), ranks)
            items = encode_rows(self._hide_session_id(row) for row in rows if chosen.matches(row))
        shown = self.api.with_concurrent_changes(call, items, bytes)
        return page_response(self.records.own_url, call, "contents", shown)

    def _hide_session_id(self, row: Row) -> Row:
        """Remove the sessionId if session_in_row is off: it is unknown whether rows contain it; filters accept it."""
        if not self.api.flag("session_in_row"):
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
            self._aggregates[key] = self._run_aggregate(call, session, catalogue)
        return self._aggregates[key]

    def _run_aggregate(self, call: Call, session: SppSession, catalogue: str) -> Response:
        wanted = parse_aggregate(call, self.api.flag("min_known"))
        if len(wanted.group) > 1 and self.api.text("grouping") == "refused":
            raise Refusal(400, "Only one group is supported.")
        if self.api.text("grouping") == "ignored":
            wanted = replace(wanted, group=wanted.group[:1])
        if self.api.flag("copytype_ignored"):
            wanted = replace(wanted, versions_only=False)
        chosen = Filter(()) if self.api.flag("filter_ignored") else self._filter(call)
        rows = self._counted_rows(
            (work for _ignored, work in self._list_visible(session, catalogue)), wanted.versions_only, chosen
        )
        results = wanted.run(rows, self.api.flag("outputname_honoured"))
        cut = self.api.number("aggregate_page") or len(results)
        return Response(200, json.dumps({"links": {}, "results": results[:cut]}).encode())

    def _counted_rows(self, visible: Iterable[Workload], versions_only: bool, chosen: Filter) -> Iterator[Row]:
        """Return the counted rows: without copytype and a filter on sessionId these are objects and not points.

        The object's own row has sessionId "0": the documented filter `sessionId > 0` excludes it.
        """
        asked = self.api.flag("filter_ignored") or "sessionId" in chosen.names()
        objects_only = not versions_only and not asked
        for work in visible:
            yield from (row for row in self._list_rows(work, objects_only, versions_only) if chosen.matches(row))

    def _list_rows(self, work: Workload, objects_only: bool, versions_only: bool) -> Iterator[Row]:
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
            for work in self.api.workloads("vm")
            if (work.in_inventory or self.api.flag("inventory_keeps_removed")) and session.can_see(work)
        ]
        chosen = self._filter(call)
        items = sort_rows((row for row in rows if chosen.matches(row)), parse_sort(call))
        return page_response(self.records.own_url, call, "children", items)


def _without_properties(row: Row) -> Row:
    """Return only name and links, for embed=(children)."""
    return {key: value for key, value in row.items() if key != "properties"}
