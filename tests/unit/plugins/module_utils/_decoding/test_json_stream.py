# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pick_objects decodes a list of objects like json. Other input is passed to json, which reports the error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._decoding.json_stream import PICKED, pick_objects


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_each_object_once(indent: int | None, mark: bytes) -> None:
    rows = [{"id": number, "name": "ü,]", "more": [{}, []]} for number in range(3)]
    body = mark + json.dumps(rows, indent=indent, ensure_ascii=False).encode() + b"\r\n"
    assert pick_objects(body, list) == (rows, PICKED)
    assert pick_objects(body, lambda objects: [row["id"] for row in objects]) == ([0, 1, 2], PICKED)


def test_the_rest_of_the_document_is_returned() -> None:
    document = {"total": 2, "none": [], "in": {"rows": [{"id": 1}, {"id": 2}]}, "links": [{"a": [{}]}], "more": "ü"}
    result = pick_objects(json.dumps(document).encode(), list)
    assert result == ([{"id": 1}, {"id": 2}], {**document, "in": {"rows": PICKED}})


def test_objects_are_released_before_the_next_is_decoded() -> None:
    seen = []

    def pick(objects: Iterator[dict[str, Any]]) -> None:
        for row in objects:
            seen.append(row["id"])
            if len(seen) == 2:
                raise ValueError("the rest is not wanted")

    assert pick_objects(b'[{"id": 1}, {"id": 2}, broken', pick) is None
    assert seen == [1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"[",
        b'{"members": []}',
        b'{"members": [1]}',
        b'{"text": "[{}]", "members": []}',
        b'{"text": "\\"", "members": [{}]}',
        b"[{}",
        b"[{},",
        b"[{},]",
        b"[{}] {}",
        b"[{}{}]",
        b"[{}, 1]",
        b"[{}]]",
        b'{"members": [{}]',
        b'{"members": [{}], "a": }',
        b'[{"a": }]',
        b'[{"a": "\xff"}]',
        "[{}]".encode("utf-16"),
        b"[" * 200_000 + b"{",
        b'[{"a": ' * 200_000,
        b'[{"a": ' + b"9" * 5000 + b"}]",
    ],
)
def test_other_documents_are_left_to_json(body: bytes) -> None:
    assert pick_objects(body, list) is None
