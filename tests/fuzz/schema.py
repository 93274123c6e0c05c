# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random values that are valid according to a vendor's OpenAPI 3.0 or Swagger 2.0 file."""

from __future__ import annotations

import datetime
import json
import random
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_MAX_DEPTH = 12
_NAMES = ("web01", "db[prod]", "Zürich 7", "=cmd|x", "", " ", "a/b", "ERP.example.com", "名前")
# References only match if there are few ids.
_IDS = tuple(str(uuid.UUID(int=number)) for number in range(24))
_ZONES = ("Z", "+00:00", "+02:00", "-05:30", "+14:00")


class SchemaGenerator:
    """An OpenAPI file and the values generated from its schemas."""

    def __init__(self, path: Path, *, always: frozenset[str] = frozenset()) -> None:
        """Fields named in ``always`` are always present and never null, whatever the file says."""
        self._always = always
        text = path.read_text("utf-8")
        self.document: dict[str, Any] = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        self.paths: dict[str, Any] = self.document["paths"]

    def response(self, method: str, path: str, statuses: tuple[str, ...]) -> Mapping[str, Any] | None:
        """The schema of a successful response; None if the file does not define the request or its content."""
        responses = self.paths.get(path, {}).get(method.lower(), {}).get("responses", {})
        response = next((self.resolve(responses[status]) for status in statuses if status in responses), {})
        content = next(iter(response.get("content", {}).values()), response)
        schema: Mapping[str, Any] | None = content.get("schema")
        return schema

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow references to the schema itself."""
        while "$ref" in schema:
            node: Any = self.document
            for step in schema["$ref"].lstrip("#/").split("/"):
                node = node.get(step, {})
            schema = node
        return schema

    def generate(self, schema: Mapping[str, Any], rng: random.Random, depth: int = 0) -> Any:
        """Generate one value; optional fields are sometimes missing."""
        schema = self.resolve(schema)
        if schema.get("nullable") and rng.random() < 0.2:
            return None
        if schema.get("enum"):
            return rng.choice(schema["enum"])
        if schema.get("oneOf") or schema.get("anyOf"):
            return self._generate_one_of(schema, rng, depth)
        if "allOf" in schema or "properties" in schema or schema.get("type") == "object":
            return self._generate_object(schema, rng, depth)
        if schema.get("type") == "array":
            count = 0 if depth > _MAX_DEPTH else rng.choice((0, 1, 1, 2, 3))
            return [self.generate(schema.get("items", {}), rng, depth + 1) for _item in range(count)]
        return _generate_scalar(schema, rng)

    def _generate_one_of(self, schema: Mapping[str, Any], rng: random.Random, depth: int) -> Any:
        mapping = schema.get("discriminator", {}).get("mapping")
        if not mapping:
            return self.generate(rng.choice(schema.get("oneOf") or schema["anyOf"]), rng, depth)
        value_name = rng.choice(sorted(mapping))
        chosen = self._generate_object(self.resolve({"$ref": mapping[value_name]}), rng, depth)
        return {**chosen, schema["discriminator"]["propertyName"]: value_name}

    def _generate_object(self, schema: Mapping[str, Any], rng: random.Random, depth: int) -> dict[str, Any]:
        """For a base schema in allOf, use only its own fields, whatever children it lists."""
        made: dict[str, Any] = {}
        for part in schema.get("allOf", ()):
            made.update(self._generate_object(self.resolve(part), rng, depth))
        required = self._always.union(schema.get("required", ()))
        often = rng.choice((0.0, 0.5, 0.9, 1.0))
        for name, member in schema.get("properties", {}).items():
            if name in required or (depth <= _MAX_DEPTH and rng.random() < often):
                made[name] = self._generate_member(name, member, rng, depth + 1)
        return made

    def _generate_member(self, name: str, member: Mapping[str, Any], rng: random.Random, depth: int) -> Any:
        schema = self.resolve(member)
        if name.lower().endswith("name") and schema.get("type") == "string" and "enum" not in schema:
            return rng.choice(_NAMES)
        return self.generate({**schema, "nullable": False} if name in self._always else member, rng, depth)


def _generate_scalar(schema: Mapping[str, Any], rng: random.Random) -> Any:
    kind, form = schema.get("type"), schema.get("format")
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "integer":
        largest = 2**31 - 1 if form == "int32" else 2**63 - 1
        return rng.choice((0, 1, 7, 1000, largest, schema.get("minimum", 0)))
    if kind == "number":
        return rng.choice((0, 1, 0.5, 1e6))
    if kind != "string":
        return rng.choice((None, 1, "x", True))
    if form == "uuid":
        return rng.choice(_IDS)
    if form == "date-time":
        return _generate_time(rng)
    return rng.choice(_NAMES) if form is None else "1.00:00:00" if form == "time-span" else "2026-11-21"


def _generate_time(rng: random.Random) -> str:
    """A time in the last two years, rarely the first or last of the calendar; seven digits as .NET writes them."""
    if rng.random() < 0.02:
        return rng.choice(("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"))
    seconds = rng.randrange(-2 * 366 * 86400, 86400)
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    fraction = rng.choice(("", ".5", ".1234567", ".000001"))
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}{fraction}{rng.choice(_ZONES)}"
