# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about points, locations and sizes: known facts of a row, and the resulting finding."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES
from tests.unit.plugins.module_utils._policy.policy_rows import EMPTY, Case, ago, findings, row, with_attribute
from tests.unit.plugins.module_utils._policy.rules import test_counts_and_ages


def _fact(count: int = 0, unknown: int = 0, false: int = 0) -> dict[str, Any]:
    """Build one attribute: the newest points have it, then come unknown ones, then those that do not have it."""
    facts: dict[str, Any] = {"count": count}
    if count:
        facts.update(newest=ago(hours=5), oldest=ago(days=9))
    if unknown:
        facts.update(unknown=unknown, newest_unknown=ago(days=10), oldest_unknown=ago(days=19))
    if false:
        facts.update({"false": false, "newest_false": ago(days=20)})
    return facts


def _fact_cases(name: str) -> list[Case]:
    """Build the same cases for each attribute that is a fact about a point."""

    def case(title: str, facts: dict[str, Any], rules: dict[str, Any], result: str, message: str) -> Case:
        return (f"{name} {title}", with_attribute(name, facts), {name: rules}, result, message)

    return [
        case("enough", _fact(count=3, false=27), {"min_count": 3}, "pass", "is 3, wanted are at least 3"),
        case("too few", _fact(count=3, false=27), {"min_count": 4}, "fail", "is 3, wanted are at least 4"),
        case(
            "perhaps", _fact(count=3, unknown=1, false=26), {"min_count": 4}, "unknown", "3 are known, and of 1 points"
        ),
        case("silent of one", {"count": 29}, {"all": True}, "unknown", "of 1 points"),
        case("silent", {"count": 0}, {"min_count": 1}, "unknown", "of 30 points the product does not tell"),
        case("back", _fact(count=3, false=27), {"min_retention": "9d"}, "pass", "is 9d old"),
        case("not back", _fact(count=3, false=27), {"min_retention": "10d"}, "fail", "is 9d old"),
        case("perhaps back", _fact(count=3, unknown=27), {"min_retention": "19d"}, "unknown", "cannot tell"),
        case("all", _fact(count=30), {"all": True}, "pass", "every recovery point is"),
        case("not all", _fact(count=29, false=1), {"all": True}, "fail", "is 1, allowed are none"),
        case("perhaps all", _fact(count=29, unknown=1), {"all": True}, "unknown", "of 1 points"),
        case("one false decides", _fact(count=20, unknown=9, false=1), {"all": True}, "fail", "is 1"),
        case("all lately", _fact(count=20, false=10), {"all": {"within": "19d"}}, "pass", "of the last 19d"),
        case("not all lately", _fact(count=20, false=10), {"all": {"within": "20d"}}, "fail", "of the last 20d"),
        case("perhaps all lately", _fact(count=20, unknown=10), {"all": {"within": "10d"}}, "unknown", "of 10 points"),
        case("none", _fact(false=30), {"none": True}, "pass", "no recovery point is"),
        case("some", _fact(count=1, false=29), {"none": True}, "fail", "is 1, allowed are none"),
        case("perhaps none", _fact(unknown=1, false=29), {"none": True}, "unknown", "of 1 points"),
        case("none lately", _fact(false=30), {"none": {"within": "5h"}}, "fail", "there is no recovery point"),
    ]


FACTS: list[Case] = [
    case
    for name in ("restore_tested", "integrity_checked", "offsite", "immutable", "encrypted")
    for case in _fact_cases(name)
]
NOTHING: list[Case] = [
    (f"{name}.{rule} of nothing", EMPTY, {name: {rule: True}}, "fail", "there is no recovery point")
    for name in ("restore_tested", "integrity_checked", "offsite", "immutable", "encrypted", "malware")
    for rule in ("all", "none")
]
AGES: list[Case] = [
    (f"{name} {title}", with_attribute(name, facts), {name: {"max_age": "26h"}}, result, message)
    for name in ("offsite", "immutable", "encrypted")
    for title, facts, result, message in (
        ("young", _fact(count=3, false=27), "pass", "is 5h old, allowed are 1d 2h"),
        ("old", {"count": 3, "newest": ago(days=2), "false": 27}, "fail", "is 2d old, allowed are 1d 2h"),
        ("none", {"count": 0, "false": 30, "newest_false": ago(hours=5)}, "fail", "there is no"),
        ("perhaps young", {"count": 0, "unknown": 30, "newest_unknown": ago(hours=5)}, "unknown", "of 30 points"),
        ("unknown but old", {"count": 0, "unknown": 30, "newest_unknown": ago(days=2)}, "fail", "there is no"),
        ("silent", {"count": 0}, "unknown", "of 30 points"),
    )
]
_TESTED = {"count": 1, "newest": ago(days=200), "oldest": ago(days=200), "false": 29}
TESTS: list[Case] = [
    (f"{name} {title}", with_attribute(name, facts), {name: {"max_age": "90d"}}, result, message)
    for name in ("restore_tested", "integrity_checked")
    for title, facts, result, message in (
        # An old point that was tested recently: the test counts.
        ("lately", {**_TESTED, "tested_at": ago(days=90)}, "pass", "is 90d old, allowed are 90d"),
        ("long ago", {**_TESTED, "tested_at": ago(days=91)}, "fail", "is 91d old, allowed are 90d"),
        ("some time", _TESTED, "unknown", "the date of the test is not told"),
        ("young, so tested lately", {**_TESTED, "newest": ago(days=3)}, "pass", "that of the point is taken"),
        ("never", {"count": 0, "false": 30}, "fail", "there is no"),
        # The points are old, but any of them may have been tested yesterday.
        ("perhaps", {"count": 0, "unknown": 30, "newest_unknown": ago(days=200)}, "unknown", "of 30 points"),
    )
]
MALWARE: list[Case] = [
    ("clean", row(malware={"clean": 30}), {"malware": {"none": True}}, "pass", "no recovery point is suspicious"),
    ("all clean", row(malware={"clean": 30}), {"malware": {"all": True}}, "pass", "no recovery point is suspicious"),
    ("infected", row(malware={"clean": 29, "infected": 1}), {"malware": {"none": True}}, "fail", "is 1, allowed are"),
    ("suspicious", row(malware={"clean": 28, "suspicious": 2}), {"malware": {"all": True}}, "fail", "infected is 2"),
    ("not scanned", row(malware={"clean": 29, "unknown": 1}), {"malware": {"none": True}}, "unknown", "of 1 points"),
    ("silent", row(), {"malware": {"none": True}}, "unknown", "of 30 points"),
    (
        "clean again",
        row(malware={"clean": 20, "infected": 10}, malware_newest={"infected": ago(days=8), "clean": ago(hours=5)}),
        {"malware": {"none": {"within": "7d"}}},
        "pass",
        "no recovery point of the last 7d",
    ),
    (
        "lately infected",
        row(malware={"clean": 20, "infected": 10}, malware_newest={"infected": ago(days=7), "clean": ago(hours=5)}),
        {"malware": {"none": {"within": "7d"}}},
        "fail",
        "of the last 7d that are suspicious or infected",
    ),
    (
        "times not told",
        row(malware={"clean": 20, "infected": 10}),
        {"malware": {"none": {"within": "7d"}}},
        "unknown",
        "times of points that break it are not told",
    ),
]
_TWO = [
    {"location": "repo", "location_type": "disk", "count": 30, "newest": ago(hours=5)},
    {"location": "s3", "location_type": "object", "count": 9, "newest": ago(days=3)},
]
_LISTLESS = {"count": 4, "newest": ago(hours=6)}
LOCATIONS: list[Case] = [
    (
        "two",
        row(locations=_TWO),
        {"locations": {"min_count": 2}},
        "pass",
        "number of locations with a recovery point is 2",
    ),
    ("one too few", row(locations=_TWO), {"locations": {"min_count": 3}}, "fail", "is 2, wanted are at least 3"),
    ("not listed", row(), {"locations": {"min_count": 1}}, "unknown", "does not list where they lie"),
    ("no points", EMPTY, {"locations": {"min_count": 1}}, "fail", "is 0"),
    (
        "some not listed",
        row(locations=_TWO, locations_unknown=_LISTLESS),
        {"locations": {"min_count": 3}},
        "unknown",
        "2 are known",
    ),
    (
        "only one young",
        row(locations=_TWO),
        {"locations": {"min_count": 2, "max_age": "26h"}},
        "fail",
        "number of locations with a recovery point at most 1d 2h old is 1",
    ),
    (
        "as young as is asked",
        row(locations=_TWO),
        {"locations": {"min_count": 2, "max_age": "3d"}},
        "pass",
        "at most 3d old is 2",
    ),
    (
        "all listed",
        row(locations=_TWO, locations_unknown={"count": 0}),
        {"locations": {"min_count": 3}},
        "fail",
        "is 2",
    ),
    (
        "unlisted ones are old",
        row(locations=_TWO, locations_unknown={"count": 4, "newest": ago(days=5)}),
        {"locations": {"min_count": 2, "max_age": "26h"}},
        "fail",
        "is 1",
    ),
    (
        "age of one not told",
        row(locations=[_TWO[0], {"location": "tape", "count": 3}]),
        {"locations": {"min_count": 2, "max_age": "26h"}},
        "unknown",
        "1 are known, of 1 locations the age is not told",
    ),
    (
        "no name, perhaps another place",
        row(locations=[_TWO[0], {"location_type": "disk", "count": 3, "newest": ago(hours=5)}]),
        {"locations": {"min_count": 2}},
        "unknown",
        "1 are known, 1 of them without a name",
    ),
    ("one place twice", row(locations=[_TWO[0], _TWO[0]]), {"locations": {"min_count": 2}}, "fail", "is 1"),
    ("types", row(locations=_TWO), {"locations": {"min_types": 2}}, "pass", "number of types of location"),
    ("types too few", row(locations=_TWO), {"locations": {"min_types": 3}}, "fail", "is 2"),
    (
        "a type not told",
        row(locations=[_TWO[0], {"location": "x", "count": 1, "newest": ago(hours=5)}]),
        {"locations": {"min_types": 2}},
        "unknown",
        "1 are known, of 1 locations the type is not told",
    ),
    (
        "one untyped place is one type",
        row(locations=[{"location": "x", "count": 1, "newest": ago(hours=5)}]),
        {"locations": {"min_types": 2}},
        "fail",
        "is 1",
    ),
    ("young place", row(locations=_TWO), {"locations": {"max_age": "5h"}}, "pass", "is 5h old"),
    (
        "nearly old",
        row(locations=_TWO),
        {"locations": {"max_age": {"limit": "6h", "warn_at": "80%"}}},
        "warn",
        "5h",
    ),
    (
        "between warning and limit it may be",
        row(
            locations=[{"location": "tape", "count": 3}, _TWO[1]],
            locations_unknown={"count": 4, "newest": ago(hours=6)},
        ),
        {"locations": {"max_age": {"limit": "6h", "warn_at": "50%"}}},
        "unknown",
        "does not list",
    ),
    ("old places", row(locations=_TWO), {"locations": {"max_age": "4h"}}, "fail", "is 5h old"),
    (
        "perhaps a young place",
        row(locations=_TWO, locations_unknown={"count": 1, "newest": ago(hours=1)}),
        {"locations": {"max_age": "4h"}},
        "unknown",
        "does not list",
    ),
    (
        "copies",
        row(locations=_TWO, in_inventory=True),
        {"copies": {"min_count": 3}},
        "pass",
        "with a recovery point is 3",
    ),
    ("copies too few", row(locations=_TWO, in_inventory=True), {"copies": {"min_count": 4}}, "fail", "is 3"),
    ("production not told", row(locations=_TWO), {"copies": {"min_count": 3}}, "unknown", "still exists"),
    ("production not needed", row(locations=_TWO), {"copies": {"min_count": 2}}, "pass", "is 2"),
    ("production no help", row(locations=_TWO), {"copies": {"min_count": 4}}, "fail", "is 2"),
    ("no production", row(locations=_TWO), {"copies": {"min_count": 3, "include_production": False}}, "fail", "is 2"),
    ("gone production", row(locations=_TWO, in_inventory=False), {"copies": {"min_count": 3}}, "fail", "is 2"),
    ("copies not told", row(in_inventory=True), {"copies": {"min_count": 2}}, "unknown", "1 are known"),
]


def _sized(newest: int | None, median: int | None) -> dict[str, Any]:
    return row(
        newest_kind="incremental",
        newest_size_bytes=newest,
        median_size_bytes=None if median is None else {"full": 9999, "incremental": median},
    )


_HALF = {"size": {"min_percent_of_median": "50%"}}
SIZE: list[Case] = [
    ("half", _sized(50, 100), _HALF, "pass", "has 50% of the median size of its kind, wanted is at least 50%"),
    ("shrunk", _sized(499, 1000), _HALF, "fail", "has 49% of the median"),
    ("no size", _sized(None, 100), _HALF, "unknown", "does not tell the sizes"),
    ("no median", _sized(50, None), _HALF, "unknown", "does not tell the sizes"),
    ("empty backups", _sized(0, 0), _HALF, "unknown", "is 0 bytes"),
    ("no points", EMPTY, _HALF, "fail", "there is no recovery point"),
]


def _restored(**test: Any) -> dict[str, Any]:
    output = {"result": "passed", "tested_at": ago(days=3), "seconds": 3600, "message": None, **test}
    return with_attribute("restore_tested", {"count": 0, "unknown": 30, "restore": output})


_HOUR = {"restore_tested": {"max_restore_time": "1h"}}
_WEEK = {"restore_tested": {"max_age": "7d"}}
_FAILED = "the newest restore test, of 2026-11-18T07:00:00Z, failed: rows are missing"
RESTORES: list[Case] = [
    ("restored in time", _restored(), _HOUR, "pass", "restore test took 1h, allowed are 1h"),
    ("restored too slowly", _restored(seconds=3601), _HOUR, "fail", "took 1h and 1s"),
    ("not restored", row(), _HOUR, "unknown", "no restore test of it is on record"),
    ("not even restored", _restored(result="failed", message="rows are missing"), _HOUR, "fail", _FAILED),
    ("restored lately", _restored(), _WEEK, "pass", "is 3d old"),
    ("restored long ago", _restored(tested_at=ago(days=8)), _WEEK, "unknown", "of 30 points"),
    ("restored in vain", _restored(result="failed", message="rows are missing"), _WEEK, "fail", _FAILED),
]
CASES = [*RESTORES, *FACTS, *NOTHING, *AGES, *TESTS, *MALWARE, *LOCATIONS, *SIZE]


@pytest.mark.parametrize(("_title", "workload", "policy", "result", "message"), CASES, ids=[case[0] for case in CASES])
def test_case(_title: str, workload: dict[str, Any], policy: dict[str, Any], result: str, message: str) -> None:
    # A second rule of the attribute only defines which points count for the first.
    found = findings(workload, {**policy, "on_unknown": "ignore"})[0]
    assert found["result"] == result, found["message"]
    assert message in found["message"]
    assert (found["certainty"] == "unknown") == (result == "unknown")
    assert "\0" not in found["message"]


def test_every_rule_of_every_attribute_passes_and_fails_somewhere() -> None:
    """The cases of both files cover every pair of attribute and rule, each with a pass and a fail."""
    seen: dict[tuple[str, str], set[str]] = {}
    for _title, _row, policy, result, _message in (*CASES, *test_counts_and_ages.CASES):
        ((attribute, rules),) = policy.items()
        seen.setdefault((attribute, next(iter(rules))), set()).add(result)
    wanted = {(attribute.name, rule.name) for attribute in ATTRIBUTES.values() for rule in attribute.rules}
    lacking = {pair: {"pass", "fail"} - seen.get(pair, set()) for pair in wanted}
    assert {pair: results for pair, results in lacking.items() if results} == {}
