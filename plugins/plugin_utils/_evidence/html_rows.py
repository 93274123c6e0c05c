# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workloads of the HTML report: their rows, groups and filters, and the data for the script."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from markupsafe import Markup

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    DAY,
    SECOND,
    format_duration,
    parse_duration,
    parse_time,
)
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import PRODUCT_NAMES
from ansible_collections.backup.audit.plugins.module_utils._policy.timeline import LETTERS
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    SEVERITY,
    STATUSES,
    WORST_FIRST,
    Json,
    WorkloadKey,
    display_name,
    findings_by_workload,
    get_tier,
    is_superseded_note,
    limit_text,
    read_lines,
    share,
    waiver_text,
    workload_identity,
    workload_status,
    workloads_worst_first,
)

Finding = Mapping[str, t.Any]

RPO = "recovery_points.max_age"
_GAP = "recovery_points.max_gap"
_NO_REASON = ("pass", "not_applicable")
_NOT_PROVED = ("fail", "unknown")
# Number of last days that are shown as letters if the script does not run.
_LETTERS_SHOWN = 30
# Kinds of points that count as recovery points unless a policy lists others, as letters of a timeline.
COUNTING = "FDIBRA"
_NO_LETTER = "-"
# Longest timeline in days.
_ALL_DAYS = 400
# Properties by which workloads can be grouped and filtered, with their headings.
GROUPS = {"tier": "Tier", "product": "Product", "type": "Type", "platform": "Platform"}
CRITERIA = {"server": "Server", **GROUPS}


@dataclasses.dataclass(slots=True)
class Row:
    """A workload as the template and the script show it. Its attributes are read millions of times in large reports."""

    name: str
    # Host, with the inventory name if there is one.
    server: str
    trend: str
    id: str
    origin: str
    type: str
    platform: str
    product: str
    tier: str
    # All that distinguishes workloads with the same name.
    details: str
    verdict: str
    status: str
    points: int | None
    newest: str | None
    restorable: list[str]
    # Age of the newest recovery point in seconds and as text.
    seconds: int | None
    age: str
    timeline: str
    letters: str
    rpo: t.Any
    shaded: int | None
    counting: str
    none_counts: bool
    gone: bool
    # (result, whether it blocks, message) of each finding that did not pass, worst first.
    reasons: list[tuple[str, bool, str]]
    excluded: str
    passed: int
    evaluated: int
    findings: Sequence[Finding]


def build_rows(assessment: Json, trends: Mapping[WorkloadKey, Json]) -> list[Row]:
    """List the rows of all workloads, worst first."""
    grouped = findings_by_workload(assessment["findings"])
    servers = server_labels(assessment)
    rules = {tier: _recovery_point_rules(assessment["policy"], tier) for tier in (None, *_tier_names(assessment))}
    rows = []
    for workload in workloads_worst_first(assessment):
        identity = workload_identity(workload)
        findings = grouped[identity]
        server = servers.get(workload["source"], workload["source"] or "")
        trend = _trend_text(trends.get(identity), assessment["as_of"])
        rows.append(_build_row(workload, findings, rules.get(get_tier(findings), {}), server, trend))
    return rows


def server_labels(assessment: Json) -> dict[str, str]:
    """Return host -> inventory name and host."""
    labels = {}
    for read in read_lines(assessment):
        named = read.inventory_name and read.inventory_name != read.host
        labels[read.host] = f"{read.inventory_name} ({read.host})" if named else read.host
    return labels


def _tier_names(assessment: Json) -> list[str]:
    return list(dict.fromkeys(finding["tier"] for finding in assessment["findings"] if finding["tier"] is not None))


def _recovery_point_rules(policy: Json, tier: str | None) -> Json:
    """Return the rules of recovery_points in a tier of the policy; empty if there are none."""
    tiers = policy.get("policies")
    if isinstance(tiers, list):
        policy = next(
            (one.get("policy", {}) for one in tiers if isinstance(one, Mapping) and one.get("name") == tier), {}
        )
    rules = policy.get("recovery_points") if isinstance(policy, Mapping) else None
    return dict(rules) if isinstance(rules, Mapping) else {}


def _build_row(workload: Json, findings: Sequence[Finding], rules: Json, server: str, trend: str) -> Row:
    counts = Counter(one["result"] for one in findings)
    reasons = [(one["result"], one["blocking"], _message(one)) for one in findings if one["result"] not in _NO_REASON]
    reasons.sort(key=lambda reason: -SEVERITY[reason[0]])
    age = workload["newest_age_seconds"]
    timeline = workload["timeline"] or ""
    counting = _counting_letters(rules)
    # Even points of these kinds may not count, for example because their usability is unknown.
    is_counted = bool(set(timeline) & set(counting)) and not (counting == COUNTING and workload["recovery_points"] == 0)
    counting = counting if is_counted else _NO_LETTER
    product = workload["product"] or ""
    tier, kind = get_tier(findings) or "", workload["workload_type"] or ""
    platform, origin, ident = workload["platform"] or "", workload["origin"] or "", workload["workload_id"] or ""
    return Row(
        name=display_name(workload),
        server=server,
        trend=trend,
        id=ident,
        origin=origin,
        type=kind,
        platform=platform,
        product=PRODUCT_NAMES.get(product, product.replace("_", " ")),
        tier=tier,
        details=" · ".join(filter(None, (tier, kind, platform, origin, ident))),
        verdict=workload["verdict"],
        status=workload_status(findings),
        points=workload["recovery_points"],
        newest=workload["newest"],
        restorable=[workload[f"restorable_{end}"] for end in ("from", "until") if workload["restorable_from"]],
        seconds=age,
        age="" if age is None else format_duration(age),
        timeline=timeline,
        letters=timeline[-_LETTERS_SHOWN:],
        rpo=next((one["limit"] for one in findings if one["control"] == RPO), None),
        shaded=_shaded_days(findings, rules),
        counting="" if counting == COUNTING else counting,
        none_counts=bool(timeline.strip(".")) and not is_counted,
        gone=workload["in_inventory"] is False,
        reasons=reasons,
        excluded=next(
            (one["message"] for one in findings if one["result"] == "not_applicable" and not is_superseded_note(one)),
            "",
        ),
        passed=counts["pass"],
        evaluated=len(findings) - counts["not_applicable"],
        findings=findings,
    )


def _counting_letters(rules: Json) -> str:
    kinds = rules.get("backup_types")
    if not isinstance(kinds, list):
        return COUNTING
    return "".join(dict.fromkeys(LETTERS[kind] for kind in kinds if kind in LETTERS))


def _shaded_days(findings: Iterable[Finding], rules: Json) -> int | None:
    """Return the number of last days in which gaps are shaded because a control fails. 0: only a gap at the end."""
    results = {one["control"]: one["result"] for one in findings}
    if results.get(_GAP) in _NOT_PROVED:
        limit = rules.get("max_gap")
        within = limit.get("within") if isinstance(limit, Mapping) else None
        try:
            return _ALL_DAYS if within is None else -(-parse_duration(within) // DAY)
        except AuditError:
            return _ALL_DAYS
    return 0 if results.get(RPO) in _NOT_PROVED else None


def _trend_text(trend: Json | None, as_of: str) -> str:
    """Describe since when a workload is not compliant, and its compliant shares of the periods."""
    if trend is None:
        return ""
    parts = []
    since = trend["not_compliant_since"]
    if since is not None and trend["status"] in ("failed", "not_proved"):
        length = format_duration(max(0, parse_time(as_of) - parse_time(since)) // SECOND)
        first = ", the first run" if trend["since_first_run"] else ""
        parts.append(f"not compliant since {since[:10]} {since[11:16]}{first} ({length})")
    shares = [
        f"{percent:g}% of last {name}" for name, percent in trend["compliant_percent"].items() if percent is not None
    ]
    if shares:
        parts.append(f"compliant {', '.join(shares)}")
    return "; ".join(parts)


def build_groups(rows: Sequence[Row]) -> list[Json]:
    """List the groups of workloads by tier, product, type and platform, if any workload has the property."""
    groups = []
    for key, heading in GROUPS.items():
        counted: dict[str, Counter[str]] = {}
        for (value, status, verdict), number in Counter(map(attrgetter(key, "status", "verdict"), rows)).items():
            counts = counted.setdefault(value, Counter())
            counts[status] += number
            counts[f"verdict {verdict}"] += number
        members = [
            {
                "value": value,
                "workloads": sum(counts[name] for name in STATUSES),
                "counts": {name: counts[f"verdict {name}"] for name in WORST_FIRST},
                "share": share(counts),
            }
            for value, counts in sorted(counted.items())
        ]
        if any(counted):
            groups.append({"key": key, "heading": heading, "members": members})
    return groups


def build_criteria(rows: Sequence[Row]) -> list[tuple[str, str, list[str]]]:
    """List the filters of workloads: name, heading and values."""
    controls = sorted({one["control"] for row in rows for one in row.findings})
    values = {name: sorted(set(map(attrgetter(name), rows)) - {""}) for name in CRITERIA}
    return [*((name, CRITERIA[name], found) for name, found in values.items()), ("control", "Control", controls)]


def build_waivers(assessment: Json) -> list[Json]:
    """List the findings with a waiver."""
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


def _message(finding: Finding) -> str:
    if finding["waiver"] is None:
        return str(finding["message"])
    return f"{finding['message']}; {_waiver_reason(finding['waiver'])}"


def _waiver_reason(waiver: Mapping[str, t.Any]) -> str:
    """Format a waiver as part of a message. The message of an expired waiver already contains the end date."""
    return f"waiver reason: {waiver.get('reason')}" if waiver.get("expired") else f"waived {waiver_text(waiver)}"


def build_data(rows: Sequence[Row]) -> Markup:
    """Return the findings and filters of all rows for the script, as JSON text that cannot close its element.

    Findings and filters are indexes into tables.
    """
    controls: dict[WorkloadKey, int] = {}
    texts: dict[str, int] = {}
    criteria: dict[str, dict[str, int]] = {name: {} for name in CRITERIA}
    data: list[Json] = []
    for row in rows:
        found: list[int] = []
        for one in row.findings:
            control = (one["control"], limit_text(one), one["tier"], one["certainty"])
            found += [
                controls.setdefault(control, len(controls)),
                WORST_FIRST.index(one["result"]),
                texts.setdefault(_message(one), len(texts)),
            ]
        values = [numbers.setdefault(getattr(row, name), len(numbers)) for name, numbers in criteria.items()]
        data.append({"f": found, "v": values, "i": [row.id, row.origin, row.newest or "", row.status, row.trend]})
    document = {
        "results": WORST_FIRST,
        "controls": list(controls),
        "texts": list(texts),
        "criteria": {name: list(values) for name, values in criteria.items()},
        "rows": data,
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - HTML special characters are escaped
