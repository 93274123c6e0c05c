# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""integrity_checked.max_age: the age of the check, not of the point."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR
from tests.unit.plugins.module_utils._policy.policy_points import ago, moment, point
from tests.unit.plugins.module_utils._policy.rules.cases import check, get_result, undated


def _checked(*hours: float | None, fact: bool | None = True, **facts: Any) -> list[RecoveryPoint]:
    """Build old points that were checked that many hours ago; None means an unknown time."""
    ends = [None if hour is None else moment(hours=hour) for hour in hours]
    return [point(days=200, integrity_checked=fact, checked_at=end, **facts) for end in ends]


def _checked_early(seconds: int, **facts: Any) -> RecoveryPoint:
    """Build a point that is a day old and was checked that many seconds before its creation."""
    return point(days=1, integrity_checked=True, checked_at=moment(days=1, seconds=seconds), **facts)


class TestCheckedMaxAge:
    @pytest.mark.parametrize(
        ("points", "expected", "message"),
        [
            (_checked(48, 90), "pass", "newest integrity check is 2d old (maximum 48h)"),
            (_checked(49, 90), "fail", "newest integrity check is 2d 1h old (maximum 48h)"),
            (_checked(None), "unknown", "check date not reported"),
            (_checked(49, None), "unknown", "check date not reported"),
            (_checked(48, None), "pass", "is 2d old"),
            (_checked(1, fact=False), "fail", "no integrity checks (newest must be at most 48h old)"),
            (_checked(None, fact=None), "unknown", "integrity check result unknown for 1 recovery point"),
            (_checked(48, usable=None), "unknown", "for 1 recovery point"),
            (_checked(49, usable=None), "fail", "no integrity checks"),
            (_checked(1, usable=False), "fail", "no integrity checks"),
            (_checked(1, kind="snapshot"), "fail", "no integrity checks"),
            ([*_checked(49), *undated(integrity_checked=True)], "unknown", "for 1 recovery point"),
            # A check up to 300 seconds after as_of counts.
            (_checked(-0.083), "pass", "is 0s old"),
            (_checked(-0.084), "unknown", "check date not reported"),
            # One that is more than 300 seconds earlier than its point does not.
            ([_checked_early(300)], "pass", "integrity check is 1d"),
            ([_checked_early(301)], "unknown", "check date not reported"),
            ([_checked_early(9 * DAY)], "unknown", "check date not reported"),
            ([_checked_early(301, usable=None)], "unknown", "for 1 recovery point"),
            ([_checked_early(301), *_checked(1)], "pass", "is 1h old"),
            ([], "fail", "no integrity checks"),
        ],
    )
    def test_cases(self, points: list[RecoveryPoint], expected: str, message: str) -> None:
        check(points, {"integrity_checked": {"max_age": "48h"}}, expected, message)

    def test_settings(self) -> None:
        rule = {"integrity_checked": {"max_age": {"limit": "48h", "warn_at": "50%"}}}
        assert [get_result(_checked(hour), rule) for hour in (24, 25)] == ["pass", "warn"]
        assert get_result(_checked(49), rule, since=ago(days=300)) == "unknown"
        assert get_result(_checked(49), rule, until=ago(seconds=1)) == "unknown"
        assert get_result(_checked(40), rule, later=8 * HOUR) == "warn"
        assert get_result(_checked(40), rule, later=8 * HOUR + 1) == "fail"
        refused = _checked(1, inferred=("integrity_checked",))
        assert get_result(refused, rule) == "unknown"
        assert get_result(refused, {**rule, "accept": ["inferred"]}) == "pass"
