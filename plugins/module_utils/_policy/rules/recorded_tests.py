# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recorded restore tests of one workload, and their effect on the points that were tested."""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Callable, Iterable, Sequence

PASSED, FAILED, UNCLEAR = "passed", "failed", "unclear"


@dataclasses.dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded test. Times are seconds on the server's clock."""

    created: int
    tested_at: int
    result: str
    seconds: int | None
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Tests:
    """The recorded tests of one workload."""

    all: tuple[Recorded, ...] = ()


NO_TESTS = Tests()


def apply_tests(
    tests: Iterable[Recorded],
    times: Sequence[int],
    states: str,
    kinds: str,
    clear: Callable[[int], tuple[bool, bool]],
    own_test: Callable[[int], int | None],
) -> tuple[str, list[int]]:
    """Apply tests to the points that they tested.

    ``states`` are those of restore_tested, ``kinds`` those of recovery_points (T: certainly a recovery point), without
    expiry. ``clear`` returns whether a point was created exactly at its time, and whether it has not expired.
    ``own_test`` returns the time of the test that the product reports. Return the new states, and the times of points
    that passed a test and are no longer listed.
    """
    newest: dict[int, Recorded] = {}
    for test in tests:
        known = newest.get(test.created)
        if test.result != UNCLEAR and (known is None or _order(test) > _order(known)):
            newest[test.created] = test
    changed, removed = list(states), []
    for created, test in sorted(newest.items()):
        first, last = bisect.bisect_left(times, created), bisect.bisect_right(times, created)
        candidates = [index for index in range(first, last) if kinds[index] in "TU"]
        passed = test.result == PASSED
        if not candidates:
            if passed:
                removed.append(created)
            continue
        # Nothing changes if a point already has this result. Otherwise, prefer an unknown point to the other result.
        same, other = ("T", "Ff") if passed else ("Ff", "T")
        if any(changed[index] in same for index in candidates):
            continue
        outdated = {index for index in candidates if _is_outdated(test, own_test(index), changed[index] in "Ff")}
        found = {index: changed[index] for index in candidates if index not in outdated}
        # Outdated candidates in state U count, too, so that no F changes instead of them.
        before = [changed[index] for index in candidates] if passed else list(found.values())
        expected_state = "U" if "U" in before else other
        matching = [index for index, state in found.items() if state in expected_state]
        # Choose the least favorable point: it may not be a recovery point, is newer, or has expired.
        matching.sort(
            key=lambda index: [
                *(one == passed for one in (kinds[index] == "T", *clear(index))),
                passed and own_test(index) is not None,
            ]
        )
        if matching:
            first_match = matching[0]
            is_certain = kinds[first_match] == "T"
            if passed:
                # The test may belong to another candidate, or may be older than the failed test.
                is_undated = changed[first_match] in "Ff" and own_test(first_match) is None
                is_certain = is_certain and not outdated and not is_undated
            changed[first_match] = ("T" if is_certain else "U") if passed else ("F" if is_certain else "f")
    return "".join(changed), removed


def _is_outdated(test: Recorded, own: int | None, has_failed: bool) -> bool:
    """Return whether the product reports a later test of the point, or a failed one of the same time."""
    return own is not None and (own > test.tested_at or (own == test.tested_at and has_failed))


def _order(test: Recorded) -> tuple[int, bool]:
    return (test.tested_at, test.result == FAILED)
