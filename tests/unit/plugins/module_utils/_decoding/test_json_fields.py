# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
    get_items,
    remove_secrets,
)

ANYTHING: list[Any] = [None, True, False, 0, 1, -1, 1.5, "", "x", [], [1], {}, {"a": 1}]


@pytest.mark.parametrize("value", ANYTHING)
def test_objects_and_lists_of_another_type_are_empty(value: Any) -> None:
    assert as_object(value) == (value if isinstance(value, dict) else {})
    assert as_list(value) == (value if isinstance(value, list) else [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("db01", "db01"),
        ("", None),
        (42, "42"),
        (0, "0"),
        (-1, "-1"),
        (True, None),
        (1.5, None),
        (None, None),
        (["db01"], None),
    ],
)
def test_text(value: Any, expected: str | None) -> None:
    assert as_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        (0, 0),
        ("7", 7),
        (" 7 ", 7),
        ("007", 7),
        (7.0, 7),
        (2**63 - 1, 2**63 - 1),
        (str(2**63 - 1), 2**63 - 1),
        (-1, None),
        ("-1", None),
        ("+7", None),
        ("7.0", None),
        ("7_0", None),
        ("0x7", None),
        ("\u0667", None),
        ("²", None),
        ("", None),
        (7.5, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e30, None),
        (2**63, None),
        (str(2**63), None),
        ("9" * 5000, None),
        (True, None),
        (False, None),
        (None, None),
        ([7], None),
    ],
)
def test_integers(value: Any, expected: int | None) -> None:
    assert as_int(value) == expected


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_numbers_fit_into_64_bits(value: Any) -> None:
    number = as_int(value)
    if number is not None:
        assert array("q", [number])[0] == number >= 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("FALSE", False),
        (1, None),
        (0, None),
        ("yes", None),
        ("", None),
        (None, None),
    ],
)
def test_booleans_are_not_guessed(value: Any, expected: bool | None) -> None:
    assert as_bool(value) is expected


def test_the_main_list_of_a_response() -> None:
    assert get_items({"items": []}, "items", "GET /api", "backup.example") == []
    others: list[dict[str, Any]] = [{}, {"items": None}, {"items": {}}, {"other": [1]}]
    for answer in others:
        with pytest.raises(InvalidResponseError, match="has no list 'items'") as raised:
            get_items(answer, "items", "GET /api", "backup.example")
        assert (raised.value.server, raised.value.request) == ("backup.example", "GET /api")


def test_fields_that_look_like_secrets_are_omitted_at_every_depth() -> None:
    record = {
        "id": 7,
        "sessionId": 1,
        "api-key": "x",
        "Access_Token": "x",
        "nested": [{"userPassword": "x", "name": "db01", "credentials": {"name": "x"}}],
        "links": {"self": "/api/7", "clientSecret": "x"},
    }
    assert remove_secrets(record) == {"id": 7, "nested": [{"name": "db01"}], "links": {"self": "/api/7"}}
    assert record["sessionId"] == 1


@pytest.mark.parametrize(
    ("record", "left"),
    [
        ({"name": "storage_password", "value": "hidden", "id": 1}, {"name": "storage_password", "id": 1}),
        ({"Key": "AccessKey", "Value": "hidden"}, {"Key": "AccessKey"}),
        ({"name": "retries", "value": 3}, {"name": "retries", "value": 3}),
        ("https://x/disk?sv=1&sig=hidden&se=2", "https://x/disk?sv=1&sig=********&se=2"),
        ({"url": "https://x/?X-Amz-Signature=hidden"}, {"url": "https://x/?X-Amz-Signature=********"}),
        (["AccountName=a;AccountKey=hidden==;Suffix=b"], ["AccountName=a;AccountKey=********;Suffix=b"]),
        ({"accountConnectionString": "hidden", "private_key": "hidden"}, {}),
        ("a design=good one, passkey none", "a design=good one, passkey none"),
    ],
)
def test_secrets_in_other_places_are_removed(record: Any, left: Any) -> None:
    assert remove_secrets(record) == left
