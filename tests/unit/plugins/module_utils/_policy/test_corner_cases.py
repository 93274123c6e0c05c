# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Corner cases of the policy engine that no other test covers, found by mutation testing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import newest_read
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import Globs, is_same_host
from tests.unit.plugins.module_utils._policy.policy_rows import (
    EMPTY,
    SEVEN,
    ago,
    evaluate,
    finding,
    findings,
    read,
    row,
    with_attribute,
)

ADDED = {"by": "workload_name", "independent": True}


def nothing(_path: str) -> bytes:
    """No file is read."""
    raise AssertionError


@pytest.mark.parametrize(("days", "result"), [(40, "unknown"), (20, "fail")])
def test_points_of_unknown_reach_back_only_if_old_enough(days: int, result: str) -> None:
    facts = {
        "count": 5,
        "newest": ago(days=1),
        "oldest": ago(days=9),
        "unknown": 25,
        "newest_unknown": ago(hours=5),
        "oldest_unknown": ago(days=days),
    }
    policy = {"on_unknown": "ignore", "offsite": {"min_retention": "30d"}}
    assert finding(with_attribute("offsite", facts), policy)["result"] == result


def test_several_kinds_together_have_the_longest_run_of_one() -> None:
    """Each kind alone is a bound: the longest run of one is a run of all."""

    def kind(days: int) -> dict[str, Any]:
        spans = {"count": 9, "newest": ago(hours=5), "oldest": ago(days=9)}
        return {**spans, "gaps": {"all": 25 * HOUR}, "calendar": {"days": days}}

    kinds = {"log": kind(2), "snapshot": kind(6), "full": {"count": 1, "newest": ago(days=8), "oldest": ago(days=8)}}
    rules = {"recovery_points": {"backup_types": ["log", "snapshot"], "daily": 6}}
    workload = row(kinds=kinds, by_kind={"log": 9, "snapshot": 9, "full": 1})
    assert finding(workload, rules)["result"] == "pass"
    rules["recovery_points"]["daily"] = 7
    assert finding(workload, {"on_unknown": "ignore", **rules})["result"] == "unknown"


def test_an_inference_may_turn_a_warning_into_a_pass() -> None:
    """Accepted points also count if exact points alone come near the limit."""
    facts = {
        "count": 5,
        "newest": ago(hours=25),
        "oldest": ago(days=5),
        "inferred": {"count": 1, "newest": ago(hours=5), "oldest": ago(hours=5)},
        "false": 24,
        "newest_false": ago(hours=6),
    }
    rule = {"limit": "26h", "warn_at": "80%"}
    exact = finding(with_attribute("immutable", facts), {"immutable": {"max_age": rule}})
    accepting = {"immutable": {"max_age": rule, "accept": ["reported", "inferred"]}}
    assert exact["result"] == "warn"
    assert (result := finding(with_attribute("immutable", facts), accepting))["result"] == "pass"
    assert result["certainty"] == "inferred"
    known = {**facts, "inferred": {"count": 1, "newest": ago(hours=30), "oldest": ago(hours=30)}}
    assert finding(with_attribute("immutable", known), accepting)["result"] == "warn"


def test_what_is_added_up_is_as_certain_as_the_weakest_that_is_accepted() -> None:
    facts = {"count": 3, "newest": ago(hours=5), "oldest": ago(days=3), "false": 27, "newest_false": ago(hours=6)}
    read_results = [
        read(
            with_attribute("immutable", facts, origin=f"vbr{number}", newest=ago(hours=number), oldest=ago(days=number))
        )
        for number in (1, 2)
    ]
    policy = {"immutable": {"min_count": 6, "accept": ["reported", "inferred", "declared"]}}
    found = findings(read_results, policy, combine={"by": "workload_name", "independent": True})
    assert [(each["result"], each["certainty"]) for each in found] == [("pass", "inferred")]


def test_kinds_are_looked_at_beside_other_attributes() -> None:
    """A row is reduced to what its tier uses, including kinds."""
    facts = {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30)}
    logs = {"log": {"count": 4, "newest": ago(hours=1), "oldest": ago(days=1)}}
    workload = with_attribute("offsite", facts, kinds=logs, by_kind={"incremental": 30, "log": 4})
    found = findings(workload, {"backup_types": {"log": {"min_count": 4}}, "offsite": {"min_count": 30}})
    assert [each["result"] for each in found] == ["pass", "pass"]


@pytest.mark.parametrize("name", ["exclude", "waivers", "expected"])
def test_an_empty_list_is_refused_by_its_name(name: str) -> None:
    options: dict[str, Any] = {name: []}
    with pytest.raises(AuditError, match=f"^{name}: the list is empty"):
        evaluate(row(), SEVEN, **options)


def test_errors_of_a_read_may_be_of_any_shape() -> None:
    """An incomplete read result is reported, regardless of the content of its errors."""
    assessment = evaluate(read(row(), complete=False, errors=["text", {"message": "no page 2"}, None]), SEVEN).plain()
    (one,) = [each for each in assessment["findings"] if each["control"] == "data.complete"]
    assert one["message"].endswith("was only partially read: no page 2")


def test_a_place_that_tells_its_newest_point_only_counts() -> None:
    places = [{"location": "disk", "newest": ago(hours=5)}, {"location": "cloud"}]
    result = finding(row(locations=places), {"on_unknown": "ignore", "locations": {"min_count": 2}})
    assert result["actual"] == 1


def test_a_packed_assessment_with_foreign_signs_is_damaged() -> None:
    """Base64 is decoded strictly: extra characters are rejected."""
    compressed = evaluate(row(), SEVEN).compress()
    assert open_assessment(compressed)["compliant"] is True
    with pytest.raises(AuditError, match="damaged"):
        open_assessment(f"{compressed[:40]}!{compressed[40:]}")


def test_the_newest_read_is_found_in_loops_lists_and_files() -> None:
    """Registered results of a task, of a loop, of several loops, or from a file."""
    old, new = read(row()), read(row(), read_at="2026-11-21T07:30:00Z")
    moment = parse_time("2026-11-21T07:30:00Z")
    for given in (
        new,
        [old, new],
        {"results": [old, new]},
        [{"results": [old]}, {"results": [new]}],
        [[old], [[new]]],
        [[[[[[{"results": [new]}]]]]]],
    ):
        assert newest_read(given, nothing) == moment
    assert newest_read("reads.json", lambda _path: json.dumps({"results": [old, new]}).encode()) == moment
    assert newest_read([{"failed": True}], nothing) is None
    assert newest_read([[[[[[[[[new]]]]]]]]], nothing) is None


def test_a_location_without_an_age_leaves_the_question_open() -> None:
    """Its newest point may be recent."""
    places = [{"location": "disk", "count": 3, "newest": ago(days=9)}, {"location": "cloud", "count": 3}]
    result = finding(row(locations=places), {"on_unknown": "ignore", "locations": {"max_age": "48h"}})
    assert (result["result"], result["actual"]) == ("unknown", 9 * DAY)


def test_of_two_ended_waivers_the_later_is_named() -> None:
    waiver = {"workload": "web01", "control": "recovery_points.min_count", "reason": "moving"}
    waivers = [{**waiver, "until": day} for day in ("2026-11-02", "2026-11-19", "2026-11-11")]
    result = finding(row(), {"recovery_points": {"min_count": 99}}, waivers=waivers)
    assert result["result"] == "fail"
    assert result["waiver"]["until"] == "2026-11-19"


def test_a_kind_of_which_only_the_number_is_told_proves_nothing() -> None:
    """by_kind counts points of unknown usability as well."""
    workload = row(by_kind={"incremental": 30, "log": 4})
    result = finding(workload, {"on_unknown": "ignore", "backup_types": {"log": {"min_count": 1}}})
    assert (result["result"], result["actual"]) == ("unknown", 0)


def test_malware_of_an_unknown_time_may_be_of_the_window() -> None:
    """One state has the time of its newest point, the other does not."""
    workload = row(malware={"clean": 28, "infected": 1, "suspicious": 1}, malware_newest={"infected": ago(days=20)})
    result = finding(workload, {"on_unknown": "ignore", "malware": {"none": {"within": "7d"}}})
    assert result["result"] == "unknown"


@pytest.mark.parametrize(("text", "copies"), [("no", 1), ("False", 1), ("yes", 2), ("TRUE", 2), (False, 1), (True, 2)])
def test_booleans_may_be_text(text: Any, copies: int) -> None:
    """Templates convert them to text."""
    workload = row(in_inventory=True, locations=[{"location": "disk", "count": 30, "newest": ago(hours=5)}])
    assert finding(workload, {"copies": {"min_count": 9, "include_production": text}})["actual"] == copies


def test_other_words_are_no_booleans() -> None:
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
def test_which_names_may_be_one_host(one: str, other: str, same: bool) -> None:
    assert is_same_host(one, other) is same


def test_an_origin_without_points_adds_nothing() -> None:
    few = row(recovery_points=6, attributes={"recovery_points": {"count": 6}})
    none = {**EMPTY, "source": "vbr2"}
    result = finding([read(few), read(none, server={"host": "vbr2"})], SEVEN, combine=ADDED)
    assert (result["result"], result["actual"], result["certainty"]) == ("fail", 6, "reported")


def test_times_of_the_row_itself_are_enough() -> None:
    workload = row(attributes={"recovery_points": {"count": 30}})
    policy = {"recovery_points": {"max_age": "26h", "min_retention": "30d"}}
    assert [each["result"] for each in findings(workload, policy)] == ["pass", "pass"]
    bare = row(newest=None, oldest=None)
    assert [each["result"] for each in findings(bare, policy)] == ["pass", "pass"]


def test_named_kinds_are_looked_at_beside_other_attributes() -> None:
    facts = {"count": 30, "newest": ago(hours=5), "oldest": ago(days=30)}
    logs = {"log": {"count": 4, "newest": ago(hours=1), "oldest": ago(days=1)}}
    workload = with_attribute("offsite", facts, kinds=logs, by_kind={"incremental": 30, "log": 4})
    found = findings(
        workload, {"recovery_points": {"backup_types": ["log"], "min_count": 4}, "offsite": {"min_count": 30}}
    )
    assert [each["result"] for each in found] == ["pass", "pass"]


def test_what_becomes_of_unexpected_is_refused_by_its_name() -> None:
    with pytest.raises(AuditError, match="unexpected: 'perhaps' is not"):
        evaluate(row(), SEVEN, expected=["web01"], unexpected="perhaps")
