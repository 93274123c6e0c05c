# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Assessment as metrics for node_exporter's textfile collector, which OpenMetrics parsers also accept.

Therefore, the file contains only gauges, no timestamps of samples, and an end marker. Unknown values have no sample.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import RESULTS
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    WORST_FIRST,
    Json,
    WorkloadKey,
    control_lines,
    read_lines,
    verdict_counts,
    workload_identity,
)
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.trend import workload_trends

# labels -> value
Samples = Iterable[tuple[Mapping[str, t.Any], "int | float | None"]]

_VERDICTS = ", ".join(f"{number} {name}" for number, name in enumerate(RESULTS))


def to_openmetrics(assessment: Json, *, workloads: bool = True, trend: Json | None = None) -> str:
    """Render all metrics. Without ``workloads``, only those of the assessment, servers, controls and tiers."""
    families = [*_assessment_metrics(assessment), *_read_metrics(assessment), *_control_metrics(assessment)]
    if workloads:
        families += _workload_metrics(assessment)
    if trend is not None:
        families += _trend_metrics(trend)
        if workloads:
            families += _workload_trend_metrics(assessment, workload_trends(trend))
    lines: list[str] = []
    for name, help_text, samples in families:
        metric = f"backup_audit_{name}"
        lines += [f"# HELP {metric} {help_text}", f"# TYPE {metric} gauge", *_samples(metric, samples)]
    return "\n".join([*lines, "# EOF", ""])


def _assessment_metrics(assessment: Json) -> Iterator[tuple[str, str, Samples]]:
    frame = {name: assessment[name] for name in ("as_of", "collection_version", "policy_sha256")}
    yield "assessment_info", "Time, collection version and policy of the assessment.", [(frame, 1)]
    yield (
        "compliant",
        "1 if no finding is blocking, otherwise 0.",
        [({}, int(assessment["compliant"]))],
    )
    as_of = _seconds(assessment["as_of"])
    yield "as_of_timestamp_seconds", "Time for which the policy was evaluated.", [({}, as_of)]
    verdicts = [({"verdict": name}, count) for name, count in verdict_counts(assessment)]
    yield "workloads", "Number of workloads by result.", verdicts
    missing = [({"verdict": name}, count) for name, count in assessment["totals"]["missing"].items()]
    yield "expected_workloads_missing", "Number of expected workloads that were not found, by result.", missing
    results = assessment["totals"]["results"]
    found = [({"result": name}, results.get(name, 0)) for name in WORST_FIRST]
    yield "findings", "Number of findings by result.", found
    unproved = assessment["totals"]["not_proved"]
    yield "findings_not_proved", "Number of findings that are not verifiable (unknown).", [({}, unproved)]


def _read_metrics(assessment: Json) -> Iterator[tuple[str, str, Samples]]:
    read_results = read_lines(assessment)
    names = ("source", "product", "version", "read_at", "sha256")
    infos = [({name: read.facts().get(name, "") for name in names}, 1) for read in read_results]
    yield "read_info", "Product, version, read time and SHA-256 digest of a read result.", infos
    complete = [({"source": read.host}, int(read.complete)) for read in read_results]
    yield "read_complete", "Whether a server was read completely.", complete
    times = [({"source": read.host}, _seconds(read.read_at or None)) for read in read_results]
    yield "read_timestamp_seconds", "Time at which a server was read.", times


def _control_metrics(assessment: Json) -> Iterator[tuple[str, str, Samples]]:
    samples = []
    for control in control_lines(assessment):
        limit = "" if control.limit is None else str(control.limit).lower()
        labels = {"control": control.name, "tier": control.tier or "", "limit": limit}
        samples += [({**labels, "result": result}, count) for result, count in sorted(control.counts.items())]
    yield "control_findings", "Number of findings by control and result.", samples


def _workload_metrics(assessment: Json) -> Iterator[tuple[str, str, Samples]]:
    labelled = [(_labels(workload), workload) for workload in assessment["workloads"]]
    verdicts = [(labels, RESULTS.index(workload["verdict"])) for labels, workload in labelled]
    yield "workload_verdict", f"Result of a workload: {_VERDICTS}.", verdicts
    points = [(labels, workload["recovery_points"]) for labels, workload in labelled]
    yield "workload_recovery_points", "Number of usable recovery points of a workload.", points
    for end in ("newest", "oldest"):
        times = [(labels, _seconds(workload[end])) for labels, workload in labelled]
        yield f"workload_{end}_timestamp_seconds", f"Creation time of the {end} recovery point of a workload.", times


def _trend_metrics(trend: Json) -> Iterator[tuple[str, str, Samples]]:
    yield "history_runs", "Number of runs in the history.", [({}, trend["runs"])]
    yield (
        "history_incomplete_runs",
        "Number of runs in which not every server was read.",
        [({}, trend["incomplete_runs"])],
    )
    yield (
        "history_skipped_lines",
        "Number of lines of the history that are damaged or of another format.",
        [({}, len(trend["skipped"]))],
    )
    named = {"last": "last_run", "since": "date"}
    changes = [({"since": named[name]}, len(part["workloads"])) for name, part in trend["changes"].items()]
    yield "history_changed_workloads", "Number of workloads whose status has changed since an earlier run.", changes
    for part in ("compliant", "unknown"):
        shares = [
            (period, one["tier"], _ratio(one[f"{part}_percent"]))
            for period, found in trend["periods"].items()
            for one in found["tiers"]
        ]
        text = f"Share of the time that is {part}, for all workloads, in a period that ends with the last run."
        yield f"{part}_ratio", text, [({"period": period}, ratio) for period, tier, ratio in shares if tier is None]
        tiers = [({"tier": tier, "period": period}, ratio) for period, tier, ratio in shares if tier is not None]
        yield f"tier_{part}_ratio", text.replace("all workloads", "the workloads of a tier"), tiers


def _workload_trend_metrics(assessment: Json, trends: Mapping[WorkloadKey, Json]) -> Iterator[tuple[str, str, Samples]]:
    known = [
        (_labels(workload), trends[workload_identity(workload)])
        for workload in assessment["workloads"]
        if workload_identity(workload) in trends
    ]
    ratios = [
        ({**labels, "period": period}, _ratio(percent))
        for labels, one in known
        for period, percent in one["compliant_percent"].items()
    ]
    yield "workload_compliant_ratio", "Share of a period in which a workload was compliant.", ratios
    since = [(labels, _seconds(one["not_compliant_since"])) for labels, one in known]
    yield "workload_not_compliant_since_timestamp_seconds", "First run since which a workload is not compliant.", since


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 3)


def _labels(workload: Json) -> dict[str, str]:
    fields = {
        "source": "source",
        "origin": "origin",
        "workload_id": "workload_id",
        "workload": "workload_name",
        "workload_type": "workload_type",
    }
    return {label: str(workload[field] or "") for label, field in fields.items()}


def _seconds(time: str | None) -> float | None:
    if time is None:
        return None
    try:
        return parse_time(time) / SECOND
    except DataError:
        # The assessment contains an invalid time. A missing sample is better than a wrong one.
        return None


def _samples(metric: str, samples: Samples) -> Iterator[str]:
    """Format samples. Duplicates are numbered, because collectors reject files with repeated labels."""
    seen: Counter[str] = Counter()
    for labels, value in samples:
        if value is None:
            continue
        labels_text = ",".join(f'{name}="{_escape(text)}"' for name, text in labels.items())
        seen[labels_text] += 1
        if seen[labels_text] > 1:
            labels_text = f'{labels_text}{"," if labels_text else ""}duplicate="{seen[labels_text]}"'
        yield f"{metric}{{{labels_text}}} {value!r}" if labels_text else f"{metric} {value!r}"


def _escape(text: t.Any) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
