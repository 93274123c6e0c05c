# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings with a workload name that belong to no workload of the assessment, and rows with the same identity."""

from __future__ import annotations

import csv
import html
import io
import json
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.filter.to_csv import to_csv
from ansible_collections.backup.audit.plugins.filter.to_html_report import to_html_report
from ansible_collections.backup.audit.plugins.filter.to_markdown import to_markdown
from ansible_collections.backup.audit.plugins.filter.to_oscal import to_oscal
from ansible_collections.backup.audit.plugins.filter.to_text import to_text
from tests.unit.plugins.module_utils._policy.policy_points import ago, read
from tests.unit.plugins.plugin_utils.assessments import compressed_assessment, daily_points, plain, point_row, server


def older(*names: str) -> dict[str, Any]:
    """Build a read result of vbr1 that the newer ones replace."""
    known = {"host": "vbr1", "version": "12.3.1", "time": ago(hours=1), "clock_skew_seconds": 0}
    return read(*(point_row(name, host="vbr1") for name in names), server=known, read_at=ago(hours=1))


def superseded(**options: Any) -> str:
    """Build an assessment in which one workload was removed between two read results, and one is in both."""
    return compressed_assessment(older("removed", "web01"), server("vbr1", point_row("web01")), **options)


@pytest.mark.parametrize("document", [to_html_report, to_markdown, to_text])
def test_a_removed_workload_is_a_data_quality_problem(document: Any) -> None:
    given = superseded()
    assert [one["workload_name"] for one in plain(given)["workloads"]] == ["web01"]
    text = html.unescape(document(given)).replace("\\", "")
    assert "no longer lists this workload" in text
    line = next(line for line in text.splitlines() if "no longer lists this workload" in line)
    assert "removed" in line.partition("not evaluated: ")[0]


@pytest.mark.parametrize("document", [to_html_report, to_markdown, to_text])
def test_a_repeated_expected_name_is_a_data_quality_problem(document: Any) -> None:
    given = compressed_assessment(server("vbr1", point_row("web01")), expected=["web01", "WEB01"])
    text = html.unescape(document(given)).replace("\\", "")
    line = next(line for line in text.splitlines() if "is the same expected name as web01" in line)
    assert line.count("WEB01") == {to_text: 2}.get(document, 1)


@pytest.mark.parametrize(
    "given",
    [
        superseded(),
        superseded(expected=["absent"]),
        compressed_assessment(server("vbr1", point_row("web01")), expected=["web01", "WEB01"]),
    ],
)
def test_all_subjects_of_oscal_are_defined(given: str) -> None:
    result = json.loads(to_oscal(given))["assessment-results"]["results"][0]
    defined = result["local-definitions"]
    known = {one["uuid"] for one in [*defined["components"], *defined["inventory-items"]]}
    subjects = {one["subject-uuid"]: one["title"] for line in result["observations"] for one in line["subjects"]}
    assert {title for name, title in subjects.items() if name not in known} == set()
    assert len(known) == len(defined["components"]) + len(defined["inventory-items"])


@pytest.mark.parametrize("options", [{}, {"exclude": [{"match": {"workload_name": "web01"}, "reason": "scratch"}]}])
def test_a_superseded_result_is_not_a_reason_of_a_workload(options: dict[str, Any]) -> None:
    given = superseded(**options)
    reason = "a newer read result of vbr1 contains this workload"
    assert reason in str(plain(given)["findings"])
    for text in (to_markdown(given), to_text(given)):
        assert reason not in text.replace("\\", "")
    assert f"<td>not evaluated: {reason}" not in to_html_report(given)


@pytest.mark.parametrize(
    ("good_since", "late_since", "verdicts"),
    # The row of the unlimited read result comes first. A policy cannot be proved with points since a day.
    [(None, ago(days=90), ["pass", "fail"]), (ago(days=90), None, ["fail", "unknown"])],
)
def test_of_rows_with_one_identity_the_worse_verdict_is_shown(
    good_since: str | None, late_since: str | None, verdicts: list[str]
) -> None:
    """The newer read result does not cover the older one, so both are evaluated."""
    known = {"host": "vbr1", "version": "12.3.1", "time": ago(), "clock_skew_seconds": 0}
    good, late = (
        read(point_row("web01", points), server=known, selection={"since": since} if since else {})
        for points, since in ((daily_points(), good_since), (daily_points(days=4, hours=1), late_since))
    )
    given = compressed_assessment(good, late)
    assert [(one["workload_name"], one["verdict"]) for one in plain(given)["workloads"]] == [
        ("web01", verdict) for verdict in verdicts
    ]
    lines = [one for one in csv.DictReader(io.StringIO(to_csv(given))) if one["workload_name"] == "web01"]
    assert {one["verdict"] for one in lines if one["recovery_points"]} == {"fail"}
    (result,) = json.loads(to_oscal(given))["assessment-results"]["results"]
    (item,) = result["local-definitions"]["inventory-items"]
    assert [one["value"] for one in item["props"] if one["name"] == "verdict"] == ["fail"]
