# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Corner cases of the policy engine that no other test covers, found by mutation testing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.times import HOUR, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import newest_read
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import Globs, is_same_host
from tests.unit.plugins.module_utils._policy.policy_points import (
    EMPTY,
    SEVEN,
    evaluate,
    finding,
    findings,
    moment,
    nightly,
    point,
    read,
    result,
    row,
)

ADDED = {"by": "workload_name", "independent": True}


def nothing(_path: str) -> bytes:
    """Fail if a file is read."""
    raise AssertionError


@pytest.mark.parametrize(("days", "expected"), [(40, "unknown"), (30, "unknown"), (29, "fail")])
def test_unknown_points_count_for_min_retention_only_if_old_enough(days: int, expected: str) -> None:
    points = [point(days=1, offsite=True), point(days=9, offsite=True), point(days=days)]
    assert result(points, {"on_unknown": "ignore", "offsite": {"min_retention": "30d"}}) == expected


def test_several_types_are_evaluated_together() -> None:
    logs = [point(days=day, hours=5, kind="log") for day in (0, 2, 4)]
    snapshots = [point(days=day, hours=5, kind="snapshot") for day in (1, 3, 5)]
    points = [*logs, *snapshots, point(days=6, hours=5, kind="full")]
    rules: dict[str, Any] = {"backup_types": ["log", "snapshot"]}
    assert result(points, {"recovery_points": {**rules, "daily": 6}}) == "pass"
    assert result(points, {"recovery_points": {**rules, "daily": 7}}) == "fail"
    assert result(points, {"backup_types": {"log": {"daily": 2}}}) == "fail"


def test_an_inferred_value_can_change_a_warning_to_a_pass() -> None:
    """A newer inferred point counts, although the reported ones meet the limit as well."""
    points = [point(hours=25, immutable=True), point(hours=6, immutable=False)]
    soft = point(hours=5, immutable=True, inferred=("immutable",))
    rule = {"limit": "26h", "warn_at": "80%"}
    accepting = {"immutable": {"max_age": rule, "accept": ["reported", "inferred"]}}
    assert result([*points, soft], {"immutable": {"max_age": rule}}) == "warn"
    found = finding(row([*points, soft]), accepting)
    assert (found["result"], found["certainty"]) == ("pass", "inferred")
    older = point(hours=30, immutable=True, inferred=("immutable",))
    found = finding(row([*points, older]), accepting)
    assert (found["result"], found["certainty"]) == ("warn", "reported")


def test_rules_about_kinds_and_about_facts_in_one_policy() -> None:
    points = [*nightly(30, offsite=True), *(point(hours=hour, kind="log") for hour in range(4))]
    policy: dict[str, Any] = {"backup_types": {"log": {"min_count": 4}}, "offsite": {"min_count": 30}}
    assert [each["result"] for each in findings(row(points), policy)] == ["pass", "pass"]
    # The list of kinds affects only recovery_points.
    policy = {"recovery_points": {"backup_types": ["log"], "min_count": 4}, "offsite": {"min_count": 30}}
    assert [each["result"] for each in findings(row(points), policy)] == ["pass", "pass"]
    policy["recovery_points"]["min_count"] = 5
    assert [each["result"] for each in findings(row(points), policy)] == ["fail", "pass"]


@pytest.mark.parametrize("name", ["exclude", "waivers", "expected"])
def test_an_empty_list_is_rejected_by_its_name(name: str) -> None:
    options: dict[str, Any] = {name: []}
    with pytest.raises(AuditError, match=f"^{name}: the list is empty"):
        evaluate(row(), SEVEN, **options)


def test_errors_of_a_read_may_have_any_form() -> None:
    """An incomplete read result is reported, regardless of the content of its errors."""
    assessment = evaluate(read(row(), complete=False, errors=["text", {"message": "no page 2"}, None]), SEVEN).plain()
    (one,) = [each for each in assessment["findings"] if each["control"] == "data.complete"]
    assert one["message"].endswith("was only partially read: no page 2")


def test_foreign_characters_in_a_compressed_assessment_are_damage() -> None:
    """Base64 is decoded strictly: extra characters are rejected."""
    compressed = evaluate(row(), SEVEN).compress()
    assert open_assessment(compressed)["compliant"] is True
    with pytest.raises(AuditError, match="damaged"):
        open_assessment(f"{compressed[:40]}!{compressed[40:]}")


def test_the_newest_read_is_found_in_loops_lists_and_files() -> None:
    """Input may be registered results of a task, of a loop, of several loops, or a file."""
    old, new = read(row()), read(row(), read_at="2026-11-21T07:30:00Z")
    newest = parse_time("2026-11-21T07:30:00Z")
    for given in (
        new,
        [old, new],
        {"results": [old, new]},
        [{"results": [old]}, {"results": [new]}],
        [[old], [[new]]],
        [[[[[[{"results": [new]}]]]]]],
    ):
        assert newest_read(given, nothing) == newest
    assert newest_read("reads.json", lambda _path: json.dumps({"results": [old, new]}).encode()) == newest
    assert newest_read([{"failed": True}], nothing) is None
    assert newest_read([[[[[[[[[new]]]]]]]]], nothing) is None


@pytest.mark.parametrize(("text", "copies"), [("no", 1), ("False", 1), ("yes", 2), ("TRUE", 2), (False, 1), (True, 2)])
def test_booleans_may_be_text(text: Any, copies: int) -> None:
    """Templates convert booleans to text."""
    workload = row([point(locations=["disk"])], in_inventory=True)
    assert finding(workload, {"copies": {"min_count": 9, "include_production": text}})["actual"] == copies


def test_other_words_are_not_booleans() -> None:
    with pytest.raises(AuditError, match="is not a boolean"):
        evaluate(row(), {"copies": {"min_count": 9, "include_production": "perhaps"}})


def test_each_of_several_patterns_matches() -> None:
    for pattern in ("web*", "db*", "ap?"):
        globs = Globs(["db*", "web*", "ap?"], "names")
        assert globs.match(pattern.replace("*", "01").replace("?", "p"))
    assert not Globs(["db*", "web*"], "names").match("app")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("web1", "web1", True),
        ("web1", "web1.prod", True),
        ("web1.prod", "web1", True),
        ("web1.prod", "web1.test", False),
        ("web1", "web2", False),
        ("10.0.0.1", "10", False),
    ],
)
def test_names_that_may_be_one_host(one: str, other: str, same: bool) -> None:
    assert is_same_host(one, other) is same


def test_a_row_without_points_adds_nothing() -> None:
    results = [read(row(nightly(6))), read(row(EMPTY, host="vbr2"))]
    found = finding(results, SEVEN, combine=ADDED)
    assert (found["result"], found["actual"], found["certainty"]) == ("fail", 6, "reported")


@pytest.mark.parametrize(
    ("number", "rules", "expected"),
    [
        # One point has an age but no gap before it.
        (1, {"max_age": "5h"}, "pass"),
        (1, {"max_gap": "5h"}, "pass"),
        (1, {"max_gap": "4h"}, "fail"),
        (1, {"min_retention": "5h"}, "pass"),
        (2, {"max_gap": "24h"}, "pass"),
        (2, {"max_gap": "23h"}, "fail"),
        (0, {"max_retention": "1h"}, "pass"),
        (0, {"max_count": 1}, "pass"),
        (0, {"max_gap": "26h"}, "fail"),
    ],
)
def test_few_points(number: int, rules: dict[str, Any], expected: str) -> None:
    assert result(nightly(number), {"recovery_points": rules}) == expected


def test_values_of_exactly_the_limit_pass() -> None:
    points = [point(hours=26), point(days=30)]
    for name, limit, missed in (
        ("max_age", "26h", "93599s"),
        ("min_retention", "30d", "2592001s"),
        ("max_retention", "30d", "2591999s"),
        ("min_count", 2, 3),
        ("max_count", 2, 1),
        ("max_gap", f"{30 * 24 * HOUR - 26 * HOUR}s", f"{30 * 24 * HOUR - 26 * HOUR - 1}s"),
    ):
        assert result(points, {"recovery_points": {name: limit}}) == "pass"
        assert result(points, {"recovery_points": {name: missed}}) == "fail"


@pytest.mark.parametrize(
    ("immutable", "days", "expected"),
    [(True, 9, "pass"), (None, 9, "pass"), (False, 9, "fail"), (True, -9, "fail"), (None, -9, "fail")],
)
def test_the_end_of_a_lock(immutable: bool | None, days: int, expected: str) -> None:
    """Reporting only the end means that the point is immutable until then."""
    locked = point(hours=5, immutable=immutable, immutable_until=moment(days=-days))
    for rule in ({"min_count": 1}, {"min_lock": "1d"}, {"all": True}):
        assert result([locked], {"immutable": rule}) == expected
