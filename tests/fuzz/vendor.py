# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that knows nothing but its vendor's OpenAPI file: every answer is valid, and none makes sense."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from tests.fuzz.reading import Told
from tests.fuzz.schema import Schemas

_LISTS = ("data", "results")
# Without these nothing can be read, though most of them are optional in the files.
NEEDED = frozenset({*_LISTS, "id", "creationTime", "pointInTime", "access_token"})
_JSON = {"Content-Type": "application/json"}
_WORD = re.compile(r"\{[^}]*\}")


class Vendor:
    """Listings stay as they were first thrown, are paged as they are asked for, and every record has its own id."""

    def __init__(self, schemas: Schemas, seed: str) -> None:
        self._schemas = schemas
        self._seed = seed
        self._patterns = [(re.compile(_WORD.sub("[0-9a-f-]{36}", path)), path) for path in schemas.paths]
        self._listings: dict[str, list[Any]] = {}
        self.answers = 0

    def serve(self, request: requests.PreparedRequest) -> Told:
        """Any answer that the file allows; 404 for what it does not name."""
        parts = urlsplit(request.url or "")
        path = next((path for pattern, path in self._patterns if pattern.fullmatch(parts.path)), "")
        schema = self._schemas.response(str(request.method), path, ("200", "201"))
        if schema is None:
            return Told(204 if request.method == "DELETE" else 404, _JSON, b"{}")
        self.answers += 1
        dice = random.Random(f"{self._seed} {request.method} {parts.path}")
        body = self._schemas.value(schema, dice)
        member = next((name for name in _LISTS if isinstance(body, dict) and name in body), None)
        if request.method == "POST":
            body["access_token"] = "a-token-of-some-length"
        elif member is not None:
            self._paged(body, member, schema, parts.path, dict(parse_qsl(parts.query)))
        return Told(200, _JSON, json.dumps(body).encode())

    def _paged(
        self, body: dict[str, Any], member: str, schema: Mapping[str, Any], path: str, query: Mapping[str, str]
    ) -> None:
        rows = self._rows(path, self._schemas.resolved(schema)["properties"][member])
        if "VirtualMachineId" in query:
            rows = [row for row in rows if row.get("id") in _OWNED.get(query["VirtualMachineId"], ())]
        start = int(query.get("skip", query.get("Offset", 0)))
        end = start + int(query.get("limit", query.get("Limit", 10**9)))
        body[member] = rows[start:end]
        if "pagination" in body:
            body["pagination"]["total"] = len(rows)
        else:
            body["totalCount"] = len(rows)

    def _rows(self, path: str, schema: Mapping[str, Any]) -> list[Any]:
        if path not in self._listings:
            dice = random.Random(f"{self._seed} rows of {path}")
            items = self._schemas.resolved(schema)["items"]
            rows = [self._schemas.value(items, dice) for _row in range(dice.choice((0, 1, 3, 8)))]
            ids = dice.sample(range(24), len(rows))
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
