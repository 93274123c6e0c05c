# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types shared by all parts of the policy engine: results, certainties, controls, views, and the context of a read."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    SECOND,
    format_duration,
    format_time,
    parse_time,
)

# In ascending order, so that the verdict of a workload is the largest of its results.
NOT_APPLICABLE, PASS, WAIVED, WARN, UNKNOWN, FAIL = range(6)
RESULTS = ("not_applicable", "pass", "waived", "warn", "unknown", "fail")

# In descending order of weight: the basis of a result.
REPORTED, DECLARED, INFERRED, UNPROVED = range(4)
CERTAINTIES = ("reported", "declared", "inferred", "unknown")

# Placeholder for the measured value in a text; the value is stored separately, so that 50,000 findings share one text.
HOLE = "\0"
# \1ONE\2MANY\3: the first if the measured value is 1, else the second.
_NUMBER = re.compile("\1([^\2]*)\2([^\3]*)\3")

Row = Mapping[str, t.Any]

# The rules and attributes of one row parse the same few times repeatedly.
to_micros = functools.lru_cache(maxsize=256)(parse_time)


def to_micros_or_none(time: str | None) -> int | None:
    """Return a time in microseconds since 1970 UTC; None if there is none."""
    return None if time is None else to_micros(time)


# (result, certainty, actual, text, possible): possible = maximum of points (or locations) that may count, T + U.
Outcome = tuple[int, int, "int | None", str, int]


@dataclasses.dataclass(slots=True, kw_only=True)
class Context:
    """The times of one read result, all by the server's clock: its rows are evaluated at ``now``, which is as_of."""

    now: int
    # Points that the server listed existed then; whether they exist at ``now`` is not known.
    read_at: int
    since: int | None = None
    # Set only if the window of the read result ends before its read time.
    until: int | None = None
    # Reason why times of this server prove nothing.
    clock_off: str | None = None

    def unread_reason(self, back_to: int | None = None) -> str | None:
        """Return which part of the time from ``back_to`` (None: ever) up to now was not read; None if all of it was."""
        if self.until is not None:
            return f"recovery points after {format_time(self.until)} were not read"
        if self.since is not None and (back_to is None or self.since > back_to):
            return f"recovery points before {format_time(self.since)} were not read"
        return None


@dataclasses.dataclass(slots=True)
class View:
    """One attribute of a row: points known to have it, known not to have it, and those for which it is unknown."""

    row: Row
    count: int = 0
    unknown: int = 0
    false: int = 0
    # Points that are unknown only because the policy does not accept inferred or declared values.
    refused: int = 0
    newest: str | None = None
    oldest: str | None = None
    newest_unknown: str | None = None
    oldest_unknown: str | None = None
    newest_false: str | None = None
    tested_at: str | None = None
    # The mapping with gaps, calendar and possible: the row itself or the attribute.
    history: Row = dataclasses.field(default_factory=dict)
    # Whether these are only the maximum of a gap and the minimum of a run.
    bounds_only: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no point has the attribute and none may have it."""
        return not (self.count or self.unknown or self.newest)

    def unknown_reason(self, fact: str) -> str:
        """Return the reason why ``fact``, such as "off-site status", is unknown for some points."""
        if self.refused:
            points = count_points(self.refused)
            return f"{fact} only inferred or declared for {points}, which the policy does not accept"
        return f"{fact} unknown for {count_points(self.unknown)}"


Evaluate = Callable[[View, "Control", Context], Outcome]


@dataclasses.dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of one control; HOLE is the placeholder for the measured value."""

    passed: str
    failed: str
    # If there are no points.
    empty: str
    # What is measured, and the requirement; a rule without a measured value has an empty requirement.
    subject: str
    required: str
    # What is unknown about points that may have the attribute.
    fact: str = ""
    # If the newest point is older than the window of the rule, and if a gap is longer than the window.
    too_old: str = ""
    too_long: str = ""


@dataclasses.dataclass(slots=True, kw_only=True)
class Control:
    """One compiled rule of one attribute with its limit."""

    name: str
    evaluate: Evaluate
    view: Callable[[Row, frozenset[int]], View]
    combine: str
    unit: str
    limit: int
    wording: Wording
    # ``limit`` as the user wrote it.
    limit_text: str = ""
    # ``limit`` in microseconds, and the age above which it warns.
    limit_micros: int = 0
    warn_micros: int = 0
    # Whether less is better.
    ceiling: bool = False
    # Seconds; None = ever.
    within: int | None = None
    # Whether an unknown result makes the assessment not compliant.
    blocks_unknown: bool = True
    # Certainties that count in addition to reported.
    accept: frozenset[int] = frozenset()
    # Days that count, Monday = 0; None = all.
    workdays: frozenset[int] | None = None
    # For locations: maximum age of the newest point of a location, in microseconds.
    max_age_micros: int | None = None
    # For copies: production counts as one.
    offset: int = 0
    # Its number in the findings.
    number: int = 0


def unknown_outcome(control: Control, why: str, actual: int | None = None, possible: int = 0) -> Outcome:
    """Build an unknown outcome with its reason; a count has the number that is known."""
    wording = control.wording
    if not wording.required:
        text = f"{wording.subject}: {why}"
    elif control.unit == "count" and actual is not None:
        text = f"{wording.subject}: {HOLE} known, {wording.required}; {why}"
    else:
        text = f"{wording.subject} unknown ({wording.required}): {why}"
    return (UNKNOWN, UNPROVED, actual, text, possible)


def counted(one: str, many: str) -> str:
    """Return the placeholder for a measured count with its noun in singular and plural."""
    return f"{HOLE} \1{one}\2{many}\3"


def count_points(count: int) -> str:
    """Format a number of recovery points."""
    return f"{count} recovery point{'' if count == 1 else 's'}"


def fill_in(text: str, actual: int | None, unit: str, limit: t.Any) -> str:
    """Replace the placeholders in a text by the measured value."""
    if HOLE in text:
        # The measured value of a flag is a number of points.
        text = text.replace(HOLE, format_value(actual, "count" if unit == "flag" else unit, limit), 1)
    return _NUMBER.sub(r"\1" if actual == 1 else r"\2", text) if "\1" in text else text


def ceil_seconds(micros: int) -> int:
    """Return whole seconds, rounded up and never negative: no age is reported lower than it is."""
    return max(0, -(-micros // SECOND))


def format_value(value: int | None, unit: str, limit: int | None = None) -> str:
    """Format a measured value; if rounding would hide that it exceeds the limit, add the excess."""
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
