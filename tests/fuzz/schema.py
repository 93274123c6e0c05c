# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a vendor's OpenAPI 3.0 or Swagger 2.0 file allows, thrown by dice."""

from __future__ import annotations

import datetime
import json
import random
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_DEEPEST = 12
_NAMES = ("web01", "db[prod]", "Zürich 7", "=cmd|x", "", " ", "a/b", "ERP.example.com", "名前")
# References find something only where there are few ids.
_IDS = tuple(str(uuid.UUID(int=number)) for number in range(24))
_ZONES = ("Z", "+00:00", "+02:00", "-05:30", "+14:00")


class Schemas:
    """The file, and what is made of its schemas."""

    def __init__(self, path: Path, *, always: frozenset[str] = frozenset()) -> None:
        """Members of the names in ``always`` are there and are not null, whatever the file says."""
        self._always = always
        text = path.read_text("utf-8")
        self.document: dict[str, Any] = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        self.paths: dict[str, Any] = self.document["paths"]

    def response(self, method: str, path: str, statuses: tuple[str, ...]) -> Mapping[str, Any] | None:
        """The schema of a good answer; None where the file knows no such call, or no content."""
        responses = self.paths.get(path, {}).get(method.lower(), {}).get("responses", {})
        told = next((self.resolved(responses[status]) for status in statuses if status in responses), {})
        content = next(iter(told.get("content", {}).values()), told)
        schema: Mapping[str, Any] | None = content.get("schema")
        return schema

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference stands for."""
        while "$ref" in schema:
            node: Any = self.document
            for step in schema["$ref"].lstrip("#/").split("/"):
                node = node.get(step, {})
            schema = node
        return schema

    def value(self, schema: Mapping[str, Any], dice: random.Random, depth: int = 0) -> Any:
        """One value; members that need not be there sometimes are not."""
        schema = self.resolved(schema)
        if schema.get("nullable") and dice.random() < 0.2:
            return None
        if schema.get("enum"):
            return dice.choice(schema["enum"])
        if schema.get("oneOf") or schema.get("anyOf"):
            return self._with_identity(schema, dice, depth)
        if "allOf" in schema or "properties" in schema or schema.get("type") == "object":
            return self._object(schema, dice, depth)
        if schema.get("type") == "array":
            count = 0 if depth > _DEEPEST else dice.choice((0, 1, 1, 2, 3))
            return [self.value(schema.get("items", {}), dice, depth + 1) for _item in range(count)]
        return _scalar(schema, dice)

    def _with_identity(self, schema: Mapping[str, Any], dice: random.Random, depth: int) -> Any:
        mapping = schema.get("discriminator", {}).get("mapping")
        if not mapping:
            return self.value(dice.choice(schema.get("oneOf") or schema["anyOf"]), dice, depth)
        word = dice.choice(sorted(mapping))
        chosen = self._object(self.resolved({"$ref": mapping[word]}), dice, depth)
        return {**chosen, schema["discriminator"]["propertyName"]: word}

    def _object(self, schema: Mapping[str, Any], dice: random.Random, depth: int) -> dict[str, Any]:
        """Of a base that stands among allOf only its own members are meant, whatever children it lists."""
        made: dict[str, Any] = {}
        for part in schema.get("allOf", ()):
            made.update(self._object(self.resolved(part), dice, depth))
        required = self._always.union(schema.get("required", ()))
        often = dice.choice((0.0, 0.5, 0.9, 1.0))
        for name, member in schema.get("properties", {}).items():
            if name in required or (depth <= _DEEPEST and dice.random() < often):
                made[name] = self._named(name, member, dice, depth + 1)
        return made

    def _named(self, name: str, member: Mapping[str, Any], dice: random.Random, depth: int) -> Any:
        schema = self.resolved(member)
        if name.lower().endswith("name") and schema.get("type") == "string" and "enum" not in schema:
            return dice.choice(_NAMES)
        return self.value({**schema, "nullable": False} if name in self._always else member, dice, depth)


def _scalar(schema: Mapping[str, Any], dice: random.Random) -> Any:
    kind, form = schema.get("type"), schema.get("format")
    if kind == "boolean":
        return dice.random() < 0.5
    if kind == "integer":
        largest = 2**31 - 1 if form == "int32" else 2**63 - 1
        return dice.choice((0, 1, 7, 1000, largest, schema.get("minimum", 0)))
    if kind == "number":
        return dice.choice((0, 1, 0.5, 1e6))
    if kind != "string":
        return dice.choice((None, 1, "x", True))
    if form == "uuid":
        return dice.choice(_IDS)
    if form == "date-time":
        return _moment(dice)
    return dice.choice(_NAMES) if form is None else "1.00:00:00" if form == "time-span" else "2026-11-21"


def _moment(dice: random.Random) -> str:
    """Within two years of today, but for the first and last of the calendar; seven digits, as .NET writes them."""
    if dice.random() < 0.02:
        return dice.choice(("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"))
    seconds = dice.randrange(-2 * 366 * 86400, 86400)
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    fraction = dice.choice(("", ".5", ".1234567", ".000001"))
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}{fraction}{dice.choice(_ZONES)}"
