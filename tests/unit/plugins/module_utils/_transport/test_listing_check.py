# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.backup.audit.plugins.module_utils._transport import listing_check
from ansible_collections.backup.audit.plugins.module_utils._transport.listing_check import Ledger


def test_what_was_counted_is_not_counted_again_until_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    walks = []
    count = listing_check.distinct

    def walk(hashes: Sequence[int]) -> int:
        walks.append(len(hashes))
        return count(hashes)

    monkeypatch.setattr(listing_check, "distinct", walk)
    ledger: Ledger[int] = Ledger(int)
    ledger.fresh([1, 2, 3])
    assert (ledger.count(), ledger.repeated(), ledger.holds(3)) == (3, False, True)
    assert walks == [3]
    ledger.fresh([3, 4])
    assert (ledger.repeated(), ledger.count()) == (True, 4)
    assert walks == [3, 5]
    ledger.begin()
    assert not ledger.repeated()
    ledger.fresh([4, 4])
    assert (ledger.repeated(), ledger.count()) == (True, 4)


def test_an_item_is_met_where_the_last_page_begins_and_nowhere_before() -> None:
    ledger: Ledger[int] = Ledger(int)
    ledger.fresh([1, 2, 3, 4])
    assert ledger.met(3, 2)
    assert not ledger.met(3, 3)
    assert not ledger.met(5, 2)
    ledger.fresh([3])
    assert not ledger.met(3, 4)
