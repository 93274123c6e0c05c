# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A decoded response, JSON or XML, whose rows and fields can be changed independently of the product."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

# Return value of a change that removes the field.
LEFT_OUT = object()
Change = Callable[[str, Any], Any]
_NO_ROWS = frozenset({"links", "link", "refs"})
_BOM = b"\xef\xbb\xbf"
_NAMESPACE = "http://www.veeam.com/ent/v1.0"


class Tree(ABC):
    """`rows` is the main list of the response: the outermost list whose items are records."""

    rows: Any

    def __len__(self) -> int:
        return len(self.rows)

    @abstractmethod
    def duplicate(self, index: int) -> None:
        """List the row a second time, directly after itself."""

    def drop(self, index: int) -> None:
        del self.rows[index]

    @abstractmethod
    def add(self, name: str, text: str) -> None:
        """Add a field to every row."""

    @abstractmethod
    def change_rows(self, change: Change) -> None:
        """Apply `change` to every field of every row, at every depth."""

    @abstractmethod
    def change_all(self, change: Change) -> None:
        """Apply `change` to every field of the complete response."""

    @abstractmethod
    def encode(self, encoding: str = "utf-8") -> bytes:
        """Return the response body."""


class JsonTree(Tree):
    def __init__(self, body: bytes) -> None:
        self._head = _BOM if body.startswith(_BOM) else b""
        self.document: Any = json.loads(body.removeprefix(_BOM))
        self.rows = _main_list(self.document)

    def duplicate(self, index: int) -> None:
        self.rows.insert(index, self.rows[index])

    def add(self, name: str, text: str) -> None:
        for row in self.rows:
            row[name] = text

    def change_rows(self, change: Change) -> None:
        for row in self.rows:
            _change_json(row, change)

    def change_all(self, change: Change) -> None:
        _change_json(self.document, change)

    def encode(self, encoding: str = "utf-8") -> bytes:
        head = self._head if encoding == "utf-8" else b""
        return head + json.dumps(self.document, ensure_ascii=encoding == "utf-8").encode(encoding)


class XmlTree(Tree):
    def __init__(self, body: bytes) -> None:
        ElementTree.register_namespace("", _NAMESPACE)
        # Only responses of the simulators are parsed, which do not declare entities.
        self.document = ElementTree.fromstring(body.removeprefix(_BOM))  # noqa: S314
        self.rows = _main_element(self.document)

    def duplicate(self, index: int) -> None:
        self.rows.insert(index, self.rows[index])

    def add(self, name: str, text: str) -> None:
        for row in self.rows:
            ElementTree.SubElement(row, f"{{{_NAMESPACE}}}{name}").text = text

    def change_rows(self, change: Change) -> None:
        for row in self.rows:
            _change_xml(row, change)

    def change_all(self, change: Change) -> None:
        _change_xml(self.document, change)

    def encode(self, encoding: str = "utf-8") -> bytes:
        written: bytes = ElementTree.tostring(self.document, encoding=encoding, xml_declaration=True)
        return written


def parse_tree(body: bytes, content_type: str) -> Tree | None:
    """Parse a response body; None if it is neither JSON nor XML."""
    try:
        return XmlTree(body) if "xml" in content_type else JsonTree(body)
    except (ValueError, ElementTree.ParseError):
        return None


def _main_list(document: Any) -> list[Any]:
    waiting: deque[Any] = deque([document])
    while waiting:
        value = waiting.popleft()
        if isinstance(value, list):
            if value and all(isinstance(item, dict) for item in value):
                return value
        elif isinstance(value, dict):
            waiting.extend(inner for name, inner in value.items() if name.casefold() not in _NO_ROWS)
    return []


def _main_element(document: ElementTree.Element) -> ElementTree.Element:
    waiting = deque([document])
    while waiting:
        element = waiting.popleft()
        tags = {child.tag for child in element}
        if len(tags) == 1 and all(child.attrib and len(child) for child in element):
            return element
        waiting.extend(child for child in element if _local(child.tag).casefold() not in _NO_ROWS)
    return ElementTree.Element("none")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _change_json(value: Any, change: Change) -> None:
    if isinstance(value, list):
        for item in value:
            _change_json(item, change)
    if not isinstance(value, dict):
        return
    for name, inner in list(value.items()):
        changed = change(name, inner)
        if changed is LEFT_OUT:
            del value[name]
        elif changed is not inner:
            value[name] = changed
        else:
            _change_json(inner, change)


def _leaves(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    return (child for child in list(element) if not len(child))


def _change_xml(element: ElementTree.Element, change: Change) -> None:
    for name, text in list(element.attrib.items()):
        changed = change(_local(name), text)
        if changed is LEFT_OUT:
            del element.attrib[name]
        elif changed is not text:
            element.attrib[name] = "" if changed is None else str(changed)
    for child in _leaves(element):
        changed = change(_local(child.tag), child.text or "")
        if changed is LEFT_OUT:
            element.remove(child)
        elif changed != (child.text or ""):
            child.text = "" if changed is None else str(changed)
    for child in element:
        _change_xml(child, change)
