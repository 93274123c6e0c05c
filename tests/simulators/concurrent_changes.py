# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of points that change while their pages are read: points come, points go, or both at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")

# How many points come or go in each list.
MOVED = 3
_PAGING = {"offset", "limit", "skip", "page", "size", "pagesize", "pagestartindex"}
_HOWS = ("add", "remove", "swap")


class Drift:
    """What the variant `drift` orders, such as remove@3: from the third request for a list on, its first points are
    gone. add: until then they are not there yet; swap: the first ones go and as many come at the end. With a
    path behind it, only that list moves.
    """

    def __init__(self) -> None:
        self._asked: Counter[object] = Counter()
        # The records of all points that came or went.
        self.moved: dict[object, list[str]] = {}

    def forget(self) -> None:
        self._asked.clear()
        self.moved.clear()

    def of(
        self,
        order: str,
        path: str,
        query: Sequence[tuple[str, str]],
        items: Sequence[Item],
        text: Callable[[Item], str | bytes],
    ) -> Sequence[Item]:
        """The list as it is for this request."""
        order, _blank, only = order.partition(" ")
        if not order or len(items) <= 3 * MOVED or (only and only != path):
            return items
        how, _ignored, number = order.partition("@")
        if how not in _HOWS or not number.isdecimal():
            raise ValueError(f"drift: {order!r} is not one of {', '.join(_HOWS)} with @ and the number of a request")
        key = (path, *sorted(pair for pair in query if pair[0].lower() not in _PAGING))
        self._asked[key] += 1
        changed = self._asked[key] >= int(number)
        if (changed or how != "remove") and key not in self.moved:
            parts = [items[:MOVED], items[-MOVED:]] if how == "swap" else [items[:MOVED]]
            told = [text(item) for part in parts for item in part]
            self.moved[key] = [one.decode() if isinstance(one, bytes) else one for one in told]
        if how == "add":
            return items if changed else items[MOVED:]
        if how == "remove":
            return items[MOVED:] if changed else items
        return items[MOVED:] if changed else items[:-MOVED]
