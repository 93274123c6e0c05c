# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of an assessment in one line."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

# Result of a workload (worst first) -> its name in the headline.
_RESULTS = {
    "fail": "failed",
    "unknown": "unknown",
    "warn": "with warnings",
    "waived": "waived",
    "pass": "passed",
    "not_applicable": "not applicable",
}


# The same for expected names without a workload.
_MISSING = {"fail": "not found", "unknown": "unknown", "waived": "waived"}


def build_headline(
    totals: Mapping[str, t.Any], data_sources: Sequence[Mapping[str, t.Any]], *, compliant: bool, failed_checks: int
) -> str:
    """Return a text such as "Not compliant: 7 of 19 workloads failed, 12 passed; 1 of 2 servers could not be read".

    ``failed_checks`` is the number of data quality checks that failed for servers that were read.
    """
    workloads = f"of {_counted(totals['workloads'], 'workload')}"
    parts = [_list_counts(totals["verdicts"], _RESULTS, workloads) or "no workloads were evaluated"]
    first = next((totals["missing"][name] for name in _MISSING if totals["missing"][name]), 0)
    parts.append(_list_counts(totals["missing"], _MISSING, f"expected workload{'' if first == 1 else 's'}"))
    unread = sum("failure" in source for source in data_sources)
    partial = sum(source.get("complete") is not True for source in data_sources) - unread
    servers = f"of {_counted(len(data_sources), 'server')}"
    parts.append(f"{unread} {servers} could not be read" if unread else "")
    parts.append(f"{partial} {servers} could only be partially read" if partial else "")
    parts.append(f"{_counted(failed_checks, 'data quality check')} failed" if failed_checks else "")
    return f"{'Compliant' if compliant else 'Not compliant'}: {'; '.join(filter(None, parts))}"


def _list_counts(counts: Mapping[str, int], names: Mapping[str, str], noun: str) -> str:
    """List the counts that are not 0. ``noun`` is added to the first one."""
    texts = [f"{counts[name]} {text}" for name, text in names.items() if counts[name]]
    return ", ".join([texts[0].replace(" ", f" {noun} ", 1), *texts[1:]]) if texts else ""


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
