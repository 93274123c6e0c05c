# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words that all parts of the policy engine share: results, certainties, what a control is, what a read proves."""

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

# In rising order, so that the verdict on a workload is the largest of its results.
NOT_APPLICABLE, PASS, WAIVED, WARN, UNKNOWN, FAIL = range(6)
RESULTS = ("not_applicable", "pass", "waived", "warn", "unknown", "fail")

# In falling order of weight: what a result rests on.
EXACT, ATTESTED, ESTIMATED, UNPROVED = range(4)
CERTAINTIES = ("exact", "attested", "estimated", "unknown")

# Stands in a text for the measured value; the value is kept beside the text, so that 50,000 findings share one text.
HOLE = "\0"

Row = Mapping[str, t.Any]

# The rules and facets of one row look at the same few times again and again.
parsed = functools.lru_cache(maxsize=256)(parse_time)


def parsed_or_none(time: str | None) -> int | None:
    """A time in microseconds since 1970 UTC; None if there is none."""
    return None if time is None else parsed(time)


# (result, certainty, actual, text, possible): possible = the most points (or places) that may count, T + U.
Outcome = tuple[int, int, "int | None", str, int]


@dataclasses.dataclass(slots=True, kw_only=True)
class Context:
    """What one READ lets one say about time: its rows are judged at ``now``, as_of told by the server's clock."""

    now: int
    read_at: int
    since: int | None = None
    # Only where the READ stops before it was made.
    until: int | None = None
    # Why times of this server prove nothing.
    clock_off: str | None = None

    def unread(self, back_to: int | None = None) -> str | None:
        """What was not read of the time from ``back_to`` (None: ever) up to now, or None if all of it was."""
        if self.until is not None:
            return f"points after {format_time(self.until)} were not read"
        if self.since is not None and (back_to is None or self.since > back_to):
            return f"points before {format_time(self.since)} were not read"
        return None


@dataclasses.dataclass(slots=True)
class View:
    """What a row says about one facet: points known to have it, known not to have it, and those of unknown."""

    row: Row
    count: int = 0
    unknown: int = 0
    false: int = 0
    # Points that are unknown only because the policy does not accept an estimate or an attestation.
    refused: int = 0
    newest: str | None = None
    oldest: str | None = None
    newest_unknown: str | None = None
    oldest_unknown: str | None = None
    newest_false: str | None = None
    tested_at: str | None = None
    # Whatever holds gaps, calendar and possible: the row itself, or the facet.
    history: Row = dataclasses.field(default_factory=dict)
    # Whether that tells only the longest that a gap, and the shortest that a run can be.
    bounds_only: bool = False

    @property
    def nothing(self) -> bool:
        """No point has the facet and none may have it."""
        return not (self.count or self.unknown or self.newest)

    def unknown_reason(self) -> str:
        """Why some points are of unknown, for people."""
        if self.refused:
            return f"of {self.refused} points this is only estimated or attested, which the policy does not accept"
        return f"of {self.unknown} points the product does not tell"


Evaluate = Callable[[View, "Control", Context], Outcome]


@dataclasses.dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of one control; HOLE stands for the measured value."""

    passed: str
    failed: str
    # No point at all.
    empty: str
    # What would have to be true, after "cannot tell whether".
    claim: str


@dataclasses.dataclass(slots=True, kw_only=True)
class Control:
    """One rule on one facet with its limit, compiled: what is asked of each row."""

    name: str
    evaluate: Evaluate
    view: Callable[[Row, frozenset[int]], View]
    combine: str
    unit: str
    limit: int
    words: Wording
    # ``limit`` in microseconds, and from which age on it warns.
    limit_micros: int = 0
    warn_micros: int = 0
    # Whether less is better.
    ceiling: bool = False
    # Seconds; None = ever.
    within: int | None = None
    # What an unknown becomes.
    on_unknown: int = FAIL
    # Certainties that count beside exact.
    accept: frozenset[int] = frozenset()
    # Days that count, Monday = 0; None = all.
    workdays: frozenset[int] | None = None
    # For locations: how old the newest point of a place may be, in microseconds.
    young: int | None = None
    # For copies: production counts as one.
    offset: int = 0
    # Where its texts and limits are kept in the findings.
    number: int = 0


def unknown(control: Control, why: str, actual: int | None = None, possible: int = 0) -> Outcome:
    """The outcome that nothing can be said, and why."""
    return (UNKNOWN, UNPROVED, actual, f"cannot tell whether {control.words.claim}: {why}", possible)


def seconds(micros: int) -> int:
    """Whole seconds, rounded up, never less than none: no age is told younger than it is."""
    return max(0, -(-micros // SECOND))


def shown(value: int | None, unit: str, limit: int | None = None) -> str:
    """A measured value for people; where rounding would hide that it is over the limit, what it is over."""
    if value is None:
        return "unknown"
    if unit == "seconds":
        text = format_duration(value)
        if limit is not None and value > limit and text == format_duration(limit):
            return f"{text} and {format_duration(value - limit)}"
        return text
    return f"{value}%" if unit == "percent" else str(value)
