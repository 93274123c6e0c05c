# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""max_age, min_retention, max_retention and min_lock; see test_check_ages.py for integrity_checked."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR
from tests.unit.plugins.module_utils._policy.policy_points import ago, findings, moment, nightly, point, row
from tests.unit.plugins.module_utils._policy.rules.cases import (
    FACTS,
    Case,
    check,
    counted,
    find,
    get_result,
    mixed,
    undated,
)


def _points(rule: str, limit: Any, **facts: Any) -> dict[str, Any]:
    return {"recovery_points": {rule: limit, **facts}}


# 30 points, 5 hours to 29 days and 5 hours old.
OLD, YOUNG = point(days=40, usable=None), point(hours=1, usable=None)
FULLS = [*nightly(26), *(point(days=day, kind="full") for day in (2, 9, 16, 23))]
RECOVERY_POINTS: list[Case] = [
    ("young", nightly(), _points("max_age", "5h"), "pass", "newest recovery point is 5h old (maximum 5h)"),
    ("old", [point(days=5, hours=3)], _points("max_age", "26h"), "fail", "is 5d 3h old (maximum 26h)"),
    ("just too old", [point(hours=5, seconds=1)], _points("max_age", "5h"), "fail", "is 5h and 1s old (maximum 5h)"),
    ("nearly old", nightly(), _points("max_age", "6h", warn_at="83%"), "warn", "is 5h old (maximum 6h)"),
    ("not near", nightly(), _points("max_age", "6h", warn_at="84%"), "pass", "is 5h old (maximum 6h)"),
    ("no newest", [], _points("max_age", "26h"), "fail", "no recovery points (newest must be at most 26h old)"),
    ("only counted", counted(9), _points("max_age", "26h"), "unknown", "for 9 recovery points"),
    ("one is undated", [*nightly(), *undated()], _points("max_age", "4h"), "unknown", "for 1 recovery point"),
    ("recent despite undated points", [*nightly(), *undated()], _points("max_age", "5h"), "pass", "is 5h old"),
    (
        "perhaps young",
        [*nightly(), YOUNG],
        _points("max_age", "1h"),
        "unknown",
        "age of the newest recovery point unknown (maximum 1h): usability unknown for 1 recovery point",
    ),
    ("unknown and old", [*nightly(), YOUNG], _points("max_age", "59m"), "fail", "is 5h old (maximum 59m)"),
    ("snapshots only", nightly(kind="snapshot"), _points("max_age", "26h"), "fail", "no recovery points"),
    ("in 5 minutes", [point(seconds=-300)], _points("max_age", "1s"), "pass", "is 0s old"),
    ("goes back", nightly(), _points("min_retention", "701h"), "pass", "oldest recovery point is 29d 5h old"),
    ("too short", nightly(), _points("min_retention", "702h"), "fail", "is 29d 5h old, at least 702h required"),
    ("no oldest", [], _points("min_retention", "1d"), "fail", "no recovery points (oldest must be at least 1d old)"),
    ("counted oldest", counted(9), _points("min_retention", "1d"), "unknown", "for 9 recovery points"),
    ("perhaps back", [*nightly(), OLD], _points("min_retention", "40d"), "unknown", "unknown for 1 recovery point"),
    ("not so far back", [*nightly(), OLD], _points("min_retention", "41d"), "fail", "is 29d 5h old, at least 41d"),
    ("kept short", nightly(), _points("max_retention", "701h"), "pass", "oldest recovery point is 29d 5h old"),
    ("kept too long", nightly(), _points("max_retention", "700h"), "fail", "is 29d 5h old (maximum 700h)"),
    ("nothing is kept", [], _points("max_retention", "1d"), "pass", "oldest recovery point is 0s old"),
    ("perhaps kept", [*nightly(), OLD], _points("max_retention", "39d"), "unknown", "for 1 recovery point"),
    ("an unknown one, not too old", [*nightly(), OLD], _points("max_retention", "40d"), "pass", "is 40d old"),
    ("kept undated", [*nightly(), *undated()], _points("max_retention", "40d"), "unknown", "for 1 recovery point"),
    ("too long anyway", [*nightly(), *undated()], _points("max_retention", "29d"), "fail", "is 29d 5h old"),
    ("nearly too long", [*nightly(), OLD], _points("max_retention", "50d", warn_at="79%"), "warn", "is 40d old"),
    ("not nearly", [*nightly(), OLD], _points("max_retention", "50d", warn_at="80%"), "pass", "is 40d old"),
    ("full", FULLS, {"full": {"max_age": "2d"}}, "pass", "newest full backup is 2d old"),
    ("old full", FULLS, {"full": {"max_age": "47h"}}, "fail", "newest full backup is 2d old (maximum 47h)"),
    ("full, back", FULLS, {"full": {"min_retention": "23d"}}, "pass", "oldest full backup is 23d old"),
    ("full, not back", FULLS, {"full": {"min_retention": "24d"}}, "fail", "is 23d old, at least 24d required"),
    ("full, too long", FULLS, {"full": {"max_retention": "22d"}}, "fail", "is 23d old (maximum 22d)"),
    ("perhaps full", nightly(kind="backup"), {"full": {"max_age": "5h"}}, "unknown", "backup type or usability"),
    (
        "the newest of all",
        [*nightly(), point(hours=1, kind="snapshot")],
        _points("max_age", "1h", backup_types=["incremental", "snapshot"]),
        "pass",
        "is 1h old",
    ),
    ("no logs", nightly(), {"backup_types": {"log": {"max_age": "1h"}}}, "fail", "no log recovery points (newest"),
]
EVERY_FACT: list[tuple[str, tuple[int, int, int], dict[str, Any], str, str]] = [
    # The third is 2 days and 5 hours old, the 13th 12 days and 5 hours.
    ("back", (3, 0, 9), {"min_retention": "53h"}, "pass", "oldest {word} recovery point is 2d 5h old"),
    ("not back", (3, 0, 9), {"min_retention": "54h"}, "fail", "is 2d 5h old, at least 54h required"),
    ("perhaps back", (3, 10, 9), {"min_retention": "293h"}, "unknown", "{fact} unknown for 10 recovery points"),
    ("not so far back", (3, 10, 9), {"min_retention": "294h"}, "fail", "is 2d 5h old, at least 294h required"),
    ("nothing", (0, 0, 9), {"min_retention": "1d"}, "fail", "no {word} recovery points (oldest must"),
]
PLAIN = ("offsite", "immutable", "encrypted")
AGES: list[tuple[str, tuple[int, int, int], dict[str, Any], str, str]] = [
    ("young", (3, 0, 9), {"max_age": "5h"}, "pass", "newest {word} recovery point is 5h old (maximum 5h)"),
    ("old", (3, 0, 9), {"max_age": "4h"}, "fail", "newest {word} recovery point is 5h old (maximum 4h)"),
    ("none", (0, 0, 9), {"max_age": "26h"}, "fail", "no {word} recovery points (newest must be at most 26h old)"),
    ("perhaps young", (0, 3, 9), {"max_age": "5h"}, "unknown", "{fact} unknown for 3 recovery points"),
    ("unknown and old", (0, 3, 9), {"max_age": "4h"}, "fail", "no {word} recovery points"),
]
OF_FACTS: list[Case] = [
    (f"{name} {title}", mixed(name, *numbers), {name: rules}, result, message.format(word=word, fact=known))
    for name, (word, known) in FACTS.items()
    for title, numbers, rules, result, message in (*EVERY_FACT, *(AGES if name in PLAIN else ()))
]
CASES = [*RECOVERY_POINTS, *OF_FACTS]


@pytest.mark.parametrize(("_title", "points", "rules", "result", "message"), CASES, ids=[case[0] for case in CASES])
def test_cases(_title: str, points: list[RecoveryPoint], rules: dict[str, Any], result: str, message: str) -> None:
    check(points, rules, result, message)


class TestAsOf:
    """Ages run to as_of, retention to the read."""

    def test_max_age(self) -> None:
        assert get_result([point(hours=5)], _points("max_age", "25h"), later=20 * HOUR) == "pass"
        assert get_result([point(hours=5)], _points("max_age", "25h"), later=20 * HOUR + 1) == "fail"

    def test_retention_is_known_only_at_the_read(self) -> None:
        """The oldest point is a day old at the read, which does not prove that it exists 10 days later."""
        points = [point(days=1), point(hours=1)]
        found = find(points, _points("min_retention", "10d"), later=10 * DAY)
        assert (found["result"], found["actual"]) == ("fail", DAY)
        assert get_result(points, _points("min_retention", "1d"), later=10 * DAY) == "pass"

    def test_max_retention(self) -> None:
        assert get_result([point(days=1)], _points("max_retention", "11d"), later=10 * DAY) == "pass"
        assert get_result([point(days=1)], _points("max_retention", "11d"), later=10 * DAY + 1) == "fail"

    @pytest.mark.parametrize("later", [-300, -1])
    def test_as_of_before_the_read(self, later: int) -> None:
        assert find([point(hours=5)], _points("max_age", "5h"), later=later)["actual"] == 5 * HOUR

    def test_expired_points(self) -> None:
        points = [point(days=3, expires_at=moment(hours=-1))]
        assert get_result(points, _points("max_age", "73h"), later=HOUR) == "unknown"
        assert get_result(points, _points("max_age", "72h"), later=HOUR) == "fail"
        assert get_result(points, _points("min_retention", "3d"), later=HOUR) == "unknown"
        assert get_result(points, _points("max_retention", "2d"), later=HOUR) == "unknown"


@pytest.mark.parametrize(
    ("fraction", "seconds", "expected"), [(0, 0, "pass"), (1, 0, "fail"), (1, 1, "pass"), (999_999, 1, "pass")]
)
def test_fractions_of_seconds(fraction: int, seconds: int, expected: str) -> None:
    """Only for min_retention, a point that was created within a second counts from the next second."""
    one = point(created=moment(days=30, seconds=seconds) + fraction)
    assert get_result([one], _points("min_retention", "30d")) == expected
    assert get_result([one], _points("max_retention", "30d")) == ("fail" if seconds else "pass")
    assert get_result([one], _points("max_age", "30d")) == ("fail" if seconds else "pass")


def test_within_a_second_a_point_without_a_fraction_is_older() -> None:
    points = [point(created=moment(days=30) + 5), point(created=moment(days=30)), point()]
    assert get_result(points, _points("min_retention", "30d")) == "pass"
    points[1].usable = None
    assert get_result(points, _points("min_retention", "30d")) == "unknown"
    points[1].usable = False
    assert get_result(points, _points("min_retention", "30d")) == "fail"


class TestHiddenTime:
    SINCE, UNTIL = ago(days=9), ago(hours=2)

    @pytest.mark.parametrize(
        ("window", "limit", "expected"),
        [
            # The newest hidden second is one second before ``since``, or the read.
            ({"since": ago(days=9)}, "777601s", "unknown"),
            ({"since": ago(days=9)}, "777600s", "fail"),
            ({"until": ago(hours=2)}, "1s", "unknown"),
            ({"until": ago()}, "1s", "fail"),
        ],
    )
    def test_max_age(self, window: dict[str, Any], limit: str, expected: str) -> None:
        assert get_result([], _points("max_age", limit), **window) == expected
        assert get_result([point(days=9)], _points("max_age", "9d"), **window) == "pass"

    def test_max_age_at_as_of(self) -> None:
        assert get_result([], _points("max_age", "2h"), until=self.UNTIL, later=2 * HOUR) == "unknown"
        assert get_result([], _points("max_age", "2h"), until=self.UNTIL, later=2 * HOUR + 1) == "fail"

    def test_min_retention(self) -> None:
        assert get_result([point(days=8)], _points("min_retention", "8d"), since=self.SINCE) == "pass"
        assert get_result([point(days=8)], _points("min_retention", "999d"), since=self.SINCE) == "unknown"
        assert get_result([], _points("min_retention", "2h"), until=self.UNTIL) == "unknown"
        assert get_result([], _points("min_retention", "7201s"), until=self.UNTIL) == "fail"
        # As of the read.
        assert get_result([], _points("min_retention", "3h"), until=self.UNTIL, later=5 * HOUR) == "fail"

    def test_max_retention(self) -> None:
        assert get_result([point(days=8)], _points("max_retention", "99d"), since=self.SINCE) == "unknown"
        assert get_result([point(days=8)], _points("max_retention", "7d"), since=self.SINCE) == "fail"
        assert get_result([], _points("max_retention", "2h"), until=self.UNTIL) == "pass"
        assert get_result([], _points("max_retention", "7199s"), until=self.UNTIL) == "unknown"
        # As of as_of.
        assert get_result([], _points("max_retention", "3h"), until=self.UNTIL, later=2 * HOUR) == "unknown"


class TestContinuous:
    """Restorable ranges; restorable_from and restorable_until are hours before NOW."""

    def build(self, first: float | None, last: float | None, **facts: Any) -> RecoveryPoint:
        ends = [None if end is None else moment(hours=end) for end in (first, last)]
        facts = {"days": 8, "kind": "continuous", **facts}
        return point(**facts, restorable_from=ends[0], restorable_until=ends[1])

    @pytest.mark.parametrize("ends", [(None, None), (192, 1), (192, None)])
    def test_a_range_does_not_fill_gaps_between_points(self, ends: tuple[float | None, float | None]) -> None:
        """daily_26h: continuous protection for 8 days, and one point from an hour ago."""
        points = [self.build(*ends), point(hours=1)]
        found = findings(row(points), "daily_26h")
        assert [(one["control"], one["result"]) for one in found] == [
            ("recovery_points.max_age", "pass"),
            ("recovery_points.max_gap", "fail"),
        ]

    def test_the_creation_of_a_range_is_not_a_point(self) -> None:
        """The creation time of a continuous point proves nothing about its restorable range."""
        assert get_result([self.build(None, None)], _points("max_age", "9d")) == "unknown"
        assert get_result([self.build(3, 2)], _points("min_retention", "8d")) == "fail"

    @pytest.mark.parametrize(
        ("first", "last", "usable", "limit", "expected"),
        [
            (48, 2, True, "2h", "pass"),
            (48, 2, True, "1h", "fail"),
            (None, 2, True, "2h", "pass"),
            (48, None, True, "2h", "unknown"),
            (48, 2, None, "2h", "unknown"),
            (48, 2, None, "1h", "fail"),
            (48, None, None, "1h", "unknown"),
            (48, 2, False, "2h", "fail"),
        ],
    )
    def test_max_age(
        self, first: float | None, last: float | None, usable: bool | None, limit: str, expected: str
    ) -> None:
        one = self.build(first, last, usable=usable)
        for rules in (_points("max_age", limit), {"backup_types": {"continuous": {"max_age": limit}}}):
            assert get_result([one], rules) == expected
        assert get_result([one], _points("max_age", limit, backup_types=["full"])) == "fail"
        assert get_result([one], {"full": {"max_age": limit}}) == "fail"

    @pytest.mark.parametrize(
        ("first", "last", "usable", "limit", "expected"),
        [
            (48, 2, True, "48h", "pass"),
            (48, 2, True, "49h", "fail"),
            (48, None, True, "48h", "pass"),
            (None, 2, True, "9999d", "unknown"),
            (48, 2, None, "48h", "unknown"),
            (48, 2, None, "49h", "fail"),
            (48, 2, False, "1h", "fail"),
        ],
    )
    def test_min_retention(
        self, first: float | None, last: float | None, usable: bool | None, limit: str, expected: str
    ) -> None:
        one = self.build(first, last, usable=usable)
        for rules in (_points("min_retention", limit), {"backup_types": {"continuous": {"min_retention": limit}}}):
            assert get_result([one], rules) == expected

    @pytest.mark.parametrize(
        ("first", "last", "usable", "expected"),
        [
            (48, 2, True, "fail"),
            (47, 2, True, "pass"),
            (48, None, True, "fail"),
            (None, 2, True, "unknown"),
            (48, 2, None, "unknown"),
            (None, None, True, "unknown"),
        ],
    )
    def test_max_retention(self, first: float | None, last: float | None, usable: bool | None, expected: str) -> None:
        one = self.build(first, last, usable=usable)
        assert get_result([one], {"backup_types": {"continuous": {"max_retention": "47h"}}}) == expected
        assert get_result([one], _points("max_retention", "47h")) == "pass"

    def test_expiry(self) -> None:
        one = self.build(48, 2, expires_at=moment(hours=-1))
        assert get_result([one], _points("max_age", "3h")) == "pass"
        assert get_result([one], _points("max_age", "3h"), later=HOUR) == "unknown"
        assert get_result([one], _points("max_age", "2h"), later=HOUR) == "fail"
        assert get_result([one], _points("min_retention", "2d"), later=HOUR) == "unknown"

    def test_fractions_of_the_ends_are_cut_off(self) -> None:
        one = point(kind="continuous", restorable_from=moment(hours=48) + 5, restorable_until=moment(hours=2) + 5)
        assert get_result([one], _points("min_retention", "48h")) == "pass"
        assert find([one], _points("max_age", "2h"))["actual"] == 2 * HOUR


def _locked(hours: float | None, **facts: Any) -> RecoveryPoint:
    end = None if hours is None else moment(hours=-hours)
    return point(**{"days": 9, "immutable": True, "immutable_until": end, **facts})


class TestMinLock:
    @pytest.mark.parametrize(
        ("points", "expected", "message"),
        [
            (
                [_locked(336), _locked(5)],
                "pass",
                "the longest lock of a recovery point lasts 14d, at least 14d required",
            ),
            ([_locked(335), _locked(5)], "fail", "lasts 13d 23h, at least 14d required"),
            ([_locked(None)], "pass", "at least 14d required"),
            ([_locked(-1)], "fail", "no immutable recovery points (a lock of at least 14d is required)"),
            ([_locked(336, usable=None)], "unknown", "immutability unknown for 1 recovery point"),
            ([_locked(335, usable=None)], "fail", "no immutable recovery points"),
            ([_locked(5), _locked(None, usable=None)], "unknown", "duration of the longest lock unknown"),
            ([_locked(336, inferred=("immutable",))], "unknown", "only inferred or declared for 1 recovery point"),
            ([_locked(335, inferred=("immutable",))], "fail", "no immutable recovery points"),
            ([point(immutable=None)], "unknown", "immutability unknown for 1 recovery point"),
            ([point(immutable=False)], "fail", "no immutable recovery points"),
            (undated(immutable=True), "unknown", "for 1 recovery point"),
            ([_locked(999, kind="snapshot"), _locked(999, usable=False)], "fail", "no immutable recovery points"),
        ],
    )
    def test_cases(self, points: list[RecoveryPoint], expected: str, message: str) -> None:
        check(points, {"immutable": {"min_lock": "14d"}}, expected, message)

    def test_weekdays_do_not_affect_min_lock(self) -> None:
        rule = {"immutable": {"min_lock": "14d"}, "weekdays": ["mon..fri"]}
        assert get_result([_locked(336 + 20)], rule, later=20 * HOUR) == "pass"
        assert get_result([_locked(336 + 20)], rule, later=20 * HOUR + 1) == "fail"

    def test_settings(self) -> None:
        rule = {"immutable": {"min_lock": "14d"}}
        assert get_result([_locked(335)], rule, since=ago(days=90)) == "unknown"
        assert get_result([_locked(335)], rule, until=ago(seconds=1)) == "unknown"
        assert get_result([_locked(336)], rule, since=ago(days=90)) == "pass"
        assert get_result([_locked(336, inferred=("immutable",))], {**rule, "accept": ["inferred"]}) == "pass"


@pytest.mark.parametrize("skew", [301, -301])
@pytest.mark.parametrize(
    "rules",
    [
        *(_points(rule, "99d") for rule in ("max_age", "min_retention", "max_retention")),
        *({name: {"max_age": "99d"}} for name in FACTS),
        *({name: {"min_retention": "1h"}} for name in FACTS),
        {"immutable": {"min_lock": "1h"}},
    ],
)
def test_a_wrong_clock(rules: dict[str, Any], skew: int) -> None:
    points = nightly(**dict.fromkeys(FACTS, True), tested_at=moment(hours=1), checked_at=moment(hours=1))
    check(points, rules, "unknown", "clock of vbr1 is off by 5m", skew=skew)


@pytest.mark.parametrize(("skew", "age"), [(300, 9300), (-300, 8700), (0, 9000), (None, 9000)])
def test_a_clock_within_the_tolerance(skew: int | None, age: int) -> None:
    """as_of and read_at are on the clock of the server, which is that much ahead."""
    for rule in ("max_age", "min_retention", "max_retention"):
        assert find([point(seconds=9000)], _points(rule, "9d"), skew=skew)["actual"] == age
