# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of an assessment in one line."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

# Result of a workload, worst first, and how the headline names it.
_RESULTS = {
    "fail": "failed",
    "unknown": "unknown",
    "warn": "with warnings",
    "waived": "waived",
    "pass": "passed",
    "not_applicable": "not applicable",
}


def build_headline(totals: Mapping[str, t.Any], data_sources: Sequence[Mapping[str, t.Any]], *, compliant: bool) -> str:
    """Return for example "Not compliant: 7 of 19 workloads failed, 12 passed; 1 of 2 servers could not be read"."""
    counts = [f"{totals['verdicts'][name]} {text}" for name, text in _RESULTS.items() if totals["verdicts"][name]]
    if counts:
        number, _blank, text = counts[0].partition(" ")
        counts[0] = f"{number} of {totals['workloads']} workload{'' if totals['workloads'] == 1 else 's'} {text}"
    parts = [", ".join(counts) or "no workloads were evaluated"]
    unread = sum("failure" in source for source in data_sources)
    partial = sum(source.get("complete") is not True for source in data_sources) - unread
    servers = f"of {len(data_sources)} server{'' if len(data_sources) == 1 else 's'}"
    if unread:
        parts.append(f"{unread} {servers} could not be read")
    if partial:
        parts.append(f"{partial} {servers} could only be partially read")
    return f"{'Compliant' if compliant else 'Not compliant'}: {'; '.join(parts)}"
