# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about numbers and ages of points, locks, sizes and failed runs."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.evidence import FAIL, PASS, UNKNOWN, Evidence, Outcome
from tests.reference.policies import Rule
from tests.reference.states import DEFAULT_KINDS, Item
from tests.reference.views import CLOCK_TOLERANCE, View

# Only the newest points of each kind have a stored size.
SIZES_OF_KIND = 31


@dataclass(frozen=True)
class Counts:
    """Numbers of points in the window of a rule, including undated ones."""

    t: int
    u: int
    f: int
    weak_f: int
    hidden: bool

    def nothing(self) -> bool:
        return self.t + self.u + self.f + self.weak_f == 0 and not self.hidden


def get_counts(evidence: Evidence, rule: Rule) -> Counts:
    numbers = {"T": 0, "U": 0, "F": 0, "weak F": 0}
    for item in evidence.items:
        if item.undated or rule.within is None or item.last >= evidence.as_of - rule.within:
            numbers[item.state] += item.number
    return Counts(numbers["T"], numbers["U"], numbers["F"], numbers["weak F"], evidence.hidden_in_window(rule.within))


def min_count(t: int, t_and_u: int, hidden: bool, limit: int) -> Outcome:
    if t >= limit:
        return PASS
    return UNKNOWN if t_and_u >= limit or hidden else FAIL


def max_count(counts: Counts, limit: int) -> Outcome:
    if counts.t + counts.u <= limit and not counts.hidden:
        return Outcome("pass", counts.t + counts.u)
    return UNKNOWN if counts.t <= limit else FAIL


def every(counts: Counts) -> Outcome:
    """Evaluate `all`."""
    if counts.f > 0 or counts.nothing():
        return FAIL
    if counts.t > 0 and counts.u + counts.weak_f == 0 and not counts.hidden:
        return PASS
    return UNKNOWN


def none(counts: Counts) -> Outcome:
    if counts.t > 0 or counts.nothing():
        return FAIL
    if counts.f > 0 and counts.u == 0 and not counts.hidden:
        return PASS
    return UNKNOWN


def max_age(evidence: Evidence, limit: int) -> Outcome:
    ages = [evidence.age(item.last) for item in evidence.dated("T")]
    if ages and min(ages) <= limit:
        return Outcome("pass", min(ages))
    if evidence.undated_u() or evidence.hidden_at_most(limit):
        return UNKNOWN
    if any(evidence.age(item.last) <= limit for item in evidence.dated("U")):
        return UNKNOWN
    return FAIL


def is_retained(item: Item, evidence: Evidence, limit: int) -> bool:
    """Return whether a point was at least this old when it was read."""
    created = item.start + 1 if has_fraction(item) else item.start
    return evidence.calendar.elapsed(created, item.read_at) >= limit


def has_fraction(item: Item) -> bool:
    """Return whether the time had a fraction of a second. The ends of a continuous point have none."""
    return item.point is not None and item.point.fraction and item.point.kind != "continuous"


def min_retention(evidence: Evidence, limit: int) -> Outcome:
    if any(is_retained(item, evidence, limit) for item in evidence.dated("T")):
        return PASS
    if evidence.undated_u() or any(is_retained(item, evidence, limit) for item in evidence.dated("U")):
        return UNKNOWN
    for hidden in evidence.hidden:
        if hidden.first is None or evidence.calendar.elapsed(hidden.first, hidden.read_at) >= limit:
            return UNKNOWN
    return FAIL


def max_retention(evidence: Evidence, limit: int) -> Outcome:
    t_ages = [evidence.age(item.start) for item in evidence.dated("T")]
    ages = t_ages + [evidence.age(item.start) for item in evidence.dated("U")]
    hidden_older = any(hidden.first is None or evidence.age(hidden.first) > limit for hidden in evidence.hidden)
    oldest = max(ages, default=0)
    if oldest <= limit and not hidden_older and not evidence.undated_u():
        return Outcome("pass", oldest)
    return UNKNOWN if max(t_ages, default=0) <= limit else FAIL


def max_check_age(evidence: Evidence, limit: int) -> Outcome:
    """Evaluate `integrity_checked.max_age`: the age is that of the check."""

    def checked_at(item: Item) -> int | None:
        time = item.point.checked_at if item.point is not None else None
        if item.point is None or time is None or time > evidence.as_of + CLOCK_TOLERANCE:
            return None
        return None if time < item.point.created - CLOCK_TOLERANCE else time

    t_times = [checked_at(item) for item in evidence.dated("T")]
    u_times = [checked_at(item) for item in evidence.dated("U")]
    ages = [evidence.age(time) for time in t_times if time is not None]
    if ages and min(ages) <= limit:
        return Outcome("pass", min(ages))
    if None in t_times or evidence.undated_u() or evidence.hidden:
        return UNKNOWN
    if any(time is None or evidence.age(time) <= limit for time in u_times):
        return UNKNOWN
    return FAIL


def min_lock(evidence: Evidence, limit: int) -> Outcome:
    def is_locked(item: Item) -> bool:
        until = item.point.immutable_until if item.point is not None else None
        return until is None or until - evidence.as_of >= limit

    if any(is_locked(item) for item in evidence.dated("T")):
        return PASS
    if any(is_locked(item) for item in evidence.dated("U")) or evidence.undated_u() or evidence.hidden:
        return UNKNOWN
    return FAIL


def max_failed_runs(view: View, rule: Rule) -> Outcome:
    begin = None if rule.within is None else view.as_of - rule.within
    failed = 0
    possible = 0
    for entry in view.entries:
        status = entry.point.status
        if entry.undated:
            possible += entry.number if status in ["failed", "unknown"] else 0
        elif begin is None or entry.point.created >= begin:
            failed += status == "failed"
            possible += status == "unknown"
    hidden = any(begin is None or hidden.last >= begin for hidden in view.hidden)
    if failed + possible <= rule.limit and not hidden and view.result.failed_runs is True:
        return Outcome("pass", failed + possible)
    return UNKNOWN if failed <= rule.limit else FAIL


def newest_of_kind(view: View, kind: str, number: int) -> list[int]:
    """Return the indexes of the newest dated points of a type, in any state."""
    indexes = [i for i, entry in enumerate(view.entries) if entry.point.kind == kind and not entry.undated]
    indexes.sort(key=lambda i: view.entries[i].point.created, reverse=True)
    return indexes[:number]


def size(view: View, evidence: Evidence, percent: int) -> Outcome:
    """Evaluate `size.min_percent_of_median`."""
    t_items = evidence.dated("T")
    u_items = evidence.dated("U")
    if not t_items:
        nothing = not u_items and not evidence.undated_u() and not evidence.hidden
        return FAIL if nothing else UNKNOWN
    newest = max(item.last for item in t_items)
    if any(item.last >= newest for item in u_items) or evidence.undated_u():
        return UNKNOWN
    if any(hidden.first is not None for hidden in evidence.hidden):
        return UNKNOWN
    kept: list[int] = []
    for kind in DEFAULT_KINDS:
        kept += [id(view.entries[index].point) for index in newest_of_kind(view, kind, SIZES_OF_KIND)]
    at_newest = [item for item in t_items if item.last == newest]
    sizes = [item.point.size_bytes if item.point and id(item.point) in kept else None for item in at_newest]
    if None in sizes:
        return UNKNOWN
    smallest = min(rounded(size_) for size_ in sizes if size_ is not None)
    outcomes: list[Outcome] = []
    for item, size_ in zip(at_newest, sizes, strict=True):
        if size_ is not None and rounded(size_) == smallest and item.point:
            others = [
                other.point.size_bytes
                for other in t_items
                if other is not item and other.point and other.point.kind == item.point.kind and id(other.point) in kept
            ]
            if may_lack_others(view, evidence, item.point.kind):
                outcomes.append(UNKNOWN)
            else:
                outcomes.append(size_against(smallest, others, percent))
    return worst(outcomes)


def may_lack_others(view: View, evidence: Evidence, kind: str) -> bool:
    """Return whether one of the newest points of a type is unknown, or may be hidden before `since`."""
    newest = newest_of_kind(view, kind, SIZES_OF_KIND)
    points = [id(view.entries[index].point) for index in newest]
    if any(id(item.point) in points for item in evidence.dated("U")):
        return True
    return len(newest) < SIZES_OF_KIND and any(hidden.first is None for hidden in evidence.hidden)


def size_against(newest: int, others: list[int | None], percent: int) -> Outcome:
    known = sorted(rounded(other) for other in others if other is not None)
    if len(known) < len(others) or len(known) < 3:
        return UNKNOWN
    median = known[(len(known) + 1) // 2 - 1]
    if median == 0:
        return UNKNOWN
    return PASS if rounded(newest) * 100 >= percent * median else FAIL


def rounded(size_: int) -> int:
    """Round a size down to eight significant bits."""
    divisor = 1
    while size_ // divisor > 255:
        divisor *= 2
    return size_ // divisor * divisor


def worst(outcomes: list[Outcome]) -> Outcome:
    for result in ["fail", "unknown", "warn"]:
        for outcome in outcomes:
            if outcome.result == result:
                return outcome
    return outcomes[0]
