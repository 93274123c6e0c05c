# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as OSCAL assessment-results: observations about workloads, and findings for NIST controls.

One observation covers all workloads of one server with the same result of one control. Each workload is a subject with
its own message. UUIDs are derived from content, so the same assessment always gives the same document.
"""

from __future__ import annotations

import base64
import re
import typing as t
import uuid
from collections import Counter
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    MET,
    NIST,
    NOT_APPLICABLE,
    NOT_MET,
    Json,
    ReadLine,
    actual_text,
    control_lines,
    control_status,
    counted,
    display_name,
    is_about_workload,
    limit_text,
    policy_text,
    read_lines,
    to_json,
    waiver_text,
    workload_identity,
    worst_by_identity,
)

Finding = Mapping[str, t.Any]

OSCAL_VERSION = "1.1.2"
_NAMESPACE = uuid.UUID("6e1f8f0a-54a7-5d0e-9a5b-0c8f4a1d2b3c")
_NS = "https://github.com/backup-audit/backup.audit/ns/oscal"
# This control is always included, even if no control of the policy is related to a standard.
_ALWAYS = f"{NIST}CP-9"
# Titles and texts in OSCAL are markup, in which these characters have a meaning.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$&!^])")


def to_oscal(assessment: Json) -> str:
    """Render the document as JSON."""
    return to_json({"assessment-results": _Document(assessment).build()})


class _Document:
    """The parts of one document, which reference each other by UUID."""

    def __init__(self, assessment: Json) -> None:
        self._assessment = assessment
        self._read_results = read_lines(assessment)
        # UUIDs are derived from the assessment, so that two documents never share a UUID.
        seal = "\n".join(
            [
                *(assessment[name] for name in ("as_of", "collection_version", "policy_sha256")),
                *(read.sha256 or read.failure for read in self._read_results),
            ]
        )
        self._space = uuid.uuid5(_NAMESPACE, seal)
        self._known: dict[tuple[t.Any, ...], str] = {}
        self._tool = self._get_uuid("tool")

    def _get_uuid(self, *parts: t.Any) -> str:
        known = self._known.get(parts)
        if known is None:
            known = self._known[parts] = str(uuid.uuid5(self._space, "\0".join(map(repr, parts))))
        return known

    def build(self) -> Json:
        """Build the document."""
        assessment = self._assessment
        plan = self._get_uuid("policy")
        return {
            "uuid": self._get_uuid("document"),
            "metadata": {
                "title": "Backup compliance of workloads",
                "last-modified": assessment["as_of"],
                "version": assessment["as_of"],
                "oscal-version": OSCAL_VERSION,
                "remarks": _escape_markup(assessment["headline"]),
            },
            "import-ap": {"href": f"#{plan}", "remarks": "The effective policy."},
            "results": [self._build_result()],
            "back-matter": {
                "resources": [self._build_policy(plan), *map(self._build_read_resource, range(len(self._read_results)))]
            },
        }

    def _build_policy(self, plan: str) -> Json:
        text = base64.b64encode(policy_text(self._assessment).encode()).decode()
        return {
            "uuid": plan,
            "title": "Effective policy",
            "props": _props({"sha256": self._assessment["policy_sha256"]}),
            "base64": {"filename": "policy.json", "media-type": "application/json", "value": text},
        }

    def _build_read_resource(self, number: int) -> Json:
        read = self._read_results[number]
        return {
            "uuid": self._get_uuid("read", number),
            "title": _escape_markup(f"Read result of {read.host}"),
            "description": "Data reported by the backup server. The SHA-256 identifies the file that contains it.",
            "props": _props(read.facts()),
        }

    def _build_result(self) -> Json:
        assessment = self._assessment
        observations, findings = self._build_observations()
        times = sorted(read.read_at for read in self._read_results if read.read_at)
        controls = sorted({_control_id(reference) for reference in [_ALWAYS, *findings]})
        result = {
            "uuid": self._get_uuid("result"),
            "title": _escape_markup(assessment["headline"]),
            "description": assessment["headline"],
            "start": min([*times, assessment["as_of"]]),
            "end": assessment["as_of"],
            "props": _props(
                {
                    "compliant": "true" if assessment["compliant"] else "false",
                    "collection-version": assessment["collection_version"],
                    "policy-sha256": assessment["policy_sha256"],
                }
            ),
            "local-definitions": {"components": self._build_components(), "inventory-items": self._build_inventory()},
            "reviewed-controls": {
                "control-selections": [{"include-controls": [{"control-id": control} for control in controls]}]
            },
            "observations": [observation for observation, _members in observations],
            "findings": [self._build_finding(reference, observations) for reference in sorted(findings)],
        }
        if not result["local-definitions"]["inventory-items"]:
            del result["local-definitions"]["inventory-items"]
        return result

    def _build_components(self) -> list[Json]:
        tool = {
            "uuid": self._tool,
            "type": "software",
            "title": "backup.audit",
            "description": "The Ansible collection that read the backup servers and evaluated the policy.",
            "props": _props({"version": self._assessment["collection_version"]}),
            "status": {"state": "operational"},
        }
        servers = {read.host: read for read in self._read_results}
        return [tool, *(self._build_component(read) for read in servers.values())]

    def _build_component(self, read: ReadLine) -> Json:
        known = {"product": read.product, "version": read.version}
        component: Json = {
            "uuid": self._get_uuid("server", read.host),
            "type": "software",
            "title": _escape_markup(read.host) or "unnamed",
            "description": f"Backup server that was {'' if read.complete else 'not '}read completely.",
            "status": {"state": "operational" if read.complete else "other"},
        }
        if any(known.values()):
            component["props"] = _props(known)
        return component

    def _build_inventory(self) -> list[Json]:
        items: list[Json] = []
        subjects = worst_by_identity(self._assessment)
        for finding in self._assessment["findings"]:
            # It may be about a workload that is not listed, such as one that only an older read result contains.
            if is_about_workload(finding):
                subjects.setdefault(workload_identity(finding), finding)
        for identity, workload in subjects.items():
            keys = ("source", "origin", "workload_id", "workload_name", "workload_type", "platform", "product")
            facts = {key: workload.get(key) for key in (*keys, "recovery_points", "newest", "oldest", "verdict")}
            item = {
                "uuid": self._get_uuid("workload", *identity),
                "description": _escape_markup(display_name(workload)),
                "props": _props({key: value for key, value in facts.items() if value is not None}),
            }
            items.append(item)
        return items

    def _build_observations(self) -> tuple[list[tuple[Json, list[Finding]]], dict[str, None]]:
        """Build the observations with their findings, and collect all NIST references."""
        by_host: dict[str | None, list[int]] = {}
        for number, read in enumerate(self._read_results):
            by_host.setdefault(read.host, []).append(number)
        observations, references = [], {_ALWAYS: None}
        for line in control_lines(self._assessment):
            references.update({reference: None for reference in line.references if reference.startswith(NIST)})
            groups: dict[tuple[t.Any, ...], list[Finding]] = {}
            for finding in line.findings:
                key = (finding["source"], finding["result"], finding["certainty"], waiver_text(finding["waiver"]))
                groups.setdefault(key, []).append(finding)
            for key, members in groups.items():
                name = self._get_uuid("observation", line.name, line.tier, line.limit, *key)
                observations.append(
                    (self._build_observation(name, line.title, members, by_host.get(key[0], [])), members)
                )
        return observations, references

    def _build_observation(self, name: str, title: str, members: list[Finding], read_results: list[int]) -> Json:
        first = members[0]
        times = [self._read_results[number].read_at for number in read_results if self._read_results[number].read_at]
        where = f" on {first['source']}" if first["source"] else ""
        facts = {
            "control": first["control"],
            "result": first["result"],
            "certainty": first["certainty"],
            "limit": limit_text(first),
            "tier": first["tier"],
            "waiver": waiver_text(first["waiver"]),
        }
        evidence = read_results or range(len(self._read_results))
        observation: Json = {
            "uuid": name,
            "title": _escape_markup(f"{title}: {first['result']}{where}"),
            "description": _escape_markup(f"{title}: {first['result']} for {counted(len(members), 'subject')}{where}"),
            "props": _props({key: value for key, value in facts.items() if value}),
            "methods": ["TEST"],
            "origins": [{"actors": [{"type": "tool", "actor-uuid": self._tool}]}],
            "subjects": [self._build_subject(member) for member in members],
            "collected": max(times, default=self._assessment["as_of"]),
        }
        if evidence:
            observation["relevant-evidence"] = [
                {
                    "href": f"#{self._get_uuid('read', number)}",
                    "description": _escape_markup(f"Read result of {self._read_results[number].host}"),
                }
                for number in evidence
            ]
        return observation

    def _build_subject(self, finding: Finding) -> Json:
        subject: Json
        if is_about_workload(finding):
            name, kind, title = (
                self._get_uuid("workload", *workload_identity(finding)),
                "inventory-item",
                display_name(finding),
            )
        elif finding["source"] is not None:
            name, kind, title = self._get_uuid("server", finding["source"]), "component", finding["source"]
        else:
            name, kind, title = self._tool, "component", "backup.audit"
        subject = {
            "subject-uuid": name,
            "type": kind,
            "title": _escape_markup(title),
            "remarks": _escape_markup(finding["message"]),
        }
        actual = actual_text(finding)
        if actual:
            subject["props"] = _props({"actual": actual})
        return subject

    def _build_finding(self, reference: str, observations: list[tuple[Json, list[Finding]]]) -> Json:
        """Build the finding of one NIST control. Data quality problems have no references, and affect all controls."""
        control = _control_id(reference)
        counts: Counter[str] = Counter()
        related = []
        for observation, members in observations:
            references = members[0]["references"]
            own = reference in references
            if not own and (references or control_status(members[0]) in (MET, NOT_APPLICABLE)):
                continue
            related.append({"observation-uuid": observation["uuid"]})
            for member in members:
                counts[control_status(member)] += 1
        state, reason = _state(counts)
        summed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items()))
        finding: Json = {
            "uuid": self._get_uuid("finding", reference),
            "title": reference,
            "description": _escape_markup(f"{reference}: {summed or 'no findings'}"),
            "target": {
                "type": "objective-id",
                "target-id": f"{control}_obj",
                "status": {"state": state, "reason": reason},
            },
        }
        if related:
            finding["related-observations"] = related
        return finding


def _state(counts: Mapping[str, int]) -> tuple[str, str]:
    """Return (state, reason). It is satisfied only if results are met, and all others are not applicable."""
    if counts.get(NOT_MET):
        return "not-satisfied", "fail"
    if not counts.get(MET) or set(counts) - {MET, NOT_APPLICABLE}:
        return "not-satisfied", "other"
    return "satisfied", "pass"


def _control_id(reference: str) -> str:
    """Convert ``NIST SP 800-53 CP-9(1)`` to ``cp-9.1``, the id in NIST's catalog."""
    return reference.removeprefix(NIST).lower().replace("(", ".").replace(")", "")


def _props(facts: Mapping[str, t.Any]) -> list[Json]:
    """Build properties. Values are on one line, without leading or trailing spaces, and never empty."""
    props = []
    for name, value in facts.items():
        text = " ".join(str(value).split())
        if text:
            props.append({"name": name.replace("_", "-"), "ns": _NS, "value": text})
    return props


def _escape_markup(text: t.Any) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))
