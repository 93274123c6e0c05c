# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are masked in every encoding in which a server may echo them."""

from __future__ import annotations

import html
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core.redaction import MASK, Secrets, find_secrets
from tests.unit.plugins.module_utils._core.secret_encodings import SPELLINGS

# Each has a character that a different quoting method changes.
PASSWORDS = ["c0rrect-horse", 'qu"ote & <angle>', "back\\slash %41", "pässwörd ÿþý~~~", "line\nbreak-of-lines"]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("password", PASSWORDS)
def test_a_secret_is_masked_in_every_encoding(password: str, spelling: str) -> None:
    secrets = Secrets()
    secrets.add(password)
    echo = SPELLINGS[spelling](password)
    shown = secrets.scrub(f"no user with {echo}.")
    assert MASK in shown
    for known in secrets.texts:
        assert known not in shown


@given(st.text(min_size=8, max_size=40))
def test_no_part_of_a_secret_remains(password: str) -> None:
    secrets = Secrets()
    secrets.add(password)
    for spelling in (quote, quote_plus, json.dumps, html.escape, repr):
        echo = spelling(password)
        assert password not in secrets.scrub(f"<{echo}>").replace(MASK, "")


def test_a_short_secret_masks_only_complete_values() -> None:
    secrets = Secrets()
    secrets.add("abc")
    assert secrets.scrub("YWJj") == MASK
    secrets = Secrets()
    secrets.add("a")
    assert secrets.scrub("YQ== YQ") == f"{MASK} YQ"


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, set()),
        ({"password": None, "url": None, "proxy": ""}, set()),
        ({"password": "p", "url": "https://backup.example:443"}, {"p"}),
        ({"url": "https://auditor:s3cret@backup.example"}, {"s3cret"}),
        ({"url": "auditor:s3cret@backup.example"}, {"s3cret"}),
        ({"proxy": "http://user:a%2Fb@proxy:3128"}, {"a%2Fb", "a/b"}),
        ({"proxy": "http://user:a:b@c@proxy:3128"}, {"a:b@c"}),
        ({"proxy": "http://user@proxy:3128"}, set()),
    ],
)
def test_secrets_in_all_options_are_found(params: dict[str, Any], found: set[str]) -> None:
    assert set(find_secrets(params)) == found
