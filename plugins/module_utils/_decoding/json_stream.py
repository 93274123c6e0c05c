# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts of a long list in a JSON answer, picked out of each object before the next one is decoded."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Callable, Iterator

Picked = t.TypeVar("Picked")

# What stands in the answer where the list was.
PICKED = ["the objects that were here were picked over one by one"]
# What JSON takes for white space.
_BLANKS = " \t\n\r"
_OPENING = re.compile(rf"\[[{_BLANKS}]*(?={{)").search
_COMMA = re.compile(f"[{_BLANKS}]*,[{_BLANKS}]*").match
_CLOSING = re.compile(rf"[{_BLANKS}]*\]").match


def pick_objects(body: bytes, pick: Callable[[Iterator[dict[str, t.Any]]], Picked]) -> tuple[Picked, t.Any] | None:
    """What ``pick`` makes of the objects of the first list of objects, and the answer with PICKED where that list was.

    None where there is no such list, or anything but objects in it, and for what is no JSON: for the caller to read as
    a whole, or to say what is wrong with it. ``pick`` may raise a ValueError to have that, too.

    All objects use the same memory one after the other, which the processor then has at hand: with large ones
    decoding, picking and letting go take half to two thirds of the time that they take page by page.
    """
    try:
        text = body.decode("utf-8-sig")
        opening = _OPENING(text)
        if opening is None or not _is_outside_of_texts(text, opening.start()):
            return None
        objects = _Objects(text, opening.end())
        picked = pick(iter(objects))
        closing = _CLOSING(text, objects.end)
        if closing is None:
            return None
        return picked, json.loads(text[: opening.start()] + json.dumps(PICKED) + text[closing.end() :])
    except (ValueError, RecursionError):
        return None


def _is_outside_of_texts(text: str, end: int) -> bool:
    return text.count('"', 0, end) % 2 == 0 and text.find("\\", 0, end) < 0


class _Objects:
    """The objects of a list; ``end`` is where the last one that was given ends."""

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
