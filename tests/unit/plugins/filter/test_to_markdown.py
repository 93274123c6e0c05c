# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markdown, parsed with markdown-it: tables keep their columns, and names are text."""

from __future__ import annotations

import html
import re

from markdown_it import MarkdownIt

from ansible_collections.backup.audit.plugins.filter.to_markdown import to_markdown
from tests.unit.plugins.plugin_utils.assessments import HOSTILE, estate, healthy, large, plain


def rendered(text: str) -> str:
    """Convert to HTML as merge requests do: with tables and links, without filtering HTML."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def table(text: str, heading: str) -> list[list[str]]:
    """Return the cells below a heading."""
    part = rendered(text).partition(f"<h2>{heading}</h2>")[2].partition("</table>")[0]
    lines = re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)
    return [[html.unescape(cell) for cell in re.findall(r"<t[hd]>(.*?)</t[hd]>", line)] for line in lines]


def test_the_overall_result_comes_first() -> None:
    """Servers that were not read follow."""
    lines = to_markdown(estate()).splitlines()
    assert lines[0] == (
        "# Not compliant: 2 of 23 workloads failed, 2 unknown, 1 with warnings, 1 waived, 16 passed, 1 not applicable; "
        "1 expected workload unknown; 1 of 3 servers could not be read"
    )
    shown = rendered(to_markdown(estate()))
    alarm = shown.index("dark.example.com could not be read: the log-in was rejected &lt;b&gt;now&lt;/b&gt;")
    assert alarm < shown.index("<h2>Workloads</h2>")
    assert to_markdown(healthy()).splitlines()[0].startswith("# Compliant: ")


def test_every_workload_has_a_row() -> None:
    """The worst come first, each with the reason."""
    head, *lines = table(to_markdown(estate()), "Workloads")
    assert head == ["result", "workload", "source", "points", "newest", "age", "reason"]
    assert all(len(line) == len(head) for line in lines)
    assert len(lines) == 24
    assert [line[0] for line in lines[:4]] == ["fail", "fail", "unknown", "unknown"]
    (late,) = (line for line in lines if line[1] == "late")
    assert "4d old (maximum 26h) (waiver ended: 2026-01-01)" in late[6]
    (good,) = (line for line in lines if line[1] == "web01")
    assert good[6] == "5 of 5 controls passed"
    assert lines[-1][:2] + lines[-1][6:] == [
        *("not_applicable", "scratch", "excluded by the policy: thrown away | each night"),
    ]
    assert table(to_markdown(estate()), "Exclusions")[1:] == [
        ["scratch", lines[-1][2], "excluded by the policy: thrown away | each night"],
    ]


def test_names_are_escaped() -> None:
    """A name never creates markup, a cell or a line."""
    names = {line[1] for line in table(to_markdown(estate()), "Workloads")}
    assert {HOSTILE[0], HOSTILE[1], HOSTILE[3], HOSTILE[9], HOSTILE[11], HOSTILE[12], HOSTILE[13]} <= names
    shown = rendered(to_markdown(estate()))
    for tag in ("<script", "<img", "<a ", "<b>", "<i>"):
        assert tag not in shown


def test_no_line_is_omitted_silently() -> None:
    """Omitted workloads are counted."""
    text = to_markdown(large(), max_rows=10)
    assert len(table(text, "Workloads")) == 11
    assert "... and 4,990 more workloads, none with a worse result" in text
    assert "more workloads" not in to_markdown(estate())


def test_controls_waivers_and_basis() -> None:
    """Passes are counted; waivers have their end and reason; read results have their digest."""
    text = to_markdown(estate())
    controls = {line[0]: line for line in table(text, "Controls")}
    assert controls["recovery_points.min_count >= 7 (silver)"][5] == "20"
    assert "CP-9(8)" in controls["encrypted.all yes (silver)"][7]
    waivers = {line[0]: line for line in table(text, "Waivers")}
    assert waivers["moved"][3:] == ["waived", "until 2026-12-31: moves <soon>"]
    assert waivers["late"][3:] == ["fail", "ended 2026-01-01: was to be removed"]
    read_results = table(text, "Basis of this report")
    assert read_results[2][6] == plain(estate())["data_sources"][1]["sha256"]
    assert read_results[1][7] == "the log-in was rejected <b>now</b>"


def test_policy_stays_in_its_code_block() -> None:
    """Content of the policy cannot end the code block."""
    assessment = plain(healthy())
    assessment["policy"] = {"why": "```` <script>alert(1)</script>"}
    assert "<script>" not in rendered(to_markdown(assessment))
