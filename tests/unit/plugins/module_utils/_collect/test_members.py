# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages about fields of a read result that have the wrong type."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._collect.members import Members
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError


@pytest.mark.parametrize(
    ("value", "minimum", "message"),
    [
        ([1, "2"], None, "not a list of whole numbers"),
        ([1, True], None, "not a list of whole numbers"),
        ([1, -1], 0, "not a list of whole numbers of at least 0"),
        ([1.5], 0, "not a list of whole numbers of at least 0"),
    ],
)
def test_list_of_numbers_is_rejected(value: list[Any], minimum: int | None, message: str) -> None:
    with pytest.raises(DataError) as caught:
        Members({"sizes": value}, "results[0]").numbers("sizes", minimum)
    assert str(caught.value).partition(". ")[0].endswith(message)


@pytest.mark.parametrize(("value", "minimum"), [([], 0), ([0, 5], 0), ([-1], None)])
def test_list_of_numbers_is_accepted(value: list[int], minimum: int | None) -> None:
    assert Members({"sizes": value}, "results[0]").numbers("sizes", minimum) == value
