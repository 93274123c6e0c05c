# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two assessments of one environment: workloads that got worse or better, appeared, disappeared, or were excluded."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.filter.compare_assessments import compare_assessments
from tests.unit.plugins.module_utils._policy.policy_points import EMPTY, Row, read
from tests.unit.plugins.plugin_utils.assessments import (
    UNREAD,
    compressed_assessment,
    daily_points,
    estate,
    plain,
    point_row,
    server,
)

LISTS = ("worse", "unknown", "better", "new", "gone", "excluded", "included")


def late(name: str) -> Row:
    """Build a workload whose newest point is too old."""
    return point_row(name, daily_points(days=4, hours=0))


def single_server(*rows: Row, **options: Any) -> str:
    """Build the compressed assessment of one server with these rows."""
    return compressed_assessment(server("vbr1", *rows), **options)


def names(result: dict[str, Any]) -> dict[str, list[str | None]]:
    """List -> names in it, for lists that are not empty."""
    return {name: [one["workload_name"] for one in result[name]] for name in LISTS if result[name]}


def test_nothing_changed() -> None:
    """An assessment compared with itself."""
    result = compare_assessments(estate(), estate())
    assert names(result) == {}
    assert result["same_policy"] is True
    findings = plain(estate())["findings"]
    places = {tuple(one[key] for key in ("source", "origin", "workload_id", "workload_name")) for one in findings}
    assert result["totals"]["unchanged"] == len(places)


def test_changes_include_results_and_controls() -> None:
    """Results and changed controls are included."""
    before, after = (
        single_server(point_row("a"), late("b"), point_row("c")),
        single_server(late("a"), point_row("b"), point_row("c")),
    )
    result = compare_assessments(after, before)
    assert names(result) == {"worse": ["a"], "better": ["b"]}
    (worse,) = result["worse"]
    assert (worse["before"], worse["after"], worse["workload_type"]) == ("pass", "fail", "vm")
    (control,) = worse["controls"]
    assert (control["control"], control["before"], control["after"]) == (
        "recovery_points.max_age",
        "pass",
        "fail",
    )
    assert "4d old" in control["message"]
    assert result["totals"]["unchanged"] == 2


def test_an_additional_failure_is_worse_even_with_the_same_result() -> None:
    """With one failure fewer it is better; a control that got worse is not offset by one that got better."""
    good, one, two = point_row("b"), late("a"), point_row("a", EMPTY)
    assert names(compare_assessments(single_server(two, good), single_server(one, good))) == {"worse": ["a"]}
    other = point_row("a", daily_points("III", hours=3))
    assert names(compare_assessments(single_server(other), single_server(one))) == {"worse": ["a"]}
    both = point_row("a", daily_points("III", days=4, hours=0))
    assert names(compare_assessments(single_server(one), single_server(both))) == {"better": ["a"]}


def test_a_workload_of_an_unread_server_is_not_gone() -> None:
    """A workload whose server was not read now may still exist."""
    before = compressed_assessment(server("vbr1", point_row("a")), server("vbr2", point_row("b"), point_row("c")))
    after = compressed_assessment(server("vbr1", point_row("a")), server("vbr2", point_row("b")))
    assert [(one["workload_name"], one["source_unread"]) for one in compare_assessments(after, before)["gone"]] == [
        ("c", False)
    ]
    dark = compressed_assessment(server("vbr1", point_row("a")), {**UNREAD, "server": {"host": "vbr2"}})
    result = compare_assessments(dark, before)
    assert [(one["workload_name"], one["source_unread"]) for one in result["gone"]] == [("b", True), ("c", True)]
    # The server itself got worse.
    assert [(one["source"], one["workload_name"], one["after"]) for one in result["worse"]] == [("vbr2", None, "fail")]
    assert names(compare_assessments(before, after)) == {"new": ["c"]}


def test_an_excluded_workload_has_not_improved() -> None:
    """Excluding a failing workload makes the assessment compliant; it is still reported."""
    exclude = [{"match": {"workload_name": "a"}, "reason": "no longer wanted"}]
    before, after = single_server(late("a"), point_row("b")), single_server(late("a"), point_row("b"), exclude=exclude)
    result = compare_assessments(after, before)
    assert (result["before"]["compliant"], result["after"]["compliant"], result["same_policy"]) == (False, True, False)
    assert names(result) == {"excluded": ["a"]}
    assert names(compare_assessments(before, after)) == {"included": ["a"]}


@pytest.mark.parametrize("name", ["before", "after"])
def test_both_assessments_are_described(name: str) -> None:
    """Time, policy and read results of both are included."""
    result = compare_assessments(estate(), before=estate())[name]
    assessment = plain(estate())
    assert result["as_of"] == assessment["as_of"]
    assert result["policy_sha256"] == assessment["policy_sha256"]
    assert result["data_sources"][1]["sha256"] == assessment["data_sources"][1]["sha256"]
    assert result["totals"] == assessment["totals"]


@pytest.mark.parametrize(
    ("after", "is_unread"),
    [
        (read(point_row("web02", host="vbr1")), False),
        (read(point_row("web02", host="vbr1"), complete=False), True),
        (read(point_row("web02", host="vbr1"), selection={"workload_names": ["web02"]}), True),
        (read(point_row("web02", host="vbr1"), selection={"workload_types": ["vm"]}), True),
        # The server is not in the later assessment.
        (read(point_row("web02", host="vbr2")), True),
    ],
)
def test_only_a_complete_read_of_the_server_shows_that_a_workload_is_gone(
    after: dict[str, Any], is_unread: bool
) -> None:
    before = compressed_assessment(read(point_row("web01", host="vbr1"), point_row("web02", host="vbr1")))
    gone = compare_assessments(compressed_assessment(after), before)["gone"]
    assert [one["source_unread"] for one in gone if one["workload_name"] == "web01"] == [is_unread]


@pytest.mark.parametrize("on_unknown", ["fail", "warn"])
def test_a_failure_that_is_now_unknown_is_not_better(on_unknown: str) -> None:
    policy = {"encrypted": {"all": True, "on_unknown": on_unknown}}
    failed, unknown, good = (
        compressed_assessment(server("vbr1", point_row("web01", daily_points(encrypted=state))), policy=policy)
        for state in (False, None, True)
    )

    def change(after: str, before: str) -> list[str]:
        result = compare_assessments(after, before)
        return [
            name for name in result["totals"] if name != "unchanged" for one in result[name] if one["workload_name"]
        ]

    assert change(unknown, failed) == ["unknown"]
    assert change(good, failed) == change(good, unknown) == ["better"]
    assert change(failed, unknown) == ["worse"]
