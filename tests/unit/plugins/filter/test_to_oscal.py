# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OSCAL, loaded with compliance-trestle: NIST controls are satisfied only by proof from servers that were read."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from trestle.oscal.assessment_results import AssessmentResults, Result
from trestle.oscal.common import ControlSelections

from ansible_collections.backup.audit.plugins.filter.to_oscal import to_oscal
from tests.unit.plugins.plugin_utils.assessments import (
    POLICY,
    UNREAD,
    compressed_assessment,
    daily_points,
    estate,
    healthy,
    plain,
    point_row,
    server,
    unknown_only,
)


def load_with_trestle(compressed: str, folder: Path) -> AssessmentResults:
    """Load the document with a third-party tool, which rejects fields that are not in the model."""
    file = folder / "assessment-results.json"
    file.write_text(to_oscal(compressed), "utf-8")
    result = AssessmentResults.oscal_read(file)
    assert isinstance(result, AssessmentResults)
    return result


def load_result(compressed: str, folder: Path) -> Result:
    """Return the one result."""
    (result,) = load_with_trestle(compressed, folder).results
    return result


def states(compressed: str, folder: Path) -> dict[str, tuple[str, str]]:
    """Control -> state and reason."""
    result = {}
    for one in load_result(compressed, folder).findings or []:
        assert one.target.status is not None
        result[one.title] = (one.target.status.state.value, str(one.target.status.reason))
    return result


def texts(value: Any) -> list[str]:
    """Collect all values of fields named uuid or with that suffix."""
    if isinstance(value, dict):
        own = [text for name, text in value.items() if name == "uuid"]
        return [*own, *(text for item in value.values() for text in texts(item))]
    return [text for item in value for text in texts(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("compressed", [estate, healthy, unknown_only])
def test_references_are_valid(compressed: Any, tmp_path: Path) -> None:
    """Every referenced UUID is in the document once, and is a version 5 UUID."""
    load_with_trestle(compressed(), tmp_path)
    text = to_oscal(compressed())
    named = texts(json.loads(text))
    assert len(named) == len(set(named))
    assert {uuid.UUID(one).version for one in named} == {5}
    (result,) = json.loads(text)["assessment-results"]["results"]
    referred = {subject["subject-uuid"] for one in result["observations"] for subject in one["subjects"]}
    referred |= {one["observation-uuid"] for each in result["findings"] for one in each["related-observations"]}
    referred |= {one["href"][1:] for each in result["observations"] for one in each["relevant-evidence"]}
    referred |= {actor["actor-uuid"] for one in result["observations"] for actor in one["origins"][0]["actors"]}
    assert referred <= set(named)


def test_every_finding_has_a_subject(tmp_path: Path) -> None:
    """Each workload and control occurs, including passes, with its message."""
    assessment = plain(estate())
    observations = load_result(estate(), tmp_path).observations or []
    subjects = [subject for one in observations for subject in one.subjects or []]
    assert len(subjects) == len(assessment["findings"])
    props = [{prop.name: prop.value for prop in one.props or []} for one in observations]
    for result, count in assessment["totals"]["results"].items():
        pairs = zip(observations, props, strict=True)
        assert sum(len(one.subjects or []) for one, known in pairs if known["result"] == result) == count


def test_only_proven_controls_are_satisfied(tmp_path: Path) -> None:
    """Unknown does not satisfy, regardless of on_unknown in the policy."""
    assert set(states(healthy(), tmp_path).values()) == {("satisfied", "pass")}
    result = states(unknown_only(), tmp_path)
    assert plain(unknown_only())["compliant"] is True
    assert result["NIST SP 800-53 CP-9"] == ("satisfied", "pass")
    assert result["NIST SP 800-53 CP-9(8)"] == ("not-satisfied", "other")
    assert result["NIST SP 800-53 CP-9(3)"] == ("not-satisfied", "other")


def test_a_server_that_was_not_read_satisfies_nothing(tmp_path: Path) -> None:
    """Its workloads may have no backup."""
    compressed = compressed_assessment(server("vbr1.example.com", point_row("web01")), UNREAD)
    assert set(states(compressed, tmp_path).values()) == {("not-satisfied", "fail")}


def test_waivers_are_accepted_risks(tmp_path: Path) -> None:
    """Compliant with the policy, but not satisfied."""
    waivers = [{"workload": "*", "control": "recovery_points.min_count", "until": "2027-01-01", "reason": "young"}]
    compressed = compressed_assessment(server("vbr1", point_row("web01", daily_points("III"))), waivers=waivers)
    assert plain(compressed)["compliant"] is True
    assert states(compressed, tmp_path)["NIST SP 800-53 CP-9"] == ("not-satisfied", "other")


def test_document_without_workloads(tmp_path: Path) -> None:
    """Without workloads no control is satisfied."""
    assert states(compressed_assessment(UNREAD), tmp_path) == {"NIST SP 800-53 CP-9": ("not-satisfied", "fail")}


def test_control_ids_match_the_catalog(tmp_path: Path) -> None:
    """Enhancements are written with a dot. Findings have the objective id."""
    result = load_result(estate(), tmp_path)
    (selection,) = result.reviewed_controls.control_selections
    assert isinstance(selection, ControlSelections)
    ids = [control.control_id for control in selection.include_controls or []]
    assert {"cp-9", "cp-9.3", "cp-9.8", "cp-10"} <= set(ids)
    targets = {one.target.target_id for one in result.findings or []}
    assert targets == {f"{name}_obj" for name in ids}


def test_document_has_policy_and_read_results(tmp_path: Path) -> None:
    """Contains the policy and each read result with its digest; observations have time and source."""
    result, assessment = load_with_trestle(estate(), tmp_path), plain(estate())
    assert result.metadata.oscal_version.root.root == "1.1.2"
    assert result.back_matter is not None
    policy, *read_results = result.back_matter.resources or []
    assert result.import_ap.href == f"#{policy.uuid}"
    assert policy.base64 is not None
    assert json.loads(base64.b64decode(policy.base64.value))["policies"][1] == POLICY["policies"][1]
    known = [{prop.name: prop.value for prop in one.props or []} for one in read_results]
    assert [one.get("sha256") for one in known] == [one.get("sha256") for one in assessment["data_sources"]]
    assert known[0]["failure"] == "the log-in was rejected <b>now</b>"


def test_markup_in_names_is_escaped(tmp_path: Path) -> None:
    """Titles are markup in OSCAL, so markup characters are escaped."""
    observations = load_result(estate(), tmp_path).observations or []
    titles = {subject.title for one in observations for subject in one.subjects or []}
    assert r"\<script\>document.title='owned'\</script\>" in titles
    assert not [title for title in titles if title and "<" in title.replace(r"\<", "")]


def test_different_assessments_have_different_uuids() -> None:
    """Different assessments give documents with different UUIDs."""
    one, other = (set(texts(json.loads(to_oscal(compressed)))) for compressed in (healthy(), unknown_only()))
    assert not one & other
