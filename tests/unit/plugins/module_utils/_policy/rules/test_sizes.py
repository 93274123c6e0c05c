# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""size.min_percent_of_median: the newest point, compared with others of its kind."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR
from tests.unit.plugins.module_utils._policy.policy_points import ago, moment, point
from tests.unit.plugins.module_utils._policy.rules.cases import check, counted, find, get_result, undated

HALF = {"size": {"min_percent_of_median": "50%"}}


def sized(*sizes: int | None, **facts: Any) -> list[RecoveryPoint]:
    """Build nightly points of these sizes, the newest first and 5 hours old."""
    return [point(days=night, hours=5, size_bytes=size, **facts) for night, size in enumerate(sizes)]


USUAL = sized(100, 100, 100, 100)


@pytest.mark.parametrize(
    ("points", "expected", "message"),
    [
        (
            sized(50, 100, 100, 100),
            "pass",
            "size of the newest recovery point is 50% of the median for its backup type (minimum 50%)",
        ),
        (sized(49, 100, 100, 100), "fail", "is 49% of the median"),
        (sized(200, 100, 100, 100), "pass", "is 200% of the median"),
        # The lower median of 10, 100, 102, 200 is 100.
        (sized(50, 200, 10, 102, 100), "pass", "is 50% of the median"),
        # The median of 10, 100, 102 is 100.
        (sized(50, 10, 102, 100), "pass", "is 50% of the median"),
        (sized(50, 10, 102, 101), "fail", "is 49% of the median"),
        (sized(None, 100, 100, 100), "unknown", "size of the newest recovery point not reported"),
        (sized(100, 100, None, 100, 100), "unknown", "sizes not reported"),
        (sized(100, 100, 100), "unknown", "fewer than three other recovery points of its backup type"),
        (sized(0, 0, 0, 0), "unknown", "the median is 0 bytes"),
        (sized(100, 0, 0, 0), "unknown", "the median is 0 bytes"),
        (sized(0, 100, 100, 100), "fail", "is 0% of the median"),
        ([], "fail", "no recovery points (size of the newest must be at least 50% of the median for its backup type)"),
        (sized(100, kind="log"), "fail", "no recovery points"),
        (sized(100, 100, 100, 100, usable=None), "unknown", "usability of the recovery points unknown"),
        (sized(100, 100, 100, 100, kind="unknown"), "unknown", "usability of the recovery points unknown"),
        (sized(100, 100, 100, 100, usable=False), "fail", "no recovery points"),
        (counted(9, size_bytes=100), "unknown", "usability of the recovery points unknown"),
        # A point that may be newer.
        ([*USUAL, point(hours=4, usable=None, size_bytes=100)], "unknown", "that may be newer"),
        ([*USUAL, point(hours=5, usable=None, size_bytes=100)], "unknown", "that may be newer"),
        ([*USUAL, point(hours=6, usable=None, size_bytes=1)], "unknown", "that it is compared with"),
        ([*USUAL, point(hours=6, usable=None)], "unknown", "that it is compared with"),
        ([*USUAL, point(hours=6, kind="full", usable=None, size_bytes=1)], "pass", "is 100% of the median"),
        ([*USUAL, point(hours=4, kind="unknown", size_bytes=1)], "unknown", "that may be newer"),
        ([*USUAL, *undated()], "unknown", "that may be newer"),
        ([*USUAL, *counted()], "unknown", "that may be newer"),
        ([*USUAL, *undated(kind="log")], "pass", "is 100% of the median"),
        # Other points do not matter.
        ([*USUAL, point(hours=1, kind="snapshot", size_bytes=1)], "pass", "is 100% of the median"),
        ([*USUAL, point(hours=1, kind="continuous", size_bytes=1)], "pass", "is 100% of the median"),
        ([*USUAL, point(hours=1, usable=False, size_bytes=1)], "pass", "is 100% of the median"),
        # Only the same kind is compared.
        ([*USUAL, point(hours=1, kind="full", size_bytes=1)], "unknown", "fewer than three other recovery points"),
        ([*USUAL, *sized(9000, 9000, 9000, kind="full")[1:]], "pass", "is 100% of the median"),
        # Unusable points of that type do not count, even without a size.
        ([*USUAL, *sized(0, None, None, usable=False)[1:]], "pass", "is 100% of the median"),
        ([*USUAL[:2], *sized(0, 9, 100, 100, usable=False)[2:]], "unknown", "fewer than three other"),
        # Possibly usable points may be among the points to compare with.
        ([*USUAL, *sized(0, None, None, usable=None)[1:]], "unknown", "that it is compared with"),
        ([*USUAL[:2], *sized(0, 9, 100, 100, usable=None)[2:]], "unknown", "that it is compared with"),
        ([*sized(*[10] * 5), *sized(*[100] * 30, usable=None)[5:]], "unknown", "that it is compared with"),
    ],
)
def test_cases(points: list[RecoveryPoint], expected: str, message: str) -> None:
    check(points, HALF, expected, message)


class TestSeveralNewest:
    """Points of the latest second."""

    def test_the_smallest_counts(self) -> None:
        points = [*USUAL, point(hours=5, size_bytes=49)]
        assert find(points, HALF)["actual"] == 49
        assert find(points[1:], HALF)["actual"] == 49

    def test_one_without_a_size(self) -> None:
        assert get_result([*USUAL, point(hours=5)], HALF) == "unknown"

    def test_fractions_do_not_matter(self) -> None:
        later = point(created=moment(hours=5) + 999_999, size_bytes=100)
        assert find([*USUAL, point(hours=5, size_bytes=49), later], HALF)["actual"] == 49

    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [(100, 100, "pass"), (100, 201, "fail"), (100, None, "unknown"), (201, None, "fail")],
    )
    def test_several_kinds(self, one: int | None, other: int | None, expected: str) -> None:
        """Both are the smallest, so the worst result of their types counts, regardless of which type has it."""
        for increment, full in ((one, other), (other, one)):
            points = [*sized(100, *[increment] * 3), *sized(100, *[full] * 3, kind="full")]
            assert get_result(points, HALF) == expected

    def test_a_type_with_few_points(self) -> None:
        assert get_result([*USUAL, *sized(100, kind="full")], HALF) == "unknown"
        # It is larger, so its type does not matter.
        assert get_result([*USUAL, *sized(101, kind="full")], HALF) == "pass"


class TestNewest31:
    def test_older_points_do_not_count(self) -> None:
        """30 other points have 100 bytes; the 32nd point and older ones have 1000 bytes or no size."""
        for old in (1000, None):
            assert find(sized(*[100] * 31, *[old] * 40), HALF)["actual"] == 100

    def test_the_31st_counts(self) -> None:
        assert get_result(sized(*[100] * 30, None, *[100] * 40), HALF) == "unknown"
        # If 15 of 30 others have 300 bytes, the lower median (the 15th) is 100. With 16 of them it is 300.
        assert find(sized(*[100] * 16, *[300] * 15, *[100] * 40), HALF)["actual"] == 100
        assert find(sized(*[100] * 15, *[300] * 16, *[100] * 40), HALF)["actual"] == 33

    def test_an_unknown_point_counts_only_among_the_31(self) -> None:
        unknown = sized(*[100] * 32, usable=None)
        assert get_result([*sized(*[100] * 31), unknown[31]], HALF) == "pass"
        assert get_result([*sized(*[100] * 30), unknown[30]], HALF) == "unknown"

    def test_the_31_include_points_in_any_state(self) -> None:
        """29 unusable points of the same type leave one other point. Points of another type do not matter."""
        broken = [point(days=1, hours=hour, usable=False) for hour in range(29)]
        points = [point(hours=5, size_bytes=100), *broken, *sized(0, 0, 0, 100, 100, 100, 100)[3:]]
        assert get_result(points, HALF) == "unknown"
        for one in broken:
            one.kind = "full"
        assert get_result(points, HALF) == "pass"


class TestWindow:
    def test_a_single_full_backup_in_a_window(self) -> None:
        """The newest full backup has 10 bytes. With ``since`` of a day, there is no other to compare with."""
        points = [point(hours=5, kind="full", size_bytes=10), *sized(0, 0, 0, kind="full")[1:]]
        check(points[:1], HALF, "unknown", "were not read", since=ago(days=1))
        for one in points[1:]:
            one.size_bytes = 1000
        assert get_result([*points, point(days=9, kind="full", size_bytes=1000)], HALF) == "fail"

    def test_hidden_time(self) -> None:
        check(USUAL, HALF, "unknown", "were not read", since=ago(days=9))
        check(USUAL, HALF, "unknown", "were not read", until=ago(hours=1))
        check([], HALF, "unknown", "were not read", since=ago(days=9))
        check([], HALF, "unknown", "were not read", until=ago(hours=1))

    @pytest.mark.parametrize(
        ("points", "expected"),
        [
            (sized(*[100] * 30), "unknown"),
            (sized(*[100] * 31), "pass"),
            (sized(*[49], *[100] * 29), "unknown"),
            (sized(*[49], *[100] * 30), "fail"),
            # Points in any state, but only of this type.
            ([*sized(*[100] * 4), *sized(*[9] * 31, usable=False)[4:]], "pass"),
            ([*sized(*[100] * 30), *sized(*[9] * 31, kind="full")[1:]], "unknown"),
        ],
    )
    def test_hidden_time_matters_with_fewer_than_31_points(self, points: list[RecoveryPoint], expected: str) -> None:
        """With fewer points, larger ones may exist before ``since``."""
        assert get_result(points, HALF, since=ago(days=31)) == expected

    def test_small_points_in_a_window(self) -> None:
        """The last five points are small, and the larger ones before them are hidden."""
        points = sized(*[1] * 5, *[1000] * 25)
        assert get_result(points, HALF) == "fail"
        assert get_result(points[:5], HALF, since=ago(days=5)) == "unknown"

    def test_expiry(self) -> None:
        newest = point(hours=1, size_bytes=100, expires_at=moment(hours=-1))
        assert get_result([newest, *USUAL], HALF) == "pass"
        assert get_result([newest, *USUAL], HALF, later=HOUR) == "unknown"
        older = point(hours=9, size_bytes=100, expires_at=moment(hours=-1))
        assert get_result([older, *USUAL], HALF) == "pass"
        assert get_result([older, *USUAL], HALF, later=HOUR) == "unknown"

    def test_a_wrong_clock_does_not_matter(self) -> None:
        assert get_result(USUAL, HALF, skew=301) == "pass"


@pytest.mark.parametrize(("size", "expected"), [(255, 255), (256, 256), (257, 256), (1023, 1020), (1024, 1024)])
def test_sizes_have_eight_significant_bits(size: int, expected: int) -> None:
    """Sizes are compared with the precision in which they are stored."""
    assert find(sized(size, 100, 100, 100), HALF)["actual"] == expected
