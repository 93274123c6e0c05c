# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""locations.min_count, min_types and max_age, and copies.min_count."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR
from tests.unit.plugins.module_utils._policy.policy_points import ago, findings, nightly, point, read, row
from tests.unit.plugins.module_utils._policy.rules.cases import check, counted, find, get_result, times, undated, utc

DISK, CLOUD, NAMELESS = ("repo", "disk"), ("s3", "object"), (None, "disk")


def at(hours: float, *locations: Any, **facts: Any) -> RecoveryPoint:
    """Build a point of that age in these locations: a name, or (name, type)."""
    return point(hours=hours, locations=list(locations), **facts)


def names(limit: int, max_age: str | None = None, **facts: Any) -> dict[str, Any]:
    return {"locations": {"min_count": limit, **({"max_age": max_age} if max_age else {}), **facts}}


def first(points: list[RecoveryPoint], rules: dict[str, Any], **given: Any) -> dict[str, Any]:
    """Return the finding of the first rule; a maximum age next to it is a separate rule."""
    return dict(findings(row(points), rules, **given)[0])


TWO = [at(5, DISK, CLOUD), at(29, DISK)]
STALE = [at(5, DISK), at(72, CLOUD)]


@pytest.mark.parametrize(
    ("points", "rules", "expected", "message"),
    [
        (TWO, names(2), "pass", "2 locations with a recovery point, at least 2 required"),
        (TWO, names(3), "fail", "2 locations with a recovery point, at least 3 required"),
        ([], names(1), "fail", "0 locations with a recovery point"),
        ([at(5, "Repo A", " repo a ")], names(2), "fail", "1 location with"),
        ([at(5, "stra\u00dfe", "STRASSE")], names(2), "fail", "1 location with"),
        # Locations without a name count as one, or as none if another location has a name.
        ([at(5, None, "", " ")], names(1), "pass", "1 location with"),
        ([at(5, None, "", " ")], names(2), "unknown", "1 known, at least 2 required; name unknown for some locations"),
        ([at(5, None), at(6, "repo")], names(1), "pass", "1 location with"),
        ([at(5, None), at(6, "repo")], names(2), "unknown", "1 known, at least 2 required"),
        # Locations that are not reported. An empty list is the same.
        (nightly(3), names(1), "unknown", "locations of some recovery points not reported"),
        ([at(5, "repo"), at(6)], names(1), "pass", "1 location with"),
        ([at(5, "repo"), at(6)], names(9), "unknown", "locations of some recovery points not reported"),
        ([at(5, "repo"), at(6, usable=None)], names(2), "unknown", "locations of some recovery points not reported"),
        # Locations of points that may not be usable, or may not be recovery points.
        ([at(5, "repo"), at(6, "s3", usable=None)], names(2), "unknown", "1 known, at least 2 required"),
        ([at(5, "repo"), at(6, "s3", kind="unknown")], names(2), "unknown", "1 known, at least 2 required"),
        ([at(5, "repo"), at(6, "s3", usable=None)], names(3), "fail", "1 location with"),
        ([at(5, "repo"), at(6, "repo", usable=None)], names(2), "fail", "1 location with"),
        ([at(5, "repo"), at(6, None, usable=None)], names(2), "unknown", "name unknown for some locations"),
        ([at(5, None, usable=None)], names(1), "unknown", "0 known, at least 1 required"),
        ([at(5, "repo"), at(6, "s3", usable=False)], names(2), "fail", "1 location with"),
        ([at(5, "repo"), at(6, "s3", kind="snapshot"), at(6, kind="log")], names(2), "fail", "1 location with"),
        ([at(5, "repo"), at(6, "s3", kind="continuous")], names(2), "fail", "1 location with"),
        ([at(5, "repo"), *undated(locations=["s3"])], names(2), "unknown", "time unknown for some recovery points"),
        ([at(5, "repo"), *counted(locations=["s3"])], names(2), "unknown", "time unknown for some recovery points"),
        ([at(5, "repo"), *undated(kind="log")], names(2), "fail", "1 location with"),
        # Types.
        (TWO, {"locations": {"min_types": 2}}, "pass", "2 location types with a recovery point, at least 2 required"),
        (TWO, {"locations": {"min_types": 3}}, "fail", "2 location types with"),
        ([at(5, ("a", "disk"), ("b", "Disk "))], {"locations": {"min_types": 2}}, "fail", "1 location type with"),
        ([at(5, DISK, ("x", None))], {"locations": {"min_types": 2}}, "unknown", "type unknown for some locations"),
        ([at(5, ("x", None), ("y", None))], {"locations": {"min_types": 1}}, "pass", "1 location type with"),
        ([at(5, ("x", None), ("y", None))], {"locations": {"min_types": 2}}, "unknown", "1 known, at least 2"),
        ([at(5, DISK), at(6, CLOUD, usable=None)], {"locations": {"min_types": 2}}, "unknown", "1 known, at least 2"),
        # The type "other" is unknown.
        (
            [at(5, DISK, ("x", "other"))],
            {"locations": {"min_types": 2}},
            "unknown",
            "type unknown for some locations",
        ),
        ([at(5, DISK, ("x", " Other "))], {"locations": {"min_types": 2}}, "unknown", "1 known, at least 2"),
        ([at(5, ("x", "other"), ("y", None))], {"locations": {"min_types": 2}}, "unknown", "1 known, at least 2"),
        ([at(5, ("x", "other"))], {"locations": {"min_types": 1}}, "pass", "1 location type with"),
        ([at(5, DISK), at(6, ("x", "other"), usable=None)], {"locations": {"min_types": 2}}, "unknown", "1 known"),
        ([at(5, DISK, ("unknown", "object"))], {"locations": {"min_types": 2}}, "pass", "2 location types with"),
        ([at(5, "unknown", "repo")], names(2), "pass", "2 locations with"),
        (nightly(3), {"locations": {"min_types": 1}}, "unknown", "locations of some recovery points not reported"),
        # Age of the newest point with a location.
        (TWO, {"locations": {"max_age": "5h"}}, "pass", "newest recovery point in a known location is 5h old"),
        (TWO, {"locations": {"max_age": "4h"}}, "fail", "is 5h old (maximum 4h)"),
        (TWO, {"locations": {"max_age": {"limit": "6h", "warn_at": "80%"}}}, "warn", "is 5h old"),
        ([at(5, NAMELESS)], {"locations": {"max_age": "5h"}}, "pass", "is 5h old"),
        ([], {"locations": {"max_age": "5h"}}, "fail", "no recovery points in a known location"),
        ([at(4), *TWO], {"locations": {"max_age": "4h"}}, "unknown", "locations of some recovery points not reported"),
        ([at(4), *TWO], {"locations": {"max_age": "3h"}}, "fail", "is 5h old"),
        ([at(4), *TWO], {"locations": {"max_age": "5h"}}, "pass", "is 5h old"),
        ([at(4, "x", usable=None), *TWO], {"locations": {"max_age": "4h"}}, "unknown", "not reported"),
        ([at(4, "x", usable=None), *TWO], {"locations": {"max_age": "3h"}}, "fail", "is 5h old"),
        ([at(5)], {"locations": {"max_age": "4h"}}, "fail", "no recovery points in a known location"),
        ([*TWO, *undated(locations=["x"])], {"locations": {"max_age": "4h"}}, "unknown", "(maximum 4h)"),
        ([at(1, "x", kind="snapshot"), *TWO], {"locations": {"max_age": "4h"}}, "fail", "is 5h old"),
    ],
)
def test_cases(points: list[RecoveryPoint], rules: dict[str, Any], expected: str, message: str) -> None:
    check(points, rules, expected, message)


@pytest.mark.parametrize(
    ("points", "known", "expected"),
    [
        ([("20T22:00", "Repo A"), ("20T22:00", "repo a ")], 1, "fail"),
        ([("20T22:00", "Repo A"), ("18T07:00", "B")], 1, "fail"),
        ([("20T22:00", "Repo A"), ("20T22:00", None)], 1, "unknown"),
    ],
)
def test_example(points: list[tuple[str, str | None]], known: int, expected: str) -> None:
    """The example in docs/reference/evaluation.md: the maximum age of recovery_points applies, as_of is 08:00."""
    made = [point(created=utc(time), locations=[name]) for time, name in points]
    rules = {"locations": {"min_count": 2}, "recovery_points": {"max_age": "26h"}}
    found = findings(row(made), rules, as_of=utc("21T08:00"))[0]
    assert (found["result"], found["actual"]) == (expected, known)


def test_example_with_a_possible_point() -> None:
    made = [point(created=utc("20T22:00"), locations=["A"]), *times("20T21:00", usable=None, locations=["B"])]
    assert first(made, {"locations": {"min_count": 2}, "recovery_points": {"max_age": "26h"}})["result"] == "unknown"


class TestMaximumAge:
    """Only recent points count: locations.max_age, else recovery_points.max_age, else any age."""

    @pytest.mark.parametrize(
        ("rules", "expected"),
        [
            (names(2), "pass"),
            (names(2, "3d"), "pass"),
            (names(2, "71h"), "fail"),
            ({**names(2), "recovery_points": {"max_age": "71h"}}, "fail"),
            ({**names(2), "recovery_points": {"max_age": {"limit": "71h", "warn_at": "50%"}}}, "fail"),
            ({**names(2, "3d"), "recovery_points": {"max_age": "1h"}}, "pass"),
            ({"copies": {"min_count": 2, "include_production": False}, "locations": {"max_age": "71h"}}, "fail"),
            ({"copies": {"min_count": 2, "include_production": False}, "recovery_points": {"max_age": "3d"}}, "pass"),
            ({"locations": {"min_types": 2, "max_age": "71h"}}, "fail"),
            ({"locations": {"min_types": 2, "max_age": "3d"}}, "pass"),
        ],
    )
    def test_which_age_applies(self, rules: dict[str, Any], expected: str) -> None:
        assert first(STALE, rules)["result"] == expected

    def test_age_of_exactly_the_limit(self) -> None:
        points = [at(5, DISK), point(days=3, seconds=1, locations=["s3"])]
        assert first(points, names(2, "3d"))["result"] == "fail"
        assert "2 locations with a recovery point at most 3d old" in first(STALE, names(2, "3d"))["message"]
        assert first(STALE, names(2, "74h"), as_of=utc("21T09:00"))["result"] == "pass"
        assert first(STALE, names(2, "74h"), as_of=utc("21T09:00:01"))["result"] == "fail"

    def test_old_points_do_not_matter(self) -> None:
        for old in (at(72), at(72, None), at(72, "s3", usable=None)):
            assert first([at(5, DISK), old], names(2, "71h"))["result"] == "fail"
            assert first([at(5, DISK), old], names(2, "72h"))["result"] == "unknown"

    def test_the_newest_point_of_a_location_counts(self) -> None:
        assert first([at(5, DISK), at(72, CLOUD), at(6, CLOUD)], names(2, "6h"))["result"] == "pass"

    def test_weekdays(self) -> None:
        """NOW is a Saturday at 07:00. The point of Thursday 19:00 is 29 hours old on working days."""
        points = [at(5, DISK), point(created=utc("19T19:00"), locations=["s3"])]
        assert first(points, names(2, "29h", weekdays=["mon..fri"]))["result"] == "pass"
        assert first(points, names(2, "28h", weekdays=["mon..fri"]))["result"] == "fail"


class TestHiddenTime:
    @pytest.mark.parametrize("rules", [names(3), {"locations": {"min_types": 3}}, {"copies": {"min_count": 3}}])
    def test_any_time(self, rules: dict[str, Any]) -> None:
        check(TWO, rules, "unknown", "were not read", since=ago(days=9), in_inventory=False)
        check(TWO, rules, "unknown", "were not read", until=ago(hours=1), in_inventory=False)

    def test_enough_known_locations(self) -> None:
        assert get_result(TWO, names(2), since=ago(days=9)) == "pass"

    @pytest.mark.parametrize(("limit", "expected"), [("777600s", "fail"), ("777601s", "unknown")])
    def test_recent_time(self, limit: str, expected: str) -> None:
        """The last hidden second is 9 days and 1 second old."""
        copies = {"copies": {"min_count": 3, "include_production": False}}
        assert get_result([], {"locations": {"max_age": limit}}, since=ago(days=9)) == expected
        for rules in ({"locations": {"min_count": 3}}, {"locations": {"min_types": 3}}, copies):
            given = read(row(TWO), selection={"since": ago(days=9)})
            found = findings(given, {**rules, "recovery_points": {"max_age": limit}})[0]
            assert found["result"] == expected

    def test_time_after_until(self) -> None:
        rules = {"locations": {"max_age": "1h"}}
        assert get_result(TWO, rules, until=ago(hours=2), later=HOUR) == "unknown"
        assert get_result(TWO, rules, until=ago(hours=2), later=HOUR + 1) == "fail"


class TestCopies:
    @pytest.mark.parametrize(
        ("in_inventory", "limit", "expected", "message"),
        [
            (True, 3, "pass", "3 copies (locations with a recovery point, plus production), at least 3 required"),
            (True, 4, "fail", "3 copies"),
            (None, 3, "unknown", "existence of the production copy unknown"),
            (None, 2, "pass", "2 copies"),
            (None, 4, "fail", "2 copies"),
            (False, 3, "fail", "2 copies"),
            (False, 2, "pass", "2 copies"),
        ],
    )
    def test_production(self, in_inventory: bool | None, limit: int, expected: str, message: str) -> None:
        check(TWO, {"copies": {"min_count": limit}}, expected, message, in_inventory=in_inventory)

    @pytest.mark.parametrize("in_inventory", [True, None, False])
    def test_without_production(self, in_inventory: bool | None) -> None:
        rules = {"copies": {"min_count": 3, "include_production": False}}
        text = "2 copies (locations with a recovery point), at least 3 required"
        check(TWO, rules, "fail", text, in_inventory=in_inventory)

    def test_locations_that_are_not_reported(self) -> None:
        check(nightly(3), {"copies": {"min_count": 2}}, "unknown", "1 known", in_inventory=True)
        assert get_result([at(5, "a"), at(6, "b", usable=None)], {"copies": {"min_count": 3}}) == "unknown"
        assert get_result([at(5, "a"), at(6, "b", usable=None)], {"copies": {"min_count": 4}}) == "fail"
        assert get_result([], {"copies": {"min_count": 1}}, in_inventory=True) == "pass"


class TestDeclaredTypes:
    POINTS = (at(5, DISK, declared=("location_type",)), at(6, CLOUD))

    def test_a_type_that_is_not_accepted_is_not_known(self) -> None:
        rules = {"locations": {"min_types": 2}}
        check(self.POINTS, rules, "unknown", "type unknown for some locations")
        assert get_result(self.POINTS, {"locations": {"min_types": 1}}) == "pass"
        assert get_result(self.POINTS, {**rules, "accept": ["inferred"]}) == "unknown"

    def test_certainty(self) -> None:
        found = find(self.POINTS, {"locations": {"min_types": 2}, "accept": ["declared"]})
        assert (found["result"], found["certainty"]) == ("pass", "declared")
        found = find(self.POINTS, {"locations": {"min_types": 1}, "accept": ["declared"]})
        assert (found["result"], found["certainty"]) == ("pass", "reported")

    def test_names_of_locations_are_accepted(self) -> None:
        assert get_result(self.POINTS, names(2)) == "pass"


@pytest.mark.parametrize("skew", [301, -301])
def test_a_wrong_clock(skew: int) -> None:
    text = "clock of vbr1 is off by 5m"
    check(TWO, {"locations": {"max_age": "9d"}}, "unknown", text, skew=skew)
    for rules in ({"locations": {"min_count": 1}}, {"locations": {"min_types": 1}}, {"copies": {"min_count": 1}}):
        # This matters only if a maximum age applies.
        assert get_result(TWO, rules, skew=skew) == "pass"
        given = read(row(TWO), server={"clock_skew_seconds": skew})
        found = findings(given, {**rules, "recovery_points": {"max_age": "9d"}})[0]
        assert (found["result"], text in found["message"]) == ("unknown", True)
