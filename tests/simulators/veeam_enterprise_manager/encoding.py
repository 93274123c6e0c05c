# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encoding of Enterprise Manager: entities and references, in XML and in JSON with two spellings."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Json = dict[str, Any]

NAMESPACE = "http://www.veeam.com/ent/v1.0"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Link:
    rel: str
    path: str
    kind: str | None = None
    name: str | None = None


@dataclass(slots=True)
class Entity:
    """`path` is its path below /api; attributes and fields are in the order of the output."""

    kind: str
    path: str
    name: str | None = None
    uid: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)


@cache
def camel(name: str) -> str:
    """Lowercase the first word, as version 13 does: UID becomes uid, VAppRestorePoints becomes vAppRestorePoints."""
    for index, letter in enumerate(name):
        lower_follows = index + 1 < len(name) and not name[index + 1].isupper()
        if not letter.isupper() or (index > 0 and lower_follows):
            return name[:index].lower() + name[index:]
    return name.lower()


def _camel_all(node: Any) -> Any:
    if isinstance(node, list):
        return [_camel_all(item) for item in node]
    if isinstance(node, dict):
        return {camel(name): _camel_all(value) for name, value in node.items()}
    return node


_SPECIAL = re.compile(r'[&<>"\n\r\t]')
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_TEXT = str.maketrans(_MARKUP)
_IN_ATTRIBUTES = str.maketrans({**_MARKUP, '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def attribute_text(text: str) -> str:
    """Escape an attribute value. Few values need it, and searching is much cheaper than translating."""
    return text.translate(_IN_ATTRIBUTES) if _SPECIAL.search(text) else text


class Encoder:
    """Encoder for one server: `own_url` is its own URL in links."""

    def __init__(self, own_url: str) -> None:
        self._start = f"{own_url}/api/"

    def href(self, path: str) -> str:
        return self._start + path

    # XML

    def _attributes(self, xml_attributes: dict[str, str | None]) -> str:
        return "".join(
            f' {name}="{attribute_text(value)}"' for name, value in xml_attributes.items() if value is not None
        )

    def xml_links(self, links: list[Link]) -> str:
        return f"<Links>{''.join(map(self._xml_link, links))}</Links>"

    def _xml_link(self, link: Link) -> str:
        """A point has seven links, so this code is optimized."""
        kind = "" if link.kind is None else f' Type="{link.kind}"'
        name = "" if link.name is None else f' Name="{attribute_text(link.name)}"'
        return f'<Link Rel="{link.rel}"{kind} Href="{attribute_text(self.href(link.path))}"{name} />'

    def xml_entity(self, entity: Entity, tag: str | None = None, root: bool = False) -> str:
        form = "?format=Entity" if entity.uid is not None else ""
        xml_attributes = {
            "Type": entity.kind,
            "Href": self.href(entity.path) + form,
            "Name": entity.name,
            "UID": entity.uid,
        }
        head = f' xmlns="{NAMESPACE}"' if root else ""
        members = "".join(_xml_member(name, value) for name, value in entity.members.items())
        tag = tag or entity.kind
        opening = f"<{tag}{head}{self._attributes({**xml_attributes, **entity.attributes})}>"
        return f"{opening}{self.xml_links(entity.links)}{members}</{tag}>"

    def xml_reference(self, entity: Entity, tag: str = "Ref", root: bool = False) -> str:
        xml_attributes = {
            "Type": f"{entity.kind}Reference",
            "Href": self.href(entity.path),
            "Name": entity.name,
            "UID": entity.uid,
        }
        head = f' xmlns="{NAMESPACE}"' if root else ""
        return f"<{tag}{head}{self._attributes(xml_attributes)}>{self.xml_links(_reference_links(entity))}</{tag}>"

    # JSON, in the spelling of version 12

    def json_links(self, links: list[Link]) -> list[Json]:
        return [{"Rel": k.rel, "Href": self.href(k.path), "Name": k.name, "Type": k.kind} for k in links]

    def json_entity(self, entity: Entity) -> Json:
        """Encode an entity: attributes become fields, and absent values are null."""
        found: Json = {**entity.members, **entity.attributes}
        if entity.uid is not None:
            found |= {"Name": entity.name, "UID": entity.uid}
        form = "?format=Entity" if entity.uid is not None else ""
        where = {"Href": self.href(entity.path) + form, "Type": entity.kind}
        return {**found, "Links": self.json_links(entity.links), **where}

    def json_reference(self, entity: Entity) -> Json:
        links = self.json_links(_reference_links(entity))
        kind = f"{entity.kind}Reference"
        return {
            "Links": links,
            "UID": entity.uid,
            "Name": entity.name,
            "Href": self.href(entity.path),
            "Type": kind,
        }


def _reference_links(entity: Entity) -> list[Link]:
    """Return the links of a reference: to its parents and to its entity."""
    above = [link for link in entity.links if link.rel == "Up"]
    return [*above, Link("Alternate", f"{entity.path}?format=Entity", entity.kind, entity.name)]


def _xml_member(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"<{name}>{str(value).lower()}</{name}>"
    if isinstance(value, list):
        return "".join(_xml_member(name, item) for item in value)
    if isinstance(value, dict):
        return f"<{name}>{''.join(_xml_member(key, item) for key, item in value.items())}</{name}>"
    return f"<{name}>{str(value).translate(_IN_TEXT)}</{name}>" if value != "" else f"<{name} />"


def xml_document(body: str, bom: bool) -> bytes:
    return (_BOM if bom else b"") + (_DECLARATION + body).encode()


def json_document(document: Any, spelling: str, bom: bool) -> bytes:
    return (_BOM if bom else b"") + json_text(document, spelling).encode()


def json_text(document: Any, spelling: str) -> str:
    return _ENCODER.encode(_camel_all(document) if spelling == "camel" else document)
