# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random values that are valid according to a schema file of tests/schemas."""

from __future__ import annotations

import datetime
import random
import uuid
from collections.abc import Mapping
from typing import Any

from tests.schemas.loader import Schema

_MAX_DEPTH = 12
_NAMES = ("web01", "db[prod]", "Zürich 7", "=cmd|x", "", " ", "a/b", "ERP.example.com", "名前")
# References only match if there are few ids.
_IDS = tuple(str(uuid.UUID(int=number)) for number in range(24))
_ZONES = ("Z", "+00:00", "+02:00", "-05:30", "+14:00")
_OTHER_FORMATS = {"time-span": "1.00:00:00", "date": "2026-11-21", "uri": "https://backup.example.com/x"}
_NULL = {"type": "null"}


class SchemaGenerator:
    """A schema file and the values generated from its types."""

    def __init__(self, schema: Schema, *, always: frozenset[str] = frozenset()) -> None:
        """Fields named in ``always`` are always present and never null, regardless of the schema."""
        self._always = always
        self.schema = schema

    def response(self, method: str, path: str, statuses: tuple[int, ...]) -> Mapping[str, Any] | None:
        """Return the schema of a successful response; None if the file does not define the request or its content."""
        operation = self.schema.operations.get((method, path))
        responses = operation.responses if operation is not None else {}
        return next((responses[status] for status in statuses if status in responses), None)

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow references to the schema itself."""
        while "$ref" in schema:
            schema = self.schema.definitions[schema["$ref"].rpartition("/")[2]]
        return schema

    def generate(self, schema: Mapping[str, Any], rng: random.Random, depth: int = 0) -> Any:
        """Generate one value; optional fields are sometimes missing."""
        schema = self.resolve(schema)
        if "anyOf" in schema:
            if _NULL in schema["anyOf"] and rng.random() < 0.2:
                return None
            return self.generate(rng.choice([one for one in schema["anyOf"] if one != _NULL]), rng, depth)
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if "examples" in schema:
            return rng.choice(schema["examples"])
        if "allOf" in schema:
            return self._generate_case(schema, rng, depth)
        if schema.get("type") == "object":
            return self._generate_object(schema, rng, depth)
        if schema.get("type") == "array":
            count = 0 if depth > _MAX_DEPTH else rng.choice((0, 1, 1, 2, 3))
            return [self.generate(schema["items"], rng, depth + 1) for _item in range(count)]
        return _generate_scalar(schema, rng)

    def _generate_case(self, schema: Mapping[str, Any], rng: random.Random, depth: int) -> dict[str, Any]:
        """Generate one of the cases of a choice."""
        cases = [case for case in schema["allOf"] if "not" not in case["if"]]
        case = rng.choice(cases)
        ((member, value),) = case["if"]["properties"].items()
        return {**self.generate(case["then"], rng, depth), member: value["const"]}

    def _generate_object(self, schema: Mapping[str, Any], rng: random.Random, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        required = self._always.union(schema.get("required", ()))
        often = rng.choice((0.0, 0.5, 0.9, 1.0))
        for name, member in schema.get("properties", {}).items():
            if name in required or (depth <= _MAX_DEPTH and rng.random() < often):
                made[name] = self._generate_member(name, member, rng, depth + 1)
        others = schema.get("additionalProperties", False)
        if others is not False and depth <= _MAX_DEPTH and rng.random() < often:
            made["another"] = self.generate(others, rng, depth + 1)
        return made

    def _generate_member(self, name: str, member: Mapping[str, Any], rng: random.Random, depth: int) -> Any:
        if name in self._always and "anyOf" in member:
            member = {"anyOf": [one for one in member["anyOf"] if one != _NULL]}
        schema = self.resolve(member)
        text = {"type": "string"}
        if name.lower().endswith("name") and text in (schema, *schema.get("anyOf", ())):
            return rng.choice(_NAMES)
        return self.generate(schema, rng, depth)


def _generate_scalar(schema: Mapping[str, Any], rng: random.Random) -> Any:
    kind, form = schema.get("type"), schema.get("format")
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "integer":
        return rng.choice((0, 1, 7, 1000, schema.get("maximum", 2**63 - 1)))
    if kind == "number":
        return rng.choice((0, 1, 0.5, 1e6))
    if kind != "string":
        return rng.choice((None, 1, "x", True))
    if form == "uuid":
        return rng.choice(_IDS)
    if form == "date-time":
        return _generate_time(rng)
    if "pattern" in schema:
        return rng.choice(("0", "7", "1000"))
    return rng.choice(_NAMES) if form is None else _OTHER_FORMATS[form]


def _generate_time(rng: random.Random) -> str:
    """Return a time in the last two years or the next day, rarely the calendar's first or last, with up to 7 digits."""
    if rng.random() < 0.02:
        return rng.choice(("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"))
    seconds = rng.randrange(-2 * 366 * 86400, 86400)
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    fraction = rng.choice(("", ".5", ".1234567", ".000001"))
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}{fraction}{rng.choice(_ZONES)}"
