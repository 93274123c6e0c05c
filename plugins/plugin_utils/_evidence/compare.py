# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparison of an earlier and a later assessment: workloads that got worse or better, appeared or disappeared."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import (
    SEVERITY,
    UNKNOWN,
    Json,
    WorkloadKey,
    control_status,
    findings_by_workload,
    read_lines,
    split_sources,
    workload_identity,
)

SCHEMA = "backup.audit/comparison/1"
LISTS = ("worse", "unknown", "better", "new", "gone", "excluded", "included")
_NOT_EVALUATED = "not_applicable"
_FRAME = ("as_of", "collection_version", "policy_sha256", "compliant", "totals")

# (control, tier) -> its worst finding
Controls = dict[tuple[str, t.Any], Mapping[str, t.Any]]


def compare(before: Json, after: Json) -> Json:
    """Group workloads and servers by change. A workload that is no longer evaluated does not count as better."""
    old, new = (
        {key: _worst_by_control(found) for key, found in findings_by_workload(one["findings"]).items()}
        for one in (before, after)
    )
    facts = {workload_identity(workload): workload for one in (before, after) for workload in one["workloads"]}
    complete, unread = map(set, split_sources(after))
    # A server that is not in the later assessment was not read.
    unread |= {host for hosts in split_sources(before) for host in hosts} - complete
    changes: dict[str, list[Json]] = {name: [] for name in LISTS}
    unchanged = 0
    for key in [*new, *(key for key in old if key not in new)]:
        where, controls = _compare_controls(old.get(key), new.get(key))
        if where is None:
            unchanged += 1
            continue
        item = _build_item(key, facts.get(key), old.get(key), new.get(key), controls)
        if where == "gone":
            # Whether the workload may still exist on a server that was not read.
            item["source_unread"] = bool(unread) if key[0] is None else key[0] in unread
        changes[where].append(item)
    for items in changes.values():
        items.sort(key=lambda item: (-SEVERITY[item["after"] or item["before"]], *map(str, workload_identity(item))))
    return {
        "schema": SCHEMA,
        "before": {
            **{name: before[name] for name in _FRAME},
            "data_sources": [one.facts() for one in read_lines(before)],
        },
        "after": {**{name: after[name] for name in _FRAME}, "data_sources": [one.facts() for one in read_lines(after)]},
        "same_policy": before["policy_sha256"] == after["policy_sha256"],
        **changes,
        "totals": {**{name: len(items) for name, items in changes.items()}, "unchanged": unchanged},
    }


def _worst_by_control(findings: list[Mapping[str, t.Any]]) -> Controls:
    worst: Controls = {}
    for finding in findings:
        key = (finding["control"], finding["tier"])
        if key not in worst or SEVERITY[finding["result"]] > SEVERITY[worst[key]["result"]]:
            worst[key] = finding
    return worst


def _verdict(controls: Controls | None) -> str | None:
    if controls is None:
        return None
    return str(max((finding["result"] for finding in controls.values()), key=lambda result: SEVERITY[result]))


def _compare_controls(old: Controls | None, new: Controls | None) -> tuple[str | None, list[Json]]:
    """Return the group (one of LISTS, or None if nothing changed) and the changed controls.

    A control that failed before and is unknown now is neither better nor worse.
    """
    if old is None or new is None:
        return ("new" if old is None else "gone"), []
    changed, signs, is_lost = [], set(), False
    for key in [*new, *(key for key in old if key not in new)]:
        was, became = (found.get(key) for found in (old, new))
        results = [None if one is None else one["result"] for one in (was, became)]
        if results[0] != results[1]:
            finding = became or was or {}
            names = {"control": key[0], "tier": key[1], "before": results[0], "after": results[1]}
            changed.append({**names, "message": finding["message"]})
            if was and became and was["result"] == "fail" and control_status(became) == UNKNOWN:
                is_lost = True
            elif was and became and _NOT_EVALUATED not in results:
                signs.add(SEVERITY[became["result"]] > SEVERITY[was["result"]])
    before, after = _verdict(old), _verdict(new)
    if before != after:
        if _NOT_EVALUATED in (before, after):
            return ("excluded" if after == _NOT_EVALUATED else "included"), changed
        if SEVERITY[str(after)] > SEVERITY[str(before)]:
            return "worse", changed
        return ("unknown" if is_lost or after == UNKNOWN else "better"), changed
    # One improved control does not offset another one that got worse.
    return ("worse" if True in signs else "unknown" if is_lost else "better" if signs else None), changed


def _build_item(
    key: WorkloadKey, facts: Json | None, old: Controls | None, new: Controls | None, controls: list[Json]
) -> Json:
    source, origin, workload_id, workload_name = key
    known = facts or {}
    return {
        "source": source,
        "origin": origin,
        "workload_id": workload_id,
        "workload_name": workload_name,
        "workload_type": known.get("workload_type"),
        "before": _verdict(old),
        "after": _verdict(new),
        "controls": controls,
    }
