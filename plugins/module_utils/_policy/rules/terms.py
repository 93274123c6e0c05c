# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types shared by all parts of the policy engine: results, certainties, controls, views, and the context of a read."""

from __future__ import annotations

import dataclasses
import functools
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
    """The times of one read result: its rows are evaluated at ``now``, which is as_of on the server's clock."""

    now: int
    read_at: int
    since: int | None = None
    # Set only if the window of the read result ends before its read time.
    until: int | None = None
    # Reason why times of this server prove nothing.
    clock_off: str | None = None

    def unread_reason(self, back_to: int | None = None) -> str | None:
        """Return which part of the time from ``back_to`` (None: ever) up to now was not read; None if all of it was."""
        if self.until is not None:
            return f"points after {format_time(self.until)} were not read"
        if self.since is not None and (back_to is None or self.since > back_to):
            return f"points before {format_time(self.since)} were not read"
        return None


@dataclasses.dataclass(slots=True)
class View:
    """One attribute of a row: points known to have it, known not to have it, and those for which it is unknown."""

    row: Row
    count: int = 0
    unknown: int = 0
    false: int = 0
    # Points that are unknown only because the policy does not accept an inference or a declaration.
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

    def unknown_reason(self) -> str:
        """Return the reason why the attribute is unknown for some points."""
        if self.refused:
            return f"of {self.refused} points this is only inferred or declared, which the policy does not accept"
        return f"of {self.unknown} points the product does not tell"


Evaluate = Callable[[View, "Control", Context], Outcome]


@dataclasses.dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of one control; HOLE is the placeholder for the measured value."""

    passed: str
    failed: str
    # If there are no points.
    empty: str
    # The requirement, as used after "cannot tell whether".
    claim: str


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
    # ``limit`` in microseconds, and the age above which it warns.
    limit_micros: int = 0
    warn_micros: int = 0
    # Whether less is better.
    ceiling: bool = False
    # Seconds; None = ever.
    within: int | None = None
    # Result that replaces unknown.
    on_unknown: int = FAIL
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
    """Build an unknown outcome with its reason."""
    return (UNKNOWN, UNPROVED, actual, f"cannot tell whether {control.wording.claim}: {why}", possible)


def ceil_seconds(micros: int) -> int:
    """Return whole seconds, rounded up and never negative: no age is reported lower than it is."""
    return max(0, -(-micros // SECOND))


def format_value(value: int | None, unit: str, limit: int | None = None) -> str:
    """Format a measured value; if rounding would hide that it exceeds the limit, add the excess."""
    if value is None:
        return "unknown"
    if unit == "seconds":
        text = format_duration(value)
        if limit is not None and value > limit and text == format_duration(limit):
            return f"{text} and {format_duration(value - limit)}"
        return text
    return f"{value}%" if unit == "percent" else str(value)
