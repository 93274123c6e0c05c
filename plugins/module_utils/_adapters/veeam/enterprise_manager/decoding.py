# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise Manager speaks XML and JSON, and JSON in two spellings: from an answer to the same plain records."""

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
from ansible_collections.backup.audit.plugins.module_utils._transport.client import Response

Made = t.TypeVar("Made")

REPRESENTATIONS = ("json", "xml")
ACCEPT = {"json": "application/json", "xml": "application/xml"}
_NAMESPACE = "http://www.veeam.com/ent/v1.0"
_DECLARATION = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_VERSION_NAME = re.compile(r"v\d+_\d+")
# How a link is spelled by version 12 and in XML, and by version 13: what sort of link it is, and where it leads.
_LINK_SPELLINGS = (
    (operator.itemgetter("Rel", "Type"), operator.itemgetter("Href", "Name")),
    (operator.itemgetter("rel", "type"), operator.itemgetter("href", "name")),
)


# Records of one type all have the same few names; cleared when it grows past any type's.
_lower_names: dict[str, str] = {}
_NAMES_LIMIT = 1000


def lowered(record: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The record with its member names in lower case: version 12 writes CreationTimeUTC, version 13 creationTimeUTC."""
    try:
        return {_lower_names[key]: value for key, value in record.items()}
    except KeyError:
        if len(_lower_names) > _NAMES_LIMIT:
            _lower_names.clear()
        _lower_names.update({key: key.lower() for key in record})
        return {key.lower(): value for key, value in record.items()}


def said(record: Mapping[str, t.Any], name: str) -> t.Any:
    """One member, whose name is one word (Type), of a record in any spelling; quicker than to lower them all."""
    if name in record:
        return record[name]
    small = name.lower()
    return record[small] if small in record else lowered(record).get(small)


def body_of(answer: Response) -> dict[str, t.Any]:
    """The content of an answer, whichever way it was written, its own members in lower case."""
    if _is_xml(answer):
        return lowered(_from_xml(answer))
    return lowered(answer.json_object())


def entities_of(answer: Response, kind: str) -> tuple[list[dict[str, t.Any]], int]:
    """(records, number of pages) of a query result.

    The names around the records differ from type to type and between XML and JSON, so what counts is each record's
    own Type.
    """
    body = body_of(answer)
    if "entities" not in body:
        raise _no_list(answer, "Entities")
    records = [record for value in _lists_in(body["entities"]) for record in _records(value)]
    pages = _pages(answer, body, bool(records))
    return _of_kind(records, kind, answer), pages


def made_of(
    answer: Response, kind: str, make: Callable[[Iterable[dict[str, t.Any]]], list[Made]]
) -> tuple[list[Made], int]:
    """(what ``make`` makes of the records, number of pages) of a query result.

    Record by record, so that none is kept until the next one is decoded, wherever that leaves no doubt about what is a
    record.
    """
    picked = None if _is_xml(answer) else pick_objects(answer.body, lambda records: make(_surely(records, kind)))
    if picked is not None:
        made, rest = picked
        body = lowered(as_object(rest))
        lists = _lists_in(body.get("entities"))
        if lists.count(PICKED) == 1 and not any(map(_records, lists)):
            return made, _pages(answer, body, bool(made))
    records, pages = entities_of(answer, kind)
    return make(records), pages


def _surely(records: Iterable[dict[str, t.Any]], kind: str) -> Iterator[dict[str, t.Any]]:
    """Records that say that they are of this type; whether any other is one, too, is for ``entities_of`` to say."""
    for record in records:
        if said(record, "Type") != kind:
            raise ValueError(f"a record does not say that it is a {kind}")
        yield record


def _lists_in(entities: t.Any) -> list[t.Any]:
    """What may be records, in one group or one below."""
    groups = as_object(entities).values()
    return [value for group in groups for value in (group.values() if isinstance(group, dict) else [group])]


def _pages(answer: Response, body: Mapping[str, t.Any], are_records: bool) -> int:
    paging = lowered(as_object(body.get("paginginfo")))
    pages = as_int(paging.get("pagescount"))
    if pages is None and are_records:
        raise InvalidResponseError(
            "the answer does not say how many pages there are",
            server=answer.server,
            call=answer.call,
            advice="Nothing is guessed from such an answer; please report it with the version of the server",
        )
    return max(pages or 1, _next_page(paging))


def _next_page(paging: Mapping[str, t.Any]) -> int:
    """The number of the page that the link to the next one leads to, whatever the count of pages says; 0 without."""
    number = as_int(paging.get("pagenum"))
    links = paging.get("links")
    if isinstance(links, dict):
        links = lowered(links).get("link")
    named = any(lowered(link).get("rel") == "Next" for link in _records(links))
    return number + 1 if named and number is not None else 0


def list_of(answer: Response, kind: str) -> list[dict[str, t.Any]]:
    """The records of a plain collection, which has no pages."""
    body = body_of(answer)
    if _is_xml(answer):
        records = [record for value in body.values() for record in _records(value) if said(record, "Href") is not None]
    elif isinstance(body.get(f"{kind.lower()}s"), list):
        records = _records(body[f"{kind.lower()}s"])
    else:
        raise _no_list(answer, f"{kind}s")
    return _of_kind(records, kind, answer)


def versions_of(answer: Response) -> list[str]:
    """The names of the API versions that the server offers, oldest first."""
    found: list[str] = []
    stack: list[t.Any] = [body_of(answer)]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            found += [text for text in value.values() if isinstance(text, str) and _VERSION_NAME.fullmatch(text)]
            stack += value.values()
        elif isinstance(value, list):
            stack += value
    return sorted(set(found), key=lambda name: [int(part) for part in name[1:].split("_")])


class MemberReader:
    """Some members of records, by their names in lower case: as ``lowered`` would find them, null where there is none.

    Records of one page are spelled alike, so where the members stand is worked out once and not for each of them.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._spelled: tuple[str, ...] | None = None
        self._get: Callable[[Mapping[str, t.Any]], tuple[t.Any, ...]] = self._said

    def get(self, record: Mapping[str, t.Any]) -> tuple[t.Any, ...]:
        """The members of one record, in the order of the names."""
        spelled = tuple(record)
        if spelled != self._spelled:
            own = {key.lower(): key for key in spelled}
            self._get = operator.itemgetter(*[own[name] for name in self._names]) if self._all_in(own) else self._said
            self._spelled = spelled
        return self._get(record)

    def _all_in(self, own: Mapping[str, str]) -> bool:
        return all(name in own for name in self._names)

    def _said(self, record: Mapping[str, t.Any]) -> tuple[t.Any, ...]:
        return tuple(map(lowered(record).get, self._names))


class UpLinks:
    """Address and name of what records belong to, of some types: the first link of each that leads up.

    Records of one page have the same links in the same order. Where it is so, by relation and type of each link up to
    the last one that is wanted, they are found by their places.
    """

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds
        self._known: list[tuple[t.Any, ...]] = []
        self._places: list[int] = []
        self._spelling = _LINK_SPELLINGS[0]

    def get(self, links: t.Any) -> list[tuple[t.Any, ...]]:
        """(address, name) for each type, as they are told; both null where there is none."""
        sort, told = self._spelling
        if self._places and isinstance(links, list):
            try:
                if list(map(sort, links[: len(self._known)])) == self._known:
                    return [told(links[place]) for place in self._places]
            except (KeyError, TypeError):
                # Not all of them are links, or not in this spelling.
                pass
        if isinstance(links, dict):
            # XML has a list within.
            links = lowered(links).get("link")
        return self._found(links if isinstance(links, list) else _records(links))

    def _found(self, links: list[t.Any]) -> list[tuple[t.Any, ...]]:
        places: dict[str, int] = {}
        for place, link in enumerate(links):
            if isinstance(link, dict) and said(link, "Rel") == "Up":
                kind = said(link, "Type")
                if isinstance(kind, str):
                    places.setdefault(kind, place)
        if all(kind in places for kind in self._kinds):
            self._remember(links, [places[kind] for kind in self._kinds])
        wanted = [links[places[kind]] if kind in places else {} for kind in self._kinds]
        return [(said(link, "Href"), said(link, "Name")) for link in wanted]

    def _remember(self, links: list[t.Any], places: list[int]) -> None:
        for spelling in _LINK_SPELLINGS:
            try:
                known = list(map(spelling[0], links[: max(places) + 1]))
            except (KeyError, TypeError):
                continue
            self._spelling, self._known, self._places = spelling, known, places
            return


def up_link(record: Mapping[str, t.Any], kind: str) -> tuple[str | None, str | None]:
    """(id, name) of what a record belongs to."""
    ((href, name),) = UpLinks(kind).get(record.get("links"))
    return id_in(href), as_text(name)


def id_of(record: Mapping[str, t.Any]) -> str | None:
    """The id in the UID urn:veeam:TYPE:ID, or in the address."""
    return id_told(said(record, "UID"), said(record, "Href"))


def id_told(uid: t.Any, href: t.Any) -> str | None:
    """The id in a UID, or in an address."""
    urn = as_text(uid)
    return urn.rpartition(":")[2].strip() if urn else id_in(href)


def id_in(link: t.Any) -> str | None:
    """The last part of an address."""
    text = as_text(link)
    return text.partition("?")[0].rpartition("/")[2] or None if text else None


def _is_xml(answer: Response) -> bool:
    return "xml" in answer.headers.get("Content-Type", "").lower() and "html" not in answer.headers["Content-Type"]


def _records(value: t.Any) -> list[dict[str, t.Any]]:
    """One record or many; XML does not tell a list of one from one."""
    return [value] if isinstance(value, dict) else [item for item in as_list(value) if isinstance(item, dict)]


def _of_kind(records: list[dict[str, t.Any]], kind: str, answer: Response) -> list[dict[str, t.Any]]:
    for record in records:
        told = said(record, "Type")
        if told == kind:
            continue
        told = as_text(told)
        if told is not None and told.casefold() != kind.casefold():
            raise InvalidResponseError(
                f"{kind} was asked for, but a {told} came",
                server=answer.server,
                call=answer.call,
                advice="Nothing is guessed from such an answer; please report it with the version of the server",
            )
    return records


def _no_list(answer: Response, name: str) -> InvalidResponseError:
    return InvalidResponseError(
        f"the answer has no list {name!r}",
        server=answer.server,
        call=answer.call,
        advice="Check that the URL is that of the product; an unknown version may answer differently",
    )


def _from_xml(answer: Response) -> dict[str, t.Any]:
    # Here, because only those who ask for XML need it.
    try:
        import xmltodict
    except ImportError as error:
        raise AuditError(
            "representation: xml needs the Python package xmltodict",
            code="missing_library",
            advice="Install xmltodict where the module runs, or use representation: json",
        ) from error
    try:
        text = answer.body.decode("utf-8-sig")
        if _DECLARATION.search(text):
            raise ValueError("it declares a document type or an entity, which are refused")
        parsed = xmltodict.parse(
            text, process_namespaces=True, namespaces={_NAMESPACE: None}, attr_prefix="", disable_entities=True
        )
    except Exception as error:
        # The parser is expat, whose errors are of a class of its own.
        raise InvalidResponseError(
            "the answer is empty" if not answer.body.strip() else f"the XML is broken or cut short ({error})",
            server=answer.server,
            call=answer.call,
            status=answer.status,
            advice="Try again; if it stays so, look at the server's own log",
        ) from error
    return as_object(next(iter(parsed.values()), None))
