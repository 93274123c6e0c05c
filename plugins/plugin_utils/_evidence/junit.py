# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as JUnit XML: one suite for each server, one case for each workload and control."""

from __future__ import annotations

import typing as t
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from html import escape

from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    MET,
    WAIVED,
    Json,
    actual_text,
    control_status,
    display_name,
    is_about_workload,
    limit_text,
    policy_text,
    read_lines,
    waiver_text,
)

Finding = Mapping[str, t.Any]


def to_junit(assessment: Json) -> str:
    """Render failed findings as failures; unknown, waived and not applicable ones as skipped, with the reason."""
    by_source: dict[str | None, list[Finding]] = {None: []}
    for read in read_lines(assessment):
        by_source[read.host] = []
    for finding in assessment["findings"]:
        by_source.setdefault(finding["source"], []).append(finding)
    suites = [
        _build_suite(source, findings, _build_properties(assessment, source), assessment["as_of"])
        for source, findings in by_source.items()
    ]
    counts = _counts(assessment["findings"])
    head = f'<testsuites name="backup.audit: {escape(assessment["headline"])}" {counts} time="0">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>", ""])


def _build_properties(assessment: Json, source: str | None) -> dict[str, str]:
    """Return the properties with the data sources of a suite. A suite without a server lists all read results."""
    properties = {
        "as_of": assessment["as_of"],
        "collection_version": assessment["collection_version"],
        "policy_sha256": assessment["policy_sha256"],
    }
    if source is None:
        properties["policy"] = policy_text(assessment)
        properties["compliant"] = "true" if assessment["compliant"] else "false"
    for number, read in enumerate(read_lines(assessment), 1):
        if source in (None, read.host):
            properties.update({f"read.{number}.{name}": text for name, text in read.facts().items()})
    return properties


def _build_suite(source: str | None, findings: list[Finding], properties: dict[str, str], as_of: str) -> str:
    # The format accepts only times without a zone.
    head = f'name="{escape(source or "backup.audit")}" {_counts(findings)} time="0" timestamp="{escape(as_of[:19])}"'
    elements = "".join(f'<property name="{escape(name)}" value="{escape(text)}"/>' for name, text in properties.items())
    return "\n".join([f"<testsuite {head}>", f"<properties>{elements}</properties>", *_cases(findings), "</testsuite>"])


def _counts(findings: list[Finding]) -> str:
    failures = sum(finding["blocking"] for finding in findings)
    met = sum(control_status(finding) == MET for finding in findings)
    skipped = len(findings) - failures - met
    return f'tests="{len(findings)}" failures="{failures}" errors="0" skipped="{skipped}"'


def _cases(findings: list[Finding]) -> Iterable[str]:
    """Render the cases with unique names, because CI servers merge cases with the same name."""
    ids = defaultdict(set)
    for finding in findings:
        ids[finding["workload_name"]].add((finding["origin"], finding["workload_id"]))
    seen: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        name = "(server)" if finding["source"] else "(assessment)"
        if is_about_workload(finding):
            name = display_name(finding)
            if len(ids[finding["workload_name"]]) > 1:
                origin = f", origin {finding['origin']}" if finding["origin"] else ""
                name = f"{name} ({finding['workload_id']}{origin})"
        case = (name, finding["control"])
        seen[case] += 1
        suffix = f" #{seen[case]}" if seen[case] > 1 else ""
        yield (
            f'<testcase classname="{escape(name)}" name="{escape(finding["control"] + suffix)}" time="0">'
            f"{_outcome(finding)}</testcase>"
        )


def _outcome(finding: Finding) -> str:
    status, result, message = control_status(finding), finding["result"], finding["message"]
    if status == MET:
        text = message if result == "pass" else f"{result}: {message}"
        return f"<system-out>{escape(text, quote=False)}</system-out>"
    if finding["blocking"]:
        details = escape(_details(finding), quote=False)
        return f'<failure type="{result}" message="{escape(message)}">{details}</failure>'
    if status == WAIVED:
        message = f"{message} ({waiver_text(finding['waiver'])})"
    return f'<skipped message="{escape(f"{status}: {message}")}"/>'


def _details(finding: Finding) -> str:
    details = {
        "limit": limit_text(finding),
        "actual": actual_text(finding),
        "certainty": finding["certainty"],
        "tier": finding["tier"],
        "waiver": waiver_text(finding["waiver"]),
        "references": "; ".join(finding["references"]),
    }
    return "\n".join([finding["message"], *(f"{name}: {text}" for name, text in details.items() if text)])
