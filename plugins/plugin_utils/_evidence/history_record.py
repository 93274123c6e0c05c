# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a run for compliance_history: totals, and the status of each workload."""

from __future__ import annotations

import typing as t

from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import assessment_sha256, open_assessment
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    Json,
    control_lines,
    findings_by_workload,
    get_tier,
    load,
    split_sources,
    workload_identity,
    workload_status,
)


def build_record(assessment: t.Any, *, limited: bool = False) -> Json:
    """Return the record of an assessment (compressed or plain). ``limited``: not all servers were selected."""
    opened = open_assessment(assessment, where="assessment")
    document = load(opened)
    grouped = findings_by_workload(document["findings"])
    complete, unread = split_sources(document)
    return {
        "time": document["as_of"],
        "assessment_sha256": assessment_sha256(opened),
        "policy_sha256": document["policy_sha256"],
        "collection_version": document["collection_version"],
        "compliant": document["compliant"],
        "limited": limited,
        "unread": sorted(unread),
        # A server with several read results is complete if all of them are.
        "complete_sources": sorted({*complete} - {*unread}),
        "controls": [
            {
                "control": line.name,
                "tier": line.tier,
                "limit": line.limit_text,
                "results": dict(sorted(line.counts.items())),
            }
            for line in control_lines(document)
        ],
        "tiers": {},
        "workloads": [
            [*workload_identity(workload), get_tier(findings), workload_status(findings)]
            for workload in document["workloads"]
            for findings in (grouped[workload_identity(workload)],)
        ],
    }
