# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sanitizing of untrusted text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.plugin_utils._sanitize import clean, clean_text, is_clean


@pytest.mark.parametrize(
    "text",
    [
        "web01",
        "B\u00fcro \u5099\u4efd \U0001f4be",
        "\u05d2\u05d9\u05d1\u05d5\u05d9",
        "a\u200db",
        "<b>&'\"",
        "\u00a0x",
        "",
    ],
)
def test_visible_characters_are_kept(text: str) -> None:
    """Letters of all scripts, emoji and their joiners are unchanged."""
    assert clean_text(text) == text


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x85", "\u2028", "\u202e", "\u2066", "\ud800", "\uffff"])
def test_harmful_characters_are_replaced_visibly(character: str) -> None:
    """The reader sees that a character was replaced."""
    assert clean_text(f"a{character}b") == "a\ufffdb"


@given(st.text(st.characters(codec=None)))
def test_sanitized_text_can_be_encoded(text: str) -> None:
    """The result is always one line of valid UTF-8, and sanitizing it again changes nothing."""
    result = clean_text(text)
    assert result.encode().decode() == result
    assert len(result.splitlines()) <= 1
    assert len(result) == len(text)
    assert clean_text(result) == result


def test_names_of_keys_are_sanitized() -> None:
    """A policy may contain anything at any depth."""
    assert clean({"a\0": [{"b": ("c\n", 1, None, True)}]}) == {"a\ufffd": [{"b": ["c\ufffd", 1, None, True]}]}


def test_only_clean_records_are_reported_as_clean() -> None:
    """Only text and None can be clean."""
    assert is_clean({"a": "b", "c": None, "d": "\0"}, ("a", "c"))
    assert not is_clean({"a": "b\0"}, ("a",))
    assert not is_clean({"a": ["b"]}, ("a",))
