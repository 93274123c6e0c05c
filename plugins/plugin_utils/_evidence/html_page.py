# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as one self-contained HTML page, which works offline and shows everything even without its script.

Its Content-Security-Policy allows only the script and the style of this collection, so names of workloads cannot
inject code.
"""

from __future__ import annotations

import base64
import hashlib
import re
import typing as t
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ansible_collections.backup.audit.plugins.plugin_utils._evidence.html_rows import (
    COUNTING,
    RPO,
    Row,
    build_criteria,
    build_data,
    build_groups,
    build_rows,
    build_waivers,
    server_labels,
)
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.html_trend import build_trend_view
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    SEVERITY,
    WORST_FIRST,
    Json,
    control_lines,
    counted,
    data_problems,
    headline,
    is_about_workload,
    policy_text,
    problem_text,
    read_lines,
    share,
    verdict_counts,
)
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.trend import workload_trends
from ansible_collections.backup.audit.plugins.plugin_utils._sanitize import clean_text

_BAR_WIDTH = 1000
_WORST_SHOWN = 3
# All characters except those of times and digests, which the style inserts into the page margins when printing.
_NOT_PLAIN = re.compile(r"[^0-9A-Za-z:.+ -]")


def to_html_report(
    assessment: Json,
    *,
    title: str = "Backup compliance report",
    policy_name: str = "",
    run_by: str = "",
    trend: Json | None = None,
) -> str:
    """Render the page; ``trend`` is an opened trend."""
    templates = _open_templates()
    style = templates.get_template("report.css.j2").render(
        as_of=_plain(_when(assessment["as_of"])), policy_sha256=_plain(assessment["policy_sha256"])
    )
    script = templates.get_template("report.js.j2").render(counting=COUNTING)
    rows = build_rows(assessment, workload_trends(trend))
    statuses = Counter(row.status for row in rows)
    controls = _controls(assessment)
    return templates.get_template("report.html.j2").render(
        title=clean_text(str(title)),
        headline=headline(assessment),
        summary=str(assessment["headline"]).partition(": ")[2],
        assessment=assessment,
        statuses=statuses,
        evaluated=len(rows) - statuses["excluded"],
        share=share(statuses),
        about=_about(assessment, policy_name, run_by, rows),
        verdicts=verdict_counts(assessment),
        missing=sum(assessment["totals"]["missing"].values()),
        chips=[(name, sum(row.verdict == name for row in rows)) for name in WORST_FIRST],
        results=WORST_FIRST,
        alarms=_alarms(assessment),
        groups=build_groups(rows),
        criteria=build_criteria(rows),
        controls=controls,
        requirements=list({control["name"]: control["references"] for control in controls}.items()),
        worst=[_failures(control) for control in controls if control["blocking"]][:_WORST_SHOWN],
        servers=_servers(assessment),
        rpo=_usual_rpo(assessment),
        rows=rows,
        excluded=[row for row in rows if row.status == "excluded"],
        data=build_data(rows),
        waivers=build_waivers(assessment),
        policy=policy_text(assessment, indent=2),
        trend=build_trend_view(trend),
        # These are files of this collection, so they need no escaping.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        style_digest=_digest(style),
        script_digest=_digest(script),
    )


def _open_templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    templates.filters.update(bar=_bar, when=_when, counted=counted)
    return templates


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _plain(text: t.Any) -> str:
    return _NOT_PLAIN.sub("?", str(text))


def _about(assessment: Json, policy_name: str, run_by: str, rows: list[Row]) -> list[tuple[str, str]]:
    """List the properties of the run: policy, period, and who ran it."""
    tiers = dict.fromkeys(row.tier for row in rows if row.tier)
    policy = clean_text(str(policy_name)) or (f"tiers {', '.join(tiers)}" if tiers else "not named")
    oldest = min((one["oldest"] for one in assessment["workloads"] if one["oldest"]), default=None)
    period = f"recovery points from {_when(oldest)} to {_when(assessment['as_of'])} UTC" if oldest else ""
    by = clean_text(str(run_by))
    facts = {"Policy": policy, "Period": period, "Run by": by}
    return [(name, text) for name, text in facts.items() if text]


def _when(moment: str | None) -> str:
    """Format a time as ``2026-11-21 06:49``, in UTC."""
    return "" if not moment else f"{moment[:10]} {moment[11:16]}"


def _bar(counts: Mapping[str, int]) -> list[tuple[str, float, float]]:
    """Return (result, start, width) of the parts of a bar. Each part is wide enough to be visible."""
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
    """List problems that belong to no listed workload, which make other results unreliable."""
    found = sorted(data_problems(assessment), key=lambda one: -SEVERITY[one["result"]])
    return [(one["result"], problem_text(one)) for one in found]


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
    """Return a control and its number of blocking findings: ``("max_gap <= 26h", "62 workloads")``."""
    limit = "" if control["limit"] == "yes" else control["limit"]
    name = f"{control['name'].removeprefix('recovery_points.')} {limit}".rstrip()
    failed = counted(control["blocking"], control["subject"])
    return name, f"{control['tier']}, {failed}" if control["tier"] else failed


def _servers(assessment: Json) -> list[Json]:
    labels = server_labels(assessment)
    verdicts: dict[t.Any, Counter[str]] = {}
    for workload in assessment["workloads"]:
        verdicts.setdefault(workload["source"], Counter())[workload["verdict"]] += 1
    servers = [
        {"read": read, "label": labels[read.host], "counts": verdicts.get(read.host, Counter())}
        for read in read_lines(assessment)
    ]
    # Servers that were not completely read come first.
    return sorted(servers, key=lambda one: one["read"].complete)


def _usual_rpo(assessment: Json) -> int | None:
    limits = Counter(one["limit"] for one in assessment["findings"] if one["control"] == RPO)
    return limits.most_common(1)[0][0] if limits else None
