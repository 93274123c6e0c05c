# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`max_gap`, `daily` to `yearly` and `min_coverage`."""

from __future__ import annotations

from tests.reference.days import Calendar, get_period, next_period, previous_period
from tests.reference.evidence import FAIL, PASS, UNKNOWN, Evidence, Outcome
from tests.reference.policies import Rule

# A range of seconds, both ends included. Null means that it has no start.
Span = tuple[int | None, int]


def get_spans(evidence: Evidence, *states: str) -> list[Span]:
    return [(item.first, item.last) for item in evidence.dated(*states)]


def hidden_spans(evidence: Evidence) -> list[Span]:
    return [(hidden.first, hidden.last) for hidden in evidence.hidden]


def clipped(spans: list[Span], begin: int, end: int) -> list[tuple[int, int]]:
    """Return the parts of the spans at or after `begin`. Seconds after `end` are at `end`."""
    parts: list[tuple[int, int]] = []
    for first, last in spans:
        if last >= begin:
            start = begin if first is None else max(first, begin)
            parts.append((min(start, end), min(last, end)))
    return parts


def widest_gap(spans: list[tuple[int, int]], calendar: Calendar) -> int:
    """Return the longest elapsed time between two neighboring boundaries."""
    spans = sorted(spans)
    longest = 0
    reached = spans[0][0]
    for first, last in spans:
        longest = max(longest, calendar.elapsed(reached, first))
        reached = max(reached, last)
    return longest


def max_gap(evidence: Evidence, rule: Rule) -> Outcome:
    t_spans = get_spans(evidence, "T")
    other_spans = get_spans(evidence, "U") + hidden_spans(evidence)
    if not t_spans and not other_spans and not evidence.undated_u():
        return FAIL
    if rule.within is not None:
        return gap_in_window(evidence, rule, t_spans, other_spans, evidence.as_of - rule.within)
    return gap_in_history(evidence, rule, t_spans, other_spans)


def gap_in_window(evidence: Evidence, rule: Rule, t_spans: list[Span], other_spans: list[Span], begin: int) -> Outcome:
    ends = [(begin, begin), (evidence.as_of, evidence.as_of)]
    gap = widest_gap(ends + clipped(t_spans, begin, evidence.as_of), rule.calendar)
    if gap <= rule.limit and t_spans:
        return Outcome("pass", gap)
    gap = widest_gap(ends + clipped(t_spans + other_spans, begin, evidence.as_of), rule.calendar)
    return UNKNOWN if gap <= rule.limit or evidence.undated_u() else FAIL


def gap_in_history(evidence: Evidence, rule: Rule, t_spans: list[Span], other_spans: list[Span]) -> Outcome:
    as_of = evidence.as_of
    hidden_before = any(hidden.first is None for hidden in evidence.hidden)
    starts = [first for first, _last in get_spans(evidence, "T", "U")]
    firsts = [first for first in starts if first is not None]
    if t_spans and len(firsts) == len(starts) and not evidence.undated_u() and not hidden_before:
        begin = min(*firsts, as_of)
        ends = [(begin, begin), (as_of, as_of)]
        gap = widest_gap(ends + clipped(t_spans, begin, as_of), rule.calendar)
        if gap <= rule.limit:
            return Outcome("pass", gap)
    if evidence.undated_u():
        return UNKNOWN
    if t_spans:
        begin = min(as_of if first is None else first for first, _last in t_spans)
    else:
        begin = max(last for _first, last in other_spans)
    begin = min(begin, as_of)
    ends = [(begin, begin), (as_of, as_of)]
    gap = widest_gap(ends + clipped(t_spans + other_spans, begin, as_of), rule.calendar)
    return UNKNOWN if gap <= rule.limit else FAIL


def holds(spans: list[Span], begin: int, end: int) -> bool:
    """Return whether a second of the spans is in [begin, end)."""
    return any(last >= begin and (first is None or first < end) for first, last in spans)


def get_run(spans: list[Span], evidence: Evidence, rule: Rule) -> int:
    """Return the number of consecutive periods with a point, counted back from `as_of`, up to the limit."""
    calendar = rule.calendar
    period = get_period(rule.name, calendar.get_day(evidence.as_of))
    run = 0
    is_first = True
    earliest = min((last if first is None else first for first, last in spans), default=0)
    endless = any(first is None for first, _last in spans)
    while run < rule.limit:
        begin = calendar.start(period)
        end = calendar.start(next_period(rule.name, period))
        if endless and end <= earliest:
            # Every earlier period has a hidden second.
            return rule.limit
        if holds(spans, begin, end):
            run += 1
        elif not is_first and begin < end and not (rule.name == "daily" and not calendar.is_selected(period)):
            break
        is_first = False
        period = previous_period(rule.name, period)
    return run


def periods(evidence: Evidence, rule: Rule) -> Outcome:
    """Evaluate `daily`, `weekly`, `monthly` or `yearly`."""
    t_spans = get_spans(evidence, "T")
    if get_run(t_spans, evidence, rule) >= rule.limit:
        return PASS
    possible = t_spans + get_spans(evidence, "U") + hidden_spans(evidence)
    return UNKNOWN if evidence.undated_u() or get_run(possible, evidence, rule) >= rule.limit else FAIL


def covered(spans: list[Span], age: int, begin: int, end: int, calendar: Calendar) -> int:
    """Return the elapsed time of the window that is covered; each span covers `age` more seconds."""
    parts = sorted((begin if first is None else max(first, begin), min(last + age, end)) for first, last in spans)
    total = 0
    reached = begin
    for first, last in parts:
        total += calendar.elapsed(max(first, reached), last)
        reached = max(reached, last)
    return total


def min_coverage(evidence: Evidence, rule: Rule) -> Outcome:
    assert rule.within is not None
    begin, end = evidence.as_of - rule.within, evidence.as_of
    length = rule.calendar.elapsed(begin, end)
    if length == 0:
        return UNKNOWN
    t_spans = get_spans(evidence, "T")
    if covered(t_spans, rule.coverage_age, begin, end, rule.calendar) * 100 >= rule.limit * length:
        return PASS
    possible = t_spans + get_spans(evidence, "U") + hidden_spans(evidence)
    enough = covered(possible, rule.coverage_age, begin, end, rule.calendar) * 100 >= rule.limit * length
    return UNKNOWN if enough or evidence.undated_u() else FAIL
