# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the products call the parts of an answer that a fault bends: totals, links, and words from a fixed list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """Members are compared without regard to case; query keys are written as clients write them."""

    # How many items, or pages, the whole listing has; a header where the body is a bare list.
    totals: frozenset[str] = frozenset()
    total_header: str = ""
    # The query keys that say which page, and the one that says how long it may be.
    turn: frozenset[str] = frozenset()
    limit: str = ""
    # Whether clients go from page to page by links.
    linked: bool = False
    # Members whose value is a word from a list that a newer version may lengthen.
    words: frozenset[str] = frozenset()
