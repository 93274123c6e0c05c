# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as HDF (Heimdall's exec-json): one control for each rule, with one result for each workload."""

from __future__ import annotations

import dataclasses
import typing as t
from collections import Counter
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    MET,
    NOT_APPLICABLE,
    NOT_MET,
    UNKNOWN,
    WAIVED,
    ControlLine,
    Json,
    actual_text,
    control_lines,
    control_status,
    counted,
    display_name,
    is_about_workload,
    read_lines,
    to_json,
    waiver_text,
)

Finding = Mapping[str, t.Any]

# Heimdall shows a control with passed and skipped results as passed, so unknown must not be "skipped".
_STATUS = {MET: "passed", NOT_MET: "failed", UNKNOWN: "error", WAIVED: "skipped", NOT_APPLICABLE: "skipped"}
# From 0 (not applicable) to 1. 0.7 is "high" in Heimdall, because the workload may not be recoverable.
_IMPACT = 0.7


def to_hdf(assessment: Json) -> str:
    """Render the document as JSON."""
    read_at = {read.host: read.read_at for read in read_lines(assessment) if read.read_at}
    lines = [part for line in control_lines(assessment) for part in _split_by_waiver(line)]
    controls = [_control(line, waiver, read_at, assessment["as_of"]) for line, waiver in lines]
    # Heimdall identifies controls by their names.
    seen: Counter[str] = Counter()
    for control in controls:
        seen[control["id"]] += 1
        if seen[control["id"]] > 1:
            control["id"] = f"{control['id']} #{seen[control['id']]}"
    return to_json(
        {
            "platform": {"name": "backup.audit", "release": assessment["collection_version"]},
            "version": assessment["collection_version"],
            "statistics": {"controls": _statistics(controls)},
            "profiles": [_profile(assessment, controls)],
        }
    )


def _split_by_waiver(line: ControlLine) -> list[tuple[ControlLine, Json | None]]:
    """Split a control by waiver, because a control can have only one, and waived findings must not make it pass."""
    parts: dict[str, tuple[ControlLine, Json | None]] = {}
    for finding in line.findings:
        waiver = finding["waiver"] if control_status(finding) == WAIVED else None
        key = waiver_text(waiver)
        if key not in parts:
            parts[key] = (dataclasses.replace(line, findings=[]), waiver)
        parts[key][0].findings.append(finding)
    return list(parts.values())


def _profile(assessment: Json, controls: list[Json]) -> Json:
    groups: dict[str, list[str]] = {}
    for control in controls:
        groups.setdefault(control["id"].partition(".")[0], []).append(control["id"])
    attributes = {
        "compliant": assessment["compliant"],
        "as_of": assessment["as_of"],
        "collection_version": assessment["collection_version"],
        "policy": assessment["policy"],
        "policy_sha256": assessment["policy_sha256"],
        "data_sources": [read.facts() for read in read_lines(assessment)],
    }
    return {
        "name": "backup.audit",
        "title": "Evaluation of recovery points against the policy",
        "version": assessment["collection_version"],
        "summary": f"{assessment['headline']} (as of {assessment['as_of']})",
        "sha256": assessment["policy_sha256"],
        "status": "loaded",
        "supports": [],
        "attributes": [{"name": name, "options": {"value": value}} for name, value in attributes.items()],
        "groups": [{"id": name, "title": name, "controls": members} for name, members in groups.items()],
        "controls": controls,
    }


def _control(line: ControlLine, waiver: Json | None, read_at: Mapping[str, str], as_of: str) -> Json:
    not_applicable = all(control_status(finding) == NOT_APPLICABLE for finding in line.findings)
    control: Json = {
        "id": f"{line.title} waived" if waiver else line.title,
        "title": line.title,
        "desc": f"{line.name}: {counted(len(line.findings), 'finding')}",
        "impact": 0.0 if not_applicable else _IMPACT,
        "refs": [{"ref": reference} for reference in line.references],
        "tags": {
            "nist": line.nist,
            "references": line.references,
            "tier": line.tier,
            "limit": line.limit_text,
        },
        "source_location": {},
        "results": [_result(finding, read_at.get(finding["source"], as_of)) for finding in line.findings],
    }
    if waiver is not None:
        control["waiver_data"] = {
            "expiration_date": str(waiver.get("until")),
            "justification": str(waiver.get("reason")),
            "message": waiver_text(waiver),
            "run": True,
            "skipped_due_to_waiver": True,
        }
    return control


def _result(finding: Finding, time: str) -> Json:
    status = control_status(finding)
    source = finding["source"]
    subject = f"server {source}" if source else "assessment"
    if is_about_workload(finding):
        subject = f"{display_name(finding)}{f' on {source}' if source else ''}"
    result: Json = {
        "status": _STATUS[status],
        "code_desc": f"{subject}: {finding['control']}",
        "start_time": time,
        "resource": source,
        "resource_id": finding["workload_id"],
    }
    text = finding["message"] if finding["result"] == "pass" else f"{finding['result']}: {finding['message']}"
    if finding["actual"] is not None:
        text = f"{text} (measured {actual_text(finding)}, {finding['certainty']})"
    result["message"] = text
    if result["status"] == "skipped":
        waiver = waiver_text(finding["waiver"])
        result["skip_message"] = f"{text} ({waiver})" if waiver else text
    if status == UNKNOWN:
        result["exception"] = "unknown"
    return result


def _statistics(controls: list[Json]) -> Json:
    """Count the controls by the worst of their results."""
    counts: Counter[str] = Counter()
    for control in controls:
        found = {result["status"] for result in control["results"]}
        counts["failed" if found & {"failed", "error"} else "passed" if "passed" in found else "skipped"] += 1
    return {name: {"total": counts[name]} for name in ("passed", "skipped", "failed")}
