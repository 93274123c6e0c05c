# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about points, locations and sizes: known facts of a row, and the resulting finding."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import ATTRIBUTES
from tests.unit.plugins.module_utils._policy.policy_rows import (
    EMPTY,
    Case,
    ago,
    findings,
    has_placeholder,
    is_unknown_text,
    row,
    with_attribute,
)
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


_FEW, _LATELY = _fact(count=3, false=27), _fact(count=20, false=10)
# The same cases for each attribute that is a fact about a point.
_EVERY_FACT: list[Case] = [
    ("enough", _FEW, {"min_count": 3}, "pass", "3 {word} recovery points, at least 3 required"),
    ("too few", _FEW, {"min_count": 4}, "fail", "3 {word} recovery points, at least 4 required"),
    (
        "perhaps",
        _fact(count=3, unknown=1, false=26),
        {"min_count": 4},
        "unknown",
        "recovery points: 3 known, at least 4 required; {fact} unknown for 1 recovery point",
    ),
    ("silent of one", {"count": 29}, {"all": True}, "unknown", "{fact} unknown for 1 recovery point"),
    ("silent", {"count": 0}, {"min_count": 1}, "unknown", "1 required; {fact} unknown for 30 recovery points"),
    ("back", _FEW, {"min_retention": "9d"}, "pass", "is 9d old, at least 9d required"),
    ("not back", _FEW, {"min_retention": "10d"}, "fail", "is 9d old, at least 10d required"),
    (
        "perhaps back",
        _fact(count=3, unknown=27),
        {"min_retention": "19d"},
        "unknown",
        "unknown (at least 19d required)",
    ),
    ("all", _fact(count=30), {"all": True}, "pass", "all recovery points are {word}"),
    ("not all", _fact(count=29, false=1), {"all": True}, "fail", "1 recovery point is not {word} (all must be {word})"),
    ("perhaps all", _fact(count=29, unknown=1), {"all": True}, "unknown", "{fact} unknown for 1 recovery point"),
    ("one false decides", _fact(count=20, unknown=9, false=1), {"all": True}, "fail", "1 recovery point is not {word}"),
    ("all lately", _LATELY, {"all": {"within": "19d"}}, "pass", "points from the last 19d are {word}"),
    ("not all lately", _LATELY, {"all": {"within": "20d"}}, "fail", "not all recovery points from the last 20d are"),
    (
        "perhaps all lately",
        _fact(count=20, unknown=10),
        {"all": {"within": "10d"}},
        "unknown",
        "for 10 recovery points",
    ),
    ("none", _fact(false=30), {"none": True}, "pass", "no recovery point is {word}"),
    ("some", _fact(count=1, false=29), {"none": True}, "fail", "1 recovery point is {word} (none allowed)"),
    ("perhaps none", _fact(unknown=1, false=29), {"none": True}, "unknown", "{fact} unknown for 1 recovery point"),
    (
        "none lately",
        _fact(false=30),
        {"none": {"within": "5h"}},
        "fail",
        "no recovery points from the last 5h (at least 1",
    ),
]
FACTS: list[Case] = [
    (f"{name} {title}", with_attribute(name, facts), {name: rules}, result, message.format(word=word, fact=fact))
    for name, word, fact in (
        ("restore_tested", "restore-tested", "restore test result"),
        ("integrity_checked", "integrity-checked", "integrity check result"),
        ("offsite", "off-site", "off-site status"),
        ("immutable", "immutable", "immutability"),
        ("encrypted", "encrypted", "encryption status"),
    )
    for title, facts, rules, result, message in _EVERY_FACT
]
NOTHING: list[Case] = [
    (f"{name}.{rule} of nothing", EMPTY, {name: {rule: True}}, "fail", "no recovery points (at least 1 required, and ")
    for name in ("restore_tested", "integrity_checked", "offsite", "immutable", "encrypted", "malware")
    for rule in ("all", "none")
]
AGES: list[Case] = [
    (f"{name} {title}", with_attribute(name, facts), {name: {"max_age": "26h"}}, result, message)
    for name in ("offsite", "immutable", "encrypted")
    for title, facts, result, message in (
        ("young", _fact(count=3, false=27), "pass", "is 5h old (maximum 26h)"),
        ("old", {"count": 3, "newest": ago(days=2), "false": 27}, "fail", "is 2d old (maximum 26h)"),
        ("none", {"count": 0, "false": 30, "newest_false": ago(hours=5)}, "fail", "recovery points (newest must"),
        (
            "perhaps young",
            {"count": 0, "unknown": 30, "newest_unknown": ago(hours=5)},
            "unknown",
            "for 30 recovery points",
        ),
        (
            "unknown but old",
            {"count": 0, "unknown": 30, "newest_unknown": ago(days=2)},
            "fail",
            "recovery points (newest must",
        ),
        ("silent", {"count": 0}, "unknown", "for 30 recovery points"),
    )
]
_TESTED = {"count": 1, "newest": ago(days=200), "oldest": ago(days=200), "false": 29}
TESTS: list[Case] = [
    (f"{name} {title}", with_attribute(name, facts), {name: {"max_age": "90d"}}, result, message)
    for name in ("restore_tested", "integrity_checked")
    for title, facts, result, message in (
        # An old point that was tested recently: the test counts.
        ("lately", {**_TESTED, "tested_at": ago(days=90)}, "pass", "is 90d old (maximum 90d)"),
        ("long ago", {**_TESTED, "tested_at": ago(days=91)}, "fail", "is 91d old (maximum 90d)"),
        ("some time", _TESTED, "unknown", "test date not reported"),
        (
            "young, so tested lately",
            {**_TESTED, "newest": ago(days=3)},
            "pass",
            "the creation time of the recovery point is used",
        ),
        ("never", {"count": 0, "false": 30}, "fail", "s (newest must be at most 90d old)"),
        # The points are old, but any of them may have been tested yesterday.
        ("perhaps", {"count": 0, "unknown": 30, "newest_unknown": ago(days=200)}, "unknown", "for 30 recovery points"),
    )
]
MALWARE: list[Case] = [
    ("clean", row(malware={"clean": 30}), {"malware": {"none": True}}, "pass", "no recovery point is suspicious"),
    ("all clean", row(malware={"clean": 30}), {"malware": {"all": True}}, "pass", "no recovery point is suspicious"),
    (
        "infected",
        row(malware={"clean": 29, "infected": 1}),
        {"malware": {"none": True}},
        "fail",
        "1 recovery point is s",
    ),
    (
        "suspicious",
        row(malware={"clean": 28, "suspicious": 2}),
        {"malware": {"all": True}},
        "fail",
        "2 recovery points are",
    ),
    (
        "not scanned",
        row(malware={"clean": 29, "unknown": 1}),
        {"malware": {"none": True}},
        "unknown",
        "for 1 recovery point",
    ),
    ("silent", row(), {"malware": {"none": True}}, "unknown", "malware scan result unknown for 30 recovery points"),
    (
        "clean again",
        row(malware={"clean": 20, "infected": 10}, malware_newest={"infected": ago(days=8), "clean": ago(hours=5)}),
        {"malware": {"none": {"within": "7d"}}},
        "pass",
        "no recovery point from the last 7d is suspicious",
    ),
    (
        "lately infected",
        row(malware={"clean": 20, "infected": 10}, malware_newest={"infected": ago(days=7), "clean": ago(hours=5)}),
        {"malware": {"none": {"within": "7d"}}},
        "fail",
        "at least one recovery point from the last 7d is suspicious or infected",
    ),
    (
        "times not told",
        row(malware={"clean": 20, "infected": 10}),
        {"malware": {"none": {"within": "7d"}}},
        "unknown",
        "creation times not reported for recovery points that violate this rule",
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
        "2 locations with a recovery point, at least 2 required",
    ),
    (
        "one too few",
        row(locations=_TWO),
        {"locations": {"min_count": 3}},
        "fail",
        "2 locations with a recovery point, at least 3",
    ),
    ("not listed", row(), {"locations": {"min_count": 1}}, "unknown", "locations of some recovery points not reported"),
    ("no points", EMPTY, {"locations": {"min_count": 1}}, "fail", "0 locations with"),
    (
        "some not listed",
        row(locations=_TWO, locations_unknown=_LISTLESS),
        {"locations": {"min_count": 3}},
        "unknown",
        "locations: 2 known, at least 3 required",
    ),
    (
        "only one young",
        row(locations=_TWO),
        {"locations": {"min_count": 2, "max_age": "26h"}},
        "fail",
        "1 location with a recovery point at most 26h old, at least 2 required",
    ),
    (
        "as young as is asked",
        row(locations=_TWO),
        {"locations": {"min_count": 2, "max_age": "3d"}},
        "pass",
        "2 locations with a recovery point at most 3d old",
    ),
    (
        "all listed",
        row(locations=_TWO, locations_unknown={"count": 0}),
        {"locations": {"min_count": 3}},
        "fail",
        "2 locations with",
    ),
    (
        "unlisted ones are old",
        row(locations=_TWO, locations_unknown={"count": 4, "newest": ago(days=5)}),
        {"locations": {"min_count": 2, "max_age": "26h"}},
        "fail",
        "1 location with",
    ),
    (
        "age of one not told",
        row(locations=[_TWO[0], {"location": "tape", "count": 3}]),
        {"locations": {"min_count": 2, "max_age": "26h"}},
        "unknown",
        "at most 26h old: 1 known, at least 2 required; age unknown for 1 location",
    ),
    (
        "no name, perhaps another place",
        row(locations=[_TWO[0], {"location_type": "disk", "count": 3, "newest": ago(hours=5)}]),
        {"locations": {"min_count": 2}},
        "unknown",
        "1 known, at least 2 required; name unknown for 1 location",
    ),
    ("one place twice", row(locations=[_TWO[0], _TWO[0]]), {"locations": {"min_count": 2}}, "fail", "1 location with"),
    ("types", row(locations=_TWO), {"locations": {"min_types": 2}}, "pass", "2 location types with a"),
    ("types too few", row(locations=_TWO), {"locations": {"min_types": 3}}, "fail", "2 location types"),
    (
        "a type not told",
        row(locations=[_TWO[0], {"location": "x", "count": 1, "newest": ago(hours=5)}]),
        {"locations": {"min_types": 2}},
        "unknown",
        "location types: 1 known, at least 2 required; type unknown for 1 location",
    ),
    (
        "one untyped place is one type",
        row(locations=[{"location": "x", "count": 1, "newest": ago(hours=5)}]),
        {"locations": {"min_types": 2}},
        "fail",
        "1 location type with",
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
        "locations of some recovery points not reported",
    ),
    ("old places", row(locations=_TWO), {"locations": {"max_age": "4h"}}, "fail", "is 5h old"),
    (
        "perhaps a young place",
        row(locations=_TWO, locations_unknown={"count": 1, "newest": ago(hours=1)}),
        {"locations": {"max_age": "4h"}},
        "unknown",
        "locations of some recovery points not reported",
    ),
    (
        "copies",
        row(locations=_TWO, in_inventory=True),
        {"copies": {"min_count": 3}},
        "pass",
        "3 copies (locations with a recovery point, plus production), at least 3 required",
    ),
    ("copies too few", row(locations=_TWO, in_inventory=True), {"copies": {"min_count": 4}}, "fail", "3 copies"),
    (
        "production not told",
        row(locations=_TWO),
        {"copies": {"min_count": 3}},
        "unknown",
        "existence of the production copy unknown",
    ),
    ("production not needed", row(locations=_TWO), {"copies": {"min_count": 2}}, "pass", "2 copies"),
    ("production no help", row(locations=_TWO), {"copies": {"min_count": 4}}, "fail", "2 copies"),
    (
        "no production",
        row(locations=_TWO),
        {"copies": {"min_count": 3, "include_production": False}},
        "fail",
        "2 copies (locations with a recovery point), at least 3 required",
    ),
    ("gone production", row(locations=_TWO, in_inventory=False), {"copies": {"min_count": 3}}, "fail", "2 copies"),
    ("copies not told", row(in_inventory=True), {"copies": {"min_count": 2}}, "unknown", ": 1 known"),
]


def _sized(newest: int | None, median: int | None) -> dict[str, Any]:
    return row(
        newest_kind="incremental",
        newest_size_bytes=newest,
        median_size_bytes=None if median is None else {"full": 9999, "incremental": median},
    )


_HALF = {"size": {"min_percent_of_median": "50%"}}
SIZE: list[Case] = [
    (
        "half",
        _sized(50, 100),
        _HALF,
        "pass",
        "size of the newest recovery point is 50% of the median for its backup type (minimum 50%)",
    ),
    ("shrunk", _sized(499, 1000), _HALF, "fail", "is 49% of the median"),
    ("no size", _sized(None, 100), _HALF, "unknown", "sizes not reported"),
    ("no median", _sized(50, None), _HALF, "unknown", "sizes not reported"),
    ("empty backups", _sized(0, 0), _HALF, "unknown", "the median is 0 bytes"),
    ("no points", EMPTY, _HALF, "fail", "no recovery points (size"),
]


def _restored(**test: Any) -> dict[str, Any]:
    output = {"result": "passed", "tested_at": ago(days=3), "seconds": 3600, "message": None, **test}
    return with_attribute("restore_tested", {"count": 0, "unknown": 30, "restore": output})


_HOUR = {"restore_tested": {"max_restore_time": "1h"}}
_WEEK = {"restore_tested": {"max_age": "7d"}}
_FAILED = "newest restore test (2026-11-18T07:00:00Z) failed: rows are missing"
RESTORES: list[Case] = [
    ("restored in time", _restored(), _HOUR, "pass", "restore test took 1h (maximum 1h)"),
    ("restored too slowly", _restored(seconds=3601), _HOUR, "fail", "took 1h and 1s"),
    ("not restored", row(), _HOUR, "unknown", "restore time unknown (maximum 1h): no restore test recorded"),
    ("not even restored", _restored(result="failed", message="rows are missing"), _HOUR, "fail", _FAILED),
    ("restored lately", _restored(), _WEEK, "pass", "is 3d old"),
    ("restored long ago", _restored(tested_at=ago(days=8)), _WEEK, "unknown", "for 30 recovery points"),
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
    assert not has_placeholder(found["message"])
    assert is_unknown_text(found["message"]) == (result == "unknown")


def test_every_rule_of_every_attribute_passes_and_fails_somewhere() -> None:
    """The cases of both files cover every pair of attribute and rule, each with a pass and a fail."""
    seen: dict[tuple[str, str], set[str]] = {}
    for _title, _row, policy, result, _message in (*CASES, *test_counts_and_ages.CASES):
        ((attribute, rules),) = policy.items()
        seen.setdefault((attribute, next(iter(rules))), set()).add(result)
    wanted = {(attribute.name, rule.name) for attribute in ATTRIBUTES.values() for rule in attribute.rules}
    lacking = {pair: {"pass", "fail"} - seen.get(pair, set()) for pair in wanted}
    assert {pair: results for pair, results in lacking.items() if results} == {}
