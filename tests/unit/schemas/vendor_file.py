# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a schema file of tests/schemas with a vendor's OpenAPI 3.0 or Swagger 2.0 file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.schemas.loader import BASE_TYPES, Schema

Node = Mapping[str, Any]
_NULL = {"type": "null"}
_SCALARS = {
    ("string", "uuid"): "uuid",
    ("string", "date-time"): "time",
    ("string", "date"): "date",
    ("string", "time-span"): "time_span",
    ("string", "uri"): "uri",
    ("integer", "int32"): "int32",
}
_WITHOUT_FORMAT = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean", "object": "object"}


class VendorFile:
    """The operations and types of a vendor's file."""

    def __init__(self, path: Path) -> None:
        text = path.read_text("utf-8")
        self._document: Node = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        self.paths: Node = self._document["paths"]

    def resolve(self, node: Node) -> Node:
        """Follow references, and an allOf that only wraps one type."""
        while True:
            if "$ref" in node:
                found: Any = self._document
                for step in node["$ref"].lstrip("#/").split("/"):
                    found = found[step]
                node = found
            elif len(node.get("allOf", ())) == 1 and "properties" not in node:
                node = {**self.resolve(node["allOf"][0]), "nullable": self.is_nullable(node)}
            else:
                return node

    def is_nullable(self, node: Node) -> bool:
        target = self.resolve(node) if "$ref" in node else node
        return target.get("nullable") is True or None in target.get("enum", ())

    def response(self, method: str, path: str, status: int) -> Node | None:
        responses = self.paths.get(path, {}).get(method.lower(), {}).get("responses", {})
        response = self.resolve(responses.get(str(status), {}))
        content: Any = next(iter(response.get("content", {}).values()), response)
        schema: Node | None = content.get("schema")
        return schema

    def query(self, method: str, path: str) -> dict[str, Node]:
        """Return the query keys of a request and their types."""
        operation, shared = self.paths[path][method.lower()], self.paths[path].get("parameters", ())
        listed = [self.resolve(parameter) for parameter in itertools.chain(shared, operation.get("parameters", ()))]
        return {one["name"]: one.get("schema", one) for one in listed if one["in"] == "query"}

    def members(self, node: Node) -> dict[str, tuple[bool, Node]]:
        """Return the fields of an object, including those of its bases, and whether they are required."""
        found: dict[str, tuple[bool, Node]] = {}
        for part in node.get("allOf", ()):
            found |= self.members(self.resolve(part))
        found |= {name: (False, member) for name, member in node.get("properties", {}).items()}
        if found:
            found |= {name: (True, found[name][1]) for name in node.get("required", ()) if name in found}
        return found


class Comparison:
    """The differences between a schema of ours and a vendor's file, as "Type.member: difference"."""

    def __init__(self, ours: Schema, theirs: VendorFile) -> None:
        self._ours, self._theirs = ours, theirs
        self._compared: set[tuple[str, str]] = set()
        self.members = 0

    def differences(self) -> Iterator[str]:
        for (method, path), operation in self._ours.operations.items():
            name = f"{method} {path}"
            known = self._theirs.query(method, path)
            for key, kind in operation.query.items():
                yield from self._query_key(f"{name}.{key}", kind, known.get(key))
            for status, body in operation.responses.items():
                response = self._theirs.response(method, path, status)
                if body is None or response is None:
                    yield from [] if body is response else [f"{name} {status}: only one has a body"]
                else:
                    yield from self._compare(f"{name} {status}", body, response)

    def _query_key(self, where: str, ours: Node, theirs: Node | None) -> Iterator[str]:
        if theirs is None:
            yield f"{where}: not in the vendor's file"
        else:
            # Query keys in a URL cannot be null.
            yield from self._compare(where, ours, {**self._theirs.resolve(theirs), "nullable": False})

    def _compare(self, where: str, ours: Node, theirs: Node) -> Iterator[str]:
        alternatives = ours.get("anyOf", [ours])
        plain = [one for one in alternatives if one != _NULL]
        if len(plain) != 1:
            yield f"{where}: a union, which these files do not have"
            return
        (ours,) = plain
        if (len(alternatives) == 2) != self._theirs.is_nullable(theirs):
            yield f"{where}: only one is nullable"
        if "$ref" in ours:
            where = ours["$ref"].rpartition("/")[2]
            if (where, json.dumps(theirs)) in self._compared:
                return
            self._compared.add((where, json.dumps(theirs)))
            ours = self._ours.definitions[where]
        yield from self._compare_kind(where, ours, self._theirs.resolve(theirs))

    def _compare_kind(self, where: str, ours: Node, theirs: Node) -> Iterator[str]:
        if "enum" in ours:
            if unknown := sorted(set(ours["enum"]) - set(theirs.get("enum", ()))):
                yield f"{where}: {unknown} are not values of the vendor's"
        elif "allOf" in ours:
            yield from self._choice(where, ours, theirs)
        elif "properties" in ours:
            yield from self._object(where, ours, theirs)
        elif ours.get("type") == "array":
            if "items" not in theirs:
                yield f"{where}: only ours is a list"
            else:
                yield from self._compare(f"{where}[]", ours["items"], theirs["items"])
        elif isinstance(ours.get("additionalProperties"), dict):
            values = theirs.get("additionalProperties")
            if not isinstance(values, dict):
                yield f"{where}: only ours has any names"
            else:
                yield from self._compare(f"{where}{{}}", ours["additionalProperties"], values)
        else:
            name, form = str(theirs.get("type")), str(theirs.get("format"))
            kind = _SCALARS.get((name, form)) or _WITHOUT_FORMAT.get(name)
            if "enum" in theirs or kind is None or ours != BASE_TYPES[kind]:
                yield f"{where}: {ours} is not the vendor's {theirs}"

    def _choice(self, where: str, ours: Node, theirs: Node) -> Iterator[str]:
        if [theirs.get("discriminator", {}).get("propertyName")] != list(ours["properties"]):
            yield f"{where}: the choice is by another member"
            return
        for case in ours["allOf"]:
            if "not" in case["if"]:
                yield from self._compare(where, case["then"], theirs)
                continue
            ((_member, value),) = case["if"]["properties"].items()
            target = theirs["discriminator"]["mapping"].get(value["const"])
            if target is None:
                yield f"{where}: {value['const']} is not a case of the vendor's"
            else:
                yield from self._compare(f"{where}.{value['const']}", case["then"], {"$ref": target})

    def _object(self, where: str, ours: Node, theirs: Node) -> Iterator[str]:
        known = self._theirs.members(theirs)
        for name, member in ours["properties"].items():
            self.members += 1
            if name not in known:
                yield f"{where}.{name}: not in the vendor's file"
                continue
            required, their_member = known[name]
            if required != (name in ours["required"]):
                yield f"{where}.{name}: only one is required"
            yield from self._compare(f"{where}.{name}", member, their_member)
