# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as one self-contained HTML page: works offline, and shows everything even without its script.

Only the script and the style of this collection can run in it (Content-Security-Policy with digests), regardless of
the names of workloads.
"""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ansible_collections.backup.audit.plugins.module_utils._core.times import format_duration
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    SEVERITY,
    WORST_FIRST,
    Json,
    WorkloadKey,
    control_lines,
    counted,
    display_name,
    findings_by_workload,
    headline,
    is_about_workload,
    limit_text,
    policy_text,
    read_lines,
    verdict_counts,
    waiver_text,
    workload_identity,
    workloads_worst_first,
)
from ansible_collections.backup.audit.plugins.plugin_utils._sanitize import clean_text

Finding = Mapping[str, t.Any]

_RPO = "recovery_points.max_age"
_NO_REASON = ("pass", "not_applicable")
# Without the script the last days are shown as letters; number of letters.
_LETTERS = 30
_BAR_WIDTH = 1000
_WORST_SHOWN = 3
_PROBLEM_RESULTS = ("fail", "unknown", "warn")


def to_html_report(assessment: Json, *, title: str = "Backup compliance report") -> str:
    """Render the page."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    templates.filters["bar"] = _bar
    templates.filters["when"] = _when
    templates.filters["counted"] = counted
    style, script = (templates.get_template(f"report.{kind}.j2").render() for kind in ("css", "js"))
    grouped = findings_by_workload(assessment["findings"])
    workloads = workloads_worst_first(assessment)
    controls = _controls(assessment)
    return templates.get_template("report.html.j2").render(
        title=clean_text(str(title)),
        headline=headline(assessment),
        assessment=assessment,
        verdicts=verdict_counts(assessment),
        results=WORST_FIRST,
        alarms=_alarms(assessment),
        controls=controls,
        requirements=list({control["name"]: control["references"] for control in controls}.items()),
        worst=[_failures(control) for control in controls if control["blocking"]][:_WORST_SHOWN],
        servers=_servers(assessment),
        rpo=_usual_rpo(assessment),
        rows=[_row(workload, grouped[workload_identity(workload)]) for workload in workloads],
        data=_data([grouped[workload_identity(workload)] for workload in workloads]),
        waivers=_waivers(assessment),
        policy=policy_text(assessment, indent=2),
        # Only files of this collection are inserted without escaping.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        style_digest=_digest(style),
        script_digest=_digest(script),
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _when(moment: str | None) -> str:
    """Format a time as ``2026-11-21 06:49``, in UTC."""
    return "" if not moment else f"{moment[:10]} {moment[11:16]}"


def _bar(counts: Mapping[str, int]) -> list[tuple[str, float, float]]:
    """Return (result, start, width) of the parts of a bar; each part that exists is wide enough to be visible."""
    total = sum(counts.values())
    present = [(name, counts[name]) for name in WORST_FIRST if counts.get(name)]
    widths = [max(_BAR_WIDTH / 100, _BAR_WIDTH * count / total) for _name, count in present]
    scale = _BAR_WIDTH / sum(widths) if widths else 1
    parts, start = [], 0.0
    for (name, _count), width in zip(present, widths, strict=True):
        parts.append((name, round(start, 1), round(width * scale, 1)))
        start += width * scale
    return parts


def _alarms(assessment: Json) -> list[tuple[str, str]]:
    """List problems of servers or of the whole assessment: results that depend on them are not reliable."""
    found = [one for one in assessment["findings"] if not is_about_workload(one) and one["result"] in _PROBLEM_RESULTS]
    found.sort(key=lambda one: -SEVERITY[one["result"]])
    return [(one["result"], one["message"]) for one in found]


def _controls(assessment: Json) -> list[Json]:
    """List the controls, the one with the most blocking findings first."""
    controls = []
    for line in control_lines(assessment):
        facts = {"name": line.name, "limit": line.limit_text, "tier": line.tier}
        first = line.findings[0]
        subject = "workload" if is_about_workload(first) else "finding" if first["source"] is None else "server"
        blocking = sum(finding["blocking"] for finding in line.findings)
        counts = {"counts": line.counts, "blocking": blocking, "references": line.references}
        controls.append({**facts, "subject": subject, **counts})
    return sorted(controls, key=lambda one: [-one["blocking"], *(-one["counts"][name] for name in WORST_FIRST)])


def _failures(control: Json) -> tuple[str, str]:
    """Return a control with its limit, and its number of blocking findings: ``max_gap <= 26h``, ``62 workloads``."""
    limit = "" if control["limit"] == "yes" else control["limit"]
    name = f"{control['name'].removeprefix('recovery_points.')} {limit}".rstrip()
    failed = counted(control["blocking"], control["subject"])
    return name, f"{control['tier']}, {failed}" if control["tier"] else failed


def _servers(assessment: Json) -> list[Json]:
    verdicts: dict[t.Any, Counter[str]] = {}
    for workload in assessment["workloads"]:
        verdicts.setdefault(workload["source"], Counter())[workload["verdict"]] += 1
    servers = [{"read": read, "counts": verdicts.get(read.host, Counter())} for read in read_lines(assessment)]
    # Servers that were not completely read come first.
    return sorted(servers, key=lambda one: one["read"].complete)


def _usual_rpo(assessment: Json) -> int | None:
    limits = Counter(one["limit"] for one in assessment["findings"] if one["control"] == _RPO)
    return limits.most_common(1)[0][0] if limits else None


def _row(workload: Json, findings: list[Finding]) -> Json:
    counts = Counter(one["result"] for one in findings)
    reasons = [(one["result"], one["message"]) for one in findings if one["result"] not in _NO_REASON]
    reasons.sort(key=lambda reason: -SEVERITY[reason[0]])
    age = workload["newest_age_seconds"]
    timeline = workload["timeline"] or ""
    keys = ("workload_type", "platform", "origin", "workload_id")
    return {
        "name": display_name(workload),
        "about": [str(workload[key]) for key in keys if workload[key]],
        "source": workload["source"] or "",
        "verdict": workload["verdict"],
        "severity": SEVERITY[workload["verdict"]],
        "points": workload["recovery_points"],
        "newest": workload["newest"],
        "restorable": [workload[f"restorable_{end}"] for end in ("from", "until") if workload["restorable_from"]],
        "seconds": age,
        "age": "" if age is None else format_duration(age),
        "timeline": timeline,
        "letters": timeline[-_LETTERS:],
        "rpo": next((one["limit"] for one in findings if one["control"] == _RPO), None),
        "gone": workload["in_inventory"] is False,
        "reasons": reasons,
        "passed": counts["pass"],
        "evaluated": len(findings) - counts["not_applicable"],
    }


def _waivers(assessment: Json) -> list[Json]:
    return [
        {
            "name": display_name(one),
            "who": one,
            "text": waiver_text(one["waiver"]),
            "ended": one["waiver"].get("expired"),
        }
        for one in assessment["findings"]
        if one["waiver"] is not None
    ]


def _waiver_reason(waiver: Mapping[str, t.Any]) -> str:
    """Format a waiver as part of a message; the message of an expired waiver already has the end date."""
    return f"waiver reason: {waiver.get('reason')}" if waiver.get("expired") else f"waived {waiver_text(waiver)}"


def _data(grouped: list[list[Finding]]) -> Markup:
    """All findings of each row for the script: indexes into tables, as one JSON text that cannot close its element."""
    controls: dict[WorkloadKey, int] = {}
    texts: dict[str, int] = {}
    rows = []
    for findings in grouped:
        row = []
        for one in findings:
            control = (one["control"], limit_text(one), one["tier"], one["certainty"])
            message = one["message"] if one["waiver"] is None else f"{one['message']}; {_waiver_reason(one['waiver'])}"
            row += [
                controls.setdefault(control, len(controls)),
                WORST_FIRST.index(one["result"]),
                texts.setdefault(message, len(texts)),
            ]
        rows.append(row)
    document = {"results": WORST_FIRST, "controls": list(controls), "texts": list(texts), "rows": rows}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - HTML special characters are escaped
