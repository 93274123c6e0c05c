# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.backup.audit.plugins.module_utils._transport import listing_check
from ansible_collections.backup.audit.plugins.module_utils._transport.listing_check import ListingCheck


def test_items_are_counted_again_only_after_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    count = listing_check.count_distinct

    def count_pass(hashes: Sequence[int]) -> int:
        passes.append(len(hashes))
        return count(hashes)

    monkeypatch.setattr(listing_check, "count_distinct", count_pass)
    check: ListingCheck[int] = ListingCheck(int)
    check.new_items([1, 2, 3])
    assert (check.count(), check.has_repeats(), check.is_complete(3)) == (3, False, True)
    assert passes == [3]
    check.new_items([3, 4])
    assert (check.has_repeats(), check.count()) == (True, 4)
    assert passes == [3, 5]
    check.begin_pass()
    assert not check.has_repeats()
    check.new_items([4, 4])
    assert (check.has_repeats(), check.count()) == (True, 4)


def test_contains_checks_items_from_the_start_of_the_last_page() -> None:
    check: ListingCheck[int] = ListingCheck(int)
    check.new_items([1, 2, 3, 4])
    assert check.contains(3, 2)
    assert not check.contains(3, 3)
    assert not check.contains(5, 2)
    check.new_items([3])
    assert not check.contains(3, 4)
