# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trend of a history in documents: contents of each document, and invalid histories."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from ansible_collections.backup.audit.plugins.filter.to_csv import to_csv
from ansible_collections.backup.audit.plugins.filter.to_html_report import to_html_report
from ansible_collections.backup.audit.plugins.filter.to_openmetrics import to_openmetrics
from tests.unit.plugins.filter.test_to_html_report import Seen
from tests.unit.plugins.plugin_utils.assessments import estate
from tests.unit.plugins.plugin_utils.trends import estate_history, pack

DOCUMENTS = pytest.mark.parametrize(
    "document", [to_csv, to_html_report, to_openmetrics], ids=lambda document: document.__name__
)
SKIPPED = "not valid JSON, so the line is truncated or damaged"


def test_report_shows_the_trend() -> None:
    """It includes shares of the periods, changes, the number of omitted lines, and since when each workload fails."""
    page = Seen(to_html_report(estate(), history=estate_history()))
    for text in (
        "5 runs from 2026-11-17 07:00 to 2026-11-21 07:00 UTC, 5 of them incomplete (not all servers were read).",
        "at most 26h",
        # Of 21 workloads 17, and two that were compliant for a quarter and for three quarters of the time.
        "silver 85.7% of the time compliant 2026-08-22 2026-11-21 85.7% of the time compliant 2025-11-22 2026-11-21",
        "Changes since the previous run (2026-11-20 07:00 UTC): 0 workloads",
        "Changes since an earlier run (2026-11-17 07:00 UTC): 2 workloads",
        "late vbr1.example.com compliant failed web01 vbr1.example.com failed compliant",
        f"2026-11.jsonl, line 6: {SKIPPED}",
        "not compliant since 2026-11-18 07:00 (3d); compliant 24.9% of last quarter, 24.9% of last year",
        "not compliant since 2026-11-17 07:00, the first run (4d); compliant 0% of last quarter",
        "5 of 5 controls passed compliant 75% of last quarter, 75% of last year",
    ):
        assert text in page.text, text
    paths = [one for one in page.all("path") if one.get("class") == "compliant"]
    # Each chart has a column for each of five days: four units wide, the newest at the right edge.
    assert [str(one["d"]).count("M") for one in paths] == [5] * 6
    assert str(paths[0]["d"]).rpartition("M")[2].startswith("364 ")
    assert str(paths[1]["d"]).rpartition("M")[2].startswith("1456 ")


def test_no_trend_without_a_history() -> None:
    """An empty value, a history without runs, and a skipped task."""
    plain = to_html_report(estate())
    empty = pack({"schema": "backup.audit/trend/1", "runs": 0, "skipped": []})
    for history in (None, "", {"skipped": True, "changed": False}, empty):
        assert to_html_report(estate(), history=history) == plain
    assert 'id="trend"' not in plain


def test_metrics_have_the_trend() -> None:
    """Shares are ratios, times are seconds, and unknown values have no sample."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    parse: Any = openmetrics
    for family in parse(to_openmetrics(estate(), history=estate_history())):
        for sample in family.samples:
            key = tuple(sample.labels.get(name, "") for name in ("workload", "tier", "period", "since"))
            found.setdefault(sample.name.removeprefix("backup_audit_"), {})[key] = sample.value
    assert found["history_runs"] == {("", "", "", ""): 5}
    assert found["history_incomplete_runs"] == {("", "", "", ""): 5}
    assert found["history_skipped_lines"] == {("", "", "", ""): 1}
    assert found["history_changed_workloads"] == {("", "", "", "last_run"): 0, ("", "", "", "date"): 2}
    assert found["compliant_ratio"] == {("", "", "quarter", ""): 0.826, ("", "", "year", ""): 0.826}
    assert found["unknown_ratio"] == {("", "", "quarter", ""): 0, ("", "", "year", ""): 0}
    assert found["tier_compliant_ratio"]["", "silver", "year", ""] == 0.857
    assert found["workload_compliant_ratio"]["web01", "", "quarter", ""] == 0.75
    since = found["workload_not_compliant_since_timestamp_seconds"]
    # 2026-11-18T07:00:00Z
    assert since["late", "", "", ""] == 1794985200
    assert ("web01", "", "", "") not in since


def test_metrics_without_workloads() -> None:
    """Only the totals of the trend."""
    text = to_openmetrics(estate(), workloads=False, history=estate_history())
    assert "backup_audit_tier_compliant_ratio" in text
    assert "backup_audit_workload" not in text.replace("backup_audit_workloads", "")


def test_csv_has_the_trend() -> None:
    """In each line of a workload, and in lines for tiers, changes and the history."""
    lines = list(csv.DictReader(io.StringIO(to_csv(estate(), history=estate_history()), newline=""), strict=True))
    assert all(None not in line and None not in line.values() for line in lines)
    # One of four days and a second, rounded down.
    late = [line for line in lines if line["record"] == "finding" and line["workload_name"] == "late"]
    assert {
        (line["not_compliant_since"], line["compliant_percent_quarter"], line["compliant_percent_year"])
        for line in late
    } == {("2026-11-18T07:00:00Z", "24.9", "24.9")}
    tiers = {line["tier"]: line["compliant_percent_year"] for line in lines if line["record"] == "tier"}
    assert tiers == {"All workloads": "82.6", "gold <&>": "100.0", "silver": "85.7", "No tier": "0.0"}
    assert [(line["workload_name"], line["message"]) for line in lines if line["record"] == "change"] == [
        ("late", "compliant at 2026-11-17T07:00:00Z, failed at 2026-11-21T07:00:00Z"),
        ("web01", "failed at 2026-11-17T07:00:00Z, compliant at 2026-11-21T07:00:00Z"),
    ]
    (line,) = (line for line in lines if line["record"] == "history")
    assert line["message"] == f"line 6 of 2026-11.jsonl was skipped: {SKIPPED}"


@DOCUMENTS
@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ({"msg": "failed", "failed": True}, "history: no 'trend' in the result"),
        ("no trend", "history: the trend is damaged"),
        (
            pack({"schema": "backup.audit/trend/9"}),
            "expected schema 'backup.audit/trend/1', found 'backup.audit/trend/9'",
        ),
        (pack({"schema": "backup.audit/trend/1", "runs": 3}), "history: the trend is damaged"),
        ({"trend": estate_history()["trend"][:-40]}, "history: the trend is damaged"),
    ],
)
def test_an_invalid_history_is_rejected(document: Callable[..., str], history: Any, reason: str) -> None:
    """With the name of the filter, and where the value comes from."""
    with pytest.raises(AnsibleFilterError, match=f"backup.audit.{document.__name__}: .*{reason}"):
        document(estate(), history=history)
