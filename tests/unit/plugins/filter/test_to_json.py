# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of an assessment: the same data as to_assessment returns, one line for each record."""

from __future__ import annotations

import json

from ansible_collections.backup.audit.plugins.filter.to_assessment import to_assessment
from ansible_collections.backup.audit.plugins.filter.to_json import to_json
from tests.unit.plugins.plugin_utils.assessments import HOSTILE, estate


def test_document_is_the_assessment_with_the_headline_first() -> None:
    text = to_json(estate())
    document = json.loads(text)
    assert document == to_assessment(estate())
    assert next(iter(document)) == "headline"
    assert set(HOSTILE) <= {workload["workload_name"] for workload in document["workloads"]}


def test_each_workload_and_each_finding_is_one_line() -> None:
    """Line-based tools can search and compare the file."""
    lines = [line.rstrip(",") for line in to_json(estate()).splitlines()]
    assessment = to_assessment(estate())
    records = [*assessment["workloads"], *assessment["findings"]]
    found = [json.loads(line) for line in lines if line.startswith("{") and line != "{"]
    assert [record for record in found if record in records] == records


def test_empty_lists_are_kept() -> None:
    assessment = {**to_assessment(estate()), "workloads": []}
    assert json.loads(to_json(assessment))["workloads"] == []
