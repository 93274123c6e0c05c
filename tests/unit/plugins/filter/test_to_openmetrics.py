# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics, parsed with prometheus_client: OpenMetrics, and the text format that node_exporter accepts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from ansible_collections.backup.audit.plugins.filter.to_openmetrics import to_openmetrics
from tests.unit.plugins.plugin_utils.assessments import (
    HOSTILE,
    compressed_assessment,
    estate,
    healthy,
    plain,
    point_row,
    server,
)

Samples = dict[str, list[tuple[dict[str, str], float]]]


def samples(text: str, parse: Any = openmetrics) -> Samples:
    """Name without prefix -> labels and values."""
    result: Samples = {}
    for family in parse(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            assert sample.timestamp is None
            result.setdefault(sample.name.removeprefix("backup_audit_"), []).append((sample.labels, sample.value))
    return result


@pytest.mark.parametrize("compressed", [estate, healthy])
def test_both_formats_have_the_same_samples(compressed: Any) -> None:
    """One file is valid in both formats."""
    text = to_openmetrics(compressed())
    assert samples(text) == samples(text, text_format)
    assert text.endswith("\n# EOF\n")


def test_totals() -> None:
    """Counts match the assessment."""
    result, assessment = samples(to_openmetrics(estate())), plain(estate())
    assert result["compliant"] == [({}, 0)]
    assert samples(to_openmetrics(healthy()))["compliant"] == [({}, 1)]
    assert {labels["verdict"]: value for labels, value in result["workloads"]} == assessment["totals"]["verdicts"]
    assert {labels["result"]: value for labels, value in result["findings"]} == assessment["totals"]["results"]
    assert result["as_of_timestamp_seconds"] == [({}, 1795244400)]
    assert sum(value for _labels, value in result["control_findings"]) == len(assessment["findings"])


def test_servers() -> None:
    """A server that was not read has no time, and is not complete."""
    result = samples(to_openmetrics(estate()))
    assert {labels["source"]: value for labels, value in result["read_complete"]} == {
        "vbr1.example.com": 1,
        "vbr2 \ufffd<i>|": 1,
        "dark.example.com": 0,
    }
    assert [labels["source"] for labels, _value in result["read_timestamp_seconds"]] == [
        *("vbr1.example.com", "vbr2 \ufffd<i>|")
    ]


def test_workloads() -> None:
    """Unknown values have no sample."""
    result = samples(to_openmetrics(estate()))
    verdicts = {labels["workload"]: value for labels, value in result["workload_verdict"]}
    assert len(result["workload_verdict"]) == len(plain(estate())["workloads"])
    missing = {labels["verdict"]: value for labels, value in result["expected_workloads_missing"]}
    assert missing == plain(estate())["totals"]["missing"]
    assert missing["unknown"] == 1
    assert (verdicts["late"], verdicts["web01"], verdicts["moved"], verdicts["scratch"]) == (5, 1, 2, 0)
    points = {labels["workload"]: value for labels, value in result["workload_recovery_points"]}
    newest = {labels["workload"]: value for labels, value in result["workload_newest_timestamp_seconds"]}
    assert (points["web01"], points["never"]) == (12, 0)
    assert "missing.example.com" not in points
    assert "never" not in newest
    assert newest["web01"] == 1795226400


def test_escaped_names_are_parsed_unchanged() -> None:
    """Quotes and backslashes are restored by parsers."""
    names = {labels["workload"] for labels, _value in samples(to_openmetrics(estate()))["workload_verdict"]}
    assert {HOSTILE[0], HOSTILE[1], HOSTILE[3], HOSTILE[9], "line\ufffdbreak\ufffd\ufffdtab"} <= names


def test_no_two_samples_have_the_same_labels() -> None:
    """Names that differ only in invisible characters would make collectors reject the file."""
    twins = [point_row("twin\x01", id="a\x01"), point_row("twin\x02", id="a\x02")]
    result = samples(to_openmetrics(compressed_assessment(server("vbr1", *twins))))["workload_verdict"]
    assert [labels.get("duplicate") for labels, _value in result] == [None, "2"]
    counts = Counter(tuple(sorted(labels.items())) for labels, _value in result)
    assert set(counts.values()) == {1}


def test_workload_samples_are_optional() -> None:
    """For environments in which one series per workload would be too many."""
    result = samples(to_openmetrics(estate(), workloads=False))
    assert not [name for name in result if name.startswith("workload_")]
    assert result["workloads"]
