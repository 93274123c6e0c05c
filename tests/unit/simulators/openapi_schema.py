# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates responses with the vendor's OpenAPI 3.0 file: schemas as JSON Schema, strict about types and members."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)")


def _is_time(value: object) -> bool:
    if isinstance(value, str):
        datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - only its validity counts
        return _TIME.fullmatch(value) is not None
    return True


def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(UUID(value)) == value.lower()


def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


_checker = jsonschema.FormatChecker(())
for _name, _check in {"date-time": _is_time, "uuid": _is_uuid, "int32": _is_int32}.items():
    _checker.checks(_name, raises=ValueError)(_check)


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 has `nullable`; JSON Schema lists null in types and values."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _as_json_schema(value) for key, value in node.items()}
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        schema["type"] = [node["type"], "null"]
        if "enum" in node:
            schema["enum"] = [*node["enum"], None]
    return schema


class Specification:
    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text("utf-8"))
        self.paths: dict[str, Any] = document["paths"]
        self._components = _as_json_schema(document["components"])

    def schema(self, method: str, path: str, status: int) -> dict[str, Any]:
        response = self.paths[path][method.lower()]["responses"][str(status)]
        (content,) = response["content"].values()
        return {**_as_json_schema(content["schema"]), "components": self._components}

    def problems(self, method: str, path: str, status: int, response: Any) -> list[str]:
        validator = jsonschema.Draft202012Validator(self.schema(method, path, status), format_checker=_checker)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(response)]
