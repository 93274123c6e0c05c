# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The common data of all documents: status of findings, and validation of an assessment."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.plugin_utils._evidence import report_model
from tests.unit.plugins.plugin_utils.assessments import estate, plain


@pytest.mark.parametrize(
    ("result", "certainty", "expected"),
    [
        ("pass", "reported", "met"),
        ("pass", "inferred", "met"),
        ("pass", "unknown", "unknown"),
        ("warn", "reported", "met"),
        ("warn", "unknown", "unknown"),
        ("unknown", "unknown", "unknown"),
        ("fail", "reported", "not_met"),
        ("fail", "unknown", "not_met"),
        ("waived", "reported", "waived"),
        ("not_applicable", "reported", "not_applicable"),
        ("something else", "reported", "unknown"),
    ],
)
def test_only_proven_requirements_are_met(result: str, certainty: str, expected: str) -> None:
    """A warning about an unknown value is not a proof."""
    assert report_model.control_status({"result": result, "certainty": certainty}) == expected


@pytest.mark.parametrize(
    ("control", "limit", "expected"),
    [
        ("recovery_points.max_age", "26h", "<= 26h"),
        ("backup_types.log.max_gap", "90m", "<= 90m"),
        ("restore_tested.max_restore_time", "2h", "<= 2h"),
        ("data.age", "24h", "<= 24h"),
        ("recovery_points.min_retention", "30d", ">= 30d"),
        ("recovery_points.daily", "7", ">= 7"),
        ("locations.min_types", "2", ">= 2"),
        ("size.min_percent_of_median", "50%", ">= 50%"),
        ("recovery_points.min_count", "7", ">= 7"),
        ("encrypted.all", "yes", "yes"),
        ("data.complete", "", ""),
    ],
)
def test_limits_have_an_operator(control: str, limit: str, expected: str) -> None:
    """Durations are shown as in the policy."""
    assert report_model.limit_text({"control": control, "limit_text": limit}) == expected


@pytest.mark.parametrize(
    ("control", "actual", "expected"),
    [
        ("recovery_points.max_age", 93600, "1d 2h"),
        ("data.age", 86400, "1d"),
        ("size.min_percent_of_median", 50, "50%"),
        ("encrypted.all", True, "yes"),
        ("recovery_points.min_count", 7, "7"),
        ("data.complete", None, ""),
    ],
)
def test_measured_values_are_formatted(control: str, actual: Any, expected: str) -> None:
    """Seconds are shown as durations."""
    assert report_model.actual_text({"control": control, "actual": actual}) == expected


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({}, "all available history"),
        ({"since": "2026-11-01T00:00:00Z"}, "since 2026-11-01T00:00:00Z"),
        ({"until": "2026-11-20T00:00:00Z"}, "until 2026-11-20T00:00:00Z"),
        (
            {"since": "2026-11-01T00:00:00Z", "until": "2026-11-20T00:00:00Z"},
            "2026-11-01T00:00:00Z to 2026-11-20T00:00:00Z",
        ),
    ],
)
def test_the_period_of_a_read_result(window: dict[str, str], expected: str) -> None:
    """Without since and until, all recovery points that the server lists are read."""
    (line,) = report_model.read_lines({"data_sources": [{"server": {"host": "vbr1"}, "selection": window}]})
    assert line.window == expected


def test_loading_keeps_numbers_and_lengths() -> None:
    """Sanitizing drops no workload or finding, and does not change its input."""
    given = plain(estate())
    before = repr(given)
    result = report_model.load(given)
    assert repr(given) == before
    assert len(result["findings"]) == len(given["findings"]) == given["totals"]["findings"]
    totals = given["totals"]
    assert len(result["workloads"]) == len(given["workloads"]) == totals["workloads"] + totals["missing"]["unknown"]
    assert [one["verdict"] for one in result["workloads"]] == [one["verdict"] for one in given["workloads"]]


@pytest.mark.parametrize("missing", ["as_of", "policy", "data_sources", "totals", "workloads", "compliant", "headline"])
def test_an_incomplete_assessment_is_rejected(missing: str) -> None:
    """An incomplete assessment is not rendered."""
    given = plain(estate())
    del given[missing]
    with pytest.raises(DataError, match=missing):
        report_model.load(given)


@pytest.mark.parametrize("records", ["workloads", "findings"])
def test_an_incomplete_record_is_rejected(records: str) -> None:
    """The message contains the number of the record."""
    given = plain(estate())
    given[records][3] = {"source": "x"}
    with pytest.raises(DataError, match=r"3 of the assessment has no \w+, "):
        report_model.load(given)
    given[records][3] = "x"
    with pytest.raises(DataError, match="3 of the assessment is not a mapping"):
        report_model.load(given)


def test_every_read_result_is_listed() -> None:
    """Includes failed ones, with the reason."""
    lines = report_model.read_lines(report_model.load(estate()))
    assert [line.host for line in lines] == ["dark.example.com", "vbr1.example.com", "vbr2 \ufffd<i>|"]
    assert [line.complete for line in lines] == [False, True, True]
    assert lines[1].facts()["sha256"] == plain(estate())["data_sources"][1]["sha256"]
    assert lines[0].facts() == {
        "source": "dark.example.com",
        "complete": "false",
        "failure": "the log-in was rejected <b>now</b>",
    }
