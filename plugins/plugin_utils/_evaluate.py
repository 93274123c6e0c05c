# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The assertion's judgement as of now, without its evidence, for plugins that judge on their own."""

from __future__ import annotations

import pathlib
import time
import typing as t
from collections.abc import Collection, Iterable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import Read, assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather

Identity = tuple[t.Any, ...]


def plain_reads(reads: t.Any) -> Iterator[dict[str, t.Any]]:
    """The READs in registered results, lists and files; AuditError for what is none."""
    return gather(reads, lambda path: pathlib.Path(path).read_bytes())


def evaluate_now(reads: Iterable[Read], policy: t.Any, beside: Mapping[str, t.Any] | None = None) -> Assessment:
    """Judge plain READs by a policy at this moment; AuditError as of ``assess``."""
    return assess(reads, policy, as_of=time.time_ns() // 1000, collection_version="", beside=beside)


def identity(record: Mapping[str, t.Any]) -> Identity:
    """By what a finding finds its workload."""
    return tuple(record[name] for name in ("source", "origin", "workload_id", "workload_name"))


def reasons(assessment: Mapping[str, t.Any], fine: Collection[str]) -> dict[Identity, list[str]]:
    """What is said of each workload, in the order of the findings, without results that are ``fine``."""
    said: dict[Identity, list[str]] = {}
    for finding in assessment["findings"]:
        if finding["result"] not in fine:
            said.setdefault(identity(finding), []).append(f"{finding['message']} [{finding['control']}]")
    return said
