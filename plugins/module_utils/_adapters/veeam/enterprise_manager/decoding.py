# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager: convert responses in XML, or in JSON with two spellings, to the same records."""

from __future__ import annotations

import operator
import re
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_int,
    as_list,
    as_object,
    as_text,
)
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_stream import PICKED, pick_objects
from ansible_collections.backup.audit.plugins.module_utils._transport.response import Response

Converted = t.TypeVar("Converted")

REPRESENTATIONS = ("json", "xml")
ACCEPT = {"json": "application/json", "xml": "application/xml"}
_NAMESPACE = "http://www.veeam.com/ent/v1.0"
_DECLARATION = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_REFERENCE = "reference"
_VERSION_NAME = re.compile(r"v\d+_\d+")
# Spelling of links in version 12 and in XML, and in version 13: getters of the link type and of the link target.
_LINK_SPELLINGS = (
    (operator.itemgetter("Rel", "Type"), operator.itemgetter("Href", "Name")),
    (operator.itemgetter("rel", "type"), operator.itemgetter("href", "name")),
)


# Cache of lower-case keys. Records of one type have few different keys, so it is cleared when it grows large.
_lower_names: dict[str, str] = {}
_NAMES_LIMIT = 1000


def lower_keys(record: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Convert the keys to lower case: version 12 writes CreationTimeUTC, version 13 creationTimeUTC."""
    try:
        return {_lower_names[key]: value for key, value in record.items()}
    except KeyError:
        if len(_lower_names) > _NAMES_LIMIT:
            _lower_names.clear()
        _lower_names.update({key: key.lower() for key in record})
        return {key.lower(): value for key, value in record.items()}


def get_value(record: Mapping[str, t.Any], name: str) -> t.Any:
    """Get one field with a one-word name (Type) in any spelling. This is faster than ``lower_keys``."""
    if name in record:
        return record[name]
    lower = name.lower()
    return record[lower] if lower in record else lower_keys(record).get(lower)


def parse_body(response: Response) -> dict[str, t.Any]:
    """Parse the body of a response in either format. The top-level keys are in lower case."""
    if _is_xml(response):
        return lower_keys(_parse_xml(response))
    return lower_keys(response.json_object())


def parse_entities(response: Response, kind: str) -> tuple[list[dict[str, t.Any]], int]:
    """Parse a query result to (records, number of pages).

    The keys around the records differ between types and between XML and JSON, so each record is identified by its own
    Type. Records may be references, see ``is_reference``.
    """
    body = parse_body(response)
    if "entities" not in body and "refs" not in body:
        raise _missing_list_error(response, "Entities")
    # A server that does not support the requested format returns references instead of records.
    records = _list_records(body.get("entities")) or _list_records({"refs": body.get("refs")})
    pages = _parse_page_count(response, body, bool(records))
    return _check_kinds(records, kind, response), pages


def convert_entities(
    response: Response,
    kind: str,
    convert: Callable[[Iterable[dict[str, t.Any]]], list[Converted]],
    resolve: Callable[[Iterable[dict[str, t.Any]]], Iterable[dict[str, t.Any]]] = iter,
) -> tuple[list[Converted], int]:
    """Parse a query result to (records converted by ``convert``, number of pages).

    If all objects are certainly records, each is converted and dropped before the next one is decoded. Otherwise, some
    may be references, which ``resolve`` replaces.
    """
    picked = (
        None
        if _is_xml(response)
        else pick_objects(response.body, lambda records: convert(_require_kind(records, kind)))
    )
    if picked is not None:
        converted, rest = picked
        body = lower_keys(as_object(rest))
        lists = _find_lists(body.get("entities"))
        if lists.count(PICKED) == 1 and not any(map(_as_records, lists)):
            return converted, _parse_page_count(response, body, bool(converted))
    records, pages = parse_entities(response, kind)
    return convert(resolve(records)), pages


def _require_kind(records: Iterable[dict[str, t.Any]], kind: str) -> Iterator[dict[str, t.Any]]:
    """Yield records. Raise ValueError if the Type of one is not ``kind``, so that ``parse_entities`` checks them."""
    for record in records:
        if get_value(record, "Type") != kind:
            raise ValueError(f"the type of a record is not {kind}")
        yield record


def is_reference(record: Mapping[str, t.Any]) -> bool:
    """Return whether a record is only a reference, with address, name, id and parents of the record."""
    return (as_text(get_value(record, "Type")) or "").casefold().endswith(_REFERENCE)


def parse_entity(response: Response, kind: str) -> dict[str, t.Any]:
    """Parse a response that is one record of this type."""
    (record,) = _check_kinds([parse_body(response)], kind, response)
    if is_reference(record):
        raise _missing_list_error(response, kind)
    return record


def _list_records(groups: t.Any) -> list[dict[str, t.Any]]:
    """Return all records. A list entry that is not an object becomes an empty record."""
    found: list[dict[str, t.Any]] = []
    for value in _find_lists(groups):
        found += [value] if isinstance(value, dict) else [as_object(item) for item in as_list(value)]
    return found


def _find_lists(entities: t.Any) -> list[t.Any]:
    """Return the values that can contain records, in the groups or one level below."""
    groups = as_object(entities).values()
    return [value for group in groups for value in (group.values() if isinstance(group, dict) else [group])]


def _parse_page_count(response: Response, body: Mapping[str, t.Any], has_records: bool) -> int:
    paging = lower_keys(as_object(body.get("paginginfo")))
    pages = as_int(paging.get("pagescount"))
    if pages is None and has_records:
        raise InvalidResponseError(
            "the response does not include the number of pages",
            server=response.server,
            request=response.request,
            hint="No values are guessed from such a response. Please report it with the version of the server",
        )
    return max(pages or 1, _parse_next_page(paging))


def _parse_next_page(paging: Mapping[str, t.Any]) -> int:
    """Return the page number of the Next link, independent of the page count; 0 if there is no link."""
    number = as_int(paging.get("pagenum"))
    links = paging.get("links")
    if isinstance(links, dict):
        links = lower_keys(links).get("link")
    has_next = any(lower_keys(link).get("rel") == "Next" for link in _as_records(links))
    return number + 1 if has_next and number is not None else 0


def parse_collection(response: Response, kind: str) -> list[dict[str, t.Any]]:
    """Parse the records of a plain collection, which is not paged. They may be references."""
    body = parse_body(response)
    if _is_xml(response):
        records = [
            record for value in body.values() for record in _as_records(value) if get_value(record, "Href") is not None
        ]
    else:
        items = body.get(f"{kind.lower()}s", body.get("refs"))
        if not isinstance(items, list):
            raise _missing_list_error(response, f"{kind}s")
        records = [as_object(item) for item in items]
    return _check_kinds(records, kind, response)


def parse_versions(response: Response) -> list[str]:
    """Parse the names of the API versions that the server offers, oldest first."""
    found: list[str] = []
    stack: list[t.Any] = [parse_body(response)]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            found += [text for text in value.values() if isinstance(text, str) and _VERSION_NAME.fullmatch(text)]
            stack += value.values()
        elif isinstance(value, list):
            stack += value
    return sorted(set(found), key=lambda name: [int(part) for part in name[1:].split("_")])


class FieldReader:
    """Reads fields of records by their lower-case names, like ``lower_keys``; None for a missing field.

    All records of one page have the same spelling, so the keys are resolved only once.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._spelled: tuple[str, ...] | None = None
        self._get: Callable[[Mapping[str, t.Any]], tuple[t.Any, ...]] = self._get_by_lowercase

    def get(self, record: Mapping[str, t.Any]) -> tuple[t.Any, ...]:
        """Return the fields of a record, in the order of the names."""
        spelled = tuple(record)
        if spelled != self._spelled:
            own_names = {key.lower(): key for key in spelled}
            self._get = (
                operator.itemgetter(*[own_names[name] for name in self._names])
                if self._all_in(own_names)
                else self._get_by_lowercase
            )
            self._spelled = spelled
        return self._get(record)

    def _all_in(self, own_names: Mapping[str, str]) -> bool:
        return all(name in own_names for name in self._names)

    def _get_by_lowercase(self, record: Mapping[str, t.Any]) -> tuple[t.Any, ...]:
        return tuple(map(lower_keys(record).get, self._names))


class UpLinks:
    """Reads address and name of the parents of records: the first link with relation Up of each type.

    The records of one page usually have the same links in the same order. The links are found by position if the
    relations and types up to the last required link are the same as before.
    """

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds
        self._known: list[tuple[t.Any, ...]] = []
        self._positions: list[int] = []
        self._spelling = _LINK_SPELLINGS[0]

    def get(self, links: t.Any) -> list[tuple[t.Any, ...]]:
        """Return (address, name) for each type, as reported; both are None if there is no link."""
        get_type, get_target = self._spelling
        if self._positions and isinstance(links, list):
            try:
                if list(map(get_type, links[: len(self._known)])) == self._known:
                    return [get_target(links[position]) for position in self._positions]
            except (KeyError, TypeError):
                # Some entries are not links, or the spelling is different.
                pass
        if isinstance(links, dict):
            # XML has a nested list.
            links = lower_keys(links).get("link")
        return self._find(links if isinstance(links, list) else _as_records(links))

    def _find(self, links: list[t.Any]) -> list[tuple[t.Any, ...]]:
        positions: dict[str, int] = {}
        for position, link in enumerate(links):
            if isinstance(link, dict) and get_value(link, "Rel") == "Up":
                kind = get_value(link, "Type")
                if isinstance(kind, str):
                    positions.setdefault(kind, position)
        if all(kind in positions for kind in self._kinds):
            self._store_positions(links, [positions[kind] for kind in self._kinds])
        found = [links[positions[kind]] if kind in positions else {} for kind in self._kinds]
        return [(get_value(link, "Href"), get_value(link, "Name")) for link in found]

    def _store_positions(self, links: list[t.Any], positions: list[int]) -> None:
        for spelling in _LINK_SPELLINGS:
            try:
                known = list(map(spelling[0], links[: max(positions) + 1]))
            except (KeyError, TypeError):
                continue
            self._spelling, self._known, self._positions = spelling, known, positions
            return


def up_link(record: Mapping[str, t.Any], kind: str) -> tuple[str | None, str | None]:
    """Return (id, name) of the parent of a record."""
    ((href, name),) = UpLinks(kind).get(record.get("links"))
    return parse_link_id(href), as_text(name)


def get_id(record: Mapping[str, t.Any]) -> str | None:
    """Get the id of a record from its UID urn:veeam:TYPE:ID, or from its address."""
    return parse_id(get_value(record, "UID"), get_value(record, "Href"))


def parse_id(uid: t.Any, href: t.Any) -> str | None:
    """Parse the id from a UID, or from an address if there is no UID."""
    urn = as_text(uid)
    return (urn.rpartition(":")[2].strip() if urn else None) or parse_link_id(href)


def parse_link_id(link: t.Any) -> str | None:
    """Return the last part of an address."""
    text = as_text(link)
    return text.partition("?")[0].rpartition("/")[2] or None if text else None


def _is_xml(response: Response) -> bool:
    return "xml" in response.headers.get("Content-Type", "").lower() and "html" not in response.headers["Content-Type"]


def _as_records(value: t.Any) -> list[dict[str, t.Any]]:
    """Return a list of records. XML does not distinguish a list with one record from a single record."""
    return [value] if isinstance(value, dict) else [item for item in as_list(value) if isinstance(item, dict)]


def _check_kinds(records: list[dict[str, t.Any]], kind: str, response: Response) -> list[dict[str, t.Any]]:
    for record in records:
        found = get_value(record, "Type")
        if found == kind:
            continue
        found = as_text(found)
        if found is not None and found.casefold() not in (kind.casefold(), kind.casefold() + _REFERENCE):
            raise InvalidResponseError(
                f"expected a record of type {kind}, found {found}",
                server=response.server,
                request=response.request,
                hint="No values are guessed from such a response. Please report it with the version of the server",
            )
    return records


def _missing_list_error(response: Response, name: str) -> InvalidResponseError:
    return InvalidResponseError(
        f"the response has no list {name!r}",
        server=response.server,
        request=response.request,
        hint='Check that "url" is the URL of the product. An unknown version may use a different response format',
    )


def _parse_xml(response: Response) -> dict[str, t.Any]:
    # Imported here, because it is only needed for XML.
    try:
        import xmltodict
    except ImportError as error:
        raise AuditError(
            "representation: xml requires the Python package xmltodict",
            code="missing_library",
            hint="Install xmltodict on the host that runs the module, or use representation: json",
        ) from error
    try:
        text = response.body.decode("utf-8-sig")
        if _DECLARATION.search(text):
            raise ValueError("declarations of document types and entities are not allowed")
        parsed = xmltodict.parse(
            text, process_namespaces=True, namespaces={_NAMESPACE: None}, attr_prefix="", disable_entities=True
        )
    except Exception as error:
        # The parser, expat, has its own exception class.
        raise InvalidResponseError(
            "the response is empty" if not response.body.strip() else f"the XML is invalid or truncated ({error})",
            server=response.server,
            request=response.request,
            status=response.status,
            hint="Try again. If the problem persists, check the log of the server",
        ) from error
    return as_object(next(iter(parsed.values()), None))
