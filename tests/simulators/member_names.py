# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The products' names for the parts of a response that faults change: totals, links, and enumerations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MemberNames:
    """Field names are compared case-insensitively; query keys are spelled as clients send them."""

    # The total number of items, or pages, of a listing; a header if the body is a bare list.
    totals: frozenset[str] = frozenset()
    total_header: str = ""
    # The query keys that select the page, and the one that limits its length.
    page_keys: frozenset[str] = frozenset()
    limit_key: str = ""
    # Whether clients follow links between pages.
    uses_links: bool = False
    # Fields whose value is an enumeration that a newer version may extend.
    enum_members: frozenset[str] = frozenset()
