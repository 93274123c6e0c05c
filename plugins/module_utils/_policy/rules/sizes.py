# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluator of the size rule: the newest recovery point compared with the median of its kind."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    PASS,
    REPORTED,
    Context,
    Control,
    Outcome,
    View,
    unknown_outcome,
)


def min_percent_of_median(view: View, control: Control, context: Context) -> Outcome:
    """The newest point has at least ``limit`` percent of the median size of its kind."""
    row = view.row
    if not view.count:
        if unread := context.unread_reason():
            return unknown_outcome(control, unread)
        return (FAIL, REPORTED, None, control.wording.empty, 0)
    size, median = row.get("newest_size_bytes"), row.get("median_size_bytes", {}).get(row.get("newest_kind"))
    if size is None or median is None:
        return unknown_outcome(control, "sizes not reported")
    if not median:
        return unknown_outcome(control, "the median is 0 bytes")
    if context.until is not None:
        return unknown_outcome(control, str(context.unread_reason()))
    passed = size * 100 >= control.limit * median
    wording = control.wording
    return (PASS if passed else FAIL, REPORTED, size * 100 // median, wording.passed if passed else wording.failed, 0)
