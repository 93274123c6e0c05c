# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a merged point is if its source may not be restorable."""

from __future__ import annotations

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.copies import merge_copies
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload


@pytest.mark.parametrize(
    ("source_is_usable", "copy_is_usable", "expected"),
    [
        (True, True, (True, "full", "Gold", 50)),
        (True, None, (True, "full", "Gold", 50)),
        # Kind, job and size of the source are not those of the copy that can be restored.
        (None, True, (True, "backup", None, None)),
        (False, True, (True, "backup", None, None)),
        (None, None, (None, "full", "Gold", 50)),
    ],
)
def test_a_source_that_may_not_be_usable_does_not_describe_its_copy(
    source_is_usable: bool | None, copy_is_usable: bool | None, expected: tuple[object, ...]
) -> None:
    def point(ident: str, kind: str, role: str, usable: bool | None, job: str, size: int) -> RecoveryPoint:
        return RecoveryPoint(
            id=ident,
            workload=Workload(id="1"),
            created=1000,
            kind=kind,
            usable=usable,
            size_bytes=size,
            copies=[Copy(location=ident, role=role)],
            job=job,
        )

    (one,) = merge_copies(
        [
            point("2", "full", "primary", source_is_usable, "Gold", 50),
            point("1", "incremental", "copy", copy_is_usable, "Copy", 5),
        ]
    )
    assert (one.usable, one.kind, one.job, one.size_bytes) == expected
    assert one.id == "2"
    # Locations of copies that may not be usable count only if there is no other.
    usable = [ident for ident, is_usable in (("2", source_is_usable), ("1", copy_is_usable)) if is_usable]
    assert [copy.location for copy in one.copies or ()] == (usable or ["2", "1"])
