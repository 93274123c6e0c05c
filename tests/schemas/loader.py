# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert the schema files of this folder to JSON Schema (draft 2020-12); README.md describes their notation."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import jsonschema
import yaml

FOLDER = Path(__file__).parent
BASE_TYPES: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "int32": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time_span": {"type": "string", "format": "time-span"},
    "uuid": {"type": "string", "format": "uuid"},
    "uri": {"type": "string", "format": "uri"},
    "integer_text": {"type": "string", "pattern": r"^-?[0-9]+\Z"},
    "number_text": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?([Ee][+-]?[0-9]+)?\Z"},
    "boolean_text": {"enum": ["true", "false"]},
    "object": {"type": "object"},
    "any": {},
    "null": {"type": "null"},
}
_SECTIONS = {"product", "version", "operations", "documents", "enums", "texts", "types", "choices"}
_REFERENCE = "#/$defs/"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)")
_TIME_SPAN = re.compile(r"-?(\d+\.)?\d\d:\d\d:\d\d(\.\d{1,7})?")
_INTEGER = re.compile(r"-?\d+")
_BOOLEANS = {"true": (True,), "false": (False,)}
_TOKEN = re.compile(r"\s*([\[\]{}|]|[A-Za-z]\w*)\s*")


class SchemaError(Exception):
    """A schema file does not follow the notation."""


def _is_time(value: str) -> bool:
    datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - only its validity counts
    return _TIME.fullmatch(value) is not None


def _is_date(value: str) -> bool:
    return date.fromisoformat(value).isoformat() == value


FORMATS = jsonschema.FormatChecker(())
for _name, _check in {
    "date-time": _is_time,
    "date": _is_date,
    "time-span": lambda value: _TIME_SPAN.fullmatch(value) is not None,
    "uuid": lambda value: str(UUID(value)) == value,
    "uri": lambda value: urlsplit(value).scheme != "",
}.items():
    FORMATS.checks(_name, raises=ValueError)(lambda value, check=_check: not isinstance(value, str) or check(value))


@dataclass(frozen=True)
class Operation:
    """One request: its query keys, and the response of each status. A response without a body is None."""

    query: Mapping[str, Mapping[str, Any]]
    responses: Mapping[int, Mapping[str, Any] | None]


@dataclass(frozen=True)
class Schema:
    """One schema file. All JSON Schemas in it refer to ``definitions`` with ``#/$defs/Name``."""

    product: str
    version: str
    operations: Mapping[tuple[str, str], Operation]
    documents: Mapping[str, Mapping[str, Any]]
    definitions: Mapping[str, Mapping[str, Any]]
    bases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def response(self, method: str, path: str, status: int) -> Mapping[str, Any] | None:
        """Return the JSON Schema of a response; KeyError if the file does not define it."""
        return self.operations[method.upper(), path].responses[status]

    def problems(self, method: str, path: str, status: int, value: Any) -> list[str]:
        """Describe each difference between a response and the schema: "$.points[1].id: ..."."""
        schema = self.response(method, path, status)
        return self.check(schema if schema is not None else {"const": None}, value)

    def document_problems(self, name: str, value: Any) -> list[str]:
        """Like ``problems``, for an entry of ``documents``."""
        return self.check(self.documents[name], value)

    def query_problems(self, method: str, path: str, query: Sequence[tuple[str, str]]) -> list[str]:
        """Describe the query keys that a request does not have, and values of the wrong type."""
        known = self.operations[method.upper(), path].query
        wrong = [f"{key}: unknown query key" for key, _value in query if key not in known]
        for key, value in query:
            schema = known.get(key, {})
            readings = [value, [value], *([int(value)] if _INTEGER.fullmatch(value) else ()), *_BOOLEANS.get(value, ())]
            if all(self.check(schema, reading) for reading in readings):
                wrong.append(f"{key}: {value!r} has the wrong type")
        return wrong

    def check(self, schema: Mapping[str, Any], value: Any) -> list[str]:
        """Validate a value with a JSON Schema that may refer to the types of this file."""
        validator = jsonschema.Draft202012Validator({**schema, "$defs": self.definitions}, format_checker=FORMATS)
        return [f"{error.json_path}: {error.message}" for error in _get_details(validator.iter_errors(value))]


def _get_details(errors: Any) -> Iterator[jsonschema.ValidationError]:
    """Replace the error of a union by those of its only alternative that has the right type."""
    for error in errors:
        branches: dict[Any, list[jsonschema.ValidationError]] = {}
        for inner in error.context or () if error.validator == "anyOf" else ():
            branches.setdefault(inner.relative_schema_path[0], []).append(inner)
        close = [inner for inner in branches.values() if not any(_is_wrong_type(one) for one in inner)]
        if len(close) == 1:
            yield from _get_details(close[0])
        else:
            yield error


def _is_wrong_type(error: jsonschema.ValidationError) -> bool:
    return error.validator == "type" and not error.relative_path


@functools.cache
def load(product: str, version: str) -> Schema:
    """Load ``<product>/<version>.yml`` of this folder."""
    schema = parse((FOLDER / product / f"{version}.yml").read_text("utf-8"))
    if (schema.product, schema.version) != (product, version):
        raise SchemaError(f"{product}/{version}.yml describes {schema.product} {schema.version}")
    return schema


def parse(text: str) -> Schema:
    """Parse the text of a schema file. SchemaError for unknown names, unused types and other errors in the notation."""
    document = yaml.load(text, _UniqueKeysLoader)  # noqa: S506 - a safe loader
    if unknown := set(document) - _SECTIONS:
        raise SchemaError(f"unknown sections: {sorted(unknown)}")
    return _Parser(document).parse()


class _UniqueKeysLoader(yaml.SafeLoader):
    """Rejects repeated keys, of which YAML would use the last one."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _value in node.value]
        if repeated := sorted({key for key in keys if keys.count(key) > 1}):
            raise SchemaError(f"listed twice: {repeated}")
        return super().construct_mapping(node, deep)


class _Parser:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._enums: Mapping[str, Any] = document.get("enums") or {}
        self._texts: Mapping[str, Any] = document.get("texts") or {}
        self._types: Mapping[str, Any] = document.get("types") or {}
        self._choices: Mapping[str, Any] = document.get("choices") or {}
        self._used: set[str] = set()

    def parse(self) -> Schema:
        names = [*self._enums, *self._texts, *self._types, *self._choices]
        wrong = [name for name in names if names.count(name) > 1 or not name[:1].isupper()]
        if wrong:
            raise SchemaError(f"names that are not capitalized or not unique: {sorted(set(wrong))}")
        definitions: dict[str, Mapping[str, Any]] = {name: self._enum(name) for name in self._enums}
        definitions |= {name: self._text(name) for name in self._texts}
        definitions |= {name: self._object(name, self._members(name)) for name in self._types}
        definitions |= {name: self._choice(name) for name in self._choices}
        operations = dict(self._operation(*item) for item in (self._document.get("operations") or {}).items())
        documents = {name: self._type(value, name) for name, value in (self._document.get("documents") or {}).items()}
        if unused := set(names) - self._used:
            raise SchemaError(f"unused: {sorted(unused)}")
        bases = {name: self._bases(name) for name in self._types}
        product, version = str(self._document["product"]), str(self._document["version"])
        return Schema(product, version, operations, documents, definitions, bases)

    def _operation(self, name: str, content: Mapping[Any, Any]) -> tuple[tuple[str, str], Operation]:
        method, _space, path = name.partition(" ")
        if not (method.isupper() and path.startswith("/")):
            raise SchemaError(f"{name}: not a method and a path")
        query = {key: self._type(value, name) for key, value in content.get("query", {}).items()}
        statuses = {status: value for status, value in content.items() if status != "query"}
        if not all(isinstance(status, int) for status in statuses):
            raise SchemaError(f"{name}: {list(statuses)} are not all statuses")
        responses = {status: None if value is None else self._type(value, name) for status, value in statuses.items()}
        return (method, path), Operation(query, responses)

    def _enum(self, name: str) -> Mapping[str, Any]:
        values = self._enums[name]
        if not isinstance(values, list) or len(set(map(repr, values))) != len(values):
            raise SchemaError(f"{name}: not a list of different values")
        if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in values):
            raise SchemaError(f"{name}: a value is neither text nor a number (quotes?)")
        return {"enum": values}

    def _text(self, name: str) -> Mapping[str, Any]:
        content = self._texts[name]
        if not isinstance(content, dict) or set(content) != {"pattern", "examples"}:
            raise SchemaError(f"{name}: a text has 'pattern' and 'examples'")
        wrong = [each for each in content["examples"] if not re.fullmatch(content["pattern"], each)]
        if wrong or not content["examples"]:
            raise SchemaError(f"{name}: no examples, or some do not match the pattern: {wrong}")
        return {"type": "string", "pattern": rf"^(?:{content['pattern']})\Z", "examples": content["examples"]}

    def _bases(self, name: str) -> tuple[str, ...]:
        bases = self._types[name].get("extends", ())
        return (bases,) if isinstance(bases, str) else tuple(bases)

    def _members(self, name: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return all fields of a type, including those of its bases; optional ones end with a question mark."""
        if name not in self._types or name in seen:
            raise SchemaError(f"{name}: not a type that can be extended")
        members: dict[str, Any] = {}
        own = {key: value for key, value in self._types[name].items() if key != "extends"}
        for base in self._bases(name):
            self._used.add(base)
            members |= self._members(base, (*seen, name))
        replaced = {key.removesuffix("?") for key in own}
        return {key: value for key, value in members.items() if key.removesuffix("?") not in replaced} | own

    def _object(self, where: str, members: Mapping[str, Any]) -> Mapping[str, Any]:
        types = {key: self._type(value, f"{where}.{key}") for key, value in members.items()}
        others = types.pop("*", False)
        return {
            "type": "object",
            "properties": {key.removesuffix("?"): value for key, value in types.items()},
            "required": [key for key in types if not key.endswith("?")],
            "additionalProperties": others,
        }

    def _choice(self, name: str) -> Mapping[str, Any]:
        content = self._choices[name]
        if set(content) - {"else"} != {"by", "cases"}:
            raise SchemaError(f"{name}: a choice has 'by', 'cases' and perhaps 'else'")
        member, cases = content["by"], content["cases"]
        selected = [
            {"if": {"properties": {member: {"const": value}}, "required": [member]}, "then": self._type(kind, name)}
            for value, kind in cases.items()
        ]
        if "else" in content:
            other = {"not": {"properties": {member: {"enum": list(cases)}}}}
            selected.append({"if": other, "then": self._type(content["else"], name)})
        values = {} if "else" in content else {"enum": list(cases)}
        return {"type": "object", "properties": {member: values}, "required": [member], "allOf": selected}

    def _type(self, value: Any, where: str) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return self._object(where, value)
        if not isinstance(value, str):
            raise SchemaError(f"{where}: {value!r} is not a type (quotes?)")
        tokens = _TOKEN.findall(value)
        if "".join(tokens) != value.replace(" ", ""):
            raise SchemaError(f"{where}: {value!r} is not a type")
        schema = self._union(tokens, where)
        if tokens:
            raise SchemaError(f"{where}: {value!r} is not a type")
        return schema

    def _union(self, tokens: list[str], where: str) -> Mapping[str, Any]:
        parts = [self._single(tokens, where)]
        while tokens and tokens[0] == "|":
            tokens.pop(0)
            parts.append(self._single(tokens, where))
        return parts[0] if len(parts) == 1 else {"anyOf": parts}

    def _single(self, tokens: list[str], where: str) -> Mapping[str, Any]:
        token = tokens.pop(0) if tokens else "nothing"
        if token in ("[", "{"):
            inner = self._union(tokens, where)
            if not tokens or tokens.pop(0) != {"[": "]", "{": "}"}[token]:
                raise SchemaError(f"{where}: a bracket is not closed")
            return (
                {"type": "array", "items": inner} if token == "[" else {"type": "object", "additionalProperties": inner}
            )
        if token in BASE_TYPES:
            return BASE_TYPES[token]
        if not any(token in names for names in (self._enums, self._texts, self._types, self._choices)):
            raise SchemaError(f"{where}: unknown type {token!r}")
        self._used.add(token)
        return {"$ref": _REFERENCE + token}
