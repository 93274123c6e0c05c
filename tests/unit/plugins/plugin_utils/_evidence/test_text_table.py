# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of an assessment: worst first, one line each, no terminal control characters."""

from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._policy.headline import build_headline
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import RESULTS
from ansible_collections.backup.audit.plugins.plugin_utils._evidence import text_table


def workload(name: str | None, verdict: str, **more: Any) -> dict[str, Any]:
    """Build a workload as in an assessment."""
    return {
        "source": "server",
        "origin": None,
        "workload_id": f"id of {name}",
        "workload_name": name,
        "product": "spp",
        "recovery_points": 3,
        "newest": "2026-11-21T01:02:03.5Z",
        "newest_age_seconds": 7200,
        "verdict": verdict,
        **more,
    }


def finding(
    item: dict[str, Any], result: str, message: str, control: str = "recovery_points.min_count"
) -> dict[str, Any]:
    """Build a finding about a workload (or a server if it has no name)."""
    who = {key: item.get(key) for key in ("source", "origin", "workload_id", "workload_name")}
    return {**who, "result": result, "message": message, "control": control}


def assessment(workloads: list[dict[str, Any]], findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Build an assessment of these."""
    verdicts = {name: sum(item["verdict"] == name for item in workloads) for name in RESULTS}
    totals = {"workloads": len(workloads), "verdicts": verdicts, "missing": dict.fromkeys(RESULTS, 0)}
    return {
        "as_of": "2026-11-21T03:02:03Z",
        "compliant": False,
        "headline": build_headline(totals, [], compliant=False, failed_checks=0),
        "totals": totals,
        "workloads": workloads,
        "findings": findings,
    }


def test_worst_first_with_all_reasons() -> None:
    """The line of a workload has all messages of its failures, and no others."""
    good, bad = workload("a-good", "pass"), workload("z-bad", "fail")
    found = [finding(good, "pass", "fine"), finding(bad, "fail", "too few"), finding(bad, "fail", "too old")]
    text = text_table.format_table(assessment([good, bad], found), 50)
    lines = text.splitlines()
    assert lines[4].split()[2] == "z-bad"
    assert lines[4].endswith("too few; too old")
    assert "2026-11-21 01:02" in lines[5]
    assert "2h" in lines[5]
    assert lines[5].endswith("pass")
    assert lines[0] == "NOT COMPLIANT: 1 of 2 workloads failed, 1 passed (as of 2026-11-21T03:02:03Z)"


def test_an_excluded_workload_has_its_reason() -> None:
    """The reason is in the same line."""
    excluded = workload("scratch", "not_applicable")
    found = [finding(excluded, "not_applicable", "excluded by the policy: thrown away each night", "policy.exclude")]
    lines = text_table.format_table(assessment([excluded], found), 50).splitlines()
    assert lines[-1].endswith("not_applicable  excluded by the policy: thrown away each night")


def test_a_server_has_its_own_line() -> None:
    """Problems of a whole server are shown even without workloads."""
    result = finding({"source": "dark.example"}, "fail", "dark.example could not be read", "data.complete")
    text = text_table.format_table(assessment([], [result]), 50)
    assert "dark.example could not be read" in text
    assert "NOT COMPLIANT: no workloads were evaluated (as of" in text


def test_long_tables_count_omitted_lines() -> None:
    """No line is dropped silently."""
    text = text_table.format_table(assessment([workload(f"vm-{number}", "fail") for number in range(20)], []), 5)
    assert "... and 15 more lines" in text


def test_control_characters_in_names_are_removed() -> None:
    """Escape sequences, line breaks and direction marks are removed."""
    hostile = workload("evil\x1b[2J\nname\u202egpj.exe\u2028" + "x" * 300, "pass", source="a\tb")
    text = text_table.format_table(assessment([hostile], []), 50)
    assert len(text.splitlines()) == 5
    assert not any(character in text for character in "\x1b\u202e\u2028\t")
    assert "\N{HORIZONTAL ELLIPSIS}" in text


def test_columns_are_aligned_with_wide_characters() -> None:
    """A Chinese character takes two columns, so the next column is still aligned."""
    text = text_table.format_table(assessment([workload("\u5099\u4efd", "pass"), workload("abcd", "pass")], []), 50)
    by_name = {line.split()[2]: line.index("2026") for line in text.splitlines()[4:6]}
    assert by_name == {"\u5099\u4efd": by_name["abcd"] - 2, "abcd": by_name["abcd"]}


def test_unknown_values_are_dashes() -> None:
    """A workload without points has no newest point and no age."""
    text = text_table.format_table(assessment([workload(None, "fail", newest=None, newest_age_seconds=None)], []), 50)
    assert "id of None" in text
    assert " - " in text
