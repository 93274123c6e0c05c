# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`restore_tested.max_age` and `max_restore_time`: the newest test of a workload."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.reference.days import Calendar
from tests.reference.evidence import FAIL, UNKNOWN, Outcome
from tests.reference.policies import Rule
from tests.reference.restore_records import counting_records, is_misdated, own_test, record_result
from tests.reference.states import DEFAULT_KINDS, base_state, is_accepted
from tests.reference.views import Entry, View


@dataclass(frozen=True)
class Test:
    tested_at: int
    result: str
    seconds: int | None


@dataclass
class Tests:
    """The tests of one row, or of several rows in real time."""

    tests: list[Test] = field(default_factory=list)
    # A T without `tested_at`, a U, an undated U or any hidden time.
    unknown_tests: bool = False
    hidden: bool = False


def has_tests(view: View) -> bool:
    """Return whether a row has restore test records, a point with a test time, or hidden time."""
    return (
        bool(view.tests)
        or bool(view.hidden)
        or any(not entry.undated and entry.point.tested_at is not None for entry in view.entries)
    )


def get_state(entry: Entry, rule: Rule, view: View) -> str:
    """Return the state before records and expiry."""
    state = base_state(entry, rule, view)
    return "U" if view.only_unknown and state != "absent" else state


def product_tests(view: View, rule: Rule) -> list[Test]:
    """Return the tests of the product itself, including those of unusable points."""
    tests: list[Test] = []
    for entry in view.entries:
        tested_at = own_test(entry.point, view)
        if not entry.undated and tested_at is not None and entry.point.kind in [*DEFAULT_KINDS, "unknown"]:
            tests.append(Test(tested_at, product_result(entry, rule, view, tested_at), None))
    return tests


def product_result(entry: Entry, rule: Rule, view: View, tested_at: int) -> str:
    point = entry.point
    if is_misdated(tested_at, point.created) or not is_accepted(point, "restore_tested", rule.accept):
        return "unknown"
    if point.restore_tested is False:
        return "failed"
    return "passed" if get_state(entry, rule, view) == "T" else "unknown"


def may_have_newer_test(entry: Entry, rule: Rule, view: View) -> bool:
    """Return whether the time of a successful test of a point is unknown."""
    state = get_state(entry, rule, view)
    if entry.undated:
        return state in ["T", "U"]
    return state == "U" or (state == "T" and own_test(entry.point, view) is None)


def add_row(found: Tests, view: View, rule: Rule) -> None:
    for record in counting_records(view):
        found.tests.append(Test(record.tested_at, record_result(record), record.seconds))
    found.tests += product_tests(view, rule)
    if view.hidden or any(may_have_newer_test(entry, rule, view) for entry in view.entries):
        found.unknown_tests = True
    found.hidden = found.hidden or bool(view.hidden)


def add_row_with_clock_off(found: Tests, view: View, rule: Rule) -> None:
    """Add one of several combined rows without any known time: only undated U."""
    states = [get_state(entry, rule, view) for entry in view.entries]
    if "T" in states or "U" in states or view.hidden:
        found.unknown_tests = True


def tests_of_rows(views: list[View], rule: Rule) -> Tests:
    found = Tests()
    for view in views:
        if view.clock_off and len(views) > 1:
            add_row_with_clock_off(found, view, rule)
        else:
            add_row(found, view, rule)
    return found


def newest_tests(tests: list[Test]) -> tuple[str, list[Test]]:
    """Return the result of the newest test, and all tests at that time. A failed one counts first."""
    if not tests:
        return "none", []
    time = max(test.tested_at for test in tests)
    newest = [test for test in tests if test.tested_at == time]
    for result in ["failed", "unknown"]:
        if any(test.result == result for test in newest):
            return result, newest
    return "passed", newest


def max_test_age(found: Tests, limit: int, as_of: int, calendar: Calendar) -> Outcome:
    result, newest = newest_tests(found.tests)
    if result != "passed":
        return FAIL if result == "failed" else UNKNOWN
    age = calendar.elapsed(newest[0].tested_at, as_of)
    if age <= limit:
        return UNKNOWN if found.hidden else Outcome("pass", age)
    return UNKNOWN if found.unknown_tests else FAIL


def max_restore_time(found: Tests, limit: int) -> Outcome:
    result, newest = newest_tests(found.tests)
    if result != "passed":
        return FAIL if result == "failed" else UNKNOWN
    seconds = [test.seconds for test in newest if test.seconds is not None]
    if any(value > limit for value in seconds):
        return FAIL
    if len(seconds) < len(newest) or found.hidden:
        return UNKNOWN
    return Outcome("pass", max(seconds))
