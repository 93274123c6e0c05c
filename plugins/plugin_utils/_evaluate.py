# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluation at the current time, without evidence, for plugins that evaluate a policy themselves."""

from __future__ import annotations

import pathlib
import time
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import Opened, gather
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import compile_document

Identity = tuple[t.Any, ...]
__all__ = [
    "Identity",
    "Opened",
    "check_findings",
    "check_policy",
    "evaluate_now",
    "identity",
    "opened_results",
    "reasons",
]


def opened_results(read_results: t.Any, *, failures_are_findings: bool = False) -> Iterator[Opened]:
    """Yield the read results in registered results, lists and files. Raise AuditError for other values."""
    return gather(
        read_results, lambda path: pathlib.Path(path).read_bytes(), failures_are_findings=failures_are_findings
    )


def check_policy(policy: t.Any) -> None:
    """Raise OptionError if the policy is invalid, before anything is read."""
    compile_document(policy)


def evaluate_now(
    read_results: Iterable[Opened], policy: t.Any, options: Mapping[str, t.Any] | None = None
) -> Assessment:
    """Evaluate opened read results against a policy at the current time; AuditError as in ``assess``."""
    return assess(read_results, policy, as_of=time.time_ns() // 1000, collection_version="", options=options)


def identity(record: Mapping[str, t.Any]) -> Identity:
    """Return the key that a finding shares with its workload."""
    return tuple(record[name] for name in ("source", "origin", "workload_id", "workload_name"))


def check_findings(assessment: Mapping[str, t.Any]) -> dict[tuple[str | None, str], list[Mapping[str, t.Any]]]:
    """Collect the findings without a workload by source and control, except those about servers that were not read."""
    unread = {source["server"]["host"] for source in assessment["data_sources"] if "failure" in source}
    groups: dict[tuple[str | None, str], list[Mapping[str, t.Any]]] = {}
    for finding in assessment["findings"]:
        source, control = finding["source"], finding["control"]
        is_unread = control == "data.complete" and source in unread
        if finding["workload_id"] is None and finding["workload_name"] is None and not is_unread:
            groups.setdefault((source, control), []).append(finding)
    return groups


def reasons(findings: Iterable[Mapping[str, t.Any]]) -> dict[Identity, list[str]]:
    """Collect the messages of findings for each workload, in the order of the findings."""
    messages: dict[Identity, list[str]] = {}
    for finding in findings:
        messages.setdefault(identity(finding), []).append(f"{finding['message']} [{finding['control']}]")
    return messages
