# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""min_count, max_count, all, none and max_failed_runs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR
from tests.unit.plugins.module_utils._policy.policy_points import ago, moment, nightly, point
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


# The newest 30 are 5 hours to 29 days and 5 hours old, the others 30 and 31 days and 5 hours.
UNSURE = nightly() + nightly(32, usable=None)[30:]
FULLS = [*nightly(26), *(point(days=day, kind="full") for day in (2, 9, 16, 23))]
RECOVERY_POINTS: list[Case] = [
    ("enough", nightly(), _points("min_count", 30), "pass", "30 recovery points, at least 30 required"),
    ("too few", nightly(), _points("min_count", 31), "fail", "30 recovery points, at least 31 required"),
    ("none", [], _points("min_count", 1), "fail", "0 recovery points, at least 1 required"),
    (
        "perhaps enough",
        UNSURE,
        _points("min_count", 32),
        "unknown",
        "recovery points: 30 known, at least 32 required; usability unknown for 2 recovery points",
    ),
    ("surely too few", UNSURE, _points("min_count", 33), "fail", "30 recovery points, at least 33 required"),
    ("one", [point()], _points("min_count", 1), "pass", "1 recovery point, at least 1 required"),
    ("counted only", counted(30), _points("min_count", 30), "pass", "30 recovery points"),
    ("undated", undated(3) + nightly(4), _points("min_count", 7), "unknown", "4 known, at least 7 required"),
    ("not usable", nightly(9, usable=False), _points("min_count", 1), "fail", "0 recovery points"),
    ("at most", nightly(), _points("max_count", 30), "pass", "30 recovery points, at most 30 allowed"),
    ("too many", nightly(), _points("max_count", 29), "fail", "30 recovery points, at most 29 allowed"),
    ("no points", [], _points("max_count", 1), "pass", "0 recovery points, at most 1 allowed"),
    ("perhaps too many", UNSURE, _points("max_count", 31), "unknown", "30 known, at most 31 allowed; usability"),
    ("surely not too many", UNSURE, _points("max_count", 32), "pass", "32 recovery points, at most 32 allowed"),
    ("surely too many", UNSURE, _points("max_count", 29), "fail", "30 recovery points, at most 29 allowed"),
    ("counted too many", counted(3), _points("max_count", 2), "fail", "3 recovery points"),
    ("undated ones too many", undated(3), _points("max_count", 2), "unknown", "0 known, at most 2 allowed"),
    ("nearly too many", nightly(), _points("max_count", {"limit": 37, "warn_at": "81%"}), "warn", "30 recovery points"),
    ("not near", nightly(), _points("max_count", {"limit": 38, "warn_at": "80%"}), "pass", "30 recovery points"),
    ("full", FULLS, {"full": {"min_count": 4}}, "pass", "4 full backups, at least 4"),
    ("few full ones", FULLS, {"full": {"min_count": 5}}, "fail", "4 full backups, at least 5"),
    (
        "full or not",
        nightly(3, kind="backup"),
        {"full": {"min_count": 2}},
        "unknown",
        "0 known, at least 2 required; backup type or usability unknown for 3 recovery points",
    ),
    ("many full ones", FULLS, {"full": {"max_count": 3}}, "fail", "4 full backups, at most 3 allowed"),
    (
        "snapshots",
        nightly(5, kind="snapshot"),
        {"backup_types": {"snapshot": {"min_count": 5}}},
        "pass",
        "5 snapshot recovery points, at least 5 required",
    ),
    ("no logs", nightly(), {"backup_types": {"log": {"min_count": 1}}}, "fail", "0 log recovery points"),
    (
        "snapshots as well",
        nightly() + nightly(5, kind="snapshot"),
        _points("min_count", 35, backup_types=["incremental", "snapshot"]),
        "pass",
        "35 recovery points, at least 35 required",
    ),
]
# The same cases for each attribute that is a fact about a point.
EVERY_FACT: list[tuple[str, tuple[int, int, int], dict[str, Any], str, str]] = [
    ("enough", (3, 0, 27), {"min_count": 3}, "pass", "3 {word} recovery points, at least 3 required"),
    ("too few", (3, 0, 27), {"min_count": 4}, "fail", "3 {word} recovery points, at least 4 required"),
    (
        "perhaps",
        (3, 1, 26),
        {"min_count": 4},
        "unknown",
        "recovery points: 3 known, at least 4 required; {fact} unknown for 1 recovery point",
    ),
    ("too few anyway", (3, 1, 26), {"min_count": 5}, "fail", "3 {word} recovery points"),
    ("not reported", (0, 30, 0), {"min_count": 1}, "unknown", "1 required; {fact} unknown for 30 recovery points"),
    ("all", (30, 0, 0), {"all": True}, "pass", "all recovery points are {word}"),
    ("not all", (29, 0, 1), {"all": True}, "fail", "1 recovery point is not {word} (all must be {word})"),
    ("perhaps all", (29, 1, 0), {"all": True}, "unknown", "{fact} unknown for 1 recovery point"),
    ("one false decides", (20, 9, 1), {"all": True}, "fail", "1 recovery point is not {word}"),
    ("all of nothing", (0, 0, 0), {"all": True}, "fail", "no recovery points (at least 1 required, and "),
    # The newest 20 are 5 hours to 19 days and 5 hours old.
    ("all lately", (20, 0, 10), {"all": {"within": "20d"}}, "pass", "points from the last 20d are {word}"),
    ("not all lately", (20, 0, 10), {"all": {"within": "21d"}}, "fail", "not all recovery points from the last 21d"),
    ("perhaps all lately", (20, 10, 0), {"all": {"within": "30d"}}, "unknown", "for 10 recovery points"),
    ("unknown long ago", (20, 10, 0), {"all": {"within": "20d"}}, "pass", "points from the last 20d are {word}"),
    ("all of nothing lately", (9, 0, 0), {"all": {"within": "4h"}}, "fail", "no recovery points from the last 4h"),
    ("none", (0, 0, 30), {"none": True}, "pass", "no recovery point is {word}"),
    ("some", (1, 0, 29), {"none": True}, "fail", "1 recovery point is {word} (none allowed)"),
    ("perhaps none", (0, 1, 29), {"none": True}, "unknown", "{fact} unknown for 1 recovery point"),
    ("one true decides", (1, 29, 0), {"none": True}, "fail", "1 recovery point is {word}"),
    ("none of nothing", (0, 0, 0), {"none": True}, "fail", "no recovery points (at least 1 required, and "),
    ("none lately", (0, 0, 9), {"none": {"within": "5h"}}, "pass", "no recovery point from the last 5h is {word}"),
    ("none of nothing lately", (0, 0, 9), {"none": {"within": "4h"}}, "fail", "no recovery points from the last 4h"),
]
OF_FACTS: list[Case] = [
    (f"{name} {title}", mixed(name, *numbers), {name: rules}, result, message.format(word=word, fact=known))
    for name, (word, known) in FACTS.items()
    for title, numbers, rules, result, message in EVERY_FACT
]
OF_MALWARE: list[Case] = [
    ("clean", mixed("malware", 0, 0, 30), {"malware": {"none": True}}, "pass", "no recovery point is suspicious"),
    ("all clean", mixed("malware", 0, 0, 30), {"malware": {"all": True}}, "pass", "no recovery point is suspicious"),
    ("infected", mixed("malware", 1, 0, 29), {"malware": {"none": True}}, "fail", "1 recovery point is suspicious or"),
    ("two infected", mixed("malware", 2, 0, 28), {"malware": {"all": True}}, "fail", "2 recovery points are"),
    ("not scanned", mixed("malware", 0, 1, 29), {"malware": {"none": True}}, "unknown", "for 1 recovery point"),
    ("all or not", mixed("malware", 0, 1, 29), {"malware": {"all": True}}, "unknown", "malware scan result unknown"),
    ("nothing", [], {"malware": {"all": True}}, "fail", "no recovery points (at least 1 required, and none suspicious"),
    (
        "clean again",
        [*nightly(7, malware="clean"), *nightly(9, malware="infected")[7:]],
        {"malware": {"none": {"within": "7d"}}},
        "pass",
        "no recovery point from the last 7d is suspicious",
    ),
    (
        "infected lately",
        [*nightly(7, malware="clean"), point(days=7, malware="suspicious")],
        {"malware": {"all": {"within": "7d"}}},
        "fail",
        "at least one recovery point from the last 7d is suspicious or infected",
    ),
]
CASES = [*RECOVERY_POINTS, *OF_FACTS, *OF_MALWARE]


@pytest.mark.parametrize(("_title", "points", "rules", "result", "message"), CASES, ids=[case[0] for case in CASES])
def test_cases(_title: str, points: list[RecoveryPoint], rules: dict[str, Any], result: str, message: str) -> None:
    check(points, rules, result, message)


class TestWithin:
    """min_count, all and none for the last two days; ``t >= as_of - within``."""

    @pytest.mark.parametrize(("seconds", "expected"), [(0, "pass"), (1, "fail")])
    def test_the_window_begins_with_its_first_second(self, seconds: int, expected: str) -> None:
        points = [point(days=2, seconds=seconds)]
        assert get_result(points, _points("min_count", {"limit": 1, "within": "2d"})) == expected

    @pytest.mark.parametrize("name", FACTS)
    def test_windows_of_all_and_none(self, name: str) -> None:
        for value, rule in ((False, "all"), (True, "none")):
            points = [point(hours=1, **{name: not value}), point(days=2, **{name: value})]
            assert get_result(points, {name: {rule: {"within": "2d"}}}) == "fail"
            points[1].created -= 1_000_000
            assert get_result(points, {name: {rule: {"within": "2d"}}}) == "pass"

    def test_the_window_ends_at_as_of(self) -> None:
        rule = _points("min_count", {"limit": 1, "within": "2d"})
        assert get_result([point(days=1)], rule, later=24 * HOUR) == "pass"
        assert get_result([point(days=1)], rule, later=24 * HOUR + 1) == "fail"
        # A point shortly after as_of is in the window.
        assert get_result([point(seconds=-9)], rule) == "pass"

    def test_weekdays_do_not_change_a_window(self) -> None:
        """NOW is a Saturday. The point was created on Thursday at 07:00."""
        rule = {"limit": 1, "within": "2d", "weekdays": ["mon..fri"]}
        assert get_result([point(days=2, seconds=1)], _points("min_count", rule)) == "fail"

    @pytest.mark.parametrize(
        ("points", "limit", "expected"),
        [
            # Undated points may be outside of the window.
            (counted(3), 1, "unknown"),
            ([*counted(2), point()], 3, "unknown"),
            ([*counted(2), point()], 4, "fail"),
            ([*counted(2), point()], 1, "pass"),
            ([point(), point(days=1, usable=None), point(days=3, usable=None)], 2, "unknown"),
            ([point(), point(days=1, usable=None), point(days=3, usable=None)], 3, "fail"),
        ],
    )
    def test_points_without_a_time(self, points: list[RecoveryPoint], limit: int, expected: str) -> None:
        assert get_result(points, _points("min_count", {"limit": limit, "within": "2d"})) == expected

    @pytest.mark.parametrize(
        ("rule", "one", "expected"),
        [
            ("all", counted(offsite=True), "unknown"),
            ("all", undated(offsite=True), "unknown"),
            ("all", counted(offsite=False), "unknown"),
            ("all", undated(kind="log"), "pass"),
            ("none", counted(offsite=True), "unknown"),
            ("none", counted(offsite=False), "pass"),
            ("none", undated(offsite=False), "pass"),
            ("none", undated(), "unknown"),
        ],
    )
    def test_undated_points_of_all_and_none(self, rule: str, one: list[RecoveryPoint], expected: str) -> None:
        points = [*one, point(offsite=rule == "all")]
        assert get_result(points, {"offsite": {rule: {"within": "2d"}}}) == expected

    @pytest.mark.parametrize(
        ("rule", "one", "expected"),
        [
            ("all", counted(offsite=True), "pass"),
            ("all", counted(offsite=False), "fail"),
            ("all", undated(offsite=True), "unknown"),
            ("all", undated(offsite=False), "unknown"),
            ("none", counted(offsite=True), "fail"),
            ("none", counted(offsite=False), "pass"),
            ("none", undated(offsite=True), "unknown"),
            ("none", undated(offsite=False), "unknown"),
        ],
    )
    def test_only_undated_points(self, rule: str, one: list[RecoveryPoint], expected: str) -> None:
        assert get_result(one, {"offsite": {rule: True}}) == expected
        assert get_result(one, {"offsite": {rule: {"within": "2d"}}}) == "unknown"

    @pytest.mark.parametrize("limit", [1, 3])
    def test_a_wrong_clock(self, limit: int) -> None:
        points = nightly(2, offsite=True)
        for rule in ({"min_count": {"limit": limit, "within": "9d"}}, {"all": {"within": "9d"}}):
            check(points, {"offsite": rule}, "unknown", "clock of vbr1 is off by 5m", skew=-301)
        assert get_result(points, {"offsite": {"min_count": 2}}, skew=301) == "pass"
        assert get_result(points, {"offsite": {"all": True}}, skew=301) == "pass"
        # At most 300 seconds: the points are 300 seconds older than they seem.
        rule = _points("min_count", {"limit": 1, "within": "2d"})
        assert get_result([point(days=2, seconds=-300)], rule, skew=300) == "pass"
        assert get_result([point(days=2, seconds=-299)], rule, skew=300) == "fail"


@pytest.mark.parametrize("name", FACTS)
class TestWeakFalse:
    """A point without the attribute that may not be a recovery point does not decide the result."""

    @pytest.mark.parametrize("weak", [{"usable": None}, {"kind": "unknown"}])
    def test_all_and_none(self, name: str, weak: dict[str, Any]) -> None:
        one = point(days=1, **weak, **{name: False})
        assert get_result([one], {name: {"all": True}}) == "unknown"
        assert get_result([one], {name: {"none": True}}) == "unknown"
        assert get_result([one, point(**{name: True})], {name: {"all": True}}) == "unknown"
        assert get_result([one, point(**{name: False})], {name: {"all": True}}) == "fail"
        assert get_result([one, point(**{name: False})], {name: {"none": True}}) == "pass"
        assert get_result([one, point(**{name: True})], {name: {"none": True}}) == "fail"
        assert get_result([one], {name: {"min_count": 1}}) == "fail"


class TestHiddenTime:
    @pytest.mark.parametrize(
        ("window", "within", "expected"),
        [
            ({"since": ago(days=9)}, None, "unknown"),
            ({"until": ago(hours=1)}, None, "unknown"),
            ({"since": ago(days=9)}, "9d", "fail"),
            ({"since": ago(days=9)}, "777601s", "unknown"),
            ({"until": ago(hours=1)}, "1s", "unknown"),
            ({"until": ago()}, None, "fail"),
        ],
    )
    def test_min_count(self, window: dict[str, Any], within: str | None, expected: str) -> None:
        """Seconds before ``since`` and from ``until`` to the read are hidden."""
        rule = {"limit": 4, **({"within": within} if within else {})}
        assert get_result(nightly(3), _points("min_count", rule), **window) == expected
        text = "recovery points after 2026-11-21T06:00:00Z were not read"
        if "until" in window and expected == "unknown":
            check(nightly(3), _points("min_count", rule), "unknown", text, **window)

    def test_min_count_passes_despite_hidden_time(self) -> None:
        assert get_result(nightly(3), _points("min_count", 3), since=ago(days=9)) == "pass"

    @pytest.mark.parametrize("window", [{"since": ago(days=9)}, {"until": ago(hours=1)}])
    def test_max_count(self, window: dict[str, Any]) -> None:
        assert get_result(nightly(3), _points("max_count", 3), **window) == "unknown"
        assert get_result(nightly(3), _points("max_count", 2), **window) == "fail"
        assert get_result([], _points("max_count", 3), **window) == "unknown"

    @pytest.mark.parametrize(("rule", "value"), [("all", True), ("none", False)])
    def test_all_and_none(self, rule: str, value: bool) -> None:
        points = nightly(3, offsite=value)
        assert get_result(points, {"offsite": {rule: True}}, since=ago(days=9)) == "unknown"
        assert get_result([], {"offsite": {rule: True}}, since=ago(days=9)) == "unknown"
        assert get_result(points, {"offsite": {rule: {"within": "9d"}}}, since=ago(days=9)) == "pass"
        assert get_result([], {"offsite": {rule: {"within": "9d"}}}, since=ago(days=9)) == "fail"
        assert get_result(points, {"offsite": {rule: {"within": "9d"}}}, until=ago(hours=1)) == "unknown"
        broken = [*points, point(hours=9, offsite=not value)]
        assert get_result(broken, {"offsite": {rule: True}}, since=ago(days=9)) == "fail"

    def test_later_evaluation(self) -> None:
        """At as_of, 2 days after the read, the hidden seconds from ``until`` to the read are 2 days old."""
        rule = _points("min_count", {"limit": 1, "within": "2d"})
        assert get_result([], rule, until=ago(hours=1), later=48 * HOUR) == "unknown"
        assert get_result([], rule, until=ago(hours=1), later=48 * HOUR + 1) == "fail"


class TestContinuous:
    @pytest.mark.parametrize(
        ("first", "last", "usable", "within", "expected"),
        [
            # Hours before NOW of both ends.
            (48, 1, True, None, "pass"),
            (48, None, True, None, "pass"),
            (None, 1, True, None, "pass"),
            (None, None, True, None, "unknown"),
            (48, 1, None, None, "unknown"),
            (48, 1, False, None, "fail"),
            (48, 1, True, "1h", "pass"),
            (48, 1, True, "59m", "fail"),
            (None, 1, True, "1h", "pass"),
            (None, 1, True, "59m", "fail"),
            (48, None, True, "2d", "pass"),
            # It may have ended later.
            (48, None, True, "47h", "unknown"),
            (None, None, True, "1h", "unknown"),
            (48, 1, None, "1h", "unknown"),
            (48, 1, None, "59m", "fail"),
        ],
    )
    def test_min_count(
        self, first: int | None, last: int | None, usable: bool | None, within: str | None, expected: str
    ) -> None:
        one = point(
            kind="continuous",
            usable=usable,
            restorable_from=None if first is None else moment(hours=first),
            restorable_until=None if last is None else moment(hours=last),
        )
        rule = {"limit": 1, **({"within": within} if within else {})}
        assert get_result([one], _points("min_count", rule, backup_types=["full", "continuous"])) == expected
        assert get_result([one], {"backup_types": {"continuous": {"min_count": rule}}}) == expected
        assert get_result([one], _points("min_count", rule)) == "fail"

    def test_max_count(self) -> None:
        one = point(kind="continuous", restorable_from=moment(days=2), restorable_until=moment(hours=1))
        named = {"backup_types": {"continuous": {"max_count": 1}}}
        assert get_result([one], named) == "pass"
        assert get_result([one, point(kind="continuous")], named) == "unknown"
        assert get_result([one, point(kind="continuous", restorable_from=moment())], named) == "fail"
        assert get_result([one, one], _points("max_count", 1)) == "pass"


class TestFailedRuns:
    @pytest.mark.parametrize(
        ("points", "limit", "expected"),
        [
            (nightly(9), 0, "pass"),
            (nightly(2, status="failed"), 2, "pass"),
            (nightly(2, status="failed"), 1, "fail"),
            (nightly(2, status="failed", usable=False), 1, "fail"),
            (nightly(2, status="failed", kind="log"), 1, "fail"),
            (nightly(2, status="failed", kind="config", usable=None), 1, "fail"),
            (nightly(2, status="warning"), 0, "pass"),
            (nightly(2, status="running"), 0, "pass"),
            (nightly(2, status="unknown"), 1, "unknown"),
            (nightly(2, status="unknown"), 2, "pass"),
            ([*nightly(1, status="failed"), *nightly(2, status="unknown")], 3, "pass"),
            ([*nightly(1, status="failed"), *nightly(2, status="unknown")], 2, "unknown"),
            ([*nightly(1, status="failed"), *nightly(2, status="unknown")], 0, "fail"),
            (undated(1, status="failed"), 0, "unknown"),
            (undated(1, status="unknown"), 0, "unknown"),
            (undated(1, status="success"), 0, "pass"),
            (undated(1, status="failed"), 1, "pass"),
            ([], 0, "pass"),
        ],
    )
    def test_counts(self, points: list[RecoveryPoint], limit: int, expected: str) -> None:
        assert get_result(points, _points("max_failed_runs", limit)) == expected
        # A product that does not list failed runs.
        silent = get_result(points, _points("max_failed_runs", limit), failed_runs=False)
        assert silent == ("unknown" if expected == "pass" else expected)

    def test_window(self) -> None:
        rule = _points("max_failed_runs", {"limit": 0, "within": "2d"})
        check([point(days=2, status="failed")], rule, "fail", "1 failed run in the last 2d, at most 0 allowed")
        assert get_result([point(days=2, seconds=1, status="failed")], rule) == "pass"
        assert get_result([point(days=2, seconds=1, status="failed")], rule, skew=301) == "unknown"
        assert get_result([point(days=1)], rule, since=ago(days=2)) == "pass"
        assert get_result([point(days=1)], rule, since=ago(days=2, seconds=-1)) == "unknown"
        assert get_result([point(days=1)], rule, until=ago(seconds=1)) == "unknown"
        assert get_result([point(days=1)], _points("max_failed_runs", 0), since=ago(days=99)) == "unknown"

    def test_warning(self) -> None:
        """Failed and open runs count; 4 of 5 are 80%."""
        points = [*nightly(3, status="failed"), point(status="unknown")]
        rule = {"limit": 5, "warn_at": "80%"}
        assert find(points, _points("max_failed_runs", rule))["actual"] == 4
        assert get_result(points, _points("max_failed_runs", rule)) == "pass"
        assert get_result(points, _points("max_failed_runs", {**rule, "warn_at": "79%"})) == "warn"
