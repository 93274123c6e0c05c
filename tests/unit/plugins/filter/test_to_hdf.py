# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HDF, validated with a schema of the format: every finding is a result; unknown or waived findings never pass."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.filter.to_hdf import to_hdf
from tests.schemas.loader import load
from tests.unit.plugins.plugin_utils.assessments import estate, healthy, plain, unknown_only

SCHEMA = load("hdf", "exec-json")


def controls(compressed: str) -> dict[str, dict[str, Any]]:
    """Return the controls by id."""
    (profile,) = json.loads(to_hdf(compressed))["profiles"]
    result = {control["id"]: control for control in profile["controls"]}
    assert len(result) == len(profile["controls"])
    assert sorted(result) == sorted(name for group in profile["groups"] for name in group["controls"])
    return result


def heimdall(control: dict[str, Any]) -> str:
    """Return the status that Heimdall shows for a control, by its documented precedence."""
    if control["impact"] == 0:
        return "not applicable"
    statuses = {result["status"] for result in control["results"]}
    if control.get("waiver_data", {}).get("skipped_due_to_waiver"):
        return "not reviewed"
    order = (("error", "error"), ("failed", "failed"), ("passed", "passed"))
    return next((output for status, output in order if status in statuses), "not reviewed")


@pytest.mark.parametrize("compressed", [estate, healthy, unknown_only])
def test_document_is_valid(compressed: Any) -> None:
    """All fields and types match the format that Heimdall reads."""
    document = json.loads(to_hdf(compressed()))
    assert SCHEMA.document_problems("report", document) == []
    assert all(0 <= control["impact"] <= 1 for control in document["profiles"][0]["controls"])


def test_schema_rejects_invalid_documents() -> None:
    """Missing, misspelled and additional fields, and other types or statuses, are errors."""
    document = json.loads(to_hdf(estate()))
    result = document["profiles"][0]["controls"][0]["results"][0]
    for wrong in ({"status": "unknown"}, {"start_time": "now"}, {"resource_id": 7}, {"code_description": "x"}):
        document["profiles"][0]["controls"][0]["results"][0] = {**result, **wrong}
        assert SCHEMA.document_problems("report", document) != []
    document["profiles"][0]["controls"][0]["results"][0] = result
    del document["profiles"][0]["sha256"]
    assert SCHEMA.document_problems("report", document) != []


def test_every_finding_has_a_result() -> None:
    """No finding is lost, and each has the right status."""
    results = [result for control in controls(estate()).values() for result in control["results"]]
    findings = plain(estate())["findings"]
    assert len(results) == len(findings)
    output, found = Counter(one["status"] for one in results), Counter(one["result"] for one in findings)
    assert output["failed"] == found["fail"] > 1
    assert output["skipped"] == found["waived"] + found["not_applicable"]
    assert output["error"] == found["unknown"] == 3
    # One warning is about an unknown value, the other about a limit.
    assert output["passed"] == found["pass"] + 1


def test_unknown_never_passes() -> None:
    """Heimdall passes a control with passed and skipped results, so unknown must not be reported as skipped."""
    output = controls(estate())
    for name in ("encrypted.all yes (silver)", "offsite.min_count >= 1 (silver)"):
        statuses = {result["status"] for result in output[name]["results"]}
        assert {"passed", "error"} <= statuses
        assert heimdall(output[name]) == "error"
    assert heimdall(controls(unknown_only())["encrypted.all yes (silver)"]) == "error"
    assert {heimdall(control) for control in controls(healthy()).values()} == {"passed"}


def test_waived_findings_have_a_separate_control() -> None:
    """The control has the end and the reason of the waiver. Expired waivers do not count."""
    output = controls(estate())
    waived = output["recovery_points.max_age <= 26h (silver) waived"]
    assert waived["waiver_data"]["expiration_date"] == "2026-12-31"
    assert waived["waiver_data"]["justification"] == "moves <soon>"
    assert [result["resource_id"] for result in waived["results"]] == ["id of moved"]
    assert heimdall(waived) == "not reviewed"
    assert heimdall(output["recovery_points.max_age <= 26h (silver)"]) == "failed"
    assert heimdall(output["policy.exclude"]) == "not applicable"


def test_tags_and_document_structure() -> None:
    """NIST control names are in the tag that Heimdall expects. Data sources are inputs."""
    document = json.loads(to_hdf(estate()))
    result, assessment = controls(estate()), plain(estate())
    assert result["recovery_points.min_count >= 7 (silver)"]["tags"]["nist"] == ["CP-9", "CP-10"]
    assert result["encrypted.all yes (silver)"]["tags"]["nist"] == ["CP-9(8)"]
    descriptions = {one["code_desc"] for one in result["data.complete"]["results"]}
    assert "server dark.example.com: data.complete" in descriptions
    assert {"ref": "DORA 12"} in result["encrypted.all yes (silver)"]["refs"]
    (profile,) = document["profiles"]
    assert profile["sha256"] == assessment["policy_sha256"]
    inputs = {one["name"]: one["options"]["value"] for one in profile["attributes"]}
    assert inputs["policy"]["policies"][1]["name"] == "silver"
    assert inputs["data_sources"][1]["sha256"] == assessment["data_sources"][1]["sha256"]
    assert inputs["data_sources"][0]["failure"] == "the log-in was rejected <b>now</b>"
    totals = {name: one["total"] for name, one in document["statistics"]["controls"].items()}
    assert sum(totals.values()) == len(result)
