# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of objects is picked over as json reads it; all else is left to json, which says what is wrong with it."""

from __future__ import annotations

import json

import pytest

from ansible_collections.backup.audit.plugins.module_utils._picking import picked_of


@pytest.mark.parametrize("indent", [None, 1])
def test_each_object_once(indent: int | None) -> None:
    rows = [{"id": number, "name": "ü,]", "more": [{}, []]} for number in range(3)]
    body = json.dumps(rows, indent=indent, ensure_ascii=False).encode() + b"\r\n"
    assert picked_of(body, lambda row: row) == rows
    assert picked_of(body, lambda row: row["id"]) == [0, 1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"[",
        b'{"members": []}',
        b"[{}",
        b"[{},",
        b"[{},]",
        b"[{}] {}",
        b"[{}{}]",
        b"[{}, 1]",
        b"[{}]]",
        b'[{"a": }]',
        b"\xef\xbb\xbf[{}]",
        b'[{"a": "\xff"}]',
        "[{}]".encode("utf-16"),
        b"[" * 200_000,
        b'[{"a": ' + b"9" * 5000 + b"}]",
    ],
)
def test_what_is_no_plain_list_of_objects(body: bytes) -> None:
    assert picked_of(body, lambda row: row) is None
