# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history in real plays: one line for each run, runs with a limit, errors, and the trend in the evidence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import MODULES
from tests.integration.running_plays import kept_results, on_localhost, play, servers
from tests.unit.plugins.plugin_utils.assessments import healthy

SOME = {"recovery_points": {"min_count": 1}}


def variables(folder: Path, **more: Any) -> dict[str, Any]:
    """Return the variables of a run that keeps a history in ``history``."""
    return {
        "compliance_output": str(folder / "evidence"),
        "compliance_formats": ["html", "csv", "openmetrics"],
        "compliance_policy": SOME,
        "compliance_history": str(folder / "history"),
        "compliance_fail_when_noncompliant": False,
        **more,
    }


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of the history."""
    files = sorted((folder / "history").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def test_reports_on_the_same_results_are_one_run(simulators: Simulators, tmp_path: Path) -> None:
    """The evidence has the trend, the names of servers, and the user who ran it. A second run changes nothing."""
    stored = kept_results(simulators.ready, tmp_path)
    given = variables(tmp_path, compliance_data_dir=str(stored), compliance_run_by="{{ 'night' }} shift <1>")
    first = play("backup.audit.report", tmp_path, variables=given)
    assert first.status == 0, first.output
    (line,) = lines(tmp_path)
    assert (line["limited"], line["unread"], line["base"]) == (False, [], None)
    assert sum(sum(counts.values()) for counts in line["tiers"].values()) > len(MODULES)
    evidence = {file.name: file.read_text("utf-8") for file in (tmp_path / "evidence").iterdir()}
    assert 'id="trend"' in evidence["report.html"]
    assert "night shift &lt;1&gt;" in evidence["report.html"]
    assert all(f">{product.replace('_', '-')}<" in evidence["report.html"] for product in MODULES)
    assert "backup_audit_history_runs 1\n" in evidence["backup_audit.prom"]
    assert "\ntier," in evidence["findings.csv"]
    second = play("backup.audit.report", tmp_path, variables=given)
    assert second.status == 0, second.output
    assert re.search(r"changed=0 ", second.output)
    assert len(lines(tmp_path)) == 1


def test_a_run_with_a_limit_leaves_the_rest_unknown(simulators: Simulators, tmp_path: Path) -> None:
    """Workloads of servers that were not read are not reported as gone."""
    inventory = servers(simulators.ready)
    first = play("backup.audit.compliance", tmp_path, inventory=inventory, variables=variables(tmp_path))
    assert first.status == 0, first.output
    arguments = ("--limit", "unitrends,localhost")
    second = play(
        "backup.audit.compliance", tmp_path, inventory=inventory, variables=variables(tmp_path), arguments=arguments
    )
    assert second.status == 0, second.output
    everything, limited = lines(tmp_path)
    assert (everything["limited"], limited["limited"]) == (False, True)
    total = sum(everything["tiers"][""].values())
    assert sum(limited["tiers"][""].values()) == total
    read = sum(count for status, count in limited["tiers"][""].items() if status != "not_read")
    assert 0 < read < total / 2


def test_the_evidence_is_written_even_if_the_history_fails(simulators: Simulators, tmp_path: Path) -> None:
    """The play fails at the end, and the message has the reason."""
    (tmp_path / "file").write_text("")
    stored = kept_results(simulators.ready, tmp_path)
    given = variables(tmp_path, compliance_data_dir=str(stored), compliance_history=str(tmp_path / "file" / "inside"))
    ended = play("backup.audit.report", tmp_path, variables=given)
    assert ended.status == 2
    assert "The result was not added to the history." in ended.output
    assert "path: cannot write to" in ended.output
    assert 'id="workloads"' in (tmp_path / "evidence" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"assessment": {"failed": True}}, "compliance_history: assessment has no 'assessment'"),
        ({"assesment": "x"}, "Unsupported parameter for backup.audit.compliance_history: assesment."),
        ({}, "missing required arguments: assessment"),
        ({"assessment": healthy(), "since": "monday"}, "since: 'monday' is not a valid date, time or duration"),
        ({"assessment": healthy(), "max_status_age": "26 hours"}, "max_status_age: '26 hours' is not a valid duration"),
        ({"assessment": healthy(), "keep": "30d"}, "keep: 30d is less than 366d"),
    ],
)
def test_invalid_options_of_the_history(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    """The message names the option."""
    task = {"backup.audit.compliance_history": {"path": str(tmp_path / "history"), **options}}
    ended = play(on_localhost(task), tmp_path)
    assert ended.status == 2
    assert message in ended.output
    assert not (tmp_path / "history").exists()
