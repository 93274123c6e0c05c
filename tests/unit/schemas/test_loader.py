# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notation of the schema files: what it accepts, and what it rejects."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tests.schemas.loader import BASE_TYPES, FOLDER, Schema, SchemaError, load, parse

EXAMPLE = """
product: example
version: "2.0"
operations:
  GET /points:
    query: {offset: integer, kinds: "[Kind]"}
    200: Page
  DELETE /session:
    204: null
documents:
  listing: "[AnyItem]"
  labels: "{[Kind|null]}"
enums:
  Kind: [full, incremental]
texts:
  Code: {pattern: 'a|[A-Z]{2}-\\d', examples: [a, AB-1]}
types:
  Page:
    points: "[Point]|null"
    total?: int32
  Point:
    id: uuid
    taken?: time|null
    place: {server: text, "path?": text}
    owner: Owner|null
    size?: integer|text
    code?: Code
  Owner:
    name: text
    "*": integer
  Item: {id: integer, kind: text}
  Machine: {extends: Item, cores: integer}
  Share: {extends: [Item, Owner], "id?": text}
choices:
  AnyItem: {by: kind, cases: {vm: Machine, share: Share}}
"""
POINT: dict[str, Any] = {
    "id": "00000000-0000-0000-0000-00000000000a",
    "place": {"server": "store-1.example.com"},
    "owner": None,
}


@pytest.fixture(scope="module")
def example() -> Schema:
    return parse(EXAMPLE)


def check(expression: str, value: Any) -> list[str]:
    """Check a value with one type."""
    schema = parse(f"{{product: p, version: 1, documents: {{d: '{expression}'}}}}")
    return schema.document_problems("d", value)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", ["", "x"], [1, None]),
        ("integer", [0, -(2**40)], ["1", 1.5, True, None]),
        ("int32", [-(2**31), 2**31 - 1], [-(2**31) - 1, 2**31, "1"]),
        ("number", [1, 1.5], ["1", False]),
        ("boolean", [True], ["true", 1, None]),
        (
            "time",
            ["2026-03-10T01:02:03Z", "2026-03-10T01:02:03.1234567+02:00"],
            ["2026-03-10T01:02:03", "2026-13-10T01:02:03Z", "2026-03-10", "2026-03-10T01:02:03.12345678Z", 5],
        ),
        ("date", ["2026-03-10"], ["2026-02-30", "20260310", 5]),
        ("time_span", ["01:02:03", "1.01:02:03.5"], ["1:2:3", "01:02"]),
        ("uuid", [POINT["id"]], ["", POINT["id"].upper(), POINT["id"].replace("-", ""), 5]),
        ("uri", ["https://a.example.com/b"], ["a.example.com", 5]),
        ("integer_text", ["0", "-12"], ["", "1.5", "1\n", 1]),
        ("number_text", ["1", "1.5", "-2E+3"], ["", "1.", 1]),
        ("boolean_text", ["true", "false"], ["True", "", True]),
        ("object", [{}, {"a": 1}], [[], None]),
        ("any", [{}, None, 1], []),
        ("text|null", ["", None], [1]),
        ("[text]", [[], ["a"]], ["a", [1], None, {}]),
        ("{[integer]}", [{}, {"a": [1]}], [[], {"a": 1}, {"a": ["1"]}]),
    ],
)
def test_types(kind: str, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if check(kind, value)] == []
    assert [value for value in bad if not check(kind, value)] == []


def test_fields(example: Schema) -> None:
    def problems(**more: Any) -> list[str]:
        return example.problems("get", "/points", 200, {"points": [POINT, {**POINT, **more}]})

    assert problems() == []
    assert problems(taken=None, size="1 GB", owner={"name": "db-orders", "age": 1}) == []
    assert problems(other=1) == [
        "$.points[1]: Additional properties are not allowed ('other' was unexpected)",
    ]
    assert problems(id="x") == ["$.points[1].id: 'x' is not a 'uuid'"]
    assert problems(place={"server": "s", "paths": "p"})[0].startswith("$.points[1].place: ")
    assert problems(owner={"name": "db-orders", "age": "1"}) == ["$.points[1].owner.age: '1' is not of type 'integer'"]
    assert problems(code="XY-2") == problems(code="a") == []
    # The pattern is that of the complete text.
    for wrong in ("XY-23", "ab", "a\n", " a", 1):
        assert problems(code=wrong)[0].startswith("$.points[1].code: "), wrong
    assert problems(size=1.5)[0].startswith("$.points[1].size: ")
    assert example.problems("GET", "/points", 200, {"points": None, "total": 1}) == []
    assert example.problems("GET", "/points", 200, {"total": 1}) == ["$: 'points' is a required property"]


def test_operations(example: Schema) -> None:
    assert example.operations["GET", "/points"].query["offset"] == BASE_TYPES["integer"]
    assert example.response("DELETE", "/session", 204) is None
    assert example.problems("DELETE", "/session", 204, None) == []
    assert example.problems("DELETE", "/session", 204, {})
    with pytest.raises(KeyError):
        example.problems("GET", "/points", 404, {})


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ([], []),
        ([("offset", "5"), ("kinds", "full"), ("kinds", "incremental")], []),
        ([("offset", "five")], ["offset: 'five' has the wrong type"]),
        ([("kinds", "copy")], ["kinds: 'copy' has the wrong type"]),
        ([("Offset", "5")], ["Offset: unknown query key"]),
    ],
)
def test_queries(example: Schema, query: list[tuple[str, str]], problems: list[str]) -> None:
    assert example.query_problems("GET", "/points", query) == problems


def test_choices_and_inheritance(example: Schema) -> None:
    def problems(**item: Any) -> list[str]:
        return example.document_problems("listing", [item])

    assert problems(kind="vm", id=1, cores=2) == []
    assert problems(kind="share", name="x", other=1) == []
    assert problems(kind="share", name="x", id="y") == []
    assert problems(kind="share", name="x", id=1) == ["$[0].id: 1 is not of type 'string'"]
    assert problems(kind="vm", id=1) == ["$[0]: 'cores' is a required property"]
    assert problems(kind="tape", id=1) == ["$[0].kind: 'tape' is not one of ['vm', 'share']"]
    assert problems(id=1, cores=2) == ["$[0]: 'kind' is a required property"]
    assert problems(kind="vm", id=1, cores=2, other=1)


def test_choices_with_else() -> None:
    schema = parse(EXAMPLE.replace("share: Share}", "share: Share}, else: Item"))
    assert schema.document_problems("listing", [{"kind": "tape", "id": 1}, {"kind": "vm", "id": 1, "cores": 2}]) == []
    assert schema.document_problems("listing", [{"kind": "tape"}]) == ["$[0]: 'id' is a required property"]
    assert schema.document_problems("listing", [{"kind": "vm", "id": 1}])


def test_mappings(example: Schema) -> None:
    assert example.document_problems("labels", {"a": ["full", None], "b": []}) == []
    assert example.document_problems("labels", {"a": ["copy"]})[0].startswith("$.a[0]: ")


def test_the_result_is_valid_json_schema(example: Schema) -> None:
    for schema in example.definitions.values():
        jsonschema.Draft202012Validator.check_schema({**schema, "$defs": example.definitions})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Owner|null", "Person|null", "unknown type 'Person'"),
        ("id: uuid", "id: uuid\n    id: text", "listed twice"),
        ("id: uuid", "id: [uuid]", "is not a type"),
        ("id: uuid", "id: uuid text", "is not a type"),
        ("id: uuid", "id: uuid|", "unknown type 'nothing'"),
        ("id: uuid", 'id: "[uuid"', "a bracket is not closed"),
        ("id: uuid", "id: uuid?", "is not a type"),
        ("[Item, Owner]", "[Share]", "not a type that can be extended"),
        ("extends: Item", "extends: Kind", "not a type that can be extended"),
        ("[full, incremental]", "[full, full]", "not a list of different values"),
        ("[full, incremental]", "[full, no]", "neither text nor a number"),
        ("size?: integer|text", "kind: point", "unknown type 'point'"),
        ("  Item:", "  Kind: {id: text}\n  Item:", "not capitalized or not unique"),
        ("  Item:", "  Other: {id: text}\n  Item:", "unused"),
        ("  Item:", "  item:", "not capitalized or not unique"),
        ("GET /points", "/points", "not a method and a path"),
        ("204: null", "none: null", "not all statuses"),
        ("documents:", "results:", "unknown sections"),
        ("by: kind,", "", "a choice has"),
        ("examples: [a, AB-1]", "examples: [a, b]", r"Code: .* do not match the pattern: \['b'\]"),
        ("examples: [a, AB-1]", "examples: []", "Code: no examples"),
        (", examples: [a, AB-1]", "", "Code: a text has"),
    ],
)
def test_notation_errors(old: str, new: str, message: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(SchemaError, match=message):
        parse(EXAMPLE.replace(old, new))


@pytest.mark.parametrize("name", sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*.yml")))
def test_all_files_can_be_loaded(name: str) -> None:
    product, _slash, file = name.partition("/")
    assert load(product, file.removesuffix(".yml")).definitions
