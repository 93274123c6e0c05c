# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.backup.audit.plugins.module_utils._transport import listing_check
from ansible_collections.backup.audit.plugins.module_utils._transport.listing_check import ListingCheck


def test_what_was_counted_is_not_counted_again_until_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = []
    count = listing_check.count_distinct

    def walk(hashes: Sequence[int]) -> int:
        walks.append(len(hashes))
        return count(hashes)

    monkeypatch.setattr(listing_check, "count_distinct", walk)
    ledger: ListingCheck[int] = ListingCheck(int)
    ledger.new_items([1, 2, 3])
    assert (ledger.count(), ledger.has_repeats(), ledger.holds(3)) == (3, False, True)
    assert walks == [3]
    ledger.new_items([3, 4])
    assert (ledger.has_repeats(), ledger.count()) == (True, 4)
    assert walks == [3, 5]
    ledger.begin()
    assert not ledger.has_repeats()
    ledger.new_items([4, 4])
    assert (ledger.has_repeats(), ledger.count()) == (True, 4)


def test_an_item_is_met_where_the_last_page_begins_and_nowhere_before() -> None:
    ledger: ListingCheck[int] = ListingCheck(int)
    ledger.new_items([1, 2, 3, 4])
    assert ledger.contains(3, 2)
    assert not ledger.contains(3, 3)
    assert not ledger.contains(5, 2)
    ledger.new_items([3])
    assert not ledger.contains(3, 4)
