# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates responses with a vendor's Swagger 2.0 file, strict about types, members and formats."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import yaml

# Times with a zone, as the format requires.
_TIME = re.compile(r"\d{4}-(0\d|1[0-2])-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)")

_formats = jsonschema.FormatChecker(())
_formats.checks("date-time")(lambda value: not isinstance(value, str) or _TIME.fullmatch(value) is not None)
_formats.checks("uuid", raises=ValueError)(lambda value: not isinstance(value, str) or str(UUID(value)) == value)
_formats.checks("int32")(lambda value: not isinstance(value, int) or -(2**31) <= value < 2**31)


def _forbid_other_members(node: Any) -> Any:
    """Forbid members that the file does not list, for all objects whose members it lists."""
    if isinstance(node, list):
        return [_forbid_other_members(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _forbid_other_members(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and "additionalProperties" not in node:
        closed["additionalProperties"] = False
    return closed


class Swagger:
    def __init__(self, path: Path) -> None:
        document = yaml.safe_load(path.read_text("utf-8"))
        self.paths: dict[str, Any] = document["paths"]
        self._definitions = _forbid_other_members(document["definitions"])

    def problems(self, method: str, path: str, status: int, response: Any) -> list[str]:
        schema = self.paths[path][method.lower()]["responses"][str(status)]["schema"]
        # exclusiveMaximum is a flag in the files, as in Draft 4
        validator = jsonschema.Draft4Validator({**schema, "definitions": self._definitions}, format_checker=_formats)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(response)]
