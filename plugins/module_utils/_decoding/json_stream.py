# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decode a long list in a JSON response object by object, to keep only the required fields of each object."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Callable, Iterator

Picked = t.TypeVar("Picked")

# Replaces the list in the returned document.
PICKED = ["these objects were decoded one by one"]
# Characters that JSON treats as white space.
_WHITESPACE = " \t\n\r"
_OPENING = re.compile(rf"\[[{_WHITESPACE}]*(?={{)").search
_COMMA = re.compile(f"[{_WHITESPACE}]*,[{_WHITESPACE}]*").match
_CLOSING = re.compile(rf"[{_WHITESPACE}]*\]").match


def pick_objects(body: bytes, pick: Callable[[Iterator[dict[str, t.Any]]], Picked]) -> tuple[Picked, t.Any] | None:
    """Return the result of ``pick`` for the first list of objects, and the document with PICKED instead of that list.

    Return None if there is no such list, if it contains anything but objects, or if the body is not valid JSON. The
    caller then decodes the complete body, or reports the error. ``pick`` may raise ValueError for the same effect.

    All objects use the same memory one after the other, which stays in the CPU cache. For large objects, this takes
    half to two thirds of the time of decoding complete pages.
    """
    try:
        text = body.decode("utf-8-sig")
        opening = _OPENING(text)
        if opening is None or not _is_outside_strings(text, opening.start()):
            return None
        objects = _Objects(text, opening.end())
        picked = pick(iter(objects))
        closing = _CLOSING(text, objects.end)
        if closing is None:
            return None
        return picked, json.loads(text[: opening.start()] + json.dumps(PICKED) + text[closing.end() :])
    except (ValueError, RecursionError):
        return None


def _is_outside_strings(text: str, end: int) -> bool:
    return text.count('"', 0, end) % 2 == 0 and text.find("\\", 0, end) < 0


class _Objects:
    """Iterates over the objects of a list; ``end`` is the position after the last object that was returned."""

    def __init__(self, text: str, start: int) -> None:
        self.end = start
        self._text = text

    def __iter__(self) -> Iterator[dict[str, t.Any]]:
        decode, text, start = json.JSONDecoder().raw_decode, self._text, self.end
        while True:
            value, self.end = decode(text, start)
            if not isinstance(value, dict):
                raise ValueError("not an object")
            yield value
            comma = _COMMA(text, self.end)
            if comma is None:
                return
            start = comma.end()
