# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules for ages: of points, of tests and checks, and of locks."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.backup.audit.plugins.module_utils._core.model import POINT_ATTRIBUTES
from ansible_collections.backup.audit.plugins.module_utils._core.times import CLOCK_TOLERANCE
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.controls import Control
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points, View
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.reasons import hidden_reason, unknown_reason
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.recorded_tests import (
    FAILED,
    PASSED,
    UNCLEAR,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.states import get_certainty
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import Accept, Outcome

_RESTORE_TESTED = POINT_ATTRIBUTES.index("restore_tested")
_NO_TIME = "there may be restore tests on a server whose clock is off"


def max_age(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that the newest point is at most as old as the limit."""
    if points.clock_off:
        return control.unknown(points.clock_off)
    view = points.view(control.attribute, accept)
    newest = _newest(view, "T")
    age = None if newest is None else control.elapsed(newest, points.now)
    if age is not None and age <= control.limit:
        return control.passed(age)
    possible = _newest(view, "U")
    is_possible = possible is not None and control.elapsed(possible, points.now) <= control.limit
    if is_possible or view.has_undated or any(one.end is None for one in view.ranges):
        return control.unknown(unknown_reason(points, control, accept), age)
    if any(control.elapsed(end, points.now) <= control.limit for _start, end in points.hidden):
        return control.unknown(points.hidden_reason(), age)
    return control.failed(age)


def _newest(view: View, state: str) -> int | None:
    index = view.states.rfind(state)
    newest = None if index < 0 else view.times[index]
    for one in view.ranges:
        if one.end is not None and one.state == state and (newest is None or one.end > newest):
            newest = one.end
    return newest


def min_retention(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that the oldest point was at least as old as the limit when it was read."""
    if points.clock_off:
        return control.unknown(points.clock_off)
    view = points.view(control.attribute, accept)
    age = _longest_retention(points, view, control, "T")
    if age is not None and age >= control.limit:
        return control.passed(age)
    possible = _longest_retention(points, view, control, "U")
    is_possible = possible is not None and possible >= control.limit
    if is_possible or view.has_undated or any(one.start is None for one in view.ranges):
        return control.unknown(unknown_reason(points, control, accept), age)
    hidden_after = any(control.elapsed(start, end) >= control.limit for start, end in points.hidden_after)
    if points.has_hidden_past or hidden_after:
        return control.unknown(points.hidden_reason(), age)
    return control.failed(age)


def _longest_retention(points: Points, view: View, control: Control, state: str) -> int | None:
    """Return the highest age that a point had when it was read."""
    ages = []
    several = len(points.rows) > 1
    index = view.states.find(state)
    while index >= 0:
        place = points.indexes()[index]
        ages.append(control.elapsed(points.oldest_possible(place), points.read_at(place)))
        # In one row, only a point of the same second may be older, because of its fraction.
        if not several and (index + 1 >= len(view.times) or view.times[index + 1] > view.times[index]):
            break
        index = view.states.find(state, index + 1)
    for one in view.ranges:
        if one.start is not None and one.state == state:
            ages.append(control.elapsed(one.start, one.read_at))
    for added, read_at in view.removed if state == "U" else ():
        ages.append(control.elapsed(added, read_at))
    return max(ages, default=None)


def max_retention(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that no point is older than the limit."""
    if points.clock_off:
        return control.unknown(points.clock_off)
    view = points.view(control.attribute, accept)
    age = _oldest_age(points, view, control, "T")
    if age is not None and age > control.limit:
        return control.failed(age)
    possible = _oldest_age(points, view, control, "U")
    has_open_range = view.is_named and any(one.start is None for one in view.ranges)
    if (possible is not None and possible > control.limit) or view.has_undated or has_open_range:
        return control.unknown(unknown_reason(points, control, accept), age)
    hidden_after = any(control.elapsed(start, points.now) > control.limit for start, _end in points.hidden_after)
    if points.has_hidden_past or hidden_after:
        return control.unknown(points.hidden_reason(), age)
    return control.passed(max(age or 0, possible or 0))


def _oldest_age(points: Points, view: View, control: Control, state: str) -> int | None:
    index = view.states.find(state)
    times = [] if index < 0 else [view.times[index]]
    if view.is_named:
        times += [one.start for one in view.ranges if one.start is not None and one.state == state]
    return control.elapsed(min(times), points.now) if times else None


def tested_max_age(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that the newest restore test passed and is at most as old as the limit."""
    if points.clock_off:
        return control.unknown(points.clock_off)
    view = points.untested_view(control.attribute, accept)
    newest = _newest_tests(points, view, control, accept)
    if newest is None:
        return control.unknown(_undated_test(points, view) or "no restore test recorded")
    if outcome := _not_passed(points, control, newest):
        return outcome
    age = control.elapsed(newest[0], points.now)
    if age <= control.limit:
        doubt = hidden_reason(points) or (_NO_TIME if points.has_tests_without_time else None)
        return control.unknown(doubt, age) if doubt else control.passed(age)
    if undated := _undated_test(points, view):
        return control.unknown(undated, age)
    if view.states.count("U") or view.has_undated:
        return control.unknown(unknown_reason(points, control, accept), age)
    if reason := hidden_reason(points):
        return control.unknown(reason, age)
    return control.failed(age)


def _states(points: Points, view: View) -> Iterator[tuple[int, str]]:
    return zip(points.indexes(), view.states, strict=True)


def _undated_test(points: Points, view: View) -> str | None:
    """Return why the time of a passed test is unknown, or None if all times are known."""
    tested = [index for index, state in _states(points, view) if state == "T" and _test_time(points, index) is None]
    if not tested:
        return None
    is_future = any(points.moment("tested_at", index) is not None for index in tested)
    return "the date of a restore test is in the future" if is_future else "test date not reported"


def _test_time(points: Points, index: int) -> int | None:
    """Return the time of a point's test, or None if it is missing or in the future."""
    tested = points.moment("tested_at", index)
    return None if tested is None or tested > points.now + CLOCK_TOLERANCE else tested


# Time, result, duration in seconds, and message.
Newest = tuple[int, str, "int | None", str]


def _newest_tests(points: Points, view: View, control: Control, accept: Accept) -> Newest | None:
    """Return the newest restore test: recorded, or reported by the product with a date.

    If several have the same time, a failed one is preferred, then an unclear one, then the longest or unknown duration.
    """
    tests: list[Newest] = []
    for row in points.rows:
        if row.context.clock_off is None or len(points.rows) == 1:
            shift = row.context.shift if len(points.rows) > 1 else 0
            tests += [
                (test.tested_at - shift, test.result, test.seconds, test.message)
                for test in row.tests.all
                if test.tested_at - shift <= points.now + CLOCK_TOLERANCE
            ]
    for index, state in _states(points, view) if points.has_tests else ():
        tested, facts = _test_time(points, index), points.facts(index)
        if tested is not None and facts.kind in control.attribute.kinds:
            certainty = get_certainty(facts, control.attribute)
            result = PASSED if state == "T" else UNCLEAR
            if tested < points.time(index) - CLOCK_TOLERANCE or (certainty is not None and certainty not in accept):
                result = UNCLEAR
            elif facts.facts[_RESTORE_TESTED] is False:
                result = FAILED
            tests.append((tested, result, None, ""))
    order = {FAILED: 2, UNCLEAR: 1, PASSED: 0}
    return max(
        tests,
        key=lambda test: (test[0], order[test[1]], test[2] is None, test[2] or 0),
        default=None,
    )


def _not_passed(points: Points, control: Control, newest: Newest) -> Outcome | None:
    """Return the outcome if the newest restore test failed or its result is unclear, or None if it passed."""
    tested_at, result, _seconds, message = newest
    if result == FAILED:
        text = f"newest restore test ({points.format(tested_at)}) failed: {message or 'no reason given'}"
        return control.failed(None, text)
    return control.unknown("the result of the newest restore test is unknown") if result == UNCLEAR else None


def max_restore_time(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that the newest restore test passed and took at most as long as the limit."""
    view = points.untested_view(control.attribute, accept)
    newest = _newest_tests(points, view, control, accept)
    if newest is None:
        return control.unknown("no restore test recorded")
    if outcome := _not_passed(points, control, newest):
        return outcome
    tested_at, _result, seconds, _message = newest
    same = [test.seconds for row in points.rows for test in row.tests.all if test.tested_at == tested_at]
    longest = max((seconds for seconds in same if seconds is not None), default=0)
    if longest > control.limit:
        return control.failed(longest)
    if seconds is None:
        return control.unknown("duration of the newest restore test not reported")
    if reason := hidden_reason(points):
        return control.unknown(reason, seconds)
    return control.passed(seconds)


def checked_max_age(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that the newest integrity check of a listed point is at most as old as the limit."""
    if points.clock_off:
        return control.unknown(points.clock_off)
    view = points.view(control.attribute, accept)
    ages: list[int] = []
    undated = possible = False
    for index, state in _states(points, view):
        if state in "TU":
            check = points.moment("checked_at", index)
            is_valid = (
                check is not None and points.time(index) - CLOCK_TOLERANCE <= check <= points.now + CLOCK_TOLERANCE
            )
            age = control.elapsed(check, points.now) if check is not None and is_valid else None
            if state == "U":
                possible = possible or age is None or age <= control.limit
            elif age is None:
                undated = True
            else:
                ages.append(age)
    age = min(ages, default=None)
    if age is not None and age <= control.limit:
        return control.passed(age)
    if undated:
        return control.unknown("check date not reported", age)
    if possible or view.has_undated:
        return control.unknown(unknown_reason(points, control, accept), age)
    if reason := hidden_reason(points):
        return control.unknown(reason, age)
    return control.failed(age)


def min_lock(points: Points, control: Control, accept: Accept) -> Outcome:
    """Require that the lock of a point lasts at least as long as the limit, or has no end."""
    if points.clock_off:
        return control.unknown(points.clock_off)
    view = points.view(control.attribute, accept)
    longest = None
    possible = view.has_undated
    for index, state in _states(points, view):
        if state in "TU":
            end = points.moment("immutable_until", index)
            left = control.limit if end is None else end - points.now
            if state == "U":
                possible = possible or left >= control.limit
            elif longest is None or left > longest:
                longest = left
    if longest is not None and longest >= control.limit:
        return control.passed(longest)
    if possible:
        return control.unknown(unknown_reason(points, control, accept), longest)
    if reason := hidden_reason(points):
        return control.unknown(reason, longest)
    return control.failed(longest)
