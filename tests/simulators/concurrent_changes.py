# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of points that change while their pages are read: points are added, removed, or both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")

# Number of points that are added or removed in each list.
CHANGED_POINTS = 3
_PAGING = {"offset", "limit", "skip", "page", "size", "pagesize", "pagestartindex", "maxresults", "nexttoken"}
_MODES = ("add", "remove", "swap")


class ConcurrentChanges:
    """Applies the variant `drift`, such as remove@3: from the third request for a list on, its first points are
    missing. add: they are missing until then; swap: the first ones are removed and as many are added at the end.
    If a path follows, only that list changes.
    """

    def __init__(self) -> None:
        self._requests: Counter[object] = Counter()
        # The records of all points that were added or removed.
        self.changed_records: dict[object, list[str]] = {}

    def clear(self) -> None:
        self._requests.clear()
        self.changed_records.clear()

    def apply(
        self,
        setting: str,
        path: str,
        query: Sequence[tuple[str, str]],
        items: Sequence[Item],
        text: Callable[[Item], str | bytes],
    ) -> Sequence[Item]:
        """Return the list in its state for this request."""
        setting, _blank, only_path = setting.partition(" ")
        if not setting or len(items) <= 3 * CHANGED_POINTS or (only_path and only_path != path):
            return items
        mode, _ignored, number = setting.partition("@")
        if mode not in _MODES or not number.isdecimal():
            raise ValueError(f"drift: {setting!r} is not one of {', '.join(_MODES)} with @ and the number of a request")
        key = (path, *sorted(pair for pair in query if pair[0].lower() not in _PAGING))
        self._requests[key] += 1
        changed = self._requests[key] >= int(number)
        if (changed or mode != "remove") and key not in self.changed_records:
            parts = [items[:CHANGED_POINTS], items[-CHANGED_POINTS:]] if mode == "swap" else [items[:CHANGED_POINTS]]
            texts = [text(item) for part in parts for item in part]
            self.changed_records[key] = [one.decode() if isinstance(one, bytes) else one for one in texts]
        if mode == "add":
            return items if changed else items[CHANGED_POINTS:]
        if mode == "remove":
            return items[CHANGED_POINTS:] if changed else items
        return items[CHANGED_POINTS:] if changed else items[:-CHANGED_POINTS]
