# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server generated only from a schema file: every response is valid and contains random values."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.fuzz.reading import FakeResponse
from tests.fuzz.schema import SchemaGenerator

_LISTS = ("data", "results")
# Without these fields nothing can be read, although most are optional in the files.
NEEDED = frozenset({*_LISTS, "id", "creationTime", "pointInTime", "access_token"})
_JSON = {"Content-Type": "application/json"}
_PLACEHOLDER = re.compile(r"\{[^}]*\}")


class SchemaServer:
    """Serves constant generated listings, page by page as requested. Every record has its own id."""

    # Pattern for a variable part of a path.
    PART = "[0-9a-f-]{36}"

    def __init__(self, schemas: SchemaGenerator, seed: str) -> None:
        self._schemas = schemas
        self._seed = seed
        paths = sorted({path for _method, path in schemas.schema.operations})
        self._patterns = [(re.compile(_PLACEHOLDER.sub(self.PART, path)), path) for path in paths]
        self._listings: dict[str, list[Any]] = {}
        self.answers = 0
        self.query_problems: list[str] = []

    def serve(self, request: requests.PreparedRequest) -> FakeResponse:
        """Return a random response that the file allows; 404 for requests that it does not define."""
        parts = urlsplit(request.url or "")
        path = next((path for pattern, path in self._patterns if pattern.fullmatch(parts.path)), "")
        schema = self._schemas.response(str(request.method), path, (200, 201))
        if schema is None:
            return FakeResponse(204 if request.method == "DELETE" else 404, _JSON, b"{}")
        self.answers += 1
        query = parse_qsl(parts.query)
        self.query_problems += self._schemas.schema.query_problems(str(request.method), path, query)
        rng = random.Random(f"{self._seed} {request.method} {parts.path}")
        body = self._schemas.generate(schema, rng)
        if request.method == "POST":
            body["access_token"] = "a-token-of-some-length"
        else:
            self.adjust(body, path, parts.path, dict(query), schema)
        return FakeResponse(200, _JSON, json.dumps(body).encode())

    def adjust(self, body: Any, known: str, path: str, query: Mapping[str, str], schema: Mapping[str, Any]) -> None:
        """Make a body consistent with others. ``known`` is the path in the schema."""
        member = next((name for name in _LISTS if isinstance(body, dict) and name in body), None)
        if member is not None:
            self._fill_page(body, member, schema, path, query)

    def _fill_page(
        self, body: dict[str, Any], member: str, schema: Mapping[str, Any], path: str, query: Mapping[str, str]
    ) -> None:
        rows = self._get_rows(path, self._schemas.resolve(schema)["properties"][member])
        if "VirtualMachineId" in query:
            rows = [row for row in rows if row.get("id") in _OWNED.get(query["VirtualMachineId"], ())]
        start = int(query.get("skip", query.get("Offset", 0)))
        end = start + int(query.get("limit", query.get("Limit", 10**9)))
        body[member] = rows[start:end]
        if "pagination" in body:
            body["pagination"]["total"] = len(rows)
        else:
            body["totalCount"] = len(rows)

    def _get_rows(self, path: str, schema: Mapping[str, Any]) -> list[Any]:
        if path not in self._listings:
            rng = random.Random(f"{self._seed} rows of {path}")
            items = self._schemas.resolve(schema)["items"]
            rows = [self._schemas.generate(items, rng) for _row in range(rng.choice((0, 1, 3, 8)))]
            ids = rng.sample(range(24), len(rows))
            for row, number in zip(rows, ids, strict=True):
                if isinstance(row, dict) and "id" in row:
                    row["id"] = str(uuid.UUID(int=number))
            self._listings[path] = rows
        return self._listings[path]


# Every third id is a restore point of the same machine.
_OWNED = {
    str(uuid.UUID(int=machine)): [str(uuid.UUID(int=number)) for number in range(machine % 3, 24, 3)]
    for machine in range(24)
}
