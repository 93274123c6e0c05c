# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vProtect: the newest finished restore job of a backup counts."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.unit.plugins.module_utils._adapters.vprotect.reading import read_rows
from tests.unit.plugins.module_utils._adapters.vprotect.test_records import backup

# Milliseconds: 2026-01-01, 2026-03-01, 2026-04-01, and a time in the future.
TAKEN, MARCH, APRIL, FUTURE = 1_767_225_600_000, 1_772_323_200_000, 1_775_001_600_000, 10**13
IN_MARCH, IN_APRIL = "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"
PASSED, UNCLEAR, NONE = (True, IN_MARCH, "restore"), (None, IN_APRIL, "restore"), (None, None, None)
NO_PROOF = "restore jobs without a known status, a backup or a time that has passed, which prove nothing: 1"
FAILED = "backups whose newest restore job did not succeed, so it is unknown whether they can be restored: 1"


def job(status: str | None, time: Any, guid: str | None = "b-1") -> dict[str, Any]:
    """Return a restore job; values that are None are omitted, as by the server."""
    row = {"restoreTime": time, "status": status and {"name": status}, "backup": guid and {"guid": guid}}
    return {name: value for name, value in row.items() if value is not None}


@pytest.mark.parametrize(
    ("jobs", "expected", "warnings"),
    [
        ([], NONE, []),
        ([job("SUCCESS", MARCH)], PASSED, []),
        # A restore may fail because of its target. An older success does not count any more.
        ([job("SUCCESS", MARCH), job("FAILED", APRIL)], UNCLEAR, [FAILED]),
        ([job("FAILED", APRIL)], UNCLEAR, [FAILED]),
        ([job("FAILED", TAKEN), job("SUCCESS", MARCH)], PASSED, []),
        ([job("SUCCESS", APRIL), job("FAILED", APRIL)], UNCLEAR, [FAILED]),
        # Unknown statuses.
        ([job("SUCCESS", MARCH), job("PARTIAL_SUCCESS", APRIL)], UNCLEAR, [f"{NO_PROOF}; {FAILED}"]),
        ([job("SUCCESS", MARCH), job(None, APRIL)], UNCLEAR, [f"{NO_PROOF}; {FAILED}"]),
        ([job("CANCELLED", TAKEN), job("SUCCESS", MARCH)], PASSED, [NO_PROOF]),
        # Jobs that have not finished.
        ([job("SUCCESS", MARCH), job("INPROGRESS", APRIL)], PASSED, []),
        ([job("SUCCESS", MARCH), job("QUEUED", None)], PASSED, []),
        # A failed job without a valid time may be the newest one.
        ([job("SUCCESS", MARCH), job("FAILED", None)], NONE, [f"{NO_PROOF}; {FAILED}"]),
        ([job("SUCCESS", MARCH), job("FAILED", FUTURE)], NONE, [f"{NO_PROOF}; {FAILED}"]),
        # A success without a valid time proves nothing.
        ([job("SUCCESS", MARCH), job("SUCCESS", None)], PASSED, [NO_PROOF]),
        ([job("FAILED", APRIL), job("SUCCESS", FUTURE)], UNCLEAR, [f"{NO_PROOF}; {FAILED}"]),
        # Other backups.
        ([job("SUCCESS", MARCH), job("FAILED", APRIL, "b-2")], PASSED, [FAILED]),
        ([job("SUCCESS", MARCH), job("FAILED", APRIL, None)], PASSED, [NO_PROOF]),
    ],
)
def test_the_newest_finished_job(jobs: list[dict[str, Any]], expected: tuple[Any, ...], warnings: list[str]) -> None:
    for order in itertools.permutations(jobs):
        result = read_rows([backup(snapshotTime=TAKEN, backupTime=TAKEN)], {"/restore-jobs": order})
        (point,) = result.points
        assert (point["restore_tested"], point["tested_at"], point["tested_by"]) == expected
        known = {name for name in ("restore_tested", "tested_at", "tested_by") if point[name] is not None}
        assert {name for name in point["inferred"] if "test" in name} == known
        assert [warning for warning in result.warnings if "restore job" in warning] == warnings
