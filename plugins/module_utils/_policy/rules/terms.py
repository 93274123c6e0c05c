# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types shared by all parts of the policy engine: results, certainties, outcomes, controls and their texts."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.backup.audit.plugins.module_utils._core.times import format_duration

# In ascending order: the verdict of a workload is the maximum of its results.
NOT_APPLICABLE, PASS, WAIVED, WARN, UNKNOWN, FAIL = range(6)
RESULTS = ("not_applicable", "pass", "waived", "warn", "unknown", "fail")

# Basis of a result, strongest first.
REPORTED, DECLARED, INFERRED, UNPROVED = range(4)
CERTAINTIES = ("reported", "declared", "inferred", "unknown")

# Placeholder for the measured value in a text; the value is stored separately, so that 50,000 findings share one text.
HOLE = "\0"
# \1ONE\2MANY\3: the first text if the measured value is 1, else the second.
_NUMBER = re.compile("\1([^\2]*)\2([^\3]*)\3")

# (result, certainty, measured value, text)
Outcome = tuple[int, int, "int | None", str]
Accept = frozenset[int]


@dataclasses.dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of one control; HOLE is the placeholder for the measured value."""

    passed: str
    failed: str
    # If there are no points.
    empty: str
    # What is measured, and the requirement, which is empty for rules without a measured value.
    subject: str
    required: str
    # The unknown property of points that may have the attribute.
    fact: str = ""
    # If there is no point in the window of the rule.
    too_old: str = ""


def counted(one: str, many: str) -> str:
    """Return the placeholder for a measured count with its noun in singular and plural."""
    return f"{HOLE} \1{one}\2{many}\3"


def count_points(count: int) -> str:
    """Format a number of recovery points."""
    return f"{count} recovery point{'' if count == 1 else 's'}"


def fill_in(text: str, actual: int | None, unit: str, limit: t.Any) -> str:
    """Replace the placeholders in a text with the measured value."""
    if HOLE in text:
        # The measured value of a flag is a number of points.
        text = text.replace(HOLE, format_value(actual, "count" if unit == "flag" else unit, limit), 1)
    return _NUMBER.sub(r"\1" if actual == 1 else r"\2", text) if "\1" in text else text


def format_value(value: int | None, unit: str, limit: int | None = None) -> str:
    """Format a measured value. If rounding would hide that it exceeds the limit, add the excess."""
    if value is None:
        return "unknown"
    if unit == "flag":
        return "yes" if value else "no"
    if unit == "seconds":
        text = format_duration(value)
        if limit is not None and value > limit and text == format_duration(limit):
            return f"{text} and {format_duration(value - limit)}"
        return text
    return f"{value}%" if unit == "percent" else str(value)
