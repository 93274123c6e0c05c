# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data of an assessment that all documents share: workloads, results and data sources."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import format_duration
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import PRODUCT_NAMES
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import open_assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.language.schema import RULES
from ansible_collections.backup.audit.plugins.module_utils._policy.language.scope import SUPERSEDED
from ansible_collections.backup.audit.plugins.plugin_utils._sanitize import clean, is_clean

Json = dict[str, t.Any]
WorkloadKey = tuple[t.Any, t.Any, t.Any, t.Any]

# Worst first.
WORST_FIRST = ("fail", "unknown", "warn", "waived", "pass", "not_applicable")
SEVERITY = {name: len(WORST_FIRST) - index for index, name in enumerate(WORST_FIRST)}
NIST = "NIST SP 800-53 "

# Status of a workload.
STATUSES = ("failed", "not_proved", "waived", "compliant", "excluded")

# Status of a result, for formats that only distinguish met and not met.
MET, NOT_MET, UNKNOWN, WAIVED, NOT_APPLICABLE = "met", "not_met", "unknown", "waived", "not_applicable"
# With one of these options, a read does not show whether other workloads were removed.
_LIMITS = ("workload_names", "workload_types")
_PROBLEMS = ("fail", "unknown", "warn")

_FRAME = (
    *("as_of", "collection_version", "policy", "policy_sha256", "data_sources"),
    *("totals", "compliant", "headline", "workloads", "findings"),
)
_HINT = "Pass the complete result of recovery_points_assert"
_IDENTITY = ("source", "origin", "workload_id", "workload_name")
_WORKLOAD_TEXTS = (
    *(*_IDENTITY, "workload_type", "platform", "product"),
    *("newest", "oldest", "restorable_from", "restorable_until", "timeline", "verdict"),
)
_WORKLOAD_KEYS = frozenset({*_WORKLOAD_TEXTS, "in_inventory", "recovery_points", "newest_age_seconds"})
_FINDING_TEXTS = (*_IDENTITY, "control", "result", "limit_text", "certainty", "message", "tier")
_FINDING_KEYS = frozenset({*_FINDING_TEXTS, "blocking", "limit", "actual", "waiver", "references"})
_DURATIONS = frozenset({"age", *(rule.name for rule in RULES if rule.argument == "duration")})
_PERCENTS = frozenset(rule.name for rule in RULES if rule.argument == "percent")
# Rules with a maximum, and rules with a minimum. Flags have neither.
_MAXIMUMS = frozenset({"age", *(rule.name for rule in RULES if rule.ceiling)})
_MINIMUMS = frozenset(rule.name for rule in RULES if rule.argument != "flag") - _MAXIMUMS


def load(value: t.Any, *, where: str = "the input") -> Json:
    """Load an assessment (compressed or plain) as dicts, with all texts sanitized."""
    document = open_assessment(value, where=where)
    missing = [name for name in _FRAME if name not in document]
    if missing:
        raise DataError(f"the assessment in {where} has no {', '.join(missing)}", hint=_HINT)
    frame = clean({name: item for name, item in document.items() if name not in ("workloads", "findings")})
    return {
        **frame,
        "workloads": _records(document["workloads"], _WORKLOAD_KEYS, _WORKLOAD_TEXTS, "workload"),
        "findings": _records(document["findings"], _FINDING_KEYS, _FINDING_TEXTS, "finding"),
    }


def _records(records: t.Any, keys: frozenset[str], texts: tuple[str, ...], what: str) -> list[t.Any]:
    """Sanitize the texts of records. Most records need no cleaning, and are returned unchanged."""
    cleaned = []
    for number, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise DataError(f"{what} {number} of the assessment is not a mapping", hint=_HINT)
        if not record.keys() >= keys:
            missing = ", ".join(sorted(keys - record.keys()))
            raise DataError(f"{what} {number} of the assessment has no {missing}", hint=_HINT)
        cleaned.append(record if is_clean(record, texts) and not record.get("waiver") else clean(record))
    return cleaned


def workload_identity(item: Mapping[str, t.Any]) -> WorkloadKey:
    """Return the key that identifies a workload."""
    return (item["source"], item["origin"], item["workload_id"], item["workload_name"])


def is_about_workload(finding: Mapping[str, t.Any]) -> bool:
    """Return whether a finding is about a workload, and not about a server or the complete assessment."""
    return finding["workload_id"] is not None or finding["workload_name"] is not None


def is_superseded_note(finding: Mapping[str, t.Any]) -> bool:
    """Return whether a finding only says that a newer read result was used. It does not explain a verdict."""
    return (finding["control"], finding["result"]) == (SUPERSEDED, NOT_APPLICABLE)


def worst_by_identity(assessment: Mapping[str, t.Any]) -> dict[WorkloadKey, Json]:
    """Return the workloads by identity, in order. Of several rows with one identity, the worst one counts.

    Two read results of one server that are both evaluated can contain the same workload.
    """
    found: dict[WorkloadKey, Json] = {}
    for workload in assessment["workloads"]:
        known = found.setdefault(workload_identity(workload), workload)
        if SEVERITY[workload["verdict"]] > SEVERITY[known["verdict"]]:
            found[workload_identity(workload)] = workload
    return found


def data_problems(assessment: Mapping[str, t.Any]) -> list[Mapping[str, t.Any]]:
    """List problems that no workload of the assessment shows: those of servers, the policy, and dropped workloads."""
    listed = {workload_identity(workload) for workload in assessment["workloads"]}
    return [
        one
        for one in assessment["findings"]
        if one["result"] in _PROBLEMS and not (is_about_workload(one) and workload_identity(one) in listed)
    ]


def problem_text(finding: Mapping[str, t.Any]) -> str:
    """Return the message of a problem, with the name of the workload in front if there is one."""
    message = str(finding["message"])
    if not is_about_workload(finding) or message.startswith(display_name(finding)):
        return message
    return f"{display_name(finding)}: {message}"


def display_name(item: Mapping[str, t.Any]) -> str:
    """Return the name to show for a workload."""
    return str(item["workload_name"] or item["workload_id"] or "(recovery points without a workload)")


def workload_status(findings: Iterable[Mapping[str, t.Any]]) -> str:
    """Return the status of a workload from its findings. A workload with blocking findings is never compliant."""
    results, blocks = set(), False
    for finding in findings:
        results.add(finding["result"])
        blocks = blocks or finding["blocking"]
    if "fail" in results:
        return "failed"
    if blocks or not results:
        return "not_proved"
    if "waived" in results:
        return "waived"
    return "excluded" if results == {"not_applicable"} else "compliant"


def share(statuses: Mapping[str, int]) -> str:
    """Return the percentage of compliant workloads, rounded down, or "" if none was evaluated."""
    evaluated = sum(statuses.get(name, 0) for name in STATUSES) - statuses.get("excluded", 0)
    return f"{statuses.get('compliant', 0) * 1000 // evaluated / 10:g}%" if evaluated else ""


def get_tier(findings: Iterable[Mapping[str, t.Any]]) -> str | None:
    """Return the tier of a workload from its findings."""
    return next((finding["tier"] for finding in findings if finding["tier"] is not None), None)


def control_status(finding: Mapping[str, t.Any]) -> str:
    """Return the status of a finding. A warning about an unknown value is UNKNOWN, because it is not proved."""
    result = finding["result"]
    if result == "fail":
        return NOT_MET
    if result in ("waived", "not_applicable"):
        return str(result)
    proved = result in ("pass", "warn") and finding["certainty"] != "unknown"
    return MET if proved else UNKNOWN


def limit_text(finding: Mapping[str, t.Any]) -> str:
    """Return the limit of the policy with its operator, such as ``<= 26h``, ``>= 50%`` or ``yes``; "" without one."""
    limit, rule = str(finding["limit_text"]), finding["control"].rpartition(".")[2]
    if not limit:
        return ""
    return f"<= {limit}" if rule in _MAXIMUMS else f">= {limit}" if rule in _MINIMUMS else limit


def actual_text(finding: Mapping[str, t.Any]) -> str:
    """Format the measured value, such as ``1d 2h``, ``50%``, ``7`` or ``yes``. Return "" if there is none."""
    actual, rule = finding["actual"], finding["control"].rpartition(".")[2]
    if actual is None:
        return ""
    if isinstance(actual, bool):
        return "yes" if actual else "no"
    if rule in _DURATIONS and isinstance(actual, int):
        return format_duration(actual)
    return f"{actual}%" if rule in _PERCENTS else str(actual)


def waiver_text(waiver: Mapping[str, t.Any] | None) -> str:
    """Format a waiver: end date, reason, and whether it has ended."""
    if waiver is None:
        return ""
    ended = "ended" if waiver.get("expired") else "until"
    return f"{ended} {waiver.get('until')}: {waiver.get('reason')}"


def policy_text(assessment: Mapping[str, t.Any], *, indent: int | None = None) -> str:
    """Return the effective policy as deterministic JSON."""
    separators = (",", ":") if indent is None else None
    return json.dumps(assessment["policy"], sort_keys=True, ensure_ascii=False, indent=indent, separators=separators)


def to_json(document: t.Any) -> str:
    """Serialize a document to deterministic, compact JSON with a newline at the end."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def headline(assessment: Mapping[str, t.Any]) -> str:
    """Return the overall result in one or two words."""
    return "Compliant" if assessment["compliant"] else "Not compliant"


def counted(count: int, noun: str) -> str:
    """Format a number with its noun: ``1 workload``, ``1,200 workloads``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def verdict_counts(assessment: Mapping[str, t.Any]) -> list[tuple[str, int]]:
    """List (result, number of workloads), worst first."""
    verdicts = assessment["totals"]["verdicts"]
    return [(name, verdicts.get(name, 0)) for name in WORST_FIRST]


@dataclasses.dataclass(frozen=True, slots=True)
class ReadLine:
    """One read result for documents. Unknown values are empty strings."""

    host: str
    product: str
    version: str
    read_at: str
    server_time: str
    clock_skew: str
    window: str
    complete: bool
    sha256: str
    failure: str
    # Name of the server in the user's inventory.
    inventory_name: str = ""

    @property
    def product_name(self) -> str:
        """The full name of the product."""
        return PRODUCT_NAMES.get(self.product, self.product.replace("_", " "))

    def facts(self) -> dict[str, str]:
        """Return the known values by name."""
        named = {
            "source": self.host,
            "inventory_name": self.inventory_name,
            "product": self.product,
            "version": self.version,
            "read_at": self.read_at,
            "server_time": self.server_time,
            "clock_skew_seconds": self.clock_skew,
            "window": self.window,
            "complete": "true" if self.complete else "false",
            "sha256": self.sha256,
            "failure": self.failure,
        }
        return {name: text for name, text in named.items() if text}


def read_lines(assessment: Mapping[str, t.Any]) -> list[ReadLine]:
    """List all read results in order, including failed ones."""
    lines = []
    for read in assessment["data_sources"]:
        server, window = read.get("server") or {}, read.get("selection") or {}
        since, until = window.get("since"), window.get("until")
        window_text = f"{since} to {until}" if since and until else f"since {since}" if since else f"until {until}"
        if not since and not until:
            window_text = "all available history"
        line = ReadLine(
            host=_text(server.get("host")),
            product=_text(server.get("product")),
            version=_text(server.get("version")),
            read_at=_text(read.get("read_at")),
            server_time=_text(server.get("time")),
            clock_skew=_text(server.get("clock_skew_seconds")),
            window="" if read.get("failure") else window_text,
            complete=read.get("complete") is True,
            sha256=_text(read.get("sha256")),
            failure=_text(read.get("failure")),
            inventory_name=_text(read.get("inventory_name")),
        )
        lines.append(line)
    return lines


def split_sources(assessment: Mapping[str, t.Any]) -> tuple[list[str], list[str]]:
    """Return the hosts of the read results that list every workload, and those of all others."""
    found: dict[bool, list[str]] = {True: [], False: []}
    for source in assessment["data_sources"]:
        selection = source.get("selection") or {}
        is_complete = source.get("complete") is True and not any(selection.get(name) for name in _LIMITS)
        found[is_complete].append(str(source["server"]["host"]))
    return found[True], found[False]


def _text(value: t.Any) -> str:
    return "" if value is None else str(value)


@dataclasses.dataclass(slots=True)
class ControlLine:
    """One control of one tier for all workloads."""

    name: str
    tier: str | None
    limit: t.Any
    limit_text: str
    references: list[str]
    findings: list[Mapping[str, t.Any]]

    @property
    def counts(self) -> Counter[str]:
        """Return result -> number of findings."""
        return Counter(finding["result"] for finding in self.findings)

    @property
    def title(self) -> str:
        """Return the name, limit and tier as one text."""
        limit = f" {self.limit_text}" if self.limit_text else ""
        return f"{self.name}{limit}{f' ({self.tier})' if self.tier else ''}"

    @property
    def nist(self) -> list[str]:
        """List the related controls of NIST SP 800-53, such as CP-9(1)."""
        return [reference.removeprefix(NIST) for reference in self.references if reference.startswith(NIST)]


def control_lines(assessment: Mapping[str, t.Any]) -> list[ControlLine]:
    """List all controls with findings: data quality checks first, then in the order of the policy."""
    lines: dict[tuple[str, t.Any, t.Any], ControlLine] = {}
    for finding in assessment["findings"]:
        limit = finding["limit"]
        key = (finding["control"], finding["tier"], str(limit))
        line = lines.get(key)
        if line is None:
            control, tier, _limit = key
            line = lines[key] = ControlLine(control, tier, limit, limit_text(finding), finding["references"], [])
        line.findings.append(finding)
    return sorted(lines.values(), key=lambda line: not line.name.startswith("data."))


def findings_by_workload(findings: Iterable[Mapping[str, t.Any]]) -> dict[WorkloadKey, list[Mapping[str, t.Any]]]:
    """Group findings by workload. The key of a server has its name, and None for all other fields."""
    grouped: dict[WorkloadKey, list[Mapping[str, t.Any]]] = defaultdict(list)
    for finding in findings:
        grouped[workload_identity(finding)].append(finding)
    return grouped


def workloads_worst_first(assessment: Mapping[str, t.Any]) -> list[Json]:
    """List all workloads by result (worst first), then server and name."""
    return sorted(
        assessment["workloads"],
        key=lambda item: (
            -SEVERITY[item["verdict"]],
            str(item["source"]),
            display_name(item),
            str(item["workload_id"]),
        ),
    )
