# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Combined rows if one of them is incomplete, too old, or from a server with a wrong clock."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    NOW,
    SEVEN,
    ago,
    evaluate,
    moment,
    nightly,
    point,
    read,
    row,
)
from tests.unit.plugins.module_utils._policy.test_combine import ADDED, BY_NAME, ONE, both, encrypted, outcome

INCOMPLETE: dict[str, Any] = {"complete": False}
# Two hours more than max_data_age.
OLD: dict[str, Any] = {"read_at": ago(hours=26)}
TESTED: dict[str, Any] = {"restore_tested": {"max_age": "7d"}}


class TestIncompleteAndOld:
    def test_points_of_an_incomplete_read_result_still_exist(self) -> None:
        results = both(nightly(3), nightly(30), members=INCOMPLETE)
        assert outcome(results, SEVEN) == ("pass", 30)
        assert outcome(results, {"recovery_points": {"daily": 30}}) == ("pass", 30)
        assert not evaluate(list(results), SEVEN, combine=BY_NAME).compliant

    def test_a_pass_for_every_row_is_unknown_if_one_is_incomplete(self) -> None:
        results = both(encrypted(True), encrypted(True), members=INCOMPLETE)
        assert outcome(results, {"encrypted": {"all": True}})[0] == "unknown"
        assert outcome(results, {"recovery_points": {"max_count": 9}})[0] == "unknown"
        bad = both(encrypted(True), encrypted(False), members=INCOMPLETE)
        assert outcome(bad, {"encrypted": {"all": True}})[0] == "fail"

    def test_an_incomplete_read_result_may_lack_an_older_point(self) -> None:
        results = both(nightly(3), nightly(3), members=INCOMPLETE)
        assert outcome(results, {"recovery_points": {"max_retention": "9d"}})[0] == "unknown"
        assert outcome(results, {"recovery_points": {"max_retention": "1d"}})[0] == "fail"

    def test_an_incomplete_read_result_may_lack_the_point_before_a_gap(self) -> None:
        """Without ``within``, an older point adds a gap."""
        for members, result in ((None, "pass"), (INCOMPLETE, "unknown")):
            results = both(nightly(3), nightly(3), members=members)
            assert outcome(results, {"recovery_points": {"max_gap": "24h"}})[0] == result
            assert outcome(results, {"recovery_points": {"max_gap": "23h"}})[0] == "fail"
            # More points in a window only shorten its gaps.
            within = {"limit": "24h", "within": "3d"}
            assert outcome(results, {"recovery_points": {"max_gap": within}})[0] == "pass"

    def test_an_incomplete_read_result_may_lack_a_newer_test(self) -> None:
        tested = [point(days=3, restore_tested=True, tested_at=moment(days=2))]
        for members, result in ((None, "pass"), (INCOMPLETE, "unknown")):
            assert outcome(both(tested, ONE, members=members), TESTED)[0] == result

    def test_an_old_read_result_does_not_prove_a_failure(self) -> None:
        """Its points may have been removed in the meantime."""
        results = both(encrypted(True), [point(days=2, encrypted=False)], members=OLD)
        assert outcome(results, {"encrypted": {"all": True}})[0] == "unknown"
        results = both(nightly(1), [point(days=2 + day) for day in range(5)], members=OLD)
        assert outcome(results, {"recovery_points": {"max_count": 4}})[0] == "unknown"

    @pytest.mark.parametrize(
        ("rules", "result", "actual"),
        [
            ({"max_age": "35h"}, "unknown", 40 * HOUR),
            ({"max_age": "29h"}, "fail", 40 * HOUR),
            ({"min_count": 3}, "pass", 3),
            ({"min_count": 4}, "unknown", 3),
            ({"min_count": 31}, "fail", 3),
            ({"min_count": {"limit": 4, "within": "9d"}}, "unknown", 3),
            ({"max_retention": "9d"}, "unknown", 4 * DAY),
        ],
    )
    def test_points_of_an_old_read_result_may_exist(self, rules: dict[str, Any], result: str, actual: int) -> None:
        first = [point(days=days) for days in (4, 3)] + [point(hours=40)]
        second = [point(days=day, hours=30) for day in range(30)]
        assert outcome(both(first, second, members=OLD), {"recovery_points": rules}) == (result, actual)

    def test_counts_of_an_old_read_result_are_not_added(self) -> None:
        results = both(nightly(3), [point(days=day, hours=30) for day in range(9)], members=OLD)
        for limit, result in ((3, "pass"), (4, "unknown"), (12, "unknown"), (13, "fail")):
            assert outcome(results, {"recovery_points": {"min_count": limit}}, ADDED) == (result, 3)

    def test_a_pass_for_every_row_is_unknown_if_one_is_old(self) -> None:
        results = both(encrypted(True), [point(days=2, encrypted=True)], members=OLD)
        assert outcome(results, {"encrypted": {"all": True}})[0] == "unknown"


def with_clock(seconds: int, **members: Any) -> dict[str, Any]:
    return {"server": {"clock_skew_seconds": seconds}, **members}


class TestClocks:
    @pytest.mark.parametrize("skew", [200, -300, 300])
    def test_times_are_converted_to_a_common_clock(self, skew: int) -> None:
        """A point that spp1 dates an hour ago on its own clock is an hour old."""
        results = both([point(days=2)], [point(hours=1, seconds=-skew)], members=with_clock(skew))
        assert outcome(results, {"recovery_points": {"max_age": "1h"}}) == ("pass", HOUR)
        assert outcome(results, {"recovery_points": {"max_age": "59m"}}) == ("fail", HOUR)
        assert outcome(results, {"recovery_points": {"min_retention": "2d"}}) == ("pass", 2 * DAY)

    @pytest.mark.parametrize("skew", [301, -7200])
    @pytest.mark.parametrize(
        ("rules", "result"),
        [
            ({"recovery_points": {"max_age": "31h"}}, "pass"),
            ({"recovery_points": {"max_age": "26h"}}, "unknown"),
            ({"recovery_points": {"min_retention": "30h"}}, "pass"),
            ({"recovery_points": {"min_retention": "9d"}}, "unknown"),
            ({"recovery_points": {"max_retention": "9d"}}, "unknown"),
            ({"recovery_points": {"max_retention": "29h"}}, "fail"),
            ({"recovery_points": {"daily": 9}}, "unknown"),
            # Numbers do not depend on a clock, except those of a window.
            ({"recovery_points": {"min_count": 9}}, "pass"),
            ({"recovery_points": {"min_count": 10}}, "fail"),
            ({"recovery_points": {"min_count": {"limit": 1, "within": "9d"}}}, "pass"),
            ({"recovery_points": {"min_count": {"limit": 9, "within": "9d"}}}, "unknown"),
            ({"recovery_points": {"min_count": {"limit": 10, "within": "9d"}}}, "fail"),
            ({"locations": {"min_count": 1}}, "pass"),
            ({"locations": {"min_count": 2}}, "unknown"),
        ],
    )
    def test_a_wrong_clock_makes_points_undated(self, skew: int, rules: dict[str, Any], result: str) -> None:
        first = [point(hours=30, locations=["a"])]
        results = both(first, nightly(9, locations=["b"]), members=with_clock(skew))
        assert outcome(results, rules)[0] == result

    @pytest.mark.parametrize(("selection", "result"), [({}, "fail"), ({"since": ago(days=9)}, "unknown")])
    def test_hidden_time_with_a_wrong_clock(self, selection: dict[str, Any], result: str) -> None:
        results = both([point(hours=30)], EMPTY, members=with_clock(4000, selection=selection))
        assert outcome(results, {"recovery_points": {"max_age": "26h"}})[0] == result

    @pytest.mark.parametrize(
        ("points", "records", "result"),
        [
            (ONE, [], "pass"),
            ([point(days=2, restore_tested=False)], [], "pass"),
            # The real time of the test is unknown.
            ([point(days=9, restore_tested=False, tested_at=moment(days=8))], [], "unknown"),
            ([point(days=9, restore_tested=True, tested_at=moment(days=8))], [], "unknown"),
            (ONE, [{}], "unknown"),
            (ONE, [{"result": "failed", "seconds": None}], "unknown"),
            # The record of another workload.
            (ONE, [{"workload_id": "78"}], "pass"),
        ],
    )
    def test_restore_tests_with_a_wrong_clock(
        self, points: list[RecoveryPoint], records: list[dict[str, Any]], result: str
    ) -> None:
        """A test on that server may be newer than the passed test, and may have failed."""
        tested = [point(days=3, restore_tested=True, tested_at=moment(days=2))]
        known = {"source": "spp1", "workload_type": "vm", "workload_id": "77", "workload_name": "WEB01"}
        known |= {"point_created_at": ago(days=9), "tested_at": ago(days=8), "result": "passed"}
        tests = [{**known, "seconds": 60, **one} for one in records]
        assert outcome(both(tested, points, members=with_clock(301)), TESTED, restore_tests=tests)[0] == result
        assert outcome(both(tested, points, members=with_clock(300)), TESTED, restore_tests=tests)[0] == "pass"

    def test_times_are_unknown_if_all_clocks_are_wrong(self) -> None:
        server = {"clock_skew_seconds": 4000}
        results = [read(row(), server=server), read(row(host="spp1"), server=server)]
        assert outcome(results, {"recovery_points": {"max_age": "26h"}})[0] == "unknown"
        assert outcome(results, SEVEN) == ("pass", 30)

    def test_as_of_is_not_before_any_of_the_reads(self) -> None:
        later = {"read_at": ago(seconds=-200)}
        results = both([point(hours=26, seconds=-100)], [point(days=9)], members=later)
        rules = {"recovery_points": {"max_age": "26h"}}
        assert outcome(results, rules, as_of=NOW) == ("fail", 26 * HOUR + 100)
        assert outcome(results, rules, as_of=NOW + 200 * SECOND) == ("fail", 26 * HOUR + 100)
