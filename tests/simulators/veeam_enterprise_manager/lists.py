# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of Enterprise Manager: plain and complete, or filtered, sorted and paged by its queries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tests.simulators.product_api import Call, ProductApi, Refusal, Response
from tests.simulators.veeam_enterprise_manager.encoding import (
    NAMESPACE,
    Encoder,
    Entity,
    attribute_text,
    camel,
    json_document,
    json_text,
    xml_document,
)
from tests.simulators.veeam_enterprise_manager.filter_language import Field, parse_filter
from tests.simulators.veeam_enterprise_manager.identifiers import Item, Kind

_DEFAULT_PAGE_SIZE = 100
_MAX_CACHED = 32
_XML, _JSON = "application/xml; charset=utf-8", "application/json; charset=utf-8"
# All lists in a response of the query service; those that were not requested are null.
ENTITY_LISTS = (
    "Jobs",
    "FailoverPlans",
    "Backups",
    "Replicas",
    "Repositories",
    "RestorePoints",
    "VmRestorePoints",
    "VAppRestorePoints",
    "VmReplicaPoints",
    "BackupJobSessions",
    "ReplicaJobSessions",
    "ReplicaTaskSessions",
    "RestoreSessions",
    "HierarchyRoots",
    "BackupTaskSessions",
    "BackupServers",
    "ManagedServers",
    "EnterpiseRoles",
    "EnterpiseAccounts",
    "WanAccelerators",
    "CloudGateways",
    "CloudTenants",
    "CloudReplicas",
    "VCloudOrganizationConfigs",
    "BackupFiles",
    "CloudHardwarePlans",
    "CloudVmReplicaPoints",
    "AgentRestorePoints",
    "AgentBackupJob",
    "CloudFailoverPlans",
    "ExternalRepositories",
    "AgentProtectionGroups",
    "DiscoveredComputers",
    "FileServers",
    "NASJobs",
    "CdpReplicas",
    "CdpReplicaVms",
    "CdpPolicies",
    "VAppReplicaPoints",
    "SystemSessions",
)


def wants_json(call: Call) -> bool:
    """Return whether JSON is requested; a missing or any other Accept header means XML."""
    return "application/json" in call.headers.get("Accept", "").lower()


class ItemList:
    """One list. The encoded item is cached for each requested form."""

    def __init__(self, kind: Kind, items: Iterable[Item]) -> None:
        self.kind = kind
        self.items = list(items)
        self.position = {item.ident: index for index, item in enumerate(self.items)}
        self.fields = {"UID": Field(kind.urn), **kind.fields}
        self.texts: dict[str, dict[int, str]] = {}
        self.cached: dict[tuple[str | None, ...], Sequence[int]] = {}

    def find(self, ident: str) -> Item:
        if ident not in self.position:
            raise Refusal(404, f"There is no {self.kind.name} {ident}.")
        return self.items[self.position[ident]]

    def select(self, call: Call) -> Sequence[int]:
        """Return the items that match the filter, in the requested order."""
        requested = (call.first("filter"), call.first("sortAsc"), call.first("sortDesc"))
        if requested not in self.cached:
            if len(self.cached) >= _MAX_CACHED:
                self.cached.clear()
            self.cached[requested] = self._select_indexes(*requested)
        return self.cached[requested]

    def _select_indexes(self, text: str | None, ascending: str | None, descending: str | None) -> Sequence[int]:
        indexes: Sequence[int] = range(len(self.items))
        if text:
            test = parse_filter(text, self.fields)
            indexes = [index for index in indexes if test(self.items[index])]
        column = ascending or descending
        if column is None:
            return indexes
        known = {name.lower(): field for name, field in self.fields.items()}
        if column.lower() not in known:
            raise Refusal(400, f"There is no field '{column}' to sort by.")
        field = known[column.lower()]
        return sorted(indexes, key=lambda index: field.key(self.items[index]), reverse=ascending is None)


class Writer:
    """Builds responses in the representation that the call requests."""

    def __init__(self, api: ProductApi, encoder: Encoder) -> None:
        self.api = api
        self.encoder = encoder

    @property
    def spelling(self) -> str:
        return "camel" if self.api.text("release") == "13" else "pascal"

    def word(self, name: str) -> str:
        return camel(name) if self.spelling == "camel" else name

    def json(self, document: object, status: int = 200) -> Response:
        bom = self.api.text("bom") in ("json", "all")
        return Response(status, json_document(document, self.spelling, bom), _JSON)

    def xml(self, body: str, status: int = 200) -> Response:
        return Response(status, xml_document(body, self.api.text("bom") == "all"), _XML)

    # Single items

    def entity(self, call: Call, entity: Entity, status: int = 200) -> Response:
        if wants_json(call):
            return self.json(self.encoder.json_entity(entity), status)
        return self.xml(self.encoder.xml_entity(entity, root=True), status)

    def wants_entities(self, call: Call) -> bool:
        """Return whether entities are requested; references are the default form."""
        supported = self.api.text("form") == "requested"
        return supported and (call.first("format") or "").lower() in ("entity", "entities")

    def one(self, call: Call, entity: Entity) -> Response:
        """Return the reference, unless the entity is requested. A single item has both forms in every variant."""
        if (call.first("format") or "").lower() in ("entity", "entities"):
            return self.entity(call, entity)
        if wants_json(call):
            return self.json(self.encoder.json_reference(entity))
        return self.xml(self.encoder.xml_reference(entity, "EntityRef", root=True))

    # Lists

    def text(self, item_list: ItemList, index: int, form: str) -> str:
        texts = item_list.texts.setdefault(form, {})
        if index not in texts:
            texts[index] = self._text(item_list, index, form)
        return texts[index]

    def _text(self, item_list: ItemList, index: int, form: str) -> str:
        entity = item_list.kind.build(item_list.items[index])
        if form == "xml":
            return self.encoder.xml_entity(entity)
        if form == "xml query":
            return self.encoder.xml_entity(entity, self._tag(entity))
        if form == "xml reference":
            return self.encoder.xml_reference(entity)
        document = self.encoder.json_entity(entity) if form == "json" else self.encoder.json_reference(entity)
        return json_text(document, self.spelling)

    def _tag(self, entity: Entity) -> str:
        """Return the tag in a query, including the query service's own typo."""
        return self.api.text("cloud_tag") if entity.kind == "CloudVmReplicaPoint" else entity.kind

    def plain(self, call: Call, item_list: ItemList, indexes: Sequence[int] | None = None) -> Response:
        """Return a complete list without paging, as references or as entities."""
        entities = self.wants_entities(call)
        indexes = range(len(item_list.items)) if indexes is None else indexes
        if wants_json(call):
            form, name = ("json", item_list.kind.plural) if entities else ("json reference", "Refs")
            body = ",".join(self.text(item_list, index, form) for index in indexes)
            return self._json_text(f'{{"{self.word(name)}":[{body}]}}')
        form, tag = ("xml", item_list.kind.plural) if entities else ("xml reference", "EntityReferences")
        body = "".join(self.text(item_list, index, form) for index in indexes)
        return self.xml(f'<{tag} xmlns="{NAMESPACE}">{body}</{tag}>')

    def _json_text(self, text: str) -> Response:
        head = b"\xef\xbb\xbf" if self.api.text("bom") in ("json", "all") else b""
        return Response(200, head + text.encode(), _JSON)

    def query(self, call: Call, item_list: ItemList) -> Response:
        chosen = item_list.select(call)
        if item_list.kind.name.endswith("Point"):
            chosen = self.api.with_concurrent_changes(call, chosen, lambda index: self.text(item_list, index, "json"))
        size, number = _int_parameter(call, "pageSize", _DEFAULT_PAGE_SIZE), _int_parameter(call, "page", 1)
        cap = self.api.number("page_cap")
        size = min(size, cap) if cap else size
        count = -(-len(chosen) // size) or self.api.number("empty_pages")
        page = chosen[(number - 1) * size : number * size]
        entities = self.wants_entities(call)
        links = _page_links(call, number, size, count)
        if wants_json(call):
            paging = {"PageNum": number, "PageSize": size, "PagesCount": count}
            return self._json_query(item_list, page, entities, links, paging)
        return self._xml_query(item_list, page, entities, links, (number, size, count))

    def _json_query(
        self, item_list: ItemList, page: Sequence[int], entities: bool, links: dict[str, str], paging: dict[str, int]
    ) -> Response:
        """Return a page, in which the requested list is nested twice under one name."""
        form = "json" if entities else "json reference"
        items = "[" + ",".join(self.text(item_list, index, form) for index in page) + "]"
        plural, refs = self.word(item_list.kind.plural), self.word("Refs")
        inner = self.word(self.api.text("cloud_json")) if item_list.kind.name == "CloudVmReplicaPoint" else plural
        nulls = ",".join(f'"{self.word(name)}":null' for name in ENTITY_LISTS if self.word(name) != plural)
        found = f'{{{nulls},"{plural}":{{"{inner}":{items}}}}}' if entities else "null"
        references = "null" if entities else f'{{"{refs}":{items}}}'
        linked = [
            {
                self.word("Rel"): rel,
                self.word("Href"): self.encoder.href(path),
                self.word("Name"): None,
                self.word("Type"): None,
            }
            for rel, path in links.items()
        ]
        end = {self.word("Links"): linked, **{self.word(name): value for name, value in paging.items()}}
        return self._json_text(
            f'{{"{refs}":{references},"{self.word("Entities")}":{found},"{self.word("Resources")}":null,'
            f'"{self.word("Links")}":null,"{self.word("PagingInfo")}":{json.dumps(end)}}}'
        )

    def _xml_query(
        self,
        item_list: ItemList,
        page: Sequence[int],
        entities: bool,
        links: dict[str, str],
        paging: tuple[int, int, int],
    ) -> Response:
        form = "xml query" if entities else "xml reference"
        items = "".join(self.text(item_list, index, form) for index in page)
        plural = item_list.kind.plural
        body = f"<Entities><{plural}>{items}</{plural}></Entities>" if entities else f"<Refs>{items}</Refs>"
        linked = "".join(
            f'<Link Rel="{rel}" Href="{attribute_text(self.encoder.href(path))}" />' for rel, path in links.items()
        )
        number, size, count = paging
        where = f'PagesCount="{count}" PageSize="{size}" PageNum="{number}"'
        info = f"<PagingInfo {where}><Links>{linked}</Links></PagingInfo>"
        return self.xml(f'<QueryResult xmlns="{NAMESPACE}">{body}{info}</QueryResult>')


def _int_parameter(call: Call, name: str, default: int) -> int:
    value = call.first(name)
    if value is None:
        return default
    if not value.isdecimal() or int(value) < 1:
        raise Refusal(400, f"The value '{value}' is not valid for {name}.")
    return int(value)


def _page_links(call: Call, number: int, size: int, count: int) -> dict[str, str]:
    """Return page links with the query of the client, but not encoded (as in the published example)."""
    kept = "&".join(f"{name}={value}" for name, value in call.query if name not in ("page", "pageSize"))
    pages = {"First": 1, "Previous": number - 1, "Next": number + 1, "Last": count}
    return {rel: f"query?{kept}&pageSize={size}&page={page}" for rel, page in pages.items() if 1 <= page <= count}
